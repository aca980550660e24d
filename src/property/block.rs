//! The properties of a packet as a block of bytes, with what is hidden of it and added to it.

use core::fmt;

use super::{Place, Property, PropertyId, PropertySet, form, sharpen};
use crate::error::Kind;
use crate::options::{Context, Tolerance};
use crate::read::{Fault, Parsed, variable, variable_block, wants_shortest};
use crate::version::Sender;
use crate::write::{Sink, Written};

/// The properties of a packet: those that came over the wire, as they came, minus what
/// [`without`](Self::without) hides, plus what [`with`](Self::with) adds. Nothing is copied or allocated, and
/// the order of user properties stays (`[MQTT-3.3.2-18]`).
///
/// ```
/// use mqtt_wire::{Properties, Property, PropertyId};
///
/// let mine = [Property::MessageExpiryInterval(60), Property::UserProperty(("rumah", "kami"))];
/// let properties = Properties::new(&mine);
/// assert_eq!(properties.message_expiry_interval(), Some(60));
/// assert_eq!(properties.user_properties().count(), 1);
/// assert_eq!(properties.without(PropertyId::UserProperty).iter().count(), 1);
/// ```
#[derive(Clone, Copy, Default)]
pub struct Properties<'a> {
    wire: &'a [u8],
    present: PropertySet,
    hidden: PropertySet,
    added: &'a [Property<'a>],
    hidden_added: PropertySet,
}

impl<'a> Properties<'a> {
    /// No properties: what every packet of 3.x has.
    pub const EMPTY: Self = Self {
        wire: &[],
        present: PropertySet::EMPTY,
        hidden: PropertySet::EMPTY,
        added: &[],
        hidden_added: PropertySet::EMPTY,
    };

