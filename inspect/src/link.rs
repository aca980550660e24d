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
    /// How many bytes of the payload were sent besides, and not captured (snap length).
    pub(crate) cut: usize,
    /// What a second copy of the same segment has in common with the first, and a segment that is sent
    /// again most often has not: IPv4 identification, window, checksum.
    pub(crate) mark: [u16; 3],
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
        let cut = cut(&net);
        let mut padded = [0; LARGEST_TCP_HEADER];
        let (tcp, cut) = match transport {
            Some(TransportSlice::Tcp(tcp)) => (tcp, cut),
            None => header_alone(&net, cut, &mut padded)?,
            _ => return None,
        };
        let mut segment = segment(frame.time, source, destination, &tcp);
        segment.cut = cut;
        if let LaxNetSlice::Ipv4(ip) = &net {
            segment.mark[0] = ip.header().identification();
        }
        Some(each(&segment))
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
        cut: 0,
        mark: [0, tcp.window_size(), tcp.checksum()],
    }
}

/// How many bytes of the datagram the capture lacks, by the datagram's own word.
fn cut(net: &LaxNetSlice<'_>) -> usize {
    let (said, there) = match net {
        LaxNetSlice::Ipv4(ip) => {
            let extension = ip.extensions().auth.map_or(0, |auth| auth.slice().len());
            let header = ip.header().slice().len() + extension;
            (usize::from(ip.header().total_len()), header + ip.payload().payload.len())
        }
        LaxNetSlice::Ipv6(ip) => (
            usize::from(ip.header().payload_length()),
            ip.extensions().slice().len() + ip.payload().payload.len(),
        ),
        LaxNetSlice::Arp(_) => (0, 0),
    };
    said.saturating_sub(there)
}

const LARGEST_TCP_HEADER: usize = 60;

/// A TCP header whose options are cut off: what matters stands before them. Returns it with how many bytes
/// of the payload are missing.
fn header_alone<'a>(
    net: &LaxNetSlice<'_>,
    cut: usize,
    padded: &'a mut [u8; LARGEST_TCP_HEADER],
) -> Option<(TcpSlice<'a>, usize)> {
    const SMALLEST: usize = 20;
    let ip =
        net.ip_payload_ref().filter(|ip| ip.ip_number == ip_number::TCP && ip.payload.len() >= SMALLEST)?;
    padded.iter_mut().zip(ip.payload).for_each(|(to, from)| *to = *from);
    let length = usize::from(padded[12] >> 4) * 4;
    let tcp = TcpSlice::from_slice(padded.get(..length)?).ok()?;
    Some((tcp, (ip.payload.len() + cut).checked_sub(length)?))
}
