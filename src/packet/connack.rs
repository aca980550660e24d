use super::{PacketType, check_reason_code, reason_code};
use crate::error::Kind;
use crate::options::{Context, Tolerance};
use crate::property::{Place, Properties};
use crate::read::{Fault, Parsed, byte, fault};
use crate::reason::ReasonCode;
use crate::version::Version;
use crate::write::{Sink, Written};

/// CONNACK: the server's answer to CONNECT (section 3.2).
///
/// | field | 3.1 | 3.1.1 | 5.0 |
/// |---|---|---|---|
/// | byte 1 | reserved | Session Present | Session Present |
/// | byte 2 | Return Code | Return Code | Reason Code |
/// | Properties | - | - | yes |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// The server has a session of this client; never together with a refusal, never in 3.1.
    pub session_present: bool,
    /// Whether the connection is accepted. The return codes of 3.x stand here in the vocabulary of 5.0.
    pub reason_code: ReasonCode,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
}

impl<'a> ConnAck<'a> {
    /// A CONNACK without a session and without properties.
    pub const fn new(reason_code: ReasonCode) -> Self {
        Self { session_present: false, reason_code, properties: Properties::EMPTY }
    }

    pub(super) fn decode(c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, session_present) = session_present(i, c)?;
        let at = i;
        let (i, reason_code) = code(i, c)?;
        if session_present && reason_code != ReasonCode::SUCCESS {
            return fault(Kind::SessionPresentRefused, at);
        }
        let (i, properties) = Properties::decode(&Place::CONNACK, c, i)?;
        Ok((i, Self { session_present, reason_code, properties }))
    }

    fn wire_code(&self, c: Context) -> Result<u8, Kind> {
        if !c.is_v5() {
            return match self.reason_code.to_return_code() {
                Some(code) => Ok(code),
                None if is_reserved(self.reason_code) && c.tolerates(Tolerance::UnknownReasonCodes) => {
                    Ok(self.reason_code.get())
                }
                None => Err(Kind::NotInVersion),
            };
        }
        if !self.reason_code.is_listed(PacketType::ConnAck, c.sender()) {
            check_reason_code(self.reason_code, PacketType::ConnAck, c)?;
        }
        Ok(self.reason_code.get())
    }
}

impl ConnAck<'_> {
    pub(super) fn encode<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        if self.session_present && c.version() == Version::V31 {
            return Err(Kind::NotInVersion);
        }
        if self.session_present && self.reason_code != ReasonCode::SUCCESS {
            return Err(Kind::SessionPresentRefused);
        }
        out.byte(u8::from(self.session_present));
        out.byte(self.wire_code(c)?);
        self.properties.encode_near(&Place::CONNACK, c, out)
    }
}

/// Connect Acknowledge Flags; 3.1 has none and gives the byte no meaning.
fn session_present(at: &[u8], c: Context) -> Parsed<'_, bool> {
    match byte(at)? {
        (i, _) if c.version() == Version::V31 => Ok((i, false)),
        (i, 0) => Ok((i, false)),
        (i, 1) => Ok((i, true)),
        _ => fault(Kind::ConnAckReservedFlags, at),
    }
}

/// A code that no table of 3.x or 5.0 translates: such a return code of 3.x stands as it came.
fn is_reserved(code: ReasonCode) -> bool {
    ReasonCode::from_return_code(code.get()).is_none() && code.to_return_code().is_none()
}

fn code(at: &[u8], c: Context) -> Parsed<'_, ReasonCode> {
    let (i, code) = byte(at)?;
    let raw = ReasonCode::new(code);
    if c.is_v5() {
        // A short way, without a call, for most.
        let listed = raw.is_listed(PacketType::ConnAck, c.sender());
        return if listed { Ok((i, raw)) } else { reason_code(at, PacketType::ConnAck, c) };
    }
    match ReasonCode::from_return_code(code) {
        Some(code) => Ok((i, code)),
        None if is_reserved(raw) && c.tolerates(Tolerance::UnknownReasonCodes) => Ok((i, raw)),
        None => Err(Fault::new(Kind::ReasonCodeNotAllowed, at)),
    }
}
