//! `Connection` and `Buffer`: however a stream is read, it gives the same packets, and what one packet settles holds for
//! those behind it.
#![cfg(feature = "bytes")]

#[path = "common/bounds.rs"]
#[allow(dead_code, reason = "round_trip.rs walks through all of them")]
mod bounds;
#[path = "common/input.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod input;
#[path = "common/notation.rs"]
mod notation;
#[path = "common/strategy.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod strategy;
#[path = "common/tables.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod tables;

use std::num::NonZeroU32;

use bytes::BytesMut;
use input::{Input, config, frame, input, wire};
use mqtt_wire::{
    Buffer, ConnAck, Connect, Connection, DecodeError, DecodeOptions, Decoded, EncodeErrorKind,
    EncodeOptions, Frame, MAX_CONNECT_SIZE, MAX_PACKET_SIZE, Packet, PacketType, Properties, Property,
    Publish, ReasonCode, Rule, Sender, Tolerance, Version, decode, frame_len, topic_name,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use strategy::{Case, valid_of, valid_packet};

/// What one side sends on one connection.
fn sent_by(sender: Sender) -> impl Strategy<Value = Vec<Case>> {
    let first = if sender == Sender::Client { PacketType::Connect } else { PacketType::ConnAck };
    select(Version::ALL.to_vec()).prop_flat_map(move |version| {
        let first = valid_packet(first, version, sender);
        let more = vec(valid_of(version, sender), 0..6);
        (first, more).prop_map(|(first, more)| [vec![first], more].concat())
    })
}

/// A connection that takes what that side sends, of any size.
fn receiver(sender: Sender, version: Version) -> Connection {
    match sender {
        Sender::Client => Connection::server().with_max_connect_size(MAX_PACKET_SIZE),
        Sender::Server => Connection::client(version),
    }
}

/// What a program does that reads into a growing vector, so many bytes at once.
fn read_into_a_vector(connection: &mut Connection, stream: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (mut buffer, mut frames) = (Vec::new(), Vec::new());
    for chunk in stream.chunks(size) {
        buffer.extend_from_slice(chunk);
        while let Decoded::Packet { len, .. } = connection.decode(&buffer).expect("good packets") {
            frames.push(buffer.drain(..len).collect());
        }
    }
    assert!(buffer.is_empty());
    frames
}

/// What a program does that reads no more than is missing.
fn read_what_is_missing(connection: &mut Connection, stream: &[u8]) -> Vec<Vec<u8>> {
    let (mut buffer, mut frames, mut rest) = (Vec::new(), Vec::new(), stream);
    loop {
        match connection.decode(&buffer).expect("good packets") {
            Decoded::Packet { len, .. } => {
                assert_eq!(len, buffer.len(), "nothing of the next packet was read");
                frames.push(std::mem::take(&mut buffer));
            }
            Decoded::Incomplete { .. } if rest.is_empty() => break,
            Decoded::Incomplete { missing } => {
                let (now, later) = rest.split_at(missing);
                buffer.extend_from_slice(now);
                rest = later;
            }
        }
    }
    assert!(buffer.is_empty());
    frames
}

/// What a program does without an allocator: so much memory, and reads of so many bytes at most. (The frames are kept
/// for the test.)
fn read_into_memory(
    connection: &mut Connection,
    stream: &[u8],
    size: usize,
    memory: &mut [u8],
) -> Vec<Vec<u8>> {
    let mut buffer = Buffer::new(memory);
    let (mut frames, mut rest) = (Vec::new(), stream);
    loop {
        loop {
            let before = buffer.bytes().to_vec();
            let Some(packet) = buffer.next(connection).expect("good packets") else { break };
            let kind = packet.packet_type();
            let len = before.len() - buffer.bytes().len();
            assert_eq!(before[0] >> 4, kind.get());
            frames.push(before[..len].to_vec());
        }
        if rest.is_empty() {
            break;
        }
        let room = buffer.room();
        let len = room.len().min(size).min(rest.len());
        assert!(len > 0, "there is room for what is missing");
        let (now, later) = rest.split_at(len);
        room[..len].copy_from_slice(now);
        buffer.fill(len);
        rest = later;
    }
    assert!(buffer.bytes().is_empty());
    frames
}

fn cut_off_a_buffer(connection: &mut Connection, stream: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for chunk in stream.chunks(size) {
        buffer.extend_from_slice(chunk);
        while let Some(frame) = connection.split_from(&mut buffer).expect("good packets") {
            frames.push(frame.as_bytes().to_vec());
        }
    }
    assert!(buffer.is_empty());
    frames
}

proptest! {
    #![proptest_config(config(300))]

    /// Every way of reading gives the packets that were sent, and settles the same.
    #[test]
    fn every_read_loop_gives_the_same_packets(
        cases in prop_oneof![sent_by(Sender::Client), sent_by(Sender::Server)],
        size in 1..3000_usize,
        more in 0..40_usize,
    ) {
        let expected: Vec<Vec<u8>> = cases.iter().map(wire).collect();
        let stream = expected.concat();
        let new = || receiver(cases[0].sender, cases[0].version);
        let mut one = new();
        prop_assert_eq!(&read_into_a_vector(&mut one, &stream, size), &expected);
        prop_assert_eq!(one.version(), Some(cases[0].version));
        prop_assert!(!one.decode_options().first_packet());
        let mut two = new();
        prop_assert_eq!(&read_what_is_missing(&mut two, &stream), &expected);
        let longest = expected.iter().map(Vec::len).max().expect("a packet");
        let mut three = new();
        prop_assert_eq!(&read_into_memory(&mut three, &stream, size, &mut vec![0xA5; longest + more]), &expected);
        let mut four = new();
        prop_assert_eq!(&cut_off_a_buffer(&mut four, &stream, size), &expected);
        prop_assert_eq!([&one, &two, &three], [&four; 3]);
    }

    /// Each packet is decoded by what those before it have settled, and by nothing else: bad ones settle nothing, but
    /// that a CONNECT may have named the version.
    #[test]
    fn what_is_settled(
        inputs in vec(prop_oneof![2 => frame().boxed(), 1 => input().boxed(), 2 => first_frames().boxed()], 1..6),
        client: bool,
        first: bool,
        detect: bool,
        limit in prop_oneof![Just(MAX_PACKET_SIZE), 2..200_u32],
    ) {
        let sender = if client { Sender::Client } else { Sender::Server };
        let version = inputs[0].version;
        let options = if detect { DecodeOptions::detect() } else { DecodeOptions::new(version) };
        let mut model = options.with_sender(sender).with_first_packet(first).with_max_packet_size(limit);
        let mut encode = EncodeOptions::new(version);
        let mut connection = Connection::new(model, encode);
        for Input { bytes, .. } in &inputs {
            let expected = decode(bytes, model);
            prop_assert_eq!(connection.decode(bytes), expected);
            if let Ok(Decoded::Packet { packet, .. }) = expected {
                model = model.with_first_packet(false);
                let properties = match packet {
                    Packet::Connect(connect) => connect.properties,
                    Packet::ConnAck(connack) => connack.properties,
                    _ => Properties::EMPTY,
                };
                let most = properties.maximum_packet_size().map_or(u32::MAX, NonZeroU32::get);
                encode = encode.with_max_packet_size(encode.max_packet_size().min(most));
            }
            let named = match &expected {
                Ok(Decoded::Packet { packet: Packet::Connect(connect), .. }) => Some(connect.version),
                // The fixed header was let through, so the body is what was refused.
                Err(error) if mqtt_wire::FixedHeader::decode(bytes, model).is_ok() => {
                    prop_assert_ne!(error.rule(), Rule::PacketTooLarge);
                    Version::of_connect(bytes)
                }
                _ => None,
            };
            if let Some(named) = named.filter(|_| model.version().is_none()) {
                (model, encode) = (model.with_version(named), encode.with_version(named));
            }
            prop_assert_eq!((connection.decode_options(), connection.encode_options()), (model, encode));
        }
    }

    /// A frame that is cut off has the packet, or breaks the rule, that decoding finds, and settles the same.
    #[test]
    fn frames_settle_the_same(
        inputs in vec(prop_oneof![frame().boxed(), first_frames().boxed()], 1..6),
        client: bool,
        detect: bool,
    ) {
        let sender = if client { Sender::Client } else { Sender::Server };
        let version = inputs[0].version;
        let options = if detect { DecodeOptions::detect() } else { DecodeOptions::new(version) };
        let mut borrowed = Connection::new(options.with_sender(sender), EncodeOptions::new(version));
        let mut owned = borrowed.clone();
        for Input { bytes, .. } in &inputs {
            let mut stream = BytesMut::from(&bytes[..]);
            match (borrowed.decode(bytes), owned.split_from(&mut stream)) {
                (Ok(Decoded::Packet { packet, len }), Ok(Some(frame))) => {
                    prop_assert_eq!(frame.packet(), Ok(packet));
                    prop_assert_eq!(stream.len(), bytes.len() - len);
                }
                (Ok(Decoded::Incomplete { .. }), Ok(None)) => {}
                (Err(error), Ok(Some(frame))) => prop_assert_eq!(frame.packet(), Err(error)),
                (Err(error), Err(found)) => prop_assert_eq!(found, error),
                (expected, found) => prop_assert!(false, "{:?} {:?}", expected, found),
            }
            prop_assert_eq!(&borrowed, &owned);
        }
    }

    /// A buffer in memory that is too small refuses just what does not fit, and stays there; what is bad and whole it
    /// passes over.
    #[test]
    fn a_buffer_of_any_size(inputs in vec(frame(), 1..6), memory in 2..120_usize, size in 1..50_usize) {
        let options = DecodeOptions::new(inputs[0].version).with_sender(inputs[0].sender);
        let stream: Vec<u8> = inputs.iter().flat_map(|input| input.bytes.clone()).collect();
        agrees_with_decode(&stream, options, &mut vec![0; memory], size)?;
    }
}

/// Reads a stream into that memory, so many bytes at once, up to its end or to what cannot be followed.
fn agrees_with_decode(
    stream: &[u8],
    options: DecodeOptions,
    memory: &mut [u8],
    size: usize,
) -> Result<(), TestCaseError> {
    let version = options.version().expect("a version");
    let mut connection = Connection::new(options, EncodeOptions::new(version));
    let capacity = memory.len();
    let mut buffer = Buffer::new(memory);
    // What was taken, and what has come.
    let (mut at, mut given) = (0, 0);
    let stays = |buffer: &mut Buffer<'_>, connection: &mut Connection, error| {
        prop_assert_eq!(buffer.next(connection).map(|_| ()), Err(error), "it stays there");
        Ok(())
    };
    loop {
        let expected = decode(&stream[at..given], options);
        prop_assert_eq!(buffer.bytes(), &stream[at..given]);
        let found = buffer.next(&mut connection);
        match (expected, found) {
            (Ok(Decoded::Packet { packet, len }), Ok(Some(found))) => {
                prop_assert_eq!(found, packet);
                at += len;
            }
            (Ok(Decoded::Incomplete { missing }), Ok(None)) => {
                prop_assert!(given - at + missing <= capacity);
                if given == stream.len() {
                    return Ok(());
                }
                let room = buffer.room();
                prop_assert_eq!(room.len(), capacity - (given - at));
                let len = room.len().min(size).min(stream.len() - given);
                room[..len].copy_from_slice(&stream[given..given + len]);
                buffer.fill(len);
                given += len;
            }
            (Ok(Decoded::Incomplete { missing }), Err(error)) => {
                prop_assert!(given - at + missing > capacity);
                prop_assert_eq!((error.rule(), error.offset()), (Rule::PacketTooLarge, 1));
                prop_assert_eq!(error.packet_type(), PacketType::new(stream[at] >> 4));
                return stays(&mut buffer, &mut connection, error);
            }
            (Err(error), Err(found)) => {
                prop_assert_eq!(found, error);
                let Some(len) = frame_len(&stream[at..given]).filter(|len| at + len <= given) else {
                    return stays(&mut buffer, &mut connection, error);
                };
                at += len;
            }
            (expected, found) => prop_assert!(false, "{:?} {:?}", expected, found),
        }
    }
}

