//! A client, a server, the two applications, their storage, and the network between them: one state of all that, and
//! the steps that lead out of it.
//!
//! Client and server are the types of `mqtt-session` themselves, packets are the bytes of `mqtt-wire`. The network is
//! TCP's: what is sent on a connection arrives in order, and when the connection is lost, some last part does not
//! arrive. An output is done at once, and between any two of them there may be a crash: what a [`Record`](mqtt_session::Record) did not say
//! is then forgotten.

use mqtt_session::{Client, Output, Server};
use mqtt_wire::{
    ConnAck, Connect, Connection, Decoded, EncodeOptions, Packet, Properties, Property, QoS, ReasonCode,
    Version,
};

use crate::configuration::{Configuration, Shrink};
use crate::side::{Fate, Held, Result, Side, check_side, publish};

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
                let maxima = maxima(c, first, Who::Client);
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
                let maxima = maxima(c, first, Who::Server);
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
        while !c.lazy && step.crash_after != Some(done) && next.output(who)? {
            done += 1;
        }
        if step.crash_after.is_some() {
            next.event(Event::Crash(who), c)?;
        }
        Ok(Some((next, done)))
    }

    fn output(&mut self, who: Who) -> Result<bool> {
        let strict = self.crashes == [0; 2];
        let mut nowhere = Vec::new();
        let both = self.joined && self.client.link.is_some() && self.server.link.is_some();
        match who {
            // Before the server has seen CONNECT, the connection is there all the same.
            Who::Client => {
                let wire = if both || !self.joined { &mut self.wires[0] } else { &mut nowhere };
                self.client.output(wire, strict)
            }
            Who::Server => {
                let wire = if both { &mut self.wires[1] } else { &mut nowhere };
                self.server.output(wire, strict)
            }
        }
    }

    fn event(&mut self, event: Event, c: &Configuration) -> Result<bool> {
        match event {
            Event::Connect { clean, maximum } => self.connect(clean, maximum, c)?,
            Event::Accept { maximum, shrink } => self.accept(maximum, shrink, c)?,
            Event::Arrive(Who::Client) => {
                self.client.arrive(&mut self.wires[1])?;
                self.unheard = false;
            }
            Event::Arrive(Who::Server) => self.server.arrive(&mut self.wires[0])?,
            Event::Publish(Who::Client) => return Ok(publish(&mut self.client, &c.messages[0])),
            Event::Publish(Who::Server) => return Ok(publish(&mut self.server, &c.messages[1])),
            Event::Take(who, at) => self.answer(who, at, ReasonCode::SUCCESS, c)?,
            Event::Refuse(who, at) => {
                self.refusals += 1;
                self.answer(who, at, ReasonCode::QUOTA_EXCEEDED, c)?;
            }
            Event::Output(who) => return self.output(who),
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
        let mut link = self.client.session.client(Connection::client(c.version));
        let options = EncodeOptions::new(c.version);
        let mut outputs = Vec::new();
        let mut bytes = Vec::new();
        // CONNECT says nothing of the session: records of the last connection are not waited for.
        let mut all = link.connect(&connect, 0).map_err(|refusal| refusal.to_string())?;
        while let Some(output) = all.next() {
            match output {
                Output::Send(packet) => drop(packet.encode(options, &mut bytes)),
                Output::Store(record) => outputs.push(Output::Store(record)),
                Output::Done(key, outcome) => outputs.push(Output::Done(key, outcome)),
                other => return Err(format!("{other:?} before CONNACK")),
            }
        }
        self.client.link = Some(link.detach());
        for output in outputs {
            self.client.perform(output, options, &mut Vec::new(), false)?;
        }
        self.wires[0] = bytes;
        Ok(())
    }

    fn accept(&mut self, maximum: u16, shrink: Option<Shrink>, c: &Configuration) -> Result<()> {
        let bytes = std::mem::take(&mut self.wires[0]);
        let mut connection = Connection::server();
        let Ok(Decoded::Packet { packet: Packet::Connect(connect), len }) = connection.decode(&bytes) else {
            return Err("no CONNECT".into());
        };
        self.wires[0].extend(&bytes[len..]);
        // A link that is still there is taken over.
        let old = self.server.link.take();
        self.server.lose(c, &c.messages[1]);
        self.joined = true;
        let most = connect.properties.receive_maximum().map_or(u16::MAX, core::num::NonZero::get);
        let mut link = self.server.session.server(connection, &connect, 0);
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
        let options = link.connection().encode_options();
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
            self.server.perform(output, options, &mut Vec::new(), false)?;
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

/// What a connection may draw as the Receive Maximum for the messages of that side; where there are none, one is as good
/// as another.
fn maxima(c: &Configuration, first: bool, sender: Who) -> &[u16] {
    let is_idle = c.messages[sender as usize].iter().all(|qos| *qos == QoS::AtMostOnce);
    if first || is_idle { &c.maxima[..1] } else { &c.maxima }
}
