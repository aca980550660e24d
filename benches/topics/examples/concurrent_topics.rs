//! Many readers and a writer on one `FilterTree`, in two ways:
//!
//! - Behind a reader-writer lock. A subscription is there at once, and costs microseconds of exclusive access.
//! - As a snapshot that is swapped. Readers never wait, but every change copies the tree, so changes are
//!   collected before they are made: right where subscriptions come rarely or in bulk.
//!
//! ```text
//! cargo run --release --example concurrent_topics
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use mqtt_wire::topic::FilterTree;
use mqtt_wire::{TopicError, TopicFilter, TopicName};
use parking_lot::RwLock;

type Subscribers = Vec<u32>;

const READERS: usize = 2;
const SUBSCRIPTIONS: u32 = 20_000;
/// How many changes of the snapshot are made together.
const BULK: u32 = 1_000;

fn subscribe(tree: &mut FilterTree<Subscribers>, client: u32) -> Result<(), TopicError> {
    let filter =
        format!("device/{}/{}", client % 5_000, if client.is_multiple_of(7) { "#" } else { "status" });
    tree.get_or_insert_with(TopicFilter::new(&filter)?, Vec::new).push(client);
    Ok(())
}

fn publish(tree: &FilterTree<Subscribers>, message: u64) -> Result<usize, TopicError> {
    let name = format!("device/{}/status", message % 5_000);
    Ok(tree.matches(TopicName::new(&name)?).map(|(_, subscribers)| subscribers.len()).sum())
}

/// Reads from several threads while `write` writes, and says how it went.
fn run(
    how: &str,
    read: impl Fn(u64) -> Result<usize, TopicError> + Sync,
    write: impl FnOnce() -> Result<(), TopicError>,
) -> Result<(), TopicError> {
    let (done, messages) = (AtomicBool::new(false), AtomicU64::new(0));
    let begin = Instant::now();
    let (written, taken) = thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut deliveries = 0;
                    while !done.load(Ordering::Relaxed) {
                        deliveries += read(messages.fetch_add(1, Ordering::Relaxed))?;
                    }
                    Ok::<_, TopicError>(deliveries)
                })
            })
            .collect();
        let written = write();
        let taken = begin.elapsed();
        // Let the readers see the last of it.
        thread::sleep(Duration::from_millis(50));
        done.store(true, Ordering::Relaxed);
        let read: Result<usize, _> = readers.into_iter().map(|reader| reader.join().unwrap_or(Ok(0))).sum();
        (written.and(read), taken)
    });
    println!(
        "{how}: {SUBSCRIPTIONS} subscriptions in {taken:.1?}, meanwhile {} messages looked up, {} deliveries",
        messages.into_inner(),
        written?,
    );
    Ok(())
}

fn main() -> Result<(), TopicError> {
    let locked = RwLock::new(FilterTree::new());
    run(
        "lock",
        |message| publish(&locked.read(), message),
        || (0..SUBSCRIPTIONS).try_for_each(|client| subscribe(&mut locked.write(), client)),
    )?;

    let snapshot = ArcSwap::from_pointee(FilterTree::new());
    run(
        "snapshot",
        |message| publish(&snapshot.load(), message),
        || {
            let mut next = FilterTree::clone(&snapshot.load());
            for client in 0..SUBSCRIPTIONS {
                subscribe(&mut next, client)?;
                if (client + 1).is_multiple_of(BULK) {
                    snapshot.store(Arc::new(next.clone()));
                }
            }
            Ok(())
        },
    )?;

    let name = TopicName::new("device/1/status")?;
    let both: [usize; 2] = [locked.read().matches(name).count(), snapshot.load().matches(name).count()];
    assert_eq!(both[0], both[1], "both ways end with the same subscriptions");
    Ok(())
}
