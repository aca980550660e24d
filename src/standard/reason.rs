//! Reason codes: Table 2-6 and tables 3-1 to 3-11 of 5.0, and how the return codes of 3.x stand among them.

use core::fmt;

use super::{PacketType, QoS, Sender, Version};

/// A set of packet types.
type Packets = u16;

const fn bit(packet: PacketType) -> Packets {
    1 << packet as u16
}

const NONE: Packets = 0;
const CONNACK: Packets = bit(PacketType::ConnAck);
/// PUBACK and PUBREC share their codes, as do PUBREL and PUBCOMP.
const PUBACK: Packets = bit(PacketType::PubAck) + bit(PacketType::PubRec);
const PUBREL: Packets = bit(PacketType::PubRel) + bit(PacketType::PubComp);
const SUBACK: Packets = bit(PacketType::SubAck);
const UNSUBACK: Packets = bit(PacketType::UnsubAck);
const DISCONNECT: Packets = bit(PacketType::Disconnect);
const AUTH: Packets = bit(PacketType::Auth);

/// One row a code: number, constant, name, the packets of a client and those of a server that may carry it.
macro_rules! reason_codes {
    ($($code:literal $constant:ident $name:literal client $($client:ident)|+; server $($server:ident)|+;)+) => {
        impl ReasonCode {
            $(#[doc = concat!($name, ".")] pub const $constant: Self = Self($code);)+

            /// Every code of the standard, in order. (0x00, 0x01 and 0x02 have further names: see
            /// [`ReasonCode::name_in`].)
            pub const ALL: &'static [Self] = &[$(Self::$constant,)+];

            /// The standard's name; `None` for a code it does not list. 0x00 is `Success`.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($code => Some($name),)+ _ => None }
            }

            /// The packets of a client and of a server that may carry the code.
            const fn listed(self) -> (Packets, Packets) {
                match self.0 { $($code => ($($client)|+, $($server)|+),)+ _ => (NONE, NONE) }
            }
        }
    };
}

/// A Reason Code of MQTT 5.0 (section 2.4): below 0x80 success, from 0x80 on failure.
///
/// The return codes of 3.x are part of it: CONNACK's 1 to 5 are decoded as the code of 5.0 that says the same
/// ([`UNSUPPORTED_PROTOCOL_VERSION`](Self::UNSUPPORTED_PROTOCOL_VERSION) and so on) and encoded back
/// ([`ReasonCode::from_return_code`]), so that [`is_error`](Self::is_error) is right in every version.
///
/// ```
/// use mqtt_wire::{PacketType, ReasonCode};
///
/// let code = ReasonCode::new(0x87);
/// assert_eq!(code, ReasonCode::NOT_AUTHORIZED);
/// assert!(code.is_error());
/// assert_eq!(code.name(), Some("Not authorized"));
/// assert_eq!(ReasonCode::SUCCESS.name_in(PacketType::Disconnect), Some("Normal disconnection"));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonCode(u8);

