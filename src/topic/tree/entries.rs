//! Where texts and values are stored: one array of blocks for each size of text, one array of values.
//!
//! A block is a header and the text: what a look-up wants to know of an entry lies side by side.

use alloc::vec::Vec;

use super::key::Key;
use super::nodes::NIL;
use super::room::{reserve, shrink};
use crate::topic::{TopicFilter, TopicName};

/// The sizes of blocks in bytes. The largest holds the longest text.
const SIZES: [usize; 30] = [
    24, 32, 40, 48, 56, 64, 72, 80, 96, 112, 128, 160, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096,
    6144, 8192, 12_288, 16_384, 24_576, 32_768, 49_152, 65_552,
];

/// Parent, place of the value, length of the text, where the topic begins in it.
const HEADER: usize = 12;

/// An entry's number: its size in the upper bits, its place among those of its size in the lower ones.
const INDEX_MASK: u32 = 0x03FF_FFFF;
const INDEX_BITS: u32 = INDEX_MASK.count_ones();

/// So many entries of a size can be numbered.
pub(super) const MAX_ENTRIES: usize = INDEX_MASK as usize;

/// An entry without its value.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    /// The branch at which it ends or on which it hangs.
    pub(super) parent: u32,
    value: u32,
    topic_at: usize,
    text: &'a [u8],
}

impl<'a> Entry<'a> {
    #[inline]
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

    #[inline]
    pub(super) fn key(self) -> Key<'a> {
        Key::new(self.text, self.topic_at)
    }

    /// What names are matched against; the name itself in a tree of names.
    #[inline]
    pub(super) fn topic(self) -> &'a [u8] {
        self.text.get(self.topic_at..).unwrap_or_default()
    }
}

/// The blocks.
#[derive(Debug, Clone)]
struct Texts([Vec<u8>; SIZES.len()]);

impl Texts {
    const fn class(entry: u32) -> usize {
        (entry >> INDEX_BITS) as usize
    }

    /// The bytes of a block among those of its size.
    #[inline]
    fn span(entry: u32) -> Option<core::ops::Range<usize>> {
        let size = *SIZES.get(Self::class(entry))?;
        let start = (entry & INDEX_MASK) as usize * size;
        Some(start..start + size)
    }

    #[inline]
    fn get(&self, entry: u32) -> Option<Entry<'_>> {
        Entry::new(self.0.get(Self::class(entry))?.get(Self::span(entry)?)?)
    }

    /// Writes a number into the header.
    fn set(&mut self, entry: u32, at: usize, number: u32) {
        let block = self
            .0
            .get_mut(Self::class(entry))
            .zip(Self::span(entry))
            .and_then(|(array, span)| array.get_mut(span));
        if let Some(bytes) = block.and_then(|block| block.get_mut(at..)?.first_chunk_mut()) {
            *bytes = number.to_le_bytes();
        }
    }

    /// Puts in a block at the end of those of its size. Returns its number.
    fn add(&mut self, value: u32, text: &[u8], topic_at: usize) -> u32 {
        let class = SIZES.iter().position(|size| *size >= HEADER + text.len()).unwrap_or(SIZES.len());
        let (Some(array), Some(size)) = (self.0.get_mut(class), SIZES.get(class)) else { return NIL };
        let len = array.len();
        reserve(array, *size);
        let half = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
        array.extend_from_slice(&NIL.to_le_bytes());
        array.extend_from_slice(&value.to_le_bytes());
        array.extend_from_slice(&half(text.len()));
        array.extend_from_slice(&half(topic_at));
        array.extend_from_slice(text);
        array.resize(len + size, 0);
        u32::try_from((class << INDEX_BITS) + len / size).unwrap_or(NIL)
    }

    /// Gives back the memory of a block; the last one of its size takes its number. Returns the number that
    /// that one had, if it is another one.
    fn free(&mut self, entry: u32) -> Option<u32> {
        let span = Self::span(entry)?;
        let array = self.0.get_mut(Self::class(entry))?;
        let last = array.len().checked_sub(span.len())?;
        let moved = (span.start < last).then(|| last / span.len());
        if moved.is_some() {
            array.copy_within(last.., span.start);
        }
        array.truncate(last);
        shrink(array);
        moved.and_then(|index| u32::try_from(index).ok()).map(|index| (entry & !INDEX_MASK) + index)
    }
}

/// All texts with their values.
#[derive(Debug, Clone)]
pub(super) struct Entries<T> {
    texts: Texts,
    values: Vec<T>,
    /// The entry of each value.
    owners: Vec<u32>,
}

impl<T> Entries<T> {
    pub(super) const fn new() -> Self {
        Self { texts: Texts([const { Vec::new() }; SIZES.len()]), values: Vec::new(), owners: Vec::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    pub(super) fn get(&self, entry: u32) -> Option<Entry<'_>> {
        self.texts.get(entry)
    }

    #[inline]
    pub(super) fn value(&self, entry: Entry<'_>) -> Option<&T> {
        self.values.get(entry.value as usize)
    }

    pub(super) fn with_value_mut(&mut self, entry: u32) -> Option<(Entry<'_>, &mut T)> {
        let entry = self.texts.get(entry)?;
        self.values.get_mut(entry.value as usize).map(|value| (entry, value))
    }

    /// The value of an entry that was put in just now.
    pub(super) fn known_value_mut(&mut self, entry: u32) -> &mut T {
        let value = self.texts.get(entry).map_or(usize::MAX, |entry| entry.value as usize);
        &mut self.values[value]
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (Entry<'_>, &T)> + Clone {
        self.owners.iter().zip(&self.values).map(|(owner, value)| (self.texts.known(*owner), value))
    }

    pub(super) fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (Entry<'_>, &mut T)> {
        self.owners.iter().zip(&mut self.values).map(|(owner, value)| (self.texts.known(*owner), value))
    }

    pub(super) fn set_parent(&mut self, entry: u32, parent: u32) {
        self.texts.set(entry, 0, parent);
    }

    fn set_value(&mut self, entry: u32, value: usize) {
        self.texts.set(entry, 4, u32::try_from(value).unwrap_or(NIL));
    }

    /// Puts in an entry. Returns its number.
    pub(super) fn add(&mut self, text: &[u8], topic_at: usize, value: T) -> u32 {
        let entry = self.texts.add(u32::try_from(self.len()).unwrap_or(NIL), text, topic_at);
        reserve(&mut self.values, 1);
        self.values.push(value);
        reserve(&mut self.owners, 1);
        self.owners.push(entry);
        entry
    }

    /// Takes out an entry. Returns its value and, if another entry takes its number, the one that that had.
    pub(super) fn remove(&mut self, entry: u32) -> Option<(T, Option<u32>)> {
        let place = self.get(entry)?.value as usize;
        if place >= self.values.len() || place >= self.owners.len() {
            return None;
        }
        let value = self.values.swap_remove(place);
        shrink(&mut self.values);
        self.owners.swap_remove(place);
        shrink(&mut self.owners);
        if let Some(owner) = self.owners.get(place) {
            self.set_value(*owner, place);
        }
        let moved = self.texts.free(entry);
        if moved.is_some()
            && let Some(owner) =
                self.texts.get(entry).and_then(|entry| self.owners.get_mut(entry.value as usize))
        {
            *owner = entry;
        }
        Some((value, moved))
    }
}

impl Texts {
    /// An entry that is known to be there.
    fn known(&self, entry: u32) -> Entry<'_> {
        self.get(entry).unwrap_or(Entry { parent: NIL, value: NIL, topic_at: 0, text: &[] })
    }
}
