//! Wills (section 3.1.2.5).

use std::sync::atomic::Ordering;
use std::time::Instant;

use mqtt_broker::limits::Limits;
use mqtt_wire::{
    Connect, Disconnect, Packet, Properties, Property, Publish, QoS, ReasonCode, Version, Will, topic_name,
};

use crate::raw::{PATIENCE, Raw, lasting, message};
use crate::scene::{Folder, Scene};

const WILL: Will<'static> = Will::new(topic_name!("gone"), b"will");

fn witness(scene: &Scene) -> Raw {
    let mut witness = Raw::v5(scene.port, "witness");
    witness.subscribe("gone", QoS::ExactlyOnce);
    witness
}

#[test]
fn a_will_is_published_unless_the_client_says_goodbye() {
    let scene = Scene::new();
    for version in Version::ALL {
        let mut witness = witness(&scene);
        let will = Will { qos: QoS::AtLeastOnce, ..WILL };
        let connect = Connect { will: Some((&will).into()), ..Connect::new(version, "client") };
        Raw::connected(scene.port, connect).0.goodbye();
        witness.ping();
        Raw::connected(scene.port, connect).0.cut();
        let got = witness.expect_message("gone", b"will");
        assert_eq!(got.publish().delivery.qos(), QoS::AtLeastOnce);
        witness.acknowledge(&got);
        // A packet that breaks a rule.
        let (mut client, _) = Raw::connected(scene.port, connect);
        client.send_bytes(&[0xF7, 0]);
        witness.expect_message("gone", b"will");
    }
}

#[test]
fn a_client_can_say_goodbye_and_have_its_will() {
    let scene = Scene::new();
    let mut witness = witness(&scene);
    let properties = [Property::WillDelayInterval(0), Property::ContentType("text/plain")];
    let will = Will { properties: Properties::new(&properties), ..WILL };
    let connect = Connect { will: Some((&will).into()), ..Connect::new(Version::V5, "client") };
    let (mut client, _) = Raw::connected(scene.port, connect);
    client.send(Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL_MESSAGE));
    let got = witness.expect_message("gone", b"will");
    let properties = got.publish().properties;
    assert_eq!((properties.content_type(), properties.will_delay_interval()), (Some("text/plain"), None));
}

#[test]
fn a_client_that_has_said_goodbye_and_comes_again_has_no_will() {
    let folder = Folder::new();
    let (scene, is_full) = folder.filling();
    let mut witness = witness(&scene);
    let connect = Connect { will: Some((&WILL).into()), ..Connect::new(Version::V5, "client") };
    let (mut client, _) = Raw::connected(scene.port, connect);
    // Its connection waits for the store when DISCONNECT comes, and the next one.
    is_full.store(true, Ordering::SeqCst);
    client.send(Publish { retain: true, ..message("r", b"m", QoS::AtLeastOnce) });
    let start = Instant::now();
    while scene.metrics().get("mqtt_store_commits_failed_total") < 1.0 {
        assert!(start.elapsed() < PATIENCE, "nothing fails");
    }
    client.send(Disconnect::new(ReasonCode::SUCCESS));
    let mut next = Raw::open(scene.port, Version::V5);
    next.send(Connect::new(Version::V5, "client"));
    assert!(client.next().is_none(), "it was no goodbye");
    witness.ping();
    is_full.store(false, Ordering::SeqCst);
    assert!(matches!(next.frame().packet(), Packet::ConnAck(_)));
    next.ping();
    witness.ping();
}

#[test]
fn a_delayed_will_is_taken_back_when_the_session_goes_on() {
    let scene = Scene::new();
    let mut witness = witness(&scene);
    let long = [Property::WillDelayInterval(1000)];
    let will = Will { properties: Properties::new(&long), ..WILL };
    let connect = Connect { will: Some((&will).into()), ..lasting("client") };
    Raw::connected(scene.port, connect).0.cut();
    let (client, present) = Raw::connected(scene.port, lasting("client"));
    assert!(present);
    witness.ping();
    client.cut();
    Raw::connected(scene.port, connect).0.cut();
    // The end of the session is the end of the delay.
    let (_, present) = Raw::connected(scene.port, Connect { clean_start: true, ..connect });
    assert!(!present);
    witness.expect_message("gone", b"will");
}

#[test]
fn a_will_comes_when_its_delay_is_over() {
    let scene = Scene::new();
    let mut witness = witness(&scene);
    let second = [Property::WillDelayInterval(1)];
    let will = Will { properties: Properties::new(&second), ..WILL };
    let connect = Connect { will: Some((&will).into()), ..lasting("client") };
    Raw::connected(scene.port, connect).0.cut();
    witness.expect_message("gone", b"will");
    witness.ping();
}

#[test]
fn a_will_comes_with_the_end_of_its_session_however_long_its_delay_is() {
    let scene = Scene::limited(Limits { session_expiry: 1, ..Limits::default() });
    let mut witness = witness(&scene);
    let long = [Property::WillDelayInterval(1000)];
    let will = Will { properties: Properties::new(&long), ..WILL };
    let connect = Connect { will: Some((&will).into()), ..lasting("client") };
    Raw::connected(scene.port, connect).0.cut();
    witness.expect_message("gone", b"will");
    // DISCONNECT may ask for more than the broker keeps.
    let (mut client, _) = Raw::connected(scene.port, connect);
    let longer = [Property::SessionExpiryInterval(3600)];
    let goodbye = Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL_MESSAGE);
    client.send(Disconnect { properties: Properties::new(&longer), ..goodbye });
    witness.expect_message("gone", b"will");
}

#[test]
fn a_will_is_retained_if_it_says_so() {
    let scene = Scene::new();
    let mut witness = witness(&scene);
    let will = Will { retain: true, ..WILL };
    let connect = Connect { will: Some((&will).into()), ..Connect::new(Version::V311, "client") };
    Raw::connected(scene.port, connect).0.cut();
    witness.expect_message("gone", b"will");
    let mut late = Raw::v5(scene.port, "late");
    late.subscribe("gone", QoS::AtMostOnce);
    assert!(late.expect_message("gone", b"will").publish().retain);
    late.publish(&Publish { retain: true, ..message("other", b"", QoS::AtMostOnce) });
}

#[test]
fn a_client_without_a_will_ends_in_silence() {
    let scene = Scene::new();
    let mut witness = Raw::v5(scene.port, "witness");
    witness.subscribe("#", QoS::AtMostOnce);
    for version in Version::ALL {
        Raw::new(scene.port, version, "client").cut();
        scene.until(|engine| engine.clients() == (1, 0));
        witness.ping();
    }
}

#[test]
fn a_will_is_published_once() {
    let scene = Scene::new();
    let mut witness = witness(&scene);
    let will = Will { qos: QoS::AtLeastOnce, ..WILL };
    let connect = Connect { will: Some((&will).into()), ..lasting("client") };
    Raw::connected(scene.port, connect).0.cut();
    let got = witness.expect_message("gone", b"will");
    witness.acknowledge(&got);
    // It is gone with that: the session, which goes on without one, ends in silence.
    let (client, present) = Raw::connected(scene.port, lasting("client"));
    assert!(present);
    client.cut();
    scene.until(|engine| engine.clients() == (1, 1));
    witness.ping();
}
