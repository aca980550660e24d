//! The will in a CONNECT: sections 3.1.2.5 and 3.1.3.2 to
//! [3.1.3.4](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901069).
//!
//! ```text
//! +-----------------+------------------+-----------------------+
//! | Will Properties | Will Topic       | Will Payload          |
//! | 5.0             | 2 bytes and text | 2 bytes and the bytes |
//! +-----------------+------------------+-----------------------+
//! ```
//! Its QoS and RETAIN stand among the connect flags.

use super::connect::flags;
use super::edited::EditedPublish;
use super::publish::{Publish, check_payload, payload_fault};
use crate::error::Field;
use crate::options::Context;
use crate::property::Properties;
use crate::read::{Fault, Parsed, binary, fault, topic_name};
use crate::standard::{Delivery, Place, PropertyId, QoS, Rule, Version};
use crate::topic::TopicName;
use crate::write::{Sink, Written};

/// The Will Message: what the server publishes for a client that is gone (section 3.1.2.5).
///
/// ```
/// use mqtt_wire::{Connect, Properties, Property, QoS, Version, Will, topic_name};
///
/// let wait = [Property::WillDelayInterval(30)]; // a short loss is no reason to publish it
/// let will = Will {
///     qos: QoS::AtLeastOnce,
///     retain: true,
///     properties: Properties::new(&wait),
///     ..Will::new(topic_name!("lamp/7/status"), b"gone")
/// };
/// let connect = Connect { will: Some((&will).into()), ..Connect::new(Version::V5, "lamp-7") };
/// assert_eq!(connect.will.expect("it is there").get().payload, b"gone");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Will<'a> {
    /// The QoS at which it is published.
    pub qos: QoS,
    /// Whether it is published as retained.
    pub retain: bool,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    /// Where it is published.
    pub topic: TopicName<'a>,
    /// The message, 0 to 65,535 bytes.
    pub payload: &'a [u8],
}

impl<'a> Will<'a> {
    /// A will at QoS 0, not retained, without properties.
    pub const fn new(topic: TopicName<'a>, payload: &'a [u8]) -> Self {
        Self { qos: QoS::AtMostOnce, retain: false, properties: Properties::EMPTY, topic, payload }
    }

    /// The message that the server publishes: with all properties but the Will Delay Interval, which is none of a
    /// message's (section 3.1.3.2.2 of 5.0).
    ///
    /// ```
    /// use mqtt_wire::{Delivery, Properties, Property, Will, topic_name};
    ///
    /// let properties = [Property::WillDelayInterval(30), Property::ContentType("text/plain")];
    /// let will = Will {
    ///     properties: Properties::new(&properties),
    ///     ..Will::new(topic_name!("lamp/7/status"), b"gone")
    /// };
    /// let edited = will.to_publish(Delivery::AtMostOnce);
    /// let publish = edited.as_publish();
    /// assert_eq!(publish.payload, b"gone");
    /// assert_eq!(publish.properties.iter().count(), 1);
    /// ```
    pub fn to_publish(self, delivery: Delivery) -> EditedPublish<'a> {
        let publish = Publish { delivery, retain: self.retain, ..Publish::new(self.topic, self.payload) };
        publish.edited(self.properties.without(PropertyId::WillDelayInterval))
    }

    fn decode(connect_flags: u8, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (at, properties) = Properties::decode(&Place::WILL, c, i)?;
        let (i, topic) = topic_name(at, c)?;
        let Some(topic) = topic else { return fault(Rule::TopicEmpty, at) };
        let (i, payload) = binary(i)?;
        if c.checks_payload() {
            check_payload(properties, payload)?;
        }
        Ok((
            i,
            Self {
                qos: flags::will_qos(connect_flags),
                retain: connect_flags & flags::WILL_RETAIN != 0,
                properties,
                topic,
                payload,
            },
        ))
    }

    fn encode<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        if S::CHECKS && c.checks_payload() && payload_fault(self.properties, self.payload).is_some() {
            out.field(Field::WillPayload);
            return Err(Rule::PayloadFormat);
        }
        if let Err(rule) = self.properties.encode(&Place::WILL, c, out) {
            out.field_of_will();
            return Err(rule);
        }
        out.field(Field::WillTopic);
        out.topic(self.topic.as_bytes(), c)?;
        out.field(Field::WillPayload);
        out.binary(self.payload)
    }
}

