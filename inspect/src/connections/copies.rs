//! Segments that a capture holds twice, since it was made at two places at once (mirror ports, `any`).

use crate::capture::Time;
use crate::link::Segment;

/// How many segments of a connection a copy may come behind the first.
const KEPT: usize = 8;
/// What is sent again comes later than this.
const LATEST_NANOSECONDS: u64 = 20_000_000;

/// The last segments of a connection.
#[derive(Debug, Default)]
pub(super) struct Copies {
    seen: [Option<Seen>; KEPT],
    next: usize,
    /// Some copy was found.
    pub(super) found: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    sequence: u32,
    acknowledged: Option<u32>,
    mark: [u16; 3],
    length: usize,
    time: Option<Time>,
}

impl Copies {
    /// Whether the same segment has just been seen. An acknowledgement alone may be sent twice, and no harm
    /// comes of it.
    pub(super) fn is_copy(&mut self, segment: &Segment<'_>) -> bool {
        if segment.payload.is_empty() && !segment.syn && !segment.fin && !segment.reset {
            return false;
        }
        let this = Seen {
            sequence: segment.sequence,
            acknowledged: segment.acknowledged,
            mark: segment.mark,
            length: segment.payload.len(),
            time: segment.time,
        };
        if self.seen.iter().flatten().any(|seen| seen.is_copied_by(&this)) {
            return true;
        }
        if let Some(slot) = self.seen.get_mut(self.next % KEPT) {
            *slot = Some(this);
        }
        self.next = self.next.wrapping_add(1);
        false
    }
}

impl Seen {
    fn is_copied_by(&self, other: &Self) -> bool {
        let same = (self.sequence, self.acknowledged, self.mark, self.length)
            == (other.sequence, other.acknowledged, other.mark, other.length);
        let late = match (self.time, other.time) {
            (Some(first), Some(second)) => second.0.saturating_sub(first.0) > LATEST_NANOSECONDS,
            _ => false,
        };
        same && !late
    }
}
