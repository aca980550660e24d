//! The same messages through this crate and through the protocol engines of other libraries, bytes in and bytes out: for
//! most of them encoding and decoding cannot be taken off. Every engine is a client of 5.0 that is connected, answers at
//! once, and is asked for nothing else.

use std::hint::black_box;
use std::num::NonZeroU16;

use mqtt_session::{Client, Fixed, Growing, Input, Link, Output, Session, Slots};
use mqtt_wire::{
    ConnAck, Connect, Connection, Decoded, Delivery, EncodeOptions, Packet, PacketId, Properties, Property,
    Publish, QoS, ReasonCode, Version, topic_name,
};

const TOPIC: &str = "bench/messages/of/one/topic";
const PAYLOAD: &[u8] = b"sixteen bytes ok";
const CONNACK: &[u8] = &[0x20, 3, 0, 0, 0];

/// A client that is connected.
trait Engine {
    /// Sends the message at this QoS: its PUBLISH is put behind `out`.
    fn publish(&mut self, qos: u8, out: &mut Vec<u8>);
    /// A packet has come: what answers it is put behind `out`.
    fn receive(&mut self, packet: &[u8], out: &mut Vec<u8>);
}

/// Messages, one after the other, each with its handshake; panics when an engine does not what it is to do.
fn drive(engine: &mut dyn Engine, kind: &str, messages: u32) {
    let qos = match kind.as_bytes().last() {
        Some(digit @ b'0'..=b'2') => digit - b'0',
        _ => panic!("send-0, send-1, send-2, receive-0, receive-1 or receive-2"),
    };
    let mut out = Vec::with_capacity(256);
    let mut incoming = Vec::new();
    let message = Publish::new(topic_name!("bench/messages/of/one/topic"), PAYLOAD);
    let id = PacketId::new(0x1234).expect("not 0");
    let delivery = Delivery::new(QoS::try_from(qos).expect("up to 2"), id);
    Packet::from(message.with_delivery(delivery)).encode(Version::V5, &mut incoming).expect("fits");
    let id_at = incoming.len() - PAYLOAD.len() - 3;
    for n in 0..messages {
        let [high, low] = ((n % 60_000) as u16 + 1).to_be_bytes();
        out.clear();
        if kind.starts_with("send") {
            engine.publish(qos, &mut out);
            assert!(out[0] == 0x30 | qos << 1 && out.len() == incoming.len(), "{out:02x?}");
            let [high, low] = [out[id_at], out[id_at + 1]];
            let mut answer = |packet: [u8; 4], expected: &[u8]| {
                out.clear();
                engine.receive(black_box(&packet), &mut out);
                assert_eq!(out, expected);
            };
            match qos {
                0 => {}
                1 => answer([0x40, 2, high, low], &[]),
                _ => {
                    answer([0x50, 2, high, low], &[0x62, 2, high, low]);
                    answer([0x70, 2, high, low], &[]);
                }
            }
        } else {
            if qos > 0 {
                (incoming[id_at], incoming[id_at + 1]) = (high, low);
            }
            engine.receive(black_box(&incoming), &mut out);
            match qos {
                0 => assert!(out.is_empty(), "{out:02x?}"),
                1 => assert_eq!(out, [0x40, 2, high, low]),
                _ => {
                    assert_eq!(out, [0x50, 2, high, low]);
                    out.clear();
                    engine.receive(black_box(&[0x62, 2, high, low]), &mut out);
                    assert_eq!(out, [0x70, 2, high, low]);
                }
            }
        }
        black_box(&out);
    }
}

pub(crate) fn run(name: &str, kind: &str, messages: u32) {
    match name {
        "mqtt-session-fixed" => with_session(Fixed::<u32, 8, 8>::new(), kind, messages),
        "mqtt-session-growing" => with_session(Growing::<u32>::new(100, 8, 0), kind, messages),
        "rumqttc" => drive(&mut Rumqttc::new(), kind, messages),
        "mqtt-protocol-core" => drive(&mut ProtocolCore::new(), kind, messages),
        "flowsdk" => drive(&mut Flowsdk::new(), kind, messages),
        "rusty_rtos_mqtt" => with_rusty(kind, messages),
        _ => panic!("an engine"),
    }
}

struct Ours<'s, S: Slots> {
    link: Link<'s, Client, S>,
    options: EncodeOptions,
}

fn with_session<S: Slots<Key = u32>>(slots: S, kind: &str, messages: u32) {
    let mut session = Session::new(slots);
    let mut link = session.client(Connection::client(Version::V5));
    let limits = [Property::ReceiveMaximum(NonZeroU16::new(8).expect("not 0"))];
    let connect = Connect { properties: Properties::new(&limits), ..Connect::new(Version::V5, "bench") };
    link.connect(&connect, 0).expect("a CONNECT").for_each(|output| drop(output));
    let _ = link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0).expect("a CONNACK");
    let options = link.connection().encode_options();
    let mut ours = Ours { link, options };
    ours.settle(&mut Vec::new());
    drive(&mut ours, kind, messages);
}

