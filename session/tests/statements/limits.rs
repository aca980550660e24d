//! Limits of both sides: Receive Maximum, Maximum Packet Size, topic aliases, what a server does not support.

use core::num::{NonZeroU16, NonZeroU32};

use mqtt_session::{Client, Input, Link, Output, Record, Refusal, SessionRule};
use mqtt_wire::{
    Auth, ConnAck, Connect, Disconnect, MaximumQoS, Packet, Properties, Property, PropertyId, Publish, QoS,
    ReasonCode, Subscribe, Subscription, SubscriptionId, Unsubscribe, Version, topic_filter, topic_name,
};

use crate::side::*;

fn with<'a>(properties: &'a [Property<'a>]) -> ConnAck<'a> {
    ConnAck { properties: Properties::new(properties), ..ConnAck::new(ReasonCode::SUCCESS) }
}

fn asking<'a>(properties: &'a [Property<'a>]) -> Connect<'a> {
    Connect { properties: Properties::new(properties), ..hello(Version::V5) }
}

const fn maximum(n: u16) -> Property<'static> {
    Property::ReceiveMaximum(NonZeroU16::new(n).unwrap())
}

const fn size(n: u32) -> Property<'static> {
    Property::MaximumPacketSize(NonZeroU32::new(n).unwrap())
}

#[test]
fn no_more_messages_are_under_way_than_receive_maximum() {
    let mut session = session();
    let (mut link, _) = client(&mut session, &hello(Version::V5), with(&[maximum(2)]));
    publish(&mut link, QoS::AtLeastOnce, 1);
    publish(&mut link, QoS::ExactlyOnce, 2);
    assert_eq!(link.capacity(), 0);
    let message = Publish::new(topic(), b"on");
    assert_eq!(link.publish(&message, QoS::AtLeastOnce, 3), Err(Refusal::Quota));
    // Everything else goes on.
    assert_eq!(publish(&mut link, QoS::AtMostOnce, 4), ["PUBLISH key 4 QoS 0"]);
    let subscriptions = [Subscription::new(topic_filter!("a"), QoS::ExactlyOnce)];
    assert_eq!(lines(link.subscribe(&Subscribe::new(id(1), &subscriptions), 0).unwrap()), ["SUBSCRIBE 3"]);
    assert_eq!(give(&mut link, Packet::PubRec(ack(2))), ["PUBREL 2"]);
    assert_eq!(link.publish(&message, QoS::AtLeastOnce, 3), Err(Refusal::Quota));
    let _ = give(&mut link, Packet::PubComp(ack(2)));
    assert_eq!(publish(&mut link, QoS::AtLeastOnce, 3), ["PUBLISH 4 key 3 QoS 1"]);
    let refused = ack(4).with_reason(ReasonCode::QUOTA_EXCEEDED);
    let _ = give(&mut link, Packet::PubAck(refused));
    assert_eq!(link.capacity(), 1);
}

#[test]
fn a_peer_may_count_the_pubcomp_of_a_pubrel_that_it_has_sent_again() {
    let limits = [maximum(2), Property::SessionExpiryInterval(60)];
    let connect = Connect { properties: Properties::new(&limits), ..hello(Version::V5) };
    let mut session = session();
    let (mut link, _) = client(&mut session, &connect, ConnAck::new(ReasonCode::SUCCESS));
    let first = take(&mut link, message(QoS::ExactlyOnce, 1)).unwrap();
    link.accept(first, ReasonCode::SUCCESS).unwrap();
    assert_eq!(out(&mut link), ["PUBREC 1"]);
    drop(link);
    let present = ConnAck { session_present: true, ..ConnAck::new(ReasonCode::SUCCESS) };
    let (mut link, _) = client(&mut session, &connect, present);
    assert_eq!(give(&mut link, Packet::PubRel(ack(1))), ["PUBCOMP 1"]);
    let _receipts = [2, 3, 4].map(|n| take(&mut link, message(QoS::AtLeastOnce, n)).unwrap());
    assert_eq!(refuse(&mut link, message(QoS::AtLeastOnce, 5)).0, "U-3.3.4");
}

#[test]
fn more_than_was_announced_is_taken_when_it_is_tolerated() {
    let limits = [maximum(2)];
    let connect = Connect { properties: Properties::new(&limits), ..hello(Version::V5) };
    let mut session = session();
    let (mut link, _) = client(&mut session, &connect, ConnAck::new(ReasonCode::SUCCESS));
    link.tolerate_received(3);
    let _receipts = [2, 3, 4].map(|n| take(&mut link, message(QoS::AtLeastOnce, n)).unwrap());
    assert_eq!(refuse(&mut link, message(QoS::AtLeastOnce, 5)).0, "U-3.3.4");
}

