//! Capture files: real ones against an independent dissector, and built ones of every format and link.

mod support;

use std::collections::HashMap;
use std::io::Write;

use serde_json::Value;
use support::{
    CONNECT, CONVERSATION, Client, Connection, Link, Running, captures, conversation, json, pcap, pcap_as,
    pcapng, run,
};

/// Captures in which rules between packets are broken: limits that the other side has announced are passed. Which,
/// and how often, is told in the tests of mqtt-session.
const KNOWN: [&str; 8] = [
    "mosqtight_mqttjs_v5",
    "mosqtight_paho_v5",
    "mosquitto_mqttjs_v5",
    "mosquitto_paho_v5",
    "mosquitto_rumqttc_v5",
    "rumqttd_mosqcli_v5",
    "rumqttd_rumqttc_v311",
    "rumqttd_rumqttc_v5",
];

#[test]
fn real_captures_hold_the_packets_that_the_dissector_saw() {
    let mut packets = 0;
    for path in captures() {
        let ran = run(&["--json", path.to_str().expect("a name")]);
        let reading = std::fs::read_to_string(path.with_extension("tshark.jsonl")).expect("a reading");
        let mut seen: HashMap<(String, u64), Vec<Value>> = HashMap::new();
        for record in ran.json().into_iter().filter(|record| record["status"] != "note") {
            assert_ne!(record["status"], "incomplete", "{}: {record}", path.display());
            let key = (record["direction"].to_string(), record["offset"].as_u64().expect("a number"));
            seen.entry(key).or_default().push(record);
        }
        for line in reading.lines() {
            let packet: Value = serde_json::from_str(line).expect("JSON");
            let direction =
                if packet["dir"] == "c2s" { "\"client_to_server\"" } else { "\"server_to_client\"" };
            let key = (direction.to_owned(), packet["offset"].as_u64().expect("a number"));
            // Connections are told apart by what the packet is.
            let records = seen.get_mut(&key).unwrap_or_else(|| panic!("{}: {line}", path.display()));
            let level = ["", "", "", "3.1", "3.1.1", "5.0"]
                [usize::try_from(packet["version"].as_u64().expect("a number")).expect("small")];
            let index = records.iter().position(|record| {
                record["type"] == packet["name"]
                    && record["raw_length"] == packet["size"]
                    && (record["version"] == level || record["status"] == "error")
            });
            records.swap_remove(index.unwrap_or_else(|| panic!("{}: {line}", path.display())));
            packets += 1;
        }
        assert!(seen.values().all(Vec::is_empty), "{}: more packets than the dissector saw", path.display());
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let is_known = KNOWN.contains(&stem);
        assert!(ran.code < 2 || is_known && ran.code == 5, "{}: {}", path.display(), ran.code);
        assert_eq!(ran.err, "", "{}", path.display());
    }
    println!("{packets} packets");
}

#[test]
fn every_link_layer_is_read() {
    for link in Link::ALL {
        for v6 in [false, true] {
            let connection = conversation(link, v6);
            let ran = json(&pcap(link.number(), &connection.frames));
            assert_eq!(ran.gist(), CONVERSATION, "{link:?}, IPv6: {v6}");
            assert_eq!(ran.code, 0);
            let client = if v6 { "[::1]:50000" } else { "10.0.0.1:50000" };
            assert_eq!(ran.json()[2]["connection"]["client"], client);
        }
    }
}

#[test]
fn every_file_format_is_read_with_the_same_times() {
    let ethernet = conversation(Link::Ethernet, false).frames;
    let cooked = conversation(Link::Sll, false).frames;
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(&pcap(1, &ethernet)).expect("a vector takes all");
    let files = [
        pcap(1, &ethernet),
        pcap_as(1, &ethernet, true, false),
        pcap_as(1, &ethernet, true, true),
        pcap_as(1, &ethernet, false, true),
        pcapng(&[(1, 6, &ethernet)]),
        pcapng(&[(1, 9, &ethernet)]),
        // Two interfaces, of which the second has all but the first three frames.
        pcapng(&[(1, 6, &ethernet[..3]), (113, 9, &cooked[3..])]),
        zipped.finish().expect("a vector takes all"),
        zstd(&pcap(1, &ethernet)),
        packet_blocks(&ethernet, false),
        packet_blocks(&ethernet, true),
    ];
    for file in files {
        let ran = json(&file);
        assert_eq!(ran.gist(), CONVERSATION);
        let publish = &ran.json()[3];
        assert_eq!(publish["time"], "2023-11-14T22:13:20.006000Z");
        assert_eq!(publish["elapsed"], 0.005);
    }
}

