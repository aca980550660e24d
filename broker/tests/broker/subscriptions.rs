//! Subscriptions and their options (section 3.8).

use mqtt_wire::{Properties, Property, QoS, ReasonCode, Subscription, SubscriptionId, Version};

use crate::raw::{Raw, filter, message};
use crate::scene::Scene;

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
