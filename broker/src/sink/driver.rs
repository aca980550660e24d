//! The driver: from the queue of a session to an [`End`].

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use mqtt_session::{Growing, Record, Session};
use mqtt_wire::{RetainHandling, Subscription};
use tokio::sync::watch;
use tokio::time::Instant;

use super::config::Sink;
use super::{End, Failure, Signal, StartError, Surroundings};
use crate::auth::Who;
use crate::engine::{Attach, Engine, Mailbox, Seat, Turn, sinks};
use crate::metrics::{Dropped, SinkMetrics};
use crate::store::{Change, Queued};

/// How many messages are handed over together.
const BATCH: usize = 512;
/// After how many bytes no further message is added to a batch.
const BATCH_BYTES: usize = 1 << 20;
/// The first delay after a failure. Each further one is twice as long.
const FIRST: Duration = Duration::from_millis(100);
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(10);
/// How often is looked how far behind it is, while it waits for the other side.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is said in the log that the other side is still away, or takes nothing.
pub(super) const REMINDER: Duration = Duration::from_secs(60);

pub(super) struct Driver {
    name: Arc<str>,
    engine: Arc<dyn Engine>,
    metrics: SinkMetrics,
    mailbox: Arc<Mailbox>,
    /// The session is this driver's for as long as the process lasts.
    _seat: Seat,
    end: Box<dyn End>,
    signals: watch::Receiver<Signal>,
    /// Messages that were taken out of the queue, and that the other side may not have.
    batch: Vec<Arc<Queued>>,
    failures: Option<Failures>,
    hangups: u64,
}

/// Failures one after the other.
struct Failures {
    attempts: u32,
    since: Instant,
    said: Instant,
}

impl Driver {
    /// Takes the session, or begins it: from then on messages are kept for the sink.
    pub(super) async fn new(
        sink: Sink,
        around: &Surroundings,
        signals: watch::Receiver<Signal>,
    ) -> Result<Self, StartError> {
        let name: Arc<str> = sink.name.as_str().into();
        let failed = |code| StartError { name: sink.name.clone(), code };
        let engine = around.engine.clone();
        let who = Who { client: sinks::client_id(&name), user: None };
        let mut turn = Turn::default();
        let attach = Attach { who, clean_start: false, lasts: true, will: None };
        let mut seat = engine.attach(attach, &mut turn).await.map_err(failed)?;
        // The session is in the store before messages for it.
        let _ = engine.commit(&mut turn);
        let mailbox = seat.held.mailbox.clone();
        mailbox.set_bounds(sink.queue_messages, sink.queue_bytes);
        mailbox.set_connected(false);
        if !seat.session.exists() {
            // It lasts for ever, and nothing is under way in it: messages are in its queue until they have arrived.
            seat.session = Session::assumed(Growing::new(1, 1, 0));
            if mailbox.is_stored() {
                let record = Record::Lasts(u32::MAX);
                turn.change(Change::Recorded { session: mailbox.session(), record });
            }
        }
        let former: Vec<_> = seat.held.filters().cloned().collect();
        for filter in former.iter().filter(|filter| !sink.filters.contains(filter)) {
            engine.unsubscribe(&mut seat.held, filter.as_filter(), &mut turn);
        }
        for filter in &sink.filters {
            let wanted = Subscription {
                no_local: true,
                retain_as_published: true,
                retain_handling: RetainHandling::DoNotSend,
                ..Subscription::new(filter.as_filter(), mqtt_wire::QoS::ExactlyOnce)
            };
            engine.subscribe(&mut seat.held, wanted, None, &mut turn).map_err(failed)?;
        }
        if let Some(commit) = engine.commit(&mut turn) {
            // It fails when the broker ends.
            let _ = commit.await;
        }
        let metrics = around.metrics.sink(&name);
        metrics.queued.set(count(mailbox.load()));
        let end = sink.end.make(&name, around);
        let (batch, failures) = (Vec::new(), None);
        Ok(Self { name, engine, metrics, mailbox, _seat: seat, end, signals, batch, failures, hangups: 0 })
    }

