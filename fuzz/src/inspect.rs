// `mqtt-inspect` on any bytes: what the six targets `inspect_*` share. The program is not a library, so its modules
// are taken in as they are, into the root of whatever includes this file.

#[path = "../../inspect/src"]
mod program {
    pub(crate) mod args;
    pub(crate) mod capture;
    pub(crate) mod connections;
    pub(crate) mod dissect;
    pub(crate) mod filter;
    pub(crate) mod flow;
    pub(crate) mod framer;
    pub(crate) mod handshake;
    pub(crate) mod hex;
    pub(crate) mod input;
    pub(crate) mod link;
    pub(crate) mod memory;
    pub(crate) mod note;
    pub(crate) mod payload;
    pub(crate) mod pool;
    pub(crate) mod proxy {
        pub(crate) mod args;
    }
    pub(crate) mod record;
    pub(crate) mod render;
    pub(crate) mod report;
    pub(crate) mod session;
    pub(crate) mod standard;
    pub(crate) mod stream;
    pub(crate) mod tcp;
    pub(crate) mod text;
    pub(crate) mod websocket;
    pub(crate) mod window;
}

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

use mqtt_wire::{DecodeOptions, Sender, Version};
use serde_json::Value;

// By these paths the modules know each other.
use program::{
    args, capture, connections, dissect, filter, flow, framer, handshake, hex, input, link, memory, note, payload, pool,
    proxy, record, render, report, session, standard, stream, tcp, text, websocket, window,
};

use args::TimeStyle;
use hex::bytes::Digits;
use hex::{Lines, Unit};
use input::Choices;
use payload::{Payloads, Rule};
use record::Output;
use render::explain::Explain;
use render::json::Json;
use render::paint::Painter;
use render::stats::Stats;
use render::timeline::Timeline;
use report::{Report, Selection};

use mqtt_wire_fuzz::scripts;

/// A file: links, tunnels and the formats of captures.
fn inspect_link(bytes: &[u8]) {
    let file = bytes.to_vec();
    agrees(bytes, MEMORY, &choices(), |choices, report| {
        // What cannot be read is an error with a message; what can is shown as far as it goes.
        remarks(input::capture_from(Cursor::new(file.clone()), choices, report));
    });
}

/// Segments of four connections to a server's port.
fn inspect_tcp(bytes: &[u8]) {
    let Some((how, script)) = bytes.split_first() else { return };
    let file = scripts::capture(script, if how & 1 == 0 { 1883 } else { 9001 });
    let choices = Choices { version: version_of(how >> 1), ..choices() };
    agrees(bytes, MEMORY, &choices, |choices, report| {
        remarks(input::capture_from(Cursor::new(file.clone()), choices, report));
    });
}

/// The same with data that stand in WebSocket frames when they say so, on a port that was named or was not.
fn inspect_websocket(bytes: &[u8]) {
    let Some((how, script)) = bytes.split_first() else { return };
    let file = scripts::capture(&scripts::in_frames(script), 9001);
    let ports = if how & 1 == 0 { Vec::new() } else { vec![9001] };
    let choices = Choices { ports, ..choices() };
    agrees(bytes, MEMORY, &choices, |choices, report| {
        remarks(input::capture_from(Cursor::new(file.clone()), choices, report));
    });
}

/// Lines of hex; or bytes, which are printed as programs print them and must be read as they were.
fn inspect_hex(bytes: &[u8]) {
    let Some((how, text)) = bytes.split_first() else { return };
    if how & 0x80 != 0 {
        return printed_forms_are_read(how & 0x7F, text);
    }
    let choices = Choices {
        digits: if how & 1 == 0 { Digits::Hex } else { Digits::Decimal },
        join: how & 2 != 0,
        version: version_of(how >> 2),
        ..choices()
    };
    agrees(bytes, MEMORY_OF_DUMPS, &choices, |choices, report| {
        input::hex_from(text, choices, report, &mut 0, input::LONGEST).expect("a bad line is shown, not an error");
    });
    // With --stream the answers hold several packets; they are JSON as well.
    let choices = Choices { stream: true, ..choices };
    let answers = printed(|out| Box::new(Json::new(out, true)), |report| {
        input::hex_from(text, &choices, report, &mut 0, input::LONGEST).expect("a bad line is shown, not an error");
    });
    is_clean(&answers);
    objects(&answers);
}

