//! Runs the program, and builds captures for it.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use etherparse::PacketBuilder;
use serde_json::Value;

/// What the program printed.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Its lines as JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// Its packets, as `STATUS TYPE` or `note NAME`.
    pub(crate) fn gist(&self) -> Vec<String> {
        self.json().iter().map(gist).collect()
    }
}

fn gist(record: &Value) -> String {
    let text = |key: &str| record[key].as_str().unwrap_or("-").to_owned();
    match record["status"].as_str() {
        Some("note") => format!("note {}", text("note")),
        Some("error") => {
            format!("error {} {}", text("type"), record["error"]["kind"].as_str().unwrap_or("-"))
        }
        Some("incomplete") => format!("incomplete {} {}", text("type"), record["missing"]),
        _ => format!("ok {}", text("type")),
    }
}

pub(crate) fn run_with(args: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-inspect"))
        .args(args)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // The program may end without reading all of it.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let Output { status, stdout, stderr } = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: status.code().expect("no signal"), out: text(stdout), err: text(stderr) }
}

/// The program while it runs. Its lines are waited for, but not for ever.
pub(crate) struct Running {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-inspect"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, stdin, lines }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stdin.write_all(bytes).expect("it is read");
    }

    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(20)).expect("a line in time")
    }

    /// Ends its input; the rest of its lines.
    pub(crate) fn finish(mut self) -> Vec<String> {
        drop(self.stdin);
        assert!(self.child.wait().expect("it ends").success());
        self.lines.iter().collect()
    }
}

/// What a capture holds.
pub(crate) fn json(file: &[u8]) -> Ran {
    run_with(&["--json", "-"], file)
}

pub(crate) fn run(args: &[&str]) -> Ran {
    run_with(args, b"")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xF])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

pub(crate) fn captures() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures");
    let entries = std::fs::read_dir(folder).expect("corpus/captures");
    let mut captures: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcap"))
        .collect();
    captures.sort();
    assert!(captures.len() > 10, "no captures in {folder}");
    captures
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Server,
}
pub(crate) use End::{Client, Server};

/// How IP packets are wrapped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Link {
    Ethernet,
    Vlan,
    Null,
    Sll,
    Sll2,
    Raw,
}

impl Link {
    pub(crate) const ALL: [Self; 6] =
        [Self::Ethernet, Self::Vlan, Self::Null, Self::Sll, Self::Sll2, Self::Raw];

    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Ethernet | Self::Vlan => 1,
            Self::Null => 0,
            Self::Sll => 113,
            Self::Sll2 => 276,
            Self::Raw => 101,
        }
    }

    fn wrap(self, v6: bool, ip: &[u8]) -> Vec<u8> {
        let ether_type: [u8; 2] = if v6 { [0x86, 0xDD] } else { [0x08, 0x00] };
        let header = match self {
            Self::Ethernet => [[2; 12].as_slice(), &ether_type].concat(),
            Self::Vlan => [[2; 12].as_slice(), &[0x81, 0x00, 0x00, 0x2A], &ether_type].concat(),
            Self::Null => vec![if v6 { 30 } else { 2 }, 0, 0, 0],
            // The device is the loopback: ARPHRD 772.
            Self::Sll => [[0, 0, 3, 4, 0, 6].as_slice(), &[0; 8], &ether_type].concat(),
            Self::Sll2 => [ether_type.as_slice(), &[0, 0, 0, 0, 0, 1, 3, 4, 0, 6], &[0; 8]].concat(),
            Self::Raw => Vec::new(),
        };
        [header.as_slice(), ip].concat()
    }
}

/// One TCP connection, whose segments are put into a capture in whatever order.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) link: Link,
    pub(crate) v6: bool,
    pub(crate) client_port: u16,
    pub(crate) server_port: u16,
    pub(crate) sent: [u32; 2],
    /// The frames, and each one's time in microseconds.
    pub(crate) frames: Vec<(u64, Vec<u8>)>,
    pub(crate) now: u64,
}

/// Far enough before the end of the sequence numbers to wrap soon.
const FIRST: [u32; 2] = [u32::MAX - 20, 7];

