//! Variable byte integers: all four bytes that one can be read from, all 2^28 values that can be written.

use mqtt_wire::{
    DecodeError, DecodeOptions, Decoded, FixedHeader, MAX_VARIABLE_BYTE_INTEGER, Packet, PacketType,
    Properties, Property, Publish, Rule, SubscriptionId, TopicName, Version, decode,
};

use crate::count::{counted, spread};
use crate::notation::bytes;
use crate::properties::naive_block;
use crate::tables::Place;
use crate::{all_bytes, many_bytes};

/// A variable byte integer by the text: its value and length, `None` when it goes on, an error with its offset when
/// it is too long or, where that matters, not in its shortest form.
pub(crate) fn naive_variable(bytes: &[u8], shortest: bool) -> Result<Option<(u32, usize)>, (Rule, usize)> {
    let mut value = 0;
    let mut multiplier = 1;
    for (place, byte) in bytes.iter().take(4).enumerate() {
        value += u32::from(byte % 128) * multiplier;
        multiplier *= 128;
        if *byte < 128 {
            return if shortest && *byte == 0 && place > 0 {
                Err((Rule::LengthNotShortest, place))
            } else {
                Ok(Some((value, place + 1)))
            };
        }
    }
    if bytes.len() >= 4 { Err((Rule::LengthTooLong, 3)) } else { Ok(None) }
}

/// Calls `check` with all four bytes that begin with those two, and adds up the cases.
fn endings(one: u8, two: u8, check: impl Fn([u8; 4])) -> u64 {
    let many = many_bytes();
    let mut cases = 0;
    for three in &many {
        for four in &many {
            check([one, two, *three, *four]);
            cases += 1;
        }
    }
    cases
}

/// All four bytes.
fn all_fours(check: impl Fn([u8; 4]) + Sync) -> u64 {
    spread(&all_bytes(), |one| many_bytes().iter().map(|two| endings(*one, *two, &check)).sum())
}

/// All four bytes of which none but the last can end an integer.
fn long_fours(check: impl Fn([u8; 4]) + Sync) -> u64 {
    let last_three = |one: &u8| {
        let mut cases = 0;
        for two in many_bytes().into_iter().filter(|two| *two >= 0x80) {
            for three in many_bytes().into_iter().filter(|three| *three >= 0x80) {
                for four in many_bytes() {
                    check([*one, two, three, four]);
                    cases += 1;
                }
            }
        }
        cases
    };
    spread(&all_bytes()[0x80..], last_three)
}

fn refused(error: DecodeError, (kind, offset): (Rule, usize), input: &[u8]) {
    assert_eq!((error.rule(), error.offset()), (kind, offset), "{input:02X?}: {error}");
}

/// The first byte and four bytes behind it.
fn remaining_length(four: [u8; 4], version: Version) {
    let [one, two, three, last] = four;
    let header = [0x30, one, two, three, last];
    let found = FixedHeader::decode(&header, version);
    match (naive_variable(&four, version == Version::V5), found) {
        (Ok(Some((value, len))), Ok(Some(found))) => {
            assert_eq!((found.remaining_length(), found.len()), (value, len + 1), "{header:02X?}");
        }
        (Err((kind, offset)), Err(error)) => refused(error, (kind, offset + 1), &header),
        (expected, found) => panic!("{header:02X?} {version}: {found:?}, not {expected:?}"),
    }
}

#[test]
fn remaining_lengths() {
    let cases = all_fours(|four| remaining_length(four, Version::V5));
    counted("Remaining Lengths in 5.0", cases, 1 << 32);
    let cases = long_fours(|four| remaining_length(four, Version::V311));
    counted("Remaining Lengths of four bytes in 3.1.1", cases, 1 << 29);
    for cut in 1..=4 {
        let goes_on = [0x30, 0x80, 0xFF, 0x80];
        assert_eq!(FixedHeader::decode(&goes_on[..cut], Version::V5), Ok(None));
        assert_eq!(naive_variable(&goes_on[1..cut], true), Ok(None));
    }
}

#[test]
#[ignore = "takes minutes: tests/exhaustive/run --nightly"]
fn remaining_lengths_in_older_versions() {
    for version in [Version::V31, Version::V311] {
        let cases = all_fours(|four| remaining_length(four, version));
        counted(&format!("Remaining Lengths in {version}"), cases, 1 << 32);
    }
}

const BEFORE: usize = 5;
const PUBLISH: Place = Place::In(PacketType::Publish);

/// Four bytes as the Property Length of a PUBLISH and what stands behind it.
fn property_length(four: [u8; 4]) {
    let [one, two, three, last] = four;
    let frame = [0x30, 7, 0, 1, b'a', one, two, three, last];
    let found = decode(&frame, Version::V5);
    let expected = naive_variable(&four, true).and_then(|value| {
        let (value, len) = value.expect("four bytes");
        let rest = &four[len..];
        rest.split_at_checked(value as usize).ok_or((Rule::Truncated, 0))
    });
    match (expected, found) {
        (Ok((block, payload)), Ok(Decoded::Packet { packet: Packet::Publish(publish), .. })) => {
            assert!(naive_block(PUBLISH, block, None), "{frame:02X?}");
            assert_eq!(publish.payload, payload, "{frame:02X?}");
        }
        (Ok((block, _)), Err(_)) => assert!(!naive_block(PUBLISH, block, None), "{frame:02X?}"),
        (Err((kind, offset)), Err(error)) => refused(error, (kind, BEFORE + offset), &frame),
        (expected, found) => panic!("{frame:02X?}: {found:?}, not {expected:?}"),
    }
}

