//! Our broker and those who do not keep to the rules: each is refused as its version wants it, and the others go on.

use std::thread;
use std::time::{Duration, Instant};

use mqtt_wire::{
    Ack, Connect, Delivery, Disconnect, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode,
    RetainHandling, SubAck, Subscribe, Subscription, SubscriptionOptions, UnsubAck, Unsubscribe, Version,
    Will, topic_filter, topic_name,
};

use crate::programs::Broker;
use crate::raw::{Raw, hex};

fn v5(client_id: &str) -> Connect<'_> {
    Connect { keep_alive: 0, ..Connect::new(Version::V5, client_id) }
}

/// A pair that publishes and receives all the while.
struct Others {
    lamp: Raw,
    phone: Raw,
    count: u32,
}

impl Others {
    fn new(port: u16) -> Self {
        let mut phone = Raw::connect(port, v5("telepon"));
        phone.subscribe(topic_filter!("rumahkami/+/+/lampu"), QoS::AtMostOnce);
        let lamp = Raw::connect(port, Connect { keep_alive: 0, ..Connect::new(Version::V311, "lampu") });
        Self { lamp, phone, count: 0 }
    }

    fn go_on(&mut self) {
        self.count += 1;
        let payload = format!("menyala {}", self.count);
        let topic = topic_name!("rumahkami/lantaidasar/ruangtamu/lampu");
        self.lamp.send(Publish::new(topic, payload.as_bytes()));
        self.phone.expect_message(topic.as_str(), payload.as_bytes());
    }
}

#[test]
fn bad_packets_of_5_0_are_answered_by_a_disconnect() {
    let broker = Broker::ours();
    let mut others = Others::new(broker.port);
    let cases: &[(&str, &[u8], u8)] = &[
        ("type 0", &[0x00, 0x00], 0x81),
        ("flags of SUBSCRIBE", &[0x80, 0x06, 0, 1, 0, 0, 1, b'a', 0], 0x81),
        ("# in the middle", &[0x82, 0x0B, 0, 1, 0, 0, 5, b'a', b'/', b'#', b'/', b'b', 0], 0x81),
        ("SUBSCRIBE to nothing", &[0x82, 0x03, 0, 1, 0], 0x82),
        ("wildcard in a name", &[0x30, 0x06, 0, 3, b'a', b'/', b'#', 0], 0x81),
        ("QoS 3", &[0x36, 0x06, 0, 1, b'a', 0, 1, 0], 0x81),
        ("packet identifier 0", &[0x32, 0x06, 0, 1, b'a', 0, 0, 0], 0x82),
        ("a name that is not UTF-8", &[0x30, 0x05, 0, 2, 0xC3, 0x28, 0], 0x81),
        ("a property of CONNECT in PUBLISH", &[0x30, 0x09, 0, 1, b'a', 5, 0x11, 0, 0, 0, 1], 0x81),
        ("a length of five bytes", &[0xC0, 0x80, 0x80, 0x80, 0x80], 0x81),
        ("two megabytes announced", &[0x30, 0xFF, 0xFF, 0x7F], 0x95),
        ("a packet of the server", &[0xD0, 0x00], 0x82),
        ("PUBREL for what is not there", &[0x62, 0x02, 0, 1], 0x82),
        ("AUTH without a method", &[0xF0, 0x02, 0x18, 0x00], 0x82),
        ("a second CONNECT", &[0x10, 0x0D, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 0, 0, 0, 0], 0x82),
        ("QoS 2, of which CONNACK said no", &[0x34, 0x06, 0, 1, b'a', 0, 1, 0], 0x9B),
        ("a topic alias, of which CONNACK said no", &[0x30, 0x07, 0, 1, b'a', 3, 0x23, 0, 1], 0x94),
    ];
    for (name, bytes, code) in cases {
        let mut bad = Raw::connect(broker.port, v5("nakal"));
        bad.send_bytes(bytes);
        others.go_on();
        assert_eq!(bad.rest(), [0xE0, 0x01, *code], "{name}");
        others.go_on();
    }
}

