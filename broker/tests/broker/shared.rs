//! Shared subscriptions (section 4.8.2).

use std::collections::HashMap;

use mqtt_broker::engine::{Engine as _, Turn};
use mqtt_wire::{Connect, Disconnect, Packet, Properties, Property, PublishFrame, QoS, ReasonCode, Version};

use crate::raw::{Raw, lasting, message};
use crate::scene::{Folder, Scene};

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
fn a_message_on_its_way_to_a_member_that_is_no_more_goes_to_another_one() {
    let folder = Folder::new();
    for scene in [Scene::new(), folder.scene()] {
        let (mut first, _) = Raw::connected(scene.port, lasting("first"));
        first.subscribe("$share/g/a", QoS::AtLeastOnce);
        let engine = scene.broker().engine().clone();
        let publish = message("a", b"m", QoS::AtLeastOnce);
        let publish = engine.message(PublishFrame::encode(&publish, Version::V5).unwrap(), None);
        let mut turn = Turn::default();
        engine.publish(&publish, &mut turn);
        let mut second = Raw::v5(scene.port, "second");
        second.subscribe("$share/g/a", QoS::AtLeastOnce);
        first.cut();
        scene.until(|engine| engine.clients() == (1, 1));
        Raw::v5(scene.port, "first").goodbye();
        engine.commit(&mut turn);
        second.expect_message("a", b"m");
        second.ping();
    }
}

#[test]
fn a_member_that_is_there_is_found_among_many_that_are_away() {
    let scene = Scene::new();
    let mut there = Raw::v5(scene.port, "there");
    there.subscribe("$share/g/a", QoS::AtLeastOnce);
    for n in 0..100 {
        let name = format!("away-{n}");
        let (mut away, _) = Raw::connected(scene.port, lasting(&name));
        away.subscribe("$share/g/a", QoS::AtLeastOnce);
        away.goodbye();
    }
    let mut publisher = Raw::v5(scene.port, "publisher");
    for _ in 0..100 {
        publisher.publish(&message("a", b"", QoS::AtLeastOnce));
    }
    assert_eq!(drain(&mut there), 100);
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

/// A member of `$share/g/a` and a message of QoS 2 that it was sent.
fn member_with_a_message(scene: &Scene, client: &str) -> (Raw, mqtt_wire::PublishFrame) {
    let (mut member, _) = Raw::connected(scene.port, lasting(client));
    member.subscribe("$share/g/a", QoS::ExactlyOnce);
    Raw::v5(scene.port, "publisher").publish(&message("a", b"m", QoS::ExactlyOnce));
    let got = member.expect_message("a", b"m");
    (member, got)
}

#[test]
fn a_member_gets_a_message_at_the_qos_that_it_was_granted() {
    let scene = Scene::new();
    let mut publisher = Raw::v5(scene.port, "publisher");
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut member = Raw::v5(scene.port, "member");
        member.subscribe("$share/g/a", qos);
        publisher.publish(&message("a", b"m", QoS::ExactlyOnce));
        let got = member.expect_message("a", b"m");
        assert_eq!(got.publish().delivery.qos(), qos);
        member.goodbye();
        scene.until(|engine| engine.clients() == (1, 0));
    }
}

#[test]
fn a_message_of_qos_2_under_way_to_a_member_stays_its() {
    let scene = Scene::new();
    let (member, got) = member_with_a_message(&scene, "member");
    let mut other = Raw::v5(scene.port, "other");
    other.subscribe("$share/g/a", QoS::ExactlyOnce);
    // Its connection ends, and the delivery is completed on the next one.
    member.cut();
    scene.until(|engine| engine.clients().1 == 1);
    other.ping();
    let (mut member, present) = Raw::connected(scene.port, lasting("member"));
    assert!(present);
    let again = member.expect_message("a", b"m");
    assert_eq!((again.publish().delivery, again.publish().dup), (got.publish().delivery, true));
    // And when its session ends, no other one gets it.
    member.cut();
    scene.until(|engine| engine.clients().1 == 1);
    let clean = Connect { clean_start: true, ..lasting("member") };
    Raw::connected(scene.port, clean).0.ping();
    other.ping();
}

#[test]
fn a_message_that_a_member_refuses_goes_to_nobody_else() {
    let scene = Scene::new();
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut member = Raw::v5(scene.port, "member");
        member.subscribe("$share/g/a", qos);
        Raw::v5(scene.port, "publisher").publish(&message("a", b"m", QoS::ExactlyOnce));
        let got = member.expect_message("a", b"m");
        let mut other = Raw::v5(scene.port, "other");
        other.subscribe("$share/g/a", QoS::ExactlyOnce);
        let id = got.publish().delivery.packet_id().unwrap();
        let refusal = mqtt_wire::Ack { reason_code: ReasonCode::QUOTA_EXCEEDED, ..mqtt_wire::Ack::new(id) };
        member.send(if qos == QoS::AtLeastOnce { Packet::PubAck(refusal) } else { Packet::PubRec(refusal) });
        member.ping();
        other.ping();
        member.goodbye();
        other.ping();
        other.goodbye();
        scene.until(|engine| engine.clients().0 == 0);
    }
}
