//! What is known of a connection: its version, its limits, whether a packet has come yet. [`Connection`] decodes and
//! encodes by it, [`Buffer`] reads a stream into memory of the caller's.

use crate::decode::{Decoded, FixedHeader, decode, frame_len};
use crate::error::{DecodeError, EncodeError};
use crate::options::{DecodeOptions, EncodeOptions, Tolerance};
use crate::packet::{ConnAck, Connect, Packet};
use crate::property::Properties;
use crate::standard::{PacketType, ReasonCode, Rule, Sender, Version};
use crate::write::Output;

/// The largest packet in bytes that a [`Connection::server`] takes before it has accepted the connection: 65,536.
pub const MAX_CONNECT_SIZE: u32 = 65_536;

/// Decodes and encodes the packets of one connection, and remembers what they settle.
///
/// - The version: a server learns it from CONNECT and decodes nothing else before.
/// - The first packet: CONNECT from a client (`[MQTT-3.1.0-1]`), CONNACK or AUTH from a server (`[MQTT-3.2.0-1]`).
/// - The limits: a server takes small packets only until it has encoded a CONNACK of success, and the largest packet of
///   either direction is what the receiver announced as its Maximum Packet Size (`[MQTT-3.1.2-24]`,
///   `[MQTT-3.2.2-15]`).
///
/// It needs neither an allocator nor a runtime: it looks at bytes that you have read, and `tokio_util` finds it in
/// `Codec`. A new connection wants a new one.
///
/// ```
/// use mqtt_wire::{ConnAck, Connect, Connection, Decoded, Packet, ReasonCode, Version};
///
/// let mut stream = Vec::new();
/// let connect = Connect::new(Version::V311, "sensor-7");
/// Connection::client(Version::V311).encode(&connect.into(), &mut stream)?;
///
/// let mut server = Connection::server();
/// let Decoded::Packet { packet: Packet::Connect(connect), len } = server.decode(&stream)? else {
///     panic!("a CONNECT")
/// };
/// assert_eq!((connect.client_id, len), ("sensor-7", stream.len()));
/// assert_eq!(server.version(), Some(Version::V311));
///
/// let mut answer = [0; 16];
/// let n = server.encode(&ConnAck::new(ReasonCode::SUCCESS).into(), &mut answer)?;
/// assert_eq!(answer[..n], [0x20, 0x02, 0x00, 0x00]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    decode: DecodeOptions,
    encode: EncodeOptions,
    /// The limit for what comes in once the connection is accepted, while a smaller one holds.
    accepted_limit: Option<u32>,
}

impl Connection {
    /// The connection of a client: packets of a server come in. The refusal by a server of 3.1.1 is understood in 5.0,
    /// too ([`Tolerance::RefusalByOlderServer`]).
    ///
    /// ```
    /// use mqtt_wire::{Connection, Packet, ReasonCode, Version};
    ///
    /// let mut client = Connection::client(Version::V5);
    /// // A server that knows 3.1.1 only refuses in its own form.
    /// let decoded = client.decode(&[0x20, 2, 0, 1])?;
    /// let Some(Packet::ConnAck(answer)) = decoded.packet() else { panic!("a CONNACK") };
    /// assert_eq!(answer.reason_code, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION); // try 3.1.1
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    pub const fn client(version: Version) -> Self {
        let decode = DecodeOptions::new(version).with_sender(Sender::Server).with_first_packet(true);
        Self::new(
            decode.with_tolerance(Tolerance::RefusalByOlderServer),
            EncodeOptions::new(version).with_sender(Sender::Client),
        )
    }

