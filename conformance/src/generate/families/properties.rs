//! The 27 properties: where each may stand, how often, with which values, and how it can be cut.

use super::slug;
use crate::generate::draft::{
    Draft, Prop, block_key, carrying, needed, pair, prefixed, prop, publish, sample, variable,
};
use crate::generate::family::{Bytes, Family, Made, Says};
use crate::generate::tables::{PROPERTIES, Place, Property, Range, Sender, Type, V5, Wire};

/// A packet with this property behind what it needs; the offset of its identifier.
fn with(place: Place, property: Prop) -> (Draft, usize) {
    let mut all = needed(place, property.id);
    all.push(property);
    let draft = carrying(place, &all);
    let at = draft.at(&format!("{}.{}", block_key(place), all.len() - 1));
    (draft, at)
}

/// Every property in every place.
pub(super) fn places() -> Family {
    let mut family = Family::new(
        "property-places",
        "Every property in every packet and in the Will, where it belongs and where it does not; and identifiers that are none",
    );
    for place in Place::ALL {
        for row in &PROPERTIES {
            let (draft, at) = with(place, sample(row.id));
            let good = place.properties().contains(&row.id);
            let says = if good { Says::Good } else { Says::Bad("PropertyNotAllowed", at) };
            let title = format!("{} in {}", row.name, place.name());
            let mut rules = vec!["U-2.2.2.2-a"];
            if good {
                rules.push("U-2.2.2.2");
                rules.extend(
                    (place == Place::Packet(Type::Connect) && row.id == 22).then_some("U-3.1.2.11.10"),
                );
            }
            family.packet(format!("{}/{:02x}", slug(place.name()), row.id), title, draft, says, &rules);
        }
        for id in [0x00, 0x04, 0x14, 0x20, 0x2B, 0x7F] {
            let (draft, at) = with(place, prop(id, [0, 0]));
            family.packet(
                format!("{}/unknown-{id:02x}", slug(place.name())),
                format!("the identifier 0x{id:02X}, which is no property, in {}", place.name()),
                draft,
                Says::Bad("PropertyUnknown", at),
                &[],
            );
        }
    }
    for id in (0..0x80).filter(|id| !PROPERTIES.iter().any(|row| row.id == *id)) {
        let (draft, at) = with(Place::Packet(Type::Publish), prop(id, [0, 0]));
        let name = format!("publish/none-{id:02x}");
        family.packet(
            name,
            format!("the identifier 0x{id:02X}, which is no property"),
            draft,
            Says::Bad("PropertyUnknown", at),
            &[],
        );
    }
    // Identifiers of more than one byte.
    for (id, bytes, kind, off, title) in [
        ("128", &[0x80, 0x01, 0][..], "PropertyUnknown", 0, "the identifier 128, in two bytes"),
        ("largest", &[0xFF, 0xFF, 0xFF, 0x7F], "PropertyUnknown", 0, "the largest identifier, in four bytes"),
        (
            "two-bytes",
            &[0x81, 0x00, 1],
            "LengthNotShortest",
            1,
            "the Payload Format Indicator's identifier in two bytes",
        ),
        (
            "four-bytes",
            &[0x81, 0x80, 0x80, 0x00, 1],
            "LengthNotShortest",
            3,
            "the Payload Format Indicator's identifier in four bytes",
        ),
        (
            "five-bytes",
            &[0x81, 0x80, 0x80, 0x80, 0x00, 1],
            "LengthTooLong",
            3,
            "the Payload Format Indicator's identifier in five bytes",
        ),
        ("cut", &[0x81], "Truncated", 0, "an identifier that is cut off"),
    ] {
        let base = publish(V5, 0, &[sample(2)]).set("properties.0", title, bytes);
        let at = base.at("properties.0") + off;
        family.packet(format!("publish/identifier-{id}"), title, base, Says::Bad(kind, at), &[]);
    }
    for sender in [Sender::Client, Sender::Server] {
        let draft = publish(V5, 0, &[sample(11)]);
        let at = draft.at("properties.0");
        let word = format!("{sender:?}").to_lowercase();
        let says = if sender == Sender::Server { Says::Good } else { Says::Bad("PropertySender", at) };
        family.packet(
            format!("publish/subscription-identifier-{word}"),
            format!("a Subscription Identifier in a PUBLISH from the {word}"),
            Bytes::of(&draft).from(sender),
            says,
            &["MQTT-3.3.4-6"],
        );
    }
    family
}

