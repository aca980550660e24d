//! A table of PostgreSQL.
//!
//! The table is made if there is none (see [`schema`]). A batch is one statement, and its messages leave the queue when that is
//! committed. The number of a message is the key, so that one that comes again changes nothing.

use std::path::Path;
use std::sync::Arc;

use tokio_postgres::config::SslMode;
use tokio_postgres::error::{DbError, Error};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use super::config::{self, Secret, Sink, To};
use super::{End, Failure, Surroundings, in_time, json};
use crate::engine::Later;
use crate::limits::Limits;
use crate::store::Queued;

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// A URL such as `postgres://user@host/database`, or words such as `host=/run/postgresql dbname=rumah`.
    pub url: Secret,
    /// The name of the table, with its schema if it is not the first of the user's `search_path`.
    pub table: String,
}

config::in_file! {
    /// `[[sink.postgres]]`
    InFile { url: Secret, table: Option<String>, }
}

impl InFile {
    pub(super) fn check(self, _: &Path, limits: &Limits) -> Result<Sink, String> {
        if self.filters.is_empty() {
            return Err("it needs `filters`".to_owned());
        }
        let url = self.url.0.parse::<tokio_postgres::Config>().map_err(|error| format!("`url`: {error}"))?;
        if url.get_ssl_mode() == SslMode::Require {
            return Err("`url`: there is no TLS here; reach the server by a socket or a tunnel".to_owned());
        }
        if url.get_hosts().is_empty() {
            return Err("`url`: it names no host".to_owned());
        }
        let table = self.table.clone().unwrap_or_else(|| "mqtt_messages".to_owned());
        if table.split('.').count() > 2 || table.split('.').any(|part| part.is_empty() || part.len() > 40) {
            return Err(format!("`table`: {table:?} is no name of a table, nor one with its schema"));
        }
        self.common().sink(limits, To::Postgres(Config { url: self.url.clone(), table }))
    }
}

impl Config {
    pub(super) fn make(self, name: &str, _: &Surroundings) -> Box<dyn End> {
        Box::new(Postgres { name: name.to_owned(), config: self, connection: None })
    }
}

struct Postgres {
    name: String,
    config: Config,
    /// Not while a batch is under way, and not after a failure.
    connection: Option<(Client, Statement)>,
}

/// The statements that make a table, as the documentation shows them.
pub fn schema(table: &str) -> String {
    let quoted = quoted(table);
    let index = format!("\"{}_topic\"", table.rsplit('.').next().unwrap_or(table).replace('"', "\"\""));
    format!(
        "CREATE TABLE IF NOT EXISTS {quoted} (
    id            bigint PRIMARY KEY,   -- the number of the message, which no other message has
    arrived       timestamptz NOT NULL, -- at the broker
    topic         text NOT NULL,
    qos           smallint NOT NULL,    -- at which it was published
    retain        boolean NOT NULL,
    payload       json,                 -- JSON as it is, text as a string
    payload_bytes bytea,                -- what is neither
    properties    json                  -- of 5.0
);
CREATE INDEX IF NOT EXISTS {index} ON {quoted} (topic, arrived);"
    )
}

/// A name with its schema, quoted.
fn quoted(name: &str) -> String {
    let parts: Vec<_> = name.split('.').map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
    parts.join(".")
}

impl Postgres {
    async fn connect(&self) -> Result<(Client, Statement), Failure> {
        let Config { url, table } = &self.config;
        let mut wanted = url.0.parse::<tokio_postgres::Config>().map_err(Failure::away)?;
        if wanted.get_application_name().is_none() {
            wanted.application_name(format!("mqtt-broker sink {}", self.name));
        }
        let (client, connection) = wanted.connect(NoTls).await.map_err(|error| failure(&error))?;
        // It ends with the client, and what goes wrong there is the answer of a statement.
        tokio::spawn(async { _ = connection.await });
        // A table that is there is not asked for: to make one needs rights that to fill it does not.
        let exists = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&quoted(table)]).await;
        if !exists.and_then(|row| row.try_get(0)).map_err(|error| failure(&error))? {
            client.batch_execute(&schema(table)).await.map_err(|error| failure(&error))?;
        }
        let insert = format!(
            "INSERT INTO {} (id, arrived, topic, qos, retain, payload, payload_bytes, properties)
             SELECT id, to_timestamp(arrived / 1000.0), topic, qos, retain, payload::json, payload_bytes, properties::json
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::smallint[], $5::boolean[], $6::text[], $7::bytea[],
                         $8::text[])
               AS message (id, arrived, topic, qos, retain, payload, payload_bytes, properties)
             ON CONFLICT (id) DO NOTHING",
            quoted(table)
        );
        let insert = client.prepare(&insert).await.map_err(|error| failure(&error))?;
        Ok((client, insert))
    }
}

