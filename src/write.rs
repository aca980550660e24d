//! Where encoded bytes go, and MQTT's data types written to it.
//!
//! Every packet is walked by one function twice: first into a [`Counter`], which checks the values and adds up
//! their lengths, then by a [`Writer`] into the output, which then cannot fail. Length and bytes cannot
//! disagree, and nothing is written before everything is known to be right.

use core::mem::take;

use crate::error::{EncodeError, Kind};
use crate::options::Context;
use crate::read::check_characters;
use crate::scan;

pub(crate) type Written = Result<(), Kind>;

/// What an encoder walks into.
pub(crate) trait Sink: Sized {
    /// Whether values are to be checked: only on the first of the two walks.
    const CHECKS: bool;

    fn put(&mut self, bytes: &[u8]);

    /// A string's bytes.
    fn put_text(&mut self, bytes: &[u8]);

    /// The sink, to be put back: what is passed by value to a function that is not inlined never has its
    /// address taken and stays in registers, which saves 40 instructions for a PUBLISH.
    fn take(&mut self) -> Self;

    /// Starts a block that has its length as a variable byte integer before it.
    fn start_block(&mut self) -> u64;

    /// Ends the block that was started with that answer.
    fn end_block(&mut self, start: u64);

    /// The fixed header, which the first walk does not count.
    fn start(&mut self, start: Option<Start>);

    /// The fixed header and the first two bytes behind it. (All at once is two checks less.)
    fn start_with(&mut self, start: Option<Start>, n: u16);

    #[inline(always)]
    fn byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    #[inline(always)]
    fn two_bytes(&mut self, n: u16) {
        self.put(&n.to_be_bytes());
    }

    /// A byte and a Variable Byte Integer in its shortest form. (Both at once is a check less.)
    #[inline(always)]
    fn byte_and_variable(&mut self, byte: u8, n: u64) {
        // Four fixed lengths rather than one that varies, which would be a call of memcpy.
        match variable_len(n) {
            1 => self.put(&[byte, last(n, 0)]),
            2 => self.put(&[byte, more(n, 0), last(n, 7)]),
            3 => self.put(&[byte, more(n, 0), more(n, 7), last(n, 14)]),
            _ => self.put(&[byte, more(n, 0), more(n, 7), more(n, 14), last(n, 21)]),
        }
    }

    /// A Variable Byte Integer in its shortest form.
    #[inline(always)]
    fn variable(&mut self, n: u64) {
        match variable_len(n) {
            1 => self.put(&[last(n, 0)]),
            2 => self.put(&[more(n, 0), last(n, 7)]),
            3 => self.put(&[more(n, 0), more(n, 7), last(n, 14)]),
            _ => self.put(&[more(n, 0), more(n, 7), more(n, 14), last(n, 21)]),
        }
    }

    /// The length before Binary Data. The first walk refuses what is too long; the second need not look.
    #[inline(always)]
    fn length(bytes: &[u8]) -> Result<[u8; 2], Kind> {
        let [.., high, low] = bytes.len().to_be_bytes();
        if Self::CHECKS && bytes.len() > usize::from(u16::MAX) {
            return Err(Kind::StringTooLong);
        }
        Ok([high, low])
    }

    /// Binary Data: the length in two bytes, and the bytes.
    #[inline(always)]
    fn binary(&mut self, bytes: &[u8]) -> Written {
        self.put(&Self::length(bytes)?);
        self.put_text(bytes);
        Ok(())
    }

    /// Binary Data behind a byte.
    #[inline]
    fn byte_and_binary(&mut self, byte: u8, bytes: &[u8]) -> Written {
        let [high, low] = Self::length(bytes)?;
        self.put(&[byte, high, low]);
        self.put_text(bytes);
        Ok(())
    }

    /// Checks a string field before it is put as Binary Data.
    #[inline]
    fn check_text(&self, text: &str, c: Context) -> Written {
        if Self::CHECKS && scan::has_nul(text.as_bytes()) {
            return Err(Kind::NulCharacter);
        }
        self.check_topic(text.as_bytes(), c)
    }

