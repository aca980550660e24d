//! What the standards say about names and places: properties by their titles, fields by their sections.

use mqtt_wire::{PacketType, Version};

/// How a value stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Byte,
    Two,
    Four,
    Variable,
    Text,
    Binary,
    Pair,
}

/// Table 2-4 of 5.0: identifier, name, type.
const PROPERTIES: [(u8, &str, Wire); 27] = [
    (0x01, "Payload Format Indicator", Wire::Byte),
    (0x02, "Message Expiry Interval", Wire::Four),
    (0x03, "Content Type", Wire::Text),
    (0x08, "Response Topic", Wire::Text),
    (0x09, "Correlation Data", Wire::Binary),
    (0x0B, "Subscription Identifier", Wire::Variable),
    (0x11, "Session Expiry Interval", Wire::Four),
    (0x12, "Assigned Client Identifier", Wire::Text),
    (0x13, "Server Keep Alive", Wire::Two),
    (0x15, "Authentication Method", Wire::Text),
    (0x16, "Authentication Data", Wire::Binary),
    (0x17, "Request Problem Information", Wire::Byte),
    (0x18, "Will Delay Interval", Wire::Four),
    (0x19, "Request Response Information", Wire::Byte),
    (0x1A, "Response Information", Wire::Text),
    (0x1C, "Server Reference", Wire::Text),
    (0x1F, "Reason String", Wire::Text),
    (0x21, "Receive Maximum", Wire::Two),
    (0x22, "Topic Alias Maximum", Wire::Two),
    (0x23, "Topic Alias", Wire::Two),
    (0x24, "Maximum QoS", Wire::Byte),
    (0x25, "Retain Available", Wire::Byte),
    (0x26, "User Property", Wire::Pair),
    (0x27, "Maximum Packet Size", Wire::Four),
    (0x28, "Wildcard Subscription Available", Wire::Byte),
    (0x29, "Subscription Identifier Available", Wire::Byte),
    (0x2A, "Shared Subscription Available", Wire::Byte),
];

/// The name and the type of a property.
pub(crate) fn property(id: u8) -> Option<(&'static str, Wire)> {
    PROPERTIES.iter().find(|(number, ..)| *number == id).map(|(_, name, wire)| (*name, *wire))
}

/// Where properties stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Packet(PacketType),
    Will,
}

impl Place {
    /// The section on the properties of this place, and the properties in the order of its
    /// subsections; the first subsection is on their length.
    fn sections(self) -> Option<(&'static str, &'static [u8])> {
        const ACK: &[u8] = &[0x1F, 0x26];
        Some(match self {
            Self::Will => ("3.1.3.2", &[0x18, 0x01, 0x02, 0x03, 0x08, 0x09, 0x26]),
            Self::Packet(packet) => match packet {
                PacketType::Connect => ("3.1.2.11", &[0x11, 0x21, 0x27, 0x22, 0x19, 0x17, 0x26, 0x15, 0x16]),
                PacketType::ConnAck => (
                    "3.2.2.3",
                    &[
                        0x11, 0x21, 0x24, 0x25, 0x27, 0x12, 0x22, 0x1F, 0x26, 0x28, 0x29, 0x2A, 0x13, 0x1A,
                        0x1C, 0x15, 0x16,
                    ],
                ),
                PacketType::Publish => ("3.3.2.3", &[0x01, 0x02, 0x23, 0x08, 0x09, 0x26, 0x0B, 0x03]),
                PacketType::PubAck => ("3.4.2.2", ACK),
                PacketType::PubRec => ("3.5.2.2", ACK),
                PacketType::PubRel => ("3.6.2.2", ACK),
                PacketType::PubComp => ("3.7.2.2", ACK),
                PacketType::Subscribe => ("3.8.2.1", &[0x0B, 0x26]),
                PacketType::SubAck => ("3.9.2.1", ACK),
                PacketType::Unsubscribe => ("3.10.2.1", &[0x26]),
                PacketType::UnsubAck => ("3.11.2.1", ACK),
                PacketType::Disconnect => ("3.14.2.2", &[0x11, 0x1F, 0x26, 0x1C]),
                PacketType::Auth => ("3.15.2.2", &[0x15, 0x16, 0x1F, 0x26]),
                PacketType::PingReq | PacketType::PingResp => return None,
            },
        })
    }

    /// The section on the length of the properties.
    pub(crate) fn length_section(self) -> String {
        self.sections().map_or_else(|| "2.2.2.1".to_owned(), |(section, _)| format!("{section}.1"))
    }

    /// The section on one property.
    pub(crate) fn section(self, id: u8) -> String {
        let place = self.sections();
        let found =
            place.and_then(|(section, ids)| Some((section, ids.iter().position(|known| *known == id)?)));
        found.map_or_else(|| "2.2.2.2".to_owned(), |(section, index)| format!("{section}.{}", index + 2))
    }
}

/// The section on a packet, which has subsections on its fixed header, variable header and payload
/// in either standard.
pub(crate) fn packet_section(packet: PacketType) -> String {
    format!("3.{}", packet as u8)
}

/// The standard whose sections are cited. The text of 3.1 numbers its sections otherwise; where 3.1.1
/// kept a rule of it, 3.1.1 is cited.
pub(crate) fn cited(version: Version) -> &'static str {
    match version {
        Version::V31 | Version::V311 => "MQTT 3.1.1",
        Version::V5 => "MQTT 5.0",
    }
}

#[cfg(test)]
mod tests {
    use mqtt_wire::PropertyId;

    use super::*;

    #[test]
    fn the_names_are_those_of_the_library() {
        assert_eq!(PROPERTIES.len(), PropertyId::ALL.len());
        for id in PropertyId::ALL {
            let (name, _) = property(*id as u8).expect("a row");
            assert_eq!(name.replace(' ', ""), id.name());
        }
    }

    #[test]
    fn sections_count_from_two() {
        let connack = Place::Packet(PacketType::ConnAck);
        assert_eq!(connack.section(0x24), "3.2.2.3.4", "Maximum QoS");
        assert_eq!(connack.section(0x16), "3.2.2.3.18", "Authentication Data");
        assert_eq!(Place::Packet(PacketType::Auth).section(0x15), "3.15.2.2.2", "Authentication Method");
        assert_eq!(Place::Will.section(0x18), "3.1.3.2.2", "Will Delay Interval");
        assert_eq!(Place::Will.section(0x24), "2.2.2.2", "does not belong there");
    }
}
