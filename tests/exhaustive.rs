//! Small spaces searched in full, each against rules typed off the standards on their own. In a debug build the
//! largest spaces are thinned out; `cargo test --release --test exhaustive` takes them whole.

#![cfg(feature = "alloc")]

#[path = "common/notation.rs"]
mod notation;
#[path = "common/tables.rs"]
mod tables;

use mqtt_wire::{
    Ack, Auth, ConnAck, DecodeOptions, Decoded, Disconnect, FixedHeader, Packet, PacketId, PacketType,
    Properties, Property, ReasonCode, Sender, SubAck, Tolerance, UnsubAck, Version, decode,
};
use notation::{bytes, frame, string};
use tables::{Place, PropertyRow, Type, may_carry, may_send};

const SENDERS: [Option<Sender>; 3] = [None, Some(Sender::Client), Some(Sender::Server)];

fn options(version: Version, sender: Option<Sender>) -> DecodeOptions {
    let options = DecodeOptions::new(version);
    sender.map_or(options, |sender| options.sender(sender))
}

/// Every version with every sender and with none.
fn each(mut run: impl FnMut(Version, Option<Sender>, DecodeOptions)) {
    for version in Version::ALL {
        for sender in SENDERS {
            run(version, sender, options(version, sender));
        }
    }
}

/// All bytes in a release build; in a debug build those around which something changes.
fn many_bytes() -> Vec<u8> {
    if cfg!(debug_assertions) {
        vec![
            0, 1, 2, 3, 4, 5, 6, 0x10, 0x19, 0x61, 0x7E, 0x7F, 0x80, 0x81, 0x8C, 0x92, 0x9B, 0xA2, 0xFE, 0xFF,
        ]
    } else {
        (0..=u8::MAX).collect()
    }
}

/// All bytes in a release build; in a debug build a few of those.
fn few_bytes() -> Vec<u8> {
    let few = |byte: &u8| !cfg!(debug_assertions) || matches!(byte, 0 | 1 | 0x61 | 0x7F | 0x80 | 0xFF);
    many_bytes().into_iter().filter(few).collect()
}

fn accepted(bytes: &[u8], options: DecodeOptions) -> bool {
    match decode(bytes, options) {
        Ok(Decoded::Packet { packet, len }) => {
            assert_eq!(len, bytes.len(), "{bytes:02X?}");
            written_again(&packet, options);
            true
        }
        Ok(incomplete) => panic!("{bytes:02X?}: {incomplete:?}"),
        Err(error) => {
            assert_eq!(error.frame_len(), Some(bytes.len()), "{bytes:02X?}: {error}");
            false
        }
    }
}

/// What was decoded is written, and is then the same packet.
fn written_again(packet: &Packet<'_>, options: DecodeOptions) {
    let version = options.fixed_version().expect("a version");
    let mut out = [0; 64];
    let len = packet.encode(version, &mut out).unwrap_or_else(|error| panic!("{packet:?}: {error}"));
    assert_eq!(decode(&out[..len], options), Ok(Decoded::Packet { packet: *packet, len }));
}

/// The type and flags of a first byte, by Table 2.1 and 2.2 of 3.1.1, 2-1 and 2-2 of 5.0.
fn first_byte_is_good(first: u8, version: Version, sender: Option<Sender>) -> bool {
    let Some(packet) = PacketType::from_number(first >> 4) else { return false };
    let flags = first & 0x0F;
    let flags_are_good = match packet {
        PacketType::Publish => flags & 0b0110 != 0b0110 && flags & 0b1110 != 0b1000,
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => {
            flags == 0b0010 || (version == Version::V31 && flags == 0b1010)
        }
        _ => flags == 0,
    };
    let anyone = [Sender::Client, Sender::Server];
    let senders = sender.as_ref().map_or(&anyone[..], std::slice::from_ref);
    flags_are_good && senders.iter().any(|sender| may_send(packet, version, *sender))
}

#[test]
fn first_bytes() {
    each(|version, sender, options| {
        for first in 0..=u8::MAX {
            let expected = first_byte_is_good(first, version, sender);
            let input = [first];
            let found = decode(&input, options);
            assert_eq!(found.is_ok(), expected, "{first:02X} {version} {sender:?}: {found:?}");
            match found {
                Ok(found) => assert_eq!(found, Decoded::Incomplete { missing: 1 }),
                Err(error) => assert_eq!((error.offset(), error.frame_len()), (0, None)),
            }
        }
    });
}

