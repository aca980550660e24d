//! What `/metrics` shows, after traffic that says what it has to show.

use std::sync::Arc;

use mqtt_broker::auth::{Authorise, Who};
use mqtt_broker::limits::Limits;
use mqtt_broker::server::Parts;
use mqtt_wire::{
    Ack, Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, TopicFilter, TopicName, Version,
    topic_name,
};

use crate::raw::{Raw, id, lasting, message};
use crate::scene::{Folder, Scene};

/// Frames of so many bytes, as the queue counts them.
fn len(publish: &Publish<'_>) -> f64 {
    let mut bytes = Vec::new();
    Packet::from(*publish).encode(Version::V5, &mut bytes).unwrap();
    f64::from(u32::try_from(bytes.len()).unwrap())
}

#[track_caller]
fn shows(scene: &Scene, expected: &[(&str, f64)]) {
    let metrics = scene.metrics();
    for (name, value) in expected {
        let shown = metrics.get(name);
        assert!((shown - value).abs() < f64::EPSILON, "{name} is {shown}, not {value}");
    }
}

#[test]
fn connections_and_sessions() {
    let scene = Scene::limited(Limits { connections: 3, ..Limits::default() });
    shows(&scene, &[("mqtt_connections", 0.0), ("mqtt_sessions", 0.0)]);
    let silent = Raw::open(scene.port, Version::V5);
    scene.until_shown("mqtt_connections", 1.0);
    let short = Raw::v5(scene.port, "short");
    let (mut long, _) = Raw::connected(scene.port, lasting("long"));
    shows(&scene, &[("mqtt_connections", 3.0), ("mqtt_sessions", 2.0)]);
    assert!(Raw::open(scene.port, Version::V5).next().is_none());
    shows(&scene, &[("mqtt_connections_accepted_total", 4.0), ("mqtt_connections", 3.0)]);
    long.subscribe("a", QoS::AtLeastOnce);
    long.subscribe("a", QoS::ExactlyOnce);
    long.subscribe("b", QoS::AtLeastOnce);
    long.unsubscribe("b");
    long.subscribe("c", QoS::AtLeastOnce);
    shows(&scene, &[("mqtt_subscriptions", 2.0)]);
    silent.cut();
    long.cut();
    short.goodbye();
    scene.until_shown("mqtt_connections", 0.0);
    shows(&scene, &[("mqtt_sessions", 1.0), ("mqtt_subscriptions", 2.0)]);
    let clean = Connect { clean_start: true, ..lasting("long") };
    let (mut long, _) = Raw::connected(scene.port, clean);
    long.ping();
    shows(&scene, &[("mqtt_sessions", 1.0), ("mqtt_subscriptions", 0.0)]);
    long.goodbye();
    let (none, _) = Raw::connected(scene.port, Connect::new(Version::V5, "long"));
    none.goodbye();
    scene.until_shown("mqtt_sessions", 0.0);
}

#[test]
fn why_connections_are_closed() {
    let limits = Limits { connect_timeout: 1, connections: 20, ..Limits::default() };
    let scene = Scene::limited(limits);
    let port = scene.port;
    let is = |reason: &str, count: f64| {
        let name = format!("mqtt_connections_closed_total{{reason=\"{reason}\"}}");
        scene.until_shown(&name, count);
    };
    // Before CONNECT is answered.
    Raw::open(port, Version::V5).next();
    is("no_connect", 1.0);
    let mut nonsense = Raw::open(port, Version::V5);
    nonsense.send_bytes(b"GET / HTTP/1.1\r\n\r\n");
    assert!(nonsense.next().is_none());
    is("no_connect", 2.0);
    let mut refused = Raw::open(port, Version::V5);
    let method = [Property::AuthenticationMethod("GS2-KRB5")];
    refused.send(Connect { properties: Properties::new(&method), ..Connect::new(Version::V5, "client") });
    assert!(refused.next().is_some() && refused.next().is_none());
    is("refused", 1.0);
    // By the client, by the network, and by a rule that it breaks.
    Raw::v5(port, "client").goodbye();
    Raw::new(port, Version::V311, "client").goodbye();
    let mut with_will = Raw::v5(port, "client");
    with_will.send(mqtt_wire::Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL_MESSAGE));
    assert!(with_will.next().is_none());
    is("client", 3.0);
    Raw::v5(port, "client").cut();
    is("network", 1.0);
    for bytes in [&[0x36, 0][..], &[0x62, 2, 0, 0], &[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 9]] {
        let mut raw = Raw::v5(port, "client");
        raw.send_bytes(bytes);
        if bytes.len() > 4 {
            raw.send_bytes(&[0, 0, 0]);
        }
        while raw.next().is_some() {}
    }
    is("protocol", 3.0);
    let connect = Connect { keep_alive: 1, ..Connect::new(Version::V5, "client") };
    Raw::connected(port, connect).0.expect_end(ReasonCode::KEEP_ALIVE_TIMEOUT);
    is("keep_alive", 1.0);
    let first = Raw::v5(port, "client");
    let _second = Raw::v5(port, "client");
    first.expect_end(ReasonCode::SESSION_TAKEN_OVER);
    is("taken_over", 1.0);
    let idle: Vec<Raw> = (0..19).map(|_| Raw::open(port, Version::V5)).collect();
    assert!(Raw::open(port, Version::V5).next().is_none());
    is("server", 1.0);
    drop(idle);
    let metrics = scene.metrics();
    let slow = metrics.closed("slow_reader");
    assert!(slow.abs() < f64::EPSILON);
}

