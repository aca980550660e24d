//! What the library promises to those who drop its handles, do not read, or say goodbye at any time.

use std::time::Duration;

use mqtt_wire_client::mqtt_wire::{Packet, PropertiesBuf, QoS, Version};
use mqtt_wire_client::{Address, Client, Error, Event, MessageBuf, Messages, Options, Reconnect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::process::PATIENCE;

const CONNACK: [u8; 4] = [0x20, 2, 0, 0];
const PINGREQ: u8 = 0xC0;

/// A server of 3.1.1 that says what the test says.
struct Server(TcpListener);

/// One of its connections.
struct Peer(TcpStream);

impl Server {
    async fn start() -> (Self, Options) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut options = Options::new(Address::new("127.0.0.1", port));
        options.version = Version::V311;
        "c".clone_into(&mut options.client_id);
        let first = Duration::from_millis(10);
        options.reconnect = Some(Reconnect { first, ..Reconnect::default() });
        (Self(listener), options)
    }

    /// The next connection, with its CONNECT answered by this.
    async fn accept(&self, connack: &[u8]) -> Peer {
        let (stream, _) = timeout(PATIENCE, self.0.accept()).await.expect("nobody connects").unwrap();
        let mut peer = Peer(stream);
        assert_eq!(peer.packet().await[0], 0x10);
        peer.send(connack).await;
        peer
    }
}

impl Peer {
    /// The next packet; empty at the end of the connection.
    async fn packet(&mut self) -> Vec<u8> {
        let read = async {
            let mut packet = vec![0; 2];
            if self.0.read_exact(&mut packet).await.is_err() {
                return Vec::new();
            }
            assert!(packet[1] < 128, "a short packet is expected");
            packet.resize(2 + usize::from(packet[1]), 0);
            self.0.read_exact(&mut packet[2..]).await.unwrap();
            packet
        };
        timeout(PATIENCE, read).await.expect("no packet comes")
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }
}

/// A client, and the server's end of its first connection.
async fn connected(server: &Server, options: Options) -> (Client, Messages, Peer) {
    let (client, peer) = tokio::join!(Client::connect(options), server.accept(&CONNACK));
    let (client, messages) = client.unwrap();
    (client, messages, peer)
}

fn message(text: &'static str, qos: QoS) -> MessageBuf {
    MessageBuf::new("a", text).unwrap().with_qos(qos)
}

#[tokio::test]
async fn what_is_under_way_is_delivered_over_a_new_connection_without_any_handle() {
    let (server, options) = Server::start().await;
    let (client, messages, mut peer) = connected(&server, options).await;
    let delivery = client.publish(message("x", QoS::AtLeastOnce)).await.unwrap();
    drop((client, messages));
    assert_eq!(peer.packet().await, [0x32, 6, 0, 1, b'a', 0, 1, b'x']);
    // It waits for the acknowledgement, and lets other tasks run.
    peer.send(&[0xD0, 0]).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(peer);
    let mut peer = server.accept(&CONNACK).await;
    let publish = peer.packet().await;
    assert_eq!(publish[0], 0x32);
    peer.send(&[0x40, 2, publish[5], publish[6]]).await;
    timeout(PATIENCE, delivery).await.unwrap().unwrap();
    assert_eq!(peer.packet().await, [0xE0, 0], "that was all");
}

#[tokio::test]
async fn without_any_handle_the_goodbye_is_said_at_once() {
    let (server, mut options) = Server::start().await;
    options.keep_alive = 0;
    let (client, messages, mut peer) = connected(&server, options).await;
    drop(messages);
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(client);
    assert_eq!(peer.packet().await, [0xE0, 0]);
}

#[tokio::test]
async fn a_goodbye_does_not_wait_for_a_connection_that_does_not_come_about() {
    let (server, mut options) = Server::start().await;
    options.address.transport = mqtt_wire_client::Transport::WebSocket;
    options.reconnect = Some(Reconnect { at_start: true, ..options.reconnect.unwrap() });
    // The client waits for the answer to its handshake.
    let (client, peer) =
        tokio::join!(timeout(Duration::from_millis(300), Client::connect(options)), server.0.accept());
    assert!(client.is_err());
    let (mut peer, _) = peer.unwrap();
    let mut sent = Vec::new();
    timeout(Duration::from_secs(3), peer.read_to_end(&mut sent)).await.expect("it has ended").unwrap();
}

