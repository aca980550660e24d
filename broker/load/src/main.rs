//! Load for a broker: publishers and subscribers over plain sockets, few threads, and what the broker's process takes.
//!
//! ```text
//! mqtt-broker-load --port 1883 --pid PID --publishers 100 --subscribers 100 --qos 1 --messages 200000
//! ```
//!
//! Publisher i publishes to the topic of subscriber i modulo the number of subscribers; with one publisher and many
//! subscribers they all subscribe to its topic. Each message begins with the time, its publisher and its number, and each
//! subscriber counts by these what is missing and what has come again. The output is a line of JSON that says what it
//! took: see [`Row`].

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::BytesMut;
use clap::Parser;
use mqtt_wire::{
    Ack, Connect, Connection, Delivery, Packet, PacketId, Publish, QoS, Subscribe, Subscription, TopicFilter,
    TopicName, Version,
};
use serde::Serialize;

#[derive(Debug, Parser)]
struct Args {
    #[arg(long, default_value_t = 1883)]
    port: u16,
    /// The broker's process, whose CPU time and memory are read
    #[arg(long)]
    pid: u32,
    #[arg(long, default_value_t = 1)]
    publishers: usize,
    #[arg(long, default_value_t = 1)]
    subscribers: usize,
    #[arg(long, default_value_t = 0)]
    qos: u8,
    /// Messages to publish in all
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    #[arg(long, default_value_t = 16)]
    bytes: usize,
    /// Messages under way of one publisher
    #[arg(long, default_value_t = 100)]
    window: usize,
    /// The sessions of the subscribers are kept
    #[arg(long)]
    durable: bool,
    /// Connections without traffic, and nothing else: what the broker's memory grows by
    #[arg(long, conflicts_with_all = ["publishers", "subscribers", "qos", "messages", "bytes", "window", "durable"])]
    idle: Option<usize>,
}

/// What a run took.
#[derive(Debug, Serialize)]
struct Row {
    publishers: usize,
    subscribers: usize,
    qos: u8,
    bytes: usize,
    /// Messages that were published.
    sent: u64,
    /// Messages that have come, of those that were to come.
    got: u64,
    expected: u64,
    /// Messages that have not come though a later one has, or that were the last.
    lost: u64,
    /// Messages that have come again.
    again: u64,
    seconds: f64,
    /// CPU seconds of the broker.
    cpu: f64,
    /// Of one message in 16, from its publisher to its subscriber, in milliseconds.
    p50: f64,
    p99: f64,
    /// Resident memory of the broker at the end, in KiB.
    memory: u64,
}

/// What connections without traffic take.
#[derive(Debug, Serialize)]
struct Idle {
    idle: usize,
    /// What the broker's resident memory has grown by, in bytes a connection.
    bytes_each: u64,
}

/// What all threads share.
struct Shared {
    args: Args,
    qos: QoS,
    start: Instant,
    published: AtomicU64,
    received: AtomicU64,
    again: AtomicU64,
    ended: AtomicBool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let qos = QoS::new(args.qos).context("QoS 0, 1 or 2")?;
    if let Some(idle) = args.idle {
        return print(&idle_connections(&args, idle)?);
    }
    let shared = Shared {
        qos,
        start: Instant::now(),
        published: AtomicU64::new(0),
        received: AtomicU64::new(0),
        again: AtomicU64::new(0),
        ended: AtomicBool::new(false),
        args,
    };
    let args = &shared.args;
    let one_to_many = args.publishers == 1;
    let topic = |n: usize| format!("load/{}", if one_to_many { 0 } else { n % args.subscribers });
    let mut subscribers = Vec::new();
    for n in 0..args.subscribers {
        let mut client = Client::open(args, &format!("sub-{n}"), !args.durable)?;
        client.subscribe(&topic(n), qos)?;
        subscribers.push(client);
    }
    let mut publishers = Vec::new();
    for n in 0..args.publishers {
        publishers.push((Client::open(args, &format!("pub-{n}"), true)?, topic(n)));
    }
    let expected = (args.messages * if one_to_many { args.subscribers } else { 1 }) as u64;
    let cpu_before = cpu(args.pid)?;
    let started = Instant::now();
    let mut latencies = std::thread::scope(|scope| {
        let half = subscribers.len().div_ceil(2);
        let mut rest = subscribers;
        let other = rest.split_off(half);
        let threads: Vec<_> = [rest, other]
            .into_iter()
            .filter(|clients| !clients.is_empty())
            .map(|clients| scope.spawn(|| receive(clients, &shared, expected)))
            .collect();
        let publisher = scope.spawn(|| publish(publishers, &shared));
        let sent = publisher.join().expect("the publishers");
        if let Err(error) = sent {
            eprintln!("publishing: {error:#}");
            shared.ended.store(true, Ordering::Relaxed);
        }
        let mut latencies = Vec::new();
        for thread in threads {
            match thread.join().expect("the subscribers") {
                Ok(some) => latencies.extend(some),
                Err(error) => eprintln!("receiving: {error:#}"),
            }
        }
        latencies
    });
    let seconds = started.elapsed().as_secs_f64();
    let cpu = cpu(args.pid)? - cpu_before;
    let (sent, got) = (shared.published.load(Ordering::Relaxed), shared.received.load(Ordering::Relaxed));
    let again = shared.again.load(Ordering::Relaxed);
    latencies.sort_unstable();
    let at = |part: f64| {
        latencies.get((latencies.len() as f64 * part) as usize).copied().unwrap_or(0) as f64 / 1000.0
    };
    print(&Row {
        publishers: args.publishers,
        subscribers: args.subscribers,
        qos: args.qos,
        bytes: args.bytes,
        sent,
        got,
        expected,
        lost: (expected + again).saturating_sub(got),
        again,
        seconds,
        cpu,
        p50: at(0.5),
        p99: at(0.99),
        memory: memory(args.pid)?,
    })
}