#[test]
fn ip_fragments_are_put_together() {
    let mut connection = Connection::on(1883, Link::Raw, false).open();
    connection.send(Client, CONNECT);
    let long = [b"\x30\xb4\x01\0\x05lampu".as_slice(), &[b'm'; 173]].concat();
    connection.send(Client, &long);
    let (time, whole) = connection.frames.pop().expect("a frame");
    let (header, body) = whole.split_at(20);
    for (at, part) in [(0, &body[..104]), (13, &body[104..])] {
        let mut part = [header, part].concat();
        let length = u16::try_from(part.len()).expect("small").to_be_bytes();
        part[2..4].copy_from_slice(&length);
        part[6..8].copy_from_slice(&(if at == 0 { 0x2000_u16 } else { at }).to_be_bytes());
        connection.frames.push((time, part));
    }
    let ran = json(&pcap(101, &connection.frames));
    assert_eq!(ran.gist(), ["note opened", "ok CONNECT", "ok PUBLISH"]);
    assert_eq!(ran.json()[2]["fields"]["payload"]["length"], 173);
}

#[test]
fn a_capture_that_is_still_being_made_is_shown_as_it_comes() {
    let frames = conversation(Link::Ethernet, false).frames;
    for file in [pcap(1, &frames), pcapng(&[(1, 6, &frames)])] {
        let mut running = Running::start(&["--json", "-"]);
        let (first, second) = file.split_at(file.len() / 2);
        first.chunks(7).for_each(|part| running.write(part));
        assert!(running.line().contains("opened"));
        assert!(running.line().contains("CONNECT"));
        running.write(second);
        assert!(running.finish().last().expect("a line").contains("closed"));
    }
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A file of early pcapng, whose frames are in Packet Blocks.
fn packet_blocks(frames: &[(u64, Vec<u8>)], big: bool) -> Vec<u8> {
    let word = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let half = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let block = |kind: u32, body: &[u8]| {
        let length = word(u32::try_from(body.len() + 12).expect("small"));
        [&word(kind)[..], &length, body, &length].concat()
    };
    let mut file = block(0x0A0D_0D0A, &[&word(0x1A2B_3C4D)[..], &half(1), &half(0), &[0xFF; 8]].concat());
    // The second interface is the one that is used.
    file.extend(block(1, &[&half(113)[..], &half(0), &word(65_535)].concat()));
    file.extend(block(1, &[&half(1)[..], &half(0), &word(65_535)].concat()));
    for (time, frame) in frames {
        let length = u32::try_from(frame.len()).expect("small");
        let mut body = [&half(1)[..], &half(0xFFFF)].concat();
        for field in [
            u32::try_from(time >> 32).expect("small"),
            u32::try_from(time & 0xFFFF_FFFF).expect("small"),
            length,
            length,
        ] {
            body.extend(word(field));
        }
        body.extend(frame);
        body.resize(body.len().next_multiple_of(4), 0);
        file.extend(block(2, &body));
    }
    file
}

#[test]
fn a_zstd_file_may_have_several_frames() {
    let file = pcap(1, &conversation(Link::Ethernet, false).frames);
    let (first, second) = file.split_at(file.len() / 2);
    let skipped = [0x5A, 0x2A, 0x4D, 0x18, 5, 0, 0, 0, 9, 9, 9, 9, 9];
    let parts = [zstd(first), skipped.to_vec(), zstd(second)].concat();
    for zipped in [parts.clone(), [&skipped[..], &parts].concat()] {
        let ran = json(&zipped);
        assert_eq!(ran.gist(), CONVERSATION, "{}", ran.err);
        assert_eq!(ran.code, 0);
    }
}

#[test]
fn a_file_that_is_cut_or_damaged_is_shown_as_far_as_it_goes() {
    let frames = conversation(Link::Ethernet, false).frames;
    let file = pcap(1, &frames);
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(&file).expect("a vector takes all");
    let zipped = zipped.finish().expect("a vector takes all");
    let two = [zstd(&file[..file.len() - 10]), zstd(&file[file.len() - 10..])].concat();
    for cut in [&file[..file.len() - 10], &zipped[..zipped.len() - 20], &two[..two.len() - 3]] {
        let cut = json(cut);
        assert_eq!(cut.gist()[..5], CONVERSATION[..5]);
        assert_eq!(cut.code, 4);
        assert!(cut.err.contains("the file ends inside a record"), "{}", cut.err);
    }
    let mut ng = pcapng(&[(1, 6, &frames)]);
    let at = ng.len() - 4;
    ng[at] ^= 0x55;
    let mut checksum = two.clone();
    *checksum.last_mut().expect("a byte") ^= 0x55;
    // The last packet names an interface that there is not.
    let mut nobody = packet_blocks(&frames, false);
    let last = packet_blocks(&frames[frames.len() - 1..], false).len() - packet_blocks(&[], false).len();
    let at = nobody.len() - last + 8;
    nobody[at] = 7;
    // What macOS says of a process, shorter than any block.
    let short =
        [&pcapng(&[(1, 6, &frames)])[..], &0x8000_0001_u32.to_le_bytes(), &8_u32.to_le_bytes()].concat();
    for (damaged, message) in [
        (ng, "damaged record at byte"),
        (short, "damaged record at byte"),
        (checksum, "zstd: the checksum differs"),
        (nobody, "a packet names interface 7, which the file does not describe"),
    ] {
        let damaged = json(&damaged);
        assert_eq!(damaged.gist()[..7], CONVERSATION[..7]);
        assert_eq!(damaged.code, 4);
        assert!(damaged.err.contains(message), "{message}: {}", damaged.err);
    }
}

#[test]
fn exit_codes_tell_what_there_was() {
    let good = pcap(1, &conversation(Link::Ethernet, false).frames);
    let mut connection = Connection::new(1883).open();
    connection.send(Client, CONNECT);
    connection.send(Client, b"\x30\x05\0\x02a#x");
    let malformed = pcap(1, &connection.frames);
    let empty = pcap(1, &[]);
    let mut other = Connection::new(80).open();
    other.send(Client, b"hello, this is no MQTT");
    let other = pcap(1, &other.frames);
    for (name, file, code) in [
        ("all well", &good[..], 0),
        ("malformed", &malformed[..], 1),
        ("no capture", b"hello", 2),
        ("no file", b"", 2),
        ("no frames", &empty[..], 3),
        ("no MQTT", &other[..], 3),
        ("cut", &good[..good.len() - 1], 4),
        ("cut and malformed", &[&malformed[..], &[0; 9]].concat(), 1),
        ("cut before any packet", &[&empty[..], &[0; 9]].concat(), 4),
    ] {
        for output in [&["-"][..], &["--json", "-"], &["--explain", "-"], &["--stats", "-"]] {
            let ran = support::run_with(output, file);
            assert_eq!(ran.code, code, "{name} {output:?}: {}", ran.err);
        }
    }
    assert_eq!(support::run_with(&["--raw"], b"").code, 3);
    assert_eq!(support::run_with(&["--raw"], b"\xc0\0").code, 0);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, file: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, file).expect("it is written");
        path.to_str().expect("a name").to_owned()
    };
    // One file without MQTT among others is no finding; one that is damaged is.
    let (good, none, cut) =
        (write("good", &good), write("none", &empty), write("cut", &good[..good.len() - 1]));
    assert_eq!(run(&[&good, &none]).code, 0);
    assert_eq!(run(&[&none, &none]).code, 3);
    assert_eq!(run(&[&cut, &good]).code, 4);
    assert_eq!(run(&[&cut, "missing"]).code, 2);
}

