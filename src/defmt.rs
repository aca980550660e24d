//! What is logged on a microcontroller (feature `defmt`): the same as `Debug` shows, so no passwords and no Authentication
//! Data, and of payloads the length and the beginning.

use ::defmt::{Format, Formatter, write};

use crate::debug::{SHOWN, Secret};
use crate::decode::{Decoded, FixedHeader};
use crate::error::{DecodeError, EncodeError, EncodeErrorKind, Error, Field, TopicError};
use crate::packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Item, List, Packet, Publish, PublishHead, SubAck, Subscribe,
    Subscription, SubscriptionOptions, UnsubAck, Unsubscribe, Will, WillRef,
};
use crate::property::{Properties, Property, PropertyValue};
use crate::standard::{
    Delivery, MaximumQoS, PacketId, PacketType, PropertyId, QoS, ReasonCode, RetainHandling, Rule, Sender,
    SubscriptionId, Version,
};
use crate::topic::{TopicFilter, TopicName};

/// What is logged in one go.
macro_rules! formats {
    ($($name:ty: |$this:ident| $text:literal $(, $value:expr)*;)+) => { $(
        impl Format for $name {
            fn format(&self, f: Formatter<'_>) {
                let $this = self;
                write!(f, $text $(, $value)*);
            }
        }
    )+ };
}

formats! {
    Version: |this| "{=str}", this.name();
    Sender: |this| "{=str}", this.name();
    PacketType: |this| "{=str}", this.name();
    PropertyId: |this| "{=str}", this.name();
    Rule: |this| "{=str}", this.name();
    QoS: |this| "QoS {=u8}", this.get();
    MaximumQoS: |this| "{}", this.get();
    RetainHandling: |this| "{=u8}", this.get();
    PacketId: |this| "{=u16}", this.get();
    SubscriptionId: |this| "{=u32}", this.get();
    ReasonCode: |this| "{=u8:#04x} {=str}", this.get(), this.name().unwrap_or("");
    TopicName<'_>: |this| "\"{=str}\"", this.as_str();
    TopicFilter<'_>: |this| "\"{=str}\"", this.as_str();
    Connect<'_>: |this| "Connect {{ version: {}, bridge: {}, clean_start: {}, keep_alive: {}, properties: {}, \
        client_id: {}, will: {}, user_name: {}, password: {} }}",
        this.version, this.bridge, this.clean_start, this.keep_alive, this.properties, this.client_id, this.will,
        this.user_name, this.password.map(|password| Secret(password, false));
    Will<'_>: |this| "Will {{ qos: {}, retain: {}, properties: {}, topic: {}, payload: {} }}",
        this.qos, this.retain, this.properties, this.topic, Bytes(this.payload);
    WillRef<'_>: |this| "{}", this.get();
    ConnAck<'_>: |this| "ConnAck {{ session_present: {}, reason_code: {}, properties: {} }}",
        this.session_present, this.reason_code, this.properties;
    Publish<'_>: |this| "Publish {{ dup: {}, delivery: {}, retain: {}, topic: {}, properties: {}, payload: {} }}",
        this.dup, this.delivery, this.retain, this.topic, this.properties, Bytes(this.payload);
    PublishHead<'_>: |this| "PublishHead {{ dup: {}, delivery: {}, retain: {}, topic: {}, properties: {} }}",
        this.dup, this.delivery, this.retain, this.topic, this.properties;
    Ack<'_>: |this| "Ack {{ packet_id: {}, reason_code: {}, properties: {} }}",
        this.packet_id, this.reason_code, this.properties;
    Subscribe<'_>: |this| "Subscribe {{ packet_id: {}, properties: {}, subscriptions: {} }}",
        this.packet_id, this.properties, this.subscriptions;
    Subscription<'_>: |this| "Subscription {{ filter: {}, maximum_qos: {}, no_local: {}, retain_as_published: {}, \
        retain_handling: {} }}",
        this.filter, this.maximum_qos, this.no_local, this.retain_as_published, this.retain_handling;
    SubscriptionOptions: |this| "SubscriptionOptions {{ maximum_qos: {}, no_local: {}, retain_as_published: {}, \
        retain_handling: {} }}",
        this.maximum_qos, this.no_local, this.retain_as_published, this.retain_handling;
    SubAck<'_>: |this| "SubAck {{ packet_id: {}, properties: {}, reason_codes: {} }}",
        this.packet_id, this.properties, this.reason_codes;
    Unsubscribe<'_>: |this| "Unsubscribe {{ packet_id: {}, properties: {}, filters: {} }}",
        this.packet_id, this.properties, this.filters;
    UnsubAck<'_>: |this| "UnsubAck {{ packet_id: {}, properties: {}, reason_codes: {} }}",
        this.packet_id, this.properties, this.reason_codes;
    Disconnect<'_>: |this| "Disconnect {{ reason_code: {}, properties: {} }}", this.reason_code, this.properties;
    Auth<'_>: |this| "Auth {{ reason_code: {}, properties: {} }}", this.reason_code, this.properties;
    FixedHeader: |this| "FixedHeader {{ type: {}, flags: {=u8}, remaining_length: {=u32} }}",
        this.packet_type(), this.flags(), this.remaining_length();
    DecodeError: |this| "{}: {=str} at byte {=usize} [{=str}]",
        this.packet_type(), this.rule().message(), this.offset(), this.requirement();
    TopicError: |this| "{=str} at byte {=usize} [{=str}]", this.message(), this.offset(), this.requirement();
}

