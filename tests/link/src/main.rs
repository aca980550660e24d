//! A program without std and without an allocator that calls what a receiver and a sender call, and whose panic
//! handler calls a function that does not exist: it links only when the optimizer has removed every path that
//! leads to a panic. `check` builds it.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use mqtt_wire::topic::{FilterLevels, Levels};
use mqtt_wire::{
    Ack, Buffer, ConnAck, Connect, Connection, DecodeError, DecodeOptions, Decoded, DecodedHead, Delivery,
    Disconnect, EncodeOptions, Error, FixedHeader, List, Packet, PacketId, Packets, Payload, Properties,
    Property, PropertyId, Publish, QoS, ReasonCode, Sender, SubAck, Subscribe, Subscription, Tolerance,
    TopicError, TopicFilter, TopicName, UnsubAck, Unsubscribe, Version, Will, decode, decode_exact,
    decode_publish_head, frame_len, packets,
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

/// The program: of bytes that the optimizer knows nothing of. What it does is done in one function for each
/// operation, so that `stack` can say how deep each goes.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let input: &[u8] = black_box(&[0x30, 0x03, 0x00, 0x01, 0x61]);
    let mut room = [0; 256];
    let out: &mut [u8] = black_box(&mut room);
    for version in black_box(Version::ALL) {
        for options in
            black_box([DecodeOptions::new(version), DecodeOptions::detect(), every_choice(version)])
        {
            for encode in black_box([EncodeOptions::new(version), every_encode_choice(version)]) {
                black_box(receive(input, options, encode, out));
            }
            black_box(receive_in_pieces(input, options));
        }
        black_box(one_after_the_other(input, version));
        black_box(topics(input, version));
        for mut connection in black_box([Connection::client(version), Connection::server()]) {
            black_box(converse(input, &mut connection, out));
        }
        black_box(send(input, version, out));
    }
    #[cfg(feature = "panic-path")]
    black_box(input[black_box(9)]);
    #[cfg(feature = "recursion")]
    black_box(recursion(input));
    loop {}
}

/// Calls itself by way of another function, for each byte.
#[cfg(feature = "recursion")]
#[inline(never)]
fn recursion(input: &[u8]) -> usize {
    #[inline(never)]
    fn step(rest: &[u8]) -> usize {
        black_box(recursion(black_box(rest))) + 1
    }
    input.split_first().map_or(0, |(_, rest)| step(rest))
}

fn every_choice(version: Version) -> DecodeOptions {
    DecodeOptions::new(version)
        .with_sender(black_box(Sender::Client))
        .with_max_packet_size(black_box(1 << 16))
        .with_first_packet(black_box(true))
        .with_tolerance(black_box(Tolerance::BridgeProtocolLevel))
        .with_tolerance(black_box(Tolerance::NonMinimalLengths))
        .with_strict_characters(true)
        .with_payload_check(true)
}

fn every_encode_choice(version: Version) -> EncodeOptions {
    EncodeOptions::new(version)
        .with_sender(black_box(Sender::Server))
        .with_max_packet_size(black_box(1 << 16))
        .with_tolerance(black_box(Tolerance::UnknownReasonCodes))
        .with_strict_characters(true)
        .with_payload_check(true)
}

/// Decodes, walks through everything that was decoded, and encodes it back.
fn receive(input: &[u8], options: DecodeOptions, encode: EncodeOptions, out: &mut [u8]) -> usize {
    let mut sum = look_ahead(input, &options);
    let packet = match decode_first(input, options) {
        Ok(Decoded::Packet { packet, len }) => {
            sum ^= len;
            packet
        }
        Ok(Decoded::Incomplete { missing }) => return sum ^ missing,
        Err(error) => return sum ^ judge(error),
    };
    sum ^= usize::from(decode_whole(input, options).is_ok_and(|whole| compare(&whole, &packet)));
    sum ^= walk(&packet);
    for version in Version::ALL {
        for packet in [upgrade(packet), downgrade(packet, version)].into_iter().flatten() {
            sum ^= encode_packet(&packet, version.into(), out);
        }
    }
    sum ^= measure(&packet, encode);
    sum ^ encode_packet(&packet, encode, out)
}

