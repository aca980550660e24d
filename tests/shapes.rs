//! The shapes that programs have, written as programs write them: messages in stores, one task that writes what others
//! send it, read loops of one's own. That they compile is half of the test.
#![cfg(feature = "tokio-codec")]

use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::num::NonZeroU16;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use mqtt_wire::fields::PublishFields;
use mqtt_wire::topic::TopicNameBuf;
use mqtt_wire::{
    Ack, Buffer, CheckedFrame, Codec, CodecError, ConnAck, Connect, Connection, DecodeError, DecodeOptions,
    Decoded, Delivery, Disconnect, EditedPublish, EncodeError, Frame, Full, Outgoing, Output, Packet,
    PacketId, PacketType, Properties, PropertiesBuf, Property, PropertyId, Publish, PublishFrame, QoS,
    ReasonCode, Rule, SubAck, Subscribe, Subscription, TopicName, Version, packets, topic_filter, topic_name,
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_util::codec::{Framed, FramedRead, FramedWrite};

type Failure = Box<dyn std::error::Error>;

/// Runs a future on a thread of its own, which is this one.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

const SUBSCRIPTIONS: &[Subscription<'static>] =
    &[Subscription::new(topic_filter!("kitchen/+"), QoS::AtLeastOnce)];

// --- Messages in stores.

/// What a server keeps for a client, and of messages.
#[derive(Debug, Clone, Default, PartialEq)]
struct Store {
    queue: VecDeque<PublishFrame>,
    sent: HashMap<PacketId, PublishFrame>,
    retained: HashMap<TopicNameBuf, PublishFrame>,
    will: Option<CheckedFrame>,
}

impl Store {
    /// Keeps a message that came in: in memory of its own, since that of the stream is large.
    fn keep(&mut self, frame: Frame) -> Result<(), DecodeError> {
        let message = PublishFrame::new(frame)?.compact();
        let publish = message.publish();
        if let Some(topic) = publish.topic.filter(|_| publish.retain) {
            if publish.payload.is_empty() {
                self.retained.remove(topic.as_str());
            } else {
                self.retained.insert(topic.to_buf(), message.clone());
            }
        }
        self.queue.push_back(message);
        Ok(())
    }

    /// The next message as it goes to its receiver.
    fn next(&mut self, packet_id: PacketId) -> Result<Option<PublishFrame>, EncodeError> {
        let Some(message) = self.queue.pop_front() else { return Ok(None) };
        let publish = message.publish().with_delivery(Delivery::AtLeastOnce(packet_id));
        let to_send = PublishFrame::encode(&publish, message.version())?;
        self.sent.insert(packet_id, to_send.clone());
        Ok(Some(to_send))
    }

    /// What was not acknowledged, to be sent again.
    fn again(&self) -> impl Iterator<Item = Outgoing<'static>> {
        self.sent.values().cloned().filter_map(PublishFrame::with_dup).map(Outgoing::from)
    }
}

const fn is_kept_anywhere<T: Send + Sync + 'static>() {}

#[test]
fn messages_are_stored() {
    const { (is_kept_anywhere::<Store>(), is_kept_anywhere::<Outgoing<'static>>()) };
    const { (is_kept_anywhere::<Frame>(), is_kept_anywhere::<Codec>()) };
    let mut store = Store::default();
    let mut stream = BytesMut::new();
    for payload in ["21.5", "22", ""] {
        let publish =
            Publish { retain: true, ..Publish::new(topic_name!("kitchen/temperature"), payload.as_bytes()) };
        Packet::from(publish).encode(Version::V311, &mut stream).expect("a good packet");
    }
    while let Some(frame) = Frame::split_from(&mut stream, Version::V311).expect("good frames") {
        store.keep(frame).expect("a good message");
        let last = store.queue.back().expect("a message");
        let retained = store.retained.get("kitchen/temperature");
        assert_eq!(retained, Some(last).filter(|last| !last.payload().is_empty()));
    }
    assert!(store.retained.is_empty());
    let payloads: Vec<Bytes> = store.queue.iter().map(PublishFrame::payload).collect();
    assert_eq!(payloads, ["21.5", "22", ""]);
    // A payload outlives the message that it came in.
    let sent = store.next(PacketId::MIN).expect("a good message").expect("a message");
    let payload = sent.payload();
    drop(sent);
    assert_eq!(&payload[..], b"21.5");
    let again: Vec<_> = store.again().collect();
    let [Outgoing::Frame(again)] = &again[..] else { panic!("{again:?}") };
    let Ok(Packet::Publish(publish)) = again.packet() else { panic!("a PUBLISH") };
    assert!(publish.dup && publish.delivery == Delivery::AtLeastOnce(PacketId::MIN) && publish.retain);
    assert_eq!((store.clone(), store.queue.len()), (store, 2));
}

/// A function that makes a message of another returns it.
fn bridged<'a>(publish: Publish<'a>, topic: TopicName<'a>, via: &'a [Property<'a>]) -> EditedPublish<'a> {
    let without = PropertyId::TopicAlias | PropertyId::SubscriptionIdentifier;
    Publish { topic: Some(topic), ..publish }.edited(publish.properties.edit(without, via))
}

#[test]
fn a_message_with_other_properties_is_returned() {
    let came = [Property::TopicAlias(NonZeroU16::MIN), Property::ContentType("text/plain")];
    let publish = Publish { properties: Properties::new(&came), ..Publish::new(topic_name!("a"), b"hi") };
    let via = [Property::UserProperty(("via", "bridge"))];
    let to_send = bridged(publish, topic_name!("far/a"), &via);
    let message = PublishFrame::encode(&to_send.as_publish(), Version::V5).expect("a good message");
    assert!(message.publish().properties.iter().eq([came[1], via[0]]));
    assert_eq!(message.publish().topic, Some(topic_name!("far/a")));
}

/// What a sensor says about its values, in words of its own.
struct About<'s> {
    unit: &'s str,
    seconds: u32,
}

impl About<'_> {
    /// A function that makes properties returns them.
    fn properties(&self) -> Result<PropertiesBuf, EncodeError> {
        let mut properties = PropertiesBuf::new();
        properties.push(Property::PayloadFormatIndicator(true))?;
        properties.push(Property::MessageExpiryInterval(self.seconds))?;
        properties.push(("unit", self.unit))?;
        Ok(properties)
    }
}

/// A message that owns everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Message {
    topic: TopicNameBuf,
    properties: PropertiesBuf,
    payload: Vec<u8>,
}

impl Message {
    fn of(publish: &Publish<'_>) -> Result<Option<Self>, mqtt_wire::Error> {
        let Some(topic) = publish.topic.map(|topic| topic.to_buf()) else { return Ok(None) };
        let properties = publish.properties.forwarded().as_properties().to_buf()?;
        Ok(Some(Self { topic, properties, payload: publish.payload.to_vec() }))
    }

    fn publish(&self) -> Publish<'_> {
        let publish = Publish::new(self.topic.as_name(), &self.payload);
        Publish { properties: self.properties.as_properties(), ..publish }
    }
}

