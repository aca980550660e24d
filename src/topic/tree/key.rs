//! [`Key`]: by which bytes an entry stands in the tree.

use crate::scan::common_prefix;
use crate::topic::syntax::SHARE;

/// Where a share name follows in a [`Key`]; no topic holds the byte.
pub(super) const NUL: u8 = 0;

/// The bytes by which an entry stands in the tree: a name or filter, of a shared subscription the filter in
/// it, U+0000 and the share name. All shares of a filter are thus found below it. Keys are ordered as their bytes are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    pub(super) topic: &'a [u8],
    share_name: Option<&'a [u8]>,
}

impl<'a> Key<'a> {
    /// The key of a text in which the topic begins at `topic_at`: 0, or behind the share name.
    pub(super) fn new(text: &'a [u8], topic_at: usize) -> Self {
        match text.split_at_checked(topic_at) {
            Some((prefix, topic)) if topic_at > 0 => {
                Self { topic, share_name: prefix.get(SHARE.len()..topic_at - 1) }
            }
            _ => Self { topic: text, share_name: None },
        }
    }

    pub(super) fn len(self) -> usize {
        self.topic.len() + self.share_name.map_or(0, |share_name| 1 + share_name.len())
    }

    pub(super) fn byte(self, at: usize) -> Option<u8> {
        match at.checked_sub(self.topic.len()) {
            None => self.topic.get(at).copied(),
            Some(0) => self.share_name.map(|_| NUL),
            Some(past) => self.share_name?.get(past - 1).copied(),
        }
    }

    /// How many bytes two keys have in common from their start.
    pub(super) fn common_prefix(self, other: Key<'_>) -> usize {
        let same = common_prefix(self.topic, other.topic);
        match (self.share_name, other.share_name) {
            (Some(a), Some(b)) if same == self.topic.len() && same == other.topic.len() => {
                same + 1 + common_prefix(a, b)
            }
            _ => same,
        }
    }

    /// The part of the topic between two places of the key.
    pub(super) fn topic_part(self, from: usize, to: usize) -> &'a [u8] {
        self.topic.get(from..to.min(self.topic.len())).unwrap_or_default()
    }
}
