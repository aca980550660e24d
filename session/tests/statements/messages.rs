//! Messages of QoS 1 and 2 (sections 4.3, 4.4 and 4.6), for both roles.

use mqtt_session::{Fixed, HandleError, Input, Outcome, Output, Refusal, Session};
use mqtt_wire::{
    Connection, Packet, Publish, QoS, ReasonCode, Subscribe, Subscription, Unsubscribe, Version, topic_filter,
};

use crate::side::*;

const BOTH: [Version; 2] = [Version::V311, Version::V5];

/// The same for a client and for a server.
macro_rules! both_roles {
    ($version:ident, $session:ident, $link:ident, $lines:ident => $test:block) => {
        for $version in BOTH {
            {
                let mut $session = session();
                let (mut $link, $lines) = client_of(&mut $session, $version);
                let _ = (&mut $link, &$lines);
                $test
            }
            {
                let mut $session = session();
                let (mut $link, $lines) = server_of(&mut $session, $version);
                let _ = (&mut $link, &$lines);
                $test
            }
        }
    };
}

#[test]
fn identifiers_are_not_in_use_and_go_round() {
    both_roles!(version, session, link, lines => {
        let mut used = std::collections::BTreeSet::new();
        // One stays in use all the time.
        assert_eq!(publish(&mut link, QoS::AtLeastOnce, 9), ["PUBLISH 1 key 9 QoS 1"]);
        for round in 0..70_000_u32 {
            link.publish(&Publish::new(topic(), b"on"), QoS::AtLeastOnce, 1).unwrap();
            let mut sent = None;
            while let Some(output) = link.next(0) {
                if let mqtt_session::Output::Publish(publication) = output {
                    sent = publication.delivery.packet_id();
                }
            }
            let n = sent.unwrap();
            assert_ne!(n.get(), 1, "round {round}");
            used.insert(n);
            let _ = link.handle(Packet::PubAck(mqtt_wire::Ack::new(n)), 0).unwrap();
        }
        assert_eq!(used.len(), 65_534);
    });
}

#[test]
fn requests_and_messages_share_the_identifiers() {
    let filters = [topic_filter!("a/#")];
    let subscriptions = [Subscription::new(filters[0], QoS::AtLeastOnce)];
    for version in BOTH {
        let mut session = session();
        let (mut link, _) = client_of(&mut session, version);
        let subscribe = Subscribe::new(id(7), &subscriptions);
        let outputs = link.subscribe(&subscribe, 0).unwrap();
        assert_eq!(outputs.packet_id(), Some(id(1)));
        assert_eq!(lines(outputs), ["SUBSCRIBE 1"]);
        assert_eq!(publish(&mut link, QoS::ExactlyOnce, 5), ["PUBLISH 2 key 5 QoS 2"]);
        assert_eq!(
            lines(link.unsubscribe(&Unsubscribe::new(id(7), &filters), 0).unwrap()),
            ["UNSUBSCRIBE 3"]
        );
        // 1 is free again when SUBACK has come, 2 is not at PUBREC.
        let suback = mqtt_wire::SubAck::new(id(1), &[ReasonCode::GRANTED_QOS_1]);
        assert!(matches!(link.handle(suback.into(), 0), Ok(Input::Subscribed(_))));
        assert_eq!(give(&mut link, Packet::PubRec(ack(2))), ["PUBREL 2"]);
        // Once round: 2 is still the message's and 3 the UNSUBSCRIBE's.
        for n in 4..=u16::MAX {
            link.publish(&Publish::new(topic(), b"on"), QoS::AtLeastOnce, n).unwrap();
            while link.next(0).is_some() {}
            let _ = link.handle(Packet::PubAck(ack(n)), 0).unwrap();
        }
        assert_eq!(publish(&mut link, QoS::AtLeastOnce, 1).last().unwrap(), "PUBLISH 1 key 1 QoS 1");
        assert_eq!(lines(link.subscribe(&subscribe, 0).unwrap()), ["SUBSCRIBE 4"]);
    }
}

