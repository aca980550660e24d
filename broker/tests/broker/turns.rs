//! No turn of a connection handles more than a fixed number of messages or filters, whatever has come: counted in each
//! poll of its task.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::BytesMut;
use mqtt_broker::auth::{Anonymous, Everything, Who};
use mqtt_broker::engine::{Attach, Commit, Engine, Held, Later, Local, Published, Seat, Turn};
use mqtt_broker::front::{self, COPIES_A_TURN, FILTERS_A_TURN, MESSAGES_A_TURN, Peer, Shared};
use mqtt_broker::limits::Limits;
use mqtt_broker::metrics::Metrics;
use mqtt_broker::store::{Message, Queued, UnixMillis};
use mqtt_session::Ending;
use mqtt_wire::topic::TopicCursor;
use mqtt_wire::{
    CheckedFrame, Connect, Connection, Packet, Publish, PublishFrame, QoS, ReasonCode, Subscribe,
    Subscription, SubscriptionId, TopicFilter, TopicName, Unsubscribe, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::raw::{filter, id};

/// An engine that counts what it is asked for.
struct Counting {
    local: Local,
    counts: Arc<Counts>,
}

/// How much of each kind there was in this poll, and in the poll with the most.
#[derive(Default)]
struct Counts {
    filters: Count,
    published: Count,
    copies: Count,
    retained: Count,
    sent: Count,
}

#[derive(Default)]
struct Count {
    now: AtomicUsize,
    most: AtomicUsize,
    all: AtomicUsize,
}

impl Count {
    fn add(&self, more: usize) {
        self.now.fetch_add(more, Ordering::Relaxed);
        self.all.fetch_add(more, Ordering::Relaxed);
    }

    fn end_of_poll(&self) {
        self.most.fetch_max(self.now.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    fn all(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }
}

impl Engine for Counting {
    fn attach<'a>(&'a self, attach: Attach, turn: &'a mut Turn) -> Later<'a, Result<Seat, ReasonCode>> {
        self.local.attach(attach, turn)
    }

    fn detach(&self, seat: Seat, ending: Ending, turn: &mut Turn) {
        self.local.detach(seat, ending, turn);
    }

    fn subscribe(
        &self,
        held: &mut Held,
        subscription: Subscription<'_>,
        identifier: Option<SubscriptionId>,
        turn: &mut Turn,
    ) -> Result<bool, ReasonCode> {
        self.counts.filters.add(1);
        self.local.subscribe(held, subscription, identifier, turn)
    }

    fn unsubscribe(&self, held: &mut Held, filter: TopicFilter<'_>, turn: &mut Turn) -> bool {
        self.counts.filters.add(1);
        self.local.unsubscribe(held, filter, turn)
    }

    fn message(&self, frame: PublishFrame, publisher: Option<Arc<str>>) -> Arc<Message> {
        self.local.message(frame, publisher)
    }

    fn publish(&self, message: &Arc<Message>, turn: &mut Turn) -> Published {
        self.counts.published.add(1);
        let published = self.local.publish(message, turn);
        if let Published::To(subscribers) = published {
            self.counts.copies.add(subscribers);
        }
        published
    }

    fn retained(&self, cursor: &mut TopicCursor, most: usize) -> (Vec<Arc<Message>>, bool) {
        let some = self.local.retained(cursor, most);
        self.counts.retained.add(some.0.len().max(1));
        some
    }

    fn hand(&self, held: &Held, queued: Queued, turn: &mut Turn) -> Arc<Queued> {
        self.local.hand(held, queued, turn)
    }

    fn commit(&self, turn: &mut Turn) -> Option<Commit> {
        self.local.commit(turn)
    }

    fn now(&self) -> UnixMillis {
        self.local.now()
    }
}

/// A connection's task, whose polls are counted.
struct Polled<F> {
    task: Pin<Box<F>>,
    counts: Arc<Counts>,
    metrics: Arc<Metrics>,
    sent: usize,
}

/// How many messages have gone out at all.
fn sent(metrics: &Metrics) -> usize {
    let text = metrics.to_text();
    let lines = text.lines().filter_map(|line| line.strip_prefix("mqtt_messages_sent_total"));
    lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap()).sum()
}

impl<F: Future> Future for Polled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let result = self.task.as_mut().poll(cx);
        let sent = sent(&self.metrics);
        self.counts.sent.add(sent - self.sent);
        self.sent = sent;
        let counts = &self.counts;
        for count in [&counts.filters, &counts.published, &counts.copies, &counts.retained, &counts.sent] {
            count.end_of_poll();
        }
        result
    }
}

