//! Where the branches of the tree are stored: one array of words for each size of branch.

use alloc::vec::Vec;

use super::entries::MAX_ENTRIES;
use super::room::{reserve, shrink};

/// No branch.
pub(super) const NIL: u32 = u32::MAX;

/// How many children a branch of each size has room for.
const ROOM: [usize; 13] = [2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256];

/// The words of a branch: four that are the same for all, the bytes of the children four to a word, the
/// children.
const WORDS: [usize; ROOM.len()] = {
    let mut words = ROOM;
    let mut rest: &mut [usize] = &mut words;
    while let [room, tail @ ..] = rest {
        *room += HEADER + room.div_ceil(4);
        rest = tail;
    }
    words
};

/// Parent; entry; end, byte and flags; number of children.
const HEADER: usize = 4;
const PARENT: usize = 0;
const ENTRY: usize = 1;
const PLACE: usize = 2;
const COUNT: usize = 3;

/// A branch's number: its size in the upper bits, its place among those of its size in the lower ones.
const INDEX_MASK: u32 = 0x07FF_FFFF;
const INDEX_BITS: u32 = INDEX_MASK.count_ones();

// A tree has not more branches than entries, so there is a number for every branch.
const _: () = assert!(MAX_ENTRIES < INDEX_MASK as usize);

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

    #[inline]
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
    /// `+` or `#` is among the children.
    pub(super) const WILD: Self = Self(8);

    #[inline]
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
    #[inline]
    const fn from_word(word: u32) -> Self {
        let [low, high, byte, flags] = word.to_le_bytes();
        Self { end: u16::from_le_bytes([low, high]), byte, flags: Flags(flags) }
    }

    const fn word(self) -> u32 {
        let [low, high] = self.end.to_le_bytes();
        u32::from_le_bytes([low, high, self.byte, self.flags.0])
    }
}

/// A branch, for reading.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    header: &'a [u32; HEADER],
    bytes: &'a [u32],
    children: &'a [u32],
}

impl Node<'_> {
    #[inline]
    pub(super) const fn parent(self) -> u32 {
        let [parent, ..] = *self.header;
        parent
    }

    /// An entry below the branch; the one that ends at it, if one does.
    #[inline]
    pub(super) const fn entry(self) -> u32 {
        let [_, entry, ..] = *self.header;
        entry
    }

    #[inline]
    pub(super) const fn place(self) -> Place {
        let [_, _, place, _] = *self.header;
        Place::from_word(place)
    }

    #[inline]
    pub(super) const fn end(self) -> usize {
        self.place().end as usize
    }

    #[inline]
    pub(super) const fn flags(self) -> Flags {
        self.place().flags
    }

    #[inline]
    pub(super) const fn count(self) -> usize {
        let [_, _, _, count] = *self.header;
        count as usize
    }

    /// The entry that ends here.
    #[inline]
    pub(super) const fn terminal(self) -> Option<u32> {
        if self.flags().has(Flags::TERMINAL) { Some(self.entry()) } else { None }
    }

    /// The place of the child that hangs by that byte.
    #[inline]
    pub(super) fn position(self, byte: u8) -> Option<usize> {
        let wanted = ONES * u32::from(byte);
        for (number, word) in self.bytes.iter().enumerate() {
            let differ = word ^ wanted;
            let same = differ.wrapping_sub(ONES) & !differ & (ONES << 7);
            if same != 0 {
                return Some(number * 4 + (same.trailing_zeros() / 8) as usize);
            }
        }
        None
    }

    fn byte_at(self, position: usize) -> Option<u8> {
        self.bytes.get(position / 4)?.to_le_bytes().get(position % 4).copied()
    }

    #[inline]
    pub(super) fn child(self, byte: u8) -> Option<Child> {
        self.child_at(self.position(byte)?)
    }

    #[inline]
    pub(super) fn child_at(self, position: usize) -> Option<Child> {
        if position >= self.count() {
            return None;
        }
        self.children.get(position).map(|word| Child::from_word(*word))
    }

    /// How many ways go on from here: children, and the entry that ends here.
    pub(super) fn forks(self) -> usize {
        self.count() + usize::from(self.flags().has(Flags::TERMINAL))
    }
}

/// All branches.
#[derive(Debug, Clone)]
pub(super) struct Nodes([Vec<u32>; ROOM.len()]);

impl Nodes {
    pub(super) const fn new() -> Self {
        Self([const { Vec::new() }; ROOM.len()])
    }

    const fn class(node: u32) -> usize {
        (node >> INDEX_BITS) as usize
    }

    const fn index(node: u32) -> usize {
        (node & INDEX_MASK) as usize
    }

    #[expect(clippy::cast_possible_truncation, reason = "both are bounded, by the sizes and by MAX_ENTRIES")]
    const fn number(class: usize, index: usize) -> u32 {
        ((class as u32) << INDEX_BITS) + index as u32
    }

