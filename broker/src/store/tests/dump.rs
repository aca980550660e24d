//! A store as text.

use tempfile::tempdir;

use super::script;
use crate::store::{Disk, Kept, Store, dump};

fn some_kept() -> Kept {
    let folder = tempdir().unwrap();
    let mut disk = Disk::open_in(folder.path()).unwrap();
    for changes in script::commits(7, 80) {
        disk.commit(&changes).unwrap();
    }
    disk.load().unwrap()
}

fn text(kept: &Kept) -> String {
    let mut text = Vec::new();
    dump::write(kept, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_dump_makes_the_same_store_again() {
    let kept = some_kept();
    let all = (&kept.sessions, &kept.retained, &kept.wills);
    assert!(!(all.0.is_empty() || all.1.is_empty() || all.2.is_empty()));
    let text = text(&kept);
    let folder = tempdir().unwrap();
    let mut disk = Disk::open_in(folder.path()).unwrap();
    disk.commit(&dump::read(text.as_bytes()).unwrap()).unwrap();
    assert_eq!(disk.check().unwrap(), kept);
    assert_eq!(self::text(&disk.load().unwrap()), text);
}

#[test]
fn a_dump_that_is_cut_off_or_changed_is_not_taken() {
    let text = text(&some_kept());
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    for &end in ends.iter().rev().skip(1).step_by(7) {
        assert_eq!(
            dump::read(&text.as_bytes()[..end]).unwrap_err().to_string(),
            "the dump is cut off: its last line is missing"
        );
    }
    let error =
        |from: &str, to: &str| dump::read(text.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
    assert_eq!(
        error("{\"format\":1}", "{\"format\":2}"),
        "line 1: a dump of format 1 begins with that, not with 2"
    );
    assert!(error("{\"format\":1}\n", "").starts_with("line 1: a dump begins with its format"));
    assert!(
        error("\"retain_handling\":", "\"retain_handling\":7").contains("a retain handling is 0, 1 or 2")
    );
    assert!(error("\"frame\":\"", "\"frame\":\"AAAA").contains("a message is no PUBLISH"));
    assert!(error("\"record\":\"AQ", "\"record\":\"Ag").contains("not a record"));
    assert!(error("\"lines\":", "\"lines\":1").contains("lines before this one"));
    assert!(
        error("\"queued\":{\"session\":", "\"queued\":{\"session\":999").contains("there is no session 999")
    );
}
