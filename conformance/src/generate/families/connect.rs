//! CONNECT and CONNACK.

use crate::generate::draft::{ConnectParts, Draft, connect, prefixed, prop, sample, smallest};
use crate::generate::family::{BOTH, Family, Says};
use crate::generate::tables::{Type, V5, Version};

fn plain(version: Version, flags: u8) -> Draft {
    connect(version, &ConnectParts { flags, client_id: "c", ..Default::default() })
}

/// Every byte of Connect Flags that breaks at most one rule, with the fields that it announces.
pub(super) fn flags() -> Family {
    let mut family = Family::new(
        "connect-flags",
        "Connect Flags: every combination that breaks at most one rule, with the fields it announces",
    );
    for version in BOTH {
        let v5 = version == V5;
        for flags in 0..=0xFF_u8 {
            let [user_name, password, will_retain, will, _clean, reserved] =
                [7, 6, 5, 2, 1, 0].map(|bit| flags >> bit & 1 == 1);
            let will_qos = flags >> 3 & 3;
            let broken = [
                (reserved, "ConnectReservedFlag"),
                (will_qos == 3 && will, "WillQoS3"),
                (will_qos != 0 && !will, "WillQoSWithoutWill"),
                (will_retain && !will, "WillRetainWithoutWill"),
                (password && !user_name && !v5, "PasswordWithoutUserName"),
            ];
            let broken: Vec<&str> = broken.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind).collect();
            let draft = plain(version, flags);
            let at = draft.at("connect_flags");
            let title = format!("Connect Flags {flags:08b}");
            let mut rules = vec!["MQTT-3.1.2-3", "MQTT-3.1.4-1"];
            match broken.as_slice() {
                [] => {
                    rules.extend(match (will, v5) {
                        (true, true) => &["MQTT-3.1.2-12", "MQTT-3.1.2-9"][..],
                        (true, false) => &["MQTT-3.1.2-14", "MQTT-3.1.2-9"],
                        (false, true) => &["MQTT-3.1.2-11", "MQTT-3.1.2-13"],
                        (false, false) => &["MQTT-3.1.2-13", "MQTT-3.1.2-11", "MQTT-3.1.2-15"],
                    });
                    if v5 {
                        rules.push(if user_name { "MQTT-3.1.2-17" } else { "MQTT-3.1.2-16" });
                        rules.push(if password { "MQTT-3.1.2-19" } else { "MQTT-3.1.2-18" });
                    } else {
                        rules.push(if user_name { "MQTT-3.1.2-19" } else { "MQTT-3.1.2-18" });
                        rules.push(if password { "MQTT-3.1.2-21" } else { "MQTT-3.1.2-20" });
                        rules.push("MQTT-3.1.2-22");
                    }
                    family.packet(format!("{flags:02x}"), title, draft, Says::Good, &rules);
                }
                [kind] => {
                    let mut rules = vec!["MQTT-3.1.4-1"];
                    if !v5 && kind.contains("WithoutWill") {
                        rules.push("MQTT-3.1.2-11");
                    }
                    let kind: &'static str = KINDS.iter().find(|known| *known == kind).expect("one of them");
                    let title = format!("{title}: {}", said(kind));
                    family.packet(format!("{flags:02x}"), title, draft, Says::Bad(kind, at), &rules);
                }
                _ => {}
            }
        }
        // All wrong at once: any of them may be reported.
        let draft = plain(version, 0b0011_1001);
        let at = draft.at("connect_flags");
        let made = family.packet(
            "several-rules",
            "the reserved flag, a Will QoS and Will Retain without a Will: any one may be reported",
            draft,
            Says::Bad("ConnectReservedFlag", at),
            &["MQTT-3.1.4-1"],
        );
        made.or(&["WillQoSWithoutWill", "WillRetainWithoutWill"]);
    }
    family
}

const KINDS: [&str; 5] = [
    "ConnectReservedFlag",
    "WillQoS3",
    "WillQoSWithoutWill",
    "WillRetainWithoutWill",
    "PasswordWithoutUserName",
];

