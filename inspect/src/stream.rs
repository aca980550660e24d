//! From the two TCP streams of a connection to its MQTT bytes: finds out whether the connection
//! carries MQTT, plain or over WebSocket, and who is the client, and unwraps it.

mod upgraded;

use std::io::Result;
use std::mem;

use mqtt_wire::Sender;

use self::upgraded::WebSocket;
use crate::capture::Time;
use crate::handshake::LARGEST_HANDSHAKE;
use crate::note::Note;
use crate::tcp::Event;

/// One end of a connection, by the order in which they were first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    First,
    Second,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// What a connection brings, in MQTT's terms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// The next bytes of the sender's MQTT stream.
    Bytes {
        offset: u64,
        bytes: &'a [u8],
    },
    /// Bytes that are missing from it: how many, where that is known.
    Lost {
        offset: u64,
        length: Option<u64>,
    },
    Note(Note),
}

/// Takes `Piece`s with their sender and time.
type Out<'a> = &'a mut dyn FnMut(Sender, Option<Time>, Piece<'_>) -> Result<()>;

/// The same, and which side the client is.
pub(crate) type SidedOut<'a> = &'a mut dyn FnMut(Side, Sender, Option<Time>, Piece<'_>) -> Result<()>;

/// What is known about a connection before its first byte.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints {
    /// When the connection began, or was first seen.
    pub(crate) time: Option<Time>,
    /// Who opened the connection, when that was seen.
    pub(crate) opener: Option<Side>,
    /// The side with a port that is MQTT's.
    pub(crate) mqtt_port: Option<Side>,
}

#[derive(Debug)]
enum State {
    /// Not enough has been seen to tell; events wait.
    Undecided(Vec<Waiting>),
    Plain,
    WebSocket(Box<WebSocket>),
    /// Not MQTT, or not to be read.
    Ignored,
}

#[derive(Debug)]
enum Waiting {
    Data { side: Side, offset: u64, time: Option<Time>, bytes: Vec<u8> },
    Other { side: Side, event: Event<'static> },
}

/// What the first bytes of a client look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mqtt,
    Http,
    Tls,
    Other,
}

#[derive(Debug)]
pub(crate) struct Stream {
    hints: Hints,
    client: Side,
    state: State,
}

impl Stream {
    pub(crate) fn new(hints: Hints) -> Self {
        let client = hints.opener.or(hints.mqtt_port.map(Side::other)).unwrap_or(Side::First);
        Self { hints, client, state: State::Undecided(Vec::new()) }
    }

    /// Whether this was found to be a connection to be shown.
    pub(crate) fn is_mqtt(&self) -> bool {
        match &self.state {
            State::Plain => true,
            State::WebSocket(websocket) => websocket.announcement.is_none(),
            State::Undecided(_) | State::Ignored => false,
        }
    }

    pub(crate) fn client(&self) -> Side {
        self.client
    }

    pub(crate) fn sender(&self, side: Side) -> Sender {
        if side == self.client { Sender::Client } else { Sender::Server }
    }

    /// Whether the connection's beginning was seen.
    pub(crate) fn is_whole(&self) -> bool {
        self.hints.opener.is_some()
    }

    /// Takes what TCP brought from one side.
    pub(crate) fn event(&mut self, side: Side, event: Event<'_>, out: SidedOut<'_>) -> Result<()> {
        let (client, sender) = (self.client, self.sender(side));
        match &mut self.state {
            State::Ignored => Ok(()),
            State::Plain => plain(sender, event, &mut |sender, time, piece| out(client, sender, time, piece)),
            State::WebSocket(websocket) => {
                if !websocket
                    .event(sender, event, &mut |sender, time, piece| out(client, sender, time, piece))?
                {
                    self.state = State::Ignored;
                }
                Ok(())
            }
            State::Undecided(waiting) => {
                waiting.push(Waiting::new(side, event));
                self.decide(out)
            }
        }
    }

    /// The connection is over: what waited for a decision gets one.
    pub(crate) fn finish(&mut self, out: SidedOut<'_>) -> Result<()> {
        match &self.state {
            State::Undecided(waiting) if !waiting.is_empty() => self.settle(Kind::Other, out),
            _ => Ok(()),
        }
    }

    fn decide(&mut self, out: SidedOut<'_>) -> Result<()> {
        let State::Undecided(waiting) = &self.state else { return Ok(()) };
        // Without a SYN the first to send is taken for the client; what it sends must bear that out.
        let speaker = self.hints.opener.or_else(|| waiting.iter().find_map(Waiting::speaker));
        let Some(speaker) = speaker else { return Ok(()) };
        let mut first = Vec::new();
        for event in waiting.iter().filter(|event| event.side() == speaker) {
            match event {
                Waiting::Data { bytes, .. } => first.extend_from_slice(bytes),
                Waiting::Other { event: Event::Missing { .. }, .. } => return self.settle(Kind::Other, out),
                Waiting::Other { .. } => {}
            }
        }
        let size: usize = waiting.iter().map(Waiting::size).sum();
        match kind(&first) {
            Some(kind) => {
                if matches!(kind, Kind::Mqtt | Kind::Http) {
                    self.client = speaker;
                }
                self.settle(kind, out)
            }
            None if size > LARGEST_HANDSHAKE => self.settle(Kind::Other, out),
            None => Ok(()),
        }
    }

    /// Decides what the connection is, and goes through what waited for that.
    fn settle(&mut self, kind: Kind, out: SidedOut<'_>) -> Result<()> {
        let known = self.hints.mqtt_port.is_some();
        let begin = (self.hints.time, if self.is_whole() { Note::Opened } else { Note::Joined });
        let mut say = |note| out(self.client, Sender::Client, begin.0, Piece::Note(note));
        let state = match kind {
            Kind::Mqtt => {
                say(begin.1)?;
                State::Plain
            }
            Kind::Other if known => {
                say(begin.1)?;
                State::Plain
            }
            Kind::Tls if known => {
                say(begin.1)?;
                say(Note::Encrypted)?;
                State::Ignored
            }
            Kind::Http => State::WebSocket(Box::new(WebSocket::new(begin))),
            Kind::Tls | Kind::Other => State::Ignored,
        };
        let State::Undecided(waiting) = mem::replace(&mut self.state, state) else { return Ok(()) };
        for event in &waiting {
            self.event(event.side(), event.event(), out)?;
        }
        Ok(())
    }
}

impl Waiting {
    fn new(side: Side, event: Event<'_>) -> Self {
        match event {
            Event::Data { offset, time, bytes } => Self::Data { side, offset, time, bytes: bytes.to_vec() },
            Event::Missing { offset, length, time } => {
                Self::Other { side, event: Event::Missing { offset, length, time } }
            }
            Event::Retransmission { offset, length, time } => {
                Self::Other { side, event: Event::Retransmission { offset, length, time } }
            }
            Event::OutOfOrder { offset, length, ahead, time } => {
                Self::Other { side, event: Event::OutOfOrder { offset, length, ahead, time } }
            }
        }
    }

    fn event(&self) -> Event<'_> {
        match self {
            Self::Data { offset, time, bytes, .. } => Event::Data { offset: *offset, time: *time, bytes },
            Self::Other { event, .. } => *event,
        }
    }

    fn side(&self) -> Side {
        match self {
            Self::Data { side, .. } | Self::Other { side, .. } => *side,
        }
    }

    fn speaker(&self) -> Option<Side> {
        match self {
            Self::Data { side, .. } => Some(*side),
            Self::Other { .. } => None,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Data { bytes, .. } => bytes.len() + size_of::<Self>(),
            Self::Other { .. } => size_of::<Self>(),
        }
    }
}

