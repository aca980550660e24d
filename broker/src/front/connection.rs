//! The life of a connection between CONNACK and its end.

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use mqtt_session::{Link, Outcome, Output, Outputs, Refusal, Server};
use mqtt_wire::{EncodeOptions, QoS, ReasonCode, Version};
use tokio::time::{Instant, Sleep, sleep_until};

use super::outbox::Outbox;
use super::reader::poll_read;
use super::{COPIES_A_TURN, FILTERS_A_TURN, MESSAGES_A_TURN, OUTBOX_BYTES, Shared, Stream, outgoing};
use crate::auth::{Exchange, Who};
use crate::engine::{Held, Mail, Slots, Turn};
use crate::metrics::{Closed, Dropped};
use crate::store::{Change, Queued, UnixMillis};

/// Why a connection has ended.
#[derive(Debug)]
pub(super) enum End {
    /// DISCONNECT, or a fault that the link has found, with its reason code.
    Closed(ReasonCode),
    /// The client has closed the connection without DISCONNECT.
    Gone,
    /// The network has.
    Failed(io::Error),
    /// The client takes nothing of what is sent to it.
    Slow,
    /// What the client did is not safe: the broker ends, or the client has another connection.
    NotSafe,
}

/// A connection without its link.
pub(super) struct Connection<'c, S> {
    pub(super) shared: &'c Shared,
    pub(super) stream: S,
    pub(super) input: BytesMut,
    pub(super) outbox: Outbox,
    pub(super) turn: Turn,
    pub(super) version: Version,
    pub(super) options: EncodeOptions,
    pub(super) now: UnixMillis,
    /// Messages that were taken out of the mailbox and not sent yet.
    pub(super) mail: VecDeque<Arc<Queued>>,
    /// How long the outbox was before something came that waits for the store.
    unsafe_from: Option<usize>,
    closed: Option<ReasonCode>,
    /// Nothing comes any more. What has come before is handled all the same.
    ended: Option<End>,
    /// Why the connection was closed, for the log.
    pub(super) why: Option<String>,
    /// The kind of reason, for the metrics, when the link is the one that closes.
    pub(super) closed_by: Option<Closed>,
    /// How many retained messages may be sent in this turn.
    retained_left: usize,
    /// How many copies of messages may be made for subscribers before no more packets are handled.
    pub(super) copies_left: usize,
    /// How many filters may be handled before others may run.
    pub(super) filters_left: usize,
    /// An authentication under way, and who the client is by it.
    pub(super) exchange: Option<Box<dyn Exchange>>,
}

/// How long a turn of a publisher may be held up by a subscriber that does not keep up.
const CATCH_UP: Duration = Duration::from_millis(20);

pub(super) type ServerLink<'s> = Link<'s, Server, Slots>;

/// What has woken a connection.
enum Event {
    /// There is something to do.
    Turn,
    Kick(ReasonCode),
    End(End),
}

impl<'c, S: Stream> Connection<'c, S> {
    pub(super) fn new(shared: &'c Shared, stream: S, input: BytesMut) -> Self {
        Self {
            shared,
            stream,
            input,
            outbox: Outbox::default(),
            turn: Turn::default(),
            version: Version::V5,
            options: EncodeOptions::new(Version::V5),
            now: shared.engine.now(),
            mail: VecDeque::new(),
            unsafe_from: None,
            closed: None,
            ended: None,
            why: None,
            closed_by: None,
            retained_left: MESSAGES_A_TURN,
            copies_left: COPIES_A_TURN,
            filters_left: FILTERS_A_TURN,
            exchange: None,
        }
    }

