//! The table of TCP connections: sorts segments by connection and direction, reassembles them, and
//! hands on what each connection brings.

mod connection;
mod copies;
mod order;
mod shelf;

use std::collections::HashMap;
use std::io::Result;
use std::net::SocketAddr;

use mqtt_wire::Sender;

use self::connection::{Connection, Stage};
use self::shelf::{Entry, Shelf};
use crate::capture::Time;
use crate::link::Segment;
use crate::note::Note;
use crate::pool::Pool;
use crate::stream::{Piece, Side};

/// Ports of MQTT in the registry of service names: mqtt and secure-mqtt.
pub(crate) const MQTT_PORTS: [u16; 2] = [1883, 8883];
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

    /// What a connection brings from here on may be out of order: an answer may come before its question.
    fn disorder(&mut self, _key: u64) {}

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
        let table = &self.table;
        let stands = |entry: &Entry, stage| {
            table.get(&entry.pair).is_some_and(|one| one.ends.key == entry.key && one.stage == stage)
        };
        self.shelves.half_open.clear_away(table.len(), |entry| stands(entry, Stage::HalfOpen));
        self.shelves.open.clear_away(table.len(), |entry| stands(entry, Stage::Open));
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
