//! The suite itself: complete, as generated, agreed on by two voices, and of the documented form.

use std::collections::BTreeSet;

use mqtt_conformance::case::{Family, Version};
use mqtt_conformance::source::Source;
use mqtt_conformance::{export, generate, rules, suite, tags};

#[test]
fn every_rule_is_kept_and_broken() {
    let source = Source::usual();
    let (rules, cases) = (rules::load(&source).unwrap(), suite::load(&source).unwrap());
    assert_eq!(rules::gaps(&rules, &cases), Vec::<String>::new());
}

#[test]
fn the_committed_files_are_what_is_generated() {
    assert_eq!(generate::differences(&Source::usual()).unwrap(), Vec::<String>::new());
}

#[test]
fn every_case_agrees_with_the_decoder_of_the_tables() {
    let cases = suite::load(&Source::usual()).unwrap();
    assert_eq!(generate::disagreements(&cases), Vec::<String>::new());
    // Cases are added and corrected, not removed.
    assert!(cases.len() >= 5_182, "{} cases", cases.len());
}

/// The file for people without a TOML parser is the suite, but for its largest cases.
#[test]
fn the_json_lines_are_the_suite() {
    let source = Source::usual();
    let same = source.text(export::FILE).unwrap() == export::file(&source).unwrap();
    assert!(same, "`mqtt-conformance generate` writes {}", export::FILE);
}

/// The core list has each rule of 3.1.1 and 5.0 that a codec can see, kept and broken, and each of their packets.
#[test]
fn the_core_list_shows_every_rule() {
    let source = Source::usual();
    let (rules, mut cases) = (rules::load(&source).unwrap(), suite::load(&source).unwrap());
    let core = tags::core(&source).unwrap();
    let subjects = |cases: &[suite::Prepared]| -> BTreeSet<_> {
        let accepted = cases.iter().filter(|case| case.case.error.is_none());
        accepted
            .flat_map(|case| case.case.versions.iter().map(|version| (*version, tags::subject(&case.case))))
            .filter(|(version, _)| *version != Version::V31)
            .collect()
    };
    let all = subjects(&cases);
    // What only large input can show is not in it.
    cases.retain(|case| !tags::of(case, &core).contains(&"large".to_owned()));
    let unseen = rules::gaps(&rules, &cases);
    cases.retain(|case| core.contains(&case.case.id));
    assert_eq!(cases.len(), core.len(), "core.txt names cases that do not exist");
    assert!((150..=250).contains(&cases.len()), "{} cases", cases.len());
    let mut gaps = rules::gaps(&rules, &cases);
    gaps.retain(|gap| !gap.starts_with("3.1 ") && !unseen.contains(gap));
    assert_eq!(gaps, Vec::<String>::new());
    assert_eq!(subjects(&cases), all);
}

/// Every part of a hand-written case that the model can know is held against it.
#[test]
fn a_wrong_case_disagrees() {
    let source = Source::usual();
    for (id, right, wrong, said) in [
        ("examples/5.0/publish", "qos = 1", "qos = 2", "the model reads the packets"),
        ("examples/5.0/publish", "packet = {", "missing = 2 #", "the model finds nothing wrong"),
        ("examples/5.0/disconnect", "00 00 00 00 #", "00 00 00 01 #", "the model reads the packets"),
        ("examples/5.0/publish", "\"5.0 MQTT", "\"3.1.1 MQTT", "is of no version of the case"),
        ("stream/5.0/two-pings", "C0 00 # PINGREQ\n", "", "the model reads the packets"),
        ("vulnerabilities/3.1.1/CVE-2017-7651/mosquitto", "268435455", "5", "the model says Incomplete"),
        (
            "vulnerabilities/5.0/rust-mqtt-82/suback",
            "offset = 2",
            "offset = 3",
            "the model finds Truncated at 2",
        ),
        (
            "vulnerabilities/5.0/rust-mqtt-82/suback",
            "Truncated",
            "TrailingBytes",
            "the model finds Truncated at 2",
        ),
        (
            "vulnerabilities/5.0/rust-mqtt-82/suback",
            "[0x81]",
            "[0x82]",
            "the reason codes of Truncated are [81]",
        ),
        (
            "vulnerabilities/5.0/rust-mqtt-82/suback",
            "5.0 U-1.2",
            "5.0 U-1.5.5",
            "lacks the broken one, 5.0 U-1.2",
        ),
        ("common-mistakes/5.0/mqtt_cpp-600/disconnect", "E0 00", "E0 01 00", "`canonical` is missing: E0 00"),
        ("common-mistakes/5.0/MQTTnet-2039/auth", "free =", "note =", "`free` is missing"),
        ("topic-names/nul-last", "offset = 1", "offset = 0", "the model finds TopicNul at 1"),
        ("topic-filters/one", "\"a\"", "\"a+\"", "the model says Err"),
        ("topic-matching/sport/# ~ sport", "true", "false", "the model says that `matches` is true"),
        ("topic-matching/sport/# ~ sport", "\"sport\"", "\"sport+\"", "the model finds WildcardInName at 5"),
    ] {
        let file = format!("{}.toml", id.split('/').next().unwrap());
        let text = source.text(&file).unwrap();
        let case = text.split("[[case]]").find(|case| case.contains(&format!("id = \"{id}\"\n"))).expect(id);
        let lines = |case: &str| {
            let family: Family = toml::from_str(&format!("title = \"\"\n[[case]]\n{case}")).expect(id);
            let cases: Vec<_> = family.cases.into_iter().map(|case| suite::prepare(case).unwrap()).collect();
            generate::disagreements(&cases)
        };
        assert_eq!(lines(case), Vec::<String>::new());
        assert!(case.contains(right), "{id}: {right}");
        let found = lines(&case.replacen(right, wrong, 1));
        assert!(found.iter().any(|line| line.contains(said)), "{id}: {wrong}: {found:?}");
    }
}

#[test]
fn a_draft_says_what_the_model_says() {
    let draft = generate::draft("40 03 00 00 10 # a comment", Version::V5, None).unwrap();
    assert!(draft.contains("40 03 00 00 10 # a comment\n\"\"\""), "{draft}");
    assert!(draft.contains(r#"error = { kind = "ZeroPacketId", offset = 2"#), "{draft}");
    assert!(draft.contains(r#"rules = ["5.0 U-2.2.1"]"#), "{draft}");
    assert!(generate::draft("C0 00 C0 00", Version::V5, None).is_err());
    assert!(generate::draft("C", Version::V5, None).is_err());
}

#[test]
fn the_files_keep_the_schema() {
    let source = Source::usual();
    let schema = source.text("schema.json").unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let files = source.families().unwrap();
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        let family: serde_json::Value = toml::from_str(&source.text(&file).unwrap()).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&family)
            .map(|error| format!("{}: {error:.200}", error.instance_path))
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{file}");
    }
}
