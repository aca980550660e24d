//! [`PropertiesBuf`]: properties in memory of their own.

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use super::iter::span;
use super::properties::Repr;
use super::{Properties, Property, PropertyIter};
use crate::error::{EncodeError, EncodeErrorKind};
use crate::options::Context;
use crate::standard::{MAX_VARIABLE_BYTE_INTEGER, PropertyId, PropertySet, Rule, Version};
use crate::write::Output;
use crate::write::{Counter, Writer};

/// Properties in memory of their own, in the form of the wire: what a program keeps, returns and sends later.
///
/// A packet that has them is encoded by copying them. What no packet could carry is not taken in: a string with U+0000,
/// a value of more than 65,535 bytes, a property twice that may stand nowhere more than once. Whether a property may stand
/// in the packet at hand is checked when that is encoded.
///
/// ```
/// use mqtt_wire::{EncodeError, Packet, PropertiesBuf, Property, Publish, Version, topic_name};
///
/// fn properties(room: &str, seconds: u32) -> Result<PropertiesBuf, EncodeError> {
///     let mut properties = PropertiesBuf::new();
///     properties.push(Property::MessageExpiryInterval(seconds))?;
///     properties.push(("room", room))?;
///     Ok(properties)
/// }
///
/// let mut properties = properties("kitchen", 60)?;
/// properties.set(Property::MessageExpiryInterval(48))?;
/// let publish = Publish {
///     properties: properties.as_properties(),
///     ..Publish::new(topic_name!("kitchen/temperature"), b"21.5")
/// };
/// assert_eq!(publish.properties.message_expiry_interval(), Some(48));
/// Packet::from(publish).encode(Version::V5, &mut [0; 64])?;
/// # Ok::<(), EncodeError>(())
/// ```
///
/// [`Extend`] has no way to refuse, so it is not offered: see [`try_extend`](Self::try_extend). An iterator is collected
/// into a `Result`.
///
/// ```
/// use mqtt_wire::{EncodeError, PropertiesBuf, Property};
///
/// let labels = [("room", "kitchen"), ("floor", "2")];
/// let properties: Result<PropertiesBuf, EncodeError> =
///     labels.into_iter().map(Property::from).collect();
/// assert_eq!(properties?.len(), 2);
/// # Ok::<(), EncodeError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PropertiesBuf {
    /// Every integer is in its shortest form, so that equal bytes are equal properties.
    block: Vec<u8>,
    present: PropertySet,
}

impl PropertiesBuf {
    /// No properties. Nothing is allocated.
    pub const fn new() -> Self {
        Self { block: Vec::new(), present: PropertySet::EMPTY }
    }

