//! The small types: names, numbers, texts and conversions.
#![cfg(feature = "alloc")]

use std::collections::{BTreeSet, HashSet};
use std::fmt::Display;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::num::NonZeroU16;
use std::str::FromStr;
use std::time::Duration;

use mqtt_wire::{
    ConnAck, Connect, DecodeError, DecodeOptions, Delivery, EncodeErrorKind, EncodeOptions, List, MaximumQoS,
    Packet, PacketId, PacketType, Properties, Property, PropertyId, PropertySet, PropertyType, Publish, QoS,
    ReasonCode, RetainHandling, Rule, Sender, Subscribe, Subscription, SubscriptionId, SubscriptionOptions,
    Tolerance, UnknownName, UnsubAck, Version, Will, decode_exact, topic_filter, topic_name,
};

/// Shown as that, padded like a text or a number, and read from it.
fn named<T>(value: T, name: &str) -> T
where
    T: Display + FromStr<Err = UnknownName> + PartialEq + std::fmt::Debug,
{
    shown(&value, name);
    assert_eq!(name.parse(), Ok(value));
    name.parse().expect("a name")
}

fn shown(value: &impl Display, text: &str) {
    assert_eq!(value.to_string(), text);
    assert_eq!(format!("{value:>60}"), format!("{text:>60}"));
}

#[test]
fn versions() {
    let all = [(Version::V31, "3.1", 3), (Version::V311, "3.1.1", 4), (Version::V5, "5.0", 5)];
    for (version, name, level) in all {
        assert_eq!(named(version, name).get(), level);
        assert_eq!(version.protocol_name(), if version == Version::V31 { "MQIsdp" } else { "MQTT" });
    }
    assert_eq!(Version::ALL, all.map(|(version, ..)| version));
    assert_eq!("5".parse(), Ok(Version::V5));
    let error = Version::from_str("4").expect_err("no name");
    assert_eq!(error.to_string(), "expected 3.1, 3.1.1 or 5.0");
}

#[test]
fn senders() {
    named(Sender::Client, "client");
    named(Sender::Server, "server");
    assert_eq!(Sender::from_str("").expect_err("no name").to_string(), "expected client or server");
}

#[test]
fn qualities_of_service() {
    let id = PacketId::MAX;
    for (bits, qos, name) in
        [(0, QoS::AtMostOnce, "0"), (1, QoS::AtLeastOnce, "1"), (2, QoS::ExactlyOnce, "2")]
    {
        assert_eq!(named(qos, name).get(), bits);
        assert_eq!(QoS::new(bits), Some(qos));
        let delivery = Delivery::new(qos, id);
        assert_eq!((delivery.qos(), delivery.packet_id()), (qos, (bits > 0).then_some(id)));
        assert_eq!(ReasonCode::granted(qos).get(), bits);
    }
    for other in 3..=u8::MAX {
        assert_eq!((QoS::new(other), RetainHandling::new(other)), (None, None), "{other}");
    }
    assert_eq!(QoS::from_str("3").expect_err("no name").to_string(), "expected 0, 1 or 2");
    for (maximum, qos) in
        [(MaximumQoS::AtMostOnce, QoS::AtMostOnce), (MaximumQoS::AtLeastOnce, QoS::AtLeastOnce)]
    {
        assert_eq!((maximum.get(), MaximumQoS::new(qos)), (qos, Some(maximum)));
        shown(&maximum, &qos.to_string());
    }
    assert_eq!(MaximumQoS::new(QoS::ExactlyOnce), None);
    for (bits, handling) in
        [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend].into_iter().enumerate()
    {
        let bits = u8::try_from(bits).expect("small");
        assert_eq!((handling.get(), RetainHandling::new(bits)), (bits, Some(handling)));
    }
}

#[test]
fn subscription_identifiers() {
    for id in [1, 127, 268_435_455] {
        let new = SubscriptionId::new(id).expect("an identifier");
        assert_eq!(new.get(), id);
        shown(&new, &id.to_string());
    }
    assert_eq!([0, 268_435_456, u32::MAX].map(SubscriptionId::new), [None; 3]);
}

#[test]
fn names_of_reason_codes() {
    for code in ReasonCode::ALL.iter().copied() {
        let name = code.name().expect("a listed code");
        shown(&code, name);
        for packet in PacketType::ALL {
            let expected = match packet {
                PacketType::Disconnect if code == ReasonCode::SUCCESS => "Normal disconnection",
                PacketType::SubAck if code == ReasonCode::SUCCESS => "Granted QoS 0",
                _ => name,
            };
            assert_eq!(code.name_in(packet), Some(expected));
        }
        assert_eq!(code.is_error(), code.get() >= 0x80);
    }
    let unknown = ReasonCode::new(0x03);
    assert_eq!((unknown.name(), unknown.name_in(PacketType::Disconnect)), (None, None));
    assert_eq!(unknown.to_string(), "0x03");
}

