//! Raw bytes: the laws of decoding, and of encoding what was decoded.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use mqtt_wire::{
    CheckedFrame, DecodeError, Decoded, DecodedHead, EncodeError, EncodeErrorKind, FixedHeader, Frame,
    Packet, PacketType, PublishFrame, Rule, Sender, Tolerance, Version, WillRef, decode, decode_exact,
    decode_publish_head, frame_len,
};

use super::canonical::{canonical, lengths};
use super::setting::Setting;
use super::{reference, topic_reference};

type Verdict<'a> = Result<Decoded<'a>, DecodeError>;

/// Strict decoding as either side and as none in particular. Every law is checked for one of the three, which
/// the length of the input chooses; of the others the verdict is compared.
pub(super) fn from_all_sides(version: Version, bytes: &[u8]) {
    let sides = [None, Some(Sender::Client), Some(Sender::Server)];
    let chosen = sides[bytes.len() % sides.len()];
    let [from_anyone, from_client, from_server] = sides.map(|sender| {
        let setting = Setting { sender, ..Setting::new(version) };
        if sender == chosen { check(bytes, &setting) } else { decode(bytes, setting.decode()) }
    });
    for from_one in [from_client, from_server] {
        narrowed(&from_anyone, &from_one, is_of_context);
    }
}

/// Decoding with any options. They are the first three bytes.
pub(super) fn with_options(bytes: &[u8]) {
    let Some((setting, bytes)) = Setting::split_from(bytes) else { return };
    let verdict = check(bytes, &setting);
    let open = Setting { first: false, max_packet_size: None, sender: None, ..setting };
    let open = Setting { refuse_control_characters: false, check_payload_format: false, ..open };
    let of_choice = |kind| {
        is_of_context(kind)
            || matches!(kind, Rule::PacketTooLarge | Rule::DisallowedCharacter | Rule::PayloadFormat)
    };
    narrowed(&decode(bytes, open.decode()), &verdict, of_choice);
    if !setting.detect {
        let strict = Setting { tolerances: 0, ..setting };
        narrowed(&verdict, &decode(bytes, strict.decode()), |_| true);
    }
}

/// A stricter decoder takes the same packets for the same, and refuses others for its own `reasons`.
fn narrowed(open: &Verdict<'_>, strict: &Verdict<'_>, reasons: impl Fn(Rule) -> bool) {
    match (open, strict) {
        (Ok(open), Ok(strict)) => assert_eq!(open, strict),
        (Ok(_), Err(strict)) => assert!(reasons(strict.rule()), "{strict}"),
        (Err(open), Ok(_)) => panic!("only the open decoder refuses: {open}"),
        (Err(open), Err(strict)) => {
            let fault = |error: &DecodeError| (error.rule(), error.offset(), error.version());
            assert!(fault(open) == fault(strict) || reasons(strict.rule()), "{open}, {strict}");
        }
    }
}

fn is_of_context(kind: Rule) -> bool {
    matches!(
        kind,
        Rule::WrongDirection | Rule::UnexpectedPacket | Rule::PropertySender | Rule::ReasonCodeSender
    )
}

/// Every law of one decoding.
pub(super) fn check<'a>(bytes: &'a [u8], setting: &Setting) -> Verdict<'a> {
    let verdict = decode(bytes, setting.decode());
    lengths_are_right(bytes, setting, &verdict);
    prefixes_wait(bytes, setting, &verdict);
    neighbours_do_not_matter(bytes, setting, &verdict);
    other_paths_agree(bytes, setting, &verdict);
    leaves_nothing_behind(bytes, setting);
    match &verdict {
        Ok(Decoded::Packet { packet, len }) => {
            topics_are_right(packet, setting);
            goes_back(&bytes[..*len], packet, setting);
        }
        Ok(Decoded::Incomplete { .. }) => {}
        Err(error) => tells_why(error, setting),
    }
    verdict
}

