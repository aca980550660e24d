//! NATS JetStream.

use std::process::{Command, Stdio};

use async_nats::jetstream;
use futures_util::StreamExt;

use crate::process::{Broker, Group, free_port, listens, program, until};
use crate::publisher::{block_on, number};
use crate::stories::{Far, killed_in_mid_stream, stays_away, table};

struct Nats {
    server: std::path::PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    group: Option<Group>,
}

impl Nats {
    fn new() -> Option<Self> {
        let server = program("nats-server", &["/usr/sbin", "/usr/local/bin"])?;
        Some(Self { server, folder: tempfile::tempdir().unwrap(), port: free_port(), group: None })
    }
}

impl Far for Nats {
    fn kind(&self) -> &'static str {
        "nats"
    }

    fn config(&self) -> String {
        format!("servers = ['nats://127.0.0.1:{}']\nstream = 'METER'\nprefix = 'house'\n", self.port)
    }

    fn start(&mut self) {
        let mut command = Command::new(&self.server);
        command.args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"]).arg(self.folder.path());
        self.group = Some(Group::start(command.stdout(Stdio::null()).stderr(Stdio::null())));
        listens(self.port);
    }

    fn kill(&mut self) {
        self.group = None;
    }

    fn numbers(&mut self) -> Vec<u64> {
        block_on(async {
            let client = async_nats::connect(format!("127.0.0.1:{}", self.port)).await.unwrap();
            // The sink makes the stream.
            let Ok(mut stream) = jetstream::new(client).get_stream("METER").await else { return Vec::new() };
            let count = stream.info().await.unwrap().state.messages;
            let wanted = jetstream::consumer::pull::OrderedConfig::default();
            let consumer = stream.create_consumer(wanted).await.unwrap();
            let mut messages = consumer.messages().await.unwrap().take(usize::try_from(count).unwrap());
            let mut numbers = Vec::new();
            while let Some(message) = messages.next().await {
                let message = message.unwrap();
                assert_eq!(message.subject.as_str(), "house.meter.one");
                numbers.push(number(&message.payload));
            }
            numbers
        })
    }
}

#[test]
fn nats_is_killed_in_mid_stream() {
    let Some(mut far) = Nats::new() else { return };
    assert_eq!(killed_in_mid_stream(&mut far), 0, "JetStream knows which messages are the same");
}

#[test]
fn nats_stays_away() {
    let Some(mut far) = Nats::new() else { return };
    stays_away(&mut far);
}

/// A message that the server or the stream cannot have is given up alone, whoever has chosen its topic.
#[test]
fn nats_cannot_have_every_message() {
    use mqtt_wire::QoS;
    use mqtt_wire_client::{Client, MessageBuf};

    let Some(mut far) = Nats::new() else { return };
    far.start();
    // A stream that somebody else has made, with a limit of its own.
    block_on(async {
        let client = async_nats::connect(format!("127.0.0.1:{}", far.port)).await.unwrap();
        let config = jetstream::stream::Config {
            name: "METER".to_owned(),
            subjects: vec!["house.>".to_owned()],
            max_message_size: 10_000,
            ..jetstream::stream::Config::default()
        };
        jetstream::new(client).create_stream(config).await.unwrap();
    });
    let broker = Broker::start(&table(&far, ""));
    let longest = format!("meter/{}", "x".repeat(3888));
    let sent = [
        ("meter/first".to_owned(), 10),
        (format!("{longest}x"), 10),
        (format!("meter/{}", "%".repeat(1500)), 10),
        ("meter/large".to_owned(), 20_000),
        ("meter/larger".to_owned(), 1_048_400),
        (longest.clone(), 10),
        ("meter/last".to_owned(), 10),
    ];
    block_on(async {
        let (client, _messages) = Client::connect(crate::publisher::options(broker.address)).await.unwrap();
        for (topic, len) in sent {
            let message = MessageBuf::new(topic, vec![b'x'; len]).unwrap().with_qos(QoS::AtLeastOnce);
            client.publish(message).await.unwrap().await.unwrap();
        }
    });
    let subjects = || {
        block_on(async {
            let client = async_nats::connect(format!("127.0.0.1:{}", far.port)).await.unwrap();
            let stream = jetstream::new(client).get_stream("METER").await.unwrap();
            let mut subjects = Vec::new();
            for sequence in 1..=3 {
                let message = stream.get_raw_message(sequence).await;
                subjects.extend(message.map(|message| message.subject.to_string()));
            }
            subjects
        })
    };
    until("three arrive", || subjects().len() == 3);
    let longest = format!("house.meter.{}", "x".repeat(3888));
    assert_eq!(subjects(), ["house.meter.first", &longest, "house.meter.last"]);
    let log = std::fs::read_to_string(broker.file("log")).unwrap();
    assert_eq!(log.matches("a message is given up, it is refused").count(), 4, "{log}");
}
