use super::{Body, Head, PacketType, reason_code, write_reason_code};
use crate::error::Kind;
use crate::options::Context;
use crate::property::{Place, Properties};
use crate::read::{Parsed, packet_id};
use crate::reason::ReasonCode;
use crate::version::PacketId;
use crate::write::{Sink, Start, Written};

/// PUBACK, PUBREC, PUBREL and PUBCOMP, which look alike (sections 3.4 to 3.7).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Packet Identifier | 2 bytes | 2 bytes |
/// | Reason Code | - | 1 byte, may be left out when it is 0x00 and there are no properties |
/// | Properties | - | may be left out when there are none |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub const fn new(packet_id: PacketId) -> Self {
        Self { packet_id, reason_code: ReasonCode::SUCCESS, properties: Properties::EMPTY }
    }

    /// The same with a reason code.
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
        let (i, reason_code) = reason_code(i, head.packet, c)?;
        let (i, properties) =
            if i.is_empty() { (i, Properties::EMPTY) } else { Properties::decode(&Place::ACK, c, i)? };
        Ok((i, Self { packet_id, reason_code, properties }))
    }
}

impl Ack<'_> {
    /// Whether the packet identifier is the whole body.
    #[inline(always)]
    pub(crate) fn is_short(&self) -> bool {
        self.reason_code == ReasonCode::SUCCESS && self.properties.is_blank()
    }
}

/// The short form of an acknowledgement.
impl Body for PacketId {
    /// Everyone may send acknowledgements, in every version.
    #[inline(always)]
    fn check_first(&self, _: u8, _: Context) -> Written {
        Ok(())
    }

    #[inline(always)]
    fn encode<S: Sink>(&self, start: Option<Start>, _: PacketType, _: Context, out: &mut S) -> Written {
        out.start_with(start, self.get());
        Ok(())
    }
}

impl Ack<'_> {
    pub(super) fn encode<S: Sink>(&self, packet: PacketType, c: Context, out: &mut S) -> Written {
        out.two_bytes(self.packet_id.get());
        let plain = self.properties.is_empty();
        if plain && self.reason_code == ReasonCode::SUCCESS {
            return Ok(());
        }
        if !c.is_v5() {
            return Err(Kind::NotInVersion);
        }
        write_reason_code(self.reason_code, packet, c, out)?;
        if plain { Ok(()) } else { self.properties.encode(&Place::ACK, c, out) }
    }
}
