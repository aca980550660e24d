//! The memory that the program takes, on captures of `MQTT_INSPECT_MEGABYTES` (4 unless said otherwise).
#![cfg(target_os = "linux")]

mod traffic;

use std::fs;
use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use traffic::{Made, Shape};

/// The program itself with its buffers, before it has read anything: 13 MiB as tests build it.
const PROGRAM: u64 = 14 * 1024 * 1024;
/// For unfinished packets and the like, where a shape has any.
const SHARED: u64 = 32 * 1024 * 1024;
/// The same for a few connections with little that is unfinished, and a thousand that are over.
const LITTLE: u64 = 6 * 1024 * 1024;
const EACH_OPEN: u64 = 5 * 512;
/// Half-open ones are dropped above a limit.
const MOST_HALF_OPEN: u64 = 16 * 1024;
/// So are open ones, those first of which nothing was heard.
const MOST_OPEN: u64 = 128 * 1024;
const EACH_IN_STATS: u64 = 600;

fn megabytes() -> u64 {
    std::env::var("MQTT_INSPECT_MEGABYTES").map_or(4, |text| text.parse().expect("a number"))
}

/// The peak of a process's resident memory, as far as it has come.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Feeds a capture to the program, and returns what it was and how much memory was taken.
fn run(shape: Shape, args: &[&str]) -> (Made, u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-inspect"))
        .args(args)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let process = child.id();
    let mut stdin = BufWriter::with_capacity(1 << 16, child.stdin.take().expect("a pipe"));
    let most = AtomicU64::new(0);
    let made = thread::scope(|scope| {
        scope.spawn(|| {
            while let Some(peak) = peak(process) {
                most.fetch_max(peak, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let made = traffic::write(shape, megabytes() * 1_000_000, &mut stdin).expect("it is read");
        stdin.flush().expect("it is read");
        drop(stdin);
        // Whoever has ended has no memory any more, though its entry stays until it is waited for.
        // With nothing found the code is 3.
        let status = child.wait().expect("it ends");
        assert!(matches!(status.code(), Some(0 | 3)), "{shape:?}: {status}");
        made
    });
    (made, most.into_inner())
}

#[test]
fn memory_does_not_grow_with_the_length_of_a_capture() {
    for (shape, name) in Shape::ALL {
        for args in [["--stats"].as_slice(), &["--json"], &[]] {
            let (made, taken) = run(shape, args);
            let half_open = if shape == Shape::Syns { MOST_HALF_OPEN } else { 0 };
            let stats = if args == ["--stats"] { made.connections * EACH_IN_STATS } else { 0 };
            let held = if matches!(shape, Shape::Open | Shape::Holes) { SHARED } else { LITTLE };
            let allowed = PROGRAM + held + (made.open.min(MOST_OPEN) + half_open) * EACH_OPEN + stats;
            println!(
                "memory: {name:<7} {:<8} {:>5} MB of capture, {:>8} connections, {:>7} open: {:>6.1} MB of {:>6.1}",
                args.join(" "),
                made.bytes / 1_000_000,
                made.connections,
                made.open,
                megabytes_of(taken),
                megabytes_of(allowed),
            );
            assert!(taken > 1_000_000, "it was not measured");
            assert!(taken <= allowed, "{name} {args:?}: {taken} bytes, of {allowed}");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn megabytes_of(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
