//! A value of any of the formats.

use std::collections::HashSet;
use std::fmt;

use serde_json::{Map, Number, Value};

use crate::text::{digits, quoted, readable};

/// Nested no deeper than [`DEEPEST`](super::DEEPEST), with some levels more for Sparkplug's names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i128),
    /// Not finite, too.
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// A value with what it means: the number of a tag, the type of an extension.
    Tagged(String, Box<Node>),
}

impl Node {
    /// For scripts. What JSON does not have: bytes are an object of length, hex and text, as elsewhere; a tagged value
    /// is an object of `tag` and `value`; keys that are not texts are written as people read them, or, if two would be
    /// the same, the map is a list of pairs.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => (*flag).into(),
            Self::Integer(number) => i64::try_from(*number)
                .map(Value::from)
                .or_else(|_| u64::try_from(*number).map(Value::from))
                .unwrap_or_else(|_| number.to_string().into()),
            Self::Float(number) => {
                Number::from_f64(*number).map_or_else(|| self.to_string().into(), Value::Number)
            }
            Self::Text(text) => text.as_str().into(),
            Self::Bytes(bytes) => {
                let mut map = Map::new();
                map.insert("length".to_owned(), bytes.len().into());
                map.insert("hex".to_owned(), digits(bytes).into());
                if let Some(text) = readable(bytes) {
                    map.insert("text".to_owned(), text.into());
                }
                map.into()
            }
            Self::List(nodes) => nodes.iter().map(Self::to_json).collect(),
            // Which it is comes first: a value that is made twice on each level takes time that doubles with each.
            Self::Map(pairs) if keys_differ(pairs) => {
                Value::Object(pairs.iter().map(|(key, value)| (key.key(), value.to_json())).collect())
            }
            Self::Map(pairs) => {
                pairs.iter().map(|(key, value)| Value::Array(vec![key.to_json(), value.to_json()])).collect()
            }
            Self::Tagged(tag, value) => {
                let mut map = Map::new();
                map.insert("tag".to_owned(), tag.as_str().into());
                map.insert("value".to_owned(), value.to_json());
                map.into()
            }
        }
    }

    fn key(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

/// Whether no two keys are the same in JSON.
fn keys_differ(pairs: &[(Node, Node)]) -> bool {
    let mut keys = HashSet::new();
    pairs.iter().all(|(key, _)| keys.insert(key.key()))
}

/// In the notation of RFC 8949, section 8, which JSON is a part of: `h'00ff'` are bytes, `1(0)` is a tagged value.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(flag) => flag.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Float(number) if number.is_nan() => f.write_str("NaN"),
            Self::Float(number) if number.is_infinite() => {
                f.write_str(if *number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            // With a point, or an exponent where there would be many digits.
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Bytes(bytes) => write!(f, "h'{}'", digits(bytes)),
            Self::List(nodes) => {
                f.write_str("[")?;
                for (index, node) in nodes.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    node.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Map(pairs) => {
                f.write_str("{")?;
                for (index, (key, value)) in pairs.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    write!(f, "{key}: {value}")?;
                }
                f.write_str("}")
            }
            Self::Tagged(tag, value) => write!(f, "{tag}({value})"),
        }
    }
}
