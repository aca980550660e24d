//! PUBLISH, acknowledgements, SUBSCRIBE and UNSUBSCRIBE, DISCONNECT, AUTH, reason codes.

use super::slug;
use crate::generate::draft::{Draft, carrying, packet, prefixed, prop, publish, sample, smallest};
use crate::generate::family::{BOTH, Bytes, Family, Says};
use crate::generate::tables::{Place, REASON_CODES, Sender, Type, V5, V311, Version, may_carry, reason_name};

pub(super) fn publishes() -> Family {
    let mut family = Family::new("publish", "PUBLISH: topic, alias, payload");
    for version in BOTH {
        let v5 = version == V5;
        let base = || publish(version, 0, &[]);
        let first = "MQTT-3.3.2-1";
        let plain = "MQTT-3.3.2-2";
        family.packet("plain", "topic and payload", base(), Says::Good, &[first, plain]);
        family.packet("no-payload", "an empty payload", base().cut("payload"), Says::Good, &[first]);
        let empty = Draft::new(version, Type::Publish);
        family.packet("nothing", "no topic at all", empty, Says::Bad("Truncated", 2), &[first]);
        for (id, topic, at) in [
            ("plus", "+", 0),
            ("hash", "a/#", 2),
            ("plus-within", "sport+", 5),
            ("hash-within", "a#b", 1),
            ("dollar-plus", "$SYS/+", 5),
        ] {
            let draft = base().set_text("topic_name", topic.as_bytes());
            let at = draft.at("topic_name") + 2 + at;
            let general = if v5 { "MQTT-4.7.0-1" } else { "MQTT-4.7.1-1" };
            family.packet(
                format!("wildcard/{id}"),
                format!("the Topic Name {topic} holds a wildcard"),
                draft,
                Says::Bad("WildcardInName", at),
                &[plain, general],
            );
        }
        for (id, topic) in [
            ("space", "a b"),
            ("slash", "/"),
            ("slashes", "//"),
            ("dollar", "$SYS/x"),
            ("share", "$share/g/a"),
            ("case", "Accounts"),
        ] {
            let draft = base().set_text("topic_name", topic.as_bytes());
            family.packet(
                format!("topic/{id}"),
                format!("the Topic Name {topic}"),
                draft,
                Says::Good,
                &[plain, "MQTT-4.7.3-1"],
            );
        }
        let draft = base().set_text("topic_name", b"");
        let at = draft.at("topic_name");
        family.packet(
            "topic/empty",
            "an empty Topic Name",
            draft,
            Says::Bad("TopicMissing", at),
            &["MQTT-4.7.3-1"],
        );
        let binary = base().set("payload", "Payload of any bytes", [0, 0xFF, 0xC0, 0x80, b'#', b'+']);
        family.packet("payload/binary", "a payload of any bytes", binary, Says::Good, &[first]);
    }
    alias(&mut family);
    payload_format(&mut family);
    family
}

fn alias(family: &mut Family) {
    let alias = |n: u16| prop(35, n.to_be_bytes());
    let empty =
        |properties: &[crate::generate::draft::Prop]| publish(V5, 0, properties).set_text("topic_name", b"");
    let rule = "U-3.3.2.1";
    family.packet(
        "alias/stands-for-topic",
        "an empty Topic Name with a Topic Alias",
        empty(&[alias(1)]),
        Says::Good,
        &[rule, "MQTT-3.3.2-8"],
    );
    family.packet(
        "alias/with-topic",
        "a Topic Name and a Topic Alias",
        publish(V5, 0, &[alias(65_535)]),
        Says::Good,
        &[rule, "MQTT-3.3.2-8"],
    );
    family.packet(
        "alias/behind-others",
        "an empty Topic Name with a Topic Alias behind other properties",
        empty(&[sample(2), sample(38), alias(1)]),
        Says::Good,
        &[rule],
    );
    let none = empty(&[sample(2), sample(38)]);
    let at = none.at("topic_name");
    family.packet(
        "alias/other-properties",
        "an empty Topic Name with other properties",
        none,
        Says::Bad("TopicMissing", at),
        &[rule],
    );
    let at_qos_2 = publish(V5, 2, &[]).set_text("topic_name", b"");
    family.packet(
        "alias/none-at-qos-2",
        "an empty Topic Name without a Topic Alias at QoS 2",
        at_qos_2,
        Says::Bad("TopicMissing", 2),
        &[rule],
    );
    for (id, draft) in [("with-topic", publish(V5, 0, &[alias(0)])), ("without-topic", empty(&[alias(0)]))] {
        let at = draft.at("properties.0") + 1;
        family.packet(
            format!("alias/zero-{id}"),
            "Topic Alias 0",
            draft,
            Says::Bad("TopicAliasZero", at),
            &[],
        );
    }
}