/// Laws 1 and 4: the lengths are those of the fixed header, and so is the number of missing bytes.
fn lengths_are_right(bytes: &[u8], setting: &Setting, verdict: &Verdict<'_>) {
    let total = lengths(bytes).map(|(_, total)| total);
    assert_eq!(frame_len(bytes), total);
    match verdict {
        Ok(Decoded::Packet { len, .. }) => {
            assert_eq!(Some(*len), total);
            assert!(*len <= bytes.len());
        }
        Ok(Decoded::Incomplete { missing }) => {
            let expected = match total {
                Some(total) => total - bytes.len(),
                None if bytes.is_empty() => 2,
                None => 1,
            };
            assert_eq!(*missing, expected);
            assert!(*missing > 0);
        }
        Err(error) => {
            assert!(error.offset() <= total.unwrap_or(bytes.len()));
        }
    }
    if let Ok(header) = FixedHeader::decode(bytes, setting.decode()) {
        assert_eq!(header.map(|header| (header.len(), header.frame_len())), lengths(bytes));
    }
}

/// Laws 1 and 3: while bytes are missing the answer is "incomplete", and an error comes with the byte that
/// decides it and stays.
fn prefixes_wait(bytes: &[u8], setting: &Setting, verdict: &Verdict<'_>) {
    let lengths = lengths(bytes);
    let (header, total) = lengths.unwrap_or((bytes.len(), bytes.len()));
    let decisive = match verdict {
        Ok(Decoded::Incomplete { .. }) => bytes.len() + 1,
        Err(error) if error.rule() == Rule::PacketTooLarge => header,
        Err(error) if waits_for_version(error, bytes, setting) => header + 7,
        Err(error) if waits_for_length(error, bytes, setting) => header,
        Err(error) if lengths.is_none() || error.offset() < header => error.offset() + 1,
        _ => total,
    };
    let options = setting.decode();
    // The longest fixed header takes five bytes.
    for n in (0..8).chain([decisive.saturating_sub(1), decisive]).filter(|n| *n <= bytes.len()) {
        match (decode(&bytes[..n], options), verdict) {
            (Ok(Decoded::Incomplete { missing }), _) => {
                assert!(n < decisive, "{verdict:?}: waits after {n} bytes");
                let enough = match verdict {
                    Ok(_) => lengths.map_or(bytes.len() + 1, |(_, total)| total),
                    Err(error) if error.offset() < header && decisive > header => total,
                    Err(_) => decisive,
                };
                assert!(n + missing <= enough.max(2), "{missing} missing after {n} bytes");
            }
            (Err(early), Err(late)) if n >= decisive => {
                assert_eq!((early.rule(), early.offset()), (late.rule(), late.offset()));
            }
            (early, late) => assert!(n >= decisive && early == *late, "{n} bytes: {early:?}, all: {late:?}"),
        }
    }
}

/// Until CONNECT has named its version, any form of the length will do and flags that 3.1 does not look at: the name
/// `MQTT` and the level decide.
fn waits_for_version(error: &DecodeError, bytes: &[u8], setting: &Setting) -> bool {
    let header = lengths(bytes).map_or(0, |(header, _)| header);
    setting.detect
        && error.packet_type() == Some(PacketType::Connect)
        && match error.rule() {
            Rule::LengthNotShortest => error.offset() < header,
            // Both QoS bits are refused in every version.
            Rule::ReservedFlags => bytes[0] & 0b0110 != 0b0110 && !is_too_short_for_v31(bytes),
            _ => false,
        }
}

/// A CONNECT whose flags only 3.1 would take, and whose length 3.1 would not: the length decides.
fn waits_for_length(error: &DecodeError, bytes: &[u8], setting: &Setting) -> bool {
    setting.detect
        && error.packet_type() == Some(PacketType::Connect)
        && error.rule() == Rule::ReservedFlags
        && bytes[0] & 0b0110 != 0b0110
        && is_too_short_for_v31(bytes)
}

