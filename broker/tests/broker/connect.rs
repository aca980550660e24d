//! The beginning and the end of a connection (sections 3.1, 3.2, 3.14, 4.13).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use mqtt_broker::config::Listener;
use mqtt_broker::limits::Limits;
use mqtt_broker::server::Parts;
use mqtt_wire::{Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, Version, topic_name};

use crate::raw::{PATIENCE, Raw, message, tcp};
use crate::scene::Scene;

/// What the broker answers to bytes before it closes the connection.
fn answer(scene: &Scene, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(("127.0.0.1", scene.port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // It may be a reset, when not all was read.
    let _ = socket.read_to_end(&mut answer);
    answer
}

#[test]
fn an_unknown_version_is_answered_as_3_1_1_asks() {
    let scene = Scene::new();
    for level in [6, 0, 2, 127] {
        let connect = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', level, 2, 0, 60, 0, 1, b'x'];
        assert_eq!(answer(&scene, &connect), [0x20, 2, 0, 1], "level {level}");
    }
}

#[test]
fn what_is_no_connect_is_closed_in_silence() {
    let scene = Scene::new();
    let openings: [&[u8]; 6] = [
        &[0xC0, 0],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x30, 3, 0, 1, b'a'],
        &[0x10, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0x10, 6, 0, 4, b'H', b'T', b'T', b'P'],
        &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3],
    ];
    for opening in openings {
        assert_eq!(answer(&scene, opening), b"", "{opening:?}");
    }
}

#[test]
fn a_bad_connect_of_5_0_is_told_why() {
    let scene = Scene::new();
    // A reserved connect flag.
    let connect = [0x10, 14, 0, 4, b'M', b'Q', b'T', b'T', 5, 3, 0, 60, 0, 0, 1, b'x'];
    assert_eq!(answer(&scene, &connect)[..4], [0x20, 3, 0, 0x81]);
    let empty_id = [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 0, 0, 60, 0, 0];
    assert_eq!(answer(&scene, &empty_id), [0x20, 2, 0, 2]);
}

#[test]
fn no_connect_in_time() {
    let scene = Scene::limited(Limits { connect_timeout: 1, ..Limits::default() });
    assert_eq!(answer(&scene, &[]), b"");
    assert_eq!(answer(&scene, &[0x10, 13, 0, 4, b'M']), b"");
}

#[test]
fn the_limits_are_announced() {
    let limits = Limits { keep_alive: 30, session_expiry: 50, ..Limits::default() };
    let scene = Scene::limited(limits.clone());
    let mut raw = Raw::open(scene.port, Version::V5);
    let long = [Property::SessionExpiryInterval(1000)];
    raw.send(Connect { properties: Properties::new(&long), ..Connect::new(Version::V5, "") });
    let frame = raw.frame();
    let Packet::ConnAck(connack) = frame.packet() else { panic!("{:?}", frame.packet()) };
    let p = connack.properties;
    assert_eq!(p.server_keep_alive(), Some(30));
    assert_eq!(p.session_expiry_interval(), Some(50));
    assert_eq!(p.maximum_packet_size().map(std::num::NonZero::get), Some(limits.packet_size));
    assert_eq!(p.receive_maximum().map(std::num::NonZero::get), Some(limits.receive_maximum));
    assert_eq!(p.topic_alias_maximum(), Some(limits.topic_aliases));
    assert!(p.assigned_client_identifier().is_some_and(|id| !id.is_empty()));
    assert!(!connack.session_present);
}

#[test]
fn keep_alive_is_watched() {
    let scene = Scene::new();
    for version in [Version::V311, Version::V5] {
        let connect = Connect { keep_alive: 1, ..Connect::new(version, "client") };
        let (raw, _) = Raw::connected(scene.port, connect);
        raw.expect_end(ReasonCode::KEEP_ALIVE_TIMEOUT);
    }
}

#[test]
fn a_client_that_breaks_a_rule_is_told() {
    let scene = Scene::new();
    let cases: [(&[u8], ReasonCode); 5] = [
        (&[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60, 0, 0, 0], ReasonCode::PROTOCOL_ERROR),
        (&[0x36, 0], ReasonCode::MALFORMED_PACKET),
        (&[0x82, 2, 0, 0], ReasonCode::PROTOCOL_ERROR),
        (&[0xF0, 0], ReasonCode::PROTOCOL_ERROR),
        (&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], ReasonCode::PACKET_TOO_LARGE),
    ];
    for (bytes, code) in cases {
        let mut raw = Raw::v5(scene.port, "client");
        raw.send_bytes(bytes);
        let frame = raw.frame();
        let Packet::Disconnect(disconnect) = frame.packet() else {
            panic!("{bytes:?}: {:?}", frame.packet())
        };
        assert_eq!(disconnect.reason_code, code, "{bytes:?}");
        assert!(raw.next().is_none());
    }
}

