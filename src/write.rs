//! MQTT's data types, counted and written (section 1.5 of both standards), and [`Output`], what they are written into.
//!
//! Every packet is walked by one function twice: first into a [`Counter`], which checks the values and adds up
//! their lengths, then by a [`Writer`] into the output, which then cannot fail. Length and bytes cannot
//! disagree, and nothing is written before everything is known to be right.

use core::mem::take;

use crate::error::Field;
use crate::options::Context;
use crate::read::check_characters;
use crate::scan;
use crate::standard::Rule;

pub(crate) type Written = Result<(), Rule>;

/// What an encoder walks into.
pub(crate) trait Sink: Sized {
    /// Whether values are to be checked: only on the first of the two walks.
    const CHECKS: bool;

    fn put(&mut self, bytes: &[u8]);

    /// A string's bytes.
    fn put_text(&mut self, bytes: &[u8]);

    /// So many bytes, each made when it is needed.
    fn bytes(&mut self, bytes: impl ExactSizeIterator<Item = u8>);

    /// The field that comes next, for the error that may come with it.
    fn field(&mut self, field: Field);

    /// The property that came last is one of a will.
    fn field_of_will(&mut self) {}

    /// The sink, to be put back.
    ///
    /// Performance: what is passed by value to a function that is not inlined never has its address taken and stays in
    /// registers.
    fn take(&mut self) -> Self;

    /// Starts a block that has its length as a variable byte integer before it.
    fn start_block(&mut self) -> u64;

    /// Ends the block that was started with that answer.
    fn end_block(&mut self, start: u64);

    /// A block that is ready, and its length as a variable byte integer before it.
    fn block(&mut self, bytes: &[u8]);

    fn byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    fn two_bytes(&mut self, n: u16) {
        self.put(&n.to_be_bytes());
    }

    /// A byte and a Variable Byte Integer in its shortest form.
    ///
    /// Performance: four fixed lengths rather than one that varies, which would be a call of memcpy.
    fn byte_and_variable(&mut self, byte: u8, n: u64) {
        match variable_len(n) {
            1 => self.put(&[byte, last(n, 0)]),
            2 => self.put(&[byte, more(n, 0), last(n, 7)]),
            3 => self.put(&[byte, more(n, 0), more(n, 7), last(n, 14)]),
            _ => self.put(&[byte, more(n, 0), more(n, 7), more(n, 14), last(n, 21)]),
        }
    }

    /// A Variable Byte Integer in its shortest form.
    fn variable(&mut self, n: u64) {
        match variable_len(n) {
            1 => self.put(&[last(n, 0)]),
            2 => self.put(&[more(n, 0), last(n, 7)]),
            3 => self.put(&[more(n, 0), more(n, 7), last(n, 14)]),
            _ => self.put(&[more(n, 0), more(n, 7), more(n, 14), last(n, 21)]),
        }
    }

