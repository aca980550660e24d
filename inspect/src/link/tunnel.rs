//! The few bytes that tunnels and link layers put before what they carry. etherparse, which reads Ethernet,
//! VLAN tags and IP, does not read these.

use etherparse::{EtherType, IpNumber};

use super::{Inside, Layer, Reason};

/// What follows an Ethernet header or a tag that is not IP.
pub(super) fn typed(ether_type: EtherType, data: &[u8]) -> Inside<'_> {
    match ether_type.0 {
        // A length: IEEE 802.3 with Logical Link Control, and padding behind it.
        length @ 0..=1500 => llc(data.get(..usize::from(length)).unwrap_or(data)),
        // IP or a tag, of which etherparse could not make anything.
        0x0800 | 0x86DD => Inside::Unread(Reason::Headers),
        0x8100 | 0x88A8 | 0x9100 if data.len() < 4 => Inside::Unread(Reason::Headers),
        // More tags than etherparse takes at a time.
        0x8100 | 0x88A8 | 0x9100 => Inside::Layer(Layer::Typed(ether_type, data)),
        0x9200 | 0x9300 => tag(data),
        0x6558 => Inside::Layer(Layer::Ethernet(data)),
        0x8847 | 0x8848 => Inside::Layer(Layer::Mpls(data)),
        0x8864 => Inside::Layer(Layer::Pppoe(data)),
        0x880B => Inside::Layer(Layer::Ppp(data)),
        0x8870 => Inside::Layer(Layer::Llc(data)),
        0x88BE => erspan_2(data),
        0x22EB => erspan_3(data),
        // IEEE 802.1ah: priority and service identifier, then the customer's frame.
        0x88E7 => rest(data, 4, Layer::Ethernet),
        0x88E5 => Inside::Unread(Reason::Named("MACsec (encrypted)")),
        0x22F3 => Inside::Unread(Reason::Named("TRILL")),
        0x894F => Inside::Unread(Reason::Named("Network Service Header")),
        // ARP, reverse ARP, LLDP, 802.1X and other protocols that carry no TCP.
        0x0806
        | 0x8035
        | 0x0842
        | 0x6002..=0x6007
        | 0x809B
        | 0x80F3
        | 0x8137
        | 0x8138
        | 0x86FF
        | 0x8808
        | 0x8809
        | 0x8863
        | 0x886D
        | 0x887B
        | 0x888E
        | 0x8892
        | 0x8899
        | 0x88A4
        | 0x88B8..=0x88BA
        | 0x88C7
        | 0x88CC
        | 0x88D9
        | 0x88E1
        | 0x88F5..=0x88F7
        | 0x8902
        | 0x890D
        | 0x8912
        | 0x893A
        | 0x9000
        | 0x9003
        | 0x2000..=0x2004 => Inside::Other,
        other => Inside::Unread(Reason::EtherType(other)),
    }
}

/// A VLAN tag of an older number.
fn tag(data: &[u8]) -> Inside<'_> {
    typed_behind(data, 2)
}

/// What follows an `EtherType` that stands at `at`.
fn typed_behind(data: &[u8], at: usize) -> Inside<'_> {
    match word(data, at) {
        Some(ether_type) => rest(data, at + 2, |data| Layer::Typed(EtherType(ether_type), data)),
        None => Inside::Unread(Reason::Headers),
    }
}

/// IEEE 802.2, with the Subnetwork Access Protocol.
pub(super) fn llc(data: &[u8]) -> Inside<'_> {
    match data {
        [0xAA, 0xAA, 0x03, 0, 0, 0 | 0xF8, ..] => typed_behind(data, 6),
        // Frames bridged by IEEE 802.1, with and without their check sequence.
        [0xAA, 0xAA, 0x03, 0x00, 0x80, 0xC2, 0x00, 0x01 | 0x07, ..] => rest(data, 8, Layer::Ethernet),
        [0x06, 0x06, 0x03, ..] => rest(data, 3, Layer::Ip),
        // Cisco's and Apple's protocols between devices; spanning tree, IS-IS, IPX, NetBIOS, SNA, tests.
        [0xAA, 0xAA, 0x03, 0x00, 0x00, 0x0C, ..]
        | [0xAA, 0xAA, 0x03, 0x08, 0x00, 0x07, ..]
        | [0x42 | 0xFE | 0xE0 | 0xFF | 0xF0 | 0x04 | 0x08 | 0x0C | 0x00, _, ..] => Inside::Other,
        [0xAA, 0xAA, ..] => Inside::Unread(Reason::Named("SNAP protocols")),
        [_, _, ..] => Inside::Unread(Reason::Named("LLC of other kinds")),
        _ => Inside::Unread(Reason::Headers),
    }
}

