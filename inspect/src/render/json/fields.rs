//! The fields of a packet, by the names that its version's standard gives them.

use mqtt_wire::{
    Connect, List, Packet, PacketId, PacketType, Properties, PropertyValue, Publish, ReasonCode,
    Subscription, Version, Will,
};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::json;

use crate::framer::Digest;
use crate::text::{connect_return_code, digits, readable, return_code, subscribe_return_code};

pub(super) struct Fields<'a> {
    pub(super) packet: &'a Packet<'a>,
    pub(super) version: Version,
    /// Stands for the payload, of which the packet has the head.
    pub(super) digest: Option<&'a Digest>,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.put(&mut map)?;
        map.end()
    }
}

impl Fields<'_> {
    fn put<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let (packet, v5) = (self.packet, self.version == Version::V5);
        match packet {
            Packet::Connect(connect) => connect_fields(connect, v5, map),
            Packet::ConnAck(connack) => {
                if self.version != Version::V31 {
                    map.serialize_entry("session_present", &connack.session_present)?;
                }
                if v5 {
                    reason(connack.reason_code, packet.packet_type(), map)?;
                    map.serialize_entry("properties", &List5(connack.properties))
                } else {
                    let code = return_code(connack.reason_code);
                    map.serialize_entry("return_code", &code)?;
                    map.serialize_entry("return_name", &connect_return_code(code))
                }
            }
            Packet::Publish(publish) => publish_fields(publish, v5, self.digest, map),
            Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
                map.serialize_entry("packet_identifier", &ack.packet_id.get())?;
                if !v5 {
                    return Ok(());
                }
                reason(ack.reason_code, packet.packet_type(), map)?;
                map.serialize_entry("properties", &List5(ack.properties))
            }
            Packet::Subscribe(subscribe) => {
                map.serialize_entry("packet_identifier", &subscribe.packet_id.get())?;
                if v5 {
                    map.serialize_entry("properties", &List5(subscribe.properties))?;
                }
                let list: Vec<_> = subscribe.subscriptions.iter().map(|one| subscription(&one, v5)).collect();
                map.serialize_entry("subscriptions", &list)
            }
            Packet::SubAck(suback) => {
                map.serialize_entry("packet_identifier", &suback.packet_id.get())?;
                if v5 {
                    map.serialize_entry("properties", &List5(suback.properties))?;
                    return reasons(suback.reason_codes, packet.packet_type(), map);
                }
                let codes: Vec<u8> = suback.reason_codes.iter().map(ReasonCode::get).collect();
                let names: Vec<_> = codes.iter().map(|code| subscribe_return_code(*code)).collect();
                map.serialize_entry("return_names", &names)?;
                map.serialize_entry("return_codes", &codes)
            }
            Packet::Unsubscribe(unsubscribe) => {
                map.serialize_entry("packet_identifier", &unsubscribe.packet_id.get())?;
                if v5 {
                    map.serialize_entry("properties", &List5(unsubscribe.properties))?;
                }
                let filters: Vec<&str> = unsubscribe.filters.iter().map(|filter| filter.as_str()).collect();
                map.serialize_entry("topic_filters", &filters)
            }
            Packet::UnsubAck(unsuback) => {
                map.serialize_entry("packet_identifier", &unsuback.packet_id.get())?;
                if !v5 {
                    return Ok(());
                }
                map.serialize_entry("properties", &List5(unsuback.properties))?;
                reasons(unsuback.reason_codes, packet.packet_type(), map)
            }
            Packet::Disconnect(disconnect) if v5 => {
                reason(disconnect.reason_code, packet.packet_type(), map)?;
                map.serialize_entry("properties", &List5(disconnect.properties))
            }
            Packet::Disconnect(_) | Packet::PingReq | Packet::PingResp => Ok(()),
            Packet::Auth(auth) => {
                reason(auth.reason_code, packet.packet_type(), map)?;
                map.serialize_entry("properties", &List5(auth.properties))
            }
        }
    }
}

