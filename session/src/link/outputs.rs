//! What is to be done, in order.

use mqtt_wire::{
    Ack, Disconnect, Packet, PacketId, PacketType, Properties, PropertyEdits, PropertySet, ReasonCode,
};

use super::{Connection, Due, Link, Role, State, Todo};
use crate::Millis;
use crate::output::Output;
use crate::record::Record;
use crate::session::ReceivedState;
use crate::slots::{List, Slots};
use crate::wire::{properties, with_properties};

/// What a packet of the caller's leads to when it has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    GoOn,
    /// CONNECT: wait for CONNACK.
    Wait,
    /// CONNACK of success.
    Open,
    /// DISCONNECT, or a CONNACK that refuses.
    Close(ReasonCode),
}

/// The outputs of a link up to the last one, with a packet of the caller's at its place among them. All have to be
/// done.
///
/// ```
/// use mqtt_session::{Fixed, Output, Session};
/// use mqtt_wire::{Connect, Connection, Packet, Version};
///
/// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
/// let mut link = session.client(Connection::client(Version::V311));
/// let connect = Connect::new(Version::V311, "lamp-7");
/// let mut outputs = link.connect(&connect, 0)?;
/// while let Some(output) = outputs.next() {
///     if let Output::Send(packet) = output {
///         assert!(matches!(packet, Packet::Connect(_))); // encode it
///     }
/// }
/// # Ok::<(), mqtt_session::Refusal>(())
/// ```
#[must_use = "the packet is sent by whoever asks for the next output"]
pub struct Outputs<'l, 'p, R: Role, S: Slots> {
    link: &'l mut dyn Outlet<S>,
    /// The packet, and the properties that are left out of it.
    packet: Option<(Packet<'p>, PropertySet)>,
    edits: PropertyEdits<'p>,
    then: Then,
    now: Millis,
    role: core::marker::PhantomData<R>,
}

/// A link whose session's lifetime does not matter.
trait Outlet<S: Slots> {
    fn settle(&mut self, now: Millis) -> Option<Output<'static, S::Key>>;
    fn next(&mut self, now: Millis) -> Option<Output<'static, S::Key>>;
    fn sent(&mut self, then: Then, now: Millis);
    fn is_closing(&self) -> bool;
}

impl<R: Role, S: Slots> Outlet<S> for Link<'_, R, S> {
    fn settle(&mut self, now: Millis) -> Option<Output<'static, S::Key>> {
        self.settle(now)
    }

    fn next(&mut self, now: Millis) -> Option<Output<'static, S::Key>> {
        self.next(now)
    }

    fn sent(&mut self, then: Then, now: Millis) {
        R::sent(&mut self.c.keep_alive, now);
        match then {
            Then::GoOn => {}
            Then::Wait => self.c.state = State::Waiting,
            Then::Open => self.open(),
            Then::Close(code) => self.end_with(None, code),
        }
    }

    fn is_closing(&self) -> bool {
        self.is_closing()
    }
}

impl<'l, 'p, R: Role, S: Slots> Outputs<'l, 'p, R, S> {
    pub(crate) fn new<'s: 'l>(
        link: &'l mut Link<'s, R, S>,
        packet: Option<(Packet<'p>, PropertySet)>,
        then: Then,
        now: Millis,
    ) -> Self {
        let edits = Properties::EMPTY.without(PropertySet::EMPTY);
        Self { link, packet, edits, then, now, role: core::marker::PhantomData }
    }

    /// The identifier that a SUBSCRIBE or UNSUBSCRIBE was given, until it was handed out.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, PacketId, QoS, ReasonCode};
    /// use mqtt_wire::{Subscribe, Subscription, Version, topic_filter};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// // Who has asked is to be found again when SUBACK comes with this identifier.
    /// let asked = [Subscription::new(topic_filter!("lamp/#"), QoS::AtLeastOnce)];
    /// let outputs = link.subscribe(&Subscribe::new(PacketId::MIN, &asked), 0)?;
    /// let waits_for = outputs.packet_id();
    /// outputs.for_each(|_| {});
    /// assert!(waits_for.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn packet_id(&self) -> Option<PacketId> {
        match self.packet {
            Some((Packet::Subscribe(packet), _)) => Some(packet.packet_id),
            Some((Packet::Unsubscribe(packet), _)) => Some(packet.packet_id),
            _ => None,
        }
    }

