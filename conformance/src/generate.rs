//! Makes the cases of `corpus/conformance` that follow from the standards' tables, and holds the others, which are
//! edited by hand, against the same plain decoder.
//!
//! Nothing in here may use the library: what it is judged by must not come from it.

mod check;
mod draft;
mod families;
mod family;
mod labels;
mod model;
mod tables;
mod write;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::case;
use crate::source::Source;
use crate::suite::Prepared;

/// The generated files of the suite: name and text.
pub fn files() -> Vec<(String, String)> {
    families::all().iter().map(|family| (format!("{}.toml", family.name), write::file(family))).collect()
}

const fn version_of(version: case::Version) -> tables::Version {
    match version {
        case::Version::V31 => tables::Version::V31,
        case::Version::V311 => tables::Version::V311,
        case::Version::V5 => tables::Version::V5,
    }
}

const fn sender_of(sender: case::Sender) -> tables::Sender {
    match sender {
        case::Sender::Client => tables::Sender::Client,
        case::Sender::Server => tables::Sender::Server,
    }
}

/// The packet of those bytes, by the decoder that follows the tables; `None` when they are not just that.
pub fn value(bytes: &[u8], version: case::Version) -> Option<serde_json::Value> {
    match model::decode(bytes, &model::Rules::of(version_of(version))) {
        model::Verdict::Packet { value, length } if length == bytes.len() => Some(value),
        _ => None,
    }
}

/// Where cases say something else than the decoder that follows the tables, a line each.
pub fn disagreements(cases: &[Prepared]) -> Vec<String> {
    let mut all = Vec::new();
    for prepared in cases {
        let case = &prepared.case;
        for version in &case.versions {
            let lines = check::disagreements(prepared, version_of(*version));
            all.extend(lines.into_iter().map(|line| format!("{} by {}: {line}", case.id, version.name())));
        }
        let known = |rule: &String| {
            case.versions.iter().any(|version| rule.starts_with(&format!("{} ", version.name())))
        };
        all.extend(
            case.rules
                .iter()
                .filter(|rule| !known(rule))
                .map(|rule| format!("{}: {rule} is of no version of the case", case.id)),
        );
    }
    all
}

/// A case of one packet's bytes, as text to be put into a file and completed: the expectation is what the decoder that
/// follows the tables says, and the rules are those of an error.
///
/// # Errors
/// When the bytes are not in the notation, or hold more than one packet.
pub fn draft(notation: &str, version: case::Version, sender: Option<case::Sender>) -> Result<String> {
    let bytes = crate::hex::parse(notation)?;
    let mut rules = model::Rules::of(version_of(version));
    rules.sender = sender.map(sender_of);
    if let model::Verdict::Packet { length, .. } = model::decode(&bytes, &rules) {
        ensure!(length == bytes.len(), "the packet takes {length} of {} bytes", bytes.len());
    }
    let mut family = family::Family::new("FAMILY", "");
    let bytes = family::Bytes { rules, bytes, text: format!("{}\n", notation.trim()) };
    family.packet("NAME", "TITLE", bytes, family::Says::Model, &[]);
    Ok(write::cases(&family))
}

/// Writes the generated files into a folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write_to(folder: &Path) -> Result<()> {
    for (name, text) in files() {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The files of the suite that differ from what would be written, and those that say they are generated although
/// nothing would write them.
///
/// # Errors
/// When the suite cannot be read.
pub fn differences(source: &Source) -> Result<Vec<String>> {
    let files = files();
    let mut different = Vec::new();
    for (name, text) in &files {
        if source.text(name).ok().as_deref() != Some(text) {
            different.push(name.clone());
        }
    }
    for name in source.families()? {
        if !files.iter().any(|(known, _)| *known == name)
            && source.text(&name).is_ok_and(|text| text.starts_with(write::GENERATED))
        {
            different.push(name);
        }
    }
    Ok(different)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A suite that asks the library what is right would find no fault in it.
    #[test]
    fn the_generator_does_not_know_the_library() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generate");
        let mut folders = vec![source];
        let library = ["mqtt", "wire"].join("_");
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    assert!(!fs::read_to_string(&path).unwrap().contains(&library), "{}", path.display());
                }
            }
        }
    }
}
