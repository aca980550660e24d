//! The end of what has been handed out, kept to compare with what is sent again.

use std::collections::VecDeque;

use crate::pool::{Pool, Share};

/// One large segment, or a few small ones.
const KEPT: usize = 2048;

/// Kept only while the pool has plenty: without it differing overlaps go unnoticed, and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    bytes: VecDeque<u8>,
    share: Option<Share>,
}

impl Recent {
    /// `bytes` were handed out, next to those before.
    pub(crate) fn push(&mut self, bytes: &[u8], pool: &Pool) {
        if self.share.is_none() {
            self.share = Share::of_plenty(pool, KEPT);
            if self.share.is_none() {
                return;
            }
            self.bytes.reserve_exact(KEPT);
        }
        let bytes = bytes.get(bytes.len().saturating_sub(KEPT)..).unwrap_or_default();
        let excess = (self.bytes.len() + bytes.len()).saturating_sub(KEPT);
        self.bytes.drain(..excess);
        self.bytes.extend(bytes);
    }

    /// What follows does not stand next to what is kept.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// How many of the last bytes of `bytes` differ, when they are sent once more. `behind` is how far the
    /// stream has gone past their end.
    pub(crate) fn differing(&self, bytes: &[u8], behind: u64) -> u64 {
        let Ok(behind) = usize::try_from(behind) else { return 0 };
        let kept = self.bytes.iter().rev().skip(behind);
        bytes.iter().rev().zip(kept).filter(|(again, first)| again != first).count() as u64
    }
}
