//! The permessage-deflate extension (RFC 7692).

use std::io::Result;

use flate2::{Decompress, FlushDecompress, Status};

use crate::pool::{Pool, Share};

/// Ends every message for the inflater (section 7.2.2).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];
/// What an inflater holds: a window of 32 KiB, and its tables.
const SIZE: usize = 48 * 1024;

/// Keeps its context from message to message; messages that do without it are none the worse.
#[derive(Debug)]
pub(super) struct Inflater {
    inner: Decompress,
    _share: Share,
}

impl Inflater {
    /// `None` when the pool has no room for it.
    pub(super) fn new(pool: &Pool) -> Option<Self> {
        Some(Self { inner: Decompress::new(false), _share: Share::of(pool, SIZE)? })
    }

    /// The message is over.
    pub(super) fn end(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        self.push(&TAIL, out)
    }

    /// Hands on what comes of `bytes`; `false` when they are damaged.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<bool> {
        let mut inflated = [0; 16 * 1024];
        loop {
            let (before_in, before_out) = (self.inner.total_in(), self.inner.total_out());
            let status = self.inner.decompress(bytes, &mut inflated, FlushDecompress::Sync);
            let read = usize::try_from(self.inner.total_in() - before_in).unwrap_or_default();
            let written = usize::try_from(self.inner.total_out() - before_out).unwrap_or_default();
            if let Some(written) = inflated.get(..written).filter(|written| !written.is_empty()) {
                out(written)?;
            }
            bytes = bytes.get(read..).unwrap_or_default();
            match status {
                Ok(Status::StreamEnd) => self.inner.reset(false),
                Ok(_) if bytes.is_empty() && written < inflated.len() => return Ok(true),
                Ok(_) if read > 0 || written > 0 => {}
                Ok(_) | Err(_) => return Ok(false),
            }
        }
    }
}
