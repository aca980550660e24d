//! Another MQTT broker, in both directions.
//!
//! What the `filters` of the sink match is published there, at QoS 1, under a topic that `prefix` stands before; it
//! leaves the queue when the other broker has acknowledged it. What `incoming` matches there is published here, under a
//! topic that `incoming_prefix` stands before; the other broker gets its acknowledgement when it is stored here.
//!
//! # Why not QoS 2
//!
//! The other broker's session goes on over connections (what is `incoming` waits in it), and here nothing is kept of it. So an
//! identifier of QoS 2 that the other broker has not released would be used for another message, and that one dropped as a
//! duplicate `[MQTT-4.3.3-10]`.
//!
//! # Loops
//!
//! What has come from the other broker does not go back there, nor the other way round (No Local). For longer ways, each
//! message carries the user property [`VIA`] with the `client_id` of every sink that it went through; one that has passed
//! through this broker already is not taken again. 3.1.1 has neither.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mqtt_wire::topic::{TopicFilterBuf, TopicNameBuf};
use mqtt_wire::{
    Delivery, PacketId, PropertiesBuf, Property, PropertyId, Publish, PublishFrame, QoS, ReasonCode,
    RetainHandling, SubscriptionOptions, Version,
};
use mqtt_wire_client::{
    Address, Client, Message, MessageBuf, Messages, Options, PublishError, SessionStart, Tls, Url,
};
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::config::{self, Secret, Sink, To};
use super::driver::REMINDER;
use super::{End, Failure, Surroundings};
use crate::engine::sinks::{self, VIA};
use crate::engine::{Later, Published, Turn};
use crate::limits::Limits;
use crate::store::Queued;

/// How many messages of the other broker are stored together.
const INCOMING: usize = 64;
/// How long a message waits here that cannot be stored.
const PAUSE: Duration = Duration::from_millis(500);

/// Where to and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The other broker.
    pub address: Address,
    /// The user's name there.
    pub user: Option<String>,
    /// The password there.
    pub password: Option<Secret>,
    /// Who this broker is there. No other client may have the same.
    pub client_id: String,
    /// The version that is spoken.
    pub version: Version,
    /// What stands before topics there.
    pub prefix: String,
    /// What comes from there.
    pub incoming: Vec<TopicFilterBuf>,
    /// What stands before topics here.
    pub incoming_prefix: String,
    /// Who signs the other broker's certificate, in PEM; without it, who the operating system trusts.
    pub ca_file: Option<PathBuf>,
    /// This broker's certificate, in PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, in PEM.
    pub key: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) enum Spoken {
    #[serde(rename = "3.1.1")]
    V311,
    #[default]
    #[serde(rename = "5.0")]
    V5,
}

config::in_file! {
    /// `[[sink.mqtt]]`
    InFile {
        url: Secret,
        user: Option<String>,
        password: Option<Secret>,
        client_id: String,
        version: Option<Spoken>,
        prefix: Option<String>,
        incoming: Option<Vec<String>>,
        incoming_prefix: Option<String>,
        ca_file: Option<PathBuf>,
        certificate: Option<PathBuf>,
        key: Option<PathBuf>,
    }
}

impl InFile {
    pub(super) fn check(self, folder: &Path, limits: &Limits) -> Result<Sink, String> {
        let url: Url = self.url.0.parse().map_err(|error| format!("`url`: {error}"))?;
        if !url.rest.is_empty() || url.address.transport.is_websocket() {
            return Err("`url`: mqtt://host:port and mqtts://host:port are possible".to_owned());
        }
        if self.client_id.is_empty() || self.client_id.len() > 65_535 || self.client_id.contains('\0') {
            return Err("`client_id` cannot be empty: the other broker keeps the session by it".to_owned());
        }
        let incoming: Result<Vec<_>, _> =
            self.incoming.iter().flatten().map(|text| config::filter(text)).collect();
        let incoming = incoming?;
        if self.filters.is_empty() && incoming.is_empty() {
            return Err("it needs `filters`, `incoming`, or both".to_owned());
        }
        let prefix = |prefix: Option<&String>, name| match prefix {
            None => Ok(String::new()),
            Some(text) if TopicNameBuf::new(format!("{text}x")).is_ok() && !text.starts_with('$') => {
                Ok(text.clone())
            }
            Some(text) => Err(format!("`{name}`: {text:?} is no beginning of a topic")),
        };
        if self.certificate.is_some() != self.key.is_some() {
            return Err("`certificate` and `key` belong together".to_owned());
        }
        let has_files = self.ca_file.is_some() || self.certificate.is_some();
        if has_files && !url.address.transport.is_tls() {
            return Err("it has certificates, but no TLS: mqtts://".to_owned());
        }
        let file = |path: Option<&PathBuf>| path.map(|path| folder.join(path));
        let (user, password) =
            (self.user.clone().or(url.user_name), self.password.clone().or(url.password.map(Secret)));
        if matches!(self.version, Some(Spoken::V311)) && password.is_some() && user.is_none() {
            return Err("in 3.1.1 a `password` goes with a `user`".to_owned());
        }
        let config = Config {
            address: url.address,
            user,
            password,
            client_id: self.client_id.clone(),
            version: match self.version.unwrap_or_default() {
                Spoken::V311 => Version::V311,
                Spoken::V5 => Version::V5,
            },
            prefix: prefix(self.prefix.as_ref(), "prefix")?,
            incoming,
            incoming_prefix: prefix(self.incoming_prefix.as_ref(), "incoming_prefix")?,
            ca_file: file(self.ca_file.as_ref()),
            certificate: file(self.certificate.as_ref()),
            key: file(self.key.as_ref()),
        };
        self.common().sink(limits, To::Mqtt(config))
    }
}

