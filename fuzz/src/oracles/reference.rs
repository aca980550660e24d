//! An encoder written from the figures of the standard, which checks nothing: to judge the library by.

use mqtt_wire::{
    Ack, Connect, Packet, PacketId, Properties, PropertyValue, Publish, ReasonCode, Subscription,
    TopicFilter, Version, WillRef,
};

use super::canonical::variable;

/// The bytes of a packet in its shortest form, right or wrong; `None` for what the version has no form for.
pub(super) fn encode(packet: &Packet<'_>, version: Version) -> Option<Vec<u8>> {
    let (flags, body) = match packet {
        Packet::Connect(connect) => (0, connect_body(connect, version)?),
        Packet::ConnAck(connack) => {
            if connack.session_present && version == Version::V31 {
                return None;
            }
            let code = connack_code(connack.reason_code, version)?;
            let session_present = u8::from(connack.session_present);
            (0, [vec![session_present, code], properties(&connack.properties, version)?].concat())
        }
        Packet::Publish(publish) => publish_parts(publish, version)?,
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack) => (0, ack_body(ack, version)?),
        Packet::PubRel(ack) => (2, ack_body(ack, version)?),
        Packet::Subscribe(body) => {
            let list = body
                .subscriptions
                .iter()
                .map(|one| subscription(&one, version))
                .collect::<Option<Vec<_>>>()?;
            (2, [id(body.packet_id), properties(&body.properties, version)?, list.concat()].concat())
        }
        Packet::SubAck(body) => {
            let list = codes(body.reason_codes);
            (0, [id(body.packet_id), properties(&body.properties, version)?, list].concat())
        }
        Packet::Unsubscribe(body) => {
            let list = body.filters.iter().map(|one| filter(one, version)).collect::<Option<Vec<_>>>()?;
            (2, [id(body.packet_id), properties(&body.properties, version)?, list.concat()].concat())
        }
        Packet::UnsubAck(body) => {
            let list = codes(body.reason_codes);
            (0, [id(body.packet_id), properties(&body.properties, version)?, list].concat())
        }
        Packet::PingReq | Packet::PingResp => (0, Vec::new()),
        Packet::Disconnect(body) => (0, reason_and_properties(body.reason_code, &body.properties, version)?),
        Packet::Auth(auth) if auth.reason_code == ReasonCode::SUCCESS && auth.properties.is_empty() => {
            (0, Vec::new())
        }
        Packet::Auth(auth) => {
            (0, [vec![auth.reason_code.get()], properties(&auth.properties, version)?].concat())
        }
    };
    let first = packet.packet_type().get() << 4 | flags;
    Some([vec![first], variable(body.len()), body].concat())
}

fn connect_body(connect: &Connect<'_>, version: Version) -> Option<Vec<u8>> {
    if connect.version != version {
        return None;
    }
    let (name, level): (&[u8], u8) = match version {
        Version::V31 => (b"MQIsdp", 3),
        Version::V311 => (b"MQTT", 4),
        Version::V5 => (b"MQTT", 5),
    };
    let mut flags = u8::from(connect.clean_start) << 1;
    let mut payload = binary(connect.client_id.as_bytes())?;
    if let Some(will) = connect.will.map(WillRef::get) {
        flags |= 1 << 2 | will.qos.get() << 3 | u8::from(will.retain) << 5;
        payload.extend(properties(&will.properties, version)?);
        payload.extend(binary(will.topic.as_bytes())?);
        payload.extend(binary(will.payload)?);
    }
    if let Some(user_name) = connect.user_name {
        flags |= 1 << 7;
        payload.extend(binary(user_name.as_bytes())?);
    }
    if let Some(password) = connect.password {
        flags |= 1 << 6;
        payload.extend(binary(password)?);
    }
    let level = level | u8::from(connect.bridge) << 7;
    let fixed = [vec![level, flags], connect.keep_alive.to_be_bytes().to_vec()].concat();
    Some([binary(name)?, fixed, properties(&connect.properties, version)?, payload].concat())
}

