//! The look-up of the filters that match a name.
//!
//! The walk comes to a branch with the bytes of the name that the path to it takes in. It compares what leads to a
//! branch before it goes there, so that of an entry only what comes after the branch is left to be compared, and each
//! level of the tree is compared once. There is no stack: a branch knows its parent, and how far in the name the parent
//! was follows from the bytes between them.

use super::blocks::NIL;
use super::index::Index;
use super::key::NUL;
use super::nodes::{Child, Flags, Label, Node};
use super::subtree::Subtree;
use super::texts::Entry;
use crate::scan::{self, common_prefix, from, level_end, up_to};
use crate::topic::{TopicName, relation};

/// A look-up: the walk through the branches, and the entries to which it led.
///
/// Performance: these are looked at together. In a large tree hardly any of them is in the processor's cache, but it can
/// fetch several at the same time as long as it need not understand one before it knows of the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    walk: Walk,
    entries: [u32; BATCH],
    /// A bit for each of `entries` that matches and was not returned yet.
    matching: u16,
}

const BATCH: usize = 16;

/// An entry to which the walk led: it matches if its topic from `at` on matches the name from `pos` on.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    entry: u32,
    at: u32,
    pos: u32,
}

impl Candidate {
    const NONE: Self = Self { entry: NIL, at: 0, pos: 0 };

    fn new(entry: u32, at: usize, pos: usize) -> Self {
        let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        Self { entry, at: place(at), pos: place(pos) }
    }
}

impl Search {
    pub(super) fn new(index: &Index, name: TopicName<'_>) -> Self {
        Self { walk: Walk::new(index, name), entries: [NIL; BATCH], matching: 0 }
    }

    /// The next entry that matches.
    pub(super) fn next(&mut self, index: &Index, name: &[u8]) -> Option<u32> {
        while self.matching == 0 {
            if self.walk.is_over() {
                return None;
            }
            self.fill(index, name);
        }
        let place = self.matching.trailing_zeros() as usize;
        self.matching &= self.matching - 1;
        self.entries.get(place).copied()
    }

    /// How many matches are known of.
    pub(super) const fn known(&self) -> usize {
        self.matching.count_ones() as usize
    }

    /// Goes on to the next entries and looks which of them match.
    ///
    /// Performance: not inlined, so that most calls of `next` need no saved registers.
    #[inline(never)]
    fn fill(&mut self, index: &Index, name: &[u8]) {
        let mut candidates = [Candidate::NONE; BATCH];
        let found = self.walk.next_entries(index, name, &mut candidates);
        let mut rests = [b"".as_slice(); BATCH];
        for (rest, candidate) in rests.iter_mut().zip(&candidates).take(found) {
            let topic = index.entry(candidate.entry).map(Entry::topic).unwrap_or_default();
            *rest = from(topic, candidate.at as usize);
        }
        for (place, (rest, candidate)) in rests.iter().zip(&candidates).take(found).enumerate() {
            let matches = relation::rest_matches(rest, from(name, candidate.pos as usize));
            self.matching |= u16::from(matches) << place;
            if let Some(entry) = self.entries.get_mut(place) {
                *entry = candidate.entry;
            }
        }
    }
}

/// Where a look-up stands: at a branch whose path matches the name as far as `pos`, before one of the [`Step`]s.
#[derive(Debug, Clone, Copy)]
struct Walk {
    at: u32,
    next: Step,
    /// How many bytes of the name lie behind; one more than it has behind `sport/` for the name `sport`,
    /// which `sport/#` matches.
    pos: usize,
    /// How many branches were left by `+` and are to be come back to.
    pending: usize,
    /// Branches of one topic, whose entries all match.
    subtree: Option<Subtree>,
}

/// What comes next at a branch, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The entry that ends here, then `#`.
    Arrive,
    /// `+`.
    SingleLevel,
    /// The shares of the filter that ends here.
    Shares,
    /// The next byte of the name.
    Name,
    /// Back to the parent.
    Up,
}

impl Walk {
    fn new(index: &Index, name: TopicName<'_>) -> Self {
        // No wildcard at the root is for a name that begins with `$`.
        let next = if name.starts_with_dollar() { Step::Name } else { Step::Arrive };
        Self { at: index.root(), next, pos: 0, pending: 0, subtree: None }
    }

    /// Whether nothing is left.
    const fn is_over(&self) -> bool {
        self.at == NIL
    }

