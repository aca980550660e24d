//! MQTT's data types, read from a complete body (section 1.5 of both standards). The only file that knows nom.
//!
//! Every parser takes the input and returns what is left of it with the value. A body is complete by
//! construction, so a field that does not fit is [`Rule::Truncated`], never a wish for more bytes.

use nom::error::{ErrorKind, ParseError};
use nom::number::complete::{be_u8, be_u16, be_u32};

use crate::options::{Context, Tolerance};
use crate::scan;
use crate::standard::{PacketId, Rule};
use crate::topic::TopicName;

/// A broken rule, and the input from the bad byte on: its address gives the offset into the frame, however
/// deep the blocks are nested.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault<'a> {
    pub(crate) rule: Rule,
    pub(crate) at: &'a [u8],
}

pub(crate) type Parsed<'a, T> = Result<(&'a [u8], T), Fault<'a>>;

impl<'a> Fault<'a> {
    #[cold]
    pub(crate) const fn new(rule: Rule, at: &'a [u8]) -> Self {
        Self { rule, at }
    }

    /// The offset of the bad byte in `frame`.
    pub(crate) fn offset(&self, frame: &[u8]) -> u32 {
        let offset = self.at.as_ptr().addr().saturating_sub(frame.as_ptr().addr());
        u32::try_from(offset.min(frame.len())).unwrap_or(u32::MAX)
    }
}

pub(crate) const fn fault<T>(rule: Rule, at: &[u8]) -> Parsed<'_, T> {
    Err(Fault::new(rule, at))
}

/// Whatever nom misses is missing bytes.
impl<'a> ParseError<&'a [u8]> for Fault<'a> {
    fn from_error_kind(at: &'a [u8], _: ErrorKind) -> Self {
        Self::new(Rule::Truncated, at)
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// A plain result: nom's complete parsers never ask for more.
#[inline(always)]
fn plain<'a, T>(i: &'a [u8], result: nom::IResult<&'a [u8], T, Fault<'a>>) -> Parsed<'a, T> {
    result.map_err(|error| match error {
        nom::Err::Error(fault) | nom::Err::Failure(fault) => fault,
        nom::Err::Incomplete(_) => Fault::new(Rule::Truncated, i),
    })
}

#[inline(always)]
pub(crate) fn byte(i: &[u8]) -> Parsed<'_, u8> {
    plain(i, be_u8(i))
}

#[inline(always)]
pub(crate) fn two_bytes(i: &[u8]) -> Parsed<'_, u16> {
    plain(i, be_u16(i))
}

#[inline(always)]
pub(crate) fn four_bytes(i: &[u8]) -> Parsed<'_, u32> {
    plain(i, be_u32(i))
}

/// The next `n` bytes as a block of their own; `at` is where the length stands that promised them.
#[inline(always)]
fn sub<'a>(at: &'a [u8], n: usize, i: &'a [u8]) -> Parsed<'a, &'a [u8]> {
    // Performance: not nom's `take`, which is never inlined: see docs/performance.md.
    match i.split_at_checked(n) {
        Some((block, i)) => Ok((i, block)),
        None => fault(Rule::Truncated, at),
    }
}

/// Binary Data: a Two Byte Integer length and so many bytes (section 1.5.6 of 5.0).
#[inline(always)]
pub(crate) fn binary(at: &[u8]) -> Parsed<'_, &[u8]> {
    let (i, n) = two_bytes(at)?;
    sub(at, usize::from(n), i)
}

/// A string field's bytes, checked: UTF-8 without U+0000 (section 1.5.3 of 3.1.1, 1.5.4 of 5.0).
#[inline(always)]
pub(crate) fn text(at: &[u8], c: Context) -> Parsed<'_, &[u8]> {
    let (i, text) = binary(at)?;
    scan::check(text).map_err(|(rule, offset)| Fault::new(rule, from(text, offset)))?;
    check_characters(text, c)?;
    Ok((i, text))
}

