//! From a captured frame down to its TCP segment: link layer, VLAN tags, IP and IP fragments.

use std::net::{IpAddr, SocketAddr};

use etherparse::defrag::IpDefragPool;
use etherparse::{
    EtherType, LaxNetSlice, LaxSlicedPacket, NetSlice, SlicedPacket, TcpSlice, TransportSlice, ip_number,
};
use pcap_parser::Linktype;

use crate::capture::{Frame, Time};

/// What of a TCP segment matters to reassembly.
#[derive(Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) time: Option<Time>,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: Option<u32>,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) reset: bool,
    pub(crate) payload: &'a [u8],
}

/// How many frames an unfinished IP datagram is kept for: bounds what lost fragments hold.
const FRAGMENT_LIFE: u64 = 10_000;

/// Takes frames apart; remembers only IP fragments.
pub(crate) struct Links {
    fragments: IpDefragPool<u64, ()>,
    frame: u64,
    /// The first link type that was met and is not understood.
    pub(crate) unknown: Option<Linktype>,
    pub(crate) understood: u64,
}

/// Where a frame's link header leaves off.
enum Network<'a> {
    Ethernet(&'a [u8]),
    Typed(EtherType, &'a [u8]),
    Ip(&'a [u8]),
}

impl Links {
    pub(crate) fn new() -> Self {
        Self { fragments: IpDefragPool::new(), frame: 0, unknown: None, understood: 0 }
    }

    /// Calls `each` with the TCP segment that the frame brought, if it brought one.
    pub(crate) fn segment<R>(
        &mut self,
        frame: &Frame<'_>,
        each: impl FnOnce(&Segment<'_>) -> R,
    ) -> Option<R> {
        self.frame += 1;
        if !is_known(frame.link) {
            self.unknown.get_or_insert(frame.link);
            return None;
        }
        self.understood += 1;
        let packet = network(frame.link, frame.data)?.lax()?;
        let (net, transport) = (packet.net?, packet.transport);
        let (source, destination, fragmented) = addresses(&net)?;
        if fragmented {
            let whole = self.defragment(frame)?;
            return TcpSlice::from_slice(&whole)
                .ok()
                .map(|tcp| each(&segment(frame.time, source, destination, &tcp)));
        }
        match transport? {
            TransportSlice::Tcp(tcp) => Some(each(&segment(frame.time, source, destination, &tcp))),
            _ => None,
        }
    }

    /// The payload of a datagram whose last fragment this frame brought.
    fn defragment(&mut self, frame: &Frame<'_>) -> Option<Vec<u8>> {
        let packet = network(frame.link, frame.data)?.strict()?;
        let now = self.frame;
        let whole = self.fragments.process_sliced_packet(&packet, now, ()).ok().flatten();
        self.fragments.retain(|seen| now - seen < FRAGMENT_LIFE);
        whole.filter(|whole| whole.ip_number == ip_number::TCP).map(|whole| whole.payload)
    }
}

impl<'a> Network<'a> {
    /// Length fields may say more than was captured, or nothing where the network card fills them in.
    fn lax(&self) -> Option<LaxSlicedPacket<'a>> {
        match *self {
            Self::Ethernet(data) => LaxSlicedPacket::from_ethernet(data).ok(),
            Self::Typed(ether_type, data) => Some(LaxSlicedPacket::from_ether_type(ether_type, data)),
            Self::Ip(data) => LaxSlicedPacket::from_ip(data).ok(),
        }
    }

    fn strict(&self) -> Option<SlicedPacket<'a>> {
        let packet = match *self {
            Self::Ethernet(data) => SlicedPacket::from_ethernet(data),
            Self::Typed(ether_type, data) => SlicedPacket::from_ether_type(ether_type, data),
            Self::Ip(data) => SlicedPacket::from_ip(data),
        };
        packet.ok().filter(|packet| matches!(packet.net, Some(NetSlice::Ipv4(_) | NetSlice::Ipv6(_))))
    }
}

/// The link types of raw IP, by different systems and for either version.
const RAW_IP: [Linktype; 5] = [Linktype(12), Linktype(14), Linktype(101), Linktype(228), Linktype(229)];
const LINUX_SLL2: Linktype = Linktype(276);

fn is_known(link: Linktype) -> bool {
    [Linktype::ETHERNET, Linktype::NULL, Linktype::LOOP, Linktype::LINUX_SLL, LINUX_SLL2].contains(&link)
        || RAW_IP.contains(&link)
}

/// Strips the link header.
///
/// etherparse reads Linux cooked headers too, but only version 1 and not of every device (it
/// refuses the loopback's), and all that is needed of them is where the protocol number stands.
fn network(link: Linktype, data: &[u8]) -> Option<Network<'_>> {
    let typed = |at: usize, header: usize| {
        let protocol = data.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)?;
        Some(Network::Typed(EtherType(protocol), data.get(header..)?))
    };
    match link {
        Linktype::ETHERNET => Some(Network::Ethernet(data)),
        // Four bytes of address family, in an order that differs by machine; the IP version says the same.
        Linktype::NULL | Linktype::LOOP => data.get(4..).map(Network::Ip),
        Linktype::LINUX_SLL => typed(14, 16),
        LINUX_SLL2 => typed(0, 20),
        _ => Some(Network::Ip(data)),
    }
}

fn addresses(net: &LaxNetSlice<'_>) -> Option<(IpAddr, IpAddr, bool)> {
    match net {
        LaxNetSlice::Ipv4(ip) => Some((
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
            ip.payload().fragmented,
        )),
        LaxNetSlice::Ipv6(ip) => Some((
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
            ip.payload().fragmented,
        )),
        LaxNetSlice::Arp(_) => None,
    }
}

fn segment<'a>(time: Option<Time>, source: IpAddr, destination: IpAddr, tcp: &TcpSlice<'a>) -> Segment<'a> {
    Segment {
        time,
        source: SocketAddr::new(source, tcp.source_port()),
        destination: SocketAddr::new(destination, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn: tcp.syn(),
        fin: tcp.fin(),
        reset: tcp.rst(),
        payload: tcp.payload(),
    }
}
