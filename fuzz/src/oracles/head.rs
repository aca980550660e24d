//! A PUBLISH that comes in pieces: its head first, its payload as it comes.

use mqtt_wire::{
    DecodeOptions, Decoded, DecodedHead, Packet, Payload, Publish, Rule, decode, decode_publish_head,
};

use super::setting::Setting;

/// The bytes: a setting, a byte that says how to cut, and what comes.
pub(super) fn in_pieces(bytes: &[u8]) {
    let Some((setting, [cut, stream @ ..])) = Setting::split_from(bytes) else { return };
    let options = setting.decode();
    let whole = decode(stream, options);
    let step = usize::from(cut & 0x1F) + 1;
    let mut promised = 0;
    let mut n = 0;
    loop {
        match decode_publish_head(&stream[..n], options) {
            Ok(DecodedHead::Incomplete { missing }) => {
                assert!(missing > 0);
                promised = n + missing;
            }
            Ok(DecodedHead::Other(header)) => {
                assert_ne!(header.packet_type().get(), 3);
                return;
            }
            Ok(DecodedHead::Publish { head, len, payload }) => {
                assert!(n >= promised, "the head was there before the missing bytes");
                goes_on_from(&stream[..n], stream, len, &head, options);
                return takes(&head, payload, &stream[len..], step, whole);
            }
            Err(early) => {
                match whole {
                    Err(whole) => assert_eq!((early.rule(), early.offset()), (whole.rule(), whole.offset())),
                    Ok(Decoded::Incomplete { .. }) => assert_ne!(early.rule(), Rule::PayloadFormat),
                    Ok(whole) => panic!("{early}, {whole:?}"),
                }
                return;
            }
        }
        if n == stream.len() {
            assert!(matches!(whole, Ok(Decoded::Incomplete { .. })), "{whole:?}");
            return;
        }
        n = (n + step).min(stream.len());
    }
}

/// More bytes do not change the head, and it is not there with fewer than it takes.
fn goes_on_from(seen: &[u8], stream: &[u8], len: usize, head: &Publish<'_>, options: DecodeOptions) {
    for bytes in [&seen[..len], stream] {
        match decode_publish_head(bytes, options) {
            Ok(DecodedHead::Publish { head: again, len: same, .. }) => {
                assert_eq!((&again, same), (head, len));
            }
            other => panic!("{head:?}, {other:?}"),
        }
    }
    let shorter = decode_publish_head(&seen[..len - 1], options);
    assert!(matches!(shorter, Ok(DecodedHead::Incomplete { missing: 1 })), "{shorter:?}");
}

/// The payload in pieces is the payload of the whole packet.
fn takes(
    head: &Publish<'_>,
    mut payload: Payload,
    stream: &[u8],
    step: usize,
    whole: Result<Decoded<'_>, mqtt_wire::DecodeError>,
) {
    let mut taken = Vec::new();
    let mut rest = stream;
    while !payload.is_complete() && !rest.is_empty() {
        let before = payload.remaining();
        let offered = &rest[..step.min(rest.len())];
        match payload.take(offered) {
            Ok(piece) => {
                assert_eq!(piece, &offered[..before.min(offered.len())]);
                assert_eq!(payload.remaining(), before - piece.len());
                taken.extend_from_slice(piece);
                rest = &rest[piece.len()..];
            }
            Err(error) => {
                assert_eq!(error.rule(), Rule::PayloadFormat);
                match whole {
                    Err(whole) => assert_eq!(error, whole),
                    Ok(whole) => assert!(matches!(whole, Decoded::Incomplete { .. }), "{error}, {whole:?}"),
                }
                return;
            }
        }
    }
    if payload.is_complete() {
        let packet = Packet::from(Publish { payload: &taken, ..*head });
        assert_eq!(whole.map(Decoded::packet), Ok(Some(packet)));
    } else {
        assert_eq!(whole, Ok(Decoded::Incomplete { missing: payload.remaining() }));
    }
}
