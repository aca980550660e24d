//! Input made to be dear: the packets with the most items a byte, the longest texts, the deepest topics, the smallest
//! packets. Each is made in any size.

use std::hint::black_box;

use bytes::Bytes;
use mqtt_wire::topic::FilterTree;
use mqtt_wire::{
    DecodeOptions, Decoded, DecodedHead, Frame, Packet, Publish, TopicFilter, TopicName, Version, decode,
    decode_publish_head, frame_len,
};

use crate::built::built;
use crate::notation::{bytes, frame, string, variable};
use crate::ways;

/// Bytes that come off a connection.
pub struct Attack {
    /// `{}` stands for the number of items.
    pub name: &'static str,
    pub items: usize,
    pub options: DecodeOptions,
    pub make: fn(usize) -> Vec<u8>,
}

const V311: DecodeOptions = DecodeOptions::new(Version::V311);
const V5: DecodeOptions = DecodeOptions::new(Version::V5);

/// The longest string that can be made of characters of two, of three and of four bytes.
const LONGEST: usize = 65_532;

#[rustfmt::skip]
pub const ATTACKS: &[Attack] = &[
    Attack { name: "CONNECT, {} user properties", items: 40_000, options: V5, make: |n| connect("02", &block("26 0000 0000", n), &bytes("'c'")) },
    Attack { name: "the same, the version detected", items: 40_000, options: DecodeOptions::detect(), make: |n| connect("02", &block("26 0000 0000", n), &bytes("'c'")) },
    Attack { name: "CONNECT with everything, {} user properties", items: 40_000, options: V5, make: full_connect },
    Attack { name: "CONNECT, {} user properties, the last cut", items: 40_000, options: V5, make: |n| {
        connect("02", &counted([bytes("26 0000 0000").repeat(n), bytes("26 00")].concat()), &bytes("'c'"))
    } },
    Attack { name: "PUBLISH, {} user properties", items: 40_000, options: V5, make: |n| publish("a", &block("26 0000 0000", n)) },
    Attack { name: "the same, control characters refused", items: 40_000, options: V5.with_strict_characters(true), make: |n| publish("a", &block("26 0001 6B 0001 76", n)) },
    Attack { name: "PUBLISH, {} subscription identifiers", items: 100_000, options: V5, make: |n| publish("a", &block("0B 01", n)) },
    Attack { name: "PUBACK, {} user properties", items: 40_000, options: V5, make: |n| frame(0x40, &[bytes("0001 10"), block("26 0000 0000", n)].concat()) },
    Attack { name: "SUBSCRIBE, {} filters", items: 89_000, options: V311, make: |n| frame(0x82, &[bytes("0001"), bytes("'a' 00").repeat(n)].concat()) },
    Attack { name: "SUBSCRIBE, {} filters `#`", items: 89_000, options: V5, make: |n| frame(0x82, &[bytes("0001 00"), bytes("'#' 00").repeat(n)].concat()) },
    Attack { name: "SUBSCRIBE, {} shared filters", items: 30_000, options: V5, make: |n| frame(0x82, &[bytes("0001 00"), bytes("'$share/g/+' 00").repeat(n)].concat()) },
    Attack { name: "UNSUBSCRIBE, {} filters", items: 89_000, options: V311, make: |n| frame(0xA2, &[bytes("0001"), bytes("'a'").repeat(n)].concat()) },
    Attack { name: "UNSUBSCRIBE, {} filters `+`", items: 89_000, options: V5, make: |n| frame(0xA2, &[bytes("0001 00"), bytes("'+'").repeat(n)].concat()) },
    Attack { name: "SUBACK, {} codes", items: 200_000, options: V311, make: |n| frame(0x90, &[bytes("0001"), vec![0x80; n]].concat()) },
    Attack { name: "SUBACK of 5.0, {} codes", items: 200_000, options: V5, make: |n| frame(0x90, &[bytes("0001 00"), vec![0x97; n]].concat()) },
    Attack { name: "UNSUBACK, {} codes", items: 200_000, options: V5, make: |n| frame(0xB0, &[bytes("0001 00"), vec![0x11; n]].concat()) },
    Attack { name: "4 texts of {} characters of 2 bytes", items: LONGEST / 2, options: V5, make: |n| publish("a", &texts("\u{e9}", n)) },
    Attack { name: "4 texts of {} characters of 3 bytes", items: LONGEST / 3, options: V5, make: |n| publish("a", &texts("\u{6c34}", n)) },
    Attack { name: "4 texts of {} characters of 4 bytes", items: LONGEST / 4, options: V5, make: |n| publish("a", &texts("\u{1f980}", n)) },
    Attack { name: "the same, control characters refused", items: LONGEST / 4, options: V5.with_strict_characters(true), make: |n| publish("a", &texts("\u{1f980}", n)) },
    Attack { name: "payload of {} characters of 3 bytes, checked", items: 80_000, options: V5.with_payload_check(true), make: |n| {
        frame(0x30, &[bytes("'a' (01 01)"), "\u{6c34}".repeat(n).into_bytes()].concat())
    } },
    Attack { name: "topic of {} slashes", items: 65_535, options: V311, make: |n| publish(&"/".repeat(n), &[]) },
    Attack { name: "topic of {} characters of 3 bytes", items: LONGEST / 3, options: V311, make: |n| publish(&"\u{6c34}".repeat(n), &[]) },
    Attack { name: "4 filters of {} slashes", items: 65_535, options: V311, make: |n| subscribe(&"/".repeat(n)) },
    Attack { name: "4 filters `+/+/...` of {} levels", items: 32_768, options: V311, make: |n| subscribe(&pluses(n)) },
    Attack { name: "4 filters `+/+/.../#` of {} levels", items: 32_767, options: V311, make: |n| subscribe(&format!("{}/#", pluses(n))) },
    Attack { name: "4 filters of {} characters of 3 bytes", items: LONGEST / 3, options: V311, make: |n| subscribe(&"\u{6c34}".repeat(n)) },
    Attack { name: "{} PINGREQ in one buffer", items: 50_000, options: V311, make: |n| bytes("C000").repeat(n) },
    Attack { name: "{} DISCONNECT in one buffer", items: 50_000, options: V5, make: |n| bytes("E000").repeat(n) },
    Attack { name: "{} PUBACK in one buffer", items: 50_000, options: V5, make: |n| bytes("4002 0001").repeat(n) },
    Attack { name: "{} CONNACK in one buffer", items: 50_000, options: V311, make: |n| bytes("2002 0000").repeat(n) },
    Attack { name: "{} PUBLISH in one buffer", items: 50_000, options: V311, make: |n| bytes("30 ('a')").repeat(n) },
    Attack { name: "{} PUBLISH of 5.0 in one buffer", items: 50_000, options: V5, make: |n| bytes("30 ('a' 00)").repeat(n) },
    Attack { name: "{} SUBSCRIBE in one buffer", items: 30_000, options: V5, make: |n| bytes("82 (0001 00 'a' 00)").repeat(n) },
    Attack { name: "{} CONNECT in one buffer", items: 15_000, options: V5, make: |n| bytes("10 ('MQTT' 05 02 0000 00 '')").repeat(n) },
];