#[test]
fn qos_1_is_pending_until_puback_and_its_identifier_then_free() {
    both_roles!(version, session, link, lines => {
        assert_eq!(publish(&mut link, QoS::AtLeastOnce, 5), ["PUBLISH 1 key 5 QoS 1"]);
        assert_eq!(link.session().in_flight(), 1);
        assert_eq!(give(&mut link, Packet::PubAck(ack(1))), ["done 5 Acknowledged(ReasonCode(0x00 Success))"]);
        assert_eq!(link.session().in_flight(), 0);
    });
}

#[test]
fn qos_2_goes_from_publish_to_pubrel_to_pubcomp() {
    both_roles!(version, session, link, lines => {
        assert_eq!(publish(&mut link, QoS::ExactlyOnce, 5), ["PUBLISH 1 key 5 QoS 2"]);
        assert_eq!(give(&mut link, Packet::PubRec(ack(1))), ["PUBREL 1"]);
        assert_eq!(link.session().in_flight(), 1);
        assert_eq!(give(&mut link, Packet::PubComp(ack(1))), ["done 5 Acknowledged(ReasonCode(0x00 Success))"]);
    });
}

#[test]
fn a_message_is_stored_before_it_is_sent_and_its_key_comes_back_after_its_record() {
    for version in BOTH {
        let mut session = session();
        let (mut link, _) = client_of(&mut session, version);
        link.publish(&Publish::new(topic(), b"on"), QoS::ExactlyOnce, 5).unwrap();
        let all = |link: &mut mqtt_session::Link<'_, _, _>| all(link.outputs(0));
        let sent = all(&mut link);
        assert!(sent[0].starts_with("store Sent") && sent[1].starts_with("PUBLISH 1"), "{sent:?}");
        let _ = link.handle(Packet::PubRec(ack(1)), 0).unwrap();
        let released = all(&mut link);
        assert!(released[0].starts_with("store Released") && released[1] == "PUBREL 1", "{released:?}");
        let _ = link.handle(Packet::PubComp(ack(1)), 0).unwrap();
        let completed = all(&mut link);
        assert!(
            completed[0].starts_with("store Completed") && completed[1].starts_with("done 5"),
            "{completed:?}"
        );
        let receipt = take(&mut link, message(QoS::ExactlyOnce, 9)).unwrap();
        assert_eq!(all(&mut link), [""; 0]);
        link.accept(receipt, ReasonCode::SUCCESS).unwrap();
        let received = all(&mut link);
        assert!(received[0].starts_with("store Received") && received[1] == "PUBREC 9", "{received:?}");
        let _ = link.handle(Packet::PubRel(ack(9)), 0).unwrap();
        let forgotten = all(&mut link);
        assert!(forgotten[0].starts_with("store Forgotten") && forgotten[1] == "PUBCOMP 9", "{forgotten:?}");
    }
}

#[test]
fn a_message_is_answered_by_its_qos_with_its_identifier() {
    both_roles!(version, session, link, lines => {
        assert_eq!(take(&mut link, Publish::new(topic(), b"on").into()), None);
        assert_eq!(out(&mut link), [""; 0]);
        let receipt = take(&mut link, message(QoS::AtLeastOnce, 0x1234)).unwrap();
        assert_eq!(out(&mut link), [""; 0]);
        link.accept(receipt, ReasonCode::SUCCESS).unwrap();
        assert_eq!(out(&mut link), ["PUBACK 4660"]);
        let receipt = take(&mut link, message(QoS::ExactlyOnce, 0x1234)).unwrap();
        link.accept(receipt, ReasonCode::SUCCESS).unwrap();
        assert_eq!(out(&mut link), ["PUBREC 4660"]);
        assert_eq!(give(&mut link, Packet::PubRel(ack(0x1234))), ["PUBCOMP 4660"]);
    });
}

