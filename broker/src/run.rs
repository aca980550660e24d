//! Runs the broker until a signal ends it.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use mqtt_broker::auth::{Anonymous, Authenticate, Authorise, Everything, Rules, Users};
use mqtt_broker::config::{Config, Listener, LogForm, Storage};
use mqtt_broker::listener::{Bound, Certificates};
use mqtt_broker::server::{Broker, Parts};
use mqtt_broker::store::{Disk, Store};
use tokio::net::TcpListener;

use crate::signal::{Wish, Wishes};

/// Runs the broker of this configuration until SIGTERM or SIGINT comes.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    start_log(config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(serve(config));
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

/// Reads the files that the configuration names, to see whether they are what they have to be.
pub(crate) fn check_files(config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    config.users.as_deref().map(|path| Users::load(path, config.anonymous)).transpose()?;
    config.rules.as_deref().map(Rules::load).transpose()?;
    for tls in config.listeners.iter().filter_map(|listener| listener.tls.as_ref()) {
        Certificates::load(tls)?;
    }
    for sink in &config.sinks {
        sink.end.check_files().map_err(|error| format!("the sink {}: {error}", sink.name))?;
    }
    Ok(())
}

fn start_log(form: LogForm) {
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
    match form {
        LogForm::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogForm::Json => log.json().flatten_event(true).init(),
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    // Signals are waited for from the beginning: one that comes while the store is read ends the broker, too.
    let mut wishes = Wishes::new()?;
    let mut listeners = Vec::new();
    for listener in &config.listeners {
        let bound = Bound::new(listener).await;
        listeners.push(bound.with_context(|| format!("cannot listen at {}", listener.bind))?);
    }
    let metrics = match config.metrics {
        Some(address) => {
            let listener = TcpListener::bind(address).await;
            Some(listener.with_context(|| format!("cannot listen at {address}"))?)
        }
        None => None,
    };
    let store = match &config.storage {
        Storage::Memory => None,
        Storage::Folder(folder) => Some(open(folder)?),
    };
    let users = match &config.users {
        Some(path) => Some(Users::load(path, config.anonymous)?),
        None if config.anonymous => None,
        // Certificates let clients in, and nothing else does.
        None => Some(Users::none()),
    };
    let users = users.map(Arc::new);
    let rules = config.rules.as_deref().map(Rules::load).transpose()?.map(Arc::new);
    let authenticate: Arc<dyn Authenticate> = match &users {
        Some(users) => users.clone(),
        None => Arc::new(Anonymous),
    };
    let authorise: Arc<dyn Authorise> = match &rules {
        Some(rules) => rules.clone(),
        None => Arc::new(Everything),
    };
    let parts = Parts {
        store,
        authenticate,
        authorise,
        limits: config.limits.clone(),
        sys_interval: config.sys_interval,
    };
    let mut broker = Broker::start(parts)?;
    broker.pass_on(config.sinks.clone()).await?;
    // Whoever has started it need not listen.
    let _ = say(config, &listeners, metrics.as_ref());
    for bound in listeners {
        broker.listen(bound);
    }
    if let Some(listener) = metrics {
        broker.serve_http(listener);
    }
    while wishes.next().await == Wish::Reread {
        broker.reload_certificates();
        broker.hangup_sinks();
        if let Some(Err(error)) = users.as_ref().map(|users| users.reload()) {
            tracing::error!("the users stay who they were: {error}");
        }
        if let Some(Err(error)) = rules.as_ref().map(|rules| rules.reload()) {
            tracing::error!("the rules stay what they were: {error}");
        }
    }
    tracing::info!("ends: clients are told, and what is to be stored is stored");
    broker.shutdown(Duration::from_secs(config.shutdown_timeout)).await;
    Ok(())
}

fn open(folder: &Path) -> anyhow::Result<Box<dyn Store>> {
    let store = Disk::open_in(folder);
    Ok(Box::new(store.with_context(|| format!("cannot keep the state in {}", folder.display()))?))
}

/// What the first lines say: where, for whom, and what is kept.
fn say(config: &Config, listeners: &[Bound], metrics: Option<&TcpListener>) -> std::io::Result<()> {
    // Lines of a sink on standard output are alone there.
    let mut out: Box<dyn std::io::Write> =
        if config.uses_stdout() { Box::new(std::io::stderr()) } else { Box::new(std::io::stdout().lock()) };
    for (bound, Listener { websocket, tls, .. }) in listeners.iter().zip(&config.listeners) {
        let kind = match (websocket, tls) {
            (false, None) => "MQTT",
            (false, Some(_)) => "MQTT over TLS",
            (true, None) => "MQTT over WebSocket",
            (true, Some(_)) => "MQTT over WebSocket and TLS",
        };
        writeln!(out, "listening on {} ({kind})", bound.address()?)?;
    }
    match &config.storage {
        Storage::Memory => writeln!(out, "everything is kept in memory and ends with the process")?,
        Storage::Folder(folder) => writeln!(out, "the state is kept in {}", folder.display())?,
    }
    if let Some(metrics) = metrics {
        writeln!(out, "metrics are at http://{}/metrics", metrics.local_addr()?)?;
    }
    if config.anonymous {
        writeln!(out, "anyone who can connect is let in; name a file of users with --users to change that")?;
    }
    out.flush()
}
