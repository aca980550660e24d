//! Faults that were found by hand, each with the bytes that showed it.

use mqtt_wire::{
    DecodeOptions, Decoded, EncodeErrorKind, EncodeOptions, List, Packet, ReasonCode, Rule, UnsubAck,
    Version, decode, decode_exact,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// `[MQTT-3.11.3-2]`: codes that SUBACK may carry are not those of UNSUBACK.
#[test]
fn reason_codes_carried_to_another_packet_are_checked_again() {
    let bytes = hex("90 04 0029 00 02");
    let Packet::SubAck(suback) = decode_exact(&bytes, Version::V5).unwrap() else { panic!("a SUBACK") };
    let carried = UnsubAck { reason_codes: suback.reason_codes, ..UnsubAck::new(suback.packet_id, &[]) };
    let error = Packet::from(carried).encode(Version::V5, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::Invalid(Rule::ReasonCodeNotAllowed), "{error}");
    let granted = UnsubAck { reason_codes: List::new(&[ReasonCode::SUCCESS]), ..carried };
    assert!(Packet::from(granted).encode(Version::V5, &mut Vec::new()).is_ok());
}

/// The payload of a will is one, too (section 3.1.3.2.3 of 5.0).
#[test]
fn the_format_of_a_will_is_checked() {
    let bytes = hex("10 17 0004 4D515454 05 06 003C 00 0001 61 02 0101 0001 74 0001 FF");
    let options = DecodeOptions::new(Version::V5).with_payload_check(true);
    let packet = decode_exact(&bytes, Version::V5).unwrap();
    let error = decode_exact(&bytes, options).unwrap_err();
    assert_eq!((error.rule(), error.offset()), (Rule::PayloadFormat, bytes.len() - 1));
    let error =
        packet.encode(EncodeOptions::new(Version::V5).with_payload_check(true), &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::Invalid(Rule::PayloadFormat), "{error}");
}

/// A longer length than needed is allowed in 3.x: which version it is must come from the frame alone.
#[test]
fn detection_looks_no_further_than_the_frame() {
    let detect = DecodeOptions::detect();
    let short = hex("10 82 00 00 04");
    let longer = hex("10 82 00 00 04 4D 51 54 54 05");
    assert_eq!(decode(&short, detect).unwrap_err(), decode(&longer, detect).unwrap_err());
    let v311 = hex("10 8D 00 0004 4D515454 04 02 003C 0001 61");
    assert!(matches!(decode(&v311, detect), Ok(Decoded::Packet { len: 16, .. })));
    let v5 = hex("10 8E 00 0004 4D515454 05 02 003C 00 0001 61");
    assert_eq!(decode(&v5, detect).unwrap_err().rule(), Rule::LengthNotShortest);
}

#[test]
fn the_version_of_a_bad_connect() {
    assert_eq!(Version::of_connect(&hex("11 0D 0004 4D515454 05")), Some(Version::V5));
    assert_eq!(Version::of_connect(&hex("10 8D 00 0004 4D515454 84")), Some(Version::V311));
    assert_eq!(Version::of_connect(&hex("30 0D 0004 4D515454 05")), None);
    assert_eq!(Version::of_connect(&[]), None);
}

/// A reserved code that was tolerated has no place in another version.
#[test]
fn tolerated_codes_are_converted_or_refused() {
    let tolerant =
        |version| DecodeOptions::new(version).with_tolerance(mqtt_wire::Tolerance::UnknownReasonCodes);
    let connack = hex("20 02 00 06");
    assert!(decode_exact(&connack, tolerant(Version::V311)).unwrap().upgrade().is_none());
    let suback = hex("90 04 0001 00 03");
    let suback = decode_exact(&suback, tolerant(Version::V5)).unwrap().downgrade(Version::V311).unwrap();
    let mut out = Vec::new();
    suback.encode(Version::V311, &mut out).unwrap();
    assert_eq!(out, hex("90 03 0001 80"));
}
