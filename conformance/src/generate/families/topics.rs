//! Topic names, topic filters, matching (sections 4.7 and 4.8.2).

use crate::generate::family::{BOTH, Family};
use crate::generate::tables::{V5, V311};

pub(super) fn names() -> Family {
    let mut family = Family::new("topic-names", "Topic Names: what is one and what is not");
    let length: [&[&str]; 2] = [&["MQTT-4.7.3-1"], &["MQTT-4.7.3-1"]];
    for (id, title, name) in [
        ("one", "one character", "a"),
        ("slash", "a separator alone", "/"),
        ("slashes", "nothing but separators", "///"),
        ("leading", "a separator in front", "/finance"),
        ("trailing", "a separator at the end", "finance/"),
        ("adjacent", "adjacent separators", "a//b"),
        ("space", "a space", "Accounts payable"),
        ("dollar", "$ in front", "$SYS/monitor/Clients"),
        ("dollar-within", "$ within", "a/$b"),
        ("unicode", "characters of two to four bytes", "\u{E9}/\u{20AC}/\u{1F600}"),
        ("share", "what would be a shared filter", "$share/g/a"),
        ("bom", "U+FEFF in front", "\u{FEFF}a"),
    ] {
        family.topic_name(id, title, name, None, length);
    }
    family.topic_name("empty", "an empty name", "", Some(("TopicEmpty", 0)), length);
    let nul: [&[&str]; 2] = [&["MQTT-4.7.3-2"], &["MQTT-4.7.3-2"]];
    for (id, name, at) in
        [("nul-alone", "\0", 0), ("nul-first", "\0a", 0), ("nul-within", "a/\0/b", 2), ("nul-last", "a\0", 1)]
    {
        family.topic_name(id, "U+0000 in a name", name, Some(("TopicNul", at)), nul);
    }
    family.topic_name("no-nul", "U+0030, a zero that is a character", "a0", None, nul);
    let limit: [&[&str]; 2] = [&["MQTT-4.7.3-3"], &["MQTT-4.7.3-3"]];
    family.topic_name("65535", "65,535 bytes", &"a".repeat(65_535), None, limit);
    family.topic_name("65535-slashes", "65,535 separators", &"/".repeat(65_535), None, limit);
    family.topic_name("65536", "65,536 bytes", &"a".repeat(65_536), Some(("TopicTooLong", 65_535)), limit);
    family.topic_name(
        "65536-of-two",
        "32,768 characters of two bytes each",
        &"\u{E9}".repeat(32_768),
        Some(("TopicTooLong", 65_535)),
        limit,
    );
    family.topic_name(
        "131072",
        "131,072 bytes, whose length would be 0 in two bytes",
        &"a".repeat(131_072),
        Some(("TopicTooLong", 65_535)),
        limit,
    );
    let wildcards: [&[&str]; 2] = [&["MQTT-4.7.1-1"], &["MQTT-4.7.0-1"]];
    for (id, name, at) in [
        ("plus", "+", 0),
        ("hash", "#", 0),
        ("plus-level", "a/+/b", 2),
        ("hash-level", "a/#", 2),
        ("plus-within", "a+b", 1),
        ("hash-within", "a#b", 1),
        ("dollar-hash", "$SYS/#", 5),
    ] {
        family.topic_name(id, "a wildcard in a name", name, Some(("WildcardInName", at)), wildcards);
    }
    family.topic_name("no-wildcard", "neither + nor #", "a-b*c?", None, wildcards);
    family
}

