//! Writes a capture of so many megabytes to standard output: `make SHAPE MEGABYTES`.

mod traffic;

use std::io::{self, BufWriter};

use anyhow::{Context, Result, bail};
use traffic::Shape;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [shape, megabytes] = args.as_slice() else { bail!("usage: make SHAPE MEGABYTES") };
    let shape = Shape::ALL.iter().find(|(_, name)| name == shape).context("there is no such shape")?.0;
    let bytes = megabytes.parse::<u64>()? * 1_000_000;
    let made = traffic::write(shape, bytes, &mut BufWriter::new(io::stdout().lock()))?;
    eprintln!("{} bytes, {} MQTT connections, {} open at the end", made.bytes, made.connections, made.open);
    Ok(())
}
