//! [`Kept`]: all that a store gives back.

use std::sync::Arc;

use mqtt_session::Record;

use super::{Change, Message, Queued, Scan, SessionId, Subscription, UnixMillis};

/// All that is kept, in the order of numbers and names.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The sessions.
    pub sessions: Vec<KeptSession>,
    /// The retained messages.
    pub retained: Vec<Arc<Message>>,
    /// The wills, with the sessions that they are of.
    pub wills: Vec<(SessionId, KeptWill)>,
    /// A number that no session has, nor any higher one.
    pub next_session: SessionId,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSession {
    /// Its number.
    pub id: SessionId,
    /// The client identifier.
    pub client: Arc<str>,
    /// The name that the client was authenticated by.
    pub user: Option<Arc<str>>,
    /// When it is over; `None` when its client was connected, and when it lasts for ever.
    pub ends_at: Option<UnixMillis>,
    /// Its subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// What is retained and still to be sent to it.
    pub scans: Vec<Scan>,
    /// Its queue, in order.
    pub queue: Vec<Queued>,
    /// What [`Session::restore`](mqtt_session::Session::restore) takes.
    pub records: Vec<Record<u64>>,
}

/// A will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptWill {
    /// The message.
    pub message: Arc<Message>,
    /// Will Delay Interval, in seconds.
    pub delay: u32,
    /// When it is to be published; `None` while its client is connected.
    pub due: Option<UnixMillis>,
}

impl KeptSession {
    /// A number that no message in the queue has, nor one in the records, nor any higher one.
    pub fn next_sequence(&self) -> u64 {
        let queued = self.queue.last().map(|queued| queued.sequence);
        let recorded = self.records.iter().filter_map(|record| match record {
            Record::Sent { key, .. } => Some(*key),
            _ => None,
        });
        queued.into_iter().chain(recorded).max().map_or(0, |last| last.saturating_add(1))
    }

    /// The changes that make this session in a store without it.
    fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        let session = self.id;
        let begin = Change::SessionBegins { session, client: self.client.clone(), user: self.user.clone() };
        let ends_at = self.ends_at.map(|at| Change::SessionEndsAt { session, ends_at: Some(at) });
        let subscribed = self.subscriptions.iter().cloned();
        let subscribed = subscribed.map(move |subscription| Change::Subscribed { session, subscription });
        let scans = self.scans.iter().cloned().map(move |scan| Change::Scan { session, scan });
        let queued = self.queue.iter().cloned().map(move |queued| Change::Queued { session, queued });
        let recorded = self.records.iter().map(move |&record| Change::Recorded { session, record });
        [begin].into_iter().chain(ends_at).chain(subscribed).chain(scans).chain(queued).chain(recorded)
    }
}

impl Kept {
    /// The changes that make all this in an empty store.
    pub fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        let sessions = self.sessions.iter().flat_map(KeptSession::changes);
        let retained = self.retained.iter().cloned().map(|message| Change::Retained { message });
        let wills = self.wills.iter().cloned().map(|(session, will)| Change::Will { session, will });
        sessions.chain(retained).chain(wills)
    }
}
