#![no_main]

mqtt_wire_fuzz::target!(kept);
