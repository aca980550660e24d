//! Captures that begin in the middle, lack bytes, or hold some twice: what can be read is, and nothing is judged
//! by what is missing.

mod support;

use sha2::{Digest, Sha256};
use support::{
    CONNACK, CONNACK_V5, CONNECT, CONNECT_V5, Client, Connection, DISCONNECT, End, Link, PINGREQ, PINGRESP,
    PUBLISH, REQUEST, Ran, SWITCHED, Server, frame, json, pcap, run_with,
};

const CONNECT_V31: &[u8] = b"\x10\x0f\0\x06MQIsdp\x03\x02\0\x3c\0\x01a";

/// A PUBLISH at QoS 1 with a payload of so many bytes; 5.0 has no properties in it.
fn publish(v5: bool, id: u8, length: usize, byte: u8) -> Vec<u8> {
    let mut body = b"\0\x05cam/1\0".to_vec();
    body.push(id);
    body.extend(vec![0; usize::from(v5)]);
    body.extend(vec![byte; length]);
    let (low, high) = (body.len() % 128, body.len() / 128);
    let mut packet = vec![0x32];
    if high > 0 {
        packet.push(0x80 | u8::try_from(low).expect("small"));
        packet.push(u8::try_from(high).expect("small"));
    } else {
        packet.push(u8::try_from(low).expect("small"));
    }
    packet.extend(body);
    packet
}

fn packets(ran: &Ran) -> Vec<String> {
    ran.gist().into_iter().filter(|gist| !gist.starts_with("note")).collect()
}

fn other(end: End) -> End {
    if end == Client { Server } else { Client }
}

#[test]
fn a_connect_is_the_beginning_even_without_a_syn() {
    let bridge: &[u8] = b"\x10\x0d\0\x04MQTT\x84\x02\0\x3c\0\x01a";
    let bad: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x03\0\x3c\0\x01a";
    for (connect, connack, version, first, code) in [
        (CONNECT_V31, CONNACK, "3.1", "ok CONNECT", 0),
        (CONNECT, CONNACK, "3.1.1", "ok CONNECT", 0),
        (CONNECT_V5, CONNACK_V5, "5.0", "ok CONNECT", 0),
        (bridge, CONNACK, "3.1.1", "ok CONNECT", 0),
        (bad, CONNACK, "3.1.1", "error CONNECT ConnectReservedFlag", 1),
    ] {
        for port in [1883, 7777] {
            for split in 0..connect.len() {
                let mut connection = Connection::new(port);
                let (head, tail) = connect.split_at(split);
                for part in [head, tail].into_iter().filter(|part| !part.is_empty()) {
                    connection.send(Client, part);
                }
                connection.send(Server, connack);
                connection.send(Client, PINGREQ);
                let ran =
                    run_with(&["--json", "--tolerate", "bridge-level", "-"], &pcap(1, &connection.frames));
                assert_eq!(
                    ran.gist(),
                    ["note joined", first, "ok CONNACK", "ok PINGREQ"],
                    "{version}, port {port}, split at {split}"
                );
                assert_eq!(ran.code, code);
                assert_eq!(ran.json()[1]["version"], version);
                assert!(ran.json().iter().all(|record| record.get("version_guessed").is_none()));
            }
        }
    }
}

/// Six packets from one side, acknowledged by the other, in segments of `size`, of which the capture lacks the
/// first `late` bytes.
fn joined(from: End, v5: bool, size: usize, late: usize) -> Connection {
    let mut connection = Connection::new(1883);
    let mut skip = late;
    for id in 1..=6 {
        for part in publish(v5, id, 300, b'A' + id).chunks(size) {
            let skipped = skip.min(part.len());
            skip -= skipped;
            connection.lose(from, skipped);
            if skipped < part.len() {
                connection.send(from, &part[skipped..]);
            }
        }
        connection.send(other(from), &[0x40, 2, 0, id]);
    }
    connection
}