fn one_after_the_other(input: &[u8], version: Version) -> usize {
    let mut all = all_packets(input, DecodeOptions::new(version));
    let mut sum = 0;
    while let Some((start, packet)) = next_packet(&mut all) {
        sum ^= start ^ packet.map_or_else(judge_any, |packet| walk(&packet));
    }
    sum ^ all.offset() ^ all.rest().len()
}

#[inline(never)]
fn all_packets(input: &[u8], options: DecodeOptions) -> Packets<'_> {
    packets(input, options)
}

#[inline(never)]
fn next_packet<'a>(all: &mut Packets<'a>) -> Option<(usize, Result<Packet<'a>, DecodeError>)> {
    all.next()
}

#[inline(never)]
fn judge_any(error: DecodeError) -> usize {
    let error = Error::from(error);
    usize::from(error.reason_code().get()) ^ error.rule().map_or(0, |rule| rule.name().len()) ^ 1
}

#[inline(never)]
fn look_ahead(input: &[u8], options: &DecodeOptions) -> usize {
    let header = match FixedHeader::decode(input, *options) {
        Ok(Some(header)) => header.frame_len(),
        Ok(None) => 0,
        Err(error) => judge(error),
    };
    header
        ^ Version::of_connect(input).map_or(0, |version| usize::from(version.get()))
        ^ frame_len(input).unwrap_or_default()
}

#[inline(never)]
fn decode_first(input: &[u8], options: DecodeOptions) -> Result<Decoded<'_>, DecodeError> {
    decode(input, options)
}

#[inline(never)]
fn decode_whole(input: &[u8], options: DecodeOptions) -> Result<Packet<'_>, DecodeError> {
    decode_exact(input, options)
}

#[inline(never)]
fn decode_head(input: &[u8], options: DecodeOptions) -> Result<DecodedHead<'_>, DecodeError> {
    decode_publish_head(input, options)
}

#[inline(never)]
fn take_payload<'a>(payload: &mut Payload, piece: &'a [u8]) -> Result<&'a [u8], DecodeError> {
    payload.take(piece)
}

#[inline(never)]
fn compare(one: &Packet<'_>, other: &Packet<'_>) -> bool {
    one == other
}

#[inline(never)]
fn upgrade(packet: Packet<'_>) -> Option<Packet<'_>> {
    packet.upgrade()
}

#[inline(never)]
fn downgrade(packet: Packet<'_>, version: Version) -> Option<Packet<'_>> {
    packet.downgrade(version)
}

#[inline(never)]
fn measure(packet: &Packet<'_>, options: EncodeOptions) -> usize {
    packet.encoded_len(options).unwrap_or_default()
}

#[inline(never)]
fn encode_packet(packet: &Packet<'_>, options: EncodeOptions, out: &mut [u8]) -> usize {
    packet.encode(options, out).unwrap_or_default()
}

#[inline(never)]
fn encode_publish_head(publish: &Publish<'_>, options: EncodeOptions, out: &mut [u8]) -> usize {
    publish.encode_head(options, out).unwrap_or_default()
}

#[inline(never)]
fn send_again(publish: &Publish<'_>, topic: TopicName<'_>, options: EncodeOptions, out: &mut [u8]) -> usize {
    let Some(again) = publish.to_resend(topic) else { return 0 };
    Packet::from(again.as_publish()).encode(options, out).unwrap_or_default()
}

/// What came, by a connection and by a buffer, and what is answered.
fn converse(input: &[u8], connection: &mut Connection, out: &mut [u8]) -> usize {
    let sum = match connection_decode(connection, input) {
        Ok(Decoded::Packet { packet, len }) => len ^ connection_encode(&mut connection.clone(), &packet, out),
        Ok(Decoded::Incomplete { missing }) => missing,
        Err(error) => judge(error),
    };
    let mut buffer = Buffer::new(out);
    let room = buffer.room();
    let len = room.len().min(input.len());
    room.iter_mut().zip(input).for_each(|(to, from)| *to = *from);
    buffer.fill(len);
    let next = match buffer_next(&mut buffer, connection) {
        Ok(packet) => packet.map_or(0, |packet| walk(&packet)),
        Err(error) => judge(error),
    };
    sum ^ next ^ buffer.bytes().len() ^ buffer.room().len()
}

#[inline(never)]
fn connection_decode<'a>(connection: &mut Connection, input: &'a [u8]) -> Result<Decoded<'a>, DecodeError> {
    connection.decode(input)
}

