//! Who has which session: taking over, giving back, ending.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mqtt_session::{Ending, Growing, Session};
use mqtt_wire::ReasonCode;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::local::Local;
use super::sinks::PREFIX;
use super::{Attach, Engine as _, Held, Mailbox, Seat, Turn, Will};
use crate::auth::{Who, shown};
use crate::store::{Change, KeptWill, UnixMillis};

/// The clients that are connected, have a session, or are waited for.
#[derive(Default)]
pub(super) struct Registry {
    clients: Mutex<HashMap<Arc<str>, Entry>>,
    /// Sessions without a connection. Changed while `clients` is locked.
    away: AtomicUsize,
}

/// A client.
///
/// Performance: it is small, as most clients are connected and nobody waits for them.
#[derive(Default)]
struct Entry {
    /// The latest connection.
    generation: u64,
    /// A connection has the session.
    connected: Option<Arc<Mailbox>>,
    /// No connection has it.
    away: Option<Box<Away>>,
    /// The will of a connection that is gone, and when it is due.
    will: Option<Box<(Will, UnixMillis)>>,
    /// Connections that wait for the session.
    waiting: usize,
    /// Where they are told that it was given back, or that a newer connection waits.
    returned: Option<Arc<Notify>>,
}

/// A session without a connection.
struct Away {
    seat: Seat,
    ends_at: Option<UnixMillis>,
}

impl Entry {
    fn tell_those_who_wait(&self) {
        if let Some(returned) = &self.returned {
            returned.notify_waiters();
        }
    }

    /// One connection less waits.
    fn waits_no_more(&mut self) {
        self.waiting -= 1;
        if self.waiting == 0 {
            self.returned = None;
        }
    }
}

impl Registry {
    /// Puts a session in that was stored.
    pub(super) fn restore(
        &self,
        client: Arc<str>,
        seat: Seat,
        ends_at: Option<UnixMillis>,
        will: Option<(Will, UnixMillis)>,
    ) {
        let (away, will) = (Some(Box::new(Away { seat, ends_at })), will.map(Box::new));
        let entry = Entry { away, will, ..Entry::default() };
        let mut clients = self.clients.lock();
        clients.insert(client, entry);
        self.away.fetch_add(1, Ordering::Relaxed);
    }

    /// Connected clients, and sessions without a connection. Sinks are neither.
    pub(super) fn count(&self) -> (usize, usize) {
        let clients = self.clients.lock();
        let sinks = clients.keys().filter(|client| client.starts_with(PREFIX)).count();
        let is_client = |mailbox: &Arc<Mailbox>| !mailbox.is_sink();
        let connected =
            clients.values().filter(|entry| entry.connected.as_ref().is_some_and(is_client)).count();
        (connected, clients.len() - connected - sinks)
    }

    /// The number of sessions, of the messages that wait for them or are under way, and of the bytes of those that wait.
    pub(super) fn queues(&self) -> (usize, usize, usize) {
        let mailboxes: Vec<Arc<Mailbox>> = {
            let clients = self.clients.lock();
            let mailbox = |entry: &Entry| {
                let away = entry.away.as_ref().map(|away| &away.seat.held.mailbox);
                entry.connected.as_ref().or(away).cloned()
            };
            clients.values().filter_map(mailbox).collect()
        };
        let sum = |(queued, bytes), mailbox: &Arc<Mailbox>| {
            (mailbox.load().saturating_add(queued), mailbox.bytes().saturating_add(bytes))
        };
        let (queued, bytes) = mailboxes.iter().fold((0, 0), sum);
        (mailboxes.len(), queued, bytes)
    }

    /// The clients whose sessions have no connection.
    pub(super) fn away(&self) -> Vec<Arc<str>> {
        let clients = self.clients.lock();
        let away = clients.iter().filter(|(_, entry)| entry.away.is_some());
        away.map(|(client, _)| client.clone()).collect()
    }

