//! The program as a user has it: flags, files, tools, signals, exit codes, and what it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use mqtt_wire::{Publish, PublishFrame, Version};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-broker"));
    command.stdin(Stdio::null()).env("RUST_BACKTRACE", "1");
    command
}

/// Runs it to its end.
fn run(folder: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut child = program()
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// It fails with this exit code, and says why in one line that has `what` in it.
#[track_caller]
fn fails(folder: &Path, args: &[&str], code: i32, what: &str) {
    let output = run(folder, args, b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(output.stdout.is_empty(), "{args:?}: {:?}", output.stdout);
    assert!(said.contains(what), "{args:?}: {said}");
    if said.starts_with("mqtt-broker: ") {
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    } else {
        assert!(said.starts_with("error: "), "{args:?}: {said}");
    }
}

#[track_caller]
fn succeeds(folder: &Path, args: &[&str], input: &[u8]) -> String {
    let Output { status, stdout, stderr } = run(folder, args, input);
    assert!(status.success(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// A broker that runs.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    said: Vec<String>,
}

impl Running {
    /// Starts it and reads what it says, up to the line that begins with `last`.
    fn start(folder: &Path, args: &[&str], last: &str) -> Self {
        let mut child = program()
            .current_dir(folder)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said: Vec<String> = Vec::new();
        while said.last().is_none_or(|line| !line.starts_with(last)) {
            let mut line = String::new();
            if out.read_line(&mut line).unwrap() == 0 {
                let mut error = String::new();
                child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
                panic!("{args:?}: {said:?} {error}");
            }
            said.push(line.trim_end().to_owned());
        }
        Self { child, out, said }
    }

    /// The address of the listener that is told in this line.
    fn address(&self, line: usize) -> SocketAddr {
        self.said[line].split(' ').nth(2).and_then(|address| address.parse().ok()).expect("an address")
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end: the exit code, and what the log has.
    fn end(mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if start.elapsed() > PATIENCE => panic!("it does not end"),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        (status.code(), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of 5.0, and what the broker answers to its CONNECT.
fn client(address: SocketAddr, user: Option<&str>) -> (TcpStream, u8) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut connect = mqtt_wire::Connect::new(mqtt_wire::Version::V5, "client");
    connect.user_name = user;
    connect.password = user.map(str::as_bytes);
    let mut bytes = Vec::new();
    mqtt_wire::Packet::from(connect).encode(mqtt_wire::Version::V5, &mut bytes).unwrap();
    socket.write_all(&bytes).unwrap();
    let mut head = [0; 4];
    socket.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 0x20);
    let mut rest = vec![0; usize::from(head[1]) - 2];
    socket.read_exact(&mut rest).unwrap();
    (socket, head[3])
}

/// The answer to PUBLISH of QoS 1 on this topic.
fn publish(socket: &mut TcpStream, topic: &str) -> u8 {
    let topic = mqtt_wire::TopicName::new(topic).unwrap();
    let delivery = mqtt_wire::Delivery::AtLeastOnce(mqtt_wire::PacketId::MIN);
    let mut bytes = Vec::new();
    let publish = mqtt_wire::Publish::new(topic, b"m").with_delivery(delivery);
    mqtt_wire::Packet::from(publish).encode(mqtt_wire::Version::V5, &mut bytes).unwrap();
    socket.write_all(&bytes).unwrap();
    let mut ack = [0; 5];
    socket.read_exact(&mut ack).unwrap();
    ack[4]
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    file("bad.toml", "memory = true\nport = 1883\n");
    file("rules.toml", "rules = 'rules'\n");
    file("rules", "allow read a\nallow\n");
    file("users.toml", "users = 'users'\n");
    file("users", "alice:secret\n");
    file(
        "tls.toml",
        "anonymous = true\n[[listener]]\nkind = 'tls'\nbind = '127.0.0.1:0'\ncertificate = 'none.pem'\nkey = 'none.pem'\n",
    );
    file("a file", "");
    for (args, code, what) in [
        (&["--port", "1883"][..], 2, "unexpected argument '--port'"),
        (&["--bind", "here"], 2, "not an IP address"),
        (&["--bind", "127.0.0.1"], 2, "nobody could connect"),
        (&["--memory", "--data", "d"], 2, "cannot be used with"),
        (&["--log", "loud"], 2, "invalid value 'loud'"),
        (&["--config", "none.toml"], 2, "none.toml: "),
        (&["--config", "bad.toml"], 2, "bad.toml: line 2: unknown field `port`"),
        (&["--config", "bad.toml", "--check-config"], 2, "bad.toml: line 2: unknown field `port`"),
        // The files that it names are part of it.
        (&["--config", "rules.toml", "--check-config"], 2, "rules, line 2: after `allow`"),
        (&["--config", "users.toml", "--check-config"], 2, "users, line 1: not a password hash"),
        (&["--config", "tls.toml", "--check-config"], 2, "none.pem: "),
        (&["--rules", "rules", "--memory"], 2, "rules, line 2: after `allow`"),
        (&["--users", "none", "--memory"], 2, "none: "),
        (&["--config", "tls.toml", "--memory"], 2, "none.pem: "),
        (&["--bind", "192.0.2.1", "--anonymous", "--memory"], 1, "cannot listen at 192.0.2.1:1883: "),
        (
            &["--metrics", "192.0.2.1:1", "--bind", "127.0.0.1:0", "--anonymous", "--memory"],
            1,
            "cannot listen at 192.0.2.1:1: ",
        ),
        (
            &["--bind", "127.0.0.1:0", "--anonymous", "--data", "a file"],
            1,
            "cannot keep the state in a file: ",
        ),
        // What the system says is there once.
        (
            &["check", "nowhere"],
            1,
            "nowhere: the store cannot be used: No such file or directory (os error 2)\n",
        ),
        (&["dump", "nowhere"], 1, "nowhere: "),
        (&["restore", "new"], 1, "the dump is cut off"),
        (&["passwd", "new users", "a:b"], 1, "a name cannot have a colon"),
        (&["passwd", "new users", "alice"], 1, "there is no password on standard input"),
        (&["passwd", "nowhere/users", "--delete", "alice"], 1, "nowhere/users: "),
        (&["frobnicate"], 2, "unrecognized subcommand 'frobnicate'"),
    ] {
        fails(folder, args, code, what);
    }
    assert!(!folder.join("nowhere").exists() && !folder.join("mqtt-data").exists());
    // A dump that was refused leaves nothing behind that is in the way of the next one.
    assert!(!folder.join("new").exists());
}

#[test]
fn help_and_version() {
    let folder = tempfile::tempdir().unwrap();
    let help = succeeds(folder.path(), &["--help"], b"");
    for flag in [
        "--config",
        "--bind",
        "--websocket",
        "--data",
        "--memory",
        "--users",
        "--rules",
        "--anonymous",
        "--metrics",
        "--log",
        "--check-config",
        "check",
        "dump",
        "restore",
        "passwd",
    ] {
        assert!(help.contains(flag), "{flag} is not in\n{help}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    let version = succeeds(folder.path(), &["--version"], b"");
    assert_eq!(version, format!("mqtt-broker {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(succeeds(folder.path(), &["--check-config"], b""), "the configuration is good\n");
}

#[test]
fn it_says_what_it_does_and_ends_when_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for (signal, args) in [("-TERM", &["--memory"][..]), ("-INT", &["--data", "state", "--log", "json"])] {
        let args = [&["--bind", "127.0.0.1:0", "--websocket", "127.0.0.1:0", "--anonymous"], args].concat();
        let broker = Running::start(folder.path(), &args, "anyone who can connect");
        assert!(broker.said[0].ends_with(" (MQTT)") && broker.said[1].ends_with(" (MQTT over WebSocket)"));
        let kept =
            if signal == "-TERM" { "everything is kept in memory" } else { "the state is kept in state" };
        assert!(broker.said[2].starts_with(kept), "{:?}", broker.said);
        let (mut socket, code) = client(broker.address(0), None);
        assert_eq!(code, 0);
        broker.signal(signal);
        let mut goodbye = Vec::new();
        let _ = socket.read_to_end(&mut goodbye);
        assert_eq!(goodbye, [0xE0, 1, 0x8B]);
        drop(socket);
        let (code, log) = broker.end();
        assert_eq!(code, Some(0), "{log}");
        // A line for the connection: client, address, reason.
        let line = log.lines().find(|line| line.contains("Server shutting down")).expect("a line");
        assert!(line.contains("client") && line.contains("127.0.0.1:"), "{line}");
        if args.contains(&"json") {
            assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
        }
    }
}

#[test]
fn a_second_broker_does_not_take_the_folder_or_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--bind", "127.0.0.1:0", "--anonymous", "--data", "state"];
    let broker = Running::start(folder.path(), &args, "anyone");
    fails(folder.path(), &args, 1, "in use by another process");
    fails(folder.path(), &["check", "state"], 1, "in use by another process");
    fails(folder.path(), &["dump", "state"], 1, "in use by another process");
    let address = broker.address(0).to_string();
    fails(
        folder.path(),
        &["--bind", &address, "--anonymous", "--memory"],
        1,
        &format!("cannot listen at {address}"),
    );
}

#[test]
fn sighup_has_users_rules_and_bad_files_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    file("rules", "allow both a\n");
    succeeds(folder.path(), &["passwd", "users", "alice"], b"alice\n");
    let args = ["--memory", "--bind", "127.0.0.1:0", "--users", "users", "--rules", "rules"];
    let broker = Running::start(folder.path(), &args, "everything is kept");
    let address = broker.address(0);
    assert_eq!((client(address, Some("bob")).1, client(address, None).1), (0x86, 0x87));
    let (mut alice, code) = client(address, Some("alice"));
    assert_eq!((code, publish(&mut alice, "a"), publish(&mut alice, "b")), (0, 0x10, 0x87));
    file("rules", "allow both b\n");
    succeeds(folder.path(), &["passwd", "users", "bob"], b"bob\n");
    broker.signal("-HUP");
    let start = Instant::now();
    while publish(&mut alice, "b") != 0x10 {
        assert!(start.elapsed() < PATIENCE, "the rules are not read again");
    }
    assert_eq!(publish(&mut alice, "a"), 0x87);
    while client(address, Some("bob")).1 != 0 {
        assert!(start.elapsed() < PATIENCE, "the users are not read again");
    }
    // Of two files, one good and one bad, the good one shows that both were looked at.
    file("users", "nonsense\n");
    file("rules", "allow both c\n");
    broker.signal("-HUP");
    let (mut alice, _) = client(address, Some("alice"));
    while publish(&mut alice, "c") != 0x10 {
        assert!(start.elapsed() < PATIENCE, "good rules are not read beside bad users");
    }
    file("users", "");
    succeeds(folder.path(), &["passwd", "users", "carol"], b"carol\n");
    file("rules", "nonsense\n");
    broker.signal("-HUP");
    while client(address, Some("carol")).1 != 0 {
        assert!(start.elapsed() < PATIENCE, "good users are not read beside bad rules");
    }
    broker.signal("-TERM");
    let (code, log) = broker.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("the users stay who they were: users, line 1: not of the form name:hash"), "{log}");
    assert!(log.contains("the rules stay what they were: rules, line 1: `nonsense` is none of"), "{log}");
}

#[test]
fn without_users_and_anonymous_a_certificate_is_what_lets_a_client_in() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("c.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("k.pem"), made.signing_key.serialize_pem()).unwrap();
    let tls = "kind = 'tls'\nbind = '127.0.0.1:0'\ncertificate = 'c.pem'\nkey = 'k.pem'\nclient_ca = 'c.pem'";
    let tcp = "kind = 'tcp'\nbind = '127.0.0.1:0'";
    let file = format!("memory = true\n[[listener]]\n{tls}\n[[listener]]\n{tcp}\n");
    std::fs::write(folder.path().join("file.toml"), file).unwrap();
    let broker = Running::start(folder.path(), &["--config", "file.toml"], "everything is kept in memory");
    for (user, code) in [(None, 0x87), (Some("alice"), 0x86)] {
        assert_eq!(client(broker.address(1), user).1, code);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_takes_nothing_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    drop(mqtt_broker::store::Disk::open_in(&folder.path().join("mqtt-data")).unwrap());
    for args in [&["--check-config", "--memory"][..], &["check"], &["dump"]] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let output = program().current_dir(folder.path()).args(args).stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.starts_with("mqtt-broker: ") && said.lines().count() == 1, "{args:?}: {said}");
    }
    // Nor is it a panic when nobody can be told.
    let full = std::fs::File::create("/dev/full").unwrap();
    let status = program().args(["--bind", "nowhere:0"]).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn check_dump_and_restore() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let broker = Running::start(folder, &["--bind", "127.0.0.1:0", "--anonymous", "--data", "one"], "anyone");
    let (mut socket, _) = client(broker.address(0), None);
    socket.write_all(b"\x33\x07\0\x01r\0\x01\0m").unwrap();
    let mut ack = [0; 5];
    socket.read_exact(&mut ack).unwrap();
    broker.signal("-TERM");
    assert_eq!(broker.end().0, Some(0));
    let said = succeeds(folder, &["check", "one"], b"");
    assert!(said.contains("is sound: ") && said.contains("1 retained messages"), "{said}");
    assert!(succeeds(folder, &["check", "--compact", "one"], b"").contains("is sound: "));
    let dump = succeeds(folder, &["dump", "one"], b"");
    assert!(dump.lines().count() == 4 && dump.contains(r#""topic":"r""#), "{dump}");
    assert_eq!(succeeds(folder, &["restore", "two"], dump.as_bytes()), "");
    assert_eq!(succeeds(folder, &["dump", "two"], b""), dump);
    let again = run(folder, &["restore", "two"], dump.as_bytes());
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
    // A message of which a byte is another one.
    let store = folder.join("two/mqtt-broker.redb");
    let mut bytes = std::fs::read(&store).unwrap();
    let at = bytes.windows(7).position(|bytes| bytes == b"\0\x01r\0\x01\0m").unwrap();
    bytes[at + 6] = b'n';
    std::fs::write(&store, bytes).unwrap();
    fails(folder, &["dump", "two"], 1, "is damaged");
    // One whose header says pages of another size, at which redb panics.
    let mut bytes = std::fs::read(folder.join("one/mqtt-broker.redb")).unwrap();
    bytes[13] ^= 0x55;
    std::fs::write(&store, bytes).unwrap();
    fails(folder, &["check", "two"], 1, "is damaged");
    // A store that is none.
    std::fs::write(&store, b"nonsense").unwrap();
    fails(folder, &["check", "two"], 1, "is damaged");
    fails(folder, &["--bind", "127.0.0.1:0", "--anonymous", "--data", "two"], 1, "is damaged");
}

/// The system ends it in the middle, here because a file may not become that long.
#[cfg(target_os = "linux")]
#[test]
fn a_restore_that_is_cut_off_leaves_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let payload = vec![b'x'; 8_000_000];
    let publish = Publish { retain: true, ..Publish::new(mqtt_wire::topic_name!("r"), &payload) };
    let frame = PublishFrame::encode(&publish, Version::V5).unwrap();
    let frame = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &frame);
    let dump = format!(
        r#"{{"format":1}}
{{"message":{{"message":1,"version":5,"arrived":1,"expires":null,"publisher":null,"frame":"{frame}"}}}}
{{"retained":{{"message":1}}}}
{{"end":{{"lines":3}}}}
"#
    );
    std::fs::write(folder.join("text"), &dump).unwrap();
    let command = format!("ulimit -f 10000; exec {} restore two <text", env!("CARGO_BIN_EXE_mqtt-broker"));
    let cut_off = Command::new("sh").args(["-c", &command]).current_dir(folder).output().unwrap();
    assert!(!cut_off.status.success(), "{cut_off:?}");
    assert!(!folder.join("two/mqtt-broker.redb").exists());
    assert_eq!(succeeds(folder, &["restore", "two"], dump.as_bytes()), "");
    assert!(succeeds(folder, &["check", "two"], b"").contains("1 retained messages"));
}

#[test]
fn passwd() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeeds(folder, &["passwd", "users", "alice"], b"secret\r\n");
    succeeds(folder, &["passwd", "users", "bob"], b"secret");
    let text = std::fs::read_to_string(folder.join("users")).unwrap();
    assert!(text.lines().count() == 2 && text.starts_with("alice:$argon2id$"), "{text}");
    succeeds(folder, &["passwd", "users", "alice", "--delete"], b"");
    fails(folder, &["passwd", "users", "alice", "--delete"], 1, "there is no user alice");
    std::fs::write(folder.join("users"), "nonsense\n").unwrap();
    fails(folder, &["passwd", "users", "alice", "--delete"], 1, "users, line 1: not of the form name:hash");
}