    /// No properties, and room for so many bytes. A property takes as many as its value and one more; a string takes two
    /// more for its length.
    ///
    /// ```
    /// use mqtt_wire::{PropertiesBuf, Property};
    ///
    /// // A number of four bytes, and a text of ten.
    /// let mut properties = PropertiesBuf::with_capacity((1 + 4) + (1 + 2 + 10));
    /// properties.push(Property::MessageExpiryInterval(60))?;
    /// properties.push(Property::ContentType("text/plain"))?;
    /// assert_eq!(properties.as_wire().len(), 18);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn with_capacity(bytes: usize) -> Self {
        Self { block: Vec::with_capacity(bytes), present: PropertySet::EMPTY }
    }

    /// Adds a property behind the others.
    ///
    /// ```
    /// use mqtt_wire::{PropertiesBuf, Property, Rule};
    ///
    /// let mut properties = PropertiesBuf::new();
    /// properties.push(Property::ContentType("text/plain"))?;
    /// properties.push(("room", "kitchen"))?;
    /// let error = properties.push(Property::ContentType("text/html")).unwrap_err();
    /// assert_eq!(error.rule(), Some(Rule::PropertyRepeated));
    /// assert_eq!(properties.len(), 2);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// When no packet could carry it beside the others: a string with U+0000 ([`Rule::NulCharacter`]), a string or Binary
    /// Data of more than 65,535 bytes ([`Rule::StringTooLong`]), a property that is there already and may not be there
    /// twice ([`Rule::PropertyRepeated`]), more than 268,435,455 bytes in all. The properties are then as they were.
    pub fn push<'p>(&mut self, property: impl Into<Property<'p>>) -> Result<(), EncodeError> {
        let property = property.into();
        let id = property.id();
        if self.present.contains(id) && !id.may_repeat() {
            return Err(refusal(EncodeErrorKind::Invalid(Rule::PropertyRepeated), id));
        }
        let len = checked_len(&property, self.block.len())?;
        self.append(&property, len);
        Ok(())
    }

    /// Puts a property in the place of all with its identifier, at the end.
    ///
    /// ```
    /// use mqtt_wire::{PropertiesBuf, Property};
    ///
    /// let mut properties = PropertiesBuf::new();
    /// properties.set(Property::MessageExpiryInterval(60))?;
    /// properties.set(Property::MessageExpiryInterval(48))?; // in place of the first
    /// assert_eq!(properties.as_properties().message_expiry_interval(), Some(48));
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`push`](Self::push), but that it may have been there. The properties are then as they were.
    pub fn set<'p>(&mut self, property: impl Into<Property<'p>>) -> Result<(), EncodeError> {
        let property = property.into();
        let id = property.id();
        let replaced: usize = self.spans_of(id).sum();
        let len = checked_len(&property, self.block.len().saturating_sub(replaced))?;
        self.remove(id);
        self.append(&property, len);
        Ok(())
    }

    /// Adds properties behind the others: all of them, or none.
    ///
    /// ```
    /// use mqtt_wire::{PropertiesBuf, Property};
    ///
    /// let mut properties = PropertiesBuf::new();
    /// properties.try_extend([("room", "kitchen"), ("floor", "2")])?;
    /// // The second is wrong, so the first is not taken either.
    /// assert!(properties.try_extend([("door", "1"), ("nul", "\0")]).is_err());
    /// assert_eq!(properties.len(), 2);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub fn try_extend<'p, P: Into<Property<'p>>>(
        &mut self,
        properties: impl IntoIterator<Item = P>,
    ) -> Result<(), EncodeError> {
        let (len, present) = (self.block.len(), self.present);
        let pushed = properties.into_iter().try_for_each(|property| self.push(property));
        if pushed.is_err() {
            self.block.truncate(len);
            self.present = present;
        }
        pushed
    }

    /// Takes out all properties with one of these identifiers. Returns which of them there were.
    ///
    /// ```
    /// use mqtt_wire::{PropertiesBuf, Property, PropertyId};
    ///
    /// let mut properties = PropertiesBuf::new();
    /// properties.push(Property::ContentType("text/plain"))?;
    /// let removed = properties.remove(PropertyId::ContentType | PropertyId::UserProperty);
    /// assert!(removed.contains(PropertyId::ContentType) && properties.is_empty());
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn remove(&mut self, ids: impl Into<PropertySet>) -> PropertySet {
        let removed = self.present & ids.into();
        if removed.is_empty() {
            return removed;
        }
        let (mut at, mut kept) = (0_usize, 0_usize);
        while let Some((number, len)) = self.block.get(at..).and_then(span) {
            let end = at.saturating_add(len);
            // The order always holds. It is asked for so that the compiler keeps no panic.
            if !removed.contains_number(number) && kept <= at && at <= end && end <= self.block.len() {
                self.block.copy_within(at..end, kept);
                kept = kept.saturating_add(len);
            }
            at = end;
        }
        self.block.truncate(kept);
        self.present = self.present - removed;
        removed
    }

    /// Takes out all properties. The memory is kept.
    ///
    /// ```
    /// use mqtt_wire::{PropertiesBuf, Property};
    ///
    /// // One buffer serves message after message.
    /// let mut properties = PropertiesBuf::new();
    /// for seconds in [60, 3600] {
    ///     properties.clear();
    ///     properties.push(Property::MessageExpiryInterval(seconds))?;
    ///     assert_eq!(properties.as_properties().message_expiry_interval(), Some(seconds));
    /// }
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn clear(&mut self) {
        self.block.clear();
        self.present = PropertySet::EMPTY;
    }

    /// The number of properties, which are counted.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no property.
    pub const fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// Which properties there are.
    pub const fn ids(&self) -> PropertySet {
        self.present
    }

    /// The properties, in order.
    ///
    /// ```
    /// use mqtt_wire::{PropertiesBuf, Property};
    ///
    /// let mut kept = PropertiesBuf::new();
    /// kept.push(Property::UserProperty(("room", "kitchen")))?;
    /// kept.push(Property::ContentType("text/plain"))?;
    /// // A log shows every property, those that its author has not thought of as well.
    /// let lines: Vec<_> = kept.iter().map(|property| format!("{property:?}")).collect();
    /// assert_eq!(lines.len(), 2);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn iter(&self) -> PropertyIter<'_> {
        self.as_properties().iter()
    }

    /// What packets take, with a getter for each property.
    ///
    /// ```
    /// use mqtt_wire::{PropertiesBuf, Property, Publish, topic_name};
    ///
    /// let mut kept = PropertiesBuf::new(); // made once, for every message of a program
    /// kept.push(Property::ContentType("text/plain"))?;
    /// let publish =
    ///     Publish { properties: kept.as_properties(), ..Publish::new(topic_name!("a"), b"hi") };
    /// assert_eq!(publish.properties.content_type(), Some("text/plain"));
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn as_properties(&self) -> Properties<'_> {
        Properties::checked(&self.block, self.present)
    }

    /// The properties as bytes, without the length before them.
    ///
    /// ```
    /// use mqtt_wire::{PropertiesBuf, Property};
    ///
    /// // How much of the receiver's Maximum Packet Size they take.
    /// let mut properties = PropertiesBuf::new();
    /// properties.push(Property::ContentType("text/plain"))?;
    /// assert_eq!(properties.as_wire().len(), 1 + 2 + "text/plain".len());
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn as_wire(&self) -> &[u8] {
        &self.block
    }

    /// How many bytes each property with that identifier takes.
    fn spans_of(&self, id: PropertyId) -> impl Iterator<Item = usize> {
        let mut rest = self.block.as_slice();
        let spans = core::iter::from_fn(move || {
            let (number, len) = span(rest)?;
            rest = rest.get(len..)?;
            Some((number, len))
        });
        spans.filter(move |(number, _)| *number == u32::from(id.get())).map(|(_, len)| len)
    }

    /// Writes a property behind the others that was checked and takes so many bytes.
    fn append(&mut self, property: &Property<'_>, len: usize) {
        if let Ok(room) = Output::extend(&mut self.block, len, &[]) {
            let written = property.value().write(property.id(), CONTEXT, &mut Writer::new(room, 0));
            debug_assert!(written.is_ok(), "the two walks differ");
            self.present.insert(property.id());
        }
    }
}

