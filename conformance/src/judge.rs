//! Whether an answer is the one that a case expects.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::{Answer, Decoder, Request, Status};
use crate::case::{Case, Expected, Question, Refusal, Version};
use crate::suite::Prepared;
use crate::{generate, hex};

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Pass,
    /// Not as expected: how, and in words.
    Fail(Difference, String),
    /// The decoder cannot be asked this.
    Unsupported,
}

/// How an answer differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// What breaks a rule is accepted.
    Accepts,
    /// What keeps the rules is refused.
    Refuses,
    /// Something complete is taken for incomplete.
    Waits,
    /// Something incomplete is taken for complete.
    Hurries,
    /// The value is another one.
    Value,
    /// The error is another one, or at another byte.
    Error,
    /// It is encoded to other bytes, or to another packet.
    Encoding,
    /// A filter matches what it should not, or does not match what it should.
    Match,
    /// The decoder died or hung.
    Crash,
}

impl Difference {
    /// Every difference.
    pub const ALL: [Self; 9] = [
        Self::Accepts,
        Self::Refuses,
        Self::Waits,
        Self::Hurries,
        Self::Value,
        Self::Error,
        Self::Encoding,
        Self::Match,
        Self::Crash,
    ];

    /// In a word or two.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepts => "accepts",
            Self::Refuses => "refuses",
            Self::Waits => "waits",
            Self::Hurries => "does not wait",
            Self::Value => "other value",
            Self::Error => "other error",
            Self::Encoding => "encodes otherwise",
            Self::Match => "match",
            Self::Crash => "crash",
        }
    }
}

/// How much of an answer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Everything: kinds, offsets, reason codes, rules, the bytes it is encoded to.
    Whole,
    /// The verdict, and the values where they are given. Kinds and offsets are this suite's.
    Peer,
}

/// Asks a case by each of its versions; the first that fails decides.
pub fn judge(decoder: &mut dyn Decoder, prepared: &Prepared, strictness: Strictness) -> Verdict {
    let mut verdict = Verdict::Unsupported;
    for version in &prepared.case.versions {
        match by_version(decoder, prepared, *version, strictness) {
            Verdict::Unsupported => {}
            Verdict::Pass => verdict = Verdict::Pass,
            fail @ Verdict::Fail(..) => return fail,
        }
    }
    verdict
}

/// Asks a case by one version.
pub fn by_version(
    decoder: &mut dyn Decoder,
    prepared: &Prepared,
    version: Version,
    strictness: Strictness,
) -> Verdict {
    let request = Request::new(&prepared.case, &prepared.question, version);
    let asked = Asked { case: &prepared.case, version, strictness };
    match (&prepared.question, &prepared.expected) {
        (Question::Decode(bytes), Expected::Packets { packets, then }) => {
            asked.packets(decoder, &request, bytes, packets, then.as_deref())
        }
        (_, expected) => asked.one(&decoder.ask(&request), expected),
    }
}

struct Asked<'a> {
    case: &'a Case,
    version: Version,
    strictness: Strictness,
}

fn fail(difference: Difference, text: impl Into<String>) -> Verdict {
    Verdict::Fail(difference, text.into())
}