fn payload_format(family: &mut Family) {
    let rule = "U-3.3.2.3.2";
    let with = |indicator: u8, payload: &[u8]| {
        publish(V5, 0, &[prop(1, [indicator])]).set("payload", "Payload", payload)
    };
    let bad = with(1, &[b'a', 0xFF]);
    let at = bad.at("payload") + 1;
    let checked = |draft: Draft| Bytes::of(&draft).check_payload_format();
    family.packet(
        "format/utf-8",
        "a payload that is the UTF-8 it is said to be",
        checked(with(1, "\u{E9}".as_bytes())),
        Says::Good,
        &[rule],
    );
    family.packet(
        "format/nul",
        "U+0000 in such a payload, which no rule forbids",
        checked(with(1, b"a\0")),
        Says::Good,
        &[rule],
    );
    family.packet("format/empty", "an empty payload of UTF-8", checked(with(1, b"")), Says::Good, &[rule]);
    family.packet(
        "format/not-utf-8",
        "a payload that is not the UTF-8 it is said to be, where that is checked",
        checked(bad.clone()),
        Says::Bad("PayloadFormat", at),
        &[],
    );
    family
        .packet(
            "format/not-checked",
            "a payload that is not the UTF-8 it is said to be, where that is not checked",
            bad,
            Says::Good,
            &[rule],
        )
        .free("a receiver may check the payload, or not");
    family.packet(
        "format/unspecified",
        "any bytes with the Payload Format Indicator 0",
        checked(with(0, &[0xFF])),
        Says::Good,
        &[rule],
    );
    for id in [1, 3, 8, 9] {
        let label = match id {
            1 => "MQTT-3.3.2-4",
            3 => "MQTT-3.3.2-20",
            8 => "MQTT-3.3.2-15",
            _ => "MQTT-3.3.2-16",
        };
        let property = sample(id);
        let title = format!("{} comes out as it went in", property.note);
        family.packet(format!("unchanged/{id}"), title, publish(V5, 1, &[property]), Says::Good, &[label]);
    }
}

