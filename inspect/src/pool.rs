//! The memory that all connections share for what is unfinished.

use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;

/// For unfinished packets, segments that came early, and what waits for a decision.
const SHARED: usize = 32 * 1024 * 1024;

/// How much of the shared memory is left. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Rc<Cell<usize>>);

impl Default for Pool {
    fn default() -> Self {
        Self::of(SHARED)
    }
}

impl Pool {
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Rc::new(Cell::new(bytes)))
    }

    /// Takes so many bytes, if they are left.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        match self.0.get().checked_sub(bytes) {
            Some(left) => {
                self.0.set(left);
                true
            }
            None => false,
        }
    }

    /// Takes so many bytes if half of the pool stays for what matters more.
    pub(crate) fn take_from_plenty(&self, bytes: usize) -> bool {
        self.0.get() >= SHARED / 2 + bytes && self.take(bytes)
    }

    pub(crate) fn give(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_add(bytes));
    }
}

/// A share of the pool, given back at the end of its life.
#[derive(Debug)]
pub(crate) struct Share {
    pool: Pool,
    bytes: usize,
}

impl Share {
    pub(crate) fn of(pool: &Pool, bytes: usize) -> Option<Self> {
        pool.take(bytes).then(|| Self { pool: pool.clone(), bytes })
    }

    pub(crate) fn of_plenty(pool: &Pool, bytes: usize) -> Option<Self> {
        pool.take_from_plenty(bytes).then(|| Self { pool: pool.clone(), bytes })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.give(self.bytes);
    }
}

/// Bytes whose room is taken from the pool.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    pool: Pool,
}

/// Room that an empty buffer keeps.
const KEPT: usize = 256;

impl Buffer {
    pub(crate) fn new(pool: &Pool) -> Self {
        Self { bytes: Vec::new(), pool: pool.clone() }
    }

    /// Appends `bytes`; `false`, and nothing is appended, when the pool is exhausted.
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> bool {
        let (old, needed) = (self.bytes.capacity(), self.bytes.len() + bytes.len());
        if needed > old {
            let wanted = needed.max(old.saturating_mul(2));
            let room = if self.pool.take(wanted - old) {
                wanted
            } else if self.pool.take(needed - old) {
                needed
            } else {
                return false;
            };
            self.bytes.reserve_exact(room - self.bytes.len());
            let more = self.bytes.capacity().saturating_sub(room);
            if !self.pool.take(more) {
                self.bytes.shrink_to(room);
            }
        }
        self.bytes.extend_from_slice(bytes);
        true
    }

    /// Removes so many bytes from the front; an empty buffer gives its room back.
    pub(crate) fn drop_front(&mut self, count: usize) {
        if count >= self.bytes.len() {
            self.clear();
        } else {
            self.bytes.drain(..count);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        let old = self.bytes.capacity();
        if old > KEPT {
            self.bytes = Vec::new();
            self.pool.give(old);
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.give(self.bytes.capacity());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_take_what_they_use_and_give_it_back() {
        let pool = Pool::of(1000);
        let mut first = Buffer::new(&pool);
        assert!(first.extend(&[1; 600]));
        let mut second = Buffer::new(&pool);
        assert!(!second.extend(&[2; 600]), "there is no room for both");
        assert!(second.is_empty());
        assert!(second.extend(&[2; 400]));
        first.clear();
        assert!(second.extend(&[3; 500]));
        assert_eq!(second.len(), 900);
        drop((first, second));
        assert!(pool.take(1000), "all of it is back");
        assert!(!pool.take(1));
    }
}
