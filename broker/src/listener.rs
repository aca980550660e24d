//! Where clients connect.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::config::Listener;
use crate::front::{Peer, Shared, serve};

/// How long nothing is accepted when the process has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections that are open.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    open: AtomicUsize,
    gone: Notify,
}

impl Connections {
    /// None, and at most so many.
    pub fn new(most: usize) -> Self {
        Self { most, open: AtomicUsize::new(0), gone: Notify::new() }
    }

    /// One more, if there may be.
    fn enter(self: &Arc<Self>) -> Option<Open> {
        let enter = |open| (open < self.most).then_some(open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).ok().map(|_| Open(self.clone()))
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
        if self.0.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.gone.notify_one();
        }
    }
}

/// A listener that has its address.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
}

impl Bound {
    /// Takes the address of a listener.
    ///
    /// # Errors
    /// When the operating system does not give it.
    pub async fn new(listener: &Listener) -> io::Result<Self> {
        Self::tcp(listener.bind).await
    }

    /// Takes an address for plain TCP; port 0 is any free one.
    ///
    /// # Errors
    /// When the operating system does not give it.
    pub async fn tcp(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
    }

    /// The address.
    ///
    /// # Errors
    /// When the operating system does not say it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts connections for ever.
    pub async fn run(self, shared: Arc<Shared>, connections: Arc<Connections>) {
        loop {
            let (stream, address) = match self.listener.accept().await {
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
            let shared = shared.clone();
            tokio::spawn(async move {
                greet(stream, address, shared).await;
                drop(open);
            });
        }
    }
}

async fn greet(stream: TcpStream, address: SocketAddr, shared: Arc<Shared>) {
    // Without it only messages are slower.
    let _ = stream.set_nodelay(true);
    serve(stream, Peer { address, certificate: None }, shared).await;
}
