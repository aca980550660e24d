//! Captures of any length, made as they are written: the same bytes for the same shape and size.

use std::io::{Result, Write};

/// What a capture is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A broker's day: 200 connections at a time that open, publish, acknowledge, ping and close.
    Day,
    /// Connections that open, publish once and close.
    Short,
    /// Connections that open, publish, and are never heard of again.
    Open,
    /// SYNs that nobody answers, each from another port or address.
    Syns,
    /// PUBLISH packets of 3 MiB, on a few connections at a time.
    Large,
    /// Connections that lack segments: what follows is held, and the packets stay unfinished.
    Holes,
    /// HTTP on a port that is not MQTT's.
    Others,
}

impl Shape {
    pub(crate) const ALL: [(Self, &'static str); 7] = [
        (Self::Day, "day"),
        (Self::Short, "short"),
        (Self::Open, "open"),
        (Self::Syns, "syns"),
        (Self::Large, "large"),
        (Self::Holes, "holes"),
        (Self::Others, "others"),
    ];
}

/// What a capture came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Made {
    pub(crate) bytes: u64,
    /// MQTT connections in all, and those that are open at the end.
    pub(crate) connections: u64,
    pub(crate) open: u64,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;
const SERVER: ([u8; 4], u16) = ([10, 1, 0, 1], 1883);

/// Writes a pcap file of raw IPv4 of at least so many bytes.
pub(crate) fn write(shape: Shape, bytes: u64, out: &mut impl Write) -> Result<Made> {
    let mut wire = Wire { out, made: Made::default(), now: 1_700_000_000_000_000, identification: 0 };
    let header = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 262_144, 101];
    for word in header {
        wire.bytes(&word.to_le_bytes())?;
    }
    let port = if shape == Shape::Others { 8080 } else { SERVER.1 };
    let concurrent = match shape {
        Shape::Day | Shape::Others => 200,
        Shape::Large => 4,
        Shape::Short | Shape::Open | Shape::Syns | Shape::Holes => 1,
    };
    let mut peers: Vec<Peer> = Vec::new();
    let mut number = 0;
    let mut turn = 0_usize;
    while wire.made.bytes < bytes {
        if peers.len() < concurrent {
            let mut peer = Peer::new(number, port);
            number += 1;
            match shape {
                Shape::Syns => {
                    wire.segment(&peer, true, SYN, b"")?;
                    continue;
                }
                Shape::Others => wire.open(&mut peer)?,
                _ => {
                    wire.open(&mut peer)?;
                    wire.connect(&mut peer)?;
                    wire.made.connections += 1;
                }
            }
            peers.push(peer);
            continue;
        }
        turn = (turn + 1) % peers.len();
        let Some(peer) = peers.get_mut(turn) else { break };
        peer.step += 1;
        let (step, last) = (peer.step, shape.last());
        match shape {
            Shape::Day => wire.day(peer)?,
            Shape::Short | Shape::Open => wire.publish(peer, 40)?,
            Shape::Large => wire.publish(peer, 3 * 1024 * 1024)?,
            Shape::Holes => wire.hole(peer)?,
            Shape::Others => wire.http(peer)?,
            Shape::Syns => {}
        }
        if step >= last {
            let mut peer = peers.swap_remove(turn);
            if matches!(shape, Shape::Open | Shape::Holes) {
                wire.made.open += 1;
            } else {
                wire.close(&mut peer)?;
            }
        }
    }
    wire.made.open += peers.len() as u64;
    wire.out.flush()?;
    Ok(wire.made)
}

impl Shape {
    /// After how many steps a connection is over.
    fn last(self) -> u32 {
        match self {
            Self::Day => 300,
            Self::Large => 3,
            Self::Others => 20,
            Self::Short => 1,
            Self::Open | Self::Syns | Self::Holes => 2,
        }
    }
}

struct Peer {
    address: [u8; 4],
    port: u16,
    server_port: u16,
    sequence: u32,
    acknowledged: u32,
    id: u16,
    step: u32,
}

impl Peer {
    fn new(number: u32, server_port: u16) -> Self {
        let [a, b, c, _] = (number / 50_000).to_be_bytes();
        let [_, _, _, d] = (number / 50_000).to_be_bytes();
        Self {
            address: [10, 128 | a | b, c, d],
            port: u16::try_from(10_000 + number % 50_000).unwrap_or_default(),
            server_port,
            sequence: number.wrapping_mul(7919),
            acknowledged: number.wrapping_mul(104_729),
            id: 0,
            step: 0,
        }
    }
}

struct Wire<'a, W> {
    out: &'a mut W,
    made: Made,
    now: u64,
    identification: u16,
}

