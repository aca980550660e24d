//! The places that have properties, and which of them may stand there.

use super::{PropertyId, PropertySet};
use crate::error::Kind;
use crate::read::Fault;
use crate::version::Sender;

/// The places that have properties, a bit each.
pub(super) mod bits {
    pub(in crate::property) const CONNECT: u16 = 0x001;
    pub(in crate::property) const WILL: u16 = 0x002;
    pub(in crate::property) const CONNACK: u16 = 0x004;
    pub(in crate::property) const PUBLISH: u16 = 0x008;
    /// PUBACK, PUBREC, PUBREL and PUBCOMP.
    pub(in crate::property) const ACK: u16 = 0x010;
    pub(in crate::property) const SUBSCRIBE: u16 = 0x020;
    pub(in crate::property) const SUBACK: u16 = 0x040;
    pub(in crate::property) const UNSUBSCRIBE: u16 = 0x080;
    pub(in crate::property) const UNSUBACK: u16 = 0x100;
    pub(in crate::property) const DISCONNECT: u16 = 0x200;
    pub(in crate::property) const AUTH: u16 = 0x400;
    pub(in crate::property) const ANY: u16 = 0x7FF;
}

/// A place that has properties, and which of them may stand there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(super) allowed: PropertySet,
    pub(super) repeats: PropertySet,
    pub(super) not_from_client: PropertySet,
    pub(super) not_from_server: PropertySet,
    /// What was right when it was received and may be wrong here, so that each one has to be looked at.
    pub(super) on_terms: PropertySet,
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

    pub(super) const fn new(place: u16) -> Self {
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
        this.on_terms = PropertySet(!this.allowed.0);
        // It may have been received in a place where it repeats.
        if !this.repeats.contains(PropertyId::SubscriptionIdentifier) {
            this.on_terms = this.on_terms.union(PropertySet::of(PropertyId::SubscriptionIdentifier));
        }
        this
    }

    pub(super) const fn not_from(mut self, sender: Sender, id: PropertyId) -> Self {
        let ids = PropertySet::of(id);
        match sender {
            Sender::Client => self.not_from_client = ids,
            Sender::Server => self.not_from_server = ids,
        }
        self.on_terms = self.on_terms.union(ids);
        self
    }

    /// What may stand here in a packet of that side.
    #[inline]
    pub(super) const fn allowed_from(&self, sender: Option<Sender>) -> PropertySet {
        match sender {
            None => self.allowed,
            Some(Sender::Client) => self.allowed.difference(self.not_from_client),
            Some(Sender::Server) => self.allowed.difference(self.not_from_server),
        }
    }

    /// Checks a property at `at` that was there before, or may not be there at all.
    #[cold]
    #[inline(never)]
    pub(super) fn check_again<'a>(
        &self,
        number: u32,
        before: PropertySet,
        sender: Option<Sender>,
        at: &'a [u8],
    ) -> Result<(), Fault<'a>> {
        let refusal = match PropertyId::from_u32(number) {
            Some(id) => self.refuses(id, before, sender),
            None => Some(Kind::PropertyUnknown),
        };
        refusal.map_or(Ok(()), |kind| Err(Fault::new(kind, at)))
    }

    /// The rule that a property breaks that is not `open` any more.
    #[cold]
    #[inline(never)]
    pub(super) fn late_refusal(&self, id: PropertyId, open: PropertySet, sender: Option<Sender>) -> Kind {
        let before = self.allowed_from(sender).difference(open);
        self.refuses(id, before, sender).unwrap_or(Kind::PropertyNotAllowed)
    }

    /// The rule that a property breaks by standing here after those `before` it.
    pub(crate) const fn refuses(
        &self,
        id: PropertyId,
        before: PropertySet,
        sender: Option<Sender>,
    ) -> Option<Kind> {
        if !self.allowed.contains(id) {
            Some(Kind::PropertyNotAllowed)
        } else if !self.allowed_from(sender).contains(id) {
            Some(Kind::PropertySender)
        } else if before.difference(self.repeats).contains(id) {
            Some(Kind::PropertyRepeated)
        } else {
            None
        }
    }
}