reason_codes! {
    0x00 SUCCESS                       "Success"                       client PUBACK | PUBREL | DISCONNECT; server CONNACK | PUBACK | PUBREL | SUBACK | UNSUBACK | DISCONNECT | AUTH;
    0x01 GRANTED_QOS_1                 "Granted QoS 1"                 client NONE;              server SUBACK;
    0x02 GRANTED_QOS_2                 "Granted QoS 2"                 client NONE;              server SUBACK;
    0x04 DISCONNECT_WITH_WILL_MESSAGE  "Disconnect with Will Message"  client DISCONNECT;        server NONE;
    0x10 NO_MATCHING_SUBSCRIBERS       "No matching subscribers"       client NONE;              server PUBACK;
    0x11 NO_SUBSCRIPTION_EXISTED       "No subscription existed"       client NONE;              server UNSUBACK;
    0x18 CONTINUE_AUTHENTICATION       "Continue authentication"       client AUTH;              server AUTH;
    0x19 RE_AUTHENTICATE               "Re-authenticate"               client AUTH;              server NONE;
    0x80 UNSPECIFIED_ERROR             "Unspecified error"             client PUBACK | DISCONNECT; server CONNACK | PUBACK | SUBACK | UNSUBACK | DISCONNECT;
    0x81 MALFORMED_PACKET              "Malformed Packet"              client DISCONNECT;        server CONNACK | DISCONNECT;
    0x82 PROTOCOL_ERROR                "Protocol Error"                client DISCONNECT;        server CONNACK | DISCONNECT;
    0x83 IMPLEMENTATION_SPECIFIC_ERROR "Implementation specific error" client PUBACK | DISCONNECT; server CONNACK | PUBACK | SUBACK | UNSUBACK | DISCONNECT;
    0x84 UNSUPPORTED_PROTOCOL_VERSION  "Unsupported Protocol Version"  client NONE;              server CONNACK;
    0x85 CLIENT_IDENTIFIER_NOT_VALID   "Client Identifier not valid"   client NONE;              server CONNACK;
    0x86 BAD_USER_NAME_OR_PASSWORD     "Bad User Name or Password"     client NONE;              server CONNACK;
    0x87 NOT_AUTHORIZED                "Not authorized"                client PUBACK;            server CONNACK | PUBACK | SUBACK | UNSUBACK | DISCONNECT;
    0x88 SERVER_UNAVAILABLE            "Server unavailable"            client NONE;              server CONNACK;
    0x89 SERVER_BUSY                   "Server busy"                   client NONE;              server CONNACK | DISCONNECT;
    0x8A BANNED                        "Banned"                        client NONE;              server CONNACK;
    0x8B SERVER_SHUTTING_DOWN          "Server shutting down"          client NONE;              server DISCONNECT;
    // Table 2-6 has 0x8C for DISCONNECT, Table 3-10 has not.
    0x8C BAD_AUTHENTICATION_METHOD     "Bad authentication method"     client NONE;              server CONNACK | DISCONNECT;
    0x8D KEEP_ALIVE_TIMEOUT            "Keep Alive timeout"            client NONE;              server DISCONNECT;
    0x8E SESSION_TAKEN_OVER            "Session taken over"            client NONE;              server DISCONNECT;
    0x8F TOPIC_FILTER_INVALID          "Topic Filter invalid"          client NONE;              server SUBACK | UNSUBACK | DISCONNECT;
    0x90 TOPIC_NAME_INVALID            "Topic Name invalid"            client PUBACK | DISCONNECT; server CONNACK | PUBACK | DISCONNECT;
    0x91 PACKET_IDENTIFIER_IN_USE      "Packet Identifier in use"      client PUBACK;            server PUBACK | SUBACK | UNSUBACK;
    0x92 PACKET_IDENTIFIER_NOT_FOUND   "Packet Identifier not found"   client PUBREL;            server PUBREL;
    0x93 RECEIVE_MAXIMUM_EXCEEDED      "Receive Maximum exceeded"      client DISCONNECT;        server DISCONNECT;
    0x94 TOPIC_ALIAS_INVALID           "Topic Alias invalid"           client DISCONNECT;        server DISCONNECT;
    0x95 PACKET_TOO_LARGE              "Packet too large"              client DISCONNECT;        server CONNACK | DISCONNECT;
    0x96 MESSAGE_RATE_TOO_HIGH         "Message rate too high"         client DISCONNECT;        server DISCONNECT;
    0x97 QUOTA_EXCEEDED                "Quota exceeded"                client PUBACK | DISCONNECT; server CONNACK | PUBACK | SUBACK | DISCONNECT;
    0x98 ADMINISTRATIVE_ACTION         "Administrative action"         client DISCONNECT;        server DISCONNECT;
    0x99 PAYLOAD_FORMAT_INVALID        "Payload format invalid"        client PUBACK | DISCONNECT; server CONNACK | PUBACK | DISCONNECT;
    0x9A RETAIN_NOT_SUPPORTED          "Retain not supported"          client NONE;              server CONNACK | DISCONNECT;
    // Table 3-10 gives 0x9B to the server alone, section 3.3.4 has the client send it.
    0x9B QOS_NOT_SUPPORTED             "QoS not supported"             client DISCONNECT;        server CONNACK | DISCONNECT;
    0x9C USE_ANOTHER_SERVER            "Use another server"            client NONE;              server CONNACK | DISCONNECT;
    0x9D SERVER_MOVED                  "Server moved"                  client NONE;              server CONNACK | DISCONNECT;
    0x9E SHARED_SUBSCRIPTIONS_NOT_SUPPORTED "Shared Subscriptions not supported" client NONE;    server SUBACK | DISCONNECT;
    0x9F CONNECTION_RATE_EXCEEDED      "Connection rate exceeded"      client NONE;              server CONNACK | DISCONNECT;
    0xA0 MAXIMUM_CONNECT_TIME          "Maximum connect time"          client NONE;              server DISCONNECT;
    0xA1 SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED "Subscription Identifiers not supported" client NONE; server SUBACK | DISCONNECT;
    0xA2 WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED "Wildcard Subscriptions not supported" client NONE; server SUBACK | DISCONNECT;
}

