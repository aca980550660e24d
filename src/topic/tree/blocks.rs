//! Blocks of several sizes, in arrays without gaps: one array for each size.
//!
//! A block's number is its size in the upper bits and its place among those of its size in the lower ones. What is given
//! back is replaced by the last block of its array, so that memory follows what is stored, down as well as up.
//!
//! Performance: an array begins on a line of the processor's cache, and a size is a part or a multiple of a line, so
//! that a small block lies in one line.

use alloc::vec::Vec;

/// No block.
pub(super) const NIL: u32 = u32::MAX;

const INDEX_MASK: u32 = 0x03FF_FFFF;
const INDEX_BITS: u32 = INDEX_MASK.count_ones();

/// So many blocks of a size can be numbered.
pub(super) const MOST: usize = INDEX_MASK as usize;

/// The bytes of two lines of the cache, which many processors fetch together.
const LINE: usize = 128;

/// Makes room for `more` elements, by a quarter at least: doubling would cost more memory than the rarer
/// copying is worth.
pub(super) fn reserve<E>(array: &mut Vec<E>, more: usize) {
    if array.capacity() - array.len() < more {
        array.reserve_exact(more.max(array.len() / 4));
    }
}

/// Gives memory back when less than half of it is used.
pub(super) fn shrink<E>(array: &mut Vec<E>) {
    if array.len() < array.capacity() / 2 {
        array.shrink_to(array.len() + array.len() / 4);
    }
}

/// The blocks of one size, behind a few cells that are left out so that the first block begins a line.
#[derive(Debug)]
struct Array<E> {
    size: usize,
    left_out: usize,
    cells: Vec<E>,
}

impl<E: Copy + Default> Array<E> {
    const LINE_CELLS: usize = LINE / size_of::<E>();

    fn len(&self) -> usize {
        self.cells.len() - self.left_out
    }

    /// Adds a block. Returns its place.
    fn add(&mut self) -> usize {
        let (len, more) = (self.len(), self.size);
        if self.cells.capacity() - self.cells.len() < more {
            reserve(&mut self.cells, more + Self::LINE_CELLS);
            self.align();
        }
        self.cells.resize(self.cells.len() + more, E::default());
        len / more
    }

    /// Takes the block at `start` out; the last one takes its place. Returns the place that that one had, if it is
    /// another one.
    fn remove(&mut self, start: usize) -> Option<usize> {
        let last = self.cells.len().checked_sub(self.size)?;
        let moved = (start < last).then(|| (last - self.left_out) / self.size);
        if moved.is_some() {
            self.cells.copy_within(last.., start);
        }
        self.cells.truncate(last);
        if self.len() == 0 {
            (self.cells, self.left_out) = (Vec::new(), 0);
        } else if self.cells.len() + Self::LINE_CELLS < self.cells.capacity() / 2 {
            self.cells.shrink_to(self.cells.len() + self.len() / 4 + Self::LINE_CELLS);
            self.align();
        }
        moved
    }

    /// Moves the blocks to the start of a line. There is room for that.
    fn align(&mut self) {
        let past = self.cells.as_ptr().addr() / size_of::<E>() % Self::LINE_CELLS;
        let left_out = (Self::LINE_CELLS - past) % Self::LINE_CELLS;
        let (old, len) = (self.left_out, self.len());
        if left_out == old || self.cells.capacity() < left_out + len {
            return;
        }
        self.cells.resize((left_out + len).max(self.cells.len()), E::default());
        self.cells.copy_within(old..old + len, left_out);
        self.cells.truncate(left_out + len);
        self.left_out = left_out;
    }
}

impl<E: Copy + Default> Clone for Array<E> {
    fn clone(&self) -> Self {
        let mut cells = Vec::new();
        if self.len() > 0 {
            cells.reserve_exact(self.len() + Self::LINE_CELLS);
        }
        let mut copy = Self { size: self.size, left_out: 0, cells };
        copy.align();
        copy.cells.extend_from_slice(self.cells.get(self.left_out..).unwrap_or_default());
        copy
    }
}

/// All blocks, of `N` sizes.
#[derive(Debug, Clone)]
pub(super) struct Blocks<E: Copy + Default, const N: usize>([Array<E>; N]);

