//! A client of either version whose events come through a channel.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rumqttc::v5::mqttbytes as bytes5;
use rumqttc::{TlsConfiguration, Transport, v5};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(15);
/// What a will says.
pub const WILL: &[u8] = b"gone";
/// Longer than the oversized packet: the broker is to refuse that.
const LONGEST: usize = 1_000_000;

/// Where the broker is.
pub struct Place {
    pub is_v5: bool,
    pub transport: String,
    pub port: u16,
    pub ca: Vec<u8>,
}

impl Place {
    fn transport(&self) -> Result<Transport> {
        let tls = || TlsConfiguration::Simple { ca: self.ca.clone(), alpn: None, client_auth: None };
        Ok(match &self.transport[..] {
            "tcp" => Transport::Tcp,
            "tls" => Transport::Tls(tls()),
            "ws" => Transport::Ws,
            "wss" => Transport::Wss(tls()),
            other => bail!("no transport {other}"),
        })
    }

    fn host(&self) -> String {
        match &self.transport[..] {
            scheme @ ("ws" | "wss") => format!("{scheme}://localhost:{}/mqtt", self.port),
            _ => "localhost".to_owned(),
        }
    }
}

/// What a client says in CONNECT.
#[derive(Clone)]
pub struct Wanted {
    pub id: String,
    pub clean: bool,
    pub will: Option<(String, u8)>,
    pub user: Option<(&'static str, &'static str)>,
}

impl Wanted {
    pub fn new(id: String) -> Self {
        Self { id, clean: true, will: None, user: None }
    }
}

/// What has happened to a client.
#[derive(Debug)]
pub enum Seen {
    Connected { present: bool },
    Subscribed(String),
    Message { payload: Vec<u8>, qos: u8, retain: bool },
    Acked(String),
    Ended(String),
}