#[test]
fn properties_and_messages_are_owned() -> Result<(), Failure> {
    const { (is_kept_anywhere::<Message>(), is_kept_anywhere::<PropertiesBuf>()) };
    let properties = About { unit: &String::from("C"), seconds: 60 }.properties()?;
    let publish = Publish {
        properties: properties.as_properties(),
        ..Publish::new(topic_name!("kitchen/temperature"), b"21.5")
    };
    let frame = Frame::encode(&publish.into(), Version::V5)?;
    let Packet::Publish(received) = frame.packet()? else { return Err("a PUBLISH".into()) };
    let mut message = Message::of(&received)?.ok_or("a topic")?;
    drop(frame);
    assert_eq!(message.publish(), publish);
    // It has waited for 12 seconds.
    let left = message.properties.as_properties().message_expiry_interval().unwrap_or_default() - 12;
    message.properties.set(Property::MessageExpiryInterval(left))?;
    let PublishFields { message_expiry_interval, user_properties, .. } = message.publish().fields();
    assert_eq!(
        (message_expiry_interval, user_properties.collect::<Vec<_>>()),
        (Some(48), vec![("unit", "C")])
    );
    Ok(())
}

/// What a tool does with a file of packets; its caller knows nothing of MQTT.
fn count_publishes(bytes: &[u8]) -> std::io::Result<usize> {
    let mut publishes = 0;
    for (_, packet) in packets(bytes, DecodeOptions::detect()) {
        publishes += usize::from(matches!(packet?, Packet::Publish(_)));
    }
    Ok(publishes)
}

