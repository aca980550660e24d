//! How the broker is configured: by flags, and by one TOML file; a flag wins over the file.
//!
//! ```toml
//! data = "/var/lib/mqtt-broker"      # or: memory = true
//! users = "users"                    # paths are relative to this file
//! rules = "rules"
//! anonymous = false
//! metrics = "127.0.0.1:9090"
//! log = "json"                       # or "text"
//!
//! [[listener]]
//! kind = "tcp"                       # "tcp", "tls", "ws", "wss"
//! bind = "0.0.0.0:1883"
//! proxy_protocol = true
//!
//! [[listener]]
//! kind = "tls"
//! bind = "0.0.0.0:8883"
//! certificate = "server.pem"         # the chain, the server's own first
//! key = "server.key"
//! client_ca = "clients.pem"          # who signs clients' certificates
//! client_certificate = "required"    # or "optional"
//!
//! [[sink.json]]                      # see crate::sink
//! name = "archive"
//! filters = ["home/+/temperature"]
//! file = "temperatures.jsonl"
//!
//! [limits]
//! packet_size = 65536
//! ```

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::limits::Limits;
use crate::plain::Plain;
use crate::sink::config as sink;

/// The port of MQTT over TCP.
pub const PORT: u16 = 1883;

/// What the broker does, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// Where the state is kept.
    pub storage: Storage,
    /// The file of users.
    pub users: Option<PathBuf>,
    /// The file of rules.
    pub rules: Option<PathBuf>,
    /// Whether clients without a user name are let in.
    pub anonymous: bool,
    /// Where `/metrics` and `/health` are served over HTTP.
    pub metrics: Option<SocketAddr>,
    /// The form of the log.
    pub log: LogForm,
    /// Seconds that a shutdown may take.
    pub shutdown_timeout: u64,
    /// Seconds between the messages of `$SYS/#`; 0 is never.
    pub sys_interval: u64,
    /// The other systems that messages go on to.
    pub sinks: Vec<sink::Sink>,
    /// The limits.
    pub limits: Limits,
}

/// Where the state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// Nowhere: it ends with the process.
    Memory,
    /// In a folder, which is made if need be.
    Folder(PathBuf),
}

/// A place to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The address. Port 0 is any free one.
    pub bind: SocketAddr,
    /// Whether MQTT goes through WebSocket.
    pub websocket: bool,
    /// Whether there is TLS around it.
    pub tls: Option<Tls>,
    /// Whether each connection begins with a header of the PROXY protocol, version 1 or 2. Without one it is closed.
    pub proxy_protocol: bool,
}

/// The files of a listener with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The chain of certificates in PEM, the server's own first.
    pub certificate: PathBuf,
    /// The private key in PEM.
    pub key: PathBuf,
    /// Who signs clients' certificates, in PEM; without it clients are not asked for one.
    pub client_ca: Option<PathBuf>,
    /// Whether a client without a certificate is turned away. Needs `client_ca`.
    pub client_required: bool,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogForm {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// The flags of `mqtt-broker` that say the same as the file.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// Read the configuration from this TOML file
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Listen at this address for MQTT over TCP, instead of 127.0.0.1:1883; may be given again
    #[arg(short, long, value_name = "ADDR[:PORT]", value_parser = parse_bind)]
    pub bind: Vec<SocketAddr>,
    /// Listen at this address for MQTT over WebSocket
    #[arg(long, value_name = "ADDR:PORT")]
    pub websocket: Vec<SocketAddr>,
    /// Keep sessions, queues and retained messages in this folder [default: mqtt-data]
    #[arg(short, long, value_name = "DIR", conflicts_with = "memory")]
    pub data: Option<PathBuf>,
    /// Keep everything in memory: nothing outlives the process
    #[arg(long)]
    pub memory: bool,
    /// Let in the users of this file (see `mqtt-broker passwd`)
    #[arg(long, value_name = "FILE")]
    pub users: Option<PathBuf>,
    /// Allow by topic what this file says
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Let clients in without a user name; has to be said with --bind, listeners in the file, or --users
    #[arg(long)]
    pub anonymous: bool,
    /// Serve /metrics (Prometheus) and /health over HTTP at this address
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<SocketAddr>,
    /// The form of the log
    #[arg(long, value_name = "FORM")]
    pub log: Option<LogForm>,
    /// Check the configuration and the files that it names, and end
    #[arg(long)]
    pub check_config: bool,
}

