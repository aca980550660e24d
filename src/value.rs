//! The types that a property's value can have: how each is read, checked and written.

use core::num::{NonZeroU16, NonZeroU32};

use crate::error::Kind;
use crate::options::Context;
use crate::property::{Property, PropertyType, PropertyValue};
use crate::read::{
    Parsed, binary, byte, fault, four_bytes, text, topic_name, two_bytes, variable, wants_shortest,
};
use crate::scan::as_str;
use crate::topic::TopicName;
use crate::version::{MaximumQoS, SubscriptionId};
use crate::write::{Sink, Written};

/// What a value looks like on the wire, and what is asked of it.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Flag,
    Two,
    NonZeroTwo,
    Four,
    NonZeroFour,
    Variable,
    Text,
    Topic,
    Data,
    Pair,
}

impl Form {
    /// The type by the standard's name.
    pub(crate) const fn property_type(self) -> PropertyType {
        match self {
            Self::Flag => PropertyType::Byte,
            Self::Two | Self::NonZeroTwo => PropertyType::TwoByteInteger,
            Self::Four | Self::NonZeroFour => PropertyType::FourByteInteger,
            Self::Variable => PropertyType::VariableByteInteger,
            Self::Text | Self::Topic => PropertyType::Utf8String,
            Self::Data => PropertyType::BinaryData,
            Self::Pair => PropertyType::Utf8StringPair,
        }
    }

    /// Passes over a value of this form that was checked before.
    pub(crate) fn skip(self, i: &[u8]) -> Parsed<'_, ()> {
        let rest = match self {
            Self::Flag => byte(i)?.0,
            Self::Two | Self::NonZeroTwo => two_bytes(i)?.0,
            Self::Four | Self::NonZeroFour => four_bytes(i)?.0,
            Self::Variable => variable(i, false)?.0,
            Self::Text | Self::Topic | Self::Data => binary(i)?.0,
            Self::Pair => binary(binary(i)?.0)?.0,
        };
        Ok((rest, ()))
    }

    /// Checks a value of this form from outside.
    #[inline(always)]
    pub(crate) fn check(self, i: &[u8], c: Context) -> Parsed<'_, ()> {
        match self {
            Self::Flag => bool::check(i, c),
            Self::Two => u16::check(i, c),
            Self::NonZeroTwo => NonZeroU16::check(i, c),
            Self::Four => u32::check(i, c),
            Self::NonZeroFour => NonZeroU32::check(i, c),
            Self::Variable => SubscriptionId::check(i, c),
            Self::Text => <&str>::check(i, c),
            Self::Topic => <TopicName<'_> as Value<'_>>::check(i, c),
            Self::Data => <&[u8]>::check(i, c),
            Self::Pair => <(&str, &str)>::check(i, c),
        }
    }
}

/// A value to be written.
#[derive(Clone, Copy)]
pub(crate) enum Raw<'a> {
    Byte(u8),
    Two(u16),
    Four(u32),
    Variable(u32),
    Text(&'a str),
    Topic(TopicName<'a>),
    Data(&'a [u8]),
    Pair(&'a str, &'a str),
}

impl<'a> Raw<'a> {
    /// The value by the standard's types.
    pub(crate) fn view(self) -> PropertyValue<'a> {
        match self {
            Self::Byte(n) => PropertyValue::Byte(n),
            Self::Two(n) => PropertyValue::TwoByteInteger(n),
            Self::Four(n) => PropertyValue::FourByteInteger(n),
            Self::Variable(n) => PropertyValue::VariableByteInteger(n),
            Self::Text(text) => PropertyValue::Utf8String(text),
            Self::Topic(topic) => PropertyValue::Utf8String(topic.as_str()),
            Self::Data(bytes) => PropertyValue::BinaryData(bytes),
            Self::Pair(name, value) => PropertyValue::Utf8StringPair(name, value),
        }
    }

    /// Writes the value behind a byte: the property's identifier.
    #[inline(always)]
    pub(crate) fn write<S: Sink>(self, lead: u8, c: Context, out: &mut S) -> Written {
        match self {
            Self::Byte(n) => out.put(&[lead, n]),
            Self::Two(n) => {
                let [high, low] = n.to_be_bytes();
                out.put(&[lead, high, low]);
            }
            Self::Four(n) => {
                let [first, second, third, fourth] = n.to_be_bytes();
                out.put(&[lead, first, second, third, fourth]);
            }
            Self::Variable(n) => out.byte_and_variable(lead, u64::from(n)),
            Self::Text(text) => {
                out.check_text(text, c)?;
                out.byte_and_binary(lead, text.as_bytes())?;
            }
            Self::Topic(topic) => {
                out.check_topic(topic.as_bytes(), c)?;
                out.byte_and_binary(lead, topic.as_bytes())?;
            }
            Self::Data(bytes) => out.byte_and_binary(lead, bytes)?,
            Self::Pair(name, value) => {
                out.check_text(name, c)?;
                out.byte_and_binary(lead, name.as_bytes())?;
                out.text(value, c)?;
            }
        }
        Ok(())
    }
}

pub(crate) trait Value<'a>: Sized {
    const FORM: Form;

    /// Reads a value: its form, and its range where the type has one.
    fn read(i: &'a [u8]) -> Parsed<'a, Self>;

    /// Takes a value that was checked before, and leaves in `wire` what is behind it.
    #[inline(always)]
    fn take(
        i: &'a [u8],
        wire: &mut &'a [u8],
        property: impl FnOnce(Self) -> Property<'a>,
    ) -> Option<Property<'a>> {
        let (rest, value) = Self::read(i).ok()?;
        *wire = rest;
        Some(property(value))
    }

    /// Checks a value from outside: what [`read`](Self::read) sees, and the characters of a text.
    #[inline(always)]
    fn check(i: &'a [u8], _: Context) -> Parsed<'a, ()> {
        let (i, _) = Self::read(i)?;
        Ok((i, ()))
    }

    /// The value as it is written.
    fn raw(&self) -> Raw<'a>;
}

impl<'a> Value<'a> for bool {
    const FORM: Form = Form::Flag;

    #[inline(always)]
    fn read(at: &'a [u8]) -> Parsed<'a, Self> {
        match byte(at)? {
            (i, 0) => Ok((i, false)),
            (i, 1) => Ok((i, true)),
            _ => fault(Kind::PropertyValue, at),
        }
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Byte(u8::from(*self))
    }
}

impl<'a> Value<'a> for MaximumQoS {
    const FORM: Form = Form::Flag;

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, one) = bool::read(i)?;
        Ok((i, if one { Self::AtLeastOnce } else { Self::AtMostOnce }))
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Byte(self.qos().bits())
    }
}

