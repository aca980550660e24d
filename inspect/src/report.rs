//! Numbers what was found, adds what is remembered of its connection, keeps count of what is wrong, and hands
//! what is wanted to the chosen output.

use std::io::Result;

use mqtt_wire::{DecodeOptions, Packet, Sender, Version};

use crate::capture::Time;
use crate::connections::LeftOut;
use crate::filter::Filter;
use crate::flow::Flow;
use crate::framer::{Cut, Found};
use crate::memory::Memory;
use crate::note::Note;
use crate::payload::Payloads;
use crate::record::{Body, Content, Item, Known, Origin, Output, Record};
use crate::session::Read;
use crate::window::Window;

/// What of the input is shown.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    pub(crate) filter: Filter,
    /// How many records around a match are shown.
    pub(crate) context: usize,
    /// How many nanoseconds before the end are shown.
    pub(crate) last: Option<u64>,
    /// Show only this packet.
    pub(crate) only: Option<u64>,
    /// How payloads are read.
    pub(crate) payloads: Payloads,
}

/// Where and when something was found, and who sent it.
pub(crate) type Place = (Origin, Option<Time>, Option<Sender>);

pub(crate) struct Report {
    output: Box<dyn Output>,
    filter: Filter,
    payloads: Payloads,
    window: Window,
    only: Option<u64>,
    /// The time of the first frame.
    begin: Option<Time>,
    count: u64,
    /// How many packets were wanted.
    selected: u64,
    malformed: u64,
    broken: u64,
    unreadable: u64,
    damaged: bool,
}

impl Report {
    pub(crate) fn new(output: Box<dyn Output>, selection: Selection, options: DecodeOptions) -> Self {
        let Selection { filter, context, last, only, payloads } = selection;
        Self {
            output,
            filter,
            payloads,
            window: Window::new(options, context, last),
            only,
            begin: None,
            count: 0,
            selected: 0,
            malformed: 0,
            broken: 0,
            unreadable: 0,
            damaged: false,
        }
    }

    /// How many packets were wanted.
    pub(crate) fn selected(&self) -> u64 {
        self.selected
    }

    /// Whether rules between packets were broken.
    pub(crate) fn has_broken(&self) -> bool {
        self.broken > 0
    }

    /// How many records of `--last` had no room.
    pub(crate) fn dropped(&self) -> u64 {
        self.window.dropped
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
        self.window.finish(&mut *self.output)?;
        self.begin = None;
        self.output.begin(source)
    }

    pub(crate) fn clock(&mut self, begin: Time) {
        self.begin = Some(begin);
        self.output.clock(begin);
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    /// What a session found.
    pub(crate) fn read(&mut self, place: Place, memory: &mut Memory, read: Read<'_>) -> Result<()> {
        match read {
            Read::Cut { version, guessed, cut } => self.cut(place, memory, (version, guessed), &cut),
            Read::Note(note) => self.note(place, memory, note),
            Read::Late(is_late) => {
                memory.late(place.2.unwrap_or(Sender::Client), is_late);
                Ok(())
            }
        }
    }

    /// A piece of a stream.
    fn cut(
        &mut self,
        place: Place,
        memory: &mut Memory,
        (version, guessed): (Version, bool),
        cut: &Cut<'_>,
    ) -> Result<()> {
        let (content, digest) = match &cut.found {
            Found::Packet(packet) => (Content::Packet(*packet), None),
            Found::Long { packet, digest } => (Content::Packet(*packet), Some(*digest)),
            Found::Bad(error) => (Content::Bad(*error), None),
            Found::Incomplete { missing } => (Content::Incomplete { missing: *missing }, None),
            Found::TooLarge { length } => {
                if let (_, _, Some(sender)) = place {
                    memory.gap(sender);
                }
                return self.note(place, memory, Note::TooLarge { offset: cut.offset, length: *length });
            }
        };
        let (offset, bytes, length) = (cut.offset, cut.bytes, cut.length);
        let item = Item { number: 0, version, guessed, offset, bytes, content, length, digest };
        self.item(place, Some(memory), item)
    }

    pub(crate) fn left_out(&mut self, left_out: LeftOut) {
        self.output.left_out(left_out);
    }

    pub(crate) fn item(&mut self, place: Place, memory: Option<&mut Memory>, item: Item<'_>) -> Result<()> {
        self.count += 1;
        let item = Item { number: self.count, ..item };
        let (origin, time, sender) = place;
        // Of a sender that is not known the aliases are kept all the same.
        let seen = memory.map(|memory| memory.see(&item, sender.unwrap_or(Sender::Client), time));
        let mut seen = seen.unwrap_or_default();
        if let Content::Packet(Packet::Publish(publish)) = &item.content {
            seen.known.format = self.payloads.format(publish, seen.known.topic.as_deref());
        }
        let names = seen.known.names.clone();
        let record = Record { origin, time, sender, known: seen.known, body: Body::Item(item) };
        self.show(&record)?;
        for flow in &seen.flows {
            let known = Known { names: names.clone(), ..Known::default() };
            self.flow(place, known, flow)?;
        }
        match seen.note {
            Some(note) => {
                let known = Known { names, ..Known::default() };
                self.show(&Record { origin, time, sender: None, known, body: Body::Note(note) })
            }
            None => Ok(()),
        }
    }

    pub(crate) fn note(&mut self, place: Place, memory: &Memory, note: Note) -> Result<()> {
        let (origin, time, sender) = place;
        let known = Known { names: memory.names(), ..Known::default() };
        self.show(&Record { origin, time, sender, known, body: Body::Note(note) })
    }

    /// A connection is over: what waits for an answer gets none.
    pub(crate) fn end(&mut self, (origin, time): (Origin, Option<Time>), memory: &mut Memory) -> Result<()> {
        for flow in memory.finish() {
            let known = Known { names: memory.names(), ..Known::default() };
            self.flow((origin, time, None), known, &flow)?;
        }
        Ok(())
    }

    fn flow(&mut self, (origin, time, _): Place, known: Known, flow: &Flow) -> Result<()> {
        let sender = Some(flow.sender);
        self.show(&Record { origin, time, sender, known, body: Body::Flow(flow) })
    }

    /// Counts a record, and shows it if it is wanted.
    fn show(&mut self, record: &Record<'_>) -> Result<()> {
        let is_selected = self.filter.selects(record, self.begin);
        if let (Body::Item(item), true) = (&record.body, is_selected) {
            self.selected += 1;
            self.malformed += u64::from(item.is_malformed());
            self.broken += u64::from(!record.known.broken.is_empty());
            self.unreadable += u64::from(matches!(item.content, Content::BadHex(_)));
        }
        if let Some(only) = self.only {
            let is_it = matches!(&record.body, Body::Item(item) if item.number == only);
            return if is_it { self.output.record(record) } else { Ok(()) };
        }
        self.window.record(record, is_selected, &mut *self.output)
    }

    pub(crate) fn end_line(&mut self, line: u64) -> Result<()> {
        self.output.end_line(line)
    }

    pub(crate) fn finish(&mut self) -> Result<()> {
        self.window.finish(&mut *self.output)?;
        self.output.finish()
    }
}
