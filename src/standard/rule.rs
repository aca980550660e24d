//! The rules that a packet can break, each with its reason code and its label in both standards.

use core::fmt;

use super::{PacketType, ReasonCode, Version};

/// One row a rule: name, reason code, rule of 3.1.1, rule of 5.0, message. A rule that the standard states
/// without a number goes by `U-` and its section. Where the label depends on the packet, see
/// [`Rule::requirement`].
macro_rules! rules {
    ($($name:ident $code:ident $v3:literal $v5:literal $text:literal;)+) => {
        /// The rule that a packet breaks.
        ///
        /// Each variant shows the text that errors print, the label of the rule in either standard, and the reason code with
        /// which a receiver may answer. Some rules are numbered by packet: [`requirement`](Self::requirement) knows. The page of
        /// [all rules](crate::guide::rules) has what each label says, and a case that breaks it.
        ///
        /// ```
        /// use mqtt_wire::{ReasonCode, Rule, Version, decode};
        ///
        /// let error = decode(&[0x36, 0], Version::V5).unwrap_err(); // QoS 3
        /// assert_eq!(error.rule(), Rule::PublishQoS3);
        /// assert_eq!(Rule::PublishQoS3.to_string(), "both QoS bits of a PUBLISH are set");
        /// assert_eq!(Rule::PublishQoS3.requirement(Version::V5, None), "MQTT-3.3.1-4");
        /// assert_eq!(Rule::PublishQoS3.reason_code(), ReasonCode::MALFORMED_PACKET);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule { $(
            #[doc = concat!("*", $text, "*")]
            ///
            #[doc = concat!("3.1.1: `[", $v3, "]`. 5.0: `[", $v5, "]`. Answer: [`ReasonCode::", stringify!($code), "`].")]
            #[doc = concat!("[All its labels, and cases](crate::guide::rules#", stringify!($name), ").")]
            $name,
        )+ }

        impl Rule {
            /// Every rule, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name of the rule, as in the source: `InvalidUtf8`.
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
    // The frame.
    ReservedPacketType     MALFORMED_PACKET  "U-2.2.1"       "U-2.1.2"       "the packet type is reserved in this version";
    ReservedFlags          MALFORMED_PACKET  "MQTT-2.2.2-2"  "MQTT-2.1.3-1"  "the flags of the fixed header are not those the packet type prescribes";
    LengthTooLong          MALFORMED_PACKET  "U-2.2.3"       "U-1.5.5"       "a variable byte integer goes on after its fourth byte";
    LengthNotShortest      MALFORMED_PACKET  "U-2.2.3-a"     "MQTT-1.5.5-1"  "a variable byte integer is not in its shortest form";
    PacketTooLarge         PACKET_TOO_LARGE  "U-2.2.3-b"     "MQTT-3.1.2-24" "the packet is larger than the limit";
    WrongDirection         PROTOCOL_ERROR    "U-2.2.1-a"     "U-2.1.2-a"     "the packet type may not be sent by this side";
    VersionUnknown         PROTOCOL_ERROR    "MQTT-3.1.0-1"  "MQTT-3.1.0-1"  "the version is unknown before a CONNECT has named it";
    UnexpectedPacket       PROTOCOL_ERROR    "MQTT-3.1.0-1"  "MQTT-3.1.0-1"  "a connection may not begin with this packet";
    Truncated              MALFORMED_PACKET  "U-1.5"         "U-1.2"         "a field reaches past the end of the block it stands in";
    TrailingBytes          MALFORMED_PACKET  "U-2.2.3-c"     "U-2.1.4"       "bytes are left after the last field";
    // Data types.
    InvalidUtf8            MALFORMED_PACKET  "MQTT-1.5.3-1"  "MQTT-1.5.4-1"  "a string is not valid UTF-8";
    NulCharacter           MALFORMED_PACKET  "MQTT-1.5.3-2"  "MQTT-1.5.4-2"  "a string holds the null character U+0000";
    DisallowedCharacter    MALFORMED_PACKET  "U-1.5.3"       "U-1.5.4"       "a string holds a control character or a non-character, which the options refuse";
    StringTooLong          MALFORMED_PACKET  "U-1.5.3-a"     "U-1.5.4-a"     "a string or binary value is longer than 65,535 bytes";
    ZeroPacketId           PROTOCOL_ERROR    "MQTT-2.3.1-1"  "MQTT-2.2.1-3"  "the packet identifier is 0";
    // CONNECT.
    ProtocolName           UNSUPPORTED_PROTOCOL_VERSION "MQTT-3.1.2-1" "MQTT-3.1.2-1" "the protocol name is none of MQTT and MQIsdp";
    ProtocolVersion        UNSUPPORTED_PROTOCOL_VERSION "MQTT-3.1.2-2" "MQTT-3.1.2-2" "the protocol version is unknown, is not that of the protocol name, or not the one expected";
    ConnectReservedFlag    MALFORMED_PACKET  "MQTT-3.1.2-3"  "MQTT-3.1.2-3"  "the reserved connect flag is set";
    WillQoS3               MALFORMED_PACKET  "MQTT-3.1.2-14" "MQTT-3.1.2-12" "the will QoS is 3";
    WillQoSWithoutWill     PROTOCOL_ERROR    "MQTT-3.1.2-13" "MQTT-3.1.2-11" "the will QoS is set without the will flag";
    WillRetainWithoutWill  PROTOCOL_ERROR    "MQTT-3.1.2-15" "MQTT-3.1.2-13" "will retain is set without the will flag";
    PasswordWithoutUserName PROTOCOL_ERROR   "MQTT-3.1.2-22" "MQTT-3.1.2-22" "there is a password without a user name, which 3.x forbids";
    ClientIdEmpty          CLIENT_IDENTIFIER_NOT_VALID "MQTT-3.1.3-8" "MQTT-3.1.3-8" "the client identifier is empty, which 3.1.1 allows with a clean session only and 3.1 never";
    ClientIdTooLong        CLIENT_IDENTIFIER_NOT_VALID "U-3.1" "U-3.1" "the client identifier is longer than the 23 characters of MQTT 3.1";
    // CONNACK.
    ConnAckReservedFlags   MALFORMED_PACKET  "U-3.2.2.1"     "MQTT-3.2.2-1"  "a reserved bit of the connect acknowledge flags is set";
    SessionPresentRefused  PROTOCOL_ERROR    "MQTT-3.2.2-4"  "MQTT-3.2.2-6"  "session present is set although the connection is refused";
    // PUBLISH.
    PublishQoS3            MALFORMED_PACKET  "MQTT-3.3.1-4"  "MQTT-3.3.1-4"  "both QoS bits of a PUBLISH are set";
    DupAtQoS0              PROTOCOL_ERROR    "MQTT-3.3.1-2"  "MQTT-3.3.1-2"  "DUP is set in a PUBLISH of QoS 0";
    TopicMissing           PROTOCOL_ERROR    "MQTT-4.7.3-1"  "U-3.3.2.1"     "the topic name is empty and no topic alias stands for it";
    PayloadFormat          PAYLOAD_FORMAT_INVALID "U-3.3.3"  "U-3.3.2.3.2"   "the payload is not the UTF-8 that the payload format indicator announces";
    // SUBSCRIBE, UNSUBSCRIBE and their acknowledgements.
    EmptyList              PROTOCOL_ERROR    "MQTT-3.8.3-3"  "MQTT-3.8.3-2"  "there is not a single topic filter or reason code";
    SubscriptionReserved   MALFORMED_PACKET  "MQTT-3.8.3-4"  "MQTT-3.8.3-5"  "a reserved bit of the subscription options is set";
    SubscriptionQoS3       PROTOCOL_ERROR    "MQTT-3.8.3-4"  "U-3.8.3.1"     "the maximum QoS of a subscription is 3";
    RetainHandling3        PROTOCOL_ERROR    "MQTT-3.8.3-4"  "U-3.8.3.1-a"   "the retain handling of a subscription is 3";
    NoLocalOnShared        PROTOCOL_ERROR    "MQTT-3.8.3-4"  "MQTT-3.8.3-4"  "no local is set on a shared subscription";
    // Properties.
    PropertyUnknown        MALFORMED_PACKET  "U-2.2.2.2"     "U-2.2.2.2"     "the property identifier is unknown";
    PropertyNotAllowed     MALFORMED_PACKET  "U-2.2.2.2-a"   "U-2.2.2.2-a"   "the property does not belong into this packet";
    PropertyRepeated       PROTOCOL_ERROR    "U-2.2.2.2-b"   "U-2.2.2.2-b"   "the property stands more than once";
    PropertyValue          PROTOCOL_ERROR    "U-2.2.2.2-c"   "U-2.2.2.2-c"   "the value of the property is not among those allowed";
    TopicAliasZero         TOPIC_ALIAS_INVALID "MQTT-3.3.2-8" "MQTT-3.3.2-8" "the topic alias is 0";
    PropertySender         PROTOCOL_ERROR    "U-2.2.2.2-d"   "U-2.2.2.2-d"   "the property may not be sent by this side in this packet";
    AuthenticationMethodMissing PROTOCOL_ERROR "U-3.15.2.2.2" "U-3.15.2.2.2" "there is no authentication method";
    // Reason codes.
    ReasonCodeNotAllowed   PROTOCOL_ERROR    "U-3.2.2.3"     "MQTT-3.2.2-8"  "the reason code is not one of this packet's";
    ReasonCodeSender       PROTOCOL_ERROR    "U-3.2.2.3"     "U-2.4"         "the reason code may not be sent by this side in this packet";
    // Topic names and filters.
    TopicEmpty             MALFORMED_PACKET  "MQTT-4.7.3-1"  "MQTT-4.7.3-1"  "a topic name or filter is empty";
    TopicNul               MALFORMED_PACKET  "MQTT-4.7.3-2"  "MQTT-4.7.3-2"  "a topic name or filter holds the null character U+0000";
    TopicTooLong           MALFORMED_PACKET  "MQTT-4.7.3-3"  "MQTT-4.7.3-3"  "a topic name or filter is longer than 65,535 bytes";
    WildcardInName         MALFORMED_PACKET  "MQTT-3.3.2-2"  "MQTT-3.3.2-2"  "a topic name holds a wildcard";
    WildcardInResponseTopic MALFORMED_PACKET "MQTT-3.3.2-14" "MQTT-3.3.2-14" "a response topic holds a wildcard";
    MultiLevelWildcard     MALFORMED_PACKET  "MQTT-4.7.1-2"  "MQTT-4.7.1-1"  "`#` is not alone in the last level of the topic filter";
    SingleLevelWildcard    MALFORMED_PACKET  "MQTT-4.7.1-3"  "MQTT-4.7.1-2"  "`+` is not alone in its level of the topic filter";
    ShareNameEmpty         MALFORMED_PACKET  "MQTT-4.8.2-1"  "MQTT-4.8.2-1"  "the share name of a shared subscription is empty";
    ShareNameWildcard      MALFORMED_PACKET  "MQTT-4.8.2-2"  "MQTT-4.8.2-2"  "the share name of a shared subscription holds a wildcard";
    ShareFilterMissing     MALFORMED_PACKET  "MQTT-4.8.2-2"  "MQTT-4.8.2-2"  "a shared subscription has no topic filter after its share name";
    SeparatorInLevel       MALFORMED_PACKET  "U-4.7.1.1"     "U-4.7.1.1"     "a level to be joined to a topic name or filter holds the separator `/`";
    // Encoding only: what the chosen version has no form for.
    NotInVersion           IMPLEMENTATION_SPECIFIC_ERROR "U-downgrade" "U-downgrade" "the value has no form in this version of the protocol";
    VersionMismatch        UNSUPPORTED_PROTOCOL_VERSION "MQTT-3.1.2-2" "MQTT-3.1.2-2" "the CONNECT is of another version than the one to encode";
}

