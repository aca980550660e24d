//! The commands of README.md print what stands there.

use std::process::Command;

use crate::process::run_with;
use crate::server::{Folder, Mosquitto, Wanted};

/// The commands of a page, each with the lines that it prints.
pub(crate) fn commands(page: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                commands.push((command.to_owned(), String::new()));
            } else {
                let printed = &mut commands.last_mut().unwrap().1;
                printed.push_str(line);
                printed.push('\n');
            }
        }
    }
    commands
}

#[test]
fn the_commands_print_what_the_page_says() {
    let server = Mosquitto::start(Wanted::default());
    let folder = Folder::new();
    let client = env!("CARGO_BIN_EXE_mqtt-client");
    let commands = commands(include_str!("../../README.md"));
    assert!(commands.len() >= 10);
    for (command, expected) in commands {
        // The page's server is at the usual port.
        let placed = format!(
            "mqtt-client() {{ \"{client}\" \"$@\" -h 127.0.0.1 -p {}; }}\n{command} 2>&1\ncode=$?\n[ $code = 0 ] || echo \"(exit code $code)\"",
            server.port
        );
        let ended = run_with(Command::new("bash").args(["-c", &placed]).current_dir(&folder.0), b"");
        let printed = ended.stdout.replace("\n(exit", " (exit");
        assert_eq!(printed, expected.trim_end(), "{command}");
    }
}
