//! The suite as JSON lines, with nothing left to expand: what `cases.jsonl` holds.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::case::{Expected, Question, Refusal};
use crate::hex;
use crate::source::Source;
use crate::suite::{self, Prepared};
use crate::tags;

/// The name of the file that [`file()`] makes.
pub const FILE: &str = "cases.jsonl";

/// The cases but those tagged `large`, a line each.
///
/// # Errors
/// When the suite cannot be read.
pub fn file(source: &Source) -> Result<String> {
    let core = tags::core(source)?;
    let mut out = String::new();
    for case in suite::load(source)? {
        if !tags::of(&case, &core).iter().any(|tag| tag == "large") {
            out.push_str(&line(&case, &core)?);
            out.push('\n');
        }
    }
    Ok(out)
}

/// One case as a line: id, title, versions, rules, tags, the receiver's options, the input and what is expected.
///
/// # Errors
/// When the canonical form is not in the notation for bytes.
pub fn line(prepared: &Prepared, core: &BTreeSet<String>) -> Result<String> {
    let case = &prepared.case;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("id", json!(case.id));
    put("title", json!(case.title));
    put("versions", json!(case.versions));
    put("rules", json!(case.rules));
    put("tags", json!(tags::of(prepared, core)));
    for (option, value) in [
        ("version_unknown", json!(case.version_unknown)),
        ("sender", json!(case.sender)),
        ("first_packet", json!(case.first_packet)),
        ("max_packet_size", json!(case.max_packet_size)),
        ("check_payload_format", json!(case.check_payload_format)),
        ("refuse_control_characters", json!(case.refuse_control_characters)),
    ] {
        if !value.is_null() && value != json!(false) {
            put(option, value);
        }
    }
    match &prepared.question {
        Question::Decode(bytes) => put("hex", json!(hex::plain(bytes))),
        Question::TopicName(name) => put("topic_name", json!(name)),
        Question::TopicFilter(filter) => put("topic_filter", json!(filter)),
        Question::Match { filter, name } => {
            put("topic_filter", json!(filter));
            put("topic_name", json!(name))
        }
    };
    let stop = match &prepared.expected {
        Expected::Packets { packets, then } => {
            put("packets", json!(packets));
            then.as_deref()
        }
        other => Some(other),
    };
    match stop {
        Some(Expected::Error(refusal)) => put("error", error(refusal)),
        Some(Expected::Incomplete(missing)) => put("missing", json!(missing)),
        Some(Expected::Matches(matches)) => put("matches", json!(matches)),
        Some(Expected::Valid) => put("valid", json!(true)),
        Some(Expected::Packets { .. }) | None => None,
    };
    if let Some(canonical) = &case.canonical {
        put("canonical", json!(hex::plain(&hex::parse(canonical)?)));
    }
    for (key, text) in [("free", &case.free), ("note", &case.note)] {
        if let Some(text) = text {
            put(key, json!(text));
        }
    }
    Ok(Value::Object(out).to_string())
}

fn error(refusal: &Refusal) -> Value {
    let mut kinds = vec![&refusal.kind];
    kinds.extend(&refusal.or);
    json!({ "kinds": kinds, "offset": refusal.offset, "reason_codes": refusal.reason_codes })
}