    /// Checks a topic name or filter, whose type vouches for most of it.
    #[inline(always)]
    fn check_topic(&self, topic: &[u8], c: Context) -> Written {
        if Self::CHECKS { check_characters(topic, c).map_err(|fault| fault.kind) } else { Ok(()) }
    }

    /// A string field.
    #[inline]
    fn text(&mut self, text: &str, c: Context) -> Written {
        self.check_text(text, c)?;
        self.binary(text.as_bytes())
    }

    /// A topic name or filter.
    #[inline(always)]
    fn topic(&mut self, topic: &[u8], c: Context) -> Written {
        self.check_topic(topic, c)?;
        self.binary(topic)
    }
}

/// How a packet starts: with its fixed header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// Type and flags.
    pub(crate) first: u8,
    pub(crate) remaining_length: u64,
}

/// Seven bits of a number as the last byte of a Variable Byte Integer.
#[inline(always)]
const fn last(n: u64, shift: u32) -> u8 {
    let [bits, ..] = (n >> shift).to_le_bytes();
    bits & 0x7F
}

/// The same as a byte that more bytes follow.
#[inline(always)]
const fn more(n: u64, shift: u32) -> u8 {
    last(n, shift) + 0x80
}

/// The length of a Variable Byte Integer: 1 to 4.
#[inline(always)]
pub(crate) const fn variable_len(n: u64) -> u64 {
    match n {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

/// The first walk: checks, counts, and keeps the lengths of blocks for the second one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counter {
    /// Not `usize`: no sum of what can be in memory overflows it.
    len: u64,
    blocks: u64,
    /// Where the next length goes in `blocks`.
    shift: u32,
}

impl Counter {
    #[inline(always)]
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// The lengths of the property blocks in their order, the first one lowest: the packet's own, and that of a
    /// will.
    #[inline(always)]
    pub(crate) const fn blocks(&self) -> u64 {
        self.blocks
    }
}

impl Sink for Counter {
    const CHECKS: bool = true;

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
    }

    #[inline(always)]
    fn put_text(&mut self, bytes: &[u8]) {
        self.put(bytes);
    }

    #[inline(always)]
    fn start(&mut self, _: Option<Start>) {}

    #[inline(always)]
    fn start_with(&mut self, _: Option<Start>, n: u16) {
        self.two_bytes(n);
    }

    #[inline(always)]
    fn take(&mut self) -> Self {
        *self
    }

    #[inline(always)]
    fn start_block(&mut self) -> u64 {
        self.len
    }

    #[inline(always)]
    fn end_block(&mut self, start: u64) {
        let len = self.len - start;
        self.len += variable_len(len);
        // Should it need more bits, then the packet is too large.
        self.blocks |= len.wrapping_shl(self.shift);
        self.shift += u32::BITS;
    }
}

/// The second walk, into room that is large enough.
#[derive(Debug)]
pub(crate) struct Writer<'b> {
    room: &'b mut [u8],
    blocks: u64,
}

impl<'b> Writer<'b> {
    #[inline(always)]
    pub(crate) const fn new(room: &'b mut [u8], blocks: u64) -> Self {
        Self { room, blocks }
    }
}

impl Sink for Writer<'_> {
    const CHECKS: bool = false;

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        if let Some(to) = self.room.split_off_mut(..bytes.len()) {
            to.copy_from_slice(bytes);
        }
    }

    #[inline(always)]
    fn put_text(&mut self, bytes: &[u8]) {
        if let Some(to) = self.room.split_off_mut(..bytes.len()) {
            scan::copy(to, bytes);
        }
    }

    #[inline(always)]
    fn start(&mut self, start: Option<Start>) {
        if let Some(Start { first, remaining_length }) = start {
            self.byte_and_variable(first, remaining_length);
        }
    }

    #[inline(always)]
    fn start_with(&mut self, start: Option<Start>, n: u16) {
        let [high, low] = n.to_be_bytes();
        match start {
            Some(Start { first, remaining_length: n }) if n < 0x80 => {
                self.put(&[first, last(n, 0), high, low]);
            }
            Some(Start { first, remaining_length: n }) if n < 0x4000 => {
                self.put(&[first, more(n, 0), last(n, 7), high, low]);
            }
            _ => {
                self.start(start);
                self.put(&[high, low]);
            }
        }
    }

    #[inline(always)]
    fn take(&mut self) -> Self {
        Writer { room: take(&mut self.room), blocks: self.blocks }
    }

    #[inline(always)]
    fn start_block(&mut self) -> u64 {
        self.variable(self.blocks & u64::from(u32::MAX));
        self.blocks >>= u32::BITS;
        0
    }

    #[inline(always)]
    fn end_block(&mut self, _: u64) {}
}

