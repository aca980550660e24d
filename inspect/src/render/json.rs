//! One JSON object a line. What is in it is documented in `JSON.md`, and stays.

use std::fmt::Write as _;
use std::io::{self, Write};

use mqtt_wire::{
    Connect, Kind, List, Packet, PacketType, Properties, Publish, ReasonCode, Sender, Subscription, Version,
    Will,
};
use serde_json::{Map, Value, json};

use super::fields::return_code;
use crate::capture::Time;
use crate::note::Note;
use crate::record::{Body, Content, Item, Origin, Output, Record};
use crate::session::type_name;
use crate::text::{connect_return_code, count, readable, subscribe_return_code};
use crate::{standard, value};

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
        serde_json::to_writer(&mut self.out, value)?;
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
                let time = record.time.map(|time| time.utc());
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
            let (kind, message) = (error.kind(), error.kind().to_string());
            object.insert("error".into(), fault(kind, error.offset(), error.requirement(), &message));
            object.insert("raw".into(), hex(item.bytes).into());
        }
        Content::Trailing { at, count: left } => {
            let kind = Kind::TrailingBytes;
            let packet = item.bytes.first().and_then(|first| PacketType::from_number(first >> 4));
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

fn fault(kind: Kind, offset: usize, rule: &str, message: &str) -> Value {
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

/// The fields of a packet, by the names that its version's standard gives them.
fn fields(packet: &Packet<'_>, version: Version) -> Value {
    let v5 = version == Version::V5;
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    match packet {
        Packet::Connect(connect) => connect_fields(connect, v5, &mut put),
        Packet::ConnAck(connack) => {
            if version != Version::V31 {
                put("session_present", connack.session_present.into());
            }
            if v5 {
                reason(connack.reason_code, packet.packet_type(), &mut put);
                put("properties", properties(connack.properties));
            } else {
                let code = return_code(connack.reason_code);
                put("return_code", code.into());
                put("return_name", connect_return_code(code).into());
            }
        }
        Packet::Publish(publish) => publish_fields(publish, v5, &mut put),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            put("packet_identifier", ack.packet_id.get().into());
            if v5 {
                reason(ack.reason_code, packet.packet_type(), &mut put);
                put("properties", properties(ack.properties));
            }
        }
        Packet::Subscribe(subscribe) => {
            put("packet_identifier", subscribe.packet_id.get().into());
            if v5 {
                put("properties", properties(subscribe.properties));
            }
            let list = subscribe.subscriptions.iter().map(|one| subscription(&one, v5)).collect::<Vec<_>>();
            put("subscriptions", list.into());
        }
        Packet::SubAck(suback) => {
            put("packet_identifier", suback.packet_id.get().into());
            if v5 {
                put("properties", properties(suback.properties));
                reasons(suback.reason_codes, packet.packet_type(), &mut put);
            } else {
                let codes: Vec<u8> = suback.reason_codes.iter().map(ReasonCode::get).collect();
                put(
                    "return_names",
                    codes.iter().map(|code| subscribe_return_code(*code)).collect::<Vec<_>>().into(),
                );
                put("return_codes", codes.into());
            }
        }
        Packet::Unsubscribe(unsubscribe) => {
            put("packet_identifier", unsubscribe.packet_id.get().into());
            if v5 {
                put("properties", properties(unsubscribe.properties));
            }
            let filters: Vec<&str> = unsubscribe.filters.iter().map(|filter| filter.as_str()).collect();
            put("topic_filters", filters.into());
        }
        Packet::UnsubAck(unsuback) => {
            put("packet_identifier", unsuback.packet_id.get().into());
            if v5 {
                put("properties", properties(unsuback.properties));
                reasons(unsuback.reason_codes, packet.packet_type(), &mut put);
            }
        }
        Packet::PingReq | Packet::PingResp => {}
        Packet::Disconnect(disconnect) if v5 => {
            reason(disconnect.reason_code, packet.packet_type(), &mut put);
            put("properties", properties(disconnect.properties));
        }
        Packet::Disconnect(_) => {}
        Packet::Auth(auth) => {
            reason(auth.reason_code, packet.packet_type(), &mut put);
            put("properties", properties(auth.properties));
        }
    }
    Value::Object(fields)
}

type Put<'a> = &'a mut dyn FnMut(&str, Value);

fn connect_fields(connect: &Connect<'_>, v5: bool, put: Put<'_>) {
    let bridge = if connect.bridge { 0x80 } else { 0 };
    put("protocol_name", connect.version.protocol_name().into());
    put(if v5 { "protocol_version" } else { "protocol_level" }, (connect.version.level() | bridge).into());
    put(if v5 { "clean_start" } else { "clean_session" }, connect.clean_start.into());
    put("keep_alive", connect.keep_alive.into());
    if v5 {
        put("properties", properties(connect.properties));
    }
    put("client_identifier", connect.client_id.into());
    put("will", connect.will.as_ref().map(|one| will(one, v5)).into());
    put("user_name", connect.user_name.into());
    put("password", connect.password.map(bytes).into());
}

fn will(will: &Will<'_>, v5: bool) -> Value {
    let (topic, payload) = (will.topic.as_str(), bytes(will.payload));
    let (qos, retain) = (will.qos.bits(), will.retain);
    if v5 {
        let properties = properties(will.properties);
        json!({ "qos": qos, "retain": retain, "properties": properties, "topic": topic, "payload": payload })
    } else {
        json!({ "qos": qos, "retain": retain, "topic": topic, "message": payload })
    }
}

fn publish_fields(publish: &Publish<'_>, v5: bool, put: Put<'_>) {
    put("dup", publish.dup.into());
    put("qos", publish.delivery.qos().bits().into());
    put("retain", publish.retain.into());
    put("topic_name", publish.topic.map_or("", |topic| topic.as_str()).into());
    put("packet_identifier", publish.delivery.packet_id().map(std::num::NonZero::get).into());
    if v5 {
        put("properties", properties(publish.properties));
    }
    put("payload", bytes(publish.payload));
}

fn subscription(subscription: &Subscription<'_>, v5: bool) -> Value {
    let (filter, qos) = (subscription.filter.as_str(), subscription.maximum_qos.bits());
    if !v5 {
        return json!({ "topic_filter": filter, "requested_qos": qos });
    }
    json!({
        "topic_filter": filter,
        "maximum_qos": qos,
        "no_local": subscription.no_local,
        "retain_as_published": subscription.retain_as_published,
        "retain_handling": subscription.retain_handling.bits(),
    })
}

fn reason(code: ReasonCode, packet: PacketType, put: Put<'_>) {
    put("reason_code", code.get().into());
    put("reason_name", code.name_in(packet).into());
}

fn reasons(codes: List<'_, ReasonCode>, packet: PacketType, put: Put<'_>) {
    put("reason_codes", codes.iter().map(ReasonCode::get).collect::<Vec<_>>().into());
    put("reason_names", codes.iter().map(|code| code.name_in(packet)).collect::<Vec<_>>().into());
}

fn properties(properties: Properties<'_>) -> Value {
    let list = properties.iter().map(|property| {
        let id = property.id() as u8;
        let value = match value::value(&property) {
            Some(value::Value::Number(number)) => number.into(),
            Some(value::Value::Text(text)) => text.into(),
            Some(value::Value::Bytes(data)) => bytes(data),
            Some(value::Value::Pair(name, value)) => json!([name, value]),
            None => Value::Null,
        };
        json!({ "identifier": id, "name": standard::property(id).map(|(name, _)| name), "value": value })
    });
    Value::Array(list.collect())
}

/// Bytes that may be anything: in hex, and as text when they are text.
fn bytes(bytes: &[u8]) -> Value {
    let mut object = Map::new();
    object.insert("length".into(), bytes.len().into());
    object.insert("hex".into(), hex(bytes).into());
    if let Some(text) = readable(bytes) {
        object.insert("text".into(), text.into());
    }
    Value::Object(object)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
