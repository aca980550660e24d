#![no_main]

mqtt_wire_fuzz::packet_target!(decode_v31, prefix 0, V31);
