//! What goes into a link and what comes out of it.

use core::fmt;
use core::num::NonZeroU16;

use mqtt_wire::{
    Auth, ConnAck, Delivery, Disconnect, EncodeError, Packet, PacketId, Publish, QoS, ReasonCode, SubAck,
    Subscribe, UnsubAck, Unsubscribe,
};

use crate::record::Record;
use crate::violation::Violation;

/// What is to be done, in this order: that is the whole contract.
///
/// A [`Store`](Self::Store) is safe before what follows it is sent or given up; several may share one sync. A caller
/// without storage ignores them.
///
/// ```
/// use mqtt_session::Output;
/// use mqtt_wire::{EncodeOptions, Packet, Publish, topic_name};
///
/// /// Does one; `false` when the connection is to be closed.
/// fn perform(output: Output<'_, u16>, options: EncodeOptions, out: &mut Vec<u8>) -> bool {
///     let packet = match output {
///         Output::Send(packet) => packet,
///         Output::Publish(publication) => {
///             let message = Publish::new(topic_name!("a"), b"the message of publication.key");
///             publication.of(message).into()
///         }
///         Output::Store(_record) => return true, // sync it before anything behind it is sent
///         Output::Done(_key, _outcome) => return true, // the message may be dropped
///         Output::Close(_) => return false,
///     };
///     packet.encode(options, out).is_ok()
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a view on the stack: boxing would allocate")]
pub enum Output<'p, K> {
    /// Store this record.
    Store(Record<K>),
    /// Send this packet.
    Send(Packet<'p>),
    /// Send the message of this key, as a PUBLISH with these fields: see [`Publication::of`].
    Publish(Publication<K>),
    /// The session is done with the message of this key. (Where there is storage, the record of it came before.)
    Done(K, Outcome),
    /// Close the connection, and drop the link. For a clean end without a fault it is
    /// [`SUCCESS`](ReasonCode::SUCCESS).
    Close(ReasonCode),
}

/// How a message goes out.
///
/// ```
/// use mqtt_session::Publication;
/// use mqtt_wire::{Delivery, PacketId, Publish, topic_name};
///
/// // As `Output::Publish` brings it: the message of key 7, for the second time.
/// let delivery = Delivery::AtLeastOnce(PacketId::MIN);
/// let publication = Publication { key: 7, delivery, dup: true, alias: None };
/// let goes_out = publication.of(Publish::new(topic_name!("a"), b"hi"));
/// assert!(goes_out.dup && goes_out.delivery == delivery);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Publication<K> {
    /// What the caller knows it by. At QoS 0 the session keeps none: the message is done when it is sent.
    pub key: K,
    /// Quality of Service and Packet Identifier.
    pub delivery: Delivery,
    /// It may have been sent before.
    pub dup: bool,
    /// The Topic Alias to send along. A message that is sent again has none.
    pub alias: Option<TopicAlias>,
}

/// A Topic Alias in a message that goes out.
///
/// ```
/// use std::num::NonZeroU16;
/// use mqtt_session::TopicAlias;
/// use mqtt_wire::Property;
///
/// let alias = TopicAlias { number: NonZeroU16::MIN, is_new: false };
/// let property = Property::TopicAlias(alias.number);
/// let sends_topic = alias.is_new; // else the topic is left out
/// # let _ = (property, sends_topic);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicAlias {
    /// The value of the property.
    pub number: NonZeroU16,
    /// The peer learns the alias by this message: the topic goes along. Else the topic is left out.
    pub is_new: bool,
}

impl<K> Publication<K> {
    /// The message as it goes out. The Topic Alias, if there is one, has to be added to the properties:
    ///
    /// ```
    /// use mqtt_session::Publication;
    /// use mqtt_wire::{EncodeError, EncodeOptions, Packet, Properties, Property, Publish};
    ///
    /// /// Encodes a message without properties of its own.
    /// fn encode(
    ///     message: Publish, publication: &Publication<u16>, options: EncodeOptions,
    ///     out: &mut Vec<u8>,
    /// ) -> Result<usize, EncodeError> {
    ///     let mut publish = publication.of(message);
    ///     let alias = publication.alias.map(|alias| Property::TopicAlias(alias.number));
    ///     publish.properties = Properties::new(alias.as_slice());
    ///     Packet::from(publish).encode(options, out)
    /// }
    /// ```
    pub fn of<'a>(&self, message: Publish<'a>) -> Publish<'a> {
        let topic = match self.alias {
            Some(TopicAlias { is_new: false, .. }) => None,
            _ => message.topic,
        };
        Publish { delivery: self.delivery, dup: self.dup, topic, ..message }
    }
}

