//! The size limit at every length at which a Remaining Length takes another byte: one byte below the packet's size, just
//! that, and one above, by every way in and out.
#![cfg(feature = "tokio-codec")]

#[path = "common/notation.rs"]
#[allow(dead_code, reason = "bytes are put together here")]
mod notation;

use bytes::BytesMut;
use mqtt_wire::{
    Codec, CodecError, Connection, DecodeError, DecodeOptions, Decoded, DecodedHead, EncodeError,
    EncodeErrorKind, EncodeOptions, FixedHeader, Frame, MAX_PACKET_SIZE, Packet, Publish, PublishFrame, Rule,
    Version, decode, decode_exact, decode_publish_head, topic_name,
};
use notation::{string, variable};
use tokio_util::codec::{Decoder, Encoder};

/// The bounds of a Remaining Length, and the size of the packet that has it (Table 2.4 of 3.1.1, 1-1 of 5.0).
const LENGTHS: [(u32, u32); 8] = [
    (127, 129),
    (128, 131),
    (16_383, 16_386),
    (16_384, 16_388),
    (2_097_151, 2_097_155),
    (2_097_152, 2_097_157),
    (268_435_454, 268_435_459),
    (268_435_455, MAX_PACKET_SIZE),
];

/// What is longer than that is not made in memory: its fixed header alone decides.
const LONG: u32 = 4_000_000;

/// The limit, and whether the packet is within it.
fn limits(size: u32) -> [(u32, bool); 3] {
    [(size - 1, false), (size, true), (size + 1, true)]
}

/// The start of a PUBLISH with that Remaining Length, up to its payload.
fn start(length: u32, version: Version) -> Vec<u8> {
    let properties = if version == Version::V5 { vec![0] } else { Vec::new() };
    [vec![0x30], variable(length as usize), string("a"), properties].concat()
}

fn is_too_large(error: &DecodeError) -> bool {
    (error.rule(), error.offset()) == (Rule::PacketTooLarge, 1)
}

/// Whether it is let in: what is refused, is for its size.
fn is_in<T>(result: Result<T, DecodeError>) -> bool {
    result.map_err(|error| assert!(is_too_large(&error), "{error}")).is_ok()
}

fn is_in_for_codec<T>(result: Result<T, CodecError>) -> bool {
    match result {
        Ok(_) => true,
        Err(CodecError::Decode(error)) => is_in::<T>(Err(error)),
        Err(error) => panic!("{error}"),
    }
}

/// Whether it is let out: what is refused, is for its size, which is told, and that of the limit.
fn is_out<T>(result: Result<T, EncodeError>, size: u32, max: u32) -> bool {
    match result.map_err(|error| error.kind()) {
        Ok(_) => true,
        Err(kind) => {
            assert_eq!(kind, EncodeErrorKind::TooLarge { size: size as usize, max: max as usize });
            false
        }
    }
}

/// As soon as the length is there, however little of the rest.
#[test]
fn the_fixed_header_decides() {
    for (length, size) in LENGTHS {
        for version in Version::ALL {
            let start = start(length, version);
            let header = 1 + variable(length as usize).len();
            for (limit, fits) in limits(size) {
                let options = DecodeOptions::new(version).with_max_packet_size(limit);
                let connection = || Connection::new(options, EncodeOptions::new(version));
                for bytes in [&start[..header], &start[..=header], &start[..]] {
                    let found = [
                        is_in(FixedHeader::decode(bytes, options)),
                        is_in(decode(bytes, options)),
                        is_in(decode_publish_head(bytes, options)),
                        is_in(Frame::split_from(&mut BytesMut::from(bytes), options)),
                        is_in(connection().decode(bytes)),
                    ];
                    assert_eq!(found, [fits; 5], "{length} in {version}, {limit} allowed");
                    // What is long is missing, and not reserved here.
                    let missing = size as usize - bytes.len();
                    if fits {
                        assert_eq!(decode(bytes, options), Ok(Decoded::Incomplete { missing }));
                        assert_eq!(
                            decode_exact(bytes, options).map_err(|error| error.rule()),
                            Err(Rule::Truncated)
                        );
                    } else {
                        assert!(decode_exact(bytes, options).is_err_and(|error| is_too_large(&error)));
                    }
                    if size < LONG || !fits {
                        let mut codec = Codec::new(connection());
                        assert_eq!(is_in_for_codec(codec.decode(&mut BytesMut::from(bytes))), fits);
                    }
                }
                // One byte of the length is not there yet.
                let found = decode(&start[..header - 1], options);
                assert_eq!(found, Ok(Decoded::Incomplete { missing: 1 }), "{length} in {version}");
            }
        }
    }
}

