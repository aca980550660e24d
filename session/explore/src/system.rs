//! A client, a server, the two applications, their storage, and the network between them: one state of all that, and
//! the steps that lead out of it.
//!
//! Client and server are the types of `mqtt-session` themselves, packets are the bytes of `mqtt-wire`. The network is
//! TCP's: what is sent on a connection arrives in order, and when the connection is lost, some last part does not
//! arrive. An output is done at once, and between any two of them there may be a crash: what a [`Record`] did not say
//! is then forgotten.

use std::hash::Hash;

use mqtt_session::{
    Client, Detached, Fixed, HandleError, Input, Link, Outcome, Output, Publication, Receipt, Record, Role,
    Server, Session, Slots,
};
use mqtt_wire::{
    ConnAck, Connect, DecodeOptions, Decoded, Delivery, EncodeOptions, Packet, PacketId, Properties,
    Property, Publish, QoS, ReasonCode, TopicName, Version, decode, topic_name,
};

use crate::configuration::{Configuration, Shrink};

/// So many messages out, four in, two topic aliases; the same lists as [`Fixed`], but there are only so many identifiers,
/// so that they are used again and both directions use the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tiny<const IDS: u16>;

type Base = Fixed<u8, 3, 4, 2, 3>;

impl<const IDS: u16> Slots for Tiny<IDS> {
    type Key = u8;
    type Outgoing = <Base as Slots>::Outgoing;
    type Received = <Base as Slots>::Received;
    type Window = <Base as Slots>::Window;
    type Todo = <Base as Slots>::Todo;
    type Requests = <Fixed<u8, 0, 0> as Slots>::Requests;
    type Name = <Base as Slots>::Name;
    type Names = <Base as Slots>::Names;
    const LAST_ID: u16 = IDS;

    fn outgoing(&self) -> u16 {
        IDS
    }

    fn incoming(&self) -> u16 {
        4
    }

    fn aliases(&self) -> u16 {
        2
    }
}

/// What has become of a message of the application's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fate {
    /// The application still has it.
    New,
    /// The link has taken it.
    Taken,
    /// Its record is stored.
    Stored,
    Done(Outcome),
}

/// What was seen of a message on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Seen {
    /// A PUBLISH of it was sent, on any connection.
    published: bool,
    /// PUBREL was sent after that.
    released: bool,
    /// The identifier of its handshake, while that goes on.
    id: u16,
}

/// A message that waits for the application.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Held {
    message: u8,
    receipt: u64,
    /// The connection it came on is gone.
    stale: bool,
}

/// The most messages of one side.
pub(crate) const MESSAGES: usize = 4;

/// One side: a session in memory, its connection, its storage, its application, and what an observer has seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Side<R: Role, const IDS: u16> {
    session: Session<Tiny<IDS>>,
    link: Option<Detached<R, Tiny<IDS>>>,
    disk: Session<Tiny<IDS>>,
    fates: [Fate; MESSAGES],
    held: Vec<Held>,
    /// The messages that the application has taken, in order, and those of them that are safe from a crash.
    got: Vec<u8>,
    safe: Vec<u8>,
    /// Accepted messages of QoS 2 by their identifiers, until their record is stored.
    unsafe_yet: Vec<(u16, u8)>,
    refused: Vec<u8>,
    seen: [Seen; MESSAGES],
    /// On this connection: identifiers of messages of QoS 1 and 2 that are published and not complete, a bit each, and
    /// how many there may be.
    under_way: u32,
    most: u16,
    /// Messages of QoS 1 and 2 that have arrived on this connection and were not acknowledged.
    owed: Vec<Delivery>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct System<const IDS: u16> {
    client: Side<Client, IDS>,
    server: Side<Server, IDS>,
    /// What is on its way from the client and from the server.
    wires: [Vec<u8>; 2],
    /// The server's link is that of the connection that the client has.
    joined: bool,
    /// The server has begun a new session, its client has another one and has not heard of it. Should the connection end
    /// now, nothing in the protocol tells the client: at the next one it goes on with messages that the server may have
    /// had in the session that has expired.
    unheard: bool,
    /// That has happened.
    confused: bool,
    connections: u8,
    losses: u8,
    crashes: [u8; 2],
    cleans: u8,
    expiries: u8,
    refusals: u8,
}

