//! MQTT over WebSocket: both directions of a connection, from the handshake to MQTT's bytes.

use std::io::Result;
use std::mem;

use mqtt_wire::Sender;

use super::{Out, Piece, note_of, tcp_note};
use crate::capture::Time;
use crate::handshake::{Handshake, LARGEST_HANDSHAKE, handshake};
use crate::note::Note;
use crate::pool::{Buffer, Pool};
use crate::tcp::Event;
use crate::websocket::{self, Frames, Item};

/// Long enough to tell HTTP from what is none.
const FIRST_LINE: usize = 1024;

/// The client's and the server's direction change over from HTTP to frames on their own.
#[derive(Debug)]
pub(super) struct WebSocket {
    pool: Pool,
    client: Half,
    server: Half,
    path: Option<String>,
    /// The user's word, or the server's other connections, say that this carries MQTT.
    known: bool,
    /// The word that a connection begins, until it is known to be one of MQTT.
    announcement: Vec<(Option<Time>, Note)>,
}

#[derive(Debug)]
struct Half {
    head: Buffer,
    frames: Option<Frames>,
    /// How much of the sender's MQTT stream has come out.
    offset: u64,
}

/// What an event says about the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Mqtt,
    /// It is, or has turned into, something that is not MQTT over WebSocket.
    Other,
    /// It is HTTP without WebSocket, as was seen at this time.
    Http(Option<Time>),
}

impl WebSocket {
    /// A connection whose request is to come.
    pub(super) fn new(announcement: Vec<(Option<Time>, Note)>, known: bool, pool: &Pool) -> Self {
        let half = || Half { head: Buffer::new(pool), frames: None, offset: 0 };
        Self { pool: pool.clone(), client: half(), server: half(), path: None, known, announcement }
    }

    /// A connection whose response is to come, and whose request is missing.
    pub(super) fn answered(announcement: Vec<(Option<Time>, Note)>, known: bool, pool: &Pool) -> Self {
        let mut this = Self::new(announcement, known, pool);
        this.client.frames = Some(Frames::joined(Sender::Client, pool));
        this
    }

    /// A connection whose handshake is missing.
    pub(super) fn joined(pool: &Pool) -> Self {
        let mut this = Self::answered(Vec::new(), true, pool);
        this.server.frames = Some(Frames::joined(Sender::Server, pool));
        this
    }

    pub(super) fn is_announced(&self) -> bool {
        self.announcement.is_empty()
    }

    pub(super) fn announce(&mut self, out: Out<'_>) -> Result<()> {
        for (time, note) in mem::take(&mut self.announcement) {
            out(Sender::Client, time, Piece::Note(note))?;
        }
        Ok(())
    }

    /// Takes a TCP event.
    pub(super) fn event(&mut self, sender: Sender, event: Event<'_>, out: Out<'_>) -> Result<Verdict> {
        let is_announced = self.is_announced();
        let half = self.half(sender);
        match (event, half.frames.is_some()) {
            (Event::Data { time, bytes, .. }, true) if is_announced => {
                half.push(sender, time, bytes, out).map(|()| Verdict::Mqtt)
            }
            // Frames whose request is missing: the answer will tell what they are.
            (Event::Data { .. }, true) if !is_announced => Ok(Verdict::Mqtt),
            (Event::Missing { .. }, true) if !is_announced => {
                self.announcement.extend(note_of(&event));
                Ok(Verdict::Mqtt)
            }
            (Event::Data { time, bytes, .. }, _) => {
                if !half.head.extend(bytes) {
                    return Ok(Verdict::Other);
                }
                // Nothing is decided within a line, but by the first.
                if half.head.len() > FIRST_LINE
                    && half.head.len() <= LARGEST_HANDSHAKE
                    && !bytes.contains(&b'\n')
                {
                    return Ok(Verdict::Mqtt);
                }
                self.shake(sender, time, out)
            }
            (Event::Missing { length, time, .. }, true) if is_announced => {
                tcp_note(sender, &event, out)?;
                half.lost(sender, time, length, out).map(|()| Verdict::Mqtt)
            }
            (Event::Missing { time, .. }, false) if is_announced || self.known => {
                self.announce(out)?;
                tcp_note(sender, &event, out)?;
                self.take_up(sender, time, out).map(|()| Verdict::Mqtt)
            }
            (Event::Missing { .. }, _) => Ok(Verdict::Other),
            _ if !is_announced => Ok(Verdict::Mqtt),
            _ => tcp_note(sender, &event, out).map(|()| Verdict::Mqtt),
        }
    }

