//! SUBSCRIBE: section [3.8](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901161).
//!
//! ```text
//! +--------+-----------+-------------------+------------+--------------------------------------------+
//! | 82     | remaining | Packet Identifier | Properties | Topic Filters: length, string and options  |
//! | 1 byte | length    | 2 bytes           | 5.0        | 2 bytes, so many and 1 byte, repeated      |
//! +--------+-----------+-------------------+------------+--------------------------------------------+
//!
//! options: 0 0 H H P L Q Q    Q: Maximum QoS; in 5.0 L: No Local, P: Retain As Published, H: Retain Handling
//! ```

use super::Head;
use super::list::{Item, List};
use super::unsubscribe::{pass_plain_filter, topic_filter};
use crate::options::Context;
use crate::property::Properties;
use crate::read::{Fault, Parsed, byte, fault, packet_id};
use crate::standard::{PacketId, PacketType, Place, QoS, RetainHandling, Rule, Version};
use crate::topic::TopicFilter;
use crate::write::{Sink, Written};

/// SUBSCRIBE: a client asks for messages (section 3.8).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Packet Identifier | 2 bytes | 2 bytes |
/// | Properties | - | yes |
/// | Topic Filters | string and QoS, at least one | string and options, at least one |
///
/// ```
/// use mqtt_wire::{
///     Packet, PacketId, Properties, Property, QoS, Subscribe, Subscription, SubscriptionId,
///     Version, topic_filter,
/// };
///
/// let wanted = [
///     Subscription::new(topic_filter!("lamp/+/status"), QoS::AtLeastOnce),
///     Subscription::new(topic_filter!("chat/#"), QoS::AtMostOnce),
/// ];
/// let id = [Property::SubscriptionIdentifier(SubscriptionId::new(9).expect("in range"))];
/// let subscribe =
///     Subscribe { properties: Properties::new(&id), ..Subscribe::new(PacketId::MIN, &wanted) };
/// Packet::from(subscribe).encode(Version::V5, &mut Vec::new())?;
///
/// // What comes in is iterated where it lies.
/// let filters: Vec<_> = subscribe.subscriptions.iter().map(|wanted| wanted.filter).collect();
/// assert_eq!(filters, [topic_filter!("lamp/+/status"), topic_filter!("chat/#")]);
/// # Ok::<(), mqtt_wire::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

    pub(super) fn decode(_: Head, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, packet_id) = packet_id(i)?;
        let (i, properties) = Properties::decode(&Place::SUBSCRIBE, c, i)?;
        let subscriptions = List::decode(PacketType::Subscribe, c, i)?;
        Ok((&[], Self { packet_id, properties, subscriptions }))
    }

    pub(super) fn encode<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        out.two_bytes(self.packet_id.get());
        self.properties.encode(&Place::SUBSCRIBE, c, out)?;
        self.subscriptions.encode(PacketType::Subscribe, c, out)
    }
}

