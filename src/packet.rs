//! The control packets (chapter 3): the table of their types, and [`Packet`], which is any of them.

mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod publish;
mod suback;
mod subscribe;
mod unsubscribe;

use core::fmt;

pub use ack::Ack;
pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::{Connect, Will};
pub use disconnect::Disconnect;
pub use publish::Publish;
pub(crate) use publish::publish_flags;
pub use suback::{SubAck, UnsubAck};
pub use subscribe::{RetainHandling, Subscribe, Subscription, SubscriptionOptions};
pub use unsubscribe::Unsubscribe;

use crate::error::Kind;
use crate::options::{Context, Tolerance};
use crate::read::{Fault, Parsed, byte, end, fault};
use crate::reason::ReasonCode;
use crate::version::{Sender, Version};
use crate::write::{Sink, Start, Written};

/// One row a type: number, flags of the fixed header (section 2.1.3 of 5.0; `_` for those of PUBLISH), name,
/// the standard's spelling, who may send it in 3.x and in 5.0 (Table 2.1 of 3.1.1, Table 2-1 of 5.0).
macro_rules! packet_types {
    ($($number:literal $flags:tt $name:ident $text:literal $v3:ident $v5:ident;)+) => {
        /// The type of a control packet (Table 2.1 of 3.1.1, Table 2-1 of 5.0).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum PacketType { $(#[doc = $text] $name = $number,)+ }

        impl PacketType {
            /// Every type, by number.
            pub const ALL: [Self; 15] = [$(Self::$name,)+];

            /// The type of that number; `None` for 0 and above 15.
            #[inline]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)+ _ => None }
            }

            /// The standard's spelling: `CONNACK`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The flags that the type prescribes; PUBLISH has its own in each packet.
            #[inline]
            const fn prescribed_flags(self) -> Option<u8> {
                match self { $(Self::$name => flags!($flags),)+ }
            }

            const fn direction(self, version: Version) -> Direction {
                match (self, version) { $((Self::$name, Version::V5) => Direction::$v5, (Self::$name, _) => Direction::$v3,)+ }
            }
        }
    };
}

macro_rules! flags {
    (_) => {
        None
    };
    ($flags:literal) => {
        Some($flags)
    };
}

/// Who may send a packet type.
#[derive(PartialEq, Eq)]
enum Direction {
    Client,
    Server,
    Both,
    Neither,
}

packet_types! {
    1  0 Connect     "CONNECT"     Client  Client;
    2  0 ConnAck     "CONNACK"     Server  Server;
    3  _ Publish     "PUBLISH"     Both    Both;
    4  0 PubAck      "PUBACK"      Both    Both;
    5  0 PubRec      "PUBREC"      Both    Both;
    6  2 PubRel      "PUBREL"      Both    Both;
    7  0 PubComp     "PUBCOMP"     Both    Both;
    8  2 Subscribe   "SUBSCRIBE"   Client  Client;
    9  0 SubAck      "SUBACK"      Server  Server;
    10 2 Unsubscribe "UNSUBSCRIBE" Client  Client;
    11 0 UnsubAck    "UNSUBACK"    Server  Server;
    12 0 PingReq     "PINGREQ"     Client  Client;
    13 0 PingResp    "PINGRESP"    Server  Server;
    14 0 Disconnect  "DISCONNECT"  Client  Both;
    15 0 Auth        "AUTH"        Neither Both;
}

impl PacketType {
    /// The number in the high half of the first byte: 1 to 15.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The first byte of a packet with these flags.
    #[inline(always)]
    pub(crate) const fn first_byte(self, flags: u8) -> u8 {
        (self as u8) * 16 + flags
    }

    /// Whether the type answers another by its Packet Identifier.
    pub(crate) const fn is_acknowledgement(self) -> bool {
        matches!(
            self,
            Self::PubAck | Self::PubRec | Self::PubRel | Self::PubComp | Self::SubAck | Self::UnsubAck
        )
    }

    /// Whether it is PUBACK, PUBREC, PUBREL or PUBCOMP: types 4 to 7. (By number: a `match` would be merged with others
    /// that come before it, and would then be asked first.)
    #[inline(always)]
    pub(crate) const fn answers_publish(self) -> bool {
        self.number() & 0b1100 == 0b0100
    }

