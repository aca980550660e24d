//! [`Turn`]: what comes of the packets that were handled together.

use std::sync::Arc;
use std::task::Waker;

use mqtt_wire::topic::TopicNameBuf;
use tokio::sync::oneshot;

use super::Mailbox;
use crate::store::{Change, Queued};

/// What comes of the packets that were handled together: changes to be stored, messages to be delivered, connections to
/// be woken. [`Engine::commit`](super::Engine::commit) empties it.
///
/// Performance: all this is in a box that is there only when something has come, so that a connection that waits is
/// small.
#[derive(Debug, Default)]
pub struct Turn(Option<Box<Parts>>);

#[derive(Debug, Default)]
pub(super) struct Parts {
    /// What is to be stored, in order.
    pub(super) changes: Vec<Change>,
    /// The topics whose retained message is another one or none, and to be stored as it is when the turn is committed.
    pub(super) retained: Vec<TopicNameBuf>,
    /// Messages for sessions that are stored: they are delivered when the changes are in the store's hands.
    pub(super) deliveries: Vec<(Arc<Mailbox>, Arc<Queued>)>,
    /// Messages that were on their way to sessions that are over.
    pub(super) returned: Vec<Arc<Queued>>,
    /// Who waits for a message that has been delivered.
    pub(super) wakers: Vec<Waker>,
    /// A connected client whose queue was filled by half with messages of QoS 1 and 2.
    pub(super) busy: Option<Arc<Mailbox>>,
}

impl Turn {
    /// One change more is to be stored.
    pub fn change(&mut self, change: Change) {
        self.parts().changes.push(change);
    }

    /// Whether there are changes to be stored.
    pub fn has_changes(&self) -> bool {
        self.0.as_ref().is_some_and(|parts| !parts.changes.is_empty() || !parts.retained.is_empty())
    }

    /// A client that does not keep up with the messages of the turns so far, if there is one.
    pub fn take_busy(&mut self) -> Option<Arc<Mailbox>> {
        self.0.as_mut()?.busy.take()
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        let nothing = |parts: &Parts| {
            parts.deliveries.is_empty() && parts.returned.is_empty() && parts.wakers.is_empty()
        };
        !self.has_changes() && self.0.as_deref().is_none_or(nothing)
    }

    /// Gives the memory back, if nothing is to be done.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            self.0 = None;
        }
    }

    pub(super) fn parts(&mut self) -> &mut Parts {
        self.0.get_or_insert_default()
    }
}

/// Comes when the changes of a turn are safe; an error when the broker ends before that.
pub type Commit = oneshot::Receiver<()>;
