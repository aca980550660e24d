//! Packets that belong together: a message with its acknowledgements, a request with its answer.

use std::collections::HashMap;
use std::rc::Rc;

use mqtt_wire::{Delivery, Packet, PacketType, Publish, ReasonCode, Sender};

use crate::capture::Time;
use crate::record::Answers;
use crate::session::other;

/// One packet of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) packet: PacketType,
    pub(crate) number: u64,
    pub(crate) time: Option<Time>,
}

/// What kind of question it is that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// CONNECT and CONNACK.
    Connect,
    /// PUBLISH and PUBACK.
    AtLeastOnce,
    /// PUBLISH, PUBREC, PUBREL and PUBCOMP.
    ExactlyOnce,
    /// SUBSCRIBE and SUBACK.
    Subscribe,
    /// UNSUBSCRIBE and UNSUBACK.
    Unsubscribe,
    /// PINGREQ and PINGRESP.
    Ping,
    /// Two messages: one with a Response Topic, and one to it with the same Correlation Data.
    Request,
}

impl Kind {
    /// The name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::AtLeastOnce => "qos_1",
            Self::ExactlyOnce => "qos_2",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Ping => "ping",
            Self::Request => "request",
        }
    }

    /// The name for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::AtLeastOnce => "PUBLISH, QoS 1",
            Self::ExactlyOnce => "PUBLISH, QoS 2",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Ping => "PINGREQ",
            Self::Request => "request",
        }
    }
}

/// How a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The last answer has come.
    Answered,
    /// It had not come when the connection or the capture ended.
    Unanswered,
    /// The identifier was taken for something else before.
    Replaced,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) kind: Kind,
    /// Who asked.
    pub(crate) sender: Sender,
    pub(crate) id: Option<u16>,
    pub(crate) topic: Option<Rc<str>>,
    pub(crate) steps: Vec<Step>,
    /// How often the first packet was sent again.
    pub(crate) again: u32,
    /// The worst code of the answers.
    pub(crate) code: Option<ReasonCode>,
    pub(crate) end: End,
}

impl Flow {
    /// From the first packet to the last, in nanoseconds.
    pub(crate) fn latency(&self) -> Option<u64> {
        let first = self.steps.first()?.time?;
        let last = self.steps.last()?.time?;
        (self.steps.len() > 1).then(|| last.0.saturating_sub(first.0))
    }

    /// Whether something is wrong: no answer, or one that refuses.
    pub(crate) fn is_bad(&self) -> bool {
        self.end != End::Answered || self.code.is_some_and(ReasonCode::is_error)
    }
}

/// What tells one open flow of a connection from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Connect,
    Ping,
    /// Clients number messages and subscriptions together.
    Id(Sender, u16),
    /// A hash of Response Topic and Correlation Data.
    Request(Sender, u64),
}

/// About what an open flow takes: the entry, two steps, and the topic's head.
const EACH: usize = 320;

/// The flows of a connection that wait for an answer.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    open: HashMap<Key, Box<Flow>>,
    topics: usize,
}

/// What a packet did to the flows.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) answers: Option<Answers>,
    pub(crate) topic: Option<Rc<str>>,
    pub(crate) over: Vec<Flow>,
}

impl Flows {
    /// How many bytes are held.
    pub(crate) fn size(&self) -> usize {
        self.open.len() * EACH + self.topics
    }

    /// Takes a packet; `topic` is that of a PUBLISH, its alias resolved.
    pub(crate) fn see(
        &mut self,
        packet: &Packet<'_>,
        sender: Sender,
        topic: Option<&Rc<str>>,
        (number, time): (u64, Option<Time>),
    ) -> Change {
        let mut change = Change::default();
        let step = Step { packet: packet.packet_type(), number, time };
        let other = other(sender);
        match packet {
            Packet::Connect(_) => self.begin((Key::Connect, Kind::Connect), sender, None, step, &mut change),
            Packet::ConnAck(ack) => {
                self.answer(Key::Connect, step, Some(ack.reason_code), true, &mut change);
            }
            Packet::Publish(publish) => self.publish(publish, sender, topic, step, &mut change),
            Packet::PubAck(ack) | Packet::PubComp(ack) => {
                self.answer(
                    Key::Id(other, ack.packet_id.get()),
                    step,
                    Some(ack.reason_code),
                    true,
                    &mut change,
                );
            }
            Packet::PubRec(ack) => {
                let refused = ack.reason_code.is_error();
                let key = Key::Id(other, ack.packet_id.get());
                self.answer(key, step, Some(ack.reason_code), refused, &mut change);
            }
            Packet::PubRel(ack) => {
                self.answer(
                    Key::Id(sender, ack.packet_id.get()),
                    step,
                    Some(ack.reason_code),
                    false,
                    &mut change,
                );
            }
            Packet::Subscribe(ask) => {
                let key = (Key::Id(sender, ask.packet_id.get()), Kind::Subscribe);
                let filter = ask.subscriptions.iter().next().map(|one| Rc::from(one.filter.as_str()));
                self.begin(key, sender, filter, step, &mut change);
            }
            Packet::Unsubscribe(ask) => {
                let key = (Key::Id(sender, ask.packet_id.get()), Kind::Unsubscribe);
                let filter = ask.filters.iter().next().map(|filter| Rc::from(filter.as_str()));
                self.begin(key, sender, filter, step, &mut change);
            }
            Packet::SubAck(ack) => {
                let code = ack.reason_codes.iter().max();
                self.answer(Key::Id(other, ack.packet_id.get()), step, code, true, &mut change);
            }
            Packet::UnsubAck(ack) => {
                let code = ack.reason_codes.iter().max();
                self.answer(Key::Id(other, ack.packet_id.get()), step, code, true, &mut change);
            }
            Packet::PingReq => self.begin((Key::Ping, Kind::Ping), sender, None, step, &mut change),
            Packet::PingResp => self.answer(Key::Ping, step, None, true, &mut change),
            Packet::Disconnect(_) | Packet::Auth(_) => {}
        }
        change
    }

