//! Publishes numbers, over lost connections too, and knows what became of each.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mqtt_wire::{QoS, ReasonCode};
use mqtt_wire_client::{
    Address, Client, MessageBuf, Messages, Options, PublishError, Reconnect, SessionStart,
};
use parking_lot::Mutex;

/// What became of the numbers.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) acknowledged: BTreeSet<u64>,
    pub(crate) refused: BTreeSet<u64>,
}

/// A client that comes back.
pub(crate) fn options(address: SocketAddr) -> Options {
    let mut options = Options::new(Address::new(address.ip().to_string(), address.port()));
    let (first, longest) = (Duration::from_millis(20), Duration::from_millis(200));
    options.reconnect = Some(Reconnect { first, longest, at_start: true, ..Reconnect::default() });
    options
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Publishes until it is told to stop.
pub(crate) struct Publisher {
    outcome: Arc<Mutex<Outcome>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Publisher {
    pub(crate) fn start(address: SocketAddr, topic: &'static str, qos: QoS) -> Self {
        let (outcome, stop) = (Arc::<Mutex<Outcome>>::default(), Arc::<AtomicBool>::default());
        let (of_thread, stops) = (outcome.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            block_on(async {
                let (client, _messages) = Client::connect(options(address)).await.unwrap();
                let mut number = 0;
                while !stops.load(Ordering::Relaxed) {
                    publish(&client, topic, qos, number..number + 50, 0, &of_thread).await;
                    number += 50;
                }
                client.settled().await.unwrap();
            });
        });
        Self { outcome, stop, thread }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.outcome.lock().acknowledged.len()
    }

    pub(crate) fn finish(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        std::mem::take(&mut *self.outcome.lock())
    }
}

/// Publishes these numbers at QoS 1, with so many bytes more in each message.
pub(crate) fn publish_all(
    address: SocketAddr,
    topic: &str,
    numbers: std::ops::Range<u64>,
    more: usize,
) -> Outcome {
    let outcome = Mutex::default();
    block_on(async {
        let (client, _messages) = Client::connect(options(address)).await.unwrap();
        publish(&client, topic, QoS::AtLeastOnce, numbers, more, &outcome).await;
        client.disconnect().await.unwrap();
    });
    outcome.into_inner()
}

async fn publish(
    client: &Client,
    topic: &str,
    qos: QoS,
    numbers: std::ops::Range<u64>,
    more: usize,
    outcome: &Mutex<Outcome>,
) {
    let mut under_way = Vec::new();
    for number in numbers {
        let text = format!(r#"{{"number":{number},"more":"{}"}}"#, "m".repeat(more));
        let message = MessageBuf::new(topic, text).unwrap().with_qos(qos);
        under_way.push((number, client.publish(message).await.unwrap()));
    }
    for (number, delivery) in under_way {
        match delivery.await {
            Ok(_) => assert!(outcome.lock().acknowledged.insert(number)),
            Err(PublishError::Refused(ReasonCode::QUOTA_EXCEEDED)) => {
                assert!(outcome.lock().refused.insert(number));
            }
            Err(error) => panic!("{number}: {error}"),
        }
    }
}

/// The number in a message.
pub(crate) fn number(text: &[u8]) -> u64 {
    serde_json::from_slice::<serde_json::Value>(text).unwrap()["number"].as_u64().unwrap()
}

/// A subscriber whose session goes on.
pub(crate) async fn subscriber(address: SocketAddr, id: &str, filter: &str) -> (Client, Messages) {
    let mut options = options(address);
    id.clone_into(&mut options.client_id);
    options.session = SessionStart::Continue;
    let (client, messages) = Client::connect(options).await.unwrap();
    client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
    (client, messages)
}
