#![no_main]

mqtt_wire_fuzz::packet_target!(stream, prefix 4, V5);