    /// Whether that version has the type at all: 3.x has no AUTH.
    pub const fn exists_in(self, version: Version) -> bool {
        !matches!(self.direction(version), Direction::Neither)
    }

    /// Whether that side may send the type.
    pub const fn may_be_sent_by(self, sender: Sender, version: Version) -> bool {
        match self.direction(version) {
            Direction::Both => true,
            Direction::Client => matches!(sender, Sender::Client),
            Direction::Server => matches!(sender, Sender::Server),
            Direction::Neither => false,
        }
    }

    /// Checks the first byte of a frame: the type and its flags.
    #[inline(always)]
    pub(crate) fn parse(first: u8, c: Context) -> Result<Self, (Kind, Option<Self>)> {
        match Self::from_number(first >> 4) {
            Some(this) if is_allowed(first, c) => Ok(this),
            this => Err((Self::refusal(first, c), this)),
        }
    }

    /// Checks a first byte that is to be encoded.
    #[inline(always)]
    pub(crate) fn check(first: u8, c: Context) -> Written {
        if is_allowed(first, c) {
            return Ok(());
        }
        Err(match Self::refusal(first, c) {
            Kind::ReservedPacketType => Kind::NotInVersion,
            kind => kind,
        })
    }

    /// The rule that a first byte breaks.
    #[cold]
    fn refusal(first: u8, c: Context) -> Kind {
        Self::judge(first, c).err().unwrap_or(Kind::ReservedPacketType)
    }

    const fn judge(first: u8, c: Context) -> Written {
        let Some(this) = Self::from_number(first >> 4) else { return Err(Kind::ReservedPacketType) };
        let version = c.version();
        if !this.exists_in(version) {
            return Err(Kind::ReservedPacketType);
        }
        match this.prescribed_flags() {
            None => {
                if let Err(kind) = publish::check_flags(first) {
                    return Err(kind);
                }
            }
            Some(flags) if flags == first & 0x0F => {}
            // What MQTT 3.1 sends at QoS 1 may be sent again, with DUP set.
            Some(2) if matches!(version, Version::V31) && first & 0x0F == 0x0A => {}
            Some(_) => return Err(Kind::ReservedFlags),
        }
        match c.sender() {
            Some(sender) if !this.may_be_sent_by(sender, version) => Err(Kind::WrongDirection),
            _ => Ok(()),
        }
    }
}

/// Whether a packet may begin with that byte.
#[inline(always)]
fn is_allowed(first: u8, c: Context) -> bool {
    FIRST_BYTES[usize::from(first)] & c.situation() != 0
}

