//! Replays the corpora of the targets `inspect_*`, without a fuzzer, and makes their seeds.

#![allow(dead_code, reason = "the program's own `main` is not here")]

include!("../src/inspect.rs");

// The program's own tests come along.
#[path = "../../inspect/src/transport_tests.rs"]
mod transport_tests;

mod corpora;

use std::fs;

use corpora::{Oracle, corpus, files, put, replay};
use mqtt_wire::{ConnAck, Connect, Packet, ReasonCode};
use mqtt_wire_fuzz::scripts::Step;

/// How much of a capture's script is a seed: a fuzzer tries three times as many short inputs as long ones.
const LONGEST: usize = 500;
/// The first byte for `inspect_tcp`: the port of MQTT, and the version is what CONNECT says.
const NO_VERSION: u8 = 3 << 1;

const TARGETS: [(&str, Oracle); 6] = [
    ("inspect_hex", inspect_hex),
    ("inspect_link", inspect_link),
    ("inspect_payload", inspect_payload),
    ("inspect_render", inspect_render),
    ("inspect_tcp", inspect_tcp),
    ("inspect_websocket", inspect_websocket),
];

#[test]
fn the_corpora_hold() {
    replay(&TARGETS);
}

/// `FUZZ_SEEDS=FOLDER cargo test --test inspect -- --ignored write_seeds`: seeds of the targets, from the cases of
/// `corpus/inspect`, the captures, and what the program's own tests hold.
#[test]
#[ignore = "writes files"]
fn write_seeds() {
    for file in files(&corpus("inspect")).into_iter().chain(files(&corpus("captures"))) {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let bytes = || fs::read(&file).expect("a file that can be read");
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("txt") => put("inspect_hex", &name, &[b"\0", &bytes()[..]].concat()),
            Some("pcap" | "pcapng") => {
                if fs::metadata(&file).expect("a file").len() < 1500 {
                    put("inspect_link", &name, &bytes());
                }
                let script = script(bytes());
                put("inspect_tcp", &name, &[b"\0", &script[..script.len().min(LONGEST)]].concat());
                let plain = unframed(&script);
                put("inspect_websocket", &name, &[b"\x01", &plain[..plain.len().min(LONGEST)]].concat());
                put(
                    "inspect_websocket",
                    &format!("{name}-framed"),
                    &[b"\x01", &framed(&script)[..]].concat(),
                );
            }
            _ => {}
        }
    }
    for (number, frame) in tunnels().into_iter().enumerate() {
        let mut file = Vec::new();
        for field in [0xA1B2_C3D4, 0x0004_0002, 0, 0, 262_144, 1, 1, 0] {
            file.extend(u32::to_le_bytes(field));
        }
        let length = u32::try_from(frame.len()).expect("small").to_le_bytes();
        file.extend([&length[..], &length, &frame].concat());
        put("inspect_link", &format!("tunnel-{number:02}"), &file);
        let packed =
            ruzstd::encoding::compress_to_vec(&file[..], ruzstd::encoding::CompressionLevel::Fastest);
        put("inspect_link", &format!("tunnel-{number:02}-zstd"), &packed);
    }
    let forms = fs::read_to_string(corpus("../inspect/tests/hex_forms.txt")).expect("the forms");
    for (number, form) in forms.split("### ").skip(1).enumerate() {
        let (_, text) = form.split_once('\n').expect("a title");
        put("inspect_hex", &format!("form-{number:02}"), &[b"\0", text.as_bytes()].concat());
    }
    for how in 0x80..0x88 {
        put(
            "inspect_hex",
            &format!("bytes-{how}"),
            &[&[how], &b"\x30\x0e\0\x05lampu  meny|ala"[..]].concat(),
        );
    }
    for (how, text) in [
        (0, "char p[] = { /* PINGREQ */ 0xc0,\n0x00 }; // end\nunsigned int p_len = 2;\n"),
        (0, "\"\\xc0\\x00\" \\\n\"\\xd0\\x00\"\n"),
        (1, "[192, 0]\n-64 0\n{ 16, 18 }\n0000000  16  18\n0000002\n"),
        (2, "c0\n00\n\n# a comment\nd0:00"),
    ] {
        put("inspect_hex", &format!("text-{how}-{}", text.len()), &[&[how], text.as_bytes()].concat());
    }
    for (version, source) in [(0, "decode_v31"), (1, "decode_v311"), (2, "decode_v5")] {
        for file in files(&corpus("fuzz").join(source)) {
            let packet = fs::read(&file).expect("a file that can be read");
            let name = format!("{source}-{}", file.file_name().expect("a name").to_string_lossy());
            put("inspect_render", &name, &[&[version | 8], &packet[..]].concat());
            for from_server in [false, true] {
                let name = format!("{name}-{from_server}");
                let script = conversation(Version::ALL[usize::from(version)], from_server, &packet);
                put("inspect_tcp", &name, &[&[NO_VERSION], &script[..]].concat());
                put("inspect_websocket", &name, &[b"\x01", &framed(&script)[..]].concat());
            }
        }
    }
}

