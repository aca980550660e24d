//! What is counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// One row a counter: field, function that adds one, name for the outside, what it counts.
macro_rules! counters {
    ($($field:ident $add:ident $name:literal $text:literal;)+) => {
        /// Counters since the start of the process.
        #[derive(Debug, Default)]
        pub struct Metrics { $($field: AtomicU64,)+ }

        impl Metrics {
            $(#[doc = concat!("One more of: ", $text, ".")]
            pub fn $add(&self) { self.$field.fetch_add(1, Ordering::Relaxed); })+

            /// Name, what it counts, and the count, of each counter.
            pub fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$(($name, $text, self.$field.load(Ordering::Relaxed)),)+]
            }
        }
    };
}

counters! {
    connections connected "connections" "connections that were accepted";
    refused     refused   "refused"     "connections that were not let in";
    received    received  "messages_received" "messages that clients have published";
    sent        sent      "messages_sent"     "messages that were sent to clients";
    dropped     dropped   "messages_dropped"  "messages that a full queue did not take";
    expired     expired   "messages_expired"  "messages that expired in a queue";
}
