//! What is counted: decode and encode of every packet in both its forms, the mixed streams, owned frames,
//! properties read and forwarded, a head without its payload, and one for each of many subscribers.

use std::hint::black_box;

use bytes::BytesMut;
use mqtt_wire::{
    DecodeOptions, Decoded, Delivery, Frame, Packet, PacketId, Properties, Publish, Version, decode,
};

use crate::samples::workload;
use crate::samples::{PUBLISH, PUBLISH_PROPERTIES, Sample, name_of, samples};

pub struct Workload {
    pub name: String,
    /// How many packets, or bytes, one pass takes.
    pub units: usize,
    pub pass: Box<dyn FnMut()>,
}

impl Workload {
    pub fn new(name: impl Into<String>, units: usize, pass: impl FnMut() + 'static) -> Self {
        Self { name: name.into(), units, pass: Box::new(pass) }
    }
}

/// Every workload, always in the same order.
pub fn all() -> Vec<Workload> {
    let mut list = Vec::new();
    for sample in samples() {
        list.extend(each_way(sample));
    }
    list.extend(streams(Version::V5, workload::Version::V5));
    list.extend(streams(Version::V311, workload::Version::V311));
    list.extend(heads());
    list
}

/// Decode, encode as built, and for what has properties encode as received and the reading of them.
fn each_way(Sample { name, version, packet, bytes }: Sample) -> Vec<Workload> {
    let named = |what: &str| format!("{what} {} {name}", name_of(version));
    let bytes: &'static [u8] = bytes.leak();
    let received = packet_of(bytes, version);
    let mut list = vec![
        Workload::new(named("decode"), 1, move || assert!(decodes(bytes, version))),
        Workload::new(named("encode"), 1, encode(packet, version, bytes.len())),
    ];
    if let Some(properties) = properties_of(&received).filter(|properties| !properties.is_empty()) {
        list.push(Workload::new(named("forward"), 1, encode(received, version, bytes.len())));
        list.push(Workload::new(named("iterate"), 1, move || {
            for property in black_box(&properties) {
                black_box(&property);
            }
        }));
    }
    list
}

fn packet_of(bytes: &'static [u8], version: Version) -> Packet<'static> {
    decode(bytes, version).ok().and_then(Decoded::packet).expect("a good packet")
}

fn properties_of(packet: &Packet<'static>) -> Option<Properties<'static>> {
    match packet {
        Packet::Connect(body) => Some(body.properties),
        Packet::ConnAck(body) => Some(body.properties),
        Packet::Publish(body) => Some(body.properties),
        Packet::PubAck(body) => Some(body.properties),
        _ => None,
    }
}

#[inline(never)]
fn decodes(bytes: &[u8], version: Version) -> bool {
    matches!(black_box(&decode(black_box(bytes), version)), Ok(Decoded::Packet { .. }))
}

fn encode(packet: Packet<'static>, version: Version, len: usize) -> impl FnMut() {
    let mut out = vec![0; len];
    move || assert_eq!(encoded(black_box(&packet), version, &mut out), len)
}

#[inline(never)]
fn encoded(packet: &Packet<'_>, version: Version, out: &mut [u8]) -> usize {
    packet.encode(version, out).expect("a good packet")
}

/// The mixed stream: decoded, as frames, encoded into a slice and into `BytesMut`.
fn streams(version: Version, workloads: workload::Version) -> Vec<Workload> {
    let mixed = workload::all(workloads).into_iter().find(|workload| workload.name == "mixed");
    let mixed = mixed.expect("the mixed stream");
    let (bytes, count) = (mixed.bytes, mixed.packets);
    let options = DecodeOptions::new(version);
    let named = |what: &str| format!("{what} {} mixed", name_of(version));
    let packets = all_of(bytes, options);
    let built = packets.clone();
    let mut out = vec![0; bytes.len()];
    let mut grown = BytesMut::with_capacity(bytes.len());
    let mut stream = BytesMut::with_capacity(bytes.len());
    vec![
        Workload::new(named("decode"), count, move || assert_eq!(count_of(bytes, options), count)),
        Workload::new(named("frames"), count, move || {
            stream.clear();
            stream.extend_from_slice(bytes);
            assert_eq!(frames_of(&mut stream, options), count);
        }),
        Workload::new(named("encode"), count, move || {
            let mut filled = 0;
            for packet in black_box(&packets) {
                filled += packet.encode(version, &mut out[filled..]).expect("a good packet");
            }
            assert_eq!(filled, bytes.len());
        }),
        Workload::new(named("encode into BytesMut"), count, move || {
            grown.clear();
            for packet in black_box(&built) {
                packet.encode(version, &mut grown).expect("a good packet");
            }
            assert_eq!(grown.len(), bytes.len());
        }),
    ]
}

fn all_of(mut bytes: &'static [u8], options: DecodeOptions) -> Vec<Packet<'static>> {
    let mut packets = Vec::new();
    while let Ok(Decoded::Packet { packet, len }) = decode(bytes, options) {
        packets.push(packet);
        bytes = &bytes[len..];
    }
    packets
}

fn count_of(mut bytes: &[u8], options: DecodeOptions) -> usize {
    let mut packets = 0;
    while let Ok(Decoded::Packet { packet, len }) = &decode(bytes, options) {
        black_box(packet);
        packets += 1;
        bytes = &bytes[*len..];
    }
    packets
}

fn frames_of(stream: &mut BytesMut, options: DecodeOptions) -> usize {
    let mut packets = 0;
    while let Ok(Some(frame)) = &Frame::split_from(stream, options) {
        assert!(black_box(&frame.packet()).is_ok());
        packets += 1;
    }
    packets
}

/// A PUBLISH of 1 MiB by reference, and a head for each of a thousand subscribers.
fn heads() -> Vec<Workload> {
    let payload: &'static [u8] = vec![b'x'; 1 << 20].leak();
    let large = Publish { payload, ..PUBLISH };
    let full = Publish { properties: Properties::new(PUBLISH_PROPERTIES), ..PUBLISH };
    let mut head = [0; 64];
    let mut heads = [0; 256];
    vec![
        Workload::new("head of a PUBLISH of 1 MiB", 1, move || {
            black_box(black_box(&large).encode_head(Version::V5, &mut head)).expect("a good packet");
        }),
        Workload::new("heads for many, QoS 1", 1000, move || {
            for id in (1..=1000).filter_map(PacketId::new) {
                let one = black_box(&full).with_delivery(Delivery::AtLeastOnce(id));
                black_box(one.encode_head(Version::V5, &mut heads)).expect("a good packet");
            }
        }),
    ]
}
