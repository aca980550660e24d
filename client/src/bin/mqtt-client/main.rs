//! `mqtt-client`: publishes, subscribes, asks and measures from the command line.

mod arguments;
mod bench;
mod failure;
mod format;
mod properties;
mod publish;
mod request;
mod subscribe;

use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// What is printed without arguments.
const OVERVIEW: &str = "\
mqtt-client publishes and subscribes over MQTT 3.1, 3.1.1 and 5.0: plain, TLS and WebSocket, QoS 0 to 2.

  mqtt-client sub -h localhost -t 'rumahkami/+/+/lampu' -v
                      prints messages as they come; --pretty, --json and -F choose how
  mqtt-client pub -h localhost -t rumahkami/lantaidasar/ruangtamu/lampu -m menyala -q 1
                      publishes a message, a file (-f), standard input (-s) or its lines (-l)
  mqtt-client rr  -h localhost -t rumahkami/waktu -m '?'
                      sends a request and prints the answer
  mqtt-client bench -h localhost --clients 10 --messages 1000 -q 1
                      measures throughput and latency

The options are those of mosquitto_pub and mosquitto_sub, where these have them. `mqtt-client COMMAND --help` names all.

Exit codes: 0 done; 1 something else; 2 wrong arguments; 3 the server refuses the connection; 4 no connection (network,
TLS, WebSocket); 5 too late; 6 the connection was lost; 7 the server refuses a message or a subscription; 8 the server
breaks the protocol; 9 a file, or standard input or output; 130 interrupted before it was done.";

#[derive(Debug, Parser)]
#[command(name = "mqtt-client", version, about = "An MQTT client for the command line", after_help = AFTER)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER: &str = "Without arguments it shows examples and the exit codes.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Publishes messages
    #[command(disable_help_flag = true)]
    Pub(Box<publish::Arguments>),
    /// Subscribes to topics and prints the messages that come
    #[command(disable_help_flag = true)]
    Sub(Box<subscribe::Arguments>),
    /// Sends a request and prints the response
    #[command(disable_help_flag = true)]
    Rr(Box<request::Arguments>),
    /// Measures throughput and latency with several clients
    #[command(disable_help_flag = true)]
    Bench(Box<bench::Arguments>),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors, and go to standard output.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(failure::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let Some(command) = arguments.command else {
        let _ = writeln!(std::io::stdout(), "{OVERVIEW}");
        return ExitCode::SUCCESS;
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if !matches!(command, Command::Bench(_)) {
        // One beside this thread: the connection is kept alive while this one waits for a reader of standard output.
        runtime.worker_threads(1);
    }
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::Io("the runtime".to_owned(), error)),
    };
    let done = runtime.block_on(async {
        match command {
            Command::Pub(arguments) => publish::run(*arguments).await,
            Command::Sub(arguments) => subscribe::run(*arguments).await,
            Command::Rr(arguments) => request::run(*arguments).await,
            Command::Bench(arguments) => bench::run(*arguments).await,
        }
    });
    // A thread that reads standard input cannot be stopped, and need not be waited for.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

/// Says what has gone wrong and what to try, in one line.
fn report(failure: &Failure) -> ExitCode {
    if !failure.is_quiet() {
        let mark = if stderr().is_terminal() { "\u{1b}[31mmqtt-client\u{1b}[0m" } else { "mqtt-client" };
        // Nobody is left to be told that this fails.
        let _ = writeln!(stderr(), "{mark}: {failure}");
    }
    ExitCode::from(failure.exit_code())
}

/// Whether the commands are declared without contradiction.
#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_well_declared() {
        Arguments::command().debug_assert();
    }
}