    /// The connection of a server: packets of a client come in, first of all a CONNECT, which decides the version. Until
    /// a CONNACK of success was encoded no packet may be larger than [`MAX_CONNECT_SIZE`].
    ///
    /// ```
    /// use mqtt_wire::{Connection, Decoded, Rule};
    ///
    /// let mut server = Connection::server();
    /// assert_eq!(server.version(), None); // until CONNECT names it
    /// assert_eq!(server.decode(&[0x10])?, Decoded::Incomplete { missing: 1 });
    /// assert_eq!(server.decode(&[0x30]).unwrap_err().rule(), Rule::UnexpectedPacket);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    pub const fn server() -> Self {
        let decode = DecodeOptions::detect().with_sender(Sender::Client).with_first_packet(true);
        Self::new(decode, EncodeOptions::new(Version::V5).with_sender(Sender::Server))
            .with_max_connect_size(MAX_CONNECT_SIZE)
    }

    /// A connection with these options, with one limit from the beginning.
    ///
    /// ```
    /// use mqtt_wire::{Connection, DecodeOptions, EncodeOptions, Packet, Version};
    ///
    /// // A recording that starts in the middle, and has the packets of both sides.
    /// let version = Version::V5;
    /// let mut bystander = Connection::new(DecodeOptions::new(version), EncodeOptions::new(version));
    /// assert_eq!(bystander.decode(&[0xC0, 0])?.packet(), Some(Packet::PingReq));
    /// assert_eq!(bystander.decode(&[0xD0, 0])?.packet(), Some(Packet::PingResp));
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    pub const fn new(decode: DecodeOptions, encode: EncodeOptions) -> Self {
        Self { decode, encode, accepted_limit: None }
    }

    /// The largest packet to be received, in bytes, fixed header included. Default:
    /// [`MAX_PACKET_SIZE`](crate::MAX_PACKET_SIZE). The smaller
    /// limit of a connection that is not accepted yet goes on.
    ///
    /// ```
    /// use mqtt_wire::{Connection, Rule, Version};
    ///
    /// let mut client = Connection::client(Version::V311).with_max_packet_size(1024);
    /// let error = client.decode(&[0x20, 0xFF, 0xFF, 0x03]).unwrap_err();
    /// assert_eq!(error.rule(), Rule::PacketTooLarge);
    /// ```
    #[must_use]
    pub const fn with_max_packet_size(self, bytes: u32) -> Self {
        match self.accepted_limit {
            Some(_) => Self { accepted_limit: Some(bytes), ..self },
            None => Self { decode: self.decode.with_max_packet_size(bytes), ..self },
        }
    }

    /// The largest packet to be received before the connection is accepted, in bytes.
    ///
    /// ```
    /// use mqtt_wire::{Connection, Rule};
    ///
    /// let mut server = Connection::server().with_max_connect_size(1024);
    /// let error = server.decode(&[0x10, 0x80, 0x10]).unwrap_err(); // a CONNECT of 2,048 bytes
    /// assert_eq!(error.rule(), Rule::PacketTooLarge);
    /// ```
    #[must_use]
    pub const fn with_max_connect_size(self, bytes: u32) -> Self {
        let accepted = match self.accepted_limit {
            Some(limit) => limit,
            None => self.decode.max_packet_size(),
        };
        Self { decode: self.decode.with_max_packet_size(bytes), accepted_limit: Some(accepted), ..self }
    }

    /// The version; `None` as long as no CONNECT has named it.
    ///
    /// ```
    /// use mqtt_wire::{Connect, Connection, Version};
    ///
    /// let mut server = Connection::server();
    /// assert_eq!(server.version(), None);
    /// server.received(&Connect::new(Version::V311, "lamp-7").into());
    /// assert_eq!(server.version(), Some(Version::V311));
    /// ```
    pub const fn version(&self) -> Option<Version> {
        self.decode.version()
    }

    /// How the next packet is decoded.
    ///
    /// ```
    /// use mqtt_wire::{ConnAck, Connect, Connection, MAX_PACKET_SIZE, ReasonCode, Version};
    ///
    /// // A server learns the version from CONNECT, and from its own CONNACK that more may come.
    /// let mut server = Connection::server().with_max_connect_size(1024);
    /// assert_eq!(server.decode_options().max_packet_size(), 1024);
    /// server.received(&Connect::new(Version::V311, "lamp-7").into());
    /// server.sent(&ConnAck::new(ReasonCode::SUCCESS).into());
    /// let options = server.decode_options();
    /// assert_eq!(options.version(), Some(Version::V311));
    /// assert_eq!(options.max_packet_size(), MAX_PACKET_SIZE);
    /// ```
    pub const fn decode_options(&self) -> DecodeOptions {
        self.decode
    }

    /// Decodes the next packets so.
    ///
    /// ```
    /// use mqtt_wire::{Connection, Tolerance, Version};
    ///
    /// // A peer turns out to be a program with a known fault.
    /// let mut client = Connection::client(Version::V5);
    /// let tolerant = client.decode_options().with_tolerance(Tolerance::UnknownReasonCodes);
    /// client.set_decode_options(tolerant);
    /// ```
    pub const fn set_decode_options(&mut self, options: DecodeOptions) {
        self.decode = options;
    }

    /// How the next packet is encoded.
    ///
    /// ```
    /// use mqtt_wire::{Connection, Packet, Version};
    ///
    /// // Encoded elsewhere, by the rules of this connection: by another thread for one.
    /// let connection = Connection::client(Version::V5);
    /// let mut out = Vec::new();
    /// Packet::PingReq.encode(connection.encode_options(), &mut out)?;
    /// // What only a server sends is refused here as it is by the connection itself.
    /// assert!(Packet::PingResp.encode(connection.encode_options(), &mut out).is_err());
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub const fn encode_options(&self) -> EncodeOptions {
        self.encode
    }

    /// Encodes the next packets so.
    ///
    /// ```
    /// use mqtt_wire::{Connection, EncodeErrorKind, Publish, Version, topic_name};
    ///
    /// // A gateway to a network that carries 64 bytes at a time.
    /// let mut client = Connection::client(Version::V311);
    /// client.set_encode_options(client.encode_options().with_max_packet_size(64));
    /// let large = Publish::new(topic_name!("a"), &[0; 100]);
    /// let error = client.encode(&large.into(), &mut Vec::new()).unwrap_err();
    /// assert!(matches!(error.kind(), EncodeErrorKind::TooLarge { max: 64, .. }));
    /// ```
    pub const fn set_encode_options(&mut self, options: EncodeOptions) {
        self.encode = options;
    }

    /// Decodes the packet at the start of `bytes`, or tells how many bytes are missing at least.
    ///
    /// ```
    /// use mqtt_wire::{Connection, Decoded, Packet, Version};
    ///
    /// let mut client = Connection::client(Version::V311);
    /// let stream = [0x20, 2, 0, 0, 0xD0]; // CONNACK, the start of PINGRESP
    /// let Decoded::Packet { packet, len } = client.decode(&stream)? else { panic!("it is there") };
    /// assert!(matches!(packet, Packet::ConnAck(_)));
    /// assert_eq!(client.decode(&stream[len..])?, Decoded::Incomplete { missing: 1 });
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`decode()`].
    pub fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<Decoded<'a>, DecodeError> {
        let decoded = decode(bytes, self.decode);
        match &decoded {
            Ok(Decoded::Packet { packet, .. }) => self.received(packet),
            Ok(Decoded::Incomplete { .. }) => {}
            Err(error) => self.refused(bytes, *error),
        }
        decoded
    }

    /// Cuts the first frame off `stream`; `None` when it is not complete yet: then what is missing is reserved. The body
    /// of the frame is not checked.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use mqtt_wire::{Connection, Version};
    ///
    /// let mut connection = Connection::client(Version::V311);
    /// let mut stream = BytesMut::from(&[0x20, 2, 0, 0, 0xD0, 0][..]); // CONNACK, PINGRESP
    /// let mut frames = 0;
    /// while let Some(frame) = connection.split_from(&mut stream)? {
    ///     println!("{frame:?}");
    ///     frames += 1;
    /// }
    /// assert_eq!(frames, 2);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// When the fixed header is bad: the stream cannot be followed any further.
    #[cfg(feature = "bytes")]
    pub fn split_from(&mut self, stream: &mut bytes::BytesMut) -> Result<Option<crate::Frame>, DecodeError> {
        let Some(frame) = crate::Frame::split_from(stream, self.decode)? else {
            let missing = frame_len(stream).unwrap_or_default().saturating_sub(stream.len());
            stream.reserve(missing);
            return Ok(None);
        };
        if self.decode.first_packet()
            || matches!(frame.packet_type(), PacketType::Connect | PacketType::ConnAck)
        {
            match frame.packet() {
                Ok(packet) => self.received(&packet),
                Err(error) => self.refused(frame.as_bytes(), error),
            }
            self.decode = self.decode.with_first_packet(false);
        }
        Ok(Some(frame))
    }

    /// Encodes a packet.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// use mqtt_wire::{ConnAck, Connection, EncodeErrorKind, Properties, Property, Publish};
    /// use mqtt_wire::{ReasonCode, Version, topic_name};
    ///
    /// let mut client = Connection::client(Version::V5);
    /// let limit = [Property::MaximumPacketSize(NonZeroU32::new(64).expect("not 0"))];
    /// let properties = Properties::new(&limit);
    /// client.received(&ConnAck { properties, ..ConnAck::new(ReasonCode::SUCCESS) }.into());
    ///
    /// // The server has said that it does not take this.
    /// let large = Publish::new(topic_name!("a"), &[0; 100]);
    /// let error = client.encode(&large.into(), &mut Vec::new()).unwrap_err();
    /// assert_eq!(error.kind(), EncodeErrorKind::TooLarge { size: 106, max: 64 });
    /// ```
    ///
    /// # Errors
    /// As for [`Packet::encode`].
    pub fn encode<O: Output + ?Sized>(
        &mut self,
        packet: &Packet<'_>,
        out: &mut O,
    ) -> Result<usize, EncodeError> {
        let len = packet.encode(self.encode, out)?;
        self.sent(packet);
        Ok(len)
    }

    /// Encodes a frame as it is.
    ///
    /// ```
    /// use mqtt_wire::{Connection, Frame, Packet, Version};
    ///
    /// let ping = Frame::encode(&Packet::PingReq, Version::V311)?; // once
    /// let mut out = Vec::new();
    /// Connection::client(Version::V311).encode_frame(&ping, &mut out)?; // for many
    /// assert_eq!(out, [0xC0, 0]);
    /// // A frame of another version is not sent by mistake.
    /// assert!(Connection::client(Version::V5).encode_frame(&ping, &mut out).is_err());
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// When it is larger than the receiver's limit, or of another version than the connection.
    #[cfg(feature = "bytes")]
    pub fn encode_frame<O: Output + ?Sized>(
        &mut self,
        frame: &crate::Frame,
        out: &mut O,
    ) -> Result<usize, EncodeError> {
        let (packet, version) = (frame.packet_type(), self.encode.context().version());
        if frame.version().is_some_and(|named| named != version) {
            return Err(EncodeError::invalid(Rule::VersionMismatch, packet, version));
        }
        let bytes = frame.as_bytes();
        let max = self.encode.max_packet_size().min(crate::standard::MAX_PACKET_SIZE) as usize;
        if bytes.len() > max {
            return Err(EncodeError::too_large(bytes.len(), max, packet, version));
        }
        out.extend(0, bytes)
            .map_err(|full| EncodeError::too_small(bytes.len(), full.available, packet, version))?;
        if matches!(packet, PacketType::Connect | PacketType::ConnAck) {
            // A frame that is no packet settles nothing.
            let _ = frame.packet().map(|packet| self.sent(&packet));
        }
        Ok(bytes.len())
    }

    /// Takes note of a packet that came in by another way than [`decode`](Self::decode) and
    /// [`split_from`](Self::split_from). To take note of one twice changes nothing.
    ///
    /// ```
    /// use mqtt_wire::{Connect, Connection, Version};
    ///
    /// // The CONNECT was decoded elsewhere, by a load balancer for one.
    /// let mut server = Connection::server();
    /// server.received(&Connect::new(Version::V311, "lamp-7").into());
    /// assert_eq!(server.version(), Some(Version::V311));
    /// ```
    pub fn received(&mut self, packet: &Packet<'_>) {
        self.decode = self.decode.with_first_packet(false);
        match packet {
            Packet::Connect(Connect { version, properties, .. }) => {
                self.settle_version(*version);
                self.limit_what_is_sent(properties);
            }
            Packet::ConnAck(ConnAck { properties, .. }) => self.limit_what_is_sent(properties),
            _ => {}
        }
    }

    /// What a body settles that was refused: a bad CONNECT may have named the version all the same, by which it can be
    /// answered. What is refused for its first byte is not looked into.
    fn refused(&mut self, bytes: &[u8], error: DecodeError) {
        if error.offset() == 0 {
            return;
        }
        if let (Ok(Some(_)), Some(version)) =
            (FixedHeader::decode(bytes, self.decode), Version::of_connect(bytes))
        {
            self.settle_version(version);
        }
    }

    /// Takes note of a packet that went out by another way than [`encode`](Self::encode) and `encode_frame`, such as
    /// bytes that were encoded before: a CONNACK of success lifts the small limit of a server, and what CONNECT or
    /// CONNACK announce as Maximum Packet Size limits what comes in. To take note of one twice changes nothing.
    ///
    /// ```
    /// use mqtt_wire::{ConnAck, Connection, MAX_CONNECT_SIZE, MAX_PACKET_SIZE, ReasonCode};
    ///
    /// let mut server = Connection::server();
    /// assert_eq!(server.decode_options().max_packet_size(), MAX_CONNECT_SIZE);
    /// server.sent(&ConnAck::new(ReasonCode::SUCCESS).into());
    /// assert_eq!(server.decode_options().max_packet_size(), MAX_PACKET_SIZE);
    /// ```
    pub fn sent(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::Connect(Connect { properties, .. }) => self.limit_what_comes(properties),
            Packet::ConnAck(ConnAck { reason_code: ReasonCode::SUCCESS, properties, .. }) => {
                if let Some(limit) = self.accepted_limit.take() {
                    self.decode = self.decode.with_max_packet_size(limit);
                }
                self.limit_what_comes(properties);
            }
            _ => {}
        }
    }

    const fn settle_version(&mut self, version: Version) {
        if self.decode.version().is_none() {
            self.decode = self.decode.with_version(version);
            self.encode = self.encode.with_version(version);
        }
    }

    fn limit_what_is_sent(&mut self, properties: &Properties<'_>) {
        if let Some(max) = properties.maximum_packet_size() {
            self.encode = self.encode.with_max_packet_size(max.get().min(self.encode.max_packet_size()));
        }
    }

    fn limit_what_comes(&mut self, properties: &Properties<'_>) {
        if let Some(max) = properties.maximum_packet_size() {
            self.decode = self.decode.with_max_packet_size(max.get().min(self.decode.max_packet_size()));
        }
    }
}

