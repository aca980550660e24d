//! Properties that were received in one packet and are written in another: for every two places, every sender of either
//! and every property the same comes of it, bytes or error, as of the same properties in a list.
#![cfg(feature = "alloc")]

#[path = "common/bounds.rs"]
#[allow(dead_code, reason = "round_trip.rs walks through all of them")]
mod bounds;
#[path = "common/notation.rs"]
#[allow(dead_code, reason = "frames are made of packets here")]
mod notation;
#[path = "common/strategy.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod strategy;
#[path = "common/tables.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod tables;

use mqtt_wire::{
    Ack, Auth, ConnAck, Connect, DecodeOptions, Disconnect, EncodeError, EncodeOptions, Packet, PacketId,
    PacketType, Properties, Property, PropertySet, Publish, QoS, ReasonCode, Sender, SubAck, Subscribe,
    Subscription, Tolerance, TopicFilter, UnsubAck, Unsubscribe, Version, Will, decode_exact, topic_filter,
    topic_name,
};
use strategy::{Owned, Value};
use tables::{PROPERTIES, Place, PropertyRow, may_carry, may_send};

const SENDERS: [Option<Sender>; 3] = [None, Some(Sender::Client), Some(Sender::Server)];
const FILTER: TopicFilter<'static> = topic_filter!("a");

/// The thirteen packets that have properties, and the will.
fn places() -> Vec<Place> {
    let with_properties = |packet: &PacketType| !matches!(packet, PacketType::PingReq | PacketType::PingResp);
    PacketType::ALL.into_iter().filter(with_properties).map(Place::In).chain([Place::Will]).collect()
}

/// Hands over the packet of that place with these properties, as plain as may be.
fn with<R>(place: Place, properties: Properties<'_>, look: impl FnOnce(&Packet<'_>) -> R) -> R {
    let (id, codes, filters) = (PacketId::MIN, [ReasonCode::SUCCESS], [FILTER]);
    let subscriptions = [Subscription::new(FILTER, QoS::AtMostOnce)];
    let connect = Connect::new(Version::V5, "a");
    let ack = Ack { packet_id: id, reason_code: ReasonCode::SUCCESS, properties };
    let will = Will { properties, ..Will::new(topic_name!("w"), b"") };
    look(&match place {
        Place::Will => Connect { will: Some((&will).into()), ..connect }.into(),
        Place::In(PacketType::Connect) => Connect { properties, ..connect }.into(),
        Place::In(PacketType::ConnAck) => ConnAck { properties, ..ConnAck::new(ReasonCode::SUCCESS) }.into(),
        Place::In(PacketType::Publish) => {
            Publish { properties, ..Publish::new(topic_name!("a"), b"x") }.into()
        }
        Place::In(PacketType::PubAck) => Packet::PubAck(ack),
        Place::In(PacketType::PubRec) => Packet::PubRec(ack),
        Place::In(PacketType::PubRel) => Packet::PubRel(ack),
        Place::In(PacketType::PubComp) => Packet::PubComp(ack),
        Place::In(PacketType::Subscribe) => {
            Subscribe { properties, ..Subscribe::new(id, &subscriptions) }.into()
        }
        Place::In(PacketType::SubAck) => SubAck { properties, ..SubAck::new(id, &codes) }.into(),
        Place::In(PacketType::Unsubscribe) => {
            Unsubscribe { properties, ..Unsubscribe::new(id, &filters) }.into()
        }
        Place::In(PacketType::UnsubAck) => UnsubAck { properties, ..UnsubAck::new(id, &codes) }.into(),
        Place::In(PacketType::Disconnect) => {
            Disconnect { properties, ..Disconnect::new(ReasonCode::SUCCESS) }.into()
        }
        Place::In(PacketType::Auth) => Auth::new(ReasonCode::CONTINUE_AUTHENTICATION, properties).into(),
        Place::In(PacketType::PingReq | PacketType::PingResp) => panic!("no properties"),
    })
}