/// Client or server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Client,
    Server,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The client opens a connection and sends CONNECT with this Receive Maximum.
    Connect {
        clean: bool,
        maximum: u16,
    },
    /// CONNECT arrives, and the server accepts with this Receive Maximum and what it does not support.
    Accept {
        maximum: u16,
        shrink: Option<Shrink>,
    },
    /// A packet arrives.
    Arrive(Who),
    /// The application has a message to send.
    Publish(Who),
    /// The application takes or refuses a message that it holds.
    Take(Who, usize),
    Refuse(Who, usize),
    /// One output is done.
    Output(Who),
    /// The connection breaks, and this side knows.
    Lose(Who),
    /// The other side knows, too.
    Notice(Who),
    /// Everything in memory is gone.
    Crash(Who),
    /// The server's session is over.
    Expire,
}

/// An event, and after how many outputs a crash comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub event: Event,
    pub crash_after: Option<usize>,
}

type Result<T> = std::result::Result<T, String>;

fn topic(message: usize) -> TopicName<'static> {
    if message % 2 == 0 { topic_name!("t/0") } else { topic_name!("t/1") }
}

/// The message of that number; every third one is retained.
fn content(message: &u8) -> Publish<'_> {
    let retain = message % 3 == 2;
    Publish { retain, ..Publish::new(topic(usize::from(*message)), std::slice::from_ref(message)) }
}

impl<R: Role, const IDS: u16> Side<R, IDS> {
    fn new(messages: usize) -> Self {
        let mut fates = [Fate::Done(Outcome::SessionOver); MESSAGES];
        fates[..messages].fill(Fate::New);
        Self {
            session: Session::new(Tiny),
            link: None,
            disk: Session::new(Tiny),
            fates,
            held: Vec::new(),
            got: Vec::new(),
            safe: Vec::new(),
            unsafe_yet: Vec::new(),
            refused: Vec::new(),
            seen: [Seen::default(); MESSAGES],
            under_way: 0,
            most: u16::MAX,
            owed: Vec::new(),
        }
    }

    /// Something with the link, if there is one.
    fn with<T>(&mut self, f: impl FnOnce(&mut Link<'_, R, Tiny<IDS>>) -> T) -> Option<T> {
        let mut link = self.session.attach(self.link.take()?).ok()?;
        let result = f(&mut link);
        self.link = Some(link.detach());
        Some(result)
    }

    fn is_open(&mut self) -> bool {
        self.with(|link| link.is_open()) == Some(true)
    }

    /// Does the next output; `false` when there is none. What is sent goes to `wire`.
    fn output(&mut self, wire: &mut Vec<u8>, configuration: &Configuration, strict: bool) -> Result<bool> {
        let Some((Some(output), options)) = self.with(|link| (link.next(0), link.encode_options())) else {
            return Ok(false);
        };
        self.perform(output, options, wire, configuration, strict)?;
        Ok(true)
    }

    fn perform(
        &mut self,
        output: Output<'_, u8>,
        options: EncodeOptions,
        wire: &mut Vec<u8>,
        configuration: &Configuration,
        strict: bool,
    ) -> Result<()> {
        let mut send = |packet: Packet<'_>| {
            packet
                .encode(options, wire)
                .map(drop)
                .map_err(|error| format!("{packet:?} cannot be encoded: {error}"))
        };
        match output {
            Output::Store(record) => self.store(record)?,
            Output::Send(packet) => {
                self.observe(&packet)?;
                send(packet)?;
            }
            Output::Publish(publication) => {
                self.observe_publication(&publication, strict)?;
                let mut message = publication.of(content(&publication.key));
                let alias = publication.alias.map(|alias| Property::TopicAlias(alias.number));
                message.properties = Properties::new(alias.as_slice());
                send(message.into())?;
                if publication.delivery == Delivery::AtMostOnce {
                    let key = usize::from(publication.key);
                    self.fates[key] = Fate::Done(Outcome::Acknowledged(ReasonCode::SUCCESS));
                }
            }
            Output::Done(key, outcome) => {
                let fate = &mut self.fates[usize::from(key)];
                if matches!(fate, Fate::Done(before) if *before != outcome) {
                    return Err(format!("message {key} is given back twice: {fate:?}, then {outcome:?}"));
                }
                *fate = Fate::Done(outcome);
                self.seen[usize::from(key)].id = 0;
            }
            Output::Close(code) => return Err(format!("closes with {code}")),
        }
        let _ = configuration;
        Ok(())
    }

