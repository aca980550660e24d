//! One direction of a TCP connection: segments in, the byte stream out.
//!
//! Our own, since what is published either takes part in the connection (a stack), is bound to one
//! packet source, or hands out bytes without the time at which they arrived and without saying
//! what is missing. All three are the point here.

mod recent;

use std::collections::BTreeMap;
use std::io::Result;

use self::recent::Recent;
use crate::capture::Time;
use crate::pool::Pool;

/// What reassembly found. Offsets count the stream's bytes from its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// The next bytes of the stream, and when they were there to be read; `after`: how much of the other side's
    /// stream their sender had by then.
    Data { offset: u64, time: Option<Time>, bytes: &'a [u8], after: u64 },
    /// Bytes that the capture does not hold; the stream goes on after them. `cut`: their segment is there,
    /// but was captured only in part.
    Missing { offset: u64, length: u64, cut: bool, time: Option<Time> },
    /// Bytes that had been seen before.
    Retransmission { offset: u64, length: u64, time: Option<Time> },
    /// A segment that came before the one it follows.
    OutOfOrder { offset: u64, length: u64, ahead: u64, time: Option<Time> },
    /// Bytes that differ from those that had been seen in their place, which stay.
    Differing { offset: u64, length: u64, time: Option<Time> },
}

/// The payload of a segment, as far as it was captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payload<'a> {
    pub(crate) bytes: &'a [u8],
    /// How many bytes follow that were not.
    pub(crate) cut: u64,
    pub(crate) time: Option<Time>,
    /// How much of the other side's stream its segment acknowledges.
    pub(crate) after: u64,
}

impl Payload<'_> {
    fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.cut
    }
}

/// Where events go; the error is that of the output they end up in.
pub(crate) type Out<'a> = &'a mut dyn FnMut(Event<'_>) -> Result<()>;

/// A hole is given up once the receiver has acknowledged it and so many segments went by since:
/// captures hold segments in another order than they were sent, but not by more.
const PATIENCE_SEGMENTS: u32 = 16;
/// The same in time, for slow connections.
const PATIENCE_NANOSECONDS: u64 = 100_000_000;
/// What is held behind a hole that nobody acknowledges, as long as the pool has room for it.
const LARGEST_HELD: usize = 4 * 1024 * 1024;
/// A stream that begins farther than this behind what its receiver had acknowledged is another stream.
const LARGEST_WINDOW: u32 = 1024 * 1024;
/// Each held segment costs more than its bytes.
const HELD_OVERHEAD: usize = 128;

#[derive(Debug)]
struct Held {
    time: Option<Time>,
    bytes: Vec<u8>,
    cut: u64,
    after: u64,
}

impl Held {
    fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.cut
    }

    fn cost(&self) -> usize {
        self.bytes.len() + HELD_OVERHEAD
    }
}

#[derive(Debug)]
pub(crate) struct Assembler {
    pool: Pool,
    recent: Recent,
    /// What the receiver waited for when the connection was first seen.
    awaited: Option<u32>,
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
    pub(crate) fn new(pool: &Pool) -> Self {
        Self {
            pool: pool.clone(),
            recent: Recent::default(),
            awaited: None,
            next: None,
            delivered: 0,
            end: None,
            acknowledged: 0,
            waited_segments: 0,
            waiting_since: None,
            held: BTreeMap::new(),
            held_size: 0,
            time: None,
        }
    }

    /// A SYN tells where the stream begins.
    pub(crate) fn syn(&mut self, sequence: u32) {
        self.next.get_or_insert(sequence.wrapping_add(1));
    }

    /// Without a SYN the receiver's first acknowledgement tells what it waits for.
    pub(crate) fn expect(&mut self, sequence: u32) {
        self.awaited = Some(sequence);
    }

    /// Whether a SYN with this number is the one that was seen, sent again.
    pub(crate) fn began_at(&self, sequence: u32) -> bool {
        self.next.is_none_or(|next| next.wrapping_sub(low(self.delivered)) == sequence.wrapping_add(1))
    }