/// How the handshake of a message of QoS 1 or 2 ended.
///
/// ```
/// use mqtt_session::Outcome;
/// use mqtt_wire::ReasonCode;
///
/// /// Whether the message is to be offered again, in another session.
/// fn is_lost(outcome: Outcome) -> bool {
///     match outcome {
///         Outcome::Acknowledged(code) => code.is_error(), // the peer refuses it
///         Outcome::Undelivered(_) | Outcome::SessionOver => true,
///     }
/// }
/// assert!(!is_lost(Outcome::Acknowledged(ReasonCode::SUCCESS)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The peer has it, or (0x80 and more) has refused it. At QoS 2 this is the code of PUBREC; after a restart it is
    /// 0x00 for any below 0x80, which is not stored.
    Acknowledged(ReasonCode),
    /// It was not sent again, since the new connection could not carry it: it is larger than the peer's Maximum Packet
    /// Size (0x95), its QoS is above the Maximum QoS (0x9B), or it is retained and Retain Available is 0 (0x9A). The
    /// peer may have it from an earlier connection.
    Undelivered(ReasonCode),
    /// The session is over. The peer may have the message or not.
    SessionOver,
}

/// What a received packet means to the application.
///
/// ```
/// use mqtt_session::{Fixed, Input, Session};
/// use mqtt_wire::{ConnAck, Connect, Connection, Publish, ReasonCode, Version, topic_name};
///
/// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
/// let mut link = session.client(Connection::client(Version::V311));
/// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
/// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
/// while link.next(0).is_some() {}
///
/// let publish = Publish::new(topic_name!("a"), b"hi"); // as it was decoded
/// match link.handle(publish.into(), 0)? {
///     Input::Message(message, None) => assert_eq!(message.payload, b"hi"), // QoS 0
///     Input::Message(_, Some(receipt)) => println!("acknowledge {}", receipt.packet_id().get()),
///     _ => {}
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, PartialEq)]
#[must_use]
#[allow(clippy::large_enum_variant, reason = "a view on the stack: boxing would allocate")]
pub enum Input<'a> {
    /// Nothing: the packet was the link's own business.
    Nothing,
    /// Client: the server has accepted the connection.
    Connected(ConnAck<'a>),
    /// Client: the server has refused the connection.
    Refused(ConnAck<'a>),
    /// A message that has not been there before. Its topic is there even if an alias stood for it. (Its properties are
    /// as they came, Topic Alias included.) One of QoS 1 or 2 brings a receipt, to be given to
    /// [`Link::accept`](crate::Link::accept).
    Message(Publish<'a>, Option<Receipt>),
    /// Server: to be answered by [`Link::reply`](crate::Link::reply).
    Subscribe(Subscribe<'a>, Reply),
    /// Server: to be answered by [`Link::reply`](crate::Link::reply).
    Unsubscribe(Unsubscribe<'a>, Reply),
    /// Client: the answer to a SUBSCRIBE, with a reason code for each filter.
    Subscribed(SubAck<'a>),
    /// Client: the answer to an UNSUBSCRIBE.
    Unsubscribed(UnsubAck<'a>),
    /// A step of an authentication, to be answered by [`Link::auth`](crate::Link::auth) or CONNACK.
    Auth(Auth<'a>),
    /// The peer ends the connection.
    Closing(Disconnect<'a>),
}

/// Owes the sender of a message its acknowledgement. It is not `Copy`, so that none is given twice; it may be kept for
/// any time and used in any order.
///
/// ```
/// use mqtt_session::{Fixed, Input, Output, Receipt, Session};
/// use mqtt_wire::{
///     ConnAck, Connect, Connection, Delivery, Packet, PacketId, Publish, ReasonCode, Version,
///     topic_name,
/// };
///
/// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
/// let mut link = session.client(Connection::client(Version::V311));
/// link.connect(&Connect::new(Version::V311, "lamp-7"), 0)?.for_each(|_| {});
/// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
/// while link.next(0).is_some() {}
///
/// let at_least_once = Delivery::AtLeastOnce(PacketId::MIN);
/// let publish = Publish::new(topic_name!("a"), b"hi").with_delivery(at_least_once);
/// let input = link.handle(publish.into(), 0)?;
/// let Input::Message(_, Some(receipt)) = input else { panic!("QoS 1") };
/// let queued: u64 = receipt.into_bits(); // while another thread stores the message
///
/// // It is stored: the server may know.
/// let receipt = Receipt::from_bits(queued).expect("it was one");
/// link.accept(receipt, ReasonCode::SUCCESS)?;
/// assert!(matches!(link.next(0), Some(Output::Send(Packet::PubAck(_)))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the sender waits for an acknowledgement"]
pub struct Receipt {
    pub(crate) id: PacketId,
    pub(crate) epoch: u32,
    pub(crate) qos: QoS,
}

impl Receipt {
    /// The identifier of the message.
    pub const fn packet_id(&self) -> PacketId {
        self.id
    }

    /// 1 or 2.
    pub const fn qos(&self) -> QoS {
        self.qos
    }

    /// The receipt as a number, for a queue that keeps nothing else. A receipt that is used twice is
    /// [`Stale`] the second time.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Input, Receipt, Session};
    /// use mqtt_wire::{ConnAck, Connect, Connection, Delivery, PacketId, Publish, ReasonCode};
    /// use mqtt_wire::{Version, topic_name};
    ///
    /// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let mut link = session.client(Connection::client(Version::V311));
    /// link.connect(&Connect::new(Version::V311, "phone"), 0)?.for_each(|_| {});
    /// link.handle(ConnAck::new(ReasonCode::SUCCESS).into(), 0)?;
    /// let message = Publish::new(topic_name!("a"), b"hi");
    /// let message = message.with_delivery(Delivery::AtLeastOnce(PacketId::MIN));
    /// let Input::Message(_, Some(receipt)) = link.handle(message.into(), 0)? else {
    ///     panic!("a message that wants an answer")
    /// };
    /// // Through a queue that carries numbers, to the one who stores the message and back.
    /// let number = receipt.into_bits();
    /// let receipt = Receipt::from_bits(number).expect("it was one");
    /// link.accept(receipt, ReasonCode::SUCCESS)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn into_bits(self) -> u64 {
        (self.epoch as u64) << 32 | (self.qos as u64) << 16 | self.id.get() as u64
    }

    /// The receipt of a number that was made by [`into_bits`](Self::into_bits); `None` for others.
    ///
    /// ```
    /// use mqtt_session::Receipt;
    ///
    /// // A queue on disk may hold anything: what is no receipt is told apart, not acknowledged.
    /// assert!(Receipt::from_bits(0).is_none());
    /// let receipt = Receipt::from_bits(0x0000_0001_0002_0007).expect("made by `into_bits`");
    /// assert_eq!(receipt.packet_id().get(), 7);
    /// // For the link to `accept` it. Whether it is of this connection is found there.
    /// # let _ = receipt.into_bits();
    /// ```
    pub const fn from_bits(bits: u64) -> Option<Self> {
        let [e0, e1, e2, e3, 0, qos, id_high, id_low] = bits.to_be_bytes() else { return None };
        let qos = match qos {
            1 => QoS::AtLeastOnce,
            2 => QoS::ExactlyOnce,
            _ => return None,
        };
        match PacketId::new(u16::from_be_bytes([id_high, id_low])) {
            Some(id) => Some(Self { id, epoch: u32::from_be_bytes([e0, e1, e2, e3]), qos }),
            None => None,
        }
    }
}

/// The receipt is of an earlier connection: its message comes again, with another one. The application has to forget
/// what it has made of this one.
///
/// ```
/// use mqtt_session::{Fixed, Receipt, Session, Stale};
/// use mqtt_wire::{Connection, ReasonCode, Version};
///
/// /// A receipt came back from a queue, perhaps too late.
/// fn accept(receipt: Receipt) {
///     let mut session = Session::new(Fixed::<u16, 8, 4>::new());
///     let mut link = session.client(Connection::client(Version::V5));
///     if let Err(Stale) = link.accept(receipt, ReasonCode::SUCCESS) {
///         // Undo what was made of the message: it comes again.
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stale;

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receipt is of an earlier connection")
    }
}

impl core::error::Error for Stale {}

/// Owes a client its SUBACK or UNSUBACK.
///
/// ```
/// use mqtt_session::{Fixed, Input, Output, Session};
/// use mqtt_wire::{
///     ConnAck, Connect, Connection, Packet, PacketId, Properties, QoS, ReasonCode, Subscribe,
///     Subscription, Version, topic_filter,
/// };
///
/// let connect = Connect::new(Version::V311, "phone");
/// let mut connection = Connection::server();
/// connection.received(&connect.into());
/// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
/// let mut link = session.server(connection, &connect, 0);
/// link.connack(&ConnAck::new(ReasonCode::SUCCESS), 0)?.for_each(|_| {});
///
/// let wanted = [Subscription::new(topic_filter!("lamp/#"), QoS::AtLeastOnce)];
/// let subscribe = Packet::from(Subscribe::new(PacketId::MIN, &wanted)); // as it was decoded
/// let Input::Subscribe(_, reply) = link.handle(subscribe, 0)? else { panic!("a SUBSCRIBE") };
/// assert_eq!(reply.filters(), 1);
/// let codes = [ReasonCode::GRANTED_QOS_1];
/// let answer = link.reply(reply, &codes, Properties::EMPTY, 0).map_err(|(refusal, _)| refusal)?;
/// answer.for_each(|output| assert!(matches!(output, Output::Send(Packet::SubAck(_)))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the client waits for an answer"]
pub struct Reply {
    pub(crate) id: PacketId,
    pub(crate) epoch: u32,
    pub(crate) filters: u32,
    pub(crate) is_subscribe: bool,
}

impl Reply {
    /// The number of topic filters, which is that of the reason codes.
    pub const fn filters(&self) -> usize {
        self.filters as usize
    }
}

/// Why a link does not do what it is asked for. Nothing has changed.
///
/// ```
/// use mqtt_session::{Fixed, Refusal, Session};
/// use mqtt_wire::{Connection, Publish, QoS, Version, topic_name};
///
/// let mut session = Session::new(Fixed::<u16, 8, 4>::new());
/// let mut link = session.client(Connection::client(Version::V5));
/// let message = Publish::new(topic_name!("a"), b"hi");
/// match link.publish(&message, QoS::AtLeastOnce, 1) {
///     Err(Refusal::Quota | Refusal::Slots) => println!("later, when one is acknowledged"),
///     Err(Refusal::NotOpen) => println!("connect first"),
///     Err(refusal) => println!("never: {refusal}"),
///     Ok(()) => {}
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// As many messages are under way as the peer allows, or some are still to be sent again: once the outputs are
    /// done and the peer has acknowledged some, there is room.
    Quota,
    /// There is no free slot, or no free identifier.
    Slots,
    /// It is not the time: the connection is not open yet, or closing.
    NotOpen,
    /// The packet is larger than the peer's Maximum Packet Size. A server takes such a message for sent
    /// (`[MQTT-3.1.2-25]`).
    TooLarge,
    /// The server has said that it does not do this: 0x9A Retain, 0x9B QoS, 0x9E shared subscriptions, 0xA1
    /// subscription identifiers, 0xA2 wildcards.
    NotSupported(ReasonCode),
    /// More is announced than there are slots for: Receive Maximum (0x93) or Topic Alias Maximum (0x94). See
    /// [`Session::receive_maximum`](crate::Session::receive_maximum).
    Announced(ReasonCode),
    /// There has to be one reason code for each topic filter.
    Codes,
    /// AUTH out of turn, or with a reason code that is the other side's.
    Auth,
    /// The Authentication Method is not that of CONNECT.
    AuthMethod,
    /// CONNACK has no Assigned Client Identifier although CONNECT left the choice to the server (`[MQTT-3.2.2-16]`).
    ClientId,
    /// The packet cannot be encoded.
    Encode(EncodeError),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota => f.write_str("as many messages are under way as the peer allows"),
            Self::Slots => f.write_str("there is no free slot"),
            Self::NotOpen => f.write_str("the connection is not open"),
            Self::TooLarge => f.write_str("the packet is larger than the peer's Maximum Packet Size"),
            Self::NotSupported(code) => write!(f, "the server does not support this: {code}"),
            Self::Announced(code) => write!(f, "more is announced than there are slots for: {code}"),
            Self::Codes => f.write_str("there has to be one reason code for each topic filter"),
            Self::Auth => f.write_str("AUTH out of turn, or with a reason code that is the other side's"),
            Self::AuthMethod => f.write_str("the Authentication Method is not that of CONNECT"),
            Self::ClientId => f.write_str("CONNACK has no Assigned Client Identifier"),
            Self::Encode(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for Refusal {}

/// Why a packet was not handled.
///
/// ```
/// use mqtt_session::HandleError;
///
/// fn act(error: HandleError) {
///     match error {
///         HandleError::TooEarly => println!("do the outputs, then the same packet again"),
///         HandleError::Violation(violation) => eprintln!("{violation}"), // the outputs close
///     }
/// }
/// # let _ = act;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandleError {
    /// The peer has broken a rule: the link now only closes, and its outputs say how.
    Violation(Violation),
    /// The packet was not looked at: first do what [`Link::next`](crate::Link::next) says, or answer CONNECT, then
    /// hand it in again. A caller that does both at once never sees this.
    TooEarly,
}

impl From<Violation> for HandleError {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl fmt::Display for HandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(violation) => violation.fmt(f),
            Self::TooEarly => f.write_str("outputs have to be done first"),
        }
    }
}

impl core::error::Error for HandleError {}
