//! From a captured frame down to its TCP segment: link layers, tunnels, IP and IP fragments.

mod fragments;
mod tunnel;
mod unread;

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    EtherType, IpNumber, LaxLinkExtSlice, LaxNetSlice, LaxSlicedPacket, SlicedPacket, TcpSlice,
    TransportSlice, UdpSlice, ip_number,
};
use pcap_parser::Linktype;

use self::fragments::Fragments;
use self::unread::Unread;
use crate::capture::{Frame, Time};
use crate::text::count;

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

/// Takes frames apart; remembers IP fragments, and what could not be read.
pub(crate) struct Links {
    fragments: Fragments,
    unread: Unread,
    /// The first link type that was met and is not understood.
    pub(crate) unknown: Option<Linktype>,
    pub(crate) understood: u64,
}

/// What is still to be taken apart.
#[derive(Clone, Copy, Debug)]
enum Layer<'a> {
    Ethernet(&'a [u8]),
    Typed(EtherType, &'a [u8]),
    Ip(&'a [u8]),
    /// Logical Link Control, without a length before it.
    Llc(&'a [u8]),
    /// The Point-to-Point Protocol.
    Ppp(&'a [u8]),
    Mpls(&'a [u8]),
    Pppoe(&'a [u8]),
    /// What an IP datagram carries.
    Carried(Ends, IpNumber, &'a [u8]),
}

type Ends = (IpAddr, IpAddr);

/// What a layer turns out to hold.
#[derive(Debug)]
enum Inside<'a> {
    Layer(Layer<'a>),
    /// A segment, without the frame's time.
    Tcp(Segment<'a>),
    /// Nothing in which TCP could be.
    Other,
    /// A fragment of a datagram, which is not complete yet.
    Fragment,
    /// The last missing fragment: the datagram is in `whole`.
    Whole(Ends, IpNumber),
    /// Something that is not read.
    Unread(Reason),
}

/// Why a frame is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    LinkType(u32),
    EtherType(u16),
    IpProtocol(u8),
    Named(&'static str),
    /// The frame ends, or its headers contradict themselves, before a TCP header is through.
    Headers,
    /// More layers than anybody has.
    TooDeep,
}

/// The link types that are read, for people.
pub(crate) const READ: &str = "Ethernet, PPP, Cisco HDLC, MPLS, loopback, Linux cooked, raw IP";

/// How many layers and tunnels are followed.
const DEEPEST: usize = 32;

impl Links {
    pub(crate) fn new() -> Self {
        Self { fragments: Fragments::default(), unread: Unread::default(), unknown: None, understood: 0 }
    }

    /// Calls `each` with the TCP segment that the frame brought, if it brought one.
    pub(crate) fn segment<R>(
        &mut self,
        frame: &Frame<'_>,
        each: impl FnOnce(&Segment<'_>) -> R,
    ) -> Option<R> {
        self.fragments.next_frame();
        let Some(layer) = first_layer(frame.link, frame.data) else {
            self.unknown.get_or_insert(frame.link);
            self.unread.add(Reason::LinkType(frame.link.0.unsigned_abs()));
            return None;
        };
        self.understood += 1;
        // A datagram that fragments were put together to, which may itself be a tunnel's.
        let mut whole;
        let mut layer = Some(layer);
        let mut left = DEEPEST;
        loop {
            let (ends, number) = match self.walk(layer?, &mut left) {
                Inside::Tcp(segment) => return Some(each(&Segment { time: frame.time, ..segment })),
                Inside::Whole(ends, number) => (ends, number),
                Inside::Unread(reason) => {
                    self.unread.add(reason);
                    return None;
                }
                Inside::Layer(_) | Inside::Other | Inside::Fragment => return None,
            };
            whole = self.fragments.take_whole();
            layer = Some(Layer::Carried(ends, number, &whole));
        }
    }

    /// Whether there were frames in which TCP may be that was not read.
    pub(crate) fn is_partial(&self) -> bool {
        !self.unread.is_empty() || self.fragments.unfinished() > 0
    }

    /// What was not read, for people.
    pub(crate) fn unread(&self) -> String {
        let mut parts = Vec::new();
        if !self.unread.is_empty() {
            parts.push(self.unread.to_string());
        }
        match self.fragments.unfinished() {
            0 => {}
            unfinished => parts.push(format!("{} that lack fragments", count(unfinished, "IP datagram"))),
        }
        parts.join(", ")
    }

    /// Goes down layer by layer.
    fn walk<'a>(&mut self, mut layer: Layer<'a>, left: &mut usize) -> Inside<'a> {
        while let Some(fewer) = left.checked_sub(1) {
            *left = fewer;
            match self.inside(layer) {
                Inside::Layer(inner) => layer = inner,
                end => return end,
            }
        }
        Inside::Unread(Reason::TooDeep)
    }

    fn inside<'a>(&mut self, layer: Layer<'a>) -> Inside<'a> {
        match layer {
            Layer::Llc(data) => tunnel::llc(data),
            Layer::Ppp(data) => tunnel::ppp(data),
            Layer::Mpls(data) => tunnel::mpls(data),
            Layer::Pppoe(data) => tunnel::pppoe(data),
            Layer::Carried(ends, number, data) => carried(ends, number, data),
            Layer::Ethernet(_) | Layer::Typed(..) | Layer::Ip(_) => match lax(layer) {
                Some(packet) => self.packet(layer, &packet),
                None => Inside::Unread(Reason::Headers),
            },
        }
    }

    /// What etherparse made of Ethernet with its tags, or of IP.
    fn packet<'a>(&mut self, layer: Layer<'a>, packet: &LaxSlicedPacket<'a>) -> Inside<'a> {
        let (ends, payload, fragmented) = match &packet.net {
            Some(LaxNetSlice::Ipv4(ip)) => {
                let header = ip.header();
                let ends = (header.source_addr().into(), header.destination_addr().into());
                (ends, ip.payload(), ip.payload().fragmented)
            }
            Some(LaxNetSlice::Ipv6(ip)) => {
                let header = ip.header();
                let ends = (header.source_addr().into(), header.destination_addr().into());
                (ends, ip.payload(), ip.payload().fragmented)
            }
            Some(LaxNetSlice::Arp(_)) => return Inside::Other,
            None => return no_ip(packet),
        };
        if fragmented {
            let strict = strict(layer);
            let number = strict.as_ref().and_then(|packet| self.fragments.add(packet));
            return match (strict, number) {
                (None, _) => Inside::Unread(Reason::Headers),
                (Some(_), None) => Inside::Fragment,
                (Some(_), Some(number)) => Inside::Whole(ends, number),
            };
        }
        let (cut, identification) = match &packet.net {
            Some(LaxNetSlice::Ipv4(ip)) => (cut(packet), ip.header().identification()),
            _ => (cut(packet), 0),
        };
        match &packet.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                let mut segment = segment(ends, tcp);
                segment.cut = cut;
                segment.mark[0] = identification;
                Inside::Tcp(segment)
            }
            Some(TransportSlice::Udp(udp)) => {
                tunnel::udp(udp.source_port(), udp.destination_port(), udp.payload())
            }
            Some(_) => Inside::Other,
            None if payload.ip_number == ip_number::TCP => {
                header_alone(ends, payload.payload, cut).map_or(Inside::Unread(Reason::Headers), Inside::Tcp)
            }
            None => carried(ends, payload.ip_number, payload.payload),
        }
    }
}

/// What an IP datagram carries, by the protocol number.
fn carried(ends: Ends, number: IpNumber, data: &[u8]) -> Inside<'_> {
    match number {
        ip_number::TCP => TcpSlice::from_slice(data)
            .map_or(Inside::Unread(Reason::Headers), |tcp| Inside::Tcp(segment(ends, &tcp))),
        ip_number::UDP => match UdpSlice::from_slice_lax(data) {
            Ok(udp) => tunnel::udp(udp.source_port(), udp.destination_port(), udp.payload()),
            Err(_) => Inside::Unread(Reason::Headers),
        },
        _ => tunnel::ip(number, data),
    }
}

/// A frame of Ethernet that is not IP, at least not at once.
fn no_ip<'a>(packet: &LaxSlicedPacket<'a>) -> Inside<'a> {
    match packet.ether_payload() {
        Some(payload) => tunnel::typed(payload.ether_type, payload.payload),
        None if matches!(packet.link_exts.last(), Some(LaxLinkExtSlice::Macsec(_))) => {
            Inside::Unread(Reason::Named("MACsec (encrypted)"))
        }
        None => Inside::Unread(Reason::Headers),
    }
}

