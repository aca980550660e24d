//! All property identifiers in all places, with all small values.

use mqtt_wire::{PacketType, Sender, Version, decode};

use crate::count::{counted, spread};
use crate::notation::{bytes, frame, variable};
use crate::tables::{Place, PropertyRow, Type, may_carry, may_send};
use crate::variable::naive_variable;
use crate::{SENDERS, all_bytes, each_filling, few_bytes, options, pairs};

/// A frame of that place with a property block.
fn with_block(place: Place, block: &[u8]) -> Vec<u8> {
    let block = [variable(block.len()), block.to_vec()].concat();
    let around = |first, before: &str, after: &str| {
        frame(first, &[bytes(before), block.clone(), bytes(after)].concat())
    };
    match place {
        Place::Will => around(0x10, "'MQTT' 05 06 003C () 'a'", "'w' ''"),
        Place::In(PacketType::Connect) => around(0x10, "'MQTT' 05 02 003C", "'a'"),
        Place::In(PacketType::ConnAck) => around(0x20, "00 00", ""),
        Place::In(PacketType::Publish) => around(0x30, "'a'", ""),
        Place::In(PacketType::PubAck) => around(0x40, "0001 00", ""),
        Place::In(PacketType::PubRec) => around(0x50, "0001 00", ""),
        Place::In(PacketType::PubRel) => around(0x62, "0001 00", ""),
        Place::In(PacketType::PubComp) => around(0x70, "0001 00", ""),
        Place::In(PacketType::Subscribe) => around(0x82, "0001", "'a' 00"),
        Place::In(PacketType::SubAck) => around(0x90, "0001", "00"),
        Place::In(PacketType::Unsubscribe) => around(0xA2, "0001", "'a'"),
        Place::In(PacketType::UnsubAck) => around(0xB0, "0001", "00"),
        Place::In(PacketType::Disconnect) => around(0xE0, "00", ""),
        Place::In(PacketType::Auth) => around(0xF0, "18", ""),
        // These have no properties, nor anything else.
        Place::In(PacketType::PingReq) => around(0xC0, "", ""),
        Place::In(PacketType::PingResp) => around(0xD0, "", ""),
    }
}

/// The fifteen packets, two of which have no properties, and the will.
fn places() -> Vec<Place> {
    PacketType::ALL.into_iter().map(Place::In).chain([Place::Will]).collect()
}

/// What is left behind a value of that type; `None` when there is no good one.
fn naive_value(r#type: Type, i: &[u8]) -> Option<&[u8]> {
    fn text(i: &[u8]) -> Option<(usize, &str)> {
        let length = usize::from(u16::from_be_bytes([*i.first()?, *i.get(1)?]));
        let text = std::str::from_utf8(i.get(2..2 + length)?).ok()?;
        (!text.contains('\0')).then_some((2 + length, text))
    }
    let used = match r#type {
        Type::Flag => (*i.first()? <= 1).then_some(1)?,
        Type::U16 => 2,
        Type::NonZeroU16 => (i.get(..2)? != [0; 2]).then_some(2)?,
        Type::U32 => 4,
        Type::NonZeroU32 => (i.get(..4)? != [0; 4]).then_some(4)?,
        Type::Variable => naive_variable(i, true).ok().flatten().filter(|(value, _)| *value != 0)?.1,
        Type::Text => text(i)?.0,
        Type::Topic => text(i).filter(|(_, text)| !text.is_empty() && !text.contains(['+', '#']))?.0,
        Type::Binary => 2 + usize::from(u16::from_be_bytes([*i.first()?, *i.get(1)?])),
        Type::Pair => {
            let (name, _) = text(i)?;
            name + text(&i[name..])?.0
        }
    };
    i.get(used..)
}