#[test]
fn after_puback_and_pubcomp_an_identifier_is_a_new_message() {
    both_roles!(version, session, link, lines => {
        for _ in 0..2 {
            // DUP does not matter.
            let receipt = take(&mut link, again(QoS::AtLeastOnce, 3)).unwrap();
            link.accept(receipt, ReasonCode::SUCCESS).unwrap();
            assert_eq!(out(&mut link), ["PUBACK 3"]);
            let receipt = take(&mut link, again(QoS::ExactlyOnce, 3)).unwrap();
            link.accept(receipt, ReasonCode::SUCCESS).unwrap();
            assert_eq!(out(&mut link), ["PUBREC 3"]);
            assert_eq!(give(&mut link, Packet::PubRel(ack(3))), ["PUBCOMP 3"]);
        }
    });
}

#[test]
fn a_repeated_qos_2_message_gets_pubrec_and_is_not_delivered_again() {
    both_roles!(version, session, link, lines => {
        let receipt = take(&mut link, message(QoS::ExactlyOnce, 3)).unwrap();
        // Before the application has answered, the answer to the first is not given.
        assert_eq!(give(&mut link, again(QoS::ExactlyOnce, 3)), [""; 0]);
        link.accept(receipt, ReasonCode::SUCCESS).unwrap();
        assert_eq!(out(&mut link), ["PUBREC 3", "PUBREC 3"]);
        assert_eq!(give(&mut link, again(QoS::ExactlyOnce, 3)), ["PUBREC 3"]);
        drop(link);
        let (mut link, _) = server_of(&mut session, version);
        assert_eq!(give(&mut link, again(QoS::ExactlyOnce, 3)), ["PUBREC 3"]);
        assert_eq!(give(&mut link, Packet::PubRel(ack(3))), ["PUBCOMP 3"]);
        assert!(take(&mut link, message(QoS::ExactlyOnce, 3)).is_some());
    });
}

#[test]
fn after_a_pubrec_of_0x80_an_identifier_is_a_new_message() {
    let mut session = session();
    let (mut link, _) = client_of(&mut session, Version::V5);
    let receipt = take(&mut link, message(QoS::ExactlyOnce, 3)).unwrap();
    link.accept(receipt, ReasonCode::QUOTA_EXCEEDED).unwrap();
    assert_eq!(out(&mut link), ["PUBREC 3 0x97"]);
    assert!(take(&mut link, message(QoS::ExactlyOnce, 3)).is_some());
}

#[test]
fn a_refusal_cannot_be_told_in_3_1_1() {
    let mut session = session();
    let (mut link, _) = server_of(&mut session, Version::V311);
    let receipt = take(&mut link, message(QoS::AtLeastOnce, 3)).unwrap();
    link.accept(receipt, ReasonCode::NOT_AUTHORIZED).unwrap();
    assert_eq!(out(&mut link), ["PUBACK 3"]);
}

#[test]
fn whoever_accepts_can_say_that_nobody_is_subscribed() {
    let nobody = ReasonCode::NO_MATCHING_SUBSCRIBERS;
    let mut session = session();
    let (mut link, _) = server_of(&mut session, Version::V5);
    for (qos, expected) in [(QoS::AtLeastOnce, "PUBACK 3 0x10"), (QoS::ExactlyOnce, "PUBREC 3 0x10")] {
        let receipt = take(&mut link, message(qos, 3)).unwrap();
        link.accept(receipt, nobody).unwrap();
        assert_eq!(out(&mut link), [expected]);
    }
    // It is accepted all the same.
    assert_eq!(give(&mut link, again(QoS::ExactlyOnce, 3)), ["PUBREC 3"]);
    assert_eq!(give(&mut link, Packet::PubRel(ack(3))), ["PUBCOMP 3"]);
    // Codes that are not those of an acknowledgement never go out.
    for (qos, name) in [(QoS::AtLeastOnce, "PUBACK 3"), (QoS::ExactlyOnce, "PUBREC 3")] {
        let receipt = take(&mut link, message(qos, 3)).unwrap();
        link.accept(receipt, ReasonCode::SERVER_BUSY).unwrap();
        assert_eq!(out(&mut link), [format!("{name} 0x80")]);
        let receipt = take(&mut link, message(qos, 3)).unwrap();
        link.accept(receipt, ReasonCode::NO_SUBSCRIPTION_EXISTED).unwrap();
        assert_eq!(out(&mut link), [name]);
    }
    drop(link);
    let mut session = crate::side::session();
    let (mut link, _) = server_of(&mut session, Version::V311);
    let receipt = take(&mut link, message(QoS::ExactlyOnce, 3)).unwrap();
    link.accept(receipt, nobody).unwrap();
    assert_eq!(out(&mut link), ["PUBREC 3"]);
}

