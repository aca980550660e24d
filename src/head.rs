//! The head of a PUBLISH, that is, all but its payload: decoded before the payload is there, encoded without
//! it, and sent to many subscribers.

use crate::error::{DecodeError, EncodeError, Kind};
use crate::frame::{FixedHeader, Measure, error, in_frame, in_memory, missing_header};
use crate::options::{Context, DecodeOptions, EncodeOptions};
use crate::packet::{PacketType, Publish, publish_flags};
use crate::read::{from, variable_block_len};
use crate::version::{Delivery, PacketId, QoS, Version};
use crate::write::{Output, Start, variable_len};

/// What [`decode_publish_head`] found at the start of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a view on the stack: boxing would allocate")]
pub enum DecodedHead<'a> {
    /// A PUBLISH: its payload follows the head.
    Publish {
        /// The message with an empty payload.
        head: Publish<'a>,
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
/// let DecodedHead::Publish { head, len, mut payload } = decode_publish_head(&start, Version::V311)? else {
///     panic!("a PUBLISH")
/// };
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
    let (rest, head) = Publish::decode_head(header.head(), c, body)
        .map_err(|fault| in_frame(fault, frame, header.frame_size(), c))?;
    let len = frame.len() - rest.len();
    let text = c.checks_payload_format() && head.properties.payload_format_indicator() == Some(true);
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
    let packet_id = if QoS::from_bits(flags >> 1) == Some(QoS::AtMostOnce) { 0 } else { 2 };
    if i.len() < topic {
        return topic;
    }
    if i.len() < topic + packet_id || version < Version::V5 {
        return topic + packet_id;
    }
    topic + packet_id + variable_block_len(from(i, topic + packet_id))
}

/// Takes the payload of a PUBLISH in the pieces in which it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cut {
    bytes: [u8; 4],
    len: usize,
}

impl Payload {
    /// The number of payload bytes still to come.
    pub const fn remaining(&self) -> usize {
        self.header.frame_len().saturating_sub(self.offset as usize)
    }

    /// Whether the whole payload was taken: the next packet follows.
    pub const fn is_complete(&self) -> bool {
        self.remaining() == 0
    }

    /// Takes the bytes of `bytes` that belong to the payload, from its start; what is left behind them belongs
    /// to the next packet.
    ///
    /// # Errors
    /// [`Kind::PayloadFormat`] when [`DecodeOptions::check_payload_format`] is on, the Payload Format Indicator
    /// is 1, and this piece shows that the payload is not UTF-8.
    pub fn take<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        let piece = bytes.get(..self.remaining()).unwrap_or(bytes);
        if self.text {
            let last = piece.len() == self.remaining();
            if let Err(back_or_on) = self.cut.check(piece, last) {
                let offset = self.offset.saturating_add_signed(back_or_on);
                let size = u32::try_from(self.header.frame_len()).ok();
                return Err(error(
                    Kind::PayloadFormat,
                    Some(PacketType::Publish),
                    self.context,
                    offset,
                    size,
                ));
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

impl Publish<'_> {
    /// Encodes everything but the payload, whose length is counted: the payload is to be sent right behind it,
    /// from where it is (a vectored write). Returns the number of bytes written.
    ///
    /// ```
    /// use mqtt_wire::{Publish, TopicName, Version};
    ///
    /// let payload = vec![0; 1 << 20];
    /// let publish = Publish::new(TopicName::new("ruangtamu/kamera")?, &payload);
    /// let mut head = [0; 64];
    /// let n = publish.encode_head(Version::V5, &mut head)?;
    /// let to_send = [std::io::IoSlice::new(&head[..n]), std::io::IoSlice::new(&payload)];
    /// # let _ = to_send;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Packet::encode`](crate::Packet::encode).
    pub fn encode_head<O: Output + ?Sized>(
        &self,
        options: impl Into<EncodeOptions>,
        out: &mut O,
    ) -> Result<usize, EncodeError> {
        let options = options.into();
        let measure = self.measure(options)?;
        measure.encode(PacketType::Publish, self, &[], options, out)
    }

    fn measure(&self, options: EncodeOptions) -> Result<Measure, EncodeError> {
        Measure::of(PacketType::Publish, self, options)
    }
}

/// The head of one PUBLISH, ready to be sent with any delivery: to ten thousand subscribers at the QoS of each
/// with a Packet Identifier of its own, or again with DUP set. Neither the payload nor the rest of the head is
/// encoded again; a head costs three bytes to be stored.
///
/// ```
/// use mqtt_wire::{Delivery, FanOut, PacketId, Publish, TopicName, Version};
///
/// let publish = Publish::new(TopicName::new("rumahkami/lampu")?, b"menyala");
/// let mut buf = [0; 128];
/// let mut fan_out = FanOut::new(&publish, Version::V5, &mut buf)?;
/// for n in 1..=3 {
///     let delivery = Delivery::AtLeastOnce(PacketId::new(n).unwrap());
///     let head = fan_out.head(delivery, false, false)?;
///     assert!(head.ends_with(&[0, n as u8, 0]));
///     // write head, then publish.payload
/// }
/// assert_eq!(fan_out.head(Delivery::AtMostOnce, false, true)?[0], 0x31);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FanOut<'b> {
    /// The head at QoS 0, and that at QoS 1 and 2.
    plain: &'b mut [u8],
    acknowledged: &'b mut [u8],
    id_at: usize,
    payload_len: usize,
    version: Version,
}

impl<'b> FanOut<'b> {
    /// Encodes the head of a message into `buf`, once for QoS 0 and once for QoS 1 and 2. The delivery, DUP and
    /// RETAIN of `publish` do not matter.
    ///
    /// # Errors
    /// As for [`Packet::encode`](crate::Packet::encode) at QoS 1, which takes two bytes more than at QoS 0: give
    /// no size limit here, but look at [`packet_len`](Self::packet_len) for each subscriber.
    /// [`EncodeError::BufferTooSmall`] names the room that both heads take.
    pub fn new(
        publish: &Publish<'_>,
        options: impl Into<EncodeOptions>,
        buf: &'b mut [u8],
    ) -> Result<Self, EncodeError> {
        let options = options.into();
        let plain = Publish { dup: false, delivery: Delivery::AtMostOnce, ..*publish };
        let acknowledged = Publish { delivery: Delivery::AtLeastOnce(PacketId::MIN), ..plain };
        let Measure { start: Start { remaining_length, .. }, size, .. } = plain.measure(options)?;
        let acknowledged_size = acknowledged.measure(options)?.size;
        let len = size - publish.payload.len();
        let needed = len + acknowledged_size - publish.payload.len();
        let available = buf.len();
        let too_small = EncodeError::BufferTooSmall { needed, available };
        let (first, second) =
            buf.get_mut(..needed).and_then(|buf| buf.split_at_mut_checked(len)).ok_or(too_small)?;
        plain.encode_head(options, first)?;
        acknowledged.encode_head(options, second)?;
        let topic_len = publish.topic.map_or(0, |topic| topic.as_bytes().len());
        let header_len = in_memory(1 + variable_len(remaining_length));
        let grown = second.len() - first.len() - 2;
        Ok(Self {
            id_at: header_len + grown + 2 + topic_len,
            plain: first,
            acknowledged: second,
            payload_len: publish.payload.len(),
            version: options.target_version(),
        })
    }

