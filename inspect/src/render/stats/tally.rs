//! What the summary counts.

use std::collections::BTreeMap;

use mqtt_wire::{Packet, PacketType, Sender, TopicName, Version};

use super::ending::{Clients, Course};
use super::latency::Latencies;
use super::rates::Rates;
use crate::capture::Time;
use crate::connections::LeftOut;
use crate::record::{Body, Connection, Content, Item, Origin, Record, refusals, refuses};
use crate::text::{named_code, shortened};

/// A number of packets and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Sum {
    pub(super) fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

/// The columns: from the client, from the server, from either.
fn column(sender: Option<Sender>) -> usize {
    match sender {
        Some(Sender::Client) => 0,
        Some(Sender::Server) => 1,
        None => 2,
    }
}

/// There may be as many as the capture has connections.
#[derive(Debug)]
pub(super) struct PerConnection {
    pub(super) ends: Connection,
    /// Counts the inputs.
    pub(super) source: u32,
    pub(super) versions: Versions,
    pub(super) guessed: Versions,
    /// From the client, from the server.
    pub(super) sums: [Sum; 2],
    pub(super) bad: u64,
    /// Refusals, and rules between packets that were broken.
    pub(super) refused: u32,
    pub(super) broken: u32,
    pub(super) course: Course,
    /// Who the client is, once it has said so; long names are shortened.
    pub(super) client: Option<Box<str>>,
    pub(super) user: Option<Box<str>>,
    /// The client's place among the rates.
    place: Option<usize>,
}

/// How many characters of a name are kept for each connection.
const LONGEST_NAME: usize = 64;

/// A set of versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Versions(u8);

pub(super) const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

impl Versions {
    fn insert(&mut self, version: Version) {
        self.0 |= 1 << version.get();
    }

    pub(super) fn contains(self, version: Version) -> bool {
        self.0 & 1 << version.get() != 0
    }

    pub(super) fn names(self) -> Vec<String> {
        VERSIONS.iter().filter(|version| self.contains(**version)).map(ToString::to_string).collect()
    }
}

#[derive(Debug, Default)]
pub(in super::super) struct Tally {
    /// The names of the inputs, when there are several.
    sources: Vec<Option<String>>,
    /// Where the connections of the present input begin.
    first: usize,
    begin: Option<Time>,
    /// In nanoseconds, from the first frame on.
    pub(super) duration: u64,
    /// By their numbers, input after input.
    pub(super) connections: Vec<PerConnection>,
    pub(super) left_out: LeftOut,
    pub(super) types: BTreeMap<PacketType, [Sum; 3]>,
    pub(super) versions: BTreeMap<Version, u64>,
    /// How many of them by a version that was guessed.
    pub(super) guessed: BTreeMap<Version, u64>,
    pub(super) errors: BTreeMap<(&'static str, &'static str, String), u64>,
    pub(super) error_bytes: u64,
    pub(super) incomplete: Sum,
    pub(super) not_hex: u64,
    pub(super) notes: BTreeMap<&'static str, u64>,
    /// The codes by which something was refused, with their names.
    pub(super) refusals: BTreeMap<(PacketType, u8, &'static str), u64>,
    /// Rules between packets that were broken, with their statements.
    pub(super) broken: BTreeMap<(&'static str, &'static str, String), u64>,
    pub(super) latencies: Latencies,
    /// Messages by topic, and packets by client identifier.
    pub(super) topics: Rates,
    pub(super) clients: Rates,
    open: Clients,
    /// How many connections have entries at most.
    most: Option<usize>,
    /// How many connections there were.
    count: usize,
}

impl Tally {
    /// One with entries for so many connections at most.
    pub(in super::super) fn with_connections(most: usize) -> Self {
        Self { most: Some(most), ..Self::default() }
    }

    /// How many connections there were.
    pub(in super::super) fn connection_count(&self) -> usize {
        self.count
    }

    pub(in super::super) fn leave_out(&mut self, left_out: LeftOut) {
        self.left_out.add(left_out);
    }

    pub(in super::super) fn begin(&mut self, source: Option<&str>) {
        self.sources.push(source.map(str::to_owned));
        self.first = self.count;
        self.begin = None;
        self.open.clear();
    }

    pub(in super::super) fn clock(&mut self, begin: Time) {
        self.begin = Some(begin);
    }

    pub(in super::super) fn record(&mut self, record: &Record<'_>) {
        if let (Some(begin), Some(time)) = (self.begin, record.time) {
            self.duration = self.duration.max(time.0.saturating_sub(begin.0));
        }
        match &record.body {
            Body::Item(item) => self.item(record, item),
            Body::Flow(flow) => self.latencies.flow(flow),
            Body::Note(note) => {
                *self.notes.entry(note.name()).or_default() += 1;
                if let Origin::Connection(ends) = record.origin
                    && let Some(connection) = self.connection(ends)
                {
                    connection.course.at(record.time);
                    if connection.course.note(note)
                        && let Some(client) = connection.course.client
                        && let Some(index) = self.index(ends)
                    {
                        self.open.leave(client, index);
                    }
                }
            }
        }
    }

