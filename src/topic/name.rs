use core::fmt;

use crate::error::{Kind, TopicError};
use crate::text;

/// A Topic Name: what a message is published to (section 4.7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName<'a>(&'a [u8]);

impl<'a> TopicName<'a> {
    /// Checks a name.
    ///
    /// # Errors
    /// When it is empty, holds a wildcard or U+0000, or is longer than 65,535 bytes.
    pub fn new(name: &'a str) -> Result<Self, TopicError> {
        Self::check(name.as_bytes()).map_err(|(kind, offset)| TopicError { kind, offset })?;
        Ok(Self(name.as_bytes()))
    }

    /// Checks bytes from the wire; the error has the offset into `name`.
    pub(crate) fn check(name: &[u8]) -> Result<(), (Kind, usize)> {
        if name.is_empty() {
            return Err((Kind::TopicEmpty, 0));
        }
        if text::check_topic(name)? {
            let at = name.iter().position(|byte| matches!(byte, b'+' | b'#')).unwrap_or_default();
            return Err((Kind::WildcardInName, at));
        }
        Ok(())
    }

    /// The name of bytes that [`check`](Self::check) passed.
    pub(crate) const fn checked(name: &'a [u8]) -> Self {
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &'a str {
        text::as_str(self.0)
    }

    /// The name as it stands on the wire.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Display for TopicName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for TopicName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
