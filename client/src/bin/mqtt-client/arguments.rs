//! The arguments that all commands have in common.

use std::io::Write;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
#[cfg(test)]
use clap::Parser;
use mqtt_wire_client::mqtt_wire::topic::TopicNameBuf;
use mqtt_wire_client::mqtt_wire::{PropertyId, QoS, Version};
use mqtt_wire_client::{
    Address, Event, Options, PublishError, Reconnect, SessionStart, SubscribeError, Tls, Transport, Url,
    WillMessage,
};
use tokio::sync::Notify;

use crate::failure::Failure;
use crate::properties::PacketProperties;

/// How to reach the server, and who is there.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Connection {
    /// Print this help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// The server's name or address
    #[arg(short, long, default_value = "localhost", help_heading = "Connection")]
    host: String,
    /// The port [default: 1883, with TLS 8883, with WebSocket 80 and 443]
    #[arg(short, long, help_heading = "Connection")]
    port: Option<u16>,
    /// Everything at once: `mqtt[s]://[name[:password]@]host[:port][/topic]`, `ws[s]://host[:port]/path`
    #[arg(short = 'L', long, conflicts_with_all = ["host", "port", "ws"], help_heading = "Connection")]
    url: Option<Url>,
    /// Use WebSocket, at this path
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "/mqtt", help_heading = "Connection")]
    ws: Option<String>,
    /// The protocol version: 5, 311 or 31 (5.0, 3.1.1 and mqttv5 and so on are the same)
    #[arg(short = 'V', long, default_value = "5", value_parser = version, help_heading = "Connection")]
    protocol_version: Version,
    /// The longest time between two packets in seconds; 0 turns it off
    #[arg(short, long, default_value_t = 60, help_heading = "Connection")]
    keepalive: u16,
    /// How long connecting may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, help_heading = "Connection")]
    connect_timeout: u64,
    /// End when the connection is lost, instead of connecting again
    #[arg(long, help_heading = "Connection")]
    no_reconnect: bool,
    /// Try the first connection again, too
    #[arg(long, conflicts_with = "no_reconnect", help_heading = "Connection")]
    retry: bool,
    /// The longest wait between two attempts to connect, in seconds; it begins with 1 and doubles
    #[arg(long, value_name = "SECONDS", default_value_t = 30, help_heading = "Connection")]
    reconnect_max: u64,
    /// How many messages may be on their way, in either direction
    #[arg(long, value_name = "COUNT", help_heading = "Connection")]
    max_inflight: Option<NonZeroU16>,
    /// The largest packet to receive, in bytes
    #[arg(long, value_name = "BYTES", help_heading = "Connection")]
    max_packet_size: Option<NonZeroU32>,
    /// Say on standard error what happens, packet by packet
    #[arg(short, long, help_heading = "Connection")]
    debug: bool,
    /// Say nothing on standard error but what is wrong
    #[arg(long, help_heading = "Connection")]
    quiet: bool,

    /// The client identifier; without it the server chooses one
    #[arg(short, long, help_heading = "Who")]
    id: Option<String>,
    /// A client identifier of this and the number of the process
    #[arg(short = 'I', long, conflicts_with = "id", help_heading = "Who")]
    id_prefix: Option<String>,
    /// The user's name
    #[arg(short, long, help_heading = "Who")]
    username: Option<String>,
    /// The password; in MQTT_PASSWORD others do not see it
    #[arg(
        short = 'P',
        long = "pw",
        value_name = "PASSWORD",
        env = "MQTT_PASSWORD",
        hide_env_values = true,
        help_heading = "Who"
    )]
    pw: Option<String>,

    /// Go on with the session that the server has for this identifier, and let it keep it
    #[arg(short = 'c', long, help_heading = "Session")]
    disable_clean_session: bool,
    /// How long the server keeps the session afterwards, in seconds; -1 for ever (5.0)
    #[arg(short = 'x', long, value_name = "SECONDS", allow_hyphen_values = true, value_parser = expiry, help_heading = "Session")]
    session_expiry_interval: Option<u32>,
    /// Keep what is on its way in this file, and go on with it next time; implies -c
    #[arg(long, value_name = "FILE", help_heading = "Session")]
    session: Option<PathBuf>,

    /// A property (5.0): connect, will, publish, subscribe, unsubscribe or disconnect, its name and value; a
    /// user-property has a key and a value
    #[arg(short = 'D', long = "property", num_args = 3..=4, value_names = ["PACKET", "NAME", "VALUE"], help_heading = "Session")]
    property: Vec<String>,

    /// Where the server publishes a message when the connection ends without a goodbye
    #[arg(long, value_name = "TOPIC", help_heading = "Will")]
    will_topic: Option<TopicNameBuf>,
    /// What it publishes
    #[arg(long, value_name = "TEXT", requires = "will_topic", help_heading = "Will")]
    will_payload: Option<String>,
    /// At which QoS
    #[arg(long, value_name = "QOS", default_value = "0", value_parser = qos, requires = "will_topic", help_heading = "Will")]
    will_qos: QoS,
    /// To be kept for later subscribers
    #[arg(long, requires = "will_topic", help_heading = "Will")]
    will_retain: bool,

    /// Trust the certificates in this file (PEM), and use TLS; with -L, the URL says so
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    cafile: Option<PathBuf>,
    /// Trust the certificates of the operating system, and use TLS; so does port 8883
    #[arg(long, help_heading = "TLS")]
    tls_use_os_certs: bool,
    /// The client's certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "TLS")]
    cert: Option<PathBuf>,
    /// The client's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "TLS")]
    key: Option<PathBuf>,
    /// Accept a certificate that is made out to another name
    #[arg(long, help_heading = "TLS")]
    insecure: bool,
    /// The protocol to ask for by ALPN
    #[arg(long, value_name = "PROTOCOL", help_heading = "TLS")]
    tls_alpn: Option<String>,
}

