//! Builds tables of many filters and measures insertion, look-up and memory:
//!
//! ```text
//! cargo run --release --bin scale                       # the whole table of docs/topics.md, a row at a time
//! cargo run --release --bin scale -- mqtt-wire 1000000  # one row
//! ```
//!
//! Each row is measured in a process of its own.

use std::alloc::System;
use std::env;
use std::fs;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cap::Cap;
use mqtt_wire_topic_benches::table::{MATCHES, Table};
use mqtt_wire_topic_benches::trees;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What is measured when nothing else is said. The linear scan would take hours beyond.
const ROWS: [(&str, &[usize]); 5] = [
    ("mqtt-wire", &[1_000, 100_000, 1_000_000, 10_000_000]),
    ("linear scan", &[1_000, 100_000, 1_000_000]),
    ("rmqtt", &[1_000, 100_000, 1_000_000]),
    ("mqtt-topic-engine", &[1_000, 100_000, 1_000_000]),
    ("mqtt_topic_tree", &[1_000, 100_000, 1_000_000]),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [] => all(),
        [tree, filters] => filters
            .parse()
            .context("the number of filters")
            .and_then(|filters| measure(tree, filters))
            .map(|row| println!("{row}")),
        _ => Err(anyhow::anyhow!("usage: scale [TREE FILTERS], TREE one of {}", trees::NAMES.join(", "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn all() -> Result<()> {
    println!(
        "| tree | filters | insert ns | look-up ns | median | heap bytes an entry | beyond text | RSS an entry | peak MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (tree, sizes) in ROWS {
        for filters in sizes {
            let row = Command::new(env::current_exe()?).arg(tree).arg(filters.to_string()).output()?;
            if row.status.success() {
                print!("{}", String::from_utf8_lossy(&row.stdout));
            } else {
                let message = String::from_utf8_lossy(&row.stderr);
                let reason = message.lines().find(|line| !line.is_empty() && !line.starts_with("thread"));
                println!("| {tree} | {filters} | fails: {} |", reason.unwrap_or("without a message"));
            }
        }
    }
    Ok(())
}

/// A line of `/proc/self/status`, in bytes.
fn status(field: &str) -> Result<usize> {
    let status = fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
    let kibibytes = line.trim_start_matches(':').trim().trim_end_matches(" kB");
    Ok(kibibytes.parse::<usize>().context("not a number of kB")? * 1024)
}

fn measure(tree_name: &str, filters: usize) -> Result<String> {
    ensure!(filters >= 100, "a table has at least 100 filters");
    let Some(mut tree) = trees::by_name(tree_name) else {
        bail!("no tree {tree_name:?}; there are {}", trees::NAMES.join(", "))
    };
    let table = Table::new(filters);
    let names = table.names(if filters > 1_000_000 { 1_000_000 } else { 100_000 });

    let start = Instant::now();
    let text: usize = table.filters().map(|filter| black_box(filter).len()).sum();
    let making = start.elapsed();

    let (heap, rss) = (ALLOCATOR.allocated(), status("VmRSS")?);
    let start = Instant::now();
    for (value, filter) in (0..).zip(table.filters()) {
        tree.insert(&filter, value);
    }
    let inserting = start.elapsed().saturating_sub(making);
    let (heap, rss) = (ALLOCATOR.allocated() - heap, status("VmRSS")?.saturating_sub(rss));

    let times = look_up(tree.as_ref(), &names)?;
    let (best, median) = (times[times.len() / 20], times[times.len() / 2]);

    let each = |bytes: usize| bytes as f64 / filters as f64;
    Ok(format!(
        "| {tree_name} | {filters} | {:.0} | {best:.0} | {median:.0} | {:.1} | {:.1} | {:.1} | {} |",
        inserting.as_nanos() as f64 / filters as f64,
        each(heap),
        each(heap) - each(text),
        each(rss),
        status("VmHWM")? >> 20,
    ))
}

/// Nanoseconds for a look-up, in ascending order: one value for every thousand different names (for fewer,
/// where that takes longer than a fifth of a second), for three seconds.
fn look_up(tree: &dyn trees::Tree, names: &[String]) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(3) {
        for thousand in names.chunks(1000) {
            let (start, mut looked_up) = (Instant::now(), 0);
            for name in thousand {
                let found = tree.count(black_box(name));
                ensure!(found == MATCHES, "{found} matches of {name}, not {MATCHES}");
                looked_up += 1;
                if u32::is_multiple_of(looked_up, 16) && start.elapsed() > Duration::from_millis(200) {
                    break;
                }
            }
            times.push(start.elapsed().as_nanos() as f64 / f64::from(looked_up));
            if begin.elapsed() > Duration::from_secs(3) {
                break;
            }
        }
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(times)
}
