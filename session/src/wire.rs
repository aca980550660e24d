//! What the codec has to know of a connection.

use mqtt_wire::{
    DecodeOptions, EncodeError, EncodeOptions, MAX_PACKET_SIZE, Packet, Properties, PropertyId, PropertySet,
    Sender, Version,
};

/// The codec's share of a connection: version, directions, the limits of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Wire {
    version: Version,
    own: Sender,
    /// The largest packet to receive and to send, in bytes.
    most_in: u32,
    most_out: u32,
    first: bool,
}

impl Wire {
    pub(crate) const fn new(version: Version, own: Sender) -> Self {
        Self { version, own, most_in: MAX_PACKET_SIZE, most_out: MAX_PACKET_SIZE, first: true }
    }

    #[inline]
    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// CONNECT names another version than was taken for granted.
    pub(crate) const fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    #[inline]
    pub(crate) const fn is_v5(&self) -> bool {
        matches!(self.version, Version::V5)
    }

    /// The first packet of the peer has come.
    pub(crate) const fn begun(&mut self) {
        self.first = false;
    }

    /// What this side announces as Maximum Packet Size.
    pub(crate) fn announce(&mut self, properties: &Properties<'_>) {
        if let Some(most) = properties.maximum_packet_size() {
            self.most_in = most.get();
        }
    }

    /// What the peer announces as Maximum Packet Size.
    pub(crate) fn obey(&mut self, properties: &Properties<'_>) {
        if let Some(most) = properties.maximum_packet_size() {
            self.most_out = most.get();
        }
    }

    /// The largest packet that the peer takes.
    #[inline]
    pub(crate) const fn most_out(&self) -> u32 {
        self.most_out
    }

    #[inline]
    pub(crate) fn decode_options(&self) -> DecodeOptions {
        let peer = match self.own {
            Sender::Client => Sender::Server,
            Sender::Server => Sender::Client,
        };
        DecodeOptions::new(self.version)
            .sender(peer)
            .max_packet_size(self.most_in)
            .first_packet(self.first && matches!(peer, Sender::Server))
    }

    #[inline]
    pub(crate) fn encode_options(&self) -> EncodeOptions {
        EncodeOptions::new(self.version).sender(self.own).max_packet_size(self.most_out)
    }

    /// The packet without what may be left out, if it is too large with it: first the Reason String, then the User
    /// Properties. `None` when it is still too large.
    pub(crate) fn fit<'p>(&self, packet: Packet<'p>) -> Result<Option<Packet<'p>>, EncodeError> {
        let mut fitting = packet;
        for ids in [
            PropertySet::EMPTY,
            PropertySet::of(PropertyId::ReasonString),
            PropertyId::ReasonString | PropertyId::UserProperty,
        ] {
            fitting = without(packet, ids);
            match fitting.encoded_len(self.encode_options()) {
                Ok(_) => return Ok(Some(fitting)),
                Err(EncodeError::TooLarge { .. }) => {}
                Err(error) => return Err(error),
            }
            if !may_shrink(&packet) {
                return Ok(None);
            }
        }
        let _ = fitting;
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

/// The packet without these properties, where it may have them.
pub(crate) fn without<'p>(packet: Packet<'p>, ids: PropertySet) -> Packet<'p> {
    let strip = |properties: Properties<'p>| {
        if ids.is_empty() { properties } else { properties.without(ids) }
    };
    match packet {
        Packet::ConnAck(mut p) => {
            p.properties = strip(p.properties);
            p.into()
        }
        Packet::SubAck(mut p) => {
            p.properties = strip(p.properties);
            p.into()
        }
        Packet::UnsubAck(mut p) => {
            p.properties = strip(p.properties);
            p.into()
        }
        Packet::Disconnect(mut p) => {
            p.properties = strip(p.properties);
            p.into()
        }
        Packet::Auth(mut p) => {
            p.properties = strip(p.properties);
            p.into()
        }
        packet => packet,
    }
}
