//! How sinks are configured: `[[sink.json]]`, `[[sink.mqtt]]`, `[[sink.nats]]`, `[[sink.postgres]]`.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use mqtt_wire::topic::TopicFilterBuf;
use serde::Deserialize;

use super::{End, Surroundings};
use crate::limits::Limits;
use crate::listener::{CertificateError, tls};

/// A sink, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// Its name, which no other sink has: by it the sink finds its queue again.
    pub name: String,
    /// What goes on.
    pub filters: Vec<TopicFilterBuf>,
    /// How many messages wait in its queue at most.
    pub queue_messages: usize,
    /// How many bytes of messages.
    pub queue_bytes: usize,
    /// Where to.
    pub end: To,
}

/// Text that is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("...")
    }
}

/// The fields that sinks of all kinds have in the file, and those of one kind.
macro_rules! in_file {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            name: String,
            #[serde(default)]
            filters: Vec<String>,
            queue_messages: Option<usize>,
            queue_bytes: Option<usize>,
            $($field: $type,)*
        }

        impl $name {
            /// What sinks of all kinds have.
            pub(super) fn common(&self) -> crate::sink::config::Common<'_> {
                crate::sink::config::Common {
                    name: &self.name,
                    filters: &self.filters,
                    queue_messages: self.queue_messages,
                    queue_bytes: self.queue_bytes,
                }
            }
        }
    };
}
pub(super) use in_file;

/// What sinks of all kinds have in the file.
pub(super) struct Common<'a> {
    pub(super) name: &'a str,
    pub(super) filters: &'a [String],
    pub(super) queue_messages: Option<usize>,
    pub(super) queue_bytes: Option<usize>,
}

impl Common<'_> {
    /// The sink, whose `end` has the rest.
    pub(super) fn sink(&self, limits: &Limits, end: To) -> Result<Sink, String> {
        let filters: Result<Vec<_>, _> = self.filters.iter().map(|text| filter(text)).collect();
        let filters = filters?;
        if filters.len() > limits.subscriptions {
            return Err("it has more `filters` than `limits.subscriptions`".to_owned());
        }
        let queue_messages = self.queue_messages.unwrap_or(limits.queue_messages);
        let queue_bytes = self.queue_bytes.unwrap_or(limits.queue_bytes);
        if queue_messages == 0 || queue_bytes == 0 {
            return Err("a queue cannot have 0 places".to_owned());
        }
        Ok(Sink { name: self.name.to_owned(), filters, queue_messages, queue_bytes, end })
    }

    fn check_name(&self) -> Result<(), String> {
        let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(is_good) {
            return Err(format!(
                "a sink's name has 1 to 64 letters, digits, `-`, `_` and `.`: {:?} is none",
                self.name
            ));
        }
        Ok(())
    }
}

/// A filter that is not shared.
pub(super) fn filter(text: &str) -> Result<TopicFilterBuf, String> {
    let filter =
        TopicFilterBuf::new(text).map_err(|error| format!("{text:?} is no topic filter: {error}"))?;
    if filter.as_filter().is_shared() {
        return Err(format!("{text:?} is shared, which has no meaning here"));
    }
    Ok(filter)
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident ($key:ident) $feature:literal in $file:ident;)+) => {
        /// Where the messages of a sink go, and how.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum To {
            $($(#[doc = $doc])+ #[cfg(feature = $feature)] $kind(super::$file::Config),)+
        }

        impl To {
            pub(super) fn make(self, name: &str, around: &Surroundings) -> Box<dyn End> {
                // Without any kind there is no sink.
                let _ = (name, around);
                match self {
                    $(#[cfg(feature = $feature)] Self::$kind(config) => config.make(name, around),)+
                }
            }
        }

        /// The sinks as they are in the file.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct InFile {
            $(
                #[cfg(feature = $feature)] $key: Vec<super::$file::InFile>,
                #[cfg(not(feature = $feature))] $key: Vec<serde::de::IgnoredAny>,
            )+
        }

        impl InFile {
            /// The sinks, checked. Paths are relative to this folder.
            pub(crate) fn check(self, folder: &Path, limits: &Limits) -> Result<Vec<Sink>, String> {
                let _ = (folder, limits);
                let mut sinks = Vec::new();
                $(
                    #[cfg(feature = $feature)]
                    for sink in self.$key {
                        sink.common().check_name()?;
                        let name = sink.common().name.to_owned();
                        let sink = sink.check(folder, limits);
                        sinks.push(sink.map_err(|error| format!("the sink {name}: {error}"))?);
                    }
                    #[cfg(not(feature = $feature))]
                    if !self.$key.is_empty() {
                        let kind = stringify!($key);
                        return Err(format!("`sink.{kind}` needs a broker with the feature `{}`", $feature));
                    }
                )+
                distinct(&sinks)?;
                Ok(sinks)
            }
        }
    };
}

