//! The look-up of the names under a filter.
//!
//! The walk comes to a branch when its path may be the beginning of a name that the filter matches, with the place in
//! the filter to which the path leads. It compares what leads to a branch before it goes there; behind `#` nothing is
//! compared any more. There is no stack: a branch knows its parent, and where in the filter that was follows from the
//! bytes between them.

use super::blocks::NIL;
use super::index::Index;
use super::nodes::{Child, Node};
use super::subtree::{Subtree, fork};
use super::texts::Entry;
use crate::scan::{common_prefix, from, level_end, up_to};
use crate::topic::relation;

/// Where a look-up stands: at a branch, before one of the ways that go on from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    at: u32,
    /// What comes next at this branch: the entry that ends at it, or the child before this place.
    next: usize,
    /// The place in the filter to which the path of the branch leads: at `+` as long as the level lasts that it matches.
    pos: usize,
    /// The branch from which more than one way can lead on, when there is one on the path. Above it there is no other.
    top: u32,
    /// Branches below which every name matches.
    subtree: Option<Subtree>,
}

impl Walk {
    pub(super) const fn new(index: &Index) -> Self {
        Self { at: index.root(), next: 0, pos: 0, top: NIL, subtree: None }
    }

    /// The walk that has come by all names up to and with `after`.
    pub(super) fn after(index: &Index, filter: &[u8], after: &[u8]) -> Self {
        let mut walk = Self::new(index);
        while let Some(node) = index.node(walk.at) {
            let (next, into) = fork(index, node, after);
            walk.next = next;
            let Some(below) = into else { break };
            let Some(byte) = after.get(node.end()) else { break };
            if !walk.is_way(node, *byte, filter) || !walk.enter(index, node, below, filter) {
                break;
            }
            if walk.subtree.is_some() {
                walk.subtree = Some(Subtree::after(index, below, after));
                break;
            }
        }
        walk
    }

    /// The next entry that matches.
    pub(super) fn next(&mut self, index: &Index, filter: &[u8]) -> Option<u32> {
        loop {
            if let Some(subtree) = &mut self.subtree {
                if let Some(entry) = subtree.next(index) {
                    return Some(entry);
                }
                self.subtree = None;
            }
            let node = index.node(self.at)?;
            let Some(place) = self.next.checked_sub(1) else {
                self.next = 1;
                if let Some(entry) =
                    node.terminal().filter(|_| relation::rest_matches(from(filter, self.pos), b""))
                {
                    return Some(entry);
                }
                continue;
            };
            let place = match from(filter, self.pos) {
                [b'+' | b'#', ..] => place,
                [byte, ..] => node.position(*byte).filter(|only| *only >= place).unwrap_or(usize::MAX),
                [] => usize::MAX,
            };
            let Some((byte, child)) = node.byte_at(place).zip(node.child_at(place)) else {
                self.leave(index, node, filter)?;
                continue;
            };
            self.next = place + 2;
            if !self.is_way(node, byte, filter) {
                continue;
            }
            match child {
                Child::Node(below) => _ = self.enter(index, node, below, filter),
                Child::Entry(entry) => {
                    let name = index.entry(entry).map(Entry::topic).unwrap_or_default();
                    if relation::rest_matches(from(filter, self.pos), from(name, node.end())) {
                        return Some(entry);
                    }
                }
            }
        }
    }

    /// Whether a name under the filter may go on from the branch with that byte.
    fn is_way(&mut self, node: Node<'_>, byte: u8, filter: &[u8]) -> bool {
        match from(filter, self.pos) {
            [b'+' | b'#', ..] => {
                if self.top == NIL {
                    self.top = self.at;
                }
                // A wildcard at the start is not for names that begin with `$`.
                byte != b'$' || node.end() > 0
            }
            [only, ..] => *only == byte,
            [] => false,
        }
    }

    /// Goes down to a branch if names below it may match.
    fn enter(&mut self, index: &Index, node: Node<'_>, below: u32, filter: &[u8]) -> bool {
        let Some(view) = index.node(below) else { return false };
        let Some(pos) = index.with_label(node, view, |label| advance(label, filter, self.pos)) else {
            return false;
        };
        if filter.get(pos) == Some(&b'#') {
            self.subtree = Some(Subtree::new(below));
        } else {
            (self.at, self.next, self.pos) = (below, 0, pos);
        }
        true
    }

    /// Goes up to the parent; `None` when nothing is left to do there or above.
    fn leave(&mut self, index: &Index, node: Node<'_>, filter: &[u8]) -> Option<()> {
        if self.top == NIL || self.at == self.top {
            self.at = NIL;
            return None;
        }
        self.at = node.parent();
        let parent = index.node(self.at)?;
        self.pos = index.with_label(parent, node, |label| retreat(label, filter, self.pos));
        self.next = parent.position(node.place().byte)? + 2;
        Some(())
    }
}

/// Where in the filter a label leads from `pos`, if it does; at `#` when the filter comes to it.
fn advance(mut label: &[u8], filter: &[u8], mut pos: usize) -> Option<usize> {
    loop {
        let same = common_prefix(label, from(filter, pos));
        (label, pos) = (from(label, same), pos + same);
        match (from(filter, pos), label) {
            ([b'#', ..], _) | (_, []) => return Some(pos),
            ([b'+', ..], _) => {
                label = from(label, level_end(label));
                if label.is_empty() {
                    return Some(pos);
                }
                pos += 1;
            }
            _ => return None,
        }
    }
}

/// From where in the filter a label led to `pos`.
fn retreat(mut label: &[u8], filter: &[u8], mut pos: usize) -> usize {
    loop {
        let is_plus = filter.get(pos) == Some(&b'+');
        let slash = label.iter().rposition(|byte| *byte == b'/');
        let in_level = label.len() - slash.map_or(0, |slash| slash + 1);
        let start = if is_plus { pos } else { pos.saturating_sub(in_level) };
        let Some(slash) = slash else { return start };
        // The level before it, at its end, or at its `+`.
        label = up_to(label, slash);
        pos = start.saturating_sub(1);
        if up_to(filter, pos).ends_with(b"+") {
            pos -= 1;
        }
    }
}
