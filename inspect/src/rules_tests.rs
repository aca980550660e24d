//! Whatever a capture lacks, and in whatever order it has what it holds: the rules between packets blame nobody for it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Result};
use std::rc::Rc;

use mqtt_wire::DecodeOptions;

use crate::capture::Time;
use crate::hex::bytes::Digits;
use crate::input::{Choices, capture_from};
use crate::record::{Body, Origin, Output, Record};
use crate::report::{Report, Selection};
use crate::transport_tests::captures;

/// The rules that are broken, each with the client's address.
#[derive(Debug, Default)]
struct Broken {
    all: Rc<RefCell<BTreeSet<String>>>,
}

impl Output for Broken {
    fn begin(&mut self, _source: Option<&str>) -> Result<()> {
        Ok(())
    }

    fn clock(&mut self, _begin: Time) {}

    fn record(&mut self, record: &Record<'_>) -> Result<()> {
        if let (Body::Item(item), Origin::Connection(ends)) = (&record.body, record.origin) {
            for rule in &record.known.broken {
                let sender = record.sender.map_or_else(String::new, |sender| sender.to_string());
                let packet = item.packet_type().map_or("?", |packet| packet.name());
                self.all.borrow_mut().insert(format!("{} {sender} {packet} {}", ends.client, rule.name()));
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

fn broken(head: &[u8], frames: &[&[u8]]) -> BTreeSet<String> {
    let options = DecodeOptions::detect();
    let choices = Choices {
        options,
        version: None,
        sender: None,
        ports: Vec::new(),
        stream: false,
        digits: Digits::Hex,
        join: false,
        progress: false,
        watch: true,
    };
    let output = Broken::default();
    let all = output.all.clone();
    let mut report = Report::new(Box::new(output), Selection::default(), options);
    let file = [head, &frames.concat()].concat();
    // A capture of which little is left may hold no MQTT.
    let _ = capture_from(Cursor::new(file), &choices, &mut report).expect("it can be read");
    drop(report);
    all.take()
}

/// The header of a pcap file, and its records.
fn records(file: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (head, mut rest) = file.split_at(24);
    let mut records = Vec::new();
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        let (record, behind) = rest.split_at(16 + length);
        records.push(record);
        rest = behind;
    }
    (head, records)
}

/// Every how many frames one is tried in a capture: `MQTT_INSPECT_EVERY`, or so that about 8 are.
fn step(frames: usize) -> usize {
    std::env::var("MQTT_INSPECT_EVERY").map_or(frames / 8 + 1, |text| text.parse().expect("a number"))
}

#[test]
fn nobody_is_blamed_for_what_a_capture_lacks() {
    let mut tried = 0;
    let mut wrong = Vec::new();
    for path in captures() {
        let file = fs::read(&path).expect("a capture");
        let (head, frames) = records(&file);
        let known = broken(head, &frames);
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut try_it = |what: String, frames: &[&[u8]]| {
            tried += 1;
            let new: Vec<String> = broken(head, frames).difference(&known).cloned().collect();
            if !new.is_empty() {
                wrong.push(format!("{name}, {what}: {}", new.join(", ")));
            }
        };
        for at in (0..frames.len()).step_by(step(frames.len())) {
            let mut one_less = frames.clone();
            one_less.remove(at);
            try_it(format!("without frame {at}"), &one_less);
            let mut swapped = frames.clone();
            swapped.swap(at, (at + 1).min(frames.len() - 1));
            try_it(format!("frame {at} after the next"), &swapped);
            try_it(format!("from frame {at} on"), &frames[at..]);
            let mut fewer = frames.clone();
            fewer.drain(at..(at + 5).min(frames.len()));
            try_it(format!("without five frames from {at} on"), &fewer);
        }
        // A tenth of the frames is lost, by a generator that Knuth has given (MMIX).
        let mut state = 1_u64;
        for round in 0..5 {
            let mut lost = |_: &&&[u8]| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state >> 33 & 0xF > 1
            };
            let left: Vec<&[u8]> = frames.iter().filter(|frame| lost(frame)).copied().collect();
            try_it(format!("round {round}"), &left);
        }
    }
    println!("{tried} captures");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}
