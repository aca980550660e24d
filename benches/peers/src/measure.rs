//! Time, allocations and instructions of every codec at every workload.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::allocations;
use crate::codec::{Cell, Made, peers_measured};
use crate::peers::{self, Peer};
use crate::workload::{self, Delivery, Version, Workload};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Decode,
    ReadAll,
    Encode,
    Answer,
    Deliver,
}

impl Direction {
    pub const ALL: [Self; 5] = [Self::Decode, Self::ReadAll, Self::Encode, Self::Answer, Self::Deliver];

    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Encode => "encode",
            Self::ReadAll => "read",
            Self::Answer => "answer",
            Self::Deliver => "deliver",
        }
    }
}

/// One workload in one direction, and every codec at it.
pub struct Group {
    pub version: Version,
    pub direction: Direction,
    pub workload: &'static str,
    pub entries: Vec<Entry>,
    /// Of one pass.
    pub bytes: usize,
    pub packets: usize,
}

impl Group {
    pub fn figures(&self, peer: &str) -> Option<Figures> {
        self.entries.iter().find(|entry| entry.peer == peer)?.figures
    }

    pub fn nanoseconds(&self, peer: &str) -> Option<f64> {
        Some(self.figures(peer)?.nanoseconds)
    }

    /// The other codecs.
    pub fn others(&self) -> impl Iterator<Item = (&'static str, Figures)> {
        self.entries
            .iter()
            .filter(|entry| {
                ![peers::COPYING, peers::OURS].contains(&entry.peer) && !peers::WAYS.contains(&entry.peer)
            })
            .filter_map(|entry| Some((entry.peer, entry.figures?)))
    }

    /// Millions of bytes a second, when a packet takes so many nanoseconds.
    pub fn megabytes(&self, nanoseconds: f64) -> f64 {
        1e3 * self.bytes as f64 / self.packets as f64 / nanoseconds
    }
}

/// One codec at one workload.
pub struct Entry {
    pub peer: &'static str,
    /// What it cannot do, or does in another way.
    pub remark: Option<String>,
    pub figures: Option<Figures>,
    cell: Option<Box<dyn Cell>>,
}

/// All of it by the packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub nanoseconds: f64,
    /// Against the first codec of the group.
    pub ratio: f64,
    pub instructions: f64,
    pub allocations: f64,
    pub allocated_bytes: f64,
}

/// Every group, not yet measured, always in the same order.
pub fn groups() -> Vec<Group> {
    let mut groups = Vec::new();
    for version in Version::ALL {
        for direction in [Direction::Decode, Direction::ReadAll, Direction::Encode] {
            for workload in workload::all(version) {
                groups.push(group(version, direction, &workload));
            }
        }
        groups.push(answers(version));
    }
    groups.extend(workload::deliveries().iter().map(deliver));
    groups
}

fn group(version: Version, direction: Direction, workload: &Workload) -> Group {
    let make = |peer: &Peer| match direction {
        Direction::Decode => peer.decode,
        // What gives everything decoded is not behind when it is not read.
        Direction::ReadAll => {
            peer.read.or(peer.decode.filter(|_| peer.verdict.is_some() && peer.encode.is_some()))
        }
        _ => peer.encode,
    };
    let entries = entries(version, |peer| Some(make(peer)?(workload)));
    Group {
        version,
        direction,
        workload: workload.name,
        entries,
        bytes: workload.bytes.len(),
        packets: workload.packets,
    }
}

/// The six answers of a server.
fn answers(version: Version) -> Group {
    let entries = entries(version, |peer| Some(peer.answer?(version)));
    let bytes = workload::answers(version, [1; 4]).len();
    Group { version, direction: Direction::Answer, workload: "six answers", entries, bytes, packets: 6 }
}

fn deliver(delivery: &Delivery) -> Group {
    let version = Version::V5;
    let entries = entries(version, |peer| Some(peer.deliver?(delivery)));
    let bytes = delivery.expected.iter().map(Vec::len).sum();
    let packets = delivery.expected.len();
    Group { version, direction: Direction::Deliver, workload: delivery.name, entries, bytes, packets }
}

fn entries(version: Version, result: impl Fn(&Peer) -> Option<Result<Made, String>>) -> Vec<Entry> {
    peers::all(version).iter().filter_map(|peer| Some(entry(peer.name, result(peer)?))).collect()
}

fn entry(peer: &'static str, result: Result<Made, String>) -> Entry {
    let (cell, remark) = match result {
        Ok(made) => (Some(made.cell), made.remark),
        Err(reason) => (None, Some(format!("cannot: {reason}"))),
    };
    Entry { peer, remark, figures: None, cell }
}

/// How long one turn of one codec should take.
const TURN: Duration = Duration::from_micros(300);
const ROUNDS: usize = 101;
/// Inputs are laid out before they are read; this bounds what they take.
const INPUT_BYTES: usize = 16 << 20;
const MAX_REPEATS: usize = 1000;

/// Time and allocations of a group: the codecs take turns, round after round, so that what disturbs the machine
/// disturbs them all.
pub fn time_and_allocations(group: &mut Group) {
    let limit = (INPUT_BYTES / group.bytes).clamp(1, MAX_REPEATS);
    let mut cells: Vec<Turns> = group
        .entries
        .iter_mut()
        .filter_map(|entry| {
            let Entry { cell, figures, .. } = entry;
            let cell = cell.as_deref_mut()?;
            let figures = figures.insert(Figures::default());
            count_allocations(cell, figures);
            Some(Turns { repeats: repeats(cell, limit), times: Vec::new(), cell, figures })
        })
        .collect();
    for round in 0..=ROUNDS {
        for turns in &mut cells {
            let time = turns.take_one();
            if round > 0 {
                turns.times.push(time);
            }
        }
    }
    let mut base = None;
    for turns in &mut cells {
        let nanoseconds = quiet(std::mem::take(&mut turns.times));
        turns.figures.nanoseconds = nanoseconds;
        turns.figures.ratio = nanoseconds / *base.get_or_insert(nanoseconds);
    }
}

