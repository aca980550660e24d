//! Parsers for grammars written with [nom] 8 (feature `nom-8`): the data types, topics, properties, packets and frames.
//!
//! Each parser stands in two modules, as those of nom do: in [`streaming`] it answers
//! [`Incomplete`](nom::Err::Incomplete) when bytes are missing, with how many at least; in [`complete`] these are all the
//! bytes there are, and a field or packet that goes on behind them is refused with [`Rule::Truncated`]. All take the start
//! of their input and give back what is left behind it. They do so whichever way the grammar around them is run,
//! [`Parser::parse`](nom::Parser::parse) or [`Parser::parse_complete`](nom::Parser::parse_complete).
//!
//! An error is a recoverable [`nom::Err::Error`] of your own type, made of a [`DecodeError`] by
//! [`FromExternalError`], with the input from the bad byte on. The offset of the [`DecodeError`] counts from the start of
//! the packet or field. [`Error`] keeps all of it.
//!
//! [nom]: https://docs.rs/nom/8
//!
//! ```
//! use mqtt_wire::{Connect, DecodeOptions, Rule, nom8};
//! use nom::bytes::streaming::{tag, take_until};
//! use nom::sequence::delimited;
//! use nom::{IResult, Parser};
//!
//! /// What a load balancer passes on: a line of the PROXY protocol, and a client's CONNECT.
//! fn opening(i: &[u8]) -> IResult<&[u8], (&[u8], Connect<'_>), nom8::Error<'_>> {
//!     let addresses = delimited(tag("PROXY "), take_until("\r\n"), tag("\r\n"));
//!     (addresses, nom8::streaming::connect(DecodeOptions::detect())).parse(i)
//! }
//!
//! let bytes = b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 1883\r\n\
//!     \x10\x0E\0\x04MQTT\x04\x02\0\x3C\0\x02me\xC0\0";
//! let (rest, (addresses, connect)) = opening(bytes)?;
//! assert_eq!(addresses, b"TCP4 192.0.2.7 192.0.2.1 40000 1883");
//! assert_eq!(connect.client_id, "me");
//! assert_eq!(rest, [0xC0, 0x00]);
//!
//! // Six bytes of the packet have not come yet.
//! let incomplete = nom::Err::Incomplete(nom::Needed::new(6));
//! assert_eq!(opening(&bytes[..bytes.len() - 8]), Err(incomplete));
//!
//! let no_connect = b"PROXY UNKNOWN\r\n\xC0\0";
//! let Err(nom::Err::Error(error)) = opening(no_connect) else { panic!("it is refused") };
//! assert_eq!((error.input, error.decode), (&b"\xC0\0"[..], None));
//! let no_mqtt = b"PROXY UNKNOWN\r\n\x10\x07\0\x04MQTX\x04";
//! let Err(nom::Err::Error(error)) = opening(no_mqtt) else { panic!("it is refused") };
//! assert_eq!(error.decode.map(|error| error.rule()), Some(Rule::ProtocolName));
//! # Ok::<(), nom::Err<nom8::Error<'_>>>(())
//! ```

use core::fmt;

use nom::error::{ErrorKind, FromExternalError, ParseError};
use nom::{IResult, Needed};

use crate::decode::{self, Decoded, FixedHeader, decode_exact, frame_len, missing_header};
use crate::error::DecodeError;
use crate::options::{Context, DecodeOptions};
use crate::packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, Publish, SubAck, Subscribe, UnsubAck, Unsubscribe,
};
use crate::property::Properties;
use crate::read::{self, Parsed, fault, from};
use crate::standard::{PacketId, PacketType, Place, Rule};
use crate::topic::{TopicFilter, TopicName};

/// What the parsers ask of an error type: that it can be made of nom's errors and of a [`DecodeError`]. Every such type is
/// one, nom's own among them. Broken rules are on the page of [all rules](crate::guide::rules).
///
/// ```
/// use mqtt_wire::{Packet, Version, nom8::{self, GrammarError}};
/// use nom::IResult;
///
/// /// A parser for grammars with any error type.
/// fn ping<'a, E: GrammarError<'a>>(i: &'a [u8]) -> IResult<&'a [u8], (), E> {
///     nom8::complete::pingreq(Version::V5)(i)
/// }
/// assert_eq!(ping::<nom::error::Error<&[u8]>>(&[0xC0, 0]), Ok((&[][..], ())));
/// ```
pub trait GrammarError<'a>: ParseError<&'a [u8]> + FromExternalError<&'a [u8], DecodeError> {}

