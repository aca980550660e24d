//! Owned forms of packets: their frames (feature `bytes`). [`Frame`] is not checked yet, [`CheckedFrame`] and
//! [`PublishFrame`] are.

mod checked;
mod publish;

use core::fmt;
use core::hash::{Hash, Hasher};

use bytes::{Bytes, BytesMut};

pub use self::checked::CheckedFrame;
pub use self::publish::PublishFrame;
use crate::decode::{FixedHeader, PackedHeader, decode_frame, exact, judging_context};
use crate::error::{DecodeError, EncodeError};
use crate::options::{DecodeOptions, EncodeOptions};
use crate::packet::Packet;
use crate::standard::{PacketType, Version};

/// One complete frame in [`Bytes`], cut off a stream: fixed header checked, body not yet. It is cheap to clone,
/// can be kept and sent elsewhere, and a bad one is a value like any other: it can be answered, logged or
/// skipped, and the stream stays in step.
///
/// Frames are equal when their bytes are. What is kept as a message is better a [`PublishFrame`].
///
/// ```
/// use bytes::BytesMut;
/// use mqtt_wire::{Frame, Packet, Version};
///
/// let bytes = [0x30, 5, 0, 1, b'a', b'h', b'i', 0xC0, 0, 0xC0];
/// let mut stream = BytesMut::from(&bytes[..]);
/// let frame = Frame::split_from(&mut stream, Version::V311)?.unwrap();
/// let Packet::Publish(publish) = frame.packet()? else { panic!("a PUBLISH") };
/// let payload = frame.slice(publish.payload); // not copied
/// assert_eq!(&payload[..], b"hi");
/// assert_eq!(Frame::split_from(&mut stream, Version::V311)?.unwrap().packet()?, Packet::PingReq);
/// assert!(Frame::split_from(&mut stream, Version::V311)?.is_none());
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct Frame {
    bytes: Bytes,
    options: DecodeOptions,
    /// Performance: in two bytes that may have any value, so that a result with or without a frame is moved in whole
    /// words.
    header: PackedHeader,
}

impl Frame {
    /// Cuts the first frame off `stream`; `None` when it is not complete yet. Nothing is reserved for what is
    /// missing.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use mqtt_wire::{Frame, PacketType, Version};
    ///
    /// let mut stream = BytesMut::from(&[0xC0, 0x00, 0xD0][..]);
    /// let frame = Frame::split_from(&mut stream, Version::V5)?.expect("it is complete");
    /// assert_eq!((frame.packet_type(), &stream[..]), (PacketType::PingReq, &[0xD0][..]));
    /// assert!(Frame::split_from(&mut stream, Version::V5)?.is_none()); // read more
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// When the fixed header is bad: the stream is left as it was.
    //
    // Performance: inlined, so that a frame is made where it is wanted: moving it costs as much as cutting it off.
    pub fn split_from(
        stream: &mut BytesMut,
        options: impl Into<DecodeOptions>,
    ) -> Result<Option<Self>, DecodeError> {
        let options = options.into();
        match FixedHeader::read(stream, options)? {
            Some(header) if header.frame_len() <= stream.len() => {
                let bytes = stream.split_to(header.frame_len()).freeze();
                Ok(Some(Self { bytes, options, header: header.pack() }))
            }
            _ => Ok(None),
        }
    }

    /// A frame of bytes that hold just that.
    ///
    /// ```
    /// use mqtt_wire::{Frame, PacketType, Rule, Version};
    ///
    /// // Bytes that were stored as a whole.
    /// let frame = Frame::new(vec![0xC0, 0x00].into(), Version::V5)?;
    /// assert_eq!(frame.packet_type(), PacketType::PingReq);
    /// let error = Frame::new(vec![0xC0, 0x00, 0x30].into(), Version::V5).unwrap_err();
    /// assert_eq!(error.rule(), Rule::TrailingBytes);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// When the fixed header is bad, bytes are missing ([`Rule::Truncated`](crate::Rule::Truncated)) or left
    /// over ([`Rule::TrailingBytes`](crate::Rule::TrailingBytes)).
    pub fn new(bytes: Bytes, options: impl Into<DecodeOptions>) -> Result<Self, DecodeError> {
        let options = options.into();
        let header = exact(&bytes, options)?;
        Ok(Self { bytes, options, header: header.pack() })
    }

    /// Encodes a packet into a frame of its own.
    ///
    /// ```
    /// use mqtt_wire::{Frame, Packet, Version};
    ///
    /// let ping = Frame::encode(&Packet::PingReq, Version::V5)?; // 'static: for another task
    /// assert_eq!(ping.as_bytes(), [0xC0, 0x00]);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Packet::encode`].
    pub fn encode(packet: &Packet<'_>, options: impl Into<EncodeOptions>) -> Result<Self, EncodeError> {
        CheckedFrame::encode(packet, options).map(CheckedFrame::into_frame)
    }