#[test]
fn whoever_sends_is_told_that_nobody_is_subscribed() {
    let nobody = ReasonCode::NO_MATCHING_SUBSCRIBERS;
    let mut session = session();
    let (mut link, _) = client_of(&mut session, Version::V5);
    let done = format!("done 1 {:?}", Outcome::Acknowledged(nobody));
    publish(&mut link, QoS::AtLeastOnce, 1);
    assert_eq!(give(&mut link, Packet::PubAck(ack(1).with_reason(nobody))), [done.as_str()]);
    publish(&mut link, QoS::ExactlyOnce, 1);
    assert_eq!(give(&mut link, Packet::PubRec(ack(2).with_reason(nobody))), ["PUBREL 2"]);
    assert_eq!(give(&mut link, Packet::PubComp(ack(2))), [done]);
}

#[test]
fn acknowledgements_go_out_in_the_order_of_the_messages() {
    both_roles!(version, session, link, lines => {
        let first = take(&mut link, message(QoS::AtLeastOnce, 5)).unwrap();
        let second = take(&mut link, message(QoS::ExactlyOnce, 2)).unwrap();
        let third = take(&mut link, message(QoS::AtLeastOnce, 3)).unwrap();
        link.accept(third, ReasonCode::SUCCESS).unwrap();
        link.accept(second, ReasonCode::SUCCESS).unwrap();
        // The record of the second is due at once all the same.
        let records: Vec<String> = all(link.outputs(0));
        assert_eq!(records.len(), 1);
        assert!(records[0].starts_with("store Received"));
        link.accept(first, ReasonCode::SUCCESS).unwrap();
        assert_eq!(out(&mut link), ["PUBACK 5", "PUBREC 2", "PUBACK 3"]);
    });
}

#[test]
fn pubrels_go_out_in_the_order_of_the_pubrecs() {
    both_roles!(version, session, link, lines => {
        for key in [1, 2, 3] {
            publish(&mut link, QoS::ExactlyOnce, key);
        }
        let _ = link.handle(Packet::PubRec(ack(2)), 0).unwrap();
        let _ = link.handle(Packet::PubRec(ack(1)), 0).unwrap();
        assert_eq!(out(&mut link), ["PUBREL 2", "PUBREL 1"]);
        drop(link);
        let present = client_of(&mut session, version).1;
        assert_eq!(present[1..], ["PUBREL 2", "PUBREL 1", "PUBLISH 3 key 3 QoS 2 DUP"]);
    });
}

#[test]
fn what_is_pending_is_sent_again_in_order_with_dup_and_its_identifiers() {
    both_roles!(version, session, link, lines => {
        publish(&mut link, QoS::AtLeastOnce, 1);
        publish(&mut link, QoS::ExactlyOnce, 2);
        publish(&mut link, QoS::ExactlyOnce, 3);
        assert_eq!(give(&mut link, Packet::PubRec(ack(2))), ["PUBREL 2"]);
        drop(link);
        for _ in 0..2 {
            let (_, lines) = client_of(&mut session, version);
            let expected = ["CONNECT", "PUBREL 2", "PUBLISH 1 key 1 QoS 1 DUP", "PUBLISH 3 key 3 QoS 2 DUP"];
            assert_eq!(lines, expected);
        }
    });
}

