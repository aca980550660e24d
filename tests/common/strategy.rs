//! Packets of every kind for property tests: owned values, the crate's packet built of them, and the bytes that
//! a plain encoder of its own gives for them.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::OnceLock;

use mqtt_wire::{
    Ack, Auth, ConnAck, Connect, Delivery, Disconnect, MaximumQoS, Packet, PacketId, PacketType, Properties,
    Property, Publish, QoS, ReasonCode, RetainHandling, Sender, SubAck, Subscribe, Subscription,
    SubscriptionId, TopicFilter, TopicName, UnsubAck, Unsubscribe, Version, Will,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::bounds::{self, Bound, Field};
use super::notation::{frame, string, variable};
use super::tables::{PROPERTIES, Place, PropertyRow, RETURN_CODES, Type, may_carry, may_send};

/// A property's value, owned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Flag(bool),
    U16(u16),
    U32(u32),
    Variable(u32),
    Text(String),
    Binary(Vec<u8>),
    Pair(String, String),
}

/// Identifier and value.
pub(crate) type Owned = (u8, Value);

#[derive(Clone, Debug)]
pub(crate) struct OwnedWill {
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) properties: Vec<Owned>,
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

/// The fields of a packet, owned.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Connect {
        clean_start: bool,
        keep_alive: u16,
        properties: Vec<Owned>,
        client_id: String,
        will: Option<OwnedWill>,
        user_name: Option<String>,
        password: Option<Vec<u8>>,
    },
    /// The code is that of 5.0 in every version.
    ConnAck {
        session_present: bool,
        code: u8,
        properties: Vec<Owned>,
    },
    Publish {
        dup: bool,
        qos: u8,
        id: u16,
        retain: bool,
        topic: Option<String>,
        properties: Vec<Owned>,
        payload: Vec<u8>,
    },
    Ack {
        packet: PacketType,
        id: u16,
        code: u8,
        properties: Vec<Owned>,
    },
    /// Filters and option bytes.
    Subscribe {
        id: u16,
        properties: Vec<Owned>,
        subscriptions: Vec<(String, u8)>,
    },
    SubAck {
        id: u16,
        properties: Vec<Owned>,
        codes: Vec<u8>,
    },
    Unsubscribe {
        id: u16,
        properties: Vec<Owned>,
        filters: Vec<String>,
    },
    UnsubAck {
        id: u16,
        properties: Vec<Owned>,
        codes: Vec<u8>,
    },
    Ping {
        packet: PacketType,
    },
    Disconnect {
        code: u8,
        properties: Vec<Owned>,
    },
    Auth {
        code: u8,
        properties: Vec<Owned>,
    },
}

/// A packet, its version, and who sends it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) version: Version,
    pub(crate) sender: Sender,
    pub(crate) body: Body,
}

fn packet_id(id: u16) -> PacketId {
    PacketId::new(id).expect("not 0")
}

fn property((id, value): &Owned) -> Property<'_> {
    use Property as P;
    let one = |n: u16| NonZeroU16::new(n).expect("not 0");
    match (id, value) {
        (1, Value::Flag(on)) => P::PayloadFormatIndicator(*on),
        (2, Value::U32(n)) => P::MessageExpiryInterval(*n),
        (3, Value::Text(text)) => P::ContentType(text),
        (8, Value::Text(text)) => P::ResponseTopic(TopicName::new(text).expect("a topic name")),
        (9, Value::Binary(bytes)) => P::CorrelationData(bytes),
        (11, Value::Variable(n)) => P::SubscriptionIdentifier(SubscriptionId::new(*n).expect("in range")),
        (17, Value::U32(n)) => P::SessionExpiryInterval(*n),
        (18, Value::Text(text)) => P::AssignedClientIdentifier(text),
        (19, Value::U16(n)) => P::ServerKeepAlive(*n),
        (21, Value::Text(text)) => P::AuthenticationMethod(text),
        (22, Value::Binary(bytes)) => P::AuthenticationData(bytes),
        (23, Value::Flag(on)) => P::RequestProblemInformation(*on),
        (24, Value::U32(n)) => P::WillDelayInterval(*n),
        (25, Value::Flag(on)) => P::RequestResponseInformation(*on),
        (26, Value::Text(text)) => P::ResponseInformation(text),
        (28, Value::Text(text)) => P::ServerReference(text),
        (31, Value::Text(text)) => P::ReasonString(text),
        (33, Value::U16(n)) => P::ReceiveMaximum(one(*n)),
        (34, Value::U16(n)) => P::TopicAliasMaximum(*n),
        (35, Value::U16(n)) => P::TopicAlias(one(*n)),
        (36, Value::Flag(on)) => {
            P::MaximumQoS(if *on { MaximumQoS::AtLeastOnce } else { MaximumQoS::AtMostOnce })
        }
        (37, Value::Flag(on)) => P::RetainAvailable(*on),
        (38, Value::Pair(name, value)) => P::UserProperty((name, value)),
        (39, Value::U32(n)) => P::MaximumPacketSize(NonZeroU32::new(*n).expect("not 0")),
        (40, Value::Flag(on)) => P::WildcardSubscriptionAvailable(*on),
        (41, Value::Flag(on)) => P::SubscriptionIdentifierAvailable(*on),
        (42, Value::Flag(on)) => P::SharedSubscriptionAvailable(*on),
        other => panic!("{other:?} is no property"),
    }
}

