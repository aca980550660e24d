//! [`Seat`]: a session in the hands of its connection.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use mqtt_session::Session;
use mqtt_wire::topic::{TopicCursor, TopicFilterBuf};
use mqtt_wire::{Subscription, SubscriptionId, SubscriptionOptions};

use super::{Mailbox, Slots, Will};
use crate::auth::Who;

/// A session while a connection has it: what the protocol knows of it, and the rest.
pub struct Seat {
    /// What goes on between packets.
    pub session: Session<Slots>,
    /// The rest.
    pub held: Held,
}

/// What a connection holds of its session besides the protocol's part.
#[derive(Debug)]
pub struct Held {
    /// Where its messages wait.
    pub mailbox: Arc<Mailbox>,
    /// Whose it is.
    pub who: Who,
    /// Retained messages that are still to be sent.
    pub scans: VecDeque<Scan>,
    pub(super) subscriptions: HashSet<TopicFilterBuf>,
    pub(super) will: Option<Will>,
    /// The Authentication Method of its connection.
    method: Option<Box<str>>,
}

impl Held {
    /// The Authentication Method of the connection.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// A connection begins with this Authentication Method.
    pub fn set_method(&mut self, method: Option<&str>) {
        self.method = method.map(Into::into);
    }

    /// The filters that it has subscribed to.
    pub fn filters(&self) -> impl Iterator<Item = &TopicFilterBuf> {
        self.subscriptions.iter()
    }

    /// How many subscriptions it has.
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }
}

/// The retained messages for a subscription that are still to be sent.
#[derive(Debug)]
pub struct Scan {
    /// How far it is.
    pub cursor: TopicCursor,
    /// How they are sent.
    pub options: SubscriptionOptions,
    /// The Subscription Identifier that they are sent with.
    pub identifier: Option<SubscriptionId>,
}

impl Scan {
    /// All that are retained under the filter of that subscription.
    pub fn new(wanted: Subscription<'_>, identifier: Option<SubscriptionId>) -> Self {
        Self { cursor: TopicCursor::new(wanted.filter), options: wanted.options(), identifier }
    }
}

impl Held {
    pub(super) fn new(who: Who, mailbox: Arc<Mailbox>) -> Self {
        Self { mailbox, who, scans: VecDeque::new(), subscriptions: HashSet::new(), will: None, method: None }
    }
}
