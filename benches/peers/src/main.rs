//! mqtt-wire beside the other Rust codecs of MQTT: the same bytes through each, in one process and in turn.

mod allocations;
#[path = "../../common/built.rs"]
mod built;
mod checks;
mod codec;
mod frames;
mod goals;
mod measure;
mod peers;
mod report;
mod seen;
#[path = "../../common/ways.rs"]
mod ways;
mod workload;

use std::fs::OpenOptions;
use std::process::ExitCode;

use measure::Group;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const USAGE: &str = "\
usage: run FILE                                            measure everything, write the report
       run times [WORD]                                    print times alone: of the main workloads, or of those with
                                                           the word in their title (decode mixed, 3.1.1, answer)
       run goals                                           measure times alone, print the goals that are missed;
                                                           fails when there are any
       run verdicts                                        print what each codec does not check
       run one VERSION DIRECTION WORKLOAD CODEC PASSES     one codec at one workload, for a profiler
                                                           (run one 5.0 decode mixed rumqttc 1000)";

fn main() -> ExitCode {
    // Codecs that panic are caught and reported; their messages say nothing that the report does not.
    std::panic::set_hook(Box::new(|_| ()));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["under-callgrind"] => {
            measure::under_callgrind();
            Ok(())
        }
        ["times"] => {
            times("");
            Ok(())
        }
        ["times", word] => {
            times(word);
            Ok(())
        }
        ["goals"] => missed_goals(),
        ["verdicts"] => {
            print!("{}", report::verdicts());
            Ok(())
        }
        ["one", version, direction, workload, codec, passes] => {
            measure::one(version, direction, workload, codec, passes)
        }
        [file] if !file.starts_with('-') => run(file),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the times of the main workloads, or of all those whose title contains the word.
fn times(word: &str) {
    let chosen = |group: &Group| {
        if word.is_empty() { report::is_main(group) } else { report::title(group).contains(word) }
    };
    for group in &mut measure::groups().iter_mut().filter(|group| chosen(group)) {
        measure::time_and_allocations(group);
        print!("{}", report::times(group));
    }
}

/// Measures all times and prints the goals that are missed, which is an error.
fn missed_goals() -> Result<(), String> {
    let mut groups = measure::groups();
    groups.iter_mut().for_each(measure::time_and_allocations);
    let goals = goals::all(&groups);
    print!("{}", goals::markdown(&goals));
    let missed = goals.iter().filter(|goal| !goal.reached).count();
    if missed == 0 { Ok(()) } else { Err(format!("{missed} goals are missed")) }
}

/// Measures everything and writes the report to `file`.
fn run(file: &str) -> Result<(), String> {
    let unwritable = |e| format!("{file}: {e}");
    // Known before the minutes of measuring; what is there stays until the new report is.
    OpenOptions::new().append(true).create(true).open(file).map_err(unwritable)?;
    let mut groups = measure::groups();
    for group in &mut groups {
        eprintln!("{} {} {}", group.version.name(), group.direction.name(), group.workload);
        measure::time_and_allocations(group);
    }
    eprintln!("counting instructions");
    measure::instructions(&mut groups)?;
    std::fs::write(file, report::markdown(&groups)).map_err(unwritable)
}
