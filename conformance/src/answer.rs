//! What a decoder is asked and what it answers, in the vocabulary of `mqtt-inspect --json` (PROTOCOL.md).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::case::{Case, Question, Sender, Version};
use crate::hex;

/// One question. A case is asked once for each of its versions.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a receiver's options are on or off")]
pub struct Request {
    /// `decode`, `topic_name`, `topic_filter` or `match`.
    pub ask: Ask,
    /// By which version to judge.
    pub version: Version,
    /// The receiver does not know the version yet: CONNECT names it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub version_unknown: bool,
    /// Who sent the bytes; without it direction is not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// The bytes are the first of their connection.
    #[serde(default, skip_serializing_if = "is_false")]
    pub first_packet: bool,
    /// Larger packets are to be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_packet_size: Option<u32>,
    /// Payloads are to be checked against their Payload Format Indicator.
    #[serde(default, skip_serializing_if = "is_false")]
    pub check_payload_format: bool,
    /// Control characters and non-characters are to be refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refuse_control_characters: bool,
    /// The bytes, for `decode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// The topic name, for `topic_name` and `match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_name: Option<String>,
    /// The topic filter, for `topic_filter` and `match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_filter: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What is asked.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// What is the packet at the start of these bytes?
    Decode,
    /// Is this a topic name?
    TopicName,
    /// Is this a topic filter?
    TopicFilter,
    /// Does the filter match the name?
    Match,
}

impl Request {
    /// The question of a case, by one of its versions.
    pub fn new(case: &Case, question: &Question, version: Version) -> Self {
        let mut request = Self::head(case, question, version);
        match question {
            Question::Decode(bytes) => request.hex = Some(hex::plain(bytes)),
            Question::TopicName(name) => request.topic_name = Some(name.clone()),
            Question::TopicFilter(filter) => request.topic_filter = Some(filter.clone()),
            Question::Match { filter, name } => {
                request.topic_filter = Some(filter.clone());
                request.topic_name = Some(name.clone());
            }
        }
        request
    }

    /// The same with the first byte alone and without topics, which may be large: enough to tell whether a decoder can
    /// be asked.
    pub fn head(case: &Case, question: &Question, version: Version) -> Self {
        Self {
            ask: match question {
                Question::Decode(_) => Ask::Decode,
                Question::TopicName(_) => Ask::TopicName,
                Question::TopicFilter(_) => Ask::TopicFilter,
                Question::Match { .. } => Ask::Match,
            },
            version,
            version_unknown: case.version_unknown,
            sender: case.sender,
            first_packet: case.first_packet,
            max_packet_size: case.max_packet_size,
            check_payload_format: case.check_payload_format,
            refuse_control_characters: case.refuse_control_characters,
            hex: match question {
                Question::Decode(bytes) => bytes.first().map(|first| hex::plain(&[*first])),
                _ => None,
            },
            topic_name: None,
            topic_filter: None,
        }
    }

    /// The only side that sends packets of this type (Table 2-1 of 5.0); `None` when both do, or there is no packet.
    pub fn only_sender(&self) -> Option<Sender> {
        match self.hex.as_deref()?.as_bytes().first()? {
            b'1' | b'8' | b'a' | b'A' | b'c' | b'C' => Some(Sender::Client),
            b'2' | b'9' | b'b' | b'B' | b'd' | b'D' => Some(Sender::Server),
            b'e' | b'E' if self.version != Version::V5 => Some(Sender::Client),
            _ => None,
        }
    }
}

/// What a decoder says.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub struct Answer {
    /// `ok`, `error`, `incomplete`; or `unsupported`, when the decoder has no way to be asked this.
    pub status: Status,
    /// The packet's type: `CONNECT`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub packet_type: Option<String>,
    /// The packet's fields; without them only the verdict counts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fields: Option<Value>,
    /// How many bytes the packet takes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub raw_length: Option<usize>,
    /// The packet encoded again, in hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encoded: Option<String>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Fault>,
    /// How many bytes are missing at least.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub missing: Option<usize>,
    /// Whether the filter matches.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub matches: Option<bool>,
}

/// How a decoder took it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A packet, or a valid topic.
    Ok,
    /// Something is wrong.
    Error,
    /// More bytes are needed.
    Incomplete,
    /// The decoder cannot be asked this.
    #[default]
    Unsupported,
    /// The decoder died or gave no answer.
    Crash,
}

/// An error, as far as the decoder tells.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Fault {
    /// The kind by the names of this suite.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// The byte that is wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offset: Option<usize>,
    /// The reason code to answer with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason_code: Option<u8>,
    /// The label of the broken rule.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<String>,
    /// The decoder's own words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

impl Answer {
    /// An answer of that status alone.
    pub fn of(status: Status) -> Self {
        Self { status, ..Self::default() }
    }
}

/// What answers questions.
pub trait Decoder {
    /// Answers one.
    fn ask(&mut self, request: &Request) -> Answer;
}
