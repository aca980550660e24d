//! Bytes as an array of a program: `{ 0x10, 0x12 }`, over as many lines as it takes, as `xxd -i` and
//! Wireshark write it.

use super::Unit;
use super::bytes::{Digits, numbers};

#[derive(Debug)]
pub(super) struct Array {
    unit: Unit,
    in_comment: bool,
}

impl Array {
    /// An array that begins in this line, and the line behind its brace.
    pub(super) fn begin(number: u64, line: &[u8]) -> Option<(Self, &[u8])> {
        let at = line.iter().position(|byte| *byte == b'{')?;
        let (declaration, rest) = line.split_at(at);
        let declaration = declaration.trim_ascii();
        // What stands before the brace declares something, and is no data.
        let declares = declaration.is_empty() || declaration.iter().any(|byte| b"=]*".contains(byte));
        let array = Self { unit: Unit { line: number, bytes: Ok(Vec::new()) }, in_comment: false };
        declares.then(|| (array, rest.get(1..).unwrap_or_default()))
    }

    /// Takes a line. Whether the array ends in it.
    pub(super) fn line(&mut self, line: &[u8], digits: Digits) -> bool {
        let line = self.without_comments(line);
        let (bytes, end) = match line.iter().position(|byte| *byte == b'}') {
            Some(end) => (line.get(..end).unwrap_or_default(), true),
            None => (line.as_slice(), false),
        };
        if let Ok(all) = &mut self.unit.bytes {
            match numbers(bytes, digits) {
                Ok(more) => all.extend(more),
                Err(error) => self.unit.bytes = Err(error),
            }
        }
        end
    }

    pub(super) fn finish(self) -> Unit {
        Unit { bytes: self.unit.bytes.and_then(super::frame::payload), ..self.unit }
    }

    fn without_comments(&mut self, line: &[u8]) -> Vec<u8> {
        let mut kept = Vec::with_capacity(line.len());
        let mut at = 0;
        while let Some(&byte) = line.get(at) {
            match (self.in_comment, byte, line.get(at + 1)) {
                (true, b'*', Some(b'/')) => {
                    self.in_comment = false;
                    // What stood before the comment does not go on behind it.
                    kept.push(b' ');
                    at += 2;
                }
                (true, ..) => at += 1,
                (false, b'/', Some(b'/')) => break,
                (false, b'/', Some(b'*')) => {
                    self.in_comment = true;
                    at += 2;
                }
                (false, ..) => {
                    kept.push(byte);
                    at += 1;
                }
            }
        }
        kept
    }
}

/// Whether a line states the length of the array before it: `unsigned int connect_len = 20;`.
pub(super) fn is_length(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    [&b"unsigned int "[..], b"const ", b"static ", b"size_t "].iter().any(|start| line.starts_with(start))
        && line.ends_with(b";")
        && !line.contains(&b'{')
}
