//! The rules of the standards, and which cases show them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use crate::case::Version;
use crate::source::Source;
use crate::suite::Prepared;

/// A rule: a numbered statement, or one that the standard states without a number.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The standard's version.
    pub version: Version,
    /// The label: `MQTT-3.3.1-4`, or `U-` and a section for an unnumbered one.
    pub id: String,
    /// The section.
    pub section: String,
    /// Who can see it kept.
    pub level: Level,
    /// What it says.
    pub summary: String,
}

/// Who can see a rule kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One packet's bytes decide it.
    Packet,
    /// Topic names, filters, matching.
    Topic,
    /// Framing.
    Stream,
    /// A packet and who sent it, or the version.
    Context,
    /// A receiver may ask for it.
    Option,
    /// It needs the history of the connection or the session.
    Session,
    /// Authorisation, storage, delivery, transport.
    Application,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 7] = [
        Self::Packet,
        Self::Topic,
        Self::Stream,
        Self::Context,
        Self::Option,
        Self::Session,
        Self::Application,
    ];

    /// The word of the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packet => "packet",
            Self::Topic => "topic",
            Self::Stream => "stream",
            Self::Context => "context",
            Self::Option => "option",
            Self::Session => "session",
            Self::Application => "application",
        }
    }

    /// Whether a codec can show it.
    pub const fn is_for_codecs(self) -> bool {
        !matches!(self, Self::Session | Self::Application)
    }

    fn of(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|level| level.name() == name)
            .with_context(|| format!("{name} is no level"))
    }
}

impl Rule {
    /// Whether the standard gives it a number.
    pub fn is_numbered(&self) -> bool {
        self.id.starts_with("MQTT-")
    }

    /// The label with its version, as cases name it.
    pub fn label(&self) -> String {
        format!("{} {}", self.version.name(), self.id)
    }
}

/// The rules, in the order of the standards, and the sides that no bytes can show.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Every rule.
    pub all: Vec<Rule>,
    /// Why no case breaks a rule, by its label.
    pub never_broken: BTreeMap<String, String>,
}

/// Reads the rules in the folder `rules` of the suite.
///
/// # Errors
/// When a table cannot be read.
pub fn load(source: &Source) -> Result<Rules> {
    let mut all = Vec::new();
    for (file, version) in [
        ("unnumbered-3.1.tsv", Version::V31),
        ("mqtt-3.1.1.tsv", Version::V311),
        ("unnumbered-3.1.1.tsv", Version::V311),
        ("mqtt-5.0.tsv", Version::V5),
        ("unnumbered-5.0.tsv", Version::V5),
    ] {
        for row in table(source, file)? {
            let [id, section, level, summary] = row.as_slice() else { bail!("{file}: {row:?}") };
            all.push(Rule {
                version,
                id: id.clone(),
                section: section.clone(),
                level: Level::of(level)?,
                summary: summary.clone(),
            });
        }
    }
    let mut never_broken = BTreeMap::new();
    for row in table(source, "one-sided.tsv")? {
        let [version, id, side, reason] = row.as_slice() else { bail!("one-sided.tsv: {row:?}") };
        ensure!(side == "breaks", "one-sided.tsv: {side}");
        let label = format!("{version} {id}");
        ensure!(all.iter().any(|rule| rule.label() == label), "one-sided.tsv: there is no {label}");
        never_broken.insert(label, reason.clone());
    }
    Ok(Rules { all, never_broken })
}

fn table(source: &Source, file: &str) -> Result<Vec<Vec<String>>> {
    let text = source.text(&format!("rules/{file}"))?;
    Ok(text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

/// The cases of a rule: those that keep it and those that break it.
#[derive(Debug, Clone, Default)]
pub struct Shown<'a> {
    /// Cases in which nothing is wrong.
    pub keeps: Vec<&'a Prepared>,
    /// Cases that are refused for it, or that it keeps a filter from matching.
    pub breaks: Vec<&'a Prepared>,
}

/// The cases of every rule, by label.
pub fn coverage<'a>(rules: &Rules, cases: &'a [Prepared]) -> BTreeMap<String, Shown<'a>> {
    let mut shown: BTreeMap<String, Shown<'a>> =
        rules.all.iter().map(|rule| (rule.label(), Shown::default())).collect();
    for case in cases {
        for label in &case.case.rules {
            let shown = shown.entry(label.clone()).or_default();
            if case.case.keeps() { &mut shown.keeps } else { &mut shown.breaks }.push(case);
        }
    }
    shown
}

/// What is missing: rules for codecs without a case on either side, and labels that no rule has.
pub fn gaps(rules: &Rules, cases: &[Prepared]) -> Vec<String> {
    let shown = coverage(rules, cases);
    let mut gaps = Vec::new();
    for (label, shown) in &shown {
        let Some(rule) = rules.all.iter().find(|rule| rule.label() == *label) else {
            gaps.push(format!("{label} is no rule, but cases name it"));
            continue;
        };
        if !rule.level.is_for_codecs() {
            continue;
        }
        if shown.keeps.is_empty() {
            gaps.push(format!("{label}: no case keeps it"));
        }
        match (shown.breaks.is_empty(), rules.never_broken.contains_key(label)) {
            (true, false) => gaps.push(format!("{label}: no case breaks it")),
            (false, true) => {
                gaps.push(format!("{label} is said never to be broken, but {} cases do", shown.breaks.len()));
            }
            _ => {}
        }
    }
    gaps
}
