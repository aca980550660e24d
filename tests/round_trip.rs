//! Properties of the codec over packets of every kind and over bytes that are nearly packets: what is encoded is
//! decoded, and the twelve laws that published parser bugs have taught. `PROPTEST_CASES` sets how many cases
//! each property gets; a failure is shrunk and kept in `round_trip.regressions`.

#![cfg(feature = "bytes")]

#[path = "common/bounds.rs"]
mod bounds;
#[path = "common/canonical.rs"]
#[allow(dead_code, reason = "the names of the forms are for counting them")]
mod canonical;
#[path = "common/frames.rs"]
#[allow(dead_code, reason = "their names are for tests that walk through the table")]
mod frames;
#[path = "common/input.rs"]
mod input;
#[path = "common/notation.rs"]
mod notation;
#[path = "common/strategy.rs"]
mod strategy;
#[path = "common/tables.rs"]
mod tables;

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use input::{Input, announced, config, decoding, encoding, frame, input, wire, with_length_put_right};
use mqtt_wire::{
    ConnAck, Connect, DecodeError, DecodeOptions, Decoded, DecodedHead, Delivery, EncodeErrorKind,
    EncodeOptions, Field, FixedHeader, Frame, Packet, PacketType, Properties, Property, PropertyId,
    PropertySet, Publish, PublishFrame, QoS, ReasonCode, Rule, Sender, Version, decode, decode_exact,
    decode_publish_head, frame_len, topic_name,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use strategy::{Body, Case, Owned, valid, valid_packet, wild};

fn other(sender: Sender) -> Sender {
    if sender == Sender::Client { Sender::Server } else { Sender::Client }
}

fn hashed(value: &impl std::hash::Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

/// What tells errors apart.
fn fault(error: &DecodeError) -> (Rule, usize) {
    (error.rule(), error.offset())
}

mod encoding {
    use super::*;

    proptest! {
        #![proptest_config(config(1500))]

        /// The bytes are those of a plain encoder, and are decoded to the packet.
        #[test]
        fn what_is_encoded_is_decoded(case in valid()) {
            let expected = wire(&case);
            case.with(|packet| {
                for options in [encoding(&case), case.version.into()] {
                    let mut out = Vec::new();
                    prop_assert_eq!(packet.encode(options, &mut out), Ok(expected.len()));
                    prop_assert_eq!(&out, &expected);
                }
                for options in [decoding(&case), case.version.into()] {
                    prop_assert_eq!(decode_exact(&expected, options), Ok(*packet));
                }
                let frame = Frame::encode(packet, encoding(&case)).expect("a good packet");
                prop_assert_eq!(frame.as_bytes(), &expected[..]);
                prop_assert_eq!(frame.packet(), Ok(*packet));
                Ok(())
            })?;
        }

        /// Decoded, a packet is encoded to the bytes that it came in.
        #[test]
        fn what_is_decoded_is_encoded(case in valid()) {
            let wire = wire(&case);
            let packet = decode_exact(&wire, decoding(&case)).expect("a good packet");
            let mut out = Vec::new();
            prop_assert_eq!(packet.encode(encoding(&case), &mut out), Ok(wire.len()));
            prop_assert_eq!(out, wire);
        }

        /// Whatever the values: encoded exactly when the bytes would be decoded.
        #[test]
        fn encode_refuses_what_decode_refuses(case in wild(), control: bool, format: bool) {
            let (mut reading, mut writing) = (decoding(&case), encoding(&case));
            if control {
                (reading, writing) = (reading.with_strict_characters(true), writing.with_strict_characters(true));
            }
            if format {
                (reading, writing) = (reading.with_payload_check(true), writing.with_payload_check(true));
            }
            let plain = case.plain();
            case.with(|packet| {
                let mut out = b"before".to_vec();
                match packet.encode(writing, &mut out) {
                    Ok(len) => {
                        prop_assert_eq!(len + 6, out.len());
                        prop_assert_eq!(Some(&out[6..]), plain.as_deref());
                        prop_assert_eq!(decode_exact(&out[6..], reading), Ok(*packet));
                    }
                    Err(error) => {
                        prop_assert_eq!(out, b"before");
                        prop_assert!(matches!(error.kind(), EncodeErrorKind::Invalid(_)), "{}", error);
                        prop_assert_eq!(error.packet_type(), Some(packet.packet_type()));
                        prop_assert_eq!(error.rule().map(Rule::reason_code), Some(error.reason_code()));
                        prop_assert!(is_there(packet, error.field()), "{}: {:?}", error, packet);
                        if let Some(plain) = &plain {
                            prop_assert!(decode_exact(plain, reading).is_err(), "{} {:02X?}", error, plain);
                        }
                    }
                }
                Ok(())
            })?;
        }

        #[test]
        fn after_an_error_no_output_has_changed(case in wild()) {
            case.with(|packet| {
                let Err(error) = packet.encoded_len(encoding(&case)) else { return Ok(()) };
                let mut slice = [0xA5; 64];
                prop_assert_eq!(packet.encode(encoding(&case), &mut slice), Err(error));
                prop_assert_eq!(slice, [0xA5; 64]);
                let mut vec = vec![0xA5; 3];
                prop_assert_eq!(packet.encode(encoding(&case), &mut vec), Err(error));
                prop_assert_eq!(vec, [0xA5; 3]);
                let mut bytes = BytesMut::from(&[0xA5; 3][..]);
                prop_assert_eq!(packet.encode(encoding(&case), &mut bytes), Err(error));
                prop_assert_eq!(&bytes[..], [0xA5; 3]);
                prop_assert_eq!(Frame::encode(packet, encoding(&case)), Err(error));
                Ok(())
            })?;
        }

        /// A packet of any version in any other: it is encoded there, and what it keeps is what it was.
        #[test]
        fn downgrade_is_total(case in valid(), target in select(Version::ALL.to_vec())) {
            case.with(|packet| {
                match packet.downgrade(target) {
                    Some(lower) if target == Version::V5 => prop_assert_eq!(lower, *packet),
                    Some(lower) => {
                        let mut out = Vec::new();
                        prop_assert!(lower.encode(target, &mut out).is_ok(), "{:?} from {:?}", lower, packet);
                        prop_assert_eq!(decode_exact(&out, target), Ok(lower));
                        prop_assert_eq!(lower.downgrade(target), Some(lower));
                    }
                    None => prop_assert!(has_no_lower_form(&case, target), "{:?}", packet),
                }
                Ok(())
            })?;
        }

        #[test]
        fn upgrade_is_total(case in valid()) {
            case.with(|packet| {
                match packet.upgrade() {
                    Some(higher) => {
                        let mut out = Vec::new();
                        prop_assert!(higher.encode(Version::V5, &mut out).is_ok(), "{:?} from {:?}", higher, packet);
                        prop_assert_eq!(decode_exact(&out, Version::V5), Ok(higher));
                        if case.version < Version::V5 {
                            let back = higher.downgrade(case.version);
                            prop_assert_eq!(back, Some(*packet), "there and back");
                        } else {
                            prop_assert_eq!(higher, *packet);
                        }
                    }
                    None => prop_assert!(has_no_higher_form(&case), "{:?}", packet),
                }
                Ok(())
            })?;
        }
    }

    /// Whether a field that is said to be at fault is one of the packet's, and if it is a property, one that it has or
    /// lacks.
    fn is_there(packet: &Packet<'_>, field: Option<Field>) -> bool {
        let ids = |packet: &Packet<'_>| match packet {
            Packet::Connect(body) => body.properties.ids(),
            Packet::ConnAck(body) => body.properties.ids(),
            Packet::Publish(body) => body.properties.ids(),
            Packet::PubAck(body) | Packet::PubRec(body) | Packet::PubRel(body) | Packet::PubComp(body) => {
                body.properties.ids()
            }
            Packet::Subscribe(body) => body.properties.ids(),
            Packet::SubAck(body) => body.properties.ids(),
            Packet::Unsubscribe(body) => body.properties.ids(),
            Packet::UnsubAck(body) => body.properties.ids(),
            Packet::Disconnect(body) => body.properties.ids(),
            Packet::Auth(body) => body.properties.ids(),
            Packet::PingReq | Packet::PingResp => PropertySet::EMPTY,
        };
        let Some(field) = field else { return false };
        let in_list = |len: usize| match field {
            Field::List => true,
            Field::Item(at) => (at as usize) < len,
            _ => false,
        };
        match (field, packet) {
            (Field::FixedHeader | Field::Property(PropertyId::AuthenticationMethod), _) => true,
            (Field::Property(id), _) => ids(packet).contains(id),
            (_, Packet::Connect(connect)) => match field {
                Field::WillProperty(id) => {
                    connect.will.is_some_and(|will| will.get().properties.contains(id))
                }
                Field::WillTopic | Field::WillPayload => connect.will.is_some(),
                Field::UserName => connect.user_name.is_some(),
                Field::Password => connect.password.is_some(),
                _ => matches!(field, Field::ProtocolLevel | Field::ClientIdentifier),
            },
            (_, Packet::Publish(_)) => matches!(field, Field::TopicName | Field::Payload),
            (_, Packet::ConnAck(_)) => matches!(field, Field::SessionPresent | Field::ReasonCode),
            (_, Packet::Subscribe(body)) => in_list(body.subscriptions.len()),
            (_, Packet::SubAck(body)) => in_list(body.reason_codes.len()),
            (_, Packet::Unsubscribe(body)) => in_list(body.filters.len()),
            (_, Packet::UnsubAck(body)) => in_list(body.reason_codes.len()),
            (_, Packet::PingReq | Packet::PingResp) => false,
            _ => field == Field::ReasonCode,
        }
    }

    /// What 3.x cannot say.
    fn has_no_lower_form(case: &Case, target: Version) -> bool {
        match &case.body {
            Body::Auth { .. } => true,
            Body::Disconnect { code, .. } => *code != 0,
            Body::Publish { topic, .. } => topic.is_none(),
            // 3.1 has no failure.
            Body::SubAck { codes, .. } => target == Version::V31 && codes.iter().any(|code| *code >= 0x80),
            Body::Connect { client_id, clean_start, user_name, password, .. } => {
                let identified = match target {
                    Version::V31 => (1..=23).contains(&client_id.chars().count()),
                    _ => *clean_start || !client_id.is_empty(),
                };
                !identified || (password.is_some() && user_name.is_none())
            }
            _ => false,
        }
    }

    /// What 5.0 cannot say: an UNSUBACK without codes, filters that look like shared subscriptions.
    fn has_no_higher_form(case: &Case) -> bool {
        let refused = |text: &String| mqtt_wire::TopicFilter::new(text).is_err();
        match &case.body {
            Body::UnsubAck { .. } => case.version < Version::V5,
            Body::Subscribe { subscriptions, .. } => subscriptions.iter().any(|(text, _)| refused(text)),
            Body::Unsubscribe { filters, .. } => filters.iter().any(refused),
            _ => false,
        }
    }
}

mod properties {
    use super::*;

    fn received(case: &Case) -> &[Owned] {
        match &case.body {
            Body::Publish { properties, .. } => properties,
            _ => &[],
        }
    }

    proptest! {
        #![proptest_config(config(500))]

        /// Properties hidden and added on the way through a broker, edits upon edits, against lists that are filtered
        /// and joined.
        #[test]
        fn forwarding(
            case in valid_packet(PacketType::Publish, Version::V5, Sender::Server),
            hidden in vec(select(vec![1, 2, 3, 8, 9, 11, 35, 38]), 0..4),
            later in vec(select(vec![1, 2, 3, 8, 9, 11, 35, 38]), 0..3),
            expiry: u32,
        ) {
            let wire = wire(&case);
            let Ok(Packet::Publish(publish)) = decode_exact(&wire, Version::V5) else { panic!("a PUBLISH") };
            let set = |ids: &[u8]| ids.iter().filter_map(|id| PropertyId::new(*id)).collect::<PropertySet>();
            let added = [Property::MessageExpiryInterval(expiry), Property::UserProperty(("via", ""))];
            let last = [Property::UserProperty(("to", "you"))];
            let topic = publish.topic.or(Some(mqtt_wire::topic_name!("t")));
            let list = strategy::properties(received(&case));
            // Upon what came over the wire and upon the same as a list.
            for base in [publish.properties, Properties::new(&list)] {
                let first = base.edit(set(&hidden) | PropertyId::MessageExpiryInterval, &added);
                let mut expected: Vec<_> = base.iter().collect();
                expected.retain(|one| {
                    one.id() != PropertyId::MessageExpiryInterval && !set(&hidden).contains(one.id())
                });
                expected.extend(added);
                let second = first.as_properties().without(set(&later));
                let third = second.as_properties().with(&last);
                let edited = [first.as_properties(), second.as_properties(), third.as_properties()];
                for (step, properties) in edited.into_iter().enumerate() {
                    match step {
                        1 => expected.retain(|one| !set(&later).contains(one.id())),
                        2 => expected.extend(last),
                        _ => {}
                    }
                    same_properties(properties, &expected)?;
                    let edited = Packet::from(Publish { properties, topic, ..publish });
                    let plain = Packet::from(Publish { properties: Properties::new(&expected), topic, ..publish });
                    let (mut one, mut two) = (Vec::new(), Vec::new());
                    prop_assert!(edited.encode(Version::V5, &mut one).is_ok());
                    prop_assert!(plain.encode(Version::V5, &mut two).is_ok());
                    prop_assert_eq!(one, two);
                }
            }
        }
    }

    /// However they are held, properties are the list.
    fn same_properties(properties: Properties<'_>, list: &[Property<'_>]) -> Result<(), TestCaseError> {
        let expected = Properties::new(list);
        prop_assert_eq!(properties, expected);
        prop_assert!(properties.iter().eq(list.iter().copied()));
        let (least, most) = properties.iter().size_hint();
        prop_assert!(least <= list.len() && most.is_none_or(|most| list.len() <= most));
        // One by one up to somewhere, and the rest at once.
        for start in 0..=list.len() {
            let mut rest = properties.iter();
            prop_assert_eq!(rest.by_ref().take(start).count(), start);
            let rest = rest.fold(Vec::new(), |mut all, one| {
                all.push(one);
                all
            });
            prop_assert_eq!(&rest[..], &list[start..]);
        }
        prop_assert_eq!(properties.is_empty(), list.is_empty());
        prop_assert_eq!(properties.ids(), list.iter().map(Property::id).collect::<PropertySet>());
        prop_assert_eq!(hashed(&properties), hashed(&expected));
        for id in PropertyId::ALL.iter().copied() {
            let first = list.iter().find(|one| one.id() == id).copied();
            prop_assert_eq!(properties.find(id), first);
            prop_assert_eq!(properties.contains(id), first.is_some());
        }
        let pairs = list.iter().filter_map(|one| match one {
            Property::UserProperty(pair) => Some(*pair),
            _ => None,
        });
        prop_assert!(properties.user_properties().eq(pairs));
        Ok(())
    }
}

