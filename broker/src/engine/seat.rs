//! [`Seat`]: a session in the hands of its connection.

use std::collections::HashSet;
use std::sync::Arc;

use mqtt_session::Session;
use mqtt_wire::topic::TopicFilterBuf;
use mqtt_wire::{Subscription, SubscriptionId, SubscriptionOptions};

use super::scans::Scans;
use super::{Engine, Mailbox, Slots, Turn, Will};
use crate::auth::Who;
use crate::store::Message;

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
    /// Retained messages that are still to be sent. Performance: in a box, as most connections have none.
    pub(super) scans: Option<Box<Scans>>,
    pub(super) subscriptions: HashSet<TopicFilterBuf>,
    pub(super) will: Option<Box<Will>>,
    /// The Authentication Method of its connection.
    method: Option<Box<str>>,
    /// The [rules](crate::auth::Authorise::generation) by which its subscriptions were looked at last.
    pub(crate) checked: Option<u64>,
    /// What is sent may have come by a subscription that is not allowed any more.
    pub(crate) checks_deliveries: bool,
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

    /// The will of its connection.
    pub fn will(&self) -> Option<&Message> {
        self.will.as_ref().map(|will| &*will.message)
    }

    /// Begins to send what is retained under the filter of this subscription.
    pub fn begin_scan(&mut self, wanted: Subscription<'_>, identifier: Option<SubscriptionId>) {
        self.scans.get_or_insert_default().begin(wanted, identifier);
    }

    /// Whether retained messages are still to be sent.
    pub fn has_scans(&self) -> bool {
        self.scans.as_ref().is_some_and(|scans| !scans.is_empty())
    }

    /// The retained messages that are to be sent next, at most so many, and how.
    pub fn scan(
        &mut self,
        engine: &dyn Engine,
        most: usize,
        turn: &mut Turn,
    ) -> Option<(Vec<Arc<Message>>, SubscriptionOptions, Option<SubscriptionId>)> {
        let session = Some(self.mailbox.session()).filter(|_| self.mailbox.is_stored());
        self.scans.as_mut()?.next(engine, most, session, turn)
    }

    /// At the end of a turn: what is still to be sent outlives the process, if the session does.
    pub fn keep_scans(&mut self, turn: &mut Turn) {
        let Some(scans) = &mut self.scans else { return };
        if self.mailbox.is_stored() {
            scans.changes(self.mailbox.session(), turn);
        } else {
            scans.forget_changes();
        }
        if scans.is_empty() {
            self.scans = None;
        }
    }
}

impl Held {
    pub(super) fn new(who: Who, mailbox: Arc<Mailbox>) -> Self {
        Self {
            mailbox,
            who,
            scans: None,
            subscriptions: HashSet::new(),
            will: None,
            method: None,
            checked: None,
            checks_deliveries: false,
        }
    }
}
