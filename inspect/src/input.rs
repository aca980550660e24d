//! The three kinds of input: captures, raw streams, lines of hex.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use mqtt_wire::{DecodeOptions, Decoded, MAX_PACKET_SIZE, Packet, Sender, Version, decode};

use crate::args::Source;
use crate::capture::{Capture, End, Frame, Time};
use crate::connections::{self, Connections, LeftOut};
use crate::hex::bytes::Digits;
use crate::hex::{Lines, Unit};
use crate::link::Links;
use crate::memory::Memory;
use crate::note::Note;
use crate::pool::Pool;
use crate::record::{Connection, Content, Item, Origin};
use crate::report::Report;
use crate::session::{Read as SessionRead, Session, judging};
use crate::stream::Piece;

/// What the user chose about reading.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Choices {
    pub(crate) options: DecodeOptions,
    pub(crate) version: Option<Version>,
    pub(crate) sender: Option<Sender>,
    pub(crate) ports: Vec<u16>,
    /// Several packets may stand in a line of hex.
    pub(crate) stream: bool,
    /// How bytes are written in lines.
    pub(crate) digits: Digits,
    /// All lines of hex belong together.
    pub(crate) join: bool,
    pub(crate) progress: bool,
    /// Whether the rules between packets are judged.
    pub(crate) watch: bool,
}

/// How much of a stream is read at a time.
const CHUNK: usize = 64 * 1024;

/// Opens a file or standard input, with a progress bar on the terminal when the file is long.
fn open(source: &Source, progress: bool) -> Result<Box<dyn Read + Send>> {
    const LONG: u64 = 8 * 1024 * 1024;
    let Source::File(path) = source else { return Ok(Box::new(io::stdin())) };
    // Not every system opens one.
    if path.is_dir() {
        bail!("it is a directory");
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !progress || metadata.len() < LONG {
        return Ok(Box::new(file));
    }
    let bar = ProgressBar::with_draw_target(Some(metadata.len()), ProgressDrawTarget::stderr())
        .with_finish(ProgressFinish::AndClear);
    let style = "{bar:40} {percent:>3} % of {total_bytes}, {elapsed} so far, {eta} to go";
    bar.set_style(ProgressStyle::with_template(style)?);
    Ok(Box::new(bar.wrap_read(file)))
}

/// Reads a capture. Returns what is to be said about it; whether it is damaged goes to the report.
pub(crate) fn capture(source: &Source, choices: &Choices, report: &mut Report) -> Result<Vec<String>> {
    capture_from(open(source, choices.progress)?, choices, report)
}

/// The same from any reader.
pub(crate) fn capture_from(
    input: impl Read + Send + 'static,
    choices: &Choices,
    report: &mut Report,
) -> Result<Vec<String>> {
    let mut capture = Capture::open(input)?;
    let mut reader = Reader::new(choices, report);
    let end = capture.read(|frame| match frame {
        Some(frame) => Ok(reader.frame(frame)?),
        None => Ok(reader.flush()?),
    });
    // A damaged file is shown as far as it goes; output that nobody takes is not gone on with.
    if end.as_ref().is_err_and(anyhow::Error::is::<io::Error>) {
        end?;
        return Ok(Vec::new());
    }
    let Found { links, left_out, count } = reader.finish()?;
    let end = end?;
    if end != End::Complete {
        report.damaged();
    }
    let mut remarks = Vec::new();
    if let Some(link) = links.unknown.filter(|_| links.understood == 0) {
        bail!("link type {} is not among those that can be read: {}", link.0, crate::link::READ);
    }
    if links.is_partial() {
        remarks.push(format!("not read: {}", links.unread()));
    }
    match end {
        End::Complete => {}
        End::Cut => remarks.push("the file ends inside a record".to_owned()),
        End::Damaged(damage) => remarks.push(damage),
    }
    if capture.has_secrets() {
        remarks.push("the keys in it are not used: TLS cannot be read".to_owned());
    }
    if count == 0 {
        remarks.push(match left_out.others {
            0 if links.is_partial() => "no MQTT in what could be read of it".to_owned(),
            0 => "no MQTT in it, nor any other TCP connection with data".to_owned(),
            others => format!("no MQTT in it; TCP connections of other kinds: {others} (see --port)"),
        });
    }
    match left_out.of_mqtt_servers {
        0 => {}
        1 => remarks.push("1 connection with a server of MQTT is left out: it could not be read".to_owned()),
        others => remarks
            .push(format!("{others} connections with servers of MQTT are left out: they could not be read")),
    }
    Ok(remarks)
}

/// From frames to records.
pub(crate) struct Reader<'a> {
    links: Links,
    connections: Connections,
    sink: Sink<'a>,
    begin: Option<Time>,
}

