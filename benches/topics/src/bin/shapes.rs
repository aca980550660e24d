//! The trees in particular shapes, and what is done to them in pieces. Prints the second table of docs/topics.md:
//!
//! ```text
//! cargo run --release --bin shapes
//! ```

use std::hint::black_box;
use std::time::Instant;

use mqtt_wire::topic::{FilterTree, Sweep, TopicCursor, TopicTree};
use mqtt_wire::{TopicFilter, TopicName, topic_filter};
use mqtt_wire_topic_benches::table::{MATCHES, Table};

fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::new(text).expect("a filter")
}

fn name(text: &str) -> TopicName<'_> {
    TopicName::new(text).expect("a name")
}

/// Nanoseconds that `work` takes, each of `times` times, in ascending order.
fn times(times: usize, mut work: impl FnMut()) -> Vec<f64> {
    let mut all: Vec<f64> = (0..times)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_nanos() as f64
        })
        .collect();
    all.sort_unstable_by(f64::total_cmp);
    all
}

fn row(what: &str, figure: &str) {
    println!("| {what} | {figure} |");
}

/// Look-ups of ten matches among a million filters of devices.
fn devices() {
    let table = Table::new(1_000_000);
    let names = table.names(100_000);
    let mut tree: FilterTree<u32> = FilterTree::new();
    for (value, text) in (0..).zip(table.filters()) {
        tree.insert(filter(&text), value % 1000);
    }
    let look_up = |names: &[String]| {
        for text in names {
            assert_eq!(tree.matches(name(black_box(text))).count(), MATCHES);
        }
    };
    let hot = names.get(..500).expect("names");
    look_up(hot);
    let hot = times(400, || look_up(hot));
    let mut thousands = names.chunks(1000).cycle();
    let cold = times(300, || look_up(thousands.next().expect("names")));
    for (what, all, each) in [("a hot set of 500", hot, 500.0), ("100,000 in turn", cold, 1000.0)] {
        row(
            &format!("look-up, {what}: fastest twentieth, median"),
            &format!("{:.0} ns, {:.0} ns", all[all.len() / 20] / each, all[all.len() / 2] / each),
        );
    }

    let (mut sweep, mut left) = (Sweep::new(), true);
    let pieces = times(2000, || {
        if left {
            left = tree.retain_some(&mut sweep, 1000, |_, subscriber| *subscriber != 1);
        }
    });
    assert!(!left && tree.len() == 999_000);
    let all = times(1, || tree.retain(|_, subscriber| *subscriber != 2));
    row(
        "one subscriber of 1,000 taken out of a million filters: at once; a piece of 1,000, median and 99 of 100",
        &format!(
            "{:.0} ms; {:.0} µs, {:.0} µs",
            all[0] / 1e6,
            pieces[pieces.len() * 3 / 4] / 1e3,
            pieces[pieces.len() * 99 / 100] / 1e3
        ),
    );
}

/// All filters of `a` and `+` in 18 levels, of which all match, beside a scan of them all.
fn wildcards() {
    let level = |bits: u32, level: u32| if bits >> level & 1 == 0 { "a" } else { "+" };
    let texts: Vec<String> = (0..1_u32 << 18)
        .map(|bits| (0..18).map(|number| level(bits, number)).collect::<Vec<_>>().join("/"))
        .collect();
    let tree: FilterTree<u32> = texts.iter().map(|text| (filter(text), 0)).collect();
    let filters: Vec<_> = texts.iter().map(|text| filter(text)).collect();
    let text = ["a"; 18].join("/");
    let look_up = times(9, || assert_eq!(tree.matches(name(black_box(&text))).count(), 1 << 18));
    let scan = times(9, || {
        let name = name(black_box(&text));
        assert_eq!(filters.iter().filter(|filter| filter.matches(name)).count(), 1 << 18);
    });
    row(
        "`{a,+}` in 18 levels, all 262,144 match: tree, scan",
        &format!("{:.1} ms, {:.1} ms ({:.1}x)", look_up[0] / 1e6, scan[0] / 1e6, look_up[0] / scan[0]),
    );
}

/// `a/#`, `a/a/#` and so on.
fn chains() {
    let figures: Vec<String> = [1000, 4000, 16_000]
        .into_iter()
        .map(|levels| {
            let texts: Vec<String> = (1..levels).map(|level| "a/".repeat(level) + "#").collect();
            let tree: FilterTree<u32> = texts.iter().map(|text| (filter(text), 0)).collect();
            let text = "a/".repeat(levels) + "a";
            let all = times(9, || assert_eq!(tree.matches(name(black_box(&text))).count(), levels - 1));
            format!("{:.0} ns", all[0] / levels as f64)
        })
        .collect();
    row("a chain `a/a/../#` of 1,000, 4,000 and 16,000 levels: a level", &figures.join(", "));
}

/// A hundred thousand names under `#`.
fn pieces() {
    let texts: Vec<String> =
        (0..100_000).map(|number| format!("site/{}/device/{number}", number % 100)).collect();
    let tree: TopicTree<u32> = texts.iter().map(|text| (name(text), 0)).collect();
    let everything = topic_filter!("#");
    let at_once = times(9, || assert_eq!(tree.under(black_box(everything)).count(), 100_000));
    let mut cursor = TopicCursor::new(everything);
    let mut found = 0;
    let pieces = times(1000, || found += tree.resume(black_box(&mut cursor)).take(100).count());
    assert_eq!(found, 100_000);
    row(
        "100,000 names under `#`: at once; a piece of 100 by a cursor, median and 99 of 100",
        &format!(
            "{:.1} ms; {:.1} µs, {:.1} µs",
            at_once[0] / 1e6,
            pieces[pieces.len() / 2] / 1e3,
            pieces[pieces.len() * 99 / 100] / 1e3
        ),
    );
}

fn main() {
    println!("| shape | time |");
    println!("|---|---:|");
    devices();
    wildcards();
    chains();
    pieces();
}
