//! What is remembered of a connection from packet to packet: who the client is, what aliases stand for, which
//! answers are missing, and what the rules between packets have to know.

use std::collections::BTreeMap;
use std::rc::Rc;

use mqtt_session::Watcher;
use mqtt_wire::{Packet, PropertyId, Publish, Sender, Version};

use crate::capture::Time;
use crate::flow::{Flow, Flows};
use crate::note::Note;
use crate::pool::Pool;
use crate::record::{Content, Item, Known, Names};
use crate::session::other;

/// How much an entry of a table takes besides its text.
const ENTRY: usize = 64;

#[derive(Debug)]
pub(crate) struct Memory {
    names: Option<Rc<Names>>,
    /// What the client's aliases stand for, and the server's.
    aliases: [BTreeMap<u16, Rc<str>>; 2],
    alias_bytes: usize,
    /// `None` where one direction only is there.
    flows: Option<Flows>,
    /// Whether rules between packets are judged.
    watches: bool,
    watcher: Option<Box<Watcher>>,
    /// Of whom packets may be missing, or have come out of order: the client, the server.
    gaps: [bool; 2],
    /// Of whom it is not known yet where the packets go on.
    astray: [bool; 2],
    /// The packets that come had waited: the other side's answers may have come before.
    is_late: bool,
    pool: Pool,
    /// How many bytes were taken from the pool.
    taken: usize,
    /// It was said that something did not fit.
    is_short: bool,
}

/// What a packet has brought about.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) known: Known,
    /// Flows that are over.
    pub(crate) flows: Vec<Flow>,
    pub(crate) note: Option<Note>,
}

impl Memory {
    /// Of a connection whose both directions are there.
    pub(crate) fn new(watches: bool, pool: &Pool) -> Self {
        let mut memory = Self::one_way(pool);
        memory.flows = Some(Flows::default());
        memory.watches = watches;
        memory
    }

    /// Of one direction: what the other side answers is not known.
    pub(crate) fn one_way(pool: &Pool) -> Self {
        Self {
            names: None,
            aliases: [BTreeMap::new(), BTreeMap::new()],
            alias_bytes: 0,
            flows: None,
            watches: false,
            watcher: None,
            gaps: [false; 2],
            astray: [false; 2],
            is_late: false,
            pool: pool.clone(),
            taken: 0,
            is_short: false,
        }
    }

    pub(crate) fn names(&self) -> Option<Rc<Names>> {
        self.names.clone()
    }

    /// Takes the next packet of a sender, whole or not.
    pub(crate) fn see(&mut self, item: &Item<'_>, sender: Sender, time: Option<Time>) -> Seen {
        let mut seen = Seen::default();
        let Content::Packet(packet) = &item.content else {
            self.gap(sender);
            seen.known.names = self.names();
            return seen;
        };
        self.name(packet);
        let (topic, is_alias) = match packet {
            Packet::Publish(publish) => self.topic(publish, sender),
            _ => (None, false),
        };
        let place = (item.number, time);
        let change = self.flows.as_mut().map(|flows| flows.see(packet, sender, topic.as_ref(), place));
        let change = change.unwrap_or_default();
        if matches!(packet, Packet::Connect(_)) && self.gaps != [false; 2] {
            // What is missing may have been the end of another connection.
            self.watcher = None;
            self.gaps = [self.is_late; 2];
            self.astray = self.gaps;
        }
        if self.watches && !self.is_late {
            self.astray[index(sender)] = false;
            if self.astray[index(other(sender))] {
                self.disorder(other(sender));
            }
            let gaps = self.gaps;
            let watcher = self.watcher.get_or_insert_with(|| Box::new(watcher(item.version, gaps)));
            let now = time.map_or(0, |time| time.0 / 1_000_000);
            seen.known.broken = watcher.see(packet, sender, item.length, now);
        }
        seen.known.names = self.names();
        seen.known.topic = topic.filter(|_| is_alias).or(change.topic);
        seen.known.answers = change.answers;
        seen.flows = change.over;
        if !self.fits() {
            seen.flows.extend(self.finish());
            self.forget();
            if !std::mem::replace(&mut self.is_short, true) {
                seen.note = Some(Note::MemoryFull);
            }
        }
        seen
    }

