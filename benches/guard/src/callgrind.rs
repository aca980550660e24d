//! This program under callgrind: each workload runs twice, the second time with one pass more, and the
//! difference is what one pass costs.

use std::path::Path;
use std::process::Command;

use crate::workloads::Workload;

/// How callgrind is to be told to run the workloads.
pub const ARGUMENT: &str = "under-callgrind";

/// Passes of the shorter and of the longer run.
const SHORT: usize = 1;
const LONG: usize = 2;

/// The one door to what is measured: callgrind collects inside of this function alone, and knows it by this name.
#[unsafe(no_mangle)]
#[inline(never)]
pub fn guard_measured(workload: &mut Workload, passes: usize) {
    for _ in 0..passes {
        (workload.pass)();
    }
}

/// What callgrind is to see.
pub fn run_all(workloads: &mut [Workload]) {
    for workload in workloads {
        (workload.pass)();
        for passes in [SHORT, LONG] {
            guard_measured(workload, passes);
        }
    }
}

/// The instructions a unit of every workload. `what` tells this program, run under callgrind, what to run.
pub fn count(what: &str, workloads: &[Workload]) -> Result<Vec<(String, f64)>, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let costs = costs(what, folder.path())?;
    if costs.len() != 2 * workloads.len() {
        return Err(format!("callgrind wrote {} figures, not {}", costs.len(), 2 * workloads.len()));
    }
    let figure = |(workload, costs): (&Workload, &[u32])| {
        let units = (LONG - SHORT) * workload.units;
        (workload.name.clone(), f64::from(costs[1] - costs[0]) / units as f64)
    };
    Ok(workloads.iter().zip(costs.chunks_exact(2)).map(figure).collect())
}

/// The instruction counts of all runs of the measured function, in their order.
fn costs(what: &str, folder: &Path) -> Result<Vec<u32>, String> {
    let program = std::env::current_exe().map_err(|e| format!("own path unknown: {e}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .args(["--toggle-collect=guard_measured", "--dump-after=guard_measured"])
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(program)
        .args([ARGUMENT, what])
        .output()
        .map_err(|e| format!("valgrind does not run: {e}"))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("the run under valgrind failed: {message}"));
    }
    (1..)
        .map(|n| folder.join(format!("out.{n}")))
        .take_while(|path| path.exists())
        .map(|path| total(&path))
        .collect()
}

/// The sum that a file of callgrind's ends with.
fn total(path: &Path) -> Result<u32, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let number = line.ok_or_else(|| format!("{}: no totals", path.display()))?;
    number.trim().parse().map_err(|e| format!("{}: {e}", path.display()))
}