pub(crate) fn properties(owned: &[Owned]) -> Vec<Property<'_>> {
    owned.iter().map(property).collect()
}

fn codes(codes: &[u8]) -> Vec<ReasonCode> {
    codes.iter().copied().map(ReasonCode::new).collect()
}

impl Case {
    pub(crate) fn packet_type(&self) -> PacketType {
        match &self.body {
            Body::Connect { .. } => PacketType::Connect,
            Body::ConnAck { .. } => PacketType::ConnAck,
            Body::Publish { .. } => PacketType::Publish,
            Body::Ack { packet, .. } | Body::Ping { packet } => *packet,
            Body::Subscribe { .. } => PacketType::Subscribe,
            Body::SubAck { .. } => PacketType::SubAck,
            Body::Unsubscribe { .. } => PacketType::Unsubscribe,
            Body::UnsubAck { .. } => PacketType::UnsubAck,
            Body::Disconnect { .. } => PacketType::Disconnect,
            Body::Auth { .. } => PacketType::Auth,
        }
    }

    fn filter<'a>(&self, text: &'a str) -> TopicFilter<'a> {
        TopicFilter::new_for(text, self.version).expect("a topic filter")
    }

    fn with_connect<R>(&self, look: impl FnOnce(&Packet<'_>) -> R) -> R {
        let Body::Connect { clean_start, keep_alive, properties: own, client_id, will, user_name, password } =
            &self.body
        else {
            unreachable!("called for CONNECT")
        };
        let own = properties(own);
        let will_own = will.as_ref().map(|will| properties(&will.properties)).unwrap_or_default();
        let will = will.as_ref().map(|will| Will {
            qos: QoS::new(will.qos).expect("0 to 2"),
            retain: will.retain,
            properties: Properties::new(&will_own),
            topic: TopicName::new(&will.topic).expect("a topic name"),
            payload: &will.payload,
        });
        let connect = Connect {
            version: self.version,
            bridge: false,
            clean_start: *clean_start,
            keep_alive: *keep_alive,
            properties: Properties::new(&own),
            client_id,
            will: will.as_ref().map(Into::into),
            user_name: user_name.as_deref(),
            password: password.as_deref(),
        };
        look(&connect.into())
    }

    /// Hands the packet to `look`.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&Packet<'_>) -> R) -> R {
        match &self.body {
            Body::Connect { .. } => self.with_connect(look),
            Body::ConnAck { session_present, code, properties: own } => {
                let own = properties(own);
                let properties = Properties::new(&own);
                let reason_code = ReasonCode::new(*code);
                look(&ConnAck { session_present: *session_present, reason_code, properties }.into())
            }
            Body::Publish { dup, qos, id, retain, topic, properties: own, payload } => {
                let own = properties(own);
                let publish = Publish {
                    dup: *dup,
                    delivery: Delivery::new(QoS::new(*qos).expect("0 to 2"), packet_id(*id)),
                    retain: *retain,
                    topic: topic.as_deref().map(|topic| TopicName::new(topic).expect("a topic name")),
                    properties: Properties::new(&own),
                    payload,
                };
                look(&publish.into())
            }
            Body::Ack { packet, id, code, properties: own } => {
                let own = properties(own);
                let properties = Properties::new(&own);
                let ack = Ack { packet_id: packet_id(*id), reason_code: ReasonCode::new(*code), properties };
                look(&match packet {
                    PacketType::PubAck => Packet::PubAck(ack),
                    PacketType::PubRec => Packet::PubRec(ack),
                    PacketType::PubRel => Packet::PubRel(ack),
                    _ => Packet::PubComp(ack),
                })
            }
            Body::Subscribe { id, properties: own, subscriptions } => {
                let own = properties(own);
                let all: Vec<Subscription<'_>> = subscriptions
                    .iter()
                    .map(|(text, options)| subscription(self.filter(text), *options))
                    .collect();
                look(
                    &Subscribe { properties: Properties::new(&own), ..Subscribe::new(packet_id(*id), &all) }
                        .into(),
                )
            }
            Body::SubAck { id, properties: own, codes: list } => {
                let (own, list) = (properties(own), codes(list));
                look(
                    &SubAck { properties: Properties::new(&own), ..SubAck::new(packet_id(*id), &list) }
                        .into(),
                )
            }
            Body::Unsubscribe { id, properties: own, filters } => {
                let own = properties(own);
                let all: Vec<TopicFilter<'_>> = filters.iter().map(|text| self.filter(text)).collect();
                look(
                    &Unsubscribe {
                        properties: Properties::new(&own),
                        ..Unsubscribe::new(packet_id(*id), &all)
                    }
                    .into(),
                )
            }
            Body::UnsubAck { id, properties: own, codes: list } => {
                let (own, list) = (properties(own), codes(list));
                look(
                    &UnsubAck { properties: Properties::new(&own), ..UnsubAck::new(packet_id(*id), &list) }
                        .into(),
                )
            }
            Body::Ping { packet } => {
                look(&if *packet == PacketType::PingReq { Packet::PingReq } else { Packet::PingResp })
            }
            Body::Disconnect { code, properties: own } => {
                let own = properties(own);
                let disconnect = Disconnect::new(ReasonCode::new(*code));
                look(&Disconnect { properties: Properties::new(&own), ..disconnect }.into())
            }
            Body::Auth { code, properties: own } => {
                let own = properties(own);
                look(&Auth::new(ReasonCode::new(*code), Properties::new(&own)).into())
            }
        }
    }
}