/// An address with or without a port.
fn parse_bind(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>();
    let without = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, PORT));
    with_port.or_else(|_| without()).map_err(|_| "not an IP address, nor one with a port".to_owned())
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    data: Option<PathBuf>,
    memory: Option<bool>,
    users: Option<PathBuf>,
    rules: Option<PathBuf>,
    anonymous: Option<bool>,
    metrics: Option<SocketAddr>,
    log: Option<LogForm>,
    shutdown_timeout: Option<u64>,
    sys_interval: Option<u64>,
    listener: Vec<FileListener>,
    sink: sink::InFile,
    limits: Limits,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileListener {
    kind: Kind,
    bind: SocketAddr,
    #[serde(default)]
    proxy_protocol: bool,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
    client_certificate: Option<ClientCertificate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Tcp,
    Tls,
    Ws,
    Wss,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClientCertificate {
    Optional,
    Required,
}

/// What is wrong with a configuration, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Plain(&self.0).fmt(f)
    }
}

impl std::error::Error for ConfigError {}

fn error<T>(what: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError(what.into()))
}

impl Config {
    /// The configuration that these flags and the file that they name ask for.
    ///
    /// # Errors
    /// When the file cannot be read or says what it may not, and when both together make no sense.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let Some(path) = &flags.config else { return Self::merge(flags, File::default(), Path::new("")) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("{}: {error}", path.display())))?;
        Self::parse(flags, &text, path.parent().unwrap_or(Path::new("")))
            .map_err(|ConfigError(what)| ConfigError(format!("{}: {what}", path.display())))
    }

    /// The configuration of flags and the text of a file in this folder.
    ///
    /// # Errors
    /// When the text says what it may not, and when both together make no sense.
    pub fn parse(flags: &Flags, text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let file = toml::from_str(text).map_err(|error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            ConfigError(format!("line {line}: {}", error.message().replace('\n', ", ")))
        })?;
        Self::merge(flags, file, folder)
    }

    /// Whether a sink writes to standard output.
    pub fn uses_stdout(&self) -> bool {
        self.sinks.iter().any(|sink| sink.end.is_stdout())
    }

    fn merge(flags: &Flags, file: File, folder: &Path) -> Result<Self, ConfigError> {
        let in_folder = |path: PathBuf| folder.join(path);
        let users = flags.users.clone().or(file.users.map(in_folder));
        let rules = flags.rules.clone().or(file.rules.map(in_folder));
        if file.data.is_some() && file.memory == Some(true) {
            return error("`data` and `memory = true` exclude each other");
        }
        let memory = flags.memory || (flags.data.is_none() && file.memory == Some(true));
        let data = flags.data.clone().or(file.data.map(in_folder)).unwrap_or_else(|| "mqtt-data".into());
        let storage = if memory { Storage::Memory } else { Storage::Folder(data) };

        let asked_for_listeners =
            !(flags.bind.is_empty() && flags.websocket.is_empty() && file.listener.is_empty());
        let plain = |websocket| {
            move |&bind: &SocketAddr| Listener { bind, websocket, tls: None, proxy_protocol: false }
        };
        let mut listeners: Vec<Listener> = flags.bind.iter().map(plain(false)).collect();
        listeners.extend(flags.websocket.iter().map(plain(true)));
        if listeners.is_empty() {
            for listener in file.listener {
                listeners.push(listener.check(folder)?);
            }
        }
        if listeners.is_empty() {
            listeners.push(plain(false)(&SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT)));
        }
        let metrics = flags.metrics.or(file.metrics);
        let places = || listeners.iter().map(|listener| listener.bind).chain(metrics);
        for (at, place) in places().enumerate() {
            if place.port() != 0 && places().take(at).any(|other| other == place) {
                return error(format!("{place} is listened at twice"));
            }
        }

        let by_default = users.is_none() && !asked_for_listeners;
        let anonymous = flags.anonymous || file.anonymous.unwrap_or(by_default);
        let certificates =
            listeners.iter().any(|l| l.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()));
        if !anonymous && users.is_none() && !certificates {
            return error(
                "nobody could connect: name a file of users (--users) or let everyone in (--anonymous)",
            );
        }
        file.limits.check()?;
        let sinks = file.sink.check(folder, &file.limits).map_err(ConfigError)?;
        Ok(Self {
            listeners,
            storage,
            users,
            rules,
            anonymous,
            metrics,
            log: flags.log.or(file.log).unwrap_or_default(),
            shutdown_timeout: file.shutdown_timeout.unwrap_or(10),
            sys_interval: file.sys_interval.unwrap_or(10),
            sinks,
            limits: file.limits,
        })
    }
}

