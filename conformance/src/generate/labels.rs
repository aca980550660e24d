//! Which rule a kind of error breaks, and with which reason codes it may be answered.

use super::tables::{Sender, Type, V5, V31, Version};

/// The label of the rule in the version's standard; `U-` begins our own labels of rules that the standard
/// states without a number (src/guide/rules.md). `None` when the kind breaks no rule of that version.
pub(crate) fn rule(
    kind: &str,
    version: Version,
    packet: Option<Type>,
    sender: Option<Sender>,
) -> Option<&'static str> {
    use Type::{
        Auth, ConnAck, Connect, Disconnect, PubAck, PubComp, PubRec, PubRel, Publish, SubAck, Subscribe,
        UnsubAck, Unsubscribe,
    };
    if version == V31 {
        return rule_of_v31(kind, packet);
    }
    let (v311, v5) = match (kind, packet) {
        ("ReservedPacketType", _) => ("U-2.2.1", "U-2.1.2"),
        ("ReservedFlags", Some(PubRel)) => ("MQTT-3.6.1-1", "MQTT-3.6.1-1"),
        ("ReservedFlags", Some(Subscribe)) => ("MQTT-3.8.1-1", "MQTT-3.8.1-1"),
        ("ReservedFlags", Some(Unsubscribe)) => ("MQTT-3.10.1-1", "MQTT-3.10.1-1"),
        ("ReservedFlags", Some(Disconnect)) => ("MQTT-3.14.1-1", "MQTT-3.14.1-1"),
        ("ReservedFlags", Some(Auth)) => ("", "MQTT-3.15.1-1"),
        ("ReservedFlags", _) => ("MQTT-2.2.2-2", "MQTT-2.1.3-1"),
        ("LengthTooLong", _) => ("U-2.2.3", "U-1.5.5"),
        ("LengthNotShortest", _) => ("", "MQTT-1.5.5-1"),
        ("PacketTooLarge", _) => ("U-2.2.3-b", "MQTT-3.1.2-24"),
        ("WrongDirection", _) => ("U-2.2.1-a", "U-2.1.2-a"),
        ("UnexpectedPacket", _) if sender == Some(Sender::Server) => ("MQTT-3.2.0-1", "MQTT-3.2.0-1"),
        ("UnexpectedPacket" | "VersionUnknown", _) => ("MQTT-3.1.0-1", "MQTT-3.1.0-1"),
        ("Truncated", _) => ("U-1.5", "U-1.2"),
        ("TrailingBytes", _) => ("U-2.2.3-c", "U-2.1.4"),
        ("InvalidUtf8", _) => ("MQTT-1.5.3-1", "MQTT-1.5.4-1"),
        ("NulCharacter", _) => ("MQTT-1.5.3-2", "MQTT-1.5.4-2"),
        ("DisallowedCharacter", _) => ("U-1.5.3", "U-1.5.4"),
        ("ZeroPacketId", Some(PubAck | PubRec | PubRel | PubComp | SubAck | UnsubAck)) => {
            ("U-2.3.1", "U-2.2.1")
        }
        ("ZeroPacketId", Some(Publish)) if sender == Some(Sender::Server) => ("MQTT-2.3.1-1", "MQTT-2.2.1-4"),
        ("ZeroPacketId", _) => ("MQTT-2.3.1-1", "MQTT-2.2.1-3"),
        ("ProtocolName", _) => ("MQTT-3.1.2-1", "MQTT-3.1.2-1"),
        ("ProtocolVersion", _) => ("MQTT-3.1.2-2", "MQTT-3.1.2-2"),
        ("ConnectReservedFlag", _) => ("MQTT-3.1.2-3", "MQTT-3.1.2-3"),
        ("WillQoS3", _) => ("MQTT-3.1.2-14", "MQTT-3.1.2-12"),
        ("WillQoSWithoutWill", _) => ("MQTT-3.1.2-13", "MQTT-3.1.2-11"),
        ("WillRetainWithoutWill", _) => ("MQTT-3.1.2-15", "MQTT-3.1.2-13"),
        ("PasswordWithoutUserName", _) => ("MQTT-3.1.2-22", ""),
        ("ClientIdEmpty", _) => ("MQTT-3.1.3-8", ""),
        ("ConnAckReservedFlags", _) => ("U-3.2.2.1", "MQTT-3.2.2-1"),
        ("SessionPresentRefused", _) => ("MQTT-3.2.2-4", "MQTT-3.2.2-6"),
        ("PublishQoS3", _) => ("MQTT-3.3.1-4", "MQTT-3.3.1-4"),
        ("DupAtQoS0", _) => ("MQTT-3.3.1-2", "MQTT-3.3.1-2"),
        ("TopicMissing", _) => ("MQTT-4.7.3-1", "U-3.3.2.1"),
        ("PayloadFormat", _) => ("", "U-3.3.2.3.2"),
        ("EmptyList", Some(Unsubscribe)) => ("MQTT-3.10.3-2", "MQTT-3.10.3-2"),
        ("EmptyList", Some(SubAck)) => ("U-3.9.3", "U-3.9.3"),
        ("EmptyList", Some(UnsubAck)) => ("", "U-3.11.3"),
        ("EmptyList", _) => ("MQTT-3.8.3-3", "MQTT-3.8.3-2"),
        ("SubscriptionReserved", _) => ("MQTT-3.8.3-4", "MQTT-3.8.3-5"),
        ("SubscriptionQoS3", _) => ("MQTT-3.8.3-4", "U-3.8.3.1"),
        ("RetainHandling3", _) => ("", "U-3.8.3.1-a"),
        ("NoLocalOnShared", _) => ("", "MQTT-3.8.3-4"),
        ("PropertyUnknown", _) => ("", "U-2.2.2.2"),
        ("PropertyNotAllowed", _) => ("", "U-2.2.2.2-a"),
        ("PropertyRepeated", _) => ("", "U-2.2.2.2-b"),
        ("PropertyValue", _) => ("", "U-2.2.2.2-c"),
        ("TopicAliasZero", _) => ("", "MQTT-3.3.2-8"),
        ("PropertySender", Some(Publish)) => ("", "MQTT-3.3.4-6"),
        ("PropertySender", _) => ("", "MQTT-3.14.2-2"),
        ("AuthenticationMethodMissing", Some(Connect)) => ("", "U-3.1.2.11.10"),
        ("AuthenticationMethodMissing", _) => ("", "U-3.15.2.2.2"),
        ("ReasonCodeNotAllowed" | "ReasonCodeSender", Some(packet)) => match packet {
            ConnAck => ("U-3.2.2.3", "MQTT-3.2.2-8"),
            PubAck => ("", "MQTT-3.4.2-1"),
            PubRec => ("", "MQTT-3.5.2-1"),
            PubRel => ("", "MQTT-3.6.2-1"),
            PubComp => ("", "MQTT-3.7.2-1"),
            SubAck => ("MQTT-3.9.3-2", "MQTT-3.9.3-2"),
            UnsubAck => ("", "MQTT-3.11.3-2"),
            Disconnect => ("", "MQTT-3.14.2-1"),
            Auth => ("", "MQTT-3.15.2-1"),
            _ => ("", ""),
        },
        ("TopicEmpty", _) => ("MQTT-4.7.3-1", "MQTT-4.7.3-1"),
        ("TopicNul", _) => ("MQTT-4.7.3-2", "MQTT-4.7.3-2"),
        ("TopicTooLong", _) => ("MQTT-4.7.3-3", "MQTT-4.7.3-3"),
        ("WildcardInName", Some(Publish)) => ("MQTT-3.3.2-2", "MQTT-3.3.2-2"),
        ("WildcardInName", _) => ("MQTT-4.7.1-1", "MQTT-4.7.0-1"),
        ("WildcardInResponseTopic", Some(Connect)) => ("", "MQTT-4.7.0-1"),
        ("WildcardInResponseTopic", _) => ("", "MQTT-3.3.2-14"),
        ("MultiLevelWildcard", _) => ("MQTT-4.7.1-2", "MQTT-4.7.1-1"),
        ("SingleLevelWildcard", _) => ("MQTT-4.7.1-3", "MQTT-4.7.1-2"),
        ("ShareNameEmpty", _) => ("", "MQTT-4.8.2-1"),
        ("ShareNameWildcard" | "ShareFilterMissing", _) => ("", "MQTT-4.8.2-2"),
        _ => ("", ""),
    };
    let label = if version == V5 { v5 } else { v311 };
    Some(label).filter(|label| !label.is_empty())
}

