//! The summary as JSON.

use std::collections::BTreeMap;

use mqtt_wire::Version;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::tally::{Sum, Tally};
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
        map.end()
    }
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
            });
            let guessed = connection.guessed.names();
            if let (Value::Object(object), false) = (&mut object, guessed.is_empty()) {
                object.insert("versions_guessed".to_owned(), guessed.into());
            }
            object
        }))
    }
}
