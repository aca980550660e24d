//! What a codec checks, as the frames of `frames` show it.

use crate::codec::Verdict;
use crate::frames;
use crate::peers;
use crate::workload::{Version, Workload};

pub struct Checks {
    pub name: &'static str,
    /// Faults in a Topic Name that are refused.
    pub utf8: bool,
    pub null: bool,
    pub wildcard: bool,
    /// Frames that break a rule.
    pub bad: usize,
    /// How many of them it accepts, and how many of those its encoder writes again.
    pub accepted: usize,
    pub written: usize,
}

impl Checks {
    /// Whether texts are text when it gives them.
    pub fn checks_strings(&self) -> bool {
        self.utf8
    }

    /// Whether its encoder refuses what mqtt-wire's refuses.
    pub fn refuses(&self) -> bool {
        self.written == 0
    }
}

pub fn all(version: Version) -> Vec<Checks> {
    let frames = frames::all(version);
    let checks = |peer: peers::Peer| {
        let verdict = peer.verdict?;
        let refuses = |name| {
            let frame = frames.iter().find(|frame| frame.name == name).expect("a frame of this name");
            verdict(frame.bytes) == Verdict::Refuses
        };
        let bad = || frames.iter().filter(|frame| frame.verdict == Verdict::Refuses);
        let accepted: Vec<_> = bad().filter(|frame| verdict(frame.bytes) == Verdict::Accepts).collect();
        let writes = |bytes| {
            let workload = Workload { name: "", content: "", bytes, packets: 1 };
            peer.encode.is_some_and(|encode| encode(&workload).is_ok())
        };
        Some(Checks {
            name: peer.name,
            utf8: refuses("ill-formed UTF-8 in a Topic Name"),
            null: refuses("U+0000 in a Topic Name"),
            wildcard: refuses("wildcard in a Topic Name"),
            bad: bad().count(),
            accepted: accepted.len(),
            written: accepted.iter().filter(|frame| writes(frame.bytes)).count(),
        })
    };
    peers::all(version).into_iter().filter_map(checks).collect()
}