/// The labels of 3.1, which numbers nothing: `U-3.1` and a letter.
fn rule_of_v31(kind: &str, packet: Option<Type>) -> Option<&'static str> {
    Some(match kind {
        "ClientIdEmpty" | "ClientIdTooLong" => "U-3.1",
        "ProtocolName" | "ProtocolVersion" => "U-3.1-a",
        "ReservedFlags" => "U-3.1-c",
        "ReasonCodeNotAllowed" if packet == Some(Type::ConnAck) => "U-3.1-d",
        "ReasonCodeNotAllowed" => "U-3.1-e",
        "ReservedPacketType" | "WrongDirection" | "UnexpectedPacket" | "VersionUnknown" => "U-3.1-g",
        "LengthTooLong" | "PacketTooLarge" | "Truncated" | "TrailingBytes" => "U-3.1-h",
        "InvalidUtf8" | "NulCharacter" | "DisallowedCharacter" => "U-3.1-i",
        "WillQoS3" | "WillQoSWithoutWill" | "WillRetainWithoutWill" | "PasswordWithoutUserName" => "U-3.1-j",
        "PublishQoS3" | "DupAtQoS0" => "U-3.1-k",
        "ZeroPacketId" => "U-3.1-l",
        "TopicMissing"
        | "TopicEmpty"
        | "TopicNul"
        | "TopicTooLong"
        | "WildcardInName"
        | "MultiLevelWildcard"
        | "SingleLevelWildcard" => "U-3.1-m",
        "EmptyList" | "SubscriptionReserved" | "SubscriptionQoS3" => "U-3.1-n",
        _ => return None,
    })
}

