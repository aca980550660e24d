//! A stream of NATS JetStream.
//!
//! The stream is made if there is none. Each message is published with the header `Nats-Msg-Id`, the number of the message, by
//! which JetStream drops those that come again within its duplicate window (two minutes unless the stream says otherwise).
//! It leaves the queue when JetStream has acknowledged it. One that is too large for the server or the stream is given up.
//!
//! The subject is the prefix and the levels of the topic, joined by `.`. In a level, white space, control characters, what
//! is not ASCII, `.`, `*`, `>` and `%` are written as `%` and two hexadecimal digits a byte, and an empty level as `%`.

use std::path::Path;
use std::sync::Arc;

use async_nats::connection::State;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions, HeaderMap, ServerAddr};
use mqtt_wire::TopicName;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::config::{self, Secret, Sink, To};
use super::{End, Failure, Surroundings, in_time};
use crate::engine::Later;
use crate::limits::Limits;
use crate::store::Queued;

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Servers, such as `nats://host:4222`, or `tls://host`.
    pub servers: Vec<Secret>,
    /// The stream.
    pub stream: String,
    /// What subjects begin with.
    pub prefix: String,
    /// The user's name, and the password.
    pub user: Option<(String, Secret)>,
    /// Who signs the server's certificate, in PEM; without it, who the operating system trusts.
    pub ca_file: Option<std::path::PathBuf>,
}

config::in_file! {
    /// `[[sink.nats]]`
    InFile {
        servers: Vec<Secret>,
        stream: String,
        prefix: Option<String>,
        user: Option<String>,
        password: Option<Secret>,
        ca_file: Option<std::path::PathBuf>,
    }
}

impl InFile {
    pub(super) fn check(self, folder: &Path, limits: &Limits) -> Result<Sink, String> {
        if self.filters.is_empty() {
            return Err("it needs `filters`".to_owned());
        }
        if self.servers.is_empty() {
            return Err("it needs `servers`".to_owned());
        }
        for (number, Secret(server)) in self.servers.iter().enumerate() {
            let parsed = server.parse::<ServerAddr>();
            parsed.map_err(|error| format!("number {} of `servers`: {error}", number + 1))?;
        }
        let is_token = |text: &str| {
            !text.is_empty()
                && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "*>".contains(c))
        };
        if !is_token(&self.stream) || self.stream.contains(['.', '/', '\\']) {
            return Err(format!("`stream`: {:?} is no name of a stream", self.stream));
        }
        let prefix = self.prefix.clone().unwrap_or_else(|| "mqtt".to_owned());
        if !prefix.split('.').all(is_token) {
            return Err(format!("`prefix`: {prefix:?} is no subject"));
        }
        let user = match (self.user.clone(), self.password.clone()) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            _ => return Err("`user` and `password` belong together".to_owned()),
        };
        let ca_file = self.ca_file.as_ref().map(|file| folder.join(file));
        let config =
            Config { servers: self.servers.clone(), stream: self.stream.clone(), prefix, user, ca_file };
        self.common().sink(limits, To::Nats(config))
    }
}

impl Config {
    pub(super) fn make(self, _: &str, _: &Surroundings) -> Box<dyn End> {
        Box::new(Nats { config: self, client: None })
    }
}

struct Nats {
    config: Config,
    /// Connects again by itself, once it was connected.
    client: Option<(Client, jetstream::Context)>,
}

impl Nats {
    async fn connect(&self) -> Result<(Client, jetstream::Context), Failure> {
        let Config { servers, stream, prefix, user, ca_file } = &self.config;
        let mut options = ConnectOptions::new().name("mqtt-broker");
        if let Some((name, Secret(password))) = user {
            options = options.user_and_password(name.clone(), password.clone());
        }
        if let Some(file) = ca_file {
            options = options.add_root_certificates(file.clone());
        }
        let servers: Vec<&str> = servers.iter().map(|Secret(server)| &**server).collect();
        let client = options.connect(servers).await.map_err(Failure::away)?;
        let context = jetstream::new(client.clone());
        let wanted = stream::Config {
            name: stream.clone(),
            subjects: vec![format!("{prefix}.>")],
            ..stream::Config::default()
        };
        context.get_or_create_stream(wanted).await.map_err(Failure::away)?;
        Ok((client, context))
    }
}