/// For each first byte the situations in which it is allowed, made once by [`PacketType::judge`].
static FIRST_BYTES: [u16; 256] = {
    let mut table = [0; 256];
    let mut first = 0_u8;
    loop {
        let mut contexts = Context::ALL.as_slice();
        while let [c, rest @ ..] = contexts {
            if PacketType::judge(first, *c).is_ok() {
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

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The head of a body: what the first byte of the frame says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) packet: PacketType,
    pub(crate) flags: u8,
}

/// Any control packet, borrowed from the bytes it was decoded from or from what the caller builds it of.
///
/// ```
/// use mqtt_wire::{Decoded, Packet, Publish, TopicName, Version, decode};
///
/// let publish = Publish::new(TopicName::new("ruangtamu/lampu")?, b"menyala");
/// let mut buf = [0; 64];
/// let n = Packet::from(publish).encode(Version::V5, &mut buf)?;
/// assert_eq!(decode(&buf[..n], Version::V5)?, Decoded::Packet { packet: publish.into(), len: n });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a view on the stack: boxing would allocate")]
// With the type's number as a tag of its own a match is shorter than with one hidden in a field.
#[repr(u8)]
pub enum Packet<'a> {
    /// A client asks for a connection (section 3.1).
    Connect(Connect<'a>) = 1,
    /// The answer to CONNECT (section 3.2).
    ConnAck(ConnAck<'a>) = 2,
    /// A message (section 3.3).
    Publish(Publish<'a>) = 3,
    /// The answer to a PUBLISH of QoS 1 (section 3.4).
    PubAck(Ack<'a>) = 4,
    /// The first answer to a PUBLISH of QoS 2 (section 3.5).
    PubRec(Ack<'a>) = 5,
    /// The answer to PUBREC (section 3.6).
    PubRel(Ack<'a>) = 6,
    /// The answer to PUBREL (section 3.7).
    PubComp(Ack<'a>) = 7,
    /// A client subscribes (section 3.8).
    Subscribe(Subscribe<'a>) = 8,
    /// The answer to SUBSCRIBE (section 3.9).
    SubAck(SubAck<'a>) = 9,
    /// A client unsubscribes (section 3.10).
    Unsubscribe(Unsubscribe<'a>) = 10,
    /// The answer to UNSUBSCRIBE (section 3.11).
    UnsubAck(UnsubAck<'a>) = 11,
    /// A client asks for a sign of life (section 3.12).
    PingReq = 12,
    /// The answer to PINGREQ (section 3.13).
    PingResp = 13,
    /// The end of a connection (section 3.14).
    Disconnect(Disconnect<'a>) = 14,
    /// A step of an enhanced authentication, 5.0 only (section 3.15).
    Auth(Auth<'a>) = 15,
}

impl<'a> Packet<'a> {
    /// Decodes a whole body; nothing may be left of it. The packet is handed to `done` in each arm rather than
    /// returned, so that it is built where the caller wants it and not moved there.
    #[inline(always)]
    pub(crate) fn decode_body<R>(head: Head, c: Context, i: &'a [u8], done: &impl Finish<'a, R>) -> R {
        match head.packet {
            PacketType::Publish => done.finish(whole(Publish::decode(head, c, i), Self::Publish)),
            PacketType::PubAck => done.finish(whole(Ack::decode(head, c, i), Self::PubAck)),
            PacketType::PubRec => done.finish(whole(Ack::decode(head, c, i), Self::PubRec)),
            PacketType::PubRel => done.finish(whole(Ack::decode(head, c, i), Self::PubRel)),
            PacketType::PubComp => done.finish(whole(Ack::decode(head, c, i), Self::PubComp)),
            PacketType::Subscribe => done.finish(whole(Subscribe::decode(c, i), Self::Subscribe)),
            PacketType::SubAck => done.finish(whole(SubAck::decode(c, i), Self::SubAck)),
            PacketType::Unsubscribe => done.finish(whole(Unsubscribe::decode(c, i), Self::Unsubscribe)),
            PacketType::UnsubAck => done.finish(whole(UnsubAck::decode(c, i), Self::UnsubAck)),
            PacketType::Connect => done.finish(whole(Connect::decode(c, i), Self::Connect)),
            PacketType::ConnAck => done.finish(whole(ConnAck::decode(c, i), Self::ConnAck)),
            PacketType::Disconnect => done.finish(whole(Disconnect::decode(c, i), Self::Disconnect)),
            PacketType::Auth => done.finish(whole(Auth::decode(c, i), Self::Auth)),
            PacketType::PingReq => done.finish(whole(Ok((i, ())), |()| Self::PingReq)),
            PacketType::PingResp => done.finish(whole(Ok((i, ())), |()| Self::PingResp)),
        }
    }

    /// The type.
    #[inline]
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }
}

/// The part of a packet behind its fixed header.
pub(crate) trait Body {
    /// The flags of the first byte.
    #[inline(always)]
    fn flags(&self, packet: PacketType) -> u8 {
        packet.prescribed_flags().unwrap_or_default()
    }

    /// Checks the first byte.
    #[inline(always)]
    fn check_first(&self, first: u8, c: Context) -> Written {
        PacketType::check(first, c)
    }

    /// Walks the fixed header and the body, but for its tail, into a sink.
    fn encode<S: Sink>(&self, start: Option<Start>, packet: PacketType, c: Context, out: &mut S) -> Written;

    /// The end of the body, which may be long: the payload of a PUBLISH.
    #[inline(always)]
    fn tail(&self) -> &[u8] {
        &[]
    }
}

/// Any packet but PUBLISH, so that what surrounds a body is compiled once. (A PUBLISH, which has a flag and a tail, has
/// a way of its own.)
impl Body for Packet<'_> {
    #[inline(always)]
    fn encode<S: Sink>(&self, start: Option<Start>, packet: PacketType, c: Context, out: &mut S) -> Written {
        out.start(start);
        match self {
            Self::PubAck(body) | Self::PubRec(body) | Self::PubRel(body) | Self::PubComp(body) => {
                body.encode(packet, c, out)
            }
            Self::Subscribe(body) => body.encode(c, out),
            Self::SubAck(body) => body.encode(c, out),
            Self::Unsubscribe(body) => body.encode(c, out),
            Self::UnsubAck(body) => body.encode(c, out),
            Self::Connect(body) => body.encode(c, out),
            Self::ConnAck(body) => body.encode(c, out),
            Self::Disconnect(body) => body.encode(c, out),
            Self::Auth(body) => body.encode(c, out),
            Self::Publish(_) | Self::PingReq | Self::PingResp => Ok(()),
        }
    }
}

/// What is made of a decoded packet. (A trait, since closures cannot be told to be inlined.)
pub(crate) trait Finish<'a, R> {
    fn finish(&self, result: Result<Packet<'a>, Fault<'a>>) -> R;
}

/// The packet of a body of which nothing is left.
#[inline(always)]
fn whole<'a, B>(body: Parsed<'a, B>, packet: impl FnOnce(B) -> Packet<'a>) -> Result<Packet<'a>, Fault<'a>> {
    let (i, body) = body?;
    end(i)?;
    Ok(packet(body))
}

/// Prints the type; `Debug` prints the fields too.
impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.packet_type().fmt(f)
    }
}

macro_rules! from_body {
    ($($name:ident)+) => {$(
        impl<'a> From<$name<'a>> for Packet<'a> {
            fn from(body: $name<'a>) -> Self {
                Self::$name(body)
            }
        }
    )+};
}

from_body! { Connect ConnAck Publish Subscribe SubAck Unsubscribe UnsubAck Disconnect Auth }

/// Reads a reason code and checks that it is one of the packet's.
#[inline]
fn reason_code(at: &[u8], packet: PacketType, c: Context) -> Parsed<'_, ReasonCode> {
    let (i, code) = byte(at)?;
    let code = ReasonCode::new(code);
    match check_reason_code(code, packet, c) {
        Ok(()) => Ok((i, code)),
        Err(kind) => fault(kind, at),
    }
}

/// Writes a reason code that is one of the packet's.
#[inline]
fn write_reason_code<S: Sink>(code: ReasonCode, packet: PacketType, c: Context, out: &mut S) -> Written {
    // Without a call for most.
    if S::CHECKS && !code.is_listed(packet, c.sender()) {
        check_reason_code(code, packet, c)?;
    }
    out.byte(code.get());
    Ok(())
}

/// Checks that a reason code is one of the packet's. (A function of its own: much code for rare packets.)
#[inline(never)]
fn check_reason_code(code: ReasonCode, packet: PacketType, c: Context) -> Written {
    if code.is_allowed(packet, c.version(), c.sender()) || c.tolerates(Tolerance::UnknownReasonCodes) {
        Ok(())
    } else if code.is_allowed(packet, c.version(), None) {
        Err(Kind::ReasonCodeSender)
    } else {
        Err(Kind::ReasonCodeNotAllowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the compiler made of it is what is found when it is asked again.
    #[test]
    fn the_table_of_first_bytes_is_the_judgement_of_each() {
        for c in Context::ALL {
            for first in 0..=u8::MAX {
                assert_eq!(is_allowed(first, c), PacketType::judge(first, c).is_ok(), "{first:#04x} {c:?}");
            }
        }
    }

    #[test]
    fn answers_to_publish() {
        for packet in PacketType::ALL {
            let answers = [PacketType::PubAck, PacketType::PubRec, PacketType::PubRel, PacketType::PubComp];
            assert_eq!(packet.answers_publish(), answers.contains(&packet), "{packet}");
        }
    }

    /// What [`Body::check_first`] of the short ways relies on.
    #[test]
    fn acknowledgements_and_publish_may_be_sent_by_everyone() {
        for c in Context::ALL {
            for first in [0x40, 0x50, 0x62, 0x70] {
                assert!(is_allowed(first, c), "{first:#04x} {c:?}");
            }
            for flags in [0, 1, 2, 3, 4, 5, 10, 11, 12, 13] {
                assert!(is_allowed(PacketType::Publish.first_byte(flags), c), "{flags:#06b} {c:?}");
            }
        }
    }
}
