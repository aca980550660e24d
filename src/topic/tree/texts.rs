//! The texts of the tree: a block of bytes for each, a header and the text.
//!
//! Performance: what a look-up wants to know of an entry lies side by side, in one line of the cache as a rule.

use super::blocks::{Blocks, NIL};
use super::key::Key;
use crate::scan::from;
use crate::topic::{TopicFilter, TopicName};

/// The sizes of blocks in bytes. The largest holds the longest text.
const SIZES: [usize; 21] = [
    32, 64, 96, 128, 160, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 16_384, 32_768,
    49_152, 65_600,
];

/// Parent, place of the value, length of the text, where the topic begins in it.
const HEADER: usize = 12;

/// An entry without its value.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    /// The branch at which it ends or on which it hangs.
    pub(super) parent: u32,
    /// The place of the value among the values.
    pub(super) value: u32,
    topic_at: usize,
    text: &'a [u8],
}

impl<'a> Entry<'a> {
    fn new(block: &'a [u8]) -> Option<Self> {
        let (header, text) = block.split_first_chunk::<HEADER>()?;
        let [p0, p1, p2, p3, v0, v1, v2, v3, l0, l1, t0, t1] = *header;
        let len = usize::from(u16::from_le_bytes([l0, l1]));
        Some(Self {
            parent: u32::from_le_bytes([p0, p1, p2, p3]),
            value: u32::from_le_bytes([v0, v1, v2, v3]),
            topic_at: usize::from(u16::from_le_bytes([t0, t1])),
            text: text.get(..len)?,
        })
    }

    pub(super) const fn filter(self) -> TopicFilter<'a> {
        TopicFilter::known(self.text, self.topic_at != 0)
    }

    pub(super) const fn name(self) -> TopicName<'a> {
        TopicName::checked(self.text)
    }

    pub(super) fn key(self) -> Key<'a> {
        Key::new(self.text, self.topic_at)
    }

    /// What names are matched against; the name itself in a tree of names.
    pub(super) const fn topic(self) -> &'a [u8] {
        from(self.text, self.topic_at)
    }
}

/// All texts.
#[derive(Debug, Clone)]
pub(super) struct Texts(Blocks<u8, { SIZES.len() }>);

impl Texts {
    pub(super) const fn new() -> Self {
        Self(Blocks::new(&SIZES))
    }

    pub(super) fn get(&self, entry: u32) -> Option<Entry<'_>> {
        Entry::new(self.0.get(entry)?)
    }

    /// Writes a number into the header.
    fn set(&mut self, entry: u32, at: usize, number: u32) {
        let block = self.0.get_mut(entry).and_then(|block| block.get_mut(at..));
        if let Some(bytes) = block.and_then(|block| block.first_chunk_mut()) {
            *bytes = number.to_le_bytes();
        }
    }

    pub(super) fn set_parent(&mut self, entry: u32, parent: u32) {
        self.set(entry, 0, parent);
    }

    pub(super) fn set_value(&mut self, entry: u32, value: usize) {
        self.set(entry, 4, u32::try_from(value).unwrap_or(NIL));
    }

    /// Puts in a text of at most 65,535 bytes. Returns its number.
    pub(super) fn add(&mut self, value: usize, text: &[u8], topic_at: usize) -> u32 {
        let entry = self.0.add(HEADER + text.len());
        let half = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
        let ([l0, l1], [t0, t1]) = (half(text.len()), half(topic_at));
        self.set_parent(entry, NIL);
        self.set_value(entry, value);
        self.set(entry, 8, u32::from_le_bytes([l0, l1, t0, t1]));
        let room = self.0.get_mut(entry).and_then(|block| block.get_mut(HEADER..HEADER + text.len()));
        if let Some(room) = room {
            room.copy_from_slice(text);
        }
        entry
    }

    /// Gives back the memory of a block; the last one of its size takes its number. Returns the number that
    /// that one had, if it is another one.
    pub(super) fn free(&mut self, entry: u32) -> Option<u32> {
        self.0.free(entry)
    }
}
