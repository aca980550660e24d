//! Tests of `framer`.

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
        Self { framer: Framer::new(from_beginning, &Pool::default()), offset: 0, seen: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) -> Option<u64> {
        let options = (DecodeOptions::new(Version::V311), [Version::V311].as_slice());
        let back = self.framer.push(self.offset, bytes, None, options).map(|back| back.skipped);
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
        Found::Bad(error) => error.kind().name().to_owned(),
        Found::Long { digest, .. } => format!("long {} {:02x}", digest.length, digest.sha256[0]),
        Found::TooLarge { length } => format!("too large {length}"),
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
