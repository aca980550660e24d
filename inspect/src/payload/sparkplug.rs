//! Sparkplug B: the Payload message of its specification (section 6.4 of version 3.0), in protobuf.

use prost::Message;

use super::message_pack::shortest;
use super::node::Node;
use crate::text::count;

pub(super) fn read(bytes: &[u8]) -> Result<Node, String> {
    let payload = Payload::decode(bytes).map_err(|error| error.to_string())?;
    let unknown = bytes.len().saturating_sub(payload.encoded_len());
    let mut node = vec![];
    put(&mut node, "timestamp", payload.timestamp.map(integer));
    put(&mut node, "seq", payload.seq.map(integer));
    put(&mut node, "uuid", payload.uuid.map(Node::Text));
    put(&mut node, "metrics", Some(Node::List(payload.metrics.into_iter().map(metric).collect())));
    put(&mut node, "body", payload.body.map(Node::Bytes));
    if unknown > 0 {
        // Extensions of others, or no Sparkplug at all.
        put(
            &mut node,
            "not shown",
            Some(Node::Text(format!(
                "{} of fields that Sparkplug B does not have",
                count(unknown as u64, "byte")
            ))),
        );
    }
    Ok(Node::Map(node))
}

type Pairs = Vec<(Node, Node)>;

fn put(pairs: &mut Pairs, name: &str, value: Option<Node>) {
    pairs.extend(value.map(|value| (Node::Text(name.to_owned()), value)));
}

fn integer(number: impl Into<i128>) -> Node {
    Node::Integer(number.into())
}

fn texts(texts: Vec<String>) -> Node {
    Node::List(texts.into_iter().map(Node::Text).collect())
}

fn metric(metric: Metric) -> Node {
    let mut node = vec![];
    put(&mut node, "name", metric.name.map(Node::Text));
    put(&mut node, "alias", metric.alias.map(integer));
    put(&mut node, "timestamp", metric.timestamp.map(integer));
    put(&mut node, "datatype", metric.datatype.map(data_type));
    put(&mut node, "is_historical", metric.is_historical.map(Node::Bool));
    put(&mut node, "is_transient", metric.is_transient.map(Node::Bool));
    put(&mut node, "is_null", metric.is_null.map(Node::Bool));
    put(&mut node, "metadata", metric.metadata.map(metadata));
    put(&mut node, "properties", metric.properties.map(property_set));
    let of = metric.datatype;
    put(
        &mut node,
        "value",
        metric.value.map(|value| match value {
            metric::Value::Int(number) => signed(number.into(), of),
            metric::Value::Long(number) => signed(number, of),
            metric::Value::Float(number) => shortest(number),
            metric::Value::Double(number) => Node::Float(number),
            metric::Value::Boolean(flag) => Node::Bool(flag),
            metric::Value::String(text) => Node::Text(text),
            metric::Value::Bytes(bytes) => Node::Bytes(bytes),
            metric::Value::DataSet(set) => data_set(set),
            metric::Value::Template(one) => template(one),
            metric::Value::Extension(Extension {}) => Node::Map(vec![]),
        }),
    );
    Node::Map(node)
}

/// Signed integers stand in two's complement in fields without a sign.
#[expect(clippy::cast_possible_truncation, reason = "the upper bits repeat the sign")]
fn signed(number: u64, data_type: Option<u32>) -> Node {
    integer(match data_type {
        Some(1) => i128::from(number as i8),
        Some(2) => i128::from(number as i16),
        Some(3) => i128::from(number as i32),
        Some(4) => i128::from(number.cast_signed()),
        _ => number.into(),
    })
}

