//! [`Local`]: the engine of one machine.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mqtt_session::{Ending, Record, Session};
use mqtt_wire::topic::TopicCursor;
use mqtt_wire::{PublishFrame, ReasonCode, Subscription, SubscriptionId, TopicFilter};

use super::committer::Committer;
use super::expiry::Expiry;
use super::registry::Registry;
use super::retained::RetainedStore;
use super::subscriptions::{Subscriber, Subscriptions};
use super::turn::Parts;
use super::{Attach, Commit, Engine, Held, Later, Mailbox, Published, Seat, Turn, Will};
use crate::auth::{Who, shown};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::metrics::{Dropped, Metrics, gauge};
use crate::store::{Kept, KeptSession, Message, Queued, Store, StoreError, UnixMillis};

/// The engine of one machine: everything is in memory, and what has to outlive the process in a store as well.
pub struct Local {
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) registry: Registry,
    pub(super) subscriptions: Subscriptions,
    /// The subscriptions of sinks, which are asked first.
    pub(super) sinks: Subscriptions,
    pub(super) has_sinks: AtomicBool,
    pub(super) identities: OnceLock<Vec<String>>,
    pub(super) retained: RetainedStore,
    pub(super) expiry: Expiry,
    /// `None`: nothing outlives the process.
    committer: Option<Committer>,
    sessions: AtomicU64,
    messages: AtomicU64,
}

/// Messages up to this size are copied out of the buffer that they were read into: a larger one is at least a quarter of
/// it, in which there are pieces of 16 KiB, and may keep it.
const COPIED: usize = 8192;

impl Local {
    /// An engine that keeps everything in memory.
    pub fn in_memory(limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self::new(limits, metrics, None, &Kept::default())
    }

    /// An engine with what is in that store. From then on a thread of its own stores what changes.
    ///
    /// # Errors
    /// When the store cannot be read, or there is no thread.
    pub fn open(mut store: Box<dyn Store>, limits: Limits, metrics: Arc<Metrics>) -> Result<Self, OpenError> {
        let kept = store.load().map_err(OpenError::Store)?;
        let committer = Committer::start(store, metrics.clone()).map_err(OpenError::Thread)?;
        let mut this = Self::new(limits, metrics, Some(committer), &kept);
        this.restore(kept);
        Ok(this)
    }

    fn new(limits: Limits, metrics: Arc<Metrics>, committer: Option<Committer>, kept: &Kept) -> Self {
        Self {
            limits,
            clock: Clock::new(),
            metrics,
            registry: Registry::default(),
            subscriptions: Subscriptions::default(),
            sinks: Subscriptions::default(),
            has_sinks: AtomicBool::new(false),
            identities: OnceLock::new(),
            retained: RetainedStore::default(),
            expiry: Expiry::default(),
            committer,
            sessions: AtomicU64::new(kept.next_session.max(1)),
            messages: AtomicU64::new(first_message()),
        }
    }

    fn restore(&mut self, kept: Kept) {
        for message in kept.retained {
            if let Some(topic) = message.frame.publish().topic {
                self.retained.write().insert(topic, message.clone());
            }
        }
        let mut wills: HashMap<_, _> = kept.wills.into_iter().collect();
        let now = self.clock.now();
        for session in kept.sessions {
            let will = wills.remove(&session.id).map(|kept| {
                let due = kept.due.unwrap_or_else(|| now.saturating_add(u64::from(kept.delay) * 1000));
                (Will { message: kept.message, delay: kept.delay, session: session.id }, due)
            });
            self.restore_session(session, will, now);
        }
        // The other clients' sessions have ended with the process, and their wills are due with that.
        let mut turn = Turn::default();
        for (session, kept) in wills {
            let will = Will { message: kept.message, delay: kept.delay, session };
            self.publish_will_of_the_past(&will, &mut turn);
        }
        // Nobody is there to wait for it.
        let _ = self.commit(&mut turn);
    }

