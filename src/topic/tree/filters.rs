use core::fmt;
use core::iter::FusedIterator;

use super::entries::Entry;
use super::key::{Key, NUL};
use super::nodes::{Child, Flags, NIL, Node};
use super::radix::Radix;
use super::subtree::Subtree;
use crate::scan::{common_prefix, level_end};
use crate::topic::{TopicFilter, TopicName, relation};

/// Values by topic filter: which of them match a name?
///
/// A filter is there at most once; what belongs to it, such as its subscribers, is the value. A shared
/// subscription is an entry of its own beside the filter in it, so that its value is the group of which a
/// message goes to one member.
///
/// ```
/// use mqtt_wire::topic::FilterTree;
/// use mqtt_wire::{topic_filter, topic_name};
///
/// let mut tree = FilterTree::new();
/// tree.insert(topic_filter!("site/+/temperature"), vec!["ann"]);
/// tree.insert(topic_filter!("$share/workers/site/#"), vec!["bob", "cid"]);
///
/// for (filter, subscribers) in tree.matches(topic_name!("site/7/temperature")) {
///     match filter.share_name() {
///         None => assert_eq!(subscribers, &["ann"]),
///         Some(group) => assert_eq!((group, subscribers.len()), ("workers", 2)),
///     }
/// }
/// ```
///
/// # Cost
///
/// Insertion, removal and [`get`](Self::get) take steps in proportion to the length of the filter, whatever
/// else is stored. [`matches`](Self::matches) follows, besides the path of the name itself, every `+` and `#`
/// that stands beside it. It comes to no part of the tree twice: the worst case, a tree made of wildcards on
/// purpose, is to look at every filter once. There is no hash function to be attacked, no recursion, and a
/// look-up does not allocate.
///
/// Memory follows what is stored, and goes down when entries are removed.
///
/// # Threads
///
/// The tree is `Send` and `Sync` when its values are, so it can be shared by any means: behind a lock for
/// reading and writing, or as copies of which one is swapped in after a change.
#[derive(Clone)]
pub struct FilterTree<T>(Radix<T>);

impl<T> FilterTree<T> {
    /// A tree without filters; it has allocated nothing.
    pub const fn new() -> Self {
        Self(Radix::new())
    }

    /// How many filters there are.
    pub fn len(&self) -> usize {
        self.0.entries().len()
    }

    /// Whether there is no filter.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes out all filters.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Puts in a filter. Returns the value that the same filter had before.
    ///
    /// # Panics
    /// When there are 67,108,863 filters.
    pub fn insert(&mut self, filter: TopicFilter<'_>, value: T) -> Option<T> {
        let (entry, kept) = self.0.insert(filter.as_bytes(), topic_at(filter), value);
        kept.map(|value| core::mem::replace(self.0.entries_mut().known_value_mut(entry), value))
    }

    /// The value of this very filter, for reading.
    pub fn get(&self, filter: TopicFilter<'_>) -> Option<&T> {
        self.find(filter).and_then(|entry| self.0.entries().value(self.0.entry(entry)?))
    }

    /// The value of this very filter, for changing it.
    pub fn get_mut(&mut self, filter: TopicFilter<'_>) -> Option<&mut T> {
        self.find(filter).and_then(|entry| self.0.entries_mut().with_value_mut(entry)).map(|(_, value)| value)
    }

    /// Whether this very filter is there.
    pub fn contains(&self, filter: TopicFilter<'_>) -> bool {
        self.find(filter).is_some()
    }

    /// Takes out a filter. Returns its value.
    pub fn remove(&mut self, filter: TopicFilter<'_>) -> Option<T> {
        self.0.remove(key(filter))
    }

    /// The value of this very filter; `make` makes one if the filter is not there.
    ///
    /// # Panics
    /// When there are 67,108,863 filters.
    pub fn get_or_insert_with(&mut self, filter: TopicFilter<'_>, make: impl FnOnce() -> T) -> &mut T {
        let entry = match self.find(filter) {
            Some(entry) => entry,
            None => self.0.insert(filter.as_bytes(), topic_at(filter), make()).0,
        };
        self.0.entries_mut().known_value_mut(entry)
    }