    #[inline]
    pub(super) fn get(&self, node: u32) -> Option<Node<'_>> {
        let class = Self::class(node);
        let (words, room) = (*WORDS.get(class)?, *ROOM.get(class)?);
        let start = Self::index(node) * words;
        let (header, rest) = self.0.get(class)?.get(start..start + words)?.split_first_chunk()?;
        let (bytes, children) = rest.split_at_checked(room.div_ceil(4))?;
        Some(Node { header, bytes, children })
    }

    fn get_mut(&mut self, node: u32) -> Option<&mut [u32]> {
        let class = Self::class(node);
        let words = *WORDS.get(class)?;
        let start = Self::index(node) * words;
        self.0.get_mut(class)?.get_mut(start..start + words)
    }

    fn set(&mut self, node: u32, word: usize, value: u32) {
        if let Some(word) = self.get_mut(node).and_then(|words| words.get_mut(word)) {
            *word = value;
        }
    }

    pub(super) fn set_parent(&mut self, node: u32, parent: u32) {
        self.set(node, PARENT, parent);
    }

    pub(super) fn set_entry(&mut self, node: u32, entry: u32) {
        self.set(node, ENTRY, entry);
    }

    pub(super) fn set_place(&mut self, node: u32, place: Place) {
        self.set(node, PLACE, place.word());
    }

    pub(super) fn set_flags(&mut self, node: u32, change: impl Fn(Flags) -> Flags) {
        if let Some(place) = self.get(node).map(Node::place) {
            self.set_place(node, Place { flags: change(place.flags), ..place });
        }
    }

    fn set_byte_at(&mut self, node: u32, position: usize, byte: u8) {
        let Some(word) = self.get_mut(node).and_then(|words| words.get_mut(HEADER + position / 4)) else {
            return;
        };
        let shift = position % 4 * 8;
        *word = (*word & !(0xFF << shift)) + (u32::from(byte) << shift);
    }

    fn set_child_at(&mut self, node: u32, position: usize, child: Child) {
        let bytes = ROOM.get(Self::class(node)).map_or(0, |room| room.div_ceil(4));
        self.set(node, HEADER + bytes + position, child.word());
    }

    /// Puts another child in the place of the one that hangs by that byte.
    pub(super) fn replace_child(&mut self, node: u32, byte: u8, child: Child) {
        if let Some(position) = self.get(node).and_then(|node| node.position(byte)) {
            self.set_child_at(node, position, child);
        }
    }

    /// Makes a branch without children, of the smallest size.
    pub(super) fn add(&mut self, parent: u32, entry: u32, place: Place) -> u32 {
        let node = self.allocate(0);
        self.set(node, PARENT, parent);
        self.set(node, ENTRY, entry);
        self.set_place(node, place);
        self.set(node, COUNT, 0);
        node
    }

    /// Hangs a child on a branch that has room.
    pub(super) fn add_child(&mut self, node: u32, byte: u8, child: Child) {
        let Some(count) = self.get(node).map(Node::count) else { return };
        self.set_byte_at(node, count, byte);
        self.set_child_at(node, count, child);
        self.set(node, COUNT, u32::try_from(count + 1).unwrap_or(NIL));
        if matches!(byte, b'+' | b'#') {
            self.set_flags(node, |flags| flags.with(Flags::WILD));
        }
    }

    /// Takes away the child that hangs by that byte; the last one moves into its place.
    pub(super) fn remove_child(&mut self, node: u32, byte: u8) {
        let Some(view) = self.get(node) else { return };
        let Some((position, last)) = view.position(byte).zip(view.count().checked_sub(1)) else { return };
        let Some(last_child) = view.child_at(last) else { return };
        let last_byte = view.byte_at(last).unwrap_or(NO_BYTE);
        self.set_byte_at(node, position, last_byte);
        self.set_child_at(node, position, last_child);
        self.set_byte_at(node, last, NO_BYTE);
        self.set(node, COUNT, u32::try_from(last).unwrap_or(NIL));
        if self.get(node).is_some_and(|view| view.position(b'+').or(view.position(b'#')).is_none()) {
            self.set_flags(node, |flags| flags.without(Flags::WILD));
        }
    }

    /// Moves a branch to the size that fits so many children. Returns its new number; what refers to it is
    /// still to be told, then the old one is to be [freed](Self::free). `None` when the size fits already.
    pub(super) fn resize(&mut self, node: u32, children: usize) -> Option<u32> {
        let class = ROOM.iter().position(|room| *room >= children)?;
        if class == Self::class(node) {
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
        let (Some(array), Some(words)) = (self.0.get_mut(class), WORDS.get(class)) else { return NIL };
        let len = array.len();
        reserve(array, *words);
        array.resize(len + words, NIL);
        Self::number(class, len / words)
    }

    /// Gives back the memory of a branch. The last branch of its size takes its number, if it was not the
    /// last; what refers to that one is then to be told.
    pub(super) fn free(&mut self, node: u32) {
        let class = Self::class(node);
        let (Some(array), Some(words)) = (self.0.get_mut(class), WORDS.get(class)) else { return };
        let (Some(last), start) = (array.len().checked_sub(*words), Self::index(node) * words) else {
            return;
        };
        if start < last {
            array.copy_within(last.., start);
        }
        array.truncate(last);
        shrink(array);
    }
}

#[cfg(test)]
impl Nodes {
    /// How many branches there are.
    pub(super) fn count(&self) -> usize {
        self.0.iter().zip(WORDS).map(|(array, words)| array.len() / words).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No word more than is needed: four, a byte for each child, a word for each child.
    #[test]
    fn the_words_of_a_branch() {
        let words = [7, 9, 14, 19, 24, 34, 44, 64, 84, 124, 164, 244, 324];
        assert_eq!(WORDS, words);
    }
}
