//! The beginning and the end of a connection, and which session it goes on with (sections 3.1, 3.2, 3.14, 4.1).

use mqtt_session::{HandleError, Input, Record, Refusal, Session, SessionRule, Watcher};
use mqtt_wire::{
    ConnAck, Connect, Disconnect, EncodeOptions, Packet, Properties, Property, PropertyId, Publish, QoS,
    ReasonCode, Sender, SubAck, Subscribe, Subscription, Unsubscribe, Version, Will, topic_filter,
};

use crate::side::*;

const BOTH: [Version; 2] = [Version::V311, Version::V5];

#[test]
fn connect_comes_first_and_only_once() {
    for version in BOTH {
        let mut session = session();
        let mut link = dial(&mut session, version);
        assert_eq!(link.publish(&Publish::new(topic(), b"on"), QoS::AtMostOnce, 1), Err(Refusal::NotOpen));
        assert!(link.disconnect(&Disconnect::new(ReasonCode::SUCCESS), 0).is_err());
        let filters = [topic_filter!("a")];
        assert!(link.unsubscribe(&Unsubscribe::new(id(1), &filters), 0).is_err());
        assert_eq!(out(&mut link), [""; 0]);
        assert_eq!(lines(link.connect(&hello(version), 0).unwrap()), ["CONNECT"]);
        assert!(link.connect(&hello(version), 0).is_err());
        assert_eq!(link.publish(&Publish::new(topic(), b"on"), QoS::AtMostOnce, 1), Err(Refusal::NotOpen));
    }
}

#[test]
fn a_second_connect_closes() {
    for version in BOTH {
        let mut session = session();
        let (mut link, _) = server_of(&mut session, version);
        let (rule, lines) = refuse(&mut link, hello(version));
        assert_eq!(rule, "MQTT-3.1.0-2");
        let v5 = ["DISCONNECT 0x82", "close 0x82"];
        assert_eq!(lines, if version == Version::V5 { &v5[..] } else { &v5[1..] });
        // What comes behind it is not looked at.
        assert_eq!(give(&mut link, Packet::PingReq), [""; 0]);
    }
}

#[test]
fn connack_comes_first_and_only_once() {
    for version in BOTH {
        let mut session = session();
        let mut link = answer(&mut session, &hello(version));
        assert_eq!(link.publish(&Publish::new(topic(), b"on"), QoS::AtMostOnce, 1), Err(Refusal::NotOpen));
        assert!(link.disconnect(&Disconnect::new(ReasonCode::SERVER_BUSY), 0).is_err());
        assert_eq!(link.handle(Packet::PingReq, 0), Err(HandleError::TooEarly));
        assert_eq!(out(&mut link), [""; 0]);
        assert_eq!(lines(link.connack(&welcome(version, false), 0).unwrap()), ["CONNACK 0x00 present 0"]);
        assert!(link.connack(&welcome(version, false), 0).is_err());
        assert_eq!(give(&mut link, Packet::PingReq), ["PINGRESP"]);
    }
}

#[test]
fn a_server_that_closes_before_connack_says_nothing() {
    let mut session = session();
    let mut link = answer(&mut session, &hello(Version::V5));
    link.close(ReasonCode::PROTOCOL_ERROR);
    assert_eq!(out(&mut link), ["close 0x82"]);
}

#[test]
fn a_client_closes_when_another_packet_comes_before_connack_or_a_second_one() {
    for version in BOTH {
        let mut session = session();
        let mut link = dial(&mut session, version);
        let _ = lines(link.connect(&hello(version), 0).unwrap());
        assert_eq!(refuse(&mut link, Packet::PingResp).0, "MQTT-3.2.0-1");
        drop(link);
        let (mut link, _) = client_of(&mut session, version);
        let second = welcome(version, false);
        assert!(matches!(link.handle(second.into(), 0), Err(HandleError::Violation(_))));
    }
}

#[test]
fn a_refusing_connack_closes_and_what_comes_behind_is_ignored() {
    for version in BOTH {
        let mut session = session();
        let mut link = answer(&mut session, &hello(version));
        let refused = ConnAck::new(ReasonCode::NOT_AUTHORIZED);
        let lines = lines(link.connack(&refused, 0).unwrap());
        assert_eq!(lines, ["CONNACK 0x87 present 0", "close 0x87"]);
        assert_eq!(give(&mut link, Publish::new(topic(), b"on")), [""; 0]);
        assert!(!session.exists());
    }
    for version in BOTH {
        let mut session = session();
        let mut link = dial(&mut session, version);
        let _ = lines(link.connect(&hello(version), 0).unwrap());
        let refused = ConnAck::new(ReasonCode::NOT_AUTHORIZED);
        assert!(matches!(link.handle(refused.into(), 0), Ok(Input::Refused(_))));
        assert_eq!(out(&mut link), ["close 0x87"]);
    }
}

