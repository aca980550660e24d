//! A connection: what the two sides have in common.

mod client;
mod due;
mod outputs;
mod receive;
mod send;
mod server;

use core::marker::PhantomData;
use core::num::NonZeroU16;

use mqtt_wire::{
    Auth, Delivery, Disconnect, Packet, PacketId, PacketType, PropertyId, PropertySet, Publish, QoS,
    ReasonCode, Sender, TopicName, Version,
};

use crate::Millis;
use crate::alias::Aliases;
use crate::auth::Authentication;
use crate::keep_alive::KeepAlive;
use crate::limits::Limits;
use crate::output::{HandleError, Input, Publication, Receipt, Refusal, Reply};
use crate::session::Session;
use crate::slots::{List, Slots, count};
use crate::violation::{SessionRule, Violation};
use crate::wire::Wire;

use due::Due;
pub use outputs::Outputs;
pub(crate) use outputs::Then;

/// The side of a connection that a [`Link`] is: [`Client`] or [`Server`].
///
/// ```
/// use mqtt_session::{Link, Outputs, Role, Slots};
///
/// /// The same for a client and a server.
/// fn count<R: Role, S: Slots>(link: &mut Link<'_, R, S>, now: u64) -> usize {
///     let mut outputs: Outputs<'_, '_, R, S> = link.outputs(now);
///     let mut count = 0;
///     while outputs.next().is_some() {
///         count += 1;
///     }
///     count
/// }
/// ```
pub trait Role: behaviour::Behaviour {}

/// The role that sends CONNECT.
///
/// ```
/// use mqtt_session::{Client, Fixed, Link, Session};
/// use mqtt_wire::{Connection, Version};
///
/// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
/// let link: Link<'_, Client, _> = session.client(Connection::client(Version::V5));
/// assert!(!link.is_open()); // CONNECT comes first
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {}

/// The role that sends CONNACK.
///
/// ```
/// use mqtt_session::{Fixed, Link, Server, Session};
/// use mqtt_wire::{Connect, Connection, Version};
///
/// // Of the CONNECT that was decoded, and with the session of its client.
/// let connect = Connect::new(Version::V311, "lamp-7");
/// let mut connection = Connection::server();
/// connection.received(&connect.into());
/// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
/// let link: Link<'_, Server, _> = session.server(connection, &connect, 0);
/// assert_eq!(link.version(), Version::V311);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Server {}

impl Role for Client {}
impl Role for Server {}

/// What the roles do each in their way.
mod behaviour {
    use super::{Judged, KeepAlive, Link, Millis, Packet, Role, Sender, SessionRule, Slots};

    #[allow(unnameable_types, reason = "seals the roles")]
    pub trait Behaviour: Sized {
        const SENDER: Sender;
        /// Whether the packet can only be handled when CONNACK was sent.
        fn waits_for_connack<S: Slots>(link: &Link<'_, Self, S>, packet: &Packet<'_>) -> bool
        where
            Self: Role;
        fn judge<S: Slots>(link: &mut Link<'_, Self, S>, packet: &Packet<'_>, now: Millis) -> Judged
        where
            Self: Role;
        fn deadline(keep_alive: &KeepAlive, is_open: bool) -> Option<Millis>;
        fn elapsed<S: Slots>(link: &mut Link<'_, Self, S>, now: Millis) -> Result<(), SessionRule>
        where
            Self: Role;
        /// A packet goes out.
        fn sent(keep_alive: &mut KeepAlive, now: Millis);
        /// A packet has come.
        fn heard(keep_alive: &mut KeepAlive, now: Millis);
    }
}
pub(crate) use behaviour::Behaviour;

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Client: CONNECT was not sent.
    New,
    /// CONNACK has not gone by.
    Waiting,
    Open,
    /// Nothing is done any more but to say goodbye, with this DISCONNECT if there is one.
    Closing(Option<ReasonCode>, ReasonCode),
    Closed,
}

/// A message of QoS 1 or 2 of the peer's that has not been acknowledged on this connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Incoming {
    pub(crate) id: PacketId,
    pub(crate) qos: QoS,
    pub(crate) state: IncomingState,
}

