//! One side of a connection as text: what comes in is a packet, what comes out is a line.

use mqtt_session::{
    Client, Fixed, HandleError, Input, Link, Output, Outputs, Receipt, Role, Server, Session,
};
use mqtt_wire::{
    Ack, ConnAck, Connect, Connection, Delivery, Packet, PacketId, Properties, Property, Publish, QoS,
    ReasonCode, TopicName, Version, topic_name,
};

/// Four messages out, three in, two aliases.
pub(crate) type Slots = Fixed<u16, 4, 3, 2, 8>;

pub(crate) fn session() -> Session<Slots> {
    Session::new(Slots::new())
}

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

pub(crate) fn topic() -> TopicName<'static> {
    topic_name!("a/b")
}

pub(crate) fn ack(n: u16) -> Ack<'static> {
    Ack::new(id(n))
}

/// A received message.
pub(crate) fn message(qos: QoS, n: u16) -> Packet<'static> {
    Publish::new(topic(), b"on").with_delivery(Delivery::new(qos, id(n))).into()
}

/// The same, sent again.
pub(crate) fn again(qos: QoS, n: u16) -> Packet<'static> {
    Publish { dup: true, ..Publish::new(topic(), b"on").with_delivery(Delivery::new(qos, id(n))) }.into()
}

pub(crate) const SMALL: &[Property<'static>] = &[
    Property::ReceiveMaximum(core::num::NonZeroU16::new(3).unwrap()),
    Property::SessionExpiryInterval(u32::MAX),
];

/// A CONNECT that goes on with a session.
pub(crate) fn hello(version: Version) -> Connect<'static> {
    let mut connect = Connect { clean_start: false, keep_alive: 0, ..Connect::new(version, "lamp") };
    if version == Version::V5 {
        connect.properties = Properties::new(SMALL);
    }
    connect
}

/// A CONNACK of success that announces what there is room for.
pub(crate) fn welcome(version: Version, session_present: bool) -> ConnAck<'static> {
    let mut connack = ConnAck { session_present, ..ConnAck::new(ReasonCode::SUCCESS) };
    if version == Version::V5 {
        connack.properties = Properties::new(&SMALL[..1]);
    }
    connack
}

/// An output in a line.
pub(crate) fn line(output: Output<'_, u16>) -> String {
    let ack = |name: &str, ack: Ack<'_>| {
        let n = ack.packet_id.get();
        if ack.reason_code == ReasonCode::SUCCESS {
            format!("{name} {n}")
        } else {
            format!("{name} {n} {:#04x}", ack.reason_code.get())
        }
    };
    match output {
        Output::Send(Packet::PubAck(p)) => ack("PUBACK", p),
        Output::Send(Packet::PubRec(p)) => ack("PUBREC", p),
        Output::Send(Packet::PubRel(p)) => ack("PUBREL", p),
        Output::Send(Packet::PubComp(p)) => ack("PUBCOMP", p),
        Output::Send(Packet::Disconnect(p)) => format!("DISCONNECT {:#04x}", p.reason_code.get()),
        Output::Send(Packet::ConnAck(p)) => {
            format!("CONNACK {:#04x} present {}", p.reason_code.get(), u8::from(p.session_present))
        }
        Output::Send(Packet::SubAck(p)) => format!("SUBACK {} {}", p.packet_id.get(), codes(p.reason_codes)),
        Output::Send(Packet::UnsubAck(p)) => {
            format!("UNSUBACK {} {}", p.packet_id.get(), codes(p.reason_codes))
        }
        Output::Send(Packet::Subscribe(p)) => format!("SUBSCRIBE {}", p.packet_id.get()),
        Output::Send(Packet::Unsubscribe(p)) => format!("UNSUBSCRIBE {}", p.packet_id.get()),
        Output::Send(Packet::Auth(p)) => format!("AUTH {:#04x}", p.reason_code.get()),
        Output::Send(p) => p.packet_type().name().to_owned(),
        Output::Publish(p) => {
            let id = p.delivery.packet_id().map_or(String::new(), |id| format!(" {}", id.get()));
            let alias = p.alias.map_or(String::new(), |alias| {
                format!(" alias {}{}", alias.number, if alias.is_new { " new" } else { "" })
            });
            format!(
                "PUBLISH{id} key {} QoS {}{}{alias}",
                p.key,
                p.delivery.qos() as u8,
                if p.dup { " DUP" } else { "" }
            )
        }
        Output::Store(record) => format!("store {record:?}"),
        Output::Done(key, outcome) => format!("done {key} {outcome:?}"),
        Output::Close(code) => format!("close {:#04x}", code.get()),
    }
}

