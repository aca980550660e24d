//! What outlives the process.

use mqtt_broker::limits::Limits;
use mqtt_broker::server::Parts;
use mqtt_broker::store::FILE;
use mqtt_wire::{
    Ack, Connect, Packet, PacketType, Properties, Property, Publish, QoS, ReasonCode, Subscription,
    SubscriptionId, Version, Will, topic_name,
};

use crate::raw::{Raw, filter, id, lasting, message};
use crate::scene::Folder;

#[test]
fn a_session_with_its_subscriptions_and_its_queue() {
    let folder = Folder::new();
    let scene = folder.scene();
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    let identifier = [Property::SubscriptionIdentifier(SubscriptionId::new(77).unwrap())];
    client.subscribe_to(Subscription::new(filter("a/#"), QoS::ExactlyOnce), Properties::new(&identifier));
    client.subscribe("b", QoS::AtLeastOnce);
    client.subscribe("c", QoS::AtLeastOnce);
    client.unsubscribe("c");
    client.goodbye();
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&message("a/1", b"one", QoS::AtLeastOnce));
    publisher.publish(&message("a/2", b"two", QoS::ExactlyOnce));
    publisher.publish(&message("c", b"no", QoS::AtLeastOnce));
    scene.shutdown();
    let scene = folder.scene();
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&message("b", b"three", QoS::AtLeastOnce));
    publisher.publish(&message("c", b"no", QoS::AtLeastOnce));
    let (mut client, present) = Raw::connected(scene.port, lasting("client"));
    assert!(present);
    let messages = [("a/1", "one"), ("a/2", "two"), ("b", "three")].map(|(topic, payload)| {
        let got = client.expect_message(topic, payload.as_bytes());
        let number = got.publish().properties.subscription_identifiers().next().map(SubscriptionId::get);
        assert_eq!(number, topic.starts_with('a').then_some(77));
        got
    });
    for got in &messages {
        client.acknowledge(got);
    }
    client.ping();
    client.goodbye();
    scene.shutdown();
    let scene = folder.scene();
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.ping();
}

#[test]
fn what_is_under_way_goes_on() {
    let folder = Folder::new();
    let scene = folder.scene();
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.subscribe("a", QoS::ExactlyOnce);
    let (mut publisher, _) = Raw::connected(scene.port, lasting("publisher"));
    for n in 1..=3_u8 {
        publisher.publish(&message("a", &[n], if n == 1 { QoS::AtLeastOnce } else { QoS::ExactlyOnce }));
    }
    // The fourth was received and not released.
    publisher.send(Publish {
        delivery: mqtt_wire::Delivery::ExactlyOnce(id(44)),
        ..message("a", &[4], QoS::ExactlyOnce)
    });
    publisher.expect_ack(PacketType::PubRec, id(44));
    let first = client.expect_message("a", &[1]).publish().delivery;
    let second = client.expect_message("a", &[2]).publish().delivery;
    client.expect_message("a", &[3]);
    client.expect_message("a", &[4]);
    client.send(Packet::PubRec(Ack::new(second.packet_id().unwrap())));
    client.expect_ack(PacketType::PubRel, second.packet_id().unwrap());
    scene.shutdown();
    let scene = folder.scene();
    let (mut publisher, present) = Raw::connected(scene.port, lasting("publisher"));
    assert!(present);
    let again = Publish { dup: true, ..message("a", &[4], QoS::ExactlyOnce) };
    publisher.send(Publish { delivery: mqtt_wire::Delivery::ExactlyOnce(id(44)), ..again });
    publisher.expect_ack(PacketType::PubRec, id(44));
    publisher.send(Packet::PubRel(Ack::new(id(44))));
    publisher.expect_ack(PacketType::PubComp, id(44));
    let (mut client, present) = Raw::connected(scene.port, lasting("client"));
    assert!(present);
    client.expect_ack(PacketType::PubRel, second.packet_id().unwrap());
    let got = client.expect_message("a", &[1]);
    assert!(got.publish().dup);
    assert_eq!(got.publish().delivery, first);
    for n in 3..=4 {
        assert!(client.expect_message("a", &[n]).publish().dup);
    }
    client.ping();
}

#[test]
fn retained_messages() {
    let folder = Folder::new();
    let scene = folder.scene();
    let mut client = Raw::v5(scene.port, "client");
    for (topic, payload) in [("a", "old"), ("a", "new"), ("b", "two"), ("c", "x"), ("c", "")] {
        client.publish(&Publish { retain: true, ..message(topic, payload.as_bytes(), QoS::AtLeastOnce) });
    }
    scene.shutdown();
    let scene = folder.scene();
    let mut client = Raw::v5(scene.port, "client");
    client.subscribe("+", QoS::AtMostOnce);
    client.expect_message("a", b"new");
    client.expect_message("b", b"two");
    client.ping();
}

