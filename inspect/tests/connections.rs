//! Built connections: what TCP and WebSocket do to the packets, and what is said about it.

mod support;

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value;
use support::{
    CONNACK, CONNACK_V5, CONNECT, CONNECT_V5, Client, Connection, PINGREQ, PINGRESP, PUBLISH, REQUEST,
    SWITCHED, Server, frame, json, pcap, run_with,
};

#[test]
fn reordering_and_retransmission_are_reported_and_harmless() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, CONNECT);
    connection.send(Server, CONNACK);
    for part in PUBLISH.chunks(5) {
        connection.send(Client, part);
    }
    connection.send(Client, PINGREQ);
    let last = connection.frames.len() - 1;
    connection.frames.swap(last - 1, last - 3);
    let again = connection.frames[last].1.clone();
    connection.frames.push((connection.now + 300_000, again));
    let ran = json(&pcap(1, &connection.frames));
    let expected = [
        "note opened",
        "ok CONNECT",
        "ok CONNACK",
        "note out_of_order",
        "note out_of_order",
        "ok PUBLISH",
        "ok PINGREQ",
        "note retransmission",
    ];
    assert_eq!(ran.gist(), expected);
    assert_eq!(ran.code, 0);
    let early = &ran.json()[3];
    assert_eq!(
        (&early["tcp_offset"], &early["length"], &early["ahead"]),
        (&30.into(), &1.into(), &10.into())
    );
}

#[test]
fn a_gap_within_a_packet_costs_that_packet_alone() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, CONNECT);
    connection.send(Client, &PUBLISH[..6]);
    connection.lose(Client, 7);
    connection.send(Client, &[&PUBLISH[13..], PUBLISH].concat());
    for _ in 0..20 {
        connection.acknowledge(Server);
    }
    connection.send(Client, PINGREQ);
    let ran = json(&pcap(1, &connection.frames));
    let expected = [
        "note opened",
        "ok CONNECT",
        "note out_of_order",
        "note missing",
        "incomplete PUBLISH 7",
        "ok PUBLISH",
        "ok PINGREQ",
    ];
    assert_eq!(ran.gist(), expected);
    assert_eq!(ran.code, 0, "a lack in the capture is no fault of a packet");
    assert_eq!(ran.json()[5]["offset"], 31);
}

#[test]
fn after_a_gap_between_packets_the_next_whole_ones_are_found() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, CONNECT);
    connection.lose(Client, 40);
    connection.send(Client, &PUBLISH[3..]);
    connection.send(Client, &[PUBLISH, PINGREQ].concat());
    for _ in 0..20 {
        connection.acknowledge(Server);
    }
    let ran = json(&pcap(1, &connection.frames));
    let notes: Vec<_> = ran.gist().into_iter().filter(|gist| gist != "note out_of_order").collect();
    assert_eq!(
        notes,
        ["note opened", "ok CONNECT", "note missing", "note resynchronized", "ok PUBLISH", "ok PINGREQ"]
    );
    let json = ran.json();
    let note = json.iter().find(|record| record["note"] == "resynchronized").expect("a note");
    assert_eq!(note["skipped"], 13);
}

#[test]
fn a_stream_that_is_never_found_again_is_given_up_in_words() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, CONNECT);
    connection.lose(Client, 40);
    connection.send(Client, &PUBLISH[3..]);
    connection.fin(Client);
    connection.fin(Server);
    let ran = json(&pcap(1, &connection.frames));
    let expected =
        ["note opened", "ok CONNECT", "note out_of_order", "note missing", "note gave_up", "note closed"];
    assert_eq!(ran.gist(), expected);
}

#[test]
fn connections_are_told_apart_and_ports_used_again() {
    let mut first = Connection::new(1883).open();
    let mut second = Connection { client_port: 50_001, ..Connection::new(1883) }.open();
    first.send(Client, CONNECT);
    second.send(Client, CONNECT_V5);
    first.send(Server, CONNACK);
    second.send(Server, CONNACK_V5);
    first.send(Client, PUBLISH);
    second.reset(Server);
    let mut frames = [first.frames, second.frames].concat();
    frames.sort_by_key(|(time, _)| *time);
    // The same ports once more, with other sequence numbers.
    let mut third = Connection { client_port: 50_001, ..Connection::new(1883) };
    third.now += 1_000_000;
    third.lose(Client, 1_000_000);
    let mut third = third.open();
    third.send(Client, CONNECT);
    third.send(Client, PUBLISH);
    frames.extend(third.frames);
    let ran = json(&pcap(1, &frames));
    let of = |number: u64| -> Vec<String> {
        let json = ran.json();
        json.iter()
            .zip(ran.gist())
            .filter(|(record, _)| record["connection"]["number"] == number)
            .map(|(_, gist)| gist)
            .collect()
    };
    assert_eq!(of(1), ["note opened", "ok CONNECT", "ok CONNACK", "ok PUBLISH"]);
    assert_eq!(of(2), ["note opened", "ok CONNECT", "ok CONNACK", "note reset"]);
    assert_eq!(of(3), ["note opened", "ok CONNECT", "ok PUBLISH"]);
}

