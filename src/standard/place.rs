//! The places that have properties, and which of them may stand there.

use super::{PropertyId, PropertySet, Rule, Sender};

/// The places that have properties, a bit each.
pub(in crate::standard) mod bits {
    pub(in crate::standard) const CONNECT: u16 = 0x001;
    pub(in crate::standard) const WILL: u16 = 0x002;
    pub(in crate::standard) const CONNACK: u16 = 0x004;
    pub(in crate::standard) const PUBLISH: u16 = 0x008;
    /// PUBACK, PUBREC, PUBREL and PUBCOMP.
    pub(in crate::standard) const ACK: u16 = 0x010;
    pub(in crate::standard) const SUBSCRIBE: u16 = 0x020;
    pub(in crate::standard) const SUBACK: u16 = 0x040;
    pub(in crate::standard) const UNSUBSCRIBE: u16 = 0x080;
    pub(in crate::standard) const UNSUBACK: u16 = 0x100;
    pub(in crate::standard) const DISCONNECT: u16 = 0x200;
    pub(in crate::standard) const AUTH: u16 = 0x400;
    pub(in crate::standard) const ANY: u16 = 0x7FF;
}

/// Every number below 64, of a property or not.
const ANY_NUMBER: PropertySet = PropertySet::from_parts(u32::MAX, u16::MAX);

/// A place that has properties, and which of them may stand there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) allowed: PropertySet,
    pub(crate) repeats: PropertySet,
    pub(crate) not_from_client: PropertySet,
    pub(crate) not_from_server: PropertySet,
    /// What was right when it was received and may be wrong here, so that each one has to be looked at.
    pub(crate) on_terms: PropertySet,
}

impl Place {
    pub(crate) const CONNECT: Self = Self::new(bits::CONNECT);
    pub(crate) const WILL: Self = Self::new(bits::WILL);
    pub(crate) const CONNACK: Self = Self::new(bits::CONNACK);
    /// `[MQTT-3.3.4-6]`.
    pub(crate) const PUBLISH: Self =
        Self::new(bits::PUBLISH).not_from(Sender::Client, PropertyId::SubscriptionIdentifier);
    pub(crate) const ACK: Self = Self::new(bits::ACK);
    pub(crate) const SUBSCRIBE: Self = Self::new(bits::SUBSCRIBE);
    pub(crate) const SUBACK: Self = Self::new(bits::SUBACK);
    pub(crate) const UNSUBSCRIBE: Self = Self::new(bits::UNSUBSCRIBE);
    pub(crate) const UNSUBACK: Self = Self::new(bits::UNSUBACK);
    /// `[MQTT-3.14.2-2]`.
    pub(crate) const DISCONNECT: Self =
        Self::new(bits::DISCONNECT).not_from(Sender::Server, PropertyId::SessionExpiryInterval);
    pub(crate) const AUTH: Self = Self::new(bits::AUTH);

    const fn new(place: u16) -> Self {
        let mut this = Self {
            allowed: PropertySet::EMPTY,
            repeats: PropertySet::EMPTY,
            not_from_client: PropertySet::EMPTY,
            not_from_server: PropertySet::EMPTY,
            on_terms: PropertySet::EMPTY,
        };
        let mut ids = PropertyId::ALL;
        while let [id, rest @ ..] = ids {
            let (places, repeats) = id.places();
            if places & place != 0 {
                this.allowed = this.allowed.union(PropertySet::of(*id));
            }
            if repeats & place != 0 {
                this.repeats = this.repeats.union(PropertySet::of(*id));
            }
            ids = rest;
        }
        this.on_terms = ANY_NUMBER.difference(this.allowed);
        // It may have been received in a place where it repeats.
        if !this.repeats.contains(PropertyId::SubscriptionIdentifier) {
            this.on_terms = this.on_terms.union(PropertySet::of(PropertyId::SubscriptionIdentifier));
        }
        this
    }

    const fn not_from(mut self, sender: Sender, id: PropertyId) -> Self {
        let ids = PropertySet::of(id);
        match sender {
            Sender::Client => self.not_from_client = ids,
            Sender::Server => self.not_from_server = ids,
        }
        self.on_terms = self.on_terms.union(ids);
        self
    }

    /// What may stand here in a packet of that side.
    pub(crate) const fn allowed_from(&self, sender: Option<Sender>) -> PropertySet {
        match sender {
            None => self.allowed,
            Some(Sender::Client) => self.allowed.difference(self.not_from_client),
            Some(Sender::Server) => self.allowed.difference(self.not_from_server),
        }
    }

    /// What may not.
    pub(crate) const fn closed_to(&self, sender: Option<Sender>) -> PropertySet {
        ANY_NUMBER.difference(self.allowed_from(sender))
    }

    /// What was right when it was received and may be wrong in a packet of that side.
    pub(crate) const fn on_terms_from(&self, sender: Option<Sender>) -> PropertySet {
        let of_one_side = self.not_from_client.union(self.not_from_server);
        self.on_terms.difference(of_one_side.intersection(self.allowed_from(sender)))
    }

    /// The rule that a property breaks by standing here after those `before` it.
    pub(crate) const fn refuses(
        &self,
        id: PropertyId,
        before: PropertySet,
        sender: Option<Sender>,
    ) -> Option<Rule> {
        if !self.allowed.contains(id) {
            Some(Rule::PropertyNotAllowed)
        } else if !self.allowed_from(sender).contains(id) {
            Some(Rule::PropertySender)
        } else if before.difference(self.repeats).contains(id) {
            Some(Rule::PropertyRepeated)
        } else {
            None
        }
    }
}
