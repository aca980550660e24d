//! Messages of the peer's (section 4.3), each until it was acknowledged.

use mqtt_wire::{Ack, Delivery, PacketId, PacketType, Publish, QoS, ReasonCode, Sender, Version};

use super::{Due, Incoming, IncomingState, Judged, Link, Role, Todo, Verdict};
use crate::output::{Receipt, Stale};
use crate::session::{Received, ReceivedState};
use crate::slots::{List, Slots};
use crate::violation::SessionRule;

impl<R: Role, S: Slots> Link<'_, R, S> {
    /// A PUBLISH.
    #[inline]
    pub(crate) fn receive(&mut self, message: &Publish<'_>) -> Judged {
        if matches!(R::SENDER, Sender::Server) {
            self.c.limits.check_publish(message.delivery.qos(), message)?;
        }
        let alias = if message.properties.is_empty() { None } else { message.properties.topic_alias() };
        let alias = match (alias, message.topic) {
            (None, _) => None,
            (Some(alias), Some(topic)) => {
                self.c.aliases.learn(alias, topic.as_bytes())?;
                None
            }
            (Some(alias), None) => {
                self.c.aliases.resolve(alias)?;
                Some(alias)
            }
        };
        match message.delivery {
            Delivery::AtMostOnce => Ok(Verdict::Message(None, alias)),
            Delivery::AtLeastOnce(id) => {
                if self.is_pending(id) {
                    return Ok(Verdict::Nothing);
                }
                self.take(id, QoS::AtLeastOnce).map(|receipt| Verdict::Message(Some(receipt), alias))
            }
            Delivery::ExactlyOnce(id) => {
                if self.repeats(id)? {
                    return Ok(Verdict::Nothing);
                }
                self.take(id, QoS::ExactlyOnce).map(|receipt| Verdict::Message(Some(receipt), alias))
            }
        }
    }

    /// Whether the message has come on this connection and the application has not answered, or its answer was not
    /// sent: then one acknowledgement is for both.
    #[inline]
    fn is_pending(&self, id: PacketId) -> bool {
        self.c.window.find(0, |incoming| incoming.id == id).is_some()
    }

    /// A new message of QoS 1 or 2.
    #[inline]
    fn take(&mut self, id: PacketId, qos: QoS) -> Result<Receipt, SessionRule> {
        let held = self.held()?;
        if held >= usize::from(self.session.slots.incoming()) {
            return Err(SessionRule::NoRoom);
        }
        let incoming = Incoming { id, qos, state: IncomingState::Pending };
        self.c.window.push(incoming).map_err(|_| SessionRule::NoRoom)?;
        self.c.open = self.c.open.saturating_add(1);
        Ok(Receipt { id, epoch: self.c.epoch, qos })
    }

    /// Takes up to so many messages of QoS 1 and 2 that are under way, although fewer were announced as Receive Maximum:
    /// for peers that miscount. It holds for this connection, from CONNECT or CONNACK on; there have to be slots.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{Connection, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 20>::new()); // room for 20
    /// let mut link = session.client(Connection::client(Version::V5));
    /// // A Receive Maximum of 10 will be announced; a peer that sends up to 20 is borne with.
    /// link.tolerate_received(20);
    /// ```
    pub fn tolerate_received(&mut self, most: u16) {
        self.c.own_receive_maximum = most.max(self.c.own_receive_maximum);
    }

    /// The number of messages that are not complete, if one more may come on this connection.
    #[inline]
    fn held(&self) -> Result<usize, SessionRule> {
        let held = self.session.received.len() + usize::from(self.c.open);
        let held = held.saturating_sub(usize::from(self.session.releasing));
        // (Some of those that are being released may be of an earlier connection: that is for the peer.)
        let most = usize::from(self.c.own_receive_maximum) + usize::from(self.c.given_back);
        if held.saturating_sub(usize::from(self.c.received_before)) >= most {
            return Err(SessionRule::ReceiveMaximum);
        }
        Ok(held)
    }

    /// Whether a message of QoS 2 was there before: it gets its PUBREC and is not delivered again.
    fn repeats(&mut self, id: PacketId) -> Result<bool, SessionRule> {
        let received = self.session.find_received(id);
        if received.is_none() && !self.is_pending(id) {
            return Ok(false);
        }
        let before = usize::from(self.c.received_before);
        if let Some(at) = received.filter(|at| *at < before) {
            // From now on it has its share in the quota.
            self.held()?;
            if let Some(received) = self.session.received.remove(at) {
                // There is room: one was taken out.
                let _ = self.session.received.push(received);
            }
            self.c.received_before = self.c.received_before.saturating_sub(1);
        }
        self.c.due.add(Due::WINDOW);
        let repeated = Incoming { id, qos: QoS::ExactlyOnce, state: IncomingState::Repeated };
        if self.c.window.push(repeated).is_err() && received.is_some() {
            let again = Todo::Acknowledge(PacketType::PubRec, id, ReasonCode::SUCCESS);
            self.owe(again).map_err(|_| SessionRule::NoRoom)?;
        }
        Ok(true)
    }

    /// The application takes a message (a code below 0x80, such as 0x10 No matching subscribers), or refuses it. In 3.x
    /// neither can be told: the sender gets its acknowledgement as usual. A code that PUBACK and PUBREC do not have becomes
    /// 0x00 or 0x80.
    ///
    /// For QoS 2 the next [`Output::Store`](crate::Output::Store) says [`Received`](crate::Record::Received): that record belongs into the
    /// transaction in which the application stores the message.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Input, Output, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Delivery, Packet, PacketId, Publish, ReasonCode};
    /// use mqtt_wire::{Version, topic_name};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// while link.next(0).is_some() {}
    ///
    /// let publish = Publish::new(topic_name!("a"), b"hi")
    ///     .with_delivery(Delivery::AtLeastOnce(PacketId::MIN));
    /// if let Input::Message(_, Some(receipt)) = link.handle(publish.into(), 0)? {
    ///     link.accept(receipt, ReasonCode::SUCCESS)?; // when the message is where it belongs
    /// }
    /// assert!(matches!(link.next(0), Some(Output::Send(Packet::PubAck(_)))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The receipt is of an earlier connection.
    #[inline]
    #[allow(clippy::needless_pass_by_value, reason = "a receipt is used once")]
    pub fn accept(&mut self, receipt: Receipt, code: ReasonCode) -> Result<(), Stale> {
        if receipt.epoch != self.c.epoch {
            return Err(Stale);
        }
        let id = receipt.id;
        let is_it = |incoming: &Incoming| incoming.id == id && incoming.state == IncomingState::Pending;
        let at = self.c.window.find(0, is_it).ok_or(Stale)?;
        let incoming = self.c.window.get_mut(at).ok_or(Stale)?;
        let packet = incoming.acknowledgement();
        let code = if !self.c.wire.is_v5() {
            ReasonCode::SUCCESS
        } else if code == ReasonCode::SUCCESS || code.is_allowed(packet, Version::V5, None) {
            code
        } else if code.is_error() {
            ReasonCode::UNSPECIFIED_ERROR
        } else {
            ReasonCode::SUCCESS
        };
        self.c.due.add(Due::WINDOW);
        if incoming.qos == QoS::AtLeastOnce || code.is_error() {
            incoming.state = IncomingState::Answered(code);
            return Ok(());
        }
        // There is room: `take` has seen to it.
        let received = Received { id, state: ReceivedState::New };
        self.session.received.push(received).map_err(|_| Stale)?;
        self.session.unrecorded = self.session.unrecorded.saturating_add(1);
        self.c.due.add(Due::RECORDS);
        incoming.state = IncomingState::Received(code);
        self.c.open = self.c.open.saturating_sub(1);
        Ok(())
    }

    /// The acknowledgement that comes next, if it can be given: they go out in the order in which the messages came
    /// (`[MQTT-4.6.0-2]`, `[MQTT-4.6.0-3]`).
    #[inline]
    pub(super) fn next_of_window(&mut self) -> Option<(PacketType, PacketId, ReasonCode)> {
        loop {
            let code = match self.c.window.get(0)?.state {
                IncomingState::Pending => return None,
                IncomingState::Answered(code) => {
                    self.c.open = self.c.open.saturating_sub(1);
                    code
                }
                IncomingState::Received(code) => code,
                IncomingState::Repeated => ReasonCode::SUCCESS,
            };
            let incoming = self.c.window.remove(0)?;
            if incoming.state == IncomingState::Repeated && self.session.find_received(incoming.id).is_none()
            {
                // The first one was refused, and the sender knows, or released.
                continue;
            }
            if self.c.window.is_empty() {
                self.c.due.remove(Due::WINDOW);
            }
            return Some((incoming.acknowledgement(), incoming.id, code));
        }
    }

    /// A PUBREL. An unknown one is answered, too: the sender could not finish otherwise.
    #[inline]
    pub(crate) fn pubrel(&mut self, ack: &Ack<'_>) -> Verdict {
        let id = ack.packet_id;
        let at = self.session.find_received(id);
        if let Some(received) = at.and_then(|at| self.session.received.get_mut(at)) {
            if received.state == ReceivedState::New {
                self.session.unrecorded = self.session.unrecorded.saturating_sub(1);
            }
            if received.state != ReceivedState::Releasing {
                received.state = ReceivedState::Releasing;
                self.session.releasing = self.session.releasing.saturating_add(1);
                self.c.due.add(Due::RECORDS);
            }
        } else {
            // Of an earlier connection, at best.
            self.c.given_back = self.c.given_back.saturating_add(1);
            let code = ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
            // There is room: `handle` has seen to it.
            let _ = self.owe(Todo::Acknowledge(PacketType::PubComp, id, code));
        }
        Verdict::Nothing
    }
}
