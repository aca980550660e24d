//! `downgrade` and `upgrade`, row by row of their tables; that they are total is a property in `round_trip.rs`.
#![cfg(feature = "alloc")]

use mqtt_wire::{
    Ack, Auth, ConnAck, Connect, DecodeOptions, Disconnect, Packet, PacketId, Properties, Property, Publish,
    ReasonCode, SubAck, Subscribe, Subscription, Tolerance, TopicFilter, UnsubAck, Unsubscribe, Version,
    Will, decode_exact, topic_filter, topic_name,
};

const OLD: [Version; 2] = [Version::V31, Version::V311];
const REASON: Properties<'_> = Properties::new(&[Property::ReasonString("because")]);
const USER: Properties<'_> = Properties::new(&[Property::UserProperty(("a", "b"))]);

fn downgraded<'a>(packet: impl Into<Packet<'a>>, version: Version) -> Option<Packet<'a>> {
    let packet = packet.into();
    assert_eq!(packet.downgrade(Version::V5), Some(packet), "5.0 stays as it is");
    packet.downgrade(version)
}

#[test]
fn connect_to_3() {
    let topic = topic_name!("t");
    let will = Will { properties: USER, ..Will::new(topic, b"gone") };
    let plain = Connect::new(Version::V5, "a");
    let connect = Connect { properties: USER, will: Some(will), clean_start: false, ..plain };
    for version in OLD {
        let will = Some(Will::new(topic, b"gone"));
        let expected = Connect { clean_start: false, will, ..Connect::new(version, "a") };
        assert_eq!(downgraded(connect, version), Some(expected.into()));
        let password = Connect { password: Some(b"p"), ..plain };
        assert_eq!(downgraded(password, version), None, "a password alone");
        assert!(downgraded(Connect { user_name: Some("u"), ..password }, version).is_some());
    }
    let nobody = Connect { clean_start: true, ..Connect::new(Version::V5, "") };
    assert!(downgraded(nobody, Version::V311).is_some());
    assert_eq!(downgraded(Connect { clean_start: false, ..nobody }, Version::V311), None);
    assert_eq!(downgraded(nobody, Version::V31), None);
    let long = Connect::new(Version::V5, "a client of 24 characters");
    assert!(downgraded(long, Version::V311).is_some());
    assert_eq!(downgraded(long, Version::V31), None);
}

/// Each code of 5.0, and the one of the five of 3.x that comes nearest.
#[test]
fn connack_to_3() {
    for code in ReasonCode::ALL.iter().copied() {
        let nearest = match code {
            ReasonCode::SUCCESS
            | ReasonCode::UNSUPPORTED_PROTOCOL_VERSION
            | ReasonCode::CLIENT_IDENTIFIER_NOT_VALID
            | ReasonCode::SERVER_UNAVAILABLE
            | ReasonCode::BAD_USER_NAME_OR_PASSWORD
            | ReasonCode::NOT_AUTHORIZED => code,
            ReasonCode::BAD_AUTHENTICATION_METHOD => ReasonCode::BAD_USER_NAME_OR_PASSWORD,
            ReasonCode::BANNED => ReasonCode::NOT_AUTHORIZED,
            _ => ReasonCode::SERVER_UNAVAILABLE,
        };
        let connack = ConnAck { properties: REASON, ..ConnAck::new(code) };
        for version in OLD {
            assert_eq!(downgraded(connack, version), Some(ConnAck::new(nearest).into()), "{code}");
        }
    }
    let resumed = ConnAck { session_present: true, ..ConnAck::new(ReasonCode::SUCCESS) };
    assert_eq!(downgraded(resumed, Version::V311), Some(resumed.into()));
    assert_eq!(downgraded(resumed, Version::V31), Some(ConnAck::new(ReasonCode::SUCCESS).into()));
}

#[test]
fn messages_and_acknowledgements_to_3() {
    let publish = Publish::new(topic_name!("t"), b"p");
    let with_properties = Publish { properties: USER, ..publish };
    let by_alias = Publish { topic: None, ..with_properties };
    let ack = Ack::new(PacketId::MAX);
    let refusal = Ack { reason_code: ReasonCode::QUOTA_EXCEEDED, properties: REASON, ..ack };
    for version in OLD {
        assert_eq!(downgraded(with_properties, version), Some(publish.into()));
        assert_eq!(with_properties.downgrade(version), Some(publish));
        assert_eq!(downgraded(by_alias, version), None);
        for kind in [Packet::PubAck, Packet::PubRec, Packet::PubRel, Packet::PubComp] {
            assert_eq!(downgraded(kind(refusal), version), Some(kind(ack)));
        }
        assert_eq!(downgraded(Packet::PingReq, version), Some(Packet::PingReq));
        assert_eq!(downgraded(Packet::PingResp, version), Some(Packet::PingResp));
        let plain = Disconnect::new(ReasonCode::SUCCESS);
        assert_eq!(downgraded(Disconnect { properties: REASON, ..plain }, version), Some(plain.into()));
        for code in [ReasonCode::DISCONNECT_WITH_WILL_MESSAGE, ReasonCode::SERVER_SHUTTING_DOWN] {
            assert_eq!(downgraded(Disconnect::new(code), version), None, "{code}");
        }
        assert_eq!(downgraded(Auth::new(ReasonCode::SUCCESS, Properties::EMPTY), version), None);
    }
    assert_eq!(by_alias.downgrade(Version::V5), Some(by_alias));
}

