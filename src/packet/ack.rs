//! PUBACK, PUBREC, PUBREL and PUBCOMP: sections
//! [3.4](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901121) to 3.7.
//!
//! ```text
//! +------------+-----------+--------------------+-------------+------------+
//! | 40/50/62/70| remaining | Packet Identifier  | Reason Code | Properties |
//! | 1 byte     | length    | 2 bytes            | 1 byte, 5.0 | 5.0        |
//! +------------+-----------+--------------------+-------------+------------+
//! ```
//! From the end, the properties may be left out when there are none, then the Reason Code when it is 0x00.

use super::Head;
use super::reason::{read_reason_code, write_reason_code};
use crate::error::Field;
use crate::options::Context;
use crate::property::Properties;
use crate::read::{Parsed, packet_id};
use crate::standard::{PacketId, PacketType, Place, ReasonCode, Rule};
use crate::write::{Sink, Written};

/// PUBACK, PUBREC, PUBREL and PUBCOMP, which look alike (sections 3.4 to 3.7).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Packet Identifier | 2 bytes | 2 bytes |
/// | Reason Code | - | 1 byte, may be left out when it is 0x00 and there are no properties |
/// | Properties | - | may be left out when there are none |
///
/// ```
/// use mqtt_wire::{Ack, Packet, PacketId, ReasonCode, Version};
///
/// let id = PacketId::MIN;
/// let mut out = Vec::new();
/// Packet::PubAck(Ack::new(id)).encode(Version::V311, &mut out)?;
/// assert_eq!(out, [0x40, 2, 0, 1]);
///
/// // 5.0 can refuse a message; in 3.x that has no form.
/// let refusal = Packet::PubAck(Ack::new(id).with_reason(ReasonCode::NOT_AUTHORIZED));
/// assert_eq!(refusal.encoded_len(Version::V5)?, 5);
/// assert!(refusal.encoded_len(Version::V311).is_err());
/// # Ok::<(), mqtt_wire::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ack<'a> {
    /// The identifier of the PUBLISH that this belongs to.
    pub packet_id: PacketId,
    /// How it went; always [`ReasonCode::SUCCESS`] in 3.x.
    pub reason_code: ReasonCode,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// An acknowledgement of success.
    #[inline]
    pub const fn new(packet_id: PacketId) -> Self {
        Self { packet_id, reason_code: ReasonCode::SUCCESS, properties: Properties::EMPTY }
    }

    /// The same with a reason code.
    ///
    /// ```
    /// use mqtt_wire::{Ack, PacketId, ReasonCode};
    ///
    /// let nobody = Ack::new(PacketId::MIN).with_reason(ReasonCode::NO_MATCHING_SUBSCRIBERS);
    /// assert!(!nobody.reason_code.is_error()); // delivered, though to nobody
    /// ```
    #[must_use]
    pub const fn with_reason(self, reason_code: ReasonCode) -> Self {
        Self { reason_code, ..self }
    }

    #[inline(always)]
    pub(super) fn decode(head: Head, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, packet_id) = packet_id(i)?;
        if !c.is_v5() || i.is_empty() {
            return Ok((i, Self::new(packet_id)));
        }
        let (i, reason_code) = read_reason_code(i, head.packet, c)?;
        let (i, properties) =
            if i.is_empty() { (i, Properties::EMPTY) } else { Properties::decode(&Place::ACK, c, i)? };
        Ok((i, Self { packet_id, reason_code, properties }))
    }

    #[inline(always)]
    pub(super) fn encode<S: Sink>(&self, packet: PacketType, c: Context, out: &mut S) -> Written {
        out.two_bytes(self.packet_id.get());
        let plain = self.properties.is_empty();
        if plain && self.reason_code == ReasonCode::SUCCESS {
            return Ok(());
        }
        if !c.is_v5() && self.reason_code != ReasonCode::SUCCESS {
            out.field(Field::ReasonCode);
            return Err(Rule::NotInVersion);
        }
        if !c.is_v5() {
            return self.properties.encode(&Place::ACK, c, out);
        }
        write_reason_code(self.reason_code, packet, c, out)?;
        if plain { Ok(()) } else { self.properties.encode(&Place::ACK, c, out) }
    }
}