    fn store(&mut self, record: Record<u8>) -> Result<()> {
        match record {
            Record::Sent { key, .. } => self.fates[usize::from(key)] = Fate::Stored,
            // The record and the message are one transaction.
            Record::Received(id) => {
                if let Some(at) = self.unsafe_yet.iter().position(|(unsafe_id, _)| *unsafe_id == id.get()) {
                    self.safe.push(self.unsafe_yet.remove(at).1);
                }
            }
            Record::Ended => {
                for fate in &mut self.fates {
                    if matches!(fate, Fate::Taken | Fate::Stored) {
                        *fate = Fate::Done(Outcome::SessionOver);
                    }
                }
            }
            _ => {}
        }
        let records = self.disk.records().chain([record]);
        self.disk = Session::restore(Tiny, records).map_err(|error| format!("{record:?}: {error}"))?;
        Ok(())
    }

    /// A packet goes out.
    fn observe(&mut self, packet: &Packet<'_>) -> Result<()> {
        let is_of = |qos: QoS, id: PacketId| move |owed: &Delivery| *owed == Delivery::new(qos, id);
        let acknowledged = match packet {
            Packet::PubAck(ack) => Some((QoS::AtLeastOnce, ack.packet_id)),
            Packet::PubRec(ack) => Some((QoS::ExactlyOnce, ack.packet_id)),
            Packet::PubRel(ack) => {
                for seen in &mut self.seen {
                    seen.released |= seen.id == ack.packet_id.get();
                }
                None
            }
            _ => None,
        };
        if let Some((qos, id)) = acknowledged {
            let first = self.owed.iter().position(|owed| owed.qos() == qos);
            let this = self.owed.iter().position(is_of(qos, id));
            match (first, this) {
                (Some(first), Some(this)) if first == this => drop(self.owed.remove(first)),
                (_, None) => return Err(format!("{packet} for {id:?} that is not owed")),
                _ => return Err(format!("{packet} for {id:?} out of order [MQTT-4.6.0-2, -3]")),
            }
        }
        Ok(())
    }

    /// A message goes out.
    fn observe_publication(&mut self, publication: &Publication<u8>, strict: bool) -> Result<()> {
        let key = usize::from(publication.key);
        let Some(id) = publication.delivery.packet_id() else { return Ok(()) };
        let seen = self.seen[key];
        if seen.released && seen.id != 0 {
            return Err(format!("message {key} is sent again after PUBREL [MQTT-4.3.3-6]"));
        }
        if seen.published && !publication.dup {
            return Err(format!("message {key} is sent again without DUP [MQTT-3.3.1-1]"));
        }
        if strict && !seen.published && publication.dup {
            return Err(format!("message {key} is sent for the first time with DUP [MQTT-4.3.2-2]"));
        }
        if publication.dup && publication.alias.is_some() {
            return Err(format!("message {key} is sent again with an alias [MQTT-3.3.2-7]"));
        }
        if seen.published && seen.id != 0 && seen.id != id.get() {
            return Err(format!("message {key} is sent again under another identifier [MQTT-4.4.0-1]"));
        }
        if self.seen.iter().enumerate().any(|(other, seen)| other != key && seen.id == id.get()) {
            return Err(format!("message {key} has an identifier that is in use [MQTT-2.2.1-3]"));
        }
        if !matches!(self.fates[key], Fate::Stored) {
            return Err(format!("message {key} is sent before it is stored [MQTT-4.3.3-3]"));
        }
        self.seen[key] = Seen { published: true, released: false, id: id.get() };
        let bit = 1 << id.get();
        if self.under_way & bit != 0 {
            return Err(format!("message {key} is sent twice on one connection [MQTT-4.4.0-1]"));
        }
        self.under_way |= bit;
        if self.under_way.count_ones() > u32::from(self.most) {
            return Err(format!("message {key} exceeds Receive Maximum {} [MQTT-4.9.0-2]", self.most));
        }
        Ok(())
    }

