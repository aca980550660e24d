//! [`TopicTree`]: which names are under a filter?

use core::fmt;
use core::iter::FusedIterator;

use super::cursor::{TopicCursor, TopicsAfter};
use super::key::Key;
use super::map::{Iter, IterMut, Map};
use super::sweep::Sweep;
use super::topic_walk::Walk;
use crate::topic::{TopicFilter, TopicName};

/// Values by topic name: which of them are under a filter? Such as retained messages for a new subscription.
///
/// ```
/// use mqtt_wire::topic::TopicTree;
/// use mqtt_wire::{topic_filter, topic_name};
///
/// let mut retained = TopicTree::new();
/// retained.insert(topic_name!("site/7/temperature"), b"21.5");
/// retained.insert(topic_name!("site/7/humidity"), b"40.0");
/// let mut found = retained.under(topic_filter!("site/+/temperature"));
/// let (name, message) = found.next().expect("one is there");
/// assert_eq!((name.as_str(), *message), ("site/7/temperature", b"21.5"));
/// ```
///
/// # Cost
///
/// Insertion, removal and [`get`](Self::get) take steps in proportion to the length of the name, whatever else
/// is stored. [`under`](Self::under) goes to where the filter's first wildcard stands, and from there through
/// what can still match; behind `#` everything does. It comes to no part of the tree twice, recurses not, and
/// allocates nothing. A [`TopicCursor`] does the same in pieces between which the tree may change. Memory follows what
/// is stored, and goes down when entries are removed.
#[derive(Clone)]
pub struct TopicTree<T>(Map<T>);

impl<T> TopicTree<T> {
    /// A tree without names; it has allocated nothing.
    pub const fn new() -> Self {
        Self(Map::new())
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes out all names.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Puts in a name. Returns the value that the same name had before.
    ///
    /// ```
    /// use mqtt_wire::topic::TopicTree;
    /// use mqtt_wire::topic_name;
    ///
    /// let mut retained = TopicTree::new();
    /// retained.insert(topic_name!("lamp/7"), "on");
    /// assert_eq!(retained.insert(topic_name!("lamp/7"), "off"), Some("on")); // the newest counts
    /// ```
    ///
    /// # Panics
    /// When there are 67,108,863 names.
    pub fn insert(&mut self, name: TopicName<'_>, value: T) -> Option<T> {
        self.0.insert(name.as_bytes(), 0, value)
    }

    /// The value of a name, for reading.
    ///
    /// ```
    /// use mqtt_wire::topic::TopicTree;
    /// use mqtt_wire::topic_name;
    ///
    /// let mut retained = TopicTree::new();
    /// retained.insert(topic_name!("lamp/7"), "on");
    /// assert_eq!(retained.get(topic_name!("lamp/7")), Some(&"on"));
    /// assert_eq!(retained.get(topic_name!("lamp")), None); // a name above it is another one
    /// ```
    pub fn get(&self, name: TopicName<'_>) -> Option<&T> {
        self.0.get(key(name))
    }

    /// The value of a name, for changing it.
    ///
    /// ```
    /// use mqtt_wire::topic::TopicTree;
    /// use mqtt_wire::topic_name;
    ///
    /// // A retained message of which seconds are left.
    /// let mut expiry = TopicTree::new();
    /// expiry.insert(topic_name!("lamp/7"), 60);
    /// if let Some(left) = expiry.get_mut(topic_name!("lamp/7")) {
    ///     *left -= 5;
    /// }
    /// assert_eq!(expiry.get(topic_name!("lamp/7")), Some(&55));
    /// ```
    pub fn get_mut(&mut self, name: TopicName<'_>) -> Option<&mut T> {
        self.0.get_mut(key(name))
    }

    /// Whether a name is there.
    pub fn contains(&self, name: TopicName<'_>) -> bool {
        self.get(name).is_some()
    }

    /// Takes out a name. Returns its value.
    ///
    /// ```
    /// use mqtt_wire::topic::TopicTree;
    /// use mqtt_wire::topic_name;
    ///
    /// // A retained message without a payload takes the old one out.
    /// let mut retained = TopicTree::new();
    /// retained.insert(topic_name!("lamp/7"), "on");
    /// assert_eq!(retained.remove(topic_name!("lamp/7")), Some("on"));
    /// ```
    pub fn remove(&mut self, name: TopicName<'_>) -> Option<T> {
        self.0.remove(key(name))
    }

    /// The value of a name; `make` makes one if the name is not there.
    ///
    /// ```
    /// use mqtt_wire::topic::TopicTree;
    /// use mqtt_wire::topic_name;
    ///
    /// let mut messages = TopicTree::new();
    /// *messages.get_or_insert_with(topic_name!("lamp/7"), || 0) += 1;
    /// assert_eq!(messages.get(topic_name!("lamp/7")), Some(&1));
    /// ```
    ///
    /// # Panics
    /// When there are 67,108,863 names.
    pub fn get_or_insert_with(&mut self, name: TopicName<'_>, make: impl FnOnce() -> T) -> &mut T {
        self.0.get_or_insert_with(name.as_bytes(), 0, make)
    }

    /// All names with their values, in no particular order.
    ///
    /// ```
    /// use mqtt_wire::topic::TopicTree;
    /// use mqtt_wire::topic_name;
    ///
    /// let mut retained = TopicTree::new();
    /// retained.insert(topic_name!("lamp/7"), b"on");
    /// retained.insert(topic_name!("lamp/8"), b"no");
    /// let sizes = retained.iter().map(|(name, message)| name.as_bytes().len() + message.len());
    /// assert_eq!(sizes.sum::<usize>(), 16); // bytes that are retained in total
    /// ```
    pub fn iter(&self) -> Topics<'_, T> {
        Topics(self.0.iter())
    }

