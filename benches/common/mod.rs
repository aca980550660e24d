//! What the criterion benches share.

#![allow(dead_code, unreachable_pub, reason = "a module of several programs, none of which uses all of it")]

mod built;
mod samples;
pub mod ways;

use std::time::Duration;

use criterion::Criterion;

#[allow(unused_imports, reason = "a module of several programs, none of which uses all of it")]
pub use built::built;
pub use samples::*;

/// Short runs: the packets take nanoseconds. Arguments of the command line count.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .sample_size(50)
        .configure_from_args()
}
