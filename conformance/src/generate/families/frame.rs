//! Fixed headers, lengths, truncation, direction.

use super::{rules_of_flags, slug};
use crate::generate::draft::{
    ConnectParts, Draft, connect, fullest, prop, publish, sample, smallest, variable,
};
use crate::generate::family::{BOTH, Bytes, Family, Says};
use crate::generate::tables::{Sender, Type, V5, V31, V311, Version};

/// Every first byte: types and their flags.
pub(super) fn fixed_headers() -> Family {
    let mut family =
        Family::new("fixed-header", "Packet types and the flags of the fixed header: every first byte");
    for version in BOTH {
        for first in 0..=0xFF_u8 {
            let flags = first & 0x0F;
            let Some(of) = Type::of(first >> 4).filter(|of| of.exists_in(version)) else {
                let body = if first >> 4 == 0 {
                    Draft::new(version, Type::PingReq)
                } else {
                    smallest(V5, Type::Auth)
                };
                let draft = body.judged_by(version).first(first);
                let title = format!("the packet type {} is reserved", first >> 4);
                family.packet(format!("{first:02x}"), title, draft, Says::Bad("ReservedPacketType", 0), &[]);
                continue;
            };
            let id = format!("{}/{first:02x}", slug(of.name()));
            let rules = rules_of_flags(version, of);
            if of == Type::Publish {
                let (dup, qos, retain) = (flags >> 3, flags >> 1 & 3, flags & 1);
                let draft = publish(version, qos, &[]).first(first);
                let title = format!("PUBLISH with DUP {dup}, QoS {qos}, RETAIN {retain}");
                let says = match (dup, qos) {
                    (_, 3) => Says::Bad("PublishQoS3", 0),
                    (1, 0) => Says::Bad("DupAtQoS0", 0),
                    _ => Says::Good,
                };
                let rules: &[&str] = match (qos, version) {
                    (0, V5) => &["MQTT-3.3.1-2", "MQTT-4.3.1-1", "MQTT-2.2.1-2"],
                    (0, _) => &["MQTT-3.3.1-2", "MQTT-4.3.1-1", "MQTT-2.3.1-5"],
                    _ => &["MQTT-3.3.1-4"],
                };
                // A broken rule is named by the error; the QoS 0 rules are about DUP alone there.
                let rules = if matches!(says, Says::Bad("DupAtQoS0", _)) { &rules[..2] } else { rules };
                family.packet(id, title, draft, says, rules);
            } else if of.flags() == Some(flags) {
                let title = format!("{} with the flags {flags:04b}, as they have to be", of.name());
                let mut rules = rules;
                rules.push(if version == V5 { "U-2.1.2" } else { "U-2.2.1" });
                family.packet(id, title, smallest(version, of), Says::Good, &rules);
            } else {
                let title = format!("{} with the flags {flags:04b}", of.name());
                family.packet(
                    id,
                    title,
                    smallest(version, of).first(first),
                    Says::Bad("ReservedFlags", 0),
                    &rules,
                );
            }
        }
    }
    family
}

/// A PUBLISH of QoS 0 with that Remaining Length, all of it payload behind topic and properties.
fn filled(version: Version, remaining_length: usize) -> Draft {
    let draft = Draft::new(version, Type::Publish).text("topic_name", "a").properties("properties", &[]);
    let header = if version == V5 { 4 } else { 3 };
    draft.raw(
        "payload",
        format!("Payload of {} bytes", remaining_length - header),
        vec![0; remaining_length - header],
    )
}