/// Whether the Remaining Length has no room for the name and the level of 3.1.
fn is_too_short_for_v31(bytes: &[u8]) -> bool {
    lengths(bytes).is_some_and(|(header, total)| total - header < 9)
}

/// Law 2: what follows a frame does not matter.
fn neighbours_do_not_matter(bytes: &[u8], setting: &Setting, verdict: &Verdict<'_>) {
    let total = lengths(bytes).map_or(bytes.len(), |(_, total)| total.min(bytes.len()));
    assert_eq!(decode(&bytes[..total], setting.decode()), *verdict);
    if bytes.len() < 512 && !matches!(verdict, Ok(Decoded::Incomplete { .. })) && lengths(bytes).is_some() {
        let followed = [&bytes[..total], &[0xC0, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]].concat();
        assert_eq!(decode(&followed, setting.decode()), *verdict);
    }
}

/// Law 12: the exact, the owned and the streaming decoder say the same.
fn other_paths_agree(bytes: &[u8], setting: &Setting, verdict: &Verdict<'_>) {
    let options = setting.decode();
    let exact = decode_exact(bytes, options);
    let kind = exact.map_err(|error| error.rule());
    match verdict {
        Ok(Decoded::Packet { packet, len }) if *len == bytes.len() => assert_eq!(kind, Ok(*packet)),
        Ok(Decoded::Packet { .. }) => assert_eq!(kind, Err(Rule::TrailingBytes)),
        Ok(Decoded::Incomplete { .. }) => assert_eq!(kind, Err(Rule::Truncated)),
        Err(error) if frame_len(bytes) == Some(bytes.len()) => assert_eq!(exact, Err(*error)),
        Err(_) => assert!(exact.is_err()),
    }
    let mut stream = BytesMut::from(bytes);
    match Frame::split_from(&mut stream, options) {
        Ok(None) => {
            let waits = match verdict {
                Ok(decoded) => decoded.packet().is_none(),
                // The header is right as long as the body is not looked at.
                Err(error) => {
                    error.rule() == Rule::ReservedFlags
                        && (waits_for_version(error, bytes, setting)
                            || waits_for_length(error, bytes, setting))
                }
            };
            assert!(waits, "{verdict:?}");
            assert_eq!(stream, bytes);
        }
        Ok(Some(frame)) => {
            let packet = verdict.as_ref().map(|decoded| decoded.packet().expect("a whole packet"));
            assert_eq!(frame.packet().as_ref(), packet.as_ref().map_err(|error| *error));
            assert_eq!([frame.as_bytes(), &stream].concat(), bytes);
            owned_frame_agrees(&frame, options);
        }
        Err(error) => {
            assert_eq!(*verdict, Err(error));
            assert_eq!(stream, bytes);
        }
    }
    match (decode_publish_head(bytes, options), verdict) {
        (Ok(DecodedHead::Publish { head, len, mut payload }), Ok(Decoded::Packet { packet, .. })) => {
            let Packet::Publish(publish) = packet else { panic!("{packet:?}") };
            assert_eq!(payload.remaining(), publish.payload.len());
            assert_eq!(payload.take(&bytes[len..]), Ok(publish.payload));
            assert_eq!(head.with_payload(publish.payload), *publish);
        }
        (Ok(DecodedHead::Other(header)), _) => assert_ne!(header.packet_type().get(), 3),
        (Ok(DecodedHead::Incomplete { missing }), verdict) => {
            let Ok(Decoded::Incomplete { missing: all }) = verdict else { panic!("{verdict:?}") };
            assert!(missing <= *all);
        }
        (Ok(DecodedHead::Publish { .. }), Err(error)) => assert_eq!(error.rule(), Rule::PayloadFormat),
        (Ok(DecodedHead::Publish { .. }), Ok(Decoded::Incomplete { .. })) => {}
        (Err(head), Err(whole)) => assert_eq!(head, *whole),
        (Err(head), Ok(Decoded::Incomplete { .. })) => assert!(frame_len(bytes).is_some(), "{head}"),
        (Err(head), Ok(whole)) => panic!("{head}, {whole:?}"),
    }
}