/// The properties of the packet of that place.
fn of<'a>(place: Place, packet: &Packet<'a>) -> Properties<'a> {
    match packet {
        Packet::Connect(body) if place == Place::Will => body.will.expect("a will").get().properties,
        Packet::Connect(body) => body.properties,
        Packet::ConnAck(body) => body.properties,
        Packet::Publish(body) => body.properties,
        Packet::PubAck(body) | Packet::PubRec(body) | Packet::PubRel(body) | Packet::PubComp(body) => {
            body.properties
        }
        Packet::Subscribe(body) => body.properties,
        Packet::SubAck(body) => body.properties,
        Packet::Unsubscribe(body) => body.properties,
        Packet::UnsubAck(body) => body.properties,
        Packet::Disconnect(body) => body.properties,
        Packet::Auth(body) => body.properties,
        Packet::PingReq | Packet::PingResp => panic!("no properties"),
    }
}

fn packet_of(place: Place) -> PacketType {
    match place {
        Place::Will => PacketType::Connect,
        Place::In(packet) => packet,
    }
}

fn encoded(packet: &Packet<'_>, options: EncodeOptions) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    let len = packet.encode(options, &mut out)?;
    assert_eq!(len, out.len());
    Ok(out)
}

fn encode_options(sender: Option<Sender>) -> EncodeOptions {
    let options = EncodeOptions::new(Version::V5);
    sender.map_or(options, |sender| options.with_sender(sender))
}

/// How the packets are written: for each side and for none, strictly, with what looks at every property, in 3.x.
fn ways_out() -> Vec<EncodeOptions> {
    let strict = EncodeOptions::new(Version::V5).with_strict_characters(true);
    let tolerant = EncodeOptions::new(Version::V5).with_tolerance(Tolerance::NonMinimalLengths);
    let by_sender = SENDERS.map(encode_options);
    [&by_sender[..], &[strict, tolerant, EncodeOptions::new(Version::V311)]].concat()
}

/// What can be received in that place from that side: each property alone (with the method that AUTH and data need), all
/// of them, two that repeat, blocks around the length that takes
/// another byte, a control character.
fn lists(place: Place, sender: Option<Sender>) -> Vec<Vec<Owned>> {
    let owned = |row: &PropertyRow| (row.id, bounds::plain_value(row));
    let method = || owned(PropertyRow::of(21).expect("a property"));
    let rows: Vec<&PropertyRow> = PROPERTIES.iter().filter(|row| row.allowed(place, sender)).collect();
    let needs_method = |id: u8| id != 21 && (place == Place::In(PacketType::Auth) || id == 22);
    let mut lists = vec![rows.iter().map(|row| owned(row)).collect::<Vec<_>>()];
    for row in &rows {
        let mut list = vec![owned(row)];
        if needs_method(row.id) {
            list.push(method());
        }
        if row.repeats(place) {
            let mut twice = list.clone();
            twice.push(owned(row));
            lists.push(twice);
        }
        lists.push(list);
    }
    // The last one has what strict options refuse.
    for text in [String::new(), "v".repeat(122), "v".repeat(123), "v".repeat(200), "\u{1}".to_owned()] {
        let pair = (38, Value::Pair(String::new(), text));
        lists.push(if needs_method(38) { vec![pair, method()] } else { vec![pair] });
    }
    lists
}

#[test]
fn received_properties_are_written_as_the_same_list() {
    let (mut written, mut refused) = (0, 0);
    for from in places() {
        for sender in SENDERS {
            let may_send = |one| may_send(packet_of(from), Version::V5, one);
            let carries = |one| {
                from != Place::In(PacketType::Auth)
                    || may_carry(PacketType::Auth, 0x18, Version::V5, Some(one))
            };
            if sender.is_some_and(|one| !may_send(one) || !carries(one)) {
                continue;
            }
            let decode = DecodeOptions::new(Version::V5);
            let decode = sender.map_or(decode, |sender| decode.with_sender(sender));
            for owned in lists(from, sender) {
                let list = strategy::properties(&owned);
                let wire =
                    with(from, Properties::new(&list), |packet| encoded(packet, encode_options(sender)))
                        .unwrap_or_else(|error| panic!("{from:?} {sender:?} {list:?}: {error}"));
                for decode in [decode, decode.with_tolerance(Tolerance::NonMinimalLengths)] {
                    let packet = decode_exact(&wire, decode).expect("a good packet");
                    let received = of(from, &packet);
                    assert!(received.as_wire().is_some_and(|wire| !wire.is_empty()), "as it was received");
                    for to in places() {
                        for options in ways_out() {
                            let (ours, theirs) = write(to, received, &list, options);
                            assert_eq!(ours, theirs, "{list:?} of {from:?} in {to:?} by {options:?}");
                            if ours.is_ok() { written += 1 } else { refused += 1 }
                        }
                    }
                }
            }
        }
    }
    assert!(written > 10_000 && refused > 10_000, "{written} {refused}");
}

