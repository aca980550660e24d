//! The page that `--html` writes, in a browser.

#[path = "support/browser.rs"]
mod browser;
mod support;

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use browser::Browser;
use serde_json::{Value, json};
use support::{Client, Connection, Server, pcap, run, run_with};
use tempfile::TempDir;

/// A page about a capture, in a folder of its own.
struct Page {
    file: PathBuf,
    text: String,
    _folder: TempDir,
}

fn page_of(capture: &[u8], args: &[&str]) -> Page {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("page.html");
    let name = file.to_str().expect("a name").to_owned();
    let ran = run_with(&[&["--html", name.as_str(), "-"], args].concat(), capture);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    let text = std::fs::read_to_string(&file).expect("a page");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing else is left: {left:?}");
    Page { file, text, _folder: folder }
}

fn corpus(name: &str) -> Vec<u8> {
    let path = format!("{}/../corpus/captures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("a capture")
}

/// The JSON in one of the page's data blocks.
fn data(text: &str, id: &str) -> Value {
    let begin = format!("<script type=\"application/json\" id=\"{id}\">");
    let (_, rest) = text.split_once(&begin).expect("a block");
    let (block, _) = rest.split_once("</script>").expect("its end");
    assert!(!block.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{id} is inert");
    serde_json::from_str(block).expect("JSON")
}

/// Names and payloads by which a page could be taken over.
const HOSTILE: [&str; 8] = [
    "</script><script>window.taken=1</script>",
    "<!--<script>",
    "\u{2028}\u{2029}';window.taken=1;//",
    "\"><img src=x onerror=window.taken=1>",
    "]]>&lt;&sol;script&gt;",
    "${window.taken=1}`\\u003c/script>",
    "\u{202e}txt.exe\u{200b}\u{feff}",
    "https://example.invalid/a.js",
];

/// A conversation in which every text is hostile.
fn hostile() -> Vec<u8> {
    let text =
        |text: &str| [&u16::try_from(text.len()).expect("short").to_be_bytes(), text.as_bytes()].concat();
    let packet = |first: u8, body: &[u8]| [&[first, u8::try_from(body.len()).expect("short")], body].concat();
    let mut frames = Vec::new();
    for (index, one) in HOSTILE.iter().enumerate() {
        let mut connection = Connection::new(1883 + u16::try_from(index).expect("few")).open();
        let connect = [b"\0\x04MQTT\x04\x82\0\x3c".as_slice(), &text(one), &text(one)].concat();
        connection.send(Client, &packet(0x10, &connect));
        connection.send(Server, b"\x20\x02\0\0");
        connection.send(Client, &packet(0x30, &[text(one).as_slice(), one.as_bytes()].concat()));
        connection.send(Client, &packet(0x82, &[b"\0\x01".as_slice(), &text(one), &[1]].concat()));
        connection.send(Server, b"\x90\x03\0\x01\x80");
        // A bad one: the reserved flags of SUBSCRIBE.
        connection.send(Client, &packet(0x80, &[b"\0\x01".as_slice(), &text(one), &[1]].concat()));
        frames.append(&mut connection.frames);
    }
    pcap(1, &frames)
}

#[test]
fn no_payload_breaks_out_of_the_page() {
    let page = page_of(&hostile(), &[]);
    // Two blocks of data, two scripts.
    assert_eq!(page.text.matches("<script").count(), 4);
    assert_eq!(page.text.matches("</script").count(), 4);
    let rows = data(&page.text, "rows");
    for one in HOSTILE {
        let has = |row: &Value| row["topics"].as_array().is_some_and(|topics| topics.contains(&json!(one)));
        assert!(rows.as_array().expect("rows").iter().any(has), "{one:?} is there as it was sent");
    }
    let scripts = include_str!("../page/page.js");
    for way in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch("]
    {
        assert!(!scripts.contains(way), "{way}");
    }
    let Some(mut browser) = Browser::start() else { return };
    browser.open(&page.file);
    assert_eq!(browser.eval("typeof window.taken"), "undefined");
    assert_eq!(browser.eval("document.images.length"), 0);
    assert_eq!(browser.eval("document.scripts.length"), 4);
    // The rows are opened, too: their explanations hold the same texts.
    browser.eval("document.querySelectorAll('#packets button.row').forEach((button) => button.click())");
    let opened = browser.eval("document.querySelectorAll('#packets tr.opened').length");
    assert_eq!(opened, HOSTILE.len() * 6);
    assert_eq!(browser.eval("typeof window.taken"), "undefined");
    let shown = browser.eval("document.body.innerText");
    let shown = shown.as_str().expect("text");
    assert!(shown.contains(HOSTILE[0]), "what is harmless as text is shown");
    for hidden in ['\u{2028}', '\u{202e}', '\u{200b}', '\u{feff}'] {
        assert!(!shown.contains(hidden), "{hidden:?} is escaped");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn rows_are_found_opened_and_explained() {
    let page = page_of(&corpus("mosquitto_everybody_mixed.pcapng"), &[]);
    let Some(mut browser) = Browser::start() else { return };
    browser.look(1280, 800, false);
    browser.open(&page.file);
    let count = |browser: &mut Browser| browser.eval("document.getElementById('count').textContent");
    let rows = |browser: &mut Browser| browser.eval("document.querySelectorAll('#packets tr.packet').length");
    let set = |browser: &mut Browser, id: &str, value: &str| {
        let event = "dispatchEvent(new Event('input', { bubbles: true }))";
        browser.eval(&format!(
            "{{ const e = document.getElementById('{id}'); e.value = {value:?}; e.{event}; }}"
        ));
    };
    let clear = |browser: &mut Browser| {
        browser
            .eval("document.getElementById('filters').reset(); new Promise((done) => setTimeout(done, 20))");
    };
    assert_eq!(count(&mut browser), "460 of 460 packets");
    assert!(rows(&mut browser).as_u64() > Some(100));
    browser.eval("document.getElementById('more').click()");
    browser.eval("document.getElementById('more').click()");
    browser.eval("document.getElementById('more').click()");
    assert_eq!(rows(&mut browser), 460);
    assert_eq!(browser.eval("document.getElementById('more').hidden"), true);

    // What the filters leave is what the program's own leave.
    let json = format!("{}/../corpus/captures/mosquitto_everybody_mixed.pcapng", env!("CARGO_MANIFEST_DIR"));
    let left = |args: &[&str]| {
        let all = run(&[&["--json", json.as_str()], args].concat()).json();
        all.iter().filter(|one| one["number"].is_u64()).count()
    };
    set(&mut browser, "client", "j-crowd-0");
    assert_eq!(count(&mut browser), format!("{} of 460 packets", left(&["--client", "j-crowd-0"])));
    clear(&mut browser);
    set(&mut browser, "topic", "j/+/0");
    assert_eq!(count(&mut browser), format!("{} of 460 packets", left(&["--topic", "j/+/0"])));
    clear(&mut browser);
    set(&mut browser, "type", "PUBREL");
    assert_eq!(count(&mut browser), format!("{} of 460 packets", left(&["--type", "PUBREL"])));
    clear(&mut browser);
    assert_eq!(count(&mut browser), "460 of 460 packets");
    set(&mut browser, "search", "M-PROP");
    let found = rows(&mut browser).as_u64().expect("a number");
    assert!(found > 5 && found < 100, "{found}");
    set(&mut browser, "search", "no packet says this");
    assert_eq!(rows(&mut browser), 0);
    clear(&mut browser);

    // A row opens by the keyboard, and is explained as --explain does it.
    browser.eval("document.querySelector('#packets tr[data-n=\"1\"] button.row').focus()");
    browser.key("Enter");
    let explained = browser.eval("document.querySelector('#packets tr.opened .explained').innerText");
    let explained = explained.as_str().expect("text").to_owned();
    for field in [
        "Fixed header",
        "Remaining Length",
        "Protocol Name",
        "Connect Flags",
        "Client Identifier",
        "§3.1.3.1",
    ] {
        assert!(explained.contains(field), "{field}: {explained}");
    }
    browser.key("Enter");
    assert_eq!(browser.eval("document.querySelectorAll('#packets tr.opened').length"), 0);

    // In the lanes the last packet is gone to and opened by the keyboard.
    browser.eval("document.getElementById('lanes').focus()");
    browser.key("End");
    let chosen = browser.eval("document.getElementById(document.getElementById('lanes').getAttribute('aria-activedescendant')).getAttribute('aria-label')");
    assert!(chosen.as_str().is_some_and(|label| !label.is_empty()), "{chosen}");
    assert!(browser.eval("document.querySelectorAll('#lanes g.arrow').length").as_u64() > Some(5));
    browser.eval("document.getElementById('lanes').scrollTop = 0");
    browser.eval("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))");
    browser.eval("document.querySelector('#lanes g.session').dispatchEvent(new MouseEvent('click', { bubbles: true }))");
    assert_eq!(browser.eval("document.querySelectorAll('#packets tr.opened').length"), 1);

    // Sums, charts, connections.
    assert_eq!(browser.eval("document.querySelectorAll('canvas').length"), 3);
    assert_eq!(browser.eval("document.querySelectorAll('#connections tbody tr').length"), 30);
    assert!(browser.eval("document.querySelectorAll('#latencies tbody tr').length").as_u64() > Some(5));
    for (width, height) in [(1280, 800), (390, 844)] {
        browser.look(width, height, false);
        let wide = browser.eval("document.documentElement.scrollWidth");
        assert!(wide.as_u64() <= Some(width.into()), "nothing sticks out at {width}: {wide}");
    }
    assert_eq!(browser.files(), 1, "it is one file");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn secrets_stay_out_and_faults_stand_where_they_are() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, b"\x10\x17\0\x04MQTT\x04\xc2\0\x3c\0\x01a\0\x01b\0\x05s3cr!");
    connection.send(Server, b"\x20\x02\0\x05");
    connection.send(Client, b"\x34\x05\0\x01a\0\0");
    let page = page_of(&pcap(1, &connection.frames), &[]);
    assert!(!page.text.contains("s3cr") && !page.text.contains("7333637221"), "the password is not there");
    let rows = data(&page.text, "rows");
    let packets: Vec<&Value> =
        rows.as_array().expect("rows").iter().filter(|row| row["n"].is_u64()).collect();
    assert_eq!(packets[0]["hex"], "101700044d51545404c2003c0001610001620005".to_owned() + "2a2a2a2a2a");
    assert_eq!(packets[1]["refused"], true);
    assert_eq!(packets[2]["state"], "error");
    let fault = packets[2]["fault"][0].as_u64().and_then(|row| usize::try_from(row).ok()).expect("a row");
    let names = data(&page.text, "sum")["names"].clone();
    let name =
        packets[2]["x"][fault][4].as_u64().and_then(|name| usize::try_from(name).ok()).expect("a name");
    assert_eq!(names[name], "Packet Identifier");
    let sum = data(&page.text, "sum");
    assert_eq!(sum["summary"]["connections"][0]["end"]["how"], "refused");
    assert_eq!(sum["summary"]["error"]["packets"], 1);
}

#[test]
fn a_large_capture_is_capped_and_the_page_says_so() {
    let mut connection = Connection::new(1883).open();
    connection.send(Client, b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a");
    for _ in 0..105 {
        connection.send(Client, &b"\x30\x05\0\x01ab!".repeat(100));
    }
    let page = page_of(&pcap(1, &connection.frames), &[]);
    let rows = data(&page.text, "rows");
    let packets = rows.as_array().expect("rows").iter().filter(|row| row["n"].is_u64()).count();
    assert_eq!(packets, 10_000);
    let sum = data(&page.text, "sum");
    assert_eq!((&sum["packets_listed"], &sum["packets_left_out"]), (&json!(10_000), &json!(501)));
    assert_eq!(sum["summary"]["ok"]["packets"], 10_501, "sums are of all");
    let Some(mut browser) = Browser::start() else { return };
    browser.open(&page.file);
    let said = browser.eval("document.getElementById('cap').textContent");
    assert!(said.as_str().is_some_and(|said| said.contains("the first 10,000 of 10,501 packets")), "{said}");
    assert_eq!(browser.eval("document.getElementById('cap').hidden"), false);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_page_that_cannot_be_written_is_said_and_one_that_is_not_whole_is_not_there() {
    let ran = run(&["--html", "/nowhere/at/all.html", "-"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("cannot write /nowhere/at/all.html"), "{}", ran.err);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("page.html");
    let ran = run_with(&["--html", file.to_str().expect("a name"), "-"], b"no capture");
    assert_eq!(ran.code, 2);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    let ran = run_with(&["--html", "-", "-"], &hostile());
    assert!(ran.out.starts_with("<!doctype html>") && ran.out.ends_with("</html>\n"));
}

/// Pictures of the page in the folder that `MQTT_INSPECT_PICTURES` names: two sizes, light and dark.
#[test]
fn pictures() {
    let Some(folder) = std::env::var_os("MQTT_INSPECT_PICTURES").map(PathBuf::from) else { return };
    let captures = [("mixed", corpus("mosquitto_everybody_mixed.pcapng")), ("hostile", hostile())];
    let mut browser = Browser::start().expect("a browser");
    for (name, capture) in captures {
        let page = page_of(&capture, &[]);
        for (width, height) in [(1280, 800), (390, 844)] {
            for dark in [false, true] {
                browser.look(width, height, dark);
                browser.open(&page.file);
                browser.eval("document.querySelectorAll('#packets tr.packet.bad button.row, #packets tr[data-n=\"1\"] button.row').forEach((b, i) => i < 2 && b.click())");
                let shade = if dark { "dark" } else { "light" };
                for (part, at) in [
                    ("top", "title"),
                    ("sums", "latency-heading"),
                    ("lanes", "filters"),
                    ("packets", "packets-heading"),
                    ("connections", "connections-heading"),
                ] {
                    browser.eval(&format!("document.documentElement.style.scrollBehavior = 'auto'; document.getElementById('{at}').scrollIntoView()"));
                    browser.eval("new Promise((done) => setTimeout(done, 100))");
                    let picture = browser.call("Page.captureScreenshot", json!({ "format": "png" }));
                    let bytes =
                        BASE64_STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
                    std::fs::write(folder.join(format!("{name}-{width}-{shade}-{part}.png")), bytes)
                        .expect("a folder");
                }
            }
        }
    }
}

/// A page takes the place of a file, not that of a link, a pipe or a device.
#[test]
#[cfg(unix)]
fn a_page_replaces_nothing_but_a_file() {
    use std::os::unix::fs::FileTypeExt;

    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str| {
        let ran = run_with(
            &["--html", path(name).to_str().expect("a name"), "-"],
            &corpus("aedes_mqttjs_v31.pcap"),
        );
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    };
    std::fs::write(path("file"), "").expect("a file");
    std::os::unix::fs::symlink(path("file"), path("link")).expect("a link");
    write("link");
    assert!(std::fs::symlink_metadata(path("link")).expect("a link").is_symlink());
    let page = std::fs::read_to_string(path("file")).expect("a page");
    assert!(page.starts_with("<!"));

    let made = std::process::Command::new("mkfifo").arg(path("pipe")).status().expect("mkfifo");
    assert!(made.success());
    let pipe = path("pipe");
    let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).expect("a page"));
    write("pipe");
    assert!(std::fs::metadata(path("pipe")).expect("a pipe").file_type().is_fifo());
    assert_eq!(reader.join().expect("the reader").len(), page.len());
}