    /// A packet arrives.
    fn handle(&mut self, packet: Packet<'_>) -> Result<()> {
        match packet {
            Packet::PubAck(ack) | Packet::PubComp(ack) => self.under_way &= !(1 << ack.packet_id.get()),
            Packet::PubRec(ack) if ack.reason_code.is_error() => {
                self.under_way &= !(1 << ack.packet_id.get());
            }
            Packet::Publish(message) if message.delivery != Delivery::AtMostOnce => {
                self.owed.push(message.delivery)
            }
            _ => {}
        }
        let Some(mut link) = self.link.take().and_then(|link| self.session.attach(link).ok()) else {
            return Ok(());
        };
        let mut most = None;
        let result = match link.handle(packet, 0) {
            Ok(Input::Message(message, receipt)) => {
                let index = message.payload.first().copied().unwrap_or(u8::MAX);
                if message.topic != Some(topic(usize::from(index))) {
                    return Err(format!("message {index} arrives as one to {:?}", message.topic));
                }
                match receipt {
                    None => {
                        self.got.push(index);
                        self.safe.push(index);
                    }
                    Some(receipt) => {
                        let receipt = receipt.into_bits();
                        self.held.push(Held { message: index, receipt, stale: false });
                    }
                }
                Ok(())
            }
            Ok(Input::Connected(connack)) => {
                most = Some(connack.properties.receive_maximum().map_or(u16::MAX, |most| most.get()));
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(HandleError::Violation(violation)) => Err(format!("{packet:?} is refused: {violation}")),
            Err(HandleError::TooEarly) => Err(format!("{packet:?} is too early")),
        };
        self.link = Some(link.detach());
        if let Some(most) = most {
            self.most = most;
        }
        result
    }

    /// The application answers for a message that it holds.
    fn answer(&mut self, at: usize, code: ReasonCode, qos: QoS) -> Result<()> {
        let held = self.held.remove(at);
        let receipt = Receipt::from_bits(held.receipt).ok_or("no receipt")?;
        let id = receipt.packet_id().get();
        let answered = self.with(|link| link.accept(receipt, code));
        if held.stale || answered.is_none() {
            return match answered {
                Some(Ok(())) => Err("a receipt of an earlier connection is taken".into()),
                _ => Ok(()),
            };
        }
        answered.ok_or("no link")?.map_err(|error| format!("message {}: {error}", held.message))?;
        if code.is_error() {
            self.refused.push(held.message);
            return Ok(());
        }
        self.got.push(held.message);
        if qos == QoS::ExactlyOnce {
            self.unsafe_yet.push((id, held.message));
        } else {
            self.safe.push(held.message);
        }
        Ok(())
    }

    /// The connection is gone.
    fn lose(&mut self, configuration: &Configuration, scripts: &[QoS]) {
        self.link = None;
        self.end_connection();
        for held in &mut self.held {
            held.stale = true;
        }
        if !configuration.any_order {
            self.held.clear();
        }
        for (fate, qos) in self.fates.iter_mut().zip(scripts) {
            if *fate == Fate::Taken && *qos == QoS::AtMostOnce {
                *fate = Fate::Done(Outcome::SessionOver);
            }
        }
    }

    fn end_connection(&mut self) {
        self.under_way = 0;
        self.most = u16::MAX;
        self.owed.clear();
    }

    /// Everything in memory is gone.
    fn crash(&mut self, configuration: &Configuration, scripts: &[QoS]) {
        self.lose(configuration, scripts);
        self.held.clear();
        self.unsafe_yet.clear();
        self.got.clone_from(&self.safe);
        self.session = self.disk.clone();
        let kept: Vec<u8> = self.session.keys().copied().collect();
        for (message, fate) in (0..).zip(&mut self.fates) {
            match fate {
                Fate::Taken => *fate = Fate::New,
                // The application finds that the session does not know the message any more.
                Fate::Stored if !kept.contains(&message) => {
                    let outcome = if configuration.shrinks.is_empty() {
                        Outcome::Acknowledged(ReasonCode::SUCCESS)
                    } else {
                        Outcome::SessionOver
                    };
                    *fate = Fate::Done(outcome);
                    self.seen[usize::from(message)].id = 0;
                }
                _ => {}
            }
        }
    }
}

impl<const IDS: u16> System<IDS> {
    /// Both sides without a session and a connection.
    pub(crate) fn new(configuration: &Configuration) -> Self {
        Self {
            client: Side::new(configuration.messages[0].len()),
            server: Side::new(configuration.messages[1].len()),
            wires: [Vec::new(), Vec::new()],
            joined: false,
            unheard: false,
            confused: false,
            connections: 0,
            losses: 0,
            crashes: [0; 2],
            cleans: 0,
            expiries: 0,
            refusals: 0,
        }
    }