/// A block with its length before it.
fn counted(block: Vec<u8>) -> Vec<u8> {
    [variable(block.len()), block].concat()
}

fn block(property: &str, n: usize) -> Vec<u8> {
    counted(bytes(property).repeat(n))
}

fn connect(flags: &str, properties: &[u8], rest: &[u8]) -> Vec<u8> {
    let start = [bytes("'MQTT' 05"), bytes(flags), bytes("003C")].concat();
    frame(0x10, &[&start, properties, rest].concat())
}

/// Every property and every field, the user properties half with the connection and half with its will.
fn full_connect(n: usize) -> Vec<u8> {
    let user = bytes("26 'k' 'v'").repeat(n / 2);
    let once = "11 00000001 21 0001 27 00000100 22 0001 19 01 17 01 15 'm' 16 'd'";
    let will = "18 00000001 01 01 02 00000001 03 't' 08 'r' 09 'd'";
    let with = |properties: &str| counted([bytes(properties), user.clone()].concat());
    let long = string("x".repeat(n.min(65_535)));
    let rest = [string(&b"c"[..]), with(will), long.clone(), long.clone(), long.clone(), long].concat();
    connect("C6", &with(once), &rest)
}

fn publish(topic: &str, properties: &[u8]) -> Vec<u8> {
    frame(0x30, &[&string(topic), properties].concat())
}

fn texts(character: &str, n: usize) -> Vec<u8> {
    let text = string(character.repeat(n));
    counted([bytes("26"), text.clone(), text.clone(), bytes("26"), text.clone(), text].concat())
}

fn subscribe(filter: &str) -> Vec<u8> {
    frame(0x82, &[bytes("0001"), [string(filter), vec![0]].concat().repeat(4)].concat())
}

fn pluses(levels: usize) -> String {
    vec!["+"; levels].join("/")
}

/// One thing that is done with an input.
pub struct Way {
    pub name: &'static str,
    /// How many bytes that takes.
    pub bytes: usize,
    /// How many calls of the library that takes.
    pub calls: usize,
    pub pass: Box<dyn FnMut()>,
}

