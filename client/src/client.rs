//! The handles of a client.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use mqtt_wire::topic::TopicFilterBuf;
use mqtt_wire::{PropertiesBuf, ReasonCode, SubscriptionOptions, Version};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::{Error, PublishError, SubscribeError};
use crate::message::{Delivery, Message, MessageBuf};
use crate::options::Options;
use crate::task::{self, Request};

/// How many messages wait between the application and the network, in either direction.
pub(crate) const QUEUE: usize = 256;

/// What a server has said when it accepted the first connection.
///
/// ```
/// use mqtt_wire_client::{Address, Client, Options};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let (client, _messages) = Client::connect(Options::new(address)).await?;
/// // A server without shared subscriptions says so: then each client gets every message.
/// let properties = client.server().properties.as_properties();
/// if properties.shared_subscription_available() == Some(false) {
///     println!("{} works alone", client.server().client_id);
/// }
/// # assert!(!client.server().session_present);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Server {
    /// The version that is spoken.
    pub version: Version,
    /// Whether it had the session.
    pub session_present: bool,
    /// Who the client is: the identifier that it had, or was given.
    pub client_id: String,
    /// The properties of CONNACK (5.0).
    pub properties: PropertiesBuf,
}

/// A client of a server: publishes and subscribes. It can be cloned; all clones are one client.
///
/// One task owns the session and the connection. It ends when [`disconnect`](Self::disconnect) is called, when all clones
/// and the [`Messages`] are dropped and everything was delivered, or with an error: see [`ended`](Self::ended).
///
/// ```
/// use mqtt_wire_client::mqtt_wire::QoS;
/// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let (client, _messages) = Client::connect(Options::new(address)).await?;
/// // Each task has a clone, and waits for its own messages.
/// let tasks = ["dapur", "kamar"].map(|room| {
///     let client = client.clone();
///     tokio::spawn(async move {
///         let message = MessageBuf::new(format!("rumahkami/{room}/suhu"), "21.5")?;
///         let delivery = client.publish(message.with_qos(QoS::AtLeastOnce)).await?;
///         delivery.await?;
///         Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
///     })
/// });
/// for task in tasks {
///     task.await?.map_err(|error| error.to_string())?;
/// }
/// client.disconnect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    publishes: mpsc::Sender<(MessageBuf, oneshot::Sender<Result<ReasonCode, PublishError>>)>,
    requests: mpsc::Sender<Request>,
    goodbye: mpsc::Sender<ReasonCode>,
    end: watch::Receiver<Option<Result<(), Error>>>,
    server: Server,
}

impl Client {
    /// Connects, and returns when the server has accepted: the client, and the messages that come to it.
    ///
    /// ```no_run
    /// use mqtt_wire::QoS;
    /// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let options = Options::new(Address::new("localhost", 1883));
    /// let (client, mut messages) = Client::connect(options).await?;
    /// client.subscribe("rumahkami/+/+/lampu", QoS::AtLeastOnce).await?;
    /// let message = MessageBuf::new("rumahkami/lantaidasar/ruangtamu/lampu", "menyala")?;
    /// client.publish(message.with_qos(QoS::AtLeastOnce)).await?.await?;
    /// while let Some(mut message) = messages.recv().await {
    ///     println!("{:?}", message.payload());
    ///     let _ = message.accept();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the first connection does not come about (unless [`Reconnect::at_start`](crate::Reconnect::at_start) says to
    /// go on), or the options are wrong.
    pub async fn connect(options: Options) -> Result<(Self, Messages), Error> {
        let (publishes, to_publish) = mpsc::channel(QUEUE);
        let (requests, requested) = mpsc::channel(QUEUE);
        let (goodbye, goodbyes) = mpsc::channel(1);
        let (incoming, messages) = mpsc::channel(QUEUE);
        let (ending, end) = watch::channel(None);
        let (opened, open) = oneshot::channel();
        let channels = task::Channels { publishes: to_publish, requests: requested, goodbyes, incoming };
        let (task, session) = task::Task::new(options, channels, opened)?;
        tokio::spawn(async move {
            let ended = task.run(session).await;
            // Those who ask later find it in the channel.
            let _ = ending.send(Some(ended));
        });
        let server = open.await.map_err(|_| Error::Ended)??;
        let messages = Messages { messages, end: end.clone() };
        Ok((Self { publishes, requests, goodbye, end, server }, messages))
    }

