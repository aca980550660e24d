//! Going through properties, wherever they stand.

use super::properties::Repr;
use super::value::skip;
use super::{Properties, Property};
use crate::read::variable;
use crate::standard::{PropertyId, PropertySet};

/// A stretch of properties that stand together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) source: Source<'a>,
    /// What is to be passed over.
    pub(super) hidden: PropertySet,
}

/// Where a stretch of properties stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// A checked block, or the rest of one.
    Wire {
        bytes: &'a [u8],
        /// What is in the whole block.
        present: PropertySet,
    },
    List(&'a [Property<'a>]),
}

impl<'a> Properties<'a> {
    /// Received properties from the first one with that identifier on.
    pub(crate) fn wire_from(&self, id: PropertyId) -> Option<&'a [u8]> {
        let Repr::Wire { mut bytes, .. } = self.repr() else { return None };
        while let Some((i, number)) = number(bytes) {
            if number == u32::from(id.get()) {
                return Some(bytes);
            }
            bytes = skip(number, i)?;
        }
        None
    }

    /// The stretches in their order: the properties under all edits, then what each of the edits added.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part<'a>> {
        (0..=self.depth()).rev().map(|above| self.part(above))
    }

    /// The stretch with so many edits above it.
    fn part(&self, above: usize) -> Part<'a> {
        let mut hidden = PropertySet::EMPTY;
        let mut above = above;
        let mut this = self.repr();
        loop {
            let source = match this {
                Repr::Wire { bytes, low, high } => {
                    Source::Wire { bytes, present: PropertySet::from_parts(low, high) }
                }
                Repr::List(list) => Source::List(list),
                Repr::Edited(edits) if above == 0 => Source::List(edits.added),
                Repr::Edited(edits) => {
                    hidden = hidden.union(edits.hidden);
                    this = edits.base.repr();
                    above -= 1;
                    continue;
                }
            };
            return Part { source, hidden };
        }
    }

    /// How many edits stand on each other.
    fn depth(&self) -> usize {
        let mut depth = 0;
        let mut this = self.repr();
        while let Repr::Edited(edits) = this {
            depth += 1;
            this = edits.base.repr();
        }
        depth
    }
}

/// Iterator over [`Properties`], in order.
///
/// ```
/// use mqtt_wire::{Properties, Property};
///
/// let mine = [Property::MessageExpiryInterval(60), Property::UserProperty(("room", "kitchen"))];
/// let properties = Properties::new(&mine);
/// let titles: Vec<_> = properties.iter().map(|property| property.id().title()).collect();
/// assert_eq!(titles, ["Message Expiry Interval", "User Property"]);
/// ```
#[derive(Debug, Clone)]
pub struct PropertyIter<'a> {
    properties: Properties<'a>,
    /// The stretch that is gone through, as far as it is left.
    part: Part<'a>,
    /// How many edits are above it, each of which added a stretch of its own.
    above: usize,
}

impl<'a> PropertyIter<'a> {
    pub(super) fn new(properties: Properties<'a>) -> Self {
        let above = properties.depth();
        Self { properties, part: properties.part(above), above }
    }

    pub(super) const fn of_part(part: Part<'a>) -> Self {
        Self { properties: Properties::EMPTY, part, above: 0 }
    }

