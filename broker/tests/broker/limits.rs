//! Limits, and the refusal of the standard for each.

use std::num::NonZeroU16;
use std::time::Duration;

use mqtt_broker::limits::Limits;
use mqtt_wire::{
    Connect, Delivery, Packet, PacketType, Properties, Property, Publish, QoS, ReasonCode, Subscribe,
    Subscription, Version, Will, topic_name,
};

use crate::raw::{Raw, filter, id, lasting, message};
use crate::scene::Scene;

/// The codes of a SUBSCRIBE with these filters.
fn codes(client: &mut Raw, filters: &[String]) -> Vec<ReasonCode> {
    let wanted: Vec<Subscription<'_>> =
        filters.iter().map(|text| Subscription::new(filter(text), QoS::AtMostOnce)).collect();
    client.send(Subscribe::new(id(7), &wanted));
    match client.frame().packet() {
        Packet::SubAck(ack) => ack.reason_codes.iter().collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn subscriptions() {
    let scene = Scene::limited(Limits { subscriptions: 10, packet_size: 8 << 20, ..Limits::default() });
    for version in [Version::V311, Version::V5] {
        let mut client = Raw::new(scene.port, version, "client");
        let filters: Vec<String> = (0..60_000).map(|n| format!("device/{n}/+")).collect();
        let codes_of = codes(&mut client, &filters);
        assert!(codes_of[..10].iter().all(|code| *code == ReasonCode::SUCCESS));
        let refusal =
            if version == Version::V5 { ReasonCode::QUOTA_EXCEEDED } else { ReasonCode::UNSPECIFIED_ERROR };
        assert!(codes_of[10..].iter().all(|code| *code == refusal));
        assert_eq!(scene.broker().engine().filters(), 10);
        // A subscription that is there already takes no room, and one that is given up gives it back.
        assert_eq!(codes(&mut client, &filters[..1]), [ReasonCode::SUCCESS]);
        client.unsubscribe("device/3/+");
        assert_eq!(codes(&mut client, &filters[20..22]), [ReasonCode::SUCCESS, refusal]);
        client.goodbye();
        scene.until(|engine| engine.filters() == 0);
    }
}

#[test]
fn levels() {
    let scene = Scene::limited(Limits { topic_levels: 4, packet_size: 1 << 20, ..Limits::default() });
    let mut client = Raw::v5(scene.port, "client");
    let deep = "/".repeat(65_534);
    let filters = ["a/b/c/d".to_owned(), "a/b/c/d/e".to_owned(), deep.clone()];
    let expected = [ReasonCode::SUCCESS, ReasonCode::TOPIC_FILTER_INVALID, ReasonCode::TOPIC_FILTER_INVALID];
    assert_eq!(codes(&mut client, &filters), expected);
    assert_eq!(client.publish(&message(&deep, b"", QoS::AtLeastOnce)), ReasonCode::TOPIC_NAME_INVALID);
    // Without the limit, it is an ordinary name.
    let scene = Scene::limited(Limits { topic_levels: 70_000, ..Limits::default() });
    let mut client = Raw::v5(scene.port, "client");
    assert_eq!(codes(&mut client, &[deep.clone(), format!("{}#", &deep[1..])]), [ReasonCode::SUCCESS; 2]);
    client.send(message(&deep, b"m", QoS::AtMostOnce));
    client.expect_message(&deep, b"m");
    client.ping();
}

#[test]
fn packet_size() {
    let scene = Scene::limited(Limits { packet_size: 1000, ..Limits::default() });
    for version in [Version::V311, Version::V5] {
        let mut client = Raw::new(scene.port, version, "client");
        client.publish(&message("a", &[0; 900], QoS::AtLeastOnce));
        let mut bytes = Vec::new();
        Packet::from(message("a", &[0; 1000], QoS::AtLeastOnce)).encode(version, &mut bytes).unwrap();
        // It is refused before it is read: its length is enough.
        client.send_bytes(&bytes[..3]);
        client.expect_end(ReasonCode::PACKET_TOO_LARGE);
    }
}

#[test]
fn receive_maximum() {
    let scene = Scene::limited(Limits { receive_maximum: 3, ..Limits::default() });
    let mut client = Raw::v5(scene.port, "client");
    for n in 1..=4 {
        let delivery = Delivery::ExactlyOnce(id(n));
        client.send(Publish::new(topic_name!("a"), b"").with_delivery(delivery));
    }
    for n in 1..=3 {
        client.expect_ack(PacketType::PubRec, id(n));
    }
    client.expect_end(ReasonCode::RECEIVE_MAXIMUM_EXCEEDED);
    // A client of 3.1.1 knows no such limit.
    let mut client = Raw::new(scene.port, Version::V311, "client");
    for n in 1..=500 {
        client.send(Publish::new(topic_name!("a"), b"").with_delivery(Delivery::ExactlyOnce(id(n))));
    }
    for n in 1..=500 {
        client.expect_ack(PacketType::PubRec, id(n));
    }
}

#[test]
fn sessions() {
    let scene = Scene::limited(Limits { sessions: 1, ..Limits::default() });
    let (first, _) = Raw::connected(scene.port, lasting("first"));
    let (second, _) = Raw::connected(scene.port, lasting("second"));
    first.goodbye();
    scene.until(|engine| engine.clients() == (1, 1));
    // There is one, so this one does not outlast its connection.
    second.goodbye();
    scene.until(|engine| engine.clients() == (0, 1));
    let (second, present) = Raw::connected(scene.port, lasting("second"));
    assert!(!present);
    let (_first, present) = Raw::connected(scene.port, lasting("first"));
    assert!(present);
    // The first has a connection again, so there is room.
    second.goodbye();
    scene.until(|engine| engine.clients() == (1, 1));
    let (mut second, present) = Raw::connected(scene.port, lasting("second"));
    assert!(present);
    // To be taken over takes no room.
    second.subscribe("a", QoS::AtMostOnce);
    let (third, _) = Raw::connected(scene.port, lasting("third"));
    third.goodbye();
    scene.until(|engine| engine.clients() == (2, 1));
    let (_second_again, present) = Raw::connected(scene.port, lasting("second"));
    assert!(present);
}

#[test]
fn topic_aliases() {
    let scene = Scene::limited(Limits { topic_aliases: 2, ..Limits::default() });
    for (number, code) in [(3, ReasonCode::TOPIC_ALIAS_INVALID), (1, ReasonCode::PROTOCOL_ERROR)] {
        let mut client = Raw::v5(scene.port, "client");
        let alias = [Property::TopicAlias(NonZeroU16::new(number).unwrap())];
        let topic = (number > 2).then_some(topic_name!("a"));
        client.send(Publish {
            topic,
            properties: Properties::new(&alias),
            ..Publish::new(topic_name!("a"), b"")
        });
        client.expect_end(code);
    }
}

#[test]
fn queues() {
    let scene = Scene::limited(Limits { queue_messages: 5, queue_bytes: 1000, ..Limits::default() });
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.subscribe("a", QoS::AtLeastOnce);
    client.goodbye();
    let mut publisher = Raw::v5(scene.port, "publisher");
    for n in 0..10_u8 {
        publisher.publish(&message("a", &[n], QoS::AtLeastOnce));
    }
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    for n in 0..5 {
        let got = client.expect_message("a", &[n]);
        client.acknowledge(&got);
    }
    client.ping();
    client.goodbye();
    publisher.publish(&message("a", &[0; 700], QoS::AtLeastOnce));
    publisher.publish(&message("a", &[0; 700], QoS::AtLeastOnce));
    publisher.publish(&message("a", b"small", QoS::AtLeastOnce));
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.expect_message("a", &[0; 700]);
    client.expect_message("a", b"small");
    client.ping();
}

#[test]
fn retained_messages() {
    let scene = Scene::limited(Limits { retained_messages: 2, retained_bytes: 1000, ..Limits::default() });
    let mut client = Raw::v5(scene.port, "client");
    let mut retain = |topic: &str, payload: &[u8]| {
        client.publish(&Publish { retain: true, ..message(topic, payload, QoS::AtLeastOnce) })
    };
    let ok = ReasonCode::NO_MATCHING_SUBSCRIBERS;
    assert_eq!(retain("a", b"1"), ok);
    assert_eq!(retain("b", b"2"), ok);
    assert_eq!(retain("c", b"3"), ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(retain("b", b"4"), ok);
    assert_eq!(retain("b", &[0; 1000]), ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(retain("b", b""), ok);
    assert_eq!(retain("c", b"3"), ok);
    // A client of 3.1.1 cannot be told: it is cut off, and has no acknowledgement.
    let mut old = Raw::new(scene.port, Version::V311, "old");
    old.send(Publish { retain: true, ..message("d", b"", QoS::AtLeastOnce) });
    old.expect_ack(PacketType::PubAck, id(1));
    old.send(Publish { retain: true, ..message("d", b"x", QoS::AtLeastOnce) });
    old.expect_end(ReasonCode::QUOTA_EXCEEDED);
}

#[test]
fn a_message_that_cannot_be_refused_is_published_and_not_retained() {
    let scene = Scene::limited(Limits { retained_bytes: 50, ..Limits::default() });
    let mut witness = Raw::v5(scene.port, "witness");
    witness.subscribe("+", QoS::AtMostOnce);
    let mut client = Raw::v5(scene.port, "client");
    let large = vec![0; 100];
    for topic in ["a", "b"] {
        let small = Publish { retain: true, ..message(topic, b"small", QoS::AtMostOnce) };
        client.publish(&small);
        witness.expect_message(topic, b"small");
    }
    client.publish(&Publish { retain: true, ..message("a", &large, QoS::AtMostOnce) });
    witness.expect_message("a", &large);
    let will = Will { retain: true, ..Will::new(topic_name!("gone"), &large) };
    let connect = Connect { will: Some((&will).into()), ..Connect::new(Version::V5, "will") };
    Raw::connected(scene.port, connect).0.cut();
    witness.expect_message("gone", &large);
    // The one before is not the last one any more.
    let mut late = Raw::v5(scene.port, "late");
    late.subscribe("+", QoS::AtMostOnce);
    late.expect_message("b", b"small");
    late.ping();
}

#[test]
fn connections() {
    let scene = Scene::limited(Limits { connections: 2, ..Limits::default() });
    let first = Raw::v5(scene.port, "first");
    let _second = Raw::v5(scene.port, "second");
    let mut third = Raw::open(scene.port, Version::V5);
    assert!(third.next().is_none());
    first.goodbye();
    // As soon as the broker has noticed, there is room again.
    loop {
        let mut next = Raw::open(scene.port, Version::V5);
        next.send(mqtt_wire::Connect::new(Version::V5, "next"));
        if next.next().is_some() {
            break;
        }
    }
}

#[test]
fn a_client_that_reads_nothing_is_cut_off_and_disturbs_nobody() {
    let scene = Scene::limited(Limits { write_timeout: 1, queue_messages: 100, ..Limits::default() });
    let mut deaf = Raw::v5(scene.port, "deaf");
    deaf.subscribe("a", QoS::AtMostOnce);
    let mut reader = Raw::v5(scene.port, "reader");
    reader.subscribe("a", QoS::AtMostOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    let payload = vec![7; 100_000];
    while scene.broker().engine().clients().0 == 3 {
        publisher.publish(&message("a", &payload, QoS::AtMostOnce));
        reader.expect_message("a", &payload);
    }
}

#[test]
fn a_client_may_be_given_any_time_to_read() {
    let scene = Scene::limited(Limits { write_timeout: u64::MAX, ..Limits::default() });
    let mut deaf = Raw::v5(scene.port, "deaf");
    deaf.subscribe("a", QoS::AtMostOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    // More than the system takes for a client that does not read, and less than its queue.
    let payload = vec![7; 100_000];
    for _ in 0..120 {
        publisher.publish(&message("a", &payload, QoS::AtMostOnce));
    }
    publisher.ping();
    for _ in 0..120 {
        deaf.expect_message("a", &payload);
    }
}

#[test]
fn a_client_that_takes_its_messages_slowly_is_not_silent() {
    let scene = Scene::new();
    let connect = Connect { keep_alive: 1, ..Connect::new(Version::V5, "slow") };
    let (mut slow, _) = Raw::connected(scene.port, connect);
    slow.subscribe("t", QoS::AtMostOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    let large = vec![0; 1_000_000];
    for _ in 0..15 {
        publisher.publish(&message("t", &large, QoS::AtMostOnce));
    }
    for _ in 0..8 {
        slow.send(Packet::PingReq);
        std::thread::sleep(Duration::from_millis(300));
    }
    for _ in 0..15 {
        while matches!(slow.frame().packet(), Packet::PingResp) {}
    }
}

#[test]
fn a_client_whose_long_packet_is_not_read_yet_is_not_silent() {
    let scene = Scene::new();
    let connect = Connect { keep_alive: 1, ..Connect::new(Version::V5, "slow") };
    let (mut slow, _) = Raw::connected(scene.port, connect);
    slow.subscribe("t", QoS::AtMostOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    let large = vec![0; 1_000_000];
    for _ in 0..15 {
        publisher.publish(&message("t", &large, QoS::AtMostOnce));
    }
    slow.send(message("u", &large[..200_000], QoS::AtLeastOnce));
    std::thread::sleep(Duration::from_secs(2));
    let mut kinds: Vec<PacketType> = (0..16).map(|_| slow.frame().packet_type()).collect();
    kinds.sort_by_key(|kind| *kind != PacketType::PubAck);
    assert_eq!(kinds[..2], [PacketType::PubAck, PacketType::Publish]);
    // Silence is silence all the same.
    slow.expect_end(ReasonCode::KEEP_ALIVE_TIMEOUT);
}
