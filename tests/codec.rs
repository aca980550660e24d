//! `Codec`: what it takes off a stream and puts on one.
#![cfg(feature = "tokio-codec")]

use bytes::{Bytes, BytesMut};
use mqtt_wire::{
    Ack, Codec, CodecError, ConnAck, Connect, DecodeOptions, EncodeError, EncodeOptions, Frame, Packet,
    PacketId, Publish, ReasonCode, Rule, Sender, Version, topic_name,
};
use tokio_util::codec::{Decoder, Encoder};

const PING: &[u8] = &[0xC0, 0];
const PONG: &[u8] = &[0xD0, 0];

fn decode_all(codec: &mut Codec, bytes: &[u8]) -> Result<Vec<Frame>, CodecError> {
    let mut stream = BytesMut::from(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = codec.decode(&mut stream)? {
        frames.push(frame);
    }
    assert!(stream.is_empty(), "{stream:?} is left");
    Ok(frames)
}

fn encoded(codec: &mut Codec, packet: Packet<'_>) -> Result<BytesMut, CodecError> {
    let mut out = BytesMut::new();
    codec.encode(packet, &mut out)?;
    Ok(out)
}

fn fault(result: Result<impl Sized, CodecError>) -> (Rule, Option<ReasonCode>) {
    match result {
        Err(error) => {
            let CodecError::Decode(inner) = &error else { panic!("{error}") };
            assert_eq!(error.to_string(), inner.to_string());
            (inner.rule(), error.reason_code())
        }
        Ok(_) => panic!("an error"),
    }
}

fn connect(version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    Packet::from(Connect::new(version, "a")).encode(version, &mut out).expect("a good packet");
    out
}

#[test]
fn a_server_speaks_the_version_of_the_connect() {
    for version in Version::ALL {
        let mut codec = Codec::server();
        assert_eq!((codec.version(), codec.decode_options().version()), (Version::V5, None));
        let frames = decode_all(&mut codec, &[&connect(version), PING].concat()).expect("good frames");
        assert_eq!(frames.len(), 2);
        assert!(frames.iter().all(|frame| frame.version() == Some(version)));
        assert_eq!((codec.version(), codec.decode_options().version()), (version, Some(version)));
        let connack = encoded(&mut codec, ConnAck::new(ReasonCode::SUCCESS).into()).expect("a good packet");
        assert_eq!(connack.len(), if version == Version::V5 { 5 } else { 4 });
        // A second CONNECT is the server's to refuse; it changes nothing.
        let other = if version == Version::V5 { Version::V311 } else { Version::V5 };
        decode_all(&mut codec, &connect(other)).expect("a frame");
        assert_eq!((codec.version(), codec.decode_options().version()), (version, Some(version)));
        // What comes before the CONNECT, if that is let through, says nothing of the version.
        let mut codec = Codec::new(DecodeOptions::detect(), EncodeOptions::new(Version::V5));
        decode_all(&mut codec, PING).expect("a frame");
        assert_eq!(codec.decode_options().version(), None);
        decode_all(&mut codec, &connect(version)).expect("a frame");
        assert_eq!(codec.version(), version);
    }
}

#[test]
fn who_sends_what() {
    assert_eq!(fault(decode_all(&mut Codec::server(), PING)).0, Rule::UnexpectedPacket);
    assert_eq!(fault(decode_all(&mut Codec::client(Version::V5), PING)).0, Rule::WrongDirection);
    let mut server = Codec::server();
    decode_all(&mut server, &connect(Version::V311)).expect("a frame");
    assert_eq!(
        fault(decode_all(&mut server, PONG)),
        (Rule::WrongDirection, Some(ReasonCode::PROTOCOL_ERROR))
    );
    // The first packet that a server sends is CONNACK.
    let mut client = Codec::client(Version::V311);
    assert_eq!(client.version(), Version::V311);
    assert_eq!(fault(decode_all(&mut client, PONG)).0, Rule::UnexpectedPacket);
    let frames = decode_all(&mut client, &[&[0x20, 2, 0, 0], PONG].concat()).expect("good frames");
    assert_eq!(frames.len(), 2);
    // A bad body is a frame: the stream goes on.
    let mut client = Codec::client(Version::V311);
    let frames = decode_all(&mut client, &[&[0x20, 2, 9, 9], PONG].concat()).expect("good headers");
    assert!(frames[0].packet().is_err() && frames[1].packet().is_ok());

    let refused = encoded(&mut client, Packet::PingResp).expect_err("the server's");
    assert!(matches!(refused, CodecError::Encode(EncodeError::Invalid { kind: Rule::WrongDirection, .. })));
    assert_eq!((refused.reason_code(), refused.to_string().is_empty()), (None, false));
    assert_eq!(CodecError::from(std::io::Error::other("gone")).reason_code(), None);
}

#[test]
fn limits_of_both_directions() {
    let long = Publish::new(topic_name!("t"), b"payload");
    let long = Packet::from(long);
    let len = long.encoded_len(Version::V311).expect("a good packet");
    let (exact, less) = (u32::try_from(len).expect("small"), u32::try_from(len - 1).expect("small"));
    let mut bytes = BytesMut::new();
    let decode = DecodeOptions::new(Version::V311);
    let encode = EncodeOptions::new(Version::V311);
    let mut codec = Codec::new(decode, encode);
    codec.encode(long, &mut bytes).expect("no limit");

    assert_eq!(decode_all(&mut codec.clone().with_max_packet_size(exact), &bytes).expect("a frame").len(), 1);
    let refused = fault(decode_all(&mut codec.clone().with_max_packet_size(less), &bytes));
    assert_eq!(refused, (Rule::PacketTooLarge, Some(ReasonCode::PACKET_TOO_LARGE)));
    codec.set_decode_options(decode.with_max_packet_size(less));
    assert_eq!(codec.decode_options(), decode.with_max_packet_size(less));
    assert_eq!(fault(decode_all(&mut codec, &bytes)).0, Rule::PacketTooLarge);

    let frame = Frame::new(bytes.clone().freeze(), decode).expect("a frame");
    for (limit, fits) in [(exact, true), (less, false)] {
        codec.set_encode_options(encode.with_max_packet_size(limit));
        assert_eq!(codec.encode_options(), encode.with_max_packet_size(limit));
        assert_eq!(encoded(&mut codec, long).is_ok(), fits);
        let mut out = BytesMut::from(PING);
        let written = codec.encode(&frame, &mut out);
        if fits {
            written.expect("a frame within the limit");
            assert_eq!(out, [PING, &bytes].concat());
        } else {
            let error = written.expect_err("a frame over the limit");
            let max = less as usize;
            assert!(
                matches!(error, CodecError::Encode(EncodeError::TooLarge { size, max: m }) if (size, m) == (len, max))
            );
            assert_eq!(out, PING);
        }
    }
}

#[test]
fn a_frame_of_another_version_is_refused() {
    let ack = Packet::PubAck(Ack::new(PacketId::MIN));
    let sender = DecodeOptions::new(Version::V311).with_sender(Sender::Client);
    for version in Version::ALL {
        let frame = Frame::encode(&ack, EncodeOptions::new(version)).expect("a good packet");
        let mut out = BytesMut::new();
        let written = Codec::new(sender, EncodeOptions::new(Version::V311)).encode(&frame, &mut out);
        match written {
            Ok(()) => assert_eq!((version, &out[..]), (Version::V311, frame.as_bytes())),
            Err(CodecError::Encode(EncodeError::Invalid { kind, packet, version: target })) => {
                assert_eq!((kind, target), (Rule::VersionMismatch, Version::V311));
                assert_eq!((packet, out.is_empty()), (frame.packet_type(), true));
                assert_ne!(version, Version::V311);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn ready_made_bytes() {
    let mut out = BytesMut::from(PING);
    Codec::server().encode(Bytes::from_static(b"anything"), &mut out).expect("bytes");
    assert_eq!(out, [PING, b"anything"].concat());
}
