//! Lists at the end of a packet: topic filters, subscriptions, reason codes.

use core::fmt;

use crate::error::Field;
use crate::options::Context;
use crate::read::{Fault, Parsed};
use crate::standard::{PacketType, ReasonCode, Rule, Version};
use crate::write::{Sink, Written};

/// What a [`List`] can hold.
pub(crate) trait Item<'a>: Copy {
    /// How many bytes an item takes at least.
    const SHORTEST: usize;
    /// How many bytes an item takes at most.
    const LONGEST: usize;
    /// Checks an item from outside and passes over it.
    fn check(i: &'a [u8], packet: PacketType, c: Context) -> Result<&'a [u8], Fault<'a>>;
    /// Reads an item that was checked before, by the rules of that version.
    fn read(i: &'a [u8], version: Version) -> Parsed<'a, Self>;
    /// What is left of the item in 3.x.
    fn downgraded(self) -> Self;
    /// What the item of 3.x is in 5.0.
    fn upgraded(self) -> Self {
        self
    }
    /// Writes the item.
    fn write<S: Sink>(&self, packet: PacketType, c: Context, out: &mut S) -> Written;
    /// Writes items of the caller's.
    fn write_all<S: Sink>(items: &[Self], packet: PacketType, c: Context, out: &mut S) -> Written {
        write_each(items.iter().copied(), packet, c, out)
    }
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
    source: Source<'a, T>,
    form: Form,
}

/// How the items are to be given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    AsTheyAre,
    /// As 3.x has them.
    Downgraded,
    /// As 5.0 has those of 3.x.
    Upgraded,
}

#[derive(Clone, Copy)]
enum Source<'a, T> {
    Wire {
        bytes: &'a [u8],
        /// By what the bytes were judged, and the packet that they were in.
        context: Context,
        packet: PacketType,
    },
    Items(&'a [T]),
}

impl<'a, T> List<'a, T> {
    /// These items.
    pub const fn new(items: &'a [T]) -> Self {
        Self { source: Source::Items(items), form: Form::AsTheyAre }
    }

    /// Whether there is no item.
    pub const fn is_empty(&self) -> bool {
        match self.source {
            Source::Wire { bytes, .. } => bytes.is_empty(),
            Source::Items(items) => items.is_empty(),
        }
    }

    pub(crate) const fn downgraded(self) -> Self {
        Self { form: Form::Downgraded, ..self }
    }

    pub(crate) const fn upgraded(self) -> Self {
        Self { form: Form::Upgraded, ..self }
    }
}

impl List<'_, ReasonCode> {
    /// The only code of a list of one.
    pub(crate) const fn as_single(&self) -> Option<ReasonCode> {
        match *self {
            Self { source: Source::Items([code]), form: Form::AsTheyAre } => Some(*code),
            Self { source: Source::Wire { bytes: [code], .. }, form: Form::AsTheyAre } => {
                Some(ReasonCode::new(*code))
            }
            _ => None,
        }
    }
}

