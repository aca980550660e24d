//! A program without std and without an allocator that calls what a receiver and a sender call, and whose panic
//! handler calls a function that does not exist: it links only when the optimizer has removed every path that
//! leads to a panic. `check` builds it.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use mqtt_wire::topic::{FilterLevels, Levels};
use mqtt_wire::{
    Connect, DecodeError, DecodeOptions, Decoded, DecodedHead, Delivery, EncodeOptions, FanOut, FixedHeader,
    List, Packet, PacketId, Properties, Property, PropertyId, Publish, QoS, ReasonCode, Sender, Subscribe,
    Subscription, Tolerance, TopicFilter, TopicName, Version, decode, decode_exact, decode_publish_head,
    set_dup,
};

#[cfg(not(feature = "look"))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_path_is_left() -> !;
    }
    // SAFETY: never linked.
    unsafe { a_panic_path_is_left() }
}

#[cfg(feature = "look")]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// The program: of bytes that the optimizer knows nothing of.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let input: &[u8] = black_box(&[0x30, 0x03, 0x00, 0x01, 0x61]);
    let mut room = [0; 256];
    let out: &mut [u8] = black_box(&mut room);
    for version in black_box(Version::ALL) {
        for options in
            black_box([DecodeOptions::new(version), DecodeOptions::detect(), every_choice(version)])
        {
            black_box(receive(input, options, black_box(EncodeOptions::new(version)), out));
            black_box(receive_in_pieces(input, options));
        }
        black_box(topics(input, version));
        black_box(send(input, version, out));
    }
    #[cfg(feature = "panic-path")]
    black_box(input[black_box(9)]);
    loop {}
}

fn every_choice(version: Version) -> DecodeOptions {
    DecodeOptions::new(version)
        .sender(black_box(Sender::Client))
        .max_packet_size(black_box(1 << 16))
        .first_packet(black_box(true))
        .tolerate(black_box(Tolerance::BridgeProtocolLevel))
        .tolerate(black_box(Tolerance::NonMinimalLengths))
        .refuse_control_characters()
        .check_payload_format()
}

/// Decodes, walks through everything that was decoded, and encodes it back.
#[inline(never)]
fn receive(input: &[u8], options: DecodeOptions, encode: EncodeOptions, out: &mut [u8]) -> usize {
    let mut sum = match FixedHeader::decode(input, &options) {
        Ok(Some(header)) => header.frame_len(),
        Ok(None) => 0,
        Err(error) => judge(error),
    };
    sum ^= Version::of_connect(input).map_or(0, |version| usize::from(version.level()));
    let packet = match decode(input, options) {
        Ok(Decoded::Packet { packet, len }) => {
            sum ^= len;
            packet
        }
        Ok(Decoded::Incomplete { missing }) => return sum ^ missing,
        Err(error) => return sum ^ judge(error),
    };
    sum ^= usize::from(decode_exact(input, options) == Ok(packet));
    sum ^= walk(&packet);
    for version in Version::ALL {
        for packet in [packet.upgrade(), packet.downgrade(version)].into_iter().flatten() {
            sum ^= packet.encode(version, out).unwrap_or_default();
        }
    }
    sum ^= packet.encoded_len(encode).unwrap_or_default();
    sum ^ packet.encode(encode, out).unwrap_or_default()
}

fn judge(error: DecodeError) -> usize {
    error.offset()
        ^ error.requirement().len()
        ^ error.kind().name().len()
        ^ usize::from(error.reason_code().get())
        ^ error.frame_len().unwrap_or_default()
}

fn walk(packet: &Packet<'_>) -> usize {
    match packet {
        Packet::Connect(body) => walk_connect(body),
        Packet::ConnAck(body) => usize::from(body.reason_code.get()) ^ walk_properties(body.properties),
        Packet::Publish(body) => {
            let topic = body.topic.map_or(0, |topic| topic.as_str().len());
            topic ^ walk_properties(body.properties) ^ body.payload.len()
        }
        Packet::PubAck(body) | Packet::PubRec(body) | Packet::PubRel(body) | Packet::PubComp(body) => {
            usize::from(body.packet_id.get()) ^ walk_properties(body.properties)
        }
        Packet::Subscribe(body) => {
            let filters = body.subscriptions.iter().map(|one| one.filter.as_str().len()).sum::<usize>();
            filters ^ body.subscriptions.len() ^ walk_properties(body.properties)
        }
        Packet::SubAck(body) => walk_codes(body.reason_codes) ^ walk_properties(body.properties),
        Packet::Unsubscribe(body) => {
            let filters = body.filters.iter().map(|filter| filter.as_str().len()).sum::<usize>();
            filters ^ walk_properties(body.properties)
        }
        Packet::UnsubAck(body) => walk_codes(body.reason_codes) ^ walk_properties(body.properties),
        Packet::PingReq | Packet::PingResp => 0,
        Packet::Disconnect(body) => usize::from(body.reason_code.get()) ^ walk_properties(body.properties),
        Packet::Auth(body) => usize::from(body.reason_code.get()) ^ walk_properties(body.properties),
    }
}

