//! Packets in another version: what comes out can be encoded there.

use arbitrary::{Arbitrary, Unstructured};
use mqtt_wire::{ArbitraryPacket, Packet, Version, decode_exact};

pub(super) fn between_versions(bytes: &[u8]) {
    let Ok(made) = ArbitraryPacket::arbitrary(&mut Unstructured::new(bytes)) else { return };
    let packet = made.packet();
    match packet.upgrade() {
        None => assert!(made.version() < Version::V5, "{packet:?}"),
        Some(newer) => {
            comes_back(&newer, Version::V5);
            assert_eq!(newer.upgrade(), Some(newer), "twice is once");
            if made.version() == Version::V5 {
                assert_eq!(newer, packet);
            } else {
                // 3.x knows nothing that 5.0 does not.
                assert_eq!(newer.downgrade(made.version()), Some(packet));
            }
        }
    }
    assert_eq!(packet.downgrade(Version::V5), Some(packet));
    for version in [Version::V31, Version::V311] {
        let Some(older) = packet.downgrade(version) else { continue };
        comes_back(&older, version);
        assert_eq!(older.downgrade(version), Some(older), "twice is once");
        if made.version() == version {
            assert_eq!(older, packet);
        }
    }
}

/// Encoding and decoding gives the same packet.
fn comes_back(packet: &Packet<'_>, version: Version) {
    let mut out = Vec::new();
    packet.encode(version, &mut out).unwrap_or_else(|error| panic!("{packet:?}: {error}"));
    assert_eq!(decode_exact(&out, version), Ok(*packet));
}
