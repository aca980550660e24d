//! The look-up of the filters that match a name.
//!
//! The walk comes to a branch with the bytes of the name that the path to it takes in. It compares what leads to a
//! branch before it goes there, so that of an entry only what comes after the branch is left to be compared, and each
//! level of the tree is compared once. There is no stack: a branch knows its parent, and how far in the name the parent
//! was follows from the bytes between them.
//!
//! Performance: a label that is too long for its branch is not looked for in the text of an entry at once, which would
//! have to be fetched before it is known what else is to be. The walk owes the comparison, and makes it with that of the
//! entries to which it comes, or when it owes much.

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

/// The walk owes no more bytes than that, and those of one label.
const CREDIT: usize = 64;

/// An entry to which the walk led: it matches if its topic from `at` on matches the name from `pos` on.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    entry: u32,
    at: u32,
    pos: u32,
}

impl Candidate {
    /// In place of `at` for an entry that is known to match.
    const MATCHES: u32 = u32::MAX;

    const NONE: Self = Self::known(NIL);

    const fn known(entry: u32) -> Self {
        Self { entry, at: Self::MATCHES, pos: 0 }
    }

    fn new(entry: u32, at: usize, pos: usize) -> Self {
        let place = |place: usize| u32::try_from(place).unwrap_or(Self::MATCHES);
        Self { entry, at: place(at), pos: place(pos) }
    }
}

/// What a part of the walk found.
struct Found {
    candidates: [Candidate; BATCH],
    count: usize,
}

impl Found {
    /// Whether there is room for what a branch adds: five entries at most.
    const fn has_room(&self) -> bool {
        self.count + 5 <= BATCH
    }

    fn add(&mut self, candidate: Candidate) {
        if let Some(place) = self.candidates.get_mut(self.count) {
            *place = candidate;
            self.count += 1;
        }
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
        let mut found = Found { candidates: [Candidate::NONE; BATCH], count: 0 };
        self.walk.next_entries(index, name, &mut found);
        let candidates = found.candidates.get(..found.count).unwrap_or_default();
        let mut rests = [b"".as_slice(); BATCH];
        for (rest, candidate) in rests.iter_mut().zip(candidates) {
            let topic = index.entry(candidate.entry).map(Entry::topic).unwrap_or_default();
            *rest = from(topic, candidate.at as usize);
        }
        for (place, ((entry, rest), candidate)) in
            self.entries.iter_mut().zip(&rests).zip(candidates).enumerate()
        {
            *entry = candidate.entry;
            let matches = candidate.at == Candidate::MATCHES
                || relation::rest_matches(rest, from(name, candidate.pos as usize));
            self.matching |= u16::from(matches) << place;
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
    /// How many bytes before `pos` were not compared, the last ones of the path of this branch.
    owed: usize,
    /// How many branches were left by `+` and are to be come back to.
    pending: usize,
    /// Branches of one topic, whose entries all match.
    subtree: Option<Subtree>,
}

/// What comes next at a branch, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        Self { at: index.root(), next, pos: 0, owed: 0, pending: 0, subtree: None }
    }

    /// Whether nothing is left.
    const fn is_over(&self) -> bool {
        self.at == NIL
    }

    /// Writes down the next entries that may match.
    fn next_entries(&mut self, index: &Index, name: &[u8], found: &mut Found) {
        // Performance: what changes at each branch is kept at hand.
        let mut walk = *self;
        let mut branch = index.node(walk.at);
        while found.has_room() {
            if let Some(subtree) = &mut walk.subtree {
                match subtree.next(index) {
                    Some(entry) => found.add(Candidate::known(entry)),
                    None => walk.subtree = None,
                }
                continue;
            }
            let Some(node) = branch else { break };
            branch = match walk.try_children(index, node, name, found) {
                Way::Up => walk.leave(index, node, name),
                Way::Stay => branch,
                Way::To(view) => Some(view),
            };
        }
        *self = walk;
    }

