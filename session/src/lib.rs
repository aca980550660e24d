#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod alias;
mod auth;
#[cfg(any(doc, doctest))]
pub mod guide;
mod keep_alive;
mod limits;
mod link;
mod output;
mod record;
mod session;
mod slots;
mod value;
mod violation;
#[cfg(feature = "alloc")]
mod watch;
mod wire;

pub use link::Outputs;
pub use link::{Client, Detached, Ending, Link, Role, Server};
pub use output::{
    HandleError, Input, Outcome, Output, Publication, Receipt, Refusal, Reply, Stale, TopicAlias,
};
pub use record::{NoRoom, Record, records};
pub use session::Session;
#[cfg(feature = "alloc")]
pub use slots::Growing;
pub use slots::{Fixed, Slots};
pub use violation::{SessionRule, Violation};
#[cfg(feature = "alloc")]
pub use watch::Watcher;

/// Milliseconds on a clock of the caller's that never goes back.
///
/// ```
/// use std::time::Instant;
/// use mqtt_session::Millis;
///
/// let start = Instant::now();
/// let now = || Millis::try_from(start.elapsed().as_millis()).unwrap_or(Millis::MAX);
/// assert!(now() <= now());
/// ```
pub type Millis = u64;