impl<'a, E: ParseError<&'a [u8]> + FromExternalError<&'a [u8], DecodeError>> GrammarError<'a> for E {}

/// An error for a grammar that has none of its own: what was wrong with a packet (see the page of
/// [all rules](crate::guide::rules)), or what nom missed.
///
/// ```
/// use mqtt_wire::{Rule, Version, nom8};
///
/// let parse = nom8::complete::packet::<nom8::Error>(Version::V311);
/// let Err(nom::Err::Error(error)) = parse(&[0x32, 5, 0, 1, b'a', 0, 0]) else { panic!("wrong") };
/// assert_eq!(error.decode.map(|error| error.rule()), Some(Rule::ZeroPacketId));
/// assert_eq!(error.input, [0, 0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error<'a> {
    /// The input from the bad byte on.
    pub input: &'a [u8],
    /// What nom missed; [`ErrorKind::MapRes`] beside a [`DecodeError`].
    pub code: ErrorKind,
    /// What was wrong with a packet or a field; `None` when a parser of nom's, or the choice of the packet, failed.
    pub decode: Option<DecodeError>,
}

impl<'a> ParseError<&'a [u8]> for Error<'a> {
    fn from_error_kind(input: &'a [u8], code: ErrorKind) -> Self {
        Self { input, code, decode: None }
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl<'a> FromExternalError<&'a [u8], DecodeError> for Error<'a> {
    fn from_external_error(input: &'a [u8], code: ErrorKind, error: DecodeError) -> Self {
        Self { input, code, decode: Some(error) }
    }
}

impl fmt::Display for Error<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decode {
            Some(error) => error.fmt(f),
            None => {
                write!(f, "{} failed, {} bytes before the end", self.code.description(), self.input.len())
            }
        }
    }
}

impl core::error::Error for Error<'_> {}

/// One list of parsers for both modules: first parsers, then those that options make.
macro_rules! forms {
    ($parsers:tt $makers:tt) => {
        /// Parsers that ask for more when bytes are missing.
        pub mod streaming {
            #[allow(
                clippy::wildcard_imports,
                reason = "what is needed is the same as in the module above"
            )]
            use super::*;
            parsers! { true $parsers }
            makers! { true $makers }
        }

        /// Parsers of bytes that are all there.
        pub mod complete {
            #[allow(
                clippy::wildcard_imports,
                reason = "what is needed is the same as in the module above"
            )]
            use super::*;
            parsers! { false $parsers }
            makers! { false $makers }
        }
    };
}

