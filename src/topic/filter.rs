//! [`TopicFilter`].

use core::fmt;

use super::{FilterLevels, TopicName, relation, syntax};
use crate::error::TopicError;
use crate::scan;
use crate::standard::Rule;
use crate::standard::Version;

/// A Topic Filter: what a client subscribes to (section 4.7; shared subscriptions in section 4.8.2 of 5.0).
///
/// ```
/// use mqtt_wire::{topic_filter, topic_name};
///
/// let filter = topic_filter!("rumahkami/+/lampu");
/// assert!(filter.matches(topic_name!("rumahkami/dapur/lampu")));
/// assert!(!filter.matches(topic_name!("rumahkami/dapur/suhu")));
/// ```
///
/// It borrows its text, which was checked when it was made, by the rules of a version: in 5.0 `$share/{share name}/`
/// begins a shared subscription, in 3.1 and 3.1.1 such a text is an ordinary filter.
///
/// Two filters are equal when they do the same and look the same: when their texts are equal and both or neither are
/// shared. They are ordered by their text, an ordinary filter before the shared one. A `FilterTree` goes by that, too.
/// Compared with a `str`, a filter is equal to its text.
///
/// ```
/// use mqtt_wire::{TopicFilter, Version};
///
/// let shared = TopicFilter::new("$share/workers/jobs")?;
/// let plain = TopicFilter::new_for("$share/workers/jobs", Version::V311)?;
/// assert!(shared.is_shared() && !plain.is_shared());
/// assert_ne!(shared, plain);
/// assert!(shared == "$share/workers/jobs" && plain == "$share/workers/jobs");
/// # Ok::<(), mqtt_wire::TopicError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter<'a> {
    text: &'a [u8],
    shared: bool,
}

impl<'a> TopicFilter<'a> {
    /// Checks a filter by the rules of 5.0. For a literal there is [`topic_filter!`](crate::topic_filter).
    ///
    /// # Errors
    /// When it is empty, holds U+0000 or is longer than 65,535 bytes; when a wildcard is not alone in its
    /// level or `#` not in the last one; when it begins with `$share/` and a share name or a filter does not
    /// follow.
    pub const fn new(filter: &'a str) -> Result<Self, TopicError> {
        Self::from_bytes_for(filter.as_bytes(), Version::V5)
    }

    /// Checks a filter by the rules of that version: 3.1 and 3.1.1 know no shared subscriptions, `$share/...`
    /// is an ordinary filter there.
    ///
    /// ```
    /// use mqtt_wire::{TopicFilter, Version};
    ///
    /// let text = "$share/workers";
    /// assert!(TopicFilter::new(text).is_err()); // 5.0 misses a filter behind the share name
    /// assert!(TopicFilter::new_for(text, Version::V311).is_ok()); // 3.1.1 knows no shares
    /// ```
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub const fn new_for(filter: &'a str, version: Version) -> Result<Self, TopicError> {
        Self::from_bytes_for(filter.as_bytes(), version)
    }

    /// Checks bytes as a filter by the rules of 5.0.
    ///
    /// ```
    /// use mqtt_wire::{Rule, TopicFilter};
    ///
    /// assert!(TopicFilter::from_bytes(b"lamp/+").is_ok());
    /// let error = TopicFilter::from_bytes(b"lamp/\xFF").unwrap_err();
    /// assert_eq!((error.rule(), error.offset()), (Rule::InvalidUtf8, 5));
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and when the bytes are not UTF-8.
    pub const fn from_bytes(filter: &'a [u8]) -> Result<Self, TopicError> {
        Self::from_bytes_for(filter, Version::V5)
    }

