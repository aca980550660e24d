//! The parsers for others' grammars (feature `nom-8`) do what `decode` does, and go together with nom's own.

#![cfg(all(feature = "nom-8", feature = "bytes"))]

#[path = "common/bounds.rs"]
#[allow(dead_code, reason = "the strategy draws from them")]
mod bounds;
#[path = "common/input.rs"]
#[allow(dead_code, reason = "other tests encode, too")]
mod input;
#[path = "common/notation.rs"]
#[allow(dead_code, reason = "other tests build more")]
mod notation;
#[path = "common/strategy.rs"]
#[allow(dead_code, reason = "other tests take cases apart")]
mod strategy;
#[path = "common/tables.rs"]
#[allow(dead_code, reason = "other tests go through the tables")]
mod tables;

use input::{config, frame, input, wire};
use mqtt_wire::nom8::{Error, complete, streaming};
use mqtt_wire::{
    DecodeError, DecodeOptions, Decoded, Packet, PacketType, Properties, Property, Rule, TopicFilter,
    TopicName, Version, decode, decode_exact, frame_len,
};
use nom::bytes::complete::tag;
use nom::combinator::{all_consuming, cond, rest};
use nom::error::{ErrorKind, FromExternalError, ParseError};
use nom::multi::length_value;
use nom::number::be_u16;
use nom::{Err, IResult, Needed, Parser};
use proptest::prelude::*;
use proptest::sample::Index;
use strategy::valid;

type Found<'a, T> = IResult<&'a [u8], T, Error<'a>>;

/// The error of `bytes` as the parsers give it.
fn refused<T>(bytes: &[u8], error: DecodeError) -> Found<'_, T> {
    let input = &bytes[error.offset()..];
    Err(Err::Error(Error { input, code: ErrorKind::MapRes, decode: Some(error) }))
}

fn incomplete<'a, T>(missing: usize) -> Found<'a, T> {
    Err(Err::Incomplete(Needed::new(missing)))
}

/// What [`streaming::packet`] should say.
fn by_decode(bytes: &[u8], options: DecodeOptions) -> Found<'_, Packet<'_>> {
    match decode(bytes, options) {
        Ok(Decoded::Packet { packet, len }) => Ok((&bytes[len..], packet)),
        Ok(Decoded::Incomplete { missing }) => incomplete(missing),
        Err(error) => refused(bytes, error),
    }
}

/// What [`complete::packet`] should say: whatever is behind the frame is left.
fn by_decode_exact(bytes: &[u8], options: DecodeOptions) -> Found<'_, Packet<'_>> {
    let len = frame_len(bytes).map_or(bytes.len(), |len| len.min(bytes.len()));
    match decode_exact(&bytes[..len], options) {
        Ok(packet) => Ok((&bytes[len..], packet)),
        Err(error) => refused(bytes, error),
    }
}

/// The parser of a type of packet, in both forms; the body as a packet.
fn of_type(packet: PacketType, bytes: &[u8], options: DecodeOptions) -> [Found<'_, Packet<'_>>; 2] {
    macro_rules! both {
        ($parser:ident $body:expr) => {
            [
                streaming::$parser(options).map($body).parse(bytes),
                complete::$parser(options).map($body).parse(bytes),
            ]
        };
    }
    match packet {
        PacketType::Connect => both!(connect Packet::Connect),
        PacketType::ConnAck => both!(connack Packet::ConnAck),
        PacketType::Publish => both!(publish Packet::Publish),
        PacketType::PubAck => both!(puback Packet::PubAck),
        PacketType::PubRec => both!(pubrec Packet::PubRec),
        PacketType::PubRel => both!(pubrel Packet::PubRel),
        PacketType::PubComp => both!(pubcomp Packet::PubComp),
        PacketType::Subscribe => both!(subscribe Packet::Subscribe),
        PacketType::SubAck => both!(suback Packet::SubAck),
        PacketType::Unsubscribe => both!(unsubscribe Packet::Unsubscribe),
        PacketType::UnsubAck => both!(unsuback Packet::UnsubAck),
        PacketType::PingReq => both!(pingreq | () | Packet::PingReq),
        PacketType::PingResp => both!(pingresp | () | Packet::PingResp),
        PacketType::Disconnect => both!(disconnect Packet::Disconnect),
        PacketType::Auth => both!(auth Packet::Auth),
    }
}

