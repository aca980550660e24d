//! A store without room: what is new is refused, and nothing is lost that was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mqtt_broker::server::Parts;
use mqtt_broker::store::{Change, Kept, Memory, Store, StoreError};
use mqtt_wire::{
    Connect, Delivery, Packet, PacketType, Publish, QoS, ReasonCode, SubAck, Subscribe, Subscription,
    Version, Will, topic_name,
};

use crate::raw::{Raw, filter, id, lasting, message};
use crate::scene::{Folder, Scene};

/// Waits until the store has refused something.
fn until_full(scene: &Scene) {
    scene.until(|engine| engine.is_store_full());
}

#[test]
fn a_full_store_refuses_and_loses_nothing() {
    let folder = Folder::new();
    let (scene, is_full) = folder.filling();
    let (mut subscriber, _) = Raw::connected(scene.port, lasting("subscriber"));
    subscriber.subscribe("a", QoS::ExactlyOnce);
    subscriber.goodbye();
    let mut publisher = Raw::v5(scene.port, "publisher");
    assert_eq!(publisher.publish(&message("a", b"before", QoS::AtLeastOnce)), ReasonCode::SUCCESS);

    is_full.store(true, Ordering::SeqCst);
    // The first one finds out: it is not acknowledged while it is not stored.
    let mut first = Raw::v5(scene.port, "first");
    first.send(message("a", b"first", QoS::AtLeastOnce));
    until_full(&scene);
    let retained = Publish { retain: true, ..message("r", b"r", QoS::AtMostOnce) };
    let code = publisher.publish(&Publish { delivery: Delivery::AtLeastOnce(id(1)), ..retained });
    assert_eq!(code, ReasonCode::QUOTA_EXCEEDED);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        assert_eq!(publisher.publish(&message("a", b"no", qos)), ReasonCode::QUOTA_EXCEEDED);
        // 3.1.1 has no such word: the connection ends without an acknowledgement.
        let mut old = Raw::new(scene.port, Version::V311, "old");
        old.send(message("a", b"no", qos));
        old.expect_end(ReasonCode::QUOTA_EXCEEDED);
    }
    // No session that is to be kept, and no subscription of one that is.
    let code = Raw::open(scene.port, Version::V5).refused(lasting("another"));
    assert_eq!(code, ReasonCode::QUOTA_EXCEEDED);
    let old = Connect { clean_start: false, ..Connect::new(Version::V311, "another") };
    assert!(Raw::open(scene.port, Version::V311).refused(old).is_error());
    // A will is to be kept as well.
    let will = Will::new(topic_name!("gone"), b"will");
    let code = Raw::open(scene.port, Version::V5)
        .refused(Connect { will: Some((&will).into()), ..Connect::new(Version::V5, "another") });
    assert_eq!(code, ReasonCode::QUOTA_EXCEEDED);
    // What needs no room goes on.
    publisher.subscribe("b", QoS::AtLeastOnce);
    publisher.send(message("b", b"m", QoS::AtMostOnce));
    publisher.expect_message("b", b"m");
    assert!((scene.metrics().dropped("store_full") - 5.0).abs() < f64::EPSILON);

    is_full.store(false, Ordering::SeqCst);
    assert_eq!(first.expect_ack(PacketType::PubAck, id(1)), ReasonCode::SUCCESS);
    assert_eq!(publisher.publish(&message("a", b"after", QoS::ExactlyOnce)), ReasonCode::SUCCESS);
    scene.shutdown();
    let scene = folder.scene();
    let (mut subscriber, present) = Raw::connected(scene.port, lasting("subscriber"));
    assert!(present);
    for payload in ["before", "first", "after"] {
        let got = subscriber.expect_message("a", payload.as_bytes());
        subscriber.acknowledge(&got);
    }
    subscriber.subscribe("#", QoS::AtMostOnce);
    subscriber.ping();
}

