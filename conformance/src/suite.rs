//! The whole suite, read and checked.

use std::collections::HashSet;

use anyhow::{Context as _, Result, ensure};

use crate::case::{Case, Expected, Family, Question};
use crate::source::Source;

/// A case, ready to be asked.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The case as it is written.
    pub case: Case,
    /// What it asks.
    pub question: Question,
    /// What it expects.
    pub expected: Expected,
}

/// Reads every family.
///
/// # Errors
/// When a file cannot be read or a case is not well-formed; the message names it.
pub fn families(source: &Source) -> Result<Vec<(String, Family)>> {
    let names = source.families()?;
    ensure!(!names.is_empty(), "the suite holds no cases");
    names.iter().map(|file| family(source, file.trim_end_matches(".toml"))).collect()
}

fn family(source: &Source, name: &str) -> Result<(String, Family)> {
    let file = format!("{name}.toml");
    let text = source.text(&file)?;
    Ok((name.to_owned(), toml::from_str(&text).with_context(|| file)?))
}

/// Reads one case, and no more than its family.
///
/// # Errors
/// As for [`load`], and when there is no such case.
pub fn load_one(source: &Source, id: &str) -> Result<Prepared> {
    let (_, family) = family(source, id.split('/').next().unwrap_or_default())?;
    let case = family.cases.into_iter().find(|case| case.id == id);
    prepare(case.with_context(|| format!("there is no case {id}"))?)
}

/// Reads all cases.
///
/// # Errors
/// As for [`families`], and when two cases have the same id.
pub fn load(source: &Source) -> Result<Vec<Prepared>> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for (name, family) in families(source)? {
        for case in family.cases {
            ensure!(case.id.starts_with(&format!("{name}/")), "{} is not of {name}", case.id);
            ensure!(seen.insert(case.id.clone()), "{} stands twice", case.id);
            all.push(prepare(case)?);
        }
    }
    Ok(all)
}

/// Reads what a case asks and expects.
///
/// # Errors
/// When the case is not well-formed.
pub fn prepare(case: Case) -> Result<Prepared> {
    let id = case.id.clone();
    ensure!(!case.versions.is_empty() && !case.rules.is_empty(), "{id}: no version or no rule");
    let question = case.question().with_context(|| id.clone())?;
    let expected = case.expected().with_context(|| id)?;
    Ok(Prepared { case, question, expected })
}
