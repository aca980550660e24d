//! A stream in pieces: however it is cut, the same packets come out of it.

use bytes::{Buf, BytesMut};
use mqtt_wire::{
    Buffer, Codec, CodecError, Connection, DecodeError, DecodeOptions, Decoded, EncodeOptions, FixedHeader,
    Frame, Packet, Rule, Version, decode, frame_len,
};
use tokio_util::codec::Decoder;

use super::setting::Setting;

/// What a stream is cut into: frames, each with its packet's type or what is wrong with it, and at the end the
/// error that keeps it from being cut any further.
#[derive(Debug, Default, PartialEq)]
struct Cut<'a> {
    frames: Vec<(&'a [u8], Option<DecodeError>)>,
    end: Option<DecodeError>,
    left: usize,
}

/// The bytes: a setting, a byte that says how to cut, and the stream.
pub(super) fn in_pieces(bytes: &[u8]) {
    let Some((setting, [cut, stream @ ..])) = Setting::split_from(bytes) else { return };
    let options = Setting { first: false, ..setting }.decode();
    let whole = at_once(stream, options);
    let pieces = pieces(stream, *cut);
    assert_eq!(as_frames(stream, &pieces, options), whole);
    one_after_the_other(stream, options, &whole);
    as_many_as_missing(stream, options, &whole);
    through_codec(stream, &pieces, setting);
    through_buffer(stream, &pieces, 8 + 4 * usize::from(*cut), setting);
}

/// The reference: the bytes are all there.
fn at_once(stream: &[u8], options: DecodeOptions) -> Cut<'_> {
    let mut cut = Cut::default();
    let mut rest = stream;
    loop {
        let (len, error) = match decode(rest, options) {
            Ok(Decoded::Packet { len, .. }) => (len, None),
            Ok(Decoded::Incomplete { .. }) => return Cut { left: rest.len(), ..cut },
            Err(error) => match mqtt_wire::FixedHeader::decode(rest, options) {
                Ok(header) => match header.expect("a body was decoded").frame_len() {
                    len if len <= rest.len() => (len, Some(error)),
                    _ => {
                        assert!(is_told_by_version(&error, options), "{error}");
                        return Cut { left: rest.len(), ..cut };
                    }
                },
                Err(_) => return Cut { end: Some(error), left: rest.len(), ..cut },
            },
        };
        let (frame, behind) = rest.split_at(len);
        cut.frames.push((frame, error));
        rest = behind;
    }
}

/// The iterator gives what the loop does, and goes on behind a bad header as long as that has a length. The version of a
/// CONNECT holds for what follows, which the loop does not know.
fn one_after_the_other(stream: &[u8], options: DecodeOptions, whole: &Cut<'_>) {
    let mut iter = mqtt_wire::packets(stream, options);
    let mut next = 0;
    while let Some((start, packet)) = iter.next() {
        assert_eq!(start, next);
        next = iter.offset();
        assert_eq!(iter.rest(), &stream[next..]);
        if next == start {
            packet.expect_err("a packet takes some bytes");
            assert_eq!(iter.next(), None);
        } else {
            assert_eq!(Some(next - start), frame_len(&stream[start..]));
        }
    }
    if options.version().is_none() {
        return;
    }
    let mut at = 0;
    for ((start, packet), (frame, error)) in mqtt_wire::packets(stream, options).zip(&whole.frames) {
        assert_eq!((start, packet.err()), (at, *error));
        at += frame.len();
    }
    let left = mqtt_wire::packets(stream, options).nth(whole.frames.len());
    match (whole.end, whole.left) {
        (_, 0) => assert_eq!(left, None),
        (end, _) => {
            let (start, error) = left
                .map(|(start, packet)| (start, packet.expect_err("no whole packet")))
                .expect("an end that is told");
            assert_eq!(start, at);
            assert!(end.is_none_or(|end| end == error), "{error}");
            assert!(end.is_some() || error.rule() == Rule::Truncated, "{error}");
        }
    }
}

