//! The fast way for frequent packets that are right by their types: PUBLISH as most are, acknowledgements, CONNACK, SUBACK
//! and UNSUBACK as servers send them, PINGREQ and PINGRESP. It knows no errors: what it does not take, or not at once,
//! [`encode`](super::encode) takes. Without this file everything reads the same, only slower.

use crate::first_byte;
use crate::options::{Context, EncodeOptions};
use crate::output::Output;
use crate::packet::{Ack, ConnAck, Connect, Packet, Publish};
use crate::property::Properties;
use crate::standard::{Delivery, PacketId, PacketType, Place, ReasonCode, Version};
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
    let c = options.context();
    let short = Short { packet: packet.packet_type(), options };
    match packet {
        Packet::Publish(publish) if publish.properties.as_list().is_some() => {
            encode_listed(packet, options, out)
        }
        Packet::ConnAck(ConnAck { properties, .. }) | Packet::Connect(Connect { properties, .. })
            if properties.as_list().is_some() =>
        {
            encode_listed(packet, options, out)
        }
        Packet::Publish(publish) => encode_publish(publish, options, out),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack)
            if is_plain(ack) =>
        {
            let [high, low] = ack.packet_id.get().to_be_bytes();
            short.put([high, low], out)
        }
        Packet::ConnAck(connack) if connack.properties.is_empty() && c.version() != Version::V31 => {
            let refused_session = connack.session_present && connack.reason_code != ReasonCode::SUCCESS;
            let session = u8::from(connack.session_present);
            match connack.reason_code {
                _ if refused_session => None,
                ReasonCode::SUCCESS if !c.is_v5() => short.put([session, 0], out),
                code if short.lists(code) => short.put([session, code.get(), 0], out),
                _ => None,
            }
        }
        Packet::SubAck(suback) if suback.properties.is_empty() => {
            short.put_code(suback.packet_id, suback.reason_codes.as_single()?, out)
        }
        Packet::UnsubAck(unsuback) if unsuback.properties.is_empty() => {
            if c.is_v5() {
                return short.put_code(unsuback.packet_id, unsuback.reason_codes.as_single()?, out);
            }
            let [high, low] = unsuback.packet_id.get().to_be_bytes();
            if unsuback.reason_codes.is_empty() { short.put([high, low], out) } else { None }
        }
        Packet::PingReq | Packet::PingResp => short.put([], out),
        _ => None,
    }
}

/// The longest property block that is made of a list at once.
const LISTED: usize = 256;

/// A packet with a list of properties, which is first made into a block.
///
/// Performance: so the list is walked once, not once to be checked and counted and once to be written.
#[inline(never)]
fn encode_listed<O: Output + ?Sized>(
    packet: &Packet<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let c = options.context();
    let mut room = [0; LISTED];
    match packet {
        Packet::Publish(publish) => {
            let properties =
                Properties::of_list(publish.properties.as_list()?, &Place::PUBLISH, c, &mut room)?;
            encode_publish(&Publish { properties, ..*publish }, options, out)
        }
        Packet::ConnAck(connack) => {
            let properties =
                Properties::of_list(connack.properties.as_list()?, &Place::CONNACK, c, &mut room)?;
            super::encode(&ConnAck { properties, ..*connack }.into(), options, &[], out).ok()
        }
        Packet::Connect(connect) => {
            let properties =
                Properties::of_list(connect.properties.as_list()?, &Place::CONNECT, c, &mut room)?;
            super::encode(&Connect { properties, ..*connect }.into(), options, &[], out).ok()
        }
        _ => None,
    }
}

/// Whether the packet identifier is the whole body.
fn is_plain(ack: &Ack<'_>) -> bool {
    ack.reason_code == ReasonCode::SUCCESS && ack.properties.is_empty()
}

/// A packet of a few bytes.
struct Short {
    packet: PacketType,
    options: EncodeOptions,
}

impl Short {
    /// Whether 5.0 has the code for this packet.
    #[inline(always)]
    fn lists(&self, code: ReasonCode) -> bool {
        let c = self.options.context();
        c.is_v5() && code.is_listed(self.packet, c.sender())
    }