#[test]
fn a_buffer_is_gone_through() -> Result<(), Failure> {
    let mut bytes = Vec::new();
    Packet::from(Connect::new(Version::V5, "a")).encode(Version::V5, &mut bytes)?;
    for payload in ["21.5", "22"] {
        Packet::from(Publish::new(topic_name!("a"), payload.as_bytes())).encode(Version::V5, &mut bytes)?;
    }
    assert_eq!(count_publishes(&bytes)?, 2);
    let refused = count_publishes(&bytes[..bytes.len() - 1]).expect_err("the last one is cut off");
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidData);
    let cause = refused.get_ref().and_then(|cause| cause.downcast_ref::<DecodeError>());
    assert_eq!(cause.map(DecodeError::rule), Some(Rule::Truncated));
    let refused = std::io::Error::from(TopicName::new("#").expect_err("a wildcard"));
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    let lost = CodecError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
    assert_eq!(std::io::Error::from(lost).kind(), std::io::ErrorKind::BrokenPipe);
    Ok(())
}

// --- Over tokio.

/// A server of one client: every shape of a sink in its answers.
async fn serve(stream: DuplexStream) -> Result<(Connection, usize), CodecError> {
    let mut framed = Framed::new(stream, Codec::server());
    let mut subscribed = 0;
    while let Some(frame) = framed.next().await {
        let frame = frame?;
        match frame.packet()? {
            Packet::Connect(_) => framed.send(ConnAck::new(ReasonCode::SUCCESS).into()).await?,
            Packet::Subscribe(subscribe) => {
                subscribed += subscribe.subscriptions.len();
                let codes = [ReasonCode::GRANTED_QOS_1];
                // It borrows from the frame and from here.
                framed.feed(SubAck::new(subscribe.packet_id, &codes).into()).await?;
                framed.flush().await?;
            }
            Packet::Publish(publish) => {
                if let Some(packet_id) = publish.delivery.packet_id() {
                    framed.feed(Packet::PubAck(Ack::new(packet_id)).into()).await?;
                }
                // As it came, without a copy.
                framed.feed(frame.clone().into()).await?;
                framed.flush().await?;
            }
            Packet::PingReq => framed.send(Bytes::from_static(&[0xD0, 0]).into()).await?,
            Packet::PubAck(_) => {}
            _ => break,
        }
    }
    framed.flush().await?;
    Ok((framed.codec().connection().clone(), subscribed))
}

/// What the tasks of a client give to the one that writes. It ends when nobody is left who could give it anything.
async fn write_all(
    mut sink: impl SinkExt<Outgoing<'static>, Error = CodecError> + Unpin,
    mut outgoing: mpsc::Receiver<Outgoing<'static>>,
) -> Result<usize, CodecError> {
    let mut written = 0;
    while let Some(first) = outgoing.recv().await {
        sink.feed(first).await?;
        written += 1;
        // All that is there goes out with one write.
        while let Ok(more) = outgoing.try_recv() {
            sink.feed(more).await?;
            written += 1;
        }
        sink.flush().await?;
    }
    sink.close().await?;
    Ok(written)
}

async fn next_packet<T: AsyncRead + AsyncWrite + Unpin>(framed: &mut Framed<T, Codec>) -> Option<Frame> {
    framed.next().await?.ok()
}

#[test]
fn one_after_the_other() -> Result<(), Failure> {
    run(async {
        let (near, far) = duplex(64);
        let server = tokio::task::LocalSet::new();
        let serving = server.spawn_local(serve(far));
        server
            .run_until(async {
                let mut client = Framed::new(near, Codec::client(Version::V5));
                client.send(Connect::new(Version::V5, "a").into()).await?;
                let connack = next_packet(&mut client).await.ok_or("a CONNACK")?;
                assert_eq!(connack.packet()?, ConnAck::new(ReasonCode::SUCCESS).into());
                client.feed(Subscribe::new(PacketId::MIN, SUBSCRIPTIONS).into()).await?;
                client.feed(Packet::PingReq.into()).await?;
                client.flush().await?;
                for expected in [PacketType::SubAck, PacketType::PingResp] {
                    assert_eq!(next_packet(&mut client).await.ok_or("an answer")?.packet_type(), expected);
                }
                client.send(Disconnect::new(ReasonCode::NORMAL_DISCONNECTION).into()).await?;
                Ok::<(), Failure>(())
            })
            .await?;
        let (connection, subscribed) = server.run_until(serving).await??;
        assert_eq!((connection.version(), subscribed), (Some(Version::V5), 1));
        Ok(())
    })
}

