//! Frames: one packet cut off a stream by its fixed header (section 2.2 of 3.1.1, 2.1 of 5.0), and
//! [`decode`]. Only here is "read more" an answer.

use crate::error::{DecodeError, EncodeError, Kind};
use crate::options::{Context, DecodeOptions, EncodeOptions, Tolerance};
use crate::packet::{Body, Connect, Finish, Head, Packet, PacketType, Publish};
use crate::read::{Fault, from, variable, wants_shortest};
use crate::version::{Sender, Version};
use crate::write::{Counter, Output, Sink, Start, Writer, variable_len};

/// The largest Variable Byte Integer, and so the largest Remaining Length: 268,435,455.
pub const MAX_VARIABLE_BYTE_INTEGER: u32 = 268_435_455;
/// The size of the largest possible packet, fixed header included: 268,435,460 bytes.
pub const MAX_PACKET_SIZE: u32 = MAX_VARIABLE_BYTE_INTEGER + 5;

/// The fixed header of a packet, checked: type, flags and length are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FixedHeader {
    packet_type: PacketType,
    flags: u8,
    len: u8,
    remaining_length: u32,
}

impl FixedHeader {
    /// Reads the fixed header at the start of `bytes`; `Ok(None)` when it is not complete.
    ///
    /// # Errors
    /// A reserved type, wrong flags, a wrong direction or a bad or over-limit length, each at the byte that
    /// decides it.
    #[inline]
    pub fn decode(bytes: &[u8], options: impl Into<DecodeOptions>) -> Result<Option<Self>, DecodeError> {
        Self::read(bytes, options.into())
    }

    #[inline(always)]
    pub(crate) fn read(bytes: &[u8], options: DecodeOptions) -> Result<Option<Self>, DecodeError> {
        let c = options.context();
        let [first, rest @ ..] = bytes else { return Ok(None) };
        let packet_type = match PacketType::parse(*first, c) {
            Ok(packet_type) => packet_type,
            Err((kind, packet)) => return Err(refused(kind, packet, bytes, options)),
        };
        if options.is_first() && !may_be_first(packet_type, c.sender()) {
            return Err(refused(Kind::UnexpectedPacket, Some(packet_type), bytes, options));
        }
        let (remaining_length, len) = match *rest {
            [one, ..] if one < 0x80 => (u32::from(one), 2),
            [one, two @ 1..=0x7F, ..] => (low(one) + 0x80 * u32::from(two), 3),
            [one, two, three @ 1..=0x7F, ..] if two >= 0x80 => {
                (low(one) + 0x80 * low(two) + 0x4000 * u32::from(three), 4)
            }
            [one, two, three, four @ 1..=0x7F, ..] if two >= 0x80 && three >= 0x80 => {
                (low(one) + 0x80 * low(two) + 0x4000 * low(three) + 0x20_0000 * u32::from(four), 5)
            }
            _ => match long_length(rest, shortest(packet_type, bytes, c)) {
                Ok(Some((n, len))) => (n, len + 1),
                Ok(None) => return Ok(None),
                Err((kind, at)) => {
                    let size = readable_size(bytes);
                    // The limit comes first: it needs no version, which may have to be detected yet.
                    if size.is_some_and(|size| size > options.size_limit()) {
                        return Err(error(Kind::PacketTooLarge, Some(packet_type), c, 1, size));
                    }
                    return Err(error(kind, Some(packet_type), c, at.saturating_add(1), size));
                }
            },
        };
        let this = Self { packet_type, flags: first & 0x0F, len, remaining_length };
        if this.frame_size() > options.size_limit() {
            let size = Some(this.frame_size());
            return Err(error(Kind::PacketTooLarge, Some(packet_type), c, 1, size));
        }
        Ok(Some(this))
    }

    /// The type of the packet.
    pub const fn packet_type(&self) -> PacketType {
        self.packet_type
    }

    /// The low half of the first byte.
    pub const fn flags(&self) -> u8 {
        self.flags
    }