impl Config {
    pub(super) fn make(self, name: &str, around: &Surroundings) -> Box<dyn End> {
        Box::new(Bridge {
            name: name.into(),
            config: Arc::new(self),
            around: around.clone(),
            client: None,
            receiver: JoinSet::new(),
        })
    }

    fn options(&self) -> Options {
        let mut options = Options::new(self.address.clone());
        options.version = self.version;
        options.client_id.clone_from(&self.client_id);
        options.user_name.clone_from(&self.user);
        options.password = self.password.as_ref().map(|Secret(password)| password.as_bytes().to_vec());
        if !self.incoming.is_empty() {
            options.session = SessionStart::Continue;
        }
        options.receive_maximum = NonZeroU16::MIN.saturating_add(255);
        options.tls = Tls {
            ca_file: self.ca_file.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            ..Tls::default()
        };
        // A lost connection is the driver's business: the queue here is the only one.
        options.reconnect = None;
        options
    }
}

struct Bridge {
    name: Arc<str>,
    config: Arc<Config>,
    around: Surroundings,
    client: Option<Client>,
    /// Takes what comes.
    receiver: JoinSet<()>,
}

impl Bridge {
    async fn connect(&mut self) -> Result<Client, Failure> {
        self.receiver.shutdown().await;
        let (client, messages) = Client::connect(self.config.options()).await.map_err(Failure::away)?;
        let receiver = Receiver {
            name: self.name.clone(),
            publisher: sinks::client_id(&self.name),
            config: self.config.clone(),
            around: self.around.clone(),
        };
        self.receiver.spawn(receiver.run(messages));
        if !self.config.incoming.is_empty() {
            self.subscribe(&client).await?;
        }
        Ok(client)
    }

    async fn subscribe(&self, client: &Client) -> Result<(), Failure> {
        let is_v5 = self.config.version == Version::V5;
        let options = SubscriptionOptions {
            maximum_qos: QoS::ExactlyOnce,
            no_local: is_v5,
            retain_as_published: is_v5,
            retain_handling: if is_v5 { RetainHandling::SendIfNew } else { RetainHandling::Send },
        };
        let filters = self.config.incoming.iter().map(|filter| (filter.clone(), options)).collect();
        let codes = client.subscribe_all(filters, PropertiesBuf::new()).await.map_err(Failure::away)?;
        let refused = self.config.incoming.iter().zip(codes).find(|(_, code)| code.is_error());
        refused.map_or(Ok(()), |(filter, code)| {
            Err(Failure::away(format!("the subscription to {} is refused: {code}", filter.as_str())))
        })
    }

    /// The message as it is published there; `None` when it has been there.
    fn outgoing(&self, queued: &Queued) -> Result<Option<MessageBuf>, String> {
        let message = &*queued.message;
        let publish = message.frame.publish();
        let topic = publish.topic.map_or("", |topic| topic.as_str());
        let mut outgoing = MessageBuf::new(format!("{}{topic}", self.config.prefix), message.frame.payload())
            .map_err(|error| error.to_string())?
            .with_qos(QoS::AtLeastOnce);
        outgoing.retain = queued.retain;
        if self.config.version == Version::V5 {
            let mut properties = publish.properties.to_buf().map_err(|error| error.to_string())?;
            if properties
                .as_properties()
                .user_properties()
                .any(|pair| pair == (VIA, self.config.client_id.as_str()))
            {
                return Ok(None);
            }
            if let Some(expires) = message.expires {
                properties.remove(PropertyId::MessageExpiryInterval);
                let left = expires.saturating_sub(self.around.engine.now()).div_ceil(1000);
                let left = Property::MessageExpiryInterval(u32::try_from(left).unwrap_or(u32::MAX));
                properties.push(left).map_err(|error| error.to_string())?;
            }
            let via = Property::UserProperty((VIA, self.config.client_id.as_str()));
            properties.push(via).map_err(|error| error.to_string())?;
            outgoing.properties = properties;
        }
        Ok(Some(outgoing))
    }
}

