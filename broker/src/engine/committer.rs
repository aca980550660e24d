//! The thread that stores: one transaction and one sync for all the turns that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Commit;
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
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The last transaction has failed.
    is_full: AtomicBool,
    commits: AtomicU64,
}

impl Committer {
    pub(super) fn start(store: Box<dyn Store>) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let state = Arc::<State>::default();
        let its_state = state.clone();
        let thread = std::thread::Builder::new().name("store".to_owned());
        let thread = thread.spawn(move || run(store, &receiver, &its_state))?;
        Ok(Self { sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), state })
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
        self.state.is_full.load(Ordering::Relaxed)
    }

    /// How many transactions there were.
    pub(super) fn commits(&self) -> u64 {
        self.state.commits.load(Ordering::Relaxed)
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

fn run(mut store: Box<dyn Store>, receiver: &Receiver<Batch>, state: &State) {
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
        match store.commit(&changes) {
            Ok(()) => {
                state.is_full.store(false, Ordering::Relaxed);
                state.commits.fetch_add(1, Ordering::Relaxed);
                changes.clear();
                // A connection that is gone does not wait.
                waiting.drain(..).for_each(|done| _ = done.send(()));
            }
            Err(error) => {
                if !state.is_full.swap(true, Ordering::Relaxed) {
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
