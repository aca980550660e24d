//! Words by which cases are chosen.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use mqtt_wire::PacketType;

use crate::answer::Request;
use crate::case::{Case, Question, Sender};
use crate::source::Source;
use crate::suite::Prepared;

/// Input of more bytes than these is `large`.
const LARGE: usize = 16 * 1024;

/// What a case is about: the name of its packet by the first byte, `stream` for several packets, `topics`, or `no byte`.
pub fn subject(case: &Case) -> &'static str {
    if !case.packets.is_empty() {
        return "stream";
    }
    let Some(bytes) = &case.bytes else { return "topics" };
    let first = crate::hex::parse(bytes).ok().and_then(|bytes| bytes.first().copied());
    first.map_or("no byte", |first| PacketType::new(first >> 4).map_or("reserved", PacketType::name))
}

/// The ids of the core list, `core.txt` of the suite.
///
/// # Errors
/// When it cannot be read.
pub fn core(source: &Source) -> Result<BTreeSet<String>> {
    let text = source.text("core.txt")?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut ids = BTreeSet::new();
    for id in lines {
        ensure!(ids.insert(id.to_owned()), "core.txt names {id} twice");
    }
    Ok(ids)
}

/// The tags of a case: its subject in lower case; `accepted`, `refused`, `incomplete`, `matches` or `matches-not`;
/// `from-client` or `from-server` where one side alone sends it; `free`, `large` and `core` where they hold.
pub fn of(prepared: &Prepared, core: &BTreeSet<String>) -> Vec<String> {
    let case = &prepared.case;
    let mut tags = vec![subject(case).to_ascii_lowercase().replace(' ', "-")];
    let outcome = match (case.error.is_some(), case.missing.is_some(), case.matches) {
        (true, ..) => "refused",
        (_, true, _) => "incomplete",
        (.., Some(true)) => "matches",
        (.., Some(false)) => "matches-not",
        _ => "accepted",
    };
    tags.push(outcome.to_owned());
    let request = Request::head(case, &prepared.question, case.versions[0]);
    match case.sender.or_else(|| request.only_sender()) {
        Some(Sender::Client) => tags.push("from-client".to_owned()),
        Some(Sender::Server) => tags.push("from-server".to_owned()),
        None => {}
    }
    let size = match &prepared.question {
        Question::Decode(bytes) => bytes.len(),
        Question::TopicName(topic) | Question::TopicFilter(topic) => topic.len(),
        Question::Match { filter, name } => filter.len() + name.len(),
    };
    for (tag, holds) in
        [("free", case.free.is_some()), ("large", size > LARGE), ("core", core.contains(&case.id))]
    {
        if holds {
            tags.push(tag.to_owned());
        }
    }
    tags
}
