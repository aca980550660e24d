//! CBOR (RFC 8949), one item.

use std::io::Cursor;

use ciborium::Value;
use ciborium::de::{Error, from_reader_with_recursion_limit};

use super::DEEPEST;
use super::node::Node;
use crate::text::count;

pub(super) fn read(bytes: &[u8]) -> Result<Node, String> {
    let mut cursor = Cursor::new(bytes);
    let value: Value =
        from_reader_with_recursion_limit(&mut cursor, DEEPEST).map_err(|error| match error {
            Error::Io(_) => "it ends inside an item".to_owned(),
            Error::Syntax(at) => format!("byte {at} begins no item"),
            Error::Semantic(Some(at), what) => format!("byte {at}: {what}"),
            Error::Semantic(None, what) => what,
            Error::RecursionLimitExceeded => format!("it is nested deeper than {DEEPEST} levels"),
        })?;
    match usize::try_from(cursor.position()).ok().and_then(|at| bytes.len().checked_sub(at)) {
        Some(0) => Ok(node(value)),
        left => Err(format!("{} left behind the item", count(left.unwrap_or_default() as u64, "byte"))),
    }
}

fn node(value: Value) -> Node {
    match value {
        Value::Null => Node::Null,
        Value::Bool(flag) => Node::Bool(flag),
        Value::Integer(number) => Node::Integer(number.into()),
        Value::Float(number) => Node::Float(number),
        Value::Text(text) => Node::Text(text),
        Value::Bytes(bytes) => Node::Bytes(bytes),
        Value::Array(values) => Node::List(values.into_iter().map(node).collect()),
        Value::Map(pairs) => {
            Node::Map(pairs.into_iter().map(|(key, value)| (node(key), node(value))).collect())
        }
        Value::Tag(tag, value) => Node::Tagged(tag.to_string(), Box::new(node(*value))),
        // The library may come to know more kinds.
        other => Node::Text(format!("{other:?}")),
    }
}