/// For each number the packets of a client and of a server that may carry the code. (A look-up is shorter than the jump
/// table of a match.)
static PACKETS: [[Packets; 2]; 128] = {
    let mut table = [[NONE; 2]; 128];
    let mut code = 0_u8;
    loop {
        let (client, server) = ReasonCode(code).listed();
        match row(code) {
            Some(row) => table[row] = [client, server],
            None => assert!(client == NONE && server == NONE),
        }
        match code.checked_add(1) {
            Some(next) => code = next,
            None => break table,
        }
    }
};

/// The row of a code in the table, which leaves out the upper halves of successes and of failures: none is listed there.
const fn row(code: u8) -> Option<usize> {
    if code & 0x40 == 0 { Some((code >> 7) as usize * 64 + (code & 0x3F) as usize) } else { None }
}

/// CONNACK's return codes 0 to 5 of 3.x (Table 3.1 of 3.1.1) in the vocabulary of 5.0.
const RETURN_CODES: [ReasonCode; 6] = [
    ReasonCode::SUCCESS,
    ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
    ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
    ReasonCode::SERVER_UNAVAILABLE,
    ReasonCode::BAD_USER_NAME_OR_PASSWORD,
    ReasonCode::NOT_AUTHORIZED,
];

impl ReasonCode {
    /// 0x00 in DISCONNECT.
    pub const NORMAL_DISCONNECTION: Self = Self::SUCCESS;
    /// 0x00 in SUBACK.
    pub const GRANTED_QOS_0: Self = Self::SUCCESS;

    /// The code of that number, whether the standard lists it or not.
    pub const fn new(code: u8) -> Self {
        Self(code)
    }

    /// The code with which SUBACK grants that QoS.
    ///
    /// ```
    /// use mqtt_wire::{QoS, ReasonCode};
    ///
    /// assert_eq!(ReasonCode::granted(QoS::AtLeastOnce), ReasonCode::GRANTED_QOS_1);
    /// ```
    pub const fn granted(qos: QoS) -> Self {
        Self(qos.get())
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether the code tells of a failure: 0x80 or more.
    ///
    /// ```
    /// use mqtt_wire::ReasonCode;
    ///
    /// assert!(ReasonCode::NOT_AUTHORIZED.is_error());
    /// // Not an error: the message was taken, and nobody has subscribed to it.
    /// assert!(!ReasonCode::NO_MATCHING_SUBSCRIBERS.is_error());
    /// ```
    pub const fn is_error(self) -> bool {
        self.0 >= 0x80
    }

    /// The standard's name for the code in that packet: 0x00 is `Normal disconnection` in DISCONNECT and
    /// `Granted QoS 0` in SUBACK.
    ///
    /// ```
    /// use mqtt_wire::{PacketType, ReasonCode};
    ///
    /// let zero = ReasonCode::new(0);
    /// assert_eq!(zero.name_in(PacketType::SubAck), Some("Granted QoS 0"));
    /// assert_eq!(zero.name_in(PacketType::PubAck), Some("Success"));
    /// ```
    pub const fn name_in(self, packet: PacketType) -> Option<&'static str> {
        match (self.0, packet) {
            (0x00, PacketType::Disconnect) => Some("Normal disconnection"),
            (0x00, PacketType::SubAck) => Some("Granted QoS 0"),
            _ => self.name(),
        }
    }

