//! A property block: a length and the properties behind it, checked as they come in and let in as they go out.

use super::value;
use crate::options::{Context, Tolerance};
use crate::read::{Fault, Parsed, variable, variable_block, wants_shortest};
use crate::standard::{Place, PropertyId, PropertySet, Rule, Sender};
use crate::write::Written;

/// Cuts off the block at the start of `at` and checks it: its bytes, without the length, and what is in it.
pub(super) fn read<'a>(place: &Place, c: Context, at: &'a [u8]) -> Parsed<'a, (&'a [u8], PropertySet)> {
    let (i, bytes) = variable_block(at, c)?;
    let present = check(place, c, bytes)?;
    Ok((i, (bytes, present)))
}

/// Checks every property of a block and tells which are there.
fn check<'a>(place: &Place, c: Context, bytes: &'a [u8]) -> Result<PropertySet, Fault<'a>> {
    let shortest = wants_shortest(c);
    let allowed = place.allowed_from(c.sender());
    // What has not been there yet.
    let mut open = allowed;
    let mut at = bytes;
    while !at.is_empty() {
        // Every property has a number below 64; those are not looked at as integers of more bytes.
        let (i, number) = match *at {
            [number @ ..=0x3F, ref i @ ..] => (i, u32::from(number)),
            _ => long_number(at, shortest)?,
        };
        if !open.contains_number(number) {
            check_again(place, number, allowed.difference(open), c.sender(), at)?;
        }
        open = open.difference(PropertySet::of_number(number));
        at = value::check(number, i, c)?;
    }
    let present = allowed.difference(open);
    // What was let through may be longer than needed: then it is not to be written out as it came.
    let loose =
        if c.tolerates(Tolerance::NonMinimalLengths) { PropertySet::LOOSE } else { PropertySet::EMPTY };
    Ok(present.union(loose))
}

/// The number of a property that takes more than one byte, or is none.
#[cold]
#[inline(never)]
fn long_number(at: &[u8], shortest: bool) -> Parsed<'_, u32> {
    variable(at, shortest)
}

/// Checks a property at `at` that was there before, or may not be there at all.
#[cold]
#[inline(never)]
fn check_again<'a>(
    place: &Place,
    number: u32,
    before: PropertySet,
    sender: Option<Sender>,
    at: &'a [u8],
) -> Result<(), Fault<'a>> {
    let refusal = match u8::try_from(number).ok().and_then(PropertyId::new) {
        Some(id) => place.refuses(id, before, sender),
        None => Some(Rule::PropertyUnknown),
    };
    refusal.map_or(Ok(()), |rule| Err(Fault::new(rule, at)))
}

/// Lets properties into a place, one by one.
pub(super) struct Admission<'p> {
    place: &'p Place,
    sender: Option<Sender>,
    /// What may still come.
    open: PropertySet,
}

impl<'p> Admission<'p> {
    pub(super) const fn new(place: &'p Place, sender: Option<Sender>) -> Self {
        Self { place, sender, open: place.allowed_from(sender) }
    }

    /// Takes properties for admitted.
    pub(super) const fn have_been(&mut self, ids: PropertySet) {
        self.open = self.open.difference(ids.difference(self.place.repeats));
    }

    pub(super) fn admit(&mut self, id: PropertyId) -> Written {
        if !self.open.contains(id) {
            return Err(self.refusal(id));
        }
        self.have_been(PropertySet::of(id));
        Ok(())
    }

    /// The rule that a property breaks that may not come any more.
    #[cold]
    fn refusal(&self, id: PropertyId) -> Rule {
        let before = self.place.allowed_from(self.sender).difference(self.open);
        self.place.refuses(id, before, self.sender).unwrap_or(Rule::PropertyNotAllowed)
    }
}