/// The types of Table 2-4, by number.
#[test]
fn property_identifiers() {
    use PropertyType::{
        BinaryData, Byte, FourByteInteger, TwoByteInteger, Utf8String, Utf8StringPair, VariableByteInteger,
    };
    let mut numbers = BTreeSet::new();
    for id in PropertyId::ALL.iter().copied() {
        let of_type = match id.get() {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2A => Byte,
            0x13 | 0x21..=0x23 => TwoByteInteger,
            0x02 | 0x11 | 0x18 | 0x27 => FourByteInteger,
            0x0B => VariableByteInteger,
            0x03 | 0x08 | 0x12 | 0x15 | 0x1A | 0x1C | 0x1F => Utf8String,
            0x09 | 0x16 => BinaryData,
            0x26 => Utf8StringPair,
            number => panic!("{number:02X}"),
        };
        assert_eq!(id.value_type(), of_type, "{id}");
        assert_eq!(PropertyId::new(id.get()), Some(id));
        shown(&id, id.title());
        assert_eq!(id.title().replace(' ', ""), id.name(), "{id}");
        assert!(numbers.insert(id.get()));
    }
    assert_eq!(numbers.len(), 27);
    let none = (0..=u8::MAX).filter(|number| !numbers.contains(number));
    assert!(none.map(PropertyId::new).all(|id| id.is_none()));
}

#[test]
fn sets_of_properties() {
    let (a, b) = (PropertyId::UserProperty, PropertyId::TopicAlias);
    let both = a | b;
    assert_eq!(both.iter().collect::<Vec<_>>(), [b, a], "by number");
    assert_eq!((PropertySet::from(a) | b, PropertySet::of(b) | PropertySet::of(a)), (both, both));
    assert_eq!(both.difference(a.into()), b.into());
    assert_eq!(both.intersection(a.into()), a.into());
    assert_eq!(format!("{both:?}"), "{TopicAlias, UserProperty}");
    assert_eq!((both.is_empty(), PropertySet::EMPTY.is_empty()), (false, true));
    let all: PropertySet = PropertyId::ALL.iter().copied().collect();
    // Against the sets of the standard library.
    let sets: Vec<PropertySet> = (0..PropertyId::ALL.len())
        .map(|n| PropertyId::ALL.iter().copied().skip(n % 7).step_by(n % 5 + 1).take(n).collect())
        .collect();
    for one in sets.iter().copied() {
        let of = |set: PropertySet| set.iter().collect::<BTreeSet<_>>();
        assert_eq!((one.len(), one.is_subset(all), of(one).len()), (one.iter().count(), true, one.len()));
        for other in sets.iter().copied() {
            let (a, b) = (of(one), of(other));
            assert_eq!(of(one.union(other)), &a | &b);
            assert_eq!((of(one.intersection(other)), of(one & other)), (&a & &b, &a & &b));
            assert_eq!((of(one.difference(other)), of(one - other)), (&a - &b, &a - &b));
            assert_eq!(of(one.symmetric_difference(other)), &a ^ &b);
            assert_eq!(one.is_subset(other), a.is_subset(&b));
        }
        for id in PropertyId::ALL.iter().copied() {
            let (mut with, mut without) = (one, one);
            assert_eq!((with.insert(id), without.remove(id)), (!one.contains(id), one.contains(id)));
            assert_eq!((with, without), (one | id, one - id.into()));
            assert!(with.contains(id) && !without.contains(id));
        }
    }
    assert!(PropertyId::ALL.iter().all(|id| all.contains(*id) && !PropertySet::EMPTY.contains(*id)));
}

/// What was let in is not let out when more is asked for.
#[test]
fn received_properties_are_judged_by_the_options_of_the_encoder() {
    let bytes = [0x30, 10, 0, 1, b'a', 4, 3, 0, 1, 7, b'x', b'y'];
    let packet = decode_exact(&bytes, Version::V5).expect("a control character is not forbidden");
    let mut out = [0; 16];
    assert_eq!(packet.encode(Version::V5, &mut out), Ok(bytes.len()));
    let refused = packet.encode(EncodeOptions::new(Version::V5).with_strict_characters(true), &mut out);
    let refused = refused.expect_err("it is refused when asked for");
    assert_eq!(refused.kind(), EncodeErrorKind::Invalid(Rule::DisallowedCharacter), "{refused}");
}