pub(super) fn filters() -> Family {
    let mut family =
        Family::new("topic-filters", "Topic Filters: what is one and what is not, shared ones too");
    let hash: [&[&str]; 2] = [&["MQTT-4.7.1-2"], &["MQTT-4.7.1-1"]];
    let plus: [&[&str]; 2] = [&["MQTT-4.7.1-3"], &["MQTT-4.7.1-2"]];
    let length: [&[&str]; 2] = [&["MQTT-4.7.3-1"], &["MQTT-4.7.3-1"]];
    let wildcards: [&[&str]; 2] = [&["MQTT-4.7.1-1"], &["MQTT-4.7.0-1"]];
    for filter in ["#", "sport/tennis/#", "/#", "$SYS/#", "a//#", "+/#"] {
        family.topic_filter(&format!("hash/{filter}"), "# in its place", &BOTH, filter, None, hash);
    }
    for filter in ["+", "+/tennis/#", "sport/+/player1", "+/+", "/+", "+/", "a/+", "$SYS/+", "+//+"] {
        family.topic_filter(&format!("plus/{filter}"), "+ in its place", &BOTH, filter, None, plus);
    }
    for (filter, at) in [
        ("sport/tennis#", 12),
        ("sport/tennis/#/ranking", 13),
        ("#/", 0),
        ("##", 0),
        ("a/##", 2),
        ("#abc", 0),
        ("a/b#/c", 3),
        ("/#/", 1),
        ("#/#", 0),
    ] {
        family.topic_filter(
            &format!("bad-hash/{filter}"),
            "# out of its place",
            &BOTH,
            filter,
            Some(("MultiLevelWildcard", at)),
            hash,
        );
    }
    for (filter, at) in [
        ("sport+", 5),
        ("+a", 0),
        ("a/+b", 2),
        ("++", 0),
        ("a/b+/c", 3),
        ("abc+", 3),
        ("+sport/#", 0),
        ("a/++/b", 2),
    ] {
        family.topic_filter(
            &format!("bad-plus/{filter}"),
            "+ out of its place",
            &BOTH,
            filter,
            Some(("SingleLevelWildcard", at)),
            plus,
        );
    }
    let made = family.topic_filter(
        "bad-both/+#",
        "both wildcards in one level",
        &BOTH,
        "+#",
        Some(("SingleLevelWildcard", 0)),
        plus,
    );
    made.or(&["MultiLevelWildcard"]);
    let made = family.topic_filter(
        "bad-both/#+",
        "both wildcards in one level",
        &BOTH,
        "#+",
        Some(("MultiLevelWildcard", 0)),
        hash,
    );
    made.or(&["SingleLevelWildcard"]);
    for filter in ["a", "/", "//", "/finance", "a//b", "a b", "$SYS", "\u{E9}/\u{1F600}", "$", "a/$b"] {
        family.topic_filter(
            &format!("plain/{filter}"),
            "a filter without wildcards",
            &BOTH,
            filter,
            None,
            wildcards,
        );
    }
    family.topic_filter("empty", "an empty filter", &BOTH, "", Some(("TopicEmpty", 0)), length);
    family.topic_filter("one", "a filter of one character", &BOTH, "a", None, length);
    let nul: [&[&str]; 2] = [&["MQTT-4.7.3-2"], &["MQTT-4.7.3-2"]];
    for (id, filter, at) in [("alone", "\0", 0), ("within", "a/\0/#", 2), ("last", "+/\0", 2)] {
        family.topic_filter(
            &format!("nul-{id}"),
            "U+0000 in a filter",
            &BOTH,
            filter,
            Some(("TopicNul", at)),
            nul,
        );
    }
    let limit: [&[&str]; 2] = [&["MQTT-4.7.3-3"], &["MQTT-4.7.3-3"]];
    family.topic_filter("65535-slashes", "65,536 levels", &BOTH, &"/".repeat(65_535), None, limit);
    family.topic_filter(
        "65535-plus",
        "32,768 levels of +, in 65,535 bytes",
        &BOTH,
        &format!("{}+", "+/".repeat(32_767)),
        None,
        limit,
    );
    family.topic_filter(
        "65536",
        "65,536 bytes",
        &BOTH,
        &"a".repeat(65_536),
        Some(("TopicTooLong", 65_535)),
        limit,
    );

    let shared: [&[&str]; 2] = [&[], &["MQTT-4.8.2-1", "MQTT-4.8.2-2"]];
    for filter in [
        "$share/consumer1/sport/tennis/+",
        "$share/consumer1//finance",
        "$share/g/#",
        "$share/g/+",
        "$share/g/a/b",
        "$share/ /a",
        "$share/g/$SYS/#",
        "$share/$share/a",
        "$share/\u{E9}/a",
    ] {
        family.topic_filter(&format!("shared/{filter}"), "a shared filter", &[V5], filter, None, shared);
    }
    family
        .topic_filter(
            "shared/nested",
            "a shared filter in a shared filter",
            &[V5],
            "$share/g/$share/h/a",
            None,
            shared,
        )
        .free("the text does not speak of it");
    for (filter, kind, at) in [
        ("$share/", "ShareNameEmpty", 7),
        ("$share//", "ShareNameEmpty", 7),
        ("$share//a", "ShareNameEmpty", 7),
        ("$share/g", "ShareFilterMissing", 8),
        ("$share/g/", "ShareFilterMissing", 9),
        ("$share/+/a", "ShareNameWildcard", 7),
        ("$share/#", "ShareNameWildcard", 7),
        ("$share/#/a", "ShareNameWildcard", 7),
        ("$share/g+/a", "ShareNameWildcard", 8),
        ("$share/g#/a", "ShareNameWildcard", 8),
        ("$share/g/a#", "MultiLevelWildcard", 10),
        ("$share/g/#/a", "MultiLevelWildcard", 9),
        ("$share/g/+a", "SingleLevelWildcard", 9),
    ] {
        let rule: &[&str] = match kind {
            "ShareNameEmpty" => &["MQTT-4.8.2-1"],
            _ => &["MQTT-4.8.2-2"],
        };
        let made = family.topic_filter(
            &format!("bad-share/{filter}"),
            "a bad shared filter",
            &[V5],
            filter,
            Some((kind, at)),
            [&[], rule],
        );
        if kind == "MultiLevelWildcard" {
            made.rules.push("5.0 MQTT-4.7.1-1".to_owned());
        } else if kind == "SingleLevelWildcard" {
            made.rules.push("5.0 MQTT-4.7.1-2".to_owned());
        }
    }
    for filter in ["$share", "$SHARE/g/a", "$share2/g/a", "a/$share/g", "$shar"] {
        family.topic_filter(
            &format!("not-shared/{filter}"),
            "no shared filter: it does not begin with $share/",
            &BOTH,
            filter,
            None,
            [&["MQTT-4.7.1-1"], &["MQTT-4.8.2-1"]],
        );
    }
    for filter in ["$share//a", "$share/g", "$share/g/", "$share/+/a", "$share/#", "$share/g/a"] {
        family.topic_filter(
            &format!("ordinary/{filter}"),
            "an ordinary filter in 3.1.1, which knows no shared ones",
            &[V311],
            filter,
            None,
            wildcards,
        );
    }
    family
}

