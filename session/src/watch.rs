//! A bystander that sees the packets of both directions, and names the statements between packets that are broken.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use mqtt_wire::{
    Auth, ConnAck, Connect, Delivery, Packet, PacketId, Properties, PropertyId, Publish, QoS, ReasonCode,
    Sender, Version,
};

use crate::Millis;
use crate::auth::Authentication;
use crate::limits::Limits;
use crate::violation::SessionRule;

/// Watches one connection: it takes each packet with its sender and its time, and tells which statements it breaks.
///
/// It is made for captures. It may start in the middle, or miss packets ([`gap`](Self::gap)): then it says nothing that
/// it cannot know. Times may be left out by giving the same one for all.
///
/// ```
/// use mqtt_session::{SessionRule, Watcher};
/// use mqtt_wire::{Ack, ConnAck, Connect, Packet, PacketId, ReasonCode, Sender, Version};
///
/// let mut watcher = Watcher::new(Version::V5);
/// let connect = Connect::new(Version::V5, "lamp");
/// assert_eq!(watcher.see(&connect.into(), Sender::Client, 18, 0), []);
/// assert_eq!(watcher.see(&ConnAck::new(ReasonCode::SUCCESS).into(), Sender::Server, 5, 1), []);
/// // Nothing has been published that this could acknowledge.
/// let puback = Packet::PubAck(Ack::new(PacketId::MIN));
/// assert_eq!(watcher.see(&puback, Sender::Server, 4, 2), [SessionRule::UnknownAcknowledgement]);
/// ```
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is something that CONNECT says")]
pub struct Watcher {
    version: Version,
    state: State,
    /// The session began with this connection: whatever is under way was seen.
    is_new: bool,
    clean_start: bool,
    /// CONNECT was seen, and lets the session end with the connection.
    ends_at_once: bool,
    client_id_missing: bool,
    problem_information: bool,
    response_information: bool,
    limits: Limits,
    auth: Authentication,
    keep_alive: u16,
    /// When the client last sent something, once that is known.
    heard: Option<Millis>,
    requests: BTreeMap<PacketId, Request>,
    client: Side,
    server: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is known of the beginning.
    Unknown,
    /// CONNECT has gone by.
    Asked,
    Open,
    Refused,
}

#[derive(Debug, Clone, Copy)]
struct Request {
    is_subscribe: bool,
    filters: usize,
}

/// What is known of the messages that one side sends, and of what it announces.
#[derive(Debug, Clone)]
struct Side {
    flights: BTreeMap<PacketId, Flight>,
    /// Messages that wait for PUBACK, and for PUBREC, and for PUBREL after that, in order.
    await_puback: VecDeque<PacketId>,
    await_pubrec: VecDeque<PacketId>,
    await_pubrel: VecDeque<PacketId>,
    aliases: BTreeSet<u16>,
    /// Packets of this side may be missing.
    has_gap: bool,
    said_goodbye: bool,
    receive_maximum: u16,
    alias_maximum: u16,
    maximum_packet_size: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flight {
    /// QoS 1, PUBLISH was sent.
    Once,
    /// QoS 2, PUBLISH was sent.
    Twice,
    /// QoS 2, PUBREC was sent.
    Received,
    /// QoS 2, PUBREL was sent.
    Released,
}

impl Side {
    const fn new() -> Self {
        Self {
            flights: BTreeMap::new(),
            await_puback: VecDeque::new(),
            await_pubrec: VecDeque::new(),
            await_pubrel: VecDeque::new(),
            aliases: BTreeSet::new(),
            has_gap: false,
            said_goodbye: false,
            receive_maximum: u16::MAX,
            alias_maximum: u16::MAX,
            maximum_packet_size: u32::MAX,
        }
    }

    /// What this side announces in CONNECT or CONNACK.
    fn announce(&mut self, properties: &Properties<'_>) {
        self.receive_maximum = properties.receive_maximum().map_or(u16::MAX, core::num::NonZero::get);
        self.alias_maximum = properties.topic_alias_maximum().unwrap_or(0);
        self.maximum_packet_size = properties.maximum_packet_size().map_or(u32::MAX, core::num::NonZero::get);
    }

