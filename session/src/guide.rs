//! Guides: a client and a broker, each in an hour. Every snippet is compiled and run as a test.
//!
//! This module is documentation only: it exists when docs are built, and costs a program nothing. The guides to packets,
//! properties, topics and errors are in `mqtt_wire::guide`.

/// A client in an hour: `std::net`, one thread, QoS 1, and a session that survives the connection.
///
#[doc = include_str!("guide/client.md")]
pub mod client {}

/// A broker in an hour: tokio, sessions with queues, retained messages, takeover.
///
#[cfg(feature = "alloc")]
#[doc = include_str!("guide/broker.md")]
pub mod broker {}
