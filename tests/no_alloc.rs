//! Decoding, looking at every field, encoding into a slice and matching topics allocate nothing, whether the
//! packet is good or bad.

#[path = "common/captures.rs"]
#[allow(dead_code, reason = "the dissector's reading is compared in captures.rs")]
mod captures;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/notation.rs"]
mod notation;

use std::hint::black_box;

use mqtt_wire::{
    Buffer, ConnAck, Connection, DecodeOptions, Decoded, DecodedHead, FixedHeader, Packet, Properties,
    Property, Publish, ReasonCode, Sender, Tolerance, TopicFilter, TopicName, Version, WillRef, decode,
    decode_publish_head, frame_len,
};

/// Runs it and says how many allocations it made.
fn allocations(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(vec![1]))), 1);
    assert_eq!(allocations(|| drop(black_box(Vec::<u8>::new()))), 0);
}

/// Every byte string that is looked at: the good frames of the table and the captures, each also cut short and
/// with one bit of its body turned.
fn inputs() -> Vec<(String, DecodeOptions, Version, Vec<u8>)> {
    let mut all = Vec::new();
    for good in frames::good() {
        all.push((good.name, good.version, good.sender, good.bytes));
    }
    for capture in captures::all() {
        let packets = capture.packets.into_iter();
        all.extend(packets.map(|packet| (packet.name, packet.version, Some(packet.sender), packet.bytes)));
    }
    let options = |version, sender: Option<Sender>| {
        let options = DecodeOptions::new(version)
            .with_tolerance(Tolerance::BridgeProtocolLevel)
            .with_payload_check(true);
        sender.map_or(options, |sender| options.with_sender(sender))
    };
    all.into_iter()
        .map(|(name, version, sender, bytes)| (name, options(version, sender), version, bytes))
        .collect()
}

#[test]
fn good_and_bad_packets() {
    let mut out = vec![0; 1 << 22];
    let (mut good, mut bad) = (0, 0);
    for (name, options, version, mut bytes) in inputs() {
        let mut look = |bytes: &[u8]| {
            let mut seen = Seen::Incomplete;
            let count = allocations(|| seen = use_everything(bytes, options, version, &mut out));
            assert_eq!(count, 0, "{name} {version} {bytes:02X?}");
            match seen {
                Seen::Good => good += 1,
                Seen::Bad => bad += 1,
                Seen::Incomplete => {}
            }
        };
        look(&bytes);
        look(&bytes[..bytes.len() / 2]);
        let last = bytes.len() - 1;
        for at in [2.min(last), 4.min(last), last / 2, last] {
            bytes[at] ^= 0x80;
            look(&bytes);
            bytes[at] ^= 0x80;
        }
    }
    assert!(good > 5_000 && bad > 5_000, "{good} good packets and {bad} bad ones");
}

enum Seen {
    Good,
    Bad,
    Incomplete,
}

/// Decodes a packet, looks at all of it and encodes it; or looks at all of an error.
fn use_everything(bytes: &[u8], options: DecodeOptions, version: Version, out: &mut [u8]) -> Seen {
    black_box(FixedHeader::decode(bytes, options)).ok();
    match decode(bytes, options) {
        Ok(Decoded::Packet { packet, .. }) => {
            look_at(&packet);
            let encoded = packet.encode(version, out);
            assert!(encoded.is_err() || encoded == packet.encoded_len(version));
            black_box(packet.encode(version, &mut out[..1])).ok();
            Seen::Good
        }
        Ok(Decoded::Incomplete { missing }) => {
            black_box(missing);
            Seen::Incomplete
        }
        Err(error) => {
            black_box((
                error.rule(),
                error.offset(),
                error.reason_code(),
                error.requirement(),
                frame_len(bytes),
            ));
            Seen::Bad
        }
    }
}

fn look_at(packet: &Packet<'_>) {
    black_box(*packet == black_box(*packet));
    match packet {
        Packet::Connect(connect) => {
            look_at_properties(connect.properties);
            if let Some(will) = connect.will.map(WillRef::get) {
                look_at_properties(will.properties);
                black_box(will.topic.as_str());
            }
        }
        Packet::ConnAck(connack) => look_at_properties(connack.properties),
        Packet::Publish(publish) => {
            look_at_properties(publish.properties);
            let all = TopicFilter::new("+/#").expect("a filter");
            black_box(publish.topic.map(|topic| (all.matches(topic), topic.levels().count())));
        }
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            look_at_properties(ack.properties);
        }
        Packet::Subscribe(subscribe) => {
            look_at_properties(subscribe.properties);
            for one in subscribe.subscriptions {
                black_box((one.filter.share_name(), one.filter.levels().count()));
            }
        }
        Packet::SubAck(suback) => {
            look_at_properties(suback.properties);
            black_box(suback.reason_codes.iter().filter_map(mqtt_wire::ReasonCode::name).count());
        }
        Packet::Unsubscribe(unsubscribe) => {
            look_at_properties(unsubscribe.properties);
            black_box(unsubscribe.filters.iter().map(|filter| filter.levels().count()).sum::<usize>());
        }
        Packet::UnsubAck(unsuback) => {
            look_at_properties(unsuback.properties);
            black_box(unsuback.reason_codes.len());
        }
        Packet::PingReq | Packet::PingResp => {}
        Packet::Disconnect(disconnect) => look_at_properties(disconnect.properties),
        Packet::Auth(auth) => look_at_properties(auth.properties),
    }
}