impl End for Postgres {
    fn open(&mut self) -> Later<'_, Result<(), Failure>> {
        Box::pin(async move {
            if self.connection.as_ref().is_none_or(|(client, _)| client.is_closed()) {
                self.connection = None;
                self.connection = Some(in_time("the connection", self.connect()).await??);
            }
            Ok(())
        })
    }

    fn deliver<'a>(&'a mut self, batch: &'a [Arc<Queued>]) -> Later<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Some((client, insert)) = self.connection.take() else {
                return Err(Failure::away("it is not connected"));
            };
            let mut refused = Vec::new();
            match in_time("a statement", insert_all(&client, &insert, batch)).await? {
                Ok(()) => {}
                Err(error) if is_about_data(&error) => {
                    // One of them is wrong: which?
                    for (at, queued) in batch.iter().enumerate() {
                        let one = std::slice::from_ref(queued);
                        match in_time("a statement", insert_all(&client, &insert, one)).await? {
                            Ok(()) => {}
                            Err(error) if is_about_data(&error) => refused.push((at, shown(&error))),
                            Err(error) => return Err(failure(&error)),
                        }
                    }
                }
                Err(error) => return Err(failure(&error)),
            }
            self.connection = Some((client, insert));
            if refused.is_empty() { Ok(()) } else { Err(Failure::Refused(refused)) }
        })
    }
}

async fn insert_all(client: &Client, insert: &Statement, batch: &[Arc<Queued>]) -> Result<(), Error> {
    let mut rows = Rows::default();
    for queued in batch {
        rows.push(queued);
    }
    let Rows { ids, arrived, topics, qos, retain, payloads, bytes, properties } = &rows;
    let columns: [&(dyn ToSql + Sync); 8] = [ids, arrived, topics, qos, retain, payloads, bytes, properties];
    client.execute(insert, &columns).await.map(|_| ())
}

/// A batch by its columns.
#[derive(Default)]
struct Rows<'a> {
    ids: Vec<i64>,
    arrived: Vec<i64>,
    topics: Vec<&'a str>,
    qos: Vec<i16>,
    retain: Vec<bool>,
    payloads: Vec<Option<String>>,
    bytes: Vec<Option<&'a [u8]>>,
    properties: Vec<Option<String>>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, queued: &'a Queued) {
        let message = &*queued.message;
        let publish = message.frame.publish();
        let payload = json::payload(publish.payload);
        self.ids.push(message.id.cast_signed());
        self.arrived.push(message.arrived.cast_signed());
        self.topics.push(publish.topic.map_or("", |topic| topic.as_str()));
        self.qos.push(u8::from(publish.delivery.qos()).into());
        self.retain.push(publish.retain);
        self.bytes.push(payload.is_none().then_some(publish.payload));
        self.payloads.push(payload.map(|json| json.get().to_owned()));
        self.properties.push(json::properties(&message.frame).map(|json| json.to_string()));
    }
}

/// Whether it is the fault of a message: a value that the database cannot have (class 22), that a constraint (23), the check
/// of a view (44) or a trigger (P0) refuses, or one that is too large (54).
fn is_about_data(error: &Error) -> bool {
    const CLASSES: [&str; 5] = ["22", "23", "44", "54", "P0"];
    error.code().is_some_and(|code| CLASSES.iter().any(|class| code.code().starts_with(class)))
}

fn failure(error: &Error) -> Failure {
    Failure::away(shown(error))
}

/// What the server says, or what is wrong with the connection.
fn shown(error: &Error) -> String {
    error.as_db_error().map_or_else(|| with_source(error), DbError::to_string)
}

fn with_source(error: &Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