/// Every property twice.
pub(super) fn repeats() -> Family {
    let mut family = Family::new(
        "property-repeats",
        "Every property that may not stand twice, twice; and the order of properties",
    );
    for place in Place::ALL {
        for id in place.properties() {
            let row = PROPERTIES.iter().find(|row| row.id == *id).expect("a property");
            let name = format!("{}/{:02x}", slug(place.name()), id);
            let before = needed(place, *id);
            let build = |more: &[Prop]| {
                let all: Vec<Prop> = before.iter().chain(more).cloned().collect();
                let draft = carrying(place, &all);
                let last = draft.at(&format!("{}.{}", block_key(place), all.len() - 1));
                (draft, last)
            };
            let verdict =
                |at| if place.repeats(*id) { Says::Good } else { Says::Bad("PropertyRepeated", at) };
            let gap = matches!((place, id), (Place::Packet(Type::Publish), 1 | 2));
            let remark = |made: &mut Made| {
                if gap {
                    made.note("the section of PUBLISH misses the sentence that the Will's has; a repeat is refused like any other");
                }
            };
            let (draft, at) = build(&[sample(*id), sample(*id)]);
            remark(family.packet(
                format!("{name}/same"),
                format!("{} twice in {}", row.name, place.name()),
                draft,
                verdict(at),
                &["U-2.2.2.2-b"],
            ));
            if let Some(least) = least(row) {
                let (draft, at) = build(&[least.clone(), sample(*id)]);
                let title = format!("{} in {}: the least value, and then another", row.name, place.name());
                remark(family.packet(
                    format!("{name}/least-first"),
                    title,
                    draft,
                    verdict(at),
                    &["U-2.2.2.2-b"],
                ));
            }
            if *id != 38 {
                let (draft, at) = build(&[sample(*id), sample(38), sample(*id)]);
                let title = format!("{} twice in {}, another between", row.name, place.name());
                remark(family.packet(format!("{name}/apart"), title, draft, verdict(at), &["U-2.2.2.2-b"]));
            }
        }
        // Order between different properties has no meaning.
        let mut all: Vec<Prop> = place.properties().iter().map(|id| sample(*id)).collect();
        let name = slug(place.name());
        for order in ["by-number", "backwards"] {
            let draft = carrying(place, &all);
            family.packet(
                format!("{name}/{order}"),
                format!("every property of {}, {}", place.name(), order.replace('-', " ")),
                draft,
                Says::Good,
                &["U-2.2.2.2-e", "U-2.2.2.2-b"],
            );
            all.reverse();
        }
    }
    family
}

/// The least value that is allowed: one that a careless check takes for "not there".
fn least(row: &Property) -> Option<Prop> {
    let value = match (row.wire, row.range) {
        (Wire::Byte, _) => vec![0],
        (Wire::Two, Range::Any) => vec![0, 0],
        (Wire::Four, Range::Any) => vec![0; 4],
        (Wire::Text, Range::Any) | (Wire::Binary, _) => vec![0, 0],
        (Wire::Pair, _) => vec![0; 4],
        _ => return None,
    };
    Some(prop(row.id, value))
}