macro_rules! parsers {
    ($streaming:literal { $($(#[$doc:meta])* $name:ident -> $output:ty = $parse:expr, $missing:expr;)+ }) => { $(
        $(#[$doc])*
        ///
        /// # Errors
        /// See the [module above](super).
        pub fn $name<'a, E: GrammarError<'a>>(i: &'a [u8]) -> IResult<&'a [u8], $output, E> {
            field::<$streaming, _, _>(i, Context::UNKNOWN, $missing, $parse)
        }
    )+ };
}

macro_rules! makers {
    ($streaming:literal { $($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty)?) -> $output:ty;)+ }) => { $(
        $(#[$doc])*
        pub fn $name<'a, E: GrammarError<'a>>(
            $($argument: $type,)?
            options: impl Into<DecodeOptions>,
        ) -> impl Fn(&'a [u8]) -> IResult<&'a [u8], $output, E> {
            let options = options.into();
            move |i| super::$name::<$streaming, E>(i, $($argument,)? options)
        }
    )+ };
}

forms! {
    {
        /// A Two Byte Integer (section 1.5.2 of 5.0).
        two_byte_integer -> u16 = read::two_bytes, |i| missing_of(2, i);
        /// A Four Byte Integer (section 1.5.3 of 5.0).
        four_byte_integer -> u32 = read::four_bytes, |i| missing_of(4, i);
        /// A Packet Identifier, which is not 0 (section 2.2.1 of 5.0).
        packet_id -> PacketId = read::packet_id, |i| missing_of(2, i);
        /// Binary Data: a Two Byte Integer and so many bytes (section 1.5.6 of 5.0).
        binary_data -> &'a [u8] = read::binary, missing_of_block;
    }
    {
        /// A Variable Byte Integer (section 1.5.5 of 5.0), in 5.0 of the shortest form.
        ///
        /// ```
        /// use mqtt_wire::{Version, nom8};
        ///
        /// let integer = nom8::complete::variable_byte_integer::<nom8::Error>(Version::V5);
        /// assert_eq!(integer(&[0x80, 0x01, 7]), Ok((&[7][..], 128)));
        /// assert!(integer(&[0x81, 0x00]).is_err()); // a 1, longer than need be
        /// ```
        variable_byte_integer() -> u32;
        /// A UTF-8 Encoded String without U+0000 (section 1.5.4 of 5.0).
        utf8_string() -> &'a str;
        /// A UTF-8 String Pair (section 1.5.7 of 5.0).
        ///
        /// ```
        /// use mqtt_wire::{Version, nom8};
        /// use nom::{Parser, multi::many0};
        ///
        /// // Names and values in a file of one's own, as MQTT writes them.
        /// let pairs = many0(nom8::complete::utf8_string_pair::<nom8::Error>(Version::V5));
        /// let (_, pairs) = { pairs }.parse_complete(b"\0\x04room\0\x07kitchen\0\x01n\0\x017")?;
        /// assert_eq!(pairs, [("room", "kitchen"), ("n", "7")]);
        /// # Ok::<(), nom::Err<nom8::Error<'_>>>(())
        /// ```
        utf8_string_pair() -> (&'a str, &'a str);
        /// A Topic Name in a string field; it may not be empty.
        topic_name() -> TopicName<'a>;
        /// A Topic Filter in a string field, by the rules of the version.
        ///
        /// ```
        /// use mqtt_wire::{Rule, Version, nom8};
        ///
        /// let bytes = b"\0\x08$share/g";
        /// let filter = nom8::complete::topic_filter::<nom8::Error>(Version::V311);
        /// assert_eq!(filter(bytes).map(|(_, filter)| filter.as_str()), Ok("$share/g"));
        /// // In 5.0 it is a shared subscription without a filter.
        /// let filter = nom8::complete::topic_filter::<nom8::Error>(Version::V5);
        /// let Err(nom::Err::Error(error)) = filter(bytes) else { panic!("it is refused") };
        /// assert_eq!(error.decode.map(|error| error.rule()), Some(Rule::ShareFilterMissing));
        /// ```
        topic_filter() -> TopicFilter<'a>;
        /// The properties of that type of packet with the length before them; 3.x, PINGREQ and PINGRESP have none, and nothing is
        /// read.
        ///
        /// A long block is asked for as a whole: what bounds it is the frame around it.
        ///
        /// ```
        /// use mqtt_wire::{PacketType, Version, nom8};
        ///
        /// // What was kept of a message: its properties, then its payload.
        /// let kept = b"\x05\x02\0\0\0\x3Chi";
        /// let parse = nom8::complete::properties::<nom8::Error>(PacketType::Publish, Version::V5);
        /// let (payload, properties) = parse(kept)?;
        /// assert_eq!((properties.message_expiry_interval(), payload), (Some(60), &b"hi"[..]));
        /// # Ok::<(), nom::Err<nom8::Error<'_>>>(())
        /// ```
        properties(packet: PacketType) -> Properties<'a>;
        /// The properties of a will with the length before them; 3.x has none, and nothing is read.
        ///
        /// ```
        /// use mqtt_wire::{PacketType, Version, nom8};
        ///
        /// // A Will Delay Interval may stand in a will, and not in a PUBLISH.
        /// let bytes = &[5, 0x18, 0, 0, 0, 10];
        /// let will = nom8::complete::will_properties::<nom8::Error>(Version::V5);
        /// assert_eq!(will(bytes)?.1.will_delay_interval(), Some(10));
        /// let publish = nom8::complete::properties::<nom8::Error>(PacketType::Publish, Version::V5);
        /// assert!(publish(bytes).is_err());
        /// # Ok::<(), nom::Err<nom8::Error<'_>>>(())
        /// ```
        will_properties() -> Properties<'a>;
        /// A fixed header: see [`FixedHeader::decode`].
        ///
        /// ```
        /// use mqtt_wire::{PacketType, Version, nom8};
        ///
        /// let header = nom8::complete::fixed_header::<nom8::Error>(Version::V5);
        /// let (body, header) = header(&[0x32, 5, 0, 1, b'a'])?; // the body need not be there
        /// assert_eq!((header.packet_type(), header.remaining_length()), (PacketType::Publish, 5));
        /// assert_eq!(body, [0, 1, b'a']);
        /// # Ok::<(), nom::Err<nom8::Error<'_>>>(())
        /// ```
        fixed_header() -> FixedHeader;
        /// A frame: its fixed header, checked, and its body, which is not.
        ///
        /// ```
        /// use mqtt_wire::{Version, nom8};
        /// use nom::{Parser, multi::many0};
        ///
        /// // Packets counted, whatever is in them.
        /// let frames = many0(nom8::complete::frame::<nom8::Error>(Version::V311));
        /// // The identifier of the PUBACK is 0, which no one has looked at.
        /// let (_, frames) = { frames }.parse_complete(&[0xC0, 0, 0x40, 2, 0, 0])?;
        /// assert_eq!(frames.len(), 2);
        /// # Ok::<(), nom::Err<nom8::Error<'_>>>(())
        /// ```
        frame() -> (FixedHeader, &'a [u8]);
        /// Any packet: see [`crate::decode()`].
        ///
        /// ```
        /// use mqtt_wire::{Packet, Version, nom8};
        /// use nom::{Parser, number::complete::be_u32};
        ///
        /// // A record of a log: the time in milliseconds, and the packet.
        /// let record = (be_u32::<_, nom8::Error>, nom8::complete::packet(Version::V5));
        /// let (_, (millis, packet)) = { record }.parse_complete(&[0, 0, 0, 9, 0xC0, 0])?;
        /// assert_eq!((millis, packet), (9, Packet::PingReq));
        /// # Ok::<(), nom::Err<nom8::Error<'_>>>(())
        /// ```
        packet() -> Packet<'a>;
        /// CONNECT. Another packet is an [`ErrorKind::Tag`], as it is for each of these.
        connect() -> Connect<'a>;
        /// CONNACK.
        connack() -> ConnAck<'a>;
        /// PUBLISH.
        publish() -> Publish<'a>;
        /// PUBACK.
        puback() -> Ack<'a>;
        /// PUBREC.
        pubrec() -> Ack<'a>;
        /// PUBREL.
        pubrel() -> Ack<'a>;
        /// PUBCOMP.
        pubcomp() -> Ack<'a>;
        /// SUBSCRIBE.
        subscribe() -> Subscribe<'a>;
        /// SUBACK.
        suback() -> SubAck<'a>;
        /// UNSUBSCRIBE.
        unsubscribe() -> Unsubscribe<'a>;
        /// UNSUBACK.
        unsuback() -> UnsubAck<'a>;
        /// PINGREQ.
        pingreq() -> ();
        /// PINGRESP.
        pingresp() -> ();
        /// DISCONNECT.
        disconnect() -> Disconnect<'a>;
        /// AUTH.
        auth() -> Auth<'a>;
    }
}

type Found<'a, T, E> = IResult<&'a [u8], T, E>;

// Fields

/// A field, of which so many bytes are missing.
fn field<'a, const STREAMING: bool, T, E: GrammarError<'a>>(
    i: &'a [u8],
    c: Context,
    missing: impl FnOnce(&[u8]) -> usize,
    parse: impl FnOnce(&'a [u8]) -> Parsed<'a, T>,
) -> Found<'a, T, E> {
    let missing = if STREAMING { missing(i) } else { 0 };
    if missing > 0 {
        return Err(nom::Err::Incomplete(Needed::new(missing)));
    }
    parse(i).map_err(|fault| refused(i, decode::error(fault.rule, None, c, fault.offset(i))))
}

/// The error of a packet or field at the start of `i`.
fn refused<'a, E: GrammarError<'a>>(i: &'a [u8], error: DecodeError) -> nom::Err<E> {
    nom::Err::Error(E::from_external_error(from(i, error.offset()), ErrorKind::MapRes, error))
}

/// How many bytes are missing of so many.
const fn missing_of(len: usize, i: &[u8]) -> usize {
    len.saturating_sub(i.len())
}

/// How many bytes are missing at least of a block with a Two Byte Integer as its length.
fn missing_of_block(i: &[u8]) -> usize {
    missing_of(block_len(i), i)
}

fn missing_of_two_blocks(i: &[u8]) -> usize {
    match block_len(i) {
        first if first <= i.len() => missing_of_block(from(i, first)),
        // The second has a length at least.
        first => missing_of(first.saturating_add(2), i),
    }
}

/// How many bytes the block at the start of `i` takes at least.
fn block_len(i: &[u8]) -> usize {
    i.first_chunk().map_or(2, |len| 2 + usize::from(u16::from_be_bytes(*len)))
}

fn variable_byte_integer<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    options: DecodeOptions,
) -> Found<'a, u32, E> {
    let c = options.context();
    let missing =
        |i: &[u8]| usize::from(read::variable(i, false).is_err_and(|fault| fault.rule == Rule::Truncated));
    field::<STREAMING, _, _>(i, c, missing, |i| read::variable(i, read::wants_shortest(c)))
}

fn utf8_string<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    options: DecodeOptions,
) -> Found<'a, &'a str, E> {
    let c = options.context();
    field::<STREAMING, _, _>(i, c, missing_of_block, |i| read::string(i, c))
}

fn utf8_string_pair<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    options: DecodeOptions,
) -> Found<'a, (&'a str, &'a str), E> {
    let c = options.context();
    field::<STREAMING, _, _>(i, c, missing_of_two_blocks, |i| {
        let (i, name) = read::string(i, c)?;
        let (i, value) = read::string(i, c)?;
        Ok((i, (name, value)))
    })
}