    /// Checks bytes as a filter by the rules of that version, as [`new_for`](Self::new_for) does text.
    ///
    /// ```
    /// use mqtt_wire::{TopicFilter, Version};
    ///
    /// let filter = TopicFilter::from_bytes_for(b"$share/workers/jobs", Version::V311)?;
    /// assert!(!filter.is_shared()); // 3.1.1 knows no shared subscriptions
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and when the bytes are not UTF-8.
    pub const fn from_bytes_for(filter: &'a [u8], version: Version) -> Result<Self, TopicError> {
        match Self::check(filter, version) {
            Ok(()) => Ok(Self::checked(filter, version)),
            Err((kind, offset)) => Err(TopicError::new(kind, offset, filter)),
        }
    }

    /// Checks bytes from the wire; the error has the offset into `filter`.
    pub(crate) const fn check(filter: &[u8], version: Version) -> Result<(), (Rule, usize)> {
        syntax::filter(filter, has_shares(version))
    }

    /// The filter of bytes that [`check`](Self::check) passed for that version.
    pub(crate) const fn checked(filter: &'a [u8], version: Version) -> Self {
        Self { text: filter, shared: has_shares(version) && syntax::begins_shared(filter) }
    }

    /// The filter of bytes that were a filter before.
    pub(super) const fn known(text: &'a [u8], shared: bool) -> Self {
        Self { text, shared }
    }

