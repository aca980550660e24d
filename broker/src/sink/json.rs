//! Messages as JSON, in the shape that `mqtt-client sub --json` prints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt_wire::{Properties, PropertyValue, PublishFrame};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::store::Queued;

/// A message. Instead of the identifier of a connection it has a number of its own.
#[derive(Serialize)]
struct Line<'a> {
    id: String,
    tst: String,
    topic: &'a str,
    qos: u8,
    retain: u8,
    payloadlen: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

/// Appends a message as a line.
pub(super) fn line(queued: &Queued, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let message = &*queued.message;
    let publish = message.frame.publish();
    let payload = payload(publish.payload);
    let line = Line {
        id: message.id.to_string(),
        tst: time(message.arrived),
        topic: publish.topic.map_or("", |topic| topic.as_str()),
        qos: u8::from(publish.delivery.qos()),
        retain: u8::from(publish.retain),
        payloadlen: publish.payload.len(),
        properties: properties(&message.frame),
        payload_base64: payload.is_none().then(|| STANDARD.encode(publish.payload)),
        payload,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.push(b'\n');
    Ok(())
}

/// When a message arrived, in UTC.
fn time(millis: u64) -> String {
    let time = i64::try_from(millis).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    time.unwrap_or(jiff::Timestamp::MAX).strftime("%Y-%m-%dT%H:%M:%S%.6f%z").to_string()
}

/// The payload as JSON: as it is if it is that, text as a string, and nothing if it is neither. It is on one line.
pub(super) fn payload(payload: &[u8]) -> Option<Box<RawValue>> {
    let Ok(raw) = serde_json::from_slice::<&RawValue>(payload) else {
        return serde_json::value::to_raw_value(std::str::from_utf8(payload).ok()?).ok();
    };
    if !raw.get().contains(['\n', '\r']) {
        return Some(raw.to_owned());
    }
    // The ends of lines are white space: in a string they are written as \n and \r.
    RawValue::from_string(raw.get().replace(['\n', '\r'], " ")).ok()
}

/// The properties of a message by their names; none if there are none.
pub(super) fn properties(frame: &PublishFrame) -> Option<Value> {
    let properties: Properties<'_> = frame.publish().properties;
    if properties.is_empty() {
        return None;
    }
    let (mut fields, mut pairs) = (Map::new(), Vec::new());
    for property in properties {
        let value = match property.value() {
            PropertyValue::Utf8StringPair(key, value) => {
                pairs.push(Value::Object(Map::from_iter([(key.to_owned(), value.into())])));
                continue;
            }
            PropertyValue::Utf8String(text) => text.into(),
            PropertyValue::BinaryData(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(_) => hex(bytes).into(),
            },
            PropertyValue::Byte(number) => number.into(),
            PropertyValue::TwoByteInteger(number) => number.into(),
            PropertyValue::FourByteInteger(number) | PropertyValue::VariableByteInteger(number) => {
                number.into()
            }
        };
        fields.insert(property.id().title().to_ascii_lowercase().replace(' ', "-"), value);
    }
    if !pairs.is_empty() {
        fields.insert("user-properties".to_owned(), pairs.into());
    }
    Some(fields.into())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