    /// The head for one subscriber or one attempt. The payload is to be sent behind it.
    ///
    /// # Errors
    /// [`Kind::DupAtQoS0`].
    #[inline]
    pub fn head(&mut self, delivery: Delivery, dup: bool, retain: bool) -> Result<&[u8], EncodeError> {
        let Some(packet_id) = delivery.packet_id() else {
            if dup {
                let (kind, packet, version) = (Kind::DupAtQoS0, PacketType::Publish, self.version);
                return Err(EncodeError::Invalid { kind, packet, version });
            }
            set_flags(self.plain, publish_flags(false, QoS::AtMostOnce, retain));
            return Ok(self.plain);
        };
        set_flags(self.acknowledged, publish_flags(dup, delivery.qos(), retain));
        if let Some(id) = self.acknowledged.get_mut(self.id_at..).and_then(<[u8]>::first_chunk_mut) {
            *id = packet_id.get().to_be_bytes();
        }
        Ok(self.acknowledged)
    }

    /// The size of the whole packet at that QoS in bytes, payload included: to be compared with the
    /// subscriber's Maximum Packet Size.
    pub const fn packet_len(&self, qos: QoS) -> usize {
        let head = match qos {
            QoS::AtMostOnce => self.plain.len(),
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.acknowledged.len(),
        };
        head + self.payload_len
    }
}

#[inline]
fn set_flags(frame: &mut [u8], flags: u8) {
    if let Some(first) = frame.first_mut() {
        *first = PacketType::Publish.first_byte(flags);
    }
}

/// Sets DUP in an encoded PUBLISH of QoS 1 or 2, which is all that a retransmission changes
/// (`[MQTT-3.3.1-1]`). Returns whether the bytes start with such a packet; else they are left alone.
///
/// ```
/// let mut frame = [0x32, 0x05, 0x00, 0x01, b'a', 0x00, 0x07];
/// assert!(mqtt_wire::set_dup(&mut frame));
/// assert_eq!(frame[0], 0x3A);
/// assert!(!mqtt_wire::set_dup(&mut [0x30, 0x03, 0x00, 0x01, b'a']));
/// ```
pub fn set_dup(frame: &mut [u8]) -> bool {
    match frame.first_mut() {
        Some(first) if matches!(*first & 0b1111_0110, 0x32 | 0x34) => {
            *first |= 0b1000;
            true
        }
        _ => false,
    }
}
