//! A decoder in a process of its own, asked by the line protocol of PROTOCOL.md.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Ask, Decoder, Request, Status};
use crate::case::{self, Version};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a decoder says of itself in its first line.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Hello {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The language it is for.
    pub language: String,
    /// The versions of the protocol that it decodes.
    pub versions: Vec<Version>,
    /// What it can be asked.
    pub asks: Vec<Ask>,
    /// Whose packets it decodes: a client's library may know those of servers alone. Both when left out.
    #[serde(default = "both")]
    pub senders: Vec<case::Sender>,
    /// Which of `version_unknown`, `sender`, `first_packet`, `max_packet_size`, `check_payload_format` and
    /// `refuse_control_characters` it heeds.
    #[serde(default)]
    pub options: Vec<String>,
}

fn both() -> Vec<case::Sender> {
    vec![case::Sender::Client, case::Sender::Server]
}

impl Hello {
    /// Whether the decoder can be asked this.
    pub fn covers(&self, request: &Request) -> bool {
        let options = [
            ("version_unknown", request.version_unknown),
            ("sender", request.sender.is_some()),
            ("first_packet", request.first_packet),
            ("max_packet_size", request.max_packet_size.is_some()),
            ("check_payload_format", request.check_payload_format),
            ("refuse_control_characters", request.refuse_control_characters),
        ];
        let sender = request.sender.or_else(|| request.only_sender());
        self.versions.contains(&request.version)
            && sender.is_none_or(|sender| self.senders.contains(&sender))
            && self.asks.contains(&request.ask)
            && options.iter().all(|(name, wanted)| !wanted || self.options.iter().any(|known| known == name))
    }
}

/// A running decoder; it is started again when it dies.
#[derive(Debug)]
pub struct Peer {
    command: Vec<String>,
    process: Process,
    /// What it said of itself.
    pub hello: Hello,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// To the thread that writes: a decoder that does not read is as late as one that does not answer.
    input: Sender<String>,
    lines: Receiver<String>,
}

impl Peer {
    /// Starts a decoder; the command is split at blanks.
    ///
    /// # Errors
    /// When it does not start or does not say what it is.
    pub fn start(command: &str) -> Result<Self> {
        let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let (process, hello) = Process::start(&command)?;
        Ok(Self { command, process, hello })
    }

    fn exchange(&mut self, request: &Request) -> Result<Answer> {
        let mut line = serde_json::to_string(request)?;
        line.push('\n');
        self.process.input.send(line)?;
        let answer = self.process.lines.recv_timeout(PATIENCE)?;
        serde_json::from_str(&answer).with_context(|| format!("no answer of the protocol: {answer}"))
    }
}

impl Process {
    fn start(command: &[String]) -> Result<(Self, Hello)> {
        let [program, arguments @ ..] = command else { bail!("the command is empty") };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A decoder that panics for every other case would drown the report.
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{program} cannot be started"))?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        let output = child.stdout.take().context("no standard output")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let (input, questions) = channel::<String>();
        thread::spawn(move || {
            for line in questions {
                if stdin.write_all(line.as_bytes()).is_err() {
                    break;
                }
            }
        });
        let this = Self { child, input, lines };
        let hello = this
            .lines
            .recv_timeout(PATIENCE)
            .with_context(|| format!("{program} does not say what it is"))?;
        let hello = serde_json::from_str(&hello).with_context(|| format!("{program} says: {hello}"))?;
        Ok((this, hello))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Decoder for Peer {
    fn ask(&mut self, request: &Request) -> Answer {
        if !self.hello.covers(request) {
            return Answer::of(Status::Unsupported);
        }
        if let Ok(answer) = self.exchange(request) {
            return answer;
        }
        if let Ok((process, _)) = Process::start(&self.command) {
            self.process = process;
        }
        Answer::of(Status::Crash)
    }
}
