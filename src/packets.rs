//! The packets of a buffer, one after the other.

use core::iter::FusedIterator;

use crate::connection::Connection;
use crate::decode::{Decoded, decode_exact, frame_len};
use crate::error::DecodeError;
use crate::options::{DecodeOptions, EncodeOptions};
use crate::packet::Packet;
use crate::standard::Version;

/// The packets in `bytes`, which one side of a connection has sent: where each of them starts, and the packet or what is
/// wrong with it.
///
/// After a bad packet it goes on with the next one, as long as the length of the bad one is known. The version that a
/// CONNECT names holds for what follows it ([`DecodeOptions::detect`]).
///
/// Nothing is passed over in silence: a last packet that is not complete is an error, too
/// ([`Rule::Truncated`](crate::Rule::Truncated)). Its bytes are then what [`rest`](Packets::rest) gives.
///
/// ```
/// use mqtt_wire::{Packet, Rule, Version, packets};
///
/// let bytes = [0xC0, 0, 0x32, 5, 0, 1, b'a', 0, 0, 0xD0, 0, 0x30, 5, 0];
/// let mut found = packets(&bytes, Version::V311);
/// assert_eq!(found.next(), Some((0, Ok(Packet::PingReq))));
/// let Some((2, Err(bad))) = found.next() else { panic!("a bad packet at byte 2") };
/// assert_eq!((bad.rule(), bad.offset()), (Rule::ZeroPacketId, 5));
/// assert_eq!(found.next(), Some((9, Ok(Packet::PingResp))));
/// let Some((11, Err(cut))) = found.next() else { panic!("a packet that is cut off") };
/// assert_eq!(cut.rule(), Rule::Truncated);
/// assert_eq!((found.next(), found.rest()), (None, &bytes[11..]));
/// ```
pub fn packets(bytes: &[u8], options: impl Into<DecodeOptions>) -> Packets<'_> {
    // Nothing is encoded.
    let encode = EncodeOptions::new(Version::V5);
    Packets { bytes, offset: 0, connection: Connection::new(options.into(), encode), ended: false }
}

/// Iterator over the packets of a buffer: see [`packets`].
///
/// ```
/// use mqtt_wire::{Version, packets};
///
/// let mut found = packets(&[0xC0, 0x00, 0xD0], Version::V311);
/// let whole = found.by_ref().take_while(|(_, packet)| packet.is_ok()).count();
/// assert_eq!((whole, found.offset(), found.rest()), (1, 2, &[0xD0][..]));
/// ```
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    bytes: &'a [u8],
    /// Where the next packet starts.
    offset: usize,
    connection: Connection,
    /// What is left was told to be no packet.
    ended: bool,
}

impl<'a> Packets<'a> {
    /// What is left: from the next packet on, or, at the end, what is no whole packet or has no end that could be known.
    ///
    /// ```
    /// use mqtt_wire::{Version, packets};
    ///
    /// let stream = [0xC0, 0x00, 0x30, 0x09]; // PINGREQ, the start of a PUBLISH
    /// let mut found = packets(&stream, Version::V311);
    /// assert!(found.by_ref().any(|(_, packet)| packet.is_err())); // it is cut off
    /// assert_eq!(found.rest(), [0x30, 0x09]); // to be looked at again when more has come
    /// ```
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    /// Where the [`rest`](Self::rest) starts.
    ///
    /// ```
    /// use mqtt_wire::{Version, packets};
    ///
    /// let file = [0xC0, 0x00, 0x30, 0x05]; // it was cut off
    /// let mut found = packets(&file, Version::V311);
    /// let whole = found.by_ref().filter(|(_, packet)| packet.is_ok()).count();
    /// println!("{whole} packets, and from byte {} on a part of one", found.offset());
    /// assert_eq!((whole, found.offset()), (1, 2));
    /// ```
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// How the next packet is decoded: with the version of the CONNECT, if there was one.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Version, packets};
    ///
    /// // One side of a recorded connection: its CONNECT says by which version the rest is to be read.
    /// let stream = b"\x10\x0D\0\x04MQTT\x04\x02\0\0\0\x01a\xC0\0";
    /// let mut found = packets(stream, DecodeOptions::detect());
    /// assert!(found.by_ref().all(|(_, packet)| packet.is_ok()));
    /// assert_eq!(found.options().version(), Some(Version::V311));
    /// ```
    pub const fn options(&self) -> DecodeOptions {
        self.connection.decode_options()
    }
}

impl<'a> Iterator for Packets<'a> {
    /// The offset of the packet in the buffer; the packet, or its error, which counts from the packet's first byte.
    type Item = (usize, Result<Packet<'a>, DecodeError>);

    fn next(&mut self) -> Option<Self::Item> {
        let (rest, start) = (self.rest(), self.offset);
        if self.ended || rest.is_empty() {
            return None;
        }
        let (packet, len) = match self.connection.decode(rest) {
            Ok(Decoded::Packet { packet, len }) => (Ok(packet), Some(len)),
            Ok(Decoded::Incomplete { .. }) => (decode_exact(rest, self.options()), None),
            Err(error) => (Err(error), frame_len(rest).filter(|len| *len <= rest.len())),
        };
        match len {
            Some(len) => self.offset = start.saturating_add(len),
            None => self.ended = true,
        }
        Some((start, packet))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // No packet is shorter than two bytes.
        match self.rest().len() {
            _ if self.ended => (0, Some(0)),
            len => (usize::from(len > 0), Some(len.div_ceil(2))),
        }
    }
}

impl FusedIterator for Packets<'_> {}