#[test]
fn hidden_properties_have_no_place_in_3_and_need_none() {
    let bytes = [0x30, 9, 0, 1, b'a', 5, 2, 0, 0, 0, 9];
    let Ok(Packet::Publish(publish)) = decode_exact(&bytes, Version::V5) else { panic!("a PUBLISH") };
    let hidden = |ids: PropertySet| {
        let edits = publish.properties.without(ids);
        let publish = Publish { properties: edits.as_properties(), ..publish };
        let mut out = [0xFF; 16];
        Packet::from(publish).encode(Version::V311, &mut out).map(|len| out[..len].to_vec())
    };
    assert_eq!(
        hidden(PropertyId::MessageExpiryInterval.into()).expect("nothing is left"),
        [0x30, 3, 0, 1, b'a']
    );
    let kept = hidden(PropertyId::ContentType.into()).expect_err("a property is left");
    assert_eq!(kept.kind(), EncodeErrorKind::Invalid(Rule::NotInVersion), "{kept}");
}

/// However they are held, the same properties are equal and hashed alike.
#[test]
fn properties_held_in_two_ways() {
    let wire = [0x30, 12, 0, 1, b'a', 8, 0x23, 0, 7, 0x02, 0, 0, 0, 9];
    let Ok(mqtt_wire::Packet::Publish(received)) = decode_exact(&wire, Version::V5) else {
        panic!("a PUBLISH")
    };
    let list = [Property::TopicAlias(NonZeroU16::new(7).expect("not 0")), Property::MessageExpiryInterval(9)];
    let made = Properties::from(&list[..]);
    assert_eq!((received.properties, made.iter().count()), (made, 2));
    assert_eq!((made.iter().size_hint(), made.iter().skip(1).size_hint()), ((2, Some(2)), (1, Some(1))));
    assert_eq!(received.properties.iter().size_hint(), (0, None));
    assert_eq!(format!("{made:?}"), format!("{list:?}"));
    assert_eq!(HashSet::from([made, received.properties]).len(), 1);
    let without_alias = made.without(PropertyId::TopicAlias);
    let without_alias = without_alias.as_properties();
    assert_eq!(HashSet::from([made, without_alias, Properties::EMPTY]).len(), 3);
    assert_ne!(received.properties, without_alias);
    assert_ne!(made, Properties::from(&[list[1], list[0]][..]));
    let hash =
        |properties: Properties<'_>| BuildHasherDefault::<DefaultHasher>::default().hash_one(properties);
    assert_eq!(hash(received.properties), hash(made));
    assert_ne!(hash(made), hash(without_alias));
    assert_eq!((received.properties.as_wire(), made.as_wire()), (Some(&wire[6..]), None));
    // Edits are not as they were received, whether or not they change anything.
    for id in [PropertyId::TopicAlias, PropertyId::ContentType] {
        assert_eq!(received.properties.without(id).as_properties().as_wire(), None);
    }
}

/// However they are held, the same items are equal, hashed alike and shown alike, and their number is known or bounded.
#[test]
fn lists_held_in_two_ways() {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let codes = [ReasonCode::SUCCESS, ReasonCode::GRANTED_QOS_1];
    let bytes = [0x90, 5, 0, 1, 0, 0, 1];
    let Ok(Packet::SubAck(suback)) = decode_exact(&bytes, Version::V5) else { panic!("a SUBACK") };
    let (received, made) = (suback.reason_codes, List::new(&codes));
    assert_eq!(received, made);
    assert_eq!(hasher.hash_one(received), hasher.hash_one(made));
    assert_ne!(hasher.hash_one(made), hasher.hash_one(List::new(&codes[..1])));
    for list in [received, made] {
        assert_eq!((list.iter().len(), list.iter().skip(1).len()), (2, 1));
        assert_eq!(format!("{:?}", list.iter()), format!("{codes:?}"));
    }

    let filters = [topic_filter!("a/+"), topic_filter!("b")];
    let bytes = [0xA2, 11, 0, 1, 0, 0, 3, b'a', b'/', b'+', 0, 1, b'b'];
    let Ok(Packet::Unsubscribe(unsubscribe)) = decode_exact(&bytes, Version::V5) else {
        panic!("an UNSUBSCRIBE")
    };
    let (received, made) = (unsubscribe.filters, List::new(&filters));
    assert_eq!(received, made);
    assert_eq!(hasher.hash_one(received), hasher.hash_one(made));
    assert_eq!(made.iter().size_hint(), (2, Some(2)));
    // A filter takes three bytes and more.
    assert_eq!(received.iter().size_hint(), (1, Some(2)));
}

