//! Every version at every QoS over every transport, from and to mosquitto's own clients.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::process::{Process, ours, run_with};
use crate::server::{Mosquitto, Wanted};

/// A subscriber of ours that has subscribed: it has printed the retained message that says so.
pub(crate) fn subscriber(place: &str, arguments: &str) -> Process {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let topic = format!("siap/{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let ready = run_with(&mut ours(&format!("pub {place} -t {topic} -m ya -r")), b"");
    assert_eq!(ready.code, Some(0), "{}", ready.stderr);
    let mut process = Process::start(&mut ours(&format!("sub {place} -t {topic} {arguments}")), b"");
    process.line();
    process
}

#[test]
fn every_version_and_qos_over_every_transport() {
    let server = Mosquitto::start(Wanted::default());
    let ca = server.folder.file("ca.pem");
    let places = [
        format!("-h 127.0.0.1 -p {}", server.port),
        format!("-L mqtt://localhost:{}", server.port),
        format!("-h localhost -p {} --ws", server.websocket),
        format!("-L ws://127.0.0.1:{}/mqtt", server.websocket),
        format!("-h localhost -p {} --cafile {ca}", server.tls),
        format!("-L mqtts://127.0.0.1:{} --cafile {ca}", server.tls),
        format!("-L wss://localhost:{}/mqtt --cafile {ca}", server.websocket_tls),
    ];
    transports_and_qos(&places, server.port);
}

/// Each version at each QoS at these places; mosquitto's publisher uses the port of TCP.
pub(crate) fn transports_and_qos(places: &[String], port: u16) {
    for place in places {
        for version in ["31", "311", "5"] {
            for qos in 0..3 {
                let case = format!("{place} -V {version} -q {qos}");
                let mut all = subscriber(&case, "-t rumahkami/+/+/lampu -C 4 -v");
                let sent = run_with(
                    &mut ours(&format!("pub {case} -t rumahkami/lantaidasar/ruangtamu/lampu -l")),
                    b"menyala\npadam",
                );
                assert_eq!((sent.code, sent.stderr.as_str()), (Some(0), ""), "{case}");
                let port = port.to_string();
                let theirs = Command::new("mosquitto_pub")
                    .args([
                        "-h",
                        "127.0.0.1",
                        "-p",
                        &port,
                        "-q",
                        &qos.to_string(),
                        "-V",
                        &format!("mqttv{version}"),
                    ])
                    .args(["-t", "rumahkami/x/y/lampu", "-m", "redup"])
                    .status();
                assert!(theirs.unwrap().success());
                for line in [
                    "lantaidasar/ruangtamu/lampu menyala",
                    "lantaidasar/ruangtamu/lampu padam",
                    "x/y/lampu redup",
                ] {
                    assert_eq!(all.line(), format!("rumahkami/{line}"), "{case}");
                }
                let ended = all.finish();
                assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{case}");
            }
        }
    }
}

#[test]
fn mosquittos_subscriber_gets_what_ours_sends() {
    let server = Mosquitto::start(Wanted::default());
    let port = server.port.to_string();
    for version in ["31", "311", "5"] {
        for qos in ["0", "1", "2"] {
            let case = format!("-h 127.0.0.1 -p {port} -V {version} -q {qos}");
            let stored = run_with(&mut ours(&format!("pub {case} -t a/b -m x{version}{qos} -r")), b"");
            assert_eq!(stored.code, Some(0), "{}", stored.stderr);
            let theirs = run_with(
                Command::new("mosquitto_sub")
                    .args(["-h", "127.0.0.1", "-p", &port, "-q", "2", "-C", "1", "-t", "a/b"])
                    .args(["-F", "%t %p %q %r"]),
                b"",
            );
            assert_eq!(theirs.stdout, format!("a/b x{version}{qos} {qos} 1"));
        }
    }
}
