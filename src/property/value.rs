//! Properties and their values: how each type is read, checked and written.

use core::num::{NonZeroU16, NonZeroU32};

use crate::options::Context;
use crate::read::{Fault, binary, byte, four_bytes, text, topic_name, two_bytes, variable, wants_shortest};
use crate::scan::as_str;
use crate::standard::{
    MaximumQoS, PropertyId, PropertySet, PropertyType, QoS, Rule, SubscriptionId, properties,
};
use crate::topic::TopicName;
use crate::write::{Sink, Written};

macro_rules! property {
    (
        $($(#[$doc:meta])* $id:literal $name:ident $getter:ident $title:literal $kind:ident($type:ty) in $($place:ident)|+;)+
        repeating $($(#[$many_doc:meta])* $many_id:literal $many:ident $many_getter:ident $many_title:literal $many_kind:ident($many_type:ty) in $($many_place:ident)|+, repeats in $($repeats:ident)|+;)+
    ) => {
        /// A property and its value (Table 2-4).
        ///
        /// ```
        /// use mqtt_wire::{Property, PropertyId};
        ///
        /// assert_eq!(Property::MessageExpiryInterval(60).id(), PropertyId::MessageExpiryInterval);
        /// assert_eq!(Property::from(("room", "kitchen")), Property::UserProperty(("room", "kitchen")));
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        // Performance: with the identifiers as discriminants `id` is a load.
        #[repr(u8)]
        pub enum Property<'a> { $($(#[$doc])* $name($type) = $id,)+ $($(#[$many_doc])* $many($many_type) = $many_id,)+ }

        impl<'a> Property<'a> {
            /// The identifier.
            pub const fn id(&self) -> PropertyId {
                match self { $(Self::$name(_) => PropertyId::$name,)+ $(Self::$many(_) => PropertyId::$many,)+ }
            }

            /// The value by its type on the wire, for tools that treat all properties alike.
            ///
            /// ```
            /// use mqtt_wire::{Property, PropertyValue};
            ///
            /// let property = Property::ServerKeepAlive(30);
            /// assert_eq!(property.value(), PropertyValue::TwoByteInteger(30));
            /// ```
            #[inline(always)]
            pub fn value(&self) -> PropertyValue<'a> {
                match self { $(Self::$name(value) => value.view(),)+ $(Self::$many(value) => value.view(),)+ }
            }

            /// Reads the value of the property of that number, which was checked before.
            #[inline(always)]
            pub(super) fn read(number: u32, i: &'a [u8]) -> Option<(&'a [u8], Self)> {
                match number {
                    $($id => Encoded::read(PropertyType::$kind, i).map(|(i, raw)| (i, Self::$name(Value::of(raw)))),)+
                    $($many_id => Encoded::read(PropertyType::$many_kind, i).map(|(i, raw)| (i, Self::$many(Value::of(raw)))),)+
                    _ => None,
                }
            }
        }

        impl<'a> Property<'a> {
            /// The properties whose value may not be 0.
            const NOT_ZERO: PropertySet = {
                let mut set = PropertySet::EMPTY;
                $(if <$type as Value<'a>>::NOT_ZERO { set.insert(PropertyId::$name); })+
                $(if <$many_type as Value<'a>>::NOT_ZERO { set.insert(PropertyId::$many); })+
                set
            };
        }
    };
}

properties! { property }

/// User Property.
impl<'a> From<(&'a str, &'a str)> for Property<'a> {
    fn from(pair: (&'a str, &'a str)) -> Self {
        Self::UserProperty(pair)
    }
}

/// The value of a property by its type on the wire. `Debug` of [`BinaryData`](Self::BinaryData) shows the length alone: it
/// may be Authentication Data.
///
/// ```
/// use mqtt_wire::{Property, PropertyValue};
///
/// /// A cell of a table of properties.
/// fn cell(property: &Property) -> String {
///     match property.value() {
///         PropertyValue::Byte(n) => n.to_string(),
///         PropertyValue::TwoByteInteger(n) => n.to_string(),
///         PropertyValue::FourByteInteger(n) => n.to_string(),
///         PropertyValue::VariableByteInteger(n) => n.to_string(),
///         PropertyValue::Utf8String(text) => text.to_owned(),
///         PropertyValue::BinaryData(bytes) => format!("{} bytes", bytes.len()),
///         PropertyValue::Utf8StringPair(name, value) => format!("{name}={value}"),
///     }
/// }
/// assert_eq!(cell(&Property::UserProperty(("room", "kitchen"))), "room=kitchen");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum PropertyValue<'a> {
    /// One byte; every such property is 0 or 1.
    Byte(u8),
    /// 0 to 65,535.
    TwoByteInteger(u16),
    /// 0 to 4,294,967,295.
    FourByteInteger(u32),
    /// 0 to 268,435,455.
    VariableByteInteger(u32),
    /// A text of up to 65,535 bytes.
    Utf8String(&'a str),
    /// Up to 65,535 bytes.
    BinaryData(&'a [u8]),
    /// A name and a value of up to 65,535 bytes each.
    Utf8StringPair(&'a str, &'a str),
}

impl PropertyValue<'_> {
    /// Writes the value behind the property's identifier.
    #[inline(always)]
    pub(super) fn write<S: Sink>(self, id: PropertyId, c: Context, out: &mut S) -> Written {
        let id = id.get();
        match self {
            Self::Byte(n) => out.put(&[id, n]),
            Self::TwoByteInteger(n) => {
                let [high, low] = n.to_be_bytes();
                out.put(&[id, high, low]);
            }
            Self::FourByteInteger(n) => {
                let [first, second, third, fourth] = n.to_be_bytes();
                out.put(&[id, first, second, third, fourth]);
            }
            Self::VariableByteInteger(n) => out.byte_and_variable(id, u64::from(n)),
            Self::Utf8String(text) => {
                out.check_text(text, c)?;
                out.byte_and_binary(id, text.as_bytes())?;
            }
            Self::BinaryData(bytes) => out.byte_and_binary(id, bytes)?,
            Self::Utf8StringPair(name, value) => {
                out.check_text(name, c)?;
                out.byte_and_binary(id, name.as_bytes())?;
                out.text(value, c)?;
            }
        }
        Ok(())
    }
}

/// The type of each property's value by number; what stands for numbers without a property is never looked at.
static TYPES: [PropertyType; 64] = {
    let mut table = [PropertyType::Byte; 64];
    let mut ids = PropertyId::ALL;
    while let [id, rest @ ..] = ids {
        table[id.get() as usize] = id.value_type();
        ids = rest;
    }
    table
};

const fn value_type(number: u32) -> PropertyType {
    TYPES[number as usize & 63]
}

const RESPONSE_TOPIC: u32 = PropertyId::ResponseTopic as u32;
const TOPIC_ALIAS: u32 = PropertyId::TopicAlias as u32;

/// Checks the value of an allowed property of that number, from outside; what is behind it.
///
/// Performance: by the seven types, not by the 27 properties, which is a third of the code.
pub(super) fn check(number: u32, at: &[u8], c: Context) -> Result<&[u8], Fault<'_>> {
    let (i, n) = match value_type(number) {
        PropertyType::Byte => match byte(at)? {
            (i, 0 | 1) => return Ok(i),
            _ => return Err(Fault::new(Rule::PropertyValue, at)),
        },
        PropertyType::TwoByteInteger => two_bytes(at).map(|(i, n)| (i, u32::from(n)))?,
        PropertyType::FourByteInteger => four_bytes(at)?,
        PropertyType::VariableByteInteger => variable(at, wants_shortest(c))?,
        PropertyType::Utf8String if number == RESPONSE_TOPIC => return response_topic(at, c),
        PropertyType::Utf8String => return text(at, c).map(|(i, _)| i),
        PropertyType::BinaryData => return binary(at).map(|(i, _)| i),
        PropertyType::Utf8StringPair => {
            let (i, _) = text(at, c)?;
            return text(i, c).map(|(i, _)| i);
        }
    };
    if n == 0 && Property::NOT_ZERO.contains_number(number) {
        let rule = if number == TOPIC_ALIAS { Rule::TopicAliasZero } else { Rule::PropertyValue };
        return Err(Fault::new(rule, at));
    }
    Ok(i)
}

fn response_topic(at: &[u8], c: Context) -> Result<&[u8], Fault<'_>> {
    match topic_name(at, c) {
        Ok((i, Some(_))) => Ok(i),
        Ok((_, None)) => Err(Fault::new(Rule::TopicEmpty, at)),
        Err(Fault { rule: Rule::WildcardInName, at }) => Err(Fault::new(Rule::WildcardInResponseTopic, at)),
        Err(fault) => Err(fault),
    }
}

/// Passes over the value of a property of that number, which was checked before.
pub(super) fn skip(number: u32, i: &[u8]) -> Option<&[u8]> {
    Encoded::read(value_type(number), i).map(|(i, _)| i)
}

/// A value as it stands on the wire: a number, or bytes, or the bytes of a pair.
#[derive(Clone, Copy)]
pub(super) struct Encoded<'a> {
    number: u32,
    bytes: &'a [u8],
    second: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// Reads a value of that type, which was checked before.
    #[inline(always)]
    fn read(kind: PropertyType, i: &'a [u8]) -> Option<(&'a [u8], Self)> {
        let of_number = |number| Self { number, bytes: &[], second: &[] };
        let of_bytes = |bytes| Self { number: 0, bytes, second: &[] };
        match kind {
            PropertyType::Byte => byte(i).map(|(i, n)| (i, of_number(u32::from(n)))),
            PropertyType::TwoByteInteger => two_bytes(i).map(|(i, n)| (i, of_number(u32::from(n)))),
            PropertyType::FourByteInteger => four_bytes(i).map(|(i, n)| (i, of_number(n))),
            PropertyType::VariableByteInteger => variable(i, false).map(|(i, n)| (i, of_number(n))),
            PropertyType::Utf8String | PropertyType::BinaryData => {
                binary(i).map(|(i, bytes)| (i, of_bytes(bytes)))
            }
            PropertyType::Utf8StringPair => {
                let (i, bytes) = binary(i).ok()?;
                binary(i).map(|(i, second)| (i, Self { second, ..of_bytes(bytes) }))
            }
        }
        .ok()
    }

    /// The number, when it has two bytes.
    fn two_bytes(self) -> u16 {
        u16::try_from(self.number).unwrap_or_default()
    }
}

/// A type that a property's value can have.
pub(super) trait Value<'a>: Sized {
    /// Whether 0 is none of the values.
    const NOT_ZERO: bool = false;

    /// The value that was read, and checked before.
    fn of(raw: Encoded<'a>) -> Self;

    /// The value by its type on the wire.
    fn view(&self) -> PropertyValue<'a>;
}

impl<'a> Value<'a> for bool {
    fn of(raw: Encoded<'a>) -> Self {
        raw.number != 0
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::Byte(u8::from(*self))
    }
}

impl<'a> Value<'a> for MaximumQoS {
    fn of(raw: Encoded<'a>) -> Self {
        if raw.number == 0 { Self::AtMostOnce } else { Self::AtLeastOnce }
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::Byte(QoS::from(*self).get())
    }
}

impl<'a> Value<'a> for u16 {
    fn of(raw: Encoded<'a>) -> Self {
        raw.two_bytes()
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::TwoByteInteger(*self)
    }
}

impl<'a> Value<'a> for u32 {
    fn of(raw: Encoded<'a>) -> Self {
        raw.number
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::FourByteInteger(*self)
    }
}

impl<'a> Value<'a> for NonZeroU16 {
    const NOT_ZERO: bool = true;

    fn of(raw: Encoded<'a>) -> Self {
        Self::new(raw.two_bytes()).unwrap_or(Self::MIN)
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::TwoByteInteger(self.get())
    }
}

impl<'a> Value<'a> for NonZeroU32 {
    const NOT_ZERO: bool = true;

    fn of(raw: Encoded<'a>) -> Self {
        Self::new(raw.number).unwrap_or(Self::MIN)
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::FourByteInteger(self.get())
    }
}

impl<'a> Value<'a> for SubscriptionId {
    const NOT_ZERO: bool = true;

    fn of(raw: Encoded<'a>) -> Self {
        Self::new(raw.number).unwrap_or(Self::MAX)
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::VariableByteInteger(self.get())
    }
}

impl<'a> Value<'a> for &'a [u8] {
    fn of(raw: Encoded<'a>) -> Self {
        raw.bytes
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::BinaryData(self)
    }
}

impl<'a> Value<'a> for &'a str {
    fn of(raw: Encoded<'a>) -> Self {
        as_str(raw.bytes)
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::Utf8String(self)
    }
}

impl<'a> Value<'a> for (&'a str, &'a str) {
    fn of(raw: Encoded<'a>) -> Self {
        (as_str(raw.bytes), as_str(raw.second))
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::Utf8StringPair(self.0, self.1)
    }
}

impl<'a> Value<'a> for TopicName<'a> {
    fn of(raw: Encoded<'a>) -> Self {
        Self::checked(raw.bytes)
    }

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::Utf8String(self.as_str())
    }
}
