//! Rules by implementations, in Markdown and in HTML.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Tally;
use crate::case::Version;
use crate::results::{Outcome, Results};
use crate::rules::{Rule, Rules, coverage};
use crate::suite::Prepared;

/// A cell: how the cases of a rule came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    tally: Tally,
    /// How the failing ones differ: name and count.
    differences: Vec<(&'static str, usize)>,
}

impl Cell {
    fn text(&self) -> String {
        if self.tally.counted() == 0 {
            return if self.tally.free > 0 { "~".to_owned() } else { "-".to_owned() };
        }
        if self.tally.failed == 0 {
            return "yes".to_owned();
        }
        let words: Vec<String> =
            self.differences.iter().map(|(name, count)| format!("{name} {count}")).collect();
        format!("{} of {} ({})", self.tally.passed, self.tally.counted(), words.join(", "))
    }
}

/// The matrix: a row for each rule that a codec can see.
#[derive(Debug)]
pub struct Matrix<'a> {
    decoders: Vec<String>,
    rows: Vec<(&'a Rule, Vec<Cell>)>,
}

/// Works out the matrix.
pub fn of<'a>(rules: &'a Rules, cases: &[Prepared], all: &[Results]) -> Matrix<'a> {
    let shown = coverage(rules, cases);
    let mut rows = Vec::new();
    for rule in rules.all.iter().filter(|rule| rule.level.is_for_codecs()) {
        let Some(shown) = shown.get(&rule.label()) else { continue };
        let of_rule: Vec<&Prepared> = shown.keeps.iter().chain(&shown.breaks).copied().collect();
        rows.push((rule, all.iter().map(|results| cell(results, &of_rule)).collect()));
    }
    Matrix { decoders: all.iter().map(|results| results.decoder.name.clone()).collect(), rows }
}

fn cell(results: &Results, cases: &[&Prepared]) -> Cell {
    let mut differences: BTreeMap<&'static str, usize> = BTreeMap::new();
    for case in cases {
        if let Outcome::Fail(failure) = results.of(case) {
            *differences.entry(failure.difference.name()).or_default() += 1;
        }
    }
    let mut differences: Vec<_> = differences.into_iter().collect();
    differences.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Cell { tally: Tally::of(results, cases.iter().copied()), differences }
}

impl Matrix<'_> {
    /// The rows of a version in Markdown.
    pub fn markdown(&self, version: Version) -> String {
        let mut out = format!("| rule | what it says | {} |\n", self.decoders.join(" | "));
        writeln!(out, "|---|---|{}", "---|".repeat(self.decoders.len())).expect("a String takes everything");
        for (rule, cells) in self.rows.iter().filter(|(rule, _)| rule.version == version) {
            let cells: Vec<String> = cells.iter().map(Cell::text).collect();
            writeln!(out, "| {} | {} | {} |", rule.id, escaped(&rule.summary), cells.join(" | "))
                .expect("a String takes everything");
        }
        out
    }

    /// All of it as a page.
    pub fn html(&self) -> String {
        let heads: String = self.decoders.iter().map(|name| format!("<th>{}</th>", plain(name))).collect();
        let mut body = String::new();
        for (rule, cells) in &self.rows {
            let cells: String = cells
                .iter()
                .map(|cell| {
                    let class = match (cell.tally.counted(), cell.tally.failed) {
                        (0, _) => "none",
                        (_, 0) => "good",
                        _ => "bad",
                    };
                    format!("<td class=\"{class}\">{}</td>", plain(&cell.text()))
                })
                .collect();
            writeln!(
                body,
                "<tr><td>{}</td><td>{}</td><td>{}</td>{cells}</tr>",
                rule.version.name(),
                rule.id,
                plain(&rule.summary)
            )
            .expect("a String takes everything");
        }
        format!(
            "<!doctype html>\n<meta charset=\"utf-8\">\n<title>MQTT conformance of codecs</title>\n<style>\
             body {{ font: 14px sans-serif }} table {{ border-collapse: collapse }} \
             td, th {{ border: 1px solid #ccc; padding: 2px 6px; text-align: left; vertical-align: top }} \
             th {{ position: sticky; top: 0; background: #fff }} .good {{ background: #dfd }} .bad {{ background: #fdd }} .none {{ color: #999 }}\
             </style>\n<table>\n<tr><th>version</th><th>rule</th><th>what it says</th>{heads}</tr>\n{body}</table>\n"
        )
    }
}

/// Text for a cell of a Markdown table.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
