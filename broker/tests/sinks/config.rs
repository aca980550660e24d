//! The configuration of sinks, as the documentation shows it and as people get it wrong.

use std::path::Path;
use std::process::Command;

use mqtt_broker::config::{Config, Flags};

/// The examples in the documentation are configurations.
#[test]
fn the_examples_are_right() {
    let page = include_str!("../../../docs/sinks.md");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let mut kinds = Vec::new();
    for example in examples {
        let wanted = example.split("[[sink.").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        let result = Config::parse(&Flags::default(), example, Path::new("/etc/mqtt"));
        if has(wanted) {
            assert_eq!(result.unwrap().sinks.len(), 1, "{example}");
        } else {
            let error = result.unwrap_err().to_string();
            assert_eq!(error, format!("`sink.{wanted}` needs a broker with the feature `sink-{wanted}`"));
        }
        kinds.push(wanted);
    }
    assert_eq!(kinds, ["json", "mqtt", "nats", "postgres"]);
}

/// The table in the documentation is the one that is made.
#[cfg(feature = "sink-postgres")]
#[test]
fn the_schema_is_right() {
    let page = include_str!("../../../docs/sinks.md");
    let shown = page.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let plain = |text: &str| {
        let words = text.replace('"', "");
        words.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(plain(shown), plain(&mqtt_broker::sink::postgres::schema("mqtt_messages")));
}

fn has(kind: &str) -> bool {
    let kinds = [
        ("json", cfg!(feature = "sink-json")),
        ("mqtt", cfg!(feature = "sink-mqtt")),
        ("nats", cfg!(feature = "sink-nats")),
        ("postgres", cfg!(feature = "sink-postgres")),
    ];
    kinds.contains(&(kind, true))
}

/// Kinds of sinks, what a configuration says of one, and what is wrong with it.
const CASES: &[(&str, &str, &str)] = &[
    ("json", "name = 'a'\nfile = 'f'", "the sink a: it needs `filters`"),
    ("json", "name = 'a b'\nfile = 'f'\nfilters = ['#']", "a sink's name has 1 to 64 letters"),
    ("json", "name = 'a'\nfile = 'f'\nfilters = ['a#']", "\"a#\" is no topic filter"),
    ("json", "name = 'a'\nfile = 'f'\nfilters = ['$share/g/a']", "\"$share/g/a\" is shared"),
    ("json", "name = 'a'\nfilters = ['#']", "missing field `file`"),
    ("json", "name = 'a'\nfile = '/'\nfilters = ['#']", "is a folder"),
    ("json", "name = 'a'\nfile = 'f'\nfilters = ['#']\nqueue = 1", "unknown field `queue`"),
    ("json", "name = 'a'\nfile = 'f'\nfilters = ['#']\nqueue_messages = 0", "a queue cannot have 0 places"),
    (
        "json",
        "name = 'a'\nfile = 'f'\nfilters = ['#']\n[limits]\nqueue_messages = 0",
        "a queue cannot have 0 places",
    ),
    (
        "json",
        "name = 'a'\nfile = 'f'\nfilters = ['#']\n[[sink.json]]\nname = 'a'\nfile = 'g'\nfilters = ['#']",
        "two sinks have the name a",
    ),
    (
        "json",
        "name = 'a'\nfile = 'f'\nfilters = ['#']\n[[sink.json]]\nname = 'b'\nfile = './f'\nfilters = ['#']",
        "two sinks have the `file` ",
    ),
    ("mqtt", "name = 'a'\nurl = 'http://b'\nclient_id = 'c'\nfilters = ['#']", "http is not known"),
    ("mqtt", "name = 'a'\nurl = 'ws://b'\nclient_id = 'c'\nfilters = ['#']", "are possible"),
    ("mqtt", "name = 'a'\nurl = 'mqtt://b'\nfilters = ['#']", "missing field `client_id`"),
    ("mqtt", "name = 'a'\nurl = 'mqtt://b'\nclient_id = 'c'", "it needs `filters`, `incoming`, or both"),
    (
        "mqtt",
        "name = 'a'\nurl = 'mqtt://b'\nclient_id = 'c'\nfilters = ['#']\nprefix = '+/'",
        "`prefix`: \"+/\" is no beginning of a topic",
    ),
    (
        "mqtt",
        "name = 'a'\nurl = 'mqtt://b'\nclient_id = 'c'\nfilters = ['#']\nca_file = 'ca.pem'",
        "it has certificates, but no TLS",
    ),
    (
        "mqtt",
        "name = 'a'\nurl = 'mqtt://b'\nclient_id = 'c'\nfilters = ['#']\npassword = 'p'\nversion = '3.1.1'",
        "in 3.1.1 a `password` goes with a `user`",
    ),
    // The files that it names are part of it.
    (
        "mqtt",
        "name = 'a'\nurl = 'mqtts://b'\nclient_id = 'c'\nfilters = ['#']\nca_file = 'none.pem'",
        "none.pem: No such file",
    ),
    (
        "mqtt",
        "name = 'a'\nurl = 'mqtts://b'\nclient_id = 'c'\nfilters = ['#']\ncertificate = 'broker.toml'\nkey = 'broker.toml'",
        "broker.toml: no certificate is in it",
    ),
    (
        "nats",
        "name = 'a'\nfilters = ['#']\nservers = ['nats://h']\nstream = 'S'\nca_file = 'none.pem'",
        "none.pem: No such file",
    ),
    (
        "mqtt",
        "name = 'a'\nurl = 'mqtt://b'\nclient_id = 'c'\nfilters = ['#']\n[[sink.mqtt]]\nname = 'b'\n\
         url = 'mqtt://b'\nclient_id = 'c'\nfilters = ['#']",
        "two sinks have the `client_id` c",
    ),
    ("nats", "name = 'a'\nfilters = ['#']\nservers = []\nstream = 'S'", "it needs `servers`"),
    ("nats", "name = 'a'\nfilters = ['#']\nservers = ['nats://h']\nstream = 'a.b'", "is no name of a stream"),
    (
        "nats",
        "name = 'a'\nfilters = ['#']\nservers = ['nats://h']\nstream = 'S'\nprefix = 'a.>'",
        "`prefix`: \"a.>\" is no subject",
    ),
    (
        "nats",
        "name = 'a'\nfilters = ['#']\nservers = ['nats://h']\nstream = 'S'\nuser = 'u'",
        "`user` and `password` belong together",
    ),
    ("postgres", "name = 'a'\nfilters = ['#']\nurl = 'postgres://h/d?port=x'", "the sink a: `url`: "),
    (
        "postgres",
        "name = 'a'\nfilters = ['#']\nurl = 'postgres://h/d?sslmode=require'",
        "there is no TLS here",
    ),
    ("postgres", "name = 'a'\nfilters = ['#']\nurl = 'user=u'", "`url`: it names no host"),
    ("postgres", "name = 'a'\nfilters = ['#']\nurl = 'host=h'\ntable = 'a.b.c'", "is no name of a table"),
];

/// What is wrong is one line, with exit code 2.
#[test]
fn what_is_wrong_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for &(kind, text, what) in CASES {
        if !has(kind) {
            continue;
        }
        let file = folder.path().join("broker.toml");
        std::fs::write(&file, format!("memory = true\n[[sink.{kind}]]\n{text}\n")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-broker"));
        let output = command.arg("--check-config").arg("--config").arg(&file).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}: {error}");
        assert!(error.contains(what) && error.lines().count() == 1, "{text}: {error}");
    }
}

/// Passwords are not shown.
#[cfg(all(feature = "sink-mqtt", feature = "sink-postgres"))]
#[test]
fn passwords_are_not_shown() {
    let text = "[[sink.mqtt]]\nname = 'a'\nfilters = ['#']\nurl = 'mqtt://u:rahasia@h'\nclient_id = 'c'\n\
        [[sink.postgres]]\nname = 'b'\nfilters = ['#']\nurl = 'postgres://u:rahasia@h/d'\n";
    let config = Config::parse(&Flags::default(), text, Path::new("")).unwrap();
    assert_eq!(config.sinks.len(), 2);
    assert!(!format!("{config:?}").contains("rahasia"));
}