/// CONNECT and CONNACK, good and bad, of all versions.
fn first_frames() -> impl Strategy<Value = Input> {
    let kinds = select(vec![(PacketType::Connect, Sender::Client), (PacketType::ConnAck, Sender::Server)]);
    let case = (kinds, select(Version::ALL.to_vec()))
        .prop_flat_map(|((packet, sender), version)| valid_packet(packet, version, sender));
    (case, any::<Option<u8>>()).prop_map(|(case, last)| {
        let mut bytes = wire(&case);
        if let (Some(last), Some(byte)) = (last, bytes.last_mut()) {
            *byte = last;
        }
        Input { version: case.version, sender: case.sender, bytes }
    })
}

/// A CONNECT and a CONNACK of 5.0 that announce a Maximum Packet Size.
fn announcing(size: u32) -> (Vec<u8>, Vec<u8>) {
    let most = [Property::MaximumPacketSize(NonZeroU32::new(size).expect("not 0"))];
    let properties = Properties::new(&most);
    let (mut connect, mut connack) = (Vec::new(), Vec::new());
    let packet = Packet::from(Connect { properties, ..Connect::new(Version::V5, "a") });
    packet.encode(Version::V5, &mut connect).expect("a good packet");
    let packet = Packet::from(ConnAck { properties, ..ConnAck::new(ReasonCode::SUCCESS) });
    packet.encode(Version::V5, &mut connack).expect("a good packet");
    (connect, connack)
}