pub(super) fn remaining_lengths() -> Family {
    let mut family = Family::new(
        "remaining-length",
        "Remaining Length: its forms, its bounds, and what a receiver may refuse for its size",
    );
    for version in BOTH {
        let rule = if version == V5 { "MQTT-1.5.5-1" } else { "U-2.2.3" };
        let cap = if version == V5 { "U-1.5.5" } else { "U-2.2.3" };
        for length in [4, 127, 128, 129, 16_383, 16_384, 16_385, 2_097_151, 2_097_152] {
            let bytes = variable(length).len();
            let title =
                format!("Remaining Length {length}, in {bytes} byte{}", if bytes == 1 { "" } else { "s" });
            family.packet(format!("{length}"), title, filled(version, length), Says::Good, &[rule, cap]);
        }
        let headers: [(&str, &str, usize); 9] = [
            ("nothing", "", 2),
            ("type-alone", "30", 1),
            ("one-of-two", "30 80", 1),
            ("two-of-three", "30 80 80", 1),
            ("three-of-four", "30 80 80 80", 1),
            ("one-byte", "30 04", 4),
            ("largest", "30 FF FF FF 7F", 268_435_455),
            ("largest-in-three", "30 FF FF 7F", 2_097_151),
            ("smallest-in-four", "30 80 80 80 01", 2_097_152),
        ];
        for (id, hex, missing) in headers {
            let title = format!("a fixed header and no more: at least {missing} bytes are missing");
            family.packet(
                format!("incomplete/{id}"),
                title,
                Bytes::raw(version, hex),
                Says::Missing(missing),
                &[cap],
            );
        }
        for (id, hex) in [
            ("80-80-80-80", "30 80 80 80 80"),
            ("ff-ff-ff-ff", "30 FF FF FF FF"),
            ("five-bytes", "30 80 80 80 80 01"),
            ("five-bytes-ff", "30 FF FF FF FF 0F"),
            ("five-bytes-zero", "30 80 80 80 80 00"),
            ("ten-bytes", "30 FF FF FF FF FF FF FF FF FF 01"),
        ] {
            let title = "the fourth byte of the Remaining Length says that it goes on";
            family.packet(
                format!("too-long/{id}"),
                title,
                Bytes::raw(version, hex),
                Says::Bad("LengthTooLong", 4),
                &[cap],
            );
        }
        for (id, length) in [
            ("80-00", &[0x80, 0][..]),
            ("80-80-00", &[0x80, 0x80, 0]),
            ("80-80-80-00", &[0x80, 0x80, 0x80, 0]),
        ] {
            let title = format!("Remaining Length 0 in {} bytes", length.len());
            let draft = smallest(version, Type::PingReq).remaining_length(length);
            let says = if version == V5 { Says::Bad("LengthNotShortest", length.len()) } else { Says::Good };
            let rules: &[&str] = if version == V5 { &[] } else { &["U-2.2.3-a"] };
            family.packet(format!("longer-than-needed/{id}"), title, draft, says, rules);
        }
        let draft = publish(version, 0, &[]);
        let body = u8::try_from(draft.bytes().len() - 2).expect("short");
        let says = if version == V5 { Says::Bad("LengthNotShortest", 2) } else { Says::Good };
        let rules: &[&str] = if version == V5 { &[] } else { &["U-2.2.3-a"] };
        let longer = draft.remaining_length([body | 0x80, 0]);
        family.packet(
            "longer-than-needed/publish",
            "a Remaining Length that would fit into one byte, in two",
            longer,
            says,
            rules,
        );

        let limit = if version == V5 { "MQTT-3.1.2-24" } else { "U-2.2.3-b" };
        let hundred = filled(version, 98);
        family.packet(
            "limit/just-fits",
            "a packet of 100 bytes where 100 are allowed",
            Bytes::of(&hundred).limit(100),
            Says::Good,
            &[limit],
        );
        family.packet(
            "limit/one-over",
            "a packet of 100 bytes where 99 are allowed",
            Bytes::of(&hundred).limit(99),
            Says::Bad("PacketTooLarge", 1),
            &[limit],
        );
        family.packet(
            "limit/from-the-header",
            "the length alone decides: nothing of the body is there",
            Bytes::raw(version, "30 FF FF FF 7F").limit(65_536),
            Says::Bad("PacketTooLarge", 1),
            &[limit],
        );
        family.packet(
            "limit/incomplete",
            "an incomplete packet within the limit",
            Bytes::raw(version, "30 62").limit(100),
            Says::Missing(98),
            &[limit],
        );
    }
    family
}

