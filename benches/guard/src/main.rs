//! Counts instructions: of ordinary packets, to compare them with the committed figures, and a byte of hostile
//! ones, which have to stay within bounds.

mod attacks;
mod bounds;
#[path = "../../common/built.rs"]
mod built;
mod callgrind;
mod figures;
#[path = "../../../tests/common/notation.rs"]
mod notation;
#[path = "../../common/samples.rs"]
mod samples;
#[path = "../../topics/src/table.rs"]
mod table;
#[path = "../../common/ways.rs"]
mod ways;
mod workloads;

use std::process::ExitCode;

const USAGE: &str = "usage: run [--accept | bounds]";
/// What is run under callgrind.
const PACKETS: &str = "packets";
const BOUNDS: &str = "bounds";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        [callgrind::ARGUMENT, PACKETS] => {
            callgrind::run_all(&mut workloads::all());
            Ok(true)
        }
        [callgrind::ARGUMENT, BOUNDS] => {
            callgrind::run_all(&mut bounds::workloads());
            Ok(true)
        }
        [] => compare(false),
        ["--accept"] => compare(true),
        [BOUNDS] => callgrind::count(BOUNDS, &bounds::workloads()).map(|counted| bounds::print(&counted)),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Prints every figure beside the committed one. Whether all are within bounds, or accepted.
fn compare(accept: bool) -> Result<bool, String> {
    let counted = callgrind::count(PACKETS, &workloads::all())?;
    let committed = figures::read()?;
    let fine = figures::print(&counted, &committed);
    if accept {
        figures::write(&counted)?;
    }
    Ok(fine || accept)
}