fn version(text: &str) -> Result<Version, String> {
    match text.to_ascii_lowercase().trim_start_matches("mqttv") {
        "5" | "5.0" => Ok(Version::V5),
        "311" | "3.1.1" => Ok(Version::V311),
        "31" | "3.1" => Ok(Version::V31),
        _ => Err("5, 311 and 31 are possible".to_owned()),
    }
}

pub(crate) fn qos(text: &str) -> Result<QoS, String> {
    text.parse().map_err(|_| "0, 1 and 2 are possible".to_owned())
}

/// Seconds that may have a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "it is no number of seconds".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}

fn expiry(text: &str) -> Result<u32, String> {
    match text {
        "-1" | "\u{221e}" => Ok(u32::MAX),
        text => text.parse().map_err(|_| "0 to 4294967295, or -1 for ever".to_owned()),
    }
}

impl Connection {
    /// The topic in the URL.
    pub(crate) fn topic(&self) -> Option<&str> {
        self.url.as_ref().map(|url| url.rest.as_str()).filter(|topic| !topic.is_empty())
    }

    pub(crate) const fn version(&self) -> Version {
        self.protocol_version
    }

    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(crate) const fn has_session(&self) -> bool {
        self.disable_clean_session || self.session.is_some()
    }

    fn address(&self) -> Address {
        if let Some(url) = &self.url {
            return url.address.clone();
        }
        let tls = self.cafile.is_some() || self.tls_use_os_certs || self.port == Some(8883);
        let transport = match (self.ws.is_some(), tls) {
            (false, false) => Transport::Tcp,
            (false, true) => Transport::Tls,
            (true, false) => Transport::WebSocket,
            (true, true) => Transport::WebSocketTls,
        };
        let path = self.ws.as_deref().unwrap_or("/mqtt");
        Address {
            transport,
            host: self.host.clone(),
            port: self.port.unwrap_or(transport.default_port()),
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
        }
    }