#[test]
fn bad_packets_of_3_x_are_answered_by_the_end() {
    let broker = Broker::ours();
    let mut others = Others::new(broker.port);
    let cases: &[(&str, &[u8])] = &[
        ("type 15", &[0xF0, 0x00]),
        ("# in the middle", &[0x82, 0x0A, 0, 1, 0, 5, b'a', b'/', b'#', b'/', b'b', 0]),
        ("wildcard in a name", &[0x30, 0x05, 0, 3, b'a', b'/', b'#']),
        ("packet identifier 0", &[0x32, 0x05, 0, 1, b'a', 0, 0]),
        ("two megabytes announced", &[0x30, 0xFF, 0xFF, 0x7F]),
        ("QoS 2, which the broker has not", &[0x34, 0x05, 0, 1, b'a', 0, 1]),
    ];
    for version in [Version::V31, Version::V311] {
        for (name, bytes) in cases {
            let mut bad = Raw::connect(broker.port, Connect::new(version, "nakal"));
            bad.send_bytes(bytes);
            others.go_on();
            assert!(bad.rest().is_empty(), "{name} in {version}");
            others.go_on();
        }
    }
}

#[test]
fn a_bad_connect_is_answered_by_a_connack() {
    let broker = Broker::ours();
    let mut others = Others::new(broker.port);
    let connect = |name: &[u8], level: u8, flags: u8, rest: &[u8]| {
        let mut body = vec![0, u8::try_from(name.len()).expect("short")];
        body.extend([name, &[level, flags, 0, 60], rest].concat());
        [&[0x10, u8::try_from(body.len()).expect("short")], &body[..]].concat()
    };
    let method = [&[0x15, 0, 1, b'X'][..], &[0, 0]].concat();
    let long_id = [&[0, 24][..], &[b'k'; 24]].concat();
    let cases = [
        ("level 6", connect(b"MQTT", 6, 2, &[0, 0, 0]), "20 03 00 84 00 "),
        ("another name", connect(b"MQTX", 4, 2, &[0, 0]), "20 03 00 84 00 "),
        ("reserved flag in 5.0", connect(b"MQTT", 5, 3, &[0, 0, 0]), "20 03 00 81 00 "),
        ("reserved flag in 3.1.1", connect(b"MQTT", 4, 3, &[0, 0]), ""),
        ("nobody, but a session", connect(b"MQTT", 4, 0, &[0, 0]), "20 02 00 02 "),
        ("nobody in 3.1", connect(b"MQIsdp", 3, 2, &[0, 0]), "20 02 00 02 "),
        ("a long name in 3.1", connect(b"MQIsdp", 3, 2, &long_id), "20 02 00 02 "),
        ("a method", connect(b"MQTT", 5, 2, &[&[4], &method[..]].concat()), "20 03 00 8c 00 "),
        (
            "a will of QoS 2",
            connect(b"MQTT", 5, 0b1_0110, &[0, 0, 0, 0, 0, 1, b'a', 0, 0]),
            "20 03 00 9b 00 ",
        ),
        ("PINGREQ first", vec![0xC0, 0x00], "20 03 00 82 00 "),
        ("another protocol", b"GET / HTTP/1.1\r\n\r\n".to_vec(), "20 03 00 82 00 "),
    ];
    for (name, bytes, answer) in cases {
        let mut bad = Raw::open(broker.port, Version::V5);
        bad.send_bytes(&bytes);
        others.go_on();
        assert_eq!(hex(&bad.rest()), answer, "{name}");
    }
}

#[test]
fn noise_disturbs_nobody() {
    let broker = Broker::ours();
    let mut others = Others::new(broker.port);
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut noise = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_le_bytes()[0]
    };
    for round in 0..200 {
        let bytes: Vec<u8> = (0..=round * 7 % 300).map(|_| noise()).collect();
        // Every second one is let in first.
        let mut bad = match round % 4 {
            0 => Raw::connect(broker.port, v5("")),
            1 => Raw::connect(broker.port, Connect::new(Version::V311, "")),
            _ => Raw::open(broker.port, Version::V5),
        };
        bad.send_bytes(&bytes);
        others.go_on();
    }
}

