//! `mqtt-broker`: an MQTT broker in one program.

mod run;
mod signal;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use mqtt_broker::config::{Config, Flags};
use mqtt_broker::store;
use mqtt_broker::tools::Tool;

/// An MQTT broker for 3.1, 3.1.1 and 5.0.
///
/// Without any flags it listens on 127.0.0.1:1883, lets everyone in, and keeps its state in the folder mqtt-data.
#[derive(Debug, Parser)]
#[command(name = "mqtt-broker", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    tool: Option<Tool>,
    #[command(flatten)]
    flags: Flags,
}

/// What is wrong with the command line or the configuration.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    store::print_no_panic_of_damaged_files();
    if let Some(tool) = cli.tool {
        return match tool.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("{error:#}"), 1),
        };
    }
    let config = match Config::load(&cli.flags) {
        Ok(config) => config,
        Err(error) => return fail(&error, USAGE),
    };
    if let Err(error) = run::check_files(&config) {
        return fail(&error, USAGE);
    }
    if cli.flags.check_config {
        return match writeln!(std::io::stdout(), "the configuration is good") {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, 1),
        };
    }
    match run::run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}"), 1),
    }
}

fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // Nobody else can be told.
    let _ = writeln!(std::io::stderr(), "mqtt-broker: {error}");
    ExitCode::from(code)
}
