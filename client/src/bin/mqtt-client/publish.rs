//! `mqtt-client pub`

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mqtt_wire_client::mqtt_wire::topic::TopicNameBuf;
use mqtt_wire_client::mqtt_wire::{MAX_PACKET_SIZE, PropertiesBuf, QoS};
use mqtt_wire_client::{Client, Delivery, MessageBuf, PublishError};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use crate::arguments::{Connection, interrupted, qos, seconds};
use crate::failure::Failure;

/// How many messages may wait for their acknowledgement before the next line is read.
const MOST: usize = 1024;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Where to publish
    #[arg(short, long)]
    topic: Option<TopicNameBuf>,
    #[command(flatten)]
    payload: Payload,
    /// Each line of standard input is a message
    #[arg(short = 'l', long, group = "what")]
    stdin_line: bool,
    /// The quality of service: 0, 1 or 2
    #[arg(short, long, default_value = "0", value_parser = qos)]
    qos: QoS,
    /// To be kept for later subscribers
    #[arg(short, long)]
    retain: bool,
    /// Publish the message so many times
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    repeat: u64,
    /// Wait so many seconds between the repetitions
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    repeat_delay: Duration,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  mqtt-client pub -t rumahkami/lantaidasar/ruangtamu/lampu -m menyala -r
  vmstat 1 | mqtt-client pub -t server/vmstat -l -q 1
  mqtt-client pub -t report -f report.json -q 2 -i reporter --session reporter.session

A message of QoS 1 or 2 is done when the server has it: the command waits for that, over new connections too.";

/// What a message is made of.
#[derive(Debug, Args)]
pub(crate) struct Payload {
    /// The message
    #[arg(short, long, value_name = "TEXT", group = "what", allow_hyphen_values = true)]
    message: Option<String>,
    /// The message is what is in this file
    #[arg(short, long, value_name = "FILE", group = "what")]
    file: Option<PathBuf>,
    /// The message is all of standard input
    #[arg(short, long, group = "what")]
    stdin_file: bool,
    /// An empty message
    #[arg(short, long, group = "what")]
    null_message: bool,
}

impl Payload {
    /// The message, if it is one.
    pub(crate) async fn read(&self) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(text) = &self.message {
            return Ok(Some(text.clone().into_bytes()));
        }
        if let Some(path) = &self.file {
            let failed = |error| Failure::Io(path.display().to_string(), error);
            return whole(tokio::fs::File::open(path).await.map_err(failed)?).await.map(Some).map_err(failed);
        }
        if self.stdin_file {
            return whole(tokio::io::stdin()).await.map(Some).map_err(input_failed);
        }
        Ok(self.null_message.then(Vec::new))
    }
}

