//! What property tests are fed with: packets, damaged ones, bytes without sense; and the options to read them by.

#[path = "cases.rs"]
pub(crate) mod cases;

use mqtt_wire::{DecodeOptions, EncodeOptions, Sender, Version};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;

use super::notation;
use super::strategy::{Case, valid, wild};

pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: cases::cases(cases),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: 10_000,
        ..ProptestConfig::default()
    }
}

pub(crate) fn decoding(case: &Case) -> DecodeOptions {
    DecodeOptions::new(case.version).with_sender(case.sender)
}

pub(crate) fn encoding(case: &Case) -> EncodeOptions {
    EncodeOptions::new(case.version).with_sender(case.sender)
}

/// The bytes of a valid case.
pub(crate) fn wire(case: &Case) -> Vec<u8> {
    case.plain().expect("a valid packet has a form")
}

/// Bytes to be read as that version from that sender: a good packet, one with bytes changed, or any bytes.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) version: Version,
    pub(crate) sender: Sender,
    pub(crate) bytes: Vec<u8>,
}

impl Input {
    pub(crate) fn options(&self) -> DecodeOptions {
        DecodeOptions::new(self.version).with_sender(self.sender)
    }
}

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    /// A number of two bytes becomes 0.
    Zero(Index),
    /// A copy of a piece, put somewhere else.
    Copy(Index, Index, usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Self::Set(at, byte) => bytes[at.index(length)] = *byte,
            Self::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Self::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Self::Remove(at) => drop(bytes.remove(at.index(length))),
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Zero(at) => bytes.iter_mut().skip(at.index(length)).take(2).for_each(|byte| *byte = 0),
            Self::Copy(from, to, count) => {
                let from = from.index(length);
                let piece = bytes[from..length.min(from + count)].to_vec();
                let to = to.index(length);
                bytes.splice(to..to, piece);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let odd = select(b"\0\x01\x02\x18\x22\x23\x26\x30\x40\x7F\x80\xC0\xFF/+#".to_vec());
    prop_oneof![
        (at(), odd).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        at().prop_map(Change::Remove),
        at().prop_map(Change::Cut),
        at().prop_map(Change::Zero),
        (at(), at(), 1..12_usize).prop_map(|(from, to, count)| Change::Copy(from, to, count)),
    ]
}

/// The bytes with the Remaining Length that they have.
pub(crate) fn with_length_put_right(bytes: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = bytes.split_first() else { return Vec::new() };
    let length = rest.iter().take(3).take_while(|byte| **byte >= 0x80).count() + 1;
    notation::frame(*first, rest.get(length..).unwrap_or_default())
}

/// Frames that are whole, good or bad.
pub(crate) fn frame() -> impl Strategy<Value = Input> {
    let short = |case: &Case| case.plain().is_some_and(|wire| wire.len() < 4096);
    let packet = prop_oneof![valid().boxed(), wild().boxed()].prop_filter("a short form", short);
    // One change leaves the rest right, so that it is the one that is found.
    let changes = prop_oneof![1 => vec(change(), 0), 4 => vec(change(), 1), 1 => vec(change(), 2..4)];
    (packet, changes).prop_map(|(case, changes)| {
        let mut bytes = wire(&case);
        for change in &changes {
            change.apply(&mut bytes);
        }
        let bytes = if changes.is_empty() { bytes } else { with_length_put_right(&bytes) };
        let bytes = if bytes.is_empty() { vec![0xC0, 0] } else { bytes };
        Input { version: case.version, sender: case.sender, bytes }
    })
}

/// Faults that chance seldom finds: a value of several bytes has to be wrong and the rest right.
const SELDOM: [(Version, Sender, &str); 12] = {
    use Sender::Client;
    use Version::{V5, V31, V311};
    [
        (V311, Client, "10 ( 'MQTT' 04 1E 003C 'a' 't' 'm' )"),
        (V311, Client, "10 ( 'MQTT' 04 0A 003C 'a' )"),
        (V311, Client, "10 ( 'MQTT' 04 22 003C 'a' )"),
        (V31, Client, "10 ( 'MQIsdp' 03 02 003C 'abcdefghijklmnopqrstuvwx' )"),
        (V5, Client, "82 ( 0001 00 'a' 30 )"),
        (V5, Client, "82 ( 0001 00 '$share//a' 00 )"),
        (V5, Client, "82 ( 0001 00 '$share/+/a' 00 )"),
        (V5, Client, "A2 ( 0001 00 '$share/g' )"),
        (V5, Client, "82 ( 0001 00 '$share/g/a' 04 )"),
        (V5, Client, "30 ( 'a' ( 23 0000 ) )"),
        (V5, Client, "30 ( 'a' ( 0B 01 ) )"),
        (V5, Client, "30 ( 'a' ( 08 'b/+' ) )"),
    ]
};

/// Anything: frames, frames with a wrong length, cut ones, and bytes without sense.
pub(crate) fn input() -> impl Strategy<Value = Input> {
    let changes = prop_oneof![3 => vec(change(), 0), 1 => vec(change(), 1..3)];
    let damaged = (frame(), changes).prop_map(|(mut input, changes)| {
        for change in &changes {
            change.apply(&mut input.bytes);
        }
        input
    });
    let senseless = (select(Version::ALL.to_vec()), any::<bool>(), vec(any::<u8>(), 0..24));
    let senseless = senseless.prop_map(|(version, client, bytes)| Input {
        version,
        sender: if client { Sender::Client } else { Sender::Server },
        bytes,
    });
    let seldom = select(SELDOM.to_vec());
    let seldom =
        seldom.prop_map(|(version, sender, text)| Input { version, sender, bytes: notation::bytes(text) });
    prop_oneof![12 => damaged, 3 => senseless, 1 => seldom]
}

/// The length of the frame at the start of the bytes, by its header alone; `None` while that goes on.
pub(crate) fn announced(bytes: &[u8]) -> Option<usize> {
    let (mut length, mut factor) = (0, 1);
    for (place, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length += usize::from(byte & 0x7F) * factor;
        factor *= 128;
        if *byte < 0x80 {
            return Some(2 + place + length);
        }
    }
    None
}