#[test]
fn a_lasting_session_does_not_subscribe_while_the_store_is_full() {
    let folder = Folder::new();
    let (scene, is_full) = folder.filling();
    let (mut lasting, _) = Raw::connected(scene.port, lasting("client"));
    let mut other = Raw::v5(scene.port, "other");
    is_full.store(true, Ordering::SeqCst);
    other.send(Publish { retain: true, ..message("r", b"r", QoS::AtLeastOnce) });
    until_full(&scene);
    let wanted = [Subscription::new(filter("a"), QoS::AtMostOnce)];
    lasting.send(Subscribe::new(id(1), &wanted));
    lasting.expect(SubAck::new(id(1), &[ReasonCode::QUOTA_EXCEEDED]));
    lasting.ping();
    is_full.store(false, Ordering::SeqCst);
    other.expect_ack(PacketType::PubAck, id(1));
    lasting.subscribe("a", QoS::AtMostOnce);
}

#[test]
fn a_client_whose_packets_come_in_time_is_not_silent_while_the_store_keeps_it_waiting() {
    let folder = Folder::new();
    let (scene, is_full) = folder.filling();
    let connect = Connect { keep_alive: 1, ..Connect::new(Version::V5, "client") };
    let (mut client, _) = Raw::connected(scene.port, connect);
    is_full.store(true, Ordering::SeqCst);
    client.send(Publish { retain: true, ..message("r", b"r", QoS::AtLeastOnce) });
    for _ in 0..5 {
        std::thread::sleep(std::time::Duration::from_millis(500));
        client.send(Packet::PingReq);
    }
    is_full.store(false, Ordering::SeqCst);
    client.expect_ack(PacketType::PubAck, id(1));
    for _ in 0..5 {
        client.expect(Packet::PingResp);
    }
}

#[test]
fn a_client_that_waits_for_the_store_is_told_when_its_session_is_taken_over() {
    for version in Version::ALL {
        let folder = Folder::new();
        let (scene, is_full) = folder.filling();
        let mut first = Raw::new(scene.port, version, "client");
        is_full.store(true, Ordering::SeqCst);
        first.send(Publish { retain: true, ..message("r", b"r", QoS::AtLeastOnce) });
        until_full(&scene);
        let mut second = Raw::open(scene.port, version);
        second.send(Connect::new(version, "client"));
        first.expect_end(ReasonCode::SESSION_TAKEN_OVER);
        is_full.store(false, Ordering::SeqCst);
        assert!(matches!(second.frame().packet(), Packet::ConnAck(_)));
        scene.until(|engine| !engine.is_store_full());
    }
}

#[test]
fn a_shutdown_with_a_full_store_ends() {
    let folder = Folder::new();
    let (scene, is_full) = folder.filling();
    let mut client = Raw::v5(scene.port, "client");
    is_full.store(true, Ordering::SeqCst);
    client.send(Publish { retain: true, ..message("r", b"r", QoS::AtLeastOnce) });
    until_full(&scene);
    scene.shutdown();
    // It was not stored, so it was not acknowledged.
    while let Some(frame) = client.next() {
        assert!(matches!(frame.packet(), Packet::Disconnect(_)), "{:?}", frame.packet());
    }
}

/// A store that takes its time.
struct Slow(Arc<AtomicBool>);

impl Store for Slow {
    fn load(&mut self) -> Result<Kept, StoreError> {
        Memory.load()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        while self.0.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
        Memory.commit(changes)
    }
}

#[test]
fn no_more_is_read_than_a_slow_store_takes() {
    let waits = Arc::<AtomicBool>::default();
    let store = Box::new(Slow(waits.clone()));
    let scene = Scene::with(Parts { store: Some(store), ..Parts::default() });
    let mut client = Raw::v5(scene.port, "client");
    waits.store(true, Ordering::SeqCst);
    // Nobody waits for a message of QoS 0, and all of these are to be stored.
    let flood = std::thread::spawn(move || {
        let payload = vec![b'x'; 100_000];
        for _ in 0..200 {
            client.send(Publish { retain: true, ..message("r", &payload, QoS::AtMostOnce) });
        }
        client
    });
    let read = || scene.metrics().get("mqtt_received_bytes_total");
    let mut before = -1.0;
    while read() > before {
        before = read();
        std::thread::sleep(Duration::from_millis(500));
    }
    waits.store(false, Ordering::SeqCst);
    flood.join().unwrap().ping();
    assert!(before < 3e6, "{before} bytes");
}
