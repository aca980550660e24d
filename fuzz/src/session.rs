//! A hostile peer of `mqtt-session`: it says what it wants, when it wants. Nothing panics, nothing grows, every packet
//! that goes out can be encoded, and after a violation the link only closes.

use mqtt_session::{
    Client, Fixed, HandleError, Input, Link, Output, Receipt, Role, Server, Session, Watcher,
};
use mqtt_wire::{
    ConnAck, Connect, Connection, DecodeOptions, Decoded, Packet, PacketId, Properties, Property, Publish,
    QoS, ReasonCode, Sender, Subscribe, Subscription, Version, decode, topic_filter, topic_name,
};

type Slots = Fixed<u8, 4, 3, 2, 8>;

/// What the fuzzer has to say, a byte at a time.
struct Script<'b>(&'b [u8]);

impl<'b> Script<'b> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// So many bytes as the next one says.
    fn bytes(&mut self) -> &'b [u8] {
        let len = usize::from(self.next().unwrap_or(0)).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }
}

fn version(n: u8) -> Version {
    Version::ALL[usize::from(n) % 3]
}

fn limits() -> [Property<'static>; 3] {
    [
        Property::ReceiveMaximum(3.try_into().expect("not 0")),
        Property::TopicAliasMaximum(2),
        Property::SessionExpiryInterval(60),
    ]
}

/// The most outputs that one call can lead to: everything that is held, several times over.
const MOST: usize = 64;

/// Does all outputs.
fn settle<R: Role>(link: &mut Link<'_, R, Slots>, now: u64) {
    let options = link.connection().encode_options();
    let was_closing = link.is_closing();
    let mut out = Vec::new();
    for n in 0.. {
        assert!(n < MOST, "outputs without end");
        match link.next(now) {
            None => break,
            Some(Output::Send(packet)) => {
                let goodbye = matches!(packet, Packet::Disconnect(_));
                assert!(!was_closing || goodbye, "{packet} while closing");
                let _ = packet.encode(options, &mut out).expect("a packet that can be encoded");
            }
            Some(Output::Publish(publication)) => {
                assert!(!was_closing, "a message while closing");
                let mut message = publication.of(Publish::new(topic_name!("f/z"), b"1"));
                let alias = publication.alias.map(|alias| Property::TopicAlias(alias.number));
                message.properties = Properties::new(alias.as_slice());
                let _ =
                    Packet::from(message).encode(options, &mut out).expect("a message that can be encoded");
            }
            Some(Output::Store(_) | Output::Done(..)) => {}
            Some(Output::Close(_)) => assert_eq!(link.next(now), None),
        }
    }
    assert!(link.session().in_flight() <= 4);
    assert!(link.session().records().count() <= 1 + 2 * 4 + 3);
}

/// One of the calls that both roles have; `false` for those of one role.
fn common<R: Role>(
    link: &mut Link<'_, R, Slots>,
    n: u8,
    script: &mut Script<'_>,
    held: &mut Vec<u64>,
    now: &mut u64,
) -> bool {
    match n & 7 {
        0..=2 => {
            let bytes = script.bytes();
            let decoded = match link.connection().decode(bytes) {
                Ok(Decoded::Packet { packet, .. }) => packet,
                Ok(Decoded::Incomplete { .. }) => return true,
                Err(error) => {
                    link.close(error.reason_code());
                    return true;
                }
            };
            match link.handle(decoded, *now) {
                Ok(Input::Message(message, receipt)) => {
                    assert!(message.topic.is_some());
                    held.extend(receipt.map(Receipt::into_bits));
                }
                Ok(_) => {}
                Err(HandleError::Violation(_)) => assert!(link.is_closing()),
                Err(HandleError::TooEarly) => assert!(!link.is_closing()),
            }
            assert!(held.len() <= 1_000);
        }
        3 => {
            let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(n >> 3) % 3];
            let capacity = link.capacity();
            let published = link.publish(&Publish::new(topic_name!("f/z"), b"1"), qos, n);
            if qos != QoS::AtMostOnce && capacity == 0 {
                assert!(published.is_err());
            }
        }
        4 if !held.is_empty() => {
            let receipt =
                Receipt::from_bits(held.swap_remove(usize::from(n >> 3) % held.len())).expect("a receipt");
            let code = if n & 0x80 == 0 { ReasonCode::SUCCESS } else { ReasonCode::QUOTA_EXCEEDED };
            let _ = link.accept(receipt, code);
        }
        5 => {
            *now += u64::from(n) * 1000;
            if link.elapsed(*now).is_err() {
                assert!(link.is_closing());
            }
        }
        _ => return false,
    }
    true
}