#[test]
fn the_client_is_found_without_a_syn_on_any_port() {
    let mut connection = Connection::new(7777);
    connection.send(Client, CONNECT);
    connection.send(Server, CONNACK);
    let ran = json(&pcap(1, &connection.frames));
    assert_eq!(ran.gist(), ["note joined", "ok CONNECT", "ok CONNACK"]);
    assert_eq!(ran.json()[2]["direction"], "server_to_client");
}

#[test]
fn a_connection_joined_late_is_read_by_the_version_that_fits() {
    let mut connection = Connection::new(1883);
    connection.send(Server, &PUBLISH[4..]);
    connection.send(Server, PUBLISH);
    connection.send(Client, PINGREQ);
    let ran = json(&pcap(1, &connection.frames));
    assert_eq!(ran.gist(), ["note joined", "note resynchronized", "ok PUBLISH", "ok PINGREQ"]);
    let publish = &ran.json()[2];
    assert_eq!((&publish["version"], &publish["version_guessed"]), (&"3.1.1".into(), &true.into()));
    assert_eq!(publish["direction"], "server_to_client");
    let told = run_with(&["--json", "--version", "3.1", "-"], &pcap(1, &connection.frames));
    assert_eq!(told.json()[2]["version"], "3.1");
    assert_eq!(told.json()[2]["version_guessed"], Value::Null);
}

#[test]
fn other_traffic_is_left_out_unless_its_port_is_named() {
    let mut connection = Connection::new(9999).open();
    connection.send(Client, b"\x10\x02hello");
    connection.send(Server, PINGRESP);
    let file = pcap(1, &connection.frames);
    let ran = json(&file);
    assert_eq!((ran.out.as_str(), ran.code), ("", 3));
    assert!(ran.err.contains("no MQTT in it; TCP connections of other kinds: 1"), "{}", ran.err);
    let named = run_with(&["--json", "--port", "9999", "-"], &file);
    assert_eq!(named.gist()[..2], ["note opened", "error CONNECT Truncated"]);
}

#[test]
fn the_first_packet_must_be_connect_when_the_beginning_was_seen() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, PINGREQ);
    let ran = json(&pcap(1, &connection.frames));
    assert_eq!(ran.gist(), ["note opened", "error PINGREQ UnexpectedPacket"]);
    assert_eq!(ran.json()[1]["error"]["rule"], "MQTT-3.1.0-1");
    assert_eq!(ran.code, 1);
}

#[test]
fn bad_packets_are_shown_in_place_and_the_stream_goes_on() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, CONNECT);
    connection.send(Server, CONNACK);
    connection.send(Client, b"\x30\x04\0\x02a#");
    // Not a server's to send, and refused by its first byte before the rest has come.
    connection.send(Server, &PINGREQ[..1]);
    connection.send(Server, &PINGREQ[1..]);
    connection.send(Client, PUBLISH);
    connection.send(Server, PINGRESP);
    let ran = json(&pcap(1, &connection.frames));
    let expected = [
        "note opened",
        "ok CONNECT",
        "ok CONNACK",
        "error PUBLISH WildcardInName",
        "error PINGREQ WrongDirection",
        "ok PUBLISH",
        "ok PINGRESP",
    ];
    assert_eq!(ran.gist(), expected);
    assert_eq!(ran.code, 1);
    let error = &ran.json()[3]["error"];
    assert_eq!((&error["offset"], &error["rule"]), (&5.into(), &"MQTT-3.3.2-2".into()));
}