    /// Tries what has not been tried at this branch.
    fn try_children<'t>(
        &mut self,
        index: &'t Index,
        node: Node<'t>,
        name: &[u8],
        found: &mut Found,
    ) -> Way<'t> {
        let flags = node.flags();
        if self.next == Step::Arrive {
            self.next = Step::SingleLevel;
            if self.owed > CREDIT && !self.settle(index, node, name) {
                return Way::Up;
            }
            if let Some(entry) = node.terminal().filter(|_| self.pos == name.len()) {
                found.add(self.candidate(entry, node));
            }
            let child = if flags.has(Flags::HAS_HASH) { node.child(b'#') } else { None };
            if child.is_some_and(|child| self.take_all(index, node, child, name, found)) {
                return Way::Stay;
            }
        }
        if self.next == Step::SingleLevel {
            self.next = Step::Shares;
            let has_plus = flags.has(Flags::HAS_PLUS) && self.pos <= name.len();
            if let Some(child) = if has_plus { node.child(b'+') } else { None } {
                match self.take(index, node, child, name, found) {
                    Way::Up => {}
                    Way::Stay => return Way::Stay,
                    way @ Way::To(_) => {
                        self.pending += 1;
                        return way;
                    }
                }
            }
        }
        if self.next == Step::Shares {
            self.next = Step::Name;
            let has_shares = flags.has(Flags::HAS_SHARES) && self.pos == name.len();
            let child = if has_shares { node.child(NUL) } else { None };
            if child.is_some_and(|child| self.take_all(index, node, child, name, found)) {
                return Way::Stay;
            }
        }
        if self.next == Step::Name {
            self.next = Step::Up;
            // Behind the name there can be `/#`.
            let end = if self.pos == name.len() { Some(&b'/') } else { None };
            if let Some(child) = name.get(self.pos).or(end).and_then(|byte| node.child(*byte)) {
                return self.take(index, node, child, name, found);
            }
        }
        Way::Up
    }

    /// An entry of which nothing but what is owed is left to be compared.
    fn candidate(&self, entry: u32, node: Node<'_>) -> Candidate {
        match self.owed {
            0 => Candidate::known(entry),
            owed => Candidate::new(entry, node.end() - owed, self.pos - owed),
        }
    }

    /// Takes a child below which all matches if what is owed is right. Returns whether it is a branch, whose entries come
    /// next.
    #[inline(always)]
    fn take_all(
        &mut self,
        index: &Index,
        node: Node<'_>,
        child: Child,
        name: &[u8],
        found: &mut Found,
    ) -> bool {
        match child {
            Child::Entry(entry) => {
                found.add(self.candidate(entry, node));
                false
            }
            Child::Node(below) => {
                let is_right = self.settle(index, node, name);
                self.subtree = is_right.then(|| Subtree::new(below));
                is_right
            }
        }
    }

    /// Goes to a child, if it is a branch and the name can.
    #[inline(always)]
    fn take<'t>(
        &mut self,
        index: &'t Index,
        node: Node<'t>,
        child: Child,
        name: &[u8],
        found: &mut Found,
    ) -> Way<'t> {
        let below = match child {
            Child::Node(below) => below,
            Child::Entry(entry) => {
                found.add(Candidate::new(entry, node.end() - self.owed, self.pos - self.owed));
                return Way::Up;
            }
        };
        let Some(view) = index.node(below) else { return Way::Up };
        let flags = view.flags();
        let there = if !flags.has(Flags::PLUS.with(Flags::TAIL)) {
            literal(index, node, view, name, self.pos, self.owed)
        } else if !self.settle(index, node, name) {
            None
        } else if flags.has(Flags::TAIL) {
            let topic = index.entry(view.entry()).map(Entry::topic).unwrap_or_default();
            if !relation::rest_matches(from(topic, node.end()), from(name, self.pos)) {
                return Way::Up;
            }
            self.subtree = Some(Subtree::new(below));
            return Way::Stay;
        } else {
            index.with_label(node, view, |label| advance(label, name, self.pos)).map(|pos| (pos, 0))
        };
        let Some((pos, owed)) = there else { return Way::Up };
        (self.at, self.next, self.pos, self.owed) = (below, Step::Arrive, pos, owed);
        Way::To(view)
    }

    /// Compares what is owed at a branch. Returns whether it is right.
    fn settle(&mut self, index: &Index, node: Node<'_>, name: &[u8]) -> bool {
        if self.owed == 0 {
            return true;
        }
        let topic = index.entry(node.entry()).map(Entry::topic).unwrap_or_default();
        let is_right =
            topic.get(node.end() - self.owed..node.end()) == name.get(self.pos - self.owed..self.pos);
        if is_right {
            self.owed = 0;
        }
        is_right
    }

    /// Goes up to the parent, which it returns, or is over when nothing is left to do there or above.
    fn leave<'t>(&mut self, index: &'t Index, node: Node<'_>, name: &[u8]) -> Option<Node<'t>> {
        self.at = if self.pending > 0 { node.parent() } else { NIL };
        let parent = index.node(self.at)?;
        let place = node.place();
        if place.flags.has(Flags::PLUS) {
            self.pos = index.with_label(parent, node, |label| retreat(label, name, self.pos));
        } else {
            self.pos -= node.end() - parent.end();
        }
        // Nothing is owed at a branch that was left by `+`, and at others nothing is left to be tried.
        self.owed = 0;
        self.next = Step::Up;
        if place.byte == b'+' {
            self.pending -= 1;
            self.next = Step::Shares;
        }
        Some(parent)
    }
}

/// Where a branch leads.
enum Way<'t> {
    /// Nothing is left to be tried.
    Up,
    /// There is a [subtree](Walk::subtree) to be gone through first.
    Stay,
    /// To a branch below it.
    To(Node<'t>),
}

/// Where in the name a label without wildcards leads from `pos`, if it does, and how many bytes are owed then. The first
/// byte is known to lead on.
#[inline(always)]
fn literal(
    index: &Index,
    node: Node<'_>,
    view: Node<'_>,
    name: &[u8],
    pos: usize,
    owed: usize,
) -> Option<(usize, usize)> {
    let (len, rest) = (view.end() - node.end(), from(name, pos));
    if len > rest.len() {
        // Behind the end of the name only `/` leads on. Nothing is owed there.
        let path = index.key_below(view)?.topic_part(node.end() - owed, view.end());
        return (path.strip_suffix(b"/")? == from(name, pos - owed)).then_some((pos + len, 0));
    }
    let is_long = len > Label::MOST;
    if !is_long && !view.label().is_start_of(scan::word(rest), len) {
        return None;
    }
    Some((pos + len, if is_long || owed > 0 { owed + len } else { 0 }))
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
