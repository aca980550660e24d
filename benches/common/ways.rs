//! The ways in which programs call mqtt-wire: the README's first. Everything that measures them measures these.

#![allow(dead_code, unreachable_pub, reason = "a module of several programs, none of which uses all of it")]

use std::hint::black_box;
use std::mem::discriminant;

use bytes::BytesMut;
use mqtt_wire::{
    Ack, ConnAck, DecodeError, DecodeOptions, Decoded, EncodeError, EncodeOptions, Frame, Output, Packet,
    PacketId, ReasonCode, SubAck, UnsubAck, Version, decode,
};

/// Where packets are handed to: a function of the program's own, which reads the type and the topic. All of the packet
/// has to be there when it comes.
#[inline(never)]
pub fn look(packet: Packet<'_>) {
    black_box(&packet);
    black_box(discriminant(&packet));
    black_box(topic(&packet));
}

/// The topic of a PUBLISH.
pub fn topic<'p>(packet: &'p Packet<'_>) -> &'p [u8] {
    match packet {
        Packet::Publish(publish) => publish.topic.map_or(&[], |topic| topic.as_str().as_bytes()),
        _ => &[],
    }
}

/// The way of the README: `match decode(..)?`, and each packet handed on by value. Whether the last one was whole.
#[inline]
pub fn readme<'a>(
    mut bytes: &'a [u8],
    options: DecodeOptions,
    mut each: impl FnMut(Packet<'a>),
) -> Result<bool, DecodeError> {
    while !bytes.is_empty() {
        match decode(bytes, options)? {
            Decoded::Packet { packet, len } => {
                bytes = &bytes[len..];
                each(packet);
            }
            Decoded::Incomplete { .. } => return Ok(false),
        }
    }
    Ok(true)
}

/// The same with a function of the program's own in between, [`next`].
#[inline]
pub fn helper<'a>(
    mut bytes: &'a [u8],
    options: DecodeOptions,
    mut each: impl FnMut(Packet<'a>),
) -> Result<bool, DecodeError> {
    while !bytes.is_empty() {
        match next(&mut bytes, options)? {
            Some(packet) => each(packet),
            None => return Ok(false),
        }
    }
    Ok(true)
}

#[inline(never)]
fn next<'a>(bytes: &mut &'a [u8], options: DecodeOptions) -> Result<Option<Packet<'a>>, DecodeError> {
    match decode(bytes, options)? {
        Decoded::Packet { packet, len } => {
            *bytes = &bytes[len..];
            Ok(Some(packet))
        }
        Decoded::Incomplete { .. } => Ok(None),
    }
}

/// The result is looked at where it is, not moved.
#[inline]
pub fn by_reference(
    mut bytes: &[u8],
    options: DecodeOptions,
    mut each: impl FnMut(&Packet<'_>),
) -> Result<bool, DecodeError> {
    while !bytes.is_empty() {
        match &decode(bytes, options) {
            Ok(Decoded::Packet { packet, len }) => {
                bytes = &bytes[*len..];
                each(packet);
            }
            Ok(Decoded::Incomplete { .. }) => return Ok(false),
            Err(error) => return Err(*error),
        }
    }
    Ok(true)
}

/// Owned frames split off a `BytesMut`, and the packet of each handed on by value.
#[inline]
pub fn frames(
    bytes: &mut BytesMut,
    options: DecodeOptions,
    mut each: impl FnMut(Packet<'_>),
) -> Result<bool, DecodeError> {
    while !bytes.is_empty() {
        match Frame::split_from(bytes, options)? {
            Some(frame) => each(frame.packet()?),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Reads every field, property and item, texts as `&str`.
#[inline]
pub fn read_all(packet: &Packet<'_>) {
    match packet {
        Packet::Connect(body) => {
            black_box((body.version, body.clean_start, body.keep_alive, body.client_id));
            each(body.properties);
            if let Some(will) = body.will {
                let will = will.get();
                black_box((will.qos, will.retain, will.topic.as_str(), will.payload));
                each(will.properties);
            }
            black_box((body.user_name, body.password));
        }
        Packet::ConnAck(body) => {
            black_box((body.session_present, body.reason_code));
            each(body.properties);
        }
        Packet::Publish(body) => {
            black_box((body.delivery, body.retain, body.topic.map(|topic| topic.as_str()), body.payload));
            each(body.properties);
        }
        Packet::PubAck(body) | Packet::PubRec(body) | Packet::PubRel(body) | Packet::PubComp(body) => {
            black_box((body.packet_id, body.reason_code));
            each(body.properties);
        }
        Packet::Subscribe(body) => {
            black_box(body.packet_id);
            each(body.properties);
            for subscription in body.subscriptions {
                black_box((subscription.filter.as_str(), subscription.options()));
            }
        }
        Packet::Unsubscribe(body) => {
            black_box(body.packet_id);
            each(body.properties);
            for filter in body.filters {
                black_box(filter.as_str());
            }
        }
        Packet::SubAck(body) => {
            black_box(body.packet_id);
            each(body.properties);
            each(body.reason_codes);
        }
        Packet::UnsubAck(body) => {
            black_box(body.packet_id);
            each(body.properties);
            each(body.reason_codes);
        }
        Packet::Disconnect(body) => {
            black_box(body.reason_code);
            each(body.properties);
        }
        Packet::Auth(body) => {
            black_box(body.reason_code);
            each(body.properties);
        }
        Packet::PingReq | Packet::PingResp => {}
    }
}

#[inline]
fn each<T>(items: impl IntoIterator<Item = T>) {
    for item in items {
        black_box(&item);
    }
}

/// The answers of a server, each built and written to `out`: CONNACK, SUBACK and UNSUBACK of one filter, two PUBACK,
/// PINGRESP.
#[inline]
pub fn answer<O: Output>(
    [suback, unsuback, first, second]: [PacketId; 4],
    options: EncodeOptions,
    out: &mut O,
) -> Result<(), EncodeError> {
    let granted = [ReasonCode::GRANTED_QOS_1];
    // UNSUBACK has no codes before 5.0.
    let removed: &[ReasonCode] =
        if options.version() == Some(Version::V5) { &[ReasonCode::SUCCESS] } else { &[] };
    let mut send = |packet: Packet<'_>| packet.encode(options, &mut *out);
    send(ConnAck::new(ReasonCode::SUCCESS).into())?;
    send(SubAck::new(suback, &granted).into())?;
    send(UnsubAck::new(unsuback, removed).into())?;
    send(Packet::PubAck(Ack::new(first)))?;
    send(Packet::PubAck(Ack::new(second)))?;
    send(Packet::PingResp)?;
    Ok(())
}
