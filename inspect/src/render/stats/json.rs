//! The summary as JSON.

use std::collections::BTreeMap;

use mqtt_wire::Version;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::ending::{Course, Ending};
use super::rates::{self, Rates};
use super::tally::{Sum, Tally};
use crate::capture::{Elapsed, Time};
use crate::connections::LeftOut;

/// The one object, written as it is gone through.
impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sum = |sum: &Sum| json!({ "packets": sum.packets, "bytes": sum.bytes });
        let types: Vec<Value> = self
            .types
            .iter()
            .map(|(packet, [client, server, unknown])| {
                json!({
                    "type": packet.name(),
                    "client_to_server": sum(client),
                    "server_to_client": sum(server),
                    "direction_unknown": sum(unknown),
                })
            })
            .collect();
        let errors: Vec<Value> = self
            .errors
            .iter()
            .map(|((kind, rule, message), number)| {
                json!({ "kind": kind, "rule": rule, "message": message, "count": number })
            })
            .collect();
        let by_name = |versions: &BTreeMap<Version, u64>| -> serde_json::Map<String, Value> {
            versions.iter().map(|(version, packets)| (version.to_string(), Value::from(*packets))).collect()
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", "summary")?;
        map.serialize_entry("ok", &sum(&self.good()))?;
        map.serialize_entry("error", &json!({ "packets": self.bad(), "bytes": self.error_bytes }))?;
        map.serialize_entry("incomplete", &sum(&self.incomplete))?;
        map.serialize_entry("not_hex", &self.not_hex)?;
        map.serialize_entry("versions", &by_name(&self.versions))?;
        if !self.guessed.is_empty() {
            map.serialize_entry("versions_guessed", &by_name(&self.guessed))?;
        }
        map.serialize_entry("types", &types)?;
        map.serialize_entry("connections", &EachConnection(self))?;
        if self.left_out != LeftOut::default() {
            map.serialize_entry(
                "left_out",
                &json!({
                    "other_connections": self.left_out.others,
                    "with_mqtt_servers": self.left_out.of_mqtt_servers,
                    "without_data": self.left_out.without_data,
                }),
            )?;
        }
        map.serialize_entry("errors", &errors)?;
        map.serialize_entry("notes", &self.notes)?;
        map.serialize_entry("seconds", &seconds(self.duration))?;
        map.serialize_entry("refusals", &self.refusals_json())?;
        map.serialize_entry("broken", &self.broken_json())?;
        map.serialize_entry("flows", &self.flows_json())?;
        map.serialize_entry("latencies", &self.latencies_json())?;
        map.serialize_entry("topics", &Names(&self.topics, "topic", self.duration))?;
        map.serialize_entry("topics_without_a_line", &both(&self.topics.others))?;
        map.serialize_entry("clients", &Names(&self.clients, "client_identifier", self.duration))?;
        map.serialize_entry("clients_without_a_line", &both(&self.clients.others))?;
        map.end()
    }
}

impl Tally {
    fn refusals_json(&self) -> Vec<Value> {
        let each = self.refusals.iter();
        each.map(|((packet, code, name), number)| {
            json!({ "type": packet.name(), "code": code, "name": name, "count": number })
        })
        .collect()
    }

    fn broken_json(&self) -> Vec<Value> {
        let each = self.broken.iter();
        each.map(|((kind, rule, message), number)| {
            json!({ "kind": kind, "rule": rule, "message": message, "count": number })
        })
        .collect()
    }

    fn flows_json(&self) -> Vec<Value> {
        let each = self.latencies.outcomes.iter();
        each.map(|((kind, sender), outcome)| {
            json!({
                "kind": kind.name(),
                "sender": sender.name(),
                "answered": outcome.answered,
                "refused": outcome.refused,
                "unanswered": outcome.unanswered,
                "sent_again": outcome.sent_again,
            })
        })
        .collect()
    }

    fn latencies_json(&self) -> Vec<Value> {
        let each = self.latencies.percentiles();
        each.map(|(step, times)| {
            json!({
                "kind": step.kind.name(),
                "sender": step.sender.name(),
                "answer": step.answer.name(),
                "count": times.count,
                "min": seconds(times.least),
                "p50": seconds(times.p50),
                "p90": seconds(times.p90),
                "p99": seconds(times.p99),
                "max": seconds(times.most),
            })
        })
        .collect()
    }
}

fn seconds(nanoseconds: u64) -> f64 {
    Elapsed::from_nanoseconds(nanoseconds).seconds()
}

fn both([client, server]: &[Sum; 2]) -> Value {
    json!({
        "client_to_server": { "packets": client.packets, "bytes": client.bytes },
        "server_to_client": { "packets": server.packets, "bytes": server.bytes },
    })
}

/// Counts by name, under the key that the name has, with rates over so many nanoseconds.
struct Names<'a>(&'a Rates, &'static str, u64);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(rates, key, duration) = self;
        serializer.collect_seq(rates.sorted().into_iter().map(|(name, sums)| {
            let mut object = json!({ (*key): name });
            if let (Value::Object(object), Value::Object(sums_of)) = (&mut object, both(&sums)) {
                object.extend(sums_of);
                let rates = [
                    ("packets_per_second", rates::packets(&sums)),
                    ("bytes_per_second", rates::bytes(&sums)),
                ];
                for (key, number) in rates {
                    object.insert(key.to_owned(), rate(number, *duration).into());
                }
            }
            object
        }))
    }
}

/// So many a second; nothing where there is no time.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
pub(super) fn rate(number: u64, nanoseconds: u64) -> Option<f64> {
    (nanoseconds > 0).then(|| number as f64 / seconds(nanoseconds))
}

fn ending(course: &Course) -> Value {
    let mut object = json!({ "how": course.ending.name() });
    let Value::Object(map) = &mut object else { return object };
    match course.ending {
        Ending::Disconnect { sender, .. } => {
            map.insert("sender".to_owned(), sender.to_string().into());
        }
        Ending::TakenOver(by) => {
            map.insert("by".to_owned(), by.into());
        }
        _ => {}
    }
    if let Some((code, name)) = course.ending.code() {
        map.insert("reason_code".to_owned(), code.into());
        map.insert("reason_name".to_owned(), name.into());
    }
    object
}

struct EachConnection<'a>(&'a Tally);

impl Serialize for EachConnection<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sum = |sum: &Sum| json!({ "packets": sum.packets, "bytes": sum.bytes });
        serializer.collect_seq(self.0.connections.iter().map(|connection| {
            let mut object = json!({
                "source": self.0.source(connection),
                "number": connection.ends.number,
                "client": connection.ends.client.to_string(),
                "server": connection.ends.server.to_string(),
                "versions": connection.versions.names(),
                "client_to_server": sum(&connection.sums[0]),
                "server_to_client": sum(&connection.sums[1]),
                "malformed": connection.bad,
                "refused": connection.refused,
                "broken": connection.broken,
                "client_identifier": connection.client,
                "user_name": connection.user,
                "begin": connection.course.begin.map(Time::utc),
                "lasted": connection.course.lasted().map(seconds),
                "end": ending(&connection.course),
            });
            let guessed = connection.guessed.names();
            if let (Value::Object(object), false) = (&mut object, guessed.is_empty()) {
                object.insert("versions_guessed".to_owned(), guessed.into());
            }
            object
        }))
    }
}