    /// What is to be done next; `None` when there is nothing more. (This is no `Iterator`: a packet that was shortened
    /// refers to what is in here.)
    ///
    /// ```
    /// use mqtt_session::{Fixed, Output, Session};
    /// use mqtt_wire::{Connect, Connection, Packet, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// let connect = Connect::new(Version::V311, "lamp-7");
    /// let mut outputs = link.connect(&connect, 0)?;
    /// let mut buf = [0; 64];
    /// while let Some(output) = outputs.next() {
    ///     if let Output::Send(packet) = output {
    ///         let n = packet.encode(Version::V311, &mut buf)?; // `?` is why this is no `for_each`
    ///         assert_eq!(buf[..n][0], 0x10);
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[allow(clippy::should_implement_trait, reason = "what comes out borrows from this")]
    pub fn next(&mut self) -> Option<Output<'_, S::Key>> {
        if self.packet.is_none() {
            return self.link.next(self.now);
        }
        if let Some(output) = self.link.settle(self.now) {
            return Some(output);
        }
        let (packet, hidden) = self.packet.take()?;
        if self.link.is_closing() {
            return self.link.next(self.now);
        }
        self.link.sent(self.then, self.now);
        if hidden.is_empty() {
            return Some(Output::Send(packet));
        }
        self.edits = properties(&packet).without(hidden);
        Some(Output::Send(with_properties(packet, self.edits.as_properties())))
    }

    /// Does `f` with each.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Output, Session};
    /// use mqtt_wire::{Connect, Connection, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// let (mut bytes, mut log) = (Vec::new(), Vec::new());
    /// let mut result = Ok(());
    /// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|output| match output {
    ///     // Each is done in its turn; here errors are looked at when all are.
    ///     Output::Send(packet) => result = packet.encode(Version::V311, &mut bytes).and(result),
    ///     Output::Store(record) => log.push(record),
    ///     _ => {}
    /// });
    /// result?;
    /// assert_eq!(bytes[0], 0x10); // CONNECT, to be written to the socket
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_each(mut self, mut f: impl FnMut(Output<'_, S::Key>)) {
        while let Some(output) = self.next() {
            f(output);
        }
    }
}

