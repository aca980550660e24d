//! Replays what the fuzzers found worth keeping, `corpus/fuzz`, as plain tests with the oracles of the fuzz
//! targets. (The corpora of the targets that need other packages are replayed by `cargo test` in `fuzz`.)
#![cfg(all(feature = "arbitrary", feature = "tokio-codec"))]

#[path = "common/captures.rs"]
#[allow(dead_code, reason = "the seeds need the packets alone")]
mod captures;
#[path = "../fuzz/src/oracles/mod.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets are another crate")]
mod oracles;

use std::collections::BTreeMap;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use mqtt_wire::{
    ConnAck, Connect, DecodeOptions, EncodeErrorKind, Packet, PacketId, PropertySet, QoS, ReasonCode, Rule,
    Sender, SubAck, Subscribe, Subscription, TopicFilter, Version, decode, decode_exact,
};
use oracles::Setting;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    // To name all of them takes Miri minutes, to replay them a day.
    let some = if cfg!(miri) { 8 } else { usize::MAX };
    let mut files: Vec<PathBuf> = entries.take(some).map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_oracle_holds_for_its_corpus() {
    let mut failed = Vec::new();
    for (name, oracle) in oracles::ALL {
        let files = files(&corpus().join(name));
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let bytes = fs::read(&file).expect("a file that can be read");
            if cfg!(miri) && bytes.len() > 64 {
                continue;
            }
            if catch_unwind(|| oracle(&bytes)).is_err() {
                failed.push(file);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Whatever one target has found is bytes to the others, too.
#[test]
fn raw_packets_hold_in_every_version() {
    for folder in ["decode_v31", "decode_v311", "decode_v5", "differential"] {
        for file in files(&corpus().join(folder)) {
            let bytes = fs::read(&file).expect("a file that can be read");
            for name in ["decode_v31", "decode_v311", "decode_v5", "decode_options", "stream", "publish_head"]
            {
                oracles::run(name, &bytes);
            }
        }
    }
}

/// An oracle that cannot fail proves nothing: these are told something wrong.
#[test]
#[should_panic(expected = "no oracle")]
fn an_unknown_oracle_is_an_error() {
    oracles::run("nothing", &[]);
}

/// What the targets found in this crate.
#[test]
fn found_by_fuzzing() {
    // `encode`: a filter made by the rules of 3.1.1 went out as a shared subscription with No Local.
    let filter = TopicFilter::new_for("$share/g/a", Version::V311).expect("a plain filter of 3.1.1");
    let subscriptions = [Subscription { no_local: true, ..Subscription::new(filter, QoS::AtMostOnce) }];
    let subscribe = Packet::from(Subscribe::new(PacketId::MIN, &subscriptions));
    let error = subscribe.encoded_len(Version::V5).expect_err("No Local on a shared subscription");
    assert_eq!(error.kind(), EncodeErrorKind::Invalid(Rule::NoLocalOnShared), "{error}");
    // `convert`: a failure in SUBACK became 0x80 in 3.1, which has no code for it.
    let codes = [ReasonCode::UNSPECIFIED_ERROR, ReasonCode::SUCCESS];
    let older = Packet::from(SubAck::new(PacketId::MIN, &codes)).downgrade(Version::V31);
    assert!(older.is_none_or(|older| older.encoded_len(Version::V31).is_ok()), "{older:?}");
    // `publish_head`: over the limit with the first bytes, with more of them a length that is not the shortest.
    let connect = *b"\x10\x8C\x00\x00\x04MQTT\x05\x00\x00\x00\x00\x00";
    let options = DecodeOptions::detect().with_max_packet_size(14);
    for end in 3..=connect.len() {
        let error = decode(&connect[..end], options).expect_err("15 bytes");
        assert_eq!((error.rule(), error.offset()), (Rule::PacketTooLarge, 1), "{end} bytes");
    }
}

/// Writes seeds made of the captures into the folder that `FUZZ_SEEDS` names; `fuzz/seeds` minimises them.
#[test]
#[ignore = "writes files"]
fn write_seeds() {
    let folder = PathBuf::from(std::env::var_os("FUZZ_SEEDS").expect("FUZZ_SEEDS names a folder"));
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let folder = folder.join(target);
        fs::create_dir_all(&folder).expect("a folder that can be made");
        fs::write(folder.join(name), bytes).expect("a file that can be written");
    };
    for (n, (packet, sender, version)) in packets().into_iter().enumerate() {
        let name = format!("{n:04}");
        put(raw_target(version), &name, &packet);
        put("differential", &name, &packet);
        let strict = Setting { sender: Some(sender), ..Setting::new(version) };
        let tolerant = Setting { tolerances: 0xF, detect: true, ..strict };
        let checked = Setting { check_payload_format: true, refuse_control_characters: true, ..strict };
        for (kind, setting) in [("strict", strict), ("tolerant", tolerant), ("checked", checked)] {
            put("decode_options", &format!("{name}-{kind}"), &[&setting.to_bytes(), &packet[..]].concat());
            if packet[0] >> 4 == 3 {
                let cut = n.to_le_bytes()[0];
                let head = [&setting.to_bytes()[..], &[cut], &packet].concat();
                put("publish_head", &format!("{name}-{kind}"), &head);
            }
        }
    }
    for (n, (frame, versions)) in conformance_cases().into_iter().enumerate() {
        for version in Version::ALL.into_iter().filter(|version| versions.contains(&format!("\"{version}\"")))
        {
            put(raw_target(version), &format!("case-{n:04}"), &frame);
            put("differential", &format!("case-{n:04}"), &frame);
            for (k, (target, script)) in session_scripts(version, &frame).into_iter().enumerate() {
                put(target, &format!("case-{n:04}-{version}-{k}"), &script);
            }
        }
    }
    for (n, (stream, setting)) in streams().into_iter().enumerate() {
        let bytes = [&setting.to_bytes()[..], &n.to_le_bytes()[..1], &stream].concat();
        put("stream", &format!("{n:04}"), &bytes);
    }
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/captures")) {
        if file.extension().is_some_and(|extension| extension == "pcap") {
            let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
            put("inspect_link", &name, &first_records(&fs::read(&file).expect("a file that can be read")));
        }
    }
    let (names, filters) = topics();
    for (n, text) in names.iter().chain(&filters).enumerate() {
        put("topic_syntax", &format!("{n:04}"), text.as_bytes());
        let other = &filters[n % filters.len()];
        let name = &names[n * 7 % names.len()];
        put("topic_match", &format!("{n:04}"), format!("{text}\n{other}\n{name}").as_bytes());
    }
}

fn raw_target(version: Version) -> &'static str {
    match version {
        Version::V31 => "decode_v31",
        Version::V311 => "decode_v311",
        Version::V5 => "decode_v5",
    }
}

