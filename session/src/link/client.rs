//! The role of a client.

use mqtt_wire::{
    ConnAck, Connect, Connection, Packet, PropertySet, QoS, Sender, Subscribe, Unsubscribe, Version,
};

use super::{Behaviour, Client, Due, Judged, Link, Outputs, Request, State, Then, Todo, Verdict};
use crate::Millis;
use crate::auth::Authentication;
use crate::keep_alive::KeepAlive;
use crate::limits::Limits;
use crate::output::Refusal;
use crate::session::Session;
use crate::slots::{List, Slots};
use crate::violation::SessionRule;

impl<S: Slots> Session<S> {
    /// A connection as a client, with the codec of that connection ([`Connection::client`]): [`Link::connect`] comes
    /// first.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{Connection, Version};
    ///
    /// // The session stays, and each connection to the server is a link of its own.
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// for _ in 0..2 {
    ///     let link = session.client(Connection::client(Version::V5));
    ///     assert!(!link.is_open()); // nothing is left of the connection before
    /// }
    /// ```
    pub fn client(&mut self, connection: Connection) -> Link<'_, Client, S> {
        self.link(connection)
    }
}

impl<S: Slots> Link<'_, Client, S> {
    /// Sends CONNECT, which is of the version of the connection. Its limits and its keep alive hold from now on.
    ///
    /// In 5.0 a client whose session does not [exist](Session::exists) starts clean, whatever `connect` says: a session
    /// that the server has would make it close (`[MQTT-3.2.2-4]`), and it may have one if an earlier CONNACK was lost.
    ///
    /// A clean start ends the session before CONNECT is sent: should CONNACK be lost, the server has begun a new one all
    /// the same.
    ///
    /// ```
    /// use std::num::NonZeroU16;
    /// use mqtt_session::{Fixed, Output, Session};
    /// use mqtt_wire::{Connect, Connection, Packet, Properties, Property, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// // In 5.0 the slots are announced: the server sends no more than fits.
    /// let room = [Property::ReceiveMaximum(NonZeroU16::new(session.receive_maximum()).expect("1"))];
    /// let properties = Properties::new(&room);
    /// let connect = Connect { properties, ..Connect::new(Version::V5, "lamp-7") };
    /// let mut link = session.client(Connection::client(Version::V5));
    /// let mut outputs = link.connect(&connect, 0)?;
    /// assert!(matches!(outputs.next(), Some(Output::Send(Packet::Connect(_)))));
    /// # Ok::<(), mqtt_session::Refusal>(())
    /// ```
    ///
    /// # Errors
    /// It announces more than there are slots for (see [`Session::receive_maximum`]), cannot be encoded, or was sent
    /// before.
    pub fn connect<'l, 'p>(
        &'l mut self,
        connect: &Connect<'p>,
        now: Millis,
    ) -> Result<Outputs<'l, 'p, Client, S>, Refusal>
    where
        Self: 'l,
    {
        if self.c.state != State::New {
            return Err(Refusal::NotOpen);
        }
        let mut connect = *connect;
        connect.clean_start |= connect.version == Version::V5 && !self.session.exists;
        let c = &mut self.c;
        super::server::announce(&self.session.slots, self.session.receive_maximum(), c, &connect.properties)?;
        c.wire.size(&Packet::Connect(connect)).map_err(Refusal::Encode)?.ok_or(Refusal::TooLarge)?;
        c.wire.0.sent(&Packet::Connect(connect));
        c.clean_start = connect.clean_start;
        c.expiry = expiry(&connect);
        c.keep_alive.set(connect.keep_alive, now);
        c.asks.keep_alive = connect.keep_alive;
        c.auth = Authentication::of_connect(&connect.properties);
        if connect.clean_start {
            self.session.give_all_back();
            self.c.due.add(Due::RECORDS);
        }
        Ok(Outputs::new(self, Some((Packet::Connect(connect), PropertySet::EMPTY)), Then::Wait, now))
    }

    /// Sends a SUBSCRIBE. Its identifier is the link's to choose: [`Outputs::packet_id`]. The answer comes as
    /// [`Input::Subscribed`](crate::Input::Subscribed).
    ///
    /// ```
    /// use mqtt_session::{Fixed, Output, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Packet, PacketId, QoS, ReasonCode, Subscribe};
    /// use mqtt_wire::{Subscription, Version, topic_filter};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "phone"), 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// while link.next(0).is_some() {}
    ///
    /// let wanted = [Subscription::new(topic_filter!("lamp/#"), QoS::AtLeastOnce)];
    /// // The identifier is the link's to choose.
    /// let subscribe = Subscribe::new(PacketId::MIN, &wanted);
    /// let mut outputs = link.subscribe(&subscribe, 0)?;
    /// assert!(outputs.packet_id().is_some()); // by which the answer is known
    /// assert!(matches!(outputs.next(), Some(Output::Send(Packet::Subscribe(_)))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The server does not support it, too many requests wait for an answer, or it cannot be encoded.
    pub fn subscribe<'l, 'p>(
        &'l mut self,
        subscribe: &Subscribe<'p>,
        now: Millis,
    ) -> Result<Outputs<'l, 'p, Client, S>, Refusal>
    where
        Self: 'l,
    {
        let checked = self.c.limits.check_subscribe(subscribe);
        checked.map_err(|rule| Refusal::NotSupported(rule.reason_code()))?;
        let filters = subscribe.subscriptions.iter().count();
        self.request(Packet::Subscribe(*subscribe), filters, true, now)
    }

    /// Sends an UNSUBSCRIBE, as [`subscribe`](Self::subscribe) does. The answer comes as
    /// [`Input::Unsubscribed`](crate::Input::Unsubscribed).
    ///
    /// ```
    /// use mqtt_session::{Fixed, Input, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, PacketId, ReasonCode, UnsubAck, Unsubscribe};
    /// use mqtt_wire::{Version, topic_filter};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "phone"), 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// while link.next(0).is_some() {}
    ///
    /// let unsubscribe = Unsubscribe::new(PacketId::MIN, &[topic_filter!("lamp/#")]);
    /// let outputs = link.unsubscribe(&unsubscribe, 0)?;
    /// let id = outputs.packet_id().expect("it waits for an answer");
    /// outputs.for_each(|_| {}); // send it
    /// let answer = UnsubAck::new(id, &[]); // in 3.1.1 without codes
    /// assert!(matches!(link.handle(answer.into(), 5)?, Input::Unsubscribed(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Too many requests wait for an answer, or it cannot be encoded.
    pub fn unsubscribe<'l, 'p>(
        &'l mut self,
        unsubscribe: &Unsubscribe<'p>,
        now: Millis,
    ) -> Result<Outputs<'l, 'p, Client, S>, Refusal>
    where
        Self: 'l,
    {
        let filters = unsubscribe.filters.iter().count();
        self.request(Packet::Unsubscribe(*unsubscribe), filters, false, now)
    }

    fn request<'l, 'p>(
        &'l mut self,
        mut packet: Packet<'p>,
        filters: usize,
        is_subscribe: bool,
        now: Millis,
    ) -> Result<Outputs<'l, 'p, Client, S>, Refusal>
    where
        Self: 'l,
    {
        if self.c.state != State::Open {
            return Err(Refusal::NotOpen);
        }
        if self.c.requests.room() == 0 {
            return Err(Refusal::Slots);
        }
        self.fit(packet, PropertySet::EMPTY)?;
        let id = self.free_id().ok_or(Refusal::Slots)?;
        match &mut packet {
            Packet::Subscribe(packet) => packet.packet_id = id,
            Packet::Unsubscribe(packet) => packet.packet_id = id,
            _ => {}
        }
        let filters = u32::try_from(filters).unwrap_or(u32::MAX);
        self.c.requests.push(Request { id, filters, is_subscribe }).map_err(|_| Refusal::Slots)?;
        Ok(Outputs::new(self, Some((packet, PropertySet::EMPTY)), Then::GoOn, now))
    }

    /// The highest QoS that the server supports.
    ///
    /// ```
    /// use mqtt_session::{Growing, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, MaximumQoS, Properties, Property, QoS};
    /// use mqtt_wire::{ReasonCode, Version};
    ///
    /// let mut session = Session::new(Growing::<u16>::default());
    /// let mut link = session.client(Connection::client(Version::V5));
    /// link.connect(&Connect::new(Version::V5, "lamp-7"), 0)?.for_each(|_| {});
    /// let only = [Property::MaximumQoS(MaximumQoS::new(QoS::AtLeastOnce).expect("not QoS 2"))];
    /// let connack =
    ///     ConnAck { properties: Properties::new(&only), ..ConnAck::new(ReasonCode::SUCCESS) };
    /// link.handle(connack.into(), 0)?;
    /// // The application wants QoS 2 and lowers it to what this server has.
    /// assert_eq!(QoS::ExactlyOnce.min(link.maximum_qos()), QoS::AtLeastOnce);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn maximum_qos(&self) -> QoS {
        self.c.limits.maximum_qos
    }

    fn judge_connack(&mut self, connack: &ConnAck<'_>, now: Millis) -> Judged {
        if self.c.state != State::Waiting {
            return Err(SessionRule::SecondConnAck);
        }
        if connack.reason_code.is_error() {
            self.end_with(None, connack.reason_code);
            return Ok(Verdict::AsItIs);
        }
        let properties = &connack.properties;
        if !self.c.auth.is_method(properties) {
            return Err(SessionRule::AuthMethod);
        }
        // MQTT 3.1 does not tell: the server has what the client has not asked it to forget.
        let present = match self.c.wire.version() {
            Version::V31 => self.session.exists && !self.c.clean_start,
            _ => connack.session_present,
        };
        // A client of 3.1.1 may go on with a session that it did not expect (section 3.2.2.2).
        if present && (self.c.clean_start || self.c.wire.is_v5() && !self.session.exists) {
            return Err(if self.c.wire.is_v5() {
                SessionRule::SessionNotKnown
            } else {
                SessionRule::SessionNotCleared
            });
        }
        if !present {
            self.session.give_all_back();
        }
        let c = &mut self.c;
        c.auth.accepted();
        c.wire.0.received(&Packet::ConnAck(*connack));
        c.receive_maximum = properties.receive_maximum().map_or(u16::MAX, core::num::NonZero::get);
        c.aliases.most_out = properties.topic_alias_maximum().unwrap_or(0).min(self.session.slots.aliases());
        c.limits = Limits::of_connack(properties);
        c.keep_alive.set(properties.server_keep_alive().unwrap_or(c.asks.keep_alive), now);
        self.session.lasts(properties.session_expiry_interval().unwrap_or(c.expiry));
        self.open();
        Ok(Verdict::AsItIs)
    }

    /// The answer to a request; one that was not asked for means nothing.
    fn answer(&mut self, id: mqtt_wire::PacketId, codes: Option<usize>, is_subscribe: bool) -> Judged {
        let is_it = |request: &Request| request.id == id && request.is_subscribe == is_subscribe;
        let Some(request) = self.c.requests.find(0, is_it).and_then(|at| self.c.requests.remove(at)) else {
            return Ok(Verdict::Nothing);
        };
        match codes {
            Some(codes) if codes != request.filters as usize => Err(SessionRule::CodesMissing),
            _ => Ok(Verdict::AsItIs),
        }
    }
}

