//! Cases as the families make them: what is stated about the bytes is checked against the [`model`].

use std::collections::HashSet;

use serde_json::Value;

use super::draft::{Draft, lines};
use super::labels;
use super::model::{Fault, Rules, Verdict, decode};
use super::tables::{Sender, Type, V5, Version};
use crate::hex;

#[derive(Debug)]
pub(crate) struct Family {
    /// The name of the file.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) cases: Vec<Made>,
    ids: HashSet<String>,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Good,
    Missing(usize),
    Error(Refused),
}

#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) kind: &'static str,
    pub(crate) or: Vec<&'static str>,
    pub(crate) offset: usize,
    pub(crate) reason_codes: &'static [u8],
}

#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) versions: Vec<Version>,
    pub(crate) rules: Vec<String>,
    pub(crate) sender: Option<Sender>,
    pub(crate) first_packet: bool,
    pub(crate) max_packet_size: Option<u32>,
    pub(crate) check_payload_format: bool,
    pub(crate) refuse_control_characters: bool,
    /// In the notation.
    pub(crate) bytes: String,
    pub(crate) packets: Vec<Value>,
    pub(crate) outcome: Outcome,
    pub(crate) canonical: Option<Vec<u8>>,
    pub(crate) free: Option<String>,
    pub(crate) note: Option<String>,
}

impl Made {
    pub(crate) fn free(&mut self, why: &str) -> &mut Self {
        self.free = Some(why.to_owned());
        self
    }

    pub(crate) fn note(&mut self, note: &str) -> &mut Self {
        self.note = Some(note.to_owned());
        self
    }

    pub(crate) fn canonical(&mut self, bytes: &[u8]) -> &mut Self {
        self.canonical = Some(bytes.to_vec());
        self
    }

    /// Further kinds that are right as well.
    pub(crate) fn or(&mut self, kinds: &[&'static str]) -> &mut Self {
        if let Outcome::Error(error) = &mut self.outcome {
            error.or.extend(kinds);
        }
        self
    }
}

/// What a family says of bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Says {
    /// They are a packet.
    Good,
    /// That many bytes are missing.
    Missing(usize),
    /// They break that rule at that byte.
    Bad(&'static str, usize),
    /// Whatever the model says: for families in which each case follows from the layout alone. The rules given
    /// are those that it shows when it is a packet or incomplete.
    Model,
}

/// Bytes to judge.
#[allow(clippy::struct_field_names, reason = "the bytes and all about them")]
pub(crate) struct Bytes {
    pub(crate) rules: Rules,
    pub(crate) bytes: Vec<u8>,
    pub(crate) text: String,
}

impl Bytes {
    pub(crate) fn of(draft: &Draft) -> Self {
        Self { rules: Rules::of(draft.version), bytes: draft.bytes(), text: draft.text_form() }
    }

    /// Bytes in the notation, without fields.
    pub(crate) fn raw(version: Version, text: &str) -> Self {
        let bytes = hex::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let text = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
        Self { rules: Rules::of(version), bytes, text }
    }

    pub(crate) fn from(mut self, sender: Sender) -> Self {
        self.rules.sender = Some(sender);
        self
    }

    pub(crate) fn first_packet(mut self) -> Self {
        self.rules.first_packet = true;
        self
    }

    pub(crate) fn limit(mut self, bytes: u32) -> Self {
        self.rules.max_packet_size = Some(bytes);
        self
    }

    pub(crate) fn check_payload_format(mut self) -> Self {
        self.rules.check_payload_format = true;
        self
    }

    pub(crate) fn refuse_control_characters(mut self) -> Self {
        self.rules.refuse_control_characters = true;
        self
    }

    /// Only the first of these bytes.
    pub(crate) fn head(draft: &Draft, length: usize) -> Self {
        let mut fields = draft.all();
        let mut left = length;
        for field in &mut fields {
            let there = field.bytes.len().min(left);
            if there < field.bytes.len() {
                field.note.push_str(", cut");
            }
            field.bytes.truncate(there);
            left -= there;
        }
        Self {
            rules: Rules::of(draft.version),
            bytes: draft.bytes()[..length].to_vec(),
            text: lines(&fields),
        }
    }
}

impl From<&Draft> for Bytes {
    fn from(draft: &Draft) -> Self {
        Self::of(draft)
    }
}

impl From<Draft> for Bytes {
    fn from(draft: Draft) -> Self {
        Self::of(&draft)
    }
}

impl Family {
    pub(crate) fn new(name: &'static str, title: &'static str) -> Self {
        Self { name, title, cases: Vec::new(), ids: HashSet::new() }
    }

    fn push(&mut self, made: Made) -> &mut Made {
        assert!(self.ids.insert(made.id.clone()), "{}: {} twice", self.name, made.id);
        self.cases.push(made);
        self.cases.last_mut().expect("it was pushed")
    }