impl<W: Write> Wire<'_, W> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.made.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// A segment from the peer, or to it, without a change of its numbers.
    fn segment(&mut self, peer: &Peer, from_peer: bool, flags: u8, payload: &[u8]) -> Result<()> {
        self.now += 37;
        self.identification = self.identification.wrapping_add(1);
        let length = u16::try_from(40 + payload.len()).unwrap_or(u16::MAX);
        let mut frame = [0_u8; 56];
        let seconds = u32::try_from(self.now / 1_000_000).unwrap_or_default();
        let micros = u32::try_from(self.now % 1_000_000).unwrap_or_default();
        let head = [seconds, micros, length.into(), length.into()];
        for (to, word) in frame.chunks_exact_mut(4).zip(head) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        let ((from, from_port), (to, to_port)) = if from_peer {
            ((peer.address, peer.port), (SERVER.0, peer.server_port))
        } else {
            ((SERVER.0, peer.server_port), (peer.address, peer.port))
        };
        let (sequence, acknowledged) =
            if from_peer { (peer.sequence, peer.acknowledged) } else { (peer.acknowledged, peer.sequence) };
        let ip = [
            &[0x45, 0][..],
            &length.to_be_bytes(),
            &self.identification.to_be_bytes(),
            &[0x40, 0, 64, 6, 0, 0],
        ];
        let tcp = [
            &from[..],
            &to,
            &from_port.to_be_bytes(),
            &to_port.to_be_bytes(),
            &sequence.to_be_bytes(),
            &acknowledged.to_be_bytes(),
            &[0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0],
        ];
        let parts = ip.iter().chain(tcp.iter()).flat_map(|part| part.iter());
        frame.iter_mut().skip(16).zip(parts).for_each(|(to, from)| *to = *from);
        self.bytes(&frame)?;
        self.bytes(payload)
    }

    /// Bytes from the peer, or to it, in segments of the usual size.
    fn send(&mut self, peer: &mut Peer, from_peer: bool, bytes: &[u8]) -> Result<()> {
        for part in bytes.chunks(1460) {
            self.segment(peer, from_peer, PSH | ACK, part)?;
            let length = u32::try_from(part.len()).unwrap_or_default();
            let number = if from_peer { &mut peer.sequence } else { &mut peer.acknowledged };
            *number = number.wrapping_add(length);
        }
        Ok(())
    }

    fn open(&mut self, peer: &mut Peer) -> Result<()> {
        self.segment(peer, true, SYN, b"")?;
        peer.sequence = peer.sequence.wrapping_add(1);
        self.segment(peer, false, SYN | ACK, b"")?;
        peer.acknowledged = peer.acknowledged.wrapping_add(1);
        self.segment(peer, true, ACK, b"")
    }

    fn close(&mut self, peer: &mut Peer) -> Result<()> {
        self.segment(peer, true, FIN | ACK, b"")?;
        peer.sequence = peer.sequence.wrapping_add(1);
        self.segment(peer, false, FIN | ACK, b"")?;
        peer.acknowledged = peer.acknowledged.wrapping_add(1);
        self.segment(peer, true, ACK, b"")
    }

    fn connect(&mut self, peer: &mut Peer) -> Result<()> {
        self.send(peer, true, b"\x10\x13\0\x04MQTT\x04\x02\0\x3c\0\x07lampu-7")?;
        self.send(peer, false, b"\x20\x02\0\0")
    }

    fn publish(&mut self, peer: &mut Peer, length: usize) -> Result<()> {
        peer.id = peer.id % u16::MAX + 1;
        let mut packet = vec![0x32];
        let topic = b"rumahkami/lantaidasar/ruangtamu/suhu";
        let mut left = 2 + topic.len() + 2 + length;
        while left >= 128 {
            packet.push(u8::try_from(left % 128).unwrap_or_default() | 0x80);
            left /= 128;
        }
        packet.push(u8::try_from(left).unwrap_or_default());
        packet.extend([0, u8::try_from(topic.len()).unwrap_or_default()]);
        packet.extend(topic);
        packet.extend(peer.id.to_be_bytes());
        let text = format!(r#"{{"sensor":"suhu","nilai":{}.5,"waktu":{},"#, peer.step % 40, self.now);
        packet.extend(text.bytes().chain((b'a'..=b'z').cycle()).take(length));
        self.send(peer, true, &packet)?;
        let [high, low] = peer.id.to_be_bytes();
        self.send(peer, false, &[0x40, 2, high, low])
    }

    fn day(&mut self, peer: &mut Peer) -> Result<()> {
        match peer.step % 8 {
            0 => {
                self.send(peer, true, b"\xc0\0")?;
                self.send(peer, false, b"\xd0\0")
            }
            // Several packets in a segment, as servers send them.
            1 => self.send(peer, false, &b"\x30\x17\0\x05lampu{\"keadaan\":true}".repeat(3)),
            step => self.publish(peer, 100 + usize::try_from(step * 200).unwrap_or_default()),
        }
    }

    fn hole(&mut self, peer: &mut Peer) -> Result<()> {
        peer.sequence = peer.sequence.wrapping_add(100);
        for _ in 0..20 {
            self.send(peer, true, &[b'x'; 1000])?;
            peer.sequence = peer.sequence.wrapping_add(1);
        }
        Ok(())
    }

    fn http(&mut self, peer: &mut Peer) -> Result<()> {
        self.send(peer, true, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")?;
        self.send(
            peer,
            false,
            &[b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n".as_slice(), &[b'h'; 3000]].concat(),
        )
    }
}