/// A client against a server that says anything.
pub fn client(bytes: &[u8]) {
    let mut script = Script(bytes);
    let mut session: Session<Slots> = Session::new(Fixed::new());
    let (mut held, mut now) = (Vec::new(), 0);
    let limits = limits();
    while let Some(n) = script.next() {
        let version = version(n);
        let mut connect = Connect { clean_start: n & 0x80 != 0, ..Connect::new(version, "fuzz") };
        if version == Version::V5 {
            connect.properties = Properties::new(&limits);
        }
        let mut link: Link<'_, Client, Slots> = session.client(Connection::client(version));
        link.connect(&connect, now).expect("a CONNECT").for_each(|_| {});
        while let Some(n) = script.next() {
            if !common(&mut link, n, &mut script, &mut held, &mut now) {
                if n & 7 == 7 {
                    break;
                }
                let subscriptions = [Subscription::new(topic_filter!("f/z"), QoS::ExactlyOnce)];
                if let Ok(outputs) = link.subscribe(&Subscribe::new(PacketId::MIN, &subscriptions), now) {
                    outputs.for_each(|_| {});
                }
            }
            settle(&mut link, now);
        }
    }
}

/// A server against a client that says anything.
pub fn server(bytes: &[u8]) {
    let mut script = Script(bytes);
    let mut session: Session<Slots> = Session::new(Fixed::new());
    let (mut held, mut now) = (Vec::new(), 0);
    let limits = limits();
    while let Some(n) = script.next() {
        let mut connection = Connection::server();
        let first = script.bytes();
        let built = Connect { clean_start: n & 0x80 != 0, ..Connect::new(version(n), "fuzz") };
        let connect =
            if let Ok(Decoded::Packet { packet: Packet::Connect(connect), .. }) = connection.decode(first) {
                connect
            } else {
                connection = Connection::server();
                built
            };
        let mut link: Link<'_, Server, Slots> = session.server(connection, &connect, now);
        let mut connack = ConnAck::new(ReasonCode::SUCCESS);
        if connect.version == Version::V5 {
            connack.properties = Properties::new(&limits[..2]);
        }
        if let Ok(outputs) = link.connack(&connack, now) {
            outputs.for_each(|_| {});
        }
        while let Some(n) = script.next() {
            if !common(&mut link, n, &mut script, &mut held, &mut now) {
                if n & 7 == 7 {
                    break;
                }
                // A request, answered.
                let bytes = script.bytes();
                if let Ok(Decoded::Packet { packet, .. }) = link.connection().decode(bytes)
                    && let Ok(Input::Subscribe(_, reply) | Input::Unsubscribe(_, reply)) =
                        link.handle(packet, now)
                {
                    let codes = vec![ReasonCode::SUCCESS; reply.filters()];
                    if let Ok(outputs) = link.reply(reply, &codes, Properties::EMPTY, now) {
                        outputs.for_each(|_| {});
                    }
                }
            }
            settle(&mut link, now);
        }
    }
}

/// A watcher of anything.
pub fn watch(bytes: &[u8]) {
    let mut script = Script(bytes);
    let version = version(script.next().unwrap_or(0));
    let mut watcher = Watcher::new(version);
    let mut now = 0;
    while let Some(n) = script.next() {
        let sender = if n & 1 == 0 { Sender::Client } else { Sender::Server };
        now += u64::from(n) * 100;
        let bytes = script.bytes();
        match decode(bytes, DecodeOptions::new(watcher.version())) {
            Ok(Decoded::Packet { packet, len }) => assert!(watcher.see(&packet, sender, len, now).len() <= 8),
            _ => watcher.gap(sender),
        }
    }
}
