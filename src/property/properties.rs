//! [`Properties`]: received bytes, a list, or edits of either.

use core::num::{NonZeroU16, NonZeroU32};

use super::block::{self, Admission};
use super::iter::Source;
use super::{Property, PropertyEdits, PropertyIter, Repeated};
use crate::error::Field;
use crate::options::Context;
use crate::read::Parsed;
use crate::standard::{MaximumQoS, Place, PropertyId, PropertySet, Rule, SubscriptionId, properties};
use crate::topic::TopicName;
use crate::write::{Sink, Written};

/// The properties of a packet: those that came over the wire, as they came; or a list of the caller's; or
/// [edits](PropertyEdits) of either.
///
/// ```
/// use mqtt_wire::{Properties, Property};
///
/// let mine = [Property::MessageExpiryInterval(60), Property::UserProperty(("room", "kitchen"))];
/// let properties = Properties::new(&mine);
/// assert_eq!(properties.message_expiry_interval(), Some(60));
/// assert_eq!(properties.user_properties().next(), Some(("room", "kitchen")));
/// ```
///
/// A getter goes through the properties up to the one that it looks for, so that its cost grows with what stands before
/// that; one that is not there is known at once in received properties. To read many, take the packet's `fields()`, which
/// finds all of them in one pass (see [`fields`](crate::fields)), or iterate once.
#[derive(Clone, Copy)]
pub struct Properties<'a>(Repr<'a>);

/// Performance: 24 bytes, since packets with properties are moved by each call. So the set stands in parts: a field of
/// its type would take 8 bytes, and the tag 8 more.
#[derive(Clone, Copy)]
pub(super) enum Repr<'a> {
    /// A checked block and the set of what is in it: see [`PropertySet::to_parts`].
    Wire {
        bytes: &'a [u8],
        low: u32,
        high: u16,
    },
    List(&'a [Property<'a>]),
    Edited(&'a PropertyEdits<'a>),
}

