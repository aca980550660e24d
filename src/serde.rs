//! Packets, properties and errors for logs and tools, and both ways what stands in configuration files (feature `serde`). Fields go by the standard's names, in
//! those of 5.0 for every version; codes are numbers with a name beside them; payloads are bytes; passwords and
//! Authentication Data are left out but for their length, unless the packet is [`Revealed`].

use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::debug::Revealed;
use crate::decode::FixedHeader;
use crate::error::{DecodeError, EncodeError, EncodeErrorKind, Field, TopicError};
use crate::options::Tolerance;
use crate::packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Item, List, Packet, Publish, SubAck, Subscribe, Subscription,
    SubscriptionOptions, UnsubAck, Unsubscribe, Will, WillRef,
};
use crate::property::{Properties, Property, PropertyValue};
use crate::standard::{
    Delivery, MaximumQoS, PacketId, PacketType, PropertyId, PropertySet, QoS, ReasonCode, RetainHandling,
    Rule, Sender, SubscriptionId, UnknownName, UnknownNumber, Version,
};

/// What is serialized as a map of named fields.
trait Fields {
    /// Puts the fields, with or without secrets; a reason code's name may depend on the packet.
    fn put<M: SerializeMap>(&self, packet: PacketType, secrets: bool, map: &mut M) -> Result<(), M::Error>;
}

/// The fields of a type, and the packet whose names its reason codes have.
macro_rules! objects {
    ($($name:ty, $packet:ident: |$this:ident, $of:ident, $secrets:ident| { $($key:literal: $value:expr,)+ })+) => { $(
        impl Fields for $name {
            fn put<M: SerializeMap>(&self, $of: PacketType, $secrets: bool, map: &mut M) -> Result<(), M::Error> {
                let $this = self;
                $(map.serialize_entry($key, &$value)?;)+
                Ok(())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                self.put(PacketType::$packet, false, &mut map)?;
                map.end()
            }
        }
    )+ };
}

