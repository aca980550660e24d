//! Scripted changes, and a plain model of what they leave.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use mqtt_session::{Growing, Record, Session};
use mqtt_wire::topic::{TopicFilterBuf, TopicNameBuf};
use mqtt_wire::{
    PacketId, Publish, PublishFrame, QoS, RetainHandling, SubscriptionId, SubscriptionOptions, Version,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::store::{Change, Kept, KeptSession, KeptWill, Message, Queued, Scan, Subscription};

/// A message with a payload of so many bytes.
pub(super) fn message(id: u64, topic: &str, payload: usize) -> Arc<Message> {
    let topic = TopicNameBuf::new(topic).unwrap();
    let payload = vec![u8::try_from(id % 251).unwrap(); payload];
    let publish = Publish::new(topic.as_name(), &payload);
    Arc::new(Message {
        id,
        frame: PublishFrame::encode(&publish, Version::V5).unwrap(),
        arrived: 1_000 + id,
        expires: id.is_multiple_of(3).then_some(9_000 + id),
        publisher: id.is_multiple_of(2).then(|| "publisher".into()),
    })
}

pub(super) fn queued(sequence: u64, message: &Arc<Message>) -> Queued {
    Queued {
        sequence,
        message: message.clone(),
        qos: if sequence.is_multiple_of(2) { QoS::AtLeastOnce } else { QoS::ExactlyOnce },
        retain: sequence.is_multiple_of(5),
        identifiers: (1..=u32::try_from(sequence % 3).unwrap()).filter_map(SubscriptionId::new).collect(),
        share: sequence.is_multiple_of(4).then(|| "$share/group/a/#".into()),
    }
}

pub(super) fn subscription(filter: &str, identifier: u32) -> Subscription {
    Subscription {
        filter: TopicFilterBuf::new(filter).unwrap(),
        options: SubscriptionOptions {
            maximum_qos: QoS::ExactlyOnce,
            no_local: identifier % 2 == 1,
            retain_as_published: identifier % 3 == 1,
            retain_handling: RetainHandling::new(u8::try_from(identifier % 3).unwrap()).unwrap(),
        },
        identifier: SubscriptionId::new(identifier),
    }
}

/// Commits of random changes that an engine could make.
pub(super) fn commits(seed: u64, count: usize) -> Vec<Vec<Change>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut state = Scribe::default();
    (0..count).map(|_| (0..random.random_range(1..12)).map(|_| state.change(&mut random)).collect()).collect()
}

#[derive(Default)]
struct Scribe {
    next: u64,
    /// Each session with what is in its queue.
    sessions: Vec<(u64, Vec<u64>)>,
    ended: Vec<u64>,
    messages: Vec<Arc<Message>>,
    /// The messages under way to each session, and whether they wait for PUBREC.
    under_way: HashMap<(u64, PacketId), bool>,
    received: HashSet<(u64, PacketId)>,
}

impl Scribe {
    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn message(&mut self, random: &mut StdRng) -> Arc<Message> {
        // The same message for several queues as a rule: one of the last few.
        if let Some(message) = self.messages.last().filter(|_| random.random_bool(0.6)) {
            return message.clone();
        }
        let topic = format!("topic/{}", random.random_range(0..5));
        let message = message(self.next(), &topic, random.random_range(0..6000));
        self.messages.push(message.clone());
        message
    }

    fn change(&mut self, random: &mut StdRng) -> Change {
        if self.sessions.is_empty() || (self.sessions.len() < 4 && random.random_bool(0.1)) {
            let session = self.next();
            self.sessions.push((session, Vec::new()));
            return Change::SessionBegins { session, client: format!("client-{session}").into(), user: None };
        }
        let at = random.random_range(0..self.sessions.len());
        let session = self.sessions[at].0;
        let filter = format!("filter/{}/#", random.random_range(0..4));
        match random.random_range(0..25) {
            0 => {
                self.sessions.remove(at);
                self.under_way.retain(|(of, _), _| *of != session);
                self.received.retain(|(of, _)| *of != session);
                self.ended.push(session);
                Change::SessionEnds { session }
            }
            1 => Change::SessionEndsAt { session, ends_at: Some(random.random_range(0..99)) },
            2 | 3 => {
                Change::Subscribed { session, subscription: subscription(&filter, random.random_range(0..9)) }
            }
            4 => Change::Unsubscribed { session, filter: TopicFilterBuf::new(filter).unwrap() },
            5..10 => {
                let message = self.message(random);
                let sequence = self.next();
                // A message may be stored too late.
                if let Some(&session) = self.ended.last().filter(|_| random.random_bool(0.2)) {
                    return Change::Queued { session, queued: queued(sequence, &message) };
                }
                self.sessions[at].1.push(sequence);
                Change::Queued { session, queued: queued(sequence, &message) }
            }
            10..13 => {
                let queue = &mut self.sessions[at].1;
                let sequence = if queue.is_empty() { 0 } else { queue.remove(0) };
                Change::Dequeued { session, sequence }
            }
            13 => Change::Retained { message: self.message(random) },
            14 => {
                let topic = format!("topic/{}", random.random_range(0..5));
                Change::RetainedRemoved { topic: TopicNameBuf::new(topic).unwrap() }
            }
            15 => {
                let will = KeptWill { message: self.message(random), delay: 7, due: None };
                Change::Will { session, will }
            }
            16 => Change::WillRemoved { session },
            17 => Change::Recorded { session, record: Record::Lasts(random.random_range(0..99)) },
            18 if random.random_bool(0.3) => {
                self.under_way.retain(|(of, _), _| *of != session);
                self.received.retain(|(of, _)| *of != session);
                Change::Recorded { session, record: Record::Ended }
            }
            19 | 20 => {
                let filter = TopicFilterBuf::new(filter).unwrap();
                let last = random.random_bool(0.7).then(|| {
                    let name = filter.as_str().replace('#', &random.random_range(0..9).to_string());
                    TopicNameBuf::new(name).unwrap()
                });
                Change::Scan { session, scan: Scan { filter, last } }
            }
            21 => Change::ScanEnds { session, filter: TopicFilterBuf::new(filter).unwrap() },
            _ => Change::Recorded { session, record: self.record(random, session) },
        }
    }

