//! Where clients connect: TLS, WebSocket, both, the PROXY protocol; certificates of clients, and new certificates.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mqtt_broker::auth::{Answer, Authenticate, Credentials, Refused, Rules, Users, Who};
use mqtt_broker::config::{Listener, Tls};
use mqtt_broker::limits::Limits;
use mqtt_broker::server::Parts;
use mqtt_wire::{Connect, Packet, QoS, ReasonCode, Version};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::raw::{Raw, Way, message, tcp};
use crate::scene::{Folder, Scene};

/// Who signs certificates.
struct Signer(CertifiedIssuer<'static, KeyPair>);

impl Signer {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes the signer's own certificate.
    fn write(&self, path: PathBuf) -> PathBuf {
        std::fs::write(&path, self.0.pem()).unwrap();
        path
    }

    /// Writes `name.pem` and `name.key`, for this machine and with that common name.
    fn sign(&self, folder: &Path, name: &str, common_name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let paths = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&paths.0, certificate.pem()).unwrap();
        std::fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }
}

/// A folder with certificates, and what a listener has to know of them.
struct Certificates {
    folder: Folder,
    signer: Signer,
    ca: PathBuf,
    tls: Tls,
}

impl Certificates {
    fn new() -> Self {
        let folder = Folder::new();
        let signer = Signer::new("signer");
        let (certificate, key) = signer.sign(folder.path(), "server", "server");
        let ca = signer.write(folder.path().join("ca.pem"));
        let tls = Tls { certificate, key, client_ca: None, client_required: false };
        Self { folder, signer, ca, tls }
    }

    fn listener(&self, websocket: bool) -> Listener {
        Listener { tls: Some(self.tls.clone()), ..plain(websocket) }
    }

    /// A client that trusts the signer.
    fn client(&self, own: Option<(PathBuf, PathBuf)>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.ca).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
            }
        })
    }
}

fn plain(websocket: bool) -> Listener {
    let bind = "127.0.0.1:0".parse().unwrap();
    Listener { bind, websocket, tls: None, proxy_protocol: false }
}

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

fn tls(port: u16, config: Arc<ClientConfig>) -> io::Result<(TcpStream, TlsStream)> {
    let socket = tcp(port);
    let connection = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, socket.try_clone().unwrap());
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok((socket, stream))
}

/// A stream of bytes through WebSocket, in messages of at most so many.
struct Binary<S> {
    inner: WebSocket<S>,
    rest: Bytes,
    most: usize,
}

impl<S: Read + Write> Read for Binary<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.inner.read() {
                Ok(Message::Binary(bytes)) => self.rest = bytes,
                Ok(Message::Close(_)) | Err(tungstenite::Error::ConnectionClosed) => return Ok(0),
                Ok(other) => panic!("{other:?}"),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        let n = self.rest.len().min(buf.len());
        buf[..n].copy_from_slice(&self.rest.split_to(n));
        Ok(n)
    }
}

impl<S: Read + Write> Write for Binary<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = buf.len().min(self.most);
        let bytes = Bytes::copy_from_slice(&buf[..n]);
        self.inner.write(Message::Binary(bytes)).map_err(io::Error::other)?;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().map_err(io::Error::other)
    }
}

