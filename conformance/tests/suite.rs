//! The suite on the library, each case a test of its own.

use libtest_mimic::{Arguments, Failed, Trial};
use mqtt_conformance::judge::{Strictness, Verdict, judge};
use mqtt_conformance::library::Library;
use mqtt_conformance::suite::{self, Prepared};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::from_args();
    let cases = match &arguments.filter {
        // What nextest asks for, a process for each case.
        Some(id) if arguments.exact => vec![suite::load_one(&suite::folder(), id)?],
        _ => suite::load(&suite::folder())?,
    };
    let lost: Vec<&str> =
        BEHIND.iter().copied().filter(|id| suite::load_one(&suite::folder(), id).is_err()).collect();
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
const BEHIND: &[&str] = &[
    "common-mistakes/5.0/emqx-18491/authentication-data",
    "connack/3.1.1/session-present/1-1",
    "connack/3.1.1/session-present/1-2",
    "connack/3.1.1/session-present/1-3",
    "connack/3.1.1/session-present/1-4",
    "connack/3.1.1/session-present/1-5",
    "connack/5.0/session-present/1-128",
    "connack/5.0/session-present/1-133",
    "connack/5.0/session-present/1-135",
    "connack/5.0/session-present/1-159",
    "connect-flags/3.1.1/18",
    "connect-flags/3.1.1/1a",
    "connect-flags/3.1.1/98",
    "connect-flags/3.1.1/9a",
    "connect-flags/3.1.1/d8",
    "connect-flags/3.1.1/da",
    "connect-flags/5.0/18",
    "connect-flags/5.0/1a",
    "connect-flags/5.0/58",
    "connect-flags/5.0/5a",
    "connect-flags/5.0/98",
    "connect-flags/5.0/9a",
    "connect-flags/5.0/d8",
    "connect-flags/5.0/da",
    "connect/5.0/authentication/data-alone",
    "connect/5.0/authentication/data-before-another",
    "connect/5.0/authentication/data-behind-another",
    "mqtt-3.1/3.1/connack/flags-0001",
    "mqtt-3.1/3.1/connack/flags-0010",
    "mqtt-3.1/3.1/connack/flags-0100",
    "mqtt-3.1/3.1/connack/flags-1000",
    "mqtt-3.1/3.1/connack/flags-1111",
    "mqtt-3.1/3.1/connect/flags-00000001",
    "mqtt-3.1/3.1/connect/flags-00000011",
    "mqtt-3.1/3.1/connect/flags-0001",
    "mqtt-3.1/3.1/connect/flags-0010",
    "mqtt-3.1/3.1/connect/flags-0100",
    "mqtt-3.1/3.1/connect/flags-1000",
    "mqtt-3.1/3.1/connect/flags-1111",
    "mqtt-3.1/3.1/connect/flags-11110111",
    "mqtt-3.1/3.1/disconnect/flags-0001",
    "mqtt-3.1/3.1/disconnect/flags-0010",
    "mqtt-3.1/3.1/disconnect/flags-0100",
    "mqtt-3.1/3.1/disconnect/flags-1000",
    "mqtt-3.1/3.1/disconnect/flags-1111",
    "mqtt-3.1/3.1/pingreq/flags-0001",
    "mqtt-3.1/3.1/pingreq/flags-0010",
    "mqtt-3.1/3.1/pingreq/flags-0100",
    "mqtt-3.1/3.1/pingreq/flags-1000",
    "mqtt-3.1/3.1/pingreq/flags-1111",
    "mqtt-3.1/3.1/pingresp/flags-0001",
    "mqtt-3.1/3.1/pingresp/flags-0010",
    "mqtt-3.1/3.1/pingresp/flags-0100",
    "mqtt-3.1/3.1/pingresp/flags-1000",
    "mqtt-3.1/3.1/pingresp/flags-1111",
    "mqtt-3.1/3.1/puback/flags-0001",
    "mqtt-3.1/3.1/puback/flags-0010",
    "mqtt-3.1/3.1/puback/flags-0100",
    "mqtt-3.1/3.1/puback/flags-1000",
    "mqtt-3.1/3.1/puback/flags-1111",
    "mqtt-3.1/3.1/pubcomp/flags-0001",
    "mqtt-3.1/3.1/pubcomp/flags-0010",
    "mqtt-3.1/3.1/pubcomp/flags-0100",
    "mqtt-3.1/3.1/pubcomp/flags-1000",
    "mqtt-3.1/3.1/pubcomp/flags-1111",
    "mqtt-3.1/3.1/pubrec/flags-0001",
    "mqtt-3.1/3.1/pubrec/flags-0010",
    "mqtt-3.1/3.1/pubrec/flags-0100",
    "mqtt-3.1/3.1/pubrec/flags-1000",
    "mqtt-3.1/3.1/pubrec/flags-1111",
    "mqtt-3.1/3.1/pubrel/0011",
    "mqtt-3.1/3.1/pubrel/1011",
    "mqtt-3.1/3.1/reported/connect-bit-0",
    "mqtt-3.1/3.1/reported/connect-header",
    "mqtt-3.1/3.1/reported/disconnect",
    "mqtt-3.1/3.1/reported/puback",
    "mqtt-3.1/3.1/suback/flags-0001",
    "mqtt-3.1/3.1/suback/flags-0010",
    "mqtt-3.1/3.1/suback/flags-0100",
    "mqtt-3.1/3.1/suback/flags-1000",
    "mqtt-3.1/3.1/suback/flags-1111",
    "mqtt-3.1/3.1/subscribe/0011",
    "mqtt-3.1/3.1/subscribe/1011",
    "mqtt-3.1/3.1/unsuback/flags-0001",
    "mqtt-3.1/3.1/unsuback/flags-0010",
    "mqtt-3.1/3.1/unsuback/flags-0100",
    "mqtt-3.1/3.1/unsuback/flags-1000",
    "mqtt-3.1/3.1/unsuback/flags-1111",
    "mqtt-3.1/3.1/unsubscribe/0011",
    "mqtt-3.1/3.1/unsubscribe/1011",
    "short-forms/5.0/auth/00-data",
    "short-forms/5.0/auth/00-data-last",
    "short-forms/5.0/auth/18-data",
    "short-forms/5.0/auth/18-data-last",
    "version-unknown/3.1.1/connect-flags",
    "version-unknown/3.1.1/connect-flags-at-level",
    "version-unknown/3.1/connect-bit-0",
    "version-unknown/3.1/connect-flags",
    "version-unknown/3.1/connect-flags-before-level",
    "version-unknown/3.1/connect-flags-first-byte",
];
