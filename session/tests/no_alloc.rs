//! With fixed slots no side allocates: connections that come and go, messages of every QoS in both directions, with
//! aliases, requests and their answers, keep alive, and what is restored.

use std::num::NonZeroU16;

use mqtt_session::{Client, Fixed, HandleError, Input, Link, Output, Reply, Role, Server, Session};
use mqtt_wire::{
    ConnAck, Connect, Connection, Decoded, EncodeOptions, Packet, PacketId, Properties, Property, Publish,
    QoS, ReasonCode, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe, Version, topic_filter,
    topic_name,
};

type Slots = Fixed<u16, 8, 4, 2, 16>;

const TOPICS: [TopicName<'static>; 3] = [topic_name!("a"), topic_name!("sensor/7"), topic_name!("house")];
const FILTER: TopicFilter<'static> = topic_filter!("#");
const LIMITS: [Property<'static>; 3] = [
    Property::SessionExpiryInterval(3600),
    Property::ReceiveMaximum(NonZeroU16::new(4).unwrap()),
    Property::TopicAliasMaximum(2),
];

/// The bytes on their way to one side.
struct Wire {
    bytes: [u8; 4096],
    len: usize,
}

impl Wire {
    const fn new() -> Self {
        Self { bytes: [0; 4096], len: 0 }
    }

    fn put(&mut self, packet: &Packet<'_>, options: EncodeOptions) {
        self.len += packet.encode(options, &mut self.bytes[self.len..]).expect("there is room");
    }
}

/// What a side has seen.
#[derive(Default)]
struct Seen {
    messages: usize,
    done: usize,
    stored: usize,
    answers: usize,
}

impl Seen {
    /// Does one thing: packets go to the other side.
    fn act(&mut self, output: &Output<'_, u16>, wire: &mut Wire, options: EncodeOptions) {
        match output {
            Output::Send(packet) => wire.put(packet, options),
            Output::Publish(publication) => {
                let topic = TOPICS[usize::from(publication.key) % TOPICS.len()];
                let alias = publication.alias.map(|alias| Property::TopicAlias(alias.number));
                let mut publish = publication.of(Publish::new(topic, b"payload"));
                publish.properties = Properties::new(alias.as_slice());
                wire.put(&publish.into(), options);
            }
            Output::Store(_) => self.stored += 1,
            Output::Done(..) => self.done += 1,
            Output::Close(code) => panic!("closed with {code}"),
        }
    }

    /// Does all that is to be done.
    fn perform<R: Role>(&mut self, link: &mut Link<'_, R, Slots>, wire: &mut Wire) {
        let options = link.connection().encode_options();
        while let Some(output) = link.next(1) {
            self.act(&output, wire, options);
        }
    }
}

/// Takes what has come; the requests of a client are answered at once.
fn take<R: Role>(
    link: &mut Link<'_, R, Slots>,
    from: &mut Wire,
    to: &mut Wire,
    seen: &mut Seen,
    answer: impl for<'l> Fn(&'l mut Link<'_, R, Slots>, Reply, &mut Wire),
) {
    let mut at = 0;
    while let Ok(Decoded::Packet { packet, len }) = link.connection().decode(&from.bytes[at..from.len]) {
        at += len;
        let mut reply = None;
        let mut receipt = None;
        match link.handle(packet, 1) {
            Ok(Input::Message(_, owed)) => {
                seen.messages += 1;
                receipt = owed;
            }
            Ok(Input::Subscribe(_, owed) | Input::Unsubscribe(_, owed)) => reply = Some(owed),
            Ok(Input::Subscribed(_) | Input::Unsubscribed(_)) => seen.answers += 1,
            Ok(_) => {}
            Err(HandleError::TooEarly) => panic!("outputs are done after each packet"),
            Err(HandleError::Violation(violation)) => panic!("{violation}"),
        }
        if let Some(receipt) = receipt {
            link.accept(receipt, ReasonCode::SUCCESS).expect("of this connection");
        }
        if let Some(reply) = reply {
            answer(link, reply, to);
        }
        seen.perform(link, to);
    }
    assert_eq!(at, from.len, "all of it was whole");
    from.len = 0;
}

fn no_requests(_: &mut Link<'_, Client, Slots>, _: Reply, _: &mut Wire) {
    panic!("a server sends no request");
}

fn grant(link: &mut Link<'_, Server, Slots>, reply: Reply, to: &mut Wire) {
    let options = link.connection().encode_options();
    let outputs = link.reply(reply, &[ReasonCode::SUCCESS], Properties::EMPTY, 1);
    outputs.map_err(|(refusal, _)| refusal).expect("one code for one filter").for_each(
        |output| match output {
            Output::Send(packet) => to.put(&packet, options),
            other => assert!(matches!(other, Output::Store(_)), "{other:?}"),
        },
    );
}

/// Lets packets go to and fro until there are none.
fn exchange(
    client: &mut Link<'_, Client, Slots>,
    server: &mut Link<'_, Server, Slots>,
    [up, down]: [&mut Wire; 2],
    [at_client, at_server]: [&mut Seen; 2],
) {
    at_client.perform(client, up);
    at_server.perform(server, down);
    while up.len + down.len > 0 {
        take(server, up, down, at_server, grant);
        take(client, down, up, at_client, no_requests);
    }
}

/// A connection of the two sessions on which everything happens; the last messages stay under way when it breaks off.
fn connection(
    client: &mut Session<Slots>,
    server: &mut Session<Slots>,
    version: Version,
    [up, down]: &mut [Wire; 2],
) -> [Seen; 2] {
    (up.len, down.len) = (0, 0);
    let [mut at_client, mut at_server] = [Seen::default(), Seen::default()];
    let limits = if version == Version::V5 { Properties::new(&LIMITS) } else { Properties::EMPTY };
    let mut client = client.client(Connection::client(version));
    let connect =
        Connect { clean_start: false, properties: limits, keep_alive: 10, ..Connect::new(version, "c") };
    let options = client.connection().encode_options();
    client.connect(&connect, 1).expect("a CONNECT").for_each(|output| at_client.act(&output, up, options));
    let mut accepting = Connection::server();
    let Ok(Decoded::Packet { packet: Packet::Connect(connect), len }) = accepting.decode(&up.bytes[..up.len])
    else {
        panic!("a CONNECT")
    };
    assert_eq!(len, up.len);
    let mut server = server.server(accepting, &connect, 1);
    up.len = 0;
    let options = server.connection().encode_options();
    let connack = ConnAck { properties: limits, ..ConnAck::new(ReasonCode::SUCCESS) };
    server.connack(&connack, 1).expect("a CONNACK").for_each(|output| at_server.act(&output, down, options));
    exchange(&mut client, &mut server, [up, down], [&mut at_client, &mut at_server]);
    let options = client.connection().encode_options();
    let filters = [Subscription::new(FILTER, QoS::ExactlyOnce)];
    let id = PacketId::MIN;
    client
        .subscribe(&Subscribe::new(id, &filters), 1)
        .expect("room")
        .for_each(|output| at_client.act(&output, up, options));
    client
        .unsubscribe(&Unsubscribe::new(id, &[FILTER]), 1)
        .expect("room")
        .for_each(|output| at_client.act(&output, up, options));
    exchange(&mut client, &mut server, [up, down], [&mut at_client, &mut at_server]);
    for key in 0..30_u16 {
        let topic = TOPICS[usize::from(key) % TOPICS.len()];
        for qos in QoS::ALL {
            client.publish(&Publish::new(topic, b"payload"), qos, key).expect("room");
            server.publish(&Publish::new(topic, b"payload"), qos, key).expect("room");
            exchange(&mut client, &mut server, [up, down], [&mut at_client, &mut at_server]);
        }
    }
    client.elapsed(10_000).expect("a PINGREQ is due");
    exchange(&mut client, &mut server, [up, down], [&mut at_client, &mut at_server]);
    let mut lost = [Wire::new(), Wire::new()];
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        client.publish(&Publish::new(TOPICS[0], b"payload"), qos, 0).expect("room");
        at_client.perform(&mut client, &mut lost[0]);
        server.publish(&Publish::new(TOPICS[0], b"payload"), qos, 0).expect("room");
        at_server.perform(&mut server, &mut lost[1]);
    }
    [at_client, at_server]
}

#[test]
fn fixed_slots_allocate_nothing() {
    for version in Version::ALL {
        let mut wires = [Wire::new(), Wire::new()];
        let mut sessions = [Session::new(Slots::new()), Session::new(Slots::new())];
        let count = allocation_counter::measure(|| {
            let [client, server] = &mut sessions;
            for round in 0..3 {
                let [at_client, at_server] = connection(client, server, version, &mut wires);
                // Those of the connection before come again.
                let again = if round == 0 { 0 } else { 2 };
                for seen in [at_client, at_server] {
                    assert_eq!(
                        (seen.messages, seen.done),
                        (90 + again, 60 + again),
                        "{version}, round {round}"
                    );
                    assert!(seen.stored > 90, "{} records", seen.stored);
                }
                let restored = Session::restore(Slots::new(), client.records()).expect("there is room");
                assert_eq!(restored.in_flight(), 2);
                *client = restored;
            }
        });
        assert_eq!(count.count_total, 0, "{version}");
    }
    assert!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1]))).count_total > 0);
}
