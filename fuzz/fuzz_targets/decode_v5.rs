#![no_main]

mqtt_wire_fuzz::packet_target!(decode_v5, prefix 0, V5);