    /// All names with their values, for changing these.
    ///
    /// ```
    /// use mqtt_wire::topic::TopicTree;
    /// use mqtt_wire::topic_name;
    ///
    /// // A second has passed for all retained messages.
    /// let mut expiry = TopicTree::new();
    /// expiry.insert(topic_name!("lamp/7"), 60);
    /// expiry.insert(topic_name!("lamp/8"), 10);
    /// expiry.iter_mut().for_each(|(_, left)| *left -= 1);
    /// assert_eq!(expiry.iter().map(|(_, left)| *left).sum::<i32>(), 68);
    /// ```
    pub fn iter_mut(&mut self) -> TopicsMut<'_, T> {
        TopicsMut(self.0.iter_mut())
    }

    /// Takes out all names that `keep` does not keep, such as those of retained messages that expired. It is asked once
    /// of each, in no particular order, and may change the values. For a large tree [`retain_some`](Self::retain_some)
    /// does the same in pieces.
    ///
    /// ```
    /// use mqtt_wire::topic::TopicTree;
    /// use mqtt_wire::topic_name;
    ///
    /// let mut expires_at = TopicTree::new();
    /// expires_at.insert(topic_name!("lamp/7"), 100);
    /// expires_at.insert(topic_name!("lamp/8"), 200);
    /// let now = 150;
    /// expires_at.retain(|_, at| *at > now);
    /// assert_eq!(expires_at.len(), 1);
    /// ```
    pub fn retain(&mut self, mut keep: impl FnMut(TopicName<'_>, &mut T) -> bool) {
        self.0.retain(usize::MAX, usize::MAX, |entry, value| keep(entry.name(), value));
    }

    /// Goes on with a [`Sweep`] as [`retain`](Self::retain) does, by at most `most` names. Returns whether there may be
    /// more; the tree may be changed before the next call. What it comes to then, and what it costs, is as for
    /// [`FilterTree::retain_some`](super::FilterTree::retain_some).
    ///
    /// ```
    /// use mqtt_wire::TopicName;
    /// use mqtt_wire::topic::{Sweep, TopicTree};
    ///
    /// let mut expires_at = TopicTree::new();
    /// for number in 0..1000 {
    ///     expires_at.insert(TopicName::new(&format!("lamp/{number}"))?, number);
    /// }
    /// let (mut sweep, now) = (Sweep::new(), 500);
    /// while expires_at.retain_some(&mut sweep, 100, |_, at| *at >= now) {
    ///     // Other work between the pieces.
    /// }
    /// assert_eq!(expires_at.len(), 500);
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    pub fn retain_some(
        &mut self,
        sweep: &mut Sweep,
        most: usize,
        mut keep: impl FnMut(TopicName<'_>, &mut T) -> bool,
    ) -> bool {
        sweep.go_on(&mut self.0, most, |entry, value| keep(entry.name(), value))
    }

    /// The names that the filter matches, each once, in the order of their bytes. The share name of a shared
    /// subscription plays no part.
    ///
    /// ```
    /// use mqtt_wire::topic::TopicTree;
    /// use mqtt_wire::{topic_filter, topic_name};
    ///
    /// let mut retained = TopicTree::new();
    /// for (name, message) in [(topic_name!("lamp/8"), "off"), (topic_name!("lamp/7"), "on")] {
    ///     retained.insert(name, message);
    /// }
    /// let lamps = retained.under(topic_filter!("lamp/+"));
    /// let found: Vec<_> = lamps.map(|(_, message)| *message).collect();
    /// assert_eq!(found, ["on", "off"]); // in the order of the names
    /// ```
    pub fn under<'t, 'f>(&'t self, filter: TopicFilter<'f>) -> TopicsUnder<'t, 'f, T> {
        let filter = filter.inner_bytes();
        TopicsUnder { tree: &self.0, filter, walk: Walk::new(self.0.index()) }
    }

    /// Those of the names [under](Self::under) the filter that come after that name, which need not be there: a look-up
    /// that goes on where another one stopped. To get there takes steps in proportion to the length of the name.
    ///
    /// ```
    /// # use mqtt_wire::topic::TopicTree;
    /// # use mqtt_wire::{topic_filter, topic_name};
    /// let tree: TopicTree<u8> =
    ///     [(topic_name!("a/1"), 1), (topic_name!("a/2"), 2), (topic_name!("a/3"), 3)]
    ///         .into_iter()
    ///         .collect();
    /// let after = tree.under_after(topic_filter!("a/+"), topic_name!("a/1"));
    /// assert_eq!(after.map(|(_, value)| *value).collect::<Vec<_>>(), [2, 3]);
    /// ```
    pub fn under_after<'t, 'f>(
        &'t self,
        filter: TopicFilter<'f>,
        after: TopicName<'_>,
    ) -> TopicsUnder<'t, 'f, T> {
        let filter = filter.inner_bytes();
        TopicsUnder { tree: &self.0, filter, walk: Walk::after(self.0.index(), filter, after.as_bytes()) }
    }

    /// The names that a cursor has not come to, in the order of their bytes; it follows where the iterator goes.
    ///
    /// ```
    /// use mqtt_wire::topic::{TopicCursor, TopicTree};
    /// use mqtt_wire::{topic_filter, topic_name};
    ///
    /// let mut tree = TopicTree::new();
    /// tree.insert(topic_name!("lamp/7"), 7);
    /// tree.insert(topic_name!("lamp/8"), 8);
    /// let mut cursor = TopicCursor::new(topic_filter!("lamp/+"));
    /// assert_eq!(tree.resume(&mut cursor).next().map(|(_, value)| *value), Some(7));
    /// tree.insert(topic_name!("lamp/9"), 9); // the tree may change
    /// assert_eq!(tree.resume(&mut cursor).count(), 2);
    /// ```
    pub fn resume<'t, 'c>(&'t self, cursor: &'c mut TopicCursor) -> TopicsAfter<'t, 'c, T> {
        TopicsAfter::new(&self.0, cursor)
    }
}

fn key(name: TopicName<'_>) -> Key<'_> {
    Key::new(name.as_bytes(), 0)
}

/// The names of a [`TopicTree`] that a filter matches, with their values.
///
/// ```
/// use mqtt_wire::topic::TopicTree;
/// use mqtt_wire::{topic_filter, topic_name};
///
/// let mut retained = TopicTree::new();
/// retained.insert(topic_name!("lamp/7"), "on");
/// let mut under = retained.under(topic_filter!("#"));
/// assert_eq!(under.next(), Some((topic_name!("lamp/7"), &"on")));
/// ```
pub struct TopicsUnder<'t, 'f, T> {
    tree: &'t Map<T>,
    filter: &'f [u8],
    walk: Walk,
}

impl<'t, T> Iterator for TopicsUnder<'t, '_, T> {
    type Item = (TopicName<'t>, &'t T);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.walk.next(self.tree.index(), self.filter)?;
        self.tree.with_value(entry).map(|(entry, value)| (entry.name(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.tree.len()))
    }
}

impl<T> FusedIterator for TopicsUnder<'_, '_, T> {}

impl<T> Clone for TopicsUnder<'_, '_, T> {
    fn clone(&self) -> Self {
        Self { tree: self.tree, filter: self.filter, walk: self.walk }
    }
}

impl<T: fmt::Debug> fmt::Debug for TopicsUnder<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

tree! { TopicTree of TopicName, name: Topics, TopicsMut }
