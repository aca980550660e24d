//! Subscription options and packet identifiers.

use mqtt_wire::{DecodeOptions, Version};

use crate::accepted;
use crate::count::counted;
use crate::notation::{bytes, frame, string};

/// Section 3.8.3 of both standards.
#[test]
fn subscription_options() {
    let mut cases = 0;
    for version in Version::ALL {
        let v5 = version == Version::V5;
        for filter in ["a", "$share/g/a"] {
            for byte in 0..=u8::MAX {
                let (qos, handling) = (byte & 3, byte >> 4 & 3);
                let shared = v5 && filter.starts_with("$share");
                let expected = qos < 3
                    && if v5 {
                        byte < 0x40 && handling < 3 && !(byte >> 2 & 1 == 1 && shared)
                    } else {
                        byte < 3
                    };
                let properties: &[u8] = if v5 { &[0] } else { &[] };
                let wire = frame(0x82, &[&[0, 1], properties, &string(filter), &[byte]].concat());
                assert_eq!(
                    accepted(&wire, DecodeOptions::new(version)),
                    expected,
                    "{filter} {byte:02X} {version}"
                );
                cases += 1;
            }
        }
    }
    counted("subscription options", cases, 3 * 2 * 256);
}

#[test]
fn packet_identifiers() {
    let mut cases = 0;
    for version in Version::ALL {
        let (publish, subscribe) = if version == Version::V5 { ("()", "() 'a' 00") } else { ("", "'a' 00") };
        for id in 0..=u16::MAX {
            let id_bytes = id.to_be_bytes();
            for wire in [
                frame(0x40, &id_bytes),
                frame(0x34, &[&string("a")[..], &id_bytes, &bytes(publish)].concat()),
                frame(0x82, &[&id_bytes[..], &bytes(subscribe)].concat()),
            ] {
                assert_eq!(accepted(&wire, DecodeOptions::new(version)), id != 0, "{wire:02X?}");
                cases += 1;
            }
        }
    }
    counted("packet identifiers", cases, (3 * 3) << 16);
}
