//! Dumps: rows of an offset, bytes and perhaps their text, as hexdump, xxd, od, Wireshark and tcpdump write them.

use super::Unit;
use super::bytes::{Digits, is_digits, numbers};

/// Rows are read as long as the offsets say that they follow each other.
#[derive(Debug)]
pub(super) struct Dump {
    line: u64,
    /// What the rows so far are, for each radix that the offsets may be in; empty when the dump is refused.
    readings: Vec<Reading>,
    refusal: Option<String>,
    style: Style,
    /// A row of `*`: rows like the last one are left out.
    squeezed: bool,
    last_row: Vec<u8>,
    /// How many bytes of padding the last row may have.
    padding: usize,
}

#[derive(Debug)]
struct Reading {
    radix: u32,
    bytes: Vec<u8>,
}

/// What dumps differ in, and rows of one dump do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Style {
    /// A colon follows the offset.
    colon: bool,
}

/// A line that has the look of a row.
#[derive(Debug)]
struct Row<'a> {
    offset: &'a str,
    style: Style,
    /// What follows the offset.
    body: &'a [u8],
}

/// What became of a line.
#[derive(Debug)]
pub(super) enum Next {
    Goes(Dump),
    /// The line is the dump's last.
    Ends(Unit),
    /// The line is none of the dump's.
    Over(Unit),
}

/// How long a dump with rows that were left out may be.
const MOST_SQUEEZED: usize = 4 * 1024 * 1024;

impl Dump {
    /// A dump that begins in this line.
    pub(super) fn begin(line: u64, text: &[u8], digits: Digits) -> Option<Self> {
        let row = Row::of(text, digits)?;
        let refusal = (!row.offset.bytes().all(|digit| digit == b'0'))
            .then(|| format!("a dump from offset {} on: what comes before is missing", row.offset));
        let readings =
            row.radices().iter().map(|radix| Reading { radix: *radix, bytes: Vec::new() }).collect();
        let style = row.style;
        let dump = Self { line, readings, refusal, style, squeezed: false, last_row: Vec::new(), padding: 0 };
        Some(dump.row(&row, digits))
    }

    pub(super) fn next(mut self, text: &[u8], digits: Digits) -> Next {
        if text.trim_ascii() == b"*" {
            self.squeezed = true;
            return Next::Goes(self);
        }
        if let Some(offset) = only_offset(text)
            && (offset.starts_with('0') || self.follows(offset))
        {
            return Next::Ends(self.end(offset));
        }
        let Some(row) = Row::of(text, digits).filter(|row| row.style == self.style) else {
            return Next::Over(self.finish());
        };
        if row.offset.bytes().all(|digit| digit == b'0') {
            return Next::Over(self.finish());
        }
        // A line of bytes that belong together has not this look by chance when it goes on where the dump ended.
        let may_be_bytes = !row.style.colon && !row.offset.starts_with('0');
        if may_be_bytes && self.refusal.is_none() && !self.follows(row.offset) {
            return Next::Over(self.finish());
        }
        Next::Goes(self.row(&row, digits))
    }

    pub(super) fn finish(self) -> Unit {
        let Self { line, mut readings, refusal, .. } = self;
        let bytes = match refusal {
            Some(refusal) => Err(refusal),
            None if readings.windows(2).any(|pair| matches!(pair, [a, b] if a.bytes != b.bytes)) => {
                Err("offsets that may be octal or hex, and mean another length in each".to_owned())
            }
            None => super::frame::payload(readings.pop().map(|reading| reading.bytes).unwrap_or_default()),
        };
        Unit { line, bytes }
    }

    /// Whether an offset is the one at which the dump goes on.
    fn follows(&self, offset: &str) -> bool {
        self.readings.iter().any(|reading| {
            reading
                .at(offset)
                .is_some_and(|at| at == reading.bytes.len() || (self.squeezed && at > reading.bytes.len()))
        })
    }

    fn refuse(mut self, why: impl FnOnce() -> String) -> Self {
        self.readings.clear();
        self.refusal.get_or_insert_with(why);
        self
    }

    fn row(mut self, row: &Row<'_>, digits: Digits) -> Self {
        if self.refusal.is_some() {
            return self;
        }
        self.go_to(row.offset);
        if self.readings.is_empty() {
            let offset = row.offset.to_owned();
            return self.refuse(|| format!("offset {offset} is not where the rows before it end"));
        }
        let Some((bytes, word)) = bytes_of(row, digits) else {
            let offset = row.offset.to_owned();
            return self
                .refuse(|| format!("the row at offset {offset} is not bytes, with or without their text"));
        };
        self.padding = word.saturating_sub(1);
        for reading in &mut self.readings {
            reading.bytes.extend(&bytes);
        }
        self.last_row = bytes;
        self
    }

