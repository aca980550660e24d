use super::{Body, Head, PacketType};
use crate::error::Kind;
use crate::options::Context;
use crate::property::{Place, Properties, PropertyId};
use crate::read::{Fault, Parsed, from, packet_id, topic_name};
use crate::scan;
use crate::topic::TopicName;
use crate::version::{Delivery, QoS};
use crate::write::{Sink, Start, Written};

const DUP: u8 = 0b1000;
const QOS: u8 = 0b0110;
const RETAIN: u8 = 0b0001;

/// PUBLISH: a message (section 3.3).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | flags | DUP, QoS, RETAIN | DUP, QoS, RETAIN |
/// | Topic Name | string | string; may be empty with a Topic Alias |
/// | Packet Identifier | 2 bytes, QoS 1 and 2 | 2 bytes, QoS 1 and 2 |
/// | Properties | - | yes |
/// | Payload | the rest | the rest |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish<'a> {
    /// This may be a repetition of an earlier attempt; never at QoS 0.
    pub dup: bool,
    /// Quality of Service and Packet Identifier.
    pub delivery: Delivery,
    /// To be kept for later subscribers, or sent because it was kept.
    pub retain: bool,
    /// Where to; `None` when a Topic Alias stands for it (5.0).
    pub topic: Option<TopicName<'a>>,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    /// The message.
    pub payload: &'a [u8],
}

impl<'a> Publish<'a> {
    /// A message at QoS 0, not retained, without properties.
    pub const fn new(topic: TopicName<'a>, payload: &'a [u8]) -> Self {
        Self {
            dup: false,
            delivery: Delivery::AtMostOnce,
            retain: false,
            topic: Some(topic),
            properties: Properties::EMPTY,
            payload,
        }
    }

    /// The same at another Quality of Service.
    #[must_use]
    pub const fn with_delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    #[inline]
    pub(super) const fn flags(&self) -> u8 {
        publish_flags(self.dup, self.delivery.qos(), self.retain)
    }

    #[inline(always)]
    pub(super) fn decode(head: Head, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (payload, this) = Self::decode_head(head, c, i)?;
        if c.checks_payload_format()
            && let Some(offset) = payload_fault(this.properties, payload)
        {
            return Err(Fault::new(Kind::PayloadFormat, from(payload, offset)));
        }
        Ok((&[], Self { payload, ..this }))
    }

    /// Everything but the payload.
    #[inline(always)]
    pub(crate) fn decode_head(head: Head, c: Context, at: &'a [u8]) -> Parsed<'a, Self> {
        let (i, topic) = topic_name(at, c)?;
        let (i, delivery) = delivery(head.flags, i)?;
        let (i, properties) = Properties::decode(&Place::PUBLISH, c, i)?;
        if topic.is_none() && lacks_alias(properties) {
            return Err(Fault::new(Kind::TopicMissing, at));
        }
        let (dup, retain) = (head.flags & DUP != 0, head.flags & RETAIN != 0);
        Ok((i, Self { dup, delivery, retain, topic, properties, payload: &[] }))
    }
}

impl Body for Publish<'_> {
    #[inline(always)]
    fn flags(&self, _: PacketType) -> u8 {
        self.flags()
    }

    #[inline(always)]
    fn encode<S: Sink>(&self, start: Option<Start>, _: PacketType, c: Context, out: &mut S) -> Written {
        out.start(start);
        if S::CHECKS && c.checks_payload_format() && payload_fault(self.properties, self.payload).is_some() {
            return Err(Kind::PayloadFormat);
        }
        match self.topic {
            Some(topic) => out.topic(topic.as_bytes(), c)?,
            None if S::CHECKS && lacks_alias(self.properties) => return Err(Kind::TopicMissing),
            None => out.two_bytes(0),
        }
        if let Some(packet_id) = self.delivery.packet_id() {
            out.two_bytes(packet_id.get());
        }
        self.properties.encode_near(&Place::PUBLISH, c, out)
    }

    #[inline(always)]
    fn tail(&self) -> &[u8] {
        self.payload
    }
}

/// A PUBLISH as most are. Its types vouch for all of it, and it is shorter than 16,384 bytes: what is left to do takes
/// few registers and can be inlined into the caller, which is a third of the instructions less.
pub(crate) struct Usual<'p> {
    publish: &'p Publish<'p>,
    topic: &'p [u8],
    /// The property block; empty in 3.x.
    block: &'p [u8],
}

