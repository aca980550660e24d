//! NATS JetStream.

use std::process::{Command, Stdio};

use async_nats::jetstream;
use futures_util::StreamExt;

use crate::process::{Group, free_port, listens, program};
use crate::publisher::{block_on, number};
use crate::stories::{Far, killed_in_mid_stream, stays_away};

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