    /// Every event that can come next, without crashes.
    pub(crate) fn events(&self, c: &Configuration) -> Vec<Event> {
        let mut events = Vec::new();
        let mut this = self.clone();
        let (client_open, server_open) = (this.client.is_open(), this.server.is_open());
        for (who, open) in [(Who::Client, client_open), (Who::Server, server_open)] {
            let (fates, held, messages) = match who {
                Who::Client => (&self.client.fates, &self.client.held, &c.messages[0]),
                Who::Server => (&self.server.fates, &self.server.held, &c.messages[1]),
            };
            if open && fates.iter().take(messages.len()).any(|fate| *fate == Fate::New) {
                events.push(Event::Publish(who));
            }
            let order = if c.any_order { held.len() } else { held.len().min(1) };
            events.extend((0..order).map(|at| Event::Take(who, at)));
            if self.refusals < c.refusals {
                events.extend((0..order).map(|at| Event::Refuse(who, at)));
            }
            if c.lazy {
                events.push(Event::Output(who));
            }
        }
        if !self.wires[1].is_empty() && self.client.link.is_some() {
            events.push(Event::Arrive(Who::Client));
        }
        if !self.wires[0].is_empty() {
            if self.wires[0][0] >> 4 == 1 {
                let first = self.connections == 1;
                let maxima = if first { &c.maxima[..1] } else { &c.maxima[..] };
                for maximum in maxima {
                    events.push(Event::Accept { maximum: *maximum, shrink: None });
                    if !first {
                        let shrinks = c.shrinks.iter().map(|shrink| Some(*shrink));
                        events.extend(shrinks.map(|shrink| Event::Accept { maximum: *maximum, shrink }));
                    }
                }
            } else if self.server.link.is_some() {
                events.push(Event::Arrive(Who::Server));
            }
        }
        match (&self.client.link, &self.server.link) {
            (None, _) => {
                let first = self.connections == 0;
                let maxima = if first { &c.maxima[..1] } else { &c.maxima[..] };
                for maximum in maxima {
                    events.push(Event::Connect { clean: false, maximum: *maximum });
                    if self.cleans < c.cleans && !first {
                        events.push(Event::Connect { clean: true, maximum: *maximum });
                    }
                }
                if self.server.link.is_some() {
                    events.push(Event::Notice(Who::Server));
                } else if self.expiries < c.expiries {
                    events.push(Event::Expire);
                }
            }
            (Some(_), None) if self.joined => events.push(Event::Notice(Who::Client)),
            _ => {}
        }
        if self.losses < c.losses && self.client.link.is_some() {
            events.push(Event::Lose(Who::Client));
            if self.server.link.is_some() && self.joined {
                events.push(Event::Lose(Who::Server));
            }
        }
        for (at, who) in [Who::Client, Who::Server].into_iter().enumerate() {
            if self.crashes[at] < c.crashes[at] {
                events.push(Event::Crash(who));
            }
        }
        events
    }

    /// Whether the side that an event happens to may crash while it does what follows.
    pub(crate) fn may_crash(&self, event: Event, c: &Configuration) -> bool {
        let at = match event {
            Event::Connect { .. }
            | Event::Arrive(Who::Client)
            | Event::Publish(Who::Client)
            | Event::Take(Who::Client, _)
            | Event::Refuse(Who::Client, _) => 0,
            Event::Accept { .. }
            | Event::Arrive(Who::Server)
            | Event::Publish(Who::Server)
            | Event::Take(Who::Server, _)
            | Event::Refuse(Who::Server, _) => 1,
            _ => return false,
        };
        !c.lazy && self.crashes[at] < c.crashes[at]
    }

