//! What people ask about a capture: one client, one topic, one missing answer, one broken rule.

mod support;

use serde_json::Value;
use support::{Client, Connection, Server, pcap, run, run_with};

fn capture(name: &str) -> String {
    format!("{}/../corpus/captures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// All packets of a capture, and those that filters leave.
fn filtered(name: &str, filters: &[&str]) -> (Vec<Value>, Vec<Value>) {
    let path = capture(name);
    let packets = |args: &[&str]| {
        let all = run(&[&["--json"], args, &[path.as_str()]].concat()).json();
        all.into_iter().filter(|record| record["number"].is_u64()).collect::<Vec<_>>()
    };
    (packets(&[]), packets(filters))
}

/// What a filter leaves is what a reader of the whole would pick.
fn picks(name: &str, filters: &[&str], wanted: impl Fn(&Value) -> bool) {
    let (all, left) = filtered(name, filters);
    let expected: Vec<Value> = all.iter().filter(|record| wanted(record)).cloned().collect();
    assert_eq!(left, expected, "{filters:?}");
    assert!(!left.is_empty() && left.len() < all.len(), "{filters:?} tells nothing apart");
}

#[test]
fn filters_leave_what_a_reader_would_pick() {
    let name = "mosquitto_everybody_mixed.pcapng";
    let (all, _) = filtered(name, &[]);
    let client =
        all.iter().find_map(|one| one["connection"]["client_identifier"].as_str()).expect("a client");
    picks(name, &["--client", client], |one| one["connection"]["client_identifier"] == client);
    picks(name, &["--connection", "1"], |one| one["connection"]["number"] == 1);
    picks(name, &["--type", "publish,PUBACK"], |one| one["type"] == "PUBLISH" || one["type"] == "PUBACK");
    picks(name, &["--since", "0.1"], |one| one["elapsed"].as_f64() >= Some(0.1));
    picks(name, &["--until", "0.1"], |one| one["elapsed"].as_f64() <= Some(0.1));
    picks(name, &["--qos", "2", "--type", "PUBLISH"], |one| one["fields"]["qos"] == 2);
    let topic = all.iter().find_map(|one| one["fields"]["topic_name"].as_str()).expect("a topic");
    picks(name, &["--topic", topic, "--type", "PUBLISH"], |one| {
        one["fields"]["topic_name"] == topic || one["type"] == "PUBLISH" && one["topic"] == topic
    });
    let end = all.iter().filter_map(|one| one["elapsed"].as_f64()).fold(0.0, f64::max);
    picks(name, &["--last", "100ms"], |one| {
        one["elapsed"].as_f64().is_some_and(|at| at > end - 0.2) && {
            let (_, left) = filtered(name, &["--last", "100ms"]);
            left.contains(one)
        }
    });
    assert_eq!(run(&["--client", "nobody", &capture(name)]).code, 3);
}

#[test]
fn aliases_are_resolved_and_rules_between_packets_named() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01a");
    connection.send(Server, b"\x20\x06\0\0\x03\x22\0\x0a");
    connection.send(Client, b"\x30\x0a\0\x03a/b\x03\x23\0\x01x");
    connection.send(Client, b"\x30\x07\0\0\x03\x23\0\x01y");
    connection.send(Client, b"\x30\x07\0\0\x03\x23\0\x02z");
    connection.send(Client, b"\x32\x07\0\x01c\0\x01\0x");
    let file = pcap(1, &connection.frames);
    let ran = run_with(&["--rules", "-"], &file);
    assert!(ran.out.contains("the alias stands for \"a/b\""), "{}", ran.out);
    assert!(ran.out.contains("a topic alias has no name on this connection ["), "{}", ran.out);
    assert_eq!(ran.code, 5);
    assert_eq!(run_with(&["-"], &file).code, 0);
    let matched = run_with(&["--json", "--topic", "a/+", "-"], &file).json();
    assert_eq!(matched.len(), 2);
    assert_eq!(matched[1]["topic"], "a/b");
    let errors = run_with(&["--json", "--rules", "--errors", "-"], &file).json();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["broken"][0]["kind"], "TopicAliasUnknown");
    let context = run_with(&["--json", "--rules", "--errors", "--context", "1", "-"], &file).gist();
    assert_eq!(context.len(), 3);
    let flows = run_with(&["--flows", "-"], &file);
    assert!(flows.out.contains("PUBLISH, QoS 1, id 1, \"c\": packet 6, no answer"), "{}", flows.out);
}

#[test]
fn version_without_a_value_is_the_programs() {
    let ran = run(&["--version"]);
    assert_eq!((ran.out.as_str(), ran.code), (concat!("mqtt-inspect ", env!("CARGO_PKG_VERSION"), "\n"), 0));
}
