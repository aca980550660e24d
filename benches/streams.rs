//! Streams of packets as a connection has them: in one buffer, in reads of 1,460 bytes, as owned frames; and one
//! PUBLISH of 1 MiB, buffered and piece by piece.

mod common;

use std::hint::black_box;
use std::io::{IoSlice, Write, sink};

use bytes::BytesMut;
use common::{name_of, workload};
use criterion::{BatchSize, Criterion, Throughput};
use mqtt_wire::{
    DecodeOptions, Decoded, DecodedHead, EncodeOptions, Frame, Packet, Publish, Version, decode,
    decode_publish_head,
};

/// What a TCP segment holds over Ethernet.
const READ: usize = 1460;
const MEBIBYTE: usize = 1 << 20;

fn decode_all(mut bytes: &[u8], options: DecodeOptions) -> usize {
    let mut packets = 0;
    while let Ok(Decoded::Packet { packet, len }) = &decode(bytes, options) {
        black_box(packet);
        packets += 1;
        bytes = &bytes[*len..];
    }
    packets
}

fn split_all(stream: &mut BytesMut, options: DecodeOptions) -> usize {
    let mut packets = 0;
    while let Ok(Some(frame)) = &Frame::split_from(stream, options) {
        assert!(black_box(&frame.packet()).is_ok());
        packets += 1;
    }
    packets
}

fn mixed(c: &mut Criterion) {
    for (version, workloads) in
        [(Version::V5, workload::Version::V5), (Version::V311, workload::Version::V311)]
    {
        let all = workload::all(workloads);
        let mixed = all.iter().find(|workload| workload.name == "mixed").expect("the mixed stream");
        let (options, bytes) = (DecodeOptions::new(version), mixed.bytes);
        let mut group = c.benchmark_group(format!("mixed {}", name_of(version)));
        group.throughput(Throughput::ElementsAndBytes {
            elements: mixed.packets as u64,
            bytes: bytes.len() as u64,
        });
        group.bench_function("decode, one buffer", |b| {
            b.iter(|| assert_eq!(decode_all(black_box(bytes), options), mixed.packets));
        });
        group.bench_function("decode, frames of one buffer", |b| {
            let owned = || BytesMut::from(bytes);
            b.iter_batched_ref(
                owned,
                |stream| assert_eq!(split_all(stream, options), mixed.packets),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("decode, frames of reads of 1460 bytes", |b| {
            b.iter_batched_ref(
                || BytesMut::with_capacity(4 * READ),
                |stream| {
                    let mut packets = 0;
                    for read in bytes.chunks(READ) {
                        stream.extend_from_slice(read);
                        packets += split_all(stream, options);
                    }
                    assert_eq!(packets, mixed.packets);
                },
                BatchSize::SmallInput,
            );
        });
        let packets: Vec<Packet<'_>> = packets_of(bytes, options);
        let encode = EncodeOptions::new(version);
        group.bench_function("encode, slice", |b| {
            let mut out = vec![0; bytes.len()];
            b.iter(|| {
                let mut filled = 0;
                for packet in black_box(&packets) {
                    filled += packet.encode(encode, &mut out[filled..]).expect("a good packet");
                }
                assert_eq!(filled, bytes.len());
            });
        });
        group.bench_function("encode, BytesMut", |b| {
            let mut out = BytesMut::with_capacity(bytes.len());
            b.iter(|| {
                out.clear();
                for packet in black_box(&packets) {
                    packet.encode(encode, &mut out).expect("a good packet");
                }
                assert_eq!(out.len(), bytes.len());
            });
        });
        group.finish();
    }
}

fn packets_of(mut bytes: &[u8], options: DecodeOptions) -> Vec<Packet<'_>> {
    let mut packets = Vec::new();
    while let Ok(Decoded::Packet { packet, len }) = decode(bytes, options) {
        packets.push(packet);
        bytes = &bytes[len..];
    }
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
        b.iter(|| assert_eq!(decode_all(black_box(&bytes), Version::V5.into()), 1));
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