#[test]
fn as_many_added_properties_as_received_bytes() {
    let received = [0x30, 0x06, 0x00, 0x01, b'a', 0x02, 0x01, 0x01];
    let Ok(Packet::Publish(publish)) = decode_exact(&received, Version::V5) else { panic!("a PUBLISH") };
    let added = [Property::UserProperty(("a", "")), Property::UserProperty(("b", ""))];
    let edits = publish.properties.with(&added);
    let properties = edits.as_properties();
    assert!(!properties.is_empty());
    let mut out = Vec::new();
    Packet::from(Publish { properties, ..publish }).encode(Version::V5, &mut out).expect("a good packet");
    let Ok(Packet::Publish(sent)) = decode_exact(&out, Version::V5) else { panic!("a PUBLISH") };
    assert_eq!(sent.properties.iter().count(), 3);
}

/// Received items go out as they came only where they would be let in, too.
#[test]
fn lists_are_judged_anew_elsewhere() {
    let bytes = [0x82, 8, 0, 1, 0, 0, 2, b'a', b'b', 0b10_1110];
    let packet = decode_exact(&bytes, Version::V5).expect("a SUBSCRIBE");
    let encoded = |packet: Packet<'_>, version: Version| {
        let mut out = Vec::new();
        packet.encode(version, &mut out).map(|_| out)
    };
    assert_eq!(encoded(packet, Version::V5).expect("it is as it came"), bytes);
    let refused = encoded(packet, Version::V311).expect_err("options of 5.0");
    assert_eq!(refused.kind(), EncodeErrorKind::Invalid(Rule::NotInVersion), "{refused}");
    let downgraded = packet.downgrade(Version::V311).expect("it has a form in 3.1.1");
    assert_eq!(encoded(downgraded, Version::V311).expect("no options"), [0x82, 7, 0, 1, 0, 2, b'a', b'b', 2]);
    // What was given up does not come back.
    assert_eq!(
        encoded(downgraded, Version::V5).expect("no options"),
        [0x82, 8, 0, 1, 0, 0, 2, b'a', b'b', 2]
    );
    // Nor does a list that was built go out with what it was to give up.
    let no_local =
        Subscription { no_local: true, ..Subscription::new(topic_filter!("ab"), QoS::ExactlyOnce) };
    let built = [no_local];
    let built = Packet::from(Subscribe::new(PacketId::MIN, &built)).downgrade(Version::V311);
    let built = encoded(built.expect("it has a form in 3.1.1"), Version::V311).expect("no options");
    assert_eq!(built, [0x82, 7, 0, 1, 0, 2, b'a', b'b', 2]);
    // The codes of another packet, received in the same version.
    let bytes = [0x90, 4, 0, 1, 0, 0x8F];
    let Ok(Packet::SubAck(suback)) = decode_exact(&bytes, Version::V5) else { panic!("a SUBACK") };
    let unsuback = UnsubAck {
        packet_id: suback.packet_id,
        properties: suback.properties,
        reason_codes: suback.reason_codes,
    };
    assert_eq!(
        encoded(unsuback.into(), Version::V5).expect("the code is one of both"),
        [0xB0, 4, 0, 1, 0, 0x8F]
    );
    let bytes = [0x90, 4, 0, 1, 0, 2];
    let Ok(Packet::SubAck(suback)) = decode_exact(&bytes, Version::V5) else { panic!("a SUBACK") };
    let unsuback = UnsubAck { reason_codes: suback.reason_codes, ..unsuback };
    let refused = encoded(unsuback.into(), Version::V5).expect_err("a code of SUBACK");
    assert_eq!(refused.kind(), EncodeErrorKind::Invalid(Rule::ReasonCodeNotAllowed), "{refused}");
}

/// A return code of 3.x that the standard does not list stands as it came, if it is tolerated and cannot be taken
/// for another.
#[test]
fn return_codes_of_3_x_there_and_back() {
    let translated = [0, 0x84, 0x85, 0x88, 0x86, 0x87];
    let tolerant = DecodeOptions::new(Version::V311).with_tolerance(Tolerance::UnknownReasonCodes);
    let encoding = EncodeOptions::new(Version::V311).with_tolerance(Tolerance::UnknownReasonCodes);
    for code in 0..=u8::MAX {
        let bytes = [0x20, 2, 0, code];
        let known = translated.get(usize::from(code)).copied();
        let strict = decode_exact(&bytes, Version::V311);
        assert_eq!(strict.is_ok(), known.is_some(), "{code:#x}");
        let expected = known.or((!translated.contains(&code)).then_some(code)).map(ReasonCode::new);
        let Some(expected) = expected else {
            let refused = decode_exact(&bytes, tolerant).expect_err("it would be another code");
            assert_eq!(refused.rule(), Rule::ReasonCodeNotAllowed, "{code:#x}");
            continue;
        };
        let packet = decode_exact(&bytes, tolerant).expect("it is tolerated");
        assert_eq!(packet, ConnAck::new(expected).into());
        let mut out = [0; 4];
        assert_eq!((packet.encode(encoding, &mut out), out), (Ok(4), bytes));
    }
    for code in 1..=5 {
        let packet = Packet::from(ConnAck::new(ReasonCode::new(code)));
        assert!(packet.encoded_len(encoding).is_err(), "{code} means something else in 3.1.1");
    }
}