    /// The length of the body in bytes.
    pub const fn remaining_length(&self) -> u32 {
        self.remaining_length
    }

    /// The length of the fixed header in bytes: 2 to 5.
    #[allow(clippy::len_without_is_empty, reason = "a header is never empty")]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// The length of the whole frame in bytes.
    pub const fn frame_len(&self) -> usize {
        self.frame_size() as usize
    }

    pub(crate) const fn frame_size(&self) -> u32 {
        self.len as u32 + self.remaining_length
    }

    pub(crate) const fn head(&self) -> Head {
        Head { packet: self.packet_type, flags: self.flags }
    }
}

pub(crate) const fn error(
    kind: Kind,
    packet: Option<PacketType>,
    c: Context,
    offset: u32,
    frame_len: Option<u32>,
) -> DecodeError {
    DecodeError { kind, packet, version: c.version(), sender: c.sender(), offset, frame_len }
}

/// The seven bits of a byte of a length that goes on.
#[inline(always)]
fn low(byte: u8) -> u32 {
    u32::from(byte & 0x7F)
}

/// A frame that is refused for its first byte; its length may be readable all the same.
#[cold]
fn refused(kind: Kind, packet: Option<PacketType>, bytes: &[u8], options: DecodeOptions) -> DecodeError {
    error(kind, packet, options.context(), 0, readable_size(bytes))
}

/// The size of a bad frame, if its length can be made out.
#[cold]
fn readable_size(bytes: &[u8]) -> Option<u32> {
    match long_length(bytes.get(1..).unwrap_or_default(), false) {
        Ok(Some((n, len))) => Some(n + u32::from(len) + 1),
        _ => None,
    }
}

/// Whether the Remaining Length has to be in its shortest form. With the version still to be detected that
/// depends on what CONNECT says, and as long as it says nothing, any form will do.
#[cold]
fn shortest(packet: PacketType, bytes: &[u8], c: Context) -> bool {
    if packet != PacketType::Connect || !c.detects_version() {
        return wants_shortest(c);
    }
    let body = match variable(from(bytes, 1), false) {
        Ok((body, len)) => body.get(..len as usize).unwrap_or(body),
        Err(_) => &[],
    };
    Connect::peek_version(body, c).is_some_and(|version| wants_shortest(c.with_version(version)))
}

const fn may_be_first(packet: PacketType, sender: Option<Sender>) -> bool {
    match sender {
        Some(Sender::Server) => matches!(packet, PacketType::ConnAck | PacketType::Auth),
        _ => matches!(packet, PacketType::Connect),
    }
}

/// Remaining Length and the number of its bytes; `None` when it goes on behind the bytes that are there.
fn long_length(i: &[u8], shortest: bool) -> Result<Option<(u32, u8)>, (Kind, u32)> {
    match variable(i, shortest) {
        Ok((rest, n)) => Ok(Some((n, u8::try_from(i.len() - rest.len()).unwrap_or(u8::MAX)))),
        Err(Fault { kind: Kind::Truncated, .. }) => Ok(None),
        Err(fault) => Err((fault.kind, fault.offset(i))),
    }
}

impl Version {
    /// The version that a frame with a CONNECT names, the bit of bridges aside, whether or not the rest of the
    /// packet is right; `None` when it is no CONNECT, is too short or names none of the three.
    pub fn of_connect(frame: &[u8]) -> Option<Self> {
        named_version(frame, DecodeOptions::detect().tolerate(Tolerance::BridgeProtocolLevel).context())
    }
}

/// The version that a frame with a CONNECT names, if it is one that may be decoded.
fn named_version(frame: &[u8], c: Context) -> Option<Version> {
    let [first, rest @ ..] = frame else { return None };
    let (body, _) = variable(rest, false).ok().filter(|_| first >> 4 == PacketType::Connect.number())?;
    Connect::peek_version(body, c)
}

