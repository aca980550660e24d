//! [`Outbox`]: what is to be written.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

/// Payloads up to this size are copied behind their heads; larger ones are written from where they are.
const COPIED: usize = 512;
/// How many parts go into one vectored write at most.
const PARTS: usize = 64;

/// What is to be written to a connection: small packets one behind the other, and large payloads by reference, so that
/// one payload serves all who get it.
///
/// Performance: its buffers are in a box that is there only when something was to be written, so that a connection that
/// waits is small.
#[derive(Debug, Default)]
pub struct Outbox(Option<Box<Buffers>>);

#[derive(Debug, Default)]
struct Buffers {
    parts: VecDeque<Bytes>,
    tail: BytesMut,
    /// Of the parts.
    bytes: usize,
    must_flush: bool,
}

impl Outbox {
    /// Where packets are encoded to.
    pub fn packets(&mut self) -> &mut BytesMut {
        &mut self.0.get_or_insert_default().tail
    }

    /// Puts a payload behind what was encoded.
    pub fn payload(&mut self, payload: &[u8], share: impl FnOnce() -> Bytes) {
        self.0.get_or_insert_default().payload(payload, share);
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |buffers| buffers.len())
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops what is behind the first `len` bytes, which were there when something came that is not safe.
    pub fn truncate(&mut self, len: usize) {
        if let Some(buffers) = &mut self.0 {
            buffers.truncate(len);
        }
    }

    /// Gives the memory back, if nothing is to be written.
    pub fn shrink(&mut self) {
        self.0.take_if(|buffers| buffers.is_empty() && !buffers.must_flush);
    }

    /// Writes what the stream takes. `Pending` when it takes no more; ready when all is written. To `written` the
    /// number of bytes is added that it has taken.
    pub fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        written: &mut usize,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Some(buffers) => buffers.poll_write(stream, cx, written),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl Buffers {
    fn payload(&mut self, payload: &[u8], share: impl FnOnce() -> Bytes) {
        if payload.len() <= COPIED {
            self.tail.extend_from_slice(payload);
            return;
        }
        self.close_tail();
        self.bytes += payload.len();
        self.parts.push_back(share());
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.bytes += self.tail.len();
            self.parts.push_back(self.tail.split().freeze());
        }
    }

    fn len(&self) -> usize {
        self.bytes + self.tail.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn truncate(&mut self, len: usize) {
        self.close_tail();
        while self.bytes > len {
            let Some(last) = self.parts.back_mut() else { break };
            let surplus = (self.bytes - len).min(last.len());
            last.truncate(last.len() - surplus);
            self.bytes -= surplus;
            if last.is_empty() {
                self.parts.pop_back();
            }
        }
    }

    fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        written: &mut usize,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let n = if self.parts.is_empty() {
                ready!(Pin::new(&mut *stream).poll_write(cx, &self.tail))?
            } else {
                let mut slices = [IoSlice::new(&[]); PARTS];
                let tail = Some(&self.tail[..]).filter(|tail| !tail.is_empty());
                let parts = self.parts.iter().map(|part| &part[..]).chain(tail);
                let count =
                    slices.iter_mut().zip(parts).map(|(slice, part)| *slice = IoSlice::new(part)).count();
                let slices = slices.get(..count).unwrap_or_default();
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, slices))?
            };
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += n;
            self.advance(n);
            self.must_flush = true;
        }
        if self.must_flush {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.must_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut n: usize) {
        while let Some(first) = self.parts.front_mut() {
            let some = n.min(first.len());
            first.advance(some);
            (n, self.bytes) = (n - some, self.bytes - some);
            if !first.is_empty() {
                return;
            }
            self.parts.pop_front();
        }
        self.tail.advance(n);
    }
}
