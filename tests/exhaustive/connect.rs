//! CONNECT: all flags with all shapes of payloads, protocol names and levels.

use mqtt_wire::{DecodeOptions, Decoded, Packet, Sender, Tolerance, Version, decode};

use crate::count::counted;
use crate::notation::{frame, string};
use crate::{SENDERS, options};

/// What comes behind the client identifier.
#[derive(Clone, Copy, Debug)]
struct Shape {
    client_id: &'static str,
    /// An empty block of will properties.
    block: bool,
    /// So many strings of one character.
    strings: usize,
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Right,
    OneByteMore,
    OneByteLess,
}

fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for client_id in ["", "a", "abcdefghijklmnopqrstuvw", "abcdefghijklmnopqrstuvwx"] {
        for block in [false, true] {
            for strings in 0..=6 {
                for end in [End::Right, End::OneByteMore, End::OneByteLess] {
                    shapes.push(Shape { client_id, block, strings, end });
                }
            }
        }
    }
    shapes
}

fn connect(version: Version, flags: u8, shape: Shape) -> Vec<u8> {
    let name = if version == Version::V31 { "MQIsdp" } else { "MQTT" };
    let level = [0, 3, 4, 5][1 + Version::ALL.iter().position(|v| *v == version).expect("a version")];
    let mut body = [string(name), vec![level, flags, 0, 60]].concat();
    if version == Version::V5 {
        body.push(0);
    }
    body.extend(string(shape.client_id));
    if shape.block {
        body.push(0);
    }
    body.extend(string("x").repeat(shape.strings));
    match shape.end {
        End::Right => {}
        End::OneByteMore => body.push(b'x'),
        End::OneByteLess => body.truncate(body.len() - 1),
    }
    frame(0x10, &body)
}

/// Sections 3.1.2.3 to 3.1.2.9 and 3.1.3 of both standards; section 3.1 of MQTT 3.1.
fn connect_is_good(version: Version, flags: u8, shape: Shape) -> bool {
    let bit = |n: u8| flags >> n & 1 == 1;
    let (user_name, password, retain, will, clean) = (bit(7), bit(6), bit(5), bit(2), bit(1));
    let qos = flags >> 3 & 3;
    // 3.1 gives the lowest bit no meaning.
    let flags_are_good = (version == Version::V31 || !bit(0))
        && qos < 3
        && (will || (qos == 0 && !retain))
        && (version == Version::V5 || user_name || !password);
    let client_id_is_good = match version {
        Version::V31 => (1..=23).contains(&shape.client_id.len()),
        Version::V311 => clean || !shape.client_id.is_empty(),
        Version::V5 => true,
    };
    // Without its last byte the block alone is gone, and nothing else is cut.
    let (block, end_is_good) = match shape.end {
        End::Right => (shape.block, true),
        End::OneByteMore => (shape.block, false),
        End::OneByteLess => (false, shape.block && shape.strings == 0),
    };
    let block_is_good = block == (will && version == Version::V5);
    let most = if will { 2 } else { 0 } + usize::from(user_name) + usize::from(password);
    let least = if version == Version::V31 { if will { 2 } else { 0 } } else { most };
    flags_are_good
        && client_id_is_good
        && block_is_good
        && end_is_good
        && (least..=most).contains(&shape.strings)
}

#[test]
fn connect_flags_and_payload_shapes() {
    let (mut cases, mut good) = (0, 0);
    for version in Version::ALL {
        for flags in 0..=u8::MAX {
            for shape in shapes() {
                let wire = connect(version, flags, shape);
                let expected = connect_is_good(version, flags, shape);
                for sender in SENDERS {
                    let found = decode(&wire, options(version, sender));
                    let expected = expected && sender != Some(Sender::Server);
                    assert_eq!(found.is_ok(), expected, "{shape:?} {wire:02X?} {version}: {found:?}");
                    cases += 1;
                }
                let found = decode(&wire, version);
                assert_eq!(decode(&wire, DecodeOptions::detect()), found, "{wire:02X?}");
                cases += 1;
                if let Ok(Decoded::Packet { packet: Packet::Connect(connect), .. }) = found {
                    good += 1;
                    assert_eq!(connect.clean_start, flags >> 1 & 1 == 1);
                    let will = connect.will.map(|will| (will.get().qos.get(), will.get().retain));
                    let announced = (flags >> 3 & 3, flags >> 5 & 1 == 1);
                    assert_eq!(will, (flags >> 2 & 1 == 1).then_some(announced));
                }
            }
        }
    }
    assert!(good > 300, "{good}");
    counted("connect flags with payloads", cases, 3 * 256 * shapes().len() as u64 * 4);
}

#[test]
fn protocol_names_and_levels() {
    let mut cases = 0;
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
                let bridges = DecodeOptions::detect().with_tolerance(Tolerance::BridgeProtocolLevel);
                let expected = named(name, level & 0x7F).filter(|version| good(*version));
                let found = decode(&wire, bridges);
                assert_eq!(version(found), expected, "{name} {level}");
                if let Ok(Decoded::Packet { packet: Packet::Connect(connect), .. }) = found {
                    assert_eq!(connect.bridge, level >= 0x80);
                }
                cases += 5;
            }
        }
    }
    counted("protocol names and levels", cases, 7 * 256 * 2 * 5);
}
