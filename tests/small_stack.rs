//! The deepest and the longest inputs on a stack of 16 KiB: 65,535 levels of topics, and packets of every kind with
//! lists as long as they get. (Without optimization every value has a place of its own, and 256 KiB are enough.)
//!
//! 16 KiB is the least that a thread can be asked for (`PTHREAD_STACK_MIN`); 20,472 bytes are there when it starts, with
//! glibc on x86-64. So 4 KiB are taken away first. A stack that is too small ends the whole test with a signal, as does a
//! panic, for whose message there is no room: then look with a larger `STACK`.
#![cfg(feature = "bytes")]

#[path = "common/frames.rs"]
#[allow(dead_code, reason = "names and senders are for other tests")]
mod frames;
#[path = "common/notation.rs"]
mod notation;

use std::hint::black_box;

use bytes::BytesMut;
use mqtt_wire::topic::{FilterTree, TopicTree};
use mqtt_wire::{
    Decoded, DecodedHead, Frame, Packet, Properties, TopicFilter, TopicName, Version, decode,
    decode_publish_head,
};
use notation::{bytes, frame, string, variable};

const STACK: usize = if cfg!(debug_assertions) { 256 << 10 } else { 16 << 10 };

fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let run = || {
        let taken = [0_u8; 4 << 10];
        black_box(&taken);
        work();
        black_box(&taken);
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run).expect("a thread");
    thread.join().expect("no panic");
}

fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::new(text).expect("a filter")
}

fn name(text: &str) -> TopicName<'_> {
    TopicName::new(text).expect("a name")
}

#[test]
fn topics_of_65_536_levels() {
    on_a_small_stack(|| {
        let slashes = "/".repeat(65_535);
        let pluses = format!("{}+", "+/".repeat(32_767));
        let letters = format!("{}a", "a/".repeat(32_767));
        let tail = format!("{}#", "+/".repeat(32_766));
        for (pattern, text, expected) in [
            (&slashes, &slashes, true),
            (&pluses, &letters, true),
            (&pluses, &slashes, false),
            (&tail, &letters, true),
            (&letters, &slashes, false),
        ] {
            let (pattern, text, other) = (filter(pattern), name(text), filter(text));
            assert_eq!(pattern.matches(text), expected);
            assert_eq!(pattern.covers(other), expected);
            assert_eq!(pattern.intersects(other), expected);
            assert_eq!(other.intersects(pattern), expected);
        }
        assert_eq!(name(&slashes).levels().count(), 65_536);
        assert_eq!(filter(&slashes).levels().rev().count(), 65_536);

        let mut filters = FilterTree::new();
        for text in [&slashes, &pluses, &letters, &tail] {
            assert_eq!(filters.insert(filter(text), text.len()), None);
        }
        assert_eq!(filters.matches(name(&letters)).count(), 3);
        assert_eq!(filters.matches(name(&slashes)).count(), 2);
        let names: TopicTree<u8> = [(name(&letters), 1), (name(&slashes), 2)].into_iter().collect();
        assert_eq!(names.under(filter(&pluses)).count(), 1);
        assert_eq!(names.under(filter(&tail)).count(), 2);
        for text in [&slashes, &pluses, &letters, &tail] {
            assert_eq!(filters.remove(filter(text)), Some(text.len()));
        }
    });
}

/// Decodes in every way, looks at every item, and encodes what was decoded for every version.
fn there_and_back(wire: &[u8], version: Version) {
    let Ok(Decoded::Packet { packet, len }) = decode(wire, version) else { panic!("a good packet") };
    assert_eq!(len, wire.len());
    assert!(!format!("{packet:?}").is_empty());
    let mut out = Vec::new();
    packet.encode(version, &mut out).expect("a good packet");
    assert_eq!(decode(&out, version), Ok(Decoded::Packet { packet, len: out.len() }));
    for target in Version::ALL {
        // Not every client identifier may stand in 3.1: `round_trip.rs` knows what has to come of this.
        packet.downgrade(target).map(|packet| packet.encode(target, &mut BytesMut::new()));
    }
    let mut stream = BytesMut::from(wire);
    let frame = Frame::split_from(&mut stream, version).expect("a frame").expect("a whole one");
    assert_eq!(frame.packet(), Ok(packet));
    if let Ok(DecodedHead::Publish { head, .. }) = decode_publish_head(wire, version) {
        let added: Vec<_> = head.properties.iter().collect();
        let properties = Properties::new(&added);
        let built = Packet::from(mqtt_wire::Publish { properties, ..head.with_payload(b"payload") });
        built.encode(version, &mut out).expect("a good packet");
    }
}

#[test]
fn every_packet() {
    // The table itself takes more than that. (Miri takes minutes for long ones.)
    let mut good = frames::good();
    assert!(good.len() > 50);
    good.retain(|good| !cfg!(miri) || good.bytes.len() < 300);
    on_a_small_stack(move || {
        for frame in &good {
            there_and_back(&frame.bytes, frame.version);
        }
    });
}

#[test]
fn the_longest_lists() {
    on_a_small_stack(|| {
        let block = bytes("26 0000 0000").repeat(40_000);
        let block = [variable(block.len()), block].concat();
        let will = [block.clone(), string("w"), string("m")].concat();
        let connect = [bytes("'MQTT' 05 06 003C"), block.clone(), string("c"), will].concat();
        there_and_back(&frame(0x10, &connect), Version::V5);
        there_and_back(&frame(0x30, &[string("/".repeat(65_535)), block.clone()].concat()), Version::V5);
        there_and_back(&frame(0x40, &[bytes("0001 10"), block].concat()), Version::V5);
        let filters = [bytes("0001"), bytes("'a' 00").repeat(89_000)].concat();
        there_and_back(&frame(0x82, &filters), Version::V311);
        there_and_back(&frame(0xA2, &[bytes("0001 00"), bytes("'+'").repeat(89_000)].concat()), Version::V5);
        there_and_back(&frame(0x90, &[bytes("0001 00"), vec![0x80; 200_000]].concat()), Version::V5);
    });
}