fn print(what: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(what)?);
    Ok(())
}

/// Opens so many connections, and sees what the broker takes for them when it has come to rest.
fn idle_connections(args: &Args, idle: usize) -> Result<Idle> {
    // What the first connection takes, the others do not.
    let first = Client::open(args, "first", true)?;
    std::thread::sleep(SETTLE);
    let before = memory(args.pid)?;
    let open: Vec<Client> =
        (0..idle).map(|n| Client::open(args, &format!("idle-{n}"), true)).collect::<Result<_>>()?;
    std::thread::sleep(SETTLE);
    let grown = memory(args.pid)?.saturating_sub(before);
    drop((first, open));
    Ok(Idle { idle, bytes_each: grown * 1024 / idle.max(1) as u64 })
}

/// CPU seconds of a process so far.
fn cpu(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks as f64 / 100.0)
}

/// Resident memory of a process in KiB.
fn memory(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("VmRSS")?.parse()?)
}

struct Client {
    socket: TcpStream,
    connection: Connection,
    input: BytesMut,
    out: Vec<u8>,
    under_way: usize,
}

const VERSION: Version = Version::V311;
/// How long a broker is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);
/// In seconds, longer than a case: rumqttd does not take 0.
const KEEP_ALIVE: u16 = 600;
/// How many bytes of messages of QoS 0 may be under way, so that a subscriber that is behind does not lose any.
const AHEAD: usize = 2 << 20;

impl Client {
    fn open(args: &Args, id: &str, clean_start: bool) -> Result<Self> {
        let mut socket = TcpStream::connect(("127.0.0.1", args.port))?;
        socket.set_nodelay(true)?;
        let mut connection = Connection::client(VERSION);
        let mut out = Vec::new();
        connection.encode(
            &Connect { keep_alive: KEEP_ALIVE, clean_start, ..Connect::new(VERSION, id) }.into(),
            &mut out,
        )?;
        socket.write_all(&out)?;
        let mut connack = [0; 4];
        socket.read_exact(&mut connack)?;
        if connack[3] != 0 {
            bail!("refused: {}", connack[3]);
        }
        connection.received(&mqtt_wire::ConnAck::new(mqtt_wire::ReasonCode::SUCCESS).into());
        out.clear();
        Ok(Self { socket, connection, input: BytesMut::new(), out, under_way: 0 })
    }

    fn subscribe(&mut self, topic: &str, qos: QoS) -> Result<()> {
        let wanted = [Subscription::new(TopicFilter::new(topic)?, qos)];
        self.connection.encode(&Subscribe::new(PacketId::MIN, &wanted).into(), &mut self.out)?;
        self.socket.write_all(&self.out)?;
        self.out.clear();
        self.socket.read_exact(&mut [0; 5])?;
        Ok(())
    }

