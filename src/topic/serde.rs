//! Names and filters as strings; filters are read by the rules of 5.0.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::{TopicFilter, TopicName};

macro_rules! views {
    ($($view:ident)+) => { $(
        impl Serialize for $view<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        /// From text that the input holds as it is. Where the input may escape it or come in pieces, take the
        /// owned form.
        impl<'de> Deserialize<'de> for $view<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $view::new(Deserialize::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    )+ };
}

views! { TopicName TopicFilter }

#[cfg(feature = "alloc")]
mod owned {
    use core::fmt;
    use core::marker::PhantomData;
    use core::str::FromStr;

    use serde::de::{Deserialize, Deserializer, Error, Visitor};
    use serde::ser::{Serialize, Serializer};

    use crate::error::TopicError;
    use crate::topic::{TopicFilterBuf, TopicNameBuf};

    struct Text<B>(PhantomData<B>);

    impl<B: FromStr<Err = TopicError>> Visitor<'_> for Text<B> {
        type Value = B;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a topic")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<B, E> {
            text.parse().map_err(E::custom)
        }
    }

    macro_rules! bufs {
        ($($buf:ident)+) => { $(
            impl Serialize for $buf {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.as_str())
                }
            }

            impl<'de> Deserialize<'de> for $buf {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_str(Text(PhantomData))
                }
            }
        )+ };
    }

    bufs! { TopicNameBuf TopicFilterBuf }
}