impl Asked<'_> {
    /// Packets one after the other.
    fn packets(
        &self,
        decoder: &mut dyn Decoder,
        request: &Request,
        bytes: &[u8],
        packets: &[Value],
        then: Option<&Expected>,
    ) -> Verdict {
        let mut rest = bytes;
        let last = packets.len() - 1;
        for (n, expected) in packets.iter().enumerate() {
            let answer = decoder.ask(&Request { hex: Some(hex::plain(rest)), ..request.clone() });
            match packet(&answer, expected) {
                Verdict::Pass => {}
                Verdict::Fail(difference, text) if last > 0 => {
                    return fail(difference, format!("packet {} of {}: {text}", n + 1, packets.len()));
                }
                other => return other,
            }
            let length = match answer.raw_length {
                Some(length) if length <= rest.len() => length,
                Some(length) => {
                    return fail(Difference::Value, format!("it takes {length} of {} bytes", rest.len()));
                }
                None if last == 0 && then.is_none() => rest.len(),
                None => return Verdict::Unsupported,
            };
            let (packet, behind) = rest.split_at(length);
            if let Some(Verdict::Fail(difference, text)) = self.encoding(&answer, packet, expected) {
                return fail(difference, text);
            }
            rest = behind;
        }
        match then {
            None if rest.is_empty() => Verdict::Pass,
            None => fail(Difference::Value, format!("{} bytes are left", rest.len())),
            Some(then) => {
                self.one(&decoder.ask(&Request { hex: Some(hex::plain(rest)), ..request.clone() }), then)
            }
        }
    }

    /// Whether the packet encodes to the bytes that an encoder should write; of a peer, to bytes that say the
    /// same, whatever the order of properties.
    fn encoding(&self, answer: &Answer, packet: &[u8], value: &Value) -> Option<Verdict> {
        let encoded = answer.encoded.as_ref()?;
        if self.strictness == Strictness::Peer {
            let again = hex::parse(encoded).ok().and_then(|bytes| generate::value(&bytes, self.version));
            let mut lines = Vec::new();
            let (value, again) = (normal(value.clone()), normal(again.unwrap_or_default()));
            differences("encoded", &without_defaults(value), &without_defaults(again), &mut lines);
            return (!lines.is_empty()).then(|| fail(Difference::Encoding, lines.join("\n")));
        }
        let expected = match &self.case.canonical {
            Some(canonical) => hex::plain(&hex::parse(canonical).ok()?),
            None => hex::plain(packet),
        };
        let message = || format!("encodes to {}\n  expected  {}", shortened(encoded), shortened(&expected));
        (*encoded != expected).then(|| fail(Difference::Encoding, message()))
    }

    fn one(&self, answer: &Answer, expected: &Expected) -> Verdict {
        match expected {
            Expected::Packets { .. } => unreachable!("packets are asked one by one"),
            Expected::Incomplete(missing) => {
                unexpected(answer, Status::Incomplete).unwrap_or_else(|| match answer.missing {
                    Some(got) if self.strictness == Strictness::Whole && got != *missing => {
                        fail(Difference::Value, format!("missing: expected {missing}, got {got}"))
                    }
                    _ => Verdict::Pass,
                })
            }
            Expected::Error(refusal) => {
                unexpected(answer, Status::Error).unwrap_or_else(|| self.refusal(answer, refusal))
            }
            Expected::Valid => unexpected(answer, Status::Ok).unwrap_or(Verdict::Pass),
            Expected::Matches(matches) => {
                unexpected(answer, Status::Ok).unwrap_or_else(|| match answer.matches {
                    Some(got) if got == *matches => Verdict::Pass,
                    got => fail(Difference::Match, format!("matches: expected {matches}, got {got:?}")),
                })
            }
        }
    }

    fn refusal(&self, answer: &Answer, expected: &Refusal) -> Verdict {
        if self.strictness == Strictness::Peer {
            return Verdict::Pass;
        }
        let got = answer.error.clone().unwrap_or_default();
        let mut lines = Vec::new();
        let kind = got.kind.unwrap_or_default();
        let is_first = kind == expected.kind;
        if !is_first && !expected.or.contains(&kind) {
            let or: String = expected.or.iter().map(|kind| format!(" or {kind}")).collect();
            lines.push(format!("kind: expected {}{or}, got {kind}", expected.kind));
        }
        // Another kind may have another place.
        if is_first && got.offset != Some(expected.offset) {
            lines.push(format!("offset: expected {}, got {:?}", expected.offset, got.offset));
        }
        if is_first
            && !expected.reason_codes.is_empty()
            && !got.reason_code.is_some_and(|code| expected.reason_codes.contains(&code))
        {
            lines.push(format!(
                "reason code: expected one of {:#04X?}, got {:#04X?}",
                expected.reason_codes, got.reason_code
            ));
        }
        if let (true, Some(rule)) = (is_first, got.rule) {
            let labelled = format!("{} {rule}", self.version.name());
            if !self.case.rules.contains(&labelled) {
                lines.push(format!("rule: expected one of {:?}, got {labelled}", self.case.rules));
            }
        }
        if lines.is_empty() { Verdict::Pass } else { fail(Difference::Error, lines.join("\n")) }
    }
}

