//! One clock for all.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::store::UnixMillis;

/// Milliseconds since the beginning of 1970, that never go back while the process runs.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    started_at: UnixMillis,
}

impl Clock {
    /// A clock that begins at the time of the system.
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_at: millis(since) }
    }

    /// The time.
    pub fn now(&self) -> UnixMillis {
        self.started_at.saturating_add(millis(self.started.elapsed()))
    }

    /// How long it is until then.
    pub fn until(&self, then: UnixMillis) -> Duration {
        Duration::from_millis(then.saturating_sub(self.now()))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
