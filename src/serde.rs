//! Packets, properties and errors for logs and tools, and both ways what stands in configuration files (feature `serde`).
//!
//! Fields go by the standard's names, in those of 5.0 for every version; codes are numbers with a name beside them;
//! payloads are bytes. Passwords and Authentication Data are left out but for their length, unless the packet is
//! [`Revealed`].
//!
//! From the top: what becomes an object, what becomes something simpler, what is read again, and the pieces of both.

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

#[cfg(test)]
mod tests;

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
