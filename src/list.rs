//! Lists at the end of a packet: topic filters, subscriptions, reason codes.

use core::fmt;

use crate::error::Kind;
use crate::options::Context;
use crate::packet::PacketType;
use crate::read::{Fault, Parsed};
use crate::version::Version;
use crate::write::{Sink, Written};

/// What a [`List`] can hold.
pub(crate) trait Item<'a>: Copy {
    /// Passes over an item from outside that is as most are; `None` when that takes a closer look. A short way
    /// for long lists: 12 instructions less for each filter.
    #[inline(always)]
    fn pass(_: &'a [u8], _: Context) -> Option<&'a [u8]> {
        None
    }
    /// Checks an item from outside and passes over it.
    fn check(i: &'a [u8], packet: PacketType, c: Context) -> Result<&'a [u8], Fault<'a>>;
    /// Reads an item that was checked before, by the rules of that version.
    fn read(i: &'a [u8], version: Version) -> Parsed<'a, Self>;
    /// What the item is in another version.
    fn converted(self, to: Version) -> Self;
    /// Writes the item.
    fn write<S: Sink>(&self, packet: PacketType, c: Context, out: &mut S) -> Written;
}

/// A list in a packet: the bytes as they were received, or a slice of the caller's. Iterating cannot fail.
///
/// ```
/// use mqtt_wire::{List, ReasonCode};
///
/// let granted = [ReasonCode::GRANTED_QOS_1, ReasonCode::NOT_AUTHORIZED];
/// let list = List::new(&granted);
/// assert_eq!(list.iter().filter(|code| code.is_error()).count(), 1);
/// ```
#[derive(Clone, Copy)]
pub struct List<'a, T> {
    wire: &'a [u8],
    /// By what the wire's bytes were judged.
    context: Context,
    /// The packet that the wire's bytes were in.
    packet: Option<PacketType>,
    /// The version to which the items are converted.
    to: Option<Version>,
    items: &'a [T],
}

impl<'a, T> List<'a, T> {
    /// These items.
    pub const fn new(items: &'a [T]) -> Self {
        Self { wire: &[], context: Context::new(Version::V5), packet: None, to: None, items }
    }

    /// Whether there is no item.
    pub const fn is_empty(&self) -> bool {
        self.wire.is_empty() && self.items.is_empty()
    }

    /// The list with its items as they are in another version.
    pub(crate) const fn converted(self, to: Version) -> Self {
        Self { to: Some(to), ..self }
    }
}

#[allow(private_bounds, reason = "the items are the crate's own")]
impl<'a, T: Item<'a>> List<'a, T> {
    /// Checks a list that fills the rest of a packet; it must hold at least one item.
    pub(crate) fn decode(packet: PacketType, c: Context, wire: &'a [u8]) -> Result<Self, Fault<'a>> {
        if wire.is_empty() {
            return Err(Fault::new(Kind::EmptyList, wire));
        }
        let mut i = wire;
        while !i.is_empty() {
            i = match T::pass(i, c) {
                Some(rest) => rest,
                None => T::check(i, packet, c)?,
            };
        }
        Ok(Self { wire, context: c, packet: Some(packet), to: None, items: &[] })
    }

    pub(crate) fn encode<S: Sink>(&self, packet: PacketType, c: Context, out: &mut S) -> Written {
        if self.is_empty() {
            return Err(Kind::EmptyList);
        }
        if self.packet == Some(packet) && self.context == c && self.to.is_none() {
            out.put(self.wire);
            return Ok(());
        }
        // With a sink of its own, which stays in registers, and without looking for received items again and again.
        let mut sink = out.take();
        if self.wire.is_empty() && self.to.is_none() {
            for item in self.items {
                item.write(packet, c, &mut sink)?;
            }
        } else {
            for item in self {
                item.write(packet, c, &mut sink)?;
            }
        }
        *out = sink;
        Ok(())
    }

    /// The items in order.
    pub fn iter(&self) -> ListIter<'a, T> {
        ListIter(*self)
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.iter().count()
    }
}

/// Iterator over a [`List`].
#[derive(Clone)]
pub struct ListIter<'a, T>(List<'a, T>);

impl<'a, T: Item<'a>> Iterator for ListIter<'a, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let item = if self.0.wire.is_empty() {
            let (first, rest) = self.0.items.split_first()?;
            self.0.items = rest;
            *first
        } else {
            // The list was checked: reading it again cannot fail.
            let (rest, item) = T::read(self.0.wire, self.0.context.version()).ok()?;
            self.0.wire = rest;
            item
        };
        Some(self.0.to.map_or(item, |to| item.converted(to)))
    }
}

impl<'a, T: Item<'a>> core::iter::FusedIterator for ListIter<'a, T> {}

#[allow(private_bounds, reason = "the items are the crate's own")]
impl<'a, T: Item<'a>> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = ListIter<'a, T>;
    fn into_iter(self) -> ListIter<'a, T> {
        self.iter()
    }
}

#[allow(private_bounds, reason = "the items are the crate's own")]
impl<'a, T: Item<'a>> IntoIterator for &List<'a, T> {
    type Item = T;
    type IntoIter = ListIter<'a, T>;
    fn into_iter(self) -> ListIter<'a, T> {
        self.iter()
    }
}

impl<'a, T> From<&'a [T]> for List<'a, T> {
    fn from(items: &'a [T]) -> Self {
        Self::new(items)
    }
}

impl<'a, T, const N: usize> From<&'a [T; N]> for List<'a, T> {
    fn from(items: &'a [T; N]) -> Self {
        Self::new(items)
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self::new(&[])
    }
}

/// Equal when they hold equal items in the same order.
#[allow(private_bounds, reason = "the items are the crate's own")]
impl<'a, T: Item<'a> + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

#[allow(private_bounds, reason = "the items are the crate's own")]
impl<'a, T: Item<'a> + Eq> Eq for List<'a, T> {}

#[allow(private_bounds, reason = "the items are the crate's own")]
impl<'a, T: Item<'a> + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
