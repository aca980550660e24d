//! The branches of the tree: where they stand, and what hangs on them.
//!
//! A branch is a block of words: a header, the bytes by which its children hang on it, four to a word and in ascending
//! order, and from the end of the block the children, the first one last.

use super::blocks::{Blocks, MOST};
use super::key::NUL;

/// How many children a branch of each size has room for.
const ROOM: [usize; 10] = [2, 5, 8, 12, 16, 21, 47, 98, 200, 256];

/// The words of a branch. Most branches are small, and lie in one line of the cache.
const WORDS: [usize; ROOM.len()] = [8, 12, 16, 20, 25, 32, 64, 128, 256, 336];

/// Parent; entry; end, byte and flags; number of children and two bytes of the label; four bytes of it.
const HEADER: usize = 5;
const PARENT: usize = 0;
const ENTRY: usize = 1;
const PLACE: usize = 2;
const COUNT: usize = 3;
const LABEL: usize = 4;

/// In unused places among the bytes of children; no UTF-8 holds it.
const NO_BYTE: u8 = 0xFF;

const ONES: u32 = 0x0101_0101;

/// What hangs on a branch: another branch or an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    Node(u32),
    Entry(u32),
}

impl Child {
    const ENTRY: u32 = 0x8000_0000;

    const fn from_word(word: u32) -> Self {
        if word & Self::ENTRY == 0 { Self::Node(word) } else { Self::Entry(word & !Self::ENTRY) }
    }

    const fn word(self) -> u32 {
        match self {
            Self::Node(node) => node,
            Self::Entry(entry) => entry + Self::ENTRY,
        }
    }
}

/// What is known of a branch besides its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const NONE: Self = Self(0);
    /// An entry ends here: the branch's entry.
    pub(super) const TERMINAL: Self = Self(1);
    /// There is a `+` between the parent and this branch.
    pub(super) const PLUS: Self = Self(2);
    /// There is `#` or U+0000 between the parent and this branch: all entries below have the same topic.
    pub(super) const TAIL: Self = Self(4);
    /// `#` is among the bytes of the children.
    pub(super) const HAS_HASH: Self = Self(8);
    /// `+` is among them.
    pub(super) const HAS_PLUS: Self = Self(16);
    /// U+0000 is among them.
    pub(super) const HAS_SHARES: Self = Self(32);

    /// What a branch with that byte among those of its children has.
    const fn of_child(byte: u8) -> Self {
        match byte {
            b'#' => Self::HAS_HASH,
            b'+' => Self::HAS_PLUS,
            NUL => Self::HAS_SHARES,
            _ => Self::NONE,
        }
    }

    pub(super) const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    #[must_use]
    pub(super) const fn with(self, flag: Self) -> Self {
        Self(self.0 | flag.0)
    }

    #[must_use]
    pub(super) const fn without(self, flag: Self) -> Self {
        Self(self.0 & !flag.0)
    }
}

/// Where a branch stands: how many bytes lead to it, by which byte it hangs on its parent, and its flags.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) end: u16,
    pub(super) byte: u8,
    pub(super) flags: Flags,
}

impl Place {
    const fn from_word(word: u32) -> Self {
        let [low, high, byte, flags] = word.to_le_bytes();
        Self { end: u16::from_le_bytes([low, high]), byte, flags: Flags(flags) }
    }

    const fn word(self) -> u32 {
        let [low, high] = self.end.to_le_bytes();
        u32::from_le_bytes([low, high, self.byte, self.flags.0])
    }
}

/// The first bytes that lead to a branch from its parent, with the one by which it hangs there.
///
/// Performance: most labels are not longer, so that a look-up need not look for them in the text of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(u64);

impl Label {
    /// So many bytes are kept.
    pub(super) const MOST: usize = 7;

    pub(super) fn new(label: &[u8]) -> Self {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(label.iter().take(Self::MOST)).for_each(|(to, byte)| *to = *byte);
        Self(u64::from_le_bytes(bytes))
    }

    pub(super) const fn bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// Whether the first `len` bytes of the label, of which there are so many, are those of the word.
    pub(super) const fn is_start_of(self, word: u64, len: usize) -> bool {
        (self.0 ^ word) << ((8 * 8_usize.wrapping_sub(len)) & 63) == 0
    }
}

/// A branch, for reading.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    header: &'a [u32; HEADER],
    /// The bytes of the children, and the children.
    rest: &'a [u32],
}