/// Four bytes as a Subscription Identifier and what stands behind it.
fn subscription_identifier(four: [u8; 4]) {
    let [one, two, three, last] = four;
    let frame = [0x30, 9, 0, 1, b'a', 5, 11, one, two, three, last];
    let found = decode(&frame, Version::V5);
    match (naive_variable(&four, true), found) {
        (Ok(Some((value, 4))), Ok(Decoded::Packet { packet: Packet::Publish(publish), .. })) => {
            let id = SubscriptionId::new(value).expect("not 0");
            assert!(publish.properties.iter().eq([Property::SubscriptionIdentifier(id)]), "{frame:02X?}");
        }
        (Err((kind, offset)), Err(error)) => refused(error, (kind, BEFORE + 2 + offset), &frame),
        // More properties, or what is none.
        (Ok(Some((_, 1..=3))), found) => {
            assert_eq!(found.is_ok(), naive_block(PUBLISH, &frame[6..], None), "{frame:02X?}");
        }
        (expected, found) => panic!("{frame:02X?}: {found:?}, not {expected:?}"),
    }
}

#[test]
fn property_lengths_and_subscription_identifiers() {
    counted("Property Lengths of four bytes", long_fours(property_length), 1 << 29);
    counted("Subscription Identifiers of four bytes", long_fours(subscription_identifier), 1 << 29);
}

#[test]
#[ignore = "takes minutes: tests/exhaustive/run --nightly"]
fn all_property_lengths() {
    counted("Property Lengths", all_fours(property_length), 1 << 32);
}

#[test]
#[ignore = "takes minutes: tests/exhaustive/run --nightly"]
fn all_subscription_identifiers() {
    counted("Subscription Identifiers", all_fours(subscription_identifier), 1 << 32);
}

/// The shortest form by its definition.
fn shortest(value: u32) -> ([u8; 4], usize) {
    let len = (1..4).find(|len| value < 128_u32.pow(*len)).unwrap_or(4);
    let byte = |place: u32| {
        let digit = u8::try_from(value / 128_u32.pow(place) % 128).expect("seven bits");
        if place + 1 < len { digit | 0x80 } else { digit }
    };
    ([byte(0), byte(1), byte(2), byte(3)], len as usize)
}

/// All values, in 4,096 parts.
fn all_values(check: impl Fn(u32) + Sync) -> u64 {
    const PARTS: u32 = 1 << 12;
    const PART: u32 = (MAX_VARIABLE_BYTE_INTEGER + 1) / PARTS;
    let step = if cfg!(debug_assertions) { 997 } else { 1 };
    let parts: Vec<u32> = (0..PARTS).collect();
    spread(&parts, |part| {
        let mut cases = 0;
        for value in (part * PART..(part + 1) * PART).step_by(step) {
            check(value);
            cases += 1;
        }
        cases
    })
}

#[test]
fn all_values_as_subscription_identifiers() {
    let cases = all_values(|value| {
        // 0 is none.
        let Some(id) = SubscriptionId::new(value) else { return assert_eq!(value, 0) };
        let properties = [Property::SubscriptionIdentifier(id)];
        let topic = TopicName::new("a").expect("a name");
        let publish = Publish { properties: Properties::new(&properties), ..Publish::new(topic, &[]) };
        let packet = Packet::from(publish);
        let mut out = [0; 16];
        let len = packet.encode(Version::V5, &mut out).expect("a packet");
        let (digits, count) = shortest(value);
        let size = u8::try_from(count).expect("four at most");
        assert_eq!(out[..7], [0x30, 5 + size, 0, 1, b'a', 1 + size, 11], "{value}");
        assert_eq!(out[7..len], digits[..count], "{value}");
        assert_eq!(decode(&out[..len], Version::V5), Ok(Decoded::Packet { packet, len }), "{value}");
    });
    counted("values written as Subscription Identifier", cases, 1 << 28);
}

/// The payload is never looked at, so that 256 MiB of it cost nothing.
#[test]
fn all_values_as_remaining_lengths() {
    let zeros = vec![0; MAX_VARIABLE_BYTE_INTEGER as usize];
    // Any topic takes three bytes in 3.1.1: shorter lengths have no PUBLISH.
    let head = bytes("'a'");
    let cases = all_values(|value| {
        let Some(payload) = (value as usize).checked_sub(head.len()) else { return };
        let publish = Publish::new(TopicName::new("a").expect("a name"), &zeros[..payload]);
        let mut out = [0; 16];
        let len = publish.encode_head(Version::V311, &mut out).expect("a head");
        let (digits, count) = shortest(value);
        assert_eq!(out[0], 0x30);
        assert_eq!(out[1..=count], digits[..count], "{value}");
        assert_eq!(out[1 + count..len], head, "{value}");
        let header = FixedHeader::decode(&out[..len], DecodeOptions::new(Version::V311)).expect("a header");
        assert_eq!(header.map(|header| header.remaining_length()), Some(value));
    });
    counted("values written as Remaining Length", cases, 1 << 28);
}