/// PUBLISH by its fields, as somebody else would write it.
fn publish_by_fields(
    i: &[u8],
    version: Version,
) -> Found<'_, (TopicName<'_>, Option<u16>, Properties<'_>, &[u8])> {
    let (i, (header, body)) = complete::frame(version)(i)?;
    let packet_id =
        cond(header.flags() & 0b110 != 0, complete::packet_id.map(|id: mqtt_wire::PacketId| id.get()));
    let properties = complete::properties(PacketType::Publish, version);
    let (_, fields) =
        all_consuming((complete::topic_name(version), packet_id, properties, rest)).parse_complete(body)?;
    Ok((i, fields))
}

proptest! {
    #![proptest_config(config(1500))]

    /// Packets, damaged ones and bytes without sense, as far as they have come.
    #[test]
    fn a_packet_is_what_decode_says(input in input(), cut in any::<Index>(), behind in 0..3_usize, detect in any::<bool>()) {
        let options = if detect { DecodeOptions::detect() } else { input.options() };
        let mut bytes = input.bytes;
        bytes.extend(&[0xC0, 0x00][..behind.min(2)]);
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len() + 1)]] {
            let (expected, all_there) = (by_decode(bytes, options), by_decode_exact(bytes, options));
            prop_assert_eq!(&streaming::packet(options)(bytes), &expected);
            prop_assert_eq!(&complete::packet(options)(bytes), &all_there);
            // However a grammar around them is run.
            prop_assert_eq!(&streaming::packet(options).parse_complete(bytes), &expected);
            prop_assert_eq!(&complete::packet(options).parse(bytes), &all_there);
            for packet in PacketType::ALL {
                let other = bytes.first().is_some_and(|first| first >> 4 != packet.get());
                let tag = Err(Err::Error(Error { input: bytes, code: ErrorKind::Tag, decode: None }));
                let expected = if other { [tag.clone(), tag] } else { [expected.clone(), all_there.clone()] };
                prop_assert_eq!(of_type(packet, bytes, options), expected);
            }
        }
    }

    /// A frame is the fixed header and the body of a packet, good or bad.
    #[test]
    fn a_frame_is_cut_off_whatever_is_in_it(input in frame(), cut in any::<Index>(), detect in any::<bool>()) {
        let options = if detect { DecodeOptions::detect() } else { input.options() };
        let bytes = &input.bytes[..];
        let whole = streaming::frame::<Error<'_>>(options)(bytes);
        prop_assert_eq!(&complete::frame(options)(bytes), &whole);
        #[allow(clippy::single_match_else, reason = "the two outcomes stand side by side")]
        match &whole {
            Ok((rest, (header, body))) => {
                prop_assert_eq!(rest.len(), 0);
                prop_assert_eq!(&bytes[header.len()..], *body);
                prop_assert_eq!(streaming::fixed_header::<Error<'_>>(options)(bytes), Ok((*body, *header)));
                let part = &bytes[..cut.index(bytes.len())];
                let decoded = decode(part, options);
                prop_assert_eq!(streaming::frame::<Error<'_>>(options)(part).map(drop), by_decode(part, options).map(drop), "{:?}", decoded);
                let Err(Err::Error(error)) = complete::frame::<Error<'_>>(options)(part) else {
                    return Err(TestCaseError::fail("a part is no frame"));
                };
                prop_assert_eq!(error.decode.map(|error| (error.rule(), error.offset())), Some((Rule::Truncated, part.len())));
            }
            Err(_) => prop_assert_eq!(whole.map(drop), by_decode(bytes, options).map(drop)),
        }
    }

    /// The fields of a PUBLISH, one by one, are what the packet has.
    #[test]
    fn fields_make_up_a_packet(case in valid()) {
        let bytes = wire(&case);
        if let Ok(Packet::Publish(publish)) = decode_exact(&bytes, case.version)
            && let Some(topic) = publish.topic
        {
            let packet_id = publish.delivery.packet_id().map(mqtt_wire::PacketId::get);
            let expected = (topic, packet_id, publish.properties, publish.payload);
            prop_assert_eq!(publish_by_fields(&bytes, case.version), Ok((&[][..], expected)));
        }
    }
}