/// Good and bad values.
pub(super) fn values() -> Family {
    let mut family =
        Family::new("property-values", "The values of every property, in every place it belongs");
    for place in Place::ALL {
        for id in place.properties() {
            let row = PROPERTIES.iter().find(|row| row.id == *id).expect("a property");
            for (name, value, good) in candidates(row) {
                let (draft, at) = with(place, prop(*id, value));
                let kind = match (*id, name.as_str()) {
                    (35, _) => "TopicAliasZero",
                    (8, "empty") => "TopicEmpty",
                    (8, _) => "WildcardInResponseTopic",
                    _ => "PropertyValue",
                };
                // A wildcard stands behind the length.
                let off = if name == "plus" || name == "hash" { 3 } else { 1 };
                let says = if good { Says::Good } else { Says::Bad(kind, at + off) };
                let rule: &[&str] = match (id, name.as_str()) {
                    (8, "plus" | "hash") => &[],
                    (8, "empty") => &["MQTT-4.7.3-1"],
                    (8, _) => &["MQTT-3.3.2-14", "MQTT-3.3.2-13"],
                    (35, _) => &["MQTT-3.3.2-8"],
                    _ => &["U-2.2.2.2-c"],
                };
                let title = format!("{} in {}: {}", row.name, place.name(), name.replace('-', " "));
                let made = family.packet(
                    format!("{}/{:02x}/{name}", slug(place.name()), id),
                    title,
                    draft,
                    says,
                    rule,
                );
                if *id == 1 && !good {
                    made.free("the text gives no error class for other values, and wants the indicator forwarded unchanged");
                }
                if *id == 8 && place == Place::Will && !good {
                    made.note("the Will's section does not repeat the rule of PUBLISH: a Response Topic is a Topic Name, and section 4.7 covers it");
                }
            }
        }
    }
    subscription_identifiers(&mut family);
    family
}

fn candidates(row: &Property) -> Vec<(String, Vec<u8>, bool)> {
    let numbers = |numbers: &[u64], size: usize| {
        let one = |n: &u64| {
            let good = match row.range {
                Range::Bit => *n < 2,
                Range::NotZero => *n > 0,
                _ => true,
            };
            (n.to_string(), n.to_be_bytes()[8 - size..].to_vec(), good)
        };
        numbers.iter().map(one).collect()
    };
    match row.wire {
        Wire::Byte => numbers(&[0, 1, 2, 3, 127, 128, 255], 1),
        Wire::Two => numbers(&[0, 1, 255, 256, 65_535], 2),
        Wire::Four => numbers(&[0, 1, 65_536, 0xFFFF_FFFF], 4),
        // These have a function of their own.
        Wire::Variable => vec![],
        Wire::Text if row.range == Range::Topic => [
            ("plain", "a/b", true),
            ("dollar", "$x", true),
            ("empty", "", false),
            ("plus", "+/a", false),
            ("hash", "#", false),
        ]
        .map(|(name, text, good)| (name.to_owned(), prefixed(text.as_bytes()), good))
        .to_vec(),
        Wire::Text => vec![("empty".to_owned(), prefixed(b""), true)],
        Wire::Binary => {
            vec![("empty".to_owned(), prefixed(b""), true), ("nul".to_owned(), prefixed(&[0, 0xFF]), true)]
        }
        Wire::Pair => vec![("empty".to_owned(), pair("", ""), true)],
    }
}

fn subscription_identifiers(family: &mut Family) {
    for of in [Type::Publish, Type::Subscribe] {
        let place = Place::Packet(of);
        let name = slug(of.name());
        for n in [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] {
            let (draft, _) = with(place, prop(11, variable(n)));
            family.packet(
                format!("{name}/0b/{n}"),
                format!("Subscription Identifier {n} in {}", of.name()),
                draft,
                Says::Good,
                &["U-2.2.2.2-c", "MQTT-1.5.5-1", "U-1.5.5"],
            );
        }
        for (id, bytes, kind, off, title) in [
            ("0", &[0][..], "PropertyValue", 1, "Subscription Identifier 0"),
            ("two-bytes", &[0x81, 0], "LengthNotShortest", 2, "Subscription Identifier 1 in two bytes"),
            (
                "three-bytes",
                &[0x81, 0x80, 0],
                "LengthNotShortest",
                3,
                "Subscription Identifier 1 in three bytes",
            ),
            (
                "four-bytes",
                &[0x81, 0x80, 0x80, 0],
                "LengthNotShortest",
                4,
                "Subscription Identifier 1 in four bytes",
            ),
            (
                "five-bytes",
                &[0x80, 0x80, 0x80, 0x80, 1],
                "LengthTooLong",
                4,
                "a Subscription Identifier of five bytes",
            ),
            ("cut", &[0x80], "Truncated", 1, "a Subscription Identifier that is cut off"),
        ] {
            let (draft, at) = with(place, prop(11, bytes));
            family.packet(
                format!("{name}/0b/{id}"),
                format!("{title} in {}", of.name()),
                draft,
                Says::Bad(kind, at + off),
                &[],
            );
        }
        let (draft, at) = with(place, prop(11, [0x80, 0x00]));
        family
            .packet(
                format!("{name}/0b/0-in-two-bytes"),
                format!("Subscription Identifier 0 in two bytes in {}", of.name()),
                draft,
                Says::Bad("LengthNotShortest", at + 2),
                &[],
            )
            .or(&["PropertyValue"])
            .note("the offset is that of the length; for the value it is one less");
    }
}

