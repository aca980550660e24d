//! Quality of Service, how a message is delivered (section 4.3), and when retained messages are wanted.

use core::fmt;
use core::str::FromStr;

use super::{PacketId, UnknownName, UnknownNumber};

/// Quality of Service: how hard the sender and the receiver try to deliver a message (section 4.3).
///
/// ```
/// use mqtt_wire::QoS;
///
/// // A subscriber gets a message at the lower of two.
/// let (published, granted) = (QoS::ExactlyOnce, QoS::AtLeastOnce);
/// assert_eq!(published.min(granted), QoS::AtLeastOnce);
/// assert_eq!("1".parse(), Ok(QoS::AtLeastOnce)); // from a command line
/// assert_eq!(QoS::new(3), None);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QoS {
    /// QoS 0: at most once.
    #[default]
    AtMostOnce,
    /// QoS 1: at least once.
    AtLeastOnce,
    /// QoS 2: exactly once.
    ExactlyOnce,
}

impl QoS {
    /// Every QoS, by number.
    pub const ALL: [Self; 3] = [Self::AtMostOnce, Self::AtLeastOnce, Self::ExactlyOnce];

    /// The QoS of that number: 0, 1 or 2; `None` for any other.
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }

    /// The number: 0, 1 or 2.
    pub const fn get(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for QoS {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.get(), f)
    }
}

/// `0`, `1` and `2`.
impl FromStr for QoS {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "0" => Ok(Self::AtMostOnce),
            "1" => Ok(Self::AtLeastOnce),
            "2" => Ok(Self::ExactlyOnce),
            _ => Err(UnknownName { expected: "0, 1 or 2" }),
        }
    }
}

/// The value of the property Maximum QoS: 0 or 1, since a server that supports QoS 2 leaves it out
/// (section 3.2.2.3.4 of 5.0).
///
/// ```
/// use mqtt_wire::{MaximumQoS, Property, QoS};
///
/// // A server announces the highest QoS that it supports, unless that is 2.
/// let announced = MaximumQoS::new(QoS::AtLeastOnce).map(Property::MaximumQoS);
/// assert!(announced.is_some());
/// assert_eq!(MaximumQoS::new(QoS::ExactlyOnce), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MaximumQoS {
    /// The server supports QoS 0 only.
    AtMostOnce,
    /// The server supports QoS 0 and 1.
    AtLeastOnce,
}

impl MaximumQoS {
    /// The value that announces that QoS as the highest; `None` for QoS 2, of which a server says nothing.
    ///
    /// ```
    /// use mqtt_wire::{MaximumQoS, Property, QoS};
    ///
    /// // What CONNACK announces, if it is less than everything (`[MQTT-3.2.2-9]`).
    /// let supported = QoS::AtLeastOnce;
    /// let announce = MaximumQoS::new(supported).map(Property::MaximumQoS);
    /// assert!(announce.is_some());
    /// assert_eq!(MaximumQoS::new(QoS::ExactlyOnce), None); // which is said by saying nothing
    /// ```
    pub const fn new(qos: QoS) -> Option<Self> {
        match qos {
            QoS::AtMostOnce => Some(Self::AtMostOnce),
            QoS::AtLeastOnce => Some(Self::AtLeastOnce),
            QoS::ExactlyOnce => None,
        }
    }

    /// The same as a [`QoS`].
    ///
    /// ```
    /// use mqtt_wire::{MaximumQoS, QoS};
    ///
    /// // A client sends at no more than the server takes.
    /// let server = MaximumQoS::AtLeastOnce;
    /// assert_eq!(QoS::ExactlyOnce.min(server.get()), QoS::AtLeastOnce);
    /// ```
    pub const fn get(self) -> QoS {
        match self {
            Self::AtMostOnce => QoS::AtMostOnce,
            Self::AtLeastOnce => QoS::AtLeastOnce,
        }
    }
}

impl From<MaximumQoS> for QoS {
    fn from(maximum: MaximumQoS) -> Self {
        maximum.get()
    }
}

impl TryFrom<QoS> for MaximumQoS {
    type Error = UnknownNumber;