/// A stream that is read into a slice of the caller's: room for what comes next, and the packets that are there.
///
/// ```
/// use std::io::Read;
/// use mqtt_wire::{Buffer, Connection, Packet, Version};
///
/// fn next_publish(
///     stream: &mut impl Read, connection: &mut Connection,
/// ) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
///     let mut memory = [0; 1024];
///     let mut buffer = Buffer::new(&mut memory);
///     loop {
///         while let Some(packet) = buffer.next(connection)? {
///             if let Packet::Publish(publish) = packet {
///                 return Ok(publish.payload.to_vec());
///             }
///         }
///         let n = stream.read(buffer.room())?;
///         if n == 0 {
///             return Err("the stream has ended".into());
///         }
///         buffer.fill(n);
///     }
/// }
/// # let bytes = [0x20, 2, 0, 0, 0x30, 5, 0, 1, b'a', b'h', b'i'];
/// # let payload = next_publish(&mut &bytes[..], &mut Connection::client(Version::V311))?;
/// # assert_eq!(payload, b"hi");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Buffer<'b> {
    memory: &'b mut [u8],
    /// Where the bytes start and end that are not taken yet.
    start: usize,
    end: usize,
}

impl<'b> Buffer<'b> {
    /// An empty buffer. Its memory has to hold the largest packet: what is larger is refused.
    pub const fn new(memory: &'b mut [u8]) -> Self {
        Self { memory, start: 0, end: 0 }
    }

