//! Random walks of two sessions at real sizes (windows of 100 messages, identifiers that go round 65,535) against a plain
//! model: what was given to one side, what the other one got.

#![cfg(feature = "alloc")]

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU16;

use mqtt_session::{
    Client, Detached, Growing, Input, Outcome, Output, Receipt, Record, Refusal, Role, Server, Session,
};
use mqtt_wire::{
    ConnAck, Connect, Connection, Decoded, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode,
    Version, topic_name,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

type Slots = Growing<u32>;

#[derive(Debug, Clone)]
enum Op {
    /// The client, or the server, has so many messages.
    Publish { client: bool, qos: QoS, count: u8 },
    /// So many packets arrive at the client, or at the server.
    Arrive { client: bool, count: u8 },
    /// The application answers for one of the messages that it holds.
    Accept { client: bool, which: u16 },
    /// The connection is lost, and there is a new one with these Receive Maximums.
    Reconnect { client: u16, server: u16 },
    /// The same, and one side comes back from its records.
    Crash { client: bool },
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (any::<bool>(), qos(), 1..60_u8).prop_map(|(client, qos, count)| Op::Publish { client, qos, count }),
        8 => (any::<bool>(), any::<u8>()).prop_map(|(client, count)| Op::Arrive { client, count }),
        8 => (any::<bool>(), any::<u16>()).prop_map(|(client, which)| Op::Accept { client, which }),
        1 => (1..=100_u16, 1..=100_u16).prop_map(|(client, server)| Op::Reconnect { client, server }),
        1 => any::<bool>().prop_map(|client| Op::Crash { client }),
    ]
}

/// One side, with what the model knows of it.
struct Side<R: Role> {
    session: Session<Slots>,
    link: Option<Detached<R, Slots>>,
    log: Vec<Record<u32>>,
    /// Messages that were taken from the application, each with its QoS, until they are done.
    open: BTreeMap<u32, QoS>,
    next: u32,
    held: Vec<(u32, QoS, u64)>,
    got: BTreeMap<u32, u32>,
    /// Accepted messages of QoS 2 whose record is not stored.
    unsafe_yet: Vec<(PacketId, u32)>,
    out: VecDeque<Vec<u8>>,
}

impl<R: Role> Side<R> {
    fn new() -> Self {
        // Not far from the last identifier.
        let (lasts, id) = (Record::Lasts(u32::MAX), PacketId::new(65_500).unwrap());
        let sent = Record::Sent { id, qos: QoS::AtLeastOnce, retain: false, size: 9, key: 0 };
        let log = vec![lasts, sent, Record::Completed(id)];
        Self {
            session: Session::restore(Growing::new(100, 200, 0), log.iter().copied()).unwrap(),
            link: None,
            log,
            open: BTreeMap::new(),
            next: 0,
            held: Vec::new(),
            got: BTreeMap::new(),
            unsafe_yet: Vec::new(),
            out: VecDeque::new(),
        }
    }