/// Whether the packet is the expected one.
fn packet(answer: &Answer, expected: &Value) -> Verdict {
    if let Some(verdict) = unexpected(answer, Status::Ok) {
        return verdict;
    }
    let Some(fields) = &answer.fields else { return Verdict::Pass };
    let mut got = fields.clone();
    if let (Some(map), Some(packet_type)) = (got.as_object_mut(), &answer.packet_type) {
        map.insert("type".to_owned(), packet_type.as_str().into());
    }
    let (expected, got) = (normal(expected.clone()), normal(got));
    let mut lines = Vec::new();
    differences("packet", &expected, &got, &mut lines);
    if lines.is_empty() { Verdict::Pass } else { fail(Difference::Value, lines.join("\n")) }
}

/// The verdict on an answer of another status than expected.
fn unexpected(answer: &Answer, expected: Status) -> Option<Verdict> {
    let difference = match (expected, answer.status) {
        (_, Status::Unsupported) => return Some(Verdict::Unsupported),
        (_, Status::Crash) => Difference::Crash,
        (expected, got) if expected == got => return None,
        (Status::Incomplete, _) => Difference::Hurries,
        (_, Status::Incomplete) => Difference::Waits,
        (Status::Ok, _) => Difference::Refuses,
        _ => Difference::Accepts,
    };
    let said = answer.error.as_ref().and_then(|error| error.message.clone().or_else(|| error.kind.clone()));
    let said = said.map_or_else(String::new, |said| format!(": {said}"));
    Some(fail(difference, format!("expected {expected:?}, got {:?}{said}", answer.status)))
}

/// A value without what can be worked out from the rest, and without what is not there; properties by their
/// identifiers, since order between different ones means nothing.
fn normal(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let worked_out = |key: &str, map: &serde_json::Map<String, Value>| match key {
                "reason_name" | "reason_names" | "return_name" | "return_names" | "name" => true,
                "text" | "length" => map.contains_key("hex"),
                _ => false,
            };
            let is_empty = |key: &str, value: &Value| {
                value.is_null() || (key == "properties" && *value == Value::Array(vec![]))
            };
            let kept = map.iter().filter(|(key, value)| !worked_out(key, &map) && !is_empty(key, value));
            let mut kept: serde_json::Map<String, Value> =
                kept.map(|(key, value)| (key.clone(), normal(value.clone()))).collect();
            if let Some(Value::Array(properties)) = kept.get_mut("properties") {
                properties.sort_by_key(|property| property["identifier"].as_u64());
            }
            Value::Object(kept)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(normal).collect()),
        plain => plain,
    }
}

/// A packet without properties that say what their absence says (Table 2-4 of 5.0): an encoder may leave
/// them out.
fn without_defaults(mut packet: Value) -> Value {
    const DEFAULTS: [(u64, u64); 11] = [
        (0x01, 0),
        (0x17, 1),
        (0x18, 0),
        (0x19, 0),
        (0x21, 65_535),
        (0x22, 0),
        (0x25, 1),
        (0x28, 1),
        (0x29, 1),
        (0x2A, 1),
        // Session Expiry Interval, in CONNECT alone.
        (0x11, 0),
    ];
    let is_connect = packet["type"] == "CONNECT";
    let is_default = |property: &Value| {
        let (id, value) = (property["identifier"].as_u64(), property["value"].as_u64());
        DEFAULTS.iter().any(|(number, default)| {
            id == Some(*number) && value == Some(*default) && (*number != 0x11 || is_connect)
        })
    };
    for owner in ["", "/will"] {
        let Some(Value::Object(fields)) = packet.pointer_mut(owner) else { continue };
        let Some(Value::Array(properties)) = fields.get_mut("properties") else { continue };
        properties.retain(|property| !is_default(property));
        if properties.is_empty() {
            fields.remove("properties");
        }
    }
    packet
}