objects! {
    Connect<'_>, Connect: |this, _packet, secrets| {
        "version": this.version,
        "bridge": this.bridge,
        "clean_start": this.clean_start,
        "keep_alive": this.keep_alive,
        "properties": Shown(this.properties, secrets),
        "client_identifier": this.client_id,
        "will": this.will,
        "user_name": this.user_name,
        "password": this.password.map(|password| Secret(password, secrets)),
    }
    Will<'_>, Connect: |this, _packet, _secrets| {
        "qos": this.qos,
        "retain": this.retain,
        "properties": this.properties,
        "topic": this.topic,
        "payload": Bytes(this.payload),
    }
    ConnAck<'_>, ConnAck: |this, packet, secrets| {
        "session_present": this.session_present,
        "reason_code": this.reason_code,
        "reason_name": this.reason_code.name_in(packet),
        "properties": Shown(this.properties, secrets),
    }
    Publish<'_>, Publish: |this, _packet, _secrets| {
        "dup": this.dup,
        "qos": this.delivery.qos(),
        "retain": this.retain,
        "topic_name": this.topic,
        "packet_identifier": this.delivery.packet_id(),
        "properties": this.properties,
        "payload": Bytes(this.payload),
    }
    Ack<'_>, PubAck: |this, packet, _secrets| {
        "packet_identifier": this.packet_id,
        "reason_code": this.reason_code,
        "reason_name": this.reason_code.name_in(packet),
        "properties": this.properties,
    }
    Subscribe<'_>, Subscribe: |this, _packet, _secrets| {
        "packet_identifier": this.packet_id,
        "properties": this.properties,
        "subscriptions": this.subscriptions,
    }
    Subscription<'_>, Subscribe: |this, _packet, _secrets| {
        "topic_filter": this.filter,
        "maximum_qos": this.maximum_qos,
        "no_local": this.no_local,
        "retain_as_published": this.retain_as_published,
        "retain_handling": this.retain_handling,
    }
    SubscriptionOptions, Subscribe: |this, _packet, _secrets| {
        "maximum_qos": this.maximum_qos,
        "no_local": this.no_local,
        "retain_as_published": this.retain_as_published,
        "retain_handling": this.retain_handling,
    }
    SubAck<'_>, SubAck: |this, packet, _secrets| {
        "packet_identifier": this.packet_id,
        "properties": this.properties,
        "reason_codes": this.reason_codes,
        "reason_names": Names { codes: this.reason_codes, packet },
    }
    Unsubscribe<'_>, Unsubscribe: |this, _packet, _secrets| {
        "packet_identifier": this.packet_id,
        "properties": this.properties,
        "topic_filters": this.filters,
    }
    UnsubAck<'_>, UnsubAck: |this, packet, _secrets| {
        "packet_identifier": this.packet_id,
        "properties": this.properties,
        "reason_codes": this.reason_codes,
        "reason_names": Names { codes: this.reason_codes, packet },
    }
    Disconnect<'_>, Disconnect: |this, packet, _secrets| {
        "reason_code": this.reason_code,
        "reason_name": this.reason_code.name_in(packet),
        "properties": this.properties,
    }
    Auth<'_>, Auth: |this, packet, secrets| {
        "reason_code": this.reason_code,
        "reason_name": this.reason_code.name_in(packet),
        "properties": Shown(this.properties, secrets),
    }
    Property<'_>, Publish: |this, _packet, secrets| {
        "identifier": this.id().get(),
        "name": this.id(),
        "value": Value(*this, secrets),
    }
    FixedHeader, Publish: |this, _packet, _secrets| {
        "type": this.packet_type(),
        "flags": this.flags(),
        "remaining_length": this.remaining_length(),
    }
    DecodeError, Publish: |this, _packet, _secrets| {
        "kind": this.rule(),
        "message": Text(this.rule()),
        "offset": this.offset(),
        "type": this.packet_type(),
        "version": this.version(),
        "reason_code": this.reason_code(),
        "reason_name": this.reason_code().name(),
        "rule": this.requirement(),
    }
    TopicError, Publish: |this, _packet, _secrets| {
        "kind": this.rule(),
        "message": this.message(),
        "offset": this.offset(),
        "character": this.character(),
        "rule": this.requirement(),
    }
}

/// The fields of the body behind the packet's type.
fn serialize_packet<S: Serializer>(
    this: &Packet<'_>,
    secrets: bool,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let packet = this.packet_type();
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("type", &packet)?;
    match this {
        Packet::Connect(body) => body.put(packet, secrets, &mut map),
        Packet::ConnAck(body) => body.put(packet, secrets, &mut map),
        Packet::Publish(body) => body.put(packet, secrets, &mut map),
        Packet::PubAck(body) | Packet::PubRec(body) | Packet::PubRel(body) | Packet::PubComp(body) => {
            body.put(packet, secrets, &mut map)
        }
        Packet::Subscribe(body) => body.put(packet, secrets, &mut map),
        Packet::SubAck(body) => body.put(packet, secrets, &mut map),
        Packet::Unsubscribe(body) => body.put(packet, secrets, &mut map),
        Packet::UnsubAck(body) => body.put(packet, secrets, &mut map),
        Packet::PingReq | Packet::PingResp => Ok(()),
        Packet::Disconnect(body) => body.put(packet, secrets, &mut map),
        Packet::Auth(body) => body.put(packet, secrets, &mut map),
    }?;
    map.end()
}

impl Serialize for Packet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_packet(self, false, serializer)
    }
}

/// With passwords and Authentication Data.
impl Serialize for Revealed<Packet<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_packet(&self.0, true, serializer)
    }
}

