//! What is logged through defmt: what `Debug` shows, and no secret.
//!
//! `cargo test --manifest-path tests/defmt/Cargo.toml`

#![cfg(test)]

use std::sync::{Mutex, MutexGuard};

use mqtt_wire::{
    Ack, Auth, ConnAck, Connect, Decoded, Delivery, Disconnect, EncodeOptions, Packet, PacketId, Properties,
    PropertiesBuf, Property, Publish, QoS, ReasonCode, SubAck, Subscribe, Subscription, TopicFilter,
    TopicName, UnsubAck, Unsubscribe, Version, Will, decode, topic_filter, topic_name,
};

/// All bytes that were logged. Texts that a value holds stand in them as they are; those of the program are numbers.
static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[defmt::global_logger]
struct Logger;

// SAFETY: the lock of the test below keeps every other thread from logging, so `acquire` is never called twice.
unsafe impl defmt::Logger for Logger {
    fn acquire() {}
    unsafe fn flush() {}
    unsafe fn release() {}
    unsafe fn write(bytes: &[u8]) {
        LOGGED.lock().expect("no panic before").extend_from_slice(bytes);
    }
}

defmt::timestamp!("");

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn one_at_a_time() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What is logged of a value.
fn logged(value: &impl defmt::Format) -> Vec<u8> {
    LOGGED.lock().expect("no panic before").clear();
    defmt::println!("{}", value);
    LOGGED.lock().expect("no panic before").clone()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn no_secret_is_logged() {
    let _guard = one_at_a_time();
    let secrets = [Property::AuthenticationMethod("SCRAM"), Property::AuthenticationData(b"hush-hush")];
    let properties = Properties::new(&secrets);
    let connect = Connect {
        user_name: Some("anna"),
        password: Some(b"s3cret"),
        properties,
        ..Connect::new(Version::V5, "lamp-7")
    };
    let connack = ConnAck { properties, ..ConnAck::new(ReasonCode::SUCCESS) };
    let auth = Auth::new(ReasonCode::CONTINUE_AUTHENTICATION, properties);
    for packet in [Packet::from(connect), Packet::from(connack), Packet::from(auth)] {
        let mut bytes = Vec::new();
        packet.encode(EncodeOptions::new(Version::V5), &mut bytes).expect("a good packet");
        let received = decode(&bytes, Version::V5).expect("a good packet");
        for logged in [logged(&packet), logged(&received)] {
            assert!(holds(&logged, b"SCRAM"), "{packet:?}");
            assert!(!holds(&logged, b"s3cret") && !holds(&logged, b"hush-hush"), "{packet:?}");
        }
    }
    let logged_connect = logged(&connect);
    assert!(holds(&logged_connect, b"anna") && holds(&logged_connect, b"lamp-7"));
    let kept = PropertiesBuf::try_from(secrets).expect("good properties");
    let logged_properties = logged(&kept);
    assert!(holds(&logged_properties, b"SCRAM") && !holds(&logged_properties, b"hush-hush"));
}

#[test]
fn of_a_payload_the_beginning_is_logged() {
    let _guard = one_at_a_time();
    let payload = [vec![b'a'; 32], vec![b'b'; 32]].concat();
    let will = Will::new(topic_name!("gone"), &payload);
    let connect = Connect { will: Some((&will).into()), ..Connect::new(Version::V5, "") };
    for logged in [logged(&Publish::new(topic_name!("t"), &payload)), logged(&will), logged(&connect)] {
        assert!(holds(&logged, &[b'a'; 32]) && !holds(&logged, b"ab"));
    }
}

#[test]
fn every_packet_and_every_error_is_logged() {
    let _guard = one_at_a_time();
    let id = PacketId::MIN;
    let ack = Ack::new(id);
    let filters = [topic_filter!("topic/filter")];
    let subscriptions = [Subscription::new(filters[0], QoS::ExactlyOnce)];
    let codes = [ReasonCode::SUCCESS, ReasonCode::QUOTA_EXCEEDED];
    let properties = [Property::ReasonString("because"), Property::UserProperty(("name", "value"))];
    let why = Properties::new(&properties);
    let packets = [
        (
            Packet::from(
                Publish::new(topic_name!("topic/name"), b"").with_delivery(Delivery::ExactlyOnce(id)),
            ),
            "topic/name",
        ),
        (Packet::PubAck(Ack { properties: why, ..ack }), "because"),
        (Packet::PubRec(ack), "PUBREC"),
        (Packet::PubRel(ack), "PUBREL"),
        (Packet::PubComp(ack), "PUBCOMP"),
        (Packet::from(Subscribe::new(id, &subscriptions)), "topic/filter"),
        (Packet::from(SubAck::new(id, &codes)), "Quota exceeded"),
        (Packet::from(Unsubscribe::new(id, &filters)), "topic/filter"),
        (Packet::from(UnsubAck::new(id, &codes)), "Quota exceeded"),
        (Packet::PingReq, "PINGREQ"),
        (Packet::PingResp, "PINGRESP"),
        (Packet::from(Disconnect { properties: why, ..Disconnect::new(ReasonCode::SUCCESS) }), "value"),
    ];
    for (packet, part) in packets {
        let logged = logged(&Decoded::Packet { packet, len: 2 });
        assert!(holds(&logged, part.as_bytes()), "{packet:?}");
    }
    let refused = decode(&[0x40, 2, 0, 0], Version::V311).expect_err("the identifier is 0");
    assert!(holds(&logged(&refused), b"U-2.3.1"));
    let refused = Packet::from(Unsubscribe::new(id, &[])).encoded_len(Version::V5).expect_err("no filter");
    assert!(holds(&logged(&refused), refused.requirement().unwrap_or("?").as_bytes()), "{refused}");
    let short = Packet::PingReq.encode(Version::V5, &mut [0; 1]).expect_err("it takes two bytes");
    assert!(!logged(&short).is_empty());
    let name = TopicName::new("a/#").expect_err("a name has no wildcards");
    assert!(holds(&logged(&name), name.requirement().as_bytes()));
    let filter = TopicFilter::new("a#").expect_err("a wildcard is a level");
    assert!(holds(&logged(&filter), filter.message().as_bytes()));
}
