//! Packets of the public types with any values in any place, right or wrong.

use std::cell::OnceCell;

use arbitrary::{Result, Unstructured};
use mqtt_wire::{
    Ack, Auth, ConnAck, Connect, Delivery, Disconnect, List, Packet, PacketId, PacketType, Properties,
    Property, Publish, ReasonCode, SubAck, Subscribe, Subscription, TopicFilter, TopicName, UnsubAck,
    Unsubscribe, Version, Will,
};

/// As long as a field may be, and longer.
const LONG: &[u8] = &[b'a'; 65_537];

/// What the packets borrow: made first, so that it outlives them.
pub(super) struct Store<'a> {
    properties: Vec<Property<'a>>,
    will_properties: Vec<Property<'a>>,
    subscriptions: Vec<Subscription<'a>>,
    filters: Vec<TopicFilter<'a>>,
    codes: Vec<ReasonCode>,
    will: OnceCell<Will<'a>>,
}

impl<'a> Store<'a> {
    pub(super) fn new(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            properties: many(u, property)?,
            will_properties: if u.ratio(1, 8)? { many(u, property)? } else { Vec::new() },
            subscriptions: many(u, subscription)?,
            filters: many(u, filter)?,
            codes: many(u, code)?,
            will: OnceCell::new(),
        })
    }

    /// A packet; it need not be of any use.
    pub(super) fn packet(&'a self, u: &mut Unstructured<'a>) -> Result<Packet<'a>> {
        let properties = Properties::new(&self.properties);
        let packet_id = u.arbitrary().unwrap_or(PacketId::MIN);
        Ok(match u.arbitrary()? {
            PacketType::Connect => self.connect(u)?.into(),
            PacketType::ConnAck => {
                ConnAck { session_present: u.arbitrary()?, reason_code: code(u)?, properties }.into()
            }
            PacketType::Publish => self.publish(u)?.into(),
            PacketType::PubAck => Packet::PubAck(Ack { packet_id, reason_code: code(u)?, properties }),
            PacketType::PubRec => Packet::PubRec(Ack { packet_id, reason_code: code(u)?, properties }),
            PacketType::PubRel => Packet::PubRel(Ack { packet_id, reason_code: code(u)?, properties }),
            PacketType::PubComp => Packet::PubComp(Ack { packet_id, reason_code: code(u)?, properties }),
            PacketType::Subscribe => {
                Subscribe { packet_id, properties, subscriptions: List::new(&self.subscriptions) }.into()
            }
            PacketType::SubAck => {
                SubAck { packet_id, properties, reason_codes: List::new(&self.codes) }.into()
            }
            PacketType::Unsubscribe => {
                Unsubscribe { packet_id, properties, filters: List::new(&self.filters) }.into()
            }
            PacketType::UnsubAck => {
                UnsubAck { packet_id, properties, reason_codes: List::new(&self.codes) }.into()
            }
            PacketType::PingReq => Packet::PingReq,
            PacketType::PingResp => Packet::PingResp,
            PacketType::Disconnect => Disconnect { reason_code: code(u)?, properties }.into(),
            PacketType::Auth => Auth { reason_code: code(u)?, properties }.into(),
        })
    }

    fn connect(&'a self, u: &mut Unstructured<'a>) -> Result<Connect<'a>> {
        let will = Will {
            qos: u.arbitrary()?,
            retain: u.arbitrary()?,
            properties: Properties::new(&self.will_properties),
            topic: name(u)?,
            payload: bytes(u)?,
        };
        Ok(Connect {
            version: u.arbitrary()?,
            bridge: u.arbitrary()?,
            clean_start: u.arbitrary()?,
            keep_alive: u.arbitrary()?,
            properties: Properties::new(&self.properties),
            client_id: text(u)?,
            will: Some(self.will.get_or_init(|| will).into()).filter(|_| u.arbitrary().unwrap_or_default()),
            user_name: Some(text(u)?).filter(|_| u.arbitrary().unwrap_or_default()),
            password: Some(bytes(u)?).filter(|_| u.arbitrary().unwrap_or_default()),
        })
    }

    fn publish(&'a self, u: &mut Unstructured<'a>) -> Result<Publish<'a>> {
        Ok(Publish {
            dup: u.arbitrary()?,
            delivery: u.arbitrary::<Delivery>()?,
            retain: u.arbitrary()?,
            topic: Some(name(u)?).filter(|_| u.arbitrary().unwrap_or_default()),
            properties: Properties::new(&self.properties),
            payload: u.arbitrary()?,
        })
    }
}

fn many<'a, T>(
    u: &mut Unstructured<'a>,
    item: impl Fn(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut items = Vec::new();
    while u.arbitrary()? {
        items.push(item(u)?);
    }
    Ok(items)
}

/// Bytes of the fuzzer, or very many.
fn bytes<'a>(u: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    // Not when the fuzzer's bytes are used up, which reads as 0.
    match u.arbitrary()? {
        long @ 252..=255u8 => Ok(&LONG[..LONG.len() + usize::from(long) - 255]),
        _ => u.arbitrary(),
    }
}

fn text<'a>(u: &mut Unstructured<'a>) -> Result<&'a str> {
    let bytes = bytes(u)?;
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("valid up to there"),
    })
}

fn name<'a>(u: &mut Unstructured<'a>) -> Result<TopicName<'a>> {
    let text = text(u)?;
    TopicName::new(text).or_else(|_| u.arbitrary())
}

/// A filter made by the rules of any version.
fn filter<'a>(u: &mut Unstructured<'a>) -> Result<TopicFilter<'a>> {
    const SHARED: [&str; 5] = ["$share/g/a", "$share//a", "$share/g", "$share/g/", "$share/+/a"];
    let version: Version = u.arbitrary()?;
    let text = if u.ratio(1, 4)? { u.choose(&SHARED)? } else { text(u)? };
    TopicFilter::new_for(text, version).or_else(|_| u.arbitrary())
}

fn subscription<'a>(u: &mut Unstructured<'a>) -> Result<Subscription<'a>> {
    Ok(Subscription {
        filter: filter(u)?,
        maximum_qos: u.arbitrary()?,
        no_local: u.ratio(1, 4)?,
        retain_as_published: u.ratio(1, 4)?,
        retain_handling: if u.ratio(1, 4)? { u.arbitrary()? } else { mqtt_wire::RetainHandling::default() },
    })
}

fn code(u: &mut Unstructured<'_>) -> Result<ReasonCode> {
    if u.ratio(1, 4)? { u.arbitrary().map(ReasonCode::new) } else { u.arbitrary() }
}

fn property<'a>(u: &mut Unstructured<'a>) -> Result<Property<'a>> {
    Ok(match u.arbitrary()? {
        Property::ContentType(_) => Property::ContentType(text(u)?),
        Property::ReasonString(_) => Property::ReasonString(text(u)?),
        Property::CorrelationData(_) => Property::CorrelationData(bytes(u)?),
        Property::UserProperty(_) => Property::UserProperty((text(u)?, text(u)?)),
        Property::ResponseTopic(_) => Property::ResponseTopic(name(u)?),
        property => property,
    })
}
