//! What is serialized, and what is read again.

use core::num::NonZeroU16;
use std::string::ToString;

use serde_json::{json, to_value};

use super::*;
use crate::{EncodeOptions, PacketId, TopicFilter, TopicName, Version, decode, topic_filter, topic_name};

fn id(n: u16) -> PacketId {
    PacketId::new(n).unwrap()
}

#[test]
fn a_publish_with_properties() {
    let topic: TopicName<'_> = topic_name!("a/b");
    let properties = [
        Property::PayloadFormatIndicator(true),
        Property::CorrelationData(&[1, 255]),
        Property::TopicAlias(NonZeroU16::MIN),
        Property::UserProperty(("k", "v")),
    ];
    let publish = Publish { properties: Properties::new(&properties), ..Publish::new(topic, b"hi") };
    let packet = Packet::from(publish.with_delivery(Delivery::AtLeastOnce(id(7))));
    let expected = json!({
        "type": "PUBLISH", "dup": false, "qos": 1, "retain": false, "topic_name": "a/b",
        "packet_identifier": 7, "payload": [104, 105],
        "properties": [
            { "identifier": 1, "name": "Payload Format Indicator", "value": 1 },
            { "identifier": 9, "name": "Correlation Data", "value": [1, 255] },
            { "identifier": 35, "name": "Topic Alias", "value": 1 },
            { "identifier": 38, "name": "User Property", "value": ["k", "v"] },
        ],
    });
    assert_eq!(to_value(packet).unwrap(), expected);
}

#[test]
fn a_connect_with_a_will() {
    let will = Will::new(topic_name!("gone"), &[0]);
    let connect =
        Connect { will: Some((&will).into()), password: Some(b"p"), ..Connect::new(Version::V5, "me") };
    let expected = json!({
        "type": "CONNECT", "version": "5.0", "bridge": false, "clean_start": true, "keep_alive": 60,
        "properties": [], "client_identifier": "me", "user_name": null, "password": "1 bytes, not shown",
        "will": { "qos": 0, "retain": false, "properties": [], "topic": "gone", "payload": [0] },
    });
    assert_eq!(to_value(Packet::from(connect)).unwrap(), expected);
}

#[test]
fn lists_and_the_names_of_codes() {
    const FILTER: TopicFilter<'_> = topic_filter!("+/#");
    let subscriptions = [Subscription::new(FILTER, QoS::ExactlyOnce)];
    let expected = json!({
        "packet_identifier": 1, "properties": [],
        "subscriptions": [{
            "topic_filter": "+/#", "maximum_qos": 2, "no_local": false, "retain_as_published": false,
            "retain_handling": 0,
        }],
    });
    assert_eq!(to_value(Subscribe::new(id(1), &subscriptions)).unwrap(), expected);
    let codes = [ReasonCode::SUCCESS, ReasonCode::new(0x7F)];
    let suback = to_value(Packet::from(SubAck::new(id(1), &codes))).unwrap();
    assert_eq!(suback["reason_codes"], json!([0, 127]));
    assert_eq!(suback["reason_names"], json!(["Granted QoS 0", null]));
    let disconnect = to_value(Disconnect::new(ReasonCode::SUCCESS)).unwrap();
    assert_eq!(disconnect["reason_name"], "Normal disconnection");
}

