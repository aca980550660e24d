//! The rows of the store, in bytes: format 1.
//!
//! Numbers in keys are big-endian, so that rows lie in the order of numbers. Values are in the encoding of postcard 1, with
//! the fields in this order; a row has nothing behind its last field.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `"format"` | 1 |
//! | | `"commits"` | the number of transactions so far |
//! | `sessions` | session (8 bytes) | [`SessionRow`] |
//! | `subscriptions` | session, filter | [`SubscriptionRow`] |
//! | `scans` | session, filter | the last topic name; nothing before the first |
//! | `messages` | message (8 bytes) | [`MessageRow`] |
//! | `queue` | session, sequence number (8 bytes) | [`QueueRow`] |
//! | `records` | session, kind (1 byte), packet identifier (2 bytes) | [`RecordRow`] |
//! | `retained` | topic name | message |
//! | `wills` | session | [`WillRow`] |
//!
//! A filter is its text, with U+0000 before that of a filter of 3.x that begins with `$share/`: it is no shared subscription.
//!
//! A session has one record of each kind for each identifier: kind 0 is Lasts (identifier 0), 1 Sent, 2 Released or
//! Abandoned, 3 Received. What ends them (Completed, Forgotten, Ended) takes their rows away.
//!
//! A table that is not in the file is empty: `scans` came later than the rest.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use mqtt_session::Record;
use mqtt_wire::topic::{TopicFilterBuf, TopicNameBuf};
use mqtt_wire::{Frame, PublishFrame, QoS, SubscriptionId, SubscriptionOptions, TopicError, Version};
use serde::{Deserialize, Serialize};

use super::{KeptWill, Message, MessageId, Queued, Scan, SessionId, Subscription, UnixMillis};

/// The format that this program reads and writes.
pub(crate) const FORMAT: u64 = 1;

/// A row is not what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadRow(pub(crate) &'static str);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SessionRow<'a> {
    pub(crate) client: &'a str,
    pub(crate) user: Option<&'a str>,
    pub(crate) ends_at: Option<UnixMillis>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SubscriptionRow {
    /// As in SUBSCRIBE.
    options: u8,
    identifier: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MessageRow<'a> {
    /// As in CONNECT: 3, 4, 5.
    version: u8,
    arrived: UnixMillis,
    expires: Option<UnixMillis>,
    publisher: Option<&'a str>,
    /// The whole PUBLISH.
    frame: &'a [u8],
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct QueueRow<'a> {
    pub(crate) message: MessageId,
    qos: u8,
    retain: bool,
    identifiers: Vec<u32>,
    share: Option<&'a str>,
}

/// The records of a session are read in the order of commits, and within one in the order of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RecordRow {
    pub(crate) commit: u64,
    pub(crate) change: u32,
    /// As [`Record::to_bytes`] makes it.
    record: [u8; Record::<u64>::LEN],
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WillRow {
    pub(crate) message: MessageId,
    pub(crate) delay: u32,
    pub(crate) due: Option<UnixMillis>,
}

/// A row as bytes.
pub(crate) fn to_bytes(row: &impl Serialize) -> Vec<u8> {
    // Only what does not know its length, or an output without room, makes this fail.
    postcard::to_stdvec(row).unwrap_or_default()
}

/// A row of bytes, with nothing left over.
pub(crate) fn from_bytes<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, BadRow> {
    match postcard::take_from_bytes(bytes) {
        Ok((row, [])) => Ok(row),
        _ => Err(BadRow("a row cannot be read")),
    }
}

/// A number as a key, and the beginning of keys of more parts.
pub(crate) fn number(bytes: &[u8]) -> Result<(u64, &[u8]), BadRow> {
    let (number, rest) = bytes.split_first_chunk().ok_or(BadRow("a key is too short"))?;
    Ok((u64::from_be_bytes(*number), rest))
}

/// A key of a session and something in it.
pub(crate) fn key(session: SessionId, rest: &[u8]) -> Vec<u8> {
    [&session.to_be_bytes(), rest].concat()
}

/// A key of the table `records`; `None` for a record that takes rows away.
pub(crate) fn record_key(session: SessionId, record: &Record<u64>) -> Option<Vec<u8>> {
    let (kind, id) = match record {
        Record::Lasts(_) => (0, 0),
        Record::Sent { id, .. } => (1, id.get()),
        Record::Released(id) | Record::Abandoned(id, _) => (2, id.get()),
        Record::Received(id) => (3, id.get()),
        Record::Completed(_) | Record::Forgotten(_) | Record::Ended => return None,
    };
    Some(kind_key(session, kind, id))
}

/// The keys of the rows that this record takes away; [`Record::Ended`] takes all.
pub(crate) fn ended_keys(session: SessionId, record: &Record<u64>) -> Vec<Vec<u8>> {
    match record {
        Record::Completed(id) => vec![kind_key(session, 1, id.get()), kind_key(session, 2, id.get())],
        Record::Forgotten(id) => vec![kind_key(session, 3, id.get())],
        _ => Vec::new(),
    }
}

fn kind_key(session: SessionId, kind: u8, id: u16) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    key(session, &[kind, high, low])
}