    fn item(&mut self, record: &Record<'_>, item: &Item<'_>) {
        let bad = match &item.content {
            Content::Packet(packet) => {
                let sums = self.types.entry(packet.packet_type()).or_default();
                sums[column(record.sender)].add(item.length);
                *self.versions.entry(item.version).or_default() += 1;
                if item.guessed {
                    *self.guessed.entry(item.version).or_default() += 1;
                }
                self.packet(record, item, packet);
                false
            }
            Content::Bad(error) => {
                self.error(error.rule().name(), error.requirement(), error.rule().to_string(), item);
                true
            }
            Content::Trailing { .. } => {
                let kind = mqtt_wire::Rule::TrailingBytes;
                let text = "bytes are left after the packet of a line".to_owned();
                self.error(kind.name(), kind.requirement(item.version, None), text, item);
                true
            }
            Content::Incomplete { .. } => {
                self.incomplete.add(item.length);
                false
            }
            Content::BadHex(_) => {
                self.not_hex += 1;
                false
            }
        };
        let Origin::Connection(ends) = record.origin else { return };
        let column = column(record.sender);
        let Some(connection) = self.connection(ends) else { return };
        connection.versions.insert(item.version);
        if item.guessed {
            connection.guessed.insert(item.version);
        }
        if let Some(sum) = connection.sums.get_mut(column) {
            sum.add(item.length);
        }
        connection.bad += u64::from(bad);
        connection.course.at(record.time);
        let place = connection.place;
        self.clients.count(place, column, item.length);
    }

    /// What a well-formed packet tells besides its size.
    fn packet(&mut self, record: &Record<'_>, item: &Item<'_>, packet: &Packet<'_>) {
        if let Packet::Publish(publish) = packet {
            let topic = record.known.topic.as_deref().or(publish.topic.as_ref().map(TopicName::as_str));
            let place = topic.and_then(|topic| self.topics.place(topic));
            self.topics.count(place, column(record.sender), item.length);
        }
        let refused = refuses(packet);
        for code in refusals(packet) {
            let (code, name) = named_code(packet.packet_type(), item.version, code);
            let key = (packet.packet_type(), code, name.unwrap_or("unknown"));
            *self.refusals.entry(key).or_default() += 1;
        }
        for rule in &record.known.broken {
            let label = record
                .sender
                .map_or(rule.requirement(item.version), |sender| rule.requirement_of(item.version, sender));
            *self.broken.entry((rule.name(), label, rule.to_string())).or_default() += 1;
        }
        let (Origin::Connection(ends), Some(sender)) = (record.origin, record.sender) else { return };
        // Performance: names are looked at where they may have changed.
        let may_name = matches!(packet, Packet::Connect(_) | Packet::ConnAck(_));
        let names = record.known.names.as_deref();
        let place = match names {
            Some(names) if may_name && !names.client.is_empty() => self.clients.place(&names.client),
            _ => None,
        };
        let Some(connection) = self.connection(ends) else { return };
        connection.course.packet(packet, sender, item.version);
        connection.refused += u32::from(refused);
        connection.broken += u32::try_from(record.known.broken.len()).unwrap_or_default();
        let Some(names) = names.filter(|_| may_name || connection.client.is_none()) else { return };
        connection.place = place.or(connection.place);
        let kept = |name: &str| shortened(name.to_owned(), LONGEST_NAME).into_boxed_str();
        connection.client = Some(kept(&names.client));
        connection.user = names.user.as_deref().map(kept);
        if !matches!(packet, Packet::ConnAck(_)) || refused || names.client.is_empty() {
            return;
        }
        let Some(index) = self.index(ends) else { return };
        let (client, before) = self.open.accept(index, ends, &names.client);
        if let Some(connection) = self.connections.get_mut(index) {
            connection.course.client = Some(client);
        }
        if let Some(before) = before.and_then(|before| self.connections.get_mut(before)) {
            before.course.rival = Some(ends.number);
        }
    }

    /// The place of a connection among those of all inputs.
    pub(in super::super) fn index(&self, ends: Connection) -> Option<usize> {
        Some(self.first + usize::try_from(ends.number.checked_sub(1)?).ok()?)
    }

    fn error(&mut self, kind: &'static str, rule: &'static str, text: String, item: &Item<'_>) {
        *self.errors.entry((kind, rule, text)).or_default() += 1;
        self.error_bytes += item.length as u64;
    }

    /// The connection's entry; connections come by their numbers, from 1.
    fn connection(&mut self, ends: Connection) -> Option<&mut PerConnection> {
        let index = self.index(ends)?;
        self.count = self.count.max(index + 1);
        if index == self.connections.len() && self.most.is_none_or(|most| index < most) {
            // Performance: doubling would cost twice the memory.
            if self.connections.len() == self.connections.capacity() {
                self.connections.reserve_exact(64 + self.connections.len() / 4);
            }
            let source = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
            let (versions, guessed) = (Versions::default(), Versions::default());
            self.connections.push(PerConnection {
                ends,
                source,
                versions,
                guessed,
                sums: Default::default(),
                bad: 0,
                refused: 0,
                broken: 0,
                course: Course::default(),
                client: None,
                user: None,
                place: None,
            });
        }
        self.connections.get_mut(index)
    }

    pub(super) fn source(&self, connection: &PerConnection) -> Option<&str> {
        let index = usize::try_from(connection.source.checked_sub(1)?).ok()?;
        self.sources.get(index)?.as_deref()
    }

    pub(super) fn good(&self) -> Sum {
        self.types.values().flatten().fold(Sum::default(), |all, sum| Sum {
            packets: all.packets + sum.packets,
            bytes: all.bytes + sum.bytes,
        })
    }

    pub(super) fn bad(&self) -> u64 {
        self.errors.values().sum()
    }
}
