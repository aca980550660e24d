//! Streams of packets as a connection has them: in one buffer, in reads of 1,460 bytes, as owned frames, in each of the
//! ways to call the library; and one PUBLISH of 1 MiB, buffered and piece by piece.

mod common;

use std::hint::black_box;
use std::io::{IoSlice, Write, sink};

use bytes::BytesMut;
use common::{built, name_of, ways, workload};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use mqtt_wire::{DecodeOptions, DecodedHead, EncodeOptions, Packet, Publish, Version, decode_publish_head};

/// What a TCP segment holds over Ethernet.
const READ: usize = 1460;
const MEBIBYTE: usize = 1 << 20;

/// A packet handed on, and all of it read.
#[inline(never)]
fn read(packet: Packet<'_>) {
    black_box(&packet);
    ways::read_all(&packet);
}

fn mixed(c: &mut Criterion) {
    for (version, workloads) in
        [(Version::V5, workload::Version::V5), (Version::V311, workload::Version::V311)]
    {
        let all = workload::all(workloads);
        let mixed = all.iter().find(|workload| workload.name == "mixed").expect("the mixed stream");
        let mut group = c.benchmark_group(format!("mixed {}", name_of(version)));
        group.throughput(Throughput::ElementsAndBytes {
            elements: mixed.packets as u64,
            bytes: mixed.bytes.len() as u64,
        });
        decode_mixed(&mut group, mixed.bytes, black_box(DecodeOptions::new(version)));
        encode_mixed(&mut group, mixed.bytes, version);
        group.finish();
    }
}

fn decode_mixed(group: &mut BenchmarkGroup<'_, WallTime>, bytes: &[u8], options: DecodeOptions) {
    // Bytes from the network are new.
    let fresh = || bytes.to_vec();
    group.bench_function("decode", |b| {
        let decode = |bytes: &mut Vec<u8>| assert_eq!(ways::readme(bytes, options, ways::look), Ok(true));
        b.iter_batched_ref(fresh, decode, BatchSize::SmallInput);
    });
    group.bench_function("decode through a helper", |b| {
        let decode = |bytes: &mut Vec<u8>| assert_eq!(ways::helper(bytes, options, ways::look), Ok(true));
        b.iter_batched_ref(fresh, decode, BatchSize::SmallInput);
    });
    group.bench_function("decode and read everything", |b| {
        let decode = |bytes: &mut Vec<u8>| assert_eq!(ways::readme(bytes, options, read), Ok(true));
        b.iter_batched_ref(fresh, decode, BatchSize::SmallInput);
    });
    group.bench_function("decode by reference", |b| {
        let look = |packet: &Packet<'_>| _ = black_box(packet);
        let decode = |bytes: &mut Vec<u8>| assert_eq!(ways::by_reference(bytes, options, look), Ok(true));
        b.iter_batched_ref(fresh, decode, BatchSize::SmallInput);
    });
    group.bench_function("frames of one buffer", |b| {
        let decode = |stream: &mut BytesMut| assert_eq!(ways::frames(stream, options, ways::look), Ok(true));
        b.iter_batched_ref(|| BytesMut::from(bytes), decode, BatchSize::SmallInput);
    });
    group.bench_function("frames of reads of 1460 bytes", |b| {
        b.iter_batched_ref(
            || BytesMut::with_capacity(4 * READ),
            |stream| {
                for read in bytes.chunks(READ) {
                    stream.extend_from_slice(read);
                    assert!(ways::frames(stream, options, ways::look).is_ok());
                }
                assert!(stream.is_empty());
            },
            BatchSize::SmallInput,
        );
    });
}

fn encode_mixed(group: &mut BenchmarkGroup<'_, WallTime>, bytes: &'static [u8], version: Version) {
    let received = packets_of(bytes, DecodeOptions::new(version));
    let values: Vec<_> = received.iter().copied().map(built).collect();
    let options = black_box(EncodeOptions::new(version));
    for (name, packets) in [("encode", &received), ("encode built from values", &values)] {
        group.bench_function(name, |b| {
            let mut out = Vec::with_capacity(bytes.len());
            b.iter(|| {
                out.clear();
                for packet in black_box(packets) {
                    packet.encode(options, &mut out).expect("a good packet");
                }
                assert_eq!(out.len(), bytes.len());
            });
        });
    }
    group.bench_function("encode into BytesMut", |b| {
        let mut out = BytesMut::with_capacity(bytes.len());
        b.iter(|| {
            out.clear();
            for packet in black_box(&received) {
                packet.encode(options, &mut out).expect("a good packet");
            }
            assert_eq!(out.len(), bytes.len());
        });
    });
    group.bench_function("encode into a slice", |b| {
        let mut out = vec![0; bytes.len()];
        b.iter(|| {
            let mut filled = 0;
            for packet in black_box(&received) {
                filled += packet.encode(options, &mut out[filled..]).expect("a good packet");
            }
            assert_eq!(filled, bytes.len());
        });
    });
}

fn packets_of(bytes: &[u8], options: DecodeOptions) -> Vec<Packet<'_>> {
    let mut packets = Vec::new();
    assert_eq!(ways::readme(bytes, options, |packet| packets.push(packet)), Ok(true));
    packets
}

fn large(c: &mut Criterion) {
    let payload = vec![b'x'; MEBIBYTE];
    let publish = Publish { payload: &payload, ..common::PUBLISH };
    let mut bytes = Vec::new();
    Packet::from(publish).encode(Version::V5, &mut bytes).expect("a good packet");
    let mut group = c.benchmark_group("PUBLISH of 1 MiB");
    group.throughput(Throughput::ElementsAndBytes { elements: 1, bytes: bytes.len() as u64 });
    group.bench_function("decode, buffered", |b| {
        let options = black_box(DecodeOptions::new(Version::V5));
        b.iter(|| assert_eq!(ways::readme(black_box(&bytes), options, ways::look), Ok(true)));
    });
    group.bench_function("decode, reads of 1460 bytes", |b| {
        b.iter(|| {
            let mut reads = black_box(&bytes[..]).chunks(READ);
            let first = reads.next().expect("a read");
            let Ok(DecodedHead::Publish { len, mut payload, .. }) = decode_publish_head(first, Version::V5)
            else {
                panic!("the head is in the first read")
            };
            black_box(payload.take(&first[len..])).expect("a good payload");
            for read in reads {
                black_box(payload.take(read)).expect("a good payload");
            }
            assert!(payload.is_complete());
        });
    });
    group.bench_function("encode, Vec", |b| {
        let mut out = Vec::with_capacity(bytes.len());
        b.iter(|| {
            out.clear();
            black_box(Packet::from(publish)).encode(Version::V5, &mut out).expect("a good packet")
        });
    });
    group.bench_function("encode, vectored write", |b| {
        let mut head = [0; 64];
        b.iter(|| {
            let n = black_box(&publish).encode_head(Version::V5, &mut head).expect("a good packet");
            sink().write_vectored(&[IoSlice::new(&head[..n]), IoSlice::new(publish.payload)])
        });
    });
    group.finish();
}

fn main() {
    let mut c = common::criterion();
    mixed(&mut c);
    large(&mut c);
    c.final_summary();
}
