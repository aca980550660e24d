//! Whether a piece of a stream is WebSocket frames with MQTT in them, when no handshake says so.

use std::io::Cursor;

use mqtt_wire::{DecodeOptions, Decoded, FixedHeader, Sender, Version, decode};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use super::{is_usual, unmasked};
use crate::session::judging;

/// Who sends the frames, if the first of them is a whole binary message, and its payload is MQTT: whole packets,
/// or one whose length is that of the message.
pub(crate) fn evidence(bytes: &[u8]) -> Option<Sender> {
    let mut cursor = Cursor::new(bytes);
    let (header, length) = FrameHeader::parse(&mut cursor).ok().flatten()?;
    let sender = if header.mask.is_some() { Sender::Client } else { Sender::Server };
    let size = cursor.position();
    let plain = header.opcode == OpCode::Data(Data::Binary) && header.is_final && !header.rsv1;
    if !plain || !is_usual(&header, length, size, sender) {
        return None;
    }
    let length = usize::try_from(length).ok()?;
    let payload = bytes.get(usize::try_from(size).ok()?..)?;
    let payload = payload.get(..length).unwrap_or(payload);
    let payload = header.mask.map_or_else(|| payload.to_vec(), |mask| unmasked(payload, mask, 0));
    [Version::V311, Version::V5]
        .into_iter()
        .any(|version| is_made_of_packets(&payload, length, version, sender))
        .then_some(sender)
}

/// Whether a message of so many bytes, of which the first are `payload`, is made of MQTT packets.
fn is_made_of_packets(mut payload: &[u8], length: usize, version: Version, sender: Sender) -> bool {
    let mut left = length;
    loop {
        let options = judging(DecodeOptions::detect().with_sender(sender), payload, Some(version));
        match decode(payload, options) {
            Ok(Decoded::Packet { len, .. }) => {
                left = left.saturating_sub(len);
                payload = payload.get(len..).unwrap_or_default();
                if left == 0 {
                    return true;
                }
            }
            Ok(Decoded::Incomplete { .. }) => {
                let whole = FixedHeader::decode(payload, options).ok().flatten();
                return whole.is_some_and(|header| header.frame_len() == left);
            }
            Err(_) => return false,
        }
    }
}
