//! The tree itself: entries by their keys.
//!
//! Invariants, where a branch's path is the bytes that lead to it:
//! - The keys of all entries below a branch begin with its path; its entry is one of them.
//! - Every branch but the root has at least two of: children, an entry that ends at it. The root has a child.
//! - The bytes by which children hang on a branch are the next ones of their keys, differ, and ascend. So the order of
//!   the tree, the entry that ends at a branch before its children, is that of the keys' bytes.
//!
//! Values are stored elsewhere, in the order of their places; the index knows the entry of each place.

use alloc::vec::Vec;

use super::blocks::{MOST, NIL, reserve, shrink};
use super::key::{Key, NUL};
use super::nodes::{Child, Flags, Label, Node, Nodes, Place};
use super::texts::{Entry, Texts};

#[derive(Debug, Clone)]
pub(super) struct Index {
    texts: Texts,
    nodes: Nodes,
    root: u32,
    /// The entry of each value.
    owners: Vec<u32>,
}

impl Index {
    pub(super) const fn new() -> Self {
        Self { texts: Texts::new(), nodes: Nodes::new(), root: NIL, owners: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.owners.len()
    }

    pub(super) fn entry(&self, entry: u32) -> Option<Entry<'_>> {
        self.texts.get(entry)
    }

    /// The entry of the value at that place, with its number.
    pub(super) fn owner(&self, value: usize) -> Option<(u32, Entry<'_>)> {
        let owner = *self.owners.get(value)?;
        self.entry(owner).map(|entry| (owner, entry))
    }

    pub(super) const fn root(&self) -> u32 {
        self.root
    }