    /// Packets of a sender are missing.
    pub(crate) fn gap(&mut self, sender: Sender) {
        self.disorder(sender);
        let old = std::mem::take(self.aliases_of(sender));
        self.alias_bytes -= old.values().map(|topic| topic.len() + ENTRY).sum::<usize>();
    }

    /// Packets of a sender may come behind what the other side answered.
    pub(crate) fn disorder(&mut self, sender: Sender) {
        (self.gaps[index(sender)], self.astray[index(sender)]) = (true, true);
        if let Some(watcher) = &mut self.watcher {
            watcher.gap(sender);
        }
    }

    /// A sender's packets that had waited come now, or are over.
    pub(crate) fn late(&mut self, sender: Sender, is_late: bool) {
        self.is_late = is_late;
        self.disorder(sender);
    }

    /// The connection is over: the flows that wait for an answer.
    pub(crate) fn finish(&mut self) -> Vec<Flow> {
        self.flows.as_mut().map(Flows::finish).unwrap_or_default()
    }

    /// Takes the room for what is held from the pool; `false` when there is none.
    fn fits(&mut self) -> bool {
        let names = self
            .names
            .as_ref()
            .map_or(0, |names| names.client.len() + names.user.as_ref().map_or(0, String::len));
        let watched = self.watcher.as_ref().map_or(0, |watcher| watcher.remembered() * ENTRY);
        let size = names + self.alias_bytes + self.flows.as_ref().map_or(0, Flows::size) + watched;
        if size > self.taken && !self.pool.take_from_plenty(size - self.taken) {
            return false;
        }
        self.pool.give(self.taken.saturating_sub(size));
        self.taken = size;
        true
    }

    fn forget(&mut self) {
        self.gap(Sender::Client);
        self.gap(Sender::Server);
        self.names = None;
        self.pool.give(self.taken);
        self.taken = 0;
    }

    fn name(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::Connect(connect) => {
                let (client, user) = (connect.client_id.to_owned(), connect.user_name.map(str::to_owned));
                self.names = Some(Rc::new(Names { client, user }));
            }
            Packet::ConnAck(connack) => {
                if let Some(assigned) = connack.properties.assigned_client_identifier() {
                    let user = self.names.as_ref().and_then(|names| names.user.clone());
                    self.names = Some(Rc::new(Names { client: assigned.to_owned(), user }));
                }
            }
            _ => {}
        }
    }

    /// A message's topic, and whether it is an alias that stands for it.
    fn topic(&mut self, publish: &Publish<'_>, sender: Sender) -> (Option<Rc<str>>, bool) {
        let alias = publish.properties.topic_alias().map(std::num::NonZero::get);
        match (publish.topic, alias) {
            (None, Some(alias)) => (self.aliases_of(sender).get(&alias).cloned(), true),
            (None, None) => (None, false),
            (Some(topic), None) => {
                // Performance: just what is answered is remembered.
                let is_answered = publish.delivery.packet_id().is_some()
                    || publish.properties.contains(PropertyId::CorrelationData);
                (is_answered.then(|| Rc::from(topic.as_str())), false)
            }
            (Some(topic), Some(alias)) => {
                let topic: Rc<str> = Rc::from(topic.as_str());
                self.alias_bytes += topic.len() + ENTRY;
                if let Some(old) = self.aliases_of(sender).insert(alias, topic.clone()) {
                    self.alias_bytes -= old.len() + ENTRY;
                }
                (Some(topic), false)
            }
        }
    }

    fn aliases_of(&mut self, sender: Sender) -> &mut BTreeMap<u16, Rc<str>> {
        let [client, server] = &mut self.aliases;
        match sender {
            Sender::Client => client,
            Sender::Server => server,
        }
    }
}

fn index(sender: Sender) -> usize {
    usize::from(sender == Sender::Server)
}

/// A watcher that knows of whom packets are missing.
fn watcher(version: Version, [client, server]: [bool; 2]) -> Watcher {
    let mut watcher = Watcher::new(version);
    for (sender, is_missing) in [(Sender::Client, client), (Sender::Server, server)] {
        if is_missing {
            watcher.gap(sender);
        }
    }
    watcher
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.pool.give(self.taken);
    }
}