impl End for Nats {
    fn open(&mut self) -> Later<'_, Result<(), Failure>> {
        Box::pin(async move {
            match &self.client {
                None => self.client = Some(in_time("the connection", self.connect()).await??),
                Some((client, _)) if client.connection_state() != State::Connected => {
                    return Err(Failure::away("the connection was lost"));
                }
                Some(_) => {}
            }
            Ok(())
        })
    }

    fn deliver<'a>(&'a mut self, batch: &'a [Arc<Queued>]) -> Later<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Some((client, context)) = &self.client else {
                return Err(Failure::away("it is not connected"));
            };
            let most = client.server_info().max_payload;
            let (mut sent, mut refused) = (Vec::with_capacity(batch.len()), Vec::new());
            for (at, queued) in batch.iter().enumerate() {
                let Some(topic) = queued.message.frame.publish().topic else { continue };
                let payload = queued.message.frame.payload();
                let subject = subject(&self.config.prefix, topic);
                let headers = headers(queued);
                if subject.len() > SUBJECT {
                    refused.push((at, format!("its subject has more than {SUBJECT} bytes")));
                    continue;
                }
                if payload.len() + HEADERS > most {
                    refused.push((at, format!("it is larger than the server's max_payload of {most} bytes")));
                    continue;
                }
                let publish = context.publish_with_headers(subject, headers, payload);
                sent.push((at, in_time("a message", publish).await?.map_err(Failure::away)?));
            }
            for (at, ack) in sent {
                match in_time("an acknowledgement", ack.into_future()).await? {
                    Ok(_) => {}
                    Err(error) if is_too_large(&error) => refused.push((at, error.to_string())),
                    Err(error) if error.kind() == PublishErrorKind::StreamNotFound => {
                        return Err(Failure::away(format!("no stream takes {}.>", self.config.prefix)));
                    }
                    Err(error) => return Err(Failure::away(error)),
                }
            }
            if refused.is_empty() { Ok(()) } else { Err(Failure::Refused(refused)) }
        })
    }
}

/// More bytes than the headers of a message have.
const HEADERS: usize = 256;

/// The longest subject. A server ends the connection over a line of more than 4096 bytes, unless its `max_control_line` says
/// otherwise; beside the subject there are the place of the answer and two lengths.
const SUBJECT: usize = 3900;

/// Whether the message is larger than the stream takes.
fn is_too_large(error: &PublishError) -> bool {
    let source =
        std::error::Error::source(error).and_then(|source| source.downcast_ref::<jetstream::Error>());
    source.is_some_and(|error| error.error_code() == jetstream::ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
}

/// What is written as `%` and its number.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'.').add(b'*').add(b'>').add(b'%');

/// The subject of a topic.
fn subject(prefix: &str, topic: TopicName<'_>) -> String {
    let mut subject = prefix.to_owned();
    for level in topic.as_str().split('/') {
        subject.push('.');
        if level.is_empty() {
            subject.push('%');
        }
        subject.extend(utf8_percent_encode(level, ESCAPED));
    }
    subject
}

/// Topic, QoS, RETAIN, and the properties that have a meaning elsewhere.
fn headers(queued: &Queued) -> HeaderMap {
    let message = &*queued.message;
    let publish = message.frame.publish();
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", message.id.to_string());
    headers.insert("MQTT-QoS", publish.delivery.qos().to_string());
    headers.insert("MQTT-Arrived", message.arrived.to_string());
    if publish.retain {
        headers.insert("MQTT-Retain", "1");
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_says_which_topic_it_is_of() {
        for (topic, expected) in [
            ("rumahkami/lantaidasar/lampu", "mqtt.rumahkami.lantaidasar.lampu"),
            ("/a//b/", "mqtt.%.a.%.b.%"),
            ("a.b/*/>/%", "mqtt.a%2Eb.%2A.%3E.%25"),
            ("two words/\u{1}", "mqtt.two%20words.%01"),
            ("日本", "mqtt.%E6%97%A5%E6%9C%AC"),
        ] {
            assert_eq!(subject("mqtt", TopicName::new(topic).unwrap()), expected);
        }
    }
}
