//! Accepts connections and passes their bytes on.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mqtt_wire::Sender;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::feed::{Feed, Seen};

/// How long a connection to the server, and a handshake of TLS, may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait when no connection can be accepted, as when there are too many.
const PAUSE: Duration = Duration::from_millis(100);
/// How much is passed on at a time. With its headers it is less than the largest IP packet.
const CHUNK: usize = 32 * 1024;

/// How both sides are spoken to.
pub(super) struct Sides {
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) connector: Option<(TlsConnector, ServerName<'static>)>,
    pub(super) host: String,
    pub(super) port: u16,
}

/// Accepts connections for ever.
pub(super) async fn accept(listener: TcpListener, sides: Arc<Sides>, feed: Feed) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                tokio::spawn(one(stream, client, Arc::clone(&sides), feed.clone()));
            }
            Err(error) => {
                feed.failed(format!("a connection cannot be accepted: {error}"));
                sleep(PAUSE).await;
            }
        }
    }
}

/// One connection from its beginning to its end.
async fn one(stream: TcpStream, client: SocketAddr, sides: Arc<Sides>, feed: Feed) {
    let failed = |what: &str, error: io::Error| {
        feed.failed(format!("the connection from {client} is not passed on: {what}: {error}"));
    };
    let Sides { host, port, .. } = &*sides;
    let reached = within(TcpStream::connect((host.as_str(), *port))).await;
    let (upstream, server) = match reached.and_then(|upstream| Ok((upstream.peer_addr()?, upstream))) {
        Ok((address, upstream)) => (upstream, address),
        Err(error) => {
            refuse(&stream);
            return failed(&format!("{host}:{port}"), error);
        }
    };
    for socket in [&stream, &upstream] {
        // Without it what is passed on in parts would wait for acknowledgements.
        let _ = socket.set_nodelay(true);
    }
    let near = match &sides.acceptor {
        None => Ok(Box::new(stream) as Box<dyn Stream>),
        Some(acceptor) => within(acceptor.accept(stream)).await.map(|tls| Box::new(tls) as Box<dyn Stream>),
    };
    let near = match near {
        Ok(near) => near,
        Err(error) => return failed("TLS with the client", error),
    };
    let far = match &sides.connector {
        None => Ok(Box::new(upstream) as Box<dyn Stream>),
        Some((connector, name)) => within(connector.connect(name.clone(), upstream))
            .await
            .map(|tls| Box::new(tls) as Box<dyn Stream>),
    };
    let far = match far {
        Ok(far) => far,
        Err(error) => {
            refuse(near.tcp());
            return failed("TLS with the server", error);
        }
    };
    pass(near, far, &feed.opened(client, server)).await;
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => Err(ErrorKind::TimedOut.into()),
    }
}

/// A connection that ends with a reset when it is dropped.
fn refuse(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// A connection, with TLS or without.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl Stream for client::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Passes bytes on in both directions until both senders have said that they send no more, or either is gone.
async fn pass(near: Box<dyn Stream>, far: Box<dyn Stream>, seen: &Seen) {
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (split(near), split(far));
    let both = tokio::try_join!(
        one_way(&mut from_near, &mut to_far, Sender::Client, seen),
        one_way(&mut from_far, &mut to_near, Sender::Server, seen),
    );
    if let Err(gone) = both {
        seen.reset(gone);
        // Whoever is still there learns of it as if there were no proxy.
        refuse(from_near.unsplit(to_near).tcp());
        refuse(from_far.unsplit(to_far).tcp());
    }
}

/// Passes on what one side sends, and that it sends no more. The error is the side that is gone.
async fn one_way(
    from: &mut ReadHalf<Box<dyn Stream>>,
    to: &mut WriteHalf<Box<dyn Stream>>,
    sender: Sender,
    seen: &Seen,
) -> Result<(), Sender> {
    let receiver = match sender {
        Sender::Client => Sender::Server,
        Sender::Server => Sender::Client,
    };
    let mut chunk = vec![0; CHUNK];
    let mut skipped = 0;
    loop {
        let length = match from.read(&mut chunk).await {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            // TLS that ends without saying so.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
            Err(error) => {
                if error.kind() == ErrorKind::InvalidData {
                    seen.remark(format!("the {sender} breaks TLS: {error}"));
                }
                return Err(sender);
            }
        };
        let bytes = chunk.get(..length).unwrap_or_default();
        if bytes.is_empty() {
            seen.closed(sender, skipped);
            return to.shutdown().await.or_else(|error| match error.kind() {
                // It has closed both directions before.
                ErrorKind::NotConnected => Ok(()),
                _ => Err(receiver),
            });
        }
        seen.bytes(sender, &mut skipped, bytes);
        if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
            return Err(receiver);
        }
    }
}