    /// What the library needs, the properties of the other packets, and what is noticed later.
    pub(crate) fn options(&self) -> Result<(Options, PacketProperties, Arc<Noticed>), Failure> {
        let mut properties = PacketProperties::parse(&self.property)?;
        let is_v5 = self.protocol_version == Version::V5;
        if !is_v5 && !properties.is_empty() {
            return Err(Failure::Usage(
                "properties are part of MQTT 5.0: leave out -D, or use -V 5".to_owned(),
            ));
        }
        if !is_v5 && self.session_expiry_interval.is_some() {
            return Err(Failure::Usage("-x is part of MQTT 5.0: leave it out, or use -V 5".to_owned()));
        }
        let url = self.url.as_ref();
        let mut options = Options::new(self.address());
        options.version = self.protocol_version;
        let is_about_tls = self.cafile.is_some()
            || self.tls_use_os_certs
            || self.cert.is_some()
            || self.insecure
            || self.tls_alpn.is_some();
        if is_about_tls && !options.address.transport.is_tls() {
            let text = "there is no TLS for what is said of it: use mqtts:// or wss://, or --cafile, \
                        --tls-use-os-certs or port 8883 without -L";
            return Err(Failure::Usage(text.to_owned()));
        }
        options.client_id = match (&self.id, &self.id_prefix) {
            (Some(id), _) => id.clone(),
            (None, Some(prefix)) => format!("{prefix}{}", std::process::id()),
            (None, None) => String::new(),
        };
        if self.has_session() && options.client_id.is_empty() {
            let text = "a session that goes on belongs to a client identifier: choose one with -i";
            return Err(Failure::Usage(text.to_owned()));
        }
        options.session = match &self.session {
            Some(file) => SessionStart::File(file.clone()),
            None if self.disable_clean_session => SessionStart::Continue,
            None => SessionStart::Clean,
        };
        options.session_expiry = self.session_expiry_interval;
        options.keep_alive = self.keepalive;
        options.user_name = self.username.clone().or_else(|| url.and_then(|url| url.user_name.clone()));
        let password = self.pw.clone().or_else(|| url.and_then(|url| url.password.clone()));
        if !is_v5 && password.is_some() && options.user_name.is_none() {
            return Err(Failure::Usage("in 3.x a password goes with a name: add -u".to_owned()));
        }
        options.password = password.map(String::into_bytes);
        options.will = self.will_topic.as_ref().map(|topic| WillMessage {
            topic: topic.clone(),
            payload: self.will_payload.clone().unwrap_or_default().into_bytes(),
            qos: self.will_qos,
            retain: self.will_retain,
            properties: std::mem::take(&mut properties.will),
        });
        if !properties.will.is_empty() {
            return Err(Failure::Usage("properties of a will need a will: see --will-topic".to_owned()));
        }
        // What the client sees to itself is told by the fields of its options.
        let own = properties.connect.as_properties();
        options.session_expiry = options.session_expiry.or(own.session_expiry_interval());
        let most = self.max_inflight.or(own.receive_maximum());
        options.receive_maximum = most.unwrap_or(options.receive_maximum);
        options.send_maximum = self.max_inflight;
        options.topic_aliases = own.topic_alias_maximum().unwrap_or(options.topic_aliases);
        let size = self.max_packet_size.or(own.maximum_packet_size());
        options.max_packet_size = size.map_or(options.max_packet_size, NonZeroU32::get);
        properties.connect.remove(
            PropertyId::SessionExpiryInterval
                | PropertyId::ReceiveMaximum
                | PropertyId::TopicAliasMaximum
                | PropertyId::MaximumPacketSize,
        );
        options.properties = std::mem::take(&mut properties.connect);
        options.goodbye = std::mem::take(&mut properties.disconnect);
        options.tls = Tls {
            ca_file: self.cafile.clone(),
            certificate: self.cert.clone(),
            key: self.key.clone(),
            any_name: self.insecure,
            alpn: self.tls_alpn.clone(),
            ..Tls::default()
        };
        options.timeout = Duration::from_secs(self.connect_timeout);
        options.reconnect = (!self.no_reconnect).then(|| Reconnect {
            longest: Duration::from_secs(self.reconnect_max),
            at_start: self.retry,
            ..Reconnect::default()
        });
        // A command is about messages: one that may come twice is better than one that is lost.
        options.resend = QoS::ExactlyOnce;
        let (debug, quiet) = (self.debug, self.quiet);
        let noticed = Arc::<Noticed>::default();
        let notices = noticed.clone();
        options.observer = Some(Arc::new(move |event| {
            observe(debug, quiet, &event);
            notices.notice(&event);
        }));
        Ok((options, properties, noticed))
    }
}

/// What has failed without anybody who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    undelivered: Mutex<Option<(u64, PublishError)>>,
    refused: Mutex<Option<Failure>>,
    wakes: Notify,
}

