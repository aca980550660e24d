//! Streams of bytes to a server: TCP, TLS, WebSocket.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::error::Error;
use crate::options::Options;

/// Any stream of bytes.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

pub(crate) async fn connect(options: &Options) -> Result<Box<dyn Bytes>, Error> {
    let address = &options.address;
    let unreachable =
        |reason: io::Error| Error::Unreachable { address: address.to_string(), reason: reason.to_string() };
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(unreachable)?;
    // Packets are written whole: to wait for more helps nobody.
    stream.set_nodelay(true).map_err(unreachable)?;
    let stream: Box<dyn Bytes> =
        if address.transport.is_tls() { tls(options, stream).await? } else { Box::new(stream) };
    if address.transport.is_websocket() {
        return websocket(options, stream).await;
    }
    Ok(stream)
}

#[cfg(feature = "tls")]
async fn tls(options: &Options, stream: TcpStream) -> Result<Box<dyn Bytes>, Error> {
    crate::tls::connect(options, stream).await
}

#[cfg(not(feature = "tls"))]
#[allow(clippy::unused_async, reason = "as the other of this name")]
async fn tls(_: &Options, _: TcpStream) -> Result<Box<dyn Bytes>, Error> {
    Err(Error::Options("TLS is not compiled in: the feature is `tls`".to_owned()))
}

#[cfg(feature = "websocket")]
async fn websocket(options: &Options, stream: Box<dyn Bytes>) -> Result<Box<dyn Bytes>, Error> {
    crate::websocket::connect(options, stream).await
}

#[cfg(not(feature = "websocket"))]
#[allow(clippy::unused_async, reason = "as the other of this name")]
async fn websocket(_: &Options, _: Box<dyn Bytes>) -> Result<Box<dyn Bytes>, Error> {
    Err(Error::Options("WebSocket is not compiled in: the feature is `websocket`".to_owned()))
}
