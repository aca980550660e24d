//! What came of the whole suite for one decoder.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Ask, Decoder, Request, Status};
use crate::case::{Sender, Version};
use crate::judge::{Difference, Strictness, Verdict, judge};
use crate::library::Library;
use crate::peer::{Hello, Peer};
use crate::suite::Prepared;

/// The results of a decoder: what it is, and the cases that did not come out as expected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    /// The decoder.
    pub decoder: Hello,
    /// How many cases it was asked and answered.
    pub asked: usize,
    /// The cases that came out otherwise, by id.
    pub failures: BTreeMap<String, Failure>,
    /// The cases that it was asked and answered with `unsupported`, by id: neither passed nor failed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unsupported: BTreeSet<String>,
}

/// What `run --json` writes: the results of one run, and which cases the suite had then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// The ids of all cases.
    pub cases: Vec<String>,
    /// The results, a decoder each.
    pub results: Vec<Results>,
}

impl Record {
    /// Records the results of a run with those cases.
    pub fn new(cases: &[Prepared], results: Vec<Results>) -> Self {
        Self { cases: cases.iter().map(|case| case.case.id.clone()).collect(), results }
    }

    /// The results as they are for these cases: of one that the run did not have nothing is known.
    pub fn for_cases(self, cases: &[Prepared]) -> Vec<Results> {
        let had: HashSet<String> = self.cases.into_iter().collect();
        let mut all = self.results;
        for case in cases.iter().filter(|case| !had.contains(&case.case.id)) {
            for results in all.iter_mut().filter(|results| results.covers(case)) {
                results.unsupported.insert(case.case.id.clone());
            }
        }
        all
    }
}

/// How a case came out.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Failure {
    /// In short.
    pub difference: Difference,
    /// In words.
    pub text: String,
}

/// What came of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// As expected.
    Pass,
    /// Otherwise.
    Fail(&'a Failure),
    /// The standard leaves it open, and it came out otherwise.
    Free(&'a Failure),
    /// It was not asked, or answered that it cannot be asked this.
    Unsupported,
}

impl Results {
    /// What came of a case.
    pub fn of(&self, prepared: &Prepared) -> Outcome<'_> {
        match self.failures.get(&prepared.case.id) {
            Some(failure) if prepared.case.free.is_some() => Outcome::Free(failure),
            Some(failure) => Outcome::Fail(failure),
            None if !self.covers(prepared) || self.unsupported.contains(&prepared.case.id) => {
                Outcome::Unsupported
            }
            None => Outcome::Pass,
        }
    }

    fn covers(&self, prepared: &Prepared) -> bool {
        let mut requests = prepared
            .case
            .versions
            .iter()
            .map(|version| Request::head(&prepared.case, &prepared.question, *version));
        requests.any(|request| self.decoder.covers(&request))
    }

    /// How many cases failed that count.
    pub fn failed<'a>(&'a self, cases: impl IntoIterator<Item = &'a Prepared>) -> usize {
        cases.into_iter().filter(|case| matches!(self.of(case), Outcome::Fail(_))).count()
    }
}

/// What the library is.
pub fn library() -> Hello {
    Hello {
        name: "mqtt-wire".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        language: "Rust".to_owned(),
        versions: Version::ALL.to_vec(),
        asks: vec![Ask::Decode, Ask::TopicName, Ask::TopicFilter, Ask::Match],
        senders: vec![Sender::Client, Sender::Server],
        options: [
            "version_unknown",
            "sender",
            "first_packet",
            "max_packet_size",
            "check_payload_format",
            "refuse_control_characters",
        ]
        .map(str::to_owned)
        .to_vec(),
    }
}

/// Runs the suite on the library.
pub fn of_library(cases: &[Prepared]) -> Results {
    run(&mut Library, library(), cases, Strictness::Whole)
}

/// Runs the suite on another decoder.
pub fn of_peer(peer: &mut Peer, cases: &[Prepared]) -> Results {
    let hello = peer.hello.clone();
    run(peer, hello, cases, Strictness::Peer)
}

fn run(decoder: &mut dyn Decoder, hello: Hello, cases: &[Prepared], strictness: Strictness) -> Results {
    let mut results =
        Results { decoder: hello, asked: 0, failures: BTreeMap::new(), unsupported: BTreeSet::new() };
    for case in cases {
        // A case that a decoder cannot be asked by one version is asked by the others.
        let mut covered = Covered { decoder, hello: &results.decoder };
        match judge(&mut covered, case, strictness) {
            Verdict::Pass => results.asked += 1,
            Verdict::Fail(difference, text) => {
                results.asked += 1;
                results.failures.insert(case.case.id.clone(), Failure { difference, text });
            }
            Verdict::Unsupported if results.covers(case) => {
                results.unsupported.insert(case.case.id.clone());
            }
            Verdict::Unsupported => {}
        }
    }
    results
}

struct Covered<'a> {
    decoder: &'a mut dyn Decoder,
    hello: &'a Hello,
}

impl Decoder for Covered<'_> {
    fn ask(&mut self, request: &Request) -> Answer {
        if self.hello.covers(request) { self.decoder.ask(request) } else { Answer::of(Status::Unsupported) }
    }
}