#[test]
fn the_fields_of_every_packet() {
    let refused = ReasonCode::NOT_AUTHORIZED;
    let connack = json!({
        "type": "CONNACK", "session_present": false, "reason_code": 0x87, "reason_name": "Not authorized",
        "properties": [],
    });
    assert_eq!(to_value(Packet::from(ConnAck::new(refused))).unwrap(), connack);
    let ack = Ack { reason_code: refused, ..Ack::new(id(9)) };
    for packet in [Packet::PubAck(ack), Packet::PubRec(ack), Packet::PubRel(ack), Packet::PubComp(ack)] {
        let expected = json!({
            "type": packet.packet_type().name(), "packet_identifier": 9, "reason_code": 0x87,
            "reason_name": "Not authorized", "properties": [],
        });
        assert_eq!(to_value(packet).unwrap(), expected);
    }
    let subscribe = json!({
        "type": "SUBSCRIBE", "packet_identifier": 9, "properties": [], "subscriptions": [],
    });
    assert_eq!(to_value(Packet::from(Subscribe::new(id(9), &[]))).unwrap(), subscribe);
    let unsubscribe = json!({
        "type": "UNSUBSCRIBE", "packet_identifier": 9, "properties": [], "topic_filters": ["a"],
    });
    let filters = [topic_filter!("a")];
    assert_eq!(to_value(Packet::from(Unsubscribe::new(id(9), &filters))).unwrap(), unsubscribe);
    let codes = [ReasonCode::SUCCESS, refused];
    for (packet, granted) in [
        (Packet::from(SubAck::new(id(9), &codes)), "Granted QoS 0"),
        (Packet::from(UnsubAck::new(id(9), &codes)), "Success"),
    ] {
        let expected = json!({
            "type": packet.packet_type().name(), "packet_identifier": 9, "properties": [],
            "reason_codes": [0, 0x87], "reason_names": [granted, "Not authorized"],
        });
        assert_eq!(to_value(packet).unwrap(), expected);
    }
    for packet in [Packet::PingReq, Packet::PingResp] {
        assert_eq!(to_value(packet).unwrap(), json!({ "type": packet.packet_type().name() }));
    }
    let properties = [Property::ReasonString("why")];
    let body = json!([{ "identifier": 0x1F, "name": "Reason String", "value": "why" }]);
    let properties = Properties::new(&properties);
    for (packet, name) in [
        (Packet::from(Disconnect { reason_code: refused, properties }), "DISCONNECT"),
        (Packet::from(Auth::new(refused, properties)), "AUTH"),
    ] {
        let expected = json!({
            "type": name, "reason_code": 0x87, "reason_name": "Not authorized", "properties": body,
        });
        assert_eq!(to_value(packet).unwrap(), expected);
    }
}

/// Whatever is being written when there is no more room, the error comes out.
#[test]
fn a_failure_to_write_is_passed_on() {
    let properties = [Property::ReasonString("why")];
    let properties = Properties::new(&properties);
    for packet in [
        Packet::from(Connect::new(Version::V5, "me")),
        Packet::from(Auth::new(ReasonCode::NOT_AUTHORIZED, properties)),
        Packet::from(SubAck::new(id(9), &[ReasonCode::SUCCESS])),
        Packet::from(Unsubscribe::new(id(9), &[topic_filter!("a")])),
    ] {
        let whole = serde_json::to_string(&packet).unwrap();
        let mut room = std::vec![0; whole.len()];
        for len in 0..whole.len() {
            assert!(serde_json::to_writer(&mut room[..len], &packet).is_err(), "{len} bytes of {whole}");
        }
        serde_json::to_writer(&mut room[..], &packet).unwrap();
        assert_eq!(room, whole.as_bytes());
    }
}

#[test]
fn small_values() {
    assert_eq!(to_value(Delivery::AtMostOnce).unwrap(), json!({ "qos": 0, "packet_identifier": null }));
    assert_eq!(to_value(Delivery::ExactlyOnce(id(3))).unwrap(), json!({ "qos": 2, "packet_identifier": 3 }));
    assert_eq!(
        to_value(PropertyId::TopicAlias | PropertyId::UserProperty).unwrap(),
        json!(["Topic Alias", "User Property"])
    );
    let values = [
        Property::MessageExpiryInterval(70_000),
        Property::SubscriptionIdentifier(SubscriptionId::MAX),
        Property::MaximumQoS(MaximumQoS::AtLeastOnce),
        Property::ContentType("text/plain"),
    ];
    assert_eq!(
        values.map(|property| to_value(property.value()).unwrap()),
        [json!(70_000), json!(268_435_455), json!(1), json!("text/plain")]
    );
    assert_eq!(
        [Sender::Client, Sender::Server].map(|sender| to_value(sender).unwrap()),
        ["client", "server"]
    );
    let header = FixedHeader::decode(&[0x32, 0x80, 1], Version::V311).unwrap().unwrap();
    let expected = json!({ "type": "PUBLISH", "flags": 2, "remaining_length": 128 });
    assert_eq!(to_value(header).unwrap(), expected);
    assert_eq!(to_value(RetainHandling::SendIfNew).unwrap(), 1);
}

/// A value of each kind of a configuration file, read from what it is written as.
fn there_and_back<T>(values: &[T], written: &[serde_json::Value])
where
    T: Serialize + serde::de::DeserializeOwned + PartialEq + fmt::Debug,
{
    assert_eq!(values.len(), written.len());
    for (value, json) in values.iter().zip(written) {
        assert_eq!(&to_value(value).unwrap(), json);
        assert_eq!(&serde_json::from_value::<T>(json.clone()).unwrap(), value);
        // From text that has to be unescaped.
        let text = json.to_string().replace("5.0", "5\\u002e0");
        assert_eq!(&serde_json::from_reader::<_, T>(text.as_bytes()).unwrap(), value);
    }
}

