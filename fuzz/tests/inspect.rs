//! Replays the corpus of the target `inspect`, without a fuzzer.

#![allow(dead_code, reason = "the program's own `main` is not here")]

include!("../src/inspect.rs");

// The program's own tests come along.
#[path = "../../inspect/src/transport_tests.rs"]
mod transport_tests;

#[test]
fn the_corpus_holds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/fuzz/inspect");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    assert!(!files.is_empty(), "no corpus");
    for file in files {
        let bytes = fs::read(&file).expect("a file that can be read");
        let held = std::panic::catch_unwind(|| run(&bytes));
        assert!(held.is_ok(), "{}", file.display());
    }
}
