//! Which records are wanted.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use mqtt_wire::topic::TopicFilterBuf;
use mqtt_wire::{Packet, PacketType, QoS, TopicFilter, TopicName};

use crate::capture::Time;
use crate::flow::{Flow, Kind};
use crate::note::{Note, Weight};
use crate::record::{Body, Content, Item, Origin, Record, refuses};

/// Every part that is given has to agree; of a part's values one is enough.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) clients: Vec<String>,
    pub(crate) users: Vec<String>,
    pub(crate) connections: Vec<u64>,
    pub(crate) topics: Vec<TopicFilterBuf>,
    pub(crate) types: Vec<PacketType>,
    pub(crate) qos: Vec<QoS>,
    pub(crate) errors: bool,
    pub(crate) since: Option<Moment>,
    pub(crate) until: Option<Moment>,
}

/// A time of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Nanoseconds from the first frame.
    Elapsed(u64),
    At(Time),
}

impl FromStr for Moment {
    type Err = String;

    /// Seconds or a duration from the first frame on (`12.5`, `1m 30s`), or a time as RFC 3339 writes it.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(duration) = duration(text) {
            return Ok(Self::Elapsed(nanoseconds(duration)));
        }
        let at = humantime::parse_rfc3339_weak(text).ok();
        let at = at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        at.map(|since| Self::At(Time(nanoseconds(since)))).ok_or_else(|| {
            "give seconds or a duration from the first frame on (12.5, 1m30s), or a time (2026-11-22T15:04:40Z)"
                .to_owned()
        })
    }
}

/// Seconds, or a number with its unit.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.or_else(|| humantime::parse_duration(text).ok())
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Moment {
    fn is_before(self, time: Time, begin: Option<Time>) -> bool {
        match self {
            Self::At(at) => at <= time,
            Self::Elapsed(elapsed) => begin.is_none_or(|begin| begin.0.saturating_add(elapsed) <= time.0),
        }
    }

    fn is_behind(self, time: Time, begin: Option<Time>) -> bool {
        match self {
            Self::At(at) => time <= at,
            Self::Elapsed(elapsed) => begin.is_none_or(|begin| time.0 <= begin.0.saturating_add(elapsed)),
        }
    }
}

impl Filter {
    /// Whether a record is wanted; `begin` is the time of the first frame.
    pub(crate) fn selects(&self, record: &Record<'_>, begin: Option<Time>) -> bool {
        self.selects_connection(record)
            && self.selects_time(record.time, begin)
            && match &record.body {
                Body::Item(item) => self.selects_item(item, record),
                Body::Note(note) => self.selects_note(note),
                Body::Flow(flow) => self.selects_flow(flow),
            }
    }

    /// Whether something that is no packet of its own can be wanted at all.
    fn is_about_packets(&self) -> bool {
        !(self.topics.is_empty() && self.types.is_empty() && self.qos.is_empty())
    }

    fn selects_connection(&self, record: &Record<'_>) -> bool {
        let names = record.known.names.as_deref();
        let is_client = |names: &crate::record::Names| self.clients.contains(&names.client);
        let is_user =
            |names: &crate::record::Names| names.user.as_ref().is_some_and(|user| self.users.contains(user));
        (self.clients.is_empty() || names.is_some_and(is_client))
            && (self.users.is_empty() || names.is_some_and(is_user))
            && (self.connections.is_empty()
                || matches!(record.origin, Origin::Connection(one) if self.connections.contains(&one.number)))
    }

    fn selects_time(&self, time: Option<Time>, begin: Option<Time>) -> bool {
        let Some(time) = time else { return self.since.is_none() && self.until.is_none() };
        self.since.is_none_or(|since| since.is_before(time, begin))
            && self.until.is_none_or(|until| until.is_behind(time, begin))
    }

    fn selects_item(&self, item: &Item<'_>, record: &Record<'_>) -> bool {
        let packet = match &item.content {
            Content::Packet(packet) => Some(packet),
            _ => None,
        };
        (self.types.is_empty() || item.packet_type().is_some_and(|packet| self.types.contains(&packet)))
            && (self.qos.is_empty() || packet.is_some_and(|packet| self.selects_qos(packet)))
            && (self.topics.is_empty() || self.selects_topic(packet, record.known.topic.as_deref()))
            && (!self.errors
                || item.is_malformed()
                || matches!(item.content, Content::BadHex(_))
                || !record.known.broken.is_empty()
                || packet.is_some_and(refuses))
    }

    /// Messages by their QoS, and with them their acknowledgements.
    fn selects_qos(&self, packet: &Packet<'_>) -> bool {
        let has = |qos| self.qos.contains(&qos);
        match packet {
            Packet::Publish(publish) => has(publish.delivery.qos()),
            Packet::PubAck(_) => has(QoS::AtLeastOnce),
            Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) => has(QoS::ExactlyOnce),
            Packet::Subscribe(ask) => ask.subscriptions.iter().any(|one| has(one.maximum_qos)),
            _ => false,
        }
    }

    /// Messages by their topic, aliases resolved, and with them their acknowledgements; subscriptions that have names
    /// in common with the filter; wills.
    fn selects_topic(&self, packet: Option<&Packet<'_>>, known: Option<&str>) -> bool {
        if known.is_some_and(|topic| self.has(topic)) {
            return true;
        }
        match packet {
            Some(Packet::Publish(publish)) => publish.topic.is_some_and(|topic| self.has(topic.as_str())),
            Some(Packet::Subscribe(ask)) => ask.subscriptions.iter().any(|one| self.has(one.filter.as_str())),
            Some(Packet::Unsubscribe(ask)) => ask.filters.iter().any(|filter| self.has(filter.as_str())),
            Some(Packet::Connect(connect)) => {
                connect.will.is_some_and(|will| self.has(will.get().topic.as_str()))
            }
            _ => false,
        }
    }

    /// A topic name or a filter.
    fn has(&self, topic: &str) -> bool {
        let topics = || self.topics.iter().map(|wanted| wanted.as_filter().inner());
        if let Ok(name) = TopicName::new(topic) {
            return topics().any(|wanted| wanted.matches(name));
        }
        TopicFilter::new(topic).is_ok_and(|filter| topics().any(|wanted| wanted.intersects(filter.inner())))
    }

    fn selects_note(&self, note: &Note) -> bool {
        !self.is_about_packets() && (!self.errors || note.weight() == Weight::Warning || *note == Note::Reset)
    }

    fn selects_flow(&self, flow: &Flow) -> bool {
        let qos = match flow.kind {
            Kind::AtLeastOnce => Some(QoS::AtLeastOnce),
            Kind::ExactlyOnce => Some(QoS::ExactlyOnce),
            _ => None,
        };
        (self.types.is_empty() || flow.steps.iter().any(|step| self.types.contains(&step.packet)))
            && (self.qos.is_empty() || qos.is_some_and(|qos| self.qos.contains(&qos)))
            && (self.topics.is_empty() || flow.topic.as_deref().is_some_and(|topic| self.has(topic)))
            && (!self.errors || flow.is_bad())
    }
}

/// The QoS of a message.
pub(crate) fn qos(text: &str) -> Result<QoS, &'static str> {
    text.parse().ok().and_then(QoS::new).ok_or("the QoS is 0, 1 or 2")
}

/// A packet type by its name.
pub(crate) fn packet_type(text: &str) -> Result<PacketType, String> {
    let found = PacketType::ALL.into_iter().find(|packet| packet.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        let names: Vec<&str> = PacketType::ALL.iter().map(|packet| packet.name()).collect();
        format!("the types are {}", names.join(", "))
    })
}
