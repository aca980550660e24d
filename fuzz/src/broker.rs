//! The broker on any bytes: what the targets `broker_*` share.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::BytesMut;
use futures::FutureExt;
use mqtt_broker::auth::{Anonymous, Authenticate, Authorise, Everything, Exchange, Rules, Step, Users, Who};
use mqtt_broker::config::{Config, Flags};
use mqtt_broker::engine::Local;
use mqtt_broker::front::{self, Peer, Shared};
use mqtt_broker::limits::Limits;
use mqtt_broker::metrics::Metrics;
use mqtt_broker::proxy_protocol;
use mqtt_broker::store::{Change, Disk, Kept, Store, StoreError, dump};
use mqtt_wire::{
    CheckedFrame, Connect, Connection, Packet, Properties, Property, TopicFilter, TopicName, Version,
};
use redb::backends::InMemoryBackend;
use tokio::io::{AsyncRead, AsyncWriteExt, DuplexStream, ReadBuf};

/// A line that a program says is one, and does not command the terminal.
fn is_a_line(text: &str) {
    assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
}

/// A file of configuration: it is taken, or refused in one line.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Config::parse(&Flags::default(), text, Path::new("/etc/mqtt")) {
        Ok(config) => {
            assert!(!config.listeners.is_empty());
            let limits = &config.limits;
            assert!(limits.connections > 0 && limits.packet_size >= 64 && limits.in_flight > 0);
        }
        Err(error) => is_a_line(&error.to_string()),
    }
}

/// A file of rules, behind a line `user TAB client TAB topic name TAB topic filter`.
pub fn rules(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (asked, text) = text.split_once('\n').unwrap_or((text, ""));
    let mut asked = asked.split('\t');
    let mut next = || asked.next().unwrap_or_default();
    let (user, client, topic, filter) = (next(), next(), next(), next());
    let rules: Rules = match text.parse() {
        Ok(rules) => rules,
        Err(error) => {
            assert!((1..=text.lines().count()).contains(&error.line), "{error}");
            return is_a_line(&error.to_string());
        }
    };
    let who = Who { client: client.into(), user: Some(user).filter(|user| !user.is_empty()).map(Into::into) };
    let (Ok(topic), Ok(filter)) = (TopicName::new(topic), TopicFilter::new(filter)) else { return };
    let (publishes, subscribes) = (rules.may_publish(&who, topic), rules.may_subscribe(&who, filter));
    // Who may subscribe to a filter may receive what it matches.
    if subscribes && filter.inner().matches(topic) {
        assert!(rules.may_receive(&who, topic), "{topic} of {filter}");
    }
    let with = |more: &str| format!("{text}\neveryone\n{more}").parse::<Rules>().expect("good rules");
    // One more that allows takes nothing away, and one that denies everything leaves nothing.
    let more = with("allow both #\nallow both $SYS/#");
    assert!(!publishes || more.may_publish(&who, topic));
    assert!(!subscribes || more.may_subscribe(&who, filter));
    let none = with("deny both #\ndeny both +/#");
    if !topic.as_bytes().starts_with(b"$") {
        assert!(!none.may_publish(&who, topic));
    }
    if !filter.inner().as_bytes().starts_with(b"$") {
        assert!(!none.may_subscribe(&who, filter));
    }
}

/// A file of users.
pub fn users(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<Users>() {
        Ok(users) => assert!(users.reload().is_ok_and(|count| count <= text.lines().count())),
        Err(error) => {
            assert!((1..=text.lines().count()).contains(&error.line), "{error}");
            assert!(!error.what.is_empty());
        }
    }
}

/// One user whose password nobody knows.
pub const ALICE: &str = "alice:$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$Xd8pAcj2yeoKPvwC1n0Vd6Gv6pRvDhPvJrBqh7Rdj5A:\
    $scram-sha-256$i=4096$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

/// Messages of SCRAM, one a line (`%r` is what the server has sent last): who does not know the password does not get in.
pub fn scram(bytes: &[u8]) {
    let users: Users = ALICE.parse().expect("good users");
    let Some(mut exchange) = users.begin("SCRAM-SHA-256", "client") else { panic!("the method is known") };
    let mut last: Vec<u8> = Vec::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let nonce = last.split(|byte| *byte == b',').next().unwrap_or_default();
        let message = match line.windows(2).position(|pair| pair == b"%r") {
            Some(at) => [&line[..at], nonce, &line[at + 2..]].concat(),
            None => line.to_vec(),
        };
        match exchange.step(&message) {
            Step::Continue(answer) => {
                // Only the first message is answered, and by text.
                assert_eq!(number, 0);
                assert!(
                    std::str::from_utf8(&answer)
                        .is_ok_and(|text| text.starts_with("r=") && text.len() < 1000)
                );
                last = answer;
            }
            Step::Refused(refused) => {
                assert!(refused.reason.is_error());
                return after_the_end(&mut *exchange);
            }
            Step::Done(who, _) => panic!("{who:?} got in"),
        }
    }
}

