//! Many who mean no good, and those who are served all the same.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use mqtt_broker::limits::Limits;
use mqtt_wire::{Connect, Publish, QoS, Version};

use crate::raw::{Raw, message, tcp};
use crate::scene::Scene;

/// How long a client that does nothing wrong may wait while others do.
const BEARABLE: Duration = Duration::from_secs(5);

/// The longest of some answers.
fn longest(client: &mut Raw, times: usize) -> Duration {
    let ping = |_| {
        let start = Instant::now();
        client.ping();
        start.elapsed()
    };
    (0..times).map(ping).max().unwrap()
}

#[test]
fn floods_without_connect() {
    const ROOM: usize = 200;
    let limits = Limits { connections: ROOM, connect_timeout: 1, ..Limits::default() };
    let scene = Scene::limited(limits);
    let mut client = Raw::v5(scene.port, "client");
    // Silence; the beginning of a CONNECT that is as long as it may be; noise; and packets that come before it.
    let openings: [&[u8]; 4] = [
        b"",
        &[0x10, 0xFF, 0xFF, 0x3F, 0, 4, b'M', b'Q', b'T', b'T', 5],
        &[0xFF; 64],
        &[0x30, 3, 0, 1, b'a'],
    ];
    let flood: Vec<TcpStream> = (0..2 * ROOM)
        .map(|n| {
            let mut socket = tcp(scene.port);
            let _ = socket.write_all(openings[n % openings.len()]);
            socket
        })
        .collect();
    assert!(longest(&mut client, 100) < BEARABLE);
    // There are never more than the limit says.
    assert!(scene.metrics().get("mqtt_connections") <= f64::from(u32::try_from(ROOM).unwrap()));
    for mut socket in flood {
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{answer:?}");
    }
    scene.until_shown("mqtt_connections", 1.0);
    client.ping();
    // And there is room again.
    Raw::v5(scene.port, "another").ping();
}

#[test]
fn connections_that_come_and_go() {
    let scene = Scene::new();
    let mut client = Raw::v5(scene.port, "client");
    let port = scene.port;
    let floods: Vec<_> = (0..4)
        .map(|n| {
            std::thread::spawn(move || {
                for round in 0..150 {
                    let version = if round % 2 == 0 { Version::V5 } else { Version::V311 };
                    let mut client = Raw::open(port, version);
                    client.send(Connect::new(version, &format!("{}", (n + round) % 5)));
                    // Another one may have come for the same session before it was answered.
                    client.next();
                    if round % 3 == 0 { client.cut() } else { drop(client) }
                }
            })
        })
        .collect();
    assert!(longest(&mut client, 100) < BEARABLE);
    for flood in floods {
        flood.join().unwrap();
    }
    scene.until_shown("mqtt_connections", 1.0);
    scene.until_shown("mqtt_sessions", 1.0);
}

#[test]
fn retained_storms() {
    const MESSAGES: usize = 2000;
    let scene = Scene::new();
    let mut client = Raw::v5(scene.port, "client");
    for n in 0..MESSAGES {
        let topic = format!("r/{n:04}");
        client.send(Publish { retain: true, ..message(&topic, &[b'x'; 500], QoS::AtMostOnce) });
    }
    client.ping();
    let port = scene.port;
    let storm: Vec<_> = (0..8)
        .map(|n| {
            std::thread::spawn(move || {
                let mut client = Raw::v5(port, &format!("storm-{n}"));
                for _ in 0..3 {
                    client.subscribe("r/#", QoS::AtMostOnce);
                    for n in 0..MESSAGES {
                        client.expect_message(&format!("r/{n:04}"), &[b'x'; 500]);
                    }
                }
                client.ping();
            })
        })
        .collect();
    let mut pings = 0;
    while storm.iter().any(|storm| !storm.is_finished()) {
        assert!(longest(&mut client, 1) < BEARABLE);
        pings += 1;
    }
    assert!(pings > 10, "{pings}");
    for storm in storm {
        storm.join().unwrap();
    }
    // One who asks and does not read holds nothing up, and no more is put together for him than fits into the sockets and
    // the outbox.
    let before = scene.metrics().get("mqtt_sent_bytes_total");
    let mut deaf = Raw::v5(port, "deaf");
    let wanted = [mqtt_wire::Subscription::new(crate::raw::filter("r/#"), QoS::AtMostOnce)];
    for _ in 0..100 {
        deaf.send(mqtt_wire::Subscribe::new(crate::raw::id(1), &wanted));
    }
    assert!(longest(&mut client, 100) < BEARABLE);
    let all = 100.0 * 500.0 * f64::from(u32::try_from(MESSAGES).unwrap());
    assert!(scene.metrics().get("mqtt_sent_bytes_total") - before < all / 2.0);
    drop(deaf);
}

#[test]
fn filters_that_match_nothing_retained() {
    let scene = Scene::new();
    let mut client = Raw::v5(scene.port, "client");
    for n in 0..20_000 {
        let topic = format!("a/b/{n}/c");
        client.send(Publish { retain: true, ..message(&topic, b"x", QoS::AtMostOnce) });
    }
    client.ping();
    let filters: Vec<String> = (0..900).map(|n| format!("+/+/+/{n}")).collect();
    let wanted: Vec<_> = filters
        .iter()
        .map(|text| mqtt_wire::Subscription::new(crate::raw::filter(text), QoS::AtMostOnce))
        .collect();
    let storm: Vec<Raw> = (0..8)
        .map(|n| {
            let mut client = Raw::v5(scene.port, &format!("storm-{n}"));
            client.send(mqtt_wire::Subscribe::new(crate::raw::id(1), &wanted));
            client
        })
        .collect();
    let longest = longest(&mut client, 20);
    drop(storm);
    assert!(longest < BEARABLE, "{longest:?}");
}
