//! A blocking client over `std::net`: sends some messages at QoS 2 and ends when the server has them all.
//! `cargo run -p mqtt-session --example client -- 127.0.0.1:1883 one two three`
//!
//! Call it again with the same session and what was under way is finished first.

#![allow(clippy::missing_errors_doc, reason = "each is one of the connection's")]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use mqtt_session::{Fixed, Growing, HandleError, Input, Output, Refusal, Session};
use mqtt_wire::{
    Connect, Connection, Decoded, Disconnect, Packet, Properties, Property, Publish, QoS, ReasonCode,
    TopicName, Version, topic_name,
};

const TOPIC: TopicName<'static> = topic_name!("lamp/7/log");
/// What the slots below have room for, announced with every CONNECT.
const LIMITS: [Property<'static>; 2] =
    [Property::ReceiveMaximum(NonZeroU16::new(4).unwrap()), Property::SessionExpiryInterval(3600)];

/// Messages are known by their index; eight may be on their way out, four on their way in.
pub type Slots = Fixed<u16, 8, 4>;

/// Sends the messages from the `next` on; the number of those that the server has taken.
pub fn send(
    address: &str,
    session: &mut Session<Slots>,
    messages: &[String],
    next: &mut usize,
) -> Result<usize, Box<dyn Error>> {
    let start = Instant::now();
    let now = || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut stream = TcpStream::connect(address)?;
    let mut link = session.client(Connection::client(Version::V5));
    let connect = Connect {
        clean_start: false,
        keep_alive: 30,
        properties: Properties::new(&LIMITS),
        ..Connect::new(Version::V5, "lamp-7")
    };
    let (mut input, mut output, mut taken) = (Vec::new(), Vec::new(), 0);
    link.connect(&connect, now())?.for_each(|out| {
        if let Output::Send(packet) = out {
            let _ = packet.encode(Version::V5, &mut output);
        }
    });
    loop {
        // 1. Whatever is due, in order.
        let options = link.connection().encode_options();
        let mut closed = false;
        while let Some(out) = link.next(now()) {
            match out {
                Output::Send(packet) => {
                    packet.encode(options, &mut output)?;
                }
                Output::Publish(publication) => {
                    let text = messages.get(usize::from(publication.key)).map_or("", String::as_str);
                    let message = publication.of(Publish::new(TOPIC, text.as_bytes()));
                    Packet::from(message).encode(options, &mut output)?;
                }
                Output::Store(_) => {} // No storage: see the example `storage`.
                Output::Done(_, _) => taken += 1,
                Output::Close(_) => closed = true,
            }
        }
        stream.write_all(&output)?;
        output.clear();
        if closed {
            return Ok(taken);
        }
        // 2. What the application has to say.
        if link.is_open() && *next < messages.len() {
            match link.publish(
                &Publish::new(TOPIC, messages[*next].as_bytes()),
                QoS::ExactlyOnce,
                u16::try_from(*next)?,
            ) {
                Ok(()) => {
                    *next += 1;
                    continue;
                }
                Err(Refusal::Quota | Refusal::Slots) => {} // When something was acknowledged.
                Err(refusal) => return Err(refusal.into()),
            }
        }
        if link.is_open() && *next == messages.len() && link.session().in_flight() == 0 {
            let goodbye = Disconnect::new(ReasonCode::SUCCESS);
            link.disconnect(&goodbye, now())?.for_each(|out| {
                if let Output::Send(packet) = out {
                    let _ = packet.encode(options, &mut output);
                }
            });
            stream.write_all(&output)?;
            return Ok(taken);
        }
        // 3. What comes, or the time.
        let wait =
            link.deadline().map(|deadline| Duration::from_millis(deadline.saturating_sub(now()).max(1)));
        stream.set_read_timeout(wait)?;
        let mut room = [0; 4096];
        match stream.read(&mut room) {
            Ok(0) => return Err("the server has closed the connection".into()),
            Ok(n) => input.extend_from_slice(&room[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                link.elapsed(now())?;
            }
            Err(error) => return Err(error.into()),
        }
        let mut at = 0;
        while let Decoded::Packet { packet, len } = link.connection().decode(&input[at..])? {
            let receipt = match link.handle(packet, now()) {
                Ok(Input::Message(message, receipt)) => {
                    let topic = message.topic.map_or("", |topic| topic.as_str());
                    println!("{topic} = {}", String::from_utf8_lossy(message.payload));
                    receipt
                }
                Ok(Input::Refused(connack)) => return Err(connack.reason_code.to_string().into()),
                Ok(_) => None,
                // Outputs first; then this packet again.
                Err(HandleError::TooEarly) => break,
                // The outputs say how to close.
                Err(HandleError::Violation(violation)) => {
                    eprintln!("{violation}");
                    None
                }
            };
            if let Some(receipt) = receipt {
                link.accept(receipt, ReasonCode::SUCCESS)?;
            }
            at += len;
        }
        input.drain(..at);
    }
}

#[allow(dead_code, reason = "a test takes the client without it")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let messages: Vec<String> = arguments.collect();
    let mut session = Session::new(Slots::new());
    let taken = send(&address, &mut session, &messages, &mut 0)?;
    println!("{taken} messages delivered");
    // With an allocator there need not be an end to the slots.
    let _ = Session::new(Growing::<u16>::default());
    Ok(())
}
