//! Sets of properties.

use core::fmt;

use super::PropertyId;

/// A set of property identifiers.
///
/// ```
/// use mqtt_wire::{Properties, Property, PropertyId, PropertySet};
///
/// let mine = [Property::ContentType("text/plain"), Property::MessageExpiryInterval(60)];
/// let present = Properties::new(&mine).ids();
/// let understood: PropertySet = PropertyId::ContentType | PropertyId::UserProperty;
/// // What is there and not understood:
/// assert_eq!(present.difference(understood), PropertySet::of(PropertyId::MessageExpiryInterval));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PropertySet(u64);

impl PropertySet {
    /// No property.
    pub const EMPTY: Self = Self(0);
    /// Not a property: the block holds an integer that is not in its shortest form.
    pub(crate) const LOOSE: Self = Self(1);

    /// The set of one.
    pub const fn of(id: PropertyId) -> Self {
        Self(1 << id as u8)
    }

    /// The set of one that is known by its number, which is below 64.
    pub(crate) const fn of_number(number: u32) -> Self {
        Self(1_u64.wrapping_shl(number))
    }

    /// Whether a number, of a property or not, is in the set.
    pub(crate) const fn contains_number(self, number: u32) -> bool {
        matches!(self.0.checked_shr(number), Some(set) if set & 1 != 0)
    }

    /// Whether a number of a property is in the set.
    pub(crate) const fn contains_low(self, number: u32) -> bool {
        self.0.wrapping_shr(number) & 1 != 0
    }

    /// The set in six bytes, which hold the numbers of all properties: four for the lower ones, two for the higher.
    pub(crate) const fn to_parts(self) -> (u32, u16) {
        #[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
        (self.0 as u32, (self.0 >> 32) as u16)
    }

    /// The set of [`to_parts`](Self::to_parts).
    pub(crate) const fn from_parts(low: u32, high: u16) -> Self {
        Self(low as u64 | (high as u64) << 32)
    }

    /// Both sets together.
    ///
    /// ```
    /// use mqtt_wire::{PropertyId, PropertySet};
    ///
    /// let mine = PropertySet::of(PropertyId::UserProperty);
    /// let hidden = PropertySet::NOT_FORWARDED.union(mine);
    /// assert!(hidden.contains(PropertyId::TopicAlias) && hidden.contains(PropertyId::UserProperty));
    /// ```
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    ///
    /// ```
    /// use mqtt_wire::PropertyId;
    ///
    /// let present = PropertyId::ContentType | PropertyId::UserProperty;
    /// let logged = PropertyId::UserProperty | PropertyId::ReasonString;
    /// let both = present.intersection(logged); // or `present & logged`
    /// assert!(both.iter().eq([PropertyId::UserProperty]));
    /// ```
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in one of the sets only.
    ///
    /// ```
    /// use mqtt_wire::PropertyId;
    ///
    /// // What a bridge changed, seen from the properties before and behind it.
    /// let received = PropertyId::TopicAlias | PropertyId::ContentType;
    /// let forwarded = PropertyId::ContentType | PropertyId::UserProperty;
    /// let changed = received.symmetric_difference(forwarded); // or `received ^ forwarded`
    /// assert_eq!(changed, PropertyId::TopicAlias | PropertyId::UserProperty);
    /// ```
    #[must_use]
    pub const fn symmetric_difference(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    /// Adds a property; whether it was not there.
    ///
    /// ```
    /// use mqtt_wire::{PropertyId, PropertySet};
    ///
    /// let mut seen = PropertySet::EMPTY;
    /// assert!(seen.insert(PropertyId::ContentType));
    /// assert!(!seen.insert(PropertyId::ContentType)); // a second time
    /// ```
    pub const fn insert(&mut self, id: PropertyId) -> bool {
        let new = !self.contains(id);
        self.0 |= Self::of(id).0;
        new
    }

    /// Takes a property out; whether it was there.
    ///
    /// ```
    /// use mqtt_wire::PropertyId;
    ///
    /// // What a program still waits for.
    /// let mut wanted = PropertyId::ResponseTopic | PropertyId::CorrelationData;
    /// assert!(wanted.remove(PropertyId::ResponseTopic));
    /// assert!(!wanted.remove(PropertyId::ContentType)); // nobody asked for it
    /// assert_eq!(wanted.len(), 1);
    /// ```
    pub const fn remove(&mut self, id: PropertyId) -> bool {
        let was = self.contains(id);
        self.0 &= !Self::of(id).0;
        was
    }

    /// The number of properties in the set.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether all of this set is in the other.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property, PropertyId};
    ///
    /// // Whether a gateway understands everything that stands in a packet.
    /// let understood = PropertyId::ContentType | PropertyId::MessageExpiryInterval;
    /// let mine = [Property::ContentType("text/plain")];
    /// assert!(Properties::new(&mine).ids().is_subset(understood));
    /// let more = [Property::ContentType("text/plain"), Property::UserProperty(("a", "b"))];
    /// assert!(!Properties::new(&more).ids().is_subset(understood));
    /// ```
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// What is in this set and not in the other.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property, PropertyId};
    ///
    /// // What a request lacks.
    /// let request = [Property::ResponseTopic(mqtt_wire::topic_name!("answers/7"))];
    /// let needed = PropertyId::ResponseTopic | PropertyId::CorrelationData;
    /// let missing = needed.difference(Properties::new(&request).ids()); // or `needed - ids`
    /// assert!(missing.iter().eq([PropertyId::CorrelationData]));
    /// ```
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
    pub const fn iter(self) -> PropertySetIter {
        PropertySetIter(self)
    }
}

/// Iterator over a [`PropertySet`], by number.
///
/// ```
/// use mqtt_wire::PropertyId;
///
/// let set = PropertyId::UserProperty | PropertyId::ContentType;
/// let names: Vec<_> = set.iter().map(|id| id.title()).collect();
/// assert_eq!(names, ["Content Type", "User Property"]); // by number: 0x03, 0x26
/// ```
#[derive(Debug, Clone)]
pub struct PropertySetIter(PropertySet);

impl Iterator for PropertySetIter {
    type Item = PropertyId;

    fn next(&mut self) -> Option<PropertyId> {
        let id = PropertyId::new(u8::try_from(self.0.0.trailing_zeros()).ok()?)?;
        self.0.remove(id);
        Some(id)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl ExactSizeIterator for PropertySetIter {}
impl core::iter::FusedIterator for PropertySetIter {}

impl IntoIterator for PropertySet {
    type Item = PropertyId;
    type IntoIter = PropertySetIter;
    fn into_iter(self) -> PropertySetIter {
        self.iter()
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

/// What is in the first set and not in the second.
impl core::ops::Sub for PropertySet {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.difference(other)
    }
}

/// What is in both sets.
impl core::ops::BitAnd for PropertySet {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        self.intersection(other)
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
