//! The owned forms of packets, over packets of every kind and over bytes that are nearly packets: a checked form is had
//! of just what decodes, and is the packet that decoding gives.
#![cfg(feature = "bytes")]

#[path = "common/bounds.rs"]
#[allow(dead_code, reason = "round_trip.rs walks through all of them")]
mod bounds;
#[path = "common/input.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod input;
#[path = "common/notation.rs"]
mod notation;
#[path = "common/strategy.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod strategy;
#[path = "common/tables.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod tables;

use std::collections::HashSet;

use bytes::{Bytes, BytesMut};
use input::{Input, config, decoding, encoding, input, wire};
use mqtt_wire::{
    CheckedFrame, DecodeOptions, Decoded, EncodeOptions, Frame, Packet, PacketType, PublishFrame, Rule,
    Sender, Tolerance, Version, decode_exact,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use strategy::{valid, valid_packet, wild};

/// The first frame of the bytes, cut off a longer stream, so that it does not begin where its memory does.
fn cut(bytes: &[u8], options: DecodeOptions) -> Option<Frame> {
    let mut stream = BytesMut::from(&[&[0xC0, 0][..], bytes, &[0xC0, 0]].concat()[..]);
    let _ = stream.split_to(2);
    let frame = Frame::split_from(&mut stream, options).ok().flatten()?;
    (frame.as_bytes().len() <= bytes.len()).then_some(frame)
}

/// Options of every kind.
fn options(input: &Input, tolerant: bool, strict: bool) -> DecodeOptions {
    let mut options = input.options().with_strict_characters(strict).with_payload_check(strict);
    for tolerance in Tolerance::ALL.iter().filter(|_| tolerant) {
        options = options.with_tolerance(*tolerance);
    }
    options
}

/// Decoding again gives the same as it did before: what options tolerate is tolerated again.
fn encoding_of(options: DecodeOptions) -> EncodeOptions {
    let encode = EncodeOptions::new(options.version().expect("a version"));
    options.tolerances().fold(encode, EncodeOptions::with_tolerance)
}

proptest! {
    #![proptest_config(config(1500))]

    /// A checked frame is had of what decodes, and is that packet.
    #[test]
    fn checked_frames(input in input(), tolerant: bool, strict: bool) {
        let options = options(&input, tolerant, strict);
        let Some(frame) = cut(&input.bytes, options) else { return Ok(()) };
        let expected = decode_exact(frame.as_bytes(), options);
        match CheckedFrame::new(frame.clone()) {
            Ok(checked) => {
                prop_assert_eq!(Ok(checked.packet()), expected);
                prop_assert_eq!(checked.packet_type(), frame.packet_type());
                prop_assert_eq!(format!("{:?}", checked.packet()), format!("{:?}", frame.packet().expect("a packet")));
                prop_assert_eq!((checked.frame(), checked.as_ref()), (&frame, frame.as_bytes()));
                prop_assert_eq!(CheckedFrame::try_from(frame.clone()), Ok(checked.clone()));
                prop_assert_eq!(Frame::from(checked.clone()), checked.clone().into_frame());
                prop_assert_eq!(checked.into_bytes().as_ptr(), frame.as_bytes().as_ptr(), "nothing is copied");
            }
            Err(error) => prop_assert_eq!(Err(error), expected),
        }
    }

    /// A message is had of what decodes to a PUBLISH, and is that PUBLISH, whatever it is read by.
    #[test]
    fn messages(input in input(), tolerant: bool, strict: bool) {
        let options = options(&input, tolerant, strict);
        let Some(frame) = cut(&input.bytes, options) else { return Ok(()) };
        match (PublishFrame::new(frame.clone()), decode_exact(frame.as_bytes(), options)) {
            (Ok(message), Ok(Packet::Publish(publish))) => {
                prop_assert_eq!(message.publish(), publish);
                let (ours, theirs) = (message.publish().properties, publish.properties);
                prop_assert_eq!((ours.ids(), ours.as_wire()), (theirs.ids(), theirs.as_wire()));
                prop_assert_eq!(format!("{:?}", message.publish()), format!("{publish:?}"));
                prop_assert_eq!(message.version(), input.version);
                let payload = message.payload();
                prop_assert_eq!(&payload[..], publish.payload);
                let start = frame.as_bytes().len() - payload.len();
                prop_assert!(payload.is_empty() || payload.as_ptr() == frame.as_bytes()[start..].as_ptr());
                prop_assert_eq!((message.frame(), message.as_ref()), (&frame, frame.as_bytes()));
                // Encoded again, in the shortest form, or not at all where what was tolerated is not.
                for encode in [encoding_of(options), input.version.into()] {
                    let (mut one, mut two) = (Vec::new(), Vec::new());
                    let found = Packet::from(message.publish()).encode(encode, &mut one);
                    prop_assert_eq!(found, Packet::from(publish).encode(encode, &mut two));
                    prop_assert_eq!(one, two);
                }
                let compact = message.compact();
                prop_assert_eq!(&compact, &message);
                prop_assert_eq!(compact.publish(), publish);
                prop_assert_ne!(compact.as_ref().as_ptr(), frame.as_bytes().as_ptr());
                prop_assert_eq!(PublishFrame::try_from(frame.clone()), Ok(message.clone()));
                prop_assert_eq!(Frame::from(message.clone()), message.into_frame());
            }
            (Err(error), Ok(packet)) => {
                prop_assert_ne!(packet.packet_type(), PacketType::Publish);
                prop_assert_eq!((error.rule(), error.offset()), (Rule::UnexpectedPacket, 0));
                prop_assert_eq!(error.packet_type(), Some(packet.packet_type()));
            }
            (Err(error), Err(expected)) => prop_assert_eq!(error, expected),
            (found, expected) => prop_assert!(false, "{:?} {:?}", found, expected),
        }
    }

    /// What is encoded into a frame of its own is the packet, by whatever options it was let out.
    #[test]
    fn encoded(case in prop_oneof![valid().boxed(), wild().boxed()], strict: bool) {
        let options = encoding(&case).with_strict_characters(strict).with_payload_check(strict);
        case.with(|packet| {
            let mut bytes = Vec::new();
            let expected = packet.encode(options, &mut bytes);
            let checked = CheckedFrame::encode(packet, options);
            prop_assert_eq!(checked.as_ref().map(|checked| checked.as_ref().len()).map_err(|error| *error), expected);
            prop_assert_eq!(checked.clone().map(Frame::from), Frame::encode(packet, options));
            if let Ok(checked) = &checked {
                prop_assert_eq!(checked.as_ref(), &bytes[..]);
                prop_assert_eq!(checked.packet(), *packet);
                prop_assert_eq!(checked.frame().options(), options.to_decode_options());
            }
            if let Packet::Publish(publish) = packet {
                let message = PublishFrame::encode(publish, options);
                prop_assert_eq!(message.clone().map(Frame::from), checked.map(Frame::from));
                if let Ok(message) = message {
                    prop_assert_eq!(message.publish(), *publish);
                }
            }
            Ok(())
        })?;
    }

    /// Frames are equal and hashed by their bytes: whatever they are read by, and wherever they stand.
    #[test]
    fn equal_frames_are_equal_bytes(cases in vec(valid_packet(PacketType::Publish, Version::V5, Sender::Client), 2), twice: bool, at: Index) {
        let mut all: Vec<Bytes> = cases.iter().map(|case| wire(case).into()).collect();
        if twice {
            all.push(all[0].clone());
        }
        let mut changed = all[0].to_vec();
        let at = at.index(changed.len());
        changed[at] ^= 1;
        all.push(changed.into());
        let (strict, lax) = (decoding(&cases[0]), DecodeOptions::new(Version::V5));
        let lax = lax.with_tolerance(Tolerance::NonMinimalLengths);
        let frames: Vec<Frame> = [strict, lax]
            .iter()
            .flat_map(|options| all.iter().filter_map(move |bytes| Frame::new(bytes.clone(), options).ok()))
            .collect();
        for one in &frames {
            for other in &frames {
                prop_assert_eq!(one == other, one.as_bytes() == other.as_bytes());
            }
        }
        let bytes: HashSet<&[u8]> = frames.iter().map(Frame::as_bytes).collect();
        prop_assert_eq!(frames.iter().collect::<HashSet<_>>().len(), bytes.len());
        let messages: Vec<PublishFrame> = frames.iter().cloned().filter_map(|frame| frame.try_into().ok()).collect();
        for one in &messages {
            for other in &messages {
                prop_assert_eq!(one == other, one.as_ref() == other.as_ref());
            }
        }
    }
}

/// A CONNECT that names its version is the same packet, or breaks the same rule, whether that was known or not.
#[test]
fn the_version_that_a_connect_names() {
    let bodies = ["'MQIsdp' 03 02 003C 'a'", "'MQTT' 04 02 003C 'a'", "'MQTT' 05 02 003C () 'a'"];
    for (named, body) in Version::ALL.into_iter().zip(bodies) {
        let good = notation::bytes(&format!("10 ({body})"));
        let mut bad = good.clone();
        *bad.last_mut().expect("a client identifier") = 0;
        for bytes in [good, bad] {
            let detected = Frame::new(bytes.clone().into(), DecodeOptions::detect()).expect("a frame");
            assert_eq!(detected.version(), Some(named));
            for version in Version::ALL {
                let frame = Frame::new(bytes.clone().into(), version).expect("a frame");
                assert_eq!(frame, detected);
                if named == version {
                    assert_eq!(frame.packet(), detected.packet());
                    assert_eq!(CheckedFrame::new(frame), CheckedFrame::new(detected.clone()));
                } else {
                    let refused = CheckedFrame::new(frame).map_err(|error| error.rule());
                    assert_eq!(refused, Err(Rule::ProtocolVersion));
                }
            }
        }
    }
}

/// Frames are cut where decoding ends: what is behind the first is not in it.
#[test]
fn a_frame_is_what_decode_takes() {
    let options = DecodeOptions::new(Version::V311);
    let frame = cut(&notation::bytes("30 ('a' 6869) C0 00"), options).expect("a frame");
    assert_eq!(
        mqtt_wire::decode(frame.as_bytes(), options).ok().and_then(Decoded::packet),
        frame.packet().ok()
    );
    assert_eq!(frame.as_bytes().len(), 7);
}
