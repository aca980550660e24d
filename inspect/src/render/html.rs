//! One page that shows a capture and needs nothing besides: styles, scripts and data are in it.
//!
//! Packets go into the page as they come, as far as its limits allow; sums, charts and latencies are of all of
//! them. The data are JSON without any character that HTML gives a meaning to, and the page's policy lets run only
//! the two scripts that belong to it.

mod over_time;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mqtt_wire::{Packet, Sender, TopicName};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use self::over_time::OverTime;
use super::explain::{Fault, fault, rows};
use super::json::Visible;
use super::stats::Tally;
use super::summary::Summarizer;
use super::timeline::{bad, broken_rule};
use crate::capture::{Elapsed, Time};
use crate::connections::LeftOut;
use crate::dissect::Row;
use crate::flow::Flow;
use crate::note::{Note, Weight};
use crate::record::{Body, Content, Item, Origin, Output, Record, refuses};
use crate::session::type_name;
use crate::text::{count, digits, shortened};

/// How many packets the page lists, and as many events of connections.
const MOST_PACKETS: u64 = 10_000;
/// How many bytes the lists take together.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// How many connections are listed.
const MOST_CONNECTIONS: usize = 5_000;
/// How many answers the chart of latencies shows.
const MOST_LATENCIES: usize = 10_000;
/// What is explained of a packet: its first bytes, as many fields, and of each value so many characters.
const BYTES_OF_EACH: usize = 1024;
const ROWS_OF_EACH: usize = 200;
const LONGEST_VALUE: usize = 200;
/// Topics of a packet by which it is found.
const TOPICS_OF_EACH: usize = 32;

const MARKUP: &str = include_str!("../../page/page.html");
const STYLES: [&str; 2] =
    [include_str!("../../page/uplot/uPlot.min.css"), include_str!("../../page/page.css")];
const SCRIPTS: [&str; 2] =
    [include_str!("../../page/uplot/uPlot.iife.min.js"), include_str!("../../page/page.js")];

pub(crate) struct Html {
    out: BufWriter<Target>,
    inputs: Vec<String>,
    rows: Rows,
    names: Names,
    tally: Tally,
    over_time: OverTime,
    /// Kind, time of the question, and how long the last answer took, in nanoseconds.
    latencies: Vec<(&'static str, i64, u64)>,
    latencies_left_out: u64,
    /// The time of the first frame of all.
    begin: Option<Time>,
}

/// What has gone into the page.
#[derive(Debug, Default)]
struct Rows {
    packets: u64,
    notes: u64,
    bytes: usize,
    /// Packets that had no room.
    left_out: u64,
}

/// Texts that return in every packet, by their places.
#[derive(Debug, Default)]
struct Names {
    places: HashMap<String, usize>,
}

impl Names {
    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.places.len();
        self.places.insert(name.to_owned(), place);
        place
    }

    fn sorted(&self) -> Vec<&str> {
        let mut all: Vec<_> = self.places.iter().map(|(name, place)| (*place, name.as_str())).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, name)| name).collect()
    }
}

/// Where the page goes. A file gets its name when the page is whole; a device or a pipe is written to.
enum Target {
    StandardOutput(io::Stdout),
    Device(File),
    File {
        file: NamedTempFile,
        path: PathBuf,
    },
    /// The file has its name.
    Done,
}

impl Target {
    fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::StandardOutput(io::stdout()));
        }
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        // What stands at the end of links is replaced, and not the link.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if path.exists() && !path.is_file() {
            return Ok(Self::Device(File::options().write(true).open(path)?));
        }
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.prefix(".mqtt-inspect-").tempfile_in(folder)?;
        Ok(Self::File { file, path: path.to_owned() })
    }

    fn finish(&mut self) -> io::Result<()> {
        match std::mem::replace(self, Self::Done) {
            Self::File { file, path } => file.persist(path).map(drop).map_err(|error| error.error),
            Self::StandardOutput(mut out) => out.flush(),
            Self::Device(mut file) => file.flush(),
            Self::Done => Ok(()),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::StandardOutput(out) => out.write(bytes),
            Self::Device(file) => file.write(bytes),
            Self::File { file, .. } => file.write(bytes),
            Self::Done => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::StandardOutput(out) => out.flush(),
            Self::Device(file) => file.flush(),
            Self::File { file, .. } => file.flush(),
            Self::Done => Ok(()),
        }
    }
}

impl Html {
    /// A page at `path`, or on standard output for `-`, about these inputs.
    pub(crate) fn create(path: &Path, inputs: Vec<String>) -> io::Result<Self> {
        let mut out = BufWriter::new(Target::open(path)?);
        write_head(&mut out)?;
        Ok(Self {
            out,
            inputs,
            rows: Rows::default(),
            names: Names::default(),
            tally: Tally::with_connections(MOST_CONNECTIONS),
            over_time: OverTime::default(),
            latencies: Vec::new(),
            latencies_left_out: 0,
            begin: None,
        })
    }

    /// Nanoseconds since the first frame of all.
    fn elapsed(&self, time: Option<Time>) -> Option<i64> {
        time.map(|time| time.since(self.begin).nanoseconds())
    }

