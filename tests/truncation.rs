//! Cut packets and cut streams: what is not there yet is incomplete, what is too short for its own length is an
//! error, and how a stream is cut changes nothing.

#[path = "common/captures.rs"]
#[allow(dead_code, reason = "the dissector's reading is compared in captures.rs")]
mod captures;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/notation.rs"]
mod notation;

use std::collections::BTreeSet;

use frames::Good;
use mqtt_wire::{
    DecodeOptions, Decoded, DecodedHead, Packet, Rule, Sender, Tolerance, Version, decode,
    decode_publish_head, frame_len,
};

fn options(good: &Good) -> DecodeOptions {
    let options = DecodeOptions::new(good.version);
    good.sender.map_or(options, |sender| options.with_sender(sender))
}

/// The table's frames and every different packet of the captures that is up to the standard.
fn everything() -> Vec<Good> {
    let mut seen = BTreeSet::new();
    let mut all = frames::good();
    for capture in captures::all() {
        for packet in capture.packets {
            let good = Good {
                name: format!("{} of {}", packet.name, capture.name),
                version: packet.version,
                sender: Some(packet.sender),
                bytes: packet.bytes,
            };
            let new = seen.insert((good.version, packet.sender == Sender::Client, good.bytes.clone()));
            if new && decode(&good.bytes, options(&good)).is_ok() {
                all.push(good);
            }
        }
    }
    all
}

/// The packet of a whole frame.
fn packet(good: &Good) -> Packet<'_> {
    match decode(&good.bytes, options(good)) {
        Ok(Decoded::Packet { packet, len }) if len == good.bytes.len() => packet,
        other => panic!("{good:?}: {other:?}"),
    }
}

/// The places to cut so many bytes at: all, of a very long packet those near its ends.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    const LONG: usize = 1 << 15;
    const NEAR: usize = 512;
    (0..length).filter(move |at| length <= LONG || *at < NEAR || *at >= length - NEAR)
}

/// The bytes behind the fixed header.
fn body(frame: &[u8]) -> &[u8] {
    let length = frame[1..].iter().position(|byte| *byte < 0x80).expect("a whole Remaining Length") + 1;
    &frame[1 + length..]
}

#[test]
fn the_frames_are_good() {
    let all = frames::good();
    for good in &all {
        packet(good);
        let detected = decode(&good.bytes, DecodeOptions::detect()).map(Decoded::packet);
        let detected = detected.map_err(|error| (error.rule(), error.offset()));
        match packet(good) {
            Packet::Connect(_) => assert_eq!(detected, Ok(Some(packet(good))), "{}", good.name),
            _ => assert_eq!(detected, Err((Rule::VersionUnknown, 0)), "{}", good.name),
        }
        if let Some(sender) = good.sender {
            let other = if sender == Sender::Client { Sender::Server } else { Sender::Client };
            assert!(decode(&good.bytes, options(good).with_sender(other)).is_err(), "{good:?}");
        }
    }
}

#[test]
fn cut_anywhere_a_frame_is_incomplete_and_the_count_is_right() {
    for good in everything() {
        let header = good.bytes.len() - body(&good.bytes).len();
        for at in cuts(good.bytes.len()) {
            let left = good.bytes.len() - at;
            match decode(&good.bytes[..at], options(&good)) {
                Ok(Decoded::Incomplete { missing }) if at >= header => {
                    assert_eq!(missing, left, "{good:?} at {at}");
                }
                Ok(Decoded::Incomplete { missing }) => {
                    assert!((1..=left).contains(&missing), "{good:?} at {at}");
                }
                other => panic!("{good:?} cut at {at}: {other:?}"),
            }
        }
    }
}

/// Where each of the last fields starts, from the last one on.
fn starts(whole: usize, lengths: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut at = whole;
    let step = |length| {
        at -= length;
        at
    };
    lengths.into_iter().map(step).collect()
}

/// A list may end behind any item but must have one.
fn list(whole: usize, mut lengths: Vec<usize>) -> Vec<usize> {
    lengths.reverse();
    lengths.pop();
    starts(whole, lengths)
}