#[allow(private_bounds, reason = "the items are the crate's own")]
impl<'a, T: Item<'a>> List<'a, T> {
    /// Checks a list that fills the rest of a packet; it must hold at least one item.
    pub(crate) fn decode(packet: PacketType, c: Context, bytes: &'a [u8]) -> Result<Self, Fault<'a>> {
        if bytes.is_empty() {
            return Err(Fault::new(Rule::EmptyList, bytes));
        }
        let mut i = bytes;
        while !i.is_empty() {
            i = T::check(i, packet, c)?;
        }
        Ok(Self { source: Source::Wire { bytes, context: c, packet }, form: Form::AsTheyAre })
    }

    pub(crate) fn encode<S: Sink>(&self, packet: PacketType, c: Context, out: &mut S) -> Written {
        out.field(Field::List);
        if self.is_empty() {
            return Err(Rule::EmptyList);
        }
        match self.source {
            Source::Wire { bytes, context, packet: received }
                if received == packet && context == c && self.form == Form::AsTheyAre =>
            {
                out.put(bytes);
                Ok(())
            }
            Source::Items(items) if self.form == Form::AsTheyAre => T::write_all(items, packet, c, out),
            _ => write_each(self.iter(), packet, c, out),
        }
    }

    /// The items in order.
    ///
    /// ```
    /// use mqtt_wire::{PacketId, Unsubscribe, topic_filter};
    ///
    /// let filters = [topic_filter!("a"), topic_filter!("b/#")];
    /// let unsubscribe = Unsubscribe::new(PacketId::MIN, &filters);
    /// let longest = unsubscribe.filters.iter().map(|filter| filter.as_bytes().len()).max();
    /// assert_eq!(longest, Some(3));
    /// ```
    pub fn iter(&self) -> ListIter<'a, T> {
        ListIter(*self)
    }

    /// The number of items. Received ones are counted.
    pub fn len(&self) -> usize {
        match self.source {
            Source::Wire { .. } => self.iter().count(),
            Source::Items(items) => items.len(),
        }
    }
}

/// Performance: with a sink of its own, which stays in registers.
fn write_each<'a, T: Item<'a>, S: Sink>(
    items: impl Iterator<Item = T>,
    packet: PacketType,
    c: Context,
    out: &mut S,
) -> Written {
    let mut sink = out.take();
    let mut result = Ok(());
    for (at, item) in (0..).zip(items) {
        sink.field(Field::Item(at));
        result = item.write(packet, c, &mut sink);
        if S::CHECKS && result.is_err() {
            break;
        }
    }
    *out = sink;
    result
}

/// Iterator over a [`List`].
///
/// ```
/// use mqtt_wire::{List, ReasonCode};
///
/// let codes = [ReasonCode::GRANTED_QOS_1, ReasonCode::NOT_AUTHORIZED];
/// for (at, code) in List::new(&codes).iter().enumerate() {
///     println!("filter {at}: {code}");
/// }
/// assert_eq!(List::new(&codes).iter().len(), 2); // of codes the number is known
/// ```
#[derive(Clone)]
pub struct ListIter<'a, T>(List<'a, T>);

impl<'a, T: Item<'a>> Iterator for ListIter<'a, T> {
    type Item = T;

    #[inline(always)]
    fn next(&mut self) -> Option<T> {
        let item = match &mut self.0.source {
            Source::Wire { bytes: [], .. } => return None,
            Source::Wire { bytes, context, .. } => {
                // The list was checked: reading it again cannot fail.
                let (rest, item) = T::read(bytes, context.version()).ok()?;
                *bytes = rest;
                item
            }
            Source::Items(items) => {
                let (first, rest) = items.split_first()?;
                *items = rest;
                *first
            }
        };
        Some(match self.0.form {
            Form::AsTheyAre => item,
            Form::Downgraded => item.downgraded(),
            Form::Upgraded => item.upgraded(),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.0.source {
            Source::Wire { bytes, .. } => (bytes.len().div_ceil(T::LONGEST), Some(bytes.len() / T::SHORTEST)),
            Source::Items(items) => (items.len(), Some(items.len())),
        }
    }
}

impl<'a, T: Item<'a>> core::iter::FusedIterator for ListIter<'a, T> {}

/// Each takes one byte, so that their number is known.
impl ExactSizeIterator for ListIter<'_, crate::standard::ReasonCode> {}

impl<'a, T: Item<'a> + fmt::Debug> fmt::Debug for ListIter<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

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
impl<'a, T: Item<'a> + core::hash::Hash> core::hash::Hash for List<'a, T> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.iter().for_each(|item| item.hash(state));
        state.write_u8(0xFF);
    }
}

#[allow(private_bounds, reason = "the items are the crate's own")]
impl<'a, T: Item<'a> + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
