//! What outlives the process: sessions, their subscriptions and queues, retained messages, and wills.
//!
//! The engine keeps all of it in memory and tells a [`Store`] what changes, as [`Change`]s. One [`commit`](Store::commit)
//! is one transaction and one sync, for any number of changes: all of them are safe when it returns, or none of them is
//! there. What may be said to a client only when it is safe (an acknowledgement, a CONNACK) waits for that.
//!
//! [`Kept`] is what a store gives back when the process starts, and [`Kept::changes`] are the changes that make the same
//! again in an empty store.
//!
//! # Who is who
//!
//! | | number | given by | means |
//! |---|---|---|---|
//! | [`SessionId`] | `u64` | the engine, from [`Kept::next_session`] on | one session of one client; the client's next session has another number |
//! | [`MessageId`] | `u64` | the engine, from a number on that each process draws | one message of one process, whoever it is queued for |
//! | sequence number | `u64` | the engine, from [`KeptSession::next_sequence`] on | a place in the queue of one session, and the key in its [`Record`]s |

mod disk;
pub mod dump;
mod kept;
mod memory;
mod rows;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use mqtt_session::Record;
use mqtt_wire::topic::{TopicFilterBuf, TopicNameBuf};
use mqtt_wire::{PublishFrame, QoS, SubscriptionId, SubscriptionOptions};

pub use self::disk::{Disk, FILE, print_no_panic_of_damaged_files};
pub use self::kept::{Kept, KeptSession, KeptWill};
pub use self::memory::Memory;

/// Milliseconds since the beginning of 1970 in UTC: what is stored has to mean the same after a restart.
pub type UnixMillis = u64;

/// The number of a session.
pub type SessionId = u64;

/// The number of a message.
pub type MessageId = u64;

/// A message as it is kept: once, whoever it is queued for, and whether it is retained as well.
///
/// Messages with the same number are the same message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its number.
    pub id: MessageId,
    /// The PUBLISH. Its QoS is that of its publisher; its identifier, DUP, and Subscription Identifiers mean nothing.
    pub frame: PublishFrame,
    /// When it arrived.
    pub arrived: UnixMillis,
    /// When its Message Expiry Interval is over; `None` when it has none.
    pub expires: Option<UnixMillis>,
    /// The client identifier of its publisher, for No Local.
    pub publisher: Option<Arc<str>>,
}

impl Message {
    /// What it counts for, in bytes.
    pub fn size(&self) -> usize {
        self.frame.frame().as_bytes().len()
    }
}

/// A message in the queue of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Queued {
    /// Its place: the order of delivery, and the key in the session's records.
    pub sequence: u64,
    /// The message.
    pub message: Arc<Message>,
    /// The QoS that it is delivered with, 1 or 2 for what has to be kept.
    pub qos: QoS,
    /// Whether RETAIN is set when it is delivered.
    pub retain: bool,
    /// The identifiers of the subscriptions by which it came.
    pub identifiers: Vec<SubscriptionId>,
    /// The shared subscription by which it came, so that another member can have it: `$share/name/filter`.
    pub share: Option<Arc<str>>,
}

/// A subscription of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// The filter, with `$share/name/` where it is shared.
    pub filter: TopicFilterBuf,
    /// Its options.
    pub options: SubscriptionOptions,
    /// Its Subscription Identifier.
    pub identifier: Option<SubscriptionId>,
}

/// The retained messages that are still to be sent for a new subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scan {
    /// The filter of the subscription.
    pub filter: TopicFilterBuf,
    /// The name of the last one that is in the queue or was sent; the others come behind it.
    pub last: Option<TopicNameBuf>,
}

