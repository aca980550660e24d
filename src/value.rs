//! The types that a property's value can have: how each is read, checked and written.

use core::num::{NonZeroU16, NonZeroU32};

use crate::error::Kind;
use crate::options::Context;
use crate::property::{PropertyType, PropertyValue};
use crate::read::{
    Parsed, binary, byte, fault, four_bytes, text, topic_name, two_bytes, variable, wants_shortest,
};
use crate::text::as_str;
use crate::topic::TopicName;
use crate::version::{MaximumQoS, SubscriptionId};
use crate::write::{Sink, Written};

pub(crate) trait Value<'a>: Sized {
    /// The type on the wire.
    const TYPE: PropertyType;

    /// The value by that type.
    fn view(&self) -> PropertyValue<'a>;

    /// Reads a value: its form, and its range where the type has one.
    fn read(i: &'a [u8]) -> Parsed<'a, Self>;

    /// Checks a value from outside: what [`read`](Self::read) sees, and the characters of a text.
    #[inline(always)]
    fn check(i: &'a [u8], _: Context) -> Parsed<'a, ()> {
        let (i, _) = Self::read(i)?;
        Ok((i, ()))
    }

    /// Writes the value behind a byte: the property's identifier.
    fn write<S: Sink>(&self, lead: u8, c: Context, out: &mut S) -> Written;
}

impl<'a> Value<'a> for bool {
    const TYPE: PropertyType = PropertyType::Byte;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::Byte(u8::from(*self))
    }

    #[inline(always)]
    fn read(at: &'a [u8]) -> Parsed<'a, Self> {
        match byte(at)? {
            (i, 0) => Ok((i, false)),
            (i, 1) => Ok((i, true)),
            _ => fault(Kind::PropertyValue, at),
        }
    }

    #[inline(always)]
    fn write<S: Sink>(&self, lead: u8, _: Context, out: &mut S) -> Written {
        out.put(&[lead, u8::from(*self)]);
        Ok(())
    }
}

impl<'a> Value<'a> for MaximumQoS {
    const TYPE: PropertyType = PropertyType::Byte;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::Byte(self.qos().bits())
    }

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, one) = bool::read(i)?;
        Ok((i, if one { Self::AtLeastOnce } else { Self::AtMostOnce }))
    }

    #[inline(always)]
    fn write<S: Sink>(&self, lead: u8, c: Context, out: &mut S) -> Written {
        (*self == Self::AtLeastOnce).write(lead, c, out)
    }
}

impl<'a> Value<'a> for u16 {
    const TYPE: PropertyType = PropertyType::TwoByteInteger;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::TwoByteInteger(*self)
    }

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        two_bytes(i)
    }

    #[inline(always)]
    fn write<S: Sink>(&self, lead: u8, _: Context, out: &mut S) -> Written {
        let [high, low] = self.to_be_bytes();
        out.put(&[lead, high, low]);
        Ok(())
    }
}

impl<'a> Value<'a> for u32 {
    const TYPE: PropertyType = PropertyType::FourByteInteger;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::FourByteInteger(*self)
    }

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        four_bytes(i)
    }

    #[inline(always)]
    fn write<S: Sink>(&self, lead: u8, _: Context, out: &mut S) -> Written {
        let [a, b, c, d] = self.to_be_bytes();
        out.put(&[lead, a, b, c, d]);
        Ok(())
    }
}

impl<'a> Value<'a> for NonZeroU16 {
    const TYPE: PropertyType = PropertyType::TwoByteInteger;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::TwoByteInteger(self.get())
    }

    #[inline(always)]
    fn read(at: &'a [u8]) -> Parsed<'a, Self> {
        let (i, n) = two_bytes(at)?;
        Self::new(n).map_or(fault(Kind::PropertyValue, at), |n| Ok((i, n)))
    }

    #[inline(always)]
    fn write<S: Sink>(&self, lead: u8, c: Context, out: &mut S) -> Written {
        self.get().write(lead, c, out)
    }
}

impl<'a> Value<'a> for NonZeroU32 {
    const TYPE: PropertyType = PropertyType::FourByteInteger;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::FourByteInteger(self.get())
    }

    #[inline(always)]
    fn read(at: &'a [u8]) -> Parsed<'a, Self> {
        let (i, n) = four_bytes(at)?;
        Self::new(n).map_or(fault(Kind::PropertyValue, at), |n| Ok((i, n)))
    }

    #[inline(always)]
    fn write<S: Sink>(&self, lead: u8, c: Context, out: &mut S) -> Written {
        self.get().write(lead, c, out)
    }
}

#[inline]
fn subscription_id(at: &[u8], shortest: bool) -> Parsed<'_, SubscriptionId> {
    let (i, n) = variable(at, shortest)?;
    SubscriptionId::new(n).map_or(fault(Kind::PropertyValue, at), |n| Ok((i, n)))
}

impl<'a> Value<'a> for SubscriptionId {
    const TYPE: PropertyType = PropertyType::VariableByteInteger;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::VariableByteInteger(self.get())
    }

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
    fn write<S: Sink>(&self, lead: u8, _: Context, out: &mut S) -> Written {
        out.byte_and_variable(lead, u64::from(self.get()));
        Ok(())
    }
}

impl<'a> Value<'a> for &'a [u8] {
    const TYPE: PropertyType = PropertyType::BinaryData;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::BinaryData(self)
    }

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        binary(i)
    }

    #[inline(always)]
    fn write<S: Sink>(&self, lead: u8, _: Context, out: &mut S) -> Written {
        out.byte_and_binary(lead, self)
    }
}

impl<'a> Value<'a> for &'a str {
    const TYPE: PropertyType = PropertyType::Utf8String;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::Utf8String(self)
    }

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, checked) = binary(i)?;
        Ok((i, as_str(checked)))
    }

    #[inline(always)]
    fn check(i: &'a [u8], c: Context) -> Parsed<'a, ()> {
        let (i, _) = text(i, c)?;
        Ok((i, ()))
    }

    #[inline(always)]
    fn write<S: Sink>(&self, lead: u8, c: Context, out: &mut S) -> Written {
        out.check_text(self, c)?;
        out.byte_and_binary(lead, self.as_bytes())
    }
}

impl<'a> Value<'a> for (&'a str, &'a str) {
    const TYPE: PropertyType = PropertyType::Utf8StringPair;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::Utf8StringPair(self.0, self.1)
    }

    #[inline(always)]
    fn read(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, name) = Value::read(i)?;
        let (i, value) = Value::read(i)?;
        Ok((i, (name, value)))
    }

    #[inline(always)]
    fn check(i: &'a [u8], c: Context) -> Parsed<'a, ()> {
        let (i, _) = text(i, c)?;
        let (i, _) = text(i, c)?;
        Ok((i, ()))
    }

    #[inline(always)]
    fn write<S: Sink>(&self, lead: u8, c: Context, out: &mut S) -> Written {
        self.0.write(lead, c, out)?;
        out.text(self.1, c)
    }
}

impl<'a> Value<'a> for TopicName<'a> {
    const TYPE: PropertyType = PropertyType::Utf8String;

    fn view(&self) -> PropertyValue<'a> {
        PropertyValue::Utf8String(self.as_str())
    }

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
    fn write<S: Sink>(&self, lead: u8, c: Context, out: &mut S) -> Written {
        out.check_topic(self.as_bytes(), c)?;
        out.byte_and_binary(lead, self.as_bytes())
    }
}
