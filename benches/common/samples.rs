//! What the benches and the guard measure: every packet type in its plain and in its full form, and the streams
//! that the other codecs are measured with as well.

#![allow(dead_code, unreachable_pub, reason = "a module of several programs, none of which uses all of it")]

#[path = "../peers/src/workload.rs"]
pub mod workload;

use std::num::{NonZeroU16, NonZeroU32};

use mqtt_wire::{
    Ack, Auth, ConnAck, Connect, Delivery, Disconnect, MaximumQoS, Packet, PacketId, Properties, Property,
    Publish, QoS, ReasonCode, SubAck, Subscribe, Subscription, SubscriptionId, TopicFilter, UnsubAck,
    Unsubscribe, Version, Will, WillRef, topic_filter, topic_name,
};

/// A packet by the name that it has in the figures.
pub struct Sample {
    pub name: &'static str,
    pub version: Version,
    pub packet: Packet<'static>,
    pub bytes: Vec<u8>,
}

/// Every packet in its plain and in its full form, in 5.0 and in 3.1.1.
pub fn samples() -> Vec<Sample> {
    let v5 = all_of_v5().into_iter().map(|(name, packet)| (name, Version::V5, packet));
    let v311 = all_of_v311().into_iter().map(|(name, packet)| (name, Version::V311, packet));
    v5.chain(v311)
        .map(|(name, version, packet)| {
            let mut bytes = Vec::new();
            packet.encode(version, &mut bytes).unwrap();
            Sample { name, version, packet, bytes }
        })
        .collect()
}

/// How figures name a version.
pub fn name_of(version: Version) -> &'static str {
    match version {
        Version::V31 => "3.1",
        Version::V311 => "3.1.1",
        Version::V5 => "5.0",
    }
}

const ID: PacketId = PacketId::new(1007).unwrap();
const PAYLOAD: &[u8] = &[b'x'; 64];

/// 20-byte topic, 64-byte payload, QoS 0.
pub const PUBLISH: Publish<'static> = Publish::new(topic_name!("site/12/floor/3/temp"), PAYLOAD);

/// As a client publishes a request.
pub const PUBLISH_PROPERTIES: &[Property<'static>] = &[
    Property::PayloadFormatIndicator(true),
    Property::MessageExpiryInterval(60),
    Property::ContentType("text/plain"),
    Property::ResponseTopic(topic_name!("reply/to/me")),
    Property::UserProperty(("key", "value")),
];