/// One change of what outlives the process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A session begins. Until its end all that is said of it is kept.
    SessionBegins {
        /// Its number, which no session had before.
        session: SessionId,
        /// The client identifier. A client has at most one session: the one before has to end first.
        client: Arc<str>,
        /// The name that the client was authenticated by.
        user: Option<Arc<str>>,
    },
    /// The session is over: its subscriptions, scans, queue and records are gone. (Not its will.)
    SessionEnds {
        /// Its number.
        session: SessionId,
    },
    /// When the session is over unless its client comes back. `None` while its client is connected, and when it lasts for
    /// ever; a session that was connected when the process ended has `None`, too, and a record says how long it lasts.
    SessionEndsAt {
        /// Its number.
        session: SessionId,
        /// When.
        ends_at: Option<UnixMillis>,
    },
    /// The session subscribes, or its subscription with that filter is another one.
    Subscribed {
        /// Whose.
        session: SessionId,
        /// The subscription.
        subscription: Subscription,
    },
    /// The session has no subscription with that filter, and no scan for it.
    Unsubscribed {
        /// Whose.
        session: SessionId,
        /// The filter.
        filter: TopicFilterBuf,
    },
    /// Retained messages are still to be sent for a subscription of the session; or they were, up to a later name than
    /// before.
    Scan {
        /// Whose.
        session: SessionId,
        /// Which.
        scan: Scan,
    },
    /// All retained messages for that subscription are in the queue, or were sent.
    ScanEnds {
        /// Whose.
        session: SessionId,
        /// The filter.
        filter: TopicFilterBuf,
    },
    /// A message is put into the queue of a session. The message itself is stored when it is seen first, and is gone when
    /// no queue has it, it is not retained, and is no will.
    Queued {
        /// Whose queue.
        session: SessionId,
        /// The message and how it is delivered.
        queued: Queued,
    },
    /// A message is taken out of the queue of a session: delivered, expired, dropped, or given to another one.
    Dequeued {
        /// Whose queue.
        session: SessionId,
        /// Its place.
        sequence: u64,
    },
    /// A record of the protocol state of a session.
    Recorded {
        /// Whose.
        session: SessionId,
        /// The record; its key is a place in the queue.
        record: Record<u64>,
    },
    /// A message is retained, instead of the one with the same topic name.
    Retained {
        /// The message.
        message: Arc<Message>,
    },
    /// No message is retained under this name.
    RetainedRemoved {
        /// The name.
        topic: TopicNameBuf,
    },
    /// A session has a will. It outlives the session that it is of, and is kept for clients without a kept session, too: a
    /// will is published when the process has ended without having sent the client away.
    Will {
        /// Whose.
        session: SessionId,
        /// The will.
        will: KeptWill,
    },
    /// The session has no will: it was published, or the client has said goodbye.
    WillRemoved {
        /// Whose.
        session: SessionId,
    },
}

/// Where it is kept what outlives the process.
///
/// A store does its work in the calling thread and may block.
pub trait Store: Send {
    /// All that is kept. To be called once, before the first [`commit`](Self::commit).
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&mut self) -> Result<Kept, StoreError>;

    /// Does these changes, in this order, in one transaction: when it returns they are safe.
    ///
    /// # Errors
    /// Nothing of `changes` is there then, unless the store cannot be opened again to find out: they may all be there, and
    /// it does no harm that they are committed again, with others behind them. What was committed before is there.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no room on the disk. The store can be used further: a later commit may find room.
    Full,
    /// Another process has the file open.
    Locked(PathBuf),
    /// The file was made by a later version of this program.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u64,
    },
    /// The file is not one of this program's, or is damaged.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("there is no room left for the store"),
            Self::Locked(path) => write!(f, "{} is in use by another process", path.display()),
            Self::Newer { path, format } => {
                write!(
                    f,
                    "{} has format {format}, which a later version of this program has made",
                    path.display()
                )
            }
            Self::Damaged { path, what } => write!(f, "{} is damaged: {what}", path.display()),
            Self::Io(error) => write!(f, "the store cannot be used: {error}"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The error itself is in the text already.
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full
            }
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests;
