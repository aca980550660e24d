//! Processes that are started, killed and started again.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The path of a program that may be missing; then the test is to be skipped, and fails where CI is set.
pub(crate) fn program(name: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut places =
        folders.iter().copied().chain(path.split(':')).map(|folder| Path::new(folder).join(name));
    let found = places.find(|place| place.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{name} is missing: run tests/setup");
        eprintln!("skipped: {name} is missing, run tests/setup");
    }
    found
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until something listens at this port.
pub(crate) fn listens(port: u16) {
    until("it listens", || does_listen(port));
}

/// Whether something listens at this port.
pub(crate) fn does_listen(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A program in a group of its own, so that all of it can be killed.
pub(crate) struct Group(Child);

impl Group {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.process_group(0).stdin(Stdio::null()).spawn().unwrap())
    }

    /// SIGKILL to all of its processes.
    pub(crate) fn kill(&mut self) {
        let group = format!("-{}", self.0.id());
        // They may be gone already.
        let _ = Command::new("kill").args(["-9", "--", &group]).stderr(Stdio::null()).status();
        self.0.wait().unwrap();
    }
}

impl Group {
    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Ends it as an operator does.
    pub(crate) fn terminate(mut self) {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        self.0.wait().unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A broker of ours.
pub(crate) struct Broker {
    child: Child,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    config: String,
}

impl Broker {
    /// With this text in its configuration.
    pub(crate) fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, address) = launch(folder.path(), config, 0);
        Self { child, folder, address, config: config.to_owned() }
    }

    /// At this port.
    #[cfg(feature = "sink-mqtt")]
    pub(crate) fn start_at(port: u16, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, address) = launch(folder.path(), config, port);
        Self { child, folder, address, config: config.to_owned() }
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with the same state, at the same port.
    pub(crate) fn start_again(&mut self) {
        (self.child, self.address) = launch(self.folder.path(), &self.config, self.address.port());
    }

    /// Another configuration from the next start on.
    pub(crate) fn configure(&mut self, config: &str) {
        config.clone_into(&mut self.config);
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Ends it as an operator does.
    pub(crate) fn terminate(&mut self) {
        self.signal("-TERM");
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Bytes of memory that it has at the moment; 0 where only Linux could say it.
    pub(crate) fn memory(&self) -> u64 {
        if !cfg!(target_os = "linux") {
            return 0;
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(folder: &Path, config: &str, port: u16) -> (Child, SocketAddr) {
    let file = folder.join("broker.toml");
    let head = "data = 'data'\nanonymous = true\nlog = 'text'\n";
    let listener = format!("[[listener]]\nkind = 'tcp'\nbind = '127.0.0.1:{port}'\n");
    std::fs::write(&file, format!("{head}{config}\n{listener}")).unwrap();
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-broker"))
        .arg("--config")
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split(' ').nth(2).and_then(|address| address.parse().ok());
    let shown = || std::fs::read_to_string(folder.join("log")).unwrap();
    let address = address.unwrap_or_else(|| panic!("the broker says {line:?} and {}", shown()));
    (child, address)
}