    fn publish(
        &mut self,
        publish: &Publish<'_>,
        sender: Sender,
        topic: Option<&Rc<str>>,
        step: Step,
        change: &mut Change,
    ) {
        let correlation = publish.properties.correlation_data();
        if let (Some(topic), Some(correlation)) = (topic, correlation) {
            self.answer(Key::Request(other(sender), hash(topic, correlation)), step, None, true, change);
        }
        if let (Some(response), Some(correlation)) = (publish.properties.response_topic(), correlation) {
            let hash = hash(response.as_str(), correlation);
            self.begin((Key::Request(sender, hash), Kind::Request), sender, topic.cloned(), step, change);
        }
        let (id, kind) = match publish.delivery {
            Delivery::AtMostOnce => return,
            Delivery::AtLeastOnce(id) => (id, Kind::AtLeastOnce),
            Delivery::ExactlyOnce(id) => (id, Kind::ExactlyOnce),
        };
        let key = Key::Id(sender, id.get());
        if publish.dup
            && let Some(flow) = self.open.get_mut(&key)
        {
            flow.again += 1;
            return;
        }
        self.begin((key, kind), sender, topic.cloned(), step, change);
    }

    fn begin(
        &mut self,
        (key, kind): (Key, Kind),
        sender: Sender,
        topic: Option<Rc<str>>,
        step: Step,
        change: &mut Change,
    ) {
        if kind == Kind::Ping
            && let Some(flow) = self.open.get_mut(&key)
        {
            flow.again += 1;
            return;
        }
        let id = if let Key::Id(_, id) = key { Some(id) } else { None };
        self.topics += topic.as_ref().map_or(0, |topic| topic.len());
        let mut steps = Vec::with_capacity(2);
        steps.push(step);
        let flow =
            Box::new(Flow { kind, sender, id, topic, steps, again: 0, code: None, end: End::Unanswered });
        if let Some(old) = self.open.insert(key, flow) {
            self.count_out(&old);
            change.over.push(Flow { end: End::Replaced, ..*old });
        }
    }

    fn answer(&mut self, key: Key, step: Step, code: Option<ReasonCode>, is_last: bool, change: &mut Change) {
        let Some(flow) = self.open.get_mut(&key) else { return };
        let Some(before) = flow.steps.last().copied() else { return };
        if !fits(flow.kind, step.packet) {
            return;
        }
        let after = before.time.zip(step.time).map(|(before, now)| now.0.saturating_sub(before.0));
        if change.answers.is_none() {
            change.answers = Some(Answers { number: before.number, after });
            change.topic.clone_from(&flow.topic);
        }
        // What is repeated is no further step.
        if flow.steps.len() < 4 && (flow.kind == Kind::Request || before.packet != step.packet) {
            flow.steps.push(step);
        }
        flow.code = flow.code.max(code);
        if is_last && let Some(flow) = self.open.remove(&key) {
            self.count_out(&flow);
            change.over.push(Flow { end: End::Answered, ..*flow });
        }
    }

    fn count_out(&mut self, flow: &Flow) {
        self.topics -= flow.topic.as_ref().map_or(0, |topic| topic.len());
    }

    /// All that wait, in their order: nothing more comes.
    pub(crate) fn finish(&mut self) -> Vec<Flow> {
        let mut rest: Vec<Flow> = self.open.drain().map(|(_, flow)| *flow).collect();
        self.topics = 0;
        rest.sort_by_key(|flow| flow.steps.first().map(|step| step.number));
        self.open.shrink_to_fit();
        rest
    }
}

/// Whether a packet of this type can go on with a flow of this kind.
fn fits(kind: Kind, packet: PacketType) -> bool {
    match kind {
        Kind::Connect => packet == PacketType::ConnAck,
        Kind::AtLeastOnce => packet == PacketType::PubAck,
        Kind::ExactlyOnce => {
            matches!(packet, PacketType::PubRec | PacketType::PubRel | PacketType::PubComp)
        }
        Kind::Subscribe => packet == PacketType::SubAck,
        Kind::Unsubscribe => packet == PacketType::UnsubAck,
        Kind::Ping => packet == PacketType::PingResp,
        Kind::Request => packet == PacketType::Publish,
    }
}

fn hash(topic: &str, correlation: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (topic, correlation).hash(&mut hasher);
    hasher.finish()
}
