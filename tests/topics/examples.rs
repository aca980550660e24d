//! The examples of the standard (section 4.7 of both versions, 4.8.2 of 5.0), and what follows from its text
//! where implementations are known to go wrong.

use mqtt_wire::Rule::{self, *};
use mqtt_wire::topic::{Level, TopicFilterBuf, TopicNameBuf};
use mqtt_wire::{TopicFilter, TopicName, Version, topic_filter, topic_name};

use crate::reference;

fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::new(text).expect("a filter")
}

fn name(text: &str) -> TopicName<'_> {
    TopicName::new(text).expect("a name")
}

#[test]
fn matching() {
    for (filter_text, name_text, expected) in [
        // From the text.
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/#", "sport", true),
        ("#", "sport/tennis", true),
        ("#", "a", true),
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player2", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+", "/finance", false),
        ("#", "$SYS/x", false),
        ("+/monitor/Clients", "$SYS/monitor/Clients", false),
        ("$SYS/#", "$SYS/x", true),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
        ("ACCOUNTS", "Accounts", false),
        ("finance", "/finance", false),
        ("Accounts payable", "Accounts payable", true),
        ("/", "/", true),
        // From its rules.
        ("$SYS/#", "$SYS", true),
        ("+/#", "sport", true),
        ("a/+/b", "a//b", true),
        ("#", "/", true),
        ("+/#", "$SYS/x", false),
        ("+", "$SYS", false),
        ("a/$b/+", "a/$b/c", true),
        ("+/$b", "a/$b", true),
        ("a/#", "ab", false),
        ("a/#", "a/", true),
        ("a/+", "a/b/", false),
        ("a/+/#", "a", false),
        ("a/+/#", "a/", true),
        ("+/+/#", "a", false),
        ("é/+", "é/ü", true),
        ("e\u{301}", "é", false),
        ("$share/g", "$share/g", false),
        // Shared subscriptions.
        ("$share/consumer1/sport/tennis/+", "sport/tennis/player1", true),
        ("$share/consumer1//finance", "/finance", true),
        ("$share/consumer1//finance", "finance", false),
        ("$share/g/#", "$SYS/x", false),
        ("$share/g/$SYS/#", "$SYS/x", true),
        ("$share/g/a", "$share/g/a", false),
        ("$share/g/$share/h/a", "$share/h/a", true),
        ("$SHARE/g/a", "$SHARE/g/a", true),
        ("$share", "$share", true),
    ] {
        let Ok(filter) = TopicFilter::new(filter_text) else {
            assert_eq!((filter_text, expected), ("$share/g", false));
            continue;
        };
        assert_eq!(filter.matches(name(name_text)), expected, "{filter_text} against {name_text}");
        assert_eq!(reference::matches(reference::inner(filter_text), name_text), expected, "the reference");
    }
}

#[test]
fn in_3_x_no_subscription_is_shared() {
    for version in [Version::V31, Version::V311] {
        for text in ["$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/#", "$share/g/a"]
        {
            let filter = TopicFilter::new_for(text, version).expect("an ordinary filter");
            assert!(!filter.is_shared());
            assert_eq!((filter.share_name(), filter.inner()), (None, filter));
        }
        let plain = TopicFilter::new_for("$share/+/a", version).expect("an ordinary filter");
        assert!(plain.matches(name("$share/g/a")));
        assert!(!plain.matches(name("a")));
    }
}

