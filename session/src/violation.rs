//! The rules between packets that a peer can break.

use core::fmt;

use mqtt_wire::{ReasonCode, Sender, Version};

/// One row a rule: name, reason code, label in 3.1.1, label in 5.0, message. `U-` and a section stand for what the
/// standard states without a number.
macro_rules! rules {
    ($($name:ident $code:ident $v3:literal $v5:literal $text:literal;)+) => {
        /// A rule between packets that a peer has broken.
        ///
        /// Each variant shows when it is broken, the label of the rule in either standard, and the reason code with which the peer may
        /// be told. [`requirement_of`](Self::requirement_of) knows what is numbered by side.
        ///
        /// ```
        /// use mqtt_session::SessionRule;
        /// use mqtt_wire::{ReasonCode, Version};
        ///
        /// let rule = SessionRule::SecondConnect;
        /// assert_eq!(rule.requirement(Version::V5), "MQTT-3.1.0-2");
        /// assert_eq!(rule.reason_code(), ReasonCode::PROTOCOL_ERROR);
        /// println!("{rule}");
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum SessionRule { $(
            #[doc = concat!("Broken when ", $text, ".")]
            ///
            #[doc = concat!("3.1.1: `[", $v3, "]`. 5.0: `[", $v5, "]`. Answer: [`ReasonCode::", stringify!($code), "`].")]
            $name,
        )+ }

        impl SessionRule {
            /// Every rule, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name, as in the source: `SecondConnect`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            const fn row(self) -> (ReasonCode, &'static str, &'static str, &'static str) {
                match self { $(Self::$name => (ReasonCode::$code, $v3, $v5, $text),)+ }
            }
        }
    };
}

