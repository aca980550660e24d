//! Every scan against the same thing a byte at a time.

use super::*;

/// The verdict on a string a byte at a time: what is wrong first, and where.
fn naive(text: &[u8]) -> Result<(), (Rule, usize)> {
    let valid = core::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), |_| text.len());
    match text[..valid].iter().position(|byte| *byte == 0) {
        Some(nul) => Err((Rule::NulCharacter, nul)),
        None if valid < text.len() => Err((Rule::InvalidUtf8, valid)),
        None => Ok(()),
    }
}

fn is_wildcard(byte: &u8) -> bool {
    matches!(byte, b'+' | b'#')
}

#[test]
fn every_byte_at_every_place_of_every_short_length() {
    for len in 0..40 {
        for at in 0..len {
            for byte in 0..=255 {
                for fill in [b'a', 0x22, 0x2A, 0x7F, 0x01] {
                    let mut text = [fill; 40];
                    text[at] = byte;
                    let text = &text[..len];
                    let plain = text.is_ascii() && naive(text).is_ok() && !text.iter().any(is_wildcard);
                    assert_eq!(is_plain_name(text), plain, "{text:?}");
                    assert_eq!(check(text), naive(text), "{text:?}");
                    assert_eq!(check_exactly(text), naive(text), "{text:?}");
                }
            }
        }
    }
}

/// Two bytes that are to be found do not hide each other.
#[test]
fn every_two_places_of_every_short_length() {
    for len in 2..40 {
        for second in 1..len {
            for first in 0..second {
                for bad in [[0, 0], [b'+', b'+'], [b'#', b'#'], [0, b'+'], [0x80, 0x80], [b'#', 0xFF]] {
                    let mut text = [b'a'; 40];
                    (text[first], text[second]) = (bad[0], bad[1]);
                    let text = &text[..len];
                    assert!(!is_plain_name(text), "{text:?}");
                    assert_eq!(is_plain(text), bad.iter().all(is_wildcard), "{text:?}");
                    assert_eq!(has_nul(text), bad.contains(&0), "{text:?}");
                    assert_eq!(check(text), naive(text), "{text:?}");
                }
            }
        }
    }
}

#[test]
fn every_short_filter() {
    let alphabet = [b'a', b'/', b'+', b'#', 0, 0xC3];
    for len in 0..=7_u32 {
        for n in 0..6_usize.pow(len) {
            let byte = |at: u32| alphabet[n / 6_usize.pow(at) % 6];
            let text: std::vec::Vec<u8> = (0..len).map(byte).collect();
            let levels: std::vec::Vec<&[u8]> = text.split(|byte| *byte == b'/').collect();
            let last = levels.len() - 1;
            let good = |(at, level): (usize, &&[u8])| match **level {
                [b'+'] => true,
                [b'#'] => at == last,
                ref level => !level.iter().any(|byte| [b'+', b'#', 0, 0xC3].contains(byte)),
            };
            let expected = levels.iter().enumerate().all(good);
            assert_eq!(is_plain_filter(&text), expected && len > 0, "{text:?}");
            for shift in [3, 8, 13, 30] {
                let mut shifted = std::vec![b'x'; shift];
                shifted.push(b'/');
                shifted.extend(&text);
                assert_eq!(is_plain_filter(&shifted), expected, "{shifted:?}");
            }
        }
    }
}

#[test]
fn non_characters_and_controls() {
    for c in '\0'..=char::MAX {
        let n = u32::from(c);
        let expected =
            n < 0x20 || (0x7F..0xA0).contains(&n) || (0xFDD0..0xFDF0).contains(&n) || n % 0x10000 >= 0xFFFE;
        assert_eq!(is_disallowed(c), expected, "{c:?}");
    }
}

#[test]
fn every_byte_at_every_place_of_every_short_topic() {
    for len in 0..26 {
        for at in 0..len {
            for byte in 0..=255 {
                for fill in [b'a', b'.', b'0', 0x80, 0xAF, 0xFF, 0x01, b'"', b'*'] {
                    let same = [fill; 26];
                    let mut text = same;
                    text[at] = byte;
                    let (same, text) = (&same[..len], &text[..len]);
                    let slash = text.iter().position(|byte| *byte == b'/').unwrap_or(len);
                    let differ = if byte == fill { len } else { at };
                    let special = text.iter().position(|byte| [0, b'+', b'#'].contains(byte));
                    assert_eq!(next_special(text, 0), special, "{text:?}");
                    assert_eq!(
                        next_special(text, at + 1).is_some(),
                        text[at + 1..].iter().any(|byte| [0, b'+', b'#'].contains(byte))
                    );
                    assert_eq!(level_end(text), slash, "{text:?}");
                    assert_eq!(common_prefix(same, text), differ, "{text:?}");
                    assert_eq!(common_prefix(&same[..at], text), at, "{text:?}");
                    assert_eq!(count_plus(text), text.split(|byte| *byte == b'+').count() - 1);
                }
            }
        }
    }
}

#[test]
fn runs_of_levels() {
    for (text, run) in [
        ("+/+/+/+/+", 4),
        ("+/+/+/+/#", 0),
        ("+/+/+/+/+/#", 4),
        ("+/+/+/+/+/+/+/+/a", 8),
        ("+/+/+/+/", 4),
        ("+/+/+/+", 0),
        ("+/+/a/+/+", 0),
    ] {
        assert_eq!(plus_run(text.as_bytes()), run, "{text}");
    }
    // Texts of 36 bytes with every pattern of `/` in twelve of them.
    for bits in 0..1_u64 << 12 {
        let bits = bits << 10 | bits >> 3 | (bits & 0xFF) << 28;
        let other = |at: usize| [b'.', b'0', 0xAF][at % 3];
        let text: [u8; 36] = core::array::from_fn(|at| if bits >> at & 1 == 1 { b'/' } else { other(at) });
        let slashes: alloc::vec::Vec<_> = (0..36).filter(|at| text[*at] == b'/').collect();
        for most in 0..37 {
            let count = slashes.len().min(most);
            let after = count.checked_sub(1).map_or(0, |last| slashes[last] + 1);
            assert_eq!(skip_slashes(&text, most), (count, &text[after..]), "{text:?} {most}");
        }
    }
}
