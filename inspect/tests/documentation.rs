//! `JSON.md`: what it shows is what the program prints.

mod support;

use serde_json::{Deserializer, Value};
use support::run_with;

const JSON: &str = include_str!("../JSON.md");

/// The commands of the page with what stands below each.
fn examples() -> Vec<(String, Vec<Value>)> {
    JSON.split("```console\n$ ")
        .skip(1)
        .map(|example| {
            let (command, rest) = example.split_once('\n').expect("a command");
            let (output, _) = rest.split_once("```").expect("an end");
            let objects =
                Deserializer::from_str(output).into_iter().map(|value| value.expect(command)).collect();
            (command.to_owned(), objects)
        })
        .collect()
}

#[test]
fn every_example_is_what_is_printed() {
    let examples = examples();
    assert!(examples.len() > 25);
    let mut types = std::collections::BTreeSet::new();
    for (command, expected) in examples {
        assert!(!expected.is_empty(), "{command}");
        let (input, command) = match command.split_once(" | ") {
            Some((printf, command)) => {
                (printf.split('\'').nth(1).expect("quoted input").to_owned(), command.to_owned())
            }
            None => (String::new(), command),
        };
        let args: Vec<&str> = command.split_whitespace().skip(1).map(|word| word.trim_matches('"')).collect();
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
        let args: Vec<String> =
            args.iter().map(|word| word.replace("corpus/", &format!("{root}corpus/"))).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_eq!(run_with(&args, input.as_bytes()).json(), expected, "{command}");
        types.extend(expected.iter().filter_map(|object| object["type"].as_str().map(str::to_owned)));
    }
    assert_eq!(types.len(), 15, "an example of each packet: {types:?}");
}
