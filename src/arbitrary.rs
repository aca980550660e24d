//! Random values of the public types for fuzzers (feature `arbitrary`).
//!
//! Every value is valid. Those that borrow take their text from the fuzzer's bytes. What needs storage of its
//! own, properties and lists above all, comes in a whole packet: [`ArbitraryPacket`].

mod options;
#[cfg(test)]
mod tests;
mod topics;
mod values;

use alloc::vec::Vec;

use arbitrary::{Arbitrary, Error, Result, Unstructured};

use self::topics::filter;
use self::values::{Value, property};
use crate::decode::decode_exact;
use crate::options::{DecodeOptions, EncodeOptions};
use crate::packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, Publish, SubAck, Subscribe, Subscription,
    SubscriptionOptions, UnsubAck, Unsubscribe, Will,
};
use crate::property::{Properties, Property};
use crate::standard::{
    Delivery, PacketId, PacketType, Place, PropertyId, PropertySet, ReasonCode, Rule, Sender, Version,
};

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
/// let (publish, client) = (PacketType::Publish, Sender::Client);
/// let publish = ArbitraryPacket::of_type(&mut source, publish, Version::V5, client)?;
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
    /// ```
    /// use arbitrary::Unstructured;
    /// use mqtt_wire::{ArbitraryPacket, Sender, Version};
    ///
    /// /// A fuzz target of a broker: what clients may send, one packet after the other.
    /// fn target(data: &[u8]) {
    ///     let mut source = Unstructured::new(data);
    ///     while !source.is_empty() {
    ///         let sent = ArbitraryPacket::from_sender(&mut source, Version::V5, Sender::Client);
    ///         let Ok(sent) = sent else { return };
    ///         handle(sent.as_bytes());
    ///     }
    /// }
    /// # fn handle(packet: &[u8]) {
    /// #     let options = mqtt_wire::DecodeOptions::new(Version::V5).with_sender(Sender::Client);
    /// #     mqtt_wire::decode_exact(packet, options).unwrap();
    /// # }
    /// # target(&[7; 64]);
    /// ```
    ///
    /// # Errors
    /// When the fuzzer's bytes do not suffice.
    pub fn from_sender(u: &mut Unstructured<'_>, version: Version, sender: Sender) -> Result<Self> {
        let packet = one_of(u, PacketType::ALL.into_iter(), |packet| packet.may_be_sent_by(sender, version))?;
        Self::of_type(u, packet, version, sender)
    }

    /// A packet of that type.
    ///
    /// ```
    /// use arbitrary::Unstructured;
    /// use mqtt_wire::{ArbitraryPacket, PacketType, Sender, Version};
    ///
    /// let mut source = Unstructured::new(&[7; 64]);
    /// let (packet, sender) = (PacketType::Subscribe, Sender::Client);
    /// let made = ArbitraryPacket::of_type(&mut source, packet, Version::V5, sender);
    /// assert_eq!(made.map(|made| made.packet().packet_type()), Ok(PacketType::Subscribe));
    /// ```
    ///
    /// # Errors
    /// When the fuzzer's bytes do not suffice, or when this side may not send the type in this version.
    pub fn of_type(
        u: &mut Unstructured<'_>,
        packet: PacketType,
        version: Version,
        sender: Sender,
    ) -> Result<Self> {
        if !packet.may_be_sent_by(sender, version) {
            return Err(Error::IncorrectFormat);
        }
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
    ///
    /// ```
    /// use arbitrary::Unstructured;
    /// use mqtt_wire::{ArbitraryPacket, Sender, Version, packets};
    ///
    /// let mut source = Unstructured::new(&[7; 64]);
    /// let any = ArbitraryPacket::from_sender(&mut source, Version::V5, Sender::Server)?;
    /// // What a server may send is refused when the options expect a client, so take these.
    /// let mut stream = packets(any.as_bytes(), any.options());
    /// assert_eq!(stream.next(), Some((0, Ok(any.packet()))));
    /// # Ok::<(), arbitrary::Error>(())
    /// ```
    pub const fn options(&self) -> DecodeOptions {
        DecodeOptions::new(self.version).with_sender(self.sender)
    }

    /// The packet.
    ///
    /// # Panics
    /// When what this crate has encoded it does not decode: that is a fault that a fuzzer is to find.
    pub fn packet(&self) -> Packet<'_> {
        match decode_exact(&self.bytes, self.options()) {
            Ok(packet) => packet,
            Err(error) => panic!("{error}, in a packet that was encoded: {:02x?}", self.bytes),
        }
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
impl<'a> Arbitrary<'a> for crate::frame::Frame {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let packet = ArbitraryPacket::arbitrary(u)?;
        let options = packet.options();
        match Self::new(packet.bytes.into(), options) {
            Ok(frame) => Ok(frame),
            Err(error) => panic!("{error}, of a packet that was encoded"),
        }
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        ArbitraryPacket::size_hint(depth)
    }
}

#[cfg(feature = "bytes")]
impl<'a> Arbitrary<'a> for crate::frame::CheckedFrame {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        match Self::new(u.arbitrary()?) {
            Ok(frame) => Ok(frame),
            Err(error) => panic!("{error}, in a packet that was encoded"),
        }
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        ArbitraryPacket::size_hint(depth)
    }
}

#[cfg(feature = "bytes")]
impl<'a> Arbitrary<'a> for crate::frame::PublishFrame {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (version, sender) = (u.arbitrary()?, u.arbitrary()?);
        let packet = ArbitraryPacket::of_type(u, PacketType::Publish, version, sender)?;
        let options = packet.options();
        match crate::frame::Frame::new(packet.bytes.into(), options).and_then(Self::new) {
            Ok(message) => Ok(message),
            Err(error) => panic!("{error}, of a message that was encoded"),
        }
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

    /// What was made is valid: a refusal is a fault of the encoder, unless the fuzzer's bytes made the packet too large.
    fn encode(&self, packet: &Packet<'_>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let options = EncodeOptions::new(self.version).with_sender(self.sender);
        match packet.encode(options, &mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) if error.rule() == Some(Rule::PacketTooLarge) => Err(Error::IncorrectFormat),
            Err(error) => panic!("{error}, of a valid packet: {packet:?}"),
        }
    }

    fn connect(&mut self) -> Result<Vec<u8>> {
        let mut properties = self.properties(&Place::CONNECT)?;
        with_method(self.u, &mut properties, PropertyId::AuthenticationData)?;
        let will_properties = self.properties(&Place::WILL)?;
        let client_id = self.client_id()?;
        let will = if self.u.arbitrary()? { Some(self.will(&will_properties)?) } else { None };
        let will = will.as_ref().map(Into::into);
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
        let packet_id = PacketId::generate(self.u)?;
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
        let (packet_id, reason_codes) = (PacketId::generate(self.u)?, self.reason_codes(PacketType::SubAck)?);
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