/// Where two values differ, a line each.
fn differences(path: &str, expected: &Value, got: &Value, lines: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                differences(&format!("{path}.{key}"), value, b.get(key).unwrap_or(&Value::Null), lines);
            }
            for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                lines.push(format!("{path}.{key}: expected nothing, got {}", shortened(&value.to_string())));
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{n}]"), a, b, lines);
            }
        }
        (a, b) if a == b => {}
        (a, b) => {
            lines.push(format!(
                "{path}: expected {}, got {}",
                shortened(&a.to_string()),
                shortened(&b.to_string())
            ));
        }
    }
}

fn shortened(text: &str) -> String {
    const MAX: usize = 160;
    match text.char_indices().nth(MAX) {
        Some((at, _)) => format!("{}... ({} characters)", &text[..at], text.chars().count()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use serde_json::json;

    use super::*;
    use crate::answer::Fault;
    use crate::source::Source;
    use crate::suite;

    static CASES: LazyLock<Vec<Prepared>> = LazyLock::new(|| suite::load(&Source::usual()).unwrap());

    /// Answers everything alike.
    struct Parrot(Answer);

    impl Decoder for Parrot {
        fn ask(&mut self, _: &Request) -> Answer {
            self.0.clone()
        }
    }

    fn verdict(id: &str, answer: &Answer, strictness: Strictness) -> Option<Difference> {
        let case = CASES.iter().find(|case| case.case.id == id).expect("a case");
        match judge(&mut Parrot(answer.clone()), case, strictness) {
            Verdict::Fail(difference, _) => Some(difference),
            Verdict::Pass | Verdict::Unsupported => None,
        }
    }

    #[test]
    fn every_part_of_an_error_counts() {
        let id = "packet-identifier/5.0/publish-qos-1/0";
        let fault = |kind: &str, offset, reason_code, rule: &str| Fault {
            kind: Some(kind.to_owned()),
            offset: Some(offset),
            reason_code: Some(reason_code),
            rule: Some(rule.to_owned()),
            message: None,
        };
        let answer = |error| Answer { error: Some(error), ..Answer::of(Status::Error) };
        let good = answer(fault("ZeroPacketId", 7, 0x82, "MQTT-2.2.1-3"));
        assert_eq!(verdict(id, &good, Strictness::Whole), None);
        for bad in [
            fault("Truncated", 7, 0x82, "MQTT-2.2.1-3"),
            fault("ZeroPacketId", 6, 0x82, "MQTT-2.2.1-3"),
            fault("ZeroPacketId", 7, 0x80, "MQTT-2.2.1-3"),
            fault("ZeroPacketId", 7, 0x82, "MQTT-2.2.1-2"),
        ] {
            assert_eq!(
                verdict(id, &answer(bad.clone()), Strictness::Whole),
                Some(Difference::Error),
                "{bad:?}"
            );
            assert_eq!(verdict(id, &answer(bad), Strictness::Peer), None);
        }
        assert_eq!(verdict(id, &Answer::of(Status::Ok), Strictness::Peer), Some(Difference::Accepts));
        assert_eq!(verdict(id, &Answer::of(Status::Incomplete), Strictness::Peer), Some(Difference::Waits));
        assert_eq!(verdict(id, &Answer::of(Status::Crash), Strictness::Peer), Some(Difference::Crash));
        assert_eq!(verdict(id, &Answer::of(Status::Unsupported), Strictness::Peer), None);
    }

    #[test]
    fn the_rule_counts_in_every_version() {
        for (id, kind, offset, right, wrong) in [
            ("mqtt-3.1/3.1/suback/128", "ReasonCodeNotAllowed", 4, "U-3.1-e", "MQTT-3.9.3-2"),
            ("reason-codes/3.1.1/suback/ff", "ReasonCodeNotAllowed", 4, "MQTT-3.9.3-2", "U-3.1-e"),
        ] {
            let answer = |rule: &str| {
                let error =
                    Fault { kind: Some(kind.to_owned()), rule: Some(rule.to_owned()), ..Fault::default() };
                Answer { error: Some(Fault { offset: Some(offset), ..error }), ..Answer::of(Status::Error) }
            };
            assert_eq!(verdict(id, &answer(right), Strictness::Whole), None);
            assert_eq!(verdict(id, &answer(wrong), Strictness::Whole), Some(Difference::Error));
        }
    }

    #[test]
    fn every_part_of_a_value_counts() {
        let id = "reason-codes/5.0/puback/10";
        let answer = |fields, encoded: &str| Answer {
            packet_type: Some("PUBACK".to_owned()),
            fields: Some(fields),
            raw_length: Some(6),
            encoded: Some(encoded.to_owned()),
            ..Answer::of(Status::Ok)
        };
        let good =
            json!({ "packet_identifier": 1, "reason_code": 16, "reason_name": "any", "properties": [] });
        assert_eq!(verdict(id, &answer(good.clone(), "4003000110"), Strictness::Whole), None);
        // A longer form says the same; only of mqtt-wire the shortest is wanted.
        assert_eq!(
            verdict(id, &answer(good.clone(), "400400011000"), Strictness::Whole),
            Some(Difference::Encoding)
        );
        assert_eq!(verdict(id, &answer(good.clone(), "400400011000"), Strictness::Peer), None);
        assert_eq!(verdict(id, &answer(good, "4003000180"), Strictness::Peer), Some(Difference::Encoding));
        for bad in [
            json!({ "packet_identifier": 2, "reason_code": 16 }),
            json!({ "packet_identifier": 1 }),
            json!({ "packet_identifier": 1, "reason_code": 16, "topic_name": "a" }),
            json!({ "packet_identifier": 1, "reason_code": 16, "properties": [{ "identifier": 31, "value": "s" }] }),
        ] {
            assert_eq!(verdict(id, &answer(bad, "4003000110"), Strictness::Peer), Some(Difference::Value));
        }
        assert_eq!(verdict(id, &Answer::of(Status::Error), Strictness::Peer), Some(Difference::Refuses));
    }

    #[test]
    fn order_counts_among_equal_properties_alone() {
        let list = |list| normal(json!({ "properties": list }));
        let property = |id: u8, value: &str| json!({ "identifier": id, "value": value });
        let (a, b, c) = (property(38, "b"), property(38, "a"), property(31, "r"));
        assert_eq!(list(json!([a, b, c])), list(json!([c, a, b])));
        assert_ne!(list(json!([a, b, c])), list(json!([b, a, c])));
    }

    #[test]
    fn what_absence_says_may_be_left_out() {
        let packet = |kind: &str, id: u8, value: u8| {
            without_defaults(json!({ "type": kind, "properties": [{ "identifier": id, "value": value }] }))
        };
        assert_eq!(packet("CONNACK", 0x25, 1), json!({ "type": "CONNACK" }));
        assert_ne!(packet("CONNACK", 0x25, 0), json!({ "type": "CONNACK" }));
        assert_eq!(packet("CONNECT", 0x11, 0), json!({ "type": "CONNECT" }));
        assert_ne!(packet("CONNACK", 0x11, 0), json!({ "type": "CONNACK" }));
    }
}
