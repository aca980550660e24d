//! Where a client connects to, and how.

use std::fmt;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use mqtt_wire::topic::{TopicFilterBuf, TopicNameBuf};
use mqtt_wire::{ConnAck, Packet, PropertiesBuf, QoS, Version};
use percent_encoding::percent_decode_str;

use crate::error::{Error, PublishError, SubscribeError};
use crate::message::MessageBuf;

/// What carries the bytes.
///
/// ```
/// use mqtt_wire_client::{Address, Transport};
///
/// // What a program's options say, as an address.
/// let transport = Transport::WebSocketTls;
/// let port = transport.default_port();
/// let address = Address { transport, ..Address::new("rumah.example", port) };
/// assert_eq!(address.to_string(), "wss://rumah.example:443/mqtt");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `mqtt`, port 1883.
    Tcp,
    /// `mqtts`, port 8883.
    Tls,
    /// `ws`, port 80.
    WebSocket,
    /// `wss`, port 443.
    WebSocketTls,
}

impl Transport {
    /// Whether there is TLS.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::WebSocketTls)
    }

    /// Whether there is WebSocket.
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::WebSocket | Self::WebSocketTls)
    }

    /// The port where servers listen by custom.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Tcp => 1883,
            Self::Tls => 8883,
            Self::WebSocket => 80,
            Self::WebSocketTls => 443,
        }
    }
}

/// The address of a server.
///
/// ```
/// use mqtt_wire_client::{Address, Transport};
///
/// let plain = Address::new("localhost", 1883);
/// assert_eq!(plain.to_string(), "mqtt://localhost:1883");
/// let safe = Address { transport: Transport::Tls, port: 8883, ..plain };
/// assert_eq!(safe.to_string(), "mqtts://localhost:8883");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// What carries the bytes.
    pub transport: Transport,
    /// A name or an IP address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path of the WebSocket, from its slash on, and its query.
    pub path: String,
}

impl Address {
    /// An address for plain TCP; WebSockets are at `/mqtt`.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { transport: Transport::Tcp, host: host.into(), port, path: "/mqtt".to_owned() }
    }

    /// Host and port as they are written in a URL.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, path) = match self.transport {
            Transport::Tcp => ("mqtt", ""),
            Transport::Tls => ("mqtts", ""),
            Transport::WebSocket => ("ws", &*self.path),
            Transport::WebSocketTls => ("wss", &*self.path),
        };
        write!(f, "{scheme}://{}{path}", self.authority())
    }
}

/// What a URL says: `mqtts://name:password@host:port/rest`.
///
/// ```
/// use mqtt_wire_client::{Options, Url};
///
/// // All that a program asks for is in one string of its configuration.
/// let url: Url = "mqtts://lampu:rahasia@rumah.example/rumahkami/dapur/lampu".parse()?;
/// let mut options = Options::new(url.address);
/// options.user_name = url.user_name;
/// options.password = url.password.map(String::into_bytes);
/// assert_eq!(options.address.port, 8883);
/// assert_eq!(url.rest, "rumahkami/dapur/lampu"); // the topic
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// Where to.
    pub address: Address,
    /// The user's name.
    pub user_name: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// What stands behind the first slash: a topic or a filter, by the custom of `mosquitto_pub`. For WebSockets it is
    /// their path and query, and this is empty.
    pub rest: String,
}

/// Without the password.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Url").field(&self.address).field(&self.user_name).field(&self.rest).finish()
    }
}

