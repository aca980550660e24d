use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::render::paint::Painter;

const PLAIN: Painter = Painter { colour: false };

fn payload(format: Format, bytes: &[u8]) -> Payload<'_> {
    Payload { bytes, digest: None, format }
}

fn shown(format: Format, bytes: &[u8]) -> String {
    payload(format, bytes).lines(false, PLAIN).join("\n")
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter_map(|digit| char::from(digit).to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// RFC 8949, appendix A: bytes, and how they are written.
#[test]
fn cbor_is_written_as_the_standard_writes_it() {
    let examples = [
        ("00", "0"),
        ("1bffffffffffffffff", "18446744073709551615"),
        ("3bffffffffffffffff", "-18446744073709551616"),
        ("f97bff", "65504.0"),
        ("fb3ff199999999999a", "1.1"),
        ("fa7f800000", "Infinity"),
        ("f97e00", "NaN"),
        ("f4", "false"),
        ("f6", "null"),
        ("c11a514b67b0", "1(1363896240)"),
        ("d818456449455446", "24(h'6449455446')"),
        ("4401020304", "h'01020304'"),
        ("62225c", r#""\"\\""#),
        ("63e6b0b4", r#""水""#),
        ("8301820203820405", "[\n  1,\n  [2, 3],\n  [4, 5]\n]"),
        ("a201020304", "{1: 2, 3: 4}"),
        ("bf61610161629f0203ffff", "{\n  \"a\": 1,\n  \"b\": [2, 3]\n}"),
        ("5f42010243030405ff", "h'0102030405'"),
        ("80", "[]"),
    ];
    for (bytes, text) in examples {
        assert_eq!(shown(Format::Cbor, &hex(bytes)), text, "{bytes}");
    }
}

#[test]
fn values_go_into_json_as_far_as_it_has_them() {
    let value = |bytes: &str| payload(Format::Cbor, &hex(bytes)).value().unwrap().unwrap().to_string();
    assert_eq!(value("a2016161 20f6"), r#"{"1":"a","-1":null}"#);
    assert_eq!(value("a2016161 613102"), r#"[[1,"a"],["1",2]]"#);
    assert_eq!(value("3bffffffffffffffff"), r#""-18446744073709551616""#);
    assert_eq!(value("f97e00"), r#""NaN""#);
    assert_eq!(value("c14161"), r#"{"tag":"1","value":{"length":1,"hex":"61","text":"a"}}"#);
}

#[test]
fn message_pack_is_read() {
    let bytes = hex("85 a161 01 a162 cb3ff199999999999a a163 ca3dcccccd a164 c403010203 a165 d40500");
    let text = "{\"a\": 1, \"b\": 1.1, \"c\": 0.1, \"d\": h'010203', \"e\": ext 5(h'00')}";
    assert_eq!(
        shown(Format::MessagePack, &bytes).replace("\n  ", " ").replace("{ ", "{").replace("\n}", "}"),
        text
    );
    assert_eq!(
        shown(Format::MessagePack, &hex("93 01")),
        format!("not readable as MessagePack: it ends inside a value\n0000  {:49} ..", "93 01")
    );
    assert_eq!(
        shown(Format::MessagePack, &hex("01 02")).lines().next().unwrap(),
        "not readable as MessagePack: 1 byte left behind the value"
    );
}

#[test]
fn json_stays_as_it_is_written() {
    let text = br#" {"a":1.10,"a":1E+400, "b":[ ],"c":{ } ,"d":"\u0041\n:{","e":[[1,2],[3]]}"#;
    let expected = r#"{
  "a": 1.10,
  "a": 1E+400,
  "b": [],
  "c": {},
  "d": "\u0041\n:{",
  "e": [
    [1, 2],
    [3]
  ]
}"#;
    assert_eq!(shown(Format::Json, text), expected);
    assert_eq!(shown(Format::Json, b"12"), "12");
    let bad = shown(Format::Json, b"{\"a\":}");
    assert!(
        bad.starts_with("not readable as JSON: expected value at line 1 column 6\n0000  7b 22 61"),
        "{bad}"
    );
    // What turns text around does not reach the terminal.
    assert_eq!(shown(Format::Json, "\"a\u{202e}b\"".as_bytes()), r#""a\u{202e}b""#);
}

#[test]
fn what_is_long_is_cut_with_its_size() {
    let list = format!("[{}]", vec!["[[1]]"; 1000].join(","));
    let text = shown(Format::Json, list.as_bytes());
    assert_eq!(text.lines().count(), 41);
    // Each takes three lines, and the list two.
    assert_eq!(text.lines().last().unwrap(), "… 2962 more lines (see --full)");
    let full = payload(Format::Json, list.as_bytes()).lines(true, PLAIN);
    assert_eq!(full.len(), 3002);
    let long = format!("\"{}\"", "ö".repeat(500));
    assert_eq!(shown(Format::Json, long.as_bytes()), format!("\"{}… (502 characters)", "ö".repeat(99)));
    let text = shown(Format::Hex, &[0x41; 1000]);
    assert_eq!(text.lines().count(), 17);
    assert_eq!(text.lines().next().unwrap(), format!("0000  {0} {0} {1}", "41 ".repeat(8), "A".repeat(16)));
    assert_eq!(text.lines().last().unwrap(), "… 744 more bytes");
    assert_eq!(shown(Format::Hex, b"\x00a"), format!("0000  {:49} .a", "00 61"));
    let large = vec![0; LARGEST + 1];
    let text = shown(Format::Cbor, &large);
    assert!(
        text.starts_with("not readable as CBOR: it has 65537 bytes, and up to 65536 are read\n"),
        "{text}"
    );
}

#[test]
fn what_is_nested_deep_is_refused_by_every_format() {
    for (format, open, close) in [
        (Format::Json, "5b", "5d"),
        (Format::Cbor, "81", ""),
        (Format::Cbor, "c1", ""),
        (Format::MessagePack, "91", ""),
    ] {
        let nested = |depth: usize| {
            let inside = if format == Format::Json { "31" } else { "01" };
            hex(&[open.repeat(depth), inside.to_owned(), close.repeat(depth)].concat())
        };
        let fine = shown(format, &nested(50));
        assert!(!fine.starts_with("not readable"), "{format:?}: {fine}");
        for depth in [LARGEST - 1, 200] {
            let deep = nested(depth);
            let lines = payload(format, &deep).lines(true, PLAIN);
            assert_eq!(
                lines[0],
                format!("not readable as {}: it is nested deeper than 64 levels", format.title()),
                "{depth}"
            );
            if let Some(value) = payload(format, &deep).value() {
                assert!(value.is_err());
            }
        }
    }
}

/// A map with two equal keys is a list in JSON; 60 of them, each the value of the next, are no more work than that.
#[test]
fn maps_with_equal_keys_in_each_other_are_read_once() {
    for (format, open) in [(Format::Cbor, "a2 00 00 00"), (Format::MessagePack, "82 00 00 00")] {
        let bytes = hex(&(open.repeat(60) + "01"));
        let value = payload(format, &bytes).value().unwrap().unwrap().to_string();
        assert_eq!(value, "[[0,0],[0,".repeat(60) + "1" + &"]]".repeat(60));
    }
}

/// Values of Eclipse Tahu's shape, put together by hand: name, alias, timestamp, datatype, value.
#[test]
fn sparkplug_is_read_with_its_signs_and_names() {
    let bytes = hex(concat!(
        // Timestamp 1700000000000, and seq 3.
        "08 80d095ffbc31 18 03",
        // Temp, alias 1, Int16 (2), -5 in int_value as 32 bits.
        "12 10 0a04 54656d70 1001 2002 50fbffffff0f",
        // On, Boolean (11), true.
        "12 08 0a02 4f6e 200b 7001",
        // Level without a type, float 0.1.
        "12 0c 0a05 4c6576656c 65cdcccc3d",
    ));
    let text = shown(Format::SparkplugB, &bytes);
    let expected = r#"{
  "timestamp": 1700000000000,
  "seq": 3,
  "metrics": [
    {"name": "Temp", "alias": 1, "datatype": "Int16", "value": -5},
    {"name": "On", "datatype": "Boolean", "value": true},
    {"name": "Level", "value": 0.1}
  ]
}"#;
    assert_eq!(text, expected);
    // Field 9 is nobody's.
    let more = [bytes.as_slice(), &hex("4a02abcd")].concat();
    assert!(
        shown(Format::SparkplugB, &more)
            .contains(r#""not shown": "4 bytes of fields that Sparkplug B does not have""#)
    );
    assert!(shown(Format::SparkplugB, b"hello").starts_with("not readable as Sparkplug B: "));
}

#[test]
fn templates_in_templates_are_bounded() {
    let mut bytes: Vec<u8> = Vec::new();
    for _ in 0..200 {
        // A metric whose value is a template whose metric is what was there.
        let wrap = |field: u8, inside: &[u8]| {
            let mut out = vec![];
            prost::encoding::encode_key(
                u32::from(field),
                prost::encoding::WireType::LengthDelimited,
                &mut out,
            );
            prost::encode_length_delimiter(inside.len(), &mut out).unwrap();
            out.extend(inside);
            out
        };
        bytes = wrap(2, &wrap(18, &bytes));
    }
    let text = shown(Format::SparkplugB, &bytes);
    assert!(text.starts_with("not readable as Sparkplug B: "), "{text}");
}

#[test]
fn the_format_is_chosen_by_rule_then_type_then_topic() {
    let rules = |texts: &[&str]| Payloads::new(texts.iter().map(|text| text.parse().unwrap()).collect());
    let topic = |name| mqtt_wire::topic::TopicName::new(name).unwrap();
    let publish = |name| Publish::new(topic(name), b"x");
    let format = |rules: &Payloads, name| rules.format(&publish(name), None);
    let none = Payloads::default();
    assert_eq!(format(&none, "a"), None);
    assert_eq!(format(&none, "spBv1.0/g/DDATA/n/d"), Some(Format::SparkplugB));
    assert_eq!(format(&none, "spBv1.0/STATE/host"), Some(Format::Json));
    let some = rules(&["a/+=cbor", "spBv1.0/#=none", "b==json=hex"]);
    assert_eq!(format(&some, "a/b"), Some(Format::Cbor));
    assert_eq!(format(&some, "a"), None);
    assert_eq!(format(&some, "spBv1.0/g/DDATA/n/d"), None);
    assert_eq!(format(&some, "b==json"), Some(Format::Hex));
    assert_eq!(some.format(&publish("c"), Some("a/alias")), Some(Format::Cbor));
    assert_eq!(format(&rules(&["msgpack"]), "$SYS/x"), Some(Format::MessagePack));
    assert_eq!(Payloads::default().format(&Publish::new(topic("spBv1.0/x"), b""), None), None);
    for (content_type, format) in [
        ("application/json; charset=utf-8", Some(Format::Json)),
        ("Application/CBOR", Some(Format::Cbor)),
        ("application/senml+cbor", Some(Format::Cbor)),
        ("application/vnd.msgpack", Some(Format::MessagePack)),
        ("text/plain", None),
    ] {
        assert_eq!(Format::of_content_type(content_type), format, "{content_type}");
    }
    for bad in ["xml", "a/#/b=json", "=json", "a="] {
        assert!(bad.parse::<Rule>().is_err(), "{bad}");
    }
}

/// Every format takes any bytes: none loses its way, and what is shown of them is bounded.
fn takes(bytes: &[u8]) {
    for format in Format::ALL {
        let payload = payload(format, bytes);
        let lines = payload.lines(false, PLAIN);
        assert!(lines.len() <= 43, "{format:?}");
        assert!(lines.iter().all(|line| !line.chars().any(crate::text::is_invisible)), "{lines:?}");
        payload.lines(true, PLAIN);
        drop(payload.value());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        takes(&bytes);
    }

    /// Bytes that the formats make much of.
    #[test]
    fn marks_of_the_formats_are_taken(bytes in proptest::collection::vec(
        proptest::sample::select(b"\x00\x0a\x12\x1a\x4a\x50\x80\x81\x82\x91\x9f\xa1\xbf\xc1\xc4\xd8\xd9\xdb\xdd\xdf\xff[]{}(),:\"\\'h1a ".to_vec()), 0..200)) {
        takes(&bytes);
    }

    /// JSON of any shape is laid out without a change: other than blanks, and colour.
    #[test]
    fn json_is_laid_out_without_a_change(value in json(5)) {
        let text = value.to_string();
        let lines = payload(Format::Json, text.as_bytes()).lines(true, PLAIN).join("\n");
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&lines).unwrap(), value);
    }

    /// What another writer of the same format wrote is read as it was meant.
    #[test]
    fn cbor_and_message_pack_are_read_as_they_were_meant(value in json(4)) {
        let mut bytes = Vec::new();
        ciborium::into_writer(&value, &mut bytes).unwrap();
        prop_assert_eq!(payload(Format::Cbor, &bytes).value(), Some(Ok(value.clone())));
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &message_pack(&value)).unwrap();
        prop_assert_eq!(payload(Format::MessagePack, &bytes).value(), Some(Ok(value)));
    }
}

fn json(depth: u32) -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[ -~é]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-z\"\\\\:{]{0,5}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn message_pack(value: &serde_json::Value) -> rmpv::Value {
    use serde_json::Value;
    match value {
        Value::Null => rmpv::Value::Nil,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (_, Some(number)) => number.into(),
            _ => number.as_f64().unwrap().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(values) => rmpv::Value::Array(values.iter().map(message_pack).collect()),
        Value::Object(map) => rmpv::Value::Map(
            map.iter().map(|(key, value)| (key.as_str().into(), message_pack(value))).collect(),
        ),
    }
}

#[test]
fn the_message_is_the_published_one() {
    // A payload that is encoded again is what it was: no field is read into another's place.
    let bytes = hex("08 01 12 05 0a01 61 5001 18 02 22 01 75 2a 01 ff");
    assert_eq!(sparkplug::Payload::decode(bytes.as_slice()).unwrap().encode_to_vec().len(), bytes.len());
}