/// RFC 2516: version, type and code, session, length.
pub(super) fn pppoe(data: &[u8]) -> Inside<'_> {
    match (data, word(data, 4)) {
        ([0x11, 0x00, ..], Some(length)) => {
            // Ethernet may have padded the frame.
            let end = usize::from(length) + 6;
            rest(data.get(..end).unwrap_or(data), 6, Layer::Ppp)
        }
        ([0x11, _, ..], _) => Inside::Other,
        _ => Inside::Unread(Reason::Headers),
    }
}

/// RFC 1661; address and control, and the first half of the protocol number, may be left out.
pub(super) fn ppp(data: &[u8]) -> Inside<'_> {
    let data = data.strip_prefix(&[0xFF, 0x03]).unwrap_or(data);
    let (protocol, data) = match data {
        [short, data @ ..] if short & 1 == 1 => (u16::from(*short), data),
        [high, low, data @ ..] => (u16::from_be_bytes([*high, *low]), data),
        _ => return Inside::Unread(Reason::Headers),
    };
    match protocol {
        0x0021 | 0x0057 => Inside::Layer(Layer::Ip(data)),
        0x0281 | 0x0283 => Inside::Layer(Layer::Mpls(data)),
        0x002D | 0x002F => Inside::Unread(Reason::Named("PPP with compressed TCP headers")),
        0x003D => Inside::Unread(Reason::Named("PPP Multilink")),
        0x0053 | 0x0055 => Inside::Unread(Reason::Named("PPP (encrypted)")),
        0x00FB | 0x00FD => Inside::Unread(Reason::Named("PPP (compressed)")),
        // Control and authentication protocols.
        0x4000.. => Inside::Other,
        _ => Inside::Unread(Reason::Named("PPP of other protocols")),
    }
}

/// RFC 3032: labels, of which the last is marked. What they carry is not said.
pub(super) fn mpls(data: &[u8]) -> Inside<'_> {
    let mut labels = data;
    loop {
        match labels {
            [_, _, last, _, carried @ ..] if last & 1 == 1 => return behind_labels(carried),
            [_, _, _, _, more @ ..] => labels = more,
            _ => return Inside::Unread(Reason::Headers),
        }
    }
}

fn behind_labels(data: &[u8]) -> Inside<'_> {
    match data.first().map(|first| first >> 4) {
        Some(4 | 6) if is_ip(data) => Inside::Layer(Layer::Ip(data)),
        Some(_) if is_ethernet(data) => Inside::Layer(Layer::Ethernet(data)),
        // A control word before a frame, RFC 4385.
        Some(0) if data.get(4..).is_some_and(is_ethernet) => rest(data, 4, Layer::Ethernet),
        // The associated channel, in which devices look after the path.
        Some(1) => Inside::Other,
        _ => Inside::Unread(Reason::Named("MPLS with other contents")),
    }
}

/// Whether bytes are an IP header, as far as the version is not all that agrees.
fn is_ip(data: &[u8]) -> bool {
    match data {
        [first, ..] if first >> 4 == 4 => {
            first & 0xF >= 5 && word(data, 2).is_some_and(|length| length == 0 || length >= 20)
        }
        [first, ..] if first >> 4 == 6 => data.len() >= 40 && matches!(data.get(6), Some(0..=142)),
        _ => false,
    }
}

/// Whether bytes are an Ethernet header before something that is common there.
fn is_ethernet(data: &[u8]) -> bool {
    matches!(
        word(data, 12),
        Some(
            0x0800 | 0x0806 | 0x86DD | 0x8100 | 0x88A8 | 0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x88CC | 0x88E5
        )
    )
}

