//! `mqtt-inspect`: MQTT out of captures, byte streams and hex, for people and for scripts.

mod args;
mod capture;
mod connections;
mod dissect;
mod filter;
mod flow;
mod framer;
mod handshake;
mod hex;
mod input;
mod link;
mod memory;
mod note;
mod pool;
mod record;
mod render;
mod report;
#[cfg(test)]
mod rules_tests;
mod session;
mod standard;
mod stream;
mod tcp;
mod text;
#[cfg(test)]
mod transport_tests;
mod websocket;
mod window;

use std::io::{self, BufWriter, ErrorKind, IsTerminal};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::{ColorChoice, Parser};
use mqtt_wire::DecodeOptions;

use crate::args::Args;
use crate::filter::Filter;
use crate::hex::bytes::Digits;
use crate::input::Choices;
use crate::record::Output;
use crate::render::explain::Explain;
use crate::render::flows::Flows;
use crate::render::html::Html;
use crate::render::json::Json;
use crate::render::paint::Painter;
use crate::render::stats::{Stats, Summed};
use crate::render::timeline::Timeline;
use crate::report::{Report, Selection};

/// The exit codes besides 0. Of several that apply, the first counts.
const UNUSABLE: u8 = 2;
const MALFORMED: u8 = 1;
const DAMAGED: u8 = 4;
const NOTHING: u8 = 3;
const BROKEN: u8 = 5;

fn main() -> ExitCode {
    let args = Args::parse();
    if args.version == Some(None) {
        println!("mqtt-inspect {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let output = match output(&args) {
        Ok(output) => output,
        Err(error) => {
            eprintln!("mqtt-inspect: {error:#}");
            return ExitCode::from(UNUSABLE);
        }
    };
    let mut report = Report::new(output, selection(&args), choices(&args).options);
    match run(&args, &mut report) {
        Ok(()) => {}
        // Whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => {}
        Err(error) => {
            // What was found until then comes before the message; that it cannot go out is no news.
            let _ = report.flush();
            eprintln!("mqtt-inspect: {error:#}");
            return ExitCode::from(UNUSABLE);
        }
    }
    ExitCode::from(exit_code(&report))
}

fn exit_code(report: &Report) -> u8 {
    if report.has_unreadable() {
        UNUSABLE
    } else if report.has_malformed() {
        MALFORMED
    } else if report.has_damage() {
        DAMAGED
    } else if report.selected() == 0 {
        NOTHING
    } else if report.has_broken() {
        BROKEN
    } else {
        0
    }
}

fn run(args: &Args, report: &mut Report) -> Result<()> {
    let sources = args.sources()?;
    let choices = choices(args);
    let several = sources.len() > 1 && !args.hex;
    let mut failure = None;
    let mut line = 0;
    for source in &sources {
        let name = text::visible(&source.name());
        report.begin(several.then_some(name.as_str()))?;
        let read = if args.hex {
            input::hex(source, &choices, report, &mut line)
        } else if args.raw {
            input::raw(source, &choices, report)
        } else {
            input::capture(source, &choices, report).map(|remarks| {
                for remark in remarks {
                    eprintln!("mqtt-inspect: {name}: {remark}");
                }
            })
        };
        match read.with_context(|| name.clone()) {
            Err(error) if !is_broken_pipe(&error) && several => {
                report.flush()?;
                eprintln!("mqtt-inspect: {error:#}");
                failure = Some(anyhow!("not all inputs could be read"));
            }
            read => read?,
        }
    }
    report.finish()?;
    if report.dropped() > 0 {
        eprintln!("mqtt-inspect: --last: the first {} records of that time had no room", report.dropped());
    }
    if let Some(only) = args.packet.filter(|only| *only == 0 || *only > report.count()) {
        return Err(anyhow!("there is no packet {only}; the last one is {}", report.count()));
    }
    failure.map_or(Ok(()), Err)
}

fn selection(args: &Args) -> Selection {
    Selection {
        filter: Filter {
            clients: args.clients.clone(),
            users: args.users.clone(),
            connections: args.connections.clone(),
            topics: args.topics.clone(),
            types: args.types.clone(),
            qos: args.qos.clone(),
            errors: args.errors,
            since: args.since,
            until: args.until,
        },
        context: args.context,
        last: args.last.map(filter::nanoseconds),
        only: args.packet,
    }
}

fn choices(args: &Args) -> Choices {
    let options = match args.protocol() {
        // In hex the version is the caller's word; elsewhere a CONNECT knows better.
        Some(version) if args.hex => DecodeOptions::new(version),
        _ => DecodeOptions::detect(),
    };
    let options = args.tolerate.iter().fold(options, |options, what| options.with_tolerance((*what).into()));
    let options = args.max_packet_size.map_or(options, |size| options.with_max_packet_size(size));
    // On the terminal the output itself shows that something is going on.
    let progress =
        io::stderr().is_terminal() && (args.stats || args.html.is_some() || !io::stdout().is_terminal());
    Choices {
        options,
        version: args.protocol(),
        sender: args.sender,
        ports: args.ports.clone(),
        stream: args.stream,
        digits: if args.decimal { Digits::Decimal } else { Digits::Hex },
        join: args.join,
        progress,
        watch: !args.no_rules,
    }
}

fn output(args: &Args) -> Result<Box<dyn Output>> {
    let colour = match args.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
    };
    let painter = Painter { colour };
    let out = BufWriter::new(io::stdout());
    let (time, full) = (args.time, args.full);
    if let Some(path) = &args.html {
        let inputs = args.sources()?.iter().map(args::Source::name).collect();
        let page = Html::create(path, inputs).with_context(|| format!("cannot write {}", path.display()))?;
        return Ok(Box::new(page));
    }
    Ok(if args.stats {
        Box::new(Stats::new(out, painter, args.json))
    } else if args.flows {
        Box::new(Flows { out, painter, time, json: args.json, begin: None })
    } else if args.json {
        Box::new(Json::new(out, args.stream))
    } else if args.explain {
        Box::new(Explain { out, painter, time, full, begin: None })
    } else {
        let timeline = Box::new(Timeline { out, painter, time, full, begin: None });
        if args.no_summary || args.hex || args.raw || args.packet.is_some() {
            timeline
        } else {
            Box::new(Summed::new(timeline, BufWriter::new(io::stdout()), painter))
        }
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(ErrorKind::BrokenPipe))
    })
}