/// A stream of packets in every output.
fn inspect_render(bytes: &[u8]) {
    let Some((how, stream)) = bytes.split_first() else { return };
    let sender = match how >> 2 & 3 {
        0 => Some(Sender::Client),
        1 => Some(Sender::Server),
        _ => None,
    };
    let choices = Choices { version: version_of(*how), sender, ..choices() };
    agrees(bytes, MEMORY, &choices, |choices, report| {
        input::raw_from(stream, choices, report).expect("a slice can be read");
    });
}

/// A payload in every format that has a name.
fn inspect_payload(bytes: &[u8]) {
    const FORMATS: [&str; 5] = ["json", "cbor", "msgpack", "sparkplug", "hex"];
    let Some((how, payload)) = bytes.split_first() else { return };
    let name = FORMATS[usize::from(*how) % FORMATS.len()];
    let rule: Rule = name.parse().expect("a format");
    let topic = mqtt_wire::topic::TopicName::new("a").expect("a topic");
    let mut packet = Vec::new();
    let publish = mqtt_wire::Packet::from(mqtt_wire::Publish::new(topic, payload));
    publish.encode(Version::V311, &mut packet).expect("a PUBLISH");
    let choices = Choices { version: Some(Version::V311), ..choices() };
    let painter = Painter { colour: false };
    let print = |output: fn(Printed, Painter) -> Box<dyn Output>| {
        let selection = Selection { payloads: Payloads::new(vec![rule.clone()]), ..Selection::default() };
        let read = |report: &mut Report| input::raw_from(&*packet, &choices, report).expect("a slice can be read");
        printed_of(selection, |out| output(out, painter), read)
    };
    let mut outputs = [String::new(), String::new(), String::new()];
    let used = allocation_counter::measure(|| {
        outputs = [
            print(|out, painter| Box::new(Timeline { out, painter, time: TimeStyle::Relative, full: false, compact: false, begin: None })),
            print(|out, painter| Box::new(Timeline { out, painter, time: TimeStyle::Relative, full: true, compact: false, begin: None })),
            print(|out, _| Box::new(Json::new(out, false))),
        ];
    });
    assert!(used.bytes_max < MEMORY, "{} bytes for {}", used.bytes_max, bytes.len());
    outputs.iter().for_each(|text| is_clean(text));
    let [cut, full, json] = &outputs;
    assert!(cut.lines().count() < 50);
    let objects = objects(json);
    let reason = objects.first().and_then(|object| object["payload"]["unreadable"].as_str());
    // People are shown JSON as it is written; for scripts a number has to be one of 64 bits, and a surrogate one of two.
    let as_written = ["number out of range", "lone leading surrogate", "unexpected end of hex escape"];
    let reason = reason.filter(|reason| !as_written.iter().any(|begin| reason.starts_with(begin)));
    assert!(reason.is_none() || full.contains("not readable as "), "{full}");
}

/// How much memory an input may take: a zstd file may ask for a window of 32 MiB.
const MEMORY: u64 = 48 << 20;
/// Rows that a dump leaves out may be 4 MiB, which are held for three radices, decoded and printed.
const MEMORY_OF_DUMPS: u64 = 96 << 20;

fn choices() -> Choices {
    Choices {
        options: DecodeOptions::detect(),
        version: None,
        sender: None,
        ports: Vec::new(),
        stream: false,
        digits: Digits::Hex,
        join: false,
        progress: false,
        watch: true,
    }
}

fn version_of(how: u8) -> Option<Version> {
    Version::ALL.get(usize::from(how & 3)).copied()
}

/// An error has words, and so have remarks; none of them commands the terminal.
fn remarks(read: anyhow::Result<Vec<String>>) {
    let said = match read {
        Ok(remarks) => remarks,
        Err(error) => vec![format!("{error:#}")],
    };
    for text in said {
        assert!(!text.is_empty());
        is_clean(&text);
    }
}

