//! The index of many filters and the index of many names: a radix tree over the bytes of their texts.
//!
//! # How it works
//!
//! A text is a path from the root; a branch stands where texts part, or where one ends that others go on from.
//! A branch has the first bytes that lead to it from its parent, and the number of some entry below it, whose text has
//! them all. A look-up follows the branches, compares what leads to them, and compares the rest of an entry's text
//! where it arrives. There is no hash function, so nobody can make names collide in it, and a path is at most as long as
//! the text.
//!
//! Entries and branches lie in arrays without gaps, one for each size: what is removed is replaced by the last
//! of its array, whose neighbours are told its new number. Memory follows what is stored, down as well as up.
//!
//! Each branch knows its parent, so a look-up needs no stack: it goes through the tree in a fixed order and
//! can tell from where it stands what comes next.
//!
//! From the ground up: `blocks`, `nodes` and `texts` store, `key` and `index` are the tree, `map` adds the values,
//! `subtree`, `filter_walk` and `topic_walk` go through it, and the rest is what users see.

/// What both trees have in common besides their methods: iterators over all entries, and the usual traits.
macro_rules! tree {
    ($tree:ident of $view:ident, $get:ident: $iter:ident, $iter_mut:ident) => {
        impl<T> Default for $tree<T> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<T: fmt::Debug> fmt::Debug for $tree<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map().entries(self.iter()).finish()
            }
        }

        impl<'k, T> Extend<($view<'k>, T)> for $tree<T> {
            fn extend<I: IntoIterator<Item = ($view<'k>, T)>>(&mut self, entries: I) {
                for (key, value) in entries {
                    self.insert(key, value);
                }
            }
        }

        impl<'k, T> FromIterator<($view<'k>, T)> for $tree<T> {
            fn from_iter<I: IntoIterator<Item = ($view<'k>, T)>>(entries: I) -> Self {
                let mut tree = Self::new();
                tree.extend(entries);
                tree
            }
        }

        #[doc = concat!("All that a [`", stringify!($tree), "`] holds.")]
        ///
        /// ```
        #[doc = concat!("use mqtt_wire::topic::", stringify!($tree), ";")]
        #[doc = concat!("use mqtt_wire::", stringify!($view), ";")]
        ///
        #[doc = concat!("let mut tree = ", stringify!($tree), "::new();")]
        #[doc = concat!("tree.insert(", stringify!($view), "::new(\"lamp/7\")?, 7);")]
        /// for (topic, value) in &tree {
        ///     println!("{topic}: {value}");
        /// }
        /// assert_eq!(tree.iter().map(|(_, value)| *value).sum::<i32>(), 7);
        /// # Ok::<(), mqtt_wire::TopicError>(())
        /// ```
        pub struct $iter<'t, T>(Iter<'t, T>);

        impl<T> Clone for $iter<'_, T> {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<T: fmt::Debug> fmt::Debug for $iter<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map().entries(self.clone()).finish()
            }
        }

        impl<'t, T> IntoIterator for &'t $tree<T> {
            type Item = ($view<'t>, &'t T);
            type IntoIter = $iter<'t, T>;

            fn into_iter(self) -> $iter<'t, T> {
                self.iter()
            }
        }

        #[doc = concat!("All that a [`", stringify!($tree), "`] holds, for changing the values.")]
        ///
        /// ```
        #[doc = concat!("use mqtt_wire::topic::", stringify!($tree), ";")]
        #[doc = concat!("use mqtt_wire::", stringify!($view), ";")]
        ///
        #[doc = concat!("let mut tree = ", stringify!($tree), "::new();")]
        #[doc = concat!("tree.insert(", stringify!($view), "::new(\"lamp/7\")?, 7);")]
        /// tree.iter_mut().for_each(|(_, value)| *value += 1);
        #[doc = concat!("assert_eq!(tree.get(", stringify!($view), "::new(\"lamp/7\")?), Some(&8));")]
        /// # Ok::<(), mqtt_wire::TopicError>(())
        /// ```
        pub struct $iter_mut<'t, T>(IterMut<'t, T>);

        impl<T> fmt::Debug for $iter_mut<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($iter_mut)).field("left", &self.len()).finish()
            }
        }

        impl<'t, T> IntoIterator for &'t mut $tree<T> {
            type Item = ($view<'t>, &'t mut T);
            type IntoIter = $iter_mut<'t, T>;

            fn into_iter(self) -> $iter_mut<'t, T> {
                self.iter_mut()
            }
        }

        tree! { iterator $iter, &'t T, $view, $get }
        tree! { iterator $iter_mut, &'t mut T, $view, $get }
    };
    (iterator $iter:ident, $value:ty, $view:ident, $get:ident) => {
        impl<'t, T> Iterator for $iter<'t, T> {
            type Item = ($view<'t>, $value);

            fn next(&mut self) -> Option<Self::Item> {
                self.0.next().map(|(entry, value)| (entry.$get(), value))
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.0.size_hint()
            }
        }

        impl<T> ExactSizeIterator for $iter<'_, T> {}

        impl<T> FusedIterator for $iter<'_, T> {}
    };
}

mod blocks;
mod cursor;
mod filter_tree;
mod filter_walk;
mod index;
mod key;
mod map;
mod nodes;
mod subtree;
mod sweep;
mod texts;
mod topic_tree;
mod topic_walk;

pub use cursor::{TopicCursor, TopicsAfter};
pub use filter_tree::{FilterMatches, FilterTree, Filters, FiltersMut};
pub use sweep::Sweep;
pub use topic_tree::{TopicTree, Topics, TopicsMut, TopicsUnder};
