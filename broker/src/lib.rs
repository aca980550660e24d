//! The parts of the broker, so that tests and other programs can start one in their own process.

pub mod auth;
pub mod config;
pub mod limits;
pub mod metrics;
pub mod store;
