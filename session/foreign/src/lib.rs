//! Random walks of a server's [`Session`](mqtt_session::Session) against flowsdk's client engine: messages of every QoS
//! both ways, packets that arrive one by one or not at all, connections that are lost, and a server that comes back from
//! its records.
//!
//! `cargo test --manifest-path session/foreign/Cargo.toml`

#![cfg(test)]

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU16;

use flowsdk::mqtt_client::engine::{MqttEngine, MqttEvent};
use flowsdk::mqtt_client::{MqttClientOptions, PublishCommand};
use mqtt_session::{
    Detached, Growing, Input, Link, Outcome, Output, Outputs, Receipt, Record, Server, Session,
};
use mqtt_wire::{
    ConnAck, Connection, Decoded, EncodeOptions, Packet, PacketId, Properties, Property, Publish, QoS,
    ReasonCode, Version, topic_name,
};
use proptest::prelude::*;

type Slots = Growing<u32>;

const RECEIVE_MAXIMUM: u16 = 8;
const LIMITS: [Property<'static>; 1] = [Property::ReceiveMaximum(NonZeroU16::new(RECEIVE_MAXIMUM).unwrap())];

#[derive(Debug, Clone, Copy)]
enum Op {
    /// The client, or the server, has a message.
    ClientPublishes(QoS),
    ServerPublishes(QoS),
    /// So many bytes arrive at the server, or at the client.
    ToServer(u8),
    ToClient(u8),
    /// The server's application accepts one of the messages that it holds.
    Accept(u8),
    /// The connection is lost with all that is on its way, and there is a new one.
    Reconnect,
    /// The same, and the server comes back from its records.
    Crash,
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => qos().prop_map(Op::ClientPublishes),
        4 => qos().prop_map(Op::ServerPublishes),
        8 => any::<u8>().prop_map(Op::ToServer),
        8 => any::<u8>().prop_map(Op::ToClient),
        4 => any::<u8>().prop_map(Op::Accept),
        1 => Just(Op::Reconnect),
        1 => Just(Op::Crash),
    ]
}

/// What was given to one side, and how often each message came out on the other.
#[derive(Default)]
struct Flow {
    given: Vec<QoS>,
    came: BTreeMap<usize, u32>,
}

impl Flow {
    fn came(&mut self, payload: &[u8]) {
        let number = std::str::from_utf8(payload).ok().and_then(|text| text.parse().ok());
        let number: usize = number.unwrap_or_else(|| panic!("a payload of nobody's: {payload:?}"));
        assert!(number < self.given.len(), "message {number} was never sent");
        *self.came.entry(number).or_default() += 1;
    }

    /// At the end, and before for what cannot be mended.
    fn check(&self, at_the_end: bool) {
        for (number, qos) in self.given.iter().enumerate() {
            let came = self.came.get(&number).copied().unwrap_or_default();
            match qos {
                QoS::AtMostOnce => assert!(came <= 1, "message {number} of QoS 0 came {came} times"),
                QoS::AtLeastOnce => assert!(came >= 1 || !at_the_end, "message {number} of QoS 1 is lost"),
                QoS::ExactlyOnce => {
                    assert!(came <= 1, "message {number} of QoS 2 came {came} times");
                    assert!(came == 1 || !at_the_end, "message {number} of QoS 2 is lost");
                }
            }
        }
    }
}

/// In 3.1.1 a client may have any number of messages under way.
fn slots(version: Version) -> Slots {
    Growing::new(RECEIVE_MAXIMUM, if version == Version::V5 { RECEIVE_MAXIMUM } else { u16::MAX }, 0)
}

struct World {
    version: Version,
    client: MqttEngine,
    connected: bool,
    /// How many of the client's messages of QoS 1 and 2 are not done.
    under_way: u16,
    session: Session<Slots>,
    link: Option<Detached<Server, Slots>>,
    log: Vec<Record<u32>>,
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    input: Vec<u8>,
    up: Flow,
    down: Flow,
    /// What the server's application has not accepted yet.
    held: Vec<(Receipt, usize, QoS)>,
    /// Accepted messages of QoS 2 whose record is not stored: the two belong together.
    accepted: Vec<(PacketId, usize)>,
}

fn number_of(message: &Publish<'_>) -> usize {
    std::str::from_utf8(message.payload).ok().and_then(|text| text.parse().ok()).expect("a number")
}