#[test]
fn what_is_sent_again_waits_for_the_quota_and_pubrel_does_not() {
    for is_client in [true, false] {
        let mut session = session();
        let (mut link, _) = client(&mut session, &hello(Version::V5), ConnAck::new(ReasonCode::SUCCESS));
        for key in [1, 2, 3, 4] {
            publish(&mut link, QoS::ExactlyOnce, key);
        }
        for n in [1, 2] {
            let _ = give(&mut link, Packet::PubRec(ack(n)));
        }
        drop(link);
        // Two PUBRELs at once, but one message.
        let expected = ["PUBREL 1", "PUBREL 2", "PUBLISH 3 key 3 QoS 2 DUP"];
        if is_client {
            let limits = [maximum(1)];
            let connack = ConnAck { session_present: true, ..with(&limits) };
            let (mut link, lines) = client(&mut session, &hello(Version::V5), connack);
            assert_eq!(lines[1..], expected);
            // Their PUBCOMPs give back what they never took.
            assert_eq!(give(&mut link, Packet::PubComp(ack(1))).len(), 1);
            assert_eq!(link.publish(&Publish::new(topic(), b"on"), QoS::AtLeastOnce, 9), Err(Refusal::Quota));
            assert_eq!(give(&mut link, Packet::PubRec(ack(3))), ["PUBREL 3"]);
            assert_eq!(give(&mut link, Packet::PubComp(ack(3)))[1..], ["PUBLISH 4 key 4 QoS 2 DUP"]);
        } else {
            let limits = [maximum(1), SMALL[1]];
            let (_, lines) = server(&mut session, &asking(&limits), &welcome(Version::V5, false));
            assert_eq!(lines[1..], expected);
        }
    }
}

#[test]
fn more_messages_than_announced_are_a_violation() {
    let mut session = session();
    let (mut link, _) = server_of(&mut session, Version::V5);
    let receipts: Vec<_> = (1..4).map(|n| take(&mut link, message(QoS::ExactlyOnce, n)).unwrap()).collect();
    for receipt in receipts {
        link.accept(receipt, ReasonCode::SUCCESS).unwrap();
    }
    assert_eq!(out(&mut link).len(), 3);
    // One is complete, so there may be another one.
    let _ = give(&mut link, Packet::PubRel(ack(2)));
    assert!(take(&mut link, message(QoS::AtLeastOnce, 2)).is_some());
    let (_, lines) = refuse(&mut link, message(QoS::AtLeastOnce, 9));
    assert_eq!(lines, ["DISCONNECT 0x93", "close 0x93"]);
}

#[test]
fn a_place_is_free_before_the_peer_can_know() {
    let mut session = session();
    let (mut link, _) = server_of(&mut session, Version::V5);
    let mut receipts: Vec<_> = [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce]
        .into_iter()
        .zip(1..)
        .map(|(qos, n)| take(&mut link, message(qos, n)))
        .collect();
    let mut answer = |link: &mut Link<'_, _, Slots>, n: usize, code| {
        link.accept(receipts[n].take().unwrap(), code).unwrap();
        out(link)
    };
    // PUBACK, a PUBREC that refuses, PUBREL: after each there may be one more.
    assert_eq!(answer(&mut link, 0, ReasonCode::SUCCESS), ["PUBACK 1"]);
    assert!(take(&mut link, message(QoS::AtLeastOnce, 4)).is_some());
    assert_eq!(answer(&mut link, 1, ReasonCode::QUOTA_EXCEEDED), ["PUBREC 2 0x97"]);
    assert!(take(&mut link, message(QoS::AtLeastOnce, 5)).is_some());
    assert_eq!(answer(&mut link, 2, ReasonCode::SUCCESS), ["PUBREC 3"]);
    assert_eq!(link.handle(Packet::PubRel(ack(3)), 0), Ok(Input::Nothing));
    assert!(take(&mut link, message(QoS::AtLeastOnce, 6)).is_some());
    // And no more than that.
    assert_eq!(out(&mut link), ["PUBCOMP 3"]);
    assert_eq!(refuse(&mut link, message(QoS::AtLeastOnce, 7)).0, "U-3.3.4");
}

#[test]
fn a_client_of_3_1_1_that_sends_more_than_there_are_slots_for_is_cut_off() {
    let mut session = session();
    let (mut link, _) = server_of(&mut session, Version::V311);
    for n in 1..4 {
        let _ = take(&mut link, message(QoS::AtLeastOnce, n)).unwrap();
    }
    assert_eq!(refuse(&mut link, message(QoS::AtLeastOnce, 4)).1, ["close 0x97"]);
}