    /// A case of one packet's bytes. `rules` are labels of the version; those of the error are added.
    pub(crate) fn packet(
        &mut self,
        id: impl Into<String>,
        title: impl Into<String>,
        bytes: impl Into<Bytes>,
        says: Says,
        rules: &[&str],
    ) -> &mut Made {
        let Bytes { rules: by, bytes, text } = bytes.into();
        let id = format!("{}/{}", by.version.name(), id.into());
        let verdict = decode(&bytes, &by);
        check(&id, &bytes, says, &verdict);
        let packet = bytes.first().and_then(|first| Type::of(first >> 4));
        // What the model alone decides breaks the one rule that the error names.
        let rules = if matches!((says, &verdict), (Says::Model, Verdict::Error(_))) { &[] } else { rules };
        let mut labels = rules.iter().map(|rule| (*rule).to_owned()).collect();
        let (packets, outcome) = outcome(verdict, &by, packet, &mut labels);
        let is_packet = !packets.is_empty();
        let canonical =
            is_packet.then(|| canonical(&bytes, by.version)).filter(|canonical| *canonical != bytes);
        let title = title.into();
        let error = if let Outcome::Error(error) = &outcome { Some(error.kind) } else { None };
        let free = left_open(&bytes, by.version, error);
        self.push(Made {
            id,
            title,
            versions: vec![by.version],
            rules: named(&labels, by.version),
            sender: by.sender,
            first_packet: by.first_packet,
            max_packet_size: by.max_packet_size,
            check_payload_format: by.check_payload_format,
            refuse_control_characters: by.refuse_control_characters,
            bytes: text,
            packets,
            outcome,
            canonical,
            free: free.map(str::to_owned),
            note: None,
        })
    }
}

/// 3.1.1 and 5.0.
pub(crate) const BOTH: [Version; 2] = [Version::V311, V5];

/// Labels with their version, each once.
fn named(labels: &[String], version: Version) -> Vec<String> {
    let mut all = Vec::new();
    for label in labels {
        let label = format!("{} {label}", version.name());
        if !all.contains(&label) {
            all.push(label);
        }
    }
    all
}

/// Why an implementation may decide otherwise, where the bytes alone tell.
pub(crate) fn left_open(bytes: &[u8], version: Version, error: Option<&str>) -> Option<&'static str> {
    if version == V5 && bytes == [0xF0, 0] {
        return Some(
            "section 3.15.2.1 allows an AUTH of nothing, 3.15.2.2.2 asks for an Authentication Method",
        );
    }
    if error == Some("ZeroPacketId") && labels::is_acknowledgement(bytes[0]) {
        return Some(
            "that an acknowledgement's identifier is never 0 follows from the session's rules alone",
        );
    }
    if version == Version::V31 {
        return Some("the text of 3.1 was not at hand: the rule is taken from what others quote of it");
    }
    (error.is_some() && !is_complete(bytes))
        .then_some("the standard does not say when a bad packet is refused: a decoder may wait for its end")
}

/// Whether the frame is all there, or the byte that shows that there is none.
fn is_complete(bytes: &[u8]) -> bool {
    let length = bytes.iter().skip(1);
    let Some(header) = length.clone().take(5).position(|byte| *byte < 0x80).map(|more| more + 2) else {
        return bytes.len() > 5;
    };
    let digit = |(n, byte): (usize, &u8)| usize::from(byte & 0x7F) << (7 * n);
    header > 5 || header + length.take(header - 1).enumerate().map(digit).sum::<usize>() <= bytes.len()
}

fn check(id: &str, bytes: &[u8], says: Says, verdict: &Verdict) {
    let agrees = match (says, verdict) {
        (Says::Good, Verdict::Packet { length, .. }) => *length == bytes.len(),
        (Says::Missing(stated), Verdict::Incomplete { missing }) => stated == *missing,
        (Says::Bad(kind, offset), Verdict::Error(fault)) => *fault == Fault { kind, offset },
        (Says::Model, Verdict::Packet { length, .. }) => *length == bytes.len(),
        (Says::Model, _) => true,
        _ => false,
    };
    assert!(agrees, "{id}: stated {says:?}, the model says {verdict:?} of {}", hex::compact(bytes));
}

/// What the case expects; the labels of the broken rule come first.
fn outcome(
    verdict: Verdict,
    by: &Rules,
    packet: Option<Type>,
    rules: &mut Vec<String>,
) -> (Vec<Value>, Outcome) {
    match verdict {
        Verdict::Packet { value, .. } => (vec![value], Outcome::Good),
        Verdict::Incomplete { missing } => (vec![], Outcome::Missing(missing)),
        Verdict::Error(Fault { kind, offset }) => {
            let label = labels::rule(kind, by.version, packet, by.sender);
            let label = label.unwrap_or_else(|| panic!("{kind} breaks no rule of {}", by.version.name()));
            rules.retain(|rule| rule != label);
            rules.insert(0, label.to_owned());
            (
                vec![],
                Outcome::Error(Refused {
                    kind,
                    or: Vec::new(),
                    offset,
                    reason_codes: labels::reason_codes(kind, by.version),
                }),
            )
        }
    }
}

/// The shortest form of a packet: what an encoder writes.
pub(crate) fn canonical(frame: &[u8], version: Version) -> Vec<u8> {
    let header = 2 + frame[1..].iter().take_while(|byte| **byte >= 0x80).count();
    let mut body = frame[header..].to_vec();
    let mut first = frame[0];
    let packet = Type::of(first >> 4);
    // Bits that 3.1 does not use are 0.
    if let (Version::V31, Some(packet)) = (version, packet) {
        first = packet.flags().map_or(first, |flags| first & 0xF0 | flags);
        match packet {
            Type::Connect => body[2 + 6 + 1] &= !1,
            Type::ConnAck => body[0] = 0,
            _ => {}
        }
    }
    // Reason Code and Property Length, which may be left out.
    let identifier = match packet {
        Some(Type::PubAck | Type::PubRec | Type::PubRel | Type::PubComp) => Some(2),
        Some(Type::Disconnect) => Some(0),
        _ => None,
    };
    if let (V5, Some(identifier)) = (version, identifier) {
        if body.len() == identifier + 2 && body.last() == Some(&0) {
            body.pop();
        }
        if body.len() == identifier + 1 && body.last() == Some(&0) {
            body.pop();
        }
    }
    [&[first][..], &super::draft::variable(body.len()), &body].concat()
}
