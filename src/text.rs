//! One pass over the bytes of a string: is it UTF-8 without U+0000, and does it hold a wildcard?
//!
//! Eight bytes are looked at together. For bytes below 0x80, `x - 1` has its high bit set for `x = 0` only, and
//! `(x | 8) ^ 0x2B` is 0 for `#` (0x23) and `+` (0x2B) only; so one OR over all words tells whether the text
//! is ASCII without any of the three. Everything else goes the exact way, which the standard library walks.

use crate::error::Kind;

pub(crate) const ONES: u64 = 0x0101_0101_0101_0101;
pub(crate) const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A high bit is set where a byte of `word` is not ASCII or is U+0000; the other bits mean nothing.
const fn odd(word: u64) -> u64 {
    word | word.wrapping_sub(ONES)
}

/// A high bit is set where a byte of an ASCII `word` is `+` or `#`; the other bits mean nothing.
const fn wildcard(word: u64) -> u64 {
    ((word | (ONES << 3)) ^ (ONES * 0x2B)).wrapping_sub(ONES)
}

/// Whether `look` sets no high bit for any eight bytes of `text`. It sees all of them, some more than once.
#[inline(always)]
fn none(text: &[u8], look: impl Fn(u64) -> u64) -> bool {
    // Most texts are short: for them there is no loop to be set up, and no register to be saved for it.
    if text.len() > SHORT { none_in_long(text, look) } else { none_in_short(text, look) }
}

#[inline(always)]
fn none_in_short(text: &[u8], look: impl Fn(u64) -> u64) -> bool {
    let found = if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        look_twice(first, &look) | look_twice(last, &look)
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        look(u64::from_le_bytes(*first)) | look(u64::from_le_bytes(*last))
    } else {
        look(short(text))
    };
    found & HIGHS == 0
}

#[inline(never)]
fn none_in_long(text: &[u8], look: impl Fn(u64) -> u64) -> bool {
    let last = text.last_chunk().map_or(0, |last| look_twice(last, &look));
    let found = text.as_chunks().0.iter().fold(last, |found, bytes| found | look_twice(bytes, &look));
    found & HIGHS == 0
}

#[inline(always)]
fn look_twice(bytes: &[u8; 16], look: impl Fn(u64) -> u64) -> u64 {
    let [low, high] = halves(*bytes);
    look(low) | look(high)
}

/// Sixteen bytes as two words.
#[inline(always)]
pub(crate) const fn halves(bytes: [u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(bytes);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
    [both as u64, (both >> 64) as u64]
}

/// The longest text that is copied without a call.
pub(crate) const SHORT: usize = 32;

/// Copies a text, which is short as a rule: without calling memcpy, by its first and last bytes.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    if from.len() > SHORT {
        copy_long(to, from);
    } else if from.len() >= 16 {
        copy_ends::<16>(to, from);
    } else if from.len() >= 8 {
        copy_ends::<8>(to, from);
    } else if from.len() >= 4 {
        copy_ends::<4>(to, from);
    } else {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    }
}

/// Both are loaded before either is stored, and as words: what may overlap would be moved by memmove on small machines.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
        let (first, last) = (load(first), load(last));
        if let Some(to) = to.first_chunk_mut::<N>() {
            store(to, first);
        }
        if let Some(to) = to.last_chunk_mut::<N>() {
            store(to, last);
        }
    }
}

/// Up to sixteen bytes as words; those behind them are 0.
#[inline(always)]
fn load(bytes: &[u8]) -> [u32; 4] {
    let words = bytes.as_chunks().0;
    core::array::from_fn(|at| words.get(at).map_or(0, |word| u32::from_le_bytes(*word)))
}

/// Writes as many words as there is room for.
#[inline(always)]
fn store(to: &mut [u8], words: [u32; 4]) {
    to.as_chunks_mut().0.iter_mut().zip(words).for_each(|(to, word)| *to = word.to_le_bytes());
}

