//! The fast way for frequent packets that are right by their types: PUBLISH as most are, acknowledgements, CONNACK, SUBACK
//! and UNSUBACK as servers send them, PINGREQ and PINGRESP. It knows no errors: what it does not take, or not at once,
//! [`encode`](super::encode) takes. Without this file everything reads the same, only slower.

use crate::first_byte;
use crate::options::{Context, EncodeOptions};
use crate::output::Output;
use crate::packet::{ConnAck, Connect, Packet, Publish, SubAck, UnsubAck};
use crate::property::{Properties, Property, PropertyValue};
use crate::scan;
use crate::standard::{Delivery, PacketId, PacketType, Place, PropertySet, ReasonCode, Version};
use crate::write::{Sink, Writer};

/// Encodes the packet if it is one of the frequent ones; the number of bytes.
///
/// Performance: inlined, so that of a packet of a known type only its own branch is left.
#[inline(always)]
pub(super) fn encode<O: Output + ?Sized>(
    packet: &Packet<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    match packet {
        Packet::Publish(publish) => encode_publish(publish, options, out),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack)
            if ack.reason_code == ReasonCode::SUCCESS && ack.properties.is_empty_list() =>
        {
            // Every side may send them.
            let [high, low] = ack.packet_id.get().to_be_bytes();
            put(&[packet.first_byte(), 2, high, low], options, out)
        }
        Packet::PingReq => put_if_allowed(&[PacketType::PingReq.first_byte(0), 0], options, out),
        Packet::PingResp => put_if_allowed(&[PacketType::PingResp.first_byte(0), 0], options, out),
        Packet::ConnAck(connack) => encode_connack(connack, options, out),
        Packet::SubAck(suback) => encode_suback(suback, options, out),
        Packet::UnsubAck(unsuback) => encode_unsuback(unsuback, options, out),
        Packet::Connect(connect) => encode_connect(connect, options, out),
        _ => None,
    }
}

#[inline(never)]
fn encode_suback<O: Output + ?Sized>(
    suback: &SubAck<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let code = suback.reason_codes.as_single()?;
    if suback.properties.is_empty() {
        encode_code(PacketType::SubAck, suback.packet_id, code, options, out)
    } else {
        None
    }
}

#[inline(never)]
fn encode_unsuback<O: Output + ?Sized>(
    unsuback: &UnsubAck<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    if !unsuback.properties.is_empty() {
        return None;
    }
    if options.context().is_v5() {
        let code = unsuback.reason_codes.as_single()?;
        return encode_code(PacketType::UnsubAck, unsuback.packet_id, code, options, out);
    }
    if !unsuback.reason_codes.is_empty() {
        return None;
    }
    let [high, low] = unsuback.packet_id.get().to_be_bytes();
    put_if_allowed(&[PacketType::UnsubAck.first_byte(0), 2, high, low], options, out)
}

/// A packet of a few bytes.
#[inline(always)]
fn put<const N: usize, O: Output + ?Sized>(
    packet: &[u8; N],
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    if N > options.max_packet_size() as usize {
        return None;
    }
    out.append(packet).ok()?;
    Some(N)
}

/// A packet of a few bytes that is not everyone's to send.
#[inline(always)]
fn put_if_allowed<const N: usize, O: Output + ?Sized>(
    packet: &[u8; N],
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let [first, ..] = packet.as_slice() else { return None };
    if first_byte::is_allowed(*first, options.context()) { put(packet, options, out) } else { None }
}

/// A packet identifier and a reason code.
#[inline(always)]
fn encode_code<O: Output + ?Sized>(
    packet: PacketType,
    packet_id: PacketId,
    code: ReasonCode,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let c = options.context();
    let first = packet.first_byte(0);
    let [high, low] = packet_id.get().to_be_bytes();
    if !c.is_v5() && code <= ReasonCode::GRANTED_QOS_2 {
        put_if_allowed(&[first, 3, high, low, code.get()], options, out)
    } else if c.is_v5() && (code == ReasonCode::SUCCESS || code.is_listed(packet, c.sender())) {
        put_if_allowed(&[first, 4, high, low, 0, code.get()], options, out)
    } else {
        None
    }
}

