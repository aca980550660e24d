//! The flows: packets that belong together, how long each step took, and what was never answered.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::json;

use super::paint::{self, Painter};
use super::timeline::stamp;
use crate::args::TimeStyle;
use crate::capture::{Elapsed, Time};
use crate::flow::{End, Flow};
use crate::record::{Body, Origin, Output, Record};
use crate::text::{quoted, shortened};

pub(crate) struct Flows<W> {
    pub(crate) out: W,
    pub(crate) painter: Painter,
    pub(crate) time: TimeStyle,
    pub(crate) json: bool,
    pub(crate) begin: Option<Time>,
}

impl<W: Write> Flows<W> {
    fn text(&mut self, record: &Record<'_>, flow: &Flow) -> io::Result<()> {
        let first = flow.steps.first();
        let connection = match record.origin {
            Origin::Connection(connection) => format!("#{:<3}", connection.number),
            Origin::Line(_) | Origin::Raw => String::new(),
        };
        let mut line = format!(
            "{}  {connection}  {}",
            stamp(first.and_then(|step| step.time), self.begin, self.time),
            flow.kind.title()
        );
        line.extend(flow.id.map(|id| format!(", id {id}")));
        line.extend(flow.topic.as_ref().map(|topic| format!(", {}", shortened(quoted(topic), 100))));
        line.extend(first.map(|step| format!(": packet {}", step.number)));
        for pair in flow.steps.windows(2) {
            let [before, step] = pair else { continue };
            let _ = write!(line, ", {} {}", step.packet.name(), step.number);
            if let Some((before, now)) = before.time.zip(step.time) {
                let _ = write!(line, " after {} s", now.since(Some(before)));
            }
        }
        if flow.again > 0 {
            let _ = write!(line, ", sent again {} times", flow.again);
        }
        line += match flow.end {
            End::Answered => "",
            End::Unanswered => ", no answer",
            End::Replaced => ", no answer before its identifier was taken again",
        };
        if let Some(code) = flow.code.filter(|code| code.is_error()) {
            let _ = write!(line, ", refused (0x{:02X} {code})", code.get());
        }
        let style = if flow.is_bad() { paint::BAD } else { anstyle::Style::new() };
        writeln!(self.out, "{}", self.painter.paint(style, &line))
    }
}

impl<W: Write> Output for Flows<W> {
    fn begin(&mut self, _source: Option<&str>) -> io::Result<()> {
        self.begin = None;
        Ok(())
    }

    fn clock(&mut self, begin: Time) {
        self.begin = Some(begin);
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        let Body::Flow(flow) = record.body else { return Ok(()) };
        if !self.json {
            return self.text(record, flow);
        }
        super::json::print(&mut self.out, &object(record, flow))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn object(record: &Record<'_>, flow: &Flow) -> serde_json::Value {
    let connection = match record.origin {
        Origin::Connection(connection) => Some(connection.number),
        Origin::Line(_) | Origin::Raw => None,
    };
    let steps: Vec<_> = flow
        .steps
        .iter()
        .map(|step| json!({ "type": step.packet.name(), "number": step.number, "time": step.time.map(Time::utc) }))
        .collect();
    json!({
        "status": "flow",
        "kind": flow.kind.name(),
        "connection": connection,
        "client_identifier": record.known.names.as_ref().map(|names| &names.client),
        "sender": flow.sender.to_string(),
        "packet_identifier": flow.id,
        "topic": flow.topic.as_deref(),
        "steps": steps,
        "sent_again": flow.again,
        "answered": flow.end == End::Answered,
        "refused": flow.code.is_some_and(mqtt_wire::ReasonCode::is_error),
        "latency": flow.latency().map(|latency| Elapsed::from_nanoseconds(latency).seconds()),
    })
}