/// The number of a data type with its name (section 6.4.16).
fn data_type(number: u32) -> Node {
    const NAMES: [&str; 35] = [
        "Unknown",
        "Int8",
        "Int16",
        "Int32",
        "Int64",
        "UInt8",
        "UInt16",
        "UInt32",
        "UInt64",
        "Float",
        "Double",
        "Boolean",
        "String",
        "DateTime",
        "Text",
        "UUID",
        "DataSet",
        "Bytes",
        "File",
        "Template",
        "PropertySet",
        "PropertySetList",
        "Int8Array",
        "Int16Array",
        "Int32Array",
        "Int64Array",
        "UInt8Array",
        "UInt16Array",
        "UInt32Array",
        "UInt64Array",
        "FloatArray",
        "DoubleArray",
        "BooleanArray",
        "StringArray",
        "DateTimeArray",
    ];
    let name = usize::try_from(number).ok().and_then(|index| NAMES.get(index));
    name.map_or_else(|| integer(number), |name| Node::Text((*name).to_owned()))
}

fn metadata(metadata: MetaData) -> Node {
    let mut node = vec![];
    put(&mut node, "is_multi_part", metadata.is_multi_part.map(Node::Bool));
    put(&mut node, "content_type", metadata.content_type.map(Node::Text));
    put(&mut node, "size", metadata.size.map(integer));
    put(&mut node, "seq", metadata.seq.map(integer));
    put(&mut node, "file_name", metadata.file_name.map(Node::Text));
    put(&mut node, "file_type", metadata.file_type.map(Node::Text));
    put(&mut node, "md5", metadata.md5.map(Node::Text));
    put(&mut node, "description", metadata.description.map(Node::Text));
    Node::Map(node)
}

/// Keys and values stand in lists of their own; whether they are as many is another matter.
fn property_set(set: PropertySet) -> Node {
    if set.keys.len() != set.values.len() {
        let mut node = vec![];
        put(&mut node, "keys", Some(texts(set.keys)));
        put(&mut node, "values", Some(Node::List(set.values.into_iter().map(property_value).collect())));
        return Node::Map(node);
    }
    let values = set.values.into_iter().map(property_value);
    Node::Map(set.keys.into_iter().map(Node::Text).zip(values).collect())
}

fn property_value(property: PropertyValue) -> Node {
    let of = property.r#type;
    match property.value {
        None => Node::Null,
        Some(value) => match value {
            property_value::Value::Int(number) => signed(number.into(), of),
            property_value::Value::Long(number) => signed(number, of),
            property_value::Value::Float(number) => shortest(number),
            property_value::Value::Double(number) => Node::Float(number),
            property_value::Value::Boolean(flag) => Node::Bool(flag),
            property_value::Value::String(text) => Node::Text(text),
            property_value::Value::PropertySet(set) => property_set(set),
            property_value::Value::PropertySets(sets) => {
                Node::List(sets.sets.into_iter().map(property_set).collect())
            }
            property_value::Value::Extension(Extension {}) => Node::Map(vec![]),
        },
    }
}

fn data_set(set: DataSet) -> Node {
    let types = set.types;
    let rows = set.rows.into_iter().map(|row| {
        let of = types.iter().copied().map(Some).chain(std::iter::repeat(None));
        Node::List(
            row.elements.into_iter().zip(of).map(|(element, of)| data_set_value(element, of)).collect(),
        )
    });
    let rows = Node::List(rows.collect());
    let mut node = vec![];
    put(&mut node, "num_of_columns", set.num_of_columns.map(integer));
    put(&mut node, "columns", Some(texts(set.columns)));
    put(&mut node, "types", Some(Node::List(types.into_iter().map(data_type).collect())));
    put(&mut node, "rows", Some(rows));
    Node::Map(node)
}

fn data_set_value(value: DataSetValue, of: Option<u32>) -> Node {
    match value.value {
        None => Node::Null,
        Some(value) => match value {
            data_set_value::Value::Int(number) => signed(number.into(), of),
            data_set_value::Value::Long(number) => signed(number, of),
            data_set_value::Value::Float(number) => shortest(number),
            data_set_value::Value::Double(number) => Node::Float(number),
            data_set_value::Value::Boolean(flag) => Node::Bool(flag),
            data_set_value::Value::String(text) => Node::Text(text),
            data_set_value::Value::Extension(Extension {}) => Node::Map(vec![]),
        },
    }
}