    /// Sends all clients away. Sinks end when they have nothing to do.
    pub(super) fn kick_all(&self, code: ReasonCode) {
        for entry in self.clients.lock().values() {
            if let Some(mailbox) = entry.connected.as_ref().filter(|mailbox| !mailbox.is_sink()) {
                mailbox.kick(code);
            }
        }
    }
}

impl Local {
    pub(super) async fn take_seat(&self, attach: Attach, turn: &mut Turn) -> Result<Seat, ReasonCode> {
        let client = attach.who.client.clone();
        let (generation, returned) = {
            let mut clients = self.registry.clients.lock();
            let entry = clients.entry(client.clone()).or_default();
            entry.generation += 1;
            entry.tell_those_who_wait();
            let Some(mailbox) = &entry.connected else { return Ok(self.sit_down(entry, attach, turn)) };
            mailbox.kick(ReasonCode::SESSION_TAKEN_OVER);
            entry.waiting += 1;
            (entry.generation, entry.returned.get_or_insert_default().clone())
        };
        loop {
            let notified = returned.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            {
                let mut clients = self.registry.clients.lock();
                // While somebody waits, the entry stays.
                let Some(entry) = clients.get_mut(&client) else { return Err(ReasonCode::UNSPECIFIED_ERROR) };
                if entry.generation != generation {
                    entry.waits_no_more();
                    return Err(ReasonCode::SESSION_TAKEN_OVER);
                }
                if entry.connected.is_none() {
                    entry.waits_no_more();
                    return Ok(self.sit_down(entry, attach, turn));
                }
            }
            notified.await;
        }
    }

    /// Gives the session to a connection.
    fn sit_down(&self, entry: &mut Entry, attach: Attach, turn: &mut Turn) -> Seat {
        let seat = self.seat(entry, attach, turn);
        seat.held.mailbox.connected();
        entry.connected = Some(seat.held.mailbox.clone());
        seat
    }

    /// The session, if no connection has it.
    fn take_away(&self, entry: &mut Entry) -> Option<Seat> {
        let away = entry.away.take()?;
        self.registry.away.fetch_sub(1, Ordering::Relaxed);
        if let Some(ends) = away.ends_at {
            self.expiry.forget(ends, away.seat.held.mailbox.client());
        }
        Some(away.seat)
    }

    /// The session that there is, or a new one.
    fn seat(&self, entry: &mut Entry, attach: Attach, turn: &mut Turn) -> Seat {
        let Attach { who, clean_start, lasts, will } = attach;
        self.end_what_is_due(entry, &who.client, turn);
        let resumed = self.take_away(entry).and_then(|seat| {
            // What waits for one user is not for another one who says to be the same client.
            if clean_start || !seat.session.exists() || seat.held.who.user != who.user {
                self.end(seat, turn);
                return None;
            }
            Some(seat)
        });
        if let Some(past) = entry.will.take() {
            let (will, due) = *past;
            self.expiry.forget(due, &who.client);
            let session = resumed.as_ref().map(|seat| seat.held.mailbox.session());
            // A session that goes on has its will no more; one that has ended has it published `[MQTT-3.1.3-9]`.
            if session.is_none() {
                self.publish_will(&will, turn);
            }
            self.forget_will(will.session, turn);
        }
        let mut seat = match resumed {
            Some(seat) => {
                if seat.held.mailbox.is_stored() {
                    let session = seat.held.mailbox.session();
                    turn.change(Change::SessionEndsAt { session, ends_at: None });
                }
                seat
            }
            None => self.new_seat(who.clone(), lasts, turn),
        };
        seat.held.who = who;
        seat.held.checked = None;
        let session = seat.held.mailbox.session();
        seat.held.will = will.map(|will| Box::new(Will { session, ..will }));
        if let Some(will) = &seat.held.will
            && self.is_persistent()
        {
            let will = KeptWill { message: will.message.clone(), delay: will.delay, due: None };
            turn.change(Change::Will { session, will });
        }
        seat
    }

