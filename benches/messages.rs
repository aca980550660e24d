//! What a broker does with a message: looks at its properties, forwards it, sends it to its subscribers with its payload,
//! and finds them by its topic; and the answers that it sends all day.

mod common;

use std::hint::black_box;
use std::num::NonZeroU16;

use common::{CONNACK_PROPERTIES, PUBLISH, PUBLISH_PROPERTIES, ways};
use criterion::{Criterion, Throughput};
use mqtt_wire::topic::FilterTree;
use mqtt_wire::{
    ConnAck, Decoded, Delivery, EncodeOptions, Packet, PacketId, Properties, Property, PropertyId, Publish,
    ReasonCode, TopicFilter, Version, decode, topic_name,
};

fn encoded(packet: impl Into<Packet<'static>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.into().encode(Version::V5, &mut bytes).expect("a good packet");
    bytes
}

fn publish_of(bytes: &[u8]) -> Publish<'_> {
    match decode(bytes, Version::V5) {
        Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) => publish,
        other => panic!("{other:?}"),
    }
}

fn properties(c: &mut Criterion) {
    let publish = encoded(Publish { properties: Properties::new(PUBLISH_PROPERTIES), ..PUBLISH });
    let connack =
        ConnAck { properties: Properties::new(CONNACK_PROPERTIES), ..ConnAck::new(ReasonCode::SUCCESS) };
    let connack = encoded(connack);
    let received = publish_of(&publish).properties;
    let Ok(Decoded::Packet { packet: Packet::ConnAck(connack), .. }) = decode(&connack, Version::V5) else {
        panic!("a CONNACK")
    };
    let mut group = c.benchmark_group("properties");
    for (name, properties) in [("PUBLISH, 5", received), ("CONNACK, 10", connack.properties)] {
        group.throughput(Throughput::Elements(properties.iter().count() as u64));
        group.bench_function(format!("iterate {name}"), |b| {
            b.iter(|| {
                for property in black_box(&properties) {
                    black_box(&property);
                }
            });
        });
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("fields PUBLISH, 5", |b| {
        let publish = publish_of(&publish);
        b.iter(|| _ = black_box(&black_box(&publish).fields()));
    });
    group.bench_function("fields CONNACK, 10", |b| b.iter(|| _ = black_box(&black_box(&connack).fields())));
    group
        .bench_function("getter, first of 5", |b| b.iter(|| black_box(&received).payload_format_indicator()));
    group.bench_function("getter, fourth of 5", |b| b.iter(|| black_box(&received).response_topic()));
    group.bench_function("getter, absent", |b| b.iter(|| black_box(&received).topic_alias()));
    group.bench_function("user properties", |b| b.iter(|| black_box(&received).user_properties().count()));
    group.finish();
}

fn forwarding(c: &mut Criterion) {
    let mut with_alias = PUBLISH_PROPERTIES.to_vec();
    with_alias.push(Property::TopicAlias(NonZeroU16::MIN));
    let with_alias: &'static [Property<'static>] = with_alias.leak();
    let plain = encoded(Publish { properties: Properties::new(PUBLISH_PROPERTIES), ..PUBLISH });
    let aliased = encoded(Publish { properties: Properties::new(with_alias), ..PUBLISH });
    let mut out = vec![0; aliased.len()];
    let options = black_box(EncodeOptions::new(Version::V5));
    let mut group = c.benchmark_group("forward");
    group.throughput(Throughput::Elements(1));
    group.bench_function("5 properties as received", |b| {
        let packet = Packet::from(publish_of(&plain));
        b.iter(|| black_box(&packet).encode(options, &mut out[..]).expect("a good packet"));
    });
    group.bench_function("5 properties from a PropertiesBuf", |b| {
        let publish = publish_of(&plain);
        let kept = publish.properties.to_buf().expect("good properties");
        let packet = Packet::from(Publish { properties: kept.as_properties(), ..publish });
        b.iter(|| black_box(&packet).encode(options, &mut out[..]).expect("a good packet"));
    });
    group.bench_function("6 properties without the Topic Alias", |b| {
        let publish = publish_of(&aliased);
        b.iter(|| {
            let edits = black_box(&publish).properties.without(PropertyId::TopicAlias);
            let packet = Packet::from(Publish { properties: edits.as_properties(), ..publish });
            packet.encode(options, &mut out[..]).expect("a good packet")
        });
    });
    group.finish();
}

