//! Nothing is lost in silence: a test for each way in which data, a secret or a fault could go unnoticed.
#![cfg(all(feature = "tokio-codec", feature = "serde"))]

#[path = "common/notation.rs"]
#[allow(dead_code, reason = "frames are written down whole")]
mod notation;

use std::collections::HashSet;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::num::NonZeroU16;

use bytes::{Bytes, BytesMut};
use mqtt_wire::{
    Ack, Auth, CheckedFrame, Codec, CodecError, ConnAck, Connect, Connection, DecodeOptions, Decoded,
    DecodedHead, Delivery, Disconnect, EncodeErrorKind, EncodeOptions, Field, FixedHeader, Frame,
    MAX_CONNECT_SIZE, MaximumQoS, Packet, PacketId, PacketType, Properties, Property, PropertyId, Publish,
    PublishFrame, PublishHead, QoS, ReasonCode, RetainHandling, Rule, Sender, SubAck, Subscribe,
    Subscription, SubscriptionId, Tolerance, UnsubAck, Unsubscribe, Version, Will, decode, decode_exact,
    decode_publish_head, topic_filter, topic_name,
};
use tokio_util::codec::{Decoder, Encoder};

const V311: Version = Version::V311;
const V5: Version = Version::V5;

fn encoded<'a>(packet: impl Into<Packet<'a>>, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    packet.into().encode(version, &mut out).expect("a good packet");
    out
}

fn alias(n: u16) -> Property<'static> {
    Property::TopicAlias(NonZeroU16::new(n).expect("not 0"))
}

/// In 5.0 the first byte of this payload is a Property Length: read by a version that nobody has named, it would be gone.
#[test]
fn nothing_is_read_by_a_version_that_nobody_has_named() {
    let publish = notation::bytes("30 ('a' 00 78)");
    let detect = DecodeOptions::detect();
    let refused = decode(&publish, detect).expect_err("no CONNECT has come");
    assert_eq!((refused.rule(), refused.offset()), (Rule::VersionUnknown, 0));
    assert_eq!((refused.reason_code(), refused.requirement()), (ReasonCode::PROTOCOL_ERROR, "MQTT-3.1.0-1"));
    for other in PacketType::ALL.into_iter().filter(|packet| *packet != PacketType::Connect) {
        let first = [other.get() << 4 | 2];
        for options in [detect, detect.with_sender(Sender::Client), detect.with_sender(Sender::Server)] {
            let errors = [
                decode(&first, options).map(|_| ()),
                decode_exact(&first, options).map(|_| ()),
                decode_publish_head(&first, options).map(|_| ()),
                FixedHeader::decode(&first, options).map(|_| ()),
                Frame::split_from(&mut BytesMut::from(&first[..]), options).map(|_| ()),
            ];
            for error in errors {
                assert_eq!(error.map_err(|error| error.rule()), Err(Rule::VersionUnknown), "{other}");
            }
        }
    }
    // What follows a CONNECT is read by its version.
    for (version, payload) in [(Version::V31, &[0, b'x'][..]), (V311, &[0, b'x']), (V5, b"x")] {
        let mut server = Connection::server();
        server.decode(&encoded(Connect::new(version, "a"), version)).expect("a good packet");
        let Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) = server.decode(&publish) else {
            panic!("a PUBLISH")
        };
        assert_eq!(publish.payload, payload);
    }
}

/// Whether a type becomes a packet: what its own constant says comes before that of the trait.
struct Becomes<T>(PhantomData<T>);

impl<'a, T: Into<Packet<'a>>> Becomes<T> {
    const A_PACKET: bool = true;
}

trait Otherwise {
    const A_PACKET: bool = false;
}

impl<T> Otherwise for Becomes<T> {}

/// Without its payload a retained message would be one that deletes the retained message.
#[test]
fn a_head_is_no_message() {
    const { assert!(Becomes::<Publish<'static>>::A_PACKET && !Becomes::<PublishHead<'static>>::A_PACKET) };
    let bytes = notation::bytes("33 ('a' 0007 'payload')");
    let found = decode_publish_head(&bytes, V311);
    let Ok(DecodedHead::Publish { head, len, mut payload }) = found else { panic!("a PUBLISH") };
    assert!(head.retain);
    let payload = payload.take(&bytes[len..]).expect("any bytes");
    assert_eq!(encoded(head.with_payload(payload), V311), bytes);
}

