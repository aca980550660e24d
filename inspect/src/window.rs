//! Records that wait: those around a match, and those of the last seconds.

use std::collections::VecDeque;
use std::io::Result;

use mqtt_wire::{DecodeError, DecodeOptions, Decoded, Sender, Version, decode};

use crate::capture::Time;
use crate::flow::Flow;
use crate::framer::{Digest, head_of_long};
use crate::note::Note;
use crate::record::{Body, Content, Item, Known, Origin, Output, Record};

/// How many bytes of packets wait at most.
const MOST: usize = 16 * 1024 * 1024;
/// About what a record takes besides its packet's bytes.
const EACH: usize = 256;

/// A record with bytes of its own.
#[derive(Debug)]
struct Kept {
    origin: Origin,
    time: Option<Time>,
    sender: Option<Sender>,
    known: Known,
    body: KeptBody,
}

#[derive(Debug)]
enum KeptBody {
    Item(Box<KeptItem>),
    Note(Note),
    Flow(Box<Flow>),
}

#[derive(Debug)]
struct KeptItem {
    number: u64,
    version: Version,
    guessed: bool,
    offset: u64,
    bytes: Vec<u8>,
    content: KeptContent,
    length: usize,
    digest: Option<Digest>,
}

#[derive(Debug)]
enum KeptContent {
    Packet,
    Bad(DecodeError),
    Trailing { at: usize, count: usize },
    Incomplete { missing: usize },
    BadHex(String),
}

#[derive(Debug)]
pub(crate) struct Window {
    /// By which waiting packets are read again.
    options: DecodeOptions,
    /// How many records around a match are shown.
    context: usize,
    /// How many nanoseconds before the end are shown.
    last: Option<u64>,
    waiting: VecDeque<Kept>,
    size: usize,
    /// How many of the next records belong to the last match.
    behind: usize,
    latest: Option<Time>,
    /// How many records had no room.
    pub(crate) dropped: u64,
}

impl Window {
    pub(crate) fn new(options: DecodeOptions, context: usize, last: Option<u64>) -> Self {
        Self {
            options,
            context,
            last,
            waiting: VecDeque::new(),
            size: 0,
            behind: 0,
            latest: None,
            dropped: 0,
        }
    }

    /// Hands on what is to be shown now.
    pub(crate) fn record(
        &mut self,
        record: &Record<'_>,
        is_selected: bool,
        output: &mut dyn Output,
    ) -> Result<()> {
        if let Some(last) = self.last {
            self.latest = self.latest.max(record.time);
            if is_selected {
                self.keep(record);
            }
            self.clear_away(last);
            return Ok(());
        }
        if is_selected {
            self.flush(output)?;
            self.behind = self.context;
            return output.record(record);
        }
        if self.behind > 0 {
            self.behind -= 1;
            return output.record(record);
        }
        if self.context > 0 {
            self.keep(record);
            while self.waiting.len() > self.context {
                self.drop_first();
            }
        }
        Ok(())
    }

    /// An input is over.
    pub(crate) fn finish(&mut self, output: &mut dyn Output) -> Result<()> {
        self.behind = 0;
        if self.last.is_some() {
            self.flush(output)?;
        }
        self.waiting.clear();
        (self.size, self.latest) = (0, None);
        Ok(())
    }

    fn flush(&mut self, output: &mut dyn Output) -> Result<()> {
        while let Some(kept) = self.drop_first() {
            kept.show(self.options, output)?;
        }
        Ok(())
    }

    fn clear_away(&mut self, last: u64) {
        let Some(latest) = self.latest else { return };
        let is_old = |time: Time| time.0 < latest.0.saturating_sub(last);
        while self.waiting.front().and_then(|first| first.time).is_some_and(is_old) {
            self.drop_first();
        }
    }

    fn keep(&mut self, record: &Record<'_>) {
        let kept = Kept::of(record);
        self.size += kept.size();
        self.waiting.push_back(kept);
        while self.size > MOST && self.drop_first().is_some() {
            self.dropped += u64::from(self.last.is_some());
        }
    }

    fn drop_first(&mut self) -> Option<Kept> {
        let first = self.waiting.pop_front()?;
        self.size -= first.size();
        Some(first)
    }
}

impl Kept {
    fn of(record: &Record<'_>) -> Self {
        let body = match &record.body {
            Body::Note(note) => KeptBody::Note(note.clone()),
            Body::Flow(flow) => KeptBody::Flow(Box::new((*flow).clone())),
            Body::Item(item) => KeptBody::Item(Box::new(KeptItem {
                number: item.number,
                version: item.version,
                guessed: item.guessed,
                offset: item.offset,
                bytes: item.bytes.to_vec(),
                content: match &item.content {
                    Content::Packet(_) => KeptContent::Packet,
                    Content::Bad(error) => KeptContent::Bad(*error),
                    Content::Trailing { at, count } => KeptContent::Trailing { at: *at, count: *count },
                    Content::Incomplete { missing } => KeptContent::Incomplete { missing: *missing },
                    Content::BadHex(text) => KeptContent::BadHex(text.clone()),
                },
                length: item.length,
                digest: item.digest,
            })),
        };
        let Record { origin, time, sender, .. } = *record;
        Self { origin, time, sender, known: record.known.clone(), body }
    }

    fn size(&self) -> usize {
        EACH + match &self.body {
            KeptBody::Item(item) => item.bytes.len(),
            KeptBody::Note(_) | KeptBody::Flow(_) => 0,
        }
    }

    fn show(&self, options: DecodeOptions, output: &mut dyn Output) -> Result<()> {
        let body = match &self.body {
            KeptBody::Note(note) => Body::Note(note.clone()),
            KeptBody::Flow(flow) => Body::Flow(flow),
            KeptBody::Item(item) => Body::Item(Item {
                number: item.number,
                version: item.version,
                guessed: item.guessed,
                offset: item.offset,
                bytes: &item.bytes,
                content: item.content(options),
                length: item.length,
                digest: item.digest,
            }),
        };
        let Self { origin, time, sender, .. } = *self;
        output.record(&Record { origin, time, sender, known: self.known.clone(), body })
    }
}

impl KeptItem {
    fn content(&self, options: DecodeOptions) -> Content<'_> {
        let options = options.with_version(self.version);
        match &self.content {
            KeptContent::Packet if self.digest.is_some() => match head_of_long(&self.bytes, options) {
                Ok(Some(packet)) => Content::Packet(packet),
                Ok(None) => Content::Incomplete { missing: 0 },
                Err(error) => Content::Bad(error),
            },
            KeptContent::Packet => match decode(&self.bytes, options) {
                Ok(Decoded::Packet { packet, .. }) => Content::Packet(packet),
                Ok(Decoded::Incomplete { missing }) => Content::Incomplete { missing },
                Err(error) => Content::Bad(error),
            },
            KeptContent::Bad(error) => Content::Bad(*error),
            KeptContent::Trailing { at, count } => Content::Trailing { at: *at, count: *count },
            KeptContent::Incomplete { missing } => Content::Incomplete { missing: *missing },
            KeptContent::BadHex(text) => Content::BadHex(text.clone()),
        }
    }
}
