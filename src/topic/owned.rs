//! Names and filters that own their text.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::{Level, TopicFilter, TopicName, syntax};
use crate::error::TopicError;
use crate::standard::Rule;
use crate::standard::Version;

/// An owned [`TopicName`].
///
/// ```
/// use std::collections::HashMap;
/// use mqtt_wire::topic::TopicNameBuf;
///
/// let mut lamp = TopicNameBuf::new("home/lamp")?;
/// lamp.push("7")?;
/// assert_eq!(lamp.as_name(), "home/lamp/7"); // lent to what takes a `TopicName`
///
/// // As a key it is found by a text.
/// let states = HashMap::from([(lamp, "on")]);
/// assert_eq!(states.get("home/lamp/7"), Some(&"on"));
/// # Ok::<(), mqtt_wire::TopicError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicNameBuf(String);

impl TopicNameBuf {
    /// Checks a name as [`TopicName::new`] does. A `String` is kept, another text copied.
    ///
    /// # Errors
    /// As for [`TopicName::new`].
    pub fn new(name: impl Into<String>) -> Result<Self, TopicError> {
        let name = name.into();
        TopicName::new(&name)?;
        Ok(Self(name))
    }

    /// Joins levels with `/`.
    ///
    /// ```
    /// # use mqtt_wire::topic::TopicNameBuf;
    /// let name = TopicNameBuf::from_levels(["device", "7", "status"])?;
    /// assert_eq!(name.as_str(), "device/7/status");
    /// assert!(TopicNameBuf::from_levels(["device", "7/8"]).is_err());
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// When a level holds `/`, and as for [`TopicName::new`]; no level at all makes an empty name.
    pub fn from_levels<L: AsRef<str>>(levels: impl IntoIterator<Item = L>) -> Result<Self, TopicError> {
        let mut text = String::new();
        for (number, level) in levels.into_iter().enumerate() {
            push_level(&mut text, number == 0, level.as_ref())?;
        }
        Self::try_from(text)
    }

    /// Adds a level at the end.
    ///
    /// ```
    /// use mqtt_wire::topic::TopicNameBuf;
    ///
    /// let mut name = TopicNameBuf::new("lamp")?;
    /// assert!(name.push("7/8").is_err() && name.push("+").is_err());
    /// name.push("7")?;
    /// assert_eq!(name.as_str(), "lamp/7");
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// When the level holds `/`, a wildcard or U+0000, or the name becomes longer than 65,535 bytes. The name
    /// is then what it was.
    pub fn push(&mut self, level: &str) -> Result<(), TopicError> {
        let len = self.0.len();
        let pushed = push_level(&mut self.0, false, level).and_then(|()| TopicName::new(&self.0).map(drop));
        if pushed.is_err() {
            self.0.truncate(len);
        }
        pushed
    }

    /// The name as a view, as most functions take it.
    pub fn as_name(&self) -> TopicName<'_> {
        TopicName::checked(self.0.as_bytes())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TopicName<'_> {
    /// An owned copy.
    ///
    /// ```
    /// use mqtt_wire::topic_name;
    ///
    /// let kept: mqtt_wire::topic::TopicNameBuf = topic_name!("lamp/7").to_buf();
    /// assert_eq!(kept.as_str(), "lamp/7");
    /// ```
    pub fn to_buf(&self) -> TopicNameBuf {
        TopicNameBuf(self.as_str().to_owned())
    }

    /// The name one level below.
    ///
    /// ```
    /// use mqtt_wire::topic_name;
    ///
    /// let lamps = topic_name!("home/lamp");
    /// assert_eq!(lamps.join("7")?.as_str(), "home/lamp/7");
    /// assert!(lamps.join("#").is_err()); // whatever a client calls itself
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`TopicNameBuf::push`].
    pub fn join(&self, level: &str) -> Result<TopicNameBuf, TopicError> {
        let mut name = self.to_buf();
        name.push(level).map(|()| name)
    }
}

/// An owned [`TopicFilter`].
///
/// It is equal to, ordered and hashed as the filter is. As the text alone does not tell which filter it is, there is no
/// `Borrow<str>`: a map with such keys is asked with a filter, not with a text.
///
/// ```
/// use std::collections::HashSet;
/// use mqtt_wire::topic::TopicFilterBuf;
/// use mqtt_wire::{topic_filter, topic_name};
///
/// // What a client has subscribed to.
/// let mut subscribed = HashSet::new();
/// subscribed.insert(topic_filter!("lamp/+").to_buf());
/// subscribed.insert(TopicFilterBuf::new("door/#")?);
/// let door = topic_name!("door/front");
/// assert_eq!(subscribed.iter().filter(|filter| filter.as_filter().matches(door)).count(), 1);
/// # Ok::<(), mqtt_wire::TopicError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilterBuf {
    text: String,
    shared: bool,
}

