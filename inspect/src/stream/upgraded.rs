//! MQTT over WebSocket: both directions of a connection, from the handshake to MQTT's bytes.

use std::io::Result;
use std::mem;

use mqtt_wire::Sender;

use super::{Out, Piece, tcp_note};
use crate::capture::Time;
use crate::handshake::{Handshake, handshake};
use crate::note::Note;
use crate::tcp::Event;
use crate::websocket::{Frames, Item};

/// The client's and the server's direction change over from HTTP to frames on their own.
#[derive(Debug)]
pub(super) struct WebSocket {
    client: Half,
    server: Half,
    path: String,
    /// The word that a connection begins, until it is known to be one of MQTT.
    pub(super) announcement: Option<(Option<Time>, Note)>,
}

#[derive(Debug)]
struct Half {
    head: Vec<u8>,
    frames: Option<Frames>,
    /// How much of the sender's MQTT stream has come out.
    offset: u64,
}

impl WebSocket {
    pub(super) fn new(announcement: (Option<Time>, Note)) -> Self {
        let half = || Half { head: Vec::new(), frames: None, offset: 0 };
        Self { client: half(), server: half(), path: String::new(), announcement: Some(announcement) }
    }

    /// Takes a TCP event; `false` when this turns out not to be MQTT over WebSocket.
    pub(super) fn event(&mut self, sender: Sender, event: Event<'_>, out: Out<'_>) -> Result<bool> {
        let half = self.half(sender);
        match (event, half.frames.is_some()) {
            (Event::Data { time, bytes, .. }, true) => half.push(sender, time, bytes, out).map(|()| true),
            (Event::Data { time, bytes, .. }, false) => {
                half.head.extend_from_slice(bytes);
                self.shake(sender, time, out)
            }
            (Event::Missing { length, time, .. }, true) => {
                tcp_note(sender, &event, out)?;
                half.lost(sender, time, length, out).map(|()| true)
            }
            (Event::Missing { .. }, false) => Ok(false),
            _ if self.announcement.is_some() => Ok(true),
            _ => tcp_note(sender, &event, out).map(|()| true),
        }
    }

    fn half(&mut self, sender: Sender) -> &mut Half {
        match sender {
            Sender::Client => &mut self.client,
            Sender::Server => &mut self.server,
        }
    }

    /// Goes on with the handshake; what follows it in the same segment is the first of the frames.
    fn shake(&mut self, sender: Sender, time: Option<Time>, out: Out<'_>) -> Result<bool> {
        let length = match handshake(sender, &self.half(sender).head) {
            Handshake::Partial => return Ok(true),
            Handshake::Request { length, path, subprotocol } => {
                if !is_mqtt(&path, subprotocol.as_deref()) {
                    return Ok(false);
                }
                if let Some((time, note)) = self.announcement.take() {
                    out(Sender::Client, time, Piece::Note(note))?;
                }
                self.path = path;
                self.client.frames = Some(Frames::new(sender));
                length
            }
            Handshake::Switched { length, subprotocol } => {
                let path = self.path.clone();
                out(sender, time, Piece::Note(Note::WebSocket { path, subprotocol }))?;
                self.server.frames = Some(Frames::new(sender));
                length
            }
            Handshake::Refused { status } => {
                out(sender, time, Piece::Note(Note::Refused { status }))?;
                return Ok(false);
            }
            Handshake::Other => return Ok(false),
        };
        let half = self.half(sender);
        let head = mem::take(&mut half.head);
        half.push(sender, time, head.get(length..).unwrap_or_default(), out)?;
        Ok(true)
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
    }
}

fn is_mqtt(path: &str, subprotocol: Option<&str>) -> bool {
    let names_it = |text: &str| text.to_ascii_lowercase().contains("mqtt");
    names_it(path) || subprotocol.is_some_and(names_it)
}
