//! What the broker counts, and how it is shown to Prometheus.
//!
//! A [`Metrics`] is cheap to clone, and each clone counts the same. Each metric is an atomic number: to count costs one
//! instruction, wherever it is done.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Arc;

use mqtt_wire::QoS;

/// One label and its value, such as `qos="1"`.
type Label = [(&'static str, &'static str); 1];

/// The label `sink` and the name of a sink.
type SinkLabel = [(&'static str, String); 1];

/// The metrics of one sink.
#[derive(Debug, Clone)]
pub struct SinkMetrics {
    /// Of the whole broker.
    pub all: Metrics,
    /// Messages that have arrived.
    pub messages: Counter,
    /// Messages that were refused for good.
    pub refused: Counter,
    /// Messages that came from the other side.
    pub received: Counter,
    /// Attempts that have failed.
    pub retries: Counter,
    /// Messages in its queue.
    pub queued: Gauge,
    /// Seconds that the oldest message under way has been.
    pub lag: Gauge,
    /// Whether the other side is there.
    pub up: Gauge,
}

/// A counter for each value of a label.
#[derive(Debug, Clone)]
pub struct Labelled<const N: usize>([Counter; N]);

impl<const N: usize> Labelled<N> {
    fn new(family: &Family<Label, Counter>, label: &'static str, values: [&'static str; N]) -> Self {
        Self(values.map(|value| family.get_or_create_owned(&[(label, value)])))
    }
}

/// A reason for which a message was dropped: the label `reason` of `mqtt_messages_dropped_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// The queue of a client was full.
    QueueFull,
    /// The Message Expiry Interval was over.
    Expired,
    /// The client's Maximum Packet Size is smaller.
    TooLarge,
    /// The client was not allowed to publish it, or is not allowed any more to receive it.
    NotAuthorised,
    /// The store had no room.
    StoreFull,
    /// There were `limits.retained_messages` or `limits.retained_bytes`.
    RetainedFull,
    /// It was of QoS 0, and the client's connection slow: its queue was full, or was not empty when the connection ended.
    SlowReader,
}

impl Dropped {
    const NAMES: [&'static str; 7] = [
        "queue_full",
        "expired",
        "too_large",
        "not_authorised",
        "store_full",
        "retained_full",
        "slow_reader",
    ];
}

/// A reason for which a connection was closed: the label `reason` of `mqtt_connections_closed_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Closed {
    /// The client sent DISCONNECT.
    Client,
    /// The connection was cut without one.
    Network,
    /// Keep Alive was over.
    KeepAlive,
    /// No CONNECT came in time, or something else.
    NoConnect,
    /// The client was refused, in CONNACK or when it authenticated again.
    Refused,
    /// The client broke a rule, or does not take a packet of the size that is needed.
    Protocol,
    /// The client has another connection.
    TakenOver,
    /// A write took too long.
    SlowReader,
    /// The broker ends, or had no room for the connection or for what the client sent.
    Server,
}

impl Closed {
    const NAMES: [&'static str; 9] = [
        "client",
        "network",
        "keep_alive",
        "no_connect",
        "refused",
        "protocol",
        "taken_over",
        "slow_reader",
        "server",
    ];
}