    /// What a session can say of one of five identifiers.
    fn record(&mut self, random: &mut StdRng, session: u64) -> Record<u64> {
        let id = PacketId::new(random.random_range(1..6)).unwrap();
        if random.random_bool(0.3) {
            if self.received.remove(&(session, id)) {
                return Record::Forgotten(id);
            }
            self.received.insert((session, id));
            return Record::Received(id);
        }
        match self.under_way.remove(&(session, id)) {
            None => {
                let qos = if random.random() { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
                self.under_way.insert((session, id), qos == QoS::ExactlyOnce);
                Record::Sent { id, qos, retain: random.random(), size: 8, key: self.next() }
            }
            Some(true) => {
                self.under_way.insert((session, id), false);
                Record::Released(id)
            }
            Some(false) => Record::Completed(id),
        }
    }
}

/// What is kept after some changes, by the plainest means.
#[derive(Default, Clone)]
pub(super) struct Model {
    sessions: BTreeMap<u64, KeptSession>,
    retained: BTreeMap<String, Arc<Message>>,
    wills: BTreeMap<u64, KeptWill>,
}

impl Model {
    pub(super) fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            self.change(change.clone());
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::SessionBegins { session: id, client, user } => {
                let session = KeptSession {
                    id,
                    client,
                    user,
                    ends_at: None,
                    subscriptions: Vec::new(),
                    scans: Vec::new(),
                    queue: Vec::new(),
                    records: Vec::new(),
                };
                self.sessions.insert(id, session);
            }
            Change::SessionEnds { session } => drop(self.sessions.remove(&session)),
            Change::SessionEndsAt { session, ends_at } => self.session(session).ends_at = ends_at,
            Change::Subscribed { session, subscription } => {
                let subscriptions = &mut self.session(session).subscriptions;
                subscriptions.retain(|other| other.filter != subscription.filter);
                subscriptions.push(subscription);
                subscriptions.sort_by(|a, b| a.filter.as_str().cmp(b.filter.as_str()));
            }
            Change::Unsubscribed { session, filter } => {
                self.session(session).subscriptions.retain(|other| other.filter != filter);
                self.session(session).scans.retain(|other| other.filter != filter);
            }
            Change::Scan { session, scan } => {
                let scans = &mut self.session(session).scans;
                scans.retain(|other| other.filter != scan.filter);
                scans.push(scan);
                scans.sort_by(|a, b| a.filter.as_str().cmp(b.filter.as_str()));
            }
            Change::ScanEnds { session, filter } => {
                self.session(session).scans.retain(|other| other.filter != filter);
            }
            // One for a session that has ended is for nobody.
            Change::Queued { session, queued } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.queue.push(queued);
                }
            }
            Change::Dequeued { session, sequence } => {
                self.session(session).queue.retain(|queued| queued.sequence != sequence);
            }
            Change::Recorded { session, record } => self.session(session).records.push(record),
            Change::Retained { message } => {
                let topic = message.frame.publish().topic.unwrap().as_str().to_owned();
                self.retained.insert(topic, message);
            }
            Change::RetainedRemoved { topic } => drop(self.retained.remove(topic.as_str())),
            Change::Will { session, will } => drop(self.wills.insert(session, will)),
            Change::WillRemoved { session } => drop(self.wills.remove(&session)),
        }
    }

    fn session(&mut self, id: u64) -> &mut KeptSession {
        self.sessions.get_mut(&id).expect("a session that has begun")
    }

    /// What a store has to give back. The records are those of the whole history.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            sessions: self.sessions.values().cloned().collect(),
            retained: self.retained.values().cloned().collect(),
            wills: self.wills.iter().map(|(session, will)| (*session, will.clone())).collect(),
            next_session: 0,
        }
    }
}

/// The same with each session's records as few as they can be, and without the numbers to go on from.
pub(super) fn shortest(mut kept: Kept) -> Kept {
    for session in &mut kept.sessions {
        let slots = Growing::new(u16::MAX, u16::MAX, 0);
        let restored = Session::restore(slots, session.records.iter().copied()).unwrap();
        session.records = restored.records().collect();
    }
    Kept { next_session: 0, ..kept }
}
