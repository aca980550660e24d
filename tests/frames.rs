//! `Frame`: one packet in memory of its own or shared.
#![cfg(feature = "bytes")]

use bytes::{Bytes, BytesMut};
use mqtt_wire::{
    Connect, DecodeOptions, EncodeErrorKind, EncodeOptions, Field, Frame, Packet, PacketType, Publish, Rule,
    Sender, Tolerance, Version, topic_name,
};

const PUBLISH: &[u8] = &[0x32, 9, 0, 1, b'a', 0, 7, b'd', b'a', b't', b'a'];

fn frame(bytes: &'static [u8], options: impl Into<DecodeOptions>) -> Frame {
    Frame::new(Bytes::from_static(bytes), options).expect("a frame")
}

#[test]
fn what_a_frame_knows() {
    let options = DecodeOptions::new(Version::V311).with_sender(Sender::Client);
    let publish = frame(PUBLISH, options);
    assert_eq!((publish.packet_type(), publish.version()), (PacketType::Publish, Some(Version::V311)));
    assert_eq!((publish.header().len(), publish.header().frame_len()), (2, PUBLISH.len()));
    assert_eq!(publish.options(), options);
    assert_eq!((publish.as_bytes(), publish.as_ref()), (PUBLISH, PUBLISH));
    assert_eq!(publish.into_bytes(), PUBLISH);
    // A CONNECT names its version, if it is known and long enough to do so.
    for version in Version::ALL {
        let connect = Packet::from(Connect::new(version, "a"));
        let connect = Frame::encode(&connect, version).expect("a good packet");
        let detected = Frame::new(connect.into_bytes(), DecodeOptions::detect()).expect("a frame");
        assert_eq!(detected.version(), Some(version));
    }
    let unknown = frame(&[0x10, 7, 0, 4, b'M', b'Q', b'T', b'T', 9], DecodeOptions::detect());
    assert_eq!((unknown.version(), unknown.packet().is_err()), (None, true));
    assert_eq!(frame(&[0x10, 0], DecodeOptions::detect()).version(), None);
    let bridge: &[u8] = &[0x10, 7, 0, 4, b'M', b'Q', b'T', b'T', 0x84];
    // A bridge names its version whether or not it is let in.
    let tolerant = DecodeOptions::detect().with_tolerance(Tolerance::BridgeProtocolLevel);
    for (options, rule) in [(DecodeOptions::detect(), Rule::ProtocolVersion), (tolerant, Rule::Truncated)] {
        let bridge = frame(bridge, options);
        assert_eq!(bridge.version(), Some(Version::V311));
        assert_eq!(bridge.packet().map_err(|error| error.rule()), Err(rule));
    }
}

#[test]
fn a_part_is_not_copied() {
    let frame = frame(PUBLISH, Version::V311);
    let Ok(Packet::Publish(publish)) = frame.packet() else { panic!("a PUBLISH") };
    let payload = frame.slice(publish.payload);
    assert_eq!((&payload[..], payload.as_ptr()), (&b"data"[..], publish.payload.as_ptr()));
    assert_eq!(frame.slice(frame.as_bytes()).as_ptr(), frame.as_bytes().as_ptr());
    // A part from elsewhere is: it lies before the frame, behind it, or reaches past its end.
    let memory = Bytes::copy_from_slice(&[&[0xC0, 0], PUBLISH, &[0xC0, 0]].concat());
    let frame = Frame::new(memory.slice(2..2 + PUBLISH.len()), Version::V311).expect("a frame");
    for part in [&memory[..2], &memory[..5], &memory[4..], &memory[2 + PUBLISH.len()..], b"other"] {
        let copy = frame.slice(part);
        assert_eq!(copy, part);
        assert_ne!(copy.as_ptr(), part.as_ptr());
    }
    assert_eq!(frame.slice(&memory[4..6]).as_ptr(), memory[4..].as_ptr());
}

#[test]
fn memory_of_its_own() {
    let mut stream = BytesMut::from(&[PUBLISH, PUBLISH].concat()[..]);
    let first = Frame::split_from(&mut stream, Version::V311).expect("a header").expect("a frame");
    let compact = first.compact();
    assert_eq!(compact, first);
    assert_ne!(compact.as_bytes().as_ptr(), first.as_bytes().as_ptr());
}

#[test]
fn again_with_dup() {
    let again = frame(PUBLISH, Version::V311).with_dup().expect("a PUBLISH of QoS 1");
    assert_eq!((again.as_bytes()[0], &again.as_bytes()[1..]), (0x3A, &PUBLISH[1..]));
    let Ok(Packet::Publish(publish)) = again.packet() else { panic!("a PUBLISH") };
    assert!(publish.dup);
    assert_eq!(
        again.header(),
        frame(&[0x3A, 9, 0, 1, b'a', 0, 7, b'd', b'a', b't', b'a'], Version::V311).header()
    );
    assert_eq!(again.clone().with_dup(), Some(again), "it has DUP already");
    // What cannot be sent again as it is: another packet, QoS 0, a topic by alias, a bad body.
    for (bytes, version) in [
        (&[0xC0, 0][..], Version::V311),
        (&[0x62, 2, 0, 1], Version::V311),
        (&[0x30, 3, 0, 1, b'a'], Version::V311),
        (&[0x32, 9, 0, 1, b'a', 0, 7, 3, 0x23, 0, 1], Version::V5),
        (&[0x32, 8, 0, 0, 0, 7, 3, 0x23, 0, 1], Version::V5),
        (&[0x32, 5, 0, 1, b'a', 0, 0], Version::V311),
    ] {
        assert_eq!(frame(bytes, version).with_dup(), None, "{bytes:02X?}");
    }
}

/// The limit counts before the form of the length, and is the last size that it lets through.
#[test]
fn a_long_form_at_the_limit() {
    let bytes: &[u8] = &[0x30, 0x83, 0, 0, 1, b'a'];
    let refused = |limit: u32| {
        let options = DecodeOptions::new(Version::V5).with_max_packet_size(limit);
        Frame::new(Bytes::from_static(bytes), options).expect_err("it is not in its shortest form").rule()
    };
    assert_eq!(refused(6), Rule::LengthNotShortest);
    assert_eq!(refused(5), Rule::PacketTooLarge);
}

#[test]
fn what_is_refused() {
    let publish = Packet::from(Publish::new(topic_name!("a"), b"payload"));
    let options = EncodeOptions::new(Version::V311).with_max_packet_size(5);
    let refused = Frame::encode(&publish, options);
    let kind = refused.map_err(|error| error.kind());
    assert_eq!(kind, Err(EncodeErrorKind::TooLarge { size: 12, max: 5 }));
    let refused =
        Frame::encode(&Packet::PingReq, EncodeOptions::new(Version::V5).with_sender(Sender::Server));
    let refused = refused.expect_err("a PINGREQ of a server");
    assert_eq!(refused.kind(), EncodeErrorKind::Invalid(Rule::WrongDirection));
    assert_eq!(refused.field(), Some(Field::FixedHeader));
    for (bytes, kind) in [
        (&PUBLISH[..5], Rule::Truncated),
        (&[0xC0], Rule::Truncated),
        (&[0xC0, 0, 0], Rule::TrailingBytes),
        (&[0, 0], Rule::ReservedPacketType),
    ] {
        let error = Frame::new(Bytes::copy_from_slice(bytes), Version::V311).expect_err("no frame");
        assert_eq!(error.rule(), kind, "{bytes:02X?}");
    }
}
