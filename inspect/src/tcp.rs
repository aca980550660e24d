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
mod tests {
    use super::*;

    /// What came out, with data as owned bytes.
    #[derive(Debug, PartialEq, Eq)]
    enum Seen {
        Data(u64, Vec<u8>, u64),
        Missing(u64, u64),
        Again(u64, u64),
        Early(u64, u64, u64),
    }
    use Seen::{Again, Data, Early, Missing};

    struct Wire {
        assembler: Assembler,
        seen: Vec<Seen>,
        now: u64,
    }

    impl Wire {
        fn from(first: u32) -> Self {
            let mut assembler = Assembler::default();
            assembler.syn(first.wrapping_sub(1));
            Self { assembler, seen: Vec::new(), now: 0 }
        }

        fn run(&mut self, work: impl FnOnce(&mut Assembler, Option<Time>, Out<'_>) -> Result<()>) {
            self.now += 1;
            let seen = &mut self.seen;
            work(&mut self.assembler, Some(Time(self.now)), &mut |event| {
                seen.push(match event {
                    Event::Data { offset, time, bytes } => Data(offset, bytes.to_vec(), time.unwrap().0),
                    Event::Missing { offset, length, .. } => Missing(offset, length),
                    Event::Retransmission { offset, length, .. } => Again(offset, length),
                    Event::OutOfOrder { offset, length, ahead, .. } => Early(offset, length, ahead),
                });
                Ok(())
            })
            .unwrap();
        }

        fn push(&mut self, sequence: u32, bytes: &[u8]) {
            self.run(|assembler, time, out| assembler.push(sequence, bytes, time, out));
        }

        fn seen(&mut self) -> Vec<Seen> {
            std::mem::take(&mut self.seen)
        }
    }

    #[test]
    fn segments_in_order_come_out_as_they_are() {
        let mut wire = Wire::from(1000);
        wire.push(1000, b"abc");
        wire.push(1003, b"de");
        assert_eq!(wire.seen(), [Data(0, b"abc".into(), 1), Data(3, b"de".into(), 2)]);
    }

    #[test]
    fn early_segments_wait_and_take_the_time_of_what_they_waited_for() {
        let mut wire = Wire::from(1000);
        wire.push(1003, b"de");
        wire.push(1005, b"f");
        wire.push(1000, b"abc");
        let expected = [
            Early(3, 2, 3),
            Early(5, 1, 5),
            Data(0, b"abc".into(), 3),
            Data(3, b"de".into(), 3),
            Data(5, b"f".into(), 3),
        ];
        assert_eq!(wire.seen(), expected);
    }

    #[test]
    fn bytes_come_out_once() {
        let mut wire = Wire::from(1000);
        wire.push(1000, b"abcd");
        wire.push(1000, b"abcd");
        wire.push(1002, b"cdef");
        wire.push(1005, b"f");
        let expected = [Data(0, b"abcd".into(), 1), Again(0, 4), Again(2, 2), Data(4, b"ef".into(), 3)];
        assert_eq!(wire.seen(), expected, "and the last was a keep-alive probe");
    }

    #[test]
    fn overlapping_early_segments_come_out_once() {
        let mut wire = Wire::from(0);
        wire.push(2, b"cd");
        wire.push(3, b"def");
        wire.push(2, b"c");
        wire.push(0, b"ab");
        let seen = wire.seen();
        assert_eq!(seen[..3], [Early(2, 2, 2), Early(3, 3, 3), Again(2, 1)]);
        let data: Vec<u8> = seen
            .iter()
            .flat_map(|seen| if let Data(_, bytes, _) = seen { bytes.clone() } else { vec![] })
            .collect();
        assert_eq!(data, b"abcdef");
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut wire = Wire::from(u32::MAX - 1);
        wire.push(u32::MAX - 1, b"abc");
        wire.push(1, b"de");
        wire.push(u32::MAX, b"bc");
        assert_eq!(wire.seen(), [Data(0, b"abc".into(), 1), Data(3, b"de".into(), 2), Again(1, 2)]);
    }

    #[test]
    fn an_acknowledged_hole_is_given_up_after_a_while() {
        let mut wire = Wire::from(0);
        wire.push(0, b"ab");
        wire.push(5, b"fg");
        wire.assembler.acknowledge(7);
        for _ in 0..PATIENCE_SEGMENTS {
            wire.run(Assembler::wait);
        }
        assert_eq!(wire.seen(), [Data(0, b"ab".into(), 1), Early(5, 2, 3)], "not at once");
        wire.run(Assembler::wait);
        assert_eq!(wire.seen(), [Missing(2, 3), Data(5, b"fg".into(), 2)]);
        wire.push(2, b"cde");
        assert_eq!(wire.seen(), [Again(2, 3)], "too late");
    }

    #[test]
    fn a_hole_that_is_filled_is_none() {
        let mut wire = Wire::from(0);
        wire.push(2, b"c");
        wire.assembler.acknowledge(3);
        wire.run(Assembler::wait);
        wire.push(0, b"ab");
        for _ in 0..=PATIENCE_SEGMENTS {
            wire.run(Assembler::wait);
        }
        assert_eq!(wire.seen(), [Early(2, 1, 2), Data(0, b"ab".into(), 3), Data(2, b"c".into(), 3)]);
    }

    #[test]
    fn the_end_brings_out_what_waits_and_what_is_missing() {
        let mut wire = Wire::from(0);
        wire.push(3, b"d");
        wire.assembler.fin(4, 2);
        wire.run(|assembler, _, out| assembler.finish(out));
        assert_eq!(wire.seen(), [Early(3, 1, 3), Missing(0, 3), Data(3, b"d".into(), 1), Missing(4, 2)]);
        assert!(wire.assembler.is_finished());
    }

    #[test]
    fn an_acknowledged_fin_is_no_missing_byte() {
        let mut wire = Wire::from(0);
        wire.push(0, b"ab");
        wire.assembler.fin(2, 0);
        wire.assembler.acknowledge(3);
        wire.run(|assembler, _, out| assembler.finish(out));
        assert_eq!(wire.seen(), [Data(0, b"ab".into(), 1)]);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut wire = Wire::from(0);
        let segment = vec![b'x'; 64 * 1024];
        let many = LARGEST_HELD / segment.len() + 1;
        for index in 0..many {
            wire.push(u32::try_from(1 + index * segment.len()).unwrap(), &segment);
        }
        let seen = wire.seen();
        assert!(seen.contains(&Missing(0, 1)));
        assert_eq!(seen.iter().filter(|seen| matches!(seen, Data(..))).count(), many);
        assert_eq!(wire.assembler.held_size, 0);
    }
}
