//! Payloads by their format: which it is, and what they hold.

mod cbor;
mod hex;
mod json;
mod layout;
mod message_pack;
mod node;
mod sparkplug;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use mqtt_wire::topic::{TopicFilterBuf, TopicName};
use mqtt_wire::{Packet, Publish};

use self::node::Node;
use crate::framer::Digest;
use crate::record::{Body, Content, Item, Record};
use crate::render::paint::{self, Painter};
use crate::text::count;

/// Payloads of more bytes are not read as CBOR, MessagePack or Sparkplug B: what is made of them in memory is larger.
const LARGEST: usize = 64 * 1024;
/// Values nested deeper than this are refused, so that no function calls itself more often.
const DEEPEST: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// As it is, cut.
    None,
    Json,
    Cbor,
    MessagePack,
    SparkplugB,
    /// Bytes with their ASCII.
    Hex,
}

impl Format {
    const ALL: [Self; 6] =
        [Self::None, Self::Json, Self::Cbor, Self::MessagePack, Self::SparkplugB, Self::Hex];

    /// As options and JSON name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Json => "json",
            Self::Cbor => "cbor",
            Self::MessagePack => "msgpack",
            Self::SparkplugB => "sparkplug",
            Self::Hex => "hex",
        }
    }

    /// As people name it.
    fn title(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Json => "JSON",
            Self::Cbor => "CBOR",
            Self::MessagePack => "MessagePack",
            Self::SparkplugB => "Sparkplug B",
            Self::Hex => "hex",
        }
    }

    /// That of a media type, as the Content Type property may name it.
    fn of_content_type(content_type: &str) -> Option<Self> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(match media_type.as_str() {
            "application/json" | "text/json" => Self::Json,
            "application/cbor" => Self::Cbor,
            "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => Self::MessagePack,
            _ if media_type.ends_with("+json") => Self::Json,
            _ if media_type.ends_with("+cbor") => Self::Cbor,
            _ => return None,
        })
    }

    /// That of Sparkplug's namespace, version B: its STATE messages are JSON.
    fn of_topic(topic: &str) -> Option<Self> {
        let rest = topic.strip_prefix("spBv1.0/")?;
        Some(if rest.starts_with("STATE/") { Self::Json } else { Self::SparkplugB })
    }
}

/// The format of the topics that a filter matches, or of all.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    filter: Option<TopicFilterBuf>,
    format: Format,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (filter, name) = match text.rsplit_once('=') {
            Some((filter, name)) => {
                (Some(filter.parse::<TopicFilterBuf>().map_err(|error| error.to_string())?), name)
            }
            None => (None, text),
        };
        let format = Format::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let names = Format::ALL.map(Format::name).join(", ");
            format!("give a format, or a topic filter, `=` and a format; the formats are {names}")
        })?;
        Ok(Self { filter, format })
    }
}

impl Rule {
    fn has(&self, topic: Option<&str>) -> bool {
        let Some(filter) = &self.filter else { return true };
        let name = topic.and_then(|topic| TopicName::new(topic).ok());
        name.is_some_and(|name| filter.as_filter().inner().matches(name))
    }
}

/// A message's payload, as far as it is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payload<'a> {
    bytes: &'a [u8],
    /// Stands for all of it, of which `bytes` are the first.
    digest: Option<Digest>,
    format: Format,
}

/// What the user said about formats.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payloads {
    /// The first that has the topic counts.
    rules: Vec<Rule>,
}

impl Payloads {
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        Self { rules }
    }

    /// The format of a message's payload, if it is known: by a rule, by its Content Type, by Sparkplug's topics. `topic`
    /// is what an alias stands for.
    pub(crate) fn format(&self, publish: &Publish<'_>, topic: Option<&str>) -> Option<Format> {
        if publish.payload.is_empty() {
            return None;
        }
        let topic = topic.or_else(|| publish.topic.map(|topic| topic.as_str()));
        let by_rule = self.rules.iter().find(|rule| rule.has(topic)).map(|rule| rule.format);
        by_rule
            .or_else(|| Format::of_content_type(publish.properties.content_type()?))
            .or_else(|| Format::of_topic(topic?))
            .filter(|format| *format != Format::None)
    }
}

impl<'a> Payload<'a> {
    /// That of a record, if its format is known.
    pub(crate) fn of(record: &Record<'a>) -> Option<Self> {
        let format = record.known.format?;
        match &record.body {
            Body::Item(Item { content: Content::Packet(Packet::Publish(publish)), digest, .. }) => {
                Some(Self { bytes: publish.payload, digest: *digest, format })
            }
            _ => None,
        }
    }
}

impl Payload<'_> {
    /// Its format, as JSON names it.
    pub(crate) fn name(&self) -> &'static str {
        self.format.name()
    }

    /// Its value for scripts, or why it has none; nothing in hex.
    pub(crate) fn value(&self) -> Option<Result<serde_json::Value, String>> {
        match self.format {
            Format::None | Format::Hex => None,
            Format::Json => Some(self.whole().and_then(json::value)),
            _ => Some(self.node().map(|node| node.to_json())),
        }
    }

    /// Its lines for people. What cannot be read is shown in hex, after the reason.
    pub(crate) fn lines(&self, full: bool, painter: Painter) -> Vec<String> {
        let text = match self.format {
            Format::None | Format::Hex => return hex::lines(self, full, painter),
            Format::Json => self.whole().and_then(json::checked).map(str::to_owned),
            _ => self.node().map(|node| node.to_string()),
        };
        match text.and_then(|text| layout::lines(&text, full, painter)) {
            Ok(lines) => lines,
            Err(reason) => {
                let title = format!("not readable as {}: {reason}", self.format.title());
                let mut lines = vec![painter.paint(paint::WARNING, &title).to_string()];
                lines.extend(hex::lines(self, full, painter));
                lines
            }
        }
    }

    fn node(&self) -> Result<Node, String> {
        let bytes = self.whole()?;
        if bytes.len() > LARGEST {
            return Err(self.too_long(LARGEST));
        }
        match self.format {
            Format::Cbor => cbor::read(bytes),
            Format::MessagePack => message_pack::read(bytes),
            _ => sparkplug::read(bytes),
        }
    }

    fn whole(&self) -> Result<&[u8], String> {
        match &self.digest {
            Some(_) => Err(self.too_long(crate::framer::LONG)),
            None => Ok(self.bytes),
        }
    }

    fn length(&self) -> usize {
        self.digest.map_or(self.bytes.len(), |digest| digest.length)
    }

    fn too_long(&self, most: usize) -> String {
        format!("it has {}, and up to {most} are read", count(self.length() as u64, "byte"))
    }
}
