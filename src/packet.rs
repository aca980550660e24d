//! The control packets (chapter 3): [`Packet`], which is any of them, and a file for each.

mod ack;
mod auth;
mod connack;
mod connect;
mod convert;
mod disconnect;
mod edited;
mod list;
mod publish;
mod reason;
mod suback;
mod subscribe;
mod unsuback;
mod unsubscribe;
mod will;

use core::fmt;

pub use ack::Ack;
pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::Connect;
pub use disconnect::Disconnect;
pub use edited::EditedPublish;
#[cfg(any(feature = "defmt", feature = "serde"))]
pub(crate) use list::Item;
pub use list::{List, ListIter};
pub(crate) use publish::check_publish_flags;
pub use publish::{Publish, PublishHead};
pub use suback::SubAck;
pub use subscribe::{Subscribe, Subscription, SubscriptionOptions};
pub use unsuback::UnsubAck;
pub use unsubscribe::Unsubscribe;
#[cfg(feature = "nom-8")]
pub(crate) use unsubscribe::topic_filter;
pub use will::{Will, WillRef};

use crate::options::Context;
use crate::property::{Properties, fields};
use crate::read::Fault;
use crate::standard::{PacketType, packets};
use crate::write::{Sink, Written};

/// The head of a body: what the first byte of the frame says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) packet: PacketType,
    pub(crate) flags: u8,
}

macro_rules! packet {
    ($($(#[$doc:meta])* $number:literal $flags:tt $name:ident($($body:ident)?) $text:literal $v3:ident $v5:ident;)+) => {
        /// Any control packet, borrowed from the bytes it was decoded from or from what the caller builds it of.
        ///
        /// ```
        /// use mqtt_wire::{Decoded, Packet, Publish, Version, decode, topic_name};
        ///
        /// let publish = Publish::new(topic_name!("ruangtamu/lampu"), b"menyala");
        /// let mut buf = [0; 64];
        /// let n = Packet::from(publish).encode(Version::V5, &mut buf)?;
        /// assert_eq!(decode(&buf[..n], Version::V5)?, Decoded::Packet { packet: publish.into(), len: n });
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(clippy::large_enum_variant, reason = "a view on the stack: boxing would allocate")]
        // Performance: a tag of a whole word. With one byte the compiler moves the seven bytes behind it as a piece of their own,
        // and what was just stored in other pieces has to reach memory before it is loaded again.
        #[repr(u64)]
        pub enum Packet<'a> { $($(#[$doc])* $name$(($body<'a>))? = $number,)+ }

        impl<'a> Packet<'a> {
            /// Decodes a body; what is left behind it.
            #[inline(always)]
            pub(crate) fn decode_body(head: Head, c: Context, i: &'a [u8]) -> Result<(&'a [u8], Self), Fault<'a>> {
                match head.packet {
                    $(PacketType::$name => {
                        #[allow(unused_mut, reason = "a packet without a body leaves what is there")]
                        let mut rest = i;
                        let packet = Self::$name { $(0: behind($body::decode(head, c, i)?, &mut rest))? };
                        Ok((rest, packet))
                    })+
                }
            }

            /// Walks the body, but for the payload of a PUBLISH, into a sink.
            #[inline(always)]
            pub(crate) fn encode_body<S: Sink>(&self, c: Context, out: &mut S) -> Written {
                match self {
                    $(Self::$name { $(0: body @ $body { .. })? } => {
                        $($body::encode(body, PacketType::$name, c, out)?;)?
                        Ok(())
                    })+
                }
            }

            /// The type.
            #[inline]
            pub const fn packet_type(&self) -> PacketType {
                match self { $(Self::$name { .. } => PacketType::$name,)+ }
            }
        }
    };
}

packets! { packet }

/// A body; what is left behind it goes into `rest`.
#[inline(always)]
fn behind<'a, B>((i, body): (&'a [u8], B), rest: &mut &'a [u8]) -> B {
    *rest = i;
    body
}

// Programs move packets, and each call that is not inlined moves all of it.
const _: () = assert!(size_of::<Properties<'_>>() <= 32 && size_of::<Packet<'_>>() <= 128);

impl Packet<'_> {
    /// The first byte of the frame.
    #[inline(always)]
    pub(crate) fn first_byte(&self) -> u8 {
        let packet = self.packet_type();
        packet.first_byte(match self {
            Self::Publish(publish) => publish.flags(),
            _ => packet.prescribed_flags().unwrap_or_default(),
        })
    }

    /// The end of the body that [`encode_body`](Self::encode_body) leaves out.
    #[inline(always)]
    pub(crate) const fn tail(&self) -> &[u8] {
        match self {
            Self::Publish(publish) => publish.payload,
            _ => &[],
        }
    }
}

/// Prints the type; `Debug` prints the fields too.
impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.packet_type().fmt(f)
    }
}

/// For the bodies that are of one type of packet only.
macro_rules! from_body {
    ($($name:ident)+) => {$(
        impl<'a> From<$name<'a>> for Packet<'a> {
            #[inline(always)]
            fn from(body: $name<'a>) -> Self {
                Self::$name(body)
            }
        }
    )+};
}

from_body! { Connect ConnAck Publish Subscribe SubAck Unsubscribe UnsubAck Disconnect Auth }

/// For the parts of packets that have properties.
macro_rules! with_fields {
    ($($name:ident $fields:ident;)+) => {$(
        impl<'a> $name<'a> {
            /// All properties, found in one pass: see the module [`fields`].
            #[inline]
            pub fn fields(&self) -> fields::$fields<'a> {
                self.properties.into()
            }
        }
    )+};
}

with_fields! {
    Connect ConnectFields;
    Will WillFields;
    ConnAck ConnAckFields;
    Publish PublishFields;
    PublishHead PublishFields;
    Ack AckFields;
    Subscribe SubscribeFields;
    SubAck SubAckFields;
    Unsubscribe UnsubscribeFields;
    UnsubAck UnsubAckFields;
    Disconnect DisconnectFields;
    Auth AuthFields;
}