/// Both ways of holding the properties, in a packet of that place.
fn write(
    to: Place,
    received: Properties<'_>,
    list: &[Property<'_>],
    options: EncodeOptions,
) -> (Result<Vec<u8>, EncodeError>, Result<Vec<u8>, EncodeError>) {
    let ours = with(to, received, |packet| encoded(packet, options));
    let theirs = with(to, Properties::new(list), |packet| encoded(packet, options));
    (ours, theirs)
}

/// The same with something hidden and something added on the way.
#[test]
fn edited_properties_are_written_as_the_same_list() {
    let added = [
        vec![Property::UserProperty(("via", "bridge"))],
        vec![Property::ReasonString("why")],
        vec![Property::MessageExpiryInterval(7)],
        vec![Property::SessionExpiryInterval(7), Property::UserProperty(("", "\u{1}"))],
        vec![Property::SubscriptionIdentifier(mqtt_wire::SubscriptionId::MAX)],
    ];
    let mut cases = 0;
    for from in places() {
        for owned in lists(from, None) {
            let list = strategy::properties(&owned);
            let wire =
                with(from, Properties::new(&list), |packet| encoded(packet, EncodeOptions::new(Version::V5)));
            let wire = wire.expect("a good packet");
            let packet = decode_exact(&wire, Version::V5).expect("a good packet");
            let received = of(from, &packet);
            let hidden =
                [PropertySet::EMPTY, list[0].id().into(), received.ids(), PropertySet::NOT_FORWARDED];
            for (hidden, added) in
                hidden.into_iter().flat_map(|hidden| added.iter().map(move |list| (hidden, list)))
            {
                let edits = received.edit(hidden, added);
                let mut expected = list.clone();
                expected.retain(|one| !hidden.contains(one.id()));
                expected.extend(added);
                for to in places() {
                    for options in ways_out() {
                        let (ours, theirs) = write(to, edits.as_properties(), &expected, options);
                        assert_eq!(ours, theirs, "{expected:?} of {from:?} in {to:?} by {options:?}");
                        cases += 1;
                    }
                }
            }
        }
    }
    assert!(cases > 10_000, "{cases}");
}

/// What came in a form longer than needed, and was let in, goes out in the shortest one: a Subscription Identifier, the
/// identifier of a property, the length of the block.
#[test]
fn tolerated_lengths_go_out_short() {
    let tolerant = DecodeOptions::new(Version::V5).with_tolerance(Tolerance::NonMinimalLengths);
    for (text, short) in [
        ("30 ('a' 83 00 0B 87 00 78)", "30 ('a' (0B 07) 78)"),
        ("30 ('a' (83 00 'c') 78)", "30 ('a' (03 'c') 78)"),
        ("30 ('a' 84 00 03 'c' 78)", "30 ('a' (03 'c') 78)"),
    ] {
        let wire = notation::bytes(text);
        let packet = decode_exact(&wire, tolerant).unwrap_or_else(|error| panic!("{text}: {error}"));
        let Packet::Publish(publish) = packet else { panic!("a PUBLISH") };
        let list: Vec<_> = publish.properties.iter().collect();
        for to in places() {
            for options in ways_out() {
                let (ours, theirs) = write(to, publish.properties, &list, options);
                assert_eq!(ours, theirs, "{text} in {to:?}");
            }
        }
        assert_eq!(encoded(&packet, EncodeOptions::new(Version::V5)), Ok(notation::bytes(short)), "{text}");
    }
}