#[test]
fn a_server_goes_on_with_a_session_or_begins_one() {
    for version in BOTH {
        let mut session = session();
        let (mut link, lines) = server_of(&mut session, version);
        assert_eq!(lines, ["CONNACK 0x00 present 0"]);
        publish(&mut link, QoS::AtLeastOnce, 1);
        drop(link);
        assert!(session.exists());
        let (_, lines) = server_of(&mut session, version);
        assert_eq!(lines, ["CONNACK 0x00 present 1", "PUBLISH 1 key 1 QoS 1 DUP"]);
        // A clean start ends it: its keys come back before CONNACK.
        let clean = Connect { clean_start: true, ..hello(version) };
        let (link, lines) = server(&mut session, &clean, &welcome(version, false));
        assert_eq!(lines, ["done 1 SessionOver", "CONNACK 0x00 present 0"]);
        drop(link);
        // In 3.1.1 a session that begins clean ends with its connection.
        let (_, lines) = server_of(&mut session, version);
        let present = u8::from(version == Version::V5);
        assert_eq!(lines, [format!("CONNACK 0x00 present {present}")]);
    }
}

#[test]
fn the_end_of_a_session_is_stored_before_connack() {
    let mut session = session();
    let (mut link, _) = server_of(&mut session, Version::V5);
    publish(&mut link, QoS::AtLeastOnce, 1);
    drop(link);
    let clean = Connect { clean_start: true, ..hello(Version::V5) };
    let mut link = answer(&mut session, &clean);
    let lines: Vec<String> = all(link.connack(&welcome(Version::V5, false), 0).unwrap());
    let expected = ["store Ended", "done 1 SessionOver", "store Lasts(4294967295)", "CONNACK 0x00 present 0"];
    assert_eq!(lines, expected);
}

#[test]
fn a_client_without_state_closes_when_the_server_has_a_session() {
    let mut session = session();
    let mut link = dial(&mut session, Version::V5);
    let outputs = link.connect(&hello(Version::V5), 0).unwrap();
    // It starts clean, so that this does not happen with a right server.
    outputs.for_each(|output| {
        if let mqtt_session::Output::Send(Packet::Connect(connect)) = output {
            assert!(connect.clean_start);
        }
    });
    let (rule, lines) = refuse(&mut link, welcome(Version::V5, true));
    assert_eq!((rule, lines), ("MQTT-3.2.2-4", vec!["DISCONNECT 0x82".into(), "close 0x82".into()]));
    drop(link);
    // Without state and without a clean start: what a link does not send.
    let mut ended = Session::assumed(Slots::new());
    let mut link = dial(&mut ended, Version::V5);
    let _ = lines_of(&mut link);
    drop(link);
    ended.end();
    let mut link = dial(&mut ended, Version::V5);
    let _ = lines_of(&mut link);
    assert_eq!(refuse(&mut link, welcome(Version::V5, true)).0, "MQTT-3.2.2-4");
}

fn lines_of(link: &mut mqtt_session::Link<'_, mqtt_session::Client, Slots>) -> Vec<String> {
    lines(link.connect(&hello(Version::V5), 0).unwrap())
}

#[test]
fn a_connection_of_a_session_that_was_ended_is_not_attached_again() {
    let mut session = session();
    let (mut link, _) = client(&mut session, &hello(Version::V5), welcome(Version::V5, false));
    publish(&mut link, QoS::AtLeastOnce, 1);
    let connection = link.detach();
    let link = session.attach(connection).map_err(|_| "it is the latest").unwrap();
    let connection = link.detach();
    session.end();
    assert!(session.attach(connection).is_err());
    // Its messages come back with the next one.
    let (_, lines) = client(&mut session, &hello(Version::V5), welcome(Version::V5, false));
    assert!(lines.contains(&format!("done 1 {:?}", mqtt_session::Outcome::SessionOver)), "{lines:?}");
}

