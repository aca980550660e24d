//! `kill -9` in a loop, under load of QoS 1 and 2, with clients that come back and one whose session ends all the time:
//! every message that was acknowledged arrives, those of QoS 2 exactly once, and the store is sound.
//!
//! The short form, which is run by default, kills 5 times; `KILLS=100 cargo test --test kill -- --nocapture` says more.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU16;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mqtt_session::{Growing, Input, Outcome, Output, Session};
use mqtt_wire::{
    Ack, Connect, Connection, Delivery, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode,
    Subscribe, Subscription, TopicFilter, TopicName, Version,
};

/// How many messages are acknowledged between two kills.
const BETWEEN: u64 = 300;
/// How many messages a publisher has under way.
const WINDOW: usize = 20;
/// A message that shows that there is a subscription, and one that comes behind all others.
const PROBE: u64 = u64::MAX - 1;
const END: u64 = u64::MAX;
/// How long nothing may happen before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The broker as a process.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(folder: &std::path::Path, bind: SocketAddr) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-broker"))
            .args(["--anonymous", "--bind", &bind.to_string(), "--data"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split(' ').nth(2).and_then(|address| address.parse().ok());
        Self { child, address: address.unwrap_or_else(|| panic!("the broker says {line:?}")) }
    }

    fn kill(&mut self) {
        // On Unix this is SIGKILL.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What all clients know.
struct Shared {
    address: SocketAddr,
    /// Publishers are to finish what is under way and end.
    is_over: AtomicBool,
    acknowledged: AtomicU64,
    /// Messages, and how often they came, by QoS.
    came: [Mutex<HashMap<u64, u32>>; 3],
    changed: Mutex<Instant>,
}

impl Shared {
    fn progress(&self) {
        *self.changed.lock().unwrap() = Instant::now();
    }

    /// Whether the last message has come to the subscriber.
    fn has_ended(&self, qos: QoS) -> bool {
        self.came[qos as usize].lock().unwrap().contains_key(&END)
    }

    fn check(&self) {
        let idle = self.changed.lock().unwrap().elapsed();
        assert!(idle < PATIENCE, "nothing happens");
    }
}

type Slots = Growing<u64>;

/// A client with one session, which comes back for as long as it is needed.
struct Client<'a> {
    shared: &'a Shared,
    id: String,
    session: Session<Slots>,
    qos: QoS,
    /// Publishers: the next message.
    next: u64,
    publishes: bool,
}

const TOPIC: [&str; 3] = ["", "one", "two"];

impl Client<'_> {
    /// Lives until its work is done.
    fn run(&mut self) {
        while !self.is_done() {
            // The broker may be away, or go away: it comes back.
            let _ = self.converse();
            self.shared.check();
        }
    }

    fn is_done(&self) -> bool {
        if self.publishes {
            self.shared.is_over.load(Ordering::Relaxed) && self.session.in_flight() == 0
        } else {
            self.shared.has_ended(self.qos)
        }
    }

    fn converse(&mut self) -> std::io::Result<()> {
        let start = Instant::now();
        let now = || u64::try_from(start.elapsed().as_millis()).unwrap();
        let broken = |_| std::io::Error::from(ErrorKind::InvalidData);
        let mut socket = TcpStream::connect(self.shared.address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        let (shared, qos, publishes) = (self.shared, self.qos, self.publishes);
        let topic = TOPIC[qos as usize];
        let expiry =
            [Property::SessionExpiryInterval(3600), Property::ReceiveMaximum(NonZeroU16::new(100).unwrap())];
        let connect = Connect {
            clean_start: false,
            properties: Properties::new(&expiry),
            keep_alive: 0,
            ..Connect::new(Version::V5, &self.id)
        };
        let mut link = self.session.client(Connection::client(Version::V5));
        let (mut input, mut out) = (BytesMut::new(), Vec::new());
        let name = TopicName::new(topic).unwrap();
        macro_rules! perform {
            ($outputs:expr) => {{
                let options = mqtt_wire::EncodeOptions::new(Version::V5);
                let mut outputs = $outputs;
                while let Some(output) = outputs.next() {
                    match output {
                        Output::Send(packet) => _ = packet.encode(options, &mut out),
                        Output::Publish(publication) => {
                            let payload = publication.key.to_be_bytes();
                            let publish = publication.of(Publish::new(name, &payload));
                            let _ = Packet::from(publish).encode(options, &mut out);
                        }
                        Output::Done(_, Outcome::Acknowledged(code)) => {
                            assert!(!code.is_error(), "a message was refused: {code}");
                            shared.acknowledged.fetch_add(1, Ordering::Relaxed);
                            shared.progress();
                        }
                        Output::Done(key, outcome) => panic!("message {key}: {outcome:?}"),
                        Output::Store(_) => {}
                        Output::Close(_) => return Ok(()),
                    }
                }
            }};
        }
        perform!(link.connect(&connect, now()).map_err(|_| std::io::Error::from(ErrorKind::InvalidData))?);
        loop {
            socket.write_all(&out)?;
            out.clear();
            let over = shared.is_over.load(Ordering::Relaxed);
            if publishes && link.is_open() {
                while !over && link.session().in_flight() < WINDOW && link.capacity() > 0 {
                    let payload = self.next.to_be_bytes();
                    if link.publish(&Publish::new(name, &payload), qos, self.next).is_err() {
                        break;
                    }
                    self.next += 1;
                }
                perform!(link.outputs(now()));
                if !out.is_empty() {
                    continue;
                }
            }
            if publishes && over && link.session().in_flight() == 0 || !publishes && shared.has_ended(qos) {
                return Ok(());
            }
            let mut piece = [0; 16384];
            match socket.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(n) => input.extend_from_slice(&piece[..n]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    shared.check();
                }
                Err(error) => return Err(error),
            }
            while let Some(frame) = link.connection().split_from(&mut input).map_err(broken)? {
                let packet = frame.packet().map_err(broken)?;
                let subscribe = match link.handle(packet, now()).map_err(|_| broken_rule())? {
                    Input::Message(message, receipt) => {
                        let key = u64::from_be_bytes(message.payload.try_into().unwrap());
                        assert_eq!(message.delivery.qos(), qos);
                        *shared.came[qos as usize].lock().unwrap().entry(key).or_insert(0) += 1;
                        shared.progress();
                        link.accept(receipt.unwrap(), ReasonCode::SUCCESS).unwrap();
                        false
                    }
                    Input::Connected(connack) => !publishes && !connack.session_present,
                    Input::Refused(connack) => panic!("refused: {}", connack.reason_code),
                    _ => false,
                };
                perform!(link.outputs(now()));
                if subscribe {
                    let wanted = [Subscription::new(TopicFilter::new(topic).unwrap(), qos)];
                    let packet = Subscribe::new(PacketId::MIN, &wanted);
                    perform!(link.subscribe(&packet, now()).map_err(|_| broken_rule())?);
                }
            }
        }
    }
}