    fn restore_session(&self, kept: KeptSession, will: Option<(Will, UnixMillis)>, now: UnixMillis) {
        let who = Who { client: kept.client.clone(), user: kept.user.clone() };
        let next = kept.next_sequence();
        let mailbox = Mailbox::new(kept.id, kept.client.clone(), (true, true), next, &self.limits);
        let mailbox = Arc::new(mailbox);
        let queue: HashMap<u64, Arc<Queued>> =
            kept.queue.iter().map(|queued| (queued.sequence, Arc::new(queued.clone()))).collect();
        let mut under_way = HashSet::new();
        let mut records = Vec::new();
        for record in kept.records {
            // A record comes with its message; one without cannot be sent again.
            if let Record::Sent { key, .. } = &record {
                under_way.insert(*key);
                if !queue.contains_key(key) {
                    tracing::warn!(
                        client = shown(&kept.client),
                        "a message under way to it is not in the store"
                    );
                    continue;
                }
            }
            records.push(with_message(record, &queue));
        }
        mailbox.under_way(under_way.len());
        // More may be under way than `limits.in_flight`, which was another number then.
        let under_way_at_most = u16::try_from(under_way.len()).unwrap_or(u16::MAX);
        let slots = self.slots(under_way_at_most);
        let session = Session::restore(slots, records.into_iter().flatten()).unwrap_or_else(|error| {
            tracing::error!(client = shown(&kept.client), "its session cannot go on: {error}");
            Session::new(self.slots(0))
        });
        let mut waiting: Vec<_> = queue.into_values().filter(|q| !under_way.contains(&q.sequence)).collect();
        waiting.sort_by_key(|queued| queued.sequence);
        for queued in waiting {
            mailbox.restore(queued);
        }
        let mut held = Held::new(who, mailbox.clone());
        for scan in &kept.scans {
            let of = kept.subscriptions.iter().find(|subscription| subscription.filter == scan.filter);
            if let Some(subscription) = of {
                held.scans.get_or_insert_default().restore(scan, subscription);
            }
        }
        for crate::store::Subscription { filter, options, identifier } in kept.subscriptions {
            let subscriber = Subscriber { mailbox: mailbox.clone(), options, identifier };
            self.add_subscriber(filter.as_filter(), subscriber);
            held.subscriptions.insert(filter);
            self.metrics.subscriptions.inc();
        }
        let ends_at = kept.ends_at.or_else(|| self.limits.session_end(session.expires_at(now), now));
        let will = will.map(|(will, due)| (will, ends_at.map_or(due, |ends| ends.min(due))));
        for due in ends_at.into_iter().chain(will.as_ref().map(|(_, due)| *due)) {
            self.expiry.at(due, &kept.client);
        }
        self.registry.restore(kept.client, Seat { session, held }, ends_at, will);
    }

    fn publish_will_of_the_past(&self, will: &Will, turn: &mut Turn) {
        // A will that a limit refuses has nobody to be told.
        let _ = self.route_or_retain(&self.renewed(&will.message), false, turn);
        turn.change(crate::store::Change::WillRemoved { session: will.session });
    }

    /// The message of a will as it is when that is published: its Message Expiry Interval begins.
    pub(super) fn renewed(&self, message: &Message) -> Arc<Message> {
        self.message(message.frame.clone(), message.publisher.clone())
    }

    pub(super) fn is_persistent(&self) -> bool {
        self.committer.is_some()
    }

    pub(super) fn is_full(&self) -> bool {
        self.committer.as_ref().is_some_and(Committer::is_full)
    }

    pub(super) fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    /// Looks after sessions that end, wills that are due and retained messages that expire, for ever.
    pub async fn look_after_all(&self) {
        let mut turn = Turn::default();
        loop {
            let wait = self.expiry.next().map_or(Duration::from_secs(1), |due| self.clock.until(due));
            tokio::select! {
                () = tokio::time::sleep(wait.min(Duration::from_secs(1))) => {}
                () = self.expiry.sooner() => {}
            }
            while let Some(client) = self.expiry.take(self.clock.now()) {
                self.look_after(&client, &mut turn);
                tokio::task::yield_now().await;
            }
            self.sweep_retained(&mut turn);
            // Nobody is there to wait for it.
            let _ = self.commit(&mut turn);
        }
    }

    /// Sends all clients away with that reason code.
    pub fn kick_all(&self, code: ReasonCode) {
        self.registry.kick_all(code);
    }

    /// The number of connected clients, and of sessions without a connection.
    pub fn clients(&self) -> (usize, usize) {
        self.registry.count()
    }

    /// The number of filters that somebody has subscribed to.
    pub fn filters(&self) -> usize {
        self.subscriptions.read().len()
    }

    /// The number of retained messages and of their bytes.
    pub fn retained_count(&self) -> (usize, usize) {
        self.retained.read().count()
    }

    /// Sets the gauges that are counted when somebody looks: sessions, retained messages, queues.
    ///
    /// It goes through all sessions. Performance: so a message that is put into a queue or taken out touches no number
    /// that all connections share.
    pub fn observe(&self) {
        let (retained, retained_bytes) = self.retained_count();
        let (sessions, queued, queued_bytes) = self.registry.queues();
        self.metrics.sessions.set(gauge(sessions));
        self.metrics.queued.set(gauge(queued));
        self.metrics.queued_bytes.set(gauge(queued_bytes));
        self.metrics.retained.set(gauge(retained));
        self.metrics.retained_bytes.set(gauge(retained_bytes));
    }

    /// Whether the store takes nothing at the moment.
    pub fn is_store_full(&self) -> bool {
        self.is_full()
    }

    /// Stores what is to be stored and ends the thread that does it. It blocks.
    pub fn close(&self) {
        if let Some(committer) = &self.committer {
            committer.close();
        }
    }
}