fn subscription(filter: TopicFilter<'_>, options: u8) -> Subscription<'_> {
    Subscription {
        filter,
        maximum_qos: QoS::new(options & 0b11).expect("0 to 2"),
        no_local: options >> 2 & 1 == 1,
        retain_as_published: options >> 3 & 1 == 1,
        retain_handling: RetainHandling::new(options >> 4).expect("0 to 2"),
    }
}

/// The wire form of properties.
pub(crate) fn block(properties: &[Owned]) -> Vec<u8> {
    let mut block = Vec::new();
    for (id, value) in properties {
        block.push(*id);
        match value {
            Value::Flag(on) => block.push(u8::from(*on)),
            Value::U16(n) => block.extend(n.to_be_bytes()),
            Value::U32(n) => block.extend(n.to_be_bytes()),
            Value::Variable(n) => block.extend(variable(*n as usize)),
            Value::Text(text) => block.extend(string(text)),
            Value::Binary(bytes) => block.extend(string(bytes)),
            Value::Pair(name, value) => block.extend([string(name), string(value)].concat()),
        }
    }
    [variable(block.len()), block].concat()
}

impl Case {
    /// The property block, which 3.x has not.
    fn block(&self, properties: &[Owned]) -> Option<Vec<u8>> {
        match self.version {
            Version::V5 => Some(block(properties)),
            _ => properties.is_empty().then(Vec::new),
        }
    }

    /// A reason code and properties that are left out as far as may be.
    fn optional(&self, code: u8, properties: &[Owned]) -> Option<Vec<u8>> {
        match (code, properties) {
            (0, []) => Some(Vec::new()),
            _ if self.version < Version::V5 => None,
            (code, []) => Some(vec![code]),
            (code, properties) => Some([vec![code], block(properties)].concat()),
        }
    }

    /// Whether a string that may have any characters is longer than its length can say.
    fn has_too_long(&self) -> bool {
        let too_long = |text: &str| text.len() > LONGEST;
        let (own, of_will, texts) = match &self.body {
            Body::Connect { properties, client_id, will, user_name, .. } => {
                let of_will = will.as_ref().map_or(&[][..], |will| &will.properties);
                (properties, of_will, vec![client_id.as_str(), user_name.as_deref().unwrap_or_default()])
            }
            Body::Ping { .. } => return false,
            Body::ConnAck { properties, .. }
            | Body::Publish { properties, .. }
            | Body::Ack { properties, .. }
            | Body::Subscribe { properties, .. }
            | Body::SubAck { properties, .. }
            | Body::Unsubscribe { properties, .. }
            | Body::UnsubAck { properties, .. }
            | Body::Disconnect { properties, .. }
            | Body::Auth { properties, .. } => (properties, &[][..], Vec::new()),
        };
        let in_property = |(_, value): &Owned| match value {
            Value::Text(text) => too_long(text),
            Value::Pair(name, value) => too_long(name) || too_long(value),
            _ => false,
        };
        texts.into_iter().any(too_long) || own.iter().chain(of_will).any(in_property)
    }

    /// The frame as a plain encoder writes it, whether or not it is allowed; `None` when there is no form for it
    /// in the version.
    pub(crate) fn plain(&self) -> Option<Vec<u8>> {
        if self.has_too_long() {
            return None;
        }
        let v5 = self.version == Version::V5;
        let (flags, body) = match &self.body {
            Body::Connect { clean_start, keep_alive, properties, client_id, will, user_name, password } => {
                let flag = |on: bool, bit: u8| u8::from(on) << bit;
                let mut flags = flag(*clean_start, 1)
                    | flag(will.is_some(), 2)
                    | flag(password.is_some(), 6)
                    | flag(user_name.is_some(), 7);
                let mut payload = string(client_id);
                if let Some(will) = will {
                    flags |= will.qos << 3 | flag(will.retain, 5);
                    payload.extend(self.block(&will.properties)?);
                    payload.extend([string(&will.topic), string(&will.payload)].concat());
                }
                payload.extend(user_name.iter().flat_map(string));
                payload.extend(password.iter().flat_map(string));
                let (name, level) = match self.version {
                    Version::V31 => ("MQIsdp", 3),
                    Version::V311 => ("MQTT", 4),
                    Version::V5 => ("MQTT", 5),
                };
                let fixed = [&string(name)[..], &[level, flags], &keep_alive.to_be_bytes()].concat();
                (0, [fixed, self.block(properties)?, payload].concat())
            }
            Body::ConnAck { session_present, code, properties } => {
                if self.version == Version::V31 && *session_present {
                    return None;
                }
                let code = if v5 {
                    *code
                } else {
                    let return_code = RETURN_CODES.iter().position(|known| known == code)?;
                    u8::try_from(return_code).expect("0 to 5")
                };
                (0, [vec![u8::from(*session_present), code], self.block(properties)?].concat())
            }
            Body::Publish { dup, qos, id, retain, topic, properties, payload } => {
                let id = if *qos == 0 { Vec::new() } else { id.to_be_bytes().to_vec() };
                let topic = string(topic.as_deref().unwrap_or_default());
                let flags = u8::from(*dup) << 3 | qos << 1 | u8::from(*retain);
                (flags, [topic, id, self.block(properties)?, payload.clone()].concat())
            }
            Body::Ack { packet, id, code, properties } => {
                let flags = if *packet == PacketType::PubRel { 2 } else { 0 };
                (flags, [id.to_be_bytes().to_vec(), self.optional(*code, properties)?].concat())
            }
            Body::Subscribe { id, properties, subscriptions } => {
                let list =
                    subscriptions.iter().flat_map(|(text, options)| [string(text), vec![*options]].concat());
                (2, [id.to_be_bytes().to_vec(), self.block(properties)?, list.collect()].concat())
            }
            Body::SubAck { id, properties, codes } => {
                (0, [id.to_be_bytes().to_vec(), self.block(properties)?, codes.clone()].concat())
            }
            Body::Unsubscribe { id, properties, filters } => {
                let list = filters.iter().flat_map(string).collect();
                (2, [id.to_be_bytes().to_vec(), self.block(properties)?, list].concat())
            }
            Body::UnsubAck { id, properties, codes } => {
                if !v5 && !codes.is_empty() {
                    return None;
                }
                (0, [id.to_be_bytes().to_vec(), self.block(properties)?, codes.clone()].concat())
            }
            Body::Ping { .. } => (0, Vec::new()),
            Body::Disconnect { code, properties } => (0, self.optional(*code, properties)?),
            Body::Auth { code: 0, properties } if properties.is_empty() => (0, Vec::new()),
            Body::Auth { code, properties } => (0, [vec![*code], self.block(properties)?].concat()),
        };
        Some(frame(self.packet_type().get() << 4 | flags, &body))
    }
}

// --- Strategies: valid values, and wild ones, any of which may break any rule that the types leave open.

const LONGEST: usize = 65_535;

/// Lengths at which something changes.
fn lengths() -> impl Strategy<Value = usize> {
    select(vec![0, 1, 2, 126, 127, 128, 255, 256, LONGEST - 1, LONGEST])
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => "[a-z]{0,8}",
        10 => "\\PC{0,12}",
        5 => "[\u{1}-\u{10FFFF}]{0,4}",
        1 => lengths().prop_map(|length| "x".repeat(length)),
    ]
}

