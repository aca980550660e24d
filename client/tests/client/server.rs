//! Servers: mosquitto, a proxy that cuts connections, and servers of a few fixed bytes.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// A folder that is removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mqtt-client-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What mosquitto is to do.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// Only the user `anna` with the password `rahasia` may connect; `guest` may do nothing but read.
    pub(crate) passwords: bool,
    /// Sessions are kept over restarts.
    pub(crate) persistence: bool,
    /// TLS wants a certificate of the client's.
    pub(crate) client_certificates: bool,
    pub(crate) more: &'static str,
}

/// A mosquitto with ports for TCP, WebSocket, TLS and both.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    pub(crate) websocket: u16,
    pub(crate) tls: u16,
    /// None: this mosquitto has no WebSocket over TLS when client certificates are wanted.
    pub(crate) websocket_tls: u16,
    pub(crate) folder: Folder,
    child: Child,
}

impl Mosquitto {
    pub(crate) fn start(wanted: Wanted) -> Self {
        let folder = Folder::new();
        certificates(&folder);
        // It cannot choose a port itself, and somebody may take the free one before it does.
        for _ in 0..10 {
            let ports = [free_port(), free_port(), free_port(), free_port()];
            let mut config = format!(
                "pid_file {0}/pid\nallow_anonymous {1}\nmax_queued_messages 0\n{2}\n",
                folder.0.display(),
                !wanted.passwords,
                wanted.more,
            );
            if wanted.passwords {
                let file = folder.file("passwords");
                std::fs::write(&file, "").unwrap();
                for name in ["anna", "guest"] {
                    let made = Command::new("mosquitto_passwd").args(["-b", &file, name, "rahasia"]).output();
                    assert!(made.unwrap().status.success());
                }
                let rules = folder.file("acl");
                std::fs::write(&rules, "user anna\ntopic readwrite #\nuser guest\ntopic read #\n").unwrap();
                writeln!(config, "password_file {file}\nacl_file {rules}").unwrap();
            }
            if wanted.persistence {
                writeln!(config, "persistence true\npersistence_location {}/", folder.0.display()).unwrap();
            }
            for (at, port) in ports.iter().enumerate() {
                writeln!(config, "listener {port} 127.0.0.1").unwrap();
                if at % 2 == 1 {
                    writeln!(config, "protocol websockets").unwrap();
                }
                if at >= 2 {
                    let (ca, cert, key) =
                        (folder.file("ca.pem"), folder.file("server.pem"), folder.file("server.key"));
                    writeln!(config, "cafile {ca}\ncertfile {cert}\nkeyfile {key}").unwrap();
                    writeln!(config, "require_certificate {}", wanted.client_certificates && at == 2)
                        .unwrap();
                }
            }
            // Started by root, it gives up its rights, and with them this folder.
            writeln!(config, "user root").unwrap();
            std::fs::write(folder.file("mosquitto.conf"), config).unwrap();
            if let Some(child) = launch(&folder) {
                let [port, websocket, tls, websocket_tls] = ports;
                return Self { port, websocket, tls, websocket_tls, folder, child };
            }
        }
        panic!("mosquitto does not listen: run tests/setup");
    }

    /// Ends it as an operator does, and starts it again; `between` happens while it is away.
    pub(crate) fn restart(&mut self, between: impl FnOnce()) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        self.child.wait().unwrap();
        between();
        self.child = launch(&self.folder).expect("its ports are its own");
    }
}

/// Starts it; `None` when it does not get its ports.
fn launch(folder: &Folder) -> Option<Child> {
    let path = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let mut child = Command::new(path.unwrap_or("mosquitto"))
        .args(["-v", "-c", &folder.file("mosquitto.conf")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mosquitto: run tests/setup");
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while log.read_line(&mut line).unwrap() > 0 {
        if line.ends_with("running\n") {
            // It goes on writing.
            std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
            return Some(child);
        }
        line.clear();
    }
    child.wait().unwrap();
    None
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A signer, certificates of it for this machine and for a client, one for another name, and another signer.
fn certificates(folder: &Folder) {
    let issuer = |name: &str| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let write = |name: &str, text: String| std::fs::write(folder.0.join(name), text).unwrap();
    let ca = issuer("rumah");
    write("ca.pem", ca.pem());
    write("other-ca.pem", issuer("tetangga").pem());
    for (file, names) in [("server", vec!["localhost", "127.0.0.1"]), ("client", vec!["anna"])] {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, file);
        let certificate = params.signed_by(&key, &ca).unwrap();
        write(&format!("{file}.pem"), certificate.pem());
        write(&format!("{file}.key"), key.serialize_pem());
    }
}

/// Passes connections on to a server, and cuts one when so many bytes have gone from client to server.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// How many connections there were.
    pub(crate) connections: Arc<AtomicU64>,
}

impl Proxy {
    /// The first connections live for so many bytes each, further ones for ever.
    pub(crate) fn start(server: u16, lives: Vec<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicU64::new(0));
        let count = connections.clone();
        std::thread::spawn(move || {
            let mut lives = lives.into_iter();
            for client in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let life = lives.next().unwrap_or(usize::MAX);
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass(from, to, usize::MAX));
                std::thread::spawn(move || pass(client, server, life));
            }
        });
        Self { port, connections }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut life: usize) {
    let mut bytes = [0; 512];
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        let len = len.min(life);
        if to.write_all(&bytes[..len]).is_err() {
            break;
        }
        life -= len;
        if life == 0 {
            break;
        }
    }
    // Either side may be gone.
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}

/// A server that answers each connection's first packet with these bytes, and waits for the client to close. What came
/// behind that packet goes to the channel.
pub(crate) fn fixed(answer: &'static [u8]) -> (u16, std::sync::mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, rest) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut first = [0; 1024];
            let _ = stream.read(&mut first);
            let _ = stream.write_all(answer);
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            if sender.send(bytes).is_err() {
                break;
            }
        }
    });
    (port, rest)
}

/// A server that answers what comes piece by piece, each with one of these, and is gone behind the last.
pub(crate) fn leaving(answers: &'static [&'static [u8]]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        for answer in answers {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer);
        }
    });
    port
}
