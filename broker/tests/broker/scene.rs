//! A broker for one test.

use std::sync::Arc;
use std::time::Duration;

use mqtt_broker::limits::Limits;
use mqtt_broker::listener::Bound;
use mqtt_broker::server::{Broker, Parts};
use tokio::runtime::Runtime;

/// A broker with a port of its own, and threads of its own.
pub(crate) struct Scene {
    runtime: Runtime,
    broker: Option<Broker>,
    pub(crate) port: u16,
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
        let (broker, port) = runtime.block_on(async {
            let mut broker = Broker::start(parts).unwrap();
            let bound = Bound::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
            let port = bound.address().unwrap().port();
            broker.listen(bound);
            (broker, port)
        });
        Self { runtime, broker: Some(broker), port }
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

    /// A broker with the state that the one before has left.
    pub(crate) fn scene(&self) -> Scene {
        let store = mqtt_broker::store::Disk::open_in(self.0.path()).unwrap();
        Scene::with(Parts { store: Some(Box::new(store)), ..Parts::default() })
    }
}
