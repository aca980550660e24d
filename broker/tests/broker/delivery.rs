//! Messages from one client to another (sections 4.3, 4.6, 4.9).

use std::num::{NonZeroU16, NonZeroU32};

use mqtt_broker::limits::Limits;
use mqtt_wire::{
    Ack, Connect, Delivery, Packet, PacketType, Properties, Property, Publish, QoS, ReasonCode, Version,
    topic_name,
};

use crate::raw::{Raw, id, lasting, message};
use crate::scene::Scene;

const ALL_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
fn every_qos_between_every_two_versions() {
    let scene = Scene::new();
    for from in Version::ALL {
        for to in Version::ALL {
            let mut publisher = Raw::new(scene.port, from, "publisher");
            let mut subscriber = Raw::new(scene.port, to, "subscriber");
            for granted in ALL_QOS {
                subscriber.subscribe("a/+", granted);
                for qos in ALL_QOS {
                    publisher.publish(&message("a/b", b"hello", qos));
                    let got = subscriber.expect_message("a/b", b"hello");
                    assert_eq!(got.publish().delivery.qos(), qos.min(granted), "{from} {to}");
                    assert!(!got.publish().retain && !got.publish().dup);
                    subscriber.acknowledge(&got);
                    subscriber.ping();
                }
            }
        }
    }
}

#[test]
fn a_message_of_qos_2_that_is_sent_again_is_delivered_once() {
    let scene = Scene::new();
    let mut subscriber = Raw::v5(scene.port, "subscriber");
    subscriber.subscribe("#", QoS::ExactlyOnce);
    let (mut publisher, _) = Raw::connected(scene.port, lasting("publisher"));
    publisher.send(message("a", b"once", QoS::ExactlyOnce));
    publisher.expect_ack(PacketType::PubRec, id(1));
    publisher.send(Publish { dup: true, ..message("a", b"once", QoS::ExactlyOnce) });
    publisher.expect_ack(PacketType::PubRec, id(1));
    publisher.cut();
    let (mut publisher, present) = Raw::connected(scene.port, lasting("publisher"));
    assert!(present);
    publisher.send(Publish { dup: true, ..message("a", b"once", QoS::ExactlyOnce) });
    publisher.expect_ack(PacketType::PubRec, id(1));
    publisher.send(Packet::PubRel(Ack::new(id(1))));
    publisher.expect_ack(PacketType::PubComp, id(1));
    let got = subscriber.expect_message("a", b"once");
    subscriber.acknowledge(&got);
    subscriber.ping();
}

