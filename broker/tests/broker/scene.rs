//! A broker for one test.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mqtt_broker::config::Listener;
use mqtt_broker::limits::Limits;
use mqtt_broker::listener::Bound;
use mqtt_broker::server::{Broker, Parts};
use mqtt_broker::store::{Change, Disk, Kept, Store, StoreError};
use tokio::runtime::Runtime;

/// A broker with a port of its own, and threads of its own.
pub(crate) struct Scene {
    runtime: Runtime,
    broker: Option<Broker>,
    pub(crate) port: u16,
    http: u16,
}

impl Scene {
    /// In memory, open to all, with the limits that there are by default.
    pub(crate) fn new() -> Self {
        Self::with(Parts::default())
    }

    pub(crate) fn limited(limits: Limits) -> Self {
        Self::with(Parts { limits, ..Parts::default() })
    }

    pub(crate) fn with(parts: Parts) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (broker, port, http) = runtime.block_on(async {
            let mut broker = Broker::start(parts).unwrap();
            let bound = Bound::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
            let port = bound.address().unwrap().port();
            broker.listen(bound);
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let http = listener.local_addr().unwrap().port();
            broker.serve_http(listener);
            (broker, port, http)
        });
        Self { runtime, broker: Some(broker), port, http }
    }

    /// Listens at one place more. Its port.
    pub(crate) fn listen(&mut self, listener: &Listener) -> u16 {
        let broker = self.broker.as_mut().unwrap();
        self.runtime.block_on(async {
            let bound = Bound::new(listener).await.unwrap();
            let port = bound.address().unwrap().port();
            broker.listen(bound);
            port
        })
    }

    /// What the broker answers to GET of this path.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        stream.set_read_timeout(Some(crate::raw::PATIENCE)).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// What `/metrics` shows: each line that is no comment, as name (with its label) and value.
    pub(crate) fn metrics(&self) -> Metrics {
        let answer = self.get("/metrics");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200 "), "{head}");
        let lines = body.lines().filter(|line| !line.starts_with('#'));
        Metrics(
            lines
                .map(|line| {
                    let (name, value) = line.rsplit_once(' ').unwrap();
                    (name.to_owned(), value.parse().unwrap())
                })
                .collect(),
        )
    }

    /// Waits until `/metrics` shows this.
    pub(crate) fn until_shown(&self, name: &str, value: f64) {
        let start = std::time::Instant::now();
        loop {
            let shown = self.metrics().get(name);
            if (shown - value).abs() < f64::EPSILON {
                return;
            }
            assert!(start.elapsed() < crate::raw::PATIENCE, "{name} is {shown}, not {value}");
        }
    }

    pub(crate) fn broker(&self) -> &Broker {
        self.broker.as_ref().unwrap()
    }

    /// Ends the broker as a signal does.
    pub(crate) fn shutdown(mut self) {
        let broker = self.broker.take().unwrap();
        self.runtime.block_on(broker.shutdown(Duration::from_secs(10)));
    }

    /// Waits until the engine is so.
    pub(crate) fn until(&self, is_so: impl Fn(&Arc<mqtt_broker::engine::Local>) -> bool) {
        let start = std::time::Instant::now();
        while !is_so(self.broker().engine()) {
            assert!(start.elapsed() < crate::raw::PATIENCE, "it does not become so");
            std::thread::yield_now();
        }
    }
}

/// A folder for the state of brokers that follow each other.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.0.path()
    }

    /// A broker with the state that the one before has left.
    pub(crate) fn scene(&self) -> Scene {
        self.scene_with(Parts::default())
    }

    pub(crate) fn scene_with(&self, parts: Parts) -> Scene {
        Scene::with(Parts { store: Some(Box::new(self.store())), ..parts })
    }

    /// A broker whose disk can be full.
    pub(crate) fn filling(&self) -> (Scene, Arc<AtomicBool>) {
        let is_full = Arc::<AtomicBool>::default();
        let store = Filling { inner: self.store(), is_full: is_full.clone() };
        (Scene::with(Parts { store: Some(Box::new(store)), ..Parts::default() }), is_full)
    }

    fn store(&self) -> Disk {
        Disk::open_in(self.0.path()).unwrap()
    }
}

/// A store that has no room for as long as it is told so.
struct Filling {
    inner: Disk,
    is_full: Arc<AtomicBool>,
}

impl Store for Filling {
    fn load(&mut self) -> Result<Kept, StoreError> {
        self.inner.load()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if self.is_full.load(Ordering::SeqCst) { Err(StoreError::Full) } else { self.inner.commit(changes) }
    }
}

/// What `/metrics` has shown.
pub(crate) struct Metrics(HashMap<String, f64>);

impl Metrics {
    pub(crate) fn get(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("there is no metric {name}"))
    }

    pub(crate) fn closed(&self, reason: &str) -> f64 {
        self.get(&format!("mqtt_connections_closed_total{{reason=\"{reason}\"}}"))
    }

    pub(crate) fn dropped(&self, reason: &str) -> f64 {
        self.get(&format!("mqtt_messages_dropped_total{{reason=\"{reason}\"}}"))
    }
}