mod publishing {
    use super::*;

    fn publishes() -> impl Strategy<Value = Case> {
        (select(Version::ALL.to_vec()), select(vec![Sender::Client, Sender::Server]))
            .prop_flat_map(|(version, sender)| valid_packet(PacketType::Publish, version, sender))
    }

    fn encoded(publish: Publish<'_>, version: Version) -> Vec<u8> {
        let mut out = Vec::new();
        Packet::from(publish).encode(version, &mut out).expect("a good packet");
        out
    }

    proptest! {
        #![proptest_config(config(400))]

        /// The head and the payload behind it are the packet.
        #[test]
        fn the_head_alone(case in publishes()) {
            case.with(|packet| {
                let Packet::Publish(publish) = packet else { panic!("a PUBLISH") };
                let mut out = Vec::new();
                let len = publish.encode_head(case.version, &mut out).expect("a good packet");
                prop_assert_eq!(len, out.len());
                out.extend_from_slice(publish.payload);
                prop_assert_eq!(out, wire(&case));
                Ok(())
            })?;
        }

        /// The head makes the message it was taken from, with its payload.
        #[test]
        fn the_head_and_its_payload(case in publishes()) {
            let bytes = wire(&case);
            let found = decode_publish_head(&bytes, decoding(&case));
            let Ok(DecodedHead::Publish { head, len, payload }) = found else { panic!("a PUBLISH") };
            prop_assert_eq!(payload.remaining(), bytes.len() - len);
            let Ok(Packet::Publish(publish)) = decode_exact(&bytes, decoding(&case)) else { panic!("a PUBLISH") };
            prop_assert_eq!(head.with_payload(&bytes[len..]), publish);
            prop_assert_eq!(encoded(head.with_payload(&bytes[len..]), case.version), bytes);
        }

        /// A frame can be sent again as it is, with DUP, when it is a PUBLISH of QoS 1 or 2 that names its topic and
        /// has no alias, which would mean nothing on another connection.
        #[test]
        fn again_with_dup(case in prop_oneof![publishes().boxed(), valid().boxed()]) {
            let bytes = wire(&case);
            let frame = Frame::new(bytes.clone().into(), decoding(&case)).expect("a frame");
            let kept = frame.clone();
            let again = frame.clone().with_dup();
            prop_assert_eq!(kept.as_bytes(), &bytes[..]);
            let publish = PublishFrame::new(frame.clone()).ok();
            prop_assert_eq!(publish.map(|publish| publish.with_dup().map(Frame::from)), {
                (case.packet_type() == PacketType::Publish).then(|| again.clone())
            });
            match decode_exact(&bytes, decoding(&case)) {
                Ok(Packet::Publish(publish))
                    if publish.delivery.qos() > QoS::AtMostOnce
                        && publish.topic.is_some()
                        && publish.properties.topic_alias().is_none() =>
                {
                    let expected = Publish { dup: true, ..publish };
                    let again = again.expect("it can be sent again");
                    prop_assert_eq!(again.as_bytes(), &encoded(expected, case.version)[..]);
                    prop_assert_eq!(again.packet(), Ok(expected.into()));
                    prop_assert_eq!(again.options(), frame.options());
                    prop_assert_eq!(again.clone().with_dup(), Some(again));
                }
                _ => prop_assert_eq!(again, None),
            }
        }

        /// A message is sent again with DUP, by name, and with all its properties but the alias.
        #[test]
        fn again_by_name(case in publishes()) {
            case.with(|packet| {
                let Packet::Publish(publish) = packet else { panic!("a PUBLISH") };
                let name = mqtt_wire::topic_name!("the/name/it/was/sent/to");
                let Some(again) = publish.to_resend(name) else {
                    prop_assert_eq!(publish.delivery, Delivery::AtMostOnce);
                    return Ok(());
                };
                prop_assert_ne!(publish.delivery, Delivery::AtMostOnce);
                let mut properties: Vec<_> = publish.properties.iter().collect();
                properties.retain(|one| one.id() != PropertyId::TopicAlias);
                let properties = Properties::new(&properties);
                let expected = Publish { dup: true, topic: Some(name), properties, ..*publish };
                prop_assert_eq!(again.as_publish(), expected);
                prop_assert_eq!(encoded(again.as_publish(), case.version), encoded(expected, case.version));
                Ok(())
            })?;
        }

        #[test]
        fn a_slice_of_a_frame_is_the_same_memory(case in publishes()) {
            let frame = Frame::new(wire(&case).into(), case.version).expect("a frame");
            let Ok(Packet::Publish(publish)) = frame.packet() else { panic!("a PUBLISH") };
            let payload = frame.slice(publish.payload);
            prop_assert_eq!(&payload[..], publish.payload);
            prop_assert!(payload.is_empty() || payload.as_ptr() == publish.payload.as_ptr());
        }
    }
}