    /// A packet identifier and a reason code.
    #[inline(always)]
    fn put_code<O: Output + ?Sized>(
        &self,
        packet_id: PacketId,
        code: ReasonCode,
        out: &mut O,
    ) -> Option<usize> {
        let [high, low] = packet_id.get().to_be_bytes();
        if self.lists(code) {
            self.put([high, low, 0, code.get()], out)
        } else if !self.options.context().is_v5() && code <= ReasonCode::GRANTED_QOS_2 {
            self.put([high, low, code.get()], out)
        } else {
            None
        }
    }

    /// The fixed header and the body.
    #[inline(always)]
    fn put<const N: usize, O: Output + ?Sized>(&self, body: [u8; N], out: &mut O) -> Option<usize> {
        let first = self.packet.first_byte(self.packet.prescribed_flags().unwrap_or_default());
        let len = N + 2;
        if len > self.options.max_packet_size() as usize
            || !first_byte::is_allowed(first, self.options.context())
        {
            return None;
        }
        let mut bytes = [0; 6];
        let remaining = u8::try_from(N).unwrap_or_default();
        for (to, from) in bytes.iter_mut().zip([first, remaining].into_iter().chain(body)) {
            *to = from;
        }
        out.append(bytes.get(..len)?).ok()?;
        Some(len)
    }
}

/// The longest payload and the longest topic: what is around both is well below 512 bytes, and the Remaining Length takes
/// two bytes.
const MOST: usize = 0x1F00;

/// A PUBLISH whose types vouch for all of it: with a topic, without properties or with those that were received.
#[inline(always)]
fn encode_publish<O: Output + ?Sized>(
    publish: &Publish<'_>,
    options: EncodeOptions,
    out: &mut O,
) -> Option<usize> {
    let Publish { dup, delivery, payload, .. } = *publish;
    let c = options.context();
    let topic = publish.topic?.as_bytes();
    let block = publish.properties.ready_block(&Place::PUBLISH, c)?;
    let dup_at_qos_0 = dup && delivery == Delivery::AtMostOnce;
    if dup_at_qos_0 || topic.len() > MOST || block.len() >= 0x80 || payload.len() > MOST || c.asks_for_more()
    {
        return None;
    }
    let fixed = 2 + if delivery == Delivery::AtMostOnce { 0 } else { 2 } + usize::from(c.is_v5());
    let head = fixed + topic.len() + block.len();
    let remaining = head + payload.len();
    let head = head + if remaining < 0x80 { 2 } else { 3 };
    let len = head + payload.len();
    if len > options.max_packet_size() as usize {
        return None;
    }
    let mut writer = Writer::new(out.extend(head, payload).ok()?, 0);
    let [.., high, low] = topic.len().to_be_bytes();
    start(publish.flags(), remaining, [high, low], &mut writer);
    writer.put_text(topic);
    middle(delivery, block, c, &mut writer);
    Some(len)
}

/// The fixed header and the length of the topic.
#[inline(always)]
fn start(flags: u8, remaining: usize, [high, low]: [u8; 2], writer: &mut Writer<'_>) {
    let first = PacketType::Publish.first_byte(flags);
    let [.., more, last] = (remaining << 1).to_be_bytes();
    if remaining < 0x80 {
        writer.put(&[first, last >> 1, high, low]);
    } else {
        // The seven low bits, and the seven above them.
        writer.put(&[first, last >> 1 | 0x80, more, high, low]);
    }
}

/// The packet identifier and the properties.
#[inline(always)]
fn middle(delivery: Delivery, block: &[u8], c: Context, writer: &mut Writer<'_>) {
    let [.., block_len] = block.len().to_be_bytes();
    match delivery.packet_id().map(|id| id.get().to_be_bytes()) {
        Some([high, low]) if c.is_v5() => writer.put(&[high, low, block_len]),
        Some(id) => writer.put(&id),
        None if c.is_v5() => writer.byte(block_len),
        None => {}
    }
    if !block.is_empty() {
        writer.put(block);
    }
}
