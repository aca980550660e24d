//! Spaces searched in full: on all cores, and counted.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

/// Calls `work` with each item, on all cores, and adds up the cases it tells of.
pub(crate) fn spread<I: Sync>(items: &[I], work: impl Fn(&I) -> u64 + Sync) -> u64 {
    let next = AtomicUsize::new(0);
    let one = || {
        let mut cases = 0;
        while let Some(item) = items.get(next.fetch_add(1, Relaxed)) {
            cases += work(item);
        }
        cases
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no case fails")).sum()
    })
}

/// Says how many cases a test went through: `tests/exhaustive/run` adds these lines up. Release builds take every
/// space in full, and there the number is known beforehand: a space that shrinks fails.
pub(crate) fn counted(subject: &str, cases: u64, expected: u64) {
    println!("exhaustion: {cases} cases of {subject}");
    let right = if cfg!(debug_assertions) { cases > 0 } else { cases == expected };
    assert!(right, "{subject}: {cases} cases, not {expected}");
}
