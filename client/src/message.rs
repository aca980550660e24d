//! Messages, as they come and as they go.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use mqtt_session::{Receipt, Stale};
use mqtt_wire::topic::TopicNameBuf;
use mqtt_wire::{
    Properties, PropertiesBuf, PropertyId, PublishFrame, QoS, ReasonCode, TopicError, TopicName,
};
use tokio::sync::{mpsc, oneshot};

use crate::error::PublishError;

/// A message to be published.
///
/// ```
/// use mqtt_wire_client::MessageBuf;
/// use mqtt_wire_client::mqtt_wire::{Property, QoS};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The last word on the lamp, for whoever comes later as well.
/// let message = MessageBuf::new("rumahkami/dapur/lampu", "menyala")?;
/// let mut message = MessageBuf { retain: true, ..message.with_qos(QoS::AtLeastOnce) };
/// message.properties.push(Property::MessageExpiryInterval(3600))?;
///
/// // What cannot be published to is found here, not by the server.
/// let error = MessageBuf::new("rumahkami/+/lampu", "menyala").unwrap_err();
/// assert_eq!(error.offset(), 10);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageBuf {
    /// Where to.
    pub topic: TopicNameBuf,
    /// The message.
    pub payload: Bytes,
    /// At which QoS.
    pub qos: QoS,
    /// To be kept for later subscribers.
    pub retain: bool,
    /// Properties (5.0), without a Topic Alias: the client chooses that.
    pub properties: PropertiesBuf,
}

impl MessageBuf {
    /// A message at QoS 0, not retained, without properties.
    ///
    /// # Errors
    /// When the topic is none that can be published to.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Result<Self, TopicError> {
        Ok(Self {
            topic: TopicNameBuf::new(topic)?,
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: PropertiesBuf::new(),
        })
    }

    /// The same at another QoS.
    #[must_use]
    pub fn with_qos(self, qos: QoS) -> Self {
        Self { qos, ..self }
    }

    /// The message as a packet, at QoS 0.
    pub(crate) fn as_publish(&self) -> mqtt_wire::Publish<'_> {
        mqtt_wire::Publish {
            retain: self.retain,
            properties: self.properties.as_properties(),
            ..mqtt_wire::Publish::new(self.topic.as_name(), &self.payload)
        }
    }
}

/// What an application says of a message.
pub(crate) struct Answer {
    pub(crate) receipt: Receipt,
    pub(crate) code: ReasonCode,
    pub(crate) done: oneshot::Sender<Result<(), Stale>>,
}

/// A message that has come.
///
/// One of QoS 1 or 2 is acknowledged when it is [accepted](Self::accept), and not before: an application says so when it
/// has done with it what must not be lost. One that is dropped without that comes again on the next connection.
///
/// ```
/// use mqtt_wire_client::mqtt_wire::{QoS, ReasonCode};
/// use mqtt_wire_client::{Address, Client, Message, MessageBuf, Options};
///
/// /// What must not be lost is stored first, and acknowledged then.
/// async fn store(message: &Message, table: &mut Vec<(String, f32)>) -> Result<(), ReasonCode> {
///     let invalid = ReasonCode::PAYLOAD_FORMAT_INVALID;
///     let text = std::str::from_utf8(message.payload()).map_err(|_| invalid)?;
///     table.push((message.topic().to_string(), text.parse().map_err(|_| invalid)?));
///     Ok(())
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut table = Vec::new();
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let (client, mut messages) = Client::connect(Options::new(address)).await?;
/// client.subscribe("rumahkami/+/suhu", QoS::AtLeastOnce).await?;
/// # let message = MessageBuf::new("rumahkami/dapur/suhu", "21.5")?.with_qos(QoS::AtLeastOnce);
/// # let _ = client.publish(message).await?;
/// # let message = MessageBuf::new("rumahkami/dapur/suhu", "hangat")?.with_qos(QoS::AtLeastOnce);
/// # let _ = client.publish(message).await?;
/// while let Some(mut message) = messages.recv().await {
///     let answer = match store(&message, &mut table).await {
///         Ok(()) => message.accept(),
///         Err(code) => message.refuse(code), // it does not come again
///     };
///     answer.await?;
/// #   if message.payload() == b"hangat" { break }
/// }
/// # assert_eq!(table, [("rumahkami/dapur/suhu".to_owned(), 21.5)]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a message of QoS 1 or 2 has to be accepted"]
pub struct Message {
    pub(crate) frame: PublishFrame,
    /// The topic, where an alias stands for it in the frame.
    pub(crate) topic: Option<TopicNameBuf>,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) answers: mpsc::UnboundedSender<Answer>,
}