impl<'a> Value<'a> for u16 {
    const FORM: Form = Form::Two;

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        two_bytes(i)
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Two(*self)
    }
}

impl<'a> Value<'a> for u32 {
    const FORM: Form = Form::Four;

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        four_bytes(i)
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Four(*self)
    }
}

impl<'a> Value<'a> for NonZeroU16 {
    const FORM: Form = Form::NonZeroTwo;

    #[inline(always)]
    fn read(at: &'a [u8]) -> Parsed<'a, Self> {
        let (i, n) = two_bytes(at)?;
        Self::new(n).map_or(fault(Kind::PropertyValue, at), |n| Ok((i, n)))
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Two(self.get())
    }
}

impl<'a> Value<'a> for NonZeroU32 {
    const FORM: Form = Form::NonZeroFour;

    #[inline(always)]
    fn read(at: &'a [u8]) -> Parsed<'a, Self> {
        let (i, n) = four_bytes(at)?;
        Self::new(n).map_or(fault(Kind::PropertyValue, at), |n| Ok((i, n)))
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Four(self.get())
    }
}

#[inline]
fn subscription_id(at: &[u8], shortest: bool) -> Parsed<'_, SubscriptionId> {
    let (i, n) = variable(at, shortest)?;
    SubscriptionId::new(n).map_or(fault(Kind::PropertyValue, at), |n| Ok((i, n)))
}

impl<'a> Value<'a> for SubscriptionId {
    const FORM: Form = Form::Variable;

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        subscription_id(i, false)
    }

    #[inline(always)]
    fn check(i: &'a [u8], c: Context) -> Parsed<'a, ()> {
        let (i, _) = subscription_id(i, wants_shortest(c))?;
        Ok((i, ()))
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Variable(self.get())
    }
}

impl<'a> Value<'a> for &'a [u8] {
    const FORM: Form = Form::Data;

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        binary(i)
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Data(self)
    }
}

impl<'a> Value<'a> for &'a str {
    const FORM: Form = Form::Text;

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, checked) = binary(i)?;
        Ok((i, as_str(checked)))
    }

    /// (What is behind it is left first, and need not be kept in registers meanwhile.)
    #[inline(always)]
    fn take(
        i: &'a [u8],
        wire: &mut &'a [u8],
        property: impl FnOnce(Self) -> Property<'a>,
    ) -> Option<Property<'a>> {
        let (rest, checked) = binary(i).ok()?;
        *wire = rest;
        Some(property(as_str(checked)))
    }

    #[inline(always)]
    fn check(i: &'a [u8], c: Context) -> Parsed<'a, ()> {
        let (i, _) = text(i, c)?;
        Ok((i, ()))
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Text(self)
    }
}

impl<'a> Value<'a> for (&'a str, &'a str) {
    const FORM: Form = Form::Pair;

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, name) = Value::read(i)?;
        let (i, value) = Value::read(i)?;
        Ok((i, (name, value)))
    }

    #[inline(never)]
    fn take(
        i: &'a [u8],
        wire: &mut &'a [u8],
        property: impl FnOnce(Self) -> Property<'a>,
    ) -> Option<Property<'a>> {
        let (i, name) = binary(i).ok()?;
        let (rest, value) = binary(i).ok()?;
        *wire = rest;
        Some(property((as_str(name), as_str(value))))
    }

    #[inline(always)]
    fn check(i: &'a [u8], c: Context) -> Parsed<'a, ()> {
        let (i, _) = text(i, c)?;
        let (i, _) = text(i, c)?;
        Ok((i, ()))
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Pair(self.0, self.1)
    }
}

impl<'a> Value<'a> for TopicName<'a> {
    const FORM: Form = Form::Topic;

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, checked) = binary(i)?;
        Ok((i, TopicName::checked(checked)))
    }

    #[inline(always)]
    fn check(at: &'a [u8], c: Context) -> Parsed<'a, ()> {
        match topic_name(at, c)? {
            (i, Some(_)) => Ok((i, ())),
            (_, None) => fault(Kind::TopicEmpty, at),
        }
    }

    #[inline(always)]
    fn raw(&self) -> Raw<'a> {
        Raw::Topic(*self)
    }
}
