//! Random values of the public types for fuzzers (feature `arbitrary`).
//!
//! Every value is valid. Those that borrow take their text from the fuzzer's bytes. What needs storage of its
//! own, properties and lists above all, comes in a whole packet: [`ArbitraryPacket`].

use alloc::vec::Vec;
use core::num::{NonZeroU16, NonZeroU32};

use arbitrary::{Arbitrary, Error, Result, Unstructured, size_hint};

use crate::error::Kind;
use crate::frame::decode_exact;
use crate::options::{DecodeOptions, EncodeOptions, Tolerance};
use crate::packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, PacketType, Publish, RetainHandling, SubAck, Subscribe,
    Subscription, SubscriptionOptions, UnsubAck, Unsubscribe, Will,
};
use crate::property::{Place, Properties, Property, PropertyId, PropertySet};
use crate::reason::ReasonCode;
use crate::topic::{FilterTree, TopicFilter, TopicFilterBuf, TopicName, TopicNameBuf, TopicTree};
use crate::version::{Delivery, MaximumQoS, PacketId, QoS, Sender, SubscriptionId, Version};

/// A valid packet, encoded: any of the fifteen types with any fields, properties and list items that its
/// version and sender allow.
///
/// ```
/// use arbitrary::{Arbitrary, Unstructured};
/// use mqtt_wire::{ArbitraryPacket, PacketType, Sender, Version, decode_exact};
///
/// # fn main() -> arbitrary::Result<()> {
/// let bytes_of_the_fuzzer = [7; 64];
/// let mut source = Unstructured::new(&bytes_of_the_fuzzer);
/// let any = ArbitraryPacket::arbitrary(&mut source)?;
/// assert_eq!(decode_exact(any.as_bytes(), any.version()), Ok(any.packet()));
///
/// // What a server of MQTT 5.0 may hear from a client.
/// let heard = ArbitraryPacket::from_sender(&mut source, Version::V5, Sender::Client)?;
/// let publish = ArbitraryPacket::of_type(&mut source, PacketType::Publish, Version::V5, Sender::Client)?;
/// # let _ = (heard, publish);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArbitraryPacket {
    version: Version,
    sender: Sender,
    bytes: Vec<u8>,
}

impl ArbitraryPacket {
    /// A packet that this side may send in this version.
    ///
    /// # Errors
    /// When the fuzzer's bytes do not suffice.
    pub fn from_sender(u: &mut Unstructured<'_>, version: Version, sender: Sender) -> Result<Self> {
        let packet = one_of(u, PacketType::ALL.into_iter(), |packet| packet.may_be_sent_by(sender, version))?;
        Self::of_type(u, packet, version, sender)
    }

    /// A packet of that type.
    ///
    /// # Errors
    /// When the fuzzer's bytes do not suffice, or when this side may not send the type in this version.
    pub fn of_type(
        u: &mut Unstructured<'_>,
        packet: PacketType,
        version: Version,
        sender: Sender,
    ) -> Result<Self> {
        let bytes = Maker { u, version, sender }.packet(packet)?;
        Ok(Self { version, sender, bytes })
    }

    /// The version to decode by.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The side that may send it.
    pub const fn sender(&self) -> Sender {
        self.sender
    }

    /// The options that fit the packet.
    pub const fn options(&self) -> DecodeOptions {
        DecodeOptions::new(self.version).sender(self.sender)
    }

    /// The packet.
    pub fn packet(&self) -> Packet<'_> {
        decode_exact(&self.bytes, self.options()).unwrap_or(Packet::PingReq)
    }

    /// The packet as it goes over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The packet as it goes over the wire.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl<'a> Arbitrary<'a> for ArbitraryPacket {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (version, sender) = (u.arbitrary()?, u.arbitrary()?);
        Self::from_sender(u, version, sender)
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (3, None)
    }
}

#[cfg(feature = "bytes")]
impl<'a> Arbitrary<'a> for crate::owned::Frame {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let packet = ArbitraryPacket::arbitrary(u)?;
        let options = packet.options();
        Self::new(packet.bytes.into(), options).map_err(|_| Error::IncorrectFormat)
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        ArbitraryPacket::size_hint(depth)
    }
}

/// Makes one packet for a version and a sender.
struct Maker<'u, 'a> {
    u: &'u mut Unstructured<'a>,
    version: Version,
    sender: Sender,
}