/// To add properties adds them, wherever those stand that are there.
#[test]
fn what_is_added_replaces_nothing() {
    let (old, new) = ([Property::ContentType("a"), alias(7)], [Property::UserProperty(("b", "c"))]);
    let bytes = notation::bytes("30 ('a' (03 'a' 23 0007))");
    let Ok(Packet::Publish(received)) = decode_exact(&bytes, V5) else { panic!("a PUBLISH") };
    for there in [Properties::new(&old), received.properties] {
        let edits = there.with(&new);
        assert!(edits.as_properties().iter().eq([old[0], old[1], new[0]]));
        let edits = edits.as_properties().with(&[]);
        assert!(edits.as_properties().iter().eq([old[0], old[1], new[0]]));
        let edits = there.edit(PropertyId::ContentType, &new);
        assert!(edits.as_properties().iter().eq([old[1], new[0]]));
    }
}

mod secrets {
    use serde::Serialize;

    use super::*;

    const PASSWORD: &[u8] = b"pa\xFFword";
    const DATA: &[u8] = b"da\xFEta";
    /// What they look like escaped, and as lists of numbers.
    const SECRETS: [&str; 4] = [r"pa\xffword", r"da\xfeta", "112,97,255", "100,97,254"];

    fn shows(text: &str) -> Vec<&'static str> {
        let text: String = text.split_whitespace().collect();
        SECRETS.into_iter().filter(|secret| text.contains(secret)).collect()
    }

    fn hides(value: &(impl Debug + ?Sized)) {
        for text in [format!("{value:?}"), format!("{value:#?}")] {
            assert_eq!(shows(&text), [""; 0], "{text}");
        }
    }

    fn is_serialized_without(value: &(impl Serialize + ?Sized)) {
        let json = serde_json::to_string(value).expect("JSON");
        assert_eq!(shows(&json), [""; 0], "{json}");
    }

    #[test]
    fn passwords_and_authentication_data_are_not_shown() {
        let data = [Property::AuthenticationMethod("m"), Property::AuthenticationData(DATA)];
        let properties = Properties::new(&data);
        let connect = Connect { properties, password: Some(PASSWORD), ..Connect::new(V5, "a") };
        let connack = ConnAck { properties, ..ConnAck::new(ReasonCode::SUCCESS) };
        let auth = Auth::new(ReasonCode::CONTINUE_AUTHENTICATION, properties);
        hides(&connect);
        hides(&connack);
        hides(&auth);
        hides(&properties);
        hides(&data[1]);
        hides(&data[1].value());
        hides(&properties.without(PropertyId::AuthenticationMethod));
        for packet in [Packet::from(connect), connack.into(), auth.into()] {
            let wire = encoded(packet, V5);
            // Built and received, by reference and owned.
            for packet in [packet, decode_exact(&wire, V5).expect("a good packet")] {
                hides(&packet);
                is_serialized_without(&packet);
                let revealed = format!("{:?}", packet.reveal());
                let json = serde_json::to_string(&packet.reveal()).expect("JSON");
                assert!(shows(&revealed).contains(&SECRETS[1]), "{revealed}");
                assert!(shows(&json).contains(&SECRETS[3]), "{json}");
                let has_password = packet.packet_type() == PacketType::Connect;
                assert_eq!(shows(&revealed).contains(&SECRETS[0]), has_password, "{revealed}");
                assert_eq!(shows(&json).contains(&SECRETS[2]), has_password, "{json}");
            }
            hides(&decode(&wire, V5));
            hides(&Frame::encode(&packet, V5));
            hides(&CheckedFrame::encode(&packet, V5));
        }
        is_serialized_without(&connect);
        is_serialized_without(&connack);
        is_serialized_without(&auth);
        is_serialized_without(&properties);
        is_serialized_without(&data[1]);
    }

    /// Their lengths are.
    #[test]
    fn how_long_they_are() {
        let connect = Connect { password: Some(PASSWORD), ..Connect::new(V5, "a") };
        assert!(format!("{connect:?}").contains("password: Some(7 bytes, not shown)"), "{connect:?}");
        let json = serde_json::to_value(connect).expect("JSON");
        assert_eq!(json["password"], "7 bytes, not shown");
    }

    /// A payload is its length and its beginning, as text.
    #[test]
    fn payloads_are_short() {
        let payload = [b"\x00tele\n\xFFmetry".as_slice(), &vec![b'x'; 100_000]].concat();
        let expected = format!(r#"100012 bytes "\x00tele\n\xffmetry{}"..."#, "x".repeat(20));
        let properties = [Property::CorrelationData(&payload[..50_000])];
        let properties = Properties::new(&properties);
        let publish = Publish { properties, ..Publish::new(topic_name!("a"), &payload) };
        let will = Will { properties, ..Will::new(topic_name!("a"), &payload[..50_000]) };
        let connect = Connect { will: Some((&will).into()), ..Connect::new(V5, "a") };
        let shorter = expected.replace("100012", "50000");
        for (text, times) in [
            (format!("{publish:?}"), (1, 1)),
            (format!("{:?}", Packet::from(publish)), (1, 1)),
            (format!("{:?}", PublishFrame::encode(&publish, V5)), (1, 1)),
            (format!("{will:?}"), (0, 2)),
            (format!("{connect:?}"), (0, 2)),
        ] {
            assert_eq!((text.matches(&expected).count(), text.matches(&shorter).count()), times, "{text}");
            assert!(text.len() < 1_000, "{text}");
        }
        assert!(
            format!("{:?}", Publish::new(topic_name!("a"), b"21.5")).contains(r#"payload: 4 bytes "21.5" }"#)
        );
    }
}

/// What is announced takes memory only from the moment that it is known from whom.
#[test]
fn a_peer_that_nobody_knows_gets_little_memory() {
    let header =
        |size: u32| BytesMut::from(&[&[0x10][..], &notation::variable(size as usize - 4)].concat()[..]);
    let mut server = Codec::server();
    let mut stream = header(MAX_CONNECT_SIZE);
    assert!(matches!(server.decode(&mut stream), Ok(None)));
    let refused = server.decode(&mut header(MAX_CONNECT_SIZE + 1)).expect_err("of nobody");
    assert_eq!(refused.reason_code(), Some(ReasonCode::PACKET_TOO_LARGE));
    // Also behind the CONNECT, also behind a refusal; the caller's limit holds behind a success.
    let limit = 1 << 20;
    let mut server = Codec::new(Connection::server().with_max_packet_size(limit));
    let mut connect = BytesMut::from(&encoded(Connect::new(V5, "a"), V5)[..]);
    assert!(matches!(server.decode(&mut connect), Ok(Some(_))));
    for (answer, most) in [
        (ReasonCode::SERVER_BUSY, MAX_CONNECT_SIZE),
        (ReasonCode::SUCCESS, limit),
        (ReasonCode::SUCCESS, limit),
    ] {
        server.encode(ConnAck::new(answer).into(), &mut BytesMut::new()).expect("a good packet");
        let mut publish = header(most);
        publish[0] = 0x30;
        assert!(matches!(server.decode(&mut publish.clone()), Ok(None)), "{answer}");
        let mut publish = header(most + 1);
        publish[0] = 0x30;
        let refused = server.decode(&mut publish);
        assert!(matches!(refused, Err(CodecError::Decode(error)) if error.rule() == Rule::PacketTooLarge));
    }
}

/// What is missing is reserved at once, so that a long packet does not come in a hundred small reads.
#[test]
fn what_is_missing_is_reserved() {
    let mut client = Codec::client(V311);
    let mut stream = BytesMut::from(&[0x20, 2, 0, 0, 0x30, 0x80, 0x80, 0x40, 0, 1, b'a'][..]);
    assert!(matches!(client.decode(&mut stream), Ok(Some(_))));
    assert!(matches!(client.decode(&mut stream), Ok(None)));
    assert!(stream.capacity() >= 4 + (1 << 20), "{}", stream.capacity());
}

/// Every number is one of the type's or none, and goes back to what it came from.
#[test]
fn numbers_are_not_masked() {
    fn check<N: Copy + Debug + PartialEq, T: Copy + Debug + PartialEq + TryFrom<N> + Into<N>>(
        numbers: impl Iterator<Item = N>,
        new: impl Fn(N) -> Option<T>,
        get: impl Fn(T) -> N,
    ) -> Vec<N>
    where
        T::Error: Debug,
    {
        let is_one = |number: &N| {
            let made = new(*number);
            assert_eq!(T::try_from(*number).ok(), made, "{number:?}");
            assert!(made.is_none_or(|made| get(made) == *number && made.into() == *number), "{number:?}");
            made.is_some()
        };
        numbers.filter(is_one).collect()
    }
    let bytes = || 0..=u8::MAX;
    assert_eq!(check(bytes(), QoS::new, QoS::get), [0, 1, 2]);
    assert_eq!(check(bytes(), RetainHandling::new, RetainHandling::get), [0, 1, 2]);
    assert_eq!(check(bytes(), Version::new, Version::get), [3, 4, 5]);
    assert_eq!(check(bytes(), PacketType::new, PacketType::get), (1..=15).collect::<Vec<_>>());
    let mut ids: Vec<u8> = PropertyId::ALL.iter().map(|id| id.get()).collect();
    ids.sort_unstable();
    assert_eq!(check(bytes(), PropertyId::new, PropertyId::get), ids);
    assert_eq!(check(0..=u16::MAX, PacketId::new, PacketId::get).len(), 65_535);
    let around = [0, 1, 2, 268_435_455, 268_435_456, u32::MAX];
    assert_eq!(check(around.into_iter(), SubscriptionId::new, SubscriptionId::get), around[1..4]);
    assert_eq!(check(bytes(), |code| Some(ReasonCode::new(code)), ReasonCode::get).len(), 256);
    let maximum = QoS::ALL.map(|qos| (MaximumQoS::new(qos), MaximumQoS::try_from(qos).ok()));
    let (zero, one) = (Some(MaximumQoS::AtMostOnce), Some(MaximumQoS::AtLeastOnce));
    assert_eq!(maximum, [(zero, zero), (one, one), (None, None)]);
    let error = QoS::try_from(0xFC).expect_err("it is none");
    assert_eq!(error.to_string(), "252 is no Quality of Service");
    assert_eq!(PacketId::try_from(0).expect_err("it is none").to_string(), "0 is no Packet Identifier");
    assert_eq!(PacketId::MAX.next(), PacketId::MIN);
}

mod faults_of_the_encoder {
    use super::*;

    fn fault<'a>(packet: impl Into<Packet<'a>>, options: impl Into<EncodeOptions>) -> (Rule, Field) {
        let packet = packet.into();
        let error = packet.encoded_len(options).expect_err("a fault");
        let (rule, field) = (error.rule().expect("a rule"), error.field().expect("a field"));
        assert_eq!(error.kind(), EncodeErrorKind::Invalid(rule));
        assert_eq!(
            (error.packet_type(), error.reason_code()),
            (Some(packet.packet_type()), rule.reason_code())
        );
        let text = error.to_string();
        let label = rule.requirement(error.version(), error.packet_type());
        assert_eq!(error.requirement(), Some(label));
        assert_eq!(text, format!("{packet}: {field}: {rule} [{label}]"));
        (rule, field)
    }

    fn with(property: Property<'static>) -> Properties<'static> {
        Properties::new(Vec::leak(vec![property]))
    }

    #[test]
    fn of_connect() {
        let plain = Connect::new(V5, "a");
        let strict = EncodeOptions::new(V5).with_strict_characters(true).with_payload_check(true);
        assert_eq!(fault(plain, V311), (Rule::VersionMismatch, Field::ProtocolLevel));
        assert_eq!(
            fault(Connect { bridge: true, ..plain }, V5),
            (Rule::ProtocolVersion, Field::ProtocolLevel)
        );
        let nul = |client_id| Connect { client_id, ..plain };
        assert_eq!(fault(nul("a\0"), V5), (Rule::NulCharacter, Field::ClientIdentifier));
        let nobody = Connect::new(Version::V31, "");
        assert_eq!(fault(nobody, Version::V31), (Rule::ClientIdEmpty, Field::ClientIdentifier));
        assert_eq!(
            fault(Connect { user_name: Some("\0"), ..plain }, V5),
            (Rule::NulCharacter, Field::UserName)
        );
        let long = vec![b'x'; 65_536];
        assert_eq!(
            fault(Connect { password: Some(&long), ..plain }, V5),
            (Rule::StringTooLong, Field::Password)
        );
        let alone = Connect { password: Some(b"p"), ..Connect::new(V311, "a") };
        assert_eq!(fault(alone, V311), (Rule::PasswordWithoutUserName, Field::Password));
        let properties = with(Property::AuthenticationData(b"x"));
        let method = Field::Property(PropertyId::AuthenticationMethod);
        assert_eq!(fault(Connect { properties, ..plain }, V5), (Rule::AuthenticationMethodMissing, method));
        // Of the will.
        let with_will =
            |will: Will<'static>| Connect { will: Some((&*Box::leak(Box::new(will))).into()), ..plain };
        let topic = topic_name!("a\u{1}");
        assert_eq!(
            fault(with_will(Will::new(topic, b"")), strict),
            (Rule::DisallowedCharacter, Field::WillTopic)
        );
        let long = Will::new(topic, Vec::leak(vec![0; 65_536]));
        assert_eq!(fault(with_will(long), V5), (Rule::StringTooLong, Field::WillPayload));
        let properties = with(Property::PayloadFormatIndicator(true));
        let no_text = Will { properties, ..Will::new(topic_name!("a"), b"\xFF") };
        assert_eq!(fault(with_will(no_text), strict), (Rule::PayloadFormat, Field::WillPayload));
        let alias = Will { properties: with(alias(1)), ..Will::new(topic, b"") };
        let expected = Field::WillProperty(PropertyId::TopicAlias);
        assert_eq!(fault(with_will(alias), V5), (Rule::PropertyNotAllowed, expected));
        assert_eq!(expected.to_string(), "Topic Alias of the will");
    }

    #[test]
    fn of_publish() {
        let plain = Publish::new(topic_name!("a"), b"\xFF");
        let checked = EncodeOptions::new(V5).with_payload_check(true).with_strict_characters(true);
        assert_eq!(fault(Publish { dup: true, ..plain }, V5), (Rule::DupAtQoS0, Field::FixedHeader));
        assert_eq!(fault(Publish { topic: None, ..plain }, V5), (Rule::TopicMissing, Field::TopicName));
        let topic = Some(topic_name!("a\u{7F}"));
        assert_eq!(fault(Publish { topic, ..plain }, checked), (Rule::DisallowedCharacter, Field::TopicName));
        let properties = with(Property::PayloadFormatIndicator(true));
        assert_eq!(fault(Publish { properties, ..plain }, checked), (Rule::PayloadFormat, Field::Payload));
    }

    #[test]
    fn of_properties() {
        let at = Field::Property;
        let publish = |list: &[Property<'static>], options: EncodeOptions| {
            let publish =
                Publish { properties: Properties::new(list), ..Publish::new(topic_name!("a"), b"") };
            fault(publish, options)
        };
        let v5 = EncodeOptions::new(V5);
        let first = Property::ContentType("text/plain");
        let expected = (Rule::PropertyNotAllowed, at(PropertyId::ReasonString));
        assert_eq!(publish(&[first, Property::ReasonString("")], v5), expected);
        let expected = (Rule::PropertyRepeated, at(PropertyId::ContentType));
        assert_eq!(publish(&[first, alias(1), first], v5), expected);
        let expected = (Rule::PropertySender, at(PropertyId::SubscriptionIdentifier));
        let id = Property::SubscriptionIdentifier(SubscriptionId::MAX);
        assert_eq!(publish(&[first, id], v5.with_sender(Sender::Client)), expected);
        let expected = (Rule::NulCharacter, at(PropertyId::UserProperty));
        assert_eq!(publish(&[first, Property::UserProperty(("a", "\0"))], v5), expected);
        let long = Property::CorrelationData(Vec::leak(vec![0; 65_536]));
        let expected = (Rule::StringTooLong, at(PropertyId::CorrelationData));
        assert_eq!(publish(&[first, long, alias(1)], v5), expected);
        let expected = (Rule::NotInVersion, at(PropertyId::ContentType));
        assert_eq!(publish(&[first], EncodeOptions::new(V311)), expected);
        // Where else 3.x has no place for them.
        let (id, properties) = (PacketId::MIN, with(Property::ReasonString("")));
        let (codes, filters) = ([ReasonCode::SUCCESS], [topic_filter!("a")]);
        let ack = Ack { properties, ..Ack::new(id) };
        for packet in [
            Packet::PubAck(ack),
            Packet::PubComp(ack),
            ConnAck { properties, ..ConnAck::new(ReasonCode::SUCCESS) }.into(),
            SubAck { properties, ..SubAck::new(id, &codes) }.into(),
            Unsubscribe { properties, ..Unsubscribe::new(id, &filters) }.into(),
            UnsubAck { properties, ..UnsubAck::new(id, &[]) }.into(),
            Disconnect { properties, ..Disconnect::new(ReasonCode::SUCCESS) }.into(),
        ] {
            assert_eq!(fault(packet, V311), (Rule::NotInVersion, at(PropertyId::ReasonString)));
        }
    }

    #[test]
    fn of_codes_and_lists() {
        let id = PacketId::MIN;
        let present = ConnAck { session_present: true, ..ConnAck::new(ReasonCode::BANNED) };
        assert_eq!(fault(present, V5), (Rule::SessionPresentRefused, Field::SessionPresent));
        let present = ConnAck { session_present: true, ..ConnAck::new(ReasonCode::SUCCESS) };
        assert_eq!(fault(present, Version::V31), (Rule::NotInVersion, Field::SessionPresent));
        assert_eq!(fault(ConnAck::new(ReasonCode::BANNED), V311), (Rule::NotInVersion, Field::ReasonCode));
        let wrong = (Rule::ReasonCodeNotAllowed, Field::ReasonCode);
        assert_eq!(fault(ConnAck::new(ReasonCode::GRANTED_QOS_1), V5), wrong);
        assert_eq!(fault(Packet::PubRec(Ack::new(id).with_reason(ReasonCode::BANNED)), V5), wrong);
        assert_eq!(fault(Disconnect::new(ReasonCode::BANNED), V5), wrong);
        assert_eq!(fault(Auth::new(ReasonCode::BANNED, Properties::EMPTY), V5), wrong);
        let old = (Rule::NotInVersion, Field::ReasonCode);
        assert_eq!(fault(Packet::PubRec(Ack::new(id).with_reason(ReasonCode::BANNED)), V311), old);
        assert_eq!(fault(Disconnect::new(ReasonCode::BANNED), V311), old);
        let from_server = EncodeOptions::new(V5).with_sender(Sender::Server);
        assert_eq!(fault(Packet::PingReq, from_server), (Rule::WrongDirection, Field::FixedHeader));
        let sender = (Rule::ReasonCodeSender, Field::ReasonCode);
        assert_eq!(fault(Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL_MESSAGE), from_server), sender);

        assert_eq!(fault(Subscribe::new(id, &[]), V5), (Rule::EmptyList, Field::List));
        assert_eq!(fault(Unsubscribe::new(id, &[]), V311), (Rule::EmptyList, Field::List));
        let plain = Subscription::new(topic_filter!("a"), QoS::AtMostOnce);
        let shared = Subscription { filter: topic_filter!("$share/g/a"), no_local: true, ..plain };
        let subscriptions = [plain, plain, shared];
        assert_eq!(fault(Subscribe::new(id, &subscriptions), V5), (Rule::NoLocalOnShared, Field::Item(2)));
        let subscriptions = [plain, Subscription { retain_as_published: true, ..plain }];
        assert_eq!(fault(Subscribe::new(id, &subscriptions), V311), (Rule::NotInVersion, Field::Item(1)));
        let codes = [ReasonCode::SUCCESS, ReasonCode::GRANTED_QOS_2];
        assert_eq!(fault(UnsubAck::new(id, &codes), V5), (Rule::ReasonCodeNotAllowed, Field::Item(1)));
        assert_eq!(fault(UnsubAck::new(id, &codes), V311), (Rule::NotInVersion, Field::List));
        let codes = [ReasonCode::NO_SUBSCRIPTION_EXISTED];
        assert_eq!(fault(SubAck::new(id, &codes), V5), (Rule::ReasonCodeNotAllowed, Field::Item(0)));
        // The received ones of another packet.
        let bytes = notation::bytes("90 (0001 () 00 02)");
        let Ok(Packet::SubAck(suback)) = decode_exact(&bytes, V5) else { panic!("a SUBACK") };
        let unsuback = UnsubAck { reason_codes: suback.reason_codes, ..UnsubAck::new(id, &[]) };
        assert_eq!(fault(unsuback, V5), (Rule::ReasonCodeNotAllowed, Field::Item(1)));
    }

    /// Where no field is at fault, none is named.
    #[test]
    fn of_sizes() {
        let packet = Packet::from(Publish::new(topic_name!("a"), b"payload"));
        let limited = EncodeOptions::new(V5).with_max_packet_size(5);
        let error = packet.encode(limited, &mut Vec::new()).expect_err("too large");
        assert_eq!((error.field(), error.rule()), (None, Some(Rule::PacketTooLarge)));
        assert_eq!(error.reason_code(), ReasonCode::PACKET_TOO_LARGE);
        assert_eq!(error.to_string(), "the packet takes 13 bytes, 5 are allowed");
        let error = packet.encode(V5, &mut [0; 4]).expect_err("no room");
        assert_eq!((error.field(), error.rule(), error.requirement()), (None, None, None));
        assert_eq!(error.to_string(), "the packet takes 13 bytes, the buffer has 4");
    }
}