/// Whether a frame with a body of up to two bytes is a packet.
fn short_frame_is_good(first: u8, body: &[u8], version: Version, sender: Option<Sender>) -> bool {
    let v5 = version == Version::V5;
    let packet = PacketType::from_number(first >> 4);
    let carries = |code| packet.is_some_and(|packet| may_carry(packet, code, version, sender));
    let body_is_good = match (packet, body) {
        (Some(PacketType::PingReq | PacketType::PingResp), []) => true,
        (Some(PacketType::Disconnect), []) => !v5 || carries(0),
        (Some(PacketType::Disconnect), [code] | [code, 0]) => v5 && carries(*code),
        (Some(PacketType::Auth), []) => carries(0),
        (Some(PacketType::ConnAck), [flags, code]) => match version {
            Version::V31 => *code <= 5,
            Version::V311 => *code <= 5 && (*flags == 0 || (*flags == 1 && *code == 0)),
            Version::V5 => false,
        },
        (
            Some(PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp),
            [high, low],
        ) => (*high, *low) != (0, 0),
        (Some(PacketType::UnsubAck), [high, low]) => !v5 && (*high, *low) != (0, 0),
        _ => false,
    };
    first_byte_is_good(first, version, sender) && body_is_good
}

#[test]
fn frames_of_up_to_four_bytes() {
    let many = many_bytes();
    each(|version, sender, options| {
        for first in 0..=u8::MAX {
            let check = |body: &[u8]| {
                let expected = short_frame_is_good(first, body, version, sender);
                let found = accepted(&frame(first, body), options);
                assert_eq!(found, expected, "{first:02X} {body:02X?} {version} {sender:?}");
            };
            check(&[]);
            (0..=u8::MAX).for_each(|one| check(&[one]));
            for one in &many {
                for two in &many {
                    check(&[*one, *two]);
                }
            }
        }
    });
}

/// Three bytes, whatever they are: a packet exactly where the rules see one at their start, incomplete exactly
/// where the fixed header says so.
#[test]
fn inputs_of_up_to_three_bytes() {
    let many = many_bytes();
    each(|version, sender, options| {
        for first in 0..=u8::MAX {
            let good = first_byte_is_good(first, version, sender);
            for one in 0..=u8::MAX {
                for two in &many {
                    let input = [first, one, *two];
                    let shortest = version == Version::V5 && one >= 0x80 && *two == 0;
                    let body: Option<&[u8]> = match (one, *two) {
                        (0, _) | (0x80, 0) => Some(&[]),
                        (1, _) => Some(&input[2..]),
                        _ => None,
                    };
                    let found = decode(&input, options);
                    let expected = match body {
                        _ if !good || shortest => "refused",
                        Some(body) if short_frame_is_good(first, body, version, sender) => "packet",
                        Some(_) => "refused",
                        None => "incomplete",
                    };
                    let seen = match found {
                        Ok(Decoded::Packet { .. }) => "packet",
                        Ok(Decoded::Incomplete { .. }) => "incomplete",
                        Err(_) => "refused",
                    };
                    assert_eq!(seen, expected, "{input:02X?} {version} {sender:?}: {found:?}");
                }
            }
        }
    });
}

/// A variable byte integer by the text: its value and length, `None` when it goes on, an error when it is too
/// long or, where that matters, not in its shortest form.
fn naive_variable(bytes: &[u8], shortest: bool) -> Result<Option<(u32, usize)>, ()> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(4).enumerate() {
        value += u32::from(byte % 128) * 128_u32.pow(u32::try_from(place).expect("small"));
        if *byte < 128 {
            return if shortest && *byte == 0 && place > 0 { Err(()) } else { Ok(Some((value, place + 1))) };
        }
    }
    if bytes.len() >= 4 { Err(()) } else { Ok(None) }
}

