//! The transport against an independent dissector's reading of real captures.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Result;
use std::path::PathBuf;

use mqtt_wire::Sender;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::capture::{Capture, End, Time};
use crate::connections::{Connections, Origin, Sink};
use crate::link::Links;
use crate::note::Note;
use crate::pool::Pool;
use crate::stream::Piece;

pub(crate) fn captures() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures");
    let mut captures: Vec<PathBuf> = fs::read_dir(folder)
        .expect("corpus/captures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcap"))
        .collect();
    captures.sort();
    assert!(!captures.is_empty(), "no captures in {folder}");
    captures
}

/// One direction's bytes, and by its end offset when each piece had come.
#[derive(Default)]
struct Bytes {
    bytes: Vec<u8>,
    times: BTreeMap<usize, Time>,
}

/// Collects what the transport hands out. The dissector numbers all TCP streams from 0.
#[derive(Default)]
struct Collector {
    streams: HashMap<(u64, Sender), Bytes>,
    notes: Vec<Note>,
}

impl Sink for Collector {
    fn piece(&mut self, origin: &Origin, time: Option<Time>, piece: Piece<'_>) -> Result<()> {
        match piece {
            Piece::Bytes { offset, bytes } => {
                let stream = self.streams.entry((origin.key - 1, origin.sender)).or_default();
                assert_eq!(offset, stream.bytes.len() as u64, "pieces follow one another");
                stream.bytes.extend_from_slice(bytes);
                stream.times.insert(stream.bytes.len(), time.expect("pcap has times"));
            }
            Piece::Lost { .. } => panic!("nothing is missing from these captures"),
            Piece::Note(note) => self.notes.push(note),
            Piece::Late(_) => panic!("nothing has waited in these captures"),
        }
        Ok(())
    }

    fn forget(&mut self, _key: u64) -> Result<()> {
        Ok(())
    }
}

fn collect(path: &PathBuf) -> (Collector, Time) {
    let mut collector = Collector::default();
    let (mut links, mut connections) = (Links::new(), Connections::new(&[], &Pool::default()));
    let mut begin = None;
    let mut capture = Capture::open(File::open(path).expect("the capture opens")).expect("it is a capture");
    let end = capture
        .read(|frame| {
            let Some(frame) = frame else { return Ok(()) };
            begin = begin.or(frame.time);
            links.segment(frame, |segment| connections.segment(segment, &mut collector)).transpose()?;
            Ok(())
        })
        .expect("it can be read");
    connections.finish(&mut collector).expect("collecting cannot fail");
    assert_eq!(end, End::Complete);
    (collector, begin.expect("a frame"))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

fn agrees(raw: &Value, bytes: &[u8]) -> bool {
    match raw {
        Value::String(raw) => *raw == hex(bytes),
        _ => raw["sha256"] == hex(&Sha256::digest(bytes)),
    }
}

#[test]
fn every_packet_stands_where_the_dissector_saw_it() {
    let mut packets = 0;
    for path in captures() {
        let (collector, begin) = collect(&path);
        let reading = fs::read_to_string(path.with_extension("tshark.jsonl")).expect("a reading");
        let mut seen: HashMap<(u64, Sender), usize> = HashMap::new();
        for line in reading.lines() {
            let packet: Value = serde_json::from_str(line).expect("JSON");
            let sender = if packet["dir"] == "c2s" { Sender::Client } else { Sender::Server };
            let key = (packet["stream"].as_u64().expect("a number"), sender);
            let offset = usize::try_from(packet["offset"].as_u64().expect("a number")).expect("small");
            let size = usize::try_from(packet["size"].as_u64().expect("a number")).expect("small");
            let stream = &collector.streams[&key];
            let bytes = &stream.bytes[offset..offset + size];
            assert!(agrees(&packet["raw"], bytes), "{}: {line}", path.display());
            if let Some(time) = packet["time"].as_f64() {
                let (_, arrived) = stream.times.range(offset + size..).next().expect("it arrived");
                #[expect(clippy::cast_precision_loss)]
                let elapsed = (arrived.0 - begin.0) as f64 / 1e9;
                assert!((elapsed - time).abs() < 1e-6, "{}: {elapsed}: {line}", path.display());
            }
            seen.entry(key).and_modify(|end| *end = offset + size).or_insert(offset + size);
            packets += 1;
        }
        let ends: HashMap<_, _> =
            collector.streams.iter().map(|(key, stream)| (*key, stream.bytes.len())).collect();
        assert_eq!(seen, ends, "{}: bytes that the dissector has not seen", path.display());
    }
    assert!(packets > 1000, "only {packets} packets");
    println!("{packets} packets");
}
