//! The watcher over every capture of the corpus: it names what is known and nothing else. And over the broken
//! conversations that it is there for.

#![cfg(feature = "alloc")]

#[path = "../../tests/common/captures.rs"]
#[allow(dead_code, unreachable_pub)]
mod captures;

use std::collections::BTreeMap;

use mqtt_session::{SessionRule, Watcher};
use mqtt_wire::{
    Ack, Auth, ConnAck, Connect, DecodeOptions, Decoded, Delivery, Disconnect, Packet, PacketId, Properties,
    Publish, QoS, ReasonCode, Sender, SubAck, Subscribe, Subscription, Tolerance, UnsubAck, Version, decode,
    topic_filter, topic_name,
};

/// What real programs were seen to do against the standard, or did on purpose for a capture: capture, rule, sender, how
/// often.
const KNOWN: &[(&str, SessionRule, Sender, usize)] = &[
    // MQTT.js does not look at Receive Maximum, Maximum QoS and Retain Available of CONNACK.
    ("mosqtight_mqttjs_v5", SessionRule::ReceiveMaximum, Sender::Client, 96),
    ("mosqtight_mqttjs_v5", SessionRule::QoSNotSupported, Sender::Client, 53),
    ("mosqtight_mqttjs_v5", SessionRule::RetainNotSupported, Sender::Client, 2),
    ("mosquitto_mqttjs_v5", SessionRule::ReceiveMaximum, Sender::Client, 80),
    // Sent on purpose, to see the broker refuse it.
    ("mosqtight_paho_v5", SessionRule::TopicAliasRange, Sender::Client, 1),
    ("mosqtight_paho_v5", SessionRule::PacketTooLarge, Sender::Client, 1),
    // mosquitto 2.0.11 has one message more under way than the client's Receive Maximum allows when QoS 1 and 2 are mixed.
    ("mosquitto_mqttjs_v5", SessionRule::ReceiveMaximum, Sender::Server, 2),
    ("mosquitto_paho_v5", SessionRule::ReceiveMaximum, Sender::Server, 9),
    // rumqttd 0.20.0 sends all three messages of a kept session at once to a client whose Receive Maximum is 2.
    ("rumqttd_mosqcli_v5", SessionRule::ReceiveMaximum, Sender::Server, 1),
    // rumqttc 0.25.1 goes on to answer what comes in after its DISCONNECT.
    ("mosquitto_rumqttc_v5", SessionRule::AfterDisconnect, Sender::Client, 1),
    ("rumqttd_rumqttc_v311", SessionRule::AfterDisconnect, Sender::Client, 3),
    ("rumqttd_rumqttc_v5", SessionRule::AfterDisconnect, Sender::Client, 3),
];

#[test]
fn no_false_alarm_on_any_capture() {
    let mut found = BTreeMap::new();
    let (mut packets, mut connections) = (0, 0);
    for capture in captures::all() {
        let mut watchers: BTreeMap<u64, Watcher> = BTreeMap::new();
        for captured in &capture.packets {
            packets += 1;
            let watcher = watchers.entry(captured.stream).or_insert_with(|| {
                connections += 1;
                Watcher::new(captured.version)
            });
            let options = DecodeOptions::new(captured.version)
                .with_tolerance(Tolerance::BridgeProtocolLevel)
                .with_tolerance(Tolerance::UnknownReasonCodes)
                .with_tolerance(Tolerance::LongClientIds);
            let Ok(Decoded::Packet { packet, len }) = decode(&captured.bytes, options) else {
                watcher.gap(captured.sender);
                continue;
            };
            for rule in watcher.see(&packet, captured.sender, len, 0) {
                *found.entry((capture.name.clone(), rule, captured.sender as u8)).or_insert(0) += 1;
                println!(
                    "{} stream {} frame {}: {packet} of the {:?}: {rule} [{}]",
                    capture.name,
                    captured.stream,
                    captured.frame,
                    captured.sender,
                    rule.requirement_of(captured.version, captured.sender)
                );
            }
        }
    }
    println!("{packets} packets on {connections} connections, {} findings", found.values().sum::<usize>());
    assert!(packets > 5_000 && connections > 100, "{packets} packets on {connections} connections");
    let known: BTreeMap<_, _> = KNOWN
        .iter()
        .map(|(capture, rule, sender, count)| (((*capture).to_owned(), *rule, *sender as u8), *count))
        .collect();
    assert_eq!(found, known);
}