/// The short forms of 5.0, and the fixed lengths of 3.1.1.
pub(super) fn acks() -> Family {
    let mut family = Family::new(
        "short-forms",
        "Reason Code and Property Length left out in PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT and AUTH",
    );
    for of in [Type::PubAck, Type::PubRec, Type::PubRel, Type::PubComp, Type::Disconnect] {
        let disconnect = of == Type::Disconnect;
        let [short, none] =
            if disconnect { ["U-3.14.2.1", "U-3.14.2.2.1"] } else { ["U-3.4.2.1", "U-3.4.2.2.1"] };
        let name = slug(of.name());
        let start =
            || if disconnect { Draft::new(V5, of) } else { Draft::new(V5, of).two("packet_identifier", 1) };
        let failed = match of {
            Type::PubRel | Type::PubComp => 0x92,
            _ => 0x80,
        };
        family.packet(
            format!("{name}/nothing"),
            format!("{} without a Reason Code: Success", of.name()),
            start(),
            Says::Good,
            &[short],
        );
        for code in [0, failed] {
            let with = || start().code("reason_code", code);
            let said = reason_name(code);
            family
                .packet(format!("{name}/{code:02x}"), format!("{} with the Reason Code {said} and no Property Length", of.name()), with(), Says::Good, &[none])
                .note("[MQTT-2.2.2-1] asks for a Property Length, the packet's own section says that there is none here");
            family.packet(
                format!("{name}/{code:02x}-empty"),
                format!("{} with the Reason Code {said} and Property Length 0", of.name()),
                with().properties("properties", &[]),
                Says::Good,
                &["MQTT-2.2.2-1"],
            );
            let full = with().properties("properties", &[sample(31)]);
            family.packet(
                format!("{name}/{code:02x}-reason"),
                format!("{} with the Reason Code {said} and a Reason String", of.name()),
                full,
                Says::Good,
                &[short],
            );
        }
        let cut = start().code("reason_code", 0).raw("more", "a Property Length that goes on", [0x80]);
        let at = cut.at("more");
        family.packet(
            format!("{name}/property-length-cut"),
            format!("{} with a Property Length that is cut off", of.name()),
            cut,
            Says::Bad("Truncated", at),
            &[],
        );
        let over = start().code("reason_code", 0).raw("more", "a Property Length of more than there is", [1]);
        let at = over.at("more");
        family.packet(
            format!("{name}/property-length-over"),
            format!("{} with a Property Length of more than there is", of.name()),
            over,
            Says::Bad("Truncated", at),
            &[],
        );
        // 3.1.1 knows the packet without all of it.
        let old = smallest(V311, of).raw("more", "what 5.0 would take for a Reason Code", [0]);
        let at = old.at("more");
        family.packet(
            format!("{name}/reason-code"),
            format!("{} of 3.1.1 with a Reason Code", of.name()),
            old,
            Says::Bad("TrailingBytes", at),
            &[],
        );
    }
    let old = smallest(V311, Type::UnsubAck).raw("more", "what 5.0 would take for a Property Length", [0]);
    family.packet(
        "unsuback/properties",
        "UNSUBACK of 3.1.1 with a Property Length",
        old,
        Says::Bad("TrailingBytes", 4),
        &[],
    );
    auths(&mut family);
    family
}

fn auths(family: &mut Family) {
    let start = || Draft::new(V5, Type::Auth);
    let [short, method] = ["U-3.15.2.1", "U-3.15.2.2.2"];
    family
        .packet("auth/nothing", "AUTH without a Reason Code: Success", start(), Says::Good, &[short])
        .note("section 3.15.2.1 allows it, though 3.15.2.2.2 asks for an Authentication Method: that is the session's to judge");
    family.packet(
        "auth/nothing-server",
        "the same from the server",
        Bytes::of(&start()).from(Sender::Server),
        Says::Good,
        &[short],
    );
    family.packet(
        "auth/nothing-client",
        "the same from the client, which may not say Success",
        Bytes::of(&start()).from(Sender::Client),
        Says::Bad("ReasonCodeSender", 2),
        &[],
    );
    for code in [0x00, 0x18] {
        let cut = start().code("reason_code", code);
        family
            .packet(
                format!("auth/{code:02x}"),
                "AUTH with a Reason Code and no Property Length",
                cut,
                Says::Bad("Truncated", 3),
                &[short],
            )
            .free("no sentence describes a Remaining Length of 1 for AUTH, as one does for DISCONNECT");
        let empty = start().code("reason_code", code).properties("properties", &[]);
        family.packet(
            format!("auth/{code:02x}-empty"),
            "AUTH with a Reason Code and no Authentication Method",
            empty,
            Says::Bad("AuthenticationMethodMissing", 3),
            &[method],
        );
        for (id, data) in [("data", [sample(22), sample(31)]), ("data-last", [sample(31), sample(22)])] {
            let draft = start().code("reason_code", code).properties("properties", &data);
            let at = draft.at(if id == "data" { "properties.0" } else { "properties.1" });
            family.packet(
                format!("auth/{code:02x}-{id}"),
                "AUTH with Authentication Data and no Authentication Method",
                draft,
                Says::Bad("AuthenticationMethodMissing", at),
                &[method],
            );
        }
        let good = start()
            .code("reason_code", code)
            .properties("properties", &[sample(22), prop(21, prefixed(b""))]);
        family.packet(
            format!("auth/{code:02x}-method"),
            "AUTH with an Authentication Method, empty, behind the data",
            good,
            Says::Good,
            &[method],
        );
    }
}

