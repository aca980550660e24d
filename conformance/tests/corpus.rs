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

#[test]
fn the_files_keep_the_schema() {
    let folder = suite::folder();
    let schema = std::fs::read_to_string(folder.join("schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        files += 1;
        let family: serde_json::Value = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&family)
            .map(|error| format!("{}: {error:.200}", error.instance_path))
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
    }
    assert!(files > 20, "{files} files");
}