#[test]
fn nothing_is_sent_again_on_the_same_connection() {
    both_roles!(version, session, link, lines => {
        publish(&mut link, QoS::AtLeastOnce, 1);
        publish(&mut link, QoS::ExactlyOnce, 2);
        assert_eq!(give(&mut link, Packet::PubRec(ack(2))), ["PUBREL 2"]);
        link.elapsed(u64::MAX / 2).unwrap();
        assert_eq!(out(&mut link), [""; 0]);
    });
}

#[test]
fn a_message_that_was_refused_is_not_sent_again() {
    let mut session = session();
    let (mut link, _) = server_of(&mut session, Version::V5);
    publish(&mut link, QoS::AtLeastOnce, 1);
    publish(&mut link, QoS::ExactlyOnce, 2);
    let refused = |n| ack(n).with_reason(ReasonCode::QUOTA_EXCEEDED);
    let done = |key| format!("done {key} {:?}", Outcome::Acknowledged(ReasonCode::QUOTA_EXCEEDED));
    assert_eq!(give(&mut link, Packet::PubAck(refused(1))), [done(1)]);
    // No PUBREL follows.
    assert_eq!(give(&mut link, Packet::PubRec(refused(2))), [done(2)]);
    drop(link);
    assert_eq!(server_of(&mut session, Version::V5).1, ["CONNACK 0x00 present 1"]);
}

#[test]
fn dup_of_a_received_message_means_nothing_for_the_next_hop() {
    both_roles!(version, session, link, lines => {
        let Packet::Publish(received) = again(QoS::AtLeastOnce, 3) else { panic!() };
        link.publish(&received, QoS::AtLeastOnce, 4).unwrap();
        assert_eq!(out(&mut link), ["PUBLISH 1 key 4 QoS 1"]);
    });
}

#[test]
fn unknown_acknowledgements_are_answered_or_mean_nothing() {
    for version in BOTH {
        let mut session = session();
        let (mut link, _) = client_of(&mut session, version);
        let code = if version == Version::V5 { " 0x92" } else { "" };
        assert_eq!(give(&mut link, Packet::PubAck(ack(9))), [""; 0]);
        assert_eq!(give(&mut link, Packet::PubComp(ack(9))), [""; 0]);
        assert_eq!(give(&mut link, Packet::PubRel(ack(9))), [format!("PUBCOMP 9{code}")]);
        assert_eq!(give(&mut link, Packet::PubRec(ack(9))), [format!("PUBREL 9{code}")]);
        let refused = ack(9).with_reason(ReasonCode::QUOTA_EXCEEDED);
        assert_eq!(give(&mut link, Packet::PubRec(refused)), [""; 0]);
        // A second PUBREC gets a second PUBREL.
        publish(&mut link, QoS::ExactlyOnce, 2);
        assert_eq!(give(&mut link, Packet::PubRec(ack(1))), ["PUBREL 1"]);
        assert_eq!(give(&mut link, Packet::PubRec(ack(1))), ["PUBREL 1"]);
        assert!(link.is_open());
    }
}

#[test]
fn an_acknowledgement_of_another_qos_is_a_violation() {
    both_roles!(version, session, link, lines => {
        publish(&mut link, QoS::AtLeastOnce, 1);
        let (rule, _) = refuse(&mut link, Packet::PubRec(ack(1)));
        assert_eq!(rule, "MQTT-3.3.4-1");
    });
    both_roles!(version, session, link, lines => {
        publish(&mut link, QoS::ExactlyOnce, 1);
        let (rule, _) = refuse(&mut link, Packet::PubAck(ack(1)));
        assert_eq!(rule, "MQTT-3.3.4-1");
    });
    both_roles!(version, session, link, lines => {
        publish(&mut link, QoS::ExactlyOnce, 1);
        let (rule, _) = refuse(&mut link, Packet::PubComp(ack(1)));
        assert_eq!(rule, "MQTT-3.3.4-1");
    });
}

