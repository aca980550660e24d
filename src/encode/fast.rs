//! The fast way for frequent packets that are right by their types: PUBLISH as most are, acknowledgements, CONNACK, SUBACK
//! and UNSUBACK as servers send them, PINGREQ and PINGRESP. It knows no errors: what it does not take, or not at once,
//! [`encode`](super::encode) takes. Without this file everything reads the same, only slower.

use crate::options::{Context, EncodeOptions};
use crate::packet::{Ack, ConnAck, Connect, Packet, Publish, SubAck, UnsubAck, first_byte};
use crate::property::{Properties, Property, PropertyValue};
use crate::scan;
use crate::standard::{Delivery, PacketId, PacketType, Place, PropertyId, PropertySet, ReasonCode, Version};
use crate::write::{Output, Sink, Writer};

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
        Packet::PubAck(ack) => encode_ack(PacketType::PubAck.first_byte(0), ack, options, out),
        Packet::PubRec(ack) => encode_ack(PacketType::PubRec.first_byte(0), ack, options, out),
        Packet::PubRel(ack) => encode_ack(PacketType::PubRel.first_byte(0b0010), ack, options, out),
        Packet::PubComp(ack) => encode_ack(PacketType::PubComp.first_byte(0), ack, options, out),
        Packet::PingReq => put_if_allowed(&[PacketType::PingReq.first_byte(0), 0], options, out),
        Packet::PingResp => put_if_allowed(&[PacketType::PingResp.first_byte(0), 0], options, out),
        Packet::ConnAck(connack) => encode_connack(connack, options, out),
        Packet::SubAck(suback) => encode_suback(suback, options, out),
        Packet::UnsubAck(unsuback) => encode_unsuback(unsuback, options, out),
        Packet::Connect(connect) => encode_connect(connect, options, out),
        _ => None,
    }
}

/// A short acknowledgement, which every side may send.
#[inline(always)]
fn encode_ack<O: Output + ?Sized>(
    first: u8,
    ack: &Ack<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    if ack.reason_code != ReasonCode::SUCCESS || !ack.properties.is_empty_list() {
        return None;
    }
    let [high, low] = ack.packet_id.get().to_be_bytes();
    put(&[first, 2, high, low], options, out)
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
    let ConnAck { session_present, reason_code, properties, .. } = *connack;
    let first = PacketType::ConnAck.first_byte(0);
    let (session, code) = (u8::from(session_present), reason_code.get());
    let success = reason_code == ReasonCode::SUCCESS;
    if session_present && !success || c.version() == Version::V31 {
        return None;
    }
    if !c.is_v5() {
        let plain = success && properties.is_empty_list();
        return if plain { put_if_allowed(&[first, 2, session, 0], options, out) } else { None };
    }
    if !success && !reason_code.is_listed(PacketType::ConnAck, c.sender()) {
        return None;
    }
    if properties.is_empty_list() {
        return put_if_allowed(&[first, 3, session, code, 0], options, out);
    }
    if !first_byte::is_allowed(first, c) {
        return None;
    }
    let Some(block) = properties.ready_block(&Place::CONNACK, c) else {
        let mut room = [0; ROOM];
        let at = put_bytes(&[session, code], &mut room, HEADER)?;
        let at = put_list(properties.as_list()?, &Place::CONNACK, c, &mut room, at)?;
        return send(first, &mut room, at, &[], options, out);
    };
    let remaining = u8::try_from(block.len() + 3).ok().filter(|remaining| *remaining < 0x80)?;
    let len = 5 + block.len();
    if len > options.max_packet_size() as usize {
        return None;
    }
    let to = out.extend(5, block).ok()?;
    Writer::new(to, 0).put(&[first, remaining, session, code, remaining - 3]);
    Some(len)
}