/// A store that looks for a frame finds it, whatever it is read by.
#[test]
fn frames_are_equal_by_their_bytes() {
    let bytes = Bytes::from_static(&[0x32, 9, 0, 1, b'a', 0, 7, 0, b'h', b'i', b'!']);
    let options = [
        DecodeOptions::new(V5),
        DecodeOptions::new(V5).with_sender(Sender::Client),
        DecodeOptions::new(V5).with_max_packet_size(100),
        DecodeOptions::new(V5).with_tolerance(Tolerance::NonMinimalLengths),
    ];
    let frames = options.map(|options| Frame::new(bytes.clone(), options).expect("a frame"));
    let checked = frames.clone().map(|frame| CheckedFrame::new(frame).expect("a good packet"));
    let messages = frames.clone().map(|frame| PublishFrame::new(frame).expect("a PUBLISH"));
    for n in 1..options.len() {
        assert_eq!((&frames[0], &checked[0], &messages[0]), (&frames[n], &checked[n], &messages[n]));
    }
    assert_eq!(HashSet::from(frames.clone()).len(), 1);
    assert_eq!((HashSet::from(checked.clone()).len(), HashSet::from(messages.clone()).len()), (1, 1));
    let other = Frame::new(Bytes::from_static(&[0x32, 9, 0, 1, b'a', 0, 7, 0, b'h', b'i', b'?']), V5);
    assert_ne!(frames[0], other.expect("a frame"));
}

