//! Scans over bytes, eight at a time.

use crate::text::{HIGHS, ONES, halves};

/// Not 0 exactly when a byte of `word` is 0; the lowest bit set is in the first such byte.
const fn zero(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// The high bit of every byte of `word` that is `byte`, of these only.
#[inline]
const fn marks(word: u64, byte: u8) -> u64 {
    let differ = word ^ (ONES * byte as u64);
    !(((differ & !HIGHS) + !HIGHS) | differ) & HIGHS
}

/// How many marks there are.
#[inline]
const fn count_marks(marks: u64) -> usize {
    ((marks >> 7).wrapping_mul(ONES) >> 56) as usize
}

/// The place of the first byte of which `word` has a bit.
#[inline]
const fn first(word: u64) -> usize {
    (word.trailing_zeros() / 8) as usize
}

/// How many bytes `a` and `b` have in common from their start.
#[inline]
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (a.get(..len).unwrap_or_default(), b.get(..len).unwrap_or_default());
    let mut same = 0;
    for (x, y) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        let differ = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differ != 0 {
            return same + first(differ);
        }
        same += 8;
    }
    // The rest of less than eight bytes, together with bytes before it that are known to be the same.
    if let (Some(x), Some(y)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        let differ = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        return if differ == 0 { len } else { len - 8 + first(differ) };
    }
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// The place of the first `/`, or the length when there is none.
#[inline]
pub(super) const fn level_end(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let slash = zero(u64::from_le_bytes(*word) ^ (ONES * b'/' as u64));
        if slash != 0 {
            return text.len() - rest.len() + first(slash);
        }
        rest = tail;
    }
    while let [byte, tail @ ..] = rest {
        if *byte == b'/' {
            break;
        }
        rest = tail;
    }
    text.len() - rest.len()
}

/// The place of the first U+0000 or wildcard from `start` on.
#[inline]
pub(super) const fn next_special(text: &[u8], start: usize) -> Option<usize> {
    let Some((_, mut rest)) = text.split_at_checked(start) else { return None };
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let special = zero(word) | zero((word | (ONES << 3)) ^ (ONES * 0x2B));
        if special != 0 {
            return Some(text.len() - rest.len() + first(special));
        }
        rest = tail;
    }
    while let [byte, tail @ ..] = rest {
        if matches!(*byte, 0 | b'+' | b'#') {
            return Some(text.len() - rest.len());
        }
        rest = tail;
    }
    None
}

/// Whether there is neither U+0000 nor a wildcard in `text`. (`x | 8` is 0x2B for `+` and `#` only.)
#[inline]
pub(super) const fn is_plain(text: &[u8]) -> bool {
    let mut rest = text;
    let mut found = 0;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        found |= zero(word) | zero((word | (ONES << 3)) ^ (ONES * 0x2B));
        rest = tail;
    }
    while let [byte, tail @ ..] = rest {
        found |= matches!(*byte, 0 | b'+' | b'#') as u64;
        rest = tail;
    }
    found == 0
}

/// Whether eight bytes of a filter hold neither U+0000 nor `#`, and `+` alone in its level only. `starts` and
/// `ends` tell whether a level starts with the first of them and ends with the last.
#[inline]
pub(super) const fn is_well_placed(bytes: [u8; 8], starts: bool, ends: bool) -> bool {
    let word = u64::from_le_bytes(bytes);
    let (plus, slash) = (marks(word, b'+'), marks(word, b'/'));
    let after_slash = (slash << 8) + if starts { 0x80 } else { 0 };
    let before_slash = (slash >> 8) + if ends { 0x80 << 56 } else { 0 };
    marks(word, 0) == 0 && marks(word, b'#') == 0 && plus & !(after_slash & before_slash) == 0
}

/// How many `+` there are.
pub(super) fn count_plus(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    let in_words: usize = words.iter().map(|word| count_marks(marks(u64::from_le_bytes(*word), b'+'))).sum();
    in_words + rest.iter().map(|byte| usize::from(*byte == b'+')).sum::<usize>()
}

