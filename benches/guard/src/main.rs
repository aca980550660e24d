//! Counts instructions and compares them with the committed figures.

mod callgrind;
mod figures;
#[path = "../../common/samples.rs"]
mod samples;
mod workloads;

use std::process::ExitCode;

const USAGE: &str = "usage: run [--accept]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        [callgrind::ARGUMENT] => {
            callgrind::run_all(&mut workloads::all());
            Ok(true)
        }
        [] => compare(false),
        ["--accept"] => compare(true),
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
    let counted = callgrind::count(&workloads::all())?;
    let committed = figures::read()?;
    let fine = figures::print(&counted, &committed);
    if accept {
        figures::write(&counted)?;
    }
    Ok(fine || accept)
}