fn topic_name<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    options: DecodeOptions,
) -> Found<'a, TopicName<'a>, E> {
    let c = options.context();
    field::<STREAMING, _, _>(i, c, missing_of_block, |at| match read::topic_name(at, c)? {
        (i, Some(name)) => Ok((i, name)),
        (_, None) => fault(Rule::TopicEmpty, at),
    })
}

fn topic_filter<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    options: DecodeOptions,
) -> Found<'a, TopicFilter<'a>, E> {
    let c = options.context();
    field::<STREAMING, _, _>(i, c, missing_of_block, |i| {
        let (i, filter) = crate::packet::topic_filter(i, c)?;
        Ok((i, TopicFilter::checked(filter, c.version())))
    })
}

// Properties

fn properties<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    packet: PacketType,
    options: DecodeOptions,
) -> Found<'a, Properties<'a>, E> {
    let place = match packet {
        PacketType::Connect => Place::CONNECT,
        PacketType::ConnAck => Place::CONNACK,
        PacketType::Publish => Place::PUBLISH,
        PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => Place::ACK,
        PacketType::Subscribe => Place::SUBSCRIBE,
        PacketType::SubAck => Place::SUBACK,
        PacketType::Unsubscribe => Place::UNSUBSCRIBE,
        PacketType::UnsubAck => Place::UNSUBACK,
        PacketType::Disconnect => Place::DISCONNECT,
        PacketType::Auth => Place::AUTH,
        PacketType::PingReq | PacketType::PingResp => return Ok((i, Properties::EMPTY)),
    };
    properties_in::<STREAMING, _>(i, &place, options)
}

