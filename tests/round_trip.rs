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
#[path = "common/notation.rs"]
mod notation;
#[path = "common/strategy.rs"]
mod strategy;
#[path = "common/tables.rs"]
mod tables;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mqtt_wire::{
    DecodeError, DecodeOptions, Decoded, DecodedHead, Delivery, EncodeError, EncodeOptions, FanOut,
    FixedHeader, Frame, Kind, Packet, PacketId, PacketType, Properties, Property, PropertySet, Publish, QoS,
    Sender, Version, decode, decode_exact, decode_publish_head, set_dup,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;
use strategy::{Body, Case, Owned, valid, valid_packet, wild};

fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let asked_for = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig {
        cases: if asked_for { default.cases } else { cases },
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: 10_000,
        ..default
    }
}

fn decoding(case: &Case) -> DecodeOptions {
    DecodeOptions::new(case.version).sender(case.sender)
}

fn encoding(case: &Case) -> EncodeOptions {
    EncodeOptions::new(case.version).sender(case.sender)
}

fn other(sender: Sender) -> Sender {
    if sender == Sender::Client { Sender::Server } else { Sender::Client }
}

/// The bytes of a valid case.
fn wire(case: &Case) -> Vec<u8> {
    case.plain().expect("a valid packet has a form")
}

/// Bytes to be read as that version from that sender: a good packet, one with bytes changed, or any bytes.
#[derive(Clone, Debug)]
struct Input {
    version: Version,
    sender: Sender,
    bytes: Vec<u8>,
}

