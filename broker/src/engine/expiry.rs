//! When sessions end and wills are due.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::store::UnixMillis;

/// The clients that are to be looked after, and when. Those that come back are [forgotten](Self::forget), so that there
/// are no more than there are sessions and wills.
#[derive(Default)]
pub(super) struct Expiry {
    due: Mutex<BTreeSet<(UnixMillis, Arc<str>)>>,
    sooner: Notify,
}

impl Expiry {
    pub(super) fn at(&self, due: UnixMillis, client: &Arc<str>) {
        let mut all = self.due.lock();
        let is_first = all.first().is_none_or(|(first, _)| due < *first);
        all.insert((due, client.clone()));
        if is_first {
            self.sooner.notify_one();
        }
    }

    /// There is nothing to look after then.
    pub(super) fn forget(&self, due: UnixMillis, client: &Arc<str>) {
        self.due.lock().remove(&(due, client.clone()));
    }

    /// The first time at which there is something to do.
    pub(super) fn next(&self) -> Option<UnixMillis> {
        self.due.lock().first().map(|(due, _)| *due)
    }

    /// Waits until [`next`](Self::next) is sooner than it was.
    pub(super) async fn sooner(&self) {
        self.sooner.notified().await;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.due.lock().len()
    }

    /// A client that is due.
    pub(super) fn take(&self, now: UnixMillis) -> Option<Arc<str>> {
        let mut all = self.due.lock();
        if all.first().is_some_and(|(due, _)| *due <= now) {
            all.pop_first().map(|(_, client)| client)
        } else {
            None
        }
    }
}