    fn find(&self, filter: TopicFilter<'_>) -> Option<u32> {
        self.0.find(key(filter))
    }

    /// All filters with their values, in no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (TopicFilter<'_>, &T)> + Clone {
        self.0.entries().iter().map(|(entry, value)| (entry.filter(), value))
    }

    /// All filters with their values, for changing these.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (TopicFilter<'_>, &mut T)> {
        self.0.entries_mut().iter_mut().map(|(entry, value)| (entry.filter(), value))
    }

    /// The filters that match the name, each once, in no particular order. Shared subscriptions are among
    /// them by their groups.
    #[inline]
    pub fn matches<'t, 'n>(&'t self, name: TopicName<'n>) -> FilterMatches<'t, 'n, T> {
        FilterMatches { tree: &self.0, name: name.as_bytes(), search: Search::new(&self.0, name) }
    }

    /// Calls `visit` with the filters that match the name and their values, for changing these.
    pub fn for_each_match_mut(
        &mut self,
        name: TopicName<'_>,
        mut visit: impl FnMut(TopicFilter<'_>, &mut T),
    ) {
        let mut search = Search::new(&self.0, name);
        while let Some(entry) = search.next(&self.0, name.as_bytes()) {
            if let Some((entry, value)) = self.0.entries_mut().with_value_mut(entry) {
                visit(entry.filter(), value);
            }
        }
    }
}

impl<T> Default for FilterTree<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for FilterTree<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'f, T> Extend<(TopicFilter<'f>, T)> for FilterTree<T> {
    fn extend<I: IntoIterator<Item = (TopicFilter<'f>, T)>>(&mut self, filters: I) {
        for (filter, value) in filters {
            self.insert(filter, value);
        }
    }
}

impl<'f, T> FromIterator<(TopicFilter<'f>, T)> for FilterTree<T> {
    fn from_iter<I: IntoIterator<Item = (TopicFilter<'f>, T)>>(filters: I) -> Self {
        let mut tree = Self::new();
        tree.extend(filters);
        tree
    }
}

/// Where the topic begins in the text of a filter.
fn topic_at(filter: TopicFilter<'_>) -> usize {
    filter.as_bytes().len() - filter.inner_bytes().len()
}

fn key(filter: TopicFilter<'_>) -> Key<'_> {
    Key::new(filter.as_bytes(), topic_at(filter))
}

/// The filters of a [`FilterTree`] that match a name, with their values.
#[derive(Clone)]
pub struct FilterMatches<'t, 'n, T> {
    tree: &'t Radix<T>,
    name: &'n [u8],
    search: Search,
}

impl<'t, T> Iterator for FilterMatches<'t, '_, T> {
    type Item = (TopicFilter<'t>, &'t T);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.search.next(self.tree, self.name)?;
        let entry = self.tree.entry(entry)?;
        self.tree.entries().value(entry).map(|value| (entry.filter(), value))
    }
}

impl<T> FusedIterator for FilterMatches<'_, '_, T> {}

impl<T: fmt::Debug> fmt::Debug for FilterMatches<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = Self { tree: self.tree, name: self.name, search: self.search };
        f.debug_map().entries(rest).finish()
    }
}

/// A look-up: the walk through the branches, and the entries to which it led.
///
/// These are looked at together. In a large tree hardly any of them is in the processor's cache, but it can
/// fetch several at the same time as long as it need not understand one before it knows of the next.
#[derive(Debug, Clone, Copy)]
struct Search {
    walk: Walk,
    entries: [u32; BATCH],
    /// A bit for each of `entries` that matches and was not returned yet.
    matching: u16,
}

const BATCH: usize = 16;

impl Search {
    fn new<T>(tree: &Radix<T>, name: TopicName<'_>) -> Self {
        Self { walk: Walk::new(tree, name), entries: [NIL; BATCH], matching: 0 }
    }

    /// The next entry that matches.
    #[inline]
    fn next<T>(&mut self, tree: &Radix<T>, name: &[u8]) -> Option<u32> {
        while self.matching == 0 {
            if self.walk.is_over() {
                return None;
            }
            self.fill(tree, name);
        }
        let place = self.matching.trailing_zeros() as usize;
        self.matching &= self.matching - 1;
        self.entries.get(place).copied()
    }

