//! A session in a file: the records of [`mqtt_session`] and the messages on their way.
//!
//! The file begins with a line that names it, the client identifier, and goes on with entries in the order in which they
//! were written. An entry that is torn, which a crash leaves at the end, and what stands behind it, is left out.
//!
//! | entry | bytes |
//! |---|---|
//! | header | `mqtt-client session 1\n`, 2 bytes length and the client identifier, CRC-32 of these |
//! | record | those of [`Record::to_bytes`]: the first is 1 |
//! | message | `M`, 8 bytes key, 4 bytes length and a PUBLISH of 5.0, CRC-32 of these |
//! | done | `D`, 8 bytes key, CRC-32 of these |
//!
//! A message stands before the record `Sent` with its key. It is done with by the record `Completed`, or by an entry of its
//! own when it never was sent. The record `Ended` alone does not end it: it is then published as a new one.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use mqtt_session::{Record, Session, Slots};
use mqtt_wire::{Delivery, Frame, Packet, PacketId, PublishFrame, QoS, Version};

use crate::error::Error;
use crate::message::MessageBuf;

const MAGIC: &[u8] = b"mqtt-client session 1\n";
/// From this length on a file is written anew when most of it is done with.
const LONG: u64 = 1 << 20;

/// The messages on their way, by their keys, in the order in which they were published.
pub(crate) type Messages = BTreeMap<u64, MessageBuf>;

pub(crate) struct Store {
    path: PathBuf,
    client_id: String,
    file: File,
    /// Holds the lock.
    _lock: File,
    /// What was not written yet.
    buffer: Vec<u8>,
    len: u64,
    /// The length of the file when it was last written anew.
    base: u64,
}

impl Store {
    /// Opens a file, or makes it: the session and the messages in it.
    pub(crate) fn open<S: Slots<Key = u64>>(
        path: &Path,
        client_id: &str,
        slots: S,
    ) -> Result<(Self, Session<S>, Messages), Error> {
        // The file that links lead to is written anew, and not a link in its place.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let failed = |error: io::Error| failure(path, &error);
        if path.exists() && !path.is_file() {
            return Err(failure(path, &"it is no file"));
        }
        let lock = File::create(with_suffix(path, ".lock")).map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(failure(path, &"another client uses it"));
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        let restored = read(bytes.into(), client_id).map_err(|reason| failure(path, &reason))?;
        let session = Session::restore(slots, restored.records).map_err(|error| failure(path, &error))?;
        let (file, len) = write_anew(path, client_id, session.records(), &restored.messages)?;
        let store = Self {
            path: path.to_owned(),
            client_id: client_id.to_owned(),
            file,
            _lock: lock,
            buffer: Vec::new(),
            len,
            base: len,
        };
        Ok((store, session, restored.messages))
    }

    pub(crate) fn record(&mut self, record: Record<u64>) {
        self.buffer.extend(record.to_bytes());
    }

    pub(crate) fn message(&mut self, key: u64, message: &MessageBuf) {
        put_message(&mut self.buffer, key, message);
    }

    pub(crate) fn done(&mut self, key: u64) {
        let at = self.buffer.len();
        self.buffer.push(b'D');
        self.buffer.extend(key.to_be_bytes());
        seal(&mut self.buffer, at);
    }

    /// Makes safe what was stored.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.buffer).and_then(|()| self.file.sync_data());
        written.map_err(|error| failure(&self.path, &error))?;
        self.len += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the file anew when it has grown long. Nothing may wait to be synced.
    pub(crate) fn compact<S: Slots<Key = u64>>(
        &mut self,
        session: &Session<S>,
        messages: &Messages,
    ) -> Result<(), Error> {
        if self.len < LONG.max(2 * self.base) {
            return Ok(());
        }
        let (file, len) = write_anew(&self.path, &self.client_id, session.records(), messages)?;
        (self.file, self.len, self.base) = (file, len, len);
        Ok(())
    }
}