fn lengths(third: &[u8], fourth: &[u8]) {
    for version in [Version::V311, Version::V5] {
        let options = DecodeOptions::new(version);
        let shortest = version == Version::V5;
        for first_two in 0..=u16::MAX {
            let [one, two] = first_two.to_be_bytes();
            for three in third {
                for four in fourth {
                    let header = [0x30, one, two, *three, *four];
                    let found = FixedHeader::decode(&header, options);
                    match naive_variable(&header[1..], shortest) {
                        Ok(Some((value, len))) => {
                            let found = found.expect("a good header").expect("a whole header");
                            assert_eq!(
                                (found.remaining_length(), found.len()),
                                (value, len + 1),
                                "{header:02X?}"
                            );
                        }
                        Ok(None) => unreachable!(),
                        Err(()) => assert!(found.is_err(), "{header:02X?} {version}"),
                    }
                }
            }
        }
    }
}

#[test]
fn remaining_lengths() {
    lengths(&[0, 1, 0x7F, 0x80, 0xFF], &[0, 0x7F, 0x80, 0xFF]);
    for cut in 1..=4 {
        let goes_on = [0x30, 0x80, 0xFF, 0x80];
        let found = FixedHeader::decode(&goes_on[..cut], Version::V5);
        assert_eq!(found, Ok(None));
        assert_eq!(naive_variable(&goes_on[1..cut], true), Ok(None));
    }
}

/// All 2^32, in both versions.
#[test]
#[ignore = "takes minutes: cargo test --release --test exhaustive -- --ignored"]
fn all_remaining_lengths() {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    lengths(&all, &all);
}

/// A frame of that place with a property block.
fn with_block(place: Place, block: &[u8]) -> Vec<u8> {
    let block = [notation::variable(block.len()), block.to_vec()].concat();
    let around = |first, before: &str, after: &str| {
        frame(first, &[bytes(before), block.clone(), bytes(after)].concat())
    };
    match place {
        Place::Will => around(0x10, "'MQTT' 05 06 003C () 'a'", "'w' ''"),
        Place::In(PacketType::Connect) => around(0x10, "'MQTT' 05 02 003C", "'a'"),
        Place::In(PacketType::ConnAck) => around(0x20, "00 00", ""),
        Place::In(PacketType::Publish) => around(0x30, "'a'", ""),
        Place::In(PacketType::PubAck) => around(0x40, "0001 00", ""),
        Place::In(PacketType::PubRec) => around(0x50, "0001 00", ""),
        Place::In(PacketType::PubRel) => around(0x62, "0001 00", ""),
        Place::In(PacketType::PubComp) => around(0x70, "0001 00", ""),
        Place::In(PacketType::Subscribe) => around(0x82, "0001", "'a' 00"),
        Place::In(PacketType::SubAck) => around(0x90, "0001", "00"),
        Place::In(PacketType::Unsubscribe) => around(0xA2, "0001", "'a'"),
        Place::In(PacketType::UnsubAck) => around(0xB0, "0001", "00"),
        Place::In(PacketType::Disconnect) => around(0xE0, "00", ""),
        Place::In(PacketType::Auth) => around(0xF0, "18", ""),
        Place::In(PacketType::PingReq | PacketType::PingResp) => unreachable!("no properties"),
    }
}

/// The sixteen places less PINGREQ and PINGRESP, and the will.
fn places() -> impl Iterator<Item = Place> {
    let has_none = |packet: &PacketType| matches!(packet, PacketType::PingReq | PacketType::PingResp);
    let packets = PacketType::ALL.into_iter().filter(move |packet| !has_none(packet));
    packets.map(Place::In).chain([Place::Will])
}

/// What is left behind a value of that type; `None` when there is no good one.
fn naive_value(r#type: Type, i: &[u8]) -> Option<&[u8]> {
    let text = |i: &[u8]| -> Option<(usize, String)> {
        let length = usize::from(u16::from_be_bytes([*i.first()?, *i.get(1)?]));
        let text = std::str::from_utf8(i.get(2..2 + length)?).ok()?;
        (!text.contains('\0')).then(|| (2 + length, text.to_owned()))
    };
    let used = match r#type {
        Type::Flag => (*i.first()? <= 1).then_some(1)?,
        Type::U16 => 2,
        Type::NonZeroU16 => (i.get(..2)? != [0; 2]).then_some(2)?,
        Type::U32 => 4,
        Type::NonZeroU32 => (i.get(..4)? != [0; 4]).then_some(4)?,
        Type::Variable => naive_variable(i, true).ok().flatten().filter(|(value, _)| *value != 0)?.1,
        Type::Text => text(i)?.0,
        Type::Topic => text(i).filter(|(_, text)| !text.is_empty() && !text.contains(['+', '#']))?.0,
        Type::Binary => 2 + usize::from(u16::from_be_bytes([*i.first()?, *i.get(1)?])),
        Type::Pair => {
            let (name, _) = text(i)?;
            name + text(&i[name..])?.0
        }
    };
    i.get(used..)
}