#[test]
fn no_more_is_announced_than_there_are_slots_for() {
    let mut session = session();
    assert_eq!((session.receive_maximum(), session.topic_alias_maximum()), (3, 2));
    let mut link = dial(&mut session, Version::V5);
    let refused = |code| Some(Refusal::Announced(code));
    for (limits, code) in [
        (&[][..], ReasonCode::RECEIVE_MAXIMUM_EXCEEDED),
        (&[maximum(4)], ReasonCode::RECEIVE_MAXIMUM_EXCEEDED),
        (&[maximum(3), Property::TopicAliasMaximum(3)], ReasonCode::TOPIC_ALIAS_INVALID),
    ] {
        assert_eq!(link.connect(&asking(limits), 0).err(), refused(code));
    }
    assert!(link.connect(&asking(&[maximum(3), Property::TopicAliasMaximum(2)]), 0).is_ok());
    drop(link);
    let mut link = answer(&mut session, &hello(Version::V5));
    assert_eq!(link.connack(&with(&[]), 0).err(), refused(ReasonCode::RECEIVE_MAXIMUM_EXCEEDED));
    assert!(link.connack(&with(&[maximum(3)]), 0).is_ok());
}

fn aliased(alias: u16, topic: Option<&'static str>) -> Packet<'static> {
    const ALIASES: [&[Property<'static>]; 4] = [
        &[],
        &[Property::TopicAlias(NonZeroU16::new(1).unwrap())],
        &[Property::TopicAlias(NonZeroU16::new(2).unwrap())],
        &[Property::TopicAlias(NonZeroU16::new(3).unwrap())],
    ];
    Publish {
        topic: topic.map(|topic| mqtt_wire::TopicName::new(topic).unwrap()),
        properties: Properties::new(ALIASES[usize::from(alias)]),
        ..Publish::new(crate::side::topic(), b"on")
    }
    .into()
}

fn topic_of(link: &mut Link<'_, impl mqtt_session::Role, Slots>, packet: Packet<'static>) -> String {
    match link.handle(packet, 0) {
        Ok(Input::Message(message, None)) => message.topic.unwrap().as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_alias_up_to_the_maximum_is_resolved_and_no_other() {
    let announced = [maximum(3), Property::TopicAliasMaximum(2)];
    let mut session = session();
    macro_rules! check {
        ($link:expr) => {{
            let link = $link;
            assert_eq!(topic_of(link, aliased(1, Some("x"))), "x");
            assert_eq!(topic_of(link, aliased(2, Some("y"))), "y");
            assert_eq!(topic_of(link, aliased(1, None)), "x");
            assert_eq!(topic_of(link, aliased(1, Some("z"))), "z");
            assert_eq!(
                (topic_of(link, aliased(1, None)), topic_of(link, aliased(2, None))),
                ("z".into(), "y".into())
            );
        }};
    }
    let (mut link, _) = client(&mut session, &asking(&announced), welcome(Version::V5, false));
    check!(&mut link);
    assert_eq!(refuse(&mut link, aliased(3, Some("x"))).1, ["DISCONNECT 0x94", "close 0x94"]);
    drop(link);
    let (mut link, _) = server(&mut session, &hello(Version::V5), &with(&announced));
    check!(&mut link);
    assert_eq!(refuse(&mut link, aliased(3, None)).1[0], "DISCONNECT 0x94");
    drop(link);
    // They end with the connection.
    let (mut link, _) = server(&mut session, &hello(Version::V5), &with(&announced));
    assert_eq!(refuse(&mut link, aliased(1, None)).1[0], "DISCONNECT 0x82");
    drop(link);
    // Without a maximum there is none, and a name that is too long ends the connection when it is used.
    let (mut link, _) = server(&mut session, &hello(Version::V5), &with(&announced[..1]));
    assert_eq!(refuse(&mut link, aliased(1, Some("x"))).1[0], "DISCONNECT 0x94");
    drop(link);
    let (mut link, _) = server(&mut session, &hello(Version::V5), &with(&announced));
    assert_eq!(topic_of(&mut link, aliased(1, Some("longer than eight"))), "longer than eight");
    assert_eq!(refuse(&mut link, aliased(1, None)).1[0], "DISCONNECT 0x97");
}

/// A message to a topic.
fn to<R: mqtt_session::Role>(link: &mut Link<'_, R, Slots>, topic: &'static str) -> String {
    let topic = mqtt_wire::TopicName::new(topic).unwrap();
    link.publish(&Publish::new(topic, b"on"), QoS::AtMostOnce, 0).unwrap();
    out(link).join("")
}

#[test]
fn own_aliases_stay_within_the_maximum_and_go_to_the_topics_used_last() {
    for (announced, used) in [(None, 0), (Some(0), 0), (Some(1), 1), (Some(2), 2), (Some(9), 2)] {
        let mut limits = vec![maximum(3)];
        limits.extend(announced.map(Property::TopicAliasMaximum));
        let mut session = session();
        macro_rules! check {
            ($link:ident) => {
                let lines: Vec<String> =
                    ["t/1", "t/2", "t/1", "t/3", "t/1"].map(|topic| to(&mut $link, topic)).into();
                let expected: [&str; 5] = match used {
                    0 => [""; 5],
                    1 => [" alias 1 new"; 5],
                    _ => [" alias 1 new", " alias 2 new", " alias 1", " alias 2 new", " alias 1"],
                };
                assert_eq!(lines, expected.map(|alias| format!("PUBLISH key 0 QoS 0{alias}")));
            };
        }
        let (mut link, _) = client(&mut session, &hello(Version::V5), with(&limits));
        check!(link);
        drop(link);
        let mut session = crate::side::session();
        let (mut link, _) = server(&mut session, &asking(&limits), &welcome(Version::V5, false));
        check!(link);
    }
}

#[test]
fn what_is_sent_again_has_no_alias() {
    let limits = [maximum(3), Property::TopicAliasMaximum(2)];
    let mut session = session();
    let (mut link, _) = client(&mut session, &hello(Version::V5), with(&limits));
    assert_eq!(publish(&mut link, QoS::AtLeastOnce, 1), ["PUBLISH 1 key 1 QoS 1 alias 1 new"]);
    assert_eq!(publish(&mut link, QoS::AtLeastOnce, 2), ["PUBLISH 2 key 2 QoS 1 alias 1"]);
    drop(link);
    let mut connack = with(&limits);
    connack.session_present = true;
    let (mut link, lines) = client(&mut session, &hello(Version::V5), connack);
    assert_eq!(lines[1..], ["PUBLISH 1 key 1 QoS 1 DUP", "PUBLISH 2 key 2 QoS 1 DUP"]);
    assert_eq!(publish(&mut link, QoS::AtLeastOnce, 3), ["PUBLISH 3 key 3 QoS 1 alias 1 new"]);
}

#[test]
fn no_alias_is_used_before_the_message_that_establishes_it() {
    let limits = [maximum(3), Property::TopicAliasMaximum(1)];
    let mut session = session();
    let (mut link, _) = client(&mut session, &hello(Version::V5), with(&limits));
    let one = Publish::new(topic_name!("one"), b"1");
    let two = Publish::new(topic_name!("two"), b"2");
    // Both are taken before any output is done. The one of QoS 0 goes first, so it cannot use the alias of the other.
    link.publish(&one, QoS::AtLeastOnce, 1).unwrap();
    link.publish(&one, QoS::AtMostOnce, 2).unwrap();
    assert_eq!(out(&mut link), ["PUBLISH key 2 QoS 0", "PUBLISH 1 key 1 QoS 1 alias 1 new"]);
    // The alias is another topic's only when the message that uses it has gone.
    link.publish(&one, QoS::AtLeastOnce, 3).unwrap();
    link.publish(&two, QoS::AtMostOnce, 4).unwrap();
    assert_eq!(out(&mut link), ["PUBLISH key 4 QoS 0", "PUBLISH 2 key 3 QoS 1 alias 1"]);
    // The other way round nothing is overtaken.
    link.publish(&two, QoS::AtMostOnce, 5).unwrap();
    link.publish(&two, QoS::AtLeastOnce, 6).unwrap();
    assert_eq!(out(&mut link), ["PUBLISH key 5 QoS 0 alias 1 new", "PUBLISH 3 key 6 QoS 1 alias 1"]);
}

#[test]
fn what_was_taken_and_not_stored_on_an_earlier_connection_keeps_to_the_limits_of_the_new_one() {
    let limits = [maximum(3), Property::TopicAliasMaximum(2)];
    let mut session = session();
    let (mut link, _) = client(&mut session, &hello(Version::V5), with(&limits));
    assert_eq!(to(&mut link, "t/1"), "PUBLISH key 0 QoS 0 alias 1 new");
    let message = Publish::new(topic_name!("t/1"), b"on");
    link.publish(&message, QoS::AtLeastOnce, 1).unwrap();
    drop(link);
    // No output was done, and the alias is gone with its connection.
    let connack = ConnAck { session_present: true, ..with(&limits) };
    let (mut link, lines) = client(&mut session, &hello(Version::V5), connack);
    assert_eq!(lines[1..], ["PUBLISH 1 key 1 QoS 1"]);
    link.publish(&message, QoS::ExactlyOnce, 2).unwrap();
    drop(link);
    // A message that is too large for the new connection comes back as if it had been stored.
    let limits = [maximum(3), size(11)];
    let connack = ConnAck { session_present: true, ..with(&limits) };
    let (mut link, lines) = client(&mut session, &hello(Version::V5), connack);
    let too_large = mqtt_session::Outcome::Undelivered(ReasonCode::PACKET_TOO_LARGE);
    assert_eq!(lines[1..], [format!("done 1 {too_large:?}"), "PUBREL 2".into()]);
    assert_eq!(give(&mut link, Packet::PubComp(ack(2))), [format!("done 2 {too_large:?}")]);
}

#[test]
fn no_packet_exceeds_the_peers_maximum_packet_size() {
    // PUBLISH: 2 + 5 + 1 + 2 bytes at QoS 0, two more at QoS 1.
    for (limit, qos_0, qos_1) in [(9, false, false), (10, true, false), (11, true, false), (12, true, true)] {
        let mut session = session();
        let limits = [maximum(3), size(limit)];
        macro_rules! check {
            ($link:ident) => {
                let message = Publish::new(topic(), b"on");
                let tried = |done: bool| if done { Ok(()) } else { Err(Refusal::TooLarge) };
                assert_eq!($link.publish(&message, QoS::AtMostOnce, 1), tried(qos_0), "{limit}");
                assert_eq!($link.publish(&message, QoS::AtLeastOnce, 1), tried(qos_1), "{limit}");
            };
        }
        let (mut link, _) = client(&mut session, &hello(Version::V5), with(&limits));
        check!(link);
        let filters = [topic_filter!("a/long/topic/filter")];
        let unsubscribe = Unsubscribe::new(id(1), &filters);
        assert!(matches!(link.unsubscribe(&unsubscribe, 0), Err(Refusal::TooLarge)));
        drop(link);
        // With a CONNACK that is small enough.
        let mut session = mqtt_session::Session::new(mqtt_session::Growing::<u16>::default());
        let mut link = session.server(mqtt_wire::Connection::server(), &asking(&limits), 0);
        let options = link.connection().encode_options();
        let mut room = [0; 64];
        link.connack(&ConnAck::new(ReasonCode::SUCCESS), 0).unwrap().for_each(|output| {
            if let mqtt_session::Output::Send(packet) = output {
                packet.encode(options, &mut room).unwrap();
            }
        });
        check!(link);
    }
}

#[test]
fn the_size_that_is_stored_is_that_of_the_packet_in_v5() {
    let bytes = vec![0; 2_097_300];
    for version in [Version::V311, Version::V5] {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let around = |len: usize| len - 100..len + 100;
            for len in (0..200).chain(around(16_384)).chain(around(2_097_152)) {
                let mut session = session();
                let (mut link, _) = client(&mut session, &hello(version), welcome(version, false));
                let message = Publish::new(topic(), &bytes[..len]);
                link.publish(&message, qos, 1).unwrap();
                let Some(Output::Store(Record::Sent { size, .. })) = link.next(0) else { panic!() };
                assert_eq!(
                    size as usize,
                    message.encoded_len(qos, Version::V5).unwrap(),
                    "{version} {qos:?} {len}"
                );
            }
        }
    }
}

#[test]
fn a_message_of_an_older_version_is_measured_by_the_new_one() {
    // In 3.1.1 it takes nine bytes, in 5.0 ten.
    for (limit, expected) in
        [(10, "PUBLISH 1 key 1 QoS 1 DUP"), (9, "done 1 Undelivered(ReasonCode(0x95 Packet too large))")]
    {
        let mut session = session();
        let (mut link, _) = client(&mut session, &hello(Version::V311), welcome(Version::V311, false));
        link.publish(&Publish::new(topic_name!("t"), b"on"), QoS::AtLeastOnce, 1).unwrap();
        out(&mut link);
        drop(link);
        let connack = ConnAck { session_present: true, ..with(&[]) };
        let limits = [size(limit)];
        let connack = ConnAck { properties: Properties::new(&limits), ..connack };
        let (_, lines) = client(&mut session, &Connect { clean_start: false, ..hello(Version::V5) }, connack);
        assert!(lines.iter().any(|line| line == expected), "{limit}: {lines:?}");
    }
}

#[test]
fn an_alias_does_not_make_a_message_too_large() {
    let limits = [maximum(3), size(14), Property::TopicAliasMaximum(2)];
    let mut session = session();
    let (mut link, _) = client(&mut session, &hello(Version::V5), with(&limits));
    // Ten bytes: with an alias it would take 13, and the estimate is careful.
    assert_eq!(publish(&mut link, QoS::AtMostOnce, 1), ["PUBLISH key 1 QoS 0"]);
}

/// In the place of a short name an alias makes a packet longer, too, where a length comes to take one byte more.
#[test]
fn an_alias_that_is_there_does_not_make_a_message_too_large() {
    let text = "v".repeat(130);
    for (topic, value, payload) in ["t/1", "t/12", "t/123", "t/1234"]
        .into_iter()
        .flat_map(|topic| (110..130).map(move |value| (topic, value)))
        .flat_map(|(topic, value)| [0, 1, 2, 3].map(|payload| (topic, value, payload)))
    {
        let topic = mqtt_wire::TopicName::new(topic).unwrap();
        let long = [Property::UserProperty(("k", text.get(..value).unwrap()))];
        let long = Publish { properties: Properties::new(&long), ..Publish::new(topic, &[0; 3][..payload]) };
        let most = u32::try_from(long.encoded_len(QoS::AtMostOnce, Version::V5).unwrap()).unwrap();
        let limits = [maximum(3), size(most), Property::TopicAliasMaximum(2)];
        let mut session = session();
        let (mut link, _) = client(&mut session, &hello(Version::V5), with(&limits));
        link.publish(&Publish::new(topic, b"on"), QoS::AtMostOnce, 0).unwrap();
        assert_eq!(out(&mut link), ["PUBLISH key 0 QoS 0 alias 1 new"]);
        link.publish(&long, QoS::AtMostOnce, 1).unwrap();
        let Some(Output::Publish(publication)) = link.next(0) else { panic!("it goes out") };
        let alias = publication.alias.map(|alias| Property::TopicAlias(alias.number));
        let with_alias = long.properties.with(alias.as_slice());
        let sent = Publish { properties: (&with_alias).into(), ..publication.of(long) };
        let options = link.connection().encode_options();
        assert!(Packet::from(sent).encoded_len(options).is_ok(), "{topic}: {value} and {payload} bytes");
    }
}

#[test]
fn reason_string_and_user_properties_are_left_out_before_a_packet_is_too_large() {
    let text = "a reason of forty characters and no more";
    let all = [Property::ReasonString(text), Property::UserProperty(("key", text))];
    let ids = |packet: Packet<'_>| match packet {
        Packet::ConnAck(p) => p.properties.ids(),
        Packet::SubAck(p) => p.properties.ids(),
        Packet::UnsubAck(p) => p.properties.ids(),
        Packet::Disconnect(p) => p.properties.ids(),
        Packet::Auth(p) => p.properties.ids(),
        other => panic!("{other}"),
    };
    macro_rules! sent {
        ($outputs:expr) => {{
            let mut sent = None;
            $outputs.for_each(|output| {
                if let mqtt_session::Output::Send(packet) = output {
                    sent.get_or_insert(ids(packet));
                }
            });
            sent
        }};
    }
    for (limit, reason, user) in [(200, true, true), (80, false, true), (40, false, false)] {
        let limits = [maximum(3), SMALL[1], size(limit), Property::AuthenticationMethod("m")];
        let mut session = session();
        let mut link = answer(&mut session, &asking(&limits));
        let has = |ids: mqtt_wire::PropertySet| {
            (ids.contains(PropertyId::ReasonString), ids.contains(PropertyId::UserProperty))
        };
        let method = Property::AuthenticationMethod("m");
        let auth = [method, all[0], all[1]];
        let auth = Auth::new(ReasonCode::CONTINUE_AUTHENTICATION, Properties::new(&auth));
        assert_eq!(sent!(link.auth(&auth, 0).unwrap()).map(has), Some((reason, user)));
        let connack = [maximum(3), method, all[0], all[1]];
        let outputs = link.connack(&with(&connack), 0).unwrap();
        assert_eq!(sent!(outputs).map(has), Some((reason, user)));
        let subscriptions = [Subscription::new(topic_filter!("a"), QoS::ExactlyOnce)];
        let Ok(Input::Subscribe(_, reply)) = link.handle(Subscribe::new(id(1), &subscriptions).into(), 0)
        else {
            panic!()
        };
        let outputs = link.reply(reply, &[ReasonCode::SUCCESS], Properties::new(&all), 0).unwrap();
        assert_eq!(sent!(outputs).map(has), Some((reason, user)));
        let filters = [topic_filter!("a")];
        let Ok(Input::Unsubscribe(_, reply)) = link.handle(Unsubscribe::new(id(1), &filters).into(), 0)
        else {
            panic!()
        };
        let outputs = link.reply(reply, &[ReasonCode::SUCCESS], Properties::new(&all), 0).unwrap();
        assert_eq!(sent!(outputs).map(has), Some((reason, user)));
        let mut goodbye = Disconnect::new(ReasonCode::SERVER_BUSY);
        goodbye.properties = Properties::new(&all);
        assert_eq!(sent!(link.disconnect(&goodbye, 0).unwrap()).map(has), Some((reason, user)));
        drop(link);
        // A client, too.
        let mut session = crate::side::session();
        let (mut link, _) = client(&mut session, &hello(Version::V5), with(&[maximum(3), size(limit)]));
        let mut goodbye = Disconnect::new(ReasonCode::SUCCESS);
        goodbye.properties = Properties::new(&all);
        assert_eq!(sent!(link.disconnect(&goodbye, 0).unwrap()).map(has), Some((reason, user)));
    }
}

#[test]
fn acknowledgements_carry_no_reason_string_and_no_user_properties() {
    let mut session = session();
    let (mut link, _) = client_of(&mut session, Version::V5);
    let mut acknowledgements = 0;
    let mut see = |link: &mut Link<'_, Client, Slots>| {
        link.outputs(0).for_each(|output| {
            if let mqtt_session::Output::Send(
                Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack),
            ) = output
            {
                assert!(ack.properties.is_empty());
                acknowledgements += 1;
            }
        });
    };
    let receipt = take(&mut link, message(QoS::AtLeastOnce, 1)).unwrap();
    link.accept(receipt, ReasonCode::NOT_AUTHORIZED).unwrap();
    see(&mut link);
    let receipt = take(&mut link, message(QoS::ExactlyOnce, 1)).unwrap();
    link.accept(receipt, ReasonCode::NOT_AUTHORIZED).unwrap();
    see(&mut link);
    let _ = link.handle(Packet::PubRel(ack(9)), 0).unwrap();
    let _ = link.handle(Packet::PubRec(ack(9)), 0).unwrap();
    see(&mut link);
    assert_eq!(acknowledgements, 4);
}