fn said(kind: &str) -> &'static str {
    match kind {
        "ConnectReservedFlag" => "the reserved flag is set",
        "WillQoS3" => "Will QoS 3",
        "WillQoSWithoutWill" => "a Will QoS without a Will",
        "WillRetainWithoutWill" => "Will Retain without a Will",
        _ => "a Password without a User Name",
    }
}

/// Protocol names and versions, identifiers, and the order of the payload.
pub(super) fn connects() -> Family {
    let mut family = Family::new(
        "connect",
        "CONNECT: protocol name and version, Client Identifier, Keep Alive, the payload's fields and their order",
    );
    protocol(&mut family);
    for version in BOTH {
        let v5 = version == V5;
        let name_rule = "MQTT-3.1.2-1";
        family.packet(
            "smallest",
            "the smallest CONNECT",
            plain(version, 2),
            Says::Good,
            &[name_rule, "MQTT-3.1.2-2", "MQTT-3.1.4-1", "MQTT-3.1.3-3"],
        );
        for keep_alive in [0_u16, 1, 65_535] {
            let draft = plain(version, 2).set(
                "keep_alive",
                format!("Keep Alive {keep_alive}"),
                keep_alive.to_be_bytes(),
            );
            family.packet(
                format!("keep-alive/{keep_alive}"),
                format!("a Keep Alive of {keep_alive} seconds"),
                draft,
                Says::Good,
                &["MQTT-3.1.4-1"],
            );
        }
        client_ids(&mut family, version);

        let order = ["MQTT-3.1.3-1", "MQTT-3.1.3-3"];
        let full = |flags| connect(version, &ConnectParts { flags, client_id: "id", ..Default::default() });
        family.packet(
            "payload/all",
            "Client Identifier, Will, User Name and Password in order",
            full(0b1100_0110),
            Says::Good,
            &order,
        );
        // The password is no UTF-8, so that it shows where a user name is looked for.
        let swapped = full(0b1100_0110)
            .without("user_name")
            .set("password", "Password, in front of the User Name", prefixed(&[0xFF]))
            .text("user_name", "u");
        let at = swapped.at("password") + 2;
        family.packet(
            "payload/password-first",
            "the Password stands where the User Name should",
            swapped,
            Says::Bad("InvalidUtf8", at),
            &["MQTT-3.1.3-1"],
        );
        let swapped = full(0b0000_0110)
            .without("will_topic")
            .set("will_payload", "Will Payload, in front of the Will Topic", prefixed(&[0xFF]))
            .text("will_topic", "w");
        let at = swapped.at("will_payload") + 2;
        family.packet(
            "payload/will-payload-first",
            "the Will Payload stands where the Will Topic should",
            swapped,
            Says::Bad("InvalidUtf8", at),
            &["MQTT-3.1.3-1"],
        );

        let empty = full(2).cut("client_identifier");
        let at = empty.bytes().len();
        family.packet(
            "payload/none",
            "there is no Client Identifier",
            empty,
            Says::Bad("Truncated", at),
            &["MQTT-3.1.3-3", "MQTT-3.1.4-1"],
        );
        let [has_user, has_password, no_user, no_password] = if v5 {
            ["MQTT-3.1.2-17", "MQTT-3.1.2-19", "MQTT-3.1.2-16", "MQTT-3.1.2-18"]
        } else {
            ["MQTT-3.1.2-19", "MQTT-3.1.2-21", "MQTT-3.1.2-18", "MQTT-3.1.2-20"]
        };
        let missing: [(&str, &str, Draft, &[&str]); 4] = [
            (
                "will-topic",
                "the Will Flag is set, the payload ends before the Will",
                full(6).cut(if v5 { "will_properties" } else { "will_topic" }),
                &["MQTT-3.1.2-9"],
            ),
            (
                "will-payload",
                "the Will Flag is set, the payload ends behind the Will Topic",
                full(6).cut("will_payload"),
                &["MQTT-3.1.2-9"],
            ),
            (
                "user-name",
                "the User Name Flag is set, there is no User Name",
                full(0x82).cut("user_name"),
                &[has_user],
            ),
            (
                "password",
                "the Password Flag is set, there is no Password",
                full(0xC2).cut("password"),
                &[has_password],
            ),
        ];
        for (id, title, draft, rules) in missing {
            let at = draft.bytes().len();
            family.packet(format!("payload/no-{id}"), title, draft, Says::Bad("Truncated", at), rules);
        }
        let surplus: [(&str, &str, Draft, &[&str]); 3] = [
            ("user-name", "a User Name, though its flag is 0", full(2).text("user_name", "u"), &[no_user]),
            (
                "password",
                "a Password, though its flag is 0",
                full(0x82).text("password", "p"),
                &[no_password],
            ),
            (
                "will",
                "a Will, though its flag is 0",
                full(2).text("will_topic", "w").text("will_payload", "x"),
                if v5 { &["MQTT-3.1.2-9"] } else { &["MQTT-3.1.2-11"] },
            ),
        ];
        for (id, title, draft, rules) in surplus {
            let last = draft.keys().pop().expect("fields");
            let at = if id == "will" { draft.at("will_topic") } else { draft.at(&last) };
            family.packet(
                format!("payload/surplus-{id}"),
                title,
                draft,
                Says::Bad("TrailingBytes", at),
                rules,
            );
        }
        for (id, what, bytes) in
            [("empty", "empty", &b""[..]), ("binary", "of any bytes", &[0, 0xFF, 0xC0, 0x80])]
        {
            let draft = full(6).set("will_payload", "Will Payload", prefixed(bytes));
            family.packet(
                format!("will-payload/{id}"),
                format!("a Will Payload {what}"),
                draft,
                Says::Good,
                &["MQTT-3.1.2-9"],
            );
            let draft = full(0xC2).set("password", "Password", prefixed(bytes));
            family.packet(
                format!("password/{id}"),
                format!("a Password {what}"),
                draft,
                Says::Good,
                &[has_password],
            );
        }
        let draft = full(0x82).set_text("user_name", b"");
        family.packet("user-name/empty", "an empty User Name", draft, Says::Good, &[has_user]);

        let wildcards = if v5 { "MQTT-4.7.0-1" } else { "MQTT-4.7.1-1" };
        for (id, topic, at) in [("plus", "a/+", 2), ("hash", "#", 0), ("within", "a+b", 1)] {
            let draft = full(6).set_text("will_topic", topic.as_bytes());
            let at = draft.at("will_topic") + 2 + at;
            family.packet(
                format!("will-topic/{id}"),
                format!("the Will Topic {topic} holds a wildcard"),
                draft,
                Says::Bad("WildcardInName", at),
                &[wildcards],
            );
        }
        let draft = full(6).set_text("will_topic", b"");
        let at = draft.at("will_topic");
        family.packet(
            "will-topic/empty",
            "the Will Topic is empty",
            draft,
            Says::Bad("TopicEmpty", at),
            &["MQTT-4.7.3-1"],
        );
    }
    for (id, ids, wrong) in [
        ("data-alone", &[22][..], Some("properties.0")),
        ("data-behind-another", &[17, 22], Some("properties.1")),
        ("data-before-another", &[22, 17], Some("properties.0")),
        ("method-alone", &[21], None),
        ("method-behind-data", &[22, 21], None),
    ] {
        let properties = ids.iter().map(|id| sample(*id)).collect();
        let draft = connect(V5, &ConnectParts { flags: 2, client_id: "c", properties, ..Default::default() });
        let says = wrong.map_or(Says::Good, |key| Says::Bad("AuthenticationMethodMissing", draft.at(key)));
        family.packet(
            format!("authentication/{id}"),
            format!("authentication properties: {}", id.replace('-', " ")),
            draft,
            says,
            &["U-3.1.2.11.10"],
        );
    }
    let draft =
        connect(V5, &ConnectParts { flags: 2, client_id: "c", ..Default::default() }).without("properties");
    let made = family.packet(
        "no-properties",
        "there is no Property Length: the Client Identifier is read as properties",
        draft,
        Says::Model,
        &[],
    );
    made.rules.push("5.0 MQTT-2.2.2-1".to_owned());
    family
}