/// The will of a [`Connect`](crate::Connect): the bytes it came in, or a reference to a [`Will`] of the caller's.
///
/// ```
/// use mqtt_wire::{Connect, Version, Will, topic_name};
///
/// let will = Will::new(topic_name!("sensor/7/status"), b"gone");
/// let connect = Connect { will: Some((&will).into()), ..Connect::new(Version::V5, "sensor-7") };
/// assert_eq!(connect.will.map(|will| will.get()), Some(will));
/// ```
#[derive(Clone, Copy)]
pub struct WillRef<'a>(Source<'a>);

/// Performance: 24 bytes where a [`Will`] takes 64, since a CONNECT is the largest of all packets, and every packet
/// moves as much.
#[derive(Clone, Copy)]
enum Source<'a> {
    Wire {
        bytes: &'a [u8],
        /// By what the bytes were judged, and the connect flags beside them.
        context: Context,
        flags: u8,
    },
    Built(&'a Will<'a>),
    /// Without its properties, as 3.x has it.
    Plain(&'a Will<'a>),
}

impl<'a> WillRef<'a> {
    /// The will. One that was received is read from its bytes.
    ///
    /// ```
    /// use mqtt_wire::{Connect, Version, Will, topic_name};
    ///
    /// let will = Will::new(topic_name!("lamp/7/status"), b"gone");
    /// let connect = Connect { will: Some((&will).into()), ..Connect::new(Version::V311, "lamp-7") };
    /// assert_eq!(connect.will.map(|will| will.get().payload), Some(&b"gone"[..]));
    /// ```
    pub fn get(self) -> Will<'a> {
        match self.0 {
            Source::Built(will) => *will,
            Source::Plain(will) => Will { properties: Properties::EMPTY, ..*will },
            // The bytes were checked: reading them again cannot fail.
            Source::Wire { bytes, context, flags } => match Will::decode(flags, context, bytes) {
                Ok((_, will)) => will,
                Err(_) => Will::new(TopicName::checked(&[]), &[]),
            },
        }
    }

    pub(super) fn decode(
        connect_flags: u8,
        c: Context,
        at: &'a [u8],
    ) -> Result<(&'a [u8], Option<Self>), Fault<'a>> {
        if connect_flags & flags::WILL == 0 {
            return Ok((at, None));
        }
        let (i, _) = Will::decode(connect_flags, c, at)?;
        let bytes = at.get(..at.len().saturating_sub(i.len())).unwrap_or_default();
        Ok((i, Some(Self(Source::Wire { bytes, context: c, flags: connect_flags }))))
    }

    /// The bytes that it came in, if they are right here, too.
    pub(crate) fn ready_bytes(self, c: Context) -> Option<&'a [u8]> {
        match self.0 {
            Source::Wire { bytes, context, .. } if context == c => Some(bytes),
            _ => None,
        }
    }

    /// The will of the caller's.
    pub(crate) const fn as_built(self) -> Option<&'a Will<'a>> {
        match self.0 {
            Source::Built(will) => Some(will),
            _ => None,
        }
    }

    pub(super) fn encode<S: Sink>(self, c: Context, out: &mut S) -> Written {
        match (self.ready_bytes(c), self.as_built()) {
            (Some(bytes), _) => {
                out.put(bytes);
                Ok(())
            }
            (_, Some(will)) => will.encode(c, out),
            _ => self.get().encode(c, out),
        }
    }

    /// What is left of the will in 3.x.
    pub(super) fn downgraded(self) -> Self {
        Self(match self.0 {
            Source::Built(will) | Source::Plain(will) => Source::Plain(will),
            Source::Wire { bytes, context, flags } => {
                let bytes = match Properties::decode(&Place::WILL, context, bytes) {
                    Ok((i, _)) => i,
                    Err(_) => bytes,
                };
                Source::Wire { bytes, context: context.with_version(Version::V311), flags }
            }
        })
    }

    /// The bits of the will among the connect flags.
    pub(super) fn flags(self) -> u8 {
        match self.0 {
            Source::Wire { flags, .. } => flags & flags::OF_WILL,
            Source::Built(will) | Source::Plain(will) => {
                flags::WILL + will.qos.get() * 8 + if will.retain { flags::WILL_RETAIN } else { 0 }
            }
        }
    }
}

impl<'a> From<&'a Will<'a>> for WillRef<'a> {
    fn from(will: &'a Will<'a>) -> Self {
        Self(Source::Built(will))
    }
}

/// Equal when the wills are.
impl PartialEq for WillRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for WillRef<'_> {}

impl core::hash::Hash for WillRef<'_> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}