impl<'a> Maker<'_, 'a> {
    fn packet(&mut self, packet: PacketType) -> Result<Vec<u8>> {
        match packet {
            PacketType::Connect => self.connect(),
            PacketType::ConnAck => self.connack(),
            PacketType::Publish => self.publish(),
            PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
                self.ack(packet)
            }
            PacketType::Subscribe => self.subscribe(),
            PacketType::SubAck => self.suback(),
            PacketType::Unsubscribe => self.unsubscribe(),
            PacketType::UnsubAck => self.unsuback(),
            PacketType::PingReq => self.encode(&Packet::PingReq),
            PacketType::PingResp => self.encode(&Packet::PingResp),
            PacketType::Disconnect => self.disconnect(),
            PacketType::Auth => self.auth(),
        }
    }

    fn encode(&self, packet: &Packet<'_>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let options = EncodeOptions::new(self.version).sender(self.sender);
        packet.encode(options, &mut bytes).map_err(|_| Error::IncorrectFormat)?;
        Ok(bytes)
    }

    fn connect(&mut self) -> Result<Vec<u8>> {
        let mut properties = self.properties(&Place::CONNECT)?;
        with_method(self.u, &mut properties, PropertyId::AuthenticationData)?;
        let will_properties = self.properties(&Place::WILL)?;
        let client_id = self.client_id()?;
        let will = if self.u.arbitrary()? { Some(self.will(&will_properties)?) } else { None };
        let user_name = optional(self.u)?;
        let password = optional(self.u)?.filter(|_| user_name.is_some() || self.version == Version::V5);
        let clean_start = self.u.arbitrary()?;
        let connect = Connect {
            version: self.version,
            bridge: false,
            clean_start: clean_start || client_id.is_empty() && self.version < Version::V5,
            keep_alive: self.u.arbitrary()?,
            properties: Properties::new(&properties),
            client_id,
            will,
            user_name,
            password,
        };
        self.encode(&connect.into())
    }

    fn client_id(&mut self) -> Result<&'a str> {
        let client_id = <&str>::generate(self.u)?;
        Ok(match self.version {
            Version::V31 if client_id.is_empty() => "a",
            Version::V31 => {
                let end = client_id.char_indices().nth(23).map_or(client_id.len(), |(at, _)| at);
                client_id.get(..end).unwrap_or_default()
            }
            Version::V311 | Version::V5 => client_id,
        })
    }

    fn will<'p>(&mut self, properties: &'p [Property<'a>]) -> Result<Will<'p>> {
        Ok(Will {
            qos: self.u.arbitrary()?,
            retain: self.u.arbitrary()?,
            properties: Properties::new(properties),
            topic: self.u.arbitrary()?,
            payload: Value::generate(self.u)?,
        })
    }

    fn connack(&mut self) -> Result<Vec<u8>> {
        let properties = self.properties(&Place::CONNACK)?;
        let reason_code = self.reason_code(PacketType::ConnAck)?;
        let may_resume = reason_code == ReasonCode::SUCCESS && self.version > Version::V31;
        let session_present = may_resume && self.u.arbitrary()?;
        let properties = Properties::new(&properties);
        self.encode(&ConnAck { session_present, reason_code, properties }.into())
    }

    fn publish(&mut self) -> Result<Vec<u8>> {
        let mut properties = self.properties(&Place::PUBLISH)?;
        let delivery: Delivery = self.u.arbitrary()?;
        let by_alias = self.version == Version::V5 && self.u.ratio(1, 4)?;
        if by_alias {
            require(self.u, &mut properties, PropertyId::TopicAlias)?;
        }
        let publish = Publish {
            dup: delivery != Delivery::AtMostOnce && self.u.arbitrary()?,
            delivery,
            retain: self.u.arbitrary()?,
            topic: if by_alias { None } else { Some(self.u.arbitrary()?) },
            properties: Properties::new(&properties),
            payload: self.u.arbitrary()?,
        };
        self.encode(&publish.into())
    }

    fn ack(&mut self, packet: PacketType) -> Result<Vec<u8>> {
        let properties = self.properties(&Place::ACK)?;
        let packet_id = Value::generate(self.u)?;
        let reason_code = self.reason_code(packet)?;
        let body = Ack { packet_id, reason_code, properties: Properties::new(&properties) };
        self.encode(&match packet {
            PacketType::PubAck => Packet::PubAck(body),
            PacketType::PubRec => Packet::PubRec(body),
            PacketType::PubRel => Packet::PubRel(body),
            _ => Packet::PubComp(body),
        })
    }

    fn subscribe(&mut self) -> Result<Vec<u8>> {
        let properties = self.properties(&Place::SUBSCRIBE)?;
        let packet_id = PacketId::generate(self.u)?;
        let version = self.version;
        let subscriptions = several(self.u, |u| subscription(u, version))?;
        let body = Subscribe::new(packet_id, &subscriptions);
        self.encode(&Subscribe { properties: Properties::new(&properties), ..body }.into())
    }

    fn suback(&mut self) -> Result<Vec<u8>> {
        let properties = self.properties(&Place::SUBACK)?;
        let (packet_id, reason_codes) = (Value::generate(self.u)?, self.reason_codes(PacketType::SubAck)?);
        let body = SubAck::new(packet_id, &reason_codes);
        self.encode(&SubAck { properties: Properties::new(&properties), ..body }.into())
    }

    fn unsubscribe(&mut self) -> Result<Vec<u8>> {
        let properties = self.properties(&Place::UNSUBSCRIBE)?;
        let packet_id = PacketId::generate(self.u)?;
        let version = self.version;
        let filters = several(self.u, |u| filter(u, version))?;
        let body = Unsubscribe::new(packet_id, &filters);
        self.encode(&Unsubscribe { properties: Properties::new(&properties), ..body }.into())
    }

    fn unsuback(&mut self) -> Result<Vec<u8>> {
        let packet_id = PacketId::generate(self.u)?;
        if self.version < Version::V5 {
            return self.encode(&UnsubAck::new(packet_id, &[]).into());
        }
        let properties = self.properties(&Place::UNSUBACK)?;
        let reason_codes = self.reason_codes(PacketType::UnsubAck)?;
        let body = UnsubAck::new(packet_id, &reason_codes);
        self.encode(&UnsubAck { properties: Properties::new(&properties), ..body }.into())
    }

    fn disconnect(&mut self) -> Result<Vec<u8>> {
        let properties = self.properties(&Place::DISCONNECT)?;
        let reason_code = self.reason_code(PacketType::Disconnect)?;
        let properties = Properties::new(&properties);
        self.encode(&Disconnect { reason_code, properties }.into())
    }

    fn auth(&mut self) -> Result<Vec<u8>> {
        let mut properties = self.properties(&Place::AUTH)?;
        let reason_code = self.reason_code(PacketType::Auth)?;
        if reason_code != ReasonCode::SUCCESS || !properties.is_empty() {
            require(self.u, &mut properties, PropertyId::AuthenticationMethod)?;
        }
        self.encode(&Auth::new(reason_code, Properties::new(&properties)).into())
    }

    /// Properties that may stand in that place, in any order.
    fn properties(&mut self, place: &Place) -> Result<Vec<Property<'a>>> {
        let mut properties = Vec::new();
        let mut before = PropertySet::EMPTY;
        while self.version == Version::V5 && self.u.arbitrary()? {
            let sender = Some(self.sender);
            let may_stand = |id: &PropertyId| place.refuses(*id, before, sender).is_none();
            let id = one_of(self.u, PropertyId::ALL.iter().copied(), may_stand)?;
            before = before | id;
            properties.push(property(self.u, id)?);
        }
        Ok(properties)
    }

    fn reason_code(&mut self, packet: PacketType) -> Result<ReasonCode> {
        // Only these two have codes in 3.x.
        if self.version < Version::V5 && !matches!(packet, PacketType::ConnAck | PacketType::SubAck) {
            return Ok(ReasonCode::SUCCESS);
        }
        let (version, sender) = (self.version, Some(self.sender));
        let may_stand = |code: &ReasonCode| code.is_allowed(packet, version, sender);
        one_of(self.u, ReasonCode::ALL.iter().copied(), may_stand)
    }

    fn reason_codes(&mut self, packet: PacketType) -> Result<Vec<ReasonCode>> {
        let (version, sender) = (self.version, self.sender);
        several(self.u, |u| Maker { u, version, sender }.reason_code(packet))
    }
}

