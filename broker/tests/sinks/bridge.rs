//! Another MQTT broker: one of ours, which is killed, and mosquitto.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use mqtt_wire::QoS;
use mqtt_wire_client::{Client, MessageBuf, Messages};

use crate::process::{Broker, Group, PATIENCE, free_port, listens, program, until};
use crate::publisher::{Publisher, block_on, number, options, publish_all, subscriber};
use crate::stories::{Far, killed_in_mid_stream, stays_away};

/// A broker of ours, and a session there that gets what comes.
struct Ours {
    broker: Option<Broker>,
    port: u16,
    arrived: Vec<u64>,
}

impl Ours {
    fn new() -> Self {
        let broker = Broker::start("");
        let port = broker.address.port();
        let mut this = Self { broker: Some(broker), port, arrived: Vec::new() };
        this.numbers();
        this.kill();
        this
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }
}

impl Far for Ours {
    fn kind(&self) -> &'static str {
        "mqtt"
    }

    fn config(&self) -> String {
        format!("url = 'mqtt://127.0.0.1:{}'\nclient_id = 'near'\nprefix = 'far/'\n", self.port)
    }

    fn start(&mut self) {
        if let Some(broker) = &mut self.broker {
            broker.start_again();
        }
    }

    fn kill(&mut self) {
        if let Some(broker) = &mut self.broker {
            broker.kill();
        }
    }

    fn numbers(&mut self) -> Vec<u64> {
        let address = self.address();
        block_on(async {
            let (client, mut messages) = subscriber(address, "counter", "far/meter/#").await;
            while let Ok(Some(mut message)) =
                tokio::time::timeout(Duration::from_millis(500), messages.recv()).await
            {
                self.arrived.push(number(message.payload()));
                let _ = message.accept().await;
            }
            client.disconnect().await.unwrap();
        });
        self.arrived.clone()
    }
}

#[test]
fn our_broker_is_killed_in_mid_stream() {
    killed_in_mid_stream(&mut Ours::new());
}

#[test]
fn our_broker_stays_away() {
    stays_away(&mut Ours::new());
}

/// mosquitto, which keeps its sessions.
struct Mosquitto {
    program: std::path::PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    group: Option<Group>,
}

impl Mosquitto {
    fn new() -> Option<Self> {
        let program = program("mosquitto", &["/usr/sbin", "/usr/local/sbin"])?;
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n\
             max_queued_messages 0\nuser root\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        Some(Self { program, folder, port, group: None })
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    fn start(&mut self) {
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.folder.path().join("mosquitto.conf"));
        self.group = Some(Group::start(command.stdout(Stdio::null()).stderr(Stdio::null())));
        listens(self.port);
    }

    /// As an operator does: it writes what it has to a file.
    fn terminate(&mut self) {
        if let Some(group) = self.group.take() {
            group.terminate();
        }
    }
}

/// Out to mosquitto, and from there, while it goes and comes and the broker is killed.
#[test]
fn mosquitto_in_both_directions() {
    let Some(mut far) = Mosquitto::new() else { return };
    far.start();
    let (there, port) = (far.address(), far.port);
    let mut broker = Broker::start(&format!(
        "[[sink.mqtt]]\nname = 'far'\nfilters = ['meter/#']\nprefix = 'near/'\nurl = 'mqtt://127.0.0.1:{port}'\n\
         client_id = 'near'\nincoming = ['order/#']\nincoming_prefix = 'far/'\n"
    ));
    let here = broker.address;
    // Both have their session before the first message; the sink has subscribed.
    block_on(async {
        for (address, filter) in [(there, "near/#"), (here, "far/#")] {
            let (client, _) = subscriber(address, "counter", filter).await;
            client.disconnect().await.unwrap();
        }
        let (client, _messages) = Client::connect(options(there)).await.unwrap();
        let mut probe = subscriber(here, "probe", "far/order/probe").await;
        loop {
            let message = MessageBuf::new("order/probe", "").unwrap().with_qos(QoS::AtLeastOnce);
            client.publish(message).await.unwrap().await.unwrap();
            if let Ok(Some(mut message)) =
                tokio::time::timeout(Duration::from_millis(300), probe.1.recv()).await
            {
                drop(message.accept());
                break;
            }
        }
    });
    let (out, back) = (
        Publisher::start(here, "meter/one", QoS::ExactlyOnce),
        Publisher::start(there, "order/one", QoS::AtLeastOnce),
    );
    for round in 1..=2 {
        let more = |count| until("messages go on", || out.acknowledged().min(back.acknowledged()) >= count);
        more(round * 600);
        far.terminate();
        std::thread::sleep(Duration::from_millis(300));
        far.start();
        more(round * 600 + 300);
        broker.kill();
        broker.start_again();
    }
    for (what, outcome, address, filter) in
        [("to mosquitto", out.finish(), there, "near/#"), ("from mosquitto", back.finish(), here, "far/#")]
    {
        let arrived = drain(address, filter, outcome.acknowledged.len());
        let distinct: BTreeSet<u64> = arrived.iter().copied().collect();
        let lost: Vec<_> = outcome.acknowledged.difference(&distinct).collect();
        println!(
            "mqtt, {what}: mosquitto restarted 2 times, the broker killed 2 times: {} acknowledged, {} distinct arrived, {} \
             lost, {} came again",
            outcome.acknowledged.len(),
            distinct.len(),
            lost.len(),
            arrived.len() - distinct.len()
        );
        assert_eq!(lost, Vec::<&u64>::new(), "{what}");
    }
}

