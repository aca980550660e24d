//! Sinks: what is published goes on to other systems.
//!
//! A sink is a session of the broker's own ([`crate::engine::sinks`]) with topic filters. A message leaves its queue when
//! the other side has it and not before, so that it arrives at least once, whoever is killed or away in between: a
//! publisher gets its acknowledgement when the message is stored in the queue of every sink that wants it. The queue is
//! bounded, and when it is full the message is refused (0x97).
//!
//! What is on the other side is an [`End`], each in a file of its own, behind a feature of its own:
//!
//! | kind | feature | the other side has a message when |
//! |---|---|---|
//! | [`json`](lines) | `sink-json` | its line is in the file and synced |
//! | [`mqtt`] | `sink-mqtt` | the other broker has acknowledged it |
//! | [`nats`] | `sink-nats` | JetStream has acknowledged it |
//! | [`postgres`] | `sink-postgres` | the transaction is committed |
//!
//! One driver reads from the queue, hands batches to the end, and tries again with growing delays while the other side is
//! away.

// What only some ends need is not needed without them.
#![cfg_attr(
    not(all(
        feature = "sink-json",
        feature = "sink-mqtt",
        feature = "sink-nats",
        feature = "sink-postgres"
    )),
    allow(unused)
)]

pub mod config;
mod driver;
#[cfg(feature = "sink-json")]
mod json;
#[cfg(feature = "sink-json")]
pub mod lines;
#[cfg(feature = "sink-mqtt")]
pub mod mqtt;
#[cfg(feature = "sink-nats")]
pub mod nats;
#[cfg(feature = "sink-postgres")]
pub mod postgres;

use std::fmt;
use std::sync::Arc;

use mqtt_wire::ReasonCode;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::config::Sink;
use self::driver::Driver;
use crate::engine::{Engine, Later, Local, Turn};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::store::Queued;

/// The other side of a sink.
///
/// Any of its futures may be given up, and [`open`](Self::open) has to find that out.
pub trait End: Send {
    /// Sees to it that there is a connection, or whatever is needed: called before each batch.
    ///
    /// # Errors
    /// [`Failure::Away`].
    fn open(&mut self) -> Later<'_, Result<(), Failure>>;

    /// Hands over messages, in order. When this returns, the other side has them. It may have had some of them before.
    ///
    /// # Errors
    /// [`Failure::Away`]: all of them are handed over again. [`Failure::Refused`]: the others have arrived.
    fn deliver<'a>(&'a mut self, batch: &'a [Arc<Queued>]) -> Later<'a, Result<(), Failure>>;

    /// Returns when the connection is lost, if there is one that has to be there without messages, too.
    fn lost(&mut self) -> Later<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// SIGHUP has come.
    fn hangup(&mut self) {}
}

/// Why messages have not arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The other side is away, or takes nothing at the moment: in one line, why.
    Away(String),
    /// These messages, by their places in the batch, are nothing for the other side, and why. They are given up.
    Refused(Vec<(usize, String)>),
}

impl Failure {
    /// The other side is away.
    pub fn away(why: impl fmt::Display) -> Self {
        Self::Away(why.to_string().replace('\n', " "))
    }
}

/// How long the other side may take for what it is asked, in the ends that have nothing of their own for that.
#[cfg(any(feature = "sink-nats", feature = "sink-postgres"))]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// What comes in time.
#[cfg(any(feature = "sink-nats", feature = "sink-postgres"))]
async fn in_time<T>(what: &str, wanted: impl Future<Output = T>) -> Result<T, Failure> {
    let come = tokio::time::timeout(PATIENCE, wanted).await;
    come.map_err(|_| Failure::Away(format!("{what} takes longer than {} s", PATIENCE.as_secs())))
}

/// What an end may know of the broker that it is in.
#[derive(Clone)]
pub struct Surroundings {
    /// For what comes from the other side.
    pub engine: Arc<dyn Engine>,
    /// What messages are bounded by.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// Why a sink does not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sink {name} cannot begin: {code}")]
pub struct StartError {
    /// Its name.
    pub name: String,
    /// What the engine says.
    pub code: ReasonCode,
}

/// The sinks that run.
#[derive(Debug, Default)]
pub struct Sinks {
    tasks: JoinSet<()>,
    control: Vec<watch::Sender<Signal>>,
}

/// What a driver is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Signal {
    /// How often SIGHUP has come.
    hangups: u64,
    /// No more messages come: it ends when it has handed over those that there are, or the other side is away.
    ends: bool,
}

impl Sinks {
    /// Begins: from now on messages are kept for these sinks. Sinks of earlier that are not among them end when they have no
    /// messages.
    ///
    /// # Errors
    /// When a session cannot be stored, or has more filters than a client may have.
    pub async fn start(
        sinks: Vec<Sink>,
        local: &Arc<Local>,
        limits: &Limits,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, StartError> {
        let mut turn = Turn::default();
        local.keep_sinks(&sinks.iter().map(|sink| &*sink.name).collect::<Vec<_>>(), &mut turn);
        // Nobody waits for it.
        let _ = local.commit(&mut turn);
        let identities = sinks.iter().filter_map(|sink| sink.end.identity()).map(str::to_owned).collect();
        local.set_identities(identities);
        let (limits, metrics) = (limits.clone(), metrics.clone());
        let around = Surroundings { engine: local.clone(), limits, metrics };
        let mut this = Self::default();
        for sink in sinks {
            let (control, signals) = watch::channel(Signal::default());
            let driver = Driver::new(sink, &around, signals).await?;
            this.control.push(control);
            this.tasks.spawn(driver.run());
        }
        Ok(this)
    }

    /// SIGHUP has come: files are opened again.
    pub fn hangup(&self) {
        for control in &self.control {
            control.send_modify(|signal| signal.hangups += 1);
        }
    }

    /// Ends, when what waits is handed over, or the other side is away. What is left stays in the store.
    pub async fn finish(&mut self) {
        for control in &self.control {
            control.send_modify(|signal| signal.ends = true);
        }
        while self.tasks.join_next().await.is_some() {}
    }
}