#[test]
fn streams_are_taken_up_in_the_middle_whatever_the_segments_and_the_side() {
    for from in [Client, Server] {
        for v5 in [false, true] {
            for size in [1, 40, 100, 200, 311, 1460] {
                for late in [0, 1, 150, 311, 312, 314, 700] {
                    let ran = json(&pcap(1, &joined(from, v5, size, late).frames));
                    let case = format!("{from:?}, 5.0: {v5}, segments of {size}, {late} late");
                    assert_eq!(ran.code, 0, "{case}: {:?}", ran.gist());
                    let packets = packets(&ran);
                    let count = |name: &str| packets.iter().filter(|packet| *packet == name).count();
                    let length = publish(v5, 1, 300, b'A').len();
                    let whole = 6 - late.div_ceil(length);
                    assert_eq!(count("ok PUBLISH"), whole, "{case}: {:?}", ran.gist());
                    assert_eq!(count("ok PUBACK"), 6, "{case}");
                    assert_eq!(packets.len(), 6 + whole, "{case}");
                    let records = ran.json();
                    let publishes: Vec<_> =
                        records.iter().filter(|record| record["type"] == "PUBLISH").collect();
                    assert!(publishes.iter().all(|record| record["version_guessed"] == true), "{case}");
                    let version = if v5 { "5.0" } else { "3.1.1" };
                    assert!(publishes.iter().all(|record| record["version"] == version), "{case}");
                    let passed_over = (6 - whole) * length - late;
                    let skipped = records.iter().find(|record| record["note"] == "resynchronized");
                    let skipped = skipped.map_or(0, |record| record["skipped"].as_u64().expect("a number"));
                    assert_eq!(skipped, passed_over as u64, "{case}");
                }
            }
        }
    }
}

#[test]
fn a_guess_is_marked_in_every_output() {
    let file = pcap(1, &joined(Client, true, 200, 0).frames);
    let timeline = run_with(&["-"], &file).out;
    assert_eq!(timeline.matches("[MQTT 5.0, guessed]").count(), 12, "{timeline}");
    assert!(run_with(&["--explain", "-"], &file).out.contains("MQTT 5.0 (guessed)"));
    assert!(run_with(&["--stats", "-"], &file).out.contains("MQTT 5.0 (guessed)"));
    let summary = run_with(&["--stats", "--json", "-"], &file).json();
    assert_eq!(summary[0]["versions_guessed"]["5.0"], 12);
}

#[test]
fn a_packet_keeps_the_time_at_which_it_came_whenever_it_is_proven() {
    let mut connection = Connection::new(1883);
    // The end of a packet, and a small one behind it, in one segment: proven by the answer alone.
    let tail = [b'x'; 40].as_slice();
    connection.send(Client, &[tail, &publish(false, 9, 3, b'a'), &[0xC0]].concat());
    let came = connection.now;
    connection.now += 3_000_000;
    connection.send(Server, b"\x40\x02\0\x09");
    let ran = json(&pcap(1, &connection.frames));
    let records = ran.json();
    let publish = records.iter().find(|record| record["type"] == "PUBLISH").expect("it is found");
    assert_eq!(publish["elapsed"], 0.0, "{came}");
    assert_eq!(packets(&ran), ["ok PUBACK", "ok PUBLISH", "incomplete PINGREQ 1"]);
}

/// A conversation of every kind of packet with segments of the usual kinds, as (who, what).
fn conversation(v5: bool) -> Vec<(End, Vec<u8>)> {
    let empty: &[u8] = if v5 { b"\0" } else { b"" };
    vec![
        (Client, if v5 { CONNECT_V5.to_vec() } else { CONNECT.to_vec() }),
        (Server, if v5 { CONNACK_V5.to_vec() } else { CONNACK.to_vec() }),
        (Client, [&[0x82, 8 + u8::from(v5), 0, 1], empty, b"\0\x03a/b\x01"].concat()),
        (Server, [&[0x90, 3 + u8::from(v5), 0, 1], empty, b"\x01"].concat()),
        (Client, publish(v5, 2, 200, b'p')[..100].to_vec()),
        (Client, publish(v5, 2, 200, b'p')[100..].to_vec()),
        (Server, b"\x40\x02\0\x02".to_vec()),
        (Server, [publish(v5, 7, 30, b'q'), publish(v5, 8, 30, b'r')].concat()),
        (Client, b"\x40\x02\0\x07\x40\x02\0\x08".to_vec()),
        (Client, PINGREQ.to_vec()),
        (Server, PINGRESP.to_vec()),
        (Client, DISCONNECT.to_vec()),
    ]
}

fn on_the_wire(segments: &[(End, Vec<u8>)], missing: impl Fn(usize) -> bool) -> Connection {
    let mut connection = Connection::new(1883).open();
    for (index, (from, bytes)) in segments.iter().enumerate() {
        if missing(index) {
            connection.lose(*from, bytes.len());
        } else {
            connection.send(*from, bytes);
        }
    }
    connection.fin(Client);
    connection.fin(Server);
    connection
}

