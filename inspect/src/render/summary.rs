//! A packet's fields in one line for people, and what needs lines of its own.

use std::fmt::Write as _;

use mqtt_wire::{
    Ack, ConnAck, Connect, Delivery, Packet, PacketType, Properties, PropertyValue, Publish, ReasonCode,
    RetainHandling, Subscription, Version, Will,
};

use crate::framer::Digest;
use crate::text::{count, hex, named, named_code, payload, quoted, shortened};

/// How many characters of a long value are shown, unless all are wanted.
const MOST: usize = 100;

/// What of a packet goes into its first line, and what into lines below.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) first: String,
    pub(crate) below: Vec<String>,
}

pub(crate) struct Summarizer {
    /// Show values to their end.
    pub(crate) full: bool,
    pub(crate) version: Version,
    /// Stands for the payload, of which the packet has the head.
    pub(crate) digest: Option<Digest>,
}

impl Summarizer {
    pub(crate) fn packet(&self, packet: &Packet<'_>) -> Summary {
        match packet {
            Packet::Connect(connect) => self.connect(connect),
            Packet::ConnAck(connack) => self.connack(connack),
            Packet::Publish(publish) => self.publish(publish),
            Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
                self.ack(packet, ack)
            }
            Packet::Subscribe(subscribe) => {
                let subscriptions: Vec<String> =
                    subscribe.subscriptions.iter().map(|one| self.subscription(&one)).collect();
                self.list(subscribe.packet_id.get(), subscriptions, subscribe.properties)
            }
            Packet::SubAck(suback) => {
                let codes =
                    suback.reason_codes.iter().map(|code| self.code(PacketType::SubAck, code)).collect();
                self.list(suback.packet_id.get(), codes, suback.properties)
            }
            Packet::Unsubscribe(unsubscribe) => {
                let filters = unsubscribe.filters.iter().map(|filter| self.string(filter.as_str())).collect();
                self.list(unsubscribe.packet_id.get(), filters, unsubscribe.properties)
            }
            Packet::UnsubAck(unsuback) => {
                let codes =
                    unsuback.reason_codes.iter().map(|code| self.code(PacketType::UnsubAck, code)).collect();
                self.list(unsuback.packet_id.get(), codes, unsuback.properties)
            }
            Packet::PingReq | Packet::PingResp => Summary::default(),
            Packet::Disconnect(disconnect) => {
                let code = disconnect.reason_code;
                let first =
                    if self.is_v5() { self.code(PacketType::Disconnect, code) } else { String::new() };
                Summary { first, below: self.properties(disconnect.properties) }
            }
            Packet::Auth(auth) => {
                let first = self.code(PacketType::Auth, auth.reason_code);
                Summary { first, below: self.properties(auth.properties) }
            }
        }
    }

    fn is_v5(&self) -> bool {
        self.version == Version::V5
    }

    fn connect(&self, connect: &Connect<'_>) -> Summary {
        let bridge = if connect.bridge { " (bridge)" } else { "" };
        let mut first = vec![format!("MQTT {}{bridge}", connect.version)];
        first.push(format!("client identifier {}", self.string(connect.client_id)));
        if connect.clean_start {
            first.push(if self.is_v5() { "clean start" } else { "clean session" }.to_owned());
        }
        first.push(format!("keep alive {} s", connect.keep_alive));
        first.extend(connect.user_name.map(|name| format!("user name {}", self.string(name))));
        first.extend(
            connect.password.map(|password| format!("password ({})", count(password.len() as u64, "byte"))),
        );
        let mut below = self.properties(connect.properties);
        if let Some(will) = connect.will {
            self.will(&will.get(), &mut below);
        }
        Summary { first: first.join(", "), below }
    }

    fn will(&self, will: &Will<'_>, below: &mut Vec<String>) {
        let retain = if will.retain { ", retain" } else { "" };
        let (topic, payload) = (self.string(will.topic.as_str()), self.payload(will.payload));
        below.push(format!("will {topic}, QoS {}{retain}: {payload}", will.qos));
        below.extend(self.properties(will.properties).into_iter().map(|line| format!("  {line}")));
    }

    fn connack(&self, connack: &ConnAck<'_>) -> Summary {
        let mut first = self.code(PacketType::ConnAck, connack.reason_code);
        if connack.session_present {
            first.push_str(", session present");
        }
        Summary { first, below: self.properties(connack.properties) }
    }

    fn publish(&self, publish: &Publish<'_>) -> Summary {
        let mut first =
            publish.topic.map_or_else(|| "no topic".to_owned(), |topic| self.string(topic.as_str()));
        let _ = write!(first, ", QoS {}", publish.delivery.qos());
        if let Delivery::AtLeastOnce(id) | Delivery::ExactlyOnce(id) = publish.delivery {
            let _ = write!(first, ", id {id}");
        }
        if publish.dup {
            first.push_str(", DUP");
        }
        if publish.retain {
            first.push_str(", retain");
        }
        first.push_str(": ");
        first.push_str(&match &self.digest {
            Some(digest) => long_payload(publish.payload, digest),
            None => self.payload(publish.payload),
        });
        Summary { first, below: self.properties(publish.properties) }
    }

    fn ack(&self, packet: &Packet<'_>, ack: &Ack<'_>) -> Summary {
        let mut first = format!("id {}", ack.packet_id);
        if self.is_v5() {
            first.push_str(", ");
            first.push_str(&self.code(packet.packet_type(), ack.reason_code));
        }
        Summary { first, below: self.properties(ack.properties) }
    }

    /// An identifier and a list, which stands in the first line when it is short.
    fn list(&self, id: u16, items: Vec<String>, properties: Properties<'_>) -> Summary {
        let mut below = self.properties(properties);
        let in_line = [format!("id {id}: "), items.join("; ")].concat();
        if in_line.chars().count() <= MOST && !items.is_empty() {
            return Summary { first: in_line, below };
        }
        below.extend(items);
        Summary { first: format!("id {id}"), below }
    }

    fn subscription(&self, subscription: &Subscription<'_>) -> String {
        let mut text =
            format!("{}, QoS {}", self.string(subscription.filter.as_str()), subscription.maximum_qos);
        if subscription.no_local {
            text.push_str(", no local");
        }
        if subscription.retain_as_published {
            text.push_str(", retain as published");
        }
        text.push_str(match subscription.retain_handling {
            RetainHandling::Send => "",
            RetainHandling::SendIfNew => ", retained if new",
            RetainHandling::DoNotSend => ", no retained",
        });
        text
    }

    fn code(&self, packet: PacketType, code: ReasonCode) -> String {
        let (code, name) = named_code(packet, self.version, code);
        named(code, name)
    }

    fn properties(&self, properties: Properties<'_>) -> Vec<String> {
        properties
            .iter()
            .map(|property| {
                let value = match property.value() {
                    PropertyValue::Byte(number) => number.to_string(),
                    PropertyValue::TwoByteInteger(number) => number.to_string(),
                    PropertyValue::FourByteInteger(number) | PropertyValue::VariableByteInteger(number) => {
                        number.to_string()
                    }
                    PropertyValue::Utf8String(text) => self.string(text),
                    PropertyValue::BinaryData(bytes) => self.payload(bytes),
                    PropertyValue::Utf8StringPair(name, value) => {
                        format!("{} = {}", self.string(name), self.string(value))
                    }
                };
                format!("{}: {value}", property.id())
            })
            .collect()
    }

    fn string(&self, text: &str) -> String {
        let text = if self.full { text } else { beginning(text) };
        self.cut(quoted(text), MOST)
    }

    /// A payload with its length, when it does not show whole.
    fn payload(&self, bytes: &[u8]) -> String {
        if bytes.is_empty() {
            return "no payload".to_owned();
        }
        // Text may be cut anywhere: one that is text in its first part is shown as text.
        let shown = if self.full { bytes } else { bytes.get(..MOST * 4).unwrap_or(bytes) };
        let text = match std::str::from_utf8(shown) {
            Err(error) if error.error_len().is_none() && shown.len() < bytes.len() => {
                payload(shown.get(..error.valid_up_to()).unwrap_or_default())
            }
            _ => payload(shown),
        };
        let is_hex = !text.starts_with('"');
        let most = if is_hex { MOST * 3 / 5 } else { MOST };
        if self.full || (text.chars().count() <= most && shown.len() == bytes.len()) {
            return if is_hex { format!("{} ({})", text, count(bytes.len() as u64, "byte")) } else { text };
        }
        format!("{} ({})", shortened(text, most), count(bytes.len() as u64, "byte"))
    }

    fn cut(&self, text: String, most: usize) -> String {
        if self.full { text } else { shortened(text, most) }
    }
}

/// A payload that is not held: its head, its length, its hash.
fn long_payload(head: &[u8], digest: &Digest) -> String {
    let text = match std::str::from_utf8(head) {
        Err(error) if error.error_len().is_none() => {
            payload(head.get(..error.valid_up_to()).unwrap_or_default())
        }
        _ => payload(head),
    };
    let most = if text.starts_with('"') { MOST } else { MOST * 3 / 5 };
    let (length, hash) = (count(digest.length as u64, "byte"), digest.hash());
    format!("{} ({length}, SHA-256 {hash})", shortened(text, most))
}

/// Enough of a text to fill what is shown of it.
fn beginning(text: &str) -> &str {
    text.char_indices().nth(MOST + 1).and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

/// The beginning of a bad packet.
pub(crate) fn head(bytes: &[u8], full: bool) -> String {
    const HEAD: usize = 24;
    match bytes.get(..HEAD) {
        Some(head) if !full && bytes.len() > HEAD => {
            format!("{} … ({})", hex(head), count(bytes.len() as u64, "byte"))
        }
        _ => hex(bytes),
    }
}
