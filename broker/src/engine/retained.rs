//! Retained messages (section 3.3.1.3).

use std::sync::Arc;

use mqtt_wire::topic::{Sweep, TopicCursor, TopicNameBuf, TopicTree};
use mqtt_wire::{ReasonCode, TopicName};
use parking_lot::RwLock;

use super::committer::Committer;
use super::local::Local;
use super::sys::SYS;
use super::{Commit, Turn};
use crate::metrics::Dropped;
use crate::store::{Change, Message};

/// The retained messages, and their size.
#[derive(Default)]
pub(super) struct RetainedMessages {
    tree: TopicTree<Arc<Message>>,
    bytes: usize,
    sweep: Sweep,
}

pub(super) type RetainedStore = RwLock<RetainedMessages>;

/// How many retained messages are looked at in one go for those that have expired.
const SWEPT: usize = 1000;

impl RetainedMessages {
    pub(super) fn insert(&mut self, topic: TopicName<'_>, message: Arc<Message>) {
        self.bytes += message.size();
        if let Some(old) = self.tree.insert(topic, message) {
            self.bytes = self.bytes.saturating_sub(old.size());
        }
    }

    fn remove(&mut self, topic: TopicName<'_>) -> bool {
        let old = self.tree.remove(topic);
        self.bytes = self.bytes.saturating_sub(old.as_deref().map_or(0, Message::size));
        old.is_some()
    }

    /// The number of messages and of their bytes.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.tree.len(), self.bytes)
    }
}

impl Local {
    /// Retains a message, or, if it has no payload, removes the one that is there.
    ///
    /// # Errors
    /// [`ReasonCode::QUOTA_EXCEEDED`]: the message `may_be_refused`, and there is no room for it. Of another one nothing is
    /// retained, nor what was there before: it would not be the last one.
    pub(super) fn retain(
        &self,
        topic: TopicName<'_>,
        message: &Arc<Message>,
        may_be_refused: bool,
        turn: &mut Turn,
    ) -> Result<(), ReasonCode> {
        let mut retained = self.retained.write();
        // What the broker says of itself is not stored.
        let stored = self.is_persistent() && !topic.as_bytes().starts_with(SYS);
        let old = retained.tree.get(topic).map(|old| old.size());
        let full = old.is_none() && retained.tree.len() >= self.limits.retained_messages;
        let bytes = retained.bytes.saturating_sub(old.unwrap_or_default()).saturating_add(message.size());
        let is_empty = message.frame.publish().payload.is_empty();
        let fits = !full && bytes <= self.limits.retained_bytes;
        if !is_empty && !fits {
            self.metrics.dropped(Dropped::RetainedFull);
            if may_be_refused {
                return Err(ReasonCode::QUOTA_EXCEEDED);
            }
        }
        let is_changed = if is_empty || !fits {
            retained.remove(topic)
        } else {
            retained.insert(topic, message.clone());
            true
        };
        if is_changed && stored {
            turn.parts().retained.push(topic.to_buf());
        }
        Ok(())
    }

    /// Hands changes to the store, and the retained messages of these topics as they are in memory: turns are committed in
    /// another order than they are made in, and what the last one stores is to be what there is.
    pub(super) fn store(
        &self,
        committer: &Committer,
        mut changes: Vec<Change>,
        topics: &mut Vec<TopicNameBuf>,
    ) -> Commit {
        if topics.is_empty() {
            return committer.commit(changes);
        }
        // No other turn changes a retained message before this one is in the store's hands.
        let retained = self.retained.read();
        changes.extend(topics.drain(..).map(|topic| match retained.tree.get(topic.as_name()) {
            Some(message) => Change::Retained { message: message.clone() },
            None => Change::RetainedRemoved { topic },
        }));
        committer.commit(changes)
    }

    pub(super) fn next_retained(&self, cursor: &mut TopicCursor, most: usize) -> (Vec<Arc<Message>>, bool) {
        let now = self.clock.now();
        let retained = self.retained.read();
        let mut seen = 0;
        let some = retained.tree.resume(cursor).take(most).map(|(_, message)| message);
        let is_there = |message: &&Arc<Message>| message.expires.is_none_or(|expires| expires > now);
        let messages = some.inspect(|_| seen += 1).filter(is_there).cloned().collect();
        (messages, seen == most)
    }

    /// Removes some of the retained messages that have expired.
    pub(super) fn sweep_retained(&self, turn: &mut Turn) {
        let now = self.clock.now();
        let stored = self.is_persistent();
        let mut retained = self.retained.write();
        let RetainedMessages { tree, bytes, sweep } = &mut *retained;
        let more = tree.retain_some(sweep, SWEPT, |topic, message| {
            let expired = message.expires.is_some_and(|expires| expires <= now);
            if expired {
                *bytes = bytes.saturating_sub(message.size());
                if stored {
                    turn.parts().retained.push(topic.to_buf());
                }
            }
            !expired
        });
        if !more {
            *sweep = Sweep::new();
        }
    }
}
