//! SUBACK: section [3.9](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901171).
//!
//! ```text
//! +--------+-----------+-------------------+------------+------------------------+
//! | 90     | remaining | Packet Identifier | Properties | Return or Reason Codes |
//! | 1 byte | length    | 2 bytes           | 5.0        | 1 byte for each filter |
//! +--------+-----------+-------------------+------------+------------------------+
//! ```

use super::Head;
use super::list::{Item, List};
use super::reason::{check_reason_code, read_reason_code};
use crate::error::Field;
use crate::options::Context;
use crate::property::Properties;
use crate::read::{Fault, Parsed, byte, packet_id};
use crate::standard::{PacketId, PacketType, Place, ReasonCode, Version};
use crate::write::{Sink, Written};

/// SUBACK: the answer to SUBSCRIBE (section 3.9).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Packet Identifier | 2 bytes | 2 bytes |
/// | Properties | - | yes |
/// | Reason Codes | one for each topic filter | one for each topic filter |
///
/// ```
/// use mqtt_wire::{Packet, PacketId, QoS, ReasonCode, SubAck, Version};
///
/// // One code for each filter of the SUBSCRIBE, in its order.
/// let codes = [ReasonCode::granted(QoS::AtLeastOnce), ReasonCode::NOT_AUTHORIZED];
/// let answer = Packet::from(SubAck::new(PacketId::MIN, &codes));
/// assert_eq!(answer.encoded_len(Version::V5)?, 7);
///
/// // 3.1.1 knows one failure: `downgrade` makes it 0x80.
/// let mut out = Vec::new();
/// answer.downgrade(Version::V311).expect("it has a form").encode(Version::V311, &mut out)?;
/// assert_eq!(out, [0x90, 4, 0, 1, 0x01, 0x80]);
/// # Ok::<(), mqtt_wire::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubAck<'a> {
    /// The identifier of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    /// One for each topic filter, in order. In 3.1.1 0x00, 0x01, 0x02 or 0x80.
    pub reason_codes: List<'a, ReasonCode>,
}

impl<'a> SubAck<'a> {
    /// A SUBACK without properties.
    pub const fn new(packet_id: PacketId, reason_codes: &'a [ReasonCode]) -> Self {
        Self { packet_id, properties: Properties::EMPTY, reason_codes: List::new(reason_codes) }
    }

    #[inline(always)]
    pub(super) fn decode(_: Head, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, packet_id) = packet_id(i)?;
        let (i, properties) = Properties::decode(&Place::SUBACK, c, i)?;
        let reason_codes = List::decode(PacketType::SubAck, c, i)?;
        Ok((&[], Self { packet_id, properties, reason_codes }))
    }

    pub(super) fn encode<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        out.two_bytes(self.packet_id.get());
        self.properties.encode(&Place::SUBACK, c, out)?;
        self.reason_codes.encode(PacketType::SubAck, c, out)
    }
}

impl<'a> Item<'a> for ReasonCode {
    const SHORTEST: usize = 1;
    const LONGEST: usize = 1;

    #[inline(always)]
    fn check(i: &'a [u8], packet: PacketType, c: Context) -> Result<&'a [u8], Fault<'a>> {
        let (i, _) = read_reason_code(i, packet, c)?;
        Ok(i)
    }

    fn read(i: &'a [u8], _: Version) -> Parsed<'a, Self> {
        byte(i).map(|(i, code)| (i, Self::new(code)))
    }

    fn downgraded(self) -> Self {
        if self <= Self::GRANTED_QOS_2 { self } else { Self::UNSPECIFIED_ERROR }
    }

    fn write<S: Sink>(&self, packet: PacketType, c: Context, out: &mut S) -> Written {
        if S::CHECKS {
            check_reason_code(*self, packet, c)?;
        }
        out.byte(self.get());
        Ok(())
    }

    fn write_all<S: Sink>(codes: &[Self], packet: PacketType, c: Context, out: &mut S) -> Written {
        if S::CHECKS {
            for (at, code) in (0..).zip(codes) {
                if let Err(rule) = check_reason_code(*code, packet, c) {
                    out.field(Field::Item(at));
                    return Err(rule);
                }
            }
        }
        out.bytes(codes.iter().map(|code| code.get()));
        Ok(())
    }
}
