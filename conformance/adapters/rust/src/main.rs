//! Rust codecs as decoders of the suite: `mqtt-conformance-adapters NAME`.
//!
//! Each gives its verdict, how many bytes it took, and what it encodes the packet to again.

mod codecs;

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use codecs::{Codec, Reply};

/// A question of the protocol, as far as these codecs can be asked.
#[derive(Deserialize)]
struct Request {
    ask: String,
    version: String,
    #[serde(default)]
    hex: String,
    #[serde(default)]
    topic_name: String,
    #[serde(default)]
    topic_filter: String,
}

fn main() -> Result<()> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(codec) = codecs::ALL.iter().find(|codec| codec.name == name) else {
        let names: Vec<&str> = codecs::ALL.iter().map(|codec| codec.name).collect();
        bail!("name one of {}", names.join(", "));
    };
    // A panic is an answer; its message would be noise.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = std::io::stdout().lock();
    let mut asks = vec!["decode"];
    asks.extend(codec.topics.iter().flat_map(|_| ["topic_name", "topic_filter", "match"]));
    let hello = json!({
        "name": codec.name, "version": codec.version, "language": "Rust", "versions": codec.versions,
        "senders": codec.senders, "asks": asks,
    });
    writeln!(out, "{hello}")?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?).context("a question")?;
        let answer = catch_unwind(AssertUnwindSafe(|| answer(codec, &request)));
        writeln!(out, "{}", answer.unwrap_or_else(|_| Ok(json!({ "status": "crash" })))?)?;
        out.flush()?;
    }
    Ok(())
}

fn answer(codec: &Codec, request: &Request) -> Result<Value> {
    let valid = |valid: bool| json!({ "status": if valid { "ok" } else { "error" } });
    Ok(match (request.ask.as_str(), &codec.topics) {
        ("decode", _) => decode(codec, &hex::decode(&request.hex)?, request.version == "5.0"),
        ("topic_name", Some(topics)) => valid((topics.name)(&request.topic_name)),
        ("topic_filter", Some(topics)) => valid((topics.filter)(&request.topic_filter)),
        ("match", Some(topics)) => {
            json!({ "status": "ok", "matches": (topics.matches)(&request.topic_filter, &request.topic_name) })
        }
        _ => json!({ "status": "unsupported" }),
    })
}

fn decode(codec: &Codec, bytes: &[u8], v5: bool) -> Value {
    match (codec.decode)(bytes, v5) {
        Reply::Packet { length, encoded } => {
            json!({ "status": "ok", "raw_length": length, "encoded": encoded.map(hex::encode) })
        }
        Reply::Incomplete => json!({ "status": "incomplete" }),
        Reply::Error(message) => json!({ "status": "error", "error": { "message": message } }),
    }
}
