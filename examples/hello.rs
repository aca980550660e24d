//! Hello world: a lamp says that it is on. No input or output but the last line.

use mqtt_wire::{Decoded, Packet, Publish, TopicName, Version, decode};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut buf = [0; 64];
    let publish = Publish::new(TopicName::new("rumahkami/lantaidasar/ruangtamu/lampu")?, b"menyala");
    let n = Packet::from(publish).encode(Version::V5, &mut buf)?;

    match decode(&buf[..n], Version::V5)? {
        Decoded::Packet { packet: Packet::Publish(p), .. } => {
            println!("{} = {}", p.topic.unwrap_or(TopicName::new("?")?), p.payload.escape_ascii());
        }
        Decoded::Packet { packet, .. } => println!("{packet}"),
        Decoded::Incomplete { missing } => println!("read {missing} more bytes first"),
    }
    Ok(())
}
