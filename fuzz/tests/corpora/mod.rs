//! What the tests of several targets share: their corpora are replayed, and their seeds written.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};

/// What a target does with an input; it panics when something does not hold.
pub(crate) type Oracle = fn(&[u8]);

/// A folder of the repository's `corpus`.
pub(crate) fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(name)
}

/// The files of a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// Gives each target the inputs of its corpus.
pub(crate) fn replay(targets: &[(&str, Oracle)]) {
    for (target, oracle) in targets {
        let files = files(&corpus("fuzz").join(target));
        assert!(!files.is_empty(), "no corpus of {target}");
        for file in files {
            let bytes = fs::read(&file).expect("a file that can be read");
            let held = std::panic::catch_unwind(|| oracle(&bytes));
            assert!(held.is_ok(), "{}", file.display());
        }
    }
}

/// Writes a seed of a target into the folder that `FUZZ_SEEDS` names.
pub(crate) fn put(target: &str, name: &str, bytes: &[u8]) {
    let folder = PathBuf::from(std::env::var_os("FUZZ_SEEDS").expect("FUZZ_SEEDS names a folder"));
    let folder = folder.join(target);
    fs::create_dir_all(&folder).expect("a folder that can be made");
    fs::write(folder.join(name), bytes).expect("a file that can be written");
}
