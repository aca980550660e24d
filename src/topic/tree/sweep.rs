//! [`Sweep`]: where a removal in pieces stands.

use super::map::Map;
use super::texts::Entry;

/// How far [`FilterTree::retain_some`](super::FilterTree::retain_some) or
/// [`TopicTree::retain_some`](super::TopicTree::retain_some) has come. It belongs to one tree, and is a number: a tree
/// that is changed or dropped does not make it invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sweep {
    /// All at this place and behind were asked of.
    before: usize,
}

impl Sweep {
    /// A sweep that has not begun.
    pub const fn new() -> Self {
        Self { before: usize::MAX }
    }

    /// Whether it has come to the end.
    pub const fn is_over(&self) -> bool {
        self.before == 0
    }

    pub(super) fn go_on<T>(
        &mut self,
        map: &mut Map<T>,
        most: usize,
        keep: impl FnMut(Entry<'_>, &mut T) -> bool,
    ) -> bool {
        self.before = map.retain(self.before, most, keep);
        !self.is_over()
    }
}

impl Default for Sweep {
    fn default() -> Self {
        Self::new()
    }
}
