//! Packet Identifiers and Subscription Identifiers, which are never 0.

use core::fmt;
use core::num::NonZeroU16;

use super::limits::MAX_VARIABLE_BYTE_INTEGER;

/// A Packet Identifier: 1 to 65,535 (section 2.3.1 of 3.1.1, 2.2.1 of 5.0).
///
/// ```
/// use mqtt_wire::PacketId;
///
/// assert_eq!(PacketId::new(7).map(PacketId::get), Some(7));
/// assert_eq!(PacketId::new(0), None);
/// assert_eq!(PacketId::MAX.next(), PacketId::MIN);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(NonZeroU16);

impl PacketId {
    /// The smallest Packet Identifier: 1.
    pub const MIN: Self = Self(NonZeroU16::MIN);
    /// The largest Packet Identifier: 65,535.
    pub const MAX: Self = Self(NonZeroU16::MAX);

    /// A Packet Identifier; `None` for 0.
    pub const fn new(id: u16) -> Option<Self> {
        match NonZeroU16::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The identifier after this one; after the largest comes 1 again.
    ///
    /// ```
    /// use mqtt_wire::PacketId;
    ///
    /// // They go round, and 0 is none (`[MQTT-2.2.1-3]`).
    /// assert_eq!(PacketId::MIN.next().get(), 2);
    /// assert_eq!(PacketId::MAX.next(), PacketId::MIN);
    /// ```
    #[must_use]
    pub const fn next(self) -> Self {
        match self.0.checked_add(1) {
            Some(id) => Self(id),
            None => Self::MIN,
        }
    }
}

impl From<NonZeroU16> for PacketId {
    fn from(id: NonZeroU16) -> Self {
        Self(id)
    }
}

impl From<PacketId> for NonZeroU16 {
    fn from(id: PacketId) -> Self {
        id.0
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A Subscription Identifier: 1 to 268,435,455 (section 3.8.2.1.2 of 5.0).
///
/// ```
/// use mqtt_wire::{Property, SubscriptionId};
///
/// let id = SubscriptionId::new(9).expect("1 to 268,435,455");
/// let property = Property::SubscriptionIdentifier(id);
/// assert_eq!(SubscriptionId::new(0), None);
/// # let _ = property;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(u32);

impl SubscriptionId {
    /// The largest Subscription Identifier.
    pub const MAX: Self = Self(MAX_VARIABLE_BYTE_INTEGER);

    /// A Subscription Identifier; `None` for 0 and for anything above [`SubscriptionId::MAX`].
    ///
    /// ```
    /// use mqtt_wire::SubscriptionId;
    ///
    /// // A program that numbers its subscriptions from 0 adds one.
    /// assert_eq!(SubscriptionId::new(0), None);
    /// assert_eq!(SubscriptionId::new(0 + 1).map(SubscriptionId::get), Some(1));
    /// assert_eq!(SubscriptionId::new(268_435_456), None); // four bytes hold no more
    /// ```
    pub const fn new(id: u32) -> Option<Self> {
        if id == 0 || id > Self::MAX.0 { None } else { Some(Self(id)) }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
