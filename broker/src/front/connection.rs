//! The life of a connection between CONNACK and its end.
//!
//! Most connections wait most of the time, so what counts is what one that waits holds: its [`Client`], which is in a
//! box, and the future of [`Client::converse`], which is its task. What is rare (SUBSCRIBE, a change of the rules, a
//! subscriber that is behind) has a future of its own in a box, and buffers are given back before the connection
//! sleeps.

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use mqtt_session::{Detached, Ending, Link, Outcome, Output, Outputs, Refusal, Server};
use mqtt_wire::{EncodeOptions, QoS, ReasonCode, Version};
use tokio::time::{Instant, Sleep, sleep_until};

use super::handshake::GOODBYE;
use super::outbox::Outbox;
use super::reader::poll_read;
use super::{
    COPIES_A_TURN, FILTERS_A_TURN, MESSAGES_A_TURN, OUTBOX_BYTES, SEARCH, Shared, Stream, UNSTORED_BYTES,
    outgoing,
};
use crate::auth::{Exchange, Who, shown};
use crate::engine::{Commit, Held, Mail, Mailbox, Seat, Slots, Turn};
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

/// A client that was let in.
pub(super) struct Client<S> {
    pub(super) connection: Connection<S>,
    pub(super) seat: Seat,
}

/// A connection without its session and its link.
pub(super) struct Connection<S> {
    pub(super) shared: Arc<Shared>,
    /// Where the client comes from, for the log.
    pub(super) address: SocketAddr,
    pub(super) stream: S,
    pub(super) input: BytesMut,
    pub(super) outbox: Outbox,
    /// When the stream last took something, or there was nothing to take.
    written: Instant,
    pub(super) turn: Turn,
    pub(super) version: Version,
    pub(super) options: EncodeOptions,
    pub(super) now: UnixMillis,
    /// Messages that were taken out of the mailbox and not sent yet.
    pub(super) mail: VecDeque<Arc<Queued>>,
    /// How long the outbox was before something came that waits for the store.
    unsafe_from: Option<usize>,
    closed: Option<ReasonCode>,
    /// Nothing can be written any more. What has come is read and handled all the same.
    broken: Option<io::Error>,
    /// Nothing comes any more. What has come before is handled all the same.
    ended: Option<End>,
    /// Why the connection was closed, for the log.
    pub(super) why: Option<Box<str>>,
    /// The kind of reason, for the metrics, when the link is the one that closes.
    pub(super) closed_by: Option<Closed>,
    /// There may be a packet in the input that is complete.
    pub(super) has_input: bool,
    /// How many bytes were read since the client has waited for the store.
    unstored: u32,
    /// The client is not listened to.
    is_deaf: bool,
    /// For how long it was not since its last packet; while it is not, the time less that.
    deaf: u64,
    /// How many packets may be handled in this turn.
    pub(super) packets_left: usize,
    /// How many retained messages may be sent in this turn.
    retained_left: usize,
    /// How many microseconds they may be looked for.
    search_left: u16,
    /// How many copies of messages may be made for subscribers before no more packets are handled.
    pub(super) copies_left: usize,
    /// How many filters may be handled before others may run.
    pub(super) filters_left: u16,
    /// An authentication under way, and who the client is by it.
    pub(super) exchange: Option<Box<dyn Exchange>>,
}

/// How long a turn of a publisher may be held up by a subscriber that does not keep up.
const CATCH_UP: Duration = Duration::from_millis(20);

pub(super) type ServerLink<'s> = Link<'s, Server, Slots>;
/// A link on its way from the handshake to the conversation.
pub(super) type NewLink = Box<Detached<Server, Slots>>;

/// What has woken a connection.
enum Event {
    /// There is something to do.
    Turn,
    Kick(ReasonCode),
    End(End),
}

