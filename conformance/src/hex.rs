//! The notation for bytes: hex digits in pairs, `{n}` behind a pair or a group in parentheses for n times
//! of it, `#` for a comment up to the end of the line.

use anyhow::{Context as _, Result, bail, ensure};

/// No case is larger: the largest one is a packet of more than 2 MiB.
const MAX: usize = 1 << 24;

/// Reads bytes in the notation.
///
/// # Errors
/// When the text is not in the notation, or stands for more than 16 MiB.
pub fn parse(text: &str) -> Result<Vec<u8>> {
    let mut rest = String::new();
    for line in text.lines() {
        rest.push_str(line.split_once('#').map_or(line, |(bytes, _)| bytes));
        rest.push(' ');
    }
    let mut tokens = rest.chars().filter(|c| !c.is_whitespace()).peekable();
    let mut out = Vec::new();
    let mut group = None;
    let mut unit = 0;
    while let Some(token) = tokens.next() {
        match token {
            '(' => {
                ensure!(group.is_none(), "a group in a group");
                group = Some(out.len());
            }
            ')' => unit = group.take().context("`)` without `(`")?,
            '{' => {
                let count: String = std::iter::from_fn(|| tokens.next_if(char::is_ascii_digit)).collect();
                ensure!(tokens.next() == Some('}'), "`{{` without `}}`");
                let count: usize = count.parse().context("a repeat without a number")?;
                let bytes = out.split_off(unit);
                ensure!(
                    !bytes.is_empty() && bytes.len().saturating_mul(count) <= MAX,
                    "nothing to repeat, or too often"
                );
                out.extend(bytes.repeat(count));
            }
            _ => {
                let high = token.to_digit(16).with_context(|| format!("`{token}` is not hex"))?;
                let low = tokens.next().and_then(|c| c.to_digit(16)).context("half a byte")?;
                unit = out.len();
                out.push(u8::try_from(high << 4 | low)?);
            }
        }
    }
    if group.is_some() {
        bail!("`(` without `)`");
    }
    Ok(out)
}

/// Writes bytes in the notation, runs and repeated groups in short.
pub fn compact(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let repeated = (1..=32).filter(|unit| *unit <= rest.len()).find_map(|unit| {
            let count = rest.chunks_exact(unit).take_while(|chunk| *chunk == &rest[..unit]).count();
            (unit * count >= 32 && count > 3).then_some((unit, count))
        });
        let (unit, count) = repeated.unwrap_or((1, 1));
        let text = pairs(&rest[..unit]);
        out.push(match (unit, count) {
            (_, 1) => text,
            (1, n) => format!("{text}{{{n}}}"),
            (_, n) => format!("({text}){{{n}}}"),
        });
        rest = &rest[unit * count..];
    }
    out.join(" ")
}

fn pairs(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

/// Plain lower-case hex digits.
pub fn plain(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut many = vec![1, 2, 3];
        many.extend([0x2F; 70]);
        many.extend([0x26, 0, 0, 0, 0].repeat(20));
        many.push(9);
        for bytes in [&[][..], &[0], &[0xC0, 0x00], &many] {
            assert_eq!(parse(&compact(bytes)).unwrap(), bytes, "{}", compact(bytes));
        }
        assert_eq!(compact(&many), "01 02 03 2F{70} (26 00 00 00 00){20} 09");
    }

    #[test]
    fn comments_and_blanks_do_not_count() {
        assert_eq!(parse("C0 # PINGREQ {\n 0\t0").unwrap(), [0xC0, 0]);
        assert_eq!(parse("00{2} (01 02){2}").unwrap(), [0, 0, 1, 2, 1, 2]);
    }

    #[test]
    fn what_is_not_hex_is_an_error() {
        for text in ["0", "0g", "(00", "00)", "00{", "00{x}", "{2}", "((00))", "00{99999999999}", "()"] {
            assert!(parse(text).is_err() || text == "()", "{text}");
        }
    }
}
