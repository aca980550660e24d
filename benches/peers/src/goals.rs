//! What was aimed at, as ratios of times and as instructions.

use std::fmt::Write;

use crate::checks::{self, Checks};
use crate::measure::{Direction, Figures, Group};
use crate::peers::{BUF, BUILT, BYTES_MUT, COPYING, FRAME, HELPER, OURS, SLICE};
use crate::workload::Version::{self, V5, V311};

pub struct Goal {
    pub title: String,
    /// A ratio of times, which has to be at least the bound, or instructions, at most the bound.
    pub value: f64,
    pub bound: f64,
    pub reached: bool,
    /// What it was compared with.
    pub against: String,
}

/// Every goal that the measured groups say something about.
pub fn all(groups: &[Group]) -> Vec<Goal> {
    let all = All { groups, checks: Version::ALL.map(|version| (version, checks::all(version))) };
    let mut goals = Vec::new();
    goals.extend(all.against(Direction::Decode, V5, "mixed", OURS, "rumqttc", 4.0));
    goals.extend(all.fastest("all others", 1.3, Direction::Decode, V311, "mixed", OURS, |_| true));
    goals.extend(all.against(Direction::Decode, V5, "mixed", HELPER, "rumqttc", 3.2));
    goals.extend(all.against(Direction::Decode, V5, "mixed", FRAME, "rumqttc", 2.5));
    goals.extend(all.against(Direction::ReadAll, V5, "mixed", OURS, "rumqttc", 2.5));
    for group in groups {
        let (direction, version, workload) = (group.direction, group.version, group.workload);
        let each = |way, bounds: [f64; 2], first: fn(&Checks) -> bool| {
            let strict = all.fastest("those that check", bounds[0], direction, version, workload, way, first);
            let lax =
                all.fastest("those that do not", bounds[1], direction, version, workload, way, move |c| {
                    !first(c)
                });
            strict.into_iter().chain(lax)
        };
        match direction {
            Direction::Decode => goals.extend(each(OURS, [1.0, 0.9], Checks::checks_strings)),
            Direction::ReadAll => goals.extend(each(OURS, [1.0, 1.0], Checks::checks_strings)),
            Direction::Encode => {
                for way in [OURS, BUILT, BUF, BYTES_MUT, SLICE] {
                    goals.extend(each(way, [1.0, 1.0 / 1.15], Checks::refuses));
                }
                if group.bytes / group.packets >= 1024 {
                    goals.extend(all.against(direction, version, workload, OURS, COPYING, 1.0 / 1.03));
                }
            }
            Direction::Answer | Direction::Deliver => {
                goals.extend(each(OURS, [1.0, 1.0 / 1.15], Checks::refuses))
            }
        }
    }
    for (direction, version, workload, way, most) in [
        (Direction::Answer, V5, "six answers", OURS, 200.0),
        (Direction::Encode, V5, "CONNACK, 10 properties", BUILT, 420.0),
        (Direction::Encode, V5, "CONNACK, 10 properties", BUF, 250.0),
        (Direction::Encode, V5, "PUBLISH, 5 properties", BUILT, 450.0),
        (Direction::Encode, V5, "PUBLISH, 5 properties", BUF, 230.0),
        // To append two bytes to a `Vec` takes more: see memcpy.
        (Direction::Encode, V311, "CONNECT, full", SLICE, 310.0),
        (Direction::Encode, V5, "PINGREQ", SLICE, 27.0),
        (Direction::Encode, V5, "PUBACK", SLICE, 31.0),
        (Direction::Encode, V311, "PUBACK", SLICE, 31.0),
    ] {
        goals.extend(all.instructions(direction, version, workload, way, most));
    }
    goals
}

struct All<'a> {
    groups: &'a [Group],
    checks: [(Version, Vec<Checks>); 2],
}

impl All<'_> {
    fn group(&self, direction: Direction, version: Version, workload: &str) -> Option<&Group> {
        self.groups.iter().find(|g| (g.direction, g.version, g.workload) == (direction, version, workload))
    }

    fn against(
        &self,
        direction: Direction,
        version: Version,
        workload: &str,
        way: &str,
        other: &str,
        least: f64,
    ) -> Option<Goal> {
        let group = self.group(direction, version, workload)?;
        let value = group.nanoseconds(other)? / group.nanoseconds(way)?;
        Some(ratio(title(group, way), value, least, other.to_owned()))
    }

    #[allow(clippy::too_many_arguments, reason = "one call names one goal")]
    fn fastest(
        &self,
        among: &str,
        least: f64,
        direction: Direction,
        version: Version,
        workload: &str,
        way: &str,
        chosen: impl Fn(&Checks) -> bool,
    ) -> Option<Goal> {
        let group = self.group(direction, version, workload)?;
        let (_, checks) = self.checks.iter().find(|(v, _)| *v == version)?;
        let is_chosen = |name: &str| checks.iter().any(|checks| checks.name == name && chosen(checks));
        let by_time = |a: &(&str, Figures), b: &(&str, Figures)| a.1.nanoseconds.total_cmp(&b.1.nanoseconds);
        // Above 4 KiB ntex-mqtt passes payloads on by reference: nothing is written.
        let writes = |name: &str| {
            name != "ntex-mqtt" || direction != Direction::Encode || group.bytes / group.packets <= 4096
        };
        let others = group.others().filter(|(name, _)| is_chosen(name) && writes(name));
        let (name, figures) = others.min_by(by_time)?;
        let value = figures.nanoseconds / group.nanoseconds(way)?;
        Some(ratio(title(group, way), value, least, format!("{name}, the fastest of {among}")))
    }

    fn instructions(
        &self,
        direction: Direction,
        version: Version,
        workload: &str,
        way: &str,
        most: f64,
    ) -> Option<Goal> {
        let group = self.group(direction, version, workload)?;
        let value = group.figures(way)?.instructions;
        let title = format!("{}, instructions", title(group, way));
        // Times alone were taken.
        (value > 0.0).then(|| Goal {
            title,
            value,
            bound: most,
            reached: value <= most,
            against: "-".to_owned(),
        })
    }
}

fn title(group: &Group, way: &str) -> String {
    let way = if way == OURS { String::new() } else { format!(", {way}") };
    format!("{} {} {}{way}", group.direction.name(), group.version.name(), group.workload)
}

fn ratio(title: String, value: f64, least: f64, against: String) -> Goal {
    Goal { title, value, bound: least, reached: value >= least, against }
}

/// The goals that were missed, each in a row, and how many there are.
pub fn markdown(goals: &[Goal]) -> String {
    let missed: Vec<&Goal> = goals.iter().filter(|goal| !goal.reached).collect();
    let mut out = format!("{} of {} are reached.", goals.len() - missed.len(), goals.len());
    if missed.is_empty() {
        out.push('\n');
        return out;
    }
    out.push_str(
        " Missed (times of the other over ours have to be at least the bound, instructions at most):\n\n",
    );
    out.push_str("| what | is | bound | against |\n|---|---:|---:|---|\n");
    for goal in missed {
        let _ = writeln!(out, "| {} | {} |", goal.title, row(goal));
    }
    out
}

fn row(Goal { value, bound, against, .. }: &Goal) -> String {
    let digits = if *bound > 20.0 { 0 } else { 2 };
    format!("{value:.digits$} | {bound:.digits$} | {against}")
}
