//! Packets, bytes and errors over time, in a bounded number of equal spans.

use mqtt_wire::Sender;
use serde_json::{Value, json};

use crate::record::{Content, Item, Record, refuses};

/// How many spans there are at most; when time goes on, two become one.
const MOST_SPANS: usize = 400;
/// The first spans' length.
const SHORTEST_NANOSECONDS: u64 = 1_000_000;

/// Packets from clients and from servers, their bytes, and packets with errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    packets: [u64; 2],
    bytes: [u64; 2],
    errors: u64,
}

#[derive(Debug)]
pub(super) struct OverTime {
    /// The length of a span in nanoseconds.
    length: u64,
    spans: Vec<Span>,
}

impl Default for OverTime {
    fn default() -> Self {
        Self { length: SHORTEST_NANOSECONDS, spans: Vec::new() }
    }
}

impl OverTime {
    /// Counts a packet, so many nanoseconds from the beginning.
    pub(super) fn item(&mut self, elapsed: Option<i64>, record: &Record<'_>, item: &Item<'_>) {
        let Some(elapsed) = elapsed else { return };
        let refused = matches!(&item.content, Content::Packet(packet) if refuses(packet));
        let is_error = item.is_malformed() || refused || !record.known.broken.is_empty();
        let side = usize::from(record.sender == Some(Sender::Server));
        // A clock may have been set back: that counts for the beginning.
        let span = self.span(u64::try_from(elapsed).unwrap_or_default());
        if let (Some(packets), Some(bytes)) = (span.packets.get_mut(side), span.bytes.get_mut(side)) {
            *packets += 1;
            *bytes += item.length as u64;
        }
        span.errors += u64::from(is_error);
    }

    fn span(&mut self, elapsed: u64) -> &mut Span {
        while elapsed / self.length >= MOST_SPANS as u64 {
            self.length = self.length.saturating_mul(2);
            self.spans = self
                .spans
                .chunks(2)
                .map(|pair| pair.iter().copied().fold(Span::default(), Span::plus))
                .collect();
        }
        let index = usize::try_from(elapsed / self.length).unwrap_or(MOST_SPANS - 1);
        if index >= self.spans.len() {
            self.spans.resize(index + 1, Span::default());
        }
        &mut self.spans[index]
    }

    /// The length of a span in seconds, and of each span its five numbers.
    #[expect(clippy::cast_precision_loss, reason = "a length of time")]
    pub(super) fn json(&self) -> Value {
        let spans = self.spans.iter().map(|span| {
            let Span { packets: [a, b], bytes: [c, d], errors } = span;
            json!([a, b, c, d, errors])
        });
        json!({ "width": self.length as f64 / 1e9, "bins": spans.collect::<Vec<_>>() })
    }
}

impl Span {
    fn plus(self, other: Self) -> Self {
        Self {
            packets: [self.packets[0] + other.packets[0], self.packets[1] + other.packets[1]],
            bytes: [self.bytes[0] + other.bytes[0], self.bytes[1] + other.bytes[1]],
            errors: self.errors + other.errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_grow_with_the_time_and_lose_nothing() {
        let mut over_time = OverTime::default();
        let times = [0, 1, 999_999, 1_000_000, 399_000_000, 400_000_000, 86_400_000_000_000, u64::MAX];
        for (index, time) in times.into_iter().enumerate() {
            over_time.span(time).errors += 1;
            assert!(over_time.spans.len() <= MOST_SPANS);
            let all: u64 = over_time.spans.iter().map(|span| span.errors).sum();
            assert_eq!(all, index as u64 + 1);
        }
        let mut over_time = OverTime::default();
        over_time.span(3_000_000).packets[1] = 7;
        over_time.span(400_000_000).bytes[0] = 9;
        assert_eq!(over_time.length, 2_000_000);
        assert_eq!(over_time.spans[1].packets, [0, 7]);
        assert_eq!(over_time.spans[200].bytes, [9, 0]);
    }
}