#[test]
fn messages_keep_their_order_and_acknowledgements_too() {
    let scene = Scene::new();
    let mut subscriber = Raw::v5(scene.port, "subscriber");
    subscriber.subscribe("a", QoS::AtLeastOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    for n in 1..=50_u16 {
        let delivery = Delivery::AtLeastOnce(id(n));
        publisher.send(Publish::new(topic_name!("a"), &n.to_be_bytes()).with_delivery(delivery));
    }
    for n in 1..=50 {
        publisher.expect_ack(PacketType::PubAck, id(n));
    }
    for n in 1..=50_u16 {
        let got = subscriber.expect_message("a", &n.to_be_bytes());
        subscriber.acknowledge(&got);
    }
    subscriber.ping();
}

#[test]
fn the_receive_maximum_of_a_client_is_kept() {
    let scene = Scene::new();
    let two = [Property::ReceiveMaximum(NonZeroU16::new(2).unwrap())];
    let connect = Connect { properties: Properties::new(&two), ..Connect::new(Version::V5, "subscriber") };
    let (mut subscriber, _) = Raw::connected(scene.port, connect);
    subscriber.subscribe("a", QoS::ExactlyOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    for n in 0..5_u8 {
        publisher.publish(&message("a", &[n], QoS::AtLeastOnce));
    }
    let first = subscriber.expect_message("a", &[0]);
    let second = subscriber.expect_message("a", &[1]);
    subscriber.ping();
    subscriber.acknowledge(&second);
    let third = subscriber.expect_message("a", &[2]);
    subscriber.ping();
    subscriber.acknowledge(&first);
    subscriber.acknowledge(&third);
    subscriber.expect_message("a", &[3]);
    subscriber.expect_message("a", &[4]);
    subscriber.ping();
}

#[test]
fn the_maximum_packet_size_of_a_client_is_kept() {
    let scene = Scene::new();
    let small = [Property::MaximumPacketSize(NonZeroU32::new(40).unwrap())];
    let connect = Connect { properties: Properties::new(&small), ..Connect::new(Version::V5, "subscriber") };
    let (mut subscriber, _) = Raw::connected(scene.port, connect);
    subscriber.subscribe("a", QoS::AtLeastOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        publisher.publish(&message("a", &[0; 100], qos));
        publisher.publish(&message("a", b"small", qos));
        let got = subscriber.expect_message("a", b"small");
        subscriber.acknowledge(&got);
        subscriber.ping();
    }
}

#[test]
fn topic_aliases_in_both_directions() {
    let scene = Scene::new();
    let aliases = [Property::TopicAliasMaximum(3)];
    let connect =
        Connect { properties: Properties::new(&aliases), ..Connect::new(Version::V5, "subscriber") };
    let (mut subscriber, _) = Raw::connected(scene.port, connect);
    subscriber.subscribe("kitchen/#", QoS::AtMostOnce);
    let mut plain = Raw::new(scene.port, Version::V311, "plain");
    plain.subscribe("kitchen/#", QoS::AtMostOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    let alias = [Property::TopicAlias(NonZeroU16::new(2).unwrap())];
    let properties = Properties::new(&alias);
    publisher.send(Publish { properties, ..message("kitchen/lamp", b"1", QoS::AtMostOnce) });
    publisher.send(Publish { properties, topic: None, ..message("x", b"2", QoS::AtMostOnce) });
    publisher.ping();
    let first = subscriber.expect_message("kitchen/lamp", b"1");
    let given = first.publish().properties.topic_alias();
    assert!(given.is_some());
    let second = subscriber.frame();
    let Packet::Publish(second) = second.packet() else { panic!("a message") };
    assert_eq!((second.topic, second.properties.topic_alias(), second.payload), (None, given, &b"2"[..]));
    plain.expect_message("kitchen/lamp", b"1");
    plain.expect_message("kitchen/lamp", b"2");
}

#[test]
fn properties_are_forwarded_and_the_expiry_is_what_is_left() {
    let scene = Scene::new();
    let mut subscriber = Raw::v5(scene.port, "subscriber");
    subscriber.subscribe("a", QoS::AtLeastOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    let sent = [
        Property::PayloadFormatIndicator(true),
        Property::MessageExpiryInterval(100),
        Property::ContentType("text/plain"),
        Property::ResponseTopic(topic_name!("answers")),
        Property::CorrelationData(b"7"),
        Property::UserProperty(("b", "1")),
        Property::UserProperty(("a", "2")),
        Property::UserProperty(("b", "3")),
    ];
    publisher
        .publish(&Publish { properties: Properties::new(&sent), ..message("a", b"x", QoS::AtLeastOnce) });
    let got = subscriber.expect_message("a", b"x");
    let properties = got.publish().properties;
    assert!((99..=100).contains(&properties.message_expiry_interval().unwrap()));
    let without = |all: Properties<'_>| {
        let kept = all.iter().filter(|property| !matches!(property, Property::MessageExpiryInterval(_)));
        format!("{:?}", kept.collect::<Vec<_>>())
    };
    assert_eq!(without(properties), without(Properties::new(&sent)));
}

#[test]
fn what_was_sent_before_a_connection_is_closed_is_handled() {
    let scene = Scene::new();
    let mut subscriber = Raw::v5(scene.port, "subscriber");
    subscriber.subscribe("a", QoS::AtMostOnce);
    for says_goodbye in [false, true] {
        let mut publisher = Raw::new(scene.port, Version::V311, "publisher");
        let mut bytes = Vec::new();
        for n in 0..1000_u16 {
            let payload = n.to_be_bytes();
            let publish = Packet::from(Publish::new(topic_name!("a"), &payload));
            publish.encode(Version::V311, &mut bytes).unwrap();
        }
        if says_goodbye {
            bytes.extend([0xE0, 0]);
        }
        publisher.send_bytes(&bytes);
        publisher.end_of_input();
        for n in 0..1000_u16 {
            subscriber.expect_message("a", &n.to_be_bytes());
        }
        subscriber.ping();
    }
}

#[test]
fn a_subscriber_that_is_slower_than_its_publisher_gets_all() {
    let limits = Limits { queue_messages: 200, ..Limits::default() };
    let scene = Scene::limited(limits);
    let mut subscriber = Raw::v5(scene.port, "subscriber");
    subscriber.subscribe("a", QoS::AtLeastOnce);
    let port = scene.port;
    let publisher = std::thread::spawn(move || {
        let mut publisher = Raw::v5(port, "publisher");
        for n in 0..5000_u16 {
            let delivery = Delivery::AtLeastOnce(id(n % 50 + 1));
            publisher.send(Publish::new(topic_name!("a"), &n.to_be_bytes()).with_delivery(delivery));
            if n >= 49 {
                publisher.expect_ack(PacketType::PubAck, id((n + 1) % 50 + 1));
            }
        }
        publisher
    });
    for n in 0..5000_u16 {
        let got = subscriber.expect_message("a", &n.to_be_bytes());
        subscriber.acknowledge(&got);
    }
    publisher.join().unwrap();
}

#[test]
fn a_message_for_nobody_says_so() {
    let scene = Scene::new();
    let mut publisher = Raw::v5(scene.port, "publisher");
    assert_eq!(publisher.publish(&message("a", b"", QoS::AtLeastOnce)), ReasonCode::NO_MATCHING_SUBSCRIBERS);
}

#[test]
fn a_large_payload_goes_to_all_and_arrives_whole() {
    let scene = Scene::new();
    let payload: Vec<u8> = (0..900_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut subscribers: Vec<Raw> = (0..5).map(|n| Raw::v5(scene.port, &format!("s{n}"))).collect();
    for subscriber in &mut subscribers {
        subscriber.subscribe("a", QoS::AtLeastOnce);
    }
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&message("a", &payload, QoS::AtLeastOnce));
    for subscriber in &mut subscribers {
        let got = subscriber.expect_message("a", &payload);
        subscriber.acknowledge(&got);
        subscriber.ping();
    }
}
