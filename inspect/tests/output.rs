//! What people see, and how the program behaves among other programs.

mod support;

use std::io::Read;
use std::process::{Command, Stdio};

use support::{
    CONNACK, CONNECT, Client, Connection, DISCONNECT, PINGREQ, PUBLISH, Server, captures, hex, pcap, run,
    run_with,
};

fn capture() -> Vec<u8> {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, CONNECT);
    connection.send(Server, CONNACK);
    connection.send(Client, PUBLISH);
    connection.send(Client, b"\x30\x05\0\x02a#x");
    connection.send(Client, b"\x30\x06\0\x01a\x00\x01\x02");
    connection.send(Client, DISCONNECT);
    connection.fin(Client);
    connection.fin(Server);
    pcap(1, &connection.frames)
}

#[test]
fn the_timeline_is_read_by_people() {
    let ran = run_with(&["-"], &capture());
    let expected = "           0.000000  #1                            connection opened: 10.0.0.1:50000 → 10.0.0.2:1883
    1      0.003000  #1   a                    →   CONNECT      MQTT 3.1.1, client identifier \"a\", clean session, keep alive 60 s
    2      0.004000  #1   a                    ←   CONNACK      Connection Accepted (0x00)
    3      0.005000  #1   a                    →   PUBLISH      \"lampu\", QoS 0: \"menyala\"
    4      0.006000  #1   a                    → ✗ PUBLISH      byte 5: a topic name holds a wildcard [MQTT-3.3.2-2], reason code 0x81 Malformed Packet
                                                                30 05 00 02 61 23 78
                                                                read: DUP 0 (no), QoS 0 (at most once), RETAIN 0 (no)
    5      0.007000  #1   a                    →   PUBLISH      \"a\", QoS 0: 00 01 02 (3 bytes)
    6      0.008000  #1   a                    →   DISCONNECT
           0.010000  #1   a                        connection closed

6 packets, 52 bytes in 1 connection, 0.010000 s
1 malformed
";
    assert_eq!(
        run_with(&["--no-summary", "-"], &capture()).out,
        expected.split("\n6 packets").next().unwrap()
    );
    assert_eq!(ran.out, expected);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
}

#[test]
fn times_may_be_utc() {
    let ran = run_with(&["--time", "utc", "-"], &capture());
    assert!(
        ran.out
            .lines()
            .nth(1)
            .unwrap()
            .starts_with("    1  2023-11-14T22:13:20.004000Z  #1   a                    →   CONNECT"),
        "{}",
        ran.out
    );
}

#[test]
fn one_packet_can_be_asked_for() {
    let ran = run_with(&["--packet", "3", "-"], &capture());
    assert_eq!(
        ran.out,
        "    3      0.005000  #1   a                    →   PUBLISH      \"lampu\", QoS 0: \"menyala\"\n"
    );
    let beyond = run_with(&["--packet", "7", "-"], &capture());
    assert_eq!(
        (beyond.code, beyond.err.as_str()),
        (2, "mqtt-inspect: there is no packet 7; the last one is 6\n")
    );
}

#[test]
fn a_packet_is_explained_byte_by_byte() {
    let ran = run(&["--explain", "--hex", "33 0c 00 01 61 00 0a 03 23 00 07 6f 6e 21"]);
    let expected = "Packet 1: PUBLISH, MQTT 5.0, 14 bytes, line 1
sections are those of MQTT 5.0
0000  33                        Fixed header  §3.3.1
      0011 ....                   Packet type: 3 (PUBLISH)  §2.1.2
      .... 0...                   DUP: 0 (no)  §3.3.1.1
      .... .01.                   QoS: 1 (at least once)  §3.3.1.2
      .... ...1                   RETAIN: 1 (yes)  §3.3.1.3
0001  0c                        Remaining Length: 12  §2.1.4
0002  00 01                     Topic Name length: 1  §3.3.2.1
0004  61                        Topic Name: \"a\"  §3.3.2.1
0005  00 0a                     Packet Identifier: 10  §3.3.2.2
0007  03                        Properties length: 3  §3.3.2.3.1
0008  23                          Property Identifier: 0x23 Topic Alias  §3.3.2.3.4
0009  00 07                         Topic Alias: 7  §3.3.2.3.4
000b  6f 6e 21                  Payload: \"on!\"  §3.3.3

";
    assert_eq!((ran.out.as_str(), ran.code), (expected, 0));
}