macro_rules! getters {
    (
        $($(#[$doc:meta])* $id:literal $name:ident $getter:ident $title:literal $kind:ident($type:ty) in $($place:ident)|+;)+
        repeating $($(#[$many_doc:meta])* $many_id:literal $many:ident $many_getter:ident $many_title:literal $many_kind:ident($many_type:ty) in $($many_place:ident)|+, repeats in $($repeats:ident)|+;)+
    ) => {
        impl<'a> Properties<'a> {
            $($(#[$doc])*
            pub fn $getter(&self) -> Option<$type> {
                match self.find(PropertyId::$name) { Some(Property::$name(value)) => Some(value), _ => None }
            })+
            $($(#[$many_doc])*
            pub fn $many_getter(&self) -> Repeated<'a, $many_type> {
                Repeated::of(self)
            })+
        }
    };
}

properties! { getters }

impl<'a> Properties<'a> {
    /// No properties: what every packet of 3.x has.
    pub const EMPTY: Self = Self(Repr::List(&[]));

    /// These properties. Whether they may stand in a packet is checked when that is encoded.
    pub const fn new(properties: &'a [Property<'a>]) -> Self {
        Self(Repr::List(properties))
    }

    pub(super) const fn edited(edits: &'a PropertyEdits<'a>) -> Self {
        Self(Repr::Edited(edits))
    }

    /// A block that was checked, and what is in it.
    pub(crate) const fn checked(bytes: &'a [u8], present: PropertySet) -> Self {
        let (low, high) = present.to_parts();
        Self(Repr::Wire { bytes, low, high })
    }

    /// The checked block, and what is in it.
    #[cfg(feature = "bytes")]
    pub(crate) const fn as_checked(&self) -> Option<(&'a [u8], PropertySet)> {
        match self.0 {
            Repr::Wire { bytes, low, high } => Some((bytes, PropertySet::from_parts(low, high))),
            _ => None,
        }
    }

    /// The list of the caller's that these properties are, if they are one.
    pub(crate) const fn as_list(&self) -> Option<&'a [Property<'a>]> {
        match self.0 {
            Repr::List(list) => Some(list),
            _ => None,
        }
    }

    /// Whether this is the empty list that packets without properties have.
    pub(crate) const fn is_empty_list(&self) -> bool {
        matches!(self.0, Repr::List([]))
    }

    /// Whether it is seen at once that there are none.
    pub(crate) const fn are_plainly_none(&self) -> bool {
        matches!(self.0, Repr::List([]) | Repr::Wire { bytes: [], .. })
    }

    pub(super) const fn repr(&self) -> Repr<'a> {
        self.0
    }

    /// Reads and checks the property block; 3.x has none.
    #[inline(always)]
    pub(crate) fn decode(place: &Place, c: Context, at: &'a [u8]) -> Parsed<'a, Self> {
        if !c.is_v5() {
            return Ok((at, Self::EMPTY));
        }
        if let [0, i @ ..] = at {
            return Ok((i, Self::EMPTY));
        }
        let (i, (bytes, present)) = block::read(place, c, at)?;
        Ok((i, Self::checked(bytes, present)))
    }

    /// Writes the property block; in 3.x there must be nothing to write.
    pub(crate) fn encode<S: Sink>(&self, place: &Place, c: Context, out: &mut S) -> Written {
        match self.ready_block(place, c) {
            Some(_) if !c.is_v5() => Ok(()),
            Some(block) => {
                out.block(block);
                Ok(())
            }
            None => {
                let written;
                (*out, written) = self.encode_each(place, c, out.take());
                written
            }
        }
    }

    /// The block as it is to be written, if it is empty or can go out as it came.
    #[inline(always)]
    pub(crate) const fn ready_block(&self, place: &Place, c: Context) -> Option<&'a [u8]> {
        match self.0 {
            Repr::Wire { bytes, low, high } if c.is_v5() && may_copy(low, high, place, c) => Some(bytes),
            Repr::Wire { bytes: [], .. } | Repr::List([]) => Some(&[]),
            _ => None,
        }
    }

    /// Performance: the sink is taken and given back, so that it stays in registers; not in a `Result`, in which its
    /// fields would share bytes with the error.
    #[inline(never)]
    fn encode_each<S: Sink>(&self, place: &Place, c: Context, mut out: S) -> (S, Written) {
        let written = self.walk(place, c, &mut out);
        (out, written)
    }

    fn walk<S: Sink>(&self, place: &Place, c: Context, out: &mut S) -> Written {
        if !c.is_v5() {
            let Some(id) = self.first() else { return Ok(()) };
            out.field(Field::Property(id));
            return Err(Rule::NotInVersion);
        }
        let start = out.start_block();
        let mut admission = Admission::new(place, c.sender());
        let on_terms = place.on_terms_from(c.sender());
        for part in self.parts() {
            match part.source {
                Source::Wire { bytes, present }
                    if present.intersection(part.hidden.union(on_terms)).is_empty()
                        && !c.has_strict_characters() =>
                {
                    admission.have_been(present);
                    out.put(bytes);
                }
                Source::Wire { .. } => {
                    for property in PropertyIter::of_part(part) {
                        encode_one(&property, &mut admission, c, out)?;
                    }
                }
                Source::List(list) => {
                    for property in list {
                        if !part.hidden.contains(property.id()) {
                            encode_one(property, &mut admission, c, out)?;
                        }
                    }
                }
            }
        }
        out.end_block(start);
        Ok(())
    }

    /// Whether there is no property.
    pub fn is_empty(&self) -> bool {
        match self.0 {
            Repr::Wire { bytes, .. } => bytes.is_empty(),
            Repr::List(list) => list.is_empty(),
            Repr::Edited(_) => self.first().is_none(),
        }
    }

    /// Performance: in a function of its own, as what is rare.
    #[inline(never)]
    fn first(&self) -> Option<PropertyId> {
        self.iter().next().map(|property| property.id())
    }

    /// The properties, in order.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property};
    ///
    /// let mine = [Property::ContentType("text/plain"), Property::MessageExpiryInterval(60)];
    /// for property in &Properties::new(&mine) {
    ///     match property {
    ///         Property::MessageExpiryInterval(seconds) => assert_eq!(seconds, 60),
    ///         other => println!("passed on as it is: {other:?}"),
    ///     }
    /// }
    /// ```
    pub fn iter(&self) -> PropertyIter<'a> {
        PropertyIter::new(*self)
    }

    /// Which properties there are.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property, PropertyId};
    ///
    /// let mine = [Property::ContentType("text/plain"), Property::MessageExpiryInterval(60)];
    /// let ids = Properties::new(&mine).ids();
    /// assert!(ids.contains(PropertyId::ContentType) && !ids.contains(PropertyId::TopicAlias));
    /// ```
    pub fn ids(&self) -> PropertySet {
        let mut ids = PropertySet::EMPTY;
        for part in self.parts() {
            let here = match part.source {
                Source::Wire { present, .. } => present.difference(PropertySet::LOOSE),
                Source::List(list) => list.iter().map(Property::id).collect(),
            };
            ids = ids.union(here.difference(part.hidden));
        }
        ids
    }

    /// Whether the property is there.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property, PropertyId};
    ///
    /// let mine = [Property::ContentType("text/plain")];
    /// assert!(Properties::new(&mine).contains(PropertyId::ContentType));
    /// ```
    pub fn contains(&self, id: PropertyId) -> bool {
        match self.0 {
            Repr::Wire { low, high, .. } => PropertySet::from_parts(low, high).contains(id),
            _ => self.find(id).is_some(),
        }
    }

    /// The first property with that identifier.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property, PropertyId};
    ///
    /// let mine = [Property::ContentType("text/plain"), Property::MessageExpiryInterval(60)];
    /// let found = Properties::new(&mine).find(PropertyId::MessageExpiryInterval);
    /// assert_eq!(found, Some(Property::MessageExpiryInterval(60)));
    /// ```
    pub fn find(&self, id: PropertyId) -> Option<Property<'a>> {
        match self.0 {
            Repr::Wire { low, high, .. } if !PropertySet::from_parts(low, high).contains(id) => None,
            Repr::List([]) => None,
            _ => self.find_far(id),
        }
    }

    #[inline(never)]
    fn find_far(&self, id: PropertyId) -> Option<Property<'a>> {
        self.iter().find(id)
    }

    /// The properties as bytes, without the length before them, when they are just as they were received.
    ///
    /// ```
    /// use mqtt_wire::{Packet, Version, decode_exact};
    ///
    /// // Content Type "t", as it came: to be kept with a message and looked into later.
    /// let bytes = [0x30, 8, 0, 1, b'a', 4, 0x03, 0, 1, b't'];
    /// let Packet::Publish(publish) = decode_exact(&bytes, Version::V5)? else { panic!("a PUBLISH") };
    /// assert_eq!(publish.properties.as_wire(), Some(&[0x03, 0, 1, b't'][..]));
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    pub const fn as_wire(&self) -> Option<&'a [u8]> {
        match self.0 {
            Repr::Wire { bytes, .. } => Some(bytes),
            Repr::List([]) => Some(&[]),
            _ => None,
        }
    }
}