/// A client of one connection, whose task is polled with every read.
struct Client {
    stream: DuplexStream,
    connection: Connection,
    input: BytesMut,
    counts: Arc<Counts>,
    engine: Arc<dyn Engine>,
}

/// A broker without sockets, and a client in it.
async fn scene() -> Client {
    let limits =
        Limits { subscriptions: 100_000, queue_messages: 100_000, packet_size: 8 << 20, ..Limits::default() };
    let metrics = Arc::new(Metrics::default());
    let counts = Arc::<Counts>::default();
    let local = Local::in_memory(limits.clone(), metrics.clone());
    let engine: Arc<dyn Engine> = Arc::new(Counting { local, counts: counts.clone() });
    let shared = Arc::new(Shared {
        engine: engine.clone(),
        authenticate: Arc::new(Anonymous),
        authorise: Arc::new(Everything),
        limits,
        metrics: metrics.clone(),
        is_ending: tokio::sync::watch::Sender::new(false),
    });
    // All that is written gets through at once, so that nothing but the turn itself is a bound.
    let (stream, theirs) = tokio::io::duplex(64 << 20);
    let peer = Peer { address: "127.0.0.1:1".parse().unwrap(), certificate: None };
    let task = Box::pin(front::serve(std::future::ready(Some((theirs, peer))), shared, ()));
    tokio::spawn(Polled { task, counts: counts.clone(), metrics, sent: 0 });
    let connection = Connection::client(Version::V5).with_max_packet_size(8 << 20);
    let mut client = Client { stream, connection, input: BytesMut::new(), counts, engine };
    client.send(&[Connect::new(Version::V5, "client").into()]).await;
    client.until(|packet| matches!(packet, Packet::ConnAck(_))).await;
    client
}