/// A capture's segments as a script: each side's first number is where it begins.
fn script(file: Vec<u8>) -> Vec<u8> {
    let Ok(mut capture) = capture::Capture::open(Cursor::new(file)) else { return Vec::new() };
    let mut links = link::Links::new();
    let mut script = Vec::new();
    // The server, and for each connection what the client and the server are expected to send next.
    let mut sides: Vec<(std::net::SocketAddr, std::net::SocketAddr, [Option<u32>; 2])> = Vec::new();
    let read = capture.read(|frame| {
        let Some(frame) = frame else { return Ok(()) };
        links.segment(frame, |segment| {
            let known = sides.iter().position(|(client, server, _)| {
                (*client, *server) == (segment.source, segment.destination)
                    || (*client, *server) == (segment.destination, segment.source)
            });
            let index = known.unwrap_or_else(|| {
                let from_server = segment.source.port() < segment.destination.port();
                let ends = (segment.source, segment.destination);
                let (client, server) = if from_server { (ends.1, ends.0) } else { ends };
                sides.push((client, server, [None; 2]));
                sides.len() - 1
            });
            let (_, server, next) = &mut sides[index];
            let from_server = segment.source == *server;
            let next = &mut next[usize::from(from_server)];
            let expected = next.unwrap_or(segment.sequence);
            let distance = segment.sequence.wrapping_sub(expected).cast_signed();
            let shift = i8::try_from(distance).unwrap_or_default();
            let flags = u32::from(segment.syn) + u32::from(segment.fin);
            let length = u32::try_from(segment.payload.len()).expect("a segment");
            *next = Some(segment.sequence.wrapping_add(length).wrapping_add(flags));
            let step = Step {
                connection: u8::try_from(index % 4).expect("small"),
                from_server,
                syn: segment.syn,
                fin: segment.fin,
                reset: segment.reset,
                late: false,
                shift,
            };
            script.extend(step.to_bytes(segment.payload));
        });
        Ok(())
    });
    read.expect("a capture of the corpus");
    script
}

/// A packet from one side behind CONNECT and CONNACK. One that is a CONNECT is the first as well.
fn conversation(version: Version, from_server: bool, packet: &[u8]) -> Vec<u8> {
    let step = |from_server: bool, packet: &[u8]| Step { from_server, ..Step::default() }.to_bytes(packet);
    let encoded = |packet: Packet<'_>| {
        let mut bytes = Vec::new();
        packet.encode(version, &mut bytes).expect("a good packet");
        bytes
    };
    let is_first = packet.first().is_some_and(|first| first >> 4 == 1);
    let connect = if is_first { packet.to_vec() } else { encoded(Packet::from(Connect::new(version, "a"))) };
    let connack = encoded(Packet::from(ConnAck::new(ReasonCode::SUCCESS)));
    [step(false, &connect), step(true, &connack), step(from_server, packet)].concat()
}

/// The same segments for the target that may put data into frames: these stand as they are.
fn unframed(script: &[u8]) -> Vec<u8> {
    with_marks(script, |_| 0)
}

