//! The index of many filters and the index of many names: a radix tree over the bytes of their texts.
//!
//! # How it works
//!
//! A text is a path from the root; a branch stands where texts part, or where one ends that others go on from.
//! The bytes between two branches are not stored again: a branch knows the number of some entry below it, whose
//! text has them all. A look-up therefore follows the branches by the bytes at which they part, and compares
//! text where it arrives. There is no hash function, so nobody can make names collide in it, and a path is at
//! most as long as the text.
//!
//! Entries and branches lie in arrays without gaps, one for each size: what is removed is replaced by the last
//! of its array, whose neighbours are told its new number. Memory follows what is stored, down as well as up.
//!
//! Each branch knows its parent, so a look-up needs no stack: it goes through the tree in a fixed order and
//! can tell from where it stands what comes next.

mod entries;
mod filters;
mod key;
mod nodes;
mod radix;
mod room;
mod subtree;
mod topics;

pub use filters::{FilterMatches, FilterTree};
pub use topics::{TopicTree, TopicsUnder};
