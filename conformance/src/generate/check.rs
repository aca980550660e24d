//! Whether a case says of its bytes or topics what the [`model`] says of them. Generated cases agree by how they are
//! made; those that are edited by hand are held against it here.

use serde_json::Value;

use super::family::{canonical, left_open};
use super::labels;
use super::model::{self, Fault, Rules, Verdict, decode};
use super::tables::{Type, V5, Version};
use crate::case::{Case, Expected, Question, Refusal};
use crate::hex;
use crate::suite::Prepared;

/// In what the case and the model differ, a line each, by one of the case's versions.
pub(super) fn disagreements(prepared: &Prepared, version: Version) -> Vec<String> {
    let mut check = Check { case: &prepared.case, version, lines: Vec::new() };
    match &prepared.question {
        Question::Decode(bytes) => check.bytes(bytes, &prepared.expected),
        Question::TopicName(name) => check.topic(model::topic_name(name), &prepared.expected),
        Question::TopicFilter(filter) => {
            check.topic(model::topic_filter(filter, version == V5), &prepared.expected);
        }
        Question::Match { filter, name } => check.matches(filter, name, &prepared.expected),
    }
    check.lines
}

/// The bytes as a row of packets, and what stops it.
struct Row {
    packets: Vec<Value>,
    /// Where the packet begins that stops it, and what is wrong with it.
    stop: Option<(usize, Verdict)>,
}

fn row(bytes: &[u8], rules: &Rules) -> Row {
    let (mut packets, mut at) = (Vec::new(), 0);
    loop {
        match decode(&bytes[at..], rules) {
            Verdict::Packet { value, length } => {
                packets.push(value);
                at += length;
                if at == bytes.len() {
                    return Row { packets, stop: None };
                }
            }
            stop => return Row { packets, stop: Some((at, stop)) },
        }
    }
}

struct Check<'a> {
    case: &'a Case,
    version: Version,
    lines: Vec<String>,
}

impl Check<'_> {
    fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn rules(&self) -> Rules {
        Rules {
            version: self.version,
            version_unknown: self.case.version_unknown,
            sender: self.case.sender.map(super::sender_of),
            first_packet: self.case.first_packet,
            max_packet_size: self.case.max_packet_size,
            check_payload_format: self.case.check_payload_format,
            refuse_control_characters: self.case.refuse_control_characters,
        }
    }

    fn bytes(&mut self, bytes: &[u8], expected: &Expected) {
        let (packets, stop) = match expected {
            Expected::Packets { packets, then } => (packets.as_slice(), then.as_deref()),
            other => (&[][..], Some(other)),
        };
        let row = row(bytes, &self.rules());
        if row.packets != packets {
            self.say(format!("the model reads the packets {}", Value::Array(row.packets.clone())));
        }
        let mut error = None;
        match (stop, &row.stop) {
            (None, None) => {}
            (Some(Expected::Error(refusal)), Some((at, Verdict::Error(fault)))) => {
                let packet = Type::of(bytes[*at] >> 4);
                error = Some(fault.kind);
                self.fault(*fault, refusal, packet, labels::reason_codes(fault.kind, self.version));
            }
            (Some(Expected::Incomplete(stated)), Some((_, Verdict::Incomplete { missing })))
                if stated == missing => {}
            (_, None) => self.say("the model finds nothing wrong with it"),
            (_, Some((_, stop))) => self.say(format!("the model says {stop:?}")),
        }
        let at = row.stop.as_ref().map_or(0, |(at, _)| *at);
        if let (Some(why), None) = (left_open(&bytes[at..], self.version, error), &self.case.free)
            && (row.packets.len() == 1 || row.stop.is_some())
        {
            self.say(format!("`free` is missing: {why}"));
        }
        match (row.packets.as_slice(), row.stop) {
            ([value], None) => self.canonical(bytes, value),
            _ if self.case.canonical.is_some() => self.say("`canonical` is for one packet"),
            _ => {}
        }
    }

    /// The error of a case beside the one that the model finds.
    fn fault(&mut self, found: Fault, stated: &Refusal, packet: Option<Type>, reason_codes: &[u8]) {
        if (found.kind, found.offset) != (stated.kind.as_str(), stated.offset) {
            self.say(format!("the model finds {} at {}", found.kind, found.offset));
        }
        if stated.reason_codes != reason_codes {
            self.say(format!("the reason codes of {} are {reason_codes:02X?}", found.kind));
        }
        let version = self.version;
        let label = |kind| labels::rule(kind, version, packet, self.case.sender.map(super::sender_of));
        if stated.or.iter().any(|kind| label(kind).is_none()) {
            self.say(format!("`or` has a kind that {} does not have", version.name()));
        }
        let label = format!("{} {}", version.name(), label(found.kind).unwrap_or_default());
        if !self.case.rules.contains(&label) {
            self.say(format!("`rules` lacks the broken one, {label}"));
        }
    }

    /// The form that an encoder writes: it says the same, and nothing shorter does.
    fn canonical(&mut self, bytes: &[u8], value: &Value) {
        let shortest = canonical(bytes, self.version);
        let Some(stated) = &self.case.canonical else {
            if shortest != bytes {
                self.say(format!("`canonical` is missing: {}", hex::compact(&shortest)));
            }
            return;
        };
        let stated = hex::parse(stated).unwrap_or_default();
        let is_same =
            matches!(decode(&stated, &self.rules()), Verdict::Packet { value: got, .. } if got == *value);
        if !is_same || canonical(&stated, self.version) != stated || stated == bytes {
            self.say(format!(
                "`canonical` is not the form that an encoder writes: {}",
                hex::compact(&stated)
            ));
        }
    }

    fn topic(&mut self, found: Result<(), (&'static str, usize)>, expected: &Expected) {
        match (found, expected) {
            (Ok(()), Expected::Valid) => {}
            (Err((kind, offset)), Expected::Error(refusal)) => {
                self.fault(Fault { kind, offset }, refusal, None, &[]);
            }
            (found, _) => self.say(format!("the model says {found:?}")),
        }
    }

    fn matches(&mut self, filter: &str, name: &str, expected: &Expected) {
        let shares = self.version == V5;
        for checked in [model::topic_filter(filter, shares), model::topic_name(name)] {
            if let Err((kind, offset)) = checked {
                return self.say(format!("the model finds {kind} at {offset}"));
            }
        }
        let found = model::matches(filter, name, shares);
        if *expected != Expected::Matches(found) {
            self.say(format!("the model says that `matches` is {found}"));
        }
    }
}
