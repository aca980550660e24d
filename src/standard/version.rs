//! The versions of the protocol, and the two sides of a connection.

use core::fmt;
use core::str::FromStr;

/// A version of the protocol, as named by the Protocol Name and Protocol Level of CONNECT
/// (sections 3.1.2.1 and 3.1.2.2 of both standards). Versions are ordered by age.
///
/// ```
/// use mqtt_wire::Version;
///
/// assert_eq!("3.1.1".parse(), Ok(Version::V311)); // from a command line
/// assert_eq!(Version::new(5), Some(Version::V5)); // from CONNECT's Protocol Level
/// assert!(Version::V31 < Version::V5);
/// assert_eq!(Version::V5.to_string(), "5.0");
/// ```
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

    /// The version of that Protocol Level (Protocol Version in 5.0); `None` for any but 3, 4 and 5.
    pub const fn new(level: u8) -> Option<Self> {
        match level {
            3 => Some(Self::V31),
            4 => Some(Self::V311),
            5 => Some(Self::V5),
            _ => None,
        }
    }

    /// The Protocol Level (Protocol Version in 5.0) byte of CONNECT: 3, 4 or 5.
    pub const fn get(self) -> u8 {
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

impl Version {
    /// The version as it is displayed and parsed: `3.1`, `3.1.1` or `5.0`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
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

/// The text is no name of a [`Version`], a [`QoS`](crate::QoS), a [`Sender`] or a [`Tolerance`](crate::Tolerance).
///
/// ```
/// use mqtt_wire::{QoS, Version};
///
/// assert!("4".parse::<Version>().is_err());
/// println!("{}", "three".parse::<QoS>().unwrap_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("expected {expected}")]
pub struct UnknownName {
    pub(crate) expected: &'static str,
}

/// Who sent a packet. Some packets, properties and reason codes may be sent by one side only
/// (Table 2.1 of 3.1.1, Table 2-1 of 5.0).
///
/// ```
/// use mqtt_wire::{DecodeOptions, Packet, Rule, Sender, Version, decode_exact};
///
/// // A PINGREQ is the client's to send.
/// let from_server = DecodeOptions::new(Version::V5).with_sender(Sender::Server);
/// assert_eq!(decode_exact(&[0xC0, 0], from_server).unwrap_err().rule(), Rule::WrongDirection);
/// assert_eq!(decode_exact(&[0xC0, 0], Version::V5), Ok(Packet::PingReq)); // side not known
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sender {
    /// The Client: who opened the network connection.
    Client,
    /// The Server, also called broker.
    Server,
}

impl Sender {
    /// The side as it is displayed and parsed: `client` or `server`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
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
