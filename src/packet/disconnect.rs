//! DISCONNECT: section [3.14](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901205).
//!
//! ```text
//! +--------+-----------+-------------+------------+
//! | E0     | remaining | Reason Code | Properties |
//! | 1 byte | length    | 1 byte, 5.0 | 5.0        |
//! +--------+-----------+-------------+------------+
//! ```
//! From the end, the properties may be left out when there are none, then the Reason Code when it is 0x00.

use super::Head;
use super::reason::{check_reason_code, read_reason_code, write_reason_code};
use crate::error::Field;
use crate::options::Context;
use crate::property::Properties;
use crate::read::{Fault, Parsed};
use crate::standard::{PacketType, Place, ReasonCode, Rule};
use crate::write::{Sink, Written};

/// DISCONNECT: the last packet of a connection (section 3.14); in 3.x the client's only.
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Reason Code | - | 1 byte, may be left out when it is 0x00 and there are no properties |
/// | Properties | - | may be left out when there are none |
///
/// ```
/// use mqtt_wire::{Disconnect, Packet, ReasonCode, Version};
///
/// let goodbye = Packet::from(Disconnect::new(ReasonCode::NORMAL_DISCONNECTION));
/// let mut out = Vec::new();
/// goodbye.encode(Version::V311, &mut out)?;
/// assert_eq!(out, [0xE0, 0]);
///
/// // A server of 5.0 says why; before 5.0 it can only close the connection.
/// let kicked = Packet::from(Disconnect::new(ReasonCode::SESSION_TAKEN_OVER));
/// assert_eq!(kicked.encoded_len(Version::V5)?, 3);
/// assert_eq!(kicked.downgrade(Version::V311), None);
/// # Ok::<(), mqtt_wire::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Disconnect<'a> {
    /// Why; always [`ReasonCode::NORMAL_DISCONNECTION`] in 3.x.
    pub reason_code: ReasonCode,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    /// A DISCONNECT without properties.
    pub const fn new(reason_code: ReasonCode) -> Self {
        Self { reason_code, properties: Properties::EMPTY }
    }

    // Performance: the short form stands in the caller, where nothing has to be moved.
    #[inline(always)]
    pub(super) fn decode(_: Head, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        if !c.is_v5() || i.is_empty() {
            check_reason_code(ReasonCode::SUCCESS, PacketType::Disconnect, c)
                .map_err(|rule| Fault::new(rule, i))?;
            return Ok((i, Self::new(ReasonCode::NORMAL_DISCONNECTION)));
        }
        Self::decode_long(c, i)
    }

    /// With a reason code, and perhaps properties.
    fn decode_long(c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, reason_code) = read_reason_code(i, PacketType::Disconnect, c)?;
        let (i, properties) =
            if i.is_empty() { (i, Properties::EMPTY) } else { Properties::decode(&Place::DISCONNECT, c, i)? };
        Ok((i, Self { reason_code, properties }))
    }

    pub(super) fn encode<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        let plain = self.properties.is_empty();
        if plain && self.reason_code == ReasonCode::SUCCESS {
            return Ok(());
        }
        if !c.is_v5() && self.reason_code != ReasonCode::SUCCESS {
            out.field(Field::ReasonCode);
            return Err(Rule::NotInVersion);
        }
        if !c.is_v5() {
            return self.properties.encode(&Place::DISCONNECT, c, out);
        }
        write_reason_code(self.reason_code, PacketType::Disconnect, c, out)?;
        if plain { Ok(()) } else { self.properties.encode(&Place::DISCONNECT, c, out) }
    }
}
