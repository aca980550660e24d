//! Makes the cases of `corpus/conformance` from the standards' tables.
//!
//! Nothing in here may use the library: what it is judged by must not come from it.

mod draft;
mod families;
mod family;
mod labels;
mod model;
mod tables;
mod write;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The files of the suite: name and text.
pub fn files() -> Vec<(String, String)> {
    families::all().iter().map(|family| (format!("{}.toml", family.name), write::file(family))).collect()
}

/// The packet of those bytes, by the decoder that follows the tables; `None` when they are not just that.
pub fn value(bytes: &[u8], version: crate::case::Version) -> Option<serde_json::Value> {
    use crate::case::Version;
    let version = match version {
        Version::V31 => tables::Version::V31,
        Version::V311 => tables::Version::V311,
        Version::V5 => tables::Version::V5,
    };
    match model::decode(bytes, &model::Rules::of(version)) {
        model::Verdict::Packet { value, length } if length == bytes.len() => Some(value),
        _ => None,
    }
}

/// Writes the files into a folder.
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

/// The files of the folder that differ from what would be written, and those that nothing would write.
///
/// # Errors
/// When the folder cannot be read.
pub fn differences(folder: &Path) -> Result<Vec<String>> {
    let files = files();
    let mut different = Vec::new();
    for (name, text) in &files {
        if fs::read_to_string(folder.join(name)).ok().as_ref() != Some(text) {
            different.push(name.clone());
        }
    }
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "toml")
            && !files.iter().any(|(known, _)| *known == name)
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