/// Length fields may say more than was captured, or nothing where the network card fills them in.
fn lax(layer: Layer<'_>) -> Option<LaxSlicedPacket<'_>> {
    match layer {
        Layer::Ethernet(data) => LaxSlicedPacket::from_ethernet(data).ok(),
        Layer::Typed(ether_type, data) => Some(LaxSlicedPacket::from_ether_type(ether_type, data)),
        Layer::Ip(data) => LaxSlicedPacket::from_ip(data).ok(),
        _ => None,
    }
}

fn strict(layer: Layer<'_>) -> Option<SlicedPacket<'_>> {
    match layer {
        Layer::Ethernet(data) => SlicedPacket::from_ethernet(data).ok(),
        Layer::Typed(ether_type, data) => SlicedPacket::from_ether_type(ether_type, data).ok(),
        Layer::Ip(data) => SlicedPacket::from_ip(data).ok(),
        _ => None,
    }
}

/// What stands first in a frame, if the link type is among those that are read.
///
/// etherparse reads Linux cooked headers too, but only version 1 and not of every device (it
/// refuses the loopback's), and all that is needed of them is where the protocol number stands.
fn first_layer(link: Linktype, data: &[u8]) -> Option<Layer<'_>> {
    let from = |at: usize| data.get(at..).unwrap_or_default();
    let typed = |at: usize, header: usize| match from(at).first_chunk().copied().map(u16::from_be_bytes) {
        // Linux has a number of its own for a header without an EtherType.
        Some(0x0004) => Layer::Llc(from(header)),
        Some(protocol) => Layer::Typed(EtherType(protocol), from(header)),
        None => Layer::Ip(&[]),
    };
    Some(match link.0 {
        1 => Layer::Ethernet(data),
        // Four bytes of address family, in an order that differs by machine; the IP version says the same.
        0 | 108 => Layer::Ip(from(4)),
        9 | 50 => Layer::Ppp(data),
        51 => Layer::Pppoe(data),
        // Raw IP, by different systems and for either version.
        12 | 14 | 101 | 228 | 229 => Layer::Ip(data),
        // Cisco HDLC.
        104 => typed(2, 4),
        // Linux cooked, versions 1 and 2.
        113 => typed(14, 16),
        276 => typed(0, 20),
        219 => Layer::Mpls(data),
        _ => return None,
    })
}

fn segment<'a>((source, destination): Ends, tcp: &TcpSlice<'a>) -> Segment<'a> {
    Segment {
        time: None,
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
fn cut(packet: &LaxSlicedPacket<'_>) -> usize {
    let (said, there) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let extension = ip.extensions().auth.map_or(0, |auth| auth.slice().len());
            let header = ip.header().slice().len() + extension;
            (usize::from(ip.header().total_len()), header + ip.payload().payload.len())
        }
        Some(LaxNetSlice::Ipv6(ip)) => (
            usize::from(ip.header().payload_length()),
            ip.extensions().slice().len() + ip.payload().payload.len(),
        ),
        Some(LaxNetSlice::Arp(_)) | None => (0, 0),
    };
    said.saturating_sub(there)
}

/// A segment whose TCP header lacks its options, and all behind them: what matters stands before them.
fn header_alone(ends: Ends, data: &[u8], cut: usize) -> Option<Segment<'static>> {
    const SMALLEST: usize = 20;
    const LARGEST: usize = 60;
    if data.len() < SMALLEST {
        return None;
    }
    let mut padded = [0; LARGEST];
    padded.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
    let length = usize::from(padded[12] >> 4) * 4;
    let tcp = TcpSlice::from_slice(padded.get(..length)?).ok()?;
    let cut = (data.len() + cut).checked_sub(length)?;
    Some(Segment { payload: &[], cut, ..segment(ends, &tcp) })
}
