//! WebSocket (section 6): a stream of bytes in binary messages.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes as Chunk};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};

use crate::error::Error;
use crate::options::Options;
use crate::transport::Bytes;

/// How many bytes go into one message at most: a server bounds them, and packets may lie in several `[MQTT-6.0.0-2]`.
const MESSAGE: usize = 64 * 1024;

pub(crate) async fn connect(options: &Options, stream: Box<dyn Bytes>) -> Result<Box<dyn Bytes>, Error> {
    let address = &options.address;
    let unreachable = |error: WebSocketError| Error::Unreachable {
        address: address.to_string(),
        reason: format!("WebSocket: {error}"),
    };
    let mut request = address.to_string().into_client_request().map_err(unreachable)?;
    // `[MQTT-6.0.0-3]`
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("mqtt"));
    // A message may be one packet.
    let most = usize::try_from(options.max_packet_size).unwrap_or(usize::MAX);
    let mut config = WebSocketConfig::default();
    config.max_frame_size = config.max_frame_size.map(|size| size.max(most));
    config.max_message_size = config.max_message_size.map(|size| size.max(most));
    let connecting = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
    let (socket, _) = connecting.await.map_err(unreachable)?;
    Ok(Box::new(WebSocket { socket, rest: Chunk::new() }))
}

struct WebSocket {
    socket: WebSocketStream<Box<dyn Bytes>>,
    /// What was received and not read yet.
    rest: Chunk,
}

impl AsyncRead for WebSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            self.rest = match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => bytes,
                // `[MQTT-6.0.0-1]`
                Some(Ok(Message::Text(_))) => {
                    let text = "the server sent a text message over WebSocket";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Chunk::new(),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            };
        }
        let len = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..len]);
        self.rest.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WebSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.socket).poll_ready(context)).map_err(io::Error::other)?;
        let some = bytes.get(..MESSAGE).unwrap_or(bytes);
        let message = Message::Binary(Chunk::copy_from_slice(some));
        Pin::new(&mut self.socket).start_send(message).map_err(io::Error::other)?;
        Poll::Ready(Ok(some.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(context).map_err(io::Error::other)
    }
}
