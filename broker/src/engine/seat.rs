//! [`Seat`]: a session in the hands of its connection.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use mqtt_session::Session;
use mqtt_wire::topic::{TopicCursor, TopicFilterBuf};
use mqtt_wire::{Subscription, SubscriptionId, SubscriptionOptions, TopicFilter};

use super::{Engine, Mailbox, Slots, Turn, Will};
use crate::auth::Who;
use crate::store::{self, Change, Message};

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
    scans: VecDeque<Scan>,
    pub(super) subscriptions: HashSet<TopicFilterBuf>,
    pub(super) will: Option<Will>,
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

    /// The filters of its subscriptions.
    pub fn filters(&self) -> impl Iterator<Item = &TopicFilterBuf> {
        self.subscriptions.iter()
    }

    /// Begins to send what is retained under the filter of this subscription.
    pub fn begin_scan(&mut self, wanted: Subscription<'_>, identifier: Option<SubscriptionId>) {
        self.remove_scan(wanted.filter);
        self.scans.push_back(Scan {
            cursor: TopicCursor::new(wanted.filter),
            options: wanted.options(),
            identifier,
            is_kept: false,
            has_moved: true,
        });
    }

    /// The retained messages that are to be sent next.
    pub fn scan(&mut self) -> Option<&mut Scan> {
        self.scans.front_mut()
    }

    /// All retained messages of the first scan were sent.
    pub fn end_scan(&mut self, turn: &mut Turn) {
        if let Some(Scan { cursor, is_kept: true, .. }) = self.scans.pop_front() {
            let (session, filter) = (self.mailbox.session(), cursor.filter().to_buf());
            turn.changes.push(Change::ScanEnds { session, filter });
        }
    }

    /// What is still to be sent outlives the process, if the session does.
    pub fn keep_scans(&mut self, turn: &mut Turn) {
        if !self.mailbox.is_stored() {
            return;
        }
        let session = self.mailbox.session();
        for scan in self.scans.iter_mut().filter(|scan| scan.has_moved) {
            (scan.is_kept, scan.has_moved) = (true, false);
            let filter = scan.cursor.filter().to_buf();
            let last = scan.cursor.last().map(|last| last.to_buf());
            turn.changes.push(Change::Scan { session, scan: store::Scan { filter, last } });
        }
    }

    pub(super) fn remove_scan(&mut self, filter: TopicFilter<'_>) {
        self.scans.retain(|scan| scan.cursor.filter() != filter);
    }

    /// Goes on with a scan that was stored, for the subscription with its filter.
    pub(super) fn restore_scan(&mut self, scan: &store::Scan, subscription: &store::Subscription) {
        let filter = scan.filter.as_filter();
        let cursor = scan.last.as_ref().and_then(|last| TopicCursor::after(filter, last.as_name()));
        self.scans.push_back(Scan {
            cursor: cursor.unwrap_or_else(|| TopicCursor::new(filter)),
            options: subscription.options,
            identifier: subscription.identifier,
            is_kept: true,
            has_moved: false,
        });
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
    /// It is in the store.
    is_kept: bool,
    /// It is not in the store as it is here.
    has_moved: bool,
}

impl Scan {
    /// What comes next, at most so many messages, and whether there may be more.
    pub fn next(&mut self, engine: &dyn Engine, most: usize) -> (Vec<Arc<Message>>, bool) {
        self.has_moved = true;
        engine.retained(&mut self.cursor, most)
    }
}

impl Held {
    pub(super) fn new(who: Who, mailbox: Arc<Mailbox>) -> Self {
        Self {
            mailbox,
            who,
            scans: VecDeque::new(),
            subscriptions: HashSet::new(),
            will: None,
            method: None,
            checked: None,
            checks_deliveries: false,
        }
    }
}