/// What stands behind the first slash behind the host: `?` and `#` may be in a topic.
fn behind_the_host(text: &str) -> Result<&str, String> {
    let (_, rest) = text.split_once("://").unwrap_or_default();
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(host..).unwrap_or_default() {
        "" => Ok(""),
        behind => behind
            .strip_prefix('/')
            .ok_or_else(|| "a slash stands before a topic: try mqtt://host/topic".to_owned()),
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = url::Url::parse(text).map_err(|error| format!("{error}: try mqtt://host"))?;
        let transport = match url.scheme() {
            "mqtt" | "tcp" => Transport::Tcp,
            "mqtts" | "ssl" => Transport::Tls,
            "ws" => Transport::WebSocket,
            "wss" => Transport::WebSocketTls,
            scheme => return Err(format!("{scheme} is not known: mqtt, mqtts, ws and wss are")),
        };
        let decoded = |part: &str| {
            let text = percent_decode_str(part).decode_utf8().map_err(|_| "it is not UTF-8".to_owned())?;
            Ok::<_, String>(text.into_owned())
        };
        let host = match url.host() {
            Some(url::Host::Ipv6(address)) => address.to_string(),
            Some(host) => decoded(&host.to_string())?,
            None => return Err("there is no host: try mqtt://host".to_owned()),
        };
        let (path, rest) = if transport.is_websocket() {
            (url[url::Position::BeforePath..url::Position::AfterQuery].to_owned(), String::new())
        } else {
            ("/mqtt".to_owned(), decoded(behind_the_host(text)?)?)
        };
        Ok(Self {
            address: Address { transport, host, port: url.port().unwrap_or(transport.default_port()), path },
            user_name: Some(decoded(url.username())?).filter(|name| !name.is_empty()),
            password: url.password().map(decoded).transpose()?,
            rest,
        })
    }
}

/// Whom TLS trusts, and who the client is.
///
/// ```
/// use mqtt_wire_client::{Address, Options, Tls, Transport};
///
/// // The house signs certificates itself, and its server wants one from each client.
/// let address = Address { transport: Transport::Tls, ..Address::new("192.168.1.7", 8883) };
/// let mut options = Options::new(address);
/// options.tls = Tls {
///     ca_file: Some("ca.pem".into()),
///     certificate: Some("lampu.pem".into()),
///     key: Some("lampu.key".into()),
///     server_name: Some("rumah.example".to_owned()), // an IP address is not in the certificate
///     ..Tls::default()
/// };
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// A file of certificates (PEM) that are trusted. Without it those of the operating system are.
    pub ca_file: Option<PathBuf>,
    /// A file with the client's certificates (PEM), its own first.
    pub certificate: Option<PathBuf>,
    /// A file with the client's private key (PEM).
    pub key: Option<PathBuf>,
    /// The name that the server's certificate is made out to; without it the host of the address.
    pub server_name: Option<String>,
    /// The certificate may be made out to any name. Whom it is signed by is checked all the same.
    pub any_name: bool,
    /// The protocol to ask for by ALPN.
    pub alpn: Option<String>,
}

/// A message that the server publishes when the connection ends without a goodbye (section 3.1.2.5).
///
/// ```
/// use mqtt_wire_client::mqtt_wire::topic::TopicNameBuf;
/// use mqtt_wire_client::mqtt_wire::{PropertiesBuf, QoS};
/// use mqtt_wire_client::{Address, Options, WillMessage};
///
/// // Who asks for the state of the lamp learns as well that it is gone.
/// let mut options = Options::new(Address::new("localhost", 1883));
/// options.will = Some(WillMessage {
///     topic: TopicNameBuf::new("rumahkami/dapur/lampu")?,
///     payload: b"tidak terhubung".to_vec(),
///     qos: QoS::AtLeastOnce,
///     retain: true,
///     properties: PropertiesBuf::new(),
/// });
/// # Ok::<(), mqtt_wire_client::mqtt_wire::TopicError>(())
/// ```
#[derive(Debug, Clone)]
pub struct WillMessage {
    /// Where to.
    pub topic: TopicNameBuf,
    /// The message, 0 to 65,535 bytes.
    pub payload: Vec<u8>,
    /// At which QoS.
    pub qos: QoS,
    /// Whether it is kept for later subscribers.
    pub retain: bool,
    /// Will properties (5.0).
    pub properties: PropertiesBuf,
}

