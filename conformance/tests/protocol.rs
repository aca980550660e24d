//! The line protocol: the library in a process of its own, and adapters that misbehave.

use mqtt_conformance::answer::{Decoder, Request, Status};
use mqtt_conformance::library::Library;
use mqtt_conformance::peer::Peer;
use mqtt_conformance::report::{Tally, terminal};
use mqtt_conformance::results::{self, Record};
use mqtt_conformance::source::Source;
use mqtt_conformance::suite;

#[test]
fn served_answers_are_those_in_process() {
    let cases = suite::load(&Source::usual()).unwrap();
    let mut peer = Peer::start(concat!(env!("CARGO_BIN_EXE_mqtt-conformance"), " serve")).unwrap();
    assert_eq!(peer.hello, results::library());
    // Every seventh case: all kinds of them, in a short time.
    for case in cases.iter().step_by(7) {
        for version in &case.case.versions {
            let request = Request::new(&case.case, &case.question, *version);
            assert_eq!(peer.ask(&request), Library.ask(&request), "{}", case.case.id);
        }
    }
}

#[test]
fn a_decoder_that_gives_no_answer_has_crashed() {
    // It says hello and then only what it is told, which is no answer.
    let hello = serde_json::to_string(&results::library()).unwrap();
    let script = std::env::temp_dir().join(format!("mqtt-conformance-echo-{}.sh", std::process::id()));
    std::fs::write(&script, format!("echo '{hello}'\nread line\nexit 1\n")).unwrap();
    let mut peer = Peer::start(&format!("sh {}", script.display())).unwrap();
    let cases = suite::load(&Source::usual()).unwrap();
    let case = &cases[0];
    let request = Request::new(&case.case, &case.question, case.case.versions[0]);
    for _ in 0..2 {
        assert_eq!(peer.ask(&request).status, Status::Crash);
    }
    std::fs::remove_file(script).unwrap();
}

#[test]
#[cfg(unix)]
fn a_decoder_that_reads_no_questions_has_crashed() {
    let hello = serde_json::to_string(&results::library()).unwrap();
    let script = std::env::temp_dir().join(format!("mqtt-conformance-deaf-{}.sh", std::process::id()));
    std::fs::write(&script, format!("echo '{hello}'\nexec sleep 60\n")).unwrap();
    let mut peer = Peer::start(&format!("sh {}", script.display())).unwrap();
    let cases = suite::load(&Source::usual()).unwrap();
    // A question that is longer than a pipe has room for.
    let case = cases.iter().find(|case| case.case.id.contains("activemq-2517/four-byte-length")).unwrap();
    let request = Request::new(&case.case, &case.question, case.case.versions[0]);
    assert!(serde_json::to_string(&request).unwrap().len() > 1 << 20);
    let start = std::time::Instant::now();
    assert_eq!(peer.ask(&request).status, Status::Crash);
    assert!(start.elapsed().as_secs() < 40, "it waited for the decoder to end");
    std::fs::remove_file(script).unwrap();
}

/// A script that says hello as the library does and then answers every question with the same line.
fn parrot(name: &str, answer: &str) -> std::path::PathBuf {
    let hello = serde_json::to_string(&results::library()).unwrap();
    let script = std::env::temp_dir().join(format!("mqtt-conformance-{name}-{}.sh", std::process::id()));
    std::fs::write(&script, format!("echo '{hello}'\nwhile read line; do echo '{answer}'; done\n")).unwrap();
    script
}

#[test]
fn unsupported_is_no_pass() {
    let script = parrot("unsupported", r#"{"status":"unsupported"}"#);
    let command = format!("sh {}", script.display());
    let mut cases = suite::load(&Source::usual()).unwrap();
    cases.retain(|case| case.case.id.starts_with("stream/") || case.case.id.starts_with("topic-matching/"));
    let all = results::of_peer(&mut Peer::start(&command).unwrap(), &cases);
    let tally = Tally { unsupported: cases.len(), ..Tally::default() };
    assert_eq!((Tally::of(&all, &cases), all.asked), (tally, 0));
    assert!(terminal::text(&cases, &[all]).contains(&format!("-{}\n", cases.len())));
    let run = |command: &str| {
        std::process::Command::new(env!("CARGO_BIN_EXE_mqtt-conformance"))
            .args(["run", "--filter", "topic-matching/", "--adapter", command])
            .status()
            .unwrap()
    };
    assert_eq!(run(&command).code(), Some(1));
    assert!(run(concat!(env!("CARGO_BIN_EXE_mqtt-conformance"), " serve")).success());
    std::fs::remove_file(script).unwrap();
}

#[test]
fn what_a_record_does_not_have_is_unsupported() {
    let mut cases = suite::load(&Source::usual()).unwrap();
    cases.truncate(10);
    let record = Record::new(&cases[..9], vec![results::of_library(&cases[..9])]);
    let [all] = record.for_cases(&cases).try_into().unwrap();
    assert_eq!(Tally::of(&all, &cases), Tally { passed: 9, unsupported: 1, ..Tally::default() });
}

#[test]
fn a_decoder_that_does_not_say_what_it_is_is_an_error() {
    assert!(Peer::start("true").is_err());
    assert!(Peer::start("there-is-no-such-program").is_err());
    assert!(Peer::start("").is_err());
}

#[test]
fn the_documents_are_what_is_generated() {
    let report = std::process::Command::new(env!("CARGO_BIN_EXE_mqtt-conformance"))
        .args(["report", "--check"])
        .output();
    let report = report.unwrap();
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stdout));
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_takes_nothing_is_an_error() {
    for arguments in [&["run", "--filter", "pingreq"][..], &["draft", "5.0", "c0 00"]] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_mqtt-conformance"))
            .args(arguments)
            .stdout(std::fs::File::create("/dev/full").unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with("mqtt-conformance: ") && said.lines().count() == 1, "{arguments:?}: {said}");
    }
}
