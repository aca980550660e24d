//! The values of a property that may stand more than once.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use super::{Properties, Property, PropertyIter};
use crate::standard::{PropertyId, SubscriptionId};

/// Iterator over the values of a property that may stand more than once, in order: see
/// [`Properties::user_properties`] and [`Properties::subscription_identifiers`].
///
/// It passes over what is between them without building it.
///
/// ```
/// use mqtt_wire::{Properties, Property};
///
/// let mine = [("room", "kitchen"), ("floor", "2")].map(Property::UserProperty);
/// let floor = Properties::new(&mine).user_properties().find(|(name, _)| *name == "floor");
/// assert_eq!(floor, Some(("floor", "2")));
/// ```
#[derive(Clone)]
pub struct Repeated<'a, T> {
    all: PropertyIter<'a>,
    value: PhantomData<T>,
}

impl<'a, T> Repeated<'a, T> {
    pub(super) fn of(properties: &Properties<'a>) -> Self {
        Self { all: properties.iter(), value: PhantomData }
    }
}

/// The value of a property that may stand more than once.
pub(crate) trait Repeating<'a>: Sized {
    const ID: PropertyId;

    fn of(property: Property<'a>) -> Option<Self>;
}

impl<'a> Repeating<'a> for (&'a str, &'a str) {
    const ID: PropertyId = PropertyId::UserProperty;

    fn of(property: Property<'a>) -> Option<Self> {
        if let Property::UserProperty(pair) = property { Some(pair) } else { None }
    }
}

impl<'a> Repeating<'a> for SubscriptionId {
    const ID: PropertyId = PropertyId::SubscriptionIdentifier;

    fn of(property: Property<'a>) -> Option<Self> {
        if let Property::SubscriptionIdentifier(id) = property { Some(id) } else { None }
    }
}

#[allow(private_bounds, reason = "the values are the crate's own")]
impl<'a, T: Repeating<'a>> Iterator for Repeated<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.all.find(T::ID).and_then(T::of)
    }
}

impl<'a, T: Repeating<'a>> FusedIterator for Repeated<'a, T> {}

#[allow(private_bounds, reason = "the values are the crate's own")]
impl<'a, T: Repeating<'a> + Clone + fmt::Debug> fmt::Debug for Repeated<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