    /// What the server said when it accepted the first connection.
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// Publishes a message. This waits while many messages wait already; the result resolves when the server has
    /// acknowledged the message. A message is sent again over new connections until then.
    ///
    /// ```
    /// use mqtt_wire_client::mqtt_wire::QoS;
    /// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, _messages) = Client::connect(Options::new(address)).await?;
    ///
    /// // Nobody misses a reading: it is handed over, and what becomes of it is not waited for.
    /// let reading = MessageBuf::new("rumahkami/dapur/suhu", "21.5")?;
    /// let _ = client.publish(reading).await?;
    /// // What the user has asked for is done when the server has it.
    /// let command = MessageBuf::new("rumahkami/dapur/lampu/set", "off")?;
    /// client.publish(command.with_qos(QoS::AtLeastOnce)).await?.await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PublishError::Ended`] when the client has ended.
    pub async fn publish(&self, message: MessageBuf) -> Result<Delivery, PublishError> {
        let (done, delivery) = oneshot::channel();
        self.publishes.send((message, done)).await.map_err(|_| PublishError::Ended)?;
        Ok(Delivery(delivery))
    }

    /// Subscribes to one topic filter: the granted QoS, or the code by which the server refuses.
    ///
    /// ```
    /// use mqtt_wire_client::mqtt_wire::{QoS, ReasonCode};
    /// use mqtt_wire_client::{Address, Client, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, _messages) = Client::connect(Options::new(address)).await?;
    ///
    /// // A server may grant less than was asked for, and refuses by a code as well.
    /// let granted = client.subscribe("rumahkami/+/lampu", QoS::ExactlyOnce).await?;
    /// if granted.is_error() {
    ///     return Err(format!("the lamps are not for us: {granted}").into());
    /// }
    /// assert_eq!(granted, ReasonCode::GRANTED_QOS_2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the filter is none ([`SubscribeError::NoFilter`]), or the subscription cannot be asked for.
    pub async fn subscribe(
        &self,
        filter: impl Into<String>,
        qos: mqtt_wire::QoS,
    ) -> Result<ReasonCode, SubscribeError> {
        let filter = TopicFilterBuf::new(filter).map_err(|_| SubscribeError::NoFilter)?;
        let options = SubscriptionOptions { maximum_qos: qos, ..SubscriptionOptions::default() };
        let codes = self.subscribe_all(vec![(filter, options)], PropertiesBuf::new()).await?;
        codes.first().copied().ok_or(SubscribeError::Ended)
    }

    /// Subscribes to topic filters: a reason code for each of them. Subscriptions that the server has granted are made
    /// again when it has forgotten the session.
    ///
    /// ```
    /// use mqtt_wire_client::mqtt_wire::topic::TopicFilterBuf;
    /// use mqtt_wire_client::mqtt_wire::{PropertiesBuf, QoS, RetainHandling, SubscriptionOptions};
    /// use mqtt_wire_client::{Address, Client, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, _messages) = Client::connect(Options::new(address)).await?;
    /// // What is published from here on, but not what was retained before.
    /// let options = SubscriptionOptions {
    ///     maximum_qos: QoS::AtLeastOnce,
    ///     retain_handling: RetainHandling::DoNotSend,
    ///     ..SubscriptionOptions::default()
    /// };
    /// let filters = ["rumahkami/+/suhu", "rumahkami/+/lampu"];
    /// let filters = filters.map(|filter| Ok((TopicFilterBuf::new(filter)?, options)));
    /// let filters = filters.into_iter().collect::<Result<Vec<_>, Box<dyn std::error::Error>>>()?;
    /// let codes = client.subscribe_all(filters, PropertiesBuf::new()).await?;
    /// assert!(codes.iter().all(|code| !code.is_error())); // one each
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the subscriptions cannot be asked for; that the server refuses them is among the codes.
    pub async fn subscribe_all(
        &self,
        filters: Vec<(TopicFilterBuf, SubscriptionOptions)>,
        properties: PropertiesBuf,
    ) -> Result<Vec<ReasonCode>, SubscribeError> {
        if filters.is_empty() {
            return Err(SubscribeError::NoFilter);
        }
        let (done, codes) = oneshot::channel();
        self.ask(Request::Subscribe { filters, properties, done: Some(done) }, codes).await
    }