/// Whether a block may stand there: table 2-4, and the two rules about Authentication Method.
fn naive_block(place: Place, mut i: &[u8], sender: Option<Sender>) -> bool {
    let mut seen = Vec::new();
    while let Some((id, rest)) = i.split_first() {
        let Some(row) = PropertyRow::of(*id) else { return false };
        if !row.allowed(place, sender) || (seen.contains(id) && !row.repeats(place)) {
            return false;
        }
        seen.push(*id);
        let Some(rest) = naive_value(row.r#type, rest) else { return false };
        i = rest;
    }
    match place {
        Place::In(PacketType::Auth) => seen.contains(&21),
        Place::In(PacketType::Connect) => !seen.contains(&22) || seen.contains(&21),
        _ => true,
    }
}

fn check_block(place: Place, block: &[u8], sender: Option<Sender>) {
    let frame = with_block(place, block);
    let packet = PacketType::from_number(frame[0] >> 4).expect("a type");
    let may_send = sender.is_none_or(|sender| may_send(packet, Version::V5, sender));
    let may_carry = match place {
        Place::In(PacketType::Auth) => may_carry(packet, 0x18, Version::V5, sender),
        _ => true,
    };
    let expected = may_send && may_carry && naive_block(place, block, sender);
    let found = decode(&frame, options(Version::V5, sender));
    assert_eq!(found.is_ok(), expected, "{place:?} {block:02X?} {sender:?}: {found:?}");
}

/// Values of every type, good and bad, and bytes that are no value.
const VALUES: &[&[u8]] = &[
    &[],
    &[0],
    &[1],
    &[2],
    &[0x7F],
    &[0x80],
    &[0xFF],
    &[0, 0],
    &[0, 1],
    &[1, 0],
    &[0xFF, 0xFF],
    &[0x80, 0x00],
    &[0x80, 0x01],
    &[0xFF, 0x7F],
    &[0x80, 0x80, 0x01],
    &[0xFF, 0xFF, 0xFF, 0x7F],
    &[0xFF, 0xFF, 0xFF, 0xFF],
    &[0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    &[0, 0, 0],
    &[0, 0, 0, 0],
    &[0, 0, 0, 1],
    &[0, 1, b'a'],
    &[0, 1, b'+'],
    &[0, 1, b'#'],
    &[0, 1, 0],
    &[0, 1, 0xFF],
    &[0, 2, 0xC3, 0xA9],
    &[0, 2, 0xC3],
    &[0, 2, b'a'],
    &[0, 1, b'k', 0, 1, b'v'],
    &[0, 1, b'k', 0, 1, 0],
    &[0, 1, b'k', 0, 1],
    &[0, 0, 0, 0, 1],
    &[0, 0, 0, 1, b'v'],
];

#[test]
fn property_identifiers_in_all_places() {
    for place in places() {
        for id in 0..=u8::MAX {
            for value in VALUES {
                for sender in SENDERS {
                    let block = [&[id], *value].concat();
                    check_block(place, &block, sender);
                    // Again, for those that may not stand twice.
                    check_block(place, &[&block[..], &block].concat(), sender);
                    // With the method that AUTH needs and that data needs.
                    check_block(place, &[&block, &bytes("15 'm'")[..]].concat(), sender);
                }
            }
        }
    }
}

#[test]
fn property_values_of_up_to_two_bytes() {
    let many = few_bytes();
    for place in places() {
        for id in 0..=u8::MAX {
            for one in 0..=u8::MAX {
                check_block(place, &[id, one], None);
                if PropertyRow::of(id).is_some() {
                    for two in &many {
                        check_block(place, &[id, one, *two], None);
                    }
                }
            }
        }
    }
}

/// A frame that carries the code, and the packet it is.
fn with_code(packet: PacketType, version: Version, code: u8) -> Option<(Vec<u8>, Packet<'static>)> {
    const METHOD: &[Property<'_>] = &[Property::AuthenticationMethod("m")];
    let v5 = version == Version::V5;
    let reason = ReasonCode::new(code);
    let id = PacketId::MIN;
    let codes: &'static [ReasonCode] = Vec::leak(vec![reason]);
    let ack = Ack::new(id).with_reason(reason);
    // The shorter form, which is written for 0x00.
    let acknowledged = |first| if code == 0 { frame(first, &[0, 1]) } else { frame(first, &[0, 1, code]) };
    Some(match packet {
        PacketType::ConnAck if v5 => (vec![0x20, 3, 0, code, 0], ConnAck::new(reason).into()),
        PacketType::ConnAck => {
            let reason = tables::RETURN_CODES.get(usize::from(code)).copied().unwrap_or(0xFF);
            (vec![0x20, 2, 0, code], ConnAck::new(ReasonCode::new(reason)).into())
        }
        PacketType::PubAck if v5 => (acknowledged(0x40), Packet::PubAck(ack)),
        PacketType::PubRec if v5 => (acknowledged(0x50), Packet::PubRec(ack)),
        PacketType::PubRel if v5 => (acknowledged(0x62), Packet::PubRel(ack)),
        PacketType::PubComp if v5 => (acknowledged(0x70), Packet::PubComp(ack)),
        PacketType::SubAck if v5 => (vec![0x90, 4, 0, 1, 0, code], SubAck::new(id, codes).into()),
        PacketType::SubAck => (vec![0x90, 3, 0, 1, code], SubAck::new(id, codes).into()),
        PacketType::UnsubAck if v5 => (vec![0xB0, 4, 0, 1, 0, code], UnsubAck::new(id, codes).into()),
        PacketType::Disconnect if v5 => (
            frame(0xE0, if code == 0 { &[] } else { std::slice::from_ref(&code) }),
            Disconnect::new(reason).into(),
        ),
        PacketType::Auth if v5 => (
            frame(0xF0, &[&[code], &bytes("(15 'm')")[..]].concat()),
            Auth::new(reason, Properties::new(METHOD)).into(),
        ),
        _ => return None,
    })
}

#[test]
fn reason_codes_in_all_packets() {
    let mut allowed = Vec::new();
    for packet in PacketType::ALL {
        each(|version, sender, options| {
            for code in 0..=u8::MAX {
                let Some((wire, value)) = with_code(packet, version, code) else { continue };
                let may_send = sender.is_none_or(|sender| may_send(packet, version, sender));
                let expected = may_send && may_carry(packet, code, version, sender);
                let found = decode(&wire, options);
                assert_eq!(found.is_ok(), expected, "{packet} {code:02X} {version} {sender:?}: {found:?}");
                if expected {
                    assert_eq!(found, Ok(Decoded::Packet { packet: value, len: wire.len() }));
                    allowed.push((packet, version, sender));
                }
                let options = mqtt_wire::EncodeOptions::new(version);
                let options = sender.map_or(options, |sender| options.sender(sender));
                let mut out = Vec::new();
                let written = value.encode(options, &mut out);
                assert_eq!(
                    written.is_ok(),
                    expected,
                    "{packet} {code:02X} {version} {sender:?}: {written:?}"
                );
                assert_eq!(out, if expected { wire } else { Vec::new() });
            }
        });
    }
    // The counts that the standard's tables have.
    for (packet, count) in [
        (PacketType::ConnAck, 22),
        (PacketType::PubAck, 9),
        (PacketType::PubRec, 9),
        (PacketType::PubRel, 2),
        (PacketType::PubComp, 2),
        (PacketType::SubAck, 12),
        (PacketType::UnsubAck, 7),
        (PacketType::Disconnect, 30),
        (PacketType::Auth, 3),
    ] {
        let found = allowed.iter().filter(|row| **row == (packet, Version::V5, None)).count();
        assert_eq!(found, count, "{packet}");
    }
}

/// Tolerated, any code is read and written as it is.
#[test]
fn unknown_reason_codes_can_be_tolerated() {
    for packet in PacketType::ALL {
        for code in 0..=u8::MAX {
            let Some((wire, value)) = with_code(packet, Version::V5, code) else { continue };
            let options = DecodeOptions::new(Version::V5).tolerate(Tolerance::UnknownReasonCodes);
            assert_eq!(decode(&wire, options), Ok(Decoded::Packet { packet: value, len: wire.len() }));
            let options = mqtt_wire::EncodeOptions::new(Version::V5).tolerate(Tolerance::UnknownReasonCodes);
            let mut out = Vec::new();
            assert_eq!(value.encode(options, &mut out), Ok(wire.len()));
            assert_eq!(out, wire);
        }
    }
}

/// A CONNECT with those flags, that client identifier, an empty block of will properties or none, and so many
/// one-character strings behind it.
fn connect(version: Version, flags: u8, client_id: &str, block: bool, strings: usize) -> Vec<u8> {
    let name = if version == Version::V31 { "MQIsdp" } else { "MQTT" };
    let level = [0, 3, 4, 5][1 + Version::ALL.iter().position(|v| *v == version).expect("a version")];
    let mut body = [string(name), vec![level, flags, 0, 60]].concat();
    if version == Version::V5 {
        body.push(0);
    }
    body.extend(string(client_id));
    if block {
        body.push(0);
    }
    body.extend(string("x").repeat(strings));
    frame(0x10, &body)
}

/// Sections 3.1.2.3 to 3.1.2.9 and 3.1.3 of both standards; section 3.1 of MQTT 3.1.
fn connect_is_good(version: Version, flags: u8, client_id: &str, block: bool, strings: usize) -> bool {
    let bit = |n: u8| flags >> n & 1 == 1;
    let (user_name, password, retain, will, clean) = (bit(7), bit(6), bit(5), bit(2), bit(1));
    let qos = flags >> 3 & 3;
    let flags_are_good = !bit(0)
        && qos < 3
        && (will || (qos == 0 && !retain))
        && (version == Version::V5 || user_name || !password);
    let client_id_is_good = match version {
        Version::V31 => !client_id.is_empty(),
        Version::V311 => clean || !client_id.is_empty(),
        Version::V5 => true,
    };
    let block_is_good = block == (will && version == Version::V5);
    let most = if will { 2 } else { 0 } + usize::from(user_name) + usize::from(password);
    let least = if version == Version::V31 { if will { 2 } else { 0 } } else { most };
    flags_are_good && client_id_is_good && block_is_good && (least..=most).contains(&strings)
}

#[test]
fn connect_flags_and_payload_shapes() {
    let mut good = 0;
    for version in Version::ALL {
        for flags in 0..=u8::MAX {
            for client_id in ["", "a", "abcdefghijklmnopqrstuvw"] {
                for block in [false, true] {
                    for strings in 0..=6 {
                        let wire = connect(version, flags, client_id, block, strings);
                        let expected = connect_is_good(version, flags, client_id, block, strings);
                        let found = decode(&wire, version);
                        assert_eq!(found.is_ok(), expected, "{wire:02X?} {version}: {found:?}");
                        let detected = decode(&wire, DecodeOptions::detect());
                        assert_eq!(detected, found, "{wire:02X?}");
                        if let Ok(Decoded::Packet { packet: Packet::Connect(connect), .. }) = found {
                            good += 1;
                            assert_eq!(connect.clean_start, flags >> 1 & 1 == 1);
                            let will = connect.will.map(|will| (will.qos.bits(), will.retain));
                            assert_eq!(
                                will,
                                (flags >> 2 & 1 == 1).then_some((flags >> 3 & 3, flags >> 5 & 1 == 1))
                            );
                        }
                    }
                }
            }
        }
    }
    assert!(good > 300, "{good}");
}

#[test]
fn protocol_names_and_levels() {
    let named = |name: &str, level: u8| match (name, level) {
        ("MQIsdp", 3) => Some(Version::V31),
        ("MQTT", 4) => Some(Version::V311),
        ("MQTT", 5) => Some(Version::V5),
        _ => None,
    };
    for name in ["MQIsdp", "MQTT", "mqtt", "MQTT5", "MQT", "", "MQISDP"] {
        for level in 0..=u8::MAX {
            for properties in [&[][..], &[0]] {
                let wire =
                    frame(0x10, &[&string(name)[..], &[level, 2, 0, 60], properties, &string("a")].concat());
                let good = |version: Version| properties.is_empty() != (version == Version::V5);
                let expected = named(name, level).filter(|version| good(*version));
                let version = |found: Result<Decoded<'_>, _>| match found {
                    Ok(Decoded::Packet { packet: Packet::Connect(connect), .. }) => Some(connect.version),
                    Ok(other) => panic!("{other:?}"),
                    Err(mqtt_wire::DecodeError { .. }) => None,
                };
                assert_eq!(version(decode(&wire, DecodeOptions::detect())), expected, "{name} {level}");
                for fixed in Version::ALL {
                    assert_eq!(
                        version(decode(&wire, fixed)),
                        expected.filter(|v| *v == fixed),
                        "{name} {level}"
                    );
                }
                let bridges = DecodeOptions::detect().tolerate(Tolerance::BridgeProtocolLevel);
                let expected = named(name, level & 0x7F).filter(|version| good(*version));
                let found = decode(&wire, bridges);
                assert_eq!(version(found), expected, "{name} {level}");
                if let Ok(Decoded::Packet { packet: Packet::Connect(connect), .. }) = found {
                    assert_eq!(connect.bridge, level >= 0x80);
                }
            }
        }
    }
}

#[test]
fn connack_flags_and_codes() {
    for flags in 0..=u8::MAX {
        for code in 0..=u8::MAX {
            let wire = [0x20, 3, flags, code, 0];
            let carries = may_carry(PacketType::ConnAck, code, Version::V5, None);
            let expected = carries && (flags == 0 || (flags == 1 && code == 0));
            assert_eq!(accepted(&wire, DecodeOptions::new(Version::V5)), expected, "{wire:02X?}");
        }
    }
}

/// Section 3.8.3 of both standards.
#[test]
fn subscription_options() {
    for version in Version::ALL {
        let v5 = version == Version::V5;
        for filter in ["a", "$share/g/a"] {
            for byte in 0..=u8::MAX {
                let (qos, handling) = (byte & 3, byte >> 4 & 3);
                let shared = v5 && filter.starts_with("$share");
                let expected = qos < 3
                    && if v5 {
                        byte < 0x40 && handling < 3 && !(byte >> 2 & 1 == 1 && shared)
                    } else {
                        byte < 3
                    };
                let properties: &[u8] = if v5 { &[0] } else { &[] };
                let wire = frame(0x82, &[&[0, 1], properties, &string(filter), &[byte]].concat());
                assert_eq!(
                    accepted(&wire, DecodeOptions::new(version)),
                    expected,
                    "{filter} {byte:02X} {version}"
                );
            }
        }
    }
}

#[test]
fn packet_identifiers() {
    for version in Version::ALL {
        let (publish, subscribe) = if version == Version::V5 { ("()", "() 'a' 00") } else { ("", "'a' 00") };
        for id in 0..=u16::MAX {
            let id_bytes = id.to_be_bytes();
            for wire in [
                frame(0x40, &id_bytes),
                frame(0x34, &[&string("a")[..], &id_bytes, &bytes(publish)].concat()),
                frame(0x82, &[&id_bytes[..], &bytes(subscribe)].concat()),
            ] {
                assert_eq!(accepted(&wire, DecodeOptions::new(version)), id != 0, "{wire:02X?}");
            }
        }
    }
}

/// Strings of one to three bytes (of one and two and some of three in a debug build) as a topic and as a client
/// identifier, against the standard library.
#[test]
fn short_strings() {
    let many = few_bytes();
    let check = |text: &[u8]| {
        let good = std::str::from_utf8(text).is_ok_and(|text| !text.contains('\0'));
        let name = good && !text.contains(&b'+') && !text.contains(&b'#');
        let wire = frame(0x30, &string(text));
        assert_eq!(decode(&wire, Version::V311).is_ok(), name, "{text:02X?}");
        let wire = frame(0x10, &[bytes("'MQTT' 04 02 003C"), string(text)].concat());
        assert_eq!(decode(&wire, Version::V311).is_ok(), good, "{text:02X?}");
    };
    for one in 0..=u8::MAX {
        check(&[one]);
        for two in 0..=u8::MAX {
            check(&[one, two]);
            for three in &many {
                check(&[one, two, *three]);
            }
        }
    }
}
