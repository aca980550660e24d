//! Reading without a buffer before there is something to read.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};

/// How many bytes are read at once at most.
const READ: usize = 16 * 1024;

/// Reads what there is to the end of `buffer`; 0 bytes are the end of the stream.
///
/// The bytes are read onto the stack and copied: a connection that waits has no buffer, whatever kind of stream it has.
pub(super) fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut memory = [const { MaybeUninit::<u8>::uninit() }; READ];
    let mut read = ReadBuf::uninit(&mut memory);
    ready!(Pin::new(stream).poll_read(cx, &mut read))?;
    buffer.put_slice(read.filled());
    Poll::Ready(Ok(read.filled().len()))
}
