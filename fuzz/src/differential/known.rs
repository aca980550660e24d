use mqtt_wire::{PacketType, Rule, Version};

use super::{Difference, Way};

/// A known difference: whose, in which way, and the rule that decides it.
pub struct Known {
    pub peer: &'static str,
    pub version: Option<Version>,
    pub way: Pattern,
    /// The rule; none where it is that of the kind.
    pub rule: &'static str,
    pub why: &'static str,
}

/// Ways that one rule decides.
pub enum Pattern {
    /// The other takes what breaks one of these rules: [`Rule::requirement`] names each.
    Takes(&'static [Rule]),
    /// The other refuses this packet, for a reason that begins so.
    Refuses(PacketType, &'static str),
    /// The other waits for more of a whole frame.
    Waits,
    /// The other judges a frame before it is whole.
    Hurries,
    /// The other has other values in these fields of this packet, or encodes what it took in a wrong form.
    Values(PacketType, &'static [&'static str]),
    /// The other panics at a packet of this type.
    Panics(PacketType),
}

impl Known {
    pub fn explains(&self, difference: &Difference) -> bool {
        let packet = |known: &PacketType| difference.packet == Some(*known);
        self.peer == difference.peer
            && self.version.is_none_or(|version| version == difference.version)
            && match (&self.way, &difference.way) {
                (Pattern::Takes(kinds), Way::TheyTake(kind)) => kinds.contains(kind),
                (Pattern::Refuses(known, start), Way::TheyRefuse(reason)) => {
                    packet(known) && reason.starts_with(start)
                }
                (Pattern::Waits, Way::TheyWait(_)) | (Pattern::Hurries, Way::TheyHurry) => true,
                (Pattern::Values(known, fields), Way::Values(field)) => {
                    packet(known) && fields.contains(field)
                }
                (Pattern::Values(known, fields), Way::TheirEncoder(_)) => {
                    packet(known) && fields.contains(&"encoder")
                }
                (Pattern::Panics(known), Way::TheyPanic) => packet(known),
                _ => false,
            }
    }
}

const ALL_KINDS: &str = "that of the kind";

pub const KNOWN: &[Known] = &[
    Known {
        peer: "mqtt-proto",
        version: None,
        way: Pattern::Waits,
        rule: "2.2.3 of 3.1.1, 2.1.4 of 5.0: the Remaining Length says where the packet ends",
        why: "a field that reaches past the end of the frame counts as bytes to come",
    },
    Known {
        peer: "mqtt-proto",
        version: None,
        way: Pattern::Hurries,
        rule: "none: either is allowed",
        why: "it reads fields as they come, and never asks whether the frame is whole",
    },
    Known {
        peer: "mqtt-proto",
        version: None,
        way: Pattern::Takes(&[
            Rule::TrailingBytes,
            Rule::NulCharacter,
            Rule::TopicEmpty,
            Rule::TopicMissing,
            Rule::TopicAliasZero,
            Rule::DupAtQoS0,
            Rule::WillRetainWithoutWill,
            Rule::PasswordWithoutUserName,
            Rule::SessionPresentRefused,
            Rule::ClientIdEmpty,
            Rule::EmptyList,
            Rule::LengthNotShortest,
            Rule::NoLocalOnShared,
            Rule::SingleLevelWildcard,
            Rule::PropertyValue,
            Rule::AuthenticationMethodMissing,
        ]),
        rule: ALL_KINDS,
        why: "these rules are not checked",
    },
    Known {
        peer: "mqtt-proto",
        version: Some(Version::V311),
        way: Pattern::Takes(&[Rule::ProtocolVersion]),
        rule: "none: this crate was told that the version is 3.1.1",
        why: "3.1 and 3.1.1 have one decoder",
    },
    Known {
        peer: "mqtt-proto",
        version: Some(Version::V311),
        way: Pattern::Values(PacketType::SubAck, &["encoder"]),
        rule: "MQTT-3.9.3-2 of 3.1.1: a failure is 0x80",
        why: "a failure is encoded as 0x03",
    },
    Known {
        peer: "mqtt-proto",
        version: Some(Version::V5),
        way: Pattern::Refuses(PacketType::Publish, "DuplicatedProperty(SubscriptionIdentifier)"),
        rule: "3.3.2.3.8 of 5.0: one for each subscription that matches",
        why: "one Subscription Identifier only",
    },
    Known {
        peer: "mqtt-proto",
        version: Some(Version::V311),
        way: Pattern::Refuses(PacketType::Subscribe, "InvalidTopicFilter(\"$share/"),
        rule: "4.7.1 of 3.1.1: no shared subscriptions",
        why: "`$share/` is special in 3.1.1, too",
    },
    Known {
        peer: "mqtt-proto",
        version: Some(Version::V311),
        way: Pattern::Refuses(PacketType::Unsubscribe, "InvalidTopicFilter(\"$share/"),
        rule: "4.7.1 of 3.1.1: no shared subscriptions",
        why: "`$share/` is special in 3.1.1, too",
    },
    Known {
        peer: "mqtt-proto",
        version: Some(Version::V5),
        way: Pattern::Refuses(PacketType::Disconnect, "InvalidReasonCode(Disconnect, 140)"),
        rule: "Table 2-6 of 5.0 lists 0x8C for DISCONNECT, Table 3-10 does not",
        why: "it goes by Table 3-10",
    },
    Known {
        peer: "mqtt-proto",
        version: Some(Version::V5),
        way: Pattern::Refuses(PacketType::Publish, "InvalidPayloadFormat"),
        rule: "3.3.2.3.2 of 5.0: a receiver may check the payload; here that is an option",
        why: "it always checks",
    },
    Known {
        peer: "mqtt-proto",
        version: Some(Version::V5),
        way: Pattern::Refuses(PacketType::Connect, "InvalidPayloadFormat"),
        rule: "3.1.3.2.3 of 5.0: a server may check the will message",
        why: "it always checks",
    },
    Known {
        peer: "rumqttc",
        version: None,
        way: Pattern::Waits,
        rule: "2.2.3 of 3.1.1, 2.1.4 of 5.0: the Remaining Length says where the packet ends",
        why: "a field that reaches past the end of the frame counts as bytes to come",
    },
    Known {
        peer: "rumqttc",
        version: None,
        way: Pattern::Takes(&[
            Rule::ReservedFlags,
            Rule::LengthTooLong,
            Rule::LengthNotShortest,
            Rule::Truncated,
            Rule::TrailingBytes,
            Rule::InvalidUtf8,
            Rule::NulCharacter,
            Rule::ZeroPacketId,
            Rule::ProtocolVersion,
            Rule::ConnectReservedFlag,
            Rule::WillQoSWithoutWill,
            Rule::WillRetainWithoutWill,
            Rule::PasswordWithoutUserName,
            Rule::ClientIdEmpty,
            Rule::ConnAckReservedFlags,
            Rule::SessionPresentRefused,
            Rule::DupAtQoS0,
            Rule::TopicMissing,
            Rule::EmptyList,
            Rule::SubscriptionReserved,
            Rule::NoLocalOnShared,
            Rule::PropertyUnknown,
            Rule::PropertyNotAllowed,
            Rule::PropertyRepeated,
            Rule::PropertyValue,
            Rule::TopicAliasZero,
            Rule::AuthenticationMethodMissing,
            Rule::TopicEmpty,
            Rule::TopicNul,
            Rule::WildcardInName,
            Rule::WildcardInResponseTopic,
            Rule::MultiLevelWildcard,
            Rule::SingleLevelWildcard,
            Rule::ShareNameEmpty,
            Rule::ShareNameWildcard,
            Rule::ShareFilterMissing,
        ]),
        rule: ALL_KINDS,
        why: "these rules are not checked, or not everywhere",
    },
    Known {
        peer: "rumqttc",
        version: None,
        way: Pattern::Refuses(PacketType::Connect, "TopicNotUtf8"),
        rule: "3.1.3.5 of 3.1.1, 3.1.3.4 and 3.1.3.6 of 5.0: password and will message are any bytes",
        why: "password and will message have to be UTF-8",
    },
    Known {
        peer: "rumqttc",
        version: None,
        way: Pattern::Values(PacketType::Connect, &["user_name", "password", "encoder"]),
        rule: "3.1.2.8 and 3.1.2.9: the flags tell what is there, an empty one too",
        why: "an empty user name or password is taken for none",
    },
    Known {
        peer: "rumqttc",
        version: Some(Version::V5),
        way: Pattern::Refuses(PacketType::Auth, "InvalidPacketType(15)"),
        rule: "3.15 of 5.0",
        why: "AUTH is unknown",
    },
    Known {
        peer: "rumqttc",
        version: Some(Version::V5),
        way: Pattern::Refuses(PacketType::Disconnect, "PayloadRequired"),
        rule: "3.14.2.1 of 5.0: the reason code may be left out",
        why: "`E0 00` is refused",
    },
    Known {
        peer: "rumqttc",
        version: Some(Version::V5),
        way: Pattern::Values(PacketType::Disconnect, &["encoder"]),
        rule: "2.1.4 of 5.0",
        why: "the encoder counts a byte too few",
    },
    Known {
        peer: "rumqttc",
        version: Some(Version::V5),
        way: Pattern::Values(PacketType::Publish, &["payload", "encoder"]),
        rule: "2.2.2.1 of 5.0",
        why: "each Subscription Identifier counts as a byte more than it has: properties behind them are taken for payload, and \
              may be missing when what was taken is encoded",
    },
    Known {
        peer: "rumqttc",
        version: Some(Version::V5),
        way: Pattern::Refuses(PacketType::Disconnect, "InvalidConnectReturnCode(140)"),
        rule: "Table 2-6 of 5.0 lists 0x8C for DISCONNECT, Table 3-10 does not",
        why: "it goes by Table 3-10",
    },
];
