//! One JSON object a line. What is in it is documented in `JSON.md`, and stays.

mod fields;

use std::io::{self, Write};

use mqtt_wire::{PacketType, Rule, Sender};
use serde::ser::{Serialize, SerializeMap, Serializer as AnySerializer};
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value, json};

use self::fields::Fields;
use crate::capture::{Elapsed, Time};
use crate::dissect;
use crate::note::Note;
use crate::payload::Payload;
use crate::record::{Body, Connection, Content, Item, Names, Origin, Output, Record};
use crate::session::type_name;
use crate::text::{count, digits, is_invisible, is_plain};

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

    fn print(&mut self, value: &impl Serialize) -> io::Result<()> {
        print(&mut self.out, value)
    }
}

/// A value in a line of its own, with nothing in it that cannot be seen.
pub(crate) fn print<W: Write + ?Sized>(out: &mut W, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Visible))?;
    out.write_all(b"\n")
}

/// A record as an object.
///
/// Performance: written as it is gone through; an object in memory first takes twice as long.
struct Object<'a> {
    source: Option<&'a str>,
    begin: Option<Time>,
    record: &'a Record<'a>,
}

impl Serialize for Object<'_> {
    fn serialize<S: AnySerializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.record;
        let names = record.known.names.as_deref();
        let mut map = serializer.serialize_map(None)?;
        let status = match &record.body {
            Body::Note(_) => "note",
            Body::Flow(_) => "flow",
            Body::Item(item) => status(&item.content),
        };
        map.serialize_entry("status", status)?;
        if let Some(source) = self.source {
            map.serialize_entry("source", source)?;
        }
        if let Body::Item(item) = &record.body {
            map.serialize_entry("number", &item.number)?;
        }
        match record.origin {
            Origin::Line(line) => map.serialize_entry("line", &line)?,
            Origin::Connection(connection) => {
                map.serialize_entry("time", &record.time.map(Time::utc))?;
                let elapsed = record.time.map(|time| time.since(self.begin).seconds());
                map.serialize_entry("elapsed", &elapsed)?;
                map.serialize_entry("connection", &Ends(connection, names))?;
            }
            Origin::Raw => {}
        }
        let direction = record.sender.map(|sender| match sender {
            Sender::Client => "client_to_server",
            Sender::Server => "server_to_client",
        });
        map.serialize_entry("direction", &direction)?;
        match &record.body {
            Body::Note(note) => {
                map.serialize_entry("note", note.name())?;
                map.serialize_entry("text", &note.to_string())?;
                for (key, value) in details(note) {
                    map.serialize_entry(&key, &value)?;
                }
            }
            Body::Item(item) => {
                describe(item, &mut map)?;
                known(record, item, &mut map)?;
            }
            Body::Flow(_) => {}
        }
        map.end()
    }
}

/// What the connection's earlier packets tell about this one.
fn known<M: SerializeMap>(record: &Record<'_>, item: &Item<'_>, map: &mut M) -> Result<(), M::Error> {
    if let Some(topic) = &record.known.topic {
        map.serialize_entry("topic", &**topic)?;
    }
    if let Some(answers) = &record.known.answers {
        let after = answers.after.map(|after| Elapsed::from_nanoseconds(after).seconds());
        map.serialize_entry("answers", &json!({ "number": answers.number, "after": after }))?;
    }
    if let Some(payload) = Payload::of(record) {
        let format = payload.name();
        let value = match payload.value() {
            None => json!({ "format": format }),
            Some(Ok(value)) => json!({ "format": format, "value": value }),
            Some(Err(reason)) => json!({ "format": format, "unreadable": reason }),
        };
        map.serialize_entry("payload", &value)?;
    }
    if record.known.broken.is_empty() {
        return Ok(());
    }
    let broken: Vec<Value> = record
        .known
        .broken
        .iter()
        .map(|rule| {
            let reason = rule.reason_code();
            let label = record.sender.map(|sender| rule.requirement_of(item.version, sender));
            json!({
                "kind": rule.name(),
                "reason_code": reason.get(),
                "reason_name": reason.name(),
                "rule": label,
                "message": rule.to_string(),
            })
        })
        .collect();
    map.serialize_entry("broken", &broken)
}