/// How many times `+/` stands at the start, counted in fours, where something other than `#` follows.
#[inline]
pub(super) fn plus_run(text: &[u8]) -> usize {
    const RUN: u64 = u64::from_le_bytes(*b"+/+/+/+/");
    let words = text.as_chunks::<8>().0.iter().take_while(|word| u64::from_le_bytes(**word) == RUN).count();
    let followed_by_hash = text.get(8 * words..) == Some(b"#");
    4 * (words - usize::from(followed_by_hash && words > 0))
}

/// Goes past so many `/`, or all if there are fewer. Returns how many it were, and what comes after them.
#[inline]
pub(super) fn skip_slashes(text: &[u8], most: usize) -> (usize, &[u8]) {
    let (mut rest, mut skipped) = (text, 0);
    // How many bytes come after the last word with a `/`, and its marks.
    let mut last = (text.len(), 0);
    while let Some((words, tail)) = rest.split_first_chunk::<16>() {
        let [low, high] = halves(*words);
        let (low, high) = (marks(low, b'/'), marks(high, b'/'));
        let count = count_marks(low) + count_marks(high);
        if skipped + count > most {
            break;
        }
        if low | high != 0 {
            last = if high == 0 { (tail.len() + 8, low) } else { (tail.len(), high) };
        }
        skipped += count;
        rest = tail;
    }
    let behind = if skipped == 0 { last.0 } else { last.0 + last.1.leading_zeros() as usize / 8 };
    let mut after = text.get(text.len() - behind..).unwrap_or_default();
    while skipped < most
        && let [byte, tail @ ..] = rest
    {
        if *byte == b'/' {
            skipped += 1;
            after = tail;
        }
        rest = tail;
    }
    (skipped, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_of_every_short_length() {
        for len in 0..26 {
            for at in 0..len {
                for byte in 0..=255 {
                    for fill in [b'a', b'.', b'0', 0x80, 0xAF, 0xFF, 0x01, b'"', b'*'] {
                        let same = [fill; 26];
                        let mut text = same;
                        text[at] = byte;
                        let (same, text) = (&same[..len], &text[..len]);
                        let plain = !text.iter().any(|byte| [0, b'+', b'#'].contains(byte));
                        let slash = text.iter().position(|byte| *byte == b'/').unwrap_or(len);
                        let differ = if byte == fill { len } else { at };
                        let special = text.iter().position(|byte| [0, b'+', b'#'].contains(byte));
                        assert_eq!(is_plain(text), plain, "{text:?}");
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
            let text: [u8; 36] =
                core::array::from_fn(|at| if bits >> at & 1 == 1 { b'/' } else { other(at) });
            let slashes: alloc::vec::Vec<_> = (0..36).filter(|at| text[*at] == b'/').collect();
            for most in 0..37 {
                let count = slashes.len().min(most);
                let after = count.checked_sub(1).map_or(0, |last| slashes[last] + 1);
                assert_eq!(skip_slashes(&text, most), (count, &text[after..]), "{text:?} {most}");
            }
        }
    }

    #[test]
    fn placing_of_wildcards() {
        // All words of four kinds of bytes.
        for bits in 0..1_u32 << 16 {
            let word: [u8; 8] = core::array::from_fn(|at| b"+/a#"[(bits >> (2 * at) & 3) as usize]);
            for (starts, ends) in [(false, false), (false, true), (true, false), (true, true)] {
                let placed = (0..8).all(|at| match word[at] {
                    b'+' => {
                        let after = if at == 0 { starts } else { word[at - 1] == b'/' };
                        let before = if at == 7 { ends } else { word[at + 1] == b'/' };
                        after && before
                    }
                    byte => byte != b'#',
                });
                assert_eq!(is_well_placed(word, starts, ends), placed, "{word:?} {starts} {ends}");
            }
        }
        assert!(!is_well_placed(*b"aaa\0aaaa", true, true));
    }
}
