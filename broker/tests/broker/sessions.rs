//! Sessions that outlive their connections (section 4.1).

use mqtt_wire::{
    Ack, Connect, Disconnect, Packet, PacketType, Properties, Property, Publish, QoS, ReasonCode, Version,
    Will, topic_name,
};

use crate::raw::{Raw, id, lasting, message};
use crate::scene::Scene;

#[test]
fn messages_wait_for_a_client_that_is_away() {
    let scene = Scene::new();
    for version in [Version::V31, Version::V311, Version::V5] {
        let connect = Connect { clean_start: false, ..Connect::new(version, "sleeper") };
        let connect = if version == Version::V5 { lasting("sleeper") } else { connect };
        let (mut sleeper, _) = Raw::connected(scene.port, Connect { clean_start: true, ..connect });
        sleeper.goodbye();
        let (sleeper_again, present) = Raw::connected(scene.port, connect);
        assert_eq!(present, version == Version::V5);
        sleeper = sleeper_again;
        sleeper.subscribe("a", QoS::ExactlyOnce);
        sleeper.goodbye();
        let mut publisher = Raw::v5(scene.port, "publisher");
        publisher.publish(&message("a", b"0", QoS::AtMostOnce));
        publisher.publish(&message("a", b"1", QoS::AtLeastOnce));
        publisher.publish(&message("a", b"2", QoS::ExactlyOnce));
        let (mut sleeper, present) = Raw::connected(scene.port, connect);
        // 3.1 has no Session Present.
        assert_eq!(present, version != Version::V31);
        let one = sleeper.expect_message("a", b"1");
        let two = sleeper.expect_message("a", b"2");
        sleeper.acknowledge(&one);
        sleeper.acknowledge(&two);
        sleeper.ping();
        sleeper.goodbye();
        let (mut sleeper, _) = Raw::connected(scene.port, connect);
        sleeper.ping();
        sleeper.goodbye();
        let (mut sleeper, present) = Raw::connected(scene.port, Connect { clean_start: true, ..connect });
        assert!(!present);
        publisher.publish(&message("a", b"3", QoS::AtLeastOnce));
        sleeper.ping();
    }
}

