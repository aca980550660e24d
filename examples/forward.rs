//! One message to many: each subscriber gets it in its own version and at its own QoS, and the payload is not copied.

use mqtt_wire::{
    Delivery, EncodeError, EncodeOptions, Packet, PacketId, Properties, Property, Publish, PublishFrame, QoS,
    Sender, Version, topic_name,
};

/// What a broker knows of a subscriber.
struct Subscriber {
    version: Version,
    maximum_qos: QoS,
    next_id: PacketId,
}

/// The head of the PUBLISH for a subscriber; the payload goes behind it, by reference.
fn head(message: &PublishFrame, to: &Subscriber, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let publish = message.publish();
    let qos = publish.delivery.qos().min(to.maximum_qos);
    let delivery = Delivery::new(qos, to.next_id);
    // A Topic Alias belongs to the connection that the message came by.
    let edited = publish.with_delivery(delivery).edited(publish.properties.forwarded());
    let packet = Packet::Publish(edited.as_publish());
    // 3.x has no properties: they are left out on purpose.
    let packet = packet.downgrade(to.version).unwrap_or(packet);
    let Packet::Publish(publish) = packet else { return Ok(()) };
    publish.encode_head(EncodeOptions::new(to.version).with_sender(Sender::Server), out)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let properties = [Property::ContentType("text/plain"), Property::UserProperty(("ruang", "tamu"))];
    let message = PublishFrame::encode(
        &Publish {
            properties: Properties::new(&properties),
            ..Publish::new(topic_name!("rumahkami/lantaidasar/ruangtamu/lampu"), b"menyala")
                .with_delivery(Delivery::AtLeastOnce(PacketId::MIN))
        },
        Version::V5,
    )?;
    for (version, maximum_qos) in
        [(Version::V5, QoS::ExactlyOnce), (Version::V5, QoS::AtMostOnce), (Version::V311, QoS::AtLeastOnce)]
    {
        let to = Subscriber { version, maximum_qos, next_id: PacketId::MAX };
        let mut bytes = Vec::new();
        head(&message, &to, &mut bytes)?;
        let payload = message.payload();
        println!(
            "{version} at most QoS {maximum_qos}: {} bytes of head, {} of the one payload",
            bytes.len(),
            payload.len()
        );
    }
    Ok(())
}
