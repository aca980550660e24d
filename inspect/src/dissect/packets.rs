//! The layout of each packet, field by field.

use mqtt_wire::{PacketType, QoS, Version};

use super::{CUT_OFF, PASSWORD, Walker};
use crate::standard::{Place, packet_section};
use crate::text;

/// The fixed header, then the body that the type has.
pub(super) fn packet(w: &mut Walker<'_>) -> Option<()> {
    let first = *w.bytes.first()?;
    let packet = PacketType::new(first >> 4);
    let section = packet.map_or_else(
        || w.cite(("2.1.1", "2.2")).to_owned(),
        |packet| format!("{}.1", packet_section(packet)),
    );
    w.row(1, "Fixed header", "", &section);
    let section = w.cite(("2.1.2", "2.2.1"));
    let name = packet.map_or("reserved", PacketType::name);
    w.bits(0xF0, "Packet type", section, |number| format!("{number} ({name})"));
    flags(w, packet);
    let length = w.variable("Remaining Length", w.cite(("2.1.4", "2.2.3")))?;
    let there = w.left().len();
    w.end = w.end.min(w.at + length);
    let body = body(w, packet?);
    if there < length {
        w.row(0, CUT_OFF, format!("{} missing", text::count((length - there) as u64, "byte")), "");
    }
    body
}

fn flags(w: &mut Walker<'_>, packet: Option<PacketType>) {
    if packet == Some(PacketType::Publish) {
        w.flag(0b1000, "DUP", "3.3.1.1");
        w.bits(0b0110, "QoS", "3.3.1.2", qos);
        w.flag(0b0001, "RETAIN", "3.3.1.3");
    } else {
        let section = w.cite(("2.1.3", "2.2.2"));
        w.bits(0x0F, "Flags", section, |flags| format!("{flags:04b}"));
    }
}

fn qos(bits: u8) -> String {
    let name = match QoS::new(bits) {
        Some(QoS::AtMostOnce) => "at most once",
        Some(QoS::AtLeastOnce) => "at least once",
        Some(QoS::ExactlyOnce) => "exactly once",
        None => "reserved",
    };
    format!("{bits} ({name})")
}

fn body(w: &mut Walker<'_>, packet: PacketType) -> Option<()> {
    let place = Place::Packet(packet);
    let section = packet_section(packet);
    match packet {
        PacketType::Connect => connect(w),
        PacketType::ConnAck => connack(w),
        PacketType::Publish => publish(w),
        PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
            packet_id(w, &format!("{section}.2"))?;
            short_form(w, packet, "Reason Code", &format!("{section}.2.1"))
        }
        PacketType::Subscribe => {
            packet_id(w, "3.8.2")?;
            w.properties("Properties", place)?;
            while !w.left().is_empty() {
                subscription(w)?;
            }
            Some(())
        }
        PacketType::SubAck => {
            packet_id(w, "3.9.2")?;
            w.properties("Properties", place)?;
            codes(w, packet, "3.9.3")
        }
        PacketType::Unsubscribe => {
            packet_id(w, "3.10.2")?;
            w.properties("Properties", place)?;
            while !w.left().is_empty() {
                w.text("Topic Filter", "3.10.3")?;
            }
            Some(())
        }
        PacketType::UnsubAck => {
            packet_id(w, "3.11.2")?;
            if w.is_v5() {
                w.properties("Properties", place)?;
                codes(w, packet, "3.11.3")?;
            }
            Some(())
        }
        PacketType::PingReq | PacketType::PingResp => Some(()),
        PacketType::Disconnect => short_form(w, packet, "Disconnect Reason Code", "3.14.2.1"),
        PacketType::Auth => short_form(w, packet, "Authenticate Reason Code", "3.15.2.1"),
    }
}

fn packet_id(w: &mut Walker<'_>, section: &str) -> Option<()> {
    w.two("Packet Identifier", section, "").map(drop)
}

/// A reason code and properties, of which either may be left out; nothing in 3.x.
fn short_form(w: &mut Walker<'_>, packet: PacketType, name: &str, section: &str) -> Option<()> {
    if w.is_v5() && !w.left().is_empty() {
        w.reason(name, packet, section)?;
        if !w.left().is_empty() {
            w.properties("Properties", Place::Packet(packet))?;
        }
    }
    Some(())
}

