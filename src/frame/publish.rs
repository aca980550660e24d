//! [`PublishFrame`]: a message that is queued, retained, sent again.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Range;

use bytes::{Bytes, BytesMut};

use super::{CheckedFrame, Frame};
use crate::error::{DecodeError, EncodeError};
use crate::options::EncodeOptions;
use crate::packet::{Packet, Publish};
use crate::property::Properties;
use crate::standard::{Delivery, PropertySet, Rule, Version};
use crate::topic::TopicName;

/// A checked, owned PUBLISH: what a queue, a store of retained messages or a list of messages to be sent again holds.
///
/// Where its parts are was found out once: [`publish`](Self::publish) checks nothing and cannot fail. Frames are equal
/// when their bytes are.
///
/// ```
/// use mqtt_wire::{Publish, PublishFrame, Version, topic_name};
///
/// let message = Publish::new(topic_name!("kitchen/temperature"), b"21.5");
/// let mut queue = vec![PublishFrame::encode(&message, Version::V5)?];
///
/// let kept = queue.pop().expect("one message");
/// assert_eq!(kept.publish(), message);
/// assert_eq!(&kept.payload()[..], b"21.5"); // not copied
/// # Ok::<(), mqtt_wire::EncodeError>(())
/// ```
#[derive(Clone)]
pub struct PublishFrame {
    frame: Frame,
    parts: Parts,
}

/// Where what is in the frame.
#[derive(Clone)]
struct Parts {
    dup: bool,
    retain: bool,
    delivery: Delivery,
    topic: Range<u32>,
    properties: Range<u32>,
    present: PropertySet,
    payload: u32,
}

impl PublishFrame {
    /// Checks a frame.
    ///
    /// ```
    /// use mqtt_wire::{Frame, Packet, PublishFrame, Rule, Version};
    ///
    /// let publish = Frame::new(vec![0x30, 3, 0, 1, b'a'].into(), Version::V311)?;
    /// assert!(PublishFrame::new(publish).is_ok());
    /// let ping = Frame::new(vec![0xC0, 0].into(), Version::V311)?;
    /// assert_eq!(PublishFrame::new(ping).unwrap_err().rule(), Rule::UnexpectedPacket);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// The first rule that the packet breaks; [`Rule::UnexpectedPacket`] when it is no PUBLISH.
    pub fn new(frame: Frame) -> Result<Self, DecodeError> {
        let parts = match frame.packet()? {
            Packet::Publish(publish) => Parts::of(&publish, frame.as_bytes()),
            packet => {
                let (packet, c) = (Some(packet.packet_type()), frame.options().context());
                return Err(crate::decode::error(Rule::UnexpectedPacket, packet, c, 0));
            }
        };
        Ok(Self { frame, parts })
    }

    /// Encodes a message into a frame of its own.
    ///
    /// ```
    /// use mqtt_wire::{Publish, PublishFrame, Version, topic_name};
    ///
    /// // Encoded once, for as many subscribers as there are.
    /// let message = Publish::new(topic_name!("lamp/7"), b"on");
    /// let message = PublishFrame::encode(&message, Version::V311)?;
    /// let queues = [vec![message.clone()], vec![message]]; // not copied
    /// assert_eq!(queues[0][0].publish().payload, queues[1][0].publish().payload);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Packet::encode`].
    pub fn encode(publish: &Publish<'_>, options: impl Into<EncodeOptions>) -> Result<Self, EncodeError> {
        let packet = Packet::Publish(*publish);
        let frame = CheckedFrame::encode(&packet, options)?.into_frame();
        Self::new(frame)
            .map_err(|error| EncodeError::invalid(error.rule(), packet.packet_type(), error.version()))
    }

