//! A client without an allocator: a session of fixed slots, two buffers, and a byte pipe with a deadline.
//! `cargo run -p mqtt-session --example no_alloc` runs it against a server side in memory.

#![allow(clippy::result_large_err, reason = "a connection is worth keeping")]

use mqtt_session::{Fixed, Input, Output, Session};
use mqtt_wire::{
    Buffer, ConnAck, Connect, Connection, Decoded, Packet, Publish, QoS, ReasonCode, TopicName, Version,
    topic_name,
};

/// What a network stack gives.
pub trait Pipe {
    /// Milliseconds on a clock that never goes back.
    fn now(&self) -> u64;
    /// Reads what has come, `None` when the deadline has passed.
    fn read(&mut self, room: &mut [u8], deadline: Option<u64>) -> Option<usize>;
    /// Writes all of it.
    fn write(&mut self, bytes: &[u8]);
}

const TOPIC: TopicName<'static> = topic_name!("sensor/7");

/// Sends the readings, each at QoS 1, and gives how many the server has taken. 512 bytes for each direction.
pub fn run(
    pipe: &mut impl Pipe,
    session: &mut Session<Fixed<u8, 4, 2>>,
    readings: &[[u8; 2]],
) -> Option<usize> {
    let (mut memory, mut out) = ([0; 512], [0; 512]);
    let mut buffer = Buffer::new(&mut memory);
    let mut link = session.client(Connection::client(Version::V311));
    let connect = Connect { clean_start: false, ..Connect::new(Version::V311, "sensor-7") };
    link.connect(&connect, pipe.now()).ok()?.for_each(|output| {
        if let Output::Send(packet) = output
            && let Ok(n) = packet.encode(Version::V311, &mut out)
        {
            pipe.write(out.get(..n).unwrap_or_default());
        }
    });
    let (mut next, mut taken) = (0, 0);
    loop {
        while let Some(output) = link.next(pipe.now()) {
            let written = match output {
                Output::Send(packet) => packet.encode(Version::V311, &mut out),
                Output::Publish(publication) => {
                    let reading = readings.get(usize::from(publication.key))?;
                    Packet::from(publication.of(Publish::new(TOPIC, reading))).encode(Version::V311, &mut out)
                }
                Output::Done(_, _) => {
                    taken += 1;
                    continue;
                }
                Output::Store(_) => continue,
                Output::Close(_) => return Some(taken),
            };
            pipe.write(out.get(..written.ok()?)?);
        }
        if taken == readings.len() {
            return Some(taken);
        }
        if let Some(reading) = readings.get(next)
            && let Ok(key) = u8::try_from(next)
            && link.publish(&Publish::new(TOPIC, reading), QoS::AtLeastOnce, key).is_ok()
        {
            next += 1;
            continue;
        }
        // One packet, and what follows from it before the next: so there is room for each.
        if let Some(packet) = buffer.next(link.connection()).ok()? {
            if let Ok(Input::Message(_, Some(receipt))) = link.handle(packet, pipe.now()) {
                link.accept(receipt, ReasonCode::SUCCESS).ok()?;
            }
            continue;
        }
        match pipe.read(buffer.room(), link.deadline()) {
            Some(n) => buffer.fill(n),
            None => {
                let _ = link.elapsed(pipe.now());
            }
        }
    }
}

/// The other end, in memory.
pub struct Loopback {
    server: Session<Fixed<u8, 4, 2>>,
    connection: Option<mqtt_session::Detached<mqtt_session::Server, Fixed<u8, 4, 2>>>,
    answers: Vec<u8>,
}

/// A server that has seen nothing yet.
impl Default for Loopback {
    fn default() -> Self {
        Self { server: Session::new(Fixed::new()), connection: None, answers: Vec::new() }
    }
}

impl Pipe for Loopback {
    fn now(&self) -> u64 {
        0
    }

    fn read(&mut self, room: &mut [u8], _: Option<u64>) -> Option<usize> {
        let n = room.len().min(self.answers.len());
        room[..n].copy_from_slice(&self.answers[..n]);
        self.answers.drain(..n);
        Some(n)
    }

    fn write(&mut self, mut bytes: &[u8]) {
        let answers = &mut self.answers;
        if self.connection.is_none() {
            let mut connection = Connection::server();
            let Ok(Decoded::Packet { packet: Packet::Connect(connect), len }) = connection.decode(bytes)
            else {
                return;
            };
            bytes = &bytes[len..];
            let mut link = self.server.server(connection, &connect, 0);
            let options = link.connection().encode_options();
            if let Ok(outputs) = link.connack(&ConnAck::new(ReasonCode::SUCCESS), 0) {
                outputs.for_each(|output| {
                    if let Output::Send(packet) = output {
                        let _ = packet.encode(options, answers);
                    }
                });
            }
            self.connection = Some(link.detach());
        }
        let Some(Ok(mut link)) = self.connection.take().map(|connection| self.server.attach(connection))
        else {
            return;
        };
        while let Ok(Decoded::Packet { packet, len }) = link.connection().decode(bytes) {
            bytes = &bytes[len..];
            if let Ok(Input::Message(_, Some(receipt))) = link.handle(packet, 0) {
                let _ = link.accept(receipt, ReasonCode::SUCCESS);
            }
        }
        let options = link.connection().encode_options();
        link.outputs(0).for_each(|output| {
            if let Output::Send(packet) = output {
                let _ = packet.encode(options, answers);
            }
        });
        self.connection = Some(link.detach());
    }
}

#[allow(dead_code, reason = "a test takes the rest without it")]
fn main() {
    let mut session = Session::new(Fixed::new());
    println!("the session takes {} bytes", size_of_val(&session));
    let taken =
        run(&mut Loopback::default(), &mut session, &[[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]);
    println!("{} readings delivered", taken.unwrap_or_default());
}