fn packet(bytes: &[u8]) -> Packet<'_> {
    decode(bytes, Version::V5).ok().and_then(Decoded::packet).expect("a good packet")
}

/// A PUBLISH of that size in 3.1.1 and 5.0.
fn publish_of(size: usize, version: Version) -> Vec<u8> {
    let mut payload = vec![0; size];
    loop {
        let publish = Packet::from(Publish::new(topic_name!("a"), &payload));
        let len = publish.encoded_len(version).expect("a good packet");
        if len <= size {
            assert_eq!(len, size);
            let mut out = Vec::new();
            publish.encode(version, &mut out).expect("a good packet");
            return out;
        }
        payload.truncate(payload.len() - (len - size));
    }
}

/// What each side has announced as its Maximum Packet Size is the largest that comes in and the largest that the other
/// lets out (`[MQTT-3.1.2-24]`, `[MQTT-3.2.2-15]`).
#[test]
fn announced_sizes_hold_in_both_directions() {
    let (client_takes, server_takes) = (300, 200);
    let (connect, connack) = (announcing(client_takes).0, announcing(server_takes).1);
    let (mut client, mut server) = (Connection::client(Version::V5), Connection::server());
    let mut wire = Vec::new();
    client.encode(&packet(&connect), &mut wire).expect("a good packet");
    assert!(matches!(server.decode(&wire), Ok(Decoded::Packet { packet: Packet::Connect(_), .. })));
    wire.clear();
    server.encode(&packet(&connack), &mut wire).expect("a good packet");
    assert!(matches!(client.decode(&wire), Ok(Decoded::Packet { packet: Packet::ConnAck(_), .. })));
    for (mut sender, mut receiver, most) in
        [(client.clone(), server.clone(), server_takes), (server, client, client_takes)]
    {
        for (size, fits) in [(most - 1, true), (most, true), (most + 1, false)] {
            let bytes = publish_of(size as usize, Version::V5);
            let written = sender.encode(&packet(&bytes), &mut Vec::new());
            let frame = Frame::new(bytes.clone().into(), Version::V5).expect("a frame");
            let frame = sender.encode_frame(&frame, &mut Vec::new());
            let read = receiver.decode(&bytes);
            let stream = receiver.split_from(&mut BytesMut::from(&bytes[..]));
            if fits {
                assert_eq!((written, frame), (Ok(size as usize), Ok(size as usize)));
                assert!(matches!(read, Ok(Decoded::Packet { .. })) && matches!(stream, Ok(Some(_))));
            } else {
                let too_large = EncodeErrorKind::TooLarge { size: size as usize, max: most as usize };
                assert_eq!(
                    [written, frame].map(|result| result.map_err(|error| error.kind())),
                    [Err(too_large); 2]
                );
                let refused = read.expect_err("too large");
                assert_eq!((refused.rule(), refused.offset()), (Rule::PacketTooLarge, 1));
                assert_eq!(stream.expect_err("too large"), refused);
            }
        }
    }
}