    /// Goes on to the next entries and looks which of them match.
    fn fill<T>(&mut self, tree: &Radix<T>, name: &[u8]) {
        let found = self.walk.next_entries(tree, name, &mut self.entries);
        let mut topics = [b"".as_slice(); BATCH];
        for (topic, entry) in topics.iter_mut().zip(&self.entries).take(found) {
            *topic = tree.entry(*entry).map(Entry::topic).unwrap_or_default();
        }
        // The last byte sorts some out, and brings the end of the text here before it is needed.
        let mut likely = 0_u16;
        for (place, topic) in topics.iter().enumerate().take(found) {
            let fits =
                topic.last().is_some_and(|byte| matches!(byte, b'+' | b'#') || name.last() == Some(byte));
            likely |= u16::from(fits) << place;
        }
        for (place, topic) in topics.into_iter().enumerate().take(found) {
            let matches = likely >> place & 1 == 1 && relation::matches(topic, name);
            self.matching |= u16::from(matches) << place;
        }
    }
}

/// Where a look-up stands. It comes to a branch with the bytes of the name that the path to the branch takes
/// up, and goes on by [`Step`]s; text between branches is skipped.
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

/// What a branch can lead to, in the order in which it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The entry that ends here.
    Terminal,
    /// `#`.
    MultiLevel,
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
    fn new<T>(tree: &Radix<T>, name: TopicName<'_>) -> Self {
        // No wildcard at the root is for a name that begins with `$`.
        let next = if name.starts_with_dollar() { Step::Name } else { Step::Terminal };
        Self { at: tree.root(), next, pos: 0, pending: 0, subtree: None }
    }

    /// Whether nothing is left.
    const fn is_over(&self) -> bool {
        self.at == NIL
    }

    /// Writes down the next entries that may match, and returns how many. What was skipped on the way to them
    /// has not been compared.
    fn next_entries<T>(&mut self, tree: &Radix<T>, name: &[u8], entries: &mut [u32; BATCH]) -> usize {
        let mut found = 0;
        let mut add = |entry| {
            if let Some(place) = entries.get_mut(found) {
                *place = entry;
                found += 1;
            }
            found
        };
        let mut count = 0;
        // A branch adds five entries at most.
        'branches: while count + 5 <= BATCH {
            if let Some(subtree) = &mut self.subtree {
                match subtree.next(tree) {
                    Some(entry) => count = add(entry),
                    None => self.subtree = None,
                }
                continue;
            }
            let Some(mut node) = tree.node(self.at) else { break };
            if self.next == Step::Terminal {
                node = self.descend(tree, node, name);
                self.next = if node.flags().has(Flags::WILD) { Step::MultiLevel } else { Step::Shares };
                if self.pos == name.len()
                    && let Some(entry) = node.terminal()
                {
                    count = add(entry);
                }
            }
            while let Some(byte) = self.next_byte(name) {
                match node.child(byte) {
                    Some(Child::Entry(entry)) => count = add(entry),
                    Some(Child::Node(below)) if self.enter(tree, node, below, name) => continue 'branches,
                    _ => {}
                }
            }
            self.leave(tree, node, name);
        }
        count
    }

    /// Goes down as far as it is the name alone that leads on: most of the way.
    #[inline]
    fn descend<'t, T>(&mut self, tree: &'t Radix<T>, mut node: Node<'t>, name: &[u8]) -> Node<'t> {
        const SPECIAL: Flags = Flags::PLUS.with(Flags::TAIL);
        let (mut at, mut pos) = (self.at, self.pos);
        while !node.flags().has(Flags::WILD)
            && let Some(byte) = name.get(pos)
            && let Some(Child::Node(below)) = node.child(*byte)
            && let Some(view) = tree.node(below).filter(|view| !view.flags().has(SPECIAL))
            && let next = pos + view.end() - node.end()
            && next <= name.len()
        {
            (at, pos, node) = (below, next, view);
        }
        (self.at, self.pos) = (at, pos);
        node
    }

    /// The byte by which the next child to be tried hangs; `None` when there is no other.
    #[inline]
    fn next_byte(&mut self, name: &[u8]) -> Option<u8> {
        let ended = self.pos == name.len();
        let (byte, next) = match self.next {
            Step::Terminal | Step::MultiLevel => {
                (b'#', if self.pos > name.len() { Step::Up } else { Step::SingleLevel })
            }
            Step::SingleLevel => (b'+', Step::Shares),
            Step::Shares if ended => (NUL, Step::Name),
            Step::Name if ended => (b'/', Step::Up),
            Step::Shares | Step::Name => (*name.get(self.pos)?, Step::Up),
            Step::Up => return None,
        };
        self.next = next;
        Some(byte)
    }

    /// Goes down to a branch if the name can.
    #[inline]
    fn enter<T>(&mut self, tree: &Radix<T>, node: Node<'_>, below: u32, name: &[u8]) -> bool {
        let Some(view) = tree.node(below) else { return false };
        let place = view.place();
        if place.flags.has(Flags::TAIL) {
            let all = is_match(tree, view.entry(), name);
            self.subtree = all.then(|| Subtree::new(below));
            return all;
        }
        let pos = if place.flags.has(Flags::PLUS) {
            advance(label(tree, node, view), name, self.pos)
        } else {
            Some(self.pos + view.end() - node.end()).filter(|pos| *pos <= name.len() + 1)
        };
        let Some(pos) = pos else { return false };
        self.pending += usize::from(place.byte == b'+');
        (self.at, self.pos, self.next) = (below, pos, Step::Terminal);
        true
    }

    /// Goes up to the parent, or is over when nothing is left to do there or above.
    #[inline]
    fn leave<T>(&mut self, tree: &Radix<T>, node: Node<'_>, name: &[u8]) {
        let Some(parent) = tree.node(node.parent()).filter(|_| self.pending > 0) else {
            self.at = NIL;
            return;
        };
        let place = node.place();
        self.pos = if place.flags.has(Flags::PLUS) {
            retreat(label(tree, parent, node), name, self.pos)
        } else {
            (self.pos + parent.end()).saturating_sub(node.end())
        };
        self.at = node.parent();
        self.next = Step::Up;
        if place.byte == b'+' {
            self.pending -= 1;
            self.next = Step::Shares;
        }
    }
}