rules! {
    SecondConnect        PROTOCOL_ERROR      "MQTT-3.1.0-2"  "MQTT-3.1.0-2"  "a client sends CONNECT again";
    SecondConnAck        PROTOCOL_ERROR      "U-3.2"         "MQTT-3.2.0-2"  "a server sends CONNACK again";
    ConnAckFirst         PROTOCOL_ERROR      "MQTT-3.2.0-1"  "MQTT-3.2.0-1"  "a server sends another packet before CONNACK";
    SessionNotKnown      PROTOCOL_ERROR      "U-3.2.2.2"     "MQTT-3.2.2-4"  "the server has a session of which the client has no state";
    SessionNotCleared    PROTOCOL_ERROR      "MQTT-3.2.2-1"  "MQTT-3.2.2-2"  "the server has a session after a clean start";
    ReceiveMaximum       RECEIVE_MAXIMUM_EXCEEDED "U-3.3.4"  "U-3.3.4"       "more messages are under way than the receiver's Receive Maximum allows";
    TopicAliasRange      TOPIC_ALIAS_INVALID "U-3.3.2.3.4"   "U-3.3.2.3.4"   "a topic alias is larger than the receiver's Topic Alias Maximum";
    TopicAliasUnknown    PROTOCOL_ERROR      "U-3.3.2.3.4-a" "U-3.3.2.3.4-a" "a topic alias has no name on this connection";
    QoSNotSupported      QOS_NOT_SUPPORTED   "MQTT-3.2.2-11" "MQTT-3.2.2-11" "a client publishes at a QoS above the server's Maximum QoS";
    RetainNotSupported   RETAIN_NOT_SUPPORTED "MQTT-3.2.2-14" "MQTT-3.2.2-14" "a client publishes with RETAIN to a server without retained messages";
    WildcardsNotSupported WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED "U-3.2.2.3.11" "U-3.2.2.3.11" "a client subscribes with a wildcard to a server without them";
    IdentifiersNotSupported SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED "U-3.2.2.3.12" "U-3.2.2.3.12" "a client sends a Subscription Identifier to a server without them";
    SharedNotSupported   SHARED_SUBSCRIPTIONS_NOT_SUPPORTED "U-3.2.2.3.13" "U-3.2.2.3.13" "a client sends a shared subscription to a server without them";
    AuthNotAsked         PROTOCOL_ERROR      "U-4.12"        "MQTT-4.12.0-7" "AUTH is sent although CONNECT has no Authentication Method";
    AuthMethod           PROTOCOL_ERROR      "U-4.12"        "MQTT-4.12.0-5" "the Authentication Method is not that of CONNECT";
    AuthOutOfTurn        PROTOCOL_ERROR      "U-4.12"        "U-4.12"        "AUTH comes out of turn, or with a reason code that is the other side's";
    AuthPending          PROTOCOL_ERROR      "U-4.12"        "MQTT-3.1.2-30" "a client that authenticates sends another packet before CONNACK";
    WrongAcknowledgement PROTOCOL_ERROR      "MQTT-3.3.4-1"  "MQTT-3.3.4-1"  "a message is acknowledged as one of another QoS, or out of turn";
    CodesMissing         PROTOCOL_ERROR      "MQTT-3.8.4-5"  "MQTT-3.8.4-6"  "an acknowledgement has not one reason code for each topic filter";
    SessionExpiry        PROTOCOL_ERROR      "U-3.14.2.2.2"  "U-3.14.2.2.2"  "DISCONNECT prolongs a session that CONNECT let end with its connection";
    KeepAlive            KEEP_ALIVE_TIMEOUT  "MQTT-3.1.2-24" "MQTT-3.1.2-22" "a client is silent for one and a half times its keep alive";
    NoPingResp           UNSPECIFIED_ERROR   "U-3.1.2.10"    "U-3.1.2.10"    "a server does not answer PINGREQ in time";
    NoConnAck            UNSPECIFIED_ERROR   "U-3.1.4"       "U-3.1.4"       "a server does not answer CONNECT in time";
    NoRoom               QUOTA_EXCEEDED      "U-4.3"         "U-4.3"         "there is no slot for what the peer sends";
    NameTooLong          QUOTA_EXCEEDED      "U-3.3.2.3.4-b" "U-3.3.2.3.4-b" "there is no room for the name of the topic alias";
    // What a watcher sees; a link takes it as it comes, or cannot get into it.
    AfterDisconnect      PROTOCOL_ERROR      "MQTT-3.14.4-2" "MQTT-3.14.4-1" "a side sends a packet after its DISCONNECT";
    AfterRefusal         PROTOCOL_ERROR      "MQTT-3.2.2-5"  "MQTT-3.2.2-7"  "a server sends a packet after a CONNACK that refuses";
    PacketTooLarge       PACKET_TOO_LARGE    "U-3.1.2.11.4"  "MQTT-3.1.2-24" "a packet is larger than the receiver's Maximum Packet Size";
    IdentifierInUse      PACKET_IDENTIFIER_IN_USE "MQTT-2.3.1-2" "MQTT-2.2.1-3" "a packet identifier is taken while it is in use";
    UnexpectedDup        PROTOCOL_ERROR      "MQTT-4.3.2-1"  "MQTT-4.3.2-2"  "a message is sent for the first time with DUP";
    SentAgain            PROTOCOL_ERROR      "U-4.4"         "MQTT-4.4.0-1"  "a message is sent again on the same connection";
    SentAfterRelease     PROTOCOL_ERROR      "MQTT-4.3.3-1"  "MQTT-4.3.3-6"  "a PUBLISH is sent again after its PUBREL";
    UnknownAcknowledgement PACKET_IDENTIFIER_NOT_FOUND "MQTT-2.3.1-6" "MQTT-2.2.1-5" "an acknowledgement has the identifier of no packet that waits for it";
    AcknowledgementOrder PROTOCOL_ERROR      "MQTT-4.6.0-2"  "MQTT-4.6.0-2"  "a client acknowledges in another order than messages came";
    ProblemInformation   PROTOCOL_ERROR      "U-3.1.2.11.7"  "MQTT-3.1.2-29" "a server sends a Reason String or a User Property that the client does not want";
    ResponseInformation  PROTOCOL_ERROR      "U-3.1.2.11.6"  "MQTT-3.1.2-28" "a server sends Response Information that the client has not asked for";
    ClientIdNotAssigned  PROTOCOL_ERROR      "U-3.1.3.1"     "MQTT-3.2.2-16" "CONNACK has no Assigned Client Identifier although CONNECT left the choice to the server";
    PacketTooSmall       PACKET_TOO_LARGE    "U-3.1.2.11.4"  "U-3.1.2.11.4"  "not even PINGREQ fits into the peer's Maximum Packet Size";
}

