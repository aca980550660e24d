//! [`Mailbox`]: the queue of a session.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use mqtt_wire::{QoS, ReasonCode};
use parking_lot::Mutex;

use super::sinks::PREFIX;
use crate::limits::Limits;
use crate::store::{Queued, SessionId};

/// Where the messages for a session wait, and where its connection is woken. Each has a lock of its own, so that
/// publishers get in each other's way only if they publish to the same subscriber.
#[derive(Debug)]
pub struct Mailbox {
    session: SessionId,
    client: Arc<str>,
    /// The session outlives its connection.
    lasts: bool,
    /// The session outlives the process: what happens to its queue is a change.
    stored: bool,
    /// The session is a sink's.
    is_sink: bool,
    next_sequence: AtomicU64,
    /// Messages that wait or are under way.
    load: AtomicUsize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Arc<Queued>>,
    most_messages: usize,
    most_bytes: usize,
    /// Of the messages in the queue, and of those that were admitted and are still to come.
    messages: usize,
    bytes: usize,
    is_connected: bool,
    /// The session is over.
    is_over: bool,
    kick: Option<ReasonCode>,
    waker: Option<Waker>,
    wants_mail: bool,
    dropped: u64,
}

/// What a connection finds in its mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mail {
    /// Messages.
    Messages,
    /// The connection is to end, for this reason.
    Kick(ReasonCode),
}

impl Mailbox {
    /// An empty mailbox whose next message has that sequence number.
    pub(super) fn new(
        session: SessionId,
        client: Arc<str>,
        (lasts, stored): (bool, bool),
        next_sequence: u64,
        limits: &Limits,
    ) -> Self {
        let inner = Inner {
            most_messages: limits.queue_messages,
            most_bytes: limits.queue_bytes,
            ..Inner::default()
        };
        let is_sink = client.starts_with(PREFIX);
        Self {
            session,
            client,
            lasts,
            stored,
            is_sink,
            next_sequence: AtomicU64::new(next_sequence),
            load: AtomicUsize::new(0),
            inner: Mutex::new(inner),
        }
    }

    /// The number of the session.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The client identifier.
    pub fn client(&self) -> &Arc<str> {
        &self.client
    }

    /// Whether the session outlives its connection.
    pub fn lasts(&self) -> bool {
        self.lasts
    }

    /// Whether the session is stored.
    pub fn is_stored(&self) -> bool {
        self.stored
    }

    /// Whether the session is a sink's.
    pub fn is_sink(&self) -> bool {
        self.is_sink
    }

