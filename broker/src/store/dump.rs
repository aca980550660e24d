//! A store as lines of JSON, to be looked at, kept, and read back.
//!
//! The first line is `{"format":1}`, the last one `{"end":{"lines":N}}` with the number of lines before it: a dump that is
//! cut off is not taken for a whole one. Between them stand, what is referred to first, `session`, `subscription`, `scan`,
//! `message`, `queued`, `record`, `retained` and `will`. Times are milliseconds since 1970. A message's `frame` (its
//! PUBLISH, in base64) and a record's `record` (in base64) are what counts; `topic` and `says` are for people and are not
//! read.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use mqtt_session::Record;
use mqtt_wire::topic::TopicNameBuf;
use mqtt_wire::{QoS, RetainHandling, SubscriptionId, SubscriptionOptions};
use serde::{Deserialize, Serialize};

use super::rows::{FORMAT, filter_of, filter_text, publish_frame};
use super::{Change, Kept, KeptWill, Message, MessageId, Queued, Scan, SessionId, Subscription, UnixMillis};
use crate::plain::Plain;

/// The most bytes of a line: a message of the largest size in base64, and what else is said of it.
const LINE: u64 = 400 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Format(u64),
    Session {
        session: SessionId,
        client: Arc<str>,
        user: Option<Arc<str>>,
        ends_at: Option<UnixMillis>,
    },
    Subscription {
        session: SessionId,
        filter: String,
        qos: u8,
        no_local: bool,
        retain_as_published: bool,
        retain_handling: u8,
        identifier: Option<u32>,
    },
    Scan {
        session: SessionId,
        filter: String,
        last: Option<String>,
    },
    Message {
        message: MessageId,
        #[serde(default)]
        topic: String,
        version: u8,
        arrived: UnixMillis,
        expires: Option<UnixMillis>,
        publisher: Option<Arc<str>>,
        frame: String,
    },
    Queued {
        session: SessionId,
        sequence: u64,
        message: MessageId,
        qos: u8,
        retain: bool,
        identifiers: Vec<u32>,
        share: Option<Arc<str>>,
    },
    Record {
        session: SessionId,
        #[serde(default)]
        says: String,
        record: String,
    },
    Retained {
        message: MessageId,
    },
    Will {
        session: SessionId,
        message: MessageId,
        delay: u32,
        due: Option<UnixMillis>,
    },
    End {
        lines: usize,
    },
}

/// Writes all that is kept.
///
/// # Errors
/// When `out` cannot be written.
pub fn write(kept: &Kept, out: &mut impl Write) -> io::Result<()> {
    let mut lines = 0;
    let mut put = |line: &Line| {
        lines += 1;
        put_line(out, line)
    };
    put(&Line::Format(FORMAT))?;
    let mut written = HashSet::new();
    for change in kept.changes() {
        let message = match &change {
            Change::Queued { queued, .. } => Some(&queued.message),
            Change::Retained { message } => Some(message),
            Change::Will { will, .. } => Some(&will.message),
            _ => None,
        };
        if let Some(message) = message.filter(|message| written.insert(message.id)) {
            put(&Line::of_message(message))?;
        }
        // A session's end is part of its line.
        if let Some(of_change) = Line::of_change(kept, change) {
            put(&of_change)?;
        }
    }
    put_line(out, &Line::End { lines })
}