fn owned_frame_agrees(frame: &Frame, options: mqtt_wire::DecodeOptions) {
    let again = Frame::new(Bytes::copy_from_slice(frame.as_bytes()), options).expect("a checked header");
    assert_eq!(again.packet(), frame.packet());
    assert_eq!(again, *frame);
    match CheckedFrame::new(again.clone()) {
        Ok(checked) => {
            assert_eq!(Ok(checked.packet()), frame.packet());
            assert_eq!(checked.packet_type(), frame.packet_type());
            assert_eq!(checked.into_bytes(), frame.as_bytes());
        }
        Err(error) => assert_eq!(frame.packet(), Err(error)),
    }
    match (PublishFrame::new(again), frame.packet()) {
        (Ok(kept), packet) => assert_eq!(Ok(kept.publish().into()), packet),
        (Err(error), Err(expected)) => assert_eq!(error, expected),
        (Err(error), Ok(packet)) => {
            assert_ne!(packet.packet_type(), PacketType::Publish);
            let expected = (Rule::UnexpectedPacket, 0, Some(packet.packet_type()));
            assert_eq!((error.rule(), error.offset(), error.packet_type()), expected);
        }
    }
    if let Ok(packet) = frame.packet() {
        assert_eq!(packet.packet_type(), frame.packet_type());
        if let Packet::Publish(publish) = packet {
            let payload = frame.slice(publish.payload);
            assert_eq!(payload, publish.payload);
            let inside =
                publish.payload.is_empty() || std::ptr::eq(payload.as_ptr(), publish.payload.as_ptr());
            assert!(inside, "the payload was copied");
        }
        if let Packet::Connect(connect) = packet {
            assert_eq!(frame.version(), Some(connect.version));
            assert_eq!(Version::of_connect(frame.as_bytes()), Some(connect.version));
        }
    }
}

/// Law 11: whatever the verdict, no memory is kept, and decoding a frame takes none.
fn leaves_nothing_behind(bytes: &[u8], setting: &Setting) {
    let options = setting.decode();
    let memory = allocation_counter::measure(|| {
        let mut stream = BytesMut::from(bytes);
        if let Ok(Some(frame)) = Frame::split_from(&mut stream, options) {
            let decoding = allocation_counter::measure(|| {
                let _ = frame.packet();
            });
            assert_eq!(decoding.count_total, 0, "decoding took memory");
        }
    });
    assert_eq!((memory.count_current, memory.bytes_current), (0, 0), "memory was kept");
}

/// What was taken for a topic name or filter is one by the rules as they are written.
fn topics_are_right(packet: &Packet<'_>, setting: &Setting) {
    let v5 = setting.detect || setting.version == Version::V5;
    let rule = if v5 { topic_reference::is_v5_filter } else { topic_reference::is_filter };
    let mut names = Vec::new();
    let mut filters = Vec::new();
    match packet {
        Packet::Connect(connect) => {
            let will = connect.will.map(WillRef::get);
            names.extend(will.map(|will| will.topic));
            names.extend(will.and_then(|will| will.properties.response_topic()));
        }
        Packet::Publish(publish) => {
            names.extend(publish.topic);
            names.extend(publish.properties.response_topic());
        }
        Packet::Subscribe(body) => filters.extend(body.subscriptions.iter().map(|one| one.filter)),
        Packet::Unsubscribe(body) => filters.extend(body.filters),
        _ => {}
    }
    for name in names {
        assert!(topic_reference::is_name(name.as_str()), "{name}");
    }
    for filter in filters {
        assert!(rule(filter.as_str()), "{filter}");
    }
}

