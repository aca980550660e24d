//! [`FilterTree`]: which filters match a name?

use core::fmt;
use core::iter::FusedIterator;

use super::filter_walk::Search;
use super::key::Key;
use super::map::{Iter, IterMut, Map};
use super::sweep::Sweep;
use crate::topic::{TopicFilter, TopicName};

/// Values by topic filter: which of them match a name?
///
/// A filter is there at most once; what belongs to it, such as its subscribers, is the value. A shared
/// subscription is an entry of its own beside the filter in it, so that its value is the group of which a
/// message goes to one member.
///
/// ```
/// use mqtt_wire::topic::FilterTree;
/// use mqtt_wire::{topic_filter, topic_name};
///
/// let mut tree = FilterTree::new();
/// tree.insert(topic_filter!("site/+/temperature"), vec!["ann"]);
/// tree.insert(topic_filter!("$share/workers/site/#"), vec!["bob", "cid"]);
///
/// for (filter, subscribers) in tree.matches(topic_name!("site/7/temperature")) {
///     match filter.share_name() {
///         None => assert_eq!(subscribers, &["ann"]),
///         Some(group) => assert_eq!((group, subscribers.len()), ("workers", 2)),
///     }
/// }
/// ```
///
/// # Cost
///
/// Insertion, removal and [`get`](Self::get) take steps in proportion to the length of the filter, whatever
/// else is stored. [`matches`](Self::matches) follows, besides the path of the name itself, every `+` and `#`
/// that stands beside it. It comes to no part of the tree twice: the worst case, a tree made of wildcards on
/// purpose, is to look at every filter once. There is no hash function to be attacked, no recursion, and a
/// look-up does not allocate.
///
/// Memory follows what is stored, and goes down when entries are removed.
///
/// # Threads
///
/// The tree is `Send` and `Sync` when its values are, so it can be shared by any means: behind a lock for
/// reading and writing, or as copies of which one is swapped in after a change.
#[derive(Clone)]
pub struct FilterTree<T>(Map<T>);

impl<T> FilterTree<T> {
    /// A tree without filters; it has allocated nothing.
    pub const fn new() -> Self {
        Self(Map::new())
    }

    /// How many filters there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no filter.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes out all filters.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Puts in a filter. Returns the value that the same filter had before.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::topic_filter;
    ///
    /// let mut tree = FilterTree::new();
    /// assert_eq!(tree.insert(topic_filter!("lamp/#"), "ann"), None);
    /// assert_eq!(tree.insert(topic_filter!("lamp/#"), "bob"), Some("ann")); // it was there
    /// ```
    ///
    /// # Panics
    /// When there are 67,108,863 filters.
    pub fn insert(&mut self, filter: TopicFilter<'_>, value: T) -> Option<T> {
        self.0.insert(filter.as_bytes(), filter.inner_at(), value)
    }

    /// The value of this very filter, for reading.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::topic_filter;
    ///
    /// let mut tree = FilterTree::new();
    /// tree.insert(topic_filter!("lamp/#"), "ann");
    /// assert_eq!(tree.get(topic_filter!("lamp/#")), Some(&"ann"));
    /// assert_eq!(tree.get(topic_filter!("lamp/7")), None); // that it matches does not count
    /// ```
    pub fn get(&self, filter: TopicFilter<'_>) -> Option<&T> {
        self.0.get(key(filter))
    }

    /// The value of this very filter, for changing it.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::topic_filter;
    ///
    /// let mut tree = FilterTree::new();
    /// tree.insert(topic_filter!("lamp/#"), vec!["ann", "bob"]);
    /// // One of two subscribers leaves.
    /// if let Some(subscribers) = tree.get_mut(topic_filter!("lamp/#")) {
    ///     subscribers.retain(|subscriber| *subscriber != "bob");
    /// }
    /// assert_eq!(tree.get(topic_filter!("lamp/#")), Some(&vec!["ann"]));
    /// ```
    pub fn get_mut(&mut self, filter: TopicFilter<'_>) -> Option<&mut T> {
        self.0.get_mut(key(filter))
    }

    /// Whether this very filter is there.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::topic_filter;
    ///
    /// let mut tree = FilterTree::new();
    /// tree.insert(topic_filter!("lamp/#"), "ann");
    /// // It is the filter that is looked for, not what it matches.
    /// assert!(tree.contains(topic_filter!("lamp/#")));
    /// assert!(!tree.contains(topic_filter!("lamp/7")));
    /// ```
    pub fn contains(&self, filter: TopicFilter<'_>) -> bool {
        self.get(filter).is_some()
    }

