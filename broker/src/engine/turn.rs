//! [`Turn`]: what comes of the packets that were handled together.

use std::sync::Arc;
use std::task::Waker;

use tokio::sync::oneshot;

use super::Mailbox;
use crate::store::{Change, Queued};

/// What comes of the packets that were handled together: changes to be stored, messages to be delivered, connections to
/// be woken. [`Engine::commit`](super::Engine::commit) empties it.
#[derive(Debug, Default)]
pub struct Turn {
    /// What is to be stored, in order.
    pub changes: Vec<Change>,
    /// Messages for sessions that are stored: they are delivered when the changes are in the store's hands.
    pub(super) deliveries: Vec<(Arc<Mailbox>, Arc<Queued>)>,
    /// Who waits for a message that has been delivered.
    pub(super) wakers: Vec<Waker>,
    /// A connected client whose queue was filled by half with messages of QoS 1 and 2.
    pub(super) busy: Option<Arc<Mailbox>>,
}

impl Turn {
    /// A client that does not keep up with the messages of the turns so far, if there is one.
    pub fn take_busy(&mut self) -> Option<Arc<Mailbox>> {
        self.busy.take()
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.deliveries.is_empty() && self.wakers.is_empty()
    }
}

/// Comes when the changes of a turn are safe; an error when the broker ends before that.
pub type Commit = oneshot::Receiver<()>;