/// One of the values that pass.
fn one_of<T: Copy>(
    u: &mut Unstructured<'_>,
    all: impl Iterator<Item = T>,
    pass: impl Fn(&T) -> bool,
) -> Result<T> {
    let passing: Vec<T> = all.filter(pass).collect();
    u.choose(&passing).copied()
}

/// One item or more.
fn several<'a, T>(
    u: &mut Unstructured<'a>,
    mut item: impl FnMut(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut items = Vec::new();
    loop {
        items.push(item(u)?);
        if !u.arbitrary()? {
            return Ok(items);
        }
    }
}

fn optional<'a, T: Value<'a>>(u: &mut Unstructured<'a>) -> Result<Option<T>> {
    if u.arbitrary()? { T::generate(u).map(Some) } else { Ok(None) }
}

/// Adds a property that is not there.
fn require<'a>(u: &mut Unstructured<'a>, properties: &mut Vec<Property<'a>>, id: PropertyId) -> Result<()> {
    if !properties.iter().any(|property| property.id() == id) {
        properties.push(property(u, id)?);
    }
    Ok(())
}

/// Adds the Authentication Method that a property needs.
fn with_method<'a>(
    u: &mut Unstructured<'a>,
    properties: &mut Vec<Property<'a>>,
    id: PropertyId,
) -> Result<()> {
    if properties.iter().any(|property| property.id() == id) {
        require(u, properties, PropertyId::AuthenticationMethod)?;
    }
    Ok(())
}

