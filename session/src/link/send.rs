//! Messages to the peer (section 4.3), each until it was acknowledged; flow control (section 4.9).
//!
//! Receive Maximum bounds the messages of QoS 1 and 2 that were *published on this connection* and are not complete: a
//! message takes its share when its PUBLISH is sent and gives it back with PUBACK, PUBCOMP or a PUBREC of 0x80 and
//! more. A PUBREL that is sent again on a new connection takes none, and its PUBCOMP gives none back: by section 4.9
//! the quota starts at Receive Maximum whatever the session holds, and it may not be exceeded by what that PUBCOMP
//! would add while other messages are under way.

use core::num::NonZeroU16;

use mqtt_wire::{Ack, Delivery, Packet, PacketId, PacketType, Publish, QoS, ReasonCode, Sender};

use super::{Due, Judged, Link, Role, State, Todo, Verdict};
use crate::Millis;
use crate::output::{Outcome, Output, Publication, Refusal, TopicAlias};
use crate::record::Record;
use crate::session::{Outgoing, Phase};
use crate::slots::{List, Slots};
use crate::violation::SessionRule;

impl<R: Role, S: Slots> Link<'_, R, S> {
    /// Takes a message to the peer: a PUBLISH with its topic, at this QoS. Its identifier and DUP are the link's to
    /// choose. It goes out with the next outputs, as [`Output::Publish`].
    ///
    /// ```
    /// use mqtt_session::{Fixed, Refusal, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Publish, QoS, ReasonCode, Version, topic_name};
    ///
    /// let mut session = Session::new(Fixed::<u16, 2, 1>::new()); // two messages out at most
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// while link.next(0).is_some() {}
    ///
    /// let message = Publish::new(topic_name!("a"), b"hi");
    /// for key in [1, 2] {
    ///     link.publish(&message, QoS::AtLeastOnce, key)?;
    ///     while link.next(0).is_some() {}
    /// }
    /// assert!(matches!(link.publish(&message, QoS::AtLeastOnce, 3), Err(Refusal::Slots)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Nothing was taken: there is no quota or no slot left, the connection is not open, or the message cannot be sent
    /// to this peer.
    #[inline]
    pub fn publish(&mut self, message: &Publish<'_>, qos: QoS, key: S::Key) -> Result<(), Refusal> {
        if self.c.state != State::Open {
            return Err(Refusal::NotOpen);
        }
        if matches!(R::SENDER, Sender::Client) {
            let checked = self.c.limits.check_publish(qos, message);
            checked.map_err(|rule| Refusal::NotSupported(rule.reason_code()))?;
        }
        if qos == QoS::AtMostOnce {
            self.publish_once(message, key)
        } else {
            self.publish_acknowledged(message, qos, key)
        }
    }

    #[inline]
    fn publish_once(&mut self, message: &Publish<'_>, key: S::Key) -> Result<(), Refusal> {
        if self.c.todo.room() <= 2 {
            return Err(Refusal::Slots);
        }
        let size = if self.c.wire.most_out() < mqtt_wire::MAX_PACKET_SIZE {
            self.size(message, Delivery::AtMostOnce)?
        } else {
            0
        };
        let alias = if self.holds_alias() { None } else { self.alias(message, size) };
        let publication = Publication { key, delivery: Delivery::AtMostOnce, dup: false, alias };
        self.owe(Todo::Publish(publication)).map_err(|_| Refusal::Slots)
    }

    #[inline]
    fn publish_acknowledged(&mut self, message: &Publish<'_>, qos: QoS, key: S::Key) -> Result<(), Refusal> {
        if self.quota() == 0 || self.session.published() > self.c.published {
            return Err(Refusal::Quota);
        }
        if self.session.outgoing.room() == 0
            || self.session.outgoing.len() >= usize::from(self.session.slots.outgoing())
        {
            return Err(Refusal::Slots);
        }
        let size = self.size(message, Delivery::new(qos, PacketId::MAX))?;
        let size = if self.c.wire.is_v5() { size } else { size_in_v5(size) };
        let id = self.free_id().ok_or(Refusal::Slots)?;
        let alias = self.alias(message, size);
        let message = Outgoing {
            key,
            id,
            alias: alias.map_or(0, |alias| alias.number.get()),
            size,
            phase: if qos == QoS::ExactlyOnce { Phase::ExactlyOnce } else { Phase::AtLeastOnce },
            retain: message.retain,
            sent: false,
            names_alias: alias.is_some_and(|alias| alias.is_new),
        };
        self.c.due.add(Due::PUBLISH);
        self.session.outgoing.push(message).map_err(|_| Refusal::Slots)
    }

    /// How many more messages of QoS 1 and 2 [`publish`](Self::publish) would take if each goes out at once.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Publish, QoS, ReasonCode, Version, topic_name};
    ///
    /// let mut session = Session::new(Fixed::<usize, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// while link.next(0).is_some() {}
    ///
    /// // So many of the application's queue can go out at once.
    /// let queue = vec![Publish::new(topic_name!("a"), b"hi"); 20];
    /// for (key, message) in queue.iter().enumerate().take(link.capacity()) {
    ///     link.publish(message, QoS::AtLeastOnce, key)?;
    ///     while link.next(0).is_some() {} // send it
    /// }
    /// assert_eq!((link.capacity(), link.session().in_flight()), (0, 8)); // until one is acknowledged
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn capacity(&self) -> usize {
        if self.c.state != State::Open || self.session.published() > self.c.published {
            return 0;
        }
        let slots = usize::from(self.session.slots.outgoing()).saturating_sub(self.session.outgoing.len());
        slots.min(self.session.outgoing.room()).min(usize::from(self.quota()))
    }

    /// How many more messages the peer's Receive Maximum allows.
    #[inline]
    fn quota(&self) -> u16 {
        let released = self.session.released.saturating_sub(self.c.resumed);
        self.c.receive_maximum.saturating_sub(self.c.published.saturating_add(released))
    }

    /// The length of the packet, without a topic alias.
    #[inline]
    fn size(&self, message: &Publish<'_>, delivery: Delivery) -> Result<u32, Refusal> {
        // Performance: most messages have no properties, and nothing in them can be wrong.
        if let (Some(topic), true) = (message.topic, message.properties.is_empty()) {
            let id = if delivery == Delivery::AtMostOnce { 0 } else { 2 };
            let rest =
                2 + topic.as_bytes().len() + id + usize::from(self.c.wire.is_v5()) + message.payload.len();
            // One byte of Remaining Length.
            if let Ok(rest @ ..=0x7F) = u32::try_from(rest) {
                let size = 2 + rest;
                return if size > self.c.wire.most_out() { Err(Refusal::TooLarge) } else { Ok(size) };
            }
        }
        let packet = Packet::Publish(Publish { delivery, dup: false, ..*message });
        self.c.wire.size(&packet).map_err(Refusal::Encode)?.ok_or(Refusal::TooLarge)
    }

    /// The alias to send a message with. It takes three bytes, and one more each where the Property Length and the Remaining
    /// Length come to need it. So in the place of its name, which has three bytes at least, it makes the packet longer by
    /// at most two.
    #[inline]
    fn alias(&mut self, message: &Publish<'_>, size: u32) -> Option<TopicAlias> {
        let topic = message.topic?;
        let alias = self.c.aliases.assign(topic.as_bytes())?;
        let longer = if alias.is_new { 7 } else { 2 };
        if size.saturating_add(longer) > self.c.wire.most_out() {
            if alias.is_new {
                self.c.aliases.forget();
            }
            return None;
        }
        Some(alias)
    }

    /// Whether a message of QoS 1 or 2 that was taken with a topic alias still waits to go out. Messages of QoS 0 overtake
    /// it: none may use an alias that it is to establish, or give its alias another name.
    #[inline]
    fn holds_alias(&self) -> bool {
        // No other one is taken before it has gone, so it is the last.
        self.session.published() > self.c.published
            && self
                .session
                .outgoing
                .get(self.session.outgoing.len().saturating_sub(1))
                .is_some_and(|last| last.alias != 0)
    }

    /// The next PUBREL or its record; those of messages from an earlier connection first.
    #[inline(never)]
    pub(super) fn next_release(&mut self, now: Millis) -> Option<Output<'static, S::Key>> {
        let (session, c) = (&mut *self.session, &mut self.c);
        if session.released_recorded < session.released {
            let at = usize::from(session.finished) + usize::from(session.released_recorded);
            let id = session.outgoing.get(at)?.id;
            session.released_recorded = session.released_recorded.saturating_add(1);
            return Some(Output::Store(Record::Released(id)));
        }
        let id = session.outgoing.get(usize::from(session.finished) + usize::from(c.released))?.id;
        c.released = c.released.saturating_add(1);
        if c.released == session.released {
            c.due.remove(Due::RELEASE);
        }
        self.send_ack(PacketType::PubRel, id, ReasonCode::SUCCESS, now)
    }

    /// Whether a PUBREL or its record is due.
    #[inline]
    pub(super) const fn owes_release(&self) -> bool {
        self.session.released_recorded < self.session.released || self.c.released < self.session.released
    }

    /// The next message of QoS 1 or 2 or its record: what was under way before first, then what is new. `published` is
    /// the number of those that are not acknowledged.
    #[inline(never)]
    pub(super) fn next_message(&mut self, published: u16, now: Millis) -> Option<Output<'static, S::Key>> {
        let session = &mut *self.session;
        if session.published_recorded < published {
            let at = session.first_published() + usize::from(session.published_recorded);
            let message = session.outgoing.get(at)?;
            session.published_recorded = session.published_recorded.saturating_add(1);
            return Some(Output::Store(Record::Sent {
                id: message.id,
                qos: message.qos(),
                retain: message.retain,
                size: message.size,
                key: message.key.clone(),
            }));
        }
        self.send_message(published, now)
    }

    /// Whether a message of QoS 1 or 2 or its record is due, where so many are not acknowledged.
    #[inline]
    pub(super) fn owes_message(&self, published: u16) -> bool {
        self.session.published_recorded < published || self.c.published < published && self.quota() > 0
    }

    /// The next PUBLISH of QoS 1 or 2.
    #[inline]
    fn send_message(&mut self, published: u16, now: Millis) -> Option<Output<'static, S::Key>> {
        let at = self.session.first_published() + usize::from(self.c.published);
        let is_again = self.c.replay > 0;
        if is_again {
            if let Some(code) = self.cannot_carry(at) {
                return self.give_back(at, code);
            }
        }
        let message = self.session.outgoing.get_mut(at)?;
        let delivery = Delivery::new(message.qos(), message.id);
        // An alias ends with its connection.
        let alias = if is_again { None } else { NonZeroU16::new(message.alias) };
        let alias = alias.map(|number| TopicAlias { number, is_new: message.names_alias });
        let dup = core::mem::replace(&mut message.sent, true);
        let publication = Publication { key: message.key.clone(), delivery, dup, alias };
        R::sent(&mut self.c.keep_alive, now);
        self.c.published = self.c.published.saturating_add(1);
        if self.c.published == published {
            self.c.due.remove(Due::PUBLISH);
        }
        self.c.replay = self.c.replay.saturating_sub(1);
        Some(Output::Publish(publication))
    }

    /// Why the new connection cannot carry a message of an earlier one.
    fn cannot_carry(&self, at: usize) -> Option<ReasonCode> {
        let message = self.session.outgoing.get(at)?;
        // In 3.x it is one or two bytes shorter, and the peer sets no maximum.
        let size = if self.c.wire.is_v5() { message.size } else { message.size.saturating_sub(2) };
        if size > self.c.wire.most_out() {
            Some(ReasonCode::PACKET_TOO_LARGE)
        } else if matches!(R::SENDER, Sender::Server) {
            None
        } else if message.qos() > self.c.limits.maximum_qos {
            Some(ReasonCode::QOS_NOT_SUPPORTED)
        } else if message.retain && !self.c.limits.retain {
            Some(ReasonCode::RETAIN_NOT_SUPPORTED)
        } else {
            None
        }
    }

    /// A kept message is not sent again. The peer may have received it, and would take a new message of QoS 2 with the
    /// same identifier for this one: PUBREL makes sure that it does not.
    #[cold]
    fn give_back(&mut self, at: usize, code: ReasonCode) -> Option<Output<'static, S::Key>> {
        self.c.replay = self.c.replay.saturating_sub(1);
        let session = &mut *self.session;
        session.published_recorded = session.published_recorded.saturating_sub(1);
        let mut message = session.outgoing.remove(at)?;
        let id = message.id;
        // There is room in all of these: one was taken out.
        if message.phase == Phase::AtLeastOnce {
            message.phase = Phase::Finished(Outcome::Undelivered(code));
            let _ = session.outgoing.insert(usize::from(session.finished), message);
            session.finished = session.finished.saturating_add(1);
            self.c.due.add(Due::RECORDS);
            return self.records();
        }
        message.phase = Phase::Abandoned(code);
        // It stands among the released ones, as the last one that has no share in the quota; those before it have
        // been sent.
        let place = usize::from(session.finished) + usize::from(self.c.resumed);
        let _ = session.outgoing.insert(place, message);
        session.released = session.released.saturating_add(1);
        session.released_recorded = session.released_recorded.saturating_add(1);
        self.c.resumed = self.c.resumed.saturating_add(1);
        self.c.released = self.c.released.saturating_add(1);
        let pubrel = Todo::Acknowledge(PacketType::PubRel, id, ReasonCode::SUCCESS);
        let _ = self.owe(pubrel);
        Some(Output::Store(Record::Abandoned(id, code)))
    }

    /// The handshake of the message at this place is over.
    #[inline]
    fn finish(&mut self, at: usize, outcome: Outcome) {
        let (session, c) = (&mut *self.session, &mut self.c);
        let released = usize::from(session.finished);
        let published = session.first_published();
        if at < published {
            let nth = at.saturating_sub(released);
            session.released = session.released.saturating_sub(1);
            lower(&mut session.released_recorded, nth);
            lower(&mut c.released, nth);
            lower(&mut c.resumed, nth);
        } else {
            let nth = at.saturating_sub(published);
            lower(&mut session.published_recorded, nth);
            if nth >= usize::from(c.published) {
                c.replay = c.replay.saturating_sub(1);
            }
            lower(&mut c.published, nth);
        }
        if let Some(message) = session.outgoing.get_mut(at) {
            message.phase = match message.phase {
                Phase::Abandoned(code) => Phase::Finished(Outcome::Undelivered(code)),
                Phase::Released(code) => Phase::Finished(Outcome::Acknowledged(code)),
                _ => Phase::Finished(outcome),
            };
        }
        if at != released {
            if let Some(message) = session.outgoing.remove(at) {
                // There is room: one was taken out.
                let _ = session.outgoing.insert(released, message);
            }
        }
        session.finished = session.finished.saturating_add(1);
        // There may be a place in the quota, too.
        c.due.add(Due::RECORDS);
        if c.published < session.published() {
            c.due.add(Due::PUBLISH);
        }
    }

    /// The place of a message by its identifier, if its handshake is not over.
    #[inline]
    fn find(&self, id: PacketId) -> Option<usize> {
        self.session.outgoing.find(usize::from(self.session.finished), |message| message.id == id)
    }

    /// A PUBACK. An unknown one means nothing.
    #[inline]
    pub(crate) fn puback(&mut self, ack: &Ack<'_>) -> Judged {
        if let Some(at) = self.find(ack.packet_id) {
            if self.session.outgoing.get(at).is_none_or(|message| message.phase != Phase::AtLeastOnce) {
                return Err(SessionRule::WrongAcknowledgement);
            }
            self.finish(at, Outcome::Acknowledged(ack.reason_code));
        }
        Ok(Verdict::Nothing)
    }

    /// A PUBREC. An unknown one is answered, so that the peer can finish.
    #[inline]
    pub(crate) fn pubrec(&mut self, ack: &Ack<'_>) -> Judged {
        let id = ack.packet_id;
        let Some(at) = self.find(id) else {
            if !ack.reason_code.is_error() {
                let code = ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
                // There is room: `handle` has seen to it.
                let _ = self.owe(Todo::Acknowledge(PacketType::PubRel, id, code));
            }
            return Ok(Verdict::Nothing);
        };
        let phase = self.session.outgoing.get(at).map(|message| message.phase);
        match phase {
            Some(Phase::ExactlyOnce) if ack.reason_code.is_error() => {
                self.finish(at, Outcome::Acknowledged(ack.reason_code));
            }
            Some(Phase::ExactlyOnce) => self.release(at, ack.reason_code),
            // The same again: so is the answer, if it was sent.
            Some(Phase::Released(_) | Phase::Abandoned(_)) if !ack.reason_code.is_error() => {
                let nth = at.saturating_sub(usize::from(self.session.finished));
                if nth < usize::from(self.c.released) {
                    let again = Todo::Acknowledge(PacketType::PubRel, id, ReasonCode::SUCCESS);
                    let _ = self.owe(again);
                }
            }
            Some(Phase::Released(_) | Phase::Abandoned(_)) => {}
            _ => return Err(SessionRule::WrongAcknowledgement),
        }
        Ok(Verdict::Nothing)
    }

    /// The peer has the message at this place: PUBREL comes next.
    #[inline]
    fn release(&mut self, at: usize, code: ReasonCode) {
        let (session, c) = (&mut *self.session, &mut self.c);
        let published = session.first_published();
        let nth = at.saturating_sub(published);
        let was_sent = nth < usize::from(c.published);
        if !was_sent {
            c.replay = c.replay.saturating_sub(1);
        }
        lower(&mut session.published_recorded, nth);
        lower(&mut c.published, nth);
        let Some(mut message) = session.outgoing.remove(at) else { return };
        message.phase = Phase::Released(code);
        // There is room: one was taken out. Behind those that were released before `[MQTT-4.6.0-4]`.
        let _ = session.outgoing.insert(published, message);
        session.released = session.released.saturating_add(1);
        c.due.add(Due::RELEASE);
    }

    /// A PUBCOMP. An unknown one means nothing.
    #[inline]
    pub(crate) fn pubcomp(&mut self, ack: &Ack<'_>) -> Judged {
        if let Some(at) = self.find(ack.packet_id) {
            match self.session.outgoing.get(at).map(|message| message.phase) {
                Some(Phase::Released(_) | Phase::Abandoned(_)) => {
                    self.finish(at, Outcome::Acknowledged(ReasonCode::SUCCESS));
                }
                _ => return Err(SessionRule::WrongAcknowledgement),
            }
        }
        Ok(Verdict::Nothing)
    }
}

/// The `nth` of some items is gone, of which `first` were counted.
#[inline]
fn lower(first: &mut u16, nth: usize) {
    if nth < usize::from(*first) {
        *first = first.saturating_sub(1);
    }
}

/// The length in 5.0 of a PUBLISH that has this one in 3.x: the Property Length comes to it, and a byte of Remaining Length
/// where that is full.
const fn size_in_v5(size: u32) -> u32 {
    let is_full = matches!(size, 129 | 16_386 | 2_097_155);
    size.saturating_add(if is_full { 2 } else { 1 })
}
