//! Tests of `websocket`.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};

use super::*;

const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        is_final: first & 0x80 != 0,
        rsv1: first & 0x40 != 0,
        opcode: OpCode::from(first & 0x0F),
        mask,
        ..FrameHeader::default()
    };
    let mut bytes = Vec::new();
    header.format(payload.len() as u64, &mut bytes).unwrap();
    let mask = mask.unwrap_or_default();
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    lost: Vec<Option<u64>>,
    notes: Vec<Note>,
}

impl Seen {
    fn take(&mut self, item: Item<'_>) {
        match item {
            Item::Bytes(bytes) => self.bytes.extend_from_slice(bytes),
            Item::Lost(length) => self.lost.push(length),
            Item::Note(note) => self.notes.push(note),
            Item::Late(_) => {}
        }
    }

    fn push(&mut self, frames: &mut Frames, bytes: &[u8]) {
        frames
            .push(bytes, &mut |item| {
                self.take(item);
                Ok(())
            })
            .unwrap();
    }

    fn lose(&mut self, frames: &mut Frames, length: u64) {
        frames
            .lost(length, &mut |item| {
                self.take(item);
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn every_split_of_masked_and_fragmented_frames_gives_the_same_bytes() {
    let long = vec![b'l'; 70_000];
    let mut wire = frame(0x02, Some(MASK), b"abc");
    wire.extend(frame(0x89, Some(MASK), b"ping"));
    wire.extend(frame(0x00, Some(MASK), b""));
    wire.extend(frame(0x80, Some(MASK), b"defgh"));
    wire.extend(frame(0x82, Some([0; 4]), &long[..200]));
    let whole = [b"abcdefgh".as_slice(), &long[..200]].concat();
    for split in 0..wire.len() {
        let (mut frames, mut seen) = (Frames::new(Sender::Client, &Pool::default()), Seen::default());
        seen.push(&mut frames, &wire[..split]);
        seen.push(&mut frames, &wire[split..]);
        assert_eq!(seen.bytes, whole, "split at {split}");
        assert_eq!(seen.notes, [Note::Control { opcode: "ping", length: 4 }]);
    }
    let (mut frames, mut seen) = (Frames::new(Sender::Server, &Pool::default()), Seen::default());
    frame(0x82, None, &long).chunks(1).for_each(|byte| seen.push(&mut frames, byte));
    assert_eq!(seen.bytes, long);
}

#[test]
fn what_is_lost_within_a_frame_is_counted() {
    let wire = frame(0x82, Some(MASK), b"abcdefghij");
    let (mut frames, mut seen) = (Frames::new(Sender::Client, &Pool::default()), Seen::default());
    seen.push(&mut frames, &wire[..9]);
    seen.lose(&mut frames, 3);
    seen.push(&mut frames, &wire[12..]);
    assert_eq!((seen.bytes.as_slice(), seen.lost.as_slice()), (b"abcghij".as_slice(), [Some(3)].as_slice()));
}

#[test]
fn after_lost_frames_whole_ones_are_found_again() {
    let (mut frames, mut seen) = (Frames::new(Sender::Server, &Pool::default()), Seen::default());
    seen.push(&mut frames, &frame(0x82, None, b"one")[..3]);
    seen.lose(&mut frames, 20);
    seen.push(&mut frames, b"rest of a frame");
    seen.push(&mut frames, &frame(0x82, Some(MASK), b"not a server's"));
    seen.push(&mut frames, &frame(0x82, None, b"two"));
    assert_eq!((seen.bytes.as_slice(), seen.lost.as_slice()), (b"otwo".as_slice(), [None].as_slice()));
}

fn deflate(encoder: &mut DeflateEncoder<Vec<u8>>, bytes: &[u8]) -> Vec<u8> {
    let before = encoder.get_ref().len();
    encoder.write_all(bytes).unwrap();
    encoder.flush().unwrap();
    let deflated = encoder.get_ref()[before..].to_vec();
    deflated.strip_suffix(&[0, 0, 0xFF, 0xFF]).expect("a sync flush ends so").to_vec()
}

#[test]
fn compressed_messages_are_inflated_with_and_without_context() {
    let messages =
        [b"rumahkami/lantaidasar".as_slice(), b"rumahkami/lantaidasar again", &vec![b'z'; 100_000]];
    for forgetful in [false, true] {
        let (mut frames, mut seen) = (Frames::new(Sender::Client, &Pool::default()), Seen::default());
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        for message in messages {
            if forgetful {
                encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            }
            let deflated = deflate(&mut encoder, message);
            let (first, second) = deflated.split_at(5);
            seen.push(&mut frames, &frame(0x42, Some(MASK), first));
            seen.push(&mut frames, &frame(0x80, Some(MASK), second));
        }
        assert_eq!(seen.bytes, messages.concat(), "forgetful: {forgetful}");
        assert_eq!(seen.notes, []);
    }
}

#[test]
fn damaged_frames_are_named() {
    let (mut frames, mut seen) = (Frames::new(Sender::Server, &Pool::default()), Seen::default());
    seen.push(&mut frames, &[0x83, 0x00, 0x82, 0x01]);
    assert!(matches!(seen.notes.as_slice(), [Note::BadWebSocket { .. }]), "{:?}", seen.notes);
    let (mut frames, mut seen) = (Frames::new(Sender::Server, &Pool::default()), Seen::default());
    seen.push(&mut frames, &frame(0xC2, None, &[0xFF; 9]));
    assert!(matches!(seen.notes.as_slice(), [Note::BadWebSocket { .. }]), "{:?}", seen.notes);
}