/// The laws, one by one.
mod laws {
    use super::*;

    proptest! {
        #![proptest_config(config(1500))]

        /// 1. Whether a packet is incomplete is decided by its fixed header, and the count is right.
        #[test]
        fn law_01_incomplete_depends_on_the_fixed_header_alone(input in input(), fill: u8) {
            let found = decode(&input.bytes, input.options());
            if let Ok(Decoded::Incomplete { missing }) = found {
                let expected = match announced(&input.bytes) {
                    Some(whole) => whole - input.bytes.len(),
                    None if input.bytes.is_empty() => 2,
                    None => 1,
                };
                prop_assert_eq!(missing, expected);
                if let Some(header) = FixedHeader::decode(&input.bytes, input.options()).expect("a good header") {
                    let mut other = input.bytes.clone();
                    other[header.len()..].fill(fill);
                    prop_assert_eq!(decode(&other, input.options()), found, "another body");
                }
            }
            if announced(&input.bytes).is_some_and(|whole| whole <= input.bytes.len()) {
                prop_assert!(!matches!(found, Ok(Decoded::Incomplete { .. })), "{:?}", found);
            }
        }

        /// 2. A packet's result depends on its own bytes: not on those behind it, not on how they come.
        #[test]
        fn law_02_a_result_depends_on_the_packet_alone(
            version in select(Version::ALL.to_vec()),
            client: bool,
            frames in vec(frame(), 1..5),
            size in 1..50_usize,
        ) {
            let sender = if client { Sender::Client } else { Sender::Server };
            let options = DecodeOptions::new(version).with_sender(sender);
            let stream: Vec<u8> = frames.iter().flat_map(|input| input.bytes.clone()).collect();
            let (mut buffer, mut expected) = (Vec::new(), frames.iter().map(|input| &input.bytes[..]));
            let mut next = expected.next();
            for chunk in stream.chunks(size) {
                buffer.extend_from_slice(chunk);
                while let Some(frame) = next {
                    let found = decode(&buffer, options);
                    let alone = decode(frame, options);
                    if buffer.len() < frame.len() {
                        match (found, alone) {
                            (Ok(Decoded::Incomplete { missing }), _) => {
                                prop_assert!(missing <= frame.len() - buffer.len());
                            }
                            (Err(early), Err(late)) => prop_assert_eq!(fault(&early), fault(&late)),
                            wrong => prop_assert!(false, "{:?}", wrong),
                        }
                        break;
                    }
                    prop_assert_eq!(&found, &alone);
                    if let Err(error) = alone {
                        prop_assert_eq!(frame_len(&buffer), Some(frame.len()), "{}", error);
                    }
                    buffer.drain(..frame.len());
                    next = expected.next();
                }
            }
            prop_assert!(next.is_none() && buffer.is_empty());
        }

        /// 3. A packet is refused at the first byte that decides it, and stays refused.
        #[test]
        fn law_03_a_packet_is_refused_at_the_byte_that_decides(input in input(), limit in 2..200_u32) {
            let options = input.options().with_max_packet_size(limit);
            let Err(error) = decode(&input.bytes, options) else { return Ok(()) };
            let first = (0..=input.bytes.len()).find(|end| decode(&input.bytes[..*end], options).is_err());
            let first = first.expect("it is refused as a whole");
            for end in first..input.bytes.len() {
                let found = decode(&input.bytes[..end], options).expect_err("it stays refused");
                prop_assert_eq!(fault(&found), fault(&error));
            }
            let header = input.bytes.iter().skip(1).take_while(|byte| **byte >= 0x80).count() + 2;
            let expected = match error.rule() {
                _ if error.offset() == 0 => 1,
                Rule::PacketTooLarge => header,
                Rule::LengthTooLong | Rule::LengthNotShortest if error.offset() < header => error.offset() + 1,
                // A body is judged when it is there.
                _ => announced(&input.bytes).expect("a whole header"),
            };
            prop_assert_eq!(first, expected, "{}", error);
        }

        /// 4. What was used up is the header and the Remaining Length, never nothing.
        #[test]
        fn law_04_a_packet_takes_what_its_header_says(input in input()) {
            let whole = announced(&input.bytes);
            match decode(&input.bytes, input.options()) {
                Ok(Decoded::Packet { len, .. }) => prop_assert_eq!(Some(len), whole),
                Ok(Decoded::Incomplete { missing }) => prop_assert!(missing > 0),
                Err(_) => {}
            }
            prop_assert_eq!(frame_len(&input.bytes), whole);
            prop_assert!(whole.is_none_or(|len| len >= 2));
        }

        /// 5. Nothing is reserved for what is announced, and the limit is judged on the header, before the body.
        #[test]
        fn law_05_nothing_is_reserved_beyond_what_has_come(input in input(), above in 0..8_u32, limit in 2..300_u32) {
            let mut stream = BytesMut::from(&input.bytes[..]);
            let before = stream.capacity();
            let cut = Frame::split_from(&mut stream, input.options());
            prop_assert!(stream.capacity() <= before);
            if !matches!(cut, Ok(Some(_))) {
                prop_assert_eq!(&stream[..], &input.bytes[..]);
            }
            // Often the limit is near the size.
            let near = announced(&input.bytes).map(|len| (u32::try_from(len).expect("in range") + above).saturating_sub(4));
            let limit = near.filter(|_| above < 6).unwrap_or(limit);
            let limited = input.options().with_max_packet_size(limit);
            let header = FixedHeader::decode(&input.bytes, input.options());
            if let Ok(Some(header)) = header {
                let refused = decode(&input.bytes[..header.len()], limited).map_err(|error| error.rule());
                let too_large = header.frame_len() > limit as usize;
                prop_assert_eq!(refused == Err(Rule::PacketTooLarge), too_large);
                let same = decode(&input.bytes, limited) == decode(&input.bytes, input.options());
                prop_assert!(too_large || same);
            }
        }

        /// 7. What is decoded is encoded to the bytes it came in, the listed other forms apart, which are
        /// encoded in the canonical one.
        #[test]
        fn law_07_one_packet_has_one_form(input in frame()) {
            let Ok(packet) = decode_exact(&input.bytes, input.options()) else { return Ok(()) };
            let mut out = Vec::new();
            let options = EncodeOptions::new(input.version).with_sender(input.sender);
            prop_assert_eq!(packet.encode(options, &mut out), Ok(out.len()));
            prop_assert_eq!(&out, &canonical_form(&input, &packet));
            prop_assert_eq!(decode_exact(&out, input.options()), Ok(packet));
        }

        /// 8. The length is known before, a buffer that is too short is not touched, a limit is kept.
        #[test]
        fn law_08_the_length_is_exact(case in valid(), short: Index, margin in 0..4_usize) {
            let expected = wire(&case);
            let size = expected.len();
            case.with(|packet| {
                prop_assert_eq!(packet.encoded_len(case.version), Ok(size));
                let mut room = vec![0xA5; size + margin];
                prop_assert_eq!(packet.encode(case.version, room.as_mut_slice()), Ok(size));
                prop_assert_eq!(&room[..size], &expected[..]);
                prop_assert!(room[size..].iter().all(|byte| *byte == 0xA5));

                let available = short.index(size);
                let mut room = vec![0xA5; available];
                let too_small = EncodeErrorKind::BufferTooSmall { needed: size, available };
                let refused = packet.encode(case.version, room.as_mut_slice()).map_err(|error| error.kind());
                prop_assert_eq!(refused, Err(too_small));
                prop_assert!(room.iter().all(|byte| *byte == 0xA5));

                let mut vec = b"before".to_vec();
                let max = u32::try_from(available).expect("small");
                let too_large = EncodeErrorKind::TooLarge { size, max: available };
                let limited = EncodeOptions::new(case.version).with_max_packet_size(max);
                let refused = packet.encode(limited, &mut vec).map_err(|error| error.kind());
                prop_assert_eq!(refused, Err(too_large));
                prop_assert_eq!(&vec, b"before");
                prop_assert_eq!(packet.encode(case.version, &mut vec), Ok(size));
                prop_assert_eq!(&vec[6..], &expected[..]);
                let mut bytes = BytesMut::from(&b"before"[..]);
                let refused = packet.encode(limited, &mut bytes).map_err(|error| error.kind());
                prop_assert_eq!(refused, Err(too_large));
                prop_assert_eq!(&bytes[..], b"before");
                prop_assert_eq!(packet.encode(case.version, &mut bytes), Ok(size));
                prop_assert_eq!(&bytes[6..], &expected[..]);
                Ok(())
            })?;
        }

        /// 10. Every version and either side judges for itself; a packet from the wrong side is an error.
        #[test]
        fn law_10_each_direction_has_its_own_rules(case in valid()) {
            let bytes = wire(&case);
            let wrong = decode_exact(&bytes, DecodeOptions::new(case.version).with_sender(other(case.sender)));
            match &wrong {
                _ if !tables::may_send(case.packet_type(), case.version, other(case.sender)) => {
                    prop_assert_eq!(wrong.map_err(|error| fault(&error)), Err((Rule::WrongDirection, 0)));
                }
                Err(error) => {
                    prop_assert!(matches!(error.rule(), Rule::ReasonCodeSender | Rule::PropertySender));
                    prop_assert!(!may_come_from(&case, other(case.sender)), "{}", error);
                }
                Ok(_) => prop_assert!(may_come_from(&case, other(case.sender)), "{:?}", wrong),
            }
            for version in Version::ALL {
                for options in [DecodeOptions::new(version), DecodeOptions::new(version).with_sender(case.sender)] {
                    let _ = decode(&bytes, options.with_first_packet(true));
                    let _ = decode(&bytes, options);
                }
            }
        }

        /// 11. After an error nothing stays behind on the heap.
        #[test]
        fn law_11_nothing_is_left_on_the_heap(input in input()) {
            let left = allocation_counter::measure(|| {
                let mut stream = BytesMut::from(&input.bytes[..]);
                if let Ok(Some(frame)) = Frame::split_from(&mut stream, input.options()) {
                    frame.packet().ok();
                    drop(frame.clone().with_dup());
                }
                drop(Frame::new(Bytes::copy_from_slice(&input.bytes), input.options()));
            });
            prop_assert_eq!((left.count_current, left.bytes_current), (0, 0));
        }

        /// 12. The borrowed, the exact, the owned and the streaming decoder agree.
        #[test]
        fn law_12_all_decoders_agree(input in input(), format: bool, size in 1..9_usize) {
            let options = if format { input.options().with_payload_check(true) } else { input.options() };
            let borrowed = decode(&input.bytes, options);
            let mut stream = BytesMut::from(&input.bytes[..]);
            let owned = Frame::split_from(&mut stream, options);
            match (&borrowed, &owned) {
                (Ok(Decoded::Incomplete { .. }), Ok(None)) => {
                    prop_assert_eq!(&stream[..], &input.bytes[..]);
                }
                (Ok(Decoded::Packet { packet, len }), Ok(Some(frame))) => {
                    prop_assert_eq!(frame.packet(), Ok(*packet));
                    prop_assert_eq!(frame.packet_type(), packet.packet_type());
                    prop_assert_eq!(frame.as_bytes(), &input.bytes[..*len]);
                    prop_assert_eq!(&stream[..], &input.bytes[*len..]);
                }
                (Err(error), Ok(Some(frame))) => {
                    prop_assert_eq!(frame.packet(), Err(*error));
                    prop_assert_eq!(frame_len(&input.bytes), Some(frame.as_bytes().len()));
                }
                (Err(error), Err(owned)) => prop_assert_eq!(error, owned),
                (borrowed, owned) => prop_assert!(false, "{:?} {:?}", borrowed, owned),
            }

            let exact = decode_exact(&input.bytes, options);
            let whole = Frame::new(Bytes::copy_from_slice(&input.bytes), options);
            let whole = whole.as_ref().map_err(|error| *error).and_then(Frame::packet);
            prop_assert_eq!(&exact, &whole);
            match (&borrowed, &exact) {
                (Ok(Decoded::Packet { packet, len }), Ok(exact)) => {
                    prop_assert_eq!(packet, exact);
                    prop_assert_eq!(*len, input.bytes.len());
                }
                (Ok(Decoded::Packet { len, .. }), Err(error)) => {
                    prop_assert_eq!(fault(error), (Rule::TrailingBytes, *len));
                }
                (Ok(Decoded::Incomplete { .. }), Err(error)) => prop_assert_eq!(error.rule(), Rule::Truncated),
                (Err(one), Err(two)) => {
                    let trailing = frame_len(&input.bytes).is_some_and(|len| len < input.bytes.len());
                    prop_assert!(one == two || (trailing && two.rule() == Rule::TrailingBytes), "{} {}", one, two);
                }
                (borrowed, exact) => prop_assert!(false, "{:?} {:?}", borrowed, exact),
            }
            streamed_agrees(&input, options, &borrowed, size)?;
        }
    }

