//! What the options do.

use std::process::{Command, Stdio};

use crate::matrix::subscriber;
use crate::process::{Process, ours, run, run_with, succeed};
use crate::server::{Mosquitto, Wanted};

/// A server, and the arguments that lead to it.
fn server() -> (Mosquitto, String) {
    let server = Mosquitto::start(Wanted::default());
    let place = format!("-h 127.0.0.1 -p {}", server.port);
    (server, place)
}

#[test]
fn without_arguments_it_says_what_it_can_do() {
    let text = succeed("");
    for command in
        ["mqtt-client sub", "mqtt-client pub", "mqtt-client rr", "mqtt-client bench", "Exit codes: 0 done"]
    {
        assert!(text.contains(command), "{text}");
    }
    for command in ["pub", "sub", "rr", "bench"] {
        assert!(succeed(&format!("{command} --help")).contains("--will-topic"));
    }
    assert!(succeed("--version").starts_with("mqtt-client "));
}

#[test]
fn a_message_comes_from_an_argument_a_file_or_standard_input() {
    let (server, place) = server();
    let file = server.folder.file("payload");
    std::fs::write(&file, b"isi\0\xFFberkas").unwrap();
    let mut all = subscriber(&place, "-t x -q 1 -F %l:%x");
    for (arguments, input, printed) in [
        ("-m -5", "", "2:2d35"),
        ("-n", "", "0:"),
        ("-s", "dua\nbaris\n", "10:6475610a62617269730a"),
        ("-m ulang --repeat 3", "", "5:756c616e67"),
        ("-l", "a\n\nb", "1:61"),
    ] {
        let sent = run_with(&mut ours(&format!("pub {place} -t x -q 1 {arguments}")), input.as_bytes());
        assert_eq!((sent.code, sent.stderr.as_str()), (Some(0), ""));
        assert_eq!(all.line(), printed, "{arguments}");
        let more: &[&str] = match arguments {
            "-l" => &["0:", "1:62"],
            "-m ulang --repeat 3" => &[printed, printed],
            _ => &[],
        };
        for line in more {
            assert_eq!(all.line(), *line);
        }
    }
    assert_eq!(succeed(&format!("pub {place} -t x -q 1 -f {file}")), "");
    assert_eq!(all.line(), "11:69736900ff6265726b6173");
    all.interrupt();
    let ended = all.finish();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "Ctrl-C ends a subscriber");
}

