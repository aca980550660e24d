use super::*;
use crate::connection::Connection;
use crate::property::{PropertiesBuf, PropertyValue};
use crate::standard::RetainHandling;
use crate::standard::SubscriptionId;
use crate::topic::{FilterTree, TopicFilter, TopicFilterBuf, TopicName, TopicNameBuf, TopicTree};

/// Bytes that look random, the same every time.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    core::iter::repeat_with(next).take(len).collect()
}

fn sources() -> impl Iterator<Item = Vec<u8>> {
    let flat = [0, 1, 0x2F, 0x61, 0x7F, 0x80, 0xFF].into_iter();
    let flat = flat.flat_map(|byte| [0, 1, 7, 40, 300].map(|len| alloc::vec![byte; len]));
    let long = core::iter::once(alloc::vec![b'a'; 140_000]);
    flat.chain(long).chain((0..1000).map(|seed| noise(usize::try_from(seed % 500).unwrap(), seed)))
}

#[test]
fn every_type_of_every_version_and_side_comes_valid() {
    for source in sources() {
        for version in Version::ALL {
            for sender in [Sender::Client, Sender::Server] {
                for packet in PacketType::ALL {
                    let made =
                        ArbitraryPacket::of_type(&mut Unstructured::new(&source), packet, version, sender);
                    if !packet.may_be_sent_by(sender, version) {
                        assert!(made.is_err(), "{packet} {version} {sender}");
                        continue;
                    }
                    let made = made.unwrap_or_else(|error| panic!("{packet} {version} {sender}: {error}"));
                    let decoded = decode_exact(made.as_bytes(), made.options());
                    assert_eq!(decoded, Ok(made.packet()), "{packet} {version} {sender}");
                    assert_eq!(made.packet().packet_type(), packet);
                }
            }
        }
    }
}

#[test]
fn every_property_and_every_kind_of_filter_comes() {
    let (mut ids, mut shared, mut wild, mut aliased) = (PropertySet::EMPTY, 0, 0, 0);
    for source in sources() {
        let mut u = Unstructured::new(&source);
        for sender in [Sender::Client, Sender::Server] {
            match ArbitraryPacket::from_sender(&mut u, Version::V5, sender).unwrap().packet() {
                Packet::Connect(body) => {
                    ids = ids | body.will.map_or(PropertySet::EMPTY, |will| will.get().properties.ids());
                    ids = ids | body.properties.ids();
                }
                Packet::ConnAck(body) => ids = ids | body.properties.ids(),
                Packet::Publish(body) => {
                    ids = ids | body.properties.ids();
                    aliased += usize::from(body.topic.is_none());
                }
                Packet::Subscribe(body) => {
                    shared += body.subscriptions.iter().filter(|s| s.filter.is_shared()).count();
                    wild += body.subscriptions.iter().filter(|s| s.filter.has_wildcards()).count();
                }
                Packet::Disconnect(body) => ids = ids | body.properties.ids(),
                _ => {}
            }
        }
    }
    assert_eq!(ids, PropertyId::ALL.iter().copied().collect());
    assert!(![shared, wild, aliased].contains(&0), "{shared} {wild} {aliased}");
}

/// Values of each type come from the input, too, not only the least ones.
#[test]
fn values_of_every_type_come() {
    let sources: Vec<_> = sources().collect();
    let mut seen = std::collections::HashMap::new();
    for source in &sources {
        let property = Property::arbitrary(&mut Unstructured::new(source)).unwrap();
        seen.entry(property.id()).or_insert_with(std::collections::HashSet::new).insert(property);
    }
    for id in PropertyId::ALL {
        // The least one has two: a Boolean.
        let least = seen[id].iter().all(|one| matches!(one.value(), PropertyValue::Byte(_)));
        assert!(seen[id].len() >= if least { 2 } else { 5 }, "{id}: {:?}", seen[id]);
    }
}

/// A bit for each property, the lowest for the first.
#[test]
fn sets_come_by_their_bits() {
    for (n, id) in PropertyId::ALL.iter().enumerate() {
        let alone = (1_u32 << n).to_le_bytes();
        assert_eq!(PropertySet::arbitrary(&mut Unstructured::new(&alone)), Ok((*id).into()));
        let others = (!(1_u32 << n)).to_le_bytes();
        let others = PropertySet::arbitrary(&mut Unstructured::new(&others)).unwrap();
        assert!(!others.contains(*id) && others.iter().count() == PropertyId::ALL.len() - 1);
    }
}

/// What is before an error is taken if it is a filter; else one of a few.
#[test]
fn a_filter_is_as_much_of_the_text_as_is_one() {
    for (text, expected) in [("ab/c#d", "ab/c"), ("ab/+", "ab/+"), ("x\0y", "x"), ("+", "+")] {
        let length = u8::try_from(text.len()).unwrap();
        let source = [&[1], text.as_bytes(), &[length]].concat();
        assert_eq!(filter(&mut Unstructured::new(&source), Version::V5).unwrap().as_str(), expected);
    }
    let source = [&[1], "#x".as_bytes(), &[2]].concat();
    assert_eq!(filter(&mut Unstructured::new(&source), Version::V5).unwrap().as_str(), "a");
}

