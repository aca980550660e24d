//! The one form that is written where a standard allows several, worked out from the bytes.

use mqtt_wire::{Packet, Version};

/// The frame that stands for the same packet in its shortest form. For 5.0, the integers in it have to be in
/// their shortest form already, as the standard wants them.
pub(super) fn canonical(frame: &[u8], header_len: usize, version: Version, packet: &Packet<'_>) -> Vec<u8> {
    let mut first = frame[0];
    let mut body = frame[header_len..].to_vec();
    // 3.1 gives these flags no meaning.
    if version == Version::V31 && !matches!(packet, Packet::Publish(_)) {
        let prescribed = matches!(packet, Packet::PubRel(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_));
        first = first & 0xF0 | u8::from(prescribed) << 1;
    }
    match packet {
        // 3.1 has no Session Present: the byte is reserved.
        Packet::ConnAck(_) if version == Version::V31 => body[0] = 0,
        // 3.1 has no meaning for the lowest flag, and lets the Remaining Length outweigh those of user name and
        // password.
        Packet::Connect(connect) if version == Version::V31 => {
            const FLAGS: usize = 2 + 6 + 1;
            body[FLAGS] &= !0x01;
            if connect.user_name.is_none() {
                body[FLAGS] &= !0x80;
            }
            if connect.password.is_none() {
                body[FLAGS] &= !0x40;
            }
        }
        Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) => {
            shorten(&mut body, 2, version);
        }
        Packet::Disconnect(_) => shorten(&mut body, 0, version),
        _ => {}
    }
    let mut canonical = vec![first];
    canonical.extend(variable(body.len()));
    canonical.extend(body);
    canonical
}

/// 5.0 lets a Property Length of 0 be left out, and then a reason code of 0x00 (3.4.2.1, 3.14.2.1).
fn shorten(body: &mut Vec<u8>, fields: usize, version: Version) {
    if version != Version::V5 {
        return;
    }
    if matches!(body[fields..], [_, 0]) {
        body.pop();
    }
    if matches!(body[fields..], [0]) {
        body.pop();
    }
}

/// A variable byte integer as section 1.5.5 of 5.0 computes it.
pub(super) fn variable(mut n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let digit = u8::try_from(n % 128).expect("seven bits");
        n /= 128;
        bytes.push(if n > 0 { digit | 128 } else { digit });
        if n == 0 {
            return bytes;
        }
    }
}

/// The length of the fixed header and that of the whole frame, if both can be read (section 1.5.5 of 5.0).
pub(super) fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for (n, byte) in bytes.get(1..)?.iter().take(4).enumerate() {
        length += usize::from(byte & 127) << (7 * n);
        if byte & 128 == 0 {
            return Some((n + 2, n + 2 + length));
        }
    }
    None
}
