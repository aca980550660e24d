//! `mqtt-client sub`

use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use mqtt_wire_client::mqtt_wire::topic::TopicFilterBuf;
use mqtt_wire_client::mqtt_wire::{PropertiesBuf, QoS, RetainHandling, SubscriptionOptions, Version};
use mqtt_wire_client::{Client, Message, MessageBuf, Messages};

use crate::arguments::{Connection, interrupted, qos, seconds};
use crate::failure::Failure;
use crate::format::{Format, Style};
use crate::properties::PacketProperties;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Arguments {
    /// A topic filter to subscribe to; may be given more than once
    #[arg(short, long, value_name = "FILTER")]
    topic: Vec<TopicFilterBuf>,
    /// The highest quality of service: 0, 1 or 2
    #[arg(short, long, default_value = "0", value_parser = qos)]
    qos: QoS,
    /// A topic filter to unsubscribe from, after the others were subscribed to
    #[arg(short = 'U', long, value_name = "FILTER")]
    unsubscribe: Vec<TopicFilterBuf>,
    /// Do not print what matches this filter
    #[arg(short = 'T', long, value_name = "FILTER")]
    filter_out: Vec<TopicFilterBuf>,
    /// End after so many messages
    #[arg(short = 'C', value_name = "COUNT")]
    count: Option<u64>,
    /// End after so many seconds, connecting included
    #[arg(short = 'W', value_name = "SECONDS", value_parser = seconds)]
    wait: Option<Duration>,
    /// End when the subscriptions are made
    #[arg(short = 'E')]
    exit: bool,
    /// Do not print messages that were kept for later subscribers
    #[arg(short = 'R')]
    no_retained: bool,
    /// Print only those, and end with the first other one
    #[arg(long, conflicts_with = "no_retained")]
    retained_only: bool,
    /// Remove from the server what was kept there and comes in
    #[arg(long)]
    remove_retained: bool,
    /// Messages keep the mark with which they were published (5.0)
    #[arg(long)]
    retain_as_published: bool,
    /// Not what this client publishes itself (5.0)
    #[arg(long)]
    no_local: bool,
    /// When retained messages are wanted (5.0): 0 always, 1 for a new subscription, 2 never
    #[arg(long, value_name = "0-2", value_parser = retain_handling)]
    retain_handling: Option<RetainHandling>,
    #[command(flatten)]
    style: Style,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  mqtt-client sub -t 'rumahkami/#' --pretty
  mqtt-client sub -t 'rumahkami/+/+/suhu' --json | jq .payload.celsius
  mqtt-client sub -t '$SYS/broker/version' -C 1 -W 5
  mqtt-client sub -t lamps -q 1 -c -i phone        (what comes while it is away is kept)

A message of QoS 1 is acknowledged when it was printed. One of QoS 2 is printed when the session has taken it.";

fn retain_handling(text: &str) -> Result<RetainHandling, String> {
    match text {
        "0" => Ok(RetainHandling::Send),
        "1" => Ok(RetainHandling::SendIfNew),
        "2" => Ok(RetainHandling::DoNotSend),
        _ => Err("0, 1 and 2 are possible".to_owned()),
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (options, properties, noticed) = arguments.connection.options()?;
    properties.without(&["publish"])?;
    let mut filters = arguments.topic.clone();
    if let Some(topic) = arguments.connection.topic() {
        let filter = TopicFilterBuf::new(topic);
        filters.push(filter.map_err(|error| Failure::Usage(format!("the URL: {error}")))?);
    }
    if filters.is_empty() && arguments.unsubscribe.is_empty() && !arguments.connection.has_session() {
        return Err(Failure::Usage("what? name a topic filter with -t".to_owned()));
    }
    let is_v5 = arguments.connection.version() == Version::V5;
    let wants_v5 = arguments.no_local || arguments.retain_as_published || arguments.retain_handling.is_some();
    if wants_v5 && !is_v5 {
        let text = "--no-local, --retain-as-published and --retain-handling are part of MQTT 5.0: use -V 5";
        return Err(Failure::Usage(text.to_owned()));
    }
    if arguments.no_local && filters.iter().any(|filter| filter.as_filter().is_shared()) {
        let text = "--no-local cannot be asked for with a shared subscription ($share) [MQTT-3.8.3-4]";
        return Err(Failure::Usage(text.to_owned()));
    }
    let format = arguments.style.format()?;
    let mut end = pin!(after(arguments.wait));
    let (client, messages) = tokio::select! {
        connected = Client::connect(options) => connected?,
        () = &mut end => return Err(Failure::TooLate("there was no connection in time".to_owned())),
    };
    let work = async {
        subscribe(&client, &arguments, filters, properties).await?;
        if arguments.exit {
            return Ok(());
        }
        print(&client, messages, &arguments, &format).await
    };
    let done = tokio::select! {
        done = work => done,
        failure = noticed.refused() => Err(failure),
        () = interrupted() => match arguments.count {
            Some(_) => Err(Failure::Interrupted),
            // That is the way to end it.
            None => Ok(()),
        },
        () = end => match arguments.count {
            Some(_) => Err(Failure::TooLate("fewer messages than asked for have come in time".to_owned())),
            None => Ok(()),
        },
    };
    let ended = client.disconnect().await;
    match done {
        // What the server says of a subscription says more than how the connection has ended.
        Err(failure @ (Failure::NotSubscribed(..) | Failure::NotUnsubscribed(..))) => Err(failure),
        done => ended.map_err(Failure::from).and(done),
    }
}

async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

async fn subscribe(
    client: &Client,
    arguments: &Arguments,
    filters: Vec<TopicFilterBuf>,
    properties: PacketProperties,
) -> Result<(), Failure> {
    let options = SubscriptionOptions {
        maximum_qos: arguments.qos,
        no_local: arguments.no_local,
        retain_as_published: arguments.retain_as_published,
        retain_handling: arguments.retain_handling.unwrap_or(RetainHandling::Send),
    };
    if !filters.is_empty() {
        let names: Vec<_> = filters.iter().map(|filter| filter.as_str().to_owned()).collect();
        let asked = filters.into_iter().map(|filter| (filter, options)).collect();
        let codes = client.subscribe_all(asked, properties.subscribe).await?;
        for (name, code) in names.into_iter().zip(codes) {
            if code.is_error() {
                return Err(Failure::NotSubscribed(name, code));
            }
            if code.get() < u8::from(arguments.qos) && !arguments.connection.is_quiet() {
                let text =
                    format!("mqtt-client: {}: the server grants QoS {}", name.escape_debug(), code.get());
                let _ = writeln!(io::stderr(), "{text}");
            }
        }
    }
    if !arguments.unsubscribe.is_empty() {
        let codes = client.unsubscribe(arguments.unsubscribe.clone(), properties.unsubscribe).await?;
        for (filter, code) in arguments.unsubscribe.iter().zip(codes) {
            if code.is_error() {
                return Err(Failure::NotUnsubscribed(filter.as_str().to_owned(), code));
            }
        }
    }
    Ok(())
}

async fn print(
    client: &Client,
    mut messages: Messages,
    arguments: &Arguments,
    format: &Format,
) -> Result<(), Failure> {
    let (mut output, mut printed) = (io::BufWriter::new(io::stdout()), 0);
    // Those of QoS 1 are acknowledged when the output has them.
    let mut unacknowledged: Vec<Message> = Vec::new();
    while arguments.count.is_none_or(|count| printed < count) {
        let mut message = if let Some(message) = messages.try_recv() {
            message
        } else {
            flush(&mut output, &mut unacknowledged)?;
            let Some(message) = messages.recv().await else {
                return Err(messages.ended().await.err().map_or(Failure::Interrupted, Failure::from));
            };
            message
        };
        if arguments.retained_only && !message.retain() {
            break;
        }
        // One that comes again is printed when it does.
        if message.qos() == QoS::ExactlyOnce && message.accept().await.is_err() {
            continue;
        }
        let hidden = arguments.filter_out.iter().any(|filter| filter.as_filter().matches(message.topic()));
        if !hidden && arguments.remove_retained && message.retain() {
            // With QoS 0 nothing would tell that the server has done it before this client is gone.
            let removal = MessageBuf {
                qos: QoS::AtLeastOnce,
                payload: bytes::Bytes::new(),
                retain: true,
                properties: PropertiesBuf::new(),
                ..message.to_buf()
            };
            let delivery = client.publish(removal).await.map_err(|error| Failure::NotDelivered(1, error))?;
            delivery.await.map_err(|error| Failure::NotDelivered(1, error))?;
        }
        if !(hidden || arguments.no_retained && message.retain()) {
            format.write(&mut output, &message).map_err(Failure::output)?;
            printed += 1;
        }
        // There is no bound to how many of the others come before there is time to flush.
        if message.qos() == QoS::AtLeastOnce {
            unacknowledged.push(message);
        }
    }
    flush(&mut output, &mut unacknowledged)
}

fn flush(output: &mut impl Write, unacknowledged: &mut Vec<Message>) -> Result<(), Failure> {
    output.flush().map_err(Failure::output)?;
    for mut message in unacknowledged.drain(..) {
        // Whether the link has it is the server's concern: else the message comes again.
        drop(message.accept());
    }
    Ok(())
}
