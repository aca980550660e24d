//! Shared subscriptions (section 4.8.2).

use std::collections::HashMap;

use mqtt_wire::{Connect, Disconnect, Packet, Properties, Property, QoS, ReasonCode, Version};

use crate::raw::{Raw, lasting, message};
use crate::scene::Scene;

/// How many messages a client has got; it acknowledges them.
fn drain(client: &mut Raw) -> usize {
    client.send(Packet::PingReq);
    let mut count = 0;
    loop {
        let frame = client.frame();
        match frame.packet() {
            Packet::PingResp => return count,
            Packet::Publish(publish) => {
                count += 1;
                if let Some(id) = publish.delivery.packet_id() {
                    client.send(Packet::PubAck(mqtt_wire::Ack::new(id)));
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_message_goes_to_one_member_and_all_have_work() {
    let scene = Scene::new();
    let mut members: Vec<Raw> = (0..4).map(|n| Raw::v5(scene.port, &format!("m{n}"))).collect();
    for member in &mut members {
        member.subscribe("$share/g/a/#", QoS::AtLeastOnce);
    }
    let mut other = Raw::v5(scene.port, "other");
    other.subscribe("$share/h/a/#", QoS::AtLeastOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    for n in 0..100 {
        publisher.publish(&message(&format!("a/{n}"), b"", QoS::AtLeastOnce));
    }
    let counts: Vec<usize> = members.iter_mut().map(drain).collect();
    assert_eq!(counts.iter().sum::<usize>(), 100, "{counts:?}");
    assert!(counts.iter().all(|&count| count >= 20), "{counts:?}");
    assert_eq!(drain(&mut other), 100);
}

#[test]
fn the_least_busy_member_gets_the_message() {
    let scene = Scene::new();
    let one = [Property::ReceiveMaximum(std::num::NonZeroU16::MIN)];
    let connect = Connect { properties: Properties::new(&one), ..Connect::new(Version::V5, "busy") };
    let (mut busy, _) = Raw::connected(scene.port, connect);
    busy.subscribe("work", QoS::AtLeastOnce);
    busy.subscribe("$share/g/a", QoS::AtLeastOnce);
    let mut idle = Raw::v5(scene.port, "idle");
    idle.subscribe("$share/g/a", QoS::AtLeastOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    for _ in 0..5 {
        publisher.publish(&message("work", b"", QoS::AtLeastOnce));
    }
    for _ in 0..5 {
        publisher.publish(&message("a", b"", QoS::AtLeastOnce));
        assert_eq!(drain(&mut idle), 1);
    }
}

#[test]
fn nothing_is_lost_when_a_member_leaves() {
    let scene = Scene::new();
    let one = [Property::ReceiveMaximum(std::num::NonZeroU16::MIN), Property::SessionExpiryInterval(100)];
    let connect = Connect { properties: Properties::new(&one), ..Connect::new(Version::V5, "first") };
    let (mut first, _) = Raw::connected(scene.port, connect);
    first.subscribe("$share/g/a", QoS::AtLeastOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    for n in 0..10_u8 {
        publisher.publish(&message("a", &[n], QoS::AtLeastOnce));
    }
    // One is under way, nine wait.
    let mut second = Raw::v5(scene.port, "second");
    second.subscribe("$share/g/a", QoS::AtLeastOnce);
    first.expect_message("a", &[0]);
    let over = [Property::SessionExpiryInterval(0)];
    first.send(Disconnect { properties: Properties::new(&over), ..Disconnect::new(ReasonCode::SUCCESS) });
    assert!(first.next().is_none());
    let mut seen = HashMap::new();
    for _ in 0..10 {
        let frame = second.frame();
        let Packet::Publish(publish) = frame.packet() else { panic!("{:?}", frame.packet()) };
        *seen.entry(publish.payload[0]).or_insert(0) += 1;
        second.send(Packet::PubAck(mqtt_wire::Ack::new(publish.delivery.packet_id().unwrap())));
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
    second.ping();
}

#[test]
fn what_waits_for_a_member_that_unsubscribes_goes_to_others() {
    let scene = Scene::new();
    let (mut first, _) = Raw::connected(scene.port, lasting("first"));
    first.subscribe("$share/g/a", QoS::AtLeastOnce);
    first.goodbye();
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&message("a", b"m", QoS::AtLeastOnce));
    let mut second = Raw::v5(scene.port, "second");
    second.subscribe("$share/g/a", QoS::AtLeastOnce);
    second.ping();
    // The first one comes back and has its message.
    let (mut first, _) = Raw::connected(scene.port, lasting("first"));
    first.expect_message("a", b"m");
    assert_eq!(first.unsubscribe("$share/g/a"), ReasonCode::SUCCESS);
}
