//! All strings of up to four bytes, against the standard library.

use mqtt_wire::{Decoded, Packet, Rule, TopicName, Version, decode};

use crate::count::{counted, spread};
use crate::{all_bytes, few_bytes, pairs};

/// What is wrong with a string that may hold neither U+0000 nor the other characters, and at which byte.
fn judge(text: &[u8], forbidden: &[u8]) -> Option<(Rule, usize)> {
    let is_forbidden = |byte: &u8| *byte == 0 || forbidden.contains(byte);
    let kind_of = |byte: u8| if byte == 0 { Rule::NulCharacter } else { Rule::WildcardInName };
    let first = || text.iter().position(is_forbidden).map(|at| (kind_of(text[at]), at));
    match std::str::from_utf8(text) {
        Ok(_) => first(),
        // Bytes that are no text have no characters, but for a U+0000 that comes first.
        Err(error) if text[..error.valid_up_to()].contains(&0) => first(),
        Err(error) => Some((Rule::InvalidUtf8, error.valid_up_to())),
    }
}

fn topic_name(text: &[u8]) {
    let expected = judge(text, b"+#");
    let found = TopicName::from_bytes(text).map_err(|error| match error.rule() {
        Rule::TopicNul => (Rule::NulCharacter, error.offset()),
        kind => (kind, error.offset()),
    });
    match (found, expected) {
        (Ok(name), None) => assert_eq!(name.as_bytes(), text),
        (Err(found), Some(expected)) if found == expected => {}
        (found, expected) => panic!("{text:02X?}: {found:?}, not {expected:?}"),
    }
}

/// The string as Content Type of a PUBLISH.
fn property<const LEN: usize>(text: [u8; LEN]) {
    const BEFORE: usize = 9;
    let mut frame = [0; 16];
    let (size, len) = (BEFORE + LEN, u8::try_from(LEN).expect("a few bytes"));
    frame[..BEFORE].copy_from_slice(&[0x30, 7 + len, 0, 1, b'a', 3 + len, 3, 0, len]);
    frame[BEFORE..size].copy_from_slice(&text);
    match (decode(&frame[..size], Version::V5), judge(&text, &[])) {
        (Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }), None) => {
            assert_eq!(publish.properties.content_type().map(str::as_bytes), Some(&text[..]));
        }
        (Err(error), Some((kind, offset))) => {
            assert_eq!((error.rule(), error.offset()), (kind, BEFORE + offset), "{text:02X?}: {error}");
        }
        (found, expected) => panic!("{text:02X?}: {found:?}, not {expected:?}"),
    }
}

/// Calls `check` with all strings of three bytes (in a debug build with some), and adds up the cases.
fn threes(check: impl Fn([u8; 3]) + Sync) -> u64 {
    let few = few_bytes();
    spread(&pairs(&all_bytes(), &few), |(one, two)| {
        for three in &few {
            check([*one, *two, *three]);
        }
        few.len() as u64
    })
}

/// The same with strings of four bytes.
fn fours(check: impl Fn([u8; 4]) + Sync) -> u64 {
    let few = few_bytes();
    spread(&pairs(&all_bytes(), &few), |(one, two)| {
        let mut cases = 0;
        for three in &few {
            for four in &few {
                check([*one, *two, *three, *four]);
                cases += 1;
            }
        }
        cases
    })
}

#[test]
fn strings_of_up_to_three_bytes() {
    let all = all_bytes();
    for one in &all {
        topic_name(&[*one]);
        property([*one]);
        for two in &all {
            topic_name(&[*one, *two]);
            property([*one, *two]);
        }
    }
    let shorter = (1 << 8) + (1 << 16);
    let expected = shorter + (1 << 24);
    counted("topic names of up to three bytes", shorter + threes(|text| topic_name(&text)), expected);
    counted("property strings of up to three bytes", shorter + threes(property), expected);
}

#[test]
fn topic_names_of_four_bytes() {
    counted("topic names of four bytes", fours(|text| topic_name(&text)), 1 << 32);
}

#[test]
#[ignore = "takes minutes: tests/exhaustive/run --nightly"]
fn property_strings_of_four_bytes() {
    counted("property strings of four bytes", fours(property), 1 << 32);
}
