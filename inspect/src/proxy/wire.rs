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
