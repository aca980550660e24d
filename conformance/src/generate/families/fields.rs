//! Strings and identifiers, wherever they stand.

use super::slug;
use crate::generate::draft::{
    ConnectParts, Draft, block_key, carrying, connect, needed, pair, prefixed, prop, publish, smallest,
};
use crate::generate::family::{BOTH, Bytes, Family, Says};
use crate::generate::tables::{PROPERTIES, Place, Range, Sender, Type, V5, Version, Wire};

/// Characters that are not UTF-8 (RFC 3629), behind a good one: what they are, their bytes, and which byte is
/// the first of the bad character.
const ILL_FORMED: [(&str, &str, &[u8]); 18] = [
    ("continuation-alone", "a continuation byte alone", &[0x80]),
    ("continuation-last-alone", "the last continuation byte alone", &[0xBF]),
    ("cut-two", "a character of two bytes cut off", &[0xC3]),
    ("two-without-continuation", "a character of two bytes without its second", &[0xC3, 0x28]),
    ("overlong-nul", "U+0000 in two bytes", &[0xC0, 0x80]),
    ("overlong-slash", "`/` in two bytes", &[0xC0, 0xAF]),
    ("overlong-two", "U+007F in two bytes", &[0xC1, 0xBF]),
    ("cut-three", "a character of three bytes cut off", &[0xE2, 0x82]),
    ("overlong-three", "U+07FF in three bytes", &[0xE0, 0x9F, 0xBF]),
    ("surrogate-first", "the surrogate U+D800", &[0xED, 0xA0, 0x80]),
    ("surrogate-last", "the surrogate U+DFFF", &[0xED, 0xBF, 0xBF]),
    ("surrogate-pair", "U+1F600 as two surrogates", &[0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80]),
    ("cut-four", "a character of four bytes cut off", &[0xF0, 0x9F, 0x98]),
    ("overlong-four", "U+FFFF in four bytes", &[0xF0, 0x8F, 0xBF, 0xBF]),
    ("above-last", "U+110000, behind the last character", &[0xF4, 0x90, 0x80, 0x80]),
    ("five-bytes", "a character of five bytes", &[0xF8, 0x88, 0x80, 0x80, 0x80]),
    ("fe", "the byte FE", &[0xFE]),
    ("ff", "the byte FF", &[0xFF]),
];

/// Those that every string field gets.
const EVERYWHERE: [&str; 4] = ["overlong-nul", "cut-three", "surrogate-first", "ff"];

const WELL_FORMED: [(&str, &str, &str); 11] = [
    ("bom-alone", "U+FEFF alone, which is kept", "\u{FEFF}"),
    ("bom-first", "U+FEFF in front, which is kept", "\u{FEFF}a"),
    ("bom-within", "U+FEFF within, which is kept", "a\u{FEFF}b"),
    ("last-of-two", "U+07FF, the last of two bytes", "\u{7FF}"),
    ("first-of-three", "U+0800, the first of three bytes", "\u{800}"),
    ("before-surrogates", "U+D7FF, before the surrogates", "\u{D7FF}"),
    ("behind-surrogates", "U+E000, behind the surrogates", "\u{E000}"),
    ("replacement", "U+FFFD, the replacement character", "\u{FFFD}"),
    ("first-of-four", "U+10000, the first of four bytes", "\u{10000}"),
    ("standard", "U+0041 U+2A6D4, the standard's own example", "A\u{2A6D4}"),
    ("last", "U+10FFFD, the last character but for two non-characters", "\u{10FFFD}"),
];

/// Allowed, though a sender should not use them and a receiver may refuse them.
const DISCOURAGED: [(&str, &str, &str); 8] = [
    ("control-first", "the control character U+0001", "a\u{1}"),
    ("control-newline", "the control character U+000A", "a\n"),
    ("control-last", "the control character U+001F", "a\u{1F}"),
    ("delete", "the control character U+007F", "a\u{7F}"),
    ("control-c1", "the control character U+009F", "a\u{9F}"),
    ("non-character-fdd0", "the non-character U+FDD0", "a\u{FDD0}"),
    ("non-character-fffe", "the non-character U+FFFE", "a\u{FFFE}"),
    ("non-character-10ffff", "the non-character U+10FFFF", "a\u{10FFFF}"),
];

/// Builds a packet with other bytes in a field, and tells their offset.
type Build = dyn Fn(&[u8]) -> (Draft, usize);

