//! What the codec knows of a connection: kept in mqtt-wire's [`Connection`] and nowhere else.

use core::hash::{Hash, Hasher};

use mqtt_wire::{
    Connection, EncodeError, EncodeErrorKind, Packet, Properties, PropertyId, PropertySet, Version,
};

/// The codec of the connection, with what a link asks it for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wire(pub(crate) Connection);

impl Hash for Wire {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.decode_options().hash(state);
        self.0.encode_options().hash(state);
    }
}

impl Wire {
    /// The version. (A server's connection learns it from CONNECT, before there is a link.)
    #[inline]
    pub(crate) fn version(&self) -> Version {
        self.0.version().unwrap_or(Version::V5)
    }

    #[inline]
    pub(crate) fn is_v5(&self) -> bool {
        self.version() == Version::V5
    }

    /// The largest packet that the peer takes.
    #[inline]
    pub(crate) const fn most_out(&self) -> u32 {
        self.0.encode_options().max_packet_size()
    }

    /// The length of the packet; `None` when it is larger than the peer takes.
    #[inline]
    pub(crate) fn size(&self, packet: &Packet<'_>) -> Result<Option<u32>, EncodeError> {
        match packet.encoded_len(self.0.encode_options()) {
            Ok(size) => Ok(Some(u32::try_from(size).unwrap_or(u32::MAX))),
            Err(error) if matches!(error.kind(), EncodeErrorKind::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What has to be left out of a packet, which is this at least, so that it is not too large: first the Reason
    /// String, then the User Properties. `None` when it is still too large.
    pub(crate) fn fit(
        &self,
        packet: Packet<'_>,
        hidden: PropertySet,
    ) -> Result<Option<PropertySet>, EncodeError> {
        let reason = hidden.union(PropertySet::of(PropertyId::ReasonString));
        for hidden in [hidden, reason, reason.union(PropertySet::of(PropertyId::UserProperty))] {
            let edits = properties(&packet).without(hidden);
            if self.size(&with_properties(packet, edits.as_properties()))?.is_some() {
                return Ok(Some(hidden));
            }
            if !may_shrink(&packet) {
                break;
            }
        }
        Ok(None)
    }
}

/// Whether the standard lets the sender leave out Reason String and User Properties.
const fn may_shrink(packet: &Packet<'_>) -> bool {
    matches!(
        packet,
        Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::Disconnect(_)
            | Packet::Auth(_)
    )
}

/// The properties of a packet that a caller gives to a link.
pub(crate) const fn properties<'p>(packet: &Packet<'p>) -> Properties<'p> {
    match packet {
        Packet::Connect(p) => p.properties,
        Packet::ConnAck(p) => p.properties,
        Packet::Subscribe(p) => p.properties,
        Packet::SubAck(p) => p.properties,
        Packet::Unsubscribe(p) => p.properties,
        Packet::UnsubAck(p) => p.properties,
        Packet::Disconnect(p) => p.properties,
        Packet::Auth(p) => p.properties,
        _ => Properties::EMPTY,
    }
}

/// The packet with other properties.
pub(crate) const fn with_properties<'p>(mut packet: Packet<'p>, properties: Properties<'p>) -> Packet<'p> {
    match &mut packet {
        Packet::Connect(p) => p.properties = properties,
        Packet::ConnAck(p) => p.properties = properties,
        Packet::Subscribe(p) => p.properties = properties,
        Packet::SubAck(p) => p.properties = properties,
        Packet::Unsubscribe(p) => p.properties = properties,
        Packet::UnsubAck(p) => p.properties = properties,
        Packet::Disconnect(p) => p.properties = properties,
        Packet::Auth(p) => p.properties = properties,
        _ => {}
    }
    packet
}
