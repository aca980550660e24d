//! One connection: its segments sorted by direction, reassembled, and handed on.

use std::io::Result;
use std::net::SocketAddr;

use mqtt_wire::Sender;

use super::copies::Copies;
use super::order::Order;
use super::{Origin, Servers, Sink};
use crate::capture::Time;
use crate::link::Segment;
use crate::note::Note;
use crate::pool::Pool;
use crate::stream::{Hints, Piece, Side, Stream};
use crate::tcp::{self, Assembler, Payload};

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) ends: Ends,
    assemblers: [Assembler; 2],
    order: Order,
    pub(super) stream: Stream,
    pub(super) copies: Copies,
    /// When the last segment was seen.
    pub(super) time: Option<Time>,
    /// Who sent a segment besides the SYN.
    spoke: [bool; 2],
    closing: [bool; 2],
    pub(super) over: bool,
    pub(super) stage: Stage,
    /// How many proven servers there were when this connection was held against them.
    pub(super) proven: usize,
}

/// Which shelf a connection stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    HalfOpen,
    Open,
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) key: u64,
    first: SocketAddr,
    second: SocketAddr,
}

impl Connection {
    pub(super) fn new(key: u64, segment: &Segment<'_>, mqtt_port: Option<Side>, pool: &Pool) -> Self {
        let opener =
            segment.syn.then_some(if segment.acknowledged.is_none() { Side::First } else { Side::Second });
        let hints = Hints { time: segment.time, opener, mqtt_port };
        Self {
            ends: Ends { key, first: segment.source, second: segment.destination },
            assemblers: Self::assemblers(segment, Side::First, pool),
            order: Order::new(pool),
            stream: Stream::new(hints, pool),
            copies: Copies::default(),
            time: segment.time,
            spoke: [false; 2],
            closing: [false; 2],
            over: false,
            stage: Stage::HalfOpen,
            proven: 0,
        }
    }

    /// Assemblers for a connection whose first segment comes from `side`.
    fn assemblers(segment: &Segment<'_>, side: Side, pool: &Pool) -> [Assembler; 2] {
        let mut assemblers = [Assembler::new(pool), Assembler::new(pool)];
        if let Some(acknowledged) = segment.acknowledged {
            assemblers[index(side.other())].expect(acknowledged);
        }
        assemblers
    }

    /// Whether the segment opens a new connection between the same ports. A device that boots again may use
    /// the same port and first sequence number; one that waits for an answer repeats its SYN before all else.
    pub(super) fn is_replaced_by(&self, segment: &Segment<'_>) -> bool {
        let side = self.side(segment);
        let same = self.assemblers[index(side)].began_at(segment.sequence);
        let opens = segment.acknowledged.is_none();
        let again = opens && self.stream.opener().is_some() && (self.over || self.spoke[index(side)]);
        segment.syn && (!same || again)
    }

    fn side(&self, segment: &Segment<'_>) -> Side {
        if segment.source == self.ends.first { Side::First } else { Side::Second }
    }

    pub(super) fn has_data(&self) -> bool {
        self.stream.has_data() || self.assemblers.iter().any(Assembler::has_data)
    }

    /// Takes a segment that is not a copy, and tells by it who speaks MQTT.
    pub(super) fn take(
        &mut self,
        segment: &Segment<'_>,
        servers: &mut Servers,
        pool: &Pool,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        if self.proven != servers.proven.len() {
            self.proven = servers.proven.len();
            self.meet(servers, segment, pool);
        }
        let was_mqtt = self.stream.is_mqtt();
        self.segment(segment, sink)?;
        if !was_mqtt && self.stream.is_mqtt() {
            servers.prove(self.ends.address(self.stream.client().other()), self.stream.is_plain());
        }
        Ok(())
    }

    /// The server may have turned out to speak MQTT since: from here on the connection is read.
    fn meet(&mut self, servers: &Servers, segment: &Segment<'_>, pool: &Pool) {
        let server =
            [Side::First, Side::Second].into_iter().find(|side| servers.is_proven(&self.ends.address(*side)));
        if let Some(server) = server
            && self.stream.meet(server, segment.time)
        {
            self.assemblers = Self::assemblers(segment, self.side(segment), pool);
            self.order.reset();
        }
    }