/// The frame as what a peer of the session layer says, first or behind CONNECT and CONNACK, when two messages were sent to
/// it, and as what a watcher sees from either side: scripts for `fuzz/src/session.rs`.
fn session_scripts(version: Version, frame: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    const RECEIVE: u8 = 0;
    const PUBLISH_QOS_1: u8 = 1 << 3 | 3;
    const PUBLISH_QOS_2: u8 = 2 << 3 | 3;
    const REQUEST: u8 = 6;
    const OF_CLIENT: u8 = 0;
    const OF_SERVER: u8 = 1;
    if frame.len() > 255 {
        return Vec::new();
    }
    let with_length = |bytes: &[u8]| [&bytes.len().to_le_bytes()[..1], bytes].concat();
    let encoded = |packet: Packet<'_>| {
        let mut bytes = Vec::new();
        packet.encode(version, &mut bytes).expect("a good packet");
        with_length(&bytes)
    };
    let connect = &encoded(Packet::from(Connect::new(version, "fuzz")))[..];
    let connack = &encoded(Packet::from(ConnAck::new(ReasonCode::SUCCESS)))[..];
    let frame = &with_length(frame)[..];
    let number = Version::ALL.into_iter().position(|other| other == version).expect("one of all");
    let begin = &number.to_le_bytes()[..1];
    let publish = &[PUBLISH_QOS_1, PUBLISH_QOS_2][..];
    vec![
        ("session_client", [begin, &[RECEIVE], frame].concat()),
        (
            "session_client",
            [begin, &[RECEIVE], connack, publish, &[RECEIVE], frame, &[RECEIVE], frame].concat(),
        ),
        ("session_server", [begin, frame, publish, &[RECEIVE], frame].concat()),
        ("session_server", [begin, connect, publish, &[RECEIVE], frame, &[RECEIVE], frame].concat()),
        ("session_server", [begin, connect, &[REQUEST], frame].concat()),
        ("session_watch", [begin, &[OF_CLIENT], frame, &[OF_SERVER], frame].concat()),
        (
            "session_watch",
            [begin, &[OF_CLIENT], connect, &[OF_SERVER], connack, &[OF_CLIENT], frame, &[OF_SERVER], frame]
                .concat(),
        ),
    ]
}

