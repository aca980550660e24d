//! The table of statements is whole, and the tests that it names exist.

#[path = "../../../tests/common/statements.rs"]
mod table;

const FILES: [(&str, &str); 12] = [
    ("auth", include_str!("auth.rs")),
    ("connect", include_str!("connect.rs")),
    ("delivery", include_str!("delivery.rs")),
    ("durable", include_str!("durable.rs")),
    ("full", include_str!("full.rs")),
    ("limits", include_str!("limits.rs")),
    ("listeners", include_str!("listeners.rs")),
    ("retained", include_str!("retained.rs")),
    ("sessions", include_str!("sessions.rs")),
    ("shared", include_str!("shared.rs")),
    ("subscriptions", include_str!("subscriptions.rs")),
    ("wills", include_str!("wills.rs")),
];

#[test]
fn every_statement_names_its_tests() {
    let statements = include_str!("../../statements.tsv");
    let counts = table::check(statements, &["server", "both", "client", "network"], &FILES);
    assert_eq!(counts.statements, [("3.1.1".to_owned(), 41), ("5.0".to_owned(), 51)].into());
    assert!(counts.reasons < 16, "{}", counts.reasons);
    assert!(counts.tests.len() > 30, "{}", counts.tests.len());
}