    /// All messages that wait are forgotten: they may have been answered.
    fn forget(&mut self) {
        self.flights.clear();
        self.await_puback.clear();
        self.await_pubrec.clear();
        self.await_pubrel.clear();
    }
}

/// Takes an identifier out of those that wait; whether it was the first of them.
fn take(waiting: &mut VecDeque<PacketId>, id: PacketId) -> bool {
    match waiting.iter().position(|waiting| *waiting == id) {
        Some(at) => {
            waiting.remove(at);
            at == 0
        }
        None => true,
    }
}

impl Watcher {
    /// A watcher of a connection of that version, from its beginning or from the middle.
    pub const fn new(version: Version) -> Self {
        Self {
            version,
            state: State::Unknown,
            is_new: false,
            clean_start: false,
            ends_at_once: false,
            client_id_missing: false,
            problem_information: true,
            response_information: true,
            limits: Limits::NONE,
            auth: Authentication::NONE,
            keep_alive: 0,
            heard: None,
            requests: BTreeMap::new(),
            client: Side::new(),
            server: Side::new(),
        }
    }

    /// The version by which packets are judged: that of CONNECT, once it was seen.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Packets of this sender are missing from here on, or could not be decoded.
    ///
    /// It has to be said before any packet of either side is seen that was sent after the hole: an answer to what is
    /// missing would otherwise be blamed on whoever gave it. Where a hole is noticed only later, as in a capture whose
    /// segments are out of order, hold back the packets of both sides until the bytes before them are known to be there,
    /// or take no notice of what was named since the last packet before the hole.
    ///
    /// ```
    /// use mqtt_session::Watcher;
    /// use mqtt_wire::{Ack, Packet, PacketId, Sender, Version};
    ///
    /// // An acknowledgement of what was never seen is no fault when something is missing.
    /// let mut watcher = Watcher::new(Version::V311);
    /// watcher.gap(Sender::Client);
    /// let puback = Packet::PubAck(Ack::new(PacketId::MIN));
    /// assert!(watcher.see(&puback, Sender::Server, 4, 0).is_empty());
    /// ```
    pub fn gap(&mut self, sender: Sender) {
        self.client.forget();
        self.server.forget();
        self.requests.clear();
        (self.is_new, self.keep_alive, self.heard) = (false, 0, None);
        // What the other side's aliases stand for is known all the same.
        let (own, _) = self.sides(sender);
        own.has_gap = true;
        own.aliases.clear();
        if matches!(self.state, State::Asked) {
            self.state = State::Unknown;
        }
    }

    /// How many identifiers and aliases are remembered: each takes a few dozen bytes. [`gap`](Self::gap) forgets them.
    ///
    /// ```
    /// use mqtt_session::Watcher;
    /// use mqtt_wire::{Delivery, Packet, PacketId, Publish, Sender, Version, topic_name};
    ///
    /// // A tool that runs for days bounds its memory, for the other side may never acknowledge.
    /// let mut watcher = Watcher::new(Version::V311);
    /// for id in (1..=2000).filter_map(PacketId::new) {
    ///     let message = Publish::new(topic_name!("a"), b"").with_delivery(Delivery::AtLeastOnce(id));
    ///     watcher.see(&Packet::from(message), Sender::Client, 7, 0);
    ///     if watcher.remembered() > 1000 {
    ///         watcher.gap(Sender::Client);
    ///     }
    /// }
    /// assert!(watcher.remembered() <= 1000);
    /// ```
    pub fn remembered(&self) -> usize {
        let side = |side: &Side| {
            let waiting = side.await_puback.len() + side.await_pubrec.len() + side.await_pubrel.len();
            side.flights.len() + waiting + side.aliases.len()
        };
        self.requests.len() + side(&self.client) + side(&self.server)
    }