/// All that comes, or more than a packet can have.
async fn whole(input: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(u64::from(MAX_PACKET_SIZE) + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

fn input_failed(error: io::Error) -> Failure {
    Failure::Io("standard input".to_owned(), error)
}

/// The messages that wait for their acknowledgement, and what became of the others.
#[derive(Default)]
struct Sent {
    waiting: VecDeque<Delivery>,
    failed: u64,
    first: Option<PublishError>,
}

impl Sent {
    async fn push(&mut self, client: &Client, message: MessageBuf) -> Result<(), PublishError> {
        if self.waiting.len() >= MOST {
            self.next().await;
        }
        self.waiting.push_back(client.publish(message).await?);
        Ok(())
    }

    /// Waits for the first.
    async fn next(&mut self) -> bool {
        let Some(delivery) = self.waiting.pop_front() else { return false };
        if let Err(error) = delivery.await {
            self.failed += 1;
            self.first.get_or_insert(error);
        }
        true
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (options, properties, noticed) = arguments.connection.options()?;
    properties.without(&["subscribe", "unsubscribe"])?;
    let topic = match (&arguments.topic, arguments.connection.topic()) {
        (Some(topic), _) => topic.clone(),
        (None, Some(topic)) => {
            TopicNameBuf::new(topic).map_err(|error| Failure::Usage(format!("the URL: {error}")))?
        }
        (None, None) => return Err(Failure::Usage("where to? name the topic with -t".to_owned())),
    };
    let payload = arguments.payload.read().await?;
    if payload.is_none() && !arguments.stdin_line {
        let text = "what? -m names the message, -f a file, -s and -l read standard input, -n is an empty one";
        return Err(Failure::Usage(text.to_owned()));
    }
    let (client, messages) = Client::connect(options).await?;
    // What a session brings stays with the server.
    drop(messages);
    let template = MessageBuf {
        topic,
        payload: payload.unwrap_or_default().into(),
        qos: arguments.qos,
        retain: arguments.retain,
        properties: properties.publish,
    };
    let mut sent = Sent::default();
    let all = async {
        let published = if arguments.stdin_line {
            lines(&client, &template, &mut sent).await
        } else {
            repeat(&client, template, &arguments, &mut sent).await
        };
        while sent.next().await {}
        published?;
        // What an earlier process has left.
        client.settled().await.map_err(Failure::from)
    };
    let done = tokio::select! {
        biased;
        done = all => done,
        () = interrupted() => Err(Failure::Interrupted),
        // The next line may come late, or never.
        ended = client.ended() => Err(ended.err().map_or(Failure::Interrupted, Failure::from)),
    };
    let ended = client.disconnect().await;
    match sent.first {
        // What the server says of a message says more than how the connection has ended.
        Some(error @ (PublishError::Refused(_) | PublishError::Unsendable(_))) => {
            Err(Failure::NotDelivered(sent.failed, error))
        }
        // Everything is acknowledged.
        None if done.is_ok() && arguments.qos != QoS::AtMostOnce => noticed.undelivered(),
        first => {
            // Why the client has ended says more than that it has.
            ended?;
            done?;
            first
                .map_or_else(|| noticed.undelivered(), |error| Err(Failure::NotDelivered(sent.failed, error)))
        }
    }
}

async fn repeat(
    client: &Client,
    message: MessageBuf,
    arguments: &Arguments,
    sent: &mut Sent,
) -> Result<(), Failure> {
    for n in 0..arguments.repeat {
        if n > 0 && !arguments.repeat_delay.is_zero() {
            while sent.next().await {}
            tokio::time::sleep(arguments.repeat_delay).await;
        }
        sent.push(client, message.clone()).await.map_err(|error| Failure::NotDelivered(1, error))?;
    }
    Ok(())
}

async fn lines(client: &Client, template: &MessageBuf, sent: &mut Sent) -> Result<(), Failure> {
    let mut input = BufReader::new(tokio::io::stdin());
    while let Some(line) = line(&mut input, u64::from(MAX_PACKET_SIZE)).await.map_err(input_failed)? {
        let message = MessageBuf { payload: line.into(), ..template.clone() };
        sent.push(client, message).await.map_err(|error| Failure::NotDelivered(1, error))?;
    }
    Ok(())
}

/// The next line without its end. Of one with more than `most` bytes there is one byte more than these, which is refused as a
/// message; the rest is passed over, and is no line of its own.
async fn line(input: &mut (impl AsyncBufRead + Unpin), most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if (&mut *input).take(most + 1).read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 > most {
        loop {
            let rest = input.fill_buf().await?;
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (len, is_over) = (end.map_or(rest.len(), |end| end + 1), end.is_some() || rest.is_empty());
            input.consume(len);
            if is_over {
                break;
            }
        }
    }
    Ok(Some(line))
}

/// The properties that every message gets, for the commands that publish.
pub(crate) fn message(
    topic: &str,
    payload: Vec<u8>,
    properties: PropertiesBuf,
) -> Result<MessageBuf, Failure> {
    let message = MessageBuf::new(topic, payload).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(MessageBuf { properties, ..message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_is_too_long_is_one_message_all_the_same() {
        let mut input = BufReader::with_capacity(3, &b"abcd\n\nabcdefghijkl\nx\nabcdef"[..]);
        let mut lines = Vec::new();
        while let Some(line) = line(&mut input, 4).await.unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(lines, ["abcd", "", "abcde", "x", "abcde"]);
    }
}