fn after_the_end(exchange: &mut dyn Exchange) {
    for message in [&b"n,,n=alice,r=x"[..], b"", b"c=biws,r=x,p="] {
        assert!(matches!(exchange.step(message), Step::Refused(_)));
    }
}

/// A header of the PROXY protocol, and what comes behind it.
pub fn proxy(bytes: &[u8]) {
    let read = |mut bytes: &[u8]| {
        let before = bytes.len();
        // A slice never waits.
        let source = proxy_protocol::read(&mut bytes).now_or_never().expect("a slice is ready");
        (source.map_err(|error| error.kind()), before - bytes.len())
    };
    let (source, taken) = read(bytes);
    assert!(taken <= 4096, "{taken} bytes");
    let Ok(source) = source else { return };
    // It is the header alone that says it, and all of it.
    assert_eq!(read(&bytes[..taken]), (Ok(source), taken));
    for length in [0, taken / 2, taken - 1] {
        assert_eq!(read(&bytes[..length]).0, Err(std::io::ErrorKind::UnexpectedEof));
    }
}

/// A store that has this.
struct Given(Kept);

impl Store for Given {
    fn load(&mut self) -> Result<Kept, StoreError> {
        Ok(std::mem::take(&mut self.0))
    }

    fn commit(&mut self, _: &[Change]) -> Result<(), StoreError> {
        Ok(())
    }
}

fn kept(changes: &[Change]) -> Kept {
    let mut backend = Some(InMemoryBackend::new());
    let store = Disk::with_backend(move || backend.take().unwrap_or_default());
    let mut store = store.expect("memory");
    store.commit(changes).expect("memory");
    store.check().expect("a sound store")
}

/// The dump of a store with these changes.
pub fn text(changes: &[Change]) -> Vec<u8> {
    let mut text = Vec::new();
    dump::write(&kept(changes), &mut text).expect("a vector takes all");
    text
}

/// A dump: a store of it makes a dump of which the same store can be made, and the engine can begin with it.
pub fn dump(bytes: &[u8]) {
    let changes = match dump::read(bytes) {
        Ok(changes) => changes,
        Err(error) => return is_a_line(&error.to_string()),
    };
    let first = kept(&changes);
    let mut text = Vec::new();
    dump::write(&first, &mut text).expect("a vector takes all");
    let again = dump::read(&text[..]).expect("a dump");
    assert_eq!(kept(&again), first);
    let sessions = first.sessions.len();
    let metrics = Arc::new(Metrics::default());
    let local = Local::open(Box::new(Given(first)), Limits::default(), metrics).expect("an engine");
    local.observe();
    assert_eq!(local.clients(), (0, sessions));
    local.close();
}

/// A client of the target [`engine`].
struct Client {
    stream: DuplexStream,
    /// What the broker sends, read as its client reads it; `None` while it is not known in which version.
    connection: Option<Connection>,
    sent: Vec<u8>,
    came: BytesMut,
    ended: bool,
}

const CLIENTS: usize = 4;
const PACKET: u32 = 4096;