impl TopicFilterBuf {
    /// Checks a filter by the rules of 5.0. A `String` is kept, another text copied.
    ///
    /// # Errors
    /// As for [`TopicFilter::new`].
    pub fn new(filter: impl Into<String>) -> Result<Self, TopicError> {
        Self::new_for(filter, Version::V5)
    }

    /// Checks a filter by the rules of that version, as [`TopicFilter::new_for`] does.
    ///
    /// ```
    /// use mqtt_wire::Version;
    /// use mqtt_wire::topic::TopicFilterBuf;
    ///
    /// // 3.1.1 has no shared subscriptions: the text is an ordinary filter there.
    /// let plain = TopicFilterBuf::new_for("$share/workers/jobs", Version::V311)?;
    /// let shared = TopicFilterBuf::new("$share/workers/jobs")?;
    /// assert!(!plain.as_filter().is_shared() && shared.as_filter().is_shared());
    /// assert_ne!(plain, shared);
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`TopicFilter::new`].
    pub fn new_for(filter: impl Into<String>, version: Version) -> Result<Self, TopicError> {
        let text = filter.into();
        let shared = TopicFilter::new_for(&text, version)?.is_shared();
        Ok(Self { text, shared })
    }

    /// Joins levels with `/`, by the rules of 5.0. A [`Level::Name`] is a name, whatever it holds: a client
    /// identifier `#` does not become a wildcard, but an error.
    ///
    /// ```
    /// # use mqtt_wire::topic::{Level, TopicFilterBuf};
    /// let client_id = "7";
    /// let levels = [Level::Name("device"), Level::Name(client_id), Level::MultiLevelWildcard];
    /// let filter = TopicFilterBuf::from_levels(levels)?;
    /// assert_eq!(filter.as_str(), "device/7/#");
    /// assert!(TopicFilterBuf::from_levels([Level::Name("device"), Level::Name("#")]).is_err());
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// When a named level holds `/` or a wildcard, and as for [`TopicFilter::new`]; no level at all makes an
    /// empty filter.
    pub fn from_levels<'a>(levels: impl IntoIterator<Item = Level<'a>>) -> Result<Self, TopicError> {
        let mut text = String::new();
        for (number, level) in levels.into_iter().enumerate() {
            push_filter_level(&mut text, number == 0, level)?;
        }
        Self::try_from(text)
    }

    /// Adds a level at the end.
    ///
    /// ```
    /// use mqtt_wire::topic::{Level, TopicFilterBuf};
    ///
    /// let mut filter = TopicFilterBuf::new("home")?;
    /// filter.push(Level::SingleLevelWildcard)?;
    /// filter.push(Level::Name("status"))?;
    /// assert_eq!(filter.as_str(), "home/+/status");
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`from_levels`](Self::from_levels), and when the filter ends with `#` already. The filter is
    /// then what it was.
    pub fn push(&mut self, level: Level<'_>) -> Result<(), TopicError> {
        let len = self.text.len();
        let pushed = push_filter_level(&mut self.text, false, level)
            .and_then(|()| TopicFilter::new_for(&self.text, self.version()));
        match pushed {
            Ok(filter) => {
                self.shared = filter.is_shared();
                Ok(())
            }
            Err(error) => {
                self.text.truncate(len);
                Err(error)
            }
        }
    }

    /// A version by whose rules the filter is what it is.
    fn version(&self) -> Version {
        let plain = !self.shared && syntax::begins_shared(self.text.as_bytes());
        if plain { Version::V311 } else { Version::V5 }
    }

    /// The filter as a view, as most functions take it.
    pub fn as_filter(&self) -> TopicFilter<'_> {
        TopicFilter::known(self.text.as_bytes(), self.shared)
    }

    /// The whole filter as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl TopicFilter<'_> {
    /// An owned copy.
    pub fn to_buf(&self) -> TopicFilterBuf {
        TopicFilterBuf { text: self.as_str().to_owned(), shared: self.is_shared() }
    }

    /// The filter with one level more.
    ///
    /// ```
    /// use mqtt_wire::topic::Level;
    /// use mqtt_wire::topic_filter;
    ///
    /// let of_lamp = topic_filter!("home/lamp").join(Level::MultiLevelWildcard)?;
    /// assert_eq!(of_lamp.as_str(), "home/lamp/#");
    /// assert!(of_lamp.as_filter().join(Level::Name("7")).is_err()); // nothing comes behind `#`
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`TopicFilterBuf::push`].
    pub fn join(&self, level: Level<'_>) -> Result<TopicFilterBuf, TopicError> {
        let mut filter = self.to_buf();
        filter.push(level).map(|()| filter)
    }

    /// The shared subscription of that share name to the [inner](Self::inner) filter.
    ///
    /// ```
    /// use mqtt_wire::topic_filter;
    ///
    /// assert_eq!(topic_filter!("jobs/#").share("workers")?.as_str(), "$share/workers/jobs/#");
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// When the share name is empty or holds `/`, a wildcard or U+0000, or the whole is longer than 65,535
    /// bytes.
    pub fn share(&self, share_name: &str) -> Result<TopicFilterBuf, TopicError> {
        let mut text = String::from("$share");
        push_level(&mut text, false, share_name)?;
        text.push('/');
        text.push_str(self.inner().as_str());
        TopicFilterBuf::try_from(text)
    }
}

