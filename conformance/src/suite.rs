//! The whole suite, read and checked.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::case::{Case, Expected, Family, Question};

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

/// Where the suite stands in this repository.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/conformance")
}

/// Reads every family of a folder.
///
/// # Errors
/// When a file cannot be read or a case is not well-formed; the message names it.
pub fn families(folder: &Path) -> Result<Vec<(String, Family)>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    ensure!(!files.is_empty(), "{} holds no cases", folder.display());
    files.iter().map(|path| family(path).with_context(|| path.display().to_string())).collect()
}

fn family(path: &Path) -> Result<(String, Family)> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, toml::from_str(&fs::read_to_string(path)?)?))
}

/// Reads one case of a folder, and no more than its family.
///
/// # Errors
/// As for [`load`], and when there is no such case.
pub fn load_one(folder: &Path, id: &str) -> Result<Prepared> {
    let name = id.split('/').next().unwrap_or_default();
    let (_, family) = family(&folder.join(format!("{name}.toml")))?;
    let case = family.cases.into_iter().find(|case| case.id == id);
    prepare(case.with_context(|| format!("there is no case {id}"))?)
}

/// Reads all cases of a folder.
///
/// # Errors
/// As for [`families`], and when two cases have the same id.
pub fn load(folder: &Path) -> Result<Vec<Prepared>> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for (name, family) in families(folder)? {
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
