//! UNSUBSCRIBE: section [3.10](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901179).
//!
//! ```text
//! +--------+-----------+-------------------+------------+----------------------------------+
//! | A2     | remaining | Packet Identifier | Properties | Topic Filters: length and string |
//! | 1 byte | length    | 2 bytes           | 5.0        | 2 bytes and so many, repeated    |
//! +--------+-----------+-------------------+------------+----------------------------------+
//! ```

use super::Head;
use super::list::{Item, List};
use crate::options::Context;
use crate::property::Properties;
use crate::read::{Fault, Parsed, binary, check_characters, fault, from, packet_id};
use crate::scan;
use crate::standard::{PacketId, PacketType, Place, Rule, Version};
use crate::topic::TopicFilter;
use crate::write::{Sink, Written};

/// UNSUBSCRIBE: a client wants no more messages (section 3.10).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Packet Identifier | 2 bytes | 2 bytes |
/// | Properties | - | yes |
/// | Topic Filters | strings, at least one | strings, at least one |
///
/// ```
/// use mqtt_wire::{Packet, PacketId, Unsubscribe, Version, topic_filter};
///
/// let filters = [topic_filter!("lamp/+/status"), topic_filter!("$share/workers/jobs")];
/// let unsubscribe = Unsubscribe::new(PacketId::MIN, &filters);
/// Packet::from(unsubscribe).encode(Version::V5, &mut Vec::new())?;
/// assert_eq!(unsubscribe.filters.len(), 2);
/// # Ok::<(), mqtt_wire::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unsubscribe<'a> {
    /// The identifier that UNSUBACK will repeat.
    pub packet_id: PacketId,
    /// Empty in 3.x.
    pub properties: Properties<'a>,
    /// The filters, as they were subscribed to, a shared one with its `$share/` (`[MQTT-3.10.4-1]`).
    pub filters: List<'a, TopicFilter<'a>>,
}

impl<'a> Unsubscribe<'a> {
    /// An UNSUBSCRIBE without properties.
    pub const fn new(packet_id: PacketId, filters: &'a [TopicFilter<'a>]) -> Self {
        Self { packet_id, properties: Properties::EMPTY, filters: List::new(filters) }
    }

    pub(super) fn decode(_: Head, c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, packet_id) = packet_id(i)?;
        let (i, properties) = Properties::decode(&Place::UNSUBSCRIBE, c, i)?;
        let filters = List::decode(PacketType::Unsubscribe, c, i)?;
        Ok((&[], Self { packet_id, properties, filters }))
    }

    pub(super) fn encode<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        out.two_bytes(self.packet_id.get());
        self.properties.encode(&Place::UNSUBSCRIBE, c, out)?;
        self.filters.encode(PacketType::Unsubscribe, c, out)
    }
}

/// Checks a filter from outside; its bytes.
pub(crate) fn topic_filter(at: &[u8], c: Context) -> Parsed<'_, &[u8]> {
    let (i, filter) = binary(at)?;
    if let Err((rule, offset)) = TopicFilter::check(filter, c.version()) {
        return fault(rule, if filter.is_empty() { at } else { from(filter, offset) });
    }
    check_characters(filter, c)?;
    Ok((i, filter))
}

/// Passes over a plain filter from outside, as most are: see [`scan::is_plain_filter`].
#[inline(always)]
pub(super) fn pass_plain_filter(i: &[u8], c: Context) -> Option<&[u8]> {
    let (i, filter) = binary(i).ok()?;
    if c.has_strict_characters() || !scan::is_plain_filter(filter) { None } else { Some(i) }
}

impl TopicFilter<'_> {
    /// Checks that the filter means the same in that version: `$share/...` is a shared subscription in 5.0 and a filter like
    /// any other in 3.x, and may be a bad shared subscription. And its characters, when the options ask for it.
    #[inline(always)]
    pub(super) fn check_in<S: Sink>(&self, c: Context, out: &S) -> Written {
        if S::CHECKS && Self::checked(self.as_bytes(), c.version()).is_shared() != self.is_shared() {
            return Err(self.refusal_in(c.version()));
        }
        out.check_topic(self.as_bytes(), c)
    }

    #[cold]
    fn refusal_in(&self, version: Version) -> Rule {
        Self::check(self.as_bytes(), version).err().map_or(Rule::NotInVersion, |(rule, _)| rule)
    }
}

impl<'a> Item<'a> for TopicFilter<'a> {
    // A length in two bytes and that many bytes of text.
    const SHORTEST: usize = 2 + 1;
    const LONGEST: usize = 2 + 65_535;

    #[inline(always)]
    fn check(i: &'a [u8], _: PacketType, c: Context) -> Result<&'a [u8], Fault<'a>> {
        match pass_plain_filter(i, c) {
            Some(i) => Ok(i),
            None => topic_filter(i, c).map(|(i, _)| i),
        }
    }

    fn read(i: &'a [u8], version: Version) -> Parsed<'a, Self> {
        binary(i).map(|(i, filter)| (i, TopicFilter::checked(filter, version)))
    }

    fn downgraded(self) -> Self {
        Self::checked(self.as_bytes(), Version::V311)
    }

    fn upgraded(self) -> Self {
        Self::checked(self.as_bytes(), Version::V5)
    }

    #[inline(always)]
    fn write<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        self.check_in(c, out)?;
        out.binary(self.as_bytes())
    }
}