#[test]
fn an_error_is_explained_below_its_byte() {
    let ran = run(&["--explain", "--hex", "--version", "3.1.1", "90 03 00 01 03"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("0004")).unwrap();
    assert_eq!(lines[at], "0004  03                        Return Code: 0x03 (unknown)  §3.9.3");
    assert!(lines[at + 1].starts_with("✗     byte 4: the reason code is not one of"), "{}", lines[at + 1]);
    assert_eq!(ran.code, 1);
}

#[test]
fn the_summary_counts_everything() {
    let ran = run_with(&["--stats", "-"], &capture());
    for line in [
        "         6  in all, 52 bytes",
        "         5  well-formed",
        "         1  malformed",
        "PUBLISH                2           24                                                  ",
        "        #1  10.0.0.1:50000 → 10.0.0.2:1883, client \"a\", MQTT 3.1.1: 5 packets (48 bytes) from the client, 1 packet (4 bytes) from the server, 1 malformed",
        "         1  a topic name holds a wildcard [MQTT-3.3.2-2]",
    ] {
        assert!(
            ran.out.lines().any(|printed| printed.trim_end() == line.trim_end()),
            "{line}\nnot in\n{}",
            ran.out
        );
    }
    assert_eq!(ran.code, 1);
    let json = run_with(&["--stats", "--json", "-"], &capture()).json().remove(0);
    assert_eq!((&json["ok"]["packets"], &json["error"]["packets"]), (&5.into(), &1.into()));
    assert_eq!(json["connections"][0]["client_to_server"]["bytes"], 48);
}

#[test]
fn the_summary_of_every_real_capture_adds_up() {
    for path in captures() {
        let name = path.to_str().unwrap();
        let stats = run(&["--stats", "--json", name]).json().remove(0);
        let packets = run(&["--json", name]).json();
        let count = |status: &str| packets.iter().filter(|packet| packet["status"] == status).count();
        assert_eq!(stats["ok"]["packets"], count("ok"), "{name}");
        assert_eq!(stats["error"]["packets"], count("error"), "{name}");
        let bytes: u64 = packets
            .iter()
            .filter(|packet| packet["status"] == "ok")
            .filter_map(|packet| packet["raw_length"].as_u64())
            .sum();
        assert_eq!(stats["ok"]["bytes"], bytes, "{name}");
    }
}

#[test]
fn text_from_the_wire_cannot_command_the_terminal() {
    // Topic with an escape sequence and a character that turns text around; a payload with a bell.
    let topic = "a\u{1b}[2J\u{202e}b\u{9b}\u{7f}\u{feff}".as_bytes();
    let length = u8::try_from(topic.len()).unwrap();
    let bytes = [&[0x30, length + 3, 0, length], topic, b"\x07"].concat();
    let hex = hex(&bytes);
    for args in [
        &["--hex", "--version", "3.1.1"][..],
        &["--hex", "--version", "3.1.1", "--explain"],
        &["--hex", "--version", "3.1.1", "--json"],
        &["--hex", "--version", "3.1.1", "--stats"],
        &["--hex", "--version", "3.1.1", "--stats", "--json"],
    ] {
        let ran = run(&[args, &[&hex]].concat());
        let hidden = ['\u{202e}', '\u{feff}'];
        assert!(
            ran.out.chars().all(|c| c == '\n' || !c.is_control() && !hidden.contains(&c)),
            "{:?}",
            ran.out
        );
        assert_eq!(ran.code, 0, "{}", ran.out);
    }
}

#[test]
fn long_payloads_are_cut_unless_asked_for() {
    let payload = "panjang ".repeat(1000);
    let length = payload.len() + 3;
    let head =
        [0x30, u8::try_from(length & 0x7F | 0x80).unwrap(), u8::try_from(length >> 7).unwrap(), 0, 1, b'a'];
    let wire = [head.as_slice(), payload.as_bytes()].concat();
    let args = ["--raw", "--version", "3.1.1"];
    let short = run_with(&args, &wire).out;
    assert!(short.chars().count() < 200 && short.trim_end().ends_with("… (8000 bytes)"), "{short}");
    let full = run_with(&[&args[..], &["--full"]].concat(), &wire).out;
    assert!(full.contains(&payload));
    let explained = run_with(&[&args[..], &["--explain"]].concat(), &wire).out;
    assert!(explained.contains("… 7936 bytes more"), "{explained}");
}

#[test]
fn colour_is_for_terminals() {
    let plain = run(&["--hex", "c000"]).out;
    assert!(!plain.contains('\u{1b}'));
    let painted = run(&["--hex", "--color", "always", "c000"]).out;
    assert!(painted.contains('\u{1b}'));
    let mut bare = String::new();
    let mut escape = false;
    for character in painted.chars() {
        escape = escape || character == '\u{1b}';
        if !escape {
            bare.push(character);
        }
        escape &= character != 'm';
    }
    assert_eq!(bare, plain);
    assert!(!run(&["--hex", "--color", "always", "--json", "c000"]).out.contains('\u{1b}'));
}

#[test]
fn a_closed_output_ends_the_program_quietly() {
    let many: String = "c000\n".repeat(200_000);
    for args in [&["--hex"][..], &["--hex", "--json"], &["--hex", "--explain"]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("many");
        std::fs::write(&path, &many).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-inspect"))
            .args(args)
            .arg(&path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), b"".as_slice()), "{args:?}");
    }
}

