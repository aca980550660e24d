//! Small spaces searched in full, each against rules typed off the standards on their own. In a debug build the
//! larger ones are thinned out; `tests/exhaustive/run` takes them whole and adds the cases up, and with `--nightly`
//! goes on to the largest ones.

#![cfg(feature = "alloc")]

#[path = "../../fuzz/src/oracles/canonical.rs"]
mod canonical;
mod codes;
mod connect;
#[path = "../common/count.rs"]
mod count;
mod fields;
#[path = "../../conformance/src/hex.rs"]
#[allow(dead_code, unreachable_pub, reason = "a module of another crate, of which only `parse` is needed")]
mod hex;
mod mutations;
#[path = "../common/notation.rs"]
mod notation;
mod properties;
mod small;
#[path = "../common/tables.rs"]
mod tables;
mod utf8;
mod variable;

use std::ops::Range;

use mqtt_wire::{DecodeOptions, Decoded, Packet, Sender, Version, decode, frame_len};

const SENDERS: [Option<Sender>; 3] = [None, Some(Sender::Client), Some(Sender::Server)];

fn options(version: Version, sender: Option<Sender>) -> DecodeOptions {
    let options = DecodeOptions::new(version);
    sender.map_or(options, |sender| options.with_sender(sender))
}

/// Every version with every sender and with none.
fn settings() -> Vec<(Version, Option<Sender>)> {
    Version::ALL.into_iter().flat_map(|version| SENDERS.map(|sender| (version, sender))).collect()
}

/// All pairs of the items.
fn pairs<A: Clone, B: Clone>(one: &[A], other: &[B]) -> Vec<(A, B)> {
    one.iter().flat_map(|a| other.iter().map(|b| (a.clone(), b.clone()))).collect()
}

/// Calls `check` with every way to fill the place with those bytes, and adds up the cases it tells of.
fn each_filling(
    frame: &mut [u8],
    place: Range<usize>,
    bytes: &[u8],
    mut check: impl FnMut(&[u8]) -> u64,
) -> u64 {
    let mut digits = vec![0; place.len()];
    frame[place.clone()].fill(bytes[0]);
    let mut cases = 0;
    loop {
        cases += check(frame);
        // The next one, as an odometer has it.
        let mut wheel = 0;
        loop {
            let Some(digit) = digits.get_mut(wheel) else { return cases };
            *digit += 1;
            if let Some(byte) = bytes.get(*digit) {
                frame[place.start + wheel] = *byte;
                break;
            }
            *digit = 0;
            frame[place.start + wheel] = bytes[0];
            wheel += 1;
        }
    }
}

fn all_bytes() -> Vec<u8> {
    (0..=u8::MAX).collect()
}

/// All bytes in a release build; in a debug build those around which something changes.
fn many_bytes() -> Vec<u8> {
    if cfg!(debug_assertions) {
        vec![
            0, 1, 2, 3, 4, 5, 6, 0x10, 0x19, 0x61, 0x7E, 0x7F, 0x80, 0x81, 0x8C, 0x92, 0x9B, 0xA2, 0xFE, 0xFF,
        ]
    } else {
        all_bytes()
    }
}

/// All bytes in a release build; in a debug build a few of those.
fn few_bytes() -> Vec<u8> {
    let few = |byte: &u8| !cfg!(debug_assertions) || matches!(byte, 0 | 1 | 0x61 | 0x7F | 0x80 | 0xFF);
    many_bytes().into_iter().filter(few).collect()
}

/// Whether a whole frame is a packet; if so, it is written again.
fn accepted(bytes: &[u8], options: DecodeOptions) -> bool {
    match decode(bytes, options) {
        Ok(Decoded::Packet { packet, len }) => {
            assert_eq!(len, bytes.len(), "{bytes:02X?}");
            written_again(&packet, options);
            true
        }
        Ok(incomplete) => panic!("{bytes:02X?}: {incomplete:?}"),
        Err(error) => {
            assert_eq!(frame_len(bytes), Some(bytes.len()), "{bytes:02X?}: {error}");
            false
        }
    }
}

/// What was decoded is written, and is then the same packet.
fn written_again(packet: &Packet<'_>, options: DecodeOptions) {
    let version = options.version().expect("a version");
    let mut out = [0; 64];
    let len = packet.encode(version, &mut out).unwrap_or_else(|error| panic!("{packet:?}: {error}"));
    assert_eq!(decode(&out[..len], options), Ok(Decoded::Packet { packet: *packet, len }));
}
