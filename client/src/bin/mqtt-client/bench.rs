//! `mqtt-client bench`

use std::io::{self, Write};
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use mqtt_wire_client::mqtt_wire::QoS;
use mqtt_wire_client::{Client, MessageBuf, Messages, Options, PublishError};
use serde_json::json;
use tokio::task::{JoinError, JoinSet};

use crate::arguments::{Connection, interrupted, qos, seconds};
use crate::failure::Failure;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// How many clients publish
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// How many clients subscribe to everything that is published; 0 measures acknowledgements alone
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    subscribers: u32,
    /// How many messages each client publishes
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    messages: u32,
    /// The size of a message in bytes, 8 at least
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(8..))]
    size: u32,
    /// The quality of service: 0, 1 or 2
    #[arg(short, long, default_value = "0", value_parser = qos)]
    qos: QoS,
    /// How many messages a client publishes in a second; without it as many as it can
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Topics begin with this; each client publishes to one of its own
    #[arg(short, long, value_name = "PREFIX", default_value = "mqtt-client/bench")]
    topic: String,
    /// How long to wait for messages that do not come, in seconds
    #[arg(short = 'W', value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    wait: Duration,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  mqtt-client bench --clients 10 --messages 1000 -q 1
  mqtt-client bench --clients 1 --rate 100 --messages 500 --json    (latency without a queue before the server)

`acknowledged` is from publishing to the acknowledgement (at QoS 0: to the network), `delivered` from publishing to the
subscriber. Without --rate both hold the time that a message waits behind the others.";

/// What was measured, in microseconds.
struct Measured {
    times: Histogram<u64>,
    failed: u64,
    /// Why the first failed.
    first: Option<PublishError>,
}

impl Measured {
    /// Up to an hour, three figures.
    fn new() -> Result<Self, Failure> {
        let times = Histogram::new_with_bounds(1, 3_600_000_000, 3);
        Ok(Self { times: times.map_err(|error| Failure::Other(error.to_string()))?, failed: 0, first: None })
    }