    /// Writes a row, unless there is no room for it.
    fn row(&mut self, row: &Value) -> io::Result<bool> {
        let mut text = Vec::new();
        row.serialize(&mut Serializer::with_formatter(&mut text, Inert))?;
        if self.rows.bytes + text.len() > MOST_BYTES {
            return Ok(false);
        }
        let comma: &[u8] = if self.rows.bytes == 0 { b"\n" } else { b",\n" };
        self.rows.bytes += text.len();
        self.out.write_all(comma)?;
        self.out.write_all(&text)?;
        Ok(true)
    }

    fn item(&mut self, record: &Record<'_>, item: &Item<'_>) -> io::Result<()> {
        // What follows a packet without room has none, so that the list has no holes.
        let is_open = self.rows.packets < MOST_PACKETS && self.rows.left_out == 0;
        if is_open {
            let row = self.packet(record, item);
            if self.row(&row)? {
                self.rows.packets += 1;
                return Ok(());
            }
        }
        self.rows.left_out += 1;
        Ok(())
    }

    fn packet(&mut self, record: &Record<'_>, item: &Item<'_>) -> Value {
        let summary = match &item.content {
            Content::Packet(packet) => {
                Summarizer { full: false, version: item.version, digest: item.digest }.packet(packet)
            }
            _ => bad(item, false),
        };
        let mut row = json!({
            "n": item.number,
            "t": self.elapsed(record.time).map(seconds),
            "c": self.connection(record),
            "d": record.sender.map(|sender| u8::from(sender == Sender::Server)),
            "k": type_name(item.bytes),
            "s": summary.first,
            "w": summary.below,
            "v": item.version.to_string(),
            "len": item.length,
            "state": match item.content {
                Content::Packet(_) => "ok",
                Content::Incomplete { .. } => "incomplete",
                _ => "error",
            },
        });
        let mut set = |key: &str, value: Value| row[key] = value;
        if item.guessed {
            set("g", true.into());
        }
        if matches!(&item.content, Content::Packet(packet) if refuses(packet)) {
            set("refused", true.into());
        }
        if !record.known.broken.is_empty() {
            let broken: Vec<String> =
                record.known.broken.iter().map(|rule| broken_rule(*rule, record, item)).collect();
            set("broken", broken.into());
        }
        if let Some(answers) = record.known.answers {
            let after = answers.after.map(|after| Elapsed::from_nanoseconds(after).seconds());
            set("a", json!([answers.number, after]));
        }
        let topics = topics(record, item);
        if !topics.is_empty() {
            set("topics", topics.into());
        }
        let explained = self.explain(item);
        for (key, value) in explained {
            set(key, value);
        }
        row
    }

    /// The packet byte by byte.
    fn explain(&mut self, item: &Item<'_>) -> Vec<(&'static str, Value)> {
        let rows = rows(item);
        let mut more = Vec::new();
        if let Some(digest) = &item.digest {
            let (length, hash) = (count(digest.length as u64, "byte"), digest.hash());
            more.push(format!("all of the payload: {length}, SHA-256 {hash}"));
        }
        if rows.len() > ROWS_OF_EACH {
            more.push(format!(
                "… {} (see --explain)",
                count((rows.len() - ROWS_OF_EACH) as u64, "further field")
            ));
        }
        let mut shown = item.bytes.get(..BYTES_OF_EACH).unwrap_or(item.bytes).to_vec();
        let mut explained = Vec::new();
        for row in rows.iter().take(ROWS_OF_EACH) {
            let mut value = shortened(row.value.clone(), LONGEST_VALUE);
            if row.is_password() {
                value = format!("{}, not shown", count(row.length as u64, "byte"));
                let end = (row.at + row.length).min(shown.len());
                shown.get_mut(row.at.min(end)..end).unwrap_or_default().fill(b'*');
            }
            let Row { at, length, bits, depth, name, section, .. } = row;
            let (name, section) = (self.names.place(name), self.names.place(section));
            explained.push(json!([at, length, bits, depth, name, value, section]));
        }
        let mut all = vec![("hex", digits(&shown).into()), ("x", explained.into()), ("more", more.into())];
        let place = match fault(item, &rows) {
            Fault::None => return all,
            Fault::Below(row) => Some(row).filter(|row| *row < ROWS_OF_EACH),
            Fault::AtTheEnd => None,
        };
        all.push(("fault", json!([place, bad(item, false).first])));
        all
    }

    fn note(&mut self, record: &Record<'_>, note: &Note) -> io::Result<()> {
        if self.rows.notes >= MOST_PACKETS || self.rows.left_out > 0 {
            return Ok(());
        }
        let ends = match (note, record.origin) {
            (Note::Opened | Note::Joined, Origin::Connection(ends)) => {
                format!(": {} → {}", ends.client, ends.server)
            }
            _ => String::new(),
        };
        let mut row = json!({
            "note": note.name().replace('_', " "),
            "t": self.elapsed(record.time).map(seconds),
            "c": self.connection(record),
            "d": record.sender.map(|sender| u8::from(sender == Sender::Server)),
            "s": format!("{note}{ends}"),
        });
        if note.weight() == Weight::Warning {
            row["warn"] = true.into();
        }
        self.rows.notes += u64::from(self.row(&row)?);
        Ok(())
    }