/// Laws 7 and 8: what was decoded is encoded back, to the same bytes when they were the shortest.
fn goes_back(frame: &[u8], packet: &Packet<'_>, setting: &Setting) {
    #[allow(clippy::single_match_else, reason = "a CONNECT and all others")]
    let version = match packet {
        Packet::Connect(connect) => connect.version,
        _ => {
            assert!(!setting.detect, "{packet:?} before a version is known");
            setting.version
        }
    };
    let options = setting.encode(version);
    // Read as what 5.0 has for it, it takes a byte more.
    let refusal_by_older_server = matches!((packet, frame), (Packet::ConnAck(_), [.., 0x00, 0x01]))
        && version == Version::V5
        && setting.tolerates(Tolerance::RefusalByOlderServer)
        && lengths(frame).is_some_and(|(header, total)| total - header == 2);
    let mut out = vec![0xA5; 3];
    if refusal_by_older_server && options.max_packet_size() == 4 {
        let too_large = Err(EncodeErrorKind::TooLarge { size: 5, max: 4 });
        assert_eq!(packet.encode(options, &mut out).map_err(|error| error.kind()), too_large);
        return;
    }
    let len = packet.encode(options, &mut out).unwrap_or_else(|error| panic!("{packet:?}: {error}"));
    let (before, written) = out.split_at(3);
    assert_eq!((before, written.len()), (&[0xA5; 3][..], len));
    assert_eq!(packet.encoded_len(options), Ok(len));
    assert_eq!(decode(written, setting.decode()), Ok(Decoded::Packet { packet: *packet, len }));
    // Received lists and properties go out as they came; the reference writes each item from its value.
    assert_eq!(reference::encode(packet, version).as_deref(), Some(written));
    if refusal_by_older_server {
        assert_eq!(written, [0x20, 0x03, 0x00, 0x84, 0x00]);
    } else if setting.tolerates(Tolerance::NonMinimalLengths) {
        assert!(written.len() <= frame.len());
    } else {
        let header_len = lengths(frame).expect("a whole frame").0;
        assert_eq!(written, canonical(frame, header_len, version, packet));
    }
    fits_exactly(packet, written, options);
    if frame.len() < 200 {
        let mut shown = String::new();
        write!(shown, "{packet} {packet:?}").expect("a string takes anything");
    }
}

fn fits_exactly(packet: &Packet<'_>, written: &[u8], options: mqtt_wire::EncodeOptions) {
    let needed = written.len();
    let mut slice = vec![0xA5; needed + 1];
    assert_eq!(packet.encode(options, &mut slice[..needed]), Ok(needed));
    assert_eq!((&slice[..needed], slice[needed]), (written, 0xA5));
    let available = needed - 1;
    let mut slice = vec![0xA5; available];
    let too_small = Err(EncodeErrorKind::BufferTooSmall { needed, available });
    let kind = |error: EncodeError| {
        assert_eq!(error.packet_type(), Some(packet.packet_type()));
        error.kind()
    };
    assert_eq!(packet.encode(options, &mut slice[..]).map_err(kind), too_small);
    assert!(slice.iter().all(|byte| *byte == 0xA5), "a short buffer was written to");
    let limit = u32::try_from(available).expect("a packet is smaller");
    let mut out = Vec::new();
    let too_large = Err(EncodeErrorKind::TooLarge { size: needed, max: available });
    assert_eq!(packet.encode(options.with_max_packet_size(limit), &mut out).map_err(kind), too_large);
    assert!(out.is_empty());
}

fn tells_why(error: &DecodeError, setting: &Setting) {
    assert!(error.reason_code().is_error());
    assert!(!error.requirement().is_empty());
    // Of some rules each side has its own.
    if setting.sender.is_none() {
        assert_eq!(error.requirement(), error.rule().requirement(error.version(), error.packet_type()));
    }
    let text = error.to_string();
    assert!(text.contains(error.requirement()) && text.contains(&error.rule().to_string()), "{text}");
}