    /// These properties. Whether they may stand in a packet is checked when that is encoded.
    pub const fn new(properties: &'a [Property<'a>]) -> Self {
        Self { added: properties, ..Self::EMPTY }
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
        let (i, (wire, present)) = Self::decode_block(place, c, at)?;
        Ok((i, Self { wire, present, ..Self::EMPTY }))
    }

    fn decode_block(place: &Place, c: Context, at: &'a [u8]) -> Parsed<'a, (&'a [u8], PropertySet)> {
        let (i, wire) = variable_block(at, c)?;
        let present = Self::check(place, c, wire)?;
        Ok((i, (wire, present)))
    }

    /// Checks every property of a block and tells which are there.
    fn check(place: &Place, c: Context, wire: &'a [u8]) -> Result<PropertySet, Fault<'a>> {
        let shortest = wants_shortest(c);
        let allowed = place.allowed_from(c.sender());
        // What has not been there yet.
        let mut open = allowed;
        let mut at = wire;
        while !at.is_empty() {
            // Every property has a number below 64; those are not looked at as integers of more bytes.
            let (i, number) = match *at {
                [number @ ..=0x3F, ref i @ ..] => (i, u32::from(number)),
                _ => long_number(at, shortest)?,
            };
            if open.0.checked_shr(number).is_none_or(|open| open & 1 == 0) {
                place.check_again(number, allowed.difference(open), c.sender(), at)?;
            }
            open = open.difference(PropertySet::of_number(number));
            match form(number).check(i, c) {
                Ok((i, ())) => at = i,
                Err(fault) => return Err(sharpen(number, fault)),
            }
        }
        let present = allowed.difference(open);
        // What was let through may be longer than needed: then it is not to be written out as it came.
        Ok(if c.tolerates(Tolerance::NonMinimalLengths) {
            present.union(PropertySet::LOOSE)
        } else {
            present
        })
    }

    /// Writes the property block; in 3.x there must be nothing to write.
    #[inline(never)]
    pub(crate) fn encode<S: Sink>(&self, place: &Place, c: Context, out: &mut S) -> Written {
        self.encode_near(place, c, out)
    }

    /// The same, inlined, for packets that have properties as a rule.
    #[inline(always)]
    pub(crate) fn encode_near<S: Sink>(&self, place: &Place, c: Context, out: &mut S) -> Written {
        let Some(block) = self.short_block(place, c) else {
            let written;
            (*out, written) = self.encode_block(place, c, out.take());
            return written;
        };
        if c.is_v5() {
            let [.., len] = block.len().to_be_bytes();
            out.byte(len);
        }
        if !block.is_empty() {
            out.put(block);
        }
        Ok(())
    }

    /// The block, if it is empty or can go out as it came, and has a length of one byte.
    #[inline(always)]
    pub(crate) const fn short_block(&self, place: &Place, c: Context) -> Option<&'a [u8]> {
        if !self.added.is_empty() || self.wire.len() >= 0x80 {
            return None;
        }
        if self.wire.is_empty() || c.is_v5() && self.copies_wire(place, c) { Some(self.wire) } else { None }
    }

    /// Whether the received bytes can go out as they came: nothing is hidden or too long, and whatever is there
    /// may stand in this place.
    #[inline(always)]
    const fn copies_wire(&self, place: &Place, c: Context) -> bool {
        self.present.intersection(self.hidden.union(place.on_terms)).is_empty()
            && !c.refuses_control_characters()
    }

    /// Takes the sink and gives it back; not in a `Result`, in which its fields would share bytes with the error.
    #[inline(never)]
    fn encode_block<S: Sink>(&self, place: &Place, c: Context, mut out: S) -> (S, Written) {
        let mut sink = out.take();
        let written = self.walk_block(place, c, &mut sink);
        (sink, written)
    }

    #[inline(always)]
    fn walk_block<S: Sink>(&self, place: &Place, c: Context, out: &mut S) -> Written {
        if !c.is_v5() {
            return if self.is_empty() { Ok(()) } else { Err(Kind::NotInVersion) };
        }
        let start = out.start_block();
        let mut admission = Admission::new(place, c.sender());
        if self.copies_wire(place, c) {
            admission.have_been(self.present);
            if !self.wire.is_empty() {
                out.put(self.wire);
            }
        } else {
            for property in self.received() {
                if S::CHECKS {
                    admission.admit(property.id())?;
                }
                property.write(c, out)?;
            }
        }
        for property in self.added {
            if self.hidden_added.contains(property.id()) {
                continue;
            }
            if S::CHECKS {
                admission.admit(property.id())?;
            }
            property.write(c, out)?;
        }
        out.end_block(start);
        Ok(())
    }

    /// Whether there is nothing, not even something hidden.
    #[inline(always)]
    pub(crate) const fn is_blank(&self) -> bool {
        self.wire.len() | self.added.len() == 0
    }

    /// Whether there is no property.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.is_blank() || self.received_ids().is_empty() && self.shown_added().next().is_none()
    }

    /// The properties, received ones first, in order.
    pub fn iter(&self) -> PropertyIter<'a> {
        PropertyIter(*self)
    }

    fn received(&self) -> PropertyIter<'a> {
        PropertyIter(Self { added: &[], ..*self })
    }

    /// The added properties that are not hidden.
    fn shown_added(&self) -> impl Iterator<Item = &'a Property<'a>> {
        let hidden = self.hidden_added;
        self.added.iter().filter(move |property| !hidden.contains(property.id()))
    }

    const fn received_ids(&self) -> PropertySet {
        self.present.difference(self.hidden).difference(PropertySet::LOOSE)
    }

    /// Which properties there are.
    #[inline]
    pub fn ids(&self) -> PropertySet {
        self.shown_added().fold(self.received_ids(), |set, property| set | property.id())
    }

    pub(super) fn all(&self, id: PropertyId) -> impl Iterator<Item = Property<'a>> + use<'a> {
        let mut all = self.iter();
        if !self.present.contains(id) {
            all.0.wire = &[];
        }
        all.filter(move |property| property.id() == id)
    }

    #[inline(always)]
    pub(super) fn find(&self, id: PropertyId) -> Option<Property<'a>> {
        if !self.present.contains(id) && self.added.is_empty() {
            return None;
        }
        self.first(id)
    }

    #[inline(never)]
    fn first(&self, id: PropertyId) -> Option<Property<'a>> {
        self.all(id).next()
    }

    /// The same without some properties, such as the Topic Alias when a message is forwarded.
    #[must_use]
    pub fn without(self, ids: impl Into<PropertySet>) -> Self {
        let ids = ids.into();
        Self { hidden: self.hidden.union(ids), hidden_added: self.hidden_added.union(ids), ..self }
    }

    /// The same with these properties behind the received ones, in place of those added before.
    #[must_use]
    pub const fn with(self, added: &'a [Property<'a>]) -> Self {
        Self { added, hidden_added: PropertySet::EMPTY, ..self }
    }

    /// The properties as bytes, without the length before them, when they are just as they were received.
    pub fn as_wire(&self) -> Option<&'a [u8]> {
        let untouched = self.added.is_empty() && self.present.intersection(self.hidden).is_empty();
        untouched.then_some(self.wire)
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
    }
}

impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
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

/// The number of a property that takes more than one byte, or is none.
#[cold]
#[inline(never)]
fn long_number(at: &[u8], shortest: bool) -> Parsed<'_, u32> {
    variable(at, shortest)
}

/// Lets properties into a place, one by one.
struct Admission<'p> {
    place: &'p Place,
    sender: Option<Sender>,
    /// What may still come.
    open: PropertySet,
}

impl<'p> Admission<'p> {
    #[inline(always)]
    const fn new(place: &'p Place, sender: Option<Sender>) -> Self {
        Self { place, sender, open: place.allowed_from(sender) }
    }

    /// Takes properties for admitted.
    #[inline(always)]
    const fn have_been(&mut self, ids: PropertySet) {
        self.open = self.open.difference(ids.difference(self.place.repeats));
    }

    #[inline(always)]
    fn admit(&mut self, id: PropertyId) -> Written {
        if !self.open.contains(id) {
            return Err(self.place.late_refusal(id, self.open, self.sender));
        }
        self.have_been(PropertySet::of(id));
        Ok(())
    }
}

/// Iterator over [`Properties`].
#[derive(Debug, Clone)]
pub struct PropertyIter<'a>(Properties<'a>);

impl<'a> Iterator for PropertyIter<'a> {
    type Item = Property<'a>;

    #[inline]
    fn next(&mut self) -> Option<Property<'a>> {
        let (i, number) = match *self.0.wire {
            [number @ ..=0x7F, ref i @ ..] if !self.hides(number.into()) => (i, number.into()),
            [] if self.0.added.is_empty() => return None,
            [] => return self.next_added(),
            _ => match self.first_shown() {
                Some(found) => found,
                None => return self.next_added(),
            },
        };
        PropertyId::read(number, i, &mut self.0.wire)
    }
}

impl<'a> PropertyIter<'a> {
    #[inline(always)]
    const fn hides(&self, number: u32) -> bool {
        !self.0.hidden.intersection(PropertySet::of_number(number)).is_empty()
    }

    /// Passes over what is hidden: the first received property that is not, its number read already.
    #[cold]
    #[inline(never)]
    fn first_shown(&mut self) -> Option<(&'a [u8], u32)> {
        loop {
            // The block was checked: reading it again cannot fail.
            let (i, number) = variable(self.0.wire, false).ok()?;
            if !self.hides(number) {
                return Some((i, number));
            }
            (self.0.wire, ()) = form(number).skip(i).ok()?;
        }
    }

    #[inline(never)]
    fn next_added(&mut self) -> Option<Property<'a>> {
        let this = &mut self.0;
        while let Some((property, rest)) = this.added.split_first() {
            this.added = rest;
            if !this.hidden_added.contains(property.id()) {
                return Some(*property);
            }
        }
        None
    }
}

impl core::iter::FusedIterator for PropertyIter<'_> {}
