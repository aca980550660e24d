//! Why bytes are not a packet ([`DecodeError`]), why a packet has no bytes ([`EncodeError`]), why a text is no topic
//! ([`TopicError`]), and any of the three ([`Error`]).

use core::fmt;

use crate::standard::{PacketType, PropertyId, ReasonCode, Rule, Sender, Version};

/// Why bytes are not a packet: which rule is broken and at which byte.
///
/// It borrows and allocates nothing. `Display` prints the packet, the message, the offset and the rule. Where the next
/// packet starts is not the error's to know, but that of the bytes: see [`frame_len`](crate::frame_len). What the rule says,
/// and a case that breaks it, is on the page of [all rules](crate::guide::rules).
///
/// ```
/// use mqtt_wire::{PacketType, ReasonCode, Rule, Version, decode};
///
/// let error = decode(&[0x32, 5, 0, 1, b'a', 0, 0], Version::V5).unwrap_err();
/// assert_eq!(error.to_string(), "PUBLISH: the packet identifier is 0 at byte 5 [MQTT-2.2.1-3]");
/// assert_eq!((error.rule(), error.offset()), (Rule::ZeroPacketId, 5));
/// assert_eq!(error.packet_type(), Some(PacketType::Publish));
/// assert_eq!(error.reason_code(), ReasonCode::PROTOCOL_ERROR); // to answer with
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}{rule} at byte {offset} [{}]", PacketPrefix(*packet), self.requirement())]
// Performance: aligned like a packet, so that a result that may be either is moved in whole words.
#[repr(align(8))]
pub struct DecodeError {
    pub(crate) rule: Rule,
    pub(crate) packet: Option<PacketType>,
    pub(crate) version: Version,
    pub(crate) sender: Option<Sender>,
    pub(crate) offset: u32,
}

struct PacketPrefix(Option<PacketType>);

impl fmt::Display for PacketPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |packet| write!(f, "{packet}: "))
    }
}

impl DecodeError {
    /// The rule that is broken.
    ///
    /// ```
    /// use mqtt_wire::{Rule, Version, decode};
    ///
    /// /// Whether a server should tell its operator: some clients are known for that fault.
    /// fn is_worth_a_line(rule: Rule) -> bool {
    ///     !matches!(rule, Rule::WildcardInName | Rule::InvalidUtf8)
    /// }
    ///
    /// let error = decode(&[0x30, 5, 0, 3, b'a', b'/', b'#'], Version::V311).unwrap_err();
    /// assert_eq!(error.rule(), Rule::WildcardInName);
    /// assert!(!is_worth_a_line(error.rule()));
    /// ```
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// The byte that is wrong, counted from the first byte of the frame. For a bit it is the byte that holds
    /// it, for a field that is cut off its first byte, for something missing the place where it should start.
    ///
    /// ```
    /// use mqtt_wire::{Version, decode};
    ///
    /// // A SUBSCRIBE whose filter is no UTF-8: a tool shows the byte that is wrong.
    /// let frame = [0x82, 8, 0, 1, 0, 0, 2, b'a', 0xFF, 0];
    /// let error = decode(&frame, Version::V5).unwrap_err();
    /// assert_eq!(frame[error.offset()], 0xFF);
    /// ```
    pub const fn offset(&self) -> usize {
        self.offset as usize
    }

    /// The type of the packet; `None` when the first byte names none.
    pub const fn packet_type(&self) -> Option<PacketType> {
        self.packet
    }

