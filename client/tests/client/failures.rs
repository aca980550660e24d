//! What goes wrong is one line, and an exit code of its own.

use crate::matrix::subscriber;
use crate::process::{PATIENCE, ours, run, run_with, succeed};
use crate::server::{Mosquitto, Wanted, fixed, leaving};

/// It ends with this code, prints nothing, and says one line that has these parts.
fn fails(arguments: &str, code: i32, parts: &[&str]) {
    let ended = run(arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments}: {}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{arguments}: {}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "{arguments}: {part:?} is not in {}", ended.stderr);
    }
}

#[test]
fn wrong_arguments_are_2() {
    for (arguments, part) in [
        ("pub -m x", "name the topic with -t"),
        ("pub -t a", "-m names the message"),
        ("sub", "name a topic filter with -t"),
        ("pub -t a -m x -c", "choose one with -i"),
        ("sub -V 311 -t a --no-local", "use -V 5"),
        ("sub -t $share/g/a --no-local", "[MQTT-3.8.3-4]"),
        ("sub -t a -F %y", "%y is not known"),
        ("sub -t a -D connect nonsense 1", "there is no such property"),
        ("rr -t a -m x -D publish response-topic b", "name the response topic with -e"),
        ("sub -t a -D publish content-type x", "-D publish: this command sends no such packet"),
        ("pub -t a -m x -D subscribe subscription-identifier 1", "-D subscribe: this command"),
        ("pub -t a -m x --cert /nowhere --key /nowhere --tls-use-os-certs -h 127.0.0.1 -p 1", ""),
    ] {
        let ended = run(arguments);
        assert!(matches!(ended.code, Some(2 | 4)), "{arguments}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{arguments}: {}", ended.stderr);
    }
    for arguments in [
        "sub -t a/#/b",
        "pub -t a/+ -m x",
        "pub -t a -m x -q 3",
        "pub -t a -m x -n",
        "pub -V 6",
        "nonsense",
        "pub -t a -m x --will-qos 1",
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments}");
        assert!(ended.stderr.starts_with("error: "), "{arguments}: {}", ended.stderr);
    }
}

#[test]
fn a_refused_connection_is_3() {
    let server = Mosquitto::start(Wanted { passwords: true, ..Wanted::default() });
    let place = format!("pub -h 127.0.0.1 -p {} -t a -m x", server.port);
    for version in ["31", "311", "5"] {
        fails(&format!("{place} -V {version}"), 3, &["refuses the connection", "see -u and -P"]);
        fails(
            &format!("{place} -V {version} -u anna -P salah"),
            3,
            &["refuses the connection", "see -u and -P"],
        );
        succeed(&format!("{place} -V {version} -u anna -P rahasia"));
    }
}

#[test]
fn nobody_there_is_4() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fails(
        &format!("pub -h 127.0.0.1 -p {free} -t a -m x"),
        4,
        &["cannot connect to mqtt://127.0.0.1", "is the server running?"],
    );
    fails("sub -h no.such.host.invalid -t a", 4, &["no.such.host.invalid:1883"]);
    // The longest time that can be asked for is one.
    let place = format!("-h 127.0.0.1 -p {free} --connect-timeout 18446744073709551615");
    fails(&format!("pub {place} -t a -m x"), 4, &["is the server running?"]);
}

#[test]
fn tls_and_websocket_that_do_not_come_about_are_4() {
    let server = Mosquitto::start(Wanted { client_certificates: true, ..Wanted::default() });
    let f = |name: &str| server.folder.file(name);
    let (ca, other) = (f("ca.pem"), f("other-ca.pem"));
    let place = format!("pub -h localhost -p {} -t a -m x", server.tls);
    let own = format!("--cert {} --key {}", f("client.pem"), f("client.key"));
    fails(&format!("{place} --cafile {other} {own}"), 4, &["TLS", "certificate", "--cafile"]);
    // TLS 1.3: the server's refusal comes after the handshake.
    let ended = run(&format!("{place} --cafile {ca} --no-reconnect"));
    assert!(matches!(ended.code, Some(4 | 6)), "{}", ended.stderr);
    succeed(&format!("{place} --cafile {ca} {own}"));
    fails(
        &format!("{place} --cafile {} {own}", f("server.key")),
        2,
        &["server.key: there is no certificate in it"],
    );
    fails(&format!("{place} --cafile {ca} --cert {ca} --key {ca}"), 2, &["ca.pem"]);
    // A certificate for another name than the one asked for.
    let named = format!("pub -h 127.0.0.2 -p {} -t a -m x --cafile {ca} {own}", server.tls);
    let ended = run(&named);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    // Plain and encrypted, mistaken for each other.
    fails(
        &format!("pub -h 127.0.0.1 -p {} -t a -m x --cafile {ca}", server.port),
        4,
        &["does the port speak TLS?"],
    );
    fails(&format!("pub -h 127.0.0.1 -p {} -t a -m x --ws", server.port), 4, &["WebSocket"]);
}

