//! The one form that is written where the standard allows several.

use mqtt_wire::Version;

/// A form that is written instead.
pub(crate) struct Shorter {
    pub(crate) bytes: Vec<u8>,
    /// What is left out.
    pub(crate) name: &'static str,
}

/// The shortest form of a valid packet when it is not the one at hand: in 5.0 acknowledgements and DISCONNECT
/// may leave out a Property Length of 0, and with it a reason code of 0x00 (sections 3.4.2.1 and 3.14.2.1). And in
/// 3.1 the first byte of CONNACK says nothing.
pub(crate) fn shorter(packet: &[u8], version: Version) -> Option<Shorter> {
    if let (Version::V31, [0x20, 2, 1..=255, code]) = (version, packet) {
        return Some(Shorter { bytes: vec![0x20, 2, 0, *code], name: "0 in the byte without a meaning" });
    }
    if version < Version::V5 {
        return None;
    }
    let [first, _, body @ ..] = packet else { return None };
    let before = match first >> 4 {
        4..=7 => 2,
        14 => 0,
        _ => return None,
    };
    let (fields, optional) = body.split_at_checked(before)?;
    let (kept, name): (&[u8], _) = match optional {
        [0, 0] => (&[], "reason code 0x00 and Property Length 0 left out"),
        [0] => (&[], "reason code 0x00 left out"),
        [code, 0] => (&[*code], "Property Length 0 left out"),
        _ => return None,
    };
    let length = u8::try_from(fields.len() + kept.len()).ok()?;
    Some(Shorter { bytes: [&[*first, length], fields, kept].concat(), name })
}