#[inline(never)]
fn copy_long(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// A text shorter than eight as a word, with `x` behind it.
#[inline(always)]
fn short(text: &[u8]) -> u64 {
    let bits = |bytes: usize| u32::try_from(8 * bytes).unwrap_or_default();
    let behind = 0x7878_7878_7878_7878 << bits(text.len() & 7);
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last));
        return behind + (u64::from(u32::from_le_bytes(*first)) | last << bits(text.len() & 3));
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<2>(), text.last_chunk::<2>()) {
        let last = u64::from(u16::from_le_bytes(*last));
        return behind + (u64::from(u16::from_le_bytes(*first)) | last << bits(text.len() & 1));
    }
    text.first().map_or(behind, |byte| behind + u64::from(*byte))
}

/// Whether a text is ASCII without U+0000, as most are. (A function of its own: inlined for each text of a
/// packet, it costs registers and much code.)
#[inline(never)]
fn is_plain(text: &[u8]) -> bool {
    none(text, odd)
}

/// A high bit is set where a byte of `word` is not ASCII, U+0000, `+` or `#`; the other bits mean nothing.
#[inline(always)]
const fn odd_or_wildcard(word: u64) -> u64 {
    odd(word) | wildcard(word)
}

/// Whether a text is ASCII without U+0000, `+` and `#`.
#[inline(never)]
pub(crate) fn is_plain_name(text: &[u8]) -> bool {
    none(text, odd_or_wildcard)
}

/// Checks a string field: UTF-8 without U+0000. The error has the offset of the bad byte in `text`.
#[inline(always)]
pub(crate) fn check(text: &[u8]) -> Result<(), (Kind, usize)> {
    if is_plain(text) { Ok(()) } else { check_exactly(text) }
}

/// A high bit is set where a byte of `word` is 0, and perhaps behind such a byte; the other bits mean nothing.
const fn zero(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

/// Whether a byte of a text, which need not be ASCII, is U+0000.
#[inline(never)]
pub(crate) fn has_nul(text: &[u8]) -> bool {
    !none(text, zero)
}

/// Whether a byte of a text, which need not be ASCII, is `+` or `#`. (Asked of other texts only: short code.)
fn has_wildcard(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'+' | b'#'))
}

/// Checks a string field and tells whether it holds `+` or `#`.
pub(crate) fn check_topic(text: &[u8]) -> Result<bool, (Kind, usize)> {
    check(text)?;
    Ok(has_wildcard(text))
}

/// Whether a text is a well-formed topic filter: ASCII without U+0000, each `+` and `#` between the start or a
/// `/` and a `/` or the end, and nothing behind a `#`. What it denies may be a filter all the same: one that is
/// not ASCII, or begins with `$`, as shared subscriptions do. (The empty text is none.)
#[inline(never)]
pub(crate) fn is_plain_filter(text: &[u8]) -> bool {
    if matches!(text, [] | [b'$', ..]) {
        return false;
    }
    if text.len() > SHORT {
        return is_plain_in_long(text);
    }
    none_in_short(without_last(text), odd_or_wildcard) || has_placed_wildcards(text)
}

/// (On its own, so that short filters need no saved registers: 6 instructions of each.)
#[inline(never)]
fn is_plain_in_long(filter: &[u8]) -> bool {
    none_in_long(without_last(filter), odd_or_wildcard) || has_placed_wildcards(filter)
}

/// A filter without the wildcard at its end: most have theirs there, if any.
#[inline(always)]
const fn without_last(filter: &[u8]) -> &[u8] {
    match filter {
        [most @ .., b'+' | b'#'] if matches!(most, [] | [.., b'/']) => most,
        _ => filter,
    }
}

/// The same by a look at each wildcard.
#[inline(never)]
fn has_placed_wildcards(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk::<8>() else {
        let word = short(text);
        return odd(word) & HIGHS == 0 && are_placed(text, 0, word);
    };
    let mut at = 0;
    for word in text.as_chunks::<8>().0 {
        let word = u64::from_le_bytes(*word);
        if odd(word) & HIGHS != 0 || !are_placed(text, at, word) {
            return false;
        }
        at += 8;
    }
    // Bytes that the loop has seen, too, are right a second time.
    let word = u64::from_le_bytes(*last);
    odd(word) & HIGHS == 0 && are_placed(text, text.len() - 8, word)
}