/// What was found in all frames.
pub(crate) struct Found {
    links: Links,
    left_out: LeftOut,
    /// The connections of MQTT.
    count: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(choices: &'a Choices, report: &'a mut Report) -> Self {
        let pool = Pool::default();
        Self {
            links: Links::new(),
            connections: Connections::new(&choices.ports, &pool),
            sink: Sink { choices, report, pool, sessions: HashMap::new(), count: 0 },
            begin: None,
        }
    }

    pub(crate) fn frame(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let Self { links, connections, sink, begin } = self;
        if let Some(time) = frame.time.filter(|_| begin.is_none()) {
            *begin = Some(time);
            sink.report.clock(time);
        }
        links.segment(frame, |segment| connections.segment(segment, sink)).transpose().map(drop)
    }

    /// Nothing more may come for a while.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.sink.report.flush()
    }

    /// All frames have come.
    pub(crate) fn finish(mut self) -> io::Result<Found> {
        let left_out = self.connections.finish(&mut self.sink)?;
        self.sink.report.left_out(left_out);
        Ok(Found { links: self.links, left_out, count: self.sink.count })
    }
}

/// Turns pieces of connections into records.
struct Sink<'a> {
    choices: &'a Choices,
    report: &'a mut Report,
    pool: Pool,
    sessions: HashMap<u64, Box<(Connection, Session, Memory)>>,
    count: u64,
}

impl connections::Sink for Sink<'_> {
    fn piece(
        &mut self,
        origin: &connections::Origin,
        time: Option<Time>,
        piece: Piece<'_>,
    ) -> io::Result<()> {
        let Self { choices, report, pool, sessions, count } = self;
        let (connection, session, memory) = &mut **sessions.entry(origin.key).or_insert_with(|| {
            *count += 1;
            let connection = Connection { number: *count, client: origin.client, server: origin.server };
            let session = Session::new(choices.options, choices.version, pool);
            Box::new((connection, session, Memory::new(choices.watch, pool)))
        });
        let (sender, from) = ((origin.sender, origin.whole), Origin::Connection(*connection));
        match piece {
            // How many packets a hole takes may turn out later.
            Piece::Note(Note::Missing { .. } | Note::CutOff { .. } | Note::BadWebSocket { .. }) => {
                memory.disorder(origin.sender);
            }
            Piece::Note(Note::Joined | Note::WebSocketJoined | Note::WebSocketUnseen { .. }) => {
                memory.disorder(Sender::Client);
                memory.disorder(Sender::Server);
            }
            _ => {}
        }
        let mut out =
            |sender, time, read: SessionRead<'_>| report.read((from, time, Some(sender)), memory, read);
        match piece {
            Piece::Bytes { offset, bytes } => session.push(sender, offset, bytes, time, &mut out),
            Piece::Lost { length, .. } => {
                session.lose(sender, length, time, &mut out)?;
                memory.gap(origin.sender);
                Ok(())
            }
            Piece::Late(is_late) => {
                memory.late(origin.sender, is_late);
                Ok(())
            }
            Piece::Note(note) => {
                let is_end = matches!(note, Note::Closed | Note::Reset | Note::Forgotten);
                if is_end {
                    session.finish(time, &mut out)?;
                    report.end((from, time), memory)?;
                }
                let sender = (!note.is_of_both()).then_some(origin.sender);
                report.note((from, time, sender), memory, note)
            }
        }
    }

    fn disorder(&mut self, key: u64) {
        if let Some(session) = self.sessions.get_mut(&key) {
            let (_, _, memory) = &mut **session;
            memory.disorder(Sender::Client);
            memory.disorder(Sender::Server);
        }
    }

    fn forget(&mut self, key: u64) -> io::Result<()> {
        let Some(session) = self.sessions.remove(&key) else { return Ok(()) };
        let (connection, mut session, mut memory) = *session;
        let (report, from) = (&mut self.report, Origin::Connection(connection));
        session.finish(None, &mut |sender, time, read| {
            report.read((from, time, Some(sender)), &mut memory, read)
        })?;
        report.end((from, None), &mut memory)
    }
}