/// As soon as a CONNECT has named its version, its first byte may turn out to be wrong.
fn is_told_by_version(error: &DecodeError, options: DecodeOptions) -> bool {
    options.version().is_none() && error.rule() == Rule::ReservedFlags
}

/// Cuts by a byte: one by one, or in pieces of varying length.
fn pieces(stream: &[u8], cut: u8) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = stream;
    let mut state = u32::from(cut);
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = if cut == 0 { 1 } else { 1 + (state >> 16) as usize % (usize::from(cut) + 1) };
        let (piece, behind) = rest.split_at(len.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

fn as_frames<'a>(stream: &'a [u8], pieces: &[&[u8]], options: DecodeOptions) -> Cut<'a> {
    let mut cut = Cut::default();
    let mut buffer = BytesMut::new();
    let mut consumed = 0;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let capacity = buffer.capacity();
            match Frame::split_from(&mut buffer, options) {
                Ok(Some(frame)) => {
                    let bytes = &stream[consumed..consumed + frame.as_bytes().len()];
                    assert_eq!(frame.as_bytes(), bytes);
                    cut.frames.push((bytes, frame.packet().err()));
                    consumed += bytes.len();
                }
                Ok(None) => {
                    assert_eq!(buffer.capacity(), capacity, "memory was reserved for bytes to come");
                    break;
                }
                Err(error) => {
                    // More bytes may tell the length of the bad frame, and nothing else.
                    let end = decode(&stream[consumed..], options).expect_err("refused with fewer bytes");
                    assert_eq!((end.rule(), end.offset()), (error.rule(), error.offset()));
                    return Cut { end: Some(end), left: stream.len() - consumed, ..cut };
                }
            }
        }
    }
    Cut { left: buffer.len(), ..cut }
}

/// Whoever reads just what is said to be missing reads no byte too many and asks at most five times a packet.
fn as_many_as_missing(stream: &[u8], options: DecodeOptions, whole: &Cut<'_>) {
    let mut start = 0;
    for (frame, error) in &whole.frames {
        let mut have = 0;
        for asked in 0.. {
            match decode(&stream[start..start + have], options) {
                Ok(Decoded::Incomplete { missing }) => have += missing,
                Ok(Decoded::Packet { len, .. }) => {
                    assert_eq!((len, *error), (have, None));
                    break;
                }
                Err(found) => {
                    assert_eq!(Some(found), *error);
                    if is_told_by_version(&found, options) {
                        have = frame.len();
                    }
                    break;
                }
            }
            assert!(have <= frame.len() && asked < 6, "{have} bytes after {asked} questions");
        }
        assert_eq!(have, frame.len());
        start += frame.len();
    }
}

/// The options for what comes behind these bytes: the first CONNECT names the version, be it right or wrong.
fn learned(options: DecodeOptions, bytes: &[u8]) -> DecodeOptions {
    match (options.version(), Version::of_connect(bytes)) {
        (None, Some(version)) => options.with_version(version),
        _ => options,
    }
}

