//! The summary: connections, packets by type, bytes, errors.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use mqtt_wire::{PacketType, Sender, Version};
use serde_json::{Value, json};

use super::paint::{self, Painter};
use crate::capture::{Elapsed, Time};
use crate::record::{Body, Connection, Content, Item, Origin, Output, Record};
use crate::text::count;

/// A number of packets and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    packets: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

/// The columns: from the client, from the server, from either.
fn column(sender: Option<Sender>) -> usize {
    match sender {
        Some(Sender::Client) => 0,
        Some(Sender::Server) => 1,
        None => 2,
    }
}

#[derive(Debug)]
struct PerConnection {
    ends: Connection,
    source: Option<String>,
    versions: BTreeSet<Version>,
    sums: [Sum; 3],
    bad: u64,
}

pub(crate) struct Stats<W> {
    out: W,
    painter: Painter,
    json: bool,
    source: Option<String>,
    inputs: u64,
    begin: Option<Time>,
    duration: u64,
    connections: BTreeMap<(u64, u64), PerConnection>,
    types: BTreeMap<PacketType, [Sum; 3]>,
    versions: BTreeMap<Version, u64>,
    errors: BTreeMap<(&'static str, &'static str, String), u64>,
    error_bytes: u64,
    incomplete: Sum,
    not_hex: u64,
    notes: BTreeMap<&'static str, u64>,
}

impl<W: Write> Stats<W> {
    pub(crate) fn new(out: W, painter: Painter, json: bool) -> Self {
        Self {
            out,
            painter,
            json,
            source: None,
            inputs: 0,
            begin: None,
            duration: 0,
            connections: BTreeMap::new(),
            types: BTreeMap::new(),
            versions: BTreeMap::new(),
            errors: BTreeMap::new(),
            error_bytes: 0,
            incomplete: Sum::default(),
            not_hex: 0,
            notes: BTreeMap::new(),
        }
    }

    fn item(&mut self, record: &Record<'_>, item: &Item<'_>) {
        let bad = match &item.content {
            Content::Packet(packet) => {
                let sums = self.types.entry(packet.packet_type()).or_default();
                sums[column(record.sender)].add(item.bytes.len());
                *self.versions.entry(item.version).or_default() += 1;
                false
            }
            Content::Bad(error) => {
                self.error(error.rule().name(), error.requirement(), error.rule().to_string(), item);
                true
            }
            Content::Trailing { .. } => {
                let kind = mqtt_wire::Rule::TrailingBytes;
                let text = "bytes are left after the packet of a line".to_owned();
                self.error(kind.name(), kind.requirement(item.version, None), text, item);
                true
            }
            Content::Incomplete { .. } => {
                self.incomplete.add(item.bytes.len());
                false
            }
            Content::BadHex(_) => {
                self.not_hex += 1;
                false
            }
        };
        if let Origin::Connection(ends) = record.origin {
            let connection = self.connection(ends);
            connection.versions.insert(item.version);
            connection.sums[column(record.sender)].add(item.bytes.len());
            connection.bad += u64::from(bad);
        }
    }

    fn error(&mut self, kind: &'static str, rule: &'static str, text: String, item: &Item<'_>) {
        *self.errors.entry((kind, rule, text)).or_default() += 1;
        self.error_bytes += item.bytes.len() as u64;
    }

    fn connection(&mut self, ends: Connection) -> &mut PerConnection {
        let source = self.source.clone();
        self.connections.entry((self.inputs, ends.number)).or_insert_with(|| PerConnection {
            ends,
            source,
            versions: BTreeSet::new(),
            sums: Default::default(),
            bad: 0,
        })
    }

    fn good(&self) -> Sum {
        self.types.values().flatten().fold(Sum::default(), |all, sum| Sum {
            packets: all.packets + sum.packets,
            bytes: all.bytes + sum.bytes,
        })
    }

    fn bad(&self) -> u64 {
        self.errors.values().sum()
    }

    fn print(&mut self) -> io::Result<()> {
        let good = self.good();
        let total = good.packets + self.bad() + self.incomplete.packets;
        let bytes = good.bytes + self.error_bytes + self.incomplete.bytes;
        self.title("Packets")?;
        writeln!(self.out, "{:>10}  in all, {}", total, count(bytes, "byte"))?;
        writeln!(self.out, "{:>10}  well-formed", good.packets)?;
        writeln!(self.out, "{:>10}  malformed", self.bad())?;
        writeln!(self.out, "{:>10}  cut off", self.incomplete.packets)?;
        if self.not_hex > 0 {
            writeln!(self.out, "{:>10}  lines that are not hex", self.not_hex)?;
        }
        if self.duration > 0 {
            let duration = Elapsed::from_nanoseconds(self.duration);
            writeln!(
                self.out,
                "{:>10}  seconds from the capture's first frame to the last of them",
                format!("{:.3}", duration.seconds())
            )?;
        }
        self.print_types()?;
        self.print_connections()?;
        self.print_errors()
    }

    fn title(&mut self, title: &str) -> io::Result<()> {
        writeln!(self.out, "{}", self.painter.paint(paint::BOLD, title))
    }