#[test]
fn what_was_not_acknowledged_comes_again() {
    let scene = Scene::new();
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.subscribe("a", QoS::ExactlyOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    publisher.publish(&message("a", b"1", QoS::AtLeastOnce));
    publisher.publish(&message("a", b"2", QoS::ExactlyOnce));
    publisher.publish(&message("a", b"3", QoS::ExactlyOnce));
    let first = client.expect_message("a", b"1");
    let second = client.expect_message("a", b"2");
    let third = client.expect_message("a", b"3");
    assert!(!first.publish().dup);
    let released = third.publish().delivery.packet_id().unwrap();
    client.send(Packet::PubRec(Ack::new(released)));
    client.expect_ack(PacketType::PubRel, released);
    client.cut();
    let (mut client, present) = Raw::connected(scene.port, lasting("client"));
    assert!(present);
    client.expect_ack(PacketType::PubRel, released);
    for (payload, before) in [(b"1", &first), (b"2", &second)] {
        let again = client.expect_message("a", payload);
        assert!(again.publish().dup);
        assert_eq!(again.publish().delivery, before.publish().delivery);
    }
    client.ping();
}

#[test]
fn a_newer_connection_takes_the_session_over() {
    let scene = Scene::new();
    let (mut first, _) = Raw::connected(scene.port, lasting("client"));
    first.subscribe("a", QoS::AtLeastOnce);
    let (mut second, present) = Raw::connected(scene.port, lasting("client"));
    assert!(present);
    first.expect_end(ReasonCode::SESSION_TAKEN_OVER);
    second.send(message("a", b"m", QoS::AtLeastOnce));
    let mut kinds = [second.frame().packet_type(), second.frame().packet_type()];
    kinds.sort_by_key(|kind| format!("{kind:?}"));
    assert_eq!(kinds, [PacketType::PubAck, PacketType::Publish]);
    let (third, present) = Raw::connected(scene.port, Connect::new(Version::V311, "client"));
    assert!(!present);
    second.expect_end(ReasonCode::SESSION_TAKEN_OVER);
    let fourth = Raw::new(scene.port, Version::V311, "client");
    third.expect_end(ReasonCode::SESSION_TAKEN_OVER);
    fourth.goodbye();
}

#[test]
fn many_connections_fight_for_one_session_and_the_last_one_has_it() {
    let scene = Scene::new();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let port = scene.port;
            std::thread::spawn(move || {
                for _ in 0..20 {
                    let mut raw = Raw::open(port, Version::V5);
                    raw.send(lasting("client"));
                    // CONNACK of success, one that refuses, DISCONNECT: whatever it is, it is an answer.
                    while let Some(frame) = raw.next() {
                        if frame.packet_type() == PacketType::ConnAck {
                            raw.send(Packet::PingReq);
                        } else {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let (mut last, present) = Raw::connected(scene.port, lasting("client"));
    assert!(present);
    last.ping();
    assert_eq!(scene.broker().engine().clients(), (1, 0));
}

#[test]
fn disconnect_says_how_long_the_session_lasts() {
    let scene = Scene::new();
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    let over = [Property::SessionExpiryInterval(0)];
    client.send(Disconnect { properties: Properties::new(&over), ..Disconnect::new(ReasonCode::SUCCESS) });
    assert!(client.next().is_none());
    let (client, present) = Raw::connected(scene.port, lasting("client"));
    assert!(!present);
    drop(client);
    let mut client = Raw::v5(scene.port, "other");
    let longer = [Property::SessionExpiryInterval(10)];
    client.send(Disconnect { properties: Properties::new(&longer), ..Disconnect::new(ReasonCode::SUCCESS) });
    client.expect_end(ReasonCode::PROTOCOL_ERROR);
}

#[test]
fn a_session_ends_when_its_time_is_over() {
    let scene = Scene::new();
    let mut witness = Raw::v5(scene.port, "witness");
    witness.subscribe("gone", QoS::AtMostOnce);
    let second = [Property::SessionExpiryInterval(1)];
    // Its will is due at the end of the session at the latest, which so can be seen.
    let late = [Property::WillDelayInterval(1000)];
    let will = mqtt_wire::Will {
        properties: Properties::new(&late),
        ..mqtt_wire::Will::new(mqtt_wire::topic_name!("gone"), b"")
    };
    let connect = Connect {
        properties: Properties::new(&second),
        will: Some((&will).into()),
        clean_start: false,
        ..Connect::new(Version::V5, "client")
    };
    let (client, _) = Raw::connected(scene.port, connect);
    client.cut();
    witness.expect_message("gone", b"");
    scene.until(|engine| engine.clients() == (1, 0));
    let (_, present) = Raw::connected(scene.port, lasting("client"));
    assert!(!present);
}

#[test]
fn messages_expire_while_they_wait() {
    let scene = Scene::new();
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    client.subscribe("a", QoS::AtLeastOnce);
    client.goodbye();
    let mut witness = Raw::v5(scene.port, "witness");
    witness.subscribe("later", QoS::AtMostOnce);
    let second = [Property::MessageExpiryInterval(1)];
    let mut publisher = Raw::v5(scene.port, "publisher");
    let short = mqtt_wire::Publish {
        properties: Properties::new(&second),
        ..message("a", b"short", QoS::AtLeastOnce)
    };
    publisher.publish(&short);
    publisher.publish(&mqtt_wire::Publish {
        retain: true,
        properties: Properties::new(&second),
        ..message("kept", b"short", QoS::AtLeastOnce)
    });
    publisher.publish(&message("a", b"long", QoS::AtLeastOnce));
    wait_two_seconds(&scene, &mut witness);
    let (mut client, _) = Raw::connected(scene.port, lasting("client"));
    let got = client.expect_message("a", b"long");
    client.acknowledge(&got);
    client.subscribe("kept", QoS::AtMostOnce);
    client.ping();
}

/// A will with a delay is a clock that can be waited for.
fn wait_two_seconds(scene: &Scene, witness: &mut Raw) {
    let delay = [Property::WillDelayInterval(2)];
    let will = mqtt_wire::Will {
        properties: Properties::new(&delay),
        ..mqtt_wire::Will::new(mqtt_wire::topic_name!("later"), b"")
    };
    let connect = Connect { will: Some((&will).into()), ..lasting("clock") };
    Raw::connected(scene.port, connect).0.cut();
    witness.expect_message("later", b"");
}

#[test]
fn a_client_that_publishes_and_subscribes_serves_itself() {
    let scene = Scene::new();
    let mut client = Raw::v5(scene.port, "client");
    client.subscribe("a", QoS::ExactlyOnce);
    client.send(message("a", b"m", QoS::ExactlyOnce));
    client.expect_ack(PacketType::PubRec, id(1));
}

#[test]
fn goodbye_counts_however_much_waits_for_the_client() {
    let scene = Scene::new();
    let mut witness = Raw::v5(scene.port, "witness");
    witness.subscribe("gone", QoS::AtMostOnce);
    witness.subscribe("q", QoS::AtMostOnce);
    let will = Will::new(topic_name!("gone"), b"will");
    let connect = Connect { will: Some((&will).into()), ..Connect::new(Version::V5, "client") };
    let (mut client, _) = Raw::connected(scene.port, connect);
    client.subscribe("t", QoS::AtMostOnce);
    // More than a socket takes: it reads nothing, and the broker waits to write.
    let mut publisher = Raw::v5(scene.port, "publisher");
    let large = vec![0; 60_000];
    for _ in 0..250 {
        publisher.send(message("t", &large, QoS::AtMostOnce));
    }
    publisher.ping();
    let mut last = Vec::new();
    for _ in 0..100 {
        Packet::from(message("q", b"m", QoS::AtMostOnce)).encode(Version::V5, &mut last).unwrap();
    }
    Packet::from(Disconnect::new(ReasonCode::SUCCESS)).encode(Version::V5, &mut last).unwrap();
    client.send_bytes(&last);
    // As it has not read everything, the system resets the connection.
    drop(client);
    for _ in 0..100 {
        witness.expect_message("q", b"m");
    }
    scene.until(|engine| engine.clients() == (2, 0));
    witness.ping();
}

#[test]
fn a_message_under_way_that_is_too_long_for_another_version() {
    let scene = Scene::new();
    let old = Connect { clean_start: false, ..Connect::new(Version::V311, "client") };
    let (mut client, _) = Raw::connected(scene.port, old);
    client.subscribe("a", QoS::ExactlyOnce);
    let mut publisher = Raw::v5(scene.port, "publisher");
    let long = [Property::UserProperty(("key", "a value that 3.1.1 does not have"))];
    let with_property =
        Publish { properties: Properties::new(&long), ..message("a", b"1", QoS::AtLeastOnce) };
    publisher.publish(&with_property);
    publisher
        .publish(&Publish { properties: Properties::new(&long), ..message("a", b"2", QoS::ExactlyOnce) });
    publisher.publish(&message("a", b"3", QoS::AtLeastOnce));
    for payload in [b"1", b"2", b"3"] {
        client.expect_message("a", payload);
    }
    client.cut();
    let properties = [
        Property::MaximumPacketSize(std::num::NonZeroU32::new(40).unwrap()),
        Property::SessionExpiryInterval(3600),
    ];
    let connect = Connect { properties: Properties::new(&properties), ..lasting("client") };
    let (mut client, present) = Raw::connected(scene.port, connect);
    assert!(present);
    // What the client cannot take counts as sent `[MQTT-3.1.2-25]`. That of QoS 2 it may have: its identifier is released.
    let mut came = Vec::new();
    client.send(Packet::PingReq);
    loop {
        let frame = client.frame();
        match frame.packet() {
            Packet::PingResp => break,
            Packet::Publish(publish) => came.push(publish.payload.to_vec()),
            Packet::PubRel(_) => came.push(b"released".to_vec()),
            other => panic!("{other:?}"),
        }
    }
    came.sort();
    assert_eq!(came, [b"3".to_vec(), b"released".to_vec()]);
    assert!((scene.metrics().dropped("too_large") - 1.0).abs() < f64::EPSILON);
}
