//! A client for any broker: subscribes, publishes, prints what comes in.
//!
//! ```text
//! client --subscribe 'rumahkami/+/+/lampu'
//! client --topic rumahkami/lantaidasar/ruangtamu/lampu --message menyala --qos 1
//! ```
//!
//! Exit code 0 when all went well, 1 when the broker or the network failed, 2 for bad arguments.

use std::future::pending;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use mqtt_wire::topic::{TopicFilterBuf, TopicNameBuf};
use mqtt_wire::{
    Ack, Codec, CodecError, ConnAck, Connect, DecodeError, Delivery, Disconnect, Frame, Outgoing, Packet,
    PacketId, PacketType, Properties, Publish, QoS, ReasonCode, Subscribe, Subscription, Version,
};
use tokio::net::TcpStream;
use tokio::signal::ctrl_c;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::Framed;

/// Subscribes to topics, publishes a message, and prints the messages that come in.
#[derive(Debug, Parser)]
struct Args {
    /// The broker's name or address
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    #[arg(long, default_value_t = 1883)]
    port: u16,
    /// The protocol version: 3.1, 3.1.1 or 5.0
    #[arg(long, default_value = "5.0")]
    version: Version,
    /// Who we are; without it the broker chooses a name
    #[arg(long, default_value = "")]
    client_id: String,
    #[arg(long)]
    user_name: Option<String>,
    #[arg(long)]
    password: Option<String>,
    /// A topic filter to subscribe to; may be given more than once
    #[arg(short, long, value_name = "FILTER", required_unless_present = "topic")]
    subscribe: Vec<TopicFilterBuf>,
    /// Where to publish the message
    #[arg(short, long, requires = "message")]
    topic: Option<TopicNameBuf>,
    /// What to publish
    #[arg(short, long, requires = "topic")]
    message: Option<String>,
    /// To be kept for later subscribers
    #[arg(short, long, requires = "topic")]
    retain: bool,
    /// The quality of service, for the subscriptions and the message: 0 or 1
    #[arg(short, long, default_value = "0", value_parser = parse_qos)]
    qos: QoS,
    /// Leave after so many messages; 0 stays until Ctrl-C
    #[arg(short, long, default_value_t = 0)]
    count: u64,
    /// The longest time without a packet, in seconds; 0 turns it off
    #[arg(long, default_value_t = 60)]
    keep_alive: u16,
    /// How long the broker may take to answer, in seconds
    #[arg(long, default_value_t = 10)]
    timeout: u64,
}

fn parse_qos(text: &str) -> Result<QoS, String> {
    match text.parse() {
        Ok(qos) if qos < QoS::ExactlyOnce => Ok(qos),
        _ => Err("0 and 1 are possible".to_owned()),
    }
}

/// Why the client gives up.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot connect to {0}: {1}")]
    Connect(String, io::Error),
    #[error("no answer")]
    Silence,
    #[error("the broker closed the connection")]
    Closed,
    #[error("the broker answers with {0}: {1}")]
    Refused(PacketType, String),
    #[error("the broker sent {0}, which has no place here")]
    Unexpected(PacketType),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    BadPacket(#[from] DecodeError),
    #[error("cannot print: {0}")]
    Output(io::Error),
}

impl Failure {
    fn refused(packet: PacketType, code: ReasonCode, properties: Properties<'_>) -> Self {
        let name = code.name_in(packet).map_or_else(|| code.to_string(), str::to_owned);
        match properties.reason_string() {
            Some(reason) => Self::Refused(packet, format!("{name} ({})", printable(reason.as_bytes()))),
            None => Self::Refused(packet, name),
        }
    }

