//! The summary: connections, packets by type, bytes, errors.

mod ending;
mod json;
mod latency;
mod rates;
mod tally;
mod text;

use std::io::{self, Write};

pub(super) use self::tally::Tally;
use super::paint::Painter;
use crate::capture::Time;
use crate::connections::LeftOut;
use crate::record::{Body, Output, Record};

pub(crate) struct Stats<W> {
    out: W,
    painter: Painter,
    json: bool,
    tally: Tally,
}

impl<W> Stats<W> {
    pub(crate) fn new(out: W, painter: Painter, json: bool) -> Self {
        Self { out, painter, json, tally: Tally::default() }
    }
}

impl<W: Write> Output for Stats<W> {
    fn begin(&mut self, source: Option<&str>) -> io::Result<()> {
        self.tally.begin(source);
        Ok(())
    }

    fn clock(&mut self, begin: Time) {
        self.tally.clock(begin);
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        self.tally.record(record);
        Ok(())
    }

    fn left_out(&mut self, left_out: LeftOut) {
        self.tally.leave_out(left_out);
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.json {
            super::json::print(&mut self.out, &self.tally)?;
        } else {
            self.print()?;
        }
        self.flush()
    }
}

/// A timeline of captures with its sums below.
pub(crate) struct Summed<W> {
    timeline: Box<dyn Output>,
    stats: Stats<W>,
    any: bool,
}

impl<W> Summed<W> {
    pub(crate) fn new(timeline: Box<dyn Output>, out: W, painter: Painter) -> Self {
        let tally = Tally::with_connections(0);
        Self { timeline, stats: Stats { out, painter, json: false, tally }, any: false }
    }
}

impl<W: Write> Output for Summed<W> {
    fn begin(&mut self, source: Option<&str>) -> io::Result<()> {
        self.stats.begin(source)?;
        self.timeline.begin(source)
    }

    fn clock(&mut self, begin: Time) {
        self.stats.clock(begin);
        self.timeline.clock(begin);
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        self.any |= matches!(record.body, Body::Item(_));
        self.stats.record(record)?;
        self.timeline.record(record)
    }

    fn end_line(&mut self, line: u64) -> io::Result<()> {
        self.timeline.end_line(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.timeline.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.timeline.finish()?;
        if self.any {
            self.stats.brief()?;
        }
        self.stats.flush()
    }
}
