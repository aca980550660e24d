//! The timeline: a line for each packet, with its fields, and lines below for what does not fit.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::Style;
use mqtt_session::SessionRule;
use mqtt_wire::{Packet, PacketType, Sender};

use super::paint::{self, Painter};
use super::summary::{Summarizer, Summary, head};
use crate::args::TimeStyle;
use crate::capture::Time;
use crate::dissect;
use crate::note::{Note, Weight};
use crate::payload::Payload;
use crate::record::{Body, Content, Item, Names, Origin, Output, Record, refuses};
use crate::text::{count, quoted, shortened, visible};

/// Wide enough for UNSUBSCRIBE.
const TYPE_WIDTH: usize = 11;

/// For the client identifier and the user.
const WHO_WIDTH: usize = 20;

pub(crate) struct Timeline<W> {
    pub(crate) out: W,
    pub(crate) painter: Painter,
    pub(crate) time: TimeStyle,
    pub(crate) full: bool,
    /// Show no more than a packet's first line.
    pub(crate) compact: bool,
    pub(crate) begin: Option<Time>,
}

impl<W: Write> Timeline<W> {
    /// The columns before the type: number, time or line, connection, direction.
    fn columns(&self, record: &Record<'_>) -> (String, String) {
        let mut left = String::with_capacity(40);
        let _ = match &record.body {
            Body::Item(item) => write!(left, "{:>5}  ", item.number),
            Body::Note(_) | Body::Flow(_) => write!(left, "{:5}  ", ""),
        };
        let offset = match &record.body {
            Body::Item(item) => Some(item.offset),
            Body::Note(_) | Body::Flow(_) => None,
        };
        let _ = match (record.origin, offset) {
            (Origin::Line(_), Some(offset @ 1..)) | (Origin::Raw, Some(offset)) => {
                write!(left, "byte {offset:>8}")
            }
            (Origin::Line(line), _) => write!(left, "line {line:>8}"),
            (Origin::Raw, None) => write!(left, "byte {:8}", ""),
            (Origin::Connection(connection), _) => {
                left.push_str(&stamp(record.time, self.begin, self.time));
                let mut number = String::with_capacity(32);
                let who = record.known.names.as_deref().map(who).unwrap_or_default();
                let _ = write!(number, "  #{:<3} {who:<WHO_WIDTH$}", connection.number);
                return (left, number);
            }
        };
        (left, String::new())
    }

    fn item(&mut self, record: &Record<'_>, item: &Item<'_>) -> io::Result<()> {
        let (packet, summary) = match &item.content {
            Content::Packet(packet) => {
                let summarizer = Summarizer { full: self.full, version: item.version, digest: item.digest };
                (Some(packet.packet_type()), summarizer.packet(packet))
            }
            Content::BadHex(message) => (None, Summary { first: message.clone(), below: Vec::new() }),
            _ => (item.bytes.first().and_then(|first| PacketType::new(first >> 4)), bad(item, self.full)),
        };
        let good = matches!(item.content, Content::Packet(_));
        let name = match packet {
            Some(packet) => packet.name(),
            None if matches!(item.content, Content::BadHex(_)) => "not hex",
            None if item.bytes.is_empty() => "nothing",
            None => "reserved",
        };
        let style = match (&item.content, packet) {
            (Content::Packet(packet), _) if refuses(packet) => paint::BAD,
            (Content::Packet(_), Some(packet)) => paint::packet(packet),
            (Content::Incomplete { .. }, _) => paint::WARNING,
            _ => paint::BAD,
        };
        let mark = match item.content {
            Content::Packet(_) => " ",
            Content::Incomplete { .. } => "…",
            _ => "✗",
        };
        let first_style = if good { Style::new() } else { style };
        let mut title = name.to_owned();
        if !summary.first.is_empty() {
            title.extend(std::iter::repeat_n(' ', TYPE_WIDTH.saturating_sub(name.len()) + 2));
        }
        let broken: Vec<String> =
            record.known.broken.iter().map(|rule| broken_rule(*rule, record, item)).collect();
        // What is wrong has to be seen, and here no line stands below.
        let in_line = match broken.as_slice() {
            [_, ..] if self.compact => format!("  ✗ {}", broken.join("; ")),
            _ => String::new(),
        };
        let (left, connection) = self.columns(record);
        let indent = left.len() + connection.chars().count() + 7 + TYPE_WIDTH;
        let p = self.painter;
        let guess = if item.guessed { format!("  [MQTT {}, guessed]", item.version) } else { String::new() };
        writeln!(
            self.out,
            "{}{} {} {} {}{}{}{}",
            p.paint(paint::DIM, &left),
            p.paint(paint::PLACE, &connection),
            arrow(record.sender),
            p.paint(if good { Style::new() } else { style }, mark),
            p.paint(style, &title),
            p.paint(first_style, &summary.first),
            p.paint(paint::WARNING, &guess),
            p.paint(paint::BAD, &in_line),
        )?;
        if self.compact {
            return Ok(());
        }
        if let (Content::Packet(Packet::Publish(_)), Some(topic)) = (&item.content, &record.known.topic) {
            let line = format!("the alias stands for {}", shortened(quoted(topic), 100));
            writeln!(self.out, "{:indent$}{}", "", p.paint(paint::DIM, &line))?;
        }
        for line in &broken {
            writeln!(self.out, "{:indent$}{}", "", p.paint(paint::BAD, line))?;
        }
        for line in &summary.below {
            writeln!(self.out, "{:indent$}{}", "", p.paint(paint::DIM, line))?;
        }
        for line in Payload::of(record).iter().flat_map(|payload| payload.lines(self.full, p)) {
            writeln!(self.out, "{:indent$}{line}", "")?;
        }
        Ok(())
    }

