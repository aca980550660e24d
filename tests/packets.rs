//! The packets of a buffer one after the other, against a loop written out. `PROPTEST_CASES` sets how many cases each gets.
#![cfg(feature = "alloc")]

#[path = "common/bounds.rs"]
#[allow(dead_code, reason = "round_trip.rs walks through all of them")]
mod bounds;
#[path = "common/input.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod input;
#[path = "common/notation.rs"]
#[allow(dead_code, reason = "frames are made of packets here")]
mod notation;
#[path = "common/strategy.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod strategy;
#[path = "common/tables.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod tables;

use input::{config, input, wire};
use mqtt_wire::{
    DecodeError, DecodeOptions, Decoded, Packet, PacketType, Rule, Sender, Version, decode, decode_exact,
    frame_len, packets,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use strategy::{valid_of, valid_packet};

type Found<'a> = Vec<(usize, Result<Packet<'a>, DecodeError>)>;

/// What there is, and where that starts which is left.
fn by_hand(bytes: &[u8], options: DecodeOptions) -> (Found<'_>, usize) {
    let (mut found, mut start) = (Vec::new(), 0);
    while start < bytes.len() {
        let rest = &bytes[start..];
        match decode(rest, options) {
            Ok(Decoded::Packet { packet, len }) => {
                found.push((start, Ok(packet)));
                start += len;
            }
            Ok(Decoded::Incomplete { .. }) => {
                let cut = decode_exact(rest, options).expect_err("it is not whole");
                assert_eq!((cut.rule(), cut.offset()), (Rule::Truncated, rest.len()));
                found.push((start, Err(cut)));
                break;
            }
            Err(error) => {
                found.push((start, Err(error)));
                match frame_len(rest) {
                    Some(len) if len <= rest.len() => start += len,
                    _ => break,
                }
            }
        }
    }
    (found, start)
}

fn look(
    bytes: &[u8],
    options: DecodeOptions,
    expected: &Found<'_>,
    left: usize,
) -> Result<(), TestCaseError> {
    let mut iter = packets(bytes, options);
    for (at, one) in expected.iter().enumerate() {
        let (least, most) = iter.size_hint();
        let remaining = expected.len() - at;
        prop_assert!(least <= remaining && most.is_some_and(|most| remaining <= most));
        prop_assert_eq!(iter.rest(), &bytes[one.0..]);
        prop_assert_eq!(iter.next(), Some(*one));
    }
    prop_assert_eq!(iter.next(), None);
    prop_assert_eq!((iter.offset(), iter.rest()), (left, &bytes[left..]));
    prop_assert_eq!((iter.size_hint(), iter.next()), ((0, Some(0)), None));
    Ok(())
}

proptest! {
    #![proptest_config(config(800))]

    #[test]
    fn they_are_those_of_a_loop(
        pieces in vec(input(), 0..6),
        version in select(Version::ALL.to_vec()),
        limit in prop_oneof![3 => Just(u32::MAX), 1 => 2..100_u32],
    ) {
        let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.bytes).collect();
        let options = DecodeOptions::new(version).with_max_packet_size(limit);
        let (expected, left) = by_hand(&bytes, options);
        look(&bytes, options, &expected, left)?;
    }

    /// What follows a CONNECT is read by the version that it names; the rest of a cut packet is told and left.
    #[test]
    fn the_version_is_that_of_connect(
        (version, cases, connect) in select(Version::ALL.to_vec()).prop_flat_map(|version| (
            Just(version),
            vec(valid_of(version, Sender::Client), 0..4),
            valid_packet(PacketType::Connect, version, Sender::Client),
        )),
        cut: Index,
    ) {
        let mut bytes = wire(&connect);
        bytes.extend(cases.iter().flat_map(wire));
        let options = DecodeOptions::detect().with_sender(Sender::Client);
        let (expected, left) = by_hand(&bytes, options.with_version(version));
        prop_assert!(expected.iter().all(|(_, packet)| packet.is_ok()) && left == bytes.len());
        prop_assert_eq!(expected.len(), 1 + cases.len());
        look(&bytes, options, &expected, left)?;
        let cut = &bytes[..cut.index(bytes.len())];
        let whole = expected.iter().filter(|(start, _)| *start < cut.len()).count();
        let found: Vec<_> = packets(cut, options).collect();
        prop_assert_eq!(found.len(), whole);
        if let Some((last, before)) = found.split_last() {
            prop_assert_eq!(before, &expected[..whole - 1]);
            let is_cut = expected.get(whole).map_or(bytes.len(), |(start, _)| *start) != cut.len();
            prop_assert_eq!(last.1.map_err(|error| error.rule()).err(), is_cut.then_some(Rule::Truncated));
        }
    }
}