    fn half(&mut self, sender: Sender) -> &mut Half {
        match sender {
            Sender::Client => &mut self.client,
            Sender::Server => &mut self.server,
        }
    }

    /// The sender's part of the handshake is missing: its frames are read all the same.
    fn take_up(&mut self, sender: Sender, time: Option<Time>, out: Out<'_>) -> Result<()> {
        let frames = Frames::joined(sender, &self.pool);
        let half = self.half(sender);
        half.head.clear();
        half.frames = Some(frames);
        out(sender, time, Piece::Note(Note::WebSocketUnseen { path: self.path.clone() }))?;
        out(sender, time, Piece::Lost { offset: 0, length: None })
    }

    /// Goes on with the handshake; what follows it in the same segment is the first of the frames.
    fn shake(&mut self, sender: Sender, time: Option<Time>, out: Out<'_>) -> Result<Verdict> {
        let length = match handshake(sender, &self.half(sender).head) {
            Handshake::Partial => return Ok(Verdict::Mqtt),
            Handshake::Request { length, path, subprotocol } => {
                if !self.known && !is_mqtt(&path, subprotocol.as_deref()) {
                    return Ok(Verdict::Other);
                }
                self.announce(out)?;
                self.path = Some(path);
                self.client.frames = Some(Frames::new(sender, &self.pool));
                length
            }
            Handshake::Switched { length, subprotocol, compression } => {
                if !self.known && !self.is_announced() && !is_mqtt("", subprotocol.as_deref()) {
                    return Ok(Verdict::Other);
                }
                self.announce(out)?;
                let path = self.path.clone();
                out(sender, time, Piece::Note(Note::WebSocket { path, subprotocol }))?;
                let mut frames = Frames::new(sender, &self.pool);
                frames.agreed(compression);
                self.server.frames = Some(frames);
                if let Some(frames) = &mut self.client.frames {
                    frames.agreed(compression);
                }
                length
            }
            Handshake::Refused { status } if self.is_announced() => {
                out(sender, time, Piece::Note(Note::Refused { status }))?;
                return Ok(Verdict::Other);
            }
            Handshake::Other if sender == Sender::Server && self.is_announced() => {
                // The answer is missing, though no hole shows.
                if websocket::evidence(&self.server.head) != Some(Sender::Server) {
                    return Ok(Verdict::Other);
                }
                let head = self.server.head.to_vec();
                self.take_up(sender, time, out)?;
                self.server.push(sender, time, &head, out)?;
                return Ok(Verdict::Mqtt);
            }
            Handshake::Refused { .. } | Handshake::Other => return Ok(Verdict::Http(time)),
        };
        let half = self.half(sender);
        let head = half.head.get(length..).unwrap_or_default().to_vec();
        half.head.clear();
        half.push(sender, time, &head, out)?;
        Ok(Verdict::Mqtt)
    }
}

impl Half {
    fn push(&mut self, sender: Sender, time: Option<Time>, bytes: &[u8], out: Out<'_>) -> Result<()> {
        let Self { frames: Some(frames), offset, .. } = self else { return Ok(()) };
        frames.push(bytes, &mut |item| hand_on(item, offset, sender, time, out))
    }

    fn lost(&mut self, sender: Sender, time: Option<Time>, length: u64, out: Out<'_>) -> Result<()> {
        let Self { frames: Some(frames), offset, .. } = self else { return Ok(()) };
        frames.lost(length, &mut |item| hand_on(item, offset, sender, time, out))
    }
}

fn hand_on(item: Item<'_>, offset: &mut u64, sender: Sender, time: Option<Time>, out: Out<'_>) -> Result<()> {
    let at = *offset;
    match item {
        Item::Bytes(bytes) => {
            *offset += bytes.len() as u64;
            out(sender, time, Piece::Bytes { offset: at, bytes })
        }
        Item::Lost(length) => {
            *offset += length.unwrap_or_default();
            out(sender, time, Piece::Lost { offset: at, length })
        }
        Item::Note(note) => out(sender, time, Piece::Note(note)),
        Item::Late(is_late) => out(sender, time, Piece::Late(is_late)),
    }
}

fn is_mqtt(path: &str, subprotocol: Option<&str>) -> bool {
    let names_it = |text: &str| text.to_ascii_lowercase().contains("mqtt");
    names_it(path) || subprotocol.is_some_and(names_it)
}