/// What waits in the session `counter`, until so many distinct numbers have come and nothing more does.
fn drain(address: SocketAddr, filter: &str, wanted: usize) -> Vec<u64> {
    block_on(async {
        let (_client, mut messages) = subscriber(address, "counter", filter).await;
        let (mut arrived, mut distinct) = (Vec::new(), BTreeSet::new());
        let start = std::time::Instant::now();
        while start.elapsed() < PATIENCE {
            let Ok(message) = tokio::time::timeout(Duration::from_secs(2), messages.recv()).await else {
                if distinct.len() >= wanted {
                    break;
                }
                continue;
            };
            let mut message = message.unwrap();
            if !message.payload().is_empty() {
                let number = number(message.payload());
                arrived.push(number);
                distinct.insert(number);
            }
            drop(message.accept());
        }
        arrived
    })
}

/// Two brokers with everything in both directions, and three in a ring: each message is seen once everywhere.
#[test]
fn nothing_goes_round() {
    let sink = |name: &str, port: u16, id: &str, both: bool| {
        let incoming = if both { "incoming = ['#']\n" } else { "" };
        format!(
            "[[sink.mqtt]]\nname = '{name}'\nfilters = ['#']\nurl = 'mqtt://127.0.0.1:{port}'\nclient_id = '{id}'\n{incoming}"
        )
    };
    // Two.
    let far = Broker::start("");
    let near = Broker::start(&sink("far", far.address.port(), "near", true));
    seen_once(&[near.address, far.address]);
    // Three: each hands on to the next.
    let ports = [free_port(), free_port(), free_port()];
    let ring: Vec<_> = (0..3)
        .map(|at| {
            Broker::start_at(ports[at], &sink("next", ports[(at + 1) % 3], &format!("broker-{at}"), false))
        })
        .collect();
    seen_once(&ring.iter().map(|broker| broker.address).collect::<Vec<_>>());
}

/// Ten messages at each broker are seen by a subscriber of each, once.
fn seen_once(addresses: &[SocketAddr]) {
    block_on(async {
        let mut subscribers: Vec<(Client, Messages)> = Vec::new();
        for address in addresses {
            subscribers.push(subscriber(*address, "watcher", "meter/#").await);
        }
        // There are all connections when a message of each broker has come to all.
        for (at, address) in addresses.iter().enumerate() {
            let (client, _messages) = Client::connect(options(*address)).await.unwrap();
            let probe = 1000 + at as u64;
            for (_, messages) in &mut subscribers {
                loop {
                    publish(&client, probe..probe + 1).await;
                    let wait = tokio::time::timeout(Duration::from_millis(300), messages.recv());
                    let Ok(Some(mut message)) = wait.await else { continue };
                    drop(message.accept());
                    if number(message.payload()) == probe {
                        break;
                    }
                }
            }
        }
        for (from, address) in addresses.iter().enumerate() {
            let (client, _messages) = Client::connect(options(*address)).await.unwrap();
            let first = from as u64 * 10;
            publish(&client, first..first + 10).await;
        }
        let expected: Vec<u64> = (0..addresses.len() as u64 * 10).collect();
        for (_, messages) in &mut subscribers {
            let mut seen = Vec::new();
            // What comes too often comes soon.
            let mut patience = PATIENCE;
            while let Ok(Some(mut message)) = tokio::time::timeout(patience, messages.recv()).await {
                drop(message.accept());
                seen.extend(Some(number(message.payload())).filter(|number| *number < 1000));
                if seen.len() >= expected.len() {
                    patience = Duration::from_millis(1500);
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, expected);
        }
    });
    assert_eq!(publish_all(addresses[0], "other", 0..1, 0).acknowledged.len(), 1);
}

async fn publish(client: &Client, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let text = format!("{{\"number\":{number}}}");
        let message = MessageBuf::new("meter/one", text).unwrap().with_qos(QoS::AtLeastOnce);
        client.publish(message).await.unwrap().await.unwrap();
    }
}

