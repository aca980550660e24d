use core::time::Duration;

use super::publish::{Publish, payload_fault};
use crate::error::Kind;
use crate::options::{Context, Tolerance};
use crate::property::{Place, Properties, PropertyId};
use crate::read::{Parsed, binary, byte, fault, from, string, topic_name, two_bytes};
use crate::topic::TopicName;
use crate::version::{Delivery, QoS, Version};
use crate::write::{Sink, Written};

const USER_NAME: u8 = 0b1000_0000;
const PASSWORD: u8 = 0b0100_0000;
const CREDENTIALS: u8 = 0b1100_0000;
const WILL_RETAIN: u8 = 0b0010_0000;
const WILL_QOS: u8 = 0b0001_1000;
const WILL: u8 = 0b0000_0100;
const CLEAN_START: u8 = 0b0000_0010;
const RESERVED: u8 = 0b0000_0001;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// What the server publishes when the connection ends without a goodbye.
    pub will: Option<Will<'a>>,
    /// The user's name.
    pub user_name: Option<&'a str>,
    /// The password, or any other credential; in 3.x only together with a user name.
    pub password: Option<&'a [u8]>,
}

/// The Will Message: what the server publishes for a client that is gone (section 3.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will<'a> {
    /// The QoS at which it is published.
    pub qos: QoS,
    /// Whether it is published as retained.
    pub retain: bool,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    /// Where it is published.
    pub topic: TopicName<'a>,
    /// The message, 0 to 65,535 bytes.
    pub payload: &'a [u8],
}

impl<'a> Will<'a> {
    /// A will at QoS 0, not retained, without properties.
    pub const fn new(topic: TopicName<'a>, payload: &'a [u8]) -> Self {
        Self { qos: QoS::AtMostOnce, retain: false, properties: Properties::EMPTY, topic, payload }
    }

    /// The message that the server publishes. The Will Delay Interval, which is none of a message's properties,
    /// is left out (section 3.1.3.2.2 of 5.0).
    pub fn to_publish(self, delivery: Delivery) -> Publish<'a> {
        Publish {
            delivery,
            retain: self.retain,
            properties: self.properties.without(PropertyId::WillDelayInterval),
            ..Publish::new(self.topic, self.payload)
        }
    }

    fn decode(flags: u8, c: Context, i: &'a [u8]) -> Parsed<'a, Option<Self>> {
        if flags & WILL == 0 {
            return Ok((i, None));
        }
        let (at, properties) = Properties::decode(&Place::WILL, c, i)?;
        let (i, topic) = topic_name(at, c)?;
        let Some(topic) = topic else { return fault(Kind::TopicEmpty, at) };
        let (i, payload) = binary(i)?;
        if c.checks_payload_format()
            && let Some(offset) = payload_fault(properties, payload)
        {
            return fault(Kind::PayloadFormat, from(payload, offset));
        }
        let qos = QoS::from_bits(flags >> 3).unwrap_or_default();
        Ok((i, Some(Self { qos, retain: flags & WILL_RETAIN != 0, properties, topic, payload })))
    }

    fn encode<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        if S::CHECKS && c.checks_payload_format() && payload_fault(self.properties, self.payload).is_some() {
            return Err(Kind::PayloadFormat);
        }
        self.properties.encode_near(&Place::WILL, c, out)?;
        out.topic(self.topic.as_bytes(), c)?;
        out.binary(self.payload)
    }
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

    pub(super) fn decode(c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, (version, bridge)) = protocol(i, c)?;
        let c = c.with_version(version);
        let (i, flags) = connect_flags(i, version)?;
        let (i, keep_alive) = two_bytes(i)?;
        let (at, properties) = Properties::decode(&Place::CONNECT, c, i)?;
        if lacks_method(&properties) {
            return fault(Kind::AuthenticationMethodMissing, i);
        }
        let (i, client_id) = string(at, c)?;
        let clean_start = flags & CLEAN_START != 0;
        if let Err(kind) = check_client_id(client_id, clean_start, c) {
            return fault(kind, at);
        }
        let (i, will) = Will::decode(flags, c, i)?;
        let (i, user_name) = if has(flags, USER_NAME, version, i) {
            string(i, c).map(|(i, name)| (i, Some(name)))?
        } else {
            (i, None)
        };
        let (i, password) = if has(flags, PASSWORD, version, i) {
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

    fn flags(&self) -> u8 {
        let will = self
            .will
            .map_or(0, |will| WILL + will.qos.bits() * 8 + if will.retain { WILL_RETAIN } else { 0 });
        let user_name = self.user_name.map_or(0, |_| USER_NAME);
        let password = self.password.map_or(0, |_| PASSWORD);
        user_name + password + will + if self.clean_start { CLEAN_START } else { 0 }
    }

    /// How long the server waits for a packet of this client before it takes the connection for dead: one and a
    /// half times the keep alive (`[MQTT-3.1.2-24]` of 3.1.1, `[MQTT-3.1.2-22]` of 5.0); `None` when that is off.
    pub const fn keep_alive_limit(&self) -> Option<Duration> {
        match self.keep_alive {
            0 => None,
            seconds => Some(Duration::from_millis(seconds as u64 * 1500)),
        }
    }

    /// Whether the version takes the client identifier.
    pub(crate) fn is_identified(&self) -> bool {
        check_client_id(self.client_id, self.clean_start, Context::new(self.version)).is_ok()
    }

    /// The version that the body of a CONNECT names, if it is a known one.
    pub(crate) fn peek_version(body: &[u8], c: Context) -> Option<Version> {
        protocol(body, c).ok().map(|(_, (version, _))| version)
    }
}

