//! PUBLISH: section [3.3](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901100).
//!
//! ```text
//! +-----------------+-----------+------------------+-------------------+------------+----------+
//! | 0 0 1 1 D Q Q R | remaining | Topic Name       | Packet Identifier | Properties | Payload  |
//! | 1 byte          | length    | 2 bytes and text | 2 bytes, QoS > 0  | 5.0        | the rest |
//! +-----------------+-----------+------------------+-------------------+------------+----------+
//!
//! D: DUP, Q: QoS, R: RETAIN
//! ```

use super::Head;
use crate::error::Field;
use crate::options::Context;
use crate::property::Properties;
use crate::read::{Fault, Parsed, from, packet_id, topic_name};
use crate::standard::{Delivery, PacketType, Place, PropertyId, QoS, Rule};
use crate::topic::TopicName;
use crate::write::{Sink, Written};

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
///
/// ```
/// use mqtt_wire::{
///     Delivery, Packet, PacketId, Properties, Property, Publish, Version, decode_exact,
///     topic_name,
/// };
///
/// let text = [Property::ContentType("text/plain"), Property::MessageExpiryInterval(60)];
/// let publish = Publish {
///     retain: true,
///     delivery: Delivery::AtLeastOnce(PacketId::new(7).expect("not 0")),
///     properties: Properties::new(&text),
///     ..Publish::new(topic_name!("ruangtamu/lampu"), b"menyala")
/// };
/// let mut out = Vec::new();
/// Packet::from(publish).encode(Version::V5, &mut out)?;
///
/// let Packet::Publish(read) = decode_exact(&out, Version::V5)? else { panic!("it is one") };
/// assert_eq!(read, publish);
/// assert_eq!(read.topic.map(|topic| topic.as_str()), Some("ruangtamu/lampu"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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
    #[inline]
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
    ///
    /// ```
    /// use mqtt_wire::{Delivery, PacketId, Publish, QoS, topic_name};
    ///
    /// let publish = Publish::new(topic_name!("a"), b"hi");
    /// let again = publish.with_delivery(Delivery::ExactlyOnce(PacketId::MIN));
    /// assert_eq!(publish.delivery.qos(), QoS::AtMostOnce);
    /// assert_eq!(again.delivery.qos(), QoS::ExactlyOnce);
    /// ```
    #[must_use]
    pub const fn with_delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    #[inline(always)]
    pub(super) fn decode(head: Head, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (payload, this) = PublishHead::decode(head, c, i)?;
        if c.checks_payload() {
            check_payload(this.properties, payload)?;
        }
        Ok((&[], this.with_payload(payload)))
    }

    /// Everything but the payload.
    #[inline(always)]
    pub(super) fn encode<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        if S::CHECKS && c.checks_payload() && payload_fault(self.properties, self.payload).is_some() {
            out.field(Field::Payload);
            return Err(Rule::PayloadFormat);
        }
        out.field(Field::TopicName);
        match self.topic {
            Some(topic) => out.topic(topic.as_bytes(), c)?,
            None if S::CHECKS && lacks_alias(self.properties) => return Err(Rule::TopicMissing),
            None => out.two_bytes(0),
        }
        if let Some(packet_id) = self.delivery.packet_id() {
            out.two_bytes(packet_id.get());
        }
        self.properties.encode(&Place::PUBLISH, c, out)
    }

    #[inline(always)]
    pub(crate) const fn flags(&self) -> u8 {
        publish_flags(self.dup, self.delivery.qos(), self.retain)
    }
}

/// PUBLISH without its payload, as [`decode_publish_head`](crate::decode_publish_head) finds it: a message it becomes
/// only with one.
///
/// ```
/// use mqtt_wire::{DecodedHead, Version, decode_publish_head};
///
/// let start = [0x30, 100, 0, 1, b'a']; // 97 bytes of payload are to come
/// let DecodedHead::Publish { head, .. } = decode_publish_head(&start, Version::V311)? else {
///     panic!("the head is there")
/// };
/// assert!(head.topic.is_some_and(|topic| topic == "a") && !head.retain);
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublishHead<'a> {
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
}

impl<'a> PublishHead<'a> {
    /// The message with that payload.
    ///
    /// ```
    /// use mqtt_wire::{DecodedHead, Publish, Version, decode_publish_head, topic_name};
    ///
    /// let start = [0x30, 5, 0, 1, b'a'];
    /// if let DecodedHead::Publish { head, .. } = decode_publish_head(&start, Version::V311)? {
    ///     let collected = b"hi"; // when it has come
    ///     assert_eq!(head.with_payload(collected), Publish::new(topic_name!("a"), b"hi"));
    /// }
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    #[inline(always)]
    pub const fn with_payload(self, payload: &'a [u8]) -> Publish<'a> {
        let Self { dup, delivery, retain, topic, properties } = self;
        Publish { dup, delivery, retain, topic, properties, payload }
    }

    #[inline(always)]
    pub(crate) fn decode(head: Head, c: Context, at: &'a [u8]) -> Parsed<'a, Self> {
        let (i, topic) = topic_name(at, c)?;
        let (i, delivery) = delivery(head.flags, i)?;
        let (i, properties) = Properties::decode(&Place::PUBLISH, c, i)?;
        if topic.is_none() && lacks_alias(properties) {
            return Err(Fault::new(Rule::TopicMissing, at));
        }
        let (dup, retain) = (head.flags & DUP != 0, head.flags & RETAIN != 0);
        Ok((i, Self { dup, delivery, retain, topic, properties }))
    }
}

/// The flags of a first byte.
#[inline(always)]
pub(crate) const fn publish_flags(dup: bool, qos: QoS, retain: bool) -> u8 {
    dup as u8 * DUP + qos.get() * 2 + retain as u8
}

/// Checks the flags of a first byte: `[MQTT-3.3.1-4]` and `[MQTT-3.3.1-2]`.
pub(crate) const fn check_publish_flags(first: u8) -> Written {
    match first & (DUP | QOS) {
        0b0110 | 0b1110 => Err(Rule::PublishQoS3),
        DUP => Err(Rule::DupAtQoS0),
        _ => Ok(()),
    }
}

/// Whether no alias stands for an empty topic (section 3.3.2.1 of 5.0).
fn lacks_alias(properties: Properties<'_>) -> bool {
    !properties.contains(PropertyId::TopicAlias)
}

/// Checks a payload from outside: see [`payload_fault`].
pub(super) fn check_payload<'a>(properties: Properties<'_>, payload: &'a [u8]) -> Result<(), Fault<'a>> {
    let fault = |offset| Err(Fault::new(Rule::PayloadFormat, from(payload, offset)));
    payload_fault(properties, payload).map_or(Ok(()), fault)
}

/// Where the payload is not the UTF-8 that the Payload Format Indicator announces.
pub(super) fn payload_fault(properties: Properties<'_>, payload: &[u8]) -> Option<usize> {
    if properties.payload_format_indicator() != Some(true) {
        return None;
    }
    core::str::from_utf8(payload).err().map(|error| error.valid_up_to())
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
