//! What both trees are: values by key.

use alloc::vec::Vec;

use super::blocks::{reserve, shrink};
use super::index::Index;
use super::key::Key;
use super::texts::Entry;

#[derive(Debug, Clone)]
pub(super) struct Map<T> {
    index: Index,
    /// In the order of the index's owners.
    values: Vec<T>,
}

impl<T> Map<T> {
    pub(super) const fn new() -> Self {
        Self { index: Index::new(), values: Vec::new() }
    }

    pub(super) const fn index(&self) -> &Index {
        &self.index
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    fn place(&self, key: Key<'_>) -> Option<usize> {
        let entry = self.index.find(key)?;
        Some(self.index.entry(entry)?.value as usize)
    }

    pub(super) fn get(&self, key: Key<'_>) -> Option<&T> {
        self.values.get(self.place(key)?)
    }

    pub(super) fn get_mut(&mut self, key: Key<'_>) -> Option<&mut T> {
        let place = self.place(key)?;
        self.values.get_mut(place)
    }

    /// Puts in a value. Returns the one that was there before.
    pub(super) fn insert(&mut self, text: &[u8], topic_at: usize, value: T) -> Option<T> {
        match self.index.insert(text, topic_at) {
            (_, true) => {
                self.push(value);
                None
            }
            (place, false) => self.values.get_mut(place).map(|old| core::mem::replace(old, value)),
        }
    }

    /// The value of an entry; `make` makes one if it is not there.
    pub(super) fn get_or_insert_with(
        &mut self,
        text: &[u8],
        topic_at: usize,
        make: impl FnOnce() -> T,
    ) -> &mut T {
        let place = self.place(Key::new(text, topic_at)).unwrap_or_else(|| {
            // The value is made first: if that panics, the tree is what it was.
            let value = make();
            let (place, _) = self.index.insert(text, topic_at);
            self.push(value);
            place
        });
        &mut self.values[place]
    }

    fn push(&mut self, value: T) {
        reserve(&mut self.values, 1);
        self.values.push(value);
    }

    pub(super) fn remove(&mut self, key: Key<'_>) -> Option<T> {
        let entry = self.index.find(key)?;
        self.remove_entry(entry)
    }

    fn remove_entry(&mut self, entry: u32) -> Option<T> {
        let place = self.index.remove(entry).filter(|place| *place < self.values.len())?;
        let value = self.values.swap_remove(place);
        shrink(&mut self.values);
        Some(value)
    }

    /// The entry of that number with its value.
    pub(super) fn with_value(&self, entry: u32) -> Option<(Entry<'_>, &T)> {
        let entry = self.index.entry(entry)?;
        self.values.get(entry.value as usize).map(|value| (entry, value))
    }

    pub(super) fn with_value_mut(&mut self, entry: u32) -> Option<(Entry<'_>, &mut T)> {
        let entry = self.index.entry(entry)?;
        self.values.get_mut(entry.value as usize).map(|value| (entry, value))
    }

    pub(super) fn iter(&self) -> Iter<'_, T> {
        Iter { map: self, places: 0..self.values.len() }
    }

    pub(super) fn iter_mut(&mut self) -> IterMut<'_, T> {
        IterMut { index: &self.index, values: self.values.iter_mut().enumerate() }
    }

    /// Asks `keep` of the entries at the places below `before`, from the last to the first, but of `most` at most, and
    /// takes out those that it does not keep. Returns the place from which on all were asked.
    pub(super) fn retain(
        &mut self,
        before: usize,
        most: usize,
        mut keep: impl FnMut(Entry<'_>, &mut T) -> bool,
    ) -> usize {
        // What takes the place of an entry that is taken out comes from behind, where all were asked.
        let before = before.min(self.len());
        let stop = before.saturating_sub(most);
        for place in (stop..before).rev() {
            let Some(value) = self.values.get_mut(place) else { continue };
            let Some((number, entry)) = self.index.owner(place) else { continue };
            if !keep(entry, value) {
                self.remove_entry(number);
            }
        }
        stop
    }
}

/// All entries with their values.
pub(super) struct Iter<'t, T> {
    map: &'t Map<T>,
    places: core::ops::Range<usize>,
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { map: self.map, places: self.places.clone() }
    }
}

impl<'t, T> Iterator for Iter<'t, T> {
    type Item = (Entry<'t>, &'t T);

    fn next(&mut self) -> Option<Self::Item> {
        let place = self.places.next()?;
        let (_, entry) = self.map.index.owner(place)?;
        self.map.values.get(place).map(|value| (entry, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

/// All entries with their values, for changing these.
pub(super) struct IterMut<'t, T> {
    index: &'t Index,
    values: core::iter::Enumerate<core::slice::IterMut<'t, T>>,
}

impl<'t, T> Iterator for IterMut<'t, T> {
    type Item = (Entry<'t>, &'t mut T);

    fn next(&mut self) -> Option<Self::Item> {
        let (place, value) = self.values.next()?;
        self.index.owner(place).map(|(_, entry)| (entry, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.values.size_hint()
    }
}

impl<T> ExactSizeIterator for IterMut<'_, T> {}
