//! Where encoded bytes go, and MQTT's data types written to it.
//!
//! Every packet is walked by one function twice: first into a [`Counter`], which checks the values and adds up
//! their lengths, then into the output, which then cannot fail. Length and bytes cannot disagree, and nothing
//! is written before everything is known to be right.

use crate::error::{EncodeError, Kind};
use crate::options::Context;
use crate::read::check_characters;
use crate::text;

pub(crate) type Written = Result<(), Kind>;

/// What an encoder walks into.
#[doc(hidden)]
pub trait Sink {
    /// Whether values are to be checked: only on the first of the two walks.
    const CHECKS: bool;

    fn put(&mut self, bytes: &[u8]);

    #[inline(always)]
    fn byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    #[inline(always)]
    fn two_bytes(&mut self, n: u16) {
        self.put(&n.to_be_bytes());
    }

    /// A Variable Byte Integer in its shortest form.
    #[inline(always)]
    fn variable(&mut self, n: u32) {
        let (bytes, len) = variable(n);
        self.put(bytes.get(..len).unwrap_or_default());
    }

    /// Binary Data: the length in two bytes, and the bytes.
    #[inline(always)]
    fn binary(&mut self, bytes: &[u8]) -> Written {
        let Ok(len) = u16::try_from(bytes.len()) else { return Err(Kind::StringTooLong) };
        self.two_bytes(len);
        self.put(bytes);
        Ok(())
    }

    /// A string field.
    #[inline(always)]
    fn text(&mut self, text: &str, c: Context) -> Written {
        if Self::CHECKS {
            if text::check(text.as_bytes()).is_err() {
                return Err(Kind::NulCharacter);
            }
            checked_text(text.as_bytes(), c)?;
        }
        self.binary(text.as_bytes())
    }

    /// A topic name or filter, whose type vouches for it.
    #[inline(always)]
    fn topic(&mut self, topic: &[u8], c: Context) -> Written {
        if Self::CHECKS {
            checked_text(topic, c)?;
        }
        self.binary(topic)
    }
}

fn checked_text(text: &[u8], c: Context) -> Written {
    check_characters(text, c).map_err(|fault| fault.kind)
}

/// The bytes of a Variable Byte Integer and their number, 1 to 4.
#[inline(always)]
pub(crate) const fn variable(n: u32) -> ([u8; 4], usize) {
    // Seven bits in each byte, low ones first; bit 7 says that another byte follows.
    let groups = n & 0x7F | (n & 0x3F80) << 1 | (n & 0x1F_C000) << 2 | (n & 0xFE0_0000) << 3;
    let (more, len) = match n {
        0..=0x7F => (0, 1),
        0x80..=0x3FFF => (0x80, 2),
        0x4000..=0x1F_FFFF => (0x8080, 3),
        _ => (0x80_8080, 4),
    };
    ((groups | more).to_le_bytes(), len)
}

/// The length of a Variable Byte Integer.
pub(crate) const fn variable_len(n: u32) -> usize {
    variable(n).1
}

/// The first walk: checks and counts.
#[derive(Debug, Default)]
pub(crate) struct Counter(pub(crate) usize);

impl Sink for Counter {
    const CHECKS: bool = true;

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }
}

/// Counts what was checked.
#[derive(Debug, Default)]
pub(crate) struct Length(pub(crate) usize);

impl Sink for Length {
    const CHECKS: bool = false;

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }
}

/// The second walk, into a slice that is long enough.
#[derive(Debug)]
pub struct Writer<'b>(&'b mut [u8]);

impl Sink for Writer<'_> {
    const CHECKS: bool = false;

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        if let Some((to, rest)) = core::mem::take(&mut self.0).split_at_mut_checked(bytes.len()) {
            to.copy_from_slice(bytes);
            self.0 = rest;
        }
    }
}

#[cfg(feature = "alloc")]
impl Sink for &mut alloc::vec::Vec<u8> {
    const CHECKS: bool = false;

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

#[cfg(feature = "bytes")]
impl Sink for &mut bytes::BytesMut {
    const CHECKS: bool = false;

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// What a packet can be encoded into: a byte slice or array (from its start), `Vec<u8>` and `BytesMut` (at
/// their end). Sealed: the crate promises that an output is untouched after an error.
pub trait Output: private::Sealed {
    /// What takes the bytes.
    #[doc(hidden)]
    type Room<'o>: Sink
    where
        Self: 'o;

    /// Makes room for so many bytes, all of which will be written.
    #[doc(hidden)]
    fn room(&mut self, len: usize) -> Result<Self::Room<'_>, EncodeError>;
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

impl Output for [u8] {
    type Room<'o> = Writer<'o>;

    #[inline]
    fn room(&mut self, needed: usize) -> Result<Writer<'_>, EncodeError> {
        let available = self.len();
        match self.get_mut(..needed) {
            Some(room) => Ok(Writer(room)),
            None => Err(EncodeError::BufferTooSmall { needed, available }),
        }
    }
}

impl<const N: usize> Output for [u8; N] {
    type Room<'o> = Writer<'o>;

    #[inline]
    fn room(&mut self, len: usize) -> Result<Writer<'_>, EncodeError> {
        self.as_mut_slice().room(len)
    }
}

#[cfg(feature = "alloc")]
impl Output for alloc::vec::Vec<u8> {
    type Room<'o> = &'o mut Self;

    #[inline]
    fn room(&mut self, len: usize) -> Result<&mut Self, EncodeError> {
        self.reserve(len);
        Ok(self)
    }
}

#[cfg(feature = "bytes")]
impl Output for bytes::BytesMut {
    type Room<'o> = &'o mut Self;

    #[inline]
    fn room(&mut self, len: usize) -> Result<&mut Self, EncodeError> {
        self.reserve(len);
        Ok(self)
    }
}
