//! JUnit XML: a test suite for each decoder and family, a test for each case.

use anyhow::Result;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::by_family;
use crate::results::{Outcome, Results};
use crate::suite::Prepared;

/// The report as XML.
///
/// # Errors
/// When it cannot be written as XML.
pub fn xml(cases: &[Prepared], all: &[Results]) -> Result<String> {
    let mut report = Report::new("mqtt-conformance");
    for results in all {
        for (family, cases) in by_family(cases) {
            let mut suite = TestSuite::new(format!("{}.{family}", results.decoder.name));
            suite.add_test_cases(cases.into_iter().map(|case| test(case, results)));
            report.add_test_suite(suite);
        }
    }
    Ok(report.to_string()?)
}

fn test(case: &Prepared, results: &Results) -> TestCase {
    let status = match results.of(case) {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Fail(failure) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status
                .set_type(failure.difference.name())
                .set_message(format!("{}: {}", case.case.title, failure.text));
            status
        }
        Outcome::Free(failure) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("left open by the standard: {}", failure.text));
            status
        }
        Outcome::Unsupported => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("unsupported: the decoder cannot be asked this");
            status
        }
    };
    let mut test = TestCase::new(case.case.id.clone(), status);
    test.set_classname(results.decoder.name.clone());
    test
}