/// A CONNACK with properties that are ready or can be made so.
#[inline(never)]
fn encode_connack<O: Output + ?Sized>(
    connack: &ConnAck<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let c = options.context();
    let first = PacketType::ConnAck.first_byte(0);
    let (session, code) = (u8::from(connack.session_present), connack.reason_code);
    let refused_session = connack.session_present && code != ReasonCode::SUCCESS;
    if refused_session || c.version() == Version::V31 {
        None
    } else if c.is_v5() {
        if code != ReasonCode::SUCCESS && !code.is_listed(PacketType::ConnAck, c.sender()) {
            None
        } else if connack.properties.is_empty() {
            put_if_allowed(&[first, 3, session, code.get(), 0], options, out)
        } else {
            encode_with_properties(&[first, session, code.get()], connack.properties, options, out)
        }
    } else if code == ReasonCode::SUCCESS && connack.properties.is_empty() {
        put_if_allowed(&[first, 2, session, 0], options, out)
    } else {
        None
    }
}

/// A CONNACK of 5.0: its first byte, its two other fields, and its properties.
#[inline(never)]
fn encode_with_properties<O: Output + ?Sized>(
    [first, session, code]: &[u8; 3],
    properties: Properties<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let c = options.context();
    let mut room = [0; ROOM];
    let block = match properties.ready_block(&Place::CONNACK, c) {
        Some(block) => block,
        None => listed(properties.as_list()?, &Place::CONNACK, c, &mut room)?,
    };
    let remaining = u8::try_from(block.len() + 3).ok().filter(|remaining| *remaining < 0x80)?;
    let len = 5 + block.len();
    if len > options.max_packet_size() as usize || !first_byte::is_allowed(*first, c) {
        return None;
    }
    let to = out.extend(5, block).ok()?;
    Writer::new(to, 0).put(&[*first, remaining, *session, *code, remaining - 3]);
    Some(len)
}

/// A CONNECT, its properties made a block first.
///
/// Performance: so the list is walked once, not once to be checked and counted and once to be written.
#[inline(never)]
fn encode_connect<O: Output + ?Sized>(
    connect: &Connect<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let properties = connect.properties;
    let list = properties.as_list().filter(|list| !list.is_empty())?;
    let mut room = [0; ROOM];
    let block = listed(list, &Place::CONNECT, options.context(), &mut room)?;
    let properties = Properties::checked(block, properties.ids());
    super::encode(&Connect { properties, ..*connect }.into(), options, &[], out).ok()
}

/// The longest payload and the longest topic: what is around both is well below 512 bytes, and the Remaining Length takes
/// two bytes.
const MOST: usize = 0x1F00;

/// A PUBLISH whose types vouch for all of it: with a topic, and with properties that are ready or can be made so.
#[inline(never)]
fn encode_publish<O: Output + ?Sized>(
    publish: &Publish<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    match publish.properties.ready_block(&Place::PUBLISH, options.context()) {
        Some(block) => encode_message(publish, block, options, out),
        None => encode_listed(publish, options, out),
    }
}

/// A PUBLISH, its properties made a block first.
#[inline(never)]
fn encode_listed<O: Output + ?Sized>(
    publish: &Publish<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let mut room = [0; ROOM];
    let block = listed(publish.properties.as_list()?, &Place::PUBLISH, options.context(), &mut room)?;
    encode_message(publish, block, options, out)
}

/// A PUBLISH with that property block.
#[inline(always)]
fn encode_message<O: Output + ?Sized>(
    publish: &Publish<'_>,
    block: &[u8],
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let Publish { dup, delivery, payload, .. } = *publish;
    let c = options.context();
    let topic = publish.topic?.as_bytes();
    let dup_at_qos_0 = dup && delivery == Delivery::AtMostOnce;
    if dup_at_qos_0 || topic.len() > MOST || block.len() >= 0x80 || payload.len() > MOST || c.asks_for_more()
    {
        return None;
    }
    let packet_id = delivery.packet_id().map(|id| id.get().to_be_bytes());
    let fixed = 2 + if packet_id.is_some() { 2 } else { 0 } + usize::from(c.is_v5());
    let body = fixed + topic.len() + block.len();
    let remaining = body + payload.len();
    let head = body + if remaining < 0x80 { 2 } else { 3 };
    let len = head + payload.len();
    if len > options.max_packet_size() as usize {
        return None;
    }
    let first = PacketType::Publish.first_byte(publish.flags());
    let [.., high, low] = topic.len().to_be_bytes();
    let [.., more, last] = (remaining << 1).to_be_bytes();
    let [.., block_len] = block.len().to_be_bytes();
    let mut writer = Writer::new(out.extend(head, payload).ok()?, 0);
    if remaining < 0x80 {
        writer.put(&[first, last >> 1, high, low]);
    } else {
        // The seven low bits, and the seven above them.
        writer.put(&[first, last >> 1 | 0x80, more, high, low]);
    }
    writer.put_text(topic);
    match packet_id {
        Some([high, low]) if c.is_v5() => writer.put(&[high, low, block_len]),
        Some(id) => writer.put(&id),
        None if c.is_v5() => writer.byte(block_len),
        None => {}
    }
    if !block.is_empty() {
        writer.put(block);
    }
    Some(len)
}

