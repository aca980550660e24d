//! How many cases property tests draw.

/// That many where everything is tested: with `MQTT_WIRE_WHOLE` set, as `.ci/run` has it. Otherwise a quarter, so that the
/// tests are done in seconds. `PROPTEST_CASES` outweighs both.
pub(crate) fn cases(whole: u32) -> u32 {
    if std::env::var_os("PROPTEST_CASES").is_some() {
        proptest::prelude::ProptestConfig::default().cases
    } else if std::env::var_os("MQTT_WIRE_WHOLE").is_some() {
        whole
    } else {
        whole / 4
    }
}