impl<S: Slots<Key = u32>> Ours<'_, S> {
    fn settle(&mut self, out: &mut Vec<u8>) {
        while let Some(output) = &self.link.next(7) {
            match output {
                Output::Send(packet) => _ = packet.encode(self.options, out).expect("fits"),
                Output::Publish(publication) => {
                    let message = Publish::new(topic_name!("bench/messages/of/one/topic"), PAYLOAD);
                    Packet::from(publication.of(message)).encode(self.options, out).expect("fits");
                }
                output => _ = black_box(output),
            }
        }
    }
}

impl<S: Slots<Key = u32>> Engine for Ours<'_, S> {
    fn publish(&mut self, qos: u8, out: &mut Vec<u8>) {
        let message = Publish::new(topic_name!("bench/messages/of/one/topic"), PAYLOAD);
        let qos = QoS::try_from(qos).expect("up to 2");
        self.link.publish(&message, qos, 0).expect("room");
        self.settle(out);
    }

    fn receive(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        let Ok(Decoded::Packet { packet, .. }) = self.link.connection().decode(packet) else { panic!() };
        if let Ok(Input::Message(message, receipt)) = self.link.handle(packet, 7) {
            black_box(message.payload);
            if let Some(receipt) = receipt {
                self.link.accept(receipt, ReasonCode::SUCCESS).expect("its own");
            }
        }
        self.settle(out);
    }
}

struct Rumqttc {
    state: rumqttc::v5::MqttState,
    buffer: bytes::BytesMut,
}

impl Rumqttc {
    fn new() -> Self {
        let mut this =
            Self { state: rumqttc::v5::MqttState::new(100, false), buffer: bytes::BytesMut::new() };
        this.receive(CONNACK, &mut Vec::new());
        this
    }

    fn write(&mut self, packet: Option<rumqttc::v5::mqttbytes::v5::Packet>, out: &mut Vec<u8>) {
        if let Some(packet) = packet {
            self.buffer.clear();
            packet.write(&mut self.buffer, None).expect("fits");
            out.extend_from_slice(&self.buffer);
        }
        self.state.events.clear();
    }
}

impl Engine for Rumqttc {
    fn publish(&mut self, qos: u8, out: &mut Vec<u8>) {
        use rumqttc::v5::mqttbytes::QoS;
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(qos)];
        let publish = rumqttc::v5::mqttbytes::v5::Publish::new(TOPIC, qos, PAYLOAD, None);
        let request = rumqttc::v5::Request::Publish(publish);
        let packet = self.state.handle_outgoing_packet(request).expect("room");
        self.write(packet, out);
    }

    fn receive(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        self.buffer.clear();
        self.buffer.extend_from_slice(packet);
        let packet = rumqttc::v5::mqttbytes::v5::Packet::read(&mut self.buffer, None).expect("whole");
        let answer = self.state.handle_incoming_packet(packet).expect("in order");
        self.write(answer, out);
    }
}

struct ProtocolCore(mqtt_protocol_core::mqtt::Connection<mqtt_protocol_core::mqtt::role::Client>);

impl ProtocolCore {
    fn new() -> Self {
        use mqtt_protocol_core::mqtt;
        let mut connection = mqtt::Connection::new(mqtt::Version::V5_0);
        connection.set_auto_pub_response(true);
        let connect = mqtt::packet::v5_0::Connect::builder().client_id("bench").expect("short");
        let connect = connect.clean_start(true).build().expect("whole");
        let _ = connection.send(connect.into());
        let mut this = Self(connection);
        this.receive(CONNACK, &mut Vec::new());
        this
    }

    fn perform(events: Vec<mqtt_protocol_core::mqtt::connection::Event>, out: &mut Vec<u8>) {
        use mqtt_protocol_core::mqtt::connection::Event;
        use mqtt_protocol_core::mqtt::prelude::*;
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    for part in packet.to_buffers() {
                        out.extend_from_slice(&part);
                    }
                }
                Event::NotifyError(error) => panic!("{error:?}"),
                event => _ = black_box(event),
            }
        }
    }
}

impl Engine for ProtocolCore {
    fn publish(&mut self, qos: u8, out: &mut Vec<u8>) {
        use mqtt_protocol_core::mqtt::packet::{Qos, v5_0};
        let publish = v5_0::Publish::builder().topic_name(TOPIC).expect("a name").payload(PAYLOAD);
        let publish = match qos {
            0 => publish.qos(Qos::AtMostOnce),
            qos => {
                let qos = if qos == 1 { Qos::AtLeastOnce } else { Qos::ExactlyOnce };
                publish.qos(qos).packet_id(self.0.acquire_packet_id().expect("room"))
            }
        };
        let events = self.0.send(publish.build().expect("whole").into());
        Self::perform(events, out);
    }