/// A packet, who sends it, and what it breaks.
type Said = (Packet<'static>, Sender, &'static [SessionRule]);

fn id(n: u16) -> PacketId {
    PacketId::new(n).unwrap()
}

fn ack(n: u16) -> Ack<'static> {
    Ack::new(id(n))
}

fn publish(qos: QoS, n: u16, dup: bool) -> Packet<'static> {
    Publish { dup, ..Publish::new(topic_name!("a"), b"").with_delivery(Delivery::new(qos, id(n))) }.into()
}

/// Each conversation begins with a CONNECT and a CONNACK of a new session.
#[test]
fn broken_conversations() {
    use Sender::{Client as C, Server as S};
    use SessionRule as R;
    const SUBSCRIPTIONS: [Subscription<'static>; 2] = [
        Subscription::new(topic_filter!("a"), QoS::AtMostOnce),
        Subscription::new(topic_filter!("b"), QoS::AtMostOnce),
    ];
    let (q1, q2) = (QoS::AtLeastOnce, QoS::ExactlyOnce);
    let goodbye: Packet<'static> = Disconnect::new(ReasonCode::SUCCESS).into();
    let conversations: &[&[Said]] = &[
        &[(Connect::new(Version::V5, "c").into(), C, &[R::SecondConnect])],
        &[(ConnAck::new(ReasonCode::SUCCESS).into(), S, &[R::SecondConnAck])],
        &[(goodbye, C, &[]), (Packet::PingReq, C, &[R::AfterDisconnect])],
        &[(publish(q1, 1, false), C, &[]), (publish(q2, 1, false), C, &[R::IdentifierInUse])],
        &[
            (publish(q1, 1, false), C, &[]),
            (Subscribe::new(id(1), &SUBSCRIPTIONS).into(), C, &[R::IdentifierInUse]),
        ],
        // Each side has its own identifiers.
        &[(publish(q1, 1, false), C, &[]), (publish(q1, 1, false), S, &[])],
        &[(publish(q1, 1, true), C, &[R::UnexpectedDup])],
        &[(publish(q2, 1, false), S, &[]), (publish(q2, 1, true), S, &[R::SentAgain])],
        &[
            (publish(q2, 1, false), S, &[]),
            (Packet::PubRec(ack(1)), C, &[]),
            (Packet::PubRel(ack(1)), S, &[]),
            (publish(q2, 1, true), S, &[R::SentAfterRelease]),
        ],
        &[(publish(q2, 1, false), S, &[]), (Packet::PubRel(ack(1)), S, &[R::WrongAcknowledgement])],
        &[(publish(q2, 1, false), S, &[]), (Packet::PubAck(ack(1)), C, &[R::WrongAcknowledgement])],
        &[(publish(q1, 1, false), S, &[]), (Packet::PubRec(ack(1)), C, &[R::WrongAcknowledgement])],
        &[(Packet::PubAck(ack(1)), C, &[R::UnknownAcknowledgement])],
        &[
            (publish(q1, 1, false), S, &[]),
            (publish(q1, 2, false), S, &[]),
            (Packet::PubAck(ack(2)), C, &[R::AcknowledgementOrder]),
        ],
        // A server may do so.
        &[
            (publish(q1, 1, false), C, &[]),
            (publish(q1, 2, false), C, &[]),
            (Packet::PubAck(ack(2)), S, &[]),
            (Packet::PubAck(ack(1)), S, &[]),
        ],
        &[
            (Subscribe::new(id(1), &SUBSCRIPTIONS).into(), C, &[]),
            (SubAck::new(id(1), &[ReasonCode::SUCCESS]).into(), S, &[R::CodesMissing]),
        ],
        &[(SubAck::new(id(1), &[ReasonCode::SUCCESS]).into(), S, &[R::UnknownAcknowledgement])],
        &[
            (Subscribe::new(id(1), &SUBSCRIPTIONS).into(), C, &[]),
            (UnsubAck::new(id(1), &[ReasonCode::SUCCESS; 2]).into(), S, &[R::UnknownAcknowledgement]),
        ],
        &[(Auth::new(ReasonCode::RE_AUTHENTICATE, Properties::EMPTY).into(), C, &[R::AuthNotAsked])],
    ];
    for conversation in conversations {
        let mut watcher = Watcher::new(Version::V5);
        assert_eq!(watcher.see(&Connect::new(Version::V5, "c").into(), C, 10, 0), []);
        assert_eq!(watcher.see(&ConnAck::new(ReasonCode::SUCCESS).into(), S, 5, 0), []);
        for (packet, sender, expected) in *conversation {
            assert_eq!(watcher.see(packet, *sender, 10, 0), *expected, "{packet:?} in {conversation:?}");
        }
        // From the middle nothing is said that cannot be known.
        let mut middle = Watcher::new(Version::V5);
        let (packet, sender, _) = &conversation[conversation.len() - 1];
        if !matches!(packet, Packet::Subscribe(_)) {
            assert_eq!(middle.see(packet, *sender, 10, 0), [], "{packet:?} alone");
        }
    }
}