struct Turns<'a> {
    cell: &'a mut dyn Cell,
    figures: &'a mut Figures,
    repeats: usize,
    /// Nanoseconds a packet, one for each round.
    times: Vec<f64>,
}

impl Turns<'_> {
    fn take_one(&mut self) -> f64 {
        let packets = self.repeats * self.cell.packets();
        time(self.cell, self.repeats).as_secs_f64() * 1e9 / packets as f64
    }
}

fn time(cell: &mut dyn Cell, repeats: usize) -> Duration {
    cell.prepare(repeats);
    let start = Instant::now();
    peers_measured(cell);
    start.elapsed()
}

fn repeats(cell: &mut dyn Cell, limit: usize) -> usize {
    let quickest = (0..5).map(|_| time(cell, 1)).min().unwrap_or(TURN);
    let fitting = TURN.as_nanos() / quickest.as_nanos().max(1);
    usize::try_from(fitting).unwrap_or(limit).clamp(1, limit)
}

/// Over a few passes, after one that fills what is reused.
fn count_allocations(cell: &mut dyn Cell, figures: &mut Figures) {
    const PASSES: usize = 4;
    cell.prepare(PASSES);
    peers_measured(cell);
    cell.prepare(PASSES);
    let (calls, bytes) = allocations::counted(|| peers_measured(cell));
    let packets = (PASSES * cell.packets()) as f64;
    figures.allocations = calls as f64 / packets;
    figures.allocated_bytes = bytes as f64 / packets;
}

/// The tenth percentile: what a round takes when nothing disturbs it.
fn quiet(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 10).copied().unwrap_or(f64::NAN)
}

/// Passes of the shorter and of the longer run under callgrind; their difference is what counts.
const SHORT: usize = 4;
const LONG: usize = 2 * SHORT;

/// Runs every cell as callgrind is to see it; the measured function is left twice for each.
pub fn under_callgrind() {
    for group in &mut groups() {
        for cell in group.entries.iter_mut().filter_map(|entry| entry.cell.as_deref_mut()) {
            warm_up(cell, LONG);
            for passes in [SHORT, LONG] {
                cell.prepare(passes);
                peers_measured(cell);
            }
        }
    }
}

fn warm_up(cell: &mut dyn Cell, passes: usize) {
    cell.prepare(passes);
    cell.run();
}

/// Instructions of every group, from one run of this program under callgrind.
pub fn instructions(groups: &mut [Group]) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let costs = callgrind(folder.path())?;
    let cells = || groups.iter().flat_map(|group| &group.entries).filter(|e| e.cell.is_some());
    let expected = 2 * cells().count();
    if costs.len() != expected {
        return Err(format!("callgrind wrote {} figures, not {expected}", costs.len()));
    }
    let entries = groups.iter_mut().flat_map(|group| &mut group.entries);
    let measured = entries.filter_map(|entry| Some((entry.cell.as_deref()?, entry.figures.as_mut()?)));
    for ((cell, figures), costs) in measured.zip(costs.chunks_exact(2)) {
        let packets = (LONG - SHORT) * cell.packets();
        figures.instructions = (costs[1] - costs[0]) as f64 / packets as f64;
    }
    Ok(())
}

/// The instruction counts of all runs of the measured function, in their order.
fn callgrind(folder: &Path) -> Result<Vec<i64>, String> {
    let program = std::env::current_exe().map_err(|e| format!("own path unknown: {e}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .args(["--toggle-collect=peers_measured", "--dump-after=peers_measured"])
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(program)
        .arg("under-callgrind")
        .output()
        .map_err(|e| format!("valgrind does not run: {e}"))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("the run under valgrind failed: {message}"));
    }
    (1..)
        .map(|n| folder.join(format!("out.{n}")))
        .take_while(|path| path.exists())
        .map(|path| total(&path))
        .collect()
}

/// The sum that a file of callgrind's ends with.
fn total(path: &Path) -> Result<i64, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let number = line.ok_or_else(|| format!("{}: no totals", path.display()))?;
    number.trim().parse().map_err(|e| format!("{}: {e}", path.display()))
}

/// One cell alone, for a profiler: `passes` over the stream of the workload.
pub fn one(version: &str, direction: &str, workload: &str, peer: &str, passes: &str) -> Result<(), String> {
    let passes = passes.parse().map_err(|e| format!("{passes}: {e}"))?;
    let mut groups = groups();
    let found = groups
        .iter_mut()
        .filter(|g| g.version.name() == version && g.direction.name() == direction && g.workload == workload)
        .flat_map(|group| &mut group.entries)
        .find(|entry| entry.peer == peer)
        .ok_or_else(|| format!("there is no {version} {direction} '{workload}' of {peer}"))?;
    let remark = found.remark.clone().unwrap_or_default();
    let cell = found.cell.as_deref_mut().ok_or(remark)?;
    let time = time(cell, passes);
    let packets = passes * cell.packets();
    println!("{packets} packets in {time:?}");
    Ok(())
}