    fn link<T>(&mut self, f: impl FnOnce(&mut mqtt_session::Link<'_, R, Slots>) -> T) -> T {
        let mut link = self.session.attach(self.link.take().unwrap()).unwrap();
        let result = f(&mut link);
        self.link = Some(link.detach());
        result
    }

    fn settle(&mut self) {
        loop {
            let (output, options) = self.link(|link| (link.next(0), link.connection().encode_options()));
            let mut bytes = Vec::new();
            match output {
                None => return,
                Some(Output::Store(record)) => {
                    if let Record::Received(id) = record {
                        let at = self.unsafe_yet.iter().position(|(unsafe_id, _)| *unsafe_id == id).unwrap();
                        self.unsafe_yet.remove(at);
                    }
                    self.log.push(record);
                    continue;
                }
                Some(Output::Send(packet)) => {
                    packet.encode(options, &mut bytes).unwrap();
                }
                Some(Output::Publish(publication)) => {
                    let payload = publication.key.to_be_bytes();
                    let message = publication.of(Publish::new(topic_name!("walk"), &payload));
                    Packet::from(message).encode(options, &mut bytes).unwrap();
                    if publication.delivery.qos() == QoS::AtMostOnce {
                        self.open.remove(&publication.key);
                    }
                }
                Some(Output::Done(key, outcome)) => {
                    assert_eq!(outcome, Outcome::Acknowledged(ReasonCode::SUCCESS));
                    assert!(self.open.remove(&key).is_some(), "{key} is given back twice");
                    continue;
                }
                Some(Output::Close(code)) => panic!("closes: {code}"),
            }
            self.out.push_back(bytes);
        }
    }

    fn publish(&mut self, qos: QoS, count: u8) {
        for _ in 0..count {
            let key = self.next;
            match self
                .link(|link| link.publish(&Publish::new(topic_name!("walk"), &key.to_be_bytes()), qos, key))
            {
                Ok(()) => {
                    self.next += 1;
                    self.open.insert(key, qos);
                }
                Err(Refusal::Quota | Refusal::Slots) => break,
                Err(refusal) => panic!("{refusal}"),
            }
            self.settle();
        }
    }

    fn arrive(&mut self, bytes: &[u8]) {
        let mut link = self.session.attach(self.link.take().unwrap()).unwrap();
        let Ok(Decoded::Packet { packet, .. }) = link.connection().decode(bytes) else {
            panic!("{bytes:02x?}")
        };
        match link.handle(packet, 0).unwrap() {
            Input::Message(message, None) => {
                let key = u32::from_be_bytes(message.payload.try_into().unwrap());
                *self.got.entry(key).or_insert(0) += 1;
            }
            Input::Message(message, Some(receipt)) => {
                let key = u32::from_be_bytes(message.payload.try_into().unwrap());
                self.held.push((key, receipt.qos(), receipt.into_bits()));
            }
            _ => {}
        }
        self.link = Some(link.detach());
        self.settle();
    }

    fn accept(&mut self, which: usize) {
        if self.held.is_empty() {
            return;
        }
        let (key, qos, bits) = self.held.swap_remove(which % self.held.len());
        let receipt = Receipt::from_bits(bits).unwrap();
        let id = receipt.packet_id();
        if self.link(|link| link.accept(receipt, ReasonCode::SUCCESS)).is_ok() {
            *self.got.entry(key).or_insert(0) += 1;
            if qos == QoS::ExactlyOnce {
                self.unsafe_yet.push((id, key));
            }
        }
        self.settle();
    }

    /// What was not stored is forgotten.
    fn crash(&mut self) {
        self.held.clear();
        assert!(self.unsafe_yet.is_empty(), "outputs were done");
        self.session = Session::restore(Growing::new(100, 200, 0), self.log.iter().copied()).unwrap();
        assert_eq!(
            self.session.in_flight(),
            self.open.values().filter(|qos| **qos != QoS::AtMostOnce).count()
        );
    }
}

struct System {
    client: Side<Client>,
    server: Side<Server>,
    version: Version,
}

impl System {
    fn reconnect(&mut self, client: u16, server: u16) {
        self.client.out.clear();
        self.server.out.clear();
        let limits = |n| {
            [Property::ReceiveMaximum(NonZeroU16::new(n).unwrap()), Property::SessionExpiryInterval(u32::MAX)]
        };
        let (theirs, ours) = (limits(client), limits(server));
        let mut connect =
            Connect { clean_start: false, keep_alive: 0, ..Connect::new(self.version, "walker") };
        let mut connack = ConnAck::new(ReasonCode::SUCCESS);
        if self.version == Version::V5 {
            connect.properties = Properties::new(&theirs);
            connack.properties = Properties::new(&ours[..1]);
        }
        let mut link = self.client.session.client(Connection::client(self.version));
        link.connect(&connect, 0)
            .unwrap()
            .for_each(|output| assert!(matches!(output, Output::Send(_)), "{output:?}"));
        self.client.link = Some(link.detach());
        let mut link = self.server.session.server(Connection::server(), &connect, 0);
        let options = link.connection().encode_options();
        let mut outputs = link.connack(&connack, 0).unwrap();
        let mut bytes = Vec::new();
        match outputs.next() {
            Some(Output::Send(packet)) => {
                packet.encode(options, &mut bytes).unwrap();
            }
            other => panic!("{other:?}"),
        }
        self.server.link = Some(link.detach());
        self.server.settle();
        self.client.arrive(&bytes);
    }

    fn arrive(&mut self, client: bool, count: u8) -> bool {
        let mut any = false;
        for _ in 0..count {
            let from = if client { &mut self.server.out } else { &mut self.client.out };
            let Some(bytes) = from.pop_front() else { break };
            any = true;
            if client {
                self.client.arrive(&bytes);
            } else {
                self.server.arrive(&bytes);
            }
        }
        any
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Publish { client: true, qos, count } => self.client.publish(qos, count),
            Op::Publish { client: false, qos, count } => self.server.publish(qos, count),
            Op::Arrive { client, count } => {
                self.arrive(client, count);
            }
            Op::Accept { client: true, which } => self.client.accept(usize::from(which)),
            Op::Accept { client: false, which } => self.server.accept(usize::from(which)),
            Op::Reconnect { client, server } => self.reconnect(client, server),
            Op::Crash { client } => {
                if client {
                    self.client.crash();
                } else {
                    self.server.crash();
                }
                self.reconnect(100, 100);
            }
        }
    }

    /// Lets everything arrive and be accepted.
    fn finish(&mut self) {
        loop {
            let mut any = self.arrive(true, 255) | self.arrive(false, 255);
            while !self.client.held.is_empty() {
                self.client.accept(0);
                any = true;
            }
            while !self.server.held.is_empty() {
                self.server.accept(0);
                any = true;
            }
            if !any {
                return;
            }
        }
    }
}

fn check<P: Role, R: Role>(sender: &Side<P>, receiver: &Side<R>, qos: &BTreeMap<u32, QoS>) {
    assert!(sender.open.values().all(|qos| *qos == QoS::AtMostOnce), "{:?}", sender.open);
    assert_eq!(sender.session.in_flight(), 0);
    for (key, qos) in qos {
        let got = receiver.got.get(key).copied().unwrap_or(0);
        match qos {
            QoS::AtMostOnce => assert!(got <= 1),
            QoS::AtLeastOnce => assert!(got >= 1, "message {key} is lost"),
            QoS::ExactlyOnce => assert_eq!(got, 1, "message {key}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn everything_arrives_as_its_qos_says(v5: bool, ops in prop::collection::vec(op(), 1..150)) {
        let version = if v5 { Version::V5 } else { Version::V311 };
        let mut system = System { client: Side::new(), server: Side::new(), version };
        let mut sent = [BTreeMap::new(), BTreeMap::new()];
        system.reconnect(100, 100);
        for op in &ops {
            let before = [system.client.next, system.server.next];
            system.run(op);
            if let Op::Publish { client, qos, .. } = op {
                let (side, next) = if *client { (0, system.client.next) } else { (1, system.server.next) };
                sent[side].extend((before[side]..next).map(|key| (key, *qos)));
            }
        }
        system.finish();
        check(&system.client, &system.server, &sent[0]);
        check(&system.server, &system.client, &sent[1]);
    }
}
