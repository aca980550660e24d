//! A client and a server in one process: the calls in the order in which programs make them.

use mqtt_session::Output;
use mqtt_session::{Client, Fixed, Input, Link, Outcome, Outputs, Role, Server, Session};
use mqtt_wire::*;

type Slots = Fixed<u16, 4, 4, 2, 16>;

fn topic() -> TopicName<'static> {
    topic_name!("a/b")
}

/// Does all outputs: the bytes that go out, and the rest by name.
fn perform<R: Role>(
    outputs: Outputs<'_, '_, R, Slots>,
    encode: EncodeOptions,
    log: &mut Vec<String>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    for output in outputs {
        match output {
            Output::Send(packet) => {
                packet.encode(encode, &mut bytes).unwrap();
                log.push(format!("send {}", packet.packet_type()));
            }
            Output::Publish(publication) => {
                let message = Publish::new(topic(), b"menyala");
                let mut publish = publication.of(message);
                let alias = publication.alias.map(|alias| Property::TopicAlias(alias.number));
                publish.properties = Properties::new(alias.as_slice());
                Packet::from(publish).encode(encode, &mut bytes).unwrap();
                log.push(format!(
                    "publish {} {:?} dup {}",
                    publication.key, publication.delivery, publication.dup
                ));
            }
            other => log.push(format!("{other:?}")),
        }
    }
    bytes
}

fn settle<R: Role>(link: &mut Link<'_, R, Slots>, log: &mut Vec<String>) -> Vec<u8> {
    let options = link.encode_options();
    perform(link.outputs(0), options, log)
}

/// Hands bytes over and does what follows; messages are accepted at once.
fn take<R: Role>(link: &mut Link<'_, R, Slots>, mut bytes: &[u8], log: &mut Vec<String>) -> Vec<u8> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let Decoded::Packet { packet, len } = decode(bytes, link.decode_options()).unwrap() else { panic!() };
        bytes = &bytes[len..];
        match link.handle(packet, 0).unwrap() {
            Input::Message(message, receipt) => {
                log.push(format!("got {} {:?}", message.topic.unwrap(), message.delivery));
                if let Some(receipt) = receipt {
                    link.accept(receipt, ReasonCode::SUCCESS).unwrap();
                }
            }
            Input::Subscribe(subscribe, reply) => {
                assert_eq!(subscribe.subscriptions.iter().count(), reply.filters());
                let options = link.encode_options();
                let _ = (options, reply);
            }
            _ => {}
        }
        out.extend(settle(link, log));
    }
    out
}

fn connect<'c, 's>(
    client: &'c mut Session<Slots>,
    server: &'s mut Session<Slots>,
    connect: &Connect<'_>,
    log: &mut Vec<String>,
) -> (Link<'c, Client, Slots>, Link<'s, Server, Slots>) {
    let mut client = client.client();
    let mut bytes = Vec::new();
    for output in client.connect(connect, 0).unwrap() {
        if let Output::Send(packet) = output {
            packet.encode(connect.version, &mut bytes).unwrap();
        }
    }
    let Packet::Connect(received) = decode_exact(&bytes, DecodeOptions::detect()).unwrap() else { panic!() };
    let mut server = server.server(&received, 0);
    let options = server.encode_options();
    let limits = [Property::ReceiveMaximum(2.try_into().unwrap()), Property::TopicAliasMaximum(2)];
    let mut connack = ConnAck::new(ReasonCode::SUCCESS);
    if connect.version == Version::V5 {
        connack.properties = Properties::new(&limits);
    }
    let out = perform(server.connack(&connack, 0).unwrap(), options, log);
    let back = take(&mut client, &out, log);
    assert!(back.is_empty(), "{log:?}");
    (client, server)
}

#[test]
fn a_message_of_each_qos_arrives_and_its_key_comes_back() {
    for version in Version::ALL {
        let limits = [Property::ReceiveMaximum(4.try_into().unwrap()), Property::TopicAliasMaximum(2)];
        let mut hello = Connect::new(version, "lampu");
        if version == Version::V5 {
            hello.properties = Properties::new(&limits);
        }
        let (mut client, mut server) = (Session::new(Slots::new()), Session::new(Slots::new()));
        let log = &mut Vec::new();
        let (mut client, mut server) = connect(&mut client, &mut server, &hello, log);
        assert!(client.is_open() && server.is_open(), "{log:?}");
        log.clear();
        for (key, qos) in [(7, QoS::AtMostOnce), (8, QoS::AtLeastOnce), (9, QoS::ExactlyOnce)] {
            client.publish(&Publish::new(topic(), b"menyala"), qos, key).unwrap();
            let mut bytes = settle(&mut client, log);
            while !bytes.is_empty() {
                let back = take(&mut server, &bytes, log);
                bytes = take(&mut client, &back, log);
            }
        }
        assert_eq!(log.iter().filter(|line| line.starts_with("got a/b")).count(), 3, "{log:#?}");
        for key in [8, 9] {
            let done = format!("{:?}", Output::Done(key, Outcome::Acknowledged(ReasonCode::SUCCESS)));
            assert!(log.contains(&done), "{log:#?}");
        }
        assert_eq!(client.session().in_flight(), 0);
    }
}
