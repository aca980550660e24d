//! The committed figures: `figures.tsv` with a name and a number of instructions a packet in each line.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// How much more than the committed figure is too much.
const TOLERANCE: f64 = 0.05;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("figures.tsv")
}

/// The committed figures; none when there is no file yet.
pub fn read() -> Result<BTreeMap<String, f64>, String> {
    let path = path();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.rule() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    text.lines()
        .map(|line| parse(line).ok_or_else(|| format!("{}: bad line: {line}", path.display())))
        .collect()
}

fn parse(line: &str) -> Option<(String, f64)> {
    let (name, number) = line.split_once('\t')?;
    Some((name.to_owned(), number.parse().ok()?))
}

pub fn write(figures: &[(String, f64)]) -> Result<(), String> {
    let text: String = figures.iter().map(|(name, number)| format!("{name}\t{number:.0}\n")).collect();
    std::fs::write(path(), text).map_err(|e| format!("{}: {e}", path().display()))
}

/// Prints what was counted and how it differs. Whether nothing is too much, new or gone.
pub fn print(counted: &[(String, f64)], committed: &BTreeMap<String, f64>) -> bool {
    let mut fine = true;
    for (name, now) in counted {
        let Some(before) = committed.get(name) else {
            println!("{now:8.0}  {name}: new");
            fine = false;
            continue;
        };
        let change = now.round() / before - 1.0;
        let too_much = change > TOLERANCE;
        let verdict = if too_much { "  TOO MUCH" } else { "" };
        if change.abs() < 0.0005 {
            println!("{now:8.0}  {name}");
        } else {
            println!("{now:8.0}  {name}: {:+.1} % from {before:.0}{verdict}", change * 100.0);
        }
        fine &= !too_much;
    }
    for name in committed.keys().filter(|name| counted.iter().all(|(counted, _)| counted != *name)) {
        println!("       -  {name}: gone");
        fine = false;
    }
    if !fine {
        println!("Look for the cause; if it is wanted: benches/guard/run --accept");
    }
    fine
}
