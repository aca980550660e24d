//! Values as text for people.

use std::fmt::Write;
use std::ops::RangeInclusive;

use mqtt_wire::{PacketType, ReasonCode, Version};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// A string of the wire in quotes, with what does not print escaped; bytes that are not UTF-8 in hex.
pub(crate) fn string(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => quoted(text),
        Err(_) => format!("not UTF-8: {}", hex(bytes)),
    }
}

/// Quotes a text. Terminals obey control characters, so none goes out as it is; neither do the characters
/// that turn the direction of text around or cannot be seen.
pub(crate) fn quoted(text: &str) -> String {
    if is_plain(text.as_bytes()) && !text.contains(['"', '\\']) {
        return ["\"", text, "\""].concat();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' | '\n' | '\r' | '\t' => quoted.extend(character.escape_default()),
            _ if is_invisible(character) => quoted.extend(character.escape_unicode()),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether all bytes are printable ASCII.
///
/// Performance: nearly all text is, and without a way out of the loop that is seen at a glance.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, byte| plain & (b' '..=b'~').contains(byte))
}

/// A name of the user's, such as a file's: as it is but for what cannot be seen.
pub(crate) fn visible(name: &str) -> String {
    let mut visible = String::with_capacity(name.len());
    for character in name.chars() {
        if is_invisible(character) {
            visible.extend(character.escape_unicode());
        } else {
            visible.push(character);
        }
    }
    visible
}

/// Whether a character is none that a reader sees as itself: one that terminals obey, that turns text
/// around, that shows nothing or just a blank (U+0020 aside), or that no version of Unicode has given a shape.
///
/// Performance: nearly all text is ASCII, which needs no table.
pub(crate) fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    match character.general_category() {
        GeneralCategory::Control
        | GeneralCategory::Format
        | GeneralCategory::Surrogate
        | GeneralCategory::PrivateUse
        | GeneralCategory::Unassigned
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator
        | GeneralCategory::SpaceSeparator => true,
        GeneralCategory::NonspacingMark | GeneralCategory::OtherLetter | GeneralCategory::OtherSymbol => {
            SHOWN_AS_NOTHING.iter().any(|range| range.contains(&character))
        }
        _ => false,
    }
}

/// Letters, marks and symbols that show nothing: those with the property Default_Ignorable_Code_Point, and
/// fillers and blanks without it.
const SHOWN_AS_NOTHING: [RangeInclusive<char>; 14] = [
    // Combining grapheme joiner.
    '\u{034F}'..='\u{034F}',
    // Hangul fillers.
    '\u{115F}'..='\u{1160}',
    '\u{3164}'..='\u{3164}',
    '\u{FFA0}'..='\u{FFA0}',
    // Khmer inherent vowels.
    '\u{17B4}'..='\u{17B5}',
    // Variation selectors, Mongolian ones first.
    '\u{180B}'..='\u{180D}',
    '\u{180F}'..='\u{180F}',
    '\u{FE00}'..='\u{FE0F}',
    '\u{E0100}'..='\u{E01EF}',
    // The pattern of no dots.
    '\u{2800}'..='\u{2800}',
    // Object replacement character.
    '\u{FFFC}'..='\u{FFFC}',
    // Egyptian blanks.
    '\u{13441}'..='\u{13446}',
    // Khitan filler.
    '\u{16FE4}'..='\u{16FE4}',
    // A note without a head.
    '\u{1D159}'..='\u{1D159}',
];

/// The text of a payload that is meant to be read: UTF-8 without control characters but those of layout.
pub(crate) fn readable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    if is_plain(bytes) {
        return Some(text);
    }
    text.chars()
        .all(|character| !character.is_control() || matches!(character, '\n' | '\r' | '\t'))
        .then_some(text)
}

/// A payload: as text when it is text, else in hex.
pub(crate) fn payload(bytes: &[u8]) -> String {
    match readable(bytes) {
        Some(text) => quoted(text),
        None => hex(bytes),
    }
}

/// What bytes mean to a person who sees them in hex besides: their text, or how many they are.
pub(crate) fn meaning(bytes: &[u8]) -> String {
    match readable(bytes) {
        Some(text) => quoted(text),
        None => count(bytes.len() as u64, "byte"),
    }
}

/// Bytes in hex, parted by blanks.
pub(crate) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "no bytes".to_owned();
    }
    let mut text = String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        let blank = if index == 0 { "" } else { " " };
        let _ = write!(text, "{blank}{byte:02x}");
    }
    text
}

/// Bytes in hex, one after the other.
pub(crate) fn digits(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or_default());
    // Performance: `write!` takes ten times as long.
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xF)]).collect()
}

/// Cuts a text after so many characters at most, never inside an escape; what was cut is marked.
pub(crate) fn shortened(mut text: String, most: usize) -> String {
    if text.char_indices().nth(most).is_some() {
        let mut left = most;
        let whole = pieces(&text).take_while(|piece| {
            let length = piece.chars().count();
            let fits = length <= left;
            left = left.saturating_sub(length);
            fits
        });
        let at = whole.map(str::len).sum();
        text.truncate(at);
        text.push('…');
    }
    text
}