    fn receive(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        let events = self.0.recv(&mut mqtt_protocol_core::mqtt::common::Cursor::new(packet));
        Self::perform(events, out);
    }
}

struct Flowsdk(flowsdk::mqtt_client::engine::MqttEngine);

impl Flowsdk {
    fn new() -> Self {
        let options = flowsdk::mqtt_client::MqttClientOptions::builder().peer("peer").client_id("bench");
        let mut engine = flowsdk::mqtt_client::engine::MqttEngine::new(options.mqtt_version(5).build());
        engine.connect().expect("there is no connection");
        black_box(engine.take_outgoing());
        let mut this = Self(engine);
        this.receive(CONNACK, &mut Vec::new());
        this
    }
}

impl Engine for Flowsdk {
    fn publish(&mut self, qos: u8, out: &mut Vec<u8>) {
        let command = flowsdk::mqtt_client::PublishCommand::simple(TOPIC, PAYLOAD.to_vec(), qos, false);
        self.0.publish(command).expect("room");
        out.extend(self.0.take_outgoing());
        black_box(self.0.take_events());
    }

    fn receive(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        black_box(self.0.handle_incoming(packet));
        out.extend(self.0.take_outgoing());
        black_box(self.0.take_events());
    }
}

use rusty_rtos_mqtt_core::client::{AckReply, Clock, Event, EventHandler, MqttContext, NoStore};
use rusty_rtos_mqtt_core::reader::{Recv, Sent, Transport};

/// What is to be read, and what was written.
#[derive(Default)]
struct Wire {
    input: Vec<u8>,
    read: usize,
    output: Vec<u8>,
}

impl Transport for Wire {
    fn recv(&mut self, into: &mut [u8]) -> Recv {
        let rest = &self.input[self.read..];
        let count = rest.len().min(into.len());
        if count == 0 {
            return Recv::Nothing;
        }
        into[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Recv::Bytes(count)
    }

    fn send(&mut self, bytes: &[u8]) -> Sent {
        self.output.extend_from_slice(bytes);
        Sent::Bytes(bytes.len())
    }
}

struct Still;

impl Clock for Still {
    fn now_ms(&mut self) -> u32 {
        7
    }
}

struct Look;

impl EventHandler for Look {
    fn on_event(&mut self, event: &Event<'_>, _: &mut AckReply<'_>) -> bool {
        black_box(event.publish.is_some());
        true
    }
}

struct Rusty<'a> {
    context: MqttContext<'a>,
    wire: Wire,
}

fn with_rusty(kind: &str, messages: u32) {
    use rusty_rtos_mqtt_core::connect::Connect;
    use rusty_rtos_mqtt_core::state::Record;
    use rusty_rtos_mqtt_core::writer::ConnectInfo;
    let mut network = [0; 1024];
    let (mut outgoing, mut incoming) = ([Record::default(); 8], [Record::default(); 8]);
    let mut context = MqttContext::new(&mut network);
    context.enable_qos(&mut outgoing, &mut incoming, &mut []);
    let mut wire = Wire { input: CONNACK.to_vec(), ..Wire::default() };
    let info = ConnectInfo { clean_session: true, keep_alive_seconds: 60, username: None, password: None };
    let connect = Connect { info, client_identifier: b"bench", properties: &[], will: None };
    let mut present = false;
    context
        .connect(&mut wire, &mut Still, None::<&mut NoStore>, &connect, 0, &mut present)
        .expect("accepted");
    drive(&mut Rusty { context, wire }, kind, messages);
}

impl Engine for Rusty<'_> {
    fn publish(&mut self, qos: u8, out: &mut Vec<u8>) {
        use rusty_rtos_mqtt_core::outpublish::OutgoingPublish;
        use rusty_rtos_mqtt_core::state::QoS;
        let id = if qos == 0 { 0 } else { self.context.next_packet_id() };
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(qos)];
        let publish = OutgoingPublish {
            qos,
            dup: false,
            retain: false,
            topic_name: TOPIC.as_bytes(),
            payload: PAYLOAD,
            properties: &[],
        };
        self.wire.output.clear();
        self.context.publish(&mut self.wire, &mut Still, None::<&mut NoStore>, &publish, id).expect("room");
        out.extend_from_slice(&self.wire.output);
    }

    fn receive(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        self.wire.input.clear();
        self.wire.input.extend_from_slice(packet);
        self.wire.read = 0;
        self.wire.output.clear();
        self.context
            .process_loop(&mut self.wire, &mut Still, None::<&mut NoStore>, &mut Look)
            .expect("in order");
        out.extend_from_slice(&self.wire.output);
    }
}
