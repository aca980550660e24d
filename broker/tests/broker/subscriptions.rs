//! Subscriptions and their options (section 3.8).

use mqtt_broker::store::{Disk, FILE, Store as _, dump};
use mqtt_wire::{
    Ack, Connect, Packet, PacketId, PacketType, Properties, Property, Publish, QoS, ReasonCode, SubAck,
    Subscribe, Subscription, SubscriptionId, TopicFilter, UnsubAck, Unsubscribe, Version,
};

use crate::raw::{Raw, filter, id, lasting, message};
use crate::scene::{Folder, Scene};

#[test]
fn overlapping_subscriptions_make_one_message_with_all_identifiers() {
    let scene = Scene::new();
    let mut subscriber = Raw::v5(scene.port, "subscriber");
    for (number, text, qos) in [
        (1, "a/#", QoS::AtMostOnce),
        (2, "a/+", QoS::ExactlyOnce),
        (3, "a/b", QoS::AtLeastOnce),
        (4, "x", QoS::AtMostOnce),
    ] {
        let identifier = [Property::SubscriptionIdentifier(SubscriptionId::new(number).unwrap())];
        subscriber.subscribe_to(Subscription::new(filter(text), qos), Properties::new(&identifier));
    }
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&message("a/b", b"m", QoS::ExactlyOnce));
    let got = subscriber.expect_message("a/b", b"m");
    assert_eq!(got.publish().delivery.qos(), QoS::ExactlyOnce);
    let mut numbers: Vec<u32> =
        got.publish().properties.subscription_identifiers().map(SubscriptionId::get).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3]);
    subscriber.acknowledge(&got);
    subscriber.ping();
}

#[test]
fn no_local() {
    let scene = Scene::new();
    let mut client = Raw::v5(scene.port, "client");
    let mut other = Raw::v5(scene.port, "other");
    let wanted = Subscription { no_local: true, ..Subscription::new(filter("a"), QoS::AtMostOnce) };
    client.subscribe_to(wanted, Properties::EMPTY);
    client.publish(&message("a", b"mine", QoS::AtMostOnce));
    other.publish(&message("a", b"other", QoS::AtMostOnce));
    client.expect_message("a", b"other");
    client.ping();
}

#[test]
fn a_subscription_takes_the_place_of_the_one_before() {
    let scene = Scene::new();
    let mut client = Raw::v5(scene.port, "client");
    client.subscribe("a", QoS::ExactlyOnce);
    client.subscribe("a", QoS::AtMostOnce);
    client.send(message("a", b"m", QoS::AtMostOnce));
    client.expect_message("a", b"m");
    client.ping();
    assert_eq!(client.unsubscribe("a"), ReasonCode::SUCCESS);
    assert_eq!(client.unsubscribe("a"), ReasonCode::NO_SUBSCRIPTION_EXISTED);
    client.publish(&message("a", b"m", QoS::AtMostOnce));
}

#[test]
fn a_wildcard_does_not_see_what_begins_with_a_dollar() {
    let scene = Scene::new();
    let mut client = Raw::v5(scene.port, "client");
    client.subscribe("#", QoS::AtMostOnce);
    client.subscribe("+/x", QoS::AtMostOnce);
    let mut other = Raw::v5(scene.port, "other");
    other.publish(&message("$data/x", b"m", QoS::AtMostOnce));
    client.ping();
    client.subscribe("$data/+", QoS::AtMostOnce);
    other.publish(&message("$data/x", b"m", QoS::AtMostOnce));
    client.expect_message("$data/x", b"m");
    assert_eq!(other.publish(&message("$SYS/x", b"m", QoS::AtLeastOnce)), ReasonCode::NOT_AUTHORIZED);
}

#[test]
fn a_share_is_an_ordinary_filter_in_3_1_1() {
    let scene = Scene::new();
    let mut client = Raw::new(scene.port, Version::V311, "client");
    client.subscribe("$share/g/a", QoS::AtMostOnce);
    let mut other = Raw::v5(scene.port, "other");
    other.publish(&message("a", b"no", QoS::AtMostOnce));
    other.publish(&message("$share/g/a", b"yes", QoS::AtMostOnce));
    client.expect_message("$share/g/a", b"yes");
}

#[test]
fn a_share_of_3_1_1_is_an_ordinary_filter_after_a_restart() {
    let folder = Folder::new();
    let scene = folder.scene();
    let connect = Connect { clean_start: false, ..Connect::new(Version::V311, "client") };
    let (mut client, _) = Raw::connected(scene.port, connect);
    // The last two are no shared subscriptions in 5.0 either, and no filters.
    for text in ["$share/g/a", "$share/g", "$share//a"] {
        client.subscribe(text, QoS::AtLeastOnce);
    }
    client.goodbye();
    scene.shutdown();
    let dump = Folder::new();
    let (from, to) = (folder.path().join(FILE), dump.path().join(FILE));
    let mut lines = Vec::new();
    dump::write(&Disk::open(&from).unwrap().check().unwrap(), &mut lines).unwrap();
    Disk::open(&to).unwrap().commit(&dump::read(&lines[..]).unwrap()).unwrap();
    for folder in [folder, dump] {
        let scene = folder.scene();
        let (mut client, present) = Raw::connected(scene.port, connect);
        assert!(present);
        let mut other = Raw::v5(scene.port, "other");
        other.publish(&message("a", b"no", QoS::AtMostOnce));
        for topic in ["$share/g/a", "$share/g", "$share//a"] {
            other.publish(&message(topic, b"yes", QoS::AtMostOnce));
            client.expect_message(topic, b"yes");
        }
        let filters =
            ["$share/g/a", "$share/g"].map(|text| TopicFilter::new_for(text, Version::V311).unwrap());
        client.send(Unsubscribe::new(id(1), &filters));
        client.expect(UnsubAck::new(id(1), &[]));
        scene.until(|engine| engine.filters() == 1);
    }
}