fn put_line(out: &mut impl Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

impl Line {
    fn of_message(message: &Message) -> Self {
        let topic = message.frame.publish().topic;
        Self::Message {
            message: message.id,
            topic: topic.map(|topic| topic.as_str().to_owned()).unwrap_or_default(),
            version: message.frame.version().get(),
            arrived: message.arrived,
            expires: message.expires,
            publisher: message.publisher.clone(),
            frame: BASE64.encode(&message.frame),
        }
    }

    fn of_change(kept: &Kept, change: Change) -> Option<Self> {
        Some(match change {
            Change::SessionBegins { session, client, user } => {
                let at = kept.sessions.binary_search_by_key(&session, |kept| kept.id);
                let ends_at = at.ok().and_then(|at| kept.sessions.get(at)).and_then(|kept| kept.ends_at);
                Self::Session { session, client, user, ends_at }
            }
            Change::Subscribed { session, subscription: Subscription { filter, options, identifier } } => {
                Self::Subscription {
                    session,
                    filter: filter_text(&filter).into_owned(),
                    qos: options.maximum_qos.get(),
                    no_local: options.no_local,
                    retain_as_published: options.retain_as_published,
                    retain_handling: options.retain_handling.get(),
                    identifier: identifier.map(SubscriptionId::get),
                }
            }
            Change::Scan { session, scan: Scan { filter, last } } => Self::Scan {
                session,
                filter: filter_text(&filter).into_owned(),
                last: last.map(|last| last.as_str().to_owned()),
            },
            Change::Queued { session, queued } => Self::Queued {
                session,
                sequence: queued.sequence,
                message: queued.message.id,
                qos: queued.qos.get(),
                retain: queued.retain,
                identifiers: queued.identifiers.iter().map(|id| id.get()).collect(),
                share: queued.share,
            },
            Change::Recorded { session, record } => Self::Record {
                session,
                says: format!("{record:?}"),
                record: BASE64.encode(record.to_bytes()),
            },
            Change::Retained { message } => Self::Retained { message: message.id },
            Change::Will { session, will } => {
                Self::Will { session, message: will.message.id, delay: will.delay, due: will.due }
            }
            Change::SessionEnds { .. }
            | Change::SessionEndsAt { .. }
            | Change::Unsubscribed { .. }
            | Change::ScanEnds { .. }
            | Change::Dequeued { .. }
            | Change::RetainedRemoved { .. }
            | Change::WillRemoved { .. } => return None,
        })
    }
}

/// Why a dump cannot be read.
#[derive(Debug)]
pub enum DumpError {
    /// A line is not what it has to be.
    Line {
        /// Its number, from 1 on.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The last line is missing.
    CutOff,
    /// Reading failed.
    Io(io::Error),
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { line, what } => write!(f, "line {line}: {}", Plain(what)),
            Self::CutOff => f.write_str("the dump is cut off: its last line is missing"),
            Self::Io(error) => write!(f, "the dump cannot be read: {error}"),
        }
    }
}

impl std::error::Error for DumpError {}

/// Reads a dump: the changes that make an empty store of it.
///
/// # Errors
/// When it is none, or is cut off, or refers to what is not in it.
pub fn read(input: impl BufRead) -> Result<Vec<Change>, DumpError> {
    let mut input = input;
    let mut reader = Reader::default();
    let mut text = Vec::new();
    for at in 1.. {
        text.clear();
        // A line that is longer is cut here, and is no JSON then.
        let mut limited = io::Read::take(&mut input, LINE);
        if limited.read_until(b'\n', &mut text).map_err(DumpError::Io)? == 0 {
            break;
        }
        let line = serde_json::from_slice(&text).map_err(|error| error.to_string());
        line.and_then(|line| reader.take(at, line)).map_err(|what| DumpError::Line { line: at, what })?;
    }
    if reader.ended { Ok(reader.changes) } else { Err(DumpError::CutOff) }
}

#[derive(Default)]
struct Reader {
    changes: Vec<Change>,
    sessions: HashSet<SessionId>,
    clients: HashSet<Arc<str>>,
    messages: HashMap<MessageId, Arc<Message>>,
    ended: bool,
}