/// The lengths at which a body may end early and be another good packet.
fn ends(good: &Good) -> BTreeSet<usize> {
    let whole = body(&good.bytes).len();
    let v5 = good.version == Version::V5;
    match packet(good) {
        Packet::Publish(publish) => (whole - publish.payload.len()..whole).collect(),
        Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) if v5 => {
            BTreeSet::from([2, 3])
        }
        Packet::Disconnect(_) if v5 => BTreeSet::from([0, 1]),
        // 0x00, which an empty AUTH stands for, is the server's.
        Packet::Auth(_) if good.sender != Some(Sender::Client) => BTreeSet::from([0]),
        Packet::Subscribe(subscribe) => {
            let lengths = subscribe.subscriptions.iter().map(|one| one.filter.as_str().len() + 3);
            list(whole, lengths.collect()).into_iter().collect()
        }
        Packet::Unsubscribe(unsubscribe) => {
            let lengths = unsubscribe.filters.iter().map(|filter| filter.as_str().len() + 2);
            list(whole, lengths.collect()).into_iter().collect()
        }
        Packet::SubAck(suback) => list(whole, vec![1; suback.reason_codes.len()]).into_iter().collect(),
        Packet::UnsubAck(unsuback) if v5 => {
            list(whole, vec![1; unsuback.reason_codes.len()]).into_iter().collect()
        }
        // The Remaining Length of MQTT 3.1 outweighs the flags for user name and password.
        Packet::Connect(connect) if good.version == Version::V31 => {
            let password = connect.password.map(|password| password.len() + 2);
            let user_name = connect.user_name.map(|user_name| user_name.len() + 2);
            starts(whole, password.into_iter().chain(user_name)).into_iter().collect()
        }
        _ => BTreeSet::new(),
    }
}

#[test]
fn with_the_length_put_right_a_cut_body_is_an_error_or_another_good_packet() {
    for good in everything() {
        let ends = ends(&good);
        for at in cuts(body(&good.bytes).len()) {
            let frame = notation::frame(good.bytes[0], &body(&good.bytes)[..at]);
            match decode(&frame, options(&good)) {
                Ok(Decoded::Packet { packet, len }) => {
                    assert!(ends.contains(&at), "{good:?} cut at {at} is {packet:?}");
                    assert_eq!(len, frame.len());
                }
                Ok(incomplete) => panic!("{good:?} cut at {at}: {incomplete:?} of a whole frame"),
                Err(error) => {
                    assert!(!ends.contains(&at), "{good:?} cut at {at}: {error}");
                    assert_eq!(frame_len(&frame), Some(frame.len()), "{good:?} cut at {at}: {error}");
                    assert!(error.offset() <= frame.len(), "{good:?} cut at {at}: {error}");
                }
            }
        }
    }
}

/// Cuts packets off a stream as a program would, and watches that what is said to be missing is missing.
struct Reader {
    options: DecodeOptions,
    buffer: Vec<u8>,
    missing: usize,
    frames: Vec<Vec<u8>>,
}

impl Reader {
    fn new(options: DecodeOptions) -> Self {
        Self { options, buffer: Vec::new(), missing: 1, frames: Vec::new() }
    }

    fn feed(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
        let wanted = self.missing.saturating_sub(chunk.len());
        let mut first = true;
        loop {
            match decode(&self.buffer, self.options)
                .unwrap_or_else(|error| panic!("{error} in {:?}", self.buffer))
            {
                Decoded::Packet { packet, len } => {
                    assert!(!first || wanted == 0, "{wanted} more bytes were said to be needed");
                    assert_eq!(
                        decode(&self.buffer[..len], self.options),
                        Ok(Decoded::Packet { packet, len })
                    );
                    let frame = self.buffer.drain(..len).collect();
                    self.frames.push(frame);
                }
                Decoded::Incomplete { missing } => {
                    assert!(missing > 0);
                    self.missing = missing;
                    return;
                }
            }
            first = false;
        }
    }
}

/// What one side sends in that version, packet by packet; no frame is very long.
fn stream(version: Version, sender: Sender) -> Vec<Good> {
    let fits = |good: &Good| {
        good.version == version && good.sender.is_none_or(|s| s == sender) && good.bytes.len() < 200
    };
    let all: Vec<Good> = frames::good().into_iter().filter(fits).collect();
    assert!(all.len() > 10);
    all
}

fn each_stream(mut each: impl FnMut(DecodeOptions, &[Good])) {
    for version in Version::ALL {
        for sender in [Sender::Client, Sender::Server] {
            each(DecodeOptions::new(version).with_sender(sender), &stream(version, sender));
        }
    }
}

fn join(frames: &[Good]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let frames: Vec<Vec<u8>> = frames.iter().map(|good| good.bytes.clone()).collect();
    (frames.concat(), frames)
}

