//! The parts of the broker, so that tests and other programs can start one in their own process.

pub mod auth;
pub mod clock;
pub mod config;
pub mod engine;
pub mod front;
pub mod http;
pub mod limits;
pub mod listener;
pub mod metrics;
mod plain;
pub mod proxy_protocol;
pub mod server;
pub mod sink;
pub mod store;
pub mod tools;
