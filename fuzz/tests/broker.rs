//! Replays the corpora of the targets `broker_*`, without a fuzzer, and makes their seeds.

mod corpora;

use std::fs;
use std::sync::Arc;

use mqtt_broker::limits::Limits;
use mqtt_broker::store::{Change, KeptWill, Message, Queued, Scan, Subscription};
use mqtt_session::Record;
use mqtt_wire::topic::{TopicFilterBuf, TopicNameBuf};
use mqtt_wire::{
    PacketId, Publish, PublishFrame, QoS, SubscriptionId, SubscriptionOptions, Version, topic_name,
};
use mqtt_wire_fuzz::broker;
use serde_json::{Map, Value};

use crate::corpora::{Oracle, corpus, files, put, replay};

const TARGETS: [(&str, Oracle); 7] = [
    ("broker_config", broker::config),
    ("broker_dump", broker::dump),
    ("broker_engine", broker::engine),
    ("broker_proxy", broker::proxy),
    ("broker_rules", broker::rules),
    ("broker_scram", broker::scram),
    ("broker_users", broker::users),
];

#[test]
fn the_corpora_hold() {
    replay(&TARGETS);
}

/// `FUZZ_SEEDS=FOLDER cargo test --test broker -- --ignored write_seeds`: seeds of the targets.
#[test]
#[ignore = "writes files"]
fn write_seeds() {
    // What stands in the documentation of each file.
    let documented = |source: &str, begin: &str| -> String {
        let text = source.split(begin).nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
        text.lines().map(|line| line.trim_start_matches("//!").trim_start().to_owned() + "\n").collect()
    };
    put(
        "broker_config",
        "documented",
        documented(include_str!("../../broker/src/config.rs"), "```toml").as_bytes(),
    );
    put("broker_config", "limits", b"memory = true\nlog = 'text'\n[limits]\nkeep_alive = 7\nin_flight = 1\n");
    for (number, text) in wrong_configs(&documented(include_str!("../../broker/src/config.rs"), "```toml")) {
        put("broker_config", &format!("wrong-{number}"), text.as_bytes());
    }
    let rules = documented(include_str!("../../broker/src/auth/rules.rs"), "```text");
    for (name, asked) in
        [("alice", "alice\tc\thome/alice/x\thome/+/x"), ("nobody", "\tc\tweather/a\tpublic/#")]
    {
        put("broker_rules", name, format!("{asked}\n{rules}").as_bytes());
    }
    put("broker_users", "alice", broker::ALICE.as_bytes());
    put(
        "broker_users",
        "two",
        format!("# users\n\n{}\nbob:$argon2id$v=19$m=8,t=1,p=1$YWJjZGVmZ2g$YWFhYWFhYWFhYWE\n", broker::ALICE)
            .as_bytes(),
    );
    put(
        "broker_scram",
        "known",
        b"n,,n=alice,r=abc\nc=biws,%r,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    );
    put(
        "broker_scram",
        "unknown",
        b"y,,n=b=2Cob=3D,r=abc,x=y\nc=eSws,%r,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    );
    put("broker_proxy", "one", b"PROXY TCP4 203.0.113.7 10.9.8.7 51000 1883\r\n\x10\x0d");
    put("broker_proxy", "six", b"PROXY TCP6 2001:db8::1 ::2 1 2\r\n");
    put("broker_proxy", "unknown", b"PROXY UNKNOWN\r\n");
    let v2 =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11\xcb\0\x71\x07\x0a\x09\x08\x07\xc7\x38\x07\x5b\x04\0\x02\x01\x02";
    put("broker_proxy", "two", v2);
    put("broker_dump", "small", &small_dump());
    for (number, text) in wrong_dumps(&small_dump()) {
        put("broker_dump", &format!("wrong-{number}"), text.as_bytes());
    }
    for (version, source) in [(0_u8, "decode_v31"), (1, "decode_v311"), (2, "decode_v5")] {
        for file in files(&corpus("fuzz").join(source)) {
            let packet = fs::read(&file).expect("a file that can be read");
            let Ok(length) = u8::try_from(packet.len()) else { continue };
            let name = format!("{source}-{}", file.file_name().expect("a name").to_string_lossy());
            // Two clients are let in, and both send it; then one is gone, and comes again.
            let connect = |client: u8| version << 6 | 1 << 2 | client;
            let send = |client: u8| [&[2 << 2 | client, length], &packet[..]].concat();
            let script = [&[connect(0), connect(1)], &send(0)[..], &send(1), &[1, connect(1)]].concat();
            put("broker_engine", &name, &script);
        }
    }
}

/// A line of each kind.
fn small_dump() -> Vec<u8> {
    let publish = Publish { retain: true, ..Publish::new(topic_name!("a/b"), b"m") };
    let frame = PublishFrame::encode(&publish, Version::V5).expect("a good packet");
    let message =
        Arc::new(Message { id: 1, frame, arrived: 5, expires: Some(9), publisher: Some("p".into()) });
    let filter = TopicFilterBuf::new("a/#").expect("a filter");
    let identifier = SubscriptionId::new(7);
    let queued = Queued {
        sequence: 3,
        message: message.clone(),
        qos: QoS::ExactlyOnce,
        retain: false,
        identifiers: identifier.into_iter().collect(),
        share: Some("$share/g/a/#".into()),
    };
    let sent = Record::Sent { id: PacketId::MIN, qos: QoS::ExactlyOnce, retain: false, size: 9, key: 3 };
    broker::text(&[
        Change::SessionBegins { session: 1, client: "c".into(), user: Some("u".into()) },
        Change::SessionEndsAt { session: 1, ends_at: Some(u64::MAX) },
        Change::Subscribed {
            session: 1,
            subscription: Subscription {
                filter: filter.clone(),
                options: SubscriptionOptions::default(),
                identifier,
            },
        },
        Change::Scan { session: 1, scan: Scan { filter, last: TopicNameBuf::new("a/a").ok() } },
        Change::Queued { session: 1, queued },
        Change::Recorded { session: 1, record: Record::Lasts(100) },
        Change::Recorded { session: 1, record: sent },
        Change::Retained { message: message.clone() },
        Change::Will { session: 1, will: KeptWill { message, delay: 7, due: None } },
    ])
}

/// What stands in the place of a value: in JSON, and in TOML as well but for `null`.
const VALUES: [&str; 17] = [
    "null",
    "true",
    "0",
    "1",
    "-1",
    "1.5",
    "300",
    "70000",
    "5000000000",
    "18446744073709551616",
    "\"\"",
    "\"a\"",
    "\"\\u0000\"",
    "\"/wAA\"",
    "[]",
    "[0, 1, 300000000]",
    "[\"a\", [1]]",
];

/// Texts with one line each that is written in another way: by its number, and with what comes instead.
fn with_another_line(lines: &[String], ways: impl Fn(&str) -> Vec<String>) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        for (number, way) in ways(line).into_iter().enumerate() {
            let (before, behind) = (&lines[..at], &lines[at + 1..]);
            texts.push((format!("{at}-{number}"), [before, &[way], behind].concat().join("\n")));
        }
    }
    texts
}

