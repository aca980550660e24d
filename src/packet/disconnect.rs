use super::{PacketType, check_reason_code, reason_code, write_reason_code};
use crate::error::Kind;
use crate::options::Context;
use crate::property::{Place, Properties};
use crate::read::{Fault, Parsed};
use crate::reason::ReasonCode;
use crate::write::{Sink, Written};

/// DISCONNECT: the last packet of a connection (section 3.14); in 3.x the client's only.
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Reason Code | - | 1 byte, may be left out when it is 0x00 and there are no properties |
/// | Properties | - | may be left out when there are none |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why; always [`ReasonCode::SUCCESS`], that is, Normal disconnection, in 3.x.
    pub reason_code: ReasonCode,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    /// A DISCONNECT without properties.
    pub const fn new(reason_code: ReasonCode) -> Self {
        Self { reason_code, properties: Properties::EMPTY }
    }

    pub(super) fn decode(c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        if !c.is_v5() || i.is_empty() {
            check_reason_code(ReasonCode::SUCCESS, PacketType::Disconnect, c)
                .map_err(|kind| Fault::new(kind, i))?;
            return Ok((i, Self::new(ReasonCode::SUCCESS)));
        }
        let (i, reason_code) = reason_code(i, PacketType::Disconnect, c)?;
        let (i, properties) =
            if i.is_empty() { (i, Properties::EMPTY) } else { Properties::decode(&Place::DISCONNECT, c, i)? };
        Ok((i, Self { reason_code, properties }))
    }
}

impl Disconnect<'_> {
    pub(super) fn encode<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        let plain = self.properties.is_empty();
        if plain && self.reason_code == ReasonCode::SUCCESS {
            return Ok(());
        }
        if !c.is_v5() {
            return Err(Kind::NotInVersion);
        }
        write_reason_code(self.reason_code, PacketType::Disconnect, c, out)?;
        if plain { Ok(()) } else { self.properties.encode(&Place::DISCONNECT, c, out) }
    }
}