    /// Keeps the readings that are at an offset, or come to it by repeating the last row.
    fn go_to(&mut self, offset: &str) {
        let (squeezed, last_row) = (std::mem::take(&mut self.squeezed), &self.last_row);
        self.readings.retain_mut(|reading| {
            let (Some(at), length) = (reading.at(offset), reading.bytes.len()) else { return false };
            if !squeezed || last_row.is_empty() {
                return at == length;
            }
            let more = at.checked_sub(length).filter(|_| at <= MOST_SQUEEZED);
            let rows = more.filter(|more| more % last_row.len() == 0).map(|more| more / last_row.len());
            for _ in 0..rows.unwrap_or_default() {
                reading.bytes.extend(last_row);
            }
            rows.is_some()
        });
    }

    /// A last line says where the dump ends; words may be longer than what was left for them.
    fn end(mut self, offset: &str) -> Unit {
        if self.refusal.is_none() {
            let padding = self.padding;
            if self.squeezed {
                self.go_to(offset);
            } else {
                self.readings.retain_mut(|reading| {
                    let Some(at) = reading.at(offset) else { return false };
                    let rest = reading.bytes.get(at..);
                    let fits =
                        rest.is_some_and(|rest| rest.len() <= padding && rest.iter().all(|byte| *byte == 0));
                    reading.bytes.truncate(at);
                    fits
                });
            }
            if self.readings.is_empty() {
                self = self.refuse(|| format!("the last offset, {offset}, is not where the rows end"));
            }
        }
        self.finish()
    }
}

impl Reading {
    fn at(&self, offset: &str) -> Option<usize> {
        usize::from_str_radix(offset, self.radix).ok()
    }
}

/// A line with an offset alone.
fn only_offset(text: &[u8]) -> Option<&str> {
    let text = text.trim_ascii();
    let text = text.strip_suffix(b":").unwrap_or(text);
    ((4..=8).contains(&text.len()) && is_digits(text)).then(|| std::str::from_utf8(text).ok()).flatten()
}

impl<'a> Row<'a> {
    /// A line that has the look of a row: an offset of some digits, and bytes behind it.
    fn of(text: &'a [u8], digits: Digits) -> Option<Self> {
        let text = text.trim_ascii_start();
        let bare = text.strip_prefix(b"0x").unwrap_or(text);
        let length = bare.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (offset, behind) = bare.split_at(length);
        let (colon, body) = match behind {
            [b':', b' ' | b'\t', ..] => (true, behind.get(1..).unwrap_or_default()),
            [b' ' | b'\t', ..] if bare.len() == text.len() => (false, behind),
            _ => return None,
        };
        let row = Self { offset: std::str::from_utf8(offset).ok()?, style: Style { colon }, body };
        let looks = if colon { (4..=16).contains(&length) } else { row.looks_like_one(digits) };
        looks.then_some(row)
    }

    /// What the offset may be in, by how it is written.
    fn radices(&self) -> &'static [u32] {
        match (self.style.colon, self.offset.len()) {
            // xxd, `xxd -d`.
            (true, _) => &[16, 10],
            // hexdump, od, `od -A d`.
            (false, 7) => &[16, 8, 10],
            _ => &[16],
        }
    }

    /// Without a colon: no packet begins with a byte below 0x10, and the groups show which program wrote them.
    fn looks_like_one(&self, digits: Digits) -> bool {
        let group = self.body.trim_ascii_start();
        let length = group.iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        match (self.offset.len(), digits) {
            (6..=8, Digits::Decimal) => self.offset.starts_with('0'),
            (_, Digits::Decimal) => false,
            (4..=5, _) => length == 2,
            (6..=8, _) => self.offset.starts_with('0') || matches!(length, 2 | 3 | 4 | 6 | 8 | 16),
            _ => false,
        }
    }
}

/// The bytes of a row, and how long its words are.
fn bytes_of(row: &Row<'_>, digits: Digits) -> Option<(Vec<u8>, usize)> {
    /// Gaps in a row before its text, and how long a row with text is at most.
    const GAPS: usize = 8;
    const LONGEST: usize = 4096;
    if row.body.len() <= LONGEST {
        let gaps = row.body.windows(2).enumerate().filter(|(at, pair)| {
            pair.iter().all(|byte| matches!(byte, b' ' | b'\t'))
                && at.checked_sub(1).and_then(|before| row.body.get(before)).is_some_and(|byte| *byte > b' ')
        });
        for (gap, _) in gaps.take(GAPS) {
            let (left, right) = row.body.split_at(gap);
            let read = groups(left, row, digits);
            if let Some(read) = read.into_iter().find(|(bytes, _)| is_text_of(right, bytes)) {
                return Some(read);
            }
        }
    }
    let uncommented = row.body.split(|byte| *byte == b'#').next().unwrap_or_default();
    groups(uncommented, row, digits).into_iter().next()
}

