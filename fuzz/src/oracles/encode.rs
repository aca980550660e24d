//! Packets made of values: those that are valid go out and come back, those that are not are refused.

use arbitrary::{Arbitrary, Unstructured};
use mqtt_wire::{ArbitraryPacket, EncodeError, Packet, Version, decode_exact};

use super::setting::Setting;
use super::wild::Store;
use super::{decode, reference};

/// Law 7: a valid packet comes back as it was.
pub(super) fn valid(bytes: &[u8]) {
    let Ok(made) = ArbitraryPacket::arbitrary(&mut Unstructured::new(bytes)) else { return };
    let (packet, version) = (made.packet(), made.version());
    assert_eq!(reference::encode(&packet, version).as_deref(), Some(made.as_bytes()));
    let setting = Setting { sender: Some(made.sender()), ..Setting::new(version) };
    let verdict = decode::check(made.as_bytes(), &setting).expect("a valid packet");
    assert_eq!(verdict.packet(), Some(packet));
    decode::check(made.as_bytes(), &Setting { detect: true, ..setting }).expect_or_other_version(&packet);
}

/// A packet of 3.x is judged as one of 5.0 when CONNECT is to decide, and may be refused then.
trait OrOtherVersion {
    fn expect_or_other_version(self, packet: &Packet<'_>);
}

impl<T, E: std::fmt::Display> OrOtherVersion for Result<T, E> {
    fn expect_or_other_version(self, packet: &Packet<'_>) {
        if let (Err(error), Packet::Connect(_)) = (self, packet) {
            panic!("{packet:?}: {error}");
        }
    }
}

/// Encoding takes exactly the packets that decoding takes, and writes what the reference writes.
pub(super) fn any(bytes: &[u8]) {
    let Some((setting, rest)) = Setting::split_from(bytes) else { return };
    let setting = Setting { first: false, detect: false, ..setting };
    let mut u = Unstructured::new(rest);
    let Ok(store) = Store::new(&mut u) else { return };
    let Ok(packet) = store.packet(&mut u) else { return };
    let expected = reference::encode(&packet, setting.version);
    let mut out = vec![0xA5];
    let result = packet.encode(setting.encode(setting.version), &mut out);
    assert_eq!(packet.encoded_len(setting.encode(setting.version)), result);
    assert_eq!(out[0], 0xA5);
    let written = &out[1..];
    match result {
        Ok(len) => {
            assert_eq!((Some(written), len), (expected.as_deref(), written.len()));
            assert_eq!(decode_exact(written, setting.decode()), Ok(as_read(packet, setting.version)));
            decode::check(written, &setting).expect("decoded before");
        }
        Err(error) => {
            assert!(written.is_empty(), "{error}: the output was written to");
            assert!(!error.to_string().is_empty());
            refused_for_a_reason(&packet, error, expected.as_deref(), &setting);
        }
    }
}

/// The packet as that version reads it: a filter is shared or not by the version in which it goes out.
fn as_read(packet: Packet<'_>, version: Version) -> Packet<'_> {
    let read = match packet {
        Packet::Subscribe(_) | Packet::Unsubscribe(_) if version == Version::V5 => packet.upgrade(),
        Packet::Subscribe(_) | Packet::Unsubscribe(_) => packet.downgrade(version),
        _ => Some(packet),
    };
    read.expect("it was written")
}

fn refused_for_a_reason(packet: &Packet<'_>, error: EncodeError, expected: Option<&[u8]>, setting: &Setting) {
    match error {
        EncodeError::Invalid { .. } => {
            let unlimited = Setting { max_packet_size: None, ..*setting };
            if let Some(bytes) = expected {
                let decoded = decode_exact(bytes, unlimited.decode());
                assert_ne!(decoded, Ok(*packet), "{error}");
            }
        }
        EncodeError::TooLarge { size, max } => {
            assert_eq!(expected.map(<[u8]>::len), Some(size));
            assert_eq!(setting.max_packet_size.map(|limit| limit as usize), Some(max));
            assert!(size > max);
        }
        error => panic!("{error}"),
    }
}