pub(super) fn matching() -> Family {
    let mut family = Family::new("topic-matching", "Which filter matches which name");
    let text =
        |family: &mut Family, rule311: &'static str, rule5: &'static str, rows: &[(&str, &str, bool)]| {
            for (filter, name, matches) in rows {
                let id = format!("{filter} ~ {name}");
                let verb = if *matches { "matches" } else { "does not match" };
                let title = format!("{filter} {verb} {name}");
                family.matches(
                    &id,
                    &title,
                    &BOTH,
                    filter,
                    name,
                    *matches,
                    [&["MQTT-3.3.2-3", rule311], &["MQTT-3.3.2-3", rule5]],
                );
            }
        };
    text(
        &mut family,
        "MQTT-4.7.1-2",
        "MQTT-4.7.1-1",
        &[
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("sport/#", "sport/", true),
            ("sport/#", "sports", false),
            ("sport/#", "spor", false),
            ("sport/#", "/sport", false),
            ("#", "sport", true),
            ("#", "/", true),
            ("#", "a/b/c", true),
            ("/#", "/", true),
            ("/#", "/a", true),
            ("/#", "a", false),
            ("a//#", "a/", true),
            ("a//#", "a", false),
            ("+/#", "sport", true),
            ("+/#", "/", true),
        ],
    );
    text(
        &mut family,
        "MQTT-4.7.1-3",
        "MQTT-4.7.1-2",
        &[
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player2", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("+", "a", true),
            ("+", "a/", false),
            ("a/+/b", "a//b", true),
            ("a/+/b", "a/x/b", true),
            ("a/+/b", "a/b", false),
            ("+/b", "a/b", true),
            ("+/b", "b", false),
            ("+/+/+", "//", true),
            ("+/+", "//", false),
        ],
    );
    text(
        &mut family,
        "MQTT-4.7.2-1",
        "MQTT-4.7.2-1",
        &[
            ("#", "$SYS/x", false),
            ("#", "$", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("+", "$SYS", false),
            ("+/#", "$SYS/x", false),
            ("+/+", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("$SYS/#", "$SYS", true),
            ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
            ("$SYS/+", "$SYS/x", true),
            ("a/$b/+", "a/$b/c", true),
            ("a/+", "a/$b", true),
            ("a/#", "a/$b", true),
            ("/#", "/$SYS", true),
            ("$test/test", "$test/test", true),
        ],
    );
    text(
        &mut family,
        "MQTT-4.7.3-4",
        "MQTT-4.7.3-4",
        &[
            ("ACCOUNTS", "Accounts", false),
            ("Accounts", "Accounts", true),
            ("finance", "/finance", false),
            ("/finance", "/finance", true),
            ("a/b", "a/b/", false),
            ("a/b/", "a/b", false),
            ("a/b", "a/b", true),
            ("a b", "a b", true),
            ("a", " a", false),
            ("\u{E9}", "\u{E9}", true),
            ("\u{E9}", "e\u{301}", false),
            ("\u{212B}", "\u{C5}", false),
            ("\u{FEFF}a", "a", false),
            ("a*", "ab", false),
            ("a?", "ab", false),
            ("a.b", "a/b", false),
        ],
    );
    for (id, filter, name, matches) in [
        ("deep", "/".repeat(65_535), "/".repeat(65_535), true),
        ("deep-plus", format!("{}+", "+/".repeat(32_767)), "/".repeat(32_767), true),
        ("deep-plus-short", format!("{}+", "+/".repeat(32_767)), "/".repeat(32_766), false),
        ("deep-hash", "#".to_owned(), "/".repeat(65_535), true),
        ("long-level", "a".repeat(65_535), "a".repeat(65_535), true),
    ] {
        family.matches(
            id,
            "65,535 bytes, without recursion",
            &BOTH,
            &filter,
            &name,
            matches,
            [&["MQTT-4.7.3-3"], &["MQTT-4.7.3-3"]],
        );
    }
    for (filter, name, matches) in [
        ("$share/consumer1/sport/tennis/+", "sport/tennis/player1", true),
        ("$share/consumer1/sport/tennis/+", "sport/tennis/player1/x", false),
        ("$share/consumer1//finance", "/finance", true),
        ("$share/consumer1//finance", "finance", false),
        ("$share/g/#", "a/b", true),
        ("$share/g/#", "$SYS/x", false),
        ("$share/g/+/x", "$SYS/x", false),
        ("$share/g/$SYS/#", "$SYS/x", true),
        ("$share/g/a", "a", true),
        ("$share/g/a", "$share/g/a", false),
    ] {
        let title = format!("{filter} {} {name}", if matches { "matches" } else { "does not match" });
        family.matches(
            &format!("{filter} ~ {name}"),
            &title,
            &[V5],
            filter,
            name,
            matches,
            [&[], &["MQTT-4.8.2-2", "MQTT-3.3.2-3"]],
        );
    }
    for (filter, name, matches) in
        [("$share/g/a", "$share/g/a", true), ("$share/g/a", "a", false), ("$share/#", "$share/g", true)]
    {
        family.matches(
            &format!("3.1.1 {filter} ~ {name}"),
            "an ordinary filter in 3.1.1",
            &[V311],
            filter,
            name,
            matches,
            [&["MQTT-3.3.2-3"], &[]],
        );
    }
    family
}