    pub(super) fn node(&self, node: u32) -> Option<Node<'_>> {
        self.nodes.get(node)
    }

    /// How many bytes lead to a branch; 0 for none.
    pub(super) fn end(&self, node: u32) -> usize {
        self.node(node).map_or(0, Node::end)
    }

    /// The key of some entry below the branch.
    pub(super) fn key_below(&self, node: Node<'_>) -> Option<Key<'_>> {
        self.entry(node.entry()).map(Entry::key)
    }

    /// Calls `read` with the bytes of the topic between a branch and one of its children.
    ///
    /// Performance: the child itself has those of a short label.
    pub(super) fn with_label<R>(&self, parent: Node<'_>, node: Node<'_>, read: impl FnOnce(&[u8]) -> R) -> R {
        let (from, to) = (parent.end(), node.end());
        match node.label().bytes().get(..to.wrapping_sub(from)) {
            Some(label) if label.len() <= Label::MOST && !node.flags().has(Flags::TAIL) => read(label),
            _ => read(self.key_below(node).map(|key| key.topic_part(from, to)).unwrap_or_default()),
        }
    }

    /// The entry of that key.
    pub(super) fn find(&self, key: Key<'_>) -> Option<u32> {
        let entry = self.nearest(key)?;
        (self.entry(entry)?.key() == key).then_some(entry)
    }

    /// An entry whose key has as many bytes in common with the given one, from its start, as any has.
    fn nearest(&self, key: Key<'_>) -> Option<u32> {
        let mut node = self.node(self.root)?;
        loop {
            match key.byte(node.end()).and_then(|byte| node.child(byte)) {
                Some(Child::Node(child)) => node = self.node(child)?,
                Some(Child::Entry(entry)) => return Some(entry),
                None => return Some(node.entry()),
            }
        }
    }

    /// The place of the value of that key, and whether it is a new one: the entry is added unless it is there already.
    ///
    /// # Panics
    /// When there are 67,108,863 entries.
    pub(super) fn insert(&mut self, text: &[u8], topic_at: usize) -> (usize, bool) {
        let key = Key::new(text, topic_at);
        let nearest = self.nearest(key);
        let near_key = nearest.and_then(|entry| self.entry(entry)).map(Entry::key);
        let same = near_key.map_or(0, |near| near.common_prefix(key));
        let is_same = near_key.is_some_and(|near| same == near.len() && same == key.len());
        if let Some(entry) = nearest.filter(|_| is_same) {
            return (self.value_of(entry), false);
        }

        assert!(self.len() < MOST, "capacity overflow: a tree holds at most {MOST} entries");
        let value = self.len();
        let new = self.texts.add(value, text, topic_at);
        reserve(&mut self.owners, 1);
        self.owners.push(new);
        let fork = self.fork_at(same, key, new);
        self.set_parent(Child::Entry(new), fork);
        match key.byte(same) {
            None => {
                self.nodes.set_flags(fork, |flags| flags.with(Flags::TERMINAL));
                self.nodes.set_entry(fork, new);
            }
            Some(byte) => self.add_child(fork, byte, new),
        }
        (value, true)
    }

    /// The place of an entry's value.
    fn value_of(&self, entry: u32) -> usize {
        self.entry(entry).map_or(usize::MAX, |entry| entry.value as usize)
    }

    /// The branch at which the path of that key leaves the tree after `at` bytes, made if there is none.
    fn fork_at(&mut self, at: usize, key: Key<'_>, new: u32) -> u32 {
        if self.root == NIL {
            let place = Place { end: 0, byte: NUL, flags: Flags::NONE };
            self.root = self.nodes.add(NIL, new, place, Label::new(&[]));
        }
        let mut parent = self.root;
        loop {
            let end = self.end(parent);
            let byte = key.byte(end).unwrap_or(NUL);
            let below = self.node(parent).and_then(|node| node.child(byte));
            match below {
                Some(Child::Node(node)) if end < at && self.end(node) <= at => parent = node,
                Some(child) if end < at => return self.split(parent, byte, child, at),
                _ => return parent,
            }
        }
    }

    /// Puts a branch between a branch and its child, `at` bytes from the root.
    fn split(&mut self, parent: u32, byte: u8, child: Child, at: usize) -> u32 {
        let below = match child {
            Child::Entry(entry) => entry,
            Child::Node(node) => self.node(node).map_or(NIL, Node::entry),
        };
        let Some(key) = self.entry(below).map(Entry::key) else { return parent };
        let next = key.byte(at);
        let (flags, label) = label_of(key, self.end(parent), at);
        let place = Place { end: u16::try_from(at).unwrap_or(u16::MAX), byte, flags };
        let fork = self.nodes.add(parent, below, place, label);
        self.nodes.replace_child(parent, byte, Child::Node(fork));
        match next {
            None => {
                self.nodes.set_flags(fork, |flags| flags.with(Flags::TERMINAL));
                self.set_parent(child, fork);
            }
            Some(byte) => {
                self.nodes.add_child(fork, byte, child);
                self.hang(child, fork, byte);
            }
        }
        fork
    }

    /// Hangs an entry on a branch, which may have to move for it.
    fn add_child(&mut self, node: u32, byte: u8, entry: u32) {
        let node = self.fit(node, 1);
        self.nodes.add_child(node, byte, Child::Entry(entry));
        self.set_parent(Child::Entry(entry), node);
    }

    /// Gives a branch the size for `more` children besides those that it has. Returns its number then.
    fn fit(&mut self, node: u32, more: usize) -> u32 {
        let children = self.node(node).map_or(0, Node::count) + more;
        let Some(copy) = self.nodes.resize(node, children) else { return node };
        self.moved(copy);
        self.free(node);
        // The copy is of another size than the branch that was freed, so it has kept its number.
        copy
    }

    /// Gives back a branch to which nothing refers any more.
    fn free(&mut self, node: u32) {
        self.nodes.free(node);
        // Another one may have taken the number.
        self.moved(node);
    }

    /// Tells the neighbours of a branch, if there is one of that number, the number.
    fn moved(&mut self, node: u32) {
        let Some(view) = self.node(node) else { return };
        let (parent, byte, terminal) = (view.parent(), view.place().byte, view.terminal());
        if parent == NIL {
            self.root = node;
        } else {
            self.nodes.replace_child(parent, byte, Child::Node(node));
        }
        if let Some(entry) = terminal {
            self.set_parent(Child::Entry(entry), node);
        }
        let mut position = 0;
        while let Some(child) = self.node(node).and_then(|view| view.child_at(position)) {
            self.set_parent(child, node);
            position += 1;
        }
    }

    fn set_parent(&mut self, child: Child, parent: u32) {
        match child {
            Child::Node(node) => self.nodes.set_parent(node, parent),
            Child::Entry(entry) => self.texts.set_parent(entry, parent),
        }
    }

    /// Tells a child that it hangs on that branch by that byte.
    fn hang(&mut self, child: Child, parent: u32, byte: u8) {
        self.set_parent(child, parent);
        let Child::Node(node) = child else { return };
        let Some(view) = self.node(node) else { return };
        let Some(key) = self.key_below(view) else { return };
        let place = view.place();
        let (flags, label) = label_of(key, self.end(parent), view.end());
        let kept = place.flags.without(Flags::PLUS).without(Flags::TAIL);
        self.nodes.set_place(node, Place { byte, flags: kept.with(flags), ..place }, label);
    }

    /// Takes out an entry. Returns the place that its value had; the last value takes that place.
    pub(super) fn remove(&mut self, gone: u32) -> Option<usize> {
        let entry = self.entry(gone)?;
        let (node, value) = (entry.parent, entry.value as usize);
        match entry.key().byte(self.end(node)) {
            None => self.nodes.set_flags(node, |flags| flags.without(Flags::TERMINAL)),
            Some(byte) => self.nodes.remove_child(node, byte),
        }
        self.forget(gone, node);
        self.tidy(node);
        self.give_back(gone);
        if value < self.owners.len() {
            self.owners.swap_remove(value);
            shrink(&mut self.owners);
        }
        if let Some(owner) = self.owners.get(value) {
            self.texts.set_value(*owner, value);
        }
        Some(value)
    }

    /// Gives the branches from this one up another entry of their own in place of one that they lose.
    fn forget(&mut self, gone: u32, mut node: u32) {
        while let Some(view) = self.node(node) {
            let parent = view.parent();
            if view.entry() == gone {
                let other = match view.child_at(0) {
                    Some(Child::Entry(entry)) => entry,
                    Some(Child::Node(child)) => self.node(child).map_or(NIL, Node::entry),
                    None => NIL,
                };
                self.nodes.set_entry(node, other);
            }
            node = parent;
        }
    }

    /// Takes a branch out that is none any more, or gives it a smaller size.
    fn tidy(&mut self, node: u32) {
        let Some(view) = self.node(node) else { return };
        let (parent, byte) = (view.parent(), view.place().byte);
        let forks = view.forks();
        if parent == NIL {
            if forks > 0 {
                self.fit(node, 0);
            } else {
                self.root = NIL;
                self.nodes.free(node);
            }
        } else if forks == 1 {
            let Some(child) = view.child_at(0).or(view.terminal().map(Child::Entry)) else { return };
            self.nodes.replace_child(parent, byte, child);
            self.hang(child, parent, byte);
            self.free(node);
        } else {
            self.fit(node, 0);
        }
    }

    /// Gives back the memory of an entry to which no branch refers any more. Another one may take its number; what
    /// refers to that one is told.
    fn give_back(&mut self, gone: u32) {
        let Some(old) = self.texts.free(gone) else { return };
        let Some(entry) = self.entry(gone) else { return };
        let (parent, value) = (entry.parent, entry.value as usize);
        if let Some(byte) = entry.key().byte(self.end(parent)) {
            self.nodes.replace_child(parent, byte, Child::Entry(gone));
        }
        if let Some(owner) = self.owners.get_mut(value) {
            *owner = gone;
        }
        let mut node = parent;
        while let Some(view) = self.node(node) {
            let parent = view.parent();
            if view.entry() == old {
                self.nodes.set_entry(node, gone);
            }
            node = parent;
        }
    }
}