impl Reader {
    fn take(&mut self, at: usize, line: Line) -> Result<(), String> {
        match line {
            _ if self.ended => return Err("there is something behind the end".to_owned()),
            Line::Format(FORMAT) if at == 1 => {}
            Line::Format(format) => {
                return Err(format!("a dump of format {FORMAT} begins with that, not with {format}"));
            }
            _ if at == 1 => return Err("a dump begins with its format".to_owned()),
            Line::End { lines } if lines + 1 == at => self.ended = true,
            Line::End { lines } => return Err(format!("there should be {lines} lines before this one")),
            Line::Session { session, client, user, ends_at } => {
                if !self.sessions.insert(session) || !self.clients.insert(client.clone()) {
                    return Err(format!("session {session} or its client is there twice"));
                }
                self.changes.push(Change::SessionBegins { session, client, user });
                if ends_at.is_some() {
                    self.changes.push(Change::SessionEndsAt { session, ends_at });
                }
            }
            Line::Subscription {
                session,
                filter,
                qos,
                no_local,
                retain_as_published,
                retain_handling,
                identifier,
            } => {
                let options = SubscriptionOptions {
                    maximum_qos: self::qos(qos)?,
                    no_local,
                    retain_as_published,
                    retain_handling: RetainHandling::new(retain_handling)
                        .ok_or("a retain handling is 0, 1 or 2")?,
                };
                let filter = filter_of(&filter).map_err(|error| error.to_string())?;
                let identifier = identifier.map(self::identifier).transpose()?;
                let subscription = Subscription { filter, options, identifier };
                self.changes.push(Change::Subscribed { session: self.session(session)?, subscription });
            }
            Line::Scan { session, filter, last } => {
                let filter = filter_of(&filter).map_err(|error| error.to_string())?;
                let last = last.map(TopicNameBuf::new).transpose().map_err(|error| error.to_string())?;
                let scan = Scan { filter, last };
                self.changes.push(Change::Scan { session: self.session(session)?, scan });
            }
            Line::Message { message: id, topic: _, version, arrived, expires, publisher, frame } => {
                let frame = BASE64.decode(frame).map_err(|error| error.to_string())?;
                let frame = publish_frame(version, &frame).map_err(|row| row.0)?;
                let message = Message { id, frame, arrived, expires, publisher };
                if self.messages.insert(id, Arc::new(message)).is_some() {
                    return Err(format!("message {id} is there twice"));
                }
            }
            Line::Queued { session, sequence, message, qos, retain, identifiers, share } => {
                let queued = Queued {
                    sequence,
                    message: self.message(message)?,
                    qos: self::qos(qos)?,
                    retain,
                    identifiers: identifiers.into_iter().map(identifier).collect::<Result<_, _>>()?,
                    share,
                };
                self.changes.push(Change::Queued { session: self.session(session)?, queued });
            }
            Line::Record { session, says: _, record } => {
                let bytes = BASE64.decode(record).ok().and_then(|bytes| bytes.try_into().ok());
                let record = bytes.and_then(|bytes| Record::from_bytes(&bytes)).ok_or("not a record")?;
                self.changes.push(Change::Recorded { session: self.session(session)?, record });
            }
            Line::Retained { message } => {
                self.changes.push(Change::Retained { message: self.message(message)? });
            }
            Line::Will { session, message, delay, due } => {
                let will = KeptWill { message: self.message(message)?, delay, due };
                self.changes.push(Change::Will { session, will });
            }
        }
        Ok(())
    }

    fn session(&self, id: SessionId) -> Result<SessionId, String> {
        if self.sessions.contains(&id) { Ok(id) } else { Err(format!("there is no session {id}")) }
    }

    fn message(&self, id: MessageId) -> Result<Arc<Message>, String> {
        self.messages.get(&id).cloned().ok_or_else(|| format!("there is no message {id}"))
    }
}

fn qos(number: u8) -> Result<QoS, &'static str> {
    QoS::new(number).ok_or("a QoS is 0, 1 or 2")
}

fn identifier(number: u32) -> Result<SubscriptionId, &'static str> {
    SubscriptionId::new(number).ok_or("a Subscription Identifier is 1 to 268,435,455")
}