pub(super) fn subscribes() -> Family {
    let mut family = Family::new(
        "subscribe",
        "SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK: lists, subscription options, filters",
    );
    for version in BOTH {
        lists(&mut family, version);
        filters(&mut family, version);
    }
    // 3.1.1: Requested QoS, of which six bits are reserved.
    for options in 0..=0xFF_u8 {
        let draft =
            smallest(V311, Type::Subscribe).set("options", format!("Requested QoS {options:08b}"), [options]);
        let at = draft.at("options");
        let says = match options {
            0..=2 => Says::Good,
            3 => Says::Bad("SubscriptionQoS3", at),
            _ => Says::Bad("SubscriptionReserved", at),
        };
        // One bit at a time, and what 5.0 would read as options.
        if options < 8 || options.is_power_of_two() || matches!(options, 0x2D | 0xFC | 0xFF) {
            let made = family.packet(
                format!("requested-qos/{options:02x}"),
                format!("Requested QoS byte {options:08b}"),
                draft,
                says,
                &["MQTT-3.8.3-4"],
            );
            if options > 3 && options & 3 == 3 {
                made.or(&["SubscriptionQoS3"]);
            }
        }
    }
    for options in 0..=0xFF_u8 {
        let [qos, handling, reserved] = [options & 3, options >> 4 & 3, options >> 6];
        let broken = usize::from(qos == 3) + usize::from(handling == 3) + usize::from(reserved != 0);
        if broken > 1 || (reserved != 0 && options & 0x3F > 1) {
            continue;
        }
        let note = format!(
            "Retain Handling {handling}, Retain As Published {}, No Local {}, Maximum QoS {qos}",
            options >> 3 & 1,
            options >> 2 & 1
        );
        let draft = smallest(V5, Type::Subscribe).set("options", note.clone(), [options]);
        let at = draft.at("options");
        let (says, rules): (Says, &[&str]) = match (reserved, qos, handling) {
            (0, 3, _) => (Says::Bad("SubscriptionQoS3", at), &[]),
            (0, _, 3) => (Says::Bad("RetainHandling3", at), &[]),
            (0, ..) => (Says::Good, &["MQTT-3.8.3-5", "U-3.8.3.1", "U-3.8.3.1-a"]),
            _ => (Says::Bad("SubscriptionReserved", at), &[]),
        };
        family.packet(format!("options/{options:02x}"), note, draft, says, rules);
    }
    let all = smallest(V5, Type::Subscribe).set("options", "every bit", [0xFF]);
    let at = all.at("options");
    family
        .packet(
            "options/ff",
            "every bit is set: any one of the rules may be reported",
            all,
            Says::Bad("SubscriptionReserved", at),
            &[],
        )
        .or(&["SubscriptionQoS3", "RetainHandling3"]);

    let rule = "MQTT-3.8.3-4";
    for (id, filter, options, good) in [
        ("shared", "$share/g/a", 0b000_u8, true),
        ("shared-no-local", "$share/g/a", 0b100, false),
        ("shared-no-local-and-more", "$share/g/a", 0b1110, false),
        ("not-shared", "a/b", 0b100, true),
        ("share-alone", "$share", 0b100, true),
        ("upper-case", "$SHARE/g/a", 0b100, true),
        ("share-within", "a/$share/g/b", 0b100, true),
    ] {
        let draft = smallest(V5, Type::Subscribe).set_text("topic_filter", filter.as_bytes()).set(
            "options",
            format!("options {options:08b}"),
            [options],
        );
        let at = draft.at("options");
        let says = if good { Says::Good } else { Says::Bad("NoLocalOnShared", at) };
        family.packet(
            format!("no-local/{id}"),
            format!("{filter} with the options {options:08b}"),
            draft,
            says,
            &[rule],
        );
    }
    let second =
        smallest(V5, Type::Subscribe).text("topic_filter.1", "$share/g/a").raw("options.1", "No Local", [4]);
    let at = second.at("options.1");
    family.packet(
        "no-local/second",
        "No Local on a shared filter, the second of the packet",
        second,
        Says::Bad("NoLocalOnShared", at),
        &[rule],
    );
    family
}

