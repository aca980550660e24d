//! `mqtt-inspect`: MQTT out of captures, byte streams and hex, for people and for scripts.

mod args;
mod capture;
mod connections;
mod dissect;
mod filter;
mod flow;
mod framer;
mod generate;
mod handshake;
mod hex;
mod input;
mod link;
mod live;
mod memory;
mod note;
mod outlet;
mod payload;
mod pcapng;
mod pool;
mod proxy;
mod record;
mod render;
mod report;
#[cfg(test)]
mod rules_tests;
mod session;
mod signal;
mod standard;
mod stream;
mod tcp;
mod text;
#[cfg(test)]
mod transport_tests;
mod websocket;
mod window;
mod wrap;

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::{ColorChoice, Parser};
use mqtt_wire::DecodeOptions;

use crate::args::{Args, Command, View};
use crate::filter::Filter;
use crate::hex::bytes::Digits;
use crate::input::Choices;
use crate::outlet::Outlet;
use crate::payload::Payloads;
use crate::record::Output;
use crate::render::explain::Explain;
use crate::render::flows::Flows;
use crate::render::html::Html;
use crate::render::json::Json;
use crate::render::paint::Painter;
use crate::render::stats::{Stats, Summed};
use crate::render::timeline::Timeline;
use crate::report::{Report, Selection};
use crate::wrap::{Long, Width, Wrap};

/// The exit codes besides 0. Of several that apply, the first counts.
const UNUSABLE: u8 = 2;
const MALFORMED: u8 = 1;
const DAMAGED: u8 = 4;
const NOTHING: u8 = 3;
const BROKEN: u8 = 5;

fn main() -> ExitCode {
    let args = Args::parse();
    if args.version == Some(None) {
        return written(writeln!(io::stdout(), "mqtt-inspect {}", env!("CARGO_PKG_VERSION")));
    }
    match &args.command {
        None => {
            let out = match &args.html {
                Some(path) => match page(&args, path) {
                    Ok(page) => page,
                    Err(error) => {
                        say(format_args!("{error:#}"));
                        return ExitCode::from(UNUSABLE);
                    }
                },
                None => output(&args.view, Some(&args), &|| Box::new(io::stdout())),
            };
            let options = choices(&args).options;
            ended(out, &args.view, options, |report| run(&args, report))
        }
        Some(Command::Proxy(proxy)) => {
            let outlet = Outlet::new();
            let out = output(&proxy.view, None, &|| Box::new(outlet.clone()));
            let options = judging(&proxy.view, DecodeOptions::detect());
            let code = ended(out, &proxy.view, options, |report| proxy::run(proxy, report));
            match outlet.finish() {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => written(Err(error)),
                _ => code,
            }
        }
        Some(Command::Completions { shell }) => written(generate::completions(*shell, &mut io::stdout())),
        Some(Command::Man) => written(generate::manual(&mut io::stdout())),
    }
}

/// Says something on standard error. Nobody is left to be told that this fails.
pub(crate) fn say(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "mqtt-inspect: {what}");
}

/// The end of what only prints.
fn written(result: io::Result<()>) -> ExitCode {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            say(format_args!("{error}"));
            ExitCode::from(UNUSABLE)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Lets the work be done, and says how it ended.
fn ended(
    output: Box<dyn Output>,
    args: &View,
    options: DecodeOptions,
    work: impl FnOnce(&mut Report) -> Result<()>,
) -> ExitCode {
    let mut report = Report::new(output, selection(args), options);
    match work(&mut report) {
        Ok(()) => {}
        // Whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => {}
        Err(error) => {
            // What was found until then comes before the message; that it cannot go out is no news.
            let _ = report.flush();
            say(format_args!("{error:#}"));
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
    let choices = choices(args);
    if let Some(interface) = &args.interface {
        report.begin(None)?;
        for remark in live::capture(interface, &choices, report)? {
            say(format_args!("{interface}: {remark}"));
        }
        return finish(&args.view, report);
    }
    let sources = args.sources()?;
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
                    say(format_args!("{name}: {remark}"));
                }
            })
        };
        match read.with_context(|| name.clone()) {
            Err(error) if !is_broken_pipe(&error) && several => {
                report.flush()?;
                say(format_args!("{error:#}"));
                failure = Some(anyhow!("not all inputs could be read"));
            }
            read => read?,
        }
    }
    finish(&args.view, report)?;
    failure.map_or(Ok(()), Err)
}

