//! One case of the suite, as it stands in a file of `corpus/conformance`.

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hex;

/// A file: cases that belong together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// What the cases are about.
    pub title: String,
    /// The cases.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum Version {
    /// MQTT 3.1.
    #[serde(rename = "3.1")]
    V31,
    /// MQTT 3.1.1.
    #[serde(rename = "3.1.1")]
    V311,
    /// MQTT 5.0.
    #[serde(rename = "5.0")]
    V5,
}

impl Version {
    /// All versions, oldest first.
    pub const ALL: [Self; 3] = [Self::V31, Self::V311, Self::V5];

    /// `3.1.1`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        }
    }
}

/// Who sent the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// An error that a case expects.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The broken rule by the name of its kind.
    pub kind: String,
    /// Further kinds that are right as well, where the bytes break several rules at once.
    #[serde(default)]
    pub or: Vec<String>,
    /// The byte that breaks the rule, counted from the start of the packet, or of the topic.
    pub offset: usize,
    /// The reason codes of 5.0 with which a receiver may answer; empty where the version has none.
    #[serde(default)]
    pub reason_codes: Vec<u8>,
}

/// A case as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "a receiver's options are on or off")]
pub struct Case {
    /// The family and a name within it.
    pub id: String,
    /// What the case shows.
    pub title: String,
    /// The versions by which the bytes are to be judged.
    pub versions: Vec<Version>,
    /// The rules it shows, each with its version: `5.0 MQTT-1.5.4-1`.
    pub rules: Vec<String>,
    /// The receiver does not know the version yet: CONNECT names it.
    #[serde(default)]
    pub version_unknown: bool,
    /// Who sent the bytes; without it direction is not judged.
    pub sender: Option<Sender>,
    /// The bytes are the first of their connection.
    #[serde(default)]
    pub first_packet: bool,
    /// The receiver's Maximum Packet Size.
    pub max_packet_size: Option<u32>,
    /// Payloads are to be checked against their Payload Format Indicator.
    #[serde(default)]
    pub check_payload_format: bool,
    /// Control characters and non-characters are to be refused.
    #[serde(default)]
    pub refuse_control_characters: bool,
    /// The bytes, in the notation of [`hex`].
    pub bytes: Option<String>,
    /// The packet that comes out.
    pub packet: Option<Value>,
    /// The packets that come out, one after the other.
    #[serde(default)]
    pub packets: Vec<Value>,
    /// So many bytes are missing at least.
    pub missing: Option<usize>,
    /// What is wrong.
    pub error: Option<Refusal>,
    /// The form that an encoder writes, where it is not these bytes.
    pub canonical: Option<String>,
    /// A topic name.
    pub topic_name: Option<Value>,
    /// A topic filter.
    pub topic_filter: Option<Value>,
    /// Whether the filter matches the name.
    pub matches: Option<bool>,
    /// Why implementations may differ: such a case is not counted for or against them.
    pub free: Option<String>,
    /// A remark.
    pub note: Option<String>,
}

/// What a case asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// What are these bytes?
    Decode(Vec<u8>),
    /// Is this a topic name?
    TopicName(String),
    /// Is this a topic filter?
    TopicFilter(String),
    /// Does the filter match the name?
    Match {
        /// The filter.
        filter: String,
        /// The name.
        name: String,
    },
}

/// What a case expects.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// These packets, and then the end of the bytes or what `then` says.
    Packets {
        /// The packets.
        packets: Vec<Value>,
        /// What comes behind them.
        then: Option<Box<Expected>>,
    },
    /// More bytes are needed, at least so many.
    Incomplete(usize),
    /// An error.
    Error(Refusal),
    /// A valid topic.
    Valid,
    /// Whether the filter matches.
    Matches(bool),
}

impl Case {
    /// What the case asks.
    ///
    /// # Errors
    /// When the case is not well-formed.
    pub fn question(&self) -> Result<Question> {
        let text =
            |value: &Value| expand(value.clone()).as_str().map(str::to_owned).context("a topic is a string");
        Ok(match (&self.bytes, &self.topic_name, &self.topic_filter) {
            (Some(bytes), None, None) => Question::Decode(hex::parse(bytes)?),
            (None, Some(name), None) => Question::TopicName(text(name)?),
            (None, None, Some(filter)) => Question::TopicFilter(text(filter)?),
            (None, Some(name), Some(filter)) => Question::Match { filter: text(filter)?, name: text(name)? },
            _ => bail!("a case has either bytes or topics"),
        })
    }

    /// What the case expects.
    ///
    /// # Errors
    /// When the case is not well-formed.
    pub fn expected(&self) -> Result<Expected> {
        let packets = expand(self.packet.iter().chain(&self.packets).cloned().collect());
        let packets = packets.as_array().cloned().unwrap_or_default();
        let stop = match (&self.error, self.missing) {
            (Some(error), None) => Some(Expected::Error(error.clone())),
            (None, Some(missing)) => Some(Expected::Incomplete(missing)),
            (None, None) => None,
            _ => bail!("both `error` and `missing`"),
        };
        if let Some(matches) = self.matches {
            ensure!(stop.is_none() && packets.is_empty(), "`matches` stands alone");
            return Ok(Expected::Matches(matches));
        }
        Ok(match (stop, packets.is_empty()) {
            (Some(stop), true) => stop,
            (None, true) if self.bytes.is_none() => Expected::Valid,
            (None, true) => bail!("nothing is expected"),
            (then, false) => Expected::Packets { packets, then: then.map(Box::new) },
        })
    }

    /// Whether the bytes or topics keep the rules: nothing is wrong with them.
    pub const fn keeps(&self) -> bool {
        self.error.is_none() && !matches!(self.matches, Some(false))
    }
}

/// Spells out `{ repeat = X, times = N }`: a string N times over, with what `then` says behind it, or N elements
/// of an array.
pub fn expand(value: Value) -> Value {
    match value {
        Value::Object(map) => match repeated(&map) {
            Some((Value::String(text), times)) => {
                let then = map.get("then").and_then(Value::as_str).unwrap_or_default();
                Value::String(text.repeat(times) + then)
            }
            _ => Value::Object(map.into_iter().map(|(key, value)| (key, expand(value))).collect()),
        },
        Value::Array(items) => {
            let mut out = Vec::new();
            for item in items {
                match item.as_object().and_then(repeated) {
                    Some((unit, times)) if !unit.is_string() => {
                        out.extend(std::iter::repeat_n(expand(unit.clone()), times));
                    }
                    _ => out.push(expand(item)),
                }
            }
            Value::Array(out)
        }
        plain => plain,
    }
}

fn repeated(map: &serde_json::Map<String, Value>) -> Option<(&Value, usize)> {
    let times = usize::try_from(map.get("times")?.as_u64()?).ok()?;
    Some((map.get("repeat")?, times))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn repeats_are_spelled_out() {
        assert_eq!(expand(json!({ "repeat": "ab", "times": 2 })), json!("abab"));
        assert_eq!(expand(json!([1, { "repeat": 2, "times": 2 }, 3])), json!([1, 2, 2, 3]));
        assert_eq!(expand(json!({ "a": [{ "repeat": "/", "times": 2 }] })), json!({ "a": ["//"] }));
        assert_eq!(expand(json!({ "repeat": "ab", "times": 2, "then": "c" })), json!("ababc"));
        assert_eq!(expand(json!({ "repeat": 1 })), json!({ "repeat": 1 }));
    }
}
