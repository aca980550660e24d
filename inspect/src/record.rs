//! What every output is made of: a packet, a bad one, a note or a flow, where it stands, and what is known of
//! its connection.

use std::io::Result;
use std::net::SocketAddr;
use std::rc::Rc;

use mqtt_session::SessionRule;
use mqtt_wire::{DecodeError, Packet, PacketType, ReasonCode, Sender, Version};

use crate::capture::Time;
use crate::connections::LeftOut;
use crate::flow::Flow;
use crate::framer::Digest;
use crate::note::Note;
use crate::payload::Format;

/// A connection of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// Counts the MQTT connections of the capture, from 1.
    pub(crate) number: u64,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
}

/// Where a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Connection(Connection),
    /// A line of hex, counted from 1.
    Line(u64),
    Raw,
}

#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) origin: Origin,
    pub(crate) time: Option<Time>,
    pub(crate) sender: Option<Sender>,
    pub(crate) known: Known,
    pub(crate) body: Body<'a>,
}

/// What the connection's earlier packets tell about this one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Who the client is, once it has said so.
    pub(crate) names: Option<Rc<Names>>,
    /// The topic of a PUBLISH that has an alias in its place, or of the message that is acknowledged.
    pub(crate) topic: Option<Rc<str>>,
    /// The packet that this one answers.
    pub(crate) answers: Option<Answers>,
    /// The rules between packets that the sender breaks by this one.
    pub(crate) broken: Vec<SessionRule>,
    /// The format of a message's payload.
    pub(crate) format: Option<Format>,
}

/// Who the client of a connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// That of CONNECT, or the one that the server has assigned.
    pub(crate) client: String,
    pub(crate) user: Option<String>,
}

/// The packet that was waiting for this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) number: u64,
    /// In nanoseconds, where both have a time.
    pub(crate) after: Option<u64>,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one record at a time")]
pub(crate) enum Body<'a> {
    Item(Item<'a>),
    Note(Note),
    /// Packets that belong together, at their end.
    Flow(&'a Flow),
}

/// What counts as a packet, whether it is one or should be.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    /// Counts the items of the input, from 1.
    pub(crate) number: u64,
    pub(crate) version: Version,
    /// The version is not stated by a CONNECT or by the user.
    pub(crate) guessed: bool,
    /// Where in the sender's stream, or in the line, it begins.
    pub(crate) offset: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) content: Content<'a>,
    /// How long the packet is, as far as it came; `bytes` may be fewer.
    pub(crate) length: usize,
    /// Stands for a payload that is not held: `bytes` and `content` have its head.
    pub(crate) digest: Option<Digest>,
}

#[derive(Debug)]
pub(crate) enum Content<'a> {
    Packet(Packet<'a>),
    Bad(DecodeError),
    /// Bytes behind the one packet that a line may hold; `bytes` is the packet, they begin at `at`.
    Trailing {
        at: usize,
        count: usize,
    },
    /// Cut off: so many bytes are missing at least.
    Incomplete {
        missing: usize,
    },
    /// Not hex at all.
    BadHex(String),
}

impl Item<'_> {
    /// Whether a rule is broken inside the packet.
    pub(crate) fn is_malformed(&self) -> bool {
        matches!(self.content, Content::Bad(_) | Content::Trailing { .. })
    }

    /// Where the fields end that could be read of what is no whole packet.
    pub(crate) fn readable(&self) -> Option<usize> {
        match self.content {
            Content::Bad(error) => Some(error.offset()),
            Content::Trailing { at, .. } => Some(at),
            Content::Incomplete { .. } => Some(self.bytes.len()),
            Content::Packet(_) | Content::BadHex(_) => None,
        }
    }

    /// The type, as far as the first byte tells.
    pub(crate) fn packet_type(&self) -> Option<PacketType> {
        crate::framer::packet_type(self.bytes)
    }
}

/// Where records go.
pub(crate) trait Output {
    /// An input begins; its name is given when there are several.
    fn begin(&mut self, source: Option<&str>) -> Result<()>;

    /// The time of a capture's first frame.
    fn clock(&mut self, begin: Time);

    fn record(&mut self, record: &Record<'_>) -> Result<()>;

    /// What of a capture was not read.
    fn left_out(&mut self, _left_out: LeftOut) {}

    /// All records of a line of hex have come.
    fn end_line(&mut self, _line: u64) -> Result<()> {
        Ok(())
    }

    /// Nothing more may come for a while.
    fn flush(&mut self) -> Result<()>;

    /// All records have come.
    fn finish(&mut self) -> Result<()> {
        self.flush()
    }
}

/// Whether a well-formed packet says no.
pub(crate) fn refuses(packet: &Packet<'_>) -> bool {
    refusals(packet).next().is_some()
}

/// The codes by which a packet says no.
pub(crate) fn refusals<'a>(packet: &Packet<'a>) -> impl Iterator<Item = ReasonCode> + use<'a> {
    let (one, several) = match packet {
        Packet::ConnAck(ack) => (Some(ack.reason_code), None),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            (Some(ack.reason_code), None)
        }
        Packet::Disconnect(disconnect) => (Some(disconnect.reason_code), None),
        Packet::SubAck(ack) => (None, Some(ack.reason_codes)),
        Packet::UnsubAck(ack) => (None, Some(ack.reason_codes)),
        _ => (None, None),
    };
    let several = several.into_iter().flat_map(|codes| codes.iter());
    one.into_iter().chain(several).filter(|code| code.is_error())
}
