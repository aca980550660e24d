//! A PUBLISH in pieces: how much is asked for, and where a payload goes wrong.

use mqtt_wire::{DecodeOptions, DecodedHead, Rule, Version, decode_publish_head};

/// How many bytes the head wants before each byte of a frame, counted from the frame's start; then it is there.
fn wanted(frame: &[u8], version: Version) -> (Vec<usize>, usize) {
    let mut wanted = Vec::new();
    for len in 0..=frame.len() {
        match decode_publish_head(&frame[..len], version).expect("a good head") {
            DecodedHead::Incomplete { missing } => wanted.push(len + missing),
            DecodedHead::Publish { len: head, .. } => return (wanted, head),
            DecodedHead::Other(header) => panic!("{header:?}"),
        }
    }
    panic!("{wanted:?}")
}

#[test]
fn a_head_wants_the_next_field_that_it_knows_of() {
    let v5 = [0x32, 14, 0, 2, b'a', b'b', 0, 7, 3, 0x23, 0, 1, b'd', b'a', b't', b'a'];
    assert_eq!(wanted(&v5, Version::V5), (vec![2, 2, 4, 4, 6, 6, 8, 8, 9, 12, 12, 12], 12));
    let plain = [0x30, 9, 0, 2, b'a', b'b', 0, b'd', b'a', b't', b'a'];
    assert_eq!(wanted(&plain, Version::V5), (vec![2, 2, 4, 4, 6, 6, 7], 7));
    let v311 = [0x34, 10, 0, 2, b'a', b'b', 0, 7, b'd', b'a', b't', b'a'];
    assert_eq!(wanted(&v311, Version::V311), (vec![2, 2, 4, 4, 6, 6, 8, 8], 8));
    let plain = [0x30, 8, 0, 2, b'a', b'b', b'd', b'a', b't', b'a'];
    assert_eq!(wanted(&plain, Version::V311), (vec![2, 2, 4, 4, 6, 6], 6));
    // A block whose length takes two bytes.
    let mut long = vec![0x30, 0x8B, 1, 0, 1, b'a', 0x85, 1, 0x26, 0, 1, b'k', 0, 127];
    long.extend([b'v'; 127]);
    let mut expected = vec![2, 2, 3, 5, 5, 6, 7, 8];
    expected.resize(long.len(), long.len());
    assert_eq!(wanted(&long, Version::V5), (expected, long.len()));
}

/// However the payload is cut, the bad character is found where the whole text has it.
#[test]
fn a_bad_character_is_where_it_is_in_the_whole_payload() {
    let options = DecodeOptions::new(Version::V5).with_payload_check(true);
    let good = "aé€😀z".as_bytes();
    for at in 0..good.len() {
        for bad in [0, b'x', 0x80, 0xC3, 0xFF] {
            let mut payload = good.to_vec();
            payload[at] = bad;
            let expected = std::str::from_utf8(&payload).err().map(|error| error.valid_up_to());
            let length = u8::try_from(6 + payload.len()).expect("it is short");
            let head = [0x30, length, 0, 1, b'a', 2, 1, 1];
            for first in 0..=payload.len() {
                for second in first..=payload.len() {
                    let found = in_pieces(
                        &head,
                        [&payload[..first], &payload[first..second], &payload[second..]],
                        options,
                    );
                    assert_eq!(found, expected, "{payload:?} cut at {first} and {second}");
                }
            }
        }
    }
}

fn in_pieces(head: &[u8], pieces: [&[u8]; 3], options: DecodeOptions) -> Option<usize> {
    let Ok(DecodedHead::Publish { len, mut payload, .. }) = decode_publish_head(head, options) else {
        panic!("a head")
    };
    assert_eq!(len, head.len());
    for piece in pieces {
        if let Err(error) = payload.take(piece) {
            assert_eq!(error.rule(), Rule::PayloadFormat);
            return Some(error.offset() - len);
        }
    }
    assert!(payload.is_complete());
    None
}

/// A length that goes on too long is an error at its fourth byte, not something to wait for.
#[test]
fn a_bad_length_of_properties_is_not_waited_for() {
    let frame = [0x30, 40, 0, 1, b'a', 0xFF, 0xFF, 0xFF, 0xFF];
    for len in 5..9 {
        let found = decode_publish_head(&frame[..len], Version::V5);
        assert!(matches!(found, Ok(DecodedHead::Incomplete { missing: 1 })), "{found:?}");
    }
    let error = decode_publish_head(&frame, Version::V5).expect_err("a bad length");
    assert_eq!((error.rule(), error.offset()), (Rule::LengthTooLong, 8));
}
