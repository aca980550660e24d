//! The standards' tables, typed off on their own: nothing here is taken from the crate.

use mqtt_wire::{PacketType, Sender, Version};

/// The types of property values (section 2.2.2.2 of 5.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// 0 or 1.
    Flag,
    U16,
    NonZeroU16,
    U32,
    NonZeroU32,
    /// A variable byte integer other than 0.
    Variable,
    Text,
    /// A topic name.
    Topic,
    Binary,
    Pair,
}

/// The places that have properties. Those of acknowledgements go by the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Will,
    In(PacketType),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct PropertyRow {
    pub(crate) id: u8,
    pub(crate) r#type: Type,
    /// One letter a place, see [`letter`]; a capital where the property may stand more than once.
    places: &'static str,
}

const fn row(id: u8, r#type: Type, places: &'static str) -> PropertyRow {
    PropertyRow { id, r#type, places }
}

/// Table 2-4 of 5.0.
#[rustfmt::skip]
pub(crate) const PROPERTIES: [PropertyRow; 27] = [
    row( 1, Type::Flag,       "pw"),
    row( 2, Type::U32,        "pw"),
    row( 3, Type::Text,       "pw"),
    row( 8, Type::Topic,      "pw"),
    row( 9, Type::Binary,     "pw"),
    row(11, Type::Variable,   "Ps"),
    row(17, Type::U32,        "ckd"),
    row(18, Type::Text,       "k"),
    row(19, Type::U16,        "k"),
    row(21, Type::Text,       "cka"),
    row(22, Type::Binary,     "cka"),
    row(23, Type::Flag,       "c"),
    row(24, Type::U32,        "w"),
    row(25, Type::Flag,       "c"),
    row(26, Type::Text,       "k"),
    row(28, Type::Text,       "kd"),
    row(31, Type::Text,       "kfgda"),
    row(33, Type::NonZeroU16, "ck"),
    row(34, Type::U16,        "ck"),
    row(35, Type::NonZeroU16, "p"),
    row(36, Type::Flag,       "k"),
    row(37, Type::Flag,       "k"),
    row(38, Type::Pair,       "CKWPFSGUDA"),
    row(39, Type::NonZeroU32, "ck"),
    row(40, Type::Flag,       "k"),
    row(41, Type::Flag,       "k"),
    row(42, Type::Flag,       "k"),
];

const fn letter(place: Place) -> Option<char> {
    Some(match place {
        Place::Will => 'w',
        Place::In(PacketType::Connect) => 'c',
        Place::In(PacketType::ConnAck) => 'k',
        Place::In(PacketType::Publish) => 'p',
        Place::In(PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp) => 'f',
        Place::In(PacketType::Subscribe) => 's',
        Place::In(PacketType::SubAck | PacketType::UnsubAck) => 'g',
        Place::In(PacketType::Unsubscribe) => 'u',
        Place::In(PacketType::Disconnect) => 'd',
        Place::In(PacketType::Auth) => 'a',
        Place::In(PacketType::PingReq | PacketType::PingResp) => return None,
    })
}

impl PropertyRow {
    pub(crate) fn of(id: u8) -> Option<&'static Self> {
        PROPERTIES.iter().find(|row| row.id == id)
    }

    /// Whether the property may stand there, sent by that side.
    pub(crate) fn allowed(&self, place: Place, sender: Option<Sender>) -> bool {
        let listed = letter(place).is_some_and(|letter| {
            self.places.contains(letter) || self.places.contains(letter.to_ascii_uppercase())
        });
        let wrong_sender = match (self.id, place) {
            (11, Place::In(PacketType::Publish)) => Some(Sender::Client),
            (17, Place::In(PacketType::Disconnect)) => Some(Sender::Server),
            _ => None,
        };
        listed && (wrong_sender.is_none() || sender != wrong_sender)
    }

    /// Whether it may stand there more than once.
    pub(crate) fn repeats(&self, place: Place) -> bool {
        letter(place).is_some_and(|letter| self.places.contains(letter.to_ascii_uppercase()))
    }
}