/// The bytes of each conformance case that gives them in hex, and the line with its versions.
fn conformance_cases() -> Vec<(Vec<u8>, String)> {
    let mut cases = Vec::new();
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/conformance")) {
        if file.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a file that can be read");
        for case in text.split("[[case]]").skip(1) {
            let versions = case.lines().find(|line| line.starts_with("versions = ")).unwrap_or_default();
            let hex = case.split("bytes = \"\"\"").nth(1).and_then(|rest| rest.split("\"\"\"").next());
            let bytes: Option<Vec<u8>> = hex.map(without_comments).and_then(|hex| from_hex(&hex));
            if let Some(bytes) = bytes.filter(|bytes| bytes.len() <= LONGEST) {
                cases.push((bytes, versions.to_owned()));
            }
        }
    }
    cases
}

fn without_comments(text: &str) -> String {
    text.lines().filter_map(|line| line.split('#').next()).collect::<Vec<_>>().join(" ")
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

/// The start of a capture, up to the end of a record.
fn first_records(pcap: &[u8]) -> Vec<u8> {
    const FILE_HEADER: usize = 24;
    const RECORD_HEADER: usize = 16;
    let mut end = FILE_HEADER;
    while let Some(length) = pcap.get(end + 8..end + 12) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        let next = end + RECORD_HEADER + length as usize;
        if next > 3 * LONGEST {
            break;
        }
        end = next;
    }
    pcap[..end.min(pcap.len())].to_vec()
}

const LONGEST: usize = 512;

/// Captured packets that differ in more than their values.
fn packets() -> Vec<(Vec<u8>, Sender, Version)> {
    let mut kept = BTreeMap::new();
    for packet in captures::all().into_iter().flat_map(|capture| capture.packets) {
        if packet.bytes.len() > LONGEST {
            continue;
        }
        let shown = decode_exact(&packet.bytes, packet.version).map(|packet| ids(&packet));
        let shape = (packet.version as u8, packet.bytes[0], packet.bytes.len() / 16, format!("{shown:?}"));
        kept.entry(shape).or_insert((packet.bytes, packet.sender, packet.version));
    }
    kept.into_values().collect()
}

fn ids(packet: &Packet<'_>) -> PropertySet {
    match packet {
        Packet::Connect(body) => {
            let of_will = body.will.map_or(PropertySet::EMPTY, |will| will.get().properties.ids());
            of_will | body.properties.ids()
        }
        Packet::ConnAck(body) => body.properties.ids(),
        Packet::Publish(body) => body.properties.ids(),
        Packet::Subscribe(body) => body.properties.ids(),
        Packet::Disconnect(body) => body.properties.ids(),
        _ => PropertySet::EMPTY,
    }
}

fn streams() -> Vec<(Vec<u8>, Setting)> {
    let mut kept = BTreeMap::new();
    for stream in captures::all().into_iter().flat_map(|capture| capture.streams) {
        let length = stream.bytes.len().min(LONGEST);
        let detect = stream.sender == Sender::Client;
        let setting = Setting {
            detect,
            first: true,
            sender: Some(stream.sender),
            tolerances: 1,
            ..Setting::new(stream.version)
        };
        let bytes = stream.bytes[..length].to_vec();
        kept.entry((stream.version as u8, detect, length / 64, bytes[0])).or_insert((bytes, setting));
    }
    kept.into_values().collect()
}

fn topics() -> (Vec<String>, Vec<String>) {
    let (mut names, mut filters) = (Vec::new(), Vec::new());
    for packet in captures::all().into_iter().flat_map(|capture| capture.packets) {
        match decode_exact(&packet.bytes, packet.version) {
            Ok(Packet::Publish(publish)) => names.extend(publish.topic.map(|topic| topic.to_string())),
            Ok(Packet::Subscribe(body)) => {
                let new = |filter: TopicFilter<'_>| filter.to_string();
                filters.extend(body.subscriptions.iter().map(|subscription| new(subscription.filter)));
            }
            _ => {}
        }
    }
    for list in [&mut names, &mut filters] {
        list.sort();
        list.dedup();
        list.retain(|text| text.len() <= LONGEST);
    }
    (names, filters)
}
