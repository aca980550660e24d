//! The limits of the broker, with their names and defaults.

use serde::Deserialize;

use crate::store::UnixMillis;

/// What a table of limits is made of: a name as it stands in the configuration, a type, a default.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr;)+) => {
        /// The limits, each with a default. In the configuration they are the table `[limits]`.
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Limits {
            /// Name, default, and what it means, of each limit.
            pub const TABLE: &'static [(&'static str, &'static str, &'static str)] =
                &[$((stringify!($name), stringify!($default), concat!($($doc),+))),+];
        }
    };
}

limits! {
    /// Connections at a time. One more is closed at once.
    connections: usize = 100_000;
    /// Seconds from the connection to the whole CONNECT, TLS and WebSocket included. Then it is closed.
    connect_timeout: u64 = 10;
    /// Seconds that a write may wait for the client to read. Then it is closed.
    write_timeout: u64 = 20;
    /// The longest Keep Alive in seconds; 0 is none. 5.0 is told Server Keep Alive, 3.x is closed by it.
    keep_alive: u16 = 0;
    /// The longest packet in bytes (Maximum Packet Size). A longer one ends the connection (0x95). CONNECT has 65,536 at most.
    packet_size: u32 = 1_048_576;
    /// Messages of QoS 1 and 2 that a client may have under way to the broker (Receive Maximum). One more ends it (0x93).
    receive_maximum: u16 = 100;
    /// Messages of QoS 1 and 2 under way to a client; less if the client says so. A session that comes from the store with
    /// more keeps room for them.
    in_flight: u16 = 100;
    /// Topic aliases in each direction (Topic Alias Maximum).
    topic_aliases: u16 = 32;
    /// Levels of a topic name or filter. With more a subscription is refused (0x8F), a message too (0x90).
    topic_levels: usize = 128;
    /// Subscriptions of a client. One more is refused (0x97).
    subscriptions: usize = 1_000;
    /// Messages in the queue of a client. One more is dropped, and counted.
    queue_messages: usize = 10_000;
    /// Bytes of messages in the queue of a client. A message that does not fit is dropped, and counted.
    queue_bytes: usize = 16_777_216;
    /// Retained messages. One more is refused (0x97); of QoS 0, or as a will, it is published and not retained.
    retained_messages: usize = 100_000;
    /// Bytes of retained messages. One that does not fit is refused (0x97); of QoS 0, or as a will, as above.
    retained_bytes: usize = 268_435_456;
    /// Sessions that are kept without a connection. One more does not outlast its connection.
    sessions: usize = 100_000;
    /// The longest Session Expiry Interval in seconds; 4,294,967,295 is for ever.
    session_expiry: u32 = 4_294_967_295;
}

impl Limits {
    /// When a session without a connection since `now` is over that would last until `wanted`.
    pub fn session_end(&self, wanted: Option<UnixMillis>, now: UnixMillis) -> Option<UnixMillis> {
        let longest = self.session_expiry;
        let at_last = (longest < u32::MAX).then(|| now.saturating_add(u64::from(longest) * 1000));
        wanted.into_iter().chain(at_last).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_defaults_are() {
        let text: Vec<String> =
            Limits::TABLE.iter().map(|(name, value, _)| format!("{name} = {value}")).collect();
        assert_eq!(toml::from_str::<Limits>(&text.join("\n")).unwrap(), Limits::default());
    }
}