/// A limit of one's own stays where the announced one is larger.
#[test]
fn the_smaller_of_two_limits_holds() {
    let (connect, connack) = announcing(300);
    for (own, expected) in [(100, 100), (300, 300), (500, 300)] {
        let mut client = Connection::new(
            DecodeOptions::new(Version::V5).with_max_packet_size(own),
            EncodeOptions::new(Version::V5).with_max_packet_size(own),
        );
        client.encode(&packet(&connect), &mut Vec::new()).expect("a good packet");
        client.decode(&connack).expect("a good packet");
        assert_eq!(client.decode_options().max_packet_size(), expected);
        assert_eq!(client.encode_options().max_packet_size(), expected);
    }
}

/// Of whom nothing is known gets little memory, until the server has accepted the connection.
#[test]
fn a_server_takes_little_before_it_has_accepted() {
    const OWN: u32 = 1 << 20;
    let refusal = |size: u32, connection: &mut Connection, first: u8| -> Result<(), DecodeError> {
        let header = [&[first][..], &notation::variable(size as usize - 4)].concat();
        assert_eq!(frame_len(&header), Some(size as usize));
        connection.decode(&header).map(|found| assert!(matches!(found, Decoded::Incomplete { .. })))
    };
    let mut server = Connection::server().with_max_packet_size(OWN);
    assert_eq!(MAX_CONNECT_SIZE, 65_536);
    assert_eq!(refusal(65_536, &mut server, 0x10), Ok(()));
    let too_large = refusal(65_537, &mut server, 0x10).expect_err("of nobody");
    assert_eq!((too_large.rule(), too_large.offset()), (Rule::PacketTooLarge, 1));
    let (connect, _) = announcing(1_000);
    assert!(matches!(server.decode(&connect), Ok(Decoded::Packet { .. })));
    // The CONNECT alone proves nothing, a refusal less.
    assert_eq!(refusal(65_537, &mut server, 0x30).map_err(|error| error.rule()), Err(Rule::PacketTooLarge));
    server.encode(&ConnAck::new(ReasonCode::NOT_AUTHORIZED).into(), &mut Vec::new()).expect("a good packet");
    assert_eq!(refusal(65_537, &mut server, 0x30).map_err(|error| error.rule()), Err(Rule::PacketTooLarge));
    // An answer that could not be written accepts nobody.
    server.encode(&ConnAck::new(ReasonCode::SUCCESS).into(), &mut [0; 2]).expect_err("no room");
    assert_eq!(refusal(65_537, &mut server, 0x30).map_err(|error| error.rule()), Err(Rule::PacketTooLarge));
    let accepting = [
        |server: &mut Connection| server.encode(&ConnAck::new(ReasonCode::SUCCESS).into(), &mut Vec::new()),
        |server: &mut Connection| {
            let connack = Frame::encode(&ConnAck::new(ReasonCode::SUCCESS).into(), Version::V5);
            server.encode_frame(&connack.expect("a good packet"), &mut Vec::new())
        },
    ];
    for accept in accepting {
        let mut server = server.clone();
        accept(&mut server).expect("a good packet");
        assert_eq!(refusal(OWN, &mut server, 0x30), Ok(()));
        assert_eq!(
            refusal(OWN + 1, &mut server, 0x30).map_err(|error| error.rule()),
            Err(Rule::PacketTooLarge)
        );
    }
    // What is announced in the CONNACK holds where it is less.
    let (_, connack) = announcing(100_000);
    server.encode(&packet(&connack), &mut Vec::new()).expect("a good packet");
    assert_eq!(server.decode_options().max_packet_size(), 100_000);
}