#[test]
fn an_expired_handshake_goes_on() {
    // No clock has a part in it: a message that was sent is finished whatever the time.
    let mut session = session();
    let (mut link, _) = client_of(&mut session, Version::V5);
    let expiry = [mqtt_wire::Property::MessageExpiryInterval(1)];
    let mut short = Publish::new(topic(), b"on");
    short.properties = mqtt_wire::Properties::new(&expiry);
    link.publish(&short, QoS::ExactlyOnce, 1).unwrap();
    assert_eq!(out(&mut link), ["PUBLISH 1 key 1 QoS 2"]);
    let _ = link.handle(Packet::PubRec(ack(1)), 1_000_000).unwrap();
    let late: Vec<String> = all(link.outputs(1_000_000));
    assert_eq!(late[1], "PUBREL 1");
    drop(link);
    let (_, lines) = client_of(&mut session, Version::V5);
    assert_eq!(lines, ["CONNECT", "PUBREL 1"]);
}

#[test]
fn a_receipt_is_good_once_and_on_its_own_connection() {
    let mut session = session();
    let (mut link, _) = client_of(&mut session, Version::V5);
    let receipt = take(&mut link, message(QoS::ExactlyOnce, 3)).unwrap();
    let bits = receipt.into_bits();
    let receipt = || mqtt_session::Receipt::from_bits(bits).unwrap();
    assert_eq!((receipt().packet_id(), receipt().qos()), (id(3), QoS::ExactlyOnce));
    link.accept(receipt(), ReasonCode::SUCCESS).unwrap();
    assert!(link.accept(receipt(), ReasonCode::SUCCESS).is_err());
    drop(link);
    let (mut link, _) = client_of(&mut session, Version::V5);
    assert!(link.accept(receipt(), ReasonCode::SUCCESS).is_err());
    assert_eq!(mqtt_session::Receipt::from_bits(0), None);
}

#[test]
fn there_are_as_many_messages_as_slots() {
    let mut session = session();
    let (mut link, _) = client_of(&mut session, Version::V311);
    for key in 0..4 {
        assert_eq!(link.capacity(), 4 - usize::from(key));
        publish(&mut link, QoS::AtLeastOnce, key);
    }
    assert_eq!(link.publish(&Publish::new(topic(), b"on"), QoS::AtLeastOnce, 9), Err(Refusal::Slots));
    assert_eq!(publish(&mut link, QoS::AtMostOnce, 9), ["PUBLISH key 9 QoS 0"]);
}

#[test]
fn every_pubrel_that_was_handed_in_has_its_pubcomp_however_many_they_are() {
    // More messages than short packets wait for at once.
    let mut session = Session::new(Fixed::<u16, 8, 16>::new());
    let mut connection = Connection::server();
    connection.received(&hello(Version::V311).into());
    let mut link = session.server(connection, &hello(Version::V311), 0);
    link.connack(&welcome(Version::V311, false), 0).unwrap().for_each(|_| {});
    let publish: Vec<Packet<'_>> = (1..=14).map(|n| message(QoS::ExactlyOnce, n)).collect();
    for packet in publish {
        let Ok(Input::Message(_, Some(receipt))) = link.handle(packet, 0) else { panic!("a message") };
        link.accept(receipt, ReasonCode::SUCCESS).unwrap();
        link.outputs(0).for_each(|_| {});
    }
    // Whoever reads many packets at once hands them in before anything is done.
    let mut answered = Vec::new();
    let mut answers = |output: Output<'_, u16>| {
        if let Output::Send(Packet::PubComp(ack)) = output {
            answered.push(ack.packet_id.get());
        }
    };
    for n in 1..=14 {
        if link.handle(Packet::PubRel(ack(n)), 0) == Err(HandleError::TooEarly) {
            link.outputs(0).for_each(&mut answers);
            assert_eq!(link.handle(Packet::PubRel(ack(n)), 0), Ok(Input::Nothing));
        }
    }
    link.outputs(0).for_each(&mut answers);
    assert_eq!(answered, (1..=14).collect::<Vec<_>>());
}