    /// The message.
    ///
    /// ```
    /// use mqtt_wire::{Publish, PublishFrame, Version, topic_name};
    ///
    /// let frame = PublishFrame::encode(&Publish::new(topic_name!("a"), b"hi"), Version::V5)?;
    /// assert_eq!(frame.publish().payload, b"hi"); // found once, when the frame was made
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn publish(&self) -> Publish<'_> {
        let Parts { dup, retain, delivery, ref topic, ref properties, present, payload } = self.parts;
        let topic = self.part(topic.start, topic.end);
        Publish {
            dup,
            delivery,
            retain,
            topic: (!topic.is_empty()).then_some(TopicName::checked(topic)),
            properties: Properties::checked(self.part(properties.start, properties.end), present),
            payload: self.part(payload, u32::MAX),
        }
    }

    fn part(&self, start: u32, end: u32) -> &[u8] {
        let bytes = self.frame.as_bytes();
        bytes.get(start as usize..bytes.len().min(end as usize)).unwrap_or_default()
    }

    /// The payload, which is not copied.
    ///
    /// ```
    /// use mqtt_wire::{Publish, PublishFrame, Version, topic_name};
    ///
    /// let frame = PublishFrame::encode(&Publish::new(topic_name!("a"), b"hi"), Version::V5)?;
    /// let payload = frame.payload(); // shared, for a task that only wants that
    /// assert_eq!(&payload[..], b"hi");
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn payload(&self) -> Bytes {
        self.frame.slice(self.publish().payload)
    }

    /// The version of the frame.
    ///
    /// ```
    /// use mqtt_wire::{Publish, PublishFrame, Version, topic_name};
    ///
    /// let message = PublishFrame::encode(&Publish::new(topic_name!("a"), b"hi"), Version::V5)?;
    /// // Whether the frame can go out as it is to a subscriber of 3.1.1.
    /// assert_ne!(message.version(), Version::V311); // `downgrade` it
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn version(&self) -> Version {
        self.frame.options().context().version()
    }

    /// The same message in memory of its own: see [`Frame::compact`].
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use mqtt_wire::{Frame, PublishFrame, Version};
    ///
    /// let mut stream = BytesMut::with_capacity(64 * 1024);
    /// stream.extend_from_slice(&[0x31, 5, 0, 1, b'a', b'h', b'i']);
    /// let frame = Frame::split_from(&mut stream, Version::V311)?.expect("it is complete");
    /// // A retained message is kept for long, and is not to keep 64 KiB.
    /// let retained = PublishFrame::new(frame)?.compact();
    /// assert_eq!(retained.publish().payload, b"hi");
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    #[must_use]
    pub fn compact(&self) -> Self {
        Self { frame: self.frame.compact(), parts: self.parts.clone() }
    }

    /// The same frame with DUP set (`[MQTT-3.3.1-1]`); `None` at QoS 0 and when a Topic Alias stands for the topic: see
    /// [`Publish::to_resend`]. The bytes are copied unless they are alone in their memory.
    ///
    /// ```
    /// use mqtt_wire::{Delivery, PacketId, Publish, PublishFrame, Version, topic_name};
    ///
    /// let at_least_once = Delivery::AtLeastOnce(PacketId::MIN);
    /// let publish = Publish::new(topic_name!("a"), b"hi").with_delivery(at_least_once);
    /// let again = PublishFrame::encode(&publish, Version::V311)?.with_dup().expect("QoS 1");
    /// assert_eq!(again.as_ref()[0], 0x3A);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn with_dup(self) -> Option<Self> {
        let publish = self.publish();
        if publish.delivery == Delivery::AtMostOnce
            || publish.topic.is_none()
            || publish.properties.topic_alias().is_some()
        {
            return None;
        }
        let Self { frame: Frame { bytes, options, .. }, parts } = self;
        let mut bytes = BytesMut::from(bytes);
        if let Some(first) = bytes.first_mut() {
            *first |= 0b1000;
        }
        let frame = Frame::new(bytes.freeze(), options).ok()?;
        Some(Self { frame, parts: Parts { dup: true, ..parts } })
    }

    /// The frame.
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The frame.
    pub fn into_frame(self) -> Frame {
        self.frame
    }
}

impl Parts {
    fn of(publish: &Publish<'_>, frame: &[u8]) -> Self {
        let at = |part: &[u8]| {
            let start = part.as_ptr().addr().saturating_sub(frame.as_ptr().addr());
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            number(start)..number(start.saturating_add(part.len()))
        };
        let Publish { dup, delivery, retain, topic, properties, payload } = *publish;
        let (wire, present) = properties.as_checked().unwrap_or_default();
        Self {
            dup,
            retain,
            delivery,
            topic: topic.map_or(0..0, |topic| at(topic.as_bytes())),
            properties: if wire.is_empty() { 0..0 } else { at(wire) },
            present,
            payload: if payload.is_empty() { u32::MAX } else { at(payload).start },
        }
    }
}

impl PartialEq for PublishFrame {
    fn eq(&self, other: &Self) -> bool {
        self.frame == other.frame
    }
}

impl Eq for PublishFrame {}

impl Hash for PublishFrame {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.frame.hash(state);
    }
}

impl TryFrom<Frame> for PublishFrame {
    type Error = DecodeError;

    fn try_from(frame: Frame) -> Result<Self, DecodeError> {
        Self::new(frame)
    }
}

impl From<PublishFrame> for Frame {
    fn from(checked: PublishFrame) -> Self {
        checked.frame
    }
}

impl AsRef<[u8]> for PublishFrame {
    fn as_ref(&self) -> &[u8] {
        self.frame.as_bytes()
    }
}

impl fmt::Debug for PublishFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublishFrame").field(&self.publish()).finish()
    }
}