    /// The head as soon as it is there, then the payload in pieces.
    fn streamed_agrees(
        input: &Input,
        options: DecodeOptions,
        borrowed: &Result<Decoded<'_>, DecodeError>,
        size: usize,
    ) -> Result<(), TestCaseError> {
        let mut end = 0;
        let (head, head_len, mut payload) = loop {
            match decode_publish_head(&input.bytes[..end], options) {
                Ok(DecodedHead::Publish { head, len, payload }) => break (head, len, payload),
                Ok(DecodedHead::Other(header)) => {
                    prop_assert_ne!(header.packet_type(), PacketType::Publish);
                    return Ok(());
                }
                Ok(DecodedHead::Incomplete { missing }) => {
                    prop_assert!(missing > 0);
                    if end == input.bytes.len() {
                        prop_assert!(matches!(borrowed, Ok(Decoded::Incomplete { .. })), "{:?}", borrowed);
                        return Ok(());
                    }
                    // Fewer than asked for are never enough.
                    end = input.bytes.len().min(end + missing.min(size));
                }
                Err(error) => {
                    match borrowed {
                        Err(whole) => prop_assert_eq!(fault(&error), fault(whole)),
                        // Seen before the payload was there.
                        Ok(found) => {
                            prop_assert!(
                                matches!(found, Decoded::Incomplete { .. }),
                                "{} {:?}",
                                error,
                                found
                            );
                        }
                    }
                    return Ok(());
                }
            }
        };
        let mut taken = Vec::new();
        let mut refused = None;
        for piece in input.bytes[head_len..].chunks(size) {
            if payload.is_complete() {
                break;
            }
            match payload.take(piece) {
                Ok(bytes) => taken.extend_from_slice(bytes),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        match (borrowed, refused) {
            (Ok(Decoded::Packet { packet: Packet::Publish(publish), len }), None) => {
                prop_assert!(payload.is_complete());
                prop_assert_eq!(head.with_payload(publish.payload), *publish);
                prop_assert_eq!(head_len + publish.payload.len(), *len);
                prop_assert_eq!(&taken[..], publish.payload);
            }
            (Ok(Decoded::Incomplete { missing }), None) => prop_assert_eq!(payload.remaining(), *missing),
            (Ok(Decoded::Incomplete { .. }), Some(error)) => {
                prop_assert_eq!(error.rule(), Rule::PayloadFormat);
            }
            (Err(whole), Some(error)) => {
                prop_assert_eq!(whole.rule(), Rule::PayloadFormat);
                prop_assert_eq!(fault(&error), fault(whole));
            }
            (borrowed, refused) => prop_assert!(false, "{:?} {:?}", borrowed, refused),
        }
        Ok(())
    }

    /// The other forms of 3.x, each by name, and those of 5.0 that leave something out.
    fn canonical_form(input: &Input, packet: &Packet<'_>) -> Vec<u8> {
        // Remaining Length in more bytes than needed, which 3.x does not forbid.
        let mut form = if input.version < Version::V5 {
            with_length_put_right(&input.bytes)
        } else {
            input.bytes.clone()
        };
        if input.version == Version::V31 {
            let body = 2 + form[1..].iter().take_while(|byte| **byte >= 0x80).count();
            // Flags without a meaning, such as DUP in what is sent again.
            form[0] = match packet {
                Packet::Publish(_) => form[0],
                Packet::PubRel(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) => form[0] & 0xF0 | 0x02,
                _ => form[0] & 0xF0,
            };
            match packet {
                // A byte without a meaning.
                Packet::ConnAck(_) => form[body] = 0,
                // Flags for fields that the Remaining Length leaves out, and one without a meaning.
                Packet::Connect(connect) => {
                    let flags = &mut form[body + 9];
                    *flags &= 0x3E;
                    *flags |= u8::from(connect.user_name.is_some()) << 7
                        | u8::from(connect.password.is_some()) << 6;
                }
                _ => {}
            }
        }
        canonical::shorter(&form, input.version).map_or(form, |shorter| shorter.bytes)
    }

    /// Whether the codes and properties of a packet may come from that side too.
    fn may_come_from(case: &Case, sender: Sender) -> bool {
        let packet = case.packet_type();
        let carries = |code: &u8| tables::may_carry(packet, *code, case.version, Some(sender));
        let stands = |(id, _): &Owned| {
            let row = tables::PropertyRow::of(*id).expect("a property");
            row.allowed(tables::Place::In(packet), Some(sender))
        };
        let v5 = case.version == Version::V5;
        match &case.body {
            Body::Publish { properties, .. } => properties.iter().all(stands),
            Body::Ack { code, properties, .. } | Body::Disconnect { code, properties } => {
                (!v5 || carries(code)) && properties.iter().all(stands)
            }
            Body::Auth { code, properties } => carries(code) && properties.iter().all(stands),
            _ => true,
        }
    }

    proptest! {
        #![proptest_config(config(100))]

        /// 9. No recursion: a small stack does for any packet.
        #[test]
        fn law_09_a_small_stack_is_enough(case in valid()) {
            // Without optimization every value has a place of its own.
            const STACK: usize = if cfg!(debug_assertions) { 128 * 1024 } else { 16 * 1024 };
            let bytes = wire(&case);
            let run = move || {
                let packet = decode_exact(&bytes, decoding(&case)).expect("a good packet");
                let mut out = Vec::new();
                packet.encode(encoding(&case), &mut out).expect("a good packet");
                assert_eq!(out, bytes);
            };
            let thread = std::thread::Builder::new().stack_size(STACK).spawn(run).expect("a thread");
            prop_assert!(thread.join().is_ok());
        }
    }

    /// 6. The work is in proportion to the bytes, also when they come one by one.
    ///
    /// A decoder that starts again with each byte needs hours for these.
    #[test]
    fn law_06_the_work_is_linear() {
        const ENOUGH: Duration = Duration::from_secs(60);
        let user_properties = notation::bytes("26 00 00 00 00").repeat(40_000);
        let block = [notation::variable(user_properties.len()), user_properties].concat();
        let connect = [notation::bytes("'MQTT' 05 02 003C"), block.clone(), notation::string("a")].concat();
        let publish = [notation::string("a"), block, vec![b'x'; 1 << 20]].concat();
        let filters = [&[0, 1, 0][..], &notation::bytes("'a' 00").repeat(89_000)].concat();
        let start = Instant::now();
        for wire in [
            notation::frame(0x10, &connect),
            notation::frame(0x30, &publish),
            notation::frame(0x82, &filters),
        ] {
            for end in 0..wire.len() {
                let found = decode(&wire[..end], Version::V5);
                assert!(matches!(found, Ok(Decoded::Incomplete { .. })), "{found:?}");
                if wire[0] == 0x30 && end < 200_000 {
                    let found = decode_publish_head(&wire[..end], Version::V5);
                    assert!(matches!(found, Ok(DecodedHead::Incomplete { .. })), "{found:?}");
                }
            }
            assert!(matches!(decode(&wire, Version::V5), Ok(Decoded::Packet { .. })));
        }
        let taken = start.elapsed();
        assert!(taken < ENOUGH, "{taken:?}");
    }
}

#[cfg(feature = "tokio-codec")]
mod codec {
    use std::num::NonZeroU32;

    use mqtt_wire::{Codec, CodecError, ConnAck, Connection, MAX_CONNECT_SIZE, MAX_PACKET_SIZE, ReasonCode};
    use strategy::valid_of;
    use tokio_util::codec::{Decoder, Encoder};

    use super::*;

    /// What a client sends on one connection.
    fn connection() -> impl Strategy<Value = Vec<Case>> {
        select(Version::ALL.to_vec()).prop_flat_map(|version| {
            let connect = valid_packet(PacketType::Connect, version, Sender::Client);
            let more = vec(valid_of(version, Sender::Client), 0..5);
            (connect, more).prop_map(|(connect, more)| [vec![connect], more].concat())
        })
    }

    /// A server that takes the CONNECT: one that is too large for any other is refused by that.
    fn server_for(connect: &Case) -> Result<Codec, TestCaseError> {
        let (mut server, bytes) = (Codec::server(), wire(connect));
        if bytes.len() <= MAX_CONNECT_SIZE as usize {
            return Ok(server);
        }
        let refused = server.decode(&mut BytesMut::from(&bytes[..])).expect_err("too large");
        prop_assert_eq!(refused.reason_code(), Some(ReasonCode::PACKET_TOO_LARGE));
        Ok(Codec::new(Connection::server().with_max_connect_size(MAX_PACKET_SIZE)))
    }

    /// Answers a CONNECT, unless its client takes no packet as small as that.
    fn accept(server: &mut Codec, connect: &Frame) -> Result<bool, TestCaseError> {
        let Ok(Packet::Connect(connect)) = connect.packet() else { panic!("a CONNECT") };
        let most = connect.properties.maximum_packet_size().map_or(u32::MAX, NonZeroU32::get);
        let size = if connect.version == Version::V5 { 5 } else { 4 };
        let answer = server.encode(ConnAck::new(ReasonCode::SUCCESS).into(), &mut BytesMut::new());
        prop_assert_eq!(answer.is_ok(), size <= most, "{:?}", answer);
        Ok(answer.is_ok())
    }

    proptest! {
        #![proptest_config(config(300))]

        /// A server reads by the version of CONNECT, however the bytes come, and writes by it.
        #[test]
        fn a_server_speaks_the_version_of_connect(cases in connection(), size in 1..4096_usize) {
            let stream: Vec<u8> = cases.iter().flat_map(wire).collect();
            let (mut server, mut buffer, mut frames) = (server_for(&cases[0])?, BytesMut::new(), Vec::new());
            for chunk in stream.chunks(size) {
                buffer.extend_from_slice(chunk);
                while let Some(frame) = server.decode(&mut buffer).expect("good frames") {
                    if frames.is_empty() && !accept(&mut server, &frame)? {
                        return Ok(());
                    }
                    frames.push(frame);
                }
            }
            prop_assert!(buffer.is_empty());
            prop_assert_eq!(frames.len(), cases.len());
            prop_assert_eq!(server.connection().version(), Some(cases[0].version));
            for (frame, case) in frames.iter().zip(&cases) {
                case.with(|packet| {
                    prop_assert_eq!(frame.packet(), Ok(*packet));
                    Ok(())
                })?;
            }
        }

        /// What the codec of one side writes, that of the other reads.
        #[test]
        fn a_client_writes_what_a_server_reads(cases in connection()) {
            let (mut client, mut server) = (Codec::client(cases[0].version), server_for(&cases[0])?);
            let mut stream = BytesMut::new();
            for case in &cases {
                case.with(|packet| client.encode((*packet).into(), &mut stream)).expect("a good packet");
            }
            for case in &cases {
                let frame = server.decode(&mut stream).expect("a good frame").expect("a whole frame");
                prop_assert_eq!(frame.as_bytes(), wire(case));
                if frame.packet_type() == PacketType::Connect && !accept(&mut server, &frame)? {
                    return Ok(());
                }
            }
            prop_assert!(stream.is_empty());
        }

        /// Bad packets come out as frames; only a header that cannot be followed ends the stream.
        #[test]
        fn the_codec_agrees_with_decode(input in input()) {
            let options = input.options();
            let mut codec = Codec::new(Connection::new(options, EncodeOptions::new(input.version)));
            let found = codec.decode(&mut BytesMut::from(&input.bytes[..]));
            match (decode(&input.bytes, options), found) {
                (Ok(Decoded::Packet { packet, .. }), Ok(Some(frame))) => prop_assert_eq!(frame.packet(), Ok(packet)),
                (Ok(Decoded::Incomplete { .. }), Ok(None)) => {}
                (Err(error), Ok(Some(frame))) => prop_assert_eq!(frame.packet(), Err(error)),
                (Err(error), Err(CodecError::Decode(found))) => prop_assert_eq!(found, error),
                (expected, found) => prop_assert!(false, "{:?} {:?}", expected, found),
            }
        }
    }
}

/// What the strategies reach: shown by walking through it, or by counting what was drawn.
mod reach {
    use std::collections::BTreeSet;

    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::bounds::{Bound, Field, kinds, too_long};
    use super::input::cases::is_whole;
    use super::tables::{PROPERTIES, Place};
    use super::*;

    /// Every field of every packet at each of its bounds goes out as a plain encoder writes it, and comes back. Those of
    /// megabytes are left to `.ci/run`.
    #[test]
    fn every_field_at_every_bound() {
        let all = bounds::all();
        for bound in all.iter().filter(|bound| is_whole() || bound.at < 1 << 20) {
            let case = bound.case();
            let expected = wire(&case);
            assert!(bound.shows_in(&expected), "{bound}");
            case.with(|packet| {
                assert_eq!(packet.encoded_len(encoding(&case)), Ok(expected.len()), "{bound}");
                let mut out = vec![0xA5; expected.len()];
                let short = out.len() - 1;
                let too_small = EncodeErrorKind::BufferTooSmall { needed: expected.len(), available: short };
                let refused = packet.encode(encoding(&case), &mut out[..short]);
                assert_eq!(refused.map_err(|error| error.kind()), Err(too_small), "{bound}");
                assert!(out.iter().all(|byte| *byte == 0xA5), "{bound}");
                assert_eq!(packet.encode(encoding(&case), &mut out[..]), Ok(expected.len()), "{bound}");
                assert!(out == expected, "{bound}: other bytes");
                let received = decode_exact(&expected, decoding(&case));
                assert_eq!(received.as_ref(), Ok(packet), "{bound}");
                // What was received goes out as it came, strictly or not.
                let received = received.expect("a good packet");
                let strict = encoding(&case).with_strict_characters(true);
                let looks = if expected.len() < 100_000 {
                    &[encoding(&case), strict][..]
                } else {
                    &[encoding(&case)]
                };
                for options in looks {
                    let mut again = Vec::new();
                    assert_eq!(received.encode(options, &mut again), Ok(expected.len()), "{bound}");
                    assert!(again == expected, "{bound}: other bytes");
                }
                let frame = Frame::new(out.into(), decoding(&case)).expect("a frame");
                assert_eq!(frame.packet().as_ref(), Ok(packet), "{bound}");
            });
        }
        // The table of properties names what has to be among them.
        let has = |bound: Bound| assert!(all.contains(&bound), "{bound}");
        for (packet, version, sender) in kinds() {
            for will in [false, true] {
                let place = if will { Place::Will } else { Place::In(packet) };
                let stands = version == Version::V5 && (!will || packet == PacketType::Connect);
                for row in PROPERTIES.iter().filter(|row| stands && row.allowed(place, Some(sender))) {
                    let bound = |field, at| Bound { packet, version, sender, field, at };
                    has(bound(Field::PropertyAlone { will, id: row.id }, 1));
                    for at in row.r#type.bounds() {
                        has(bound(Field::Property { will, id: row.id, part: 0 }, *at));
                    }
                }
            }
        }
    }

    #[test]
    fn a_string_of_65_536_bytes_is_refused_wherever_it_stands() {
        for (case, field) in too_long() {
            case.with(|packet| {
                let mut out = vec![0xA5; 3];
                let error = packet.encode(encoding(&case), &mut out).expect_err("too long");
                let EncodeErrorKind::Invalid(kind) = error.kind() else { panic!("{field:?}: {error}") };
                // In 3.1 a client identifier is too long before.
                assert!(matches!(kind, Rule::StringTooLong | Rule::ClientIdTooLong), "{field:?}: {error}");
                assert_eq!(out, [0xA5; 3], "{field:?}");
                assert_eq!(packet.encoded_len(encoding(&case)), Err(error), "{field:?}");
            });
        }
        let long = "x".repeat(65_536);
        let kind = mqtt_wire::TopicName::new(&long).expect_err("too long").rule();
        assert_eq!(kind, Rule::TopicTooLong);
        for version in Version::ALL {
            let filter = mqtt_wire::TopicFilter::new_for(&long, version);
            assert_eq!(filter.expect_err("too long").rule(), Rule::TopicTooLong);
        }
    }

    /// The same values in every run.
    fn draw<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>, count: usize) -> impl Iterator<Item = T> {
        let mut runner = TestRunner::deterministic();
        (0..count).map(move |_| strategy.new_tree(&mut runner).expect("a value").current())
    }