/// A text; when it is to be wild, now and then with U+0000 or longer than its length can say.
fn any_text(wild: bool) -> BoxedStrategy<String> {
    if wild {
        let long = select(vec![LONGEST + 1, 2 * LONGEST + 2]).prop_map(|length| "x".repeat(length));
        prop_oneof![40 => text(), 2 => "[a\u{0}]{1,3}", 1 => long].boxed()
    } else {
        text().boxed()
    }
}

fn binary() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        40 => vec(any::<u8>(), 0..16),
        1 => lengths().prop_map(|length| vec![0xA5; length]),
    ]
}

/// What stands between two separators of a topic name.
const LEVEL: &str = "[a-z $.é中\u{10348}]{0,4}";

fn topic() -> impl Strategy<Value = String> {
    let levels = vec(LEVEL, 1..5).prop_map(|levels| levels.join("/"));
    prop_oneof![
        40 => levels.prop_map(|topic| if topic.is_empty() { "/".to_owned() } else { topic }),
        2 => "\\$SYS/[a-z]{1,4}",
        1 => lengths().prop_map(|length| "t".repeat(length.max(1))),
    ]
}

fn filter(version: Version) -> impl Strategy<Value = String> {
    let level = prop_oneof![3 => LEVEL.boxed(), 1 => Just("+".to_owned()).boxed()];
    let all = (vec(level, 1..5), any::<bool>()).prop_map(|(mut levels, multi)| {
        if multi {
            levels.push("#".to_owned());
        }
        let filter = levels.join("/");
        if filter.is_empty() { "#".to_owned() } else { filter }
    });
    let plain = all.clone().prop_filter("an ordinary filter", |filter| !filter.starts_with("$share/"));
    let shared = ("[a-z $é]{1,4}", all).prop_map(|(name, filter)| format!("$share/{name}/{filter}"));
    // In 3.x these are ordinary filters.
    let lookalike =
        select(vec!["$share/", "$share//a", "$share/g", "$share/+/a", "$share/#"]).prop_map(str::to_owned);
    let long = lengths().prop_map(|length| "f".repeat(length.max(1)));
    let special = if version == Version::V5 { shared.boxed() } else { lookalike.boxed() };
    prop_oneof![30 => plain, 10 => special, 1 => long]
}