fn broken_rule() -> std::io::Error {
    ErrorKind::InvalidData.into()
}

#[test]
fn what_was_acknowledged_arrives() {
    let kills: u64 = std::env::var("KILLS").map_or(5, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), "127.0.0.1:0".parse().unwrap());
    let shared = Arc::new(Shared {
        address: process.address,
        is_over: AtomicBool::new(false),
        acknowledged: AtomicU64::new(0),
        came: Default::default(),
        changed: Mutex::new(Instant::now()),
    });
    let client = |qos, publishes, id: &str| {
        let session = Session::new(Growing::new(100, 100, 0));
        let (shared, id) = (shared.clone(), id.to_owned());
        std::thread::spawn(move || {
            let mut client = Client { shared: &shared, id, session, qos, next: 0, publishes };
            client.run();
            client.next
        })
    };
    let subscribers = [client(QoS::AtLeastOnce, false, "s1"), client(QoS::ExactlyOnce, false, "s2")];
    // Both have subscribed before the first message.
    wait_for_subscriptions(&shared);
    let publishers = [client(QoS::AtLeastOnce, true, "p1"), client(QoS::ExactlyOnce, true, "p2")];
    let restless = shared.clone();
    let restless = std::thread::spawn(move || come_and_go(&restless));
    for kill in 1..=kills {
        while shared.acknowledged.load(Ordering::Relaxed) < kill * BETWEEN {
            std::thread::sleep(Duration::from_millis(1));
            shared.check();
        }
        process.kill();
        process = Process::start(folder.path(), shared.address);
    }
    shared.is_over.store(true, Ordering::Relaxed);
    let sent = publishers.map(|publisher| publisher.join().unwrap());
    restless.join().unwrap();
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        publish(shared.address, qos, END);
    }
    for subscriber in subscribers {
        subscriber.join().unwrap();
    }
    for (qos, sent) in [QoS::AtLeastOnce, QoS::ExactlyOnce].into_iter().zip(sent) {
        let mut came = shared.came[qos as usize].lock().unwrap();
        came.retain(|key, _| *key < PROBE);
        let lost: Vec<u64> = (0..sent).filter(|key| !came.contains_key(key)).collect();
        let twice: u64 = came.values().map(|count| u64::from(*count) - 1).sum();
        println!(
            "QoS {}: {kills} kills, {sent} messages acknowledged, {} lost, {twice} came again",
            qos as u8,
            lost.len()
        );
        assert!(lost.is_empty(), "QoS {}: lost {lost:?}", qos as u8);
        assert!(qos == QoS::AtLeastOnce || twice == 0, "{twice} messages of QoS 2 came twice");
    }
    process.kill();
    let check =
        Command::new(env!("CARGO_BIN_EXE_mqtt-broker")).arg("check").arg(folder.path()).output().unwrap();
    assert!(check.status.success(), "{check:?}");
}

