#![no_main]

mqtt_wire_fuzz::packet_target!(publish_head, prefix 4, V5);