/// A property with any value that it may have.
macro_rules! property {
    ($($name:ident)+) => {
        fn property<'a>(u: &mut Unstructured<'a>, id: PropertyId) -> Result<Property<'a>> {
            Ok(match id { $(PropertyId::$name => Property::$name(Value::generate(u)?),)+ })
        }
    };
}

property! {
    PayloadFormatIndicator MessageExpiryInterval ContentType ResponseTopic CorrelationData
    SubscriptionIdentifier SessionExpiryInterval AssignedClientIdentifier ServerKeepAlive
    AuthenticationMethod AuthenticationData RequestProblemInformation WillDelayInterval
    RequestResponseInformation ResponseInformation ServerReference ReasonString ReceiveMaximum
    TopicAliasMaximum TopicAlias MaximumQoS RetainAvailable UserProperty MaximumPacketSize
    WildcardSubscriptionAvailable SubscriptionIdentifierAvailable SharedSubscriptionAvailable
}

/// A value that a field of the wire can hold.
trait Value<'a>: Sized {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self>;
}

macro_rules! values {
    ($($name:ty)+) => { $(
        impl<'a> Value<'a> for $name {
            fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
                u.arbitrary()
            }
        }
    )+ };
}

values! { bool u16 u32 MaximumQoS SubscriptionId TopicName<'a> }

impl<'a> Value<'a> for NonZeroU16 {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::new(u.arbitrary()?).unwrap_or(Self::MIN))
    }
}

impl<'a> Value<'a> for NonZeroU32 {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::new(u.arbitrary()?).unwrap_or(Self::MIN))
    }
}

/// The longest string or binary value in bytes.
const MAX_LEN: usize = 65_535;

impl<'a> Value<'a> for &'a [u8] {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
        let bytes: &[u8] = u.arbitrary()?;
        Ok(bytes.get(..MAX_LEN).unwrap_or(bytes))
    }
}

impl<'a> Value<'a> for &'a str {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
        text(u, &['\0'])
    }
}

impl<'a> Value<'a> for (&'a str, &'a str) {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok((Value::generate(u)?, Value::generate(u)?))
    }
}

/// A text without these characters, no longer than a field.
fn text<'a>(u: &mut Unstructured<'a>, without: &[char]) -> Result<&'a str> {
    let text: &str = u.arbitrary()?;
    let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= MAX_LEN && !without.contains(c);
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    Ok(text.get(..end).unwrap_or_default())
}

impl<'a> Arbitrary<'a> for TopicName<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        const NAMES: [&str; 4] = ["a", "/", "a/b", "$SYS/a"];
        match TopicName::new(text(u, &['\0', '+', '#'])?) {
            Ok(name) => Ok(name),
            Err(_) => TopicName::new(u.choose(&NAMES)?).map_err(|_| Error::IncorrectFormat),
        }
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (0, None)
    }
}

/// By the rules of 5.0.
impl<'a> Arbitrary<'a> for TopicFilter<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        filter(u, Version::V5)
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (1, None)
    }
}

fn filter<'a>(u: &mut Unstructured<'a>, version: Version) -> Result<TopicFilter<'a>> {
    const FILTERS: [&str; 16] = [
        "a",
        "/",
        "a/b",
        "$SYS/a",
        "#",
        "+",
        "a/#",
        "/#",
        "+/a",
        "a/+",
        "+/+",
        "a/+/b",
        "+/#",
        "$SYS/#",
        "$share/a/b",
        "$share/a/#",
    ];
    let mut filter = if u.arbitrary()? { text(u, &['\0'])? } else { u.choose(&FILTERS)? };
    loop {
        filter = match TopicFilter::for_version(filter, version) {
            Ok(filter) => return Ok(filter),
            // What is before the error may be a filter.
            Err(error) => match filter.get(..error.offset()) {
                Some(good) if !good.is_empty() && good.len() < filter.len() => good,
                _ => u.choose(&FILTERS)?,
            },
        };
    }
}