impl Connection {
    pub(crate) fn new(server_port: u16) -> Self {
        Self {
            link: Link::Ethernet,
            v6: false,
            client_port: 50_000,
            server_port,
            sent: FIRST,
            frames: Vec::new(),
            now: 1_700_000_000_000_000,
        }
    }

    pub(crate) fn on(server_port: u16, link: Link, v6: bool) -> Self {
        Self { link, v6, ..Self::new(server_port) }
    }

    /// A whole handshake.
    pub(crate) fn open(mut self) -> Self {
        self.syn(Client);
        self.syn(Server);
        self.segment(Client, self.sent[0], b"", |flags| flags);
        self
    }

    pub(crate) fn syn(&mut self, from: End) {
        let sequence = self.sent[from as usize];
        self.segment(from, sequence.wrapping_sub(1), b"", |flags| {
            if from == Client { flags & !ACK | SYN } else { flags | SYN }
        });
    }

    pub(crate) fn fin(&mut self, from: End) {
        self.segment(from, self.sent[from as usize], b"", |flags| flags | FIN);
        self.sent[from as usize] = self.sent[from as usize].wrapping_add(1);
    }

    pub(crate) fn reset(&mut self, from: End) {
        self.segment(from, self.sent[from as usize], b"", |flags| flags | RST);
    }

    pub(crate) fn send(&mut self, from: End, bytes: &[u8]) {
        self.segment(from, self.sent[from as usize], bytes, |flags| flags);
        self.lose(from, bytes.len());
    }

    /// Bytes that were sent, and are not in the capture.
    pub(crate) fn lose(&mut self, from: End, length: usize) {
        self.sent[from as usize] = self.sent[from as usize].wrapping_add(u32::try_from(length).expect("few"));
    }

    /// Acknowledges all that the other end sent.
    pub(crate) fn acknowledge(&mut self, from: End) {
        self.segment(from, self.sent[from as usize], b"", |flags| flags);
    }

    fn segment(&mut self, from: End, sequence: u32, bytes: &[u8], flags: impl FnOnce(u8) -> u8) {
        let (source, destination) = match from {
            Client => (self.client_port, self.server_port),
            Server => (self.server_port, self.client_port),
        };
        let acknowledged = self.sent[1 - from as usize];
        let (a, b) = if from == Client { (1, 2) } else { (2, 1) };
        let flags = flags(ACK);
        let mut v6 = [[0; 16]; 2];
        (v6[0][15], v6[1][15]) = (a, b);
        let ip = if self.v6 {
            PacketBuilder::ipv6(v6[0], v6[1], 64)
        } else {
            PacketBuilder::ipv4([10, 0, 0, a], [10, 0, 0, b], 64)
        };
        let mut tcp = ip.tcp(source, destination, sequence, 65_000);
        if flags & ACK != 0 {
            tcp = tcp.ack(acknowledged);
        }
        if flags & SYN != 0 {
            tcp = tcp.syn();
        }
        if flags & FIN != 0 {
            tcp = tcp.fin();
        }
        if flags & RST != 0 {
            tcp = tcp.rst();
        }
        let mut packet = Vec::new();
        tcp.write(&mut packet, bytes).expect("a vector takes all");
        self.now += 1000;
        self.frames.push((self.now, self.link.wrap(self.v6, &packet)));
    }
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// A pcap file, in microseconds and little-endian unless said otherwise.
pub(crate) fn pcap(link: u32, frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
    pcap_as(link, frames, false, false)
}

pub(crate) fn pcap_as(link: u32, frames: &[(u64, Vec<u8>)], nanoseconds: bool, big: bool) -> Vec<u8> {
    let word = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let half = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut file = Vec::new();
    file.extend(word(if nanoseconds { 0xA1B2_3C4D } else { 0xA1B2_C3D4 }));
    file.extend(half(2));
    file.extend(half(4));
    for field in [0, 0, 262_144, link] {
        file.extend(word(field));
    }
    for (time, frame) in frames {
        let fraction = (time % 1_000_000) * if nanoseconds { 1000 } else { 1 };
        let length = u32::try_from(frame.len()).expect("small");
        for field in [
            u32::try_from(time / 1_000_000).expect("soon"),
            u32::try_from(fraction).expect("small"),
            length,
            length,
        ] {
            file.extend(word(field));
        }
        file.extend(frame);
    }
    file
}

/// An interface: its link type, its exponent of ten for ticks, and its frames.
type Interface<'a> = (u32, u8, &'a [(u64, Vec<u8>)]);

