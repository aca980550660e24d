//! First depth first, so that few states wait at a time and memory is that of the fingerprints. What can be reached is
//! the same in any order. Where there is a fault, again breadth first, so that the counterexample is a shortest one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use crate::configuration::Configuration;
use crate::system::{Event, Step, System};

/// What an exploration has found.
pub(crate) struct Found {
    pub states: usize,
    pub took: Duration,
    pub fault: Option<Fault>,
    /// The search stopped before its end.
    pub cut: bool,
}

/// A property that does not hold, and the steps that lead there.
pub(crate) struct Fault {
    pub what: String,
    pub steps: Vec<Step>,
}

/// Where each state was first reached from.
type Parents = HashMap<u64, (u64, Step)>;

/// A state by 64 bits: among 10^8 states two are taken for one with a chance of 1 in 3,700.
fn fingerprint<const IDS: u16>(state: &System<IDS>) -> u64 {
    foldhash::quality::FixedState::with_seed(0x6D71_7474).hash_one(state)
}

/// Explores a configuration to its end, or until there are more than so many states. A fault is first only seen; a
/// second search finds the way there.
pub(crate) fn explore<const IDS: u16>(configuration: &Configuration, most: usize) -> Found {
    let start = Instant::now();
    let (states, fault, cut) = search::<IDS>(configuration, most, None);
    let fault = fault.map(|(what, ..)| {
        let mut parents = Parents::default();
        let (_, again, _) = search::<IDS>(configuration, most, Some(&mut parents));
        let (mut at, mut steps) = (0, Vec::new());
        if let Some((_, from, last)) = again {
            at = from;
            steps.extend(last);
        }
        while let Some((parent, step)) = parents.get(&at) {
            steps.push(*step);
            at = *parent;
        }
        steps.reverse();
        Fault { what, steps }
    });
    Found { states, took: start.elapsed(), fault, cut }
}

/// What is wrong, in the state of this fingerprint, or after this step from there.
type Seen = Option<(String, u64, Option<Step>)>;

fn search<const IDS: u16>(
    c: &Configuration,
    most: usize,
    mut parents: Option<&mut Parents>,
) -> (usize, Seen, bool) {
    let first = System::<IDS>::new(c);
    let mut seen: HashSet<u64, AsItIs> = HashSet::default();
    let mark = fingerprint(&first);
    seen.insert(mark);
    let mut queue = VecDeque::from([(first, mark)]);
    while let Some((state, mark)) = if parents.is_some() { queue.pop_front() } else { queue.pop_back() } {
        let mut is_end = true;
        for event in state.events(c) {
            let is_adverse = matches!(event, Event::Lose(_) | Event::Crash(_) | Event::Expire);
            let mut add = |next: System<IDS>, step: Step| {
                let to = fingerprint(&next);
                if seen.insert(to) {
                    if let Some(parents) = parents.as_deref_mut() {
                        parents.insert(to, (mark, step));
                    }
                    queue.push_back((next, to));
                }
            };
            let step = Step { event, crash_after: None };
            let outputs = match state.take(step, c) {
                Err(what) => return (seen.len(), Some((what, mark, Some(step))), false),
                Ok(None) => continue,
                Ok(Some((next, outputs))) => {
                    is_end &= is_adverse;
                    add(next, step);
                    outputs
                }
            };
            if !state.may_crash(event, c) {
                continue;
            }
            for after in 0..outputs {
                let step = Step { event, crash_after: Some(after) };
                match state.take(step, c) {
                    Err(what) => return (seen.len(), Some((what, mark, Some(step))), false),
                    Ok(None) => {}
                    Ok(Some((next, _))) => add(next, step),
                }
            }
        }
        if let Err(what) = state.check(c, is_end) {
            return (seen.len(), Some((what, mark, None)), false);
        }
        if seen.len() > most {
            return (seen.len(), None, true);
        }
    }
    (seen.len(), None, false)
}

/// The keys are hashes already.
#[derive(Clone, Default)]
struct AsItIs(u64);

impl BuildHasher for AsItIs {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |n, byte| n.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}
