//! The time of a message, of one side: `cargo bench`, and with `--features peers` beside other engines.

use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mqtt_session_bench::messages;

fn all(c: &mut Criterion) {
    let mut engines = vec!["none", "fixed", "growing"];
    if cfg!(feature = "peers") {
        engines.extend(mqtt_session_bench::ENGINES);
    }
    for kind in mqtt_session_bench::KINDS {
        let mut group = c.benchmark_group(kind);
        group.throughput(Throughput::Elements(1));
        for engine in &engines {
            group.bench_function(*engine, |b| {
                b.iter_custom(|count| {
                    let start = Instant::now();
                    messages(engine, kind, u32::try_from(count).expect("fewer"));
                    start.elapsed()
                });
            });
        }
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
