//! Who has subscribed to what.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;
use mqtt_wire::topic::FilterTree;
use mqtt_wire::{ReasonCode, Subscription, SubscriptionId, SubscriptionOptions, TopicFilter};
use parking_lot::RwLock;

use super::local::Local;
use super::{Held, Mailbox, Turn};
use crate::store::{self, Change, SessionId};

/// The subscriptions of all sessions, by their filters.
pub(super) type Subscriptions = RwLock<FilterTree<Group>>;

/// Those who have subscribed to one filter.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Performance: in a map that is a list as well, so that one is found in one step and all are gone through fast.
    pub(super) members: IndexMap<SessionId, Subscriber>,
    /// Of a shared subscription: where the search for a member begins next.
    next: AtomicUsize,
}

/// A subscription of a session.
#[derive(Debug, Clone)]
pub(super) struct Subscriber {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) options: SubscriptionOptions,
    pub(super) identifier: Option<SubscriptionId>,
}

/// Of how many members of a shared subscription the least busy is chosen. If none of them is connected, it is the next one
/// that is.
const CANDIDATES: usize = 32;

impl Group {
    /// The members of a shared subscription, the one first that is to get the next message: the least busy of those that
    /// are connected.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &Subscriber> {
        let len = self.members.len();
        let start = self.next.fetch_add(1, Ordering::Relaxed) % len.max(1);
        let at = move |n: usize| (start + n) % len.max(1);
        let busy = |n: &usize| {
            let mailbox = self.members.get_index(at(*n)).map(|(_, member)| &member.mailbox);
            mailbox.map_or((true, usize::MAX), |mailbox| (!mailbox.is_connected(), mailbox.load()))
        };
        let best = (0..len.min(CANDIDATES)).min_by_key(busy).unwrap_or_default();
        let is_away = |n: &usize| busy(n).0;
        let best =
            if is_away(&best) { (CANDIDATES..len).find(|n| !is_away(n)).unwrap_or(best) } else { best };
        (0..len).filter_map(move |n| self.members.get_index(at(best + n)).map(|(_, member)| member))
    }
}

impl Local {
    pub(super) fn add(
        &self,
        held: &mut Held,
        wanted: Subscription<'_>,
        identifier: Option<SubscriptionId>,
        turn: &mut Turn,
    ) -> Result<bool, ReasonCode> {
        let filter = wanted.filter.to_buf();
        let is_new = !held.subscriptions.contains(&filter);
        if is_new && held.subscriptions.len() >= self.limits.subscriptions
            || held.mailbox.is_stored() && self.is_full()
        {
            return Err(ReasonCode::QUOTA_EXCEEDED);
        }
        let options = wanted.options();
        self.add_subscriber(wanted.filter, Subscriber { mailbox: held.mailbox.clone(), options, identifier });
        if held.mailbox.is_stored() {
            let subscription = store::Subscription { filter: filter.clone(), options, identifier };
            turn.change(Change::Subscribed { session: held.mailbox.session(), subscription });
        }
        if held.subscriptions.insert(filter) {
            self.metrics.subscriptions.inc();
        }
        Ok(is_new)
    }

    pub(super) fn remove(&self, held: &mut Held, filter: TopicFilter<'_>, turn: &mut Turn) -> bool {
        let filter = filter.to_buf();
        if !held.subscriptions.remove(&filter) {
            return false;
        }
        self.metrics.subscriptions.dec();
        let session = held.mailbox.session();
        self.remove_subscriber(filter.as_filter(), &held.mailbox);
        if let Some(scans) = &mut held.scans {
            scans.remove(&filter);
        }
        if filter.as_filter().is_shared() {
            let others = held.mailbox.take_shared(Some(filter.as_str()));
            Self::take_out(&held.mailbox, &others, turn);
            self.send_to_others(others, turn);
        }
        if held.mailbox.is_stored() {
            turn.change(Change::Unsubscribed { session, filter });
        }
        true
    }

    /// Where the subscriptions of such a session are.
    fn of(&self, mailbox: &Mailbox) -> &Subscriptions {
        if mailbox.is_sink() {
            self.has_sinks.store(true, Ordering::Relaxed);
            &self.sinks
        } else {
            &self.subscriptions
        }
    }

    pub(super) fn add_subscriber(&self, filter: TopicFilter<'_>, subscriber: Subscriber) {
        let mut tree = self.of(&subscriber.mailbox).write();
        let group = tree.get_or_insert_with(filter, Group::default);
        group.members.insert(subscriber.mailbox.session(), subscriber);
    }

    pub(super) fn remove_subscriber(&self, filter: TopicFilter<'_>, mailbox: &Mailbox) {
        let session = mailbox.session();
        let mut tree = self.of(mailbox).write();
        let Some(group) = tree.get_mut(filter) else { return };
        group.members.swap_remove(&session);
        if group.members.is_empty() {
            tree.remove(filter);
        } else if group.members.len() * 4 < group.members.capacity() {
            group.members.shrink_to_fit();
        }
    }
}
