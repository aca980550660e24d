//! One message to ten thousand subscribers: the payload stays where it is, and each subscriber gets its own head.
//!
//! The subscribers sit at the other ends of connections through the kernel, a few hundred at a time, and every one of
//! them decodes what it got. The same is done with a whole packet for each subscriber, to compare.

use std::io::{self, IoSlice, Read, Write};
use std::num::NonZeroU32;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use mqtt_wire::{
    Delivery, FanOut, Packet, PacketId, Publish, QoS, TopicName, Version, decode_exact, topic_name,
};

const TOPIC: TopicName<'_> = topic_name!("rumahkami/lantaidasar/ruangtamu/lampu");
/// Connections that are open at a time, each with two ends: 1024 files are a common limit.
const AT_A_TIME: u32 = 400;

/// Sends one message to many subscribers, every second one at QoS 1, in two ways
#[derive(Parser)]
struct Args {
    #[arg(long, default_value = "10000")]
    subscribers: NonZeroU32,
    /// The size of the payload in bytes: what a socket takes at once, as nobody reads before all is written
    #[arg(long, default_value_t = 16 * 1024, value_parser = clap::value_parser!(u32).range(..=128 * 1024))]
    payload: u32,
}

/// What a way of sending costs.
#[derive(Default)]
struct Cost {
    /// Bytes that the program stored to have packets to send.
    stored: usize,
    sent: usize,
    time: Duration,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "fan-out: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let payload: Vec<u8> = (0..args.payload).map(|n| n.to_le_bytes()[0]).collect();
    let publish = Publish::new(TOPIC, &payload);

    let mut packet = Vec::new();
    let whole = deliver(args.subscribers, &publish, |socket, delivery, cost| {
        packet.clear();
        cost.stored +=
            Packet::from(publish.with_delivery(delivery)).encode(Version::V5, &mut packet).map_err(bad)?;
        cost.sent += packet.len();
        socket.write_all(&packet)
    })?;

    let mut buf = [0; 256];
    let mut fan_out = FanOut::new(&publish, Version::V5, &mut buf).map_err(bad)?;
    let heads = [QoS::AtMostOnce, QoS::AtLeastOnce].map(|qos| fan_out.packet_len(qos) - payload.len());
    let mut shared = deliver(args.subscribers, &publish, |socket, delivery, cost| {
        let head = fan_out.head(delivery, false, false).map_err(bad)?;
        cost.stored += 1 + delivery.packet_id().map_or(0, |_| size_of::<PacketId>());
        cost.sent += head.len() + payload.len();
        write_all_vectored(socket, &mut [IoSlice::new(head), IoSlice::new(&payload)])
    })?;
    shared.stored += heads.iter().sum::<usize>();

    let mut out = io::stdout();
    writeln!(out, "{} subscribers, all got the message of {} bytes", args.subscribers, payload.len())?;
    for (name, cost) in [("a packet for each", whole), ("FanOut", shared)] {
        let Cost { stored, sent, time } = cost;
        writeln!(
            out,
            "{name:18} {stored:>12} bytes stored {sent:>12} bytes sent {:>6} ms",
            time.as_millis()
        )?;
    }
    Ok(())
}

/// Sends the message to all by `send`; then each subscriber decodes it.
fn deliver(
    subscribers: NonZeroU32,
    publish: &Publish<'_>,
    mut send: impl FnMut(&mut UnixStream, Delivery, &mut Cost) -> io::Result<()>,
) -> io::Result<Cost> {
    let mut cost = Cost::default();
    let mut deliveries = (1..=subscribers.get()).map(delivery_of);
    let mut received = Vec::new();
    loop {
        let batch: Vec<_> = deliveries.by_ref().take(AT_A_TIME as usize).collect();
        if batch.is_empty() {
            return Ok(cost);
        }
        let mut connections = Vec::new();
        for _ in &batch {
            let (here, there) = UnixStream::pair()?;
            here.set_write_timeout(Some(Duration::from_secs(5)))?;
            connections.push((here, there));
        }
        let start = Instant::now();
        for ((here, _), delivery) in connections.iter_mut().zip(&batch) {
            send(here, *delivery, &mut cost)?;
        }
        cost.time += start.elapsed();
        for ((here, mut there), delivery) in connections.into_iter().zip(&batch) {
            drop(here);
            received.clear();
            there.read_to_end(&mut received)?;
            let expected = Packet::from(publish.with_delivery(*delivery));
            if decode_exact(&received, Version::V5).map_err(bad)? != expected {
                return Err(io::Error::other("a subscriber got something else"));
            }
        }
    }
}

/// Every second subscriber at QoS 1, with a Packet Identifier of its own.
fn delivery_of(subscriber: u32) -> Delivery {
    match u16::try_from(subscriber % 0x1_0000).ok().and_then(PacketId::new) {
        Some(id) if subscriber % 2 == 1 => Delivery::AtLeastOnce(id),
        _ => Delivery::AtMostOnce,
    }
}

fn write_all_vectored(socket: &mut UnixStream, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match socket.write_vectored(parts)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => IoSlice::advance_slices(&mut parts, written),
        }
    }
    Ok(())
}

fn bad(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}
