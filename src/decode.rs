//! Frames: one packet cut off a stream by its fixed header (section 2.2 of 3.1.1, 2.1 of 5.0), and
//! [`decode`]. Only here is "read more" an answer.

use crate::error::DecodeError;
use crate::options::{Context, DecodeOptions, Tolerance};
use crate::packet::{Connect, Head, Packet, first_byte};
use crate::read::{Fault, end, from, variable, wants_shortest};
use crate::standard::{PacketType, Rule, Sender, Version};

/// The fixed header of a packet, checked: type, flags and length are allowed.
///
/// ```
/// use mqtt_wire::{FixedHeader, PacketType, Version};
///
/// // What a proxy asks before it forwards a packet that it does not look into.
/// let header = FixedHeader::decode(&[0x31, 0x80, 0x01], Version::V311)?.expect("it is complete");
/// assert_eq!((header.packet_type(), header.flags()), (PacketType::Publish, 0b0001));
/// assert_eq!((header.len(), header.frame_len()), (3, 131));
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
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
    /// ```
    /// use mqtt_wire::{FixedHeader, Rule, Version};
    ///
    /// assert_eq!(FixedHeader::decode(&[0x30], Version::V311)?, None); // the length has not come
    /// let header = FixedHeader::decode(&[0x30, 7], Version::V311)?.expect("it has");
    /// assert_eq!(header.remaining_length(), 7);
    /// let error = FixedHeader::decode(&[0x41], Version::V311).unwrap_err(); // PUBACK has no flags
    /// assert_eq!(error.rule(), Rule::ReservedFlags);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// A reserved type, wrong flags, a wrong direction or a bad or over-limit length, each at the byte that
    /// decides it. (As long as the version is unknown the flags of a CONNECT are judged by [`decode`], when the
    /// Protocol Level is there.)
    pub fn decode(bytes: &[u8], options: impl Into<DecodeOptions>) -> Result<Option<Self>, DecodeError> {
        Self::read(bytes, options.into())
    }

    #[inline(always)]
    pub(crate) fn read(bytes: &[u8], options: DecodeOptions) -> Result<Option<Self>, DecodeError> {
        let c = options.context();
        let [first, rest @ ..] = bytes else { return Ok(None) };
        let packet_type = match PacketType::new(*first >> 4) {
            Some(packet_type) if first_byte::is_allowed(*first, c) => packet_type,
            packet => return Err(error(first_refusal(*first, packet, options), packet, c, 0)),
        };
        if options.first_packet() && !may_be_first(packet_type, c.sender()) {
            return Err(error(Rule::UnexpectedPacket, Some(packet_type), c, 0));
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
            _ => match odd_length(packet_type, bytes, options)? {
                Some((n, len)) => (n, len),
                None => return Ok(None),
            },
        };
        let this = Self { packet_type, flags: first & 0x0F, len, remaining_length };
        if this.frame_size() > options.max_packet_size() {
            return Err(error(Rule::PacketTooLarge, Some(packet_type), c, 1));
        }
        Ok(Some(this))
    }

    /// The type of the packet.
    pub const fn packet_type(&self) -> PacketType {
        self.packet_type
    }

    /// The low half of the first byte.
    ///
    /// ```
    /// use mqtt_wire::{FixedHeader, Version};
    ///
    /// let header = FixedHeader::decode(&[0x3D, 7], Version::V5)?.expect("both bytes are there");
    /// let (dup, retain) = (header.flags() & 0b1000 != 0, header.flags() & 1 != 0);
    /// assert!(dup && retain);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
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
    ///
    /// ```
    /// use mqtt_wire::{FixedHeader, Version};
    ///
    /// let header = FixedHeader::decode(&[0x30, 0x80, 0x01], Version::V5)?.expect("it is there");
    /// assert_eq!((header.len(), header.remaining_length(), header.frame_len()), (3, 128, 131));
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    pub const fn frame_len(&self) -> usize {
        self.frame_size() as usize
    }

    const fn frame_size(&self) -> u32 {
        self.len as u32 + self.remaining_length
    }

    pub(crate) const fn head(&self) -> Head {
        Head { packet: self.packet_type, flags: self.flags }
    }
}

