//! What is counted by name: messages by topic, packets by client.

use std::collections::HashMap;

use super::tally::Sum;

/// How many names are counted one by one, and how many bytes of names: what is new after that is counted together.
const MOST_NAMES: usize = 2048;
const MOST_TEXT: usize = 512 * 1024;

/// Packets by a name, from the client and from the server.
#[derive(Debug, Default)]
pub(super) struct Rates {
    index: HashMap<Box<str>, usize>,
    sums: Vec<[Sum; 2]>,
    text: usize,
    /// Of the names that have no entry.
    pub(super) others: [Sum; 2],
}

impl Rates {
    /// The place of a name; `None` when it is one of the others.
    pub(super) fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.index.get(name) {
            return Some(*place);
        }
        if self.sums.len() >= MOST_NAMES || self.text + name.len() > MOST_TEXT {
            return None;
        }
        let place = self.sums.len();
        self.text += name.len();
        self.index.insert(name.into(), place);
        self.sums.push(Default::default());
        Some(place)
    }

    /// Counts a packet; column 0 is the client's, 1 the server's.
    pub(super) fn count(&mut self, place: Option<usize>, column: usize, bytes: usize) {
        let sums = place.and_then(|place| self.sums.get_mut(place)).unwrap_or(&mut self.others);
        if let Some(sum) = sums.get_mut(column) {
            sum.add(bytes);
        }
    }

    /// The names with the most packets first.
    pub(super) fn sorted(&self) -> Vec<(&str, [Sum; 2])> {
        let all = self
            .index
            .iter()
            .map(|(name, place)| (&**name, self.sums.get(*place).copied().unwrap_or_default()));
        let mut all: Vec<_> = all.collect();
        all.sort_by(|(a, a_sums), (b, b_sums)| packets(b_sums).cmp(&packets(a_sums)).then_with(|| a.cmp(b)));
        all
    }
}

pub(super) fn packets(sums: &[Sum; 2]) -> u64 {
    sums.iter().map(|sum| sum.packets).sum()
}

pub(super) fn bytes(sums: &[Sum; 2]) -> u64 {
    sums.iter().map(|sum| sum.bytes).sum()
}
