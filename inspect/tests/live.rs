//! `-i`: what goes over an interface, by the system's own capturing program.
#![cfg(target_os = "linux")]

#[path = "support/proxy.rs"]
mod running;
mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::running::{Program, has};
use crate::support::{CONNACK, CONNECT, DISCONNECT};

/// A folder with links to some of the programs of the system, to be the only one that is looked in.
fn path_of(programs: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for program in programs {
        let found = ["/usr/bin", "/usr/sbin", "/sbin", "/bin"]
            .map(|place| format!("{place}/{program}"))
            .into_iter()
            .find(|path| std::path::Path::new(path).exists());
        std::os::unix::fs::symlink(found.expect("it is there"), folder.path().join(program)).unwrap();
    }
    folder
}

fn may_capture() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    let is_root = id.stdout.starts_with(b"0\n");
    if !is_root {
        eprintln!("not tested: capturing takes rights");
    }
    is_root
}

fn shows_what_goes_over_the_loopback(program: &str) {
    if !has(program) || !may_capture() {
        return;
    }
    let folder = path_of(&[program]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let capture = Program::start(&["-i", "lo", "--port", &port.to_string(), "--json"], Some(folder.path()));
    // It tells nobody when it begins: there is something to see until something is seen.
    let seen = Arc::new(AtomicBool::new(false));
    let server = thread::spawn({
        let seen = Arc::clone(&seen);
        move || {
            while !seen.load(Ordering::Relaxed) {
                let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (mut server, _) = listener.accept().unwrap();
                client.write_all(CONNECT).unwrap();
                server.read_exact(&mut [0; CONNECT.len()]).unwrap();
                server.write_all(CONNACK).unwrap();
                client.read_exact(&mut [0; CONNACK.len()]).unwrap();
                client.write_all(DISCONNECT).unwrap();
                thread::sleep(Duration::from_millis(50));
            }
        }
    });
    let lines: Vec<String> = (0..6).map(|_| capture.line()).collect();
    seen.store(true, Ordering::Relaxed);
    server.join().unwrap();
    capture.interrupt();
    let ended = capture.wait();
    assert_eq!(ended.code, 0, "{:?}", ended.err);
    for what in ["CONNECT", "CONNACK", "DISCONNECT"] {
        assert!(lines.iter().any(|line| line.contains(what)), "{what}: {lines:?}");
    }
}

#[test]
fn dumpcap_shows_what_goes_over_the_loopback() {
    shows_what_goes_over_the_loopback("dumpcap");
}

#[test]
fn tcpdump_shows_what_goes_over_the_loopback() {
    shows_what_goes_over_the_loopback("tcpdump");
}

#[test]
fn without_a_program_that_captures_it_is_said() {
    let folder = path_of(&[]);
    let ended = Program::start(&["-i", "lo"], Some(folder.path())).wait();
    assert_eq!(ended.code, 2);
    let line = ended.err.join("\n");
    assert!(line.contains("takes dumpcap (of Wireshark) or tcpdump, and neither is there"), "{line}");
}

#[test]
fn an_interface_that_is_not_there_is_named_by_the_program() {
    for program in ["dumpcap", "tcpdump"] {
        if !has(program) {
            continue;
        }
        let folder = path_of(&[program]);
        let ended = Program::start(&["-i", "no-such-one"], Some(folder.path())).wait();
        assert_eq!(ended.code, 2, "{program}");
        let line = ended.err.join("\n");
        assert!(line.contains(&format!("mqtt-inspect: {program}: ")), "{line}");
        assert!(line.contains("no-such-one"), "{line}");
    }
}