fn will_properties<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    options: DecodeOptions,
) -> Found<'a, Properties<'a>, E> {
    properties_in::<STREAMING, _>(i, &Place::WILL, options)
}

fn properties_in<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    place: &Place,
    options: DecodeOptions,
) -> Found<'a, Properties<'a>, E> {
    let c = options.context();
    let missing = |i: &[u8]| if c.is_v5() { missing_of(read::variable_block_len(i), i) } else { 0 };
    field::<STREAMING, _, _>(i, c, missing, |i| Properties::decode(place, c, i))
}

// Frames and packets

fn fixed_header<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    options: DecodeOptions,
) -> Found<'a, FixedHeader, E> {
    match FixedHeader::decode(i, options) {
        Ok(Some(header)) => Ok((from(i, header.len()), header)),
        Ok(None) if STREAMING => Err(nom::Err::Incomplete(Needed::new(missing_header(i)))),
        Ok(None) => {
            let offset = u32::try_from(i.len()).unwrap_or(u32::MAX);
            Err(refused(i, decode::error(Rule::Truncated, None, options.context(), offset)))
        }
        Err(error) => Err(refused(i, error)),
    }
}

fn frame<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    options: DecodeOptions,
) -> Found<'a, (FixedHeader, &'a [u8]), E> {
    let header = if STREAMING {
        fixed_header::<true, E>(i, options)?.1
    } else {
        decode::exact(first_frame(i), options).map_err(|error| refused(i, error))?
    };
    decode::judging_context(i, header, options.context()).map_err(|error| refused(i, error))?;
    match i.split_at_checked(header.frame_len()) {
        Some((frame, rest)) => Ok((rest, (header, from(frame, header.len())))),
        None => Err(nom::Err::Incomplete(Needed::new(missing_of(header.frame_len(), i)))),
    }
}