impl<'a> Arbitrary<'a> for TopicNameBuf {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        TopicName::arbitrary(u).map(|name| name.to_buf())
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        TopicName::size_hint(depth)
    }
}

/// By the rules of 5.0.
impl<'a> Arbitrary<'a> for TopicFilterBuf {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        TopicFilter::arbitrary(u).map(|filter| filter.to_buf())
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        TopicFilter::size_hint(depth)
    }
}

/// By the rules of 5.0.
impl<'a> Arbitrary<'a> for Subscription<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        subscription(u, Version::V5)
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (2, None)
    }
}

fn subscription<'a>(u: &mut Unstructured<'a>, version: Version) -> Result<Subscription<'a>> {
    let filter = filter(u, version)?;
    let plain = Subscription::new(filter, u.arbitrary()?);
    if version < Version::V5 {
        return Ok(plain);
    }
    Ok(Subscription {
        no_local: !filter.is_shared() && u.arbitrary()?,
        retain_as_published: u.arbitrary()?,
        retain_handling: u.arbitrary()?,
        ..plain
    })
}

/// Any, No Local among them, which a shared subscription must not have.
impl<'a> Arbitrary<'a> for SubscriptionOptions {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            maximum_qos: u.arbitrary()?,
            no_local: u.arbitrary()?,
            retain_as_published: u.arbitrary()?,
            retain_handling: u.arbitrary()?,
        })
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (4, Some(4))
    }
}

/// Filters by the rules of 5.0, each with a value.
impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for FilterTree<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut tree = Self::new();
        while u.arbitrary()? {
            tree.insert(u.arbitrary()?, u.arbitrary()?);
        }
        Ok(tree)
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for TopicTree<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut tree = Self::new();
        while u.arbitrary()? {
            tree.insert(u.arbitrary()?, u.arbitrary()?);
        }
        Ok(tree)
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl<'a> Arbitrary<'a> for Property<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let id = u.arbitrary()?;
        property(u, id)
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (1, None)
    }
}

impl<'a> Arbitrary<'a> for PropertySet {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let bits: u32 = u.arbitrary()?;
        Ok((0..).zip(PropertyId::ALL).filter(|(n, _)| bits >> n & 1 != 0).map(|(_, id)| *id).collect())
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        u32::size_hint(depth)
    }
}

impl<'a> Arbitrary<'a> for SubscriptionId {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let id = u.int_in_range(1..=Self::MAX.get())?;
        Self::new(id).ok_or(Error::IncorrectFormat)
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        u32::size_hint(depth)
    }
}

impl<'a> Arbitrary<'a> for Delivery {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary()? {
            QoS::AtMostOnce => Self::AtMostOnce,
            QoS::AtLeastOnce => Self::AtLeastOnce(Value::generate(u)?),
            QoS::ExactlyOnce => Self::ExactlyOnce(Value::generate(u)?),
        })
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        size_hint::and(QoS::size_hint(depth), size_hint::or((0, Some(0)), PacketId::size_hint(depth)))
    }
}

/// One of a few values.
macro_rules! choices {
    ($($name:ty = $all:expr;)+) => { $(
        impl<'a> Arbitrary<'a> for $name {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                u.choose(&$all).copied()
            }

            fn size_hint(_: usize) -> (usize, Option<usize>) {
                (1, Some(1))
            }
        }
    )+ };
}

choices! {
    Version = Self::ALL;
    Sender = [Self::Client, Self::Server];
    QoS = [Self::AtMostOnce, Self::AtLeastOnce, Self::ExactlyOnce];
    MaximumQoS = [Self::AtMostOnce, Self::AtLeastOnce];
    RetainHandling = [Self::Send, Self::SendIfNew, Self::DoNotSend];
    PacketType = Self::ALL;
    PropertyId = *Self::ALL;
    ReasonCode = *Self::ALL;
    Tolerance = TOLERANCES;
    Kind = *Self::ALL;
}

const TOLERANCES: [Tolerance; 4] = [
    Tolerance::BridgeProtocolLevel,
    Tolerance::UnknownReasonCodes,
    Tolerance::NonMinimalLengths,
    Tolerance::LongClientIds,
];