#[test]
fn an_unknown_authentication_method_is_refused() {
    let scene = Scene::new();
    let mut raw = Raw::open(scene.port, Version::V5);
    let method = [Property::AuthenticationMethod("GS2-KRB5")];
    raw.send(Connect { properties: Properties::new(&method), ..Connect::new(Version::V5, "client") });
    match raw.frame().packet() {
        Packet::ConnAck(connack) => assert_eq!(connack.reason_code, ReasonCode::BAD_AUTHENTICATION_METHOD),
        other => panic!("{other:?}"),
    }
    assert!(raw.next().is_none());
}

#[test]
fn a_shutdown_does_not_wait_for_those_who_say_nothing() {
    let mut scene = Scene::limited(Limits { connect_timeout: 1000, ..Limits::default() });
    let websocket =
        Listener { bind: "127.0.0.1:0".parse().unwrap(), websocket: true, tls: None, proxy_protocol: false };
    let port = scene.listen(&websocket);
    let _silent = [tcp(scene.port), tcp(port)];
    scene.until_shown("mqtt_connections", 2.0);
    let start = Instant::now();
    scene.shutdown();
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn a_shutdown_is_told() {
    let scene = Scene::new();
    let five = Raw::v5(scene.port, "five");
    let three = Raw::new(scene.port, Version::V311, "three");
    scene.shutdown();
    five.expect_end(ReasonCode::SERVER_SHUTTING_DOWN);
    three.expect_end(ReasonCode::SERVER_SHUTTING_DOWN);
}

#[test]
fn packets_may_come_with_connect_and_in_pieces() {
    let scene = Scene::new();
    let mut bytes = Vec::new();
    Packet::from(Connect::new(Version::V311, "x")).encode(Version::V311, &mut bytes).unwrap();
    Packet::PingReq.encode(Version::V311, &mut bytes).unwrap();
    Packet::from(Publish::new(topic_name!("a"), b"m")).encode(Version::V311, &mut bytes).unwrap();
    Packet::PingReq.encode(Version::V311, &mut bytes).unwrap();
    let expected = [0x20, 2, 0, 0, 0xD0, 0, 0xD0, 0];
    for piece in [1, 2, 7, bytes.len()] {
        let mut socket = TcpStream::connect(("127.0.0.1", scene.port)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        bytes.chunks(piece).for_each(|piece| socket.write_all(piece).unwrap());
        let mut got = [0; 8];
        socket.read_exact(&mut got).unwrap();
        assert_eq!(got, expected);
    }
}

#[test]
fn the_broker_speaks_of_itself() {
    let scene = Scene::with(Parts { sys_interval: 3600, ..Parts::default() });
    let mut client = Raw::v5(scene.port, "client");
    client.subscribe("$SYS/broker/version", QoS::AtMostOnce);
    let got = client.expect_message("$SYS/broker/version", env!("CARGO_PKG_VERSION").as_bytes());
    assert!(got.publish().retain);
    client.ping();
}

#[test]
fn a_bad_connect_of_3_1_1_that_no_code_fits_is_closed_without_an_answer() {
    let scene = Scene::new();
    // A reserved flag; a password without a user name.
    for flags in [0b0000_0011, 0b0100_0010] {
        let connect = [0x10, 16, 0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 60, 0, 1, b'x', 0, 1, b'p'];
        assert_eq!(answer(&scene, &connect), b"", "{flags:#b}");
    }
}

#[test]
fn an_empty_client_identifier_is_given_one() {
    let scene = Scene::new();
    for version in [Version::V311, Version::V5] {
        // None of them takes another one's session.
        let mut clients = [(); 3].map(|()| Raw::new(scene.port, version, ""));
        clients[0].subscribe("a", QoS::AtMostOnce);
        clients[1].publish(&message("a", b"m", QoS::AtLeastOnce));
        clients[0].expect_message("a", b"m");
        clients.iter_mut().for_each(Raw::ping);
    }
}