fn in_websocket(v5: bool) -> Vec<(End, Vec<u8>)> {
    let mut segments = vec![(Client, REQUEST.to_vec()), (Server, SWITCHED.to_vec())];
    segments.extend(conversation(v5).into_iter().map(|(from, bytes)| (from, frame(from, 0x82, &bytes))));
    segments
}

#[test]
fn no_hole_is_taken_for_an_error_of_what_follows() {
    for v5 in [false, true] {
        for segments in [conversation(v5), in_websocket(v5)] {
            for first in 0..segments.len() {
                for second in first..segments.len() {
                    let connection = on_the_wire(&segments, |index| index == first || index == second);
                    let ran = json(&pcap(1, &connection.frames));
                    let case = format!("5.0: {v5}, without {first} and {second}: {:?}", ran.gist());
                    assert_eq!(ran.code, 0, "{case}");
                    // What is missing is one packet at least; all but few of the others are found.
                    let lost =
                        segments.len() + 1 - packets(&ran).iter().filter(|one| one.starts_with("ok")).count();
                    assert!(lost <= 6, "{lost} lost, {case}");
                    assert!(ran.gist().iter().any(|gist| gist == "note missing"), "{case}");
                }
            }
        }
    }
}

#[test]
fn no_snap_length_is_taken_for_an_error_or_hides_what_it_leaves() {
    for v5 in [false, true] {
        for length in 54..300 {
            let mut connection = on_the_wire(&conversation(v5), |_| false);
            for (_, bytes) in &mut connection.frames {
                bytes.truncate(length);
            }
            let ran = json(&pcap(1, &connection.frames));
            let code = if packets(&ran).is_empty() { 3 } else { 0 };
            assert_eq!(ran.code, code, "5.0: {v5}, {length}: {:?}", ran.gist());
            let pings = packets(&ran).iter().filter(|packet| packet.starts_with("ok PING")).count();
            assert_eq!(pings, if length < 56 { 0 } else { 2 }, "5.0: {v5}, {length}: {:?}", ran.gist());
        }
    }
}

#[test]
fn what_is_no_mqtt_is_not_taken_for_it() {
    let mut state = 1_u64;
    let mut random = |length: usize| -> Vec<u8> {
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        };
        (0..length).map(next).collect()
    };
    let text = br#"{"temperature": 21.5, "list": [1, 2, 3], "name": "lampu"}"#.repeat(20);
    let zeros = vec![0; 1400];
    let noise: Vec<Vec<u8>> = (0..40).map(|_| random(1400)).collect();
    let tls: Vec<Vec<u8>> =
        (0..10).map(|_| [b"\x17\x03\x03\x05\x73".as_slice(), &random(0x573)].concat()).collect();
    for pieces in [&noise, &vec![text; 20], &vec![zeros; 20], &tls] {
        for port in [1883, 4711] {
            let mut connection = Connection::new(port);
            for piece in pieces {
                connection.send(Server, piece);
                connection.acknowledge(Client);
            }
            let ran = json(&pcap(1, &connection.frames));
            assert_eq!(packets(&ran), [""; 0], "port {port}");
            assert_eq!(ran.gist().is_empty(), port == 4711);
        }
    }
}

#[test]
fn other_connections_of_a_server_are_read_or_counted() {
    let mut before = Connection { client_port: 40_001, ..Connection::new(7777) };
    before.send(Client, &publish(false, 3, 5, b'a'));
    before.send(Server, b"\x40\x02\0\x03");
    let mut early = Connection { client_port: 40_002, ..Connection::new(7777) };
    early.send(Server, &PUBLISH[3..]);
    let mut known = Connection::new(7777).open();
    known.now += 10_000;
    known.send(Client, CONNECT);
    known.send(Server, CONNACK);
    let mut frames = [before.frames.clone(), early.frames, known.frames].concat();
    before.frames.clear();
    before.now += 100_000;
    before.send(Client, &publish(false, 4, 5, b'a'));
    before.send(Server, b"\x40\x02\0\x04");
    frames.extend(before.frames);
    let ran = json(&pcap(1, &frames));
    let expected = ["note opened", "ok CONNECT", "ok CONNACK", "note joined", "ok PUBLISH", "ok PUBACK"];
    assert_eq!(ran.gist(), expected);
    assert!(ran.err.contains("1 connection with a server of MQTT is left out"), "{}", ran.err);
    let stats = run_with(&["--stats", "--json", "-"], &pcap(1, &frames));
    assert_eq!(stats.json()[0]["left_out"]["with_mqtt_servers"], 1);
    assert!(run_with(&["--stats", "-"], &pcap(1, &frames)).out.contains("1  of them with a server of MQTT"));
}