const QOS: [&str; 3] = ["0", "1", "2"];

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident $(($($args:tt)+))? as $shown:literal;)+) => {
        /// The metrics. Counters only grow; gauges are how many there are.
        #[derive(Debug, Clone)]
        pub struct Metrics {
            registry: Arc<Registry>,
            $($(#[doc = $doc])+ pub $name: metrics!(@type $kind $($($args)+)?),)+
        }

        impl Default for Metrics {
            fn default() -> Self {
                let mut registry = Registry::default();
                $(let $name = metrics!(@make $kind registry, $shown, concat!($($doc),+) $(, $($args)+)?);)+
                Self { registry: Arc::new(registry), $($name,)+ }
            }
        }
    };
    (@type counter) => { Counter };
    (@type gauge) => { Gauge };
    (@type seconds) => { Histogram };
    (@type sink_counter) => { Family<SinkLabel, Counter> };
    (@type sink_gauge) => { Family<SinkLabel, Gauge> };
    (@type labelled $label:literal, $values:expr) => { Labelled<{ $values.len() }> };
    (@make counter $registry:ident, $shown:literal, $help:expr) => {{
        let counter = Counter::default();
        $registry.register($shown, help($help), counter.clone());
        counter
    }};
    (@make gauge $registry:ident, $shown:literal, $help:expr) => {{
        let gauge = Gauge::default();
        $registry.register($shown, help($help), gauge.clone());
        gauge
    }};
    (@make seconds $registry:ident, $shown:literal, $help:expr) => {{
        let histogram = Histogram::new(exponential_buckets(0.0001, 2.0, 16));
        $registry.register($shown, help($help), histogram.clone());
        histogram
    }};
    (@make sink_counter $registry:ident, $shown:literal, $help:expr) => {{
        let family = Family::<SinkLabel, Counter>::default();
        $registry.register($shown, help($help), family.clone());
        family
    }};
    (@make sink_gauge $registry:ident, $shown:literal, $help:expr) => {{
        let family = Family::<SinkLabel, Gauge>::default();
        $registry.register($shown, help($help), family.clone());
        family
    }};
    (@make labelled $registry:ident, $shown:literal, $help:expr, $label:literal, $values:expr) => {{
        let family = Family::<Label, Counter>::default();
        $registry.register($shown, help($help), family.clone());
        Labelled::new(&family, $label, $values)
    }};
}

/// Documentation as help: one line, without the full stop, which the text format adds.
fn help(doc: &str) -> String {
    doc.trim().trim_end_matches('.').to_owned()
}

metrics! {
    /// Connections that were accepted, before anything was read.
    accepted: counter as "mqtt_connections_accepted";
    /// Connections that are open, before and after CONNECT.
    connections: gauge as "mqtt_connections";
    /// Connections that were closed, by reason.
    closed: labelled("reason", Closed::NAMES) as "mqtt_connections_closed";
    /// Sessions, connected or not.
    sessions: gauge as "mqtt_sessions";
    /// Subscriptions of all sessions.
    subscriptions: gauge as "mqtt_subscriptions";
    /// Retained messages.
    retained: gauge as "mqtt_retained_messages";
    /// Bytes of retained messages.
    retained_bytes: gauge as "mqtt_retained_bytes";
    /// Messages in all queues, those under way included.
    queued: gauge as "mqtt_queued_messages";
    /// Bytes of the messages that wait in all queues; a message in two of them counts twice.
    queued_bytes: gauge as "mqtt_queued_bytes";
    /// Messages that came in, by their QoS.
    messages_in: labelled("qos", QOS) as "mqtt_messages_received";
    /// Messages that went out, by the QoS of their delivery, those sent again included.
    messages_out: labelled("qos", QOS) as "mqtt_messages_sent";
    /// Messages that were dropped, by reason.
    dropped: labelled("reason", Dropped::NAMES) as "mqtt_messages_dropped";
    /// Bytes of packets that came in, without TLS and WebSocket.
    bytes_in: counter as "mqtt_received_bytes";
    /// Bytes of packets that went out, without TLS and WebSocket.
    bytes_out: counter as "mqtt_sent_bytes";
    /// Transactions of the store, each with one sync.
    commits: counter as "mqtt_store_commits";
    /// Changes in these transactions.
    changes: counter as "mqtt_store_changes";
    /// Transactions that the store could not do.
    commits_failed: counter as "mqtt_store_commits_failed";
    /// How long a transaction took.
    commit_seconds: seconds as "mqtt_store_commit_seconds";
    /// Messages that have arrived at the other side of a sink, those that came again included.
    sink_messages: sink_counter as "mqtt_sink_messages";
    /// Messages that the other side of a sink has refused for good.
    sink_refused: sink_counter as "mqtt_sink_messages_refused";
    /// Messages that came from the other side of a sink.
    sink_received: sink_counter as "mqtt_sink_messages_received";
    /// Attempts of a sink that have failed.
    sink_retries: sink_counter as "mqtt_sink_retries";
    /// Messages in the queue of a sink, those under way included.
    sink_queued: sink_gauge as "mqtt_sink_queued_messages";
    /// How many seconds the oldest message has been on its way that a sink has under way.
    sink_lag: sink_gauge as "mqtt_sink_lag_seconds";
    /// Whether the other side of a sink is there: 1 or 0.
    sink_up: sink_gauge as "mqtt_sink_up";
}

impl Metrics {
    /// A message came in.
    #[inline]
    pub fn received(&self, qos: QoS) {
        count(&self.messages_in, qos as usize);
    }

    /// A message went out.
    #[inline]
    pub fn sent(&self, qos: QoS) {
        count(&self.messages_out, qos as usize);
    }

    /// A message was dropped.
    pub fn dropped(&self, reason: Dropped) {
        count(&self.dropped, reason as usize);
    }

    /// So many messages of QoS 0 waited for a connection that has ended.
    pub fn dropped_at_end(&self, messages: usize) {
        if let Some(counter) = self.dropped.0.get(Dropped::SlowReader as usize) {
            counter.inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
        }
    }

    /// A connection was closed.
    pub fn closed(&self, reason: Closed) {
        count(&self.closed, reason as usize);
    }

    /// Those of the sink with that name.
    pub fn sink(&self, name: &str) -> SinkMetrics {
        let label = [("sink", name.to_owned())];
        SinkMetrics {
            all: self.clone(),
            messages: self.sink_messages.get_or_create_owned(&label),
            refused: self.sink_refused.get_or_create_owned(&label),
            received: self.sink_received.get_or_create_owned(&label),
            retries: self.sink_retries.get_or_create_owned(&label),
            queued: self.sink_queued.get_or_create_owned(&label),
            lag: self.sink_lag.get_or_create_owned(&label),
            up: self.sink_up.get_or_create_owned(&label),
        }
    }

    /// All of them, in the text format of OpenMetrics. The gauges that are counted when somebody looks are set by
    /// [`Local::observe`](crate::engine::Local::observe).
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// A number of things as a gauge shows it.
pub(crate) fn gauge(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count<const N: usize>(labelled: &Labelled<N>, at: usize) {
    if let Some(counter) = labelled.0.get(at) {
        counter.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::default();
        metrics.received(QoS::ExactlyOnce);
        metrics.sent(QoS::AtMostOnce);
        metrics.clone().dropped(Dropped::SlowReader);
        metrics.closed(Closed::Server);
        metrics.retained.set(3);
        metrics.commit_seconds.observe(0.001);
        let text = metrics.to_text();
        for line in [
            "# TYPE mqtt_messages_received counter",
            r#"mqtt_messages_received_total{qos="2"} 1"#,
            r#"mqtt_messages_sent_total{qos="0"} 1"#,
            r#"mqtt_messages_sent_total{qos="1"} 0"#,
            r#"mqtt_messages_dropped_total{reason="slow_reader"} 1"#,
            r#"mqtt_connections_closed_total{reason="server"} 1"#,
            "mqtt_retained_messages 3",
            "mqtt_store_commit_seconds_count 1",
            "# HELP mqtt_retained_messages Retained messages.",
            "# EOF",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is not in\n{text}");
        }
    }
}