fn is_match<T>(tree: &Radix<T>, entry: u32, name: &[u8]) -> bool {
    tree.entry(entry).is_some_and(|entry| relation::matches(entry.topic(), name))
}

/// The bytes between a branch and one of its children.
fn label<'t, T>(tree: &'t Radix<T>, parent: Node<'_>, node: Node<'_>) -> &'t [u8] {
    tree.key_below(node).map(|key| key.topic_part(parent.end(), node.end())).unwrap_or_default()
}

/// Where in the name a label with `+` leads from `pos`, if it does.
fn advance(mut label: &[u8], name: &[u8], pos: usize) -> Option<usize> {
    let (before, mut rest) = name.split_at_checked(pos)?;
    if label.starts_with(b"+") && !matches!(before, [] | [.., b'/']) {
        return None;
    }
    loop {
        let same = common_prefix(label, rest);
        (label, rest) = (label.get(same..)?, rest.get(same..)?);
        match label {
            [] => return Some(name.len() - rest.len()),
            [b'+', tail @ ..] => (label, rest) = (tail, rest.get(level_end(rest)..)?),
            [b'/'] if rest.is_empty() => return Some(name.len() + 1),
            _ => return None,
        }
    }
}

/// From where in the name a label with `+` led to `pos`.
fn retreat(mut label: &[u8], name: &[u8], mut pos: usize) -> usize {
    while let Some(plus) = label.iter().rposition(|byte| *byte == b'+') {
        let level_end = pos.saturating_sub(label.len() - plus - 1);
        let before = name.get(..level_end).unwrap_or_default();
        pos = before.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        label = label.get(..plus).unwrap_or_default();
    }
    pos.saturating_sub(label.len())
}