/// A pcapng file.
pub(crate) fn pcapng(interfaces: &[Interface<'_>]) -> Vec<u8> {
    let mut file =
        block(0x0A0D_0D0A, &[&0x1A2B_3C4D_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xFF; 8]].concat());
    for (link, exponent, _) in interfaces {
        let link = u16::try_from(*link).expect("small").to_le_bytes();
        let options = [9, 0, 1, 0, *exponent, 0, 0, 0, 0, 0, 0, 0];
        file.extend(block(1, &[&link[..], &[0, 0], &[0, 0, 4, 0], &options].concat()));
    }
    let mut packets: Vec<_> = Vec::new();
    for (index, (_, exponent, frames)) in interfaces.iter().enumerate() {
        packets.extend(frames.iter().map(|(time, frame)| (*time, index, *exponent, frame)));
    }
    packets.sort_by_key(|(time, ..)| *time);
    for (time, index, exponent, frame) in packets {
        let ticks = if exponent == 9 { time * 1000 } else { time };
        let mut body = Vec::new();
        let high = u32::try_from(ticks >> 32).expect("small");
        let low = u32::try_from(ticks & 0xFFFF_FFFF).expect("small");
        let length = u32::try_from(frame.len()).expect("small");
        for field in [u32::try_from(index).expect("small"), high, low, length, length] {
            body.extend(field.to_le_bytes());
        }
        body.extend(frame);
        body.resize(body.len().next_multiple_of(4), 0);
        file.extend(block(6, &body));
    }
    file
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 12).expect("small").to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body, &length].concat()
}

/// A WebSocket frame.
pub(crate) fn frame(from: End, first: u8, payload: &[u8]) -> Vec<u8> {
    let (flag, mask) = if from == Client { (0x80, vec![1, 2, 3, 4]) } else { (0, Vec::new()) };
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => bytes.push(flag | u8::try_from(length).expect("small")),
        Ok(length) => {
            bytes.push(flag | 0x7E);
            bytes.extend(length.to_be_bytes());
        }
        Err(error) => panic!("too long for a test: {error}"),
    }
    bytes.extend(&mask);
    let key = if mask.is_empty() { vec![0] } else { mask };
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

pub(crate) const REQUEST: &[u8] =
    b"GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
pub(crate) const SWITCHED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// MQTT 3.1.1, client identifier `a`, clean session.
pub(crate) const CONNECT: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a";
pub(crate) const CONNACK: &[u8] = b"\x20\x02\0\0";
/// MQTT 5.0, client identifier `a`, clean start.
pub(crate) const CONNECT_V5: &[u8] = b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01a";
pub(crate) const CONNACK_V5: &[u8] = b"\x20\x03\0\0\0";
/// Topic `lampu`, payload `menyala`, QoS 0, without properties: 3.1.1 reads it, 5.0 does not.
pub(crate) const PUBLISH: &[u8] = b"\x30\x0e\0\x05lampumenyala";
pub(crate) const PINGREQ: &[u8] = b"\xc0\0";
pub(crate) const PINGRESP: &[u8] = b"\xd0\0";
pub(crate) const DISCONNECT: &[u8] = b"\xe0\0";

/// A whole conversation of 3.1.1.
pub(crate) fn conversation(link: Link, v6: bool) -> Connection {
    let mut connection = Connection::on(1883, link, v6).open();
    connection.send(Client, CONNECT);
    connection.send(Server, CONNACK);
    connection.send(Client, &[PUBLISH, PINGREQ].concat());
    connection.send(Server, PINGRESP);
    connection.send(Client, DISCONNECT);
    connection.fin(Client);
    connection.fin(Server);
    connection
}

/// What comes out of it.
pub(crate) const CONVERSATION: [&str; 8] = [
    "note opened",
    "ok CONNECT",
    "ok CONNACK",
    "ok PUBLISH",
    "ok PINGREQ",
    "ok PINGRESP",
    "ok DISCONNECT",
    "note closed",
];
