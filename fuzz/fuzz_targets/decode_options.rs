#![no_main]

mqtt_wire_fuzz::packet_target!(decode_options, prefix 3, V5);
