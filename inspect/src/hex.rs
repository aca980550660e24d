//! Hex as people have it: a packet a line, or dumps, arrays and strings over several lines.

mod array;
pub(crate) mod bytes;
mod dump;
mod frame;

use std::io::Result;

use self::array::Array;
use self::bytes::Digits;
use self::dump::{Dump, Next};

/// The bytes of one packet, or of one stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// The line at which it begins, from 1.
    pub(crate) line: u64,
    /// The bytes, or why they cannot be read.
    pub(crate) bytes: std::result::Result<Vec<u8>, String>,
}

/// Where units go.
pub(crate) type Out<'a> = &'a mut dyn FnMut(Unit) -> Result<()>;

/// Turns lines into units.
#[derive(Debug)]
pub(crate) struct Lines {
    digits: Digits,
    /// All lines belong together.
    join: bool,
    open: Open,
}

/// What a line may go on with.
#[derive(Debug)]
enum Open {
    Nothing,
    Dump(Dump),
    Array(Array),
    /// A string whose line ends with a backslash, or lines that belong together.
    Bytes(Unit),
    /// Behind an array its length may be stated.
    AfterArray,
}

impl Lines {
    pub(crate) fn new(digits: Digits, join: bool) -> Self {
        Self { digits, join, open: Open::Nothing }
    }

    /// Takes the next line. A line in which nothing stands means nothing.
    pub(crate) fn line(&mut self, number: u64, line: &[u8], out: Out<'_>) -> Result<()> {
        let line = line.trim_ascii_end();
        if line.trim_ascii_start().is_empty() {
            return Ok(());
        }
        self.open = match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Dump(dump) => match dump.next(line, self.digits) {
                Next::Goes(dump) => Open::Dump(dump),
                Next::Ends(unit) => {
                    out(unit)?;
                    Open::Nothing
                }
                Next::Over(unit) => {
                    out(unit)?;
                    self.begin(number, line, out)?
                }
            },
            Open::Array(array) => self.array(array, line, out)?,
            Open::AfterArray if array::is_length(line) => Open::Nothing,
            Open::Bytes(unit) => self.bytes(unit, line, out)?,
            Open::Nothing | Open::AfterArray => self.begin(number, line, out)?,
        };
        Ok(())
    }

    /// Whether the next line may belong to those before.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.open, Open::Nothing | Open::AfterArray)
    }

    /// The input is over.
    pub(crate) fn finish(&mut self, out: Out<'_>) -> Result<()> {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Dump(dump) => out(dump.finish()),
            Open::Array(array) => out(array.finish()),
            Open::Bytes(unit) => out(Unit { bytes: unit.bytes.and_then(frame::payload), ..unit }),
            Open::Nothing | Open::AfterArray => Ok(()),
        }
    }

    /// A line that goes on with nothing.
    fn begin(&self, number: u64, line: &[u8], out: Out<'_>) -> Result<Open> {
        if let Some(dump) = Dump::begin(number, line, self.digits) {
            return Ok(Open::Dump(dump));
        }
        if let Some((array, rest)) = Array::begin(number, line) {
            return self.array(array, rest, out);
        }
        let begun = Unit { line: number, bytes: Ok(Vec::new()) };
        if bytes::is_comment(line) { Ok(Open::Nothing) } else { self.bytes(begun, line, out) }
    }

    fn array(&self, mut array: Array, line: &[u8], out: Out<'_>) -> Result<Open> {
        if !array.line(line, self.digits) {
            return Ok(Open::Array(array));
        }
        out(array.finish())?;
        Ok(Open::AfterArray)
    }

    /// Bytes of which more may come.
    fn bytes(&self, mut unit: Unit, line: &[u8], out: Out<'_>) -> Result<Open> {
        let (line, goes_on) = match line.strip_suffix(b"\\") {
            Some(line) if line.trim_ascii_start().starts_with(b"\"") => (line, true),
            _ => (line, self.join),
        };
        unit.bytes = match (unit.bytes, bytes::parse(line, self.digits)) {
            (Ok(mut bytes), Ok(more)) => {
                bytes.extend(more);
                Ok(bytes)
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        if goes_on {
            return Ok(Open::Bytes(unit));
        }
        if unit.bytes.as_ref().is_ok_and(Vec::is_empty) {
            return Ok(Open::Nothing);
        }
        out(Unit { bytes: unit.bytes.and_then(frame::payload), ..unit })?;
        Ok(Open::Nothing)
    }
}

/// Whether a text on the command line is hex, and no file's name: it has several lines, or is made of what
/// hex is made of, comments aside.
pub(crate) fn is_hex(text: &str) -> bool {
    let line = text.split('#').next().unwrap_or_default();
    let is_of_hex =
        |byte: u8| byte.is_ascii_hexdigit() || bytes::is_separator(byte) || b"xX\\[]{};\"".contains(&byte);
    text.contains('\n') || line.bytes().all(is_of_hex)
}