    /// Takes a step. The outcome is the state after it, or `None` when the event does not lead anywhere; with it comes
    /// the number of outputs that were done.
    pub(crate) fn take(&self, step: Step, c: &Configuration) -> Result<Option<(Self, usize)>> {
        let mut next = self.clone();
        if !next.event(step.event, c)? {
            return Ok(None);
        }
        let who = match step.event {
            Event::Connect { .. } => Who::Client,
            Event::Accept { .. } => Who::Server,
            Event::Arrive(who) | Event::Publish(who) | Event::Take(who, _) | Event::Refuse(who, _) => who,
            _ => return Ok(Some((next, 0))),
        };
        let mut done = 0;
        while !c.lazy && step.crash_after != Some(done) && next.output(who, c)? {
            done += 1;
        }
        if step.crash_after.is_some() {
            next.event(Event::Crash(who), c)?;
        }
        Ok(Some((next, done)))
    }

    fn output(&mut self, who: Who, c: &Configuration) -> Result<bool> {
        let strict = self.crashes == [0; 2];
        let mut nowhere = Vec::new();
        let both = self.joined && self.client.link.is_some() && self.server.link.is_some();
        match who {
            // Before the server has seen CONNECT, the connection is there all the same.
            Who::Client => {
                let wire = if both || !self.joined { &mut self.wires[0] } else { &mut nowhere };
                self.client.output(wire, c, strict)
            }
            Who::Server => {
                let wire = if both { &mut self.wires[1] } else { &mut nowhere };
                self.server.output(wire, c, strict)
            }
        }
    }

    /// Takes the first packet off a wire.
    fn arrive(wire: &mut Vec<u8>, options: DecodeOptions) -> Result<Vec<u8>> {
        match decode(wire, options) {
            Ok(Decoded::Packet { len, .. }) => Ok(wire.drain(..len).collect()),
            other => Err(format!("{wire:02x?} on the wire: {other:?}")),
        }
    }

    fn event(&mut self, event: Event, c: &Configuration) -> Result<bool> {
        match event {
            Event::Connect { clean, maximum } => self.connect(clean, maximum, c)?,
            Event::Accept { maximum, shrink } => self.accept(maximum, shrink, c)?,
            Event::Arrive(Who::Client) => {
                let options = self.client.with(|link| link.decode_options()).ok_or("no link")?;
                let bytes = Self::arrive(&mut self.wires[1], options)?;
                if let Ok(Decoded::Packet { packet, .. }) = decode(&bytes, options) {
                    self.client.handle(packet)?;
                    self.unheard = false;
                }
            }
            Event::Arrive(Who::Server) => {
                let options = self.server.with(|link| link.decode_options()).ok_or("no link")?;
                let bytes = Self::arrive(&mut self.wires[0], options)?;
                if let Ok(Decoded::Packet { packet, .. }) = decode(&bytes, options) {
                    self.server.handle(packet)?;
                }
            }
            Event::Publish(Who::Client) => return Ok(publish(&mut self.client, &c.messages[0])),
            Event::Publish(Who::Server) => return Ok(publish(&mut self.server, &c.messages[1])),
            Event::Take(who, at) => self.answer(who, at, ReasonCode::SUCCESS, c)?,
            Event::Refuse(who, at) => {
                self.refusals += 1;
                self.answer(who, at, ReasonCode::QUOTA_EXCEEDED, c)?;
            }
            Event::Output(who) => return self.output(who, c),
            Event::Lose(who) => {
                self.losses += 1;
                self.drop_link(who, c);
            }
            Event::Notice(who) => self.drop_link(who, c),
            Event::Crash(Who::Client) => {
                self.crashes[0] += 1;
                self.drop_link(Who::Client, c);
                self.client.crash(c, &c.messages[0]);
            }
            Event::Crash(Who::Server) => {
                self.crashes[1] += 1;
                self.drop_link(Who::Server, c);
                self.server.crash(c, &c.messages[1]);
            }
            Event::Expire => {
                self.expiries += 1;
                self.server.session.end();
            }
        }
        Ok(true)
    }

    fn answer(&mut self, who: Who, at: usize, code: ReasonCode, c: &Configuration) -> Result<()> {
        let qos = |scripts: &[QoS], held: &[Held]| scripts[usize::from(held[at].message)];
        match who {
            Who::Client => {
                let qos = qos(&c.messages[1], &self.client.held);
                self.client.answer(at, code, qos)
            }
            Who::Server => {
                let qos = qos(&c.messages[0], &self.server.held);
                self.server.answer(at, code, qos)
            }
        }
    }

