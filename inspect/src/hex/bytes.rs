//! The bytes in a line, or in a part of one.

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digits {
    Hex,
    Decimal,
}

/// Whether nothing but a comment stands in the line.
pub(super) fn is_comment(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"#")
}

/// What may stand between bytes.
pub(super) fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':' | b'-' | b',')
}

/// Reads one line; what follows a `#` is a comment. The error says where what is not understood.
///
/// Hex digits come in pairs, and blanks, `:`, `-` and `,` may stand between the pairs. Where one byte has `0x`
/// or `\x` before it, every byte has.
pub(crate) fn parse(line: &[u8], digits: Digits) -> Result<Vec<u8>, String> {
    let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
    if digits == Digits::Decimal {
        return numbers(line, digits);
    }
    if has(line, b"\\x") {
        return escapes(line);
    }
    if has(line, b"0x") || has(line, b"0X") {
        return numbers(line, digits);
    }
    pairs(line)
}

fn has(line: &[u8], prefix: &[u8; 2]) -> bool {
    line.windows(2).any(|pair| pair == prefix)
}

/// Hex digits in pairs.
fn pairs(line: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(line.len() / 2);
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        if is_separator(byte) {
            at += 1;
        } else {
            bytes.push(digit(line, at)? << 4 | digit(line, at + 1)?);
            at += 2;
        }
    }
    Ok(bytes)
}

/// Bytes of a string: each with `\x`. Quotes around it, and a semicolon behind, are no part of it.
fn escapes(line: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(line.len() / 4);
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        match (byte, line.get(at + 1)) {
            (b'\\', Some(b'x')) => {
                bytes.push(digit(line, at + 2)? << 4 | digit(line, at + 3)?);
                at += 4;
            }
            (b'"' | b';', _) => at += 1,
            _ if is_separator(byte) => at += 1,
            _ => return Err(format!("{} at column {} has no `\\x` before it", shown(byte), at + 1)),
        }
    }
    Ok(bytes)
}

/// Numbers parted by blanks and commas, in brackets or not: decimal, or hex with `0x`. A single number of hex
/// may have many digits.
pub(super) fn numbers(line: &[u8], digits: Digits) -> Result<Vec<u8>, String> {
    let is_between = |byte: &u8| b" \t\r\n,;[](){}".contains(byte);
    let mut at = 0;
    let mut bytes = Vec::new();
    let tokens = line.split(is_between).filter(|token| !token.is_empty()).count();
    for token in line.split(is_between) {
        if !token.is_empty() {
            match number(token, digits) {
                Some(byte) => bytes.push(byte),
                None if tokens == 1 && is_long(token) => {
                    return pairs(token.get(2..).unwrap_or_default());
                }
                None => {
                    let what = match digits {
                        Digits::Hex => "a byte with `0x` before it (of decimal numbers see --decimal)",
                        Digits::Decimal => "a number from 0 to 255, or from -128",
                    };
                    return Err(format!("`{}` at column {} is not {what}", printable(token), at + 1));
                }
            }
        }
        at += token.len() + 1;
    }
    Ok(bytes)
}

fn number(token: &[u8], digits: Digits) -> Option<u8> {
    let text = std::str::from_utf8(token).ok()?;
    if let Some(hex) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        return (hex.len() <= 2 && is_digits(hex.as_bytes()))
            .then(|| u8::from_str_radix(hex, 16).ok())
            .flatten();
    }
    match digits {
        Digits::Hex => None,
        Digits::Decimal if text.starts_with('+') => None,
        // Java's bytes have a sign.
        Digits::Decimal if text.starts_with('-') => text.parse().ok().map(i8::cast_unsigned),
        Digits::Decimal => text.parse().ok(),
    }
}

fn is_long(token: &[u8]) -> bool {
    matches!(token, [b'0', b'x' | b'X', hex @ ..] if hex.len() % 2 == 0 && is_digits(hex))
}

pub(super) fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_hexdigit)
}

fn digit(line: &[u8], at: usize) -> Result<u8, String> {
    let byte = match line.get(at) {
        Some(&byte) if !is_separator(byte) => byte,
        _ => return Err(format!("an odd number of hex digits before column {}", at + 1)),
    };
    let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digit.ok_or_else(|| format!("{} at column {} is not a hex digit", shown(byte), at + 1))
}

/// A byte of the input, for a message.
fn shown(byte: u8) -> String {
    match byte {
        b' '..=b'~' => format!("`{}`", char::from(byte)),
        _ => format!("byte 0x{byte:02x}"),
    }
}

/// A part of the input, for a message.
fn printable(text: &[u8]) -> String {
    const MOST: usize = 20;
    let shown = |byte: &u8| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' };
    let more = if text.len() > MOST { "..." } else { "" };
    text.iter().take(MOST).map(shown).chain(more.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_prefixes_and_comments_are_taken() {
        for line in [
            "c000",
            "C0 00",
            "0xc0,0x00",
            "0xC0, 0x0",
            "[0xc0, 0x00]",
            "\\xc0\\x00",
            "\"\\xc0\\x00\";",
            "c0:00",
            "c0-00\r\n",
            " c0\t00 # PINGREQ zz",
            "0xC000",
        ] {
            assert_eq!(parse(line.as_bytes(), Digits::Hex).unwrap(), [0xC0, 0x00], "{line}");
        }
        assert_eq!(parse(b"# nothing", Digits::Hex).unwrap(), b"");
        for line in ["192 0", "192,0", "[192, 0]", "-64, 0", "0xc0 0"] {
            assert_eq!(parse(line.as_bytes(), Digits::Decimal).unwrap(), [0xC0, 0x00], "{line}");
        }
    }

    #[test]
    fn what_is_not_hex_is_named_with_its_column() {
        let message = |line: &[u8]| parse(line, Digits::Hex).unwrap_err();
        assert_eq!(message(b"c0 0g"), "`g` at column 5 is not a hex digit");
        for line in [&b"c0 0"[..], b"c0 0\n", b"c0 0\r\n", b"c0 0 1", b"c0 0# PINGREQ", b"c0:0:"] {
            assert_eq!(message(line), "an odd number of hex digits before column 5");
        }
        assert_eq!(message(b"\xff"), "byte 0xff at column 1 is not a hex digit");
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_read() {
        // In C and Python the letters behind an escape are text.
        for line in
            ["\\xc0\\x00ab", "0xc0 00", "c0 0x00", "0xc000 0x0000", "0xc0, 18", "192, 0", "0x", "\\xc"]
        {
            assert!(parse(line.as_bytes(), Digits::Hex).is_err(), "{line}");
        }
        for line in ["256", "-129", "c0", "1.5", "+1", "0x100"] {
            assert!(parse(line.as_bytes(), Digits::Decimal).is_err(), "{line}");
        }
    }
}
