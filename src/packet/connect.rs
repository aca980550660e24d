//! CONNECT: section [3.1](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901033).
//!
//! ```text
//! +--------+-----------+---------------------+---------+-----------------+------------+------------+
//! | 10     | remaining | Protocol Name       | Level   | U P R Q Q W C 0 | Keep Alive | Properties |
//! | 1 byte | length    | 2 bytes and MQTT    | 3, 4, 5 | Connect Flags   | 2 bytes    | 5.0        |
//! +--------+-----------+---------------------+---------+-----------------+------------+------------+
//! | Client Identifier  | will: see will.rs   | User Name: U     | Password: P      |
//! | 2 bytes and text   | W, with Q and R     | 2 bytes and text | 2 bytes and more |
//! +--------------------+---------------------+------------------+------------------+
//!
//! C: Clean Start; Q, R: QoS and RETAIN of the will
//! ```

use core::time::Duration;

use super::Head;
use super::will::WillRef;
use crate::error::Field;
use crate::options::{Context, Tolerance};
use crate::property::Properties;
use crate::read::{Parsed, binary, byte, fault, string, two_bytes};
use crate::standard::{PacketType, Place, PropertyId, Rule, Version};
use crate::write::{Sink, Written};

/// The Connect Flags (section 3.1.2.3).
pub(super) mod flags {
    use crate::standard::QoS;

    pub(super) const USER_NAME: u8 = 0b1000_0000;
    pub(super) const PASSWORD: u8 = 0b0100_0000;
    pub(super) const CREDENTIALS: u8 = 0b1100_0000;
    pub(in crate::packet) const WILL_RETAIN: u8 = 0b0010_0000;
    pub(super) const WILL_QOS: u8 = 0b0001_1000;
    pub(in crate::packet) const WILL: u8 = 0b0000_0100;
    pub(in crate::packet) const OF_WILL: u8 = WILL | WILL_QOS | WILL_RETAIN;
    pub(super) const CLEAN_START: u8 = 0b0000_0010;
    pub(super) const RESERVED: u8 = 0b0000_0001;

    /// The QoS of the will, of flags that were checked.
    pub(in crate::packet) fn will_qos(flags: u8) -> QoS {
        QoS::new(flags >> 3 & 0b11).unwrap_or_default()
    }
}

/// What bridges set in the protocol level.
const BRIDGE: u8 = 0b1000_0000;
/// The longest client identifier of MQTT 3.1, in characters.
const CLIENT_ID_MAX_V31: usize = 23;

/// CONNECT: a client asks for a connection (section 3.1).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Protocol Name, Level | `MQIsdp` 3 or `MQTT` 4 | `MQTT` 5 |
/// | Connect Flags | 1 byte | 1 byte |
/// | Keep Alive | 2 bytes | 2 bytes |
/// | Properties | - | yes |
/// | Client Identifier | string | string |
/// | Will Properties | - | with a will |
/// | Will Topic, Will Payload | with a will | with a will |
/// | User Name | may be | may be |
/// | Password | may be, with a User Name | may be |
///
/// ```
/// use mqtt_wire::{Connect, Packet, Properties, Property, QoS, Version, Will, topic_name};
///
/// let will = Will { qos: QoS::AtLeastOnce, ..Will::new(topic_name!("lamp/7/status"), b"gone") };
/// let wishes = [Property::SessionExpiryInterval(3600)];
/// let connect = Connect {
///     clean_start: false, // go on with the session that the server has
///     keep_alive: 30,
///     user_name: Some("anna"),
///     password: Some(b"s3cret"),
///     will: Some((&will).into()),
///     properties: Properties::new(&wishes),
///     ..Connect::new(Version::V5, "lamp-7")
/// };
/// let mut out = Vec::new();
/// Packet::from(connect).encode(Version::V5, &mut out)?;
/// // Logs do not show the password.
/// assert!(!format!("{connect:?}").contains("s3cret"));
/// # Ok::<(), mqtt_wire::EncodeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Connect<'a> {
    /// The version that the client speaks. To encode for another one is an error.
    pub version: Version,
    /// Bit 7 of the protocol level is set, as bridges do: needs
    /// [`Tolerance::BridgeProtocolLevel`](crate::Tolerance::BridgeProtocolLevel).
    pub bridge: bool,
    /// Clean Start of 5.0, Clean Session of 3.x: do not go on with an earlier session.
    pub clean_start: bool,
    /// The longest time between two packets of the client, in seconds; 0 turns it off.
    pub keep_alive: u16,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    /// Who the client is. In 3.1.1 an empty one needs `clean_start`, in 3.1 it has 1 to 23 characters.
    pub client_id: &'a str,
    /// What the server publishes when the connection ends without a goodbye: [`WillRef::get`] has its fields.
    pub will: Option<WillRef<'a>>,
    /// The user's name.
    pub user_name: Option<&'a str>,
    /// The password, or any other credential; in 3.x only together with a user name.
    pub password: Option<&'a [u8]>,
}