/// A topic filter and how its messages are wanted (section 3.8.3).
///
/// ```
/// use mqtt_wire::{QoS, RetainHandling, Subscription, topic_filter};
///
/// let wanted = Subscription {
///     retain_handling: RetainHandling::DoNotSend, // only what is published from now on
///     ..Subscription::new(topic_filter!("lamp/#"), QoS::AtLeastOnce)
/// };
/// assert_eq!((wanted.maximum_qos, wanted.no_local), (QoS::AtLeastOnce, false));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
///
/// ```
/// use mqtt_wire::topic::FilterTree;
/// use mqtt_wire::{QoS, Subscription, SubscriptionOptions, topic_filter, topic_name};
///
/// // A server keeps the options by filter.
/// let mut kept: FilterTree<SubscriptionOptions> = FilterTree::new();
/// let wanted = Subscription::new(topic_filter!("lamp/#"), QoS::AtLeastOnce);
/// kept.insert(wanted.filter, wanted.options());
/// let (_, options) = kept.matches(topic_name!("lamp/7")).next().expect("one");
/// assert_eq!(options.maximum_qos, QoS::AtLeastOnce);
/// ```
///
/// In storage they are the byte that they are in SUBSCRIBE:
///
/// ```
/// use mqtt_wire::{QoS, RetainHandling, SubscriptionOptions};
///
/// let options = SubscriptionOptions {
///     maximum_qos: QoS::AtLeastOnce,
///     retain_as_published: true,
///     retain_handling: RetainHandling::DoNotSend,
///     ..SubscriptionOptions::default()
/// };
/// assert_eq!(options.to_byte(), 0b0010_1001);
/// assert_eq!(SubscriptionOptions::from_byte(0b0010_1001), Some(options));
/// assert_eq!(SubscriptionOptions::from_byte(0b0000_0011), None, "there is no QoS 3");
/// ```
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
    ///
    /// ```
    /// use mqtt_wire::{QoS, Subscription, topic_filter};
    ///
    /// // A server forwards a subscription as it was asked for, under another filter.
    /// let asked = Subscription::new(topic_filter!("lamp/#"), QoS::AtLeastOnce);
    /// let upstream = Subscription::new(topic_filter!("site/7/lamp/#"), QoS::AtMostOnce)
    ///     .with_options(asked.options());
    /// assert_eq!(upstream.maximum_qos, QoS::AtLeastOnce);
    /// ```
    #[must_use]
    pub const fn with_options(self, options: SubscriptionOptions) -> Self {
        let SubscriptionOptions { maximum_qos, no_local, retain_as_published, retain_handling } = options;
        Self { maximum_qos, no_local, retain_as_published, retain_handling, ..self }
    }

    /// All but the filter, to be kept with the subscription.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::{QoS, Subscription, topic_filter, topic_name};
    ///
    /// // The tree keeps the filter, so the rest suffices as its value.
    /// let mut subscribers = FilterTree::new();
    /// let asked = Subscription::new(topic_filter!("lamp/+"), QoS::AtLeastOnce);
    /// subscribers.insert(asked.filter, asked.options());
    /// for (_, options) in subscribers.matches(topic_name!("lamp/7")) {
    ///     assert_eq!(options.maximum_qos, QoS::AtLeastOnce);
    /// }
    /// ```
    pub const fn options(&self) -> SubscriptionOptions {
        let Self { maximum_qos, no_local, retain_as_published, retain_handling, .. } = *self;
        SubscriptionOptions { maximum_qos, no_local, retain_as_published, retain_handling }
    }

    /// Reads the options byte behind a filter.
    const fn from_options(filter: TopicFilter<'a>, options: u8) -> Result<Self, Rule> {
        let no_local = options & RESERVED == 0 && options & NO_LOCAL != 0;
        if no_local && filter.is_shared() {
            return Err(Rule::NoLocalOnShared);
        }
        match SubscriptionOptions::read(options) {
            Ok(options) => Ok(Self::new(filter, options.maximum_qos).with_options(options)),
            Err(rule) => Err(rule),
        }
    }
}

const NO_LOCAL: u8 = 0b0000_0100;
const RETAIN_AS_PUBLISHED: u8 = 0b0000_1000;
const RESERVED: u8 = 0b1100_0000;

impl SubscriptionOptions {
    /// The options byte of SUBSCRIBE; in 3.x it is the Requested QoS, and the rest is 0.
    ///
    /// ```
    /// use mqtt_wire::{QoS, RetainHandling, SubscriptionOptions};
    ///
    /// let options = SubscriptionOptions {
    ///     maximum_qos: QoS::AtLeastOnce,
    ///     retain_handling: RetainHandling::DoNotSend,
    ///     ..SubscriptionOptions::from_byte(0).expect("QoS 0, nothing else")
    /// };
    /// assert_eq!(options.to_byte(), 0b10_0001); // one byte in a store of sessions
    /// ```
    pub const fn to_byte(self) -> u8 {
        let mut byte = self.retain_handling.get() << 4 | self.maximum_qos.get();
        if self.retain_as_published {
            byte |= RETAIN_AS_PUBLISHED;
        }
        if self.no_local {
            byte |= NO_LOCAL;
        }
        byte
    }