impl Rule {
    /// The reason code of MQTT 5.0 with which a receiver may answer (section 4.13).
    ///
    /// ```
    /// use mqtt_wire::{ReasonCode, Rule};
    ///
    /// assert_eq!(Rule::PacketTooLarge.reason_code(), ReasonCode::PACKET_TOO_LARGE);
    /// assert_eq!(Rule::InvalidUtf8.reason_code(), ReasonCode::MALFORMED_PACKET);
    /// ```
    pub const fn reason_code(self) -> ReasonCode {
        self.row().0
    }

    /// The broken rule by its label in that version's standard, such as `MQTT-3.3.1-4`; `U-` and a section
    /// stand for a rule that the standard states without a number. MQTT 3.1 numbers no rules: its labels are
    /// `U-3.1` and a letter. The same label means different things in different standards.
    ///
    /// ```
    /// use mqtt_wire::{PacketType, Rule, Version};
    ///
    /// assert_eq!(Rule::NulCharacter.requirement(Version::V311, None), "MQTT-1.5.3-2");
    /// assert_eq!(Rule::NulCharacter.requirement(Version::V5, None), "MQTT-1.5.4-2");
    /// // Some rules are numbered by packet.
    /// let subscribe = Some(PacketType::Subscribe);
    /// assert_eq!(Rule::ReservedFlags.requirement(Version::V5, subscribe), "MQTT-3.8.1-1");
    /// ```
    pub fn requirement(self, version: Version, packet: Option<PacketType>) -> &'static str {
        use PacketType as P;
        if version == Version::V31 {
            return self.requirement_of_v31(packet);
        }
        let v5 = version == Version::V5;
        match (self, packet) {
            (Self::ReservedFlags, Some(P::PubRel)) => "MQTT-3.6.1-1",
            (Self::ReservedFlags, Some(P::Subscribe)) => "MQTT-3.8.1-1",
            (Self::ReservedFlags, Some(P::Unsubscribe)) => "MQTT-3.10.1-1",
            (Self::ReservedFlags, Some(P::Disconnect)) => "MQTT-3.14.1-1",
            (Self::ReservedFlags, Some(P::Auth)) => "MQTT-3.15.1-1",
            (Self::ZeroPacketId, Some(packet)) if packet.is_acknowledgement() => {
                if v5 {
                    "U-2.2.1"
                } else {
                    "U-2.3.1"
                }
            }
            (Self::EmptyList, Some(P::Unsubscribe)) => "MQTT-3.10.3-2",
            (Self::EmptyList, Some(P::SubAck)) => "U-3.9.3",
            (Self::EmptyList, Some(P::UnsubAck)) => "U-3.11.3",
            // Section 3.1.3.2.6 does not repeat for the will what 3.3.2.3.5 says for PUBLISH.
            (Self::WildcardInResponseTopic, Some(P::Connect)) => "MQTT-4.7.0-1",
            (Self::WildcardInName, Some(P::Connect) | None) if v5 => "MQTT-4.7.0-1",
            (Self::WildcardInName, Some(P::Connect) | None) => "MQTT-4.7.1-1",
            (Self::PropertySender, Some(P::Publish)) => "MQTT-3.3.4-6",
            (Self::PropertySender, Some(P::Disconnect)) => "MQTT-3.14.2-2",
            (Self::AuthenticationMethodMissing, Some(P::Connect)) => "U-3.1.2.11.10",
            (Self::ReasonCodeNotAllowed | Self::ReasonCodeSender, Some(P::SubAck)) => "MQTT-3.9.3-2",
            (Self::ReasonCodeNotAllowed | Self::ReasonCodeSender, Some(packet)) if v5 => match packet {
                P::PubAck => "MQTT-3.4.2-1",
                P::PubRec => "MQTT-3.5.2-1",
                P::PubRel => "MQTT-3.6.2-1",
                P::PubComp => "MQTT-3.7.2-1",
                P::UnsubAck => "MQTT-3.11.3-2",
                P::Disconnect => "MQTT-3.14.2-1",
                P::Auth => "MQTT-3.15.2-1",
                _ => "MQTT-3.2.2-8",
            },
            _ if v5 => self.row().2,
            _ => self.row().1,
        }
    }

    /// The rule of MQTT 3.1.
    const fn requirement_of_v31(self, packet: Option<PacketType>) -> &'static str {
        use PacketType as P;
        match self {
            Self::ClientIdEmpty | Self::ClientIdTooLong => "U-3.1",
            Self::ProtocolName | Self::ProtocolVersion | Self::VersionMismatch => "U-3.1-a",
            Self::ReservedFlags => "U-3.1-c",
            Self::ReasonCodeNotAllowed | Self::ReasonCodeSender => match packet {
                Some(P::SubAck) => "U-3.1-e",
                _ => "U-3.1-d",
            },
            Self::ReservedPacketType
            | Self::WrongDirection
            | Self::UnexpectedPacket
            | Self::VersionUnknown => "U-3.1-g",
            Self::LengthTooLong
            | Self::LengthNotShortest
            | Self::PacketTooLarge
            | Self::Truncated
            | Self::TrailingBytes => "U-3.1-h",
            Self::InvalidUtf8 | Self::NulCharacter | Self::DisallowedCharacter => "U-3.1-i",
            Self::ConnectReservedFlag
            | Self::WillQoS3
            | Self::WillQoSWithoutWill
            | Self::WillRetainWithoutWill
            | Self::PasswordWithoutUserName => "U-3.1-j",
            Self::PublishQoS3 | Self::DupAtQoS0 => "U-3.1-k",
            Self::ZeroPacketId => "U-3.1-l",
            Self::TopicMissing
            | Self::TopicEmpty
            | Self::TopicNul
            | Self::TopicTooLong
            | Self::WildcardInName
            | Self::MultiLevelWildcard
            | Self::SingleLevelWildcard => "U-3.1-m",
            Self::EmptyList | Self::SubscriptionReserved | Self::SubscriptionQoS3 => "U-3.1-n",
            // What no packet of 3.1 can earn: a caller asked for it.
            _ => self.row().1,
        }
    }

    /// The rule in words.
    pub(crate) const fn message(self) -> &'static str {
        self.row().3
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}