    /// Checks and decodes the packet. Each call does it anew: to do it once, make it a [`CheckedFrame`] or, for a
    /// PUBLISH, a [`PublishFrame`].
    ///
    /// ```
    /// use mqtt_wire::{Frame, Rule, Version};
    ///
    /// // Its frame is good, its body is not: a Packet Identifier of 0.
    /// let frame = Frame::new(vec![0x40, 2, 0, 0].into(), Version::V311)?;
    /// assert_eq!(frame.packet().unwrap_err().rule(), Rule::ZeroPacketId);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// The first rule that the packet breaks.
    pub fn packet(&self) -> Result<Packet<'_>, DecodeError> {
        let header = self.header();
        let c = judging_context(&self.bytes, header, self.options.context())?;
        decode_frame(&self.bytes, header, c)
    }

    /// The type of the packet, known without decoding it.
    pub const fn packet_type(&self) -> PacketType {
        self.header.packet_type()
    }

    /// The fixed header.
    ///
    /// ```
    /// use mqtt_wire::{Frame, Version};
    ///
    /// // Its first byte: type 3, DUP, QoS 1, RETAIN.
    /// let frame = Frame::new(vec![0x3B, 5, 0, 1, b'a', 0, 7].into(), Version::V311)?;
    /// let header = frame.header();
    /// assert_eq!((header.flags(), header.remaining_length()), (0b1011, 5));
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    pub fn header(&self) -> FixedHeader {
        self.header.unpack(self.bytes.len())
    }

    /// The options by which the packet is decoded.
    ///
    /// ```
    /// use mqtt_wire::{Frame, Sender, Version, DecodeOptions};
    ///
    /// // A frame brings along by what it was cut off, so that another thread can check and judge it.
    /// let of_clients = DecodeOptions::new(Version::V5).with_sender(Sender::Client);
    /// let frame = Frame::new(vec![0xC0, 0].into(), of_clients)?;
    /// assert_eq!(frame.options().sender(), Some(Sender::Client));
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    pub const fn options(&self) -> DecodeOptions {
        self.options
    }

    /// The version by which the packet is decoded, that is, of a CONNECT the one it names; `None` when that is none.
    ///
    /// ```
    /// use mqtt_wire::{Connect, DecodeOptions, Frame, Version};
    ///
    /// let connect = Frame::encode(&Connect::new(Version::V311, "a").into(), Version::V311)?;
    /// let frame = Frame::new(connect.into_bytes(), DecodeOptions::detect())?;
    /// assert_eq!(frame.version(), Some(Version::V311));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn version(&self) -> Option<Version> {
        match self.packet_type() {
            PacketType::Connect => Version::of_connect(&self.bytes),
            _ => self.options.version(),
        }
    }

    /// The part of the frame that `part` borrows, such as a payload, without copying it. (A part from
    /// elsewhere is copied.)
    ///
    /// ```
    /// use mqtt_wire::{Frame, Packet, Publish, Version, topic_name};
    ///
    /// let frame = Frame::encode(&Publish::new(topic_name!("a"), b"hi").into(), Version::V5)?;
    /// let payload = match frame.packet()? {
    ///     Packet::Publish(publish) => frame.slice(publish.payload),
    ///     _ => return Ok(()),
    /// };
    /// drop(frame);
    /// assert_eq!(&payload[..], b"hi"); // it outlives the frame
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn slice(&self, part: &[u8]) -> Bytes {
        let start = part.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr());
        match start.and_then(|start| Some((start, start.checked_add(part.len())?))) {
            Some((start, end)) if end <= self.bytes.len() => self.bytes.slice(start..end),
            _ => Bytes::copy_from_slice(part),
        }
    }

    /// The bytes of the frame.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the frame.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The same frame in memory of its own. A frame cut off a stream keeps the whole buffer alive that it was
    /// read into; one that is kept for long, such as a retained message, should not.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use mqtt_wire::{Frame, Version};
    ///
    /// // Two bytes hold 64 KiB in memory as long as they are part of the read buffer.
    /// let mut stream = BytesMut::with_capacity(64 * 1024);
    /// stream.extend_from_slice(&[0xC0, 0x00]);
    /// let frame = Frame::split_from(&mut stream, Version::V5)?.expect("it is complete");
    /// let kept = frame.compact();
    /// assert_eq!(kept, frame);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    #[must_use]
    pub fn compact(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes), ..self.clone() }
    }

    /// The same frame with DUP set (`[MQTT-3.3.1-1]`), if it is a PUBLISH of QoS 1 or 2 that names its topic: `None` for
    /// all others. A Topic Alias ends with its connection, so what was sent by one cannot be sent again as it is: see
    /// [`Publish::to_resend`](crate::Publish::to_resend).
    ///
    /// The bytes are copied unless they are alone in their memory, which a frame cut off a stream is not as a rule.
    ///
    /// ```
    /// use mqtt_wire::{Delivery, Frame, PacketId, Publish, Version, topic_name};
    ///
    /// // The connection was lost before PUBACK: the same packet goes out again.
    /// let message = Publish::new(topic_name!("a"), b"hi");
    /// let message = message.with_delivery(Delivery::AtLeastOnce(PacketId::MIN));
    /// let sent = Frame::encode(&message.into(), Version::V311)?;
    /// let again = sent.with_dup().expect("QoS 1, with its topic");
    /// assert_eq!(again.as_bytes()[0] & 0b1000, 0b1000);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn with_dup(self) -> Option<Self> {
        PublishFrame::new(self).ok()?.with_dup().map(PublishFrame::into_frame)
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Frame {}

impl Hash for Frame {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

/// The packet, or what is wrong with it.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.packet() {
            Ok(packet) => f.debug_tuple("Frame").field(&packet).finish(),
            Err(error) => f.debug_tuple("Frame").field(&error).finish(),
        }
    }
}