    /// The options of an options byte; `None` for QoS 3, Retain Handling 3 (section 3.8.3.1), and a reserved bit
    /// that is set `[MQTT-3.8.3-5]`.
    ///
    /// ```
    /// use mqtt_wire::{QoS, SubscriptionOptions};
    ///
    /// let options = SubscriptionOptions::from_byte(0b0101).expect("a good byte");
    /// assert_eq!((options.maximum_qos, options.no_local), (QoS::AtLeastOnce, true));
    /// assert_eq!(SubscriptionOptions::from_byte(0b11), None); // QoS 3
    /// ```
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match Self::read(byte) {
            Ok(this) => Some(this),
            Err(_) => None,
        }
    }

    const fn read(byte: u8) -> Result<Self, Rule> {
        if byte & RESERVED != 0 {
            return Err(Rule::SubscriptionReserved);
        }
        let Some(maximum_qos) = QoS::new(byte & 0b11) else { return Err(Rule::SubscriptionQoS3) };
        let Some(retain_handling) = RetainHandling::new(byte >> 4) else { return Err(Rule::RetainHandling3) };
        Ok(Self {
            maximum_qos,
            no_local: byte & NO_LOCAL != 0,
            retain_as_published: byte & RETAIN_AS_PUBLISHED != 0,
            retain_handling,
        })
    }
}

/// The options bytes that may stand behind a filter that is not shared, a bit each.
const OPTIONS: u64 = {
    let filter = TopicFilter::checked(b"a", Version::V5);
    let (mut set, mut options) = (0, 0);
    while options < 64 {
        if Subscription::from_options(filter, options).is_ok() {
            set |= 1 << options;
        }
        options += 1;
    }
    set
};

/// The same in 3.x: a QoS.
const OPTIONS_V3: u64 = OPTIONS & 0b1111;

impl<'a> Subscription<'a> {
    fn check_exactly(i: &'a [u8], c: Context) -> Result<&'a [u8], Fault<'a>> {
        let (at, filter) = topic_filter(i, c)?;
        let (i, options) = byte(at)?;
        if !c.is_v5() && options & 0b1111_1100 != 0 {
            return Err(Fault::new(Rule::SubscriptionReserved, at));
        }
        match Self::from_options(TopicFilter::checked(filter, c.version()), options) {
            Ok(_) => Ok(i),
            Err(rule) => Err(Fault::new(rule, at)),
        }
    }
}

impl<'a> Item<'a> for Subscription<'a> {
    // A filter and one byte of options.
    const SHORTEST: usize = <TopicFilter as Item>::SHORTEST + 1;
    const LONGEST: usize = <TopicFilter as Item>::LONGEST + 1;

    #[inline(always)]
    fn check(i: &'a [u8], _: PacketType, c: Context) -> Result<&'a [u8], Fault<'a>> {
        let allowed = if c.is_v5() { OPTIONS } else { OPTIONS_V3 };
        match pass_plain_filter(i, c) {
            Some([options @ 0..64, i @ ..]) if allowed >> options & 1 != 0 => Ok(i),
            _ => Self::check_exactly(i, c),
        }
    }

    fn read(i: &'a [u8], version: Version) -> Parsed<'a, Self> {
        let (at, filter) = <TopicFilter as Item>::read(i, version)?;
        let (i, options) = byte(at)?;
        Self::from_options(filter, options).map_or_else(|rule| fault(rule, at), |this| Ok((i, this)))
    }

    fn downgraded(self) -> Self {
        Self::new(self.filter.downgraded(), self.maximum_qos)
    }

    fn upgraded(self) -> Self {
        Self { filter: self.filter.upgraded(), ..self }
    }

    #[inline(always)]
    fn write<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        if S::CHECKS && !c.is_v5() && self.options().to_byte() != self.maximum_qos.get() {
            return Err(Rule::NotInVersion);
        }
        // A filter made by the rules of 3.x does not know that it is shared.
        if S::CHECKS && self.no_local && TopicFilter::checked(self.filter.as_bytes(), c.version()).is_shared()
        {
            return Err(Rule::NoLocalOnShared);
        }
        self.filter.check_in(c, out)?;
        out.binary_and_byte(self.filter.as_bytes(), self.options().to_byte())
    }
}
