//! The role of a server.

use mqtt_wire::{
    ConnAck, Connect, Disconnect, Packet, Properties, PropertyId, PropertySet, ReasonCode, Sender, SubAck,
    UnsubAck, Version,
};

use super::{
    Asks, Behaviour, Connection, Due, Ending, Judged, Link, Outputs, Server, State, Then, Todo, Verdict,
    WillState,
};
use crate::Millis;
use crate::auth::Authentication;
use crate::keep_alive::KeepAlive;
use crate::limits::Limits;
use crate::output::{Refusal, Reply};
use crate::session::Session;
use crate::slots::Slots;
use crate::violation::SessionRule;

impl<S: Slots> Session<S> {
    /// A connection as a server, with the codec that has decoded this CONNECT ([`mqtt_wire::Connection::server`]):
    /// [`Link::connack`] answers it. The session is that of the client's identifier; a clean start ends it at once, and an
    /// earlier connection of it is over. So judge user name and password before; a client that authenticates by AUTH
    /// (section 4.12) has a session of its own until it is known who it is.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Output, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Packet, ReasonCode, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// for session_present in [false, true] {
    ///     // The codec has seen CONNECT, whose client identifier says whose session it is.
    ///     let connect = Connect { clean_start: false, ..Connect::new(Version::V311, "lamp-7") };
    ///     let mut connection = Connection::server();
    ///     connection.received(&connect.into());
    ///     let mut link = session.server(connection, &connect, 0);
    ///     // Whether there was a session is filled in.
    ///     link.connack(&ConnAck::new(ReasonCode::SUCCESS), 0)?.for_each(|output| {
    ///         let Output::Send(Packet::ConnAck(connack)) = output else { return };
    ///         assert_eq!(connack.session_present, session_present);
    ///     });
    /// }
    /// # Ok::<(), mqtt_session::Refusal>(())
    /// ```
    pub fn server(
        &mut self,
        connection: mqtt_wire::Connection,
        connect: &Connect<'_>,
        now: Millis,
    ) -> Link<'_, Server, S> {
        if connect.clean_start {
            self.give_all_back();
        }
        let mut link: Link<'_, Server, S> = self.link(connection);
        let (c, properties) = (&mut link.c, &connect.properties);
        c.state = State::Waiting;
        c.clean_start = connect.clean_start;
        c.expiry = super::client::expiry(connect);
        c.wire.0.received(&Packet::Connect(*connect));
        c.receive_maximum = properties.receive_maximum().map_or(u16::MAX, core::num::NonZero::get);
        c.aliases.most_out = properties.topic_alias_maximum().unwrap_or(0).min(link.session.slots.aliases());
        c.keep_alive.set(connect.keep_alive, now);
        c.auth = Authentication::of_connect(properties);
        c.asks = Asks {
            response_information: properties.request_response_information().unwrap_or(false),
            problem_information: properties.request_problem_information().unwrap_or(true),
            client_id: connect.client_id.is_empty(),
            keep_alive: connect.keep_alive,
        };
        if let Some(will) = connect.will {
            c.will = WillState::After(will.get().properties.will_delay_interval().unwrap_or(0));
        }
        link
    }
}

/// Notes what this side announces in CONNECT or CONNACK.
pub(super) fn announce<S: Slots>(
    slots: &S,
    receive_maximum: u16,
    c: &mut Connection<S>,
    properties: &Properties<'_>,
) -> Result<(), Refusal> {
    c.own_receive_maximum = u16::MAX;
    if c.wire.is_v5() {
        let announced = properties.receive_maximum().map_or(u16::MAX, core::num::NonZero::get);
        if announced > receive_maximum {
            return Err(Refusal::Announced(ReasonCode::RECEIVE_MAXIMUM_EXCEEDED));
        }
        c.own_receive_maximum = announced;
    }
    let aliases = properties.topic_alias_maximum().unwrap_or(0);
    if aliases > slots.aliases() {
        return Err(Refusal::Announced(ReasonCode::TOPIC_ALIAS_INVALID));
    }
    c.aliases.most_in = aliases;
    Ok(())
}