/// What [`decode`] found at the start of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a view on the stack: boxing would allocate")]
pub enum Decoded<'a> {
    /// A packet.
    Packet {
        /// The packet, borrowed from the bytes.
        packet: Packet<'a>,
        /// How many bytes it takes: the next packet starts there.
        len: usize,
    },
    /// The frame is not complete.
    Incomplete {
        /// How many more bytes are needed at least.
        missing: usize,
    },
}

impl<'a> Decoded<'a> {
    /// The packet, if it is complete.
    pub const fn packet(self) -> Option<Packet<'a>> {
        match self {
            Self::Packet { packet, .. } => Some(packet),
            Self::Incomplete { .. } => None,
        }
    }
}

/// Decodes the packet at the start of `bytes`. A [`Version`] serves as options, too.
///
/// ```
/// use mqtt_wire::{Decoded, Packet, Version, decode};
///
/// assert_eq!(decode(&[0xC0, 0x00], Version::V311)?, Decoded::Packet { packet: Packet::PingReq, len: 2 });
/// assert_eq!(decode(&[0x40, 0x02, 0x00], Version::V311)?, Decoded::Incomplete { missing: 1 });
/// let error = decode(&[0x32, 0x05, 0x00, 0x01, b'a', 0x00, 0x00], Version::V311).unwrap_err();
/// assert_eq!(error.to_string(), "PUBLISH: the packet identifier is 0 at byte 5 [MQTT-2.3.1-1]");
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
///
/// # Errors
/// The first rule that the packet breaks. [`DecodeError::frame_len`] tells where the next packet starts.
#[inline]
pub fn decode(bytes: &[u8], options: impl Into<DecodeOptions>) -> Result<Decoded<'_>, DecodeError> {
    decode_by(bytes, options.into())
}

/// Not generic, so that it is compiled once.
fn decode_by(bytes: &[u8], options: DecodeOptions) -> Result<Decoded<'_>, DecodeError> {
    let Some(header) = FixedHeader::read(bytes, options)? else {
        return Ok(Decoded::Incomplete { missing: missing_header(bytes) });
    };
    let (len, c) = (header.frame_len(), options.context());
    match bytes.get(header.len()..len) {
        Some(body) => Packet::decode_body(header.head(), c, body, &Whole { bytes, len, c }),
        None => Ok(Decoded::Incomplete { missing: len - bytes.len() }),
    }
}

/// Decodes bytes that hold just one packet, such as a message from storage.
///
/// ```
/// use mqtt_wire::{Kind, Packet, Version, decode_exact};
///
/// assert_eq!(decode_exact(&[0xC0, 0x00], Version::V5)?, Packet::PingReq);
/// assert_eq!(decode_exact(&[0x30, 0x05, 0x00], Version::V5).unwrap_err().kind(), Kind::Truncated);
/// assert_eq!(decode_exact(&[0xC0, 0x00, 0xC0], Version::V5).unwrap_err().kind(), Kind::TrailingBytes);
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
///
/// # Errors
/// As for [`decode`]; [`Kind::Truncated`] when bytes are missing, [`Kind::TrailingBytes`] when some are left.
pub fn decode_exact(bytes: &[u8], options: impl Into<DecodeOptions>) -> Result<Packet<'_>, DecodeError> {
    let options = options.into();
    let header = exact(bytes, options)?;
    decode_frame(bytes, header, options.context())
}

/// The fixed header of bytes that are just one frame.
pub(crate) fn exact(bytes: &[u8], options: DecodeOptions) -> Result<FixedHeader, DecodeError> {
    let c = options.context();
    let wrong = |kind, packet, offset: usize, size| {
        Err(error(kind, packet, c, u32::try_from(offset).unwrap_or(u32::MAX), size))
    };
    let Some(header) = FixedHeader::read(bytes, options)? else {
        return wrong(Kind::Truncated, None, bytes.len(), None);
    };
    let (packet, size) = (Some(header.packet_type), Some(header.frame_size()));
    match bytes.len().cmp(&header.frame_len()) {
        core::cmp::Ordering::Less => wrong(Kind::Truncated, packet, bytes.len(), size),
        core::cmp::Ordering::Greater => wrong(Kind::TrailingBytes, packet, header.frame_len(), size),
        core::cmp::Ordering::Equal => Ok(header),
    }
}