    fn connection(&self, record: &Record<'_>) -> Option<usize> {
        match record.origin {
            Origin::Connection(ends) => self.tally.index(ends),
            Origin::Line(_) | Origin::Raw => None,
        }
    }

    fn flow(&mut self, flow: &Flow) {
        let (Some(latency), Some(first)) = (flow.latency(), flow.steps.first()) else { return };
        let Some(asked) = self.elapsed(first.time) else { return };
        if self.latencies.len() < MOST_LATENCIES {
            self.latencies.push((flow.kind.name(), asked, latency));
        } else {
            self.latencies_left_out += 1;
        }
    }

    /// What the page says besides its rows.
    fn sum(&self) -> io::Result<Value> {
        let latencies: Vec<Value> = self
            .latencies
            .iter()
            .map(|(kind, asked, took)| {
                json!([kind, seconds(*asked), Elapsed::from_nanoseconds(*took).seconds()])
            })
            .collect();
        Ok(json!({
            "program": format!("mqtt-inspect {}", env!("CARGO_PKG_VERSION")),
            "inputs": self.inputs,
            "begin": self.begin.map(Time::utc),
            "summary": serde_json::to_value(&self.tally)?,
            "connections": self.tally.connection_count(),
            "over_time": self.over_time.json(),
            "latencies": latencies,
            "latencies_left_out": self.latencies_left_out,
            "packets_listed": self.rows.packets,
            "packets_left_out": self.rows.left_out,
            "names": self.names.sorted(),
            "limits": { "packets": MOST_PACKETS, "bytes": MOST_BYTES, "latencies": MOST_LATENCIES },
        }))
    }
}

impl Output for Html {
    fn begin(&mut self, source: Option<&str>) -> io::Result<()> {
        self.tally.begin(source);
        Ok(())
    }

    fn clock(&mut self, begin: Time) {
        self.tally.clock(begin);
        self.begin.get_or_insert(begin);
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        self.tally.record(record);
        match &record.body {
            Body::Item(item) => {
                self.over_time.item(self.elapsed(record.time), record, item);
                self.item(record, item)
            }
            Body::Note(note) => self.note(record, note),
            Body::Flow(flow) => {
                self.flow(flow);
                Ok(())
            }
        }
    }

    fn left_out(&mut self, left_out: LeftOut) {
        self.tally.leave_out(left_out);
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n]</script>\n<script type=\"application/json\" id=\"sum\">")?;
        let sum = self.sum()?;
        sum.serialize(&mut Serializer::with_formatter(&mut self.out, Inert))?;
        self.out.write_all(b"</script>\n")?;
        for script in SCRIPTS {
            writeln!(self.out, "<script>{script}</script>")?;
        }
        self.out.write_all(b"</body>\n</html>\n")?;
        self.out.flush()?;
        self.out.get_mut().finish()
    }
}

/// All that stands before the first row.
fn write_head(out: &mut impl Write) -> io::Result<()> {
    let hashes = |texts: [&str; 2]| {
        texts.map(|text| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))).join(" ")
    };
    let (scripts, styles) = (hashes(SCRIPTS), hashes(STYLES));
    let policy = format!(
        "default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; form-action 'none'"
    );
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>MQTT</title>\n<link rel=\"icon\" href=\"data:,\">\n"
    )?;
    for style in STYLES {
        writeln!(out, "<style>{style}</style>")?;
    }
    write!(out, "</head>\n<body>\n{MARKUP}<script type=\"application/json\" id=\"rows\">[")
}

/// JSON that HTML takes for nothing else: no character in it begins a tag, a comment or a reference.
struct Inert;

impl Formatter for Inert {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&']) {
            let (plain, from) = rest.split_at(at);
            Visible.write_string_fragment(writer, plain)?;
            let mut characters = from.chars();
            write!(writer, "\\u{:04x}", u32::from(characters.next().unwrap_or_default()))?;
            rest = characters.as_str();
        }
        Visible.write_string_fragment(writer, rest)
    }
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a hundred days are exact")]
fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// The topic names and filters by which a packet is found.
fn topics(record: &Record<'_>, item: &Item<'_>) -> Vec<String> {
    if let Some(topic) = &record.known.topic {
        return vec![topic.to_string()];
    }
    let Content::Packet(packet) = &item.content else { return Vec::new() };
    let all: Vec<&str> = match packet {
        Packet::Publish(publish) => publish.topic.iter().map(TopicName::as_str).collect(),
        Packet::Subscribe(ask) => {
            ask.subscriptions.iter().take(TOPICS_OF_EACH).map(|one| one.filter.as_str()).collect()
        }
        Packet::Unsubscribe(ask) => ask.filters.iter().take(TOPICS_OF_EACH).map(|one| one.as_str()).collect(),
        Packet::Connect(connect) => connect.will.iter().map(|will| will.get().topic.as_str()).collect(),
        _ => Vec::new(),
    };
    all.into_iter().map(|topic| topic.chars().take(1024).collect()).collect()
}
