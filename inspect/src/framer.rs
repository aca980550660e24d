//! One sender's MQTT stream, cut into packets; after missing or unreadable bytes it finds its way back.

mod long;
mod search;

use std::collections::VecDeque;

use mqtt_wire::{
    DecodeError, DecodeOptions, Decoded, DecodedHead, FixedHeader, Packet, PacketType, Version, decode,
    decode_publish_head, frame_len,
};

use self::long::Long;
pub(crate) use self::long::{Digest, LONG, packet as head_of_long};
use self::search::Search;
pub(crate) use self::search::{Answer, answer};
use crate::capture::Time;
use crate::pool::{Buffer, Pool};

/// What stands next in the stream.
#[derive(Debug)]
pub(crate) struct Cut<'a> {
    /// Where in the stream it begins.
    pub(crate) offset: u64,
    /// When its last byte came, if that was before now.
    pub(crate) time: Option<Time>,
    /// The packet's bytes, or as many as there are.
    pub(crate) bytes: &'a [u8],
    /// How many bytes of it came: more than `bytes` where not all are held.
    pub(crate) length: usize,
    pub(crate) found: Found<'a>,
}

#[derive(Debug)]
pub(crate) enum Found<'a> {
    Packet(Packet<'a>),
    /// A PUBLISH with a payload that is not held: `packet` has the head of it.
    Long {
        packet: Packet<'a>,
        digest: Digest,
    },
    Bad(DecodeError),
    /// The rest of the packet does not come: so many bytes at least.
    Incomplete {
        missing: usize,
    },
    /// More than can be held: so many bytes in all.
    TooLarge {
        length: u64,
    },
}

/// The way back into step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Back {
    /// How many bytes were passed over.
    pub(crate) skipped: u64,
    /// The version that the packets fit, when they fit one only.
    pub(crate) version: Option<Version>,
}

#[derive(Debug)]
enum State {
    /// The next byte is a packet's first, or belongs to the packet in the buffer.
    InStep,
    /// So many bytes belong to a packet that has been reported.
    Skipping(u64),
    /// The payload of a PUBLISH goes by.
    Long(Box<Long>),
    /// Where the next packet begins is not known.
    Lost(Box<Search>),
}

/// The longest fixed header.
const HEADER: usize = 5;
/// The longest packet that is held, but for the payload of a PUBLISH.
const LARGEST_HELD: usize = 4 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Framer {
    buffer: Buffer,
    /// What of the buffer has been dealt with.
    start: usize,
    /// Where in the stream the buffer's first byte stands.
    offset: u64,
    state: State,
    /// The time of pieces that came before the last, by where they end: those that were looked at while the
    /// stream was out of step.
    times: VecDeque<(u64, Option<Time>)>,
    /// The packet in the buffer could not be held any further: its offset and length.
    too_large: Option<(u64, u64)>,
}