impl Way {
    fn new(name: &'static str, bytes: usize, calls: usize, pass: impl FnMut() + 'static) -> Self {
        Self { name, bytes, calls, pass: Box::new(pass) }
    }
}

/// How many bytes come one by one: enough for a Remaining Length of three bytes in half of them, too.
const ONE_BY_ONE: usize = 40_000;

impl Attack {
    /// What is done with the bytes of so many items.
    pub fn ways(&self, items: usize) -> Vec<Way> {
        let wire: &'static [u8] = (self.make)(items).leak();
        let slow = ONE_BY_ONE * items / self.items;
        let slow: &'static [u8] = (self.make)(items * slow / wire.len()).leak();
        let (len, options) = (wire.len(), self.options);
        let (packets, whole) = decoded(wire, options);
        let calls = packets.len().max(1);
        let new = |name, pass: Box<dyn FnMut()>| Way { name, bytes: len, calls, pass };
        let mut ways =
            vec![new("decode", Box::new(move || assert_eq!(read(black_box(wire), options), whole)))];
        if whole {
            let version = options.version().unwrap_or(Version::V5);
            let (built, received) = (packets.iter().copied().map(built).collect(), packets.clone());
            ways.push(new("iterate", Box::new(move || packets.iter().for_each(|one| walk(black_box(one))))));
            ways.push(new("forward", encode(received, version, len)));
            ways.push(new("encode", encode(built, version, len)));
        }
        let one_by_one = |name, pass| Way { name, bytes: slow.len(), calls: slow.len(), pass };
        ways.push(one_by_one(BYTE_BY_BYTE, Box::new(move || assert!(whole == (fed(slow, options) > 0)))));
        if wire[0] >> 4 == 3 && calls == 1 {
            ways.push(one_by_one(HEAD_BYTE_BY_BYTE, Box::new(move || heads(slow, options))));
        }
        ways
    }
}

const BYTE_BY_BYTE: &str = "byte by byte";
pub const HEAD_BYTE_BY_BYTE: &str = "head byte by byte";

/// The packets, and whether they are all that there is.
fn decoded(wire: &'static [u8], options: DecodeOptions) -> (Vec<Packet<'static>>, bool) {
    let mut packets = Vec::new();
    let whole = ways::readme(wire, options, |packet| packets.push(packet)).unwrap_or(false);
    (packets, whole)
}

#[inline(never)]
fn read(wire: &[u8], options: DecodeOptions) -> bool {
    ways::by_reference(wire, options, |packet| _ = black_box(packet)).unwrap_or(false)
}

/// How many packets there are, when each byte is tried as it comes.
#[inline(never)]
fn fed(wire: &[u8], options: DecodeOptions) -> usize {
    let (mut packets, mut start) = (0, 0);
    for end in 1..=wire.len() {
        match black_box(&decode(&wire[start..end], options)) {
            Ok(Decoded::Incomplete { .. }) => {}
            Ok(Decoded::Packet { .. }) => (packets, start) = (packets + 1, end),
            Err(_) => start += frame_len(&wire[start..end]).expect("a whole frame"),
        }
    }
    assert_eq!(start, wire.len());
    packets
}