fn id() -> impl Strategy<Value = u16> {
    prop_oneof![1..=u16::MAX, select(vec![1, 0x00FF, 0x0100, u16::MAX])]
}

fn value(row: &'static PropertyRow, wild: bool) -> BoxedStrategy<Owned> {
    let u32s = || prop_oneof![any::<u32>(), select(vec![0, 1, 0xFF, 0xFFFF, 0xFFFF_FFFF])];
    let u16s = || prop_oneof![any::<u16>(), select(vec![0, 1, 0xFF, 0xFFFF])];
    let value = match row.r#type {
        Type::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
        Type::U16 => u16s().prop_map(Value::U16).boxed(),
        Type::NonZeroU16 => u16s().prop_map(|n| Value::U16(n.max(1))).boxed(),
        Type::U32 => u32s().prop_map(Value::U32).boxed(),
        Type::NonZeroU32 => u32s().prop_map(|n| Value::U32(n.max(1))).boxed(),
        Type::Variable => {
            let steps = select(vec![1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455]);
            prop_oneof![1..=268_435_455_u32, steps].prop_map(Value::Variable).boxed()
        }
        Type::Text => any_text(wild).prop_map(Value::Text).boxed(),
        Type::Topic => topic().prop_map(Value::Text).boxed(),
        Type::Binary => binary().prop_map(Value::Binary).boxed(),
        Type::Pair => {
            (any_text(wild), any_text(wild)).prop_map(|(name, value)| Value::Pair(name, value)).boxed()
        }
    };
    value.prop_map(|value| (row.id, value)).boxed()
}