/// What a packet can be encoded into: a byte slice or array (from its start), `Vec<u8>` and `BytesMut` (at
/// their end). Sealed: the crate promises that an output is untouched after an error.
pub trait Output: private::Sealed {
    /// Whether the tail of a packet is to be appended, not written into the room.
    #[doc(hidden)]
    const APPENDS: bool;

    /// Room for a packet of that size, whose last bytes are `tail`.
    #[doc(hidden)]
    fn room(&mut self, size: usize, tail: &[u8]) -> Result<&mut [u8], EncodeError>;

    #[doc(hidden)]
    fn append(&mut self, tail: &[u8]);
}

mod private {
    pub trait Sealed {}
    impl Sealed for [u8] {}
    impl<const N: usize> Sealed for [u8; N] {}
    #[cfg(feature = "alloc")]
    impl Sealed for alloc::vec::Vec<u8> {}
    #[cfg(feature = "bytes")]
    impl Sealed for bytes::BytesMut {}
}

#[cold]
#[inline(never)]
const fn too_small(needed: usize, available: usize) -> EncodeError {
    EncodeError::BufferTooSmall { needed, available }
}

impl Output for [u8] {
    const APPENDS: bool = false;

    #[inline(always)]
    fn room(&mut self, needed: usize, _: &[u8]) -> Result<&mut [u8], EncodeError> {
        let available = self.len();
        match self.get_mut(..needed) {
            Some(room) => Ok(room),
            None => Err(too_small(needed, available)),
        }
    }

    #[inline(always)]
    fn append(&mut self, _: &[u8]) {}
}

impl<const N: usize> Output for [u8; N] {
    const APPENDS: bool = false;

    #[inline(always)]
    fn room(&mut self, size: usize, tail: &[u8]) -> Result<&mut [u8], EncodeError> {
        self.as_mut_slice().room(size, tail)
    }

    #[inline(always)]
    fn append(&mut self, _: &[u8]) {}
}

/// A vector has to be filled with zeroes before the writer can have its end as a slice. A long payload would
/// thus be written twice: it is appended instead.
#[cfg(feature = "alloc")]
macro_rules! vector {
    ($vector:ty) => {
        impl Output for $vector {
            const APPENDS: bool = true;

            #[inline]
            fn room(&mut self, size: usize, tail: &[u8]) -> Result<&mut [u8], EncodeError> {
                let start = self.len();
                self.reserve(size);
                self.resize(start + size.saturating_sub(tail.len()), 0);
                Ok(self.get_mut(start..).unwrap_or_default())
            }

            #[inline]
            fn append(&mut self, tail: &[u8]) {
                self.extend_from_slice(tail);
            }
        }
    };
}

#[cfg(feature = "alloc")]
vector!(alloc::vec::Vec<u8>);
#[cfg(feature = "bytes")]
vector!(bytes::BytesMut);

#[cfg(test)]
mod tests {
    use super::*;

    /// The fixed header and two bytes come out the same at once and one after the other.
    #[test]
    fn a_start_of_every_length() {
        for remaining_length in [0, 1, 0x7F, 0x80, 0x3FFF, 0x4000, 0x1F_FFFF, 0x20_0000, 0xFFF_FFFF] {
            let start = Some(Start { first: 0x3D, remaining_length });
            let (mut once, mut parts) = ([0xEE; 8], [0xEE; 8]);
            Writer::new(&mut once, 0).start_with(start, 0x1234);
            let mut writer = Writer::new(&mut parts, 0);
            writer.byte(0x3D);
            writer.variable(remaining_length);
            writer.two_bytes(0x1234);
            assert_eq!(once, parts, "{remaining_length:#x}");
        }
    }
}
