//! `Codec`: what it takes off a stream and puts on one.
#![cfg(feature = "tokio-codec")]

use bytes::{Bytes, BytesMut};
use mqtt_wire::{
    Ack, Codec, CodecError, ConnAck, Connect, Connection, DecodeOptions, EncodeErrorKind, EncodeOptions,
    Frame, Packet, PacketId, Publish, ReasonCode, Rule, Sender, Version, topic_name,
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

fn options(codec: &Codec) -> DecodeOptions {
    codec.connection().decode_options()
}

fn encoded(codec: &mut Codec, packet: Packet<'_>) -> Result<BytesMut, CodecError> {
    let mut out = BytesMut::new();
    codec.encode(packet.into(), &mut out)?;
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
        assert_eq!((codec.connection().version(), options(&codec).first_packet()), (None, true));
        let frames = decode_all(&mut codec, &[&connect(version), PING].concat()).expect("good frames");
        assert_eq!(frames.len(), 2);
        assert!(frames.iter().all(|frame| frame.version() == Some(version)));
        assert_eq!((codec.connection().version(), options(&codec).first_packet()), (Some(version), false));
        let connack = encoded(&mut codec, ConnAck::new(ReasonCode::SUCCESS).into()).expect("a good packet");
        assert_eq!(connack.len(), if version == Version::V5 { 5 } else { 4 });
        // A second CONNECT is the server's to refuse; it changes nothing.
        let other = if version == Version::V5 { Version::V311 } else { Version::V5 };
        decode_all(&mut codec, &connect(other)).expect("a frame");
        assert_eq!((codec.connection().version(), options(&codec).first_packet()), (Some(version), false));
        // What comes before the CONNECT has no version to be read by.
        let any = Connection::new(DecodeOptions::detect(), EncodeOptions::new(Version::V5));
        let mut codec = Codec::new(any);
        assert_eq!(fault(decode_all(&mut codec, PING)).0, Rule::VersionUnknown);
        assert_eq!(codec.connection().version(), None);
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
    assert_eq!(client.connection().version(), Some(Version::V311));
    assert_eq!(fault(decode_all(&mut client, PONG)).0, Rule::UnexpectedPacket);
    let frames = decode_all(&mut client, &[&[0x20, 2, 0, 0], PONG].concat()).expect("good frames");
    assert_eq!(frames.len(), 2);
    // A bad body is a frame: the stream goes on.
    let mut client = Codec::client(Version::V311);
    let frames = decode_all(&mut client, &[&[0x20, 2, 9, 9], PONG].concat()).expect("good headers");
    assert!(frames[0].packet().is_err() && frames[1].packet().is_ok());

    let refused = encoded(&mut client, Packet::PingResp).expect_err("the server's");
    let CodecError::Encode(error) = &refused else { panic!("{refused}") };
    assert_eq!(error.kind(), EncodeErrorKind::Invalid(Rule::WrongDirection));
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
    let connection = Connection::new(decode, encode);
    let mut codec = Codec::new(connection.clone());
    codec.encode(long.into(), &mut bytes).expect("no limit");
    let limited = |limit: u32| Codec::new(connection.clone().with_max_packet_size(limit));

    assert_eq!(decode_all(&mut limited(exact), &bytes).expect("a frame").len(), 1);
    let refused = fault(decode_all(&mut limited(less), &bytes));
    assert_eq!(refused, (Rule::PacketTooLarge, Some(ReasonCode::PACKET_TOO_LARGE)));
    codec.connection_mut().set_decode_options(decode.with_max_packet_size(less));
    assert_eq!(options(&codec), decode.with_max_packet_size(less));
    assert_eq!(fault(decode_all(&mut codec, &bytes)).0, Rule::PacketTooLarge);

    let frame = Frame::new(bytes.clone().freeze(), decode).expect("a frame");
    for (limit, fits) in [(exact, true), (less, false)] {
        codec.connection_mut().set_encode_options(encode.with_max_packet_size(limit));
        assert_eq!(codec.connection().encode_options(), encode.with_max_packet_size(limit));
        assert_eq!(encoded(&mut codec, long).is_ok(), fits);
        let mut out = BytesMut::from(PING);
        let written = codec.encode(frame.clone().into(), &mut out);
        if fits {
            written.expect("a frame within the limit");
            assert_eq!(out, [PING, &bytes].concat());
        } else {
            let error = written.expect_err("a frame over the limit");
            let CodecError::Encode(error) = error else { panic!("{error}") };
            assert_eq!(error.kind(), EncodeErrorKind::TooLarge { size: len, max: less as usize });
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
        let mut codec = Codec::new(Connection::new(sender, EncodeOptions::new(Version::V311)));
        let written = codec.encode(frame.clone().into(), &mut out);
        match written {
            Ok(()) => assert_eq!((version, &out[..]), (Version::V311, frame.as_bytes())),
            Err(CodecError::Encode(error)) => {
                assert_eq!(error.kind(), EncodeErrorKind::Invalid(Rule::VersionMismatch));
                assert_eq!(
                    (error.packet_type(), error.version()),
                    (Some(frame.packet_type()), Version::V311)
                );
                assert!(out.is_empty());
                assert_ne!(version, Version::V311);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn ready_made_bytes() {
    let mut out = BytesMut::from(PING);
    Codec::server().encode(Bytes::from_static(b"anything").into(), &mut out).expect("bytes");
    assert_eq!(out, [PING, b"anything"].concat());
}