    /// A side's link is gone: what goes to it does not arrive, what it has sent may.
    fn drop_link(&mut self, who: Who, c: &Configuration) {
        match who {
            Who::Client => {
                self.client.lose(c, &c.messages[0]);
                self.wires[1].clear();
                if !self.joined || self.server.link.is_none() {
                    self.wires[0].clear();
                }
            }
            Who::Server => {
                self.server.lose(c, &c.messages[1]);
                // A CONNECT of a new connection is not the old link's.
                if self.joined {
                    self.wires[0].clear();
                }
                if self.client.link.is_none() {
                    self.wires[1].clear();
                }
            }
        }
    }

    fn connect(&mut self, clean: bool, maximum: u16, c: &Configuration) -> Result<()> {
        self.connections += 1;
        self.cleans += u8::from(clean);
        self.confused |= self.unheard && !clean;
        self.wires = [Vec::new(), Vec::new()];
        self.joined = false;
        let maximum = maximum.min(self.client.session.receive_maximum());
        let properties = [
            Property::SessionExpiryInterval(u32::MAX),
            Property::ReceiveMaximum(maximum.try_into().map_err(|_| "Receive Maximum 0")?),
            Property::TopicAliasMaximum(c.aliases),
        ];
        let mut connect = Connect { clean_start: clean, keep_alive: 0, ..Connect::new(c.version, "c") };
        if c.version == Version::V5 {
            connect.properties = Properties::new(&properties);
        }
        let mut link = self.client.session.client();
        let options = EncodeOptions::new(c.version);
        let mut outputs = Vec::new();
        let mut bytes = Vec::new();
        // CONNECT says nothing of the session: records of the last connection are not waited for.
        for output in link.connect(&connect, 0).map_err(|refusal| refusal.to_string())? {
            match output {
                Output::Send(packet) => drop(packet.encode(options, &mut bytes)),
                Output::Store(record) => outputs.push(Output::Store(record)),
                Output::Done(key, outcome) => outputs.push(Output::Done(key, outcome)),
                other => return Err(format!("{other:?} before CONNACK")),
            }
        }
        self.client.link = Some(link.detach());
        for output in outputs {
            self.client.perform(output, options, &mut Vec::new(), c, false)?;
        }
        self.wires[0] = bytes;
        Ok(())
    }

    fn accept(&mut self, maximum: u16, shrink: Option<Shrink>, c: &Configuration) -> Result<()> {
        let bytes = Self::arrive(&mut self.wires[0], DecodeOptions::detect())?;
        let Ok(Decoded::Packet { packet: Packet::Connect(connect), .. }) =
            decode(&bytes, DecodeOptions::detect())
        else {
            return Err("no CONNECT".into());
        };
        // A link that is still there is taken over.
        let old = self.server.link.take();
        self.server.lose(c, &c.messages[1]);
        self.joined = true;
        let most = connect.properties.receive_maximum().map_or(u16::MAX, |most| most.get());
        let mut link = self.server.session.server(&connect, 0);
        let maximum = maximum.min(link.session().receive_maximum());
        let mut properties = vec![
            Property::ReceiveMaximum(maximum.try_into().map_err(|_| "Receive Maximum 0")?),
            Property::TopicAliasMaximum(c.aliases),
        ];
        properties.extend(shrink.map(|shrink| match shrink {
            Shrink::Size => Property::MaximumPacketSize(7.try_into().expect("not 0")),
            Shrink::QoS => Property::MaximumQoS(mqtt_wire::MaximumQoS::AtLeastOnce),
            Shrink::Retain => Property::RetainAvailable(false),
        }));
        let mut connack = ConnAck::new(ReasonCode::SUCCESS);
        if c.version == Version::V5 {
            connack.properties = Properties::new(&properties);
        }
        self.unheard = !connect.clean_start && !link.session().exists() && self.client.session.exists();
        let options = link.encode_options();
        let mut out = Vec::new();
        let mut records = Vec::new();
        let mut outputs = link.connack(&connack, 0).map_err(|refusal| refusal.to_string())?;
        // Up to CONNACK; the rest comes as the outputs of this step.
        loop {
            match outputs.next() {
                Some(Output::Send(packet)) => {
                    packet.encode(options, &mut out).map_err(|error| error.to_string())?;
                    break;
                }
                Some(Output::Store(record)) => records.push(Output::Store(record)),
                Some(Output::Done(key, outcome)) => records.push(Output::Done(key, outcome)),
                other => return Err(format!("{other:?} before CONNACK")),
            }
        }
        let link = link.detach();
        if let Some(old) = old
            && self.server.session.attach(old).is_ok()
        {
            return Err("a connection goes on that was taken over [MQTT-3.1.4-3]".into());
        }
        self.server.link = Some(link);
        self.server.most = most;
        for output in records {
            self.server.perform(output, options, &mut Vec::new(), c, false)?;
        }
        self.wires[1] = out;
        Ok(())
    }