    fn try_from(qos: QoS) -> Result<Self, UnknownNumber> {
        Self::new(qos).ok_or(UnknownNumber { number: qos.get().into(), of: "Maximum QoS" })
    }
}

impl fmt::Display for MaximumQoS {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.get(), f)
    }
}

/// The QoS of a PUBLISH together with the Packet Identifier that QoS 1 and 2 need and QoS 0 must not have
/// (`[MQTT-2.3.1-5]` of 3.1.1, `[MQTT-2.2.1-2]` of 5.0).
///
/// ```
/// use mqtt_wire::{Delivery, PacketId, QoS};
///
/// let delivery = Delivery::AtLeastOnce(PacketId::MIN);
/// assert_eq!((delivery.qos(), delivery.packet_id()), (QoS::AtLeastOnce, Some(PacketId::MIN)));
/// // From a QoS that is known at run time only:
/// assert_eq!(Delivery::new(QoS::AtMostOnce, PacketId::MIN), Delivery::AtMostOnce);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// QoS 0.
    #[default]
    AtMostOnce,
    /// QoS 1, acknowledged by PUBACK.
    AtLeastOnce(PacketId),
    /// QoS 2, acknowledged by PUBREC, PUBREL and PUBCOMP.
    ExactlyOnce(PacketId),
}

impl Delivery {
    /// The delivery of that QoS; the identifier is not used for QoS 0.
    ///
    /// ```
    /// use mqtt_wire::{Delivery, PacketId, QoS};
    ///
    /// // The QoS is that of a subscription, known when the program runs.
    /// let id = PacketId::MIN;
    /// assert_eq!(Delivery::new(QoS::AtLeastOnce, id), Delivery::AtLeastOnce(id));
    /// assert_eq!(Delivery::new(QoS::AtMostOnce, id), Delivery::AtMostOnce); // without one
    /// ```
    pub const fn new(qos: QoS, packet_id: PacketId) -> Self {
        match qos {
            QoS::AtMostOnce => Self::AtMostOnce,
            QoS::AtLeastOnce => Self::AtLeastOnce(packet_id),
            QoS::ExactlyOnce => Self::ExactlyOnce(packet_id),
        }
    }

    /// The Quality of Service.
    pub const fn qos(self) -> QoS {
        match self {
            Self::AtMostOnce => QoS::AtMostOnce,
            Self::AtLeastOnce(_) => QoS::AtLeastOnce,
            Self::ExactlyOnce(_) => QoS::ExactlyOnce,
        }
    }

    /// The Packet Identifier of QoS 1 and 2.
    ///
    /// ```
    /// use mqtt_wire::{Delivery, PacketId};
    ///
    /// assert_eq!(Delivery::ExactlyOnce(PacketId::MIN).packet_id(), Some(PacketId::MIN));
    /// assert_eq!(Delivery::AtMostOnce.packet_id(), None); // nothing to acknowledge
    /// ```
    pub const fn packet_id(self) -> Option<PacketId> {
        match self {
            Self::AtMostOnce => None,
            Self::AtLeastOnce(id) | Self::ExactlyOnce(id) => Some(id),
        }
    }
}

/// When retained messages are sent for a subscription (section 3.8.3.1 of 5.0).
///
/// ```
/// use mqtt_wire::RetainHandling;
///
/// /// Whether a server sends the retained messages of a filter.
/// fn sends_retained(handling: RetainHandling, is_new: bool) -> bool {
///     match handling {
///         RetainHandling::Send => true,
///         RetainHandling::SendIfNew => is_new,
///         RetainHandling::DoNotSend => false,
///     }
/// }
/// assert!(!sends_retained(RetainHandling::SendIfNew, false));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetainHandling {
    /// 0: at every SUBSCRIBE. What 3.x always does.
    #[default]
    Send,
    /// 1: only when the subscription is new.
    SendIfNew,
    /// 2: not at all.
    DoNotSend,
}

impl RetainHandling {
    /// The value of that number: 0, 1 or 2; `None` for any other.
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Send),
            1 => Some(Self::SendIfNew),
            2 => Some(Self::DoNotSend),
            _ => None,
        }
    }

    /// The number: 0, 1 or 2.
    pub const fn get(self) -> u8 {
        self as u8
    }
}