/// The number of the first message of a process.
///
/// It is drawn, so that no two messages of any processes have the same number: sinks tell other systems by it which
/// messages are the same, and a crash forgets numbers that a sink may have passed on already.
fn first_message() -> u64 {
    rand::random::<u64>() >> 2 | 1
}

/// The record with the message that it is of; `None` without that.
fn with_message(record: Record<u64>, queue: &HashMap<u64, Arc<Queued>>) -> Option<Record<Arc<Queued>>> {
    Some(match record {
        Record::Sent { id, qos, retain, size, key } => {
            Record::Sent { id, qos, retain, size, key: queue.get(&key)?.clone() }
        }
        Record::Lasts(expiry) => Record::Lasts(expiry),
        Record::Released(id) => Record::Released(id),
        Record::Abandoned(id, code) => Record::Abandoned(id, code),
        Record::Completed(id) => Record::Completed(id),
        Record::Received(id) => Record::Received(id),
        Record::Forgotten(id) => Record::Forgotten(id),
        Record::Ended => Record::Ended,
    })
}

impl Engine for Local {
    fn attach<'a>(&'a self, attach: Attach, turn: &'a mut Turn) -> Later<'a, Result<Seat, ReasonCode>> {
        // A session that lasts is to be stored, and a will.
        if (attach.lasts || attach.will.is_some()) && self.is_full() {
            return Box::pin(std::future::ready(Err(ReasonCode::QUOTA_EXCEEDED)));
        }
        Box::pin(self.take_seat(attach, turn))
    }

    fn detach(&self, seat: Seat, ending: Ending, turn: &mut Turn) {
        self.give_back(seat, ending, turn);
    }

    fn subscribe(
        &self,
        held: &mut Held,
        subscription: Subscription<'_>,
        identifier: Option<SubscriptionId>,
        turn: &mut Turn,
    ) -> Result<bool, ReasonCode> {
        self.add(held, subscription, identifier, turn)
    }

    fn unsubscribe(&self, held: &mut Held, filter: TopicFilter<'_>, turn: &mut Turn) -> bool {
        self.remove(held, filter, turn)
    }

    fn message(&self, frame: PublishFrame, publisher: Option<Arc<str>>) -> Arc<Message> {
        let id = self.messages.fetch_add(1, Ordering::Relaxed);
        let arrived = self.clock.now();
        let properties = frame.publish().properties;
        let expiry = if properties.is_empty() { None } else { properties.message_expiry_interval() };
        let expires = expiry.map(|seconds| arrived.saturating_add(u64::from(seconds) * 1000));
        let frame = if frame.frame().as_bytes().len() > COPIED { frame } else { frame.compact() };
        Arc::new(Message { id, frame, arrived, expires, publisher })
    }

    fn publish(&self, message: &Arc<Message>, turn: &mut Turn) -> Published {
        let publish = message.frame.publish();
        if self.is_full() && (publish.retain || publish.delivery.packet_id().is_some()) {
            self.metrics.dropped(Dropped::StoreFull);
            return Published::Refused(ReasonCode::QUOTA_EXCEEDED);
        }
        if self.has_been_here(&publish) {
            return Published::To(0);
        }
        self.route_or_retain(message, publish.delivery.packet_id().is_some(), turn)
    }

    fn retained(&self, cursor: &mut TopicCursor, most: usize) -> (Vec<Arc<Message>>, bool) {
        self.next_retained(cursor, most)
    }

    fn hand(&self, held: &Held, mut queued: Queued, turn: &mut Turn) -> Arc<Queued> {
        let mailbox = &held.mailbox;
        mailbox.under_way(1);
        if mailbox.keeps(queued.qos) {
            queued.sequence = mailbox.next_sequence();
            let change = crate::store::Change::Queued { session: mailbox.session(), queued: queued.clone() };
            turn.change(change);
        }
        Arc::new(queued)
    }

    fn commit(&self, turn: &mut Turn) -> Option<Commit> {
        if turn.is_empty() {
            return None;
        }
        let has_changes = turn.has_changes();
        let Parts { changes, retained, deliveries, returned, wakers, .. } = turn.parts();
        let changes = std::mem::take(changes);
        let commit = match &self.committer {
            Some(committer) if has_changes => Some(self.store(committer, changes, retained)),
            _ => None,
        };
        for (mailbox, queued) in deliveries.drain(..) {
            match mailbox.put(queued) {
                Ok(waker) => wakers.extend(waker),
                Err(queued) => returned.push(queued),
            }
        }
        wakers.drain(..).for_each(std::task::Waker::wake);
        if returned.is_empty() {
            return commit;
        }
        let returned = std::mem::take(returned);
        self.send_to_others(returned, turn);
        // What is handed to the store later is safe later.
        self.commit(turn).or(commit)
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }
}

/// Why there is no engine.
#[derive(Debug)]
pub enum OpenError {
    /// The store cannot be read.
    Store(StoreError),
    /// There is no thread for it.
    Thread(std::io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "there is no thread for the store: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}
