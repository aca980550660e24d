//! The proxy: what goes over it arrives unchanged, and is shown and recorded as it was. It is ended by a
//! signal, so these tests are for systems that have signals.
#![cfg(unix)]

#[path = "support/proxy.rs"]
mod running;
mod support;

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::Value;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

use crate::running::{PATIENCE, Proxy, has};
use crate::support::{
    CONNACK, CONNECT, Client, DISCONNECT, PINGREQ, PINGRESP, PUBLISH, REQUEST, SWITCHED, Server, frame, run,
};

/// Bytes that look like nothing, from a linear congruential generator.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        })
        .collect()
}

/// A server that does the same with each connection; its address.
fn server(each: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let each = Arc::new(each);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, each) = (patient(stream.unwrap()), Arc::clone(&each));
            thread::spawn(move || each(stream));
        }
    });
    address
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn connect(proxy: &Proxy) -> TcpStream {
    patient(TcpStream::connect(("127.0.0.1", proxy.port)).unwrap())
}

fn read_all(mut stream: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

/// Sends `bytes` in pieces of all sizes, and that no more comes.
fn send_all(stream: &TcpStream, seed: u64, bytes: &[u8]) {
    let (mut stream, mut rest) = (stream, bytes);
    let sizes = noise(seed, 64);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at(rest.len().min(1 + usize::from(*size) * usize::from(*size)));
        stream.write_all(piece).unwrap();
        rest = behind;
    }
    stream.shutdown(Shutdown::Write).unwrap();
}

const LENGTH: usize = 100_000;

#[test]
fn bytes_of_many_connections_arrive_unchanged_in_both_directions() {
    // The first byte is the seed of what the server sends; it tells what it got by its own length and bytes.
    let (sender, got) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let address = server(move |stream| {
        let reader = stream.try_clone().unwrap();
        let mut first = [0];
        (&reader).read_exact(&mut first).unwrap();
        let seed = u64::from(first[0]);
        let reading = thread::spawn(move || read_all(reader));
        send_all(&stream, seed, &noise(1000 + seed, LENGTH));
        sender.lock().unwrap().send((seed, reading.join().unwrap())).unwrap();
    });
    let proxy = Proxy::start(&address, &["--stats"]);
    let clients: Vec<_> = (0..24_u8)
        .map(|seed| {
            let stream = connect(&proxy);
            thread::spawn(move || {
                let reader = stream.try_clone().unwrap();
                let reading = thread::spawn(move || read_all(reader));
                send_all(&stream, seed.into(), &[vec![seed], noise(seed.into(), LENGTH)].concat());
                assert!(reading.join().unwrap() == noise(1000 + u64::from(seed), LENGTH), "{seed}");
            })
        })
        .collect();
    let count = clients.len();
    for client in clients {
        client.join().unwrap();
    }
    for _ in 0..count {
        let (seed, bytes) = got.recv_timeout(PATIENCE).unwrap();
        assert!(bytes == noise(seed, LENGTH), "{seed}");
    }
    let ended = proxy.end();
    let summary = ended.err.last().expect("a summary");
    let (up, down) = (count * (LENGTH + 1), count * LENGTH);
    assert!(summary.contains(&format!("{count} connections in ")), "{summary}");
    assert!(summary.contains(&format!("{up} bytes from clients, {down} bytes from the server")), "{summary}");
    // The seed 16 begins like a CONNECT, and goes on like none.
    assert_eq!(ended.code, 1);
}

#[test]
fn one_direction_may_end_before_the_other() {
    let address = server(|mut stream| {
        // All is read to its end before the answer, which is longer than buffers are.
        let asked = read_all(&stream);
        thread::sleep(Duration::from_millis(50));
        stream.write_all(&asked.repeat(300)).unwrap();
    });
    let proxy = Proxy::start(&address, &[]);
    let mut stream = connect(&proxy);
    let asked = noise(7, 5000);
    stream.write_all(&asked).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(read_all(stream) == asked.repeat(300));
}