/// Both forms of a parser on a field, on each beginning of it and with something behind it.
macro_rules! field {
    ($bytes:literal, $parser:ident $(($($argument:expr),+))?, $value:expr) => {{
        let bytes: &[u8] = $bytes;
        let value = $value;
        let longer = [bytes, b"behind"].concat();
        assert_eq!(streaming::$parser::<Error<'_>>$(($($argument),+))?(&longer), Ok((&b"behind"[..], value)));
        assert_eq!(complete::$parser::<Error<'_>>$(($($argument),+))?(&longer), Ok((&b"behind"[..], value)));
        assert_eq!(complete::$parser::<Error<'_>>$(($($argument),+))?(bytes), Ok((&b""[..], value)));
        // Whoever reads as much as is asked for gets to the end, and never past it.
        let mut have = 0;
        while have < bytes.len() {
            let part = &bytes[..have];
            let Err(Err::Error(error)) = complete::$parser::<Error<'_>>$(($($argument),+))?(part) else {
                panic!("{part:?} of {bytes:?}");
            };
            assert_eq!(error.decode.map(|error| error.rule()), Some(Rule::Truncated), "{part:?} of {bytes:?}");
            match streaming::$parser::<Error<'_>>$(($($argument),+))?(part) {
                Err(Err::Incomplete(Needed::Size(missing))) => have += missing.get(),
                other => panic!("{other:?} for {part:?} of {bytes:?}"),
            }
        }
        assert_eq!(have, bytes.len(), "{bytes:?}");
    }};
}

#[test]
fn fields() {
    use Version::{V5, V311};
    field!(b"\x01\x02", two_byte_integer, 0x0102);
    field!(b"\x01\x02\x03\x04", four_byte_integer, 0x0102_0304);
    field!(b"\x01\x02", packet_id, mqtt_wire::PacketId::new(0x0102).unwrap());
    field!(b"\0\x03abc", binary_data, &b"abc"[..]);
    field!(b"\0\0", binary_data, &b""[..]);
    field!(b"\x7F", variable_byte_integer(V5), 127);
    field!(b"\xFF\xFF\xFF\x7F", variable_byte_integer(V5), 268_435_455);
    field!(b"\x80\0", variable_byte_integer(V311), 0);
    field!(b"\0\x03abc", utf8_string(V5), "abc");
    field!(b"\0\x01a\0\x02bc", utf8_string_pair(V5), ("a", "bc"));
    field!(b"\0\x03a/b", topic_name(V5), TopicName::new("a/b").unwrap());
    field!(b"\0\x03+/#", topic_filter(V5), TopicFilter::new("+/#").unwrap());
    field!(b"\0\x08$share/a", topic_filter(V311), TopicFilter::new_for("$share/a", V311).unwrap());
    let properties = [Property::MessageExpiryInterval(60)];
    field!(b"\x05\x02\0\0\0\x3C", properties(PacketType::Publish, V5), Properties::new(&properties));
    field!(b"\x05\x02\0\0\0\x3C", will_properties(V5), Properties::new(&properties));
    field!(b"\x31\x07", fixed_header(V5), mqtt_wire::FixedHeader::decode(&[0x31, 7], V5).unwrap().unwrap());
}

/// The rule and the place of the error of a field; it is the same in both forms.
macro_rules! wrong {
    ($bytes:literal, $parser:ident $(($($argument:expr),+))?, $rule:ident at $offset:literal) => {{
        let bytes: &[u8] = $bytes;
        for result in [
            streaming::$parser::<Error<'_>>$(($($argument),+))?(bytes).map(drop),
            complete::$parser::<Error<'_>>$(($($argument),+))?(bytes).map(drop),
        ] {
            let Err(Err::Error(error)) = result else { panic!("{bytes:?} is wrong") };
            assert_eq!(error.input, &bytes[$offset..]);
            assert_eq!(error.decode.map(|error| (error.rule(), error.offset())), Some((Rule::$rule, $offset)));
        }
    }};
}

#[test]
fn wrong_fields() {
    use Version::{V5, V311};
    wrong!(b"\0\0", packet_id, ZeroPacketId at 0);
    wrong!(b"\x80\0", variable_byte_integer(V5), LengthNotShortest at 1);
    wrong!(b"\xFF\xFF\xFF\x80", variable_byte_integer(V311), LengthTooLong at 3);
    wrong!(b"\0\x03a\0b", utf8_string(V5), NulCharacter at 3);
    wrong!(b"\0\x02\xFFa", utf8_string(V5), InvalidUtf8 at 2);
    wrong!(b"\0\x02a\x07", utf8_string(DecodeOptions::new(V5).with_strict_characters(true)), DisallowedCharacter at 3);
    wrong!(b"\0\x01a\0\x01\0", utf8_string_pair(V5), NulCharacter at 5);
    wrong!(b"\0\0", topic_name(V5), TopicEmpty at 0);
    wrong!(b"\0\x01#", topic_name(V5), WildcardInName at 2);
    wrong!(b"\0\x04a/b+", topic_filter(V311), SingleLevelWildcard at 5);
    wrong!(b"\0\x08$share/a", topic_filter(V5), ShareFilterMissing at 10);
    wrong!(b"\x03\x23\0\0", properties(PacketType::Publish, V5), TopicAliasZero at 2);
    wrong!(b"\x05\x02\0\0\0\x3C", properties(PacketType::ConnAck, V5), PropertyNotAllowed at 1);
    wrong!(b"\x03\x23\0\x01", will_properties(V5), PropertyNotAllowed at 1);
    wrong!(b"\x80\0", properties(PacketType::Publish, V5), LengthNotShortest at 1);
    assert_eq!(
        streaming::properties::<Error<'_>>(PacketType::Publish, V311)(b""),
        Ok((&b""[..], Properties::EMPTY))
    );
    assert_eq!(
        streaming::properties::<Error<'_>>(PacketType::PingReq, V5)(b"\x01"),
        Ok((&b"\x01"[..], Properties::EMPTY))
    );
}

/// Somebody's error type, which keeps what it needs.
#[derive(Debug, PartialEq)]
enum LogError {
    Packet(DecodeError),
    Other(ErrorKind),
}

impl ParseError<&[u8]> for LogError {
    fn from_error_kind(_: &[u8], kind: ErrorKind) -> Self {
        Self::Other(kind)
    }

    fn append(_: &[u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl FromExternalError<&[u8], DecodeError> for LogError {
    fn from_external_error(_: &[u8], _: ErrorKind, error: DecodeError) -> Self {
        Self::Packet(error)
    }
}

/// A record of somebody's log: `in ` or `out`, a length, and so many bytes, which are one packet.
fn record(i: &[u8]) -> IResult<&[u8], (bool, Packet<'_>), LogError> {
    let direction = tag("in ").map(|_| true).or(tag("out").map(|_| false));
    (direction, length_value(be_u16(), all_consuming(complete::packet(Version::V5)))).parse(i)
}

#[test]
fn a_grammar_around_packets_in_blocks() {
    assert_eq!(record(b"in \0\x02\xC0\0out"), Ok((&b"out"[..], (true, Packet::PingReq))));
    assert_eq!(record(b"out\0\x02\xC0"), Err(Err::Incomplete(Needed::new(1))), "the record goes on");
    // The block is there, and its packet does not fit: that is no reason to read on.
    let Err(Err::Error(LogError::Packet(error))) = record(b"in \0\x02\xC0\x01\0") else {
        panic!("no packet")
    };
    assert_eq!((error.rule(), error.offset()), (Rule::Truncated, 2));
    assert_eq!(record(b"in \0\x03\xC0\0\0"), Err(Err::Error(LogError::Other(ErrorKind::Eof))));
    assert_eq!(record(b"log"), Err(Err::Error(LogError::Other(ErrorKind::Tag))));
}

#[test]
fn the_error_in_words() {
    let Err(Err::Error(error)) = complete::packet::<Error<'_>>(Version::V311)(b"\x32\x05\0\x01a\0\0") else {
        panic!("the identifier is 0")
    };
    assert_eq!(error.to_string(), "PUBLISH: the packet identifier is 0 at byte 5 [MQTT-2.3.1-1]");
    let Err(Err::Error(error)) = complete::connect::<Error<'_>>(Version::V311)(b"\xC0\0") else {
        panic!("no CONNECT")
    };
    assert_eq!(error.to_string(), "Tag failed, 2 bytes before the end");
}