/// A string field.
pub(crate) fn string(i: &[u8], c: Context) -> Parsed<'_, &str> {
    let (i, text) = text(i, c)?;
    Ok((i, scan::as_str(text)))
}

/// A topic name; an empty one is `None`.
#[inline(always)]
pub(crate) fn topic_name(at: &[u8], c: Context) -> Parsed<'_, Option<TopicName<'_>>> {
    let (i, name) = binary(at)?;
    if name.is_empty() {
        return Ok((i, None));
    }
    TopicName::check(name).map_err(|(rule, offset)| Fault::new(rule, from(name, offset)))?;
    check_characters(name, c)?;
    Ok((i, Some(TopicName::checked(name))))
}

/// Refuses control characters and non-characters when the options ask for it.
#[inline(always)]
pub(crate) fn check_characters(checked: &[u8], c: Context) -> Result<(), Fault<'_>> {
    if !c.has_strict_characters() {
        return Ok(());
    }
    let fault = |offset| Err(Fault::new(Rule::DisallowedCharacter, from(checked, offset)));
    scan::disallowed(scan::as_str(checked)).map_or(Ok(()), fault)
}

/// The input from `offset` on.
pub(crate) fn from(i: &[u8], offset: usize) -> &[u8] {
    i.get(offset..).unwrap_or_default()
}

/// A Packet Identifier, which is never 0 (section 2.3.1 of 3.1.1, 2.2.1 of 5.0).
#[inline(always)]
pub(crate) fn packet_id(at: &[u8]) -> Parsed<'_, PacketId> {
    let (i, id) = two_bytes(at)?;
    match PacketId::new(id) {
        Some(id) => Ok((i, id)),
        None => fault(Rule::ZeroPacketId, at),
    }
}

/// A Variable Byte Integer (section 2.2.3 of 3.1.1, 1.5.5 of 5.0): at most four bytes, low group first.
#[inline(always)]
pub(crate) fn variable(at: &[u8], shortest: bool) -> Parsed<'_, u32> {
    match *at {
        [one, ref i @ ..] if one < 0x80 => Ok((i, u32::from(one))),
        _ => variable_long(at, shortest),
    }
}

#[inline(never)]
fn variable_long(at: &[u8], shortest: bool) -> Parsed<'_, u32> {
    let (mut value, mut shift) = (0, 0);
    let mut i = at;
    loop {
        let (rest, byte) = byte(i).map_err(|_| Fault::new(Rule::Truncated, at))?;
        value |= u32::from(byte & 0x7F) << shift;
        match byte {
            // Never the first byte, which is at least 0x80.
            0 if shortest => return fault(Rule::LengthNotShortest, i),
            0..0x80 => return Ok((rest, value)),
            _ if shift == 21 => return fault(Rule::LengthTooLong, i),
            _ => (shift, i) = (shift + 7, rest),
        }
    }
}

/// Whether a variable byte integer has to be in its shortest form.
pub(crate) const fn wants_shortest(c: Context) -> bool {
    c.is_v5() && !c.tolerates(Tolerance::NonMinimalLengths)
}

/// A block with a variable byte integer as its length: the properties (section 2.2.2 of 5.0).
pub(crate) fn variable_block(at: &[u8], c: Context) -> Parsed<'_, &[u8]> {
    let (i, n) = variable(at, wants_shortest(c))?;
    sub(at, n as usize, i)
}

/// How many bytes the block at the start of `i` takes at least, its length included, as far as that can be
/// read. A length that no parser would take counts as one that is there.
pub(crate) fn variable_block_len(i: &[u8]) -> usize {
    match variable(i, false) {
        Ok((rest, n)) => i.len() - rest.len() + n as usize,
        Err(fault) if fault.rule == Rule::Truncated => i.len() + 1,
        Err(_) => 0,
    }
}

/// Nothing may be left of a body.
pub(crate) fn end(i: &[u8]) -> Result<(), Fault<'_>> {
    if i.is_empty() { Ok(()) } else { Err(Fault::new(Rule::TrailingBytes, i)) }
}