impl Serialize for WillRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl Serialize for EncodeError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("message", &Text(self))?;
        map.serialize_entry("kind", &self.rule())?;
        map.serialize_entry("field", &self.field())?;
        map.serialize_entry("type", &self.packet_type())?;
        map.serialize_entry("version", &self.version())?;
        map.serialize_entry("rule", &self.requirement())?;
        match self.kind() {
            EncodeErrorKind::Invalid(_) => {}
            EncodeErrorKind::TooLarge { size, max } => {
                map.serialize_entry("size", &size)?;
                map.serialize_entry("max", &max)?;
            }
            EncodeErrorKind::BufferTooSmall { needed, available } => {
                map.serialize_entry("needed", &needed)?;
                map.serialize_entry("available", &available)?;
            }
        }
        map.end()
    }
}

/// What is serialized as something simpler.
macro_rules! simple {
    ($($name:ty: |$this:ident| $value:expr;)+) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $this = self;
                $value.serialize(serializer)
            }
        }
    )+ };
}

simple! {
    Version: |this| Text(this);
    Sender: |this| Text(this);
    PacketType: |this| this.name();
    PropertyId: |this| this.title();
    Rule: |this| this.name();
    Field: |this| Text(this);
    QoS: |this| this.get();
    MaximumQoS: |this| this.get();
    RetainHandling: |this| this.get();
    Tolerance: |this| this.name();
    PacketId: |this| this.get();
    ReasonCode: |this| this.get();
    SubscriptionId: |this| this.get();
}

/// What is deserialized from a number that is serialized as one.
macro_rules! from_number {
    ($($name:ty, $number:ty: $read:expr;)+) => { $(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read: fn($number) -> Result<Self, UnknownNumber> = $read;
                read(<$number>::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    )+ };
}

from_number! {
    QoS, u8: Self::try_from;
    MaximumQoS, u8: |number| QoS::try_from(number).and_then(Self::try_from);
    RetainHandling, u8: Self::try_from;
    PacketId, u16: Self::try_from;
    SubscriptionId, u32: Self::try_from;
    ReasonCode, u8: |number| Ok(Self::new(number));
}

/// What is deserialized from its name.
macro_rules! from_name {
    ($($name:ty)+) => { $(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Name(PhantomData))
            }
        }
    )+ };
}

from_name! { Version Sender Tolerance }

struct Name<T>(PhantomData<T>);

impl<T: FromStr<Err = UnknownName>> Visitor<'_> for Name<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<T, E> {
        name.parse().map_err(E::custom)
    }
}

/// Fields that are left out have their defaults.
impl<'de> Deserialize<'de> for SubscriptionOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OptionsVisitor)
    }
}

struct OptionsVisitor;

impl<'de> Visitor<'de> for OptionsVisitor {
    type Value = SubscriptionOptions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the options of a subscription")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<SubscriptionOptions, A::Error> {
        let mut options = SubscriptionOptions::default();
        while let Some(field) = map.next_key::<OptionsField>()? {
            match field {
                OptionsField::MaximumQoS => options.maximum_qos = map.next_value()?,
                OptionsField::NoLocal => options.no_local = map.next_value()?,
                OptionsField::RetainAsPublished => options.retain_as_published = map.next_value()?,
                OptionsField::RetainHandling => options.retain_handling = map.next_value()?,
            }
        }
        Ok(options)
    }
}

enum OptionsField {
    MaximumQoS,
    NoLocal,
    RetainAsPublished,
    RetainHandling,
}

impl FromStr for OptionsField {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "maximum_qos" => Ok(Self::MaximumQoS),
            "no_local" => Ok(Self::NoLocal),
            "retain_as_published" => Ok(Self::RetainAsPublished),
            "retain_handling" => Ok(Self::RetainHandling),
            _ => {
                Err(UnknownName { expected: "maximum_qos, no_local, retain_as_published or retain_handling" })
            }
        }
    }
}

from_name! { OptionsField }

/// The QoS, and the Packet Identifier where there is one.
impl Serialize for Delivery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("qos", &self.qos())?;
        map.serialize_entry("packet_identifier", &self.packet_id())?;
        map.end()
    }
}