    /// Serves the client until there is a reason to end.
    pub(super) async fn converse(&mut self, link: &mut ServerLink<'_>, held: &mut Held) -> End {
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut written = Instant::now();
        // Packets may have come with CONNECT.
        let mut has_more = true;
        loop {
            let outputs = link.outputs(self.now);
            self.perform(outputs, held);
            held.keep_scans(&mut self.turn);
            if let Err(end) = self.commit(held).await {
                return end;
            }
            if let Some(code) = self.closed {
                return End::Closed(code);
            }
            self.let_others_catch_up(held).await;
            if has_more {
                tokio::task::yield_now().await;
            } else if self.mail.is_empty() {
                self.shrink();
            }
            let mut has_rested = has_more;
            match self.wait(link, held, timer.as_mut(), &mut written, &mut has_rested).await {
                // Others have not run since the turn before.
                Event::Turn if !has_rested => tokio::task::yield_now().await,
                Event::Turn => {}
                Event::Kick(code) => {
                    // What the client has sent before counts: it may have ended with DISCONNECT, and come again.
                    self.now = self.shared.engine.now();
                    self.handle_packets(link, held).await;
                    self.kicked(code);
                    link.close(code);
                }
                Event::End(end) => return end,
            }
            self.now = self.shared.engine.now();
            (self.retained_left, self.filters_left) = (MESSAGES_A_TURN, FILTERS_A_TURN);
            self.copies_left = COPIES_A_TURN;
            if let Err(violation) = link.elapsed(self.now) {
                self.why = Some(violation.to_string());
                self.closed_by = Some(Closed::KeepAlive);
            }
            self.recheck(held).await;
            self.send_retained(link, held);
            self.send_mail(link, held);
            has_more = self.handle_packets(link, held).await;
            has_more |= held.has_scans() && link.capacity() > 0 && self.outbox.len() < OUTBOX_BYTES;
        }
    }

