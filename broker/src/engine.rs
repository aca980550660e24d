//! What the connections of all clients have in common: subscriptions, queues, retained messages, sessions, wills.
//!
//! A connection (the front, [`crate::front`]) keeps nothing that outlives it and knows the rest by [`Engine`] alone, a
//! trait of few calls. [`Local`] does it for one machine: all is in memory, and what has to outlive the process is told to
//! a [`Store`](crate::store::Store).
//!
//! # Turns
//!
//! What a connection does with the packets that have come together is one [`Turn`]. Its changes are stored in one
//! transaction, together with those of other connections, and what the client may be told only when they are safe is sent
//! after that. [`Engine::commit`] does it, in this order:
//!
//! 1. The changes go to the store, which does them in the order in which they come.
//! 2. The messages get into the queues of sessions that are stored. Performance: those of other sessions are there already.
//! 3. The receivers are woken, each once.
//! 4. What it returns is done when the changes are safe.
//!
//! As 2 comes after 1, what a receiver makes of a message is stored after the message: a crash cannot leave the one without
//! the other.

mod committer;
mod expiry;
mod local;
mod mailbox;
mod registry;
mod retained;
mod routing;
mod scans;
mod seat;
pub mod sinks;
mod subscriptions;
pub(crate) mod sys;
mod turn;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use mqtt_session::{Ending, Growing};
use mqtt_wire::topic::TopicCursor;
use mqtt_wire::{PublishFrame, ReasonCode, Subscription, SubscriptionId, TopicFilter};

use crate::auth::Who;
use crate::store::{Message, Queued, SessionId, UnixMillis};

pub use self::local::{Local, OpenError};
pub use self::mailbox::{Mail, Mailbox};
pub use self::seat::{Held, Seat};
pub use self::turn::{Commit, Turn};

/// The slots of the sessions: a message is known by its place in the queue.
pub type Slots = Growing<Arc<Queued>>;

/// A client that was let in and wants its session.
#[derive(Debug)]
pub struct Attach {
    /// Who it is.
    pub who: Who,
    /// It does not want its earlier session.
    pub clean_start: bool,
    /// Whether the session outlives the connection.
    pub lasts: bool,
    /// Its will.
    pub will: Option<Will>,
}

/// A will as CONNECT has it.
#[derive(Debug, Clone)]
pub struct Will {
    /// The message.
    pub message: Arc<Message>,
    /// Will Delay Interval, in seconds.
    pub delay: u32,
    /// The session that it is of, as soon as there is one.
    pub session: SessionId,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// So many sessions get it.
    To(usize),
    /// It is not taken: a limit, or the store is full.
    Refused(ReasonCode),
}

/// A future without a name.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a connection asks of the rest.
pub trait Engine: Send + Sync {
    /// Takes a client's session, or begins one: that of another user is ended, as with Clean Start. The connection that has it is sent away (0x8E), and this waits until it
    /// has given the session back. The changes are added to the turn.
    ///
    /// # Errors
    /// [`ReasonCode::SESSION_TAKEN_OVER`]: a still newer connection of the same client has come;
    /// [`ReasonCode::QUOTA_EXCEEDED`]: the store is full.
    fn attach<'a>(&'a self, attach: Attach, turn: &'a mut Turn) -> Later<'a, Result<Seat, ReasonCode>>;

    /// Gives a session back, at the end of its connection, and commits the turn: who takes the session next, or begins
    /// another one, has its changes stored behind these.
    fn detach(&self, seat: Seat, ending: Ending, turn: &mut Turn);

    /// Subscribes a session. Whether the subscription is new.
    ///
    /// # Errors
    /// [`ReasonCode::QUOTA_EXCEEDED`]: the client has too many.
    fn subscribe(
        &self,
        held: &mut Held,
        subscription: Subscription<'_>,
        identifier: Option<SubscriptionId>,
        turn: &mut Turn,
    ) -> Result<bool, ReasonCode>;

    /// Ends a subscription. Whether there was one.
    fn unsubscribe(&self, held: &mut Held, filter: TopicFilter<'_>, turn: &mut Turn) -> bool;

    /// A message of its own number, whose PUBLISH names its topic and has nothing of the publisher's connection.
    fn message(&self, frame: PublishFrame, publisher: Option<Arc<str>>) -> Arc<Message>;

    /// Puts a message into the queues of its subscribers, and retains it if RETAIN is set. One that has gone through other
    /// brokers and was here before is nobody's.
    fn publish(&self, message: &Arc<Message>, turn: &mut Turn) -> Published;

    /// The next retained messages under a filter, at most so many, and whether there may be more.
    fn retained(&self, cursor: &mut TopicCursor, most: usize) -> (Vec<Arc<Message>>, bool);

    /// Puts a retained message into the hands of a session, to be sent next.
    fn hand(&self, held: &Held, queued: Queued, turn: &mut Turn) -> Arc<Queued>;

    /// Hands the turn's changes to the store and its messages to their receivers; the turn is then empty. `None` when
    /// there is nothing to wait for.
    fn commit(&self, turn: &mut Turn) -> Option<Commit>;

    /// The time.
    fn now(&self) -> UnixMillis;
}
