//! What a server says it does not do (section 3.2.2.3 of 5.0): the client keeps to it, and the server checks it.

use mqtt_wire::{Properties, Publish, QoS, Subscribe};

use crate::violation::SessionRule;

/// What a server supports. A server of 3.x cannot say that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "each is a property of CONNACK")]
pub(crate) struct Limits {
    pub(crate) maximum_qos: QoS,
    pub(crate) retain: bool,
    wildcards: bool,
    shared: bool,
    identifiers: bool,
}

impl Limits {
    pub(crate) const NONE: Self = Self {
        maximum_qos: QoS::ExactlyOnce,
        retain: true,
        wildcards: true,
        shared: true,
        identifiers: true,
    };

    /// As the properties of CONNACK say.
    pub(crate) fn of_connack(properties: &Properties<'_>) -> Self {
        Self {
            maximum_qos: properties.maximum_qos().map_or(QoS::ExactlyOnce, mqtt_wire::MaximumQoS::get),
            retain: properties.retain_available().unwrap_or(true),
            wildcards: properties.wildcard_subscription_available().unwrap_or(true),
            shared: properties.shared_subscription_available().unwrap_or(true),
            identifiers: properties.subscription_identifier_available().unwrap_or(true),
        }
    }

    /// The rule that a message of the client breaks.
    #[inline]
    pub(crate) fn check_publish(&self, qos: QoS, message: &Publish<'_>) -> Result<(), SessionRule> {
        if qos > self.maximum_qos {
            Err(SessionRule::QoSNotSupported)
        } else if message.retain && !self.retain {
            Err(SessionRule::RetainNotSupported)
        } else {
            Ok(())
        }
    }

    /// The rule that a SUBSCRIBE breaks.
    pub(crate) fn check_subscribe(&self, subscribe: &Subscribe<'_>) -> Result<(), SessionRule> {
        if *self == Self::NONE {
            return Ok(());
        }
        if !self.identifiers && subscribe.properties.subscription_identifiers().next().is_some() {
            return Err(SessionRule::IdentifiersNotSupported);
        }
        for subscription in subscribe.subscriptions {
            let filter = subscription.filter;
            if !self.shared && filter.is_shared() {
                return Err(SessionRule::SharedNotSupported);
            }
            if !self.wildcards && filter.has_wildcards() {
                return Err(SessionRule::WildcardsNotSupported);
            }
        }
        Ok(())
    }
}