#[test]
fn a_retained_message_of_a_client_under_a_dollar() {
    let folder = Folder::new();
    let scene = folder.scene();
    let mut client = Raw::v5(scene.port, "client");
    let retained = Publish { retain: true, ..message("$devices/a", b"m", QoS::AtLeastOnce) };
    assert_eq!(client.publish(&retained), ReasonCode::NO_MATCHING_SUBSCRIBERS);
    scene.shutdown();
    let scene = folder.scene();
    let mut client = Raw::v5(scene.port, "client");
    client.subscribe("$devices/#", QoS::AtMostOnce);
    client.expect_message("$devices/a", b"m");
    client.ping();
}

#[test]
fn sessions_that_are_over_are_over() {
    let folder = Folder::new();
    let scene = folder.scene();
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.subscribe("a", QoS::AtLeastOnce);
    let (clean, _) = Raw::connected(scene.port, Connect { clean_start: true, ..lasting("client") });
    clean.cut();
    let mut short = Raw::v5(scene.port, "short");
    short.subscribe("a", QoS::AtLeastOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&message("a", b"m", QoS::AtLeastOnce));
    scene.shutdown();
    let scene = folder.scene();
    assert_eq!(scene.broker().engine().clients(), (0, 1));
    assert_eq!(scene.broker().engine().filters(), 0);
    let (mut client, present) = Raw::connected(scene.port, lasting("client"));
    assert!(present);
    client.ping();
}

#[test]
fn a_session_that_was_connected_when_the_process_ended_lasts_no_longer_than_any() {
    let limits = Limits { session_expiry: 1, ..Limits::default() };
    let parts = || Parts { limits: limits.clone(), ..Parts::default() };
    for version in Version::ALL {
        let (folder, after) = (Folder::new(), Folder::new());
        let scene = folder.scene_with(parts());
        let connect = Connect { clean_start: false, ..Connect::new(version, "client") };
        let connect = if version == Version::V5 { lasting("client") } else { connect };
        let _client = Raw::connected(scene.port, connect);
        // What a crash would leave.
        std::fs::copy(folder.path().join(FILE), after.path().join(FILE)).unwrap();
        after.scene_with(parts()).until(|engine| engine.clients() == (0, 0));
    }
}

#[test]
fn a_will_that_was_not_due() {
    let folder = Folder::new();
    let scene = folder.scene();
    let delay = [Property::WillDelayInterval(1)];
    let will = Will {
        qos: QoS::AtLeastOnce,
        properties: Properties::new(&delay),
        ..Will::new(topic_name!("gone"), b"w")
    };
    let connect = Connect { will: Some((&will).into()), ..lasting("client") };
    Raw::connected(scene.port, connect).0.cut();
    let (mut witness, _) = Raw::connected(scene.port, lasting("witness"));
    witness.subscribe("gone", QoS::AtLeastOnce);
    scene.shutdown();
    let scene = folder.scene();
    let (mut witness, _) = Raw::connected(scene.port, lasting("witness"));
    let got = witness.expect_message("gone", b"w");
    witness.acknowledge(&got);
    witness.ping();
}

#[test]
fn one_transaction_serves_many() {
    let folder = Folder::new();
    let scene = folder.scene();
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.subscribe("a", QoS::AtLeastOnce);
    client.goodbye();
    let mut publisher = Raw::new(scene.port, Version::V311, "publisher");
    let before = scene.broker().metrics().commits.get();
    let mut bytes = Vec::new();
    for n in 1..=60 {
        let publish = Publish {
            delivery: mqtt_wire::Delivery::AtLeastOnce(id(n)),
            ..message("a", b"m", QoS::AtLeastOnce)
        };
        Packet::from(publish).encode(Version::V311, &mut bytes).unwrap();
    }
    publisher.send_bytes(&bytes);
    for n in 1..=60 {
        assert_eq!(publisher.expect_ack(PacketType::PubAck, id(n)), ReasonCode::SUCCESS);
    }
    let commits = scene.broker().metrics().commits.get() - before;
    assert!(commits <= 3, "{commits} transactions for 60 messages");
}

/// The numbers of these retained messages come, in order and each once.
fn expect_retained(client: &mut Raw, numbers: std::ops::Range<u8>) {
    for number in numbers {
        let got = client.expect_message(&format!("r/{number}"), &[number]);
        assert!(got.publish().retain);
        client.acknowledge(&got);
    }
}

/// A lasting client that takes two messages at a time.
fn two_at_a_time(port: u16) -> (Raw, bool) {
    let properties = [
        Property::SessionExpiryInterval(3600),
        Property::ReceiveMaximum(std::num::NonZeroU16::new(2).unwrap()),
    ];
    Raw::connected(port, Connect { properties: Properties::new(&properties), ..lasting("client") })
}

