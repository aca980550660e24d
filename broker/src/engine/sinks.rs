//! Sinks: sessions of the broker's own, by which messages go on to other systems.
//!
//! A sink is a session that lasts, with subscriptions and a queue as those of a client, and three differences:
//!
//! - Its client identifier begins with [`PREFIX`], which the front lets no client have.
//! - A message that it wants is refused (0x97) when its queue has no room for it: nobody gets the message then, and its
//!   publisher may send it again; if the queue has no room for it even when it is empty, it is refused for good
//!   ([`TOO_LARGE`]). In the queue of a client such a message is dropped.
//! - It keeps messages of QoS 0 as those of QoS 1. For those alone a queue without room is no refusal, since nobody could
//!   be told: the sink does not get them, and they are counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mqtt_wire::{Publish, QoS, ReasonCode, TopicName};

use super::local::Local;
use super::mailbox::{Admission, size};
use super::routing::{copy, merge};
use super::{Mailbox, Turn};
use crate::metrics::Dropped;
use crate::store::{Message, Queued};

/// What the client identifiers of sinks begin with.
pub const PREFIX: &str = "$sink/";

/// A message is larger than the queue of a sink that wants it.
pub const TOO_LARGE: ReasonCode = ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR;

/// The user property by which loops are found: the name of a sink at another broker that a message went through.
pub const VIA: &str = "mqtt-broker-via";

/// The client identifier of a sink.
pub fn client_id(name: &str) -> Arc<str> {
    format!("{PREFIX}{name}").into()
}

/// A message that has its place in the queue of a sink.
pub(super) type Place = (Arc<Mailbox>, Arc<Queued>);

impl Local {
    /// Places for a message in the queues of the sinks that want it.
    ///
    /// # Errors
    /// When the message `may_be_refused`, and one of them has no room: [`ReasonCode::QUOTA_EXCEEDED`], or [`TOO_LARGE`].
    pub(super) fn places(
        &self,
        topic: TopicName<'_>,
        message: &Arc<Message>,
        may_be_refused: bool,
    ) -> Result<Vec<Place>, ReasonCode> {
        let mut places = Vec::new();
        // Performance: a broker without sinks asks no lock.
        if !self.has_sinks.load(Ordering::Relaxed) {
            return Ok(places);
        }
        let sinks = self.sinks.read();
        let members = sinks.matches(topic).flat_map(|(_, group)| group.members.values());
        let mut copies: Vec<_> = members.filter_map(|member| copy(member, message)).collect();
        merge(&mut copies);
        for mut copy in copies {
            let mailbox = copy.mailbox;
            copy.qos = copy.qos.max(QoS::AtLeastOnce);
            let queued = Arc::new(copy.queued(message));
            if mailbox.is_stored() && self.is_full() {
                self.metrics.dropped(Dropped::StoreFull);
                continue;
            }
            match mailbox.admit(size(&queued), queued.qos) {
                Admission::Granted => places.push((mailbox.clone(), queued)),
                admission if may_be_refused => {
                    let is_too_large = mailbox.is_too_large(size(&queued));
                    if admission == Admission::FullAtLast && is_too_large {
                        tracing::warn!(
                            sink = sink(mailbox),
                            "a message is larger than its queue: such messages are refused"
                        );
                    } else if admission == Admission::FullAtLast {
                        tracing::warn!(
                            sink = sink(mailbox),
                            "its queue is full: messages for it are refused"
                        );
                    }
                    Self::give_up(places);
                    return Err(if is_too_large { TOO_LARGE } else { ReasonCode::QUOTA_EXCEEDED });
                }
                admission => self.dropped(mailbox, queued.qos, admission),
            }
        }
        Ok(places)
    }

    /// The names of this broker's sinks at other brokers. They are said once, before there are messages.
    pub fn set_identities(&self, identities: Vec<String>) {
        // They are those of the one configuration.
        let _ = self.identities.set(identities);
    }

    /// Whether a message has gone through this broker and other ones, and come back.
    pub(super) fn has_been_here(&self, publish: &Publish<'_>) -> bool {
        let identities = self.identities.get().map_or(&[][..], Vec::as_slice);
        !identities.is_empty()
            && publish
                .properties
                .user_properties()
                .any(|(key, value)| key == VIA && identities.iter().any(|own| own == value))
    }

    /// Gives places back that are not used.
    pub(super) fn give_up(places: Vec<Place>) {
        for (mailbox, queued) in places {
            mailbox.give_up(size(&queued));
        }
    }

    /// Looks after sinks that there were and that are none of these: one that has nothing in its queue is no more; others
    /// get no more messages, and keep those that they have.
    pub fn keep_sinks(&self, names: &[&str], turn: &mut Turn) {
        for client in self.registry.away() {
            let Some(name) = client.strip_prefix(PREFIX).filter(|name| !names.contains(name)) else {
                continue;
            };
            let waiting = self.retire(&client, turn);
            if waiting > 0 {
                tracing::warn!(
                    sink = name,
                    "it is not configured any more: {waiting} messages wait until it is again"
                );
            }
        }
    }
}

/// The name of a sink in logs.
fn sink(mailbox: &Mailbox) -> &str {
    mailbox.client().strip_prefix(PREFIX).unwrap_or_default()
}
