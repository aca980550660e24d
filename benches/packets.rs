//! Decode and encode of every packet type, in its plain and in its full form, in 5.0 and in 3.1.1.

mod common;

use std::hint::black_box;

use common::{name_of, samples};
use criterion::{Criterion, Throughput};
use mqtt_wire::{Decoded, decode};

fn packets(c: &mut Criterion) {
    for sample in samples() {
        let throughput = Throughput::ElementsAndBytes { elements: 1, bytes: sample.bytes.len() as u64 };
        let (version, packet, bytes) = (sample.version, &sample.packet, &sample.bytes[..]);
        let mut group = c.benchmark_group(format!("decode {}", name_of(version)));
        group.throughput(throughput.clone());
        group.bench_function(sample.name, |b| {
            b.iter(|| {
                let decoded = decode(black_box(bytes), version);
                assert!(matches!(black_box(&decoded), Ok(Decoded::Packet { .. })));
            });
        });
        group.finish();
        let mut group = c.benchmark_group(format!("encode {}", name_of(version)));
        group.throughput(throughput);
        let mut out = vec![0; bytes.len()];
        group.bench_function(sample.name, |b| {
            b.iter(|| black_box(packet).encode(version, black_box(&mut out[..])).expect("a good packet"));
        });
        group.finish();
    }
}

fn main() {
    let mut c = common::criterion();
    packets(&mut c);
    c.final_summary();
}