    /// Looks at a packet of so many bytes, and names what its sender breaks by it.
    ///
    /// ```
    /// use mqtt_session::{SessionRule, Watcher};
    /// use mqtt_wire::{ConnAck, Connect, Packet, ReasonCode, Sender, Version};
    ///
    /// let mut watcher = Watcher::new(Version::V311);
    /// let connect = Connect { keep_alive: 10, ..Connect::new(Version::V311, "lamp-7") };
    /// assert!(watcher.see(&connect.into(), Sender::Client, 20, 0).is_empty());
    /// let connack = ConnAck::new(ReasonCode::SUCCESS);
    /// assert!(watcher.see(&connack.into(), Sender::Server, 4, 5).is_empty());
    /// // A keep alive of ten seconds, and 16 in silence.
    /// let broken = watcher.see(&Packet::PingReq, Sender::Client, 2, 16_000);
    /// assert_eq!(broken, [SessionRule::KeepAlive]);
    /// ```
    pub fn see(&mut self, packet: &Packet<'_>, sender: Sender, size: usize, now: Millis) -> Vec<SessionRule> {
        let mut broken = Vec::new();
        let (own, peer) = self.sides(sender);
        if own.said_goodbye {
            broken.push(SessionRule::AfterDisconnect);
        }
        if size > peer.maximum_packet_size as usize {
            broken.push(SessionRule::PacketTooLarge);
        }
        match sender {
            Sender::Client => self.see_client(packet, now, &mut broken),
            Sender::Server => self.see_server(packet, &mut broken),
        }
        broken
    }

    const fn sides(&mut self, sender: Sender) -> (&mut Side, &mut Side) {
        match sender {
            Sender::Client => (&mut self.client, &mut self.server),
            Sender::Server => (&mut self.server, &mut self.client),
        }
    }

    fn see_client(&mut self, packet: &Packet<'_>, now: Millis, broken: &mut Vec<SessionRule>) {
        let silence = self.heard.map_or(0, |heard| now.saturating_sub(heard));
        if self.keep_alive != 0 && silence > u64::from(self.keep_alive) * 1500 {
            broken.push(SessionRule::KeepAlive);
        }
        self.heard = Some(now);
        let authenticates = self.state == State::Asked && self.auth.is_asked();
        match packet {
            Packet::Connect(_) if self.state != State::Unknown => broken.push(SessionRule::SecondConnect),
            Packet::Connect(connect) => self.connect(connect),
            Packet::Auth(auth) => self.auth(auth, Sender::Client, broken),
            Packet::Disconnect(disconnect) => {
                let expiry = disconnect.properties.session_expiry_interval();
                if self.ends_at_once && expiry.is_some_and(|expiry| expiry != 0) {
                    broken.push(SessionRule::SessionExpiry);
                }
                self.client.said_goodbye = true;
            }
            _ if authenticates => broken.push(SessionRule::AuthPending),
            Packet::Subscribe(subscribe) => {
                if self.state == State::Open {
                    broken.extend(self.limits.check_subscribe(subscribe).err());
                }
                self.request(subscribe.packet_id, subscribe.subscriptions.iter().count(), true, broken);
            }
            Packet::Unsubscribe(unsubscribe) => {
                self.request(unsubscribe.packet_id, unsubscribe.filters.iter().count(), false, broken);
            }
            packet => self.message(packet, Sender::Client, broken),
        }
    }

    fn see_server(&mut self, packet: &Packet<'_>, broken: &mut Vec<SessionRule>) {
        if self.state == State::Refused {
            broken.push(SessionRule::AfterRefusal);
        }
        if self.state == State::Asked && !matches!(packet, Packet::ConnAck(_) | Packet::Auth(_)) {
            broken.push(SessionRule::ConnAckFirst);
        }
        let unwanted = PropertyId::ReasonString | PropertyId::UserProperty;
        let properties = match packet {
            Packet::PubAck(p) | Packet::PubRec(p) | Packet::PubRel(p) | Packet::PubComp(p) => p.properties,
            Packet::SubAck(p) => p.properties,
            Packet::UnsubAck(p) => p.properties,
            Packet::Auth(p) => p.properties,
            _ => Properties::EMPTY,
        };
        if !self.problem_information && !properties.ids().intersection(unwanted).is_empty() {
            broken.push(SessionRule::ProblemInformation);
        }
        match packet {
            Packet::ConnAck(_) if self.state == State::Open => broken.push(SessionRule::SecondConnAck),
            Packet::ConnAck(connack) => self.connack(connack, broken),
            Packet::Auth(auth) => self.auth(auth, Sender::Server, broken),
            Packet::Disconnect(_) => self.server.said_goodbye = true,
            Packet::SubAck(ack) => {
                self.answer(ack.packet_id, Some(ack.reason_codes.iter().count()), true, broken);
            }
            Packet::UnsubAck(ack) => {
                let codes = (self.version == Version::V5).then(|| ack.reason_codes.iter().count());
                self.answer(ack.packet_id, codes, false, broken);
            }
            packet => self.message(packet, Sender::Server, broken),
        }
    }