#[test]
fn every_split_of_a_stream_gives_the_same_packets() {
    each_stream(|options, goods| {
        let (bytes, expected) = join(goods);
        for at in 0..=bytes.len() {
            let mut reader = Reader::new(options);
            reader.feed(&bytes[..at]);
            reader.feed(&bytes[at..]);
            assert_eq!(reader.frames, expected, "split at {at}");
        }
        for size in 1..40 {
            let mut reader = Reader::new(options);
            bytes.chunks(size).for_each(|chunk| reader.feed(chunk));
            assert_eq!(reader.frames, expected, "in chunks of {size}");
        }
    });
}

#[test]
fn every_pair_of_splits_gives_the_same_packets() {
    each_stream(|options, goods| {
        for pair in goods.windows(2) {
            let (bytes, expected) = join(pair);
            for second in 0..=bytes.len() {
                for first in (0..=second).filter(|first| second - first < 4 || *first < 8) {
                    let mut reader = Reader::new(options);
                    for chunk in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                        reader.feed(chunk);
                    }
                    assert_eq!(reader.frames, expected, "split at {first} and {second}");
                }
            }
        }
    });
}

#[test]
fn captured_streams_byte_by_byte() {
    for capture in captures::all() {
        for stream in capture.streams {
            let options = DecodeOptions::new(stream.version)
                .with_sender(stream.sender)
                .with_tolerance(Tolerance::BridgeProtocolLevel)
                .with_tolerance(Tolerance::UnknownReasonCodes);
            let of_stream = |packet: &&captures::Captured| {
                packet.stream == stream.number && packet.sender == stream.sender
            };
            let mut expected: Vec<_> = capture.packets.iter().filter(of_stream).collect();
            expected.sort_by_key(|packet| packet.offset);
            if expected.iter().any(|packet| decode(&packet.bytes, options).is_err()) {
                continue; // `captures.rs` lists them
            }
            let mut reader = Reader::new(options);
            stream.bytes.iter().for_each(|byte| reader.feed(&[*byte]));
            assert!(reader.frames.iter().eq(expected.iter().map(|packet| &packet.bytes)), "{}", capture.name);
        }
    }
}

/// A program that reads exactly as much as it is told to has a packet at the end of a read, and nothing of the
/// next one.
#[test]
fn who_reads_what_is_missing_reads_packet_by_packet() {
    each_stream(|options, goods| {
        let (bytes, expected) = join(goods);
        let (mut at, mut buffer, mut frames) = (0, Vec::new(), Vec::new());
        while at < bytes.len() {
            match decode(&buffer, options).expect("good bytes") {
                Decoded::Incomplete { missing } => {
                    buffer.extend_from_slice(&bytes[at..at + missing]);
                    at += missing;
                }
                Decoded::Packet { len, .. } => {
                    assert_eq!(len, buffer.len());
                    frames.push(std::mem::take(&mut buffer));
                }
            }
        }
        frames.push(buffer);
        assert_eq!(frames, expected);
    });
}

/// What may follow: the next packet, garbage, a header that never ends.
const FOLLOWING: &[&[u8]] = &[
    &[0x00],
    &[0xFF; 5],
    &[0x80; 9],
    &[0xC0, 0x00],
    &[0x30, 0xFF, 0xFF, 0xFF, 0x7F],
    &[0x10, 0x0D, 0x00, 0x04],
];

#[test]
fn what_follows_a_frame_does_not_matter() {
    for good in everything() {
        let expected = decode(&good.bytes, options(&good));
        assert!(expected.is_ok());
        for following in FOLLOWING {
            let bytes = [&good.bytes[..], following].concat();
            assert_eq!(decode(&bytes, options(&good)), expected, "{good:?} before {following:?}");
        }
    }
}

#[test]
fn what_follows_a_bad_frame_does_not_matter() {
    for bad in bad() {
        let expected = decode(&bad.bytes, options(&bad));
        assert!(expected.is_err());
        for following in FOLLOWING {
            let bytes = [&bad.bytes[..], following].concat();
            assert_eq!(decode(&bytes, options(&bad)), expected, "{bad:?} before {following:?}");
        }
    }
}

