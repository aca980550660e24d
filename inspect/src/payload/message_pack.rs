//! MessagePack, one value.

use rmpv::Value;
use rmpv::decode::{Error, read_value_with_max_depth};

use super::DEEPEST;
use super::node::Node;
use crate::text::count;

/// The library counts a value, and what it holds, as a level each.
const LEVELS: usize = 2 * DEEPEST;

pub(super) fn read(bytes: &[u8]) -> Result<Node, String> {
    let mut left = bytes;
    let value = read_value_with_max_depth(&mut left, LEVELS).map_err(|error| match error {
        Error::DepthLimitExceeded => format!("it is nested deeper than {DEEPEST} levels"),
        Error::InvalidMarkerRead(_) | Error::InvalidDataRead(_) => "it ends inside a value".to_owned(),
    })?;
    match left.len() {
        0 => Ok(node(value)),
        left => Err(format!("{} left behind the value", count(left as u64, "byte"))),
    }
}

fn node(value: Value) -> Node {
    match value {
        Value::Nil => Node::Null,
        Value::Boolean(flag) => Node::Bool(flag),
        Value::Integer(number) => {
            let wide = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            Node::Integer(wide.unwrap_or_default())
        }
        Value::F32(number) => shortest(number),
        Value::F64(number) => Node::Float(number),
        Value::String(text) => match text.as_str() {
            Some(text) => Node::Text(text.to_owned()),
            None => Node::Bytes(text.into_bytes()),
        },
        Value::Binary(bytes) => Node::Bytes(bytes),
        Value::Array(values) => Node::List(values.into_iter().map(node).collect()),
        Value::Map(pairs) => {
            Node::Map(pairs.into_iter().map(|(key, value)| (node(key), node(value))).collect())
        }
        Value::Ext(kind, bytes) => Node::Tagged(format!("ext {kind}"), Box::new(Node::Bytes(bytes))),
    }
}

/// A number of 32 bits in the fewest digits that tell it from others of 32 bits.
pub(super) fn shortest(number: f32) -> Node {
    Node::Float(number.to_string().parse().unwrap_or(number.into()))
}