/// A fixed header in two bytes, for which the length of its frame has to be known: the first byte of the frame, and above
/// it the number of bytes of the header.
#[cfg(feature = "bytes")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackedHeader(u16);

#[cfg(feature = "bytes")]
impl FixedHeader {
    #[inline(always)]
    pub(crate) const fn pack(self) -> PackedHeader {
        PackedHeader(u16::from_le_bytes([self.packet_type.first_byte(self.flags), self.len]))
    }
}

#[cfg(feature = "bytes")]
impl PackedHeader {
    pub(crate) const fn packet_type(self) -> PacketType {
        let [first, _] = self.0.to_le_bytes();
        match PacketType::new(first >> 4) {
            Some(packet_type) => packet_type,
            // This is never reached: `pack` takes the number of a packet type.
            None => PacketType::Auth,
        }
    }

    #[inline(always)]
    pub(crate) fn unpack(self, frame_len: usize) -> FixedHeader {
        let [first, len] = self.0.to_le_bytes();
        let remaining_length = u32::try_from(frame_len).unwrap_or(u32::MAX).saturating_sub(u32::from(len));
        FixedHeader { packet_type: self.packet_type(), flags: first & 0x0F, len, remaining_length }
    }
}

pub(crate) const fn error(rule: Rule, packet: Option<PacketType>, c: Context, offset: u32) -> DecodeError {
    DecodeError { rule, packet, version: c.version(), sender: c.sender(), offset }
}

/// The rule that a first byte breaks. What may not come first needs no version to be refused.
#[cold]
fn first_refusal(first: u8, packet: Option<PacketType>, options: DecodeOptions) -> Rule {
    match (first_byte::refusal(first, options.context()), packet) {
        (Rule::VersionUnknown, Some(packet))
            if options.first_packet() && !may_be_first(packet, options.sender()) =>
        {
            Rule::UnexpectedPacket
        }
        (rule, _) => rule,
    }
}

/// The seven bits of a byte of a length that goes on.
const fn low(byte: u8) -> u32 {
    byte as u32 & 0x7F
}

const fn may_be_first(packet: PacketType, sender: Option<Sender>) -> bool {
    match sender {
        Some(Sender::Server) => matches!(packet, PacketType::ConnAck | PacketType::Auth),
        _ => matches!(packet, PacketType::Connect),
    }
}

/// The Remaining Length of a frame and the length of its fixed header, when that is not in its shortest form, bad, or
/// not there yet: then `None`.
#[cold]
fn odd_length(
    packet: PacketType,
    bytes: &[u8],
    options: DecodeOptions,
) -> Result<Option<(u32, u8)>, DecodeError> {
    let c = options.context();
    let rest = from(bytes, 1);
    match variable(rest, shortest(packet, bytes, c)) {
        Ok((i, n)) => Ok(Some((n, u8::try_from(bytes.len() - i.len()).unwrap_or(u8::MAX)))),
        Err(Fault { rule: Rule::Truncated, .. }) => Ok(None),
        // The limit comes first: it needs no version, which may have to be detected yet.
        Err(_) if frame_len(bytes).is_some_and(|len| len > options.max_packet_size() as usize) => {
            Err(error(Rule::PacketTooLarge, Some(packet), c, 1))
        }
        Err(fault) => Err(error(fault.rule, Some(packet), c, fault.offset(bytes))),
    }
}

/// Whether the Remaining Length has to be in its shortest form. With the version still unknown that depends on what
/// CONNECT says, and as long as it says nothing, any form will do.
fn shortest(packet: PacketType, bytes: &[u8], c: Context) -> bool {
    if packet != PacketType::Connect || !c.is_version_unknown() {
        return wants_shortest(c);
    }
    named_version(bytes, c).is_some_and(|version| wants_shortest(c.with_version(version)))
}

