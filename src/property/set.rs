//! Sets of properties.

use core::fmt;

use super::PropertyId;

/// A set of property identifiers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PropertySet(pub(super) u64);

impl PropertySet {
    /// No property.
    pub const EMPTY: Self = Self(0);
    /// Not a property: the block holds an integer that is not in its shortest form.
    pub(super) const LOOSE: Self = Self(1);

    /// The set of one.
    pub const fn of(id: PropertyId) -> Self {
        Self(1 << id as u8)
    }

    #[inline]
    pub(super) const fn of_number(number: u32) -> Self {
        Self(1_u64.wrapping_shl(number))
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the property is in the set.
    pub const fn contains(self, id: PropertyId) -> bool {
        self.0 & Self::of(id).0 != 0
    }

    /// Whether the set has no property.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The properties of the set, by number.
    pub fn iter(self) -> impl Iterator<Item = PropertyId> {
        (0..64).filter(move |n| self.0 & (1 << n) != 0).filter_map(PropertyId::from_u32)
    }
}

impl From<PropertyId> for PropertySet {
    fn from(id: PropertyId) -> Self {
        Self::of(id)
    }
}

impl core::ops::BitOr for PropertySet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl core::ops::BitOr for PropertyId {
    type Output = PropertySet;
    fn bitor(self, other: Self) -> PropertySet {
        PropertySet::of(self).union(PropertySet::of(other))
    }
}

impl core::ops::BitOr<PropertyId> for PropertySet {
    type Output = Self;
    fn bitor(self, other: PropertyId) -> Self {
        self.union(Self::of(other))
    }
}

impl FromIterator<PropertyId> for PropertySet {
    fn from_iter<I: IntoIterator<Item = PropertyId>>(ids: I) -> Self {
        ids.into_iter().fold(Self::EMPTY, |set, id| set | id)
    }
}

impl fmt::Debug for PropertySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
