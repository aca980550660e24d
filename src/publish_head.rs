//! The head of a PUBLISH, that is, all but its payload, decoded before the payload is there; then the payload, piece by
//! piece.

use crate::decode::{FixedHeader, error, in_frame, missing_header};
use crate::error::DecodeError;
use crate::options::{Context, DecodeOptions};
use crate::packet::PublishHead;
use crate::read::{from, variable_block_len};
use crate::standard::{PacketType, QoS, Rule, Version};

/// What [`decode_publish_head`] found at the start of the bytes.
///
/// ```
/// use mqtt_wire::{DecodedHead, Version, decode, decode_publish_head};
///
/// let bytes = [0xC0, 0x00];
/// match decode_publish_head(&bytes, Version::V311)? {
///     DecodedHead::Publish { head, payload, .. } => {
///         println!("{:?}: {} bytes to come", head.topic, payload.remaining());
///     }
///     DecodedHead::Other(_) => println!("{:?}", decode(&bytes, Version::V311)?),
///     DecodedHead::Incomplete { missing } => println!("read {missing} more bytes"),
/// }
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::large_enum_variant, reason = "a view on the stack: boxing would allocate")]
pub enum DecodedHead<'a> {
    /// A PUBLISH: its payload follows the head.
    Publish {
        /// The message without its payload.
        head: PublishHead<'a>,
        /// How many bytes the head takes: the payload starts there.
        len: usize,
        /// What takes the payload as it comes.
        payload: Payload,
    },
    /// Another packet, to be decoded by [`decode`](crate::decode).
    Other(FixedHeader),
    /// The head is not complete.
    Incomplete {
        /// How many more bytes are needed at least.
        missing: usize,
    },
}

/// Decodes the head of the PUBLISH at the start of `bytes` as soon as it is there, so that a large payload
/// need not be in memory at once. The limits and checks are those of [`decode`](crate::decode).
///
/// ```
/// use mqtt_wire::{DecodedHead, Version, decode_publish_head};
///
/// // A message of 1,000,000 bytes, of which the first few have come.
/// let start = [0x30, 0xC5, 0x84, 0x3D, 0x00, 0x03, b'a', b'/', b'b', b'm', b'e'];
/// let decoded = decode_publish_head(&start, Version::V311)?;
/// let DecodedHead::Publish { head, len, mut payload } = decoded else { panic!("a PUBLISH") };
/// assert_eq!(head.topic.map(|topic| topic.as_str()), Some("a/b"));
/// assert_eq!(payload.take(&start[len..])?, b"me");
/// assert_eq!(payload.remaining(), 999_998);
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
///
/// # Errors
/// As for [`decode`](crate::decode).
pub fn decode_publish_head(
    bytes: &[u8],
    options: impl Into<DecodeOptions>,
) -> Result<DecodedHead<'_>, DecodeError> {
    let options = options.into();
    let Some(header) = FixedHeader::read(bytes, options)? else {
        return Ok(DecodedHead::Incomplete { missing: missing_header(bytes) });
    };
    if header.packet_type() != PacketType::Publish {
        return Ok(DecodedHead::Other(header));
    }
    let c = options.context();
    let frame = bytes.get(..header.frame_len()).unwrap_or(bytes);
    let body = from(frame, header.len());
    let needed = head_len(body, header.flags(), c.version());
    if needed > body.len() && needed <= header.remaining_length() as usize {
        return Ok(DecodedHead::Incomplete { missing: needed - body.len() });
    }
    let (rest, head) =
        PublishHead::decode(header.head(), c, body).map_err(|fault| in_frame(fault, frame, c))?;
    let len = frame.len() - rest.len();
    let text = c.checks_payload() && head.properties.payload_format_indicator() == Some(true);
    let payload = Payload {
        header,
        context: c,
        offset: u32::try_from(len).unwrap_or(u32::MAX),
        text,
        cut: Cut::default(),
    };
    Ok(DecodedHead::Publish { head, len, payload })
}

/// How long the head is at least, as far as its lengths can be read: up to the end of the first field that is
/// not there yet. It looks at three lengths only, so asking again with every byte that comes stays cheap.
fn head_len(i: &[u8], flags: u8, version: Version) -> usize {
    let [high, low, ..] = i else { return 2 };
    let topic = 2 + usize::from(u16::from_be_bytes([*high, *low]));
    let packet_id = if QoS::new(flags >> 1 & 0b11) == Some(QoS::AtMostOnce) { 0 } else { 2 };
    if i.len() < topic {
        return topic;
    }
    if i.len() < topic + packet_id || version < Version::V5 {
        return topic + packet_id;
    }
    topic + packet_id + variable_block_len(from(i, topic + packet_id))
}

