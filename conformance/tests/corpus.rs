//! The suite itself: complete, as generated, and of the documented form.

use mqtt_conformance::{generate, rules, suite};

#[test]
fn every_rule_is_kept_and_broken() {
    let folder = suite::folder();
    let (rules, cases) = (rules::load(&folder).unwrap(), suite::load(&folder).unwrap());
    assert_eq!(rules::gaps(&rules, &cases), Vec::<String>::new());
}

#[test]
fn the_committed_files_are_what_is_generated() {
    assert_eq!(generate::differences(&suite::folder()).unwrap(), Vec::<String>::new());
}