impl Serialize for PropertyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Byte(value) => value.serialize(serializer),
            Self::TwoByteInteger(value) => value.serialize(serializer),
            Self::FourByteInteger(value) | Self::VariableByteInteger(value) => value.serialize(serializer),
            Self::Utf8String(value) => value.serialize(serializer),
            Self::BinaryData(value) => serializer.serialize_bytes(value),
            Self::Utf8StringPair(name, value) => (name, value).serialize(serializer),
        }
    }
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Shown(*self, false).serialize(serializer)
    }
}

#[cfg(feature = "alloc")]
impl Serialize for crate::property::PropertiesBuf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_properties().serialize(serializer)
    }
}

/// Properties with or without secrets.
struct Shown<'a>(Properties<'a>, bool);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|property| ShownProperty(property, self.1)))
    }
}

struct ShownProperty<'a>(Property<'a>, bool);

impl Serialize for ShownProperty<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.put(PacketType::Publish, self.1, &mut map)?;
        map.end()
    }
}

/// The value of a property with or without secrets.
struct Value<'a>(Property<'a>, bool);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Property::AuthenticationData(data) => Secret(data, self.1).serialize(serializer),
            property => property.value().serialize(serializer),
        }
    }
}

/// A secret: all of it, or its length in words.
struct Secret<'a>(&'a [u8], bool);

impl Serialize for Secret<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.1 {
            serializer.serialize_bytes(self.0)
        } else {
            serializer.collect_str(&format_args!("{} bytes, not shown", self.0.len()))
        }
    }
}

