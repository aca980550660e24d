//! MQTT below what networks wrap it in: each wrapping is read, or named.

mod support;

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;
use support::{CONNECT, CONVERSATION, Client, Connection, Link, Ran, conversation, json, pcap};

const ETHERNET: u32 = 1;

/// An Ethernet frame.
fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &ether_type.to_be_bytes(), payload].concat()
}

fn frame_of(ip: &[u8]) -> Vec<u8> {
    ethernet(if ip[0] >> 4 == 6 { 0x86DD } else { 0x0800 }, ip)
}

/// An IPv4 datagram between two routers.
fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("small");
    let mut header = etherparse::Ipv4Header::new(
        length,
        9,
        etherparse::IpNumber(protocol),
        [192, 0, 2, 1],
        [192, 0, 2, 2],
    )
    .expect("a header");
    header.header_checksum = header.calc_header_checksum();
    let mut packet = Vec::new();
    header.write(&mut packet).expect("a vector takes all");
    packet.extend(payload);
    packet
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 9)
        .udp(50_001, port)
        .write(&mut packet, payload)
        .expect("a vector takes all");
    packet
}

fn with(header: &[u8], payload: &[u8]) -> Vec<u8> {
    [header, payload].concat()
}

/// PPPoE's header and the protocol number.
fn pppoe(ip: &[u8]) -> Vec<u8> {
    let length = u16::try_from(ip.len() + 2).expect("small").to_be_bytes();
    let protocol = if ip[0] >> 4 == 6 { [0x00, 0x57] } else { [0x00, 0x21] };
    [&[0x11, 0x00, 0x00, 0x2A], &length[..], &protocol, ip].concat()
}

fn gre_protocol(ip: &[u8]) -> [u8; 2] {
    if ip[0] >> 4 == 6 { [0x86, 0xDD] } else { [0x08, 0x00] }
}

/// Length and header of LLC with SNAP, and padding behind.
fn snap(ip: &[u8]) -> Vec<u8> {
    let llc = [&[0xAA, 0xAA, 0x03, 0, 0, 0][..], &gre_protocol(ip), ip].concat();
    ethernet(u16::try_from(llc.len()).expect("small"), &[&llc[..], &[0; 9]].concat())
}

