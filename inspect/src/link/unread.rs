//! What of a capture was not read, counted by why.

use std::collections::BTreeMap;
use std::fmt;

use super::Reason;
use crate::text::count;

/// How many reasons are told apart; a damaged file has any number.
const MOST: usize = 16;

/// How many frames were not read, and why.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    reasons: BTreeMap<Reason, u64>,
    /// Frames with further reasons.
    others: u64,
}

impl Unread {
    pub(super) fn add(&mut self, reason: Reason) {
        if self.reasons.len() < MOST || self.reasons.contains_key(&reason) {
            *self.reasons.entry(reason).or_default() += 1;
        } else {
            self.others += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// The reasons by how many frames they cost.
impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, frames)| std::cmp::Reverse(**frames));
        for (index, (reason, frames)) in reasons.into_iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} {reason}", count(*frames, "frame"))?;
        }
        match self.others {
            0 => Ok(()),
            others => write!(f, ", {} of further kinds", count(others, "frame")),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkType(number) => write!(f, "of link type {number}"),
            Self::EtherType(number) => write!(f, "of EtherType 0x{number:04X}"),
            Self::IpProtocol(number) => write!(f, "of IP protocol {number}"),
            Self::Named(name) => write!(f, "of {name}"),
            Self::Headers => f.write_str("whose headers are cut off or damaged"),
            Self::TooDeep => f.write_str("with too many layers"),
        }
    }
}
