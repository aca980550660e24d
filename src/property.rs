//! Properties: section 2.2.2 of 5.0. The table of all 27, and the block that holds them in a packet.

use core::fmt;
use core::num::{NonZeroU16, NonZeroU32};

use crate::error::Kind;
use crate::options::{Context, Tolerance};
use crate::read::{Fault, Parsed, fault, variable, variable_block, wants_shortest};
use crate::topic::TopicName;
use crate::value::Value;
use crate::version::{MaximumQoS, Sender, SubscriptionId, Version};
use crate::write::{Sink, Written};

/// Table 2-4: identifier, name, the standard's spelling, getter, type, the places it may stand in; then those that may stand more than
/// once, and where. The rules for a value are in its type.
macro_rules! properties {
    (
        $($id:literal $name:ident $title:literal $getter:ident ($type:ty) in $($place:ident)|+;)+
        repeating $($many_id:literal $many:ident $many_title:literal $many_getter:ident ($many_type:ty) in $($many_place:ident)|+, repeats in $($repeats:ident)|+;)+
    ) => {
        /// A property and its value (Table 2-4).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        // With the identifiers as discriminants `id` is a load.
        #[repr(u8)]
        #[allow(missing_docs, reason = "the names are the standard's")]
        pub enum Property<'a> { $($name($type) = $id,)+ $($many($many_type) = $many_id,)+ }

        /// The identifier of a property (Table 2-4).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the names are the standard's")]
        pub enum PropertyId { $($name = $id,)+ $($many = $many_id,)+ }

        impl PropertyId {
            /// Every property.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+ $(Self::$many,)+];

            /// The property of that number, if there is one.
            pub const fn from_u32(id: u32) -> Option<Self> {
                match id { $($id => Some(Self::$name),)+ $($many_id => Some(Self::$many),)+ _ => None }
            }

            /// The name, as in the source: `MessageExpiryInterval`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ $(Self::$many => stringify!($many),)+ }
            }

            /// The standard's own spelling: `Message Expiry Interval`.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ $(Self::$many => $many_title,)+ }
            }

            /// The places that the property may stand in, and those where it may do so more than once.
            const fn places(self) -> (u16, u16) {
                match self {
                    $(Self::$name => ($(place::$place)|+, 0),)+
                    $(Self::$many => ($(place::$many_place)|+, $(place::$repeats)|+),)+
                }
            }

            /// Checks the value of the property of that number. (To match the number itself is shorter than to
            /// make an identifier of it and match that.)
            #[inline(always)]
            fn check<'a>(number: u32, i: &'a [u8], c: Context) -> Parsed<'a, ()> {
                match number {
                    $($id => <$type as Value>::check(i, c),)+
                    $($many_id => <$many_type as Value>::check(i, c),)+
                    _ => fault(Kind::PropertyUnknown, i),
                }
            }

            /// Reads the value of the property of that number, which was checked before, and leaves in `wire`
            /// what is behind it. (So each property is built where the caller wants it.)
            #[inline(always)]
            fn read<'a>(number: u32, i: &'a [u8], wire: &mut &'a [u8]) -> Option<Property<'a>> {
                match number {
                    $($id => {
                        let (rest, value) = Value::read(i).ok()?;
                        *wire = rest;
                        Some(Property::$name(value))
                    })+
                    $($many_id => {
                        let (rest, value) = Value::read(i).ok()?;
                        *wire = rest;
                        Some(Property::$many(value))
                    })+
                    _ => None,
                }
            }
        }

        impl<'a> Property<'a> {
            /// The identifier.
            #[inline(always)]
            pub const fn id(&self) -> PropertyId {
                match self { $(Self::$name(_) => PropertyId::$name,)+ $(Self::$many(_) => PropertyId::$many,)+ }
            }

            const fn type_of(id: PropertyId) -> PropertyType {
                match id {
                    $(PropertyId::$name => <$type as Value<'a>>::TYPE,)+
                    $(PropertyId::$many => <$many_type as Value<'a>>::TYPE,)+
                }
            }

            /// The value by its type on the wire, for tools that treat all properties alike.
            pub fn value(&self) -> PropertyValue<'a> {
                match self { $(Self::$name(value) => value.view(),)+ $(Self::$many(value) => value.view(),)+ }
            }

            #[inline(always)]
            fn write<S: Sink>(&self, c: Context, out: &mut S) -> Written {
                let id = self.id() as u8;
                match self { $(Self::$name(value) => value.write(id, c, out),)+ $(Self::$many(value) => value.write(id, c, out),)+ }
            }
        }

        impl<'a> Properties<'a> {
            $(#[doc = concat!("The value of ", stringify!($name), ", if it is there.")]
            #[inline]
            pub fn $getter(&self) -> Option<$type> {
                match self.find(PropertyId::$name) { Some(Property::$name(value)) => Some(value), _ => None }
            })+
            $(#[doc = concat!("Every ", stringify!($many), ", in the order of the wire.")]
            pub fn $many_getter(&self) -> impl Iterator<Item = $many_type> + use<'a> {
                self.all(PropertyId::$many).filter_map(|property| match property {
                    Property::$many(value) => Some(value),
                    _ => None,
                })
            })+
        }
    };
}

