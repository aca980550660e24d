//! Which connections are let go first, when there are too many or nothing is heard of them.

use std::collections::VecDeque;

use super::Pair;
use crate::capture::Time;

/// Connections of one kind by the order in which they came to it, with a limit and an age. An entry may
/// outlive its connection's stay: whoever takes one looks whether it still holds.
#[derive(Debug)]
pub(super) struct Shelf {
    entries: VecDeque<Entry>,
    most: usize,
    nanoseconds: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) pair: Pair,
    pub(super) key: u64,
    /// When the connection was heard last, as far as this entry knows.
    pub(super) heard: Option<Time>,
}

impl Shelf {
    pub(super) fn new(most: usize, seconds: u64) -> Self {
        Self { entries: VecDeque::new(), most, nanoseconds: seconds.saturating_mul(1_000_000_000) }
    }

    pub(super) fn put(&mut self, entry: Entry) {
        self.entries.push_back(entry);
    }

    /// Whether the limit is passed.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() > self.most
    }

    /// Takes the entry that has stood longest, when it is too old or there are too many.
    pub(super) fn due(&mut self, now: Option<Time>) -> Option<Entry> {
        let first = self.entries.front()?;
        if self.is_full() || self.is_old(first.heard, now) {
            return self.entries.pop_front();
        }
        None
    }

    /// Clears away entries that no longer hold, when they are many more than the connections there are.
    pub(super) fn clear_away(&mut self, connections: usize, holds: impl Fn(&Entry) -> bool) {
        const FEW: usize = 1024;
        if self.entries.len() > 2 * connections + FEW {
            self.entries.retain(holds);
            self.entries.shrink_to(connections + FEW);
        }
    }

    pub(super) fn is_old(&self, heard: Option<Time>, now: Option<Time>) -> bool {
        match (heard, now) {
            (Some(heard), Some(now)) => now.0.saturating_sub(heard.0) > self.nanoseconds,
            _ => false,
        }
    }
}
