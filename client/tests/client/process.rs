//! Programs with time limits.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running program. It is ended when it goes out of scope.
pub(crate) struct Process {
    name: String,
    child: Child,
    lines: Receiver<Vec<u8>>,
    stderr: Option<JoinHandle<String>>,
}

/// What a program has printed, and how it has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Our client with these arguments, of which each space ends one.
pub(crate) fn ours(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-client"));
    command.args(arguments.split_whitespace()).env_remove("MQTT_PASSWORD");
    command
}

impl Process {
    pub(crate) fn start(command: &mut Command, input: &[u8]) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("RUST_BACKTRACE", "0")
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}; run tests/setup"));
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        std::thread::spawn(move || drop(stdin.write_all(&input)));
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.split(b'\n').map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut pipe = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            drop(pipe.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self { name, child, lines, stderr: Some(stderr) }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => String::from_utf8_lossy(&line).into_owned(),
            Err(error) => {
                let stderr = self.kill();
                panic!("{}: no line: {error}\n{stderr}", self.name)
            }
        }
    }

    /// Ends it at once; what it wrote to standard error.
    pub(crate) fn kill(&mut self) -> String {
        drop(self.child.kill());
        drop(self.child.wait());
        self.stderr.take().map(|stderr| stderr.join().unwrap()).unwrap_or_default()
    }

    /// Asks it to end, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        assert!(Command::new("kill").args(["-INT", &self.id().to_string()]).status().unwrap().success());
    }

    pub(crate) fn finish(mut self) -> Ended {
        // Its output ends when it does.
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(String::from_utf8_lossy(&line).into_owned()),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(error) => {
                    let stderr = self.kill();
                    panic!("{} does not end: {error}\n{stderr}", self.name)
                }
            }
        }
        let status: ExitStatus = self.child.wait().unwrap();
        let stderr = self.stderr.take().unwrap().join().unwrap();
        Ended { code: status.code(), stdout: lines.join("\n"), stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a program to its end.
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Ended {
    Process::start(command, input).finish()
}

/// Runs our client to its end.
pub(crate) fn run(arguments: &str) -> Ended {
    run_with(&mut ours(arguments), b"")
}

/// Runs our client to its end, which has to be a good one without a word; what it prints.
pub(crate) fn succeed(arguments: &str) -> String {
    let ended = run(arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments}: {}", ended.stdout);
    ended.stdout
}