    /// Writes down the next entries that may match, and returns how many.
    fn next_entries(&mut self, index: &Index, name: &[u8], candidates: &mut [Candidate; BATCH]) -> usize {
        let mut count = 0;
        let mut add = |entry, at, pos| {
            if let Some(candidate) = candidates.get_mut(count) {
                *candidate = Candidate::new(entry, at, pos);
                count += 1;
            }
            // A branch adds five entries at most.
            count + 5 <= BATCH
        };
        let mut has_room = true;
        let mut at = index.node(self.at);
        while has_room && let Some(node) = at {
            if let Some(subtree) = &mut self.subtree {
                match subtree.next(index) {
                    // Nothing is left to be compared.
                    Some(entry) => has_room = add(entry, usize::MAX, usize::MAX),
                    None => self.subtree = None,
                }
                continue;
            }
            let flags = node.flags();
            if self.next == Step::Arrive {
                self.next = Step::SingleLevel;
                if self.pos == name.len()
                    && let Some(entry) = node.terminal()
                {
                    has_room = add(entry, node.end(), self.pos);
                }
                if flags.has(Flags::HAS_HASH) {
                    match node.child(b'#') {
                        Some(Child::Entry(entry)) => has_room = add(entry, node.end(), self.pos),
                        Some(Child::Node(below)) if self.enter_tail(index, node, below, name) => continue,
                        _ => {}
                    }
                }
            }
            if self.next == Step::SingleLevel {
                self.next = Step::Shares;
                if flags.has(Flags::HAS_PLUS) && self.pos <= name.len() {
                    match node.child(b'+') {
                        Some(Child::Entry(entry)) => has_room = add(entry, node.end(), self.pos),
                        Some(Child::Node(below)) => {
                            if let Some(view) = self.enter(index, node, below, name) {
                                at = Some(view);
                                continue;
                            }
                        }
                        None => {}
                    }
                }
            }
            if self.next == Step::Shares {
                self.next = Step::Name;
                if flags.has(Flags::HAS_SHARES) && self.pos == name.len() {
                    match node.child(NUL) {
                        Some(Child::Entry(entry)) => has_room = add(entry, node.end(), self.pos),
                        Some(Child::Node(below)) if self.enter_tail(index, node, below, name) => continue,
                        _ => {}
                    }
                }
            }
            if self.next == Step::Name {
                self.next = Step::Up;
                // Behind the name there can be `/#`.
                let end = if self.pos == name.len() { Some(&b'/') } else { None };
                match name.get(self.pos).or(end).and_then(|byte| node.child(*byte)) {
                    Some(Child::Entry(entry)) => has_room = add(entry, node.end(), self.pos),
                    Some(Child::Node(below)) => {
                        if let Some(view) = self.enter(index, node, below, name) {
                            at = Some(view);
                            continue;
                        }
                    }
                    None => {}
                }
            }
            at = self.leave(index, node, name);
        }
        count
    }

    /// Goes into a branch of one topic if it matches.
    fn enter_tail(&mut self, index: &Index, node: Node<'_>, below: u32, name: &[u8]) -> bool {
        let Some(view) = index.node(below) else { return false };
        let topic = index.entry(view.entry()).map(Entry::topic).unwrap_or_default();
        let matches = relation::rest_matches(from(topic, node.end()), from(name, self.pos));
        self.subtree = matches.then(|| Subtree::new(below));
        matches
    }

    /// Goes down to a branch if the name can; the branch.
    fn enter<'t>(&mut self, index: &'t Index, node: Node<'_>, below: u32, name: &[u8]) -> Option<Node<'t>> {
        let view = index.node(below)?;
        let place = view.place();
        if place.flags.has(Flags::TAIL) {
            self.enter_tail(index, node, below, name);
            // It is stayed here, until all entries of that branch were there.
            return index.node(self.at).filter(|_| self.subtree.is_some());
        }
        let pos = if place.flags.has(Flags::PLUS) {
            index.with_label(node, view, |label| advance(label, name, self.pos))
        } else {
            literal(index, node, view, name, self.pos)
        }?;
        self.pending += usize::from(place.byte == b'+');
        (self.at, self.pos, self.next) = (below, pos, Step::Arrive);
        Some(view)
    }

    /// Goes up to the parent, which it returns, or is over when nothing is left to do there or above.
    fn leave<'t>(&mut self, index: &'t Index, node: Node<'_>, name: &[u8]) -> Option<Node<'t>> {
        let Some(parent) = index.node(node.parent()).filter(|_| self.pending > 0) else {
            self.at = NIL;
            return None;
        };
        let place = node.place();
        self.pos = if place.flags.has(Flags::PLUS) {
            index.with_label(parent, node, |label| retreat(label, name, self.pos))
        } else {
            (self.pos + parent.end()).saturating_sub(node.end())
        };
        self.at = node.parent();
        self.next = Step::Up;
        if place.byte == b'+' {
            self.pending -= 1;
            self.next = Step::Shares;
        }
        Some(parent)
    }
}

/// Where in the name a label without wildcards leads from `pos`, if it does. Its first byte is known to lead on.
fn literal(index: &Index, node: Node<'_>, view: Node<'_>, name: &[u8], pos: usize) -> Option<usize> {
    let (len, rest) = (view.end() - node.end(), from(name, pos));
    let leads = if len <= rest.len() {
        if len <= Label::MOST {
            view.label().is_start_of(scan::word(rest), len)
        } else {
            index.with_label(node, view, |label| common_prefix(label, rest) == len)
        }
    } else {
        // Behind the end of the name only `/` leads on.
        len == rest.len() + 1 && index.with_label(node, view, |label| label.strip_suffix(b"/") == Some(rest))
    };
    leads.then_some(pos + len)
}

/// Where in the name a label with `+` leads from `pos`, if it does.
fn advance(mut label: &[u8], name: &[u8], pos: usize) -> Option<usize> {
    let mut rest = from(name, pos);
    loop {
        let same = common_prefix(label, rest);
        (label, rest) = (from(label, same), from(rest, same));
        match label {
            [] => return Some(name.len() - rest.len()),
            [b'+', tail @ ..] => (label, rest) = (tail, from(rest, level_end(rest))),
            [b'/'] if rest.is_empty() => return Some(name.len() + 1),
            _ => return None,
        }
    }
}

/// From where in the name a label with `+` led to `pos`.
fn retreat(mut label: &[u8], name: &[u8], mut pos: usize) -> usize {
    while let Some(plus) = label.iter().rposition(|byte| *byte == b'+') {
        let level_end = pos.saturating_sub(label.len() - plus - 1);
        pos = up_to(name, level_end).iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        label = up_to(label, plus);
    }
    pos.saturating_sub(label.len())
}