    /// The room for bytes of the stream, which are told by [`fill`](Self::fill). It is never empty after
    /// [`next`](Self::next) has said that a packet is not complete.
    ///
    /// ```
    /// use std::io::Read;
    /// use mqtt_wire::Buffer;
    ///
    /// let mut socket: &[u8] = &[0xD0, 0x00];
    /// let mut memory = [0; 16];
    /// let mut buffer = Buffer::new(&mut memory);
    /// let n = socket.read(buffer.room())?;
    /// buffer.fill(n);
    /// assert_eq!((n, buffer.bytes()), (2, &[0xD0, 0x00][..]));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn room(&mut self) -> &mut [u8] {
        // The order always holds. It is asked for so that the compiler keeps no panic.
        if self.start > 0 && self.start <= self.end && self.end <= self.memory.len() {
            self.memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end.saturating_sub(self.start));
        }
        self.memory.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes were written into the [`room`](Self::room).
    ///
    /// ```
    /// use mqtt_wire::{Buffer, Connection, Packet, Version};
    ///
    /// let mut memory = [0; 16];
    /// let mut buffer = Buffer::new(&mut memory);
    /// let mut connection = Connection::client(Version::V311);
    /// // A driver that writes by DMA says how much came.
    /// buffer.room()[..4].copy_from_slice(&[0x20, 2, 0, 0]);
    /// buffer.fill(4);
    /// let packet = buffer.next(&mut connection)?;
    /// assert!(matches!(packet, Some(Packet::ConnAck(_))));
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    pub fn fill(&mut self, len: usize) {
        self.end = self.end.saturating_add(len).min(self.memory.len());
    }

    /// The bytes that have come and are not taken yet.
    ///
    /// ```
    /// use mqtt_wire::{Buffer, Connection, Version};
    ///
    /// let mut memory = [0; 16];
    /// let mut buffer = Buffer::new(&mut memory);
    /// buffer.room()[..3].copy_from_slice(&[0xD0, 0x00, 0x30]);
    /// buffer.fill(3);
    /// buffer.next(&mut Connection::client(Version::V311).with_max_packet_size(64)).ok();
    /// // The connection has ended. What is left was cut off in the middle of a packet.
    /// assert_eq!(buffer.bytes(), [0x30]);
    /// ```
    pub fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..self.end).unwrap_or_default()
    }

    /// The next packet; `None` when it is not complete yet.
    ///
    /// ```
    /// use mqtt_wire::{Buffer, Connection, Packet, Version};
    ///
    /// let mut memory = [0; 16];
    /// let mut buffer = Buffer::new(&mut memory);
    /// let mut connection = Connection::client(Version::V311);
    /// buffer.room()[..5].copy_from_slice(&[0x20, 2, 0, 0, 0xD0]); // as a socket would
    /// buffer.fill(5);
    /// assert!(matches!(buffer.next(&mut connection)?, Some(Packet::ConnAck(_))));
    /// assert_eq!(buffer.next(&mut connection)?, None); // PINGRESP is not complete
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`decode()`], and [`Rule::PacketTooLarge`] for a packet that does not fit into the memory. A bad packet is
    /// passed over as soon as all of it is there: the next call goes on behind it. Until then, and for good if its length
    /// is bad or too large for the memory, each call gives the same error.
    pub fn next(&mut self, connection: &mut Connection) -> Result<Option<Packet<'_>>, DecodeError> {
        let Self { memory, start, end } = self;
        let capacity = memory.len();
        let bytes = memory.get(*start..*end).unwrap_or_default();
        match connection.decode(bytes) {
            Ok(Decoded::Packet { packet, len }) => {
                *start += len;
                Ok(Some(packet))
            }
            Ok(Decoded::Incomplete { missing }) if bytes.len().saturating_add(missing) > capacity => {
                let packet = bytes.first().and_then(|first| PacketType::new(first >> 4));
                Err(crate::decode::error(Rule::PacketTooLarge, packet, connection.decode.context(), 1))
            }
            Ok(Decoded::Incomplete { .. }) => Ok(None),
            Err(error) => {
                if let Some(len) = frame_len(bytes).filter(|len| *len <= bytes.len()) {
                    *start += len;
                }
                Err(error)
            }
        }
    }
}