/// Takes the payload of a PUBLISH in the pieces in which it comes.
///
/// ```
/// use mqtt_wire::{DecodedHead, Version, decode_publish_head};
///
/// let start = [0x30, 7, 0, 1, b'a', b'm', b'e'];
/// let decoded = decode_publish_head(&start, Version::V311)?;
/// if let DecodedHead::Publish { len, mut payload, .. } = decoded {
///     let mut file = Vec::new();
///     for piece in [&start[len..], b"ny", &[0xC0, 0x00]] {
///         file.extend_from_slice(payload.take(piece)?);
///     }
///     assert!(payload.is_complete());
///     assert_eq!(file, b"meny"); // PINGREQ, which follows, was not taken
/// }
/// # Ok::<(), mqtt_wire::DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Payload {
    header: FixedHeader,
    context: Context,
    /// Where the next piece starts in the frame.
    offset: u32,
    /// Whether the payload has to be UTF-8.
    text: bool,
    cut: Cut,
}

/// The start of a character that the end of a piece cut off: up to three bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Cut {
    bytes: [u8; 4],
    len: usize,
}

impl Payload {
    /// The number of payload bytes still to come.
    ///
    /// ```
    /// use mqtt_wire::{DecodedHead, Version, decode_publish_head};
    ///
    /// // The head alone: a megabyte follows. There is room for it, or there is not.
    /// let head = [0x30, 0x83, 0x80, 0x40, 0, 1, b'a'];
    /// let DecodedHead::Publish { payload, .. } = decode_publish_head(&head, Version::V311)? else {
    ///     panic!("the head is here")
    /// };
    /// assert_eq!(payload.remaining(), 1 << 20);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    pub const fn remaining(&self) -> usize {
        self.header.frame_len().saturating_sub(self.offset as usize)
    }

    /// Whether the whole payload was taken: the next packet follows.
    ///
    /// ```
    /// use mqtt_wire::{DecodedHead, Version, decode_publish_head};
    ///
    /// // Two of four bytes of the payload are here.
    /// let bytes = [0x30, 7, 0, 1, b'a', b'd', b'a'];
    /// let DecodedHead::Publish { mut payload, len, .. } =
    ///     decode_publish_head(&bytes, Version::V311)?
    /// else {
    ///     panic!("the head is here")
    /// };
    /// payload.take(&bytes[len..])?;
    /// assert_eq!((payload.is_complete(), payload.remaining()), (false, 2));
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    pub const fn is_complete(&self) -> bool {
        self.remaining() == 0
    }

    /// Takes the bytes of `bytes` that belong to the payload, from its start; what is left behind them belongs
    /// to the next packet.
    ///
    /// ```
    /// use mqtt_wire::{DecodedHead, Version, decode_publish_head};
    ///
    /// let start = [0x30, 7, 0, 1, b'a'];
    /// let decoded = decode_publish_head(&start, Version::V311)?;
    /// let DecodedHead::Publish { mut payload, .. } = decoded else { panic!("a PUBLISH") };
    /// assert_eq!(payload.take(b"on")?, b"on");
    /// assert_eq!(payload.take(b"ce\xC0\x00")?, b"ce"); // the rest is the next packet's
    /// assert!(payload.is_complete());
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`Rule::PayloadFormat`] when [`DecodeOptions::with_payload_check`] is on, the Payload Format Indicator
    /// is 1, and this piece shows that the payload is not UTF-8.
    pub fn take<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        let piece = bytes.get(..self.remaining()).unwrap_or(bytes);
        if self.text {
            let last = piece.len() == self.remaining();
            if let Err(back_or_on) = self.cut.check(piece, last) {
                let offset = self.offset.saturating_add_signed(back_or_on);
                return Err(error(Rule::PayloadFormat, Some(PacketType::Publish), self.context, offset));
            }
        }
        self.offset = self.offset.saturating_add(u32::try_from(piece.len()).unwrap_or(u32::MAX));
        Ok(piece)
    }
}

impl Cut {
    /// Checks a piece of a text; the error is the place of the bad character relative to the piece's start.
    fn check(&mut self, piece: &[u8], last: bool) -> Result<(), i32> {
        let cut = i32::try_from(self.len).unwrap_or_default();
        let mut piece = piece;
        let mut taken = 0;
        while self.len > 0 {
            let Some((next, rest)) = piece.split_first() else { break };
            if let Some(slot) = self.bytes.get_mut(self.len) {
                *slot = *next;
            }
            self.len += 1;
            taken += 1;
            piece = rest;
            match core::str::from_utf8(self.bytes.get(..self.len).unwrap_or_default()) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_some() => return Err(-cut),
                Err(_) => {}
            }
        }
        if let Err(error) = core::str::from_utf8(piece) {
            let (good, bad) = piece.split_at_checked(error.valid_up_to()).unwrap_or_default();
            let at = taken + i32::try_from(good.len()).unwrap_or(i32::MAX);
            if error.error_len().is_some() || last {
                return Err(at);
            }
            self.len = bad.len();
            self.bytes.iter_mut().zip(bad).for_each(|(slot, byte)| *slot = *byte);
        }
        if last && self.len > 0 { Err(-cut) } else { Ok(()) }
    }
}
