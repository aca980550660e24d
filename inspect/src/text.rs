//! Values as text for people.

use std::fmt::Write;

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

pub(crate) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

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

/// Cuts a text after so many characters; what was cut is marked.
pub(crate) fn shortened(mut text: String, most: usize) -> String {
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// A code with its name.
pub(crate) fn code(code: u8, name: Option<&str>) -> String {
    format!("0x{code:02X} ({})", name.unwrap_or("unknown"))
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