/// Adds `/` and the level, which must not hold `/`.
fn push_level(text: &mut String, first: bool, level: &str) -> Result<(), TopicError> {
    if !first {
        text.push('/');
    }
    let start = text.len();
    text.push_str(level);
    match level.find('/') {
        Some(at) => Err(TopicError::new(Rule::SeparatorInLevel, start + at, text.as_bytes())),
        None => Ok(()),
    }
}

/// Adds `/` and the level, which as a name must not hold wildcards.
fn push_filter_level(text: &mut String, first: bool, level: Level<'_>) -> Result<(), TopicError> {
    push_level(text, first, level.as_str())?;
    let Level::Name(name) = level else { return Ok(()) };
    syntax::level(name.as_bytes(), text.len() - name.len())
        .map_err(|(rule, offset)| TopicError::new(rule, offset, text.as_bytes()))
}

impl TryFrom<String> for TopicNameBuf {
    type Error = TopicError;

    fn try_from(name: String) -> Result<Self, TopicError> {
        Self::new(name)
    }
}

impl core::borrow::Borrow<str> for TopicNameBuf {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// By the rules of 5.0.
impl TryFrom<String> for TopicFilterBuf {
    type Error = TopicError;

    fn try_from(filter: String) -> Result<Self, TopicError> {
        Self::new(filter)
    }
}

/// What both owned forms share: conversions to and from text and views.
macro_rules! owned {
    ($($buf:ident of $view:ident, $as_view:ident, $text:tt;)+) => { $(
        impl FromStr for $buf {
            type Err = TopicError;

            fn from_str(text: &str) -> Result<Self, TopicError> {
                $view::new(text).map(|view| view.to_buf())
            }
        }

        impl TryFrom<&str> for $buf {
            type Error = TopicError;

            fn try_from(text: &str) -> Result<Self, TopicError> {
                text.parse()
            }
        }

        impl From<$view<'_>> for $buf {
            fn from(view: $view<'_>) -> Self {
                view.to_buf()
            }
        }

        impl<'a> From<&'a $buf> for $view<'a> {
            fn from(buf: &'a $buf) -> Self {
                buf.$as_view()
            }
        }

        impl From<$buf> for String {
            fn from(buf: $buf) -> Self {
                buf.$text
            }
        }

        impl From<$buf> for Box<str> {
            fn from(buf: $buf) -> Self {
                buf.$text.into()
            }
        }

        impl AsRef<str> for $buf {
            fn as_ref(&self) -> &str {
                &self.$text
            }
        }

        impl PartialEq<$view<'_>> for $buf {
            fn eq(&self, other: &$view<'_>) -> bool {
                self.$as_view() == *other
            }
        }

        impl PartialEq<$buf> for $view<'_> {
            fn eq(&self, other: &$buf) -> bool {
                other == self
            }
        }

        impl PartialEq<str> for $buf {
            fn eq(&self, other: &str) -> bool {
                self.$text == other
            }
        }

        impl PartialEq<&str> for $buf {
            fn eq(&self, other: &&str) -> bool {
                self.$text == *other
            }
        }

        impl fmt::Display for $buf {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.$text)
            }
        }

        impl fmt::Debug for $buf {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.$text, f)
            }
        }
    )+ };
}

owned! {
    TopicNameBuf of TopicName, as_name, 0;
    TopicFilterBuf of TopicFilter, as_filter, text;
}