impl World {
    fn new(version: Version) -> Self {
        let options = MqttClientOptions::builder()
            .client_id("walker")
            .mqtt_version(if version == Version::V5 { 5 } else { 4 })
            .clean_start(false)
            .session_expiry_interval(3600)
            .receive_maximum(RECEIVE_MAXIMUM)
            .keep_alive(0)
            .auto_ack(true)
            .reconnect(false)
            .build();
        let mut this = Self {
            version,
            client: MqttEngine::new(options),
            connected: false,
            under_way: 0,
            session: Session::new(slots(version)),
            link: None,
            log: Vec::new(),
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            input: Vec::new(),
            up: Flow::default(),
            down: Flow::default(),
            held: Vec::new(),
            accepted: Vec::new(),
        };
        this.connect();
        // A client whose first CONNACK is lost has no session where the server has one, and has to refuse the next.
        this.step(Op::ToClient(255));
        assert!(this.connected);
        this
    }

    /// A new connection; CONNECT arrives at once.
    fn connect(&mut self) {
        self.client.connect().expect("there is no connection");
        let connect = self.client.take_outgoing();
        let mut connection = Connection::server();
        let Ok(Decoded::Packet { packet: Packet::Connect(connect), len }) = connection.decode(&connect)
        else {
            panic!("a CONNECT: {connect:?}")
        };
        assert_eq!(connect.version, self.version);
        assert!(len > 0 && !connect.clean_start, "it goes on with its session");
        let properties =
            if self.version == Version::V5 { Properties::new(&LIMITS) } else { Properties::EMPTY };
        let connack = ConnAck { properties, ..ConnAck::new(ReasonCode::SUCCESS) };
        let mut link = self.session.server(connection, &connect, 0);
        let options = link.connection().encode_options();
        let outputs = link.connack(&connack, 0).expect("nothing is wrong with it");
        perform(outputs, options, &mut self.to_client, &mut self.log, &mut self.accepted, &mut self.up);
        self.link = Some(link.detach());
    }

    fn lose(&mut self) {
        self.client.handle_connection_lost();
        self.connected = false;
        self.link = None;
        self.to_server.clear();
        self.to_client.clear();
        self.input.clear();
        self.held.clear();
        self.accepted.clear();
    }

    /// Does something with the server's link, and then what is to be done.
    fn serve(
        &mut self,
        f: impl FnOnce(
            &mut Link<'_, Server, Slots>,
            &mut Vec<(Receipt, usize, QoS)>,
            &mut Vec<(PacketId, usize)>,
            &mut Flow,
        ),
    ) {
        let detached = self.link.take().expect("there is always a connection");
        let mut link = self.session.attach(detached).unwrap_or_else(|_| panic!("it is of this session"));
        f(&mut link, &mut self.held, &mut self.accepted, &mut self.up);
        let options = link.connection().encode_options();
        perform(
            link.outputs(0),
            options,
            &mut self.to_client,
            &mut self.log,
            &mut self.accepted,
            &mut self.up,
        );
        self.link = Some(link.detach());
    }

    fn step(&mut self, op: Op) {
        match op {
            // After a reconnection flowsdk 0.7 does not count what it sends again, and exceeds the server's Receive Maximum:
            // so it is never given more than that at a time.
            Op::ClientPublishes(qos)
                if self.connected && (qos == QoS::AtMostOnce || self.under_way < RECEIVE_MAXIMUM) =>
            {
                let payload = self.up.given.len().to_string();
                if self
                    .client
                    .publish(PublishCommand::simple("up", payload.into_bytes(), qos.get(), false))
                    .is_ok()
                {
                    self.up.given.push(qos);
                    self.under_way += u16::from(qos != QoS::AtMostOnce);
                }
                self.from_client();
            }
            Op::ServerPublishes(qos) => {
                let number = self.down.given.len();
                let mut taken = false;
                self.serve(|link, _, _, _| {
                    let payload = number.to_string();
                    let message = Publish::new(topic_name!("down"), payload.as_bytes());
                    taken = link.publish(&message, qos, u32::try_from(number).expect("few")).is_ok();
                });
                if taken {
                    self.down.given.push(qos);
                }
            }
            Op::ToServer(count) => {
                let count = usize::from(count).min(self.to_server.len());
                self.input.extend(self.to_server.drain(..count));
                self.arrive();
            }
            Op::ToClient(count) => {
                let count = usize::from(count).min(self.to_client.len());
                let bytes: Vec<u8> = self.to_client.drain(..count).collect();
                let events = self.client.handle_incoming(&bytes);
                self.see(events);
                self.from_client();
            }
            Op::Accept(which) if !self.held.is_empty() => {
                let (receipt, number, qos) = self.held.remove(usize::from(which) % self.held.len());
                self.serve(|link, _, accepted, up| {
                    let id = receipt.packet_id();
                    link.accept(receipt, ReasonCode::SUCCESS).expect("of this connection");
                    match qos {
                        QoS::ExactlyOnce => accepted.push((id, number)),
                        _ => up.came(number.to_string().as_bytes()),
                    }
                });
            }
            Op::Reconnect => {
                self.lose();
                self.connect();
            }
            Op::Crash => {
                self.lose();
                self.session =
                    Session::restore(slots(self.version), self.log.iter().copied()).expect("there is room");
                self.connect();
            }
            Op::ClientPublishes(_) | Op::Accept(_) => {}
        }
    }