/// How long the session lasts after its connection, in seconds.
pub(super) fn expiry(connect: &Connect<'_>) -> u32 {
    match connect.version {
        Version::V5 => connect.properties.session_expiry_interval().unwrap_or(0),
        _ if connect.clean_start => 0,
        _ => u32::MAX,
    }
}

impl Behaviour for Client {
    const SENDER: Sender = Sender::Client;

    fn waits_for_connack<S: Slots>(_: &Link<'_, Self, S>, _: &Packet<'_>) -> bool {
        false
    }

    #[inline]
    fn judge<S: Slots>(link: &mut Link<'_, Self, S>, packet: &Packet<'_>, now: Millis) -> Judged {
        if link.c.state == State::Open {
            return match packet {
                Packet::ConnAck(connack) => link.judge_connack(connack, now),
                Packet::SubAck(ack) => {
                    link.answer(ack.packet_id, Some(ack.reason_codes.iter().count()), true)
                }
                Packet::UnsubAck(ack) => {
                    let codes = link.c.wire.is_v5().then(|| ack.reason_codes.iter().count());
                    link.answer(ack.packet_id, codes, false)
                }
                Packet::PingResp => {
                    link.c.keep_alive.answered();
                    Ok(Verdict::Nothing)
                }
                Packet::Disconnect(disconnect) => {
                    link.end_with(None, disconnect.reason_code);
                    Ok(Verdict::AsItIs)
                }
                Packet::Auth(auth) => link.judge_auth(auth),
                packet => link.judge_common(packet),
            };
        }
        match packet {
            Packet::ConnAck(connack) => link.judge_connack(connack, now),
            Packet::Auth(auth) => {
                link.c.keep_alive.heard(now);
                link.judge_auth(auth)
            }
            _ => Err(SessionRule::ConnAckFirst),
        }
    }

    fn deadline(keep_alive: &KeepAlive, is_open: bool) -> Option<Millis> {
        if is_open {
            keep_alive.dead_server_at().or(keep_alive.ping_at())
        } else {
            keep_alive.no_connack_at()
        }
    }

    fn elapsed<S: Slots>(link: &mut Link<'_, Self, S>, now: Millis) -> Result<(), SessionRule> {
        if link.c.state != State::Open {
            return Err(SessionRule::NoConnAck);
        }
        if link.c.keep_alive.dead_server_at().is_some() {
            return Err(SessionRule::NoPingResp);
        }
        // PINGREQ has two bytes.
        if link.c.wire.most_out() < 2 {
            return Err(SessionRule::PacketTooSmall);
        }
        if link.owe(Todo::PingReq).is_ok() {
            link.c.keep_alive.ask(now);
        }
        Ok(())
    }

    #[inline]
    fn sent(keep_alive: &mut KeepAlive, now: Millis) {
        keep_alive.heard(now);
    }

    #[inline]
    fn heard(_: &mut KeepAlive, _: Millis) {}
}