fn lists(family: &mut Family, version: Version) {
    let v5 = version == V5;
    let cases = [
        (Type::Subscribe, "topic_filter", if v5 { "MQTT-3.8.3-2" } else { "MQTT-3.8.3-3" }),
        (Type::Unsubscribe, "topic_filter", "MQTT-3.10.3-2"),
        (Type::SubAck, "reason_code", "U-3.9.3"),
        (Type::UnsubAck, "reason_code", "U-3.11.3"),
    ];
    for (of, key, rule) in cases {
        if of == Type::UnsubAck && !v5 {
            continue;
        }
        let name = slug(of.name());
        family.packet(
            format!("{name}/one"),
            format!("{} with a list of one", of.name()),
            smallest(version, of),
            Says::Good,
            &[rule],
        );
        let empty = smallest(version, of).cut(key);
        let at = empty.bytes().len();
        family.packet(
            format!("{name}/none"),
            format!("{} with an empty list", of.name()),
            empty,
            Says::Bad("EmptyList", at),
            &[rule],
        );
        let mut many = smallest(version, of);
        for n in 1..20 {
            many = match of {
                Type::Subscribe => many.text(&format!("topic_filter.{n}"), format!("t/{n}")).raw(
                    &format!("options.{n}"),
                    "Maximum QoS 2",
                    [2],
                ),
                Type::Unsubscribe => many.text(&format!("topic_filter.{n}"), format!("t/{n}")),
                _ => many.code(&format!("reason_code.{n}"), if n % 2 == 0 { 0x80 } else { 0 }),
            };
        }
        family.packet(
            format!("{name}/twenty"),
            format!("{} with a list of twenty, in order", of.name()),
            many,
            Says::Good,
            &[rule],
        );
    }
    let cut = smallest(version, Type::Subscribe).cut("options");
    let at = cut.bytes().len();
    let rules: &[&str] = if v5 { &["MQTT-3.8.3-2"] } else { &["MQTT-3.8.3-3"] };
    family.packet(
        "subscribe/no-options",
        "the last filter has no options",
        cut,
        Says::Bad("Truncated", at),
        rules,
    );
}