/// Any property; now and then with a text that no packet can carry.
#[allow(dead_code, reason = "properties.rs alone needs it")]
pub(crate) fn any_property() -> impl Strategy<Value = Owned> {
    select(PROPERTIES.iter().collect::<Vec<_>>()).prop_flat_map(|row| value(row, true))
}

/// Properties that may stand there, in any order; when they are to be wild, others among them.
fn some_properties(place: Place, version: Version, sender: Sender, wild: bool) -> BoxedStrategy<Vec<Owned>> {
    if version < Version::V5 && !wild {
        return Just(Vec::new()).boxed();
    }
    let allowed = |row: &&PropertyRow| row.allowed(place, Some(sender));
    let rows: Vec<&'static PropertyRow> = PROPERTIES.iter().filter(allowed).collect();
    let (many, once): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.repeats(place));
    let all: Vec<&'static PropertyRow> = PROPERTIES.iter().collect();
    let values = move |rows: Vec<&'static PropertyRow>| -> Vec<BoxedStrategy<Owned>> {
        rows.into_iter().map(|row| value(row, wild)).collect()
    };
    let count = once.len();
    let once = subsequence(once, 0..=count).prop_flat_map(values);
    let repeated = if many.is_empty() { Just(Vec::new()).boxed() } else { vec(select(many), 0..4).boxed() };
    let other = if wild { vec(select(all), 0..2).boxed() } else { Just(Vec::new()).boxed() };
    let some = (once, repeated.prop_flat_map(values), other.prop_flat_map(values))
        .prop_map(|(once, repeated, other)| [once, repeated, other].concat())
        .prop_shuffle();
    prop_oneof![1 => Just(Vec::new()), 2 => some].boxed()
}

/// Every code that the packet may carry.
pub(crate) fn listed(packet: PacketType, version: Version, sender: Sender) -> Vec<u8> {
    (0..=u8::MAX).filter(|code| may_carry(packet, *code, version, Some(sender))).collect()
}

/// Codes that the packet may carry; when they are to be wild, now and then any other.
fn code(packet: PacketType, version: Version, sender: Sender, wild: bool) -> BoxedStrategy<u8> {
    let codes = match (packet, version) {
        (PacketType::ConnAck, Version::V31 | Version::V311) => RETURN_CODES.to_vec(),
        (PacketType::SubAck, _) | (_, Version::V5) => listed(packet, version, sender),
        _ => vec![0],
    };
    match (codes.is_empty(), wild) {
        (true, _) => any::<u8>().boxed(),
        (false, false) => select(codes).boxed(),
        (false, true) => prop_oneof![3 => select(codes), 1 => any::<u8>()].boxed(),
    }
}

fn will(version: Version, sender: Sender, wild: bool) -> impl Strategy<Value = OwnedWill> {
    let properties = some_properties(Place::Will, version, sender, wild);
    (0..=2_u8, any::<bool>(), properties, topic(), binary()).prop_map(
        |(qos, retain, properties, topic, payload)| OwnedWill { qos, retain, properties, topic, payload },
    )
}