/// The oracle: the timeline and the JSON show the same, the other outputs come out as well, memory is bounded, and
/// what is printed is text whose every character is seen.
fn agrees(bytes: &[u8], memory: u64, choices: &Choices, read: impl Fn(&Choices, &mut Report)) {
    let painter = Painter { colour: false };
    let time = if bytes.len().is_multiple_of(2) { TimeStyle::Relative } else { TimeStyle::Utc };
    let full = bytes.len().is_multiple_of(3);
    let mut outputs = [String::new(), String::new()];
    let used = allocation_counter::measure(|| {
        outputs = [
            printed(|out| Box::new(Timeline { out, painter, time, full, compact: false, begin: None }), |report| read(choices, report)),
            printed(|out| Box::new(Json::new(out, false)), |report| read(choices, report)),
        ];
    });
    assert!(used.bytes_max < memory, "{} bytes for {}", used.bytes_max, bytes.len());
    let [timeline, json] = &outputs;
    is_clean(timeline);
    is_clean(json);
    let objects = objects(json);
    same(timeline, &objects);
    // One of the further outputs; the length of the input decides which.
    if bytes.len() % 4 < 2 {
        let explained =
            printed(|out| Box::new(Explain { out, painter, time, full, begin: None }), |report| read(choices, report));
        is_clean(&explained);
        let titles = explained.lines().filter(|line| line.starts_with("Packet ")).count();
        assert_eq!(titles, objects.iter().filter(|object| object["number"].is_u64()).count());
    } else {
        let as_json = bytes.len() % 4 == 2;
        let stats =
            printed(|out| Box::new(Stats::new(out, painter, as_json)), |report| read(choices, report));
        is_clean(&stats);
        if as_json {
            sums_up(&stats, &objects);
        }
    }
}

/// What an output prints of an input.
fn printed(output: impl FnOnce(Printed) -> Box<dyn Output>, read: impl FnOnce(&mut Report)) -> String {
    printed_of(Selection::default(), output, read)
}

/// The same of a part of it.
fn printed_of(
    selection: Selection,
    output: impl FnOnce(Printed) -> Box<dyn Output>,
    read: impl FnOnce(&mut Report),
) -> String {
    let printed = Printed::default();
    let mut report = Report::new(output(printed.clone()), selection, DecodeOptions::detect());
    report.begin(None).expect("a buffer takes anything");
    read(&mut report);
    report.finish().expect("a buffer takes anything");
    drop(report);
    let bytes = std::mem::take(&mut *printed.0.lock().expect("no panic before"));
    String::from_utf8(bytes).expect("text is printed")
}

/// No character is there that is not seen as itself.
fn is_clean(text: &str) {
    let hidden = text.chars().find(|character| *character != '\n' && text::is_invisible(*character));
    assert!(hidden.is_none(), "{hidden:?} is printed");
}

/// The lines of JSON.
fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The timeline has a line for each object of the JSON, with its number, type, mark or words.
fn same(timeline: &str, objects: &[Value]) {
    // What does not fit into a line stands below it, farther to the right.
    let mut lines = timeline.lines().filter(|line| !line.starts_with(&" ".repeat(38)));
    for object in objects {
        let line = lines.next().unwrap_or_else(|| panic!("not in the timeline: {object}"));
        if let Some(text) = object["text"].as_str() {
            assert!(line.contains(text), "{line}\n{object}");
            continue;
        }
        let (number, rest) = line.trim_start().split_once(' ').expect("a number");
        assert_eq!(number, object["number"].to_string(), "{line}\n{object}");
        let mark = match object["status"].as_str() {
            Some("error") => Some('✗'),
            Some("incomplete") => Some('…'),
            _ => None,
        };
        assert!(mark.is_none_or(|mark| rest.contains(mark)), "{line}\n{object}");
        assert!(object["type"].as_str().is_none_or(|name| rest.contains(name)), "{line}\n{object}");
        if let Some(message) = object["error"]["message"].as_str() {
            assert!(rest.contains(message), "{line}\n{object}");
        }
        if let Some(topic) = object["fields"]["topic_name"].as_str().filter(|topic| !topic.is_empty()) {
            assert!(rest.contains(&text::quoted(topic)) || is_cut(topic, rest), "{line}\n{object}");
        }
    }
    assert_eq!(lines.next(), None, "not in the JSON");
}