#[test]
fn a_connection_that_takes_nothing_and_what_was_for_it() {
    let scene = Scene::limited(Limits { write_timeout: 1, queue_messages: 50, ..Limits::default() });
    let mut deaf = Raw::v5(scene.port, "deaf");
    deaf.subscribe("a", QoS::AtMostOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    let mut sent = 0.0;
    let payload = vec![7; 100_000];
    while scene.broker().engine().clients().0 == 2 {
        publisher.publish(&message("a", &payload, QoS::AtMostOnce));
        sent += 1.0;
    }
    scene.until_shown(r#"mqtt_connections_closed_total{reason="slow_reader"}"#, 1.0);
    let metrics = scene.metrics();
    // Each message was sent, or dropped for that reason, or came when the client was gone: the last ones.
    let went = metrics.get(r#"mqtt_messages_sent_total{qos="0"}"#);
    let told = went + metrics.dropped("slow_reader");
    assert!(told <= sent && told >= sent - 2.0 && metrics.dropped("slow_reader") > 0.0, "{told} of {sent}");
}

#[test]
fn a_shutdown_closes_for_the_server() {
    let scene = Scene::new();
    let client = Raw::v5(scene.port, "client");
    let metrics = scene.broker().metrics().clone();
    scene.shutdown();
    client.expect_end(ReasonCode::SERVER_SHUTTING_DOWN);
    let text = metrics.to_text();
    assert!(text.contains("mqtt_connections_closed_total{reason=\"server\"} 1\n"), "{text}");
    assert!(text.contains("\nmqtt_connections 0\n"), "{text}");
}

#[test]
fn messages_and_bytes() {
    let scene = Scene::new();
    let mut subscriber = Raw::v5(scene.port, "subscriber");
    subscriber.subscribe("a", QoS::AtLeastOnce);
    let mut publisher = Raw::new(scene.port, Version::V311, "publisher");
    for (qos, times) in [(QoS::AtMostOnce, 1), (QoS::AtLeastOnce, 2), (QoS::ExactlyOnce, 3)] {
        for _ in 0..times {
            publisher.publish(&message("a", &[1; 3000], qos));
            let got = subscriber.expect_message("a", &[1; 3000]);
            subscriber.acknowledge(&got);
        }
    }
    subscriber.ping();
    let (sent, came) = (publisher.sent + subscriber.sent, publisher.came + subscriber.came);
    let number = |bytes: usize| f64::from(u32::try_from(bytes).unwrap());
    // They are counted when they are written: who has received them may ask before that.
    scene.until_shown("mqtt_sent_bytes_total", number(came));
    shows(
        &scene,
        &[
            (r#"mqtt_messages_received_total{qos="0"}"#, 1.0),
            (r#"mqtt_messages_received_total{qos="1"}"#, 2.0),
            (r#"mqtt_messages_received_total{qos="2"}"#, 3.0),
            (r#"mqtt_messages_sent_total{qos="0"}"#, 1.0),
            (r#"mqtt_messages_sent_total{qos="1"}"#, 5.0),
            (r#"mqtt_messages_sent_total{qos="2"}"#, 0.0),
            ("mqtt_received_bytes_total", number(sent)),
            ("mqtt_sent_bytes_total", number(came)),
        ],
    );
    // A refusal is written as well.
    let mut refused = Raw::open(scene.port, Version::V311);
    refused.send_bytes(&[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 9, 2, 0, 60, 0, 1, b'x']);
    assert!(refused.next().is_some() && refused.next().is_none());
    let expected = [
        ("mqtt_received_bytes_total", number(sent + refused.sent)),
        ("mqtt_sent_bytes_total", number(came + refused.came)),
    ];
    shows(&scene, &expected);
}

#[test]
fn queues_and_retained_messages() {
    let folder = Folder::new();
    let scene = folder.scene();
    let mut publisher = Raw::v5(scene.port, "publisher");
    for (topic, payload) in [("r/1", &b"old"[..]), ("r/1", b"newer"), ("r/2", b"x"), ("r/3", b"y")] {
        publisher.publish(&Publish { retain: true, ..message(topic, payload, QoS::AtLeastOnce) });
    }
    publisher.publish(&Publish { retain: true, ..message("r/3", b"", QoS::AtLeastOnce) });
    let bytes =
        len(&message("r/1", b"newer", QoS::AtLeastOnce)) + len(&message("r/2", b"x", QoS::AtLeastOnce));
    let retained = [("mqtt_retained_messages", 2.0), ("mqtt_retained_bytes", bytes)];
    shows(&scene, &retained);
    let mut subscribers = ["one", "two"].map(|client| Raw::connected(scene.port, lasting(client)).0);
    for subscriber in &mut subscribers {
        subscriber.subscribe("a", QoS::ExactlyOnce);
    }
    let [one, two] = subscribers;
    one.goodbye();
    let m = message("a", b"m", QoS::AtLeastOnce);
    for _ in 0..3 {
        publisher.publish(&m);
    }
    // Three wait for the one, and three are under way to the other.
    scene.until_shown("mqtt_queued_messages", 6.0);
    let queued = [("mqtt_queued_messages", 6.0), ("mqtt_queued_bytes", 3.0 * len(&m))];
    shows(&scene, &queued);
    two.cut();
    scene.until_shown("mqtt_connections", 1.0);
    shows(&scene, &queued);
    scene.shutdown();
    let scene = folder.scene();
    shows(&scene, &[queued[0], queued[1], retained[0], retained[1], ("mqtt_subscriptions", 2.0)]);
    for client in ["one", "two"] {
        let (mut subscriber, _) = Raw::connected(scene.port, lasting(client));
        for _ in 0..3 {
            let got = subscriber.expect_message("a", b"m");
            subscriber.acknowledge(&got);
        }
        subscriber.ping();
    }
    shows(&scene, &[("mqtt_queued_messages", 0.0), ("mqtt_queued_bytes", 0.0)]);
    // Retained messages that are under way count, too.
    let (mut late, _) = Raw::connected(scene.port, lasting("late"));
    late.subscribe("r/+", QoS::AtLeastOnce);
    let first = late.expect_message("r/1", b"newer");
    late.expect_message("r/2", b"x");
    shows(&scene, &[("mqtt_queued_messages", 2.0)]);
    late.acknowledge(&first);
    late.ping();
    shows(&scene, &[("mqtt_queued_messages", 1.0)]);
}

/// Everything but to publish under `secret`.
struct NoSecrets;

impl Authorise for NoSecrets {
    fn may_publish(&self, _: &Who, topic: TopicName<'_>) -> bool {
        topic.as_str() != "secret"
    }

    fn may_subscribe(&self, _: &Who, _: TopicFilter<'_>) -> bool {
        true
    }
}

#[test]
fn messages_that_are_dropped() {
    let limits = Limits { queue_messages: 3, retained_messages: 1, ..Limits::default() };
    let authorise = Arc::new(NoSecrets);
    let scene = Scene::with(Parts { limits, authorise, ..Parts::default() });
    let mut publisher = Raw::v5(scene.port, "publisher");
    assert_eq!(publisher.publish(&message("secret", b"", QoS::AtLeastOnce)), ReasonCode::NOT_AUTHORIZED);
    let retained = |topic| Publish { retain: true, ..message(topic, b"r", QoS::AtLeastOnce) };
    publisher.publish(&retained("r/1"));
    assert_eq!(publisher.publish(&retained("r/2")), ReasonCode::QUOTA_EXCEEDED);
    for filter in ["a", "$share/g/a"] {
        let (mut away, _) = Raw::connected(scene.port, lasting(filter));
        away.subscribe(filter, QoS::AtLeastOnce);
        away.goodbye();
    }
    for _ in 0..5 {
        publisher.publish(&message("a", b"m", QoS::AtLeastOnce));
    }
    let expiry = [Property::MessageExpiryInterval(1)];
    let (mut away, _) = Raw::connected(scene.port, lasting("e"));
    away.subscribe("e", QoS::AtLeastOnce);
    away.goodbye();
    publisher
        .publish(&Publish { properties: Properties::new(&expiry), ..message("e", b"m", QoS::AtLeastOnce) });
    let small = [Property::MaximumPacketSize(std::num::NonZeroU32::new(100).unwrap())];
    let connect = Connect { properties: Properties::new(&small), ..Connect::new(Version::V5, "small") };
    let (mut small, _) = Raw::connected(scene.port, connect);
    small.subscribe("t", QoS::AtLeastOnce);
    publisher.publish(&message("t", &[0; 200], QoS::AtLeastOnce));
    small.ping();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (mut back, _) = Raw::connected(scene.port, lasting("e"));
    back.ping();
    // One under way, and the next connection takes less.
    let (mut back, _) = Raw::connected(scene.port, lasting("u"));
    back.subscribe("u", QoS::AtLeastOnce);
    publisher.publish(&message("u", &[0; 200], QoS::AtLeastOnce));
    back.expect_message("u", &[0; 200]);
    back.cut();
    let small = [
        Property::MaximumPacketSize(std::num::NonZeroU32::new(100).unwrap()),
        Property::SessionExpiryInterval(3600),
    ];
    let connect = Connect { properties: Properties::new(&small), ..lasting("u") };
    Raw::connected(scene.port, connect).0.ping();
    let metrics = scene.metrics();
    let shown = ["not_authorised", "retained_full", "queue_full", "expired", "too_large", "store_full"]
        .map(|reason| metrics.dropped(reason));
    assert_eq!(shown.map(|count| format!("{count}")), ["1", "1", "4", "1", "2", "0"]);
}

#[test]
fn transactions() {
    let folder = Folder::new();
    let (scene, is_full) = folder.filling();
    let commits = |scene: &Scene| {
        let metrics = scene.metrics();
        let [done, changes, timed, failed] = [
            "mqtt_store_commits_total",
            "mqtt_store_changes_total",
            "mqtt_store_commit_seconds_count",
            "mqtt_store_commits_failed_total",
        ]
        .map(|name| metrics.get(name));
        assert!((done - timed).abs() < f64::EPSILON, "{done} transactions, {timed} times");
        (done, changes, failed)
    };
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.subscribe("a", QoS::AtLeastOnce);
    let (before, changes, _) = commits(&scene);
    // Begin, how long it lasts, subscribed.
    assert!(before >= 2.0 && changes >= 3.0, "{before} {changes}");
    client.publish(&Publish { retain: true, ..message("r", b"m", QoS::AtLeastOnce) });
    let (after, more, failed) = commits(&scene);
    assert_eq!((after - before, more - changes, failed), (1.0, 1.0, 0.0));
    is_full.store(true, std::sync::atomic::Ordering::SeqCst);
    client.send(
        Publish { retain: true, ..Publish::new(topic_name!("r"), b"other") }
            .with_delivery(mqtt_wire::Delivery::AtLeastOnce(id(1))),
    );
    let start = std::time::Instant::now();
    while commits(&scene).2 < 2.0 {
        assert!(start.elapsed() < crate::raw::PATIENCE, "nothing fails");
    }
    assert!(scene.get("/health").contains("503"), "{}", scene.get("/health"));
    is_full.store(false, std::sync::atomic::Ordering::SeqCst);
    client
        .expect(Packet::PubAck(Ack { reason_code: ReasonCode::NO_MATCHING_SUBSCRIBERS, ..Ack::new(id(1)) }));
    assert!(scene.get("/health").ends_with("\r\n\r\nok\n"));
    let (last, all, _) = commits(&scene);
    assert_eq!((last - after, all - more), (1.0, 1.0));
}