#[test]
fn a_session_after_a_clean_start_is_a_violation() {
    for (version, label) in [(Version::V311, "MQTT-3.2.2-1"), (Version::V5, "MQTT-3.2.2-4")] {
        let mut session = session();
        let clean = Connect { clean_start: true, ..hello(version) };
        let mut link = dial(&mut session, version);
        let _ = lines(link.connect(&clean, 0).unwrap());
        assert_eq!(refuse(&mut link, welcome(version, true)).0, label);
    }
}

#[test]
fn a_client_of_3_1_1_may_go_on_with_a_session_that_it_did_not_expect() {
    let mut session = session();
    let (link, _) = client(&mut session, &hello(Version::V311), welcome(Version::V311, true));
    assert!(link.is_open());
}

#[test]
fn a_client_drops_its_state_when_the_server_has_none() {
    for version in BOTH {
        let mut session = session();
        let (mut link, _) = client_of(&mut session, version);
        publish(&mut link, QoS::ExactlyOnce, 1);
        let receipt = take(&mut link, message(QoS::ExactlyOnce, 3)).unwrap();
        link.accept(receipt, ReasonCode::SUCCESS).unwrap();
        assert_eq!(out(&mut link), ["PUBREC 3"]);
        drop(link);
        let (mut link, lines) = client(&mut session, &hello(version), welcome(version, false));
        assert_eq!(lines, ["CONNECT", "done 1 SessionOver"]);
        assert!(take(&mut link, message(QoS::ExactlyOnce, 3)).is_some());
        assert_eq!(publish(&mut link, QoS::AtLeastOnce, 2), ["PUBLISH 2 key 2 QoS 1"]);
    }
}

#[test]
fn a_client_drops_its_state_when_it_starts_clean() {
    for version in BOTH {
        let mut session = session();
        let (mut link, _) = client_of(&mut session, version);
        publish(&mut link, QoS::ExactlyOnce, 1);
        drop(link);
        let clean = Connect { clean_start: true, ..hello(version) };
        let mut link = dial(&mut session, version);
        // Before CONNECT: should its answer be lost, the server has begun a new session all the same.
        assert_eq!(lines(link.connect(&clean, 0).unwrap()), ["done 1 SessionOver", "CONNECT"]);
    }
}

#[test]
fn a_session_lasts_as_long_as_its_expiry_says() {
    for (version, clean, expiry, lasts) in [
        (Version::V311, true, None, 0),
        (Version::V311, false, None, u32::MAX),
        (Version::V5, false, None, 0),
        (Version::V5, true, Some(60), 60),
        (Version::V5, false, Some(u32::MAX), u32::MAX),
    ] {
        let property = expiry.map(Property::SessionExpiryInterval);
        let mut all = vec![SMALL[0]];
        all.extend(property);
        let connect = Connect {
            clean_start: clean,
            properties: if version == Version::V5 { Properties::new(&all) } else { Properties::EMPTY },
            ..hello(version)
        };
        let mut session = session();
        let (link, _) = server(&mut session, &connect, &welcome(version, false));
        assert_eq!(link.session().expiry(), lasts);
        let ends = link.ending(1_000).session_ends;
        assert_eq!(ends, (lasts != u32::MAX).then(|| 1_000 + u64::from(lasts) * 1_000));
        // While the connection is up it lasts in any case.
        assert!(link.session().exists());
        drop(link);
        let next = Connect { clean_start: false, ..connect };
        let (_, lines) = server(&mut session, &next, &welcome(version, false));
        assert_eq!(lines, [format!("CONNACK 0x00 present {}", u8::from(lasts != 0))]);
    }
}

#[test]
fn connack_and_disconnect_change_how_long_a_session_lasts() {
    let mut session = session();
    let short = [SMALL[0], Property::SessionExpiryInterval(5)];
    let mut connack = welcome(Version::V5, false);
    connack.properties = Properties::new(&short);
    let (link, _) = client(&mut session, &hello(Version::V5), connack);
    assert_eq!(link.session().expiry(), 5);
    drop(link);
    let mut session = crate::side::session();
    let (mut link, _) = server(&mut session, &hello(Version::V5), &connack);
    assert_eq!(link.session().expiry(), 5);
    let longer = [Property::SessionExpiryInterval(7)];
    let mut disconnect = Disconnect::new(ReasonCode::SUCCESS);
    disconnect.properties = Properties::new(&longer);
    let input = link.handle(disconnect.into(), 0);
    assert!(matches!(input, Ok(Input::Closing(_))));
    let lines: Vec<String> = all(link.outputs(0));
    assert_eq!(lines, ["store Lasts(7)", "close 0x00"]);
    // What CONNECT let end with the connection cannot be prolonged.
    let mut session = crate::side::session();
    let connect = Connect { properties: Properties::new(&SMALL[..1]), ..hello(Version::V5) };
    let (mut link, _) = server(&mut session, &connect, &welcome(Version::V5, false));
    let longer: &'static [Property<'static>] = &[Property::SessionExpiryInterval(7)];
    let mut disconnect = Disconnect::new(ReasonCode::SUCCESS);
    disconnect.properties = Properties::new(longer);
    assert_eq!(refuse(&mut link, disconnect).0, "U-3.14.2.2.2");
}

