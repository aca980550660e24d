//! What do these bytes say? Packets on standard input or in the arguments, in hexadecimal, of one direction of a connection.
//!
//! ```text
//! $ decode 10 10 0004 4d515454 05 02 003c 00 0003 627574 30 08 0001 61 00 21 21 21 21
//! ```

use std::fmt::Write;
use std::io::Read;

use mqtt_wire::{Connection, Decoded};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text: String = std::env::args().skip(1).collect();
    if text.is_empty() {
        std::io::stdin().read_to_string(&mut text)?;
    }
    print!("{}", tell(&bytes(&text)?));
    Ok(())
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u32>> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16)).collect();
    let digits = digits.ok_or("only hexadecimal digits are understood")?;
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair.iter().fold(0, |n, d| n * 16 + d)).map_err(|e| e.to_string()))
        .collect()
}

/// A line for each packet, and what is wrong or missing.
fn tell(mut bytes: &[u8]) -> String {
    // A server learns the version from CONNECT.
    let mut connection = Connection::server();
    let mut told = String::new();
    while !bytes.is_empty() {
        match connection.decode(bytes) {
            Ok(Decoded::Packet { packet, len }) => {
                let _ = writeln!(told, "{packet:?}");
                bytes = bytes.get(len..).unwrap_or_default();
            }
            Ok(Decoded::Incomplete { missing }) => {
                return told + &format!("{missing} bytes are missing at least\n");
            }
            // It names the packet, the rule and the byte.
            Err(error) => return told + &format!("{error}\n"),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_and_what_is_wrong_is_named() {
        let connect = "10 10 0004 4d515454 05 02 003c 00 0003 627574";
        let told = tell(&bytes(&format!("{connect} 30 05 0001 61 00 21 c0")).unwrap());
        let lines: Vec<_> = told.lines().collect();
        assert!(lines[0].starts_with("Connect {") && lines[1].starts_with("Publish {"), "{told}");
        assert_eq!(lines[2], "1 bytes are missing at least");
        let wrong = tell(&bytes(&format!("{connect} 36 05 0001 61 00 21")).unwrap());
        assert!(wrong.ends_with("at byte 0 [MQTT-3.3.1-4]\n"), "{wrong}");
        assert!(bytes("xyz").is_err());
    }
}