#[test]
fn what_stands_in_configuration_files() {
    there_and_back(&QoS::ALL, &[json!(0), json!(1), json!(2)]);
    there_and_back(&[MaximumQoS::AtMostOnce, MaximumQoS::AtLeastOnce], &[json!(0), json!(1)]);
    let handlings = [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend];
    there_and_back(&handlings, &[json!(0), json!(1), json!(2)]);
    there_and_back(&Version::ALL, &[json!("3.1"), json!("3.1.1"), json!("5.0")]);
    there_and_back(&[Sender::Client, Sender::Server], &[json!("client"), json!("server")]);
    let names: std::vec::Vec<_> = Tolerance::ALL.iter().map(|tolerance| json!(tolerance.name())).collect();
    there_and_back(Tolerance::ALL, &names);
    assert_eq!(names[0], "bridge_protocol_level");
    there_and_back(&[PacketId::MIN, PacketId::MAX], &[json!(1), json!(65_535)]);
    there_and_back(&[SubscriptionId::MAX], &[json!(268_435_455)]);
    there_and_back(&[ReasonCode::QUOTA_EXCEEDED], &[json!(0x97)]);
    let options = SubscriptionOptions {
        maximum_qos: QoS::AtLeastOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
    };
    let written = json!({
        "maximum_qos": 1, "no_local": true, "retain_as_published": true, "retain_handling": 2,
    });
    there_and_back(&[options], &[written]);
    let some: SubscriptionOptions = serde_json::from_value(json!({ "no_local": true })).unwrap();
    assert_eq!(some, SubscriptionOptions { no_local: true, ..SubscriptionOptions::default() });
}

#[test]
fn what_does_not_stand_in_configuration_files() {
    fn refused<T: serde::de::DeserializeOwned + fmt::Debug>(written: serde_json::Value, why: &str) {
        assert_eq!(serde_json::from_value::<T>(written).unwrap_err().to_string(), why);
    }
    refused::<QoS>(json!(3), "3 is no Quality of Service");
    refused::<MaximumQoS>(json!(2), "2 is no Maximum QoS");
    refused::<PacketId>(json!(0), "0 is no Packet Identifier");
    refused::<Version>(json!("4"), "expected 3.1, 3.1.1 or 5.0");
    refused::<Sender>(json!("broker"), "expected client or server");
    refused::<Tolerance>(json!("anything"), "expected the name of a tolerance");
    refused::<SubscriptionOptions>(
        json!({ "qos": 1 }),
        "expected maximum_qos, no_local, retain_as_published or retain_handling",
    );
}

#[test]
fn errors() {
    let error = decode(&[0x40, 0x02, 0x00, 0x00], Version::V311).unwrap_err();
    let expected = json!({
        "kind": "ZeroPacketId", "message": "the packet identifier is 0", "offset": 2, "type": "PUBACK",
        "version": "3.1.1", "reason_code": 130, "reason_name": "Protocol Error", "rule": "U-2.3.1",
    });
    assert_eq!(to_value(error).unwrap(), expected);
    let error = Packet::PingReq.encode(Version::V5, &mut [0; 1]).unwrap_err();
    let expected = json!({ "message": "the packet takes 2 bytes, the buffer has 1", "kind": null, "field": null, "type": "PINGREQ", "version": "5.0", "rule": null, "needed": 2, "available": 1 });
    assert_eq!(to_value(error).unwrap(), expected);
    let expected = json!({
        "message": "the packet takes 9 bytes, 8 are allowed", "kind": "PacketTooLarge", "field": null,
        "type": "PUBLISH", "version": "3.1.1", "rule": "U-2.2.3-b", "size": 9, "max": 8,
    });
    let error = Packet::from(Publish::new(topic_name!("a/b"), b"hi"));
    let error = error.encoded_len(EncodeOptions::new(Version::V311).with_max_packet_size(8)).unwrap_err();
    assert_eq!(to_value(error).unwrap(), expected);
    let error = Packet::from(Auth::new(ReasonCode::SUCCESS, Properties::EMPTY));
    let error = error.encoded_len(Version::V311).unwrap_err();
    let expected = json!({
        "message": error.to_string(), "kind": "NotInVersion", "field": "fixed header", "type": "AUTH", "version": "3.1.1",
        "rule": "U-downgrade",
    });
    assert_eq!(to_value(error).unwrap(), expected);
    let error = TopicName::new("a/#").unwrap_err();
    assert_eq!(to_value(error).unwrap()["character"], "#");
}