const CONTEXT: Context = Context::new(Version::V5);

/// Checks a property that is to stand in a block behind so many bytes; the number of its own.
fn checked_len(property: &Property<'_>, before: usize) -> Result<usize, EncodeError> {
    let id = property.id();
    let mut counter = Counter::new();
    let written = property.value().write(id, CONTEXT, &mut counter);
    written.map_err(|rule| refusal(EncodeErrorKind::Invalid(rule), id))?;
    // A property takes 131,075 bytes at most.
    let len = usize::try_from(counter.len()).unwrap_or(usize::MAX);
    let (size, max) = (before.saturating_add(len), MAX_VARIABLE_BYTE_INTEGER as usize);
    if size > max {
        return Err(refusal(EncodeErrorKind::TooLarge { size, max }, id));
    }
    Ok(len)
}

const fn refusal(kind: EncodeErrorKind, id: PropertyId) -> EncodeError {
    EncodeError::of_property(kind, id)
}

impl Properties<'_> {
    /// The same properties in memory of their own. Received ones are copied as they are.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property};
    ///
    /// let mine = [Property::ContentType("text/plain"), Property::UserProperty(("room", "kitchen"))];
    /// let kept = Properties::new(&mine).to_buf()?;
    /// assert_eq!(kept, Properties::new(&mine));
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`PropertiesBuf::push`]. Received properties that nothing was added to are always fit.
    pub fn to_buf(&self) -> Result<PropertiesBuf, EncodeError> {
        if let Repr::Wire { bytes, low, high } = self.repr() {
            let present = PropertySet::from_parts(low, high);
            if (present & PropertySet::LOOSE).is_empty() {
                return Ok(PropertiesBuf { block: bytes.to_vec(), present });
            }
        }
        self.iter().collect()
    }
}

impl TryFrom<Properties<'_>> for PropertiesBuf {
    type Error = EncodeError;

    fn try_from(properties: Properties<'_>) -> Result<Self, EncodeError> {
        properties.to_buf()
    }
}

impl<'p> TryFrom<&[Property<'p>]> for PropertiesBuf {
    type Error = EncodeError;

    fn try_from(properties: &[Property<'p>]) -> Result<Self, EncodeError> {
        properties.iter().copied().collect()
    }
}

impl<'p, const N: usize> TryFrom<[Property<'p>; N]> for PropertiesBuf {
    type Error = EncodeError;

    fn try_from(properties: [Property<'p>; N]) -> Result<Self, EncodeError> {
        properties.into_iter().collect()
    }
}

impl<'p> FromIterator<Property<'p>> for Result<PropertiesBuf, EncodeError> {
    fn from_iter<I: IntoIterator<Item = Property<'p>>>(properties: I) -> Self {
        let mut this = PropertiesBuf::new();
        this.try_extend(properties)?;
        Ok(this)
    }
}

impl<'a> From<&'a PropertiesBuf> for Properties<'a> {
    fn from(properties: &'a PropertiesBuf) -> Self {
        properties.as_properties()
    }
}

impl<'a> IntoIterator for &'a PropertiesBuf {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;
    fn into_iter(self) -> PropertyIter<'a> {
        self.iter()
    }
}

impl PartialEq<Properties<'_>> for PropertiesBuf {
    fn eq(&self, other: &Properties<'_>) -> bool {
        self.as_properties() == *other
    }
}

impl PartialEq<PropertiesBuf> for Properties<'_> {
    fn eq(&self, other: &PropertiesBuf) -> bool {
        *self == other.as_properties()
    }
}

/// As [`Properties`] hash.
impl Hash for PropertiesBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_properties().hash(state);
    }
}
