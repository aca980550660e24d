//! Hex as people write it.

use anyhow::{Result, anyhow, bail};

/// Reads one line of hex. Digits come in pairs; blanks, `:`, `-`, `,` and the prefixes `0x` and `\x`
/// may stand between the pairs, and what follows a `#` is a comment.
pub(crate) fn parse(line: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(line.len() / 2);
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        at += match byte {
            b'#' => break,
            byte if is_separator(byte) => 1,
            b'0' if matches!(line.get(at + 1), Some(b'x' | b'X')) => 2,
            b'\\' if line.get(at + 1) == Some(&b'x') => 2,
            _ => {
                let high = digit(line, at)?;
                bytes.push(high << 4 | digit(line, at + 1)?);
                2
            }
        };
    }
    Ok(bytes)
}

fn digit(line: &[u8], at: usize) -> Result<u8> {
    let byte = match line.get(at) {
        Some(&byte) if byte != b'#' && !is_separator(byte) => byte,
        _ => bail!("an odd number of hex digits before column {}", at + 1),
    };
    let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digit.ok_or_else(|| match byte {
        b' '..=b'~' => anyhow!("`{}` at column {} is not a hex digit", char::from(byte), at + 1),
        _ => anyhow!("byte 0x{byte:02x} at column {} is not a hex digit", at + 1),
    })
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':' | b'-' | b',')
}

/// Whether a text is made of hex digits and what may stand between them, comment aside.
pub(crate) fn is_hex(text: &str) -> bool {
    let text = text.split('#').next().unwrap_or_default();
    text.bytes().all(|byte| byte.is_ascii_hexdigit() || is_separator(byte) || b"xX\\".contains(&byte))
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
            "\\xc0\\x00",
            "c0:00",
            "c0-00\r\n",
            " c0\t00 # PINGREQ zz",
            "0xC000",
        ] {
            assert_eq!(parse(line.as_bytes()).unwrap(), [0xC0, 0x00], "{line}");
        }
        assert_eq!(parse(b"").unwrap(), b"");
        assert_eq!(parse(b"# nothing").unwrap(), b"");
    }

    #[test]
    fn what_is_not_hex_is_named_with_its_column() {
        let message = |line: &[u8]| parse(line).unwrap_err().to_string();
        assert_eq!(message(b"c0 0g"), "`g` at column 5 is not a hex digit");
        for line in [&b"c0 0"[..], b"c0 0\n", b"c0 0\r\n", b"c0 0 1", b"c0 0# PINGREQ", b"c0:0:"] {
            assert_eq!(message(line), "an odd number of hex digits before column 5");
        }
        assert_eq!(message(b"\xff"), "byte 0xff at column 1 is not a hex digit");
    }
}