#[test]
fn a_device_that_comes_back_with_the_same_numbers_is_a_new_connection() {
    for ends in ["reset", "close", "silence"] {
        let mut first = Connection::new(1883).open();
        first.send(Client, CONNECT);
        first.send(Server, CONNACK);
        match ends {
            "reset" => first.reset(Server),
            "close" => {
                first.fin(Client);
                first.fin(Server);
            }
            _ => {}
        }
        let mut second = Connection::new(1883);
        second.now = first.now + 5_000_000;
        second.lose(Server, 77_000);
        let mut second = second.open();
        second.send(Client, CONNECT);
        second.send(Server, CONNACK);
        second.send(Client, PINGREQ);
        let ran = json(&pcap(1, &[first.frames, second.frames].concat()));
        assert_eq!(
            packets(&ran),
            ["ok CONNECT", "ok CONNACK", "ok CONNECT", "ok CONNACK", "ok PINGREQ"],
            "{ends}"
        );
        let notes: Vec<_> = ran.gist().into_iter().filter(|gist| gist == "note retransmission").collect();
        assert!(notes.is_empty(), "{ends}");
    }
    // Who gets no answer sends its SYN again, and that is no new connection.
    let mut patient = Connection::new(1883);
    patient.syn(Client);
    patient.now += 1_000_000;
    let mut patient = patient.open();
    patient.send(Client, CONNECT);
    assert_eq!(json(&pcap(1, &patient.frames)).gist(), ["note opened", "ok CONNECT"]);
}

#[test]
fn copies_of_segments_are_passed_over_and_no_retransmissions() {
    let mut connection = on_the_wire(&conversation(false), |_| false);
    let once = packets(&json(&pcap(1, &connection.frames)));
    let twice = |later: u64| {
        connection
            .frames
            .iter()
            .flat_map(move |(time, frame)| [(*time, frame.clone()), (*time + later, frame.clone())])
    };
    let copied = json(&pcap(1, &twice(30).collect::<Vec<_>>()));
    assert_eq!(packets(&copied), once);
    assert_eq!(copied.gist().iter().filter(|gist| *gist == "note copies").count(), 1);
    assert!(!copied.gist().contains(&"note retransmission".to_owned()));
    // After the time that a round trip takes the same segments are sent again, and no copies.
    let data = connection.frames.split_off(3);
    let mut again = connection.frames.clone();
    again.extend(data.iter().take(1).cloned());
    let (time, frame) = data[0].clone();
    again.push((time + 400_000, frame));
    assert_eq!(json(&pcap(1, &again)).gist(), ["note opened", "ok CONNECT", "note retransmission"]);
}

#[test]
fn bytes_that_change_when_they_are_sent_again_are_named() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, CONNECT);
    let before = connection.sent;
    connection.send(Client, PUBLISH);
    connection.sent = before;
    connection.now += 300_000;
    connection.send(Client, &[&PUBLISH[..10], b"XX", &PUBLISH[12..], PINGREQ].concat());
    let ran = json(&pcap(1, &connection.frames));
    let expected =
        ["note opened", "ok CONNECT", "ok PUBLISH", "note retransmission", "note differing", "ok PINGREQ"];
    assert_eq!(ran.gist(), expected);
    assert_eq!(ran.json()[4]["length"], 2);
    assert_eq!(ran.json()[2]["fields"]["payload"]["text"], "menyala", "what came first");
}

#[test]
fn a_refusal_is_shown_by_the_version_of_who_refuses() {
    let refused = |connect: &[u8], connack: &[u8]| {
        let mut connection = Connection::new(1883).open();
        connection.send(Client, connect);
        connection.send(Server, connack);
        json(&pcap(1, &connection.frames))
    };
    for (connect, connack, version) in
        [(CONNECT_V5, b"\x20\x02\0\x01".as_slice(), "3.1.1"), (CONNECT, b"\x20\x03\0\x84\0", "5.0")]
    {
        let ran = refused(connect, connack);
        assert_eq!((packets(&ran), ran.code), (vec!["ok CONNECT".to_owned(), "ok CONNACK".to_owned()], 0));
        assert_eq!(ran.json()[2]["version"], version);
        assert!(ran.json()[2].get("version_guessed").is_none());
    }
    // To accept in another version is an error.
    assert_eq!(refused(CONNECT_V5, CONNACK).code, 1);
    assert_eq!(refused(CONNECT, CONNACK_V5).code, 1);
}