    /// Hands messages over until the broker ends.
    pub(super) async fn run(mut self) {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(why) => {
                    if !self.pause(&why).await {
                        break;
                    }
                }
            }
        }
        self.mailbox.set_connected(false);
        let left = self.mailbox.load();
        if left > 0 && self.mailbox.is_stored() {
            tracing::info!(sink = &*self.name, "{left} messages stay in its queue");
        } else if left > 0 {
            tracing::error!(sink = &*self.name, "{left} messages are lost: nothing is stored");
        }
    }

    /// Waits for messages and hands them over. Whether it goes on.
    async fn step(&mut self) -> Result<bool, String> {
        self.end.open().await.map_err(why)?;
        self.mailbox.set_connected(true);
        if self.batch.is_empty() {
            self.recovered();
            let mailbox = &self.mailbox;
            let mail = poll_fn(|cx| mailbox.poll(cx, true));
            let (ends, waiting) = (self.signals.borrow().ends, mailbox.waiting());
            if ends && waiting == 0 {
                return Ok(false);
            }
            tokio::select! {
                _ = mail => {}
                () = self.end.lost() => return Err("the connection was lost".to_owned()),
                changed = self.signals.changed() => {
                    let hangups = self.signals.borrow().hangups;
                    if hangups != self.hangups {
                        self.hangups = hangups;
                        self.end.hangup();
                    }
                    return Ok(changed.is_ok());
                }
            }
            self.take();
        }
        self.deliver().await?;
        Ok(true)
    }

    /// Takes a batch out of the queue.
    fn take(&mut self) {
        let now = self.engine.now();
        let (expired, batch): (Vec<_>, Vec<_>) = self
            .mailbox
            .take_batch(BATCH, BATCH_BYTES)
            .into_iter()
            .partition(|queued| queued.message.expires.is_some_and(|expires| expires <= now));
        self.batch = batch;
        if expired.is_empty() {
            return;
        }
        let mut turn = Turn::default();
        for queued in expired {
            self.metrics.all.dropped(Dropped::Expired);
            self.out(&queued, &mut turn);
        }
        // Nobody waits for it.
        let _ = self.engine.commit(&mut turn);
    }

    /// Hands the batch over, and takes it out of the store.
    async fn deliver(&mut self) -> Result<(), String> {
        self.look();
        if self.batch.is_empty() {
            return Ok(());
        }
        let refused = match self.hand_over().await {
            Ok(()) => Vec::new(),
            Err(Failure::Refused(refused)) => refused,
            Err(Failure::Away(why)) => return Err(why),
        };
        for (at, why) in &refused {
            let Some(queued) = self.batch.get(*at) else { continue };
            let topic = queued.message.frame.publish().topic.map(|topic| topic.as_str().to_owned());
            tracing::error!(sink = &*self.name, topic, "a message is given up, it is refused: {why}");
        }
        self.metrics.refused.inc_by(refused.len() as u64);
        self.metrics.messages.inc_by(self.batch.len().saturating_sub(refused.len()) as u64);
        let mut turn = Turn::default();
        for queued in std::mem::take(&mut self.batch) {
            self.out(&queued, &mut turn);
        }
        if let Some(commit) = self.engine.commit(&mut turn) {
            // It fails when the broker ends. The messages then arrive once more.
            let _ = commit.await;
        }
        self.look();
        Ok(())
    }

    /// Waits until the other side has the batch, and says meanwhile how far behind it is.
    async fn hand_over(&mut self) -> Result<(), Failure> {
        let oldest = self.batch.first().map(|queued| queued.message.arrived);
        let mut handed = self.end.deliver(&self.batch);
        let (began, mut said) = (Instant::now(), Instant::now());
        loop {
            if let Ok(handed) = tokio::time::timeout(LOOK, &mut handed).await {
                return handed;
            }
            look(&*self.engine, &self.mailbox, &self.metrics, oldest);
            if said.elapsed() >= REMINDER {
                said = Instant::now();
                let (waiting, seconds) = (self.mailbox.load(), began.elapsed().as_secs());
                tracing::warn!(
                    sink = &*self.name,
                    "messages wait ({waiting} of them): the other side has not taken them for {seconds} s"
                );
            }
        }
    }

    /// A message has left the queue.
    fn out(&self, queued: &Queued, turn: &mut Turn) {
        self.mailbox.done();
        if self.mailbox.keeps(queued.qos) {
            let (session, sequence) = (self.mailbox.session(), queued.sequence);
            turn.change(Change::Dequeued { session, sequence });
        }
    }

    /// Looks how far behind it is.
    fn look(&self) {
        let oldest = self.batch.first().map(|queued| queued.message.arrived);
        look(&*self.engine, &self.mailbox, &self.metrics, oldest);
    }

    fn recovered(&mut self) {
        self.metrics.up.set(1);
        if let Some(failures) = self.failures.take() {
            let seconds = failures.since.elapsed().as_secs();
            let waiting = self.mailbox.waiting();
            tracing::info!(
                sink = &*self.name,
                "messages arrive again, after {seconds} s; {waiting} more wait"
            );
        }
    }

    /// Waits after a failure. Whether it goes on.
    async fn pause(&mut self, why: &str) -> bool {
        self.mailbox.set_connected(false);
        self.metrics.up.set(0);
        self.metrics.retries.inc();
        self.look();
        let now = Instant::now();
        let failures = self.failures.get_or_insert(Failures { attempts: 0, since: now, said: now });
        if failures.attempts == 0 || failures.said.elapsed() >= REMINDER {
            failures.said = now;
            let waiting = self.mailbox.load();
            tracing::warn!(sink = &*self.name, "messages wait ({waiting} of them): {why}");
        }
        let delay = FIRST.saturating_mul(2_u32.saturating_pow(failures.attempts)).min(LONGEST);
        failures.attempts = failures.attempts.saturating_add(1);
        // Drawn from the upper half: sinks of many brokers do not come back at the same time.
        let delay = delay / 2 + (delay / 2).mul_f64(rand::random());
        let mut signals = self.signals.clone();
        let ends = signals.wait_for(|signal| signal.ends);
        tokio::time::timeout(delay, ends).await.is_err()
    }
}

/// Counts what waits, of which the first has arrived then.
fn look(engine: &dyn Engine, mailbox: &Mailbox, metrics: &SinkMetrics, oldest: Option<u64>) {
    let now = engine.now();
    metrics.queued.set(count(mailbox.load()));
    metrics.lag.set(i64::try_from(now.saturating_sub(oldest.unwrap_or(now)) / 1000).unwrap_or(i64::MAX));
}

fn why(failure: Failure) -> String {
    match failure {
        Failure::Away(why) => why,
        Failure::Refused(_) => "messages were refused before there were any".to_owned(),
    }
}

fn count(messages: usize) -> i64 {
    i64::try_from(messages).unwrap_or(i64::MAX)
}