    /// Each packet of each version and side is drawn, and each property in each place.
    #[test]
    fn random_packets_have_every_type_and_property() {
        let (mut types, mut properties) = (BTreeSet::new(), BTreeSet::new());
        for case in draw(valid(), 4_000) {
            let side = case.sender == Sender::Client;
            types.insert((case.packet_type(), case.version, side));
            for (will, id) in case.property_ids() {
                properties.insert((case.packet_type(), side, will, id));
            }
        }
        let mut expected = BTreeSet::new();
        for (packet, version, sender) in kinds() {
            let side = sender == Sender::Client;
            assert!(types.remove(&(packet, version, side)), "{packet} of {version}");
            for will in [false, true] {
                let place = if will { Place::Will } else { Place::In(packet) };
                let stands = version == Version::V5 && (!will || packet == PacketType::Connect);
                let rows = PROPERTIES.iter().filter(|row| stands && row.allowed(place, Some(sender)));
                expected.extend(rows.map(|row| (packet, side, will, row.id)));
            }
        }
        assert!(types.is_empty(), "{types:?} may not be sent");
        assert_eq!(properties, expected);
    }

    /// Values that are wrong in every way that the types leave open.
    #[test]
    fn wild_packets_break_every_rule_that_values_can_break() {
        const BROKEN: [Rule; 24] = [
            Rule::WrongDirection,
            Rule::NulCharacter,
            Rule::PasswordWithoutUserName,
            Rule::ClientIdEmpty,
            Rule::ClientIdTooLong,
            Rule::SessionPresentRefused,
            Rule::DupAtQoS0,
            Rule::TopicMissing,
            Rule::PayloadFormat,
            Rule::DisallowedCharacter,
            Rule::EmptyList,
            Rule::NoLocalOnShared,
            Rule::PropertyNotAllowed,
            Rule::PropertyRepeated,
            Rule::PropertySender,
            Rule::AuthenticationMethodMissing,
            Rule::ReasonCodeNotAllowed,
            Rule::ReasonCodeSender,
            // What is a filter in 3.x need not be one in 5.0.
            Rule::ShareNameEmpty,
            Rule::ShareNameWildcard,
            Rule::ShareFilterMissing,
            Rule::NotInVersion,
            Rule::StringTooLong,
            Rule::VersionMismatch,
        ];
        let mut broken = BTreeSet::new();
        for case in draw(wild(), 6_000) {
            for version in Version::ALL {
                let options = EncodeOptions::new(version).with_sender(case.sender);
                let options = options.with_payload_check(true).with_strict_characters(true);
                let result = case.with(|packet| packet.encoded_len(options));
                if let Err(EncodeErrorKind::Invalid(rule)) = result.map_err(|error| error.kind()) {
                    broken.insert(rule);
                }
            }
        }
        assert_eq!(broken, BROKEN.into_iter().collect());
    }

