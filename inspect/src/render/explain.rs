//! Packets byte by byte: offset, bytes, field, value, section.

use std::fmt::Write as _;
use std::io::{self, Write};

use mqtt_wire::Sender;

use super::paint::{self, Painter};
use super::timeline::{bad, stamp};
use crate::args::TimeStyle;
use crate::capture::Time;
use crate::dissect::{CUT_OFF, Row, dissect};
use crate::payload::Payload;
use crate::record::{Body, Content, Item, Origin, Output, Record};
use crate::session::type_name;
use crate::standard;
use crate::text::{count, shortened};

/// Bytes in a line.
const LINE: usize = 8;
/// Lines of bytes for one field, unless all are wanted.
const LINES: usize = 8;
/// The longest value, unless all of it is wanted.
const VALUE: usize = 120;

pub(crate) struct Explain<W> {
    pub(crate) out: W,
    pub(crate) painter: Painter,
    pub(crate) time: TimeStyle,
    pub(crate) full: bool,
    pub(crate) begin: Option<Time>,
}

impl<W: Write> Explain<W> {
    fn title(&mut self, record: &Record<'_>, item: &Item<'_>) -> io::Result<()> {
        let mut parts = vec![format!("Packet {}: {}", item.number, type_name(item.bytes).unwrap_or("?"))];
        let guessed = if item.guessed { " (guessed)" } else { "" };
        parts.push(format!("MQTT {}{guessed}", item.version));
        parts.push(count(item.length as u64, "byte"));
        parts.extend(record.sender.map(|sender| match sender {
            Sender::Client => "client to server".to_owned(),
            Sender::Server => "server to client".to_owned(),
        }));
        match record.origin {
            Origin::Connection(connection) => {
                parts.push(format!("connection {}", connection.number));
                parts.push(stamp(record.time, self.begin, self.time).trim().to_owned());
            }
            Origin::Line(line) => parts.push(format!("line {line}")),
            Origin::Raw => parts.push(format!("at byte {} of the stream", item.offset)),
        }
        writeln!(self.out, "{}", self.painter.paint(paint::BOLD, &parts.join(", ")))?;
        let sections = format!("sections are those of {}", standard::cited(item.version));
        writeln!(self.out, "{}", self.painter.paint(paint::DIM, &sections))
    }

    fn row(&mut self, row: &Row, bytes: &[u8]) -> io::Result<()> {
        let p = self.painter;
        let field = format!("{:indent$}{}", "", row.name, indent = row.depth * 2);
        let value = if self.full { row.value.clone() } else { shortened(row.value.clone(), VALUE) };
        let text =
            if value.is_empty() { field } else { format!("{field}: {}", p.paint(paint::TEXT, &value)) };
        let section = if row.section.is_empty() {
            String::new()
        } else {
            p.paint(paint::DIM, &format!("  §{}", row.section)).to_string()
        };
        if let Some(mask) = row.bits {
            let byte = bytes.get(row.at).copied().unwrap_or_default();
            return writeln!(self.out, "      {:<24}  {text}{section}", bit_pattern(byte, mask));
        }
        let own = bytes.get(row.at..row.at + row.length).unwrap_or_default();
        let mut lines = own.chunks(LINE);
        let at = p.paint(paint::DIM, &format!("{:04x}", row.at)).to_string();
        let at = if own.is_empty() { "    " } else { at.as_str() };
        writeln!(self.out, "{at}  {:<24}  {text}{section}", hex_line(lines.next().unwrap_or_default()))?;
        let most = if self.full { usize::MAX } else { LINES - 1 };
        let mut at = row.at + LINE;
        for line in lines.by_ref().take(most) {
            writeln!(self.out, "{}  {}", p.paint(paint::DIM, &format!("{at:04x}")), hex_line(line))?;
            at += LINE;
        }
        let left = own.len().saturating_sub(at - row.at);
        if left > 0 {
            writeln!(self.out, "      … {} more", count(left as u64, "byte"))?;
        }
        Ok(())
    }

    fn fault(&mut self, item: &Item<'_>) -> io::Result<()> {
        let text = bad(item, self.full).first;
        writeln!(self.out, "{}", self.painter.paint(paint::BAD, &format!("✗     {text}")))
    }
}

impl<W: Write> Output for Explain<W> {
    fn begin(&mut self, _source: Option<&str>) -> io::Result<()> {
        self.begin = None;
        Ok(())
    }

    fn clock(&mut self, begin: Time) {
        self.begin = Some(begin);
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        let Body::Item(item) = &record.body else { return Ok(()) };
        self.title(record, item)?;
        let rows = rows(item);
        let fault = fault(item, &rows);
        for (index, row) in rows.iter().enumerate() {
            self.row(row, item.bytes)?;
            if fault == Fault::Below(index) {
                self.fault(item)?;
            }
        }
        if fault == Fault::AtTheEnd {
            self.fault(item)?;
        }
        if let Some(digest) = &item.digest {
            let (length, hash) = (count(digest.length as u64, "byte"), digest.hash());
            writeln!(self.out, "      all of the payload: {length}, SHA-256 {hash}")?;
        }
        for line in Payload::of(record).iter().flat_map(|payload| payload.lines(self.full, self.painter)) {
            writeln!(self.out, "      {line}")?;
        }
        writeln!(self.out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A packet's fields. The rest of a payload that is not held came, and is not cut off.
pub(crate) fn rows(item: &Item<'_>) -> Vec<Row> {
    let mut rows = dissect(item.bytes, item.version);
    if item.digest.is_some() {
        rows.retain(|row| row.name != CUT_OFF);
    }
    rows
}

/// Where what is wrong is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Below the last row about the byte that is wrong.
    Below(usize),
    AtTheEnd,
}

pub(crate) fn fault(item: &Item<'_>, rows: &[Row]) -> Fault {
    let wrong = match &item.content {
        Content::Bad(error) => error.offset(),
        Content::Trailing { at, .. } => *at,
        Content::Incomplete { .. } | Content::BadHex(_) => usize::MAX,
        Content::Packet(_) => return Fault::None,
    };
    let below = rows.iter().rposition(|row| row.at <= wrong && wrong < row.at + row.length.max(1));
    below.map_or(Fault::AtTheEnd, Fault::Below)
}

fn hex_line(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x} ");
        text
    })
}

/// The bits of a mask as digits, the others as dots.
fn bit_pattern(byte: u8, mask: u8) -> String {
    (0..8).rev().fold(String::new(), |mut text, bit| {
        if bit == 3 {
            text.push(' ');
        }
        text.push(match (mask >> bit & 1, byte >> bit & 1) {
            (0, _) => '.',
            (_, 0) => '0',
            _ => '1',
        });
        text
    })
}
