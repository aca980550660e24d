//! The table of TCP connections: sorts segments by connection and direction, reassembles them, and
//! hands on what each connection brings.

mod copies;
mod shelf;

use std::collections::HashMap;
use std::io::Result;
use std::net::SocketAddr;

use mqtt_wire::Sender;

use self::copies::Copies;
use self::shelf::{Entry, Shelf};
use crate::capture::Time;
use crate::link::Segment;
use crate::note::Note;
use crate::pool::Pool;
use crate::stream::{Hints, Piece, Side, Stream};
use crate::tcp::{self, Assembler, Payload};

/// Ports of MQTT in the registry of service names: mqtt and secure-mqtt.
const MQTT_PORTS: [u16; 2] = [1883, 8883];
/// Connections without data: how many, and for how many seconds.
const HALF_OPEN: (usize, u64) = (16 * 1024, 120);
/// Open connections: how many, and for how many seconds without a segment. The longest Keep Alive is 18 hours,
/// and a client is given one and a half of it.
const OPEN: (usize, u64) = (128 * 1024, 28 * 60 * 60);
/// Connections are remembered for a while after their end, since late segments follow it.
const OVER: (usize, u64) = (1024, 300);
/// How many open connections are looked at for one to let go; the last must go in any case.
const LOOKS: usize = 8;
/// Servers that were seen to speak MQTT on some port, and those that others were heard on.
const MOST_SERVERS: usize = 16 * 1024;

/// Takes what connections bring. `key` tells connections apart; those that are not MQTT never show.
pub(crate) trait Sink {
    fn piece(&mut self, origin: &Origin, time: Option<Time>, piece: Piece<'_>) -> Result<()>;

    /// Nothing more comes from a connection.
    fn forget(&mut self, key: u64) -> Result<()>;
}

/// Where a piece comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// Counts all TCP connections of the capture.
    pub(crate) key: u64,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) sender: Sender,
    /// Whether the beginning of what this sender sent was seen.
    pub(crate) whole: bool,
}

/// TCP connections that were not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Those with data that were found to be something else.
    pub(crate) others: u64,
    /// Those of them with a server that spoke MQTT on the same port to others.
    pub(crate) of_mqtt_servers: u64,
    /// Those that brought no data.
    pub(crate) without_data: u64,
}

impl LeftOut {
    pub(crate) fn add(&mut self, other: Self) {
        self.others += other.others;
        self.of_mqtt_servers += other.of_mqtt_servers;
        self.without_data += other.without_data;
    }
}

#[derive(Debug)]
struct Connection {
    ends: Ends,
    assemblers: [Assembler; 2],
    stream: Stream,
    copies: Copies,
    /// When the last segment was seen.
    time: Option<Time>,
    /// Who sent a segment besides the SYN.
    spoke: [bool; 2],
    closing: [bool; 2],
    over: bool,
    stage: Stage,
    /// How many proven servers there were when this connection was held against them.
    proven: usize,
}

/// Which shelf a connection stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    HalfOpen,
    Open,
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    key: u64,
    first: SocketAddr,
    second: SocketAddr,
}

/// One address pair, in whichever order.
type Pair = (SocketAddr, SocketAddr);

#[derive(Debug)]
pub(crate) struct Connections {
    table: HashMap<Pair, Box<Connection>>,
    shelves: Shelves,
    servers: Servers,
    /// How many connections were left out, by the end that looks like the server.
    others_of: HashMap<SocketAddr, u64>,
    pool: Pool,
    count: u64,
    left_out: LeftOut,
}

#[derive(Debug)]
struct Shelves {
    half_open: Shelf,
    open: Shelf,
    over: Shelf,
}

/// Where MQTT is expected.
#[derive(Debug)]
struct Servers {
    ports: Vec<u16>,
    /// Servers that were seen to speak MQTT, and whether they do so without WebSocket: there all connections
    /// are MQTT's.
    proven: HashMap<SocketAddr, bool>,
}

impl Servers {
    fn is_proven(&self, address: &SocketAddr) -> bool {
        self.proven.get(address) == Some(&true)
    }

    fn is_mqtt(&self, address: &SocketAddr) -> bool {
        self.ports.contains(&address.port()) || self.is_proven(address)
    }

    fn prove(&mut self, server: SocketAddr, plain: bool) {
        if self.proven.len() < MOST_SERVERS {
            *self.proven.entry(server).or_default() |= plain;
        }
    }
}

