//! Reason codes as fields of packets.

use crate::error::Field;
use crate::options::{Context, Tolerance};
use crate::read::{Parsed, byte, fault};
use crate::standard::{PacketType, ReasonCode, Rule};
use crate::write::{Sink, Written};

/// Reads a reason code and checks that it is one of the packet's.
#[inline(always)]
pub(super) fn read_reason_code(at: &[u8], packet: PacketType, c: Context) -> Parsed<'_, ReasonCode> {
    let (i, code) = byte(at)?;
    let code = ReasonCode::new(code);
    match check_reason_code(code, packet, c) {
        Ok(()) => Ok((i, code)),
        Err(rule) => fault(rule, at),
    }
}

/// Writes a reason code that is one of the packet's.
#[inline(always)]
pub(super) fn write_reason_code<S: Sink>(
    code: ReasonCode,
    packet: PacketType,
    c: Context,
    out: &mut S,
) -> Written {
    if S::CHECKS {
        out.field(Field::ReasonCode);
        check_reason_code(code, packet, c)?;
    }
    out.byte(code.get());
    Ok(())
}

/// Checks that a reason code is one of the packet's.
#[inline(always)]
pub(super) fn check_reason_code(code: ReasonCode, packet: PacketType, c: Context) -> Written {
    if c.is_v5() && code.is_listed(packet, c.sender()) { Ok(()) } else { check_unlisted(code, packet, c) }
}

#[inline(never)]
fn check_unlisted(code: ReasonCode, packet: PacketType, c: Context) -> Written {
    if code.is_allowed(packet, c.version(), c.sender()) || c.tolerates(Tolerance::UnknownReasonCodes) {
        Ok(())
    } else if code.is_allowed(packet, c.version(), None) {
        Err(Rule::ReasonCodeSender)
    } else {
        Err(Rule::ReasonCodeNotAllowed)
    }
}