/// Reads the bytes of one direction.
pub(crate) fn raw(source: &Source, choices: &Choices, report: &mut Report) -> Result<()> {
    raw_from(open(source, choices.progress)?, choices, report)
}

/// The same from any reader.
pub(crate) fn raw_from(mut input: impl Read, choices: &Choices, report: &mut Report) -> Result<()> {
    let mut chunk = vec![0; CHUNK];
    let mut stream = OneWay::new(choices, Origin::Raw, choices.version);
    loop {
        report.flush()?;
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => stream.push(chunk.get(..length).unwrap_or_default(), report)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot read it"),
        }
    }
    Ok(stream.finish(report)?)
}

/// A stream of one direction, whose sender may be unknown.
struct OneWay {
    session: Session,
    memory: Memory,
    origin: Origin,
    sender: Option<Sender>,
    offset: u64,
}

impl OneWay {
    fn new(choices: &Choices, origin: Origin, version: Option<Version>) -> Self {
        let pool = Pool::default();
        let session = Session::stream(choices.options, version, choices.sender, &pool);
        Self { session, memory: Memory::one_way(&pool), origin, sender: choices.sender, offset: 0 }
    }

    fn push(&mut self, bytes: &[u8], report: &mut Report) -> io::Result<()> {
        let (origin, shown) = (self.origin, self.sender);
        let sender = (self.sender.unwrap_or(Sender::Client), true);
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        let Self { session, memory, .. } = self;
        session.push(sender, offset, bytes, None, &mut |_, time, read| {
            report.read((origin, time, shown), memory, read)
        })
    }

    fn finish(&mut self, report: &mut Report) -> io::Result<()> {
        let (origin, shown) = (self.origin, self.sender);
        let Self { session, memory, .. } = self;
        session.finish(None, &mut |_, time, read| report.read((origin, time, shown), memory, read))
    }
}

/// Reads lines of hex, counted on from `line`.
pub(crate) fn hex(source: &Source, choices: &Choices, report: &mut Report, line: &mut u64) -> Result<()> {
    match source {
        Source::Argument(text) => hex_from(text.as_bytes(), choices, report, line, LONGEST),
        _ => hex_from(open(source, choices.progress)?, choices, report, line, LONGEST),
    }
}

/// How many bytes of text may belong together: four for each byte of the largest packet.
pub(crate) const LONGEST: u64 = 4 * MAX_PACKET_SIZE as u64;

/// The same from any reader. No more than `longest` bytes of it belong together.
pub(crate) fn hex_from(
    input: impl Read,
    choices: &Choices,
    report: &mut Report,
    line: &mut u64,
    longest: u64,
) -> Result<()> {
    let mut lines = Lines::new(choices.digits, choices.join);
    let mut input = BufReader::new(input);
    let (mut text, mut together) = (Vec::new(), 0);
    loop {
        // Whoever asks line by line waits for the answer.
        if input.buffer().is_empty() {
            report.flush()?;
        }
        let mut bounded = (&mut input).take(longest.saturating_sub(together) + 1);
        if bounded.read_until(b'\n', &mut text).context("cannot read it")? == 0 {
            return Ok(lines.finish(&mut |unit| one_unit(unit, choices, report))?);
        }
        *line += 1;
        together += text.len() as u64;
        if together > longest {
            bail!("line {line}: more than {longest} bytes of text belong together");
        }
        lines.line(*line, &text, &mut |unit| {
            together = 0;
            one_unit(unit, choices, report)
        })?;
        if !lines.is_open() {
            together = 0;
        }
        text.clear();
    }
}

