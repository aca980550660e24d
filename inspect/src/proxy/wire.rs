//! The TCP/IP packets that would carry the bytes of a connection, had they been captured.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader};
use mqtt_wire::Sender;

use super::feed::{Event, What};
use crate::capture::Time;

/// Where MQTT stands when the server's own port means TLS, which is taken off.
const MQTT: u16 = 1883;
const HOP_LIMIT: u8 = 64;
const WINDOW: u16 = u16::MAX;

/// All open connections.
#[derive(Debug)]
pub(super) struct Wire {
    connections: HashMap<u64, Connection>,
    /// The server speaks TLS.
    tls: bool,
}

#[derive(Debug)]
struct Connection {
    client: SocketAddr,
    server: SocketAddr,
    /// The sequence number of the next byte from client and server.
    next: [u32; 2],
    closed: [bool; 2],
}

/// What a segment says besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag {
    Syn,
    Push,
    Fin,
    Reset,
    Ack,
}

impl Wire {
    pub(super) fn new(tls: bool) -> Self {
        Self { connections: HashMap::new(), tls }
    }

    /// Hands the packets of an event to `each`.
    pub(super) fn packets<E>(
        &mut self,
        event: &Event,
        mut each: impl FnMut(Time, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let key = event.connection;
        let mut out = |packet: Vec<u8>| each(event.time, &packet);
        if let What::Opened { client, mut server } = event.what {
            if self.tls {
                server.set_port(MQTT);
            }
            let connection = self.connections.entry(key).or_insert(Connection::new(key, client, server));
            out(connection.segment(Sender::Client, Flag::Syn, &[]))?;
            out(connection.segment(Sender::Server, Flag::Syn, &[]))?;
            return out(connection.segment(Sender::Client, Flag::Ack, &[]));
        }
        let Some(connection) = self.connections.get_mut(&key) else { return Ok(()) };
        match &event.what {
            What::Bytes { sender, skipped, bytes } => {
                connection.skip(*sender, *skipped);
                out(connection.segment(*sender, Flag::Push, bytes))?;
            }
            What::Closed { sender, skipped } => {
                connection.skip(*sender, *skipped);
                out(connection.segment(*sender, Flag::Fin, &[]))?;
                if connection.closed == [true; 2] {
                    self.connections.remove(&key);
                }
            }
            What::Reset { sender } => {
                out(connection.segment(*sender, Flag::Reset, &[]))?;
                self.connections.remove(&key);
            }
            What::Opened { .. } | What::Remark(_) | What::Stop => {}
        }
        Ok(())
    }
}

impl Connection {
    fn new(key: u64, client: SocketAddr, server: SocketAddr) -> Self {
        // Other numbers each time, so that ports which are used again begin a new connection.
        let first = wrapped(key).wrapping_mul(0x9E37_79B9);
        Self { client, server, next: [first, !first], closed: [false; 2] }
    }

    /// Bytes that were sent, and are not known.
    fn skip(&mut self, sender: Sender, count: u64) {
        let next = &mut self.next[index(sender)];
        *next = next.wrapping_add(wrapped(count));
    }

    fn segment(&mut self, sender: Sender, flag: Flag, bytes: &[u8]) -> Vec<u8> {
        let (source, destination) = match sender {
            Sender::Client => (self.client, self.server),
            Sender::Server => (self.server, self.client),
        };
        let (own, other) = (index(sender), 1 - index(sender));
        let mut header = TcpHeader::new(source.port(), destination.port(), self.next[own], WINDOW);
        header.syn = flag == Flag::Syn;
        header.fin = flag == Flag::Fin;
        header.rst = flag == Flag::Reset;
        header.psh = flag == Flag::Push;
        // All but the first packet acknowledge.
        if flag != Flag::Syn || sender == Sender::Server {
            header.ack = true;
            header.acknowledgment_number = self.next[other];
        }
        let taken = bytes.len() as u64 + u64::from(header.syn || header.fin);
        self.next[own] = self.next[own].wrapping_add(wrapped(taken));
        self.closed[own] |= header.fin;
        let mut packet = Vec::with_capacity(bytes.len() + 60);
        // A vector takes all, and a chunk is less than a packet may have.
        let _ = ip(source.ip(), destination.ip()).tcp_header(header).write(&mut packet, bytes);
        packet
    }
}

/// When one is IPv4 and the other IPv6, the first is mapped.
fn ip(source: IpAddr, destination: IpAddr) -> PacketBuilderStep<etherparse::IpHeaders> {
    let wide = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    match (source.to_canonical(), destination.to_canonical()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            PacketBuilder::ipv4(source.octets(), destination.octets(), HOP_LIMIT)
        }
        _ => PacketBuilder::ipv6(wide(source), wide(destination), HOP_LIMIT),
    }
}

