//! Every field, property and list of every packet, each at the values where its form on the wire changes: one
//! packet for each. `round_trip.rs` walks through all of them and draws from them.

use std::fmt;

use mqtt_wire::{PacketType, Sender, Version};

use super::notation::{frame, variable};
use super::strategy::{Body, Case, Owned, OwnedWill, Value, listed};
use super::tables::{PROPERTIES, Place, PropertyRow, RETURN_CODES, Type, may_send};

/// The lengths of a string: none, one, around the steps of a variable byte integer, the longest.
const LENGTHS: [u32; 8] = [0, 1, 127, 128, 16_383, 16_384, 65_534, 65_535];
/// The steps of a variable byte integer, below the largest.
const STEPS: [u32; 6] = [127, 128, 16_383, 16_384, 2_097_151, 2_097_152];

/// A field of one packet at one of its bounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) packet: PacketType,
    pub(crate) version: Version,
    pub(crate) sender: Sender,
    pub(crate) field: Field,
    /// The length, the number or the choice.
    pub(crate) at: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    /// A field by its name, in the packet that has everything.
    Named(&'static str),
    /// A property in the packet (`will`: in its will), and which part of it.
    Property {
        will: bool,
        id: u8,
        part: u8,
    },
    /// The same property with nothing beside it that is not needed.
    PropertyAlone {
        will: bool,
        id: u8,
    },
    PropertyLength {
        will: bool,
    },
    RemainingLength,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packet, version, sender, field, at } = self;
        write!(f, "{packet} of {version} from a {sender:?}: {field:?} at {at}")
    }
}

