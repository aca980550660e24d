use core::fmt;
use core::iter::FusedIterator;

use super::entries::Entry;
use super::key::Key;
use super::nodes::{Child, NIL, Node};
use super::radix::Radix;
use super::subtree::Subtree;
use crate::scan::from;
use crate::scan::{common_prefix, level_end};
use crate::topic::{TopicFilter, TopicName, relation};

/// Values by topic name: which of them are under a filter? Such as retained messages for a new subscription.
///
/// ```
/// use mqtt_wire::topic::TopicTree;
/// use mqtt_wire::{topic_filter, topic_name};
///
/// let mut retained = TopicTree::new();
/// retained.insert(topic_name!("site/7/temperature"), b"21.5");
/// retained.insert(topic_name!("site/7/humidity"), b"40.0");
/// let (name, message) = retained.under(topic_filter!("site/+/temperature")).next().expect("one is there");
/// assert_eq!((name.as_str(), *message), ("site/7/temperature", b"21.5"));
/// ```
///
/// # Cost
///
/// Insertion, removal and [`get`](Self::get) take steps in proportion to the length of the name, whatever else
/// is stored. [`under`](Self::under) goes to where the filter's first wildcard stands, and from there through
/// what can still match; behind `#` everything does. It comes to no part of the tree twice, recurses not, and
/// allocates nothing. Memory follows what is stored, and goes down when entries are removed.
#[derive(Clone)]
pub struct TopicTree<T>(Radix<T>);

impl<T> TopicTree<T> {
    /// A tree without names; it has allocated nothing.
    pub const fn new() -> Self {
        Self(Radix::new())
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.entries().len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes out all names.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Puts in a name. Returns the value that the same name had before.
    ///
    /// # Panics
    /// When there are 67,108,863 names.
    pub fn insert(&mut self, name: TopicName<'_>, value: T) -> Option<T> {
        let (entry, kept) = self.0.insert(name.as_bytes(), 0, value);
        kept.map(|value| core::mem::replace(self.0.entries_mut().known_value_mut(entry), value))
    }

    /// The value of a name, for reading.
    pub fn get(&self, name: TopicName<'_>) -> Option<&T> {
        self.find(name).and_then(|entry| self.0.entries().value(self.0.entry(entry)?))
    }

    /// The value of a name, for changing it.
    pub fn get_mut(&mut self, name: TopicName<'_>) -> Option<&mut T> {
        self.find(name).and_then(|entry| self.0.entries_mut().with_value_mut(entry)).map(|(_, value)| value)
    }

    /// Whether a name is there.
    pub fn contains(&self, name: TopicName<'_>) -> bool {
        self.find(name).is_some()
    }

    /// Takes out a name. Returns its value.
    pub fn remove(&mut self, name: TopicName<'_>) -> Option<T> {
        self.0.remove(Key::new(name.as_bytes(), 0))
    }

    /// The value of a name; `make` makes one if the name is not there.
    ///
    /// # Panics
    /// When there are 67,108,863 names.
    pub fn get_or_insert_with(&mut self, name: TopicName<'_>, make: impl FnOnce() -> T) -> &mut T {
        let entry = match self.find(name) {
            Some(entry) => entry,
            None => self.0.insert(name.as_bytes(), 0, make()).0,
        };
        self.0.entries_mut().known_value_mut(entry)
    }

    fn find(&self, name: TopicName<'_>) -> Option<u32> {
        self.0.find(Key::new(name.as_bytes(), 0))
    }

    /// All names with their values, in no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (TopicName<'_>, &T)> + Clone {
        self.0.entries().iter().map(|(entry, value)| (entry.name(), value))
    }

    /// All names with their values, for changing these.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (TopicName<'_>, &mut T)> {
        self.0.entries_mut().iter_mut().map(|(entry, value)| (entry.name(), value))
    }

    /// The names that the filter matches, each once, in no particular order. The share name of a shared
    /// subscription plays no part.
    pub fn under<'t, 'f>(&'t self, filter: TopicFilter<'f>) -> TopicsUnder<'t, 'f, T> {
        TopicsUnder {
            tree: &self.0,
            filter: filter.inner_bytes(),
            walk: Walk::new(&self.0, filter.inner_bytes()),
        }
    }
}

impl<T> Default for TopicTree<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for TopicTree<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'n, T> Extend<(TopicName<'n>, T)> for TopicTree<T> {
    fn extend<I: IntoIterator<Item = (TopicName<'n>, T)>>(&mut self, names: I) {
        for (name, value) in names {
            self.insert(name, value);
        }
    }
}

impl<'n, T> FromIterator<(TopicName<'n>, T)> for TopicTree<T> {
    fn from_iter<I: IntoIterator<Item = (TopicName<'n>, T)>>(names: I) -> Self {
        let mut tree = Self::new();
        tree.extend(names);
        tree
    }
}

/// The names of a [`TopicTree`] that a filter matches, with their values.
#[derive(Clone)]
pub struct TopicsUnder<'t, 'f, T> {
    tree: &'t Radix<T>,
    filter: &'f [u8],
    walk: Walk,
}