/// Asks for a WebSocket with this list of subprotocols: the one that was chosen, or the status of the refusal.
fn websocket<S: Read + Write>(stream: S, protocols: Option<&str>) -> Result<(WebSocket<S>, String), u16> {
    let mut request = "ws://localhost/mqtt".into_client_request().unwrap();
    if let Some(protocols) = protocols {
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(protocols).unwrap());
    }
    match tungstenite::client(request, stream) {
        Ok((inner, response)) => {
            let chosen = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
            Ok((inner, chosen.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()))
        }
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            Err(response.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}

fn binary<S: Read + Write>(stream: S, most: usize) -> Binary<S> {
    let (inner, chosen) = websocket(stream, Some("mqtt")).unwrap();
    assert_eq!(chosen, "mqtt");
    Binary { inner, rest: Bytes::new(), most }
}

fn boxed(way: impl Way + 'static) -> Box<dyn Way> {
    Box::new(way)
}

#[test]
fn each_kind_serves_each_version() {
    let certificates = Certificates::new();
    let mut scene = Scene::new();
    let ports = [(false, false), (true, false), (false, true), (true, true)].map(|(websocket, with_tls)| {
        let listener = if with_tls { certificates.listener(websocket) } else { plain(websocket) };
        (websocket, with_tls, scene.listen(&listener))
    });
    let mut witness = Raw::v5(scene.port, "witness");
    witness.subscribe("#", QoS::AtLeastOnce);
    let payload: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    for (websocket, with_tls, port) in ports {
        for version in Version::ALL {
            let (socket, way) = match (websocket, with_tls) {
                (false, false) => (tcp(port), None),
                (true, false) => {
                    let socket = tcp(port);
                    (socket.try_clone().unwrap(), Some(boxed(binary(socket, 30_000))))
                }
                (false, true) => {
                    let (socket, stream) = tls(port, certificates.client(None)).unwrap();
                    (socket, Some(boxed(stream)))
                }
                (true, true) => {
                    let (socket, stream) = tls(port, certificates.client(None)).unwrap();
                    (socket, Some(boxed(binary(stream, 30_000))))
                }
            };
            let way = way.unwrap_or_else(|| boxed(socket.try_clone().unwrap()));
            let mut client = Raw::through(socket, way, version);
            client.connect(Connect::new(version, "client"));
            client.subscribe("a", QoS::ExactlyOnce);
            client.send(message("a", &payload, QoS::AtLeastOnce));
            let got = [client.frame(), client.frame()];
            assert!(matches!(got[0].packet(), Packet::PubAck(_)), "{:?}", got[0].packet_type());
            let Packet::Publish(publish) = got[1].packet() else { panic!("{:?}", got[1].packet_type()) };
            assert!(publish.payload == payload, "websocket {websocket}, TLS {with_tls}, {version}");
            client.send(Packet::PubAck(mqtt_wire::Ack::new(publish.delivery.packet_id().unwrap())));
            let got = witness.expect_message("a", &payload);
            witness.acknowledge(&got);
            client.goodbye();
        }
    }
}

#[test]
fn websocket_needs_the_subprotocol() {
    let mut scene = Scene::new();
    let port = scene.listen(&plain(true));
    for (offered, chosen) in [
        (Some("mqtt"), Ok("mqtt")),
        (Some("chat, mqtt"), Ok("mqtt")),
        // What some clients of 3.1 ask for.
        (Some("mqttv3.1"), Ok("mqttv3.1")),
        (Some("mqttv4"), Err(400)),
        (None, Err(400)),
    ] {
        let answer = websocket(tcp(port), offered).map(|(_, chosen)| chosen);
        assert_eq!(answer, chosen.map(str::to_owned), "{offered:?}");
    }
    // What is no request at all.
    let mut socket = tcp(port);
    socket.write_all(&[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'x']).unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
    scene.until_shown("mqtt_connections", 0.0);
    assert!(scene.metrics().closed("no_connect") >= 3.0);
}

#[test]
fn websocket_messages_have_no_meaning() {
    let mut scene = Scene::new();
    let port = scene.listen(&plain(true));
    // One byte in each message.
    let socket = tcp(port);
    let way = boxed(binary(socket.try_clone().unwrap(), 1));
    let mut client = Raw::through(socket, way, Version::V5);
    client.connect(Connect::new(Version::V5, "client"));
    client.subscribe("a", QoS::AtMostOnce);
    client.send(message("a", b"m", QoS::AtMostOnce));
    client.expect_message("a", b"m");
    client.goodbye();
    // Several packets in one, and a Ping between.
    let mut way = binary(tcp(port), usize::MAX);
    let mut bytes = Vec::new();
    Packet::from(Connect::new(Version::V311, "x")).encode(Version::V311, &mut bytes).unwrap();
    Packet::PingReq.encode(Version::V311, &mut bytes).unwrap();
    way.inner.send(Message::Ping(Bytes::from_static(b"here"))).unwrap();
    way.inner.send(Message::Binary(Bytes::from(bytes))).unwrap();
    let mut came = Vec::new();
    let mut ponged = false;
    while came.len() < 6 || !ponged {
        match way.inner.read().unwrap() {
            Message::Binary(bytes) => came.extend_from_slice(&bytes),
            Message::Pong(bytes) => ponged = bytes == "here",
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(came, [0x20, 2, 0, 0, 0xD0, 0]);
    // A message that is no binary one ends the connection.
    way.inner.send(Message::text("PINGREQ")).unwrap();
    let end = loop {
        match way.inner.read() {
            Ok(Message::Binary(bytes)) => panic!("{bytes:?}"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(!matches!(end, tungstenite::Error::WriteBufferFull(_)), "{end}");
    scene.until_shown("mqtt_connections", 0.0);
}

#[test]
fn pings_of_a_websocket_whose_answers_nobody_reads_take_no_memory() {
    let mut scene = Scene::new();
    let port = scene.listen(&plain(true));
    let mut way = binary(tcp(port), usize::MAX);
    // Of 125 bytes, with a mask of 0.
    let ping = [&[0x89, 0xFD, 0, 0, 0, 0][..], &[b'x'; 125]].concat();
    let many = ping.repeat(1000);
    for _ in 0..300 {
        way.inner.get_mut().write_all(&many).unwrap();
    }
    let mut bytes = Vec::new();
    Packet::from(Connect::new(Version::V311, "x")).encode(Version::V311, &mut bytes).unwrap();
    way.inner.send(Message::Binary(Bytes::from(bytes))).unwrap();
    let mut pongs = 0;
    loop {
        match way.inner.read().unwrap() {
            Message::Pong(_) => pongs += 1,
            Message::Binary(bytes) => break assert_eq!(bytes, &[0x20, 2, 0, 0][..]),
            other => panic!("{other:?}"),
        }
    }
    // What the sockets hold is answered, and the last one (RFC 6455, section 5.5.3).
    assert!(pongs < 150_000, "{pongs} of 300,000 waited in memory");
}

#[test]
fn a_client_that_closes_its_websocket_is_answered() {
    let mut scene = Scene::new();
    let port = scene.listen(&plain(true));
    let mut way = binary(tcp(port), usize::MAX);
    let mut bytes = Vec::new();
    Packet::from(Connect::new(Version::V311, "x")).encode(Version::V311, &mut bytes).unwrap();
    way.inner.send(Message::Binary(Bytes::from(bytes))).unwrap();
    way.read_exact(&mut [0; 4]).unwrap();
    way.inner.close(None).unwrap();
    // RFC 6455, section 5.5.1; a browser would call the connection lost else.
    assert!(matches!(way.inner.read(), Ok(Message::Close(_))));
    assert!(matches!(way.inner.read(), Err(tungstenite::Error::ConnectionClosed)));
    scene.until_shown("mqtt_connections", 0.0);
}

#[test]
fn a_websocket_message_has_a_longest() {
    let mut scene = Scene::limited(Limits { packet_size: 1000, ..Limits::default() });
    let port = scene.listen(&plain(true));
    let mut way = binary(tcp(port), usize::MAX);
    let mut bytes = Vec::new();
    Packet::from(Connect::new(Version::V311, "x")).encode(Version::V311, &mut bytes).unwrap();
    // Far more than a packet may have.
    bytes.resize(1 << 20, 0);
    let _ = way.inner.send(Message::Binary(Bytes::from(bytes)));
    let mut came = [0; 4];
    assert!(way.read(&mut came).map_or(true, |n| n == 0), "{came:?}");
    scene.until_shown("mqtt_connections", 0.0);
    let mut way = binary(tcp(port), usize::MAX);
    let mut bytes = Vec::new();
    Packet::from(Connect::new(Version::V311, "x")).encode(Version::V311, &mut bytes).unwrap();
    let _ = way.inner.send(Message::Binary(Bytes::from(bytes)));
    way.read_exact(&mut came).unwrap();
    let _ = way.inner.send(Message::Binary(Bytes::from(vec![0; 1 << 20])));
    assert!(way.read(&mut came).map_or(true, |n| n == 0), "{came:?}");
    scene.until_shown("mqtt_connections_closed_total{reason=\"protocol\"}", 1.0);
}

#[test]
fn who_does_not_get_through_tls_is_closed() {
    let certificates = Certificates::new();
    let mut scene = Scene::limited(Limits { connect_timeout: 1, ..Limits::default() });
    let port = scene.listen(&certificates.listener(false));
    // Without TLS; with another signer in mind; and without a word.
    let mut socket = tcp(port);
    socket.write_all(&[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'x']).unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    assert!(!answer.starts_with(&[0x20]), "{answer:?}");
    let others = Certificates::new();
    assert!(tls(port, others.client(None)).is_err());
    let mut silent = tcp(port);
    assert!(matches!(silent.read(&mut [0; 1]), Ok(0) | Err(_)));
    scene.until_shown("mqtt_connections", 0.0);
    scene.until_shown(r#"mqtt_connections_closed_total{reason="no_connect"}"#, 3.0);
    // A handshake that stops in the middle does not stop others.
    let mut half = tcp(port);
    half.write_all(&[0x16, 3, 1, 2]).unwrap();
    let (socket, way) = tls(port, certificates.client(None)).unwrap();
    Raw::through(socket, boxed(way), Version::V5).connect(Connect::new(Version::V5, "client"));
}

#[test]
fn a_certificate_is_a_user() {
    let mut certificates = Certificates::new();
    let folder = certificates.folder.path().to_owned();
    certificates.tls.client_ca = Some(certificates.ca.clone());
    let (rules, users) = (folder.join("rules"), folder.join("users"));
    std::fs::write(&rules, "users\nallow both home/%u/#\n").unwrap();
    Users::set(&users, "alice", b"secret").unwrap();
    let mut scene = Scene::with(Parts {
        authenticate: Arc::new(Users::load(&users, false).unwrap()),
        authorise: Arc::new(Rules::load(&rules).unwrap()),
        ..Parts::default()
    });
    let optional = scene.listen(&certificates.listener(false));
    certificates.tls.client_required = true;
    let required = scene.listen(&certificates.listener(true));
    let own = certificates.signer.sign(&folder, "sensor", "sensor-7");
    let foreign = Signer::new("other").sign(&folder, "foreign", "sensor-7");

    for port in [optional, required] {
        let (socket, stream) = tls(port, certificates.client(Some(own.clone()))).unwrap();
        let way = if port == required { boxed(binary(stream, 1000)) } else { boxed(stream) };
        let mut client = Raw::through(socket, way, Version::V5);
        // Whatever else it says of itself.
        let connect = Connect { user_name: Some("alice"), ..Connect::new(Version::V5, "client") };
        client.connect(connect);
        client.subscribe("home/sensor-7/#", QoS::AtMostOnce);
        assert_eq!(
            client.publish(&message("home/alice/x", b"", QoS::AtLeastOnce)),
            ReasonCode::NOT_AUTHORIZED
        );
        client.send(message("home/sensor-7/x", b"m", QoS::AtMostOnce));
        client.expect_message("home/sensor-7/x", b"m");
        client.goodbye();
        // One that nobody trusts here does not get in. TLS 1.3 tells the client when that reads.
        let refused = tls(port, certificates.client(Some(foreign.clone())));
        assert!(refused.is_err() || refused.is_ok_and(|(_, mut stream)| stream.read(&mut [0; 1]).is_err()));
    }
    let none = tls(required, certificates.client(None));
    assert!(none.is_err() || none.is_ok_and(|(_, mut stream)| stream.read(&mut [0; 1]).is_err()));
    // Where it is optional, a client without one has a password.
    let without = || {
        let (socket, stream) = tls(optional, certificates.client(None)).unwrap();
        Raw::through(socket, boxed(stream), Version::V5)
    };
    let alice =
        Connect { user_name: Some("alice"), password: Some(b"secret"), ..Connect::new(Version::V5, "c") };
    without().connect(alice);
    assert_eq!(without().refused(Connect::new(Version::V5, "c")), ReasonCode::NOT_AUTHORIZED);
    let wrong = Connect { password: Some(b"wrong"), ..alice };
    assert_eq!(without().refused(wrong), ReasonCode::BAD_USER_NAME_OR_PASSWORD);
}

/// The server's certificate as a new connection sees it.
fn seen(port: u16, config: &Arc<ClientConfig>) -> Vec<u8> {
    let (_, stream) = tls(port, config.clone()).unwrap();
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn new_certificates_are_taken_without_an_end_to_connections() {
    let certificates = Certificates::new();
    let folder = certificates.folder.path();
    let mut scene = Scene::new();
    let port = scene.listen(&certificates.listener(false));
    let config = certificates.client(None);
    let (socket, way) = tls(port, config.clone()).unwrap();
    let mut old = Raw::through(socket, boxed(way), Version::V5);
    old.connect(Connect::new(Version::V5, "old"));
    let first = seen(port, &config);
    // When they are asked for; a bad file changes nothing.
    certificates.signer.sign(folder, "server", "second");
    scene.broker().reload_certificates();
    let second = seen(port, &config);
    assert_ne!(first, second);
    std::fs::write(folder.join("server.key"), "nonsense").unwrap();
    scene.broker().reload_certificates();
    assert_eq!(seen(port, &config), second);
    // When a file has changed.
    certificates.signer.sign(folder, "server", "third");
    let start = std::time::Instant::now();
    while seen(port, &config) == second {
        assert!(start.elapsed() < crate::raw::PATIENCE, "they are not looked at");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    old.ping();
}

/// Lets everyone in and notes where they come from.
#[derive(Default)]
struct Noting(Mutex<Vec<SocketAddr>>);

impl Authenticate for Noting {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> Answer<'a, Result<Who, Refused>> {
        self.0.lock().unwrap().push(credentials.address);
        Box::pin(std::future::ready(Ok(Who { client: credentials.client.into(), user: None })))
    }
}

#[test]
fn the_proxy_protocol_says_where_a_client_comes_from() {
    let certificates = Certificates::new();
    let noting = Arc::new(Noting::default());
    let mut scene = Scene::with(Parts { authenticate: noting.clone(), ..Parts::default() });
    let port = scene.listen(&Listener { proxy_protocol: true, ..plain(false) });
    let secure = scene.listen(&Listener { proxy_protocol: true, ..certificates.listener(false) });
    let mut client = Raw::open(port, Version::V5);
    client.send_bytes(b"PROXY TCP4 203.0.113.7 10.9.8.7 51000 1883\r\n");
    client.connect(Connect::new(Version::V5, "one"));
    let mut socket = tcp(secure);
    socket.write_all(b"PROXY TCP6 2001:db8::1 ::2 4711 8883\r\n").unwrap();
    let connection =
        ClientConnection::new(certificates.client(None), "localhost".try_into().unwrap()).unwrap();
    let stream = StreamOwned::new(connection, socket.try_clone().unwrap());
    Raw::through(socket, boxed(stream), Version::V5).connect(Connect::new(Version::V5, "two"));
    let seen: Vec<String> = noting.0.lock().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(seen, ["203.0.113.7:51000", "[2001:db8::1]:4711"]);
    let mut without = Raw::open(port, Version::V5);
    without.send(Connect::new(Version::V5, "three"));
    assert!(without.next().is_none());
}