impl Client {
    /// Sends all these at once.
    async fn send(&mut self, packets: &[Packet<'_>]) {
        let mut bytes = Vec::new();
        for packet in packets {
            self.connection.encode(packet, &mut bytes).unwrap();
        }
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// Reads up to a packet of that kind. How many messages came before.
    async fn until(&mut self, is_it: impl Fn(&Packet<'_>) -> bool) -> usize {
        let mut messages = 0;
        loop {
            while let Some(frame) = self.connection.split_from(&mut self.input).unwrap() {
                let frame = CheckedFrame::new(frame).unwrap();
                let packet = frame.packet();
                if is_it(&packet) {
                    return messages;
                }
                messages += usize::from(matches!(packet, Packet::Publish(_)));
            }
            let n = pin!(self.stream.read_buf(&mut self.input)).await.unwrap();
            assert!(n > 0, "the connection has ended");
        }
    }

    async fn ping(&mut self) -> usize {
        self.send(&[Packet::PingReq]).await;
        self.until(|packet| matches!(packet, Packet::PingResp)).await
    }

    /// So many messages come, and no more.
    async fn expect(&mut self, messages: usize) {
        let mut came = 0;
        while came < messages {
            came += self.ping().await;
        }
        came += self.ping().await;
        assert_eq!(came, messages);
    }
}

const MANY: usize = 3000;

fn published(retain: bool) -> Vec<String> {
    (0..MANY).map(|n| format!("{}/{n:05}", if retain { "r" } else { "m" })).collect()
}

fn packets(topics: &[String], retain: bool) -> Vec<Packet<'_>> {
    let publish = |topic| Publish { retain, ..Publish::new(TopicName::new(topic).unwrap(), b"x") };
    topics.iter().map(|topic| publish(topic).into()).collect()
}

#[tokio::test]
async fn messages_in_and_out() {
    let mut client = scene().await;
    let wanted = [Subscription::new(filter("m/#"), QoS::AtMostOnce)];
    client.send(&[Subscribe::new(id(1), &wanted).into()]).await;
    client.send(&packets(&published(false), false)).await;
    client.expect(MANY).await;
    let counts = &client.counts;
    assert_eq!((counts.published.all(), counts.sent.all()), (MANY, MANY));
    assert!(counts.published.most() <= MESSAGES_A_TURN, "{}", counts.published.most());
    assert!(counts.sent.most() <= MESSAGES_A_TURN, "{}", counts.sent.most());
    // The bound is what keeps it small.
    assert!(counts.published.most() >= MESSAGES_A_TURN / 2, "{}", counts.published.most());
}

/// Messages with many subscribers: the copies of them are what is bounded.
#[tokio::test]
async fn copies_for_many_subscribers() {
    const SUBSCRIBERS: usize = 1000;
    let mut client = scene().await;
    let mut seats = Vec::new();
    for n in 0..SUBSCRIBERS {
        let mut turn = Turn::default();
        let who = Who { client: format!("subscriber {n}").into(), user: None };
        let attach = Attach { who, clean_start: true, lasts: false, will: None };
        let mut seat = client.engine.attach(attach, &mut turn).await.unwrap();
        let wanted = Subscription::new(filter("m/#"), QoS::AtMostOnce);
        client.engine.subscribe(&mut seat.held, wanted, None, &mut turn).unwrap();
        client.engine.commit(&mut turn);
        seats.push(seat);
    }
    client.send(&packets(&published(false)[..100], false)).await;
    client.ping().await;
    let copies = &client.counts.copies;
    assert_eq!(copies.all(), 100 * SUBSCRIBERS);
    assert!(copies.most() < COPIES_A_TURN + SUBSCRIBERS, "{}", copies.most());
    assert!(seats.iter().all(|seat| seat.held.mailbox.waiting() == 100));
}

#[tokio::test]
async fn filters_of_one_packet() {
    let mut client = scene().await;
    let filters: Vec<String> = (0..60_000).map(|n| format!("f/{n}")).collect();
    let wanted: Vec<_> =
        filters.iter().map(|text| Subscription::new(filter(text), QoS::AtMostOnce)).collect();
    client.send(&[Subscribe::new(id(1), &wanted).into()]).await;
    client.until(|packet| matches!(packet, Packet::SubAck(_))).await;
    assert_eq!(client.counts.filters.all(), 60_000);
    let filters: Vec<_> = filters.iter().map(|text| filter(text)).collect();
    client.send(&[Unsubscribe::new(id(1), &filters).into()]).await;
    client.until(|packet| matches!(packet, Packet::UnsubAck(_))).await;
    let counts = &client.counts;
    assert_eq!(counts.filters.all(), 120_000);
    assert!(counts.filters.most() <= usize::from(FILTERS_A_TURN), "{}", counts.filters.most());
    assert!(counts.retained.most() <= MESSAGES_A_TURN, "{}", counts.retained.most());
}

#[tokio::test]
async fn filters_of_many_packets() {
    let mut client = scene().await;
    let filters: Vec<String> = (0..50).map(|n| format!("f/{n}")).collect();
    let wanted: Vec<_> =
        filters.iter().map(|text| Subscription::new(filter(text), QoS::AtMostOnce)).collect();
    let packets: Vec<Packet<'_>> = (0..200).map(|_| Subscribe::new(id(1), &wanted).into()).collect();
    client.send(&packets).await;
    client.ping().await;
    let counts = &client.counts;
    assert_eq!(counts.filters.all(), 200 * 50);
    assert!(counts.filters.most() <= usize::from(FILTERS_A_TURN), "{}", counts.filters.most());
}

#[tokio::test]
async fn retained_messages() {
    let mut client = scene().await;
    client.send(&packets(&published(true), true)).await;
    client.ping().await;
    // Several subscriptions in one turn; for each of them all come.
    let filters = ["#", "+/#", "+/+", "r/#", "r/+"];
    let wanted = filters.map(|text| [Subscription::new(filter(text), QoS::AtMostOnce)]);
    let packets: Vec<Packet<'_>> = wanted.iter().map(|wanted| Subscribe::new(id(1), wanted).into()).collect();
    client.send(&packets).await;
    client.expect(filters.len() * MANY).await;
    let counts = &client.counts;
    assert!(counts.retained.most() <= MESSAGES_A_TURN, "{}", counts.retained.most());
    assert!(counts.sent.most() <= MESSAGES_A_TURN, "{}", counts.sent.most());
}
