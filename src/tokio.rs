//! MQTT for `tokio_util::codec::Framed` (feature `tokio-codec`).

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::connection::Connection;
use crate::error::{DecodeError, EncodeError};
use crate::frame::{CheckedFrame, Frame, PublishFrame};
use crate::packet::Packet;
use crate::standard::{ReasonCode, Version};

/// Cuts a stream into [`Frame`]s and writes packets, frames and ready-made bytes ([`Outgoing`]): a [`Connection`] for
/// `Framed`, `FramedRead` and `FramedWrite`.
///
/// A frame's body is checked when [`Frame::packet`] is called, so a bad packet does not end the stream; only a
/// bad fixed header does.
///
/// ```
/// use mqtt_wire::{Codec, Connection, Packet, Version};
/// use tokio_util::codec::Encoder;
///
/// let mut client = Codec::new(Connection::client(Version::V5));
/// let mut out = bytes::BytesMut::new();
/// client.encode(Packet::PingReq.into(), &mut out)?;
/// assert_eq!(&out[..], [0xC0, 0x00]);
/// # Ok::<(), mqtt_wire::CodecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    connection: Connection,
}

impl Codec {
    /// The codec of a connection.
    ///
    /// ```
    /// use mqtt_wire::{Codec, Connection};
    ///
    /// // With other limits than those of `Codec::server()`.
    /// let codec = Codec::new(Connection::server().with_max_packet_size(1024 * 1024));
    /// assert_eq!(codec.connection().version(), None); // CONNECT will name it
    /// ```
    pub const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// The codec of a client: see [`Connection::client`].
    ///
    /// ```
    /// use futures_util::{SinkExt, StreamExt};
    /// use mqtt_wire::{Codec, Connect, Packet, ReasonCode, Version};
    /// use tokio_util::codec::Framed;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let (socket, server) = tokio::io::duplex(256); // a `TcpStream` in a program
    /// # use tokio::io::AsyncWriteExt;
    /// # let mut server = server;
    /// # let mut connack = Vec::new();
    /// # Packet::from(mqtt_wire::ConnAck::new(ReasonCode::SUCCESS)).encode(Version::V5, &mut connack)?;
    /// # server.write_all(&connack).await?;
    /// // Frames of a server come in, and packets of this version go out.
    /// let mut framed = Framed::new(socket, Codec::client(Version::V5));
    /// let connect = Connect::new(Version::V5, "lamp-7");
    /// framed.send(Packet::from(connect).into()).await?;
    /// let frame = framed.next().await.expect("the server answers")?;
    /// let Packet::ConnAck(connack) = frame.packet()? else { panic!("CONNACK comes first") };
    /// assert_eq!(connack.reason_code, ReasonCode::SUCCESS);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn client(version: Version) -> Self {
        Self::new(Connection::client(version))
    }

    /// The codec of a server: see [`Connection::server`].
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use mqtt_wire::{Codec, Connect, Packet, Version};
    /// use tokio_util::codec::Decoder;
    ///
    /// // One codec serves clients of all versions: it learns from CONNECT which one this is.
    /// let mut codec = Codec::server();
    /// let mut input = BytesMut::new();
    /// Packet::from(Connect::new(Version::V311, "lamp-7")).encode(Version::V311, &mut input)?;
    /// let frame = codec.decode(&mut input)?.expect("all of it is there");
    /// let Packet::Connect(connect) = frame.packet()? else { panic!("CONNECT comes first") };
    /// assert_eq!((connect.version, connect.client_id), (Version::V311, "lamp-7"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn server() -> Self {
        Self::new(Connection::server())
    }

    /// What is known of the connection.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What is known of the connection, to change its options.
    ///
    /// ```
    /// use mqtt_wire::{Codec, ConnAck, MAX_PACKET_SIZE, ReasonCode};
    ///
    /// // The CONNACK was written past the codec, as bytes that were ready.
    /// let mut codec = Codec::server();
    /// codec.connection_mut().sent(&ConnAck::new(ReasonCode::SUCCESS).into());
    /// assert_eq!(codec.connection().decode_options().max_packet_size(), MAX_PACKET_SIZE);
    /// ```
    pub const fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// What a [`Codec`] writes: one type for all, so that `framed.flush()`, `framed.split()` and a task that writes what
/// others send it need no further word about types.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use mqtt_wire::{Codec, Frame, Outgoing, Packet, Version};
/// use tokio_util::codec::Encoder;
///
/// let mut codec = Codec::client(Version::V311);
/// let mut out = BytesMut::new();
/// let queue: [Outgoing; 3] = [
///     Packet::PingReq.into(),
///     Frame::encode(&Packet::PingReq, Version::V311)?.into(),
///     Bytes::from_static(&[0xC0, 0]).into(),
/// ];
/// for outgoing in queue {
///     codec.encode(outgoing, &mut out)?;
/// }
/// assert_eq!(out.len(), 6);
/// # Ok::<(), mqtt_wire::CodecError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outgoing<'a> {
    /// A packet, to be encoded. Acknowledgements without properties are `Packet<'static>`.
    Packet(Packet<'a>),
    /// A frame as it is, if it is of the connection's version and within its limit.
    Frame(Frame),
    /// Bytes that are already encoded. They are not looked at: of a CONNECT or CONNACK among them the connection learns
    /// by [`Connection::sent`].
    Bytes(Bytes),
}

impl<'a, P: Into<Packet<'a>>> From<P> for Outgoing<'a> {
    fn from(packet: P) -> Self {
        Self::Packet(packet.into())
    }
}

macro_rules! from_frame {
    ($($name:ident)+) => { $(
        impl From<$name> for Outgoing<'_> {
            fn from(frame: $name) -> Self {
                Self::Frame(frame.into())
            }
        }
    )+ };
}

from_frame! { Frame CheckedFrame PublishFrame }

impl From<Bytes> for Outgoing<'_> {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// Why a [`Codec`] gave up. Broken rules are explained on the page of [all rules](crate::guide::rules).
///
/// ```
/// use mqtt_wire::{Codec, CodecError, ReasonCode, Version};
/// use tokio_util::codec::Decoder;
///
/// let mut stream = bytes::BytesMut::from(&[0x00][..]); // no packet has the type 0
/// let error = Codec::client(Version::V5).decode(&mut stream).unwrap_err();
/// assert!(matches!(error, CodecError::Decode(_)));
/// // What to say before the connection is closed; `None` when it is broken anyway.
/// assert_eq!(error.reason_code(), Some(ReasonCode::MALFORMED_PACKET));
/// ```
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

/// What went wrong in reading or writing stays what it was.
impl From<CodecError> for std::io::Error {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Decode(error) => error.into(),
            CodecError::Encode(error) => error.into(),
            CodecError::Io(error) => error,
        }
    }
}

impl Decoder for Codec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, stream: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        Ok(self.connection.split_from(stream)?)
    }
}

impl Encoder<Outgoing<'_>> for Codec {
    type Error = CodecError;

    fn encode(&mut self, outgoing: Outgoing<'_>, out: &mut BytesMut) -> Result<(), CodecError> {
        match outgoing {
            Outgoing::Packet(packet) => self.connection.encode(&packet, out).map(drop)?,
            Outgoing::Frame(frame) => self.connection.encode_frame(&frame, out).map(drop)?,
            Outgoing::Bytes(bytes) => out.extend_from_slice(&bytes),
        }
        Ok(())
    }
}
