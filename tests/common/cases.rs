//! How much the longer tests take on.

use proptest::prelude::ProptestConfig;

/// Whether everything is tested, which takes minutes: with `MQTT_WIRE_WHOLE` set, as `.ci/run` has it.
pub(crate) fn is_whole() -> bool {
    std::env::var_os("MQTT_WIRE_WHOLE").is_some()
}

/// How many cases a property test draws: that many where everything is tested, otherwise a quarter. `PROPTEST_CASES`
/// outweighs both.
pub(crate) fn cases(whole: u32) -> u32 {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default().cases,
        None if is_whole() => whole,
        None => whole / 4,
    }
}