/// Every property cut at every byte of its value, and the block's length.
pub(super) fn cuts() -> Family {
    let mut family =
        Family::new("property-lengths", "The Property Length, and every property cut at every byte");
    for row in &PROPERTIES {
        let place =
            Place::ALL.into_iter().find(|place| place.properties().contains(&row.id)).expect("a place");
        let whole = sample(row.id).value;
        for length in 0..whole.len() {
            let mut cut = prop(row.id, &whole[..length]);
            cut.note = format!("{}, cut after {length} of {} bytes", row.name, whole.len());
            let (draft, at) = with(place, cut);
            // Of a pair the second string may be the one that is cut.
            let off = if row.wire == Wire::Pair && length >= 3 { 4 } else { 1 };
            let title = format!("{} cut after {length} bytes of its value", row.name);
            family.packet(
                format!("cut/{:02x}/{length}", row.id),
                title,
                draft,
                Says::Bad("Truncated", at + off),
                &["U-1.2"],
            );
        }
        if matches!(row.wire, Wire::Text | Wire::Binary) {
            let mut value = whole.clone();
            value[0] = 0xFF;
            let (draft, at) = with(place, prop(row.id, value));
            let title = format!("{} with a length far beyond the block", row.name);
            family.packet(
                format!("beyond/{:02x}", row.id),
                title,
                draft,
                Says::Bad("Truncated", at + 1),
                &["U-1.2"],
            );
        }
    }
    for place in Place::ALL {
        let name = slug(place.name());
        let key = block_key(place);
        let base = carrying(place, &needed(place, 38));
        let at = base.at(key);
        for (id, bytes, kind, off, title) in [
            (
                "five-bytes",
                &[0x80, 0x80, 0x80, 0x80, 0x01][..],
                "LengthTooLong",
                3,
                "a Property Length of five bytes",
            ),
            (
                "ff",
                &[0xFF, 0xFF, 0xFF, 0xFF],
                "LengthTooLong",
                3,
                "a Property Length whose fourth byte goes on",
            ),
            ("two-bytes", &[0x80, 0x00], "LengthNotShortest", 1, "Property Length 0 in two bytes"),
            (
                "four-bytes",
                &[0x80, 0x80, 0x80, 0x00],
                "LengthNotShortest",
                3,
                "Property Length 0 in four bytes",
            ),
            ("largest", &[0xFF, 0xFF, 0xFF, 0x7F], "Truncated", 0, "the largest Property Length"),
            ("beyond", &[0x7F], "Truncated", 0, "a Property Length beyond the packet"),
        ] {
            let draft = base.clone().set(key, title, bytes);
            family.packet(
                format!("{name}/{id}"),
                format!("{title} in {}", place.name()),
                draft,
                Says::Bad(kind, at + off),
                &[],
            );
        }
        // Into the second byte of the length, and beyond.
        for count in [24, 26, 3_000] {
            let all: Vec<Prop> = needed(place, 38)
                .into_iter()
                .chain(std::iter::repeat_n(prop(38, pair("", "")), count))
                .collect();
            let draft = carrying(place, &all);
            family.packet(
                format!("{name}/{count}-user-properties"),
                format!("{count} User Properties in {}", place.name()),
                draft,
                Says::Good,
                &["MQTT-1.5.5-1", "U-1.5.5"],
            );
        }
    }
    family
}