fn protocol(family: &mut Family) {
    for version in BOTH {
        let base = || plain(version, 2);
        let at = base().at("protocol_name");
        for name in ["MQT", "MQTTT", "mqtt", "Mqtt", "MQTTX", "", "MQIsdpX", "HTTP", "\u{FEFF}MQTT", "MQIsd"]
        {
            let draft = base().set_text("protocol_name", name.as_bytes());
            let id = if name.is_empty() { "empty".to_owned() } else { name.replace('\u{FEFF}', "bom-") };
            family.packet(
                format!("protocol-name/{id}"),
                format!("the Protocol Name {name:?}"),
                draft,
                Says::Bad("ProtocolName", at),
                &["MQTT-3.1.4-1"],
            );
        }
        let own = if version == V5 { 5 } else { 4 };
        for level in [0, 1, 2, 3, 4, 5, 6, 0x7F, 0x80 | own, 0xFF] {
            let draft = base().set("protocol_version", format!("Protocol Version {level}"), [level]);
            let at = draft.at("protocol_version");
            // What another version's CONNECT would be is of no concern: by this version it is refused.
            let says = if level == own { Says::Good } else { Says::Bad("ProtocolVersion", at) };
            let made = family.packet(
                format!("protocol-version/{level}"),
                format!("the Protocol Name MQTT with version {level}"),
                draft,
                says,
                &["MQTT-3.1.2-2"],
            );
            if matches!(level, 3..=5) && level != own {
                made.free("a codec for several versions may go by the version that CONNECT names");
            }
        }
        let draft = base().set_text("protocol_name", b"MQIsdp");
        let at = draft.at("protocol_version");
        let made = family.packet(
            "protocol-name/MQIsdp",
            "the Protocol Name of 3.1 with a version that is not",
            draft,
            Says::Bad("ProtocolVersion", at),
            &[],
        );
        made.or(&["ProtocolName"]);
        made.rules.push(format!("{} MQTT-3.1.2-1", version.name()));
    }
}

