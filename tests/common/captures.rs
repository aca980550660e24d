//! The captures of `corpus/captures`, and what an independent dissector read in each.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use mqtt_wire::{Sender, Version};
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Bytes above this size stand in the dissector's reading as length, digest and head.
const LONG: usize = 2048;
const HEAD: usize = 64;

/// One capture.
pub(crate) struct Capture {
    pub(crate) name: String,
    /// The packets in capture order.
    pub(crate) packets: Vec<Captured>,
    /// What each side of each connection sent.
    pub(crate) streams: Vec<Stream>,
}

/// One packet of a capture.
pub(crate) struct Captured {
    pub(crate) frame: u64,
    pub(crate) stream: u64,
    pub(crate) sender: Sender,
    pub(crate) version: Version,
    pub(crate) name: String,
    /// Where it starts in its stream.
    pub(crate) offset: usize,
    pub(crate) bytes: Vec<u8>,
    /// The dissector's reading.
    pub(crate) fields: Map<String, Value>,
}

/// What one side of a connection sent.
pub(crate) struct Stream {
    pub(crate) number: u64,
    pub(crate) sender: Sender,
    pub(crate) version: Version,
    pub(crate) bytes: Vec<u8>,
}

/// Every capture, by name.
pub(crate) fn all() -> Vec<Capture> {
    // A package of the workspace has them above its own folder.
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let folder =
        above.map(|folder| folder.join("corpus/captures")).find(|folder| folder.is_dir()).expect("captures");
    let mut pcaps: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a folder that can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng"))
        .collect();
    pcaps.sort();
    assert!(!pcaps.is_empty(), "no captures in {}", folder.display());
    pcaps.iter().map(|path| load(path)).collect()
}

/// Bytes as the dissector's reading gives them.
pub(crate) fn shortened(bytes: &[u8]) -> Value {
    if bytes.len() <= LONG {
        return hex(bytes).into();
    }
    serde_json::json!({ "len": bytes.len(), "sha256": hex(&Sha256::digest(bytes)), "head": hex(&bytes[..HEAD]) })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("memory");
        hex
    })
}

fn load(pcap: &Path) -> Capture {
    let name = pcap.file_stem().expect("a name").to_string_lossy().into_owned();
    let reading = pcap.with_extension("tshark.jsonl");
    let reading =
        fs::read_to_string(&reading).unwrap_or_else(|error| panic!("{}: {error}", reading.display()));
    let directions = directions(pcap);
    let packets: Vec<Captured> = reading.lines().map(|line| captured(&name, line, &directions)).collect();
    assert!(!packets.is_empty(), "{name}: the dissector read no packet");
    let mut streams = BTreeMap::new();
    for packet in &packets {
        streams.entry((packet.stream, packet.sender == Sender::Server)).or_insert_with(|| Stream {
            number: packet.stream,
            sender: packet.sender,
            version: packet.version,
            bytes: directions[&packet.stream].of(packet.sender).clone(),
        });
    }
    Capture { name, packets, streams: streams.into_values().collect() }
}

fn captured(capture: &str, line: &str, directions: &BTreeMap<u64, Connection>) -> Captured {
    let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{capture}: {error}: {line}"));
    let number = |key: &str| json[key].as_u64().unwrap_or_else(|| panic!("{capture}: no {key} in {line}"));
    let sender = match json["dir"].as_str() {
        Some("c2s") => Sender::Client,
        Some("s2c") => Sender::Server,
        _ => panic!("{capture}: no direction in {line}"),
    };
    let version = match number("version") {
        3 => Version::V31,
        4 => Version::V311,
        5 => Version::V5,
        _ => panic!("{capture}: no known version in {line}"),
    };
    let (offset, size) = (to_usize(number("offset")), to_usize(number("size")));
    let bytes = directions[&number("stream")].of(sender)[offset..offset + size].to_vec();
    assert_eq!(shortened(&bytes), json["raw"], "{capture}: the capture and its reading differ");
    Captured {
        frame: number("frame"),
        stream: number("stream"),
        sender,
        version,
        name: json["name"].as_str().expect("a name").to_owned(),
        offset,
        bytes,
        fields: json["fields"].as_object().expect("fields").clone(),
    }
}

fn to_usize(n: u64) -> usize {
    n.try_into().expect("a number that fits")
}

/// A TCP connection: the bytes of its two sides.
#[derive(Default)]
struct Connection {
    client: Side,
    server: Side,
}

/// The payloads of one side by sequence number, counted from its SYN; then its bytes.
#[derive(Default)]
struct Side {
    first: u32,
    segments: BTreeMap<u32, Vec<u8>>,
    bytes: Vec<u8>,
}

impl Connection {
    fn of(&self, sender: Sender) -> &Vec<u8> {
        match sender {
            Sender::Client => &self.client.bytes,
            Sender::Server => &self.server.bytes,
        }
    }
}

impl Side {
    fn add(&mut self, sequence: u32, payload: &[u8]) {
        let kept = self.segments.entry(sequence.wrapping_sub(self.first)).or_default();
        if payload.len() > kept.len() {
            *kept = payload.to_vec();
        }
    }

