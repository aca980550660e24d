//! The levels of names and filters, what stands between their `/`s (section 4.7.1).

use core::fmt;
use core::iter::FusedIterator;

use crate::scan;

/// The levels of a topic name, an empty one too: `a//b` has the levels `a`, an empty one and `b`.
///
/// ```
/// use mqtt_wire::topic_name;
///
/// let mut levels = topic_name!("lamp/7/status").levels();
/// assert_eq!((levels.next(), levels.next_back()), (Some("lamp"), Some("status")));
/// ```
#[derive(Debug, Clone)]
pub struct Levels<'a>(Option<&'a str>);

impl<'a> Levels<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self(Some(text))
    }
}

impl<'a> Iterator for Levels<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0?;
        let (level, rest) = text.split_at_checked(scan::level_end(text.as_bytes()))?;
        self.0 = rest.get(1..);
        Some(level)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.map_or((0, Some(0)), |text| (1, Some(text.len() + 1)))
    }
}

impl DoubleEndedIterator for Levels<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let text = self.0?;
        let Some(slash) = text.bytes().rposition(|byte| byte == b'/') else { return self.0.take() };
        self.0 = text.get(..slash);
        text.get(slash + 1..)
    }
}

impl FusedIterator for Levels<'_> {}

/// One level of a topic filter (section 4.7.1).
///
/// ```
/// use mqtt_wire::topic::{Level, TopicFilterBuf};
///
/// let filter = TopicFilterBuf::from_levels([Level::Name("lamp"), Level::SingleLevelWildcard])?;
/// assert_eq!(filter.as_str(), "lamp/+");
/// assert_eq!(Level::MultiLevelWildcard.as_str(), "#");
/// # Ok::<(), mqtt_wire::TopicError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level<'a> {
    /// A level to be matched as it stands; it may be empty.
    Name(&'a str),
    /// `+`: any one level.
    SingleLevelWildcard,
    /// `#`: the parent level and any number of levels below it.
    MultiLevelWildcard,
}

impl<'a> Level<'a> {
    /// The level as it stands in the filter.
    pub const fn as_str(self) -> &'a str {
        match self {
            Self::Name(name) => name,
            Self::SingleLevelWildcard => "+",
            Self::MultiLevelWildcard => "#",
        }
    }
}

impl fmt::Display for Level<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The levels of a topic filter; of a shared subscription those of the filter after the share name.
///
/// ```
/// use mqtt_wire::topic::Level;
/// use mqtt_wire::topic_filter;
///
/// let wildcards = topic_filter!("$share/workers/lamp/+/#")
///     .levels()
///     .filter(|level| !matches!(level, Level::Name(_)));
/// assert_eq!(wildcards.count(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct FilterLevels<'a>(Levels<'a>);

impl<'a> FilterLevels<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self(Levels::new(text))
    }

    fn level(text: &'a str) -> Level<'a> {
        match text {
            "+" => Level::SingleLevelWildcard,
            "#" => Level::MultiLevelWildcard,
            name => Level::Name(name),
        }
    }
}

impl<'a> Iterator for FilterLevels<'a> {
    type Item = Level<'a>;

    fn next(&mut self) -> Option<Level<'a>> {
        self.0.next().map(Self::level)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for FilterLevels<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(Self::level)
    }
}

impl FusedIterator for FilterLevels<'_> {}