fn template(template: Template) -> Node {
    let mut node = vec![];
    put(&mut node, "version", template.version.map(Node::Text));
    put(&mut node, "template_ref", template.reference.map(Node::Text));
    put(&mut node, "is_definition", template.is_definition.map(Node::Bool));
    put(&mut node, "metrics", Some(Node::List(template.metrics.into_iter().map(metric).collect())));
    put(&mut node, "parameters", Some(Node::List(template.parameters.into_iter().map(parameter).collect())));
    Node::Map(node)
}

fn parameter(parameter: Parameter) -> Node {
    let mut node = vec![];
    put(&mut node, "name", parameter.name.map(Node::Text));
    put(&mut node, "type", parameter.r#type.map(data_type));
    let of = parameter.r#type;
    put(
        &mut node,
        "value",
        parameter.value.map(|value| match value {
            parameter::Value::Int(number) => signed(number.into(), of),
            parameter::Value::Long(number) => signed(number, of),
            parameter::Value::Float(number) => shortest(number),
            parameter::Value::Double(number) => Node::Float(number),
            parameter::Value::Boolean(flag) => Node::Bool(flag),
            parameter::Value::String(text) => Node::Text(text),
            parameter::Value::Extension(Extension {}) => Node::Map(vec![]),
        }),
    );
    Node::Map(node)
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Payload {
    #[prost(uint64, optional, tag = "1")]
    timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
    #[prost(uint64, optional, tag = "3")]
    seq: Option<u64>,
    #[prost(string, optional, tag = "4")]
    uuid: Option<String>,
    #[prost(bytes = "vec", optional, tag = "5")]
    body: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    alias: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    datatype: Option<u32>,
    #[prost(bool, optional, tag = "5")]
    is_historical: Option<bool>,
    #[prost(bool, optional, tag = "6")]
    is_transient: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    is_null: Option<bool>,
    #[prost(message, optional, tag = "8")]
    metadata: Option<MetaData>,
    #[prost(message, optional, tag = "9")]
    properties: Option<PropertySet>,
    #[prost(oneof = "metric::Value", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18, 19")]
    value: Option<metric::Value>,
}

mod metric {
    use super::{DataSet, Extension, Template};

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(super) enum Value {
        #[prost(uint32, tag = "10")]
        Int(u32),
        #[prost(uint64, tag = "11")]
        Long(u64),
        #[prost(float, tag = "12")]
        Float(f32),
        #[prost(double, tag = "13")]
        Double(f64),
        #[prost(bool, tag = "14")]
        Boolean(bool),
        #[prost(string, tag = "15")]
        String(String),
        #[prost(bytes, tag = "16")]
        Bytes(Vec<u8>),
        #[prost(message, tag = "17")]
        DataSet(DataSet),
        #[prost(message, tag = "18")]
        Template(Template),
        #[prost(message, tag = "19")]
        Extension(Extension),
    }
}

/// Of the application's own: what is in it is counted with the fields that are not shown.
#[derive(Clone, PartialEq, Message)]
struct Extension {}

#[derive(Clone, PartialEq, Message)]
struct MetaData {
    #[prost(bool, optional, tag = "1")]
    is_multi_part: Option<bool>,
    #[prost(string, optional, tag = "2")]
    content_type: Option<String>,
    #[prost(uint64, optional, tag = "3")]
    size: Option<u64>,
    #[prost(uint64, optional, tag = "4")]
    seq: Option<u64>,
    #[prost(string, optional, tag = "5")]
    file_name: Option<String>,
    #[prost(string, optional, tag = "6")]
    file_type: Option<String>,
    #[prost(string, optional, tag = "7")]
    md5: Option<String>,
    #[prost(string, optional, tag = "8")]
    description: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct PropertySet {
    #[prost(string, repeated, tag = "1")]
    keys: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    values: Vec<PropertyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct PropertySetList {
    #[prost(message, repeated, tag = "1")]
    sets: Vec<PropertySet>,
}

#[derive(Clone, PartialEq, Message)]
struct PropertyValue {
    #[prost(uint32, optional, tag = "1")]
    r#type: Option<u32>,
    #[prost(bool, optional, tag = "2")]
    is_null: Option<bool>,
    #[prost(oneof = "property_value::Value", tags = "3, 4, 5, 6, 7, 8, 9, 10, 11")]
    value: Option<property_value::Value>,
}

mod property_value {
    use super::{Extension, PropertySet, PropertySetList};

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(super) enum Value {
        #[prost(uint32, tag = "3")]
        Int(u32),
        #[prost(uint64, tag = "4")]
        Long(u64),
        #[prost(float, tag = "5")]
        Float(f32),
        #[prost(double, tag = "6")]
        Double(f64),
        #[prost(bool, tag = "7")]
        Boolean(bool),
        #[prost(string, tag = "8")]
        String(String),
        #[prost(message, tag = "9")]
        PropertySet(PropertySet),
        #[prost(message, tag = "10")]
        PropertySets(PropertySetList),
        #[prost(message, tag = "11")]
        Extension(Extension),
    }
}

#[derive(Clone, PartialEq, Message)]
struct DataSet {
    #[prost(uint64, optional, tag = "1")]
    num_of_columns: Option<u64>,
    #[prost(string, repeated, tag = "2")]
    columns: Vec<String>,
    #[prost(uint32, repeated, packed = "false", tag = "3")]
    types: Vec<u32>,
    #[prost(message, repeated, tag = "4")]
    rows: Vec<Row>,
}

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(message, repeated, tag = "1")]
    elements: Vec<DataSetValue>,
}

#[derive(Clone, PartialEq, Message)]
struct DataSetValue {
    #[prost(oneof = "data_set_value::Value", tags = "1, 2, 3, 4, 5, 6, 7")]
    value: Option<data_set_value::Value>,
}

mod data_set_value {
    use super::Extension;

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(super) enum Value {
        #[prost(uint32, tag = "1")]
        Int(u32),
        #[prost(uint64, tag = "2")]
        Long(u64),
        #[prost(float, tag = "3")]
        Float(f32),
        #[prost(double, tag = "4")]
        Double(f64),
        #[prost(bool, tag = "5")]
        Boolean(bool),
        #[prost(string, tag = "6")]
        String(String),
        #[prost(message, tag = "7")]
        Extension(Extension),
    }
}

#[derive(Clone, PartialEq, Message)]
struct Template {
    #[prost(string, optional, tag = "1")]
    version: Option<String>,
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
    #[prost(message, repeated, tag = "3")]
    parameters: Vec<Parameter>,
    #[prost(string, optional, tag = "4")]
    reference: Option<String>,
    #[prost(bool, optional, tag = "5")]
    is_definition: Option<bool>,
}

#[derive(Clone, PartialEq, Message)]
struct Parameter {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(uint32, optional, tag = "2")]
    r#type: Option<u32>,
    #[prost(oneof = "parameter::Value", tags = "3, 4, 5, 6, 7, 8, 9")]
    value: Option<parameter::Value>,
}

mod parameter {
    use super::Extension;

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(super) enum Value {
        #[prost(uint32, tag = "3")]
        Int(u32),
        #[prost(uint64, tag = "4")]
        Long(u64),
        #[prost(float, tag = "5")]
        Float(f32),
        #[prost(double, tag = "6")]
        Double(f64),
        #[prost(bool, tag = "7")]
        Boolean(bool),
        #[prost(string, tag = "8")]
        String(String),
        #[prost(message, tag = "9")]
        Extension(Extension),
    }
}