/// What an incomplete fixed header needs at least: the type, and one more byte of the length.
pub(crate) const fn missing_header(bytes: &[u8]) -> usize {
    if bytes.is_empty() { 2 } else { 1 }
}

/// Decodes the body of a whole frame.
#[inline(always)]
pub(crate) fn decode_frame(frame: &[u8], header: FixedHeader, c: Context) -> Result<Packet<'_>, DecodeError> {
    let whole = Whole { bytes: frame, len: frame.len(), c };
    Packet::decode_body(header.head(), c, from(frame, header.len()), &whole)
}

/// A whole frame, of which a result is made: the first `len` bytes.
struct Whole<'a> {
    bytes: &'a [u8],
    len: usize,
    c: Context,
}

impl Whole<'_> {
    #[inline(always)]
    fn error(&self, fault: Fault<'_>) -> DecodeError {
        let len = u32::try_from(self.len).unwrap_or(u32::MAX);
        in_frame(fault, self.bytes.get(..self.len).unwrap_or_default(), len, self.c)
    }
}

impl<'a> Finish<'a, Result<Packet<'a>, DecodeError>> for Whole<'a> {
    #[inline(always)]
    fn finish(&self, result: Result<Packet<'a>, Fault<'a>>) -> Result<Packet<'a>, DecodeError> {
        match result {
            Ok(packet) => Ok(packet),
            Err(fault) => Err(self.error(fault)),
        }
    }
}

impl<'a> Finish<'a, Result<Decoded<'a>, DecodeError>> for Whole<'a> {
    #[inline(always)]
    fn finish(&self, result: Result<Packet<'a>, Fault<'a>>) -> Result<Decoded<'a>, DecodeError> {
        match result {
            Ok(packet) => Ok(Decoded::Packet { packet, len: self.len }),
            Err(fault) => Err(self.error(fault)),
        }
    }
}

/// The error of a fault in the body of a frame of that length, of which the first part is there.
#[cold]
#[inline(never)]
pub(crate) fn in_frame(fault: Fault<'_>, frame: &[u8], len: u32, c: Context) -> DecodeError {
    let packet = frame.first().and_then(|first| PacketType::from_number(first >> 4));
    let version = named_version(frame, c).unwrap_or(c.version());
    error(fault.kind, packet, c.with_version(version), fault.offset(frame), Some(len))
}

impl Packet<'_> {
    /// Encodes the packet, whole, and returns how many bytes it took. A [`Version`] serves as options, too.
    ///
    /// A slice or an array is written from its start; `Vec<u8>` and `BytesMut` are extended.
    ///
    /// # Errors
    /// When the packet breaks a rule that [`decode`] with the same options would enforce, has no form in the
    /// version, is too large or does not fit. The output is then as it was.
    // Inlined: what most packets are is short, and where the caller knows the packet's type only that is left of it.
    #[inline(always)]
    pub fn encode<O: Output + ?Sized>(
        &self,
        options: impl Into<EncodeOptions>,
        out: &mut O,
    ) -> Result<usize, EncodeError> {
        let options = options.into();
        if let Self::Publish(body) = self {
            if let Some(bare) = body.as_bare(options.context())
                && let Ok(len) = encode_near(PacketType::Publish, &bare, options, out)
            {
                return Ok(len);
            }
            return body.encode_any(options, out);
        }
        if self.packet_type().answers_publish()
            && let Self::PubAck(body) | Self::PubRec(body) | Self::PubRel(body) | Self::PubComp(body) = self
            && body.is_short()
            && let Ok(len) = encode_near(self.packet_type(), &body.packet_id, options, out)
        {
            return Ok(len);
        }
        self.encode_rare(options, out)
    }

    /// What is not as frequent as PUBLISH and short acknowledgements.
    #[inline(never)]
    fn encode_rare(
        &self,
        options: EncodeOptions,
        out: &mut (impl Output + ?Sized),
    ) -> Result<usize, EncodeError> {
        encode_near(self.packet_type(), self, options, out)
    }

    /// The exact number of bytes that [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode).
    pub fn encoded_len(&self, options: impl Into<EncodeOptions>) -> Result<usize, EncodeError> {
        let measure = match self {
            Self::Publish(body) => Measure::of(PacketType::Publish, body, options.into()),
            _ => Measure::of(self.packet_type(), self, options.into()),
        };
        measure.map(|measure| measure.size)
    }
}