#[test]
fn packets_are_shown_by_their_type() {
    shown(&Packet::PingReq, "PINGREQ");
    shown(&Packet::from(Connect::new(Version::V5, "a")), "CONNECT");
}

#[test]
fn lists() {
    let codes = [ReasonCode::SUCCESS, ReasonCode::NOT_AUTHORIZED];
    let list = List::from(&codes);
    assert_eq!((list, list.len(), list.is_empty()), (List::from(&codes[..]), 2, false));
    assert!(list.into_iter().eq(codes) && (&list).into_iter().eq(codes));
    assert_eq!(format!("{list:?}"), format!("{codes:?}"));
    assert_ne!(list, List::from(&codes[1..]));
    let empty = List::<ReasonCode>::default();
    assert_eq!((empty.len(), empty.is_empty(), empty == list), (0, true, false));
}

#[test]
fn options_are_kept_apart() {
    let tolerances = [
        Tolerance::BridgeProtocolLevel,
        Tolerance::UnknownReasonCodes,
        Tolerance::NonMinimalLengths,
        Tolerance::LongClientIds,
        Tolerance::RefusalByOlderServer,
    ];
    assert_eq!(tolerances, Tolerance::ALL);
    let new = DecodeOptions::new(Version::V311);
    let mut decoding: Vec<DecodeOptions> = tolerances.map(|tolerance| new.with_tolerance(tolerance)).to_vec();
    decoding.extend([new, new.with_strict_characters(true), new.with_payload_check(true)]);
    decoding.extend([new.with_version(Version::V31), new.with_version(Version::V5), DecodeOptions::detect()]);
    decoding.extend([
        new.with_sender(Sender::Client),
        new.with_sender(Sender::Server),
        new.with_first_packet(true),
    ]);
    decoding.push(new.with_max_packet_size(9));
    assert_eq!(decoding.iter().collect::<HashSet<_>>().len(), decoding.len());
    assert!(decoding.iter().all(|options| DecodeOptions::from(options) == *options));

    let new = EncodeOptions::new(Version::V311);
    let mut encoding: Vec<EncodeOptions> = tolerances.map(|tolerance| new.with_tolerance(tolerance)).to_vec();
    encoding.extend([new, new.with_strict_characters(true), new.with_payload_check(true)]);
    encoding.extend([new.with_version(Version::V31), new.with_version(Version::V5)]);
    encoding.extend([
        new.with_sender(Sender::Client),
        new.with_sender(Sender::Server),
        new.with_max_packet_size(9),
    ]);
    assert_eq!(encoding.iter().collect::<HashSet<_>>().len(), encoding.len());
    assert!(encoding.iter().all(|options| EncodeOptions::from(options) == *options));
    for version in Version::ALL {
        assert_eq!(DecodeOptions::from(version), DecodeOptions::new(version));
        assert_eq!(EncodeOptions::from(version), EncodeOptions::new(version));
        assert_eq!(DecodeOptions::new(version).version(), Some(version));
        let fixed = DecodeOptions::detect().with_version(version);
        assert_eq!((fixed, fixed.version()), (DecodeOptions::new(version), Some(version)));
        // Nothing else is forgotten with the version.
        let strict = DecodeOptions::new(version).with_payload_check(true);
        assert_eq!(DecodeOptions::detect().with_payload_check(true).with_version(version), strict);
    }
    assert_eq!(DecodeOptions::detect().version(), None);
    // What was said is told, and nothing else; what is taken back is not.
    let told = |options: DecodeOptions| {
        let choices = [options.first_packet(), options.strict_characters(), options.payload_check()];
        let all = options.tolerances().collect::<Vec<_>>();
        assert!(Tolerance::ALL.iter().all(|one| options.tolerates(*one) == all.contains(one)));
        (options.version(), options.sender(), options.max_packet_size(), choices, all)
    };
    let (new, most) = (DecodeOptions::new(Version::V31), mqtt_wire::MAX_PACKET_SIZE);
    let v31 = Some(Version::V31);
    assert_eq!(told(new), (v31, None, most, [false; 3], vec![]));
    for sender in [Sender::Client, Sender::Server] {
        assert_eq!(told(new.with_sender(sender)), (v31, Some(sender), most, [false; 3], vec![]));
    }
    for tolerance in tolerances {
        assert_eq!(told(new.with_tolerance(tolerance)), (v31, None, most, [false; 3], vec![tolerance]));
    }
    for on in [true, false] {
        let choices = [
            (new.with_first_packet(true).with_first_packet(on), [on, false, false]),
            (new.with_strict_characters(true).with_strict_characters(on), [false, on, false]),
            (new.with_payload_check(true).with_payload_check(on), [false, false, on]),
        ];
        for (options, chosen) in choices {
            assert_eq!(told(options), (v31, None, most, chosen, vec![]));
        }
    }
    assert_eq!(told(new.with_max_packet_size(9)), (v31, None, 9, [false; 3], vec![]));
    // To say a thing twice is to say it.
    let twice = |options: DecodeOptions| {
        let options = options
            .with_sender(Sender::Server)
            .with_tolerance(Tolerance::LongClientIds)
            .with_first_packet(true);
        options.with_strict_characters(true).with_payload_check(true)
    };
    let once = twice(DecodeOptions::detect());
    assert_eq!(twice(once), once);
}