    /// The version by which the packet was judged.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The reason code of MQTT 5.0 with which a receiver may answer (section 4.13).
    ///
    /// ```
    /// use mqtt_wire::{Disconnect, Packet, ReasonCode, Version, decode};
    ///
    /// let error = decode(&[0x30, 6, 0, 1, b'a', 3, 0x23, 0], Version::V5).unwrap_err();
    /// assert_eq!(error.reason_code(), ReasonCode::MALFORMED_PACKET); // the property is cut off
    /// // A server of 5.0 says why it closes the connection. Before CONNACK it says so by that.
    /// let mut goodbye = Vec::new();
    /// Packet::from(Disconnect::new(error.reason_code())).encode(Version::V5, &mut goodbye)?;
    /// assert_eq!(goodbye, [0xE0, 1, 0x81]);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub const fn reason_code(&self) -> ReasonCode {
        self.rule.reason_code()
    }

    /// The broken rule by its label in the standard of [`version`](Self::version): see [`Rule::requirement`].
    ///
    /// It knows the sender, if the options named it: two rules are numbered by side.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Sender, Version, decode};
    ///
    /// // PUBLISH at QoS 1 with the packet identifier 0: the standard has a label for each side.
    /// let bytes = [0x32, 6, 0, 1, b'a', 0, 0, 0];
    /// let label = |sender| {
    ///     let options = DecodeOptions::new(Version::V5).with_sender(sender);
    ///     decode(&bytes, options).unwrap_err().requirement()
    /// };
    /// assert_eq!(label(Sender::Client), "MQTT-2.2.1-3");
    /// assert_eq!(label(Sender::Server), "MQTT-2.2.1-4");
    /// ```
    pub fn requirement(&self) -> &'static str {
        match (self.rule, self.sender, self.packet) {
            (Rule::UnexpectedPacket, Some(Sender::Server), _) if self.version != Version::V31 => {
                "MQTT-3.2.0-1"
            }
            (Rule::ZeroPacketId, Some(Sender::Server), Some(PacketType::Publish))
                if self.version == Version::V5 =>
            {
                "MQTT-2.2.1-4"
            }
            (rule, _, packet) => rule.requirement(self.version, packet),
        }
    }
}

/// What the peer may be told, so that `?` makes an answer of an error.
impl From<DecodeError> for ReasonCode {
    fn from(error: DecodeError) -> Self {
        error.reason_code()
    }
}

/// Why a packet was not encoded: what is wrong, and in which field. The output holds what it held before. A broken rule is
/// one of [all rules](crate::guide::rules).
///
/// ```
/// use mqtt_wire::{Connect, EncodeErrorKind, Field, Packet, Rule, Version};
///
/// let connect = Connect { user_name: Some("nol\0"), ..Connect::new(Version::V5, "sensor") };
/// let error = Packet::from(connect).encode(Version::V5, &mut [0; 64]).unwrap_err();
/// assert_eq!(error.kind(), EncodeErrorKind::Invalid(Rule::NulCharacter));
/// assert_eq!(error.field(), Some(Field::UserName));
/// let text = "CONNECT: User Name: a string holds the null character U+0000 [MQTT-1.5.4-2]";
/// assert_eq!(error.to_string(), text);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EncodeError {
    pub(crate) kind: EncodeErrorKind,
    pub(crate) packet: Option<PacketType>,
    pub(crate) version: Version,
    pub(crate) field: Option<Field>,
}

/// What kind of fault an [`EncodeError`] tells of.
///
/// ```
/// use mqtt_wire::{EncodeErrorKind, Packet, Version};
///
/// let error = Packet::PingReq.encode(Version::V5, &mut [0; 1]).unwrap_err();
/// match error.kind() {
///     EncodeErrorKind::BufferTooSmall { needed, .. } => assert_eq!(needed, 2), // flush
///     EncodeErrorKind::TooLarge { .. } => println!("the receiver does not take it: drop it"),
///     EncodeErrorKind::Invalid(rule) => println!("a fault of this program: {rule}"),
///     _ => {}
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// The packet breaks a rule ([all rules](crate::guide::rules)), or has no form in the version.
    Invalid(Rule),
    /// The packet is larger than the receiver's Maximum Packet Size, or than any packet may be (268,435,460 bytes).
    TooLarge {
        /// The size of the whole packet in bytes.
        size: usize,
        /// The largest allowed size in bytes.
        max: usize,
    },
    /// The slice to write into is too short.
    BufferTooSmall {
        /// The size of the whole packet in bytes.
        needed: usize,
        /// The length of the slice.
        available: usize,
    },
}

