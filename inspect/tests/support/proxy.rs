//! The proxy while it runs.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A program that runs until it is ended by Ctrl-C.
pub(crate) struct Program {
    child: Child,
    out: Receiver<String>,
    errors: Receiver<String>,
}

/// How it ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    /// The lines that were not read before.
    pub(crate) out: String,
    pub(crate) err: Vec<String>,
}

/// Reads lines as they come, with their ends.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    let mut pipe = BufReader::new(pipe);
    thread::spawn(move || {
        let mut line = String::new();
        while pipe.read_line(&mut line).is_ok_and(|length| length > 0) {
            if sender.send(std::mem::take(&mut line)).is_err() {
                break;
            }
        }
    });
    lines
}

impl Program {
    /// Looks for other programs in `path` alone, if there is one.
    pub(crate) fn start(args: &[&str], path: Option<&Path>) -> Self {
        let (mut program, out) = Self::unread(args, path);
        program.out = lines(out);
        program
    }

    /// Its output waits in the pipe that is returned.
    pub(crate) fn unread(args: &[&str], path: Option<&Path>) -> (Self, ChildStdout) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-inspect"));
        if let Some(path) = path {
            command.env("PATH", path);
        }
        let mut child = command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = child.stdout.take().expect("a pipe");
        let errors = lines(child.stderr.take().expect("a pipe"));
        (Self { child, out: mpsc::channel().1, errors }, out)
    }

    /// The next line of its output.
    pub(crate) fn line(&self) -> String {
        self.out.recv_timeout(PATIENCE).expect("a line of output")
    }

    /// The next line of standard error.
    pub(crate) fn error(&self) -> String {
        self.errors.recv_timeout(PATIENCE).expect("a line on standard error")
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> Ended {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(5));
        };
        let err = self.errors.iter().map(|line| line.trim_end().to_owned()).collect();
        Ended { code: status.code().expect("no signal"), out: self.out.iter().collect(), err }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A proxy between the port that it tells and a server.
pub(crate) struct Proxy {
    pub(crate) program: Program,
    pub(crate) port: u16,
}

impl Proxy {
    pub(crate) fn start(server: &str, args: &[&str]) -> Self {
        let args = [&["proxy", "--listen", "0", "--connect", server], args].concat();
        Self::of(Program::start(&args, None))
    }

    pub(crate) fn unread(server: &str, args: &[&str]) -> (Self, ChildStdout) {
        let args = [&["proxy", "--listen", "0", "--connect", server], args].concat();
        let (program, out) = Program::unread(&args, None);
        (Self::of(program), out)
    }

    fn of(program: Program) -> Self {
        let line = program.error();
        let port = line.split_once("127.0.0.1:").and_then(|(_, rest)| {
            rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
        });
        Self { program, port: port.unwrap_or_else(|| panic!("{line}")) }
    }

    /// Ctrl-C, and the end.
    pub(crate) fn end(self) -> Ended {
        self.program.interrupt();
        self.program.wait()
    }
}

/// Whether a program is there. Where all tests have to run it must be.
pub(crate) fn has(program: &str) -> bool {
    let there = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    assert!(there || std::env::var_os("CI").is_none(), "{program} is missing; run tests/setup");
    if !there {
        eprintln!("not tested: {program} is missing");
    }
    there
}
