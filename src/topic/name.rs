//! [`TopicName`].

use core::fmt;

use super::{Levels, syntax};
use crate::error::TopicError;
use crate::scan;
use crate::standard::Rule;

/// A Topic Name: what a message is published to (section 4.7).
///
/// It borrows its text, which was checked when it was made.
///
/// ```
/// use mqtt_wire::{TopicName, topic_filter, topic_name};
///
/// const STATUS: TopicName<'static> = topic_name!("lamp/7/status"); // checked while compiling
/// let from_outside = TopicName::new("lamp/8/status")?; // or an error
/// assert!(topic_filter!("lamp/+/status").matches(from_outside));
/// assert_eq!(STATUS.levels().nth(1), Some("7"));
/// assert_eq!(STATUS, "lamp/7/status"); // compares with a text
/// # Ok::<(), mqtt_wire::TopicError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName<'a>(&'a [u8]);

impl<'a> TopicName<'a> {
    /// Checks a name. For a literal there is [`topic_name!`](crate::topic_name).
    ///
    /// # Errors
    /// When it is empty, holds a wildcard or U+0000, or is longer than 65,535 bytes.
    pub const fn new(name: &'a str) -> Result<Self, TopicError> {
        Self::from_bytes(name.as_bytes())
    }

    /// Checks bytes as a name.
    ///
    /// ```
    /// use mqtt_wire::{Rule, TopicName};
    ///
    /// assert_eq!(TopicName::from_bytes(b"lamp/7")?, "lamp/7");
    /// assert_eq!(TopicName::from_bytes(&[0xFF]).unwrap_err().rule(), Rule::InvalidUtf8);
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and when the bytes are not UTF-8.
    pub const fn from_bytes(name: &'a [u8]) -> Result<Self, TopicError> {
        match Self::check(name) {
            Ok(()) => Ok(Self(name)),
            Err((kind, offset)) => Err(TopicError::new(kind, offset, name)),
        }
    }

    /// Checks bytes from the wire; the error has the offset into `name`.
    #[inline(always)]
    pub(crate) const fn check(name: &[u8]) -> Result<(), (Rule, usize)> {
        if matches!(name.len(), 1..=syntax::MAX_LEN) && scan::is_plain_name(name) {
            return Ok(());
        }
        syntax::name(name)
    }

    /// The name of bytes that [`check`](Self::check) passed.
    pub(crate) const fn checked(name: &'a [u8]) -> Self {
        Self(name)
    }

    /// The name as text. As the type keeps bytes, this costs a pass over them.
    pub fn as_str(&self) -> &'a str {
        scan::as_str(self.0)
    }

    /// The name as it stands on the wire.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The levels between the `/`s, from the first to the last. There is at least one; any may be empty.
    ///
    /// ```
    /// use mqtt_wire::topic_name;
    ///
    /// let levels: Vec<_> = topic_name!("/lamp//status").levels().collect();
    /// assert_eq!(levels, ["", "lamp", "", "status"]);
    /// ```
    pub fn levels(&self) -> Levels<'a> {
        Levels::new(self.as_str())
    }

    /// Whether it begins with `$`: no filter that begins with a wildcard matches such a name, and clients
    /// should not publish to one (section 4.7.2).
    ///
    /// ```
    /// use mqtt_wire::{topic_filter, topic_name};
    ///
    /// let uptime = topic_name!("$SYS/uptime");
    /// assert!(uptime.starts_with_dollar() && !topic_filter!("#").matches(uptime));
    /// assert!(topic_filter!("$SYS/#").matches(uptime));
    /// ```
    pub const fn starts_with_dollar(&self) -> bool {
        matches!(self.0, [b'$', ..])
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

impl<'a> TryFrom<&'a str> for TopicName<'a> {
    type Error = TopicError;

    fn try_from(name: &'a str) -> Result<Self, TopicError> {
        Self::new(name)
    }
}

impl<'a> TryFrom<&'a [u8]> for TopicName<'a> {
    type Error = TopicError;

    fn try_from(name: &'a [u8]) -> Result<Self, TopicError> {
        Self::from_bytes(name)
    }
}

impl PartialEq<str> for TopicName<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for TopicName<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}