impl Incoming {
    /// The packet that answers it.
    pub(crate) const fn acknowledgement(&self) -> PacketType {
        match self.qos {
            QoS::ExactlyOnce => PacketType::PubRec,
            _ => PacketType::PubAck,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum IncomingState {
    /// The application has the receipt.
    Pending,
    /// The application has said this.
    Answered(ReasonCode),
    /// QoS 2: the application has it and has said this, and it stands in the session.
    Received(ReasonCode),
    /// QoS 2: it was there before on this connection.
    Repeated,
}

/// A short packet or a message of QoS 0 that waits to be handed out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Todo<K> {
    Acknowledge(PacketType, PacketId, ReasonCode),
    PingReq,
    PingResp,
    Publish(Publication<K>),
}

/// A SUBSCRIBE or UNSUBSCRIBE that has not been answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    pub(crate) id: PacketId,
    pub(crate) filters: u32,
    pub(crate) is_subscribe: bool,
}

/// What ends with the connection.
pub(crate) struct Connection<S: Slots> {
    pub(crate) wire: Wire,
    pub(crate) state: State,
    pub(crate) due: Due,
    pub(crate) epoch: u32,
    /// The peer's Receive Maximum.
    pub(crate) receive_maximum: u16,
    /// How many messages that wait for PUBACK or PUBREC were sent on this connection.
    pub(crate) published: u16,
    /// How many of those that were not are from an earlier connection.
    pub(crate) replay: u16,
    /// How many of the released ones were published on an earlier connection: they have no share in the quota.
    pub(crate) resumed: u16,
    /// How many PUBRELs were sent on this connection, of the messages that still wait for PUBCOMP.
    pub(crate) released: u16,
    pub(crate) window: S::Window,
    /// How many messages in the window are neither received nor repeated.
    pub(crate) open: u16,
    /// What this side has announced.
    pub(crate) own_receive_maximum: u16,
    /// How many of the session's received messages have not come on this connection: they stand first.
    pub(crate) received_before: u16,
    /// How many PUBRELs have come on this connection for messages that have not: by section 4.9 the peer may count their
    /// PUBCOMPs towards its quota, although it has spent none on them.
    pub(crate) given_back: u16,
    pub(crate) todo: S::Todo,
    pub(crate) requests: S::Requests,
    pub(crate) aliases: Aliases<S>,
    pub(crate) limits: Limits,
    pub(crate) keep_alive: KeepAlive,
    pub(crate) auth: Authentication,
    pub(crate) clean_start: bool,
    /// CONNECT's Session Expiry Interval, or what stands for it in 3.x.
    pub(crate) expiry: u32,
    /// Server: what CONNECT asks of CONNACK and the other packets.
    pub(crate) asks: Asks,
    pub(crate) will: WillState,
}

/// What a CONNECT asks of the server's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Asks {
    pub(crate) response_information: bool,
    pub(crate) problem_information: bool,
    pub(crate) client_id: bool,
    pub(crate) keep_alive: u16,
}

/// What becomes of the will of a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum WillState {
    None,
    /// It is published so many seconds after the end.
    After(u32),
}

/// How a connection has ended, for a server to store.
///
/// ```
/// use mqtt_session::{Ending, Fixed, Session};
/// use mqtt_wire::{ConnAck, Connect, Connection, ReasonCode, Version, Will, topic_name};
///
/// let will = Will::new(topic_name!("lamp/7/status"), b"gone");
/// let connect = Connect { will: Some((&will).into()), ..Connect::new(Version::V311, "lamp-7") };
/// let mut connection = Connection::server();
/// connection.received(&connect.into());
/// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
/// let mut link = session.server(connection, &connect, 0);
/// link.connack(&ConnAck::new(ReasonCode::SUCCESS), 0)?.for_each(|_| {});
///
/// // The connection breaks at 500: the will is due at once, and so ends a clean session.
/// let Ending { will_due, session_ends } = link.ending(500);
/// assert_eq!((will_due, session_ends), (Some(500), Some(500)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ending {
    /// When the session is over, if it is not resumed before; `None` when never.
    pub session_ends: Option<Millis>,
    /// When the will is to be published, if the session is not resumed before; `None` when there is none, or it was
    /// taken back by DISCONNECT.
    pub will_due: Option<Millis>,
}