/// Every subscriber gets the head and the payload, in a buffer of its own.
fn fan_out(c: &mut Criterion) {
    let payload = [b'x'; 1024];
    let publish = Publish { payload: &payload, ..PUBLISH };
    let options = black_box(EncodeOptions::new(Version::V5));
    for subscribers in [10, 1000] {
        let ids = || (1..=subscribers).filter_map(PacketId::new).map(Delivery::AtLeastOnce);
        let mut outs = vec![Vec::with_capacity(2048); usize::from(subscribers)];
        let mut group = c.benchmark_group(format!("1 KiB at QoS 1 to {subscribers}"));
        group.throughput(Throughput::Elements(u64::from(subscribers)));
        group.bench_function("each encoded", |b| {
            b.iter(|| {
                for (delivery, out) in ids().zip(&mut outs) {
                    out.clear();
                    let packet = Packet::from(black_box(&publish).with_delivery(delivery));
                    packet.encode(options, out).expect("a good packet");
                }
                black_box(&outs);
            });
        });
        group.bench_function("heads", |b| {
            let mut head = [0; 64];
            b.iter(|| {
                for (delivery, out) in ids().zip(&mut outs) {
                    let publish = black_box(&publish).with_delivery(delivery);
                    let len = publish.encode_head(options, &mut head).expect("a good packet");
                    out.clear();
                    out.extend_from_slice(&head[..len]);
                    out.extend_from_slice(publish.payload);
                }
                black_box(&outs);
            });
        });
        group.bench_function("heads alone", |b| {
            let mut head = [0; 64];
            b.iter(|| {
                for delivery in ids() {
                    let publish = black_box(&publish).with_delivery(delivery);
                    black_box(publish.encode_head(options, &mut head)).expect("a good packet");
                }
            });
        });
        group.finish();
    }
}

fn answers(c: &mut Criterion) {
    let ids = [7, 8, 9, 10].map(|id| PacketId::new(id).expect("not 0"));
    let mut out = Vec::with_capacity(64);
    let mut group = c.benchmark_group("six answers");
    group.throughput(Throughput::Elements(6));
    for version in [Version::V5, Version::V311] {
        let options = black_box(EncodeOptions::new(version));
        group.bench_function(common::name_of(version), |b| {
            b.iter(|| {
                out.clear();
                ways::answer(black_box(ids), options, &mut out).expect("good packets");
                black_box(&out);
            });
        });
    }
    group.finish();
}

fn topics(c: &mut Criterion) {
    let name = topic_name!("site/12/floor/3/temp");
    let filter = TopicFilter::new("site/+/floor/#").expect("a good filter");
    let filters: Vec<String> = (0..10_000).map(|n| format!("site/{}/floor/{}/+", n / 10, n % 10)).collect();
    let mut tree = FilterTree::new();
    for (n, filter) in filters.iter().enumerate() {
        tree.insert(TopicFilter::new(filter).expect("a good filter"), n);
    }
    let mut group = c.benchmark_group("topics");
    group.throughput(Throughput::Elements(1));
    group.bench_function("filter matches name", |b| b.iter(|| black_box(filter).matches(black_box(name))));
    group.bench_function("10,000 filters, one matches", |b| {
        b.iter(|| assert_eq!(tree.matches(black_box(name)).count(), 1));
    });
    group.finish();
}

fn main() {
    let mut c = common::criterion();
    properties(&mut c);
    forwarding(&mut c);
    fan_out(&mut c);
    answers(&mut c);
    topics(&mut c);
    c.final_summary();
}
