//! The table of statements is whole, and the tests that it names exist.

#[path = "../../../tests/common/statements.rs"]
mod table;

const FILES: [(&str, &str); 4] = [
    ("duties", include_str!("duties.rs")),
    ("failures", include_str!("failures.rs")),
    ("matrix", include_str!("matrix.rs")),
    ("session", include_str!("session.rs")),
];

#[test]
fn every_statement_names_its_tests() {
    let keepers = ["close", "clock", "store", "application"];
    let counts = table::check(include_str!("../../statements.tsv"), &keepers, &FILES);
    assert_eq!(counts.statements.values().sum::<usize>(), 28);
    assert_eq!(counts.reasons, 0);
    assert!(counts.tests.len() > 10, "{}", counts.tests.len());
}