impl Serialize for PropertySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[allow(private_bounds, reason = "the items are the crate's own")]
impl<'a, T: Item<'a> + Serialize> Serialize for List<'a, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// A value as it is displayed.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The names that reason codes have in a packet.
struct Names<'a> {
    codes: List<'a, ReasonCode>,
    packet: PacketType,
}

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.codes.iter().map(|code| code.name_in(self.packet)))
    }
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU16;
    use std::string::ToString;

    use serde_json::{json, to_value};

    use super::*;
    use crate::{EncodeOptions, PacketId, TopicFilter, TopicName, Version, decode, topic_filter, topic_name};

    fn id(n: u16) -> PacketId {
        PacketId::new(n).unwrap()
    }

    #[test]
    fn a_publish_with_properties() {
        let topic: TopicName<'_> = topic_name!("a/b");
        let properties = [
            Property::PayloadFormatIndicator(true),
            Property::CorrelationData(&[1, 255]),
            Property::TopicAlias(NonZeroU16::MIN),
            Property::UserProperty(("k", "v")),
        ];
        let publish = Publish { properties: Properties::new(&properties), ..Publish::new(topic, b"hi") };
        let packet = Packet::from(publish.with_delivery(Delivery::AtLeastOnce(id(7))));
        let expected = json!({
            "type": "PUBLISH", "dup": false, "qos": 1, "retain": false, "topic_name": "a/b",
            "packet_identifier": 7, "payload": [104, 105],
            "properties": [
                { "identifier": 1, "name": "Payload Format Indicator", "value": 1 },
                { "identifier": 9, "name": "Correlation Data", "value": [1, 255] },
                { "identifier": 35, "name": "Topic Alias", "value": 1 },
                { "identifier": 38, "name": "User Property", "value": ["k", "v"] },
            ],
        });
        assert_eq!(to_value(packet).unwrap(), expected);
    }

    #[test]
    fn a_connect_with_a_will() {
        let will = Will::new(topic_name!("gone"), &[0]);
        let connect =
            Connect { will: Some((&will).into()), password: Some(b"p"), ..Connect::new(Version::V5, "me") };
        let expected = json!({
            "type": "CONNECT", "version": "5.0", "bridge": false, "clean_start": true, "keep_alive": 60,
            "properties": [], "client_identifier": "me", "user_name": null, "password": "1 bytes, not shown",
            "will": { "qos": 0, "retain": false, "properties": [], "topic": "gone", "payload": [0] },
        });
        assert_eq!(to_value(Packet::from(connect)).unwrap(), expected);
    }

    #[test]
    fn lists_and_the_names_of_codes() {
        const FILTER: TopicFilter<'_> = topic_filter!("+/#");
        let subscriptions = [Subscription::new(FILTER, QoS::ExactlyOnce)];
        let expected = json!({
            "packet_identifier": 1, "properties": [],
            "subscriptions": [{
                "topic_filter": "+/#", "maximum_qos": 2, "no_local": false, "retain_as_published": false,
                "retain_handling": 0,
            }],
        });
        assert_eq!(to_value(Subscribe::new(id(1), &subscriptions)).unwrap(), expected);
        let codes = [ReasonCode::SUCCESS, ReasonCode::new(0x7F)];
        let suback = to_value(Packet::from(SubAck::new(id(1), &codes))).unwrap();
        assert_eq!(suback["reason_codes"], json!([0, 127]));
        assert_eq!(suback["reason_names"], json!(["Granted QoS 0", null]));
        let disconnect = to_value(Disconnect::new(ReasonCode::SUCCESS)).unwrap();
        assert_eq!(disconnect["reason_name"], "Normal disconnection");
    }

    #[test]
    fn the_fields_of_every_packet() {
        let refused = ReasonCode::NOT_AUTHORIZED;
        let connack = json!({
            "type": "CONNACK", "session_present": false, "reason_code": 0x87, "reason_name": "Not authorized",
            "properties": [],
        });
        assert_eq!(to_value(Packet::from(ConnAck::new(refused))).unwrap(), connack);
        let ack = Ack { reason_code: refused, ..Ack::new(id(9)) };
        for packet in [Packet::PubAck(ack), Packet::PubRec(ack), Packet::PubRel(ack), Packet::PubComp(ack)] {
            let expected = json!({
                "type": packet.packet_type().name(), "packet_identifier": 9, "reason_code": 0x87,
                "reason_name": "Not authorized", "properties": [],
            });
            assert_eq!(to_value(packet).unwrap(), expected);
        }
        let subscribe = json!({
            "type": "SUBSCRIBE", "packet_identifier": 9, "properties": [], "subscriptions": [],
        });
        assert_eq!(to_value(Packet::from(Subscribe::new(id(9), &[]))).unwrap(), subscribe);
        let unsubscribe = json!({
            "type": "UNSUBSCRIBE", "packet_identifier": 9, "properties": [], "topic_filters": ["a"],
        });
        let filters = [topic_filter!("a")];
        assert_eq!(to_value(Packet::from(Unsubscribe::new(id(9), &filters))).unwrap(), unsubscribe);
        let codes = [ReasonCode::SUCCESS, refused];
        for (packet, granted) in [
            (Packet::from(SubAck::new(id(9), &codes)), "Granted QoS 0"),
            (Packet::from(UnsubAck::new(id(9), &codes)), "Success"),
        ] {
            let expected = json!({
                "type": packet.packet_type().name(), "packet_identifier": 9, "properties": [],
                "reason_codes": [0, 0x87], "reason_names": [granted, "Not authorized"],
            });
            assert_eq!(to_value(packet).unwrap(), expected);
        }
        for packet in [Packet::PingReq, Packet::PingResp] {
            assert_eq!(to_value(packet).unwrap(), json!({ "type": packet.packet_type().name() }));
        }
        let properties = [Property::ReasonString("why")];
        let body = json!([{ "identifier": 0x1F, "name": "Reason String", "value": "why" }]);
        let properties = Properties::new(&properties);
        for (packet, name) in [
            (Packet::from(Disconnect { reason_code: refused, properties }), "DISCONNECT"),
            (Packet::from(Auth::new(refused, properties)), "AUTH"),
        ] {
            let expected = json!({
                "type": name, "reason_code": 0x87, "reason_name": "Not authorized", "properties": body,
            });
            assert_eq!(to_value(packet).unwrap(), expected);
        }
    }

    /// Whatever is being written when there is no more room, the error comes out.
    #[test]
    fn a_failure_to_write_is_passed_on() {
        let properties = [Property::ReasonString("why")];
        let properties = Properties::new(&properties);
        for packet in [
            Packet::from(Connect::new(Version::V5, "me")),
            Packet::from(Auth::new(ReasonCode::NOT_AUTHORIZED, properties)),
            Packet::from(SubAck::new(id(9), &[ReasonCode::SUCCESS])),
            Packet::from(Unsubscribe::new(id(9), &[topic_filter!("a")])),
        ] {
            let whole = serde_json::to_string(&packet).unwrap();
            let mut room = std::vec![0; whole.len()];
            for len in 0..whole.len() {
                assert!(serde_json::to_writer(&mut room[..len], &packet).is_err(), "{len} bytes of {whole}");
            }
            serde_json::to_writer(&mut room[..], &packet).unwrap();
            assert_eq!(room, whole.as_bytes());
        }
    }

    #[test]
    fn small_values() {
        assert_eq!(to_value(Delivery::AtMostOnce).unwrap(), json!({ "qos": 0, "packet_identifier": null }));
        assert_eq!(
            to_value(Delivery::ExactlyOnce(id(3))).unwrap(),
            json!({ "qos": 2, "packet_identifier": 3 })
        );
        assert_eq!(
            to_value(PropertyId::TopicAlias | PropertyId::UserProperty).unwrap(),
            json!(["Topic Alias", "User Property"])
        );
        let values = [
            Property::MessageExpiryInterval(70_000),
            Property::SubscriptionIdentifier(SubscriptionId::MAX),
            Property::MaximumQoS(MaximumQoS::AtLeastOnce),
            Property::ContentType("text/plain"),
        ];
        assert_eq!(
            values.map(|property| to_value(property.value()).unwrap()),
            [json!(70_000), json!(268_435_455), json!(1), json!("text/plain")]
        );
        assert_eq!(
            [Sender::Client, Sender::Server].map(|sender| to_value(sender).unwrap()),
            ["client", "server"]
        );
        let header = FixedHeader::decode(&[0x32, 0x80, 1], Version::V311).unwrap().unwrap();
        let expected = json!({ "type": "PUBLISH", "flags": 2, "remaining_length": 128 });
        assert_eq!(to_value(header).unwrap(), expected);
        assert_eq!(to_value(RetainHandling::SendIfNew).unwrap(), 1);
    }

    /// A value of each kind of a configuration file, read from what it is written as.
    fn there_and_back<T>(values: &[T], written: &[serde_json::Value])
    where
        T: Serialize + serde::de::DeserializeOwned + PartialEq + fmt::Debug,
    {
        assert_eq!(values.len(), written.len());
        for (value, json) in values.iter().zip(written) {
            assert_eq!(&to_value(value).unwrap(), json);
            assert_eq!(&serde_json::from_value::<T>(json.clone()).unwrap(), value);
            // From text that has to be unescaped.
            let text = json.to_string().replace("5.0", "5\\u002e0");
            assert_eq!(&serde_json::from_reader::<_, T>(text.as_bytes()).unwrap(), value);
        }
    }

    #[test]
    fn what_stands_in_configuration_files() {
        there_and_back(&QoS::ALL, &[json!(0), json!(1), json!(2)]);
        there_and_back(&[MaximumQoS::AtMostOnce, MaximumQoS::AtLeastOnce], &[json!(0), json!(1)]);
        let handlings = [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend];
        there_and_back(&handlings, &[json!(0), json!(1), json!(2)]);
        there_and_back(&Version::ALL, &[json!("3.1"), json!("3.1.1"), json!("5.0")]);
        there_and_back(&[Sender::Client, Sender::Server], &[json!("client"), json!("server")]);
        let names: std::vec::Vec<_> =
            Tolerance::ALL.iter().map(|tolerance| json!(tolerance.name())).collect();
        there_and_back(Tolerance::ALL, &names);
        assert_eq!(names[0], "bridge_protocol_level");
        there_and_back(&[PacketId::MIN, PacketId::MAX], &[json!(1), json!(65_535)]);
        there_and_back(&[SubscriptionId::MAX], &[json!(268_435_455)]);
        there_and_back(&[ReasonCode::QUOTA_EXCEEDED], &[json!(0x97)]);
        let options = SubscriptionOptions {
            maximum_qos: QoS::AtLeastOnce,
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::DoNotSend,
        };
        let written = json!({
            "maximum_qos": 1, "no_local": true, "retain_as_published": true, "retain_handling": 2,
        });
        there_and_back(&[options], &[written]);
        let some: SubscriptionOptions = serde_json::from_value(json!({ "no_local": true })).unwrap();
        assert_eq!(some, SubscriptionOptions { no_local: true, ..SubscriptionOptions::default() });
    }

    #[test]
    fn what_does_not_stand_in_configuration_files() {
        fn refused<T: serde::de::DeserializeOwned + fmt::Debug>(written: serde_json::Value, why: &str) {
            assert_eq!(serde_json::from_value::<T>(written).unwrap_err().to_string(), why);
        }
        refused::<QoS>(json!(3), "3 is no Quality of Service");
        refused::<MaximumQoS>(json!(2), "2 is no Maximum QoS");
        refused::<PacketId>(json!(0), "0 is no Packet Identifier");
        refused::<Version>(json!("4"), "expected 3.1, 3.1.1 or 5.0");
        refused::<Sender>(json!("broker"), "expected client or server");
        refused::<Tolerance>(json!("anything"), "expected the name of a tolerance");
        refused::<SubscriptionOptions>(
            json!({ "qos": 1 }),
            "expected maximum_qos, no_local, retain_as_published or retain_handling",
        );
    }

    #[test]
    fn errors() {
        let error = decode(&[0x40, 0x02, 0x00, 0x00], Version::V311).unwrap_err();
        let expected = json!({
            "kind": "ZeroPacketId", "message": "the packet identifier is 0", "offset": 2, "type": "PUBACK",
            "version": "3.1.1", "reason_code": 130, "reason_name": "Protocol Error", "rule": "U-2.3.1",
        });
        assert_eq!(to_value(error).unwrap(), expected);
        let error = Packet::PingReq.encode(Version::V5, &mut [0; 1]).unwrap_err();
        let expected = json!({ "message": "the packet takes 2 bytes, the buffer has 1", "kind": null, "field": null, "type": "PINGREQ", "version": "5.0", "rule": null, "needed": 2, "available": 1 });
        assert_eq!(to_value(error).unwrap(), expected);
        let expected = json!({
            "message": "the packet takes 9 bytes, 8 are allowed", "kind": "PacketTooLarge", "field": null,
            "type": "PUBLISH", "version": "3.1.1", "rule": "U-2.2.3-b", "size": 9, "max": 8,
        });
        let error = Packet::from(Publish::new(topic_name!("a/b"), b"hi"));
        let error = error.encoded_len(EncodeOptions::new(Version::V311).with_max_packet_size(8)).unwrap_err();
        assert_eq!(to_value(error).unwrap(), expected);
        let error = Packet::from(Auth::new(ReasonCode::SUCCESS, Properties::EMPTY));
        let error = error.encoded_len(Version::V311).unwrap_err();
        let expected = json!({
            "message": error.to_string(), "kind": "NotInVersion", "field": "fixed header", "type": "AUTH", "version": "3.1.1",
            "rule": "U-downgrade",
        });
        assert_eq!(to_value(error).unwrap(), expected);
        let error = TopicName::new("a/#").unwrap_err();
        assert_eq!(to_value(error).unwrap()["character"], "#");
    }
}