/// How many bytes a list of properties may take, some of which are kept free for what is written at a time.
const ROOM: usize = 256;

/// The properties of a list as a block that is written into `room`; `None` when one of them may not stand in this place, is
/// not right, or there is not enough room.
fn listed<'b>(
    list: &[Property<'_>],
    place: &Place,
    c: Context,
    room: &'b mut [u8; ROOM],
) -> Option<&'b [u8]> {
    if !c.is_v5() || c.has_strict_characters() {
        return None;
    }
    let mut open = place.allowed_from(c.sender());
    let again = open.intersection(place.repeats);
    let mut at = 0;
    for property in list {
        let id = property.id();
        if !open.contains(id) {
            return None;
        }
        open = open.difference(PropertySet::of(id)).union(again);
        let id = id.get();
        at = match property.value() {
            PropertyValue::Byte(n) => put_bytes(&[id, n], room, at)?,
            PropertyValue::TwoByteInteger(n) => {
                let [high, low] = n.to_be_bytes();
                put_bytes(&[id, high, low], room, at)?
            }
            PropertyValue::FourByteInteger(n) => {
                let [first, second, third, fourth] = n.to_be_bytes();
                put_bytes(&[id, first, second, third, fourth], room, at)?
            }
            PropertyValue::VariableByteInteger(n) => {
                put_bytes(&[id, u8::try_from(n).ok().filter(|n| *n < 0x80)?], room, at)?
            }
            PropertyValue::Utf8String(text) => put_text(id, text, room, at)?,
            PropertyValue::BinaryData(data) => put_data(id, data, room, at)?,
            PropertyValue::Utf8StringPair(name, value) => {
                let value_at = put_text(id, name, room, at)?;
                // The last byte of the name is written again in the place of an identifier.
                let last = room.get(value_at - 1).copied()?;
                put_text(last, value, room, value_at - 1)?
            }
        };
    }
    room.get(..at)
}

/// Writes bytes; the place behind them.
#[inline(always)]
fn put_bytes<const N: usize>(bytes: &[u8; N], room: &mut [u8; ROOM], at: usize) -> Option<usize> {
    *room.get_mut(at..)?.first_chunk_mut()? = *bytes;
    Some(at + N)
}

/// Writes a byte and a string behind it.
///
/// Performance: what is long is written in a function of its own, so that no register is saved for it.
#[inline(never)]
fn put_text(before: u8, text: &str, room: &mut [u8; ROOM], at: usize) -> Option<usize> {
    let text = text.as_bytes();
    if text.len() > scan::SHORT {
        return put_long(before, text, room, at);
    }
    let [.., high, low] = text.len().to_be_bytes();
    let to = room.get_mut(at..)?.first_chunk_mut::<{ 3 + scan::SHORT }>()?;
    let (start, to) = to.split_first_chunk_mut()?;
    *start = [before, high, low];
    scan::copy_without_nul(to.first_chunk_mut()?, text).then_some(at + 3 + text.len())
}

#[inline(never)]
fn put_long(before: u8, text: &[u8], room: &mut [u8; ROOM], at: usize) -> Option<usize> {
    if scan::has_nul(text) { None } else { put_data(before, text, room, at) }
}

/// Writes a byte and Binary Data behind it.
#[inline(never)]
fn put_data(before: u8, data: &[u8], room: &mut [u8; ROOM], at: usize) -> Option<usize> {
    let [.., high, low] = data.len().to_be_bytes();
    let at = put_bytes(&[before, high, low], room, at)?;
    let end = at + data.len();
    scan::copy(room.get_mut(at..end)?, data);
    Some(end)
}