fn packet<'a, const STREAMING: bool, E: GrammarError<'a>>(
    i: &'a [u8],
    options: DecodeOptions,
) -> Found<'a, Packet<'a>, E> {
    if STREAMING {
        return match decode::decode(i, options) {
            Ok(Decoded::Packet { packet, len }) => Ok((from(i, len), packet)),
            Ok(Decoded::Incomplete { missing }) => Err(nom::Err::Incomplete(Needed::new(missing))),
            Err(error) => Err(refused(i, error)),
        };
    }
    let frame = first_frame(i);
    match decode_exact(frame, options) {
        Ok(packet) => Ok((from(i, frame.len()), packet)),
        Err(error) => Err(refused(i, error)),
    }
}

/// The frame at the start of `i`, or all of it when the frame goes on, or cannot be told.
fn first_frame(i: &[u8]) -> &[u8] {
    frame_len(i).and_then(|len| i.get(..len)).unwrap_or(i)
}

/// Parsers of one type of packet.
macro_rules! parsers {
    ($($name:ident $type:ident($body:ty) $pattern:pat => $value:expr;)+) => { $(
        fn $name<'a, const STREAMING: bool, E: GrammarError<'a>>(
            i: &'a [u8],
            options: DecodeOptions,
        ) -> Found<'a, $body, E> {
            // The first byte is enough to see that it is another.
            if i.first().is_none_or(|first| first >> 4 == PacketType::$type.get()) {
                let (rest, packet) = packet::<STREAMING, E>(i, options)?;
                if let $pattern = packet {
                    return Ok((rest, $value));
                }
            }
            Err(nom::Err::Error(E::from_error_kind(i, ErrorKind::Tag)))
        }
    )+ };
}

parsers! {
    connect Connect(Connect<'a>) Packet::Connect(body) => body;
    connack ConnAck(ConnAck<'a>) Packet::ConnAck(body) => body;
    publish Publish(Publish<'a>) Packet::Publish(body) => body;
    puback PubAck(Ack<'a>) Packet::PubAck(body) => body;
    pubrec PubRec(Ack<'a>) Packet::PubRec(body) => body;
    pubrel PubRel(Ack<'a>) Packet::PubRel(body) => body;
    pubcomp PubComp(Ack<'a>) Packet::PubComp(body) => body;
    subscribe Subscribe(Subscribe<'a>) Packet::Subscribe(body) => body;
    suback SubAck(SubAck<'a>) Packet::SubAck(body) => body;
    unsubscribe Unsubscribe(Unsubscribe<'a>) Packet::Unsubscribe(body) => body;
    unsuback UnsubAck(UnsubAck<'a>) Packet::UnsubAck(body) => body;
    pingreq PingReq(()) Packet::PingReq => ();
    pingresp PingResp(()) Packet::PingResp => ();
    disconnect Disconnect(Disconnect<'a>) Packet::Disconnect(body) => body;
    auth Auth(Auth<'a>) Packet::Auth(body) => body;
}
