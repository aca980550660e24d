//! Sinks with real programs on the other side, which are killed and come back. Every message is counted.
//!
//! `tests/setup` installs the programs. A test whose program is missing is skipped with a notice; where CI is set,
//! it fails. `cargo test --all-features --test sinks -- --nocapture` prints the counts.
#![cfg(unix)]
#![allow(missing_docs)]
// With fewer sinks, some of what they share is not used.
#![cfg_attr(
    not(all(feature = "sink-mqtt", feature = "sink-nats", feature = "sink-postgres")),
    allow(dead_code)
)]

#[cfg(feature = "sink-mqtt")]
mod bridge;
mod config;
#[cfg(feature = "sink-json")]
mod lines;
#[cfg(feature = "sink-nats")]
mod nats;
#[cfg(feature = "sink-postgres")]
mod postgres;
mod process;
mod publisher;
mod stories;