/// The places that have properties, a bit each.
mod place {
    pub(super) const CONNECT: u16 = 1;
    pub(super) const WILL: u16 = 1 << 1;
    pub(super) const CONNACK: u16 = 1 << 2;
    pub(super) const PUBLISH: u16 = 1 << 3;
    /// PUBACK, PUBREC, PUBREL and PUBCOMP.
    pub(super) const ACK: u16 = 1 << 4;
    pub(super) const SUBSCRIBE: u16 = 1 << 5;
    pub(super) const SUBACK: u16 = 1 << 6;
    pub(super) const UNSUBSCRIBE: u16 = 1 << 7;
    pub(super) const UNSUBACK: u16 = 1 << 8;
    pub(super) const DISCONNECT: u16 = 1 << 9;
    pub(super) const AUTH: u16 = 1 << 10;
    pub(super) const ANY: u16 = (1 << 11) - 1;
}

properties! {
    0x01 PayloadFormatIndicator          "Payload Format Indicator"          payload_format_indicator          (bool)          in PUBLISH | WILL;
    0x02 MessageExpiryInterval           "Message Expiry Interval"           message_expiry_interval           (u32)           in PUBLISH | WILL;
    0x03 ContentType                     "Content Type"                      content_type                      (&'a str)       in PUBLISH | WILL;
    0x08 ResponseTopic                   "Response Topic"                    response_topic                    (TopicName<'a>) in PUBLISH | WILL;
    0x09 CorrelationData                 "Correlation Data"                  correlation_data                  (&'a [u8])      in PUBLISH | WILL;
    0x11 SessionExpiryInterval           "Session Expiry Interval"           session_expiry_interval           (u32)           in CONNECT | CONNACK | DISCONNECT;
    0x12 AssignedClientIdentifier        "Assigned Client Identifier"        assigned_client_identifier        (&'a str)       in CONNACK;
    0x13 ServerKeepAlive                 "Server Keep Alive"                 server_keep_alive                 (u16)           in CONNACK;
    0x15 AuthenticationMethod            "Authentication Method"             authentication_method             (&'a str)       in CONNECT | CONNACK | AUTH;
    0x16 AuthenticationData              "Authentication Data"               authentication_data               (&'a [u8])      in CONNECT | CONNACK | AUTH;
    0x17 RequestProblemInformation       "Request Problem Information"       request_problem_information       (bool)          in CONNECT;
    0x18 WillDelayInterval               "Will Delay Interval"               will_delay_interval               (u32)           in WILL;
    0x19 RequestResponseInformation      "Request Response Information"      request_response_information      (bool)          in CONNECT;
    0x1A ResponseInformation             "Response Information"              response_information              (&'a str)       in CONNACK;
    0x1C ServerReference                 "Server Reference"                  server_reference                  (&'a str)       in CONNACK | DISCONNECT;
    0x1F ReasonString                    "Reason String"                     reason_string                     (&'a str)       in CONNACK | ACK | SUBACK | UNSUBACK | DISCONNECT | AUTH;
    0x21 ReceiveMaximum                  "Receive Maximum"                   receive_maximum                   (NonZeroU16)    in CONNECT | CONNACK;
    0x22 TopicAliasMaximum               "Topic Alias Maximum"               topic_alias_maximum               (u16)           in CONNECT | CONNACK;
    0x23 TopicAlias                      "Topic Alias"                       topic_alias                       (NonZeroU16)    in PUBLISH;
    0x24 MaximumQoS                      "Maximum QoS"                       maximum_qos                       (MaximumQoS)         in CONNACK;
    0x25 RetainAvailable                 "Retain Available"                  retain_available                  (bool)          in CONNACK;
    0x27 MaximumPacketSize               "Maximum Packet Size"               maximum_packet_size               (NonZeroU32)    in CONNECT | CONNACK;
    0x28 WildcardSubscriptionAvailable   "Wildcard Subscription Available"   wildcard_subscription_available   (bool)          in CONNACK;
    0x29 SubscriptionIdentifierAvailable "Subscription Identifier Available" subscription_identifier_available (bool)          in CONNACK;
    0x2A SharedSubscriptionAvailable     "Shared Subscription Available"     shared_subscription_available     (bool)          in CONNACK;
    repeating
    0x0B SubscriptionIdentifier          "Subscription Identifier"           subscription_identifiers          (SubscriptionId)       in PUBLISH | SUBSCRIBE, repeats in PUBLISH;
    0x26 UserProperty                    "User Property"                     user_properties                   ((&'a str, &'a str))   in ANY, repeats in ANY;
}

impl fmt::Display for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// The type of a property's value on the wire (section 2.2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum PropertyType {
    Byte,
    TwoByteInteger,
    FourByteInteger,
    VariableByteInteger,
    Utf8String,
    BinaryData,
    Utf8StringPair,
}

/// The value of a property by its type on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum PropertyValue<'a> {
    Byte(u8),
    TwoByteInteger(u16),
    FourByteInteger(u32),
    VariableByteInteger(u32),
    Utf8String(&'a str),
    BinaryData(&'a [u8]),
    Utf8StringPair(&'a str, &'a str),
}

impl PropertyId {
    /// The number: 0x01 to 0x2A.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The type of the value on the wire.
    pub const fn value_type(self) -> PropertyType {
        Property::type_of(self)
    }
}

/// The fault in the value of a property whose own section states a sharper rule than its type.
#[cold]
fn sharpen(number: u32, fault: Fault<'_>) -> Fault<'_> {
    let kind = match (PropertyId::from_u32(number), fault.kind) {
        (Some(PropertyId::TopicAlias), Kind::PropertyValue) => Kind::TopicAliasZero,
        (Some(PropertyId::ResponseTopic), Kind::WildcardInName) => Kind::WildcardInResponseTopic,
        (_, kind) => kind,
    };
    Fault::new(kind, fault.at)
}

/// A set of property identifiers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PropertySet(u64);

impl PropertySet {
    /// No property.
    pub const EMPTY: Self = Self(0);
    /// Not a property: the block holds an integer that is not in its shortest form.
    const LOOSE: Self = Self(1);

    /// The set of one.
    pub const fn of(id: PropertyId) -> Self {
        Self(1 << id as u8)
    }

    #[inline]
    const fn of_number(number: u32) -> Self {
        Self(1_u64.wrapping_shl(number))
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the property is in the set.
    pub const fn contains(self, id: PropertyId) -> bool {
        self.0 & Self::of(id).0 != 0
    }

    /// Whether the set has no property.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The properties of the set, by number.
    pub fn iter(self) -> impl Iterator<Item = PropertyId> {
        (0..64).filter(move |n| self.0 & (1 << n) != 0).filter_map(PropertyId::from_u32)
    }
}

impl From<PropertyId> for PropertySet {
    fn from(id: PropertyId) -> Self {
        Self::of(id)
    }
}

impl core::ops::BitOr for PropertySet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl core::ops::BitOr for PropertyId {
    type Output = PropertySet;
    fn bitor(self, other: Self) -> PropertySet {
        PropertySet::of(self).union(PropertySet::of(other))
    }
}

impl core::ops::BitOr<PropertyId> for PropertySet {
    type Output = Self;
    fn bitor(self, other: PropertyId) -> Self {
        self.union(Self::of(other))
    }
}

impl FromIterator<PropertyId> for PropertySet {
    fn from_iter<I: IntoIterator<Item = PropertyId>>(ids: I) -> Self {
        ids.into_iter().fold(Self::EMPTY, |set, id| set | id)
    }
}

impl fmt::Debug for PropertySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A place that has properties, and which of them may stand there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    allowed: PropertySet,
    repeats: PropertySet,
    not_from_client: PropertySet,
    not_from_server: PropertySet,
    /// What was right when it was received and may be wrong here, so that each one has to be looked at.
    on_terms: PropertySet,
}

impl Place {
    pub(crate) const CONNECT: Self = Self::new(place::CONNECT);
    pub(crate) const WILL: Self = Self::new(place::WILL);
    pub(crate) const CONNACK: Self = Self::new(place::CONNACK);
    /// `[MQTT-3.3.4-6]`.
    pub(crate) const PUBLISH: Self =
        Self::new(place::PUBLISH).not_from(Sender::Client, PropertyId::SubscriptionIdentifier);
    pub(crate) const ACK: Self = Self::new(place::ACK);
    pub(crate) const SUBSCRIBE: Self = Self::new(place::SUBSCRIBE);
    pub(crate) const SUBACK: Self = Self::new(place::SUBACK);
    pub(crate) const UNSUBSCRIBE: Self = Self::new(place::UNSUBSCRIBE);
    pub(crate) const UNSUBACK: Self = Self::new(place::UNSUBACK);
    /// `[MQTT-3.14.2-2]`.
    pub(crate) const DISCONNECT: Self =
        Self::new(place::DISCONNECT).not_from(Sender::Server, PropertyId::SessionExpiryInterval);
    pub(crate) const AUTH: Self = Self::new(place::AUTH);

    const fn new(place: u16) -> Self {
        let mut this = Self {
            allowed: PropertySet::EMPTY,
            repeats: PropertySet::EMPTY,
            not_from_client: PropertySet::EMPTY,
            not_from_server: PropertySet::EMPTY,
            on_terms: PropertySet::EMPTY,
        };
        let mut ids = PropertyId::ALL;
        while let [id, rest @ ..] = ids {
            let (places, repeats) = id.places();
            if places & place != 0 {
                this.allowed = this.allowed.union(PropertySet::of(*id));
            }
            if repeats & place != 0 {
                this.repeats = this.repeats.union(PropertySet::of(*id));
            }
            ids = rest;
        }
        this.on_terms = PropertySet(!this.allowed.0);
        // It may have been received in a place where it repeats.
        if !this.repeats.contains(PropertyId::SubscriptionIdentifier) {
            this.on_terms = this.on_terms.union(PropertySet::of(PropertyId::SubscriptionIdentifier));
        }
        this
    }

    const fn not_from(mut self, sender: Sender, id: PropertyId) -> Self {
        let ids = PropertySet::of(id);
        match sender {
            Sender::Client => self.not_from_client = ids,
            Sender::Server => self.not_from_server = ids,
        }
        self.on_terms = self.on_terms.union(ids);
        self
    }

    /// What may stand here in a packet of that side.
    #[inline]
    const fn allowed_from(&self, sender: Option<Sender>) -> PropertySet {
        match sender {
            None => self.allowed,
            Some(Sender::Client) => self.allowed.difference(self.not_from_client),
            Some(Sender::Server) => self.allowed.difference(self.not_from_server),
        }
    }

    /// The fault of a property that may not stand at `at`.
    #[cold]
    fn refusal<'a>(
        &self,
        number: u32,
        before: PropertySet,
        sender: Option<Sender>,
        at: &'a [u8],
    ) -> Fault<'a> {
        let kind = PropertyId::from_u32(number).and_then(|id| self.refuses(id, before, sender));
        Fault::new(kind.unwrap_or(Kind::PropertyUnknown), at)
    }

    /// The rule that a property breaks that is not `open` any more.
    #[cold]
    #[inline(never)]
    fn late_refusal(&self, id: PropertyId, open: PropertySet, sender: Option<Sender>) -> Kind {
        let before = self.allowed_from(sender).difference(open);
        self.refuses(id, before, sender).unwrap_or(Kind::PropertyNotAllowed)
    }

    /// The rule that a property breaks by standing here after those `before` it.
    pub(crate) const fn refuses(
        &self,
        id: PropertyId,
        before: PropertySet,
        sender: Option<Sender>,
    ) -> Option<Kind> {
        if !self.allowed.contains(id) {
            Some(Kind::PropertyNotAllowed)
        } else if !self.allowed_from(sender).contains(id) {
            Some(Kind::PropertySender)
        } else if before.difference(self.repeats).contains(id) {
            Some(Kind::PropertyRepeated)
        } else {
            None
        }
    }
}

/// The properties of a packet: those that came over the wire, as they came, minus what
/// [`without`](Self::without) hides, plus what [`with`](Self::with) adds. Nothing is copied or allocated, and
/// the order of user properties stays (`[MQTT-3.3.2-18]`).
///
/// ```
/// use mqtt_wire::{Properties, Property, PropertyId};
///
/// let mine = [Property::MessageExpiryInterval(60), Property::UserProperty(("rumah", "kami"))];
/// let properties = Properties::new(&mine);
/// assert_eq!(properties.message_expiry_interval(), Some(60));
/// assert_eq!(properties.user_properties().count(), 1);
/// assert_eq!(properties.without(PropertyId::UserProperty).iter().count(), 1);
/// ```
#[derive(Clone, Copy, Default)]
pub struct Properties<'a> {
    wire: &'a [u8],
    present: PropertySet,
    hidden: PropertySet,
    added: &'a [Property<'a>],
    hidden_added: PropertySet,
}

impl<'a> Properties<'a> {
    /// No properties: what every packet of 3.x has.
    pub const EMPTY: Self = Self {
        wire: &[],
        present: PropertySet::EMPTY,
        hidden: PropertySet::EMPTY,
        added: &[],
        hidden_added: PropertySet::EMPTY,
    };

    /// These properties. Whether they may stand in a packet is checked when that is encoded.
    pub const fn new(properties: &'a [Property<'a>]) -> Self {
        Self { added: properties, ..Self::EMPTY }
    }

    /// Reads and checks the property block; 3.x has none.
    #[inline(always)]
    pub(crate) fn decode(place: &Place, c: Context, at: &'a [u8]) -> Parsed<'a, Self> {
        if c.version < Version::V5 {
            return Ok((at, Self::EMPTY));
        }
        if let [0, i @ ..] = at {
            return Ok((i, Self::EMPTY));
        }
        let (i, (wire, present)) = Self::decode_block(place, c, at)?;
        Ok((i, Self { wire, present, ..Self::EMPTY }))
    }

    fn decode_block(place: &Place, c: Context, at: &'a [u8]) -> Parsed<'a, (&'a [u8], PropertySet)> {
        let (i, wire) = variable_block(at, c)?;
        let present = Self::check(place, c, wire)?;
        Ok((i, (wire, present)))
    }

    /// Checks every property of a block and tells which are there.
    fn check(place: &Place, c: Context, wire: &'a [u8]) -> Result<PropertySet, Fault<'a>> {
        let shortest = wants_shortest(c);
        let once = PropertySet(!place.repeats.0);
        let mut closed = PropertySet(!place.allowed_from(c.sender).0);
        let mut present = PropertySet::EMPTY;
        let mut at = wire;
        while !at.is_empty() {
            let (i, number) = variable(at, shortest)?;
            let this = PropertySet::of_number(number);
            if number >= u64::BITS || !closed.intersection(this).is_empty() {
                return Err(place.refusal(number, present, c.sender, at));
            }
            closed = closed.union(this.intersection(once));
            present = present.union(this);
            match PropertyId::check(number, i, c) {
                Ok((i, ())) => at = i,
                Err(fault) => return Err(sharpen(number, fault)),
            }
        }
        // What was let through may be longer than needed: then it is not to be written out as it came.
        Ok(if c.tolerates(Tolerance::NonMinimalLengths) {
            present.union(PropertySet::LOOSE)
        } else {
            present
        })
    }

    /// Writes the property block; in 3.x there must be nothing to write.
    #[inline(always)]
    pub(crate) fn encode<S: Sink>(&self, place: &Place, c: Context, out: &mut S) -> Written {
        if self.is_blank() {
            if c.version == Version::V5 {
                out.byte(0);
            }
        } else if self.is_verbatim(place, c) {
            out.variable(self.wire.len() as u64);
            out.put(self.wire);
        } else {
            *out = self.encode_block(place, c, out.take())?;
        }
        Ok(())
    }

    /// Whether the block can go out as it came: nothing was added or hidden.
    #[inline(always)]
    const fn is_verbatim(&self, place: &Place, c: Context) -> bool {
        self.added.is_empty() && self.copies_wire(place, c) && matches!(c.version, Version::V5)
    }

    /// Whether the received bytes can go out as they came: nothing is hidden or too long, and whatever is there
    /// may stand in this place.
    #[inline(always)]
    const fn copies_wire(&self, place: &Place, c: Context) -> bool {
        self.present.intersection(self.hidden.union(place.on_terms)).is_empty()
            && !c.refuses_control_characters()
    }

    #[inline(never)]
    fn encode_block<S: Sink>(&self, place: &Place, c: Context, mut out: S) -> Result<S, Kind> {
        if c.version < Version::V5 {
            return if self.is_empty() { Ok(out) } else { Err(Kind::NotInVersion) };
        }
        let start = out.start_block();
        let mut admission = Admission::new(place, c.sender);
        if self.copies_wire(place, c) {
            admission.have_been(self.present);
            if !self.wire.is_empty() {
                out.put(self.wire);
            }
        } else {
            for property in self.received() {
                if S::CHECKS {
                    admission.admit(property.id())?;
                }
                property.write(c, &mut out)?;
            }
        }
        for property in self.added {
            if self.hidden_added.contains(property.id()) {
                continue;
            }
            if S::CHECKS {
                admission.admit(property.id())?;
            }
            property.write(c, &mut out)?;
        }
        out.end_block(start);
        Ok(out)
    }

    /// Whether there is nothing, not even something hidden.
    #[inline(always)]
    pub(crate) const fn is_blank(&self) -> bool {
        self.wire.is_empty() && self.added.is_empty()
    }

    /// Whether there is no property.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.is_blank() || self.received_ids().is_empty() && self.shown_added().next().is_none()
    }

    /// The properties, received ones first, in order.
    pub fn iter(&self) -> PropertyIter<'a> {
        PropertyIter(*self)
    }

    fn received(&self) -> PropertyIter<'a> {
        PropertyIter(Self { added: &[], ..*self })
    }

    /// The added properties that are not hidden.
    fn shown_added(&self) -> impl Iterator<Item = &'a Property<'a>> {
        let hidden = self.hidden_added;
        self.added.iter().filter(move |property| !hidden.contains(property.id()))
    }

    const fn received_ids(&self) -> PropertySet {
        self.present.difference(self.hidden).difference(PropertySet::LOOSE)
    }

    /// Which properties there are.
    #[inline]
    pub fn ids(&self) -> PropertySet {
        self.shown_added().fold(self.received_ids(), |set, property| set | property.id())
    }

    fn all(&self, id: PropertyId) -> impl Iterator<Item = Property<'a>> + use<'a> {
        let wire = if self.present.contains(id) { self.wire } else { &[] };
        let all = PropertyIter(Self { wire, ..*self });
        all.filter(move |property| property.id() == id)
    }

    #[inline(always)]
    fn find(&self, id: PropertyId) -> Option<Property<'a>> {
        if !self.present.contains(id) && self.added.is_empty() {
            return None;
        }
        self.first(id)
    }

    #[inline(never)]
    fn first(&self, id: PropertyId) -> Option<Property<'a>> {
        self.all(id).next()
    }

    /// The same without some properties, such as the Topic Alias when a message is forwarded.
    #[must_use]
    pub fn without(self, ids: impl Into<PropertySet>) -> Self {
        let ids = ids.into();
        Self { hidden: self.hidden.union(ids), hidden_added: self.hidden_added.union(ids), ..self }
    }

    /// The same with these properties behind the received ones, in place of those added before.
    #[must_use]
    pub const fn with(self, added: &'a [Property<'a>]) -> Self {
        Self { added, hidden_added: PropertySet::EMPTY, ..self }
    }

    /// The properties as bytes, without the length before them, when they are just as they were received.
    pub fn as_wire(&self) -> Option<&'a [u8]> {
        let untouched = self.added.is_empty() && self.present.intersection(self.hidden).is_empty();
        untouched.then_some(self.wire)
    }
}

/// Equal when they hold equal properties in the same order.
impl PartialEq for Properties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Properties<'_> {}

impl core::hash::Hash for Properties<'_> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.iter().for_each(|property| property.hash(state));
    }
}

impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;
    fn into_iter(self) -> PropertyIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;
    fn into_iter(self) -> PropertyIter<'a> {
        self.iter()
    }
}

impl<'a> From<&'a [Property<'a>]> for Properties<'a> {
    fn from(properties: &'a [Property<'a>]) -> Self {
        Self::new(properties)
    }
}

/// Lets properties into a place, one by one.
struct Admission<'p> {
    place: &'p Place,
    sender: Option<Sender>,
    /// What may still come.
    open: PropertySet,
}

impl<'p> Admission<'p> {
    #[inline(always)]
    const fn new(place: &'p Place, sender: Option<Sender>) -> Self {
        Self { place, sender, open: place.allowed_from(sender) }
    }

    /// Takes properties for admitted.
    #[inline(always)]
    const fn have_been(&mut self, ids: PropertySet) {
        self.open = self.open.difference(ids.difference(self.place.repeats));
    }

    #[inline(always)]
    fn admit(&mut self, id: PropertyId) -> Written {
        if !self.open.contains(id) {
            return Err(self.place.late_refusal(id, self.open, self.sender));
        }
        self.have_been(PropertySet::of(id));
        Ok(())
    }
}

/// Passes over a property that is hidden.
#[inline(never)]
fn skip<'a>(number: u32, i: &'a [u8], wire: &mut &'a [u8]) -> Option<()> {
    PropertyId::read(number, i, wire).map(|_| ())
}

/// Iterator over [`Properties`].
#[derive(Debug, Clone)]
pub struct PropertyIter<'a>(Properties<'a>);

impl<'a> Iterator for PropertyIter<'a> {
    type Item = Property<'a>;

    #[inline]
    fn next(&mut self) -> Option<Property<'a>> {
        let this = &mut self.0;
        while !this.wire.is_empty() {
            // The block was checked: reading it again cannot fail.
            let (i, number) = variable(this.wire, false).ok()?;
            if this.hidden.intersection(PropertySet::of_number(number)).is_empty() {
                return PropertyId::read(number, i, &mut this.wire);
            }
            skip(number, i, &mut this.wire)?;
        }
        while let Some((property, rest)) = this.added.split_first() {
            this.added = rest;
            if !this.hidden_added.contains(property.id()) {
                return Some(*property);
            }
        }
        None
    }
}

impl core::iter::FusedIterator for PropertyIter<'_> {}