/// A string field: a packet with other bytes in it, the offset of these bytes, and what rule it has of its own.
struct StringField {
    name: String,
    title: String,
    packet: Box<Build>,
    topic: bool,
    rule: Option<&'static str>,
}

fn field(version: Version, of: Type, key: &'static str, rule: &'static str) -> StringField {
    let topic = matches!(key, "topic_name" | "topic_filter" | "topic_filter.1" | "will_topic");
    let build = move |text: &[u8]| {
        let draft = match of {
            Type::Connect => {
                connect(version, &ConnectParts { flags: 0b1100_0110, client_id: "c", ..Default::default() })
            }
            _ if key == "topic_filter.1" => {
                let draft = smallest(version, of).text("topic_filter.1", "c");
                if of == Type::Subscribe { draft.raw("options.1", "Maximum QoS 0", [0]) } else { draft }
            }
            _ => smallest(version, of),
        };
        let draft = draft.set_text(key, text);
        let at = draft.at(key) + 2;
        (draft, at)
    };
    StringField {
        name: format!("{}/{}", slug(of.name()), slug(key)),
        title: format!("{} of {}", key.trim_end_matches(".1").replace('_', " "), of.name()),
        packet: Box::new(build),
        topic,
        rule: Some(rule).filter(|rule| !rule.is_empty()),
    }
}

fn property_field(place: Place, id: u8, part: Option<bool>) -> StringField {
    let row = PROPERTIES.iter().find(|row| row.id == id).expect("a property");
    let build = move |text: &[u8]| {
        let value = match part {
            None => prefixed(text),
            Some(true) => [prefixed(text), prefixed(b"v")].concat(),
            Some(false) => [prefixed(b"k"), prefixed(text)].concat(),
        };
        let mut all = needed(place, id);
        all.push(prop(id, value));
        let draft = carrying(place, &all);
        let at = draft.at(&format!("{}.{}", block_key(place), all.len() - 1))
            + 3
            + if part == Some(false) { 3 } else { 0 };
        (draft, at)
    };
    let part_name = match part {
        None => "",
        Some(true) => "-name",
        Some(false) => "-value",
    };
    StringField {
        name: format!("{}/{}{part_name}", slug(place.name()), slug(row.name)),
        title: format!("{}{} of {}", row.name, part_name.replace('-', " "), place.name()),
        packet: Box::new(build),
        topic: row.range == Range::Topic,
        rule: match (id, part) {
            (3, _) => Some("MQTT-3.3.2-19"),
            (8, _) => Some("MQTT-3.3.2-13"),
            (38, _) => Some("MQTT-1.5.7-1"),
            _ => None,
        },
    }
}

fn string_fields(version: Version) -> Vec<StringField> {
    let v5 = version == V5;
    let mut fields = vec![
        field(version, Type::Connect, "client_identifier", "MQTT-3.1.3-4"),
        field(version, Type::Connect, "will_topic", if v5 { "MQTT-3.1.3-11" } else { "MQTT-3.1.3-10" }),
        field(version, Type::Connect, "user_name", if v5 { "MQTT-3.1.3-12" } else { "MQTT-3.1.3-11" }),
        field(version, Type::Publish, "topic_name", "MQTT-3.3.2-1"),
        field(version, Type::Subscribe, "topic_filter", "MQTT-3.8.3-1"),
        field(version, Type::Subscribe, "topic_filter.1", "MQTT-3.8.3-1"),
        field(version, Type::Unsubscribe, "topic_filter", "MQTT-3.10.3-1"),
        field(version, Type::Unsubscribe, "topic_filter.1", "MQTT-3.10.3-1"),
    ];
    if v5 {
        for place in Place::ALL {
            for id in place.properties() {
                match PROPERTIES.iter().find(|row| row.id == *id).expect("a property").wire {
                    Wire::Text => fields.push(property_field(place, *id, None)),
                    Wire::Pair => {
                        fields.extend([Some(true), Some(false)].map(|part| property_field(place, *id, part)));
                    }
                    _ => {}
                }
            }
        }
    }
    fields
}