#[test]
fn errors_say_which_character_where() {
    for (text, kind, offset, character) in [
        ("", TopicEmpty, 0, None),
        ("a/b#", MultiLevelWildcard, 3, Some('#')),
        ("sport/tennis#", MultiLevelWildcard, 12, Some('#')),
        ("sport/tennis/#/ranking", MultiLevelWildcard, 13, Some('#')),
        ("sport+", SingleLevelWildcard, 5, Some('+')),
        ("#abc", MultiLevelWildcard, 0, Some('#')),
        ("#/", MultiLevelWildcard, 0, Some('#')),
        ("##", MultiLevelWildcard, 0, Some('#')),
        ("++", SingleLevelWildcard, 0, Some('+')),
        ("é/+a", SingleLevelWildcard, 3, Some('+')),
        ("a/+b", SingleLevelWildcard, 2, Some('+')),
        ("a\0", TopicNul, 1, Some('\0')),
        ("+/a\0", TopicNul, 3, Some('\0')),
        ("$share/", ShareNameEmpty, 7, None),
        ("$share//a", ShareNameEmpty, 7, Some('/')),
        ("$share/g", ShareFilterMissing, 8, None),
        ("$share/g/", ShareFilterMissing, 9, None),
        ("$share/g+/a", ShareNameWildcard, 8, Some('+')),
        ("$share/g#/a", ShareNameWildcard, 8, Some('#')),
        ("$share/+/a", ShareNameWildcard, 7, Some('+')),
        ("$share/#", ShareNameWildcard, 7, Some('#')),
        ("$share/g/a#", MultiLevelWildcard, 10, Some('#')),
        ("$share/g/a+", SingleLevelWildcard, 10, Some('+')),
        ("$share/\0/a", TopicNul, 7, Some('\0')),
    ] {
        let error = TopicFilter::new(text).expect_err(text);
        assert_eq!((error.rule(), error.offset(), error.character()), (kind, offset, character), "{text:?}");
        assert_eq!(TopicFilter::from_bytes(text.as_bytes()), Err(error));
    }
    for (text, kind, offset, character) in [
        ("", TopicEmpty, 0, None),
        ("a/+", WildcardInName, 2, Some('+')),
        ("é/x#", WildcardInName, 4, Some('#')),
        ("a\0b", TopicNul, 1, Some('\0')),
    ] {
        let error = TopicName::new(text).expect_err(text);
        assert_eq!((error.rule(), error.offset(), error.character()), (kind, offset, character), "{text:?}");
        assert_eq!(TopicName::from_bytes(text.as_bytes()), Err(error));
    }
    for bytes in [&b"a/\xFF"[..], b"ab\xC3", b"\xED\xA0\x80"] {
        let error = TopicName::from_bytes(bytes).expect_err("not UTF-8");
        assert_eq!((error.rule(), error.character()), (InvalidUtf8, None));
        assert_eq!(TopicFilter::from_bytes(bytes), Err(error));
    }
    let shown = TopicFilter::new("sport/tennis#").expect_err("bad").to_string();
    assert_eq!(
        shown,
        "`#` is not alone in the last level of the topic filter: '#' at byte 12 [MQTT-4.7.1-1]"
    );
}

#[test]
fn the_longest_texts() {
    let longest = "a".repeat(65_535);
    let longer = "a".repeat(65_536);
    assert!(TopicName::new(&longest).is_ok() && TopicFilter::new(&longest).is_ok());
    for error in [TopicName::new(&longer).expect_err("long"), TopicFilter::new(&longer).expect_err("long")] {
        assert_eq!((error.rule(), error.offset(), error.character()), (Rule::TopicTooLong, 65_535, None));
    }
    // What two long filters have in common may be too long for a name.
    let (a, b) = ("a".repeat(40_000), "b".repeat(40_000));
    let first = format!("{a}/+");
    assert!(!filter(&first).intersects(filter(&format!("+/{b}"))));
    assert!(filter(&first).intersects(filter(&format!("+/{}", &b[..25_534]))));
    assert!(!filter(&first).intersects(filter(&format!("+/{}", &b[..25_535]))));
    assert!(filter(&format!("{a}/+/#")).intersects(filter(&format!("+/{}/#", &b[..25_534]))));
    assert!(filter(&format!("{a}/#")).intersects(filter(&format!("+/{}/#", &b[..25_534]))));
    assert!(!filter(&format!("{a}/#")).intersects(filter(&format!("+/{}/#", &b[..25_535]))));
    assert!(
        filter(&format!("{a}/#"))
            .intersects(filter(&format!("+/{}/#", "+/".repeat(20_000).trim_end_matches('/'))))
    );
}

#[test]
fn constants_are_checked_by_the_compiler() {
    const NAME: TopicName = topic_name!("a/b");
    const FILTER: TopicFilter = topic_filter!("$share/g/a/+");
    assert!(FILTER.matches(NAME) && FILTER.is_shared());
    assert_eq!(FILTER.share_name(), Some("g"));
    assert_eq!(NAME, "a/b");
}

#[test]
fn levels() {
    let levels = |text| name(text).levels().collect::<Vec<_>>();
    assert_eq!(levels("a//é"), ["a", "", "é"]);
    assert_eq!(levels("/"), ["", ""]);
    assert_eq!(levels("a"), ["a"]);
    let (mut forth, mut back) = (name("a/b/c").levels(), name("a/b/c").levels());
    assert_eq!(
        (forth.next(), forth.next_back(), forth.next(), forth.next()),
        (Some("a"), Some("c"), Some("b"), None)
    );
    assert_eq!((forth.next_back(), back.next_back(), back.next_back()), (None, Some("c"), Some("b")));
    assert_eq!((back.next(), back.next(), back.next_back()), (Some("a"), None, None));
    assert!(filter("$share/g/+/a/#").levels().eq([
        Level::SingleLevelWildcard,
        Level::Name("a"),
        Level::MultiLevelWildcard
    ]));
}

