//! Replays the corpus of the differential target, without a fuzzer.

use std::fs;
use std::path::Path;

use mqtt_wire_fuzz::differential::{self, Difference, KNOWN};

/// Every difference over the corpus, and the input that shows it.
fn differences() -> Vec<(Difference, Vec<u8>)> {
    differential::catch_panics_elsewhere();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/fuzz/differential");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let inputs: Vec<Vec<u8>> = entries
        .map(|entry| fs::read(entry.expect("an entry").path()).expect("a file that can be read"))
        .collect();
    assert!(!inputs.is_empty(), "no corpus");
    let each = |bytes: Vec<u8>| {
        differential::differences(&bytes).into_iter().map(move |difference| (difference, bytes.clone()))
    };
    inputs.into_iter().flat_map(each).collect()
}

#[test]
fn every_difference_is_a_known_one() {
    let unknown: Vec<String> = differences()
        .into_iter()
        .filter(|(difference, _)| !KNOWN.iter().any(|known| known.explains(difference)))
        .map(|(difference, bytes)| format!("{difference}: {bytes:02X?}"))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_known_difference_shows() {
    let differences = differences();
    for known in KNOWN {
        let shows = differences.iter().any(|(difference, _)| known.explains(difference));
        assert!(shows, "{}: {}", known.peer, known.why);
        assert!(!known.rule.is_empty());
    }
}