/// What leads to a branch from its parent, and the flags that say something of it.
fn label_of(key: Key<'_>, from: usize, to: usize) -> (Flags, Label) {
    let label = key.topic_part(from, to);
    let mut flags = Flags::NONE;
    if label.contains(&b'+') {
        flags = flags.with(Flags::PLUS);
    }
    if label.contains(&b'#') || to > key.topic.len() {
        flags = flags.with(Flags::TAIL);
    }
    (flags, Label::new(label))
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    impl Index {
        /// Checks what the head of the file says, and that nothing is stored that cannot be reached.
        fn check(&self) {
            let mut entries = BTreeSet::new();
            let mut branches = 0;
            let mut open = Vec::from_iter(self.node(self.root).map(|_| (self.root, NIL, NUL)));
            assert_eq!(open.is_empty(), (self.len() == 0));
            while let Some((number, parent, byte)) = open.pop() {
                branches += 1;
                let node = self.node(number).expect("a branch");
                let key = self.key_below(node).expect("an entry below");
                assert_eq!(node.parent(), parent);
                let own = node.flags();
                if parent == NIL {
                    assert_eq!(node.end(), 0);
                    assert!(node.count() > 0);
                } else {
                    assert_eq!(node.place().byte, byte);
                    assert!(node.forks() >= 2, "a branch with one way only");
                    let (flags, label) = label_of(key, self.end(parent), node.end());
                    for flag in [Flags::PLUS, Flags::TAIL] {
                        assert_eq!(own.has(flag), flags.has(flag));
                    }
                    assert!(flags.has(Flags::TAIL) || node.label() == label);
                }
                for (flag, byte) in
                    [(Flags::HAS_HASH, b'#'), (Flags::HAS_PLUS, b'+'), (Flags::HAS_SHARES, NUL)]
                {
                    assert_eq!(own.has(flag), node.child(byte).is_some());
                }
                if let Some(entry) = node.terminal() {
                    assert_eq!(key.len(), node.end());
                    assert_eq!(self.entry(entry).expect("an entry").parent, number);
                    assert!(entries.insert(entry));
                }
                let bytes: Vec<_> = (0..node.count()).map(|position| node.byte_at(position)).collect();
                assert!(bytes.is_sorted_by(|a, b| a < b));
                for child in (0..node.count()).map(|position| node.child_at(position).expect("a child")) {
                    let below = match child {
                        Child::Entry(entry) => {
                            assert_eq!(self.entry(entry).expect("an entry").parent, number);
                            assert!(entries.insert(entry));
                            entry
                        }
                        Child::Node(child) => self.node(child).expect("a branch").entry(),
                    };
                    let child_key = self.entry(below).expect("an entry").key();
                    assert!(key.common_prefix(child_key) >= node.end());
                    let byte = child_key.byte(node.end()).expect("a longer key");
                    assert_eq!(node.child(byte), Some(child));
                    if let Child::Node(child) = child {
                        open.push((child, number, byte));
                    }
                }
                let mut all = super::super::subtree::Subtree::new(number);
                let below: Vec<_> = core::iter::from_fn(|| all.next(self)).collect();
                assert!(below.contains(&node.entry()), "the entry of a branch is below it");
                let keys = below.iter().map(|entry| self.entry(*entry).expect("an entry").key());
                assert!(keys.is_sorted_by(|a, b| a < b), "entries are in the order of their keys");
            }
            let owners: Vec<_> =
                self.owners.iter().map(|owner| self.entry(*owner).expect("an entry")).collect();
            assert!(owners.iter().map(|entry| entry.value as usize).eq(0..self.len()));
            assert_eq!(entries, self.owners.iter().copied().collect());
            assert_eq!(branches, self.nodes.count());
            assert!(branches <= self.len() + 1);
        }
    }

    fn text() -> impl Strategy<Value = (String, usize)> {
        let topic = "[ab/+#]{1,6}";
        let one = proptest::char::range('!', 'z').prop_map(|letter| format!("{letter}"));
        prop_oneof![
            topic.prop_map(|text| (text, 0)),
            (topic, "[gh]{1,2}")
                .prop_map(|(topic, share)| (format!("$share/{share}/{topic}"), 8 + share.len())),
            one.prop_map(|text| (text, 0)),
            ("(a/){0,3}", proptest::char::range('0', 'z'))
                .prop_map(|(path, end)| (format!("{path}{end}x"), 0)),
        ]
    }

    proptest! {
        #[test]
        fn the_tree_stays_in_order(steps in proptest::collection::vec((any::<bool>(), text()), 1..200)) {
            let mut tree = Index::new();
            let mut model = BTreeSet::new();
            for (adds, (text, topic_at)) in &steps {
                let key = Key::new(text.as_bytes(), *topic_at);
                assert_eq!(tree.find(key).is_some(), model.contains(&(text, topic_at)));
                if *adds {
                    assert_eq!(tree.insert(text.as_bytes(), *topic_at).1, model.insert((text, topic_at)));
                } else {
                    let removed = tree.find(key).and_then(|entry| tree.remove(entry));
                    assert_eq!(removed.is_some(), model.remove(&(text, topic_at)));
                }
                tree.check();
            }
            for (text, topic_at) in model {
                let entry = tree.find(Key::new(text.as_bytes(), *topic_at)).expect("an entry");
                assert!(tree.remove(entry).is_some());
                tree.check();
            }
            assert_eq!(tree.root, NIL);
        }
    }
}