#[test]
fn subscriptions_to_3() {
    let shared = topic_filter!("$share/g/+");
    let plain = Subscription::new(topic_filter!("a/#"), mqtt_wire::QoS::ExactlyOnce);
    let full = Subscription { no_local: true, retain_as_published: true, ..plain };
    let full = [full, Subscription { filter: shared, ..plain }];
    let ordinary = TopicFilter::new_for(shared.as_str(), Version::V311).expect("a filter");
    let plain = [plain, Subscription { filter: ordinary, ..plain }];
    let subscribe = Subscribe { properties: USER, ..Subscribe::new(PacketId::MIN, &full) };
    let filters = [shared];
    let unsubscribe = Unsubscribe { properties: USER, ..Unsubscribe::new(PacketId::MIN, &filters) };
    let codes = [ReasonCode::GRANTED_QOS_2, ReasonCode::SUCCESS];
    let suback = SubAck { properties: REASON, ..SubAck::new(PacketId::MIN, &codes) };
    let unsuback = UnsubAck { properties: REASON, ..UnsubAck::new(PacketId::MIN, &codes) };
    for version in OLD {
        let expected = Subscribe::new(PacketId::MIN, &plain);
        assert_eq!(downgraded(subscribe, version), Some(expected.into()));
        let filters = [ordinary];
        let expected = Unsubscribe::new(PacketId::MIN, &filters);
        assert_eq!(downgraded(unsubscribe, version), Some(expected.into()));
        assert_eq!(downgraded(suback, version), Some(SubAck::new(PacketId::MIN, &codes).into()));
        assert_eq!(downgraded(unsuback, version), Some(UnsubAck::new(PacketId::MIN, &[]).into()));
    }
    let refused = SubAck::new(PacketId::MIN, &[ReasonCode::SUCCESS, ReasonCode::QUOTA_EXCEEDED]);
    assert_eq!(downgraded(refused, Version::V31), None);
    let expected = SubAck::new(PacketId::MIN, &[ReasonCode::SUCCESS, ReasonCode::UNSPECIFIED_ERROR]);
    assert_eq!(downgraded(refused, Version::V311), Some(expected.into()));
}

#[test]
fn to_5() {
    let never = [Property::SessionExpiryInterval(u32::MAX)];
    for version in OLD {
        let connect = Connect { keep_alive: 7, user_name: Some("u"), ..Connect::new(version, "a") };
        let expected = Connect { version: Version::V5, ..connect };
        let clean = |connect, clean_start| Packet::from(Connect { clean_start, ..connect });
        assert_eq!(clean(connect, true).upgrade(), Some(clean(expected, true)));
        let lasting = Connect { properties: Properties::new(&never), ..expected };
        assert_eq!(clean(connect, false).upgrade(), Some(clean(lasting, false)));
        // What has no form in the version that it names does not come along.
        assert_eq!(
            clean(Connect { properties: USER, ..connect }, true).upgrade(),
            Some(clean(expected, true))
        );
    }
    let lasting = Packet::from(Connect { clean_start: false, ..Connect::new(Version::V5, "a") });
    assert_eq!(lasting.upgrade(), Some(lasting), "one of 5.0 stays as it is");

    assert_eq!(Packet::from(UnsubAck::new(PacketId::MIN, &[])).upgrade(), None);
    let unsuback = Packet::from(UnsubAck::new(PacketId::MIN, &[ReasonCode::SUCCESS]));
    assert_eq!(unsuback.upgrade(), Some(unsuback));

    // By the rules of 3.1.1 these are filters; 5.0 takes the second for a shared subscription without a filter.
    for (text, fits) in [("$share/g/a", true), ("$share/g", false)] {
        let filter = TopicFilter::new_for(text, Version::V311).expect("a filter of 3.1.1");
        let subscriptions = [Subscription::new(filter, mqtt_wire::QoS::AtMostOnce)];
        let filters = [filter];
        let subscribe = Packet::from(Subscribe::new(PacketId::MIN, &subscriptions));
        let unsubscribe = Packet::from(Unsubscribe::new(PacketId::MIN, &filters));
        let Ok(shared) = TopicFilter::new(text) else {
            assert_eq!((subscribe.upgrade(), unsubscribe.upgrade(), fits), (None, None, false), "{text}");
            continue;
        };
        assert!(fits && shared.is_shared() && shared != filter);
        let (newer, filters) = ([Subscription::new(shared, mqtt_wire::QoS::AtMostOnce)], [shared]);
        let newer = Packet::from(Subscribe::new(PacketId::MIN, &newer));
        assert_eq!((subscribe.upgrade(), newer.downgrade(Version::V311)), (Some(newer), Some(subscribe)));
        let newer = Packet::from(Unsubscribe::new(PacketId::MIN, &filters));
        assert_eq!((unsubscribe.upgrade(), newer.downgrade(Version::V31)), (Some(newer), Some(unsubscribe)));
    }
}

/// Reserved codes that were tolerated have no place in 5.0.
#[test]
fn reserved_codes_to_5() {
    let tolerant = DecodeOptions::new(Version::V311).tolerate(Tolerance::UnknownReasonCodes);
    for (bytes, fits) in [
        (&[0x20, 2, 0, 5][..], true),
        (&[0x20, 2, 0, 6], false),
        (&[0x90, 4, 0, 1, 2, 0x80], true),
        (&[0x90, 4, 0, 1, 2, 3], false),
    ] {
        let packet = decode_exact(bytes, tolerant).expect("tolerated");
        assert_eq!(packet.upgrade(), fits.then_some(packet), "{bytes:02X?}");
    }
}
