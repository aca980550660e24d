//! [`Output`]: what a packet can be encoded into.

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
    /// # Errors
    /// As for [`extend`](Self::extend).
    #[inline]
    fn append(&mut self, packet: &[u8]) -> Result<(), Full> {
        self.extend(0, packet).map(drop)
    }
}

/// An [`Output`] has not enough room.
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
const BLOCK: usize = 64;

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
                    // The length of a slice is at most half of what a `usize` holds.
                    self.reserve(BLOCK.wrapping_add(tail.len()));
                    self.extend_from_slice(&[0; BLOCK]);
                    self.truncate(start.saturating_add(len));
                } else {
                    self.reserve(len.saturating_add(tail.len()));
                    self.resize(start.saturating_add(len), 0);
                }
                self.extend_from_slice(tail);
                Ok(self.get_mut(start..start.saturating_add(len)).unwrap_or_default())
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
