//! The table of properties (Table 2-4 of 5.0).

use core::fmt;

use super::place::bits;

/// Hands the table to a macro. A row has the identifier, the name, the getter, the standard's spelling, the type on the
/// wire and in Rust, and the places it may stand in; then come those that may stand more than once, and where. The
/// rules for a value are in its type.
macro_rules! properties {
    ($hand_to:ident) => {
        $hand_to! {
            /// In PUBLISH and a will: `true` says that the payload is UTF-8. Default: `false`, any bytes.
            0x01 PayloadFormatIndicator payload_format_indicator "Payload Format Indicator" Byte(bool) in PUBLISH | WILL;
            /// In PUBLISH and a will: for how many seconds the message is worth delivering. Default: for ever.
            0x02 MessageExpiryInterval message_expiry_interval "Message Expiry Interval" FourByteInteger(u32) in PUBLISH | WILL;
            /// In PUBLISH and a will: what the payload is, such as a MIME type. Default: nothing is said.
            0x03 ContentType content_type "Content Type" Utf8String(&'a str) in PUBLISH | WILL;
            /// In PUBLISH and a will: where a response is to be published, which makes the message a request.
            0x08 ResponseTopic response_topic "Response Topic" Utf8String(TopicName<'a>) in PUBLISH | WILL;
            /// In PUBLISH and a will: up to 65,535 bytes by which the requester knows the response again.
            0x09 CorrelationData correlation_data "Correlation Data" BinaryData(&'a [u8]) in PUBLISH | WILL;
            /// In CONNECT, CONNACK and a client's DISCONNECT: for how many seconds the session outlives the connection;
            /// `u32::MAX` is for ever. Default: 0, and in CONNACK and DISCONNECT what was said before.
            0x11 SessionExpiryInterval session_expiry_interval "Session Expiry Interval" FourByteInteger(u32) in CONNECT | CONNACK | DISCONNECT;
            /// In CONNACK: the Client Identifier that the server gave a client without one.
            0x12 AssignedClientIdentifier assigned_client_identifier "Assigned Client Identifier" Utf8String(&'a str) in CONNACK;
            /// In CONNACK: the Keep Alive in seconds that the client has to use in place of its own; 0 turns it off.
            0x13 ServerKeepAlive server_keep_alive "Server Keep Alive" TwoByteInteger(u16) in CONNACK;
            /// In CONNECT, CONNACK and AUTH: the name of the method of an enhanced authentication.
            0x15 AuthenticationMethod authentication_method "Authentication Method" Utf8String(&'a str) in CONNECT | CONNACK | AUTH;
            /// In CONNECT, CONNACK and AUTH, with an Authentication Method: up to 65,535 bytes, as the method has them.
            0x16 AuthenticationData authentication_data "Authentication Data" BinaryData(&'a [u8]) in CONNECT | CONNACK | AUTH;
            /// In CONNECT: whether the server may send Reason Strings and User Properties wherever they can stand.
            /// Default: `true`.
            0x17 RequestProblemInformation request_problem_information "Request Problem Information" Byte(bool) in CONNECT;
            /// In a will: how many seconds after the end of the connection the will is published. Default: 0.
            0x18 WillDelayInterval will_delay_interval "Will Delay Interval" FourByteInteger(u32) in WILL;
            /// In CONNECT: whether CONNACK is to bring Response Information. Default: `false`.
            0x19 RequestResponseInformation request_response_information "Request Response Information" Byte(bool) in CONNECT;
            /// In CONNACK: what a client builds its Response Topics of.
            0x1A ResponseInformation response_information "Response Information" Utf8String(&'a str) in CONNACK;
            /// In CONNACK and a server's DISCONNECT: another server to be used.
            0x1C ServerReference server_reference "Server Reference" Utf8String(&'a str) in CONNACK | DISCONNECT;
            /// In acknowledgements, DISCONNECT and AUTH: the reason in words, for people and logs.
            0x1F ReasonString reason_string "Reason String" Utf8String(&'a str) in CONNACK | ACK | SUBACK | UNSUBACK | DISCONNECT | AUTH;
            /// In CONNECT and CONNACK: how many PUBLISH of QoS 1 and 2 the sender of this takes before it has acknowledged
            /// them: 1 to 65,535. Default: 65,535.
            0x21 ReceiveMaximum receive_maximum "Receive Maximum" TwoByteInteger(NonZeroU16) in CONNECT | CONNACK;
            /// In CONNECT and CONNACK: the highest Topic Alias that the sender of this takes. Default: 0, none.
            0x22 TopicAliasMaximum topic_alias_maximum "Topic Alias Maximum" TwoByteInteger(u16) in CONNECT | CONNACK;
            /// In PUBLISH: a number, 1 to the receiver's Topic Alias Maximum, that stands for the Topic Name on this
            /// connection.
            0x23 TopicAlias topic_alias "Topic Alias" TwoByteInteger(NonZeroU16) in PUBLISH;
            /// In CONNACK: the highest QoS that the server takes: 0 or 1. Default: 2.
            0x24 MaximumQoS maximum_qos "Maximum QoS" Byte(MaximumQoS) in CONNACK;
            /// In CONNACK: whether the server takes retained messages. Default: `true`.
            0x25 RetainAvailable retain_available "Retain Available" Byte(bool) in CONNACK;
            /// In CONNECT and CONNACK: the size in bytes of the largest packet that the sender of this takes: 1 to
            /// `u32::MAX`. Default: no limit but that of the encoding.
            0x27 MaximumPacketSize maximum_packet_size "Maximum Packet Size" FourByteInteger(NonZeroU32) in CONNECT | CONNACK;
            /// In CONNACK: whether the server takes wildcards in Topic Filters. Default: `true`.
            0x28 WildcardSubscriptionAvailable wildcard_subscription_available "Wildcard Subscription Available" Byte(bool) in CONNACK;
            /// In CONNACK: whether the server takes Subscription Identifiers. Default: `true`.
            0x29 SubscriptionIdentifierAvailable subscription_identifier_available "Subscription Identifier Available" Byte(bool) in CONNACK;
            /// In CONNACK: whether the server takes shared subscriptions. Default: `true`.
            0x2A SharedSubscriptionAvailable shared_subscription_available "Shared Subscription Available" Byte(bool) in CONNACK;
            repeating
            /// In SUBSCRIBE once, in PUBLISH from a server for each subscription that matched: a number, 1 to
            /// 268,435,455, by which the client knows its subscription again.
            0x0B SubscriptionIdentifier subscription_identifiers "Subscription Identifier" VariableByteInteger(SubscriptionId) in PUBLISH | SUBSCRIBE, repeats in PUBLISH;
            /// In every packet that has properties, any number of times and in order: a name and a value of the
            /// application's.
            0x26 UserProperty user_properties "User Property" Utf8StringPair((&'a str, &'a str)) in ANY, repeats in ANY;
        }
    };
}
pub(crate) use properties;

macro_rules! property_id {
    (
        $($(#[$doc:meta])* $id:literal $name:ident $getter:ident $title:literal $kind:ident($type:ty) in $($place:ident)|+;)+
        repeating $($(#[$many_doc:meta])* $many_id:literal $many:ident $many_getter:ident $many_title:literal $many_kind:ident($many_type:ty) in $($many_place:ident)|+, repeats in $($repeats:ident)|+;)+
    ) => {
        /// The identifier of a property (Table 2-4).
        ///
        /// ```
        /// use mqtt_wire::{PropertyId, PropertyType};
        ///
        /// let id = PropertyId::new(0x02).expect("it is one");
        /// assert_eq!(id, PropertyId::MessageExpiryInterval);
        /// assert_eq!(id.title(), "Message Expiry Interval");
        /// assert_eq!(id.value_type(), PropertyType::FourByteInteger);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum PropertyId { $($(#[$doc])* $name = $id,)+ $($(#[$many_doc])* $many = $many_id,)+ }

        impl PropertyId {
            /// Every property.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+ $(Self::$many,)+];

            /// The property of that number, if there is one.
            pub const fn new(id: u8) -> Option<Self> {
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

            /// The type of the value on the wire.
            ///
            /// ```
            /// use mqtt_wire::{PropertyId, PropertyType};
            ///
            /// // A tool that shows bytes asks how to read a value.
            /// assert_eq!(PropertyId::ReceiveMaximum.value_type(), PropertyType::TwoByteInteger);
            /// ```
            pub const fn value_type(self) -> PropertyType {
                match self { $(Self::$name => PropertyType::$kind,)+ $(Self::$many => PropertyType::$many_kind,)+ }
            }

            /// The places that the property may stand in, and those where it may do so more than once.
            pub(super) const fn places(self) -> (u16, u16) {
                match self {
                    $(Self::$name => ($(bits::$place)|+, 0),)+
                    $(Self::$many => ($(bits::$many_place)|+, $(bits::$repeats)|+),)+
                }
            }
        }
    };
}

properties! { property_id }

impl PropertyId {
    /// The number: 0x01 to 0x2A.
    pub const fn get(self) -> u8 {
        self as u8
    }

    /// Whether the property may stand more than once in some packet.
    #[cfg(feature = "alloc")]
    pub(crate) const fn may_repeat(self) -> bool {
        self.places().1 != 0
    }
}

impl fmt::Display for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// The type of a property's value on the wire (section 2.2.2.2).
///
/// ```
/// use mqtt_wire::{PropertyId, PropertyType};
///
/// // Which properties are texts?
/// let texts = PropertyId::ALL.iter().filter(|id| id.value_type() == PropertyType::Utf8String);
/// assert!(texts.clone().any(|id| *id == PropertyId::ReasonString));
/// assert_eq!(texts.count(), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PropertyType {
    /// One byte; every such property is 0 or 1.
    Byte,
    /// Two bytes, the higher one first (section 1.5.2).
    TwoByteInteger,
    /// Four bytes, the highest one first (section 1.5.3).
    FourByteInteger,
    /// One to four bytes of seven bits each, the lowest first (section 1.5.5).
    VariableByteInteger,
    /// A length in two bytes and so many bytes of UTF-8 (section 1.5.4).
    Utf8String,
    /// A length in two bytes and so many bytes (section 1.5.6).
    BinaryData,
    /// Two strings: a name and a value (section 1.5.7).
    Utf8StringPair,
}
