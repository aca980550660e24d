//! The client against the broker of this repository.

use std::process::Command;

use crate::matrix::transports_and_qos;
use crate::process::{Process, ours, run_with, succeed};
use crate::server::Folder;

/// A broker that keeps its state in a folder.
struct Broker {
    process: Process,
    folder: Folder,
    port: u16,
    websocket: u16,
}

impl Broker {
    fn start() -> Self {
        // Of another package: cargo does not build it for this test. `tests/run` has built it with the rest.
        if std::env::var_os("MQTT_WIRE_ALL_BUILT").is_none() {
            let built =
                Command::new(env!("CARGO")).args(["build", "--quiet", "-p", "mqtt-wire-broker"]).status();
            assert!(built.unwrap().success());
        }
        let folder = Folder::new();
        let (process, ports) = launch(&folder, 0, 0);
        Self { process, folder, port: ports[0], websocket: ports[1] }
    }

    fn kill_and_restart(&mut self) {
        self.process.kill();
        (self.process, _) = launch(&self.folder, self.port, self.websocket);
    }
}

fn launch(folder: &Folder, port: u16, websocket: u16) -> (Process, Vec<u16>) {
    let path = std::path::Path::new(env!("CARGO_BIN_EXE_mqtt-client")).with_file_name("mqtt-broker");
    let mut command = Command::new(path);
    command.args(["--anonymous", "--bind", &format!("127.0.0.1:{port}")]);
    command.args(["--websocket", &format!("127.0.0.1:{websocket}"), "--data", &folder.file("data")]);
    let mut process = Process::start(&mut command, b"");
    let ports = (0..2).map(|_| {
        let line = process.line();
        let port = line.split_once("127.0.0.1:").map(|(_, rest)| rest.split(' ').next().unwrap().parse());
        port.unwrap_or_else(|| panic!("{line}")).unwrap()
    });
    let ports = ports.collect();
    (process, ports)
}

#[test]
fn every_version_and_qos_goes_through() {
    let broker = Broker::start();
    let places =
        [format!("-h 127.0.0.1 -p {}", broker.port), format!("-L ws://127.0.0.1:{}/mqtt", broker.websocket)];
    transports_and_qos(&places, broker.port);
}

#[test]
fn a_broker_that_is_killed_in_mid_stream_has_everything() {
    let mut broker = Broker::start();
    let direct = format!("-h 127.0.0.1 -p {}", broker.port);
    let count = 1000;
    let numbers: Vec<u8> = (0..count).flat_map(|n| format!("{n}\n").into_bytes()).collect();
    for (version, qos) in [("311", 1), ("5", 1), ("311", 2), ("5", 2)] {
        let topic = format!("angka/{version}/{qos}");
        // The counter's state is in a file as well: else what was not acknowledged before the end comes again.
        let counter = broker.folder.file(&format!("counter-{version}-{qos}"));
        let session = format!("-i penghitung-{version}-{qos} --session {counter}");
        succeed(&format!("sub {direct} {session} -q 2 -t {topic} -E"));
        let file = broker.folder.file(&format!("session-{version}-{qos}"));
        let publisher = Process::start(
            &mut ours(&format!(
                "pub {direct} -V {version} -q {qos} -t {topic} -l -i penerbit-{version}-{qos} --session {file} \
                 --reconnect-max 1 --quiet"
            )),
            &numbers,
        );
        // It is under way when some have come.
        let mut lines: Vec<String> =
            succeed(&format!("sub {direct} {session} -q 2 -C 50")).lines().map(str::to_owned).collect();
        broker.kill_and_restart();
        let ended = publisher.finish();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{version} {qos}");
        assert_eq!(run_with(&mut ours(&format!("pub {direct} -t {topic} -m akhir -q 2")), b"").code, Some(0));
        let mut rest = Process::start(&mut ours(&format!("sub {direct} {session} -q 2")), b"");
        lines.extend(std::iter::from_fn(|| Some(rest.line()).filter(|line| line != "akhir")));
        let different: std::collections::BTreeSet<_> = lines.iter().collect();
        assert_eq!(different.len(), count, "{version} {qos}: lost");
        if qos == 2 {
            assert_eq!(lines.len(), count, "{version}: twice");
        }
    }
}
