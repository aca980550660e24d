//! What is explored: one line a configuration.

use anyhow::{Context, Result, bail, ensure};
use mqtt_wire::{QoS, Version};

/// The bounds of an exploration.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    pub name: String,
    pub version: Version,
    /// How many identifiers there are, and slots for messages: 2 or 3.
    pub ids: u16,
    /// The messages of the client and of the server, each at its QoS.
    pub messages: [Vec<QoS>; 2],
    /// How often the connection may be lost, each side may crash, the client may start clean, the server's session may
    /// expire, a message may be refused.
    pub losses: u8,
    pub crashes: [u8; 2],
    pub cleans: u8,
    pub expiries: u8,
    pub refusals: u8,
    /// The Receive Maximums of which each reconnection draws one, on each side; the first connection has the first.
    pub maxima: Vec<u16>,
    /// Topic Alias Maximum of both sides.
    pub aliases: u16,
    /// The application accepts in any order, and also with receipts of earlier connections.
    pub any_order: bool,
    /// Outputs are done one by one, with anything in between; else all at once after each step.
    pub lazy: bool,
    /// What a server may not support from the second connection on: `size`, `qos`, `retain`.
    pub shrinks: Vec<Shrink>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shrink {
    Size,
    QoS,
    Retain,
}

/// The configurations of a list: `name key=value ...`, a line each; `#` begins a comment.
pub(crate) fn list(text: &str) -> Result<Vec<Configuration>> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(|line| one(line).with_context(|| format!("in the line `{line}`")))
        .collect()
}

fn one(line: &str) -> Result<Configuration> {
    let mut words = line.split_whitespace();
    let mut this = Configuration {
        name: words.next().unwrap_or_default().to_owned(),
        version: Version::V5,
        ids: 3,
        messages: [Vec::new(), Vec::new()],
        losses: 0,
        crashes: [0, 0],
        cleans: 0,
        expiries: 0,
        refusals: 0,
        maxima: vec![3, 1, 2],
        aliases: 0,
        any_order: false,
        lazy: false,
        shrinks: Vec::new(),
    };
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "v311" => this.version = Version::V311,
            "v31" => this.version = Version::V31,
            "ids" => this.ids = value.parse()?,
            "client" => this.messages[0] = qos(value)?,
            "server" => this.messages[1] = qos(value)?,
            "losses" => this.losses = value.parse()?,
            "crashes" => {
                let (client, server) = value.split_once('+').context("crashes of client+server")?;
                this.crashes = [client.parse()?, server.parse()?];
            }
            "cleans" => this.cleans = value.parse()?,
            "expiries" => this.expiries = value.parse()?,
            "refusals" => this.refusals = value.parse()?,
            "maxima" => this.maxima = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "aliases" => this.aliases = value.parse()?,
            "any-order" => this.any_order = true,
            "lazy" => this.lazy = true,
            "shrinks" => {
                for value in value.split(',') {
                    this.shrinks.push(match value {
                        "size" => Shrink::Size,
                        "qos" => Shrink::QoS,
                        "retain" => Shrink::Retain,
                        _ => bail!("unknown limit {value}"),
                    });
                }
            }
            _ => bail!("unknown word {key}"),
        }
    }
    // There are none before 5.0.
    if this.version != Version::V5 {
        this.maxima.truncate(1);
    }
    ensure!(matches!(this.ids, 2 | 3), "identifiers: 2 or 3");
    ensure!(
        this.messages.iter().all(|messages| messages.len() <= crate::side::MESSAGES),
        "too many messages"
    );
    Ok(this)
}

fn qos(text: &str) -> Result<Vec<QoS>> {
    text.chars()
        .map(|c| match c {
            '0' => Ok(QoS::AtMostOnce),
            '1' => Ok(QoS::AtLeastOnce),
            '2' => Ok(QoS::ExactlyOnce),
            _ => bail!("no QoS: {c}"),
        })
        .collect()
}
