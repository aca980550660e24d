//! The fields of a packet, by the names that its version's standard gives them.

use mqtt_wire::{
    Connect, List, Packet, PacketId, PacketType, Properties, PropertyValue, Publish, ReasonCode,
    Subscription, Version, Will,
};
use serde_json::{Map, Value, json};

use super::hex;
use crate::render::summary::return_code;
use crate::text::{connect_return_code, readable, subscribe_return_code};

pub(super) fn fields(packet: &Packet<'_>, version: Version) -> Value {
    let v5 = version == Version::V5;
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    match packet {
        Packet::Connect(connect) => connect_fields(connect, v5, &mut put),
        Packet::ConnAck(connack) => {
            if version != Version::V31 {
                put("session_present", connack.session_present.into());
            }
            if v5 {
                reason(connack.reason_code, packet.packet_type(), &mut put);
                put("properties", properties(connack.properties));
            } else {
                let code = return_code(connack.reason_code);
                put("return_code", code.into());
                put("return_name", connect_return_code(code).into());
            }
        }
        Packet::Publish(publish) => publish_fields(publish, v5, &mut put),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            put("packet_identifier", ack.packet_id.get().into());
            if v5 {
                reason(ack.reason_code, packet.packet_type(), &mut put);
                put("properties", properties(ack.properties));
            }
        }
        Packet::Subscribe(subscribe) => {
            put("packet_identifier", subscribe.packet_id.get().into());
            if v5 {
                put("properties", properties(subscribe.properties));
            }
            let list = subscribe.subscriptions.iter().map(|one| subscription(&one, v5)).collect::<Vec<_>>();
            put("subscriptions", list.into());
        }
        Packet::SubAck(suback) => {
            put("packet_identifier", suback.packet_id.get().into());
            if v5 {
                put("properties", properties(suback.properties));
                reasons(suback.reason_codes, packet.packet_type(), &mut put);
            } else {
                let codes: Vec<u8> = suback.reason_codes.iter().map(ReasonCode::get).collect();
                put(
                    "return_names",
                    codes.iter().map(|code| subscribe_return_code(*code)).collect::<Vec<_>>().into(),
                );
                put("return_codes", codes.into());
            }
        }
        Packet::Unsubscribe(unsubscribe) => {
            put("packet_identifier", unsubscribe.packet_id.get().into());
            if v5 {
                put("properties", properties(unsubscribe.properties));
            }
            let filters: Vec<&str> = unsubscribe.filters.iter().map(|filter| filter.as_str()).collect();
            put("topic_filters", filters.into());
        }
        Packet::UnsubAck(unsuback) => {
            put("packet_identifier", unsuback.packet_id.get().into());
            if v5 {
                put("properties", properties(unsuback.properties));
                reasons(unsuback.reason_codes, packet.packet_type(), &mut put);
            }
        }
        Packet::Disconnect(disconnect) if v5 => {
            reason(disconnect.reason_code, packet.packet_type(), &mut put);
            put("properties", properties(disconnect.properties));
        }
        Packet::Disconnect(_) | Packet::PingReq | Packet::PingResp => {}
        Packet::Auth(auth) => {
            reason(auth.reason_code, packet.packet_type(), &mut put);
            put("properties", properties(auth.properties));
        }
    }
    Value::Object(fields)
}

type Put<'a> = &'a mut dyn FnMut(&str, Value);

fn connect_fields(connect: &Connect<'_>, v5: bool, put: Put<'_>) {
    let bridge = if connect.bridge { 0x80 } else { 0 };
    put("protocol_name", connect.version.protocol_name().into());
    put(if v5 { "protocol_version" } else { "protocol_level" }, (connect.version.get() | bridge).into());
    put(if v5 { "clean_start" } else { "clean_session" }, connect.clean_start.into());
    put("keep_alive", connect.keep_alive.into());
    if v5 {
        put("properties", properties(connect.properties));
    }
    put("client_identifier", connect.client_id.into());
    put("will", connect.will.map(|one| will(&one.get(), v5)).into());
    put("user_name", connect.user_name.into());
    put("password", connect.password.map(bytes).into());
}

fn will(will: &Will<'_>, v5: bool) -> Value {
    let (topic, payload) = (will.topic.as_str(), bytes(will.payload));
    let (qos, retain) = (will.qos.get(), will.retain);
    if v5 {
        let properties = properties(will.properties);
        json!({ "qos": qos, "retain": retain, "properties": properties, "topic": topic, "payload": payload })
    } else {
        json!({ "qos": qos, "retain": retain, "topic": topic, "message": payload })
    }
}

fn publish_fields(publish: &Publish<'_>, v5: bool, put: Put<'_>) {
    put("dup", publish.dup.into());
    put("qos", publish.delivery.qos().get().into());
    put("retain", publish.retain.into());
    put("topic_name", publish.topic.map_or("", |topic| topic.as_str()).into());
    put("packet_identifier", publish.delivery.packet_id().map(PacketId::get).into());
    if v5 {
        put("properties", properties(publish.properties));
    }
    put("payload", bytes(publish.payload));
}

fn subscription(subscription: &Subscription<'_>, v5: bool) -> Value {
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

fn reason(code: ReasonCode, packet: PacketType, put: Put<'_>) {
    put("reason_code", code.get().into());
    put("reason_name", code.name_in(packet).into());
}

fn reasons(codes: List<'_, ReasonCode>, packet: PacketType, put: Put<'_>) {
    put("reason_codes", codes.iter().map(ReasonCode::get).collect::<Vec<_>>().into());
    put("reason_names", codes.iter().map(|code| code.name_in(packet)).collect::<Vec<_>>().into());
}

fn properties(properties: Properties<'_>) -> Value {
    let list = properties.iter().map(|property| {
        let id = property.id();
        let value = match property.value() {
            PropertyValue::Byte(number) => number.into(),
            PropertyValue::TwoByteInteger(number) => number.into(),
            PropertyValue::FourByteInteger(number) | PropertyValue::VariableByteInteger(number) => {
                number.into()
            }
            PropertyValue::Utf8String(text) => text.into(),
            PropertyValue::BinaryData(data) => bytes(data),
            PropertyValue::Utf8StringPair(name, value) => json!([name, value]),
        };
        json!({ "identifier": id.get(), "name": id.title(), "value": value })
    });
    Value::Array(list.collect())
}

/// Bytes that may be anything: in hex, and as text when they are text.
fn bytes(bytes: &[u8]) -> Value {
    let mut object = Map::new();
    object.insert("length".into(), bytes.len().into());
    object.insert("hex".into(), hex(bytes).into());
    if let Some(text) = readable(bytes) {
        object.insert("text".into(), text.into());
    }
    Value::Object(object)
}