/// A field of a packet, by the standard's name.
///
/// ```
/// use mqtt_wire::{Field, Packet, PacketId, ReasonCode, SubAck, Version};
///
/// // The second code is none of SUBACK's.
/// let codes = [ReasonCode::GRANTED_QOS_0, ReasonCode::SERVER_BUSY];
/// let suback = Packet::from(SubAck::new(PacketId::MIN, &codes));
/// let error = suback.encode(Version::V5, &mut Vec::new()).unwrap_err();
/// assert_eq!(error.field(), Some(Field::Item(1)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The first byte: type and flags.
    FixedHeader,
    /// Protocol Name and Protocol Level of CONNECT.
    ProtocolLevel,
    /// Client Identifier.
    ClientIdentifier,
    /// Will Topic.
    WillTopic,
    /// Will Payload.
    WillPayload,
    /// User Name.
    UserName,
    /// Password.
    Password,
    /// Session Present of CONNACK.
    SessionPresent,
    /// Reason Code.
    ReasonCode,
    /// Topic Name.
    TopicName,
    /// Payload.
    Payload,
    /// The list of topic filters, subscriptions or reason codes as a whole.
    List,
    /// One item of that list, counted from 0.
    Item(u32),
    /// A property.
    Property(PropertyId),
    /// A property of the will.
    WillProperty(PropertyId),
}

impl Field {
    /// The standard's name for the field, without the number of an item and without "of the will".
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::FixedHeader => "fixed header",
            Self::ProtocolLevel => "Protocol Level",
            Self::ClientIdentifier => "Client Identifier",
            Self::WillTopic => "Will Topic",
            Self::WillPayload => "Will Payload",
            Self::UserName => "User Name",
            Self::Password => "Password",
            Self::SessionPresent => "Session Present",
            Self::ReasonCode => "Reason Code",
            Self::TopicName => "Topic Name",
            Self::Payload => "Payload",
            Self::List => "list",
            Self::Item(_) => "item",
            Self::Property(id) | Self::WillProperty(id) => id.title(),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(at) => write!(f, "item {at} of the list"),
            Self::WillProperty(id) => write!(f, "{id} of the will"),
            _ => f.write_str(self.title()),
        }
    }
}

impl EncodeError {
    pub(crate) const fn invalid(rule: Rule, packet: PacketType, version: Version) -> Self {
        Self { kind: EncodeErrorKind::Invalid(rule), packet: Some(packet), version, field: None }
    }

    pub(crate) const fn too_large(size: usize, max: usize, packet: PacketType, version: Version) -> Self {
        Self { kind: EncodeErrorKind::TooLarge { size, max }, packet: Some(packet), version, field: None }
    }

    pub(crate) const fn too_small(
        needed: usize,
        available: usize,
        packet: PacketType,
        version: Version,
    ) -> Self {
        Self {
            kind: EncodeErrorKind::BufferTooSmall { needed, available },
            packet: Some(packet),
            version,
            field: None,
        }
    }

    /// Of a property that is in no packet yet.
    #[cfg(feature = "alloc")]
    pub(crate) const fn of_property(kind: EncodeErrorKind, id: PropertyId) -> Self {
        Self { kind, packet: None, version: Version::V5, field: Some(Field::Property(id)) }
    }

    /// What is wrong.
    ///
    /// ```
    /// use mqtt_wire::{EncodeErrorKind, Packet, Publish, Version, topic_name};
    ///
    /// let publish = Packet::from(Publish::new(topic_name!("lamp/7"), b"on"));
    /// let mut buf = [0; 8];
    /// let error = publish.encode(Version::V311, &mut buf).unwrap_err();
    /// // Too little room is no fault of the packet: there is a buffer of the right size.
    /// if let EncodeErrorKind::BufferTooSmall { needed, .. } = error.kind() {
    ///     let mut buf = vec![0; needed];
    ///     assert_eq!(publish.encode(Version::V311, &mut buf[..]), Ok(needed));
    /// }
    /// ```
    pub const fn kind(&self) -> EncodeErrorKind {
        self.kind
    }

    /// The rule that is broken; `None` when the buffer is too small, which breaks none.
    ///
    /// ```
    /// use mqtt_wire::{Packet, Publish, Rule, Version, topic_name};
    ///
    /// // Neither a topic nor an alias.
    /// let publish = Publish { topic: None, ..Publish::new(topic_name!("a"), b"hi") };
    /// let nowhere = Packet::from(publish);
    /// let error = nowhere.encode(Version::V311, &mut Vec::new()).unwrap_err();
    /// assert_eq!(error.rule(), Some(Rule::TopicMissing));
    /// assert_eq!(Packet::PingReq.encode(Version::V5, &mut [0; 1]).unwrap_err().rule(), None);
    /// ```
    pub const fn rule(&self) -> Option<Rule> {
        match self.kind {
            EncodeErrorKind::Invalid(rule) => Some(rule),
            EncodeErrorKind::TooLarge { .. } => Some(Rule::PacketTooLarge),
            EncodeErrorKind::BufferTooSmall { .. } => None,
        }
    }