#[test]
fn websocket_frames_may_split_and_gather_packets() {
    let mut connection = Connection::new(8080).open();
    connection.send(Client, &REQUEST[..30]);
    connection.send(Client, &REQUEST[30..]);
    connection.send(Server, &[SWITCHED, &frame(Server, 0x89, b"?")].concat());
    let (head, tail) = CONNECT.split_at(1);
    connection.send(
        Client,
        &[frame(Client, 0x02, head), frame(Client, 0x8A, b"?"), frame(Client, 0x80, tail)].concat(),
    );
    connection.send(Server, &frame(Server, 0x82, CONNACK));
    connection.send(Client, &frame(Client, 0x82, &[PUBLISH, PUBLISH, PINGREQ].concat()));
    connection.send(Client, &frame(Client, 0x88, b""));
    let ran = json(&pcap(1, &connection.frames));
    let expected = [
        "note opened",
        "note websocket",
        "note websocket_control",
        "note websocket_control",
        "ok CONNECT",
        "ok CONNACK",
        "ok PUBLISH",
        "ok PUBLISH",
        "ok PINGREQ",
        "note websocket_control",
    ];
    assert_eq!(ran.gist(), expected);
    let json = ran.json();
    assert_eq!((&json[1]["path"], &json[1]["subprotocol"]), (&"/mqtt".into(), &"mqtt".into()));
    assert_eq!(json[7]["offset"], 31, "offsets count MQTT's bytes");
}

#[test]
fn compressed_websocket_messages_are_inflated() {
    let deflate = |bytes: &[u8]| {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).and_then(|()| encoder.flush()).expect("a vector takes all");
        let deflated = encoder.get_ref().clone();
        deflated.strip_suffix(&[0, 0, 0xFF, 0xFF]).expect("a flush ends so").to_vec()
    };
    let agreed = b"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n\r\n";
    let mut connection = Connection::new(8080).open();
    connection.send(Client, REQUEST);
    connection.send(Server, &[&SWITCHED[..SWITCHED.len() - 2], agreed].concat());
    connection.send(Client, &frame(Client, 0xC2, &deflate(CONNECT)));
    connection.send(Server, &frame(Server, 0xC2, &deflate(CONNACK)));
    for _ in 0..2 {
        connection.send(Client, &frame(Client, 0xC2, &deflate(PUBLISH)));
        connection.send(Server, &frame(Server, 0xC2, &deflate(PUBLISH)));
    }
    connection.send(Client, &frame(Client, 0x82, PINGREQ));
    let ran = json(&pcap(1, &connection.frames));
    let publishes = ["ok PUBLISH"; 4];
    assert_eq!(ran.gist()[2..], [&["ok CONNECT", "ok CONNACK"], &publishes[..], &["ok PINGREQ"]].concat());
}

#[test]
fn a_gap_in_websocket_frames_is_overcome() {
    let mut connection = Connection::new(8080).open();
    connection.send(Client, REQUEST);
    connection.send(Server, SWITCHED);
    connection.send(Client, &frame(Client, 0x82, CONNECT));
    let wire = frame(Client, 0x82, &[PUBLISH, PINGREQ].concat());
    connection.send(Client, &wire[..10]);
    connection.lose(Client, 3);
    connection.send(Client, &wire[13..]);
    connection.fin(Client);
    connection.fin(Server);
    let ran = json(&pcap(1, &connection.frames));
    let expected = [
        "note opened",
        "note websocket",
        "ok CONNECT",
        "note out_of_order",
        "note missing",
        "incomplete PUBLISH 3",
        "ok PINGREQ",
        "note closed",
    ];
    assert_eq!(ran.gist(), expected);
}

#[test]
fn websocket_that_is_not_mqtt_is_left_out_and_a_refusal_is_told() {
    let mut other = Connection::new(8080).open();
    other.send(Client, b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
    other.send(Server, SWITCHED);
    assert_eq!(json(&pcap(1, &other.frames)).out, "");
    let mut refused = Connection::new(8080).open();
    refused.send(Client, REQUEST);
    refused.send(Server, b"HTTP/1.1 403 Forbidden\r\n\r\n");
    let ran = json(&pcap(1, &refused.frames));
    assert_eq!(ran.gist(), ["note opened", "note refused"]);
    assert_eq!(ran.json()[1]["http_status"], 403);
}

#[test]
fn tls_is_named() {
    let mut connection = Connection::new(8883).open();
    connection.send(Client, b"\x16\x03\x01\x02\x00\x01");
    connection.send(Server, b"\x16\x03\x03\x02\x00\x01");
    assert_eq!(json(&pcap(1, &connection.frames)).gist(), ["note opened", "note encrypted"]);
}
