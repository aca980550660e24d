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

/// Which first bytes a packet may have: its type, its flags, and who may send it.
pub(crate) mod first_byte {
    use super::publish::check_publish_flags;
    use crate::options::Context;
    use crate::standard::{PacketType, Rule, Version};
    use crate::write::Written;

    /// Whether a packet may begin with that byte.
    #[inline(always)]
    pub(crate) fn is_allowed(first: u8, c: Context) -> bool {
        ALLOWED[usize::from(first)] & c.situation() != 0
    }

    /// Checks the first byte of a packet that is to be encoded.
    #[inline(always)]
    pub(crate) fn check(first: u8, c: Context) -> Written {
        if is_allowed(first, c) { Ok(()) } else { Err(encoding_refusal(first, c)) }
    }

    #[cold]
    fn encoding_refusal(first: u8, c: Context) -> Rule {
        match refusal(first, c) {
            Rule::ReservedPacketType => Rule::NotInVersion,
            rule => rule,
        }
    }

    /// The rule that a first byte breaks.
    #[cold]
    pub(crate) fn refusal(first: u8, c: Context) -> Rule {
        judge(first, c).err().unwrap_or(Rule::ReservedPacketType)
    }

    /// For each first byte the situations in which it is allowed, made once by [`judge`].
    static ALLOWED: [u16; 256] = {
        let mut table = [0; 256];
        let mut first = 0_u8;
        loop {
            let mut contexts = Context::ALL.as_slice();
            while let [c, rest @ ..] = contexts {
                if judge(first, *c).is_ok() {
                    table[first as usize] |= c.situation();
                }
                contexts = rest;
            }
            match first.checked_add(1) {
                Some(next) => first = next,
                None => break table,
            }
        }
    };

    const fn judge(first: u8, c: Context) -> Written {
        let Some(packet) = PacketType::new(first >> 4) else { return Err(Rule::ReservedPacketType) };
        let version = c.version();
        if c.is_version_unknown() && !matches!(packet, PacketType::Connect) {
            return Err(Rule::VersionUnknown);
        }
        if !packet.exists_in(version) {
            return Err(Rule::ReservedPacketType);
        }
        if let Err(rule) = judge_flags(packet, first, c) {
            return Err(rule);
        }
        match c.sender() {
            Some(sender) if !packet.may_be_sent_by(sender, version) => Err(Rule::WrongDirection),
            _ => Ok(()),
        }
    }

    const fn judge_flags(packet: PacketType, first: u8, c: Context) -> Written {
        let flags = first & 0x0F;
        match packet.prescribed_flags() {
            None => check_publish_flags(first),
            Some(prescribed) if flags == prescribed => Ok(()),
            // A record of TLS begins with 0x16: no program of 3.1 sets both bits of a QoS in its CONNECT.
            Some(_) if c.is_version_unknown() && flags & 0b0110 == 0b0110 => Err(Rule::ReservedFlags),
            // The CONNECT may still name 3.1, which does not use these flags.
            Some(_) if c.is_version_unknown() => Ok(()),
            // Of these bits 3.1 uses the QoS of packets that are acknowledged; the others mean nothing.
            Some(prescribed)
                if matches!(c.version(), Version::V31)
                    && (prescribed == 0 || (flags ^ prescribed) & 0b0110 == 0) =>
            {
                Ok(())
            }
            Some(_) => Err(Rule::ReservedFlags),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// What the compiler made of it is what is found when it is asked again.
        #[test]
        fn the_table_is_the_judgement_of_each() {
            for c in Context::ALL {
                for first in 0..=u8::MAX {
                    assert_eq!(is_allowed(first, c), judge(first, c).is_ok(), "{first:#04x} {c:?}");
                }
            }
        }

        /// What the fast way of encoding relies on.
        #[test]
        fn acknowledgements_and_publish_may_be_sent_by_everyone() {
            for c in Context::ALL.into_iter().filter(|c| !c.is_version_unknown()) {
                for first in [0x40, 0x50, 0x62, 0x70] {
                    assert!(is_allowed(first, c), "{first:#04x} {c:?}");
                }
                for flags in [0, 1, 2, 3, 4, 5, 10, 11, 12, 13] {
                    assert!(is_allowed(PacketType::Publish.first_byte(flags), c), "{flags:#06b} {c:?}");
                }
            }
        }
    }
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
        /// let decoded = decode(&buf[..n], Version::V5)?;
        /// assert_eq!(decoded, Decoded::Packet { packet: publish.into(), len: n });
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
            /// All properties, found in one pass: see the module [`fields`], which has an example.
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
