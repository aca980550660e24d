//! A lamp says `menyala`, and phones that listen to all lamps of the house count it: mosquitto's clients and
//! paho-mqtt through the broker as a process. `tests/setup` installs what it needs; without that it fails.

mod process;

use std::collections::BTreeSet;
use std::process::Command;

use mqtt_wire::{QoS, Version};

use crate::process::{Client, Kind, Program};

/// The broker and its port.
struct Broker {
    port: u16,
    _program: Program,
}

impl Broker {
    fn ours() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-broker"));
        let program = Program::start(command.args(["--memory", "--anonymous", "--bind", "127.0.0.1:0"]));
        let line = program.line();
        let port = line.strip_prefix("listening on 127.0.0.1:").and_then(|rest| rest.split(' ').next());
        let port = port.and_then(|port| port.parse().ok());
        Self { port: port.unwrap_or_else(|| panic!("{line:?} names no port")), _program: program }
    }
}

const LAMP: &str = "rumahkami/lantaidasar/ruangtamu/lampu";
const FAN: &str = "rumahkami/lantaidasar/ruangtamu/kipas";
const LAMPS: &str = "rumahkami/+/+/lampu";
/// A retained message on this topic tells a subscriber that its subscription is in place.
const READY: &str = "siap";

/// Clients of these kinds in every version and at every QoS.
fn clients(kinds: &[Kind], port: u16) -> Vec<Client> {
    let mut clients = Vec::new();
    for &kind in kinds {
        for version in Version::ALL {
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                clients.push(Client { kind, port, version, qos });
            }
        }
    }
    clients
}

/// Everybody subscribes, everybody publishes, and everybody gets everything, in order at each QoS: a client that waits
/// for PUBREL before it hands a message on has one of QoS 0 that came later before it.
fn play(kinds: &[Kind], port: u16) {
    let clients = clients(kinds, port);
    let first = clients[0];
    first.publish(READY, "ya", true);
    let count = clients.len() + 2;
    let phones: Vec<_> =
        clients.iter().map(|client| (client, client.subscribe(&[READY, LAMPS], count))).collect();
    for (client, phone) in &phones {
        assert_eq!(phone.line(), client.prints(READY, "ya", first.qos, true), "{client:?}");
    }
    let mut said = Vec::new();
    for (number, lamp) in clients.iter().enumerate() {
        said.push((lamp, format!("menyala-{number}")));
    }
    said.push((&first, "padam".to_owned()));
    for (lamp, payload) in &said {
        lamp.publish(LAMP, payload, false);
    }
    first.publish(FAN, "berputar", false);
    for (client, phone) in phones {
        let mut got: Vec<_> = said.iter().map(|_| phone.line()).collect();
        let expected = said.iter().map(|(lamp, payload)| client.prints(LAMP, payload, lamp.qos, false));
        let mut expected: Vec<_> = expected.collect();
        // These keep the order of lines with the same QoS.
        got.sort_by_key(|line| qos(line).to_owned());
        expected.sort_by_key(|line| qos(line).to_owned());
        assert_eq!(got, expected, "{client:?}");
        match client.kind {
            Kind::Mosquitto => assert_eq!(phone.succeed(), (vec![], String::new())),
            Kind::Paho => {}
        }
    }
}

/// What a client printed as the QoS of a message: topic, payload, QoS, RETAIN.
fn qos(line: &str) -> &str {
    line.rsplit(' ').nth(1).expect("four words")
}

#[test]
fn phones_count_the_lamp_through_our_broker() {
    play(&[Kind::Mosquitto, Kind::Paho], Broker::ours().port);
}

#[test]
fn retained_messages_wait_for_subscribers() {
    let broker = Broker::ours();
    let clients = clients(&[Kind::Mosquitto, Kind::Paho], broker.port);
    let topic = |number: usize| format!("rumahkami/lantai{number}/dapur/lampu");
    for (number, client) in clients.iter().enumerate() {
        client.publish(&topic(number), "menyala", true);
    }
    // One is replaced, one taken back.
    clients[0].publish(&topic(0), "padam", true);
    clients[3].publish(&topic(1), "", true);
    for client in &clients {
        let phone = client.subscribe(&[LAMPS], clients.len() - 1);
        let printed: BTreeSet<_> = (1..clients.len()).map(|_| phone.line()).collect();
        let expected = clients.iter().enumerate().filter(|(number, _)| *number != 1).map(|(number, from)| {
            let (payload, from) = if number == 0 { ("padam", &clients[0]) } else { ("menyala", from) };
            client.prints(&topic(number), payload, from.qos, true)
        });
        assert_eq!(printed, expected.collect(), "{client:?}");
    }
}

#[test]
fn wildcards_choose_the_topics() {
    let broker = Broker::ours();
    let client = |kind| Client { kind, port: broker.port, version: Version::V5, qos: QoS::AtLeastOnce };
    let lamp = client(Kind::Mosquitto);
    lamp.publish(READY, "ya", true);
    let cases: [(&str, &[&str]); 5] = [
        ("#", &["a", "a/b", "a/b/c", "a//c", "/"]),
        ("a/#", &["a", "a/b", "a/b/c", "a//c"]),
        ("+", &["a"]),
        ("a/+/c", &["a/b/c", "a//c"]),
        ("+/+", &["a/b", "/"]),
    ];
    let subscribers: Vec<_> = cases
        .map(|(filter, topics)| {
            let subscriber = client(Kind::Paho).subscribe(&[READY, filter], 0);
            // The retained message comes for each filter that matches.
            let ready = if matches!(filter, "#" | "+") { 2 } else { 1 };
            (0..ready).for_each(|_| assert_eq!(subscriber.line(), format!("{READY} ya 1 1"), "{filter}"));
            (filter, topics, subscriber)
        })
        .into();
    for topic in ["a", "a/b", "a/b/c", "a//c", "/", "$SYS/a"] {
        lamp.publish(topic, "x", false);
    }
    lamp.publish(READY, "sudah", false);
    for (filter, topics, subscriber) in subscribers {
        for topic in topics {
            assert_eq!(subscriber.line(), format!("{topic} x 1 0"), "{filter}");
        }
        assert_eq!(subscriber.line(), format!("{READY} sudah 1 0"), "{filter}");
    }
}

#[test]
fn properties_go_with_the_message_where_the_version_has_them() {
    let broker = Broker::ours();
    let client = |version| Client { kind: Kind::Paho, port: broker.port, version, qos: QoS::AtLeastOnce };
    client(Version::V311).publish(READY, "ya", true);
    let phones = Version::ALL.map(|version| (version, client(version).subscribe(&[READY, LAMPS], 0)));
    for (version, phone) in &phones {
        assert_eq!(phone.line(), format!("{READY} ya 1 1"), "{version}");
    }
    let lamp = client(Version::V5);
    let mut command = lamp.command(true);
    Program::start(command.args([LAMP, "menyala", "warna=putih", "watt=5", "warna=kuning"])).succeed();
    for (version, phone) in phones {
        let properties = if version == Version::V5 { " warna=putih watt=5 warna=kuning" } else { "" };
        assert_eq!(phone.line(), format!("{LAMP} menyala 1 0{properties}"), "{version}");
    }
}
