//! The order between the two sides of a connection.
//!
//! A segment acknowledges what its sender had received. What it brings comes out behind that, or behind the news
//! that it is missing: an answer never comes before its question, and a hole is told before what was answered in it.

use std::collections::VecDeque;
use std::io::Result;

use super::connection::index;
use crate::pool::Pool;
use crate::stream::{Side, Waiting};
use crate::tcp::Event;

#[derive(Debug)]
pub(super) struct Order {
    pool: Pool,
    /// What waits, with how far the other side's stream has to have come out first.
    queues: [VecDeque<(u64, Waiting)>; 2],
    /// How far each side's stream has come out.
    out: [u64; 2],
}

/// Takes events in order; and `None` when the order is lost from here on.
pub(super) type Out<'a> = &'a mut dyn FnMut(Side, Option<Event<'_>>) -> Result<()>;

impl Order {
    pub(super) fn new(pool: &Pool) -> Self {
        Self { pool: pool.clone(), queues: Default::default(), out: [0; 2] }
    }

    /// Takes the next event of a side, and hands out what need not wait any longer.
    ///
    /// Performance: nearly nothing waits, and is not copied then.
    pub(super) fn take(&mut self, side: Side, event: Event<'_>, out: Out<'_>) -> Result<()> {
        let after = if let Event::Data { after, .. } = event { after } else { 0 };
        if self.queues[index(side)].is_empty() && after <= self.out[index(side.other())] {
            self.pass(side, event, out)?;
            return self.release(out);
        }
        let Some(waiting) = Waiting::new(side, event, &self.pool) else {
            // There is no room to wait.
            out(side, None)?;
            self.flush(out)?;
            return self.pass(side, event, out);
        };
        self.queues[index(side)].push_back((after, waiting));
        Ok(())
    }

    /// Hands out all that waits.
    pub(super) fn flush(&mut self, out: Out<'_>) -> Result<()> {
        self.release(out)?;
        for side in [Side::First, Side::Second] {
            while let Some((_, waiting)) = self.queues[index(side)].pop_front() {
                self.pass(side, waiting.event(), out)?;
            }
        }
        Ok(())
    }

    /// Both streams begin anew.
    pub(super) fn reset(&mut self) {
        self.queues = Default::default();
        self.out = [0; 2];
    }

    fn release(&mut self, out: Out<'_>) -> Result<()> {
        while let Some(side) = [Side::First, Side::Second].into_iter().find(|side| self.may_go(*side)) {
            let Some((_, waiting)) = self.queues[index(side)].pop_front() else { return Ok(()) };
            self.pass(side, waiting.event(), out)?;
        }
        Ok(())
    }

    fn may_go(&self, side: Side) -> bool {
        let first = self.queues[index(side)].front();
        first.is_some_and(|(after, _)| *after <= self.out[index(side.other())])
    }

    fn pass(&mut self, side: Side, event: Event<'_>, out: Out<'_>) -> Result<()> {
        let come = match event {
            Event::Data { offset, bytes, .. } => offset + bytes.len() as u64,
            Event::Missing { offset, length, .. } => offset + length,
            _ => 0,
        };
        let so_far = &mut self.out[index(side)];
        *so_far = come.max(*so_far);
        out(side, Some(event))
    }
}