/// What decoding and encoding can be told alike.
macro_rules! with_choices {
    ($u:ident, $options:expr) => {{
        let bits: u8 = $u.arbitrary()?;
        let has = |n: u32| bits >> n & 1 != 0;
        let mut options = $options;
        for (n, tolerance) in (0..).zip(TOLERANCES) {
            options = if has(n) { options.tolerate(tolerance) } else { options };
        }
        options = if has(4) { options.refuse_control_characters() } else { options };
        options = if has(5) { options.check_payload_format() } else { options };
        options = if has(6) { options.sender($u.arbitrary()?) } else { options };
        if has(7) { options.max_packet_size($u.arbitrary()?) } else { options }
    }};
}

impl<'a> Arbitrary<'a> for DecodeOptions {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let by_version = if u.arbitrary()? { Self::detect() } else { Self::new(u.arbitrary()?) };
        let options = with_choices!(u, by_version);
        Ok(options.first_packet(u.arbitrary()?))
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (3, Some(9))
    }
}

#[cfg(feature = "tokio-codec")]
impl<'a> Arbitrary<'a> for crate::codec::Codec {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::new(u.arbitrary()?, u.arbitrary()?))
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        size_hint::and(DecodeOptions::size_hint(depth), EncodeOptions::size_hint(depth))
    }
}

impl<'a> Arbitrary<'a> for EncodeOptions {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(with_choices!(u, Self::new(u.arbitrary()?)))
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (2, Some(7))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that look random, the same every time.
    fn noise(len: usize, seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        core::iter::repeat_with(next).take(len).collect()
    }

    fn sources() -> impl Iterator<Item = Vec<u8>> {
        let flat = [0, 1, 0x2F, 0x61, 0x7F, 0x80, 0xFF].into_iter();
        let flat = flat.flat_map(|byte| [0, 1, 7, 40, 300].map(|len| alloc::vec![byte; len]));
        let long = core::iter::once(alloc::vec![b'a'; 140_000]);
        flat.chain(long).chain((0..1000).map(|seed| noise(usize::try_from(seed % 500).unwrap(), seed)))
    }

    #[test]
    fn every_type_of_every_version_and_side_comes_valid() {
        for source in sources() {
            for version in Version::ALL {
                for sender in [Sender::Client, Sender::Server] {
                    for packet in PacketType::ALL {
                        let made = ArbitraryPacket::of_type(
                            &mut Unstructured::new(&source),
                            packet,
                            version,
                            sender,
                        );
                        if !packet.may_be_sent_by(sender, version) {
                            assert!(made.is_err(), "{packet} {version} {sender}");
                            continue;
                        }
                        let made =
                            made.unwrap_or_else(|error| panic!("{packet} {version} {sender}: {error}"));
                        let decoded = decode_exact(made.as_bytes(), made.options());
                        assert_eq!(decoded, Ok(made.packet()), "{packet} {version} {sender}");
                        assert_eq!(made.packet().packet_type(), packet);
                    }
                }
            }
        }
    }

    #[test]
    fn every_property_and_every_kind_of_filter_comes() {
        let (mut ids, mut shared, mut wild, mut aliased) = (PropertySet::EMPTY, 0, 0, 0);
        for source in sources() {
            let mut u = Unstructured::new(&source);
            for sender in [Sender::Client, Sender::Server] {
                match ArbitraryPacket::from_sender(&mut u, Version::V5, sender).unwrap().packet() {
                    Packet::Connect(body) => {
                        ids = ids | body.will.map_or(PropertySet::EMPTY, |will| will.properties.ids());
                        ids = ids | body.properties.ids();
                    }
                    Packet::ConnAck(body) => ids = ids | body.properties.ids(),
                    Packet::Publish(body) => {
                        ids = ids | body.properties.ids();
                        aliased += usize::from(body.topic.is_none());
                    }
                    Packet::Subscribe(body) => {
                        shared += body.subscriptions.iter().filter(|s| s.filter.is_shared()).count();
                        wild += body.subscriptions.iter().filter(|s| s.filter.has_wildcards()).count();
                    }
                    Packet::Disconnect(body) => ids = ids | body.properties.ids(),
                    _ => {}
                }
            }
        }
        assert_eq!(ids, PropertyId::ALL.iter().copied().collect());
        assert!(![shared, wild, aliased].contains(&0), "{shared} {wild} {aliased}");
    }