#[test]
fn whether_disconnect_may_prolong_a_session_is_said_by_connect_whatever_connack_says() {
    let goodbye: &'static [Property<'static>] = &[Property::SessionExpiryInterval(30)];
    let mut disconnect = Disconnect::new(ReasonCode::SUCCESS);
    disconnect.properties = Properties::new(goodbye);
    for (asked, granted, may) in [(60, 0, true), (0, 60, false), (60, 60, true), (0, 0, false)] {
        let asked = [SMALL[0], Property::SessionExpiryInterval(asked)];
        let connect = Connect { properties: Properties::new(&asked), ..hello(Version::V5) };
        let granted = [SMALL[0], Property::SessionExpiryInterval(granted)];
        let mut connack = welcome(Version::V5, false);
        connack.properties = Properties::new(&granted);
        let mut session = crate::side::session();
        let (mut link, _) = server(&mut session, &connect, &connack);
        assert_eq!(link.handle(disconnect.into(), 0).is_ok(), may);
        let mut session = crate::side::session();
        let (mut link, _) = client(&mut session, &connect, connack);
        assert_eq!(link.disconnect(&disconnect, 0).is_ok(), may);
        // The client may go before it is let in.
        let mut session = crate::side::session();
        let mut link = dial(&mut session, Version::V5);
        let _ = lines(link.connect(&connect, 0).unwrap());
        assert_eq!(link.disconnect(&disconnect, 0).is_ok(), may);
        // Whoever watches sees it as well.
        let mut watcher = Watcher::new(Version::V5);
        assert_eq!(watcher.see(&connect.into(), Sender::Client, 0, 0), []);
        assert_eq!(watcher.see(&connack.into(), Sender::Server, 0, 0), []);
        let seen = watcher.see(&disconnect.into(), Sender::Client, 0, 0);
        assert_eq!(seen, if may { vec![] } else { vec![SessionRule::SessionExpiry] });
    }
}

#[test]
fn nothing_is_sent_after_disconnect_and_the_connection_is_closed() {
    for version in BOTH {
        let mut session = session();
        let (mut link, _) = client_of(&mut session, version);
        let receipt = take(&mut link, message(QoS::AtLeastOnce, 3)).unwrap();
        link.accept(receipt, ReasonCode::SUCCESS).unwrap();
        let goodbye = Disconnect::new(ReasonCode::SUCCESS);
        assert_eq!(
            lines(link.disconnect(&goodbye, 0).unwrap()),
            ["PUBACK 3", "DISCONNECT 0x00", "close 0x00"]
        );
        assert_eq!(give(&mut link, Packet::PubRel(ack(9))), [""; 0]);
        assert!(link.publish(&Publish::new(topic(), b"on"), QoS::AtMostOnce, 1).is_err());
        assert!(link.disconnect(&goodbye, 0).is_err());
        assert_eq!(link.deadline(), None);
    }
    let mut session = session();
    let (mut link, _) = server_of(&mut session, Version::V5);
    let taken_over = Disconnect::new(ReasonCode::SESSION_TAKEN_OVER);
    assert_eq!(lines(link.disconnect(&taken_over, 0).unwrap()), ["DISCONNECT 0x8e", "close 0x8e"]);
}

#[test]
fn the_peers_disconnect_closes() {
    let mut session = session();
    let (mut link, _) = client_of(&mut session, Version::V5);
    let busy = Disconnect::new(ReasonCode::SERVER_BUSY);
    assert!(matches!(link.handle(busy.into(), 0), Ok(Input::Closing(_))));
    assert_eq!(out(&mut link), ["close 0x89"]);
}