type Wrapping = (&'static str, fn(&[u8]) -> Vec<u8>);

/// Every wrapping that is read, around an IP datagram, in an Ethernet frame.
const READ: &[Wrapping] = &[
    ("802.1Q", |ip| ethernet(0x8100, &with(&[0, 42, 8, 0], ip))),
    ("802.1ad", |ip| ethernet(0x88A8, &with(&[0, 42, 0x81, 0, 0, 43, 8, 0], ip))),
    ("802.1ad twice", |ip| ethernet(0x88A8, &with(&[0, 1, 0x88, 0xA8, 0, 2, 8, 0], ip))),
    ("QinQ of old", |ip| ethernet(0x9100, &with(&[0, 42, 0x81, 0, 0, 43, 8, 0], ip))),
    ("five tags", |ip| {
        let tags = [0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 0x81, 0, 0, 4, 0x81, 0, 0, 5, 8, 0];
        ethernet(0x88A8, &with(&tags, ip))
    }),
    ("802.1ah", |ip| ethernet(0x88E7, &with(&[0, 0, 0, 7], &frame_of(ip)))),
    ("LLC/SNAP", snap),
    ("LLC/SNAP behind a tag", |ip| {
        let snap = snap(ip);
        ethernet(0x8100, &with(&[0, 42], &snap[12..]))
    }),
    ("PPPoE", |ip| ethernet(0x8864, &with(&pppoe(ip), &[0; 3]))),
    ("PPPoE behind a tag", |ip| ethernet(0x8100, &with(&[0, 7, 0x88, 0x64], &pppoe(ip)))),
    ("MPLS", |ip| ethernet(0x8847, &with(&[0, 1, 0x01, 64], ip))),
    ("MPLS, three labels", |ip| ethernet(0x8847, &with(&[0, 1, 0, 64, 0, 2, 0, 64, 0, 3, 0x31, 64], ip))),
    ("MPLS, Ethernet", |ip| ethernet(0x8848, &with(&[0, 1, 0x01, 64], &frame_of(ip)))),
    ("MPLS, Ethernet with control word", |ip| {
        ethernet(0x8847, &with(&[0, 1, 0x01, 64, 0, 0, 0, 9], &frame_of(ip)))
    }),
    ("IP in IP", |inner| frame_of(&ip(4, inner))),
    ("GRE", |inner| frame_of(&ip(47, &with(&[0, 0, 8, 0], inner)))),
    ("GRE with checksum, key and sequence number", |inner| {
        frame_of(&ip(47, &with(&[0xB0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9], inner)))
    }),
    ("GRE of Ethernet", |inner| {
        frame_of(&ip(47, &with(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 7], &frame_of(inner))))
    }),
    ("GRE of MPLS", |inner| frame_of(&ip(47, &with(&[0, 0, 0x88, 0x47, 0, 1, 1, 64], inner)))),
    ("GRE of PPTP", |inner| {
        frame_of(&ip(
            47,
            &with(&[0x30, 0x81, 0x88, 0x0B, 0, 9, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xFF, 3, 0, 0x21], inner),
        ))
    }),
    ("GRE in UDP", |inner| frame_of(&udp(4754, &with(&[0, 0, 8, 0], inner)))),
    ("WCCP", |inner| frame_of(&ip(47, &with(&[0, 0, 0x88, 0x3E, 0, 0, 0, 0], inner)))),
    ("ERSPAN type I", |inner| frame_of(&ip(47, &with(&[0, 0, 0x88, 0xBE], &frame_of(inner))))),
    ("ERSPAN type II", |inner| {
        let header = [0x10, 0, 0x88, 0xBE, 0, 0, 0, 1, 0x10, 42, 0, 1, 0, 0, 0, 0];
        frame_of(&ip(47, &with(&header, &frame_of(inner))))
    }),
    ("ERSPAN type III", |inner| {
        let header = [0x10, 0, 0x22, 0xEB, 0, 0, 0, 1, 0x20, 42, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        frame_of(&ip(47, &with(&header, &frame_of(inner))))
    }),
    ("ERSPAN type III with a subheader", |inner| {
        let header = [0x10, 0, 0x22, 0xEB, 0, 0, 0, 1, 0x20, 42, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        frame_of(&ip(47, &[&header[..], &[9; 8], &frame_of(inner)].concat()))
    }),
    ("EtherIP", |inner| frame_of(&ip(97, &with(&[0x30, 0], &frame_of(inner))))),
    ("MPLS in IP", |inner| frame_of(&ip(137, &with(&[0, 1, 0x01, 64], inner)))),
    ("MPLS in UDP", |inner| frame_of(&udp(6635, &with(&[0, 1, 0x01, 64], inner)))),
    ("VXLAN", |inner| frame_of(&udp(4789, &with(&[8, 0, 0, 0, 0, 0, 42, 0], &frame_of(inner))))),
    ("VXLAN on Linux's port", |inner| {
        frame_of(&udp(8472, &with(&[8, 0, 0, 0, 0, 0, 42, 0], &frame_of(inner))))
    }),
    ("VXLAN with a tag inside", |inner| {
        let tagged = ethernet(0x8100, &with(&[0, 42, 8, 0], inner));
        frame_of(&udp(4789, &with(&[8, 0, 0, 0, 0, 0, 42, 0], &tagged)))
    }),
    ("VXLAN-GPE", |inner| frame_of(&udp(4790, &with(&[0x0C, 0, 0, 1, 0, 0, 42, 0], inner)))),
    ("Geneve", |inner| {
        frame_of(&udp(6081, &with(&[1, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 4], &frame_of(inner))))
    }),
    ("GTP-U", |inner| frame_of(&udp(2152, &with(&[0x30, 0xFF, 0, 60, 0, 0, 0, 1], inner)))),
    ("GTP-U with a sequence number", |inner| {
        frame_of(&udp(2152, &with(&[0x32, 0xFF, 0, 60, 0, 0, 0, 1, 0, 9, 0, 0], inner)))
    }),
    ("GTP-U with extensions", |inner| {
        let header = [0x34, 0xFF, 0, 60, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0x85, 2, 1, 2, 3, 4, 5, 6, 0];
        frame_of(&udp(2152, &with(&header, inner)))
    }),
    ("VXLAN in GRE in PPPoE", |inner| {
        let vxlan = udp(4789, &with(&[8, 0, 0, 0, 0, 0, 42, 0], &frame_of(inner)));
        ethernet(0x8864, &pppoe(&ip(47, &with(&[0, 0, 8, 0], &vxlan))))
    }),
];

fn wrapped(link: u32, v6: bool, wrap: impl Fn(&[u8]) -> Vec<u8>) -> Ran {
    let connection = conversation(Link::Raw, v6);
    let frames: Vec<_> = connection.frames.iter().map(|(time, ip)| (*time, wrap(ip))).collect();
    json(&pcap(link, &frames))
}

#[test]
fn every_wrapping_is_taken_off() {
    for (name, wrap) in READ {
        let ran = wrapped(ETHERNET, false, wrap);
        assert_eq!(ran.gist(), CONVERSATION, "{name}: {}", ran.err);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}");
        assert_eq!(ran.json()[1]["connection"]["client"], "10.0.0.1:50000", "{name}");
    }
}

#[test]
fn ipv6_is_read_in_tunnels_too() {
    let wrappings: &[Wrapping] = &[
        ("PPPoE", |ip| ethernet(0x8864, &pppoe(ip))),
        ("6in4", |inner| frame_of(&ip(41, inner))),
        ("MPLS", |ip| ethernet(0x8847, &with(&[0, 1, 0x01, 64], ip))),
        ("GRE", |inner| frame_of(&ip(47, &with(&[0, 0, 0x86, 0xDD], inner)))),
        ("GTP-U", |inner| frame_of(&udp(2152, &with(&[0x30, 0xFF, 0, 60, 0, 0, 0, 1], inner)))),
        ("LLC/SNAP", snap),
    ];
    for (name, wrap) in wrappings {
        let ran = wrapped(ETHERNET, true, wrap);
        assert_eq!((ran.gist(), ran.err.as_str()), (CONVERSATION.map(String::from).to_vec(), ""), "{name}");
    }
}

#[test]
fn other_link_types_are_read() {
    let wrappings: &[(u32, Wrapping)] = &[
        (9, ("PPP", |ip| with(&[0xFF, 0x03, 0x00, 0x21], ip))),
        (9, ("PPP, short", |ip| with(&[0x21], ip))),
        (50, ("PPP in HDLC", |ip| with(&[0xFF, 0x03, 0x00, 0x21], ip))),
        (51, ("PPPoE", pppoe)),
        (104, ("Cisco HDLC", |ip| with(&[0x0F, 0x00, 0x08, 0x00], ip))),
        (219, ("MPLS", |ip| with(&[0, 1, 1, 64], ip))),
        (
            113,
            ("Linux cooked, PPPoE", |ip| {
                with(&[&[0, 0, 0, 1, 0, 6][..], &[0; 8], &[0x88, 0x64]].concat(), &pppoe(ip))
            }),
        ),
        (
            113,
            ("Linux cooked, LLC", |ip| {
                with(&[&[0, 0, 0, 1, 0, 6][..], &[0; 8], &[0, 4]].concat(), &snap(ip)[14..])
            }),
        ),
    ];
    for (link, (name, wrap)) in wrappings {
        let ran = wrapped(*link, false, wrap);
        assert_eq!((ran.gist(), ran.err.as_str()), (CONVERSATION.map(String::from).to_vec(), ""), "{name}");
    }
}

#[test]
fn a_tunnels_fragments_are_put_together() {
    let connection = conversation(Link::Raw, false);
    let mut frames = Vec::new();
    for (number, (time, inner)) in connection.frames.iter().enumerate() {
        let payload = with(&[0, 0, 8, 0], inner);
        let (first, second) = payload.split_at(32);
        for (at, part) in [(0, first), (4, second)] {
            let mut packet = ip(47, part);
            packet[4..6].copy_from_slice(&u16::try_from(number).expect("few").to_be_bytes());
            packet[6..8].copy_from_slice(&(if at == 0 { 0x2000_u16 } else { at }).to_be_bytes());
            frames.push((*time, frame_of(&packet)));
        }
    }
    let ran = json(&pcap(ETHERNET, &frames));
    assert_eq!((ran.gist(), ran.err.as_str()), (CONVERSATION.map(String::from).to_vec(), ""));
    // Without the last fragment nobody knows what was in it.
    frames.pop();
    let ran = json(&pcap(ETHERNET, &frames));
    assert_eq!(ran.err, "mqtt-inspect: standard input: not read: 1 IP datagram that lack fragments\n");
}

#[test]
fn what_is_not_read_is_named_and_not_denied() {
    let wrappings: &[Wrapping] = &[
        ("of EtherType 0x88B5", |ip| ethernet(0x88B5, ip)),
        ("of IP protocol 99", |inner| frame_of(&ip(99, inner))),
        ("of IPsec ESP (encrypted)", |inner| frame_of(&ip(50, inner))),
        ("of IPsec ESP (encrypted)", |inner| frame_of(&udp(4500, inner))),
        ("of MACsec (encrypted)", |ip| ethernet(0x88E5, &with(&[0x2C, 0, 0, 0, 0, 1], ip))),
        ("of L2TP", |inner| frame_of(&udp(1701, inner))),
        ("of QUIC (encrypted)", |inner| frame_of(&udp(14567, &with(&[0xC3, 0, 0, 0, 1], inner)))),
        ("of GRE with routes", |inner| frame_of(&ip(47, &with(&[0x40, 0, 8, 0, 0, 0, 0, 0], inner)))),
        ("of PPP (compressed)", |ip| {
            let mut pppoe = pppoe(ip);
            pppoe[7] = 0xFD;
            ethernet(0x8864, &pppoe)
        }),
        ("of MPLS with other contents", |ip| ethernet(0x8847, &with(&[0, 1, 1, 64, 0xF0, 9, 9, 9], ip))),
        ("whose headers are cut off or damaged", |ip| frame_of(&ip[..30])),
        ("with too many layers", |inner| frame_of(&(0..40).fold(inner.to_vec(), |inner, _| ip(4, &inner)))),
    ];
    for (name, wrap) in wrappings {
        let ran = wrapped(ETHERNET, false, wrap);
        assert_eq!(ran.out, "", "{name}");
        let frames = conversation(Link::Raw, false).frames.len();
        assert_eq!(
            ran.err,
            format!(
                "mqtt-inspect: standard input: not read: {frames} frames {name}\n\
                 mqtt-inspect: standard input: no MQTT in what could be read of it\n"
            )
        );
    }
}

#[test]
fn a_snap_length_within_the_headers_is_named() {
    for (name, wrap) in READ {
        let connection = conversation(Link::Raw, false);
        let cut = |inner: &Vec<u8>| {
            let frame = wrap(inner);
            let at = frame.windows(inner.len()).position(|part| part == inner).expect("the datagram");
            // Within the TCP header.
            frame[..at + 30].to_vec()
        };
        let frames: Vec<_> = connection.frames.iter().map(|(time, ip)| (*time, cut(ip))).collect();
        let ran = json(&pcap(ETHERNET, &frames));
        let named = format!("not read: {} frames whose headers are cut off or damaged", frames.len());
        assert!(ran.err.contains(&named), "{name}: {}", ran.err);
        assert!(ran.err.contains("no MQTT in what could be read of it"), "{name}: {}", ran.err);
        assert_eq!((ran.out.as_str(), ran.code), ("", 3), "{name}");
    }
}

#[test]
fn what_carries_no_tcp_is_not_named() {
    let frames: Vec<_> = [
        ethernet(0x0806, &[0; 28]),
        ethernet(0x88CC, &[0; 28]),
        ethernet(0x8863, &[0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0]),
        ethernet(38, &[0x42, 0x42, 3, 0, 0, 0, 0, 0]),
        frame_of(&ip(1, &[8, 0, 0, 0, 0, 0, 0, 0])),
        frame_of(&udp(53, &[0; 20])),
        frame_of(&udp(2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0])),
    ]
    .map(|frame| (0, frame))
    .to_vec();
    let ran = json(&pcap(ETHERNET, &frames));
    assert_eq!(
        ran.err,
        "mqtt-inspect: standard input: no MQTT in it, nor any other TCP connection with data\n"
    );
}

