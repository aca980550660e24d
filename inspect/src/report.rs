//! Numbers what was found, keeps count of what is malformed, and hands it to the chosen output.

use std::io::Result;

use mqtt_wire::{Sender, Version};

use crate::capture::Time;
use crate::connections::LeftOut;
use crate::framer::{Cut, Found};
use crate::note::Note;
use crate::record::{Body, Content, Item, Origin, Output, Record};
use crate::session::Read;

pub(crate) struct Report {
    output: Box<dyn Output>,
    /// Show only this packet.
    only: Option<u64>,
    count: u64,
    malformed: u64,
    unreadable: u64,
    damaged: bool,
}

impl Report {
    pub(crate) fn new(output: Box<dyn Output>, only: Option<u64>) -> Self {
        Self { output, only, count: 0, malformed: 0, unreadable: 0, damaged: false }
    }

    /// How many packets there were, whole or not.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn has_malformed(&self) -> bool {
        self.malformed > 0
    }

    /// Whether some of the input was not even hex.
    pub(crate) fn has_unreadable(&self) -> bool {
        self.unreadable > 0
    }

    /// An input is cut off or damaged.
    pub(crate) fn damaged(&mut self) {
        self.damaged = true;
    }

    pub(crate) fn has_damage(&self) -> bool {
        self.damaged
    }

    pub(crate) fn begin(&mut self, source: Option<&str>) -> Result<()> {
        self.output.begin(source)
    }

    pub(crate) fn clock(&mut self, begin: Time) {
        self.output.clock(begin);
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    /// A piece of a stream.
    fn cut(
        &mut self,
        (origin, time, sender): (Origin, Option<Time>, Option<Sender>),
        version: Version,
        guessed: bool,
        cut: &Cut<'_>,
    ) -> Result<()> {
        let (content, digest) = match &cut.found {
            Found::Packet(packet) => (Content::Packet(*packet), None),
            Found::Long { packet, digest } => (Content::Packet(*packet), Some(*digest)),
            Found::Bad(error) => (Content::Bad(*error), None),
            Found::Incomplete { missing } => (Content::Incomplete { missing: *missing }, None),
            Found::TooLarge { length } => {
                let note = Note::TooLarge { offset: cut.offset, length: *length };
                return self.note(origin, time, sender, note);
            }
        };
        let item = Item {
            number: 0,
            version,
            guessed,
            offset: cut.offset,
            bytes: cut.bytes,
            content,
            length: cut.length,
            digest,
        };
        self.item(origin, time, sender, item)
    }

    /// What a session found.
    pub(crate) fn read(
        &mut self,
        (origin, time, sender): (Origin, Option<Time>, Option<Sender>),
        read: Read<'_>,
    ) -> Result<()> {
        match read {
            Read::Cut { version, guessed, cut } => self.cut((origin, time, sender), version, guessed, &cut),
            Read::Note(note) => self.note(origin, time, sender, note),
        }
    }

    pub(crate) fn left_out(&mut self, left_out: LeftOut) {
        self.output.left_out(left_out);
    }

    pub(crate) fn item(
        &mut self,
        origin: Origin,
        time: Option<Time>,
        sender: Option<Sender>,
        item: Item<'_>,
    ) -> Result<()> {
        self.count += 1;
        match item.content {
            Content::Bad(_) | Content::Trailing { .. } => self.malformed += 1,
            Content::BadHex(_) => self.unreadable += 1,
            Content::Packet(_) | Content::Incomplete { .. } => {}
        }
        if self.only.is_some_and(|only| only != self.count) {
            return Ok(());
        }
        let body = Body::Item(Item { number: self.count, ..item });
        self.output.record(&Record { origin, time, sender, body })
    }

    pub(crate) fn note(
        &mut self,
        origin: Origin,
        time: Option<Time>,
        sender: Option<Sender>,
        note: Note,
    ) -> Result<()> {
        if self.only.is_some() {
            return Ok(());
        }
        self.output.record(&Record { origin, time, sender, body: Body::Note(note) })
    }

    pub(crate) fn end_line(&mut self, line: u64) -> Result<()> {
        self.output.end_line(line)
    }

    pub(crate) fn finish(&mut self) -> Result<()> {
        self.output.finish()
    }
}
