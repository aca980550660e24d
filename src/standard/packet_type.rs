//! The table of packet types (Table 2.1 of 3.1.1, Table 2-1 of 5.0).

use core::fmt;

use super::{Sender, Version};

/// Hands the table to a macro. A row has the number, the flags of the fixed header that the type prescribes (section
/// 2.1.3 of 5.0; `_` for PUBLISH, which has its own in each packet), the name, the type of the body, the standard's
/// spelling, and who may send it in 3.x and in 5.0.
macro_rules! packets {
    ($hand_to:ident) => {
        $hand_to! {
            /// A client asks for a connection (section 3.1).
            1  0 Connect(Connect)         "CONNECT"     Client  Client;
            /// The answer to CONNECT (section 3.2).
            2  0 ConnAck(ConnAck)         "CONNACK"     Server  Server;
            /// A message (section 3.3).
            3  _ Publish(Publish)         "PUBLISH"     Both    Both;
            /// The answer to a PUBLISH of QoS 1 (section 3.4).
            4  0 PubAck(Ack)              "PUBACK"      Both    Both;
            /// The first answer to a PUBLISH of QoS 2 (section 3.5).
            5  0 PubRec(Ack)              "PUBREC"      Both    Both;
            /// The answer to PUBREC (section 3.6).
            6  2 PubRel(Ack)              "PUBREL"      Both    Both;
            /// The answer to PUBREL (section 3.7).
            7  0 PubComp(Ack)             "PUBCOMP"     Both    Both;
            /// A client subscribes (section 3.8).
            8  2 Subscribe(Subscribe)     "SUBSCRIBE"   Client  Client;
            /// The answer to SUBSCRIBE (section 3.9).
            9  0 SubAck(SubAck)           "SUBACK"      Server  Server;
            /// A client unsubscribes (section 3.10).
            10 2 Unsubscribe(Unsubscribe) "UNSUBSCRIBE" Client  Client;
            /// The answer to UNSUBSCRIBE (section 3.11).
            11 0 UnsubAck(UnsubAck)       "UNSUBACK"    Server  Server;
            /// A client asks for a sign of life (section 3.12).
            12 0 PingReq()                "PINGREQ"     Client  Client;
            /// The answer to PINGREQ (section 3.13).
            13 0 PingResp()               "PINGRESP"    Server  Server;
            /// The end of a connection (section 3.14).
            14 0 Disconnect(Disconnect)   "DISCONNECT"  Client  Both;
            /// A step of an enhanced authentication, 5.0 only (section 3.15).
            15 0 Auth(Auth)               "AUTH"        Neither Both;
        }
    };
}
pub(crate) use packets;

macro_rules! packet_type {
    ($($(#[$doc:meta])* $number:literal $flags:tt $name:ident($($body:ident)?) $text:literal $v3:ident $v5:ident;)+) => {
        /// The type of a control packet (Table 2.1 of 3.1.1, Table 2-1 of 5.0).
        ///
        /// ```
        /// use mqtt_wire::{PacketType, Sender, Version};
        ///
        /// assert_eq!(PacketType::new(0x30 >> 4), Some(PacketType::Publish)); // of a first byte
        /// assert_eq!(PacketType::ConnAck.to_string(), "CONNACK");
        /// assert!(!PacketType::Auth.exists_in(Version::V311));
        /// assert!(!PacketType::Connect.may_be_sent_by(Sender::Server, Version::V5));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum PacketType { $($(#[$doc])* $name = $number,)+ }

        impl PacketType {
            /// Every type, by number.
            pub const ALL: [Self; 15] = [$(Self::$name,)+];

            /// The type of that number; `None` for 0 and above 15.
            pub const fn new(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)+ _ => None }
            }

            /// The standard's spelling: `CONNACK`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The flags that the type prescribes; PUBLISH has its own in each packet.
            pub(crate) const fn prescribed_flags(self) -> Option<u8> {
                match self { $(Self::$name => flags!($flags),)+ }
            }

            const fn direction(self, version: Version) -> Direction {
                match (self, version) { $((Self::$name, Version::V5) => Direction::$v5, (Self::$name, _) => Direction::$v3,)+ }
            }
        }
    };
}

macro_rules! flags {
    (_) => {
        None
    };
    ($flags:literal) => {
        Some($flags)
    };
}

/// Who may send a packet type.
#[derive(PartialEq, Eq)]
enum Direction {
    Client,
    Server,
    Both,
    Neither,
}

packets! { packet_type }

impl PacketType {
    /// The number in the high half of the first byte: 1 to 15.
    pub const fn get(self) -> u8 {
        self as u8
    }

    /// The first byte of a packet with these flags.
    pub(crate) const fn first_byte(self, flags: u8) -> u8 {
        (self as u8) * 16 + flags
    }

    /// Whether the type answers another by its Packet Identifier.
    pub(crate) const fn is_acknowledgement(self) -> bool {
        matches!(
            self,
            Self::PubAck | Self::PubRec | Self::PubRel | Self::PubComp | Self::SubAck | Self::UnsubAck
        )
    }

    /// Whether that version has the type at all: 3.x has no AUTH.
    ///
    /// ```
    /// use mqtt_wire::{PacketType, Version};
    ///
    /// assert!(PacketType::Auth.exists_in(Version::V5));
    /// assert!(!PacketType::Auth.exists_in(Version::V311)); // 15 is reserved there
    /// ```
    pub const fn exists_in(self, version: Version) -> bool {
        !matches!(self.direction(version), Direction::Neither)
    }

    /// Whether that side may send the type.
    ///
    /// ```
    /// use mqtt_wire::{PacketType, Sender, Version};
    ///
    /// // A server says goodbye in 5.0 only.
    /// assert!(PacketType::Disconnect.may_be_sent_by(Sender::Server, Version::V5));
    /// assert!(!PacketType::Disconnect.may_be_sent_by(Sender::Server, Version::V311));
    /// ```
    pub const fn may_be_sent_by(self, sender: Sender, version: Version) -> bool {
        match self.direction(version) {
            Direction::Both => true,
            Direction::Client => matches!(sender, Sender::Client),
            Direction::Server => matches!(sender, Sender::Server),
            Direction::Neither => false,
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