impl Node<'_> {
    pub(super) const fn parent(self) -> u32 {
        let [parent, ..] = *self.header;
        parent
    }

    /// An entry below the branch; the one that ends at it, if one does.
    pub(super) const fn entry(self) -> u32 {
        let [_, entry, ..] = *self.header;
        entry
    }

    pub(super) const fn place(self) -> Place {
        let [_, _, place, ..] = *self.header;
        Place::from_word(place)
    }

    pub(super) const fn end(self) -> usize {
        self.place().end as usize
    }

    pub(super) const fn flags(self) -> Flags {
        self.place().flags
    }

    pub(super) const fn count(self) -> usize {
        let [.., count, _] = *self.header;
        (count & 0xFFFF) as usize
    }

    pub(super) const fn label(self) -> Label {
        let [.., two, four] = *self.header;
        Label(self.place().byte as u64 | (two as u64 >> 16) << 8 | (four as u64) << 24)
    }

    /// The entry that ends here.
    pub(super) const fn terminal(self) -> Option<u32> {
        if self.flags().has(Flags::TERMINAL) { Some(self.entry()) } else { None }
    }

    /// The place of the child that hangs by that byte.
    pub(super) fn position(self, byte: u8) -> Option<usize> {
        let wanted = ONES * u32::from(byte);
        for (number, word) in self.rest.iter().take(self.count().div_ceil(4)).enumerate() {
            let differ = word ^ wanted;
            let same = differ.wrapping_sub(ONES) & !differ & (ONES << 7);
            if same != 0 {
                return Some(number * 4 + (same.trailing_zeros() / 8) as usize);
            }
        }
        None
    }

    /// How many children hang by lesser bytes.
    pub(super) fn position_from(self, byte: u8) -> usize {
        (0..self.count())
            .take_while(|position| self.byte_at(*position).is_some_and(|other| other < byte))
            .count()
    }

    /// The byte by which the child at that place hangs.
    pub(super) fn byte_at(self, position: usize) -> Option<u8> {
        self.rest.get(position / 4)?.to_le_bytes().get(position % 4).copied()
    }

    pub(super) fn child(self, byte: u8) -> Option<Child> {
        self.child_word(self.position(byte)?)
    }

    pub(super) fn child_at(self, position: usize) -> Option<Child> {
        if position < self.count() { self.child_word(position) } else { None }
    }

    fn child_word(self, position: usize) -> Option<Child> {
        self.rest.get(self.rest.len().wrapping_sub(position + 1)).map(|word| Child::from_word(*word))
    }

    /// How many ways go on from here: children, and the entry that ends here.
    pub(super) fn forks(self) -> usize {
        self.count() + usize::from(self.flags().has(Flags::TERMINAL))
    }
}

/// All branches.
#[derive(Debug, Clone)]
pub(super) struct Nodes(Blocks<u32, { ROOM.len() }>);

// Every number leaves the bit free that tells entries from branches. A tree has at most one branch more than entries.
const _: () = assert!(ROOM.len() * (MOST + 1) <= Child::ENTRY as usize);

impl Nodes {
    pub(super) const fn new() -> Self {
        Self(Blocks::new(&WORDS))
    }