impl<R: Role, S: Slots> Link<'_, R, S> {
    /// What is to be done next; `None` when there is nothing more.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Output, Session};
    /// use mqtt_wire::{
    ///     ConnAck, Connect, Connection, Packet, Publish, QoS, ReasonCode, Version, topic_name,
    /// };
    ///
    /// # let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// # let mut link = session.client(Connection::client(Version::V311));
    /// # link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
    /// # link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// # let now = 0;
    /// let messages = [Publish::new(topic_name!("lamp/7"), b"on")];
    /// link.publish(&messages[0], QoS::AtLeastOnce, 0)?; // the key: its index
    ///
    /// // After everything that was asked for or has come, until there is no more.
    /// let mut buf = [0; 64];
    /// while let Some(output) = link.next(now) {
    ///     match output {
    ///         Output::Publish(publication) => {
    ///             // The link has not kept the message: it says which one is due, and how.
    ///             let message = publication.of(messages[usize::from(publication.key)]);
    ///             let n = Packet::from(message).encode(Version::V311, &mut buf)?;
    ///             assert_eq!(buf[..n][0], 0x32); // QoS 1
    ///         }
    ///         Output::Store(record) => { /* to the log, before what follows is sent */ }
    ///         _ => {}
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn next(&mut self, now: Millis) -> Option<Output<'static, S::Key>> {
        if self.c.due.is_empty() { None } else { self.due(now) }
    }

    fn due(&mut self, now: Millis) -> Option<Output<'static, S::Key>> {
        if self.c.due.has(Due::RECORDS) {
            if let Some(output) = self.records() {
                return Some(output);
            }
            if !self.session.owes_records() {
                self.c.due.remove(Due::RECORDS);
            }
        }
        if self.c.state != State::Open {
            return self.end();
        }
        if self.c.due.has(Due::SHORT) {
            if !self.c.todo.is_empty() {
                return self.next_todo(now);
            }
            self.c.due.remove(Due::SHORT);
        }
        if self.c.due.has(Due::WINDOW) {
            if let Some((packet, id, code)) = self.next_of_window() {
                return self.send_ack(packet, id, code, now);
            }
            self.c.due.remove(Due::WINDOW);
        }
        if self.c.due.has(Due::RELEASE) {
            if self.owes_release() {
                return self.next_release(now);
            }
            self.c.due.remove(Due::RELEASE);
        }
        if self.c.due.has(Due::PUBLISH) {
            let published = self.session.published();
            if self.owes_message(published) {
                return self.next_message(published, now);
            }
            self.c.due.remove(Due::PUBLISH);
        }
        None
    }

    /// What is due of a connection that is not open: nothing but its end, whatever the application has said in the
    /// meantime.
    #[cold]
    fn end(&mut self) -> Option<Output<'static, S::Key>> {
        match self.c.state {
            State::Closing(goodbye, code) => Some(self.goodbye(goodbye, code)),
            _ => None,
        }
    }

    /// The outputs up to the last one, as what other calls return.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Outputs, Role, Session, Slots};
    /// use mqtt_wire::{ConnAck, Connect, Connection, ReasonCode, Version};
    ///
    /// /// One place where outputs are done, whatever they come from.
    /// fn perform<R: Role, S: Slots>(mut outputs: Outputs<'_, '_, R, S>) {
    ///     while let Some(output) = outputs.next() { /* store, send, publish or close */ }
    /// }
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// perform(link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?); // those of a request
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// perform(link.outputs(0)); // those that came up by themselves
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn outputs(&mut self, now: Millis) -> Outputs<'_, 'static, R, S> {
        Outputs::new(self, None, Then::GoOn, now)
    }

    /// What goes before a packet of the caller's: records and acknowledgements.
    fn settle(&mut self, now: Millis) -> Option<Output<'static, S::Key>> {
        if self.session.owes_records() {
            if let Some(output) = self.records() {
                return Some(output);
            }
        }
        if self.c.state != State::Open {
            return None;
        }
        if !self.c.todo.is_empty() {
            return self.next_todo(now);
        }
        let (packet, id, code) = self.next_of_window()?;
        self.send_ack(packet, id, code, now)
    }

    #[cold]
    fn goodbye(&mut self, goodbye: Option<ReasonCode>, code: ReasonCode) -> Output<'static, S::Key> {
        if let Some(told) = goodbye {
            self.c.state = State::Closing(None, code);
            // With a reason code it takes three bytes.
            if self.c.wire.most_out() >= 3 {
                return Output::Send(Packet::Disconnect(Disconnect::new(told)));
            }
        }
        self.c.state = State::Closed;
        self.c.due.remove(Due::CLOSE);
        Output::Close(code)
    }

    /// Records that are due, and the keys that they set free. They are the session's, so a connection that breaks off
    /// leaves them to the next one. `None`, too, while what is left waits for a place among the short packets.
    #[inline(never)]
    pub(super) fn records(&mut self) -> Option<Output<'static, S::Key>> {
        let session = &mut *self.session;
        if session.end_due {
            session.end_due = false;
            return Some(Output::Store(Record::Ended));
        }
        if session.recorded < session.finished {
            let message = session.outgoing.get(usize::from(session.recorded))?;
            session.recorded = session.recorded.saturating_add(1);
            return Some(Output::Store(Record::Completed(message.id)));
        }
        if session.finished > 0 {
            session.finished = session.finished.saturating_sub(1);
            session.recorded = session.finished;
            let message = session.outgoing.remove(0)?;
            let outcome = message.outcome();
            if !session.owes_records() {
                self.c.due.remove(Due::RECORDS);
            }
            return Some(Output::Done(message.key, outcome));
        }
        if session.lasts_due {
            session.lasts_due = false;
            return Some(Output::Store(Record::Lasts(session.expiry)));
        }
        if session.unrecorded > 0 {
            session.unrecorded = session.unrecorded.saturating_sub(1);
            let at = session.received.find(0, |received| received.state == ReceivedState::New)?;
            let received = session.received.get_mut(at)?;
            received.state = ReceivedState::Recorded;
            let id = received.id;
            if !session.owes_records() {
                self.c.due.remove(Due::RECORDS);
            }
            return Some(Output::Store(Record::Received(id)));
        }
        // A message is forgotten when its PUBCOMP has a place.
        if session.releasing > 0 && (self.c.state != State::Open || self.c.todo.room() > 0) {
            return self.forget();
        }
        None
    }

    /// Forgets a message of QoS 2 that the peer has released, and owes it PUBCOMP.
    fn forget(&mut self) -> Option<Output<'static, S::Key>> {
        let session = &mut *self.session;
        session.releasing = session.releasing.saturating_sub(1);
        let at = session.received.find(0, |received| received.state == ReceivedState::Releasing)?;
        let id = session.received.remove(at)?.id;
        let Connection { received_before, given_back, todo, state, due, .. } = &mut self.c;
        if at < usize::from(*received_before) {
            *received_before = received_before.saturating_sub(1);
            *given_back = given_back.saturating_add(1);
        }
        if *state == State::Open {
            let _ = todo.push(Todo::Acknowledge(PacketType::PubComp, id, ReasonCode::SUCCESS));
            due.add(Due::SHORT);
        }
        if !self.session.owes_records() {
            due.remove(Due::RECORDS);
        }
        Some(Output::Store(Record::Forgotten(id)))
    }

    /// The first of the short packets and messages of QoS 0.
    #[inline(never)]
    fn next_todo(&mut self, now: Millis) -> Option<Output<'static, S::Key>> {
        let todo = self.c.todo.remove(0)?;
        if self.c.todo.is_empty() {
            self.c.due.remove(Due::SHORT);
        }
        R::sent(&mut self.c.keep_alive, now);
        Some(match todo {
            Todo::Acknowledge(packet, id, code) => return self.send_ack(packet, id, code, now),
            Todo::PingReq => Output::Send(Packet::PingReq),
            Todo::PingResp => Output::Send(Packet::PingResp),
            Todo::Publish(publication) => Output::Publish(publication),
        })
    }

    /// An acknowledgement. Its reason code is left out when it is success, and in 3.x.
    #[inline(never)]
    pub(super) fn send_ack(
        &mut self,
        packet: PacketType,
        id: PacketId,
        code: ReasonCode,
        now: Millis,
    ) -> Option<Output<'static, S::Key>> {
        R::sent(&mut self.c.keep_alive, now);
        let code = if self.c.wire.is_v5() { code } else { ReasonCode::SUCCESS };
        let size = if code == ReasonCode::SUCCESS { 4 } else { 5 };
        if self.c.wire.most_out() < size {
            self.close(ReasonCode::PACKET_TOO_LARGE);
            return self.next(now);
        }
        let ack = Ack::new(id).with_reason(code);
        Some(Output::Send(match packet {
            PacketType::PubAck => Packet::PubAck(ack),
            PacketType::PubRec => Packet::PubRec(ack),
            PacketType::PubRel => Packet::PubRel(ack),
            _ => Packet::PubComp(ack),
        }))
    }
}