#[test]
fn retained_messages_that_are_still_to_be_sent() {
    let folder = Folder::new();
    let scene = folder.scene();
    let mut publisher = Raw::v5(scene.port, "publisher");
    for number in 0..10 {
        let topic = format!("r/{number}");
        publisher.publish(&Publish { retain: true, ..message(&topic, &[number], QoS::ExactlyOnce) });
    }
    let (mut client, _) = two_at_a_time(scene.port);
    let wanted = ["r/+", "r/7"].map(|text| Subscription::new(filter(text), QoS::AtLeastOnce));
    client.send(mqtt_wire::Subscribe::new(id(1), &wanted));
    client.expect(mqtt_wire::SubAck::new(id(1), &[ReasonCode::granted(QoS::AtLeastOnce); 2]));
    expect_retained(&mut client, 0..1);
    // Two are under way, and the connection is cut: they come again, and then the others.
    client.expect_message("r/1", &[1]);
    client.expect_message("r/2", &[2]);
    client.cut();
    let (mut client, present) = two_at_a_time(scene.port);
    assert!(present);
    expect_retained(&mut client, 1..4);
    client.expect_message("r/4", &[4]);
    client.expect_message("r/5", &[5]);
    scene.shutdown();
    // The same when the process has ended. One was removed meanwhile, one is another one.
    let scene = folder.scene();
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&Publish { retain: true, ..message("r/8", b"", QoS::AtLeastOnce) });
    let (mut client, present) = two_at_a_time(scene.port);
    assert!(present);
    expect_retained(&mut client, 4..7);
    // What was published as a message is one, behind what is retained or before it.
    let mut topics = Vec::new();
    for _ in 0..4 {
        let frame = client.frame();
        let Packet::Publish(publish) = frame.packet() else { panic!("{:?}", frame.packet()) };
        let topic = publish.topic.unwrap().as_str().to_owned();
        topics.push((topic, publish.retain));
        client.send(Packet::PubAck(Ack::new(publish.delivery.packet_id().unwrap())));
    }
    topics.sort();
    let expected = [("r/7", true), ("r/7", true), ("r/8", false), ("r/9", true)];
    assert_eq!(topics, expected.map(|(topic, retain)| (topic.to_owned(), retain)));
    client.ping();
    client.goodbye();
    scene.shutdown();
    // And then there is nothing more to be sent.
    let scene = folder.scene();
    let (mut client, _) = two_at_a_time(scene.port);
    client.ping();
}

#[test]
fn retained_messages_for_a_subscription_that_has_ended() {
    let folder = Folder::new();
    let scene = folder.scene();
    let mut publisher = Raw::v5(scene.port, "publisher");
    for number in 0..6 {
        let topic = format!("r/{number}");
        publisher.publish(&Publish { retain: true, ..message(&topic, &[number], QoS::AtLeastOnce) });
    }
    let (mut client, _) = two_at_a_time(scene.port);
    client.subscribe("r/+", QoS::AtLeastOnce);
    let under_way = [client.expect_message("r/0", &[0]), client.expect_message("r/1", &[1])];
    client.unsubscribe("r/+");
    for got in &under_way {
        client.acknowledge(got);
    }
    client.ping();
    client.goodbye();
    scene.shutdown();
    let scene = folder.scene();
    let (mut client, present) = two_at_a_time(scene.port);
    assert!(present);
    client.ping();
}

#[test]
fn names_and_filters_of_the_greatest_length() {
    let folder = Folder::new();
    let limits = mqtt_broker::limits::Limits { topic_levels: 70_000, ..Default::default() };
    let parts = || mqtt_broker::server::Parts { limits: limits.clone(), ..Default::default() };
    let scene = folder.scene_with(parts());
    let deep = "/".repeat(65_534);
    let wild = format!("{}#", &deep[1..]);
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.subscribe(&wild, QoS::AtLeastOnce);
    client.goodbye();
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&Publish { retain: true, ..message(&deep, b"m", QoS::AtLeastOnce) });
    scene.shutdown();
    let scene = folder.scene_with(parts());
    let (mut client, present) = Raw::connected(scene.port, lasting("client"));
    assert!(present);
    let got = client.expect_message(&deep, b"m");
    client.acknowledge(&got);
    assert_eq!(client.unsubscribe(&wild), ReasonCode::SUCCESS);
    client.subscribe("#", QoS::AtMostOnce);
    assert!(client.expect_message(&deep, b"m").publish().retain);
}

#[test]
fn more_is_under_way_than_a_new_limit_allows() {
    let folder = Folder::new();
    let scene = folder.scene();
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.subscribe("a", QoS::ExactlyOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    let under_way = (1..=5_u8).map(|n| {
        publisher.publish(&message("a", &[n], if n % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce }));
        client.expect_message("a", &[n])
    });
    let under_way: Vec<_> = under_way.collect();
    scene.shutdown();
    let limits = Limits { in_flight: 2, ..Limits::default() };
    let scene = folder.scene_with(Parts { limits, ..Parts::default() });
    let (mut client, present) = Raw::connected(scene.port, lasting("client"));
    assert!(present);
    for (n, before) in (1..=5_u8).zip(&under_way) {
        let again = client.expect_message("a", &[n]);
        assert!(again.publish().dup);
        assert_eq!(again.publish().delivery, before.publish().delivery);
    }
    for message in &under_way {
        client.acknowledge(message);
    }
    client.ping();
}