enum Handle {
    V4(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

/// A client, and the task that its event loop runs in.
pub struct Client {
    handle: Handle,
    seen: UnboundedReceiver<Seen>,
    task: JoinHandle<()>,
    pub present: bool,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Begins to connect.
    pub fn begin(place: &Place, wanted: Wanted) -> Self {
        let (tell, seen) = unbounded_channel();
        let (handle, task) =
            if place.is_v5 { begin5(place, wanted, tell) } else { begin4(place, wanted, tell) };
        Self { handle, seen, task, present: false }
    }

    /// Connects as somebody new.
    pub async fn open(place: &Place) -> Result<Self> {
        Self::connected(place, Wanted::new(super::name())).await
    }

    /// Connects.
    pub async fn connected(place: &Place, wanted: Wanted) -> Result<Self> {
        let mut this = Self::begin(place, wanted);
        let connected = |seen| if let Seen::Connected { present } = seen { Some(present) } else { None };
        this.present = this.next(connected).await.context("CONNACK")?;
        Ok(this)
    }

    /// The next event of a kind; those before it are passed over. That the client has ended is an error.
    pub async fn next<T>(&mut self, kind: impl Fn(Seen) -> Option<T>) -> Result<T> {
        let wait = async {
            loop {
                match self.seen.recv().await.context("its task has ended")? {
                    Seen::Ended(why) => bail!("it has ended: {why}"),
                    seen => {
                        if let Some(found) = kind(seen) {
                            return Ok(found);
                        }
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.context("it did not come in time")?
    }

    /// Why the client has ended.
    pub async fn ended(&mut self) -> Result<String> {
        let wait = async {
            loop {
                if let Seen::Ended(why) = self.seen.recv().await.context("its task has ended")? {
                    return Ok(why);
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.context("it did not end in time")?
    }

    /// Subscribes. What SUBACK says.
    pub async fn subscribe(&mut self, topic: &str, qos: u8) -> Result<String> {
        match &self.handle {
            Handle::V4(client) => client.subscribe(topic, qos4(qos)).await?,
            Handle::V5(client) => client.subscribe(topic, qos5(qos)).await?,
        }
        self.next(|seen| if let Seen::Subscribed(code) = seen { Some(code) } else { None })
            .await
            .context("SUBACK")
    }

    pub async fn begin_publish(&mut self, topic: &str, payload: &[u8], qos: u8, retain: bool) -> Result<()> {
        match &self.handle {
            Handle::V4(client) => client.publish(topic, qos4(qos), retain, payload).await?,
            Handle::V5(client) => client.publish(topic, qos5(qos), retain, payload.to_vec()).await?,
        }
        Ok(())
    }

    /// Publishes, and waits for the acknowledgement, if there is one.
    pub async fn publish(&mut self, topic: &str, payload: &[u8], qos: u8, retain: bool) -> Result<()> {
        self.begin_publish(topic, payload, qos, retain).await?;
        if qos > 0 {
            self.next(|seen| if let Seen::Acked(_) = seen { Some(()) } else { None })
                .await
                .context("acknowledgement")?;
        }
        Ok(())
    }

    /// The next message is that one.
    pub async fn expect(&mut self, payload: &[u8], qos: u8, retain: bool) -> Result<()> {
        let message = |seen| {
            if let Seen::Message { payload, qos, retain } = seen {
                Some((payload, qos, retain))
            } else {
                None
            }
        };
        let got = self.next(message).await.context("message")?;
        ensure!(
            got == (payload.to_vec(), qos, retain),
            "another message: {} bytes at QoS {}, RETAIN {}",
            got.0.len(),
            got.1,
            got.2
        );
        Ok(())
    }

    /// Ends with DISCONNECT.
    pub async fn end(mut self) -> Result<()> {
        match &self.handle {
            Handle::V4(client) => client.disconnect().await?,
            Handle::V5(client) => client.disconnect().await?,
        }
        self.ended().await.map(drop)
    }

    /// Ends without DISCONNECT.
    pub async fn cut(mut self) {
        self.task.abort();
        // The socket is closed when the task is gone.
        let _ = (&mut self.task).await;
    }
}

fn qos4(qos: u8) -> rumqttc::QoS {
    rumqttc::qos(qos).unwrap_or(rumqttc::QoS::AtMostOnce)
}

fn qos5(qos: u8) -> bytes5::QoS {
    bytes5::qos(qos).unwrap_or(bytes5::QoS::AtMostOnce)
}

fn begin4(place: &Place, wanted: Wanted, tell: UnboundedSender<Seen>) -> (Handle, JoinHandle<()>) {
    let mut options = rumqttc::MqttOptions::new(wanted.id, place.host(), place.port);
    options.set_clean_session(wanted.clean).set_max_packet_size(LONGEST, LONGEST);
    if let Ok(transport) = place.transport() {
        options.set_transport(transport);
    }
    if let Some((topic, qos)) = wanted.will {
        options.set_last_will(rumqttc::LastWill::new(topic, WILL, qos4(qos), false));
    }
    if let Some((user, password)) = wanted.user {
        options.set_credentials(user, password);
    }
    let (client, mut events) = rumqttc::AsyncClient::new(options, 100);
    let task = tokio::spawn(async move {
        use rumqttc::{Event, Outgoing, Packet};
        loop {
            let seen = match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(ack))) => Seen::Connected { present: ack.session_present },
                Ok(Event::Incoming(Packet::SubAck(ack))) => {
                    Seen::Subscribed(format!("{:?}", ack.return_codes))
                }
                Ok(Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_))) => Seen::Acked(String::new()),
                Ok(Event::Incoming(Packet::Publish(publish))) => Seen::Message {
                    payload: publish.payload.to_vec(),
                    qos: publish.qos as u8,
                    retain: publish.retain,
                },
                Ok(Event::Outgoing(Outgoing::Disconnect)) => Seen::Ended("DISCONNECT".to_owned()),
                Ok(_) => continue,
                Err(error) => Seen::Ended(error.to_string()),
            };
            let ended = matches!(seen, Seen::Ended(_));
            if tell.send(seen).is_err() || ended {
                return;
            }
        }
    });
    (Handle::V4(client), task)
}

fn begin5(place: &Place, wanted: Wanted, tell: UnboundedSender<Seen>) -> (Handle, JoinHandle<()>) {
    use bytes5::v5::{LastWill, Packet};
    let mut options = v5::MqttOptions::new(wanted.id, place.host(), place.port);
    options.set_clean_start(wanted.clean).set_max_packet_size(u32::try_from(LONGEST).ok());
    options.set_session_expiry_interval(Some(if wanted.clean { 0 } else { 100 }));
    if let Ok(transport) = place.transport() {
        options.set_transport(transport);
    }
    if let Some((topic, qos)) = wanted.will {
        options.set_last_will(LastWill::new(topic, WILL, qos5(qos), false, None));
    }
    if let Some((user, password)) = wanted.user {
        options.set_credentials(user, password);
    }
    let (client, mut events) = v5::AsyncClient::new(options, 100);
    let task = tokio::spawn(async move {
        loop {
            let seen = match events.poll().await {
                Ok(v5::Event::Incoming(Packet::ConnAck(ack))) => {
                    Seen::Connected { present: ack.session_present }
                }
                Ok(v5::Event::Incoming(Packet::SubAck(ack))) => {
                    Seen::Subscribed(format!("{:?}", ack.return_codes))
                }
                Ok(v5::Event::Incoming(Packet::PubAck(ack))) => Seen::Acked(format!("{:?}", ack.reason)),
                Ok(v5::Event::Incoming(Packet::PubComp(ack))) => Seen::Acked(format!("{:?}", ack.reason)),
                Ok(v5::Event::Incoming(Packet::Publish(publish))) => Seen::Message {
                    payload: publish.payload.to_vec(),
                    qos: publish.qos as u8,
                    retain: publish.retain,
                },
                Ok(v5::Event::Outgoing(rumqttc::Outgoing::Disconnect)) => {
                    Seen::Ended("DISCONNECT".to_owned())
                }
                Ok(_) => continue,
                Err(error) => Seen::Ended(error.to_string()),
            };
            let ended = matches!(seen, Seen::Ended(_));
            if tell.send(seen).is_err() || ended {
                return;
            }
        }
    });
    (Handle::V5(client), task)
}