    fn note(&mut self, record: &Record<'_>, note: &Note) -> io::Result<()> {
        let (left, connection) = self.columns(record);
        let style = match note.weight() {
            Weight::Plain => paint::DIM,
            Weight::Warning => paint::WARNING,
        };
        let ends = match (note, record.origin) {
            (Note::Opened | Note::Joined, Origin::Connection(connection)) => {
                format!(": {} → {}", connection.client, connection.server)
            }
            _ => record.sender.map_or_else(String::new, |sender| format!(" ({sender})")),
        };
        let p = self.painter;
        let text = format!("{note}{ends}");
        let text = p.paint(style, &text);
        writeln!(self.out, "{}{}     {text}", p.paint(paint::DIM, &left), p.paint(paint::PLACE, &connection))
    }
}

impl<W: Write> Output for Timeline<W> {
    fn begin(&mut self, source: Option<&str>) -> io::Result<()> {
        self.begin = None;
        match source {
            Some(source) => writeln!(self.out, "{}", self.painter.paint(paint::BOLD, source)),
            None => Ok(()),
        }
    }

    fn clock(&mut self, begin: Time) {
        self.begin = Some(begin);
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        match &record.body {
            Body::Item(item) => self.item(record, item),
            Body::Note(note) => self.note(record, note),
            Body::Flow(_) => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The time of a record, as wide in every line.
pub(crate) fn stamp(time: Option<Time>, begin: Option<Time>, style: TimeStyle) -> String {
    match (time, style) {
        (None, TimeStyle::Relative) => " ".repeat(12),
        (None, TimeStyle::Utc) => " ".repeat(27),
        (None, TimeStyle::Local) => " ".repeat(32),
        (Some(time), TimeStyle::Relative) => format!("{:>12}", time.since(begin).to_string()),
        (Some(time), TimeStyle::Utc) => time.utc(),
        (Some(time), TimeStyle::Local) => time.local(),
    }
}

/// The client, and the user in parentheses.
fn who(names: &Names) -> String {
    let who = match &names.user {
        Some(user) => format!("{} ({})", visible(&names.client), visible(user)),
        None => visible(&names.client),
    };
    shortened(who, WHO_WIDTH - 1)
}

fn arrow(sender: Option<Sender>) -> char {
    match sender {
        Some(Sender::Client) => '→',
        Some(Sender::Server) => '←',
        None => ' ',
    }
}

/// A rule between packets that is broken, with its statement.
pub(crate) fn broken_rule(rule: SessionRule, record: &Record<'_>, item: &Item<'_>) -> String {
    let label = record
        .sender
        .map_or(rule.requirement(item.version), |sender| rule.requirement_of(item.version, sender));
    format!("{rule} [{label}]")
}

/// What is wrong, and what the bytes are.
pub(crate) fn bad(item: &Item<'_>, full: bool) -> Summary {
    let first = match &item.content {
        Content::Bad(error) => format!(
            "byte {}: {} [{}], reason code 0x{:02X} {}",
            error.offset(),
            error.rule(),
            error.requirement(),
            error.reason_code().get(),
            error.reason_code()
        ),
        Content::Trailing { at, count: left } => {
            format!("byte {at}: {} left after the packet (see --stream)", count(*left as u64, "byte"))
        }
        Content::Incomplete { missing } => {
            format!("cut off: at least {} missing", count(*missing as u64, "byte"))
        }
        Content::BadHex(message) => message.clone(),
        Content::Packet(_) => String::new(),
    };
    let mut below = if item.bytes.is_empty() { Vec::new() } else { vec![head(item.bytes, full)] };
    below.extend(read_fields(item, full));
    Summary { first, below }
}

/// The fields before the fault, in a line.
fn read_fields(item: &Item<'_>, full: bool) -> Option<String> {
    const MOST_FIELDS: usize = 12;
    const LONGEST: usize = 60;
    let rows = dissect::read(item.bytes, item.version, item.readable()?);
    let most = if full { usize::MAX } else { MOST_FIELDS };
    let mut fields: Vec<String> = rows
        .iter()
        .take(most)
        .map(|row| match row.is_password() {
            true => format!("{} ({})", row.name, count(row.length as u64, "byte")),
            false if full => format!("{} {}", row.name, row.value),
            false => format!("{} {}", row.name, shortened(row.value.clone(), LONGEST)),
        })
        .collect();
    if rows.len() > most {
        fields.push("…".to_owned());
    }
    (!fields.is_empty()).then(|| format!("read: {}", fields.join(", ")))
}
