//! The small types that every packet shares: protocol version, sender, Quality of Service, identifiers.

use core::fmt;
use core::num::NonZeroU16;
use core::str::FromStr;

/// A version of the protocol, as named by the Protocol Name and Protocol Level of CONNECT
/// (sections 3.1.2.1 and 3.1.2.2 of both standards). Versions are ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// MQTT 3.1: `MQIsdp`, level 3.
    V31,
    /// MQTT 3.1.1: `MQTT`, level 4.
    V311,
    /// MQTT 5.0: `MQTT`, level 5.
    V5,
}

impl Version {
    /// All versions, oldest first.
    pub const ALL: [Self; 3] = [Self::V31, Self::V311, Self::V5];

    /// The Protocol Level (3.x) or Protocol Version (5.0) byte of CONNECT: 3, 4 or 5.
    pub const fn level(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }

    /// The Protocol Name of CONNECT: `MQIsdp` or `MQTT`.
    pub const fn protocol_name(self) -> &'static str {
        match self {
            Self::V31 => "MQIsdp",
            Self::V311 | Self::V5 => "MQTT",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        })
    }
}

/// `3.1`, `3.1.1`, and `5` or `5.0`.
impl FromStr for Version {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "3.1" => Ok(Self::V31),
            "3.1.1" => Ok(Self::V311),
            "5" | "5.0" => Ok(Self::V5),
            _ => Err(UnknownName { expected: "3.1, 3.1.1 or 5.0" }),
        }
    }
}

/// The text is no name of a [`Version`], a [`QoS`] or a [`Sender`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct UnknownName {
    expected: &'static str,
}

/// Who sent a packet. Some packets, properties and reason codes may be sent by one side only
/// (Table 2.1 of 3.1.1, Table 2-1 of 5.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The Client: who opened the network connection.
    Client,
    /// The Server, also called broker.
    Server,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// `client` and `server`.
impl FromStr for Sender {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "client" => Ok(Self::Client),
            "server" => Ok(Self::Server),
            _ => Err(UnknownName { expected: "client or server" }),
        }
    }
}

/// Quality of Service: how hard the sender and the receiver try to deliver a message (section 4.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QoS {
    /// QoS 0: at most once.
    #[default]
    AtMostOnce,
    /// QoS 1: at least once.
    AtLeastOnce,
    /// QoS 2: exactly once.
    ExactlyOnce,
}

impl QoS {
    /// The two-bit number of the wire: 0, 1 or 2.
    pub const fn bits(self) -> u8 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
            Self::ExactlyOnce => 2,
        }
    }

    /// The QoS of the low two bits of `bits`; `None` for 3, which no field may hold.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits & 0b11 {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

impl fmt::Display for QoS {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.bits(), f)
    }
}

/// `0`, `1` and `2`.
impl FromStr for QoS {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "0" => Ok(Self::AtMostOnce),
            "1" => Ok(Self::AtLeastOnce),
            "2" => Ok(Self::ExactlyOnce),
            _ => Err(UnknownName { expected: "0, 1 or 2" }),
        }
    }
}

/// The value of the property Maximum QoS: 0 or 1, since a server that supports QoS 2 leaves it out
/// (section 3.2.2.3.4 of 5.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MaximumQoS {
    /// The server supports QoS 0 only.
    AtMostOnce,
    /// The server supports QoS 0 and 1.
    AtLeastOnce,
}

impl MaximumQoS {
    /// The same as a [`QoS`].
    pub const fn qos(self) -> QoS {
        match self {
            Self::AtMostOnce => QoS::AtMostOnce,
            Self::AtLeastOnce => QoS::AtLeastOnce,
        }
    }
}

impl fmt::Display for MaximumQoS {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.qos(), f)
    }
}

/// A Packet Identifier: 1 to 65,535 (section 2.3.1 of 3.1.1, 2.2.1 of 5.0).
pub type PacketId = NonZeroU16;

/// The QoS of a PUBLISH together with the Packet Identifier that QoS 1 and 2 need and QoS 0 must not have
/// (`[MQTT-2.3.1-5]` of 3.1.1, `[MQTT-2.2.1-2]` of 5.0).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// QoS 0.
    #[default]
    AtMostOnce,
    /// QoS 1, acknowledged by PUBACK.
    AtLeastOnce(PacketId),
    /// QoS 2, acknowledged by PUBREC, PUBREL and PUBCOMP.
    ExactlyOnce(PacketId),
}

impl Delivery {
    /// The delivery of that QoS; the identifier is not used for QoS 0.
    pub const fn new(qos: QoS, packet_id: PacketId) -> Self {
        match qos {
            QoS::AtMostOnce => Self::AtMostOnce,
            QoS::AtLeastOnce => Self::AtLeastOnce(packet_id),
            QoS::ExactlyOnce => Self::ExactlyOnce(packet_id),
        }
    }

    /// The Quality of Service.
    pub const fn qos(self) -> QoS {
        match self {
            Self::AtMostOnce => QoS::AtMostOnce,
            Self::AtLeastOnce(_) => QoS::AtLeastOnce,
            Self::ExactlyOnce(_) => QoS::ExactlyOnce,
        }
    }

    /// The Packet Identifier of QoS 1 and 2.
    pub const fn packet_id(self) -> Option<PacketId> {
        match self {
            Self::AtMostOnce => None,
            Self::AtLeastOnce(id) | Self::ExactlyOnce(id) => Some(id),
        }
    }
}

/// A Subscription Identifier: 1 to 268,435,455 (section 3.8.2.1.2 of 5.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(u32);

impl SubscriptionId {
    /// The largest Subscription Identifier.
    pub const MAX: Self = Self(crate::frame::MAX_VARIABLE_BYTE_INTEGER);

    /// A Subscription Identifier; `None` for 0 and for anything above [`SubscriptionId::MAX`].
    pub const fn new(id: u32) -> Option<Self> {
        if id == 0 || id > Self::MAX.0 { None } else { Some(Self(id)) }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
