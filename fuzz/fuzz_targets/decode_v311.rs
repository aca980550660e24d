#![no_main]

mqtt_wire_fuzz::packet_target!(decode_v311, prefix 0, V311);
