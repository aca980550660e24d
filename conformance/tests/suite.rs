//! The suite on the library, each case a test of its own.

use libtest_mimic::{Arguments, Failed, Trial};
use mqtt_conformance::judge::{Strictness, Verdict, judge};
use mqtt_conformance::library::Library;
use mqtt_conformance::source::Source;
use mqtt_conformance::suite::{self, Prepared};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::from_args();
    let cases = match &arguments.filter {
        // What nextest asks for, a process for each case.
        Some(id) if arguments.exact => vec![suite::load_one(&Source::usual(), id)?],
        _ => suite::load(&Source::usual())?,
    };
    let lost: Vec<&str> =
        BEHIND.iter().copied().filter(|id| suite::load_one(&Source::usual(), id).is_err()).collect();
    anyhow::ensure!(lost.is_empty(), "BEHIND names cases that do not exist: {lost:?}");
    let trials = cases.into_iter().map(|case| Trial::test(case.case.id.clone(), move || run(&case)));
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn run(case: &Prepared) -> Result<(), Failed> {
    let is_behind = BEHIND.contains(&case.case.id.as_str());
    match judge(&mut Library, case, Strictness::Whole) {
        Verdict::Pass if is_behind => Err("it passes: take it off the list BEHIND".into()),
        Verdict::Pass => Ok(()),
        Verdict::Fail(..) if is_behind => Ok(()),
        Verdict::Fail(difference, text) => Err(format!(
            "{}\n{}\n{}\n{}: {text}",
            case.case.title,
            case.case.bytes.as_deref().unwrap_or_default().trim_end(),
            case.case.rules.join(", "),
            difference.name(),
        )
        .into()),
        Verdict::Unsupported => Err("it was not asked".into()),
    }
}

/// Cases that the library does not pass yet. None of them may pass: then it leaves the list.
#[rustfmt::skip]
const BEHIND: &[&str] = &[];
