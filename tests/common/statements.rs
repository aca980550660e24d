//! The tables `statements.tsv` of the session layer, the client and the broker: each line is a statement of a standard with
//! the tests that show it kept, or, behind `- `, why there is none.
//!
//! A line has the version, the label, who keeps it, the names of the tests (`file::test`) or the reason, and what it says.

use std::collections::{BTreeMap, BTreeSet};

/// What a table has.
pub(crate) struct Counts {
    /// Statements by version.
    pub(crate) statements: BTreeMap<String, usize>,
    /// The tests that are named.
    pub(crate) tests: BTreeSet<String>,
    /// Statements with a reason instead of tests.
    pub(crate) reasons: usize,
}

/// Checks that the table is whole, that each keeper is one of `keepers`, and that the tests are there: `files` are their
/// names and texts.
pub(crate) fn check(table: &str, keepers: &[&str], files: &[(&str, &str)]) -> Counts {
    let tests: BTreeSet<String> = files
        .iter()
        .flat_map(|(name, text)| tests(text).map(move |test| format!("{name}::{test}")))
        .collect();
    let mut counts = Counts { statements: BTreeMap::new(), tests: BTreeSet::new(), reasons: 0 };
    let mut seen = BTreeSet::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let [version, label, keeper, names, summary] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert!(label.starts_with("MQTT-") && !summary.is_empty(), "{line}");
        assert!(keepers.contains(&keeper), "{line}");
        assert!(seen.insert((version, label)), "{line}");
        *counts.statements.entry(version.to_owned()).or_default() += 1;
        if let Some(reason) = names.strip_prefix("- ") {
            assert!(reason.split(' ').count() > 2, "{label} of {version} has no reason");
            counts.reasons += 1;
            continue;
        }
        for name in names.split(' ') {
            assert!(tests.contains(name), "{label} of {version}: there is no test {name}");
            counts.tests.insert(name.to_owned());
        }
    }
    counts
}

/// The names of the tests in the text of a file.
fn tests(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines().map(str::trim);
    std::iter::from_fn(move || {
        lines.find(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))?;
        let mut rest = lines.by_ref().skip_while(|line| line.starts_with("#["));
        let name = rest.next()?.trim_start_matches("async ").strip_prefix("fn ")?;
        name.split('(').next()
    })
}
