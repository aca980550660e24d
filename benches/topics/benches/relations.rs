//! One filter against one name, beside the other matchers for Rust; and what hostile texts cost a byte.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mqtt_topic_engine::{CacheStrategy, TopicPatternPath};
use mqtt_wire::{TopicFilter, TopicName};

const NAME: &str = "site-07/building-3/floor-12/sensor-4711/temperature";

/// Filters of the kinds that brokers see, all of which match `NAME` but the last.
const FILTERS: [(&str, &str); 5] = [
    ("exact", "site-07/building-3/floor-12/sensor-4711/temperature"),
    ("one plus", "site-07/building-3/+/sensor-4711/temperature"),
    ("three plusses", "+/building-3/+/+/temperature"),
    ("hash tail", "site-07/building-3/#"),
    ("no match", "site-07/building-3/+/sensor-4711/humidity"),
];

fn pairs(criterion: &mut Criterion) {
    for (case, filter) in FILTERS {
        let mut group = criterion.benchmark_group(case);
        let expected = case != "no match";

        let (own_filter, own_name) =
            (TopicFilter::new(filter).expect("a filter"), TopicName::new(NAME).expect("a name"));
        assert_eq!(own_filter.matches(own_name), expected);
        group.bench_function("mqtt-wire", |bench| {
            bench.iter(|| black_box(own_filter).matches(black_box(own_name)))
        });
        group.bench_function("mqtt-wire from text", |bench| {
            bench.iter(|| {
                let filter = TopicFilter::new(black_box(filter)).expect("a filter");
                filter.matches(TopicName::new(black_box(NAME)).expect("a name"))
            });
        });

        assert_eq!(rumqttc::matches(NAME, filter), expected);
        group.bench_function("rumqttc", |bench| {
            bench.iter(|| rumqttc::matches(black_box(NAME), black_box(filter)))
        });
        assert_eq!(mqttbytes::matches(NAME, filter), expected);
        group.bench_function("mqttbytes", |bench| {
            bench.iter(|| mqttbytes::matches(black_box(NAME), black_box(filter)))
        });

        let ntex = ntex_mqtt::TopicFilter::try_from(ntex_bytes::ByteString::from(filter)).expect("a filter");
        assert_eq!(ntex.matches_topic(NAME), expected);
        group.bench_function("ntex-mqtt", |bench| {
            bench.iter(|| black_box(&ntex).matches_topic(black_box(NAME)))
        });

        let engine = TopicPatternPath::new_from_string(filter, CacheStrategy::NoCache).expect("a filter");
        assert_eq!(engine.try_match_str(NAME).is_ok(), expected);
        group.bench_function("mqtt-topic-engine", |bench| {
            bench.iter(|| black_box(&engine).try_match_str(black_box(NAME)))
        });
        group.finish();
    }
}

/// Texts of 65,535 bytes, and an ordinary pair: bytes of filter and name a second.
fn hostile(criterion: &mut Criterion) {
    let slashes = "/".repeat(65_535);
    let plusses = format!("{}+", "+/".repeat(32_767));
    let letters = format!("{}a", "a/".repeat(32_767));
    let empty = "/".repeat(32_767);
    let mut group = criterion.benchmark_group("a byte");
    for (case, filter, name) in [
        ("ordinary", "site-07/building-3/+/sensor-4711/temperature", NAME),
        ("slashes", slashes.as_str(), slashes.as_str()),
        ("single letters", letters.as_str(), letters.as_str()),
        ("plusses on letters", plusses.as_str(), letters.as_str()),
        ("plusses on slashes", plusses.as_str(), empty.as_str()),
    ] {
        group.throughput(Throughput::Bytes((filter.len() + name.len()) as u64));
        let (filter, name) =
            (TopicFilter::new(filter).expect("a filter"), TopicName::new(name).expect("a name"));
        let literal = TopicFilter::new(name.as_str()).expect("a filter");
        assert!(filter.matches(name) && filter.covers(literal) && filter.intersects(literal));
        group.bench_function(format!("{case}: matches"), |bench| {
            bench.iter(|| black_box(filter).matches(black_box(name)))
        });
        group.bench_function(format!("{case}: covers"), |bench| {
            bench.iter(|| black_box(filter).covers(black_box(literal)))
        });
        group.bench_function(format!("{case}: intersects"), |bench| {
            bench.iter(|| black_box(filter).intersects(black_box(literal)));
        });
        let text = filter.as_str();
        group.bench_function(format!("{case}: check"), |bench| {
            bench.iter(|| {
                (
                    TopicFilter::new(black_box(text)).is_ok(),
                    TopicName::new(black_box(literal.as_str())).is_ok(),
                )
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = pairs, hostile
}
criterion_main!(all);