mod sent_again {
    use super::*;

    /// An alias ends with its connection. Sent again, it would stand for nothing, or for another topic.
    #[test]
    fn by_name() {
        let delivery = Delivery::AtLeastOnce(PacketId::MIN);
        let properties = [alias(7), Property::ContentType("text/plain")];
        let by_alias = Publish {
            topic: None,
            delivery,
            properties: Properties::new(&properties),
            ..Publish::new(topic_name!("unused"), b"21.5")
        };
        let frame = Frame::encode(&by_alias.into(), V5).expect("a good packet");
        assert_eq!(frame.clone().with_dup(), None);
        let received = decode_exact(frame.as_bytes(), V5);
        let Ok(Packet::Publish(received)) = received else { panic!("a PUBLISH") };
        for message in [by_alias, received] {
            let again = message.to_resend(topic_name!("kitchen/temperature")).expect("QoS 1");
            let expected = notation::bytes("3A ('kitchen/temperature' 0001 (03 'text/plain') '21.5')");
            let expected =
                [&expected[..1], &[expected[1] - 2], &expected[2..expected.len() - 6], b"21.5"].concat();
            assert_eq!(encoded(again.as_publish(), V5), expected);
        }
        // With a name and an alias, too: the alias would be made anew, on a connection that may not take it.
        let both = Publish { topic: Some(topic_name!("a")), ..by_alias };
        assert_eq!(Frame::encode(&both.into(), V5).expect("a good packet").with_dup(), None);
        let message = PublishFrame::encode(&both, V5).expect("a good packet");
        assert_eq!(message.clone().with_dup(), None);
        let again = message.publish().to_resend(topic_name!("a")).expect("QoS 1");
        assert_eq!(again.as_publish().properties.topic_alias(), None);
    }