    fn assemble(&mut self, capture: &Path) {
        for (start, payload) in &self.segments {
            let known = self.bytes.len().checked_sub(*start as usize);
            let known = known.unwrap_or_else(|| panic!("{}: bytes are missing", capture.display()));
            self.bytes.extend_from_slice(payload.get(known..).unwrap_or_default());
        }
    }
}

/// The connections of a capture, numbered as the dissector numbers them: by their first segment.
fn directions(pcap: &Path) -> BTreeMap<u64, Connection> {
    let mut connections = BTreeMap::new();
    let mut numbers: BTreeMap<(SocketAddr, SocketAddr), u64> = BTreeMap::new();
    let mut count = 0;
    each_packet(pcap, |packet| {
        let packet = SlicedPacket::from_ip(packet).expect("an IP packet");
        let Some(TransportSlice::Tcp(tcp)) = packet.transport else { return };
        let (from, to): (IpAddr, IpAddr) = match packet.net {
            Some(NetSlice::Ipv4(ip)) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            Some(NetSlice::Ipv6(ip)) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            other => panic!("{}: TCP over {other:?}", pcap.display()),
        };
        let from = SocketAddr::new(from, tcp.source_port());
        let to = SocketAddr::new(to, tcp.destination_port());
        let first = tcp.sequence_number().wrapping_add(1);
        if tcp.syn()
            && !tcp.ack()
            && numbers.get(&(from, to)).is_none_or(|n| first_of(&connections, *n) != first)
        {
            numbers.insert((from, to), count);
            connections.insert(count, Connection::default());
            count += 1;
        }
        let (number, from_client) = match (numbers.get(&(from, to)), numbers.get(&(to, from))) {
            (Some(number), _) => (number, true),
            (None, Some(number)) => (number, false),
            (None, None) => panic!("{}: the start of a connection was not captured", pcap.display()),
        };
        let connection = connections.get_mut(number).expect("a numbered connection");
        let side = if from_client { &mut connection.client } else { &mut connection.server };
        if tcp.syn() {
            side.first = first;
        } else if !tcp.payload().is_empty() {
            side.add(tcp.sequence_number(), tcp.payload());
        }
    });
    for connection in connections.values_mut() {
        connection.client.assemble(pcap);
        connection.server.assemble(pcap);
        if connection.client.bytes.starts_with(b"GET ") {
            connection.client.bytes = unwrap_websocket(&connection.client.bytes);
            connection.server.bytes = unwrap_websocket(&connection.server.bytes);
        }
    }
    connections
}

fn first_of(connections: &BTreeMap<u64, Connection>, number: u64) -> u32 {
    connections[&number].client.first
}

/// Calls `each` with every IP packet of a pcap or pcapng file.
fn each_packet(capture: &Path, mut each: impl FnMut(&[u8])) {
    const CAPACITY: usize = 1 << 20;
    let file = File::open(capture).unwrap_or_else(|error| panic!("{}: {error}", capture.display()));
    let mut reader =
        create_reader(CAPACITY, file).unwrap_or_else(|error| panic!("{}: {error}", capture.display()));
    let mut link = Linktype::NULL;
    loop {
        match reader.next() {
            Ok((size, block)) => {
                match block {
                    PcapBlockOwned::LegacyHeader(header) => link = header.network,
                    PcapBlockOwned::Legacy(frame) => each(&frame.data[link_header(link)..]),
                    PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => link = interface.linktype,
                    PcapBlockOwned::NG(Block::EnhancedPacket(frame)) => {
                        each(&frame.data[link_header(link)..]);
                    }
                    PcapBlockOwned::NG(_) => {}
                }
                reader.consume(size);
            }
            Err(PcapError::Eof) => return,
            Err(PcapError::Incomplete(_)) => reader.refill().expect("a capture that can be read"),
            Err(error) => panic!("{}: {error}", capture.display()),
        }
    }
}

/// The length of the header before the IP packet.
fn link_header(link: Linktype) -> usize {
    const LINUX_SLL2: Linktype = Linktype(276);
    match link {
        Linktype::ETHERNET => 14,
        Linktype::LINUX_SLL => 16,
        LINUX_SLL2 => 20,
        other => panic!("link type {other}"),
    }
}

/// The payloads of the data frames behind the HTTP header (RFC 6455, section 5.2).
fn unwrap_websocket(wire: &[u8]) -> Vec<u8> {
    let mut payloads = Vec::new();
    let header = wire.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of the HTTP header");
    let mut rest = &wire[header + 4..];
    while let [first, second, behind @ ..] = rest {
        assert_eq!(first & 0x70, 0, "a WebSocket extension is in use");
        let (size, behind) = match second & 0x7F {
            126 => (usize::from(u16::from_be_bytes([behind[0], behind[1]])), &behind[2..]),
            127 => (to_usize(u64::from_be_bytes(behind[..8].try_into().expect("eight bytes"))), &behind[8..]),
            size => (usize::from(size), behind),
        };
        let (key, behind) = if second & 0x80 == 0 { (&[0; 4][..], behind) } else { behind.split_at(4) };
        let (payload, behind) = behind.split_at(size);
        if matches!(first & 0x0F, 0 | 2) {
            payloads.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        }
        rest = behind;
    }
    payloads
}
