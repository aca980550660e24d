//! Properties: section 2.2.2 of 5.0. The table of all 27; below it the sets, the places and the block.

mod block;
mod place;
mod set;

use core::fmt;
use core::num::{NonZeroU16, NonZeroU32};

pub use block::{Properties, PropertyIter};
pub(crate) use place::Place;
use place::bits;
pub use set::PropertySet;

use crate::error::Kind;
use crate::options::Context;
use crate::read::Fault;
use crate::topic::TopicName;
use crate::value::{Form, Raw, Value};
use crate::version::{MaximumQoS, SubscriptionId};
use crate::write::{Sink, Written};

/// Table 2-4: identifier, name, the standard's spelling, getter, type, the places it may stand in; then those that
/// may stand more than once, and where. The rules for a value are in its type.
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
                    $(Self::$name => ($(bits::$place)|+, 0),)+
                    $(Self::$many => ($(bits::$many_place)|+, $(bits::$repeats)|+),)+
                }
            }

            /// Reads the value of the property of that number, which was checked before, and leaves in `wire`
            /// what is behind it. (So each property is built where the caller wants it.)
            #[inline(always)]
            fn read<'a>(number: u32, i: &'a [u8], wire: &mut &'a [u8]) -> Option<Property<'a>> {
                match number {
                    $($id => Value::take(i, wire, Property::$name),)+
                    $($many_id => Value::take(i, wire, Property::$many),)+
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

            const fn form_of(id: PropertyId) -> Form {
                match id {
                    $(PropertyId::$name => <$type as Value<'a>>::FORM,)+
                    $(PropertyId::$many => <$many_type as Value<'a>>::FORM,)+
                }
            }

            #[inline(always)]
            fn raw(&self) -> Raw<'a> {
                match self { $(Self::$name(value) => value.raw(),)+ $(Self::$many(value) => value.raw(),)+ }
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
        Property::form_of(self).property_type()
    }
}

impl<'a> Property<'a> {
    /// The value by its type on the wire, for tools that treat all properties alike.
    pub fn value(&self) -> PropertyValue<'a> {
        self.raw().view()
    }

    #[inline(always)]
    fn write<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        self.raw().write(self.id() as u8, c, out)
    }
}

/// The form of each property's value by number; what stands for numbers without a property is never looked at.
static FORMS: [Form; 64] = {
    let mut table = [Form::Flag; 64];
    let mut ids = PropertyId::ALL;
    while let [id, rest @ ..] = ids {
        table[*id as usize] = Property::form_of(*id);
        ids = rest;
    }
    table
};

/// The form of the value of an allowed property of that number.
#[inline(always)]
fn form(number: u32) -> Form {
    FORMS[number as usize & 63]
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
