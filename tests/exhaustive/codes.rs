//! All reason codes in all packets.

use mqtt_wire::{
    Ack, Auth, ConnAck, DecodeOptions, Decoded, Disconnect, EncodeOptions, Packet, PacketId, PacketType,
    Properties, Property, ReasonCode, SubAck, Tolerance, UnsubAck, Version, decode,
};

use crate::count::counted;
use crate::notation::{bytes, frame};
use crate::tables::{self, may_carry, may_send};
use crate::{accepted, options, pairs, settings};

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
    let mut cases = 0;
    for (packet, (version, sender)) in pairs(&PacketType::ALL, &settings()) {
        for code in 0..=u8::MAX {
            let Some((wire, value)) = with_code(packet, version, code) else { continue };
            let may_send = sender.is_none_or(|sender| may_send(packet, version, sender));
            let expected = may_send && may_carry(packet, code, version, sender);
            let found = decode(&wire, options(version, sender));
            assert_eq!(found.is_ok(), expected, "{packet} {code:02X} {version} {sender:?}: {found:?}");
            if expected {
                assert_eq!(found, Ok(Decoded::Packet { packet: value, len: wire.len() }));
                allowed.push((packet, version, sender));
            }
            let options = EncodeOptions::new(version);
            let options = sender.map_or(options, |sender| options.with_sender(sender));
            let mut out = Vec::new();
            let written = value.encode(options, &mut out);
            assert_eq!(written.is_ok(), expected, "{packet} {code:02X} {version} {sender:?}: {written:?}");
            assert_eq!(out, if expected { wire } else { Vec::new() });
            cases += 1;
        }
    }
    // Nine packets of 5.0 have codes, and two of 3.x.
    counted("reason codes in all packets", cases, (9 + 2 + 2) * 3 * 256);
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
    let mut cases = 0;
    for packet in PacketType::ALL {
        for code in 0..=u8::MAX {
            let Some((wire, value)) = with_code(packet, Version::V5, code) else { continue };
            let options = DecodeOptions::new(Version::V5).with_tolerance(Tolerance::UnknownReasonCodes);
            assert_eq!(decode(&wire, options), Ok(Decoded::Packet { packet: value, len: wire.len() }));
            let options = EncodeOptions::new(Version::V5).with_tolerance(Tolerance::UnknownReasonCodes);
            let mut out = Vec::new();
            assert_eq!(value.encode(options, &mut out), Ok(wire.len()));
            assert_eq!(out, wire);
            cases += 1;
        }
    }
    counted("tolerated reason codes", cases, 9 * 256);
}

#[test]
fn connack_flags_and_codes() {
    let mut cases = 0;
    for flags in 0..=u8::MAX {
        for code in 0..=u8::MAX {
            let wire = [0x20, 3, flags, code, 0];
            let carries = may_carry(PacketType::ConnAck, code, Version::V5, None);
            let expected = carries && (flags == 0 || (flags == 1 && code == 0));
            assert_eq!(accepted(&wire, DecodeOptions::new(Version::V5)), expected, "{wire:02X?}");
            cases += 1;
        }
    }
    counted("flags and codes of CONNACK", cases, 1 << 16);
}
