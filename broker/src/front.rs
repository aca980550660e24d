//! Connections: sockets, links, nothing that outlives them.
//!
//! Each connection is a task. It sleeps until there is something for it, and then does one turn:
//!
//! 1. What the socket takes of the [`Outbox`] is written, with one vectored write; what has come is read.
//! 2. Messages from the mailbox go to the link, and what that says is encoded into the outbox.
//! 3. The packets that are complete go to the link, and what that says is done.
//! 4. The turn is committed. If something may only be sent when that is safe, the connection waits for it.
//!
//! A turn handles a fixed number of messages, packets and filters, and goes on in another turn when others have had
//! theirs.
//!
//! Most connections sleep most of the time, so they are small. A connection is three futures, one after the other, in
//! [`serve`]: the handshake, which lets a client in; the conversation, which does the turns; the goodbye. The first and
//! the last are in boxes that are there only while they run. One that sleeps has no buffers.

mod connection;
mod handshake;
mod outbox;
mod outgoing;
mod packets;
mod reader;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::auth::{Authenticate, Authorise};
use crate::engine::Engine;
use crate::limits::Limits;
use crate::metrics::Metrics;

pub use self::handshake::serve;
pub use self::outbox::Outbox;

/// How many messages of the mailbox, and how many packets of the client, are handled in one turn.
pub const MESSAGES_A_TURN: usize = 64;
/// How many copies of messages one turn may make for subscribers before it handles no more packets: it ends with the message
/// that reaches the bound, however many subscribers that has.
pub const COPIES_A_TURN: usize = 4096;
/// How many filters of a SUBSCRIBE or UNSUBSCRIBE are handled before others may run.
pub const FILTERS_A_TURN: u16 = 64;
/// How many microseconds one turn may look for retained messages: it ends with the filter that reaches the bound. One that matches
/// none of many takes as long as one that matches all.
const SEARCH: u16 = 5000;
/// How many bytes may wait to be written before no more messages are sent and no more packets read.
const OUTBOX_BYTES: usize = 256 * 1024;
/// How many bytes are read at most before what has come of them is stored. Nobody waits for a retained message of QoS 0.
const UNSTORED_BYTES: u32 = 1024 * 1024;

/// What all connections share.
pub struct Shared {
    /// The rest of the broker.
    pub engine: Arc<dyn Engine>,
    /// Who is let in.
    pub authenticate: Arc<dyn Authenticate>,
    /// What they may do.
    pub authorise: Arc<dyn Authorise>,
    /// What they may take.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether the broker ends: nobody is let in any more.
    pub is_ending: watch::Sender<bool>,
}

impl Shared {
    /// Waits until the broker ends.
    pub(crate) async fn ending(&self) {
        // The sender is in here, so there is no error.
        let _ = self.is_ending.subscribe().wait_for(|is_ending| *is_ending).await;
    }
}

/// What is known of a connection before it says anything.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where it comes from.
    pub address: SocketAddr,
    /// The name in its certificate, if it has one that was checked.
    pub certificate: Option<Arc<str>>,
}

/// What a connection reads from and writes to.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}