    /// What the broker is told of it.
    fn reason_code(&self) -> Option<ReasonCode> {
        match self {
            Self::Codec(error) => error.reason_code(),
            Self::BadPacket(error) => Some(error.reason_code()),
            Self::Unexpected(_) => Some(ReasonCode::PROTOCOL_ERROR),
            Self::Output(_) => Some(ReasonCode::UNSPECIFIED_ERROR),
            Self::Connect(..) | Self::Silence | Self::Closed | Self::Refused(..) => None,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "client: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Failure> {
    let mut client = Client::connect(args).await?;
    let done = tokio::select! {
        done = client.talk(args) => done,
        _ = ctrl_c() => Ok(()),
    };
    if !args.subscribe.is_empty() {
        let _ =
            writeln!(io::stderr(), "{} message{}", client.count, if client.count == 1 { "" } else { "s" });
    }
    let code = match &done {
        Ok(()) => Some(ReasonCode::SUCCESS),
        Err(failure) => failure.reason_code(),
    };
    if let Some(code) = code {
        // In 3.x there is no DISCONNECT for an error, only the end of the connection.
        let _ = client.send(Disconnect::new(code)).await;
    }
    done
}

struct Client {
    framed: Framed<TcpStream, Codec>,
    /// How long to wait for an answer.
    patience: Duration,
    keep_alive: Option<Duration>,
    /// When to send a PINGREQ, and until when an answer to the last one must have come.
    ping_at: Option<Instant>,
    pong_by: Option<Instant>,
    /// How many messages came in.
    count: u64,
}

impl Client {
    async fn connect(args: &Args) -> Result<Self, Failure> {
        let patience = Duration::from_secs(args.timeout);
        let failed = |error| Failure::Connect(format!("{}:{}", args.host, args.port), error);
        let socket = match timeout(patience, TcpStream::connect((args.host.as_str(), args.port))).await {
            Ok(socket) => socket.map_err(failed)?,
            Err(_) => return Err(failed(io::ErrorKind::TimedOut.into())),
        };
        let framed = Framed::new(socket, Codec::client(args.version));
        let mut client = Self { framed, patience, keep_alive: None, ping_at: None, pong_by: None, count: 0 };
        // In 3.1 a client has to choose a name itself.
        let own_name = format!("client-{}", std::process::id());
        let client_id = match args.client_id.as_str() {
            "" if args.version == Version::V31 => &own_name,
            client_id => client_id,
        };
        let connect = Connect {
            keep_alive: args.keep_alive,
            user_name: args.user_name.as_deref(),
            password: args.password.as_deref().map(str::as_bytes),
            ..Connect::new(args.version, client_id)
        };
        client.send(connect).await?;
        client.accepted(args).await?;
        Ok(client)
    }

    /// Waits for the CONNACK, and keeps to what it says.
    async fn accepted(&mut self, args: &Args) -> Result<(), Failure> {
        let frame = self.answer(PacketType::ConnAck).await?;
        let Packet::ConnAck(ConnAck { reason_code, properties, .. }) = frame.packet()? else {
            return Err(Failure::Unexpected(frame.packet_type()));
        };
        if reason_code != ReasonCode::SUCCESS {
            return Err(Failure::refused(PacketType::ConnAck, reason_code, properties));
        }
        if args.topic.is_some() && properties.maximum_qos().is_some_and(|maximum| maximum.get() < args.qos) {
            return Err(Failure::refused(PacketType::ConnAck, ReasonCode::QOS_NOT_SUPPORTED, properties));
        }
        let seconds = properties.server_keep_alive().unwrap_or(args.keep_alive);
        self.keep_alive = Some(Duration::from_secs(seconds.into())).filter(|time| !time.is_zero());
        self.ping_at = self.keep_alive.map(|time| Instant::now() + time);
        Ok(())
    }

    async fn talk(&mut self, args: &Args) -> Result<(), Failure> {
        if !args.subscribe.is_empty() {
            self.subscribe(&args.subscribe, args.qos).await?;
        }
        if let (Some(topic), Some(message)) = (&args.topic, &args.message) {
            let publish = Publish {
                delivery: Delivery::new(args.qos, PacketId::MIN),
                retain: args.retain,
                ..Publish::new(topic.as_name(), message.as_bytes())
            };
            self.publish(publish).await?;
        }
        while !args.subscribe.is_empty() && (args.count == 0 || self.count < args.count) {
            let frame = self.receive(None).await?;
            if !self.take_message(&frame).await? {
                return Err(Failure::Unexpected(frame.packet_type()));
            }
        }
        Ok(())
    }

    async fn subscribe(&mut self, filters: &[TopicFilterBuf], qos: QoS) -> Result<(), Failure> {
        let wanted: Vec<_> =
            filters.iter().map(|filter| Subscription::new(filter.as_filter(), qos)).collect();
        self.send(Subscribe::new(PacketId::MIN, &wanted)).await?;
        let frame = self.answer(PacketType::SubAck).await?;
        let Packet::SubAck(suback) = frame.packet()? else {
            return Err(Failure::Unexpected(frame.packet_type()));
        };
        if suback.packet_id != PacketId::MIN || suback.reason_codes.len() != filters.len() {
            return Err(Failure::Unexpected(PacketType::SubAck));
        }
        match suback.reason_codes.iter().find(|code| code.is_error()) {
            Some(code) => Err(Failure::refused(PacketType::SubAck, code, suback.properties)),
            None => Ok(()),
        }
    }

    /// Publishes a message and waits for its acknowledgement, if its QoS has one.
    async fn publish(&mut self, publish: Publish<'_>) -> Result<(), Failure> {
        self.send(publish).await?;
        let Some(packet_id) = publish.delivery.packet_id() else { return Ok(()) };
        let frame = self.answer(PacketType::PubAck).await?;
        match frame.packet()? {
            Packet::PubAck(ack) if ack.packet_id == packet_id && !ack.reason_code.is_error() => Ok(()),
            Packet::PubAck(ack) if ack.packet_id == packet_id => {
                Err(Failure::refused(PacketType::PubAck, ack.reason_code, ack.properties))
            }
            packet => Err(Failure::Unexpected(packet.packet_type())),
        }
    }

    /// Waits for a packet of that type. Messages may come in before it.
    async fn answer(&mut self, expected: PacketType) -> Result<Frame, Failure> {
        let deadline = Instant::now() + self.patience;
        loop {
            let frame = self.receive(Some(deadline)).await?;
            if frame.packet_type() == expected {
                return Ok(frame);
            }
            if !self.take_message(&frame).await? {
                return Err(Failure::Unexpected(frame.packet_type()));
            }
        }
    }

    /// Prints and acknowledges a message. `false` when the frame is none.
    async fn take_message(&mut self, frame: &Frame) -> Result<bool, Failure> {
        let Packet::Publish(publish) = frame.packet()? else { return Ok(false) };
        // Neither a topic alias nor QoS 2 was asked for.
        let (Some(topic), false) = (publish.topic, publish.delivery.qos() == QoS::ExactlyOnce) else {
            return Ok(false);
        };
        self.count += 1;
        let (topic, payload) = (printable(topic.as_bytes()), printable(publish.payload));
        writeln!(io::stdout(), "{topic} = {payload}").map_err(Failure::Output)?;
        if let Some(packet_id) = publish.delivery.packet_id() {
            self.send(Packet::PubAck(Ack::new(packet_id))).await?;
        }
        Ok(true)
    }

    /// The next packet that is about messages; those that keep the connection alive stay here.
    async fn receive(&mut self, deadline: Option<Instant>) -> Result<Frame, Failure> {
        loop {
            let frame = tokio::select! {
                frame = self.framed.next() => frame.ok_or(Failure::Closed)??,
                () = at(deadline) => return Err(Failure::Silence),
                () = at(self.pong_by) => return Err(Failure::Silence),
                () = at(self.ping_at) => {
                    self.pong_by = Some(Instant::now() + self.patience);
                    self.send(Packet::PingReq).await?;
                    continue;
                }
            };
            match frame.packet_type() {
                PacketType::PingResp => self.pong_by = None,
                PacketType::Disconnect => {
                    let Packet::Disconnect(Disconnect { reason_code, properties }) = frame.packet()? else {
                        return Err(Failure::Closed);
                    };
                    return Err(Failure::refused(PacketType::Disconnect, reason_code, properties));
                }
                _ => return Ok(frame),
            }
        }
    }

    async fn send<'p>(&mut self, packet: impl Into<Outgoing<'p>>) -> Result<(), Failure> {
        self.ping_at = self.keep_alive.map(|time| Instant::now() + time);
        match timeout(self.patience, self.framed.send(packet.into())).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Failure::Silence),
        }
    }
}

/// Waits until then; without a time for ever.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// Text as it is, but for what would disturb a terminal; other bytes escaped.
fn printable(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.escape_ascii().to_string() };
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}