impl<S: Slots> Link<'_, Server, S> {
    /// Answers CONNECT. Session Present is the link's to say; the rest is the caller's. After one that refuses the
    /// connection is closed.
    ///
    /// What the client has not asked for or cannot take is left out: Response Information, and Reason String and User
    /// Properties if the packet would be too large.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Output, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Packet, ReasonCode, Version};
    ///
    /// let connect = Connect::new(Version::V311, "stranger");
    /// let mut connection = Connection::server();
    /// connection.received(&connect.into());
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.server(connection, &connect, 0);
    /// let refusal = ConnAck::new(ReasonCode::BAD_USER_NAME_OR_PASSWORD);
    /// let mut sent = Vec::new();
    /// link.connack(&refusal, 0)?.for_each(|output| {
    ///     if let Output::Send(packet) = output {
    ///         let _ = packet.encode(Version::V311, &mut sent);
    ///     }
    /// });
    /// assert_eq!(sent, [0x20, 2, 0, 4]);
    /// assert!(link.is_closing());
    /// # Ok::<(), mqtt_session::Refusal>(())
    /// ```
    ///
    /// # Errors
    /// It announces more than there are slots for, lacks the Assigned Client Identifier or the Authentication Method,
    /// cannot be encoded, or was sent before.
    pub fn connack<'l, 'p>(
        &'l mut self,
        connack: &ConnAck<'p>,
        now: Millis,
    ) -> Result<Outputs<'l, 'p, Server, S>, Refusal>
    where
        Self: 'l,
    {
        if self.c.state != State::Waiting {
            return Err(Refusal::NotOpen);
        }
        let accepted = !connack.reason_code.is_error();
        let properties = connack.properties;
        if accepted {
            if self.c.asks.client_id
                && self.c.wire.is_v5()
                && properties.assigned_client_identifier().is_none()
            {
                return Err(Refusal::ClientId);
            }
            if !self.c.auth.is_method(&properties) {
                return Err(Refusal::AuthMethod);
            }
            let receive_maximum = self.session.receive_maximum();
            announce(&self.session.slots, receive_maximum, &mut self.c, &properties)?;
        }
        let session_present = accepted && self.session.exists && self.c.wire.version() != Version::V31;
        let packet = Packet::ConnAck(ConnAck { session_present, ..*connack });
        let hidden = if self.c.asks.response_information {
            PropertySet::EMPTY
        } else {
            PropertySet::of(PropertyId::ResponseInformation)
        };
        let hidden = self.fit(packet, hidden)?;
        if !accepted {
            return Ok(Outputs::new(self, Some((packet, hidden)), Then::Close(connack.reason_code), now));
        }
        let c = &mut self.c;
        c.wire.0.sent(&packet);
        c.auth.accepted();
        c.limits = Limits::of_connack(&properties);
        c.keep_alive.set(properties.server_keep_alive().unwrap_or(c.asks.keep_alive), now);
        self.session.lasts(properties.session_expiry_interval().unwrap_or(c.expiry));
        self.c.due.add(Due::RECORDS);
        Ok(Outputs::new(self, Some((packet, hidden)), Then::Open, now))
    }

    /// Answers a SUBSCRIBE or UNSUBSCRIBE: one reason code for each topic filter, in their order. (UNSUBACK of 3.x has
    /// none: they are left out.)
    ///
    /// ```
    /// use mqtt_session::{Fixed, Input, Refusal, Session};
    /// use mqtt_wire::{
    ///     ConnAck, Connect, Connection, PacketId, Properties, QoS, ReasonCode, Subscribe,
    ///     Subscription, Version, topic_filter,
    /// };
    ///
    /// # let connect = Connect::new(Version::V311, "phone");
    /// # let mut connection = Connection::server();
    /// # connection.received(&connect.into());
    /// # let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// # let mut link = session.server(connection, &connect, 0);
    /// # link.connack(&ConnAck::new(ReasonCode::SUCCESS), 0)?.for_each(|_| {});
    /// let wanted = [
    ///     Subscription::new(topic_filter!("lamp/#"), QoS::AtLeastOnce),
    ///     Subscription::new(topic_filter!("$SYS/#"), QoS::AtMostOnce),
    /// ];
    /// let subscribe = Subscribe::new(PacketId::MIN, &wanted); // as it was decoded
    /// let Input::Subscribe(_, reply) = link.handle(subscribe.into(), 0)? else { panic!() };
    ///
    /// // Not before the rules for users were asked, which may take a while: other packets go on.
    /// let one = [ReasonCode::GRANTED_QOS_1];
    /// let Err((refusal, reply)) = link.reply(reply, &one, Properties::EMPTY, 0) else { panic!() };
    /// assert_eq!(refusal, Refusal::Codes); // and nothing was sent: there are two filters
    /// let each = [ReasonCode::GRANTED_QOS_1, ReasonCode::UNSPECIFIED_ERROR];
    /// let answer = link.reply(reply, &each, Properties::EMPTY, 0).map_err(|(refusal, _)| refusal)?;
    /// answer.for_each(|output| { /* encode it, or store its record */ });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// There are more or fewer codes than filters, or the packet cannot be encoded; the reply comes back. A reply of an
    /// earlier connection is answered by nothing.
    pub fn reply<'l, 'p>(
        &'l mut self,
        reply: Reply,
        codes: &'p [ReasonCode],
        properties: Properties<'p>,
        now: Millis,
    ) -> Result<Outputs<'l, 'p, Server, S>, (Refusal, Reply)>
    where
        Self: 'l,
    {
        if reply.epoch != self.c.epoch || self.c.state != State::Open {
            return Ok(Outputs::new(self, None, Then::GoOn, now));
        }
        if codes.len() != reply.filters() {
            return Err((Refusal::Codes, reply));
        }
        let packet = if reply.is_subscribe {
            let mut ack = SubAck::new(reply.id, codes);
            ack.properties = properties;
            Packet::SubAck(ack)
        } else {
            let codes = if self.c.wire.is_v5() { codes } else { &[] };
            let mut ack = UnsubAck::new(reply.id, codes);
            ack.properties = properties;
            Packet::UnsubAck(ack)
        };
        match self.fit(packet, self.unwanted()) {
            Ok(hidden) => Ok(Outputs::new(self, Some((packet, hidden)), Then::GoOn, now)),
            Err(refusal) => Err((refusal, reply)),
        }
    }

    /// What the end of the connection means for the session and the will. To be asked for before the link is dropped.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, ReasonCode, Version};
    ///
    /// let connect = Connect { clean_start: false, ..Connect::new(Version::V311, "lamp-7") };
    /// let mut connection = Connection::server();
    /// connection.received(&connect.into());
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.server(connection, &connect, 0);
    /// link.connack(&ConnAck::new(ReasonCode::SUCCESS), 0)?.for_each(|_| {});
    ///
    /// // The connection breaks at 500: the session waits for its client.
    /// assert_eq!(link.ending(500).session_ends, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ending(&self, now: Millis) -> Ending {
        let session_ends = if self.session.exists { self.session.expires_at(now) } else { Some(now) };
        let will_due = match self.c.will {
            WillState::None => None,
            WillState::After(seconds) => {
                let due = now.saturating_add(u64::from(seconds) * 1000);
                Some(session_ends.map_or(due, |ends| ends.min(due)))
            }
        };
        Ending { session_ends, will_due }
    }

    fn disconnected(&mut self, disconnect: &Disconnect<'_>) -> Judged {
        if let Some(expiry) = disconnect.properties.session_expiry_interval() {
            if self.c.expiry == 0 && expiry != 0 {
                return Err(SessionRule::SessionExpiry);
            }
            if self.session.exists {
                self.session.lasts(expiry);
                self.c.due.add(Due::RECORDS);
            }
        }
        // Any other code has the will published.
        if disconnect.reason_code == ReasonCode::SUCCESS {
            self.c.will = WillState::None;
        }
        self.end_with(None, disconnect.reason_code);
        Ok(Verdict::AsItIs)
    }

    fn request(&self, id: mqtt_wire::PacketId, filters: usize, is_subscribe: bool) -> Verdict {
        let filters = u32::try_from(filters).unwrap_or(u32::MAX);
        Verdict::Request(Reply { id, epoch: self.c.epoch, filters, is_subscribe })
    }
}