/// What an IP datagram carries besides TCP and UDP.
pub(super) fn ip(number: IpNumber, data: &[u8]) -> Inside<'_> {
    match number.0 {
        // IP in IP and its older number, and IPv6 in IP.
        4 | 41 | 94 => Inside::Layer(Layer::Ip(data)),
        47 => gre(data),
        97 => rest(data, 2, Layer::Ethernet),
        137 => Inside::Layer(Layer::Mpls(data)),
        // ICMP, IGMP, no next header, and protocols between routers.
        1 | 2 | 58 | 59 | 46 | 88 | 89 | 103 | 112 | 113 => Inside::Other,
        // etherparse takes the extension headers of IPv6 off, and AH.
        50 => Inside::Unread(Reason::Named("IPsec ESP (encrypted)")),
        108 => Inside::Unread(Reason::Named("IPComp (compressed)")),
        115 => Inside::Unread(Reason::Named("L2TP")),
        132 => Inside::Unread(Reason::Named("SCTP")),
        other => Inside::Unread(Reason::IpProtocol(other)),
    }
}

/// RFC 2784, RFC 2890, and version 1 of RFC 2637.
fn gre(data: &[u8]) -> Inside<'_> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGMENT: u16 = 0x0080;
    let (Some(flags), Some(protocol)) = (word(data, 0), word(data, 2)) else {
        return Inside::Unread(Reason::Headers);
    };
    let has = |flag: u16| flags & flag != 0;
    let four_for = |flag: u16| if has(flag) { 4 } else { 0 };
    if has(ROUTING) {
        return Inside::Unread(Reason::Named("GRE with routes"));
    }
    let optional = four_for(CHECKSUM) + four_for(KEY) + four_for(SEQUENCE);
    match (flags & 7, protocol) {
        (0, 0x88BE) if !has(SEQUENCE) => rest(data, 4 + optional, Layer::Ethernet),
        // WCCP may put four bytes before the datagram.
        (0, 0x883E) => match data.get(4 + optional..) {
            Some(inner) if is_ip(inner) => Inside::Layer(Layer::Ip(inner)),
            _ => rest(data, 8 + optional, Layer::Ip),
        },
        (0, 0) => Inside::Other,
        (0, protocol) => match data.get(4 + optional..) {
            Some(inner) if matches!(protocol, 0x0800 | 0x86DD) => Inside::Layer(Layer::Ip(inner)),
            Some(inner) => typed(EtherType(protocol), inner),
            None => Inside::Unread(Reason::Headers),
        },
        // Without a sequence number it only acknowledges.
        (1, 0x880B) if !has(SEQUENCE) => Inside::Other,
        (1, 0x880B) => rest(data, 4 + optional + four_for(ACKNOWLEDGMENT), Layer::Ppp),
        _ => Inside::Unread(Reason::Named("GRE of other versions")),
    }
}

/// Mirrored frames behind GRE with a sequence number.
fn erspan_2(data: &[u8]) -> Inside<'_> {
    rest(data, 8, Layer::Ethernet)
}

/// Mirrored frames with times: the last bit tells of eight bytes more, five bits before it of the frame's type.
fn erspan_3(data: &[u8]) -> Inside<'_> {
    let Some(last) = word(data, 10) else { return Inside::Unread(Reason::Headers) };
    let header = if last & 1 == 1 { 20 } else { 12 };
    match last >> 10 & 0x1F {
        0 => rest(data, header, Layer::Ethernet),
        2 => rest(data, header, Layer::Ip),
        _ => Inside::Unread(Reason::Named("ERSPAN with other frames")),
    }
}