    fn new_seat(&self, who: Who, lasts: bool, turn: &mut Turn) -> Seat {
        let session = self.next_session();
        let stored = lasts && self.is_persistent();
        if stored {
            let (client, user) = (who.client.clone(), who.user.clone());
            turn.change(Change::SessionBegins { session, client, user });
        }
        let mailbox = Mailbox::new(session, who.client.clone(), (lasts, stored), 0, &self.limits);
        Seat { session: Session::new(self.slots(0)), held: Held::new(who, Arc::new(mailbox)) }
    }

    /// The slots of a session that has at least so many messages under way. What comes in is bounded by what CONNACK
    /// announces; 3.x knows no such bound.
    pub(super) fn slots(&self, under_way: u16) -> super::Slots {
        Growing::new(self.limits.in_flight.max(under_way), u16::MAX, self.limits.topic_aliases)
    }

    pub(super) fn give_back(&self, seat: Seat, ending: Ending, turn: &mut Turn) {
        let client = seat.held.mailbox.client().clone();
        self.metrics.dropped_at_end(seat.held.mailbox.disconnected());
        let mut clients = self.registry.clients.lock();
        if let Some(entry) = clients.get_mut(&client) {
            self.put_away(entry, seat, ending, turn);
            if entry.waiting > 0 {
                entry.tell_those_who_wait();
            } else if entry.away.is_none() && entry.will.is_none() {
                clients.remove(&client);
            }
        }
        // While nobody can take the session: what the next connection changes is stored behind this. Nobody is there to wait
        // for it.
        let _ = self.commit(turn);
    }

    /// The connection of a client is gone: what becomes of its session and its will.
    fn put_away(&self, entry: &mut Entry, mut seat: Seat, ending: Ending, turn: &mut Turn) {
        let now = self.clock.now();
        let client = seat.held.mailbox.client().clone();
        let will = seat.held.will.take();
        entry.connected = None;
        let ends = ending.session_ends.is_some_and(|ends| ends <= now);
        // A connection that waits for the session gets it all the same.
        let too_many =
            entry.waiting == 0 && self.registry.away.load(Ordering::Relaxed) >= self.limits.sessions;
        if too_many && !ends {
            tracing::warn!(client = shown(&client), "its session is not kept: there are `limits.sessions`");
        }
        let is_over = ends || too_many;
        match (will, ending.will_due) {
            (Some(will), Some(due)) if due <= now || is_over => {
                self.publish_will(&will, turn);
                self.forget_will(will.session, turn);
            }
            (Some(will), Some(due)) => {
                if self.is_persistent() {
                    let Will { message, delay, session } = Will::clone(&will);
                    let will = KeptWill { message, delay, due: Some(due) };
                    turn.change(Change::Will { session, will });
                }
                entry.will = Some(Box::new((*will, due)));
                self.expiry.at(due, &client);
            }
            (Some(will), None) => self.forget_will(will.session, turn),
            (None, _) => {}
        }
        if is_over {
            self.end(seat, turn);
        } else {
            let session = seat.held.mailbox.session();
            if seat.held.mailbox.is_stored() {
                turn.change(Change::SessionEndsAt { session, ends_at: ending.session_ends });
            }
            self.share_out_again(&seat.held.mailbox, turn);
            entry.away = Some(Box::new(Away { seat, ends_at: ending.session_ends }));
            self.registry.away.fetch_add(1, Ordering::Relaxed);
            if let Some(ends) = ending.session_ends {
                self.expiry.at(ends, &client);
            }
        }
    }

    /// Ends a session whose time is over, and publishes a will that is due.
    fn end_what_is_due(&self, entry: &mut Entry, client: &Arc<str>, turn: &mut Turn) {
        let now = self.clock.now();
        let ends_at = entry.away.as_ref().and_then(|away| away.ends_at);
        if ends_at.is_some_and(|ends| ends <= now)
            && let Some(seat) = self.take_away(entry)
        {
            self.end(seat, turn);
        }
        if let Some(past) = entry.will.take_if(|past| past.1 <= now) {
            let (will, due) = *past;
            self.expiry.forget(due, client);
            self.publish_will(&will, turn);
            self.forget_will(will.session, turn);
        }
    }

