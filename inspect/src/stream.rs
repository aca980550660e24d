//! From the two TCP streams of a connection to its MQTT bytes: finds out whether the connection
//! carries MQTT, plain or over WebSocket, and who is the client, and unwraps it.

pub(crate) mod kind;
mod proxy;
mod upgraded;

use std::io::Result;
use std::mem;

use mqtt_wire::Sender;

use self::kind::{Beginning, Rule, beginning, is_made_of_tls};
use self::upgraded::{Verdict, WebSocket};
use crate::capture::Time;
use crate::handshake::LARGEST_HANDSHAKE;
use crate::note::Note;
use crate::pool::{Pool, Share};
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
    /// What comes now had waited until it was found, or is over: the other side's answers may have come before.
    Late(bool),
}

/// Takes `Piece`s with their sender and time.
type Out<'a> = &'a mut dyn FnMut(Sender, Option<Time>, Piece<'_>) -> Result<()>;

/// The same, with which side the client is, and whether the sender's stream is there from its beginning.
pub(crate) type SidedOut<'a> = &'a mut dyn FnMut(Side, Sender, bool, Option<Time>, Piece<'_>) -> Result<()>;

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
    /// `watched`: how many segments of a connection that was joined late are looked at for TLS.
    Plain {
        watched: u32,
    },
    WebSocket(Box<WebSocket>),
    /// Not MQTT, or not to be read.
    Ignored,
}

/// An event that waits, and the room for it.
#[derive(Debug)]
pub(crate) struct Waiting {
    side: Side,
    event: Held,
    _room: Share,
}

#[derive(Debug)]
enum Held {
    Data { offset: u64, time: Option<Time>, bytes: Vec<u8> },
    Other(Event<'static>),
}

#[derive(Debug)]
pub(crate) struct Stream {
    pool: Pool,
    hints: Hints,
    client: Side,
    state: State,
    /// The client's first bytes are a CONNECT: that is the beginning, even without a SYN.
    begins_with_connect: bool,
    /// Which sides begin where their receiver waited for them.
    exact: [bool; 2],
    /// How many of the client's first bytes are a PROXY header.
    proxied: u64,
    has_data: bool,
    /// It is no MQTT, and that has been said.
    named: bool,
}

/// How many segments of a connection that was joined late are looked at for TLS.
const WATCHED: u32 = 64;

impl Stream {
    pub(crate) fn new(hints: Hints, pool: &Pool) -> Self {
        Self {
            pool: pool.clone(),
            hints,
            client: hints.opener.or(hints.mqtt_port.map(Side::other)).unwrap_or(Side::First),
            state: State::Undecided(Vec::new()),
            begins_with_connect: false,
            exact: [false; 2],
            proxied: 0,
            has_data: false,
            named: false,
        }
    }

    /// Whether this was found to be a connection to be shown.
    pub(crate) fn is_mqtt(&self) -> bool {
        match &self.state {
            State::Plain { .. } => true,
            State::WebSocket(websocket) => websocket.is_announced(),
            State::Undecided(_) | State::Ignored => false,
        }
    }

    /// Whether it carries MQTT without WebSocket.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.state, State::Plain { .. })
    }

    /// Whether it was found not to be read.
    pub(crate) fn is_ignored(&self) -> bool {
        matches!(self.state, State::Ignored)
    }

    /// Whether it was shown what it is, though it is not read.
    pub(crate) fn was_named(&self) -> bool {
        self.named
    }

    pub(crate) fn has_data(&self) -> bool {
        self.has_data
    }

    pub(crate) fn client(&self) -> Side {
        self.client
    }

    pub(crate) fn opener(&self) -> Option<Side> {
        self.hints.opener
    }

    pub(crate) fn sender(&self, side: Side) -> Sender {
        if side == self.client { Sender::Client } else { Sender::Server }
    }

    /// Whether the beginning of what a side sent was seen.
    pub(crate) fn is_whole(&self, side: Side) -> bool {
        let exact = self.exact[usize::from(side == Side::Second)];
        self.hints.opener.is_some() || (self.begins_with_connect && (side == self.client || exact))
    }

    /// What a side sends begins where its receiver waited for it.
    pub(crate) fn begins_exactly(&mut self, side: Side) {
        self.exact[usize::from(side == Side::Second)] = true;
    }

    /// One side turned out to be a server of MQTT, after the connection was found to be something else: it is
    /// looked at once more, from here on. Returns whether that is so.
    pub(crate) fn meet(&mut self, server: Side, time: Option<Time>) -> bool {
        if self.named || !matches!(self.state, State::Undecided(_) | State::Ignored) {
            return false;
        }
        self.hints.mqtt_port = Some(server);
        if self.hints.opener.is_none() {
            self.client = server.other();
        }
        if !self.is_ignored() {
            return false;
        }
        let hints = Hints { time, opener: None, mqtt_port: Some(server) };
        *self = Self { has_data: true, ..Self::new(hints, &self.pool) };
        true
    }

    /// Takes what TCP brought from one side.
    pub(crate) fn event(&mut self, side: Side, event: Event<'_>, out: SidedOut<'_>) -> Result<()> {
        self.has_data = true;
        let (client, sender) = (self.client, self.sender(side));
        let event = match (sender, self.proxied) {
            (Sender::Client, 1..) if !matches!(self.state, State::Undecided(_)) => self.behind_proxy(event),
            _ => Some(event),
        };
        let Some(event) = event else { return Ok(()) };
        let whole = [self.is_whole(self.client), self.is_whole(self.client.other())];
        let mut hand_on = |sender, time, piece: Piece<'_>| {
            let whole = whole[usize::from(sender == Sender::Server)];
            out(client, sender, whole, time, piece)
        };
        match &mut self.state {
            State::Ignored => Ok(()),
            State::Plain { watched } => {
                if *watched > 0
                    && let Event::Data { bytes, time, .. } = event
                {
                    *watched -= 1;
                    if is_made_of_tls(bytes) {
                        self.state = State::Ignored;
                        self.named = true;
                        return hand_on(Sender::Client, time, Piece::Note(Note::Encrypted));
                    }
                }
                plain(sender, event, &mut hand_on)
            }
            State::WebSocket(websocket) => match websocket.event(sender, event, &mut hand_on)? {
                Verdict::Mqtt => Ok(()),
                Verdict::Other => {
                    self.named = self.is_mqtt();
                    self.state = State::Ignored;
                    Ok(())
                }
                Verdict::Http(time) => {
                    self.named = self.hints.mqtt_port.is_some() || self.is_mqtt();
                    let State::WebSocket(mut websocket) = mem::replace(&mut self.state, State::Ignored)
                    else {
                        return Ok(());
                    };
                    if !self.named {
                        return Ok(());
                    }
                    websocket.announce(&mut hand_on)?;
                    hand_on(Sender::Client, time, Piece::Note(Note::Http))
                }
            },
            State::Undecided(waiting) => {
                let Some(event) = Waiting::new(side, event, &self.pool) else {
                    // Who cannot wait must do with what is known.
                    self.settle(Beginning { kind: Rule::Other, proxy: None }, client, None, out)?;
                    return self.event_once_settled(side, event, out);
                };
                waiting.push(event);
                self.decide(out)
            }
        }
    }

    /// As `event`, when nothing waits any more.
    fn event_once_settled(&mut self, side: Side, event: Event<'_>, out: SidedOut<'_>) -> Result<()> {
        match self.state {
            State::Plain { .. } => {
                let (client, whole, sender) = (self.client, self.is_whole(side), self.sender(side));
                plain(sender, event, &mut |sender, time, piece| out(client, sender, whole, time, piece))
            }
            _ => Ok(()),
        }
    }

    /// The event without the PROXY header; `None` when it is within it.
    fn behind_proxy<'a>(&self, event: Event<'a>) -> Option<Event<'a>> {
        match event {
            Event::Data { offset, time, bytes, after } => {
                let skipped = usize::try_from(self.proxied.saturating_sub(offset)).ok()?;
                let bytes = bytes.get(skipped..).filter(|bytes| !bytes.is_empty())?;
                Some(Event::Data { offset: offset.saturating_sub(self.proxied), time, bytes, after })
            }
            event => Some(event),
        }
    }

    /// The connection is over: what waited for a decision gets one.
    pub(crate) fn finish(&mut self, out: SidedOut<'_>) -> Result<()> {
        match &self.state {
            State::Undecided(waiting) if !waiting.is_empty() => {
                self.settle(Beginning { kind: Rule::Other, proxy: None }, self.client, None, out)
            }
            _ => Ok(()),
        }
    }

    fn decide(&mut self, out: SidedOut<'_>) -> Result<()> {
        let State::Undecided(waiting) = &self.state else { return Ok(()) };
        let size: usize = waiting.iter().map(Waiting::size).sum();
        let other = Beginning { kind: Rule::Other, proxy: None };
        let speaker = match waiting.iter().find_map(Waiting::speaker) {
            Some(speaker) => speaker,
            None if size <= LARGEST_HANDSHAKE => return Ok(()),
            None => return self.settle(other, self.client, None, out),
        };
        // Without a SYN, or what came first, the first to send is looked at first, and then the other.
        let opener = self.hints.opener.filter(|opener| !first_bytes(waiting, *opener).is_late);
        let sides: &[Side] = match opener {
            Some(opener) => &[opener],
            None => &[speaker, speaker.other()],
        };
        let mut open = false;
        for side in sides {
            let first = first_bytes(waiting, *side);
            match beginning(&first.bytes, opener.is_none()) {
                Some(beginning) if beginning.kind != Rule::Other || opener.is_some() => {
                    return self.settle(beginning, *side, first.time, out);
                }
                // The other side of a connection that was joined late may yet say more; it is not waited for.
                None if !first.is_cut && (*side == speaker || opener.is_some()) => open = true,
                _ => {}
            }
        }
        if open && size <= LARGEST_HANDSHAKE {
            return Ok(());
        }
        self.settle(other, self.client, None, out)
    }

    /// Decides what the connection is, by what one side sent at `seen`, and goes through what waited for that.
    fn settle(
        &mut self,
        beginning: Beginning,
        side: Side,
        seen: Option<Time>,
        out: SidedOut<'_>,
    ) -> Result<()> {
        let Beginning { kind, proxy } = beginning;
        let known = self.hints.mqtt_port.is_some();
        let begin = (self.hints.time, if self.hints.opener.is_some() { Note::Opened } else { Note::Joined });
        match kind {
            Rule::Connect | Rule::Request | Rule::Frames(Sender::Client) => self.client = side,
            Rule::Response | Rule::Frames(Sender::Server) => self.client = side.other(),
            Rule::Tls | Rule::Other => {}
        }
        self.begins_with_connect = kind == Rule::Connect;
        let (client, whole) = (self.client, self.is_whole(self.client));
        let mut say = |time: Option<Time>, note| out(client, Sender::Client, whole, time, Piece::Note(note));
        let watched = if self.hints.opener.is_none() { WATCHED } else { 0 };
        let mut announcement = vec![begin];
        if let Some((length, note)) = proxy {
            self.proxied = length as u64;
            announcement.push((seen, note));
        }
        let state = match kind {
            Rule::Connect => State::Plain { watched: 0 },
            Rule::Other if known => State::Plain { watched },
            Rule::Request => {
                State::WebSocket(Box::new(WebSocket::new(mem::take(&mut announcement), known, &self.pool)))
            }
            Rule::Response => State::WebSocket(Box::new(WebSocket::answered(
                mem::take(&mut announcement),
                known,
                &self.pool,
            ))),
            Rule::Frames(_) => State::WebSocket(Box::new(WebSocket::joined(&self.pool))),
            Rule::Tls | Rule::Other => State::Ignored,
        };
        if known || matches!(kind, Rule::Connect | Rule::Frames(_)) {
            for (time, note) in announcement {
                say(time, note)?;
            }
        }
        match kind {
            Rule::Tls if known => {
                say(seen, Note::Encrypted)?;
                self.named = true;
            }
            Rule::Frames(_) => say(seen, Note::WebSocketJoined)?,
            _ => {}
        }
        let State::Undecided(waiting) = mem::replace(&mut self.state, state) else { return Ok(()) };
        for event in &waiting {
            self.event(event.side, event.event(), out)?;
        }
        Ok(())
    }
}