/// A line shows the beginning of a topic that is too long for it: whole characters and whole escapes.
fn is_cut(topic: &str, line: &str) -> bool {
    let ends = topic.char_indices().map(|(at, _)| at).chain([topic.len()]);
    ends.take(101).any(|at| {
        let beginning = text::quoted(topic.get(..at).unwrap_or_default());
        let shown = beginning.strip_suffix('"').unwrap_or_default();
        shown.chars().count() > 90 && line.contains(&format!("{shown}…"))
    })
}

/// The summary counts what the JSON shows.
fn sums_up(stats: &str, objects: &[Value]) {
    let summary: Value = serde_json::from_str(stats).expect("JSON");
    let no_hex = |object: &&Value| object["error"]["kind"] == "NotHex";
    for status in ["ok", "error", "incomplete"] {
        let of_status = objects.iter().filter(|object| object["status"] == status && !no_hex(object));
        assert_eq!(summary[status]["packets"], of_status.count(), "{status}: {summary}");
    }
    assert_eq!(summary["not_hex"], objects.iter().filter(no_hex).count(), "{summary}");
}

/// What hexdump and others print of any bytes is read as these bytes, when it is not a frame of which the payload
/// is wanted.
fn printed_forms_are_read(how: u8, bytes: &[u8]) {
    let is_frame = |link: u32| {
        let frame = capture::Frame { time: None, link: pcap_parser::Linktype(link.cast_signed()), data: bytes };
        link::Links::new().segment(&frame, |_| ()).is_some()
    };
    if bytes.is_empty() || is_frame(1) || is_frame(101) {
        return;
    }
    let text = form(how, bytes);
    let mut units = Vec::new();
    let mut lines = Lines::new(Digits::Hex, false);
    let mut out = |unit: Unit| {
        units.push(unit);
        Ok(())
    };
    for (number, line) in text.split('\n').enumerate() {
        lines.line(number as u64 + 1, line.as_bytes(), &mut out).expect("nothing fails");
    }
    lines.finish(&mut out).expect("nothing fails");
    assert_eq!(units, [Unit { line: 1, bytes: Ok(bytes.to_vec()) }], "{text}");
}

/// Bytes as one of the programs prints them.
fn form(how: u8, bytes: &[u8]) -> String {
    let hex = |bytes: &[u8], between: &str| {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
    };
    let shown = |bytes: &[u8]| -> String {
        bytes.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }).collect()
    };
    let words = |bytes: &[u8]| {
        let word = |pair: &[u8]| format!("{:02x}{:02x}", pair.get(1).copied().unwrap_or_default(), pair[0]);
        bytes.chunks(2).map(word).collect::<Vec<_>>().join(" ")
    };
    let pairs = |bytes: &[u8]| bytes.chunks(2).map(|pair| hex(pair, "")).collect::<Vec<_>>().join(" ");
    let rows = bytes.chunks(16).enumerate();
    let rows = rows.map(|(row, bytes)| {
        let at = row * 16;
        match how % 8 {
            0 => format!("{at:04x}   {}", hex(bytes, " ")),
            1 => format!("{at:04x}   {:<47}   {}", hex(bytes, " "), shown(bytes)),
            2 => {
                let halves: Vec<String> = bytes.chunks(8).map(|half| hex(half, " ")).collect();
                format!("{at:08x}  {:<48}  |{}|", halves.join("  "), shown(bytes))
            }
            3 => format!("{at:08x}: {:<39}  {}", pairs(bytes), shown(bytes)),
            4 => format!("{at:07x} {}", words(bytes)),
            5 => format!("{at:06x} {:<47}  >{}<", hex(bytes, " "), shown(bytes)),
            6 => format!("\t0x{at:04x}:  {:<39}  {}", pairs(bytes), shown(bytes)),
            _ => format!("{at:07o} {}", words(bytes)),
        }
    });
    let end = match how % 8 {
        2 => format!("{:08x}", bytes.len()),
        4 => format!("{:07x}", bytes.len()),
        5 => format!("{:06x}", bytes.len()),
        7 => format!("{:07o}", bytes.len()),
        _ => String::new(),
    };
    rows.chain([end]).collect::<Vec<_>>().join("\n")
}

/// What was printed.
#[derive(Debug, Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic before").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
