//! A PUBLISH that is kept, sent again and sent on: its owned forms say what it says, and each attempt is the packet that
//! would have been encoded in the first place.

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use mqtt_wire::{
    ArbitraryPacket, CheckedFrame, Delivery, EncodeError, EncodeErrorKind, EncodeOptions, Field, Frame,
    Packet, PacketType, Properties, Property, Publish, PublishFrame, QoS, Rule, TopicName, decode_exact,
};

use super::reference;

pub(super) fn and_sent(bytes: &[u8]) {
    let mut u = Unstructured::new(bytes);
    let (Ok(version), Ok(sender)) = (u.arbitrary(), u.arbitrary()) else { return };
    let attempts: Vec<Attempt> = (0..4).filter_map(|_| u.arbitrary().ok()).collect();
    let Ok(made) = ArbitraryPacket::of_type(&mut u, PacketType::Publish, version, sender) else { return };
    let Packet::Publish(publish) = made.packet() else { panic!("{:?}", made.packet()) };
    let options = EncodeOptions::new(version).with_sender(sender);
    head_and_payload(&publish, options, made.as_bytes());
    let topic = u.arbitrary().ok().or(publish.topic);
    for attempt in &attempts {
        let attempt =
            Publish { delivery: attempt.delivery, dup: attempt.dup, retain: attempt.retain, ..publish };
        sent(&attempt, options);
        if let Some(topic) = topic {
            again_by_name(&attempt, topic, options);
        }
    }
    kept(&made, &publish, options);
}

/// One subscriber or one attempt.
#[derive(Debug, Arbitrary)]
struct Attempt {
    delivery: Delivery,
    dup: bool,
    retain: bool,
}

fn head_and_payload(publish: &Publish<'_>, options: EncodeOptions, whole: &[u8]) {
    let mut head = Vec::new();
    let len = publish.encode_head(options, &mut head).expect("the whole was encoded");
    assert_eq!(len, head.len());
    assert_eq!([&head, publish.payload].concat(), whole);
    let mut slice = vec![0xA5; len - 1];
    let too_small = Err(EncodeErrorKind::BufferTooSmall { needed: len, available: len - 1 });
    assert_eq!(publish.encode_head(options, &mut slice[..]).map_err(|error| error.kind()), too_small);
    assert!(slice.iter().all(|byte| *byte == 0xA5));
}

/// What may be sent is what the reference writes; DUP at QoS 0 is all that may not.
fn sent(publish: &Publish<'_>, options: EncodeOptions) {
    let version = options.version().expect("an encoder has one");
    match PublishFrame::encode(publish, options) {
        Ok(frame) => {
            assert_eq!(frame.publish(), *publish);
            assert_eq!(reference::encode(&(*publish).into(), version).as_deref(), Some(frame.as_ref()));
        }
        Err(error) => {
            assert!(publish.dup && publish.delivery.qos() == QoS::AtMostOnce, "{error}");
            let expected = (EncodeErrorKind::Invalid(Rule::DupAtQoS0), Some(Field::FixedHeader));
            assert_eq!((error.kind(), error.field()), expected);
            assert_eq!(Packet::from(*publish).encode(options, &mut Vec::new()), Err(error));
        }
    }
}

/// On a new connection: with DUP, with its topic's name and without an alias.
fn again_by_name(publish: &Publish<'_>, topic: TopicName<'_>, options: EncodeOptions) {
    let Some(again) = publish.to_resend(topic) else {
        return assert_eq!(publish.delivery, Delivery::AtMostOnce);
    };
    let lasting = |property: &Property<'_>| !matches!(property, Property::TopicAlias(_));
    let properties: Vec<Property<'_>> = publish.properties.iter().filter(lasting).collect();
    let properties = Properties::new(&properties);
    let expected = Publish { dup: true, topic: Some(topic), properties, ..*publish };
    assert_eq!(again.as_publish(), expected);
    let encode = |publish: Publish<'_>| -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        Packet::from(publish).encode(options, &mut out).map(|_| out)
    };
    let written = encode(again.as_publish());
    assert_eq!(written, encode(expected));
    let written = written.expect("a good PUBLISH, and its topic may stand in it");
    assert_eq!(decode_exact(&written, options.to_decode_options()), Ok(expected.into()));
}

/// The owned forms.
fn kept(made: &ArbitraryPacket, publish: &Publish<'_>, options: EncodeOptions) {
    let whole = made.as_bytes();
    let checked = CheckedFrame::encode(&(*publish).into(), options).expect("it was encoded before");
    assert_eq!((checked.packet(), checked.as_ref()), ((*publish).into(), whole));
    let frame = Frame::new(Bytes::copy_from_slice(whole), made.options()).expect("a valid packet");
    let kept = PublishFrame::new(frame.clone()).expect("a valid packet");
    assert_eq!(kept, PublishFrame::encode(publish, options).expect("it was encoded before"));
    assert_eq!((kept.publish(), kept.as_ref(), kept.version()), (*publish, whole, made.version()));
    let payload = kept.payload();
    assert_eq!(payload, publish.payload);
    let inside = whole.len() - payload.len();
    assert!(payload.is_empty() || std::ptr::eq(payload.as_ptr(), &raw const kept.as_ref()[inside]), "a copy");
    let compact = kept.compact();
    assert_eq!((&compact, compact.publish()), (&kept, *publish));

    let names_its_topic = publish.topic.is_some() && publish.properties.topic_alias().is_none();
    let can_be_resent = publish.delivery != Delivery::AtMostOnce && names_its_topic;
    let again = kept.clone().with_dup();
    assert_eq!(again.is_some(), can_be_resent);
    assert_eq!(again.clone().map(PublishFrame::into_frame), frame.clone().with_dup());
    if let Some(again) = again {
        assert_eq!(again.publish(), Publish { dup: true, ..*publish });
        let (first, rest) = whole.split_first().expect("a packet");
        assert_eq!(again.as_ref(), [&[first | 0x08], rest].concat());
        assert_eq!(again.frame().packet(), Ok(again.publish().into()));
    }
    assert_eq!((kept.as_ref(), frame.as_bytes()), (whole, whole), "a clone was changed");
}
