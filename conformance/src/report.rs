//! Reports: a table for the terminal, JUnit XML, a matrix, the project's documents.

pub mod documents;
pub mod junit;
pub mod matrix;
pub mod others;
pub mod terminal;

use std::collections::BTreeMap;

use crate::results::{Outcome, Results};
use crate::suite::Prepared;

/// How many cases came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// As expected.
    pub passed: usize,
    /// Otherwise.
    pub failed: usize,
    /// Otherwise, where the standard leaves it open.
    pub free: usize,
    /// Not asked, or answered with `unsupported`.
    pub unsupported: usize,
}

impl Tally {
    /// Counts the outcomes of some cases.
    pub fn of<'a>(results: &Results, cases: impl IntoIterator<Item = &'a Prepared>) -> Self {
        let mut tally = Self::default();
        for case in cases {
            match results.of(case) {
                Outcome::Pass => tally.passed += 1,
                Outcome::Fail(_) => tally.failed += 1,
                Outcome::Free(_) => tally.free += 1,
                Outcome::Unsupported => tally.unsupported += 1,
            }
        }
        tally
    }

    /// The cases that count.
    pub const fn counted(self) -> usize {
        self.passed + self.failed
    }

    /// `98.3 %`.
    pub fn percent(self) -> String {
        match self.counted() {
            0 => "-".to_owned(),
            counted if self.failed == 0 => format!("100 % of {counted}"),
            // Never rounded up to all.
            counted => format!(
                "{}.{} % of {counted}",
                self.passed * 100 / counted,
                self.passed * 1000 / counted % 10
            ),
        }
    }
}

/// The cases of each family, in order.
fn by_family(cases: &[Prepared]) -> BTreeMap<&str, Vec<&Prepared>> {
    let mut families = BTreeMap::new();
    for case in cases {
        let family = case.case.id.split('/').next().unwrap_or_default();
        families.entry(family).or_insert_with(Vec::new).push(case);
    }
    families
}