/// A CONNECT of 3.1.1 or 5.0, without Authentication Data.
///
/// Performance: written at once into memory of its own, and copied from there: texts are looked at as they are copied, and
/// lists are walked once, not once to be checked and counted and once to be written.
#[inline(never)]
fn encode_connect<O: Output + ?Sized>(
    connect: &Connect<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let c = options.context();
    let Connect { version, clean_start, client_id, will, user_name, password, .. } = *connect;
    let first = PacketType::Connect.first_byte(0);
    let password_alone = password.is_some() && user_name.is_none() && !c.is_v5();
    let unidentified = client_id.is_empty() && !clean_start && !c.is_v5();
    if version != c.version() || version == Version::V31 || connect.bridge || password_alone || unidentified {
        return None;
    }
    if c.asks_for_more() || !first_byte::is_allowed(first, c) {
        return None;
    }
    let mut room = [0; ROOM];
    let [high, low] = connect.keep_alive.to_be_bytes();
    let start = [0, 4, b'M', b'Q', b'T', b'T', version.get(), connect.flags(), high, low];
    let at = put_bytes(&start, &mut room, HEADER)?;
    let at = put_properties(connect.properties, &Place::CONNECT, c, &mut room, at)?;
    let mut at = put_text(client_id.as_bytes(), &mut room, at)?;
    if let Some(will) = will {
        at = if let Some(bytes) = will.ready_bytes(c) {
            put_slice(bytes, &mut room, at)?
        } else {
            let will = will.as_built()?;
            let at = put_properties(will.properties, &Place::WILL, c, &mut room, at)?;
            let at = put_data(will.topic.as_bytes(), &mut room, at)?;
            put_data(will.payload, &mut room, at)?
        };
    }
    if let Some(user_name) = user_name {
        at = put_text(user_name.as_bytes(), &mut room, at)?;
    }
    if let Some(password) = password {
        at = put_data(password, &mut room, at)?;
    }
    send(first, &mut room, at, &[], options, out)
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
    let topic_len = publish.topic.map_or(0, |topic| topic.as_bytes().len());
    let is_short = topic_len <= scan::SHORT && publish.payload.len() <= WHOLE;
    // Performance: on small machines the code of a way of its own counts more.
    if usize::BITS == 64 && publish.properties.are_plainly_none() && is_short {
        encode_short(publish, options, out)
    } else {
        encode_larger(publish, options, out)
    }
}

/// A PUBLISH that has properties or is not short.
#[inline(never)]
fn encode_larger<O: Output + ?Sized>(
    publish: &Publish<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    match publish.properties.ready_block(&Place::PUBLISH, options.context()) {
        Some(block) => encode_message(publish, block, options, out),
        // Performance: on small machines the code for a second size counts more, and the stack.
        None if usize::BITS == 64 && publish.properties.as_list()?.len() > FEW => {
            encode_listed::<LARGE_ROOM, O>(publish, options, out)
        }
        None => encode_listed::<ROOM, O>(publish, options, out),
    }
}

/// The longest payload that is written behind its head: no Remaining Length is then above 0x7F.
const WHOLE: usize = 0x7F - 5 - scan::SHORT;

/// The most frequent PUBLISH, without properties: its topic has at most [`scan::SHORT`] bytes and its payload at most
/// [`WHOLE`].
///
/// Performance: it is written from its start to its end, and nothing but its length outlives the copy of the payload.
#[inline(never)]
fn encode_short<O: Output + ?Sized>(
    publish: &Publish<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let Publish { delivery, payload, .. } = *publish;
    let c = options.context();
    let topic = publish.topic?.as_bytes();
    let flags = publish.flags();
    let dup_at_qos_0 = flags & 0b1110 == 0b1000;
    if dup_at_qos_0 || c.asks_for_more() {
        return None;
    }
    let packet_id = delivery.packet_id().map(|id| id.get().to_be_bytes());
    let fixed = 2 + if packet_id.is_some() { 2 } else { 0 } + usize::from(c.is_v5());
    let remaining = fixed + topic.len() + payload.len();
    let len = remaining + 2;
    if len > options.max_packet_size() as usize {
        return None;
    }
    let first = PacketType::Publish.first_byte(flags);
    let [.., high, low] = topic.len().to_be_bytes();
    let [.., last] = remaining.to_be_bytes();
    let mut writer = Writer::new(out.extend(len, &[]).ok()?, 0);
    writer.put(&[first, last, high, low]);
    writer.put_short(topic);
    match packet_id {
        Some([high, low]) if c.is_v5() => writer.put(&[high, low, 0]),
        Some(id) => writer.put(&id),
        None if c.is_v5() => writer.byte(0),
        None => {}
    }
    writer.put(payload);
    Some(len)
}

