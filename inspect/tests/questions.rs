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
    assert_eq!(run_with(&["-"], &file).code, 5, "they are judged unless that is not wanted");
    let ran = run_with(&["--no-rules", "-"], &file);
    assert_eq!((ran.code, ran.out.contains("no name on this connection")), (0, false));
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

#[test]
fn packets_are_chosen_by_user_and_have_client_and_user_beside_them() {
    let connect = |name: u8, user: u8| {
        [b"\x10\x10\0\x04MQTT\x04\x82\0\x3c\0\x01".as_slice(), &[name], b"\0\x01", &[user]].concat()
    };
    let mut frames = Vec::new();
    for (port, name, user) in [(1883, b'a', b'u'), (1884, b'b', b'v'), (1885, b'c', b'u')] {
        let mut connection = Connection::new(port).open();
        connection.send(Client, &connect(name, user));
        connection.send(Server, b"\x20\x02\0\0");
        connection.send(Client, b"\x30\x05\0\x01ab!");
        frames.append(&mut connection.frames);
    }
    let file = pcap(1, &frames);
    let chosen = run_with(&["--json", "--user", "u", "--type", "PUBLISH", "-"], &file).json();
    let clients: Vec<_> = chosen.iter().map(|one| one["connection"]["client_identifier"].clone()).collect();
    assert_eq!(clients, ["a", "c"]);
    assert_eq!(
        run_with(&["--json", "--user", "u", "--user", "v", "--type", "PUBLISH", "-"], &file).json().len(),
        3
    );
    assert_eq!(run_with(&["--json", "--user", "w", "-"], &file).code, 3);
    let timeline = run_with(&["--no-summary", "--type", "PUBLISH", "-"], &file);
    let lines: Vec<&str> = timeline.out.lines().collect();
    assert_eq!(lines.len(), 3);
    for (line, who) in lines.iter().zip(["a (u)", "b (v)", "c (u)"]) {
        assert!(line.contains(who), "{line}");
    }
}

#[test]
fn a_request_finds_its_response_by_the_correlation_data() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01a");
    connection.send(Server, b"\x20\x03\0\0\0");
    // Response Topic `r`, Correlation Data `1`; then one whose answer does not come.
    connection.send(Client, b"\x30\x0d\0\x01q\x08\x08\0\x01r\x09\0\x011?");
    connection.send(Client, b"\x30\x0d\0\x01q\x08\x08\0\x01r\x09\0\x012?");
    // An answer to a question that was not asked, and the one to the first.
    connection.send(Server, b"\x30\x09\0\x01r\x04\x09\0\x013!");
    connection.send(Server, b"\x30\x09\0\x01r\x04\x09\0\x011!");
    let file = pcap(1, &connection.frames);
    let flows = run_with(&["--flows", "--json", "-"], &file).json();
    let requests: Vec<&Value> = flows.iter().filter(|flow| flow["kind"] == "request").collect();
    assert_eq!(requests.len(), 2, "{flows:?}");
    assert_eq!((&requests[0]["answered"], &requests[0]["topic"]), (&true.into(), &"q".into()));
    assert_eq!(
        (&requests[0]["steps"][0]["number"], &requests[0]["steps"][1]["number"]),
        (&3.into(), &6.into())
    );
    assert_eq!(requests[0]["latency"], 0.003);
    assert_eq!(requests[1]["answered"], false);
    let stats = run_with(&["--stats", "--json", "-"], &file).json().remove(0);
    let latency = stats["latencies"].as_array().expect("a list").iter().find(|one| one["kind"] == "request");
    let latency = latency.expect("a request");
    assert_eq!((&latency["answer"], &latency["count"]), (&"PUBLISH".into(), &1.into()));
    assert!(latency["p50"].as_f64().is_some_and(|p50| (p50 - 0.003).abs() < 0.000_03), "{latency}");
    let text = run_with(&["--stats", "-"], &file).out;
    assert!(text.contains("request to response (asked by the client)"), "{text}");
    assert!(text.contains("         1  never answered: request of the client"), "{text}");
}