    /// Waits until there is something to do; with `has_rested` there is, and it only looks. Afterwards it says whether it
    /// has waited.
    async fn wait(
        &mut self,
        link: &mut ServerLink<'_>,
        held: &mut Held,
        mut timer: std::pin::Pin<&mut Sleep>,
        written: &mut Instant,
        has_rested: &mut bool,
    ) -> Event {
        let has_more = *has_rested;
        let capacity = link.capacity();
        let silence =
            link.deadline().map(|at| Instant::now() + Duration::from_millis(at.saturating_sub(self.now)));
        let write_timeout = Duration::from_secs(self.shared.limits.write_timeout);
        if !has_more && let Some(end) = self.ended.take() {
            return Event::End(end);
        }
        let mut polls = 0;
        let event = poll_fn(|cx| {
            polls += 1;
            if self.ended.is_some() {
                return Poll::Ready(Event::Turn);
            }
            let mut is_ready = has_more;
            let was_empty = self.outbox.is_empty();
            let mut n = 0;
            match self.outbox.poll_write(&mut self.stream, cx, &mut n) {
                Poll::Ready(Err(error)) => {
                    self.ended = Some(End::Failed(error));
                    self.outbox = Outbox::default();
                    return Poll::Ready(Event::Turn);
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if n > 0 {
                self.shared.metrics.bytes_out.inc_by(count(n));
            }
            if was_empty || n > 0 {
                *written = Instant::now();
            }
            let room = self.outbox.len() < OUTBOX_BYTES;
            // What cannot be handled yet is not read.
            if room && self.input.len() < OUTBOX_BYTES.max(self.shared.limits.packet_size as usize + 5) {
                match poll_read(&mut self.stream, &mut self.input, cx) {
                    Poll::Ready(Ok(0)) => (self.ended, is_ready) = (Some(End::Gone), true),
                    // A message of WebSocket that is longer than any packet may be.
                    Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                        return Poll::Ready(Event::Kick(ReasonCode::PACKET_TOO_LARGE));
                    }
                    Poll::Ready(Err(error)) => (self.ended, is_ready) = (Some(End::Failed(error)), true),
                    Poll::Ready(Ok(n)) => {
                        self.shared.metrics.bytes_in.inc_by(count(n));
                        is_ready = true;
                    }
                    Poll::Pending => {}
                }
            }
            let can_send = |queued: &Arc<Queued>| queued.qos == QoS::AtMostOnce || capacity > 0;
            let wants_mail = room && self.mail.front().is_none_or(can_send);
            is_ready |= wants_mail && !self.mail.is_empty();
            is_ready |= room && capacity > 0 && held.has_scans();
            match held.mailbox.poll(cx, wants_mail) {
                Poll::Ready(Mail::Kick(code)) => return Poll::Ready(Event::Kick(code)),
                Poll::Ready(Mail::Messages) => is_ready = true,
                Poll::Pending => {}
            }
            if is_ready {
                return Poll::Ready(Event::Turn);
            }
            let patience = written.checked_add(write_timeout).filter(|_| !self.outbox.is_empty());
            if patience.is_some_and(|end| end <= Instant::now()) {
                return Poll::Ready(Event::End(End::Slow));
            }
            let Some(next) = patience.into_iter().chain(silence).min() else { return Poll::Pending };
            if next <= Instant::now() {
                return Poll::Ready(Event::Turn);
            }
            // Performance: a timer that rings too early is set again then, not with every packet.
            if timer.deadline() > next || timer.is_elapsed() {
                timer.as_mut().reset(next);
            }
            if timer.as_mut().poll(cx).is_ready() { Poll::Ready(Event::Turn) } else { Poll::Pending }
        })
        .await;
        *has_rested |= polls > 1;
        event
    }

    /// Slows a publisher down whose messages fill the queue of a client that is connected: at most
    /// [`CATCH_UP`] for a turn, so that a client that takes nothing is not waited for for long.
    async fn let_others_catch_up(&mut self, held: &Held) {
        let Some(busy) = self.turn.take_busy() else { return };
        // A client that fills its own queue would wait for itself.
        if Arc::ptr_eq(&busy, &held.mailbox) {
            return;
        }
        let start = Instant::now();
        while busy.is_busy() && start.elapsed() < CATCH_UP {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn kicked(&mut self, code: ReasonCode) {
        let taken_over = code == ReasonCode::SESSION_TAKEN_OVER;
        self.closed_by = Some(if taken_over { Closed::TakenOver } else { Closed::Server });
    }

    /// Gives the memory back that a connection without traffic does not need.
    fn shrink(&mut self) {
        self.outbox.shrink();
        if self.input.is_empty() && self.input.capacity() > 0 {
            self.input = BytesMut::new();
        }
        if self.mail.capacity() > 0 {
            self.mail = VecDeque::new();
        }
    }

    /// Does what the link says.
    pub(super) fn perform(&mut self, mut outputs: Outputs<'_, '_, Server, Slots>, held: &Held) {
        while let Some(output) = outputs.next() {
            match output {
                Output::Store(record) => self.store(record, held),
                Output::Send(packet) => {
                    self.is_unsafe();
                    if let Err(error) = packet.encode(self.options, self.outbox.packets()) {
                        self.fail(&error);
                    }
                }
                Output::Publish(publication) => {
                    self.is_unsafe();
                    self.shared.metrics.sent(publication.delivery.qos());
                    let outbox = &mut self.outbox;
                    if let Err(error) =
                        outgoing::encode(&publication, self.options, self.version, self.now, outbox)
                    {
                        self.fail(&error);
                    }
                }
                Output::Done(queued, outcome) => self.done(&queued, outcome, held),
                Output::Close(code) => self.closed = Some(code),
            }
        }
    }

    /// A packet that cannot be encoded: the client does not see what it should, so the connection ends.
    fn fail(&mut self, error: &mqtt_wire::EncodeError) {
        self.why = Some(format!("a packet for it cannot be encoded: {error}"));
        self.closed = self.closed.or(Some(error.reason_code()));
        self.closed_by = Some(Closed::Protocol);
    }

    fn store(&mut self, record: mqtt_session::Record<Arc<Queued>>, held: &Held) {
        if held.mailbox.is_stored() {
            let record = record.map(|queued| queued.sequence);
            self.turn.changes.push(Change::Recorded { session: held.mailbox.session(), record });
        }
    }

    fn done(&mut self, queued: &Queued, outcome: Outcome, held: &Held) {
        held.mailbox.done();
        if let Outcome::Undelivered(code) = outcome {
            tracing::warn!(client = &*held.who.client, "a message under way was given up: {code}");
        }
        self.dequeue(queued, held);
    }

    /// A message has left the queue.
    fn dequeue(&mut self, queued: &Queued, held: &Held) {
        if held.mailbox.keeps(queued.qos) {
            let (session, sequence) = (held.mailbox.session(), queued.sequence);
            self.turn.changes.push(Change::Dequeued { session, sequence });
        }
    }

    /// Something is about to be sent: is it safe?
    fn is_unsafe(&mut self) {
        if self.unsafe_from.is_none() && !self.turn.changes.is_empty() {
            self.unsafe_from = Some(self.outbox.len());
        }
    }

    /// Commits the turn, and waits if something must not be sent before.
    pub(super) async fn commit(&mut self, held: &Held) -> Result<(), End> {
        let unsafe_from = self.unsafe_from.take();
        if self.turn.is_empty() {
            return Ok(());
        }
        let commit = self.shared.engine.commit(&mut self.turn);
        let (Some(commit), Some(len)) = (commit, unsafe_from) else { return Ok(()) };
        let mut commit = pin!(commit);
        let mut kicked = None;
        let safe = poll_fn(|cx| {
            if let Poll::Ready(safe) = commit.as_mut().poll(cx) {
                return Poll::Ready(safe.is_ok());
            }
            match held.mailbox.poll(cx, false) {
                Poll::Ready(Mail::Kick(code)) if code != ReasonCode::SERVER_SHUTTING_DOWN => {
                    kicked = Some(code);
                    Poll::Ready(false)
                }
                _ => Poll::Pending,
            }
        });
        if safe.await {
            return Ok(());
        }
        self.kicked(kicked.unwrap_or(ReasonCode::SERVER_SHUTTING_DOWN));
        self.outbox.truncate(len);
        Err(End::NotSafe)
    }

    /// Sends what waits in the mailbox.
    fn send_mail(&mut self, link: &mut ServerLink<'_>, held: &Held) {
        if self.mail.is_empty() {
            held.mailbox.take(MESSAGES_A_TURN, &mut self.mail);
        }
        for _ in 0..MESSAGES_A_TURN {
            if self.outbox.len() >= OUTBOX_BYTES {
                return;
            }
            let Some(queued) = self.mail.pop_front() else { return };
            if queued.message.expires.is_some_and(|expires| expires <= self.now) {
                self.drop_message(&queued, Dropped::Expired, held);
            } else if held.checks_deliveries && !self.may_receive(&queued, held) {
                self.drop_message(&queued, Dropped::NotAuthorised, held);
            } else if let Some(queued) = self.send(link, held, queued) {
                self.mail.push_front(queued);
                return;
            }
        }
    }

    /// Sends a message; returns it if it is too early for that.
    fn send(&mut self, link: &mut ServerLink<'_>, held: &Held, queued: Arc<Queued>) -> Option<Arc<Queued>> {
        let taken = outgoing::with_publish(&queued, self.version, None, self.now, |publish| {
            link.publish(&publish, queued.qos, queued.clone())
        });
        match taken {
            Ok(()) => {
                if queued.qos == QoS::AtMostOnce {
                    held.mailbox.done();
                }
                let outputs = link.outputs(self.now);
                self.perform(outputs, held);
                None
            }
            Err(Refusal::Quota | Refusal::Slots | Refusal::NotOpen) => Some(queued),
            // It is larger than the client takes: it counts as sent `[MQTT-3.1.2-25]`.
            Err(refusal) => {
                tracing::debug!(client = &*held.who.client, "a message for it is dropped: {refusal}");
                self.drop_message(&queued, Dropped::TooLarge, held);
                None
            }
        }
    }

    /// Whether the client is allowed to read the message: it was when it subscribed.
    fn may_receive(&self, queued: &Queued, held: &Held) -> bool {
        let topic = queued.message.frame.publish().topic;
        topic.is_none_or(|topic| self.shared.authorise.may_receive(&held.who, topic))
    }

    /// A message from the queue is not sent.
    fn drop_message(&mut self, queued: &Queued, reason: Dropped, held: &Held) {
        self.shared.metrics.dropped(reason);
        held.mailbox.done();
        self.dequeue(queued, held);
    }

    /// Sends retained messages for new subscriptions.
    pub(super) fn send_retained(&mut self, link: &mut ServerLink<'_>, held: &mut Held) {
        while self.outbox.len() < OUTBOX_BYTES {
            let most = self.retained_left.min(link.capacity());
            if most == 0 {
                return;
            }
            let scan = held.scan(&*self.shared.engine, most, &mut self.turn);
            let Some((messages, options, identifier)) = scan else { return };
            // One that has nothing counts as well.
            self.retained_left = self.retained_left.saturating_sub(messages.len().max(1));
            for message in messages {
                if options.no_local && message.publisher.as_deref() == Some(&*held.who.client) {
                    continue;
                }
                let qos = message.frame.publish().delivery.qos().min(options.maximum_qos);
                let identifiers = identifier.into_iter().collect();
                let queued = Queued { sequence: 0, message, qos, retain: true, identifiers, share: None };
                let queued = self.shared.engine.hand(held, queued, &mut self.turn);
                if let Some(queued) = self.send(link, held, queued) {
                    self.mail.push_back(queued);
                }
            }
        }
    }

    /// Who the client is by an authentication that has ended well.
    pub(super) fn is_same(held: &Held, who: &Who) -> bool {
        held.who == *who
    }
}

/// A number of bytes as a counter takes it.
pub(super) fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
