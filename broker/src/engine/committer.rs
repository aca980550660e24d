//! The thread that stores: one transaction and one sync for all the turns that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Commit;
use crate::metrics::Metrics;
use crate::store::{Change, Store, StoreError};

/// How many changes are stored in one transaction at most, so that it does not take too long.
const MOST_CHANGES: usize = 10_000;
/// How long a store that has failed is left alone.
const PAUSE: Duration = Duration::from_millis(500);

struct Batch {
    changes: Vec<Change>,
    done: oneshot::Sender<()>,
}

/// Hands changes to the thread that stores.
pub(super) struct Committer {
    /// `None` when the broker ends.
    sender: Mutex<Option<Sender<Batch>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The last transaction has failed.
    is_full: Arc<AtomicBool>,
}

impl Committer {
    pub(super) fn start(store: Box<dyn Store>, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let is_full = Arc::<AtomicBool>::default();
        let its_full = is_full.clone();
        let thread = std::thread::Builder::new().name("store".to_owned());
        let thread = thread.spawn(move || run(store, &receiver, &its_full, &metrics))?;
        Ok(Self { sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), is_full })
    }

    /// Stores these changes behind all that were handed in before.
    pub(super) fn commit(&self, changes: Vec<Change>) -> Commit {
        let (done, commit) = oneshot::channel();
        if let Some(sender) = &*self.sender.lock() {
            // Without a thread the sender of `done` is dropped, which says so.
            let _ = sender.send(Batch { changes, done });
        }
        commit
    }

    /// Whether the store takes nothing at the moment.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Stores what was handed in, and ends.
    pub(super) fn close(&self) {
        self.sender.lock().take();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // A panic of the thread was printed by it.
            let _ = thread.join();
        }
    }
}

fn run(mut store: Box<dyn Store>, receiver: &Receiver<Batch>, is_full: &AtomicBool, metrics: &Metrics) {
    let mut changes = Vec::new();
    let mut waiting = Vec::new();
    loop {
        // After a failure the same changes come again, and those behind them stay behind.
        let next = if changes.is_empty() {
            receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            receiver.recv_timeout(PAUSE)
        };
        let ends = matches!(next, Err(RecvTimeoutError::Disconnected));
        let mut take = |batch: Batch| {
            changes.extend(batch.changes);
            waiting.push(batch.done);
        };
        if let Ok(batch) = next {
            take(batch);
        }
        while changes.len() < MOST_CHANGES {
            let Ok(batch) = receiver.try_recv() else { break };
            changes.extend(batch.changes);
            waiting.push(batch.done);
        }
        if changes.is_empty() && waiting.is_empty() {
            return;
        }
        let started = Instant::now();
        match store.commit(&changes) {
            Ok(()) => {
                is_full.store(false, Ordering::Relaxed);
                metrics.commits.inc();
                metrics.changes.inc_by(u64::try_from(changes.len()).unwrap_or(u64::MAX));
                metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
                changes.clear();
                // A connection that is gone does not wait.
                waiting.drain(..).for_each(|done| _ = done.send(()));
            }
            Err(error) => {
                metrics.commits_failed.inc();
                if !is_full.swap(true, Ordering::Relaxed) {
                    report(&error);
                }
                if ends {
                    return;
                }
                std::thread::sleep(PAUSE);
            }
        }
        if ends {
            return;
        }
    }
}

fn report(error: &StoreError) {
    tracing::error!("nothing can be stored, messages of QoS 1 and 2 are refused until it can: {error}");
}