impl<E: Copy + Default, const N: usize> Blocks<E, N> {
    /// No blocks, of these sizes in ascending order.
    pub(super) const fn new(sizes: &[usize; N]) -> Self {
        let mut arrays = [const { Array { size: 0, left_out: 0, cells: Vec::new() } }; N];
        let (mut rest, mut sizes): (&mut [Array<E>], &[usize]) = (&mut arrays, sizes);
        while let ([array, arrays @ ..], [size, tail @ ..]) = (rest, sizes) {
            array.size = *size;
            (rest, sizes) = (arrays, tail);
        }
        Self(arrays)
    }

    /// Which size a block has.
    pub(super) const fn class(block: u32) -> usize {
        (block >> INDEX_BITS) as usize
    }

    const fn place(block: u32) -> usize {
        (block & INDEX_MASK) as usize
    }

    pub(super) fn get(&self, block: u32) -> Option<&[E]> {
        let array = self.0.get(Self::class(block))?;
        let start = array.left_out + Self::place(block) * array.size;
        array.cells.get(start..start + array.size)
    }

    pub(super) fn get_mut(&mut self, block: u32) -> Option<&mut [E]> {
        let array = self.0.get_mut(Self::class(block))?;
        let start = array.left_out + Self::place(block) * array.size;
        array.cells.get_mut(start..start + array.size)
    }

    /// Adds a block of the smallest size that holds so much. Returns its number.
    pub(super) fn add(&mut self, size: usize) -> u32 {
        let Some((class, array)) = self.0.iter_mut().enumerate().find(|(_, array)| array.size >= size) else {
            return NIL;
        };
        u32::try_from((class << INDEX_BITS) + array.add()).unwrap_or(NIL)
    }

    /// Gives back the memory of a block; the last one of its size takes its number. Returns the number that that one
    /// had, if it is another one.
    pub(super) fn free(&mut self, block: u32) -> Option<u32> {
        let array = self.0.get_mut(Self::class(block))?;
        let moved = array.remove(array.left_out + Self::place(block) * array.size)?;
        u32::try_from(moved).ok().map(|place| (block & !INDEX_MASK) + place)
    }

    /// How many blocks there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|array| array.len() / array.size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(len: usize, capacity: usize) -> Vec<u8> {
        let mut array = Vec::with_capacity(capacity);
        array.resize(len, 0);
        assert_eq!(array.capacity(), capacity);
        array
    }

    #[test]
    fn room_is_made_by_a_quarter_or_by_what_is_needed() {
        for (len, capacity, more, expected) in
            [(100, 100, 1, 125), (100, 100, 40, 140), (100, 110, 10, 110), (100, 110, 11, 125), (0, 0, 7, 7)]
        {
            let mut array = filled(len, capacity);
            reserve(&mut array, more);
            assert_eq!(array.capacity(), expected, "{more} more than {len} of {capacity}");
        }
    }

    #[test]
    fn memory_is_given_back_when_less_than_half_is_used() {
        for (len, capacity, expected) in
            [(50, 100, 100), (49, 100, 61), (0, 100, 0), (49, 99, 99), (48, 99, 60)]
        {
            let mut array = filled(len, capacity);
            shrink(&mut array);
            assert_eq!(array.capacity(), expected, "{len} of {capacity}");
        }
    }

    /// Blocks keep what is in them while arrays grow, shrink and are copied; the first of each size begins a line.
    #[test]
    fn blocks_stay_what_they_are_and_begin_lines() {
        fn check(blocks: &Blocks<u8, 2>, expected: &[(u32, u8)]) {
            for (block, byte) in expected {
                let cells = blocks.get(*block).expect("a block");
                assert!(cells.iter().all(|cell| cell == byte));
                assert_eq!(cells.as_ptr().addr() % cells.len().min(LINE), 0);
            }
            assert_eq!(blocks.count(), expected.len());
        }
        let mut blocks = Blocks::<u8, 2>::new(&[32, 64]);
        let mut expected = Vec::new();
        for number in 0..200 {
            let block = blocks.add(if number % 3 == 0 { 64 } else { 1 });
            blocks.get_mut(block).expect("a block").fill(number);
            expected.push((block, number));
            check(&blocks, &expected);
        }
        check(&blocks.clone(), &expected);
        assert_eq!((blocks.add(65), blocks.get(NIL)), (NIL, None));
        while !expected.is_empty() {
            let (gone, _) = expected.swap_remove(expected.len() / 3);
            if let Some(moved) = blocks.free(gone) {
                expected.iter_mut().filter(|(block, _)| *block == moved).for_each(|(block, _)| *block = gone);
            }
            check(&blocks, &expected);
        }
        assert!(blocks.0.iter().all(|array| array.cells.capacity() == 0));
    }
}