#[test]
fn options_are_shown_as_what_was_chosen() {
    let shown =
        |options: DecodeOptions| format!("{options:?}").split_once("context: ").map(|(_, it)| it.to_owned());
    let chosen = DecodeOptions::detect()
        .with_sender(Sender::Server)
        .with_tolerance(Tolerance::LongClientIds)
        .with_first_packet(true)
        .with_strict_characters(true)
        .with_payload_check(true);
    let all = "[None, Server, LongClientIds, \"first packet\", \"strict characters\", \"payload check\"] }";
    assert_eq!(shown(chosen).as_deref(), Some(all));
    assert_eq!(shown(DecodeOptions::new(Version::V31)).as_deref(), Some("[Some(V31)] }"));
}

#[test]
fn keep_alive_and_will() {
    let connect = Connect::new(Version::V5, "a");
    let limit = |keep_alive| Connect { keep_alive, ..connect }.keep_alive_limit();
    assert_eq!(limit(0), None);
    assert_eq!(limit(1), Some(Duration::from_millis(1500)));
    assert_eq!(limit(65_535), Some(Duration::from_millis(98_302_500)));

    let properties = [Property::WillDelayInterval(5), Property::ContentType("text/plain")];
    let topic = topic_name!("gone");
    let will = Will { retain: true, properties: Properties::new(&properties), ..Will::new(topic, b"client") };
    let delivery = Delivery::AtLeastOnce(PacketId::MIN);
    let expected = Publish {
        delivery,
        retain: true,
        properties: Properties::new(&properties[1..]),
        ..Publish::new(topic, b"client")
    };
    assert_eq!(will.to_publish(delivery).as_publish(), expected);
}

#[test]
fn options_of_a_subscription() {
    let plain = Subscription::new(topic_filter!("a"), QoS::AtMostOnce);
    assert_eq!(plain.options(), SubscriptionOptions::default());
    let options = SubscriptionOptions {
        maximum_qos: QoS::ExactlyOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
    };
    let full = plain.with_options(options);
    assert_eq!((full.filter, full.options()), (plain.filter, options));
    assert_eq!(full.with_options(SubscriptionOptions::default()), plain);
}

/// The byte of the options is the one in SUBSCRIBE, for every byte there is.
#[test]
fn options_byte_of_a_subscription() {
    for byte in 0..=255 {
        let subscribe = [0x82, 7, 0, 1, 0, 0, 1, b'a', byte];
        let decoded = match decode_exact(&subscribe, Version::V5) {
            Ok(Packet::Subscribe(packet)) => {
                packet.subscriptions.iter().next().map(|wanted| wanted.options())
            }
            _ => None,
        };
        let options = SubscriptionOptions::from_byte(byte);
        assert_eq!(options, decoded, "{byte:#04x}");
        assert!(options.is_none_or(|options| options.to_byte() == byte), "{byte:#04x}");
    }
}

/// Every rule has a text of its own, and a label in both standards.
#[test]
fn rules() {
    let mut texts = HashSet::new();
    for kind in Rule::ALL.iter().copied() {
        assert!(texts.insert(kind.to_string()), "{}: {kind}", kind.name());
        for version in Version::ALL {
            let label = kind.requirement(version, None);
            assert!(label.starts_with("MQTT-") || label.starts_with("U-"), "{label}");
        }
    }
}