/// Every packet cut at every byte.
pub(super) fn truncation() -> Family {
    let mut family = Family::new(
        "truncation",
        "Every packet cut at every byte, its lengths right and wrong, and with bytes behind its end",
    );
    for version in BOTH {
        let cut_rule = if version == V5 { "U-1.2" } else { "U-1.5" };
        let end_rule = if version == V5 { "U-2.1.4" } else { "U-2.2.3-c" };
        for of in Type::ALL.into_iter().filter(|of| of.exists_in(version)) {
            let name = slug(of.name());
            let whole = complete(version, of);
            let bytes = whole.bytes();
            let header = whole.all()[0].bytes.len();
            family.packet(
                format!("{name}/whole"),
                format!("{} with every field", of.name()),
                &whole,
                Says::Good,
                &[cut_rule, end_rule],
            );
            for length in header..bytes.len() {
                let title = format!(
                    "{} whose body ends after {} bytes, as its Remaining Length says",
                    of.name(),
                    length - header
                );
                let cut = cut_body(&whole, length - header);
                family.packet(
                    format!("{name}/body-of-{}", length - header),
                    title,
                    cut,
                    Says::Model,
                    &[cut_rule],
                );
            }
            for length in [2, header.max(3), bytes.len() - 1] {
                if length < bytes.len()
                    && !family
                        .cases
                        .iter()
                        .any(|case| case.id == format!("{}/{name}/first-{length}", version.name()))
                {
                    let title = format!("the first {length} bytes of a {} of {}", of.name(), bytes.len());
                    let missing = if length < header { 1 } else { bytes.len() - length };
                    family.packet(
                        format!("{name}/first-{length}"),
                        title,
                        Bytes::head(&whole, length),
                        Says::Missing(missing),
                        &[cut_rule],
                    );
                }
            }
            if of != Type::Publish {
                let title = format!("{} with a byte behind its last field", of.name());
                let mut longer = whole.clone();
                longer = longer.raw("more", "a byte too many", [0]);
                let says = match of {
                    // The lists at the end of these packets go on with the byte.
                    Type::Subscribe | Type::Unsubscribe => Says::Bad("Truncated", whole.bytes().len()),
                    Type::SubAck => Says::Good,
                    Type::UnsubAck if version == V5 => Says::Good,
                    _ => Says::Bad("TrailingBytes", whole.bytes().len()),
                };
                family.packet(format!("{name}/one-more"), title, longer, says, &[end_rule]);
            }
        }
    }
    family
}

/// A packet with every field, and a few properties where it has some.
fn complete(version: Version, of: Type) -> Draft {
    let method = prop(21, *b"\x00\x01m");
    match of {
        Type::Connect => connect(
            version,
            &ConnectParts {
                flags: 0b1110_1110,
                client_id: "id",
                properties: vec![sample(17), sample(38)],
                will_properties: vec![sample(24), sample(3)],
            },
        ),
        Type::ConnAck => smallest_with(version, of, &[sample(18), sample(33)]),
        Type::Publish => publish(version, 2, &[sample(2), sample(9), sample(11)]),
        Type::Subscribe => smallest_with(version, of, &[sample(11), sample(38)]),
        Type::SubAck | Type::UnsubAck => smallest_with(version, of, &[sample(31)]),
        Type::Unsubscribe => smallest_with(version, of, &[sample(38)]),
        Type::PubAck | Type::PubRec | Type::PubRel | Type::PubComp => {
            smallest_with(version, of, &[sample(31), sample(38)])
        }
        Type::Disconnect => smallest_with(version, of, &[sample(17), sample(31)]),
        Type::Auth => smallest_with(version, of, &[method, sample(22)]),
        Type::PingReq | Type::PingResp => smallest(version, of),
    }
}

fn smallest_with(version: Version, of: Type, properties: &[crate::generate::draft::Prop]) -> Draft {
    crate::generate::draft::packet(version, of, properties)
}

/// The same packet with only so many bytes of its body, and a Remaining Length that says so. Property lengths
/// stay as they were.
fn cut_body(whole: &Draft, length: usize) -> Draft {
    let mut cut = Draft::new(whole.version, whole.packet).first(whole.first);
    let mut left = length;
    for field in whole.all().into_iter().skip(1) {
        let there = field.bytes.len().min(left);
        if there == 0 {
            break;
        }
        let note =
            if there < field.bytes.len() { format!("{}, cut", field.note) } else { field.note.clone() };
        // Another key, so that a property length is not worked out anew.
        cut = cut.raw(&format!("cut.{}", field.key), note, &field.bytes[..there]);
        left -= there;
    }
    cut
}

/// Every length inside of a packet, off by one in both directions.
pub(super) fn lengths() -> Family {
    let mut family = Family::new(
        "lengths",
        "Every length inside of every packet, one more and one less than it should be",
    );
    for version in BOTH {
        let rule = if version == V5 { "U-1.2" } else { "U-1.5" };
        for of in Type::ALL.into_iter().filter(|of| of.exists_in(version)) {
            let whole = fullest(version, of);
            let name = slug(of.name());
            for field in whole.all() {
                for (off, word) in [(1_i32, "more"), (-1, "less")] {
                    let Some(bytes) = off_by_one(&field.key, &field.bytes, off) else { continue };
                    let draft = if field.key == "header" {
                        whole.clone().remaining_length(&bytes[1..])
                    } else {
                        whole.clone().set(&field.key, format!("{}, its length one {word}", field.note), bytes)
                    };
                    let field_name = slug(&field.key);
                    let title =
                        format!("{}: {} one {word} than it should be", of.name(), described(&field.key));
                    if field.key == "header" && off == -1 {
                        // One byte is left over, and is the next packet's.
                        let all = draft.bytes();
                        let shorter = Bytes::head(&draft, all.len() - 1);
                        family.packet(
                            format!("{name}/{field_name}/{word}"),
                            title,
                            shorter,
                            Says::Model,
                            &[rule],
                        );
                    } else {
                        family.packet(
                            format!("{name}/{field_name}/{word}"),
                            title,
                            draft,
                            Says::Model,
                            &[rule],
                        );
                    }
                }
            }
        }
    }
    family
}

