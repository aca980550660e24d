//! The summary as text.

use std::io::{self, Write};

use super::Stats;
use super::ending::{Course, Ending};
use super::json::rate;
use super::rates;
use super::tally::{PerConnection, Sum, VERSIONS};
use crate::capture::Elapsed;
use crate::connections::LeftOut;
use crate::render::paint;
use crate::text::{count, named, quoted, shortened};

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
        self.print_latencies()?;
        self.print_rates()?;
        self.print_errors()
    }

    /// The sums in a few lines.
    pub(super) fn brief(&mut self) -> io::Result<()> {
        let tally = &self.tally;
        let good = tally.good();
        let total = good.packets + tally.bad() + tally.incomplete.packets;
        let bytes = good.bytes + tally.error_bytes + tally.incomplete.bytes;
        let seconds = Elapsed::from_nanoseconds(tally.duration);
        let connections = count(tally.connection_count() as u64, "connection");
        let first =
            format!("{}, {} in {connections}, {seconds} s", count(total, "packet"), count(bytes, "byte"));
        writeln!(self.out, "\n{}", self.painter.paint(paint::BOLD, &first))?;
        let unanswered = tally.latencies.outcomes.values().map(|outcome| outcome.unanswered).sum();
        let wrong: Vec<String> = [
            (tally.bad(), "malformed"),
            (tally.incomplete.packets, "cut off"),
            (tally.refusals.values().sum(), "refused"),
            (tally.broken.values().sum(), "against rules between packets"),
            (unanswered, "never answered"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
        let (style, wrong) = if wrong.is_empty() {
            (paint::DIM, "nothing malformed, refused or unanswered".to_owned())
        } else {
            (paint::BAD, wrong.join(", "))
        };
        writeln!(self.out, "{}", self.painter.paint(style, &wrong))
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
            let who = who(connection);
            writeln!(
                self.out,
                "{:>10}  {} → {}{who}, MQTT {}: {} ({}) from the client, {} ({}) from the server{bad}",
                format!("#{}", connection.ends.number),
                connection.ends.client,
                connection.ends.server,
                if versions.is_empty() { "?".to_owned() } else { versions.join(" and ") },
                count(client.packets, "packet"),
                count(client.bytes, "byte"),
                count(server.packets, "packet"),
                count(server.bytes, "byte"),
            )?;
            writeln!(
                self.out,
                "{:>10}  {}",
                "",
                self.painter.paint(paint::DIM, &course(&connection.course))
            )?;
        }
        self.tally.connections = connections;
        Ok(())
    }

    fn print_latencies(&mut self) -> io::Result<()> {
        if self.tally.latencies.outcomes.is_empty() {
            return Ok(());
        }
        writeln!(self.out)?;
        self.title(&format!(
            "{:<44} {:>9} {:>12} {:>12} {:>12} {:>12}",
            "Latency in seconds", "count", "median", "90 %", "99 %", "longest"
        ))?;
        for (step, times) in self.tally.latencies.percentiles() {
            let title = format!("{} (asked by the {})", step.title(), step.sender.name());
            let [p50, p90, p99, most] = [times.p50, times.p90, times.p99, times.most]
                .map(|time| Elapsed::from_nanoseconds(time).to_string());
            let count = times.count;
            writeln!(self.out, "{title:<44} {count:>9} {p50:>12} {p90:>12} {p99:>12} {most:>12}")?;
        }
        for ((kind, sender), outcome) in &self.tally.latencies.outcomes {
            for (number, what) in [
                (outcome.refused, "refused"),
                (outcome.unanswered, "never answered"),
                (outcome.sent_again, "sent again"),
            ] {
                if number > 0 {
                    writeln!(self.out, "{number:>10}  {what}: {} of the {}", kind.title(), sender.name())?;
                }
            }
        }
        Ok(())
    }

    fn print_rates(&mut self) -> io::Result<()> {
        for (rates, title) in [(&self.tally.topics, "Topic"), (&self.tally.clients, "Client")] {
            let sorted = rates.sorted();
            if sorted.is_empty() {
                continue;
            }
            let head = format!(
                "{:>10} {:>12} {:>12} {:>12}  {title} ({})",
                "packets",
                "a second",
                "bytes",
                "a second",
                sorted.len()
            );
            writeln!(self.out, "\n{}", self.painter.paint(paint::BOLD, &head))?;
            let mut rest = rates.others;
            for (index, (name, sums)) in sorted.iter().enumerate() {
                if index < SHOWN {
                    writeln!(
                        self.out,
                        "{}",
                        rate_line(*sums, self.tally.duration, &shortened(quoted(name), 100))
                    )?;
                    continue;
                }
                for (all, sum) in rest.iter_mut().zip(sums) {
                    (all.packets, all.bytes) = (all.packets + sum.packets, all.bytes + sum.bytes);
                }
            }
            if rates::packets(&rest) > 0 {
                writeln!(self.out, "{}", rate_line(rest, self.tally.duration, "all others"))?;
            }
        }
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
        if !self.tally.refusals.is_empty() {
            writeln!(self.out, "\n{}", self.painter.paint(paint::BOLD, "Refused"))?;
        }
        for ((packet, code, name), number) in &self.tally.refusals {
            writeln!(self.out, "{number:>10}  {packet}: {name} (0x{code:02X})")?;
        }
        if !self.tally.broken.is_empty() {
            writeln!(self.out, "\n{}", self.painter.paint(paint::BOLD, "Rules between packets broken"))?;
        }
        for ((_, rule, text), number) in &self.tally.broken {
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

/// How many topics and clients are listed.
const SHOWN: usize = 10;

fn rate_line(sums: [Sum; 2], duration: u64, name: &str) -> String {
    let (packets, bytes) = (rates::packets(&sums), rates::bytes(&sums));
    let per_second = |number| rate(number, duration).map_or_else(String::new, |rate| format!("{rate:.3}"));
    format!("{packets:>10} {:>12} {bytes:>12} {:>12}  {name}", per_second(packets), per_second(bytes))
}

/// Who the client is.
fn who(connection: &PerConnection) -> String {
    let part = |title, name: &Option<Box<str>>| {
        name.as_ref().map(|name| format!(", {title} {}", quoted(name))).unwrap_or_default()
    };
    part("client", &connection.client) + &part("user", &connection.user)
}

/// How long a connection lasted, and how it ended.
fn course(course: &Course) -> String {
    let lasted = course.lasted().map(|lasted| format!("{} s", Elapsed::from_nanoseconds(lasted)));
    let ending = match course.ending {
        Ending::Open => "open when the capture ended".to_owned(),
        Ending::Disconnect { sender, .. } => format!("DISCONNECT of the {sender}"),
        Ending::Refused { .. } => "refused".to_owned(),
        Ending::TakenOver(Some(by)) => format!("taken over by connection {by}"),
        Ending::TakenOver(None) => "taken over by another connection".to_owned(),
        Ending::Closed => "closed without DISCONNECT".to_owned(),
        Ending::Reset => "reset".to_owned(),
        Ending::Forgotten => "given up: nothing was heard for long".to_owned(),
    };
    let code = course.ending.code().map(|(code, name)| named(code, name));
    lasted.into_iter().chain([ending]).chain(code).collect::<Vec<_>>().join(", ")
}

fn is_ordinary(note: &str) -> bool {
    matches!(note, "opened" | "closed" | "websocket" | "websocket_control")
}
