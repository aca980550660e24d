//! Hex and raw streams: one answer for each line, whatever stands in it.

mod support;

use serde_json::{Value, json};
use support::{CONNECT, PINGREQ, PINGRESP, PUBLISH, Running, hex, run, run_with};

/// The answer to one line.
fn answer(args: &[&str], line: &str) -> Value {
    let ran = run_with(&[&["--hex", "--json"], args].concat(), format!("{line}\n").as_bytes());
    assert_eq!(ran.err, "");
    let mut lines = ran.json();
    assert_eq!(lines.len(), 1, "{}", ran.out);
    lines.remove(0)
}

#[test]
fn every_line_gets_one_answer_in_order() {
    let lines = [
        ("c000", "ok"),
        ("C0:00  # PINGREQ", "ok"),
        ("c0", "incomplete"),
        ("c001", "incomplete"),
        ("c00100", "error"),
        ("zz", "error"),
        ("c00", "error"),
        ("0xc0 0x00\r", "ok"),
        ("c000 c000", "error"),
        ("00 00", "error"),
        ("30ffffffff", "error"),
        ("30ffffff", "incomplete"),
    ];
    let input: Vec<&str> = lines.iter().map(|(line, _)| *line).collect();
    for end in ["", "\n"] {
        let ran = run_with(&["--hex", "--json"], (input.join("\n") + end).as_bytes());
        let answers = ran.json();
        assert_eq!(answers.len(), lines.len());
        for (number, (answer, (line, status))) in answers.iter().zip(lines).enumerate() {
            assert_eq!(answer["line"], number + 1);
            assert_eq!(answer["status"], status, "{line}: {answer}");
            assert_eq!(answer["missing"].is_u64(), status == "incomplete", "{answer}");
            assert_eq!(answer["error"].is_object(), status == "error", "{answer}");
        }
    }
}

#[test]
fn lines_without_bytes_mean_nothing() {
    let ran = run_with(&["--hex", "--json"], b"\n# a comment\n  \t\r\nc000 # PINGREQ\n\nd000\n\n");
    assert_eq!(ran.gist(), ["ok PINGREQ", "ok PINGRESP"]);
    let lines: Vec<_> = ran.json().iter().map(|answer| answer["line"].clone()).collect();
    assert_eq!(lines, [4, 6]);
    for nothing in ["", "\n\n", "# a comment\n"] {
        let ran = run_with(&["--hex", "--json"], nothing.as_bytes());
        assert_eq!((ran.out.as_str(), ran.code), ("", 3));
    }
}

#[test]
fn bytes_that_are_no_text_get_an_answer_too() {
    let ran = run_with(&["--hex", "--json"], b"\xff\xfe\nc000\n\0\n");
    assert_eq!(ran.gist(), ["error - NotHex", "ok PINGREQ", "error - NotHex"]);
    assert_eq!(ran.code, 2, "what is not hex cannot be used");
}

#[test]
fn what_is_missing_is_told() {
    for (line, missing) in [("30", 1), ("3080", 1), ("3005", 5), ("300500", 4), ("30808001", 16384)] {
        assert_eq!(answer(&[], line)["missing"], missing, "{line}");
    }
}

#[test]
fn the_version_is_the_connects_own_or_the_users_or_5() {
    let publish_v5 = "300c00056c616d7075006d656e79";
    for (args, line, status, version) in [
        (&[][..], &*hex(CONNECT), "ok", "3.1.1"),
        (&[], "100f00064d51497364700302003c000161", "ok", "3.1"),
        (&[], &hex(PUBLISH), "error", "5.0"),
        (&["--version", "3.1.1"], &hex(PUBLISH), "ok", "3.1.1"),
        (&["--version", "3.1"], &hex(PUBLISH), "ok", "3.1"),
        (&["--version", "5"], publish_v5, "ok", "5.0"),
        (&["--version", "5.0"], publish_v5, "ok", "5.0"),
        (&["--version", "5"], &hex(CONNECT), "error", "5.0"),
    ] {
        let answer = answer(args, line);
        assert_eq!(
            (&answer["status"], &answer["version"]),
            (&status.into(), &version.into()),
            "{args:?} {line}"
        );
    }
}

#[test]
fn direction_is_judged_when_the_sender_is_told() {
    for (args, status) in
        [(&[][..], "ok"), (&["--sender", "client"], "ok"), (&["--sender", "server"], "error")]
    {
        assert_eq!(answer(args, &hex(PINGREQ))["status"], status, "{args:?}");
    }
    let answer = answer(&["--sender", "server"], &hex(PINGREQ));
    assert_eq!(
        (&answer["direction"], &answer["error"]["kind"]),
        (&"server_to_client".into(), &"WrongDirection".into())
    );
}

#[test]
fn an_error_has_kind_offset_reason_code_rule_and_message() {
    let error = answer(&["--version", "3.1.1"], "3604000161 62");
    assert_eq!(
        error,
        json!({
            "status": "error", "number": 1, "line": 1, "direction": null, "version": "3.1.1", "type": "PUBLISH",
            "offset": 0, "raw_length": 6,
            "error": {
                "kind": "PublishQoS3", "offset": 0, "reason_code": 0x81, "reason_name": "Malformed Packet",
                "rule": "MQTT-3.3.1-4", "message": "both QoS bits of a PUBLISH are set",
            },
            "raw": "360400016162",
        })
    );
}

