//! Topic names and topic filters (section 4.7 of both standards, shared subscriptions in section 4.8.2 of 5.0):
//! their syntax, which filter matches which name, and the index of many filters or many names.
//!
//! [`TopicName`] and [`TopicFilter`] borrow checked text. `TopicNameBuf` and `TopicFilterBuf` own it,
//! `FilterTree` finds the filters that match a name, `TopicTree` the names that match a filter; these four
//! need the feature `alloc`.
//!
//! Text is compared byte for byte, as the standard wants it: no case folding, no normalization. Nothing here
//! recurses, and nothing takes longer than in proportion to what it is given.

mod filter;
mod level;
mod name;
#[cfg(feature = "alloc")]
mod owned;
mod relation;
#[cfg(feature = "serde")]
mod serde;
mod syntax;
#[cfg(feature = "alloc")]
mod tree;

pub use filter::TopicFilter;
pub use level::{FilterLevels, Level, Levels};
pub use name::TopicName;
#[cfg(feature = "alloc")]
pub use owned::{TopicFilterBuf, TopicNameBuf};
#[cfg(feature = "alloc")]
pub use tree::{
    FilterMatches, FilterTree, Filters, FiltersMut, Sweep, TopicCursor, TopicTree, Topics, TopicsAfter,
    TopicsMut, TopicsUnder,
};

/// A [`TopicName`] from a literal or another constant; a wrong one does not compile.
///
/// ```
/// use mqtt_wire::{TopicName, topic_name};
/// const STATUS: TopicName = topic_name!("device/7/status");
/// assert_eq!(STATUS.levels().count(), 3);
/// ```
///
/// ```compile_fail
/// let wrong = mqtt_wire::topic_name!("device/+/status");
/// ```
#[macro_export]
macro_rules! topic_name {
    ($text:expr) => {
        const {
            match $crate::TopicName::new($text) {
                Ok(name) => name,
                Err(error) => ::core::panic!("{}", error.message()),
            }
        }
    };
}

/// A [`TopicFilter`] from a literal or another constant, by the rules of 5.0; a wrong one does not compile.
///
/// ```
/// use mqtt_wire::{TopicFilter, topic_filter, topic_name};
/// const ALL: TopicFilter = topic_filter!("device/+/status");
/// assert!(ALL.matches(topic_name!("device/7/status")));
/// ```
///
/// ```compile_fail
/// let wrong = mqtt_wire::topic_filter!("device/#/status");
/// ```
#[macro_export]
macro_rules! topic_filter {
    ($text:expr) => {
        const {
            match $crate::TopicFilter::new($text) {
                Ok(filter) => filter,
                Err(error) => ::core::panic!("{}", error.message()),
            }
        }
    };
}