    fn connect(&mut self, connect: &Connect<'_>) {
        let properties = &connect.properties;
        self.version = connect.version;
        self.state = State::Asked;
        self.clean_start = connect.clean_start;
        self.ends_at_once = properties.session_expiry_interval().unwrap_or(0) == 0;
        self.client_id_missing = connect.client_id.is_empty();
        self.keep_alive = connect.keep_alive;
        self.problem_information = properties.request_problem_information().unwrap_or(true);
        self.response_information = properties.request_response_information().unwrap_or(false);
        self.auth = Authentication::of_connect(properties);
        self.client.announce(properties);
    }

    fn connack(&mut self, connack: &ConnAck<'_>, broken: &mut Vec<SessionRule>) {
        let properties = &connack.properties;
        let is_asked = self.state == State::Asked;
        self.server.announce(properties);
        if connack.reason_code.is_error() {
            self.state = State::Refused;
            return;
        }
        self.state = State::Open;
        self.limits = Limits::of_connack(properties);
        if let Some(seconds) = properties.server_keep_alive() {
            self.keep_alive = seconds;
        }
        if !is_asked {
            return;
        }
        // MQTT 3.1 does not tell.
        self.is_new = self.clean_start || self.version != Version::V31 && !connack.session_present;
        if connack.session_present && self.clean_start {
            broken.push(SessionRule::SessionNotCleared);
        }
        if self.version != Version::V5 {
            return;
        }
        if !self.auth.is_method(properties) {
            broken.push(SessionRule::AuthMethod);
        }
        self.auth.accepted();
        if self.client_id_missing && properties.assigned_client_identifier().is_none() {
            broken.push(SessionRule::ClientIdNotAssigned);
        }
        if !self.response_information && properties.response_information().is_some() {
            broken.push(SessionRule::ResponseInformation);
        }
    }

    fn auth(&mut self, auth: &Auth<'_>, sender: Sender, broken: &mut Vec<SessionRule>) {
        if self.state == State::Unknown || self.client.has_gap || self.server.has_gap {
            return;
        }
        if !self.auth.is_asked() {
            broken.push(SessionRule::AuthNotAsked);
        } else if !self.auth.is_method(&auth.properties) {
            broken.push(SessionRule::AuthMethod);
        }
        let in_turn = match sender {
            Sender::Client => self.auth.client_sends(auth.reason_code),
            Sender::Server => self.auth.server_sends(auth.reason_code),
        };
        if self.auth.is_asked() && !in_turn {
            broken.push(SessionRule::AuthOutOfTurn);
        }
    }

    fn request(&mut self, id: PacketId, filters: usize, is_subscribe: bool, broken: &mut Vec<SessionRule>) {
        if self.client.flights.contains_key(&id) || self.requests.contains_key(&id) {
            broken.push(SessionRule::IdentifierInUse);
        }
        self.requests.insert(id, Request { is_subscribe, filters });
    }

    fn answer(
        &mut self,
        id: PacketId,
        codes: Option<usize>,
        is_subscribe: bool,
        broken: &mut Vec<SessionRule>,
    ) {
        match self.requests.remove(&id) {
            Some(request) if request.is_subscribe != is_subscribe => {
                broken.push(SessionRule::UnknownAcknowledgement);
            }
            Some(request) if codes.is_some_and(|codes| codes != request.filters) => {
                broken.push(SessionRule::CodesMissing);
            }
            None if self.sees_all() => broken.push(SessionRule::UnknownAcknowledgement),
            _ => {}
        }
    }

    /// Whether everything since CONNECT was seen.
    const fn sees_all(&self) -> bool {
        !matches!(self.state, State::Unknown) && !self.client.has_gap && !self.server.has_gap && self.is_new
    }

    fn message(&mut self, packet: &Packet<'_>, sender: Sender, broken: &mut Vec<SessionRule>) {
        match packet {
            Packet::Publish(message) => self.publish(message, sender, broken),
            Packet::PubAck(ack) => {
                self.acknowledge(ack.packet_id, sender, Flight::Once, ack.reason_code, broken);
            }
            Packet::PubRec(ack) => {
                self.acknowledge(ack.packet_id, sender, Flight::Twice, ack.reason_code, broken);
            }
            Packet::PubComp(ack) => {
                self.acknowledge(ack.packet_id, sender, Flight::Released, ack.reason_code, broken);
            }
            Packet::PubRel(ack) => self.release(ack.packet_id, sender, broken),
            _ => {}
        }
    }