    /// Bytes that are nearly packets break every rule there is.
    #[test]
    fn damaged_bytes_break_every_rule() {
        let mut broken = BTreeSet::new();
        for input in draw(input(), 8_000) {
            let options = input.options().with_payload_check(true).with_strict_characters(true);
            for options in [
                options,
                options.with_max_packet_size(64),
                options.with_first_packet(true),
                DecodeOptions::detect(),
            ] {
                broken.extend(decode(&input.bytes, options).err().map(|error| error.rule()));
            }
        }
        let only_values = [
            Rule::StringTooLong,
            Rule::TopicTooLong,
            Rule::SeparatorInLevel,
            Rule::NotInVersion,
            Rule::VersionMismatch,
        ];
        let expected: BTreeSet<Rule> =
            Rule::ALL.iter().copied().filter(|kind| !only_values.contains(kind)).collect();
        let missing: Vec<_> = expected.difference(&broken).collect();
        assert_eq!(broken, expected, "missing: {missing:?}");
    }
}

/// The table's frames take the same ways as random ones.
#[test]
fn good_frames_take_every_way() {
    for good in frames::good() {
        let options = good
            .sender
            .map_or(good.version.into(), |sender| DecodeOptions::new(good.version).with_sender(sender));
        let expected = decode_exact(&good.bytes, options).expect("a good packet");
        let frame = Frame::new(good.bytes.clone().into(), options).expect("a frame");
        assert_eq!(frame.packet(), Ok(expected));
        let mut out = Vec::new();
        expected.encode(good.version, &mut out).expect("a good packet");
        assert_eq!(out, good.bytes, "{}", good.name);
    }
}

