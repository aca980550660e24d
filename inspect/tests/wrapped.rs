//! MQTT behind the PROXY protocol and in WebSocket whose handshake is missing or whose frames are forbidden, and
//! what turns out to be HTTP or TLS.

mod support;

use support::{
    CONNACK, CONNECT, CONNECT_V5, Client, Connection, End, PINGREQ, PINGRESP, PUBLISH, REQUEST, Ran,
    SWITCHED, Server, frame, json, pcap, run_with,
};

const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x0a\x09\x08\x07\xc7\x38\x07\x5b";
const PROXY_V1: &[u8] = b"PROXY TCP4 203.0.113.7 10.9.8.7 51000 1883\r\n";

fn notes(ran: &Ran) -> Vec<String> {
    ran.gist().into_iter().filter(|gist| gist.starts_with("note")).collect()
}

#[test]
fn a_proxy_header_is_told_and_taken_off() {
    for header in [PROXY_V1, PROXY_V2, b"PROXY UNKNOWN\r\n"] {
        for syn in [true, false] {
            let wire = [header, CONNECT].concat();
            for split in 1..wire.len() {
                let mut connection = Connection::new(7777);
                if syn {
                    connection = connection.open();
                }
                connection.send(Client, &wire[..split]);
                connection.send(Client, &wire[split..]);
                connection.send(Server, CONNACK);
                connection.send(Client, PUBLISH);
                let ran = json(&pcap(1, &connection.frames));
                let begin = if syn { "note opened" } else { "note joined" };
                assert_eq!(
                    ran.gist(),
                    [begin, "note proxy", "ok CONNECT", "ok CONNACK", "ok PUBLISH"],
                    "{header:02x?} split at {split}"
                );
                let json = ran.json();
                assert_eq!((&json[2]["offset"], &json[4]["offset"]), (&0.into(), &CONNECT.len().into()));
                if header != b"PROXY UNKNOWN\r\n" {
                    assert_eq!(json[1]["source_address"], "203.0.113.7:51000");
                    assert_eq!(json[1]["destination_address"], "10.9.8.7:1883");
                }
            }
        }
    }
    let mut websocket = Connection::new(8080).open();
    websocket.send(Client, PROXY_V1);
    websocket.send(Client, REQUEST);
    websocket.send(Server, SWITCHED);
    websocket.send(Client, &frame(Client, 0x82, CONNECT));
    let ran = json(&pcap(1, &websocket.frames));
    assert_eq!(ran.gist(), ["note opened", "note proxy", "note websocket", "ok CONNECT"]);
}

#[test]
fn http_of_any_method_and_tls_are_named_when_they_are_seen() {
    let requests: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /api HTTP/1.1\r\nHost: a\r\n\r\n{}",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"PROPFIND /a HTTP/1.1\r\n\r\n",
    ];
    let responses: [&[u8]; 1] = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"];
    let tls: [&[u8]; 3] =
        [b"\x16\x03\x01\x02\0\x01\0\x01\xfc", b"\x17\x03\x03\x01\0aaaa", b"\x15\x03\x03\0\x02\x01\0"];
    let cases = requests
        .iter()
        .map(|bytes| (Client, *bytes, "note http"))
        .chain(responses.iter().map(|bytes| (Server, *bytes, "note http")))
        .chain(tls.iter().map(|bytes| (Client, *bytes, "note encrypted")))
        .chain(tls.iter().map(|bytes| (Server, *bytes, "note encrypted")));
    for (from, bytes, note) in cases {
        for syn in [true, false] {
            if syn && from == Server {
                continue;
            }
            let mut connection = Connection::new(1883);
            if syn {
                connection = connection.open();
            }
            connection.now += 2_000_000;
            connection.send(from, bytes);
            let seen = connection.now;
            connection.send(other(from), b"whatever");
            let ran = json(&pcap(1, &connection.frames));
            let begin = if syn { "note opened" } else { "note joined" };
            assert_eq!(ran.gist(), [begin, note], "{bytes:02x?}");
            let first = connection.frames[0].0;
            let elapsed = ran.json()[1]["elapsed"].as_f64().expect("a number");
            #[expect(clippy::cast_precision_loss)]
            let expected = (seen - first) as f64 / 1e6;
            assert!((elapsed - expected).abs() < 1e-6, "{elapsed}, not {expected}");
            assert_eq!((ran.code, ran.err.as_str()), (3, ""));
        }
    }
    // The capture begins within a record.
    let mut late = Connection::new(8883);
    late.send(Server, &[b'r'; 500]);
    late.send(
        Server,
        &[b"\x17\x03\x03\0\x20".as_slice(), &[b'e'; 32], b"\x17\x03\x03\x02\0", &[b'e'; 100]].concat(),
    );
    assert!(notes(&json(&pcap(1, &late.frames))).contains(&"note encrypted".to_owned()));
}