/// Which session a client begins with.
///
/// ```
/// use mqtt_wire_client::{Address, Options, SessionStart};
///
/// // A meter whose readings survive that it is switched off while they are on their way.
/// let mut options = Options::new(Address::new("localhost", 1883));
/// options.client_id = "meter-7".to_owned(); // by which the server knows the session
/// options.session = SessionStart::File("meter-7.session".into());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SessionStart {
    /// A new one, that ends with the client. (In 5.0 it goes on from one connection of the client to the next.)
    #[default]
    Clean,
    /// The one that the server has, if it has one. Nothing is known of messages that were on their way.
    Continue,
    /// The one in this file, with the messages of QoS 1 and 2 on their way. The file is made if there is none; no other
    /// client may use it at the same time.
    File(PathBuf),
}

/// When a lost connection is made again: after a delay that doubles each time, up to a bound, and is drawn at random
/// from its upper half, so that the clients of a server that was gone do not come back all at once.
///
/// ```
/// use std::time::Duration;
/// use mqtt_wire_client::{Address, Client, Options, Reconnect};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let mut options = Options::new(address);
/// // A device that is switched on together with its server, and never gives up.
/// let longest = Duration::from_secs(300);
/// options.reconnect = Some(Reconnect { longest, at_start: true, ..Reconnect::default() });
/// let (client, _messages) = Client::connect(options).await?;
///
/// // A program that somebody waits for ends when the connection is lost.
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let mut options = Options::new(address);
/// options.reconnect = None;
/// # drop(client);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    /// The first delay. Default: 1 s.
    pub first: Duration,
    /// The longest delay. Default: 30 s.
    pub longest: Duration,
    /// How many attempts one after the other may fail; `None` for no bound, which is the default.
    pub attempts: Option<u32>,
    /// Whether the very first connection is attempted again, too. Default: no.
    pub at_start: bool,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            attempts: None,
            at_start: false,
        }
    }
}

impl Reconnect {
    /// The delay after so many failed attempts, of which the first is 0.
    pub(crate) fn delay(&self, attempt: u32) -> Duration {
        let factor = 2_u32.checked_pow(attempt.min(31)).unwrap_or(u32::MAX);
        let delay = self.first.saturating_mul(factor).min(self.longest);
        delay / 2 + (delay / 2).mul_f64(fastrand::f64())
    }
}