fn look_at_properties(properties: Properties<'_>) {
    for property in properties {
        black_box(property.id().name());
    }
    for (name, value) in properties.user_properties() {
        black_box((name, value));
    }
    black_box(properties.subscription_identifiers().count());
    black_box((properties.topic_alias(), properties.reason_string(), properties.ids().iter().count()));
    for id in properties.ids().iter() {
        black_box(properties.without(id).as_properties() == properties);
    }
}

#[test]
fn forwarding_with_other_properties() {
    let wire = notation::bytes("34 ('a' 0001 (23 0001 26 'k' 'v' 02 00000010 26 'k' 'w') 6869)");
    let added = [Property::MessageExpiryInterval(7), Property::UserProperty(("via", "broker"))];
    let mut out = [0; 128];
    let mut len = 0;
    let count = allocations(|| {
        let Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) = decode(&wire, Version::V5) else {
            panic!("a PUBLISH")
        };
        let without = mqtt_wire::PropertyId::TopicAlias | mqtt_wire::PropertyId::MessageExpiryInterval;
        let edits = publish.properties.edit(without, &added);
        let forwarded = Packet::from(Publish { properties: edits.as_properties(), ..publish });
        len = forwarded.encode(Version::V5, &mut out).expect("a good packet");
    });
    assert_eq!(count, 0);
    let expected =
        notation::bytes("34 ('a' 0001 (26 'k' 'v' 26 'k' 'w' 02 00000007 26 'via' 'broker') 6869)");
    assert_eq!(out[..len], expected);
}

/// A program's life without an allocator: a connection over a fixed memory, answers into a slice, a message sent again.
#[test]
fn a_connection() {
    let text = "10 ('MQTT' 05 06 003C (27 00001000) 'a' (18 00000005 03 'c') 'w' 'gone')
        30 ('a' (23 0001 26 'k' 'v') 6869) 34 ('b/c' 0007 (02 00000009) 6869) C0 00 E0 (FF)";
    let stream = notation::bytes(text);
    let (mut memory, mut out) = ([0; 256], [0; 256]);
    let (mut packets, mut errors) = (0, 0);
    for size in [1, 7, stream.len()] {
        let mut server = Connection::server();
        let count = allocations(|| {
            let mut buffer = Buffer::new(&mut memory);
            let mut rest = &stream[..];
            loop {
                loop {
                    match buffer.next(&mut server) {
                        Ok(Some(packet)) => {
                            look_at(&packet);
                            packets += 1;
                            if let Packet::Publish(publish) = packet {
                                send_again(publish, &mut out);
                            }
                        }
                        Ok(None) => break,
                        Err(error) => {
                            black_box((error.rule(), error.reason_code(), error.requirement()));
                            errors += 1;
                        }
                    }
                    let connack = ConnAck::new(ReasonCode::SUCCESS);
                    server.encode(&connack.into(), &mut out).expect("a good packet");
                    black_box(server.encode(&connack.into(), &mut out[..1])).expect_err("no room");
                }
                if rest.is_empty() {
                    break;
                }
                let room = buffer.room();
                let len = room.len().min(size).min(rest.len());
                let (now, later) = rest.split_at(len);
                room[..len].copy_from_slice(now);
                buffer.fill(len);
                rest = later;
            }
        });
        assert_eq!((count, server.version()), (0, Some(Version::V5)));
    }
    assert_eq!((packets, errors), (3 * 4, 3));
}

/// By its name, by its head, with other properties upon others.
fn send_again(publish: Publish<'_>, out: &mut [u8]) {
    let again = publish.to_resend(mqtt_wire::topic_name!("a/b"));
    let added = [Property::UserProperty(("via", "x"))];
    let once = publish.properties.forwarded();
    let twice = once.as_properties().edit(mqtt_wire::PropertyId::MessageExpiryInterval, &added);
    look_at_properties(twice.as_properties());
    let other = publish.edited(twice);
    for message in [again.as_ref().map(mqtt_wire::EditedPublish::as_publish), Some(other.as_publish())] {
        let Some(message) = message else { continue };
        let message = Publish { topic: message.topic.or(Some(mqtt_wire::topic_name!("a"))), ..message };
        let len = Packet::from(message).encode(Version::V5, out).expect("a good packet");
        let head = message.encode_head(Version::V5, out).expect("a good packet");
        assert_eq!(len, head + message.payload.len());
        let found = decode_publish_head(&out[..head], Version::V5);
        let Ok(DecodedHead::Publish { head, .. }) = found else { panic!("a PUBLISH") };
        assert_eq!(head.with_payload(message.payload), message);
    }
}

#[test]
fn topics() {
    let deep = vec!["+"; 1000].join("/");
    let name = vec!["level"; 1000].join("/");
    let count = allocations(|| {
        for filter in ["#", "+/#", "sport/+/player1", "$share/g/sport/#", deep.as_str()] {
            let filter = TopicFilter::new(filter).expect("a filter");
            for name in ["sport/tennis/player1", "/", "$SYS/x", name.as_str()] {
                let name = TopicName::new(name).expect("a name");
                black_box((filter.matches(name), filter.covers(filter), filter.intersects(filter)));
            }
        }
        for wrong in ["", "a#", "+a", "$share/g", "a\0"] {
            black_box((TopicFilter::new(wrong), TopicName::new(wrong))).0.expect_err("a bad filter");
        }
    });
    assert_eq!(count, 0);
}