/// All input has come.
fn finish(args: &View, report: &mut Report) -> Result<()> {
    report.finish()?;
    if report.dropped() > 0 {
        say(format_args!("--last: the first {} records of that time had no room", report.dropped()));
    }
    if let Some(only) = args.packet.filter(|only| *only == 0 || *only > report.count()) {
        return Err(anyhow!("there is no packet {only}; the last one is {}", report.count()));
    }
    Ok(())
}

fn selection(args: &View) -> Selection {
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
        payloads: Payloads::new(args.payloads.clone()),
    }
}

fn choices(args: &Args) -> Choices {
    let options = match args.protocol() {
        // In hex the version is the caller's word; elsewhere a CONNECT knows better.
        Some(version) if args.hex => DecodeOptions::new(version),
        _ => DecodeOptions::detect(),
    };
    let options = judging(&args.view, options);
    // On the terminal the output itself shows that something is going on.
    let progress =
        io::stderr().is_terminal() && (args.view.stats || args.html.is_some() || !io::stdout().is_terminal());
    Choices {
        options,
        version: args.protocol(),
        sender: args.sender,
        ports: args.ports.clone(),
        stream: args.stream,
        digits: if args.decimal { Digits::Decimal } else { Digits::Hex },
        join: args.join,
        progress,
        watch: !args.view.no_rules,
    }
}

fn judging(args: &View, options: DecodeOptions) -> DecodeOptions {
    let options = args.tolerate.iter().fold(options, |options, what| options.with_tolerance((*what).into()));
    args.max_packet_size.map_or(options, |size| options.with_max_packet_size(size))
}

/// The page, which is a file of its own.
fn page(args: &Args, path: &Path) -> Result<Box<dyn Output>> {
    let inputs = args.sources()?.iter().map(args::Source::name).collect();
    let page = Html::create(path, inputs).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Box::new(page))
}

/// The chosen output. `inputs` says more about what is read, if there is more; `open` gives where output goes.
fn output(args: &View, inputs: Option<&Args>, open: &dyn Fn() -> Box<dyn Write>) -> Box<dyn Output> {
    let colour = match args.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
    };
    let painter = Painter { colour };
    let out = BufWriter::new(fitting(args, open()));
    let (time, full) = (args.time, args.full);
    if args.stats {
        Box::new(Stats::new(out, painter, args.json))
    } else if args.flows {
        Box::new(Flows { out, painter, time, json: args.json, begin: None })
    } else if args.json {
        Box::new(Json::new(out, inputs.is_some_and(|inputs| inputs.stream)))
    } else if args.explain {
        Box::new(Explain { out, painter, time, full, begin: None })
    } else {
        let timeline = Box::new(Timeline { out, painter, time, full, compact: args.compact, begin: None });
        if args.no_summary || args.packet.is_some() || inputs.is_none_or(|inputs| inputs.hex || inputs.raw) {
            timeline
        } else {
            Box::new(Summed::new(timeline, BufWriter::new(fitting(args, open())), painter))
        }
    }
}

/// Output for people fits the terminal, if it goes to one.
fn fitting(args: &View, out: Box<dyn Write>) -> Box<dyn Write> {
    let long = if args.compact { Long::Cut } else { Long::Broken };
    match args.width {
        _ if args.json => out,
        Some(columns) => Box::new(Wrap::new(out, Width::Columns(columns.into()), long)),
        None if io::stdout().is_terminal() => Box::new(Wrap::new(out, Width::Terminal, long)),
        None => out,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(ErrorKind::BrokenPipe))
    })
}