    /// Whether a message of that QoS is a matter of the store.
    pub fn keeps(&self, qos: QoS) -> bool {
        self.stored && qos > QoS::AtMostOnce
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// How busy the client is: the messages that wait for it or are under way.
    pub fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Whether the client has a connection.
    pub fn is_connected(&self) -> bool {
        self.inner.lock().is_connected
    }

    /// Room for one more message, which is then [`put`](Self::put) in. A message of QoS 0 does not wait for a client
    /// that is away.
    pub(super) fn admit(&self, bytes: usize, qos: QoS) -> Admission {
        let mut inner = self.inner.lock();
        if !inner.is_connected && (qos == QoS::AtMostOnce || !self.lasts) {
            return Admission::Away;
        }
        if inner.messages >= inner.most_messages || inner.bytes.saturating_add(bytes) > inner.most_bytes {
            inner.dropped += 1;
            return if inner.dropped == 1 { Admission::FullAtLast } else { Admission::Full };
        }
        inner.messages += 1;
        inner.bytes += bytes;
        self.load.fetch_add(1, Ordering::Relaxed);
        Admission::Granted
    }

    /// Whether a message of so many bytes has no room even when there is no other one.
    pub(super) fn is_too_large(&self, bytes: usize) -> bool {
        bytes > self.inner.lock().most_bytes
    }

    /// A message that was admitted does not come.
    pub(super) fn give_up(&self, bytes: usize) {
        let mut inner = self.inner.lock();
        inner.messages = inner.messages.saturating_sub(1);
        inner.bytes = inner.bytes.saturating_sub(bytes);
        drop(inner);
        self.done();
    }

    /// Other bounds than those of clients: so many messages, and so many bytes of them.
    pub fn set_bounds(&self, messages: usize, bytes: usize) {
        let mut inner = self.inner.lock();
        (inner.most_messages, inner.most_bytes) = (messages, bytes);
    }

    /// Whether what a sink passes messages on to is there. While it is, publishers are slowed down if it does not keep up.
    pub fn set_connected(&self, is_connected: bool) {
        self.inner.lock().is_connected = is_connected;
    }

    /// Takes messages out, at most so many, and no more once they have so many bytes.
    pub fn take_batch(&self, most: usize, bytes: usize) -> Vec<Arc<Queued>> {
        let mut inner = self.inner.lock();
        let (mut batch, mut taken) = (Vec::new(), 0);
        while batch.len() < most && taken < bytes {
            let Some(queued) = inner.queue.pop_front() else { break };
            taken += size(&queued);
            batch.push(queued);
        }
        inner.messages = inner.messages.saturating_sub(batch.len());
        inner.bytes = inner.bytes.saturating_sub(taken);
        if inner.queue.is_empty() {
            inner.dropped = 0;
        }
        batch
    }

    /// Puts a message in that was admitted. Who is to be woken.
    ///
    /// # Errors
    /// The message, when the session is over.
    pub(super) fn put(&self, queued: Arc<Queued>) -> Result<Option<Waker>, Arc<Queued>> {
        let mut inner = self.inner.lock();
        if inner.is_over {
            return Err(queued);
        }
        inner.queue.push_back(queued);
        Ok(if inner.wants_mail { inner.waker.take() } else { None })
    }

    /// The session is over: no message gets in any more.
    pub(super) fn close(&self) {
        self.inner.lock().is_over = true;
    }

    /// Takes messages out, at most so many, into an empty list.
    pub fn take(&self, most: usize, into: &mut VecDeque<Arc<Queued>>) {
        let mut inner = self.inner.lock();
        let some = inner.queue.len().min(most);
        into.extend(inner.queue.drain(..some));
        for queued in into.iter() {
            inner.messages = inner.messages.saturating_sub(1);
            inner.bytes = inner.bytes.saturating_sub(size(queued));
        }
        if inner.queue.is_empty() {
            inner.dropped = 0;
            if inner.queue.capacity() > 64 {
                inner.queue = VecDeque::new();
            }
        }
    }

    /// Puts messages back in front that were taken out.
    pub fn put_back(&self, queued: impl DoubleEndedIterator<Item = Arc<Queued>>) {
        let mut inner = self.inner.lock();
        for queued in queued.rev() {
            inner.messages += 1;
            inner.bytes += size(&queued);
            inner.queue.push_front(queued);
        }
    }

    /// So many messages are under way to the client that did not come by its queue.
    pub(super) fn under_way(&self, messages: usize) {
        self.load.fetch_add(messages, Ordering::Relaxed);
    }

    /// A message is done with: it was sent at QoS 0, acknowledged, or dropped.
    pub fn done(&self) {
        let _ =
            self.load.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |load| Some(load.saturating_sub(1)));
    }

