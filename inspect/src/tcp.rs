//! One direction of a TCP connection: segments in, the byte stream out.
//!
//! Our own, since what is published either takes part in the connection (a stack), is bound to one
//! packet source, or hands out bytes without the time at which they arrived and without saying
//! what is missing. All three are the point here.

use std::collections::BTreeMap;
use std::io::Result;

use crate::capture::Time;

/// What reassembly found. Offsets count the stream's bytes from its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// The next bytes of the stream, and when they were there to be read.
    Data { offset: u64, time: Option<Time>, bytes: &'a [u8] },
    /// Bytes that the capture does not hold; the stream goes on after them.
    Missing { offset: u64, length: u64, time: Option<Time> },
    /// Bytes that had been seen before.
    Retransmission { offset: u64, length: u64, time: Option<Time> },
    /// A segment that came before the one it follows.
    OutOfOrder { offset: u64, length: u64, ahead: u64, time: Option<Time> },
}

/// Where events go; the error is that of the output they end up in.
pub(crate) type Out<'a> = &'a mut dyn FnMut(Event<'_>) -> Result<()>;

/// A hole is given up once the receiver has acknowledged it and so many segments went by since:
/// captures hold segments in another order than they were sent, but not by more.
const PATIENCE_SEGMENTS: u32 = 16;
/// The same in time, for slow connections.
const PATIENCE_NANOSECONDS: u64 = 100_000_000;
/// What is held behind a hole that nobody acknowledges.
const LARGEST_HELD: usize = 4 * 1024 * 1024;
/// Each held segment costs more than its bytes.
const HELD_OVERHEAD: usize = 128;

#[derive(Debug)]
struct Held {
    time: Option<Time>,
    bytes: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Assembler {
    /// The sequence number of the byte at `delivered`, once known.
    next: Option<u32>,
    /// How many bytes of the stream have been handed out or reported missing.
    delivered: u64,
    /// Where the stream ends, when a FIN told.
    end: Option<u64>,
    /// How far the receiver has acknowledged, when that is past `delivered`.
    acknowledged: u64,
    waited_segments: u32,
    waiting_since: Option<Time>,
    held: BTreeMap<u64, Held>,
    held_size: usize,
    /// When the bytes handed out last had all arrived; never runs backwards.
    time: Option<Time>,
}

impl Assembler {
    /// A SYN tells where the stream begins.
    pub(crate) fn syn(&mut self, sequence: u32) {
        self.next.get_or_insert(sequence.wrapping_add(1));
    }

    /// Whether a SYN with this number is the one that was seen, sent again.
    pub(crate) fn began_at(&self, sequence: u32) -> bool {
        self.next.is_none_or(|next| next.wrapping_sub(low(self.delivered)) == sequence.wrapping_add(1))
    }

    /// A FIN on a segment of `length` bytes tells where the stream ends.
    pub(crate) fn fin(&mut self, sequence: u32, length: usize) {
        self.next.get_or_insert(sequence);
        if let Some(offset) = self.offset(sequence) {
            self.end.get_or_insert(offset + length as u64);
        }
    }

    pub(crate) fn has_data(&self) -> bool {
        self.delivered > 0 || !self.held.is_empty()
    }

    /// Whether a FIN was seen.
    pub(crate) fn has_end(&self) -> bool {
        self.end.is_some()
    }

    /// Whether all bytes up to the FIN have been handed out.
    pub(crate) fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| end <= self.delivered)
    }

    /// Takes the payload of one segment.
    pub(crate) fn push(
        &mut self,
        sequence: u32,
        bytes: &[u8],
        time: Option<Time>,
        out: Out<'_>,
    ) -> Result<()> {
        self.next.get_or_insert(sequence);
        let length = bytes.len() as u64;
        let Some(offset) = self.offset(sequence) else { return Ok(()) };
        if length == 0 || is_keep_alive(offset, self.delivered, length) {
            return Ok(());
        }
        if offset + length <= self.delivered {
            return out(Event::Retransmission { offset, length, time });
        }
        if offset > self.delivered {
            let ahead = offset - self.delivered;
            out(self.hold(offset, ahead, bytes, time))?;
            return if self.held_size > LARGEST_HELD { self.give_up(out) } else { Ok(()) };
        }
        self.deliver(offset, bytes, time, out)?;
        self.release(out)
    }

    /// The receiver has all bytes before `sequence`: a hole before it will not be filled by the sender.
    pub(crate) fn acknowledge(&mut self, sequence: u32) {
        let Some(offset) = self.offset(sequence) else { return };
        // A FIN counts as one byte in acknowledgements.
        let offset = self.end.map_or(offset, |end| offset.min(end));
        if offset > self.delivered && offset > self.acknowledged {
            self.acknowledged = offset;
        }
    }

    /// To be called with every segment of the connection, whichever its direction: holes that were
    /// acknowledged and not filled since become missing bytes.
    pub(crate) fn wait(&mut self, time: Option<Time>, out: Out<'_>) -> Result<()> {
        if self.acknowledged <= self.delivered {
            self.waited_segments = 0;
            self.waiting_since = None;
            return Ok(());
        }
        self.waited_segments += 1;
        let since = *self.waiting_since.get_or_insert(time.unwrap_or_default());
        let waited = time.map_or(0, |now| now.0.saturating_sub(since.0));
        if self.waited_segments <= PATIENCE_SEGMENTS && waited < PATIENCE_NANOSECONDS {
            return Ok(());
        }
        self.give_up(out)
    }

    /// The connection or the capture is over: what is held comes out, with what is missing before it.
    pub(crate) fn finish(&mut self, out: Out<'_>) -> Result<()> {
        while self.acknowledged > self.delivered || !self.held.is_empty() {
            self.give_up(out)?;
        }
        match self.end {
            Some(end) if end > self.delivered => self.miss(end, self.time, out),
            _ => Ok(()),
        }
    }

    /// Where `sequence` stands in the stream; `None` before its beginning.
    fn offset(&self, sequence: u32) -> Option<u64> {
        let distance = sequence.wrapping_sub(self.next?).cast_signed();
        self.delivered.checked_add_signed(distance.into())
    }

    fn hold(&mut self, offset: u64, ahead: u64, bytes: &[u8], time: Option<Time>) -> Event<'static> {
        let length = bytes.len() as u64;
        if self.held.get(&offset).is_some_and(|held| held.bytes.len() >= bytes.len()) {
            return Event::Retransmission { offset, length, time };
        }
        self.held_size += bytes.len() + HELD_OVERHEAD;
        if let Some(shorter) = self.held.insert(offset, Held { time, bytes: bytes.to_vec() }) {
            self.held_size -= shorter.bytes.len() + HELD_OVERHEAD;
        }
        Event::OutOfOrder { offset, length, ahead, time }
    }

    /// Hands out what of `bytes` is new; `offset` is not past `delivered`, and the end is.
    fn deliver(&mut self, offset: u64, bytes: &[u8], time: Option<Time>, out: Out<'_>) -> Result<()> {
        let known = self.delivered - offset;
        if known > 0 {
            out(Event::Retransmission { offset, length: known, time })?;
        }
        let bytes = usize::try_from(known).ok().and_then(|known| bytes.get(known..)).unwrap_or_default();
        self.time = self.time.max(time);
        let offset = self.delivered;
        self.advance(offset + bytes.len() as u64);
        out(Event::Data { offset, time: self.time, bytes })
    }

    /// Hands out what is held and follows without a hole.
    fn release(&mut self, out: Out<'_>) -> Result<()> {
        while let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() <= self.delivered) {
            let (offset, held) = entry.remove_entry();
            self.held_size -= held.bytes.len() + HELD_OVERHEAD;
            if offset + held.bytes.len() as u64 > self.delivered {
                self.deliver(offset, &held.bytes, held.time, out)?;
            }
        }
        Ok(())
    }

    /// Reports the first hole as missing and goes on behind it.
    fn give_up(&mut self, out: Out<'_>) -> Result<()> {
        let first = self.held.first_key_value();
        let (behind, time) =
            first.map_or((self.acknowledged, self.time), |(offset, held)| (*offset, held.time));
        self.miss(behind, time, out)?;
        self.release(out)
    }

    fn miss(&mut self, until: u64, time: Option<Time>, out: Out<'_>) -> Result<()> {
        let offset = self.delivered;
        self.advance(until);
        self.waited_segments = 0;
        self.waiting_since = None;
        out(Event::Missing { offset, length: until - offset, time: self.time.max(time) })
    }

    fn advance(&mut self, to: u64) {
        let step = low(to - self.delivered);
        self.next = self.next.map(|next| next.wrapping_add(step));
        self.delivered = to;
    }
}

/// Sequence numbers count modulo 2^32.
#[expect(clippy::cast_possible_truncation)]
fn low(count: u64) -> u32 {
    count as u32
}

/// A keep-alive probe repeats the last byte that was acknowledged.
fn is_keep_alive(offset: u64, delivered: u64, length: u64) -> bool {
    length == 1 && offset + 1 == delivered
}

#[cfg(test)]
mod tests;