    /// Whether a packet of that type, version and sender may carry the code; without a sender, whether that of
    /// either side may. In 3.x only CONNACK and SUBACK have codes.
    ///
    /// ```
    /// use mqtt_wire::{PacketType, ReasonCode, Sender, Version};
    ///
    /// let code = ReasonCode::SERVER_BUSY;
    /// assert!(code.is_allowed(PacketType::ConnAck, Version::V5, Some(Sender::Server)));
    /// assert!(!code.is_allowed(PacketType::PubAck, Version::V5, None));
    /// ```
    pub fn is_allowed(self, packet: PacketType, version: Version, sender: Option<Sender>) -> bool {
        let listed = match version {
            Version::V5 => true,
            _ if packet == PacketType::ConnAck => self.to_return_code().is_some(),
            Version::V311 => matches!(self.0, 0..=2 | 0x80),
            Version::V31 => matches!(self.0, 0..=2),
        };
        listed && self.is_listed(packet, sender)
    }

    /// Whether the tables of 5.0 have the code for that packet of that side, or of either.
    #[inline(always)]
    pub(crate) fn is_listed(self, packet: PacketType, sender: Option<Sender>) -> bool {
        let [client, server] = row(self.0).map_or([NONE; 2], |row| PACKETS[row]);
        let packets = match sender {
            Some(Sender::Client) => client,
            Some(Sender::Server) => server,
            None => client | server,
        };
        packets & bit(packet) != 0
    }

    /// What a CONNACK return code of 3.x (0 to 5) means in the vocabulary of 5.0; `None` for a reserved one.
    ///
    /// ```
    /// use mqtt_wire::ReasonCode;
    ///
    /// // "Connection refused, not authorized" of 3.1.1.
    /// assert_eq!(ReasonCode::from_return_code(5), Some(ReasonCode::NOT_AUTHORIZED));
    /// assert_eq!(ReasonCode::NOT_AUTHORIZED.to_return_code(), Some(5));
    /// assert_eq!(ReasonCode::QUOTA_EXCEEDED.to_return_code(), None);
    /// ```
    pub fn from_return_code(code: u8) -> Option<Self> {
        RETURN_CODES.get(usize::from(code)).copied()
    }

    /// The CONNACK return code of 3.x that says the same, if there is one.
    ///
    /// ```
    /// use mqtt_wire::ReasonCode;
    ///
    /// // A server that decides in terms of 5.0 and answers a client of 3.1.1.
    /// assert_eq!(ReasonCode::BAD_USER_NAME_OR_PASSWORD.to_return_code(), Some(4));
    /// assert_eq!(ReasonCode::BANNED.to_return_code(), None); // 5, not authorized, says it best
    /// ```
    pub fn to_return_code(self) -> Option<u8> {
        (0..).zip(RETURN_CODES).find(|(_, code)| *code == self).map(|(n, _)| n)
    }
}

impl From<u8> for ReasonCode {
    fn from(code: u8) -> Self {
        Self::new(code)
    }
}

impl From<ReasonCode> for u8 {
    fn from(code: ReasonCode) -> Self {
        code.get()
    }
}

/// The number, and the name if there is one: `ReasonCode(0x87 Not authorized)`.
impl fmt::Debug for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "ReasonCode(0x{:02X} {name})", self.0),
            None => write!(f, "ReasonCode(0x{:02X})", self.0),
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "0x{:02X}", self.0),
        }
    }
}