/// A handshake, and the same data in frames.
fn framed(script: &[u8]) -> Vec<u8> {
    const REQUEST: &[u8] =
        b"\0GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Protocol: mqtt\r\n\r\n";
    const ANSWER: &[u8] = b"\0HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Protocol: mqtt\r\n\r\n";
    let step = |from_server: bool, syn: bool| Step { from_server, syn, ..Step::default() };
    let mut all = step(false, true).to_bytes(b"");
    all.extend(step(true, true).to_bytes(b""));
    all.extend(step(false, false).to_bytes(REQUEST));
    all.extend(step(true, false).to_bytes(ANSWER));
    let rest: Vec<u8> = scripts::steps(script)
        .into_iter()
        .filter(|(step, data)| !step.syn && !data.is_empty() && data.len() < 400)
        .flat_map(|(step, data)| Step { shift: 0, ..step }.to_bytes(data))
        .take(LONGEST)
        .collect();
    all.extend(with_marks(&rest, |_| 2 << 1 | 1));
    all
}

fn with_marks(script: &[u8], mark: impl Fn(Step) -> u8) -> Vec<u8> {
    let steps = scripts::steps(script).into_iter();
    steps
        .flat_map(|(step, data)| {
            step.to_bytes(&if data.is_empty() { Vec::new() } else { [&[mark(step)], data].concat() })
        })
        .collect()
}

/// A CONNECT below each kind of tunnel, in Ethernet frames.
fn tunnels() -> Vec<Vec<u8>> {
    let syn =
        scripts::capture(&[0, 0, 15, 0, 16, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'a'], 1883);
    let inner = &syn[40..];
    let ethernet =
        |ether_type: u16, payload: &[u8]| [&[2; 12][..], &ether_type.to_be_bytes(), payload].concat();
    let frame = ethernet(0x0800, inner);
    let ip = |number: u8, payload: &[u8]| {
        let length = u16::try_from(payload.len()).expect("small");
        let header = etherparse::Ipv4Header::new(
            length,
            9,
            etherparse::IpNumber(number),
            [192, 0, 2, 1],
            [192, 0, 2, 2],
        );
        let mut packet = Vec::new();
        header.expect("a header").write(&mut packet).expect("a vector takes all");
        packet.extend(payload);
        ethernet(0x0800, &packet)
    };
    let udp = |port: u16, payload: &[u8]| {
        let mut packet = Vec::new();
        etherparse::PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 9)
            .udp(50_001, port)
            .write(&mut packet, payload)
            .expect("a vector takes all");
        ethernet(0x0800, &packet)
    };
    let on = |header: &[u8], payload: &[u8]| [header, payload].concat();
    vec![
        ethernet(0x88A8, &on(&[0, 42, 0x81, 0, 0, 43, 8, 0], inner)),
        ethernet(0x88E7, &on(&[0, 0, 0, 7], &frame)),
        ethernet(u16::try_from(inner.len() + 8).expect("small"), &on(&[0xAA, 0xAA, 3, 0, 0, 0, 8, 0], inner)),
        ethernet(0x8864, &on(&[0x11, 0, 0, 42, 0, 200, 0, 0x21], inner)),
        ethernet(0x8847, &on(&[0, 1, 0, 64, 0, 1, 1, 64], inner)),
        ethernet(0x8847, &on(&[0, 1, 1, 64, 0, 0, 0, 9], &frame)),
        ip(4, inner),
        ip(47, &on(&[0xB0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9], inner)),
        ip(47, &on(&[0x30, 0x81, 0x88, 0x0B, 0, 9, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xFF, 3, 0, 0x21], inner)),
        ip(47, &on(&[0x10, 0, 0x88, 0xBE, 0, 0, 0, 1, 0x10, 42, 0, 1, 0, 0, 0, 0], &frame)),
        ip(47, &on(&[0x10, 0, 0x22, 0xEB, 0, 0, 0, 1, 0x20, 42, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &frame)),
        udp(4789, &on(&[8, 0, 0, 0, 0, 0, 42, 0], &frame)),
        udp(6081, &on(&[1, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 4], &frame)),
        udp(2152, &on(&[0x34, 0xFF, 0, 60, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0], inner)),
    ]
}
