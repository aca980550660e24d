//! Explores the configurations of a list, each to its end: `mqtt-session-explore LIST [NAME...]`.
//!
//! It prints a line a configuration with its states and its time, and the sum. A fault is printed with the steps that
//! lead to it and the packets on the wire after each, and ends the program with 1.

mod configuration;
mod search;
mod side;
mod system;

use std::process::ExitCode;

use anyhow::{Context, Result};
use configuration::Configuration;
use mqtt_wire::{DecodeOptions, Decoded, Sender, Version, decode};
use search::{Fault, explore};
use system::System;

/// More states than this in one configuration are a mistake in the list.
const MOST: usize = 400_000_000;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("the first argument is the list of configurations")?;
    let names: Vec<String> = arguments.collect();
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let (mut all, mut seconds) = (0, 0.0);
    for configuration in configuration::list(&text)? {
        if !names.is_empty() && !names.contains(&configuration.name) {
            continue;
        }
        let found = match configuration.ids {
            2 => explore::<2>(&configuration, MOST),
            _ => explore::<3>(&configuration, MOST),
        };
        all += found.states;
        seconds += found.took.as_secs_f64();
        println!(
            "{:<28} {:>12} states {:>8.1} s",
            configuration.name,
            found.states,
            found.took.as_secs_f64()
        );
        if let Some(fault) = found.fault {
            match configuration.ids {
                2 => print::<2>(&configuration, &fault),
                _ => print::<3>(&configuration, &fault),
            }
            return Ok(ExitCode::from(1));
        }
        if found.cut {
            println!("not searched to its end");
            return Ok(ExitCode::from(2));
        }
    }
    println!("{:<28} {all:>12} states {seconds:>8.1} s, no fault", "all");
    Ok(ExitCode::SUCCESS)
}

/// The counterexample: each step, and what is on the wire after it.
fn print<const IDS: u16>(configuration: &Configuration, fault: &Fault) {
    let mut state = System::<IDS>::new(configuration);
    for step in &fault.steps {
        println!("  {step:?}");
        let Ok(Some((next, _))) = state.take(*step, configuration) else { break };
        state = next;
        for (name, sender, wire) in
            [("client", Sender::Client, &state.wires()[0]), ("server", Sender::Server, &state.wires()[1])]
        {
            print_wire(name, sender, configuration.version, wire);
        }
    }
    println!("  {}", fault.what);
}

fn print_wire(name: &str, sender: Sender, version: Version, mut wire: &[u8]) {
    while let Ok(Decoded::Packet { packet, len }) =
        decode(wire, DecodeOptions::new(version).with_sender(sender))
    {
        let (bytes, rest) = wire.split_at(len);
        print!("      from the {name}: ");
        for byte in bytes {
            print!("{byte:02x}");
        }
        println!(" {packet}");
        wire = rest;
    }
}
