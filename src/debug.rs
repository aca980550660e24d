//! What `Debug` shows: no passwords and no Authentication Data, and of payloads the length and the beginning.

use core::fmt::{self, Debug, Formatter};

use crate::packet::{Auth, ConnAck, Connect, Packet, Publish, Will, WillRef};
#[cfg(feature = "alloc")]
use crate::property::PropertiesBuf;
use crate::property::{Properties, Property, PropertyValue};

/// How many bytes of a payload are shown.
pub(crate) const SHOWN: usize = 32;

/// A value whose `Debug` shows everything, passwords and Authentication Data as well: see [`Packet::reveal`].
///
/// ```
/// use mqtt_wire::{Connect, Packet, Revealed, Version};
///
/// let connect = Connect { password: Some(b"s3cret"), ..Connect::new(Version::V5, "lamp-7") };
/// let for_a_developer = Revealed(Packet::from(connect));
/// assert!(format!("{for_a_developer:?}").contains("s3cret"));
/// ```
#[derive(Clone, Copy)]
pub struct Revealed<T>(pub T);

impl Packet<'_> {
    /// The packet with a `Debug` that shows its password and Authentication Data, which that of [`Packet`] does not.
    ///
    /// ```
    /// use mqtt_wire::{Connect, Packet, Version};
    ///
    /// let connect = Connect { password: Some(b"s3cret"), ..Connect::new(Version::V5, "lamp-7") };
    /// let packet = Packet::from(connect);
    /// assert!(!format!("{packet:?}").contains("s3cret"));
    /// assert!(format!("{:?}", packet.reveal()).contains("s3cret"));
    /// ```
    pub const fn reveal(self) -> Revealed<Self> {
        Revealed(self)
    }
}

/// What may hold secrets.
pub(crate) trait Show {
    fn show(&self, f: &mut Formatter<'_>, secrets: bool) -> fmt::Result;
}

/// A part of something shown.
struct Part<'p, T>(&'p T, bool);

impl<T: Show> Debug for Part<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.show(f, self.1)
    }
}

impl<T: Show> Debug for Revealed<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.show(f, true)
    }
}

macro_rules! debug {
    ($($name:ident)+) => { $(
        impl Debug for $name<'_> {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                self.show(f, false)
            }
        }
    )+ };
}

debug! { Packet Connect ConnAck Auth Properties Property }

/// Bytes: their number, and the first of them as text.
pub(crate) struct Excerpt<'a>(pub(crate) &'a [u8]);

impl Debug for Excerpt<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(..SHOWN).unwrap_or(self.0);
        let more = if shown.len() < self.0.len() { "..." } else { "" };
        write!(f, "{} bytes \"{}\"{more}", self.0.len(), shown.escape_ascii())
    }
}

/// A secret: all of it, or its length.
pub(crate) struct Secret<'a>(pub(crate) &'a [u8], pub(crate) bool);

impl Debug for Secret<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.1 {
            write!(f, "\"{}\"", self.0.escape_ascii())
        } else {
            write!(f, "{} bytes, not shown", self.0.len())
        }
    }
}

impl Show for Packet<'_> {
    fn show(&self, f: &mut Formatter<'_>, secrets: bool) -> fmt::Result {
        match self {
            Self::Connect(body) => body.show(f, secrets),
            Self::ConnAck(body) => body.show(f, secrets),
            Self::Auth(body) => body.show(f, secrets),
            Self::Publish(body) => body.fmt(f),
            Self::PubAck(body) | Self::PubRec(body) | Self::PubRel(body) | Self::PubComp(body) => {
                write!(f, "{:?} ", self.packet_type())?;
                body.fmt(f)
            }
            Self::Subscribe(body) => body.fmt(f),
            Self::SubAck(body) => body.fmt(f),
            Self::Unsubscribe(body) => body.fmt(f),
            Self::UnsubAck(body) => body.fmt(f),
            Self::Disconnect(body) => body.fmt(f),
            Self::PingReq | Self::PingResp => self.packet_type().fmt(f),
        }
    }
}

