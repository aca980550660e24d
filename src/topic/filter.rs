use core::fmt;

use crate::error::{Kind, TopicError};
use crate::text;
use crate::version::Version;

/// A Topic Filter: what a client subscribes to (section 4.7; shared subscriptions in section 4.8.2 of 5.0).
#[derive(Clone, Copy)]
pub struct TopicFilter<'a> {
    text: &'a [u8],
    shared: bool,
}

impl PartialEq for TopicFilter<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl Eq for TopicFilter<'_> {}

impl<'a> TopicFilter<'a> {
    /// Checks a filter by the rules of 5.0.
    ///
    /// # Errors
    /// TODO by topics
    pub fn new(filter: &'a str) -> Result<Self, TopicError> {
        Self::check(filter.as_bytes(), Version::V5).map_err(|(kind, offset)| TopicError { kind, offset })?;
        Ok(Self::checked(filter.as_bytes(), Version::V5))
    }

    /// Checks bytes from the wire; the error has the offset into `filter`.
    pub(crate) fn check(filter: &[u8], _version: Version) -> Result<(), (Kind, usize)> {
        if filter.is_empty() {
            return Err((Kind::TopicEmpty, 0));
        }
        text::check_topic(filter)?;
        Ok(())
    }

    /// The filter of bytes that [`check`](Self::check) passed for that version.
    pub(crate) fn checked(filter: &'a [u8], version: Version) -> Self {
        Self { text: filter, shared: version == Version::V5 && filter.starts_with(b"$share/") }
    }

    /// The filter as text.
    pub fn as_str(&self) -> &'a str {
        text::as_str(self.text)
    }

    /// The whole filter as it stands on the wire.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// Whether it is a shared subscription.
    pub const fn is_shared(&self) -> bool {
        self.shared
    }
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
