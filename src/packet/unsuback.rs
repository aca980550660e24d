//! UNSUBACK: section [3.11](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901187).
//!
//! ```text
//! +--------+-----------+-------------------+------------+-----------------------------+
//! | B0     | remaining | Packet Identifier | Properties | Reason Codes                |
//! | 1 byte | length    | 2 bytes           | 5.0        | 1 byte for each filter, 5.0 |
//! +--------+-----------+-------------------+------------+-----------------------------+
//! ```

use super::Head;
use super::list::List;
use crate::error::Field;
use crate::options::Context;
use crate::property::Properties;
use crate::read::{Parsed, packet_id};
use crate::standard::{PacketId, PacketType, Place, ReasonCode, Rule};
use crate::write::{Sink, Written};

/// UNSUBACK: the answer to UNSUBSCRIBE (section 3.11).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Packet Identifier | 2 bytes | 2 bytes |
/// | Properties | - | yes |
/// | Reason Codes | - | one for each topic filter |
///
/// ```
/// use mqtt_wire::{Packet, PacketId, ReasonCode, UnsubAck, Version};
///
/// let codes = [ReasonCode::SUCCESS, ReasonCode::NO_SUBSCRIPTION_EXISTED];
/// let answer = Packet::from(UnsubAck::new(PacketId::MIN, &codes));
/// assert_eq!(answer.encoded_len(Version::V5)?, 7);
///
/// // 3.x has no codes here: give none, or let `downgrade` drop them.
/// let plain = Packet::from(UnsubAck::new(PacketId::MIN, &[]));
/// assert_eq!(answer.downgrade(Version::V311), Some(plain));
/// # Ok::<(), mqtt_wire::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnsubAck<'a> {
    /// The identifier of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    /// One for each topic filter, in order; none in 3.x.
    pub reason_codes: List<'a, ReasonCode>,
}

impl<'a> UnsubAck<'a> {
    /// An UNSUBACK without properties. 3.x has no reason codes: give an empty slice.
    pub const fn new(packet_id: PacketId, reason_codes: &'a [ReasonCode]) -> Self {
        Self { packet_id, properties: Properties::EMPTY, reason_codes: List::new(reason_codes) }
    }

    // Performance: the short form stands in the caller, where nothing has to be moved.
    #[inline(always)]
    pub(super) fn decode(_: Head, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, packet_id) = packet_id(i)?;
        if !c.is_v5() {
            return Ok((i, Self::new(packet_id, &[])));
        }
        Self::decode_long(packet_id, c, i)
    }

    /// With properties and reason codes.
    fn decode_long(packet_id: PacketId, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, properties) = Properties::decode(&Place::UNSUBACK, c, i)?;
        let reason_codes = List::decode(PacketType::UnsubAck, c, i)?;
        Ok((&[], Self { packet_id, properties, reason_codes }))
    }

    pub(super) fn encode<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        out.two_bytes(self.packet_id.get());
        self.properties.encode(&Place::UNSUBACK, c, out)?;
        if !c.is_v5() {
            out.field(Field::List);
            return if self.reason_codes.is_empty() { Ok(()) } else { Err(Rule::NotInVersion) };
        }
        self.reason_codes.encode(PacketType::UnsubAck, c, out)
    }
}