impl SessionRule {
    /// The reason code of MQTT 5.0 with which the peer may be told.
    ///
    /// ```
    /// use mqtt_session::SessionRule;
    /// use mqtt_wire::{Disconnect, ReasonCode};
    ///
    /// // What a server says before it closes.
    /// let goodbye = Disconnect::new(SessionRule::KeepAlive.reason_code());
    /// assert_eq!(goodbye.reason_code, ReasonCode::KEEP_ALIVE_TIMEOUT);
    /// ```
    pub const fn reason_code(self) -> ReasonCode {
        self.row().0
    }

    /// The rule by its label in that version's standard, such as `MQTT-3.1.0-2`; `U-` and a section stand for a rule
    /// that the standard states without a number, or that is a limit of this side.
    ///
    /// ```
    /// use mqtt_session::SessionRule;
    /// use mqtt_wire::Version;
    ///
    /// let rule = SessionRule::IdentifierInUse;
    /// assert_eq!(rule.requirement(Version::V311), "MQTT-2.3.1-2");
    /// assert_eq!(rule.requirement(Version::V5), "MQTT-2.2.1-3");
    /// assert_eq!(SessionRule::NoPingResp.requirement(Version::V5), "U-3.1.2.10"); // it has no number
    /// ```
    pub fn requirement(self, version: Version) -> &'static str {
        if version == Version::V5 { self.row().2 } else { self.row().1 }
    }
}

impl SessionRule {
    /// The rule by its label for that sender: some have a number for each side.
    ///
    /// ```
    /// use mqtt_session::SessionRule;
    /// use mqtt_wire::{Sender, Version};
    ///
    /// let rule = SessionRule::ReceiveMaximum;
    /// assert_eq!(rule.requirement_of(Version::V5, Sender::Client), "MQTT-3.3.4-7");
    /// assert_eq!(rule.requirement_of(Version::V5, Sender::Server), "MQTT-3.3.4-9");
    /// ```
    pub fn requirement_of(self, version: Version, sender: Sender) -> &'static str {
        match (self, sender) {
            _ if version != Version::V5 => self.requirement(version),
            (Self::ReceiveMaximum, Sender::Client) => "MQTT-3.3.4-7",
            (Self::ReceiveMaximum, Sender::Server) => "MQTT-3.3.4-9",
            (Self::TopicAliasRange, Sender::Client) => "MQTT-3.2.2-17",
            (Self::TopicAliasRange, Sender::Server) => "MQTT-3.1.2-26",
            (Self::PacketTooLarge, Sender::Client) => "MQTT-3.2.2-15",
            (Self::AuthNotAsked, Sender::Server) => "MQTT-4.12.0-6",
            _ => self.requirement(version),
        }
    }
}

impl fmt::Display for SessionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().3)
    }
}

/// What a peer has done wrong. After it the link does nothing but close.
///
/// ```
/// use mqtt_session::{SessionRule, Violation};
/// use mqtt_wire::Version;
///
/// // As `HandleError` brings it.
/// let violation = Violation { rule: SessionRule::KeepAlive, version: Version::V311 };
/// assert_eq!(violation.requirement(), "MQTT-3.1.2-24");
/// println!("{violation}");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The broken rule.
    pub rule: SessionRule,
    /// The version by which it was judged.
    pub version: Version,
}

impl Violation {
    /// The reason code of MQTT 5.0 with which the peer may be told.
    pub const fn reason_code(&self) -> ReasonCode {
        self.rule.reason_code()
    }

    /// The rule by its label in the standard.
    pub fn requirement(&self) -> &'static str {
        self.rule.requirement(self.version)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.rule, self.requirement())
    }
}

impl core::error::Error for Violation {}