impl<'a> Connect<'a> {
    /// A CONNECT with a clean start and a keep alive of 60 seconds, and nothing else.
    pub const fn new(version: Version, client_id: &'a str) -> Self {
        Self {
            version,
            bridge: false,
            clean_start: true,
            keep_alive: 60,
            properties: Properties::EMPTY,
            client_id,
            will: None,
            user_name: None,
            password: None,
        }
    }

    pub(super) fn decode(_: Head, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, (version, bridge)) = protocol(i, c)?;
        let c = c.with_version(version);
        let (i, flags) = connect_flags(i, version)?;
        let (i, keep_alive) = two_bytes(i)?;
        let (at, properties) = Properties::decode(&Place::CONNECT, c, i)?;
        if lacks_method(&properties) {
            let data = properties.wire_from(PropertyId::AuthenticationData);
            return fault(Rule::AuthenticationMethodMissing, data.unwrap_or(i));
        }
        let (i, client_id) = string(at, c)?;
        let clean_start = flags & flags::CLEAN_START != 0;
        if let Err(rule) = check_client_id(client_id, clean_start, c) {
            return fault(rule, at);
        }
        let (i, will) = WillRef::decode(flags, c, i)?;
        let (i, user_name) = if has(flags, flags::USER_NAME, version, i) {
            string(i, c).map(|(i, name)| (i, Some(name)))?
        } else {
            (i, None)
        };
        let (i, password) = if has(flags, flags::PASSWORD, version, i) {
            binary(i).map(|(i, password)| (i, Some(password)))?
        } else {
            (i, None)
        };
        let this = Self {
            version,
            bridge,
            clean_start,
            keep_alive,
            properties,
            client_id,
            will,
            user_name,
            password,
        };
        Ok((i, this))
    }

    pub(super) fn encode<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        if S::CHECKS {
            self.check(c, out)?;
        }
        // Performance: with a sink of its own, which stays in registers.
        let mut sink = out.take();
        let written = self.encode_fields(c, &mut sink);
        *out = sink;
        written
    }

    fn encode_fields<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        out.binary(self.version.protocol_name().as_bytes())?;
        let level = self.version.get() + if self.bridge { BRIDGE } else { 0 };
        let [high, low] = self.keep_alive.to_be_bytes();
        out.put(&[level, self.flags(), high, low]);
        self.properties.encode(&Place::CONNECT, c, out)?;
        out.field(Field::ClientIdentifier);
        out.text(self.client_id, c)?;
        if let Some(will) = self.will {
            will.encode(c, out)?;
        }
        if let Some(user_name) = self.user_name {
            out.field(Field::UserName);
            out.text(user_name, c)?;
        }
        if let Some(password) = self.password {
            out.field(Field::Password);
            out.binary(password)?;
        }
        Ok(())
    }

    /// What no field can tell alone.
    fn check<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        out.field(Field::ProtocolLevel);
        if self.version != c.version() {
            return Err(Rule::VersionMismatch);
        }
        if self.bridge && !c.tolerates(Tolerance::BridgeProtocolLevel) {
            return Err(Rule::ProtocolVersion);
        }
        if self.password.is_some() && self.user_name.is_none() && self.version < Version::V5 {
            out.field(Field::Password);
            return Err(Rule::PasswordWithoutUserName);
        }
        out.field(Field::ClientIdentifier);
        check_client_id(self.client_id, self.clean_start, c)?;
        out.field(Field::Property(PropertyId::AuthenticationMethod));
        if lacks_method(&self.properties) { Err(Rule::AuthenticationMethodMissing) } else { Ok(()) }
    }

    pub(crate) fn flags(&self) -> u8 {
        let will = self.will.map_or(0, WillRef::flags);
        let user_name = self.user_name.map_or(0, |_| flags::USER_NAME);
        let password = self.password.map_or(0, |_| flags::PASSWORD);
        user_name + password + will + if self.clean_start { flags::CLEAN_START } else { 0 }
    }

    /// How long the server waits for a packet of this client before it takes the connection for dead: one and a
    /// half times the keep alive (`[MQTT-3.1.2-24]` of 3.1.1, `[MQTT-3.1.2-22]` of 5.0); `None` when that is off.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mqtt_wire::{Connect, Version};
    ///
    /// let connect = Connect { keep_alive: 10, ..Connect::new(Version::V311, "lamp-7") };
    /// assert_eq!(connect.keep_alive_limit(), Some(Duration::from_secs(15)));
    /// ```
    pub const fn keep_alive_limit(&self) -> Option<Duration> {
        match self.keep_alive {
            0 => None,
            seconds => Some(Duration::from_millis(seconds as u64 * 1500)),
        }
    }

    /// Whether the version takes the client identifier.
    pub(super) fn is_identified(&self) -> bool {
        check_client_id(self.client_id, self.clean_start, Context::new(self.version)).is_ok()
    }

    /// The version that the body of a CONNECT names, if it is a known one and that to be expected.
    pub(crate) fn peek_version(body: &[u8], c: Context) -> Option<Version> {
        protocol(body, c).ok().map(|(_, (version, _))| version)
    }
}