impl End for Bridge {
    fn open(&mut self) -> Later<'_, Result<(), Failure>> {
        Box::pin(async move {
            if self.client.is_none() {
                self.client = Some(self.connect().await?);
            }
            Ok(())
        })
    }

    fn deliver<'a>(&'a mut self, batch: &'a [Arc<Queued>]) -> Later<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Some(client) = self.client.take() else { return Err(Failure::away("it is not connected")) };
            let (mut sent, mut refused) = (Vec::with_capacity(batch.len()), Vec::new());
            for (at, queued) in batch.iter().enumerate() {
                match self.outgoing(queued) {
                    Ok(Some(message)) => {
                        sent.push((at, client.publish(message).await.map_err(Failure::away)?));
                    }
                    Ok(None) => {}
                    Err(why) => refused.push((at, why)),
                }
            }
            for (at, delivery) in sent {
                match delivery.await {
                    Ok(_) => {}
                    // It has no room now.
                    Err(error @ PublishError::Refused(ReasonCode::QUOTA_EXCEEDED)) => {
                        return Err(Failure::away(error));
                    }
                    Err(error @ (PublishError::Refused(_) | PublishError::Unsendable(_))) => {
                        refused.push((at, error.to_string()));
                    }
                    Err(error) => return Err(Failure::away(lost(&client, error).await)),
                }
            }
            self.client = Some(client);
            if refused.is_empty() { Ok(()) } else { Err(Failure::Refused(refused)) }
        })
    }

    fn lost(&mut self) -> Later<'_, ()> {
        Box::pin(async move {
            if let Some(client) = &self.client {
                // Why, the driver finds out by the next attempt.
                let _ = client.ended().await;
            }
            self.client = None;
        })
    }
}

/// Why a client has ended, if it has.
async fn lost(client: &Client, error: PublishError) -> String {
    match tokio::time::timeout(Duration::from_secs(1), client.ended()).await {
        Ok(Err(ended)) => ended.to_string(),
        _ => error.to_string(),
    }
}

/// Publishes here what comes from the other broker.
struct Receiver {
    name: Arc<str>,
    /// By this its own sink knows it.
    publisher: Arc<str>,
    config: Arc<Config>,
    around: Surroundings,
}

impl Receiver {
    /// Until the connection ends.
    async fn run(self, mut messages: Messages) {
        let metrics = self.around.metrics.sink(&self.name);
        while let Some(first) = messages.recv().await {
            let mut batch = vec![first];
            while batch.len() < INCOMING
                && let Some(next) = messages.try_recv()
            {
                batch.push(next);
            }
            let mut turn = Turn::default();
            for message in &batch {
                match self.incoming(message) {
                    Ok(frame) => self.publish(frame, &mut turn).await,
                    Err(why) => {
                        let topic = message.topic();
                        tracing::error!(sink = &*self.name, %topic, "a message from there is given up: {why}");
                    }
                }
            }
            if let Some(commit) = self.around.engine.commit(&mut turn)
                && commit.await.is_err()
            {
                // The broker ends before it is safe: it comes again.
                return;
            }
            metrics.received.inc_by(batch.len() as u64);
            for message in &mut batch {
                // If the connection is gone, it comes again.
                drop(message.accept());
            }
        }
    }

    /// The message as it is published here.
    fn incoming(&self, message: &Message) -> Result<PublishFrame, String> {
        if !self.config.incoming.iter().any(|filter| filter.as_filter().matches(message.topic())) {
            return Err("nothing in `incoming` matches it: that is a subscription of earlier".to_owned());
        }
        let mut message = message.to_buf();
        let topic = TopicNameBuf::new(format!("{}{}", self.config.incoming_prefix, message.topic.as_str()));
        message.topic = topic.map_err(|error| error.to_string())?;
        let topic = message.topic.as_name();
        if topic.as_str().starts_with('$') || topic.levels().nth(self.around.limits.topic_levels).is_some() {
            return Err(format!("{topic} cannot be published here"));
        }
        let publish = Publish {
            delivery: Delivery::new(message.qos, PacketId::MIN),
            retain: message.retain,
            properties: message.properties.as_properties(),
            ..Publish::new(topic, &message.payload)
        };
        PublishFrame::encode(&publish, Version::V5).map_err(|error| error.to_string())
    }

    /// Publishes it, as soon as there is room for it. One that never has room is given up.
    async fn publish(&self, frame: PublishFrame, turn: &mut Turn) {
        let message = self.around.engine.message(frame, Some(self.publisher.clone()));
        let mut said: Option<Instant> = None;
        while let Published::Refused(code) = self.around.engine.publish(&message, turn) {
            if code == sinks::TOO_LARGE {
                let topic = message.frame.publish().topic.map(|topic| topic.as_str().to_owned());
                let why = "it is larger than the queue of a sink here";
                tracing::error!(sink = &*self.name, topic, "a message from there is given up: {why}");
                return;
            }
            if said.is_none_or(|said| said.elapsed() >= REMINDER) {
                said = Some(Instant::now());
                tracing::warn!(
                    sink = &*self.name,
                    "a message from there waits, it cannot be stored here: {code}"
                );
            }
            // What comes before it need not wait.
            let _ = self.around.engine.commit(turn);
            tokio::time::sleep(PAUSE).await;
        }
    }
}