#[test]
fn a_reset_goes_on_as_one() {
    let address = server(|mut stream| {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        // What was sent and is not read makes a reset of the end.
        thread::sleep(Duration::from_millis(100));
    });
    let proxy = Proxy::start(&address, &["--json"]);
    let mut stream = connect(&proxy);
    stream.write_all(CONNECT).unwrap();
    let error = stream.read(&mut [0]).expect_err("no end, a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let ended = proxy.end();
    assert!(ended.out.lines().last().unwrap().contains(r#""note":"reset""#), "{}", ended.out);
}

#[test]
fn a_server_that_is_not_there_is_named_and_others_are_served() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let proxy = Proxy::start(&address, &[]);
    let mut stream = connect(&proxy);
    let client = stream.local_addr().unwrap();
    let end = stream.read(&mut [0]);
    assert!(matches!(&end, Err(error) if error.kind() == ErrorKind::ConnectionReset), "{end:?}");
    let line = proxy.program.error();
    assert!(
        line.starts_with(&format!(
            "mqtt-inspect: the connection from {client} is not passed on: {address}: Connection refused"
        )),
        "{line}"
    );
    // Nothing stands in the way of the next.
    let listener = TcpListener::bind(&address).unwrap();
    let mut stream = connect(&proxy);
    stream.write_all(PINGREQ).unwrap();
    let (mut upstream, _) = listener.accept().unwrap();
    let mut bytes = [0; 2];
    upstream.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, PINGREQ);
    drop((stream, upstream));
    let ended = proxy.end();
    assert!(ended.err.last().unwrap().contains("; 1 connection not passed on"), "{:?}", ended.err);
}

/// A server that answers PINGREQ after CONNECT, as MQTT does, for ever.
fn pong(stream: &mut (impl Read + Write)) {
    let mut connect = [0; CONNECT.len()];
    if stream.read_exact(&mut connect).is_err() {
        return;
    }
    stream.write_all(CONNACK).unwrap();
    let mut packet = [0; 2];
    while stream.read_exact(&mut packet).is_ok() && packet == *PINGREQ {
        stream.write_all(PINGRESP).unwrap();
    }
    // Whoever goes without having read all resets the connection.
    drop(std::io::copy(stream, &mut std::io::sink()));
}

#[test]
fn a_reader_that_takes_nothing_slows_nothing_and_is_told_what_it_missed() {
    const PACKETS: usize = 4_000;
    // Each makes a line of 6 KB: hex and text.
    let packet = [b"\x30\xd3\x0f\0\x01a".as_slice(), &[b'x'; 2000]].concat();
    let all = [CONNECT, &packet.repeat(PACKETS)].concat();
    let length = all.len();
    let address = server(move |mut stream| {
        stream.read_exact(&mut vec![0; length]).unwrap();
        stream.write_all(CONNACK).unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traffic.pcapng");
    let file = file.to_str().unwrap();
    let (proxy, mut out) = Proxy::unread(&address, &["--json", "--write", file]);
    let mut stream = connect(&proxy);
    stream.write_all(&all).unwrap();
    let begin = Instant::now();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, CONNACK);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    drop(stream);
    // All has been decoded when the last frame is in the file, which has no bytes: a block of 72.
    let is_whole = |file: &[u8]| file.len() > length && file.ends_with(&72_u32.to_le_bytes());
    while !is_whole(&std::fs::read(file).unwrap()) {
        // Decoding without optimization takes its time.
        assert!(begin.elapsed() < 4 * PATIENCE);
        thread::sleep(Duration::from_millis(100));
    }
    proxy.program.interrupt();
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    let shown = text.lines().count();
    let ended = proxy.program.wait();
    let dropped: Vec<usize> = ended
        .err
        .iter()
        .filter_map(|line| line.strip_prefix("mqtt-inspect: ")?.split_once(" lines dropped")?.0.parse().ok())
        .collect();
    assert!(!dropped.is_empty(), "{:?}", ended.err);
    // The packets, and that the connection was opened and closed.
    assert_eq!(shown + dropped.iter().sum::<usize>(), PACKETS + 2 + 2);
    for line in text.lines() {
        serde_json::from_str::<Value>(line).expect("whole lines");
    }
}

#[test]
fn what_is_recorded_reads_back_as_it_was_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traffic.pcapng");
    let file = file.to_str().unwrap();
    let address = server(|mut stream| pong(&mut stream));
    let proxy = Proxy::start(&address, &["--json", "--write", file]);
    for _ in 0..3 {
        let mut stream = connect(&proxy);
        stream.write_all(CONNECT).unwrap();
        stream.read_exact(&mut [0; 4]).unwrap();
        for _ in 0..5 {
            stream.write_all(PINGREQ).unwrap();
            stream.read_exact(&mut [0; 2]).unwrap();
        }
        stream.write_all(&[PUBLISH, DISCONNECT].concat()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(stream);
    }
    // While it goes on, the file is whole.
    thread::sleep(Duration::from_millis(300));
    let before = run(&["--json", file]);
    let ended = proxy.end();
    assert_eq!(ended.code, 0);
    assert_eq!(ended.out.lines().count(), 3 * 16);
    assert_eq!(before.out, ended.out);
    let again = run(&["--json", file]);
    assert_eq!((again.code, again.out, again.err), (0, ended.out, String::new()));
    if has("tshark") {
        let port = address.rsplit_once(':').unwrap().1;
        let decode = format!("tcp.port=={port},mqtt");
        let fields = ["-T", "fields", "-e", "mqtt.msgtype"];
        let ran = Command::new("tshark")
            .args(["-r", file, "-d", &decode, "-Y", "mqtt", "-o", "tcp.check_checksum:TRUE"])
            .args(fields)
            .output()
            .unwrap();
        let mut types: Vec<&str> = std::str::from_utf8(&ran.stdout)
            .unwrap()
            .split(['\n', ','])
            .filter(|word| !word.is_empty())
            .collect();
        types.sort_unstable();
        let mut expected = ["1", "2", "3", "14"].repeat(3);
        expected.extend(["12", "13"].repeat(15));
        expected.sort_unstable();
        assert_eq!(types, expected, "{}", String::from_utf8_lossy(&ran.stderr));
        let bad = Command::new("tshark")
            .args(["-r", file, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"])
            .args(["-Y", "tcp.checksum.status==0 || ip.checksum.status==0 || _ws.malformed"])
            .output()
            .unwrap();
        assert!(bad.stdout.is_empty(), "{}", String::from_utf8_lossy(&bad.stdout));
    }
}

#[test]
fn filters_and_websocket_work_as_in_captures() {
    let address = server(|mut stream| {
        stream.read_exact(&mut vec![0; REQUEST.len()]).unwrap();
        stream.write_all(SWITCHED).unwrap();
        stream.read_exact(&mut vec![0; frame(Client, 0x82, CONNECT).len()]).unwrap();
        stream.write_all(&frame(Server, 0x82, CONNACK)).unwrap();
        read_all(stream);
    });
    let proxy = Proxy::start(&format!("ws://{address}"), &["--json", "--type", "CONNACK,PUBLISH"]);
    let mut stream = connect(&proxy);
    stream.write_all(REQUEST).unwrap();
    stream.read_exact(&mut vec![0; SWITCHED.len()]).unwrap();
    stream.write_all(&frame(Client, 0x82, CONNECT)).unwrap();
    stream.read_exact(&mut vec![0; frame(Server, 0x82, CONNACK).len()]).unwrap();
    stream.write_all(&frame(Client, 0x82, PUBLISH)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_all(stream);
    let ended = proxy.end();
    let types: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone()).collect();
    assert_eq!(types, ["CONNACK", "PUBLISH"]);
}

/// Certificates: `ca.pem`, and `server.pem` with `server.key` for localhost.
fn certificates(folder: &Path) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}

fn tls_server(folder: &Path) -> String {
    let chain = vec![CertificateDer::from_pem_file(folder.join("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let config = Arc::new(config);
    server(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        pong(&mut StreamOwned::new(connection, stream));
    })
}

fn tls_client(folder: &Path, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// CONNECT, and PINGREQ with its answer.
fn ping(stream: &mut (impl Read + Write)) -> std::io::Result<()> {
    stream.write_all(CONNECT)?;
    stream.read_exact(&mut [0; 4])?;
    stream.write_all(PINGREQ)?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer)?;
    assert_eq!(answer, PINGRESP);
    stream.write_all(DISCONNECT)
}

#[test]
fn tls_is_spoken_on_either_side() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (ca, certificate, key) = (path("ca.pem"), path("server.pem"), path("server.key"));
    let address = tls_server(folder.path());
    let port = address.rsplit_once(':').unwrap().1;
    let server = format!("mqtts://localhost:{port}");
    let near = ["--cert", &certificate, "--key", &key];
    let file = path("traffic.pcapng");
    for far in [["--cafile", ca.as_str()].as_slice(), &["--insecure"]] {
        let args = [near.as_slice(), far, &["--json", "--write", &file]].concat();
        let proxy = Proxy::start(&server, &args);
        ping(&mut tls_client(folder.path(), connect(&proxy))).unwrap();
        // A client without TLS is no client here.
        let mut plain = connect(&proxy);
        plain.write_all(CONNECT).unwrap();
        drop(plain.read(&mut [0; 16]));
        drop(plain);
        assert!(proxy.program.error().contains("TLS with the client"));
        thread::sleep(Duration::from_millis(200));
        let ended = proxy.end();
        let records: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let types: Vec<&str> = records.iter().filter_map(|record| record["type"].as_str()).collect();
        assert_eq!(types, ["CONNECT", "CONNACK", "PINGREQ", "PINGRESP", "DISCONNECT"]);
        assert_eq!(run(&["--json", &file]).out, ended.out, "what is recorded is without TLS");
    }
    // TLS to the server alone.
    let proxy = Proxy::start(&server, &["--cafile", &ca]);
    ping(&mut connect(&proxy)).unwrap();
    // A server whose certificate nobody vouches for.
    let proxy = Proxy::start(&server, &["--cafile", &path("server.pem")]);
    assert!(ping(&mut connect(&proxy)).is_err());
    let line = proxy.program.error();
    assert!(line.contains("TLS with the server: invalid peer certificate"), "{line}");
}

#[test]
fn what_cannot_be_used_is_said_with_exit_code_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let empty = empty.to_str().unwrap();
    let nowhere = folder.path().join("no/file");
    let nowhere = nowhere.to_str().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (itself, free) = (free.to_string(), free.port().to_string());
    let cases: [(&[&str], &str); 10] = [
        (&["--listen", &free, "--connect", &itself], "is where the proxy itself listens"),
        (&["--listen", &port, "--connect", "localhost"], "cannot listen on 127.0.0.1, port"),
        (&["--listen", "0", "--connect", "localhost", "--cafile", empty], "no certificate is in it"),
        (&["--listen", "0", "--connect", "localhost", "--cafile", nowhere], "No such file"),
        (&["--listen", "0", "--connect", "localhost", "--cert", empty, "--key", empty], "empty.pem"),
        (&["--listen", "0", "--connect", "localhost", "--cert", empty], "--key"),
        (&["--listen", "0", "--connect", "localhost", "--write", nowhere], "No such file"),
        (&["--listen", "0", "--connect", "http://localhost"], "the schemes are"),
        (&["--listen", "port", "--connect", "localhost"], "give a port"),
        (&["--listen", "0"], "--connect"),
    ];
    for (args, message) in cases {
        let ran = run(&[&["proxy"], args].concat());
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(message), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "");
    }
}

/// A broker that ends with its test, whatever comes of that: who reads the test's output would wait for it.
struct Mosquitto(std::process::Child);

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn mosquitto_and_its_clients_notice_nothing() {
    if !(has("mosquitto_pub") && has("mosquitto_sub") && has("/usr/sbin/mosquitto")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = folder.path().join("mosquitto.conf");
    std::fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
    let broker = Mosquitto(Command::new("/usr/sbin/mosquitto").arg("-c").arg(&config).spawn().unwrap());
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begin.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    let proxy = Proxy::start(&format!("127.0.0.1:{port}"), &["--json"]);
    let through = proxy.port.to_string();
    let payload = noise(3, 100_000);
    let file = folder.path().join("payload");
    std::fs::write(&file, &payload).unwrap();
    let mut sub = Command::new("mosquitto_sub")
        .args([
            "-p", &through, "-V", "5", "-q", "2", "-t", "rumah/#", "-C", "3", "-N", "-i", "siti", "-W", "30",
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(sub.stdout.take().unwrap());
    while !proxy.program.line().contains(r#""SUBACK""#) {}
    for qos in ["0", "1", "2"] {
        let status = Command::new("mosquitto_pub")
            .args(["-p", &through, "-V", "5", "-q", qos, "-t", "rumah/lampu", "-i", "lampu", "-f"])
            .arg(&file)
            .status()
            .unwrap();
        assert!(status.success());
    }
    assert!(read_all(out) == payload.repeat(3));
    assert!(sub.wait().unwrap().success());
    thread::sleep(Duration::from_millis(200));
    let ended = proxy.end();
    drop(broker);
    assert_eq!(ended.code, 0, "{:?}", ended.err);
    let records: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let published = records.iter().filter(|record| record["type"] == "PUBLISH");
    let lengths: Vec<&Value> = published.map(|record| &record["fields"]["payload"]["length"]).collect();
    assert_eq!(lengths, vec![&Value::from(payload.len()); 6]);
    let clients: std::collections::BTreeSet<&str> =
        records.iter().filter_map(|record| record["connection"]["client_identifier"].as_str()).collect();
    assert_eq!(clients.into_iter().collect::<Vec<_>>(), ["lampu", "siti"]);
}

/// Output that cannot be written ends it, and is said.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_2() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let address = server(|mut stream| pong(&mut stream));
    let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-inspect"))
        .args(["proxy", "--listen", "127.0.0.1:0", "--connect", &address])
        .stdin(Stdio::null())
        .stdout(std::fs::File::options().write(true).open("/dev/full").unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let (_, rest) = line.split_once("listening on ").unwrap();
    let (proxy, _) = rest.split_once(',').unwrap();
    let mut stream = std::net::TcpStream::connect(proxy).unwrap();
    stream.write_all(CONNECT).unwrap();
    // The second packet finds that the first could not be shown.
    for _ in 0..100 {
        thread::sleep(Duration::from_millis(20));
        if stream.write_all(PINGREQ).is_err() {
            break;
        }
    }
    let ended = child.wait().unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(
        (ended.code(), rest.as_str()),
        (Some(2), "mqtt-inspect: No space left on device (os error 28)\n")
    );
}
