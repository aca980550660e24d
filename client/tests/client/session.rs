//! Sessions that go on, over connections and over processes.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::matrix::subscriber;
use crate::process::{Process, ours, run, run_with, succeed};
use crate::server::{Mosquitto, Proxy, Wanted};

const COUNT: usize = 2000;

fn numbers() -> Vec<u8> {
    (0..COUNT).flat_map(|n| format!("{n}\n").into_bytes()).collect()
}

/// How often each number was printed.
fn counted(lines: impl IntoIterator<Item = String>) -> BTreeMap<usize, usize> {
    let mut counted = BTreeMap::new();
    for line in lines {
        *counted.entry(line.parse().unwrap()).or_default() += 1;
    }
    counted
}

#[test]
fn connections_are_cut_in_mid_stream_and_nothing_is_lost() {
    let server = Mosquitto::start(Wanted::default());
    let direct = format!("-h 127.0.0.1 -p {}", server.port);
    for (version, qos) in [("31", 1), ("311", 1), ("5", 1), ("311", 2), ("5", 2)] {
        let topic = format!("angka/{version}/{qos}");
        // The one who counts has a connection that is not cut, and says when it has the last.
        let mut counter = subscriber(&direct, &format!("-t {topic} -q {qos}"));
        let proxy = Proxy::start(server.port, vec![700, 3000, 5001, 10, 6002]);
        let session = if version == "5" { "" } else { "-c -i penerbit" };
        let sent = run_with(
            &mut ours(&format!(
                "pub -h 127.0.0.1 -p {} -V {version} -q {qos} -t {topic} -l --reconnect-max 0 --quiet {session}",
                proxy.port
            )),
            &numbers(),
        );
        assert_eq!((sent.code, sent.stderr.as_str()), (Some(0), ""), "{version} {qos}");
        assert_eq!(proxy.connections.load(Ordering::SeqCst), 6, "{version} {qos}");
        succeed(&format!("pub {direct} -t {topic} -m {COUNT} -q 2"));
        let end = COUNT.to_string();
        let lines = std::iter::from_fn(|| Some(counter.line()).filter(|line| *line != end));
        let counted = counted(lines);
        assert_eq!(counted.len(), COUNT, "{version} {qos}: lost");
        if qos == 2 {
            assert!(counted.values().all(|times| *times == 1), "{version}: twice");
        }
    }
}

#[test]
fn a_subscriber_whose_connection_is_cut_misses_nothing() {
    let server = Mosquitto::start(Wanted::default());
    let direct = format!("-h 127.0.0.1 -p {}", server.port);
    for (version, qos) in [("31", 1), ("311", 1), ("5", 1), ("311", 2), ("5", 2)] {
        let proxy = Proxy::start(server.port, vec![400, 300, 1000]);
        let place = format!("-h 127.0.0.1 -p {} -V {version}", proxy.port);
        let id = format!("hp-{version}-{qos}");
        let session = if version == "5" { String::new() } else { format!("-c -i {id}") };
        let topic = format!("angka/{version}/{qos}");
        succeed(&format!("pub {direct} -t siap -m ya -r"));
        let mut phone = Process::start(
            &mut ours(&format!(
                "sub {place} -q {qos} -t {topic} -t siap {session} --reconnect-max 0 --quiet"
            )),
            b"",
        );
        assert_eq!(phone.line(), "ya");
        let sent = run_with(&mut ours(&format!("pub {direct} -q 2 -t {topic} -l")), &numbers());
        assert_eq!(sent.code, Some(0));
        succeed(&format!("pub {direct} -t {topic} -m {COUNT} -q 2"));
        let end = COUNT.to_string();
        // Where the server does not tell that it knows the session, the retained message comes again.
        let lines =
            std::iter::from_fn(|| Some(phone.line()).filter(|line| *line != end)).filter(|line| line != "ya");
        let counted = counted(lines);
        assert_eq!(counted.len(), COUNT, "{version} {qos}: lost");
        if qos == 2 {
            assert!(counted.values().all(|times| *times == 1), "{version}: twice");
        }
        assert!(proxy.connections.load(Ordering::SeqCst) >= 3, "{version} {qos}");
    }
}