const MAY_REFUSE_EMPTY: &str =
    "a server may allow an empty Client Identifier, or refuse it, or give another in its place";

fn client_ids(family: &mut Family, version: Version) {
    let with = |flags, id: &str| plain(version, flags).set_text("client_identifier", id.as_bytes());
    let all = "0123456789ABCDEFGHIJKLM";
    for id in ["0", all, "NOPQRSTUVWXYZabcdefghij", "klmnopqrstuvwxyz"] {
        let title = format!("the Client Identifier {id}, which a server has to accept");
        family.packet(
            format!("client-identifier/{id}"),
            title,
            with(2, id),
            Says::Good,
            &["MQTT-3.1.3-5", "MQTT-3.1.3-4"],
        );
    }
    for (name, id) in [
        ("24-bytes", "012345678901234567890123".to_owned()),
        ("65535-bytes", "c".repeat(65_535)),
        ("other-characters", "c/+#$ \u{E9}".to_owned()),
    ] {
        let made = family.packet(
            format!("client-identifier/{name}"),
            format!("a Client Identifier of {} bytes, as a server may allow", id.len()),
            with(2, &id),
            Says::Good,
            &["MQTT-3.1.3-4"],
        );
        made.free(
            "a server may refuse Client Identifiers beyond the 23 letters and digits that it has to accept",
        );
    }
    let rules: &[&str] = if version == V5 { &["MQTT-3.1.3-3"] } else { &["MQTT-3.1.3-7", "MQTT-3.1.3-8"] };
    family
        .packet(
            "client-identifier/empty-clean",
            "an empty Client Identifier with a clean start",
            with(2, ""),
            Says::Good,
            rules,
        )
        .free(MAY_REFUSE_EMPTY);
    let draft = with(0, "");
    let at = draft.at("client_identifier");
    match version {
        V5 => family
            .packet(
                "client-identifier/empty",
                "an empty Client Identifier without a clean start, which 5.0 allows",
                draft,
                Says::Good,
                rules,
            )
            .free(MAY_REFUSE_EMPTY),
        _ => family.packet(
            "client-identifier/empty",
            "an empty Client Identifier without a clean session",
            draft,
            Says::Bad("ClientIdEmpty", at),
            rules,
        ),
    };
}

