//! The command line of the suite.
fn main() -> anyhow::Result<()> {
    mqtt_conformance::generate::write_to(std::path::Path::new("corpus/conformance"))
}
