//! The three kinds of input: captures, raw streams, lines of hex.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use mqtt_wire::{DecodeOptions, Decoded, Packet, Sender, Version, decode};

use crate::args::Source;
use crate::capture::{Capture, End, Time};
use crate::connections::{self, Connections};
use crate::framer::Cut;
use crate::link::Links;
use crate::note::Note;
use crate::record::{Connection, Content, Item, Origin};
use crate::report::Report;
use crate::session::Session;
use crate::stream::Piece;

/// What the user chose about reading.
#[derive(Clone, Debug)]
pub(crate) struct Choices {
    pub(crate) options: DecodeOptions,
    pub(crate) version: Option<Version>,
    pub(crate) sender: Option<Sender>,
    pub(crate) ports: Vec<u16>,
    /// Several packets may stand in a line of hex.
    pub(crate) stream: bool,
    pub(crate) progress: bool,
}

/// How much of a stream is read at a time.
const CHUNK: usize = 64 * 1024;

/// Opens a file or standard input, with a progress bar on the terminal when the file is long.
fn open(source: &Source, progress: bool) -> Result<Box<dyn Read + Send>> {
    const LONG: u64 = 8 * 1024 * 1024;
    let Source::File(path) = source else { return Ok(Box::new(io::stdin())) };
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        bail!("it is a directory");
    }
    if !progress || metadata.len() < LONG {
        return Ok(Box::new(file));
    }
    let bar = ProgressBar::with_draw_target(Some(metadata.len()), ProgressDrawTarget::stderr())
        .with_finish(ProgressFinish::AndClear);
    let style = "{bar:40} {percent:>3} % of {total_bytes}, {elapsed} so far, {eta} to go";
    bar.set_style(ProgressStyle::with_template(style)?);
    Ok(Box::new(bar.wrap_read(file)))
}

/// Reads a capture. Returns what is to be said about it.
pub(crate) fn capture(source: &Source, choices: &Choices, report: &mut Report) -> Result<Vec<String>> {
    let mut capture = Capture::open(open(source, choices.progress)?)?;
    let mut links = Links::new();
    let mut connections = Connections::new(&choices.ports);
    let mut sink = Sink { choices, report, sessions: HashMap::new(), count: 0 };
    let mut begin = None;
    let end = capture.read(|frame| {
        let Some(frame) = frame else { return Ok(sink.report.flush()?) };
        if let Some(time) = frame.time.filter(|_| begin.is_none()) {
            begin = Some(time);
            sink.report.clock(time);
        }
        let taken = links.segment(frame, |segment| connections.segment(segment, &mut sink));
        Ok(taken.transpose().map(drop)?)
    });
    // A damaged file is shown as far as it goes; output that nobody takes is not gone on with.
    if end.as_ref().is_err_and(anyhow::Error::is::<io::Error>) {
        end?;
        return Ok(Vec::new());
    }
    connections.finish(&mut sink)?;
    sink.finish()?;
    let end = end?;
    let mut remarks = Vec::new();
    if let Some(link) = links.unknown {
        if links.understood == 0 {
            bail!(
                "link type {} is not among those that can be read: Ethernet, loopback, Linux cooked, raw IP",
                link.0
            );
        }
        remarks.push(format!("frames of link type {} are left out", link.0));
    }
    if end == End::Cut {
        remarks.push("the file ends inside a record".to_owned());
    }
    if sink.count == 0 {
        remarks.push(match connections.others {
            0 => "no MQTT in it, nor any other TCP connection with data".to_owned(),
            others => format!("no MQTT in it; TCP connections of other kinds: {others} (see --port)"),
        });
    }
    Ok(remarks)
}

/// Turns pieces of connections into records.
struct Sink<'a> {
    choices: &'a Choices,
    report: &'a mut Report,
    sessions: HashMap<u64, (Connection, Session)>,
    count: u64,
}

impl connections::Sink for Sink<'_> {
    fn piece(
        &mut self,
        origin: &connections::Origin,
        time: Option<Time>,
        piece: Piece<'_>,
    ) -> io::Result<()> {
        let Self { choices, report, sessions, count } = self;
        let (connection, session) = sessions.entry(origin.key).or_insert_with(|| {
            *count += 1;
            let connection = Connection { number: *count, client: origin.client, server: origin.server };
            (connection, Session::new(choices.options, choices.version, origin.whole))
        });
        let (sender, from) = (origin.sender, Origin::Connection(*connection));
        let mut out =
            |version, guessed, cut: Cut<'_>| report.cut((from, time, Some(sender)), version, guessed, &cut);
        match piece {
            Piece::Bytes { offset, bytes } => {
                let back = session.push(sender, offset, bytes, &mut out)?;
                match back {
                    Some(skipped) if skipped > 0 => {
                        report.note(from, time, Some(sender), Note::Resynchronized { skipped })
                    }
                    _ => Ok(()),
                }
            }
            Piece::Lost { length, .. } => session.lose(sender, length, &mut out),
            Piece::Note(note) => {
                if matches!(note, Note::Closed | Note::Reset) {
                    finish(report, *connection, session, time)?;
                }
                let sender = (!note.is_of_both()).then_some(sender);
                report.note(from, time, sender, note)
            }
        }
    }
}