/// Comes with a session that lasts and then with one that ends it, again and again, while messages for it are on their way
/// into the store.
fn come_and_go(shared: &Shared) {
    for clean_start in [false, true].into_iter().cycle() {
        if shared.is_over.load(Ordering::Relaxed) {
            return;
        }
        // The broker may be away, or go away.
        let _ = look_in(shared.address, clean_start);
    }
}

/// Connects, subscribes, waits for what comes, and is gone.
fn look_in(address: SocketAddr, clean_start: bool) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    let connect = Connect { clean_start, ..Connect::new(Version::V311, "restless") };
    let wanted = [Subscription::new(TopicFilter::new("+").unwrap(), QoS::AtLeastOnce)];
    let subscribe = Subscribe::new(PacketId::MIN, &wanted);
    let (mut bytes, mut answer) = (Vec::new(), [0; 512]);
    for packet in [Packet::from(connect), subscribe.into()] {
        packet.encode(Version::V311, &mut bytes).unwrap();
    }
    socket.write_all(&bytes)?;
    // CONNACK, SUBACK, and a message.
    for _ in 0..3 {
        if socket.read(&mut answer)? == 0 {
            break;
        }
    }
    Ok(())
}

/// Publishes one message as a client of 3.1.1 and waits until it is acknowledged.
fn publish(address: SocketAddr, qos: QoS, key: u64) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let delivery = Delivery::new(qos, PacketId::MIN);
    let payload = key.to_be_bytes();
    let topic = TopicName::new(TOPIC[qos as usize]).unwrap();
    let packets = [
        Connect::new(Version::V311, "probe").into(),
        Publish::new(topic, &payload).with_delivery(delivery).into(),
        Packet::PubRel(Ack::new(PacketId::MIN)),
    ];
    let packets = if qos == QoS::ExactlyOnce { &packets[..] } else { &packets[..2] };
    for packet in packets {
        let mut bytes = Vec::new();
        packet.encode(Version::V311, &mut bytes).unwrap();
        socket.write_all(&bytes).unwrap();
        socket.read_exact(&mut [0; 4]).unwrap();
    }
}

/// Publishes until both subscribers have got something.
fn wait_for_subscriptions(shared: &Shared) {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        while shared.came[qos as usize].lock().unwrap().is_empty() {
            publish(shared.address, qos, PROBE);
            shared.check();
        }
    }
}
