//! Properties, and the small types: what stands in a field.

use core::num::{NonZeroU16, NonZeroU32};

use arbitrary::{Arbitrary, Error, Result, Unstructured, size_hint};

use crate::options::Tolerance;
use crate::property::{PropertiesBuf, Property};
use crate::standard::{
    Delivery, MaximumQoS, PacketId, PacketType, PropertyId, PropertySet, QoS, ReasonCode, RetainHandling,
    Rule, Sender, SubscriptionId, Version, properties,
};
use crate::topic::TopicName;

macro_rules! property {
    (
        $($(#[$doc:meta])* $id:literal $name:ident $getter:ident $title:literal $kind:ident($type:ty) in $($place:ident)|+;)+
        repeating $($(#[$many_doc:meta])* $many_id:literal $many:ident $many_getter:ident $many_title:literal $many_kind:ident($many_type:ty) in $($many_place:ident)|+, repeats in $($repeats:ident)|+;)+
    ) => {
        /// A property with any value that it may have.
        pub(super) fn property<'a>(u: &mut Unstructured<'a>, id: PropertyId) -> Result<Property<'a>> {
            Ok(match id {
                $(PropertyId::$name => Property::$name(Value::generate(u)?),)+
                $(PropertyId::$many => Property::$many(Value::generate(u)?),)+
            })
        }
    };
}

properties! { property }

/// A value that a field of the wire can hold.
pub(super) trait Value<'a>: Sized {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self>;
}

macro_rules! values {
    ($($name:ty)+) => { $(
        impl<'a> Value<'a> for $name {
            fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
                u.arbitrary()
            }
        }
    )+ };
}

values! { bool u16 u32 MaximumQoS PacketId SubscriptionId TopicName<'a> }

impl<'a> Value<'a> for NonZeroU16 {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::new(u.arbitrary()?).unwrap_or(Self::MIN))
    }
}

impl<'a> Value<'a> for NonZeroU32 {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::new(u.arbitrary()?).unwrap_or(Self::MIN))
    }
}

/// The longest string or binary value in bytes.
const MAX_LEN: usize = 65_535;

impl<'a> Value<'a> for &'a [u8] {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
        let bytes: &[u8] = u.arbitrary()?;
        Ok(bytes.get(..MAX_LEN).unwrap_or(bytes))
    }
}

impl<'a> Value<'a> for &'a str {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
        text(u, &['\0'])
    }
}

impl<'a> Value<'a> for (&'a str, &'a str) {
    fn generate(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok((Value::generate(u)?, Value::generate(u)?))
    }
}

/// A text without these characters, no longer than a field.
pub(super) fn text<'a>(u: &mut Unstructured<'a>, without: &[char]) -> Result<&'a str> {
    let text: &str = u.arbitrary()?;
    let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= MAX_LEN && !without.contains(c);
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    Ok(text.get(..end).unwrap_or_default())
}

impl<'a> Arbitrary<'a> for Property<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let id = u.arbitrary()?;
        property(u, id)
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (1, None)
    }
}

/// Any properties that some packet can carry; the last one counts where one may stand only once.
impl<'a> Arbitrary<'a> for PropertiesBuf {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut this = Self::new();
        for made in u.arbitrary_iter::<Property<'a>>()? {
            let property = made?;
            let id = property.id();
            let taken = if id.may_repeat() { this.push(property) } else { this.set(property) };
            if let Err(error) = taken {
                panic!("{error}, of a value that {id} may have");
            }
        }
        Ok(this)
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl<'a> Arbitrary<'a> for PropertySet {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let bits: u32 = u.arbitrary()?;
        Ok((0..).zip(PropertyId::ALL).filter(|(n, _)| bits >> n & 1 != 0).map(|(_, id)| *id).collect())
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        u32::size_hint(depth)
    }
}

impl<'a> Arbitrary<'a> for PacketId {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::new(u.arbitrary()?).unwrap_or(Self::MIN))
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        u16::size_hint(depth)
    }
}

impl<'a> Arbitrary<'a> for SubscriptionId {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let id = u.int_in_range(1..=Self::MAX.get())?;
        Self::new(id).ok_or(Error::IncorrectFormat)
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        u32::size_hint(depth)
    }
}

impl<'a> Arbitrary<'a> for Delivery {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary()? {
            QoS::AtMostOnce => Self::AtMostOnce,
            QoS::AtLeastOnce => Self::AtLeastOnce(Value::generate(u)?),
            QoS::ExactlyOnce => Self::ExactlyOnce(Value::generate(u)?),
        })
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        size_hint::and(QoS::size_hint(depth), size_hint::or((0, Some(0)), PacketId::size_hint(depth)))
    }
}

/// One of a few values.
macro_rules! choices {
    ($($name:ty = $all:expr;)+) => { $(
        impl<'a> Arbitrary<'a> for $name {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                u.choose(&$all).copied()
            }

            fn size_hint(_: usize) -> (usize, Option<usize>) {
                (1, Some(1))
            }
        }
    )+ };
}

choices! {
    Version = Self::ALL;
    Sender = [Self::Client, Self::Server];
    QoS = [Self::AtMostOnce, Self::AtLeastOnce, Self::ExactlyOnce];
    MaximumQoS = [Self::AtMostOnce, Self::AtLeastOnce];
    RetainHandling = [Self::Send, Self::SendIfNew, Self::DoNotSend];
    PacketType = Self::ALL;
    PropertyId = *Self::ALL;
    ReasonCode = *Self::ALL;
    Tolerance = *Self::ALL;
    Rule = *Self::ALL;
}