    /// Writes what is to be written, if the socket takes it.
    fn flush(&mut self) -> Result<bool> {
        while !self.out.is_empty() {
            match self.socket.write(&self.out) {
                Ok(n) => drop(self.out.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Reads what there is; whether there was something.
    fn read(&mut self) -> Result<bool> {
        let mut piece = [0; 65536];
        match self.socket.read(&mut piece) {
            Ok(0) => bail!("the broker has closed the connection"),
            Ok(n) => self.input.extend_from_slice(&piece[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }
}

fn publish(mut clients: Vec<(Client, String)>, shared: &Shared) -> Result<()> {
    let args = &shared.args;
    let mut left = args.messages;
    let mut payload = vec![0; args.bytes.max(HEAD)];
    let mut numbers = vec![0_u64; clients.len()];
    // A publisher of QoS 0 that is far ahead of the subscribers would measure how fast a broker drops.
    let fan = if args.publishers == 1 { args.subscribers as u64 } else { 1 };
    let ahead = fan * (AHEAD / payload.len()).clamp(20, 2000) as u64;
    for (client, _) in &clients {
        client.socket.set_nonblocking(true)?;
    }
    let mut id = 0_u16;
    let mut under_way = 0;
    while left > 0 || under_way > 0 {
        let mut idle = true;
        for (publisher, ((client, topic), number)) in clients.iter_mut().zip(&mut numbers).enumerate() {
            if !client.flush()? {
                continue;
            }
            let room = if shared.qos == QoS::AtMostOnce {
                args.window.min(ahead as usize)
            } else {
                args.window - client.under_way
            };
            for _ in 0..room.min(left) {
                id = id.checked_add(1).unwrap_or(1);
                let now = u64::try_from(shared.start.elapsed().as_micros())?;
                payload[..HEAD].copy_from_slice(&head(now, publisher, *number));
                *number += 1;
                let delivery = Delivery::new(shared.qos, PacketId::new(id).context("id")?);
                let publish = Publish::new(TopicName::new(topic)?, &payload).with_delivery(delivery);
                Packet::from(publish).encode(VERSION, &mut client.out)?;
                left -= 1;
                shared.published.fetch_add(1, Ordering::Relaxed);
                if shared.qos > QoS::AtMostOnce {
                    client.under_way += 1;
                    under_way += 1;
                }
                idle = false;
            }
            client.flush()?;
            if shared.qos == QoS::AtMostOnce || !client.read()? {
                continue;
            }
            idle = false;
            while let Some(frame) = client.connection.split_from(&mut client.input)? {
                match frame.packet()? {
                    Packet::PubAck(_) | Packet::PubComp(_) => {
                        client.under_way -= 1;
                        under_way -= 1;
                    }
                    Packet::PubRec(ack) => {
                        _ = Packet::PubRel(Ack::new(ack.packet_id)).encode(VERSION, &mut client.out)?
                    }
                    other => bail!("{other:?}"),
                }
            }
        }
        if idle {
            std::thread::sleep(Duration::from_micros(200));
        }
        while shared.qos == QoS::AtMostOnce
            && shared.published.load(Ordering::Relaxed) * fan
                > shared.received.load(Ordering::Relaxed) + ahead
            && !shared.ended.load(Ordering::Relaxed)
        {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    for (client, _) in &mut clients {
        client.socket.set_nonblocking(false)?;
        client.flush()?;
    }
    Ok(())
}

/// What a message begins with.
fn head(time: u64, publisher: usize, number: u64) -> [u8; HEAD] {
    let which = (publisher as u64) << 40 | number;
    (u128::from(time) << 64 | u128::from(which)).to_be_bytes()
}

/// The length of [`head`].
const HEAD: usize = 16;

fn receive(mut clients: Vec<Client>, shared: &Shared, expected: u64) -> Result<Vec<u64>> {
    let mut latencies = Vec::new();
    for client in &clients {
        client.socket.set_nonblocking(true)?;
    }
    let mut last = Instant::now();
    let mut count = 0_u64;
    // The next number of each publisher, for each client.
    let mut next = vec![vec![0_u64; shared.args.publishers]; clients.len()];
    while shared.received.load(Ordering::Relaxed) < expected {
        let mut idle = true;
        for (client, next) in clients.iter_mut().zip(&mut next) {
            if !client.read()? {
                continue;
            }
            idle = false;
            let now = u64::try_from(shared.start.elapsed().as_micros())?;
            let mut got = 0;
            while let Some(frame) = client.connection.split_from(&mut client.input)? {
                match frame.packet()? {
                    Packet::Publish(publish) => {
                        got += 1;
                        count += 1;
                        let head =
                            u128::from_be_bytes(*publish.payload.first_chunk().context("a short payload")?);
                        let (time, which) = ((head >> 64) as u64, head as u64);
                        if count % 16 == 0 {
                            latencies.push(now.saturating_sub(time));
                        }
                        let next =
                            next.get_mut((which >> 40) as usize).context("a publisher that there is not")?;
                        let number = which & ((1 << 40) - 1);
                        if number < *next {
                            shared.again.fetch_add(1, Ordering::Relaxed);
                        } else {
                            *next = number + 1;
                        }
                        match publish.delivery {
                            Delivery::AtMostOnce => {}
                            Delivery::AtLeastOnce(id) => {
                                Packet::PubAck(Ack::new(id)).encode(VERSION, &mut client.out)?;
                            }
                            Delivery::ExactlyOnce(id) => {
                                Packet::PubRec(Ack::new(id)).encode(VERSION, &mut client.out)?;
                            }
                        }
                    }
                    Packet::PubRel(ack) => {
                        Packet::PubComp(Ack::new(ack.packet_id)).encode(VERSION, &mut client.out)?;
                    }
                    other => bail!("{other:?}"),
                }
            }
            client.flush()?;
            shared.received.fetch_add(got, Ordering::Relaxed);
        }
        if idle {
            if last.elapsed() > Duration::from_secs(5) {
                shared.ended.store(true, Ordering::Relaxed);
                break;
            }
            std::thread::sleep(Duration::from_micros(200));
        } else {
            last = Instant::now();
        }
    }
    // What is to be acknowledged is acknowledged.
    for client in &mut clients {
        client.socket.set_nonblocking(false)?;
        client.flush()?;
    }
    Ok(latencies)
}