fn codes(w: &mut Walker<'_>, packet: PacketType, section: &str) -> Option<()> {
    let name = if w.is_v5() { "Reason Code" } else { "Return Code" };
    while !w.left().is_empty() {
        if w.is_v5() {
            w.reason(name, packet, section)?;
        } else {
            w.byte(name, section, |code| text::code(code, text::subscribe_return_code(code)))?;
        }
    }
    Some(())
}

fn connect(w: &mut Walker<'_>) -> Option<()> {
    w.text("Protocol Name", "3.1.2.1")?;
    w.byte(if w.is_v5() { "Protocol Version" } else { "Protocol Level" }, "3.1.2.2", |level| {
        let named = Version::ALL.into_iter().find(|version| version.get() == level & 0x7F);
        let version = named.map_or("unknown".to_owned(), |version| format!("MQTT {version}"));
        let bridge = if level & 0x80 == 0 { "" } else { ", with the bit of a bridge" };
        format!("0x{level:02X} ({version}{bridge})")
    })?;
    w.byte("Connect Flags", "3.1.2.3", |flags| format!("0x{flags:02X}"))?;
    let user_name = w.flag(0x80, "User Name Flag", "3.1.2.8");
    let password = w.flag(0x40, "Password Flag", "3.1.2.9");
    w.flag(0x20, "Will Retain", "3.1.2.7");
    w.bits(0x18, "Will QoS", "3.1.2.6", qos);
    let will = w.flag(0x04, "Will Flag", "3.1.2.5");
    let clean = if w.is_v5() { "Clean Start" } else { "Clean Session" };
    w.flag(0x02, clean, "3.1.2.4");
    w.bits(0x01, "Reserved", "3.1.2.3", |bit| bit.to_string());
    w.two("Keep Alive", "3.1.2.10", " s")?;
    w.properties("Properties", Place::Packet(PacketType::Connect))?;
    w.text("Client Identifier", "3.1.3.1")?;
    if will {
        w.properties("Will Properties", Place::Will)?;
        w.text("Will Topic", w.cite(("3.1.3.3", "3.1.3.2")))?;
        let name = if w.is_v5() { "Will Payload" } else { "Will Message" };
        w.binary(name, w.cite(("3.1.3.4", "3.1.3.3")))?;
    }
    if user_name {
        w.text("User Name", w.cite(("3.1.3.5", "3.1.3.4")))?;
    }
    if password {
        w.binary(PASSWORD, w.cite(("3.1.3.6", "3.1.3.5")))?;
    }
    Some(())
}

fn connack(w: &mut Walker<'_>) -> Option<()> {
    w.byte("Connect Acknowledge Flags", "3.2.2.1", |flags| format!("0x{flags:02X}"))?;
    w.flag(0x01, "Session Present", w.cite(("3.2.2.1.1", "3.2.2.2")));
    if w.is_v5() {
        w.reason("Connect Reason Code", PacketType::ConnAck, "3.2.2.2")?;
    } else {
        w.byte("Connect Return Code", "3.2.2.3", |code| text::code(code, text::connect_return_code(code)))?;
    }
    w.properties("Properties", Place::Packet(PacketType::ConnAck))
}

fn publish(w: &mut Walker<'_>) -> Option<()> {
    w.text("Topic Name", "3.3.2.1")?;
    if w.bytes.first()? & 0b0110 != 0 {
        packet_id(w, "3.3.2.2")?;
    }
    w.properties("Properties", Place::Packet(PacketType::Publish))?;
    let left = w.left();
    w.row(left.len(), "Payload", text::meaning(left), "3.3.3");
    Some(())
}

fn subscription(w: &mut Walker<'_>) -> Option<()> {
    w.text("Topic Filter", "3.8.3")?;
    if !w.is_v5() {
        return w.byte("Requested QoS", "3.8.3", qos).map(drop);
    }
    w.byte("Subscription Options", "3.8.3.1", |options| format!("0x{options:02X}"))?;
    w.bits(0xC0, "Reserved", "3.8.3.1", |bits| bits.to_string());
    w.bits(0x30, "Retain Handling", "3.8.3.1", |bits| {
        let name = match bits {
            0 => "send at every subscribe",
            1 => "send when the subscription is new",
            2 => "do not send",
            _ => "reserved",
        };
        format!("{bits} ({name})")
    });
    w.flag(0x08, "Retain As Published", "3.8.3.1");
    w.flag(0x04, "No Local", "3.8.3.1");
    w.bits(0x03, "Maximum QoS", "3.8.3.1", qos);
    Some(())
}
