//! The fields in JSON against an independent dissector's reading of the same packets.

mod support;

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use support::{captures, run};

/// What the dissector lists of the fixed header and of flags, which JSON has by their meaning; and what
/// 3.1 has in the fixed header of packets other than PUBLISH.
const NOT_COMPARED: [&str; 5] =
    ["flags", "remaining_length", "connect_flags", "ack_flags", "tshark_resolved_alias"];

/// A record's fields in the dissector's words.
fn reading(record: &Value) -> Map<String, Value> {
    let fields = &record["fields"];
    let mut reading = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            reading.insert(name.to_owned(), value);
        }
    };
    for (theirs, ours) in [
        ("protocol_name", "protocol_name"),
        ("protocol_level", "protocol_level"),
        ("protocol_level", "protocol_version"),
        ("keep_alive", "keep_alive"),
        ("client_id", "client_identifier"),
        ("username", "user_name"),
        ("reason_code", "reason_code"),
        ("return_code", "return_code"),
        ("qos", "qos"),
        ("packet_id", "packet_identifier"),
        ("topic", "topic_name"),
        ("topics", "topic_filters"),
        ("codes", "reason_codes"),
        ("codes", "return_codes"),
    ] {
        put(theirs, fields[ours].clone());
    }
    for flag in ["session_present", "dup", "retain"] {
        put(flag, number(&fields[flag]));
    }
    put("properties", properties(&fields["properties"]));
    let payload = &fields["payload"];
    put("payload", payload.get("hex").unwrap_or(payload).clone());
    put("password", fields["password"]["hex"].clone());
    let will = &fields["will"];
    put("will_topic", will["topic"].clone());
    put("will_payload", will["payload"]["hex"].clone());
    put("will_payload", will["message"]["hex"].clone());
    put("will_properties", properties(&will["properties"]));
    if let Some(subscriptions) = fields["subscriptions"].as_array() {
        put("filters", subscriptions.iter().map(filter).collect());
    }
    reading
}

fn number(flag: &Value) -> Value {
    flag.as_bool().map(u8::from).into()
}

fn properties(list: &Value) -> Value {
    let property = |property: &Value| {
        let name = property["name"].as_str().expect("a name").to_lowercase().replace(' ', "_");
        let value = property["value"].get("hex").unwrap_or(&property["value"]);
        json!([property["identifier"], name, value])
    };
    list.as_array().map_or(Value::Null, |list| list.iter().map(property).collect())
}

fn filter(subscription: &Value) -> Value {
    let Some(qos) = subscription["maximum_qos"].as_u64() else {
        let qos = &subscription["requested_qos"];
        return json!({ "topic": subscription["topic_filter"], "options": qos, "qos": qos });
    };
    let (no_local, retain) =
        (number(&subscription["no_local"]), number(&subscription["retain_as_published"]));
    let handling = subscription["retain_handling"].as_u64().expect("a number");
    let bit = |flag: &Value| flag.as_u64().expect("a bit");
    json!({
        "topic": subscription["topic_filter"],
        "options": handling << 4 | bit(&retain) << 3 | bit(&no_local) << 2 | qos,
        "qos": qos,
        "no_local": no_local,
        "retain_as_published": retain,
        "retain_handling": handling,
    })
}

/// The same value, where the dissector has one.
fn agrees(theirs: &Value, ours: Option<&Value>) -> bool {
    match (theirs, ours) {
        // Long payloads are stored by their length and digest.
        (Value::Object(long), Some(Value::String(hex))) => long["len"] == hex.len() / 2,
        (Value::Object(long), Some(Value::Object(ours))) => {
            let head = long["head"].as_str().expect("hex");
            long["len"] == ours["length"]
                && long["sha256"] == ours["sha256"]
                && ours["head"].as_str().is_some_and(|ours| ours.starts_with(head))
        }
        (Value::Array(theirs), Some(Value::Array(ours))) => {
            theirs.len() == ours.len()
                && theirs.iter().zip(ours).all(|(theirs, ours)| item_agrees(theirs, ours))
        }
        // An empty field may be left out by either.
        (Value::String(empty), None) => empty.is_empty(),
        (theirs, Some(ours)) => theirs == ours,
        (_, None) => false,
    }
}

/// Entries of lists; of an object every key that the dissector has.
fn item_agrees(theirs: &Value, ours: &Value) -> bool {
    match theirs {
        Value::Object(theirs) => theirs.iter().all(|(key, value)| ours.get(key) == Some(value)),
        _ => theirs == ours,
    }
}

#[test]
fn every_field_is_what_the_dissector_read() {
    let mut compared = 0;
    for path in captures() {
        let ran = run(&["--json", path.to_str().expect("a name")]);
        let mut records: HashMap<(Value, Value, Value, Value), Vec<Value>> = HashMap::new();
        for record in ran.json().into_iter().filter(|record| record["status"] == "ok") {
            let key = |name: &str| record[name].clone();
            records
                .entry((key("direction"), key("offset"), key("raw_length"), key("type")))
                .or_default()
                .push(record);
        }
        for line in std::fs::read_to_string(path.with_extension("tshark.jsonl")).expect("a reading").lines() {
            let packet: Value = serde_json::from_str(line).expect("JSON");
            let direction = if packet["dir"] == "c2s" { "client_to_server" } else { "server_to_client" };
            let key =
                (direction.into(), packet["offset"].clone(), packet["size"].clone(), packet["name"].clone());
            // A malformed packet has no fields.
            let Some(candidates) = records.get_mut(&key) else { continue };
            let in_header = packet["name"] != "PUBLISH";
            let theirs: Vec<(&String, &Value)> = packet["fields"]
                .as_object()
                .expect("an object")
                .iter()
                .filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str()))
                .filter(|(name, _)| !(in_header && (*name == "dup" || *name == "qos")))
                // 3.1 has no such flag.
                .filter(|(name, _)| !(packet["version"] == 3 && *name == "session_present"))
                .collect();
            let same = candidates.iter().position(|record| {
                let ours = reading(record);
                theirs.iter().all(|(name, value)| agrees(value, ours.get(*name)))
            });
            let Some(same) = same else {
                let ours: Vec<_> = candidates.iter().map(reading).collect();
                panic!("{}:\n{line}\nis none of\n{ours:?}", path.display())
            };
            candidates.swap_remove(same);
            compared += theirs.len();
        }
        assert!(records.values().all(Vec::is_empty), "{}", path.display());
    }
    assert!(compared > 10_000, "only {compared}");
    println!("{compared} fields");
}
