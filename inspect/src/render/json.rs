//! One JSON object a line. What is in it is documented in `JSON.md`, and stays.

mod fields;

use std::fmt::Write as _;
use std::io::{self, Write};

use mqtt_wire::{PacketType, Rule, Sender};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value, json};

use self::fields::fields;
use crate::capture::Time;
use crate::note::Note;
use crate::record::{Body, Content, Item, Origin, Output, Record};
use crate::session::type_name;
use crate::text::{count, is_invisible};

pub(crate) struct Json<W> {
    out: W,
    /// The name of the input, when there are several.
    source: Option<String>,
    begin: Option<Time>,
    /// A line of hex may hold several packets: its answer waits for all of them.
    gather: bool,
    gathered: Vec<Value>,
}

impl<W: Write> Json<W> {
    pub(crate) fn new(out: W, gather: bool) -> Self {
        Self { out, source: None, begin: None, gather, gathered: Vec::new() }
    }

    fn print(&mut self, value: &Value) -> io::Result<()> {
        value.serialize(&mut Serializer::with_formatter(&mut self.out, Visible))?;
        self.out.write_all(b"\n")
    }

    fn object(&self, record: &Record<'_>) -> Value {
        let mut object = Map::new();
        let status = match &record.body {
            Body::Note(_) => "note",
            Body::Item(item) => status(&item.content),
        };
        object.insert("status".into(), status.into());
        if let Some(source) = &self.source {
            object.insert("source".into(), source.as_str().into());
        }
        self.place(record, &mut object);
        match &record.body {
            Body::Note(note) => {
                object.insert("note".into(), note.name().into());
                object.insert("text".into(), note.to_string().into());
                object.extend(details(note));
            }
            Body::Item(item) => describe(item, &mut object),
        }
        Value::Object(object)
    }

    fn place(&self, record: &Record<'_>, object: &mut Map<String, Value>) {
        if let Body::Item(item) = &record.body {
            object.insert("number".into(), item.number.into());
        }
        match record.origin {
            Origin::Line(line) => {
                object.insert("line".into(), line.into());
            }
            Origin::Connection(connection) => {
                let time = record.time.map(Time::utc);
                let elapsed = record.time.map(|time| time.since(self.begin).seconds());
                object.insert("time".into(), time.into());
                object.insert("elapsed".into(), elapsed.into());
                object.insert(
                    "connection".into(),
                    json!({
                        "number": connection.number,
                        "client": connection.client.to_string(),
                        "server": connection.server.to_string(),
                    }),
                );
            }
            Origin::Raw => {}
        }
        let direction = record.sender.map(|sender| match sender {
            Sender::Client => "client_to_server",
            Sender::Server => "server_to_client",
        });
        object.insert("direction".into(), direction.into());
    }
}

impl<W: Write> Output for Json<W> {
    fn begin(&mut self, source: Option<&str>) -> io::Result<()> {
        self.source = source.map(str::to_owned);
        self.begin = None;
        Ok(())
    }

    fn clock(&mut self, begin: Time) {
        self.begin = Some(begin);
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        let object = self.object(record);
        if self.gather {
            self.gathered.push(object);
            return Ok(());
        }
        self.print(&object)
    }

    fn end_line(&mut self, line: u64) -> io::Result<()> {
        if !self.gather {
            return Ok(());
        }
        let packets = std::mem::take(&mut self.gathered);
        let has = |status: &str| packets.iter().any(|packet| packet["status"] == status);
        let status = ["error", "incomplete"].into_iter().find(|status| has(status)).unwrap_or("ok");
        let mut answer = Map::new();
        answer.insert("status".into(), status.into());
        if let Some(source) = &self.source {
            answer.insert("source".into(), source.as_str().into());
        }
        answer.insert("line".into(), line.into());
        if let Some(missing) = packets.last().and_then(|packet| packet.get("missing")) {
            answer.insert("missing".into(), missing.clone());
        }
        answer.insert("packets".into(), packets.into());
        self.print(&Value::Object(answer))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Compact JSON in which characters that terminals obey or do not show are escaped.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_invisible) {
            let (plain, from) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = from.chars();
            for unit in characters.next().unwrap_or_default().encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

fn status(content: &Content<'_>) -> &'static str {
    match content {
        Content::Packet(_) => "ok",
        Content::Bad(_) | Content::Trailing { .. } | Content::BadHex(_) => "error",
        Content::Incomplete { .. } => "incomplete",
    }
}

/// What a packet, or what should be one, has besides its place.
fn describe(item: &Item<'_>, object: &mut Map<String, Value>) {
    if let Content::BadHex(message) = &item.content {
        object.insert("error".into(), json!({ "kind": "NotHex", "message": message }));
        return;
    }
    object.insert("version".into(), item.version.to_string().into());
    if item.guessed {
        object.insert("version_guessed".into(), true.into());
    }
    object.insert("type".into(), type_name(item.bytes).into());
    object.insert("offset".into(), item.offset.into());
    object.insert("raw_length".into(), item.bytes.len().into());
    match &item.content {
        Content::Packet(packet) => {
            object.insert("fields".into(), fields(packet, item.version));
        }
        Content::Bad(error) => {
            let (kind, message) = (error.rule(), error.rule().to_string());
            object.insert("error".into(), fault(kind, error.offset(), error.requirement(), &message));
            object.insert("raw".into(), hex(item.bytes).into());
        }
        Content::Trailing { at, count: left } => {
            let kind = Rule::TrailingBytes;
            let packet = item.bytes.first().and_then(|first| PacketType::new(first >> 4));
            let message = format!("{} left after the packet", count(*left as u64, "byte"));
            object.insert("error".into(), fault(kind, *at, kind.requirement(item.version, packet), &message));
            object.insert("raw".into(), hex(item.bytes).into());
        }
        Content::Incomplete { missing } => {
            object.insert("missing".into(), (*missing).into());
            object.insert("raw".into(), hex(item.bytes).into());
        }
        Content::BadHex(_) => {}
    }
}

fn fault(kind: Rule, offset: usize, rule: &str, message: &str) -> Value {
    let reason = kind.reason_code();
    json!({
        "kind": kind.name(),
        "offset": offset,
        "reason_code": reason.get(),
        "reason_name": reason.name(),
        "rule": rule,
        "message": message,
    })
}

fn details(note: &Note) -> Map<String, Value> {
    let details = match note {
        Note::Retransmission { offset, length } | Note::Missing { offset, length } => {
            json!({ "tcp_offset": offset, "length": length })
        }
        Note::OutOfOrder { offset, length, ahead } => {
            json!({ "tcp_offset": offset, "length": length, "ahead": ahead })
        }
        Note::Resynchronized { skipped } | Note::GaveUp { skipped } => json!({ "skipped": skipped }),
        Note::WebSocket { path, subprotocol } => json!({ "path": path, "subprotocol": subprotocol }),
        Note::Refused { status } => json!({ "http_status": status }),
        Note::Control { opcode, length } => json!({ "opcode": opcode, "length": length }),
        Note::TextFrame { length } => json!({ "length": length }),
        Note::Opened
        | Note::Joined
        | Note::Encrypted
        | Note::Closed
        | Note::Reset
        | Note::BadWebSocket { .. } => {
            json!({})
        }
    };
    match details {
        Value::Object(details) => details,
        _ => Map::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
