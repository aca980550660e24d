//! The table of statements is whole, and the tests that it names exist.

use std::collections::BTreeSet;

const TABLE: &str = include_str!("../../statements.tsv");
const FILES: [(&str, &str); 4] = [
    ("duties", include_str!("duties.rs")),
    ("failures", include_str!("failures.rs")),
    ("matrix", include_str!("matrix.rs")),
    ("session", include_str!("session.rs")),
];

#[test]
fn every_statement_names_its_tests() {
    let mut tests = BTreeSet::new();
    for (module, text) in FILES {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.trim() == "#[test]"
                && let Some(name) = lines.next().and_then(|line| line.strip_prefix("fn "))
            {
                tests.insert(format!("{module}::{}", name.split('(').next().unwrap()));
            }
        }
    }
    let mut seen = BTreeSet::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let [version, label, keeper, names, summary] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert!(label.starts_with("MQTT-") && !summary.is_empty(), "{line}");
        assert!(["close", "clock", "store", "application"].contains(&keeper), "{line}");
        assert!(seen.insert((version, label)), "{line}");
        for name in names.split(' ') {
            assert!(tests.contains(name), "{label} of {version}: there is no test {name}");
        }
    }
    assert_eq!(seen.len(), 28);
}
