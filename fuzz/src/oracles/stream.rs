//! A stream in pieces: however it is cut, the same packets come out of it.

use bytes::{Buf, BytesMut};
use mqtt_wire::{
    Codec, CodecError, DecodeError, DecodeOptions, Decoded, EncodeOptions, Frame, Packet, PacketType,
    Version, decode,
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
    as_many_as_missing(stream, options, &whole);
    through_codec(stream, &pieces, setting);
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
                Ok(header) => (header.expect("a body was decoded").frame_len(), Some(error)),
                Err(_) => return Cut { end: Some(error), left: rest.len(), ..cut },
            },
        };
        let (frame, behind) = rest.split_at(len);
        cut.frames.push((frame, error));
        rest = behind;
    }
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
                    break;
                }
            }
            assert!(have <= frame.len() && asked < 6, "{have} bytes after {asked} questions");
        }
        assert_eq!(have, frame.len());
        start += frame.len();
    }
}

/// The codec of a server and that of a client cut the same frames, and learn the version from CONNECT.
fn through_codec(stream: &[u8], pieces: &[&[u8]], setting: Setting) {
    let mut codec = Codec::new(setting.decode(), EncodeOptions::new(Version::V5));
    let mut options = setting.decode();
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
                    options = options.with_first_packet(false);
                    if options.version().is_none() && frame.packet_type() == PacketType::Connect {
                        if let Ok(Packet::Connect(connect)) = frame.packet() {
                            assert_eq!(codec.version(), connect.version);
                        }
                        options = frame.version().map_or(options, |version| options.with_version(version));
                    }
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
    assert!(matches!(decode(rest, options), Ok(Decoded::Incomplete { .. })));
}