impl<S: Stream> Client<S> {
    /// Serves the client until there is a reason to end: that, and what becomes of its session and its will.
    pub(super) async fn converse(&mut self, link: NewLink) -> (End, Ending) {
        let Self { connection: this, seat: Seat { session, held } } = self;
        // It is this session's: the handshake has made it.
        let Ok(mut link) = session.attach(unboxed(link)) else {
            let at_once = Some(this.now);
            return (End::NotSafe, Ending { session_ends: at_once, will_due: at_once });
        };
        let mut timer = pin!(sleep_until(Instant::now()));
        // Packets may have come with CONNECT.
        let mut has_more = true;
        let mut is_let_in = false;
        let end = loop {
            let outputs = link.outputs(this.now);
            this.perform(outputs, held);
            held.keep_scans(&mut this.turn);
            if let Some(mut commit) = this.commit()
                && let Some(code) = {
                    this.listen(false);
                    poll_fn(|cx| this.poll_unsafe(cx, &mut commit, held)).await
                }
            {
                if code == ReasonCode::SESSION_TAKEN_OVER {
                    Box::pin(this.take_the_rest(&mut link, held)).await;
                }
                // It has sent DISCONNECT.
                if let Some(code) = this.closed {
                    break End::Closed(code);
                }
                // Before CONNACK there is no DISCONNECT `[MQTT-3.14.0-1]`.
                if is_let_in {
                    link.close(code);
                    let outputs = link.outputs(this.now);
                    this.perform(outputs, held);
                }
                break End::NotSafe;
            }
            is_let_in = true;
            if let Some(code) = this.closed {
                break End::Closed(code);
            }
            // A client that fills its own queue would wait for itself.
            if let Some(busy) = this.turn.take_busy()
                && !Arc::ptr_eq(&busy, &held.mailbox)
            {
                Box::pin(let_catch_up(busy)).await;
            }
            if has_more {
                tokio::task::yield_now().await;
            } else if let Some(end) = this.ended.take() {
                break end;
            }
            let mut polls = 0;
            let event = poll_fn(|cx| {
                polls += 1;
                this.poll_event(cx, &mut link, held, has_more, timer.as_mut())
            });
            let kick = match event.await {
                Event::Turn => None,
                Event::Kick(code) => Some(code),
                Event::End(end) => break end,
            };
            // Others have not run since the turn before.
            if polls == 1 && !has_more {
                tokio::task::yield_now().await;
            }
            this.begin_turn();
            if kick.is_none() {
                if held.checked != Some(this.shared.authorise.generation()) {
                    Box::pin(this.recheck(held)).await;
                }
                this.send_retained(&mut link, held);
                this.send_mail(&mut link, held);
            }
            while let Some(request) = this.handle_packets(&mut link, held) {
                Box::pin(this.answer(&mut link, held, request)).await;
            }
            // What has come in the meantime has come in time.
            if kick.is_none() && this.has_room() {
                this.look_at_time(&mut link);
            }
            // What the client has sent before counts: it may have ended with DISCONNECT, and come again.
            if let Some(code) = kick {
                this.kicked(code);
                link.close(code);
            }
            has_more = this.has_more(&link, held);
        };
        this.now = this.shared.engine.now();
        (end, link.ending(this.now))
    }
}

/// What is in a box. That goes here, and not at the end of whoever calls this.
#[allow(clippy::boxed_local, reason = "the box is what this is for")]
fn unboxed<T>(boxed: Box<T>) -> T {
    *boxed
}

