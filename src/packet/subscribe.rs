use super::PacketType;
use super::unsubscribe::{pass_filter, topic_filter};
use crate::error::Kind;
use crate::list::{Item, List};
use crate::options::Context;
use crate::property::{Place, Properties};
use crate::read::{Fault, Parsed, byte, fault, packet_id};
use crate::topic::TopicFilter;
use crate::version::{PacketId, QoS, Version};
use crate::write::{Sink, Written};

/// SUBSCRIBE: a client asks for messages (section 3.8).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Packet Identifier | 2 bytes | 2 bytes |
/// | Properties | - | yes |
/// | Topic Filters | string and QoS, at least one | string and options, at least one |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The identifier that SUBACK will repeat.
    pub packet_id: PacketId,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    /// What is asked for.
    pub subscriptions: List<'a, Subscription<'a>>,
}

impl<'a> Subscribe<'a> {
    /// A SUBSCRIBE without properties.
    pub const fn new(packet_id: PacketId, subscriptions: &'a [Subscription<'a>]) -> Self {
        Self { packet_id, properties: Properties::EMPTY, subscriptions: List::new(subscriptions) }
    }

    pub(super) fn decode(c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, packet_id) = packet_id(i)?;
        let (i, properties) = Properties::decode(&Place::SUBSCRIBE, c, i)?;
        let subscriptions = List::decode(PacketType::Subscribe, c, i)?;
        Ok((&[], Self { packet_id, properties, subscriptions }))
    }
}

impl Subscribe<'_> {
    pub(super) fn encode<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        out.two_bytes(self.packet_id.get());
        self.properties.encode_near(&Place::SUBSCRIBE, c, out)?;
        self.subscriptions.encode(PacketType::Subscribe, c, out)
    }
}

/// When retained messages are sent for a subscription (section 3.8.3.1 of 5.0).
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
    /// The two-bit number of the wire: 0, 1 or 2.
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// The value of the low two bits of `bits`; `None` for 3.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits & 0b11 {
            0 => Some(Self::Send),
            1 => Some(Self::SendIfNew),
            2 => Some(Self::DoNotSend),
            _ => None,
        }
    }
}

/// A topic filter and how its messages are wanted (section 3.8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// Which topics.
    pub filter: TopicFilter<'a>,
    /// The highest QoS at which messages are wanted.
    pub maximum_qos: QoS,
    /// Not what this client publishes itself (5.0); never with a shared subscription.
    pub no_local: bool,
    /// Messages keep the RETAIN flag they were published with (5.0).
    pub retain_as_published: bool,
    /// When retained messages are wanted (5.0).
    pub retain_handling: RetainHandling,
}

/// The Subscription Options (section 3.8.3.1 of 5.0): what a server keeps of a [`Subscription`] besides its
/// filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SubscriptionOptions {
    /// The highest QoS at which messages are wanted.
    pub maximum_qos: QoS,
    /// Not what this client publishes itself.
    pub no_local: bool,
    /// Messages keep the RETAIN flag they were published with.
    pub retain_as_published: bool,
    /// When retained messages are wanted.
    pub retain_handling: RetainHandling,
}

impl<'a> Subscription<'a> {
    /// A subscription with the options of 5.0 at 0.
    pub const fn new(filter: TopicFilter<'a>, maximum_qos: QoS) -> Self {
        Self {
            filter,
            maximum_qos,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Send,
        }
    }

    /// The same filter with these options.
    #[must_use]
    pub const fn with_options(self, options: SubscriptionOptions) -> Self {
        let SubscriptionOptions { maximum_qos, no_local, retain_as_published, retain_handling } = options;
        Self { maximum_qos, no_local, retain_as_published, retain_handling, ..self }
    }

    /// All but the filter, to be kept with the subscription.
    pub const fn options(&self) -> SubscriptionOptions {
        let Self { maximum_qos, no_local, retain_as_published, retain_handling, .. } = *self;
        SubscriptionOptions { maximum_qos, no_local, retain_as_published, retain_handling }
    }

    /// The options byte; in 3.x it is the Requested QoS.
    const fn options_byte(&self) -> u8 {
        self.retain_handling.bits() * 16
            + self.retain_as_published as u8 * 8
            + self.no_local as u8 * 4
            + self.maximum_qos.bits()
    }

    /// Reads the options byte behind a filter.
    fn from_options(filter: TopicFilter<'a>, options: u8) -> Result<Self, Kind> {
        if options & 0b1100_0000 != 0 {
            return Err(Kind::SubscriptionReserved);
        }
        let no_local = options & 0b100 != 0;
        if no_local && filter.is_shared() {
            return Err(Kind::NoLocalOnShared);
        }
        Ok(Self {
            filter,
            maximum_qos: QoS::from_bits(options).ok_or(Kind::SubscriptionQoS3)?,
            no_local,
            retain_as_published: options & 0b1000 != 0,
            retain_handling: RetainHandling::from_bits(options >> 4).ok_or(Kind::RetainHandling3)?,
        })
    }
}

impl<'a> Item<'a> for Subscription<'a> {
    #[inline(always)]
    fn pass(i: &'a [u8], c: Context) -> Option<&'a [u8]> {
        let (i, options) = byte(pass_filter(i, c)?).ok()?;
        (options <= QoS::ExactlyOnce.bits()).then_some(i)
    }

    fn check(i: &'a [u8], _: PacketType, c: Context) -> Result<&'a [u8], Fault<'a>> {
        let (at, filter) = topic_filter(i, c)?;
        let (i, options) = byte(at)?;
        if !c.is_v5() && options & 0b1111_1100 != 0 {
            return Err(Fault::new(Kind::SubscriptionReserved, at));
        }
        match Self::from_options(TopicFilter::checked(filter, c.version()), options) {
            Ok(_) => Ok(i),
            Err(kind) => Err(Fault::new(kind, at)),
        }
    }

    fn read(i: &'a [u8], version: Version) -> Parsed<'a, Self> {
        let (at, filter) = <TopicFilter as Item>::read(i, version)?;
        let (i, options) = byte(at)?;
        Self::from_options(filter, options).map_or_else(|kind| fault(kind, at), |this| Ok((i, this)))
    }

    fn converted(self, to: Version) -> Self {
        let filter = TopicFilter::checked(self.filter.as_bytes(), to);
        if to == Version::V5 { Self { filter, ..self } } else { Self::new(filter, self.maximum_qos) }
    }

    #[inline(always)]
    fn write<S: Sink>(&self, packet: PacketType, c: Context, out: &mut S) -> Written {
        if S::CHECKS && !c.is_v5() && self.options_byte() != self.maximum_qos.bits() {
            return Err(Kind::NotInVersion);
        }
        // A filter made by the rules of 3.x does not know that it is shared.
        if S::CHECKS && self.no_local && TopicFilter::checked(self.filter.as_bytes(), c.version()).is_shared()
        {
            return Err(Kind::NoLocalOnShared);
        }
        self.filter.write(packet, c, out)?;
        out.byte(self.options_byte());
        Ok(())
    }
}