/// The characters of an escaped text, and its escapes as one piece each.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut characters = rest.chars();
        let length = match (characters.next()?, characters.next()) {
            ('\\', Some('u')) => rest.find('}').map(|at| at + 1),
            ('\\', Some(escaped)) => Some(1 + escaped.len_utf8()),
            (character, _) => Some(character.len_utf8()),
        };
        let (piece, behind) = rest.split_at_checked(length.unwrap_or(rest.len()))?;
        rest = behind;
        Some(piece)
    })
}

/// A code as the timeline shows it.
pub(crate) fn named(code: u8, name: Option<&str>) -> String {
    format!("{} (0x{code:02X})", name.unwrap_or("unknown code"))
}

/// A code with its name, as it stands beside its byte.
pub(crate) fn code(code: u8, name: Option<&str>) -> String {
    format!("0x{code:02X} ({})", name.unwrap_or("unknown"))
}

/// The number that stood on the wire of 3.x; a reserved one is kept as it is.
pub(crate) fn return_code(code: ReasonCode) -> u8 {
    code.to_return_code().unwrap_or(code.get())
}

/// A packet's code as the number that stood on the wire, and the name that its version has for it there.
pub(crate) fn named_code(
    packet: PacketType,
    version: Version,
    code: ReasonCode,
) -> (u8, Option<&'static str>) {
    match (packet, version) {
        (PacketType::ConnAck, Version::V31 | Version::V311) => {
            let code = return_code(code);
            (code, connect_return_code(code))
        }
        (PacketType::SubAck, Version::V31 | Version::V311) => (code.get(), subscribe_return_code(code.get())),
        _ => (code.get(), code.name_in(packet)),
    }
}

/// Table 3.1 of 3.1.1.
pub(crate) fn connect_return_code(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "Connection Accepted",
        1 => "Connection Refused, unacceptable protocol version",
        2 => "Connection Refused, identifier rejected",
        3 => "Connection Refused, Server unavailable",
        4 => "Connection Refused, bad user name or password",
        5 => "Connection Refused, not authorized",
        _ => return None,
    })
}

/// Section 3.9.3 of 3.1.1.
pub(crate) fn subscribe_return_code(code: u8) -> Option<&'static str> {
    Some(match code {
        0x00 => "Success - Maximum QoS 0",
        0x01 => "Success - Maximum QoS 1",
        0x02 => "Success - Maximum QoS 2",
        0x80 => "Failure",
        _ => return None,
    })
}

/// A count with its noun.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_text_is_cut_inside_an_escape() {
        let text = super::quoted("a\u{1a}\\\u{e9}\n");
        assert_eq!(text, r#""a\u{1a}\\é\n""#);
        let shortened: Vec<String> = (0..=13).map(|most| super::shortened(text.clone(), most)).collect();
        let expected = [
            "…",
            "\"…",
            "\"a…",
            "\"a…",
            "\"a…",
            "\"a…",
            "\"a…",
            "\"a…",
            r#""a\u{1a}…"#,
            r#""a\u{1a}…"#,
            r#""a\u{1a}\\…"#,
            r#""a\u{1a}\\é…"#,
            r#""a\u{1a}\\é…"#,
            r#""a\u{1a}\\é\n…"#,
        ];
        assert_eq!(shortened, expected);
        assert_eq!(super::shortened(text.clone(), 14), text);
        assert_eq!(super::shortened(r"\u{1".to_owned(), 3), "…");
    }

    use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint, GeneralCategory, WhiteSpace};
    use icu_properties::{CodePointMapData, CodePointSetData};

    use super::*;

    /// By another library's reading of the same standard.
    #[test]
    fn of_all_characters_just_those_go_out_that_are_seen() {
        let categories = CodePointMapData::<GeneralCategory>::new();
        let (ignorable, bidi, white) = (
            CodePointSetData::new::<DefaultIgnorableCodePoint>(),
            CodePointSetData::new::<BidiControl>(),
            CodePointSetData::new::<WhiteSpace>(),
        );
        let (mut escaped, mut others) = (0, Vec::new());
        for character in '\0'..=char::MAX {
            let category = categories.get(character);
            let hidden = ignorable.contains(character)
                || bidi.contains(character)
                || (white.contains(character) && character != ' ')
                || matches!(
                    category,
                    GeneralCategory::Control
                        | GeneralCategory::Format
                        | GeneralCategory::LineSeparator
                        | GeneralCategory::ParagraphSeparator
                        | GeneralCategory::PrivateUse
                        | GeneralCategory::Unassigned
                );
            assert!(!hidden || is_invisible(character), "U+{:04X} goes out", u32::from(character));
            match (is_invisible(character), hidden) {
                (true, true) => escaped += 1,
                (true, false) => others.push(character),
                _ => {}
            }
            let text = quoted(&character.to_string());
            assert!(text.chars().all(|shown| !is_invisible(shown)), "U+{:04X}: {text}", u32::from(character));
            assert_eq!(visible(&text), text);
        }
        assert!(escaped > 900_000, "{escaped}");
        // Nothing that is seen is escaped, but for what is known to be blank.
        assert!(others.len() < 12, "{others:?}");
    }

    #[test]
    fn text_of_any_script_stays_readable() {
        for text in ["Größe", "температура", "温度", "درجة", "ห้อง", "कमरा", "🌡", "a b"]
        {
            assert_eq!(quoted(text), format!("\"{text}\""));
        }
        assert_eq!(quoted("a\u{ad}b\u{61c}\u{e0041}"), "\"a\\u{ad}b\\u{61c}\\u{e0041}\"");
    }
}
