//! Decoding, encoding and matching with neither std nor an allocator: no global allocator is defined here, so
//! that a single use of one fails to build.

#![no_std]

use core::panic::PanicInfo;

use mqtt_wire::{
    Buffer, ConnAck, Connect, Connection, DecodeOptions, Decoded, DecodedHead, Delivery, Packet, PacketId,
    PacketType, Properties, Property, Publish, QoS, ReasonCode, Sender, Subscribe, Subscription, TopicFilter,
    TopicName, Version, decode, decode_publish_head,
};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// A client's first packets to a server and back, in every version. 0 when all is right, else the number of the
/// step that is not.
#[unsafe(no_mangle)]
pub extern "C" fn mqtt_wire_no_std() -> i32 {
    for version in Version::ALL {
        for (step, done) in [
            connect(version),
            subscribe(version),
            publish(version),
            head(version),
            refuse(version),
            stream(version),
        ]
        .into_iter()
        .enumerate()
        {
            if done.is_none() {
                return i32::from(version.get()) * 10 + i32::try_from(step).unwrap_or(9);
            }
        }
    }
    0
}

/// Encodes a packet into a fixed buffer and decodes it again.
fn there_and_back(packet: &Packet<'_>, version: Version) -> Option<()> {
    let mut buffer = [0; 256];
    let len = packet.encode(version, &mut buffer).ok()?;
    (packet.encoded_len(version) == Ok(len)).then_some(())?;
    match decode(buffer.get(..len)?, version).ok()? {
        Decoded::Packet { packet: decoded, len: used } => (decoded == *packet && used == len).then_some(()),
        Decoded::Incomplete { .. } => None,
    }
}

fn connect(version: Version) -> Option<()> {
    let connect =
        Connect { user_name: Some("user"), password: Some(b"secret"), ..Connect::new(version, "client") };
    there_and_back(&connect.into(), version)?;
    there_and_back(&ConnAck::new(ReasonCode::NOT_AUTHORIZED).into(), version)
}

fn subscribe(version: Version) -> Option<()> {
    let filter = TopicFilter::new("rumahkami/+/+/lampu").ok()?;
    let subscriptions = [Subscription::new(filter, QoS::AtLeastOnce)];
    there_and_back(&Subscribe::new(PacketId::MIN, &subscriptions).into(), version)?;
    filter.matches(TopicName::new("rumahkami/lantaidasar/ruangtamu/lampu").ok()?).then_some(())?;
    (!filter.matches(TopicName::new("rumahkami/lampu").ok()?)).then_some(())
}

fn message(version: Version, properties: Properties<'_>) -> Option<Publish<'_>> {
    let properties = if version == Version::V5 { properties } else { Properties::EMPTY };
    Some(Publish { properties, ..Publish::new(TopicName::new("rumahkami/lampu").ok()?, b"menyala") })
}

fn publish(version: Version) -> Option<()> {
    let properties = [Property::MessageExpiryInterval(60), Property::UserProperty(("rumah", "kami"))];
    let publish = message(version, Properties::new(&properties))?;
    there_and_back(&publish.into(), version)?;
    let again = publish.with_delivery(Delivery::AtLeastOnce(PacketId::MAX)).to_resend(publish.topic?)?;
    let mut room = [0; 256];
    again.as_publish().encode_head(version, &mut room).ok()?;
    (room.first() == Some(&0x3A)).then_some(())
}

fn head(version: Version) -> Option<()> {
    let publish = message(version, Properties::EMPTY)?;
    let mut buffer = [0; 64];
    let len = Packet::from(publish).encode(version, &mut buffer).ok()?;
    let bytes = buffer.get(..len - publish.payload.len())?;
    match decode_publish_head(bytes, version).ok()? {
        DecodedHead::Publish { head, payload, .. } => {
            (head.topic == publish.topic && payload.remaining() == publish.payload.len()).then_some(())
        }
        _ => None,
    }
}

fn refuse(version: Version) -> Option<()> {
    let options = DecodeOptions::new(version).with_sender(Sender::Client).with_max_packet_size(128);
    let error = decode(&[0x40, 0x02, 0x00, 0x00], options).err()?;
    (error.packet_type() == Some(PacketType::PubAck) && error.offset() == 2).then_some(())
}

/// A server learns the version from a stream that comes in two pieces.
fn stream(version: Version) -> Option<()> {
    let mut sent = [0; 64];
    let len = Connection::client(version).encode(&Connect::new(version, "client").into(), &mut sent).ok()?;
    let (mut server, mut memory) = (Connection::server(), [0; 64]);
    let mut buffer = Buffer::new(&mut memory);
    for (piece, whole) in [(sent.get(..8)?, false), (sent.get(8..len)?, true)] {
        buffer.room().get_mut(..piece.len())?.copy_from_slice(piece);
        buffer.fill(piece.len());
        (buffer.next(&mut server).ok()?.is_some() == whole).then_some(())?;
    }
    (server.version() == Some(version)).then_some(())
}