/// More than the room of the short way of encoding holds.
const USER_PROPERTIES: &[Property<'static>] = &[Property::UserProperty(("name00", "value000")); 20];

pub const CONNACK_PROPERTIES: &[Property<'static>] = &[
    Property::SessionExpiryInterval(3600),
    Property::ReceiveMaximum(NonZeroU16::new(20).unwrap()),
    Property::MaximumQoS(MaximumQoS::AtLeastOnce),
    Property::RetainAvailable(true),
    Property::MaximumPacketSize(NonZeroU32::new(1 << 20).unwrap()),
    Property::AssignedClientIdentifier("auto-1234567890"),
    Property::TopicAliasMaximum(10),
    Property::ReasonString("welcome"),
    Property::UserProperty(("region", "east")),
    Property::ServerKeepAlive(60),
];

const CONNECT_PROPERTIES: &[Property<'static>] = &[
    Property::SessionExpiryInterval(3600),
    Property::ReceiveMaximum(NonZeroU16::new(20).unwrap()),
    Property::MaximumPacketSize(NonZeroU32::new(1 << 20).unwrap()),
    Property::TopicAliasMaximum(10),
    Property::UserProperty(("name", "value")),
];

const WILL_PROPERTIES: &[Property<'static>] = &[
    Property::WillDelayInterval(5),
    Property::MessageExpiryInterval(60),
    Property::ContentType("text/plain"),
];

const REASON: &[Property<'static>] =
    &[Property::ReasonString("quota exceeded"), Property::UserProperty(("limit", "1000"))];

const AUTHENTICATION: &[Property<'static>] = &[
    Property::AuthenticationMethod("SCRAM-SHA-256"),
    Property::AuthenticationData(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
];

const FILTERS: [TopicFilter<'static>; 10] = [
    topic_filter!("site/12/floor/3/+"),
    topic_filter!("site/12/floor/4/+"),
    topic_filter!("site/13/floor/1/temp"),
    topic_filter!("site/13/floor/2/temp"),
    topic_filter!("site/14/+/3/humidity"),
    topic_filter!("site/14/+/4/humidity"),
    topic_filter!("alarm/site/12/door"),
    topic_filter!("alarm/site/13/door"),
    topic_filter!("status/gateway/7/#"),
    topic_filter!("status/gateway/8/#"),
];

const SUBSCRIPTIONS: [Subscription<'static>; 10] = {
    let mut list = [Subscription::new(FILTERS[0], QoS::AtLeastOnce); 10];
    let mut n = 0;
    while n < list.len() {
        list[n].filter = FILTERS[n];
        n += 1;
    }
    list
};

const GRANTED: &[ReasonCode] = &[ReasonCode::GRANTED_QOS_1; 10];
const REMOVED: &[ReasonCode] = &[ReasonCode::SUCCESS; 10];

const WILL: Will<'static> = Will::new(topic_name!("status/gateway/7"), b"gone");
/// With its properties.
const FULL_WILL: Will<'static> = Will { properties: Properties::new(WILL_PROPERTIES), ..WILL };

fn full_connect(version: Version) -> Connect<'static> {
    Connect {
        will: Some(WillRef::from(const { &WILL })),
        user_name: Some("gateway-7"),
        password: Some(b"correct horse"),
        ..Connect::new(version, "gateway-7-a81f")
    }
}

fn all_of_v5() -> Vec<(&'static str, Packet<'static>)> {
    use ReasonCode as Code;
    let properties = |list| Properties::new(list);
    let connect = full_connect(Version::V5);
    let will = Some(WillRef::from(const { &FULL_WILL }));
    let ack = Ack { properties: properties(REASON), ..Ack::new(ID).with_reason(Code::QUOTA_EXCEEDED) };
    let rel =
        Ack { properties: properties(REASON), ..Ack::new(ID).with_reason(Code::PACKET_IDENTIFIER_NOT_FOUND) };
    let reason = properties(REASON);
    let subscription_id = const { &[Property::SubscriptionIdentifier(SubscriptionId::new(7).unwrap())] };
    vec![
        ("CONNECT", Connect::new(Version::V5, "gateway-7-a81f").into()),
        ("CONNECT, full", Connect { properties: properties(CONNECT_PROPERTIES), will, ..connect }.into()),
        ("CONNACK", ConnAck::new(Code::SUCCESS).into()),
        (
            "CONNACK, 10 properties",
            ConnAck { properties: properties(CONNACK_PROPERTIES), ..ConnAck::new(Code::SUCCESS) }.into(),
        ),
        ("PUBLISH QoS 0", PUBLISH.into()),
        ("PUBLISH QoS 1", PUBLISH.with_delivery(Delivery::AtLeastOnce(ID)).into()),
        ("PUBLISH, 5 properties", Publish { properties: properties(PUBLISH_PROPERTIES), ..PUBLISH }.into()),
        (
            "PUBLISH, 20 user properties",
            Publish { properties: properties(USER_PROPERTIES), ..PUBLISH }.into(),
        ),
        ("PUBACK", Packet::PubAck(Ack::new(ID))),
        ("PUBACK, full", Packet::PubAck(ack)),
        ("PUBREC", Packet::PubRec(Ack::new(ID))),
        ("PUBREC, full", Packet::PubRec(ack)),
        ("PUBREL", Packet::PubRel(Ack::new(ID))),
        ("PUBREL, full", Packet::PubRel(rel)),
        ("PUBCOMP", Packet::PubComp(Ack::new(ID))),
        ("PUBCOMP, full", Packet::PubComp(rel)),
        ("SUBSCRIBE", Subscribe::new(ID, &SUBSCRIPTIONS[..1]).into()),
        (
            "SUBSCRIBE, 10 filters",
            Subscribe { properties: properties(subscription_id), ..Subscribe::new(ID, &SUBSCRIPTIONS) }
                .into(),
        ),
        ("SUBACK", SubAck::new(ID, &GRANTED[..1]).into()),
        ("SUBACK, 10 codes", SubAck { properties: reason, ..SubAck::new(ID, GRANTED) }.into()),
        ("UNSUBSCRIBE", Unsubscribe::new(ID, &FILTERS[..1]).into()),
        (
            "UNSUBSCRIBE, 10 filters",
            Unsubscribe { properties: properties(&REASON[1..]), ..Unsubscribe::new(ID, &FILTERS) }.into(),
        ),
        ("UNSUBACK", UnsubAck::new(ID, &REMOVED[..1]).into()),
        ("UNSUBACK, 10 codes", UnsubAck { properties: reason, ..UnsubAck::new(ID, REMOVED) }.into()),
        ("PINGREQ", Packet::PingReq),
        ("PINGRESP", Packet::PingResp),
        ("DISCONNECT", Disconnect::new(Code::SUCCESS).into()),
        (
            "DISCONNECT, full",
            Disconnect { properties: reason, ..Disconnect::new(Code::QUOTA_EXCEEDED) }.into(),
        ),
        ("AUTH", Auth::new(Code::SUCCESS, Properties::EMPTY).into()),
        ("AUTH, full", Auth::new(Code::CONTINUE_AUTHENTICATION, properties(AUTHENTICATION)).into()),
    ]
}

fn all_of_v311() -> Vec<(&'static str, Packet<'static>)> {
    vec![
        ("CONNECT", Connect::new(Version::V311, "gateway-7-a81f").into()),
        ("CONNECT, full", full_connect(Version::V311).into()),
        ("CONNACK", ConnAck::new(ReasonCode::SUCCESS).into()),
        ("PUBLISH QoS 0", PUBLISH.into()),
        ("PUBLISH QoS 1", PUBLISH.with_delivery(Delivery::AtLeastOnce(ID)).into()),
        ("PUBACK", Packet::PubAck(Ack::new(ID))),
        ("PUBREC", Packet::PubRec(Ack::new(ID))),
        ("PUBREL", Packet::PubRel(Ack::new(ID))),
        ("PUBCOMP", Packet::PubComp(Ack::new(ID))),
        ("SUBSCRIBE", Subscribe::new(ID, &SUBSCRIPTIONS[..1]).into()),
        ("SUBSCRIBE, 10 filters", Subscribe::new(ID, &SUBSCRIPTIONS).into()),
        ("SUBACK", SubAck::new(ID, &GRANTED[..1]).into()),
        ("SUBACK, 10 codes", SubAck::new(ID, GRANTED).into()),
        ("UNSUBSCRIBE", Unsubscribe::new(ID, &FILTERS[..1]).into()),
        ("UNSUBSCRIBE, 10 filters", Unsubscribe::new(ID, &FILTERS).into()),
        ("UNSUBACK", UnsubAck::new(ID, &[]).into()),
        ("PINGREQ", Packet::PingReq),
        ("PINGRESP", Packet::PingResp),
        ("DISCONNECT", Disconnect::new(ReasonCode::SUCCESS).into()),
    ]
}