/// Steps of several clients against the engine in memory: the broker answers nothing but good packets, and nothing is left
/// of clients that are gone.
///
/// A step is a byte (the client in bits 0 and 1, what it does in the others) and, for bytes that are sent, their number
/// and themselves.
pub fn engine(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let limits = Limits {
        packet_size: PACKET,
        subscriptions: 20,
        queue_messages: 20,
        queue_bytes: 20_000,
        retained_messages: 20,
        retained_bytes: 20_000,
        sessions: 10,
        in_flight: 3,
        receive_maximum: 3,
        topic_aliases: 2,
        topic_levels: 20,
        ..Limits::default()
    };
    let metrics = Arc::new(Metrics::default());
    let local = Arc::new(Local::in_memory(limits.clone(), metrics.clone()));
    let shared = Arc::new(Shared {
        engine: local.clone(),
        authenticate: Arc::new(Anonymous),
        authorise: Arc::new(Everything),
        limits,
        metrics: metrics.clone(),
        is_ending: tokio::sync::watch::Sender::new(false),
    });
    runtime.block_on(async {
        let mut clients: [Option<Client>; CLIENTS] = Default::default();
        let mut rest = bytes;
        while let Some((&step, behind)) = rest.split_first() {
            rest = behind;
            let at = usize::from(step & 3);
            let client = clients[at].get_or_insert_with(|| open(&shared));
            match step >> 2 & 7 {
                0 => clients[at] = None,
                1 => client.send(&connect(at, step)).await,
                _ => {
                    let length = rest.first().map_or(0, |length| usize::from(*length) + 1).min(rest.len());
                    let (bytes, behind) = rest.split_at(length);
                    rest = behind;
                    client.send(bytes.get(1..).unwrap_or_default()).await;
                }
            }
            settle(&mut clients).await;
        }
        drop(clients);
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    });
    // Connections that say goodbye wait a little; what they held is given back before that.
    local.observe();
    let (connected, away) = local.clients();
    assert_eq!(connected, 0, "{away} sessions are left");
    assert!(away <= 10 && local.retained_count().0 <= 20);
    assert!(metrics.subscriptions.get() <= 20 * i64::try_from(away).expect("few"));
    assert!(metrics.queued.get() <= 23 * i64::try_from(away).expect("few"));
    if away == 0 {
        assert_eq!(local.filters(), 0);
    }
}

fn open(shared: &Arc<Shared>) -> Client {
    let (stream, theirs) = tokio::io::duplex(64 * 1024);
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let opened = std::future::ready(Some((theirs, Peer { address, certificate: None })));
    tokio::spawn(front::serve(opened, shared.clone(), ()));
    Client { stream, connection: None, sent: Vec::new(), came: BytesMut::new(), ended: false }
}

/// A CONNECT, so that what comes behind it is seen more often.
fn connect(at: usize, step: u8) -> Vec<u8> {
    let version = Version::ALL[usize::from(step >> 6) % 3];
    let expiry = [Property::SessionExpiryInterval(100)];
    let properties = if version == Version::V5 { Properties::new(&expiry) } else { Properties::EMPTY };
    let clean_start = step & 0x20 != 0;
    let client = ["a", "b", "c", "a"][at];
    let mut bytes = Vec::new();
    let connect = Connect { clean_start, properties, ..Connect::new(version, client) };
    Packet::from(connect).encode(version, &mut bytes).expect("a good packet");
    bytes
}

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        // The broker may have closed the connection; and it may not have read what came before.
        if !self.ended {
            let sent =
                tokio::time::timeout(std::time::Duration::from_millis(1), self.stream.write_all(bytes)).await;
            self.ended = !matches!(sent, Ok(Ok(())));
        }
        if self.connection.is_none() && self.sent.len() < 8192 {
            self.sent.extend_from_slice(bytes);
            let mut server = Connection::server();
            let mut sent = BytesMut::from(&self.sent[..]);
            if let Ok(Some(_)) = server.split_from(&mut sent) {
                self.connection = server.version().map(Connection::client);
            }
        }
    }

    /// Reads what there is: whether there was something.
    fn read(&mut self) -> bool {
        let mut memory = [0; 4096];
        let mut buffer = ReadBuf::new(&mut memory);
        let mut cx = Context::from_waker(Waker::noop());
        let ready = std::pin::Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer).is_ready();
        self.came.extend_from_slice(buffer.filled());
        let came = ready && !buffer.filled().is_empty();
        let Some(connection) = &mut self.connection else { return came };
        loop {
            match connection.split_from(&mut self.came) {
                Ok(None) => return came,
                Ok(Some(frame)) => {
                    // The connection is a client's: what only a client sends is bad as well.
                    if let Err(error) = CheckedFrame::new(frame) {
                        panic!("a bad packet: {error}");
                    }
                }
                Err(error) => panic!("a bad packet: {error}"),
            }
        }
    }
}

/// Until nothing happens any more.
async fn settle(clients: &mut [Option<Client>; CLIENTS]) {
    let mut quiet = 0;
    while quiet < 6 {
        tokio::task::yield_now().await;
        let read = |came: bool, client: &mut Client| client.read() || came;
        quiet = if clients.iter_mut().flatten().fold(false, read) { 0 } else { quiet + 1 };
    }
}