#[inline(never)]
fn connection_encode(connection: &mut Connection, packet: &Packet<'_>, out: &mut [u8]) -> usize {
    connection.encode(packet, out).unwrap_or_default()
}

#[inline(never)]
fn buffer_next<'a>(
    buffer: &'a mut Buffer<'_>,
    connection: &mut Connection,
) -> Result<Option<Packet<'a>>, DecodeError> {
    buffer.next(connection)
}

#[inline(never)]
fn judge(error: DecodeError) -> usize {
    error.offset()
        ^ error.requirement().len()
        ^ error.rule().name().len()
        ^ usize::from(error.reason_code().get())
}

/// Every field of a packet, and every item of every list.
#[inline(never)]
fn walk(packet: &Packet<'_>) -> usize {
    in_one_pass(packet) ^ walk_fields(packet)
}

/// All properties of a packet in one pass.
#[inline(never)]
fn in_one_pass(packet: &Packet<'_>) -> usize {
    match packet {
        Packet::Connect(body) => {
            let will = body.will.map_or(0, |will| will.get().fields().user_properties.count());
            let fields = body.fields();
            will ^ fields.authentication_method.map_or(0, str::len) ^ fields.user_properties.count()
        }
        Packet::ConnAck(body) => {
            let fields = body.fields();
            fields.server_reference.map_or(0, str::len) ^ fields.user_properties.count()
        }
        Packet::Publish(body) => {
            let fields = body.fields();
            fields.content_type.map_or(0, str::len)
                ^ fields.subscription_identifiers.count()
                ^ fields.user_properties.count()
                ^ body.encoded_len(QoS::ExactlyOnce, Version::V5).unwrap_or_default()
        }
        Packet::PubAck(body) | Packet::PubRec(body) | Packet::PubRel(body) | Packet::PubComp(body) => {
            body.fields().reason_string.map_or(0, str::len)
        }
        Packet::Subscribe(body) => usize::from(body.fields().subscription_identifier.is_some()),
        Packet::SubAck(body) => body.fields().reason_string.map_or(0, str::len),
        Packet::Unsubscribe(body) => body.fields().user_properties.count(),
        Packet::UnsubAck(body) => body.fields().reason_string.map_or(0, str::len),
        Packet::PingReq | Packet::PingResp => 0,
        Packet::Disconnect(body) => body.fields().server_reference.map_or(0, str::len),
        Packet::Auth(body) => body.fields().authentication_data.map_or(0, <[u8]>::len),
    }
}

#[inline(never)]
fn walk_fields(packet: &Packet<'_>) -> usize {
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
            let filters = body.subscriptions.iter().map(|one| {
                one.filter.as_str().len()
                    ^ usize::from(one.options().maximum_qos.get())
                    ^ one.filter.levels().count()
            });
            filters.sum::<usize>() ^ body.subscriptions.len() ^ walk_properties(body.properties)
        }
        Packet::SubAck(body) => walk_codes(body.reason_codes) ^ walk_properties(body.properties),
        Packet::Unsubscribe(body) => {
            let filters = body.filters.iter().map(|filter| filter.as_str().len()).sum::<usize>();
            filters ^ body.filters.len() ^ walk_properties(body.properties)
        }
        Packet::UnsubAck(body) => walk_codes(body.reason_codes) ^ walk_properties(body.properties),
        Packet::PingReq | Packet::PingResp => 0,
        Packet::Disconnect(body) => usize::from(body.reason_code.get()) ^ walk_properties(body.properties),
        Packet::Auth(body) => usize::from(body.reason_code.get()) ^ walk_properties(body.properties),
    }
}