#[test]
fn a_share_is_the_same_filter_by_its_characters() {
    let scene = Scene::new();
    let old = Connect { clean_start: false, ..Connect::new(Version::V311, "client") };
    for (first, second) in [(lasting("client"), old), (old, lasting("client"))] {
        let (mut client, _) = Raw::connected(scene.port, first);
        client.subscribe("$share/g/a", QoS::AtLeastOnce);
        client.goodbye();
        let (mut client, present) = Raw::connected(scene.port, second);
        assert!(present);
        client.subscribe("$share/g/a", QoS::AtLeastOnce);
        scene.until(|engine| engine.filters() == 1);
        client.goodbye();
        let (mut client, _) = Raw::connected(scene.port, first);
        let filters = [TopicFilter::new_for("$share/g/a", first.version).unwrap()];
        client.send(Unsubscribe::new(id(1), &filters));
        client.frame();
        scene.until(|engine| engine.filters() == 0);
        client.goodbye();
    }
}

#[test]
fn several_filters_in_one_packet_have_one_answer() {
    let scene = Scene::new();
    for version in Version::ALL {
        let mut client = Raw::new(scene.port, version, "client");
        let wanted = [("a", QoS::AtMostOnce), ("b/+", QoS::AtLeastOnce), ("c", QoS::ExactlyOnce)]
            .map(|(text, qos)| Subscription::new(filter(text), qos));
        client.send(Subscribe::new(id(1), &wanted));
        let granted = wanted.map(|wanted| ReasonCode::granted(wanted.maximum_qos));
        client.expect(SubAck::new(id(1), &granted));
        for (topic, qos) in [("a", 0), ("b/x", 1), ("c", 2)] {
            // Delivery is at the lower of both.
            client.send(message(topic, b"m", QoS::ExactlyOnce));
            client.expect_ack(PacketType::PubRec, PacketId::MIN);
            let got = client.expect_message(topic, b"m");
            assert_eq!(got.publish().delivery.qos().get(), qos, "{topic}");
            client.send(Packet::PubRel(Ack::new(PacketId::MIN)));
            client.expect_ack(PacketType::PubComp, PacketId::MIN);
            client.acknowledge(&got);
        }
        client.send(Unsubscribe::new(id(2), &[filter("a"), filter("nothing"), filter("b/+")]));
        let none = ReasonCode::NO_SUBSCRIPTION_EXISTED;
        let codes = [ReasonCode::SUCCESS, none, ReasonCode::SUCCESS];
        client.expect(UnsubAck::new(id(2), if version == Version::V5 { &codes } else { &[] }));
        for topic in ["a", "b/x"] {
            client.publish(&message(topic, b"m", QoS::AtLeastOnce));
        }
        client.ping();
    }
}

#[test]
fn a_subscription_that_is_replaced_misses_nothing() {
    let scene = Scene::new();
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&Publish { retain: true, ..message("a", b"kept", QoS::AtLeastOnce) });
    let mut client = Raw::v5(scene.port, "client");
    client.subscribe("a", QoS::AtLeastOnce);
    let kept = client.expect_message("a", b"kept");
    client.acknowledge(&kept);
    let port = scene.port;
    let publisher = std::thread::spawn(move || {
        let mut publisher = Raw::v5(port, "publisher");
        for number in 0..200_u32 {
            publisher.publish(&message("a", &number.to_be_bytes(), QoS::AtLeastOnce));
        }
    });
    // Meanwhile the same filter again and again, with what is retained each time.
    let (mut next, mut again, mut retained) = (0_u32, 0, 0);
    let wanted = [Subscription::new(filter("a"), QoS::AtLeastOnce)];
    while next < 200 || retained < again {
        if again < 50 && again == retained {
            client.send(Subscribe::new(id(9), &wanted));
            again += 1;
        }
        let frame = client.frame();
        let Packet::Publish(publish) = frame.packet() else { continue };
        if publish.retain {
            retained += 1;
        } else {
            assert_eq!(publish.payload, next.to_be_bytes());
            next += 1;
        }
        client.send(Packet::PubAck(Ack::new(publish.delivery.packet_id().unwrap())));
    }
    publisher.join().unwrap();
    client.ping();
}

#[test]
fn what_is_under_way_when_a_subscription_ends_is_finished() {
    let scene = Scene::new();
    let mut publisher = Raw::v5(scene.port, "publisher");
    for version in Version::ALL {
        let mut client = Raw::new(scene.port, version, "client");
        client.subscribe("a", QoS::ExactlyOnce);
        publisher.publish(&message("a", b"one", QoS::AtLeastOnce));
        publisher.publish(&message("a", b"two", QoS::ExactlyOnce));
        let under_way = [client.expect_message("a", b"one"), client.expect_message("a", b"two")];
        client.unsubscribe("a");
        publisher.publish(&message("a", b"three", QoS::AtLeastOnce));
        for got in &under_way {
            client.acknowledge(got);
        }
        client.ping();
    }
}