pub(super) fn strings() -> Family {
    let mut family = Family::new("strings", "Every string field: UTF-8 and what is not, U+0000, U+FEFF");
    for version in BOTH {
        let section = if version == V5 { "1.5.4" } else { "1.5.3" };
        let [utf8, nul, bom] = [1, 2, 3].map(|n| format!("MQTT-{section}-{n}"));
        for field in string_fields(version) {
            let StringField { name, title, packet, topic, rule } = &field;
            let full = name == "connect/client-identifier" || name == "publish/topic-name";
            let own: Vec<&str> = rule.iter().copied().collect();
            let with = |first: &str| -> Vec<String> {
                [first].iter().chain(&own).map(|rule| (*rule).to_owned()).collect()
            };

            let nul_kind = if *topic { "TopicNul" } else { "NulCharacter" };
            let nul_rules = with(&nul);
            let nul_rules: Vec<&str> = nul_rules.iter().map(String::as_str).collect();
            let places: [(&str, &[u8], usize); 4] = [
                ("nul-within", b"a\0b", 1),
                ("nul-alone", b"\0", 0),
                ("nul-first", b"\0a", 0),
                ("nul-last", b"a\0", 1),
            ];
            for (id, text, bad) in places.into_iter().take(if full { 4 } else { 1 }) {
                let (draft, at) = packet(text);
                let title = format!("U+0000 in the {title}");
                family.packet(
                    format!("{name}/{id}"),
                    title,
                    draft,
                    Says::Bad(nul_kind, at + bad),
                    &nul_rules,
                );
            }
            let utf8_rules = with(&utf8);
            let utf8_rules: Vec<&str> = utf8_rules.iter().map(String::as_str).collect();
            for (id, what, bytes) in ILL_FORMED.into_iter().filter(|(id, ..)| full || EVERYWHERE.contains(id))
            {
                let text = [b"a", bytes].concat();
                let (draft, at) = packet(&text);
                let title = format!("{what} in the {title}");
                family.packet(
                    format!("{name}/{id}"),
                    title,
                    draft,
                    Says::Bad("InvalidUtf8", at + 1),
                    &utf8_rules,
                );
            }
            for (id, what, text) in
                WELL_FORMED.into_iter().filter(|(id, ..)| full || matches!(*id, "bom-first" | "standard"))
            {
                let (draft, _) = packet(text.as_bytes());
                let title = format!("{what}, in the {title}");
                let rules = with(if id.starts_with("bom") { &bom } else { &utf8 });
                let mut rules: Vec<&str> = rules.iter().map(String::as_str).collect();
                rules.push(&nul);
                family.packet(format!("{name}/{id}"), title, draft, Says::Good, &rules);
            }
            let option = format!("U-{section}");
            for (id, what, text) in DISCOURAGED.into_iter().filter(|(id, ..)| full || *id == "control-first")
            {
                let (draft, at) = packet(text.as_bytes());
                let title = format!("{what}, in the {title}");
                let made =
                    family.packet(format!("{name}/{id}"), title.clone(), &draft, Says::Good, &[&option]);
                made.free("a receiver may refuse control characters and non-characters, or accept them");
                if full {
                    let bytes = Bytes::of(&draft).refuse_control_characters();
                    let title = format!("{title}, when they are to be refused");
                    family.packet(
                        format!("{name}/{id}-refused"),
                        title,
                        bytes,
                        Says::Bad("DisallowedCharacter", at + 1),
                        &[],
                    );
                }
            }
            if full {
                let long = "a".repeat(65_535);
                let (draft, _) = packet(long.as_bytes());
                family.packet(
                    format!("{name}/longest"),
                    format!("65,535 bytes in the {title}"),
                    draft,
                    Says::Good,
                    &[&utf8],
                );
            }
        }
    }
    family
}

