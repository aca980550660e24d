#![no_main]
#![allow(dead_code, reason = "the program's own `main` and the other targets are not here")]

include!("../src/inspect.rs");

mqtt_wire_fuzz::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inspect_payload(bytes));