impl Publish<'_> {
    /// Whatever it is, and whether or not it can be encoded.
    #[inline(never)]
    fn encode_any(
        &self,
        options: EncodeOptions,
        out: &mut (impl Output + ?Sized),
    ) -> Result<usize, EncodeError> {
        if let Some(usual) = self.as_usual(options.context())
            && let Ok(len) = encode_near(PacketType::Publish, &usual, options, out)
        {
            return Ok(len);
        }
        self.encode_rare(options, out)
    }

    #[inline(never)]
    fn encode_rare(
        &self,
        options: EncodeOptions,
        out: &mut (impl Output + ?Sized),
    ) -> Result<usize, EncodeError> {
        encode_near(PacketType::Publish, self, options, out)
    }
}

#[inline(always)]
fn encode_near(
    packet: PacketType,
    body: &impl Body,
    options: EncodeOptions,
    out: &mut (impl Output + ?Sized),
) -> Result<usize, EncodeError> {
    Measure::of(packet, body, options)?.encode(packet, body, body.tail(), options, out)
}

/// A size as a `usize`, which is shorter on small machines.
#[inline(always)]
pub(crate) fn in_memory(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

#[cold]
#[inline(never)]
const fn invalid(kind: Kind, packet: PacketType, version: Version) -> EncodeError {
    EncodeError::Invalid { kind, packet, version }
}

#[cold]
#[inline(never)]
fn too_large(size: u64, max: u64) -> EncodeError {
    EncodeError::TooLarge { size: in_memory(size), max: in_memory(max) }
}

/// What the first walk finds out about a packet.
pub(crate) struct Measure {
    pub(crate) start: Start,
    /// The number of bytes, fixed header included.
    pub(crate) size: usize,
    pub(crate) blocks: u64,
}

impl Measure {
    /// Checks and counts a packet.
    #[inline(always)]
    pub(crate) fn of(
        packet: PacketType,
        body: &impl Body,
        options: EncodeOptions,
    ) -> Result<Self, EncodeError> {
        let c = options.context();
        let mut counter = Counter::default();
        let first = packet.first_byte(body.flags(packet));
        if let Err(kind) =
            body.check_first(first, c).and_then(|()| body.encode(None, packet, c, &mut counter))
        {
            return Err(invalid(kind, packet, c.version()));
        }
        let remaining_length = counter.len() + body.tail().len() as u64;
        let size = remaining_length + 1 + variable_len(remaining_length);
        let max = u64::from(options.size_limit().min(MAX_PACKET_SIZE));
        if size > max {
            return Err(too_large(size, max));
        }
        let start = Start { first, remaining_length };
        Ok(Self { start, size: in_memory(size), blocks: counter.blocks() })
    }

    /// Writes the packet that was measured, with that tail. Returns the number of bytes.
    #[inline(always)]
    pub(crate) fn encode<O: Output + ?Sized>(
        &self,
        packet: PacketType,
        body: &impl Body,
        tail: &[u8],
        options: EncodeOptions,
        out: &mut O,
    ) -> Result<usize, EncodeError> {
        let size = self.size - (body.tail().len() - tail.len());
        let mut writer = Writer::new(out.room(size, tail)?, self.blocks);
        let written = body.encode(Some(self.start), packet, options.context(), &mut writer);
        debug_assert!(written.is_ok(), "the two walks differ");
        if O::APPENDS {
            out.append(tail);
        } else {
            writer.put(tail);
        }
        Ok(size)
    }
}
