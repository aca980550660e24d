//! MQTT for `tokio_util::codec::Framed` (feature `tokio-codec`).

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::error::{DecodeError, EncodeError, Kind};
use crate::options::{DecodeOptions, EncodeOptions};
use crate::owned::Frame;
use crate::packet::{Packet, PacketType};
use crate::reason::ReasonCode;
use crate::version::{Sender, Version};

/// Cuts a stream into [`Frame`]s and writes [`Packet`]s, frames or ready-made bytes.
///
/// A frame's body is checked when [`Frame::packet`] is called, so a bad packet does not end the stream; only a
/// bad fixed header does. With [`Codec::server`] the version is the one that the client's CONNECT names, in
/// both directions.
///
/// ```
/// use mqtt_wire::{Codec, DecodeOptions, EncodeOptions, Packet, Version};
/// use tokio_util::codec::Encoder;
///
/// let mut client = Codec::client(Version::V5);
/// let mut out = bytes::BytesMut::new();
/// client.encode(Packet::PingReq, &mut out)?;
/// assert_eq!(&out[..], [0xC0, 0x00]);
/// # Ok::<(), mqtt_wire::CodecError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Codec {
    decode: DecodeOptions,
    encode: EncodeOptions,
}

impl Codec {
    /// The codec of a client: packets of a server come in.
    pub const fn client(version: Version) -> Self {
        Self::new(
            DecodeOptions::new(version).sender(Sender::Server).first_packet(true),
            EncodeOptions::new(version).sender(Sender::Client),
        )
    }

    /// The codec of a server: packets of a client come in, first of all a CONNECT, which decides the version.
    pub const fn server() -> Self {
        Self::new(
            DecodeOptions::detect().sender(Sender::Client).first_packet(true),
            EncodeOptions::new(Version::V5).sender(Sender::Server),
        )
    }

    /// A codec with these options.
    pub const fn new(decode: DecodeOptions, encode: EncodeOptions) -> Self {
        Self { decode, encode }
    }

    /// The largest packet to be received, in bytes, fixed header included.
    #[must_use]
    pub const fn max_packet_size(mut self, bytes: u32) -> Self {
        self.decode = self.decode.max_packet_size(bytes);
        self
    }

    /// The version that is written: 5.0 until a CONNECT decides otherwise.
    pub const fn version(&self) -> Version {
        self.encode.target_version()
    }

    /// How packets are decoded.
    pub const fn decode_options(&self) -> DecodeOptions {
        self.decode
    }

    /// Decodes the next packets so.
    pub const fn set_decode_options(&mut self, options: DecodeOptions) {
        self.decode = options;
    }

    /// How packets are encoded.
    pub const fn encode_options(&self) -> EncodeOptions {
        self.encode
    }

    /// Encodes the next packets so, such as with the peer's Maximum Packet Size.
    pub const fn set_encode_options(&mut self, options: EncodeOptions) {
        self.encode = options;
    }
}

/// Why a [`Codec`] gave up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The stream cannot be cut into frames any further.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The packet was not written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl CodecError {
    /// The reason code with which the peer may be told; `None` when reading or writing failed or the fault is
    /// one's own.
    pub const fn reason_code(&self) -> Option<ReasonCode> {
        match self {
            Self::Decode(error) => Some(error.reason_code()),
            Self::Encode(_) | Self::Io(_) => None,
        }
    }
}

impl Decoder for Codec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, stream: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        let frame = Frame::split_from(stream, self.decode)?;
        if let Some(frame) = &frame {
            self.decode = self.decode.first_packet(false);
            if frame.packet_type() == PacketType::Connect
                && self.decode.fixed_version().is_none()
                && let Some(version) = frame.version()
            {
                self.decode = self.decode.version(version);
                self.encode = self.encode.version(version);
            }
        }
        Ok(frame)
    }
}

impl Encoder<Packet<'_>> for Codec {
    type Error = CodecError;

    fn encode(&mut self, packet: Packet<'_>, out: &mut BytesMut) -> Result<(), CodecError> {
        packet.encode(self.encode, out)?;
        Ok(())
    }
}

/// A frame as it is, if it is of the version that is written and within the limit.
impl Encoder<&Frame> for Codec {
    type Error = CodecError;

    fn encode(&mut self, frame: &Frame, out: &mut BytesMut) -> Result<(), CodecError> {
        let (version, size, max) =
            (self.version(), frame.as_bytes().len(), self.encode.size_limit() as usize);
        if size > max {
            return Err(EncodeError::TooLarge { size, max }.into());
        }
        if frame.version().is_some_and(|named| named != version) {
            let (kind, packet) = (Kind::VersionMismatch, frame.packet_type());
            return Err(EncodeError::Invalid { kind, packet, version }.into());
        }
        out.extend_from_slice(frame.as_bytes());
        Ok(())
    }
}

/// Bytes that are already encoded.
impl Encoder<Bytes> for Codec {
    type Error = CodecError;

    fn encode(&mut self, bytes: Bytes, out: &mut BytesMut) -> Result<(), CodecError> {
        out.extend_from_slice(&bytes);
        Ok(())
    }
}