    /// The length before Binary Data. The first walk refuses what is too long; the second need not look.
    fn length(bytes: &[u8]) -> Result<[u8; 2], Rule> {
        let [.., high, low] = bytes.len().to_be_bytes();
        if Self::CHECKS && bytes.len() > usize::from(u16::MAX) {
            return Err(Rule::StringTooLong);
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

    /// Binary Data before a byte.
    fn binary_and_byte(&mut self, bytes: &[u8], byte: u8) -> Written {
        self.binary(bytes)?;
        self.byte(byte);
        Ok(())
    }

    /// Binary Data behind a byte.
    fn byte_and_binary(&mut self, byte: u8, bytes: &[u8]) -> Written {
        let [high, low] = Self::length(bytes)?;
        self.put(&[byte, high, low]);
        self.put_text(bytes);
        Ok(())
    }

    /// Checks a string field before it is put as Binary Data.
    fn check_text(&self, text: &str, c: Context) -> Written {
        if Self::CHECKS && scan::has_nul(text.as_bytes()) {
            return Err(Rule::NulCharacter);
        }
        self.check_topic(text.as_bytes(), c)
    }

    /// Checks a topic name or filter, whose type vouches for most of it.
    fn check_topic(&self, topic: &[u8], c: Context) -> Written {
        if Self::CHECKS { check_characters(topic, c).map_err(|fault| fault.rule) } else { Ok(()) }
    }

    /// A string field.
    #[inline(always)]
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

/// Seven bits of a number as the last byte of a Variable Byte Integer.
const fn last(n: u64, shift: u32) -> u8 {
    let [bits, ..] = (n >> shift).to_le_bytes();
    bits & 0x7F
}

/// The same as a byte that more bytes follow.
const fn more(n: u64, shift: u32) -> u8 {
    last(n, shift) + 0x80
}

/// The length of a Variable Byte Integer: 1 to 4.
pub(crate) const fn variable_len(n: u64) -> u64 {
    match n {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

/// The first walk: checks, counts, and keeps the lengths of blocks for the second one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counter {
    /// Not `usize`: no sum of what can be in memory overflows it.
    len: u64,
    blocks: u64,
    /// Where the next length goes in `blocks`.
    shift: u32,
    field: Field,
}

impl Counter {
    pub(crate) const fn new() -> Self {
        Self { len: 0, blocks: 0, shift: 0, field: Field::FixedHeader }
    }

    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// The lengths of the property blocks in their order, the first one lowest: the packet's own, and that of a
    /// will.
    pub(crate) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// The field that was looked at last.
    pub(crate) const fn last_field(&self) -> Field {
        self.field
    }

    fn keep(&mut self, block_len: u64) {
        self.len += variable_len(block_len);
        // Should it need more bits, then the packet is too large.
        self.blocks |= block_len.wrapping_shl(self.shift);
        self.shift += u32::BITS;
    }
}

impl Sink for Counter {
    const CHECKS: bool = true;

    fn put(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
    }

    fn put_text(&mut self, bytes: &[u8]) {
        self.put(bytes);
    }

    fn bytes(&mut self, bytes: impl ExactSizeIterator<Item = u8>) {
        self.len += bytes.len() as u64;
    }

    fn field(&mut self, field: Field) {
        self.field = field;
    }

    #[cold]
    fn field_of_will(&mut self) {
        if let Field::Property(id) = self.field {
            self.field = Field::WillProperty(id);
        }
    }

    #[inline(always)]
    fn take(&mut self) -> Self {
        *self
    }

    fn start_block(&mut self) -> u64 {
        self.len
    }

    fn end_block(&mut self, start: u64) {
        self.keep(self.len - start);
    }

    fn block(&mut self, bytes: &[u8]) {
        self.put(bytes);
        self.keep(bytes.len() as u64);
    }
}

/// The second walk, into room that is large enough.
#[derive(Debug)]
pub(crate) struct Writer<'b> {
    room: &'b mut [u8],
    blocks: u64,
}

impl<'b> Writer<'b> {
    /// A writer of what was counted: see [`Counter::blocks`].
    pub(crate) const fn new(room: &'b mut [u8], blocks: u64) -> Self {
        Self { room, blocks }
    }

    /// A text of up to [`scan::SHORT`] bytes.
    pub(crate) fn put_short(&mut self, text: &[u8]) {
        if let Some(to) = self.split_off(text.len()) {
            scan::copy_short(to, text);
        }
    }

    /// The next bytes of the room. It is large enough: what is written was counted.
    fn split_off(&mut self, len: usize) -> Option<&'b mut [u8]> {
        let (next, rest) = take(&mut self.room).split_at_mut_checked(len)?;
        self.room = rest;
        Some(next)
    }
}

impl Sink for Writer<'_> {
    const CHECKS: bool = false;

    fn put(&mut self, bytes: &[u8]) {
        if let Some(to) = self.split_off(bytes.len()) {
            to.copy_from_slice(bytes);
        }
    }

    #[inline(always)]
    fn put_text(&mut self, bytes: &[u8]) {
        if let Some(to) = self.split_off(bytes.len()) {
            scan::copy(to, bytes);
        }
    }

    /// Performance: the length and the bytes take one look for room, which is a tenth of an UNSUBSCRIBE with ten filters.
    #[inline(always)]
    fn binary(&mut self, bytes: &[u8]) -> Written {
        let [.., high, low] = bytes.len().to_be_bytes();
        if let Some((length, to)) = self.split_off(bytes.len() + 2).and_then(<[u8]>::split_first_chunk_mut) {
            *length = [high, low];
            scan::copy(to, bytes);
        }
        Ok(())
    }

    /// Performance: the length, the bytes and the byte take one look for room.
    #[inline(always)]
    fn binary_and_byte(&mut self, bytes: &[u8], byte: u8) -> Written {
        let [.., high, low] = bytes.len().to_be_bytes();
        if let Some((length, to)) = self.split_off(bytes.len() + 3).and_then(<[u8]>::split_first_chunk_mut) {
            *length = [high, low];
            if let Some((last, to)) = to.split_last_mut() {
                *last = byte;
                scan::copy(to, bytes);
            }
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: impl ExactSizeIterator<Item = u8>) {
        if let Some(to) = self.split_off(bytes.len()) {
            to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
        }
    }

    fn field(&mut self, _: Field) {}

    #[inline(always)]
    fn take(&mut self) -> Self {
        Writer { room: take(&mut self.room), blocks: self.blocks }
    }

    fn start_block(&mut self) -> u64 {
        self.variable(self.blocks & u64::from(u32::MAX));
        self.blocks >>= u32::BITS;
        0
    }

    fn end_block(&mut self, _: u64) {}

    fn block(&mut self, bytes: &[u8]) {
        self.start_block();
        self.put(bytes);
    }
}

// What is written into

/// What a packet can be encoded into: a byte slice or array (from its start), `Vec<u8>` and `BytesMut` (at their end),
/// and any buffer of yours.
///
/// A packet is counted and checked before an output is asked for room, and nothing can go wrong behind that, so an
/// output only has to say no when it is too small, and to stay as it was then.
///
/// ```
/// use mqtt_wire::{Full, Output, Packet, Version};
///
/// /// The transmit buffer of some firmware.
/// struct Transmit { bytes: [u8; 256], len: usize }
///
/// impl Output for Transmit {
///     fn extend(&mut self, len: usize, tail: &[u8]) -> Result<&mut [u8], Full> {
///         let free = &mut self.bytes[self.len..];
///         let available = free.len();
///         let needed = len + tail.len();
///         let room = free.get_mut(..needed).ok_or(Full { available })?;
///         self.len += needed;
///         let (head, end) = room.split_at_mut(len);
///         end.copy_from_slice(tail);
///         Ok(head)
///     }
/// }
///
/// let mut transmit = Transmit { bytes: [0; 256], len: 0 };
/// Packet::PingReq.encode(Version::V5, &mut transmit)?;
/// Packet::PingReq.encode(Version::V5, &mut transmit)?;
/// assert_eq!(transmit.bytes[..transmit.len], [0xC0, 0, 0xC0, 0]);
/// # Ok::<(), mqtt_wire::EncodeError>(())
/// ```
pub trait Output {
    /// Takes in a packet of `len` bytes and those of `tail` behind them. Returns the room for the first `len` bytes, which
    /// the encoder fills; their values do not matter.
    ///
    /// # Errors
    /// [`Full`] when there is not room for all of them. The output is then as it was.
    fn extend(&mut self, len: usize, tail: &[u8]) -> Result<&mut [u8], Full>;

    /// Takes in a packet that is there already.
    ///
    /// ```
    /// use mqtt_wire::Output;
    ///
    /// // PINGRESP never changes, so its bytes may stand ready.
    /// let mut out = Vec::new();
    /// Output::append(&mut out, &[0xD0, 0x00])?;
    /// assert_eq!(out, [0xD0, 0x00]);
    /// # Ok::<(), mqtt_wire::Full>(())
    /// ```
    ///
    /// # Errors
    /// As for [`extend`](Self::extend).
    #[inline]
    fn append(&mut self, packet: &[u8]) -> Result<(), Full> {
        self.extend(0, packet).map(drop)
    }
}

/// An [`Output`] has not enough room.
///
/// ```
/// use mqtt_wire::{Full, Output};
///
/// // What an output answers that has two bytes left.
/// let full = Full { available: 2 };
/// let mut output = [0_u8; 2];
/// assert_eq!(output.append(&[1, 2, 3]), Err(full));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the output has room for {available} bytes only")]
pub struct Full {
    /// How many bytes there is room for.
    pub available: usize,
}

impl Output for [u8] {
    #[inline]
    fn extend(&mut self, len: usize, tail: &[u8]) -> Result<&mut [u8], Full> {
        let available = self.len();
        let room = len.checked_add(tail.len()).and_then(|needed| self.get_mut(..needed));
        match room.and_then(|room| room.split_at_mut_checked(len)) {
            Some((room, end)) => {
                end.copy_from_slice(tail);
                Ok(room)
            }
            None => Err(Full { available }),
        }
    }

    #[inline]
    fn append(&mut self, packet: &[u8]) -> Result<(), Full> {
        let available = self.len();
        let room = self.get_mut(..packet.len()).ok_or(Full { available })?;
        room.copy_from_slice(packet);
        Ok(())
    }
}

impl<const N: usize> Output for [u8; N] {
    #[inline]
    fn extend(&mut self, len: usize, tail: &[u8]) -> Result<&mut [u8], Full> {
        self.as_mut_slice().extend(len, tail)
    }

    #[inline]
    fn append(&mut self, packet: &[u8]) -> Result<(), Full> {
        self.as_mut_slice().append(packet)
    }
}

/// A head of up to so many bytes is made room for by a block of just so many.
#[cfg(feature = "alloc")]
const BLOCK: usize = 128;

/// Performance: a vector has to be filled with zeroes before the writer can have its end as a slice. A long payload would
/// thus be written twice: it is appended instead. And what is short is filled as a whole block, which takes no call of
/// memset.
#[cfg(feature = "alloc")]
macro_rules! vector {
    ($vector:ty) => {
        impl Output for $vector {
            #[inline]
            fn extend(&mut self, len: usize, tail: &[u8]) -> Result<&mut [u8], Full> {
                let start = self.len();
                if len <= BLOCK {
                    self.extend_from_slice(&[0; BLOCK]);
                    self.truncate(start.wrapping_add(len));
                } else {
                    self.reserve(len.saturating_add(tail.len()));
                    self.resize(start.saturating_add(len), 0);
                }
                self.extend_from_slice(tail);
                Ok(self.get_mut(start..).and_then(|new| new.get_mut(..len)).unwrap_or_default())
            }

            #[inline]
            fn append(&mut self, packet: &[u8]) -> Result<(), Full> {
                self.extend_from_slice(packet);
                Ok(())
            }
        }
    };
}

#[cfg(feature = "alloc")]
vector!(alloc::vec::Vec<u8>);
#[cfg(feature = "bytes")]
vector!(bytes::BytesMut);