#[test]
fn a_request_is_answered_with_its_identifier_and_a_code_for_each_filter_in_order() {
    for version in BOTH {
        let mut session = session();
        let (mut link, _) = server_of(&mut session, version);
        let filters = [topic_filter!("a"), topic_filter!("b/#")];
        let subscriptions = filters.map(|filter| Subscription::new(filter, QoS::ExactlyOnce));
        let reply = match link.handle(Subscribe::new(id(77), &subscriptions).into(), 0) {
            Ok(Input::Subscribe(_, reply)) => reply,
            other => panic!("{other:?}"),
        };
        assert_eq!(reply.filters(), 2);
        let codes = [ReasonCode::GRANTED_QOS_1, ReasonCode::UNSPECIFIED_ERROR];
        let Err((Refusal::Codes, reply)) = link.reply(reply, &codes[..1], Properties::EMPTY, 0) else {
            panic!()
        };
        let lines_of = lines(link.reply(reply, &codes, Properties::EMPTY, 0).unwrap());
        assert_eq!(lines_of, ["SUBACK 77 01 80"]);
        // It is answered even if nothing was removed.
        let reply = match link.handle(Unsubscribe::new(id(78), &filters).into(), 0) {
            Ok(Input::Unsubscribe(_, reply)) => reply,
            other => panic!("{other:?}"),
        };
        let codes = [ReasonCode::NO_SUBSCRIPTION_EXISTED, ReasonCode::SUCCESS];
        let lines_of = lines(link.reply(reply, &codes, Properties::EMPTY, 0).unwrap());
        assert_eq!(lines_of, [if version == Version::V5 { "UNSUBACK 78 11 00" } else { "UNSUBACK 78 " }]);
    }
}

#[test]
fn a_suback_without_a_code_for_each_filter_is_a_violation() {
    for (version, label) in [(Version::V311, "MQTT-3.8.4-5"), (Version::V5, "MQTT-3.8.4-6")] {
        let mut session = session();
        let (mut link, _) = client_of(&mut session, version);
        let subscriptions = [Subscription::new(topic_filter!("a"), QoS::ExactlyOnce); 2];
        let _ = lines(link.subscribe(&Subscribe::new(id(1), &subscriptions), 0).unwrap());
        // One that was not asked for means nothing.
        assert_eq!(give(&mut link, SubAck::new(id(9), &[ReasonCode::SUCCESS])), [""; 0]);
        assert_eq!(refuse(&mut link, SubAck::new(id(1), &[ReasonCode::SUCCESS])).0, label);
    }
}

#[test]
fn a_will_is_due_after_its_delay_or_the_session_unless_it_is_taken_back() {
    for (delay, expiry, code, due) in [
        (0, u32::MAX, None, Some(1_000)),
        (10, u32::MAX, None, Some(11_000)),
        (10, 5, None, Some(6_000)),
        (10, 0, None, Some(1_000)),
        (10, 60, Some(ReasonCode::SUCCESS), None),
        (10, 60, Some(ReasonCode::DISCONNECT_WITH_WILL_MESSAGE), Some(11_000)),
    ] {
        let delay = [Property::WillDelayInterval(delay)];
        let mut will = Will::new(topic(), b"off");
        will.properties = Properties::new(&delay);
        let expiry = [SMALL[0], Property::SessionExpiryInterval(expiry)];
        let connect = Connect {
            will: Some((&will).into()),
            properties: Properties::new(&expiry),
            ..hello(Version::V5)
        };
        let mut session = session();
        let (mut link, _) = server(&mut session, &connect, &welcome(Version::V5, false));
        if let Some(code) = code {
            assert!(matches!(link.handle(Disconnect::new(code).into(), 0), Ok(Input::Closing(_))));
        }
        assert_eq!(link.ending(1_000).will_due, due);
    }
}

#[test]
fn an_empty_client_identifier_wants_an_assigned_one() {
    let mut session = session();
    let connect = Connect { client_id: "", clean_start: true, ..hello(Version::V5) };
    let mut link = answer(&mut session, &connect);
    assert!(matches!(link.connack(&welcome(Version::V5, false), 0), Err(Refusal::ClientId)));
    let assigned = [SMALL[0], Property::AssignedClientIdentifier("lamp-7")];
    let mut connack = welcome(Version::V5, false);
    connack.properties = Properties::new(&assigned);
    assert_eq!(lines(link.connack(&connack, 0).unwrap()), ["CONNACK 0x00 present 0"]);
}

