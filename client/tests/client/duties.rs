//! What the standards leave to the program around a session.

use std::net::TcpListener;
use std::process::Stdio;

use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, accept_hdr};

use crate::matrix::subscriber;
use crate::process::{PATIENCE, ours, run, run_with, succeed};
use crate::server::{Mosquitto, Proxy, Wanted, fixed};

const PINGREQ: [u8; 2] = [0xC0, 0];

#[test]
fn an_idle_client_asks_and_ends_without_an_answer() {
    for (version, connack) in [("311", &[0x20, 2, 0, 0][..]), ("5", &[0x20, 3, 0, 0, 0][..])] {
        let (port, rest) = fixed(connack);
        let ended = run(&format!("sub -h 127.0.0.1 -p {port} -V {version} -t a -k 1 --no-reconnect -i c"));
        assert_eq!(ended.code, Some(6), "{}", ended.stderr);
        let sent = rest.recv_timeout(PATIENCE).unwrap();
        assert!(sent.windows(2).any(|bytes| bytes == PINGREQ), "{sent:02x?}");
    }
}

#[test]
fn a_client_whose_output_nobody_reads_keeps_the_connection_alive() {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut child = ours(&format!("sub -h 127.0.0.1 -p {port} -V 311 -t a -k 1 -C 3000"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_millis(1500))).unwrap();
    let mut first = [0; 1024];
    assert!(stream.read(&mut first).unwrap() > 0);
    stream.write_all(&[0x20, 2, 0, 0]).unwrap();
    assert!(stream.read(&mut first).unwrap() > 0);
    // SUBACK, and more messages than a pipe has room for.
    stream.write_all(&[0x90, 3, 0, 1, 0]).unwrap();
    let message = [&[0x30, 103, 0, 1, b'a'][..], &[b'x'; 100]].concat();
    stream.write_all(&message.repeat(3000)).unwrap();
    for n in 0..5 {
        let mut ping = [0; 2];
        stream.read_exact(&mut ping).unwrap_or_else(|error| panic!("no PINGREQ number {n}: {error}"));
        assert_eq!(ping, PINGREQ);
        stream.write_all(&[0xD0, 0]).unwrap();
    }
    let mut printed = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut printed).unwrap();
    assert_eq!(printed.len(), 3000 * 101);
    drop(stream);
    child.wait().unwrap();
}