    pub(super) fn get(&self, node: u32) -> Option<Node<'_>> {
        let (header, rest) = self.0.get(node)?.split_first_chunk()?;
        Some(Node { header, rest })
    }

    fn set(&mut self, node: u32, word: usize, value: u32) {
        if let Some(word) = self.0.get_mut(node).and_then(|words| words.get_mut(word)) {
            *word = value;
        }
    }

    pub(super) fn set_parent(&mut self, node: u32, parent: u32) {
        self.set(node, PARENT, parent);
    }

    pub(super) fn set_entry(&mut self, node: u32, entry: u32) {
        self.set(node, ENTRY, entry);
    }

    pub(super) fn set_place(&mut self, node: u32, place: Place, label: Label) {
        let [c0, c1] = u16::try_from(self.get(node).map_or(0, Node::count)).unwrap_or(0).to_le_bytes();
        let [_, l1, l2, l3, l4, l5, l6, _] = label.bytes();
        self.set(node, PLACE, place.word());
        self.set(node, COUNT, u32::from_le_bytes([c0, c1, l1, l2]));
        self.set(node, LABEL, u32::from_le_bytes([l3, l4, l5, l6]));
    }

    pub(super) fn set_flags(&mut self, node: u32, change: impl Fn(Flags) -> Flags) {
        if let Some(place) = self.get(node).map(Node::place) {
            self.set(node, PLACE, Place { flags: change(place.flags), ..place }.word());
        }
    }

    /// Sets how many children there are: one more or one less.
    fn set_count(&mut self, node: u32, count: usize) {
        if let Some(word) = self.0.get_mut(node).and_then(|words| words.get_mut(COUNT)) {
            *word = *word & 0xFFFF_0000 | u32::try_from(count).unwrap_or(0) & 0xFFFF;
        }
    }

    fn set_byte_at(&mut self, node: u32, position: usize, byte: u8) {
        if let Some(word) = self.0.get_mut(node).and_then(|words| words.get_mut(HEADER + position / 4)) {
            let shift = position % 4 * 8;
            *word = (*word & !(0xFF << shift)) + (u32::from(byte) << shift);
        }
    }

    fn set_child_at(&mut self, node: u32, position: usize, child: Child) {
        let place = self.0.get_mut(node).and_then(|words| words.iter_mut().rev().nth(position));
        if let Some(word) = place {
            *word = child.word();
        }
    }

    /// Puts a child and its byte from one place into another.
    fn copy_child(&mut self, node: u32, from: usize, to: usize) {
        let Some(view) = self.get(node) else { return };
        let Some((byte, child)) = view.byte_at(from).zip(view.child_at(from)) else { return };
        self.set_byte_at(node, to, byte);
        self.set_child_at(node, to, child);
    }

    /// Puts another child in the place of the one that hangs by that byte.
    pub(super) fn replace_child(&mut self, node: u32, byte: u8, child: Child) {
        if let Some(position) = self.get(node).and_then(|node| node.position(byte)) {
            self.set_child_at(node, position, child);
        }
    }

    /// Makes a branch without children, of the smallest size.
    pub(super) fn add(&mut self, parent: u32, entry: u32, place: Place, label: Label) -> u32 {
        let node = self.allocate(0);
        self.set(node, PARENT, parent);
        self.set(node, ENTRY, entry);
        self.set_place(node, place, label);
        node
    }

    /// Hangs a child on a branch that has room.
    pub(super) fn add_child(&mut self, node: u32, byte: u8, child: Child) {
        let Some(view) = self.get(node) else { return };
        let (count, position) = (view.count(), view.position_from(byte));
        for from in (position..count).rev() {
            self.copy_child(node, from, from + 1);
        }
        self.set_byte_at(node, position, byte);
        self.set_child_at(node, position, child);
        self.set_count(node, count + 1);
        self.set_flags(node, |flags| flags.with(Flags::of_child(byte)));
    }

    /// Takes away the child that hangs by that byte.
    pub(super) fn remove_child(&mut self, node: u32, byte: u8) {
        let Some(view) = self.get(node) else { return };
        let (Some(position), count) = (view.position(byte), view.count()) else { return };
        for from in position + 1..count {
            self.copy_child(node, from, from - 1);
        }
        self.set_byte_at(node, count.saturating_sub(1), NO_BYTE);
        self.set_count(node, count.saturating_sub(1));
        self.set_flags(node, |flags| flags.without(Flags::of_child(byte)));
    }

    /// Moves a branch to the size that fits so many children. Returns its new number; what refers to it is
    /// still to be told, then the old one is to be [freed](Self::free). `None` when the size fits already.
    pub(super) fn resize(&mut self, node: u32, children: usize) -> Option<u32> {
        let class = ROOM.iter().position(|room| *room >= children)?;
        if class == Blocks::<u32, { ROOM.len() }>::class(node) {
            return None;
        }
        let copy = self.allocate(class);
        let view = self.get(node)?;
        let (count, header) = (view.count(), *view.header);
        for (word, value) in header.into_iter().enumerate() {
            self.set(copy, word, value);
        }
        for position in 0..count {
            let view = self.get(node)?;
            let (byte, child) = (view.byte_at(position)?, view.child_at(position)?);
            self.set_byte_at(copy, position, byte);
            self.set_child_at(copy, position, child);
        }
        Some(copy)
    }

    fn allocate(&mut self, class: usize) -> u32 {
        let node = self.0.add(WORDS.get(class).copied().unwrap_or(usize::MAX));
        if let Some(rest) = self.0.get_mut(node).and_then(|words| words.get_mut(HEADER..)) {
            rest.fill(u32::from_le_bytes([NO_BYTE; 4]));
        }
        node
    }

    /// Gives back the memory of a branch. The last branch of its size takes its number, if it was not the
    /// last; what refers to that one is then to be told.
    pub(super) fn free(&mut self, node: u32) {
        self.0.free(node);
    }
}

#[cfg(test)]
impl Nodes {
    /// How many branches there are.
    pub(super) fn count(&self) -> usize {
        self.0.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each size holds its children, and one more would not fit: a header, a byte for each child, a word for each.
    #[test]
    fn the_words_of_a_branch() {
        let needed = |room: usize| HEADER + room + room.div_ceil(4);
        for (room, words) in ROOM.into_iter().zip(WORDS) {
            assert!(needed(room) <= words && (needed(room + 1) > words || room == 256), "{room} in {words}");
        }
    }
}