impl Connect<'_> {
    /// What no field can tell alone.
    fn check(&self, c: Context) -> Written {
        if self.version != c.version() {
            return Err(Kind::VersionMismatch);
        }
        if self.bridge && !c.tolerates(Tolerance::BridgeProtocolLevel) {
            return Err(Kind::ProtocolVersion);
        }
        if self.password.is_some() && self.user_name.is_none() && self.version < Version::V5 {
            return Err(Kind::PasswordWithoutUserName);
        }
        check_client_id(self.client_id, self.clean_start, c)?;
        if lacks_method(&self.properties) { Err(Kind::AuthenticationMethodMissing) } else { Ok(()) }
    }
}

impl Connect<'_> {
    pub(super) fn encode<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        if S::CHECKS {
            self.check(c)?;
        }
        // With a sink of its own, which stays in registers.
        let mut sink = out.take();
        sink.binary(self.version.protocol_name().as_bytes())?;
        let level = self.version.level() + if self.bridge { BRIDGE } else { 0 };
        let [high, low] = self.keep_alive.to_be_bytes();
        sink.put(&[level, self.flags(), high, low]);
        self.properties.encode_near(&Place::CONNECT, c, &mut sink)?;
        sink.text(self.client_id, c)?;
        if let Some(will) = self.will {
            will.encode(c, &mut sink)?;
        }
        if let Some(user_name) = self.user_name {
            sink.text(user_name, c)?;
        }
        if let Some(password) = self.password {
            sink.binary(password)?;
        }
        *out = sink;
        Ok(())
    }
}

/// Protocol Name and Protocol Level, and whether a bridge speaks (sections 3.1.2.1 and 3.1.2.2).
fn protocol(at: &[u8], c: Context) -> Parsed<'_, (Version, bool)> {
    let (level_at, name) = binary(at)?;
    let (i, level) = byte(level_at)?;
    if name != b"MQTT" && name != b"MQIsdp" {
        return fault(Kind::ProtocolName, at);
    }
    let bridge = level & BRIDGE != 0 && c.tolerates(Tolerance::BridgeProtocolLevel);
    let level = if bridge { level & !BRIDGE } else { level };
    let named = |version: &Version| version.level() == level && version.protocol_name().as_bytes() == name;
    match Version::ALL.into_iter().find(named) {
        Some(version) if c.detects_version() || version == c.version() => Ok((i, (version, bridge))),
        _ => fault(Kind::ProtocolVersion, level_at),
    }
}

/// Connect Flags (section 3.1.2.3).
fn connect_flags(at: &[u8], version: Version) -> Parsed<'_, u8> {
    let (i, flags) = byte(at)?;
    let without_will = flags & WILL == 0;
    let broken = if flags & RESERVED != 0 {
        Kind::ConnectReservedFlag
    } else if flags & WILL_QOS == WILL_QOS {
        Kind::WillQoS3
    } else if without_will && flags & WILL_QOS != 0 {
        Kind::WillQoSWithoutWill
    } else if without_will && flags & WILL_RETAIN != 0 {
        Kind::WillRetainWithoutWill
    } else if version < Version::V5 && flags & CREDENTIALS == PASSWORD {
        Kind::PasswordWithoutUserName
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
        Version::V31 if client_id.is_empty() => Err(Kind::ClientIdEmpty),
        Version::V31
            if client_id.chars().nth(CLIENT_ID_MAX_V31).is_some()
                && !c.tolerates(Tolerance::LongClientIds) =>
        {
            Err(Kind::ClientIdTooLong)
        }
        Version::V311 if client_id.is_empty() && !clean_start => Err(Kind::ClientIdEmpty),
        _ => Ok(()),
    }
}

/// Authentication Data without an Authentication Method (section 3.1.2.11.10 of 5.0).
fn lacks_method(properties: &Properties<'_>) -> bool {
    let ids = properties.ids();
    ids.contains(PropertyId::AuthenticationData) && !ids.contains(PropertyId::AuthenticationMethod)
}