#[test]
fn what_is_not_read_is_named_beside_what_is() {
    let mut connection = conversation(Link::Ethernet, false);
    connection.frames.insert(0, (0, ethernet(0x88B5, &[1; 40])));
    connection.frames.push((connection.now, frame_of(&ip(50, &[1; 40]))));
    let ran = json(&pcap(ETHERNET, &connection.frames));
    assert_eq!(ran.gist(), CONVERSATION);
    assert_eq!(ran.code, 0);
    assert_eq!(
        ran.err,
        "mqtt-inspect: standard input: not read: 1 frame of EtherType 0x88B5, 1 frame of IPsec ESP (encrypted)\n"
    );
}

#[test]
fn unfinished_datagrams_are_given_up_in_time() {
    // The same identifier 20,000 frames later is another datagram.
    let mut connection = Connection::on(1883, Link::Raw, false).open();
    connection.send(Client, CONNECT);
    let (time, whole) = connection.frames.pop().expect("a frame");
    let part = |identification: u16, at: u16, body: &[u8]| {
        let mut part = [&whole[..20], body].concat();
        let length = u16::try_from(part.len()).expect("small").to_be_bytes();
        part[2..4].copy_from_slice(&length);
        part[4..6].copy_from_slice(&identification.to_be_bytes());
        part[6..8].copy_from_slice(&at.to_be_bytes());
        (time, part)
    };
    connection.frames.push(part(1, 0x2000, &[0xEE; 24]));
    // More unfinished datagrams than are kept.
    for identification in 2..200 {
        connection.frames.push(part(identification, 0x2001, &[0xEE; 16]));
    }
    connection.frames.push(part(7, 0x2000, &whole[20..44]));
    connection.frames.push(part(7, 3, &whole[44..]));
    let ran = json(&pcap(101, &connection.frames));
    assert_eq!(ran.gist(), ["note opened", "ok CONNECT"]);
    let address = Ipv4Addr::new(10, 0, 0, 1);
    assert_eq!(ran.json()[1]["connection"]["client"], format!("{address}:50000"));
    assert!(ran.err.contains("199 IP datagrams that lack fragments"), "{}", ran.err);
}
