//! One side of the system, in either role.

use std::hash::Hash;

use mqtt_session::{
    Detached, Fixed, HandleError, Input, Link, Outcome, Output, Publication, Receipt, Record, Role, Session,
    Slots,
};
use mqtt_wire::{
    Decoded, Delivery, EncodeOptions, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode,
    TopicName, Version, topic_name,
};

use crate::configuration::Configuration;

/// So many messages out, four in, two topic aliases; the same lists as [`Fixed`], but there are only so many identifiers,
/// so that they are used again and both directions use the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tiny<const IDS: u16>;

pub(crate) type Base = Fixed<u8, 3, 4, 2, 3>;

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
pub(crate) enum Fate {
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
pub(crate) struct Seen {
    /// A PUBLISH of it was sent, on any connection.
    pub(crate) published: bool,
    /// PUBREL was sent after that.
    pub(crate) released: bool,
    /// The identifier of its handshake, while that goes on.
    pub(crate) id: u16,
}

/// A message that waits for the application.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) message: u8,
    pub(crate) receipt: u64,
    /// The connection it came on is gone.
    pub(crate) stale: bool,
}

/// The most messages of one side.
pub(crate) const MESSAGES: usize = 4;

/// One side: a session in memory, its connection, its storage, its application, and what an observer has seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Side<R: Role, const IDS: u16> {
    pub(crate) session: Session<Tiny<IDS>>,
    pub(crate) link: Option<Detached<R, Tiny<IDS>>>,
    pub(crate) disk: Session<Tiny<IDS>>,
    pub(crate) fates: [Fate; MESSAGES],
    pub(crate) held: Vec<Held>,
    /// The messages that the application has taken, in order, and those of them that are safe from a crash.
    pub(crate) got: Vec<u8>,
    pub(crate) safe: Vec<u8>,
    /// Accepted messages of QoS 2 by their identifiers, until their record is stored.
    pub(crate) unsafe_yet: Vec<(u16, u8)>,
    pub(crate) refused: Vec<u8>,
    pub(crate) seen: [Seen; MESSAGES],
    /// On this connection: identifiers of messages of QoS 1 and 2 that are published and not complete, a bit each, and
    /// how many there may be.
    pub(crate) under_way: u32,
    pub(crate) most: u16,
    /// Messages of QoS 1 and 2 that have arrived on this connection and were not acknowledged.
    pub(crate) owed: Vec<Delivery>,
}

pub(crate) type Result<T> = std::result::Result<T, String>;

pub(crate) fn topic(message: usize) -> TopicName<'static> {
    if message.is_multiple_of(2) { topic_name!("t/0") } else { topic_name!("t/1") }
}

/// The message of that number; every third one is retained.
pub(crate) fn content(message: &u8) -> Publish<'_> {
    let retain = message % 3 == 2;
    Publish { retain, ..Publish::new(topic(usize::from(*message)), std::slice::from_ref(message)) }
}

impl<R: Role, const IDS: u16> Side<R, IDS> {
    pub(crate) fn new(messages: usize) -> Self {
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
    pub(crate) fn with<T>(&mut self, f: impl FnOnce(&mut Link<'_, R, Tiny<IDS>>) -> T) -> Option<T> {
        let mut link = self.session.attach(self.link.take()?).ok()?;
        let result = f(&mut link);
        self.link = Some(link.detach());
        Some(result)
    }

    pub(crate) fn is_open(&mut self) -> bool {
        self.with(|link| link.is_open()) == Some(true)
    }

    /// Does the next output; `false` when there is none. What is sent goes to `wire`.
    pub(crate) fn output(&mut self, wire: &mut Vec<u8>, strict: bool) -> Result<bool> {
        let Some((Some(output), options)) =
            self.with(|link| (link.next(0), link.connection().encode_options()))
        else {
            return Ok(false);
        };
        self.perform(output, options, wire, strict)?;
        Ok(true)
    }

    #[allow(clippy::needless_pass_by_value, reason = "an output is done once")]
    pub(crate) fn perform(
        &mut self,
        output: Output<'_, u8>,
        options: EncodeOptions,
        wire: &mut Vec<u8>,
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
        Ok(())
    }

    pub(crate) fn store(&mut self, record: Record<u8>) -> Result<()> {
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
    pub(crate) fn observe(&mut self, packet: &Packet<'_>) -> Result<()> {
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
    pub(crate) fn observe_publication(&mut self, publication: &Publication<u8>, strict: bool) -> Result<()> {
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

    /// The first packet of a wire arrives.
    pub(crate) fn arrive(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        let bytes = std::mem::take(wire);
        match self.with(|link| link.connection().decode(&bytes)).ok_or("no link")? {
            Ok(Decoded::Packet { packet, len }) => {
                wire.extend(&bytes[len..]);
                self.handle(packet)
            }
            other => Err(format!("{bytes:02x?} on the wire: {other:?}")),
        }
    }

    /// A packet arrives.
    fn handle(&mut self, packet: Packet<'_>) -> Result<()> {
        match packet {
            Packet::PubAck(ack) | Packet::PubComp(ack) => self.under_way &= !(1 << ack.packet_id.get()),
            Packet::PubRec(ack) if ack.reason_code.is_error() => {
                self.under_way &= !(1 << ack.packet_id.get());
            }
            Packet::Publish(message) if message.delivery != Delivery::AtMostOnce => {
                self.owed.push(message.delivery);
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
                most = Some(connack.properties.receive_maximum().map_or(u16::MAX, core::num::NonZero::get));
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
    pub(crate) fn answer(&mut self, at: usize, code: ReasonCode, qos: QoS) -> Result<()> {
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
    pub(crate) fn lose(&mut self, configuration: &Configuration, scripts: &[QoS]) {
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

    pub(crate) fn end_connection(&mut self) {
        self.under_way = 0;
        self.most = u16::MAX;
        self.owed.clear();
    }

    /// Everything in memory is gone.
    pub(crate) fn crash(&mut self, configuration: &Configuration, scripts: &[QoS]) {
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
                    let outcome = if configuration.shrinks.is_empty() && configuration.refusals == 0 {
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

/// The next message, if the link takes it.
pub(crate) fn publish<R: Role, const IDS: u16>(side: &mut Side<R, IDS>, scripts: &[QoS]) -> bool {
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

pub(crate) fn check_side<R: Role, P: Role, const IDS: u16>(
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
        let count = got.iter().map(|got| usize::from(*got == message)).sum::<usize>();
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
                // (A refusal cannot be told in 3.1.1.)
                let is_untold = c.version != Version::V5 && receiver.refused.contains(&message);
                if !is_right && !is_untold {
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