/// Slows a publisher down whose messages fill the queue of a client that is connected: at most [`CATCH_UP`] for a turn,
/// so that a client that takes nothing is not waited for for long.
async fn let_catch_up(busy: Arc<Mailbox>) {
    let start = Instant::now();
    while busy.is_busy() && start.elapsed() < CATCH_UP {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(shared: Arc<Shared>, address: SocketAddr, stream: S, input: BytesMut) -> Self {
        Self {
            now: shared.engine.now(),
            shared,
            address,
            stream,
            has_input: !input.is_empty(),
            input,
            outbox: Outbox::default(),
            written: Instant::now(),
            turn: Turn::default(),
            version: Version::V5,
            options: EncodeOptions::new(Version::V5),
            mail: VecDeque::new(),
            unsafe_from: None,
            closed: None,
            broken: None,
            ended: None,
            why: None,
            closed_by: None,
            unstored: 0,
            is_deaf: false,
            deaf: 0,
            packets_left: MESSAGES_A_TURN,
            retained_left: MESSAGES_A_TURN,
            search_left: SEARCH,
            copies_left: COPIES_A_TURN,
            filters_left: FILTERS_A_TURN,
            exchange: None,
        }
    }

    fn begin_turn(&mut self) {
        self.now = self.shared.engine.now();
        (self.packets_left, self.retained_left) = (MESSAGES_A_TURN, MESSAGES_A_TURN);
        self.search_left = SEARCH;
        (self.copies_left, self.filters_left) = (COPIES_A_TURN, FILTERS_A_TURN);
    }

    /// Whether the client is listened to from now on. While it is not, it is not silent: what it sends may be long, and is
    /// still to be read then.
    fn listen(&mut self, does: bool) {
        if does == self.is_deaf {
            self.is_deaf = !does;
            self.deaf = self.shared.engine.now().saturating_sub(self.deaf);
        }
    }

    /// A packet of the client's was handled.
    pub(super) fn has_heard(&mut self) {
        self.deaf = if self.is_deaf { self.now } else { 0 };
    }

    /// Closes the connection of a client that has been silent for too long.
    fn look_at_time(&mut self, link: &mut ServerLink<'_>) {
        if let Err(violation) = link.elapsed(self.now.saturating_sub(self.deaf)) {
            self.why = Some(violation.to_string().into());
            self.closed_by = Some(Closed::KeepAlive);
        }
    }

    /// Whether what is to be written is little enough for packets to be read and handled. Of a client that is gone it does
    /// not matter.
    pub(super) fn has_room(&self) -> bool {
        !self.can_send() || self.outbox.len() < OUTBOX_BYTES
    }

    /// Whether the client may get something, as far as is known.
    fn can_send(&self) -> bool {
        self.broken.is_none() && self.ended.is_none()
    }

    /// At the end of a turn: whether it was only that others are to have theirs.
    fn has_more(&self, link: &ServerLink<'_>, held: &Held) -> bool {
        let scans = held.has_scans() && link.capacity() > 0 && self.can_send() && self.has_room();
        self.packets_left == 0 || self.copies_left == 0 || scans
    }

    /// What there is to do; with `has_more` there is something, and it only looks. When there is nothing, the
    /// connection sleeps, without buffers, until the socket, the mailbox or the time wakes it.
    fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
        link: &mut ServerLink<'_>,
        held: &Held,
        has_more: bool,
        timer: Pin<&mut Sleep>,
    ) -> Poll<Event> {
        if self.ended.is_some() {
            return Poll::Ready(Event::Turn);
        }
        let mut is_ready = has_more;
        if self.broken.is_none()
            && let Poll::Ready(Err(error)) = self.poll_write(cx)
        {
            (self.broken, self.written) = (Some(error), Instant::now());
        }
        if self.broken.is_some() {
            self.outbox = Outbox::default();
        }
        let room = self.has_room();
        self.listen(room);
        is_ready |= room && self.has_input;
        // What cannot be handled yet is not read: a message that is kept keeps the buffer that it was read into.
        if room && !self.has_input {
            match poll_read(&mut self.stream, &mut self.input, cx) {
                Poll::Ready(Ok(0)) => {
                    let end = self.broken.take().map_or(End::Gone, End::Failed);
                    (self.ended, is_ready) = (Some(end), true);
                }
                // A message of WebSocket that is longer than any packet may be.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                    return Poll::Ready(Event::Kick(ReasonCode::PACKET_TOO_LARGE));
                }
                Poll::Ready(Err(error)) => (self.ended, is_ready) = (Some(End::Failed(error)), true),
                Poll::Ready(Ok(n)) => {
                    self.shared.metrics.bytes_in.inc_by(count(n));
                    (self.has_input, is_ready) = (true, true);
                    self.unstored = self.unstored.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
                }
                Poll::Pending => {}
            }
        }
        let capacity = link.capacity();
        let has_credit = |queued: &Arc<Queued>| queued.qos == QoS::AtMostOnce || capacity > 0;
        let wants_mail = room && self.can_send() && self.mail.front().is_none_or(has_credit);
        is_ready |= wants_mail && !self.mail.is_empty();
        is_ready |= room && self.can_send() && capacity > 0 && held.has_scans();
        match held.mailbox.poll(cx, wants_mail) {
            Poll::Ready(Mail::Kick(code)) => return Poll::Ready(Event::Kick(code)),
            Poll::Ready(Mail::Messages) => is_ready = true,
            Poll::Pending => {}
        }
        if is_ready {
            return Poll::Ready(Event::Turn);
        }
        self.shrink();
        link.shrink();
        let silence = link.deadline().map(|at| at.saturating_add(self.deaf));
        self.poll_time(cx, silence.filter(|_| room), timer)
    }

    /// Whether the client has been silent for too long, which it is at `deadline`, or has taken nothing for too long.
    fn poll_time(
        &self,
        cx: &mut Context<'_>,
        deadline: Option<UnixMillis>,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<Event> {
        let is_broken = self.broken.is_some();
        let write_timeout = Duration::from_secs(self.shared.limits.write_timeout);
        let patience = self.written.checked_add(if is_broken { GOODBYE } else { write_timeout });
        let patience = patience.filter(|_| is_broken || !self.outbox.is_empty());
        if patience.is_some_and(|end| end <= Instant::now()) {
            return Poll::Ready(Event::End(End::Slow));
        }
        let until = |at: UnixMillis| Duration::from_millis(at.saturating_sub(self.shared.engine.now()));
        let silence = deadline.map(|at| Instant::now() + until(at));
        let Some(next) = patience.into_iter().chain(silence).min() else { return Poll::Pending };
        if next <= Instant::now() {
            return Poll::Ready(Event::Turn);
        }
        // Performance: a timer that rings too early is set again then, not with every packet.
        if timer.deadline() > next || timer.is_elapsed() {
            timer.as_mut().reset(next);
        }
        timer.poll(cx).map(|()| Event::Turn)
    }

    /// Writes what the stream takes of the outbox; ready when that is all.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let was_empty = self.outbox.is_empty();
        let mut n = 0;
        let written = self.outbox.poll_write(&mut self.stream, cx, &mut n);
        if n > 0 {
            self.shared.metrics.bytes_out.inc_by(count(n));
        }
        if was_empty || n > 0 {
            self.written = Instant::now();
        }
        written
    }

    fn kicked(&mut self, code: ReasonCode) {
        self.closed_by = Some(match code {
            ReasonCode::SESSION_TAKEN_OVER => Closed::TakenOver,
            ReasonCode::PACKET_TOO_LARGE => Closed::Protocol,
            _ => Closed::Server,
        });
    }

    /// Gives the memory back that a connection does not need while it sleeps.
    fn shrink(&mut self) {
        self.outbox.shrink();
        self.turn.shrink();
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        if self.mail.is_empty() {
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
        self.give_up(format!("a packet for it cannot be encoded: {error}"), error.reason_code());
    }

    /// Ends the connection for a reason that the link does not know.
    pub(super) fn give_up(&mut self, why: String, code: ReasonCode) {
        self.why = Some(why.into());
        self.closed = self.closed.or(Some(code));
        self.closed_by = Some(Closed::Protocol);
    }

    fn store(&mut self, record: mqtt_session::Record<Arc<Queued>>, held: &Held) {
        if held.mailbox.is_stored() {
            let record = record.map(|queued| queued.sequence);
            self.turn.change(Change::Recorded { session: held.mailbox.session(), record });
        }
    }

    fn done(&mut self, queued: &Queued, outcome: Outcome, held: &Held) {
        held.mailbox.done();
        if let Outcome::Undelivered(code) = outcome {
            tracing::warn!(client = shown(&held.who.client), "a message under way was given up: {code}");
            // It is larger than the client takes now: a server gives up for nothing else.
            self.shared.metrics.dropped(Dropped::TooLarge);
        }
        self.dequeue(queued, held);
    }

    /// A message has left the queue.
    fn dequeue(&mut self, queued: &Queued, held: &Held) {
        if held.mailbox.keeps(queued.qos) {
            let (session, sequence) = (held.mailbox.session(), queued.sequence);
            self.turn.change(Change::Dequeued { session, sequence });
        }
    }

    /// Something is about to be sent: is it safe?
    fn is_unsafe(&mut self) {
        if self.unsafe_from.is_none() && self.turn.has_changes() {
            self.unsafe_from = Some(self.outbox.len());
        }
    }

    /// Commits the turn. What is to be waited for, when something must not be sent before, or no more read: all that was
    /// committed before is safe with it.
    fn commit(&mut self) -> Option<Commit> {
        let waits = self.unsafe_from.is_some() || self.unstored > UNSTORED_BYTES;
        let commit = self.shared.engine.commit(&mut self.turn).filter(|_| waits);
        match commit {
            Some(_) => self.unstored = 0,
            None => self.unsafe_from = None,
        }
        commit
    }

    /// Waits until it is known whether the turn is safe; `None` when it is. What is not is not sent, and the connection
    /// ends with this reason code.
    fn poll_unsafe(
        &mut self,
        cx: &mut Context<'_>,
        commit: &mut Commit,
        held: &Held,
    ) -> Poll<Option<ReasonCode>> {
        let (is_safe, code) = match (Pin::new(commit).poll(cx), held.mailbox.poll(cx, false)) {
            (Poll::Ready(safe), _) => (safe.is_ok(), ReasonCode::SERVER_SHUTTING_DOWN),
            (_, Poll::Ready(Mail::Kick(code))) if code != ReasonCode::SERVER_SHUTTING_DOWN => (false, code),
            _ => return Poll::Pending,
        };
        let len = self.unsafe_from.take();
        if !is_safe {
            self.kicked(code);
            self.outbox.truncate(len.unwrap_or_else(|| self.outbox.len()));
        }
        Poll::Ready((!is_safe).then_some(code))
    }

    /// The client has another connection: what it has sent on this one before counts, it may be DISCONNECT. It gets no answers,
    /// as nothing of it is safe.
    async fn take_the_rest(&mut self, link: &mut ServerLink<'_>, held: &mut Held) {
        let len = self.outbox.len();
        self.begin_turn();
        let read = |cx: &mut Context<'_>| Poll::Ready(poll_read(&mut self.stream, &mut self.input, cx));
        if let Poll::Ready(Ok(n)) = poll_fn(read).await {
            self.shared.metrics.bytes_in.inc_by(count(n));
            self.has_input |= n > 0;
        }
        while let Some(request) = self.handle_packets(link, held) {
            self.answer(link, held, request).await;
        }
        self.outbox.truncate(len);
    }

    /// Sends what waits in the mailbox.
    fn send_mail(&mut self, link: &mut ServerLink<'_>, held: &Held) {
        if !self.can_send() {
            return;
        }
        if self.mail.is_empty() {
            held.mailbox.take(MESSAGES_A_TURN, &mut self.mail);
        }
        for _ in 0..MESSAGES_A_TURN {
            if !self.has_room() {
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
                tracing::debug!(client = shown(&held.who.client), "a message for it is dropped: {refusal}");
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
        while self.can_send() && self.has_room() {
            let most = self.retained_left.min(link.capacity());
            if most == 0 {
                return;
            }
            let start = Instant::now();
            let scan = held.scan(&*self.shared.engine, most, &mut self.turn);
            let Some((messages, options, identifier)) = scan else { return };
            let took = u16::try_from(start.elapsed().as_micros()).unwrap_or(u16::MAX);
            self.search_left = self.search_left.saturating_sub(took);
            // One that has nothing counts as well.
            self.retained_left = self.retained_left.saturating_sub(messages.len().max(1));
            if self.search_left == 0 {
                self.retained_left = 0;
            }
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
