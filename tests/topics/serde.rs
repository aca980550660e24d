//! Names and filters as JSON strings.

use mqtt_wire::topic::{TopicFilterBuf, TopicNameBuf};
use mqtt_wire::{TopicFilter, TopicName, topic_filter, topic_name};

#[test]
fn there_and_back() {
    let (name, filter) = (topic_name!("a/é"), topic_filter!("$share/g/a/#"));
    let (name_json, filter_json) = (r#""a/é""#, r#""$share/g/a/#""#);
    assert_eq!(serde_json::to_string(&name).expect("JSON"), name_json);
    assert_eq!(serde_json::to_string(&name.to_buf()).expect("JSON"), name_json);
    assert_eq!(serde_json::to_string(&filter).expect("JSON"), filter_json);
    assert_eq!(serde_json::to_string(&filter.to_buf()).expect("JSON"), filter_json);
    assert_eq!(serde_json::from_str::<TopicName>(name_json).expect("a name"), name);
    assert_eq!(serde_json::from_str::<TopicFilter>(filter_json).expect("a filter"), filter);
    // The owned forms take what the text format escapes.
    assert_eq!(serde_json::from_str::<TopicNameBuf>(r#""a\/\u00e9""#).expect("a name"), name);
    let read: TopicFilterBuf = serde_json::from_str(r#""$share\/g\/a\/#""#).expect("a filter");
    assert!(read.as_filter().is_shared() && read == filter);
}

#[test]
fn what_is_none_is_refused() {
    for json in [r#""a/+""#, r#""""#, "1", "null"] {
        assert!(serde_json::from_str::<TopicName>(json).is_err(), "{json}");
        assert!(serde_json::from_str::<TopicNameBuf>(json).is_err(), "{json}");
    }
    for json in [r#""a#/b""#, r#""$share/g""#, "1"] {
        assert!(serde_json::from_str::<TopicFilter>(json).is_err(), "{json}");
        assert!(serde_json::from_str::<TopicFilterBuf>(json).is_err(), "{json}");
    }
    let error = serde_json::from_str::<TopicNameBuf>(r#""a/+""#).expect_err("a wildcard").to_string();
    assert!(error.contains("a topic name holds a wildcard: '+' at byte 2"), "{error}");
    let error = serde_json::from_str::<TopicFilterBuf>("1").expect_err("a number").to_string();
    assert!(error.contains("expected a topic"), "{error}");
}