impl Format for Field {
    fn format(&self, f: Formatter<'_>) {
        match self {
            Self::Item(at) => write!(f, "item {=u32} of the list", at),
            Self::WillProperty(id) => write!(f, "{} of the will", id),
            _ => write!(f, "{=str}", self.title()),
        }
    }
}

impl Format for Delivery {
    #[allow(clippy::match_same_arms, reason = "the texts differ, which the macro hides")]
    fn format(&self, f: Formatter<'_>) {
        match self {
            Self::AtMostOnce => write!(f, "AtMostOnce"),
            Self::AtLeastOnce(id) => write!(f, "AtLeastOnce({})", id),
            Self::ExactlyOnce(id) => write!(f, "ExactlyOnce({})", id),
        }
    }
}

impl Format for Packet<'_> {
    fn format(&self, f: Formatter<'_>) {
        match self {
            Self::Connect(body) => body.format(f),
            Self::ConnAck(body) => body.format(f),
            Self::Auth(body) => body.format(f),
            Self::Publish(body) => body.format(f),
            Self::PubAck(body) | Self::PubRec(body) | Self::PubRel(body) | Self::PubComp(body) => {
                write!(f, "{} {}", self.packet_type(), body);
            }
            Self::Subscribe(body) => body.format(f),
            Self::SubAck(body) => body.format(f),
            Self::Unsubscribe(body) => body.format(f),
            Self::UnsubAck(body) => body.format(f),
            Self::Disconnect(body) => body.format(f),
            Self::PingReq | Self::PingResp => self.packet_type().format(f),
        }
    }
}

impl Format for Decoded<'_> {
    fn format(&self, f: Formatter<'_>) {
        match self {
            Self::Packet { packet, len } => write!(f, "Packet {{ packet: {}, len: {} }}", packet, len),
            Self::Incomplete { missing } => write!(f, "Incomplete {{ missing: {} }}", missing),
        }
    }
}

impl Format for Property<'_> {
    fn format(&self, f: Formatter<'_>) {
        if let Self::CorrelationData(data) = self {
            write!(f, "{}({})", self.id(), Bytes(data));
        } else {
            write!(f, "{}({})", self.id(), self.value());
        }
    }
}

impl Format for PropertyValue<'_> {
    fn format(&self, f: Formatter<'_>) {
        match self {
            Self::Byte(n) => n.format(f),
            Self::TwoByteInteger(n) => n.format(f),
            Self::FourByteInteger(n) | Self::VariableByteInteger(n) => n.format(f),
            Self::Utf8String(text) => text.format(f),
            // Which property it is of is not known here: it may be Authentication Data.
            Self::BinaryData(bytes) => Secret(bytes, false).format(f),
            Self::Utf8StringPair(name, value) => write!(f, "{}, {}", name, value),
        }
    }
}

impl Format for Properties<'_> {
    fn format(&self, f: Formatter<'_>) {
        sequence(f, self.iter());
    }
}

#[cfg(feature = "alloc")]
impl Format for crate::property::PropertiesBuf {
    fn format(&self, f: Formatter<'_>) {
        self.as_properties().format(f);
    }
}

#[allow(private_bounds, reason = "the items are the crate's own")]
impl<'a, T: Item<'a> + Format> Format for List<'a, T> {
    fn format(&self, f: Formatter<'_>) {
        sequence(f, self.iter());
    }
}

impl Format for EncodeError {
    fn format(&self, f: Formatter<'_>) {
        match self.kind() {
            EncodeErrorKind::Invalid(rule) => write!(
                f,
                "{}: {}: {=str} [{=str}]",
                self.packet_type(),
                self.field(),
                rule.message(),
                self.requirement().unwrap_or("")
            ),
            EncodeErrorKind::TooLarge { size, max } => {
                write!(f, "the packet takes {=usize} bytes, {=usize} are allowed", size, max);
            }
            EncodeErrorKind::BufferTooSmall { needed, available } => {
                write!(f, "the packet takes {=usize} bytes, the buffer has {=usize}", needed, available);
            }
        }
    }
}

impl Format for Error {
    fn format(&self, f: Formatter<'_>) {
        match self {
            Self::Decode(error) => error.format(f),
            Self::Encode(error) => error.format(f),
            Self::Topic(error) => error.format(f),
        }
    }
}

/// Bytes: their number, and the first of them as text.
struct Bytes<'a>(&'a [u8]);

impl Format for Bytes<'_> {
    fn format(&self, f: Formatter<'_>) {
        let shown = self.0.get(..SHOWN).unwrap_or(self.0);
        let more = if shown.len() < self.0.len() { "..." } else { "" };
        write!(f, "{=usize} bytes {=[u8]:a}{=str}", self.0.len(), shown, more);
    }
}

/// A secret: its length.
impl Format for Secret<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{=usize} bytes, not shown", self.0.len());
    }
}

/// Items in brackets.
fn sequence<T: Format>(f: Formatter<'_>, items: impl Iterator<Item = T>) {
    write!(f, "[");
    for (nth, item) in items.enumerate() {
        write!(f, "{=str}{}", if nth == 0 { "" } else { ", " }, item);
    }
    write!(f, "]");
}
