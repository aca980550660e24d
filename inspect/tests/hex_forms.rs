//! Hex in the forms that programs write it in: each is read as the bytes that it is of, or refused.

mod support;

use support::{Client, Connection, Link, Ran, hex, run, run_with};

/// MQTT 3.1.1, client identifier `lamp-1`.
const CONNECT: &[u8] = b"\x10\x12\0\x04MQTT\x04\x02\0\x3c\0\x06lamp-1";
/// Rows that are alike, blanks and bars, text that looks like hex, and an odd number of bytes.
const PUBLISH: &[u8] = b"\x30\x77\0\x09a  b|ab c\
    mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm ok|cafe  0";

/// What util-linux's hexdump, xxd and coreutils' od print for these bytes, each behind a line with the command.
const PRINTED: &str = include_str!("hex_forms.txt");

/// The commands, the packets and what was printed.
fn printed() -> impl Iterator<Item = (&'static str, &'static [u8], &'static str)> {
    PRINTED.split("### ").skip(1).map(|form| {
        let (title, text) = form.split_once('\n').expect("a title");
        let (command, packet) = title.rsplit_once(' ').expect("a packet");
        (command, if packet == "CONNECT" { CONNECT } else { PUBLISH }, text)
    })
}

/// The same CONNECT in further forms.
const COPIED: &[(&str, &str)] = &[
    ("Wireshark, hex dump", "0000   10 12 00 04 4d 51 54 54 04 02 00 3c 00 06 6c 61\n0010   6d 70 2d 31\n"),
    (
        "Wireshark, hex and text",
        "0000   10 12 00 04 4d 51 54 54 04 02 00 3c 00 06 6c 61   ....MQTT...<..la\n\
         0010   6d 70 2d 31                                       mp-1\n",
    ),
    (
        "Wireshark of old",
        "0000  10 12 00 04 4d 51 54 54  04 02 00 3c 00 06 6c 61   ....MQTT ...<..la\n\
         0010  6d 70 2d 31                                        mp-1\n",
    ),
    ("Wireshark, hex stream", "101200044d5154540402003c00066c616d702d31\n"),
    (
        "Wireshark, escaped string",
        "\"\\x10\\x12\\x00\\x04\\x4d\\x51\\x54\\x54\\x04\\x02\\x00\\x3c\\x00\\x06\\x6c\\x61\" \\\n\
         \"\\x6d\\x70\\x2d\\x31\"\n",
    ),
    (
        "Wireshark, C array",
        "char peer0_0[] = { /* Packet 4 */\n0x10, 0x12, 0x00, 0x04, 0x4d, 0x51, 0x54, 0x54, \n\
         0x04, 0x02, 0x00, 0x3c, 0x00, 0x06, 0x6c, 0x61, \n0x6d, 0x70, 0x2d, 0x31 };\n",
    ),
    (
        "tcpdump",
        "\t0x0000:  1012 0004 4d51 5454 0402 003c 0006 6c61  ....MQTT...<..la\n\
         \t0x0010:  6d70 2d31                                mp-1\n",
    ),
    (
        "with empty lines and line ends of Windows",
        "\r\n0000   10 12 00 04 4d 51 54 54 04 02 00 3c 00 06 6c 61\r\n\r\n0010   6d 70 2d 31\r\n\r\n",
    ),
    (
        "an array in one line",
        "uint8_t packet[] = {0x10,0x12,0x0,0x4,0x4d,0x51,0x54,0x54,0x4,0x2,0x0,0x3c,0x0,0x6,0x6c,0x61,0x6d,0x70,0x2d,0x31};\n",
    ),
];

fn read(args: &[&str], text: &str) -> Ran {
    run_with(&[&["--hex", "--json", "--version", "3.1.1"], args].concat(), text.as_bytes())
}

/// The bytes of the only packet, by its fields' length.
fn is_read(name: &str, ran: &Ran, bytes: &[u8]) {
    let kind = if bytes == CONNECT { "ok CONNECT" } else { "ok PUBLISH" };
    assert_eq!((ran.gist(), ran.code), (vec![kind.to_owned()], 0), "{name}: {}", ran.out);
    let plain = run(&["--hex", "--json", "--version", "3.1.1", &hex(bytes)]);
    assert_eq!(ran.json()[0]["fields"], plain.json()[0]["fields"], "{name}");
    assert_eq!(ran.json()[0]["raw_length"], bytes.len(), "{name}");
}

#[test]
fn what_programs_print_is_read() {
    assert_eq!(printed().count(), 58);
    for (program, bytes, text) in printed() {
        let name = format!("{program} of {} bytes", bytes.len());
        is_read(&name, &read(&[], text), bytes);
        // Blanks at the ends of lines are lost where text is copied.
        let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
        is_read(&name, &read(&[], &trimmed.join("\n")), bytes);
    }
}

#[test]
fn what_is_copied_is_read() {
    for (name, text) in COPIED {
        is_read(name, &read(&[], text), CONNECT);
    }
}

#[test]
fn dumps_and_lines_may_follow_each_other() {
    let dump = "0000   10 12 00 04 4d 51 54 54 04 02 00 3c 00 06 6c 61\n0010   6d 70 2d 31\n";
    let text =
        format!("c000\n{dump}{dump}\nd0 00\n# a comment\n{}e000\n", printed().next().expect("a form").2);
    let ran = read(&[], &text);
    assert_eq!(
        ran.gist(),
        ["ok PINGREQ", "ok CONNECT", "ok CONNECT", "ok PINGRESP", "ok CONNECT", "ok DISCONNECT"]
    );
    let lines: Vec<_> = ran.json().iter().map(|answer| answer["line"].clone()).collect();
    assert_eq!(lines, [1, 2, 4, 7, 9, 13], "a dump is where it begins");
    let stream = read(&["--stream"], "0000  c0 00 d0 00\n0004  e0 00\n");
    assert_eq!(stream.json()[0]["packets"].as_array().expect("a list").len(), 3);
}