#[test]
fn a_task_that_writes() -> Result<(), Failure> {
    run(async {
        let (near, far) = duplex(256);
        let serving = tokio::spawn(serve(far));
        let (sink, mut stream) = Framed::new(near, Codec::client(Version::V311)).split();
        let (to_write, outgoing) = mpsc::channel(8);
        let writing = tokio::spawn(write_all(sink, outgoing));
        to_write.send(Connect::new(Version::V311, "a").into()).await?;
        let connack = stream.next().await.ok_or("a CONNACK")??;
        assert_eq!(connack.packet_type(), PacketType::ConnAck);
        // Another task gives frames to the same writer.
        let messages = to_write.clone();
        let publishing = tokio::spawn(async move {
            let ids = std::iter::successors(Some(PacketId::MIN), |id| Some(id.next()));
            for (payload, id) in ["21.5", "22", "22.5"].into_iter().zip(ids) {
                let publish = Publish::new(topic_name!("kitchen/temperature"), payload.as_bytes());
                let publish = publish.with_delivery(Delivery::AtLeastOnce(id));
                let message = PublishFrame::encode(&publish, Version::V311).expect("a good message");
                messages.send(message.into()).await.expect("the writer is there");
            }
        });
        to_write.send(Packet::PingReq.into()).await?;
        let (mut acknowledged, mut received, mut pings) = (Vec::new(), Vec::new(), 0);
        while acknowledged.len() < 3 || received.len() < 3 || pings < 1 {
            let frame = stream.next().await.ok_or("a packet")??;
            match frame.packet()? {
                Packet::PubAck(ack) => acknowledged.push(ack.packet_id.get()),
                // What answers needs no memory of the packet that it answers.
                Packet::Publish(Publish { delivery: Delivery::AtLeastOnce(id), payload, .. }) => {
                    received.push(frame.slice(payload));
                    to_write.send(Packet::PubAck(Ack::new(id)).into()).await?;
                }
                Packet::PingResp => pings += 1,
                packet => panic!("{packet:?}"),
            }
        }
        publishing.await?;
        assert_eq!(
            (acknowledged, received),
            (vec![1, 2, 3], vec!["21.5".into(), "22".into(), "22.5".into()])
        );
        to_write.send(Disconnect::new(ReasonCode::NORMAL_DISCONNECTION).into()).await?;
        drop(to_write);
        let written = writing.await??;
        let (connection, _) = serving.await??;
        assert_eq!((connection.version(), written), (Some(Version::V311), 9));
        Ok(())
    })
}

/// The two halves of a stream that is split below the codec.
#[test]
fn two_halves() -> Result<(), Failure> {
    run(async {
        let (near, far) = duplex(64);
        let (read, write) = tokio::io::split(near);
        let (mut reader, mut writer) = (
            FramedRead::new(read, Codec::client(Version::V5)),
            FramedWrite::new(write, Codec::client(Version::V5)),
        );
        let mut server = Framed::new(far, Codec::server());
        writer.send(Connect::new(Version::V5, "a").into()).await?;
        assert_eq!(server.next().await.ok_or("a CONNECT")??.packet_type(), PacketType::Connect);
        let connack = Frame::encode(&ConnAck::new(ReasonCode::SUCCESS).into(), Version::V5)?;
        server.feed(connack.into()).await?;
        server.flush().await?;
        assert_eq!(reader.next().await.ok_or("a CONNACK")??.packet_type(), PacketType::ConnAck);
        writer.feed(Packet::PingReq.into()).await?;
        writer.flush().await?;
        writer.close().await?;
        assert_eq!(server.next().await.ok_or("a PINGREQ")??.packet()?, Packet::PingReq);
        Ok(())
    })
}

// --- Read loops of one's own.

/// A stream that comes in pieces of its own choosing.
struct Pieces<'s>(&'s [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let len = self.0.len().min(room.len()).min(self.1);
        let (now, later) = self.0.split_at(len);
        room[..len].copy_from_slice(now);
        self.0 = later;
        Ok(len)
    }
}