pub(super) fn connacks() -> Family {
    let mut family = Family::new(
        "connack",
        "CONNACK: flags, Session Present, return codes of 3.1.1 (reason codes of 5.0 have a file of their own)",
    );
    for version in BOTH {
        let v5 = version == V5;
        let reserved = if v5 { "MQTT-3.2.2-1" } else { "U-3.2.2.1" };
        let refused = if v5 { "MQTT-3.2.2-6" } else { "MQTT-3.2.2-4" };
        let base = || smallest(version, Type::ConnAck);
        for flags in [0, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 3, 0xFE, 0xFF_u8] {
            let draft = base().set("flags", format!("Connect Acknowledge Flags {flags:08b}"), [flags]);
            let says = if flags <= 1 { Says::Good } else { Says::Bad("ConnAckReservedFlags", 2) };
            family.packet(
                format!("flags/{flags:02x}"),
                format!("Connect Acknowledge Flags {flags:08b}"),
                draft,
                says,
                &[reserved],
            );
        }
        let codes: &[u8] = if v5 { &[0x00, 0x80, 0x85, 0x87, 0x9F] } else { &[0, 1, 2, 3, 4, 5] };
        for session in [0, 1] {
            for code in codes {
                let draft = base().set("flags", format!("Session Present {session}"), [session]).set(
                    "reason_code",
                    format!("code {code}"),
                    [*code],
                );
                let says = if session == 1 && *code != 0 {
                    Says::Bad("SessionPresentRefused", 2)
                } else {
                    Says::Good
                };
                let title = format!("Session Present {session} with the code {code}");
                let rules: &[&str] = if v5 { &[refused] } else { &[refused, "U-3.2.2.3"] };
                let rules = if session == 1 && *code != 0 { &rules[..1] } else { rules };
                family.packet(format!("session-present/{session}-{code}"), title, draft, says, rules);
            }
        }
        if !v5 {
            for code in [6, 7, 0x7F, 0x80, 0xFF] {
                let draft = base().set("reason_code", format!("Return Code {code}"), [code]);
                family.packet(
                    format!("return-code/{code}"),
                    format!("the reserved return code {code}"),
                    draft,
                    Says::Bad("ReasonCodeNotAllowed", 3),
                    &[],
                );
            }
        }
    }
    let short = smallest(V5, Type::ConnAck).without("properties");
    family.packet(
        "no-properties",
        "CONNACK has no short form: a Property Length is there even when it is 0",
        short,
        Says::Bad("Truncated", 4),
        &["MQTT-2.2.2-1"],
    );
    family.packet(
        "empty-properties",
        "a Property Length of 0",
        smallest(V5, Type::ConnAck),
        Says::Good,
        &["MQTT-2.2.2-1"],
    );
    for (id, properties) in [
        ("method-without-data", vec![prop(21, prefixed(b"m"))]),
        ("data-without-method", vec![prop(22, prefixed(b"d"))]),
    ] {
        let draft = crate::generate::draft::packet(V5, Type::ConnAck, &properties);
        let made = family.packet(
            id,
            format!("authentication properties: {}", id.replace('-', " ")),
            draft,
            Says::Good,
            &["U-2.2.2.2-a"],
        );
        if id == "data-without-method" {
            made.free("the text calls Authentication Data without a Method an error for CONNECT alone");
        }
    }
    family
}
