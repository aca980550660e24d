//! The command line of the suite.

use std::fs;
use std::io::{BufRead as _, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};
use mqtt_conformance::answer::Decoder as _;
use mqtt_conformance::case::{Sender, Version};
use mqtt_conformance::library::Library;
use mqtt_conformance::peer::Peer;
use mqtt_conformance::report::{documents, junit, matrix, others, terminal};
use mqtt_conformance::results::{self, Record, Results};
use mqtt_conformance::source::Source;
use mqtt_conformance::suite::Prepared;
use mqtt_conformance::{export, generate, rules, suite, tags};

/// The MQTT conformance suite for codecs.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The folder of the suite
    #[arg(long, global = true, value_name = "FOLDER")]
    suite: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Write the cases that follow from the standards' tables
    Generate {
        /// Only say whether the files are what would be written
        #[arg(long)]
        check: bool,
    },
    /// Say what is wrong with the suite: cases that the suite's own decoder judges otherwise, rules without cases,
    /// generated files that differ
    Check,
    /// Print the cases as JSON lines, with all bytes and values spelled out
    Export {
        #[command(flatten)]
        choice: Choice,
    },
    /// Print a case for these bytes as the suite's own decoder judges them, to be put into a file and completed
    Draft {
        /// By which version: 3.1, 3.1.1 or 5.0
        #[arg(value_parser = version)]
        version: Version,
        /// The bytes, in the notation of the cases
        bytes: String,
        /// Who sends them: client or server
        #[arg(long, value_parser = sender)]
        sender: Option<Sender>,
    },
    /// Run the suite on mqtt-wire, or on other decoders
    Run {
        /// A decoder that speaks the protocol of PROTOCOL.md; several make a table of several columns
        #[arg(long = "adapter", value_name = "COMMAND")]
        adapters: Vec<String>,
        #[command(flatten)]
        choice: Choice,
        /// Write the results as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Write the results as JUnit XML
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
        /// Write rules by decoders: HTML when the name ends so, else Markdown
        #[arg(long, value_name = "FILE")]
        matrix: Option<PathBuf>,
    },
    /// Write docs/conformance.md, docs/others.md and src/guide/rules.md: mqtt-wire's results anew, the others' from a file of `run --json`
    Report {
        /// The other decoders' results
        #[arg(long, value_name = "FILE")]
        peers: Option<PathBuf>,
        /// The repository to write to
        #[arg(long, value_name = "FOLDER")]
        root: Option<PathBuf>,
        /// Only say whether the documents are what would be written
        #[arg(long)]
        check: bool,
    },
    /// Answer the questions of the protocol as mqtt-wire does
    Serve,
}

/// Which cases.
#[derive(Args)]
struct Choice {
    /// Only cases whose id holds this
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,
    /// Only cases with this tag, and with each when given several times: core, connect, refused, large, and so on
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Not the cases with this tag
    #[arg(long = "without", value_name = "TAG")]
    without: Vec<String>,
}