/// Whether a first byte is that of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK or UNSUBACK.
pub(crate) fn is_acknowledgement(first: u8) -> bool {
    use Type::{PubAck, PubComp, PubRec, PubRel, SubAck, UnsubAck};
    matches!(Type::of(first >> 4), Some(PubAck | PubRec | PubRel | PubComp | SubAck | UnsubAck))
}

const MALFORMED: &[u8] = &[0x81];
const PROTOCOL_ERROR: &[u8] = &[0x82];
/// The standard says that it is wrong, and not which of the two it is.
const EITHER: &[u8] = &[0x81, 0x82];

/// The reason codes with which a receiver may answer: those that the standard names, or Malformed Packet and
/// Protocol Error where it names none. 3.x has no such codes, but for the two of a refused CONNECT, which are
/// given by the codes of 5.0 that say the same.
pub(crate) fn reason_codes(kind: &str, version: Version) -> &'static [u8] {
    match kind {
        "ProtocolName" | "ProtocolVersion" => return &[0x84],
        "ClientIdEmpty" | "ClientIdTooLong" => return &[0x85],
        _ if version != V5 => return &[],
        _ => {}
    }
    match kind {
        // Sections 2.1.3, 1.5.4, 1.5.5, 2.2.2.2, 3.1.2.3, 3.1.2.6, 3.3.1.2, 3.8.3.1; section 1.2 for what
        // cannot be parsed.
        "ReservedFlags"
        | "InvalidUtf8"
        | "NulCharacter"
        | "TopicNul"
        | "LengthTooLong"
        | "PropertyUnknown"
        | "PropertyNotAllowed"
        | "ConnectReservedFlag"
        | "WillQoS3"
        | "PublishQoS3"
        | "SubscriptionReserved"
        | "Truncated" => MALFORMED,
        // Sections 2.2.2, 3.3.2.1, 3.8.3, 3.8.3.1, 3.10.3, 3.1.2.11.10, 3.15.2.2.2.
        "PropertyRepeated"
        | "PropertyValue"
        | "TopicMissing"
        | "SubscriptionQoS3"
        | "RetainHandling3"
        | "NoLocalOnShared"
        | "AuthenticationMethodMissing"
        | "EmptyList" => PROTOCOL_ERROR,
        "TopicAliasZero" => &[0x94, 0x82],
        "PacketTooLarge" => &[0x95],
        "PayloadFormat" => &[0x99],
        "DisallowedCharacter" => MALFORMED,
        _ => EITHER,
    }
}
