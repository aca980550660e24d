//! The examples do what they say.

#![cfg(feature = "alloc")]
#![allow(unreachable_pub, missing_docs, clippy::too_many_lines, clippy::result_large_err)]

#[path = "../examples/client.rs"]
mod client;
#[path = "../examples/no_alloc.rs"]
mod no_alloc;
#[path = "../examples/server.rs"]
mod server;
#[path = "../examples/storage.rs"]
mod storage;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use mqtt_session::Session;
use mqtt_wire::{Connect, Packet, Properties, Property, ReasonCode, Version};

#[test]
fn the_client_delivers_to_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let messages: Vec<String> = (0..50).map(|n| format!("message {n}")).collect();
    let (sessions, got) = (Mutex::default(), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (stream, _) = listener.accept().unwrap();
            server::serve(stream, &sessions, &|client, message| {
                assert_eq!(client, "lamp-7");
                got.lock().unwrap().push(String::from_utf8_lossy(message.payload).into_owned());
                ReasonCode::SUCCESS
            })
            .unwrap();
        });
        let mut session = Session::new(client::Slots::new());
        assert_eq!(client::send(&address, &mut session, &messages, &mut 0).unwrap(), 50);
    });
    assert_eq!(*got.lock().unwrap(), messages);
    assert_eq!(sessions.lock().unwrap().len(), 1);
}

#[test]
fn a_second_connection_takes_the_session_over() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sessions = Mutex::default();
    let lasts = [Property::SessionExpiryInterval(60)];
    let mut connect = Connect { clean_start: false, ..Connect::new(Version::V5, "lamp-7") };
    connect.properties = Properties::new(&lasts);
    let mut bytes = Vec::new();
    Packet::Connect(connect).encode(Version::V5, &mut bytes).unwrap();
    std::thread::scope(|scope| {
        let open = || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(&bytes).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            let sessions = &sessions;
            scope.spawn(move || server::serve(accepted, sessions, &|_, _| ReasonCode::SUCCESS).unwrap());
            let mut connack = [0; 8];
            stream.read_exact(&mut connack).unwrap();
            assert_eq!((connack[0], connack[1]), (0x20, 6));
            (stream, connack[2] == 1)
        };
        let (mut first, is_present) = open();
        assert!(!is_present);
        let (second, is_present) = open();
        assert!(is_present);
        // The first one is told [MQTT-3.1.4-3], and its connection ends.
        let mut rest = Vec::new();
        first.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, [0xE0, 1, 0x8E]);
        drop(second);
    });
}

#[test]
fn the_client_without_an_allocator_delivers() {
    let mut session = Session::new(mqtt_session::Fixed::new());
    let taken = no_alloc::run(&mut no_alloc::Loopback::default(), &mut session, &[[1, 2]; 20]);
    assert_eq!(taken, Some(20));
}

#[test]
fn the_stored_session_sends_again() {
    let path = std::env::temp_dir().join(format!("mqtt-session-{}.log", std::process::id()));
    drop(std::fs::remove_file(&path));
    let first = storage::send_and_crash(&path).unwrap();
    // A torn record at the end does not matter.
    let mut log = std::fs::read(&path).unwrap();
    log.extend([1, 2, 3]);
    std::fs::write(&path, log).unwrap();
    let again = storage::send_and_crash(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!((first[0], again[0]), (0x34, 0x3C));
    assert_eq!(first[1..], again[1..]);
}
