//! The table of statements is whole, and the tests that it names exist.

use std::collections::{BTreeMap, BTreeSet};

const TABLE: &str = include_str!("../../statements.tsv");
const FILES: [(&str, &str); 5] = [
    ("auth", include_str!("auth.rs")),
    ("connect", include_str!("connect.rs")),
    ("limits", include_str!("limits.rs")),
    ("messages", include_str!("messages.rs")),
    ("time", include_str!("time.rs")),
];

#[test]
fn every_statement_names_its_tests() {
    let mut tests = BTreeSet::new();
    for (module, text) in FILES {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.trim() == "#[test]"
                && let Some(name) = lines.next().and_then(|line| line.trim().strip_prefix("fn "))
            {
                tests.insert(format!("{module}::{}", name.split('(').next().unwrap()));
            }
        }
    }
    let mut count = BTreeMap::new();
    let (mut seen, mut named) = (BTreeSet::new(), BTreeSet::new());
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let [version, label, keeper, names, summary] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert!(label.starts_with("MQTT-") && !summary.is_empty(), "{line}");
        assert!(["alone", "close", "clock", "store", "app"].contains(&keeper), "{line}");
        assert!(seen.insert((version, label)), "{line}");
        *count.entry(version).or_insert(0) += 1;
        assert!(!names.is_empty(), "{line}");
        for name in names.split(' ') {
            assert!(tests.contains(name), "{label} of {version}: there is no test {name}");
            named.insert(name.to_owned());
        }
    }
    assert_eq!(count, [("3.1.1", 43), ("5.0", 117)].into());
    assert!(named.len() >= 35, "{}", named.len());
}
