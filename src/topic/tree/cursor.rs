//! [`TopicCursor`]: a look-up in pieces.

use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;

use super::map::Map;
use super::topic_walk::Walk;
use crate::topic::{TopicFilter, TopicFilterBuf, TopicName};

/// A look-up of the names under a filter that can be stopped, and gone on with after the tree was changed: for retained
/// messages of a wide subscription, which would otherwise keep the tree for long.
///
/// ```
/// # use mqtt_wire::topic::{TopicCursor, TopicTree};
/// # use mqtt_wire::{TopicName, topic_filter, topic_name};
/// # let mut retained = TopicTree::new();
/// # for number in 0..1000 {
/// #     retained.insert(TopicName::new(&format!("device/{number:03}"))?, number);
/// # }
/// let mut cursor = TopicCursor::new(topic_filter!("device/+"));
/// let mut messages = Vec::new();
/// loop {
///     let before = messages.len();
///     messages.extend(retained.resume(&mut cursor).take(100).map(|(_, message)| *message));
///     if messages.len() == before {
///         break;
///     }
///     // Whatever else is to be done with the tree.
///     retained.remove(topic_name!("device/500"));
/// }
/// assert_eq!(messages.len(), 999);
/// # Ok::<(), mqtt_wire::TopicError>(())
/// ```
///
/// # What it sees
///
/// The names come in the order of their bytes, and the cursor knows the last one. So a name comes at most once, and one
/// that is in the tree all the time comes for certain. One that is put in or taken out between the pieces comes if it is
/// there when the cursor gets to its place.
///
/// # Cost
///
/// To go on takes steps in proportion to the length of the last name. The cursor keeps a copy of that name, for which it
/// allocates only when a name is longer than all before it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TopicCursor {
    filter: TopicFilterBuf,
    /// Empty at the start.
    last: Vec<u8>,
}

impl TopicCursor {
    /// A look-up that has not begun.
    ///
    /// ```
    /// use mqtt_wire::topic::{TopicCursor, TopicTree};
    /// use mqtt_wire::{topic_filter, topic_name};
    ///
    /// let mut retained = TopicTree::new();
    /// retained.insert(topic_name!("lamp/7"), "on");
    /// retained.insert(topic_name!("lamp/8"), "off");
    /// // A client subscribes. Its messages are sent as its socket takes them, one here.
    /// let mut cursor = TopicCursor::new(topic_filter!("lamp/+"));
    /// let first = retained.resume(&mut cursor).next();
    /// assert_eq!(first, Some((topic_name!("lamp/7"), &"on")));
    /// ```
    pub fn new(filter: TopicFilter<'_>) -> Self {
        Self { filter: filter.to_buf(), last: Vec::new() }
    }

    /// A look-up that has come to this name, for one that is to go on after a restart: with
    /// [`filter`](Self::filter) and [`last`](Self::last) of the one before. `None` when the filter does not match the
    /// name.
    ///
    /// ```
    /// # use mqtt_wire::topic::{TopicCursor, TopicTree};
    /// # use mqtt_wire::{TopicName, topic_filter, topic_name};
    /// let mut retained = TopicTree::new();
    /// for name in ["a/1", "a/2", "a/3", "b"] {
    ///     retained.insert(TopicName::new(name)?, ());
    /// }
    /// let mut cursor = TopicCursor::after(topic_filter!("a/+"), topic_name!("a/1")).unwrap();
    /// let names: Vec<_> = retained.resume(&mut cursor).map(|(name, ())| name.to_string()).collect();
    /// assert_eq!(names, ["a/2", "a/3"]);
    /// assert_eq!(TopicCursor::after(topic_filter!("a/+"), topic_name!("b")), None);
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    pub fn after(filter: TopicFilter<'_>, last: TopicName<'_>) -> Option<Self> {
        let last = filter.inner().matches(last).then(|| last.as_bytes().to_vec())?;
        Some(Self { filter: filter.to_buf(), last })
    }

    /// The filter.
    pub fn filter(&self) -> TopicFilter<'_> {
        self.filter.as_filter()
    }

    /// The last name that it came to.
    ///
    /// ```
    /// use mqtt_wire::topic::{TopicCursor, TopicTree};
    /// use mqtt_wire::{topic_filter, topic_name};
    ///
    /// let mut retained = TopicTree::new();
    /// retained.insert(topic_name!("lamp/7"), "on");
    /// let mut cursor = TopicCursor::new(topic_filter!("lamp/+"));
    /// assert_eq!(cursor.last(), None); // it has not begun
    /// retained.resume(&mut cursor).next();
    /// assert_eq!(cursor.last(), Some(topic_name!("lamp/7"))); // to be stored
    /// ```
    pub fn last(&self) -> Option<TopicName<'_>> {
        if self.last.is_empty() { None } else { Some(TopicName::checked(&self.last)) }
    }
}

impl fmt::Debug for TopicCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicCursor").field("filter", &self.filter).field("last", &self.last()).finish()
    }
}

/// The names of a [`TopicTree`](super::TopicTree) to which a [`TopicCursor`] has still to come, with their values.
///
/// ```
/// use mqtt_wire::topic::{TopicCursor, TopicTree};
/// use mqtt_wire::{topic_filter, topic_name};
///
/// let mut retained = TopicTree::new();
/// retained.insert(topic_name!("lamp/7"), "on");
/// let mut cursor = TopicCursor::new(topic_filter!("lamp/+"));
/// assert_eq!(retained.resume(&mut cursor).next(), Some((topic_name!("lamp/7"), &"on")));
/// assert_eq!(retained.resume(&mut cursor).next(), None); // it goes on behind that
/// ```
pub struct TopicsAfter<'t, 'c, T> {
    tree: &'t Map<T>,
    filter: TopicFilter<'c>,
    last: &'c mut Vec<u8>,
    walk: Walk,
}

impl<'t, 'c, T> TopicsAfter<'t, 'c, T> {
    pub(super) fn new(tree: &'t Map<T>, cursor: &'c mut TopicCursor) -> Self {
        let filter = cursor.filter.as_filter();
        let walk = Walk::after(tree.index(), filter.inner_bytes(), &cursor.last);
        Self { tree, filter, last: &mut cursor.last, walk }
    }
}

impl<'t, T> Iterator for TopicsAfter<'t, '_, T> {
    type Item = (TopicName<'t>, &'t T);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.walk.next(self.tree.index(), self.filter.inner_bytes())?;
        let (entry, value) = self.tree.with_value(entry)?;
        self.last.clear();
        self.last.extend_from_slice(entry.topic());
        Some((entry.name(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.tree.len()))
    }
}

impl<T> FusedIterator for TopicsAfter<'_, '_, T> {}

impl<T> fmt::Debug for TopicsAfter<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicsAfter").field("filter", &self.filter).finish_non_exhaustive()
    }
}
