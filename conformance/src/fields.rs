//! A packet of the library in the vocabulary of `mqtt-inspect --json`, without what can be worked out from the
//! rest: see "Values" in the suite's README.

use mqtt_wire::{
    Connect, Packet, PacketId, Properties, Property, Publish, ReasonCode, Subscription, Version, Will,
};
use serde_json::{Map, Value, json};

use crate::hex;

/// The fields of a packet.
pub(crate) fn of(packet: &Packet<'_>, version: Version) -> Value {
    let v5 = version == Version::V5;
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    match packet {
        Packet::Connect(body) => connect(body, v5, &mut put),
        Packet::ConnAck(body) => {
            if version != Version::V31 {
                put("session_present", body.session_present.into());
            }
            let code = if v5 { Some(body.reason_code.get()) } else { body.reason_code.to_return_code() };
            put(if v5 { "reason_code" } else { "return_code" }, code.into());
            put("properties", properties(body.properties));
        }
        Packet::Publish(body) => publish(body, &mut put),
        Packet::PubAck(body) | Packet::PubRec(body) | Packet::PubRel(body) | Packet::PubComp(body) => {
            put("packet_identifier", body.packet_id.get().into());
            if v5 {
                put("reason_code", body.reason_code.get().into());
            }
            put("properties", properties(body.properties));
        }
        Packet::Subscribe(body) => {
            put("packet_identifier", body.packet_id.get().into());
            put("properties", properties(body.properties));
            put("subscriptions", body.subscriptions.iter().map(|one| subscription(&one, v5)).collect());
        }
        Packet::SubAck(body) => {
            put("packet_identifier", body.packet_id.get().into());
            put("properties", properties(body.properties));
            let name = if v5 { "reason_codes" } else { "return_codes" };
            put(name, body.reason_codes.iter().map(ReasonCode::get).collect());
        }
        Packet::Unsubscribe(body) => {
            put("packet_identifier", body.packet_id.get().into());
            put("properties", properties(body.properties));
            put("topic_filters", body.filters.iter().map(|filter| filter.as_str()).collect());
        }
        Packet::UnsubAck(body) => {
            put("packet_identifier", body.packet_id.get().into());
            put("properties", properties(body.properties));
            if v5 {
                put("reason_codes", body.reason_codes.iter().map(ReasonCode::get).collect());
            }
        }
        Packet::PingReq | Packet::PingResp => {}
        Packet::Disconnect(body) => {
            if v5 {
                put("reason_code", body.reason_code.get().into());
            }
            put("properties", properties(body.properties));
        }
        Packet::Auth(body) => {
            put("reason_code", body.reason_code.get().into());
            put("properties", properties(body.properties));
        }
    }
    Value::Object(fields)
}

type Put<'a> = &'a mut dyn FnMut(&str, Value);

fn connect(body: &Connect<'_>, v5: bool, put: Put<'_>) {
    put("protocol_name", body.version.protocol_name().into());
    put(if v5 { "protocol_version" } else { "protocol_level" }, body.version.get().into());
    put(if v5 { "clean_start" } else { "clean_session" }, body.clean_start.into());
    put("keep_alive", body.keep_alive.into());
    put("properties", properties(body.properties));
    put("client_identifier", body.client_id.into());
    put("will", body.will.map(|one| will(&one.get(), v5)).into());
    put("user_name", body.user_name.into());
    put("password", body.password.map(bytes).into());
}

fn will(will: &Will<'_>, v5: bool) -> Value {
    json!({
        "qos": will.qos.get(),
        "retain": will.retain,
        "properties": properties(will.properties),
        "topic": will.topic.as_str(),
        if v5 { "payload" } else { "message" }: bytes(will.payload),
    })
}

fn publish(body: &Publish<'_>, put: Put<'_>) {
    put("dup", body.dup.into());
    put("qos", body.delivery.qos().get().into());
    put("retain", body.retain.into());
    put("topic_name", body.topic.map_or("", |topic| topic.as_str()).into());
    put("packet_identifier", body.delivery.packet_id().map(PacketId::get).into());
    put("properties", properties(body.properties));
    put("payload", bytes(body.payload));
}

fn subscription(one: &Subscription<'_>, v5: bool) -> Value {
    let (filter, qos) = (one.filter.as_str(), one.maximum_qos.get());
    if !v5 {
        return json!({ "topic_filter": filter, "requested_qos": qos });
    }
    json!({
        "topic_filter": filter,
        "maximum_qos": qos,
        "no_local": one.no_local,
        "retain_as_published": one.retain_as_published,
        "retain_handling": one.retain_handling.get(),
    })
}

fn properties(properties: Properties<'_>) -> Value {
    properties
        .iter()
        .map(|property| json!({ "identifier": property.id() as u8, "value": value(&property) }))
        .collect()
}

fn value(property: &Property<'_>) -> Value {
    use Property as P;
    match *property {
        P::PayloadFormatIndicator(is)
        | P::RequestProblemInformation(is)
        | P::RequestResponseInformation(is)
        | P::RetainAvailable(is)
        | P::WildcardSubscriptionAvailable(is)
        | P::SubscriptionIdentifierAvailable(is)
        | P::SharedSubscriptionAvailable(is) => u8::from(is).into(),
        P::MessageExpiryInterval(n) | P::SessionExpiryInterval(n) | P::WillDelayInterval(n) => n.into(),
        P::ServerKeepAlive(n) | P::TopicAliasMaximum(n) => n.into(),
        P::ReceiveMaximum(n) | P::TopicAlias(n) => n.get().into(),
        P::MaximumPacketSize(n) => n.get().into(),
        P::MaximumQoS(qos) => qos.get().get().into(),
        P::SubscriptionIdentifier(id) => id.get().into(),
        P::ContentType(text)
        | P::AssignedClientIdentifier(text)
        | P::AuthenticationMethod(text)
        | P::ResponseInformation(text)
        | P::ServerReference(text)
        | P::ReasonString(text) => text.into(),
        P::ResponseTopic(topic) => topic.as_str().into(),
        P::CorrelationData(data) | P::AuthenticationData(data) => bytes(data),
        P::UserProperty((name, value)) => json!([name, value]),
        _ => Value::Null,
    }
}

fn bytes(bytes: &[u8]) -> Value {
    json!({ "hex": hex::plain(bytes) })
}
