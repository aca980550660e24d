//! MQTT 3.1.

use crate::generate::draft::{ConnectParts, Draft, connect, publish, smallest};
use crate::generate::family::{Bytes, Family, Says};
use crate::generate::tables::{Type, V5, V31, V311};

fn base(flags: u8) -> Draft {
    connect(V31, &ConnectParts { flags, client_id: "c", ..Default::default() })
}

/// Where it differs from 3.1.1, and a case or two for what is the same.
pub(super) fn v31() -> Family {
    let mut family = Family::new("mqtt-3.1", "MQTT 3.1 where it differs from 3.1.1");
    connects(&mut family);
    unused_bits(&mut family);
    acknowledgements(&mut family);
    same_as_311(&mut family);
    family
}

fn connects(family: &mut Family) {
    family.packet("connect/smallest", "MQIsdp, version 3", base(2), Says::Good, &["U-3.1-a"]);
    let all = connect(V31, &ConnectParts { flags: 0b1111_0110, client_id: "id", ..Default::default() });
    family.packet("connect/all", "every field", all, Says::Good, &["U-3.1-a", "U-3.1-h", "U-3.1-j"]);
    for (id, name, level, kind) in [
        ("mqtt-3", &b"MQTT"[..], 3, "ProtocolVersion"),
        ("mqisdp-4", b"MQIsdp", 4, "ProtocolVersion"),
        ("mqisdp-83", b"MQIsdp", 0x83, "ProtocolVersion"),
        ("other-name", b"MQIsdq", 3, "ProtocolName"),
    ] {
        let draft = base(2).set_text("protocol_name", name).set(
            "protocol_version",
            format!("Protocol Version {level}"),
            [level],
        );
        let at = draft.at(if kind == "ProtocolName" { "protocol_name" } else { "protocol_version" });
        let made = family.packet(
            format!("connect/{id}"),
            "a protocol name and version that do not belong together",
            draft,
            Says::Bad(kind, at),
            &["U-3.1-a"],
        );
        if id == "mqisdp-83" {
            made.note("bridges of Mosquitto set bit 7 of the version; a strict codec does not know it");
        }
    }
    for (id, text, good) in [
        ("1", "c".to_owned(), true),
        ("23", "c".repeat(23), true),
        ("23-of-two-bytes", "\u{E9}".repeat(23), true),
        ("24", "c".repeat(24), false),
    ] {
        let draft = base(2).set_text("client_identifier", text.as_bytes());
        let at = draft.at("client_identifier");
        let says = if good { Says::Good } else { Says::Bad("ClientIdTooLong", at) };
        family.packet(
            format!("client-identifier/{id}"),
            format!("a Client Identifier of {} characters", text.chars().count()),
            draft,
            says,
            &["U-3.1"],
        );
    }
    for flags in [0, 2] {
        let draft = base(flags).set_text("client_identifier", b"");
        let at = draft.at("client_identifier");
        let title = format!("an empty Client Identifier, Clean Session {}", flags >> 1);
        family.packet(
            format!("client-identifier/empty-{flags}"),
            title,
            draft,
            Says::Bad("ClientIdEmpty", at),
            &["U-3.1"],
        );
    }
    let credentials = "U-3.1-b";
    for (id, draft, left) in [
        ("no-user-name", base(0x82).cut("user_name"), 2),
        ("no-password", base(0xC2).cut("password"), 0x82),
        ("neither", base(0xC2).cut("user_name"), 2),
    ] {
        let canonical = draft.clone().set("connect_flags", "", [left]).bytes();
        let title = "the flags announce credentials that are not there: the Remaining Length outweighs them";
        family
            .packet(format!("credentials/{id}"), title, draft, Says::Good, &[credentials])
            .canonical(&canonical);
    }
    let draft = base(0x42);
    let at = draft.at("connect_flags");
    family.packet(
        "credentials/password-alone",
        "a Password without a User Name",
        draft,
        Says::Bad("PasswordWithoutUserName", at),
        &[],
    );
    let cut = base(0x82).set("user_name", "User Name, cut", [0]);
    let at = cut.at("user_name");
    family.packet(
        "credentials/cut",
        "a User Name that is cut off is no missing one",
        cut,
        Says::Bad("Truncated", at),
        &[credentials],
    );
}