/// A PUBLISH with a list of properties.
#[inline(never)]
fn encode_listed<const N: usize, O: Output + ?Sized>(
    publish: &Publish<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let Publish { dup, delivery, .. } = *publish;
    let c = options.context();
    if dup && delivery == Delivery::AtMostOnce || c.asks_for_more() {
        return None;
    }
    let mut room = [0; N];
    let mut at = put_topic(publish.topic?.as_bytes(), &mut room, HEADER)?;
    if let Some(id) = delivery.packet_id() {
        at = put_bytes(&id.get().to_be_bytes(), &mut room, at)?;
    }
    at = put_list(publish.properties.as_list()?, &Place::PUBLISH, c, &mut room, at)?;
    send(PacketType::Publish.first_byte(publish.flags()), &mut room, at, publish.payload, options, out)
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

/// What is kept free for the fixed header: less than 0x4000 is behind it.
const HEADER: usize = 3;

/// Writes the fixed header before a body that ends at `end` and goes on with `tail`; the output takes all of it.
#[inline(always)]
fn send<const N: usize, O: Output + ?Sized>(
    first: u8,
    room: &mut [u8; N],
    end: usize,
    tail: &[u8],
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let remaining = (end - HEADER).checked_add(tail.len()).filter(|remaining| *remaining < 0x4000)?;
    let [.., more, last] = (remaining << 1).to_be_bytes();
    let start = if remaining < 0x80 {
        put_bytes(&[first, last >> 1], room, 1)?;
        1
    } else {
        put_bytes(&[first, last >> 1 | 0x80, more], room, 0)?;
        0
    };
    let len = HEADER - start + remaining;
    if len > options.max_packet_size() as usize {
        return None;
    }
    if let Some(to) = room.get_mut(end..end + tail.len()) {
        to.copy_from_slice(tail);
        out.append(room.get(start..end + tail.len())?).ok()?;
    } else {
        let head = room.get(start..end)?;
        out.extend(head.len(), tail).ok()?.copy_from_slice(head);
    }
    Some(len)
}

/// Writes a property block of less than 128 bytes; 3.x has none.
#[inline(always)]
fn put_properties(
    properties: Properties<'_>,
    place: &Place,
    c: Context,
    room: &mut [u8; ROOM],
    at: usize,
) -> Option<usize> {
    if !c.is_v5() {
        return properties.is_empty_list().then_some(at);
    }
    if properties.is_empty_list() {
        return put_bytes(&[0], room, at);
    }
    match properties.ready_block(place, c) {
        // Whether a method goes with it is not looked at here.
        Some(_) if properties.contains(PropertyId::AuthenticationData) => None,
        Some(block) => {
            let at = put_bytes(&[u8::try_from(block.len()).ok().filter(|len| *len < 0x80)?], room, at)?;
            put_slice(block, room, at)
        }
        None => put_list(properties.as_list()?, place, c, room, at),
    }
}

/// Writes a topic, whose type vouches for it.
fn put_topic<const N: usize>(topic: &[u8], room: &mut [u8; N], at: usize) -> Option<usize> {
    if topic.len() > scan::SHORT {
        return put_data(topic, room, at);
    }
    let [.., high, low] = topic.len().to_be_bytes();
    let to = room.get_mut(at..)?.first_chunk_mut::<SLACK>()?;
    let (len, to) = to.split_first_chunk_mut()?;
    *len = [high, low];
    let _ = scan::copy_without_nul(to.first_chunk_mut()?, topic);
    Some(at + 2 + topic.len())
}

/// How many bytes may be written before they are copied.
const ROOM: usize = 256;

/// The same for a PUBLISH with more than [`FEW`] properties.
const LARGE_ROOM: usize = 1024;

/// How many properties most lists have at most.
const FEW: usize = 8;

/// How many bytes a text has to have room for, however short it is: what is behind it is written over.
const SLACK: usize = 2 + scan::SHORT;

/// Writes a list of properties as a block; `None` when one of them may not stand in this place or is not right, or when
/// there is not enough room; on small machines when the block has 128 bytes or more, too.
#[inline(never)]
fn put_list<const N: usize>(
    list: &[Property<'_>],
    place: &Place,
    c: Context,
    room: &mut [u8; N],
    start: usize,
) -> Option<usize> {
    if !c.is_v5() || c.has_strict_characters() {
        return None;
    }
    // Whether a method goes with it is not looked at here.
    let data = PropertySet::of(PropertyId::AuthenticationData);
    let again = place.allowed_from(c.sender()).intersection(place.repeats);
    // Performance: the set of what may not come, since to put one in is an instruction, and to take one out is four.
    let mut closed = place.closed_to(c.sender()).union(data);
    let mut at = start + 1;
    for property in list {
        let id = property.id();
        let then = closed.union(PropertySet::of(id));
        if then == closed {
            return None;
        }
        closed = then.difference(again);
        let id = id.get();
        // Performance: the text of a topic would be looked at again to be a `str`.
        if let Property::ResponseTopic(topic) = property {
            at = put_bytes(&[id], room, at)?;
            at = put_topic(topic.as_bytes(), room, at)?;
            continue;
        }
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
            PropertyValue::Utf8String(text) => {
                let at = put_bytes(&[id], room, at)?;
                put_text(text.as_bytes(), room, at)?
            }
            PropertyValue::BinaryData(data) => {
                let at = put_bytes(&[id], room, at)?;
                put_data(data, room, at)?
            }
            PropertyValue::Utf8StringPair(name, value) => {
                let at = put_bytes(&[id], room, at)?;
                let at = put_text(name.as_bytes(), room, at)?;
                put_text(value.as_bytes(), room, at)?
            }
        };
    }
    let len = at - start - 1;
    if len < 0x80 {
        let [.., last] = len.to_be_bytes();
        put_bytes(&[last], room, start)?;
        return Some(at);
    }
    // Performance: on small machines what follows takes memmove, which is 1.5 KB of code.
    if usize::BITS < 64 {
        return None;
    }
    // A length of two bytes, for which the block makes room.
    let block = room.get_mut(start + 1..=at)?;
    let most = block.len().checked_sub(1)?;
    block.copy_within(..most, 1);
    let [.., more, last] = (len << 1).to_be_bytes();
    put_bytes(&[last >> 1 | 0x80, more], room, start)?;
    Some(at + 1)
}

/// Writes bytes; the place behind them.
#[inline(always)]
fn put_bytes<const LEN: usize, const N: usize>(
    bytes: &[u8; LEN],
    room: &mut [u8; N],
    at: usize,
) -> Option<usize> {
    *room.get_mut(at..)?.first_chunk_mut()? = *bytes;
    Some(at + LEN)
}

/// Writes a string.
///
/// Performance: what is long is written in a function of its own, so that no register is saved for it.
#[inline(never)]
fn put_text<const N: usize>(text: &[u8], room: &mut [u8; N], at: usize) -> Option<usize> {
    if text.len() > scan::SHORT {
        return put_long(text, room, at);
    }
    let [.., high, low] = text.len().to_be_bytes();
    let to = room.get_mut(at..)?.first_chunk_mut::<SLACK>()?;
    let (len, to) = to.split_first_chunk_mut()?;
    *len = [high, low];
    scan::copy_without_nul(to.first_chunk_mut()?, text).then_some(at + 2 + text.len())
}

#[inline(never)]
fn put_long<const N: usize>(text: &[u8], room: &mut [u8; N], at: usize) -> Option<usize> {
    if scan::has_nul(text) { None } else { put_data(text, room, at) }
}

/// Writes Binary Data.
#[inline(never)]
fn put_data<const N: usize>(data: &[u8], room: &mut [u8; N], at: usize) -> Option<usize> {
    let [.., high, low] = data.len().to_be_bytes();
    let at = put_bytes(&[high, low], room, at)?;
    put_slice(data, room, at)
}

/// Writes bytes of any number; the place behind them.
fn put_slice<const N: usize>(bytes: &[u8], room: &mut [u8; N], at: usize) -> Option<usize> {
    let end = at.checked_add(bytes.len())?;
    scan::copy(room.get_mut(at..end)?, bytes);
    Some(end)
}