/// What a line holds, or several that belong together.
fn one_unit(unit: Unit, choices: &Choices, report: &mut Report) -> io::Result<()> {
    let origin = Origin::Line(unit.line);
    match unit.bytes {
        Err(error) => {
            let place = (origin, None, choices.sender);
            report.item(place, None, item(Version::V5, &[], Content::BadHex(error)))?;
        }
        Ok(bytes) if choices.stream && !bytes.is_empty() => {
            let mut stream = OneWay::new(choices, origin, Some(choices.version.unwrap_or(Version::V5)));
            stream.push(&bytes, report)?;
            stream.finish(report)?;
        }
        Ok(bytes) => one_packet(&bytes, choices, report, origin)?,
    }
    report.end_line(unit.line)
}

/// A line's only packet: exactly one record.
fn one_packet(bytes: &[u8], choices: &Choices, report: &mut Report, origin: Origin) -> io::Result<()> {
    let options = choices.sender.map_or(choices.options, |sender| choices.options.with_sender(sender));
    let options = judging(options, bytes, choices.version);
    let fallback = choices.version.unwrap_or(Version::V5);
    let (version, content) = match decode(bytes, options) {
        Ok(Decoded::Packet { packet, len }) => {
            let version = if let Packet::Connect(connect) = packet { connect.version } else { fallback };
            let count = bytes.len() - len;
            (version, if count == 0 { Content::Packet(packet) } else { Content::Trailing { at: len, count } })
        }
        Ok(Decoded::Incomplete { missing }) => (fallback, Content::Incomplete { missing }),
        Err(error) => (error.version(), Content::Bad(error)),
    };
    report.item((origin, None, choices.sender), None, item(version, bytes, content))
}

fn item<'a>(version: Version, bytes: &'a [u8], content: Content<'a>) -> Item<'a> {
    Item { number: 0, version, guessed: false, offset: 0, bytes, content, length: bytes.len(), digest: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Output, Record};
    use crate::report::Selection;

    struct Nowhere;

    impl Output for Nowhere {
        fn begin(&mut self, _source: Option<&str>) -> io::Result<()> {
            Ok(())
        }

        fn clock(&mut self, _begin: Time) {}

        fn record(&mut self, _record: &Record<'_>) -> io::Result<()> {
            Ok(())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// How many packets are found in text of which so much may belong together.
    fn packets(text: impl Read, join: bool, longest: u64) -> Result<u64> {
        let choices = Choices {
            options: DecodeOptions::detect(),
            version: None,
            sender: None,
            ports: Vec::new(),
            stream: true,
            digits: Digits::Hex,
            join,
            progress: false,
            watch: false,
        };
        let mut report = Report::new(Box::new(Nowhere), Selection::default(), choices.options);
        hex_from(text, &choices, &mut report, &mut 0, longest)?;
        report.finish()?;
        Ok(report.count())
    }

    #[test]
    fn text_without_end_takes_no_more_memory_than_is_allowed() {
        assert_eq!(packets(&b"c000\n".repeat(100)[..], false, 5).unwrap(), 100);
        assert_eq!(packets(&b"c000\n".repeat(100)[..], true, 500).unwrap(), 100);
        assert!(packets(&b"c000\n".repeat(100)[..], true, 499).is_err());
        assert!(packets(&b"{ 0xc0,\n".repeat(100)[..], false, 99).is_err());
        assert_eq!(packets(&b"# a remark\n\n".repeat(100)[..], false, 99).unwrap(), 0);
        let error = packets(io::repeat(b'c'), false, 1 << 20).unwrap_err();
        assert_eq!(error.to_string(), "line 1: more than 1048576 bytes of text belong together");
    }
}
