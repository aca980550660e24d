//! Retained messages (section 3.3.1.3).

use mqtt_wire::{
    Packet, Properties, Publish, QoS, ReasonCode, RetainHandling, SubAck, Subscribe, Subscription, Version,
};

use crate::raw::{Raw, filter, id, message};
use crate::scene::Scene;

fn retained<'a>(topic: &'a str, payload: &'a [u8]) -> Publish<'a> {
    Publish { retain: true, ..message(topic, payload, QoS::AtLeastOnce) }
}

#[test]
fn the_last_one_is_kept_and_an_empty_one_removes_it() {
    let scene = Scene::new();
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&retained("a/1", b"old"));
    publisher.publish(&retained("a/1", b"new"));
    publisher.publish(&retained("a/2", b"two"));
    publisher.publish(&retained("b", b"no"));
    for version in Version::ALL {
        let mut subscriber = Raw::new(scene.port, version, "subscriber");
        subscriber.subscribe("a/+", QoS::AtMostOnce);
        assert!(subscriber.expect_message("a/1", b"new").publish().retain);
        assert!(subscriber.expect_message("a/2", b"two").publish().retain);
        subscriber.ping();
    }
    publisher.publish(&retained("a/1", b""));
    let mut subscriber = Raw::v5(scene.port, "subscriber");
    subscriber.subscribe("a/+", QoS::AtLeastOnce);
    let got = subscriber.expect_message("a/2", b"two");
    assert_eq!(got.publish().delivery.qos(), QoS::AtLeastOnce);
    subscriber.acknowledge(&got);
    subscriber.ping();
}

#[test]
fn retain_handling() {
    let scene = Scene::new();
    let mut client = Raw::v5(scene.port, "client");
    client.publish(&retained("a", b"kept"));
    let plain = Subscription::new(filter("a"), QoS::AtMostOnce);
    let mut subscribe = |handling, comes| {
        client.subscribe_to(Subscription { retain_handling: handling, ..plain }, Properties::EMPTY);
        if comes {
            client.expect_message("a", b"kept");
        }
        client.ping();
    };
    subscribe(RetainHandling::DoNotSend, false);
    subscribe(RetainHandling::SendIfNew, false);
    subscribe(RetainHandling::Send, true);
    subscribe(RetainHandling::Send, true);
    client.unsubscribe("a");
    client.subscribe_to(
        Subscription { retain_handling: RetainHandling::SendIfNew, ..plain },
        Properties::EMPTY,
    );
    client.expect_message("a", b"kept");
    client.ping();
}

#[test]
fn retain_as_published() {
    let scene = Scene::new();
    let mut client = Raw::v5(scene.port, "client");
    let mut other = Raw::v5(scene.port, "other");
    for rap in [false, true] {
        let wanted =
            Subscription { retain_as_published: rap, ..Subscription::new(filter("a"), QoS::AtMostOnce) };
        client.subscribe_to(wanted, Properties::EMPTY);
        if rap {
            client.expect_message("a", b"kept");
        }
        other.publish(&retained("a", b"kept"));
        assert_eq!(client.expect_message("a", b"kept").publish().retain, rap);
        other.publish(&message("a", b"plain", QoS::AtMostOnce));
        assert!(!client.expect_message("a", b"plain").publish().retain);
    }
}

#[test]
fn a_shared_subscription_gets_none() {
    let scene = Scene::new();
    let mut client = Raw::v5(scene.port, "client");
    client.publish(&retained("a", b"kept"));
    client.subscribe("$share/g/a", QoS::AtMostOnce);
    client.ping();
}

#[test]
fn many_come_all_and_others_are_served_meanwhile() {
    let scene = Scene::new();
    let mut publisher = Raw::v5(scene.port, "publisher");
    for n in 0..3000 {
        publisher.send(Publish { retain: true, ..message(&format!("a/{n:04}"), b"kept", QoS::AtMostOnce) });
    }
    publisher.ping();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut client = Raw::v5(scene.port, "client");
        client.subscribe("a/+", qos);
        for n in 0..3000 {
            let got = client.expect_message(&format!("a/{n:04}"), b"kept");
            if qos == QoS::ExactlyOnce {
                // PUBREL comes between the others.
                break;
            }
            client.acknowledge(&got);
        }
        if qos < QoS::ExactlyOnce {
            client.ping();
        }
    }
}

#[test]
fn a_packet_behind_a_subscription_is_handled_when_the_messages_are_taken() {
    let scene = Scene::new();
    // More than the broker puts together at once for one client.
    let payload = vec![b'x'; 100_000];
    let mut client = Raw::v5(scene.port, "client");
    for topic in ["r/0", "r/1", "r/2", "r/3", "r/4", "r/5"] {
        client.publish(&Publish { retain: true, ..message(topic, &payload, QoS::AtMostOnce) });
    }
    let wanted = [Subscription::new(filter("r/+"), QoS::AtMostOnce)];
    let mut bytes = Vec::new();
    for packet in [Packet::from(Subscribe::new(id(9), &wanted)), Packet::PingReq] {
        packet.encode(client.version, &mut bytes).unwrap();
    }
    client.send_bytes(&bytes);
    client.expect(SubAck::new(id(9), &[ReasonCode::SUCCESS]));
    for topic in ["r/0", "r/1", "r/2", "r/3", "r/4", "r/5"] {
        client.expect_message(topic, &payload);
    }
    client.expect(Packet::PingResp);
}
