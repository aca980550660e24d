//! One pass over the bytes of a string: is it UTF-8 without U+0000, and does it hold a wildcard?
//!
//! Eight bytes are looked at together. For bytes below 0x80, `x - 1` has its high bit set for `x = 0` only, and
//! `(x | 8) ^ 0x2B` is 0 for `#` (0x23) and `+` (0x2B) only; so one OR over all words tells whether the text
//! is ASCII without any of the three. Everything else goes the exact way, which the standard library walks.

use crate::error::Kind;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;

/// High bits where a byte of `word` is not ASCII or is U+0000.
const fn odd(word: u64) -> u64 {
    (word | word.wrapping_sub(ONES)) & HIGHS
}

/// High bits where a byte of an ASCII `word` is `+` or `#`.
const fn wildcard(word: u64) -> u64 {
    ((word | (ONES << 3)) ^ (ONES * 0x2B)).wrapping_sub(ONES) & HIGHS
}

/// ORs `look` over all bytes of `text`, eight at a time, a shorter rest filled up with letters.
fn any(text: &[u8], look: impl Fn(u64) -> u64) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let mut found = 0;
    for word in words {
        found |= look(u64::from_le_bytes(*word));
    }
    if let Some(last) = text.last_chunk::<8>() {
        found |= look(u64::from_le_bytes(*last));
    } else {
        let word = rest.iter().fold(ONES * 0x61, |word, byte| (word << 8) | u64::from(*byte));
        found |= look(word);
    }
    found != 0
}

/// Checks a string field: UTF-8 without U+0000. The error has the offset of the bad byte in `text`.
#[inline]
pub(crate) fn check(text: &[u8]) -> Result<(), (Kind, usize)> {
    if any(text, odd) { check_exactly(text) } else { Ok(()) }
}

/// Checks a string field and tells whether it may hold `+` or `#`.
#[inline]
pub(crate) fn check_topic(text: &[u8]) -> Result<bool, (Kind, usize)> {
    if any(text, |word| odd(word) | wildcard(word)) {
        check_exactly(text)?;
        return Ok(text.iter().any(|byte| matches!(byte, b'+' | b'#')));
    }
    Ok(false)
}

#[cold]
fn check_exactly(text: &[u8]) -> Result<(), (Kind, usize)> {
    let valid = match core::str::from_utf8(text) {
        Ok(_) => text.len(),
        Err(error) => error.valid_up_to(),
    };
    match text.iter().position(|byte| *byte == 0) {
        Some(nul) if nul < valid => Err((Kind::NulCharacter, nul)),
        _ if valid < text.len() => Err((Kind::InvalidUtf8, valid)),
        _ => Ok(()),
    }
}

/// The text of bytes that were checked before. (Unsafe code is forbidden in this crate, so the conversion
/// checks again; the empty text for unchecked bytes never shows.)
#[inline]
pub(crate) fn as_str(checked: &[u8]) -> &str {
    core::str::from_utf8(checked).unwrap_or_default()
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
        let valid = core::str::from_utf8(text);
        let text = match valid {
            Ok(text) => text,
            Err(error) if text[..error.valid_up_to()].contains(&0) => return Err(Kind::NulCharacter),
            Err(_) => return Err(Kind::InvalidUtf8),
        };
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
                        assert_eq!(check(text).map_err(|e| e.0), naive(text).map(|_| ()), "{text:?}");
                    }
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
