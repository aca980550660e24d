//! Tests of `dissect`.

use std::fs;

use mqtt_wire::Version;
use serde_json::Value;

use super::*;
use crate::transport_tests::captures;

/// Every packet of the real captures, with its version.
fn packets() -> Vec<(Version, Vec<u8>)> {
    let mut packets = Vec::new();
    for path in captures() {
        let reading = fs::read_to_string(path.with_extension("tshark.jsonl")).unwrap();
        for line in reading.lines() {
            let packet: Value = serde_json::from_str(line).unwrap();
            let version = match packet["version"].as_u64().unwrap() {
                3 => Version::V31,
                4 => Version::V311,
                _ => Version::V5,
            };
            if let Some(raw) = packet["raw"].as_str() {
                packets.push((
                    version,
                    crate::hex::bytes::parse(raw.as_bytes(), crate::hex::bytes::Digits::Hex).unwrap(),
                ));
            }
        }
    }
    packets
}

/// Where the rows that take up bytes end, given that each begins where the one before ended.
fn covered(rows: &[Row]) -> usize {
    rows.iter().filter(|row| row.bits.is_none()).fold(0, |end, row| {
        assert_eq!(row.at, end, "{row:?}");
        end + row.length
    })
}

#[test]
fn every_byte_of_a_real_packet_belongs_to_one_field() {
    let packets = packets();
    assert!(packets.len() > 1000);
    for (version, bytes) in packets {
        let rows = dissect(&bytes, version);
        assert_eq!(covered(&rows), bytes.len());
        for row in &rows {
            let odd = row.value.contains("cut off") || row.name.starts_with("Bytes") || row.name == "Cut off";
            assert!(!odd, "{row:?} in {bytes:02x?}");
            assert!(!row.section.is_empty(), "{row:?}");
        }
    }
}

#[test]
fn every_byte_of_a_damaged_packet_is_shown_once() {
    for (index, (version, bytes)) in packets().into_iter().enumerate() {
        for step in 1..8 {
            let at = index * 7919 * step % bytes.len();
            let mut damaged = bytes.clone();
            damaged[at] = damaged[at].wrapping_add(u8::try_from(index % 251).unwrap() + 1);
            assert_eq!(covered(&dissect(&damaged, version)), damaged.len(), "{damaged:02x?}");
            assert_eq!(covered(&dissect(&bytes[..at], version)), at, "{bytes:02x?} cut at {at}");
        }
    }
}

#[test]
fn names_and_sections_are_those_of_the_version() {
    let row = |bytes: &[u8], version, name: &str| {
        dissect(bytes, version).into_iter().find(|row| row.name == name).map(|row| (row.value, row.section))
    };
    let owned = |value: &str, section: &str| Some((value.to_owned(), section.to_owned()));
    let suback = b"\x90\x03\0\x01\x80";
    assert_eq!(row(suback, Version::V311, "Return Code"), owned("0x80 (Failure)", "3.9.3"));
    let suback = b"\x90\x04\0\x01\0\x80";
    assert_eq!(row(suback, Version::V5, "Reason Code"), owned("0x80 (Unspecified error)", "3.9.3"));
    let connack = b"\x20\x02\x01\0";
    assert_eq!(row(connack, Version::V311, "Session Present"), owned("1 (yes)", "3.2.2.2"));
    let connack = b"\x20\x03\x01\0\0";
    assert_eq!(row(connack, Version::V5, "Session Present"), owned("1 (yes)", "3.2.2.1.1"));
}