#[test]
fn a_server_that_goes_and_comes_back_gets_everything() {
    let mut server = Mosquitto::start(Wanted { persistence: true, ..Wanted::default() });
    let direct = format!("-h 127.0.0.1 -p {}", server.port);
    succeed(&format!("sub {direct} -c -i penghitung -q 2 -t angka -E"));
    for qos in [1, 2] {
        let file = server.folder.file("session");
        let mut publisher = Process::start(
            &mut ours(&format!(
                "pub {direct} -q {qos} -t angka -l -i penerbit --session {file} --reconnect-max 1 --quiet"
            )),
            &numbers(),
        );
        // It is under way when the first hundred have come.
        let some = succeed(&format!("sub {direct} -c -i penghitung -q 2 -C 100"));
        let mut lines: Vec<String> = some.lines().map(str::to_owned).collect();
        server.restart(|| {});
        let ended = publisher_ends(&mut publisher);
        assert_eq!(ended, Some(0));
        succeed(&format!("pub {direct} -t angka -m {COUNT} -q 2"));
        let mut rest = Process::start(&mut ours(&format!("sub {direct} -c -i penghitung -q 2")), b"");
        let end = COUNT.to_string();
        lines.extend(std::iter::from_fn(|| Some(rest.line()).filter(|line| *line != end)));
        rest.interrupt();
        assert_eq!(rest.finish().code, Some(0));
        let counted = counted(lines);
        assert_eq!(counted.len(), COUNT, "{qos}: lost");
        if qos == 2 {
            let twice: Vec<_> = counted.iter().filter(|(_, times)| **times > 1).collect();
            assert!(twice.is_empty(), "twice: {twice:?}");
        }
    }
}

fn publisher_ends(publisher: &mut Process) -> Option<i32> {
    let place = std::mem::replace(publisher, Process::start(&mut ours("--version"), b""));
    place.finish().code
}

#[test]
fn a_client_that_is_killed_goes_on_with_its_file() {
    let server = Mosquitto::start(Wanted::default());
    let direct = format!("-h 127.0.0.1 -p {}", server.port);
    for (version, qos) in [("311", 1), ("5", 1), ("311", 2), ("5", 2)] {
        let topic = format!("angka/{version}/{qos}");
        let mut counter = subscriber(&direct, &format!("-t {topic} -q {qos}"));
        // The connection ends in the middle, and is not made again: what was taken in is in the file.
        let proxy = Proxy::start(server.port, vec![2000]);
        let file = server.folder.file(&format!("{version}-{qos}"));
        let arguments =
            format!("-V {version} -q {qos} -t {topic} -i penerbit-{version}-{qos} --session {file}");
        let cut = run_with(
            &mut ours(&format!("pub -h 127.0.0.1 -p {} {arguments} -l --no-reconnect", proxy.port)),
            &numbers()[..5000],
        );
        assert_eq!(cut.code, Some(6), "{}", cut.stderr);
        assert_eq!(cut.stderr.lines().count(), 1, "{}", cut.stderr);
        // The next process sends the rest, and a message of its own.
        succeed(&format!("pub {direct} {arguments} -m {COUNT}"));
        let end = COUNT.to_string();
        let lines = std::iter::from_fn(|| Some(counter.line()).filter(|line| *line != end));
        let counted = counted(lines);
        let last = counted.keys().last().copied().unwrap();
        assert!(last > 100, "{last}");
        assert_eq!(counted.len(), last + 1, "{version} {qos}: lost");
        if qos == 2 {
            assert!(counted.values().all(|times| *times == 1), "{version}: twice");
        }
        // Nothing is left for a third one.
        let again = run(&format!("pub {direct} {arguments} -m {COUNT} -d"));
        assert_eq!(again.stderr.matches("sent Publish").count(), 1, "{}", again.stderr);
    }
}

#[test]
fn a_phone_gets_what_it_has_missed() {
    let server = Mosquitto::start(Wanted::default());
    let place = format!("-h 127.0.0.1 -p {}", server.port);
    for version in ["31", "311", "5"] {
        let phone = format!("sub {place} -V {version} -c -i hp{version} -q 1 -t lampu");
        succeed(&format!("{phone} -E"));
        for n in 1..=3 {
            succeed(&format!("pub {place} -t lampu -m {n} -q 1"));
        }
        assert_eq!(succeed(&format!("{phone} -C 3")), "1\n2\n3");
        // Without -c nothing is kept, and nothing is left behind.
        succeed(&format!("sub {place} -V {version} -i hp{version} -q 1 -t lampu -E"));
        succeed(&format!("pub {place} -t lampu -m 4 -q 1"));
        let later = run(&format!("{phone} -C 1 -W 0.3"));
        assert_eq!((later.code, later.stdout.as_str()), (Some(5), ""), "{version}");
    }
}

#[test]
fn ctrl_c_says_goodbye() {
    let server = Mosquitto::start(Wanted::default());
    let place = format!("-h 127.0.0.1 -p {}", server.port);
    let mut watcher = subscriber(&place, "-t wasiat");
    let waiting = subscriber(&place, "-t x -C 9 --will-topic wasiat --will-payload hilang");
    waiting.interrupt();
    let ended = waiting.finish();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), ""));
    succeed(&format!("pub {place} -t wasiat -m biasa"));
    assert_eq!(watcher.line(), "biasa", "a goodbye takes the will back");
}