    /// It is time to look whether this client's will is due, or its session over. What comes of that is committed.
    pub(super) fn look_after(&self, client: &Arc<str>, turn: &mut Turn) {
        let mut clients = self.registry.clients.lock();
        let Some(entry) = clients.get_mut(client) else { return };
        if entry.connected.is_some() {
            return;
        }
        self.end_what_is_due(entry, client, turn);
        if entry.waiting == 0 && entry.away.is_none() && entry.will.is_none() {
            clients.remove(client);
        }
        // As in `give_back`.
        let _ = self.commit(turn);
    }

    /// A session without a connection gets no more messages, and ends if it has none. How many it has.
    pub(super) fn retire(&self, client: &str, turn: &mut Turn) -> usize {
        let mut clients = self.registry.clients.lock();
        let Some(entry) = clients.get_mut(client) else { return 0 };
        let Some(away) = &mut entry.away else { return 0 };
        let seat = &mut away.seat;
        let waiting = seat.held.mailbox.waiting();
        let filters: Vec<_> = seat.held.subscriptions.iter().cloned().collect();
        for filter in filters {
            self.remove(&mut seat.held, filter.as_filter(), turn);
        }
        if waiting == 0 {
            if let Some(seat) = self.take_away(entry) {
                self.end(seat, turn);
            }
            clients.remove(client);
        }
        waiting
    }

    /// Ends a session: nothing is left of it.
    fn end(&self, mut seat: Seat, turn: &mut Turn) {
        for filter in std::mem::take(&mut seat.held.subscriptions) {
            self.remove_subscriber(filter.as_filter(), &seat.held.mailbox);
            self.metrics.subscriptions.dec();
        }
        seat.held.mailbox.close();
        let mut others = seat.held.mailbox.take_shared(None);
        // A message of QoS 2 that is under way may not go to another one `[MQTT-4.8.2-5]`.
        let under_way = seat.session.keys().filter(|queued| queued.qos == mqtt_wire::QoS::AtLeastOnce);
        others.extend(under_way.filter(|queued| queued.share.is_some()).cloned());
        if seat.held.mailbox.is_stored() {
            turn.change(Change::SessionEnds { session: seat.held.mailbox.session() });
        }
        self.send_to_others(others, turn);
    }

    fn publish_will(&self, will: &Will, turn: &mut Turn) {
        // A will that a limit refuses has nobody to be told.
        let _ = self.route_or_retain(&self.renewed(&will.message), false, turn);
    }

    fn forget_will(&self, session: u64, turn: &mut Turn) {
        if self.is_persistent() {
            turn.change(Change::WillRemoved { session });
        }
    }
}

#[cfg(test)]
mod tests {
    use mqtt_wire::{Publish, PublishFrame, TopicName, Version};

    use super::*;
    use crate::limits::Limits;

    #[tokio::test]
    async fn a_client_that_comes_and_goes_is_looked_after_once() {
        let local = Local::in_memory(Limits::default(), Arc::default());
        let topic = TopicName::new("will").unwrap();
        let frame = PublishFrame::encode(&Publish::new(topic, b""), Version::V5).unwrap();
        let will = Will { message: local.message(frame, None), delay: 500, session: 0 };
        for time in 0..100 {
            let mut turn = Turn::default();
            let who = Who { client: "client".into(), user: None };
            let attach = Attach { who, clean_start: false, lasts: true, will: Some(will.clone()) };
            let mut seat = local.attach(attach, &mut turn).await.unwrap();
            seat.session = Session::assumed(Growing::new(1, 1, 0));
            let (session_ends, will_due) = (local.now() + 1_000_000 + time, local.now() + 500_000 + time);
            let ending = Ending { session_ends: Some(session_ends), will_due: Some(will_due) };
            local.detach(seat, ending, &mut turn);
        }
        assert_eq!(local.expiry.len(), 2, "one for its session, one for its will");
    }
}