#[test]
fn who_is_silent_for_too_long_is_let_go() {
    let broker = Broker::ours();
    let silent = |version| Connect { keep_alive: 1, ..Connect::new(version, "diam") };
    let mut pinging = Raw::connect(broker.port, Connect { keep_alive: 1, ..v5("rajin") });
    for (version, answer) in
        [(Version::V5, &[0xE0, 0x01, 0x8D][..]), (Version::V311, &[]), (Version::V31, &[])]
    {
        let start = Instant::now();
        let connection = Raw::connect(broker.port, silent(version));
        let rest = thread::spawn(|| connection.rest());
        while !rest.is_finished() {
            pinging.ping();
            thread::sleep(Duration::from_millis(100));
        }
        let waited = start.elapsed();
        assert_eq!(rest.join().expect("no panic there"), answer, "{version}");
        assert!((1.4..10.0).contains(&waited.as_secs_f64()), "{waited:?} in {version}");
    }
}

#[test]
fn a_client_that_comes_again_takes_over() {
    let broker = Broker::ours();
    let mut first = Raw::connect(broker.port, v5("lampu"));
    first.subscribe(topic_filter!("a"), QoS::AtLeastOnce);
    let mut second = Raw::connect(broker.port, Connect::new(Version::V311, "lampu"));
    assert_eq!(first.rest(), [0xE0, 0x01, 0x8E]);
    let mut other = Raw::connect(broker.port, v5("lain"));
    other.send(Publish::new(topic_name!("a"), b"x"));
    second.expect_silence(Duration::from_millis(200)); // the subscription was the first one's
    second.subscribe(topic_filter!("a"), QoS::AtMostOnce);
    other.send(Publish::new(topic_name!("a"), b"y"));
    second.expect_message("a", b"y");
    let _third = Raw::connect(broker.port, v5("lampu"));
    assert!(second.rest().is_empty());
}

#[test]
fn the_will_is_published_unless_the_client_says_goodbye() {
    let broker = Broker::ours();
    let mut phone = Raw::connect(broker.port, v5("telepon"));
    phone.subscribe(topic_filter!("wasiat"), QoS::AtLeastOnce);
    let will = |payload| Will { qos: QoS::AtLeastOnce, ..Will::new(topic_name!("wasiat"), payload) };
    let mut polite =
        Raw::connect(broker.port, Connect { will: Some((&will(b"tidak")).into()), ..v5("sopan") });
    polite.send(Disconnect::new(ReasonCode::SUCCESS));
    assert!(polite.rest().is_empty());
    drop(Raw::connect(broker.port, Connect { will: Some((&will(b"hilang")).into()), ..v5("hilang") }));
    phone.expect_message("wasiat", b"hilang");
    let mut asking =
        Raw::connect(broker.port, Connect { will: Some((&will(b"diminta")).into()), ..v5("minta") });
    asking.send(Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL_MESSAGE));
    phone.expect_message("wasiat", b"diminta");
    let broken = will(b"rusak");
    let old = Connect { will: Some((&broken).into()), ..Connect::new(Version::V31, "rusak") };
    Raw::connect(broker.port, old).send_bytes(&[0x00, 0x00]);
    phone.expect_message("wasiat", b"rusak");
}

#[test]
fn no_more_is_sent_than_the_client_wants_to_have_in_flight() {
    let broker = Broker::ours();
    let two = [Property::ReceiveMaximum(PacketId::MIN.next().into())];
    let mut phone = Raw::connect(broker.port, Connect { properties: Properties::new(&two), ..v5("telepon") });
    phone.subscribe(topic_filter!("a"), QoS::AtLeastOnce);
    let mut lamp = Raw::connect(broker.port, v5("lampu"));
    for n in 1..=4_u8 {
        let delivery = Delivery::AtLeastOnce(PacketId::MIN);
        lamp.send(Publish::new(topic_name!("a"), &[n]).with_delivery(delivery));
        lamp.expect(Packet::PubAck(Ack::new(PacketId::MIN)));
    }
    let first = phone.expect_message("a", &[1]).expect("QoS 1");
    let second = phone.expect_message("a", &[2]).expect("QoS 1");
    assert_ne!(first, second);
    phone.expect_silence(Duration::from_millis(200));
    phone.send(Packet::PubAck(Ack::new(second)));
    assert_eq!(phone.expect_message("a", &[3]), Some(second));
    phone.expect_silence(Duration::from_millis(200));
    phone.send(Packet::PubAck(Ack::new(first)));
    assert_eq!(phone.expect_message("a", &[4]), Some(first));
}

