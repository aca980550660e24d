//! What is counted: decode in the way of the README and encode of every packet in both its forms, the mixed streams in
//! every way, everything read, a server's answers, properties read and forwarded, a head without its payload, one
//! for each of many subscribers, and look-ups in a tree of filters.

use std::hint::black_box;

use bytes::BytesMut;
use mqtt_wire::topic::FilterTree;
use mqtt_wire::{
    DecodeOptions, Decoded, Delivery, EncodeOptions, Packet, PacketId, Properties, PropertiesBuf, Publish,
    TopicFilter, TopicName, Version, decode,
};

use crate::built::built;
use crate::samples::workload;
use crate::samples::{PUBLISH, PUBLISH_PROPERTIES, Sample, name_of, samples};
use crate::table::{MATCHES, Table};
use crate::ways;

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
    list.extend(look_ups());
    list
}

/// Decode, encode as built; for what has properties encode as received and from a [`PropertiesBuf`], and the reading
/// of them one after the other and as fields; for what ends with a list the reading of everything.
fn each_way(Sample { name, version, packet, bytes }: Sample) -> Vec<Workload> {
    let named = |what: &str| format!("{what} {} {name}", name_of(version));
    let bytes: &'static [u8] = bytes.leak();
    let received = packet_of(bytes, version);
    let mut list = vec![
        Workload::new(named("decode"), 1, move || {
            assert!(decodes(bytes, black_box(DecodeOptions::new(version))))
        }),
        Workload::new(named("encode"), 1, encode(packet, version, bytes.len())),
    ];
    if let Some(properties) = properties_of(&received).filter(|properties| !properties.is_empty()) {
        list.push(Workload::new(named("forward"), 1, encode(received, version, bytes.len())));
        let kept: &'static PropertiesBuf = Box::leak(Box::new(properties.to_buf().expect("good properties")));
        let kept = with_properties(packet, kept.as_properties());
        list.push(Workload::new(named("encode kept"), 1, encode(kept, version, bytes.len())));
        list.push(Workload::new(named("fields"), 1, move || fields(black_box(&received))));
        list.push(Workload::new(named("iterate"), 1, move || {
            for property in black_box(&properties) {
                black_box(&property);
            }
        }));
    }
    if matches!(
        received,
        Packet::Subscribe(_) | Packet::SubAck(_) | Packet::Unsubscribe(_) | Packet::UnsubAck(_)
    ) {
        list.push(Workload::new(named("read"), 1, move || ways::read_all(black_box(&received))));
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

fn with_properties(mut packet: Packet<'static>, properties: Properties<'static>) -> Packet<'static> {
    match &mut packet {
        Packet::Connect(body) => body.properties = properties,
        Packet::ConnAck(body) => body.properties = properties,
        Packet::Publish(body) => body.properties = properties,
        Packet::PubAck(body) => body.properties = properties,
        _ => unreachable!("no other has properties that are read"),
    }
    packet
}

/// All properties in one pass.
#[inline(never)]
fn fields(packet: &Packet<'_>) {
    match packet {
        Packet::Connect(body) => _ = black_box(&body.fields()),
        Packet::ConnAck(body) => _ = black_box(&body.fields()),
        Packet::Publish(body) => _ = black_box(&body.fields()),
        Packet::PubAck(body) => _ = black_box(&body.fields()),
        _ => {}
    }
}

#[inline(never)]
fn decodes(bytes: &[u8], options: DecodeOptions) -> bool {
    ways::readme(black_box(bytes), options, ways::look).unwrap_or(false)
}

fn encode(packet: Packet<'static>, version: Version, len: usize) -> impl FnMut() {
    let mut out = vec![0; len];
    move || assert_eq!(encoded(black_box(&packet), version, &mut out), len)
}

#[inline(never)]
fn encoded(packet: &Packet<'_>, version: Version, out: &mut [u8]) -> usize {
    packet.encode(version, out).expect("a good packet")
}

/// The mixed stream in every way, and the answers of a server.
fn streams(version: Version, workloads: workload::Version) -> Vec<Workload> {
    let mixed = workload::all(workloads).into_iter().find(|workload| workload.name == "mixed");
    let mixed = mixed.expect("the mixed stream");
    let (bytes, count) = (mixed.bytes, mixed.packets);
    let options = black_box(DecodeOptions::new(version));
    let encode_options = black_box(EncodeOptions::new(version));
    let named = |what: &str| format!("{what} {} mixed", name_of(version));
    let received = all_of(bytes, options);
    let values: Vec<_> = received.iter().copied().map(built).collect();
    let packets = received.clone();
    let mut out = vec![0; bytes.len()];
    let mut stream = BytesMut::with_capacity(bytes.len());
    vec![
        Workload::new(named("decode"), count, move || assert!(decodes(bytes, options))),
        Workload::new(named("decode through a helper"), count, move || {
            assert_eq!(ways::helper(black_box(bytes), options, ways::look), Ok(true));
        }),
        Workload::new(named("decode and read"), count, move || {
            assert_eq!(ways::readme(black_box(bytes), options, read), Ok(true));
        }),
        Workload::new(named("decode by reference"), count, move || {
            assert_eq!(
                ways::by_reference(black_box(bytes), options, |packet| _ = black_box(packet)),
                Ok(true)
            );
        }),
        Workload::new(named("frames"), count, move || {
            stream.clear();
            stream.extend_from_slice(bytes);
            assert_eq!(ways::frames(&mut stream, options, ways::look), Ok(true));
        }),
        Workload::new(named("encode"), count, move || {
            let mut filled = 0;
            for packet in black_box(&packets) {
                filled += packet.encode(encode_options, &mut out[filled..]).expect("a good packet");
            }
            assert_eq!(filled, bytes.len());
        }),
        into(named("encode into Vec"), Vec::with_capacity(bytes.len()), received.clone(), encode_options),
        into(named("encode built into Vec"), Vec::with_capacity(bytes.len()), values, encode_options),
        into(named("encode into BytesMut"), BytesMut::with_capacity(bytes.len()), received, encode_options),
        answers(version, encode_options),
    ]
}

/// A packet handed on, and all of it read.
#[inline(never)]
fn read(packet: Packet<'_>) {
    black_box(&packet);
    ways::read_all(&packet);
}

/// Packets written to the end of an output with room for them.
fn into<O: mqtt_wire::Output + Clear + 'static>(
    name: String,
    mut out: O,
    packets: Vec<Packet<'static>>,
    options: EncodeOptions,
) -> Workload {
    Workload::new(name, packets.len(), move || {
        out.clear();
        for packet in black_box(&packets) {
            packet.encode(options, &mut out).expect("a good packet");
        }
        black_box(&out);
    })
}

