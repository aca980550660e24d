#![no_main]

mqtt_wire_fuzz::target!(topic_syntax);