impl Sink<'_> {
    /// The capture is over: what is left of every connection.
    fn finish(&mut self) -> io::Result<()> {
        let mut sessions: Vec<_> = self.sessions.drain().map(|(_, session)| session).collect();
        sessions.sort_by_key(|(connection, _)| connection.number);
        for (connection, mut session) in sessions {
            finish(self.report, connection, &mut session, None)?;
        }
        Ok(())
    }
}

/// Reports what is left of both directions; a second call finds nothing.
fn finish(
    report: &mut Report,
    connection: Connection,
    session: &mut Session,
    time: Option<Time>,
) -> io::Result<()> {
    let origin = Origin::Connection(connection);
    for sender in [Sender::Client, Sender::Server] {
        let from = (origin, time, Some(sender));
        let skipped =
            session.finish(sender, &mut |version, guessed, cut| report.cut(from, version, guessed, &cut))?;
        if skipped > 0 {
            report.note(origin, time, Some(sender), Note::GaveUp { skipped })?;
        }
    }
    Ok(())
}

/// Reads the bytes of one direction.
pub(crate) fn raw(source: &Source, choices: &Choices, report: &mut Report) -> Result<()> {
    let mut input = open(source, choices.progress)?;
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
    origin: Origin,
    sender: Option<Sender>,
    offset: u64,
}

impl OneWay {
    fn new(choices: &Choices, origin: Origin, version: Option<Version>) -> Self {
        let session = Session::stream(choices.options, version, choices.sender);
        Self { session, origin, sender: choices.sender, offset: 0 }
    }

    fn push(&mut self, bytes: &[u8], report: &mut Report) -> io::Result<()> {
        let from = (self.origin, None, self.sender);
        let sender = self.sender.unwrap_or(Sender::Client);
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        let mut out = |version, guessed, cut: Cut<'_>| report.cut(from, version, guessed, &cut);
        let back = self.session.push(sender, offset, bytes, &mut out)?;
        back.map_or(Ok(()), |skipped| {
            report.note(self.origin, None, self.sender, Note::Resynchronized { skipped })
        })
    }

    fn finish(&mut self, report: &mut Report) -> io::Result<()> {
        let from = (self.origin, None, self.sender);
        let sender = self.sender.unwrap_or(Sender::Client);
        let mut out = |version, guessed, cut: Cut<'_>| report.cut(from, version, guessed, &cut);
        match self.session.finish(sender, &mut out)? {
            0 => Ok(()),
            skipped => report.note(self.origin, None, self.sender, Note::GaveUp { skipped }),
        }
    }
}

/// Reads lines of hex, counted on from `line`.
pub(crate) fn hex(source: &Source, choices: &Choices, report: &mut Report, line: &mut u64) -> Result<()> {
    if let Source::Argument(text) = source {
        for text in text.split('\n') {
            *line += 1;
            one_line(text.as_bytes(), choices, report, *line)?;
        }
        return Ok(());
    }
    let mut input = BufReader::new(open(source, choices.progress)?);
    let mut text = Vec::new();
    loop {
        // Whoever asks line by line waits for the answer.
        if input.buffer().is_empty() {
            report.flush()?;
        }
        if input.read_until(b'\n', &mut text).context("cannot read it")? == 0 {
            return Ok(());
        }
        *line += 1;
        one_line(&text, choices, report, *line)?;
        text.clear();
    }
}

fn one_line(text: &[u8], choices: &Choices, report: &mut Report, line: u64) -> io::Result<()> {
    let origin = Origin::Line(line);
    match crate::hex::parse(text) {
        Err(error) => {
            let content = Content::BadHex(format!("{error:#}"));
            report.item(origin, None, choices.sender, item(Version::V5, &[], content))?;
        }
        Ok(bytes) if choices.stream && !bytes.is_empty() => {
            let mut stream = OneWay::new(choices, origin, Some(choices.version.unwrap_or(Version::V5)));
            stream.push(&bytes, report)?;
            stream.finish(report)?;
        }
        Ok(bytes) => one_packet(&bytes, choices, report, origin)?,
    }
    report.end_line(line)
}

/// A line's only packet: exactly one record.
fn one_packet(bytes: &[u8], choices: &Choices, report: &mut Report, origin: Origin) -> io::Result<()> {
    let options = choices.sender.map_or(choices.options, |sender| choices.options.with_sender(sender));
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
    report.item(origin, None, choices.sender, item(version, bytes, content))
}

fn item<'a>(version: Version, bytes: &'a [u8], content: Content<'a>) -> Item<'a> {
    Item { number: 0, version, guessed: false, offset: 0, bytes, content }
}