impl Show for Connect<'_> {
    fn show(&self, f: &mut Formatter<'_>, secrets: bool) -> fmt::Result {
        let Self {
            version,
            bridge,
            clean_start,
            keep_alive,
            properties,
            client_id,
            will,
            user_name,
            password,
        } = self;
        f.debug_struct("Connect")
            .field("version", version)
            .field("bridge", bridge)
            .field("clean_start", clean_start)
            .field("keep_alive", keep_alive)
            .field("properties", &Part(properties, secrets))
            .field("client_id", client_id)
            .field("will", will)
            .field("user_name", user_name)
            .field("password", &password.map(|password| Secret(password, secrets)))
            .finish()
    }
}

impl Show for ConnAck<'_> {
    fn show(&self, f: &mut Formatter<'_>, secrets: bool) -> fmt::Result {
        let Self { session_present, reason_code, properties } = self;
        f.debug_struct("ConnAck")
            .field("session_present", session_present)
            .field("reason_code", reason_code)
            .field("properties", &Part(properties, secrets))
            .finish()
    }
}

impl Show for Auth<'_> {
    fn show(&self, f: &mut Formatter<'_>, secrets: bool) -> fmt::Result {
        let Self { reason_code, properties } = self;
        f.debug_struct("Auth")
            .field("reason_code", reason_code)
            .field("properties", &Part(properties, secrets))
            .finish()
    }
}

impl Show for Properties<'_> {
    fn show(&self, f: &mut Formatter<'_>, secrets: bool) -> fmt::Result {
        let mut list = f.debug_list();
        for property in self {
            list.entry(&Part(&property, secrets));
        }
        list.finish()
    }
}

#[cfg(feature = "alloc")]
impl Show for PropertiesBuf {
    fn show(&self, f: &mut Formatter<'_>, secrets: bool) -> fmt::Result {
        self.as_properties().show(f, secrets)
    }
}

#[cfg(feature = "alloc")]
impl Debug for PropertiesBuf {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.show(f, false)
    }
}

impl Show for Property<'_> {
    fn show(&self, f: &mut Formatter<'_>, secrets: bool) -> fmt::Result {
        let mut tuple = f.debug_tuple(self.id().name());
        match (self, self.value()) {
            (Self::AuthenticationData(data), _) => tuple.field(&Secret(data, secrets)),
            (_, PropertyValue::Byte(n)) => tuple.field(&n),
            (_, PropertyValue::TwoByteInteger(n)) => tuple.field(&n),
            (_, PropertyValue::FourByteInteger(n) | PropertyValue::VariableByteInteger(n)) => tuple.field(&n),
            (_, PropertyValue::Utf8String(text)) => tuple.field(&text),
            (_, PropertyValue::BinaryData(bytes)) => tuple.field(&Excerpt(bytes)),
            (_, PropertyValue::Utf8StringPair(name, value)) => tuple.field(&name).field(&value),
        };
        tuple.finish()
    }
}

impl Debug for PropertyValue<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(n) => f.debug_tuple("Byte").field(n).finish(),
            Self::TwoByteInteger(n) => f.debug_tuple("TwoByteInteger").field(n).finish(),
            Self::FourByteInteger(n) => f.debug_tuple("FourByteInteger").field(n).finish(),
            Self::VariableByteInteger(n) => f.debug_tuple("VariableByteInteger").field(n).finish(),
            Self::Utf8String(text) => f.debug_tuple("Utf8String").field(text).finish(),
            // Which property it is of is not known here.
            Self::BinaryData(bytes) => f.debug_tuple("BinaryData").field(&Secret(bytes, false)).finish(),
            Self::Utf8StringPair(name, value) => {
                f.debug_tuple("Utf8StringPair").field(name).field(value).finish()
            }
        }
    }
}

impl Debug for Publish<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { dup, delivery, retain, topic, properties, payload } = self;
        f.debug_struct("Publish")
            .field("dup", dup)
            .field("delivery", delivery)
            .field("retain", retain)
            .field("topic", topic)
            .field("properties", properties)
            .field("payload", &Excerpt(payload))
            .finish()
    }
}

impl Debug for Will<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { qos, retain, properties, topic, payload } = self;
        f.debug_struct("Will")
            .field("qos", qos)
            .field("retain", retain)
            .field("properties", properties)
            .field("topic", topic)
            .field("payload", &Excerpt(payload))
            .finish()
    }
}

impl Debug for WillRef<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