    fn print_types(&mut self) -> io::Result<()> {
        if self.types.is_empty() {
            return Ok(());
        }
        writeln!(self.out)?;
        self.title(&format!(
            "{:<12}  {:>10} {:>12}  {:>10} {:>12}  {:>10} {:>12}",
            "Type", "client", "bytes", "server", "bytes", "either", "bytes"
        ))?;
        let types = std::mem::take(&mut self.types);
        for (packet, sums) in &types {
            write!(self.out, "{:<12}", packet.name())?;
            for sum in sums {
                let (packets, bytes) = match sum.packets {
                    0 => (String::new(), String::new()),
                    packets => (packets.to_string(), sum.bytes.to_string()),
                };
                write!(self.out, "  {packets:>10} {bytes:>12}")?;
            }
            writeln!(self.out)?;
        }
        self.types = types;
        let versions: Vec<_> =
            self.versions.iter().map(|(version, packets)| format!("{version}: {packets}")).collect();
        writeln!(self.out, "By version: {}", versions.join(", "))
    }

    fn print_connections(&mut self) -> io::Result<()> {
        if self.connections.is_empty() {
            return Ok(());
        }
        writeln!(self.out)?;
        self.title(&format!("Connections ({})", self.connections.len()))?;
        let mut source = None;
        for connection in self.connections.values() {
            if connection.source.is_some() && connection.source != source {
                writeln!(
                    self.out,
                    "{}",
                    self.painter.paint(paint::DIM, connection.source.as_deref().unwrap_or_default())
                )?;
                source.clone_from(&connection.source);
            }
            let versions: Vec<_> = connection.versions.iter().map(ToString::to_string).collect();
            let [client, server, _] = connection.sums;
            let bad = match connection.bad {
                0 => String::new(),
                bad => self.painter.paint(paint::BAD, &format!(", {bad} malformed")),
            };
            writeln!(
                self.out,
                "{:>10}  {} → {}, MQTT {}: {} ({}) from the client, {} ({}) from the server{bad}",
                format!("#{}", connection.ends.number),
                connection.ends.client,
                connection.ends.server,
                if versions.is_empty() { "?".to_owned() } else { versions.join(" and ") },
                count(client.packets, "packet"),
                count(client.bytes, "byte"),
                count(server.packets, "packet"),
                count(server.bytes, "byte"),
            )?;
        }
        Ok(())
    }

    fn print_errors(&mut self) -> io::Result<()> {
        if !self.errors.is_empty() {
            writeln!(self.out)?;
            self.title("Malformed")?;
        }
        for ((_, rule, text), number) in &self.errors {
            writeln!(self.out, "{number:>10}  {text} [{rule}]")?;
        }
        let notes: Vec<_> = self.notes.iter().filter(|(name, _)| !is_ordinary(name)).collect();
        if !notes.is_empty() {
            writeln!(self.out)?;
            writeln!(self.out, "{}", self.painter.paint(paint::BOLD, "Transport"))?;
        }
        for (name, number) in notes {
            writeln!(self.out, "{number:>10}  {}", name.replace('_', " "))?;
        }
        Ok(())
    }

    fn object(&self) -> Value {
        let sum = |sum: &Sum| json!({ "packets": sum.packets, "bytes": sum.bytes });
        let types = self.types.iter().map(|(packet, [client, server, unknown])| {
            json!({
                "type": packet.name(),
                "client_to_server": sum(client),
                "server_to_client": sum(server),
                "direction_unknown": sum(unknown),
            })
        });
        let connections = self.connections.values().map(|connection| {
            json!({
                "source": connection.source,
                "number": connection.ends.number,
                "client": connection.ends.client.to_string(),
                "server": connection.ends.server.to_string(),
                "versions": connection.versions.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "client_to_server": sum(&connection.sums[0]),
                "server_to_client": sum(&connection.sums[1]),
                "malformed": connection.bad,
            })
        });
        let errors = self.errors.iter().map(|((kind, rule, message), number)| {
            json!({ "kind": kind, "rule": rule, "message": message, "count": number })
        });
        let versions =
            self.versions.iter().map(|(version, packets)| (version.to_string(), Value::from(*packets)));
        json!({
            "status": "summary",
            "ok": sum(&self.good()),
            "error": { "packets": self.bad(), "bytes": self.error_bytes },
            "incomplete": sum(&self.incomplete),
            "not_hex": self.not_hex,
            "versions": versions.collect::<serde_json::Map<_, _>>(),
            "types": types.collect::<Vec<_>>(),
            "connections": connections.collect::<Vec<_>>(),
            "errors": errors.collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

fn is_ordinary(note: &str) -> bool {
    matches!(note, "opened" | "closed" | "websocket" | "websocket_control")
}

impl<W: Write> Output for Stats<W> {
    fn begin(&mut self, source: Option<&str>) -> io::Result<()> {
        self.source = source.map(str::to_owned);
        self.inputs += 1;
        self.begin = None;
        Ok(())
    }

    fn clock(&mut self, begin: Time) {
        self.begin = Some(begin);
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        if let (Some(begin), Some(time)) = (self.begin, record.time) {
            self.duration = self.duration.max(time.0.saturating_sub(begin.0));
        }
        match &record.body {
            Body::Item(item) => self.item(record, item),
            Body::Note(note) => {
                *self.notes.entry(note.name()).or_default() += 1;
                if let Origin::Connection(ends) = record.origin {
                    self.connection(ends);
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.json {
            let object = self.object();
            serde_json::to_writer(&mut self.out, &object)?;
            writeln!(self.out)?;
        } else {
            self.print()?;
        }
        self.flush()
    }
}
