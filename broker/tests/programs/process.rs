//! The programs that play: processes with time limits.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mqtt_wire::{QoS, Version};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running program. It is ended when it goes out of scope.
pub(crate) struct Program {
    name: String,
    child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("RUST_BACKTRACE", "0")
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}; run tests/setup"));
        let lines = lines_of(child.stdout.take().expect("it is piped"));
        let stderr = Arc::new(Mutex::new(String::new()));
        let (mut pipe, text) = (child.stderr.take().expect("it is piped"), stderr.clone());
        thread::spawn(move || {
            let mut buf = [0; 1024];
            while let Ok(len @ 1..) = pipe.read(&mut buf) {
                text.lock().expect("no panic there").push_str(&String::from_utf8_lossy(&buf[..len]));
            }
        });
        Self { name, child, lines, stderr }
    }

    /// The next line that it prints.
    pub(crate) fn line(&self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("{} prints nothing\n{}", self.name, self.stderr()),
            Err(RecvTimeoutError::Disconnected) => panic!("{} ended\n{}", self.name, self.stderr()),
        }
    }

    fn stderr(&self) -> String {
        self.stderr.lock().expect("no panic there").clone()
    }

    /// Waits for its end: the exit code, the lines that were not read, and what it wrote to standard error.
    pub(crate) fn finish(mut self) -> (Option<i32>, Vec<String>, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("it was started here") {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!("{} does not end\n{}", self.name, self.stderr()),
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let lines = self.lines.iter().collect();
        // The reader of standard error ends with the pipe.
        let deadline = Instant::now() + PATIENCE;
        while Arc::strong_count(&self.stderr) > 1 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        (status.code(), lines, self.stderr())
    }

    /// Waits for its end, which must be a good one.
    pub(crate) fn succeed(self) -> (Vec<String>, String) {
        let name = self.name.clone();
        let (code, lines, stderr) = self.finish();
        assert_eq!(code, Some(0), "{name}\n{stderr}");
        (lines, stderr)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// The command line of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Mosquitto,
    Paho,
}

/// Somebody who publishes or subscribes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    pub(crate) version: Version,
    pub(crate) qos: QoS,
}

impl Client {
    /// A command with all that does not depend on what is done.
    pub(crate) fn command(&self, publish: bool) -> Command {
        let (port, qos) = (self.port.to_string(), self.qos.to_string());
        let mut command;
        match self.kind {
            Kind::Mosquitto => {
                let version = match self.version {
                    Version::V31 => "mqttv31",
                    Version::V311 => "mqttv311",
                    Version::V5 => "mqttv5",
                };
                command = Command::new(if publish { "mosquitto_pub" } else { "mosquitto_sub" });
                command.args(["-h", "127.0.0.1", "-p", &port, "-V", version, "-q", &qos]);
            }
            Kind::Paho => {
                let here = Path::new(env!("CARGO_MANIFEST_DIR"));
                let target = here.join("../target").canonicalize().unwrap_or_default();
                let python = target.join("examples-venv/bin/python");
                assert!(python.exists(), "there is no {}: run tests/setup", python.display());
                command = Command::new(python);
                let level = self.version.get().to_string();
                command.arg(here.join("../broker/tests/programs/paho_client.py"));
                command.args([&*port, &level, if publish { "pub" } else { "sub" }, &qos]);
            }
        }
        command
    }

    pub(crate) fn publish(&self, topic: &str, payload: &str, retain: bool) {
        let mut command = self.command(true);
        match self.kind {
            Kind::Mosquitto if payload.is_empty() => command.args(["-t", topic, "-n"]),
            Kind::Mosquitto => command.args(["-t", topic, "-m", payload]),
            Kind::Paho => command.args([topic, payload]),
        };
        if retain {
            command.arg(match self.kind {
                Kind::Mosquitto => "-r",
                Kind::Paho => "retain",
            });
        }
        Program::start(&mut command).succeed();
    }

    /// Subscribes and leaves after so many messages (but paho, which stays).
    pub(crate) fn subscribe(&self, filters: &[&str], count: usize) -> Program {
        let (mut command, count) = (self.command(false), count.to_string());
        match self.kind {
            Kind::Mosquitto => command.args(["-F", "%t %p %q %r", "-C", &count]),
            Kind::Paho => &mut command,
        };
        for filter in filters {
            match self.kind {
                Kind::Mosquitto => command.args(["-t", filter]),
                Kind::Paho => command.arg(filter),
            };
        }
        Program::start(&mut command)
    }

    /// How this client prints a message.
    pub(crate) fn prints(&self, topic: &str, payload: &str, qos: QoS, retain: bool) -> String {
        format!("{topic} {payload} {} {}", qos.min(self.qos), u8::from(retain))
    }
}