fn other(end: End) -> End {
    if end == Client { Server } else { Client }
}

/// A conversation in WebSocket without the first segments of it.
fn websocket(port: u16, syn: bool, without: usize, single: bool) -> Ran {
    let mut connection = Connection::new(port);
    if syn {
        connection = connection.open();
    }
    let long = [b"\x30\xf5\x03\0\x05lampu".as_slice(), &[b'm'; 494]].concat();
    let segments = [
        (Client, REQUEST.to_vec()),
        (Server, SWITCHED.to_vec()),
        (Client, frame(Client, 0x82, CONNECT)),
        (Server, frame(Server, 0x82, CONNACK)),
        (Client, frame(Client, 0x82, &long)[..300].to_vec()),
        (Client, frame(Client, 0x82, &long)[300..].to_vec()),
        (Client, frame(Client, 0x82, &[PUBLISH, PINGREQ].concat())),
        (Server, frame(Server, 0x82, PINGRESP)),
    ];
    for (index, (from, bytes)) in segments.iter().enumerate() {
        if (single && index == without) || (!single && index < without) {
            connection.lose(*from, bytes.len());
        } else {
            connection.send(*from, bytes);
        }
    }
    for _ in 0..20 {
        connection.acknowledge(Server);
        connection.acknowledge(Client);
    }
    json(&pcap(1, &connection.frames))
}

#[test]
fn websocket_is_read_without_its_handshake() {
    let packets = |ran: &Ran| -> Vec<String> {
        let mut packets: Vec<_> = ran.gist().into_iter().filter(|gist| !gist.starts_with("note")).collect();
        packets.sort();
        packets
    };
    let all = ["ok CONNACK", "ok CONNECT", "ok PINGREQ", "ok PINGRESP", "ok PUBLISH", "ok PUBLISH"]
        .map(str::to_owned);
    for port in [1883, 9001] {
        // The answer alone is missing, or the request, too.
        let ran = websocket(port, true, 1, true);
        assert_eq!(packets(&ran), all, "{:?}", ran.gist());
        assert!(notes(&ran).contains(&"note websocket_unseen".to_owned()), "{:?}", ran.gist());
        let ran = websocket(port, false, 2, false);
        assert_eq!(packets(&ran), all, "{:?}", ran.gist());
        assert!(notes(&ran).contains(&"note websocket_joined".to_owned()), "{:?}", ran.gist());
        // So is the CONNECT.
        let ran = websocket(port, false, 4, false);
        assert_eq!(ran.code, 0, "{:?}", ran.gist());
        assert_eq!(
            packets(&ran),
            ["ok PINGREQ", "ok PINGRESP", "ok PUBLISH", "ok PUBLISH"],
            "{:?}",
            ran.gist()
        );
    }
    // Only the answer was captured of the handshake.
    let ran = websocket(9001, false, 1, false);
    assert_eq!(packets(&ran), all, "{:?}", ran.gist());
}