    fn publish(&mut self, message: &Publish<'_>, sender: Sender, broken: &mut Vec<SessionRule>) {
        let (sees_all, version, limits) = (self.sees_all(), self.version, self.limits);
        if sender == Sender::Client && self.state == State::Open {
            broken.extend(limits.check_publish(message.delivery.qos(), message).err());
        }
        let id = message.delivery.packet_id();
        let is_asked = sender == Sender::Client && id.is_some_and(|id| self.requests.contains_key(&id));
        let is_known = self.state != State::Unknown;
        let (own, peer) = self.sides(sender);
        if let Some(alias) = message.properties.topic_alias().map(core::num::NonZero::get) {
            if is_known && alias > peer.alias_maximum {
                broken.push(SessionRule::TopicAliasRange);
            }
            if message.topic.is_some() {
                own.aliases.insert(alias);
            } else if is_known && !own.has_gap && !own.aliases.contains(&alias) {
                broken.push(SessionRule::TopicAliasUnknown);
            }
        }
        let (id, flight) = match message.delivery {
            Delivery::AtMostOnce => return,
            Delivery::AtLeastOnce(id) => (id, Flight::Once),
            Delivery::ExactlyOnce(id) => (id, Flight::Twice),
        };
        match own.flights.get(&id) {
            // A new message with an identifier that is in use; the answer was not seen, at least.
            Some(_) if !message.dup => broken.push(SessionRule::IdentifierInUse),
            Some(Flight::Released) => broken.push(SessionRule::SentAfterRelease),
            // Before 5.0 nothing forbids to repeat it on the same connection.
            Some(_) if version == Version::V5 => broken.push(SessionRule::SentAgain),
            None if message.dup && sees_all => broken.push(SessionRule::UnexpectedDup),
            _ => {}
        }
        if is_asked {
            broken.push(SessionRule::IdentifierInUse);
        }
        own.flights.insert(id, flight);
        match message.delivery.qos() {
            QoS::AtLeastOnce => own.await_puback.push_back(id),
            _ => own.await_pubrec.push_back(id),
        }
        if own.flights.len() > usize::from(peer.receive_maximum) {
            broken.push(SessionRule::ReceiveMaximum);
        }
    }

    /// PUBACK, PUBREC or PUBCOMP, for a message that ought to be in that state.
    fn acknowledge(
        &mut self,
        id: PacketId,
        sender: Sender,
        expected: Flight,
        code: ReasonCode,
        broken: &mut Vec<SessionRule>,
    ) {
        let sees_all = self.sees_all();
        let (_, peer) = self.sides(sender);
        // Only a client has to keep the order.
        let waiting = match expected {
            Flight::Once => &mut peer.await_puback,
            Flight::Twice => &mut peer.await_pubrec,
            _ => &mut VecDeque::new(),
        };
        if !take(waiting, id) && sender == Sender::Client {
            broken.push(SessionRule::AcknowledgementOrder);
        }
        let Some(flight) = peer.flights.get_mut(&id) else {
            // A PUBCOMP may answer a PUBREL that nothing is known of.
            if sees_all && expected != Flight::Released {
                broken.push(SessionRule::UnknownAcknowledgement);
            }
            return;
        };
        let is_again = expected == Flight::Twice && matches!(flight, Flight::Received | Flight::Released);
        if *flight != expected && !is_again {
            broken.push(SessionRule::WrongAcknowledgement);
        }
        if expected != Flight::Twice || code.is_error() {
            peer.flights.remove(&id);
        } else if !is_again {
            *flight = Flight::Received;
            peer.await_pubrel.push_back(id);
        }
    }

    fn release(&mut self, id: PacketId, sender: Sender, broken: &mut Vec<SessionRule>) {
        let (own, _) = self.sides(sender);
        if !take(&mut own.await_pubrel, id) && sender == Sender::Client {
            broken.push(SessionRule::AcknowledgementOrder);
        }
        if let Some(flight) = own.flights.get_mut(&id) {
            if *flight == Flight::Once || *flight == Flight::Twice {
                broken.push(SessionRule::WrongAcknowledgement);
            }
            *flight = Flight::Released;
        }
    }
}