/// The codec of a server and that of a client cut the same frames, and learn the version from CONNECT and the largest
/// packet from CONNECT and CONNACK.
fn through_codec(stream: &[u8], pieces: &[&[u8]], setting: Setting) {
    let mut codec = Codec::new(Connection::new(setting.decode(), EncodeOptions::new(Version::V5)));
    let mut options = setting.decode();
    let mut largest = mqtt_wire::MAX_PACKET_SIZE;
    let mut buffer = BytesMut::new();
    let mut rest = stream;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    let expected = Frame::split_from(&mut BytesMut::from(rest), options);
                    let expected = expected.expect("a frame was cut").expect("a frame was cut");
                    assert_eq!(frame.packet(), expected.packet());
                    assert_eq!(frame.as_bytes(), expected.as_bytes());
                    if frame.packet().map_or_else(|error| error.offset() > 0, |_| true) {
                        options = learned(options, frame.as_bytes());
                    }
                    options = options.with_first_packet(false);
                    if let Ok(
                        Packet::Connect(mqtt_wire::Connect { properties, .. })
                        | Packet::ConnAck(mqtt_wire::ConnAck { properties, .. }),
                    ) = frame.packet()
                    {
                        let named = properties.maximum_packet_size();
                        largest = named.map_or(largest, |size| largest.min(size.get()));
                    }
                    let connection = codec.connection();
                    assert_eq!(connection.decode_options(), options);
                    let version = if setting.detect { options.version() } else { None };
                    assert_eq!(connection.encode_options().version(), version.or(Some(Version::V5)));
                    assert_eq!(connection.encode_options().max_packet_size(), largest);
                    rest = &rest[frame.as_bytes().len()..];
                }
                Err(CodecError::Decode(error)) => {
                    let expected = decode(rest, options).expect_err("the codec gave up");
                    assert_eq!((error.rule(), error.offset()), (expected.rule(), expected.offset()));
                    return;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert_eq!(buffer.chunk(), rest);
    match decode(rest, options) {
        Ok(Decoded::Incomplete { .. }) => {}
        Err(error) => assert!(is_told_by_version(&error, options), "{error}"),
        Ok(packet) => panic!("{packet:?} was left"),
    }
}

/// A buffer of that size gives the same packets, and a connection that is shown the bytes decodes them.
fn through_buffer(stream: &[u8], pieces: &[&[u8]], capacity: usize, setting: Setting) {
    let mut memory = vec![0xA5; capacity];
    let mut buffer = Buffer::new(&mut memory);
    let mut connection = Connection::new(setting.decode(), EncodeOptions::new(Version::V5));
    let mut other = connection.clone();
    let mut options = setting.decode();
    let (mut taken, mut filled) = (0, 0);
    for mut piece in pieces.iter().copied() {
        while !piece.is_empty() {
            let room = buffer.room();
            assert!(!room.is_empty(), "nothing can be read although a packet is not complete");
            let len = room.len().min(piece.len());
            room[..len].copy_from_slice(&piece[..len]);
            buffer.fill(len);
            filled += len;
            piece = &piece[len..];
            loop {
                let there = &stream[taken..filled];
                assert_eq!(buffer.bytes(), there);
                let expected = decode(there, options);
                assert_eq!(other.decode(there), expected);
                match (buffer.next(&mut connection), expected) {
                    (Ok(Some(packet)), Ok(Decoded::Packet { packet: expected, len })) => {
                        assert_eq!(packet, expected);
                        options = learned(options, there).with_first_packet(false);
                        taken += len;
                    }
                    (Ok(None), Ok(Decoded::Incomplete { missing })) => {
                        assert!(there.len() + missing <= capacity, "there is no room for what is missing");
                        break;
                    }
                    (Err(error), Ok(Decoded::Incomplete { missing })) => {
                        assert!(there.len() + missing > capacity, "{error}");
                        assert_eq!(error.rule(), Rule::PacketTooLarge);
                        return assert_eq!(buffer.next(&mut connection), Err(error));
                    }
                    (Err(error), Err(expected)) => {
                        assert_eq!(error, expected);
                        // A packet that is refused for its fixed header is not looked into.
                        if error.offset() > 0 && FixedHeader::decode(there, options).is_ok() {
                            options = learned(options, there);
                        }
                        match frame_len(there).filter(|len| *len <= there.len()) {
                            Some(len) => taken += len,
                            None => return assert_eq!(buffer.next(&mut connection), Err(error)),
                        }
                    }
                    (found, expected) => panic!("{found:?}, {expected:?}"),
                }
                assert_eq!(connection, other);
                assert_eq!(connection.decode_options(), options);
            }
        }
    }
}