    /// Ends subscriptions: a reason code for each (in 3.x the server sends none, and they are successes).
    ///
    /// ```
    /// use mqtt_wire_client::mqtt_wire::topic::TopicFilterBuf;
    /// use mqtt_wire_client::mqtt_wire::{PropertiesBuf, QoS};
    /// use mqtt_wire_client::{Address, Client, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, _messages) = Client::connect(Options::new(address)).await?;
    ///
    /// client.subscribe("rumahkami/+/suhu", QoS::AtMostOnce).await?;
    /// // The page with the temperatures is closed. What is on its way may still come.
    /// let filters = vec![TopicFilterBuf::new("rumahkami/+/suhu")?];
    /// let codes = client.unsubscribe(filters, PropertiesBuf::new()).await?;
    /// assert!(!codes[0].is_error());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`subscribe_all`](Self::subscribe_all).
    pub async fn unsubscribe(
        &self,
        filters: Vec<TopicFilterBuf>,
        properties: PropertiesBuf,
    ) -> Result<Vec<ReasonCode>, SubscribeError> {
        if filters.is_empty() {
            return Err(SubscribeError::NoFilter);
        }
        let (done, codes) = oneshot::channel();
        self.ask(Request::Unsubscribe { filters, properties, done }, codes).await
    }

    async fn ask<T>(
        &self,
        request: Request,
        answer: oneshot::Receiver<Result<T, SubscribeError>>,
    ) -> Result<T, SubscribeError> {
        self.requests.send(request).await.map_err(|_| SubscribeError::Ended)?;
        answer.await.unwrap_or(Err(SubscribeError::Ended))
    }

    /// Returns when everything that was published is acknowledged, also what was in the file of the session.
    ///
    /// ```
    /// use mqtt_wire_client::mqtt_wire::QoS;
    /// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, _messages) = Client::connect(Options::new(address)).await?;
    /// for line in ["20.9", "21.0", "21.2"] {
    ///     let message = MessageBuf::new("rumahkami/dapur/suhu", line)?.with_qos(QoS::AtLeastOnce);
    ///     // Not waited for one by one: they are all under way together.
    ///     let _ = client.publish(message).await?;
    /// }
    /// client.settled().await?;
    /// client.disconnect().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the client ends before.
    pub async fn settled(&self) -> Result<(), Error> {
        let (done, settled) = oneshot::channel();
        if self.requests.send(Request::Settled(done)).await.is_ok() && settled.await.is_ok() {
            return Ok(());
        }
        match self.ended().await {
            Ok(()) => Err(Error::Ended),
            ended => ended,
        }
    }

    /// Says goodbye, and returns when the connection is closed. What was published before goes out before, as far as the
    /// server has room for it. What is not acknowledged stays in the session: see [`SessionStart`](crate::SessionStart).
    ///
    /// ```
    /// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, messages) = Client::connect(Options::new(address)).await?;
    /// let _ = client.publish(MessageBuf::new("rumahkami/dapur/suhu", "21.5")?).await?;
    ///
    /// // The reading goes out first. The server drops the will, as it does not for a lost connection.
    /// client.disconnect().await?;
    /// messages.ended().await?; // all others see the same
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// That by which the client has ended before, or the connection had been lost.
    pub async fn disconnect(&self) -> Result<(), Error> {
        self.disconnect_with(ReasonCode::SUCCESS).await
    }

    /// Says goodbye with this reason code (5.0): [`ReasonCode::DISCONNECT_WITH_WILL_MESSAGE`] has the server publish the
    /// will.
    ///
    /// ```
    /// use mqtt_wire_client::mqtt_wire::ReasonCode;
    /// use mqtt_wire_client::{Address, Client, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, _messages) = Client::connect(Options::new(address)).await?;
    ///
    /// // A lamp whose battery ends knows it, and has its will tell the others.
    /// client.disconnect_with(ReasonCode::DISCONNECT_WITH_WILL_MESSAGE).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`disconnect`](Self::disconnect).
    pub async fn disconnect_with(&self, code: ReasonCode) -> Result<(), Error> {
        // Whether it has ended already, or ends now: how it did comes next.
        let _ = self.goodbye.send(code).await;
        self.ended().await
    }

    /// Returns when the client has ended.
    ///
    /// ```
    /// use mqtt_wire_client::{Address, Client, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, _messages) = Client::connect(Options::new(address)).await?;
    ///
    /// // A task that sees to it that an end is noticed, whoever publishes or not.
    /// let watched = client.clone();
    /// let watcher = tokio::spawn(async move {
    ///     match watched.ended().await {
    ///         Ok(()) => println!("goodbye"),
    ///         Err(error) => eprintln!("no connection any more: {error}"),
    ///     }
    /// });
    /// client.disconnect().await?;
    /// watcher.await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The reason, if it was not a goodbye.
    pub async fn ended(&self) -> Result<(), Error> {
        ended(self.end.clone()).await
    }
}

