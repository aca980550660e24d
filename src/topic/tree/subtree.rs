//! [`Subtree`]: the way through all entries below a branch.

use super::index::Index;
use super::nodes::{Child, Node};
use super::texts::Entry;
use crate::scan::from;

/// The way through all entries below a branch in the order of their keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subtree {
    top: u32,
    at: u32,
    /// What comes next at this branch: the entry that ends at it, or the child before this place.
    next: usize,
}

impl Subtree {
    pub(super) const fn new(top: u32) -> Self {
        Self { top, at: top, next: 0 }
    }

    /// The next entry; `None` when all were there.
    pub(super) fn next(&mut self, index: &Index) -> Option<u32> {
        loop {
            let node = index.node(self.at)?;
            let next = self.next;
            self.next += 1;
            if next == 0 {
                if let Some(entry) = node.terminal() {
                    return Some(entry);
                }
                continue;
            }
            match node.child_at(next - 1) {
                Some(Child::Entry(entry)) => return Some(entry),
                Some(Child::Node(child)) => (self.at, self.next) = (child, 0),
                None if self.at == self.top => return None,
                None => {
                    self.at = node.parent();
                    self.next = 2 + index.node(self.at)?.position(node.place().byte)?;
                }
            }
        }
    }
}

impl Subtree {
    /// The way through the entries whose keys come after the bytes of `after`, which begin with the path of the branch.
    pub(super) fn after(index: &Index, top: u32, after: &[u8]) -> Self {
        let mut subtree = Self::new(top);
        while let Some(node) = index.node(subtree.at) {
            let (next, into) = fork(index, node, after);
            subtree.next = next;
            let Some(child) = into else { break };
            (subtree.at, subtree.next) = (child, 0);
        }
        subtree
    }
}

/// What comes next at a branch with whose path `after` begins when all that comes after `after` is wanted: that of the
/// children (counted as in [`Subtree`]) behind the child, if there is one, whose path `after` begins with, too. That
/// child is to be gone into first.
pub(super) fn fork(index: &Index, node: Node<'_>, after: &[u8]) -> (usize, Option<u32>) {
    let rest = from(after, node.end());
    let Some(byte) = rest.first() else { return (1, None) };
    let place = node.position_from(*byte);
    let (this, behind) = (place + 1, place + 2);
    let comes_after = |text: &[u8]| if text > rest { this } else { behind };
    match node.child(*byte) {
        None => (this, None),
        Some(Child::Entry(entry)) => {
            let topic = index.entry(entry).map(Entry::topic).unwrap_or_default();
            (comes_after(from(topic, node.end())), None)
        }
        Some(Child::Node(below)) => {
            let Some(view) = index.node(below) else { return (behind, None) };
            index.with_label(node, view, |label| {
                if rest.starts_with(label) { (behind, Some(below)) } else { (comes_after(label), None) }
            })
        }
    }
}
