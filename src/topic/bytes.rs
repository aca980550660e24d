//! Scans over bytes, eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;

/// Not 0 exactly when a byte of `word` is 0; the lowest bit set is in the first such byte.
const fn zero(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
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
    let (Some(a), Some(b)) = (a.get(..len), b.get(..len)) else { return 0 };
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
                    }
                }
            }
        }
    }
}