struct Ends<'a>(Connection, Option<&'a Names>);

impl Serialize for Ends<'_> {
    fn serialize<S: AnySerializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("number", &self.0.number)?;
        map.serialize_entry("client", &self.0.client.to_string())?;
        map.serialize_entry("server", &self.0.server.to_string())?;
        if let Some(names) = self.1 {
            map.serialize_entry("client_identifier", &names.client)?;
            map.serialize_entry("user_name", &names.user)?;
        }
        map.end()
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
        if matches!(record.body, Body::Flow(_)) {
            return Ok(());
        }
        let object = Object { source: self.source.as_deref(), begin: self.begin, record };
        if self.gather {
            self.gathered.push(serde_json::to_value(object)?);
            return Ok(());
        }
        print(&mut self.out, &object)
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
pub(super) struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if is_plain(fragment.as_bytes()) {
            return writer.write_all(fragment.as_bytes());
        }
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
fn describe<M: SerializeMap>(item: &Item<'_>, map: &mut M) -> Result<(), M::Error> {
    if let Content::BadHex(message) = &item.content {
        return map.serialize_entry("error", &json!({ "kind": "NotHex", "message": message }));
    }
    map.serialize_entry("version", &item.version.to_string())?;
    if item.guessed {
        map.serialize_entry("version_guessed", &true)?;
    }
    map.serialize_entry("type", &type_name(item.bytes))?;
    map.serialize_entry("offset", &item.offset)?;
    map.serialize_entry("raw_length", &item.length)?;
    let error = match &item.content {
        Content::Packet(packet) => {
            let fields = Fields { packet, version: item.version, digest: item.digest.as_ref() };
            return map.serialize_entry("fields", &fields);
        }
        Content::Bad(error) => {
            let (kind, message) = (error.rule(), error.rule().to_string());
            fault(kind, error.offset(), error.requirement(), &message)
        }
        Content::Trailing { at, count: left } => {
            let kind = Rule::TrailingBytes;
            let packet = item.bytes.first().and_then(|first| PacketType::new(first >> 4));
            let message = format!("{} left after the packet", count(*left as u64, "byte"));
            fault(kind, *at, kind.requirement(item.version, packet), &message)
        }
        Content::Incomplete { missing } => {
            map.serialize_entry("missing", missing)?;
            read_fields(item, map)?;
            return map.serialize_entry("raw", &digits(item.bytes));
        }
        Content::BadHex(_) => return Ok(()),
    };
    map.serialize_entry("error", &error)?;
    read_fields(item, map)?;
    map.serialize_entry("raw", &digits(item.bytes))
}

/// The fields that could be read before the fault, if there are any.
fn read_fields<M: SerializeMap>(item: &Item<'_>, map: &mut M) -> Result<(), M::Error> {
    let rows =
        item.readable().map(|until| dissect::read(item.bytes, item.version, until)).unwrap_or_default();
    if rows.is_empty() {
        return Ok(());
    }
    let fields: Vec<Value> = rows
        .iter()
        .map(|row| json!({ "name": row.name, "value": row.value, "offset": row.at, "length": row.length }))
        .collect();
    map.serialize_entry("read", &fields)
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
        Note::Retransmission { offset, length }
        | Note::Missing { offset, length }
        | Note::CutOff { offset, length }
        | Note::Differing { offset, length } => {
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
        Note::WebSocketUnseen { path } => json!({ "path": path }),
        Note::TooLarge { offset, length } => json!({ "offset": offset, "length": length }),
        Note::Proxy { version, source, destination } => json!({
            "proxy_version": version,
            "source_address": source.map(|address| address.to_string()),
            "destination_address": destination.map(|address| address.to_string()),
        }),
        Note::Opened
        | Note::Joined
        | Note::WebSocketJoined
        | Note::Encrypted
        | Note::Http
        | Note::Closed
        | Note::Reset
        | Note::Forgotten
        | Note::MemoryFull
        | Note::Copies
        | Note::BadFrame { .. }
        | Note::BadWebSocket { .. } => {
            json!({})
        }
    };
    match details {
        Value::Object(details) => details,
        _ => Map::new(),
    }
}