/// Protocol Name and Protocol Level, and whether a bridge speaks (sections 3.1.2.1 and 3.1.2.2).
fn protocol(at: &[u8], c: Context) -> Parsed<'_, (Version, bool)> {
    let (level_at, name) = binary(at)?;
    let (i, level) = byte(level_at)?;
    if name != b"MQTT" && name != b"MQIsdp" {
        return fault(Rule::ProtocolName, at);
    }
    let bridge = level & BRIDGE != 0 && c.tolerates(Tolerance::BridgeProtocolLevel);
    let level = if bridge { level & !BRIDGE } else { level };
    match Version::new(level).filter(|version| version.protocol_name().as_bytes() == name) {
        Some(version) if c.is_version_unknown() || version == c.version() => Ok((i, (version, bridge))),
        _ => fault(Rule::ProtocolVersion, level_at),
    }
}

/// Connect Flags. 3.1 gives no meaning to the bit that later versions reserve.
fn connect_flags(at: &[u8], version: Version) -> Parsed<'_, u8> {
    let (i, flags) = byte(at)?;
    let without_will = flags & flags::WILL == 0;
    let broken = if flags & flags::RESERVED != 0 && version != Version::V31 {
        Rule::ConnectReservedFlag
    } else if without_will && flags & flags::WILL_QOS != 0 {
        Rule::WillQoSWithoutWill
    } else if without_will && flags & flags::WILL_RETAIN != 0 {
        Rule::WillRetainWithoutWill
    } else if flags & flags::WILL_QOS == flags::WILL_QOS {
        Rule::WillQoS3
    } else if version < Version::V5 && flags & flags::CREDENTIALS == flags::PASSWORD {
        Rule::PasswordWithoutUserName
    } else {
        return Ok((i, flags));
    };
    fault(broken, at)
}

/// Whether a credential is there: in MQTT 3.1 the Remaining Length outweighs the flag.
fn has(flags: u8, flag: u8, version: Version, i: &[u8]) -> bool {
    flags & flag != 0 && !(version == Version::V31 && i.is_empty())
}

/// `[MQTT-3.1.3-7]` and `[MQTT-3.1.3-8]` of 3.1.1, and the bounds of 3.1.
fn check_client_id(client_id: &str, clean_start: bool, c: Context) -> Written {
    match c.version() {
        Version::V31 if client_id.is_empty() => Err(Rule::ClientIdEmpty),
        Version::V31
            if client_id.chars().nth(CLIENT_ID_MAX_V31).is_some()
                && !c.tolerates(Tolerance::LongClientIds) =>
        {
            Err(Rule::ClientIdTooLong)
        }
        Version::V311 if client_id.is_empty() && !clean_start => Err(Rule::ClientIdEmpty),
        _ => Ok(()),
    }
}

/// Authentication Data without an Authentication Method (section 3.1.2.11.10 of 5.0).
fn lacks_method(properties: &Properties<'_>) -> bool {
    properties.contains(PropertyId::AuthenticationData)
        && !properties.contains(PropertyId::AuthenticationMethod)
}
