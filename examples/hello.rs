//! Hello world: a lamp says that it is on. No input or output but the last line.

use mqtt_wire::{Decoded, Packet, Publish, Version, decode, topic_name};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lamp = topic_name!("rumahkami/lantaidasar/ruangtamu/lampu");
    let mut buf = [0; 64];
    let n = Packet::from(Publish::new(lamp, b"menyala")).encode(Version::V5, &mut buf)?;

    let said = match decode(&buf[..n], Version::V5)? {
        Decoded::Packet { packet: Packet::Publish(Publish { topic: Some(topic), payload, .. }), .. } => {
            format!("{topic} = {}", payload.escape_ascii())
        }
        Decoded::Packet { packet, .. } => format!("a {packet}"),
        Decoded::Incomplete { missing } => format!("at least {missing} bytes are missing"),
    };
    println!("{said}");
    Ok(())
}