/// The length of the frame at the start of `bytes`, fixed header included, whatever else is wrong with it: so many bytes
/// on is the next packet. `None` when its Remaining Length is bad or not there yet; it takes at most four bytes behind
/// the first.
///
/// ```
/// use mqtt_wire::{Version, decode, frame_len};
///
/// let stream = [0x32, 0x05, 0x00, 0x01, b'a', 0x00, 0x00, 0xC0, 0x00];
/// assert!(decode(&stream, Version::V311).is_err());
/// assert_eq!(frame_len(&stream), Some(7));
/// ```
pub fn frame_len(bytes: &[u8]) -> Option<usize> {
    let (i, n) = variable(bytes.get(1..)?, false).ok()?;
    Some(bytes.len() - i.len() + n as usize)
}

impl Version {
    /// The version that a frame with a CONNECT names, the bit of bridges aside, whether or not the rest of the
    /// packet is right; `None` when it is no CONNECT, is too short or names none of the three.
    ///
    /// ```
    /// use mqtt_wire::Version;
    ///
    /// // A reserved flag makes the packet wrong. Its sender still has to be answered by its version.
    /// let bad = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 0x01, 0, 60, 0, 0, 0];
    /// assert_eq!(Version::of_connect(&bad), Some(Version::V5));
    /// ```
    pub fn of_connect(frame: &[u8]) -> Option<Self> {
        named_version(frame, DecodeOptions::detect().with_tolerance(Tolerance::BridgeProtocolLevel).context())
    }
}

/// The version that a frame with a CONNECT names, if it is one that may be decoded.
fn named_version(frame: &[u8], c: Context) -> Option<Version> {
    let [first, rest @ ..] = frame else { return None };
    let (body, len) = variable(rest, false).ok().filter(|_| first >> 4 == PacketType::Connect.get())?;
    Connect::peek_version(body.get(..len as usize).unwrap_or(body), c)
}

/// What [`decode`] found at the start of the bytes.
///
/// ```
/// use mqtt_wire::{Decoded, Version, decode};
///
/// let stream = [0xC0, 0x00, 0x40, 0x02]; // PINGREQ, the start of a PUBACK
/// let mut rest = &stream[..];
/// loop {
///     match decode(rest, Version::V311)? {
///         Decoded::Packet { packet, len } => {
///             println!("{packet}");
///             rest = &rest[len..];
///         }
///         Decoded::Incomplete { missing } => {
///             assert_eq!((rest.len(), missing), (2, 2)); // read two bytes more
///             break;
///         }
///     }
/// }
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    ///
    /// ```
    /// use mqtt_wire::{Packet, Version, decode};
    ///
    /// assert_eq!(decode(&[0xC0, 0x00], Version::V5)?.packet(), Some(Packet::PingReq));
    /// assert_eq!(decode(&[0xC0], Version::V5)?.packet(), None);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
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
/// let ping = Decoded::Packet { packet: Packet::PingReq, len: 2 };
/// assert_eq!(decode(&[0xC0, 0x00], Version::V311)?, ping);
/// assert_eq!(decode(&[0x40, 0x02, 0x00], Version::V311)?, Decoded::Incomplete { missing: 1 });
/// let error = decode(&[0x32, 0x05, 0x00, 0x01, b'a', 0x00, 0x00], Version::V311).unwrap_err();
/// assert_eq!(error.to_string(), "PUBLISH: the packet identifier is 0 at byte 5 [MQTT-2.3.1-1]");
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
///
/// # Errors
/// The first rule that the packet breaks. [`frame_len`] tells where the next packet starts.
#[inline]
pub fn decode(bytes: &[u8], options: impl Into<DecodeOptions>) -> Result<Decoded<'_>, DecodeError> {
    decode_by(bytes, options.into())
}

/// Not generic, so that it is compiled once.
fn decode_by(bytes: &[u8], options: DecodeOptions) -> Result<Decoded<'_>, DecodeError> {
    let Some(header) = FixedHeader::read(bytes, options)? else {
        return Ok(Decoded::Incomplete { missing: missing_header(bytes) });
    };
    let len = header.frame_len();
    let c = judging_context(bytes, header, options.context())?;
    match bytes.get(..len) {
        Some(frame) => Ok(Decoded::Packet { packet: decode_frame(frame, header, c)?, len }),
        None => Ok(Decoded::Incomplete { missing: len - bytes.len() }),
    }
}