/// Only what cannot come first is refused for that; a bad CONNECT can still be answered in its version.
#[test]
fn the_first_packet() {
    let mut server = Connection::server();
    for first in [&[0xC0, 0][..], &[0x30], &[0x20, 2, 0, 0], &[0xF0, 0]] {
        let refused = server.decode(first).expect_err("no CONNECT");
        assert_eq!((refused.rule(), refused.offset()), (Rule::UnexpectedPacket, 0), "{first:02X?}");
    }
    assert_eq!((server.version(), server.decode_options().first_packet()), (None, true));
    // Reserved flag.
    let bad = notation::bytes("10 ('MQTT' 04 03 003C 'a')");
    let by_frames = {
        let mut server = server.clone();
        let frame = server.split_from(&mut BytesMut::from(&bad[..])).expect("a frame").expect("a whole one");
        assert!(frame.packet().is_err());
        server
    };
    assert_eq!(server.decode(&bad).map_err(|error| error.rule()), Err(Rule::ConnectReservedFlag));
    for mut server in [server, by_frames] {
        assert_eq!(server.version(), Some(Version::V311));
        let mut out = Vec::new();
        server.encode(&ConnAck::new(ReasonCode::NOT_AUTHORIZED).into(), &mut out).expect("a good packet");
        assert_eq!(out, [0x20, 2, 0, 5]);
    }
    let mut client = Connection::client(Version::V5);
    for first in [&[0xD0, 0][..], &[0x30], &[0x40, 2, 0, 1]] {
        assert_eq!(
            client.decode(first).map_err(|error| error.rule()),
            Err(Rule::UnexpectedPacket),
            "{first:02X?}"
        );
    }
    let auth = notation::bytes("F0 (18 (15 'm'))");
    assert!(matches!(client.decode(&auth), Ok(Decoded::Packet { .. })));
    assert!(matches!(client.decode(&[0xD0, 0]), Ok(Decoded::Packet { packet: Packet::PingResp, .. })));
    assert!(client.decode_options().tolerates(Tolerance::RefusalByOlderServer));
}

/// Flags that 3.1 alone takes, in a CONNECT that is too short for 3.1 and names 3.1.1: refused for its first byte before
/// it is there as a whole, and again.
#[test]
fn what_is_refused_for_its_first_byte_settles_no_version() {
    let connect = notation::bytes("1b 08 'MQTT' 04 02 40 00");
    let mut memory = [0; 64];
    let mut buffer = Buffer::new(&mut memory);
    let mut connection = Connection::server();
    buffer.room()[..9].copy_from_slice(&connect[..9]);
    buffer.fill(9);
    let error = buffer.next(&mut connection).expect_err("flags");
    assert_eq!((error.rule(), error.offset()), (Rule::ReservedFlags, 0));
    assert_eq!(buffer.next(&mut connection), Err(error));
    assert_eq!(connection, Connection::server());
    // What is refused for its body names the version by which it can be answered.
    let connect = notation::bytes("10 0c 'MQTT' 04 03 003c 0000");
    assert!(connection.decode(&connect).is_err());
    assert_eq!(connection.version(), Some(Version::V311));
}