fn connect(version: Version, sender: Sender, wild: bool) -> BoxedStrategy<Body> {
    let place = Place::In(PacketType::Connect);
    let client_id = match version {
        Version::V31 if !wild => "[a-zé中]{1,23}".boxed(),
        _ => any_text(wild),
    };
    (
        (any::<bool>(), any::<u16>(), some_properties(place, version, sender, wild), client_id),
        option::of(will(version, sender, wild)),
        option::of(any_text(wild)),
        option::of(binary()),
    )
        .prop_map(
            move |((clean_start, keep_alive, mut properties, client_id), will, user_name, mut password)| {
                if !wild {
                    let method = properties.iter().any(|(id, _)| *id == 21);
                    properties.retain(|(id, _)| *id != 22 || method);
                    password = password.filter(|_| version == Version::V5 || user_name.is_some());
                }
                let clean_start = clean_start || (!wild && version == Version::V311 && client_id.is_empty());
                Body::Connect { clean_start, keep_alive, properties, client_id, will, user_name, password }
            },
        )
        .boxed()
}

fn publish(version: Version, sender: Sender, wild: bool) -> BoxedStrategy<Body> {
    let properties = some_properties(Place::In(PacketType::Publish), version, sender, wild);
    let payload = prop_oneof![
        40 => vec(any::<u8>(), 0..40).prop_map(Ok),
        10 => "\\PC{0,12}".prop_map(|text| Ok(text.into_bytes())),
        4 => select(vec![127, 128, 16_383, 16_384]).prop_map(Err),
        1 => select(vec![2_097_151, 2_097_152]).prop_map(Err),
    ];
    ((any::<bool>(), 0..=2_u8, id(), any::<bool>()), option::weighted(0.8, topic()), properties, payload)
        .prop_map(move |((dup, qos, id, retain), topic, properties, payload)| {
            let alias = version == Version::V5 && properties.iter().any(|(id, _)| *id == 35);
            let topic = if wild || alias { topic } else { topic.or(Some("t".to_owned())) };
            let dup = dup && (wild || qos > 0);
            let without = Body::Publish { dup, qos, id, retain, topic, properties, payload: Vec::new() };
            let payload = payload.unwrap_or_else(|length| fill(&without, version, sender, length));
            match without {
                Body::Publish { dup, qos, id, retain, topic, properties, .. } => {
                    Body::Publish { dup, qos, id, retain, topic, properties, payload }
                }
                other => other,
            }
        })
        .boxed()
}

/// A payload that brings the Remaining Length up to that length.
fn fill(body: &Body, version: Version, sender: Sender, length: usize) -> Vec<u8> {
    let head = Case { version, sender, body: body.clone() }.plain().map_or(0, |frame| {
        let header = 1 + frame[1..].iter().position(|byte| *byte < 0x80).expect("a whole header") + 1;
        frame.len() - header
    });
    vec![0x5A; length.saturating_sub(head)]
}

fn list<T: std::fmt::Debug + Clone>(
    item: impl Strategy<Value = T> + 'static,
    wild: bool,
) -> BoxedStrategy<Vec<T>> {
    vec(item, usize::from(!wild)..5).boxed()
}

fn subscriptions(version: Version, wild: bool) -> BoxedStrategy<Vec<(String, u8)>> {
    let options = (0..=2_u8, any::<bool>(), any::<bool>(), 0..=2_u8);
    let one = (filter(version), options).prop_map(move |(filter, (qos, no_local, kept, handling))| {
        let shared = filter.starts_with("$share/");
        let no_local = no_local && (wild || !shared);
        let all = qos | u8::from(no_local) << 2 | u8::from(kept) << 3 | handling << 4;
        (filter, if wild || version == Version::V5 { all } else { qos })
    });
    list(one, wild)
}