/// Puts a file with these records and the messages of QoS 1 and 2, and no more, in the place of the one that is there, for
/// appending, and tells its length.
fn write_anew(
    path: &Path,
    client_id: &str,
    records: impl Iterator<Item = Record<u64>>,
    messages: &Messages,
) -> Result<(File, u64), Error> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(u16::try_from(client_id.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend(client_id.as_bytes());
    seal(&mut bytes, 0);
    for (key, message) in messages.iter().filter(|(_, message)| message.qos > QoS::AtMostOnce) {
        put_message(&mut bytes, *key, message);
    }
    for record in records {
        bytes.extend(record.to_bytes());
    }
    let new = with_suffix(path, ".new");
    let replaced = (|| {
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        // The name, too, has to be safe. (Other systems than Unix have no such call.)
        if cfg!(unix) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        OpenOptions::new().append(true).open(path)
    })();
    let file = replaced.map_err(|error: io::Error| failure(path, &error))?;
    Ok((file, bytes.len() as u64))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn failure(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::Store { path: path.display().to_string(), reason: reason.to_string() }
}

fn seal(bytes: &mut Vec<u8>, from: usize) {
    let check = crc32fast::hash(&bytes[from..]);
    bytes.extend(check.to_be_bytes());
}

fn put_message(bytes: &mut Vec<u8>, key: u64, message: &MessageBuf) {
    // The identifier is the session's to know.
    let publish = message.as_publish().with_delivery(Delivery::new(message.qos, PacketId::MIN));
    let packet = Packet::Publish(publish);
    let mut frame = Vec::new();
    // A message that cannot be encoded is refused before it is stored.
    if packet.encode(Version::V5, &mut frame).is_err() {
        return;
    }
    let at = bytes.len();
    bytes.push(b'M');
    bytes.extend(key.to_be_bytes());
    bytes.extend(u32::try_from(frame.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(frame);
    seal(bytes, at);
}

/// Takes so many bytes off the front.
fn take(bytes: &mut Bytes, len: usize) -> Option<Bytes> {
    (bytes.len() >= len).then(|| bytes.split_to(len))
}

/// Takes an entry of this length and its check off the front, if the check is right.
fn sealed(bytes: &mut Bytes, len: usize) -> Option<Bytes> {
    let (content, check) = bytes.get(..len.checked_add(4)?)?.split_at(len);
    if crc32fast::hash(content).to_be_bytes() != check {
        return None;
    }
    let entry = take(bytes, len)?;
    take(bytes, 4)?;
    Some(entry)
}

/// What a file holds.
struct Restored {
    records: Vec<Record<u64>>,
    messages: Messages,
}

fn read(mut bytes: Bytes, client_id: &str) -> Result<Restored, String> {
    let mut restored = Restored { records: Vec::new(), messages: Messages::new() };
    if bytes.is_empty() {
        return Ok(restored);
    }
    let start = MAGIC.len() + 2;
    let header = bytes.get(..start).filter(|header| header.starts_with(MAGIC));
    let header = header.and_then(|header| header.last_chunk()).map(|len| u16::from_be_bytes(*len));
    let header = header.and_then(|len| sealed(&mut bytes, start + usize::from(len)));
    let Some(header) = header else { return Err("it is no session of this program".to_owned()) };
    let owner = String::from_utf8_lossy(header.get(start..).unwrap_or_default());
    if owner != client_id {
        return Err(format!("it is that of the client {owner:?}, not of {client_id:?}"));
    }
    let mut keys = BTreeMap::new();
    while let Some(entry) = next_entry(&mut bytes) {
        match entry {
            Entry::Record(record) => {
                match record {
                    Record::Sent { id, key, .. } => drop(keys.insert(id, key)),
                    Record::Completed(id) => drop(keys.remove(&id).map(|key| restored.messages.remove(&key))),
                    Record::Ended => keys.clear(),
                    _ => {}
                }
                restored.records.push(record);
            }
            Entry::Message(key, message) => drop(restored.messages.insert(key, message)),
            Entry::Done(key) => drop(restored.messages.remove(&key)),
        }
    }
    Ok(restored)
}

enum Entry {
    Record(Record<u64>),
    Message(u64, MessageBuf),
    Done(u64),
}

fn next_entry(bytes: &mut Bytes) -> Option<Entry> {
    let key = |bytes: &[u8]| Some(u64::from_be_bytes(*bytes.get(1..9)?.first_chunk()?));
    match bytes.first()? {
        b'M' => {
            let key = key(bytes)?;
            let len = u32::from_be_bytes(*bytes.get(9..13)?.first_chunk()?);
            let entry = sealed(bytes, usize::try_from(len).ok()?.checked_add(13)?)?;
            let frame = PublishFrame::new(Frame::new(entry.slice(13..), Version::V5).ok()?).ok()?;
            let publish = frame.publish();
            let message = MessageBuf {
                topic: publish.topic?.into(),
                payload: frame.payload(),
                qos: publish.delivery.qos(),
                retain: publish.retain,
                properties: publish.properties.to_buf().ok()?,
            };
            Some(Entry::Message(key, message))
        }
        b'D' => {
            let key = key(bytes)?;
            sealed(bytes, 9).map(|_| Entry::Done(key))
        }
        _ => {
            let record = Record::from_bytes(bytes.first_chunk()?)?;
            take(bytes, Record::<u64>::LEN)?;
            Some(Entry::Record(record))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mqtt_session::Growing;

    fn message(text: &str) -> MessageBuf {
        let mut message = MessageBuf::new("lamp/7", text.to_owned()).unwrap().with_qos(QoS::ExactlyOnce);
        message.properties.push(("room", "kitchen")).unwrap();
        MessageBuf { retain: true, ..message }
    }

    fn sent(id: u16, key: u64) -> Record<u64> {
        let id = PacketId::new(id).unwrap();
        Record::Sent { id, qos: QoS::ExactlyOnce, retain: true, size: 40, key }
    }

    /// A path that no other test uses, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("mqtt-client-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn what_is_under_way_comes_back_and_what_is_done_does_not() {
        let folder = Folder::new("store");
        let path = folder.0.join("session");
        let open = |client_id| Store::open(&path, client_id, Growing::new(9, 9, 0));
        let (mut store, session, messages) = open("lamp").unwrap();
        assert!(!session.exists() && messages.is_empty());
        store.record(Record::Lasts(60));
        for key in 1..=5 {
            store.message(key, &message(&key.to_string()));
        }
        store.record(sent(1, 1));
        store.record(sent(2, 2));
        store.record(Record::Completed(PacketId::MIN));
        store.done(3);
        store.record(Record::Released(PacketId::new(2).unwrap()));
        store.record(sent(3, 4));
        store.sync().unwrap();
        assert!(open("lamp").is_err(), "it is in use");
        drop(store);
        assert!(open("door").is_err(), "it is another client's");
        for _ in 0..2 {
            let (_, session, messages) = open("lamp").unwrap();
            assert_eq!(messages.keys().collect::<Vec<_>>(), [&2, &4, &5]);
            assert_eq!(messages[&4], message("4"));
            assert_eq!(session.keys().collect::<Vec<_>>(), [&2, &4]);
        }
    }

    #[test]
    fn a_message_of_qos_0_never_gets_into_the_file() {
        let folder = Folder::new("qos-0");
        let path = folder.0.join("session");
        let open = || Store::open(&path, "lamp", Growing::new(9, 9, 0)).unwrap();
        let (mut store, session, mut messages) = open();
        messages.insert(1, message("1"));
        messages.insert(2, message("2").with_qos(QoS::AtMostOnce));
        store.message(1, &messages[&1]);
        store.sync().unwrap();
        // As when the file has grown long while both wait.
        store.len = LONG.max(2 * store.base);
        store.compact(&session, &messages).unwrap();
        drop(store);
        assert_eq!(open().2.keys().collect::<Vec<_>>(), [&1]);
    }

    #[test]
    fn a_torn_end_is_left_out_wherever_it_is() {
        let mut bytes = Vec::new();
        put_message(&mut bytes, 7, &message("x"));
        bytes.extend(sent(1, 7).to_bytes());
        put_message(&mut bytes, 8, &message("y"));
        let mut header = MAGIC.to_vec();
        header.extend([0, 1, b'c']);
        seal(&mut header, 0);
        let first = 22 + bytes.len() / 2;
        for len in 0..=bytes.len() {
            let file = [&header, &bytes[..len]].concat();
            let restored = read(file.into(), "c").unwrap();
            assert!(restored.messages.len() + restored.records.len() <= 3);
            assert_eq!(restored.messages.contains_key(&8), len == bytes.len(), "{len} of {first}");
        }
        assert!(read(header[..9].to_vec().into(), "c").is_err());
    }
}