/// The longest payload and the longest topic of a [`Usual`]: what is around both is well below 512 bytes.
const MOST: usize = 0x1F00;

impl Publish<'_> {
    /// As it is, if its topic is short and it has no properties.
    #[inline(always)]
    pub(crate) fn as_bare(&self, c: Context) -> Option<Usual<'_>> {
        let topic = self.topic?.as_bytes();
        if !self.properties.is_blank() || topic.len() > scan::SHORT {
            return None;
        }
        self.with_block(topic, &[], c)
    }

    /// As it is, if its properties can go out as they were received.
    #[inline(always)]
    pub(crate) fn as_usual(&self, c: Context) -> Option<Usual<'_>> {
        self.with_block(self.topic?.as_bytes(), self.properties.short_block(&Place::PUBLISH, c)?, c)
    }

    #[inline(always)]
    fn with_block<'p>(&'p self, topic: &'p [u8], block: &'p [u8], c: Context) -> Option<Usual<'p>> {
        let dup_at_qos_0 = self.dup && self.delivery == Delivery::AtMostOnce;
        if dup_at_qos_0 || topic.len() > MOST || self.payload.len() > MOST || c.asks_for_more() {
            return None;
        }
        Some(Usual { publish: self, topic, block })
    }
}

impl Body for Usual<'_> {
    #[inline(always)]
    fn flags(&self, _: PacketType) -> u8 {
        self.publish.flags()
    }

    /// Everyone may send a PUBLISH, in every version.
    #[inline(always)]
    fn check_first(&self, _: u8, _: Context) -> Written {
        Ok(())
    }

    #[inline(always)]
    fn encode<S: Sink>(&self, start: Option<Start>, _: PacketType, c: Context, out: &mut S) -> Written {
        let [.., high, low] = self.topic.len().to_be_bytes();
        out.start_with(start, u16::from_be_bytes([high, low]));
        out.put_text(self.topic);
        let [.., block_len] = self.block.len().to_be_bytes();
        match self.publish.delivery.packet_id().map(|id| id.get().to_be_bytes()) {
            Some([high, low]) if c.is_v5() => out.put(&[high, low, block_len]),
            Some(id) => out.put(&id),
            None if c.is_v5() => out.byte(block_len),
            None => {}
        }
        if !self.block.is_empty() {
            out.put(self.block);
        }
        Ok(())
    }

    #[inline(always)]
    fn tail(&self) -> &[u8] {
        self.publish.payload
    }
}

/// The flags of a first byte.
#[inline]
pub(crate) const fn publish_flags(dup: bool, qos: QoS, retain: bool) -> u8 {
    dup as u8 * DUP + qos.bits() * 2 + retain as u8
}

/// Whether no alias stands for an empty topic (section 3.3.2.1 of 5.0).
#[inline(always)]
fn lacks_alias(properties: Properties<'_>) -> bool {
    !properties.ids().contains(PropertyId::TopicAlias)
}

/// Where the payload is not the UTF-8 that the Payload Format Indicator announces.
#[inline(always)]
pub(super) fn payload_fault(properties: Properties<'_>, payload: &[u8]) -> Option<usize> {
    if properties.payload_format_indicator() != Some(true) {
        return None;
    }
    core::str::from_utf8(payload).err().map(|error| error.valid_up_to())
}

/// Checks the flags of a first byte: `[MQTT-3.3.1-4]` and `[MQTT-3.3.1-2]`.
#[inline]
pub(super) const fn check_flags(first: u8) -> Written {
    match first & 0b1110 {
        0b0110 | 0b1110 => Err(Kind::PublishQoS3),
        0b1000 => Err(Kind::DupAtQoS0),
        _ => Ok(()),
    }
}

#[inline(always)]
fn delivery(flags: u8, i: &[u8]) -> Parsed<'_, Delivery> {
    if flags & QOS == 0 {
        return Ok((i, Delivery::AtMostOnce));
    }
    let (i, packet_id) = packet_id(i)?;
    let delivery = if flags & QOS == 0b0010 { Delivery::AtLeastOnce } else { Delivery::ExactlyOnce };
    Ok((i, delivery(packet_id)))
}