fn walk_connect(body: &Connect<'_>) -> usize {
    let will = body.will.map_or(0, |will| will.payload.len() ^ walk_properties(will.properties));
    will ^ body.client_id.len()
        ^ body.user_name.map_or(0, str::len)
        ^ body.password.map_or(0, <[u8]>::len)
        ^ walk_properties(body.properties)
}

fn walk_codes(codes: List<'_, ReasonCode>) -> usize {
    codes.iter().map(|code| usize::from(code.get()) ^ code.name().map_or(0, str::len)).sum()
}

#[inline(never)]
fn walk_properties(properties: Properties<'_>) -> usize {
    let texts = properties.user_properties().map(|(name, value)| name.len() ^ value.len()).sum::<usize>();
    let rest = properties.without(PropertyId::UserProperty | PropertyId::TopicAlias);
    let values = rest.iter().map(|property| match property {
        Property::ReasonString(text) => text.len(),
        property => property.id().title().len(),
    });
    texts
        ^ values.sum::<usize>()
        ^ properties.topic_alias().map_or(0, |alias| usize::from(alias.get()))
        ^ properties.subscription_identifiers().count()
        ^ properties.ids().iter().count()
        ^ usize::from(properties == rest)
}

/// A PUBLISH by its head, the payload in two pieces.
#[inline(never)]
fn receive_in_pieces(input: &[u8], options: DecodeOptions) -> usize {
    match decode_publish_head(input, options) {
        Ok(DecodedHead::Publish { head, len, mut payload }) => {
            let body = input.get(len..).unwrap_or_default();
            let (first, second) = body.split_at_checked(black_box(3)).unwrap_or((body, &[]));
            let pieces = [first, second].map(|piece| payload.take(piece).map_or(0, <[u8]>::len));
            walk(&head.into()) ^ pieces[0] ^ pieces[1] ^ payload.remaining()
        }
        Ok(DecodedHead::Other(header)) => header.len(),
        Ok(DecodedHead::Incomplete { missing }) => missing,
        Err(error) => judge(error),
    }
}

#[inline(never)]
fn topics(input: &[u8], version: Version) -> usize {
    let (name, filter) = (TopicName::from_bytes(input), TopicFilter::from_bytes(input, version));
    let text = core::str::from_utf8(input).unwrap_or_default();
    let checked = usize::from(TopicName::new(text).is_ok()) ^ usize::from(TopicFilter::new(text).is_ok());
    let levels = |levels: Levels<'_>| levels.clone().count() ^ levels.rev().map(str::len).sum::<usize>();
    let filter_levels = |levels: FilterLevels<'_>| {
        levels.clone().count() ^ levels.rev().map(|level| level.as_str().len()).sum::<usize>()
    };
    match (name, filter) {
        (Ok(name), Ok(filter)) => {
            let related = [filter.matches(name), filter.covers(filter.inner()), filter.intersects(filter)];
            let share = filter.share_name().map_or(0, str::len);
            checked
                ^ related.iter().filter(|is| **is).count()
                ^ share
                ^ levels(name.levels())
                ^ filter_levels(filter.levels())
                ^ usize::from(filter.has_wildcards())
        }
        (Err(error), _) | (_, Err(error)) => error.offset() ^ error.message().len() ^ checked,
    }
}

/// Packets made of values.
#[inline(never)]
fn send(input: &[u8], version: Version, out: &mut [u8]) -> usize {
    let text = core::str::from_utf8(input).unwrap_or_default();
    let Ok(topic) = TopicName::new(text) else { return 0 };
    let Ok(filter) = TopicFilter::for_version(text, version) else { return 0 };
    let properties = black_box([Property::ContentType(text), Property::UserProperty((text, text))]);
    let publish = Publish { properties: Properties::new(&properties), ..Publish::new(topic, input) };
    let publish = publish.with_delivery(Delivery::new(black_box(QoS::AtLeastOnce), PacketId::MIN));
    let mut sum = publish.encode_head(version, out).unwrap_or_default();
    sum ^= Packet::from(publish).encode(version, out).unwrap_or_default();
    sum ^= usize::from(set_dup(out));
    if let Ok(mut heads) = FanOut::new(&publish, version, out) {
        sum ^= heads.head(black_box(Delivery::AtMostOnce), false, true).map_or(0, <[u8]>::len);
        sum ^= heads.head(black_box(publish.delivery), true, false).map_or(0, <[u8]>::len);
    }
    let subscriptions = black_box([Subscription::new(filter, QoS::ExactlyOnce)]);
    sum ^=
        Packet::from(Subscribe::new(PacketId::MIN, &subscriptions)).encode(version, out).unwrap_or_default();
    sum ^ Packet::from(Connect::new(version, text)).encode(version, out).unwrap_or_default()
}
