//! MQTT through WebSocket (section 6): binary messages, whose bounds mean nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use crate::front::Stream;

/// The subprotocols: that of 3.1.1 and 5.0 (`[MQTT-6.0.0-3]`), and the one that clients of 3.1 offer, which does not know
/// WebSocket.
const PROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];
/// How many bytes go into one message at most.
const MESSAGE: usize = 64 * 1024;

/// A stream of bytes through WebSocket.
pub(super) struct WebSocket<S> {
    inner: WebSocketStream<S>,
    /// What was received and is not taken yet.
    rest: Bytes,
    /// A message was too long: what else comes is not looked at.
    is_over: bool,
}

/// Answers the request for a WebSocket. One that offers no subprotocol of [`PROTOCOLS`] is refused with 400.
pub(super) async fn accept<S: Stream>(stream: S, packet_size: u32) -> io::Result<WebSocket<S>> {
    // A message may hold several packets, or a part of one; a client that puts its largest packet into one is served.
    let longest = usize::try_from(packet_size).unwrap_or(usize::MAX).saturating_add(MESSAGE);
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        // A Ping that comes while the answers before it wait is answered later, or with the next one.
        .max_write_buffer_size(2 * MESSAGE)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest));
    let accepted = accept_hdr_async_with_config(stream, choose, Some(config)).await;
    let inner = accepted.map_err(other)?;
    Ok(WebSocket { inner, rest: Bytes::new(), is_over: false })
}

#[allow(clippy::result_large_err, reason = "the library's type")]
fn choose(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let chosen = offered.find_map(|offered| PROTOCOLS.into_iter().find(|known| *known == offered.trim()));
    if let Some(protocol) = chosen {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(Some("the subprotocol is mqtt\n".to_owned()));
    *refusal.status_mut() = StatusCode::BAD_REQUEST;
    Err(refusal)
}

fn other(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::Capacity(error) => io::Error::new(io::ErrorKind::FileTooLarge, error),
        error => io::Error::other(error),
    }
}

impl<S: Stream> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.is_over {
            // It is read all the same: TCP drops what was sent if there are bytes that nobody has read.
            let mut memory = [0; 512];
            let mut rest = ReadBuf::new(&mut memory);
            ready!(Pin::new(self.inner.get_mut()).poll_read(cx, &mut rest))?;
            if rest.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                None | Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => {
                    return Poll::Ready(Ok(()));
                }
                Some(Ok(Message::Binary(bytes))) => self.rest = bytes,
                // Ping, Pong and Close are the library's: it answers them when it is asked for the next message.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    let text = "a text message in WebSocket, where MQTT has to be binary [MQTT-6.0.0-1]";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                Some(Err(error)) => {
                    self.is_over = matches!(error, Error::Capacity(_));
                    return Poll::Ready(Err(other(error)));
                }
            }
        }
        let some = self.rest.len().min(buf.remaining());
        buf.put_slice(self.rest.get(..some).unwrap_or_default());
        self.rest.advance(some);
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for WebSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.as_mut().poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Without answers to Pings in it, the buffer has room for a message.
        ready!(Pin::new(&mut self.inner).poll_flush(cx)).map_err(other)?;
        let mut message = Vec::with_capacity(bufs.iter().map(|buf| buf.len()).sum::<usize>().min(MESSAGE));
        for buf in bufs {
            let room = MESSAGE.saturating_sub(message.len());
            message.extend_from_slice(buf.get(..room).unwrap_or(buf));
        }
        let len = message.len();
        Pin::new(&mut self.inner).start_send(Message::Binary(message.into())).map_err(other)?;
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx).map_err(other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.inner).poll_close(cx)) {
            Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(other(error))),
        }
    }
}