#[test]
fn another_subprotocol_is_read_where_the_user_says_so() {
    for protocol in ["", "Sec-WebSocket-Protocol: chat\r\n"] {
        let mut connection = Connection::new(9001).open();
        connection.send(
            Client,
            format!("GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{protocol}\r\n")
                .as_bytes(),
        );
        connection.send(Server, format!("HTTP/1.1 101 Switching Protocols\r\n{protocol}\r\n").as_bytes());
        connection.send(Client, &frame(Client, 0x82, CONNECT_V5));
        let file = pcap(1, &connection.frames);
        assert_eq!(json(&file).out, "");
        let ran = run_with(&["--json", "--port", "9001", "-"], &file);
        assert_eq!(ran.gist(), ["note opened", "note websocket", "ok CONNECT"]);
    }
}

/// What is made of frames from the client, after a CONNECT and before a PINGREQ.
fn framed(frames: &[&[u8]]) -> Ran {
    let mut connection = Connection::new(8080).open();
    connection.send(Client, REQUEST);
    connection.send(Server, SWITCHED);
    connection.send(Client, &frame(Client, 0x82, CONNECT));
    for bytes in frames {
        connection.send(Client, bytes);
    }
    connection.send(Client, &frame(Client, 0x82, PINGREQ));
    json(&pcap(1, &connection.frames))
}

#[test]
fn text_messages_are_left_out_to_their_last_fragment() {
    let ran = framed(&[
        &frame(Client, 0x01, b"hello"),
        &frame(Client, 0x89, b"?"),
        &frame(Client, 0x00, b"\xc0\0"),
        &frame(Client, 0x80, b"more"),
    ]);
    let expected = [
        "note opened",
        "note websocket",
        "ok CONNECT",
        "note websocket_text",
        "note websocket_control",
        "ok PINGREQ",
    ];
    assert_eq!(ran.gist(), expected);
}

#[test]
fn forbidden_frames_are_named_once_and_do_not_derail_the_rest() {
    let unmasked = [[0x82, u8::try_from(PUBLISH.len()).expect("small")].as_slice(), PUBLISH].concat();
    let long = [&[0x82, 0xFE, 0, 2, 0, 0, 0, 0], PINGREQ].concat();
    let control = frame(Client, 0x89, &[b'p'; 126]);
    let cases: [(&str, &[&[u8]], &str, usize); 8] = [
        ("5.1", &[&unmasked, &unmasked], "without a mask", 2),
        ("RSV1", &[&frame(Client, 0xC2, b"zzzz"), &frame(Client, 0xC2, b"zzzz")], "RSV1 is set", 0),
        ("RSV2", &[&frame(Client, 0xA2, PUBLISH)], "reserved bit", 1),
        ("stray", &[&frame(Client, 0x80, b"\x30\x7f")], "without a message to continue", 0),
        (
            "interleaved",
            &[&frame(Client, 0x02, PUBLISH), &frame(Client, 0x82, PUBLISH)],
            "begins within another",
            2,
        ),
        ("control", &[&control, &frame(Client, 0x09, b"")], "more than 125 bytes", 0),
        ("long", &[&long], "longer form", 0),
        ("top bit", &[b"\x82\xff\x80\0\0\0\0\0\0\x02\0\0\0\0\xc0\0"], "top bit", 0),
    ];
    for (name, frames, text, published) in cases {
        let ran = framed(frames);
        let faults: Vec<_> =
            ran.json().into_iter().filter(|record| record["note"] == "websocket_fault").collect();
        assert_eq!(faults.len(), 1, "{name}: {:?}", ran.gist());
        assert!(faults[0]["text"].as_str().expect("text").contains(text), "{name}: {}", faults[0]);
        assert_eq!(ran.code, 0, "{name}: {:?}", ran.gist());
        let gist = ran.gist();
        assert_eq!(gist.iter().filter(|gist| *gist == "ok PUBLISH").count(), published, "{name}: {gist:?}");
        assert!(gist.contains(&"ok PINGREQ".to_owned()), "{name}: {gist:?}");
    }
}