/// Bits that mean nothing: they are accepted, whatever they are, and kept nowhere.
fn unused_bits(family: &mut Family) {
    for of in [Type::Subscribe, Type::Unsubscribe, Type::PubRel] {
        let name = super::slug(of.name());
        for flags in 0..16 {
            let draft = smallest(V31, of).first((of as u8) << 4 | flags);
            let says = if flags & 0b0110 == 0b0010 { Says::Good } else { Says::Bad("ReservedFlags", 0) };
            let title = format!("{} with the flags {flags:04b}", of.name());
            let rules: &[&str] = match flags {
                0b0011 | 0b1011 => &["U-3.1-c", "U-3.1-f"],
                _ => &["U-3.1-c"],
            };
            let made = family.packet(format!("{name}/{flags:04b}"), title, draft, says, rules);
            match flags {
                0b1010 => made.note("3.1 sends this packet at QoS 1; DUP tells of a second attempt"),
                0b0011 | 0b1011 => made.note("RETAIN is not used"),
                _ => made,
            };
        }
    }
    for of in Type::ALL.into_iter().filter(|of| of.exists_in(V31) && of.flags() == Some(0)) {
        for flags in [0b0001, 0b0010, 0b0100, 0b1000, 0b1111] {
            let draft = if of == Type::Connect { base(2) } else { smallest(V31, of) };
            let draft = draft.first((of as u8) << 4 | flags);
            let title = format!("{} with the flags {flags:04b}, of which it uses none", of.name());
            let id = format!("{}/flags-{flags:04b}", super::slug(of.name()));
            family.packet(id, title, draft, Says::Good, &["U-3.1-f"]);
        }
    }
    for flags in [0b0000_0001, 0b0000_0011, 0b1111_0111] {
        let title = format!("Connect Flags {flags:08b}: bit 0 is not used");
        family.packet(format!("connect/flags-{flags:08b}"), title, base(flags), Says::Good, &["U-3.1-f"]);
    }
    for (id, hex) in [
        ("disconnect", "E2 00"),
        ("puback", "42 02 D9 03"),
        ("connect-header", "14 0F 00 06 4D 51 49 73 64 70 03 00 00 0A 00 01 70"),
        ("connect-bit-0", "10 0F 00 06 4D 51 49 73 64 70 03 01 00 0A 00 01 70"),
    ] {
        let title = "a bit that is not used, as HiveMQ and mosquitto accept it";
        family.packet(format!("reported/{id}"), title, Bytes::raw(V31, hex), Says::Good, &["U-3.1-f"]);
    }
}

fn acknowledgements(family: &mut Family) {
    for flags in [0, 1, 0xFF_u8] {
        let draft = smallest(V31, Type::ConnAck).set("flags", "reserved byte", [flags]);
        family.packet(
            format!("connack/byte-1-{flags:02x}"),
            "byte 1 of CONNACK has no meaning",
            draft,
            Says::Good,
            &["U-3.1-d"],
        );
    }
    for code in 0..=6_u8 {
        let draft = smallest(V31, Type::ConnAck).set("reason_code", format!("Return Code {code}"), [code]);
        let says = if code < 6 { Says::Good } else { Says::Bad("ReasonCodeNotAllowed", 3) };
        family.packet(
            format!("connack/return-code-{code}"),
            format!("return code {code}"),
            draft,
            says,
            &["U-3.1-d"],
        );
    }
    for code in [0, 1, 2, 3, 0x80_u8] {
        let draft = smallest(V31, Type::SubAck).set("reason_code", format!("granted QoS {code}"), [code]);
        let says = if code < 3 { Says::Good } else { Says::Bad("ReasonCodeNotAllowed", 4) };
        family.packet(
            format!("suback/{code}"),
            format!("the granted QoS {code}; 3.1 has no failure code"),
            draft,
            says,
            &["U-3.1-e"],
        );
    }
}