    /// A FIN on a segment of `length` bytes tells where the stream ends.
    pub(crate) fn fin(&mut self, sequence: u32, length: usize) {
        self.begin(sequence);
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

    /// The first segment of a stream whose SYN was not seen tells where it begins. Returns whether that is
    /// where its receiver waited for it.
    pub(crate) fn begin(&mut self, sequence: u32) -> bool {
        if self.next.is_some() {
            return false;
        }
        let ahead = self.awaited.map(|awaited| sequence.wrapping_sub(awaited));
        // What lies between was sent, and is missing.
        self.next = match ahead {
            Some(0..=LARGEST_WINDOW) => self.awaited,
            _ => Some(sequence),
        };
        ahead == Some(0)
    }

    /// Takes the payload of one segment.
    pub(crate) fn push(&mut self, sequence: u32, payload: Payload<'_>, out: Out<'_>) -> Result<()> {
        self.begin(sequence);
        let (length, time) = (payload.length(), payload.time);
        let Some(offset) = self.offset(sequence) else { return Ok(()) };
        if length == 0 || is_keep_alive(offset, self.delivered, length) {
            return Ok(());
        }
        if offset + length <= self.delivered {
            out(Event::Retransmission { offset, length, time })?;
            return self.compare(offset, payload.bytes, time, out);
        }
        if offset > self.delivered {
            let cost = payload.bytes.len() + HELD_OVERHEAD;
            if self.held_size + cost <= LARGEST_HELD && self.pool.take(cost) {
                return self.hold(offset, payload, out);
            }
            // There is no room to wait for what is missing.
            while !self.held.is_empty() {
                self.give_up(out)?;
            }
            if offset > self.delivered {
                self.miss(offset, time, out)?;
            }
        }
        self.deliver(offset, payload, out)?;
        self.release(out)
    }

    /// How many bytes of the stream lie before `sequence`, which its receiver waits for next; 0 when that is not known.
    pub(crate) fn before(&self, sequence: u32) -> u64 {
        let offset = self.offset(sequence).unwrap_or_default();
        // A FIN counts as one byte in acknowledgements.
        self.end.map_or(offset, |end| offset.min(end))
    }

    /// The receiver has all bytes before `sequence`: a hole before it will not be filled by the sender.
    pub(crate) fn acknowledge(&mut self, sequence: u32) {
        let offset = self.before(sequence);
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
        self.recent.forget();
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

    /// Keeps a segment that came early; its cost has been taken from the pool.
    fn hold(&mut self, offset: u64, payload: Payload<'_>, out: Out<'_>) -> Result<()> {
        let (length, time) = (payload.length(), payload.time);
        let held = Held { time, bytes: payload.bytes.to_vec(), cut: payload.cut, after: payload.after };
        let differing = |first: &Held| {
            first.bytes.iter().zip(payload.bytes).filter(|(first, again)| first != again).count() as u64
        };
        let differing = self.held.get(&offset).map_or(0, differing);
        if differing > 0 {
            out(Event::Differing { offset, length: differing, time })?;
        }
        let known = self.held.get(&offset).is_some_and(|first| first.bytes.len() >= held.bytes.len());
        if known || differing > 0 {
            self.pool.give(held.cost());
            return out(Event::Retransmission { offset, length, time });
        }
        self.held_size += held.cost();
        if let Some(shorter) = self.held.insert(offset, held) {
            self.let_go(&shorter);
        }
        out(Event::OutOfOrder { offset, length, ahead: offset - self.delivered, time })
    }

    fn let_go(&mut self, held: &Held) {
        self.held_size = self.held_size.saturating_sub(held.cost());
        self.pool.give(held.cost());
    }

    /// Hands out what is new; `offset` is not past `delivered`, and the end is.
    fn deliver(&mut self, offset: u64, payload: Payload<'_>, out: Out<'_>) -> Result<()> {
        let Payload { bytes, cut, time, after } = payload;
        let known = self.delivered - offset;
        let split = usize::try_from(known).map_or(bytes.len(), |known| known.min(bytes.len()));
        let (again, new) = bytes.split_at(split);
        if known > 0 {
            out(Event::Retransmission { offset, length: known, time })?;
            self.compare(offset, again, time, out)?;
        }
        self.time = self.time.max(time);
        if !new.is_empty() {
            let offset = self.delivered;
            self.advance(offset + new.len() as u64);
            self.recent.push(new, &self.pool);
            out(Event::Data { offset, time: self.time, bytes: new, after })?;
        }
        let (offset, end) = (self.delivered, offset + bytes.len() as u64 + cut);
        if end > offset {
            self.advance(end);
            self.recent.forget();
            out(Event::Missing { offset, length: end - offset, cut: true, time: self.time })?;
        }
        Ok(())
    }

    /// Says so when bytes that are sent again are not what they were.
    fn compare(&self, offset: u64, again: &[u8], time: Option<Time>, out: Out<'_>) -> Result<()> {
        let behind = self.delivered.saturating_sub(offset + again.len() as u64);
        match self.recent.differing(again, behind) {
            0 => Ok(()),
            length => out(Event::Differing { offset, length, time }),
        }
    }

    /// Hands out what is held and follows without a hole.
    fn release(&mut self, out: Out<'_>) -> Result<()> {
        while let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() <= self.delivered) {
            let (offset, held) = entry.remove_entry();
            self.let_go(&held);
            if offset + held.length() > self.delivered {
                let payload =
                    Payload { bytes: &held.bytes, cut: held.cut, time: held.time, after: held.after };
                self.deliver(offset, payload, out)?;
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
        self.recent.forget();
        self.waited_segments = 0;
        self.waiting_since = None;
        out(Event::Missing { offset, length: until - offset, cut: false, time: self.time.max(time) })
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

impl Drop for Assembler {
    fn drop(&mut self) {
        self.pool.give(self.held_size);
    }
}

#[cfg(test)]
mod tests;