    /// What may go out as it is differs by DUP alone.
    #[test]
    fn as_it_was() {
        let bytes = notation::bytes("34 ('a' 0007 (03 'c') 6869)");
        let frame = Frame::new(bytes.clone().into(), V5).expect("a frame");
        let again = frame.with_dup().expect("QoS 2");
        assert_eq!((again.as_bytes()[0], &again.as_bytes()[1..]), (0x3C, &bytes[1..]));
    }

    #[test]
    fn never_at_qos_0() {
        let publish = Publish::new(topic_name!("a"), b"");
        assert_eq!(publish.to_resend(topic_name!("a")), None);
        assert_eq!(Frame::encode(&publish.into(), V5).expect("a good packet").with_dup(), None);
    }
}

/// `[MQTT-3.1.2-2]` of 3.1.1: a server that does not know 5.0 answers in 3.1.1, and the client has to learn why.
#[test]
fn a_refusal_by_an_older_server_is_understood() {
    let answer = [0x20, 2, 0, 1];
    let refusal = ConnAck::new(ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);
    let mut client = Connection::client(V5);
    assert_eq!(client.decode(&answer), Ok(Decoded::Packet { packet: refusal.into(), len: 4 }));
    let frame =
        Codec::client(V5).decode(&mut BytesMut::from(&answer[..])).expect("a frame").expect("a whole one");
    assert_eq!(frame.packet(), Ok(refusal.into()));
    let tolerant = DecodeOptions::new(V5).with_tolerance(Tolerance::RefusalByOlderServer);
    assert_eq!(decode_exact(&answer, tolerant), Ok(refusal.into()));
    // By name only, and only this: the standard has no such packet.
    let strict = decode_exact(&answer, V5).expect_err("it is no packet of 5.0");
    assert_eq!((strict.rule(), strict.offset()), (Rule::ReasonCodeNotAllowed, 3));
    for other in [[0x20, 2, 0, 0], [0x20, 2, 0, 2], [0x20, 2, 0, 5], [0x20, 2, 1, 1]] {
        assert_eq!(
            decode_exact(&other, tolerant).map(|_| ()),
            decode_exact(&other, V5).map(|_| ()),
            "{other:02X?}"
        );
        assert!(decode_exact(&other, tolerant).is_err());
    }
    // In the version of the server it is what it is.
    assert_eq!(decode_exact(&answer, V311), Ok(refusal.into()));
}

