//! The limits: what one client may take of the memory, and how long it may take.

use std::time::Duration;

use serde::Deserialize;

/// A second, as the file of settings has it.
fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

/// What a client may take. Each limit has the refusal that the standard has for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at a time. One more is closed before it has said anything. Default: 100,000.
    pub connections: usize,
    /// The time from the beginning of a connection to its CONNECT, and for each step of an enhanced authentication. Then
    /// the connection is closed. In the file: whole seconds. Default: 10 seconds.
    #[serde(deserialize_with = "seconds")]
    pub connect_timeout: Duration,
    /// The time in which a client has to take something of what is sent to it. Then the connection is closed. In the file:
    /// whole seconds. Default: 30 seconds.
    #[serde(deserialize_with = "seconds")]
    pub write_timeout: Duration,
    /// The largest packet in bytes, which CONNACK says; a larger one is answered by DISCONNECT 0x95 before it is read.
    /// Default: 1 MiB.
    pub packet_bytes: u32,
    /// The largest CONNECT in bytes. Default: 64 KiB.
    pub connect_bytes: u32,
    /// The longest keep alive in seconds, which CONNACK says to clients that want a longer one or none; 0 is no limit.
    /// (3.x cannot say it: such a client is cut off if it is silent for longer.) Default: 0.
    pub keep_alive: u16,
    /// The longest Session Expiry Interval in seconds, which CONNACK says; it holds for the sessions of 3.x, too.
    /// 4,294,967,295 is for ever. Default: 604,800, which is a week.
    pub session_expiry: u32,
    /// Subscriptions of a client. One more is answered by 0x97. Default: 10,000.
    pub subscriptions: usize,
    /// Messages that wait for a client. One more is dropped, counted and logged. Default: 10,000.
    pub queue_messages: usize,
    /// Bytes of the messages that wait for a client. What is more is dropped, counted and logged. Default: 64 MiB.
    pub queue_bytes: usize,
    /// Messages of QoS 1 and 2 under way to a client; a client of 5.0 may say less. Default: 100.
    pub in_flight: u16,
    /// Messages of QoS 1 and 2 under way from a client, which CONNACK says as Receive Maximum; more are answered by
    /// DISCONNECT 0x93. Default: 100.
    pub receive_maximum: u16,
    /// Topic aliases in each direction, which CONNACK says as Topic Alias Maximum. Default: 16.
    pub topic_aliases: u16,
    /// Retained messages of all clients. One more is answered by 0x97. Default: 1,000,000.
    pub retained_messages: usize,
    /// Bytes of all retained messages. More is answered by 0x97. Default: 1 GiB.
    pub retained_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            connect_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            packet_bytes: 1 << 20,
            connect_bytes: 1 << 16,
            keep_alive: 0,
            session_expiry: 604_800,
            subscriptions: 10_000,
            queue_messages: 10_000,
            queue_bytes: 64 << 20,
            in_flight: 100,
            receive_maximum: 100,
            topic_aliases: 16,
            retained_messages: 1_000_000,
            retained_bytes: 1 << 30,
        }
    }
}