/// A field to be changed.
enum Slot<'a> {
    Text(&'a mut String),
    /// A topic name or filter, which has a character at least.
    Topic(&'a mut String),
    /// A client identifier of 3.1.
    Short(&'a mut String),
    Binary(&'a mut Vec<u8>),
    U16(&'a mut u16),
    /// The least that is allowed.
    NonZeroU16(&'a mut u16),
    U32(&'a mut u32),
    NonZeroU32(&'a mut u32),
    Variable(&'a mut u32),
    Flag(&'a mut bool),
    /// One of these.
    Choice(&'a mut u8, Vec<u8>),
    /// A list by its number of items.
    Texts(&'a mut Vec<String>),
    Subscriptions(&'a mut Vec<(String, u8)>),
    Codes(&'a mut Vec<u8>),
}

const U16S: [u32; 7] = [0, 1, 127, 128, 255, 256, 65_535];
const U32S: [u32; 7] = [0, 1, 255, 256, 65_535, 65_536, u32::MAX];
const VARIABLES: [u32; 8] = [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455];

impl Type {
    /// The bounds of a property's value, or of the first of two.
    pub(crate) const fn bounds(self) -> &'static [u32] {
        match self {
            Self::Flag => &[0, 1],
            Self::U16 => &U16S,
            Self::NonZeroU16 => U16S.split_at(1).1,
            Self::U32 => &U32S,
            Self::NonZeroU32 => U32S.split_at(1).1,
            Self::Variable => &VARIABLES,
            Self::Text | Self::Binary | Self::Pair => &LENGTHS,
            Self::Topic => LENGTHS.split_at(1).1,
        }
    }
}

impl Slot<'_> {
    fn bounds(&self) -> Vec<u32> {
        match self {
            Self::Text(_) | Self::Binary(_) => LENGTHS.to_vec(),
            Self::Topic(_) => LENGTHS[1..].to_vec(),
            Self::Short(_) => vec![1, 23],
            Self::U16(_) => U16S.to_vec(),
            Self::NonZeroU16(_) => U16S[1..].to_vec(),
            Self::U32(_) => U32S.to_vec(),
            Self::NonZeroU32(_) => U32S[1..].to_vec(),
            Self::Variable(_) => VARIABLES.to_vec(),
            Self::Flag(_) => vec![0, 1],
            Self::Choice(_, choices) => choices.iter().copied().map(u32::from).collect(),
            Self::Texts(_) | Self::Subscriptions(_) | Self::Codes(_) => vec![1, 2, 127, 128, 5_000],
        }
    }

    fn set(self, at: u32) {
        let len = at as usize;
        let half = || u16::try_from(at).expect("16 bits");
        match self {
            Self::Text(text) | Self::Topic(text) | Self::Short(text) => *text = "x".repeat(len),
            Self::Binary(bytes) => *bytes = vec![0xA5; len],
            Self::U16(n) | Self::NonZeroU16(n) => *n = half(),
            Self::U32(n) | Self::NonZeroU32(n) | Self::Variable(n) => *n = at,
            Self::Flag(on) => *on = at != 0,
            Self::Choice(choice, _) => *choice = u8::try_from(at).expect("8 bits"),
            Self::Texts(list) => list.resize(len, "a/+".to_owned()),
            Self::Subscriptions(list) => list.resize(len, ("#".to_owned(), 1)),
            Self::Codes(list) => list.resize(len, list[0]),
        }
    }
}

/// A value in the middle, of a property.
pub(crate) fn plain_value(row: &PropertyRow) -> Value {
    match row.r#type {
        Type::Flag => Value::Flag(true),
        Type::U16 | Type::NonZeroU16 => Value::U16(300),
        Type::U32 | Type::NonZeroU32 => Value::U32(70_000),
        Type::Variable => Value::Variable(300),
        Type::Text | Type::Topic => Value::Text("text".to_owned()),
        Type::Binary => Value::Binary(vec![0, 0xFF]),
        Type::Pair => Value::Pair("key".to_owned(), "value".to_owned()),
    }
}

fn plain_property(row: &PropertyRow) -> Owned {
    (row.id, plain_value(row))
}

/// The Authentication Method: Authentication Data goes with it, and everything in AUTH.
fn method() -> Owned {
    plain_property(PropertyRow::of(21).expect("a property"))
}

fn rows(place: Place, sender: Sender) -> impl Iterator<Item = &'static PropertyRow> {
    PROPERTIES.iter().filter(move |row| row.allowed(place, Some(sender)))
}

/// Every property that may stand there, those that may repeat twice.
fn all_properties(place: Place, version: Version, sender: Sender) -> Vec<Owned> {
    if version < Version::V5 {
        return Vec::new();
    }
    let once = rows(place, sender).map(plain_property);
    let twice = rows(place, sender).filter(|row| row.repeats(place)).map(plain_property);
    once.chain(twice).collect()
}

fn codes(packet: PacketType, version: Version, sender: Sender) -> Vec<u8> {
    match (packet, version) {
        (PacketType::ConnAck, Version::V31 | Version::V311) => RETURN_CODES.to_vec(),
        (PacketType::SubAck, _) | (_, Version::V5) => listed(packet, version, sender),
        _ => vec![0],
    }
}

/// A packet with every field, property and kind of item that it may have.
fn fullest(packet: PacketType, version: Version, sender: Sender) -> Case {
    use PacketType as P;
    let id = 1_000;
    let properties = all_properties(Place::In(packet), version, sender);
    let code = codes(packet, version, sender).first().copied().unwrap_or_default();
    let body = match packet {
        P::Connect => Body::Connect {
            clean_start: true,
            keep_alive: 60,
            properties,
            client_id: "client".to_owned(),
            will: Some(OwnedWill {
                qos: 1,
                retain: true,
                properties: all_properties(Place::Will, version, sender),
                topic: "will/topic".to_owned(),
                payload: vec![1, 2, 3],
            }),
            user_name: Some("user".to_owned()),
            password: Some(vec![4, 5, 6]),
        },
        P::ConnAck => Body::ConnAck { session_present: false, code, properties },
        P::Publish => Body::Publish {
            dup: false,
            qos: 1,
            id,
            retain: false,
            topic: Some("a/b".to_owned()),
            properties,
            payload: vec![7, 8, 9],
        },
        P::PubAck | P::PubRec | P::PubRel | P::PubComp => Body::Ack { packet, id, code, properties },
        P::Subscribe => Body::Subscribe {
            id,
            properties,
            subscriptions: vec![("a/#".to_owned(), 2), ("b".to_owned(), 0)],
        },
        P::SubAck => Body::SubAck { id, properties, codes: vec![code, code] },
        P::Unsubscribe => {
            Body::Unsubscribe { id, properties, filters: vec!["a/#".to_owned(), "b".to_owned()] }
        }
        P::UnsubAck => {
            let codes = if version < Version::V5 { Vec::new() } else { vec![code, code] };
            Body::UnsubAck { id, properties, codes }
        }
        P::PingReq | P::PingResp => Body::Ping { packet },
        P::Disconnect => Body::Disconnect { code, properties },
        P::Auth => Body::Auth { code, properties },
    };
    Case { version, sender, body }
}

/// The packet with as little as it may have.
fn barest(packet: PacketType, version: Version, sender: Sender) -> Case {
    let mut case = fullest(packet, version, sender);
    match &mut case.body {
        Body::Connect { properties, will, user_name, password, .. } => {
            properties.clear();
            (*will, *user_name, *password) = (None, None, None);
        }
        Body::Publish { qos, properties, payload, .. } => {
            *qos = 0;
            properties.clear();
            payload.clear();
        }
        Body::Subscribe { properties, subscriptions, .. } => {
            properties.clear();
            subscriptions.truncate(1);
        }
        Body::Unsubscribe { properties, filters, .. } => {
            properties.clear();
            filters.truncate(1);
        }
        Body::SubAck { properties, codes, .. } | Body::UnsubAck { properties, codes, .. } => {
            properties.clear();
            codes.truncate(1);
        }
        Body::ConnAck { properties, .. }
        | Body::Ack { properties, .. }
        | Body::Disconnect { properties, .. }
        | Body::Auth { code: 0, properties } => properties.clear(),
        Body::Auth { properties, .. } => *properties = vec![method()],
        Body::Ping { .. } => {}
    }
    case
}

impl Case {
    /// Hands every field over, by its name. A field that is added to [`Body`] has to be added here.
    #[allow(clippy::too_many_lines, reason = "a row for each field of each packet")]
    fn fields(&mut self, look: &mut dyn FnMut(Field, Slot<'_>)) {
        let (packet, version, sender) = (self.packet_type(), self.version, self.sender);
        let v5 = version == Version::V5;
        let code_choices = codes(packet, version, sender);
        let mut named = |name, slot: Slot<'_>| look(Field::Named(name), slot);
        match &mut self.body {
            Body::Connect {
                clean_start,
                keep_alive,
                properties: _,
                client_id,
                will,
                user_name,
                password,
            } => {
                named("clean start", Slot::Flag(clean_start));
                named("keep alive", Slot::U16(keep_alive));
                let client_id =
                    if version == Version::V31 { Slot::Short(client_id) } else { Slot::Text(client_id) };
                named("client identifier", client_id);
                if let Some(OwnedWill { qos, retain, properties: _, topic, payload }) = will {
                    named("will QoS", Slot::Choice(qos, vec![0, 1, 2]));
                    named("will retain", Slot::Flag(retain));
                    named("will topic", Slot::Topic(topic));
                    named("will payload", Slot::Binary(payload));
                }
                if let Some(text) = user_name {
                    named("user name", Slot::Text(text));
                }
                if let Some(bytes) = password {
                    named("password", Slot::Binary(bytes));
                }
            }
            Body::ConnAck { session_present, code, properties: _ } => {
                if version > Version::V31 {
                    named("session present", Slot::Flag(session_present));
                }
                named("reason code", Slot::Choice(code, code_choices));
            }
            Body::Publish { dup, qos, id, retain, topic, properties: _, payload } => {
                named("DUP", Slot::Flag(dup));
                named("QoS", Slot::Choice(qos, vec![0, 1, 2]));
                named("packet identifier", Slot::NonZeroU16(id));
                named("RETAIN", Slot::Flag(retain));
                if let Some(text) = topic {
                    named("topic name", Slot::Topic(text));
                }
                named("payload", Slot::Binary(payload));
            }
            Body::Ack { packet: _, id, code, properties: _ } => {
                named("packet identifier", Slot::NonZeroU16(id));
                named("reason code", Slot::Choice(code, code_choices));
            }
            Body::Subscribe { id, properties: _, subscriptions } => {
                named("packet identifier", Slot::NonZeroU16(id));
                let (text, options) = &mut subscriptions[0];
                named("topic filter", Slot::Topic(text));
                // QoS, No Local, Retain As Published, Retain Handling.
                let all = (0..=2_u8).flat_map(|handling| (0..4).map(move |flags| handling << 4 | flags << 2));
                let all: Vec<u8> = if v5 { all.collect() } else { vec![0] };
                let all = all.into_iter().flat_map(|other| (0..=2).map(move |qos| other | qos)).collect();
                named("subscription options", Slot::Choice(options, all));
                named("subscriptions", Slot::Subscriptions(subscriptions));
            }
            Body::SubAck { id, properties: _, codes } => {
                named("packet identifier", Slot::NonZeroU16(id));
                named("first reason code", Slot::Choice(&mut codes[0], code_choices));
                named("reason codes", Slot::Codes(codes));
            }
            Body::Unsubscribe { id, properties: _, filters } => {
                named("packet identifier", Slot::NonZeroU16(id));
                named("topic filter", Slot::Topic(&mut filters[0]));
                named("topic filters", Slot::Texts(filters));
            }
            Body::UnsubAck { id, properties: _, codes } => {
                named("packet identifier", Slot::NonZeroU16(id));
                if let [first, ..] = &mut codes[..] {
                    named("first reason code", Slot::Choice(first, code_choices));
                    named("reason codes", Slot::Codes(codes));
                }
            }
            Body::Ping { packet: _ } => {}
            Body::Disconnect { code, properties: _ } | Body::Auth { code, properties: _ } => {
                named("reason code", Slot::Choice(code, code_choices));
            }
        }
        for will in [false, true] {
            let Some(properties) = self.properties_mut(will) else { continue };
            for (id, value) in properties {
                let row = PropertyRow::of(*id).expect("a property");
                let part = |part| Field::Property { will, id: row.id, part };
                match value {
                    Value::Flag(on) => look(part(0), Slot::Flag(on)),
                    Value::U16(n) if row.r#type == Type::NonZeroU16 => look(part(0), Slot::NonZeroU16(n)),
                    Value::U16(n) => look(part(0), Slot::U16(n)),
                    Value::U32(n) if row.r#type == Type::NonZeroU32 => look(part(0), Slot::NonZeroU32(n)),
                    Value::U32(n) => look(part(0), Slot::U32(n)),
                    Value::Variable(n) => look(part(0), Slot::Variable(n)),
                    Value::Text(text) if row.r#type == Type::Topic => look(part(0), Slot::Topic(text)),
                    Value::Text(text) => look(part(0), Slot::Text(text)),
                    Value::Binary(bytes) => look(part(0), Slot::Binary(bytes)),
                    Value::Pair(name, value) => {
                        look(part(0), Slot::Text(name));
                        look(part(1), Slot::Text(value));
                    }
                }
            }
        }
    }

    /// Whether it is the will's, and its number, of every property.
    pub(crate) fn property_ids(&self) -> Vec<(bool, u8)> {
        let mut case = self.clone();
        let mut ids = Vec::new();
        for will in [false, true] {
            ids.extend(case.properties_mut(will).into_iter().flatten().map(|(id, _)| (will, *id)));
        }
        ids
    }

    fn properties_mut(&mut self, of_will: bool) -> Option<&mut Vec<Owned>> {
        if of_will {
            let Body::Connect { will, .. } = &mut self.body else { return None };
            return will.as_mut().map(|will| &mut will.properties);
        }
        match &mut self.body {
            Body::Connect { properties, .. }
            | Body::ConnAck { properties, .. }
            | Body::Publish { properties, .. }
            | Body::Ack { properties, .. }
            | Body::Subscribe { properties, .. }
            | Body::SubAck { properties, .. }
            | Body::Unsubscribe { properties, .. }
            | Body::UnsubAck { properties, .. }
            | Body::Disconnect { properties, .. }
            | Body::Auth { properties, .. } => Some(properties),
            Body::Ping { .. } => None,
        }
    }

    /// Sets a field; whether it is there.
    pub(crate) fn set(&mut self, field: &Field, at: u32) -> bool {
        let mut found = false;
        self.fields(&mut |name, slot| {
            // The first of those that repeat.
            if name == *field && !found {
                slot.set(at);
                found = true;
            }
        });
        found
    }
}

/// Every packet that some side may send in some version.
pub(crate) fn kinds() -> Vec<(PacketType, Version, Sender)> {
    let mut kinds = Vec::new();
    for version in Version::ALL {
        for sender in [Sender::Client, Sender::Server] {
            let types = PacketType::ALL.into_iter().filter(|packet| may_send(*packet, version, sender));
            kinds.extend(types.map(|packet| (packet, version, sender)));
        }
    }
    kinds
}

/// Every field of every packet at each of its bounds.
pub(crate) fn all() -> Vec<Bound> {
    let mut all = Vec::new();
    for (packet, version, sender) in kinds() {
        let mut bound = |field, at| all.push(Bound { packet, version, sender, field, at });
        let mut case = fullest(packet, version, sender);
        let mut seen = Vec::new();
        case.fields(&mut |field, slot| {
            if !seen.contains(&field) {
                slot.bounds().into_iter().for_each(|at| bound(field.clone(), at));
                seen.push(field);
            }
        });
        // The largest packets are looked at from one side only, for the sake of time.
        let again = sender == Sender::Server && may_send(packet, version, Sender::Client);
        let steps = STEPS.into_iter().filter(move |at| !again || *at < 2_000_000);
        if version == Version::V5 {
            for will in [false, true] {
                let steps = steps.clone();
                let place = if will { Place::Will } else { Place::In(packet) };
                if case.properties_mut(will).is_none() {
                    continue;
                }
                rows(place, sender).for_each(|row| bound(Field::PropertyAlone { will, id: row.id }, 1));
                let none =
                    barest(packet, version, sender).properties_mut(false).is_some_and(|list| list.is_empty());
                let none = [0].into_iter().filter(|_| none || will);
                none.chain(steps).for_each(|at| bound(Field::PropertyLength { will }, at));
            }
        }
        let (least, most) = remaining_lengths(packet, version, sender);
        let steps = [least].into_iter().chain(steps).filter(|at| (least..=most).contains(at));
        steps.for_each(|at| bound(Field::RemainingLength, at));
    }
    all
}

/// The least and the most that a packet's Remaining Length can be, as far as is looked at here.
fn remaining_lengths(packet: PacketType, version: Version, sender: Sender) -> (u32, u32) {
    let least = remaining_length(&barest(packet, version, sender));
    let most = match packet {
        PacketType::PingReq | PacketType::PingResp => least,
        PacketType::Publish | PacketType::Subscribe | PacketType::SubAck | PacketType::Unsubscribe => {
            u32::MAX
        }
        _ if version == Version::V5 => u32::MAX,
        // Five strings, and none of them can be longer than 65,535 bytes.
        PacketType::Connect => 300_000,
        _ => least,
    };
    (least, most)
}

/// By the bytes of the frame.
fn remaining_length(case: &Case) -> u32 {
    let frame = case.plain().expect("a valid packet has a form");
    let digits = frame[1..].iter().position(|byte| *byte < 0x80).expect("a whole header") + 1;
    u32::try_from(frame.len() - 1 - digits).expect("a length")
}

impl Bound {
    /// The packet.
    pub(crate) fn case(&self) -> Case {
        let Self { packet, version, sender, ref field, at } = *self;
        match field {
            Field::Named(_) | Field::Property { .. } => {
                let mut case = fullest(packet, version, sender);
                assert!(case.set(field, at), "{self}");
                case
            }
            Field::PropertyAlone { will, id } => {
                let mut case =
                    if *will { fullest(packet, version, sender) } else { barest(packet, version, sender) };
                let needs_method = packet == PacketType::Auth || *id == 22;
                let properties = case.properties_mut(*will).expect("properties");
                *properties = vec![plain_property(PropertyRow::of(*id).expect("a property"))];
                if needs_method && *id != 21 {
                    properties.push(method());
                }
                case
            }
            Field::PropertyLength { will } => {
                let mut case = fullest(packet, version, sender);
                if at == 0 {
                    case.properties_mut(*will).expect("properties").clear();
                    return case;
                }
                let place = if *will { Place::Will } else { Place::In(packet) };
                assert!(rows(place, sender).any(|row| row.id == 38), "user properties stand everywhere");
                let mut properties = needed(packet);
                properties.extend(user_properties(at as usize - block_len(&properties)));
                *case.properties_mut(*will).expect("properties") = properties;
                case
            }
            Field::RemainingLength => self.of_remaining_length(),
        }
    }

    fn of_remaining_length(&self) -> Case {
        let Self { packet, version, sender, at, .. } = *self;
        let mut case = barest(packet, version, sender);
        let missing = |case: &Case| (at - remaining_length(case)) as usize;
        if missing(&case) == 0 {
            return case;
        }
        match &mut case.body {
            Body::Publish { payload, .. } => payload.resize(at as usize, 0x5A),
            Body::SubAck { codes, .. } => codes.resize(at as usize, codes[0]),
            _ => {}
        }
        let over = remaining_length(&case).saturating_sub(at) as usize;
        match &mut case.body {
            Body::Publish { payload, .. } => payload.truncate(payload.len() - over),
            Body::SubAck { codes, .. } => codes.truncate(codes.len() - over),
            Body::Subscribe { subscriptions, .. } if version < Version::V5 => {
                subscriptions.clear();
                // The packet identifier; the length and the options of each filter.
                subscriptions.extend(shares(at as usize - 2, 3).map(|len| ("f".repeat(len), 1)));
            }
            Body::Unsubscribe { filters, .. } if version < Version::V5 => {
                filters.clear();
                filters.extend(shares(at as usize - 2, 2).map(|len| "f".repeat(len)));
            }
            Body::Connect { will, user_name, .. } if version < Version::V5 => {
                *user_name = Some(String::new());
                let topic = "t".to_owned();
                let will = will.insert(OwnedWill {
                    qos: 0,
                    retain: false,
                    properties: Vec::new(),
                    topic,
                    payload: Vec::new(),
                });
                will.payload.clear();
                let missing = missing(&case);
                if let Body::Connect { will: Some(will), .. } = &mut case.body {
                    will.payload.resize(missing, 1);
                }
            }
            _ => {
                let start = needed(packet);
                let mut with_one = case.clone();
                *with_one.properties_mut(false).expect("properties") =
                    [&start[..], &user_properties(5)].concat();
                let fixed = remaining_length(&with_one) as usize - 1 - 5 - block_len(&start);
                let room = at as usize - fixed;
                // The Property Length takes as many bytes as the rest then needs.
                let len = (1..=4).map(|digits| room - digits).find(|len| variable(*len).len() + len == room);
                let len = len.unwrap_or_else(|| panic!("{self}"));
                *case.properties_mut(false).expect("properties") =
                    [&start[..], &user_properties(len - block_len(&start))].concat();
            }
        }
        case
    }

    /// Whether the bytes of the frame show the bound, where it is one of a length that can be read there.
    pub(crate) fn shows_in(&self, wire: &[u8]) -> bool {
        let at = self.at as usize;
        match self.field {
            Field::RemainingLength => {
                let body = &wire[1 + variable(at).len()..];
                wire == frame(wire[0], body) && body.len() == at
            }
            Field::PropertyLength { .. } if at > 0 => {
                let digits = variable(at);
                wire.windows(digits.len() + 1)
                    .any(|window| window == [&digits[..], &[self.first_id()]].concat())
            }
            _ => true,
        }
    }

    /// The property that comes first in the blocks made here.
    fn first_id(&self) -> u8 {
        if self.packet == PacketType::Auth { 21 } else { 38 }
    }
}

/// Properties that the packet cannot do without when it has others.
fn needed(packet: PacketType) -> Vec<Owned> {
    if packet == PacketType::Auth { vec![method()] } else { Vec::new() }
}

fn block_len(properties: &[Owned]) -> usize {
    let block = super::strategy::block(properties);
    let digits = block.iter().position(|byte| *byte < 0x80).expect("a length") + 1;
    block.len() - digits
}

/// User properties that take so many bytes together.
fn user_properties(len: usize) -> Vec<Owned> {
    shares(len, 5).map(|len| (38, Value::Pair(String::new(), "v".repeat(len)))).collect()
}

/// Lengths of strings that take so many bytes together, with so many for each beside its characters.
fn shares(total: usize, beside: usize) -> impl Iterator<Item = usize> {
    const MOST: usize = 65_535;
    let count = total.div_ceil(MOST + beside);
    let characters = total - count * beside;
    // The first take what is left over.
    let (each, over) = (characters / count, characters % count);
    (0..count).map(move |n| each + usize::from(n < over))
}

/// Every string, topic and binary value of every packet, made longer than its length can say.
pub(crate) fn too_long() -> Vec<(Case, Field)> {
    let mut all = Vec::new();
    for (packet, version, sender) in kinds() {
        let mut fields = Vec::new();
        fullest(packet, version, sender).fields(&mut |field, slot| {
            if matches!(slot, Slot::Text(_) | Slot::Binary(_)) && field != Field::Named("payload") {
                fields.push(field);
            }
        });
        fields.dedup();
        for field in fields {
            for at in [65_536, 131_072] {
                let mut case = fullest(packet, version, sender);
                assert!(case.set(&field, at));
                all.push((case, field.clone()));
            }
        }
    }
    all
}
