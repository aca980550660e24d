//! The families of cases that follow from tables, one a file of the suite; the others are edited by hand.
#![allow(clippy::too_many_lines, reason = "a family is a list of cases")]

mod connect;
mod fields;
mod frame;
mod packets;
mod properties;
mod v31;

use super::family::Family;
use super::tables::{Type, V5, Version};

pub(super) fn all() -> Vec<Family> {
    vec![
        frame::fixed_headers(),
        frame::remaining_lengths(),
        frame::truncation(),
        frame::lengths(),
        frame::direction(),
        fields::strings(),
        fields::packet_identifiers(),
        fields::pairs(),
        connect::flags(),
        connect::connects(),
        connect::connacks(),
        v31::v31(),
        packets::publishes(),
        packets::acks(),
        packets::subscribes(),
        packets::reason_codes(),
        properties::places(),
        properties::repeats(),
        properties::values(),
        properties::cuts(),
    ]
}

/// A name for use in an id.
fn slug(name: &str) -> String {
    name.to_lowercase().replace([' ', '_'], "-")
}

/// The rules on the flags of a packet's fixed header.
fn rules_of_flags(version: Version, of: Type) -> Vec<&'static str> {
    let mut rules = match version {
        V5 => vec!["MQTT-2.1.3-1"],
        _ => vec!["MQTT-2.2.2-1", "MQTT-2.2.2-2"],
    };
    rules.extend(match of {
        Type::PubRel => Some("MQTT-3.6.1-1"),
        Type::Subscribe => Some("MQTT-3.8.1-1"),
        Type::Unsubscribe => Some("MQTT-3.10.1-1"),
        Type::Disconnect => Some("MQTT-3.14.1-1"),
        Type::Auth => Some("MQTT-3.15.1-1"),
        _ => None,
    });
    rules
}