pub(super) fn packet_identifiers() -> Family {
    use Type::{PubAck, PubComp, PubRec, PubRel, Publish, SubAck, Subscribe, UnsubAck, Unsubscribe};
    let mut family = Family::new("packet-identifier", "Packet Identifiers: never 0, and none at QoS 0");
    for version in BOTH {
        for of in [Publish, PubAck, PubRec, PubRel, PubComp, Subscribe, SubAck, Unsubscribe, UnsubAck] {
            let rule = match (version, of) {
                (V5, PubAck | PubRec | PubRel | PubComp | SubAck | UnsubAck) => "U-2.2.1",
                (V5, _) => "MQTT-2.2.1-3",
                (_, PubAck | PubRec | PubRel | PubComp | SubAck | UnsubAck) => "U-2.3.1",
                _ => "MQTT-2.3.1-1",
            };
            for qos in if of == Publish { 1..=2 } else { 0..=0 } {
                let base = || if of == Publish { publish(version, qos, &[]) } else { smallest(version, of) };
                let name = if of == Publish { format!("publish-qos-{qos}") } else { slug(of.name()) };
                for id in [0_u16, 1, 255, 256, 65_535] {
                    let draft =
                        base().set("packet_identifier", format!("Packet Identifier {id}"), id.to_be_bytes());
                    let at = draft.at("packet_identifier");
                    let says = if id == 0 { Says::Bad("ZeroPacketId", at) } else { Says::Good };
                    let title = format!("{} with the Packet Identifier {id}", of.name());
                    family.packet(format!("{name}/{id}"), title, draft, says, &[rule]);
                }
            }
        }
        if version == V5 {
            for (id, qos) in [("server-qos-1", 1), ("server-qos-2", 2)] {
                for number in [0_u16, 10] {
                    let draft = publish(version, qos, &[]).set(
                        "packet_identifier",
                        format!("Packet Identifier {number}"),
                        number.to_be_bytes(),
                    );
                    let at = draft.at("packet_identifier");
                    let says = if number == 0 { Says::Bad("ZeroPacketId", at) } else { Says::Good };
                    let title =
                        format!("PUBLISH of QoS {qos} from the server with the Packet Identifier {number}");
                    family.packet(
                        format!("{id}/{number}"),
                        title,
                        Bytes::of(&draft).from(Sender::Server),
                        says,
                        &["MQTT-2.2.1-4"],
                    );
                }
            }
        }
        let none = if version == V5 { "MQTT-2.2.1-2" } else { "MQTT-2.3.1-5" };
        let draft = Draft::new(version, Publish).text("topic_name", "a/b").properties("properties", &[]);
        family.packet(
            "none-at-qos-0",
            "a PUBLISH of QoS 0 ends behind the topic",
            &draft,
            Says::Good,
            &[none],
        );
        let draft = draft.raw("payload", "Payload: what would be an identifier at QoS 1", [0, 10]);
        family.packet(
            "payload-at-qos-0",
            "two bytes behind the topic of a PUBLISH of QoS 0 are payload",
            draft,
            Says::Good,
            &[none],
        );
        for qos in [1, 2] {
            let whole = publish(version, qos, &[]).cut("packet_identifier");
            let at = whole.bytes().len();
            let title = format!("a PUBLISH of QoS {qos} that ends behind the topic");
            family.packet(format!("missing-at-qos-{qos}"), title, whole, Says::Bad("Truncated", at), &[]);
        }
    }
    family
}

/// Text that fits nowhere else: pairs of which one half is missing.
pub(super) fn pairs() -> Family {
    let mut family =
        Family::new("user-properties", "User Properties: pairs, repeated, in order, in every packet");
    for place in Place::ALL {
        let name = slug(place.name());
        let key = block_key(place);
        let before = needed(place, 38);
        let all = |more: &[(&str, &str)]| {
            let mut all = before.clone();
            all.extend(more.iter().map(|(name, value)| prop(38, pair(name, value))));
            carrying(place, &all)
        };
        let keeps: &[&str] = match place {
            Place::Packet(Type::Publish) => &["MQTT-3.3.2-17", "MQTT-3.3.2-18", "U-2.2.2.2-b"],
            Place::Will => &["MQTT-3.1.3-10", "U-2.2.2.2-b"],
            Place::Packet(_) => &["U-2.2.2.2-b"],
        };
        let ordered = all(&[("b", "1"), ("a", "2"), ("b", "1"), ("a", "1")]);
        family.packet(
            format!("{name}/order"),
            format!("{}: four User Properties, the names repeated, keep their order", place.name()),
            ordered,
            Says::Good,
            keeps,
        );
        family.packet(
            format!("{name}/same"),
            format!("{}: the same User Property twice", place.name()),
            all(&[("k", "v"), ("k", "v")]),
            Says::Good,
            keeps,
        );
        family.packet(
            format!("{name}/empty"),
            format!("{}: a User Property with empty name and value", place.name()),
            all(&[("", "")]),
            Says::Good,
            &["MQTT-1.5.7-1"],
        );
        let mut cut = before.clone();
        cut.push(prop(38, prefixed(b"k")));
        let draft = carrying(place, &cut);
        let at = draft.at(&format!("{key}.{}", before.len())) + 4;
        family.packet(
            format!("{name}/no-value"),
            format!("{}: a User Property without a value", place.name()),
            draft,
            Says::Bad("Truncated", at),
            &["MQTT-1.5.7-1"],
        );
    }
    family
}
