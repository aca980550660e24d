//! The table of TCP connections: sorts segments by connection and direction, reassembles them, and
//! hands on what each connection brings.

use std::collections::{HashMap, VecDeque};
use std::io::Result;
use std::net::SocketAddr;

use mqtt_wire::Sender;

use crate::capture::Time;
use crate::link::Segment;
use crate::note::Note;
use crate::stream::{Hints, Piece, Side, Stream};
use crate::tcp::{self, Assembler};

/// Ports of MQTT in the registry of service names: mqtt and secure-mqtt.
const MQTT_PORTS: [u16; 2] = [1883, 8883];
/// Connections are remembered for a while after their end, since late segments follow it.
const REMEMBERED: usize = 1024;

/// Takes what connections bring. `key` tells connections apart; those that are not MQTT never show.
pub(crate) trait Sink {
    fn piece(&mut self, origin: &Origin, time: Option<Time>, piece: Piece<'_>) -> Result<()>;
}

/// Where a piece comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// Counts all TCP connections of the capture.
    pub(crate) key: u64,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) sender: Sender,
    /// Whether the connection's beginning was seen.
    pub(crate) whole: bool,
}

#[derive(Debug)]
struct Connection {
    ends: Ends,
    assemblers: [Assembler; 2],
    stream: Stream,
    /// When the last segment was seen.
    time: Option<Time>,
    over: bool,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    key: u64,
    first: SocketAddr,
    second: SocketAddr,
}

/// One address pair, in whichever order.
type Pair = (SocketAddr, SocketAddr);

#[derive(Debug, Default)]
pub(crate) struct Connections {
    table: HashMap<Pair, Connection>,
    over: VecDeque<(Pair, u64)>,
    ports: Vec<u16>,
    count: u64,
    /// TCP connections with data that were found to be something else.
    pub(crate) others: u64,
}

impl Connections {
    pub(crate) fn new(ports: &[u16]) -> Self {
        Self { ports: MQTT_PORTS.iter().chain(ports).copied().collect(), ..Self::default() }
    }

    pub(crate) fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Result<()> {
        let pair = pair(segment.source, segment.destination);
        if let Some(old) = self.table.get(&pair).filter(|old| old.is_replaced_by(segment)) {
            let key = old.ends.key;
            self.drop(&pair, key, sink)?;
        }
        if !self.table.contains_key(&pair) {
            if !segment.syn && segment.payload.is_empty() {
                return Ok(());
            }
            self.count += 1;
            self.table.insert(pair, Connection::new(self.count, segment, &self.ports));
        }
        let Some(connection) = self.table.get_mut(&pair) else { return Ok(()) };
        let was_over = connection.over;
        connection.segment(segment, sink)?;
        if connection.over && !was_over {
            self.over.push_back((pair, connection.ends.key));
        }
        if self.over.len() > REMEMBERED
            && let Some((pair, key)) = self.over.pop_front()
        {
            self.drop(&pair, key, sink)?;
        }
        Ok(())
    }

    /// The capture is over.
    pub(crate) fn finish(&mut self, sink: &mut dyn Sink) -> Result<()> {
        let mut rest: Vec<Connection> = self.table.drain().map(|(_, connection)| connection).collect();
        rest.sort_by_key(|connection| connection.ends.key);
        for mut connection in rest {
            connection.leave(sink)?;
            self.others += u64::from(!connection.stream.is_mqtt() && connection.has_data());
        }
        Ok(())
    }

    fn drop(&mut self, pair: &Pair, key: u64, sink: &mut dyn Sink) -> Result<()> {
        if self.table.get(pair).is_none_or(|connection| connection.ends.key != key) {
            return Ok(());
        }
        let Some(mut connection) = self.table.remove(pair) else { return Ok(()) };
        connection.leave(sink)?;
        self.others += u64::from(!connection.stream.is_mqtt() && connection.has_data());
        Ok(())
    }
}

fn pair(a: SocketAddr, b: SocketAddr) -> Pair {
    if a <= b { (a, b) } else { (b, a) }
}