#[test]
fn joining() {
    let mut joined = TopicNameBuf::from_levels(["a", "", "é"]).expect("a name");
    assert_eq!(joined, "a//é");
    for (level, kind, offset) in [
        ("b/c", Rule::SeparatorInLevel, 7),
        ("x+", Rule::WildcardInName, 7),
        ("#", Rule::WildcardInName, 6),
        ("\0", Rule::TopicNul, 6),
    ] {
        let error = joined.push(level).expect_err(level);
        assert_eq!((error.rule(), error.offset()), (kind, offset), "{level:?}");
        assert_eq!(joined, "a//é");
    }
    joined.push("z").expect("a name");
    assert_eq!(joined, joined.as_name());
    assert_eq!(joined.as_name().join("").expect("a name"), "a//é/z/");
    assert_eq!(TopicNameBuf::from_levels([""; 0]).expect_err("empty").rule(), Rule::TopicEmpty);
    assert_eq!(TopicNameBuf::from_levels([""]).expect_err("empty").rule(), Rule::TopicEmpty);
    assert_eq!(TopicNameBuf::from_levels(["", ""]).expect("a name"), "/");

    let mut joined =
        TopicFilterBuf::from_levels([Level::Name("a"), Level::SingleLevelWildcard]).expect("a filter");
    assert_eq!(joined, "a/+");
    for level in ["#", "+", "a#", "b/c", "\0"] {
        assert!(joined.push(Level::Name(level)).is_err(), "{level:?}");
        assert!(joined.as_filter().share(level).is_err(), "{level:?}");
        assert_eq!(joined, "a/+");
    }
    joined.push(Level::MultiLevelWildcard).expect("a filter");
    let error = joined.push(Level::Name("b")).expect_err("after #");
    assert_eq!((error.rule(), error.offset()), (Rule::MultiLevelWildcard, 4));
    assert_eq!(joined, "a/+/#");
    assert!(TopicFilterBuf::from_levels([Level::MultiLevelWildcard, Level::Name("a")]).is_err());
    assert!(joined.as_filter().share("").is_err());
    let shared = joined.as_filter().share("g").expect("a share");
    assert_eq!(shared, "$share/g/a/+/#");
    assert_eq!(shared.as_filter().share("h").expect("a share"), "$share/h/a/+/#");
    let shared = TopicFilterBuf::from_levels([Level::Name("$share"), Level::Name("g"), Level::Name("a")])
        .expect("a filter");
    assert!(shared.as_filter().is_shared());
    let plain = TopicFilter::new_for("$share/g", Version::V311).expect("a filter");
    let plain = plain.join(Level::Name("a")).expect("a filter");
    assert!(!plain.as_filter().is_shared());
}

/// 65,535 bytes of slashes, wildcards and single letters, on a small stack.
#[test]
fn long_inputs_on_a_small_stack() {
    let work = || {
        let slashes = "/".repeat(65_535);
        let pluses = format!("{}+", "+/".repeat(32_767));
        let letters = format!("{}a", "a/".repeat(32_767));
        let below = "/".repeat(32_767);
        let tail = format!("{}#", "+/".repeat(32_766));
        for (filter_text, name_text, expected) in [
            (&slashes, &slashes, true),
            (&pluses, &below, true),
            (&pluses, &letters, true),
            (&letters, &letters, true),
            (&pluses, &slashes, false),
            (&tail, &slashes, true),
            (&tail, &letters, true),
            (&letters, &slashes, false),
        ] {
            let (filter, name) = (filter(filter_text), name(name_text));
            assert_eq!(filter.matches(name), expected);
            let literal = TopicFilter::new(name_text).expect("a filter");
            assert_eq!(filter.covers(literal), expected);
            assert_eq!(filter.intersects(literal), expected);
            assert_eq!(literal.intersects(filter), expected);
        }
        assert_eq!(name(&slashes).levels().count(), 65_536);
        assert_eq!(name(&slashes).levels().rev().count(), 65_536);
    };
    std::thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(work)
        .expect("a thread")
        .join()
        .expect("no overflow");
}