#[test]
fn a_peer_that_takes_no_acknowledgement_is_left() {
    let mut session = session();
    let (mut link, _) = client(&mut session, &hello(Version::V5), with(&[maximum(3), size(3)]));
    let receipt = take(&mut link, message(QoS::AtLeastOnce, 1)).unwrap();
    link.accept(receipt, ReasonCode::SUCCESS).unwrap();
    assert_eq!(out(&mut link), ["DISCONNECT 0x95", "close 0x95"]);
}

#[test]
fn a_server_that_takes_no_pingreq_is_left() {
    let connect = Connect { keep_alive: 10, ..hello(Version::V5) };
    for (limit, closes) in [(1, true), (2, false)] {
        let mut session = session();
        let (mut link, _) = client(&mut session, &connect, with(&[size(limit)]));
        let deadline = link.deadline().unwrap();
        let elapsed = link.elapsed(deadline).map_err(|violation| violation.rule);
        assert_eq!(elapsed, if closes { Err(SessionRule::PacketTooSmall) } else { Ok(()) });
        assert_eq!(out(&mut link), [if closes { "close 0x95" } else { "PINGREQ" }]);
    }
}

#[test]
fn problem_information_is_only_for_a_client_that_wants_it() {
    for wants in [false, true] {
        let limits = [maximum(3), SMALL[1], Property::RequestProblemInformation(wants)];
        let mut session = session();
        let (mut link, _) = server(&mut session, &asking(&limits), &welcome(Version::V5, false));
        let subscriptions = [Subscription::new(topic_filter!("a"), QoS::ExactlyOnce)];
        let Ok(Input::Subscribe(_, reply)) = link.handle(Subscribe::new(id(1), &subscriptions).into(), 0)
        else {
            panic!()
        };
        let why = [Property::ReasonString("why"), Property::UserProperty(("a", "b"))];
        let outputs = link.reply(reply, &[ReasonCode::SUCCESS], Properties::new(&why), 0).unwrap();
        outputs.for_each(|output| {
            if let mqtt_session::Output::Send(Packet::SubAck(ack)) = output {
                assert_eq!(ack.properties.is_empty(), !wants);
            }
        });
    }
}