/// With what a receiver may answer (sections 2.4, 3.2.2.2, 4.13 of 5.0): most are malformed packets.
#[test]
fn reason_codes_of_rules() {
    use ReasonCode as R;
    for rule in Rule::ALL.iter().copied() {
        let expected = match rule {
            Rule::ProtocolName | Rule::ProtocolVersion | Rule::VersionMismatch => {
                R::UNSUPPORTED_PROTOCOL_VERSION
            }
            Rule::ClientIdEmpty | Rule::ClientIdTooLong => R::CLIENT_IDENTIFIER_NOT_VALID,
            Rule::PacketTooLarge => R::PACKET_TOO_LARGE,
            Rule::PayloadFormat => R::PAYLOAD_FORMAT_INVALID,
            Rule::TopicAliasZero => R::TOPIC_ALIAS_INVALID,
            Rule::NotInVersion => R::IMPLEMENTATION_SPECIFIC_ERROR,
            // Values that can be read and break what the text calls a Protocol Error, or leaves without a name.
            Rule::WrongDirection
            | Rule::VersionUnknown
            | Rule::UnexpectedPacket
            | Rule::ZeroPacketId
            | Rule::WillQoSWithoutWill
            | Rule::WillRetainWithoutWill
            | Rule::PasswordWithoutUserName
            | Rule::SessionPresentRefused
            | Rule::DupAtQoS0
            | Rule::TopicMissing
            | Rule::EmptyList
            | Rule::SubscriptionQoS3
            | Rule::RetainHandling3
            | Rule::NoLocalOnShared
            | Rule::PropertyRepeated
            | Rule::PropertyValue
            | Rule::PropertySender
            | Rule::AuthenticationMethodMissing
            | Rule::ReasonCodeNotAllowed
            | Rule::ReasonCodeSender => R::PROTOCOL_ERROR,
            _ => R::MALFORMED_PACKET,
        };
        assert_eq!(rule.reason_code(), expected, "{}", rule.name());
    }
}

/// Where the packet decides which statement of the standards is broken: the label in 3.1.1 and in 5.0.
#[test]
fn rules_by_packet() {
    use PacketType as P;
    let rows = [
        (Rule::ReservedFlags, P::ConnAck, "MQTT-2.2.2-2", "MQTT-2.1.3-1"),
        (Rule::ReservedFlags, P::PubRel, "MQTT-3.6.1-1", "MQTT-3.6.1-1"),
        (Rule::ReservedFlags, P::Subscribe, "MQTT-3.8.1-1", "MQTT-3.8.1-1"),
        (Rule::ReservedFlags, P::Unsubscribe, "MQTT-3.10.1-1", "MQTT-3.10.1-1"),
        (Rule::ReservedFlags, P::Disconnect, "MQTT-3.14.1-1", "MQTT-3.14.1-1"),
        (Rule::ReservedFlags, P::Auth, "MQTT-3.15.1-1", "MQTT-3.15.1-1"),
        (Rule::ZeroPacketId, P::Publish, "MQTT-2.3.1-1", "MQTT-2.2.1-3"),
        (Rule::ZeroPacketId, P::PubComp, "U-2.3.1", "U-2.2.1"),
        (Rule::EmptyList, P::Subscribe, "MQTT-3.8.3-3", "MQTT-3.8.3-2"),
        (Rule::EmptyList, P::Unsubscribe, "MQTT-3.10.3-2", "MQTT-3.10.3-2"),
        (Rule::EmptyList, P::SubAck, "U-3.9.3", "U-3.9.3"),
        (Rule::EmptyList, P::UnsubAck, "U-3.11.3", "U-3.11.3"),
        (Rule::WildcardInResponseTopic, P::Connect, "MQTT-4.7.0-1", "MQTT-4.7.0-1"),
        (Rule::WildcardInResponseTopic, P::Publish, "MQTT-3.3.2-14", "MQTT-3.3.2-14"),
        (Rule::WildcardInName, P::Publish, "MQTT-3.3.2-2", "MQTT-3.3.2-2"),
        (Rule::WildcardInName, P::Connect, "MQTT-4.7.1-1", "MQTT-4.7.0-1"),
        (Rule::PropertySender, P::Publish, "MQTT-3.3.4-6", "MQTT-3.3.4-6"),
        (Rule::PropertySender, P::Disconnect, "MQTT-3.14.2-2", "MQTT-3.14.2-2"),
        (Rule::AuthenticationMethodMissing, P::Connect, "U-3.1.2.11.10", "U-3.1.2.11.10"),
        (Rule::AuthenticationMethodMissing, P::Auth, "U-3.15.2.2.2", "U-3.15.2.2.2"),
        (Rule::ReasonCodeNotAllowed, P::ConnAck, "U-3.2.2.3", "MQTT-3.2.2-8"),
        (Rule::ReasonCodeNotAllowed, P::PubAck, "U-3.2.2.3", "MQTT-3.4.2-1"),
        (Rule::ReasonCodeNotAllowed, P::PubRec, "U-3.2.2.3", "MQTT-3.5.2-1"),
        (Rule::ReasonCodeNotAllowed, P::PubRel, "U-3.2.2.3", "MQTT-3.6.2-1"),
        (Rule::ReasonCodeNotAllowed, P::PubComp, "U-3.2.2.3", "MQTT-3.7.2-1"),
        (Rule::ReasonCodeNotAllowed, P::SubAck, "MQTT-3.9.3-2", "MQTT-3.9.3-2"),
        (Rule::ReasonCodeSender, P::UnsubAck, "U-3.2.2.3", "MQTT-3.11.3-2"),
        (Rule::ReasonCodeSender, P::Disconnect, "U-3.2.2.3", "MQTT-3.14.2-1"),
        (Rule::ReasonCodeSender, P::Auth, "U-3.2.2.3", "MQTT-3.15.2-1"),
    ];
    for (kind, packet, v311, v5) in rows {
        let labels = [Version::V311, Version::V5].map(|version| kind.requirement(version, Some(packet)));
        assert_eq!(labels, [v311, v5], "{} in {packet}", kind.name());
    }
    // 3.1 numbers no rules.
    for (kind, packet, label) in [
        (Rule::ClientIdEmpty, P::Connect, "U-3.1"),
        (Rule::ProtocolName, P::Connect, "U-3.1-a"),
        (Rule::ReservedFlags, P::Subscribe, "U-3.1-c"),
        (Rule::ReasonCodeNotAllowed, P::ConnAck, "U-3.1-d"),
        (Rule::ReasonCodeNotAllowed, P::SubAck, "U-3.1-e"),
        (Rule::Truncated, P::PubAck, "U-3.1-h"),
        (Rule::EmptyList, P::SubAck, "U-3.1-n"),
    ] {
        assert_eq!(kind.requirement(Version::V31, Some(packet)), label, "{} in {packet}", kind.name());
    }
    assert_eq!(Rule::WildcardInName.requirement(Version::V311, None), "MQTT-4.7.1-1");
    assert_eq!(Rule::WildcardInName.requirement(Version::V5, None), "MQTT-4.7.0-1");
    assert_eq!(Rule::ReasonCodeSender.requirement(Version::V311, None), "U-3.2.2.3");
    assert_eq!(Rule::ReasonCodeSender.requirement(Version::V5, None), "U-2.4");
}