    /// The field at fault, where one is.
    ///
    /// ```
    /// use mqtt_wire::{Connect, Field, Packet, Version};
    ///
    /// let connect = Connect { client_id: "nul\0", ..Connect::new(Version::V5, "") };
    /// let error = Packet::from(connect).encode(Version::V5, &mut Vec::new()).unwrap_err();
    /// assert_eq!(error.field(), Some(Field::ClientIdentifier));
    /// ```
    pub const fn field(&self) -> Option<Field> {
        self.field
    }

    /// The packet that was to be encoded; `None` when bytes were to be sent that name none, and when
    /// the fault is in properties that are in no packet yet.
    pub const fn packet_type(&self) -> Option<PacketType> {
        self.packet
    }

    /// The version to encode for.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The reason code of MQTT 5.0 that says what is wrong: with it a receiver would have answered (section 4.13).
    /// For a buffer that is too small: [`ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR`].
    pub const fn reason_code(&self) -> ReasonCode {
        match self.rule() {
            Some(rule) => rule.reason_code(),
            None => ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR,
        }
    }

    /// The broken rule by its label in the standard of [`version`](Self::version); `None` when the buffer is too small.
    ///
    /// ```
    /// use mqtt_wire::{Connect, Packet, Version};
    ///
    /// let connect = Connect { client_id: "nul\0", ..Connect::new(Version::V311, "") };
    /// let error = Packet::from(connect).encode(Version::V311, &mut Vec::new()).unwrap_err();
    /// assert_eq!(error.requirement(), Some("MQTT-1.5.3-2")); // of 3.1.1, to be looked up
    /// ```
    pub fn requirement(&self) -> Option<&'static str> {
        self.rule().map(|rule| rule.requirement(self.version, self.packet))
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            EncodeErrorKind::Invalid(rule) => {
                PacketPrefix(self.packet).fmt(f)?;
                self.field.map_or(Ok(()), |field| write!(f, "{field}: "))?;
                write!(f, "{rule} [{}]", rule.requirement(self.version, self.packet))
            }
            EncodeErrorKind::TooLarge { size, max } => {
                write!(f, "the packet takes {size} bytes, {max} are allowed")
            }
            EncodeErrorKind::BufferTooSmall { needed, available } => {
                write!(f, "the packet takes {needed} bytes, the buffer has {available}")
            }
        }
    }
}

impl core::error::Error for EncodeError {}

/// Why a text is not a topic name or a topic filter: which rule is broken, at which byte, by which character. The page of
/// [all rules](crate::guide::rules) has what it says.
///
/// ```
/// use mqtt_wire::{Rule, TopicName};
///
/// let error = TopicName::new("lamp/+").unwrap_err();
/// assert_eq!((error.rule(), error.offset()), (Rule::WildcardInName, 5));
/// assert_eq!(error.character(), Some('+'));
/// println!("{error}");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{rule}{} at byte {offset} [{}]", Culprit(*character), self.requirement())]
pub struct TopicError {
    rule: Rule,
    offset: usize,
    character: Option<char>,
}

struct Culprit(Option<char>);

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |character| write!(f, ": {character:?}"))
    }
}

impl TopicError {
    pub(crate) const fn new(rule: Rule, offset: usize, text: &[u8]) -> Self {
        // Every character that a topic may not hold somewhere is ASCII.
        let character = match text.split_at_checked(offset) {
            Some((_, [byte, ..])) if byte.is_ascii() && !matches!(rule, Rule::TopicTooLong) => {
                Some(*byte as char)
            }
            _ => None,
        };
        Self { rule, offset, character }
    }