/// Asks for the head of the first PUBLISH with every byte that comes.
fn heads(wire: &[u8], options: DecodeOptions) {
    for end in 1..wire.len() {
        match black_box(&decode_publish_head(&wire[..end], options)) {
            Ok(DecodedHead::Publish { .. }) => return,
            Ok(DecodedHead::Incomplete { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Encodes packets one behind the other, into as many bytes as they came in.
fn encode(packets: Vec<Packet<'static>>, version: Version, len: usize) -> Box<dyn FnMut()> {
    let mut out = vec![0; len];
    Box::new(move || {
        let mut filled = 0;
        for packet in black_box(&packets) {
            filled += packet.encode(version, &mut out[filled..]).expect("a good packet");
        }
        assert_eq!(filled, len);
    })
}

/// Takes every item of every list.
#[inline(never)]
fn walk(packet: &Packet<'_>) {
    match packet {
        Packet::Connect(body) => {
            take_all(body.properties.iter());
            if let Some(will) = body.will {
                take_all(will.get().properties.iter());
            }
        }
        Packet::Publish(body) => take_all(body.properties.iter()),
        Packet::PubAck(body) => take_all(body.properties.iter()),
        Packet::Subscribe(body) => take_all(body.subscriptions.iter()),
        Packet::Unsubscribe(body) => take_all(body.filters.iter()),
        Packet::SubAck(body) => take_all(body.reason_codes.iter()),
        Packet::UnsubAck(body) => take_all(body.reason_codes.iter()),
        other => _ = black_box(other),
    }
}

fn take_all<T>(items: impl Iterator<Item = T>) {
    items.for_each(|item| _ = black_box(&item));
}

/// A filter and a name that take long to compare.
pub struct Topics {
    /// `{}` stands for the number of levels.
    pub name: &'static str,
    pub levels: usize,
    pub filter: fn(usize) -> String,
    pub topic: fn(usize) -> String,
}

#[rustfmt::skip]
pub const TOPICS: &[Topics] = &[
    Topics { name: "{} empty levels, the same", levels: 65_536, filter: |n| "/".repeat(n - 1), topic: |n| "/".repeat(n - 1) },
    Topics { name: "{} times `+`, empty levels", levels: 32_768, filter: pluses, topic: |n| "/".repeat(n - 1) },
    Topics { name: "{} times `+`, levels of a letter", levels: 32_768, filter: pluses, topic: |n| vec!["a"; n].join("/") },
    Topics { name: "{} times `+`, one level more", levels: 32_767, filter: pluses, topic: |n| vec!["a"; n + 1].join("/") },
    Topics { name: "{} times `+` and `#`, levels of a letter", levels: 32_766, filter: |n| format!("{}/#", pluses(n)), topic: |n| vec!["a"; n].join("/") },
    Topics { name: "`+` and a letter, {} levels", levels: 32_768, filter: |n| vec!["+/a"; n / 2].join("/"), topic: |n| vec!["a"; n].join("/") },
    Topics { name: "{} levels of a letter, the last differs", levels: 32_768, filter: |n| format!("{}b", "a/".repeat(n - 1)), topic: |n| vec!["a"; n].join("/") },
    Topics { name: "{} characters of 3 bytes, the same", levels: LONGEST / 3, filter: |n| "\u{6c34}".repeat(n), topic: |n| "\u{6c34}".repeat(n) },
];

impl Topics {
    /// What is done with a filter and a name of so many levels.
    pub fn ways(&self, levels: usize) -> Vec<Way> {
        let filter: &'static str = (self.filter)(levels).leak();
        let topic: &'static str = (self.topic)(levels).leak();
        let bytes = filter.len() + topic.len();
        let (of, name) =
            (TopicFilter::new(filter).expect("a filter"), TopicName::new(topic).expect("a name"));
        let other = TopicFilter::new(topic).expect("a filter");
        vec![
            Way::new("check", bytes, 1, move || {
                let [filter, topic] = black_box([filter, topic]).map(str::as_bytes);
                black_box(TopicFilter::from_bytes(filter)).expect("a filter");
                black_box(TopicName::from_bytes(topic)).expect("a name");
            }),
            Way::new("levels", bytes, 1, move || {
                black_box((black_box(of).levels().count(), black_box(name).levels().rev().count()));
            }),
            Way::new("match", bytes, 1, move || _ = black_box(black_box(of).matches(name))),
            Way::new("cover", bytes, 1, move || _ = black_box(black_box(of).covers(other))),
            Way::new("intersect", bytes, 1, move || _ = black_box(black_box(of).intersects(other))),
            Way::new("tree", bytes, 1, move || {
                let mut tree = FilterTree::new();
                tree.insert(black_box(of), 1);
                tree.insert(black_box(other), 2);
                assert_eq!(tree.matches(name).count(), tree.len() - usize::from(!of.matches(name)));
                assert!(tree.remove(of).is_some());
            }),
        ]
    }
}

/// What is done with a PUBLISH whose payload has that size.
pub fn payload_ways(size: usize) -> Vec<Way> {
    let payload: &'static [u8] = vec![b'x'; size].leak();
    let wire: &'static [u8] = frame(0x30, &[&bytes("'a/b' (02 0000003C)"), payload].concat()).leak();
    let publish = Publish::new(TopicName::new("a/b").expect("a name"), payload);
    let mut head = [0; 32];
    let whole = Bytes::from_static(wire);
    vec![
        Way::new("decode", 1, 1, move || assert!(read(black_box(wire), V5))),
        Way::new("decode the head", 1, 1, move || {
            assert!(black_box(&decode_publish_head(black_box(wire), V5)).is_ok());
        }),
        Way::new("take a frame apart", 1, 1, move || {
            let frame = Frame::new(whole.clone(), V5).expect("a frame");
            let Ok(Packet::Publish(publish)) = frame.packet() else { panic!("a PUBLISH") };
            assert_eq!(black_box(frame.slice(publish.payload)).len(), size);
        }),
        Way::new("encode the head", 1, 1, move || {
            black_box(black_box(&publish).encode_head(Version::V5, &mut head)).expect("a good packet");
        }),
    ]
}
