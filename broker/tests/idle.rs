//! What a connection without traffic holds.
//!
//! The broker runs on the thread of the test, so that what it allocates can be told from what the clients do.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use allocation_counter::measure;
use mqtt_broker::listener::Bound;
use mqtt_broker::server::{Broker, Parts};
use mqtt_wire::{Packet, Publish, TopicName, Version};
use tokio::runtime::{Builder, Runtime};

/// How many clients are connected when it is measured what more of them take.
const BEFORE: usize = 64;
const CONNECTIONS: usize = 256;
/// Bytes of the heap. What the allocator adds is not in it: see docs/load.md.
const MOST: usize = 1_750;

/// CONNECT of 3.1.1 with Clean Session and a Keep Alive of 600 seconds.
fn connect(client: &str) -> Vec<u8> {
    let length = u8::try_from(client.len()).unwrap();
    let mut packet = vec![0x10, 12 + length, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 2, 88, 0, length];
    packet.extend_from_slice(client.as_bytes());
    packet
}

/// Clients that were let in, the numbers of their names from `first` on.
fn clients(broker: SocketAddr, first: usize, clients: usize, and_ping: bool) -> Vec<TcpStream> {
    let open = |n| {
        let mut socket = TcpStream::connect(broker).unwrap();
        socket.write_all(&connect(&format!("idle-{n}"))).unwrap();
        let mut connack = [0; 4];
        socket.read_exact(&mut connack).unwrap();
        assert_eq!(connack, [0x20, 2, 0, 0]);
        if and_ping {
            socket.write_all(&[0xC0, 0]).unwrap();
            let mut pingresp = [0; 2];
            socket.read_exact(&mut pingresp).unwrap();
            assert_eq!(pingresp, [0xD0, 0]);
        }
        socket
    };
    (first..first + clients).map(open).collect()
}

/// Lets the broker run while something is done on a thread of its own, and until it has nothing more to do.
fn meanwhile<T: Send + 'static>(runtime: &Runtime, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, is_done) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || {
        let result = work();
        done.send(()).unwrap();
        result
    });
    runtime.block_on(async {
        is_done.await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    });
    thread.join().unwrap()
}

#[test]
fn the_heap_of_an_idle_connection_is_small() {
    let (runtime, broker, address) = broker();
    // One that was busy for a moment has given its buffers back.
    for and_ping in [false, true] {
        let before = meanwhile(&runtime, move || clients(address, 0, BEFORE, and_ping));
        let mut open = Vec::new();
        let info = measure(|| {
            open = meanwhile(&runtime, move || clients(address, BEFORE, CONNECTIONS, and_ping));
        });
        let each = usize::try_from(info.bytes_current).unwrap() / CONNECTIONS;
        assert!(each <= MOST, "a connection holds {each} bytes of the heap");
        meanwhile(&runtime, move || drop((before, open)));
    }
    drop(broker);
}

/// A broker on the thread of the test.
fn broker() -> (Runtime, Broker, SocketAddr) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (broker, address) = runtime.block_on(async {
        let mut broker = Broker::start(Parts::default()).unwrap();
        let bound = Bound::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = bound.address().unwrap();
        broker.listen(bound);
        (broker, address)
    });
    (runtime, broker, address)
}

/// PUBLISH of QoS 0.
fn publish(topic: &str, payload: usize, retain: bool) -> Vec<u8> {
    let payload = vec![b'x'; payload];
    let publish = Publish { retain, ..Publish::new(TopicName::new(topic).unwrap(), &payload) };
    let mut bytes = Vec::new();
    Packet::from(publish).encode(Version::V311, &mut bytes).unwrap();
    bytes
}

/// What came with it are packets that fill a buffer, as they come faster than they are handled.
#[test]
fn a_retained_message_does_not_keep_what_came_with_it() {
    const MESSAGES: usize = 20;
    for payload in [5_000, 9_000] {
        let (runtime, broker, address) = broker();
        let mut bytes = Vec::new();
        for n in 0..MESSAGES {
            bytes.extend(publish("a", 97, false).repeat(4_000));
            bytes.extend(publish(&format!("r/{n}"), payload, true));
        }
        bytes.extend([0xC0, 0]);
        let mut open = Vec::new();
        let info = measure(|| {
            open = meanwhile(&runtime, move || {
                let mut sockets = clients(address, 0, 1, false);
                sockets[0].write_all(&bytes).unwrap();
                let mut pingresp = [0; 2];
                sockets[0].read_exact(&mut pingresp).unwrap();
                sockets
            });
        });
        assert_eq!(broker.engine().retained_count().0, MESSAGES);
        let each = usize::try_from(info.bytes_current).unwrap() / MESSAGES;
        assert!(each <= 4 * payload, "a message of {payload} bytes holds {each}");
        drop((open, broker));
    }
}