fn walk_connect(body: &Connect<'_>) -> usize {
    let will = body.will.map_or(0, |will| {
        let will = will.get();
        let message = will.to_publish(Delivery::AtMostOnce);
        let message = message.as_publish();
        message.payload.len() ^ walk_properties(message.properties) ^ walk_properties(will.properties)
    });
    will ^ body.client_id.len()
        ^ body.user_name.map_or(0, str::len)
        ^ body.password.map_or(0, <[u8]>::len)
        ^ body.keep_alive_limit().map_or(0, |limit| usize::from(limit.is_zero()))
        ^ walk_properties(body.properties)
}

fn walk_codes(codes: List<'_, ReasonCode>) -> usize {
    let names = codes.iter().map(|code| usize::from(code.get()) ^ code.name().map_or(0, str::len));
    names.sum::<usize>() ^ codes.len()
}

#[inline(never)]
fn walk_properties(properties: Properties<'_>) -> usize {
    let texts = properties.user_properties().map(|(name, value)| name.len() ^ value.len()).sum::<usize>();
    let rest = properties.without(PropertyId::UserProperty | PropertyId::TopicAlias);
    let rest = rest.as_properties();
    let all = rest.iter().fold(0, |sum, property| sum ^ usize::from(property.id().get()));
    let values = rest.iter().map(|property| match property {
        Property::ReasonString(text) => text.len(),
        property => property.id().title().len(),
    });
    texts
        ^ all
        ^ values.sum::<usize>()
        ^ properties.topic_alias().map_or(0, |alias| usize::from(alias.get()))
        ^ properties.subscription_identifiers().count()
        ^ properties.ids().iter().count()
        ^ properties.as_wire().map_or(0, <[u8]>::len)
        ^ usize::from(properties == rest)
}

/// A PUBLISH by its head, the payload in two pieces.
fn receive_in_pieces(input: &[u8], options: DecodeOptions) -> usize {
    match decode_head(input, options) {
        Ok(DecodedHead::Publish { head, len, mut payload }) => {
            let body = input.get(len..).unwrap_or_default();
            let (first, second) = body.split_at_checked(black_box(3)).unwrap_or((body, &[]));
            let pieces =
                [first, second].map(|piece| take_payload(&mut payload, piece).map_or(0, <[u8]>::len));
            walk(&head.with_payload(body).into()) ^ pieces[0] ^ pieces[1] ^ payload.remaining()
        }
        Ok(DecodedHead::Other(header)) => header.len(),
        Ok(DecodedHead::Incomplete { missing }) => missing,
        Err(error) => judge(error),
    }
}

fn topics(input: &[u8], version: Version) -> usize {
    let (name, filter) = check_bytes(input, version);
    let text = core::str::from_utf8(input).unwrap_or_default();
    let checked = check_texts(text);
    match (name, filter) {
        (Ok(name), Ok(filter)) => {
            let inner = filter.inner();
            let related = [matches(filter, name), covers(filter, inner), intersects(filter, inner)];
            let share = filter.share_name().map_or(0, str::len);
            checked
                ^ related.iter().filter(|is| **is).count()
                ^ share
                ^ levels(name, filter)
                ^ usize::from(
                    filter.has_wildcards() ^ filter.starts_with_dollar() ^ name.starts_with_dollar(),
                )
        }
        (Err(error), _) | (_, Err(error)) => error.offset() ^ error.message().len() ^ checked,
    }
}