    /// What is wrong: one of the rules that speak of topics, or [`Rule::InvalidUtf8`].
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// The byte of the text that is wrong; for something missing, the place where it should start.
    ///
    /// ```
    /// use mqtt_wire::TopicFilter;
    ///
    /// // A line of a configuration, and a mark under what is wrong in it.
    /// let text = "lamp/+/#/state";
    /// let error = TopicFilter::new(text).unwrap_err();
    /// assert_eq!(&text[error.offset()..], "#/state");
    /// println!("{text}\n{:>1$}", '^', error.offset() + 1);
    /// ```
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The character at that byte, where a character is at fault.
    ///
    /// ```
    /// use mqtt_wire::TopicFilter;
    ///
    /// let error = TopicFilter::new("lamp#").unwrap_err();
    /// assert_eq!(error.character(), Some('#')); // it stands beside other characters
    /// assert_eq!(TopicFilter::new("").unwrap_err().character(), None); // what is missing is none
    /// ```
    pub const fn character(&self) -> Option<char> {
        self.character
    }

    /// What is wrong, in words.
    pub const fn message(&self) -> &'static str {
        self.rule.message()
    }

    /// The broken rule by its label in MQTT 5.0; [`Rule::requirement`] knows that of 3.1.1.
    pub fn requirement(&self) -> &'static str {
        self.rule.requirement(Version::V5, None)
    }
}

/// Any error of this crate, for functions that decode, encode and look at topics: `?` makes it of each of them. The rule it
/// names is one of [all rules](crate::guide::rules).
///
/// ```
/// use mqtt_wire::{Error, Packet, Publish, ReasonCode, TopicName, Version, decode_exact};
///
/// /// A message sent on under another name.
/// fn renamed(packet: &[u8], name: &str, out: &mut [u8]) -> Result<usize, Error> {
///     let Packet::Publish(publish) = decode_exact(packet, Version::V311)? else { return Ok(0) };
///     let publish = Publish { topic: Some(TopicName::new(name)?), ..publish };
///     Ok(Packet::from(publish).encode(Version::V311, out)?)
/// }
///
/// let packet = [0x30, 0x05, 0x00, 0x01, b'a', b'h', b'i'];
/// assert_eq!(renamed(&packet, "b", &mut [0; 7]), Ok(7));
/// let error = renamed(&packet, "b/#", &mut [0; 9]).unwrap_err();
/// assert_eq!(error.reason_code(), ReasonCode::MALFORMED_PACKET);
/// assert!(matches!(renamed(&packet, "b", &mut [0; 6]), Err(Error::Encode(_))));
/// ```
///
/// With the feature `std` it becomes a `std::io::Error`, as each of the three does: of the kind `InvalidData` when bytes
/// were no packet, otherwise `InvalidInput`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes are not a packet.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A packet was not encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A text is not a topic name or a topic filter.
    #[error(transparent)]
    Topic(#[from] TopicError),
}

impl Error {
    /// The rule that is broken; `None` when a buffer is too small, which breaks none.
    ///
    /// ```
    /// use mqtt_wire::{Error, Rule, TopicName, Version, decode_exact};
    ///
    /// let errors: [Error; 2] = [
    ///     TopicName::new("lamp/+").unwrap_err().into(),
    ///     decode_exact(&[0xC0], Version::V5).unwrap_err().into(),
    /// ];
    /// let rules = errors.map(|error| error.rule());
    /// assert_eq!(rules, [Some(Rule::WildcardInName), Some(Rule::Truncated)]);
    /// ```
    pub const fn rule(&self) -> Option<Rule> {
        match self {
            Self::Decode(error) => Some(error.rule()),
            Self::Encode(error) => error.rule(),
            Self::Topic(error) => Some(error.rule()),
        }
    }

    /// The reason code of MQTT 5.0 that says what is wrong (section 4.13).
    pub const fn reason_code(&self) -> ReasonCode {
        match self {
            Self::Decode(error) => error.reason_code(),
            Self::Encode(error) => error.reason_code(),
            Self::Topic(error) => error.rule().reason_code(),
        }
    }
}

#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind::{InvalidData, InvalidInput};
        match error {
            Error::Decode(error) => Self::new(InvalidData, error),
            Error::Encode(error) => Self::new(InvalidInput, error),
            Error::Topic(error) => Self::new(InvalidInput, error),
        }
    }
}

/// Each of an enumeration's parts as the whole of it.
#[cfg(feature = "std")]
macro_rules! into_io {
    ($($name:ident)+) => { $(
        impl From<$name> for std::io::Error {
            fn from(error: $name) -> Self {
                Error::from(error).into()
            }
        }
    )+ };
}

#[cfg(feature = "std")]
into_io! { DecodeError EncodeError TopicError }