    /// The next property with that identifier. Those before it are passed over without being built.
    pub(super) fn find(&mut self, id: PropertyId) -> Option<Property<'a>> {
        loop {
            let hidden = self.part.hidden;
            match &mut self.part.source {
                Source::Wire { present, .. } if !present.difference(hidden).contains(id) => {}
                Source::Wire { bytes, .. } => {
                    while let Some((i, number)) = number(bytes) {
                        if number == u32::from(id.get()) {
                            let (rest, property) = Property::read(number, i)?;
                            *bytes = rest;
                            return Some(property);
                        }
                        *bytes = skip(number, i)?;
                    }
                }
                Source::List(_) if hidden.contains(id) => {}
                Source::List(list) => {
                    while let Some((property, rest)) = list.split_first() {
                        *list = rest;
                        if property.id() == id {
                            return Some(*property);
                        }
                    }
                }
            }
            self.part = self.next_part()?;
        }
    }

    /// Passes over a hidden property, or goes on to the next stretch at the end of one.
    ///
    /// Performance: in a function of its own, so that what is rare takes no registers.
    #[inline(never)]
    fn pass_hidden(&mut self) -> Option<()> {
        match &mut self.part.source {
            Source::Wire { bytes, .. } if !bytes.is_empty() => {
                let (i, number) = number(bytes)?;
                *bytes = skip(number, i)?;
            }
            Source::List([_, rest @ ..]) => self.part.source = Source::List(rest),
            _ => self.part = self.next_part()?,
        }
        Some(())
    }

    fn next_part(&mut self) -> Option<Part<'a>> {
        self.above = self.above.checked_sub(1)?;
        Some(self.properties.part(self.above))
    }
}

/// The number of the property at the start of a block that was checked, so that reading it again cannot fail.
///
/// Performance: a program with several loops over properties would call it, and wait for what comes back through memory.
#[inline(always)]
fn number(bytes: &[u8]) -> Option<(&[u8], u32)> {
    if bytes.is_empty() { None } else { variable(bytes, false).ok() }
}

/// The number of the property at the start of a block that was checked, and how many bytes it takes.
#[cfg(feature = "alloc")]
pub(super) fn span(block: &[u8]) -> Option<(u32, usize)> {
    let (i, number) = number(block)?;
    let rest = skip(number, i)?;
    Some((number, block.len().saturating_sub(rest.len())))
}

impl<'a> Iterator for PropertyIter<'a> {
    type Item = Property<'a>;

    // Performance: where `next` is inlined, a property stays in registers; what comes back through memory is stored in pieces
    // and loaded as a whole, for which the processor waits. On small machines the code counts more.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn next(&mut self) -> Option<Property<'a>> {
        loop {
            let hidden = self.part.hidden;
            match &mut self.part.source {
                Source::Wire { bytes: [], .. } | Source::List([]) if self.above == 0 => return None,
                Source::Wire { bytes, .. } => {
                    if let Some((i, number)) =
                        number(bytes).filter(|(_, number)| !hidden.contains_low(*number))
                    {
                        let (rest, property) = Property::read(number, i)?;
                        *bytes = rest;
                        return Some(property);
                    }
                }
                Source::List([property, rest @ ..]) if !hidden.contains(property.id()) => {
                    self.part.source = Source::List(rest);
                    return Some(*property);
                }
                Source::List(_) => {}
            }
            self.pass_hidden()?;
        }
    }

    // Performance: what is left of a stretch stays in registers.
    #[inline]
    fn fold<B, F: FnMut(B, Property<'a>) -> B>(mut self, init: B, mut f: F) -> B {
        let mut folded = init;
        loop {
            let Part { source, hidden } = self.part;
            match source {
                Source::Wire { mut bytes, .. } => {
                    while let Some((i, number)) = number(bytes) {
                        // The block was checked: reading it again cannot fail.
                        if hidden.contains_low(number) {
                            let Some(rest) = skip(number, i) else { return folded };
                            bytes = rest;
                        } else {
                            let Some((rest, property)) = Property::read(number, i) else { return folded };
                            (bytes, folded) = (rest, f(folded, property));
                        }
                    }
                }
                Source::List(list) => {
                    let shown = list.iter().filter(|property| !hidden.contains(property.id()));
                    folded = shown.copied().fold(folded, &mut f);
                }
            }
            match self.next_part() {
                Some(part) => self.part = part,
                None => return folded,
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match (self.part.source, self.properties.repr()) {
            (Source::List(list), Repr::List(_)) => (list.len(), Some(list.len())),
            _ => (0, None),
        }
    }
}

impl core::iter::FusedIterator for PropertyIter<'_> {}
