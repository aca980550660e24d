//! What the connections hand to whoever watches, without ever waiting for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender as Channel, channel};
use std::time::{Duration, SystemTime};

use mqtt_wire::Sender;

use crate::capture::Time;

/// How many bytes of traffic wait to be decoded.
pub(super) const MOST: usize = 64 * 1024 * 1024;
/// What an event takes besides its bytes.
const EACH: usize = 256;

/// What happened on a connection, and when.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) time: Time,
    /// Counts the connections that were passed on.
    pub(super) connection: u64,
    pub(super) what: What,
    /// What it takes of the feed's room.
    cost: usize,
}

#[derive(Debug)]
pub(super) enum What {
    Opened {
        client: SocketAddr,
        server: SocketAddr,
    },
    Bytes {
        sender: Sender,
        /// How many bytes of the same sender before these had no room.
        skipped: u64,
        bytes: Vec<u8>,
    },
    /// The sender has said that it sends no more.
    Closed {
        sender: Sender,
        /// As for bytes.
        skipped: u64,
    },
    Reset {
        sender: Sender,
    },
    /// Something to be said to the user.
    Remark(String),
    /// The user has seen enough.
    Stop,
}

/// Where events go in. Clones share the room.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    events: Channel<Event>,
    shared: Arc<Shared>,
}

/// Where they come out.
pub(super) struct Watch {
    events: Receiver<Event>,
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    taken: AtomicUsize,
    /// What was passed on.
    pub(super) connections: AtomicU64,
    pub(super) from_clients: AtomicU64,
    pub(super) from_servers: AtomicU64,
    /// Connections that could not be passed on.
    pub(super) failed: AtomicU64,
    /// What was passed on and had no room here.
    pub(super) unseen_connections: AtomicU64,
    pub(super) unseen_bytes: AtomicU64,
}

pub(super) fn feed() -> (Feed, Watch) {
    let (sender, receiver) = channel();
    let shared = Arc::new(Shared::default());
    (Feed { events: sender, shared: Arc::clone(&shared) }, Watch { events: receiver, shared })
}

impl Feed {
    /// A connection is passed on, and is watched if there is room.
    pub(super) fn opened(&self, client: SocketAddr, server: SocketAddr) -> Seen {
        let connection = self.shared.connections.fetch_add(1, Ordering::Relaxed);
        // Room for its end as well, whose events come behind this one and take no room of their own.
        let is_watched = self.take(4 * EACH);
        if is_watched {
            self.send(connection, What::Opened { client, server }, 4 * EACH);
        } else {
            self.shared.unseen_connections.fetch_add(1, Ordering::Relaxed);
        }
        Seen { feed: self.clone(), connection, is_watched }
    }

    /// A connection cannot be passed on.
    pub(super) fn failed(&self, remark: String) {
        self.shared.failed.fetch_add(1, Ordering::Relaxed);
        self.remark(remark);
    }

    pub(super) fn remark(&self, remark: String) {
        let cost = EACH + remark.len();
        if self.take(cost) {
            self.send(0, What::Remark(remark), cost);
        }
    }

    pub(super) fn stop(&self) {
        self.send(0, What::Stop, 0);
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = &self.shared.taken;
        let fits = |now: usize| now.checked_add(bytes).filter(|sum| *sum <= MOST);
        taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).is_ok()
    }

    /// Nobody watches any more when this fails, and the end is near.
    fn send(&self, connection: u64, what: What, cost: usize) {
        let _ = self.events.send(Event { time: now(), connection, what, cost });
    }
}

/// One connection, as far as there is room to watch it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    feed: Feed,
    connection: u64,
    is_watched: bool,
}

impl Seen {
    /// The bytes that are about to be passed on; `skipped` counts those that had no room.
    pub(super) fn bytes(&self, sender: Sender, skipped: &mut u64, bytes: &[u8]) {
        let shared = &self.feed.shared;
        let length = bytes.len() as u64;
        let total = match sender {
            Sender::Client => &shared.from_clients,
            Sender::Server => &shared.from_servers,
        };
        total.fetch_add(length, Ordering::Relaxed);
        let cost = EACH + bytes.len();
        if self.is_watched && self.feed.take(cost) {
            let what = What::Bytes { sender, skipped: *skipped, bytes: bytes.to_vec() };
            *skipped = 0;
            self.feed.send(self.connection, what, cost);
        } else {
            *skipped += length;
            shared.unseen_bytes.fetch_add(length, Ordering::Relaxed);
        }
    }

    pub(super) fn closed(&self, sender: Sender, skipped: u64) {
        self.end(What::Closed { sender, skipped });
    }

    pub(super) fn reset(&self, sender: Sender) {
        self.end(What::Reset { sender });
    }

    fn end(&self, what: What) {
        if self.is_watched {
            self.feed.send(self.connection, what, 0);
        }
    }

    pub(super) fn remark(&self, remark: String) {
        self.feed.remark(remark);
    }
}

impl Watch {
    /// The next event, if one is there.
    pub(super) fn ready(&self) -> Option<Event> {
        self.events.try_recv().ok().inspect(|event| self.give_back(event))
    }

    /// The next event; `None` when no more can come.
    pub(super) fn next(&self) -> Option<Event> {
        self.events.recv().ok().inspect(|event| self.give_back(event))
    }

    fn give_back(&self, event: &Event) {
        self.shared.taken.fetch_sub(event.cost, Ordering::AcqRel);
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Time(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
