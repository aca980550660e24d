//! Where the standards speak of what: fields by their sections.

use mqtt_wire::{PacketType, PropertyId, Version};

/// Where properties stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Packet(PacketType),
    Will,
}

impl Place {
    /// The section on the properties of this place, and the properties in the order of its
    /// subsections; the first subsection is on their length.
    fn sections(self) -> Option<(&'static str, &'static [PropertyId])> {
        use PropertyId as P;
        const ACK: &[PropertyId] = &[P::ReasonString, P::UserProperty];
        Some(match self {
            Self::Will => (
                "3.1.3.2",
                &[
                    P::WillDelayInterval,
                    P::PayloadFormatIndicator,
                    P::MessageExpiryInterval,
                    P::ContentType,
                    P::ResponseTopic,
                    P::CorrelationData,
                    P::UserProperty,
                ],
            ),
            Self::Packet(packet) => match packet {
                PacketType::Connect => (
                    "3.1.2.11",
                    &[
                        P::SessionExpiryInterval,
                        P::ReceiveMaximum,
                        P::MaximumPacketSize,
                        P::TopicAliasMaximum,
                        P::RequestResponseInformation,
                        P::RequestProblemInformation,
                        P::UserProperty,
                        P::AuthenticationMethod,
                        P::AuthenticationData,
                    ],
                ),
                PacketType::ConnAck => (
                    "3.2.2.3",
                    &[
                        P::SessionExpiryInterval,
                        P::ReceiveMaximum,
                        P::MaximumQoS,
                        P::RetainAvailable,
                        P::MaximumPacketSize,
                        P::AssignedClientIdentifier,
                        P::TopicAliasMaximum,
                        P::ReasonString,
                        P::UserProperty,
                        P::WildcardSubscriptionAvailable,
                        P::SubscriptionIdentifierAvailable,
                        P::SharedSubscriptionAvailable,
                        P::ServerKeepAlive,
                        P::ResponseInformation,
                        P::ServerReference,
                        P::AuthenticationMethod,
                        P::AuthenticationData,
                    ],
                ),
                PacketType::Publish => (
                    "3.3.2.3",
                    &[
                        P::PayloadFormatIndicator,
                        P::MessageExpiryInterval,
                        P::TopicAlias,
                        P::ResponseTopic,
                        P::CorrelationData,
                        P::UserProperty,
                        P::SubscriptionIdentifier,
                        P::ContentType,
                    ],
                ),
                PacketType::PubAck => ("3.4.2.2", ACK),
                PacketType::PubRec => ("3.5.2.2", ACK),
                PacketType::PubRel => ("3.6.2.2", ACK),
                PacketType::PubComp => ("3.7.2.2", ACK),
                PacketType::Subscribe => ("3.8.2.1", &[P::SubscriptionIdentifier, P::UserProperty]),
                PacketType::SubAck => ("3.9.2.1", ACK),
                PacketType::Unsubscribe => ("3.10.2.1", &[P::UserProperty]),
                PacketType::UnsubAck => ("3.11.2.1", ACK),
                PacketType::Disconnect => (
                    "3.14.2.2",
                    &[P::SessionExpiryInterval, P::ReasonString, P::UserProperty, P::ServerReference],
                ),
                PacketType::Auth => (
                    "3.15.2.2",
                    &[P::AuthenticationMethod, P::AuthenticationData, P::ReasonString, P::UserProperty],
                ),
                PacketType::PingReq | PacketType::PingResp => return None,
            },
        })
    }

    /// The section on the length of the properties.
    pub(crate) fn length_section(self) -> String {
        self.sections().map_or_else(|| "2.2.2.1".to_owned(), |(section, _)| format!("{section}.1"))
    }

    /// The section on one property.
    pub(crate) fn section(self, id: PropertyId) -> String {
        let place = self.sections();
        let found =
            place.and_then(|(section, ids)| Some((section, ids.iter().position(|known| *known == id)?)));
        found.map_or_else(|| "2.2.2.2".to_owned(), |(section, index)| format!("{section}.{}", index + 2))
    }
}

/// The section on a packet, which has subsections on its fixed header, variable header and payload
/// in either standard.
pub(crate) fn packet_section(packet: PacketType) -> String {
    format!("3.{}", packet.get())
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
    use super::*;

    #[test]
    fn every_property_has_a_section_of_its_own() {
        let places = PacketType::ALL.map(Place::Packet).into_iter().chain([Place::Will]);
        let named: Vec<PropertyId> =
            places.filter_map(Place::sections).flat_map(|(_, ids)| ids.iter().copied()).collect();
        for id in PropertyId::ALL {
            assert!(named.contains(id), "{id}");
        }
    }

    #[test]
    fn sections_count_from_two() {
        let connack = Place::Packet(PacketType::ConnAck);
        assert_eq!(connack.section(PropertyId::MaximumQoS), "3.2.2.3.4");
        assert_eq!(connack.section(PropertyId::AuthenticationData), "3.2.2.3.18");
        assert_eq!(Place::Packet(PacketType::Auth).section(PropertyId::AuthenticationMethod), "3.15.2.2.2");
        assert_eq!(Place::Will.section(PropertyId::WillDelayInterval), "3.1.3.2.2");
        assert_eq!(Place::Will.section(PropertyId::MaximumQoS), "2.2.2.2", "does not belong there");
    }
}