impl Connection {
    fn new(key: u64, segment: &Segment<'_>, ports: &[u16]) -> Self {
        let opener =
            segment.syn.then_some(if segment.acknowledged.is_none() { Side::First } else { Side::Second });
        let mqtt_port =
            match (ports.contains(&segment.destination.port()), ports.contains(&segment.source.port())) {
                (true, _) => Some(Side::Second),
                (false, true) => Some(Side::First),
                (false, false) => None,
            };
        Self {
            ends: Ends { key, first: segment.source, second: segment.destination },
            assemblers: [Assembler::default(), Assembler::default()],
            stream: Stream::new(Hints { time: segment.time, opener, mqtt_port }),
            time: segment.time,
            over: false,
        }
    }

    /// Whether the segment opens a new connection between the same ports.
    fn is_replaced_by(&self, segment: &Segment<'_>) -> bool {
        let opens = segment.syn && segment.acknowledged.is_none();
        opens && !self.assemblers[index(self.side(segment))].began_at(segment.sequence)
    }

    fn side(&self, segment: &Segment<'_>) -> Side {
        if segment.source == self.ends.first { Side::First } else { Side::Second }
    }

    fn has_data(&self) -> bool {
        self.assemblers.iter().any(Assembler::has_data)
    }

    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Result<()> {
        let side = self.side(segment);
        let mut sequence = segment.sequence;
        if segment.syn {
            self.assemblers[index(side)].syn(sequence);
            sequence = sequence.wrapping_add(1);
        }
        if segment.fin {
            self.assemblers[index(side)].fin(sequence, segment.payload.len());
        }
        if !segment.payload.is_empty() {
            self.assemble(side, sink, |assembler, out| {
                assembler.push(sequence, segment.payload, segment.time, out)
            })?;
        }
        if let Some(acknowledged) = segment.acknowledged {
            self.assemblers[index(side.other())].acknowledge(acknowledged);
        }
        for side in [Side::First, Side::Second] {
            self.assemble(side, sink, |assembler, out| assembler.wait(segment.time, out))?;
        }
        let closed = self.assemblers.iter().all(Assembler::is_finished);
        self.time = segment.time;
        if !self.over && (segment.reset || closed) {
            self.end(side, if segment.reset { Note::Reset } else { Note::Closed }, sink)?;
        }
        Ok(())
    }

    /// No more segments are looked at. Both sides may have closed with something missing before.
    fn leave(&mut self, sink: &mut dyn Sink) -> Result<()> {
        if !self.over && self.assemblers.iter().all(Assembler::has_end) {
            return self.end(Side::First, Note::Closed, sink);
        }
        self.finish(sink)
    }

    fn end(&mut self, side: Side, note: Note, sink: &mut dyn Sink) -> Result<()> {
        self.finish(sink)?;
        self.over = true;
        if self.stream.is_mqtt() {
            let origin =
                self.ends.origin(self.stream.client(), self.stream.sender(side), self.stream.is_whole());
            sink.piece(&origin, self.time, Piece::Note(note))?;
        }
        Ok(())
    }

    /// No more is to come: what is held and what waits comes out.
    fn finish(&mut self, sink: &mut dyn Sink) -> Result<()> {
        for side in [Side::First, Side::Second] {
            self.assemble(side, sink, Assembler::finish)?;
        }
        let Self { ends, stream, .. } = self;
        let whole = stream.is_whole();
        stream.finish(&mut |client, sender, time, piece| {
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
        let Self { ends, assemblers, stream, .. } = self;
        let whole = stream.is_whole();
        work(&mut assemblers[index(side)], &mut |event| {
            stream.event(side, event, &mut |client, sender, time, piece| {
                sink.piece(&ends.origin(client, sender, whole), time, piece)
            })
        })
    }
}

impl Ends {
    fn origin(&self, client: Side, sender: Sender, whole: bool) -> Origin {
        let (client, server) = match client {
            Side::First => (self.first, self.second),
            Side::Second => (self.second, self.first),
        };
        Origin { key: self.key, client, server, sender, whole }
    }
}

fn index(side: Side) -> usize {
    match side {
        Side::First => 0,
        Side::Second => 1,
    }
}