/// The first bytes of a side that are there.
#[derive(Debug, Default)]
struct First {
    bytes: Vec<u8>,
    time: Option<Time>,
    /// Bytes before them are missing.
    is_late: bool,
    /// Bytes behind them are missing.
    is_cut: bool,
}

fn first_bytes(waiting: &[Waiting], side: Side) -> First {
    let mut first = First::default();
    for event in waiting.iter().filter(|event| event.side == side) {
        match &event.event {
            Held::Data { bytes, time, .. } => {
                first.time = first.time.or(*time);
                first.bytes.extend_from_slice(bytes);
            }
            Held::Other(Event::Missing { .. }) if first.bytes.is_empty() => first.is_late = true,
            Held::Other(Event::Missing { .. }) => {
                first.is_cut = true;
                break;
            }
            Held::Other(_) => {}
        }
    }
    first
}

impl Waiting {
    /// `None` when there is no room for it.
    pub(crate) fn new(side: Side, event: Event<'_>, pool: &Pool) -> Option<Self> {
        let length = if let Event::Data { bytes, .. } = event { bytes.len() } else { 0 };
        let room = Share::of(pool, length + size_of::<Self>())?;
        let event = match event {
            Event::Data { offset, time, bytes, .. } => Held::Data { offset, time, bytes: bytes.to_vec() },
            Event::Missing { offset, length, cut, time } => {
                Held::Other(Event::Missing { offset, length, cut, time })
            }
            Event::Retransmission { offset, length, time } => {
                Held::Other(Event::Retransmission { offset, length, time })
            }
            Event::OutOfOrder { offset, length, ahead, time } => {
                Held::Other(Event::OutOfOrder { offset, length, ahead, time })
            }
            Event::Differing { offset, length, time } => {
                Held::Other(Event::Differing { offset, length, time })
            }
        };
        Some(Self { side, event, _room: room })
    }