#[test]
fn whole_packets() {
    for (length, size) in LENGTHS.into_iter().filter(|(_, size)| *size < LONG) {
        for version in Version::ALL {
            let mut wire = start(length, version);
            wire.resize(size as usize, b'x');
            let frame = Frame::new(wire.clone().into(), version).expect("a frame");
            let message = PublishFrame::new(frame.clone()).expect("a good message");
            let publish = message.publish();
            let packet = Packet::from(publish);
            for (limit, fits) in limits(size) {
                let label = format!("{length} in {version}, {limit} allowed");
                let (reading, writing) = (
                    DecodeOptions::new(version).with_max_packet_size(limit),
                    EncodeOptions::new(version).with_max_packet_size(limit),
                );
                let connection = || Connection::new(reading, writing);
                assert_eq!(writing.to_decode_options(), reading);
                let found = [
                    is_in(decode(&wire, reading)),
                    is_in(decode_exact(&wire, reading)),
                    is_in(decode_publish_head(&wire, reading)),
                    is_in(Frame::new(wire.clone().into(), reading)),
                    is_in(Frame::split_from(&mut BytesMut::from(&wire[..]), reading)),
                    is_in(connection().decode(&wire)),
                    is_in(connection().split_from(&mut BytesMut::from(&wire[..]))),
                    is_in_for_codec(Codec::new(connection()).decode(&mut BytesMut::from(&wire[..]))),
                ];
                assert_eq!(found, [fits; 8], "{label}");
                if fits {
                    assert_eq!(decode_exact(&wire, reading), Ok(packet));
                    let Ok(DecodedHead::Publish { payload, .. }) = decode_publish_head(&wire, reading) else {
                        panic!("{label}")
                    };
                    assert_eq!(payload.remaining(), publish.payload.len());
                }
                let (mut out, mut bytes) = (Vec::new(), BytesMut::new());
                let mut by_codec = |outgoing| match Codec::new(connection()).encode(outgoing, &mut bytes) {
                    Err(CodecError::Encode(error)) => Err(error),
                    Err(error) => panic!("{error}"),
                    Ok(()) => Ok(()),
                };
                let found = [
                    is_out(packet.encoded_len(writing), size, limit),
                    is_out(packet.encode(writing, &mut out), size, limit),
                    is_out(publish.encode_head(writing, &mut Vec::new()), size, limit),
                    is_out(Frame::encode(&packet, writing), size, limit),
                    is_out(PublishFrame::encode(&publish, writing), size, limit),
                    is_out(connection().encode(&packet, &mut Vec::new()), size, limit),
                    is_out(connection().encode_frame(&frame, &mut Vec::new()), size, limit),
                    is_out(by_codec(packet.into()), size, limit),
                    is_out(by_codec(message.clone().into()), size, limit),
                ];
                assert_eq!(found, [fits; 9], "{label}");
                assert_eq!(
                    (out.len(), bytes.len()),
                    if fits { (wire.len(), 2 * wire.len()) } else { (0, 0) }
                );
                assert!(!fits || out == wire, "{label}");
            }
        }
    }
}

/// Zeroed memory that is never touched takes no room.
#[test]
fn the_largest_packets_go_out_by_their_heads() {
    let zeros = vec![0; MAX_PACKET_SIZE as usize];
    for (length, size) in LENGTHS.into_iter().filter(|(_, size)| *size > LONG) {
        for version in Version::ALL {
            let start = start(length, version);
            let publish = Publish::new(topic_name!("a"), &zeros[start.len()..size as usize]);
            for (limit, fits) in limits(size) {
                let options = EncodeOptions::new(version).with_max_packet_size(limit);
                let mut head = Vec::new();
                let max = limit.min(MAX_PACKET_SIZE);
                let found = [
                    is_out(publish.encode_head(options, &mut head), size, max),
                    is_out(Packet::from(publish).encoded_len(options), size, max),
                ];
                assert_eq!(found, [fits; 2], "{length} in {version}, {limit} allowed");
                assert_eq!(head, if fits { start.clone() } else { Vec::new() });
            }
        }
    }
}
