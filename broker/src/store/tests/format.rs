//! Files of each format that there was.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use tempfile::tempdir;

use super::script;
use crate::store::{Disk, FILE, Store, dump};

/// The folder with a file of each format and what is in it.
fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// A file is a promise to every later version.
#[test]
fn a_file_of_format_1_opens() {
    let folder = tempdir().unwrap();
    let mut file = GzDecoder::new(File::open(data().join("format-1.redb.gz")).unwrap());
    io::copy(&mut file, &mut File::create(folder.path().join(FILE)).unwrap()).unwrap();
    let mut disk = Disk::open_in(folder.path()).unwrap();
    let mut text = Vec::new();
    dump::write(&disk.check().unwrap(), &mut text).unwrap();
    let expected = fs::read_to_string(data().join("format-1.jsonl")).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    disk.commit(&script::commits(1, 1)[0]).unwrap();
}

/// Makes the file, once, when there is a new format.
#[test]
#[ignore = "makes what the other test opens"]
fn make_the_file() {
    let folder = tempdir().unwrap();
    let mut disk = Disk::open_in(folder.path()).unwrap();
    for changes in script::commits(11, 60) {
        disk.commit(&changes).unwrap();
    }
    disk.compact().unwrap();
    let mut text = Vec::new();
    dump::write(&disk.load().unwrap(), &mut text).unwrap();
    drop(disk);
    fs::write(data().join("format-1.jsonl"), text).unwrap();
    let mut file = GzEncoder::new(File::open(folder.path().join(FILE)).unwrap(), Compression::best());
    io::copy(&mut file, &mut File::create(data().join("format-1.redb.gz")).unwrap()).unwrap();
}
