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
        Found::Bad(error) => error.rule().name().to_owned(),
        Found::Long { digest, .. } => format!("long {} {:02x}", digest.length, digest.sha256[0]),
        Found::TooLarge { length } => format!("too large {length}"),
        Found::Incomplete { missing } => format!("incomplete by {missing}"),
    };
    format!("{} {what} {}", cut.offset, cut.length)
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

/// A PUBLISH with a payload of so many bytes.
fn large(length: usize) -> Vec<u8> {
    let left = length + 3;
    let mut packet = vec![0x30];
    for shift in [0, 7, 14] {
        packet.push(u8::try_from(left >> shift & 0x7F).unwrap() | 0x80);
    }
    packet.push(u8::try_from(left >> 21).unwrap());
    packet.extend([0, 1, b'a']);
    packet.extend((0..length).map(|index| u8::try_from(index % 251).unwrap()));
    packet
}

#[test]
fn a_long_payload_is_hashed_however_it_comes() {
    use sha2::{Digest as _, Sha256};
    let packet = large(LONG + 1);
    let hash = Sha256::digest(&packet[8..])[0];
    let wire = [PING.as_slice(), &packet, &PING].concat();
    let expected = [
        "0 PINGREQ 2".to_owned(),
        format!("2 long {} {hash:02x} {}", LONG + 1, packet.len()),
        format!("{} PINGREQ 2", 2 + packet.len()),
    ];
    for size in [wire.len(), 1_000_000, 65_536, 1000, 7] {
        let mut reader = Reader::new(true);
        for piece in wire.chunks(size) {
            reader.push(piece);
        }
        assert_eq!(reader.finish(), 0);
        assert_eq!(reader.seen, expected, "in pieces of {size}");
        assert!(reader.framer.buffer.len() < 2 * size.max(1024), "it was not held");
    }
    let mut reader = Reader::new(true);
    reader.push(&packet[..500_000]);
    reader.finish();
    assert_eq!(reader.seen, [format!("0 incomplete by {} 500000", packet.len() - 500_000)]);
    let mut short = Reader::new(true);
    short.push(&large(LONG));
    assert_eq!(short.seen, [format!("0 PUBLISH {}", LONG + 8)], "one byte less is held");
}

#[test]
fn what_is_too_large_is_skipped_and_named() {
    // A SUBSCRIBE of 5 MiB.
    let mut reader = Reader::new(true);
    reader.push(&[0x82, 0x80, 0x80, 0xC0, 0x02, 0, 1]);
    let rest = vec![b'x'; (5 << 20) - 2];
    for piece in rest.chunks(100_000) {
        reader.push(piece);
    }
    reader.push(&PING);
    assert_eq!(
        reader.seen,
        [format!("0 too large {} 0", (5 << 20) + 5), format!("{} PINGREQ 2", (5 << 20) + 5)]
    );
    // A packet for which the pool has no room, since others have taken it.
    let pool = Pool::of(4096);
    let mut reader = Reader { framer: Framer::new(true, &pool), offset: 0, seen: Vec::new() };
    reader.push(&[0x30, 0x80, 0x40, 0, 1, b'a']);
    for piece in vec![b'x'; 8189].chunks(819) {
        reader.push(piece);
    }
    reader.push(&PING);
    assert_eq!(reader.seen, ["0 too large 8195 0", "8195 PINGREQ 2"]);
    drop(reader);
    assert!(pool.take(4096), "all is given back");
}

#[test]
fn the_search_is_linear_and_bounded_whatever_comes() {
    for pattern in [b"\x30".as_slice(), b"\x32\x85\x80\0", b"\x62\x02", b"\x82\x7f\0\x01\0", b"\x10", b"\xc0"]
    {
        let noise: Vec<u8> = pattern.iter().copied().cycle().take(1_000_000).collect();
        let mut reader = Reader::new(false);
        for piece in noise.chunks(1460) {
            reader.push(piece);
            assert!(reader.framer.buffer.len() <= 300_000, "{pattern:02x?}");
        }
    }
    // Every byte a piece of its own, and a PUBLISH whose topic takes all the others.
    let mut reader = Reader::new(false);
    for _ in 0..100_000 {
        reader.push(&[0x32]);
    }
}

#[test]
fn answers_of_the_other_side_prove_a_packet() {
    let mut reader = Reader::new(false);
    // The end of a packet, a packet, and the beginning of another.
    let wire = [b"xxxxxxxxxxxxxxxxxxxx".as_slice(), b"\x32\x06\0\x01a\0\x07z", b"\x32"].concat();
    assert_eq!(reader.push(&wire), None);
    assert_eq!(reader.framer.hear((PacketType::PubAck, 8)), None, "another's");
    assert_eq!(reader.framer.hear((PacketType::SubAck, 7)), None, "of another kind");
    let back = reader.framer.hear((PacketType::PubAck, 7));
    assert_eq!(back, Some(Back { skipped: 20, version: Some(Version::V311) }));
}

#[test]
fn a_packet_around_a_hole_tells_where_the_next_one_begins() {
    let mut reader = Reader::new(false);
    // A PUBLISH at a piece's beginning, of which the middle is missing.
    let packet = [b"\x30\x80\x08\0\x01a".as_slice(), &[b'x'; 1021]].concat();
    reader.push(&packet[..20]);
    reader.lose(900);
    reader.push(&packet[920..]);
    reader.push(&[PUBLISH.as_slice(), &PUBLISH].concat());
    assert_eq!(reader.seen, ["1027 PUBLISH 10", "1037 PUBLISH 10"]);
}

#[test]
fn a_packet_longer_than_what_is_looked_at_bears_witness() {
    let mut reader = Reader::new(false);
    let packet = large(600_000);
    // The window is smaller, and what follows the packet does not begin a piece.
    let wire = [packet.as_slice(), &PUBLISH, &PUBLISH, &PING].concat();
    for piece in wire.chunks(1460) {
        reader.push(piece);
    }
    reader.finish();
    let expected = [(0, 10), (10, 10), (20, 2)].map(|(at, length)| {
        format!("{} {} {length}", packet.len() + at, if length == 2 { "PINGREQ" } else { "PUBLISH" })
    });
    assert_eq!(reader.seen, expected);
}