impl Noticed {
    fn notice(&self, event: &Event<'_>) {
        match event {
            Event::NotDelivered(_, error) => {
                let mut undelivered = self.undelivered.lock().unwrap_or_else(PoisonError::into_inner);
                undelivered.get_or_insert((0, *error)).0 += 1;
            }
            Event::NotSubscribed(filter, error) => {
                let failure = match error {
                    SubscribeError::Refused(code) => {
                        Failure::NotSubscribed(filter.as_str().to_owned(), *code)
                    }
                    error => Failure::Subscribe((*error).clone()),
                };
                self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
                self.wakes.notify_one();
            }
            _ => {}
        }
    }

    /// The messages of an earlier process that were not delivered.
    pub(crate) fn undelivered(&self) -> Result<(), Failure> {
        let undelivered = self.undelivered.lock().unwrap_or_else(PoisonError::into_inner).take();
        undelivered.map_or(Ok(()), |(count, error)| Err(Failure::NotDelivered(count, error)))
    }

    /// Returns when a subscription was not made again.
    pub(crate) async fn refused(&self) -> Failure {
        loop {
            self.wakes.notified().await;
            if let Some(failure) = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return failure;
            }
        }
    }
}

/// Says on standard error what happens: lost connections always, the rest with `-d`.
fn observe(debug: bool, quiet: bool, event: &Event<'_>) {
    let text = match event {
        Event::Connecting(address) if debug => format!("connecting to {address}"),
        Event::Sent(packet) if debug => format!("sent {packet:?}"),
        Event::Received(packet) if debug => format!("received {packet:?}"),
        Event::Lost(error) if debug => format!("lost: {error}"),
        Event::Waiting(delay, error) if !quiet => {
            format!("{error}: connecting again in {:.1} s", delay.as_secs_f64())
        }
        Event::SentAnew if !quiet => {
            "the server has forgotten the session: a message is sent again, and may come twice".to_owned()
        }
        _ => return,
    };
    // Nobody is left to be told that this fails.
    let _ = writeln!(std::io::stderr(), "mqtt-client: {text}");
}

/// Resolves at Ctrl-C, or when the process is asked to end.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler the signal ends the process by itself.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Only for the derive, which wants a parser to test groups of arguments.
#[derive(Debug, Parser)]
#[command(disable_help_flag = true)]
#[cfg(test)]
struct Alone {
    #[command(flatten)]
    connection: Connection,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &str) -> Result<Options, Failure> {
        let words = ["x"].into_iter().chain(arguments.split_whitespace());
        Ok(Alone::try_parse_from(words).unwrap().connection.options()?.0)
    }

    #[test]
    fn the_transport_follows_from_what_is_asked() {
        for (arguments, address) in [
            ("", "mqtt://localhost:1883"),
            ("-h ::1 -p 8883", "mqtts://[::1]:8883"),
            ("-h a --cafile x", "mqtts://a:8883"),
            ("-h a --ws", "ws://a:80/mqtt"),
            ("-h a --ws / -p 9001 --tls-use-os-certs", "wss://a:9001/"),
            ("-L mqtts://b/t", "mqtts://b:8883"),
        ] {
            assert_eq!(options(arguments).unwrap().address.to_string(), address, "{arguments}");
        }
    }

    #[test]
    fn the_properties_that_the_client_sees_to_become_its_options() {
        let options =
            options("-D connect receive-maximum 7 -D connect session-expiry-interval 9 -x 8 -i a").unwrap();
        assert_eq!((options.receive_maximum.get(), options.session_expiry), (7, Some(8)));
        assert!(options.properties.is_empty());
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for arguments in [
            "-c",
            "-V 31 -x 5",
            "-V 311 -D publish content-type x",
            "-P secret -V 311",
            "-D will content-type x",
            // Else a password goes out in the clear, where TLS was meant.
            "-L mqtt://a --cafile x",
            "-L ws://a --tls-use-os-certs",
            "--cert x --key y",
            "--insecure",
            "--tls-alpn mqtt",
        ] {
            let Err(failure) = options(arguments) else { panic!("{arguments}") };
            assert_eq!(failure.exit_code(), 2, "{arguments}: {failure}");
        }
    }
}