fn filters(family: &mut Family, version: Version) {
    let v5 = version == V5;
    let [hash, plus] = if v5 { ["MQTT-4.7.1-1", "MQTT-4.7.1-2"] } else { ["MQTT-4.7.1-2", "MQTT-4.7.1-3"] };
    let wildcards = if v5 { "MQTT-4.7.0-1" } else { "MQTT-4.7.1-1" };
    for of in [Type::Subscribe, Type::Unsubscribe] {
        let name = slug(of.name());
        for filter in ["#", "+", "sport/+/player1", "sport/#", "/", "+/+", "$SYS/#", "a b", "//"] {
            let draft = smallest(version, of).set_text("topic_filter", filter.as_bytes());
            let mut rules = vec![wildcards];
            rules.extend(filter.contains('#').then_some(hash));
            rules.extend(filter.contains('+').then_some(plus));
            if of == Type::Unsubscribe {
                rules.push("MQTT-3.10.4-1");
            }
            family.packet(
                format!("{name}/filter/{filter}"),
                format!("{} with the filter {filter}", of.name()),
                draft,
                Says::Good,
                &rules,
            );
        }
        for (filter, kind, at) in [
            ("sport/tennis#", "MultiLevelWildcard", 12),
            ("sport/#/ranking", "MultiLevelWildcard", 6),
            ("#a", "MultiLevelWildcard", 0),
            ("sport+", "SingleLevelWildcard", 5),
            ("a/+b/c", "SingleLevelWildcard", 2),
        ] {
            let draft = smallest(version, of).set_text("topic_filter", filter.as_bytes());
            let at = draft.at("topic_filter") + 2 + at;
            family.packet(
                format!("{name}/bad-filter/{filter}"),
                format!("{} with the filter {filter}", of.name()),
                draft,
                Says::Bad(kind, at),
                &[],
            );
        }
        let empty = smallest(version, of).set_text("topic_filter", b"");
        let at = empty.at("topic_filter");
        family.packet(
            format!("{name}/empty-filter"),
            format!("{} with an empty filter", of.name()),
            empty,
            Says::Bad("TopicEmpty", at),
            &[],
        );
        for (id, filter, kind, at) in [
            ("empty-name", "$share//a", "ShareNameEmpty", 7),
            ("nothing", "$share/", "ShareNameEmpty", 7),
            ("no-filter", "$share/g", "ShareFilterMissing", 8),
            ("empty-filter", "$share/g/", "ShareFilterMissing", 9),
            ("plus", "$share/g+/a", "ShareNameWildcard", 8),
            ("hash", "$share/#", "ShareNameWildcard", 7),
            ("bad-filter", "$share/g/a#", "MultiLevelWildcard", 10),
        ] {
            let draft = smallest(version, of).set_text("topic_filter", filter.as_bytes());
            let start = draft.at("topic_filter") + 2;
            if v5 {
                family.packet(
                    format!("{name}/share/{id}"),
                    format!("{} with the filter {filter}", of.name()),
                    draft,
                    Says::Bad(kind, start + at),
                    &["MQTT-4.8.2-2"],
                );
            } else if !matches!(id, "plus" | "bad-filter") {
                family.packet(
                    format!("{name}/share/{id}"),
                    format!("{} with {filter}, an ordinary filter in 3.1.1", of.name()),
                    draft,
                    Says::Good,
                    &[wildcards],
                );
            }
        }
        if v5 {
            let draft = smallest(version, of).set_text("topic_filter", b"$share/consumer1//finance");
            family.packet(
                format!("{name}/share/good"),
                format!("{} with a shared filter", of.name()),
                draft,
                Says::Good,
                &["MQTT-4.8.2-1", "MQTT-4.8.2-2"],
            );
        }
    }
}