fn described(key: &str) -> String {
    match key {
        "header" => "the Remaining Length is".to_owned(),
        "properties" => "the Property Length is".to_owned(),
        "will_properties" => "the Will Property Length is".to_owned(),
        _ => format!("the length of {} is", key.replace('_', " ")),
    }
}

/// The field with its length changed; `None` when it has none.
fn off_by_one(key: &str, bytes: &[u8], off: i32) -> Option<Vec<u8>> {
    let mut out = bytes.to_vec();
    let index = match key.split('.').next()? {
        "header" if bytes[1] > 0 => 1,
        "properties" | "will_properties" if !key.contains('.') => 0,
        // The identifier stands before the length of a property's value.
        "properties" | "will_properties"
            if matches!(bytes[0], 3 | 8 | 9 | 18 | 21 | 22 | 26 | 28 | 31 | 38) =>
        {
            2
        }
        "protocol_name" | "client_identifier" | "will_topic" | "will_payload" | "user_name" | "password"
        | "topic_name" | "topic_filter" => 1,
        _ => return None,
    };
    let low = i32::from(*out.get(index)?);
    // The length's last group or byte: it neither overflows nor underflows in the packets at hand.
    let continued = u8::try_from(low & 0x80).ok()?;
    let changed = u8::try_from((low & 0x7F) + off).ok().filter(|low| *low < 0x80)?;
    out[index] = changed | continued;
    Some(out)
}

/// Who sends what, and what comes first.
pub(super) fn direction() -> Family {
    let mut family =
        Family::new("direction", "Which side may send what, and with which packet a connection begins");
    for version in [V31, V311, V5] {
        for of in Type::ALL.into_iter().filter(|of| of.exists_in(version)) {
            let (client, server) = of.senders(version);
            let rule = match version {
                V5 => "U-2.1.2-a",
                V311 => "U-2.2.1-a",
                V31 => "U-3.1-g",
            };
            for (sender, may) in [(Sender::Client, client), (Sender::Server, server)] {
                let word = format!("{sender:?}").to_lowercase();
                let draft = match of {
                    // A code that both sides may send.
                    Type::PubAck | Type::PubRec | Type::PubRel | Type::PubComp => smallest(version, of),
                    _ => smallest(version, of),
                };
                let says = if may { Says::Good } else { Says::Bad("WrongDirection", 0) };
                let title = format!("{} from the {word}", of.name());
                family.packet(
                    format!("{}/{word}", slug(of.name())),
                    title,
                    Bytes::of(&draft).from(sender),
                    says,
                    &[rule],
                );
            }
        }
    }
    for version in [V31, V311, V5] {
        for of in Type::ALL.into_iter().filter(|of| of.exists_in(version)) {
            for sender in [Sender::Client, Sender::Server] {
                let (client, server) = of.senders(version);
                if !(if sender == Sender::Client { client } else { server }) {
                    continue;
                }
                let first = match sender {
                    Sender::Client => of == Type::Connect,
                    Sender::Server => matches!(of, Type::ConnAck | Type::Auth),
                };
                let word = format!("{sender:?}").to_lowercase();
                let says = if first { Says::Good } else { Says::Bad("UnexpectedPacket", 0) };
                let title = format!("{} as the first packet of the {word}", of.name());
                let bytes = Bytes::of(&smallest(version, of)).from(sender).first_packet();
                let rules: &[&str] = match (version, sender) {
                    (V31, _) => &["U-3.1-g"],
                    (_, Sender::Client) => &["MQTT-3.1.0-1"],
                    (_, Sender::Server) => &["MQTT-3.2.0-1"],
                };
                family.packet(format!("first/{}/{word}", slug(of.name())), title, bytes, says, rules);
            }
        }
    }
    family
}