    /// What there is for the connection, which is woken else as soon as there is something; messages only if it wants
    /// them.
    pub fn poll(&self, cx: &mut Context<'_>, wants_mail: bool) -> Poll<Mail> {
        let mut inner = self.inner.lock();
        if let Some(code) = inner.kick {
            return Poll::Ready(Mail::Kick(code));
        }
        if wants_mail && !inner.queue.is_empty() {
            return Poll::Ready(Mail::Messages);
        }
        inner.wants_mail = wants_mail;
        if inner.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            inner.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Sends the connection away.
    pub fn kick(&self, code: ReasonCode) {
        let waker = {
            let mut inner = self.inner.lock();
            inner.kick = inner.kick.or(Some(code));
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn connected(&self) {
        let mut inner = self.inner.lock();
        (inner.is_connected, inner.kick) = (true, None);
    }

    /// The connection is gone. What waits at QoS 0 is dropped: so many messages.
    pub(super) fn disconnected(&self) -> usize {
        let mut inner = self.inner.lock();
        (inner.is_connected, inner.waker) = (false, None);
        let all = std::mem::take(&mut inner.queue);
        let (kept, dropped) = all.into_iter().partition::<Vec<_>, _>(|queued| queued.qos > QoS::AtMostOnce);
        inner.queue = kept.into();
        self.taken_out(&mut inner, &dropped);
        dropped.len()
    }

    /// Takes all messages out that came by a shared subscription (with that filter, if one is named), so that others can
    /// have them.
    pub(super) fn take_shared(&self, filter: Option<&str>) -> Vec<Arc<Queued>> {
        let mut inner = self.inner.lock();
        let is_it = |queued: &Queued| {
            queued.share.as_deref().is_some_and(|share| filter.is_none_or(|filter| share == filter))
        };
        if !inner.queue.iter().any(|queued| is_it(queued)) {
            return Vec::new();
        }
        let (taken, kept) = std::mem::take(&mut inner.queue).into_iter().partition::<Vec<_>, _>(|q| is_it(q));
        inner.queue = kept.into();
        self.taken_out(&mut inner, &taken);
        taken
    }

    /// Messages were taken out of the queue, and are not sent. Those that were admitted and are still to come count further.
    fn taken_out(&self, inner: &mut Inner, taken: &[Arc<Queued>]) {
        inner.messages = inner.messages.saturating_sub(taken.len());
        inner.bytes = inner.bytes.saturating_sub(taken.iter().map(|queued| size(queued)).sum());
        for _ in taken {
            self.done();
        }
    }

    /// Puts a message in of a session that was stored, or handed out before.
    pub(super) fn restore(&self, queued: Arc<Queued>) {
        let mut inner = self.inner.lock();
        inner.messages += 1;
        inner.bytes += size(&queued);
        inner.queue.push_back(queued);
        self.load.fetch_add(1, Ordering::Relaxed);
    }

    /// The bytes of the messages that wait.
    pub fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }

    /// How many messages wait.
    pub fn waiting(&self) -> usize {
        self.inner.lock().queue.len()
    }

    /// Whether so many messages wait that publishers had better slow down.
    pub fn is_busy(&self) -> bool {
        let inner = self.inner.lock();
        inner.is_connected && (inner.messages * 2 > inner.most_messages || inner.bytes * 2 > inner.most_bytes)
    }
}

/// Whether a message gets into a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Granted,
    /// The client is away and the message is not kept for it.
    Away,
    Full,
    /// The first of a row of messages that do not get in.
    FullAtLast,
}

/// What a message counts for in bytes.
pub(super) fn size(queued: &Queued) -> usize {
    queued.message.size()
}

#[cfg(test)]
mod tests {
    use mqtt_wire::{Publish, PublishFrame, TopicName, Version};

    use super::*;
    use crate::store::Message;

    fn queued(qos: QoS) -> Arc<Queued> {
        let publish = Publish::new(TopicName::new("a").unwrap(), b"message");
        let frame = PublishFrame::encode(&publish, Version::V5).unwrap();
        let message = Arc::new(Message { id: 1, frame, arrived: 0, expires: None, publisher: None });
        Arc::new(Queued { sequence: 0, message, qos, retain: false, identifiers: Vec::new(), share: None })
    }

    #[test]
    fn what_is_still_to_come_keeps_its_place_when_the_client_goes() {
        let mailbox = Mailbox::new(1, "client".into(), (true, false), 0, &Limits::default());
        mailbox.connected();
        let (lost, late) = (queued(QoS::AtMostOnce), queued(QoS::AtLeastOnce));
        for queued in [&lost, &late] {
            assert_eq!(mailbox.admit(size(queued), queued.qos), Admission::Granted);
        }
        mailbox.put(lost).unwrap();
        assert_eq!(mailbox.disconnected(), 1);
        assert_eq!((mailbox.load(), mailbox.bytes()), (1, size(&late)));
        mailbox.put(late).unwrap();
        let mut taken = VecDeque::new();
        mailbox.take(9, &mut taken);
        assert_eq!((taken.len(), mailbox.bytes()), (1, 0));
    }
}
