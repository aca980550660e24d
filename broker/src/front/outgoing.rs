//! A message as it goes out to one client.

use mqtt_session::{Growing, Publication, Record, Session};
use mqtt_wire::{
    Delivery, EncodeError, EncodeOptions, Packet, PacketId, Property, PropertyId, Publish, QoS, Version,
};

use super::Outbox;
use crate::engine::Slots;
use crate::limits::Limits;
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

/// Measures the messages under way of a session that goes on in 5.0. On a connection of 3.x they had no properties, and
/// the session knows how long they are without.
pub(super) fn measure(session: &mut Session<Slots>, limits: &Limits, now: UnixMillis) {
    let under_way = u16::try_from(session.in_flight()).unwrap_or(u16::MAX);
    if under_way == 0 {
        return;
    }
    let (incoming, aliases) = (session.receive_maximum(), session.topic_alias_maximum());
    let slots = Growing::new(limits.in_flight.max(under_way), incoming, aliases);
    let records = session.records().map(|record| match record {
        Record::Sent { id, qos, retain, size, key } => {
            let size = len(&key, qos, now).unwrap_or(size);
            Record::Sent { id, qos, retain, size, key }
        }
        record => record,
    });
    // There are slots for all of them.
    if let Ok(measured) = Session::restore(slots, records) {
        *session = measured;
    }
}

/// The length of the packet in 5.0.
fn len(queued: &Queued, qos: QoS, now: UnixMillis) -> Option<u32> {
    with_publish(queued, Version::V5, None, now, |publish| {
        let publish = Publish { delivery: Delivery::new(qos, PacketId::MIN), ..publish };
        let len = Packet::Publish(publish).encoded_len(EncodeOptions::new(Version::V5)).ok()?;
        u32::try_from(len).ok()
    })
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