    /// A segment came twice: that is said once, and the second is passed over.
    pub(super) fn copied(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Result<()> {
        if self.copies.found || !self.stream.is_mqtt() {
            return Ok(());
        }
        self.copies.found = true;
        self.time = segment.time;
        self.say(self.side(segment), Note::Copies, sink)
    }

    pub(super) fn say(&self, side: Side, note: Note, sink: &mut dyn Sink) -> Result<()> {
        if !self.stream.is_mqtt() {
            return Ok(());
        }
        let whole = self.stream.is_whole(side);
        let origin = self.ends.origin(self.stream.client(), self.stream.sender(side), whole);
        sink.piece(&origin, self.time, Piece::Note(note))
    }

    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Result<()> {
        let side = self.side(segment);
        let mut sequence = segment.sequence;
        self.time = segment.time;
        self.spoke[index(side)] |= !segment.syn && !segment.reset;
        self.closing[index(side)] |= segment.fin;
        let length = segment.payload.len() + segment.cut;
        if segment.syn {
            self.assemblers[index(side)].syn(sequence);
            sequence = sequence.wrapping_add(1);
        }
        if self.stream.is_ignored() {
            self.over |= segment.reset || self.closing == [true; 2];
            return Ok(());
        }
        if segment.fin {
            self.assemblers[index(side)].fin(sequence, length);
        }
        if length > 0 {
            let received = |acknowledged| self.assemblers[index(side.other())].before(acknowledged);
            let after = segment.acknowledged.map(received).unwrap_or_default();
            let payload =
                Payload { bytes: segment.payload, cut: segment.cut as u64, time: segment.time, after };
            if self.assemblers[index(side)].begin(sequence) {
                self.stream.begins_exactly(side);
            }
            self.assemble(side, sink, |assembler, out| assembler.push(sequence, payload, out))?;
        }
        if let Some(acknowledged) = segment.acknowledged {
            self.assemblers[index(side.other())].acknowledge(acknowledged);
        }
        for side in [Side::First, Side::Second] {
            self.assemble(side, sink, |assembler, out| assembler.wait(segment.time, out))?;
        }
        let closed = self.assemblers.iter().all(Assembler::is_finished);
        if !self.over && (segment.reset || closed) {
            self.end(side, if segment.reset { Note::Reset } else { Note::Closed }, sink)?;
        }
        Ok(())
    }

    /// No more segments are looked at. Both sides may have closed with something missing before.
    pub(super) fn leave(&mut self, sink: &mut dyn Sink) -> Result<()> {
        if !self.over && self.assemblers.iter().all(Assembler::has_end) {
            return self.end(Side::First, Note::Closed, sink);
        }
        self.finish(sink)
    }

    fn end(&mut self, side: Side, note: Note, sink: &mut dyn Sink) -> Result<()> {
        self.finish(sink)?;
        self.over = true;
        self.say(side, note, sink)
    }

    /// No more is to come: what is held and what waits comes out.
    fn finish(&mut self, sink: &mut dyn Sink) -> Result<()> {
        for side in [Side::First, Side::Second] {
            self.assemble(side, sink, Assembler::finish)?;
        }
        let Self { ends, stream, order, .. } = self;
        order.flush(&mut |side, event| hand_on(ends, stream, sink, (side, event)))?;
        stream.finish(&mut |client, sender, whole, time, piece| {
            sink.piece(&ends.origin(client, sender, whole), time, piece)
        })
    }

    /// Lets one direction's assembler work, and hands on what comes of it.
    fn assemble(
        &mut self,
        side: Side,
        sink: &mut dyn Sink,
        work: impl FnOnce(&mut Assembler, tcp::Out<'_>) -> Result<()>,
    ) -> Result<()> {
        let Self { ends, assemblers, stream, order, .. } = self;
        work(&mut assemblers[index(side)], &mut |event| {
            order.take(side, event, &mut |side, event| hand_on(ends, stream, sink, (side, event)))
        })
    }
}

/// What stands next in order: to the stream, and what comes of it to the sink.
fn hand_on(
    ends: &Ends,
    stream: &mut Stream,
    sink: &mut dyn Sink,
    (side, event): (Side, Option<tcp::Event<'_>>),
) -> Result<()> {
    let Some(event) = event else {
        sink.disorder(ends.key);
        return Ok(());
    };
    stream.event(side, event, &mut |client, sender, whole, time, piece| {
        sink.piece(&ends.origin(client, sender, whole), time, piece)
    })
}

impl Ends {
    fn origin(&self, client: Side, sender: Sender, whole: bool) -> Origin {
        let (client, server) = match client {
            Side::First => (self.first, self.second),
            Side::Second => (self.second, self.first),
        };
        Origin { key: self.key, client, server, sender, whole }
    }

    fn address(&self, side: Side) -> SocketAddr {
        match side {
            Side::First => self.first,
            Side::Second => self.second,
        }
    }

    /// Who was called, or who has the lower port.
    pub(super) fn likely_server(&self, opener: Option<Side>) -> SocketAddr {
        match opener {
            Some(opener) => self.address(opener.other()),
            None if self.first.port() < self.second.port() => self.first,
            None => self.second,
        }
    }
}

pub(super) fn index(side: Side) -> usize {
    match side {
        Side::First => 0,
        Side::Second => 1,
    }
}