impl Message {
    /// Where it was published.
    pub fn topic(&self) -> TopicName<'_> {
        match (&self.topic, self.frame.publish().topic) {
            (Some(topic), _) => topic.as_name(),
            (None, Some(topic)) => topic,
            // The link gives a topic with every message.
            (None, None) => mqtt_wire::topic_name!("?"),
        }
    }

    /// The message itself.
    pub fn payload(&self) -> &[u8] {
        self.frame.publish().payload
    }

    /// The message itself, which is not copied.
    pub fn payload_bytes(&self) -> Bytes {
        self.frame.payload()
    }

    /// The QoS at which it has come.
    pub fn qos(&self) -> QoS {
        self.frame.publish().delivery.qos()
    }

    /// Its Packet Identifier; none at QoS 0.
    pub fn packet_id(&self) -> Option<u16> {
        self.frame.publish().delivery.packet_id().map(mqtt_wire::PacketId::get)
    }

    /// It was kept for later subscribers (or, with Retain As Published, published so).
    pub fn retain(&self) -> bool {
        self.frame.publish().retain
    }

    /// It may have been sent before.
    pub fn dup(&self) -> bool {
        self.frame.publish().dup
    }

    /// Its properties (5.0).
    ///
    /// ```
    /// use mqtt_wire_client::mqtt_wire::{Property, QoS};
    /// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, mut messages) = Client::connect(Options::new(address)).await?;
    ///
    /// client.subscribe("tanya", QoS::AtMostOnce).await?;
    /// # let mut question = MessageBuf::new("tanya", "jam berapa?")?;
    /// # question.properties.push(Property::ResponseTopic(mqtt_wire_client::mqtt_wire::topic_name!("jawab")))?;
    /// # question.properties.push(Property::CorrelationData(b"7"))?;
    /// # client.publish(question).await?.await?;
    /// // A request says where the response is wanted, and by which data it is known again.
    /// let request = messages.recv().await.expect("it is connected");
    /// if let Some(topic) = request.properties().response_topic() {
    ///     let mut response = MessageBuf::new(topic.as_str(), "07.30")?;
    ///     if let Some(data) = request.properties().correlation_data() {
    ///         response.properties.push(Property::CorrelationData(data))?;
    ///     }
    ///     client.publish(response).await?.await?;
    /// }
    /// # assert!(request.properties().response_topic().is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn properties(&self) -> Properties<'_> {
        self.frame.publish().properties
    }

    /// The message as it can be published elsewhere: with the properties that are the message's own, not those of this
    /// connection (Topic Alias, Subscription Identifier).
    ///
    /// ```
    /// use mqtt_wire_client::mqtt_wire::QoS;
    /// use mqtt_wire_client::mqtt_wire::topic::TopicNameBuf;
    /// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, mut messages) = Client::connect(Options::new(address)).await?;
    /// client.subscribe("rumahkami/#", QoS::AtMostOnce).await?;
    /// # client.publish(MessageBuf::new("rumahkami/lampu", "menyala")?).await?.await?;
    /// // A bridge: the same message under another name.
    /// let message = messages.recv().await.expect("it is connected");
    /// let topic = TopicNameBuf::new(format!("desa/{}", message.topic()))?;
    /// let moved = MessageBuf { topic, ..message.to_buf() };
    /// client.publish(moved).await?.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_buf(&self) -> MessageBuf {
        let mut properties = self.properties().to_buf().unwrap_or_default();
        properties.remove(PropertyId::TopicAlias | PropertyId::SubscriptionIdentifier);
        MessageBuf {
            topic: self.topic().into(),
            payload: self.payload_bytes(),
            qos: self.qos(),
            retain: self.retain(),
            properties,
        }
    }

    /// Says that the application has the message: its sender is told. At QoS 0 nothing happens.
    ///
    /// The receipt goes out whether the result is waited for or not. The result is [`Stale`] if the connection has ended
    /// before: the message comes again, and at QoS 2 the application has to forget what it has made of this one.
    pub fn accept(&mut self) -> Accepted {
        self.answer(ReasonCode::SUCCESS)
    }

    /// Refuses the message with a reason code of PUBACK and PUBREC (0x80 and more): it does not come again. In 3.x the
    /// sender cannot be told that it was refused.
    ///
    /// ```
    /// use mqtt_wire_client::mqtt_wire::{QoS, ReasonCode};
    /// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = Address::new("localhost", 1883);
    /// # let address = server().await?;
    /// let (client, mut messages) = Client::connect(Options::new(address)).await?;
    /// client.subscribe("pintu/buka", QoS::AtLeastOnce).await?;
    /// # let message = MessageBuf::new("pintu/buka", "tidak")?.with_qos(QoS::AtLeastOnce);
    /// # let _ = client.publish(message).await?;
    /// let mut command = messages.recv().await.expect("it is connected");
    /// let _ = match command.payload() {
    ///     b"ya" => command.accept(),
    ///     // Nothing to be done with it, now or when it comes again.
    ///     _ => command.refuse(ReasonCode::PAYLOAD_FORMAT_INVALID),
    /// };
    /// # Ok(())
    /// # }
    /// ```
    pub fn refuse(&mut self, code: ReasonCode) -> Accepted {
        self.answer(code)
    }

    fn answer(&mut self, code: ReasonCode) -> Accepted {
        let Some(receipt) = self.receipt.take() else { return Accepted(None) };
        let (done, result) = oneshot::channel();
        // A client that has ended drops it, and the result is `Stale`.
        let _ = self.answers.send(Answer { receipt, code, done });
        Accepted(Some(result))
    }
}