/// Table 3.1 of 3.1.1 beside Table 3-1 of 5.0.
fn connack_code(code: ReasonCode, version: Version) -> Option<u8> {
    match (version, code.get()) {
        (Version::V5, code) => Some(code),
        (_, 0) => Some(0),
        (_, 0x84) => Some(1),
        (_, 0x85) => Some(2),
        (_, 0x88) => Some(3),
        (_, 0x86) => Some(4),
        (_, 0x87) => Some(5),
        (_, 1..=5) => None,
        (_, reserved) => Some(reserved),
    }
}

fn publish_parts(publish: &Publish<'_>, version: Version) -> Option<(u8, Vec<u8>)> {
    let qos = publish.delivery.qos().get();
    let flags = u8::from(publish.dup) << 3 | qos << 1 | u8::from(publish.retain);
    let topic = binary(publish.topic.map_or(b"", |topic| topic.as_bytes()))?;
    let packet_id = publish.delivery.packet_id().map(id).unwrap_or_default();
    let properties = properties(&publish.properties, version)?;
    Some((flags, [topic, packet_id, properties, publish.payload.to_vec()].concat()))
}

fn ack_body(ack: &Ack<'_>, version: Version) -> Option<Vec<u8>> {
    Some([id(ack.packet_id), reason_and_properties(ack.reason_code, &ack.properties, version)?].concat())
}

/// Both left out when they say nothing; 3.x has neither.
fn reason_and_properties(
    code: ReasonCode,
    properties_: &Properties<'_>,
    version: Version,
) -> Option<Vec<u8>> {
    match (code.get(), properties_.is_empty()) {
        (0, true) => Some(Vec::new()),
        _ if version != Version::V5 => None,
        (code, true) => Some(vec![code]),
        (code, false) => Some([vec![code], properties(properties_, version)?].concat()),
    }
}

/// `$share/` begins a shared subscription in 5.0 alone: what is one, or is none, has no form where it would be the other.
fn filter(filter: TopicFilter<'_>, version: Version) -> Option<Vec<u8>> {
    let shared_there = version == Version::V5 && filter.as_bytes().starts_with(b"$share/");
    if shared_there == filter.is_shared() { binary(filter.as_bytes()) } else { None }
}

fn subscription(subscription: &Subscription<'_>, version: Version) -> Option<Vec<u8>> {
    let options = subscription.maximum_qos.get()
        | u8::from(subscription.no_local) << 2
        | u8::from(subscription.retain_as_published) << 3
        | subscription.retain_handling.get() << 4;
    Some([filter(subscription.filter, version)?, vec![options]].concat())
}

fn codes(codes: mqtt_wire::List<'_, ReasonCode>) -> Vec<u8> {
    codes.iter().map(ReasonCode::get).collect()
}

fn id(id: PacketId) -> Vec<u8> {
    id.get().to_be_bytes().to_vec()
}

fn properties(properties: &Properties<'_>, version: Version) -> Option<Vec<u8>> {
    if version != Version::V5 {
        return if properties.iter().next().is_none() { Some(Vec::new()) } else { None };
    }
    let mut block = Vec::new();
    for property in properties {
        block.push(property.id() as u8);
        block.extend(match property.value() {
            PropertyValue::Byte(value) => vec![value],
            PropertyValue::TwoByteInteger(value) => value.to_be_bytes().to_vec(),
            PropertyValue::FourByteInteger(value) => value.to_be_bytes().to_vec(),
            PropertyValue::VariableByteInteger(value) => variable(value as usize),
            PropertyValue::Utf8String(value) => binary(value.as_bytes())?,
            PropertyValue::BinaryData(value) => binary(value)?,
            PropertyValue::Utf8StringPair(name, value) => {
                [binary(name.as_bytes())?, binary(value.as_bytes())?].concat()
            }
        });
    }
    Some([variable(block.len()), block].concat())
}

fn binary(bytes: &[u8]) -> Option<Vec<u8>> {
    let len = u16::try_from(bytes.len()).ok()?;
    Some([&len.to_be_bytes(), bytes].concat())
}