impl Input {
    fn options(&self) -> DecodeOptions {
        DecodeOptions::new(self.version).sender(self.sender)
    }
}

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    /// A number of two bytes becomes 0.
    Zero(Index),
    /// A copy of a piece, put somewhere else.
    Copy(Index, Index, usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Self::Set(at, byte) => bytes[at.index(length)] = *byte,
            Self::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Self::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Self::Remove(at) => drop(bytes.remove(at.index(length))),
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Zero(at) => bytes.iter_mut().skip(at.index(length)).take(2).for_each(|byte| *byte = 0),
            Self::Copy(from, to, count) => {
                let from = from.index(length);
                let piece = bytes[from..length.min(from + count)].to_vec();
                let to = to.index(length);
                bytes.splice(to..to, piece);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let odd = select(b"\0\x01\x02\x18\x22\x23\x26\x30\x40\x7F\x80\xC0\xFF/+#".to_vec());
    prop_oneof![
        (at(), odd).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        at().prop_map(Change::Remove),
        at().prop_map(Change::Cut),
        at().prop_map(Change::Zero),
        (at(), at(), 1..12_usize).prop_map(|(from, to, count)| Change::Copy(from, to, count)),
    ]
}

/// The bytes with the Remaining Length that they have.
fn with_length_put_right(bytes: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = bytes.split_first() else { return Vec::new() };
    let length = rest.iter().take(3).take_while(|byte| **byte >= 0x80).count() + 1;
    notation::frame(*first, rest.get(length..).unwrap_or_default())
}

/// Frames that are whole, good or bad.
fn frame() -> impl Strategy<Value = Input> {
    let short = |case: &Case| case.plain().is_some_and(|wire| wire.len() < 4096);
    let packet = prop_oneof![valid().boxed(), wild().boxed()].prop_filter("a short form", short);
    // One change leaves the rest right, so that it is the one that is found.
    let changes = prop_oneof![1 => vec(change(), 0), 4 => vec(change(), 1), 1 => vec(change(), 2..4)];
    (packet, changes).prop_map(|(case, changes)| {
        let mut bytes = wire(&case);
        for change in &changes {
            change.apply(&mut bytes);
        }
        let bytes = if changes.is_empty() { bytes } else { with_length_put_right(&bytes) };
        let bytes = if bytes.is_empty() { vec![0xC0, 0] } else { bytes };
        Input { version: case.version, sender: case.sender, bytes }
    })
}

/// Faults that chance seldom finds: a value of several bytes has to be wrong and the rest right.
const SELDOM: [(Version, Sender, &str); 12] = {
    use Sender::Client;
    use Version::{V5, V31, V311};
    [
        (V311, Client, "10 ( 'MQTT' 04 1E 003C 'a' 't' 'm' )"),
        (V311, Client, "10 ( 'MQTT' 04 0A 003C 'a' )"),
        (V311, Client, "10 ( 'MQTT' 04 22 003C 'a' )"),
        (V31, Client, "10 ( 'MQIsdp' 03 02 003C 'abcdefghijklmnopqrstuvwx' )"),
        (V5, Client, "82 ( 0001 00 'a' 30 )"),
        (V5, Client, "82 ( 0001 00 '$share//a' 00 )"),
        (V5, Client, "82 ( 0001 00 '$share/+/a' 00 )"),
        (V5, Client, "A2 ( 0001 00 '$share/g' )"),
        (V5, Client, "82 ( 0001 00 '$share/g/a' 04 )"),
        (V5, Client, "30 ( 'a' ( 23 0000 ) )"),
        (V5, Client, "30 ( 'a' ( 0B 01 ) )"),
        (V5, Client, "30 ( 'a' ( 08 'b/+' ) )"),
    ]
};

/// Anything: frames, frames with a wrong length, cut ones, and bytes without sense.
fn input() -> impl Strategy<Value = Input> {
    let changes = prop_oneof![3 => vec(change(), 0), 1 => vec(change(), 1..3)];
    let damaged = (frame(), changes).prop_map(|(mut input, changes)| {
        for change in &changes {
            change.apply(&mut input.bytes);
        }
        input
    });
    let senseless = (select(Version::ALL.to_vec()), any::<bool>(), vec(any::<u8>(), 0..24));
    let senseless = senseless.prop_map(|(version, client, bytes)| Input {
        version,
        sender: if client { Sender::Client } else { Sender::Server },
        bytes,
    });
    let seldom = select(SELDOM.to_vec());
    let seldom =
        seldom.prop_map(|(version, sender, text)| Input { version, sender, bytes: notation::bytes(text) });
    prop_oneof![12 => damaged, 3 => senseless, 1 => seldom]
}

/// The length of the frame at the start of the bytes, by its header alone; `None` while that goes on.
fn announced(bytes: &[u8]) -> Option<usize> {
    let (mut length, mut factor) = (0, 1);
    for (place, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length += usize::from(byte & 0x7F) * factor;
        factor *= 128;
        if *byte < 0x80 {
            return Some(2 + place + length);
        }
    }
    None
}

/// What tells errors apart.
fn fault(error: &DecodeError) -> (Kind, usize) {
    (error.kind(), error.offset())
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
                (reading, writing) = (reading.refuse_control_characters(), writing.refuse_control_characters());
            }
            if format {
                (reading, writing) = (reading.check_payload_format(), writing.check_payload_format());
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
                        prop_assert!(matches!(error, EncodeError::Invalid { .. }), "{}", error);
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

        /// Properties hidden and added on the way through a broker, against lists that are filtered and joined.
        #[test]
        fn forwarding(
            case in valid_packet(PacketType::Publish, Version::V5, Sender::Server),
            hidden in vec(select(vec![1, 2, 3, 8, 9, 11, 35, 38]), 0..4),
            expiry: u32,
        ) {
            let wire = wire(&case);
            let Ok(Packet::Publish(publish)) = decode_exact(&wire, Version::V5) else { panic!("a PUBLISH") };
            let ids = hidden.iter().filter_map(|id| mqtt_wire::PropertyId::from_u32(*id)).collect::<PropertySet>();
            let added = [Property::MessageExpiryInterval(expiry), Property::UserProperty(("via", ""))];
            let topic = publish.topic.or(Some(mqtt_wire::topic_name!("t")));
            let properties = publish.properties.without(ids | mqtt_wire::PropertyId::MessageExpiryInterval).with(&added);

            let kept = |(id, _): &&Owned| *id != 2 && !hidden.contains(&u32::from(*id));
            let kept: Vec<Owned> = received(&case).iter().filter(kept).cloned().collect();
            let mut expected = strategy::properties(&kept);
            expected.extend(added);
            prop_assert_eq!(properties, Properties::new(&expected));
            prop_assert_eq!(properties.iter().count(), expected.len());
            prop_assert_eq!(properties.ids(), expected.iter().map(Property::id).collect::<PropertySet>());

            let forwarded = Packet::from(Publish { properties, topic, ..publish });
            let plain = Packet::from(Publish { properties: Properties::new(&expected), topic, ..publish });
            let (mut first, mut second) = (Vec::new(), Vec::new());
            prop_assert!(forwarded.encode(Version::V5, &mut first).is_ok());
            prop_assert!(plain.encode(Version::V5, &mut second).is_ok());
            prop_assert_eq!(first, second);
        }
    }
}

mod publishing {
    use super::*;

    fn publishes() -> impl Strategy<Value = Case> {
        (select(Version::ALL.to_vec()), select(vec![Sender::Client, Sender::Server]))
            .prop_flat_map(|(version, sender)| valid_packet(PacketType::Publish, version, sender))
    }