/// What a client does, for logs.
///
/// ```
/// use std::sync::Arc;
/// use mqtt_wire_client::{Address, Client, Event, Options};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let mut options = Options::new(address);
/// // One line for each connection that comes or goes.
/// options.observer = Some(Arc::new(|event| match event {
///     Event::Connected(connack) => println!("connected: {}", connack.reason_code),
///     Event::Lost(error) => println!("lost: {error}"),
///     Event::Waiting(delay, _) => println!("next attempt in {delay:?}"),
///     _ => {}
/// }));
/// let (client, _messages) = Client::connect(options).await?;
/// # client.disconnect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A connection is attempted.
    Connecting(&'a Address),
    /// The server has accepted the connection.
    Connected(&'a ConnAck<'a>),
    /// This packet goes out.
    Sent(&'a Packet<'a>),
    /// This packet has come.
    Received(&'a Packet<'a>),
    /// There is no connection.
    Lost(&'a Error),
    /// The next attempt is made after this delay, since there is no connection for this reason.
    Waiting(Duration, &'a Error),
    /// The server has forgotten the session: a message that was on its way is sent as a new one, and may come twice.
    SentAnew,
    /// A message of an earlier client, which was in the file of the session, was not delivered. (Of others
    /// [`Delivery`](crate::Delivery) tells.)
    NotDelivered(&'a MessageBuf, PublishError),
    /// The server has forgotten the session, and a subscription was not made again.
    NotSubscribed(&'a TopicFilterBuf, &'a SubscribeError),
}

/// Is told what a client does. It is called in the middle of its work and has to be quick.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use mqtt_wire_client::{Address, Client, Event, Observer, Options};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Counts what a metric shows; the client calls it from its own task.
/// let received = Arc::new(AtomicUsize::new(0));
/// let counter = Arc::clone(&received);
/// let observer: Observer = Arc::new(move |event| {
///     if let Event::Received(_) = event {
///         counter.fetch_add(1, Ordering::Relaxed);
///     }
/// });
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let mut options = Options::new(address);
/// options.observer = Some(observer);
/// let (client, _messages) = Client::connect(options).await?;
/// client.disconnect().await?;
/// println!("{} packets have come", received.load(Ordering::Relaxed));
/// # Ok(())
/// # }
/// ```
pub type Observer = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// How a client connects. Begin with [`Options::new`].
///
/// ```
/// use mqtt_wire_client::{Address, Client, Options, SessionStart};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// // A phone that misses nothing while it is switched off, for a day.
/// let mut options = Options::new(address);
/// options.client_id = "hp".to_owned();
/// options.session = SessionStart::Continue;
/// options.session_expiry = Some(24 * 3600);
/// options.keep_alive = 300; // its radio sleeps longer
/// options.user_name = Some("hp".to_owned());
/// options.password = Some(b"rahasia-hp".to_vec());
/// let (client, _messages) = Client::connect(options).await?;
/// println!("the server has kept the session: {}", client.server().session_present);
/// # client.disconnect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Where to.
    pub address: Address,
    /// The version to speak. Default: 5.0.
    pub version: Version,
    /// Who the client is. Default: empty, so that the server chooses (in 3.1 a random name takes its place).
    pub client_id: String,
    /// Which session to begin with. Default: a clean one.
    pub session: SessionStart,
    /// How many seconds the server keeps the session after the connection (5.0); `u32::MAX` for ever. Default: a clean
    /// session is kept for two minutes for the client to reconnect, and ended by its goodbye; others are kept for ever.
    pub session_expiry: Option<u32>,
    /// The longest time between two packets of the client, in seconds; 0 turns it off. Default: 60.
    pub keep_alive: u16,
    /// The user's name.
    pub user_name: Option<String>,
    /// The password, or any other credential; in 3.x only together with a user name.
    pub password: Option<Vec<u8>>,
    /// The will.
    pub will: Option<WillMessage>,
    /// Further properties of CONNECT (5.0). The client sets Session Expiry Interval, Receive Maximum, Topic Alias Maximum
    /// and Maximum Packet Size by the fields here.
    pub properties: PropertiesBuf,
    /// Properties of the DISCONNECT that says goodbye (5.0).
    pub goodbye: PropertiesBuf,
    /// How many messages of QoS 1 and 2 may be on their way to the client (5.0 announces it). Default: 256.
    pub receive_maximum: NonZeroU16,
    /// How many messages of QoS 1 and 2 may be on their way to the server, if it allows as many. Default: 256, in 3.x 20: a
    /// server of 3.x cannot tell how many it allows, and mosquitto ends the connection when there are more.
    pub send_maximum: Option<NonZeroU16>,
    /// How many topic aliases there may be in each direction (5.0). Default: 16.
    pub topic_aliases: u16,
    /// The largest packet that is received, in bytes. Default: 16 MiB.
    pub max_packet_size: u32,
    /// TLS, where the address says so.
    pub tls: Tls,
    /// How long a connection may take, from the first byte to CONNACK. Default: 30 s.
    pub timeout: Duration,
    /// When a lost connection is made again; `None` never. Default: yes, see [`Reconnect`].
    pub reconnect: Option<Reconnect>,
    /// The highest QoS whose messages are published as new ones when the server has forgotten the session: it may have
    /// them, and they may come twice. At a higher QoS they fail with
    /// [`SessionOver`](crate::PublishError::SessionOver). Default: QoS 1.
    pub resend: QoS,
    /// Is told what happens.
    pub observer: Option<Observer>,
}

/// Without the password.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("address", &self.address)
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// The defaults for a server.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            version: Version::V5,
            client_id: String::new(),
            session: SessionStart::Clean,
            session_expiry: None,
            keep_alive: 60,
            user_name: None,
            password: None,
            will: None,
            properties: PropertiesBuf::new(),
            goodbye: PropertiesBuf::new(),
            receive_maximum: NonZeroU16::MIN.saturating_add(255),
            send_maximum: None,
            topic_aliases: 16,
            max_packet_size: 16 << 20,
            tls: Tls::default(),
            timeout: Duration::from_secs(30),
            reconnect: Some(Reconnect::default()),
            resend: QoS::AtLeastOnce,
            observer: None,
        }
    }

    pub(crate) fn send_maximum(&self) -> u16 {
        let default = if self.version == Version::V5 { 256 } else { 20 };
        self.send_maximum.map_or(default, NonZeroU16::get)
    }

    /// The Session Expiry Interval of CONNECT in 5.0.
    pub(crate) fn expiry(&self) -> u32 {
        const FOR_RECONNECTING: u32 = 120;
        match (&self.session, self.session_expiry) {
            (_, Some(seconds)) => seconds,
            (SessionStart::Clean, None) if self.reconnect.is_some() => FOR_RECONNECTING,
            (SessionStart::Clean, None) => 0,
            _ => u32::MAX,
        }
    }

    /// Whether the goodbye ends a session that was kept for reconnecting alone.
    pub(crate) fn goodbye_ends_session(&self) -> bool {
        self.version == Version::V5
            && self.session == SessionStart::Clean
            && self.session_expiry.is_none()
            && self.expiry() != 0
    }

    pub(crate) fn tell(&self, event: Event<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_everything() {
        let url: Url = "mqtts://anna:s%40c@[::1]:9/rumah/lampu".parse().unwrap();
        assert_eq!(url.address.to_string(), "mqtts://[::1]:9");
        assert_eq!((url.user_name.as_deref(), url.password.as_deref()), (Some("anna"), Some("s@c")));
        assert_eq!(url.rest, "rumah/lampu");
        let url: Url = "wss://host/a/b".parse().unwrap();
        assert_eq!((url.address.to_string(), url.rest.as_str()), ("wss://host:443/a/b".to_owned(), ""));
        assert_eq!("mqtt://host".parse::<Url>().unwrap().address, Address::new("host", 1883));
        assert!("http://host".parse::<Url>().is_err());
        assert!("mqtt:".parse::<Url>().is_err());
        assert!(!format!("{:?}", "mqtt://a:secret@h".parse::<Url>().unwrap()).contains("secret"));
    }

    #[test]
    fn a_url_loses_nothing_of_a_topic_or_a_path() {
        let rest = |text: &str| text.parse::<Url>().map(|url| url.rest);
        for (text, topic) in [
            ("mqtt://host/rumah/#", "rumah/#"),
            ("mqtt://host/#", "#"),
            ("mqtts://anna:s%2Fc@host:9/rumah/+/suhu?x#y", "rumah/+/suhu?x#y"),
            ("mqtt://host/a/../b/./%23", "a/../b/./#"),
            ("mqtt://host//", "/"),
            ("mqtt://host/a b", "a b"),
            ("mqtt://host", ""),
        ] {
            assert_eq!(rest(text).as_deref(), Ok(topic), "{text}");
        }
        for text in ["mqtt://host#", "mqtt://host#a/b", "mqtt://host?a=b"] {
            assert!(rest(text).is_err(), "{text}");
        }
        let path = |text: &str| text.parse::<Url>().unwrap().address.path;
        assert_eq!(path("ws://host/mqtt?token=a%20b"), "/mqtt?token=a%20b");
        assert_eq!(path("ws://host?token=a"), "/?token=a");
    }

    #[test]
    fn the_delay_doubles_up_to_its_bound() {
        let reconnect = Reconnect { longest: Duration::from_secs(6), ..Reconnect::default() };
        for (attempt, seconds) in [(0, 1), (1, 2), (2, 4), (3, 6), (40, 6), (u32::MAX, 6)] {
            let delay = Duration::from_secs(seconds);
            for _ in 0..50 {
                let drawn = reconnect.delay(attempt);
                assert!(delay / 2 <= drawn && drawn <= delay, "{attempt}: {drawn:?}");
            }
        }
    }
}
