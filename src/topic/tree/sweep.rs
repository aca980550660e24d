//! [`Sweep`]: where a removal in pieces stands.

use super::map::Map;
use super::texts::Entry;

/// How far [`FilterTree::retain_some`](super::FilterTree::retain_some) or
/// [`TopicTree::retain_some`](super::TopicTree::retain_some) has come. It belongs to one tree, and is a number: a tree
/// that is changed or dropped does not make it invalid.
///
/// ```
/// use mqtt_wire::topic::{FilterTree, Sweep};
/// use mqtt_wire::topic_filter;
///
/// let mut tree: FilterTree<&str> = FilterTree::new();
/// tree.insert(topic_filter!("lamp/#"), "ann");
/// tree.insert(topic_filter!("door"), "bob");
/// // Bob is gone. Ten filters at a time, so that others can have the tree in between.
/// let mut sweep = Sweep::new();
/// while tree.retain_some(&mut sweep, 10, |_, who| *who != "bob") {}
/// assert!(sweep.is_over() && tree.len() == 1);
/// ```
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
    ///
    /// ```
    /// use mqtt_wire::topic::{Sweep, TopicTree};
    /// use mqtt_wire::{TopicName, topic_name};
    ///
    /// let mut retained = TopicTree::new();
    /// for name in ["lamp/7", "lamp/8", "lamp/9"] {
    ///     retained.insert(TopicName::new(name)?, name);
    /// }
    /// let mut sweep = Sweep::new();
    /// retained.retain_some(&mut sweep, 2, |_, name| *name != "lamp/8");
    /// assert!(!sweep.is_over()); // the third has not been asked of
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
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