/// Decodes bytes that hold just one packet, such as a message from storage.
///
/// ```
/// use mqtt_wire::{Packet, Rule, Version, decode_exact};
///
/// assert_eq!(decode_exact(&[0xC0, 0x00], Version::V5)?, Packet::PingReq);
/// let rule = |bytes: &[u8]| decode_exact(bytes, Version::V5).unwrap_err().rule();
/// assert_eq!(rule(&[0x30, 0x05, 0x00]), Rule::Truncated);
/// assert_eq!(rule(&[0xC0, 0x00, 0xC0]), Rule::TrailingBytes);
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
///
/// # Errors
/// As for [`decode`]; [`Rule::Truncated`] when bytes are missing, [`Rule::TrailingBytes`] when some are left.
pub fn decode_exact(bytes: &[u8], options: impl Into<DecodeOptions>) -> Result<Packet<'_>, DecodeError> {
    let options = options.into();
    let header = exact(bytes, options)?;
    let c = judging_context(bytes, header, options.context())?;
    decode_frame(bytes, header, c)
}

/// The fixed header of bytes that are just one frame.
pub(crate) fn exact(bytes: &[u8], options: DecodeOptions) -> Result<FixedHeader, DecodeError> {
    let c = options.context();
    let wrong =
        |rule, packet, offset: usize| Err(error(rule, packet, c, u32::try_from(offset).unwrap_or(u32::MAX)));
    let Some(header) = FixedHeader::read(bytes, options)? else {
        return wrong(Rule::Truncated, None, bytes.len());
    };
    match bytes.len().cmp(&header.frame_len()) {
        core::cmp::Ordering::Less => wrong(Rule::Truncated, Some(header.packet_type), bytes.len()),
        core::cmp::Ordering::Greater => {
            wrong(Rule::TrailingBytes, Some(header.packet_type), header.frame_len())
        }
        core::cmp::Ordering::Equal => Ok(header),
    }
}

/// What an incomplete fixed header needs at least: the type, and one more byte of the length.
pub(crate) const fn missing_header(bytes: &[u8]) -> usize {
    if bytes.is_empty() { 2 } else { 1 }
}

/// What judges the body of a frame that begins with `bytes`: as long as no version is known, that which the CONNECT
/// names, by which its own flags have to be judged, too.
#[inline(always)]
pub(crate) fn judging_context(bytes: &[u8], header: FixedHeader, c: Context) -> Result<Context, DecodeError> {
    if c.is_version_unknown() { detected_context(bytes, header, c) } else { Ok(c) }
}

/// The shortest Remaining Length of a CONNECT of 3.1 that names its version: two bytes, `MQIsdp` and the level.
const SHORTEST_CONNECT_V31: u32 = 9;

#[cold]
#[inline(never)]
fn detected_context(bytes: &[u8], header: FixedHeader, c: Context) -> Result<Context, DecodeError> {
    let first = header.packet_type.first_byte(header.flags);
    // Only 3.1 takes other flags, and its name is longer: then the version that may yet come does not matter.
    let is_too_short = header.flags != 0 && header.remaining_length < SHORTEST_CONNECT_V31;
    let named = if is_too_short { Some(Version::V5) } else { named_version(bytes, c) };
    let Some(version) = named else { return Ok(c) };
    let c = c.with_version(version);
    if first_byte::is_allowed(first, c) {
        Ok(c)
    } else {
        Err(error(first_byte::refusal(first, c), Some(header.packet_type), c, 0))
    }
}

/// Decodes the body of a whole frame.
#[inline(always)]
pub(crate) fn decode_frame(frame: &[u8], header: FixedHeader, c: Context) -> Result<Packet<'_>, DecodeError> {
    let decoded = Packet::decode_body(header.head(), c, from(frame, header.len()));
    match decoded.and_then(|(i, packet)| end(i).map(|()| packet)) {
        Ok(packet) => Ok(packet),
        Err(fault) => Err(in_frame(fault, frame, c)),
    }
}

/// The error of a fault in the body of a frame, of which the first part is there.
#[cold]
#[inline(never)]
pub(crate) fn in_frame(fault: Fault<'_>, frame: &[u8], c: Context) -> DecodeError {
    let packet = frame.first().and_then(|first| PacketType::new(first >> 4));
    error(fault.rule, packet, c, fault.offset(frame))
}