#[test]
fn response_information_is_only_for_a_client_that_asks() {
    for asks in [false, true] {
        let mut session = session();
        let asked = [SMALL[0], Property::RequestResponseInformation(asks)];
        let connect = Connect { properties: Properties::new(&asked), ..hello(Version::V5) };
        let mut link = answer(&mut session, &connect);
        let information = [SMALL[0], Property::ResponseInformation("answers/")];
        let mut connack = welcome(Version::V5, false);
        connack.properties = Properties::new(&information);
        link.connack(&connack, 0).unwrap().for_each(|output| {
            if let mqtt_session::Output::Send(Packet::ConnAck(connack)) = output {
                assert_eq!(connack.properties.ids().contains(PropertyId::ResponseInformation), asks);
            }
        });
    }
}

#[test]
fn a_violation_found_elsewhere_closes() {
    let mut session = session();
    let (mut link, _) = server_of(&mut session, Version::V5);
    link.close(ReasonCode::MALFORMED_PACKET);
    assert_eq!(out(&mut link), ["DISCONNECT 0x81", "close 0x81"]);
}

/// A session that was stored goes on where it was, with any number of the last records missing.
#[test]
fn a_session_comes_back_from_its_records() {
    for version in BOTH {
        let mut session = session();
        let mut log: Vec<Record<u16>> = Vec::new();
        let mut link = dial(&mut session, version);
        link.connect(&hello(version), 0).unwrap().for_each(|output| {
            store(&mut log, output);
        });
        let _ = link.handle(welcome(version, false).into(), 0).unwrap();
        for (key, qos) in [(1, QoS::AtLeastOnce), (2, QoS::ExactlyOnce), (3, QoS::ExactlyOnce)] {
            link.publish(&Publish::new(topic(), b"on"), qos, key).unwrap();
            link.outputs(0).for_each(|output| store(&mut log, output));
        }
        let _ = link.handle(Packet::PubRec(ack(3)), 0).unwrap();
        link.outputs(0).for_each(|output| store(&mut log, output));
        let receipt = take(&mut link, message(QoS::ExactlyOnce, 9)).unwrap();
        link.accept(receipt, ReasonCode::SUCCESS).unwrap();
        link.outputs(0).for_each(|output| store(&mut log, output));
        let _ = link.handle(Packet::PubAck(ack(1)), 0).unwrap();
        link.outputs(0).for_each(|output| store(&mut log, output));
        drop(link);
        let mut restored = Session::restore(Slots::new(), log.iter().copied()).unwrap();
        assert!(restored.records().eq(session.records()));
        let (mut link, lines) = client_of(&mut restored, version);
        assert_eq!(lines, ["CONNECT", "PUBREL 3", "PUBLISH 2 key 2 QoS 2 DUP"]);
        assert_eq!(give(&mut link, again(QoS::ExactlyOnce, 9)), ["PUBREC 9"]);
        for len in 0..log.len() {
            assert!(Session::restore(Slots::new(), log[..len].iter().copied()).is_ok());
        }
        let many =
            (1..6).map(|n| Record::Sent { id: id(n), qos: QoS::AtLeastOnce, retain: false, size: 9, key: n });
        assert!(Session::restore(Slots::new(), many).is_err());
    }
}

fn store(log: &mut Vec<Record<u16>>, output: mqtt_session::Output<'_, u16>) {
    if let mqtt_session::Output::Store(record) = output {
        log.push(record);
    }
}

#[test]
fn a_connection_goes_on_with_its_own_session_only() {
    let mut session = session();
    let (link, _) = client_of(&mut session, Version::V5);
    let old = link.detach();
    let mut link = session.attach(old).unwrap();
    assert_eq!(publish(&mut link, QoS::AtMostOnce, 1), ["PUBLISH key 1 QoS 0"]);
    let old = link.detach();
    let (link, _) = client_of(&mut session, Version::V5);
    drop(link);
    assert!(session.attach(old).is_err());
}

/// The example of `20 02 00 01`, and any other packet that cannot be encoded, changes nothing.
#[test]
fn a_packet_that_cannot_be_encoded_is_refused() {
    let mut session = session();
    let mut link = dial(&mut session, Version::V311);
    let wrong = Connect { password: Some(b"secret"), ..hello(Version::V311) };
    assert!(matches!(link.connect(&wrong, 0), Err(Refusal::Encode(_))));
    assert_eq!(lines(link.connect(&hello(Version::V311), 0).unwrap()), ["CONNECT"]);
    assert_eq!(
        link.connection().encode_options(),
        EncodeOptions::new(Version::V311).with_sender(mqtt_wire::Sender::Client)
    );
}
