//! The summary as text.

use std::io::{self, Write};

use super::Stats;
use super::tally::VERSIONS;
use crate::capture::Elapsed;
use crate::connections::LeftOut;
use crate::render::paint;
use crate::text::count;

impl<W: Write> Stats<W> {
    pub(super) fn print(&mut self) -> io::Result<()> {
        let good = self.tally.good();
        let total = good.packets + self.tally.bad() + self.tally.incomplete.packets;
        let bytes = good.bytes + self.tally.error_bytes + self.tally.incomplete.bytes;
        self.title("Packets")?;
        writeln!(self.out, "{:>10}  in all, {}", total, count(bytes, "byte"))?;
        writeln!(self.out, "{:>10}  well-formed", good.packets)?;
        writeln!(self.out, "{:>10}  malformed", self.tally.bad())?;
        writeln!(self.out, "{:>10}  cut off", self.tally.incomplete.packets)?;
        if self.tally.not_hex > 0 {
            writeln!(self.out, "{:>10}  lines that are not hex", self.tally.not_hex)?;
        }
        if self.tally.duration > 0 {
            let duration = Elapsed::from_nanoseconds(self.tally.duration);
            writeln!(
                self.out,
                "{:>10}  seconds from the capture's first frame to the last of them",
                format!("{:.3}", duration.seconds())
            )?;
        }
        self.print_types()?;
        self.print_connections()?;
        self.print_left_out()?;
        self.print_errors()
    }

    fn title(&mut self, title: &str) -> io::Result<()> {
        writeln!(self.out, "{}", self.painter.paint(paint::BOLD, title))
    }

    fn print_types(&mut self) -> io::Result<()> {
        if self.tally.types.is_empty() {
            return Ok(());
        }
        writeln!(self.out)?;
        self.title(&format!(
            "{:<12}  {:>10} {:>12}  {:>10} {:>12}  {:>10} {:>12}",
            "Type", "client", "bytes", "server", "bytes", "either", "bytes"
        ))?;
        let types = std::mem::take(&mut self.tally.types);
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
        self.tally.types = types;
        let versions: Vec<_> = self
            .tally
            .versions
            .iter()
            .map(|(version, packets)| match self.tally.guessed.get(version) {
                Some(guessed) => format!("{version}: {packets} ({guessed} of them by a guess)"),
                None => format!("{version}: {packets}"),
            })
            .collect();
        writeln!(self.out, "By version: {}", versions.join(", "))
    }

    fn print_connections(&mut self) -> io::Result<()> {
        if self.tally.connections.is_empty() {
            return Ok(());
        }
        writeln!(self.out)?;
        self.title(&format!("Connections ({})", self.tally.connections.len()))?;
        let connections = std::mem::take(&mut self.tally.connections);
        let mut source = None;
        for connection in &connections {
            let name = self.tally.source(connection);
            if name.is_some() && source != Some(connection.source) {
                let name = self.painter.paint(paint::DIM, name.unwrap_or_default());
                writeln!(self.out, "{name}")?;
                source = Some(connection.source);
            }
            let versions: Vec<_> = VERSIONS
                .iter()
                .filter(|version| connection.versions.contains(**version))
                .map(|version| {
                    let guessed = if connection.guessed.contains(*version) { " (guessed)" } else { "" };
                    format!("{version}{guessed}")
                })
                .collect();
            let [client, server] = connection.sums;
            let bad = match connection.bad {
                0 => String::new(),
                bad => self.painter.paint(paint::BAD, &format!(", {bad} malformed")).to_string(),
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
        self.tally.connections = connections;
        Ok(())
    }

    fn print_left_out(&mut self) -> io::Result<()> {
        let LeftOut { others, of_mqtt_servers, without_data } = self.tally.left_out;
        if self.tally.left_out == LeftOut::default() {
            return Ok(());
        }
        writeln!(self.out)?;
        self.title("TCP connections left out")?;
        for (number, text) in [
            (others, "of other kinds"),
            (of_mqtt_servers, "of them with a server of MQTT"),
            (without_data, "without data"),
        ] {
            if number > 0 {
                writeln!(self.out, "{number:>10}  {text}")?;
            }
        }
        Ok(())
    }

    fn print_errors(&mut self) -> io::Result<()> {
        if !self.tally.errors.is_empty() {
            writeln!(self.out)?;
            self.title("Malformed")?;
        }
        for ((_, rule, text), number) in &self.tally.errors {
            writeln!(self.out, "{number:>10}  {text} [{rule}]")?;
        }
        let notes: Vec<_> = self.tally.notes.iter().filter(|(name, _)| !is_ordinary(name)).collect();
        if !notes.is_empty() {
            writeln!(self.out)?;
            writeln!(self.out, "{}", self.painter.paint(paint::BOLD, "Transport"))?;
        }
        for (name, number) in notes {
            writeln!(self.out, "{number:>10}  {}", name.replace('_', " "))?;
        }
        Ok(())
    }
}

fn is_ordinary(note: &str) -> bool {
    matches!(note, "opened" | "closed" | "websocket" | "websocket_control")
}