fn body(packet: PacketType, version: Version, sender: Sender, wild: bool) -> BoxedStrategy<Body> {
    use PacketType as P;
    let place = Place::In(packet);
    let properties = move || some_properties(place, version, sender, wild);
    let code = move || code(packet, version, sender, wild);
    match packet {
        P::Connect => connect(version, sender, wild),
        P::ConnAck => (any::<bool>(), code(), properties())
            .prop_map(move |(session_present, code, properties)| {
                let session_present = session_present && (wild || (code == 0 && version > Version::V31));
                Body::ConnAck { session_present, code, properties }
            })
            .boxed(),
        P::Publish => publish(version, sender, wild),
        P::PubAck | P::PubRec | P::PubRel | P::PubComp => (id(), code(), properties())
            .prop_map(move |(id, code, properties)| Body::Ack { packet, id, code, properties })
            .boxed(),
        P::Subscribe => (id(), properties(), subscriptions(version, wild))
            .prop_map(|(id, properties, subscriptions)| Body::Subscribe { id, properties, subscriptions })
            .boxed(),
        P::SubAck => (id(), properties(), list(code(), wild))
            .prop_map(|(id, properties, codes)| Body::SubAck { id, properties, codes })
            .boxed(),
        P::Unsubscribe => (id(), properties(), list(filter(version), wild))
            .prop_map(|(id, properties, filters)| Body::Unsubscribe { id, properties, filters })
            .boxed(),
        P::UnsubAck => (id(), properties(), list(code(), wild))
            .prop_map(move |(id, properties, codes)| {
                let codes = if wild || version == Version::V5 { codes } else { Vec::new() };
                Body::UnsubAck { id, properties, codes }
            })
            .boxed(),
        P::PingReq | P::PingResp => Just(Body::Ping { packet }).boxed(),
        P::Disconnect => (code(), properties())
            .prop_map(|(code, properties)| Body::Disconnect { code, properties })
            .boxed(),
        P::Auth => (code(), properties(), any_text(wild))
            .prop_map(move |(code, mut properties, method)| {
                let has_method = properties.iter().any(|(id, _)| *id == 21);
                if !wild && !has_method && (code != 0 || !properties.is_empty()) {
                    properties.push((21, Value::Text(method)));
                }
                Body::Auth { code, properties }
            })
            .boxed(),
    }
}

fn version_and_sender() -> impl Strategy<Value = (Version, Sender)> {
    (select(Version::ALL.to_vec()), select(vec![Sender::Client, Sender::Server]))
}

/// A packet that its sender may send in its version.
pub(crate) fn valid() -> impl Strategy<Value = Case> {
    version_and_sender().prop_flat_map(|(version, sender)| valid_of(version, sender))
}

/// The same for that version and sender.
pub(crate) fn valid_of(version: Version, sender: Sender) -> impl Strategy<Value = Case> {
    let types =
        PacketType::ALL.into_iter().filter(|packet| may_send(*packet, version, sender)).collect::<Vec<_>>();
    select(types).prop_flat_map(move |packet| valid_packet(packet, version, sender))
}

/// The same for that type.
pub(crate) fn valid_packet(
    packet: PacketType,
    version: Version,
    sender: Sender,
) -> impl Strategy<Value = Case> {
    let random = body(packet, version, sender, false).prop_map(move |body| Case { version, sender, body });
    let bounds = short_bounds(packet, version, sender);
    let bounds = select(bounds).prop_map(|bound: Bound| bound.case());
    prop_oneof![15 => random, 1 => bounds]
}

/// Fields at their bounds, in packets that are not too long to be drawn often.
fn short_bounds(packet: PacketType, version: Version, sender: Sender) -> &'static [Bound] {
    type Packets = Vec<((PacketType, Version, Sender), Vec<Bound>)>;
    static BOUNDS: OnceLock<Packets> = OnceLock::new();
    let all = BOUNDS.get_or_init(|| {
        let long = |field: &Field| matches!(field, Field::RemainingLength | Field::PropertyLength { .. });
        let drawn = |bound: &Bound| !long(&bound.field) || bound.at < 20_000;
        let mut all = Packets::new();
        for bound in bounds::all().into_iter().filter(drawn) {
            let kind = (bound.packet, bound.version, bound.sender);
            match all.last_mut() {
                Some((last, list)) if *last == kind => list.push(bound),
                _ => all.push((kind, vec![bound])),
            }
        }
        all
    });
    let found = all.iter().find(|(kind, _)| *kind == (packet, version, sender));
    found.map(|(_, list)| &list[..]).expect("a packet that may be sent has bounds")
}

/// A packet that may break any rule.
pub(crate) fn wild() -> impl Strategy<Value = Case> {
    (version_and_sender(), select(PacketType::ALL.to_vec())).prop_flat_map(|((version, sender), packet)| {
        body(packet, version, sender, true).prop_map(move |body| Case { version, sender, body })
    })
}