trait Clear {
    fn clear(&mut self);
}

impl Clear for Vec<u8> {
    fn clear(&mut self) {
        self.clear();
    }
}

impl Clear for BytesMut {
    fn clear(&mut self) {
        self.clear();
    }
}

fn answers(version: Version, options: EncodeOptions) -> Workload {
    let ids = [7, 8, 9, 10].map(|id| PacketId::new(id).expect("not 0"));
    let mut out = Vec::with_capacity(64);
    Workload::new(format!("six answers {}", name_of(version)), 6, move || {
        out.clear();
        ways::answer(black_box(ids), options, &mut out).expect("good packets");
        black_box(&out);
    })
}

fn all_of(bytes: &'static [u8], options: DecodeOptions) -> Vec<Packet<'static>> {
    let mut packets = Vec::new();
    assert_eq!(ways::readme(bytes, options, |packet| packets.push(packet)), Ok(true));
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

/// Names that match ten of the filters of a broker, or one, and a name that matches every filter of a tree.
fn look_ups() -> Vec<Workload> {
    const LEVELS: u32 = 8;
    let table = Table::new(2000);
    let names: &'static [String] = table.names(200).leak();
    let deep = (0..1 << LEVELS).map(|bits: u32| {
        let level = |level| if bits >> level & 1 == 0 { "a" } else { "+" };
        (0..LEVELS).map(level).collect::<Vec<_>>().join("/")
    });
    let deepest: &'static [String] = vec![["a"; LEVELS as usize].join("/")].leak();
    let strange: &'static [String] = vec!["a".into(), "nowhere/else".into()].leak();
    vec![
        look_up("look up, ten matches of 2000 filters", tree_of(table.filters()), names, MATCHES),
        look_up("look up, one match of 2000 filters", tree_of(table.filters()), strange, 1),
        look_up("look up, all of 256 filters match", tree_of(deep), deepest, 1 << LEVELS),
    ]
}

fn tree_of(filters: impl Iterator<Item = String>) -> FilterTree<u32> {
    let mut tree = FilterTree::new();
    for (value, filter) in (0..).zip(filters) {
        tree.insert(TopicFilter::new(&filter).expect("a filter"), value);
    }
    tree
}

/// Names of which each matches so many filters.
fn look_up(what: &str, tree: FilterTree<u32>, names: &'static [String], matches: usize) -> Workload {
    Workload::new(what, names.len(), move || {
        for name in black_box(names) {
            let name = TopicName::new(name).expect("a name");
            assert_eq!(black_box(&tree).matches(name).count(), matches);
        }
    })
}