/// Tunnels over UDP, by the port that they are sent to.
pub(super) fn udp(source: u16, destination: u16, data: &[u8]) -> Inside<'_> {
    match destination {
        // The registered port and Linux's older one.
        4789 | 8472 => match data {
            [flags, ..] if flags & 0x08 != 0 => rest(data, 8, Layer::Ethernet),
            _ => Inside::Unread(Reason::Named("VXLAN")),
        },
        4790 => match data {
            [_, _, _, 1 | 2, ..] => rest(data, 8, Layer::Ip),
            [_, _, _, 3, ..] => rest(data, 8, Layer::Ethernet),
            [_, _, _, 5, ..] => rest(data, 8, Layer::Mpls),
            _ => Inside::Unread(Reason::Named("VXLAN-GPE")),
        },
        2152 => gtp_u(data),
        6081 => geneve(data),
        6635 => Inside::Layer(Layer::Mpls(data)),
        4754 => gre(data),
        4500 => ipsec(data),
        1701 => Inside::Unread(Reason::Named("L2TP")),
        3544 => Inside::Unread(Reason::Named("Teredo")),
        4341 => Inside::Unread(Reason::Named("LISP")),
        5247 => Inside::Unread(Reason::Named("CAPWAP")),
        37008 => Inside::Unread(Reason::Named("TZSP")),
        1194 => Inside::Unread(Reason::Named("OpenVPN (encrypted)")),
        _ if source == 4500 => ipsec(data),
        _ if source == 1194 => Inside::Unread(Reason::Named("OpenVPN (encrypted)")),
        _ => encrypted(data),
    }
}

/// ESP in UDP, RFC 3948; behind four zeros are keys, a lone byte keeps the way open.
fn ipsec(data: &[u8]) -> Inside<'_> {
    match data {
        [_] | [0, 0, 0, 0, ..] => Inside::Other,
        _ => Inside::Unread(Reason::Named("IPsec ESP (encrypted)")),
    }
}

/// What carries TCP or MQTT on any UDP port, and is known by how it begins.
fn encrypted(data: &[u8]) -> Inside<'_> {
    match data {
        // QUIC's long header, versions 1 and 2.
        [first, 0, 0, 0, 1, ..] | [first, 0x6B, 0x33, 0x43, 0xCF, ..] if first & 0xC0 == 0xC0 => {
            Inside::Unread(Reason::Named("QUIC (encrypted)"))
        }
        [1, 0, 0, 0, ..] if data.len() == 148 => Inside::Unread(Reason::Named("WireGuard (encrypted)")),
        [2, 0, 0, 0, ..] if data.len() == 92 => Inside::Unread(Reason::Named("WireGuard (encrypted)")),
        [4, 0, 0, 0, ..] if data.len() > 32 && data.len().is_multiple_of(16) => {
            Inside::Unread(Reason::Named("WireGuard (encrypted)"))
        }
        _ => Inside::Other,
    }
}

/// 3GPP TS 29.281: of its messages only G-PDU carries traffic.
fn gtp_u(data: &[u8]) -> Inside<'_> {
    const OPTIONAL: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    let [flags, message, ..] = data else { return Inside::Unread(Reason::Headers) };
    if flags >> 4 & 0xB != 0x3 {
        return Inside::Unread(Reason::Named("GTP of other versions"));
    }
    if *message != 0xFF {
        return Inside::Other;
    }
    let mut at = if flags & OPTIONAL == 0 { 8 } else { 12 };
    if flags & EXTENSION != 0 {
        // Each tells its length in words, and in its last byte what the next one is.
        let mut next = data.get(11).copied();
        while next.is_some_and(|next| next != 0) {
            let length = data.get(at).copied().map_or(0, usize::from) * 4;
            if length == 0 {
                return Inside::Unread(Reason::Headers);
            }
            at += length;
            next = data.get(at - 1).copied();
        }
    }
    match data.get(at..) {
        Some(inner) if is_ip(inner) => Inside::Layer(Layer::Ip(inner)),
        Some(inner) if is_ethernet(inner) => Inside::Layer(Layer::Ethernet(inner)),
        Some(_) => Inside::Unread(Reason::Named("GTP-U with other contents")),
        None => Inside::Unread(Reason::Headers),
    }
}

/// RFC 8926: options, whose length is told in words, behind eight bytes.
fn geneve(data: &[u8]) -> Inside<'_> {
    let (Some(first), Some(protocol)) = (data.first(), word(data, 2)) else {
        return Inside::Unread(Reason::Headers);
    };
    let header = 8 + usize::from(first & 0x3F) * 4;
    rest(data, header, |data| Layer::Typed(EtherType(protocol), data))
}

fn word(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

/// What is left behind a header, as a layer.
fn rest<'a>(data: &'a [u8], header: usize, layer: impl FnOnce(&'a [u8]) -> Layer<'a>) -> Inside<'a> {
    match data.get(header..) {
        Some(data) => Inside::Layer(layer(data)),
        None => Inside::Unread(Reason::Headers),
    }
}
