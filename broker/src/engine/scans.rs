//! [`Scans`]: the retained messages that are still to be sent to a session.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mqtt_wire::topic::{TopicCursor, TopicFilterBuf};
use mqtt_wire::{Subscription, SubscriptionId, SubscriptionOptions};

use super::{Engine, Turn};
use crate::store::{self, Change, Message, SessionId};

/// What is still to be sent for subscriptions, one after the other; each has one scan at most.
#[derive(Debug, Default)]
pub(super) struct Scans {
    in_order: BTreeMap<u64, Scan>,
    numbers: HashMap<TopicFilterBuf, u64>,
    next: u64,
    /// Those that the store does not know as they are.
    changed: Vec<u64>,
}

/// The retained messages for a subscription that are still to be sent.
#[derive(Debug)]
struct Scan {
    /// How far it is.
    cursor: TopicCursor,
    /// How they are sent.
    options: SubscriptionOptions,
    /// The Subscription Identifier that they are sent with.
    identifier: Option<SubscriptionId>,
    /// It is in the store.
    is_kept: bool,
}

impl Scans {
    pub(super) fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    /// Begins with a subscription, from the first name on.
    pub(super) fn begin(&mut self, wanted: Subscription<'_>, identifier: Option<SubscriptionId>) {
        let cursor = TopicCursor::new(wanted.filter);
        let number = self.push(Scan { cursor, options: wanted.options(), identifier, is_kept: false });
        self.changed.push(number);
    }

    /// Goes on with one that was stored.
    pub(super) fn restore(&mut self, scan: &store::Scan, of: &store::Subscription) {
        let filter = scan.filter.as_filter();
        let cursor = scan.last.as_ref().and_then(|last| TopicCursor::after(filter, last.as_name()));
        let cursor = cursor.unwrap_or_else(|| TopicCursor::new(filter));
        self.push(Scan { cursor, options: of.options, identifier: of.identifier, is_kept: true });
    }

    fn push(&mut self, mut scan: Scan) -> u64 {
        let number = self.next;
        self.next += 1;
        let before = self.numbers.insert(scan.cursor.filter().to_buf(), number);
        if let Some(before) = before.and_then(|before| self.in_order.remove(&before)) {
            scan.is_kept |= before.is_kept;
        }
        self.in_order.insert(number, scan);
        number
    }

    pub(super) fn remove(&mut self, filter: &TopicFilterBuf) {
        if let Some(number) = self.numbers.remove(filter) {
            self.in_order.remove(&number);
        }
    }

    /// The next retained messages, at most so many, and how they are sent. With the last ones the scan is over, which
    /// `session`, if it is stored, has told to the store.
    pub(super) fn next(
        &mut self,
        engine: &dyn Engine,
        most: usize,
        session: Option<SessionId>,
        turn: &mut Turn,
    ) -> Option<(Vec<Arc<Message>>, SubscriptionOptions, Option<SubscriptionId>)> {
        let mut first = self.in_order.first_entry()?;
        let scan = first.get_mut();
        let (messages, has_more) = engine.retained(&mut scan.cursor, most);
        let (options, identifier) = (scan.options, scan.identifier);
        if has_more {
            self.changed.push(*first.key());
        } else {
            let Scan { cursor, is_kept, .. } = first.remove();
            let filter = cursor.filter().to_buf();
            self.numbers.remove(&filter);
            if let Some(session) = session.filter(|_| is_kept) {
                turn.change(Change::ScanEnds { session, filter });
            }
        }
        Some((messages, options, identifier))
    }

    /// What the store has to know of them.
    pub(super) fn changes(&mut self, session: SessionId, turn: &mut Turn) {
        for number in self.changed.drain(..) {
            // One that is over was told already.
            let Some(scan) = self.in_order.get_mut(&number) else { continue };
            scan.is_kept = true;
            let filter = scan.cursor.filter().to_buf();
            let last = scan.cursor.last().map(|last| last.to_buf());
            turn.change(Change::Scan { session, scan: store::Scan { filter, last } });
        }
    }

    /// Nothing of it is stored.
    pub(super) fn forget_changes(&mut self) {
        self.changed.clear();
    }
}
