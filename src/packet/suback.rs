use super::{PacketType, check_reason_code, reason_code};
use crate::error::Kind;
use crate::list::{Item, List};
use crate::options::Context;
use crate::property::{Place, Properties};
use crate::read::{Fault, Parsed, byte, packet_id};
use crate::reason::ReasonCode;
use crate::version::{PacketId, Version};
use crate::write::{Sink, Written};

/// SUBACK: the answer to SUBSCRIBE (section 3.9).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Packet Identifier | 2 bytes | 2 bytes |
/// | Properties | - | yes |
/// | Reason Codes | one for each topic filter | one for each topic filter |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    pub(super) fn decode(c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, packet_id) = packet_id(i)?;
        let (i, properties) = Properties::decode(&Place::SUBACK, c, i)?;
        let reason_codes = List::decode(PacketType::SubAck, c, i)?;
        Ok((&[], Self { packet_id, properties, reason_codes }))
    }
}

impl SubAck<'_> {
    pub(super) fn encode<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        out.two_bytes(self.packet_id.get());
        self.properties.encode_near(&Place::SUBACK, c, out)?;
        self.reason_codes.encode(PacketType::SubAck, c, out)
    }
}

/// UNSUBACK: the answer to UNSUBSCRIBE (section 3.11).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Packet Identifier | 2 bytes | 2 bytes |
/// | Properties | - | yes |
/// | Reason Codes | - | one for each topic filter |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    pub(super) fn decode(c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, packet_id) = packet_id(i)?;
        if !c.is_v5() {
            return Ok((i, Self::new(packet_id, &[])));
        }
        let (i, properties) = Properties::decode(&Place::UNSUBACK, c, i)?;
        let reason_codes = List::decode(PacketType::UnsubAck, c, i)?;
        Ok((&[], Self { packet_id, properties, reason_codes }))
    }
}

impl UnsubAck<'_> {
    pub(super) fn encode<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        out.two_bytes(self.packet_id.get());
        self.properties.encode(&Place::UNSUBACK, c, out)?;
        if !c.is_v5() {
            return if self.reason_codes.is_empty() { Ok(()) } else { Err(Kind::NotInVersion) };
        }
        self.reason_codes.encode(PacketType::UnsubAck, c, out)
    }
}

impl<'a> Item<'a> for ReasonCode {
    #[inline(always)]
    fn check(i: &'a [u8], packet: PacketType, c: Context) -> Result<&'a [u8], Fault<'a>> {
        // A short way, without a call, for most.
        if let [code, rest @ ..] = i
            && ReasonCode::new(*code).is_allowed(packet, c.version(), c.sender())
        {
            return Ok(rest);
        }
        let (i, _) = reason_code(i, packet, c)?;
        Ok(i)
    }

    fn read(i: &'a [u8], _: Version) -> Parsed<'a, Self> {
        byte(i).map(|(i, code)| (i, Self::new(code)))
    }

    fn converted(self, to: Version) -> Self {
        if to == Version::V5 || self <= Self::GRANTED_QOS_2 { self } else { Self::UNSPECIFIED_ERROR }
    }

    #[inline(always)]
    fn write<S: Sink>(&self, packet: PacketType, c: Context, out: &mut S) -> Written {
        if S::CHECKS && !self.is_allowed(packet, c.version(), c.sender()) {
            check_reason_code(*self, packet, c)?;
        }
        out.byte(self.get());
        Ok(())
    }
}