impl Connections {
    pub(crate) fn new(ports: &[u16], pool: &Pool) -> Self {
        let shelf = |(most, seconds)| Shelf::new(most, seconds);
        Self {
            table: HashMap::new(),
            shelves: Shelves { half_open: shelf(HALF_OPEN), open: shelf(OPEN), over: shelf(OVER) },
            servers: Servers {
                ports: MQTT_PORTS.iter().chain(ports).copied().collect(),
                proven: HashMap::new(),
            },
            others_of: HashMap::new(),
            pool: pool.clone(),
            count: 0,
            left_out: LeftOut::default(),
        }
    }

    pub(crate) fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Result<()> {
        self.tidy(segment.time, sink)?;
        let pair = pair(segment.source, segment.destination);
        // Performance: nearly all segments belong to a known connection, which is looked up once.
        if let Some(known) = self.table.get_mut(&pair) {
            if known.copies.is_copy(segment) {
                return known.copied(segment, sink);
            }
            if !known.is_replaced_by(segment) {
                known.take(segment, &mut self.servers, &self.pool, sink)?;
                self.shelves.put(pair, known);
                return Ok(());
            }
            let key = known.ends.key;
            self.drop(&pair, key, sink)?;
        }
        if !segment.syn && segment.payload.is_empty() {
            return Ok(());
        }
        let mut connection = self.open(pair, segment);
        connection.take(segment, &mut self.servers, &self.pool, sink)?;
        self.shelves.put(pair, &mut connection);
        self.table.insert(pair, connection);
        Ok(())
    }

    fn open(&mut self, pair: Pair, segment: &Segment<'_>) -> Box<Connection> {
        self.count += 1;
        let mqtt_port =
            match (self.servers.is_mqtt(&segment.destination), self.servers.is_mqtt(&segment.source)) {
                (true, _) => Some(Side::Second),
                (false, true) => Some(Side::First),
                (false, false) => None,
            };
        let mut connection = Box::new(Connection::new(self.count, segment, mqtt_port, &self.pool));
        connection.proven = self.servers.proven.len();
        // It is a segment that has been seen now.
        connection.copies.is_copy(segment);
        self.shelves.half_open.put(Entry { pair, key: self.count, heard: segment.time });
        connection
    }

    /// Lets go of connections that are too many or too old.
    fn tidy(&mut self, now: Option<Time>, sink: &mut dyn Sink) -> Result<()> {
        if let Some(entry) = self.shelves.half_open.due(now) {
            self.drop_at(Stage::HalfOpen, &entry, sink)?;
        }
        if let Some(entry) = self.shelves.over.due(now) {
            self.drop_at(Stage::Over, &entry, sink)?;
        }
        // Who was heard of since goes behind the others.
        for look in 1..=LOOKS {
            let full = self.shelves.open.is_full();
            let Some(entry) = self.shelves.open.due(now) else { break };
            let Some(connection) = self.table.get(&entry.pair) else { continue };
            if connection.ends.key != entry.key || connection.stage != Stage::Open {
                continue;
            }
            let heard = connection.time;
            let active = if full { heard != entry.heard } else { !self.shelves.open.is_old(heard, now) };
            if active && look < LOOKS {
                self.shelves.open.put(Entry { heard, ..entry });
                continue;
            }
            self.drop_at(Stage::Open, &entry, sink)?;
        }
        Ok(())
    }

    /// The capture is over.
    pub(crate) fn finish(&mut self, sink: &mut dyn Sink) -> Result<LeftOut> {
        let mut rest: Vec<Box<Connection>> = self.table.drain().map(|(_, connection)| connection).collect();
        rest.sort_by_key(|connection| connection.ends.key);
        for mut connection in rest {
            connection.leave(sink)?;
            self.leave_out(&connection);
            sink.forget(connection.ends.key)?;
        }
        let of = |server: &SocketAddr| self.others_of.get(server).copied().unwrap_or_default();
        self.left_out.of_mqtt_servers = self.servers.proven.keys().map(of).sum();
        Ok(self.left_out)
    }

    fn drop_at(&mut self, stage: Stage, entry: &Entry, sink: &mut dyn Sink) -> Result<()> {
        let Some(connection) = self.table.get_mut(&entry.pair) else { return Ok(()) };
        if connection.ends.key != entry.key || connection.stage != stage {
            return Ok(());
        }
        if stage == Stage::Open {
            connection.say(Side::First, Note::Forgotten, sink)?;
        }
        self.drop(&entry.pair, entry.key, sink)
    }