impl FileListener {
    fn check(self, folder: &Path) -> Result<Listener, ConfigError> {
        let Self { kind, bind, proxy_protocol, certificate, key, client_ca, client_certificate } = self;
        let path = |path: PathBuf| folder.join(path);
        let tls = match (kind, certificate, key) {
            (Kind::Tls | Kind::Wss, Some(certificate), Some(key)) => Some(Tls {
                certificate: path(certificate),
                key: path(key),
                client_required: client_certificate == Some(ClientCertificate::Required),
                client_ca: client_ca.clone().map(path),
            }),
            (Kind::Tls | Kind::Wss, _, _) => {
                return error(format!("the listener at {bind} needs `certificate` and `key`"));
            }
            (Kind::Tcp | Kind::Ws, None, None) if client_ca.is_none() && client_certificate.is_none() => None,
            _ => return error(format!("the listener at {bind} has certificates, but no TLS")),
        };
        if client_certificate.is_some() && client_ca.is_none() {
            return error(format!("the listener at {bind} has `client_certificate` without `client_ca`"));
        }
        Ok(Listener { bind, websocket: matches!(kind, Kind::Ws | Kind::Wss), tls, proxy_protocol })
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigError> {
        let seconds = |seconds| usize::try_from(seconds).unwrap_or(usize::MAX);
        let positive = [
            ("connections", self.connections),
            ("connect_timeout", seconds(self.connect_timeout)),
            ("write_timeout", seconds(self.write_timeout)),
            ("receive_maximum", usize::from(self.receive_maximum)),
            ("in_flight", usize::from(self.in_flight)),
            ("topic_levels", self.topic_levels),
            ("packet_size", usize::try_from(self.packet_size).unwrap_or(usize::MAX)),
        ];
        match positive.into_iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => error(format!("`limits.{name}` cannot be 0")),
            None if self.packet_size < 64 => error("`limits.packet_size` is at least 64 bytes"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn config(flags: &str, file: &str) -> Result<Config, String> {
        let line = ["mqtt-broker"].into_iter().chain(flags.split_whitespace());
        let flags = Line::try_parse_from(line).map_err(|error| error.to_string())?.flags;
        Config::parse(&flags, file, Path::new("/etc/mqtt")).map_err(|error| error.to_string())
    }

    fn bound(config: &Config) -> Vec<String> {
        config.listeners.iter().map(|listener| listener.bind.to_string()).collect()
    }

    #[test]
    fn without_a_word_it_listens_on_the_loopback_and_lets_everyone_in() {
        let config = config("", "").unwrap();
        assert_eq!(bound(&config), ["127.0.0.1:1883"]);
        assert!(config.anonymous && config.users.is_none());
        assert_eq!(config.storage, Storage::Folder("mqtt-data".into()));
        assert_eq!(config.limits, Limits::default());
    }

    #[test]
    fn elsewhere_or_with_users_anonymous_has_to_be_asked_for() {
        let nobody = "nobody could connect: name a file of users (--users) or let everyone in (--anonymous)";
        for (flags, file) in [
            ("--bind 0.0.0.0", ""),
            ("--websocket 127.0.0.1:8080", ""),
            ("", "[[listener]]\nkind = 'tcp'\nbind = '0.0.0.0:1883'"),
            ("", "anonymous = false"),
        ] {
            assert_eq!(config(flags, file).unwrap_err(), nobody, "{flags} {file}");
        }
        assert!(config("--bind 0.0.0.0 --anonymous", "").unwrap().anonymous);
        assert!(config("--bind 0.0.0.0", "anonymous = true").unwrap().anonymous);
        assert!(!config("--users u", "").unwrap().anonymous);
        assert!(config("--users u --anonymous", "").unwrap().anonymous);
    }

    #[test]
    fn a_flag_wins_over_the_file_and_paths_of_the_file_are_beside_it() {
        let file = "
            data = 'state'
            users = 'users'
            rules = '/else/rules'
            log = 'json'
            metrics = '127.0.0.1:9090'
            [[listener]]
            kind = 'tcp'
            bind = '0.0.0.0:1883'
            [limits]
            packet_size = 65536
        ";
        let by_file = config("", file).unwrap();
        assert_eq!(by_file.storage, Storage::Folder("/etc/mqtt/state".into()));
        assert_eq!(by_file.users, Some("/etc/mqtt/users".into()));
        assert_eq!(by_file.rules, Some("/else/rules".into()));
        assert_eq!((by_file.log, by_file.limits.packet_size), (LogForm::Json, 65536));
        let by_flags =
            config("--bind [::1]:1884 --bind 127.0.0.1 --memory --users u --log text", file).unwrap();
        assert_eq!(bound(&by_flags), ["[::1]:1884", "127.0.0.1:1883"]);
        assert_eq!((by_flags.storage, by_flags.log), (Storage::Memory, LogForm::Text));
        assert_eq!(by_flags.users, Some("u".into()));
    }

    #[test]
    fn listeners_have_what_they_need_and_nothing_else() {
        let tls =
            "users = 'u'\n[[listener]]\nkind = 'wss'\nbind = '0.0.0.0:8883'\ncertificate = 'c'\nkey = 'k'\n";
        let whole = config("", &format!("{tls}client_ca = 'ca'\nclient_certificate = 'required'")).unwrap();
        let expected = Tls {
            certificate: "/etc/mqtt/c".into(),
            key: "/etc/mqtt/k".into(),
            client_ca: Some("/etc/mqtt/ca".into()),
            client_required: true,
        };
        assert_eq!(whole.listeners[0].tls, Some(expected));
        assert!(whole.listeners[0].websocket);
        for (file, what) in [
            (tls.replace("key = 'k'\n", ""), "the listener at 0.0.0.0:8883 needs `certificate` and `key`"),
            (tls.replace("wss", "ws"), "the listener at 0.0.0.0:8883 has certificates, but no TLS"),
            (
                format!("{tls}client_certificate = 'optional'"),
                "the listener at 0.0.0.0:8883 has `client_certificate` without `client_ca`",
            ),
            (
                format!("{tls}[[listener]]\nkind = 'tcp'\nbind = '0.0.0.0:8883'"),
                "0.0.0.0:8883 is listened at twice",
            ),
            (format!("memory = true\ndata = 'd'\n{tls}"), "`data` and `memory = true` exclude each other"),
        ] {
            assert_eq!(config("", &file).unwrap_err(), what);
        }
    }

    #[test]
    fn an_error_is_one_line_that_says_where() {
        for (file, start) in [
            ("\nport = 1883", "line 2: unknown field `port`"),
            ("[limits]\npacket_siez = 1", "line 2: unknown field `packet_siez`"),
            ("bind", "line 1: "),
            ("[[listener]]\nkind = 'udp'", "line 2: unknown variant `udp`"),
            ("[limits]\npacket_size = -1", "line 2: invalid value"),
            ("[limits]\nin_flight = 0", "`limits.in_flight` cannot be 0"),
            ("[limits]\npacket_size = 10", "`limits.packet_size` is at least 64 bytes"),
            ("[limits]\nconnect_timeout = 0", "`limits.connect_timeout` cannot be 0"),
            ("[limits]\nwrite_timeout = 0", "`limits.write_timeout` cannot be 0"),
            ("metrics = '127.0.0.1:1883'", "127.0.0.1:1883 is listened at twice"),
        ] {
            let error = config("", file).unwrap_err();
            assert!(error.starts_with(start) && !error.contains('\n'), "{error}");
        }
        assert!(config("--bind here", "").unwrap_err().contains("not an IP address, nor one with a port"));
        assert!(config("--memory --data d", "").unwrap_err().contains("cannot be used with"));
    }

    #[test]
    fn the_file_in_the_documentation_is_one() {
        let source = include_str!("config.rs");
        let file = source.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let file = file.replace("//! ", "").replace("//!\n", "\n");
        let config = config("", &file).unwrap();
        assert_eq!((config.listeners.len(), config.limits.packet_size), (2, 65536));
    }
}