const WILD: [Subscription<'static>; 1] = [Subscription::new(topic_filter!("a/#"), QoS::AtMostOnce)];

#[test]
fn a_client_keeps_to_what_the_server_supports() {
    let limits = [
        maximum(3),
        Property::MaximumQoS(MaximumQoS::AtLeastOnce),
        Property::RetainAvailable(false),
        Property::WildcardSubscriptionAvailable(false),
        Property::SharedSubscriptionAvailable(false),
        Property::SubscriptionIdentifierAvailable(false),
    ];
    let mut session = session();
    let (mut link, _) = client(&mut session, &hello(Version::V5), with(&limits));
    let message = Publish::new(topic(), b"on");
    let retained = Publish { retain: true, ..message };
    let not = |code| Err(Refusal::NotSupported(code));
    assert_eq!(link.publish(&message, QoS::ExactlyOnce, 1), not(ReasonCode::QOS_NOT_SUPPORTED));
    assert_eq!(link.publish(&retained, QoS::AtMostOnce, 1), not(ReasonCode::RETAIN_NOT_SUPPORTED));
    assert_eq!(link.publish(&message, QoS::AtLeastOnce, 1), Ok(()));
    assert_eq!(link.maximum_qos(), QoS::AtLeastOnce);
    let identifier = [Property::SubscriptionIdentifier(SubscriptionId::new(1).unwrap())];
    for (filter, identifier, code) in [
        (topic_filter!("a/+"), &[][..], ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED),
        (topic_filter!("$share/g/a"), &[], ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED),
        (topic_filter!("a"), &identifier, ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED),
    ] {
        let subscriptions = [Subscription::new(filter, QoS::ExactlyOnce)];
        let mut subscribe = Subscribe::new(id(1), &subscriptions);
        subscribe.properties = Properties::new(identifier);
        assert_eq!(link.subscribe(&subscribe, 0).err(), Some(Refusal::NotSupported(code)));
    }
    let subscriptions = [Subscription::new(topic_filter!("a"), QoS::ExactlyOnce)];
    assert!(link.subscribe(&Subscribe::new(id(1), &subscriptions), 0).is_ok());
    drop(link);
    // A server does not let a client that does not.
    let mut session = crate::side::session();
    for (packet, code) in [
        (crate::side::message(QoS::ExactlyOnce, 1), "0x9b"),
        (Publish { retain: true, ..Publish::new(topic_name!("a"), b"") }.into(), "0x9a"),
    ] {
        let (mut link, _) = server(&mut session, &hello(Version::V5), &with(&limits));
        assert_eq!(refuse(&mut link, packet).1, [format!("DISCONNECT {code}"), format!("close {code}")]);
    }
    let (mut link, _) = server(&mut session, &hello(Version::V5), &with(&limits));
    assert_eq!(refuse(&mut link, Subscribe::new(id(1), &WILD)).1[0], "DISCONNECT 0xa2");
}

#[test]
fn a_kept_message_that_the_new_connection_cannot_carry_comes_back_while_the_rest_is_sent() {
    for (limit, code, lost) in [
        (size(12), ReasonCode::PACKET_TOO_LARGE, [false, false, true]),
        (Property::MaximumQoS(MaximumQoS::AtLeastOnce), ReasonCode::QOS_NOT_SUPPORTED, [false, true, false]),
        (Property::RetainAvailable(false), ReasonCode::RETAIN_NOT_SUPPORTED, [true, false, false]),
    ] {
        let mut session = session();
        let (mut link, _) = client_of(&mut session, Version::V5);
        let retained = Publish { retain: true, ..Publish::new(topic(), b"on") };
        link.publish(&retained, QoS::AtLeastOnce, 1).unwrap();
        link.publish(&Publish::new(topic(), b"on"), QoS::ExactlyOnce, 2).unwrap_or_default();
        let _ = out(&mut link);
        if link.session().in_flight() == 1 {
            link.publish(&Publish::new(topic(), b"on"), QoS::ExactlyOnce, 2).unwrap();
        }
        let _ = out(&mut link);
        link.publish(&Publish::new(topic(), b"longer"), QoS::AtLeastOnce, 3).unwrap();
        let _ = out(&mut link);
        drop(link);
        let mut connack = with(std::slice::from_ref(&limit));
        connack.session_present = true;
        let (mut link, mut lines) = client(&mut session, &hello(Version::V5), connack);
        let undelivered = |key| format!("done {key} Undelivered({code:?})");
        for (key, lost) in (1..).zip(lost) {
            let sent = lines.iter().any(|line| line.contains(&format!("key {key} ")));
            assert_eq!(sent, !lost, "{code}: {lines:?}");
        }
        if lost[1] {
            // The identifier of QoS 2 is not free before the peer knows.
            assert!(lines.contains(&"PUBREL 2".to_owned()) && !lines.contains(&undelivered(2)), "{lines:?}");
            lines.extend(give(
                &mut link,
                Packet::PubComp(ack(2).with_reason(ReasonCode::PACKET_IDENTIFIER_NOT_FOUND)),
            ));
        }
        let key = lost.iter().position(|lost| *lost).unwrap() + 1;
        assert!(lines.contains(&undelivered(key)), "{lines:?}");
    }
}