#[test]
fn bytes_behind_the_packet_are_an_error_but_in_a_stream() {
    let line = hex(&[CONNECT, PUBLISH, PINGREQ].concat());
    let single = answer(&[], &line);
    assert_eq!((&single["status"], &single["error"]["kind"]), (&"error".into(), &"TrailingBytes".into()));
    assert_eq!(single["error"]["offset"], CONNECT.len());
    let stream = answer(&["--stream"], &line);
    assert_eq!(stream["status"], "ok");
    let types: Vec<_> = stream["packets"].as_array().unwrap().iter().map(|packet| &packet["type"]).collect();
    assert_eq!(types, ["CONNECT", "PUBLISH", "PINGREQ"], "by the version that CONNECT named");
    assert_eq!(stream["packets"][1]["offset"], CONNECT.len());
}

#[test]
fn a_stream_says_what_is_worst_in_it() {
    let ran =
        run_with(&["--hex", "--json", "--stream"], b"c000d000\n\nc0\nc00030\nc000000000\nzz\nc0000000\n");
    let status: Vec<_> = ran.json().iter().map(|answer| answer["status"].clone()).collect();
    assert_eq!(status, ["ok", "incomplete", "incomplete", "error", "error", "error"]);
    let incomplete = &ran.json()[2];
    assert_eq!(
        (&incomplete["missing"], &incomplete["packets"].as_array().unwrap().len().into()),
        (&1.into(), &json!(2))
    );
}

#[test]
fn the_exit_code_tells_malformed_from_unusable() {
    for (line, code) in [("c000", 0), ("c0", 0), ("", 3), ("c00100", 1), ("c000c000", 1), ("xyz", 2)] {
        for args in [&["--hex", "--json"][..], &["--hex"], &["--hex", "--explain"], &["--hex", "--stats"]] {
            assert_eq!(run_with(args, line.as_bytes()).code, code, "{line} {args:?}");
        }
    }
}

#[test]
fn hex_comes_from_arguments_and_files_too() {
    assert_eq!(run(&["--hex", "--json", "c000", "d0 00"]).gist(), ["ok PINGREQ", "ok PINGRESP"]);
    assert_eq!(run(&["--hex", "--json", "--", ""]).code, 3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.txt");
    std::fs::write(&path, "c000\nd000\n").unwrap();
    let ran = run(&["--hex", "--json", path.to_str().unwrap(), "e000"]);
    assert_eq!(ran.gist(), ["ok PINGREQ", "ok PINGRESP", "ok DISCONNECT"]);
    let lines: Vec<_> = ran.json().iter().map(|answer| answer["line"].clone()).collect();
    assert_eq!(lines, [1, 2, 3]);
    let missing = run(&["--hex", "nothing.txt"]);
    assert_eq!(missing.code, 2);
    assert!(missing.err.starts_with("mqtt-inspect: nothing.txt: "), "{}", missing.err);
}

#[test]
fn tolerances_and_limits_are_passed_on() {
    // CONNECT with level 0x84, PUBLISH with a length in two bytes, PUBACK with an unknown code.
    let bridge = hex(CONNECT).replace("4d51545404", "4d51545484");
    for (option, line) in [
        ("bridge-level", bridge.as_str()),
        ("non-minimal-lengths", "c08000"),
        ("unknown-reason-codes", "400300017f"),
    ] {
        assert_eq!(answer(&[], line)["status"], "error", "{option}");
        assert_eq!(answer(&["--tolerate", option], line)["status"], "ok", "{option}");
    }
    let answer = answer(&["--max-packet-size", "10"], "300b00");
    assert_eq!(
        (&answer["error"]["kind"], &answer["error"]["reason_code"]),
        (&"PacketTooLarge".into(), &0x95.into())
    );
}

#[test]
fn an_answer_comes_before_the_next_line_is_asked_for() {
    let mut running = Running::start(&["--hex", "--json"]);
    for line in ["c000\n", "c0\n", "d000\n"] {
        running.write(line.as_bytes());
        assert!(running.line().contains("status"));
    }
    assert!(running.finish().is_empty());
}

#[test]
fn a_raw_stream_is_read_to_its_end() {
    let stream = [CONNECT, PUBLISH, &[0x00, 0x00], PINGREQ, &PUBLISH[..4]].concat();
    let ran = run_with(&["--raw", "--json"], &stream);
    let expected =
        ["ok CONNECT", "ok PUBLISH", "error - ReservedPacketType", "ok PINGREQ", "incomplete PUBLISH 12"];
    assert_eq!(ran.gist(), expected);
    assert_eq!(ran.code, 1);
    let offsets: Vec<_> = ran.json().iter().map(|record| record["offset"].clone()).collect();
    assert_eq!(offsets, [0, 15, 31, 33, 35]);
    let server = run_with(&["--raw", "--json", "--sender", "server"], &[PUBLISH, PINGRESP, PINGREQ].concat());
    assert_eq!(server.gist(), ["ok PUBLISH", "ok PINGRESP", "error PINGREQ WrongDirection"]);
    let lost = run_with(&["--raw", "--json"], &[PINGREQ, &[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2]].concat());
    assert_eq!(lost.gist(), ["ok PINGREQ", "error PUBLISH LengthTooLong"]);
}