/// Sequence numbers begin again after 2^32.
#[expect(clippy::cast_possible_truncation, reason = "it is meant")]
fn wrapped(count: u64) -> u32 {
    count as u32
}

fn index(sender: Sender) -> usize {
    match sender {
        Sender::Client => 0,
        Sender::Server => 1,
    }
}

#[cfg(test)]
mod tests {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    use super::super::feed::feed;
    use super::*;

    /// The source, the sequence number and the length of the data of each packet of an event.
    fn sent(wire: &mut Wire, event: &Event) -> Vec<(IpAddr, u32, usize)> {
        let mut sent = vec![];
        let each = |_, packet: &[u8]| -> Result<(), ()> {
            let sliced = SlicedPacket::from_ip(packet).unwrap();
            let source = match sliced.net.unwrap() {
                NetSlice::Ipv4(ip) => IpAddr::V4(ip.header().source_addr()),
                NetSlice::Ipv6(ip) => IpAddr::V6(ip.header().source_addr()),
                NetSlice::Arp(_) => panic!("no IP"),
            };
            let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("no TCP") };
            sent.push((source, tcp.sequence_number(), tcp.payload().len()));
            Ok(())
        };
        wire.packets(event, each).unwrap();
        sent
    }

    #[test]
    fn what_had_no_room_is_counted_and_stands_as_a_gap() {
        let (feed, watch) = feed();
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let seen = feed.opened(address("192.0.2.1:50000"), address("192.0.2.2:1883"));
        let chunk = vec![b'x'; 32 * 1024];
        let mut skipped = 0;
        for _ in 0..2100 {
            seen.bytes(Sender::Client, &mut skipped, &chunk);
        }
        let total = 2100 * chunk.len() as u64;
        assert!(skipped > 0 && skipped < total, "{skipped}");
        assert_eq!(watch.shared.unseen_bytes.load(std::sync::atomic::Ordering::Relaxed), skipped);
        let mut wire = Wire::new(false);
        let mut all = vec![];
        while let Some(event) = watch.ready() {
            all.extend(sent(&mut wire, &event));
        }
        let held: usize = all.iter().map(|(_, _, length)| length).sum();
        assert_eq!(held as u64, total - skipped);
        let gap = skipped;
        seen.bytes(Sender::Client, &mut skipped, b"end");
        assert_eq!(skipped, 0);
        let after = sent(&mut wire, &watch.next().unwrap());
        let (_, last, length) = *all.last().unwrap();
        let expected = last.wrapping_add(u32::try_from(length as u64 + gap).unwrap());
        assert_eq!(after.iter().map(|(_, sequence, _)| *sequence).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn ends_of_different_families_meet_in_ipv6() {
        let (feed, watch) = feed();
        let seen = feed.opened("[2001:db8::1]:50000".parse().unwrap(), "192.0.2.2:8883".parse().unwrap());
        let mut wire = Wire::new(true);
        let opened = sent(&mut wire, &watch.next().unwrap());
        let sources: Vec<String> = opened.iter().map(|(source, ..)| source.to_string()).collect();
        assert_eq!(sources, ["2001:db8::1", "::ffff:192.0.2.2", "2001:db8::1"]);
        seen.closed(Sender::Client, 0);
        seen.closed(Sender::Server, 0);
        assert_eq!(sent(&mut wire, &watch.next().unwrap()).len(), 1);
        assert_eq!(sent(&mut wire, &watch.next().unwrap()).len(), 1);
        assert!(wire.connections.is_empty(), "nothing is kept of what is over");
    }
}