#[test]
fn bad_arguments_are_refused_in_words() {
    for (args, message) in [
        (&[][..], "no input"),
        (&["--hex", "--raw"], "cannot be used with"),
        (&["--version", "4", "--hex"], "the versions are 3.1, 3.1.1 and 5"),
        (&["--sender", "broker", "--hex"], "the sender is client or server"),
        (&["--sender", "client", "a.pcap"], "--sender goes with --hex and --raw"),
        (&["--stream", "--raw"], "--hex"),
        (&["--no-such-option"], "unexpected argument"),
        (&["/"], "it is a directory"),
        (&["nothing.pcap"], if cfg!(unix) { "nothing.pcap: No such file" } else { "nothing.pcap: " }),
    ] {
        let ran = run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(ran.err.contains(message), "{args:?}: {}", ran.err);
    }
}

#[test]
fn it_says_what_it_is() {
    assert_eq!(run(&["-V"]).out, format!("mqtt-inspect {}\n", env!("CARGO_PKG_VERSION")));
    let help = run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(["2  the", "1  a", "4  a", "3  there", "0  all"].iter().all(|code| help.out.contains(code)));
    assert_eq!(run_with(&["--hex"], PINGREQ).code, 2, "bytes are not hex");
}

/// A full disk is said, where that can be said, and has its exit code.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_2() {
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let program = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_mqtt-inspect"));
        program.stdin(Stdio::null());
        program
    };
    for argument in ["--version", "man"] {
        let ran = program().arg(argument).stdout(full()).output().expect("it runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{argument}: {said}");
        assert_eq!(said, "mqtt-inspect: No space left on device (os error 28)\n");
    }
    let ran = program().arg("/nowhere").stderr(full()).output().expect("it runs");
    assert_eq!(ran.status.code(), Some(2));
}