/// With an allocator: reads what is missing, and hands each packet on.
fn each_packet(
    stream: &mut impl Read,
    connection: &mut Connection,
    mut look: impl FnMut(Packet<'_>),
) -> Result<(), Failure> {
    let (mut buffer, mut start) = (Vec::new(), 0);
    loop {
        match connection.decode(&buffer[start..])? {
            Decoded::Packet { packet, len } => {
                look(packet);
                start += len;
            }
            Decoded::Incomplete { missing } => {
                buffer.drain(..start);
                start = 0;
                let (len, mut room) = (buffer.len(), missing.max(1024));
                buffer.resize(len + room, 0);
                room = stream.read(&mut buffer[len..])?;
                buffer.truncate(len + room);
                if room == 0 {
                    return if buffer.is_empty() {
                        Ok(())
                    } else {
                        Err("the stream ends in a packet".into())
                    };
                }
            }
        }
    }
}

/// Without an allocator: a fixed memory, and one packet at a time.
fn each_packet_in(
    memory: &mut [u8],
    stream: &mut impl Read,
    connection: &mut Connection,
    mut look: impl FnMut(Packet<'_>),
) -> Result<(), Failure> {
    let mut buffer = Buffer::new(memory);
    loop {
        while let Some(packet) = buffer.next(connection)? {
            look(packet);
        }
        let len = stream.read(buffer.room())?;
        if len == 0 {
            return if buffer.bytes().is_empty() {
                Ok(())
            } else {
                Err("the stream ends in a packet".into())
            };
        }
        buffer.fill(len);
    }
}

#[test]
fn read_loops() {
    let mut stream = Vec::new();
    let mut client = Connection::client(Version::V5);
    let payload = [b'x'; 5_000];
    let subscribe = Packet::from(Subscribe::new(PacketId::MIN, SUBSCRIPTIONS));
    let publish = Packet::from(Publish::new(topic_name!("a"), &payload));
    for packet in [Connect::new(Version::V5, "a").into(), subscribe, publish, Packet::PingReq] {
        client.encode(&packet, &mut stream).expect("a good packet");
    }
    let expected = [PacketType::Connect, PacketType::Subscribe, PacketType::Publish, PacketType::PingReq];
    for size in [1, 7, 1_000, 10_000] {
        let (mut one, mut two) = (Vec::new(), Vec::new());
        let mut connection = Connection::server();
        each_packet(&mut Pieces(&stream, size), &mut connection, |packet| one.push(packet.packet_type()))
            .expect("good packets");
        let mut memory = [0; 5_100];
        let mut other = Connection::server();
        each_packet_in(&mut memory, &mut Pieces(&stream, size), &mut other, |packet| {
            two.push(packet.packet_type());
        })
        .expect("good packets");
        assert_eq!((&one[..], &two[..]), (&expected[..], &expected[..]), "{size}");
        assert_eq!(connection, other);
        // What is cut off, and what does not fit, is an error.
        let cut = &stream[..stream.len() - 1];
        assert!(each_packet(&mut Pieces(cut, size), &mut Connection::server(), |_| ()).is_err());
        assert!(
            each_packet_in(&mut memory, &mut Pieces(cut, size), &mut Connection::server(), |_| ()).is_err()
        );
        let mut small = [0; 500];
        let mut seen = 0;
        let refused =
            each_packet_in(&mut small, &mut Pieces(&stream, size), &mut Connection::server(), |_| seen += 1);
        let refused = refused.expect_err("5,000 bytes of payload");
        assert_eq!(
            (seen, refused.downcast_ref::<DecodeError>().map(DecodeError::reason_code)),
            (2, Some(ReasonCode::PACKET_TOO_LARGE))
        );
    }
}

/// The transmit queue of firmware. The newtype is needed: neither the trait nor the vector is the program's own.
#[derive(Debug, Default, PartialEq)]
struct Transmit(heapless::Vec<u8, 16>);

impl Output for Transmit {
    fn extend(&mut self, len: usize, tail: &[u8]) -> Result<&mut [u8], Full> {
        let (start, available) = (self.0.len(), self.0.capacity() - self.0.len());
        let behind = start + len;
        self.0.resize_default(behind + tail.len()).map_err(|_| Full { available })?;
        self.0[behind..].copy_from_slice(tail);
        Ok(&mut self.0[start..behind])
    }
}

#[test]
fn firmware_encodes_into_a_buffer_of_its_own() {
    let mut transmit = Transmit::default();
    let publish = |payload| Packet::from(Publish::new(topic_name!("a"), payload));
    assert_eq!(publish(b"on").encode(Version::V311, &mut transmit).expect("there is room"), 7);
    assert_eq!(publish(b"off").encode(Version::V5, &mut transmit).expect("it fills the rest"), 9);
    let expected = b"\x30\x05\0\x01aon\x30\x07\0\x01a\0off";
    assert_eq!(transmit.0, expected);
    // There is no room for anything more, and what is there stays as it is.
    let full = Packet::PingReq.encode(Version::V5, &mut transmit).expect_err("it is full");
    assert_eq!(full.to_string(), "the packet takes 2 bytes, the buffer has 0");
    assert_eq!(transmit.0, expected);
    let mut transmit = Transmit::default();
    let large = publish(b"twelve bytes").encode(Version::V5, &mut transmit).expect_err("one byte too many");
    assert_eq!(large.to_string(), "the packet takes 18 bytes, the buffer has 16");
    assert_eq!(transmit, Transmit::default());
}