#[test]
fn a_long_payload_is_shown_by_its_hash_and_its_head() {
    let payload: Vec<u8> = (b'a'..=b'z').cycle().take(3_000_000).collect();
    let topic = b"\0\x05cam/1";
    let length = topic.len() + payload.len();
    let mut packet = vec![0x30];
    for shift in [0, 7, 14] {
        packet.push(u8::try_from(length >> shift & 0x7F).expect("small") | 0x80);
    }
    packet.push(u8::try_from(length >> 21).expect("small"));
    packet.extend(topic);
    packet.extend(&payload);
    for lost in [false, true] {
        let mut connection = Connection::on(1883, Link::Raw, false).open();
        connection.send(Client, CONNECT);
        for (index, part) in packet.chunks(30_000).enumerate() {
            if lost && index == 50 {
                connection.lose(Client, part.len());
            } else {
                connection.send(Client, part);
            }
            connection.acknowledge(Server);
        }
        connection.send(Client, PINGREQ);
        for _ in 0..20 {
            connection.acknowledge(Server);
        }
        let ran = json(&pcap(101, &connection.frames));
        if lost {
            assert_eq!(packets(&ran), ["ok CONNECT", "incomplete PUBLISH 30000", "ok PINGREQ"]);
            continue;
        }
        assert_eq!(packets(&ran), ["ok CONNECT", "ok PUBLISH", "ok PINGREQ"]);
        let publish = &ran.json()[2];
        assert_eq!(publish["raw_length"], packet.len());
        let shown = &publish["fields"]["payload"];
        assert_eq!(shown["length"], payload.len());
        assert_eq!(shown["sha256"], support::hex(&Sha256::digest(&payload)));
        assert_eq!(shown["head"], support::hex(&payload[..256]));
        let timeline = run_with(&["-"], &pcap(101, &connection.frames)).out;
        assert!(timeline.contains("(3000000 bytes, SHA-256 "), "{timeline}");
        let stats = run_with(&["--stats", "--json", "-"], &pcap(101, &connection.frames)).json();
        assert_eq!(stats[0]["ok"]["bytes"], CONNECT.len() + packet.len() + PINGREQ.len());
        let explained = run_with(&["--explain", "--packet", "2", "-"], &pcap(101, &connection.frames)).out;
        assert!(explained.contains("all of the payload: 3000000 bytes, SHA-256"), "{explained}");
    }
}

#[test]
fn a_connection_of_which_nothing_is_heard_is_let_go_in_words() {
    let mut idle = Connection::new(1883).open();
    idle.send(Client, CONNECT);
    let mut active = Connection { client_port: 40_000, ..Connection::new(1883) };
    active.now = idle.now + 29 * 3_600_000_000;
    active.send(Client, CONNECT);
    let mut back = idle.clone();
    back.frames.clear();
    back.now = active.now + 1_000_000;
    back.send(Client, PINGREQ);
    let ran = json(&pcap(1, &[idle.frames, active.frames, back.frames].concat()));
    let expected = [
        "note opened",
        "ok CONNECT",
        "note forgotten",
        "note joined",
        "ok CONNECT",
        "note joined",
        "ok PINGREQ",
    ];
    assert_eq!(ran.gist(), expected);
}

#[test]
fn whatever_is_done_to_a_capture_the_program_ends_well() {
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let rounds = std::env::var("MQTT_INSPECT_ROUNDS").map_or(150, |text| text.parse().expect("a number"));
    for round in 0..rounds {
        let v5 = random(2) == 1;
        let segments = if random(2) == 1 { conversation(v5) } else { in_websocket(v5) };
        let mut frames = on_the_wire(&segments, |_| false).frames;
        for _ in 0..=random(6) {
            let at = random(frames.len());
            match random(6) {
                0 => drop(frames.remove(at)),
                1 => frames.push(frames[at].clone()),
                2 => {
                    let other = random(frames.len());
                    frames.swap(at, other);
                }
                3 => {
                    let length = random(frames[at].1.len()) + 1;
                    frames[at].1.truncate(length);
                }
                // Behind the addresses, so that it stays in its connection.
                _ if frames[at].1.len() > 40 => {
                    let byte = 38 + random(frames[at].1.len() - 38);
                    frames[at].1[byte] ^= 1 << random(8);
                }
                _ => {}
            }
        }
        let file = pcap(1, &frames);
        let ran = json(&file);
        assert!(matches!(ran.code, 0 | 1 | 3 | 5), "round {round}: {}", ran.err);
        let shown = run_with(&["-"], &file);
        assert_eq!(shown.code, ran.code, "round {round}: {}", shown.err);
    }
}