#[test]
fn who_does_not_acknowledge_for_long_loses_the_connection_and_nobody_else_does() {
    let broker = Broker::ours();
    let mut others = Others::new(broker.port);
    let mut slow = Raw::connect(broker.port, v5("lambat"));
    slow.subscribe(topic_filter!("a"), QoS::AtLeastOnce);
    let mut lamp = Raw::connect(broker.port, v5("lampu-2"));
    // 100 on their way, 1000 in the queue, and one too many.
    for _ in 0..1101 {
        lamp.send(Publish::new(topic_name!("a"), b"x").with_delivery(Delivery::AtLeastOnce(PacketId::MIN)));
        lamp.expect(Packet::PubAck(Ack::new(PacketId::MIN)));
    }
    assert!(slow.rest().ends_with(&[0xE0, 0x01, 0x97]));
    others.go_on();
}

#[test]
fn subscription_options_are_kept() {
    let broker = Broker::ours();
    let mut lamp = Raw::connect(broker.port, v5("lampu"));
    let message = |payload, retain| Publish { retain, ..Publish::new(topic_name!("a"), payload) };
    lamp.send(message(b"lama", true));
    lamp.ping();
    let mut phone = Raw::connect(broker.port, v5("telepon"));
    let default = SubscriptionOptions::default();
    let mut subscribe = |options, retained: bool| {
        let wanted = [Subscription::new(topic_filter!("a"), QoS::AtMostOnce).with_options(options)];
        phone.send(Subscribe::new(PacketId::MIN, &wanted));
        phone.expect(SubAck::new(PacketId::MIN, &[ReasonCode::SUCCESS]));
        if retained {
            phone.expect(message(b"lama", true));
        }
        // What the phone publishes itself comes back unless it is told not to; RETAIN stays if it is told so.
        phone.send(message(b"baru", false));
        if !options.no_local {
            phone.expect(message(b"baru", false));
        }
        lamp.send(message(b"lama", true));
        phone.expect(message(b"lama", options.retain_as_published));
    };
    let if_new = SubscriptionOptions { retain_handling: RetainHandling::SendIfNew, ..default };
    subscribe(if_new, true);
    subscribe(if_new, false);
    subscribe(default, true);
    subscribe(SubscriptionOptions { retain_handling: RetainHandling::DoNotSend, ..default }, false);
    subscribe(SubscriptionOptions { no_local: true, ..default }, true);
    subscribe(SubscriptionOptions { retain_as_published: true, ..default }, true);
}

#[test]
fn of_a_group_one_gets_the_message() {
    let broker = Broker::ours();
    let mut members = ["satu", "dua", "tiga"].map(|name| {
        let mut member = Raw::connect(broker.port, v5(name));
        member.subscribe(topic_filter!("$share/tukang/a"), QoS::AtMostOnce);
        member.subscribe(topic_filter!("selesai"), QoS::AtMostOnce);
        member
    });
    let mut lamp = Raw::connect(broker.port, v5("lampu"));
    lamp.send(Publish::new(topic_name!("a"), b"x"));
    lamp.send(Publish::new(topic_name!("selesai"), b""));
    let got = members.iter_mut().map(|member| member.messages_until("selesai")).sum::<usize>();
    assert_eq!(got, 1);
}

#[test]
fn unsubscribing_ends_the_messages() {
    let broker = Broker::ours();
    for version in Version::ALL {
        let mut phone =
            Raw::connect(broker.port, Connect { keep_alive: 0, ..Connect::new(version, "telepon") });
        phone.subscribe(topic_filter!("a"), QoS::AtMostOnce);
        phone.send(Unsubscribe::new(PacketId::MIN, &[topic_filter!("a"), topic_filter!("b")]));
        let codes = [ReasonCode::SUCCESS, ReasonCode::NO_SUBSCRIPTION_EXISTED];
        phone.expect(UnsubAck::new(PacketId::MIN, if version == Version::V5 { &codes } else { &[] }));
        phone.send(Publish::new(topic_name!("a"), b"x"));
        phone.ping();
    }
}