/// Whether a block may stand there: table 2-4, and the two rules about Authentication Method.
pub(crate) fn naive_block(place: Place, mut i: &[u8], sender: Option<Sender>) -> bool {
    // A bit an identifier: the known ones are below 64.
    let mut seen = 0_u64;
    while let Some((id, rest)) = i.split_first() {
        let Some(row) = PropertyRow::of(*id) else { return false };
        if !row.allowed(place, sender) || (seen >> id & 1 == 1 && !row.repeats(place)) {
            return false;
        }
        seen |= 1 << id;
        let Some(rest) = naive_value(row.r#type, rest) else { return false };
        i = rest;
    }
    let (has_method, has_data) = (seen >> 21 & 1 == 1, seen >> 22 & 1 == 1);
    match place {
        Place::In(PacketType::Auth) => has_method,
        Place::In(PacketType::Connect) => has_method || !has_data,
        _ => true,
    }
}

fn check_block(place: Place, block: &[u8], sender: Option<Sender>) {
    let frame = with_block(place, block);
    check_frame(place, &frame, block, sender);
}

/// A frame with that block.
fn check_frame(place: Place, frame: &[u8], block: &[u8], sender: Option<Sender>) {
    let packet = PacketType::new(frame[0] >> 4).expect("a type");
    let may_send = sender.is_none_or(|sender| may_send(packet, Version::V5, sender));
    let may_carry = match place {
        Place::In(PacketType::Auth) => may_carry(packet, 0x18, Version::V5, sender),
        _ => true,
    };
    let expected = may_send && may_carry && naive_block(place, block, sender);
    let found = decode(frame, options(Version::V5, sender));
    assert_eq!(found.is_ok(), expected, "{place:?} {block:02X?} {sender:?}: {found:?}");
}

/// Values of every type, good and bad, and bytes that are no value.
const VALUES: &[&[u8]] = &[
    &[],
    &[0],
    &[1],
    &[2],
    &[0x7F],
    &[0x80],
    &[0xFF],
    &[0, 0],
    &[0, 1],
    &[1, 0],
    &[0xFF, 0xFF],
    &[0x80, 0x00],
    &[0x80, 0x01],
    &[0xFF, 0x7F],
    &[0x80, 0x80, 0x01],
    &[0xFF, 0xFF, 0xFF, 0x7F],
    &[0xFF, 0xFF, 0xFF, 0xFF],
    &[0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    &[0, 0, 0],
    &[0, 0, 0, 0],
    &[0, 0, 0, 1],
    &[0, 1, b'a'],
    &[0, 1, b'+'],
    &[0, 1, b'#'],
    &[0, 1, 0],
    &[0, 1, 0xFF],
    &[0, 2, 0xC3, 0xA9],
    &[0, 2, 0xC3],
    &[0, 2, b'a'],
    &[0, 1, b'k', 0, 1, b'v'],
    &[0, 1, b'k', 0, 1, 0],
    &[0, 1, b'k', 0, 1],
    &[0, 0, 0, 0, 1],
    &[0, 0, 0, 1, b'v'],
];

/// All bytes in a release build; in a debug build those up to the last identifier, and a few above it.
fn identifiers() -> Vec<u8> {
    let few = |byte: &u8| !cfg!(debug_assertions) || matches!(byte, 0..=0x2B | 0x7F | 0x80 | 0x81 | 0xFF);
    all_bytes().into_iter().filter(few).collect()
}

#[test]
fn property_identifiers_in_all_places() {
    let mut cases = 0;
    for (place, id) in pairs(&places(), &identifiers()) {
        for value in VALUES {
            for sender in SENDERS {
                let block = [&[id], *value].concat();
                check_block(place, &block, sender);
                // Again, for those that may not stand twice.
                check_block(place, &[&block[..], &block].concat(), sender);
                // With the method that AUTH needs and that data needs.
                check_block(place, &[&block, &bytes(METHOD)[..]].concat(), sender);
                cases += 3;
            }
        }
    }
    let expected = 16 * 256 * VALUES.len() as u64 * 3 * 3;
    counted("properties in all places", cases, expected);
}

const METHOD: &str = "15 'm'";

/// Every value of `len` of the bytes, for those identifiers in all places.
fn values(ids: &[u8], len: usize, from: &[u8]) -> u64 {
    spread(&pairs(&places(), ids), |(place, id)| {
        // Without a method the blocks of AUTH would all be refused, and data in CONNECT.
        let method = match (place, id) {
            (_, 21) => Vec::new(),
            (Place::In(PacketType::Auth), _) | (Place::In(PacketType::Connect), 22) => bytes(METHOD),
            _ => Vec::new(),
        };
        let with = |value: u8| {
            let block = [&[*id], &vec![value; len][..], &method].concat();
            (with_block(*place, &block), block.len())
        };
        let (mut frame, size) = with(0x55);
        let start = frame.iter().zip(with(0xAA).0).position(|(a, b)| *a != b).expect("a value");
        let block = start - 1..start - 1 + size;
        each_filling(&mut frame, start..start + len, from, |frame| {
            check_frame(*place, frame, &frame[block.clone()], None);
            1
        })
    })
}

/// The identifiers of Table 2-4.
fn known_ids() -> Vec<u8> {
    all_bytes().into_iter().filter(|id| PropertyRow::of(*id).is_some()).collect()
}

/// Bytes of which lengths, integers, characters, wildcards and other properties can be made.
const TELLING: [u8; 16] = [0, 1, 2, 3, 11, 31, 38, b'#', b'+', b'a', 0x7F, 0x80, 0xA9, 0xC3, 0xED, 0xFF];

#[test]
fn property_values_of_up_to_four_bytes() {
    let (all, few) = (all_bytes(), few_bytes());
    let telling = if cfg!(debug_assertions) { &TELLING[..3] } else { &TELLING };
    counted("property values of one byte", values(&all, 1, &all), 16 << 16);
    counted("property values of two bytes", values(&all, 2, &few), 16 << 24);
    counted("property values of three bytes out of 16", values(&all, 3, telling), (16 << 8) * (16 << 8));
    counted("property values of four bytes out of 16", values(&all, 4, telling), (16 << 8) << 16);
}

#[test]
#[ignore = "takes minutes: tests/exhaustive/run --nightly"]
fn property_values_of_three_bytes() {
    let ids = known_ids();
    assert_eq!(ids.len(), 27);
    counted("property values of three bytes", values(&ids, 3, &few_bytes()), (27 * 16) << 24);
}