    /// Takes out a filter. Returns its value.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::topic_filter;
    ///
    /// let mut tree = FilterTree::new();
    /// tree.insert(topic_filter!("lamp/#"), "ann");
    /// assert_eq!(tree.remove(topic_filter!("lamp/#")), Some("ann"));
    /// assert!(tree.is_empty());
    /// ```
    pub fn remove(&mut self, filter: TopicFilter<'_>) -> Option<T> {
        self.0.remove(key(filter))
    }

    /// The value of this very filter; `make` makes one if the filter is not there.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::topic_filter;
    ///
    /// let mut subscribers: FilterTree<Vec<&str>> = FilterTree::new();
    /// for client in ["ann", "bob"] {
    ///     subscribers.get_or_insert_with(topic_filter!("lamp/#"), Vec::new).push(client);
    /// }
    /// assert_eq!(subscribers.get(topic_filter!("lamp/#")), Some(&vec!["ann", "bob"]));
    /// ```
    ///
    /// # Panics
    /// When there are 67,108,863 filters.
    pub fn get_or_insert_with(&mut self, filter: TopicFilter<'_>, make: impl FnOnce() -> T) -> &mut T {
        self.0.get_or_insert_with(filter.as_bytes(), filter.inner_at(), make)
    }

    /// All filters with their values, in no particular order.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::topic_filter;
    ///
    /// let mut tree = FilterTree::new();
    /// tree.insert(topic_filter!("lamp/#"), 2);
    /// tree.insert(topic_filter!("$share/workers/jobs"), 5);
    /// let shared = tree.iter().filter(|(filter, _)| filter.is_shared());
    /// assert_eq!(shared.map(|(_, members)| *members).sum::<i32>(), 5);
    /// ```
    pub fn iter(&self) -> Filters<'_, T> {
        Filters(self.0.iter())
    }

    /// All filters with their values, for changing these.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::topic_filter;
    ///
    /// // Counters per filter, set back once an hour.
    /// let mut hits = FilterTree::new();
    /// hits.insert(topic_filter!("lamp/#"), 17);
    /// hits.iter_mut().for_each(|(_, count)| *count = 0);
    /// assert_eq!(hits.get(topic_filter!("lamp/#")), Some(&0));
    /// ```
    pub fn iter_mut(&mut self) -> FiltersMut<'_, T> {
        FiltersMut(self.0.iter_mut())
    }

    /// Takes out all filters that `keep` does not keep. It is asked once of each, in no particular order, and may change
    /// the values: this is how everything of one subscriber is taken out. For a large tree [`retain_some`] does the same
    /// in pieces.
    ///
    /// ```
    /// # use mqtt_wire::topic::FilterTree;
    /// # use mqtt_wire::{topic_filter, topic_name};
    /// let mut tree = FilterTree::new();
    /// tree.insert(topic_filter!("site/#"), vec!["ann", "bob"]);
    /// tree.insert(topic_filter!("site/+/alarm"), vec!["bob"]);
    /// tree.retain(|_, subscribers| {
    ///     subscribers.retain(|subscriber| *subscriber != "bob");
    ///     !subscribers.is_empty()
    /// });
    /// assert_eq!((tree.len(), tree.get(topic_filter!("site/#"))), (1, Some(&vec!["ann"])));
    /// ```
    ///
    /// [`retain_some`]: Self::retain_some
    pub fn retain(&mut self, mut keep: impl FnMut(TopicFilter<'_>, &mut T) -> bool) {
        self.0.retain(usize::MAX, usize::MAX, |entry, value| keep(entry.filter(), value));
    }

    /// Goes on with a [`Sweep`] as [`retain`](Self::retain) does, by at most `most` filters. Returns whether there may be
    /// more; the tree may be changed before the next call.
    ///
    /// Every filter that is there from the first call to the last is asked of at least once. One that was asked of can be
    /// asked of again when others were taken out between the calls, and one that is put in between them may or may not
    /// be. Each call takes steps for the filters that it asks of, however large the tree is, and allocates nothing. (When
    /// much was taken out, memory is given back, and an array copied for that, as by [`remove`](Self::remove).)
    ///
    /// ```
    /// # use mqtt_wire::topic::{FilterTree, Sweep};
    /// # use mqtt_wire::{TopicFilter, topic_filter};
    /// # let mut tree = FilterTree::new();
    /// # for number in 0..1000 {
    /// #     tree.insert(TopicFilter::new(&format!("device/{number}/#"))?, number % 2);
    /// # }
    /// let mut sweep = Sweep::new();
    /// while tree.retain_some(&mut sweep, 100, |_, subscriber| *subscriber != 1) {
    ///     // Whatever else is to be done with the tree.
    ///     tree.insert(topic_filter!("in/between"), 0);
    /// }
    /// assert_eq!(tree.len(), 501);
    /// # Ok::<(), mqtt_wire::TopicError>(())
    /// ```
    pub fn retain_some(
        &mut self,
        sweep: &mut Sweep,
        most: usize,
        mut keep: impl FnMut(TopicFilter<'_>, &mut T) -> bool,
    ) -> bool {
        sweep.go_on(&mut self.0, most, |entry, value| keep(entry.filter(), value))
    }

    /// The filters that match the name, each once, in no particular order. Shared subscriptions are among
    /// them by their groups.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::{topic_filter, topic_name};
    ///
    /// let tree: FilterTree<u8> =
    ///     [(topic_filter!("lamp/+"), 1), (topic_filter!("#"), 2), (topic_filter!("door"), 3)]
    ///         .into_iter()
    ///         .collect();
    /// let mut found: Vec<_> = tree.matches(topic_name!("lamp/7")).map(|(_, value)| *value).collect();
    /// found.sort_unstable(); // they come in no particular order
    /// assert_eq!(found, [1, 2]);
    /// ```
    pub fn matches<'t, 'n>(&'t self, name: TopicName<'n>) -> FilterMatches<'t, 'n, T> {
        FilterMatches { tree: &self.0, name: name.as_bytes(), search: Search::new(self.0.index(), name) }
    }

    /// Calls `visit` with the filters that match the name and their values, for changing these.
    ///
    /// ```
    /// use mqtt_wire::topic::FilterTree;
    /// use mqtt_wire::{topic_filter, topic_name};
    ///
    /// // How many messages each subscription was sent.
    /// let mut sent = FilterTree::new();
    /// sent.insert(topic_filter!("lamp/+"), 0);
    /// sent.for_each_match_mut(topic_name!("lamp/7"), |_, count| *count += 1);
    /// assert_eq!(sent.get(topic_filter!("lamp/+")), Some(&1));
    /// ```
    pub fn for_each_match_mut(
        &mut self,
        name: TopicName<'_>,
        mut visit: impl FnMut(TopicFilter<'_>, &mut T),
    ) {
        let mut search = Search::new(self.0.index(), name);
        while let Some(entry) = search.next(self.0.index(), name.as_bytes()) {
            if let Some((entry, value)) = self.0.with_value_mut(entry) {
                visit(entry.filter(), value);
            }
        }
    }
}

fn key(filter: TopicFilter<'_>) -> Key<'_> {
    Key::new(filter.as_bytes(), filter.inner_at())
}

/// The filters of a [`FilterTree`] that match a name, with their values.
///
/// ```
/// use mqtt_wire::topic::FilterTree;
/// use mqtt_wire::{topic_filter, topic_name};
///
/// let mut tree = FilterTree::new();
/// tree.insert(topic_filter!("lamp/+"), "phone");
/// let mut matches = tree.matches(topic_name!("lamp/7"));
/// assert_eq!(matches.next(), Some((topic_filter!("lamp/+"), &"phone")));
/// assert_eq!(matches.next(), None);
/// ```
pub struct FilterMatches<'t, 'n, T> {
    tree: &'t Map<T>,
    name: &'n [u8],
    search: Search,
}

impl<'t, T> Iterator for FilterMatches<'t, '_, T> {
    type Item = (TopicFilter<'t>, &'t T);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.search.next(self.tree.index(), self.name)?;
        self.tree.with_value(entry).map(|(entry, value)| (entry.filter(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.search.known(), Some(self.tree.len()))
    }
}

impl<T> FusedIterator for FilterMatches<'_, '_, T> {}

impl<T> Clone for FilterMatches<'_, '_, T> {
    fn clone(&self) -> Self {
        Self { tree: self.tree, name: self.name, search: self.search }
    }
}

impl<T: fmt::Debug> fmt::Debug for FilterMatches<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

tree! { FilterTree of TopicFilter, filter: Filters, FiltersMut }
