//! How connections ended, and how long they lasted.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use mqtt_wire::{Packet, PacketType, ReasonCode, Sender, Version};

use crate::capture::Time;
use crate::note::Note;
use crate::record::{Connection, refuses};
use crate::text::named_code;

/// How a connection ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// The capture ended first.
    #[default]
    Open,
    /// A DISCONNECT; 3.x has no code.
    Disconnect {
        sender: Sender,
        code: Option<ReasonCode>,
    },
    /// A CONNACK that says no.
    Refused {
        code: ReasonCode,
        version: Version,
    },
    /// The server ended it, since the client came on another connection, of this number where it was seen.
    TakenOver(Option<u64>),
    /// Closed by TCP, without a DISCONNECT.
    Closed,
    Reset,
    Forgotten,
}

impl Ending {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "capture_ended",
            Self::Disconnect { .. } => "disconnect",
            Self::Refused { .. } => "refused",
            Self::TakenOver(_) => "taken_over",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Forgotten => "forgotten",
        }
    }

    /// The code with its name.
    pub(super) fn code(self) -> Option<(u8, Option<&'static str>)> {
        match self {
            Self::Disconnect { code: Some(code), .. } => {
                Some(named_code(PacketType::Disconnect, Version::V5, code))
            }
            Self::Refused { code, version } => Some(named_code(PacketType::ConnAck, version, code)),
            _ => None,
        }
    }
}

/// One connection's course.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Course {
    pub(super) begin: Option<Time>,
    pub(super) last: Option<Time>,
    pub(super) ending: Ending,
    /// The connection on which the same client was accepted while this one was open.
    pub(super) rival: Option<u64>,
    /// What the client is found by, once it was accepted.
    pub(super) client: Option<u64>,
}

impl Course {
    pub(super) fn at(&mut self, time: Option<Time>) {
        self.begin = self.begin.or(time);
        self.last = self.last.max(time);
    }

    /// How long it lasted, in nanoseconds.
    pub(super) fn lasted(&self) -> Option<u64> {
        self.begin.zip(self.last).map(|(begin, last)| last.0.saturating_sub(begin.0))
    }

    /// Takes a packet that may be the last, or about the last.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, sender: Sender, version: Version) {
        match packet {
            Packet::Disconnect(one) if one.reason_code == ReasonCode::SESSION_TAKEN_OVER => {
                self.ending = Ending::TakenOver(self.rival);
            }
            Packet::Disconnect(one) => {
                let code = (version == Version::V5).then_some(one.reason_code);
                self.ending = Ending::Disconnect { sender, code };
            }
            Packet::ConnAck(ack) if refuses(packet) => {
                self.ending = Ending::Refused { code: ack.reason_code, version };
            }
            _ => {}
        }
    }

    /// Takes a note. How MQTT ended the connection says more than how TCP did.
    pub(super) fn note(&mut self, note: &Note) -> bool {
        let ending = match note {
            Note::Closed => Ending::Closed,
            Note::Reset => Ending::Reset,
            Note::Forgotten => Ending::Forgotten,
            _ => return false,
        };
        if self.ending == Ending::Open {
            self.ending = match self.rival {
                Some(rival) if ending != Ending::Forgotten => Ending::TakenOver(Some(rival)),
                _ => ending,
            };
        }
        true
    }
}

/// The open connection of each client, as an index.
#[derive(Debug, Default)]
pub(super) struct Clients {
    hasher: RandomState,
    open: HashMap<u64, usize>,
}

impl Clients {
    /// A client was accepted on the connection at `index`. Returns what it is found by, and the connection that it
    /// had before.
    pub(super) fn accept(
        &mut self,
        index: usize,
        ends: Connection,
        identifier: &str,
    ) -> (u64, Option<usize>) {
        let client = self.hasher.hash_one((ends.server, identifier));
        let before = self.open.insert(client, index).filter(|before| *before != index);
        (client, before)
    }

    /// The connection at `index` is over.
    pub(super) fn leave(&mut self, client: u64, index: usize) {
        if self.open.get(&client) == Some(&index) {
            self.open.remove(&client);
        }
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}