#[test]
fn decimal_numbers_are_read_when_asked_for() {
    for text in [
        "16 18 0 4 77 81 84 84 4 2 0 60 0 6 108 97 109 112 45 49",
        "[16, 18, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 6, 108, 97, 109, 112, 45, 49]",
        "16,18,0,4,77,81,84,84,4,2,0,60,0,6,108,97,109,112,45,49;",
        "byte[] packet = {16, 18, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60,\n 0, 6, 108, 97, 109, 112, 45, 49};",
        "0000000  16  18   0   4  77  81  84  84   4   2   0  60   0   6 108  97\n\
         0000020 109 112  45  49\n0000024\n",
    ] {
        is_read(text, &read(&["--decimal"], text), CONNECT);
    }
    assert_eq!(read(&["--decimal"], "-64, 0\n-48 0").gist(), ["ok PINGREQ", "ok PINGRESP"], "Java has signs");
    let argument = run(&["--hex", "--json", "--decimal", "[192, 0]"]);
    assert_eq!(argument.gist(), ["ok PINGREQ"]);
}

#[test]
fn lines_are_joined_when_asked_for() {
    for text in [
        "101200044d5154540402003c\n00066c616d702d31\n",
        " 10 12 00 04 4d 51 54 54 04 02 00 3c 00 06 6c 61\n 6d 70 2d 31\n",
        "0x10, 0x12, 0x00, 0x04, 0x4d, 0x51, 0x54, 0x54, 0x04, 0x02,\n\n0x00, 0x3c, 0x00, 0x06, 0x6c, 0x61, 0x6d, 0x70, 0x2d, 0x31\n",
    ] {
        is_read(text, &read(&["--join"], text), CONNECT);
    }
}

#[test]
fn a_whole_frame_gives_its_payload() {
    for (link, v6) in [(Link::Ethernet, false), (Link::Raw, false), (Link::Ethernet, true), (Link::Raw, true)]
    {
        let mut connection = Connection::on(1883, link, v6);
        connection.send(Client, CONNECT);
        connection.acknowledge(Client);
        let (frame, empty) = (&connection.frames[0].1, &connection.frames[1].1);
        is_read("a frame", &read(&[], &hex(frame)), CONNECT);
        let ran = read(&[], &hex(empty));
        assert_eq!((ran.gist(), ran.code), (vec!["error - NotHex".to_owned()], 2));
        // With a checksum that is wrong it is just bytes.
        let mut other = frame.clone();
        let at = other.len() - CONNECT.len() - 4 - if v6 { 0 } else { 26 };
        other[at] ^= 1;
        assert_eq!(read(&[], &hex(&other)).code, 1, "{link:?} {v6}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_and_not_decoded() {
    for (name, text) in [
        ("a dump whose beginning is missing", "0010   6d 70 2d 31\n0014   c0 00\n"),
        ("the same of xxd", "00000010: 6d70 2d31                                mp-1\n"),
        ("a row is missing", "0000   10 12 00 04 4d 51 54 54\n0010   6d 70 2d 31\n0014   c0 00\n"),
        ("a row is cut", "00000000: 1012 0004 4d51  ....MQTT\n"),
        ("a row with other text", "0000   10 12 00 04   ..MQ\n"),
        ("hexdump -d", "0000000   04624   01024   20813   21588\n0000008\n"),
        ("od -c", "0000000 020 022  \\0 004   M   Q   T   T 004 002  \\0   <  \\0 006   l   a\n0000020\n"),
        ("the end is elsewhere", "00000000  c0 00  |..|\n00000003\n"),
        ("half a byte", "0000   c0 0\n"),
        ("characters", "b'\\x10\\x12\\x00\\x04MQTT'\n"),
        ("an escape and letters", "\\x30\\x00ab\n"),
        ("numbers without 0x", "{ 16, 18, 0 }\n"),
        ("hex and decimal", "0xc0, 0\n"),
        ("decimal", "192, 0\n"),
        ("words of more bytes", "0xc000, 0x0000\n"),
        ("base64", "EBIABE1RVFQEAgA8AAZsYW1wLTE=\n"),
        ("an array without its end", "{ 0xc0, 0x0g\n"),
        ("text behind", "c0 00  ..\n"),
    ] {
        let ran = read(&[], text);
        assert!(!ran.gist().is_empty(), "{name}");
        assert!(ran.gist().iter().all(|gist| gist == "error - NotHex"), "{name}: {}", ran.out);
        assert_eq!(ran.json().len(), 1, "{name}: one clear line: {}", ran.out);
        assert_eq!(ran.code, 2, "{name}");
    }
    for text in ["256 0", "1.5", "0000000 300 000\n"] {
        assert_eq!(read(&["--decimal"], text).gist(), ["error - NotHex"], "{text}");
    }
}

#[test]
fn squeezed_rows_are_bounded() {
    let row = "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n";
    let ran = read(&[], &format!("{row}*\nfffffff0\n"));
    assert_eq!((ran.gist(), ran.code), (vec!["error - NotHex".to_owned()], 2));
    // od's offsets and hexdump's differ; where nothing says which they are the dump is not read.
    let words = "0000000 0000 0000 0000 0000 0000 0000 0000 0000\n*\n0000140\n";
    assert_eq!(read(&[], words).gist(), ["error - NotHex"]);
}