/// Tables 3-1, 3-4 to 3-11 and 2-6 of 5.0: code, then who may send it in CONNACK, PUBACK and PUBREC, PUBREL and
/// PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH: `c`lient, `s`erver, `b`oth, or nobody.
#[rustfmt::skip]
const REASON_CODES: [(u8, &str); 43] = [
    (0x00, "s b b s s b s"),
    (0x01, "- - - s - - -"),
    (0x02, "- - - s - - -"),
    (0x04, "- - - - - c -"),
    (0x10, "- s - - - - -"),
    (0x11, "- - - - s - -"),
    (0x18, "- - - - - - b"),
    (0x19, "- - - - - - c"),
    (0x80, "s b - s s b -"),
    (0x81, "s - - - - b -"),
    (0x82, "s - - - - b -"),
    (0x83, "s b - s s b -"),
    (0x84, "s - - - - - -"),
    (0x85, "s - - - - - -"),
    (0x86, "s - - - - - -"),
    (0x87, "s b - s s s -"),
    (0x88, "s - - - - - -"),
    (0x89, "s - - - - s -"),
    (0x8A, "s - - - - - -"),
    (0x8B, "- - - - - s -"),
    (0x8C, "s - - - - s -"), // DISCONNECT: in Table 2-6 only
    (0x8D, "- - - - - s -"),
    (0x8E, "- - - - - s -"),
    (0x8F, "- - - s s s -"),
    (0x90, "s b - - - b -"),
    (0x91, "- b - s s - -"),
    (0x92, "- - b - - - -"),
    (0x93, "- - - - - b -"),
    (0x94, "- - - - - b -"),
    (0x95, "s - - - - b -"),
    (0x96, "- - - - - b -"),
    (0x97, "s b - s - b -"),
    (0x98, "- - - - - b -"),
    (0x99, "s b - - - b -"),
    (0x9A, "s - - - - s -"),
    (0x9B, "s - - - - b -"), // DISCONNECT: the client too, by section 3.3.4
    (0x9C, "s - - - - s -"),
    (0x9D, "s - - - - s -"),
    (0x9E, "- - - s - s -"),
    (0x9F, "s - - - - s -"),
    (0xA0, "- - - - - s -"),
    (0xA1, "- - - s - s -"),
    (0xA2, "- - - s - s -"),
];

/// Whether that side (either, without one) may send the code in the packet. CONNACK's codes of 3.x are its
/// return codes.
pub(crate) fn may_carry(packet: PacketType, code: u8, version: Version, sender: Option<Sender>) -> bool {
    let column = match packet {
        PacketType::ConnAck => 0,
        PacketType::PubAck | PacketType::PubRec => 1,
        PacketType::PubRel | PacketType::PubComp => 2,
        PacketType::SubAck => 3,
        PacketType::UnsubAck => 4,
        PacketType::Disconnect => 5,
        PacketType::Auth => 6,
        _ => return false,
    };
    let who = match (version, packet) {
        (Version::V5, _) => {
            let Some((_, row)) = REASON_CODES.iter().find(|(listed, _)| *listed == code) else {
                return false;
            };
            row.split(' ').nth(column).expect("seven columns")
        }
        (_, PacketType::ConnAck) if code <= 5 => "s",
        (_, PacketType::SubAck) if code <= 2 => "s",
        (Version::V311, PacketType::SubAck) if code == 0x80 => "s",
        _ => "-",
    };
    match who {
        "b" => true,
        "c" => sender != Some(Sender::Server),
        "s" => sender != Some(Sender::Client),
        _ => false,
    }
}

/// CONNACK's return codes of 3.x (Table 3.1 of 3.1.1) by the reason codes of 5.0 that say the same.
pub(crate) const RETURN_CODES: [u8; 6] = [0x00, 0x84, 0x85, 0x88, 0x86, 0x87];

/// Whether that side may send the packet (Table 2.1 of 3.1.1, Table 2-1 of 5.0).
pub(crate) fn may_send(packet: PacketType, version: Version, sender: Sender) -> bool {
    match packet {
        PacketType::Connect | PacketType::Subscribe | PacketType::Unsubscribe | PacketType::PingReq => {
            sender == Sender::Client
        }
        PacketType::ConnAck | PacketType::SubAck | PacketType::UnsubAck | PacketType::PingResp => {
            sender == Sender::Server
        }
        PacketType::Publish
        | PacketType::PubAck
        | PacketType::PubRec
        | PacketType::PubRel
        | PacketType::PubComp => true,
        PacketType::Disconnect => version == Version::V5 || sender == Sender::Client,
        PacketType::Auth => version == Version::V5,
    }
}
