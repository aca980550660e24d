//! The broker as a whole: an engine, listeners, and how both end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mqtt_wire::ReasonCode;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::auth::{Anonymous, Authenticate, Authorise, Everything};
use crate::engine::{Local, OpenError};
use crate::front::Shared;
use crate::http::{self, Pages};
use crate::limits::Limits;
use crate::listener::{Bound, Certificates, Connections};
use crate::metrics::Metrics;
use crate::sink::config::Sink;
use crate::sink::{Sinks, StartError};
use crate::store::Store;

/// What a broker is made of.
pub struct Parts {
    /// Where the state is kept; `None` in memory.
    pub store: Option<Box<dyn Store>>,
    /// Who is let in.
    pub authenticate: Arc<dyn Authenticate>,
    /// What they may do.
    pub authorise: Arc<dyn Authorise>,
    /// What they may take.
    pub limits: Limits,
    /// How often `$SYS/#` is published, in seconds; 0 is never.
    pub sys_interval: u64,
}

impl Default for Parts {
    /// In memory, and open to all.
    fn default() -> Self {
        Self {
            store: None,
            authenticate: Arc::new(Anonymous),
            authorise: Arc::new(Everything),
            limits: Limits::default(),
            sys_interval: 0,
        }
    }
}

/// A broker that runs.
pub struct Broker {
    local: Arc<Local>,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    tasks: JoinSet<()>,
    sinks: Sinks,
    certificates: Vec<Arc<Certificates>>,
}

/// How often it is looked whether certificates have changed.
const CERTIFICATES: Duration = Duration::from_secs(10);

impl Broker {
    /// Starts a broker that listens nowhere yet.
    ///
    /// # Errors
    /// When the store cannot be read, or there is no thread for it.
    pub fn start(parts: Parts) -> Result<Self, OpenError> {
        let Parts { store, authenticate, authorise, limits, sys_interval } = parts;
        let metrics = Arc::new(Metrics::default());
        let local = match store {
            Some(store) => Local::open(store, limits.clone(), metrics.clone())?,
            None => Local::in_memory(limits.clone(), metrics.clone()),
        };
        let local = Arc::new(local);
        let connections = Arc::new(Connections::new(limits.connections, metrics.clone()));
        let engine = local.clone();
        let shared = Arc::new(Shared {
            engine,
            authenticate,
            authorise,
            limits,
            metrics,
            is_ending: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        let its = local.clone();
        tasks.spawn(async move { its.look_after_all().await });
        if sys_interval > 0 {
            // Before the first client, which then gets it as a retained message alone.
            local.tell_of_itself(0);
            let its = local.clone();
            tasks.spawn(async move { its.tell_of_itself_every(Duration::from_secs(sys_interval)).await });
        }
        let (sinks, certificates) = (Sinks::default(), Vec::new());
        Ok(Self { local, shared, connections, tasks, sinks, certificates })
    }

    /// Begins with these sinks, before there are clients. Without a call, queues of earlier sinks stay what they were.
    ///
    /// # Errors
    /// When a sink's session cannot be stored, or has too many filters.
    pub async fn pass_on(&mut self, sinks: Vec<Sink>) -> Result<(), StartError> {
        let Shared { limits, metrics, .. } = &*self.shared;
        self.sinks = Sinks::start(sinks, &self.local, limits, metrics).await?;
        Ok(())
    }

    /// SIGHUP has come: sinks open their files again.
    pub fn hangup_sinks(&self) {
        self.sinks.hangup();
    }

    /// Listens at one place more.
    pub fn listen(&mut self, bound: Bound) {
        if let Some(certificates) = bound.certificates() {
            self.certificates.push(certificates.clone());
            let its = certificates.clone();
            self.tasks.spawn(async move {
                loop {
                    tokio::time::sleep(CERTIFICATES).await;
                    if its.have_changed() {
                        reload(&its);
                    }
                }
            });
        }
        self.tasks.spawn(bound.run(self.shared.clone(), self.connections.clone()));
    }

    /// Reads the certificates again.
    pub fn reload_certificates(&self) {
        self.certificates.iter().for_each(|certificates| reload(certificates));
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Local> {
        &self.local
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// Serves `/metrics` and `/health` there.
    pub fn serve_http(&mut self, listener: TcpListener) {
        let (looked_at, metrics) = (self.local.clone(), self.shared.metrics.clone());
        let pages = Pages {
            metrics: Box::new(move || {
                looked_at.observe();
                metrics.to_text()
            }),
            health: {
                let local = self.local.clone();
                Box::new(move || local.is_store_full().then(|| "the store takes nothing".to_owned()))
            },
        };
        self.tasks.spawn(http::serve(listener, pages));
    }

    /// Ends: no new connection comes in, clients are told (0x8B), sinks hand over what waits, and what is to be stored is
    /// stored. Clients may take so long, sinks as long again, and then there is what it takes to store.
    pub async fn shutdown(mut self, within: Duration) {
        self.tasks.shutdown().await;
        // Those who come to their session behind `kick_all` see it.
        self.shared.is_ending.send_replace(true);
        self.local.kick_all(ReasonCode::SERVER_SHUTTING_DOWN);
        if tokio::time::timeout(within, self.connections.all_gone()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        if tokio::time::timeout(within, self.sinks.finish()).await.is_err() {
            tracing::warn!("some sinks did not end in time");
        }
        let local = self.local.clone();
        // The thread that stores is waited for: what it has in hand is acknowledged to somebody.
        let _ = tokio::task::spawn_blocking(move || local.close()).await;
    }
}

fn reload(certificates: &Certificates) {
    match certificates.reload() {
        Ok(()) => tracing::info!("{} was read again", certificates.path().display()),
        Err(error) => tracing::error!("the certificates stay what they were: {error}"),
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}