#[test]
fn an_error_says_it_all() {
    let error = |bytes: &[u8], options: DecodeOptions| -> DecodeError {
        decode_exact(bytes, options).expect_err("a bad packet")
    };
    let v5 = DecodeOptions::new(Version::V5);
    let alias = [0x30, 7, 0, 1, b'a', 3, 0x23, 0, 0];
    let zero = error(&alias, v5);
    assert_eq!(zero.to_string(), "PUBLISH: the topic alias is 0 at byte 7 [MQTT-3.3.2-8]");
    assert_eq!(ReasonCode::from(zero), ReasonCode::TOPIC_ALIAS_INVALID);
    let reserved = error(&[0, 0], v5);
    assert_eq!(reserved.to_string(), "the packet type is reserved in this version at byte 0 [U-2.1.2]");
    // Two rules are numbered by side.
    let no_id = [0x32, 5, 0, 1, b'a', 0, 0];
    let labels = |bytes: &[u8], version| {
        let options = DecodeOptions::new(version).with_first_packet(bytes[0] >> 4 != 3);
        [Sender::Client, Sender::Server].map(|sender| error(bytes, options.with_sender(sender)).requirement())
    };
    assert_eq!(labels(&no_id, Version::V311), ["MQTT-2.3.1-1"; 2]);
    let no_id = [0x32, 6, 0, 1, b'a', 0, 0, 0];
    assert_eq!(labels(&no_id, Version::V5), ["MQTT-2.2.1-3", "MQTT-2.2.1-4"]);
    for version in Version::ALL {
        let auth_or_ping = if version == Version::V5 { [0xF0, 0] } else { [0xC0, 0] };
        let unexpected = error(
            &[0xD0, 0],
            DecodeOptions::new(version).with_sender(Sender::Server).with_first_packet(true),
        );
        let [by_server, by_client] = match version {
            Version::V31 => ["U-3.1-g"; 2],
            _ => ["MQTT-3.2.0-1", "MQTT-3.1.0-1"],
        };
        assert_eq!((unexpected.rule(), unexpected.requirement()), (Rule::UnexpectedPacket, by_server));
        let options = DecodeOptions::new(version).with_first_packet(true);
        let unexpected = error(&auth_or_ping, options.with_sender(Sender::Client));
        assert_eq!((unexpected.rule(), unexpected.requirement()), (Rule::UnexpectedPacket, by_client));
    }
}
