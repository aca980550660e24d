//! One sender's MQTT stream, cut into packets; after missing or unreadable bytes it finds its way back.

use mqtt_wire::{DecodeError, DecodeOptions, Decoded, FixedHeader, Packet, Version, decode, frame_len};

/// What stands next in the stream.
#[derive(Debug)]
pub(crate) struct Cut<'a> {
    /// Where in the stream it begins.
    pub(crate) offset: u64,
    /// The packet's bytes, or as many as there are.
    pub(crate) bytes: &'a [u8],
    pub(crate) found: Found<'a>,
}

#[derive(Debug)]
pub(crate) enum Found<'a> {
    Packet(Packet<'a>),
    Bad(DecodeError),
    /// The rest of the packet does not come: so many bytes at least.
    Incomplete {
        missing: usize,
    },
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The next byte is a packet's first, or belongs to the packet in the buffer.
    InStep,
    /// So many bytes belong to a packet that has been reported.
    Skipping(u64),
    /// Where the next packet begins is not known.
    Lost { skipped: u64 },
}

/// The longest fixed header.
const HEADER: usize = 5;

#[derive(Debug)]
pub(crate) struct Framer {
    buffer: Vec<u8>,
    /// What of the buffer has been dealt with.
    start: usize,
    /// Where in the stream the buffer's first byte stands.
    offset: u64,
    state: State,
}

impl Framer {
    /// A stream from its beginning, or from somewhere in its middle.
    pub(crate) fn new(from_beginning: bool) -> Self {
        let state = if from_beginning { State::InStep } else { State::Lost { skipped: 0 } };
        Self { buffer: Vec::new(), start: 0, offset: 0, state }
    }

    /// Takes the next bytes. Returns how many were skipped when they lead back into step.
    pub(crate) fn push(
        &mut self,
        mut offset: u64,
        mut bytes: &[u8],
        version: Option<Version>,
    ) -> Option<u64> {
        let mut back = None;
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
            State::Lost { skipped } if fits(bytes, version) => {
                back = Some(*skipped);
                self.state = State::InStep;
                self.offset = offset;
            }
            State::Lost { skipped } => {
                *skipped += bytes.len() as u64;
                return None;
            }
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.offset += self.start as u64;
            self.start = 0;
        }
        if self.buffer.is_empty() {
            self.offset = offset;
        }
        self.buffer.extend_from_slice(bytes);
        back
    }

    /// The complete frame that stands next, if one does: to be looked at before `next` judges it.
    pub(crate) fn peek(&self) -> Option<&[u8]> {
        let bytes = self.rest();
        bytes.get(..frame_len(bytes)?)
    }

    /// What stands next, as far as it has come.
    pub(crate) fn next(&mut self, options: DecodeOptions) -> Option<Cut<'_>> {
        if self.state != State::InStep || self.rest().is_empty() {
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
                self.pass(length);
                return Some(Cut {
                    offset,
                    bytes: self.buffer.get(from..self.start)?,
                    found: Found::Bad(error),
                });
            }
        };
        let bytes = self.rest().get(..length)?;
        self.start += bytes.len();
        let bytes = self.buffer.get(from..self.start)?;
        let found = match decode(bytes, options) {
            Ok(Decoded::Packet { packet, .. }) => Found::Packet(packet),
            Ok(Decoded::Incomplete { missing }) => Found::Incomplete { missing },
            Err(error) => Found::Bad(error),
        };
        Some(Cut { offset, bytes, found })
    }

    /// Steps over a bad packet, of which not all bytes need be there.
    fn pass(&mut self, length: Option<usize>) {
        let there = self.buffer.len() - self.start;
        match length {
            Some(length) if length <= there => self.start += length,
            Some(length) => {
                self.start += there;
                self.state = State::Skipping((length - there) as u64);
            }
            None => {
                self.start += there;
                self.state = State::Lost { skipped: 0 };
            }
        }
    }

    /// The stream lacks bytes here. Where they all belong to the packet under way, the next one's
    /// beginning is known. Returns that packet.
    pub(crate) fn lose(&mut self, length: Option<u64>) -> Option<Cut<'_>> {
        let there = (self.buffer.len() - self.start) as u64;
        let of_packet = frame_len(self.rest()).map(|length| (length as u64).saturating_sub(there));
        let left = match (&self.state, length) {
            (State::Lost { .. }, _) => return None,
            (State::Skipping(left), Some(length)) => left.checked_sub(length),
            (State::InStep, Some(length)) if there > 0 => of_packet.and_then(|left| left.checked_sub(length)),
            _ => None,
        };
        self.state = match left {
            Some(left) => State::Skipping(left),
            None => State::Lost { skipped: 0 },
        };
        let missing = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(1);
        self.rest_as_incomplete(missing)
    }

    /// The stream is over: what is left of it, and how many bytes were skipped in vain.
    pub(crate) fn finish(&mut self) -> (Option<Cut<'_>>, u64) {
        let skipped = match &mut self.state {
            State::Lost { skipped } => std::mem::take(skipped),
            _ => 0,
        };
        let missing =
            frame_len(self.rest()).map_or(1, |length| length.saturating_sub(self.rest().len()).max(1));
        (self.rest_as_incomplete(missing), skipped)
    }

    fn rest_as_incomplete(&mut self, missing: usize) -> Option<Cut<'_>> {
        let (from, offset) = (self.start, self.offset + self.start as u64);
        self.start = self.buffer.len();
        let bytes = self.buffer.get(from..).filter(|bytes| !bytes.is_empty())?;
        Some(Cut { offset, bytes, found: Found::Incomplete { missing } })
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }
}

