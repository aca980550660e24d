//! `README.md`: every command of it runs, and shows something.
#![cfg(unix)]

#[path = "support/proxy.rs"]
mod running;
mod support;

use std::collections::BTreeSet;

use running::Program;
use support::run;

const README: &str = include_str!("../README.md");
const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures/mosqauth_mosqcli_v5.pcap");

/// The commands of the page, without comments.
fn commands() -> impl Iterator<Item = &'static str> {
    let blocks = README.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ "));
    lines.map(|line| line.split("  #").next().unwrap().trim())
}

/// Words as a shell makes them of blanks and quotes, and where the output goes.
fn words(command: &str) -> (Vec<String>, bool) {
    let command = command.split(" | ").find(|part| part.starts_with("mqtt-inspect")).expect(command);
    let (command, into_file) = match command.split_once(" > ") {
        Some((command, _)) => (command, true),
        None => (command, false),
    };
    let mut words = vec![];
    for (index, part) in command.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    (words.split_off(1), into_file)
}

/// Reads a file of the page.
fn with_files(word: &str, folder: &std::path::Path) -> String {
    match word {
        "capture.pcap" | "capture.pcapng" => CAPTURE.to_owned(),
        "stream.bin" | "traffic.pcapng" | "page.html" => folder.join(word).display().to_string(),
        "1884" => "0".to_owned(),
        word => word.to_owned(),
    }
}

#[test]
fn every_command_runs_and_shows_something() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("stream.bin"), support::CONNECT).unwrap();
    let mut options = BTreeSet::new();
    let mut count = 0;
    for command in commands() {
        count += 1;
        let (words, _) = words(command.split(" < ").next().unwrap());
        options.extend(words.iter().filter(|word| word.starts_with('-')).cloned());
        let args: Vec<String> = words.iter().map(|word| with_files(word, folder.path())).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        match args.as_slice() {
            ["proxy", ..] => {
                let program = Program::start(&args, None);
                assert!(program.error().starts_with("mqtt-inspect: listening on 127.0.0.1:"), "{command}");
                program.interrupt();
                let ended = program.wait();
                assert_eq!(ended.code, 3, "{command}: no connection was made");
                assert!(ended.err.last().unwrap().contains("0 connections in "), "{command}");
            }
            // Of an interface that is none there is nothing to show.
            ["-i", _] => assert_eq!(run(&["-i", "no-such-one"]).code, 2, "{command}"),
            args => {
                let input = if command.ends_with("< lines") { "c000\n" } else { "" };
                let ran = support::run_with(args, input.as_bytes());
                // Some commands are about what is refused or broken; none finds nothing, or cannot be used.
                assert!([0, 5].contains(&ran.code), "{command}: {} {}", ran.code, ran.err);
                // A page is a file of its own.
                let page = args.iter().position(|arg| *arg == "--html").map(|at| args[at + 1]);
                match page {
                    Some(page) => assert!(std::fs::metadata(page).unwrap().len() > 0, "{command}"),
                    None => assert!(!ran.out.is_empty(), "{command}"),
                }
                assert!(!ran.out.contains("not readable"), "{command}: {}", ran.out);
            }
        }
    }
    assert!(count > 25, "{count}");
    let help = run(&["--help"]).out;
    let section = help
        .split("\nFilters:\n")
        .nth(1)
        .expect("filters")
        .split("\n\n")
        .take_while(|part| part.starts_with("  "));
    let section: String = section.flat_map(|part| [part, "\n"]).collect();
    let filters = section
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"))
        .map(|line| format!("--{}", line.split([' ', '\n']).next().unwrap()));
    let left: Vec<String> = filters.filter(|filter| !options.contains(filter)).collect();
    assert!(left.is_empty(), "filters without an example: {left:?}");
}
