//! The options of `mqtt-inspect proxy`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::args::View;

const AFTER: &str = "\
Examples:
  mqtt-inspect proxy --listen 1884 --connect localhost
  mqtt-inspect proxy --listen 1884 --connect mqtts://broker.example --topic 'home/#'
  mqtt-inspect proxy --listen 0.0.0.0:8883 --cert cert.pem --key key.pem --connect localhost --write traffic.pcapng

Ctrl-C ends it, with a summary. The exit codes are those of mqtt-inspect; a connection that the server refuses is named
on standard error and changes none.";

/// Pass connections on to a server, and show what goes over them
///
/// Clients connect to --listen in place of the server. Every byte goes on unchanged, in both directions, over WebSocket,
/// too; only TLS is taken off and put on again. When the output is read too slowly, lines are dropped and counted: 16 MiB
/// of them wait, and 64 MiB of traffic that is not yet decoded. Traffic never waits for either.
#[derive(Debug, Args)]
#[command(after_help = AFTER, override_usage = "mqtt-inspect proxy [OPTIONS] --listen <[ADDRESS:]PORT> --connect <SERVER>")]
pub(crate) struct Proxy {
    /// Where clients connect; without an address on this machine only (127.0.0.1). Port 0 takes a free one
    #[arg(long, value_name = "[ADDRESS:]PORT", help_heading = "Proxy")]
    pub(crate) listen: Listen,

    /// The server: HOST or HOST:PORT, with mqtts:// or wss:// before it over TLS [default port: 1883; mqtts 8883, ws 80,
    /// wss 443]
    #[arg(long, value_name = "SERVER", help_heading = "Proxy")]
    pub(crate) connect: Target,

    /// Trust the certificates in this PEM file, in place of the system's; implies TLS to the server
    #[arg(long, value_name = "FILE", help_heading = "Proxy")]
    pub(crate) cafile: Option<PathBuf>,

    /// Take any certificate of the server's; implies TLS to the server
    #[arg(long, conflicts_with = "cafile", help_heading = "Proxy")]
    pub(crate) insecure: bool,

    /// Speak TLS with clients, with the certificates in this PEM file
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Proxy")]
    pub(crate) cert: Option<PathBuf>,

    /// The private key of --cert, a PEM file
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "Proxy")]
    pub(crate) key: Option<PathBuf>,

    /// Record all that goes over the connections, without TLS, in this pcapng file
    #[arg(long, value_name = "FILE", help_heading = "Proxy")]
    pub(crate) write: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) view: View,
}

impl Proxy {
    /// Whether the server speaks TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.connect.tls || self.insecure || self.cafile.is_some()
    }

    /// The server's host and port.
    pub(crate) fn server(&self) -> (&str, u16) {
        let Target { host, port, .. } = &self.connect;
        (host, port.unwrap_or(if self.is_tls() { 8883 } else { 1883 }))
    }
}

/// A host, as its name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(port) = text.parse() {
            return Ok(Self { host: "127.0.0.1".to_owned(), port });
        }
        match host_and_port(text) {
            Some((host, Some(port))) => Ok(Self { host, port }),
            _ => Err("give a port, or an address and a port: 1884, 0.0.0.0:1884, [::1]:1884"),
        }
    }
}

/// The server that connections are passed on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) tls: bool,
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("mqtt", text));
        let (tls, default) = match scheme {
            "mqtt" => (false, None),
            "mqtts" => (true, None),
            "ws" => (false, Some(80)),
            "wss" => (true, Some(443)),
            _ => return Err("the schemes are mqtt, mqtts, ws and wss"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('/') {
            return Err("a server has no path: what the client asks for is passed on");
        }
        match host_and_port(rest) {
            Some((host, port)) => Ok(Self { host, port: port.or(default), tls }),
            None => Err("give a host, or a host and a port: localhost, broker.example:1883, [::1]:1883"),
        }
    }
}

/// `HOST`, `HOST:PORT` or `[IPV6]:PORT`.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port.parse().ok()?),
        None if rest.is_empty() => None,
        None => return None,
    };
    let is_name = |character: char| !character.is_whitespace() && !character.is_control() && character != '@';
    (!host.is_empty() && host.chars().all(is_name)).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_ports() {
        let listen = |text: &str| text.parse::<Listen>().map(|listen| (listen.host, listen.port));
        assert_eq!(listen("1884"), Ok(("127.0.0.1".to_owned(), 1884)));
        assert_eq!(listen("0.0.0.0:1"), Ok(("0.0.0.0".to_owned(), 1)));
        assert_eq!(listen("[::1]:0"), Ok(("::1".to_owned(), 0)));
        for bad in ["", "host", "65536", "host:", ":1884", "::1", "a b:1", "[::1]"] {
            assert!(listen(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn servers_are_named_as_elsewhere() {
        let target = |text: &str| text.parse::<Target>().map(|to| (to.host, to.port, to.tls));
        assert_eq!(target("broker.example"), Ok(("broker.example".to_owned(), None, false)));
        assert_eq!(target("mqtts://broker.example:1"), Ok(("broker.example".to_owned(), Some(1), true)));
        assert_eq!(target("ws://[::1]:8080/"), Ok(("::1".to_owned(), Some(8080), false)));
        assert_eq!(target("wss://a"), Ok(("a".to_owned(), Some(443), true)));
        for bad in ["", "http://a", "mqtt://a/b", "a:b", "a:99999", "mqtt://user@a", "::1"] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }
}