    fn delivery() -> impl Strategy<Value = Delivery> {
        (0..3_u8, 1..=u16::MAX).prop_map(|(qos, id)| {
            Delivery::new(QoS::from_bits(qos).expect("0 to 2"), PacketId::new(id).expect("not 0"))
        })
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

        /// One head for many subscribers is what each would get on its own.
        #[test]
        fn fan_out(
            case in publishes(),
            deliveries in vec((delivery(), any::<bool>(), any::<bool>()), 1..6),
        ) {
            case.with(|packet| {
                let Packet::Publish(publish) = packet else { panic!("a PUBLISH") };
                let mut room = vec![0; 2 * wire(&case).len() + 16];
                let mut fan_out = FanOut::new(publish, case.version, &mut room).expect("a good packet");
                for (delivery, dup, retain) in &deliveries {
                    let (delivery, retain) = (*delivery, *retain);
                    let dup = *dup && delivery.qos() != QoS::AtMostOnce;
                    let expected = encoded(Publish { dup, delivery, retain, ..*publish }, case.version);
                    prop_assert_eq!(fan_out.packet_len(delivery.qos()), expected.len());
                    let head = fan_out.head(delivery, dup, retain).expect("a good delivery");
                    prop_assert_eq!([head, publish.payload].concat(), expected);
                }
                prop_assert!(fan_out.head(Delivery::AtMostOnce, true, false).is_err());
                Ok(())
            })?;
        }

        #[test]
        fn again_with_dup(case in valid()) {
            let bytes = wire(&case);
            let mut again = bytes.clone();
            let is_set = set_dup(&mut again);
            let frame = Frame::new(bytes.clone().into(), case.version).expect("a frame");
            let kept = frame.clone();
            let dup = frame.with_dup();
            prop_assert_eq!(dup.as_bytes(), &again[..]);
            prop_assert_eq!(kept.as_bytes(), &bytes[..]);
            match decode_exact(&bytes, case.version) {
                Ok(Packet::Publish(publish)) if publish.delivery.qos() > QoS::AtMostOnce => {
                    let expected = Publish { dup: true, ..publish };
                    prop_assert!(is_set);
                    prop_assert_eq!(decode_exact(&again, case.version), Ok(expected.into()));
                    prop_assert_eq!(dup.packet(), Ok(expected.into()));
                }
                _ => prop_assert_eq!((is_set, again), (false, bytes)),
            }
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
            let options = DecodeOptions::new(version).sender(sender);
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
                        prop_assert_eq!(error.frame_len(), Some(frame.len()), "{}", error);
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
            let options = input.options().max_packet_size(limit);
            let Err(error) = decode(&input.bytes, options) else { return Ok(()) };
            let first = (0..=input.bytes.len()).find(|end| decode(&input.bytes[..*end], options).is_err());
            let first = first.expect("it is refused as a whole");
            for end in first..input.bytes.len() {
                let found = decode(&input.bytes[..end], options).expect_err("it stays refused");
                prop_assert_eq!(fault(&found), fault(&error));
            }
            let header = input.bytes.iter().skip(1).take_while(|byte| **byte >= 0x80).count() + 2;
            let expected = match error.kind() {
                _ if error.offset() == 0 => 1,
                Kind::PacketTooLarge => header,
                Kind::LengthTooLong | Kind::LengthNotShortest if error.offset() < header => error.offset() + 1,
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
                Err(error) => prop_assert!(error.frame_len().is_none_or(|len| len >= 2 && Some(len) == whole)),
            }
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
            let limited = input.options().max_packet_size(limit);
            let header = FixedHeader::decode(&input.bytes, input.options());
            if let Ok(Some(header)) = header {
                let refused = decode(&input.bytes[..header.len()], limited).map_err(|error| error.kind());
                let too_large = header.frame_len() > limit as usize;
                prop_assert_eq!(refused == Err(Kind::PacketTooLarge), too_large);
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
            let options = EncodeOptions::new(input.version).sender(input.sender);
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
                let too_small = EncodeError::BufferTooSmall { needed: size, available };
                prop_assert_eq!(packet.encode(case.version, room.as_mut_slice()), Err(too_small));
                prop_assert!(room.iter().all(|byte| *byte == 0xA5));

                let mut vec = b"before".to_vec();
                let max = u32::try_from(available).expect("small");
                let too_large = EncodeError::TooLarge { size, max: available };
                let limited = EncodeOptions::new(case.version).max_packet_size(max);
                prop_assert_eq!(packet.encode(limited, &mut vec), Err(too_large));
                prop_assert_eq!(&vec, b"before");
                prop_assert_eq!(packet.encode(case.version, &mut vec), Ok(size));
                prop_assert_eq!(&vec[6..], &expected[..]);
                let mut bytes = BytesMut::from(&b"before"[..]);
                prop_assert_eq!(packet.encode(limited, &mut bytes), Err(too_large));
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
            let wrong = decode_exact(&bytes, DecodeOptions::new(case.version).sender(other(case.sender)));
            match &wrong {
                _ if !tables::may_send(case.packet_type(), case.version, other(case.sender)) => {
                    prop_assert_eq!(wrong.map_err(|error| fault(&error)), Err((Kind::WrongDirection, 0)));
                }
                Err(error) => {
                    prop_assert!(matches!(error.kind(), Kind::ReasonCodeSender | Kind::PropertySender));
                    prop_assert!(!may_come_from(&case, other(case.sender)), "{}", error);
                }
                Ok(_) => prop_assert!(may_come_from(&case, other(case.sender)), "{:?}", wrong),
            }
            for version in Version::ALL {
                for options in [DecodeOptions::new(version), DecodeOptions::new(version).sender(case.sender)] {
                    let _ = decode(&bytes, options.first_packet(true));
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
            let options = if format { input.options().check_payload_format() } else { input.options() };
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
                    prop_assert_eq!(error.frame_len(), Some(frame.as_bytes().len()));
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
                    prop_assert_eq!(fault(error), (Kind::TrailingBytes, *len));
                }
                (Ok(Decoded::Incomplete { .. }), Err(error)) => prop_assert_eq!(error.kind(), Kind::Truncated),
                (Err(one), Err(two)) => {
                    let trailing = one.frame_len().is_some_and(|len| len < input.bytes.len());
                    prop_assert!(one == two || (trailing && two.kind() == Kind::TrailingBytes), "{} {}", one, two);
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
                prop_assert_eq!(head, Publish { payload: &[], ..*publish });
                prop_assert_eq!(head_len + publish.payload.len(), *len);
                prop_assert_eq!(&taken[..], publish.payload);
            }
            (Ok(Decoded::Incomplete { missing }), None) => prop_assert_eq!(payload.remaining(), *missing),
            (Ok(Decoded::Incomplete { .. }), Some(error)) => {
                prop_assert_eq!(error.kind(), Kind::PayloadFormat);
            }
            (Err(whole), Some(error)) => {
                prop_assert_eq!(whole.kind(), Kind::PayloadFormat);
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
            match packet {
                // DUP, which tells that it is sent again.
                Packet::PubRel(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) => form[0] &= !0x08,
                // A byte without a meaning.
                Packet::ConnAck(_) => form[body] = 0,
                // Flags for fields that the Remaining Length leaves out.
                Packet::Connect(connect) => {
                    let flags = &mut form[body + 9];
                    *flags &= 0x3F;
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
    use mqtt_wire::{Codec, CodecError};
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

    proptest! {
        #![proptest_config(config(300))]

        /// A server reads by the version of CONNECT, however the bytes come, and writes by it.
        #[test]
        fn a_server_speaks_the_version_of_connect(cases in connection(), size in 1..4096_usize) {
            let stream: Vec<u8> = cases.iter().flat_map(wire).collect();
            let (mut server, mut buffer, mut frames) = (Codec::server(), BytesMut::new(), Vec::new());
            for chunk in stream.chunks(size) {
                buffer.extend_from_slice(chunk);
                while let Some(frame) = server.decode(&mut buffer).expect("good frames") {
                    frames.push(frame);
                }
            }
            prop_assert!(buffer.is_empty());
            prop_assert_eq!(frames.len(), cases.len());
            prop_assert_eq!(server.version(), cases[0].version);
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
            let (mut client, mut server, mut stream) = (Codec::client(cases[0].version), Codec::server(), BytesMut::new());
            for case in &cases {
                case.with(|packet| client.encode(*packet, &mut stream)).expect("a good packet");
            }
            for case in &cases {
                let frame = server.decode(&mut stream).expect("a good frame").expect("a whole frame");
                prop_assert_eq!(frame.as_bytes(), wire(case));
            }
            prop_assert!(stream.is_empty());
        }

        /// Bad packets come out as frames; only a header that cannot be followed ends the stream.
        #[test]
        fn the_codec_agrees_with_decode(input in input()) {
            let options = input.options();
            let mut codec = Codec::new(options, EncodeOptions::new(input.version));
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
    use super::tables::{PROPERTIES, Place};
    use super::*;

    /// Every field of every packet at each of its bounds goes out as a plain encoder writes it, and comes back.
    #[test]
    fn every_field_at_every_bound() {
        let all = bounds::all();
        for bound in &all {
            let case = bound.case();
            let expected = wire(&case);
            assert!(bound.shows_in(&expected), "{bound}");
            case.with(|packet| {
                assert_eq!(packet.encoded_len(encoding(&case)), Ok(expected.len()), "{bound}");
                let mut out = vec![0xA5; expected.len()];
                let short = out.len() - 1;
                let too_small = EncodeError::BufferTooSmall { needed: expected.len(), available: short };
                assert_eq!(packet.encode(encoding(&case), &mut out[..short]), Err(too_small), "{bound}");
                assert!(out.iter().all(|byte| *byte == 0xA5), "{bound}");
                assert_eq!(packet.encode(encoding(&case), &mut out[..]), Ok(expected.len()), "{bound}");
                assert!(out == expected, "{bound}: other bytes");
                assert_eq!(decode_exact(&expected, decoding(&case)).as_ref(), Ok(packet), "{bound}");
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
                let EncodeError::Invalid { kind, .. } = error else { panic!("{field:?}: {error}") };
                // In 3.1 a client identifier is too long before.
                assert!(matches!(kind, Kind::StringTooLong | Kind::ClientIdTooLong), "{field:?}: {error}");
                assert_eq!(out, [0xA5; 3], "{field:?}");
                assert_eq!(packet.encoded_len(encoding(&case)), Err(error), "{field:?}");
            });
        }
        let long = "x".repeat(65_536);
        let kind = mqtt_wire::TopicName::new(&long).expect_err("too long").kind();
        assert_eq!(kind, Kind::TopicTooLong);
        for version in Version::ALL {
            let filter = mqtt_wire::TopicFilter::new_for(&long, version);
            assert_eq!(filter.expect_err("too long").kind(), Kind::TopicTooLong);
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
        const BROKEN: [Kind; 24] = [
            Kind::WrongDirection,
            Kind::NulCharacter,
            Kind::PasswordWithoutUserName,
            Kind::ClientIdEmpty,
            Kind::ClientIdTooLong,
            Kind::SessionPresentRefused,
            Kind::DupAtQoS0,
            Kind::TopicMissing,
            Kind::PayloadFormat,
            Kind::DisallowedCharacter,
            Kind::EmptyList,
            Kind::NoLocalOnShared,
            Kind::PropertyNotAllowed,
            Kind::PropertyRepeated,
            Kind::PropertySender,
            Kind::AuthenticationMethodMissing,
            Kind::ReasonCodeNotAllowed,
            Kind::ReasonCodeSender,
            // What is a filter in 3.x need not be one in 5.0.
            Kind::ShareNameEmpty,
            Kind::ShareNameWildcard,
            Kind::ShareFilterMissing,
            Kind::NotInVersion,
            Kind::StringTooLong,
            Kind::VersionMismatch,
        ];
        let mut broken = BTreeSet::new();
        for case in draw(wild(), 6_000) {
            for version in Version::ALL {
                let options = EncodeOptions::new(version).sender(case.sender);
                let options = options.check_payload_format().refuse_control_characters();
                let result = case.with(|packet| packet.encoded_len(options));
                if let Err(EncodeError::Invalid { kind, .. }) = result {
                    broken.insert(kind);
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
            let options = input.options().check_payload_format().refuse_control_characters();
            for options in [options, options.max_packet_size(64), options.first_packet(true)] {
                broken.extend(decode(&input.bytes, options).err().map(|error| error.kind()));
            }
        }
        let only_values = [
            Kind::StringTooLong,
            Kind::TopicTooLong,
            Kind::SeparatorInLevel,
            Kind::NotInVersion,
            Kind::VersionMismatch,
        ];
        let expected: BTreeSet<Kind> =
            Kind::ALL.iter().copied().filter(|kind| !only_values.contains(kind)).collect();
        let missing: Vec<_> = expected.difference(&broken).collect();
        assert_eq!(broken, expected, "missing: {missing:?}");
    }
}

/// The table's frames take the same ways as random ones.
#[test]
fn good_frames_take_every_way() {
    for good in frames::good() {
        let options =
            good.sender.map_or(good.version.into(), |sender| DecodeOptions::new(good.version).sender(sender));
        let expected = decode_exact(&good.bytes, options).expect("a good packet");
        let frame = Frame::new(good.bytes.clone().into(), options).expect("a frame");
        assert_eq!(frame.packet(), Ok(expected));
        let mut out = Vec::new();
        expected.encode(good.version, &mut out).expect("a good packet");
        assert_eq!(out, good.bytes, "{}", good.name);
    }
}