#[tokio::test]
async fn who_only_reads_gets_messages_over_a_new_connection() {
    let (server, options) = Server::start().await;
    let (client, mut messages, peer) = connected(&server, options).await;
    drop(client);
    drop(peer);
    let mut peer = server.accept(&CONNACK).await;
    peer.send(&[0x30, 4, 0, 1, b'a', b'x']).await;
    let message = timeout(PATIENCE, messages.recv()).await.unwrap().expect("it goes on");
    assert_eq!(message.payload(), b"x");
    drop(messages);
    assert_eq!(peer.packet().await, [0xE0, 0]);
}

#[tokio::test]
async fn what_was_published_before_goes_out_before_the_goodbye() {
    for _ in 0..30 {
        let (server, options) = Server::start().await;
        let (client, _messages, mut peer) = connected(&server, options).await;
        let mut deliveries = Vec::new();
        for text in ["x", "y", "z"] {
            deliveries.push(client.publish(message(text, QoS::AtMostOnce)).await.unwrap());
        }
        let (ended, ()) = tokio::join!(client.disconnect(), async move {
            for text in [b'x', b'y', b'z'] {
                assert_eq!(peer.packet().await, [0x30, 4, 0, 1, b'a', text]);
            }
            assert_eq!(peer.packet().await, [0xE0, 0]);
        });
        ended.unwrap();
        for delivery in deliveries {
            delivery.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_has_what_was_published_without_a_connection() {
    let (server, mut options) = Server::start().await;
    let folder = crate::server::Folder::new();
    options.session = mqtt_wire_client::SessionStart::File(folder.file("session").into());
    let (client, messages, peer) = connected(&server, options.clone()).await;
    drop(peer);
    // Nobody answers the next connection.
    let (silent, _) = timeout(PATIENCE, server.0.accept()).await.unwrap().unwrap();
    for text in ["x", "y", "z"] {
        drop(client.publish(message(text, QoS::AtLeastOnce)).await.unwrap());
    }
    drop(silent);
    let _ = client.disconnect().await;
    drop((client, messages));
    let (server, other) = Server::start().await;
    options.address = other.address;
    let (_client, _messages, mut peer) = connected(&server, options).await;
    for text in [b'x', b'y', b'z'] {
        assert_eq!(peer.packet().await.last(), Some(&text));
    }
}

#[tokio::test]
async fn a_goodbye_without_a_connection_says_why_there_is_none() {
    let (server, mut options) = Server::start().await;
    options.timeout = PATIENCE;
    let (client, _messages, peer) = connected(&server, options).await;
    drop(peer);
    drop(server);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let ended = client.disconnect().await;
    assert!(matches!(ended, Err(Error::Closed | Error::Lost(_) | Error::Unreachable { .. })), "{ended:?}");
}

#[tokio::test]
async fn who_does_not_read_keeps_the_connection_alive() {
    let (server, mut options) = Server::start().await;
    options.keep_alive = 1;
    let (_client, mut messages, mut peer) = connected(&server, options).await;
    for _ in 0..400 {
        peer.send(&[0x30, 4, 0, 1, b'a', b'x']).await;
    }
    for _ in 0..4 {
        let packet = timeout(Duration::from_millis(1500), peer.packet()).await;
        assert_eq!(packet.expect("a server ends the connection after this silence"), [PINGREQ, 0]);
        peer.send(&[0xD0, 0]).await;
    }
    for _ in 0..400 {
        assert!(messages.recv().await.is_some());
    }
    for _ in 0..2 {
        assert_eq!(peer.packet().await, [PINGREQ, 0]);
        peer.send(&[0xD0, 0]).await;
    }
}

#[tokio::test]
async fn requests_without_an_answer_are_made_again_in_their_order() {
    let (server, options) = Server::start().await;
    let (client, _messages, mut peer) = connected(&server, options).await;
    let filter = |text: &str| mqtt_wire_client::mqtt_wire::topic::TopicFilterBuf::new(text).unwrap();
    let asked = async {
        tokio::join!(
            client.subscribe("a", QoS::AtMostOnce),
            client.subscribe("x", QoS::AtMostOnce),
            client.unsubscribe(vec![filter("x")], PropertiesBuf::new()),
        )
    };
    let answered = async {
        let first = peer.packet().await;
        assert_eq!((peer.packet().await[0], peer.packet().await[0]), (0x82, 0xA2));
        peer.send(&[0x90, 3, first[2], first[3], 0]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(peer);
        let mut peer = server.accept(&CONNACK).await;
        let mut kinds = Vec::new();
        for _ in 0..3 {
            let packet = peer.packet().await;
            let answer = if packet[0] == 0x82 {
                vec![0x90, 3, packet[2], packet[3], 0]
            } else {
                vec![0xB0, 2, packet[2], packet[3]]
            };
            peer.send(&answer).await;
            kinds.push((packet[0], packet[6]));
        }
        kinds
    };
    let (_, kinds) = tokio::join!(asked, answered);
    assert_eq!(kinds, [(0x82, b'a'), (0x82, b'x'), (0xA2, b'x')]);
}

/// A server that reads nothing, and an application that gives its requests up: they are not all held.
#[tokio::test]
async fn requests_wait_with_the_application_while_nothing_goes_out() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (server, mut options) = Server::start().await;
    let sent = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&sent);
    options.observer = Some(Arc::new(move |event| {
        if let Event::Sent(Packet::Subscribe(_)) = event {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let (client, _messages, peer) = connected(&server, options).await;
    let filter = "x".repeat(60_000);
    for _ in 0..1000 {
        let _ = timeout(Duration::from_millis(1), client.subscribe(filter.as_str(), QoS::AtMostOnce)).await;
    }
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent > 10 && sent < 500, "{sent} of 60,000 bytes each");
    drop(peer);
}

/// Runs the program beside the test.
fn beside(arguments: String) -> tokio::task::JoinHandle<crate::process::Ended> {
    tokio::task::spawn_blocking(move || crate::process::run(&arguments))
}

#[tokio::test]
async fn a_subscription_that_is_not_made_again_ends_the_program() {
    let (server, options) = Server::start().await;
    let sub = beside(format!("sub -h 127.0.0.1 -p {} -V 311 -t a --reconnect-max 0", options.address.port));
    for code in [0, 0x80] {
        let mut peer = server.accept(&CONNACK).await;
        let subscribe = peer.packet().await;
        assert_eq!(subscribe[0], 0x82);
        peer.send(&[0x90, 3, subscribe[2], subscribe[3], code]).await;
        if code != 0 {
            assert_eq!(peer.packet().await, [0xE0, 0]);
        }
    }
    let ended = sub.await.unwrap();
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("the server refuses the subscription to a"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_an_earlier_process_has_left_is_not_lost_in_silence() {
    let (server, options) = Server::start().await;
    let folder = crate::server::Folder::new();
    let port = options.address.port;
    let file = folder.file("session");
    let publish = format!("pub -h 127.0.0.1 -p {port} -t a -q 1 -i c --no-reconnect --session {file}");
    let first = beside(format!("{publish} -m x"));
    let mut peer = server.accept(&[0x20, 3, 0, 0, 0]).await;
    assert_eq!(peer.packet().await[0], 0x32);
    drop(peer);
    assert_eq!(first.await.unwrap().code, Some(6));
    let second = beside(format!("{publish} -m y"));
    let mut peer = server.accept(&[0x20, 3, 1, 0, 0]).await;
    for (text, code) in [(b'x', 0x87), (b'y', 0)] {
        let packet = peer.packet().await;
        assert_eq!(packet.last(), Some(&text));
        peer.send(&[0x40, 3, packet[5], packet[6], code]).await;
    }
    assert_eq!(peer.packet().await[0], 0xE0);
    drop(peer);
    let ended = second.await.unwrap();
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("a message was not delivered"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_subscriber_tells_a_refusal_though_the_server_goes() {
    let (server, options) = Server::start().await;
    let port = options.address.port;
    let sub = beside(format!("sub -h 127.0.0.1 -p {port} -V 311 -t a --no-reconnect"));
    let mut peer = server.accept(&CONNACK).await;
    let subscribe = peer.packet().await;
    peer.send(&[0x90, 3, subscribe[2], subscribe[3], 0x80]).await;
    drop(peer);
    assert_eq!(sub.await.unwrap().code, Some(7));
}
