//! The standards' tables, typed from the standards: packet types, properties, reason codes.
//!
//! Nothing here is taken from the library: where the two differ, the suite finds a fault in one of them.

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    V31,
    V311,
    V5,
}

pub(crate) use Version::{V5, V31, V311};

impl Version {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            V31 => "3.1",
            V311 => "3.1.1",
            V5 => "5.0",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    Client,
    Server,
}

/// The control packet types by number (Table 2.1 of 3.1.1, Table 2-1 of 5.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    Connect = 1,
    ConnAck,
    Publish,
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    Subscribe,
    SubAck,
    Unsubscribe,
    UnsubAck,
    PingReq,
    PingResp,
    Disconnect,
    Auth,
}

use Type::{
    Auth, ConnAck, Connect, Disconnect, PingReq, PingResp, PubAck, PubComp, PubRec, PubRel, Publish, SubAck,
    Subscribe, UnsubAck, Unsubscribe,
};

impl Type {
    pub(crate) const ALL: [Self; 15] = [
        Connect,
        ConnAck,
        Publish,
        PubAck,
        PubRec,
        PubRel,
        PubComp,
        Subscribe,
        SubAck,
        Unsubscribe,
        UnsubAck,
        PingReq,
        PingResp,
        Disconnect,
        Auth,
    ];

    pub(crate) fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|this| *this as u8 == number)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Connect => "CONNECT",
            ConnAck => "CONNACK",
            Publish => "PUBLISH",
            PubAck => "PUBACK",
            PubRec => "PUBREC",
            PubRel => "PUBREL",
            PubComp => "PUBCOMP",
            Subscribe => "SUBSCRIBE",
            SubAck => "SUBACK",
            Unsubscribe => "UNSUBSCRIBE",
            UnsubAck => "UNSUBACK",
            PingReq => "PINGREQ",
            PingResp => "PINGRESP",
            Disconnect => "DISCONNECT",
            Auth => "AUTH",
        }
    }

    /// The flags of the fixed header (Table 2.2 of 3.1.1, Table 2-2 of 5.0); PUBLISH has its own.
    pub(crate) const fn flags(self) -> Option<u8> {
        match self {
            Publish => None,
            PubRel | Subscribe | Unsubscribe => Some(0b0010),
            _ => Some(0),
        }
    }

    /// Whether the version has the type, and who may send it: the client, the server.
    pub(crate) const fn senders(self, version: Version) -> (bool, bool) {
        match self {
            Connect | Subscribe | Unsubscribe | PingReq => (true, false),
            ConnAck | SubAck | UnsubAck | PingResp => (false, true),
            Publish | PubAck | PubRec | PubRel | PubComp => (true, true),
            Disconnect => (true, matches!(version, V5)),
            Auth => (matches!(version, V5), matches!(version, V5)),
        }
    }

    pub(crate) const fn exists_in(self, version: Version) -> bool {
        !matches!((self, version), (Auth, V31 | V311))
    }
}

/// How a property's value stands on the wire (section 2.2.2.2 of 5.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Byte,
    Two,
    Four,
    Variable,
    Text,
    Binary,
    Pair,
}

/// Which values a property may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    Any,
    /// 0 or 1.
    Bit,
    NotZero,
    /// A Topic Name.
    Topic,
}

/// Where properties may stand: the packets that have some, and the Will of CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Packet(Type),
    Will,
}

impl Place {
    pub(crate) const ALL: [Self; 14] = [
        Self::Packet(Connect),
        Self::Will,
        Self::Packet(ConnAck),
        Self::Packet(Publish),
        Self::Packet(PubAck),
        Self::Packet(PubRec),
        Self::Packet(PubRel),
        Self::Packet(PubComp),
        Self::Packet(Subscribe),
        Self::Packet(SubAck),
        Self::Packet(Unsubscribe),
        Self::Packet(UnsubAck),
        Self::Packet(Disconnect),
        Self::Packet(Auth),
    ];

    /// The identifiers that may stand here, packet by packet as chapter 3 of 5.0 goes through them.
    pub(crate) const fn properties(self) -> &'static [u8] {
        match self {
            Self::Will => &[1, 2, 3, 8, 9, 24, 38],
            Self::Packet(packet) => match packet {
                Connect => &[17, 21, 22, 23, 25, 33, 34, 38, 39],
                ConnAck => &[17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 38, 39, 40, 41, 42],
                Publish => &[1, 2, 3, 8, 9, 11, 35, 38],
                PubAck | PubRec | PubRel | PubComp | SubAck | UnsubAck => &[31, 38],
                Subscribe => &[11, 38],
                Unsubscribe => &[38],
                Disconnect => &[17, 28, 31, 38],
                Auth => &[21, 22, 31, 38],
                PingReq | PingResp => &[],
            },
        }
    }

    /// Whether a property may stand here more than once.
    pub(crate) fn repeats(self, id: u8) -> bool {
        id == 38 || (id == 11 && self == Self::Packet(Publish))
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Will => "will",
            Self::Packet(packet) => packet.name(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) id: u8,
    pub(crate) name: &'static str,
    pub(crate) wire: Wire,
    pub(crate) range: Range,
}

const fn row(id: u8, name: &'static str, wire: Wire, range: Range) -> Property {
    Property { id, name, wire, range }
}