/// Resolves when the link has taken a receipt.
///
/// ```
/// use mqtt_wire_client::mqtt_wire::QoS;
/// use mqtt_wire_client::{Address, Client, MessageBuf, Options, Stale};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let (client, mut messages) = Client::connect(Options::new(address)).await?;
/// client.subscribe("pintu", QoS::AtLeastOnce).await?;
/// # let message = MessageBuf::new("pintu", "bel")?.with_qos(QoS::AtLeastOnce);
/// # let _ = client.publish(message).await?;
/// let mut message = messages.recv().await.expect("it is connected");
/// // For most programs `let _ = message.accept();` is enough. Who counts has to know:
/// let mut rings = 1;
/// if let Err(Stale) = message.accept().await {
///     rings -= 1; // the connection was lost before: the message comes again
/// }
/// # assert_eq!(rings, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Accepted(Option<oneshot::Receiver<Result<(), Stale>>>);

impl Future for Accepted {
    type Output = Result<(), Stale>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            None => Poll::Ready(Ok(())),
            Some(result) => Pin::new(result).poll(context).map(|result| result.unwrap_or(Err(Stale))),
        }
    }
}

/// Resolves when the server has acknowledged a message: with its reason code, which is below 0x80. A message of QoS 0 is
/// done when it was handed to the network.
///
/// ```
/// use mqtt_wire_client::mqtt_wire::{QoS, ReasonCode};
/// use mqtt_wire_client::{Address, Client, MessageBuf, Options};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/server.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::new("localhost", 1883);
/// # let address = server().await?;
/// let (client, _messages) = Client::connect(Options::new(address)).await?;
/// let message = MessageBuf::new("meter", "1017")?.with_qos(QoS::ExactlyOnce);
/// let delivery = client.publish(message).await?;
/// // The message is on its way; this is the place for other work.
/// match delivery.await? {
///     ReasonCode::NO_MATCHING_SUBSCRIBERS => println!("it has arrived, and nobody wants it"),
///     code => println!("it has arrived: {code}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the message is sent either way; this tells whether it has arrived"]
pub struct Delivery(pub(crate) oneshot::Receiver<Result<ReasonCode, PublishError>>);

impl Future for Delivery {
    type Output = Result<ReasonCode, PublishError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|result| result.unwrap_or(Err(PublishError::Ended)))
    }
}
