#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mqtt_wire_fuzz::broker::engine(bytes));