/// Whether more bytes may yet tell the length of the packet.
fn is_cut_header(bytes: &[u8]) -> bool {
    bytes.len() < HEADER && bytes.iter().skip(1).all(|byte| *byte >= 0x80)
}

/// Whether `bytes` are whole, well-formed packets.
fn fits(mut bytes: &[u8], version: Option<Version>) -> bool {
    let versions: &[Version] = version.as_ref().map_or(&[Version::V5, Version::V311], std::slice::from_ref);
    while !bytes.is_empty() {
        let length = versions.iter().find_map(|version| match decode(bytes, *version) {
            Ok(Decoded::Packet { len, .. }) => Some(len),
            _ => None,
        });
        match length.and_then(|length| bytes.get(length..)) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: [u8; 2] = [0xC0, 0x00];
    /// Topic `a`, payload `hello`, QoS 0.
    const PUBLISH: [u8; 10] = [0x30, 0x08, 0x00, 0x01, b'a', b'h', b'e', b'l', b'l', b'o'];

    /// What comes out of a stream, as text.
    struct Reader {
        framer: Framer,
        offset: u64,
        seen: Vec<String>,
    }

    impl Reader {
        fn new(from_beginning: bool) -> Self {
            Self { framer: Framer::new(from_beginning), offset: 0, seen: Vec::new() }
        }

        fn push(&mut self, bytes: &[u8]) -> Option<u64> {
            let back = self.framer.push(self.offset, bytes, Some(Version::V311));
            self.offset += bytes.len() as u64;
            while let Some(cut) = self.framer.next(DecodeOptions::new(Version::V311)) {
                self.seen.push(show(&cut));
            }
            back
        }

        fn lose(&mut self, length: u64) {
            self.offset += length;
            self.seen.extend(self.framer.lose(Some(length)).as_ref().map(show));
        }

        fn finish(&mut self) -> u64 {
            let (cut, skipped) = self.framer.finish();
            self.seen.extend(cut.as_ref().map(show));
            skipped
        }
    }

    fn show(cut: &Cut<'_>) -> String {
        let what = match &cut.found {
            Found::Packet(packet) => packet.to_string(),
            Found::Bad(error) => error.rule().name().to_owned(),
            Found::Incomplete { missing } => format!("incomplete by {missing}"),
        };
        format!("{} {what} {}", cut.offset, cut.bytes.len())
    }

    #[test]
    fn every_split_gives_the_same_packets() {
        let wire = [PUBLISH.as_slice(), &PING, &PUBLISH].concat();
        for split in 0..wire.len() {
            let mut reader = Reader::new(true);
            reader.push(&wire[..split]);
            reader.push(&wire[split..]);
            assert_eq!(reader.finish(), 0);
            assert_eq!(reader.seen, ["0 PUBLISH 10", "10 PINGREQ 2", "12 PUBLISH 10"], "split at {split}");
        }
    }

    #[test]
    fn bad_packets_are_stepped_over_wherever_the_stream_is_split() {
        // QoS 3 is refused at the first byte; a topic with a wildcard within.
        let wire = [[0x36].as_slice(), &PUBLISH[1..], &[0x30, 0x03, 0x00, 0x01, b'#'], &PING].concat();
        for split in 0..wire.len() {
            let mut reader = Reader::new(true);
            reader.push(&wire[..split]);
            reader.push(&wire[split..]);
            let first = reader.seen[0].split(' ').take(2).collect::<Vec<_>>();
            assert_eq!(first, ["0", "PublishQoS3"], "split at {split}");
            assert_eq!(reader.seen[1..], ["10 WildcardInName 5", "15 PINGREQ 2"], "split at {split}");
        }
    }

    #[test]
    fn what_is_lost_within_a_packet_does_not_cost_the_next() {
        let mut reader = Reader::new(true);
        reader.push(&PUBLISH[..6]);
        reader.lose(3);
        reader.push(&[&PUBLISH[9..], &PING].concat());
        assert_eq!(reader.seen, ["0 incomplete by 3 6", "10 PINGREQ 2"]);
    }

    #[test]
    fn what_is_lost_between_packets_leads_to_the_next_piece_of_whole_ones() {
        let mut reader = Reader::new(true);
        reader.push(&PING);
        reader.lose(100);
        assert_eq!(reader.push(b"payload of some packet"), None);
        assert_eq!(reader.push(&[PUBLISH.as_slice(), &PING].concat()), Some(22));
        assert_eq!(reader.seen, ["0 PINGREQ 2", "124 PUBLISH 10", "134 PINGREQ 2"]);
    }

    #[test]
    fn a_length_without_end_loses_the_step() {
        let mut reader = Reader::new(true);
        reader.push(&[0x30, 0xFF, 0xFF, 0xFF]);
        assert_eq!(reader.seen.len(), 0, "it may yet end");
        reader.push(&[0xFF, 0x01, 0x02]);
        reader.push(&[0x01, 0x02]);
        assert_eq!(reader.seen, ["0 LengthTooLong 7"]);
        assert_eq!(reader.finish(), 2);
    }

    #[test]
    fn the_end_shows_what_is_cut_off() {
        let mut reader = Reader::new(true);
        reader.push(&PUBLISH[..4]);
        reader.finish();
        assert_eq!(reader.seen, ["0 incomplete by 6 4"]);
        reader.finish();
        assert_eq!(reader.seen.len(), 1, "once");
    }

    #[test]
    fn a_stream_that_was_joined_late_waits_for_whole_packets() {
        let mut reader = Reader::new(false);
        assert_eq!(reader.push(&PUBLISH[3..]), None);
        assert_eq!(reader.push(&PING), Some(7));
        assert_eq!(reader.seen, ["7 PINGREQ 2"]);
    }
}