/// What groups of digits may mean, each with the length of a word; the likeliest first.
fn groups(text: &[u8], row: &Row<'_>, digits: Digits) -> Vec<(Vec<u8>, usize)> {
    if digits == Digits::Decimal {
        return numbers(text, digits).into_iter().map(|bytes| (bytes, 1)).collect();
    }
    let Ok(text) = std::str::from_utf8(text) else { return Vec::new() };
    let groups: Vec<&str> = text.split_ascii_whitespace().collect();
    let Some((first, last)) = groups.first().zip(groups.last()) else { return Vec::new() };
    let length = first.len();
    // Only the last group may be shorter.
    let even = groups.iter().rev().skip(1).all(|group| group.len() == length) && last.len() <= length;
    if !even || !groups.iter().all(|group| is_digits(group.as_bytes())) {
        return Vec::new();
    }
    let all = |word: fn(&str) -> Option<Vec<u8>>, length: usize| -> Option<(Vec<u8>, usize)> {
        let words: Option<Vec<Vec<u8>>> = groups.iter().map(|group| word(group)).collect();
        Some((words?.concat(), length))
    };
    let readings = match (row.style.colon, length) {
        // `xxd -b`, xxd, `xxd -e`; the text tells the last two apart.
        (true, 8) if groups.iter().all(|group| group.bytes().all(|digit| matches!(digit, b'0' | b'1'))) => {
            vec![all(bits, 1), all(in_order, 1)]
        }
        (true, _) => vec![all(in_order, 1), all(reversed, 1)],
        (false, 2) => vec![all(in_order, 1)],
        // `od -b`
        (false, 3) if last.len() == 3 => vec![all(octal_byte, 1)],
        // od
        (false, 6) if last.len() == 6 => vec![all(octal_word, 2)],
        // hexdump, `od -x`: words as a little-endian machine has them
        (false, 4 | 8 | 16) if last.len() == length => vec![all(reversed, length / 2)],
        _ => Vec::new(),
    };
    readings.into_iter().flatten().collect()
}

/// Digits in pairs.
fn in_order(group: &str) -> Option<Vec<u8>> {
    let pairs = group.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

/// A word whose last byte comes first.
fn reversed(group: &str) -> Option<Vec<u8>> {
    in_order(group).map(|mut bytes| {
        bytes.reverse();
        bytes
    })
}

fn octal_byte(group: &str) -> Option<Vec<u8>> {
    Some(vec![u8::from_str_radix(group, 8).ok()?])
}

fn octal_word(group: &str) -> Option<Vec<u8>> {
    Some(u16::from_str_radix(group, 8).ok()?.to_le_bytes().into())
}

fn bits(group: &str) -> Option<Vec<u8>> {
    Some(vec![u8::from_str_radix(group, 2).ok()?])
}

/// Whether a row's last column is the text of its bytes, with `.` for what does not print, between bars (hexdump)
/// or angle brackets (od) or bare.
fn is_text_of(column: &[u8], bytes: &[u8]) -> bool {
    let trimmed = column.trim_ascii();
    let between = match trimmed {
        [b'|', inner @ .., b'|'] | [b'>', inner @ .., b'<'] => Some(inner),
        _ => None,
    };
    if between.is_some_and(|inner| inner.len() == bytes.len() && agree(inner, bytes)) {
        return true;
    }
    // Blanks of the text itself come right after those before it.
    let blanks = column.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let own = bytes.iter().take_while(|byte| **byte == b' ').count();
    let Some(text) = blanks.checked_sub(own).filter(|at| *at > 0).and_then(|at| column.get(at..)) else {
        return false;
    };
    // Older versions of Wireshark part the text after eight characters.
    let halves = text.split_at_checked(8).and_then(|(left, right)| {
        let right = right.strip_prefix(b" ")?;
        let (low, high) = bytes.split_at_checked(8)?;
        (agree(left, low) && agree(right, high)).then_some(())
    });
    agree(text, bytes) || halves.is_some()
}

/// Blanks at the end may have been lost.
fn agree(text: &[u8], bytes: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    let (shown, blank) = bytes.split_at_checked(text.len()).unwrap_or((&[], &[0]));
    blank.iter().all(|byte| *byte == b' ')
        && shown.iter().zip(text).all(|(byte, shown)| match byte {
            b' '..=b'~' => byte == shown,
            _ => *shown == b'.',
        })
}