impl Behaviour for Server {
    const SENDER: Sender = Sender::Server;

    #[inline]
    fn waits_for_connack<S: Slots>(link: &Link<'_, Self, S>, packet: &Packet<'_>) -> bool {
        link.c.state == State::Waiting
            && !link.c.auth.is_asked()
            && !matches!(packet, Packet::Connect(_) | Packet::Auth(_) | Packet::Disconnect(_))
    }

    #[inline]
    fn judge<S: Slots>(link: &mut Link<'_, Self, S>, packet: &Packet<'_>, _: Millis) -> Judged {
        match packet {
            Packet::Connect(_) => Err(SessionRule::SecondConnect),
            Packet::Disconnect(disconnect) => link.disconnected(disconnect),
            Packet::Auth(auth) => link.judge_auth(auth),
            _ if link.c.state != State::Open => Err(SessionRule::AuthPending),
            Packet::Subscribe(packet) => {
                link.c.limits.check_subscribe(packet)?;
                Ok(link.request(packet.packet_id, packet.subscriptions.iter().count(), true))
            }
            Packet::Unsubscribe(packet) => {
                Ok(link.request(packet.packet_id, packet.filters.iter().count(), false))
            }
            Packet::PingReq => {
                // There is room: `handle` has seen to it.
                let _ = link.owe(Todo::PingResp);
                Ok(Verdict::Nothing)
            }
            packet => link.judge_common(packet),
        }
    }

    fn deadline(keep_alive: &KeepAlive, _: bool) -> Option<Millis> {
        keep_alive.dead_client_at()
    }

    fn elapsed<S: Slots>(_: &mut Link<'_, Self, S>, _: Millis) -> Result<(), SessionRule> {
        Err(SessionRule::KeepAlive)
    }

    #[inline]
    fn sent(_: &mut KeepAlive, _: Millis) {}

    #[inline]
    fn heard(keep_alive: &mut KeepAlive, now: Millis) {
        keep_alive.heard(now);
    }
}