fn plain(sender: Sender, event: Event<'_>, out: Out<'_>) -> Result<()> {
    match event {
        Event::Data { offset, time, bytes } => out(sender, time, Piece::Bytes { offset, bytes }),
        Event::Missing { offset, length, time } => {
            tcp_note(sender, &event, out)?;
            out(sender, time, Piece::Lost { offset, length: Some(length) })
        }
        _ => tcp_note(sender, &event, out),
    }
}

fn tcp_note(sender: Sender, event: &Event<'_>, out: Out<'_>) -> Result<()> {
    let (time, note) = match *event {
        Event::Data { .. } => return Ok(()),
        Event::Missing { offset, length, time } => (time, Note::Missing { offset, length }),
        Event::Retransmission { offset, length, time } => (time, Note::Retransmission { offset, length }),
        Event::OutOfOrder { offset, length, ahead, time } => {
            (time, Note::OutOfOrder { offset, length, ahead })
        }
    };
    out(sender, time, Piece::Note(note))
}

/// Tells what a client's first bytes are, as soon as they suffice.
fn kind(bytes: &[u8]) -> Option<Kind> {
    if begins(bytes, b"GET ")? {
        return Some(Kind::Http);
    }
    if begins(bytes, &[0x16, 0x03])? {
        return Some(Kind::Tls);
    }
    if !begins(bytes, &[0x10])? {
        return Some(Kind::Other);
    }
    let length = bytes.iter().skip(1).take(4).take_while(|byte| **byte >= 0x80).count() + 1;
    let name = bytes.get(1 + length..)?;
    Some(if begins(name, b"\0\x04MQTT")? || begins(name, b"\0\x06MQIsdp")? {
        Kind::Mqtt
    } else {
        Kind::Other
    })
}

/// Whether `bytes` begin with `prefix`; `None` when there are too few of them to tell.
fn begins(bytes: &[u8], prefix: &[u8]) -> Option<bool> {
    let common = bytes.len().min(prefix.len());
    let same = bytes.get(..common)? == prefix.get(..common)?;
    (!same || common == prefix.len()).then_some(same)
}