#[test]
fn another_name_is_accepted_with_insecure_and_another_signer_is_not() {
    let server = Mosquitto::start(Wanted::default());
    let (ca, other) = (server.folder.file("ca.pem"), server.folder.file("other-ca.pem"));
    // The certificate is for `localhost` and 127.0.0.1; this name of the same machine is not in it.
    let place = format!("pub -h ip6-localhost -p {} -t a -m x", server.tls);
    let by_name = run(&format!("{place} --cafile {ca}"));
    if by_name.stderr.contains("certificate") {
        assert_eq!(by_name.code, Some(4));
        assert_eq!(run(&format!("{place} --cafile {ca} --insecure")).code, Some(0));
    }
    let place = format!("pub -h localhost -p {} -t a -m x", server.tls);
    fails(&format!("{place} --cafile {other} --insecure"), 4, &["certificate"]);
    succeed(&format!("{place} --cafile {ca} --insecure"));
}

#[test]
fn an_older_server_refuses_5_0_and_is_understood() {
    // The answer of 3.1.1 to a protocol level that it does not know (section 3.1.2.2).
    let (port, _) = fixed(&[0x20, 2, 0, 1]);
    fails(
        &format!("pub -h 127.0.0.1 -p {port} -t a -m x"),
        3,
        &["Unsupported Protocol Version", "try -V 311"],
    );
}

#[test]
fn a_server_that_breaks_the_protocol_is_8() {
    for (answer, part) in [
        // CONNACK with flags that are reserved.
        (&[0x20, 3, 0x80, 0, 0][..], "that is wrong"),
        // A SUBACK before CONNACK.
        (&[0x90, 4, 0, 1, 0, 0][..], "wrong"),
        // A session that a clean start has ended.
        (&[0x20, 3, 1, 0, 0][..], "has broken a rule"),
        // A message that is larger than was announced.
        (&[0x20, 3, 0, 0, 0, 0x30, 0xFF, 0xFF, 0x7F][..], "that is wrong"),
    ] {
        let (port, _) = fixed(answer);
        fails(&format!("pub -h 127.0.0.1 -p {port} -t a -m x -q 1 --max-packet-size 1000"), 8, &[part]);
    }
}

#[test]
fn a_server_that_is_told_why_reads_it() {
    // A PUBLISH at QoS 3 after CONNACK: the client says `Malformed Packet` and closes.
    let (port, rest) = fixed(&[0x20, 3, 0, 0, 0, 0x36, 6, 0, 1, b'a', 0, 1, 0]);
    let ended = run(&format!("sub -h 127.0.0.1 -p {port} -t a -i c"));
    assert_eq!(ended.code, Some(8), "{}", ended.stderr);
    let told = rest.recv_timeout(crate::process::PATIENCE).unwrap();
    assert!(told.ends_with(&[0xE0, 1, 0x81]), "{told:02x?}");
}

#[test]
fn silence_is_5() {
    let (port, _) = fixed(&[]);
    fails(&format!("pub -h 127.0.0.1 -p {port} -t a -m x --connect-timeout 0"), 5, &["within 0ns"]);
    // A short keep alive does not make CONNACK late.
    let (port, _) = fixed(&[]);
    fails(&format!("pub -h 127.0.0.1 -p {port} -t a -m x -k 1 --connect-timeout 2"), 5, &["within 2s"]);
    // -W counts while there is no connection, too.
    let (port, _) = fixed(&[]);
    fails(&format!("sub -h 127.0.0.1 -p {port} -t a -W 0.2"), 5, &["no connection in time"]);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fails(&format!("sub -h 127.0.0.1 -p {free} -t a -W 0.2 --retry --quiet"), 5, &["no connection in time"]);
}

#[test]
fn a_lost_connection_is_6() {
    let (port, _) = fixed(&[0x20, 3, 0, 0, 0, 0xE0, 1, 0x8B]);
    fails(
        &format!("sub -h 127.0.0.1 -p {port} -t a -C 1 --no-reconnect"),
        6,
        &["the server ends the connection", "Server shutting down"],
    );
}

#[test]
fn a_server_that_names_another_one_is_understood() {
    // DISCONNECT: Server moved (0x9D), and the Server Reference.
    let (port, _rest) = fixed(b"\x20\x03\0\0\0\xe0\x0a\x9d\x08\x1c\0\x05other");
    fails(
        &format!("sub -h 127.0.0.1 -p {port} -t a"),
        6,
        &["Server moved", "which names other", "use the server"],
    );
}

#[test]
fn a_subscription_that_the_server_cannot_take_is_7() {
    // Its Maximum Packet Size is 10.
    let (port, _) = fixed(&[0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 10]);
    fails(&format!("sub -h 127.0.0.1 -p {port} -t a/long/filter"), 7, &["Maximum Packet Size"]);
}

