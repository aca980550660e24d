//! The table of statements is whole, and the tests that it names exist.

#[path = "../../../tests/common/statements.rs"]
mod statements;

const FILES: [(&str, &str); 5] = [
    ("auth", include_str!("auth.rs")),
    ("connect", include_str!("connect.rs")),
    ("limits", include_str!("limits.rs")),
    ("messages", include_str!("messages.rs")),
    ("time", include_str!("time.rs")),
];

#[test]
fn every_statement_names_its_tests() {
    let keepers = ["alone", "close", "clock", "store", "app"];
    let counts = statements::check(include_str!("../../statements.tsv"), &keepers, &FILES);
    assert_eq!(counts.statements, [("3.1.1".to_owned(), 43), ("5.0".to_owned(), 117)].into());
    assert_eq!(counts.reasons, 0);
    assert!(counts.tests.len() >= 35, "{}", counts.tests.len());
}
