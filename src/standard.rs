//! What the tables of the standard say, without logic: versions, packet types, properties, reason codes, rules and
//! limits. Everything else stands on this; nothing here looks at anything outside.

mod delivery;
mod identifier;
mod limits;
mod packet_type;
mod place;
mod property;
mod property_set;
mod reason;
mod rule;
mod version;

pub use delivery::{Delivery, MaximumQoS, QoS, RetainHandling};
pub use identifier::{PacketId, SubscriptionId};
pub use limits::{MAX_PACKET_SIZE, MAX_VARIABLE_BYTE_INTEGER};
pub use packet_type::PacketType;
pub(crate) use packet_type::packets;
pub(crate) use place::Place;
pub(crate) use property::properties;
pub use property::{PropertyId, PropertyType};
pub use property_set::{PropertySet, PropertySetIter};
pub use reason::ReasonCode;
pub use rule::Rule;
pub use version::{Sender, UnknownName, Version};

/// A number that is none of a type's: what `TryFrom` says.
///
/// ```
/// use mqtt_wire::{PacketType, QoS};
///
/// assert!(QoS::try_from(3).is_err());
/// println!("{}", PacketType::try_from(0).unwrap_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{number} is no {of}")]
pub struct UnknownNumber {
    number: u32,
    of: &'static str,
}

/// `TryFrom` and `From` between a type of the standard and its number, by its `new` and `get`.
macro_rules! numbered {
    ($($name:ident $number:ty, $of:literal;)+) => { $(
        impl TryFrom<$number> for $name {
            type Error = $crate::standard::UnknownNumber;

            fn try_from(number: $number) -> Result<Self, Self::Error> {
                Self::new(number).ok_or($crate::standard::UnknownNumber { number: number.into(), of: $of })
            }
        }

        impl From<$name> for $number {
            fn from(this: $name) -> Self {
                this.get()
            }
        }
    )+ };
}

numbered! {
    Version u8, "Protocol Level";
    PacketType u8, "type of a control packet";
    QoS u8, "Quality of Service";
    RetainHandling u8, "Retain Handling";
    PropertyId u8, "property identifier";
    PacketId u16, "Packet Identifier";
    SubscriptionId u32, "Subscription Identifier";
}
