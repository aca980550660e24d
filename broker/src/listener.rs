//! Where clients connect.

pub(crate) mod tls;
mod websocket;

use std::fmt;
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::config::Listener;
use crate::front::{Peer, Shared, Stream, serve};
use crate::metrics::{Closed, Metrics};
use crate::proxy_protocol;

pub use self::tls::{CertificateError, Certificates};

/// How long nothing is accepted when the process has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections that are open.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    open: AtomicUsize,
    gone: Notify,
    metrics: Arc<Metrics>,
}

impl Connections {
    /// None, and at most so many.
    pub fn new(most: usize, metrics: Arc<Metrics>) -> Self {
        Self { most, open: AtomicUsize::new(0), gone: Notify::new(), metrics }
    }

    /// One more, if there may be.
    fn enter(self: &Arc<Self>) -> Option<Open> {
        let enter = |open| (open < self.most).then_some(open + 1);
        self.metrics.accepted.inc();
        let entered = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).is_ok();
        if !entered {
            self.metrics.closed(Closed::Server);
            return None;
        }
        self.metrics.connections.inc();
        Some(Open(self.clone()))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Waits until there are none.
    pub async fn all_gone(&self) {
        loop {
            let gone = self.gone.notified();
            if self.count() == 0 {
                return;
            }
            gone.await;
        }
    }
}

/// An open connection.
struct Open(Arc<Connections>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
        if self.0.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.gone.notify_one();
        }
    }
}

/// A listener that has its address.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    websocket: bool,
    proxy_protocol: bool,
}

/// Why there is no listener.
#[derive(Debug)]
pub enum BindError {
    /// The operating system does not give the address.
    Address(io::Error),
    /// The certificates are of no use.
    Certificates(CertificateError),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Certificates(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BindError {}

impl Bound {
    /// Takes the address of a listener, and reads its certificates.
    ///
    /// # Errors
    /// When the operating system does not give the address, or the certificates are of no use.
    pub async fn new(listener: &Listener) -> Result<Self, BindError> {
        let certificates = listener.tls.as_ref().map(Certificates::load).transpose();
        Ok(Self {
            certificates: certificates.map_err(BindError::Certificates)?.map(Arc::new),
            websocket: listener.websocket,
            proxy_protocol: listener.proxy_protocol,
            ..Self::tcp(listener.bind).await.map_err(BindError::Address)?
        })
    }

    /// Takes an address for plain TCP; port 0 is any free one.
    ///
    /// # Errors
    /// When the operating system does not give it.
    pub async fn tcp(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, certificates: None, websocket: false, proxy_protocol: false })
    }

    /// The address.
    ///
    /// # Errors
    /// When the operating system does not say it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The certificates, if there is TLS.
    pub fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.certificates.as_ref()
    }

    /// Accepts connections for ever.
    pub async fn run(self, shared: Arc<Shared>, connections: Arc<Connections>) {
        let this = Arc::new(self);
        loop {
            let (stream, address) = match this.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("no connection can be accepted: {error}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Some(open) = connections.enter() else {
                tracing::warn!(%address, "not let in: there are `limits.connections` connections");
                continue;
            };
            // Without it messages are slower, and that is all.
            let _ = stream.set_nodelay(true);
            let (this, shared) = (this.clone(), shared.clone());
            if this.is_plain() {
                // Performance: a task of its own kind, which is small.
                let opened = ready(Some((stream, Peer { address, certificate: None })));
                tokio::spawn(serve(opened, shared, open));
            } else {
                let opened = this.greet(stream, address, shared.clone());
                tokio::spawn(serve(opened, shared, open));
            }
        }
    }

    fn is_plain(&self) -> bool {
        !self.websocket && !self.proxy_protocol && self.certificates.is_none()
    }

    /// What comes before MQTT.
    async fn greet(
        self: Arc<Self>,
        mut stream: TcpStream,
        address: SocketAddr,
        shared: Arc<Shared>,
    ) -> Option<(Box<dyn Stream>, Peer)> {
        let patience = Duration::from_secs(shared.limits.connect_timeout);
        let opened = timeout(patience, async {
            let peer = self.peer(&mut stream, address).await?;
            self.open(stream, peer, shared.limits.packet_size).await
        });
        let why = tokio::select! {
            opened = opened => match opened {
                Ok(Ok(opened)) => return Some(opened),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it did not begin in time".to_owned(),
            },
            () = shared.ending() => "the broker ends".to_owned(),
        };
        shared.metrics.closed(Closed::NoConnect);
        tracing::info!(%address, "not let in: {why}");
        None
    }

    async fn peer(&self, stream: &mut TcpStream, address: SocketAddr) -> io::Result<Peer> {
        let said = if self.proxy_protocol { proxy_protocol::read(stream).await? } else { None };
        Ok(Peer { address: said.unwrap_or(address), certificate: None })
    }

    async fn open(
        &self,
        stream: TcpStream,
        peer: Peer,
        packet_size: u32,
    ) -> io::Result<(Box<dyn Stream>, Peer)> {
        let Some(certificates) = &self.certificates else {
            return Ok((self.through_websocket(stream, packet_size).await?, peer));
        };
        let stream = certificates.acceptor().accept(stream).await?;
        let chain = stream.get_ref().1.peer_certificates();
        let certificate = chain.and_then(|chain| chain.first()).and_then(tls::name);
        Ok((self.through_websocket(stream, packet_size).await?, Peer { certificate, ..peer }))
    }

    async fn through_websocket<S: Stream + 'static>(
        &self,
        stream: S,
        packet_size: u32,
    ) -> io::Result<Box<dyn Stream>> {
        if self.websocket {
            Ok(Box::new(websocket::accept(stream, packet_size).await?))
        } else {
            Ok(Box::new(stream))
        }
    }
}
