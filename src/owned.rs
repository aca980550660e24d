//! The owned form of a packet: its frame (feature `bytes`).

use bytes::{Bytes, BytesMut};

use crate::error::{DecodeError, EncodeError};
use crate::frame::{FixedHeader, decode_frame, exact};
use crate::head::set_dup;
use crate::options::{DecodeOptions, EncodeOptions};
use crate::packet::{Packet, PacketType};
use crate::version::Version;

/// One complete frame in [`Bytes`], cut off a stream: fixed header checked, body not yet. It is cheap to clone,
/// can be kept and sent elsewhere, and a bad one is a value like any other: it can be answered, logged or
/// skipped, and the stream stays in step.
///
/// ```
/// use bytes::BytesMut;
/// use mqtt_wire::{Frame, Packet, Version};
///
/// let mut stream = BytesMut::from(&[0x30, 0x05, 0x00, 0x01, b'a', b'h', b'i', 0xC0, 0x00, 0xC0][..]);
/// let frame = Frame::split_from(&mut stream, Version::V311)?.unwrap();
/// let Packet::Publish(publish) = frame.packet()? else { panic!("a PUBLISH") };
/// let payload = frame.slice(publish.payload); // not copied
/// assert_eq!(&payload[..], b"hi");
/// assert_eq!(Frame::split_from(&mut stream, Version::V311)?.unwrap().packet()?, Packet::PingReq);
/// assert!(Frame::split_from(&mut stream, Version::V311)?.is_none());
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Bytes,
    header: FixedHeader,
    options: DecodeOptions,
}

impl Frame {
    /// Cuts the first frame off `stream`; `None` when it is not complete yet. Nothing is reserved for what is
    /// missing.
    ///
    /// # Errors
    /// When the fixed header is bad: the stream is left as it was.
    pub fn split_from(
        stream: &mut BytesMut,
        options: impl Into<DecodeOptions>,
    ) -> Result<Option<Self>, DecodeError> {
        let options = options.into();
        match FixedHeader::read(stream, options)? {
            Some(header) if header.frame_len() <= stream.len() => {
                let bytes = stream.split_to(header.frame_len()).freeze();
                Ok(Some(Self { bytes, header, options }))
            }
            _ => Ok(None),
        }
    }

    /// A frame of bytes that hold just that.
    ///
    /// # Errors
    /// When the fixed header is bad, bytes are missing ([`Kind::Truncated`](crate::Kind::Truncated)) or left
    /// over ([`Kind::TrailingBytes`](crate::Kind::TrailingBytes)).
    pub fn new(bytes: Bytes, options: impl Into<DecodeOptions>) -> Result<Self, DecodeError> {
        let options = options.into();
        let header = exact(&bytes, options)?;
        Ok(Self { bytes, header, options })
    }

    /// Encodes a packet into a frame of its own.
    ///
    /// # Errors
    /// As for [`Packet::encode`].
    pub fn encode(packet: &Packet<'_>, options: impl Into<EncodeOptions>) -> Result<Self, EncodeError> {
        let options = options.into();
        let mut bytes = BytesMut::new();
        packet.encode(options, &mut bytes)?;
        let (bytes, options) = (bytes.freeze(), DecodeOptions::reading(&options));
        let invalid = |error: DecodeError| EncodeError::Invalid {
            kind: error.kind(),
            packet: packet.packet_type(),
            version: error.version(),
        };
        let header = exact(&bytes, options).map_err(invalid)?;
        Ok(Self { bytes, header, options })
    }

    /// Checks and decodes the packet. Worth doing once: each call does it anew.
    ///
    /// # Errors
    /// The first rule that the packet breaks.
    #[inline]
    pub fn packet(&self) -> Result<Packet<'_>, DecodeError> {
        decode_frame(&self.bytes, self.header, self.options.context())
    }

    /// The type of the packet, known without decoding it.
    pub const fn packet_type(&self) -> PacketType {
        self.header.packet_type()
    }

    /// The fixed header.
    pub const fn header(&self) -> FixedHeader {
        self.header
    }

    /// The options by which the packet is decoded.
    pub const fn options(&self) -> &DecodeOptions {
        &self.options
    }

    /// The version that a CONNECT names, if it is a known one; of other packets the version they are decoded
    /// by.
    pub fn version(&self) -> Option<Version> {
        match self.packet_type() {
            PacketType::Connect => {
                let body = self.bytes.get(self.header.len()..).unwrap_or_default();
                crate::packet::Connect::peek_version(body, self.options.context())
            }
            _ => Some(self.options.context().version()),
        }
    }

    /// The part of the frame that `part` borrows, such as a payload, without copying it. (A part from
    /// elsewhere is copied.)
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
    #[must_use]
    pub fn compact(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes), ..self.clone() }
    }

    /// The same frame with DUP set, for a retransmission, if it is a PUBLISH of QoS 1 or 2
    /// (`[MQTT-3.3.1-1]`). It is copied unless it is alone in its memory, which a frame cut off a stream
    /// is not as a rule.
    #[must_use]
    pub fn with_dup(self) -> Self {
        let mut bytes = BytesMut::from(self.bytes);
        set_dup(&mut bytes);
        let bytes = bytes.freeze();
        let header = exact(&bytes, self.options).unwrap_or(self.header);
        Self { bytes, header, ..self }
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}