/// Whether the wildcards in the word at `at` are in the right place.
#[inline(always)]
fn are_placed(text: &[u8], at: usize, word: u64) -> bool {
    // A borrow may set a bit too many, but only in the byte behind a wildcard, and when that is in the right place,
    // then a `/` is behind it, or nothing.
    let mut wild = wildcard(word) & HIGHS;
    while wild != 0 {
        if !is_placed(text, at + wild.trailing_zeros() as usize / 8) {
            return false;
        }
        wild &= wild - 1;
    }
    true
}

/// Whether the wildcard at `at` is in the right place.
#[inline(always)]
fn is_placed(text: &[u8], at: usize) -> bool {
    let next = text.get(at + 1);
    match text.get(at) {
        Some(b'+') => matches!(next, None | Some(b'/')) && level_starts(text, at),
        _ => next.is_none() && level_starts(text, at),
    }
}

/// Whether the byte at `at` is the first one of a level.
#[inline(always)]
fn level_starts(text: &[u8], at: usize) -> bool {
    matches!(text.get(at.wrapping_sub(1)), None | Some(b'/'))
}

#[cold]
fn check_exactly(text: &[u8]) -> Result<(), (Kind, usize)> {
    let valid = match core::str::from_utf8(text) {
        Ok(_) => text.len(),
        Err(error) => error.valid_up_to(),
    };
    let nul = if has_nul(text) { text.iter().position(|byte| *byte == 0) } else { None };
    let bad = nul.map_or(valid, |nul| nul.min(valid));
    match text.get(bad) {
        None => Ok(()),
        Some(0) => Err((Kind::NulCharacter, bad)),
        Some(_) => Err((Kind::InvalidUtf8, bad)),
    }
}

/// The text of bytes that were checked before. (Unsafe code is forbidden in this crate, so the conversion
/// checks again; the empty text for unchecked bytes never shows. A look for ASCII alone takes a third of what
/// UTF-8 takes.)
#[inline(never)]
pub(crate) fn as_str(checked: &[u8]) -> &str {
    match ascii::AsciiStr::from_ascii(checked) {
        Ok(text) => text.as_str(),
        Err(_) => core::str::from_utf8(checked).unwrap_or_default(),
    }
}

/// The offset of the first control character (U+0001 to U+001F, U+007F to U+009F) or non-character
/// (U+FDD0 to U+FDEF, U+nFFFE, U+nFFFF), which a receiver may refuse (sections 1.5.3 of 3.1.1, 1.5.4 of 5.0).
pub(crate) fn disallowed(text: &str) -> Option<usize> {
    text.char_indices().find(|(_, c)| is_disallowed(*c)).map(|(at, _)| at)
}

fn is_disallowed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{FDD0}'..='\u{FDEF}') || u32::from(c) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same verdict, a byte at a time.
    fn naive(text: &[u8]) -> Result<bool, Kind> {
        // (In none of the texts below is a bad byte behind U+0000.)
        let text = core::str::from_utf8(text).map_err(|_| Kind::InvalidUtf8)?;
        if text.contains('\0') {
            return Err(Kind::NulCharacter);
        }
        Ok(text.contains(['+', '#']))
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
                        assert_eq!(check_topic(text).map_err(|e| e.0), naive(text), "{text:?}");
                        assert_eq!(
                            is_plain_name(text),
                            text.is_ascii() && naive(text) == Ok(false),
                            "{text:?}"
                        );
                        assert_eq!(check(text).map_err(|e| e.0), naive(text).map(|_| ()), "{text:?}");
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
                        assert_eq!(
                            is_plain(text),
                            bad.iter().all(|byte| matches!(byte, b'+' | b'#')),
                            "{text:?}"
                        );
                        assert_eq!(has_nul(text), bad.contains(&0), "{text:?}");
                        assert_eq!(has_wildcard(text), bad.iter().any(|byte| matches!(byte, b'+' | b'#')));
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
            let expected = n < 0x20
                || (0x7F..0xA0).contains(&n)
                || (0xFDD0..0xFDF0).contains(&n)
                || n % 0x10000 >= 0xFFFE;
            assert_eq!(is_disallowed(c), expected, "{c:?}");
        }
    }
}