    pub(crate) fn event(&self) -> Event<'_> {
        match &self.event {
            Held::Data { offset, time, bytes } => {
                Event::Data { offset: *offset, time: *time, bytes, after: 0 }
            }
            Held::Other(event) => *event,
        }
    }

    fn speaker(&self) -> Option<Side> {
        matches!(self.event, Held::Data { .. }).then_some(self.side)
    }

    fn size(&self) -> usize {
        let bytes = if let Held::Data { bytes, .. } = &self.event { bytes.len() } else { 0 };
        bytes + size_of::<Self>()
    }
}

fn plain(sender: Sender, event: Event<'_>, out: Out<'_>) -> Result<()> {
    match event {
        Event::Data { offset, time, bytes, .. } => out(sender, time, Piece::Bytes { offset, bytes }),
        Event::Missing { offset, length, time, .. } => {
            tcp_note(sender, &event, out)?;
            out(sender, time, Piece::Lost { offset, length: Some(length) })
        }
        _ => tcp_note(sender, &event, out),
    }
}

fn tcp_note(sender: Sender, event: &Event<'_>, out: Out<'_>) -> Result<()> {
    match note_of(event) {
        Some((time, note)) => out(sender, time, Piece::Note(note)),
        None => Ok(()),
    }
}

/// What a TCP event other than data says.
fn note_of(event: &Event<'_>) -> Option<(Option<Time>, Note)> {
    Some(match *event {
        Event::Data { .. } => return None,
        Event::Missing { offset, length, cut: false, time } => (time, Note::Missing { offset, length }),
        Event::Missing { offset, length, cut: true, time } => (time, Note::CutOff { offset, length }),
        Event::Retransmission { offset, length, time } => (time, Note::Retransmission { offset, length }),
        Event::OutOfOrder { offset, length, ahead, time } => {
            (time, Note::OutOfOrder { offset, length, ahead })
        }
        Event::Differing { offset, length, time } => (time, Note::Differing { offset, length }),
    })
}
