//! `mqtt-client rr`

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use mqtt_wire_client::mqtt_wire::topic::{TopicFilterBuf, TopicNameBuf};
use mqtt_wire_client::mqtt_wire::{Property, QoS, SubscriptionOptions, Version};
use mqtt_wire_client::{Client, Messages};

use crate::arguments::{Connection, interrupted, qos, seconds};
use crate::failure::Failure;
use crate::format::{Format, Style};
use crate::publish::{Payload, message};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Where to publish the request
    #[arg(short, long)]
    topic: Option<TopicNameBuf>,
    #[command(flatten)]
    payload: Payload,
    /// Where the response is expected; in 5.0 one is made up without it
    #[arg(short = 'e', long, value_name = "TOPIC")]
    response_topic: Option<TopicNameBuf>,
    /// The quality of service of request and response: 0, 1 or 2
    #[arg(short, long, default_value = "0", value_parser = qos)]
    qos: QoS,
    /// How long to wait for the response, in seconds
    #[arg(short = 'W', value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    wait: Duration,
    #[command(flatten)]
    style: Style,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  mqtt-client rr -t rumahkami/waktu -m '?'
  mqtt-client rr -V 311 -t jam/tanya -e jam/jawab -m '?'

In 5.0 the request has a Response Topic and Correlation Data, and the response is the message that has the same data. In
3.x it is the first message on the response topic.";

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (mut options, mut properties, noticed) = arguments.connection.options()?;
    properties.without(&["unsubscribe"])?;
    let is_v5 = arguments.connection.version() == Version::V5;
    let asked = arguments.topic.as_ref().map(TopicNameBuf::as_str);
    let Some(topic) = asked.or(arguments.connection.topic()).map(str::to_owned) else {
        return Err(Failure::Usage("where to? name the topic with -t".to_owned()));
    };
    let Some(payload) = arguments.payload.read().await? else {
        return Err(Failure::Usage(
            "what? -m names the request, -f a file, -s reads it, -n is empty".to_owned(),
        ));
    };
    if !is_v5 && arguments.response_topic.is_none() {
        return Err(Failure::Usage(
            "in 3.x the response needs a topic that is agreed on: name it with -e".to_owned(),
        ));
    }
    if properties.publish.as_properties().response_topic().is_some() {
        return Err(Failure::Usage("-D publish response-topic: name the response topic with -e".to_owned()));
    }
    let wrong = |error: mqtt_wire_client::mqtt_wire::EncodeError| Failure::Usage(error.to_string());
    if is_v5 {
        options.properties.set(Property::RequestResponseInformation(true)).map_err(wrong)?;
    }
    let format = arguments.style.format()?;
    let (client, messages) = Client::connect(options).await?;
    let reply = if let Some(topic) = &arguments.response_topic {
        topic.as_str().to_owned()
    } else {
        // Below the place that the server sets aside for this client, if it does.
        let place = client.server().properties.as_properties().response_information();
        format!("{}/{:016x}", place.unwrap_or("mqtt-client/response"), fastrand::u64(..))
    };
    let correlation = fastrand::u64(..).to_be_bytes();
    if is_v5 {
        let list = &mut properties.publish;
        let topic = TopicNameBuf::new(reply.as_str()).map_err(|error| Failure::Usage(error.to_string()))?;
        list.set(Property::ResponseTopic(topic.as_name())).map_err(wrong)?;
        if !list.as_properties().contains(mqtt_wire_client::mqtt_wire::PropertyId::CorrelationData) {
            list.push(Property::CorrelationData(&correlation)).map_err(wrong)?;
        }
    }
    let expected = properties.publish.as_properties().correlation_data().map(<[u8]>::to_vec);
    let request = message(&topic, payload, properties.publish)?.with_qos(arguments.qos);
    let filter = TopicFilterBuf::new(reply.as_str()).map_err(|error| Failure::Usage(error.to_string()))?;
    let wanted = SubscriptionOptions { maximum_qos: arguments.qos, ..SubscriptionOptions::default() };
    let work = async {
        let codes = client.subscribe_all(vec![(filter, wanted)], properties.subscribe).await?;
        if let Some(code) = codes.into_iter().find(|code| code.is_error()) {
            return Err(Failure::NotSubscribed(reply.clone(), code));
        }
        let failed = |error| Failure::NotDelivered(1, error);
        client.publish(request).await.map_err(failed)?.await.map_err(failed)?;
        response(messages, &reply, expected.as_deref(), &format).await
    };
    let done = tokio::select! {
        done = work => done,
        failure = noticed.refused() => Err(failure),
        () = interrupted() => Err(Failure::Interrupted),
        () = tokio::time::sleep(arguments.wait) => {
            Err(Failure::TooLate(format!("no response within {:?}: does anybody answer on {topic}?", arguments.wait)))
        }
    };
    let ended = client.disconnect().await;
    match done {
        // What the server says of a subscription says more than how the connection has ended.
        Err(failure @ Failure::NotSubscribed(..)) => Err(failure),
        done => ended.map_err(Failure::from).and(done).and_then(|()| noticed.undelivered()),
    }
}

/// Prints the response.
async fn response(
    mut messages: Messages,
    reply: &str,
    expected: Option<&[u8]>,
    format: &Format,
) -> Result<(), Failure> {
    while let Some(mut message) = messages.recv().await {
        let is_it = message.topic().as_str() == reply
            && (expected.is_none() || message.properties().correlation_data() == expected);
        if is_it {
            let mut output = io::stdout().lock();
            format.write(&mut output, &message).and_then(|()| output.flush()).map_err(Failure::output)?;
        }
        let _ = message.accept().await;
        if is_it {
            return Ok(());
        }
    }
    Err(messages.ended().await.err().map_or(Failure::Interrupted, Failure::from))
}