#[test]
fn keys_in_the_file_are_named() {
    let frames = conversation(Link::Ethernet, false).frames;
    let mut file = pcapng(&[(1, 6, &frames)]);
    let keys = b"CLIENT_RANDOM 00 00\n";
    let body = [&0x544C_534B_u32.to_le_bytes()[..], &20_u32.to_le_bytes(), keys].concat();
    let length = u32::try_from(body.len() + 12).expect("small").to_le_bytes();
    file.extend([&10_u32.to_le_bytes()[..], &length, &body, &length].concat());
    let ran = json(&file);
    assert_eq!(ran.gist(), CONVERSATION);
    assert_eq!(ran.err, "mqtt-inspect: standard input: the keys in it are not used: TLS cannot be read\n");
}

#[test]
fn what_is_no_capture_is_refused_in_words() {
    for (input, message) in [
        (b"".as_slice(), "the file is empty"),
        (b"hello, this is no capture", "neither a pcap nor a pcapng file"),
        (b"\xfd7zXZ\0rest", "it is compressed with xz, not a pcap or pcapng file"),
        (b"snoop\0\0\0\0\0\0\x02", "it is a snoop capture, not a pcap"),
        (&pcap(105, &[(0, vec![0; 60])]), "link type 105 is not among those"),
    ] {
        let ran = json(input);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.err.starts_with("mqtt-inspect: standard input: "), "{}", ran.err);
        assert!(ran.err.contains(message), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1);
    }
}

#[test]
fn several_files_are_named_and_a_bad_one_does_not_stop_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.pcap");
    std::fs::write(&path, pcap(1, &conversation(Link::Ethernet, false).frames)).expect("it is written");
    let name = path.to_str().expect("a name");
    let ran = run(&["--json", name, "missing.pcap", name]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("missing.pcap"), "{}", ran.err);
    assert_eq!(ran.gist(), [CONVERSATION, CONVERSATION].concat());
    assert_eq!(ran.json()[0]["source"], name);
}