impl<'t, T> Iterator for TopicsUnder<'t, '_, T> {
    type Item = (TopicName<'t>, &'t T);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.walk.next(self.tree, self.filter)?;
        let entry = self.tree.entry(entry)?;
        self.tree.entries().value(entry).map(|value| (entry.name(), value))
    }
}

impl<T> FusedIterator for TopicsUnder<'_, '_, T> {}

impl<T: fmt::Debug> fmt::Debug for TopicsUnder<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = Self { tree: self.tree, filter: self.filter, walk: self.walk };
        f.debug_map().entries(rest).finish()
    }
}

/// Where a look-up stands: at a branch, before one of the ways that go on from it.
#[derive(Debug, Clone, Copy)]
struct Walk {
    at: u32,
    ways: Ways,
    next: Next,
    /// How many branches were left with ways not tried yet.
    pending: usize,
    /// Branches below which every name matches.
    subtree: Option<Subtree>,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Terminal,
    Child(usize),
    Up,
}

/// Which names that begin with some path may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ways {
    /// None.
    None,
    /// Only the path itself.
    End,
    /// The path itself, and what goes on with that byte.
    Byte(u8),
    /// Some of those that go on in one way or another.
    Any,
    /// All.
    All,
}

impl Ways {
    fn of(mut filter: &[u8], path: &[u8]) -> Self {
        if relation::dollar_rule(filter, path) {
            return Self::None;
        }
        let mut rest = path;
        loop {
            let same = common_prefix(filter, rest);
            let (filter_rest, path_rest) = (from(filter, same), from(rest, same));
            match (filter_rest, path_rest) {
                // Below the root there are names with `$`, which `#` alone does not match.
                ([b'#', ..], _) => return if path.is_empty() { Self::Any } else { Self::All },
                ([b'+', tail @ ..], _) => {
                    let end = level_end(path_rest);
                    if end == path_rest.len() {
                        return Self::Any;
                    }
                    (filter, rest) = (tail, path_rest.get(end..).unwrap_or_default());
                }
                ([], []) => return Self::End,
                ([byte, ..], []) => return Self::Byte(*byte),
                _ => return Self::None,
            }
        }
    }

    fn at<T>(tree: &Radix<T>, node: Node<'_>, filter: &[u8]) -> Self {
        tree.key_below(node).map_or(Self::None, |key| Self::of(filter, key.topic_part(0, node.end())))
    }
}

impl Walk {
    fn new<T>(tree: &Radix<T>, filter: &[u8]) -> Self {
        Self { at: tree.root(), ways: Ways::of(filter, b""), next: Next::Terminal, pending: 0, subtree: None }
    }

    /// The next entry that matches.
    fn next<T>(&mut self, tree: &Radix<T>, filter: &[u8]) -> Option<u32> {
        loop {
            if let Some(subtree) = &mut self.subtree {
                if let Some(entry) = subtree.next(tree) {
                    return Some(entry);
                }
                self.subtree = None;
            }
            let node = tree.node(self.at)?;
            let child = match self.next {
                Next::Terminal => {
                    self.next = match self.ways {
                        Ways::Any => Next::Child(0),
                        Ways::Byte(byte) => node.position(byte).map_or(Next::Up, Next::Child),
                        Ways::None | Ways::End | Ways::All => Next::Up,
                    };
                    node.terminal().map(Child::Entry)
                }
                Next::Child(position) => {
                    let more = self.ways == Ways::Any && position + 1 < node.count();
                    self.next = if more { Next::Child(position + 1) } else { Next::Up };
                    node.child_at(position)
                }
                Next::Up => {
                    self.leave(tree, node, filter)?;
                    None
                }
            };
            match child {
                Some(Child::Entry(entry))
                    if tree.entry(entry).is_some_and(|entry| matches(filter, entry)) =>
                {
                    return Some(entry);
                }
                Some(Child::Node(below)) => self.enter(tree, below, filter),
                _ => {}
            }
        }
    }

    /// Goes down to a branch if names below it may match.
    fn enter<T>(&mut self, tree: &Radix<T>, below: u32, filter: &[u8]) {
        let Some(node) = tree.node(below) else { return };
        match Ways::at(tree, node, filter) {
            Ways::None => {}
            Ways::All => self.subtree = Some(Subtree::new(below)),
            ways => {
                self.pending += usize::from(matches!(self.next, Next::Child(_)));
                (self.at, self.ways, self.next) = (below, ways, Next::Terminal);
            }
        }
    }

    /// Goes up to the parent; `None` when nothing is left to do there or above.
    fn leave<T>(&mut self, tree: &Radix<T>, node: Node<'_>, filter: &[u8]) -> Option<()> {
        if self.pending == 0 {
            self.at = NIL;
            return None;
        }
        self.at = node.parent();
        let parent = tree.node(self.at)?;
        self.ways = Ways::at(tree, parent, filter);
        let next = 1 + parent.position(node.place().byte)?;
        self.next = Next::Up;
        if self.ways == Ways::Any && next < parent.count() {
            self.pending -= 1;
            self.next = Next::Child(next);
        }
        Some(())
    }
}

fn matches(filter: &[u8], entry: Entry<'_>) -> bool {
    relation::matches(filter, entry.topic())
}