/// Table 2-4 of 5.0. The ranges are from each property's own section.
pub(crate) const PROPERTIES: [Property; 27] = [
    row(1, "Payload Format Indicator", Wire::Byte, Range::Bit),
    row(2, "Message Expiry Interval", Wire::Four, Range::Any),
    row(3, "Content Type", Wire::Text, Range::Any),
    row(8, "Response Topic", Wire::Text, Range::Topic),
    row(9, "Correlation Data", Wire::Binary, Range::Any),
    row(11, "Subscription Identifier", Wire::Variable, Range::NotZero),
    row(17, "Session Expiry Interval", Wire::Four, Range::Any),
    row(18, "Assigned Client Identifier", Wire::Text, Range::Any),
    row(19, "Server Keep Alive", Wire::Two, Range::Any),
    row(21, "Authentication Method", Wire::Text, Range::Any),
    row(22, "Authentication Data", Wire::Binary, Range::Any),
    row(23, "Request Problem Information", Wire::Byte, Range::Bit),
    row(24, "Will Delay Interval", Wire::Four, Range::Any),
    row(25, "Request Response Information", Wire::Byte, Range::Bit),
    row(26, "Response Information", Wire::Text, Range::Any),
    row(28, "Server Reference", Wire::Text, Range::Any),
    row(31, "Reason String", Wire::Text, Range::Any),
    row(33, "Receive Maximum", Wire::Two, Range::NotZero),
    row(34, "Topic Alias Maximum", Wire::Two, Range::Any),
    row(35, "Topic Alias", Wire::Two, Range::NotZero),
    row(36, "Maximum QoS", Wire::Byte, Range::Bit),
    row(37, "Retain Available", Wire::Byte, Range::Bit),
    row(38, "User Property", Wire::Pair, Range::Any),
    row(39, "Maximum Packet Size", Wire::Four, Range::NotZero),
    row(40, "Wildcard Subscription Available", Wire::Byte, Range::Bit),
    row(41, "Subscription Identifier Available", Wire::Byte, Range::Bit),
    row(42, "Shared Subscription Available", Wire::Byte, Range::Bit),
];

pub(crate) fn property(id: u8) -> Option<&'static Property> {
    PROPERTIES.iter().find(|row| row.id == id)
}

/// The reason codes with the standard's names (Table 2-6 of 5.0). 0x00 has other names in some packets.
pub(crate) const REASON_CODES: [(u8, &str); 43] = [
    (0x00, "Success"),
    (0x01, "Granted QoS 1"),
    (0x02, "Granted QoS 2"),
    (0x04, "Disconnect with Will Message"),
    (0x10, "No matching subscribers"),
    (0x11, "No subscription existed"),
    (0x18, "Continue authentication"),
    (0x19, "Re-authenticate"),
    (0x80, "Unspecified error"),
    (0x81, "Malformed Packet"),
    (0x82, "Protocol Error"),
    (0x83, "Implementation specific error"),
    (0x84, "Unsupported Protocol Version"),
    (0x85, "Client Identifier not valid"),
    (0x86, "Bad User Name or Password"),
    (0x87, "Not authorized"),
    (0x88, "Server unavailable"),
    (0x89, "Server busy"),
    (0x8A, "Banned"),
    (0x8B, "Server shutting down"),
    (0x8C, "Bad authentication method"),
    (0x8D, "Keep Alive timeout"),
    (0x8E, "Session taken over"),
    (0x8F, "Topic Filter invalid"),
    (0x90, "Topic Name invalid"),
    (0x91, "Packet Identifier in use"),
    (0x92, "Packet Identifier not found"),
    (0x93, "Receive Maximum exceeded"),
    (0x94, "Topic Alias invalid"),
    (0x95, "Packet too large"),
    (0x96, "Message rate too high"),
    (0x97, "Quota exceeded"),
    (0x98, "Administrative action"),
    (0x99, "Payload format invalid"),
    (0x9A, "Retain not supported"),
    (0x9B, "QoS not supported"),
    (0x9C, "Use another server"),
    (0x9D, "Server moved"),
    (0x9E, "Shared Subscriptions not supported"),
    (0x9F, "Connection rate exceeded"),
    (0xA0, "Maximum connect time"),
    (0xA1, "Subscription Identifiers not supported"),
    (0xA2, "Wildcard Subscriptions not supported"),
];

/// The reason codes of a packet of 5.0: those that either side may send, those of the client alone, those of
/// the server alone (tables 3-1 and 3-4 to 3-11).
pub(crate) fn reason_codes(packet: Type) -> (&'static [u8], &'static [u8], &'static [u8]) {
    match packet {
        // CONNACK, SUBACK and UNSUBACK are the server's.
        ConnAck => (
            &[],
            &[],
            &[
                0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95,
                0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
            ],
        ),
        PubAck | PubRec => (&[0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99], &[], &[0x10]),
        PubRel | PubComp => (&[0x00, 0x92], &[], &[]),
        SubAck => (&[], &[], &[0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2]),
        UnsubAck => (&[], &[], &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91]),
        Disconnect => (
            // 0x9B: Table 3-10 has the server alone, section 3.3.4 has the client send it.
            &[0x00, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9B],
            &[0x04],
            // 0x8C: in Table 2-6, not in Table 3-10.
            &[0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x9A, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2],
        ),
        Auth => (&[0x18], &[0x19], &[0x00]),
        _ => (&[], &[], &[]),
    }
}

/// Whether a packet of 5.0 may carry the code: from either side, from the client, from the server.
pub(crate) fn may_carry(packet: Type, code: u8, sender: Option<Sender>) -> bool {
    let (both, client, server) = reason_codes(packet);
    both.contains(&code)
        || (client.contains(&code) && sender != Some(Sender::Server))
        || (server.contains(&code) && sender != Some(Sender::Client))
}

pub(crate) fn reason_name(code: u8) -> &'static str {
    REASON_CODES.iter().find(|(number, _)| *number == code).map_or("not a reason code", |(_, name)| name)
}