/// A list of properties is written as the same block is that is ready, whatever its length: on both sides of each length at
/// which it is written in another way.
#[test]
fn lists_of_every_length_are_written_as_ready_blocks_are() {
    const TEXT: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
    let longest = "x".repeat(1100);
    let encoded = |packet: Packet<'_>| {
        let mut out = Vec::new();
        packet.encode(Version::V5, &mut out).map(|_| out)
    };
    let check = |list: &[Property<'_>]| {
        let buf = Properties::new(list).to_buf().expect("good properties");
        let forms = [Properties::new(list), buf.as_properties()];
        let [listed, ready] = forms.map(|properties| {
            let publish = Publish { properties, ..Publish::new(topic_name!("a/b"), b"payload") };
            let connack = ConnAck { properties, ..ConnAck::new(ReasonCode::SUCCESS) };
            let connect = Connect { properties, ..Connect::new(Version::V5, "client") };
            [publish.into(), connack.into(), connect.into()].map(encoded)
        });
        assert_eq!(listed, ready);
        assert!(listed.iter().all(Result::is_ok));
    };
    for len in 0..=longest.len() {
        check(&[Property::UserProperty(("name", &longest[..len]))]);
    }
    for count in 1..=60 {
        for len in 0..=TEXT.len() {
            check(&vec![Property::UserProperty((&TEXT[len / 2..len], &TEXT[..len])); count]);
        }
    }
}