/// Every reason code in every packet that has one.
pub(super) fn reason_codes() -> Family {
    let mut family =
        Family::new("reason-codes", "Every reason code in every packet of 5.0, and the codes of 3.1.1");
    for of in [
        Type::ConnAck,
        Type::PubAck,
        Type::PubRec,
        Type::PubRel,
        Type::PubComp,
        Type::SubAck,
        Type::UnsubAck,
        Type::Disconnect,
        Type::Auth,
    ] {
        let name = slug(of.name());
        let rules: &[&str] = match of {
            Type::ConnAck => &["MQTT-3.2.2-8"],
            Type::PubAck => &["MQTT-3.4.2-1"],
            Type::PubRec => &["MQTT-3.5.2-1"],
            Type::PubRel => &["MQTT-3.6.2-1"],
            Type::PubComp => &["MQTT-3.7.2-1"],
            Type::SubAck => &["MQTT-3.9.3-2", "MQTT-3.8.4-7"],
            Type::UnsubAck => &["MQTT-3.11.3-2"],
            Type::Disconnect => &["MQTT-3.14.2-1"],
            _ => &["MQTT-3.15.2-1"],
        };
        let with = |code: u8| {
            let place = Place::Packet(of);
            let properties = if of == Type::Auth { vec![sample(21)] } else { vec![] };
            carrying(place, &properties).set(
                "reason_code",
                format!("Reason Code 0x{code:02X}: {}", reason_name(code)),
                [code],
            )
        };
        // Those between and behind the listed ones.
        let unlisted = [0x03, 0x05, 0x0F, 0x12, 0x17, 0x1A, 0x7F, 0xA3, 0xC0, 0xFF];
        for code in REASON_CODES.iter().map(|(code, _)| *code).chain(unlisted) {
            let draft = with(code);
            let at = draft.at("reason_code");
            let may = may_carry(of, code, None);
            let says = if may { Says::Good } else { Says::Bad("ReasonCodeNotAllowed", at) };
            let title = format!("{} with 0x{code:02X}, {}", of.name(), reason_name(code));
            let made = family.packet(format!("{name}/{code:02x}"), title, draft, says, rules);
            if of == Type::Disconnect && code == 0x8C {
                made.free("Table 2-6 lists the code for DISCONNECT, Table 3-10 does not");
            }
        }
        if !matches!(of, Type::PubAck | Type::PubRec | Type::Disconnect | Type::Auth) {
            continue;
        }
        for code in REASON_CODES.iter().map(|(code, _)| *code).filter(|code| may_carry(of, *code, None)) {
            for sender in [Sender::Client, Sender::Server] {
                let draft = with(code);
                let at = draft.at("reason_code");
                let says = if may_carry(of, code, Some(sender)) {
                    Says::Good
                } else {
                    Says::Bad("ReasonCodeSender", at)
                };
                let word = format!("{sender:?}").to_lowercase();
                let title =
                    format!("{} with 0x{code:02X}, {}, from the {word}", of.name(), reason_name(code));
                let made = family.packet(
                    format!("{name}/{code:02x}-{word}"),
                    title,
                    Bytes::of(&draft).from(sender),
                    says,
                    rules,
                );
                match (of, code, sender) {
                    (Type::Disconnect, 0x8C, _) => {
                        made.free("Table 2-6 lists the code for DISCONNECT, Table 3-10 does not");
                    }
                    (Type::Disconnect, 0x9B, Sender::Client) => {
                        made.free("Table 3-10 gives the code to the server alone, section 3.3.4 has the client send it");
                    }
                    _ => {}
                }
            }
        }
    }
    // Not the only code of its packet.
    for (of, bad) in [(Type::SubAck, 0x03), (Type::UnsubAck, 0x01)] {
        let draft = smallest(V5, of).code("reason_code.1", bad);
        let at = draft.at("reason_code.1");
        let title = format!("{} with a bad code behind a good one", of.name());
        family.packet(
            format!("{}/second", slug(of.name())),
            title,
            draft,
            Says::Bad("ReasonCodeNotAllowed", at),
            &[],
        );
    }
    for code in [0x00, 0x01, 0x02, 0x03, 0x04, 0x7F, 0x80, 0x81, 0x8F, 0xFF] {
        let draft =
            smallest(V311, Type::SubAck).set("reason_code", format!("Return Code 0x{code:02X}"), [code]);
        let says =
            if matches!(code, 0..=2 | 0x80) { Says::Good } else { Says::Bad("ReasonCodeNotAllowed", 4) };
        family.packet(
            format!("suback/{code:02x}"),
            format!("SUBACK with 0x{code:02X}"),
            draft,
            says,
            &["MQTT-3.9.3-2"],
        );
    }
    // DISCONNECT's Session Expiry Interval is the client's.
    for (sender, good) in [(Sender::Client, true), (Sender::Server, false)] {
        let draft = packet(V5, Type::Disconnect, &[sample(17)]);
        let at = draft.at("properties.0");
        let says = if good { Says::Good } else { Says::Bad("PropertySender", at) };
        let word = format!("{sender:?}").to_lowercase();
        family.packet(
            format!("disconnect/session-expiry-{word}"),
            format!("DISCONNECT with a Session Expiry Interval from the {word}"),
            Bytes::of(&draft).from(sender),
            says,
            &["MQTT-3.14.2-2"],
        );
    }
    family
}