    fn drop(&mut self, pair: &Pair, key: u64, sink: &mut dyn Sink) -> Result<()> {
        if self.table.get(pair).is_none_or(|connection| connection.ends.key != key) {
            return Ok(());
        }
        let Some(mut connection) = self.table.remove(pair) else { return Ok(()) };
        connection.leave(sink)?;
        self.leave_out(&connection);
        sink.forget(key)
    }

    /// Counts a connection that was not read.
    fn leave_out(&mut self, connection: &Connection) {
        if connection.stream.is_mqtt() || connection.stream.was_named() {
            return;
        }
        if !connection.stream.has_data() {
            self.left_out.without_data += 1;
            return;
        }
        self.left_out.others += 1;
        let server = connection.ends.likely_server(connection.stream.opener());
        if self.others_of.len() < MOST_SERVERS || self.others_of.contains_key(&server) {
            *self.others_of.entry(server).or_default() += 1;
        }
    }
}

impl Shelves {
    /// Puts a connection where it now belongs.
    fn put(&mut self, pair: Pair, connection: &mut Connection) {
        let stage = if connection.over {
            Stage::Over
        } else if connection.has_data() {
            Stage::Open
        } else {
            Stage::HalfOpen
        };
        if connection.stage == stage {
            return;
        }
        connection.stage = stage;
        let entry = Entry { pair, key: connection.ends.key, heard: connection.time };
        match stage {
            Stage::HalfOpen => self.half_open.put(entry),
            Stage::Open => self.open.put(entry),
            Stage::Over => self.over.put(entry),
        }
    }
}

fn pair(a: SocketAddr, b: SocketAddr) -> Pair {
    if a <= b { (a, b) } else { (b, a) }
}

impl Connection {
    fn new(key: u64, segment: &Segment<'_>, mqtt_port: Option<Side>, pool: &Pool) -> Self {
        let opener =
            segment.syn.then_some(if segment.acknowledged.is_none() { Side::First } else { Side::Second });
        let hints = Hints { time: segment.time, opener, mqtt_port };
        Self {
            ends: Ends { key, first: segment.source, second: segment.destination },
            assemblers: Self::assemblers(segment, Side::First, pool),
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
    fn is_replaced_by(&self, segment: &Segment<'_>) -> bool {
        let side = self.side(segment);
        let same = self.assemblers[index(side)].began_at(segment.sequence);
        let opens = segment.acknowledged.is_none();
        let again = opens && self.stream.opener().is_some() && (self.over || self.spoke[index(side)]);
        segment.syn && (!same || again)
    }

    fn side(&self, segment: &Segment<'_>) -> Side {
        if segment.source == self.ends.first { Side::First } else { Side::Second }
    }

    fn has_data(&self) -> bool {
        self.stream.has_data() || self.assemblers.iter().any(Assembler::has_data)
    }

    /// Takes a segment that is not a copy, and tells by it who speaks MQTT.
    fn take(
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
        }
    }

    /// A segment came twice: that is said once, and the second is passed over.
    fn copied(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Result<()> {
        if self.copies.found || !self.stream.is_mqtt() {
            return Ok(());
        }
        self.copies.found = true;
        self.time = segment.time;
        self.say(self.side(segment), Note::Copies, sink)
    }

    fn say(&self, side: Side, note: Note, sink: &mut dyn Sink) -> Result<()> {
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
            let payload = Payload { bytes: segment.payload, cut: segment.cut as u64, time: segment.time };
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
    fn leave(&mut self, sink: &mut dyn Sink) -> Result<()> {
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
        let Self { ends, stream, .. } = self;
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
        let Self { ends, assemblers, stream, .. } = self;
        work(&mut assemblers[index(side)], &mut |event| {
            stream.event(side, event, &mut |client, sender, whole, time, piece| {
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

    fn address(&self, side: Side) -> SocketAddr {
        match side {
            Side::First => self.first,
            Side::Second => self.second,
        }
    }

    /// Who was called, or who has the lower port.
    fn likely_server(&self, opener: Option<Side>) -> SocketAddr {
        match opener {
            Some(opener) => self.address(opener.other()),
            None if self.first.port() < self.second.port() => self.first,
            None => self.second,
        }
    }
}

fn index(side: Side) -> usize {
    match side {
        Side::First => 0,
        Side::Second => 1,
    }
}