/// What is worth telling of a packet: the choices that not every version, or not every side, has.
fn traits(packet: &Packet<'_>) -> Vec<&'static str> {
    let listed = |properties: Properties<'_>| !properties.is_empty();
    let all = match packet {
        Packet::Connect(body) => alloc::vec![
            (body.password.is_some() && body.user_name.is_none(), "a password alone"),
            (body.password.is_some() && body.user_name.is_some(), "a user name and a password"),
            (!body.clean_start, "a session to go on"),
            (!body.clean_start && body.client_id.is_empty(), "a session to go on of nobody"),
            (body.client_id.is_empty(), "no client identifier"),
            (!["", "a"].contains(&body.client_id), "other identifiers"),
            (listed(body.properties), "properties of CONNECT"),
            (body.will.is_some_and(|will| listed(will.get().properties)), "properties of a will"),
        ],
        Packet::ConnAck(body) => alloc::vec![(body.session_present, "Session Present")],
        Packet::Publish(body) => alloc::vec![
            (body.dup, "DUP"),
            (body.topic.is_none(), "an alias alone"),
            (body.topic.is_some() && body.properties.topic_alias().is_some(), "a topic with an alias"),
        ],
        Packet::PubAck(body) => alloc::vec![(body.reason_code.is_error(), "a refusal in PUBACK")],
        Packet::Subscribe(body) => alloc::vec![
            (listed(body.properties), "properties of SUBSCRIBE"),
            (body.subscriptions.len() > 1, "several subscriptions"),
            (body.subscriptions.iter().any(|one| one.no_local), "No Local"),
            (body.subscriptions.iter().any(|one| one.retain_as_published), "Retain As Published"),
            (
                body.subscriptions.iter().any(|one| one.retain_handling != RetainHandling::Send),
                "Retain Handling",
            ),
            (body.subscriptions.iter().any(|one| one.filter.is_shared()), "a shared subscription"),
        ],
        Packet::SubAck(body) => alloc::vec![
            (listed(body.properties), "properties of SUBACK"),
            (body.reason_codes.len() > 1, "several codes"),
            (body.reason_codes.iter().any(ReasonCode::is_error), "a refusal in SUBACK"),
        ],
        Packet::Unsubscribe(body) => alloc::vec![(listed(body.properties), "properties of UNSUBSCRIBE")],
        Packet::UnsubAck(body) => alloc::vec![(listed(body.properties), "properties of UNSUBACK")],
        Packet::Auth(body) => alloc::vec![
            (body.reason_code == ReasonCode::SUCCESS && !listed(body.properties), "an empty AUTH"),
            (body.reason_code == ReasonCode::SUCCESS && listed(body.properties), "an AUTH that says more"),
        ],
        _ => Vec::new(),
    };
    all.into_iter().filter_map(|(holds, name)| holds.then_some(name)).collect()
}

/// Nothing that a version allows is left out.
#[test]
fn every_choice_comes() {
    let mut seen: [std::collections::BTreeSet<&str>; 3] = Default::default();
    let mut longest_of_v31 = 0;
    for source in sources() {
        for (version, seen) in Version::ALL.into_iter().zip(&mut seen) {
            for sender in [Sender::Client, Sender::Server] {
                for packet in PacketType::ALL.into_iter().filter(|p| p.may_be_sent_by(sender, version)) {
                    let mut u = Unstructured::new(&source);
                    let made = ArbitraryPacket::of_type(&mut u, packet, version, sender).unwrap();
                    seen.extend(traits(&made.packet()));
                    if let (Version::V31, Packet::Connect(body)) = (version, made.packet()) {
                        longest_of_v31 = longest_of_v31.max(body.client_id.chars().count());
                    }
                }
            }
        }
    }
    assert_eq!(longest_of_v31, 23);
    let v31 = [
        "DUP",
        "a session to go on",
        "a user name and a password",
        "other identifiers",
        "several codes",
        "several subscriptions",
    ];
    let v311 = ["Session Present", "a refusal in SUBACK", "no client identifier"];
    let v5 = [
        "No Local",
        "Retain As Published",
        "Retain Handling",
        "a password alone",
        "a refusal in PUBACK",
        "a session to go on of nobody",
        "a shared subscription",
        "a topic with an alias",
        "an AUTH that says more",
        "an alias alone",
        "an empty AUTH",
        "properties of CONNECT",
        "properties of SUBACK",
        "properties of SUBSCRIBE",
        "properties of UNSUBACK",
        "properties of UNSUBSCRIBE",
        "properties of a will",
    ];
    let mut expected = std::collections::BTreeSet::new();
    for (seen, new) in seen.iter().zip([&v31[..], &v311, &v5]) {
        expected.extend(new);
        assert_eq!(*seen, expected);
    }
}

/// How many bytes of the fuzzer a value takes: a program that makes many plans by it.
#[test]
fn size_hints() {
    fn hint<'a, T: Arbitrary<'a>>() -> (usize, Option<usize>) {
        T::size_hint(0)
    }
    assert_eq!(hint::<ArbitraryPacket>(), (3, None));
    #[cfg(feature = "bytes")]
    {
        use crate::frame::{CheckedFrame, Frame, PublishFrame};
        assert_eq!([hint::<Frame>(), hint::<CheckedFrame>(), hint::<PublishFrame>()], [(3, None); 3]);
    }
    assert_eq!(hint::<Property<'_>>(), (1, None));
    assert_eq!(hint::<Subscription<'_>>(), (2, None));
    assert_eq!([hint::<PropertySet>(), hint::<SubscriptionId>()], [(4, Some(4)); 2]);
    assert_eq!(hint::<Delivery>(), (1, Some(3)));
    assert_eq!([hint::<DecodeOptions>(), hint::<EncodeOptions>()], [(4, Some(10)), (3, Some(8))]);
    assert_eq!([hint::<Version>(), hint::<ReasonCode>()], [(1, Some(1)); 2]);
    assert_eq!(hint::<SubscriptionOptions>(), (4, Some(4)));
    assert_eq!(hint::<Connection>(), (7, Some(18)));
}

#[test]
fn single_values_come_valid() {
    for source in sources() {
        let mut u = Unstructured::new(&source);
        let filter = TopicFilter::arbitrary(&mut u).unwrap();
        assert_eq!(TopicFilter::new(filter.as_str()), Ok(filter));
        let name = TopicName::arbitrary(&mut u).unwrap();
        assert_eq!(TopicName::new(name.as_str()), Ok(name));
        let subscription = Subscription::arbitrary(&mut u).unwrap();
        let subscriptions = [subscription];
        let subscribe = Packet::from(Subscribe::new(PacketId::MIN, &subscriptions));
        assert!(subscribe.encoded_len(Version::V5).is_ok());
        let filter = TopicFilterBuf::arbitrary(&mut u).unwrap();
        assert_eq!(TopicFilter::new(filter.as_str()), Ok(filter.as_filter()));
        let name = TopicNameBuf::arbitrary(&mut u).unwrap();
        assert_eq!(TopicName::new(name.as_str()), Ok(name.as_name()));
        let packet = ArbitraryPacket::arbitrary(&mut u).unwrap();
        assert!(packet.packet().packet_type().may_be_sent_by(packet.sender(), packet.version()));
        assert_eq!(packet.as_bytes(), packet.clone().into_bytes());
        #[cfg(feature = "bytes")]
        {
            assert!(crate::frame::Frame::arbitrary(&mut u).unwrap().packet().is_ok());
            let checked = crate::frame::CheckedFrame::arbitrary(&mut u).unwrap();
            assert_eq!(checked.frame().packet(), Ok(checked.packet()));
            let message = crate::frame::PublishFrame::arbitrary(&mut u).unwrap();
            assert_eq!(message.frame().packet(), Ok(message.publish().into()));
        }
        u.arbitrary::<DecodeOptions>().unwrap();
        u.arbitrary::<EncodeOptions>().unwrap();
        u.arbitrary::<Property<'_>>().unwrap();
        u.arbitrary::<PropertiesBuf>().unwrap();
    }
}

#[test]
fn trees_come_with_entries() {
    let (mut filters, mut names) = (0, 0);
    for source in sources() {
        let mut u = Unstructured::new(&source);
        filters += FilterTree::<u8>::arbitrary(&mut u).unwrap().len();
        names += TopicTree::<u8>::arbitrary(&mut u).unwrap().len();
    }
    assert!(filters > 100, "{filters}");
    assert!(names > 100, "{names}");
}

/// Each field has both values or all, whatever the others have.
#[test]
fn options_of_subscriptions_come_in_every_form() {
    let seen: std::collections::HashSet<_> = (0..=u8::MAX)
        .map(|n| {
            let bytes = [n % 3, n / 3 % 2, n / 6 % 2, n / 12 % 3];
            SubscriptionOptions::arbitrary(&mut Unstructured::new(&bytes)).unwrap()
        })
        .collect();
    assert_eq!(seen.len(), 36);
}

#[test]
fn connections_come_with_their_options() {
    for source in sources() {
        let mut u = Unstructured::new(&source);
        let connection = Connection::arbitrary(&mut u).unwrap();
        let mut u = Unstructured::new(&source);
        let (decoding, encoding) = (u.arbitrary().unwrap(), u.arbitrary().unwrap());
        assert_eq!(connection, Connection::new(decoding, encoding));
    }
}

#[test]
fn owned_properties_come_with_every_property() {
    let (mut ids, mut most) = (PropertySet::EMPTY, 0);
    for source in sources() {
        let properties = PropertiesBuf::arbitrary(&mut Unstructured::new(&source)).unwrap();
        ids = ids | properties.ids();
        most = most.max(properties.len());
    }
    assert_eq!(ids.len(), PropertyId::ALL.len());
    assert!(most > 5, "{most}");
}