/// Id, title, packet, what is wrong with it, rule.
type Row = (&'static str, &'static str, Draft, Option<(&'static str, usize)>, &'static str);

/// What is as in 3.1.1.
fn same_as_311(family: &mut Family) {
    let draft = smallest(V31, Type::Subscribe).set_text("topic_filter", b"$share/g/a");
    family.packet("subscribe/share", "$share/g/a is an ordinary filter", draft, Says::Good, &["U-3.1-m"]);
    family.packet(
        "auth",
        "3.1 has no AUTH",
        smallest(V5, Type::Auth).judged_by(V31),
        Says::Bad("ReservedPacketType", 0),
        &[],
    );
    for of in Type::ALL.into_iter().filter(|of| of.exists_in(V311) && !matches!(of, Type::Connect)) {
        let name = super::slug(of.name());
        family.packet(
            format!("{name}/smallest"),
            format!("the smallest {}", of.name()),
            smallest(V31, of),
            Says::Good,
            &["U-3.1-g"],
        );
    }
    let more = |of: Type| smallest(V31, of).raw("more", "a byte too many", [0]);
    let long = Draft::new(V31, Type::PingReq).remaining_length([0x80, 0x80, 0x80, 0x80, 0]);
    let will = |flags| base(flags).at("connect_flags");
    let topic = |topic: &[u8]| publish(V31, 0, &[]).set_text("topic_name", topic);
    let filter = |filter: &[u8]| smallest(V31, Type::Subscribe).set_text("topic_filter", filter);
    let client_id = |id: &[u8]| base(2).set_text("client_identifier", id);
    let zero = |draft: Draft| draft.set("packet_identifier", "Packet Identifier 0", [0, 0]);
    let at = |draft: &Draft, key: &str| draft.at(key) + 2;
    let cases: [Row; 28] = [
        (
            "length/trailing",
            "a byte behind a PINGREQ",
            more(Type::PingReq),
            Some(("TrailingBytes", 2)),
            "U-3.1-h",
        ),
        (
            "length/trailing-puback",
            "a byte behind a PUBACK",
            more(Type::PubAck),
            Some(("TrailingBytes", 4)),
            "U-3.1-h",
        ),
        (
            "length/five-bytes",
            "a Remaining Length of five bytes",
            long,
            Some(("LengthTooLong", 4)),
            "U-3.1-h",
        ),
        (
            "length/cut",
            "half a Packet Identifier",
            smallest(V31, Type::PubAck).set("packet_identifier", "half a Packet Identifier", [0]),
            Some(("Truncated", 2)),
            "U-3.1-h",
        ),
        (
            "string/two-bytes",
            "a Topic Name with a character of two bytes",
            topic("\u{E9}".as_bytes()),
            None,
            "U-3.1-i",
        ),
        (
            "string/no-utf-8",
            "a Client Identifier that is no UTF-8",
            client_id(&[0xFF]),
            Some(("InvalidUtf8", at(&base(2), "client_identifier"))),
            "U-3.1-i",
        ),
        (
            "string/surrogate",
            "a Topic Name with a surrogate",
            topic(&[0xED, 0xA0, 0x80]),
            Some(("InvalidUtf8", 4)),
            "U-3.1-i",
        ),
        (
            "string/nul",
            "U+0000 in a Client Identifier",
            client_id(b"\0"),
            Some(("NulCharacter", at(&base(2), "client_identifier"))),
            "U-3.1-i",
        ),
        ("will/qos-3", "Will QoS 3", base(0b0001_1110), Some(("WillQoS3", will(0b0001_1110))), "U-3.1-j"),
        ("will/qos-2", "Will QoS 2", base(0b0001_0110), None, "U-3.1-j"),
        (
            "publish/qos-3",
            "PUBLISH of QoS 3",
            publish(V31, 1, &[]).first(0x36),
            Some(("PublishQoS3", 0)),
            "U-3.1-k",
        ),
        (
            "publish/dup-at-qos-0",
            "DUP at QoS 0",
            publish(V31, 0, &[]).first(0x38),
            Some(("DupAtQoS0", 0)),
            "U-3.1-k",
        ),
        ("publish/all-flags", "DUP, QoS 2 and RETAIN", publish(V31, 2, &[]).first(0x3D), None, "U-3.1-k"),
        (
            "packet-identifier/publish-0",
            "PUBLISH with the Packet Identifier 0",
            zero(publish(V31, 1, &[])),
            Some(("ZeroPacketId", 7)),
            "U-3.1-l",
        ),
        (
            "packet-identifier/subscribe-0",
            "SUBSCRIBE with the Packet Identifier 0",
            zero(smallest(V31, Type::Subscribe)),
            Some(("ZeroPacketId", 2)),
            "U-3.1-l",
        ),
        (
            "packet-identifier/publish-1",
            "PUBLISH with the Packet Identifier 10",
            publish(V31, 1, &[]),
            None,
            "U-3.1-l",
        ),
        (
            "topic/wildcard",
            "a wildcard in a Topic Name",
            topic(b"a/+"),
            Some(("WildcardInName", 6)),
            "U-3.1-m",
        ),
        ("topic/empty", "an empty Topic Name", topic(b""), Some(("TopicMissing", 2)), "U-3.1-m"),
        ("topic/nul", "U+0000 in a Topic Name", topic(b"a\0"), Some(("TopicNul", 5)), "U-3.1-m"),
        ("topic/filter-empty", "an empty filter", filter(b""), Some(("TopicEmpty", 4)), "U-3.1-m"),
        (
            "topic/filter-hash",
            "# that does not fill its level",
            filter(b"a#"),
            Some(("MultiLevelWildcard", 7)),
            "U-3.1-m",
        ),
        (
            "topic/filter-plus",
            "+ that does not fill its level",
            filter(b"+a"),
            Some(("SingleLevelWildcard", 6)),
            "U-3.1-m",
        ),
        ("topic/filter", "both wildcards", filter(b"+/a/#"), None, "U-3.1-m"),
        (
            "list/subscribe",
            "a SUBSCRIBE without a filter",
            smallest(V31, Type::Subscribe).cut("topic_filter"),
            Some(("EmptyList", 4)),
            "U-3.1-n",
        ),
        (
            "list/unsubscribe",
            "an UNSUBSCRIBE without a filter",
            smallest(V31, Type::Unsubscribe).cut("topic_filter"),
            Some(("EmptyList", 4)),
            "U-3.1-n",
        ),
        (
            "list/suback",
            "a SUBACK without a granted QoS",
            smallest(V31, Type::SubAck).cut("reason_code"),
            Some(("EmptyList", 4)),
            "U-3.1-n",
        ),
        (
            "list/qos-3",
            "a QoS of 3 asked for",
            smallest(V31, Type::Subscribe).set("options", "QoS 3", [3]),
            Some(("SubscriptionQoS3", 9)),
            "U-3.1-n",
        ),
        (
            "list/qos-2",
            "a QoS of 2 asked for",
            smallest(V31, Type::Subscribe).set("options", "QoS 2", [2]),
            None,
            "U-3.1-n",
        ),
    ];
    for (id, title, draft, wrong, rule) in cases {
        let says = wrong.map_or(Says::Good, |(kind, at)| Says::Bad(kind, at));
        family.packet(id, title, draft, says, &[rule]);
    }
}
