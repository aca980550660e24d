//! What one side of a session costs for each message, above decoding and encoding: packets go in as values, and what
//! comes out is looked at and dropped. With `none` in place of slots the same
//! packets are made and looked at without a session: what is above that is the session's. With the feature `peers` there
//! are the engines of other libraries, too: see [`peers`].

#[cfg(feature = "peers")]
mod peers;

use std::hint::black_box;

use mqtt_session::{Client, Fixed, Growing, Input, Link, Output, Session, Slots};
use mqtt_wire::{
    Ack, ConnAck, Connect, Connection, Delivery, Packet, PacketId, Publish, QoS, ReasonCode, Version,
    topic_name,
};

/// The kinds of messages: what one side does for each, at each QoS.
pub const KINDS: [&str; 6] = ["send-0", "receive-0", "send-1", "receive-1", "send-2", "receive-2"];

/// Engines with the feature `peers`: this crate's and those of others, bytes in and bytes out.
pub const ENGINES: [&str; 6] = [
    "mqtt-session-fixed",
    "mqtt-session-growing",
    "rusty_rtos_mqtt",
    "mqtt-protocol-core",
    "rumqttc",
    "flowsdk",
];

/// Does the outputs; the identifier of the last message.
#[inline(never)]
fn settle<S: Slots<Key = u32>>(link: &mut Link<'_, Client, S>) -> Option<PacketId> {
    let mut id = None;
    // By reference: nothing is copied that the caller does not want.
    while let Some(output) = &link.next(black_box(7)) {
        match output {
            Output::Publish(publication) => id = publication.delivery.packet_id(),
            output => {
                black_box(output);
            }
        }
    }
    id
}

/// Hands in an acknowledgement.
#[inline(always)]
fn hand_in<S: Slots<Key = u32>>(link: &mut Link<'_, Client, S>, packet: Packet<'static>) {
    assert!(matches!(link.handle(black_box(packet), 7), Ok(Input::Nothing)));
}

fn run<S: Slots<Key = u32>>(slots: S, kind: &str, messages: u32) {
    let mut session = Session::new(slots);
    let mut link = session.client(Connection::client(Version::V5));
    let limits = [mqtt_wire::Property::ReceiveMaximum(8.try_into().expect("not 0"))];
    let mut connect = Connect::new(Version::V5, "bench");
    connect.properties = mqtt_wire::Properties::new(&limits);
    link.connect(&connect, 0).expect("a CONNECT").for_each(|output| drop(output));
    let _ = link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0).expect("a CONNACK");
    settle(&mut link);
    let message = Publish::new(topic_name!("bench/messages/of/one/topic"), b"sixteen bytes ok");
    for n in 0..messages {
        let id = PacketId::new((n % 60_000) as u16 + 1).expect("not 0");
        match kind {
            "send-0" => {
                link.publish(black_box(&message), QoS::AtMostOnce, n).expect("room");
                settle(&mut link);
            }
            "send-1" => {
                link.publish(black_box(&message), QoS::AtLeastOnce, n).expect("room");
                let id = settle(&mut link).expect("sent");
                hand_in(&mut link, Packet::PubAck(Ack::new(id)));
                settle(&mut link);
            }
            "send-2" => {
                link.publish(black_box(&message), QoS::ExactlyOnce, n).expect("room");
                let id = settle(&mut link).expect("sent");
                hand_in(&mut link, Packet::PubRec(Ack::new(id)));
                settle(&mut link);
                hand_in(&mut link, Packet::PubComp(Ack::new(id)));
                settle(&mut link);
            }
            "receive-0" | "receive-1" | "receive-2" => {
                let delivery = match kind {
                    "receive-0" => Delivery::AtMostOnce,
                    "receive-1" => Delivery::AtLeastOnce(id),
                    _ => Delivery::ExactlyOnce(id),
                };
                let packet = Packet::Publish(message.with_delivery(delivery));
                let receipt = match link.handle(black_box(packet), 7) {
                    Ok(Input::Message(message, receipt)) => {
                        black_box(message.topic);
                        receipt
                    }
                    _ => panic!("a message"),
                };
                if let Some(receipt) = receipt {
                    link.accept(receipt, ReasonCode::SUCCESS).expect("its own");
                }
                settle(&mut link);
                if kind == "receive-2" {
                    hand_in(&mut link, Packet::PubRel(Ack::new(id)));
                    settle(&mut link);
                }
            }
            _ => panic!("send-0, send-1, send-2, receive-0, receive-1 or receive-2"),
        }
    }
}

/// The packets of a message, of which a program without a session looks at those that come and makes those that go.
fn run_bare(kind: &str, messages: u32) {
    let message = Publish::new(topic_name!("bench/messages/of/one/topic"), b"sixteen bytes ok");
    let qos = match kind {
        "send-0" | "receive-0" => QoS::AtMostOnce,
        "send-1" | "receive-1" => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    };
    for n in 0..messages {
        let id = PacketId::new((n % 60_000) as u16 + 1).expect("not 0");
        let publish = black_box(&message).with_delivery(Delivery::new(qos, id));
        let acks: &[fn(Ack<'static>) -> Packet<'static>] = match qos {
            QoS::AtMostOnce => &[],
            QoS::AtLeastOnce => &[Packet::PubAck],
            QoS::ExactlyOnce => &[Packet::PubRec, Packet::PubRel, Packet::PubComp],
        };
        look(black_box(Packet::Publish(publish)));
        for ack in acks {
            look(black_box(ack(Ack::new(id))));
        }
    }
}

#[inline(never)]
fn look(packet: Packet<'_>) {
    match &packet {
        Packet::Publish(message) => _ = black_box(message.topic),
        other => _ = black_box(other),
    }
}

/// Does so many messages of a kind: `send-0` to `receive-2`, in these slots or by this engine.
///
/// # Panics
/// When there is no such kind, or an engine does not do what it is to do.
pub fn messages(slots: &str, kind: &str, messages: u32) {
    match slots {
        "none" => run_bare(kind, messages),
        "fixed" => run(Fixed::<u32, 8, 8>::new(), kind, messages),
        "growing" => run(Growing::<u32>::new(100, 8, 0), kind, messages),
        #[cfg(feature = "peers")]
        engine => peers::run(engine, kind, messages),
        #[cfg(not(feature = "peers"))]
        _ => panic!("none, fixed or growing; the engines of others with the feature `peers`"),
    }
}