    fn add(&mut self, time: Duration) {
        self.times.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    fn fail(&mut self, error: PublishError) {
        self.failed += 1;
        self.first.get_or_insert(error);
    }

    fn merge(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.times.add(&other.times);
        self.failed += other.failed;
        self.first = self.first.or(other.first);
    }

    fn to_json(&self) -> serde_json::Value {
        let at = |quantile| self.times.value_at_quantile(quantile);
        json!({
            "count": self.times.len(), "min": self.times.min(), "mean": self.times.mean(), "p50": at(0.5),
            "p90": at(0.9), "p99": at(0.99), "p99.9": at(0.999), "max": self.times.max(),
        })
    }

    fn line(&self, name: &str) -> String {
        if self.times.is_empty() {
            return format!("{name:12}        -\n");
        }
        let at = |quantile| self.times.value_at_quantile(quantile);
        format!(
            "{name:12} {:8} {:9} {:9} {:9} {:9} {:9}\n",
            self.times.len(),
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            self.times.max()
        )
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (options, properties, _) = arguments.connection.options()?;
    properties.without(&["publish", "subscribe", "unsubscribe"])?;
    let done = tokio::select! {
        done = measure(&arguments, options) => done?,
        () = interrupted() => return Err(Failure::Interrupted),
    };
    io::stdout().write_all(done.as_bytes()).map_err(Failure::output)
}

fn client_options(options: &Options, kind: &str, number: u32) -> Options {
    let mut options = options.clone();
    if !options.client_id.is_empty() {
        options.client_id = format!("{}-{kind}-{number}", options.client_id);
    }
    options
}

async fn measure(arguments: &Arguments, options: Options) -> Result<String, Failure> {
    let total = u64::from(arguments.clients) * u64::from(arguments.messages);
    let expected = total * u64::from(arguments.subscribers);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    let bar = ProgressBar::new(if expected > 0 { expected } else { total });
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let epoch = Instant::now();

    let (mut receivers, mut subscribers) = (JoinSet::new(), Vec::new());
    for number in 0..arguments.subscribers {
        let (client, messages) = Client::connect(client_options(&options, "sub", number)).await?;
        let filter = format!("{}/+", arguments.topic);
        let code = client.subscribe(filter.as_str(), arguments.qos).await?;
        if code.is_error() {
            return Err(Failure::NotSubscribed(filter, code));
        }
        receivers.spawn(receive(messages, total, epoch, bar.clone()));
        subscribers.push(client);
    }
    let mut publishers = Vec::new();
    for number in 0..arguments.clients {
        let (client, messages) = Client::connect(client_options(&options, "pub", number)).await?;
        drop(messages);
        publishers.push(client);
    }
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for (number, client) in publishers.iter().enumerate() {
        let message =
            MessageBuf::new(format!("{}/{number}", arguments.topic), vec![0; arguments.size as usize])
                .map_err(|error| Failure::Usage(format!("-t: {error}")))?
                .with_qos(arguments.qos);
        let progress = (expected == 0).then(|| bar.clone());
        senders.spawn(send(client.clone(), message, arguments.messages, arguments.rate, epoch, progress));
    }
    let mut acknowledged = Measured::new()?;
    while let Some(joined) = senders.join_next().await {
        acknowledged.merge(&joined.map_err(|error| Failure::Other(error.to_string()))??);
    }
    let published_in = started.elapsed();
    let mut delivered = Measured::new()?;
    // What the server has not taken does not come.
    let in_time = if acknowledged.first.is_none() {
        let all = async {
            while let Some(joined) = receivers.join_next().await {
                delivered.merge(&joined.map_err(|error| Failure::Other(error.to_string()))??);
            }
            Ok::<(), Failure>(())
        };
        tokio::time::timeout(arguments.wait, all).await.ok().transpose()?.is_some()
    } else {
        true
    };
    let delivered_in = started.elapsed();
    bar.finish_and_clear();
    let mut ended = Ok(());
    for client in publishers.iter().chain(&subscribers) {
        ended = ended.and(client.disconnect().await);
    }
    // What the server says of a message says more than how a connection has ended.
    if let Some(error @ (PublishError::Refused(_) | PublishError::Unsendable(_))) = acknowledged.first {
        return Err(Failure::NotDelivered(acknowledged.failed, error));
    }
    ended?;
    if let Some(error) = acknowledged.first {
        return Err(Failure::NotDelivered(acknowledged.failed, error));
    }
    if !in_time {
        let text =
            "not all messages have come to all subscribers: lower --rate, or see the limits of the server";
        return Err(Failure::TooLate(text.to_owned()));
    }
    let per_second = |count: u64, time: Duration| {
        #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
        let count = count as f64;
        (count / time.as_secs_f64().max(1e-9)).round()
    };
    let (published, received) = (per_second(total, published_in), per_second(expected, delivered_in));
    if arguments.json {
        let result = json!({
            "clients": arguments.clients, "subscribers": arguments.subscribers, "messages": total,
            "size": arguments.size, "qos": u8::from(arguments.qos), "version": arguments.connection.version().to_string(),
            "seconds": delivered_in.as_secs_f64(), "published_per_second": published,
            "delivered_per_second": received, "acknowledged_us": acknowledged.to_json(),
            "delivered_us": delivered.to_json(),
        });
        return Ok(format!("{result}\n"));
    }
    let mut text = format!(
        "{total} messages of {} bytes at QoS {} in {:.3} s: {published} published a second, {received} delivered\n",
        arguments.size,
        arguments.qos,
        delivered_in.as_secs_f64()
    );
    text += "microseconds    count       50%       90%       99%     99.9%       max\n";
    text += &acknowledged.line("acknowledged");
    text += &delivered.line("delivered");
    Ok(text)
}

async fn send(
    client: Client,
    template: MessageBuf,
    count: u32,
    rate: Option<u32>,
    epoch: Instant,
    progress: Option<ProgressBar>,
) -> Result<Measured, Failure> {
    let mut measured = Measured::new()?;
    let mut waiting = JoinSet::new();
    let mut interval =
        rate.map(|rate| tokio::time::interval((Duration::from_secs(1) / rate).max(Duration::from_nanos(1))));
    for _ in 0..count {
        if let Some(interval) = &mut interval {
            interval.tick().await;
        }
        let mut payload = template.payload.to_vec();
        let begun = Instant::now();
        let nanos = u64::try_from(begun.duration_since(epoch).as_nanos()).unwrap_or(u64::MAX);
        if let Some(place) = payload.first_chunk_mut::<8>() {
            *place = nanos.to_be_bytes();
        }
        let message = MessageBuf { payload: payload.into(), ..template.clone() };
        let delivery = match client.publish(message).await {
            Ok(delivery) => delivery,
            Err(error) => {
                measured.fail(error);
                continue;
            }
        };
        waiting.spawn(async move { delivery.await.map(|_| begun.elapsed()) });
        while let Some(done) = waiting.try_join_next() {
            note(&mut measured, done, progress.as_ref());
        }
    }
    while let Some(done) = waiting.join_next().await {
        note(&mut measured, done, progress.as_ref());
    }
    Ok(measured)
}

#[allow(clippy::needless_pass_by_value, reason = "nothing is left of it")]
fn note(
    measured: &mut Measured,
    done: Result<Result<Duration, PublishError>, JoinError>,
    progress: Option<&ProgressBar>,
) {
    match done {
        Ok(Ok(time)) => measured.add(time),
        Ok(Err(error)) => measured.fail(error),
        // Its task is gone.
        Err(_) => measured.fail(PublishError::Ended),
    }
    if let Some(progress) = progress {
        progress.inc(1);
    }
}

async fn receive(
    mut messages: Messages,
    count: u64,
    epoch: Instant,
    progress: ProgressBar,
) -> Result<Measured, Failure> {
    let mut measured = Measured::new()?;
    while measured.times.len() < count {
        let Some(mut message) = messages.recv().await else { break };
        drop(message.accept());
        if let Some(nanos) = message.payload().first_chunk().filter(|_| !message.retain()) {
            let sent = epoch + Duration::from_nanos(u64::from_be_bytes(*nanos));
            measured.add(sent.elapsed());
            progress.inc(1);
        }
    }
    Ok(measured)
}
