//! How long answers took, step by step.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use mqtt_wire::{PacketType, Sender};

use crate::flow::{End, Flow, Kind};

/// A day: what takes longer counts as that.
const LONGEST_NANOSECONDS: u64 = 24 * 60 * 60 * 1_000_000_000;
/// Percentiles are right to so many digits, which makes it 1 %.
const DIGITS: u8 = 2;

/// A kind of question, who asked it, and which answer it is that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) sender: Side,
    pub(super) answer: PacketType,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Client,
    Server,
}

impl From<Sender> for Side {
    fn from(sender: Sender) -> Self {
        match sender {
            Sender::Client => Self::Client,
            Sender::Server => Self::Server,
        }
    }
}

impl Side {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// What became of the questions of a kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub(super) answered: u64,
    pub(super) refused: u64,
    pub(super) unanswered: u64,
    pub(super) sent_again: u64,
}

/// Percentiles of a step, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Percentiles {
    pub(super) count: u64,
    pub(super) least: u64,
    pub(super) p50: u64,
    pub(super) p90: u64,
    pub(super) p99: u64,
    pub(super) most: u64,
}

#[derive(Debug, Default)]
pub(super) struct Latencies {
    steps: BTreeMap<Step, Histogram<u64>>,
    pub(super) outcomes: BTreeMap<(Kind, Side), Outcome>,
}

impl Latencies {
    /// Takes a flow that is over. Every answer is measured from the question on.
    pub(super) fn flow(&mut self, flow: &Flow) {
        let sender = flow.sender.into();
        let outcome = self.outcomes.entry((flow.kind, sender)).or_default();
        match flow.end {
            End::Answered if flow.is_bad() => outcome.refused += 1,
            End::Answered => outcome.answered += 1,
            End::Unanswered | End::Replaced => outcome.unanswered += 1,
        }
        outcome.sent_again += u64::from(flow.again);
        let Some((first, answers)) = flow.steps.split_first() else { return };
        for step in answers.iter().filter(|step| step.packet != PacketType::PubRel) {
            let Some((asked, answered)) = first.time.zip(step.time) else { continue };
            let step = Step { kind: flow.kind, sender, answer: step.packet };
            // The bounds are constants that fit; were they not, there would be no histogram.
            let histogram = match self.steps.entry(step) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    match Histogram::new_with_max(LONGEST_NANOSECONDS, DIGITS) {
                        Ok(histogram) => entry.insert(histogram),
                        Err(_) => continue,
                    }
                }
            };
            histogram.saturating_record(answered.0.saturating_sub(asked.0));
        }
    }

    pub(super) fn percentiles(&self) -> impl Iterator<Item = (Step, Percentiles)> {
        self.steps.iter().map(|(step, histogram)| {
            let at = |quantile| histogram.value_at_quantile(quantile);
            let percentiles = Percentiles {
                count: histogram.len(),
                least: histogram.min(),
                p50: at(0.5),
                p90: at(0.9),
                p99: at(0.99),
                most: histogram.max(),
            };
            (*step, percentiles)
        })
    }
}

impl Step {
    /// The packets between which the time passes, for people.
    pub(super) fn title(&self) -> String {
        match self.kind {
            Kind::Request => "request to response".to_owned(),
            kind => {
                let first = match kind {
                    Kind::Connect => PacketType::Connect,
                    Kind::AtLeastOnce | Kind::ExactlyOnce | Kind::Request => PacketType::Publish,
                    Kind::Subscribe => PacketType::Subscribe,
                    Kind::Unsubscribe => PacketType::Unsubscribe,
                    Kind::Ping => PacketType::PingReq,
                };
                format!("{first} to {}", self.answer)
            }
        }
    }
}