    fn from_client(&mut self) {
        self.to_server.extend(self.client.take_outgoing());
        let events = self.client.take_events();
        self.see(events);
    }

    /// What the client tells.
    fn see(&mut self, events: Vec<MqttEvent>) {
        for event in events {
            match event {
                MqttEvent::Connected(result) => {
                    assert!(result.is_success(), "{result:?}");
                    self.connected = true;
                }
                MqttEvent::Published(result) if result.qos > 0 => self.under_way -= 1,
                MqttEvent::MessageReceived(message) => self.down.came(&message.payload),
                MqttEvent::Error(error) => panic!("the client: {error:?}"),
                MqttEvent::DisconnectReceived { reason_code, .. } => panic!("DISCONNECT {reason_code:#x}"),
                _ => {}
            }
        }
    }

    /// Whole packets that have come to the server.
    fn arrive(&mut self) {
        let mut at = 0;
        let input = std::mem::take(&mut self.input);
        loop {
            let mut missing = false;
            let mut taken = 0;
            self.serve(|link, held, _, up| match link.connection().decode(&input[at..]) {
                Ok(Decoded::Packet { packet, len }) => {
                    taken = len;
                    match link.handle(packet, 0).unwrap_or_else(|error| panic!("{packet:?}: {error:?}")) {
                        Input::Message(message, Some(receipt)) => {
                            let qos = receipt.qos();
                            held.push((receipt, number_of(&message), qos));
                        }
                        Input::Message(message, None) => up.came(message.payload),
                        Input::Nothing => {}
                        other => panic!("{other:?}"),
                    }
                }
                Ok(Decoded::Incomplete { .. }) => missing = true,
                Err(error) => panic!("the client has sent {:?}: {error}", &input[at..]),
            });
            at += taken;
            if missing {
                break;
            }
        }
        self.input = input[at..].to_vec();
    }

    /// Everything arrives and is accepted until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..1000 {
            self.step(Op::ToServer(255));
            self.step(Op::ToClient(255));
            self.step(Op::Accept(0));
            let quiet = self.to_server.is_empty() && self.to_client.is_empty() && self.held.is_empty();
            if quiet && self.session.in_flight() == 0 {
                return;
            }
        }
        panic!("{} messages of the server's are still under way", self.session.in_flight());
    }
}

/// Does the outputs.
fn perform(
    mut outputs: Outputs<'_, '_, Server, Slots>,
    options: EncodeOptions,
    wire: &mut VecDeque<u8>,
    log: &mut Vec<Record<u32>>,
    accepted: &mut Vec<(PacketId, usize)>,
    up: &mut Flow,
) {
    let mut bytes = Vec::new();
    while let Some(output) = outputs.next() {
        match output {
            Output::Send(packet) => _ = packet.encode(options, &mut bytes).expect("a good packet"),
            Output::Publish(publication) => {
                let payload = publication.key.to_string();
                let message = publication.of(Publish::new(topic_name!("down"), payload.as_bytes()));
                Packet::from(message).encode(options, &mut bytes).expect("a good packet");
            }
            Output::Store(record) => {
                log.push(record);
                if let Record::Received(id) = record {
                    let at =
                        accepted.iter().position(|(accepted, _)| *accepted == id).expect("it was accepted");
                    up.came(accepted.remove(at).1.to_string().as_bytes());
                }
            }
            Output::Done(_, outcome) => assert!(!matches!(outcome, Outcome::Undelivered(_)), "{outcome:?}"),
            Output::Close(code) => panic!("closed: {code}"),
        }
    }
    wire.extend(bytes);
}

fn walk(version: Version, ops: &[Op]) {
    let mut world = World::new(version);
    for op in ops {
        world.step(*op);
        world.up.check(false);
        world.down.check(false);
    }
    // The client may hold back what it was given until a connection tells it to go on.
    world.step(Op::Reconnect);
    world.settle();
    world.up.check(true);
    world.down.check(true);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn against_flowsdk_in_3_1_1(ops in prop::collection::vec(op(), 1..120)) {
        walk(Version::V311, &ops);
    }

    #[test]
    fn against_flowsdk_in_5_0(ops in prop::collection::vec(op(), 1..120)) {
        walk(Version::V5, &ops);
    }
}
