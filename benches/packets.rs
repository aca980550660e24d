//! Decode and encode of every packet type, in its plain and in its full form, in 5.0 and in 3.1.1: the way of the README
//! first, then by reference with constant options.

mod common;

use std::hint::black_box;

use common::{Sample, name_of, samples, ways};
use criterion::{BatchSize, Criterion, Throughput};
use mqtt_wire::{DecodeOptions, EncodeOptions, Version};

fn decode(c: &mut Criterion, sample: &Sample) {
    let options = black_box(DecodeOptions::new(sample.version));
    // Bytes from the network are new.
    let fresh = || sample.bytes.clone();
    let mut group = c.benchmark_group(format!("decode {}", name_of(sample.version)));
    group.throughput(throughput(sample));
    group.bench_function(sample.name, |b| {
        b.iter_batched_ref(
            fresh,
            |bytes| assert_eq!(ways::readme(bytes, options, ways::look), Ok(true)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
    let mut group = c.benchmark_group(format!("decode {} by reference", name_of(sample.version)));
    group.throughput(throughput(sample));
    group.bench_function(sample.name, |b| {
        let decode = match sample.version {
            Version::V5 => by_reference::<5>,
            _ => by_reference::<4>,
        };
        b.iter_batched_ref(fresh, |bytes| assert!(decode(bytes)), BatchSize::SmallInput);
    });
    group.finish();
}

/// With options that the compiler knows, of the version with the protocol level `LEVEL`.
fn by_reference<const LEVEL: u8>(bytes: &[u8]) -> bool {
    let options = const { DecodeOptions::new(if LEVEL == 5 { Version::V5 } else { Version::V311 }) };
    ways::by_reference(bytes, options, |packet| _ = black_box(packet)).unwrap_or(false)
}

fn encode(c: &mut Criterion, sample: &Sample) {
    let options = black_box(EncodeOptions::new(sample.version));
    let mut group = c.benchmark_group(format!("encode {}", name_of(sample.version)));
    group.throughput(throughput(sample));
    let mut out = Vec::with_capacity(sample.bytes.len());
    group.bench_function(sample.name, |b| {
        b.iter(|| {
            out.clear();
            black_box(&sample.packet).encode(options, &mut out).expect("a good packet")
        });
    });
    group.finish();
    let mut group = c.benchmark_group(format!("encode {} into a slice", name_of(sample.version)));
    group.throughput(throughput(sample));
    let mut out = vec![0; sample.bytes.len()];
    group.bench_function(sample.name, |b| {
        b.iter(|| black_box(&sample.packet).encode(options, black_box(&mut out[..])).expect("a good packet"));
    });
    group.finish();
}

fn throughput(sample: &Sample) -> Throughput {
    Throughput::ElementsAndBytes { elements: 1, bytes: sample.bytes.len() as u64 }
}

fn main() {
    let mut c = common::criterion();
    for sample in samples() {
        decode(&mut c, &sample);
        encode(&mut c, &sample);
    }
    c.final_summary();
}