/// A file of configuration in which each value is each other one, each key is missing, is there twice, or is none.
fn wrong_configs(documented: &str) -> Vec<(String, String)> {
    // The example of a limit comes once more, among all of them.
    let without_limit = documented.lines().filter(|line| !line.starts_with("packet_size"));
    let further = ["memory = false", "shutdown_timeout = 5", "sys_interval = 5"];
    let mut lines: Vec<String> = further.into_iter().chain(without_limit).map(str::to_owned).collect();
    lines.extend(Limits::TABLE.iter().map(|(name, default, _)| format!("{name} = {default}")));
    lines.retain(|line| !line.is_empty());
    with_another_line(&lines, |line| {
        let Some((key, _)) = line.split_once(" = ") else { return vec![String::new(), format!("{line}x")] };
        let other = VALUES.iter().map(|value| format!("{key} = {value}"));
        other
            .chain([String::new(), format!("{line}\n{line}"), format!("x{line}"), format!("{key}.x = 1")])
            .collect()
    })
}

/// A dump in which each value is each other one, each field is missing, is there twice, or is none, and in which the fields
/// stand without their names.
fn wrong_dumps(dump: &[u8]) -> Vec<(String, String)> {
    let dump = std::str::from_utf8(dump).expect("text");
    let lines: Vec<String> = dump.lines().map(str::to_owned).collect();
    with_another_line(&lines, |line| {
        let line: Map<String, Value> = serde_json::from_str(line).expect("an object");
        let (kind, inner) = line.iter().next().expect("one field");
        let whole = |inner: &str| format!("{{\"{kind}\":{inner}}}");
        let mut ways: Vec<String> = VALUES.iter().map(|value| whole(value)).collect();
        ways.extend([
            format!("{{\"{kind}\":{inner},\"{kind}\":{inner}}}"),
            format!("{{\"x\":{inner}}}"),
            format!("\"{kind}\""),
            String::new(),
        ]);
        let Value::Object(fields) = inner else { return ways };
        let written: Vec<(String, String)> =
            fields.iter().map(|(name, value)| (format!("\"{name}\":"), value.to_string())).collect();
        let object = |fields: &[(String, String)]| {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}{value}")).collect();
            whole(&format!("{{{}}}", fields.join(",")))
        };
        let values: Vec<&str> = written.iter().map(|(_, value)| value.as_str()).collect();
        let list = |values: &[&str]| whole(&format!("[{}]", values.join(",")));
        for (at, (name, value)) in written.iter().enumerate() {
            let with = |name: &str, value: &str| {
                let (before, behind) = (&written[..at], &written[at + 1..]);
                object(&[before, &[(name.to_owned(), value.to_owned())], behind].concat())
            };
            ways.extend(VALUES.iter().map(|other| with(name, other)));
            ways.push(object(&[&written[..at], &written[at + 1..]].concat()));
            ways.push(object(&[&written[..], &written[at..=at]].concat()));
            ways.push(with("\"x\":", value));
            // By place: as many as come before this one, and all with another value in this place.
            let mut by_place = values.clone();
            ways.push(list(&values[..at]));
            by_place[at] = "{}";
            ways.push(list(&by_place));
        }
        ways.push(list(&values));
        ways
    })
}