/// A broker that takes messages and acknowledges none: the metrics say how many wait, and for how long.
#[test]
fn a_broker_that_acknowledges_nothing_is_noticed() {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(&[0x20, 3, 0, 0, 0]);
            std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
        }
    });
    let metrics = free_port();
    let broker = Broker::start(&format!(
        "metrics = '127.0.0.1:{metrics}'\n[[sink.mqtt]]\nname = 'far'\nfilters = ['meter/#']\nurl = 'mqtt://127.0.0.1:{port}'\nclient_id = 'near'\n"
    ));
    let sent = publish_all(broker.address, "meter/one", 0..20, 0);
    assert_eq!(sent.acknowledged.len(), 20);
    let value = |name: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", metrics)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let name = format!("{name}{{sink=\"far\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name)).map(str::to_owned);
        value.unwrap_or_else(|| panic!("{name}: {text}")).parse::<i64>().unwrap()
    };
    until("the metrics say so", || {
        value("mqtt_sink_queued_messages") == 20 && value("mqtt_sink_lag_seconds") > 2
    });
}

/// What comes from there and never has room here is given up alone.
#[test]
fn a_message_from_there_that_is_too_large_holds_no_other_up() {
    let far = Broker::start("");
    block_on(async {
        let (client, _messages) = Client::connect(options(far.address)).await.unwrap();
        for (topic, len) in [("meter/a", 2000), ("meter/b", 10)] {
            let message = MessageBuf::new(topic, vec![b'x'; len]).unwrap().with_qos(QoS::AtLeastOnce);
            let message = MessageBuf { retain: true, ..message };
            client.publish(message).await.unwrap().await.unwrap();
        }
    });
    let near = Broker::start(&format!(
        "[[sink.json]]\nname = 'lines'\nfile = 'lines'\nfilters = ['meter/#']\nqueue_bytes = 1000\n\
         [[sink.mqtt]]\nname = 'far'\nincoming = ['meter/#']\nurl = 'mqtt://{}'\nclient_id = 'near'\n",
        far.address
    ));
    let lines = || std::fs::read_to_string(near.file("lines")).unwrap_or_default();
    until("the other one is there", || lines().contains("meter/b"));
    let log = std::fs::read_to_string(near.file("log")).unwrap();
    assert!(log.contains("a message from there is given up") && log.contains("meter/a"), "{log}");
    assert!(!lines().contains("meter/a"));
}

/// What comes from there and has no room here waits, and the log says so.
#[test]
fn a_message_that_cannot_be_stored_is_spoken_of() {
    let far = Broker::start("");
    block_on(async {
        let (client, _messages) = Client::connect(options(far.address)).await.unwrap();
        for topic in ["meter/one", "meter/two"] {
            let message = MessageBuf::new(topic, "1").unwrap().with_qos(QoS::AtLeastOnce);
            let message = MessageBuf { retain: true, ..message };
            client.publish(message).await.unwrap().await.unwrap();
        }
    });
    let near = Broker::start(&format!(
        "[limits]\nretained_messages = 1\n[[sink.mqtt]]\nname = 'far'\nincoming = ['meter/#']\nurl = 'mqtt://{}'\nclient_id = 'near'\n",
        far.address
    ));
    let log = || std::fs::read_to_string(near.file("log")).unwrap();
    until("the log says so", || log().contains("a message from there waits, it cannot be stored here"));
}