/// The same fault is the same error, with the first bytes of a packet and with all of them.
#[test]
fn an_error_is_the_same_however_much_has_come() {
    let limited = DecodeOptions::new(V5).with_max_packet_size(8);
    for (text, options, first) in [
        ("C1 00 30 00", V5.into(), 1),
        ("36 ('a' 0001 ())", V5.into(), 1),
        ("30 80 80 80 80 00 00", V5.into(), 5),
        ("C0 80 00 00", V5.into(), 3),
        ("30 ('a' () 'payload')", limited, 2),
        ("C0 00 00", DecodeOptions::detect(), 1),
        ("C0 00 00", DecodeOptions::detect().with_first_packet(true), 1),
        ("C0 00 00", DecodeOptions::new(V5).with_sender(Sender::Server), 1),
        ("16 03 01 00 F4 01", DecodeOptions::detect(), 1),
    ] {
        let bytes = notation::bytes(text);
        let whole = decode(&bytes, options).expect_err("a fault");
        for end in 0..bytes.len() {
            let found = decode(&bytes[..end], options);
            match end {
                end if end < first => {
                    assert!(matches!(found, Ok(Decoded::Incomplete { .. })), "{text}: {found:?}");
                }
                _ => assert_eq!(found, Err(whole), "{text}: {end} bytes"),
            }
        }
    }
}