impl RecordRow {
    pub(crate) fn new(commit: u64, change: usize, record: Record<u64>) -> Self {
        Self { commit, change: u32::try_from(change).unwrap_or(u32::MAX), record: record.to_bytes() }
    }

    pub(crate) fn record(&self) -> Result<Record<u64>, BadRow> {
        Record::from_bytes(&self.record).ok_or(BadRow("a record is torn"))
    }
}

impl SubscriptionRow {
    pub(crate) fn new(subscription: &Subscription) -> Self {
        Self {
            options: subscription.options.to_byte(),
            identifier: subscription.identifier.map(SubscriptionId::get),
        }
    }

    pub(crate) fn subscription(&self, filter: &[u8]) -> Result<Subscription, BadRow> {
        Ok(Subscription {
            filter: self::filter(filter)?,
            options: SubscriptionOptions::from_byte(self.options)
                .ok_or(BadRow("a subscription has options that there are not"))?,
            identifier: self.identifier.map(identifier).transpose()?,
        })
    }
}

/// A filter as it is stored: its text. One of 3.x that begins as a shared subscription of 5.0 does, and is none, has U+0000
/// before it, which no filter has.
pub(crate) fn filter_text(filter: &TopicFilterBuf) -> Cow<'_, str> {
    let text = filter.as_str();
    if text.starts_with("$share/") && !filter.as_filter().is_shared() {
        format!("\0{text}").into()
    } else {
        text.into()
    }
}

/// The filter of such a text.
pub(crate) fn filter_of(text: &str) -> Result<TopicFilterBuf, TopicError> {
    match text.strip_prefix('\0') {
        Some(text) => TopicFilterBuf::new_for(text, Version::V311),
        None => TopicFilterBuf::new(text),
    }
}

/// A key of a session and a filter.
pub(crate) fn filter_key(session: SessionId, filter: &TopicFilterBuf) -> Vec<u8> {
    key(session, filter_text(filter).as_bytes())
}

fn filter(bytes: &[u8]) -> Result<TopicFilterBuf, BadRow> {
    let filter = std::str::from_utf8(bytes).ok().and_then(|text| filter_of(text).ok());
    filter.ok_or(BadRow("a subscription has no valid filter"))
}

/// The row of a scan.
pub(crate) fn scan_row(scan: &Scan) -> &[u8] {
    scan.last.as_ref().map_or(&[], |last| last.as_str().as_bytes())
}

/// A scan of its filter and its row.
pub(crate) fn scan(of: &[u8], row: &[u8]) -> Result<Scan, BadRow> {
    let name = |row| std::str::from_utf8(row).ok().and_then(|text| TopicNameBuf::new(text).ok());
    let last = match row {
        [] => None,
        row => Some(name(row).ok_or(BadRow("a scan has no valid topic name"))?),
    };
    Ok(Scan { filter: filter(of)?, last })
}

fn identifier(number: u32) -> Result<SubscriptionId, BadRow> {
    SubscriptionId::new(number).ok_or(BadRow("a Subscription Identifier is out of range"))
}

/// A PUBLISH of this version.
pub(crate) fn publish_frame(version: u8, frame: &[u8]) -> Result<PublishFrame, BadRow> {
    let version = Version::new(version).ok_or(BadRow("a message has a version that there is not"))?;
    let frame = Frame::new(Bytes::copy_from_slice(frame), version);
    let publish = frame.ok().and_then(|frame| PublishFrame::new(frame).ok());
    match publish {
        Some(publish) if publish.publish().topic.is_some() => Ok(publish),
        _ => Err(BadRow("a message is no PUBLISH with a topic name")),
    }
}

impl<'a> MessageRow<'a> {
    pub(crate) fn new(message: &'a Message) -> Self {
        Self {
            version: message.frame.version().get(),
            arrived: message.arrived,
            expires: message.expires,
            publisher: message.publisher.as_deref(),
            frame: message.frame.as_ref(),
        }
    }

    pub(crate) fn message(&self, id: MessageId) -> Result<Message, BadRow> {
        Ok(Message {
            id,
            frame: publish_frame(self.version, self.frame)?,
            arrived: self.arrived,
            expires: self.expires,
            publisher: self.publisher.map(Into::into),
        })
    }
}

impl<'a> QueueRow<'a> {
    pub(crate) fn new(queued: &'a Queued) -> Self {
        Self {
            message: queued.message.id,
            qos: queued.qos.get(),
            retain: queued.retain,
            identifiers: queued.identifiers.iter().map(|id| id.get()).collect(),
            share: queued.share.as_deref(),
        }
    }

    pub(crate) fn queued(&self, sequence: u64, message: Arc<Message>) -> Result<Queued, BadRow> {
        Ok(Queued {
            sequence,
            message,
            qos: QoS::new(self.qos).ok_or(BadRow("a QoS is out of range"))?,
            retain: self.retain,
            identifiers: self.identifiers.iter().map(|&id| identifier(id)).collect::<Result<_, _>>()?,
            share: self.share.map(Into::into),
        })
    }
}

impl WillRow {
    pub(crate) fn new(will: &KeptWill) -> Self {
        Self { message: will.message.id, delay: will.delay, due: will.due }
    }
}