/// Every frame of the table with its body cut short, lengthened, or with flags that no type has.
fn bad() -> Vec<Good> {
    let mut all = Vec::new();
    for good in frames::good().into_iter().filter(|good| good.bytes.len() < 200) {
        let (first, body) = (good.bytes[0], body(&good.bytes));
        let cuts = (0..body.len()).map(|at| notation::frame(first, &body[..at]));
        let long = notation::frame(first, &[body, &[0xFF]].concat());
        let flags = notation::frame(first | 0x06, body);
        for bytes in cuts.chain([long, flags]) {
            if decode(&bytes, options(&good)).is_err() {
                all.push(Good { bytes, ..good.clone() });
            }
        }
    }
    all
}

#[test]
fn a_stream_goes_on_behind_a_bad_frame() {
    for (number, bad) in bad().into_iter().enumerate() {
        let sender = bad.sender.unwrap_or(Sender::Client);
        let options = DecodeOptions::new(bad.version).with_sender(sender);
        let goods = stream(bad.version, sender);
        let [before, after] = [number, number + 1].map(|n| &goods[n % goods.len()].bytes[..]);
        let bytes = [before, &bad.bytes, after].concat();
        let (mut at, mut good, mut refused) = (0, Vec::new(), 0);
        while at < bytes.len() {
            match decode(&bytes[at..], options) {
                Ok(Decoded::Packet { len, .. }) => {
                    good.push(&bytes[at..at + len]);
                    at += len;
                }
                Ok(Decoded::Incomplete { missing }) => panic!("{bad:?}: {missing} missing at {at}"),
                Err(_) => {
                    refused += 1;
                    at += frame_len(&bytes[at..]).expect("the end of the frame is known");
                }
            }
        }
        assert_eq!((good, refused), (vec![before, after], 1), "{bad:?}");
    }
}

/// A packet is refused at the first byte that decides it, and more bytes do not change the answer.
#[test]
fn a_verdict_stays() {
    for frame in bad().into_iter().chain(frames::good()) {
        let mut verdict = None;
        for at in 0..=frame.bytes.len() {
            let now =
                decode(&frame.bytes[..at], options(&frame)).map_err(|error| (error.rule(), error.offset()));
            match (verdict, now) {
                (None, Err(error)) => verdict = Some(error),
                (None, Ok(_)) => {}
                (Some(before), now) => assert_eq!(now, Err(before), "{frame:?} at {at}"),
            }
        }
        if let Some((kind, offset)) = verdict {
            assert!(offset <= frame.bytes.len(), "{frame:?}: {kind:?}");
        }
    }
}

/// Payloads that say that they are UTF-8, good and bad ones, with characters of every length at every place.
const TEXTS: &[&[u8]] = &[
    b"",
    b"abc",
    "é中\u{10348}".as_bytes(),
    "a\u{10348}b".as_bytes(),
    b"\xC3",
    b"ab\xE4\xB8",
    b"\xF0\x90\x8D",
    b"\xF0\x90\x8Dab",
    b"a\xC3\xC3\xA9",
    b"\xE4\xB8a\xAD",
    b"a\xFFb",
    b"\xED\xA0\x80",
    b"\xF4\x90\x80\x80",
    b"\x80abc",
];

/// However a payload is cut, it is taken whole, and refused at the byte at which `decode` refuses it.
#[test]
fn every_way_to_cut_a_payload_gives_the_same_answer() {
    let options = DecodeOptions::new(Version::V5).with_payload_check(true);
    for text in TEXTS {
        let wire = notation::frame(0x30, &[notation::bytes("'a' (01 01)"), text.to_vec()].concat());
        let expected = decode(&wire, options).map(|_| *text).map_err(|error| (error.rule(), error.offset()));
        assert_eq!(expected.is_ok(), std::str::from_utf8(text).is_ok(), "{text:02X?}");
        // A bit for each place between two bytes: cut there or not.
        for cuts in 0..1_u32 << text.len().saturating_sub(1) {
            let Ok(DecodedHead::Publish { mut payload, len, .. }) = decode_publish_head(&wire, options)
            else {
                panic!("a PUBLISH")
            };
            let mut taken = Vec::new();
            let mut found = Ok(*text);
            let mut start = 0;
            for end in (1..=text.len()).filter(|end| *end == text.len() || cuts >> (end - 1) & 1 == 1) {
                match payload.take(&wire[len + start..len + end]) {
                    Ok(piece) => taken.extend_from_slice(piece),
                    Err(error) => {
                        found = Err((error.rule(), error.offset()));
                        break;
                    }
                }
                start = end;
            }
            assert_eq!(found, expected, "{text:02X?} cut by {cuts:b}");
            if expected.is_ok() {
                assert_eq!((&taken[..], payload.is_complete()), (*text, true));
            }
        }
    }
}