fn connect_fields<M: SerializeMap>(connect: &Connect<'_>, v5: bool, map: &mut M) -> Result<(), M::Error> {
    let bridge = if connect.bridge { 0x80 } else { 0 };
    map.serialize_entry("protocol_name", connect.version.protocol_name())?;
    let level = connect.version.get() | bridge;
    map.serialize_entry(if v5 { "protocol_version" } else { "protocol_level" }, &level)?;
    map.serialize_entry(if v5 { "clean_start" } else { "clean_session" }, &connect.clean_start)?;
    map.serialize_entry("keep_alive", &connect.keep_alive)?;
    if v5 {
        map.serialize_entry("properties", &List5(connect.properties))?;
    }
    map.serialize_entry("client_identifier", connect.client_id)?;
    map.serialize_entry("will", &connect.will.map(|will| WillFields { will: will.get(), v5 }))?;
    map.serialize_entry("user_name", &connect.user_name)?;
    map.serialize_entry("password", &connect.password.map(Bytes))
}

struct WillFields<'a> {
    will: Will<'a>,
    v5: bool,
}

impl Serialize for WillFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let will = &self.will;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("qos", &will.qos.get())?;
        map.serialize_entry("retain", &will.retain)?;
        if self.v5 {
            map.serialize_entry("properties", &List5(will.properties))?;
        }
        map.serialize_entry("topic", will.topic.as_str())?;
        map.serialize_entry(if self.v5 { "payload" } else { "message" }, &Bytes(will.payload))?;
        map.end()
    }
}

fn publish_fields<M: SerializeMap>(
    publish: &Publish<'_>,
    v5: bool,
    digest: Option<&Digest>,
    map: &mut M,
) -> Result<(), M::Error> {
    map.serialize_entry("dup", &publish.dup)?;
    map.serialize_entry("qos", &publish.delivery.qos().get())?;
    map.serialize_entry("retain", &publish.retain)?;
    map.serialize_entry("topic_name", publish.topic.map_or("", |topic| topic.as_str()))?;
    map.serialize_entry("packet_identifier", &publish.delivery.packet_id().map(PacketId::get))?;
    if v5 {
        map.serialize_entry("properties", &List5(publish.properties))?;
    }
    match digest {
        None => map.serialize_entry("payload", &Bytes(publish.payload)),
        Some(digest) => map.serialize_entry(
            "payload",
            &json!({ "length": digest.length, "sha256": digest.hash(), "head": digits(publish.payload) }),
        ),
    }
}

fn subscription(subscription: &Subscription<'_>, v5: bool) -> serde_json::Value {
    let (filter, qos) = (subscription.filter.as_str(), subscription.maximum_qos.get());
    if !v5 {
        return json!({ "topic_filter": filter, "requested_qos": qos });
    }
    json!({
        "topic_filter": filter,
        "maximum_qos": qos,
        "no_local": subscription.no_local,
        "retain_as_published": subscription.retain_as_published,
        "retain_handling": subscription.retain_handling.get(),
    })
}

fn reason<M: SerializeMap>(code: ReasonCode, packet: PacketType, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("reason_code", &code.get())?;
    map.serialize_entry("reason_name", &code.name_in(packet))
}

fn reasons<M: SerializeMap>(
    codes: List<'_, ReasonCode>,
    packet: PacketType,
    map: &mut M,
) -> Result<(), M::Error> {
    map.serialize_entry("reason_codes", &codes.iter().map(ReasonCode::get).collect::<Vec<_>>())?;
    map.serialize_entry("reason_names", &codes.iter().map(|code| code.name_in(packet)).collect::<Vec<_>>())
}

/// The properties of a packet of 5.0.
struct List5<'a>(Properties<'a>);

impl Serialize for List5<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for property in &self.0 {
            let id = property.id();
            let value = match property.value() {
                PropertyValue::Byte(number) => number.into(),
                PropertyValue::TwoByteInteger(number) => number.into(),
                PropertyValue::FourByteInteger(number) | PropertyValue::VariableByteInteger(number) => {
                    number.into()
                }
                PropertyValue::Utf8String(text) => text.into(),
                PropertyValue::BinaryData(data) => json!(Bytes(data)),
                PropertyValue::Utf8StringPair(name, value) => json!([name, value]),
            };
            list.serialize_element(&json!({ "identifier": id.get(), "name": id.title(), "value": value }))?;
        }
        list.end()
    }
}

/// Bytes that may be anything: in hex, and as text when they are text.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("length", &self.0.len())?;
        map.serialize_entry("hex", &digits(self.0))?;
        if let Some(text) = readable(self.0) {
            map.serialize_entry("text", text)?;
        }
        map.end()
    }
}
