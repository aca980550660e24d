use super::PacketType;
use crate::list::{Item, List};
use crate::options::Context;
use crate::property::{Place, Properties};
use crate::read::{Fault, Parsed, binary, check_characters, fault, from, packet_id};
use crate::scan::is_plain_filter;
use crate::topic::TopicFilter;
use crate::version::{PacketId, Version};
use crate::write::{Sink, Written};

/// UNSUBSCRIBE: a client wants no more messages (section 3.10).
///
/// | field | 3.x | 5.0 |
/// |---|---|---|
/// | Packet Identifier | 2 bytes | 2 bytes |
/// | Properties | - | yes |
/// | Topic Filters | strings, at least one | strings, at least one |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    pub(super) fn decode(c: Context, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, packet_id) = packet_id(i)?;
        let (i, properties) = Properties::decode(&Place::UNSUBSCRIBE, c, i)?;
        let filters = List::decode(PacketType::Unsubscribe, c, i)?;
        Ok((&[], Self { packet_id, properties, filters }))
    }
}

impl Unsubscribe<'_> {
    pub(super) fn encode<S: Sink>(&self, c: Context, out: &mut S) -> Written {
        out.two_bytes(self.packet_id.get());
        self.properties.encode_near(&Place::UNSUBSCRIBE, c, out)?;
        self.filters.encode(PacketType::Unsubscribe, c, out)
    }
}

/// Passes over a filter that is right at first sight.
#[inline(always)]
pub(super) fn pass_filter(i: &[u8], c: Context) -> Option<&[u8]> {
    let (i, filter) = binary(i).ok()?;
    (is_plain_filter(filter) && !c.refuses_control_characters()).then_some(i)
}

/// Checks a filter from outside; its bytes.
pub(super) fn topic_filter(at: &[u8], c: Context) -> Parsed<'_, &[u8]> {
    let (i, filter) = binary(at)?;
    if let Err((kind, offset)) = TopicFilter::check(filter, c.version()) {
        return fault(kind, if filter.is_empty() { at } else { from(filter, offset) });
    }
    check_characters(filter, c)?;
    Ok((i, filter))
}

impl<'a> Item<'a> for TopicFilter<'a> {
    #[inline(always)]
    fn pass(i: &'a [u8], c: Context) -> Option<&'a [u8]> {
        pass_filter(i, c)
    }

    fn check(i: &'a [u8], _: PacketType, c: Context) -> Result<&'a [u8], Fault<'a>> {
        let (i, _) = topic_filter(i, c)?;
        Ok(i)
    }

    fn read(i: &'a [u8], version: Version) -> Parsed<'a, Self> {
        binary(i).map(|(i, filter)| (i, TopicFilter::checked(filter, version)))
    }

    fn converted(self, to: Version) -> Self {
        TopicFilter::checked(self.as_bytes(), to)
    }

    #[inline(always)]
    fn write<S: Sink>(&self, _: PacketType, c: Context, out: &mut S) -> Written {
        // A filter made by the rules of 3.x may be a bad shared subscription in 5.0.
        if S::CHECKS && Self::checked(self.as_bytes(), c.version()).is_shared() {
            TopicFilter::check(self.as_bytes(), c.version()).map_err(|(kind, _)| kind)?;
        }
        out.topic(self.as_bytes(), c)
    }
}