/// However long the messages come faster than they are printed.
#[test]
#[cfg(target_os = "linux")]
fn a_subscriber_that_does_not_keep_up_holds_no_more_than_a_queue() {
    use std::io::{BufRead, BufReader, Read, Write};
    const COUNT: usize = 800;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut child = ours(&format!("sub -h 127.0.0.1 -p {port} -V 311 -t a --json"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    for answer in [&[0x20, 2, 0, 0][..], &[0x90, 3, 0, 1, 0]] {
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
        stream.write_all(answer).unwrap();
    }
    // Remaining length: 65,535 bytes, in seven bits each.
    let mut message = vec![0x30, 0xFF, 0xFF, 0x03, 0, 1, b'a'];
    message.resize(4 + 65_535, b'x');
    let sender = std::thread::spawn(move || {
        (0..COUNT).for_each(|_| stream.write_all(&message).unwrap());
        stream
    });
    let printed = BufReader::new(child.stdout.take().unwrap()).split(b'\n').take(COUNT).count();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(sender.join().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let most: usize = most.unwrap().parse().unwrap();
    assert!(printed == COUNT && most < 45_000, "{most} KiB for {COUNT} messages of 64 KiB");
}

#[test]
fn the_keep_alive_of_the_server_holds() {
    // Server Keep Alive: 1 second.
    let (port, rest) = fixed(&[0x20, 6, 0, 0, 3, 0x13, 0, 1]);
    assert_eq!(run(&format!("sub -h 127.0.0.1 -p {port} -t a -k 0 --no-reconnect -i c")).code, Some(6));
    let sent = rest.recv_timeout(PATIENCE).unwrap();
    assert!(sent.windows(2).any(|bytes| bytes == PINGREQ), "{sent:02x?}");
}

#[test]
fn a_goodbye_is_the_last_packet_and_closes() {
    // The server of these tests waits for the client to close.
    let (port, rest) = fixed(&[0x20, 2, 0, 0]);
    succeed(&format!("pub -h 127.0.0.1 -p {port} -V 311 -t a -m x"));
    assert_eq!(rest.recv_timeout(PATIENCE).unwrap(), [0x30, 4, 0, 1, b'a', b'x', 0xE0, 0]);
    let (port, rest) = fixed(&[0x20, 3, 0, 0, 0]);
    succeed(&format!("pub -h 127.0.0.1 -p {port} -i c -x 7 -t a -m x"));
    assert_eq!(rest.recv_timeout(PATIENCE).unwrap(), [0x30, 5, 0, 1, b'a', 0, b'x', 0xE0, 0]);
}

#[test]
fn a_server_without_the_session_gets_everything_anew() {
    let (first, second) = (Mosquitto::start(Wanted::default()), Mosquitto::start(Wanted::default()));
    let numbers: Vec<u8> = (0..100).flat_map(|n| format!("{n}\n").into_bytes()).collect();
    for version in ["311", "5"] {
        let proxy = Proxy::start(first.port, vec![600]);
        let file = first.folder.file(version);
        let arguments = format!("-V {version} -q 1 -t angka -i penerbit{version} --session {file}");
        let cut = run_with(
            &mut ours(&format!("pub -h 127.0.0.1 -p {} {arguments} -l --no-reconnect", proxy.port)),
            &numbers,
        );
        assert_eq!(cut.code, Some(6), "{}", cut.stderr);
        let place = format!("-h 127.0.0.1 -p {}", second.port);
        let mut counter = subscriber(&place, "-t angka -q 1");
        let rest = run(&format!("pub {place} {arguments} -m akhir -d"));
        assert_eq!(rest.code, Some(0), "{}", rest.stderr);
        assert!(rest.stderr.contains("the server has forgotten the session"), "{}", rest.stderr);
        assert!(!rest.stderr.contains("Publish { dup: true"), "{}", rest.stderr);
        let mut last = None;
        loop {
            let line = counter.line();
            if line == "akhir" {
                break;
            }
            let number: u32 = line.parse().unwrap();
            assert!(last.is_none_or(|last| number == last + 1), "{number} after {last:?}");
            last = Some(number);
        }
        assert!(last.is_some());
    }
}

#[test]
fn what_was_not_printed_is_not_acknowledged() {
    let server = Mosquitto::start(Wanted::default());
    let place = format!("-h 127.0.0.1 -p {}", server.port);
    for version in ["311", "5"] {
        let phone = format!("sub {place} -V {version} -c -i hp{version} -q 1 -t lampu");
        succeed(&format!("{phone} -E"));
        succeed(&format!("pub {place} -t lampu -m menyala -q 1"));
        // Nobody reads what it prints.
        let mut child = ours(&format!("{phone} -C 1"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        child.wait().unwrap();
        assert_eq!(succeed(&format!("{phone} -C 1")), "menyala");
    }
}

#[test]
fn websocket_is_asked_for_mqtt_and_text_ends_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut asked = None;
        #[allow(clippy::result_large_err, reason = "the callback's type is not ours")]
        let answer = |request: &Request, mut response: Response| {
            asked = request.headers().get("Sec-WebSocket-Protocol").cloned();
            response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
            Ok(response)
        };
        let mut socket = accept_hdr(stream, answer).unwrap();
        assert!(matches!(socket.read(), Ok(Message::Binary(connect)) if connect[0] == 0x10));
        socket.send(Message::Text("CONNACK".into())).unwrap();
        // The client closes.
        while socket.read().is_ok() {}
        asked
    });
    let ended = run(&format!("sub -h 127.0.0.1 -p {port} --ws -t a --no-reconnect"));
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    assert!(ended.stderr.contains("sent a text message over WebSocket"), "{}", ended.stderr);
    assert_eq!(server.join().unwrap().unwrap(), "mqtt");
}

/// A server bounds them; packets may lie in several (section 6).
#[test]
fn messages_of_a_websocket_are_short_whatever_goes_out() {
    const LEN: usize = 300_000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        #[allow(clippy::result_large_err, reason = "the callback's type is not ours")]
        let answer = |_: &Request, mut response: Response| {
            response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
            Ok(response)
        };
        let mut socket = accept_hdr(stream, answer).unwrap();
        socket.read().unwrap();
        socket.send(Message::Binary([0x20, 2, 0, 0].to_vec().into())).unwrap();
        let mut lens = Vec::new();
        while let Ok(message) = socket.read() {
            if let Message::Binary(bytes) = message {
                lens.push(bytes.len());
            }
        }
        lens
    });
    let publish = format!("pub -h 127.0.0.1 -p {port} --ws -V 311 -t a -s --no-reconnect");
    assert_eq!(run_with(&mut ours(&publish), &vec![b'x'; LEN]).code, Some(0));
    let lens = server.join().unwrap();
    assert!(lens.iter().sum::<usize>() > LEN && lens.iter().all(|len| *len <= 65_536), "{lens:?}");
}

#[test]
fn a_packet_over_websocket_may_be_as_large_as_is_asked_for() {
    const LEN: usize = 20 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        #[allow(clippy::result_large_err, reason = "the callback's type is not ours")]
        let answer = |_: &Request, mut response: Response| {
            response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
            Ok(response)
        };
        let mut socket = accept_hdr(stream, answer).unwrap();
        socket.read().unwrap();
        socket.send(Message::Binary([0x20, 2, 0, 0].to_vec().into())).unwrap();
        socket.read().unwrap();
        socket.send(Message::Binary([0x90, 3, 0, 1, 0].to_vec().into())).unwrap();
        // Remaining length: 20 MiB and 3, in seven bits each.
        let mut publish = vec![0x30, 0x83, 0x80, 0x80, 0x0A, 0, 1, b'a'];
        publish.resize(publish.len() + LEN, b'x');
        socket.send(Message::Binary(publish.into())).unwrap();
        while socket.read().is_ok() {}
    });
    let arguments = format!("sub -h 127.0.0.1 -p {port} --ws -V 311 -t a -C 1 -F %l --no-reconnect");
    assert_eq!(succeed(&format!("{arguments} --max-packet-size 30000000")), LEN.to_string());
    server.join().unwrap();
}
