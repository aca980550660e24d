#![no_main]

mqtt_wire_fuzz::target!(convert);
