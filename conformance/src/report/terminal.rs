//! A table for the terminal.

use std::fmt::Write as _;

use super::{Tally, by_family};
use crate::results::{Outcome, Results};
use crate::suite::Prepared;

/// Failures of one decoder that are printed in words.
const SHOWN: usize = 20;

/// Families by decoders, and the failures of a single decoder.
pub fn text(cases: &[Prepared], all: &[Results]) -> String {
    let mut rows = vec![vec!["family".to_owned(), "cases".to_owned()]];
    rows[0].extend(all.iter().map(|results| format!("{} {}", results.decoder.name, results.decoder.version)));
    for (family, cases) in by_family(cases) {
        rows.push(row(family, &cases, all));
    }
    rows.push(row("all", &cases.iter().collect::<Vec<_>>(), all));
    let mut out = align(&rows);
    out.push_str("\npassed, failed; ~ left open by the standard and decided otherwise; - unsupported: it cannot be asked\n");
    if let [results] = all {
        out.push_str(&failures(cases, results));
    }
    out
}

fn row(name: &str, cases: &[&Prepared], all: &[Results]) -> Vec<String> {
    let mut row = vec![name.to_owned(), cases.len().to_string()];
    for results in all {
        let tally = Tally::of(results, cases.iter().copied());
        let mut parts = Vec::new();
        if tally.counted() > 0 {
            parts.push(format!("{}", tally.passed));
        }
        if tally.failed > 0 {
            parts.push(format!("{} failed", tally.failed));
        }
        if tally.free > 0 {
            parts.push(format!("~{}", tally.free));
        }
        if tally.unsupported > 0 {
            parts.push(format!("-{}", tally.unsupported));
        }
        row.push(parts.join(", "));
    }
    row
}

fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn failures(cases: &[Prepared], results: &Results) -> String {
    let mut out = String::new();
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| match results.of(case) {
            Outcome::Fail(failure) => Some((case, failure)),
            _ => None,
        })
        .collect();
    for (case, failure) in failed.iter().take(SHOWN) {
        let text = failure.text.replace('\n', "\n  ");
        writeln!(out, "\n{}: {}\n  {text}", case.case.id, case.case.title)
            .expect("a String takes everything");
    }
    if failed.len() > SHOWN {
        writeln!(out, "\nand {} more; --json and --junit have them all", failed.len() - SHOWN)
            .expect("a String takes everything");
    }
    out
}
