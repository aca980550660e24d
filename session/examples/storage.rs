//! A session in a file: records are appended, synced before what follows them is sent, and read back after a crash.
//! `cargo run -p mqtt-session --example storage`

#![allow(clippy::missing_errors_doc, reason = "each is one of the file system's")]

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use mqtt_session::{Fixed, Output, Record, Session, records};
use mqtt_wire::{
    ConnAck, Connect, Connection, Packet, Publish, QoS, ReasonCode, TopicName, Version, decode_exact,
    topic_name,
};

/// Messages are known by an offset in another file, say.
pub type Slots = Fixed<u64, 8, 4>;

/// A log of records.
pub struct Log {
    file: File,
    dirty: bool,
}

impl Log {
    /// Opens the log and reads the session that it holds. The log is written anew, as short as it can be: a record that
    /// a crash has torn is gone, and so is everything that is finished.
    pub fn open(path: &Path) -> io::Result<(Self, Session<Slots>)> {
        let bytes = if path.exists() { std::fs::read(path)? } else { Vec::new() };
        let session = Session::restore(Slots::new(), records(&bytes)).map_err(io::Error::other)?;
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        for record in session.records() {
            file.write_all(&record.to_bytes())?;
        }
        file.sync_data()?;
        std::fs::rename(&new, path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        Ok((Self { file, dirty: false }, session))
    }

    /// Appends a record; it is safe after the next [`sync`](Self::sync).
    pub fn store(&mut self, record: Record<u64>) -> io::Result<()> {
        self.dirty = true;
        self.file.write_all(&record.to_bytes())
    }

    /// Makes safe what was stored, if anything was: once for all records of a batch, before its packets go out.
    pub fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty) { self.file.sync_data() } else { Ok(()) }
    }
}

const TOPIC: TopicName<'static> = topic_name!("lamp/7/log");

/// Connects, sends one message, and crashes before PUBREC: what went out.
pub fn send_and_crash(path: &Path) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (mut log, mut session) = Log::open(path)?;
    let mut link = session.client(Connection::client(Version::V311));
    let connect = Connect { clean_start: false, ..Connect::new(Version::V311, "lamp-7") };
    let mut wire = Vec::new();
    let mut outputs = link.connect(&connect, 0)?;
    while let Some(output) = outputs.next() {
        if let Output::Send(packet) = output {
            packet.encode(Version::V311, &mut wire)?;
        }
    }
    wire.clear();
    let known = link.session().exists();
    let connack = ConnAck { session_present: known, ..ConnAck::new(ReasonCode::SUCCESS) };
    let _ = link.handle(connack.into(), 0)?;
    if !known {
        link.publish(&Publish::new(TOPIC, b"on"), QoS::ExactlyOnce, 4096)?;
    }
    while let Some(output) = link.next(0) {
        match output {
            Output::Store(record) => log.store(record)?,
            Output::Publish(publication) => {
                let message = publication.of(Publish::new(TOPIC, b"on"));
                Packet::from(message).encode(Version::V311, &mut wire)?;
            }
            Output::Send(packet) => {
                packet.encode(Version::V311, &mut wire)?;
            }
            Output::Done(_, _) | Output::Close(_) => {}
        }
    }
    // Everything that was stored is safe before anything goes out.
    log.sync()?;
    Ok(wire)
}

#[allow(dead_code, reason = "a test takes the rest without it")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join("mqtt-session-example.log");
    drop(std::fs::remove_file(&path));
    for when in ["first", "after the crash"] {
        let sent = send_and_crash(&path)?;
        if let Packet::Publish(publish) = decode_exact(&sent, Version::V311)? {
            let topic = publish.topic.map_or("", |topic| topic.as_str());
            let text = String::from_utf8_lossy(publish.payload);
            println!("{when}: {topic} = {text}, {:?}, DUP {}", publish.delivery, publish.dup);
        }
    }
    Ok(())
}