impl Framer {
    /// A stream from its beginning, or from somewhere in its middle.
    pub(crate) fn new(from_beginning: bool, pool: &Pool) -> Self {
        let state = if from_beginning { State::InStep } else { State::Lost(Box::default()) };
        Self {
            buffer: Buffer::new(pool),
            start: 0,
            offset: 0,
            state,
            times: VecDeque::new(),
            too_large: None,
        }
    }

    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost(_))
    }

    /// Takes the next bytes. They may lead back into step, with packets of this sender by `options` in one of
    /// `versions`.
    pub(crate) fn push(
        &mut self,
        mut offset: u64,
        mut bytes: &[u8],
        time: Option<Time>,
        (options, versions): (DecodeOptions, &[Version]),
    ) -> Option<Back> {
        match &mut self.state {
            State::InStep => {}
            State::Skipping(left) => {
                let skipped = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                bytes = bytes.get(skipped..).unwrap_or_default();
                offset += skipped as u64;
                *left -= skipped as u64;
                if *left == 0 {
                    self.state = State::InStep;
                }
            }
            State::Long(long) => {
                let taken = long.push(bytes);
                bytes = bytes.get(taken..).unwrap_or_default();
                offset += taken as u64;
            }
            State::Lost(_) => return self.look(offset, bytes, time, options, versions),
        }
        self.hold(offset, bytes);
        None
    }

    fn look(
        &mut self,
        offset: u64,
        bytes: &[u8],
        time: Option<Time>,
        options: DecodeOptions,
        versions: &[Version],
    ) -> Option<Back> {
        let State::Lost(search) = &mut self.state else { return None };
        self.buffer.drop_front(self.start);
        self.start = 0;
        search.push(&mut self.buffer, offset, bytes, time, options, versions);
        self.offset = search.base();
        self.take_up(search::ENOUGH)
    }

    /// Goes on from where the evidence says that a packet begins, if it suffices.
    fn take_up(&mut self, enough: u32) -> Option<Back> {
        let State::Lost(search) = &mut self.state else { return None };
        let (start, version) = search.best(enough)?;
        let skipped = search.skipped_before(start);
        self.times = search.times();
        self.start = usize::try_from(start.checked_sub(self.offset)?).ok()?;
        self.state = State::InStep;
        Some(Back { skipped, version })
    }

    /// The other side sent what answers a packet, or what a packet would answer.
    pub(crate) fn hear(&mut self, answer: Answer) -> Option<Back> {
        let State::Lost(search) = &mut self.state else { return None };
        search.hear(answer);
        self.take_up(search::ENOUGH)
    }

    fn hold(&mut self, offset: u64, bytes: &[u8]) {
        if self.start > 0 {
            self.offset += self.start as u64;
            self.buffer.drop_front(self.start);
            self.start = 0;
        }
        if self.buffer.is_empty() {
            self.offset = offset;
        }
        if self.buffer.extend(bytes) {
            return;
        }
        // What is under way cannot be held to its end.
        let (there, length) = (self.buffer.len() as u64, frame_len(&self.buffer).map(|length| length as u64));
        self.too_large = Some((self.offset, length.unwrap_or(there)));
        self.buffer.clear();
        let end = offset + bytes.len() as u64;
        self.state = match length.map(|length| (self.offset + length).checked_sub(end)) {
            Some(Some(left)) if there > 0 => State::Skipping(left),
            _ => State::Lost(Box::default()),
        };
    }

    /// The complete frame that stands next, if one does: to be looked at before `next` judges it.
    pub(crate) fn peek(&self) -> Option<&[u8]> {
        let bytes = self.rest();
        bytes.get(..frame_len(bytes)?)
    }

    /// What stands next, as far as it has come.
    pub(crate) fn next(&mut self, options: DecodeOptions) -> Option<Cut<'_>> {
        if let Some((offset, length)) = self.too_large.take() {
            return Some(Cut {
                offset,
                time: None,
                bytes: &[],
                length: 0,
                found: Found::TooLarge { length },
            });
        }
        if matches!(&self.state, State::Long(long) if long.is_complete()) {
            return self.end_long();
        }
        if !matches!(self.state, State::InStep) {
            return None;
        }
        if self.rest().is_empty() {
            self.buffer.clear();
            self.start = 0;
            return None;
        }
        let (from, offset) = (self.start, self.offset + self.start as u64);
        let length = match FixedHeader::decode(self.rest(), options) {
            Ok(header) => header?.frame_len(),
            Err(error) => {
                let length = frame_len(self.rest());
                if length.is_none() && is_cut_header(self.rest()) {
                    return None;
                }
                return self.bad(error, length);
            }
        };
        if length > LONG && self.rest().len() < length {
            return self.large(options, length);
        }
        let end = from.checked_add(length)?;
        let time = self.time_of(offset + length as u64);
        let mut bytes = self.buffer.get(from..end)?;
        self.start = end;
        let found = match decode(bytes, options) {
            Ok(Decoded::Packet { packet, .. }) => match long::digest(packet, length) {
                Some((packet, digest, kept)) => {
                    bytes = bytes.get(..kept)?;
                    Found::Long { packet, digest }
                }
                None => Found::Packet(packet),
            },
            Ok(Decoded::Incomplete { missing }) => Found::Incomplete { missing },
            Err(error) => Found::Bad(error),
        };
        Some(Cut { offset, time, bytes, length, found })
    }

    /// A packet that is too long to wait for all of it.
    fn large(&mut self, options: DecodeOptions, length: usize) -> Option<Cut<'_>> {
        let offset = self.offset + self.start as u64;
        let there = self.rest().len();
        match decode_publish_head(self.rest(), options) {
            Ok(DecodedHead::Publish { len, payload, .. }) if payload.remaining() > LONG => {
                let long = Long::new(offset, self.rest(), len, payload.remaining(), options);
                self.buffer.clear();
                self.start = 0;
                self.state = State::Long(Box::new(long));
                None
            }
            Err(error) => self.bad(error, Some(length)),
            // A PUBLISH of many properties, or another packet.
            Ok(_) if length <= LARGEST_HELD => None,
            Ok(_) => {
                self.buffer.clear();
                self.start = 0;
                self.state = State::Skipping((length - there) as u64);
                let found = Found::TooLarge { length: length as u64 };
                Some(Cut { offset, time: None, bytes: &[], length: 0, found })
            }
        }
    }

    fn end_long(&mut self) -> Option<Cut<'_>> {
        // Until the next packet the head is what the buffer holds.
        let State::Long(long) = std::mem::replace(&mut self.state, State::InStep) else { return None };
        let rest = self.rest().to_vec();
        self.buffer.clear();
        self.start = 0;
        let (offset, options) = (long.offset(), long.options());
        let length = long.came();
        let (head, digest) = long.end();
        let end = offset + length as u64;
        if !self.buffer.extend(&head) || !self.buffer.extend(&rest) {
            self.buffer.clear();
            self.state = State::Lost(Box::default());
            let found = Found::TooLarge { length: length as u64 };
            return Some(Cut { offset, time: None, bytes: &[], length: 0, found });
        }
        self.start = head.len();
        // Such that what follows the head stands where it does in the stream.
        self.offset = end - head.len() as u64;
        let bytes = self.buffer.get(..head.len())?;
        let found = match long::packet(bytes, options) {
            Ok(Some(packet)) => Found::Long { packet, digest },
            Ok(None) => Found::Incomplete { missing: 1 },
            Err(error) => Found::Bad(error),
        };
        Some(Cut { offset, time: None, bytes, length, found })
    }

    fn bad(&mut self, error: DecodeError, length: Option<usize>) -> Option<Cut<'_>> {
        let (from, offset) = (self.start, self.offset + self.start as u64);
        self.pass(length);
        let time = length.and_then(|length| self.time_of(offset + length as u64));
        let bytes = self.buffer.get(from..self.start)?;
        Some(Cut { offset, time, bytes, length: bytes.len(), found: Found::Bad(error) })
    }

    /// When the piece came that holds the byte before `end`, if it was not the last.
    fn time_of(&mut self, end: u64) -> Option<Time> {
        while self.times.front().is_some_and(|(piece_end, _)| *piece_end < end) {
            self.times.pop_front();
        }
        self.times.front().and_then(|(_, time)| *time)
    }

    /// Steps over a bad packet, of which not all bytes need be there.
    fn pass(&mut self, length: Option<usize>) {
        let there = self.rest().len();
        match length {
            Some(length) if length <= there => self.start += length,
            Some(length) => {
                self.start += there;
                self.state = State::Skipping((length - there) as u64);
            }
            None => {
                self.start += there;
                self.state = State::Lost(Box::default());
            }
        }
    }

    /// The stream lacks bytes here. Where they all belong to the packet under way, the next one's
    /// beginning is known. Returns that packet.
    pub(crate) fn lose(&mut self, length: Option<u64>) -> Option<Cut<'_>> {
        let there = self.rest().len() as u64;
        let of_packet = frame_len(self.rest()).map(|length| (length as u64).saturating_sub(there));
        let left = match (&mut self.state, length) {
            (State::Lost(search), _) => {
                self.buffer.drop_front(self.start);
                self.start = 0;
                search.lose(&mut self.buffer, length);
                self.offset = search.base();
                return None;
            }
            (State::Skipping(left), Some(length)) => left.checked_sub(length),
            (State::Long(long), Some(length)) => (long.left() as u64).checked_sub(length),
            (State::InStep, Some(length)) if there > 0 => of_packet.and_then(|left| left.checked_sub(length)),
            _ => None,
        };
        let state = match left {
            Some(left) => State::Skipping(left),
            None => State::Lost(Box::default()),
        };
        let missing = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(1);
        match std::mem::replace(&mut self.state, state) {
            State::Long(long) => self.long_as_incomplete(*long, missing),
            _ => self.rest_as_incomplete(missing),
        }
    }

    /// The stream is over: what is left of it, and how many bytes were skipped in vain. To be called before
    /// that once more: what there is some evidence for is taken for a packet then.
    pub(crate) fn finish(&mut self) -> (Option<Cut<'_>>, u64) {
        let skipped = match &mut self.state {
            State::Lost(search) => {
                let skipped = search.skipped();
                self.buffer.clear();
                self.start = 0;
                **search = Search::default();
                return (None, skipped);
            }
            _ => 0,
        };
        if matches!(self.state, State::Long(_)) {
            let State::Long(long) = std::mem::replace(&mut self.state, State::InStep) else {
                return (None, 0);
            };
            let missing = long.left();
            return (self.long_as_incomplete(*long, missing), skipped);
        }
        let missing =
            frame_len(self.rest()).map_or(1, |length| length.saturating_sub(self.rest().len()).max(1));
        (self.rest_as_incomplete(missing), skipped)
    }

    /// At the end of the stream less evidence suffices, since none speaks against it.
    pub(crate) fn take_up_at_end(&mut self) -> Option<Back> {
        self.take_up(search::ENOUGH_AT_END)
    }

    fn long_as_incomplete(&mut self, long: Long, missing: usize) -> Option<Cut<'_>> {
        let offset = long.offset();
        let length = long.came();
        let (head, _) = long.end();
        self.buffer.clear();
        self.start = 0;
        if !self.buffer.extend(&head) {
            return None;
        }
        self.start = self.buffer.len();
        let found = Found::Incomplete { missing };
        Some(Cut { offset, time: None, bytes: &self.buffer, length, found })
    }

    fn rest_as_incomplete(&mut self, missing: usize) -> Option<Cut<'_>> {
        let (from, offset) = (self.start, self.offset + self.start as u64);
        self.start = self.buffer.len();
        let time = self.time_of(offset + (self.start - from) as u64);
        let bytes = self.buffer.get(from..).filter(|bytes| !bytes.is_empty())?;
        Some(Cut { offset, time, bytes, length: bytes.len(), found: Found::Incomplete { missing } })
    }

    pub(crate) fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }
}

/// Whether more bytes may yet tell the length of the packet.
fn is_cut_header(bytes: &[u8]) -> bool {
    bytes.len() < HEADER && bytes.iter().skip(1).all(|byte| *byte >= 0x80)
}

/// The type of the packet that begins here.
pub(crate) fn packet_type(bytes: &[u8]) -> Option<PacketType> {
    PacketType::new(bytes.first()? >> 4)
}

#[cfg(test)]
mod tests;
