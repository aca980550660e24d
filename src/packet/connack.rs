//! CONNACK: section [3.2](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901074).
//!
//! ```text
//! +--------+-----------+------------------------+-----------------------+------------+
//! | 20     | remaining | 0 0 0 0 0 0 0 S        | Return or Reason Code | Properties |
//! | 1 byte | length    | S: Session Present     | 1 byte                | 5.0        |
//! +--------+-----------+------------------------+-----------------------+------------+
//! ```

use super::Head;
use super::reason::{check_reason_code, read_reason_code};
use crate::error::Field;
use crate::options::{Context, Tolerance};
use crate::property::Properties;
use crate::read::{Parsed, byte, fault};
use crate::standard::{PacketType, Place, ReasonCode, Rule, Version};
use crate::write::{Sink, Written};

/// CONNACK: the server's answer to CONNECT (section 3.2).
///
/// | field | 3.1 | 3.1.1 | 5.0 |
/// |---|---|---|---|
/// | byte 1 | reserved | Session Present | Session Present |
/// | byte 2 | Return Code | Return Code | Reason Code |
/// | Properties | - | - | yes |
///
/// ```
/// use mqtt_wire::{ConnAck, Packet, Properties, Property, ReasonCode, Version};
///
/// let limits = [Property::ServerKeepAlive(30), Property::RetainAvailable(false)];
/// let welcome = ConnAck {
///     session_present: true,
///     properties: Properties::new(&limits),
///     ..ConnAck::new(ReasonCode::SUCCESS)
/// };
/// assert_eq!(Packet::from(welcome).encoded_len(Version::V5)?, 10);
///
/// // A refusal has the same code in every version; 3.1.1 writes it as its return code 5.
/// let refusal = ConnAck::new(ReasonCode::NOT_AUTHORIZED);
/// let mut out = [0; 4];
/// Packet::from(refusal).encode(Version::V311, &mut out)?;
/// assert_eq!(out, [0x20, 2, 0, 5]);
/// # Ok::<(), mqtt_wire::EncodeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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

    pub(super) fn decode(_: Head, c: Context, at: &'a [u8]) -> Parsed<'a, Self> {
        if is_refusal_by_older_server(at, c) {
            return Ok((&[], Self::new(ReasonCode::UNSUPPORTED_PROTOCOL_VERSION)));
        }
        let (i, session_present) = session_present(at, c)?;
        let (i, reason_code) = code(i, c)?;
        if session_present && reason_code != ReasonCode::SUCCESS {
            return fault(Rule::SessionPresentRefused, at);
        }
        let (i, properties) = Properties::decode(&Place::CONNACK, c, i)?;
        Ok((i, Self { session_present, reason_code, properties }))
    }

    pub(super) fn encode<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        out.field(Field::SessionPresent);
        if self.session_present && c.version() == Version::V31 {
            return Err(Rule::NotInVersion);
        }
        if self.session_present && self.reason_code != ReasonCode::SUCCESS {
            return Err(Rule::SessionPresentRefused);
        }
        out.byte(u8::from(self.session_present));
        out.field(Field::ReasonCode);
        out.byte(self.wire_code::<S>(c)?);
        self.properties.encode(&Place::CONNACK, c, out)
    }

    fn wire_code<S: Sink>(&self, c: Context) -> Result<u8, Rule> {
        if !c.is_v5() {
            return match self.reason_code.to_return_code() {
                Some(code) => Ok(code),
                None if is_reserved(self.reason_code) && c.tolerates(Tolerance::UnknownReasonCodes) => {
                    Ok(self.reason_code.get())
                }
                None => Err(Rule::NotInVersion),
            };
        }
        if S::CHECKS {
            check_reason_code(self.reason_code, PacketType::ConnAck, c)?;
        }
        Ok(self.reason_code.get())
    }
}

/// The answer of a server of 3.1.1 to a client of 5.0: see [`Tolerance::RefusalByOlderServer`].
fn is_refusal_by_older_server(body: &[u8], c: Context) -> bool {
    matches!(body, [0x00, 0x01]) && c.is_v5() && c.tolerates(Tolerance::RefusalByOlderServer)
}

/// Connect Acknowledge Flags; 3.1 has none and gives the byte no meaning.
fn session_present(at: &[u8], c: Context) -> Parsed<'_, bool> {
    match byte(at)? {
        (i, _) if c.version() == Version::V31 => Ok((i, false)),
        (i, 0) => Ok((i, false)),
        (i, 1) => Ok((i, true)),
        _ => fault(Rule::ConnAckReservedFlags, at),
    }
}

/// A code that no table of 3.x or 5.0 translates: such a return code of 3.x stands as it came.
fn is_reserved(code: ReasonCode) -> bool {
    ReasonCode::from_return_code(code.get()).is_none() && code.to_return_code().is_none()
}

fn code(at: &[u8], c: Context) -> Parsed<'_, ReasonCode> {
    if c.is_v5() {
        return read_reason_code(at, PacketType::ConnAck, c);
    }
    let (i, code) = byte(at)?;
    let raw = ReasonCode::new(code);
    match ReasonCode::from_return_code(code) {
        Some(code) => Ok((i, code)),
        None if is_reserved(raw) && c.tolerates(Tolerance::UnknownReasonCodes) => Ok((i, raw)),
        None => fault(Rule::ReasonCodeNotAllowed, at),
    }
}