type Checked<T> = Result<T, TopicError>;

#[inline(never)]
fn check_bytes(input: &[u8], version: Version) -> (Checked<TopicName<'_>>, Checked<TopicFilter<'_>>) {
    (TopicName::from_bytes(input), TopicFilter::from_bytes_for(input, version))
}

#[inline(never)]
fn check_texts(text: &str) -> usize {
    usize::from(TopicName::new(text).is_ok()) ^ usize::from(TopicFilter::new(text).is_ok())
}

#[inline(never)]
fn matches(filter: TopicFilter<'_>, name: TopicName<'_>) -> bool {
    filter.matches(name)
}

#[inline(never)]
fn covers(filter: TopicFilter<'_>, other: TopicFilter<'_>) -> bool {
    filter.covers(other)
}

#[inline(never)]
fn intersects(filter: TopicFilter<'_>, other: TopicFilter<'_>) -> bool {
    filter.intersects(other)
}

#[inline(never)]
fn levels(name: TopicName<'_>, filter: TopicFilter<'_>) -> usize {
    let of_name = |levels: Levels<'_>| levels.clone().count() ^ levels.rev().map(str::len).sum::<usize>();
    let of_filter = |levels: FilterLevels<'_>| {
        levels.clone().count() ^ levels.rev().map(|level| level.as_str().len()).sum::<usize>()
    };
    of_name(name.levels()) ^ of_filter(filter.levels())
}

/// Packets made of values.
fn send(input: &[u8], version: Version, out: &mut [u8]) -> usize {
    let text = core::str::from_utf8(input).unwrap_or_default();
    let Ok(topic) = TopicName::new(text) else { return 0 };
    let Ok(filter) = TopicFilter::new_for(text, version) else { return 0 };
    let properties = black_box([Property::ContentType(text), Property::UserProperty((text, text))]);
    let properties = Properties::new(&properties);
    let publish = Publish { properties, ..Publish::new(topic, input) };
    let publish = publish.with_delivery(Delivery::new(black_box(QoS::AtLeastOnce), PacketId::MIN));
    let mut sum = encode_publish_head(&publish, version.into(), out);
    let added = black_box([Property::UserProperty((text, text))]);
    let forwarded = properties.forwarded();
    let edited = forwarded.as_properties().with(&added);
    let forwarded = Publish { properties: edited.as_properties(), ..publish };
    sum ^= encode_publish_head(&forwarded, version.into(), out);
    sum ^= send_again(&publish, topic, version.into(), out);
    let subscriptions = black_box([Subscription::new(filter, QoS::ExactlyOnce)]);
    let filters = black_box([filter]);
    let codes = black_box([ReasonCode::GRANTED_QOS_1, ReasonCode::NOT_AUTHORIZED]);
    let will = Will { properties, ..Will::new(topic, input) };
    let id = PacketId::MIN;
    let packets: [Packet<'_>; 9] = black_box([
        publish.into(),
        Subscribe { properties, ..Subscribe::new(id, &subscriptions) }.into(),
        Unsubscribe { properties, ..Unsubscribe::new(id, &filters) }.into(),
        SubAck { properties, ..SubAck::new(id, &codes) }.into(),
        UnsubAck { properties, ..UnsubAck::new(id, &codes) }.into(),
        Packet::PubRec(Ack { properties, ..Ack::new(id).with_reason(ReasonCode::QUOTA_EXCEEDED) }),
        ConnAck { properties, ..ConnAck::new(ReasonCode::SUCCESS) }.into(),
        Connect { properties, will: Some((&will).into()), ..Connect::new(version, text) }.into(),
        Disconnect { properties, ..Disconnect::new(ReasonCode::SUCCESS) }.into(),
    ]);
    for packet in packets {
        sum ^= walk(&packet) ^ encode_packet(&packet, version.into(), out);
    }
    sum
}