/// Whether a received block can go out as it came: nothing is too long, and whatever is there may stand in this place.
const fn may_copy(low: u32, high: u16, place: &Place, c: Context) -> bool {
    PropertySet::from_parts(low, high).intersection(place.on_terms).is_empty() && !c.has_strict_characters()
}

fn encode_one<S: Sink>(
    property: &Property<'_>,
    admission: &mut Admission<'_>,
    c: Context,
    out: &mut S,
) -> Written {
    let id = property.id();
    if S::CHECKS {
        out.field(Field::Property(id));
        admission.admit(id)?;
    }
    property.value().write(id, c, out)
}

impl Default for Properties<'_> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Equal when they hold equal properties in the same order.
impl PartialEq for Properties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Properties<'_> {}

impl core::hash::Hash for Properties<'_> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.iter().for_each(|property| property.hash(state));
        state.write_u8(0xFF);
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;
    fn into_iter(self) -> PropertyIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;
    fn into_iter(self) -> PropertyIter<'a> {
        self.iter()
    }
}

impl<'a> From<&'a [Property<'a>]> for Properties<'a> {
    fn from(properties: &'a [Property<'a>]) -> Self {
        Self::new(properties)
    }
}

impl<'a, const N: usize> From<&'a [Property<'a>; N]> for Properties<'a> {
    fn from(properties: &'a [Property<'a>; N]) -> Self {
        Self::new(properties)
    }
}