/// A connection of a session, in the role `R`. What ends with the connection is in here; what goes on is in the
/// [`Session`] that it borrows.
///
/// The loop around it: whatever is called, do what [`next`](Self::next) says until it has nothing more.
///
/// ```
/// use mqtt_session::{Fixed, Input, Output, Session};
/// use mqtt_wire::{ConnAck, Connect, Connection, Publish, QoS, ReasonCode, Version, topic_name};
///
/// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
/// let mut link = session.client(Connection::client(Version::V311));
/// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {}); // send it
///
/// // A packet comes in.
/// let connack = ConnAck::new(ReasonCode::SUCCESS);
/// assert!(matches!(link.handle(connack.into(), 10)?, Input::Connected(_)));
/// while let Some(output) = link.next(10) {
///     assert!(matches!(output, Output::Store(_))); // without storage: ignore it
/// }
///
/// // A message goes out, known by the key 7.
/// link.publish(&Publish::new(topic_name!("a"), b"hi"), QoS::AtLeastOnce, 7)?;
/// let sends = |output| matches!(output, Output::Publish(publication) if publication.key == 7);
/// assert!(std::iter::from_fn(|| link.next(20)).any(sends));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Link<'s, R: Role, S: Slots> {
    pub(crate) session: &'s mut Session<S>,
    pub(crate) c: Connection<S>,
    role: PhantomData<R>,
}

/// A connection without its session: see [`Link::detach`].
///
/// ```
/// use mqtt_session::{Client, Detached, Fixed, Session};
/// use mqtt_wire::{Connection, Version};
///
/// type Slots = Fixed<u16, 8, 4>;
///
/// /// Both in one struct, which a link that borrows the session cannot be in.
/// struct Device {
///     session: Session<Slots>,
///     connection: Option<Detached<Client, Slots>>,
/// }
///
/// let mut device = Device { session: Session::new(Slots::new()), connection: None };
/// let link = device.session.client(Connection::client(Version::V5));
/// device.connection = Some(link.detach());
/// if let Some(connection) = device.connection.take() {
///     let link = device.session.attach(connection).map_err(|_| "it is this session's")?;
///     device.connection = Some(link.detach());
/// }
/// # Ok::<(), &str>(())
/// ```
pub struct Detached<R: Role, S: Slots> {
    pub(crate) c: Connection<S>,
    pub(crate) role: PhantomData<R>,
}

impl<S: Slots> Session<S> {
    /// Goes on with a connection of this session.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{Connection, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let old = session.client(Connection::client(Version::V5)).detach();
    /// let new = session.client(Connection::client(Version::V5)).detach();
    /// // The client has connected anew in between.
    /// assert!(session.attach(old).is_err());
    /// assert!(session.attach(new).is_ok());
    /// ```
    ///
    /// # Errors
    /// The connection, when it is another session's, or not this one's latest, or the session was ended in between.
    #[allow(clippy::result_large_err, reason = "a connection is worth keeping")]
    pub fn attach<R: Role>(&mut self, connection: Detached<R, S>) -> Result<Link<'_, R, S>, Detached<R, S>> {
        if connection.c.epoch != self.epoch {
            return Err(connection);
        }
        Ok(Link { session: self, c: connection.c, role: PhantomData })
    }

    /// A link of a new connection.
    pub(crate) fn link<R: Role>(&mut self, connection: mqtt_wire::Connection) -> Link<'_, R, S> {
        // What has ended with the last connection is given back.
        if self.exists && self.expiry == 0 {
            self.give_all_back();
        }
        self.epoch = self.epoch.wrapping_add(1);
        let c = Connection {
            wire: Wire(connection),
            state: State::New,
            due: Due::RECORDS,
            epoch: self.epoch,
            receive_maximum: u16::MAX,
            published: 0,
            replay: 0,
            resumed: 0,
            released: 0,
            window: S::Window::default(),
            open: 0,
            own_receive_maximum: u16::MAX,
            received_before: 0,
            given_back: 0,
            todo: S::Todo::default(),
            requests: S::Requests::default(),
            aliases: Aliases::new(),
            limits: Limits::NONE,
            keep_alive: KeepAlive::default(),
            auth: Authentication::NONE,
            clean_start: false,
            expiry: 0,
            asks: Asks {
                response_information: false,
                problem_information: true,
                client_id: false,
                keep_alive: 0,
            },
            will: WillState::None,
        };
        Link { session: self, c, role: PhantomData }
    }
}