    /// What is worth telling of a packet: the choices that not every version, or not every side, has.
    fn traits(packet: &Packet<'_>) -> Vec<&'static str> {
        let listed = |properties: Properties<'_>| !properties.is_empty();
        let all = match packet {
            Packet::Connect(body) => alloc::vec![
                (body.password.is_some() && body.user_name.is_none(), "a password alone"),
                (body.password.is_some() && body.user_name.is_some(), "a user name and a password"),
                (!body.clean_start, "a session to go on"),
                (!body.clean_start && body.client_id.is_empty(), "a session to go on of nobody"),
                (body.client_id.is_empty(), "no client identifier"),
                (!["", "a"].contains(&body.client_id), "other identifiers"),
                (listed(body.properties), "properties of CONNECT"),
                (body.will.is_some_and(|will| listed(will.properties)), "properties of a will"),
            ],
            Packet::ConnAck(body) => alloc::vec![(body.session_present, "Session Present")],
            Packet::Publish(body) => alloc::vec![
                (body.dup, "DUP"),
                (body.topic.is_none(), "an alias alone"),
                (body.topic.is_some() && body.properties.topic_alias().is_some(), "a topic with an alias"),
            ],
            Packet::PubAck(body) => alloc::vec![(body.reason_code.is_error(), "a refusal in PUBACK")],
            Packet::Subscribe(body) => alloc::vec![
                (listed(body.properties), "properties of SUBSCRIBE"),
                (body.subscriptions.len() > 1, "several subscriptions"),
                (body.subscriptions.iter().any(|one| one.no_local), "No Local"),
                (body.subscriptions.iter().any(|one| one.retain_as_published), "Retain As Published"),
                (body.subscriptions.iter().any(|one| one.filter.is_shared()), "a shared subscription"),
            ],
            Packet::SubAck(body) => alloc::vec![
                (listed(body.properties), "properties of SUBACK"),
                (body.reason_codes.len() > 1, "several codes"),
                (body.reason_codes.iter().any(ReasonCode::is_error), "a refusal in SUBACK"),
            ],
            Packet::Unsubscribe(body) => alloc::vec![(listed(body.properties), "properties of UNSUBSCRIBE")],
            Packet::UnsubAck(body) => alloc::vec![(listed(body.properties), "properties of UNSUBACK")],
            Packet::Auth(body) => alloc::vec![
                (body.reason_code == ReasonCode::SUCCESS && !listed(body.properties), "an empty AUTH"),
                (
                    body.reason_code == ReasonCode::SUCCESS && listed(body.properties),
                    "an AUTH that says more"
                ),
            ],
            _ => Vec::new(),
        };
        all.into_iter().filter_map(|(holds, name)| holds.then_some(name)).collect()
    }

    /// Nothing that a version allows is left out.
    #[test]
    fn every_choice_comes() {
        let mut seen: [std::collections::BTreeSet<&str>; 3] = Default::default();
        let mut longest_of_v31 = 0;
        for source in sources() {
            for (version, seen) in Version::ALL.into_iter().zip(&mut seen) {
                for sender in [Sender::Client, Sender::Server] {
                    for packet in PacketType::ALL.into_iter().filter(|p| p.may_be_sent_by(sender, version)) {
                        let mut u = Unstructured::new(&source);
                        let made = ArbitraryPacket::of_type(&mut u, packet, version, sender).unwrap();
                        seen.extend(traits(&made.packet()));
                        if let (Version::V31, Packet::Connect(body)) = (version, made.packet()) {
                            longest_of_v31 = longest_of_v31.max(body.client_id.chars().count());
                        }
                    }
                }
            }
        }
        assert_eq!(longest_of_v31, 23);
        let v31 = [
            "DUP",
            "a session to go on",
            "a user name and a password",
            "other identifiers",
            "several codes",
            "several subscriptions",
        ];
        let v311 = ["Session Present", "a refusal in SUBACK", "no client identifier"];
        let v5 = [
            "No Local",
            "Retain As Published",
            "a password alone",
            "a refusal in PUBACK",
            "a session to go on of nobody",
            "a shared subscription",
            "a topic with an alias",
            "an AUTH that says more",
            "an alias alone",
            "an empty AUTH",
            "properties of CONNECT",
            "properties of SUBACK",
            "properties of SUBSCRIBE",
            "properties of UNSUBACK",
            "properties of UNSUBSCRIBE",
            "properties of a will",
        ];
        let mut expected = std::collections::BTreeSet::new();
        for (seen, new) in seen.iter().zip([&v31[..], &v311, &v5]) {
            expected.extend(new);
            assert_eq!(*seen, expected);
        }
    }

    /// How many bytes of the fuzzer a value takes: a program that makes many plans by it.
    #[test]
    fn size_hints() {
        fn hint<'a, T: Arbitrary<'a>>() -> (usize, Option<usize>) {
            T::size_hint(0)
        }
        assert_eq!(hint::<ArbitraryPacket>(), (3, None));
        #[cfg(feature = "bytes")]
        assert_eq!(hint::<crate::owned::Frame>(), (3, None));
        assert_eq!([hint::<TopicName<'_>>(), hint::<TopicNameBuf>()], [(0, None); 2]);
        let filters = [hint::<TopicFilter<'_>>(), hint::<TopicFilterBuf>(), hint::<Property<'_>>()];
        assert_eq!(filters, [(1, None); 3]);
        assert_eq!(hint::<Subscription<'_>>(), (2, None));
        assert_eq!([hint::<PropertySet>(), hint::<SubscriptionId>()], [(4, Some(4)); 2]);
        assert_eq!(hint::<Delivery>(), (1, Some(3)));
        assert_eq!([hint::<DecodeOptions>(), hint::<EncodeOptions>()], [(3, Some(9)), (2, Some(7))]);
        assert_eq!([hint::<Version>(), hint::<ReasonCode>()], [(1, Some(1)); 2]);
        assert_eq!(hint::<SubscriptionOptions>(), (4, Some(4)));
        assert_eq!([hint::<FilterTree<u8>>(), hint::<TopicTree<u8>>()], [(0, None); 2]);
        #[cfg(feature = "tokio-codec")]
        assert_eq!(hint::<crate::codec::Codec>(), (5, Some(16)));
    }

    #[test]
    fn single_values_come_valid() {
        for source in sources() {
            let mut u = Unstructured::new(&source);
            let filter = TopicFilter::arbitrary(&mut u).unwrap();
            assert_eq!(TopicFilter::new(filter.as_str()), Ok(filter));
            let name = TopicName::arbitrary(&mut u).unwrap();
            assert_eq!(TopicName::new(name.as_str()), Ok(name));
            let subscription = Subscription::arbitrary(&mut u).unwrap();
            let subscriptions = [subscription];
            let subscribe = Packet::from(Subscribe::new(PacketId::MIN, &subscriptions));
            assert!(subscribe.encoded_len(Version::V5).is_ok());
            let filter = TopicFilterBuf::arbitrary(&mut u).unwrap();
            assert_eq!(TopicFilter::new(filter.as_str()), Ok(filter.as_filter()));
            let name = TopicNameBuf::arbitrary(&mut u).unwrap();
            assert_eq!(TopicName::new(name.as_str()), Ok(name.as_name()));
            let packet = ArbitraryPacket::arbitrary(&mut u).unwrap();
            assert!(packet.packet().packet_type().may_be_sent_by(packet.sender(), packet.version()));
            assert_eq!(packet.as_bytes(), packet.clone().into_bytes());
            #[cfg(feature = "bytes")]
            assert!(crate::owned::Frame::arbitrary(&mut u).unwrap().packet().is_ok());
            u.arbitrary::<DecodeOptions>().unwrap();
            u.arbitrary::<EncodeOptions>().unwrap();
            u.arbitrary::<Property<'_>>().unwrap();
        }
    }

    #[test]
    fn trees_come_with_entries() {
        let (mut filters, mut names) = (0, 0);
        for source in sources() {
            let mut u = Unstructured::new(&source);
            filters += FilterTree::<u8>::arbitrary(&mut u).unwrap().len();
            names += TopicTree::<u8>::arbitrary(&mut u).unwrap().len();
        }
        assert!(filters > 100, "{filters}");
        assert!(names > 100, "{names}");
    }

    /// Each field has both values or all, whatever the others have.
    #[test]
    fn options_of_subscriptions_come_in_every_form() {
        let seen: std::collections::HashSet<_> = (0..=u8::MAX)
            .map(|n| {
                let bytes = [n % 3, n / 3 % 2, n / 6 % 2, n / 12 % 3];
                SubscriptionOptions::arbitrary(&mut Unstructured::new(&bytes)).unwrap()
            })
            .collect();
        assert_eq!(seen.len(), 36);
    }

    #[test]
    #[cfg(feature = "tokio-codec")]
    fn codecs_come_with_their_options() {
        for source in sources() {
            let mut u = Unstructured::new(&source);
            let codec = crate::codec::Codec::arbitrary(&mut u).unwrap();
            let mut u = Unstructured::new(&source);
            let (decoding, encoding) = (u.arbitrary().unwrap(), u.arbitrary().unwrap());
            let expected = crate::codec::Codec::new(decoding, encoding);
            assert_eq!(std::format!("{codec:?}"), std::format!("{expected:?}"));
        }
    }
}