    /// What has to hold in every state, and when nothing is left to do.
    pub(crate) fn check(&self, c: &Configuration, is_end: bool) -> Result<()> {
        if self.confused {
            return Ok(());
        }
        check_side("the server", &self.server, &self.client, &c.messages[0], c, is_end)?;
        check_side("the client", &self.client, &self.server, &c.messages[1], c, is_end)
    }

    /// What is on its way, for people.
    pub(crate) fn wires(&self) -> &[Vec<u8>; 2] {
        &self.wires
    }
}

/// The next message, if the link takes it.
fn publish<R: Role, const IDS: u16>(side: &mut Side<R, IDS>, scripts: &[QoS]) -> bool {
    let Some(at) = side.fates.iter().position(|fate| *fate == Fate::New) else { return false };
    let Ok(key) = u8::try_from(at) else { return false };
    match side.with(|link| link.publish(&content(&key), scripts[at], key)) {
        Some(Ok(())) => side.fates[at] = Fate::Taken,
        // A server that does not take it any more.
        Some(Err(mqtt_session::Refusal::NotSupported(_) | mqtt_session::Refusal::TooLarge)) => {
            side.fates[at] = Fate::Done(Outcome::SessionOver);
        }
        _ => return false,
    }
    true
}

fn check_side<R: Role, P: Role, const IDS: u16>(
    name: &str,
    receiver: &Side<R, IDS>,
    sender: &Side<P, IDS>,
    scripts: &[QoS],
    c: &Configuration,
    is_end: bool,
) -> Result<()> {
    let got = &receiver.got;
    let mut last = None;
    for (message, qos) in (0_u8..).zip(scripts) {
        let count = got.iter().filter(|got| **got == message).count();
        if count > 1 && *qos != QoS::AtLeastOnce {
            return Err(format!("{name} got message {message} {count} times: {got:?}"));
        }
        // Order holds for each QoS on its own. A message that was refused may come again.
        if *qos == QoS::ExactlyOnce
            && !c.any_order
            && !receiver.refused.contains(&message)
            && let Some(at) = got.iter().position(|got| *got == message)
        {
            if last.is_some_and(|last| at < last) {
                return Err(format!("{name} got messages in the order {got:?} [MQTT-4.6.0-1]"));
            }
            last = Some(at);
        }
    }
    if !is_end {
        return Ok(());
    }
    for (at, qos) in scripts.iter().enumerate() {
        let message = u8::try_from(at).unwrap_or(u8::MAX);
        let is_there = got.contains(&message);
        match sender.fates[at] {
            Fate::Done(Outcome::Acknowledged(code)) if *qos != QoS::AtMostOnce => {
                let is_right = if code.is_error() { receiver.refused.contains(&message) } else { is_there };
                if !is_right && !(c.version != Version::V5 && receiver.refused.contains(&message)) {
                    return Err(format!(
                        "the end: {name} got {got:?}, although message {message} was acknowledged"
                    ));
                }
            }
            Fate::Done(_) => {}
            fate => return Err(format!("the end: message {message} to {name} is {fate:?}")),
        }
    }
    for side in [sender.session.in_flight(), receiver.session.in_flight()] {
        if side != 0 {
            return Err("the end: an identifier is held".into());
        }
    }
    // Whatever the session has to store again in full: nothing is under way.
    let left = receiver
        .session
        .records()
        .chain(receiver.disk.records())
        .find(|record| !matches!(record, Record::Lasts(_)));
    match left {
        Some(record) => Err(format!("the end: {name} holds {record:?}")),
        None => Ok(()),
    }
}
