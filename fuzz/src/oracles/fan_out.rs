//! One message to many subscribers, and again: the heads are those of packets that were encoded one by one.

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use mqtt_wire::{
    ArbitraryPacket, Delivery, EncodeError, EncodeOptions, FanOut, Frame, Packet, PacketType, Publish, QoS,
    Rule, set_dup,
};

pub(super) fn to_many(bytes: &[u8]) {
    let mut u = Unstructured::new(bytes);
    let (Ok(version), Ok(sender)) = (u.arbitrary(), u.arbitrary()) else { return };
    let attempts: Vec<Attempt> = (0..4).filter_map(|_| u.arbitrary().ok()).collect();
    let Ok(made) = ArbitraryPacket::of_type(&mut u, PacketType::Publish, version, sender) else { return };
    let Packet::Publish(publish) = made.packet() else { panic!("{:?}", made.packet()) };
    let options = EncodeOptions::new(version).with_sender(sender);
    head_and_payload(&publish, options, made.as_bytes());
    fan_out(&publish, options, &attempts);
    again(made.as_bytes(), &publish, &made);
}

/// One subscriber or one attempt.
#[derive(Debug, Arbitrary)]
struct Attempt {
    delivery: Delivery,
    dup: bool,
    retain: bool,
}

fn head_and_payload(publish: &Publish<'_>, options: EncodeOptions, whole: &[u8]) {
    let mut head = Vec::new();
    let len = publish.encode_head(options, &mut head).expect("the whole was encoded");
    assert_eq!(len, head.len());
    assert_eq!([&head, publish.payload].concat(), whole);
    let mut slice = vec![0xA5; len - 1];
    let too_small = Err(EncodeError::BufferTooSmall { needed: len, available: len - 1 });
    assert_eq!(publish.encode_head(options, &mut slice[..]), too_small);
    assert!(slice.iter().all(|byte| *byte == 0xA5));
}

fn fan_out(publish: &Publish<'_>, options: EncodeOptions, attempts: &[Attempt]) {
    let needed = match FanOut::new(publish, options, &mut []) {
        Err(EncodeError::BufferTooSmall { needed, available: 0 }) => needed,
        other => panic!("{other:?}"),
    };
    let mut buf = vec![0; needed];
    let mut fan_out = FanOut::new(publish, options, &mut buf).expect("room that was asked for");
    for Attempt { delivery, dup, retain } in attempts {
        let one = Publish { delivery: *delivery, dup: *dup, retain: *retain, ..*publish };
        let mut expected = Vec::new();
        match one.encode_head(options, &mut expected) {
            Ok(_) => {
                assert_eq!(fan_out.head(*delivery, *dup, *retain), Ok(&expected[..]));
                assert_eq!(fan_out.packet_len(delivery.qos()), expected.len() + publish.payload.len());
            }
            Err(error) => {
                let is_dup = matches!(error, EncodeError::Invalid { kind: Rule::DupAtQoS0, .. });
                assert!(is_dup && *dup && delivery.qos() == QoS::AtMostOnce, "{error}");
                assert_eq!(fan_out.head(*delivery, *dup, *retain), Err(error));
            }
        }
    }
}

fn again(whole: &[u8], publish: &Publish<'_>, made: &ArbitraryPacket) {
    let mut resent = whole.to_vec();
    let acknowledged = publish.delivery != Delivery::AtMostOnce;
    assert_eq!(set_dup(&mut resent), acknowledged);
    let frame = Frame::new(Bytes::copy_from_slice(whole), made.options()).expect("a valid packet");
    let other = frame.clone();
    let frame = frame.with_dup();
    assert_eq!(frame.as_bytes(), resent);
    assert_eq!(other.as_bytes(), whole, "a clone was changed");
    let expected = Publish { dup: acknowledged, ..*publish };
    assert_eq!(frame.packet(), Ok(expected.into()));
}