#[test]
fn output_is_raw_verbose_formatted_json_or_pretty() {
    let (_server, place) = server();
    let publish = |topic: &str, arguments: &str, payload: &[u8]| {
        let sent = run_with(&mut ours(&format!("pub {place} -t {topic} -r -s {arguments}")), payload);
        assert_eq!((sent.code, sent.stderr.as_str()), (Some(0), ""));
    };
    publish(
        "suhu",
        "-q 1 -D publish content-type json -D publish user-property ruang dapur",
        b"{ \"c\": 21.50,\n \"b\": [] }",
    );
    publish("biner", "-D publish correlation-data x", b"\xFF\0");
    publish("teks", "", "h\u{e9}\u{1b}[2J".as_bytes());
    let print = |topic: &str, arguments: &str| {
        succeed(&format!("sub {place} -t {topic} -C 1 -q 1 -W 20 {arguments}"))
    };
    assert_eq!(print("teks", ""), "h\u{e9}\u{1b}[2J");
    assert_eq!(print("teks", "-v"), "teks h\u{e9}\u{1b}[2J");
    assert_eq!(print("teks", "-N -F %t|%q|%r|%l|%10t|%-6t|%%|@@"), "teks|0|1|7|      teks|teks  |%|@");
    assert_eq!(print("suhu", "-F %C|%P|%q|%m"), "json|ruang:dapur|1|1");
    assert_eq!(print("biner", "-F %X"), "FF00");
    let json = print("suhu", "--json");
    assert!(json.starts_with("{\"tst\":\"2") && json.ends_with(
        "\"topic\":\"suhu\",\"qos\":1,\"retain\":1,\"payloadlen\":24,\"mid\":1,\"properties\":{\"content-type\":\"json\",\
         \"user-properties\":[{\"ruang\":\"dapur\"}]},\"payload\":{\"c\":21.50,\"b\":[]}}"), "{json}");
    let json = print("suhu", "-F %j");
    assert!(json.contains(r#""payload":"{ \"c\": 21.50,\n \"b\": [] }""#), "{json}");
    assert!(print("biner", "--json").contains("\"payload_base64\":\"/wA=\""));
    assert!(print("teks", "--json").contains(r#""payload":"hé\u001b[2J""#));
    let pretty = print("suhu", "--pretty");
    assert!(pretty.contains("  suhu  (QoS 1, retained, 24 bytes)\n"), "{pretty}");
    assert!(pretty.ends_with("    user-property: ruang: dapur\n    content-type: json\n  {\n    \"c\": 21.50,\n    \"b\": []\n  }")
        || pretty.ends_with("    content-type: json\n    user-property: ruang: dapur\n  {\n    \"c\": 21.50,\n    \"b\": []\n  }"), "{pretty}");
    assert!(print("teks", "--pretty").ends_with("  h\u{e9}\\u{1b}[2J"));
    assert!(print("biner", "--pretty").ends_with("  ff00"));
}

#[test]
fn filters_retained_messages_and_counts() {
    let (_server, place) = server();
    for topic in ["a/1", "a/2", "a/3"] {
        succeed(&format!("pub {place} -t {topic} -m kept -r"));
    }
    assert_eq!(succeed(&format!("sub {place} -t a/+ -T a/2 -C 2 -F %t")), "a/1\na/3");
    // Retained ones are passed over, the first other one is printed.
    let mut fresh = subscriber(&place, "-t a/+ -t b");
    for _ in 0..3 {
        assert_eq!(fresh.line(), "kept");
    }
    drop(fresh);
    let waiting = Process::start(&mut ours(&format!("sub {place} -t a/+ -t siap -R -C 1 -v -d")), b"");
    // It has subscribed when its subscription to a topic of its own brings a message.
    let removed = run(&format!("sub {place} -t a/+ --retained-only --remove-retained -C 3 -F %t"));
    assert_eq!((removed.code, removed.stdout.as_str()), (Some(0), "a/1\na/2\na/3"));
    let empty = run(&format!("sub {place} -t a/+ -C 1 -W 0.3"));
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(5), ""));
    assert!(empty.stderr.contains("fewer messages than asked for"), "{}", empty.stderr);
    assert_eq!(
        run(&format!("sub {place} -t a/+ -W 0.1")).code,
        Some(0),
        "without a count the time is the end"
    );
    drop(waiting);
    assert_eq!(succeed(&format!("sub {place} -t a/# -E")), "");
}

#[test]
fn a_will_is_published_when_the_client_is_gone() {
    let (_server, place) = server();
    let mut watcher = subscriber(&place, "-t wasiat -q 2 -F %p|%q|%r|%C");
    succeed(&format!("pub {place} -t siap -m ya -r"));
    let will = "--will-topic wasiat --will-payload hilang --will-qos 2 -D will content-type text";
    let mut gone = Process::start(&mut ours(&format!("sub {place} -t siap -k 1 {will}")), b"");
    gone.line();
    gone.kill();
    assert_eq!(watcher.line(), "hilang|2|0|text");
    // A goodbye takes it back.
    succeed(&format!("sub {place} -t siap -C 1 {will}"));
    succeed(&format!("pub {place} -t wasiat -m biasa"));
    assert_eq!(watcher.line(), "biasa|0|0|");
}

#[test]
fn a_request_gets_its_response() {
    let (_server, place) = server();
    let mut asked = subscriber(&place, "-t tanya -F %p|%R|%D");
    let question = Process::start(
        &mut ours(&format!("rr {place} -t tanya -m apa -q 1 -D publish correlation-data k7 -v")),
        b"",
    );
    let line = asked.line();
    let (_, rest) = line.split_once("apa|").unwrap();
    let (topic, data) = rest.split_once('|').unwrap();
    assert!(topic.starts_with("mqtt-client/response/") && data == "k7", "{line}");
    // One that belongs to another request is passed over.
    succeed(&format!("pub {place} -t {topic} -m salah -D publish correlation-data k8"));
    succeed(&format!("pub {place} -t {topic} -m benar -D publish correlation-data k7"));
    let answer = question.finish();
    assert_eq!((answer.code, answer.stdout), (Some(0), format!("{topic} benar")));
    // In 3.x by an agreed topic.
    let question = Process::start(&mut ours(&format!("rr {place} -V 311 -t tanya -e jawab -m apa")), b"");
    assert_eq!(asked.line(), "apa||");
    succeed(&format!("pub {place} -t jawab -m ini"));
    assert_eq!(question.finish().stdout, "ini");
    let silence = run(&format!("rr {place} -t tanya -m apa -W 0.2"));
    assert_eq!(silence.code, Some(5));
    assert!(silence.stderr.contains("does anybody answer on tanya?"), "{}", silence.stderr);
    assert_eq!(run(&format!("rr {place} -V 311 -t tanya -m apa")).code, Some(2));
}

#[test]
fn bench_counts_and_measures() {
    let (_server, place) = server();
    for qos in 0..3 {
        let text =
            succeed(&format!("bench {place} --clients 3 --subscribers 2 --messages 50 -q {qos} --json"));
        let result: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(result["messages"], 150);
        assert_eq!(result["acknowledged_us"]["count"], 150);
        assert_eq!(result["delivered_us"]["count"], 300);
        assert!(result["delivered_us"]["p99"].as_u64() >= result["delivered_us"]["p50"].as_u64());
    }
    let text = succeed(&format!("bench {place} --subscribers 0 --messages 20 --rate 1000 -q 1"));
    assert!(text.starts_with("20 messages of 64 bytes at QoS 1 in "), "{text}");
    succeed(&format!("bench {place} --subscribers 0 --messages 20 --rate 4294967295"));
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let (_server, place) = server();
    succeed(&format!("pub {place} -t a -m kept -r"));
    let mut child = ours(&format!("sub {place} -t a -t b"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = [0; 5];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
    drop(child.stdout.take());
    succeed(&format!("pub {place} -t b -m more"));
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn debugging_shows_packets_but_no_password() {
    let (_server, place) = server();
    let shown = run_with(
        ours(&format!("pub {place} -t a -m x -q 2 -d -u anna")).env("MQTT_PASSWORD", "rahasia"),
        b"",
    );
    for part in [
        "connecting to mqtt://127.0.0.1",
        "sent Connect",
        "received ConnAck",
        "sent PubRel",
        "sent Disconnect",
    ] {
        assert!(shown.stderr.contains(part), "{part}: {}", shown.stderr);
    }
    assert!(!shown.stderr.contains("rahasia"));
}

#[test]
fn mosquittos_options_are_ours() {
    // Each name of theirs that is not ours has its reason here.
    let missing = [
        ("-A", "the operating system chooses the address"),
        ("-M", "the name of an option of old: --max-inflight"),
        ("-S", "a look-up of SRV records needs a resolver of its own"),
        ("--capath", "one file holds all certificates"),
        ("--ciphers", "rustls offers none that is weak"),
        ("--keyform", "of OpenSSL"),
        ("--nodelay", "always"),
        ("--proxy", "not built"),
        ("--psk", "rustls has none"),
        ("--psk-identity", "rustls has none"),
        ("--random-filter", "not built"),
        ("--tls-engine", "of OpenSSL"),
        ("--tls-engine-kpass-sha1", "of OpenSSL"),
        ("--tls-version", "1.2 and 1.3, the newer that both have"),
        ("--unix", "not built"),
    ];
    for (theirs, command) in [("mosquitto_pub", "pub"), ("mosquitto_sub", "sub")] {
        let help = Command::new(theirs).arg("--help").output().unwrap();
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let own = succeed(&format!("{command} --help"));
        let own: Vec<_> = words(&own).collect();
        let names: Vec<_> = help
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with('-') && line.contains(" : "))
            .filter_map(|line| words(line).next())
            .collect();
        assert!(names.len() > 20, "{help}");
        for name in names {
            let known = own.contains(&name) || missing.iter().any(|(missing, _)| *missing == name);
            assert!(known, "{theirs} has {name}");
        }
    }
}

/// The options that a text names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == '[')
        .filter(|word| word.starts_with('-') && word.len() > 1)
}
