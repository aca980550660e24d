//! The input of the codecs that split frames off a `BytesMut`.

use bytes::{BufMut, BytesMut};

/// What is left free behind the data, as in a read buffer that was not filled to its end.
const SPARE: usize = 64;

/// A buffer in the state of a long-lived reader's: frames were split off before, so that the next one
/// only counts a reference, and there is room for more.
pub fn input(bytes: &[u8]) -> BytesMut {
    let mut buffer = BytesMut::with_capacity(1 + bytes.len() + SPARE);
    buffer.put_u8(0);
    buffer.put_slice(bytes);
    drop(buffer.split_to(1));
    buffer
}