async fn ended(mut end: watch::Receiver<Option<Result<(), Error>>>) -> Result<(), Error> {
    match end.wait_for(Option::is_some).await {
        Ok(end) => end.clone().unwrap_or(Err(Error::Ended)),
        Err(_) => Err(Error::Ended),
    }
}

/// The messages that come to a client, in order. A slow reader slows the server down; no message is dropped.
///
/// ```
/// use mqtt_wire_client::mqtt_wire::QoS;
/// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let (client, mut messages) = Client::connect(Options::new(address)).await?;
/// client.subscribe("rumahkami/#", QoS::AtMostOnce).await?;
/// # client.publish(MessageBuf::new("rumahkami/dapur/lampu", "menyala")?).await?.await?;
/// # client.publish(MessageBuf::new("rumahkami/selesai", "")?).await?.await?;
/// while let Some(message) = messages.recv().await {
///     println!("{}: {}", message.topic(), String::from_utf8_lossy(message.payload()));
///     if message.topic().as_str() == "rumahkami/selesai" {
///         client.disconnect().await?;
///     }
/// }
/// // The loop ends with the client: why is told here.
/// messages.ended().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Messages {
    messages: mpsc::Receiver<Message>,
    end: watch::Receiver<Option<Result<(), Error>>>,
}

impl Messages {
    /// The next message; `None` when the client has ended. This can be given up and called again.
    ///
    /// ```
    /// use mqtt_wire_client::{Address, Client, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, mut messages) = Client::connect(Options::new(address)).await?;
    /// let mut seconds = tokio::time::interval(std::time::Duration::from_secs(1));
    /// # let mut seconds_left = 1;
    /// loop {
    ///     tokio::select! {
    ///         // Given up when a second is over: no message is lost by that.
    ///         message = messages.recv() => match message {
    ///             Some(message) => println!("{}", message.topic()),
    ///             None => break,
    ///         },
    ///         _ = seconds.tick() => { /* measure */ }
    ///     }
    ///     # seconds_left -= 1;
    ///     # if seconds_left == 0 { client.disconnect().await? }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Option<Message> {
        self.messages.recv().await
    }

    /// The next message, if it is there already.
    ///
    /// ```
    /// use mqtt_wire_client::mqtt_wire::QoS;
    /// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, mut messages) = Client::connect(Options::new(address)).await?;
    ///
    /// client.subscribe("rumahkami/dapur/suhu", QoS::AtMostOnce).await?;
    /// # for celsius in ["21.4", "21.5"] {
    /// #     client.publish(MessageBuf::new("rumahkami/dapur/suhu", celsius)?).await?.await?;
    /// # }
    /// // A display shows the latest of the readings that have come meanwhile.
    /// let mut latest = messages.recv().await;
    /// while let Some(message) = messages.try_recv() {
    ///     latest = Some(message);
    /// }
    /// println!("{:?}", latest.map(|message| message.payload_bytes()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_recv(&mut self) -> Option<Message> {
        self.messages.try_recv().ok()
    }

    /// How the client has ended, once it has.
    ///
    /// # Errors
    /// The reason, if it was not a goodbye.
    pub async fn ended(&self) -> Result<(), Error> {
        ended(self.end.clone()).await
    }
}

impl Stream for Messages {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        self.messages.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::options::Address;

    /// A request that another thread is just sending when the client ends.
    #[tokio::test]
    async fn nobody_waits_for_an_answer_of_a_client_that_has_ended() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut options = Options::new(Address::new("127.0.0.1", listener.local_addr().unwrap().port()));
        options.reconnect = None;
        let server = async {
            let mut stream = listener.accept().await.unwrap().0;
            let _ = stream.read(&mut [0; 100]).await.unwrap();
            stream.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap();
            stream
        };
        let (connected, stream) = tokio::join!(Client::connect(options), server);
        let (client, _messages) = connected.unwrap();

        // `send` has a permit first, too.
        let permit = client.requests.reserve().await.unwrap();
        drop(stream);
        client.requests.closed().await;
        let (done, settled) = oneshot::channel();
        permit.send(Request::Settled(done));
        let settled = tokio::time::timeout(Duration::from_secs(10), settled).await;
        assert!(settled.unwrap().is_err(), "it was not settled");
    }
}