impl Choice {
    fn of(&self, source: &Source) -> Result<Vec<Prepared>> {
        let core = tags::core(source)?;
        let mut cases = suite::load(source)?;
        cases.retain(|case| {
            let tags = tags::of(case, &core);
            case.case.id.contains(&self.filter)
                && self.tags.iter().all(|tag| tags.contains(tag))
                && !self.without.iter().any(|tag| tags.contains(tag))
        });
        ensure!(!cases.is_empty(), "no case is left");
        Ok(cases)
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Who reads has had enough, `head` for one.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told that this fails.
            let _ = writeln!(std::io::stderr(), "mqtt-conformance: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Does what is asked; whether all is well.
fn run(arguments: Arguments) -> Result<bool> {
    let source = arguments.suite.map_or_else(Source::usual, Source::Folder);
    match arguments.command {
        Command::Generate { check: false } => {
            generate::write_to(source.folder()?)?;
            write(&source.folder()?.join(export::FILE), &export::file(&source)?)?;
            Ok(true)
        }
        Command::Generate { check: true } => {
            let different = different(&source)?;
            for name in &different {
                writeln!(std::io::stdout(), "{name} is not what is generated")?;
            }
            Ok(different.is_empty())
        }
        Command::Check => {
            let (rules, cases) = (rules::load(&source)?, suite::load(&source)?);
            let different = different(&source)?.into_iter();
            let lines: Vec<String> = different
                .map(|name| format!("{name} is not what is generated"))
                .chain(generate::disagreements(&cases))
                .chain(rules::gaps(&rules, &cases))
                .collect();
            for line in &lines {
                writeln!(std::io::stdout(), "{line}")?;
            }
            writeln!(std::io::stdout(), "{} cases, {} complaints", cases.len(), lines.len())?;
            Ok(lines.is_empty())
        }
        Command::Draft { version, bytes, sender } => {
            write!(std::io::stdout(), "{}", generate::draft(&bytes, version, sender)?)?;
            Ok(true)
        }
        Command::Export { choice } => {
            let core = tags::core(&source)?;
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            for case in choice.of(&source)? {
                writeln!(out, "{}", export::line(&case, &core)?)?;
            }
            out.flush()?;
            Ok(true)
        }
        Command::Run { adapters, choice, json, junit, matrix } => {
            let cases = choice.of(&source)?;
            let all = results(&adapters, &cases)?;
            write!(std::io::stdout(), "{}", terminal::text(&cases, &all))?;
            if let Some(path) = json {
                let record = Record::new(&cases, all.clone());
                write(&path, &(serde_json::to_string_pretty(&record)? + "\n"))?;
            }
            if let Some(path) = junit {
                write(&path, &junit::xml(&cases, &all)?)?;
            }
            if let Some(path) = matrix {
                write(&path, &matrix_text(&path, &source, &cases, &all)?)?;
            }
            // A decoder that cannot be asked a single case has passed none.
            Ok(all.iter().all(|results| results.asked > 0 && results.failed(&cases) == 0))
        }
        Command::Report { peers, root, check } => {
            let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
            let peers = peers.unwrap_or_else(|| manifest.join("peers/results.json"));
            report(&source, &peers, &root.unwrap_or_else(|| manifest.join("..")), check)
        }
        Command::Serve => serve().map(|()| true),
    }
}

/// The generated files that are not what is generated.
fn different(source: &Source) -> Result<Vec<String>> {
    let mut different = generate::differences(source)?;
    if source.text(export::FILE).ok().as_deref() != Some(&export::file(source)?) {
        different.push(export::FILE.to_owned());
    }
    Ok(different)
}

fn version(name: &str) -> Result<Version> {
    let found = Version::ALL.into_iter().find(|version| version.name() == name);
    found.with_context(|| format!("{name} is none of 3.1, 3.1.1 and 5.0"))
}

fn sender(name: &str) -> Result<Sender> {
    match name {
        "client" => Ok(Sender::Client),
        "server" => Ok(Sender::Server),
        _ => bail!("{name} is neither client nor server"),
    }
}

fn results(adapters: &[String], cases: &[Prepared]) -> Result<Vec<Results>> {
    if adapters.is_empty() {
        return Ok(vec![results::of_library(cases)]);
    }
    adapters.iter().map(|command| Ok(results::of_peer(&mut Peer::start(command)?, cases))).collect()
}

fn matrix_text(path: &Path, source: &Source, cases: &[Prepared], all: &[Results]) -> Result<String> {
    let rules = rules::load(source)?;
    let matrix = matrix::of(&rules, cases, all);
    if path.extension().is_some_and(|extension| extension == "html") {
        return Ok(matrix.html());
    }
    Ok(Version::ALL
        .map(|version| format!("## MQTT {}\n\n{}", version.name(), matrix.markdown(version)))
        .join("\n"))
}

fn report(source: &Source, peers: &Path, root: &Path, check: bool) -> Result<bool> {
    let (rules, cases) = (rules::load(source)?, suite::load(source)?);
    let mut all = vec![results::of_library(&cases)];
    let others: Record = serde_json::from_str(&read(peers)?).with_context(|| peers.display().to_string())?;
    all.extend(others.for_cases(&cases));
    let remarks = read(&peers.with_file_name("remarks.md"))?;
    let mut good = true;
    for (name, text) in [
        ("docs/conformance.md", documents::conformance(&rules, &cases, &all, &remarks)),
        ("docs/others.md", others::text(&rules, &cases, &all[1..])),
        ("src/guide/rules.md", documents::rules(&rules, &cases)),
    ] {
        let path = root.join(name);
        if !check {
            write(&path, &text)?;
        } else if read(&path)? != text {
            writeln!(std::io::stdout(), "{} is not what is generated", path.display())?;
            good = false;
        }
    }
    Ok(good)
}

fn serve() -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&results::library())?)?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let answer = Library.ask(&serde_json::from_str(&line?)?);
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())
}