#[test]
fn what_happens_before_and_instead_of_connack() {
    let connect = Connect::new(Version::V5, "");
    let see = |packet: Packet<'static>, sender| {
        let mut watcher = Watcher::new(Version::V5);
        assert_eq!(watcher.see(&connect.into(), Sender::Client, 10, 0), []);
        let first = watcher.see(&packet, sender, 10, 0);
        (first, watcher)
    };
    assert_eq!(see(Packet::PingResp, Sender::Server).0, [SessionRule::ConnAckFirst]);
    assert_eq!(
        see(ConnAck::new(ReasonCode::SUCCESS).into(), Sender::Server).0,
        [SessionRule::ClientIdNotAssigned]
    );
    let present = ConnAck { session_present: true, ..ConnAck::new(ReasonCode::SUCCESS) };
    assert!(see(present.into(), Sender::Server).0.contains(&SessionRule::SessionNotCleared));
    let (first, mut watcher) = see(ConnAck::new(ReasonCode::BANNED).into(), Sender::Server);
    assert_eq!(first, []);
    assert_eq!(watcher.see(&Packet::PingResp, Sender::Server, 2, 0), [SessionRule::AfterRefusal]);
    assert_eq!(watcher.see(&Packet::PingReq, Sender::Client, 2, 90_001), [SessionRule::KeepAlive]);
}

/// Who was not heard before has not been silent, and what one side lacks is not the other's.
#[test]
fn a_gap_takes_no_more_than_it_has_to() {
    let see = |watcher: &mut Watcher, sender, bytes: &[u8], now| match decode(bytes, Version::V5) {
        Ok(Decoded::Packet { packet, len }) => watcher.see(&packet, sender, len, now),
        other => panic!("{other:?}"),
    };
    // CONNECT is missing; CONNACK has a Server Keep Alive of a second.
    let mut watcher = Watcher::new(Version::V5);
    assert_eq!(see(&mut watcher, Sender::Server, b"\x20\x06\0\0\x03\x13\0\x01", 1_000_000), []);
    assert_eq!(see(&mut watcher, Sender::Client, b"\xc0\0", 2_000_000), []);
    assert_eq!(see(&mut watcher, Sender::Client, b"\xc0\0", 2_002_000), [SessionRule::KeepAlive]);

    let mut watcher = Watcher::new(Version::V5);
    assert_eq!(see(&mut watcher, Sender::Client, b"\x10\x0e\0\x04MQTT\x05\x02\0\0\0\0\x01a", 0), []);
    assert_eq!(see(&mut watcher, Sender::Server, b"\x20\x06\0\0\x03\x22\0\x0a", 0), []);
    assert_eq!(see(&mut watcher, Sender::Client, b"\x30\x08\0\x01a\x03\x23\0\x01x", 0), []);
    watcher.gap(Sender::Server);
    assert_eq!(see(&mut watcher, Sender::Client, b"\x30\x07\0\0\x03\x23\0\x01y", 0), []);
    let unknown = see(&mut watcher, Sender::Client, b"\x30\x07\0\0\x03\x23\0\x02z", 0);
    assert_eq!(unknown, [SessionRule::TopicAliasUnknown]);
    watcher.gap(Sender::Client);
    assert_eq!(see(&mut watcher, Sender::Client, b"\x30\x07\0\0\x03\x23\0\x02z", 0), []);
}