fn codes(codes: mqtt_wire::List<'_, ReasonCode>) -> String {
    let codes: Vec<String> = codes.iter().map(|code| format!("{:02x}", code.get())).collect();
    codes.join(" ")
}

/// All outputs, in lines.
pub(crate) fn all<R: Role>(outputs: Outputs<'_, '_, R, Slots>) -> Vec<String> {
    let mut lines = Vec::new();
    outputs.for_each(|output| lines.push(line(output)));
    lines
}

/// All outputs that are no records, in lines.
pub(crate) fn lines<R: Role>(outputs: Outputs<'_, '_, R, Slots>) -> Vec<String> {
    all(outputs).into_iter().filter(|line| !line.starts_with("store")).collect()
}

/// What comes out now, without records.
pub(crate) fn out<R: Role>(link: &mut Link<'_, R, Slots>) -> Vec<String> {
    lines(link.outputs(0))
}

/// Hands in a packet that means nothing to the application, and gives what comes out.
pub(crate) fn give<R: Role>(
    link: &mut Link<'_, R, Slots>,
    packet: impl Into<Packet<'static>>,
) -> Vec<String> {
    assert_eq!(link.handle(packet.into(), 0), Ok(Input::Nothing));
    out(link)
}

/// Hands in a message, and gives its receipt.
pub(crate) fn take<R: Role>(link: &mut Link<'_, R, Slots>, packet: Packet<'static>) -> Option<Receipt> {
    match link.handle(packet, 0) {
        Ok(Input::Message(_, receipt)) => receipt,
        other => panic!("{other:?}"),
    }
}

/// Hands in a packet that breaks a rule: its label, and what comes out.
pub(crate) fn refuse<R: Role>(
    link: &mut Link<'_, R, Slots>,
    packet: impl Into<Packet<'static>>,
) -> (&'static str, Vec<String>) {
    match link.handle(packet.into(), 0) {
        Err(HandleError::Violation(violation)) => {
            let lines = out(link);
            assert!(link.is_closing());
            (violation.requirement(), lines)
        }
        other => panic!("{other:?}"),
    }
}

/// A client's link before CONNECT.
pub(crate) fn dial(session: &mut Session<Slots>, version: Version) -> Link<'_, Client, Slots> {
    session.client(Connection::client(version))
}

/// A server's link before CONNACK.
pub(crate) fn answer<'s>(session: &'s mut Session<Slots>, connect: &Connect<'_>) -> Link<'s, Server, Slots> {
    session.server(Connection::server(), connect, 0)
}

/// A client that is connected, with all outputs up to then.
pub(crate) fn client<'s>(
    session: &'s mut Session<Slots>,
    connect: &Connect<'_>,
    connack: ConnAck<'_>,
) -> (Link<'s, Client, Slots>, Vec<String>) {
    let mut link = dial(session, connect.version);
    let mut lines = lines(link.connect(connect, 0).unwrap());
    assert_eq!(lines.last().map(String::as_str), Some("CONNECT"));
    assert!(matches!(link.handle(connack.into(), 0), Ok(Input::Connected(_))));
    lines.extend(out(&mut link));
    (link, lines)
}

/// A client that is connected and goes on with a session, if there is one.
pub(crate) fn client_of(
    session: &mut Session<Slots>,
    version: Version,
) -> (Link<'_, Client, Slots>, Vec<String>) {
    let present = session.exists() && version != Version::V31;
    client(session, &hello(version), welcome(version, present))
}

/// A server with a client.
pub(crate) fn server<'s>(
    session: &'s mut Session<Slots>,
    connect: &Connect<'_>,
    connack: &ConnAck<'_>,
) -> (Link<'s, Server, Slots>, Vec<String>) {
    let mut link = answer(session, connect);
    let lines = lines(link.connack(connack, 0).unwrap());
    (link, lines)
}

pub(crate) fn server_of(
    session: &mut Session<Slots>,
    version: Version,
) -> (Link<'_, Server, Slots>, Vec<String>) {
    server(session, &hello(version), &welcome(version, false))
}

/// Takes a message to the peer.
pub(crate) fn publish<R: Role>(link: &mut Link<'_, R, Slots>, qos: QoS, key: u16) -> Vec<String> {
    link.publish(&Publish::new(topic(), b"on"), qos, key).unwrap();
    out(link)
}