#[test]
fn what_a_server_does_not_allow_is_7() {
    let server =
        Mosquitto::start(Wanted { passwords: true, more: "max_packet_size 2000", ..Wanted::default() });
    let place = format!("-h 127.0.0.1 -p {} -u guest -P rahasia", server.port);
    for qos in [1, 2] {
        fails(
            &format!("pub {place} -t a -m x -q {qos} --quiet"),
            7,
            &["the server refuses the message", "Not authorized"],
        );
    }
    let place = format!("-h 127.0.0.1 -p {} -u anna -P rahasia", server.port);
    let large = run_with(&mut ours(&format!("pub {place} -t a -s -q 1")), &[b'x'; 3000]);
    assert_eq!(large.code, Some(7), "{}", large.stderr);
    assert!(large.stderr.contains("larger than the peer's Maximum Packet Size"), "{}", large.stderr);
    // What fits goes through all the same.
    let mut all = subscriber(&place, "-t a -F %l");
    assert_eq!(run_with(&mut ours(&format!("pub {place} -t a -s")), &[b'x'; 1500]).code, Some(0));
    assert_eq!(all.line(), "1500");
}

#[test]
fn what_a_server_does_not_take_of_a_measurement_is_7() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut packet = [0; 1024];
                while stream.read(&mut packet).is_ok_and(|len| len > 0) {
                    let answer = match packet[0] {
                        0x10 => &[0x20, 3, 0, 0, 0][..],
                        0x82 => &[0x90, 4, 0, 1, 0, 1],
                        // Not authorized.
                        0x32 => &[0x40, 3, 0, 1, 0x87],
                        _ => return,
                    };
                    stream.write_all(answer).unwrap();
                }
            });
        }
    });
    for subscribers in [0, 1] {
        fails(
            &format!(
                "bench -h 127.0.0.1 -p {port} -q 1 --clients 2 --messages 1 -W 2 --subscribers {subscribers}"
            ),
            7,
            &["2 messages were not delivered"],
        );
    }
}

#[test]
fn what_the_server_said_of_a_message_counts_though_it_is_gone_then() {
    for _ in 0..5 {
        let port = leaving(&[&[0x20, 3, 0, 0, 0], &[0x40, 3, 0, 1, 0x87]]);
        fails(
            &format!("pub -h 127.0.0.1 -p {port} -t a -m x -q 1 --quiet"),
            7,
            &["the server refuses the message", "Not authorized"],
        );
        let port = leaving(&[&[0x20, 3, 0, 0, 0], &[0x40, 2, 0, 1]]);
        succeed(&format!("pub -h 127.0.0.1 -p {port} -t a -m x -q 1 --quiet"));
    }
}

#[test]
fn files_are_9() {
    fails("pub -t a -f /no/such/file", 9, &["/no/such/file"]);
    fails(
        "pub -h 127.0.0.1 -t a -m x -i c --session /no/such/folder/file",
        9,
        &["the session in /no/such/folder/file"],
    );
}

#[test]
fn a_publisher_that_waits_for_lines_ends_when_the_connection_does() {
    // CONNACK, and DISCONNECT: session taken over.
    let (port, _rest) = fixed(&[0x20, 3, 0, 0, 0, 0xE0, 1, 0x8E]);
    let mut child = ours(&format!("pub -h 127.0.0.1 -p {port} -t a -l -i c"))
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Standard input stays open, and no line comes.
    let input = child.stdin.take();
    let (sender, ended) = std::sync::mpsc::channel();
    let id = child.id();
    std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    let Ok(output) = ended.recv_timeout(PATIENCE) else {
        std::process::Command::new("kill").arg(id.to_string()).status().unwrap();
        panic!("it goes on waiting for lines");
    };
    drop(input);
    assert_eq!(output.status.code(), Some(6));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("another client has the same identifier"), "{stderr}");
}

#[test]
fn a_subscription_that_the_server_does_not_end_is_7() {
    // CONNACK, SUBACK, UNSUBACK: not authorized.
    let port = leaving(&[&[0x20, 3, 0, 0, 0], &[0x90, 4, 0, 1, 0, 0], &[0xB0, 4, 0, 2, 0, 0x87]]);
    fails(
        &format!("sub -h 127.0.0.1 -p {port} -t a -U a -i c --no-reconnect"),
        7,
        &["refuses to end the subscription to a"],
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_without_end_takes_no_more_memory_than_a_packet() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = env!("CARGO_BIN_EXE_mqtt-client");
    let command = format!("ulimit -v 3000000; exec {client} pub -h 127.0.0.1 -p {free} -t a -f /dev/zero");
    let ended = run_with(std::process::Command::new("sh").args(["-c", &command]), b"");
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
}

#[test]
#[cfg(unix)]
fn a_session_takes_the_place_of_nothing_but_a_file() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let folder = crate::server::Folder::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let publish = |name: &str| {
        format!("pub -h 127.0.0.1 -p {free} -t a -m x -q 1 -i c --session {}", folder.file(name))
    };
    std::fs::write(folder.file("file"), b"").unwrap();
    symlink(folder.file("file"), folder.file("link")).unwrap();
    assert_eq!(run(&publish("link")).code, Some(4));
    assert!(std::fs::symlink_metadata(folder.file("link")).unwrap().is_symlink());
    assert!(std::fs::metadata(folder.file("file")).unwrap().len() > 0);
    let pipe = folder.file("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // If it is opened to be read, it is empty.
    let writer = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
    fails(&publish("pipe"), 9, &["pipe: it is no file"]);
    drop(writer);
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
}