    /// The whole filter as text. As the type keeps bytes, this costs a pass over them.
    pub fn as_str(&self) -> &'a str {
        scan::as_str(self.text)
    }

    /// The whole filter as it stands on the wire.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// Whether it is a shared subscription: `$share/{share name}/{filter}`.
    ///
    /// ```
    /// use mqtt_wire::topic_filter;
    ///
    /// assert!(topic_filter!("$share/workers/jobs").is_shared());
    /// assert!(!topic_filter!("$SYS/#").is_shared());
    /// ```
    pub const fn is_shared(&self) -> bool {
        self.shared
    }

    /// The share name and the filter after it.
    fn parts(&self) -> (Option<&'a [u8]>, &'a [u8]) {
        self.text
            .split_at_checked(syntax::SHARE.len())
            .filter(|_| self.shared)
            .and_then(|(_, share)| share.split_at_checked(scan::level_end(share)))
            .and_then(|(share_name, rest)| Some((Some(share_name), rest.get(1..)?)))
            .unwrap_or((None, self.text))
    }

    /// The share name of a shared subscription.
    ///
    /// ```
    /// use mqtt_wire::topic_filter;
    ///
    /// assert_eq!(topic_filter!("$share/workers/jobs/#").share_name(), Some("workers"));
    /// assert_eq!(topic_filter!("jobs/#").share_name(), None);
    /// ```
    pub fn share_name(&self) -> Option<&'a str> {
        self.parts().0.map(scan::as_str)
    }

    /// The bytes that names are matched against.
    pub(super) fn inner_bytes(&self) -> &'a [u8] {
        if self.shared { self.parts().1 } else { self.text }
    }

    /// Where those begin in the text: 0, or behind the share name.
    #[cfg(feature = "alloc")]
    pub(super) fn inner_at(&self) -> usize {
        self.text.len() - self.inner_bytes().len()
    }

    /// The filter that names are matched against: of a shared subscription what follows the share name, of
    /// any other the filter itself.
    ///
    /// ```
    /// use mqtt_wire::topic_filter;
    ///
    /// assert_eq!(topic_filter!("$share/workers/jobs/#").inner(), topic_filter!("jobs/#"));
    /// ```
    #[must_use]
    pub fn inner(&self) -> Self {
        Self::known(self.inner_bytes(), false)
    }

    /// The levels of the [inner](Self::inner) filter, from the first to the last. There is at least one.
    ///
    /// ```
    /// use mqtt_wire::topic::Level;
    /// use mqtt_wire::topic_filter;
    ///
    /// let levels: Vec<_> = topic_filter!("lamp/+/#").levels().collect();
    /// let expected = [Level::Name("lamp"), Level::SingleLevelWildcard, Level::MultiLevelWildcard];
    /// assert_eq!(levels, expected);
    /// ```
    pub fn levels(&self) -> FilterLevels<'a> {
        FilterLevels::new(scan::as_str(self.inner_bytes()))
    }

    /// Whether there is a `+` or a `#`, so that it may match more than one name.
    ///
    /// ```
    /// use mqtt_wire::topic_filter;
    ///
    /// assert!(topic_filter!("lamp/+").has_wildcards());
    /// assert!(!topic_filter!("$share/workers/lamp/7").has_wildcards());
    /// ```
    pub fn has_wildcards(&self) -> bool {
        scan::next_special(self.inner_bytes(), 0).is_some()
    }

    /// Whether the [inner](Self::inner) filter begins with `$`, so that it may match names that do.
    ///
    /// ```
    /// use mqtt_wire::{topic_filter, topic_name};
    ///
    /// // Wildcards at the start find no topics of the server's own (`[MQTT-4.7.2-1]`).
    /// assert!(topic_filter!("$SYS/#").starts_with_dollar());
    /// assert!(!topic_filter!("#").matches(topic_name!("$SYS/uptime")));
    /// ```
    pub fn starts_with_dollar(&self) -> bool {
        matches!(self.inner_bytes(), [b'$', ..])
    }

    /// Whether messages published to the name are to go to this filter (sections 4.7.1 and 4.7.2). The share
    /// name of a shared subscription plays no part.
    ///
    /// ```
    /// use mqtt_wire::{topic_filter, topic_name};
    ///
    /// assert!(topic_filter!("sport/+/player1").matches(topic_name!("sport/tennis/player1")));
    /// assert!(topic_filter!("sport/#").matches(topic_name!("sport"))); // the parent, too
    /// assert!(!topic_filter!("+").matches(topic_name!("/finance"))); // two levels, the first empty
    /// ```
    pub fn matches(&self, name: TopicName<'_>) -> bool {
        relation::matches(self.inner_bytes(), name.as_bytes())
    }

    /// Whether this filter matches every name that the other matches: the other is then granted by a rule
    /// that grants this one, and adds nothing to a subscription to this one. Share names play no part.
    ///
    /// ```
    /// use mqtt_wire::topic_filter;
    ///
    /// // May a client that is granted `home/guest/#` subscribe to this?
    /// let granted = topic_filter!("home/guest/#");
    /// assert!(granted.covers(topic_filter!("home/guest/+/status")));
    /// assert!(!granted.covers(topic_filter!("home/#")));
    /// ```
    pub fn covers(&self, other: TopicFilter<'_>) -> bool {
        relation::covers(self.inner_bytes(), other.inner_bytes())
    }

    /// Whether there is a name that both filters match, so that their subscriptions overlap. Share names play
    /// no part.
    ///
    /// ```
    /// use mqtt_wire::topic_filter;
    ///
    /// // Would a message ever come by both subscriptions?
    /// assert!(topic_filter!("home/+/status").intersects(topic_filter!("home/guest/#")));
    /// assert!(!topic_filter!("home/+/status").intersects(topic_filter!("home/guest")));
    /// ```
    pub fn intersects(&self, other: TopicFilter<'_>) -> bool {
        relation::intersects(self.inner_bytes(), other.inner_bytes())
    }
}

const fn has_shares(version: Version) -> bool {
    matches!(version, Version::V5)
}

impl fmt::Display for TopicFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for TopicFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// By the rules of 5.0.
impl<'a> TryFrom<&'a str> for TopicFilter<'a> {
    type Error = TopicError;

    fn try_from(filter: &'a str) -> Result<Self, TopicError> {
        Self::new(filter)
    }
}

/// By the rules of 5.0.
impl<'a> TryFrom<&'a [u8]> for TopicFilter<'a> {
    type Error = TopicError;

    fn try_from(filter: &'a [u8]) -> Result<Self, TopicError> {
        Self::from_bytes(filter)
    }
}

/// By the text alone.
impl PartialEq<str> for TopicFilter<'_> {
    fn eq(&self, other: &str) -> bool {
        self.text == other.as_bytes()
    }
}

/// By the text alone.
impl PartialEq<&str> for TopicFilter<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.text == other.as_bytes()
    }
}