kinds! {
    /// JSON lines.
    Json (json) "sink-json" in lines;
    /// Another MQTT broker.
    Mqtt (mqtt) "sink-mqtt" in mqtt;
    /// A stream of NATS JetStream.
    Nats (nats) "sink-nats" in nats;
    /// A table of PostgreSQL.
    Postgres (postgres) "sink-postgres" in postgres;
}

impl To {
    /// The client identifier at another broker.
    pub(super) fn identity(&self) -> Option<&str> {
        match self {
            #[cfg(feature = "sink-mqtt")]
            Self::Mqtt(config) => Some(&config.client_id),
            #[allow(unreachable_patterns, reason = "there may be no other kind")]
            _ => None,
        }
    }
}

impl To {
    /// Reads the certificates and the key that it names, to see whether they are what they have to be.
    ///
    /// # Errors
    /// When one of them cannot be read, or is something else.
    pub fn check_files(&self) -> Result<(), CertificateError> {
        match self {
            #[cfg(feature = "sink-mqtt")]
            Self::Mqtt(config) => {
                check_certificates(config.ca_file.iter().chain(&config.certificate))?;
                config.key.as_deref().map(tls::key).transpose().map(drop)
            }
            #[cfg(feature = "sink-nats")]
            Self::Nats(config) => check_certificates(config.ca_file.iter()),
            #[allow(unreachable_patterns, reason = "there may be no other kind")]
            _ => Ok(()),
        }
    }
}

fn check_certificates<'a>(mut files: impl Iterator<Item = &'a PathBuf>) -> Result<(), CertificateError> {
    files.try_for_each(|file| tls::chain(file).map(drop))
}

impl To {
    /// The file that is written, by the shortest of its names: each sink takes back what it could not write whole.
    fn file(&self) -> Option<PathBuf> {
        match self {
            #[cfg(feature = "sink-json")]
            Self::Json(config) => {
                let file = config.file.as_ref()?;
                let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
                let there = folder.and_then(|folder| Some(folder.join(file.file_name()?)));
                let there = there.unwrap_or_else(|| file.components().collect());
                Some(there.canonicalize().unwrap_or(there))
            }
            #[allow(unreachable_patterns, reason = "there may be no other kind")]
            _ => None,
        }
    }

    /// Whether it is standard output.
    pub fn is_stdout(&self) -> bool {
        match self {
            #[cfg(feature = "sink-json")]
            Self::Json(config) => config.file.is_none(),
            #[allow(unreachable_patterns, reason = "there may be no other kind")]
            _ => false,
        }
    }
}

/// No two sinks have the same name, nor the same identity at other brokers, nor the same file.
fn distinct(sinks: &[Sink]) -> Result<(), String> {
    let (mut names, mut identities, mut files) = (HashSet::new(), HashSet::new(), HashSet::new());
    for sink in sinks {
        if !names.insert(&sink.name) {
            return Err(format!("two sinks have the name {}", sink.name));
        }
        if let Some(identity) = sink.end.identity()
            && !identities.insert(identity)
        {
            return Err(format!("two sinks have the `client_id` {identity}"));
        }
        if let Some(file) = sink.end.file()
            && let Some(file) = files.replace(file)
        {
            return Err(format!("two sinks have the `file` {}", file.display()));
        }
    }
    Ok(())
}
