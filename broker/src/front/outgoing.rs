//! A message as it goes out to one client.

use mqtt_session::Publication;
use mqtt_wire::{EncodeError, EncodeOptions, Property, PropertyId, Publish, Version};

use super::Outbox;
use crate::store::{Queued, UnixMillis};

/// Does `f` with the message as this client gets it: what is left of its Message Expiry Interval, the Subscription
/// Identifiers, and the Topic Alias, if there is one. Identifier and DUP are the link's to add.
pub(super) fn with_publish<R>(
    queued: &Queued,
    version: Version,
    alias: Option<core::num::NonZeroU16>,
    now: UnixMillis,
    f: impl FnOnce(Publish<'_>) -> R,
) -> R {
    let message = &*queued.message;
    let publish = Publish { retain: queued.retain, dup: false, ..message.frame.publish() };
    if version != Version::V5 {
        return f(Publish { properties: mqtt_wire::Properties::EMPTY, ..publish });
    }
    if queued.identifiers.is_empty() && message.expires.is_none() && alias.is_none() {
        return f(publish);
    }
    let mut added = Vec::with_capacity(queued.identifiers.len() + 2);
    if let Some(expires) = message.expires {
        let left = expires.saturating_sub(now).div_ceil(1000);
        added.push(Property::MessageExpiryInterval(u32::try_from(left).unwrap_or(u32::MAX)));
    }
    added.extend(alias.map(Property::TopicAlias));
    added.extend(queued.identifiers.iter().map(|&identifier| Property::SubscriptionIdentifier(identifier)));
    let edits = publish.properties.edit(PropertyId::MessageExpiryInterval, &added);
    f(Publish { properties: edits.as_properties(), ..publish })
}

/// Encodes a message that the link sends.
pub(super) fn encode(
    publication: &Publication<std::sync::Arc<Queued>>,
    options: EncodeOptions,
    version: Version,
    now: UnixMillis,
    outbox: &mut Outbox,
) -> Result<(), EncodeError> {
    let queued = &*publication.key;
    let alias = publication.alias.map(|alias| alias.number);
    with_publish(queued, version, alias, now, |publish| {
        let publish = publication.of(publish);
        publish.encode_head(options, outbox.packets())?;
        outbox.payload(publish.payload, || queued.message.frame.payload());
        Ok(())
    })
}