/// What a packet has turned out to be, without a borrow of it.
#[allow(unreachable_pub, reason = "a sealed trait names it")]
pub enum Verdict {
    Nothing,
    /// CONNACK, SUBACK, UNSUBACK, AUTH and DISCONNECT as they are.
    AsItIs,
    Message(Option<Receipt>, Option<NonZeroU16>),
    Request(Reply),
}

#[allow(unreachable_pub, reason = "a sealed trait names it")]
pub type Judged = Result<Verdict, SessionRule>;

impl<R: Role, S: Slots> Link<'_, R, S> {
    /// Handles a packet of the peer's. What follows from it comes out of [`next`](Self::next).
    ///
    /// While the link is closing, packets are not looked at any more: they are [`Input::Nothing`].
    ///
    /// ```
    /// use mqtt_session::{Fixed, HandleError, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Packet, ReasonCode, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
    /// // A server that begins with anything but CONNACK.
    /// let Err(HandleError::Violation(violation)) = link.handle(Packet::PingResp, 0) else {
    ///     panic!("it has broken a rule")
    /// };
    /// assert_eq!(violation.requirement(), "MQTT-3.2.0-1");
    /// assert!(link.is_closing()); // the outputs say how
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The peer has broken a rule between packets, or outputs are to be done first.
    #[inline]
    pub fn handle<'a>(&'a mut self, packet: Packet<'a>, now: Millis) -> Result<Input<'a>, HandleError> {
        // Performance: nothing follows from most messages of QoS 0.
        if let Packet::Publish(message) = packet {
            if self.c.state == State::Open
                && message.delivery == Delivery::AtMostOnce
                && message.properties.is_empty()
                && (matches!(R::SENDER, Sender::Client) || !message.retain)
            {
                R::heard(&mut self.c.keep_alive, now);
                return Ok(Input::Message(message, None));
            }
        }
        self.handle_any(packet, now)
    }

    fn handle_any<'a>(&'a mut self, packet: Packet<'a>, now: Millis) -> Result<Input<'a>, HandleError> {
        if self.c.state != State::Open {
            if self.is_closing() {
                return Ok(Input::Nothing);
            }
            if R::waits_for_connack(self, &packet) {
                return Err(HandleError::TooEarly);
            }
        }
        if self.c.todo.room() < 2 || self.session.releasing > 0 && self.session.received.room() == 0 {
            return Err(HandleError::TooEarly);
        }
        R::heard(&mut self.c.keep_alive, now);
        match R::judge(self, &packet, now) {
            Ok(verdict) => Ok(self.input(packet, verdict)),
            Err(rule) => Err(HandleError::Violation(self.violated(rule))),
        }
    }

    #[inline]
    fn input<'a>(&'a self, packet: Packet<'a>, verdict: Verdict) -> Input<'a> {
        match (packet, verdict) {
            (Packet::Publish(message), Verdict::Message(receipt, None)) => Input::Message(message, receipt),
            (Packet::Publish(message), Verdict::Message(receipt, Some(alias))) => {
                let name = self.c.aliases.resolve(alias).unwrap_or_default();
                let topic = TopicName::from_bytes(name).ok();
                Input::Message(Publish { topic, ..message }, receipt)
            }
            (Packet::Subscribe(packet), Verdict::Request(reply)) => Input::Subscribe(packet, reply),
            (Packet::Unsubscribe(packet), Verdict::Request(reply)) => Input::Unsubscribe(packet, reply),
            (Packet::ConnAck(packet), Verdict::AsItIs) if packet.reason_code.is_error() => {
                Input::Refused(packet)
            }
            (Packet::ConnAck(packet), Verdict::AsItIs) => Input::Connected(packet),
            (Packet::SubAck(packet), Verdict::AsItIs) => Input::Subscribed(packet),
            (Packet::UnsubAck(packet), Verdict::AsItIs) => Input::Unsubscribed(packet),
            (Packet::Auth(packet), Verdict::AsItIs) => Input::Auth(packet),
            (Packet::Disconnect(packet), Verdict::AsItIs) => Input::Closing(packet),
            _ => Input::Nothing,
        }
    }

    /// What both roles judge alike.
    #[inline]
    pub(crate) fn judge_common(&mut self, packet: &Packet<'_>) -> Judged {
        match packet {
            Packet::Publish(message) => self.receive(message),
            Packet::PubAck(ack) => self.puback(ack),
            Packet::PubRec(ack) => self.pubrec(ack),
            Packet::PubRel(ack) => Ok(self.pubrel(ack)),
            Packet::PubComp(ack) => self.pubcomp(ack),
            // The codec lets through nothing that is the other side's to send.
            _ => Ok(Verdict::Nothing),
        }
    }

    /// Notes a violation: from now on the link only closes.
    #[cold]
    pub(crate) fn violated(&mut self, rule: SessionRule) -> Violation {
        self.close(rule.reason_code());
        Violation { rule, version: self.c.wire.version() }
    }

    /// From now on the link only closes, after this DISCONNECT if there is one.
    pub(crate) fn end_with(&mut self, goodbye: Option<ReasonCode>, code: ReasonCode) {
        self.c.state = State::Closing(goodbye, code);
        self.c.due.close();
    }

    /// Puts a short packet or a message of QoS 0 behind the others. Where it matters, the caller has seen to it that there
    /// is room.
    #[inline]
    pub(crate) fn owe(&mut self, todo: Todo<S::Key>) -> Result<(), Todo<S::Key>> {
        self.c.due.add(Due::SHORT);
        self.c.todo.push(todo)
    }

    /// Closes the connection for a fault of the peer's that was found elsewhere, such as a
    /// [`DecodeError`](mqtt_wire::DecodeError): the outputs are a DISCONNECT with this reason code where there can be
    /// one, and the close.
    ///
    /// ```
    /// use mqtt_session::{Growing, Output, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Packet, ReasonCode, Version};
    ///
    /// let mut session = Session::new(Growing::<u16>::default());
    /// let mut link = session.client(Connection::client(Version::V5));
    /// link.connect(&Connect::new(Version::V5, "lamp-7"), 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// // The next packet does not decode.
    /// link.close(ReasonCode::MALFORMED_PACKET);
    /// let outputs: Vec<_> = std::iter::from_fn(|| link.next(0)).collect();
    /// assert!(outputs.iter().any(|o| matches!(o, Output::Send(Packet::Disconnect(_)))));
    /// assert!(matches!(outputs.last(), Some(Output::Close(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&mut self, code: ReasonCode) {
        if matches!(self.c.state, State::Closing(..) | State::Closed) {
            return;
        }
        // A client says goodbye only after CONNECT, a server only after a CONNACK of success `[MQTT-3.14.0-1]`.
        let can_tell = match self.c.state {
            State::Open => true,
            State::Waiting => matches!(R::SENDER, Sender::Client),
            _ => false,
        };
        let told = can_tell
            && self.c.wire.is_v5()
            && code.is_allowed(PacketType::Disconnect, Version::V5, Some(R::SENDER));
        self.end_with(told.then_some(code), code);
    }

    /// Ends the connection with this DISCONNECT. In 5.0 a client may say with it how long the session is to last on.
    ///
    /// ```
    /// use mqtt_session::{Growing, Output, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Disconnect, Properties, Property};
    /// use mqtt_wire::{ReasonCode, Version};
    ///
    /// let mut session = Session::new(Growing::<u16>::default());
    /// let mut link = session.client(Connection::client(Version::V5));
    /// let properties = [Property::SessionExpiryInterval(60)];
    /// let connect = Connect {
    ///     properties: Properties::new(&properties),
    ///     ..Connect::new(Version::V5, "phone")
    /// };
    /// link.connect(&connect, 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// while link.next(0).is_some() {}
    ///
    /// // The user signs out: the server need not keep the session.
    /// let now_over = [Property::SessionExpiryInterval(0)];
    /// let goodbye = Disconnect {
    ///     properties: Properties::new(&now_over),
    ///     ..Disconnect::new(ReasonCode::NORMAL_DISCONNECTION)
    /// };
    /// let mut closes = false;
    /// link.disconnect(&goodbye, 0)?.for_each(|output| closes |= matches!(output, Output::Close(_)));
    /// assert!(closes && link.is_closing());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refusal::NotOpen`] before CONNACK and after the end. A server of 3.x has no DISCONNECT: use
    /// [`close`](Self::close).
    pub fn disconnect<'l, 'p>(
        &'l mut self,
        disconnect: &Disconnect<'p>,
        now: Millis,
    ) -> Result<Outputs<'l, 'p, R, S>, Refusal>
    where
        Self: 'l,
    {
        let can_tell = match self.c.state {
            State::Open => true,
            State::Waiting => matches!(R::SENDER, Sender::Client),
            _ => false,
        };
        if !can_tell || matches!(R::SENDER, Sender::Server) && !self.c.wire.is_v5() {
            return Err(Refusal::NotOpen);
        }
        let packet = Packet::Disconnect(*disconnect);
        let hidden = self.fit(packet, PropertySet::EMPTY)?;
        let told = match R::SENDER {
            Sender::Client => disconnect.properties.session_expiry_interval(),
            Sender::Server => None,
        };
        if let Some(expiry) = told {
            if self.c.expiry == 0 && expiry != 0 {
                return Err(Refusal::NotOpen);
            }
            if self.session.exists {
                self.session.lasts(expiry);
                self.c.due.add(Due::RECORDS);
            }
        }
        Ok(Outputs::new(self, Some((packet, hidden)), Then::Close(disconnect.reason_code), now))
    }

    /// Sends a step of an authentication (section 4.12).
    ///
    /// ```
    /// use std::num::NonZeroU16;
    /// use mqtt_session::{Fixed, Refusal, Session};
    /// use mqtt_wire::{Auth, Connect, Connection, Properties, Property, ReasonCode, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V5));
    /// let method = [Property::AuthenticationMethod("SCRAM-SHA-256")];
    /// let room = NonZeroU16::new(4).expect("not 0");
    /// let asked = [method[0], Property::ReceiveMaximum(room)];
    /// let properties = Properties::new(&asked);
    /// let connect = Connect { properties, ..Connect::new(Version::V5, "lamp-7") };
    /// link.connect(&connect, 0)?.for_each(|_| {});
    /// // The server asks, and the client answers; another time it would not be its turn.
    /// let step = Auth::new(ReasonCode::CONTINUE_AUTHENTICATION, Properties::new(&method));
    /// link.handle(step.into(), 10)?;
    /// link.auth(&step, 20)?.for_each(|_| {});
    /// assert!(matches!(link.auth(&step, 30), Err(Refusal::Auth)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it is not this side's turn, or the method is not that of CONNECT.
    pub fn auth<'l, 'p>(&'l mut self, auth: &Auth<'p>, now: Millis) -> Result<Outputs<'l, 'p, R, S>, Refusal>
    where
        Self: 'l,
    {
        if !matches!(self.c.state, State::Waiting | State::Open) {
            return Err(Refusal::NotOpen);
        }
        if !self.c.auth.is_asked() {
            return Err(Refusal::Auth);
        }
        if !self.c.auth.is_method(&auth.properties) {
            return Err(Refusal::AuthMethod);
        }
        let mut next = self.c.auth;
        let in_turn = match R::SENDER {
            Sender::Client => next.client_sends(auth.reason_code),
            Sender::Server => next.server_sends(auth.reason_code),
        };
        if !in_turn {
            return Err(Refusal::Auth);
        }
        let packet = Packet::Auth(*auth);
        let hidden = self.fit(packet, self.unwanted())?;
        self.c.auth = next;
        Ok(Outputs::new(self, Some((packet, hidden)), Then::GoOn, now))
    }

    /// An AUTH of the peer's.
    pub(crate) fn judge_auth(&mut self, auth: &Auth<'_>) -> Judged {
        if !self.c.auth.is_asked() {
            return Err(SessionRule::AuthNotAsked);
        }
        if !self.c.auth.is_method(&auth.properties) {
            return Err(SessionRule::AuthMethod);
        }
        let in_turn = match R::SENDER {
            Sender::Client => self.c.auth.server_sends(auth.reason_code),
            Sender::Server => self.c.auth.client_sends(auth.reason_code),
        };
        if in_turn { Ok(Verdict::AsItIs) } else { Err(SessionRule::AuthOutOfTurn) }
    }

    /// What has to be left out of a packet, which is this at least, so that the peer takes it.
    pub(crate) fn fit(&self, packet: Packet<'_>, hidden: PropertySet) -> Result<PropertySet, Refusal> {
        match self.c.wire.fit(packet, hidden) {
            Ok(Some(hidden)) => Ok(hidden),
            Ok(None) => Err(Refusal::TooLarge),
            Err(error) => Err(Refusal::Encode(error)),
        }
    }

    /// Reason String and User Properties, if the client does not want them (`[MQTT-3.1.2-29]`).
    pub(crate) fn unwanted(&self) -> PropertySet {
        if self.c.asks.problem_information {
            PropertySet::EMPTY
        } else {
            PropertyId::ReasonString | PropertyId::UserProperty
        }
    }

    /// The connection begins: CONNACK has gone by.
    pub(crate) fn open(&mut self) {
        self.c.state = State::Open;
        self.c.due = Due::OPEN;
        self.c.published = 0;
        // Those among them that were taken and have no record yet, too: their aliases have ended, and limits may be others.
        self.c.replay = self.session.published();
        (self.c.resumed, self.c.released) = (self.session.released, 0);
        self.c.received_before = count(self.session.received.len());
    }

    /// When [`elapsed`](Self::elapsed) has to be called, if nothing else comes before. `None` without a keep alive: how
    /// long to wait for CONNACK is the caller's to say then (section 3.1.4).
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, ReasonCode, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// let connect = Connect { keep_alive: 30, ..Connect::new(Version::V311, "lamp-7") };
    /// link.connect(&connect, 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// while link.next(0).is_some() {}
    /// // How long a read may wait.
    /// let (now, deadline) = (1_000, link.deadline().expect("there is a keep alive"));
    /// assert!(deadline > now && deadline <= 30_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn deadline(&self) -> Option<Millis> {
        match self.c.state {
            State::Waiting | State::Open => R::deadline(&self.c.keep_alive, self.is_open()),
            _ => None,
        }
    }

    /// Gives the memory back that nothing is in, for a connection that will be silent for a while. With
    /// [`Fixed`](crate::Fixed) slots there is none.
    ///
    /// ```
    /// use mqtt_session::{Growing, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Packet, ReasonCode, Version};
    ///
    /// let connect = Connect::new(Version::V311, "lamp-7");
    /// let mut connection = Connection::server();
    /// connection.received(&connect.into());
    /// let mut session = Session::new(Growing::<u16>::default());
    /// let mut link = session.server(connection, &connect, 0);
    /// link.connack(&ConnAck::new(ReasonCode::SUCCESS), 0)?.for_each(|_| {});
    /// link.handle(Packet::PingReq, 10)?;
    /// while link.next(10).is_some() {} // PINGRESP
    /// link.shrink(); // the next packet comes in a minute
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shrink(&mut self) {
        self.session.outgoing.shrink();
        self.session.received.shrink();
        self.c.window.shrink();
        self.c.todo.shrink();
        self.c.requests.shrink();
    }

    /// Time has passed: a client sends PINGREQ, and either side notices when the other is silent for too long. To be
    /// called at [`deadline`](Self::deadline), and harmless at other times.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Output, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Packet, ReasonCode, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// let connect = Connect { keep_alive: 30, ..Connect::new(Version::V311, "lamp-7") };
    /// link.connect(&connect, 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// while link.next(0).is_some() {}
    ///
    /// let deadline = link.deadline().expect("there is a keep alive");
    /// link.elapsed(deadline)?; // nothing has come or gone until then
    /// assert!(matches!(link.next(deadline), Some(Output::Send(Packet::PingReq))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The peer was silent for too long, before CONNACK as well, or its Maximum Packet Size of 1 leaves no room for PINGREQ; the link now only
    /// closes.
    pub fn elapsed(&mut self, now: Millis) -> Result<(), Violation> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        R::elapsed(self, now).map_err(|rule| self.violated(rule))
    }

    /// The codec of the connection: it decodes what comes. What goes is encoded by it, or with its
    /// [`encode_options`](mqtt_wire::Connection::encode_options): the link sees to it that it knows the version and the
    /// limits of both sides.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Input, Session};
    /// use mqtt_wire::{Connect, Connection, Decoded, Packet, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
    ///
    /// // Bytes come from the socket; the link's own codec knows what may come at this moment.
    /// let received = [0x20, 2, 0, 0];
    /// let Decoded::Packet { packet, .. } = link.connection().decode(&received)? else {
    ///     panic!("it is complete")
    /// };
    /// assert!(matches!(link.handle(packet, 10)?, Input::Connected(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn connection(&mut self) -> &mut mqtt_wire::Connection {
        &mut self.c.wire.0
    }

    /// The version that is spoken.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{Connect, Connection, Version};
    ///
    /// // A server learns it from CONNECT.
    /// let connect = Connect::new(Version::V31, "old-sensor");
    /// let mut connection = Connection::server();
    /// connection.received(&connect.into());
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// assert_eq!(session.server(connection, &connect, 0).version(), Version::V31);
    /// ```
    pub fn version(&self) -> Version {
        self.c.wire.version()
    }

    /// Whether CONNACK of success has gone by and the connection is not closing.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, ReasonCode, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
    /// assert!(!link.is_open()); // messages wait until the server has accepted
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// assert!(link.is_open());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn is_open(&self) -> bool {
        matches!(self.c.state, State::Open)
    }

    /// Whether the link does nothing any more but close.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, ReasonCode, Version};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
    /// // The server refuses: the loop that reads its socket can end.
    /// link.handle(ConnAck::new(ReasonCode::NOT_AUTHORIZED).into(), 0)?;
    /// assert!(link.is_closing());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn is_closing(&self) -> bool {
        matches!(self.c.state, State::Closing(..) | State::Closed)
    }

    /// The session.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::{Connection, Version};
    ///
    /// // The link borrows the session; it can be looked at all the same.
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let link = session.client(Connection::client(Version::V5));
    /// assert_eq!(link.session().in_flight(), 0);
    /// ```
    pub const fn session(&self) -> &Session<S> {
        self.session
    }

    /// The connection without its session, to be kept beside it: [`Session::attach`] puts both together again.
    ///
    /// ```
    /// use mqtt_session::{Client, Detached, Fixed, Session};
    /// use mqtt_wire::{Connection, Version};
    ///
    /// type Kept = Fixed<u16, 8, 4>;
    ///
    /// /// A link borrows its session, so a struct cannot hold both; between two calls it holds this.
    /// struct Device {
    ///     session: Session<Kept>,
    ///     connection: Detached<Client, Kept>,
    /// }
    ///
    /// let mut session = Session::new(Kept::new());
    /// let connection = session.client(Connection::client(Version::V311)).detach();
    /// let mut device = Device { session, connection };
    /// let link = device.session.attach(device.connection).map_err(|_| "it is this session's")?;
    /// assert_eq!(link.version(), Version::V311);
    /// # Ok::<(), &str>(())
    /// ```
    pub fn detach(self) -> Detached<R, S> {
        Detached { c: self.c, role: PhantomData }
    }

    /// An identifier that is not in use, not even by a SUBSCRIBE or UNSUBSCRIBE. They go round.
    #[inline]
    pub(crate) fn free_id(&mut self) -> Option<PacketId> {
        let used = self.session.outgoing.len() + self.c.requests.len();
        for _ in 0..=used {
            let last = self.session.last_id;
            self.session.last_id = if last >= S::LAST_ID { 1 } else { last.saturating_add(1) };
            let Some(id) = PacketId::new(self.session.last_id) else { continue };
            let is_used = self.session.outgoing.find(0, |message| message.id == id).is_some()
                || self.c.requests.find(0, |request| request.id == id).is_some();
            if !is_used {
                return Some(id);
            }
        }
        None
    }
}
