#![no_main]

use std::sync::Once;

use mqtt_wire_fuzz::differential;
use mqtt_wire_fuzz::libfuzzer_sys::fuzz_target;

static HOOK: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    HOOK.call_once(differential::catch_panics_elsewhere);
    differential::run(bytes);
});

mqtt_wire_fuzz::packet_mutator!(0, V5);
