//! AUTH: section [3.15](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901217) of 5.0.
//!
//! ```text
//! +--------+-----------+-------------+------------+
//! | F0     | remaining | Reason Code | Properties |
//! | 1 byte | length    | 1 byte      |            |
//! +--------+-----------+-------------+------------+
//! ```
//! Both are left out together when the Reason Code is 0x00 and there are no properties.

use super::Head;
use super::reason::{check_reason_code, read_reason_code};
use crate::error::Field;
use crate::options::Context;
use crate::property::Properties;
use crate::read::{Fault, Parsed};
use crate::standard::{PacketType, Place, PropertyId, ReasonCode, Rule};
use crate::write::{Sink, Written};

/// AUTH: a step of an enhanced authentication (section 3.15), in 5.0 only.
///
/// | field | 5.0 |
/// |---|---|
/// | Reason Code | 1 byte; left out together with the properties when it is 0x00 and there are none |
/// | Properties | with an Authentication Method |
///
/// ```
/// use mqtt_wire::{Auth, Packet, Properties, Property, ReasonCode, Version};
///
/// let step = [
///     Property::AuthenticationMethod("SCRAM-SHA-256"),
///     Property::AuthenticationData(b"r=fyko"),
/// ];
/// let auth = Auth::new(ReasonCode::CONTINUE_AUTHENTICATION, Properties::new(&step));
/// assert_eq!(auth.properties.authentication_method(), Some("SCRAM-SHA-256"));
/// // There is no AUTH before 5.0.
/// assert!(Packet::from(auth).encoded_len(Version::V311).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Auth<'a> {
    /// 0x00 from the server, 0x18 from both, 0x19 from the client.
    pub reason_code: ReasonCode,
    /// With an Authentication Method, unless the packet has neither code nor properties.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    /// An AUTH with that reason code and those properties.
    pub const fn new(reason_code: ReasonCode, properties: Properties<'a>) -> Self {
        Self { reason_code, properties }
    }

    // Performance: the short form stands in the caller, where nothing has to be moved.
    #[inline(always)]
    pub(super) fn decode(_: Head, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        if i.is_empty() {
            check_reason_code(ReasonCode::SUCCESS, PacketType::Auth, c)
                .map_err(|rule| Fault::new(rule, i))?;
            return Ok((i, Self::new(ReasonCode::SUCCESS, Properties::EMPTY)));
        }
        Self::decode_long(c, i)
    }

    /// With a reason code and properties.
    fn decode_long(c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (at, reason_code) = read_reason_code(i, PacketType::Auth, c)?;
        let (i, properties) = Properties::decode(&Place::AUTH, c, at)?;
        let this = Self { reason_code, properties };
        if this.lacks_method() {
            let data = properties.wire_from(PropertyId::AuthenticationData);
            return Err(Fault::new(Rule::AuthenticationMethodMissing, data.unwrap_or(at)));
        }
        Ok((i, this))
    }

    pub(super) fn encode<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        out.field(Field::ReasonCode);
        if S::CHECKS {
            check_reason_code(self.reason_code, PacketType::Auth, c)?;
        }
        if self.reason_code == ReasonCode::SUCCESS && self.properties.is_empty() {
            return Ok(());
        }
        if S::CHECKS && self.lacks_method() {
            out.field(Field::Property(PropertyId::AuthenticationMethod));
            return Err(Rule::AuthenticationMethodMissing);
        }
        out.byte(self.reason_code.get());
        self.properties.encode(&Place::AUTH, c, out)
    }

    /// Section 3.15.2.2.2.
    fn lacks_method(&self) -> bool {
        !self.properties.contains(PropertyId::AuthenticationMethod)
    }
}
