//! A list of properties made into a block, in one walk.

use super::{Properties, Property, PropertyValue};
use crate::options::Context;
use crate::scan;
use crate::standard::{Place, PropertySet};

impl<'a> Properties<'a> {
    /// The list of the caller's that these properties are, if they are one and it is not empty.
    #[inline(always)]
    pub(crate) const fn as_list(&self) -> Option<&'a [Property<'a>]> {
        match self.repr() {
            super::properties::Repr::List(list) if !list.is_empty() => Some(list),
            _ => None,
        }
    }

    /// The properties of a list as a block that is written into `room`; `None` when one of them may not stand in this
    /// place, is not right, or there is not enough room.
    #[inline(always)]
    pub(crate) fn of_list<'b>(
        list: &[Property<'_>],
        place: &Place,
        c: Context,
        room: &'b mut [u8],
    ) -> Option<Properties<'b>> {
        if !c.is_v5() || c.has_strict_characters() {
            return None;
        }
        let mut open = place.allowed_from(c.sender());
        let mut present = PropertySet::EMPTY;
        let mut at = 0_usize;
        for property in list {
            let id = property.id();
            if !open.contains(id) {
                return None;
            }
            present = present.union(PropertySet::of(id));
            open = open.difference(PropertySet::of(id).difference(place.repeats));
            at = property.put(room, at)?;
        }
        let (block, _) = room.split_at_checked(at)?;
        Some(Properties::checked(block, present))
    }
}

impl PropertyValue<'_> {
    /// Puts a property with this value at a place of the room; the place behind it.
    #[inline(always)]
    pub(super) fn put(self, id: u8, room: &mut [u8], at: usize) -> Option<usize> {
        match self {
            Self::Byte(n) => put_bytes(&[id, n], room, at),
            Self::TwoByteInteger(n) => {
                let [high, low] = n.to_be_bytes();
                put_bytes(&[id, high, low], room, at)
            }
            Self::FourByteInteger(n) => {
                let [first, second, third, fourth] = n.to_be_bytes();
                put_bytes(&[id, first, second, third, fourth], room, at)
            }
            Self::VariableByteInteger(n) => {
                let Ok(n @ ..0x80) = u8::try_from(n) else { return None };
                put_bytes(&[id, n], room, at)
            }
            Self::Utf8String(text) => {
                let at = put_bytes(&[id], room, at)?;
                put_text(text, room, at)
            }
            Self::BinaryData(data) => {
                let at = put_bytes(&[id], room, at)?;
                put_data(data, room, at)
            }
            Self::Utf8StringPair(name, value) => {
                let at = put_bytes(&[id], room, at)?;
                let at = put_text(name, room, at)?;
                put_text(value, room, at)
            }
        }
    }
}

#[inline(never)]
fn put_text(text: &str, room: &mut [u8], at: usize) -> Option<usize> {
    if scan::has_nul(text.as_bytes()) { None } else { put_data(text.as_bytes(), room, at) }
}

#[inline(always)]
fn put_bytes<const N: usize>(bytes: &[u8; N], room: &mut [u8], at: usize) -> Option<usize> {
    *room.get_mut(at..)?.first_chunk_mut()? = *bytes;
    Some(at + N)
}

#[inline(always)]
fn put_data(data: &[u8], room: &mut [u8], at: usize) -> Option<usize> {
    let len = u16::try_from(data.len()).ok()?;
    let at = put_bytes(&len.to_be_bytes(), room, at)?;
    let end = at + data.len();
    scan::copy(room.get_mut(at..end)?, data);
    Some(end)
}