#[test]
fn how_connections_end_is_told() {
    let connect = b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01a";
    let mut frames = Vec::new();
    let mut end = |connack: &[u8], then: &dyn Fn(&mut Connection)| {
        let mut connection = Connection::new(1883);
        connection.client_port = 40_000 + u16::try_from(frames.len()).expect("few");
        connection.now += 1000 * frames.len() as u64;
        let mut connection = connection.open();
        connection.send(Client, connect);
        connection.send(Server, connack);
        then(&mut connection);
        frames.append(&mut connection.frames);
    };
    let accepted = b"\x20\x03\0\0\0".as_slice();
    let close = |connection: &mut Connection| {
        connection.fin(Client);
        connection.fin(Server);
    };
    end(accepted, &|connection| {
        connection.send(Client, b"\xe0\0");
        close(connection);
    });
    end(b"\x20\x03\0\x87\0", &close);
    end(accepted, &|connection| {
        connection.send(Server, b"\xe0\x02\x8e\0");
        close(connection);
    });
    end(accepted, &close);
    end(accepted, &|connection| connection.reset(Server));
    end(accepted, &|_| {});
    let stats = run_with(&["--stats", "--json", "-"], &pcap(1, &frames)).json().remove(0);
    let ends: Vec<_> =
        stats["connections"].as_array().expect("a list").iter().map(|one| &one["end"]).collect();
    let how: Vec<_> = ends.iter().map(|end| end["how"].as_str().expect("a name")).collect();
    assert_eq!(how, ["disconnect", "refused", "taken_over", "closed", "reset", "capture_ended"]);
    assert_eq!((&ends[0]["sender"], &ends[0]["reason_code"]), (&"client".into(), &0.into()));
    assert_eq!((&ends[1]["reason_code"], &ends[1]["reason_name"]), (&0x87.into(), &"Not authorized".into()));
    assert_eq!(stats["refusals"][0]["type"], "CONNACK");
    let text = run_with(&["--stats", "-"], &pcap(1, &frames)).out;
    for told in [
        "DISCONNECT of the client, Normal disconnection (0x00)",
        "refused, Not authorized (0x87)",
        "taken over by another connection",
        "closed without DISCONNECT",
        " s, reset",
        "open when the capture ended",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

/// 3.x servers close the old connection without a word.
#[test]
fn a_client_that_comes_again_takes_over() {
    let connect = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a";
    let mut first = Connection::new(1883).open();
    first.send(Client, connect);
    first.send(Server, b"\x20\x02\0\0");
    let mut second = Connection::new(1883);
    second.client_port = 50_001;
    second.now = first.now;
    let mut second = second.open();
    second.send(Client, connect);
    second.send(Server, b"\x20\x02\0\0");
    first.now = second.now;
    first.fin(Server);
    first.fin(Client);
    let mut frames = [first.frames, second.frames].concat();
    frames.sort_by_key(|(time, _)| *time);
    let stats = run_with(&["--stats", "--json", "-"], &pcap(1, &frames)).json().remove(0);
    assert_eq!(stats["connections"][0]["end"], serde_json::json!({ "how": "taken_over", "by": 2 }));
    assert_eq!(stats["connections"][1]["end"]["how"], "capture_ended");
    assert_eq!(stats["clients"][0]["client_to_server"]["packets"], 2);
}

#[test]
fn when_memory_is_full_that_is_said_and_nobody_is_blamed() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01a");
    connection.send(Server, b"\x20\x06\0\0\x03\x22\xff\xff");
    let topic = "t".repeat(60_000);
    for alias in 1..=300_u16 {
        let body = [&60_000_u16.to_be_bytes(), topic.as_bytes(), b"\x03\x23", &alias.to_be_bytes()].concat();
        // The Remaining Length is that of every packet here.
        assert_eq!(body.len(), 60_006);
        let length = [0x80 | 0x66, 0x80 | 0x54, 0x03];
        connection.send(Client, &[b"\x30".as_slice(), &length, &body].concat());
    }
    connection.send(Client, b"\x30\x06\0\0\x03\x23\0\x01");
    let ran = run_with(&["--json", "-"], &pcap(1, &connection.frames));
    assert_eq!(ran.gist().iter().filter(|gist| *gist == "note memory_full").count(), 1, "said once");
    assert_eq!(ran.code, 0, "{:?}", ran.json().iter().find(|one| !one["broken"].is_null()));
    let last = ran.json().pop().expect("a packet");
    assert_eq!((&last["type"], &last["topic"]), (&"PUBLISH".into(), &Value::Null), "the alias is forgotten");
}

#[test]
fn codes_have_numbers_and_names_and_bad_packets_what_could_be_read() {
    let show = |args: &[&str]| run(&[&["--hex"], args].concat()).out;
    for (args, shown) in [
        (["--version", "3.1.1", "20020002"], "Connection Refused, identifier rejected (0x02)"),
        (["--version", "3.1.1", "20020001"], "Connection Refused, unacceptable protocol version (0x01)"),
        (["--version", "3.1.1", "20020000"], "Connection Accepted (0x00)"),
        (
            ["--version", "3.1.1", "900400010102"],
            "Success - Maximum QoS 1 (0x01); Success - Maximum QoS 2 (0x02)",
        ),
        (["--version", "5", "40020001"], "id 1, Success (0x00)"),
        (["--version", "5", "b0050001000011"], "Success (0x00); No subscription existed (0x11)"),
        // The packet identifier is 0: topic and flags could be read.
        (
            ["--version", "3.1.1", "34050001610000"],
            "read: DUP 0 (no), QoS 2 (exactly once), RETAIN 0 (no), Topic Name \"a\"",
        ),
        (["--version", "3.1.1", "320a000361"], "read: DUP 0 (no), QoS 1 (at least once), RETAIN 0 (no)"),
    ] {
        let out = show(&args);
        assert!(out.contains(shown), "{out}");
    }
    let bad = run(&["--hex", "--json", "--version", "3.1.1", "34050001610000"]).json().remove(0);
    assert_eq!(
        bad["read"].as_array().expect("a list").last(),
        Some(&serde_json::json!({ "name": "Topic Name", "value": "\"a\"", "offset": 4, "length": 1 }))
    );
}

#[test]
fn times_may_be_those_of_the_systems_zone() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), pcap(1, &connection.frames)).expect("a file");
    for (zone, shown) in
        [("UTC", "2023-11-14T22:13:20.004000+00:00"), ("IST-5:30", "2023-11-15T03:43:20.004000+05:30")]
    {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_mqtt-inspect"))
            .args(["--time", "local"])
            .arg(file.path())
            .env("TZ", zone)
            .output()
            .expect("it runs");
        let out = String::from_utf8(ran.stdout).expect("text");
        assert!(out.contains(shown), "{zone}: {out}");
    }
}
